//! From a file to its layout: which report made it, over which table versions, and what has changed since.

use std::path::Path;

use crate::diagnostic::{Diagnostic, Result};
use crate::landing::{Batch, Run};
use crate::project::Project;
use crate::query::{Session, Snapshot};
use crate::report::{self, Known, Provenance, Recomposed};

/// A file laid out again.
pub struct LaidOut {
    pub file: Recomposed,
    /// What is no longer as it was when the file was made, and may make its figures otherwise.
    pub changed: Vec<Diagnostic>,
}

/// Where a file comes from: by the register, by what it carries, or by the record beside it. With what is wrong with it.
pub fn record_of(project: &Project, file: &Path, batches: &[Batch]) -> Result<(Provenance, Option<Diagnostic>)> {
    let (register, outbox) = (project.register(), project.outbox());
    let verdict = report::verify(file, Some(&Known { register: &register, outbox: &outbox }))?;
    let Some(record) = verdict.record else {
        let problem = verdict.problem.unwrap_or_else(|| Diagnostic::error("carries no record").in_file(file));
        return Err(problem.hint(
            "files that `gridhouse nightly` or `gridhouse report` made carry one, in themselves or in a `.json` beside",
        ));
    };
    crate::project::refuse_foreign(file, &record, batches)?;
    Ok((record, verdict.problem))
}

/// The table versions a file was made of: those of its run, or what its record names.
pub fn snapshot_of(record: &Provenance, runs: &[Run]) -> Result<Snapshot> {
    let of_run = runs.iter().rev().find(|run| run.snapshot_id == record.snapshot && run.outcome != "interrupted");
    match of_run {
        Some(run) => crate::project::snapshot_of_run(run),
        None => Ok(Snapshot { as_of: record.as_of, versions: record.tables.clone() }),
    }
}

/// Lays out the file of a record again over a session at its snapshot.
pub async fn lay_out(project: &Project, session: &Session, batches: &[Batch], record: &Provenance) -> Result<LaidOut> {
    let (reports, problems) = report::load(&project.report_templates());
    let Some(made_by) = reports.iter().find(|report| report.name == record.report) else {
        let folder = project.report_templates().join(&record.report);
        let broken = problems.into_iter().find(|problem| problem.file.starts_with(&folder));
        return Err(broken.map_or_else(
            || Diagnostic::error(format!("there is no report `{}` any more", record.report)).in_file(&folder),
            Diagnostic::from,
        ));
    };
    if made_by.is_published() {
        return Err(Diagnostic::error(format!(
            "report `{}` is for publication: its rows are shown to nobody",
            record.report
        ))
        .in_file(&made_by.path)
        .hint("ask for the same figure in a report for the office, or in its view"));
    }
    let context = project.report_context(session, batches, record.parameters.clone());
    let laid_out = report::recompose(made_by, session, &context, record).await.map_err(Diagnostic::from)?;
    let Some(file) = laid_out else {
        return Err(Diagnostic::error(format!("report `{}` makes no `{}` any more", record.report, record.file))
            .in_file(&made_by.path));
    };
    Ok(LaidOut { file, changed: changed(made_by, &context, record) })
}

fn changed(made_by: &report::Report, context: &report::RunContext, record: &Provenance) -> Vec<Diagnostic> {
    let (queries, _) = context.inputs.below(&made_by.views());
    let differing = |then: &std::collections::BTreeMap<String, String>,
                     now: &std::collections::BTreeMap<String, String>| {
        let names = then.keys().chain(now.keys());
        let mut names: Vec<String> = names.filter(|name| then.get(*name) != now.get(*name)).cloned().collect();
        names.sort();
        names.dedup();
        names
    };
    let mut changed = Vec::new();
    for (what, names) in [
        ("SQL", differing(&record.queries, &queries)),
        ("the template", differing(&record.templates, made_by.template_hashes())),
    ] {
        if !names.is_empty() {
            changed.push(
                Diagnostic::warning(format!("{what} has changed since the file was made"))
                    .note("changed", names.join(", "))
                    .effect("what is explained is what today's would make of the same rows"),
            );
        }
    }
    changed
}
