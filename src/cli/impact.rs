//! `gridhouse check --impact`: what the present views and templates would change in what was published last.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::args::Format;
use super::{CommandContext, Ending};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::impact::{self as engine, CellChange, Fate, FileChange, Impact, ReportImpact};

/// Changes of one report that a person is shown; other programs get all.
const SHOWN_MAX: usize = 5;

const HEADER: [&str; 10] = ["report", "change", "file", "sheet", "cell", "row", "column", "view", "old", "new"];

pub(super) async fn impact(context: &CommandContext<'_>, as_of: Option<NaiveDate>, format: Format) -> Result<Ending> {
    let project = context.project()?;
    let aside = tempfile::tempdir().doing("making a folder for the files")?;
    let found = engine::impact(&project, as_of, aside.path()).await?;
    let output = context.output;
    for problem in &found.problems {
        output.problem(problem);
    }
    output.say(format!("compared with what was published as of {}, snapshot `{}`", found.as_of, found.snapshot));
    for report in &found.reports {
        say(context, report);
    }
    match format {
        Format::Table => tables(context, &found)?,
        _ => {
            let rows: Vec<Vec<Value>> = found.reports.iter().flat_map(rows).collect();
            output.records(format, &HEADER, &rows)?;
        }
    }
    if !found.is_any() {
        let remade = found.reports.len();
        let (all, same) = (remade + found.untouched, found.untouched);
        output
            .say(format!("no cell would change: {remade} of {all} reports made again, {same} rest on nothing changed"));
        return Ok(Ending::Done);
    }
    output.say("the outbox is as it was");
    Ok(if found.is_trouble() { Ending::Unexpected } else { Ending::Problems })
}

/// Why a report may change, and what is wrong with it.
fn say(context: &CommandContext<'_>, report: &ReportImpact) {
    let name = &report.report;
    let fate = match &report.fate {
        Fate::Made(files) if files.is_empty() => "no cell would change",
        Fate::Made(_) => "would change",
        Fate::New { .. } => "would be new",
        Fate::Gone => "is no longer in the project and would not be made",
        Fate::Fails(_) => "would not be made",
    };
    context.output.say(format!("report `{name}`: {fate}"));
    for cause in &report.causes {
        let through: Vec<String> = cause.through.iter().map(|view| format!("`{view}`")).collect();
        let through = if through.is_empty() { String::new() } else { format!(", through {}", through.join(", ")) };
        context.output.say(format!("  {}{through}", cause.change));
    }
    match &report.fate {
        Fate::Fails(problems) => problems.iter().for_each(|problem| context.output.problem(problem)),
        Fate::Made(files) => {
            for file in files {
                if file.is_touched {
                    let problem = Diagnostic::warning("has been touched since it was published");
                    let problem = problem.in_file(&file.file).effect("what was touched shows among the cells");
                    context.output.problem(&problem);
                }
                if let FileChange::Unread(problem) = &file.change {
                    let problem = problem.clone().effect("nobody can say what would be different in it");
                    context.output.problem(&problem);
                }
            }
        }
        Fate::New { .. } | Fate::Gone => {}
    }
}

/// One row per cell, line or file that would be different, and one for a report as a whole.
fn rows(report: &ReportImpact) -> Vec<Vec<Value>> {
    let whole = |change: &str, file: &str| {
        let mut row = vec![json!(report.report), json!(change), json!(file)];
        row.resize(HEADER.len(), Value::Null);
        row
    };
    let files = match &report.fate {
        Fate::Made(files) => files,
        Fate::New { .. } => return vec![whole("new report", "")],
        Fate::Gone => return vec![whole("report gone", "")],
        Fate::Fails(_) => return vec![whole("fails", "")],
    };
    let mut rows = Vec::new();
    for file in files {
        match &file.change {
            FileChange::New => rows.push(whole("new file", &file.file)),
            FileChange::Gone => rows.push(whole("file gone", &file.file)),
            FileChange::Bytes => rows.push(whole("cannot be compared", &file.file)),
            FileChange::Unread(_) => rows.push(whole("cannot be read", &file.file)),
            FileChange::Cells(cells) => rows.extend(cells.iter().map(|cell| {
                let mut row = vec![json!(report.report), json!(kind(cell)), json!(file.file)];
                row.extend(told(cell));
                row
            })),
        }
    }
    rows
}

/// Sheet, cell, row, column, view, old and new.
fn told(cell: &CellChange) -> [Value; 7] {
    let difference = &cell.difference;
    let view = cell.source.as_ref().map(|(view, column)| format!("{view}.{column}"));
    let (sheet, place, row, column) = (&difference.sheet, &difference.place, &difference.row, &difference.column);
    [json!(sheet), json!(place), json!(row), json!(column), json!(view), json!(difference.old), json!(difference.new)]
}

fn kind(cell: &CellChange) -> &'static str {
    if cell.difference.sheet.is_empty() { "line" } else { "cell" }
}

/// For a person: per report, per view, and the first changes of each report.
fn tables(context: &CommandContext<'_>, found: &Impact) -> Result<()> {
    let output = context.output;
    let changed: Vec<(&ReportImpact, Vec<Vec<Value>>)> =
        found.reports.iter().map(|report| (report, rows(report))).filter(|(_, rows)| !rows.is_empty()).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let summary: Vec<Vec<Value>> = changed
        .iter()
        .map(|(report, rows)| {
            let files = match &report.fate {
                Fate::Made(files) => files.len(),
                Fate::New { .. } | Fate::Gone | Fate::Fails(_) => 0,
            };
            let cells = rows.iter().filter(|row| row[1] == "cell" || row[1] == "line").count();
            let others: BTreeSet<&str> = rows
                .iter()
                .filter_map(|row| row[1].as_str())
                .filter(|kind| *kind != "cell" && *kind != "line")
                .collect();
            let columns: BTreeSet<&str> =
                rows.iter().filter_map(|row| row[6].as_str()).filter(|column| !column.is_empty()).collect();
            let join = |texts: BTreeSet<&str>| texts.into_iter().collect::<Vec<_>>().join(", ");
            vec![json!(report.report), json!(files), json!(cells), json!(join(columns)), json!(join(others))]
        })
        .collect();
    output.records(Format::Table, &["report", "files", "cells", "columns", "besides"], &summary)?;
    let mut by_view: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for (report, rows) in &changed {
        for view in rows.iter().filter_map(|row| row[7].as_str()) {
            let (cells, reports) = by_view.entry(view).or_default();
            *cells += 1;
            reports.insert(&report.report);
        }
    }
    if !by_view.is_empty() {
        let rows: Vec<Vec<Value>> = by_view
            .into_iter()
            .map(|(view, (cells, reports))| {
                vec![json!(view), json!(cells), json!(reports.into_iter().collect::<Vec<_>>().join(", "))]
            })
            .collect();
        output.records(Format::Table, &["view and column", "cells", "reports"], &rows)?;
    }
    let shown: Vec<Vec<Value>> = changed
        .iter()
        .flat_map(|(_, rows)| rows.iter().filter(|row| row[1] == "cell" || row[1] == "line").take(SHOWN_MAX))
        .map(|row| [&row[..1], &row[2..7], &row[8..]].concat())
        .collect();
    if !shown.is_empty() {
        output.records(Format::Table, &["report", "file", "sheet", "cell", "row", "column", "old", "new"], &shown)?;
    }
    let is_cut = changed.iter().any(|(_, rows)| rows.len() > SHOWN_MAX);
    if is_cut {
        output.say(format!("the first {SHOWN_MAX} of each report; `--format csv` and `--format json` give all"));
    }
    Ok(())
}
