//! `gridhouse upkeep`.

use super::{CommandContext, Ending};
use crate::diagnostic::Result;
use crate::landing;
use crate::warehouse::Upkeep;

pub(super) async fn upkeep(context: &CommandContext<'_>, tables: &[String], dry_run: bool) -> Result<Ending> {
    let project = context.project()?;
    let warehouse = project.warehouse();
    let lock = warehouse.lock("gridhouse upkeep")?;
    let runs = landing::read_runs(&warehouse).await?;
    for name in warehouse.table_names()? {
        if !tables.is_empty() && !tables.contains(&name) {
            continue;
        }
        // What a run of the retention time was pinned to stays readable.
        let mut kept_versions = Vec::new();
        for run in &runs {
            if let Some(version) = crate::nightly::snapshot_of_run(run)?.versions.get(&name) {
                kept_versions.push(*version);
            }
        }
        let newest = runs.len();
        kept_versions.drain(..kept_versions.len().saturating_sub(newest.min(KEPT_RUNS)));
        let upkeep = Upkeep { retention_days: project.settings.upkeep.retention_days, kept_versions, dry_run };
        let done = warehouse.upkeep(&name, &upkeep, &lock).await?;
        context.output.data(format!(
            "{name}: {} files merged into {}, {} {}",
            done.files_merged,
            done.files_written,
            done.files_removed,
            if dry_run { "would be removed" } else { "removed" }
        ))?;
    }
    Ok(Ending::Done)
}

/// Runs whose snapshots stay readable whatever their age.
const KEPT_RUNS: usize = 400;
