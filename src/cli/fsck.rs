//! `gridhouse fsck`: looks for damage and says what is sound.

use std::collections::HashMap;

use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::closing;
use crate::diagnostic::{Diagnostic, Result};
use crate::landing::{self, Batch};
use crate::project;
use crate::warehouse::Warehouse;

pub(super) async fn fsck(context: &CommandContext<'_>, format: Format) -> Result<Ending> {
    let warehouse = context.project()?.warehouse();
    let names = warehouse.table_names()?;
    let mut problems: Vec<Diagnostic> = Vec::new();
    let mut rows = Vec::new();
    // A log that cannot be read is reported with its table below.
    let batches = match landing::read_batches(&warehouse).await {
        Ok(batches) => batches,
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    };
    let newest = project::newest_batches(&batches);
    for (name, batch) in newest.iter().filter(|(name, _)| !names.iter().any(|n| n == *name)) {
        problems.extend(project::loss(batch, None, None));
        rows.push(vec![json!(name), json!(null), json!(null), json!(null), json!(null), json!("missing")]);
    }
    problems.extend(lost_quarantine(&warehouse, &batches).await);
    // Tables that cannot be read are reported below.
    problems.extend(lost_months(&warehouse).await.unwrap_or_default());
    for name in &names {
        let found = warehouse.examine(name).await;
        let mut sound = found.problems.is_empty();
        // Without a version the table did not open, and that is reported already.
        if let (Some(batch), Some(version)) = (newest.get(name.as_str()), found.version)
            && let Some(problem) = project::loss(batch, Some(version), found.rows)
        {
            sound = false;
            problems.push(problem);
        }
        for batch in batches.iter().filter(|b| &b.table_name == name && !b.counts().balances()) {
            sound = false;
            problems.push(Diagnostic::unexpected(format!(
                "the counts of batch `{}` do not add up: {:?}",
                batch.batch_id,
                batch.counts()
            )));
        }
        rows.push(vec![
            json!(name),
            json!(found.version),
            json!(found.files),
            json!(found.rows),
            json!(found.orphans),
            json!(if sound { "sound" } else { "damaged" }),
        ]);
        problems.extend(found.problems);
    }
    context.output.records(format, &["table", "version", "files", "rows", "orphans", "state"], &rows)?;
    for problem in &problems {
        context.output.problem(problem);
    }
    if names.is_empty() {
        context.output.say("the warehouse is empty");
    }
    Ok(if problems.is_empty() { Ending::Done } else { Ending::Unexpected })
}

/// Closed months whose figures are not all there.
async fn lost_months(warehouse: &Warehouse) -> Result<Vec<Diagnostic>> {
    closing::losses(warehouse, &landing::read_runs(warehouse).await?).await
}

/// Batches of which fewer rows are in quarantine than were put there.
async fn lost_quarantine(warehouse: &Warehouse, batches: &[Batch]) -> Vec<Diagnostic> {
    // One that cannot be read is reported with its table.
    let Ok(held) = landing::read_quarantine(warehouse).await else { return Vec::new() };
    let mut count_of: HashMap<&str, u64> = HashMap::new();
    for row in &held {
        *count_of.entry(&row.batch_id).or_default() += 1;
    }
    // A row with several violations is held several times, so only too few is wrong.
    let count = |batch: &Batch| count_of.get(batch.batch_id.as_str()).copied().unwrap_or(0);
    let lost = batches.iter().filter(|batch| count(batch) < batch.quarantined);
    lost.map(|batch| {
        Diagnostic::unexpected(format!(
            "batch `{}` put {} rows into quarantine and {} are there",
            batch.batch_id,
            batch.quarantined,
            count(batch)
        ))
        .hint("restore table `quarantine` from a backup")
    })
    .collect()
}
