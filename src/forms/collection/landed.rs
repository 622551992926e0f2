//! What came back, landed: changed rows as deliveries of their tables, every differing cell with its outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::NaiveDateTime;
use serde_json::{Map, Value, json};

use super::super::delivered::{deliver, land_rows};
use super::super::elements::Dictionary;
use super::super::rows::quoted;
use super::returned::{Outcome, Return};
use crate::contract::Contracts;
use crate::diagnostic::{Context as _, Diagnostic, Result};
use crate::landing::{self, Moment, Outcome as Landing};
use crate::project::Project;
use crate::query::Session;

/// Lands what was accepted: columns of the records in their tables, judged by their contracts, and every cell with its
/// outcome. Cells that a contract refuses become refused. The caller holds the writer's lock.
///
/// # Errors
/// What keeps a table from being landed at all.
pub async fn land(
    back: &mut Return,
    project: &Project,
    contracts: &Arc<Contracts>,
    dictionary: &Dictionary,
    session: &Session,
    moment: Moment,
) -> Result<()> {
    // The date the collection speaks for, at the time of day it is.
    let at = moment.as_of.and_time(moment.now.time());
    for subject in &dictionary.subjects {
        let Some(table) = subject.records.as_ref().and_then(|records| records.table.clone()) else { continue };
        let mut changes: BTreeMap<String, Vec<(usize, String, String)>> = BTreeMap::new();
        for (order, cell) in back.cells.iter().enumerate() {
            // What was looked at and is still right is as new as what was changed.
            let is_new = match cell.outcome {
                Outcome::Accepted => cell.current != cell.returned,
                Outcome::Confirmed => true,
                Outcome::Conflict | Outcome::Refused => false,
            };
            let landed = cell.key.as_deref().and_then(|key| dictionary.lands_in(dictionary.get(key)?));
            let landed = landed.filter(|source| is_new && source.relation == table);
            if let (Some(source), Some(object), Some(value)) = (landed, &cell.object, &cell.returned) {
                changes.entry(object.clone()).or_default().push((order, source.column.clone(), value.clone()));
            }
        }
        if changes.is_empty() {
            continue;
        }
        let objects: Vec<&String> = changes.keys().collect();
        let key = subject.records.as_ref().map(|records| records.key.clone()).unwrap_or_default();
        let mut rows = stored_rows(session, contracts, &table, &key, &objects).await?;
        for (object, row) in &mut rows {
            for (_, column, value) in changes.get(object).into_iter().flatten() {
                row.insert(column.clone(), json!(value));
            }
            if let Some(version) =
                contracts.get(&table).and_then(|contract| Some(&contract.columns[contract.version_column?]))
            {
                // What was compared with the stored row comes after it, whatever time of day it is.
                let stored = row.get(&version.name).and_then(Value::as_str).and_then(|text| text.parse().ok());
                let after = stored.map(|stored: NaiveDateTime| stored + chrono::TimeDelta::seconds(1));
                let at = after.map_or(at, |after| after.max(at));
                row.insert(version.name.clone(), json!(at.format("%Y-%m-%d %H:%M:%S").to_string()));
            }
        }
        let in_order: Vec<(String, Value)> =
            rows.into_iter().map(|(object, row)| (object, Value::Object(row))).collect();
        let name = format!("{table}_采集_{}", &back.hash[..16]);
        let lines: Vec<Value> = in_order.iter().map(|(_, row)| row.clone()).collect();
        let delivery = deliver(project, contracts, moment, &table, &name, &lines).await?;
        let refused = match &delivery.outcome {
            Landing::Rejected { problem } => return Err((**problem).clone()),
            Landing::Landed { batch } if batch.superseded > 0 => {
                return Err(Diagnostic::unexpected(format!(
                    "{} rows of `{table}` changed while they were compared",
                    batch.superseded
                ))
                .in_file(&back.path)
                .effect("they were not taken, and the return is not recorded")
                .hint("hand the sheet in again"));
            }
            Landing::Landed { batch } if batch.quarantined > 0 => {
                let quarantine = landing::read_quarantine(&project.warehouse()).await?;
                quarantine.into_iter().filter(|row| row.batch_id == batch.batch_id).collect()
            }
            _ => Vec::new(),
        };
        for row in refused {
            let at = usize::try_from(row.line).unwrap_or(0).saturating_sub(1);
            let Some((object, _)) = in_order.get(at) else { continue };
            for (order, _, _) in changes.get(object).into_iter().flatten() {
                let cell = &mut back.cells[*order];
                cell.outcome = Outcome::Refused;
                cell.reason = row.reason.clone();
            }
        }
    }
    record(back, project, contracts, moment).await
}

/// Rows of a table as they are stored, as texts, by key.
async fn stored_rows(
    session: &Session,
    contracts: &Contracts,
    table: &str,
    key: &str,
    objects: &[&String],
) -> Result<BTreeMap<String, Map<String, Value>>> {
    let doing = "reading the rows that were changed";
    let mut rows = BTreeMap::new();
    let Some(contract) = contracts.get(table) else { return Ok(rows) };
    let columns: Vec<&str> = contract.columns.iter().map(|column| column.name.as_str()).collect();
    let listed: Vec<String> = objects.iter().map(|object| format!("'{}'", object.replace('\'', "''"))).collect();
    let selected: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let sql = format!("SELECT {} FROM {table} WHERE {} IN ({})", selected.join(", "), quoted(key), listed.join(", "));
    for batch in session.fetch(&sql).await? {
        let mut texts = Vec::new();
        for column in batch.columns() {
            texts.push(cast(column, &DataType::Utf8).doing(doing)?);
        }
        for row in 0..batch.num_rows() {
            let mut object = Map::new();
            for (name, column) in columns.iter().zip(&texts) {
                let column = column.as_string::<i32>();
                let value = if column.is_null(row) { Value::Null } else { json!(column.value(row)) };
                object.insert((*name).to_owned(), value);
            }
            if let Some(id) = object.get(key).and_then(Value::as_str) {
                rows.insert(id.to_owned(), object);
            }
        }
    }
    Ok(rows)
}

/// Lands the cells with their outcomes, and the return itself, last: it says that all of it was dealt with.
async fn record(back: &Return, project: &Project, contracts: &Arc<Contracts>, moment: Moment) -> Result<()> {
    let file = back.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (on, at) = (moment.as_of.to_string(), moment.now.format("%Y-%m-%d %H:%M:%S").to_string());
    let cells = back.cells.iter().map(|cell| {
        json!({
            "file_hash": back.hash, "place": cell.place, "file": file, "sheet_id": back.sheet_id,
            "community_code": back.community, "subject": cell.subject, "object_id": cell.object, "element": cell.key,
            "element_label": cell.label, "base_value": cell.base, "returned_value": cell.returned,
            "current_value": cell.current, "current_at": cell.current_at.map(|time| time.to_string()),
            "outcome": cell.outcome.label(), "reason": (!cell.reason.is_empty()).then_some(&cell.reason),
            "collected_on": on, "returned_at": at,
        })
    });
    let summary = json!({
        "file_hash": back.hash, "file": file, "sheet_id": back.sheet_id, "community_code": back.community,
        "collected_on": on, "returned_at": at, "prefilled_cell_count": back.prefilled, "changed_cell_count": back.changed,
        "added_cell_count": back.added,
    });
    // A decision adds nothing to what came back.
    let returns = if back.is_decision { Vec::new() } else { vec![summary] };
    let tables = [("collected_cells", cells.collect()), ("collection_returns", returns)];
    land_rows(project, contracts, moment, &tables).await.map(|_| ())
}

/// Whether a file was handed in and dealt with before.
///
/// # Errors
/// The warehouse cannot be read.
pub async fn is_known(session: &Session, hash: &str) -> Result<bool> {
    let sql = format!("SELECT file_hash FROM collection_returns WHERE file_hash = '{hash}'");
    Ok(session.fetch(&sql).await?.iter().any(|batch| batch.num_rows() > 0))
}
