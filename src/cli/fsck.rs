//! `gridhouse fsck`: looks for damage and says what is sound.

use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::diagnostic::{Diagnostic, Result};
use crate::landing;

pub(super) async fn fsck(context: &CommandContext<'_>, format: Format) -> Result<Ending> {
    let project = context.project()?;
    let warehouse = project.warehouse();
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
    for name in &names {
        let found = warehouse.examine(name).await;
        let logged = batches.iter().filter(|b| &b.table_name == name).max_by_key(|b| b.version);
        let mut sound = found.problems.is_empty();
        if let (Some(batch), Some(rows)) = (logged, found.rows)
            && batch.rows_after != rows
        {
            sound = false;
            problems.push(
                Diagnostic::unexpected(format!(
                    "table `{name}` holds {rows} rows and the batch log says {} after batch `{}`",
                    batch.rows_after, batch.batch_id
                ))
                .hint("land the archived deliveries again into a fresh warehouse folder, or restore a backup"),
            );
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
