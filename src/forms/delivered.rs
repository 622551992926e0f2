//! Rows that come of the forms themselves, landed as deliveries like any other: checked by a contract, with a batch of their own.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::Value;

use crate::contract::Contracts;
use crate::diagnostic::{Context as _, Diagnostic, Result};
use crate::landing::{self, Delivery, Land, Moment, Outcome};
use crate::project::Project;

/// Lands rows by table. A project without a contract for a table does without it; the caller holds the writer's lock.
///
/// # Errors
/// A table that takes none of its rows, or not all of them.
pub async fn land_rows(
    project: &Project,
    contracts: &Arc<Contracts>,
    moment: Moment,
    tables: &[(&str, Vec<Value>)],
) -> Result<Vec<Delivery>> {
    let mut landed = Vec::new();
    for (table, rows) in tables.iter().filter(|(table, rows)| contracts.get(table).is_some() && !rows.is_empty()) {
        let name = format!("{table}_{}", moment.as_of.format("%Y%m%d"));
        let delivery = deliver(project, contracts, moment, table, &name, rows).await?;
        match &delivery.outcome {
            Outcome::Rejected { problem } => return Err((**problem).clone()),
            Outcome::Landed { batch } if batch.quarantined > 0 => {
                let message = format!("{} rows do not fit the contract of `{table}`", batch.quarantined);
                return Err(
                    Diagnostic::error(message).hint(format!("`gridhouse quarantine show {}` says why", batch.batch_id))
                );
            }
            _ => landed.push(delivery),
        }
    }
    Ok(landed)
}

/// Lands rows of one table as a delivery of that name. The caller holds the writer's lock.
///
/// # Errors
/// What stops all landing; rows that do not fit their contract are in the outcome.
pub(super) async fn deliver(
    project: &Project,
    contracts: &Arc<Contracts>,
    moment: Moment,
    table: &str,
    name: &str,
    rows: &[Value],
) -> Result<Delivery> {
    let doing = "landing what came of the forms";
    let settings = project.land_settings()?;
    let folder = tempfile::tempdir().doing(doing)?;
    let path = folder.path().join(format!("{name}.jsonl"));
    let mut file = fs_err::File::create(&path).doing(doing)?;
    for row in rows {
        writeln!(file, "{row}").doing(doing)?;
    }
    drop(file);
    let stop = AtomicBool::new(false);
    let land = Land {
        warehouse: project.warehouse(),
        contracts: contracts.clone(),
        limits: settings.limits,
        workers: settings.workers,
        moment,
        zone: settings.zone,
        dry_run: false,
        table: Some(table.to_owned()),
        stop: &stop,
        progress: &|_| {},
        settle: &|_| Ok(()),
    };
    let mut deliveries = landing::land_all(&land, &[path]).await?;
    deliveries.pop().ok_or_else(|| Diagnostic::unexpected(format!("nothing was landed in `{table}`")))
}
