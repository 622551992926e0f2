//! `gridhouse quarantine list | show | export`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::args::{Format, Quarantine as Command};
use super::{CommandContext, Ending};
use crate::contract::{Contracts, names_a_person};
use crate::diagnostic::{Diagnostic, Result};
use crate::landing::{self, QuarantineRow};

pub(super) async fn quarantine(context: &CommandContext<'_>, command: &Command) -> Result<Ending> {
    let project = context.project()?;
    let rows = landing::read_quarantine(&project.warehouse()).await?;
    match command {
        Command::List { all, format } => list(context, &rows, *all, *format),
        Command::Show { batch, format } => show(context, &rows, &project.contracts()?, batch, *format),
        Command::Export { batches, out, format } => {
            for batch in batches {
                known_batch(&rows, batch)?;
            }
            let contracts = project.contracts()?;
            let open: Vec<&QuarantineRow> = rows
                .iter()
                .filter(|r| r.cleared_by.is_none() && (batches.is_empty() || batches.contains(&r.batch_id)))
                .collect();
            let files = landing::export_quarantine(&open, &contracts, out)?;
            if files.is_empty() {
                context.output.say("nothing is in quarantine");
            }
            let rows: Vec<_> = files.into_iter().map(|(path, count)| vec![json!(path), json!(count)]).collect();
            context.output.done_records(*format, &["file", "rows"], &rows)?;
            Ok(Ending::Done)
        }
    }
}

fn list(context: &CommandContext<'_>, rows: &[QuarantineRow], all: bool, format: Format) -> Result<Ending> {
    let mut groups: BTreeMap<(&str, &str, &str, &str), (u64, u64)> = BTreeMap::new();
    for row in rows.iter().filter(|r| all || r.cleared_by.is_none()) {
        let group = groups.entry((&row.batch_id, &row.file, &row.column_name, &row.rule)).or_default();
        group.0 += 1;
        group.1 += u64::from(row.cleared_by.is_some());
    }
    let mut header = vec!["batch", "file", "column", "rule", "rows"];
    if all {
        header.push("cleared");
    }
    let table: Vec<Vec<Value>> = groups
        .into_iter()
        .map(|((batch, file, column, rule), (count, cleared))| {
            let mut row = vec![json!(batch), json!(file), json!(column), json!(rule), json!(count)];
            if all {
                row.push(json!(cleared));
            }
            row
        })
        .collect();
    if table.is_empty() {
        context.output.say("nothing is in quarantine");
    }
    context.output.records(format, &header, &table)?;
    Ok(Ending::Done)
}

fn known_batch(rows: &[QuarantineRow], batch: &str) -> Result<()> {
    if rows.iter().any(|r| r.batch_id == batch) {
        return Ok(());
    }
    Err(Diagnostic::error(format!("no row of a batch `{batch}` is in quarantine"))
        .hint("`gridhouse quarantine list` names the batches"))
}

fn show(
    context: &CommandContext<'_>,
    rows: &[QuarantineRow],
    contracts: &Contracts,
    batch: &str,
    format: Format,
) -> Result<Ending> {
    known_batch(rows, batch)?;
    // A table without a contract is not known to be harmless.
    let has_personal_key = |table: &str| {
        contracts.get(table).is_none_or(|contract| contract.key.iter().any(|at| contract.columns[*at].hides_values()))
    };
    // Of a row that has slipped the key may be anybody's name.
    let slipped: BTreeSet<&str> =
        rows.iter().filter(|row| row.has_slipped()).map(|row| row.quarantine_id.as_str()).collect();
    let hides_key = |row: &QuarantineRow, key: &str| {
        has_personal_key(&row.table_name) || slipped.contains(row.quarantine_id.as_str()) || names_a_person(key)
    };
    let header = ["line", "key", "column", "rule", "reason", "cleared_by"];
    let table: Vec<Vec<Value>> = rows
        .iter()
        .filter(|r| r.batch_id == batch)
        .map(|r| {
            let key = r.row_key.as_ref().map(|key| match hides_key(r, key) {
                true => "hidden".to_owned(),
                false => key.replace('\u{1f}', " "),
            });
            vec![json!(r.line), json!(key), json!(r.column_name), json!(r.rule), json!(r.reason), json!(r.cleared_by)]
        })
        .collect();
    context.output.records(format, &header, &table)?;
    context.output.say("\nhint: the rows' text is in the workbooks that `gridhouse quarantine export` writes");
    Ok(Ending::Done)
}
