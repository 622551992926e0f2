//! Closing a month: its published figures are frozen as the night that published them saw them.
//!
//! The figures lie in one table, written in one commit: a month is closed or it is not, whenever the machine stops. What
//! is delivered later does not change them; `closed_figure_revision` sets beside them what they would be now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::json;

use crate::diagnostic::{Context, Diagnostic, Result};
use crate::district::month::Month;
use crate::landing::{self, Run};
use crate::project::{Project, snapshot_of_run};
use crate::query::{CLOSED_TABLE, MonthOfView, Snapshot, closed_schema};
use crate::warehouse::{Commit, Operation, Warehouse, WriterLock, encode_parquet};

/// What a commit of the table says of itself: which month it closed, and with how many figures.
const MARK: &str = "closed_month";

/// A month that is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    pub month: Month,
    pub closed_at: NaiveDateTime,
    /// The night whose table versions the figures were made of.
    pub run_id: String,
    pub as_of: NaiveDate,
    pub snapshot_id: String,
    /// Versions of the tables that the figures rest on.
    pub tables: BTreeMap<String, u64>,
    pub views: BTreeSet<String>,
    pub figures: usize,
}

/// What came of closing a month.
#[derive(Debug)]
pub enum Outcome {
    Closed(Closing),
    /// It was closed before, and nothing differs.
    AlreadyClosed(Closing),
}

/// Closes `month`. `today` and `now` are the district's.
///
/// # Errors
/// A month that has not ended or that no night has published, figures that failed their checks, and a month that is closed
/// and would have other figures now.
pub async fn close(project: &Project, month: Month, now: NaiveDateTime, _lock: &WriterLock) -> Result<Outcome> {
    let refused = |message: String| Diagnostic::error(message).effect("nothing was closed");
    if month.last_day() >= now.date() {
        return Err(refused(format!("{month} has not ended: today is {}", now.date()))
            .hint("a month is closed after its last day, when the night of that day has run"));
    }
    let warehouse = project.warehouse();
    let months = project.months(&warehouse)?;
    if let Some(known) = closings(&warehouse).await?.into_iter().find(|known| known.month == month) {
        let newest = project.pin(&warehouse, month.last_day())?;
        let found = months.figures(month, &newest.versions).await?;
        let frozen = frozen(&warehouse, month).await?;
        return match differing(&frozen, &found)? {
            0 => Ok(Outcome::AlreadyClosed(known)),
            count => Err(refused(format!(
                "{month} was closed at {} and {count} of its figures would be others now",
                known.closed_at
            ))
            .hint(
                "a closed month is not opened again: from the next night on reports print both values as 修订; \
                 `gridhouse sql -c 'SELECT * FROM closed_figure_revision'` lists them",
            )),
        };
    }
    let runs = landing::read_runs(&warehouse).await?;
    let run = published_by(&runs, month).map_err(|problem| problem.effect("nothing was closed"))?;
    let declared: Vec<&str> = months
        .catalog
        .iter()
        .filter(|view| view.model.config.closed_months.is_some())
        .map(|view| view.name.as_str())
        .collect();
    let stopped: Vec<&str> = run.stopped_views.split(',').filter(|view| declared.contains(view)).collect();
    if !stopped.is_empty() {
        return Err(refused(format!("the figures of {month} failed their checks in the night of {}", run.as_of))
            .note("views", stopped.join(", "))
            .hint("`gridhouse check` says what failed; close the month after a night without these failures"));
    }
    let versions = snapshot_of_run(run)?.versions;
    let below: BTreeSet<String> = declared.iter().flat_map(|view| months.tables_below(view)).collect();
    let tables: BTreeMap<String, u64> =
        versions.iter().filter(|(table, _)| below.contains(*table)).map(|(table, at)| (table.clone(), *at)).collect();
    for (table, version) in &tables {
        if let Some(lost) = warehouse.lost(table, *version).await? {
            return Err(refused(format!("the tables of the night of {} are not all here any more", run.as_of))
                .note("gone", format!("version {version} of `{table}`: {lost}"))
                .hint("a backup may have them; months are best closed soon after they end"));
        }
    }
    let found = months.figures(month, &versions).await?;
    let rows = to_rows(month, now, run, &snapshot_of_run(run)?, &tables, &found)?;
    if rows.num_rows() == 0 {
        return Err(refused(format!("no view has figures of {month}"))
            .hint("`config: closed_months` in a view's `.yml` says which of its rows speak for a whole month"));
    }
    let table = warehouse.table_with_schema(CLOSED_TABLE, "结账数", &closed_schema()).await?;
    let file = encode_parquet(&format!("closed-{month}"), &closed_schema(), std::slice::from_ref(&rows))?;
    table
        .commit(Commit {
            operation: Operation::Append,
            adds: vec![file],
            removes: Vec::new(),
            metadata: json!({MARK: month.to_string(), "rows": rows.num_rows()}),
            transaction: None,
        })
        .await?;
    let closed = closings(&warehouse).await?.into_iter().find(|known| known.month == month);
    closed
        .map(Outcome::Closed)
        .ok_or_else(|| Diagnostic::unexpected(format!("{month} was closed and its figures cannot be read")))
}

/// The night that published a month: the last one of its last day, from which the month's own reports were made. Where
/// none ran on that day, the newest one after it.
fn published_by(runs: &[Run], month: Month) -> Result<&Run> {
    let last_day = month.last_day();
    let finished = || runs.iter().filter(|run| run.outcome != "interrupted");
    let on_last_day = finished().rev().find(|run| run.as_of == last_day);
    // Of several as of the same date the last one.
    let newest = || finished().filter(|run| run.as_of > last_day).max_by_key(|run| run.as_of);
    on_last_day.or_else(newest).ok_or_else(|| {
        Diagnostic::error(format!("no night of {last_day} or later has run: {month} has no published figures"))
            .hint(format!("run `gridhouse nightly --as-of {last_day}` first"))
    })
}

/// All closed months, in order.
pub async fn closings(warehouse: &Warehouse) -> Result<Vec<Closing>> {
    let mut found: BTreeMap<Month, Closing> = BTreeMap::new();
    for batch in stored(warehouse).await? {
        let texts = Texts::of(&batch, &["month", "run_id", "snapshot_id", "tables", "view_name"])?;
        let moments = column(&batch, "closed_at")?.as_primitive::<TimestampMicrosecondType>();
        let dates = column(&batch, "as_of")?.as_primitive::<Date32Type>();
        let numbers = column(&batch, "value")?;
        for row in 0..batch.num_rows() {
            let month = texts.at(0, row).parse().doing(DOING)?;
            let closing = match found.entry(month) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(new) => new.insert(Closing {
                    month,
                    closed_at: DateTime::from_timestamp_micros(moments.value(row)).unwrap_or_default().naive_utc(),
                    run_id: texts.at(1, row).to_owned(),
                    as_of: Date32Type::to_naive_date_opt(dates.value(row))
                        .ok_or_else(|| Diagnostic::unexpected("a closed month has no date"))?,
                    snapshot_id: texts.at(2, row).to_owned(),
                    tables: serde_json::from_str(texts.at(3, row)).doing(DOING)?,
                    views: BTreeSet::new(),
                    figures: 0,
                }),
            };
            closing.views.insert(texts.at(4, row).to_owned());
            closing.figures += usize::from(numbers.is_valid(row));
        }
    }
    Ok(found.into_values().collect())
}

/// What a date lies in, where that month is closed.
pub async fn closing_of(warehouse: &Warehouse, date: NaiveDate) -> Result<Option<Closing>> {
    Ok(closings(warehouse).await?.into_iter().find(|closing| closing.month == Month::of(date)))
}

/// Table versions that closed months were frozen to, by table.
pub async fn kept_versions(warehouse: &Warehouse) -> Result<BTreeMap<String, BTreeSet<u64>>> {
    let mut kept: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for (table, version) in closings(warehouse).await?.into_iter().flat_map(|closing| closing.tables) {
        kept.entry(table).or_default().insert(version);
    }
    Ok(kept)
}

/// Closed months of which something is gone: figures their commits wrote, or commits a night has seen.
pub async fn losses(warehouse: &Warehouse, runs: &[Run]) -> Result<Vec<Diagnostic>> {
    let hint = "restore the folder `closed_figures` of the warehouse from a backup: published figures would change";
    let mut lost = Vec::new();
    let mut seen = None;
    for run in runs {
        seen = seen.max(snapshot_of_run(run)?.versions.get(CLOSED_TABLE).copied());
    }
    let table = warehouse.table(CLOSED_TABLE).await?;
    let version = table.as_ref().map(crate::warehouse::Table::version);
    if seen > version {
        let is = version.map_or_else(|| "is gone".to_owned(), |version| format!("is at version {version}"));
        let seen = seen.unwrap_or_default();
        lost.push(
            Diagnostic::unexpected(format!("the table of closed months {is}, and a night has read version {seen}"))
                .hint(hint),
        );
    }
    let Some(table) = table else { return Ok(lost) };
    let mut held: BTreeMap<String, u64> = BTreeMap::new();
    for batch in stored(warehouse).await? {
        let texts = Texts::of(&batch, &["month"])?;
        for row in 0..batch.num_rows() {
            *held.entry(texts.at(0, row).to_owned()).or_default() += 1;
        }
    }
    for metadata in table.log(None).await?.into_iter().filter_map(|entry| entry.metadata) {
        let (Some(month), Some(rows)) = (metadata[MARK].as_str(), metadata["rows"].as_u64()) else { continue };
        let held = held.get(month).copied().unwrap_or_default();
        if held != rows {
            let message = format!("{month} was closed with {rows} figures and names, and {held} are there");
            lost.push(Diagnostic::unexpected(message).hint(hint));
        }
    }
    Ok(lost)
}

const DOING: &str = "reading the closed months";

async fn stored(warehouse: &Warehouse) -> Result<Vec<RecordBatch>> {
    let Some(table) = warehouse.table(CLOSED_TABLE).await? else { return Ok(Vec::new()) };
    let mut rows = Vec::new();
    for file in table.files().await? {
        rows.extend(table.read(&file.path, None).await?);
    }
    Ok(rows)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| Diagnostic::unexpected(format!("the table of closed months has no column `{name}`")))
}

struct Texts<'a>(Vec<&'a StringArray>);

impl<'a> Texts<'a> {
    fn of(batch: &'a RecordBatch, names: &[&str]) -> Result<Self> {
        let texts = names.iter().map(|name| {
            let text = column(batch, name)?.as_string_opt::<i32>();
            text.ok_or_else(|| Diagnostic::unexpected(format!("`{name}` of a closed month is no text")))
        });
        texts.collect::<Result<_>>().map(Self)
    }

    fn at(&self, column: usize, row: usize) -> &'a str {
        self.0[column].value(row)
    }
}

type Figure = (String, String, String);

/// The figures a month was closed with, by view, row and column.
async fn frozen(warehouse: &Warehouse, month: Month) -> Result<BTreeMap<Figure, Option<f64>>> {
    let mut figures = BTreeMap::new();
    for batch in stored(warehouse).await? {
        let texts = Texts::of(&batch, &["month", "view_name", "row_key", "column_name"])?;
        let values = column(&batch, "value")?.as_primitive::<arrow::datatypes::Float64Type>();
        for row in (0..batch.num_rows()).filter(|row| texts.at(0, *row) == month.to_string()) {
            let figure = (texts.at(1, row).to_owned(), texts.at(2, row).to_owned(), texts.at(3, row).to_owned());
            figures.insert(figure, values.is_valid(row).then(|| values.value(row)));
        }
    }
    Ok(figures)
}

/// How many of the frozen figures, or of those of new rows, are others now.
fn differing(frozen: &BTreeMap<Figure, Option<f64>>, found: &[MonthOfView]) -> Result<usize> {
    let mut now: BTreeMap<Figure, Option<f64>> = BTreeMap::new();
    for view in found {
        for row in &view.rows {
            for (column, cell) in &row.cells {
                now.insert((view.view.clone(), row.key.clone(), column.clone()), cell.value);
            }
        }
    }
    // Columns and views that have come since were not published then.
    let columns: BTreeSet<(&str, &str)> = frozen.keys().map(|(view, _, column)| (&**view, &**column)).collect();
    let places: BTreeSet<&Figure> = frozen.keys().chain(now.keys()).collect();
    let published = places.into_iter().filter(|(view, _, column)| columns.contains(&(&**view, &**column)));
    let value = |figures: &BTreeMap<Figure, Option<f64>>, place| figures.get(place).copied().flatten();
    Ok(published.filter(|place| value(frozen, *place) != value(&now, *place)).count())
}

fn to_rows(
    month: Month,
    now: NaiveDateTime,
    run: &Run,
    snapshot: &Snapshot,
    tables: &BTreeMap<String, u64>,
    found: &[MonthOfView],
) -> Result<RecordBatch> {
    let mut texts: [Vec<Option<&str>>; 6] = Default::default();
    let (mut numbers, mut values) = (Vec::new(), Vec::new());
    for view in found {
        for (number, row) in (0_i64..).zip(&view.rows) {
            for (column, cell) in &row.cells {
                let known = [&view.view, &row.key, &row.name, column].map(|text| Some(text.as_str()));
                let row = known.into_iter().chain([cell.text.as_deref(), Some(view.definition.as_str())]);
                texts.iter_mut().zip(row).for_each(|(column, text)| column.push(text));
                numbers.push(number);
                values.push(cell.value);
            }
        }
    }
    let count = numbers.len();
    let tables = json!(tables).to_string();
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; count])) };
    let [views, keys, names, columns, cells, definitions] =
        texts.map(|texts| -> ArrayRef { Arc::new(StringArray::from(texts)) });
    let days = arrow::datatypes::Date32Type::from_naive_date(run.as_of);
    let rows: Vec<ArrayRef> = vec![
        same(&month.to_string()),
        views,
        keys,
        names,
        Arc::new(Int64Array::from(numbers)),
        columns,
        Arc::new(Float64Array::from(values)),
        cells,
        Arc::new(TimestampMicrosecondArray::from(vec![now.and_utc().timestamp_micros(); count])),
        same(&run.run_id),
        Arc::new(Date32Array::from(vec![days; count])),
        same(&snapshot.id()),
        same(&tables),
        definitions,
    ];
    RecordBatch::try_new(closed_schema(), rows).doing("closing a month")
}
