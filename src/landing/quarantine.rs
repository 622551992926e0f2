//! Rows that could not land: kept with their original text, place and reason until a corrected row clears them.
//!
//! The table holds personal data (the original text) and is the only place outside the landed tables that does.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use chrono::NaiveDate;
use serde_json::json;

use crate::diagnostic::{Context, Diagnostic, Result};
use crate::warehouse::{Commit, Operation, Table, Warehouse, encode_parquet};

pub const QUARANTINE_TABLE: &str = "quarantine";
/// The column of an exported workbook that says which row is being corrected.
pub(super) const ID_HEADER: &str = "隔离编号";

/// One violation of one delivered row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    /// The same for all violations of a row.
    pub quarantine_id: String,
    pub batch_id: String,
    pub table_name: String,
    pub file: String,
    pub line: i64,
    pub column_name: String,
    pub rule: String,
    /// Chinese, for the clerk.
    pub reason: String,
    /// The row as delivered, a JSON object of contract column (or delivered header) to text.
    pub original: String,
    pub row_key: Option<String>,
    /// The delivering subdistrict's code, where it can be told.
    pub unit: Option<String>,
    pub as_of: NaiveDate,
    pub landed_at: Option<i64>,
    /// The batch that brought the corrected row.
    pub cleared_by: Option<String>,
}

pub fn quarantine_schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("quarantine_id"),
        text("batch_id"),
        text("table_name"),
        text("file"),
        Field::new("line", DataType::Int64, true),
        text("column_name"),
        text("rule"),
        text("reason"),
        text("original"),
        text("row_key"),
        text("unit"),
        Field::new("as_of", DataType::Date32, true),
        Field::new("landed_at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        text("cleared_by"),
    ]))
}

/// The quarantine table while rows are put in and cleared.
pub(super) struct Quarantine {
    table: Table,
}

impl Quarantine {
    pub(super) async fn open(warehouse: &Warehouse) -> Result<Self> {
        let table = warehouse.table_with_schema(QUARANTINE_TABLE, "隔离区", &quarantine_schema()).await?;
        Ok(Self { table })
    }

    /// Records the violations of a batch and clears rows it corrects, in one commit.
    ///
    /// Runs before the batch itself is committed; done again after a crash it changes nothing.
    pub(super) async fn record(
        &mut self,
        batch_id: &str,
        rows: &[QuarantineRow],
        corrected: &Corrected<'_>,
    ) -> Result<()> {
        let mut adds = Vec::new();
        let mut removes = Vec::new();
        let mut is_recorded = false;
        let files = self.table.files().await?;
        let landed: HashSet<&str> = match files.is_empty() {
            true => HashSet::new(),
            false => corrected.rows.iter().map(|row| corrected.keys.value(*row as usize)).collect(),
        };
        for file in files {
            let stored = concat_batches(self.table.schema(), &self.table.read(&file.path, None).await?)
                .doing("reading the quarantine")?;
            is_recorded |= texts(&stored, "batch_id")?.iter().flatten().any(|id| id == batch_id);
            if let Some(changed) = cleared(&stored, batch_id, corrected, &landed)? {
                adds.push(encode_parquet("quarantine", self.table.schema(), &[changed])?);
                removes.push(file.path);
            }
        }
        if !rows.is_empty() && !is_recorded {
            adds.push(encode_parquet("quarantine", self.table.schema(), &[to_batch(rows)?])?);
        }
        if adds.is_empty() {
            return Ok(());
        }
        self.table = self
            .table
            .commit(Commit {
                operation: Operation::Merge,
                adds,
                removes,
                metadata: json!({"quarantine_of": batch_id}),
                transaction: Some(format!("gridhouse-quarantine-{batch_id}")),
            })
            .await?;
        Ok(())
    }
}

/// All rows, cleared ones too, by batch, line and column.
pub async fn read_quarantine(warehouse: &Warehouse) -> Result<Vec<QuarantineRow>> {
    let mut rows = Vec::new();
    if let Some(table) = warehouse.table(QUARANTINE_TABLE).await? {
        for file in table.files().await? {
            for batch in table.read(&file.path, None).await? {
                rows.extend(from_batch(&batch)?);
            }
        }
    }
    rows.sort_by(|a, b| {
        (&a.batch_id, a.line, &a.column_name, &a.rule).cmp(&(&b.batch_id, b.line, &b.column_name, &b.rule))
    });
    Ok(rows)
}

/// What a batch puts right: keys that landed, and quarantine ids its file named.
pub(super) struct Corrected<'a> {
    pub(super) table: &'a str,
    /// Of all accepted rows, those that landed being `rows`.
    pub(super) keys: &'a StringArray,
    pub(super) rows: &'a [u32],
    pub(super) ids: HashSet<String>,
}

/// `stored` with `cleared_by` set where the batch corrects a row; `None` if it corrects none.
fn cleared(
    stored: &RecordBatch,
    batch_id: &str,
    corrected: &Corrected<'_>,
    landed: &HashSet<&str>,
) -> Result<Option<RecordBatch>> {
    let (ids, batches) = (texts(stored, "quarantine_id")?, texts(stored, "batch_id")?);
    let (tables, keys) = (texts(stored, "table_name")?, texts(stored, "row_key")?);
    let earlier = texts(stored, "cleared_by")?;
    let mut cleared_by = StringBuilder::new();
    let mut is_changed = false;
    for row in 0..stored.num_rows() {
        let is_hit = earlier.is_null(row)
            && batches.value(row) != batch_id
            && (corrected.ids.contains(ids.value(row))
                || (tables.value(row) == corrected.table && keys.is_valid(row) && landed.contains(keys.value(row))));
        is_changed |= is_hit;
        if is_hit {
            cleared_by.append_value(batch_id);
        } else {
            cleared_by.append_option(earlier.is_valid(row).then(|| earlier.value(row)));
        }
    }
    if !is_changed {
        return Ok(None);
    }
    let position = stored.schema().index_of("cleared_by").doing("clearing quarantined rows")?;
    let mut columns = stored.columns().to_vec();
    columns[position] = Arc::new(cleared_by.finish());
    Ok(Some(RecordBatch::try_new(stored.schema(), columns).doing("clearing quarantined rows")?))
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| Diagnostic::unexpected(format!("the quarantine table has no column `{name}`")))
}

fn to_batch(rows: &[QuarantineRow]) -> Result<RecordBatch> {
    let text =
        |get: fn(&QuarantineRow) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(get))) };
    let optional = |get: fn(&QuarantineRow) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<StringArray>())
    };
    let columns: Vec<ArrayRef> = vec![
        text(|r| &r.quarantine_id),
        text(|r| &r.batch_id),
        text(|r| &r.table_name),
        text(|r| &r.file),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.line))),
        text(|r| &r.column_name),
        text(|r| &r.rule),
        text(|r| &r.reason),
        text(|r| &r.original),
        optional(|r| r.row_key.as_deref()),
        optional(|r| r.unit.as_deref()),
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| Date32Type::from_naive_date(r.as_of)))),
        Arc::new(rows.iter().map(|r| r.landed_at).collect::<TimestampMicrosecondArray>()),
        optional(|r| r.cleared_by.as_deref()),
    ];
    RecordBatch::try_new(quarantine_schema(), columns).doing("writing the quarantine")
}

fn from_batch(batch: &RecordBatch) -> Result<Vec<QuarantineRow>> {
    let owned = |name: &str, row: usize| -> Result<Option<String>> {
        let column = texts(batch, name)?;
        Ok(column.is_valid(row).then(|| column.value(row).to_owned()))
    };
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .ok_or_else(|| Diagnostic::unexpected(format!("the quarantine table has no column `{name}`")))
    };
    let lines = column("line")?.as_primitive::<arrow::datatypes::Int64Type>();
    let dates = column("as_of")?.as_primitive::<Date32Type>();
    let moments = column("landed_at")?.as_primitive::<TimestampMicrosecondType>();
    (0..batch.num_rows())
        .map(|row| {
            let required = |name: &str| -> Result<String> {
                owned(name, row)?.ok_or_else(|| Diagnostic::unexpected(format!("a quarantined row has no `{name}`")))
            };
            Ok(QuarantineRow {
                quarantine_id: required("quarantine_id")?,
                batch_id: required("batch_id")?,
                table_name: required("table_name")?,
                file: required("file")?,
                line: lines.value(row),
                column_name: required("column_name")?,
                rule: required("rule")?,
                reason: required("reason")?,
                original: required("original")?,
                row_key: owned("row_key", row)?,
                unit: owned("unit", row)?,
                as_of: Date32Type::to_naive_date_opt(dates.value(row))
                    .ok_or_else(|| Diagnostic::unexpected("a quarantined row has no date"))?,
                landed_at: moments.is_valid(row).then(|| moments.value(row)),
                cleared_by: owned("cleared_by", row)?,
            })
        })
        .collect()
}
