//! `gridhouse history`.

use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::diagnostic::{Diagnostic, Result, did_you_mean};
use crate::landing;

pub(super) async fn history(context: &CommandContext<'_>, table: Option<&str>, format: Format) -> Result<Ending> {
    let project = context.project()?;
    let batches = landing::read_batches(&project.warehouse()).await?;
    if let Some(table) = table {
        let contracts = project.contracts()?;
        if contracts.get(table).is_none() && !batches.iter().any(|b| b.table_name == table) {
            let problem = Diagnostic::error(format!("no table `{table}`"));
            return Err(match did_you_mean(table, contracts.iter().map(|c| c.table.as_str())) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
    }
    let header = [
        "table",
        "version",
        "as_of",
        "landed_at",
        "batch",
        "file",
        "rows_in",
        "inserted",
        "updated",
        "unchanged",
        "superseded",
        "deleted",
        "quarantined",
        "dropped",
        "rows_after",
    ];
    let rows: Vec<Vec<serde_json::Value>> = batches
        .iter()
        .filter(|b| table.is_none_or(|t| t == b.table_name))
        .map(|b| {
            vec![
                json!(b.table_name),
                json!(b.version),
                json!(b.as_of),
                json!(b.landed_at),
                json!(b.batch_id),
                json!(b.file),
                json!(b.rows_in),
                json!(b.inserted),
                json!(b.updated),
                json!(b.unchanged),
                json!(b.superseded),
                json!(b.deleted),
                json!(b.quarantined),
                json!(b.dropped),
                json!(b.rows_after),
            ]
        })
        .collect();
    if rows.is_empty() {
        context.output.say("nothing has landed yet");
    }
    context.output.records(format, &header, &rows)?;
    Ok(Ending::Done)
}
