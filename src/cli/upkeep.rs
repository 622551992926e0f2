//! `gridhouse upkeep`.

use std::collections::BTreeSet;

use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::diagnostic::{Diagnostic, Result, did_you_mean};
use crate::warehouse::Upkeep;
use crate::{closing, landing, project};

/// Runs whose snapshots stay readable whatever their age.
const KEPT_RUNS: usize = 400;

pub(super) async fn upkeep(
    context: &CommandContext<'_>,
    tables: &[String],
    dry_run: bool,
    format: Format,
) -> Result<Ending> {
    let project = context.project()?;
    let warehouse = project.warehouse();
    let lock = warehouse.lock("gridhouse upkeep")?;
    let mut names = warehouse.table_names()?;
    if let Some(unknown) = tables.iter().find(|name| !names.contains(name)) {
        let problem = Diagnostic::error(format!("no table `{unknown}` in the warehouse")).effect("nothing was changed");
        return Err(match did_you_mean(unknown, names.iter().map(String::as_str)) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        });
    }
    names.retain(|name| tables.is_empty() || tables.contains(name));
    let runs = landing::read_runs(&warehouse).await?;
    let date = project::newest_date(&landing::read_batches(&warehouse).await?, &runs);
    let kept = date.map(|date| project.kept_versions(date)).transpose()?.unwrap_or_default();
    let closed = closing::kept_versions(&warehouse).await?;
    let newest = &runs[runs.len().saturating_sub(KEPT_RUNS)..];
    let snapshots = newest.iter().map(project::snapshot_of_run).collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for name in names {
        let mut versions: BTreeSet<u64> =
            snapshots.iter().filter_map(|snapshot| snapshot.versions.get(&name).copied()).collect();
        versions.extend(kept.get(&name).into_iter().chain(closed.get(&name)).flatten());
        // After a backup was restored there may be fewer versions than there were.
        let newest = warehouse.newest_version(&name)?;
        versions.retain(|version| newest.is_some_and(|newest| *version <= newest));
        let kept_versions: Vec<u64> = versions.into_iter().collect();
        let version_count = kept_versions.len();
        let upkeep = Upkeep { retention_days: project.settings.upkeep.retention_days, kept_versions, dry_run };
        let done = warehouse.upkeep(&name, &upkeep, &lock).await?;
        rows.push(vec![
            json!(name),
            json!(done.files_merged),
            json!(done.files_written),
            json!(done.files_removed),
            json!(version_count),
        ]);
    }
    context.output.done_records(
        format,
        &["table", "files_merged", "files_written", "files_removed", "versions_kept"],
        &rows,
    )?;
    if dry_run {
        context.output.say("\na dry run: nothing was changed");
    }
    Ok(Ending::Done)
}
