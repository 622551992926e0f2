//! `gridhouse describe`.

use serde_json::json;

use super::args::Format;
use super::output::Output;
use super::{CommandContext, Ending};
use crate::diagnostic::{Context, Diagnostic, Result, did_you_mean};

pub(super) async fn describe(context: &CommandContext<'_>, name: &str, format: Format) -> Result<Ending> {
    let opened = context.open(None).await?;
    for problem in &opened.problems {
        context.output.problem(problem);
    }
    print(context.output, &opened, name, format).await?;
    Ok(Ending::Done)
}

/// What a table or view holds: description, columns with labels and units, what it reads and what reads it. CSV and
/// Markdown have room for the columns alone.
pub(super) async fn print(output: &Output, opened: &super::Opened, name: &str, format: Format) -> Result<()> {
    let session = &opened.session;
    let names = session.relation_names();
    if !names.iter().any(|n| n == name) {
        let problem = Diagnostic::error(format!("no table or view `{name}`"));
        return Err(match did_you_mean(name, names.iter().map(String::as_str)) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("`gridhouse sql -c '\\d'` lists tables and views"),
        });
    }
    let schema = session.schema(name).await?;
    let view = session.catalog().get(name);
    let contract = opened.contracts.get(name);
    let (kind, label, description) = match (view, contract) {
        (Some(view), _) => (view.layer.name(), view.model.label.clone(), view.model.description.trim().to_owned()),
        (None, Some(contract)) => ("table", contract.label.clone(), contract.description.clone()),
        (None, None) => ("table", String::new(), "the warehouse's own record".to_owned()),
    };
    let rows: Vec<[String; 5]> = schema
        .fields()
        .iter()
        .map(|field| {
            let (label, unit, note) = if let Some(view) = view {
                let column = view.model.columns.iter().find(|c| &c.name == field.name());
                column.map(|c| (c.label.clone(), c.unit.clone(), c.description.clone())).unwrap_or_default()
            } else if let Some(column) = contract.and_then(|c| c.columns.iter().find(|c| &c.name == field.name())) {
                let mut note = column.description.clone();
                if !column.aliases.is_empty() {
                    note = format!("{note} also: {}", column.aliases.join(", ")).trim().to_owned();
                }
                (column.label.clone(), String::new(), note)
            } else {
                match field.name().as_str() {
                    "_batch_id" => ("批次".to_owned(), String::new(), "the batch the row came with".to_owned()),
                    "_line" => ("行号".to_owned(), String::new(), "its line in the delivered file".to_owned()),
                    _ => Default::default(),
                }
            };
            [field.name().clone(), label, type_name(field.data_type()), unit, note]
        })
        .collect();
    let reads = view.map(|v| v.reads.clone()).unwrap_or_default();
    let read_by: Vec<&str> =
        session.catalog().iter().filter(|v| v.reads.iter().any(|r| r == name)).map(|v| v.name.as_str()).collect();
    let reports: Vec<String> = crate::report::load(&opened.project.report_templates())
        .0
        .iter()
        .filter(|r| r.views().contains(&name))
        .map(|r| r.name.clone())
        .collect();
    if matches!(format, Format::Csv | Format::Markdown) {
        let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|cell| json!(cell)).collect()).collect();
        return output.records(format, &["name", "label", "type", "unit", "description"], &rows);
    }
    if format == Format::Json {
        let columns: Vec<_> = rows
            .iter()
            .map(|[n, l, t, u, d]| json!({"name": n, "label": l, "type": t, "unit": u, "description": d}))
            .collect();
        let value = json!({
            "name": name, "kind": kind, "label": label, "description": description, "columns": columns,
            "reads": reads, "read_by": read_by, "reports": reports,
        });
        return output.data(serde_json::to_string_pretty(&value).doing("printing JSON")?);
    }
    let mut text = format!("{name}  {label}  ({kind})\n");
    if !description.is_empty() {
        text.push_str(&format!("{description}\n"));
    }
    let width =
        |at: usize| rows.iter().map(|r| unicode_width::UnicodeWidthStr::width(r[at].as_str())).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    text.push('\n');
    for row in &rows {
        let mut line = String::from("  ");
        for at in 0..4 {
            let pad = widths[at] - unicode_width::UnicodeWidthStr::width(row[at].as_str());
            line.push_str(&format!("{}{}  ", row[at], " ".repeat(pad)));
        }
        text.push_str(format!("{line}{}", row[4]).trim_end());
        text.push('\n');
    }
    let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let read_by: Vec<String> = read_by.into_iter().map(str::to_owned).collect();
    text.push_str(&format!("\nreads    {}\nread by  {}\nreports  {}", list(&reads), list(&read_by), list(&reports)));
    output.data(text)
}

fn type_name(kind: &arrow::datatypes::DataType) -> String {
    use arrow::datatypes::DataType;
    match kind {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "text".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Float64 => "number".to_owned(),
        kind if kind.is_integer() => "integer".to_owned(),
        other => other.to_string(),
    }
}
