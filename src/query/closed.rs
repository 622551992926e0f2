//! Closed months: the rows a view was frozen to stand in the place of what today's tables would give.
//!
//! A view says in its `.yml` which of its rows speak for a whole month. Their figures lie, one a row, in the table
//! [`CLOSED_TABLE`]; a snapshot from before a month was closed has none of them, so that earlier editions come out as they
//! were. What today's tables say of the same figures is worked out as [`RECOMPUTED_TABLE`], for SQL to set beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, UInt64Array, new_null_array};
use arrow::compute::{cast, concat_batches, interleave, take};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit};
use serde::Deserialize;

use super::views::{View, ViewCatalog};
use crate::diagnostic::{Context, Diagnostic, Result};

/// The figures of closed months, one a row, as they were frozen.
pub const CLOSED_TABLE: &str = "closed_figures";
/// The same figures as the session's tables give them. Not stored: worked out when it is read.
pub const RECOMPUTED_TABLE: &str = "recomputed_figures";

/// Between the values of a key. No code or name has it.
const KEY_SEPARATOR: &str = "/";

/// Which rows of a view speak for a whole month: `config.closed_months` in its `.yml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedMonths {
    /// The column with the month, `2024-05`, of rows that speak for all of it; null in other rows.
    pub month: String,
    /// Columns that say where in the view a month is shown. All others are frozen.
    #[serde(default)]
    pub period: Vec<String>,
    /// Columns that tell the rows of a month apart.
    pub key: Vec<String>,
}

impl ClosedMonths {
    /// Whether a column says where a month is shown and not what its figures are.
    fn is_of_period(&self, column: &str) -> bool {
        column == self.month || self.period.iter().any(|known| known == column)
    }

    /// Every column that the declaration names.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.month).chain(&self.period).chain(&self.key).map(String::as_str)
    }
}

/// The columns of [`CLOSED_TABLE`].
pub fn closed_schema() -> SchemaRef {
    let mut fields = vec![text("month"), text("view_name"), text("row_key"), text("row_name")];
    fields.push(Field::new("row_number", DataType::Int64, true));
    fields.extend([text("column_name"), Field::new("value", DataType::Float64, true), text("text")]);
    fields.push(Field::new("closed_at", DataType::Timestamp(TimeUnit::Microsecond, None), true));
    fields.extend([text("run_id"), Field::new("as_of", DataType::Date32, true), text("snapshot_id")]);
    fields.extend([text("tables"), text("definition")]);
    Arc::new(Schema::new(fields))
}

/// The columns of [`RECOMPUTED_TABLE`].
pub fn recomputed_schema() -> SchemaRef {
    let mut fields: Vec<Field> = ["month", "view_name", "row_key", "row_name", "column_name"].map(text).into();
    fields.push(Field::new("value", DataType::Float64, true));
    fields.extend(["view_label", "column_label", "unit", "definition", "deliveries"].map(text));
    fields.push(Field::new("delivery_count", DataType::Int64, true));
    Arc::new(Schema::new(fields))
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

/// A figure or a name in a row: numbers as numbers, everything else as text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    pub value: Option<f64>,
    pub text: Option<String>,
}

/// One row of a view for one month.
#[derive(Debug, Clone, PartialEq)]
pub struct FrozenRow {
    pub key: String,
    /// The key as people read it: without codes, unless it is made of nothing else.
    pub name: String,
    /// By column, without those of the period.
    pub cells: BTreeMap<String, Cell>,
}

/// The rows of `batches`, which speak for one month. The same month may be shown for several periods; it is taken once.
pub(super) fn rows_of(view: &View, declared: &ClosedMonths, batches: &[RecordBatch]) -> Result<Vec<FrozenRow>> {
    let mut rows = Vec::new();
    let mut periods: BTreeMap<String, String> = BTreeMap::new();
    for batch in batches {
        let columns = (0..batch.num_columns()).filter(|at| !declared.is_of_period(batch.schema().field(*at).name()));
        let columns: Vec<(String, Cells)> = columns
            .map(|at| Ok((batch.schema().field(at).name().clone(), Cells::of(batch.column(at))?)))
            .collect::<Result<_>>()?;
        let keys = text_columns(batch, declared.key.iter().map(String::as_str))?;
        let shown = text_columns(batch, declared.period.iter().map(String::as_str))?;
        for row in 0..batch.num_rows() {
            let parts: Vec<&str> = keys.iter().filter(|key| key.is_valid(row)).map(|key| key.value(row)).collect();
            let key = parts.join(KEY_SEPARATOR);
            let period: Vec<String> = shown
                .iter()
                .map(|column| if column.is_valid(row) { format!("={}", column.value(row)) } else { String::new() })
                .collect();
            let period = period.join("\n");
            match periods.get(&key) {
                Some(known) if *known == period => return Err(no_key(view, declared)),
                Some(_) => continue,
                None => drop(periods.insert(key.clone(), period)),
            }
            let read: Vec<&str> = parts.iter().copied().filter(|part| !part.is_ascii()).collect();
            let name = if read.is_empty() { key.clone() } else { read.join(KEY_SEPARATOR) };
            let cells = columns.iter().map(|(column, cells)| (column.clone(), cells.at(row))).collect();
            rows.push(FrozenRow { key, name, cells });
        }
    }
    Ok(rows)
}

fn no_key(view: &View, declared: &ClosedMonths) -> Diagnostic {
    Diagnostic::error(format!("`{}` does not tell the rows of a month apart", declared.key.join("`, `")))
        .in_file(view.yml.clone().unwrap_or_else(|| view.path.clone()))
        .hint("name more columns under `closed_months: key`")
}

/// A column as it is frozen.
enum Cells {
    Numbers(Float64Array),
    Texts(StringArray),
}

impl Cells {
    fn of(column: &ArrayRef) -> Result<Self> {
        let doing = "reading the figures of a month";
        Ok(if column.data_type().is_numeric() {
            Self::Numbers(cast(column, &DataType::Float64).doing(doing)?.as_primitive::<Float64Type>().clone())
        } else {
            Self::Texts(cast(column, &DataType::Utf8).doing(doing)?.as_string::<i32>().clone())
        })
    }

    fn at(&self, row: usize) -> Cell {
        match self {
            Self::Numbers(numbers) => Cell { value: numbers.is_valid(row).then(|| numbers.value(row)), text: None },
            Self::Texts(texts) => Cell { value: None, text: texts.is_valid(row).then(|| texts.value(row).to_owned()) },
        }
    }
}

pub(super) fn text_columns<'a>(batch: &RecordBatch, names: impl Iterator<Item = &'a str>) -> Result<Vec<StringArray>> {
    let doing = "reading the figures of a month";
    names
        .map(|name| {
            let column = batch.column_by_name(name).ok_or_else(|| {
                Diagnostic::error(format!("`closed_months` names the column `{name}`, which the view does not have"))
            })?;
            Ok(cast(column, &DataType::Utf8).doing(doing)?.as_string::<i32>().clone())
        })
        .collect()
}

/// What a month was closed with.
#[derive(Debug, Clone, Default)]
pub(super) struct ClosedMonth {
    /// The table versions the figures were made of, as JSON.
    pub(super) tables: String,
    /// By view: the hash of its definition then, and its rows in their order.
    pub(super) views: BTreeMap<String, (String, Vec<FrozenRow>)>,
}

/// All closed months of a snapshot, by month.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub(super) months: BTreeMap<String, ClosedMonth>,
}

impl Closed {
    /// Out of the rows of [`CLOSED_TABLE`].
    pub(super) fn of(batches: &[RecordBatch]) -> Result<Self> {
        let doing = "reading the closed months";
        type Rows = BTreeMap<(i64, String), FrozenRow>;
        let mut found: BTreeMap<(String, String), (String, String, Rows)> = BTreeMap::new();
        for batch in batches {
            let names = ["month", "view_name", "row_key", "row_name", "column_name", "text", "tables", "definition"];
            let texts = text_columns(batch, names.into_iter())?;
            let [months, views, keys, row_names, columns, values, tables, definitions] = texts.as_slice() else {
                return Err(Diagnostic::unexpected("the table of closed months lacks a column"));
            };
            let column = |name: &str| batch.column_by_name(name).ok_or_else(|| Diagnostic::unexpected(doing));
            let numbers = column("value")?.as_primitive::<Float64Type>();
            let order = column("row_number")?.as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let place = (months.value(row).to_owned(), views.value(row).to_owned());
                let (_, _, rows) = found
                    .entry(place)
                    .or_insert_with(|| (tables.value(row).to_owned(), definitions.value(row).to_owned(), Rows::new()));
                let frozen = rows.entry((order.value(row), keys.value(row).to_owned())).or_insert_with(|| FrozenRow {
                    key: keys.value(row).to_owned(),
                    name: row_names.value(row).to_owned(),
                    cells: BTreeMap::new(),
                });
                let cell = Cell {
                    value: numbers.is_valid(row).then(|| numbers.value(row)),
                    text: values.is_valid(row).then(|| values.value(row).to_owned()),
                };
                frozen.cells.insert(columns.value(row).to_owned(), cell);
            }
        }
        let mut closed = Self::default();
        for ((month, view), (tables, definition, rows)) in found {
            let month = closed.months.entry(month).or_default();
            month.tables = tables;
            month.views.insert(view, (definition, rows.into_values().collect()));
        }
        Ok(closed)
    }

    /// Whether any month was closed with figures of this view.
    pub(super) fn has(&self, view: &str) -> bool {
        self.months.values().any(|month| month.views.contains_key(view))
    }

    /// The rows of a view with those of closed months as they were frozen, wherever the view shows one.
    pub(super) fn overlay(
        &self,
        view: &View,
        declared: &ClosedMonths,
        rows: &[RecordBatch],
    ) -> Result<Vec<RecordBatch>> {
        let doing = format!("putting closed months into `{}`", view.name);
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let raw = concat_batches(&first.schema(), rows).doing(&doing)?;
        let in_view = |problem: Diagnostic| problem.in_file(view.yml.clone().unwrap_or_else(|| view.path.clone()));
        let periods = std::iter::once(declared.month.as_str()).chain(declared.period.iter().map(String::as_str));
        let periods = text_columns(&raw, periods).map_err(in_view)?;
        let mut frozen: Vec<&FrozenRow> = Vec::new();
        let mut starts: BTreeMap<&str, std::ops::Range<usize>> = BTreeMap::new();
        let mut shown = BTreeSet::new();
        // Where each row comes from, and which row says what period it is shown for.
        let (mut places, mut period_rows): (Vec<(usize, usize)>, Vec<u64>) = (Vec::new(), Vec::new());
        for row in 0..raw.num_rows() {
            let month = periods[0].is_valid(row).then(|| periods[0].value(row));
            let closed = month.and_then(|month| Some((month, self.months.get(month)?.views.get(&view.name)?)));
            let Some((month, (_, closed))) = closed else {
                places.push((0, row));
                period_rows.push(row as u64);
                continue;
            };
            let period: Vec<Option<&str>> =
                periods.iter().map(|column| column.is_valid(row).then(|| column.value(row))).collect();
            if !shown.insert(period) {
                continue;
            }
            let range = starts.entry(month).or_insert_with(|| {
                let start = frozen.len();
                frozen.extend(closed);
                start..frozen.len()
            });
            places.extend(range.clone().map(|at| (1, at)));
            period_rows.extend(std::iter::repeat_n(row as u64, range.len()));
        }
        let period_rows = UInt64Array::from(period_rows);
        let mut fields = Vec::new();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (field, column) in raw.schema().fields().iter().zip(raw.columns()) {
            fields.push(field.as_ref().clone().with_nullable(true));
            columns.push(if declared.is_of_period(field.name()) {
                take(column, &period_rows, None).doing(&doing)?
            } else {
                let frozen = column_of(&frozen, field.name(), field.data_type())?;
                interleave(&[column.as_ref(), frozen.as_ref()], &places).doing(&doing)?
            });
        }
        Ok(vec![RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).doing(&doing)?])
    }
}

/// One column of frozen rows; null where they have none, because the view has got it since.
fn column_of(rows: &[&FrozenRow], name: &str, wanted: &DataType) -> Result<ArrayRef> {
    let doing = "reading the closed months";
    if rows.is_empty() {
        return Ok(new_null_array(wanted, 0));
    }
    let cells = || rows.iter().map(|row| row.cells.get(name));
    let plain: ArrayRef = if wanted.is_numeric() {
        Arc::new(cells().map(|cell| cell?.value).collect::<Float64Array>())
    } else {
        Arc::new(cells().map(|cell| cell?.text.clone()).collect::<StringArray>())
    };
    cast(&plain, wanted).doing(doing)
}

/// A hash of all that a view's rows depend on beside its tables: its SQL and that of the views below it.
pub(super) fn definition_of(catalog: &ViewCatalog, view: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for below in catalog.in_order([view]) {
        for part in [&below.name, &below.sql] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}
