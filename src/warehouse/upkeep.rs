//! Keeps tables quick and small: merges small files, writes a checkpoint, removes files no kept version needs.

use arrow::array::RecordBatch;
use chrono::Duration;
use deltalake::checkpoints::create_checkpoint;
use deltalake::operations::vacuum::VacuumMode;
use serde_json::json;

use super::table::{Commit, Operation, Table, encode_parquet};
use super::{Warehouse, WriterLock};
use crate::diagnostic::{Context, Diagnostic, Result};

/// Vacuum never removes files younger than this: a reader that opened a version must be able to finish.
const RETENTION_DAYS_MIN: i64 = 7;
/// A file with fewer rows than this is merged with its like, and takes new rows rather than leave them to another file.
pub const SMALL_FILE_ROWS: u64 = 16 * 1024;
/// Merged files hold about this many rows: one changed row has the whole file written again, by each delivery that
/// changes one.
const MERGED_FILE_ROWS: u64 = 64 * 1024;
/// And take about this much memory: the quarantine has long texts, and a column of a batch cannot hold 2 GB.
const MERGED_FILE_BYTES: usize = 512 << 20;

#[derive(Debug, Clone)]
pub struct Upkeep {
    pub retention_days: i64,
    /// Versions that must stay readable whatever their age.
    pub kept_versions: Vec<u64>,
    pub dry_run: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpkeepResult {
    pub files_merged: usize,
    pub files_written: usize,
    pub files_removed: usize,
}

impl Warehouse {
    /// Compacts and vacuums one table. The lock shows that no job is running meanwhile.
    pub async fn upkeep(&self, name: &str, upkeep: &Upkeep, _lock: &WriterLock) -> Result<UpkeepResult> {
        if upkeep.retention_days < RETENTION_DAYS_MIN {
            return Err(Diagnostic::error(format!(
                "a retention of {} days is too short: files younger than {RETENTION_DAYS_MIN} days may still be read",
                upkeep.retention_days
            ))
            .hint("set `upkeep.retention_days` in `gridhouse.toml` to 7 or more"));
        }
        let Some(table) = self.table(name).await? else {
            return Ok(UpkeepResult::default());
        };
        let mut result = UpkeepResult::default();
        let table = if upkeep.dry_run { table } else { compact(table, &mut result).await? };
        if !upkeep.dry_run {
            create_checkpoint(table.delta(), None).await.doing(format!("writing a checkpoint of `{name}`"))?;
        }
        let (_, metrics) = table
            .delta()
            .clone()
            .vacuum()
            .with_retention_period(Duration::days(upkeep.retention_days))
            .with_keep_versions(&upkeep.kept_versions)
            // Full: the default mode leaves the orphans of killed runs behind (delta-rs#3644).
            .with_mode(VacuumMode::Full)
            .with_dry_run(upkeep.dry_run)
            .await
            .doing(format!("vacuuming table `{name}`"))?;
        result.files_removed = metrics.files_deleted.len();
        Ok(result)
    }
}

async fn compact(table: Table, result: &mut UpkeepResult) -> Result<Table> {
    let small: Vec<_> =
        table.files().await?.into_iter().filter(|f| f.rows.is_some_and(|rows| rows < SMALL_FILE_ROWS)).collect();
    let mut table = table;
    let (mut group, mut batches): (Vec<String>, Vec<RecordBatch>) = (Vec::new(), Vec::new());
    for file in small {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let bytes: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        if rows as u64 >= MERGED_FILE_ROWS || bytes >= MERGED_FILE_BYTES {
            table = merge_files(table, std::mem::take(&mut group), std::mem::take(&mut batches), result).await?;
        }
        batches.extend(table.read(&file.path, None).await?);
        group.push(file.path);
    }
    merge_files(table, group, batches, result).await
}

/// Puts one file in the place of `files`, whose rows are `batches`.
async fn merge_files(
    table: Table,
    files: Vec<String>,
    batches: Vec<RecordBatch>,
    result: &mut UpkeepResult,
) -> Result<Table> {
    if files.len() < 2 {
        return Ok(table);
    }
    let merged = encode_parquet("merged", table.schema(), &batches)?;
    result.files_merged += files.len();
    result.files_written += 1;
    table
        .commit(Commit {
            operation: Operation::Optimize,
            adds: vec![merged],
            removes: files,
            metadata: json!({"operation": "compact"}),
            transaction: None,
        })
        .await
}
