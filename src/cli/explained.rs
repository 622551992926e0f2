//! An explanation of a figure as it is printed, for a terminal or as JSON.

use serde_json::json;

use super::args::Format;
use super::explain::Question;
use super::output::Output;
use super::{CommandContext, Ending};
use crate::diagnostic::{Context, Place, Result};
use crate::explain::{Answer, Rows};
use crate::query::lineage::{Condition, ConditionKind, Drill, Figure, Made};
use crate::report::{Recomposed, Source, Spot};

/// Columns of a row that a terminal has room for, beside those that say where it came from.
const COLUMNS_MAX: usize = 6;

/// What stands above an explanation of a file's cell.
pub(super) struct Head<'a> {
    /// In the report laid out again.
    pub(super) spot: &'a Spot,
    /// As the file shows it, where that is known.
    pub(super) shown: Option<String>,
    /// What may make today's report show something else.
    pub(super) differing: &'a [String],
}

impl Head<'_> {
    /// What the file shows, if that is known, and what today's report does where that is or may be something else.
    fn shown(&self) -> (Option<&str>, Option<String>) {
        let again = self.spot.shown.as_str();
        match self.shown.as_deref() {
            Some(shown) if shown == again => (Some(shown), None),
            shown => (shown, Some(format!("{again}: {}", self.differing.join("; ")))),
        }
    }
}

/// The address with what the file and today's report show there.
fn above(spot: &Spot, shown: Option<&str>, today: Option<&str>) -> String {
    let header = spot.header.join("/");
    let words = [&spot.address, shown.unwrap_or_default(), &header];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let mut text = words.join("  ");
    if shown.is_none() {
        text.push_str("\n  file       what it shows there cannot be told; look it up in the file");
    }
    text + &today.map_or_else(String::new, |today| format!("\n  today      {today}"))
}

/// A cell that no view's column stands in.
pub(super) fn said(context: &CommandContext<'_>, asked: &Question<'_>, head: &Head<'_>) -> Result<Ending> {
    let (spot, (shown, today)) = (head.spot, head.shown());
    let what = match &spot.source {
        Source::View { .. } | Source::Sum { .. } => "a figure".to_owned(),
        Source::Count { view, rows } => {
            let told: Vec<String> = rows.iter().map(|words| words.join(" ")).filter(|row| !row.is_empty()).collect();
            let told = if told.is_empty() { String::new() } else { format!(": {}", told.join("; ")) };
            format!("a count of {} rows of view {view} that the text speaks of{told}", rows.len())
        }
        Source::Form { how } => format!("computed by the form: {how}"),
        Source::RowNumber => "a number that counts the rows of the file".to_owned(),
        Source::Words => "a text of the form, no figure".to_owned(),
        Source::Suppressed => "a figure that this file keeps from being shown".to_owned(),
        Source::Blank => "empty, no figure".to_owned(),
    };
    if asked.format == Format::Json {
        let value =
            json!({"cell": spot.address, "shown": shown, "today": today, "header": spot.header, "source": what});
        context.output.data(serde_json::to_string_pretty(&value).doing("printing JSON")?)?;
    } else {
        context.output.data(format!("{}\n  {what}", above(spot, shown, today.as_deref())))?;
    }
    Ok(Ending::Done)
}

/// What can be asked of a file: the columns of each sheet with figures in them.
pub(super) fn list(context: &CommandContext<'_>, asked: &Question<'_>, file: &Recomposed) -> Result<Ending> {
    if file.is_text() {
        return list_text(context, asked, file);
    }
    let mut columns: Vec<(String, String, String, Vec<Spot>)> = Vec::new();
    for spot in file.spots(1) {
        let made = match &spot.source {
            Source::View { view, column, .. } => format!("{view}.{column}"),
            Source::Sum { view, parts } => {
                format!("sum of {view}.{}", parts.first().map(|part| part.column.as_str()).unwrap_or_default())
            }
            _ => continue,
        };
        let (tab, cell) = spot.address.rsplit_once('!').unwrap_or(("", &spot.address));
        let letters: String = cell.chars().take_while(char::is_ascii_alphabetic).collect();
        let is_same =
            |known: &(String, String, String, Vec<Spot>)| known.0 == tab && known.1 == letters && known.2 == made;
        match columns.iter_mut().find(|known| is_same(known)) {
            Some((.., spots)) => spots.push(spot),
            None => columns.push((tab.to_owned(), letters, made, vec![spot])),
        }
    }
    let rows: Vec<Vec<serde_json::Value>> = columns
        .iter()
        .map(|(tab, _, made, spots)| {
            let cell =
                |spot: Option<&Spot>| spot.map(|spot| spot.address.rsplit('!').next().unwrap_or_default().to_owned());
            let (first, last) = (cell(spots.first()), cell(spots.last()));
            let cells =
                if first == last { first } else { first.zip(last).map(|(first, last)| format!("{first}:{last}")) };
            let header = spots.first().map(|spot| spot.header.join("/"));
            vec![json!(tab), json!(cells), json!(header), json!(made)]
        })
        .collect();
    context.output.records(asked.format, &["sheet", "cells", "header", "made_of"], &rows)?;
    Ok(Ending::Done)
}

/// What can be asked of a text: each figure with its sentence.
fn list_text(context: &CommandContext<'_>, asked: &Question<'_>, file: &Recomposed) -> Result<Ending> {
    let rows: Vec<Vec<serde_json::Value>> = file
        .spots(0)
        .iter()
        .map(|spot| {
            let made = match &spot.source {
                Source::View { view, column, .. } => format!("{view}.{column}"),
                Source::Count { view, .. } => format!("rows of {view}"),
                _ => String::new(),
            };
            vec![json!(spot.address), json!(spot.shown), json!(spot.header.join("/")), json!(made)]
        })
        .collect();
    context.output.records(asked.format, &["figure", "shown", "said_in", "made_of"], &rows)?;
    Ok(Ending::Done)
}

pub(super) fn say(
    context: &CommandContext<'_>,
    asked: &Question<'_>,
    answer: &Answer,
    head: Option<&Head<'_>>,
) -> Result<Ending> {
    let shown = head.map(|head| match head.shown() {
        // Masked here, masked there.
        _ if answer.is_masked => (head.spot, Some(answer.figure.value.shown()), None),
        (shown, today) => (head.spot, shown.map(str::to_owned), today),
    });
    if asked.format == Format::Json {
        let mut value = serde_json::to_value(answer).doing("printing JSON")?;
        if let (Some((spot, shown, today)), Some(object)) = (shown, value.as_object_mut()) {
            let mut cell = json!({"address": spot.address, "shown": shown, "header": spot.header});
            if let (Some(today), Some(cell)) = (today, cell.as_object_mut()) {
                cell.insert("today".to_owned(), json!(today));
            }
            object.insert("cell".to_owned(), cell);
        }
        context.output.data(serde_json::to_string_pretty(&value).doing("printing JSON")?)?;
        return Ok(Ending::Done);
    }
    if let Some((spot, shown, today)) = shown {
        context.output.data(above(spot, shown.as_deref(), today.as_deref()))?;
    }
    print(context.output, answer)?;
    Ok(Ending::Done)
}

fn print(output: &Output, answer: &Answer) -> Result<()> {
    let unit = if answer.unit.is_empty() { String::new() } else { format!(" {}", answer.unit) };
    let label = if answer.label.is_empty() { &answer.column } else { &answer.label };
    let mut text = format!("{label}  {}{unit}\n", answer.figure.value.shown());
    let mut line = |name: &str, said: &str| {
        if !said.is_empty() {
            text.push_str(&format!("  {name:<11}{said}\n"));
        }
    };
    line("definition", &answer.definition);
    line("view", &format!("{}.{}  {}", answer.view, answer.column, answer.view_label));
    let row: Vec<String> = answer
        .row
        .iter()
        .filter(|(_, value)| value.number().is_none() && !value.is_null())
        .map(|(name, value)| format!("{name}={}", value.shown()))
        .collect();
    line("row", &row.join(", "));
    line("as of", &format!("{}, snapshot {}", answer.as_of, answer.snapshot));
    for (at, table) in answer.tables.iter().enumerate() {
        let batches = match table.batches {
            0 => String::new(),
            1 => format!(", one batch, {}", table.newest_batch),
            count => format!(", {count} batches, the newest {}", table.newest_batch),
        };
        let said = format!("{} {} at version {}{batches}", table.table, table.label, table.version);
        line(if at == 0 { "tables" } else { "" }, &said);
    }
    text.push_str("\nmade of\n");
    tree(&answer.figure, 1, "", &mut text);
    output.data(text.trim_end())?;
    for (number, (drill, rows)) in answer.figure.drills().into_iter().zip(&answer.rows).enumerate() {
        print_rows(output, number + 1, drill, rows)?;
    }
    Ok(())
}

/// The figure and what it is made of, a line each.
fn tree(figure: &Figure, depth: usize, role: &str, text: &mut String) {
    let indent = "  ".repeat(depth);
    let place = shown(&figure.place);
    let expression = match figure.column.as_str() {
        "" => figure.expression.clone(),
        column if figure.expression == column => format!("{}.{column}", figure.relation),
        column => format!("{}.{column} = {}", figure.relation, figure.expression),
    };
    text.push_str(&format!("{indent}{role}{}  {expression}{place}\n", figure.value.shown()));
    let deeper = depth + 1;
    match &figure.made {
        Made::From(inner) => tree(inner, deeper, "", text),
        Made::Frozen { month, view, column, row, today } => {
            let given: Vec<String> =
                row.iter().map(|(name, value)| format!(" --where '{name}={}'", value.shown())).collect();
            text.push_str(&format!(
                "{indent}  {month} is closed with {}; by the records of today, as below, it would be {}\n\
                 {indent}  the rows of then: gridhouse explain {view} {column}{}\n",
                figure.value.shown(),
                today.value.shown(),
                given.join("")
            ));
            tree(today, deeper, "today ", text);
        }
        Made::Ratio { numerator, denominator } => {
            tree(numerator, deeper, "numerator ", text);
            tree(denominator, deeper, "denominator ", text);
        }
        Made::Growth { now, base } => {
            tree(now, deeper, "now ", text);
            tree(base, deeper, "base ", text);
        }
        Made::Sum(terms) => {
            for (sign, term) in terms {
                tree(term, deeper, &format!("{sign} "), text);
            }
        }
        Made::Product(parts) => parts.iter().for_each(|part| tree(part, deeper, "× ", text)),
        Made::Rows(drill) => drilled(drill, &"  ".repeat(deeper), text),
        Made::Stored(stored) => {
            let key: Vec<String> = stored.key.iter().map(|(name, value)| format!("{name}={}", value.shown())).collect();
            text.push_str(&format!("{indent}  stored in {} under {}\n", stored.table, key.join(", ")));
        }
        Made::Key => {}
        Made::Computed { why, inputs } => {
            text.push_str(&format!("{indent}  not followed: {why}\n"));
            inputs.iter().for_each(|input| tree(input, deeper, "", text));
        }
        Made::Apart { relation, column } => {
            text.push_str(&format!("{indent}  a figure of its own: {relation}.{column}\n"));
        }
        Made::Constant => {}
        Made::Nothing { relation } => text.push_str(&format!("{indent}  no row of {relation} matches\n")),
    }
}

fn drilled(drill: &Drill, indent: &str, text: &mut String) {
    let tables = drill.tables.join(", ");
    let outcome = match (&drill.ends_early, drill.matches) {
        (_, false) if drill.tables.is_empty() => {
            format!("{} is not followed: {}", drill.call, drill.ends_early.as_deref().unwrap_or_default())
        }
        (None, true) => format!("{} rows of {tables} come to it", drill.rows),
        (Some(why), true) => format!("{} rows of {tables} come to it; not followed to a table: {why}", drill.rows),
        (_, false) => format!("WARNING: {} rows of {tables} come to {}, not to it", drill.rows, drill.total.shown()),
    };
    text.push_str(&format!("{indent}{outcome}\n"));
    let group: Vec<String> = drill.group.iter().map(|(key, value)| format!("{key} = {}", value.shown())).collect();
    if !group.is_empty() {
        text.push_str(&format!("{indent}group   {}\n", group.join(", ")));
    }
    conditions(&drill.conditions, indent, text);
}

fn conditions(all: &[Condition], indent: &str, text: &mut String) {
    for condition in all {
        if condition.kind != ConditionKind::Either {
            let kind = format!("{:?}", condition.kind).to_lowercase();
            text.push_str(&format!("{indent}{kind:<8}{}{}\n", condition.sql, shown(&condition.place)));
            continue;
        }
        for (number, list) in condition.either.iter().enumerate() {
            let word = if number == 0 { "either" } else { "or" };
            let of_all = if list.is_empty() { "  nothing more is asked" } else { "" };
            text.push_str(&format!("{indent}{word}{of_all}\n"));
            conditions(list, &format!("{indent}  "), text);
        }
    }
}

fn shown(place: &Place) -> String {
    let place = place.to_string();
    if place.is_empty() { String::new() } else { format!("   {place}") }
}

fn print_rows(output: &Output, number: usize, drill: &Drill, rows: &Rows) -> Result<()> {
    if rows.shown == 0 {
        return Ok(());
    }
    output.data(format!("\nrows of {} ({} of {})", number_and_call(number, drill), rows.shown, rows.of))?;
    for table in &rows.tables {
        let weighs = table.rows.iter().any(|row| row.counts.is_some_and(|counts| (counts - 1.0).abs() > f64::EPSILON));
        let columns = chosen(drill, &table.columns);
        let mut header = vec![table.table.as_str()];
        header.extend(weighs.then_some("counts"));
        header.extend(columns.iter().map(|at| table.columns[*at].1.as_str()));
        header.extend(["file", "line", "batch"]);
        let lines: Vec<Vec<serde_json::Value>> = table
            .rows
            .iter()
            .map(|row| {
                let mut cells = vec![json!(row.key)];
                cells.extend(weighs.then(|| json!(row.counts)));
                cells.extend(columns.iter().map(|at| json!(row.values.get(*at).cloned().flatten())));
                cells.extend([json!(row.file), json!(row.line), json!(row.batch)]);
                cells
            })
            .collect();
        output.records(Format::Table, &header, &lines)?;
    }
    let shown: Vec<String> =
        rows.batches.iter().take(5).map(|batch| format!("{} ({} rows)", batch.batch, batch.rows)).collect();
    if !shown.is_empty() {
        let more = rows.batches.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        output.data(format!("from {}{more}", shown.join(", ")))?;
    }
    Ok(())
}

fn number_and_call(number: usize, drill: &Drill) -> String {
    format!("{number}. {}", drill.call)
}

/// The columns that the list itself asks about come first.
fn chosen(drill: &Drill, columns: &[(String, String)]) -> Vec<usize> {
    let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
    let words: std::collections::BTreeSet<&str> = drill.sql.split(|sign| !is_word(sign)).collect();
    // The key stands in front already.
    let (asked, others): (Vec<usize>, Vec<usize>) =
        (1..columns.len()).partition(|at| words.contains(columns[*at].0.as_str()));
    asked.into_iter().chain(others).take(COLUMNS_MAX).collect()
}
