//! A figure of a closed month is explained where it was made: over the tables it was frozen to.

use super::{Asked, exact};
use crate::contract::Contracts;
use crate::diagnostic::{Context, Result};
use crate::district::month::Month;
use crate::landing;
use crate::project::{Project, snapshot_of_run};
use crate::query::lineage::Datum;
use crate::query::{CLOSED_TABLE, Session, Snapshot, View};

/// The session a frozen row comes from, and the same figure there; `None` for a row that the session's own tables gave.
pub(super) async fn where_frozen(
    project: &Project,
    session: &Session,
    contracts: &Contracts,
    view: &View,
    asked: &Asked,
) -> Result<Option<(Session, Asked)>> {
    let doing = "reading the closed months";
    let Some(declared) = &view.model.config.closed_months else { return Ok(None) };
    let value = |column: &str| asked.row.iter().find(|(name, _)| name == column).map(|(_, value)| value);
    let month = value(&declared.month).filter(|month| !month.is_null()).map(Datum::shown);
    let is_pinned = session.snapshot().is_some_and(|snapshot| snapshot.versions.contains_key(CLOSED_TABLE));
    let Some(month) = month.filter(|_| is_pinned) else { return Ok(None) };
    let text = |value: &str| format!("'{}'", value.replace('\'', "''"));
    let closed = format!(
        "SELECT run_id, tables FROM {CLOSED_TABLE} WHERE month = {} AND view_name = {} LIMIT 1",
        text(&month),
        text(&view.name)
    );
    let closed = Datum::rows(&session.fetch(&closed).await?)?;
    let Some([run_id, tables]) = closed.first().map(Vec::as_slice) else { return Ok(None) };
    let warehouse = project.warehouse();
    let runs = landing::read_runs(&warehouse).await?;
    let versions = match runs.iter().find(|run| run.run_id == run_id.shown()) {
        Some(run) => snapshot_of_run(run)?.versions,
        None => serde_json::from_str(&tables.shown()).doing(doing)?,
    };
    let as_of = month.parse::<Month>().doing(doing)?.last_day();
    let (frozen, _) = project.session(&warehouse, contracts, Snapshot { as_of, versions }).await?;
    let mut conditions = vec![format!("\"{}\" = {}", declared.month, text(&month))];
    for column in declared.key.iter().filter(|column| **column != declared.month) {
        conditions.push(match value(column) {
            Some(value) if !value.is_null() => format!("CAST(\"{column}\" AS VARCHAR) = {}", text(&value.shown())),
            _ => format!("\"{column}\" IS NULL"),
        });
    }
    let sql = format!("SELECT * FROM \"{}\" WHERE {} LIMIT 1", view.name, conditions.join(" AND "));
    let rows = Datum::rows(&frozen.fetch(&sql).await?)?;
    let schema = frozen.schema(&view.name).await?;
    // Where the view was changed since, today's says what there is to say.
    let there = rows.first().map(|row| Asked { row: exact(&schema, row), ..asked.clone() });
    Ok(there.map(|there| (frozen, there)))
}
