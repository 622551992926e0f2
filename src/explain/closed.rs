//! A figure of a closed month is explained where it was made: over the tables it was frozen to. So are the two values of a
//! revision: the one it was closed with there, the other over the records of today.

use super::{Answer, Asked, Showing, answer, exact};
use crate::contract::Contracts;
use crate::diagnostic::{Context, Result};
use crate::district::month::Month;
use crate::landing::{self, Batch};
use crate::project::{Project, snapshot_of_run};
use crate::query::lineage::{Datum, Figure, Made, Stored};
use crate::query::{CLOSED_TABLE, RECOMPUTED_TABLE, Session, Snapshot, View};

const DOING: &str = "reading the closed months";
const REDEFINED: &str = "the view was changed since the month was closed; this is what it says now";

/// The session a frozen row comes from, and the same figure there; `None` for a row that the session's own tables gave.
pub(super) async fn where_frozen(
    project: &Project,
    session: &Session,
    contracts: &Contracts,
    view: &View,
    asked: &Asked,
) -> Result<Option<(Session, Asked)>> {
    let Some(declared) = &view.model.config.closed_months else { return Ok(None) };
    let value = |column: &str| asked.row.iter().find(|(name, _)| name == column).map(|(_, value)| value);
    let Some(month) = value(&declared.month).filter(|month| !month.is_null()).map(Datum::shown) else {
        return Ok(None);
    };
    let Some(frozen) = frozen(project, session, contracts, &view.name, &month).await? else { return Ok(None) };
    let mut conditions = vec![format!("\"{}\" = {}", declared.month, text(&month))];
    for column in declared.key.iter().filter(|column| **column != declared.month) {
        conditions.push(match value(column) {
            Some(value) if !value.is_null() => format!("CAST(\"{column}\" AS VARCHAR) = {}", text(&value.shown())),
            _ => format!("\"{column}\" IS NULL"),
        });
    }
    // Where the view was changed since, today's says what there is to say.
    let there = row_where(&frozen, view, &asked.column, &conditions).await?;
    Ok(there.map(|there| (frozen, there)))
}

/// What the tables of closed months hold of a figure is explained on in the view that it is a figure of, where it is
/// found there. `None` for any other stored value.
pub(super) async fn behind_stored(
    project: &Project,
    session: &Session,
    contracts: &Contracts,
    batches: &[Batch],
    figure: &Figure,
    showing: Showing,
) -> Result<Option<(Made, Answer)>> {
    let Made::Stored(Stored { table, key }) = &figure.made else { return Ok(None) };
    let named = |name: &str| key.iter().find(|(column, _)| column == name).map(|(_, value)| value.shown());
    let (Some(month), Some(view), Some(row_key), Some(column)) =
        (named("month"), named("view_name"), named("row_key"), named("column_name"))
    else {
        return Ok(None);
    };
    let of_month = match table.as_str() {
        CLOSED_TABLE => frozen(project, session, contracts, &view, &month).await?,
        RECOMPUTED_TABLE => Some(recounted(project, session, contracts, &month).await?),
        _ => None,
    };
    let Some(of_month) = of_month else { return Ok(None) };
    let Some(view) = of_month.catalog().get(&view) else { return Ok(None) };
    let Some(declared) = &view.model.config.closed_months else { return Ok(None) };
    let parts: Vec<String> = declared.key.iter().map(|column| format!("CAST(\"{column}\" AS VARCHAR)")).collect();
    let conditions = [
        format!("\"{}\" = {}", declared.month, text(&month)),
        format!("concat_ws('/', {}) = {}", parts.join(", "), text(&row_key)),
    ];
    let Some(asked) = row_where(&of_month, view, &column, &conditions).await? else { return Ok(None) };
    let inner = Box::pin(answer(project, &of_month, contracts, batches, &asked, showing)).await?;
    let is_same = match (figure.value.number(), inner.figure.value.number()) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-9 * one.abs().max(1.0),
        _ => figure.value == inner.figure.value,
    };
    let made = match is_same {
        true => Made::From(Box::new(inner.figure.clone())),
        false => Made::Computed { why: REDEFINED.to_owned(), inputs: vec![inner.figure.clone()] },
    };
    Ok(Some((made, inner)))
}

/// A session over the tables a view's figures of a month were frozen to; `None` where the session knows of no such.
async fn frozen(
    project: &Project,
    session: &Session,
    contracts: &Contracts,
    view: &str,
    month: &str,
) -> Result<Option<Session>> {
    if !session.snapshot().is_some_and(|snapshot| snapshot.versions.contains_key(CLOSED_TABLE)) {
        return Ok(None);
    }
    let closed = format!(
        "SELECT run_id, tables FROM {CLOSED_TABLE} WHERE month = {} AND view_name = {} LIMIT 1",
        text(month),
        text(view)
    );
    let closed = Datum::rows(&session.fetch(&closed).await?)?;
    let Some([run_id, tables]) = closed.first().map(Vec::as_slice) else { return Ok(None) };
    let warehouse = project.warehouse();
    let runs = landing::read_runs(&warehouse).await?;
    let versions = match runs.iter().find(|run| run.run_id == run_id.shown()) {
        Some(run) => snapshot_of_run(run)?.versions,
        None => serde_json::from_str(&tables.shown()).doing(DOING)?,
    };
    let as_of = month.parse::<Month>().doing(DOING)?.last_day();
    Ok(Some(project.session(&warehouse, contracts, Snapshot { as_of, versions }).await?.0))
}

/// A session over the session's own tables as of the last day of a month, without what months were frozen to.
async fn recounted(project: &Project, session: &Session, contracts: &Contracts, month: &str) -> Result<Session> {
    let mut versions = session.snapshot().map(|snapshot| snapshot.versions.clone()).unwrap_or_default();
    versions.remove(CLOSED_TABLE);
    let as_of = month.parse::<Month>().doing(DOING)?.last_day();
    Ok(project.session(&project.warehouse(), contracts, Snapshot { as_of, versions }).await?.0)
}

async fn row_where(session: &Session, view: &View, column: &str, conditions: &[String]) -> Result<Option<Asked>> {
    let sql = format!("SELECT * FROM \"{}\" WHERE {} LIMIT 1", view.name, conditions.join(" AND "));
    let rows = Datum::rows(&session.fetch(&sql).await?)?;
    let schema = session.schema(&view.name).await?;
    let asked =
        |row: &Vec<Datum>| Asked { view: view.name.clone(), column: column.to_owned(), row: exact(&schema, row) };
    Ok(rows.first().map(asked))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
