//! `gridhouse explain`: where a figure comes from. Finds what is asked about, and has it answered.

use std::path::Path;

use chrono::NaiveDate;

use super::args::Format;
use super::explained::{Head, list, said, say};
use super::{CommandContext, Ending, Opened, local_now, user};
use crate::diagnostic::{Diagnostic, Result, Severity};
use crate::explain::{self, Asked, Audit, Masking, Showing};
use crate::landing;
use crate::query::Snapshot;
use crate::report::{Filed, Source};

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
