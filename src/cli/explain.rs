//! `gridhouse explain`: where a figure comes from, for a terminal or as JSON.

use std::path::Path;

use chrono::NaiveDate;
use serde_json::json;

use super::args::Format;
use super::output::Output;
use super::{CommandContext, Ending, Opened, local_now, user};
use crate::diagnostic::{Context, Diagnostic, Place, Result, Severity};
use crate::explain::{self, Answer, Asked, Audit, Masking, Rows, Showing};
use crate::landing;
use crate::query::Snapshot;
use crate::query::lineage::{Condition, ConditionKind, Drill, Figure, Made};
use crate::report::{Filed, Recomposed, Source, Spot};

/// Columns of a row that a terminal has room for, beside those that say where it came from.
const COLUMNS_MAX: usize = 6;

/// What was asked for on the command line.
pub(super) struct Question<'a> {
    pub(super) target: &'a str,
    pub(super) cell: Option<&'a str>,
    pub(super) row: &'a [(String, String)],
    pub(super) limit: Option<usize>,
    /// Why rows are to be shown unmasked; masked where there is none.
    pub(super) reason: Option<&'a str>,
    pub(super) format: Format,
    pub(super) as_of: Option<NaiveDate>,
}

pub(super) async fn explain(context: &CommandContext<'_>, asked: &Question<'_>) -> Result<Ending> {
    if !matches!(asked.format, Format::Table | Format::Json) {
        return Err(Diagnostic::error("an explanation is no table").hint("`--format table` or `--format json`"));
    }
    let file = context.output.base().join(asked.target);
    if file.is_file() {
        return explain_file(context, asked, &file).await;
    }
    let opened = context.open(asked.as_of).await?;
    say_problems(context, &opened);
    if opened.session.catalog().get(asked.target).is_none() {
        return Err(Diagnostic::error(format!("`{}` is no file and no view", asked.target))
            .hint("name a file in the outbox and one of its cells, or a view, a column and the row with `--where`"));
    }
    let Some(column) = asked.cell else {
        return Err(Diagnostic::error("no column was named")
            .hint(format!("`gridhouse describe {}` lists the columns", asked.target)));
    };
    let question = explain::ask(&opened.session, asked.target, column, asked.row).await?;
    let batches = landing::read_batches(&opened.project.warehouse()).await?;
    let masking = allowed(asked, (&question.view, &question.column), &opened)?;
    let showing = Showing { limit: asked.limit, masking };
    let Opened { project, session, contracts, .. } = &opened;
    let answer = explain::answer(project, session, contracts, &batches, &question, showing).await?;
    say(context, asked, &answer, None)
}

fn say_problems(context: &CommandContext<'_>, opened: &Opened) {
    for problem in &opened.problems {
        context.output.problem(problem);
    }
}

async fn explain_file(context: &CommandContext<'_>, asked: &Question<'_>, file: &Path) -> Result<Ending> {
    let project = context.project()?;
    let runs = landing::read_runs(&project.warehouse()).await?;
    let batches = landing::read_batches(&project.warehouse()).await?;
    let (record, problem) = explain::record_of(&project, file, &batches)?;
    let mut differing = Vec::new();
    if let Some(problem) = problem {
        differing.push(problem.message.clone());
        let effect = "what is explained is the figure it was made with, which may not be the one it shows";
        context.output.problem(&Diagnostic { severity: Severity::Warning, ..problem.effect(effect) });
    }
    let snapshot = explain::snapshot_of(&record, &runs)?;
    let opened = context.open_at(project, snapshot, runs).await?;
    say_problems(context, &opened);
    let laid_out = explain::lay_out(&opened.project, &opened.session, &batches, &record).await?;
    for changed in &laid_out.changed {
        context.output.problem(changed);
        let names = changed.notes.iter().filter(|(label, _)| *label == "changed");
        let names: Vec<&str> = names.map(|(_, names)| names.as_str()).collect();
        differing.push(format!("{} ({})", changed.message, names.join(", ")));
    }
    let Some(cell) = asked.cell else { return list(context, asked, &laid_out.file) };
    let in_file = |problem: Diagnostic| if problem.place.is_some() { problem } else { problem.in_file(file) };
    let filed = if differing.is_empty() {
        let spot = laid_out.file.find(cell).map_err(Diagnostic::from).map_err(in_file)?;
        Filed { shown: Some(spot.shown.clone()), again: Some(spot) }
    } else {
        laid_out.file.filed(file, cell, opened.project.land_settings()?.limits).map_err(in_file)?
    };
    let Some(spot) = filed.again else {
        return Err(Diagnostic::error(format!("no row and column of today's report are those of {cell}"))
            .in_file(file)
            .note("because", differing.join("; "))
            .hint("`gridhouse reproduce FILE` lists all that differs"));
    };
    let head = Head { spot: &spot, shown: filed.shown, differing: &differing };
    let Opened { project, session, contracts, .. } = &opened;
    let answer = match &spot.source {
        Source::View { view, column, row } => {
            let showing = Showing { limit: asked.limit, masking: allowed(asked, (view, column), &opened)? };
            let question = Asked { view: view.clone(), column: column.clone(), row: row.clone() };
            explain::answer(project, session, contracts, &batches, &question, showing).await?
        }
        Source::Sum { view, parts } => {
            let column = parts.first().map(|part| part.column.as_str()).unwrap_or_default();
            let showing = Showing { limit: asked.limit, masking: allowed(asked, (view, column), &opened)? };
            explain::answer_sum(project, session, contracts, &batches, (view, parts), showing).await?
        }
        _ => return said(context, asked, &head),
    };
    say(context, asked, &answer, Some(&head))
}

/// What stands above an explanation of a file's cell.
struct Head<'a> {
    /// In the report laid out again.
    spot: &'a Spot,
    /// As the file shows it, where that is known.
    shown: Option<String>,
    /// What may make today's report show something else.
    differing: &'a [String],
}

impl Head<'_> {
    /// What the file shows, and what today's report does where that is something else.
    fn shown(&self) -> (&str, Option<String>) {
        let again = self.spot.shown.as_str();
        match self.shown.as_deref() {
            Some(shown) if shown == again => (shown, None),
            Some(shown) => (shown, Some(format!("{again}: {}", self.differing.join("; ")))),
            None => ("?", Some(format!("{again}; what the file shows could not be found in it"))),
        }
    }
}

/// A cell that no view's column stands in.
fn said(context: &CommandContext<'_>, asked: &Question<'_>, head: &Head<'_>) -> Result<Ending> {
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
        let today = today.map_or_else(String::new, |today| format!("  today      {today}\n"));
        let text = format!("{}  {shown}  {}\n{today}  {what}", spot.address, spot.header.join("/"));
        context.output.data(text.trim_end())?;
    }
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

/// What can be asked of a file: the columns of each sheet with figures in them.
fn list(context: &CommandContext<'_>, asked: &Question<'_>, file: &Recomposed) -> Result<Ending> {
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

fn say(context: &CommandContext<'_>, asked: &Question<'_>, answer: &Answer, head: Option<&Head<'_>>) -> Result<Ending> {
    let shown = head.map(|head| match head.shown() {
        // Masked here, masked there.
        _ if answer.is_masked => (head.spot, answer.figure.value.shown(), None),
        (shown, today) => (head.spot, shown.to_owned(), today),
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
        context.output.data(format!("{}  {shown}  {}", spot.address, spot.header.join("/")))?;
        if let Some(today) = today {
            context.output.data(format!("  today      {today}"))?;
        }
    }
    print(context.output, answer)?;
    Ok(Ending::Done)
}

/// Whether rows may be shown in full; where they may, who asks and why is on record before they are.
fn allowed(asked: &Question<'_>, (view, column): (&str, &str), opened: &Opened) -> Result<Masking> {
    let project = &opened.project;
    let Some(reason) = asked.reason else { return Ok(Masking::Masked) };
    if !project.settings.access.unmasked_rows {
        return Err(Diagnostic::error("personal data are not shown unmasked here")
            .in_file(project.root.join(crate::settings::FILE_NAME))
            .hint("whoever answers for the data may set `access.unmasked_rows = true`"));
    }
    if reason.trim().is_empty() {
        return Err(Diagnostic::error("`--reason` is empty").hint("say for which task the rows have to be seen"));
    }
    explain::record(
        &project.warehouse_folder(),
        &Audit {
            at: local_now(project)?,
            user: user::who(),
            reason: reason.trim().to_owned(),
            asked: format!("{} {} ({view}.{column})", asked.target, asked.cell.unwrap_or_default()),
            snapshot: opened.session.snapshot().map(Snapshot::id).unwrap_or_default(),
        },
    )?;
    Ok(Masking::Unmasked)
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
