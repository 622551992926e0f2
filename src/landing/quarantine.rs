//! Puts rows into the quarantine, clears those a batch corrects, and takes out what a killed night left there.
//!
//! The quarantine is committed before the batch its rows belong to. So it may hold rows of a batch that was never
//! committed, and rows that such a batch is said to have cleared. The same delivery on the same date makes the same
//! batch and finds its rows; what no delivery will make again is taken out.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray, StringBuilder};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use serde_json::{Value, json};

use super::Moment;
use super::held::{Held, Stamp};
use super::landed::date_mark;
use super::quarantined::{QUARANTINE_TABLE, quarantine_schema, texts};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::warehouse::{Commit, Operation, Table, Warehouse, encode_parquet};

/// The quarantine table while rows are put in and cleared.
pub(super) struct Quarantine {
    table: Table,
    /// Names of all committed batches.
    committed: HashSet<String>,
}

/// What a batch puts right: keys for which it brought news, and quarantine ids its file named.
pub(super) struct Corrected<'a> {
    /// Of all accepted rows; those with news are `rows`.
    pub(super) keys: &'a StringArray,
    pub(super) rows: &'a [u32],
    pub(super) ids: HashSet<String>,
}

/// Columns that decide what becomes of a stored row.
const DECIDING: [&str; 5] = ["quarantine_id", "batch_id", "table_name", "row_key", "cleared_by"];

/// A stored row as far as its fate depends on it.
struct Stored<'a> {
    id: &'a str,
    batch_id: &'a str,
    table: &'a str,
    key: Option<&'a str>,
    cleared_by: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unchanged,
    /// By the batch at hand.
    Cleared,
    /// The batch that cleared it was never committed.
    Reopened,
    Removed,
}

/// Files to add and to remove.
#[derive(Default)]
struct Changes {
    adds: Vec<(String, Bytes, u64)>,
    removes: Vec<String>,
}

impl Quarantine {
    /// `committed` are the batches of all tables. Comes before the first delivery of a landing: what one that is under
    /// way has put in would be taken for a remainder.
    pub(super) async fn open(warehouse: &Warehouse, committed: HashSet<String>, moment: Moment) -> Result<Self> {
        let table = warehouse.table_with_schema(QUARANTINE_TABLE, "隔离区", &quarantine_schema()).await?;
        let mut quarantine = Self { table, committed };
        quarantine.sweep(moment).await?;
        Ok(quarantine)
    }

    /// From now on the batch counts as committed.
    pub(super) fn has_landed(&mut self, batch_id: &str) {
        self.committed.insert(batch_id.to_owned());
    }

    /// Takes out what batches left that were never committed. Those of this date stay: the night that was killed may be
    /// the one that is run again, and finds everything as an undisturbed one would.
    async fn sweep(&mut self, moment: Moment) -> Result<()> {
        let of_this_date = date_mark(moment);
        let is_void = |batch_id: &str| !self.committed.contains(batch_id) && !batch_id.contains(&of_this_date);
        let judge = |row: &Stored<'_>| match row.cleared_by {
            _ if is_void(row.batch_id) => Fate::Removed,
            Some(batch_id) if is_void(batch_id) => Fate::Reopened,
            _ => Fate::Unchanged,
        };
        let changes = self.changes("", &judge).await?;
        self.commit(changes, json!({"quarantine_swept": moment.as_of}), None).await
    }

    /// Records the rows of a batch that cannot land and clears rows it corrects, in one commit.
    ///
    /// Runs before the batch itself is committed; done again after a crash it changes nothing.
    pub(super) async fn record(&mut self, stamp: &Stamp<'_>, held: &Held, corrected: &Corrected<'_>) -> Result<()> {
        let is_recorded = self.is_recorded(stamp, held).await?;
        let batch_id = stamp.batch_id;
        let news: HashSet<&str> = corrected.rows.iter().map(|row| corrected.keys.value(*row as usize)).collect();
        let judge = |row: &Stored<'_>| {
            let is_own_table = row.table == stamp.table;
            // Deliveries of one table come one after the other; of another table one may be under way.
            let is_void = |id: &str| is_own_table && id != batch_id && !self.committed.contains(id);
            if row.batch_id == batch_id {
                return if is_recorded { Fate::Unchanged } else { Fate::Removed };
            }
            if is_void(row.batch_id) {
                return Fate::Removed;
            }
            let is_hit =
                corrected.ids.contains(row.id) || (is_own_table && row.key.is_some_and(|key| news.contains(key)));
            match row.cleared_by {
                Some(by) if by == batch_id && is_hit => Fate::Unchanged,
                Some(by) if by != batch_id && !is_void(by) => Fate::Unchanged,
                _ if is_hit => Fate::Cleared,
                Some(_) => Fate::Reopened,
                None => Fate::Unchanged,
            }
        };
        let mut changes = self.changes(batch_id, &judge).await?;
        if !is_recorded {
            for rows in held.batches(stamp) {
                changes.adds.push(encode_parquet("quarantine", self.table.schema(), &[rows?])?);
            }
        }
        let transaction = format!("gridhouse-quarantine-{batch_id}");
        self.commit(changes, json!({"quarantine_of": batch_id}), Some(transaction)).await
    }

    /// Whether the table holds of the batch exactly these rows, as after a crash.
    async fn is_recorded(&self, stamp: &Stamp<'_>, held: &Held) -> Result<bool> {
        let column = self.table.schema().index_of("batch_id").doing("reading the quarantine")?;
        let mut stored = Content::default();
        for file in self.table.files().await? {
            let mut has_own = false;
            for batch in self.table.read(&file.path, Some(&[column])).await? {
                has_own |= texts(&batch, "batch_id")?.iter().flatten().any(|id| id == stamp.batch_id);
            }
            if has_own {
                for batch in self.table.read(&file.path, None).await? {
                    let ids = texts(&batch, "batch_id")?;
                    stored.add(&batch, |row| ids.value(row) == stamp.batch_id)?;
                }
            }
        }
        let mut wanted = Content::default();
        // Without rows of the batch there is nothing to compare.
        if stored.rows > 0 {
            for batch in held.batches(stamp) {
                wanted.add(&batch?, |_| true)?;
            }
        }
        Ok(stored == wanted && (stored.rows > 0 || held.is_empty()))
    }

    /// Files with a row that does not stay as it is, and what takes their place.
    async fn changes(&self, batch_id: &str, judge: &(impl Fn(&Stored<'_>) -> Fate + Sync)) -> Result<Changes> {
        let deciding: Vec<usize> = DECIDING
            .iter()
            .map(|name| self.table.schema().index_of(name).doing("reading the quarantine"))
            .collect::<Result<_>>()?;
        let mut changes = Changes::default();
        for file in self.table.files().await? {
            // Nearly always nothing changes: the long texts are read only where something does.
            let mut is_touched = false;
            for batch in self.table.read(&file.path, Some(&deciding)).await? {
                is_touched |= fates(&batch, judge)?.iter().any(|fate| *fate != Fate::Unchanged);
            }
            if !is_touched {
                continue;
            }
            let mut rows = Vec::new();
            for batch in self.table.read(&file.path, None).await? {
                let fates = fates(&batch, judge)?;
                rows.push(after(&batch, &fates, batch_id)?);
            }
            if rows.iter().any(|batch| batch.num_rows() > 0) {
                changes.adds.push(encode_parquet("quarantine", self.table.schema(), &rows)?);
            }
            changes.removes.push(file.path);
        }
        Ok(changes)
    }

    async fn commit(&mut self, changes: Changes, metadata: Value, transaction: Option<String>) -> Result<()> {
        let Changes { adds, removes } = changes;
        if !adds.is_empty() || !removes.is_empty() {
            let commit = Commit { operation: Operation::Merge, adds, removes, metadata, transaction };
            self.table = self.table.commit(commit).await?;
        }
        Ok(())
    }
}

fn fates(batch: &RecordBatch, judge: &impl Fn(&Stored<'_>) -> Fate) -> Result<Vec<Fate>> {
    let [ids, batches, tables, keys, cleared] = DECIDING.map(|name| texts(batch, name));
    let (ids, batches, tables, keys, cleared) = (ids?, batches?, tables?, keys?, cleared?);
    let fate = |row: usize| {
        judge(&Stored {
            id: ids.value(row),
            batch_id: batches.value(row),
            table: tables.value(row),
            key: keys.is_valid(row).then(|| keys.value(row)),
            cleared_by: cleared.is_valid(row).then(|| cleared.value(row)),
        })
    };
    Ok((0..batch.num_rows()).map(fate).collect())
}

/// The rows that are left, with `cleared_by` as it is now.
fn after(batch: &RecordBatch, fates: &[Fate], batch_id: &str) -> Result<RecordBatch> {
    let earlier = texts(batch, "cleared_by")?;
    let mut cleared_by = StringBuilder::new();
    for (row, fate) in fates.iter().enumerate() {
        match fate {
            Fate::Cleared => cleared_by.append_value(batch_id),
            Fate::Reopened => cleared_by.append_null(),
            Fate::Unchanged | Fate::Removed => {
                cleared_by.append_option(earlier.is_valid(row).then(|| earlier.value(row)));
            }
        }
    }
    let position = batch.schema().index_of("cleared_by").doing("clearing quarantined rows")?;
    let mut columns = batch.columns().to_vec();
    columns[position] = Arc::new(cleared_by.finish());
    let rows = RecordBatch::try_new(batch.schema(), columns).doing("clearing quarantined rows")?;
    let is_left: BooleanArray = fates.iter().map(|fate| Some(*fate != Fate::Removed)).collect();
    filter_record_batch(&rows, &is_left).doing("clearing quarantined rows")
}

/// What rows say, in whatever order and files they lie; not when they were recorded nor what became of them.
#[derive(Default, PartialEq, Eq)]
struct Content {
    rows: u64,
    sum: u128,
}

impl Content {
    fn add(&mut self, batch: &RecordBatch, is_wanted: impl Fn(usize) -> bool) -> Result<()> {
        const TEXTS: [&str; 8] =
            ["quarantine_id", "table_name", "file", "column_name", "rule", "reason", "original", "row_key"];
        let columns = TEXTS.iter().map(|name| texts(batch, name)).collect::<Result<Vec<_>>>()?;
        let lines = batch
            .column_by_name("line")
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| Diagnostic::unexpected("the quarantine table has no column `line`"))?;
        for row in (0..batch.num_rows()).filter(|row| is_wanted(*row)) {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&lines.value(row).to_le_bytes());
            for column in &columns {
                // A length before each text: `ab`, `c` is not `a`, `bc`. No text is not the empty one.
                let text = column.is_valid(row).then(|| column.value(row));
                hasher.update(&text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
                hasher.update(text.unwrap_or_default().as_bytes());
            }
            let mut half = [0; 16];
            half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
            self.rows += 1;
            self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
        }
        Ok(())
    }
}
