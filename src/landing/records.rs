//! The warehouse's own records: batches (derived from the tables' commit logs) and runs of the nightly job.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::json::ReaderBuilder;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Counts;
use super::deletions::DELETIONS_TABLE;
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::query::CLOSED_TABLE;
use crate::warehouse::{Commit, Operation, Table, Warehouse, encode_parquet};

pub const BATCHES_TABLE: &str = "batches";
pub const RUNS_TABLE: &str = "runs";

/// One delivery landed in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub batch_id: String,
    pub table_name: String,
    pub file: String,
    /// BLAKE3 of the delivered bytes.
    pub delivery_hash: String,
    pub as_of: NaiveDate,
    /// Local time of the district.
    pub landed_at: String,
    /// The table version the batch made.
    #[serde(default)]
    pub version: u64,
    pub rows_in: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub superseded: u64,
    pub deleted: u64,
    pub quarantined: u64,
    pub dropped: u64,
    pub warnings: u64,
    /// Rows of the table after the batch.
    pub rows_after: u64,
    /// Rows that came back from quarantine, whatever the table's deliveries usually are.
    #[serde(default)]
    pub is_correction: bool,
}

impl Batch {
    pub fn counts(&self) -> Counts {
        Counts {
            rows_in: self.rows_in,
            inserted: self.inserted,
            updated: self.updated,
            unchanged: self.unchanged,
            superseded: self.superseded,
            deleted: self.deleted,
            quarantined: self.quarantined,
            dropped: self.dropped,
            warnings: self.warnings,
        }
    }
}

/// One execution of the nightly job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub run_id: String,
    pub as_of: NaiveDate,
    pub started_at: String,
    pub finished_at: String,
    /// `done`, `problems` (everything possible was done) or `interrupted`.
    pub outcome: String,
    pub snapshot_id: String,
    /// Table versions as a JSON object.
    pub snapshot: String,
    pub deliveries: u64,
    pub rejected: u64,
    pub rows_in: u64,
    pub quarantined: u64,
    pub checks_failed: u64,
    /// Views whose numbers must not be published, by name, with commas between.
    #[serde(default)]
    pub stopped_views: String,
    pub reports_made: u64,
    pub reports_failed: u64,
    pub seconds: f64,
    pub program_version: String,
}

fn fields(texts: &[&str], counts: &[&str]) -> Vec<Field> {
    let mut fields = vec![Field::new("as_of", DataType::Date32, true)];
    fields.extend(texts.iter().map(|name| {
        let kind =
            if name.ends_with("_at") { DataType::Timestamp(TimeUnit::Microsecond, None) } else { DataType::Utf8 };
        Field::new(*name, kind, true)
    }));
    fields.extend(counts.iter().map(|name| Field::new(*name, DataType::Int64, true)));
    fields
}

pub fn batches_schema() -> SchemaRef {
    let mut fields = fields(
        &["batch_id", "table_name", "file", "delivery_hash", "landed_at"],
        &[
            "version",
            "rows_in",
            "inserted",
            "updated",
            "unchanged",
            "superseded",
            "deleted",
            "quarantined",
            "dropped",
            "warnings",
            "rows_after",
        ],
    );
    fields.push(Field::new("is_correction", DataType::Boolean, true));
    Arc::new(Schema::new(fields))
}

pub fn runs_schema() -> SchemaRef {
    let mut fields = fields(
        &[
            "run_id",
            "started_at",
            "finished_at",
            "outcome",
            "snapshot_id",
            "snapshot",
            "stopped_views",
            "program_version",
        ],
        &["deliveries", "rejected", "rows_in", "quarantined", "checks_failed", "reports_made", "reports_failed"],
    );
    fields.push(Field::new("seconds", DataType::Float64, true));
    Arc::new(Schema::new(fields))
}

fn to_rows<T: Serialize>(records: &[T], schema: &SchemaRef) -> Result<RecordBatch> {
    let mut decoder = ReaderBuilder::new(schema.clone()).build_decoder().doing("writing records")?;
    decoder.serialize(records).doing("writing records")?;
    decoder.flush().doing("writing records")?.ok_or_else(|| Diagnostic::unexpected("no records to write"))
}

async fn read_records<T: serde::de::DeserializeOwned>(table: &Table) -> Result<Vec<T>> {
    let mut records = Vec::new();
    for file in table.files().await? {
        for batch in table.read(&file.path, None).await? {
            let mut writer = arrow::json::ArrayWriter::new(Vec::new());
            writer.write(&batch).doing("reading records")?;
            writer.finish().doing("reading records")?;
            let read: Vec<T> = serde_json::from_slice(&writer.into_inner()).doing("reading records")?;
            records.extend(read);
        }
    }
    Ok(records)
}

/// All batches, oldest first within a table. Includes commits whose record a crash prevented.
pub async fn read_batches(warehouse: &Warehouse) -> Result<Vec<Batch>> {
    let mut batches: Vec<Batch> = match warehouse.table(BATCHES_TABLE).await? {
        Some(table) => read_records(&table).await?,
        None => Vec::new(),
    };
    batches.extend(unrecorded(warehouse, &batches).await?);
    batches.sort_by(|a, b| (&a.table_name, a.version).cmp(&(&b.table_name, b.version)));
    Ok(batches)
}

/// Batches that are committed but not yet in the batch log.
async fn unrecorded(warehouse: &Warehouse, recorded: &[Batch]) -> Result<Vec<Batch>> {
    let mut latest: BTreeMap<&str, u64> = BTreeMap::new();
    for batch in recorded {
        let version = latest.entry(&batch.table_name).or_default();
        *version = batch.version.max(*version);
    }
    let mut found = Vec::new();
    for name in warehouse.table_names()? {
        if [BATCHES_TABLE, RUNS_TABLE, super::QUARANTINE_TABLE, DELETIONS_TABLE, CLOSED_TABLE].contains(&name.as_str())
        {
            continue;
        }
        let recorded = latest.get(name.as_str()).copied();
        if warehouse.newest_version(&name)? <= recorded {
            continue;
        }
        let Some(table) = warehouse.table(&name).await? else { continue };
        for entry in table.log(recorded).await? {
            if let Some(metadata) = entry.metadata.filter(|m| m.get("batch_id").is_some()) {
                let mut batch: Batch = serde_json::from_value(metadata)
                    .doing(format!("reading log entry {} of table `{name}`", entry.version))?;
                batch.version = entry.version;
                found.push(batch);
            }
        }
    }
    Ok(found)
}

/// Brings the batch log up to the tables' commits.
pub(super) async fn record_batches(warehouse: &Warehouse) -> Result<()> {
    let table = warehouse.table_with_schema(BATCHES_TABLE, "批次", &batches_schema()).await?;
    let recorded: Vec<Batch> = read_records(&table).await?;
    let new = unrecorded(warehouse, &recorded).await?;
    if new.is_empty() {
        return Ok(());
    }
    append(table, "batches", &new, &batches_schema()).await
}

async fn append<T: Serialize>(table: Table, stem: &str, records: &[T], schema: &SchemaRef) -> Result<()> {
    let file = encode_parquet(stem, schema, &[to_rows(records, schema)?])?;
    let metadata: Value = json!({"records": records.len()});
    table
        .commit(Commit {
            operation: Operation::Append,
            adds: vec![file],
            removes: Vec::new(),
            metadata,
            transaction: None,
        })
        .await?;
    Ok(())
}

/// All runs, oldest first.
pub async fn read_runs(warehouse: &Warehouse) -> Result<Vec<Run>> {
    let mut runs: Vec<Run> = match warehouse.table(RUNS_TABLE).await? {
        Some(table) => read_records(&table).await?,
        None => Vec::new(),
    };
    runs.sort_by(|a, b| (&a.started_at, &a.run_id).cmp(&(&b.started_at, &b.run_id)));
    Ok(runs)
}

pub async fn write_run(warehouse: &Warehouse, run: &Run) -> Result<()> {
    let table = warehouse.table_with_schema(RUNS_TABLE, "运行记录", &runs_schema()).await?;
    append(table, "runs", std::slice::from_ref(run), &runs_schema()).await
}
