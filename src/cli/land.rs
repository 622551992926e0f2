//! `gridhouse land`.

use std::path::PathBuf;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::args::Format;
use super::{CommandContext, Ending, moment, stop_flag};
use crate::diagnostic::{Diagnostic, Fault, Result};
use crate::landing::{self, Delivery, Land, Outcome};

pub(super) async fn land(
    context: &CommandContext<'_>,
    files: &[PathBuf],
    table: Option<&str>,
    dry_run: bool,
    as_of: Option<NaiveDate>,
    format: Format,
) -> Result<Ending> {
    let project = context.project()?;
    let contracts = std::sync::Arc::new(project.contracts()?);
    let warehouse = project.warehouse();
    for file in files {
        if !file.exists() {
            return Err(Diagnostic::error("no such file").in_file(file).effect("nothing was landed"));
        }
    }
    let _lock = if dry_run { None } else { Some(warehouse.lock("gridhouse land")?) };
    let stop = stop_flag(context.output);
    let settings = project.land_settings()?;
    let land = Land {
        warehouse,
        contracts,
        limits: settings.limits,
        workers: settings.workers,
        zone: settings.zone,
        moment: moment(&project, as_of)?,
        dry_run,
        table: table.map(str::to_owned),
        stop: &stop,
        progress: &|_| {},
        settle: &|_| Ok(()),
    };
    let deliveries = landing::land_all(&land, files).await?;
    print(context, &deliveries, dry_run, format)?;
    Ok(ending(&deliveries, files.len()))
}

fn ending(deliveries: &[Delivery], file_count: usize) -> Ending {
    let is_unexpected = |delivery: &Delivery| match &delivery.outcome {
        Outcome::Rejected { problem } => problem.fault == Fault::Unexpected,
        _ => false,
    };
    if deliveries.iter().any(is_unexpected) {
        Ending::Unexpected
    } else if deliveries.iter().any(Delivery::is_rejected) || deliveries.len() < file_count {
        Ending::Problems
    } else {
        Ending::Done
    }
}

fn print(context: &CommandContext<'_>, deliveries: &[Delivery], dry_run: bool, format: Format) -> Result<()> {
    let header = [
        "file",
        "table",
        "outcome",
        "batch",
        "rows_in",
        "inserted",
        "updated",
        "unchanged",
        "superseded",
        "deleted",
        "quarantined",
        "dropped",
    ];
    let mut rows = Vec::new();
    for delivery in deliveries {
        let mut row = vec![json!(delivery.file_name()), json!(delivery.table)];
        match &delivery.outcome {
            Outcome::Landed { batch } => {
                row.extend([json!(if dry_run { "would land" } else { "landed" }), json!(batch.batch_id)]);
                let c = batch.counts();
                let went = [c.inserted, c.updated, c.unchanged, c.superseded, c.deleted, c.quarantined, c.dropped];
                row.push(json!(c.rows_in));
                row.extend(went.map(|n| json!(n)));
            }
            Outcome::AlreadyLanded { batch_id } => {
                row.extend([json!("landed before, nothing changed"), json!(batch_id)]);
                row.resize(header.len(), Value::Null);
            }
            Outcome::Rejected { problem } => {
                context.output.problem(problem);
                row.push(json!("rejected"));
                row.resize(header.len(), Value::Null);
            }
        }
        for remark in &delivery.remarks {
            context.output.problem(&Diagnostic::warning(remark.clone()).in_file(&delivery.path));
        }
        rows.push(row);
    }
    context.output.done_records(format, &header, &rows)?;
    let quarantined: Vec<&str> = deliveries
        .iter()
        .filter_map(|d| match &d.outcome {
            Outcome::Landed { batch } if batch.quarantined > 0 => Some(batch.batch_id.as_str()),
            _ => None,
        })
        .collect();
    if let (Some(batch), false) = (quarantined.first(), dry_run) {
        context.output.say(format!("\nhint: `gridhouse quarantine show {batch}` says why rows are in quarantine"));
    }
    Ok(())
}
