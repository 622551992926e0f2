//! A plan's data files, and the commit that puts them in place of the ones they replace.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, StringArray};
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::SchemaRef;

use super::merge::{Plan, clustered, poisoned};
use super::tables::OpenTable;
use crate::contract::Contract;
use crate::diagnostic::{Context, Result};
use crate::warehouse::{Commit, encode_parquet, key_texts};

/// Rows per new data file: one file is rewritten in memory when a row of it changes.
const FILE_ROWS_MAX: usize = 512 * 1024;
/// Of rows that are put together into one file: a column of a batch cannot hold 2 GB.
const FILE_BYTES_MAX: usize = 512 << 20;

/// A data file that is written anew.
pub(super) struct Rewrite {
    pub(super) path: String,
    pub(super) stored: RecordBatch,
    /// `(row of the file, row of `updates`)`; `None` deletes.
    pub(super) changes: BTreeMap<u32, Option<u32>>,
    pub(super) updates: RecordBatch,
}

/// New files of a plan, and what the key index must learn once they are committed.
pub(super) struct Written {
    pub(super) commit_adds: Vec<(String, bytes::Bytes, u64)>,
    pub(super) commit_removes: Vec<String>,
    /// Per new file the keys in row order.
    keys: Vec<(String, StringArray)>,
    /// Keys of deleted rows.
    gone: Vec<String>,
}

/// Encodes the files of a plan. Heavy on the processor, touches no disk.
pub(super) fn encode(contract: &Contract, plan: Plan, stem: &str) -> Result<Written> {
    let mut written =
        Written { commit_adds: Vec::new(), commit_removes: Vec::new(), keys: Vec::new(), gone: Vec::new() };
    let schema = plan.inserts.schema();
    let key_columns: Vec<usize> = contract
        .key
        .iter()
        .map(|at| schema.index_of(&contract.columns[*at].name).doing("finding a key column"))
        .collect::<Result<_>>()?;
    let host = host_of(&plan);
    for (number, rewrite) in plan.rewrites.into_iter().enumerate() {
        let mut picks = Vec::with_capacity(rewrite.stored.num_rows());
        let stored_keys = key_texts(&rewrite.stored, &key_columns)?;
        for row in 0..rewrite.stored.num_rows() {
            match rewrite.changes.get(&(row as u32)) {
                None => picks.push((0, row)),
                Some(Some(update)) => picks.push((1, *update as usize)),
                Some(None) => written.gone.push(stored_keys.value(row).to_owned()),
            }
        }
        written.commit_removes.push(rewrite.path);
        let mut rows = interleave_record_batch(&[&rewrite.stored, &rewrite.updates], &picks).doing("replacing rows")?;
        if host == Some(number) {
            let all = concat_batches(&schema, [&rows, &plan.inserts]).doing("adding rows")?;
            rows = clustered(contract, all)?;
        }
        if rows.num_rows() > 0 {
            written.add(stem, &schema, rows, &key_columns)?;
        }
    }
    let mut start = 0;
    while host.is_none() && start < plan.inserts.num_rows() {
        let rows = plan.inserts.slice(start, FILE_ROWS_MAX.min(plan.inserts.num_rows() - start));
        start += rows.num_rows();
        written.add(stem, &schema, rows, &key_columns)?;
    }
    Ok(written)
}

/// The rewritten file that takes the inserted rows as well: with a new file for each delivery, every night would find
/// more files to open than the one before.
fn host_of(plan: &Plan) -> Option<usize> {
    if plan.inserts.num_rows() == 0 {
        return None;
    }
    let rows = |rewrite: &Rewrite| rewrite.stored.num_rows();
    let bytes = |batch: &RecordBatch| batch.get_array_memory_size();
    let fits = |rewrite: &Rewrite| {
        rows(rewrite) + plan.inserts.num_rows() <= FILE_ROWS_MAX
            && bytes(&rewrite.stored) + bytes(&plan.inserts) <= FILE_BYTES_MAX
    };
    let fitting = plan.rewrites.iter().enumerate().filter(|(_, rewrite)| fits(rewrite));
    fitting.max_by_key(|(number, rewrite)| (rows(rewrite), usize::MAX - number)).map(|(number, _)| number)
}

impl Written {
    fn add(&mut self, stem: &str, schema: &SchemaRef, rows: RecordBatch, key_columns: &[usize]) -> Result<()> {
        let keys = key_texts(&rows, key_columns)?;
        let file = encode_parquet(stem, schema, &[rows])?;
        self.keys.push((file.0.clone(), keys));
        self.commit_adds.push(file);
        Ok(())
    }
}

/// Makes the commit and brings the key index up to it.
pub(super) async fn commit(open: &mut OpenTable, written: Written, commit: Commit) -> Result<()> {
    open.table =
        open.table.commit(Commit { adds: written.commit_adds, removes: written.commit_removes, ..commit }).await?;
    let mut index = open.keys.write().map_err(|_| poisoned())?;
    for key in &written.gone {
        index.remove(key);
    }
    for (path, keys) in &written.keys {
        let file = index.add_file(path);
        index.put_all(keys, file, 0);
    }
    Ok(())
}
