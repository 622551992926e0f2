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
/// A file with fewer rows than this is merged with its like.
const SMALL_FILE_ROWS: u64 = 64 * 1024;
/// Merged files hold about this many rows, so that one rewrite stays in memory.
const MERGED_FILE_ROWS: u64 = 512 * 1024;

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
    let mut groups: Vec<Vec<String>> = vec![Vec::new()];
    let mut rows = 0;
    for file in small {
        if rows >= MERGED_FILE_ROWS {
            groups.push(Vec::new());
            rows = 0;
        }
        rows += file.rows.unwrap_or(0);
        if let Some(group) = groups.last_mut() {
            group.push(file.path);
        }
    }
    let mut table = table;
    for group in groups.into_iter().filter(|group| group.len() > 1) {
        let mut batches: Vec<RecordBatch> = Vec::new();
        for path in &group {
            batches.extend(table.read(path, None).await?);
        }
        let file = encode_parquet("merged", table.schema(), &batches)?;
        result.files_merged += group.len();
        result.files_written += 1;
        table = table
            .commit(Commit {
                operation: Operation::Optimize,
                adds: vec![file],
                removes: group,
                metadata: json!({"operation": "compact"}),
                transaction: None,
            })
            .await?;
    }
    Ok(table)
}
