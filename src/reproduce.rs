//! A report's file made again from what it says of itself: the same table versions, parameters and settings, today's
//! templates and program. Prints nothing; what comes out and why is data.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Result};
use crate::landing;
use crate::project::Project;
use crate::query::Snapshot;
use crate::report::{self, Change, Difference, Inputs, Known, Provenance, RunContext, State, Verdict};
use crate::warehouse::Warehouse;

/// A file and what today makes of the same.
#[derive(Debug)]
pub struct Reproduced {
    pub record: Provenance,
    pub outcome: Outcome,
    /// What is different today, whether it shows or not.
    pub changes: Vec<Change>,
    /// The file made again, below the folder that was given.
    pub file: PathBuf,
}

#[derive(Debug)]
pub enum Outcome {
    /// Byte for byte.
    Identical,
    /// Byte for byte what was made; the file at hand has been touched since.
    AsMade(Vec<Difference>),
    Differs(Vec<Difference>),
}

/// Makes `file` again below `out`.
///
/// # Errors
/// Where it cannot be made at all: no record, a report or a table version that is gone, a template with a mistake, a file
/// below `out` that it would replace.
pub async fn reproduce(project: &Project, file: &Path, out: &Path) -> Result<Reproduced> {
    let (register, outbox) = (project.register(), project.outbox());
    let verdict = report::verify(file, Some(&Known { register: &register, outbox: &outbox }))?;
    let Verdict { state, record, made, .. } = verdict;
    let Some(record) = record else {
        return Err(Diagnostic::error("carries no record of where it comes from")
            .in_file(file)
            .effect("nothing was made")
            .hint("`gridhouse report` makes reports anew, `--as-of` those of a past night"));
    };
    let target = out.join(&record.file);
    if target.exists() {
        return Err(Diagnostic::error("is there already")
            .in_file(target)
            .effect("nothing was made: a file made again replaces none")
            .hint("name another folder, or leave `--out` away"));
    }
    let (issue, content) = made.map_or((None, None), |(issue, made)| (Some(issue), Some(made.content)));
    let warehouse = project.warehouse();
    let snapshot =
        Snapshot { as_of: record.as_of, versions: issue.map_or_else(|| record.tables.clone(), |issue| issue.pinned) };
    refuse_lost_versions(&warehouse, &record, &snapshot).await?;
    let batches = landing::read_batches(&warehouse).await?;
    crate::project::refuse_foreign(file, &record, &batches).map_err(|problem| problem.effect("nothing was made"))?;
    let (reports, problems) = report::load(&project.report_templates());
    let Some(report) = reports.iter().find(|report| report.name == record.report) else {
        let folder = project.report_templates().join(&record.report);
        let mistake = problems.into_iter().find(|problem| problem.file.starts_with(&folder));
        return Err(match mistake {
            Some(mistake) => Diagnostic::from(mistake).effect("the file cannot be made again"),
            None => Diagnostic::error(format!("the report `{}` is no longer in the project", record.report))
                .in_file(folder)
                .effect("the file cannot be made again")
                .hint("restore its folder from version control"),
        });
    };
    let contracts = Arc::new(project.contracts()?);
    let (session, _) = project.session(&warehouse, &contracts, snapshot).await?;
    // One that the report no longer has is among the changes.
    let mut params = record.parameters.clone();
    params.retain(|name, _| report.parameters.iter().any(|parameter| parameter.name == *name));
    let today = project.report_context(&session, &batches, params);
    let context = as_recorded(today.clone(), &record);
    let files = report::render(report, &session, &context, out).await?;
    let mut changes = report::settings_changes(&record, &today.inputs.settings);
    let Some(made) = files.into_iter().next() else {
        return Err(not_among_them(report, &record));
    };
    let again = report::content_of(&made.path)?;
    let now = report::Carried::of(&made.path).ok().and_then(|carried| carried.beside?.ok());
    changes.extend(now.map(|now| report::changes(&record, &now.record)).unwrap_or_default());
    let outcome = if again == report::content_of(file)? {
        Outcome::Identical
    } else {
        let differences = report::compare(file, &made.path, project.land_settings()?.limits);
        // A file that is no longer readable, or whose kind has no cells, has differing bytes all the same.
        let differences = differences.unwrap_or_default();
        match content {
            Some(content) if state == State::Touched && content == again => Outcome::AsMade(differences),
            _ => Outcome::Differs(differences),
        }
    };
    Ok(Reproduced { record, outcome, changes, file: made.path })
}

/// The context of today with what the record says of then.
fn as_recorded(today: RunContext, record: &Provenance) -> RunContext {
    let then = |name: &str, now: &str| record.settings.get(name).map_or_else(|| now.to_owned(), Clone::clone);
    let mut settings = today.inputs.settings.clone();
    settings.extend(record.settings.iter().map(|(name, value)| (name.clone(), value.clone())));
    RunContext {
        made_at: record.made_at,
        district_name: then(report::DISTRICT, &today.district_name),
        office_name: then(report::OFFICE, &today.office_name),
        inputs: Arc::new(Inputs { settings, ..today.inputs.as_ref().clone() }),
        again: Some(Arc::new(record.clone())),
        editions: None,
        register: None,
        ..today
    }
}

/// Says which table versions the report needs and the warehouse no longer has.
async fn refuse_lost_versions(warehouse: &Warehouse, record: &Provenance, snapshot: &Snapshot) -> Result<()> {
    let mut lost = Vec::new();
    for table in record.batches.keys() {
        let Some(version) = snapshot.versions.get(table) else { continue };
        if let Some(what) = warehouse.lost(table, *version).await? {
            lost.push(format!("version {version} of `{table}`: {what}"));
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::error(format!("the tables of snapshot `{}` are not all here any more", record.snapshot))
        .note("gone", lost.join("\n        "))
        .effect("the file cannot be made again")
        .hint("`reports.keep_days` and `keep_ledger_days` in `gridhouse.toml` say how long they are kept; a backup may have them"))
}

fn not_among_them(report: &report::Report, record: &Provenance) -> Diagnostic {
    let member = match &record.member {
        Some(member) => format!("for `{}` = `{}`", member.column, member.key),
        None => "of that name".to_owned(),
    };
    Diagnostic::error(format!("report `{}` now makes no file `{}` {member}", report.name, record.file))
        .in_file(&report.path)
        .note("files", report.file_patterns().join(", "))
        .effect("the file cannot be made again with today's templates")
        .hint("the record of the file has the hashes of the templates it was made with")
}
