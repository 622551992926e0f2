//! The table of rows that could not land: kept with their original text, place and reason until a corrected row clears
//! them.
//!
//! The table holds personal data (the original text); outside the landed tables only it and the deleted keys do.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use chrono::NaiveDate;

use crate::contract::RuleCode;
use crate::diagnostic::{Diagnostic, Result};
use crate::warehouse::Warehouse;

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

impl QuarantineRow {
    /// Whether the values of the row may stand in the wrong columns.
    pub fn has_slipped(&self) -> bool {
        self.rule == RuleCode::RaggedRow.as_str()
    }
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

pub(super) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_string_opt::<i32>())
        .ok_or_else(|| Diagnostic::unexpected(format!("the quarantine table has no column `{name}`")))
}
