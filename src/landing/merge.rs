//! Which stored rows a delivery replaces, and the one commit that says so.
//!
//! Not delta-rs's MERGE: that joins whole tables in memory and refuses two source rows with one key (delta-rs#2802
//! #2407), where a night changes one row in a hundred. Here the delivered keys are looked up in the key index and
//! only files that hold a changed row are written again.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::make_comparator;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, UInt32Array, new_empty_array,
};
use arrow::compute::SortColumn;
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{SortOptions, and, concat, interleave_record_batch, lexsort_to_indices, take, take_record_batch};
use arrow::datatypes::SchemaRef;
use foldhash::fast::RandomState;

use super::Counts;
use super::tables::{OpenTable, SYSTEM_COLUMNS};
use crate::contract::{Contract, DeliveryKind, Operation};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::warehouse::{Commit, RowPlace, encode_parquet, key_texts};

/// Rows per new data file: one file is rewritten in memory when a row of it changes.
const FILE_ROWS_MAX: usize = 512 * 1024;

/// Accepted rows of one delivery, ready to be merged.
pub(super) struct Accepted {
    /// The contract's columns.
    pub(super) rows: RecordBatch,
    /// The line of each row in the delivered file.
    pub(super) lines: Vec<u32>,
    /// Per row; `None` where the delivery has no operation column.
    pub(super) operations: Option<Vec<Operation>>,
    /// Columns of the contract that were not delivered: null in `rows`, and stored values of them stay.
    pub(super) absent: Vec<usize>,
}

impl Accepted {
    pub(super) fn none(contract: &Contract) -> Self {
        let rows = RecordBatch::new_empty(contract.arrow_schema());
        Self { rows, lines: Vec::new(), operations: None, absent: Vec::new() }
    }
}

/// Batches as one, column by column: both copies are never held at once.
pub(super) fn joined(schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<RecordBatch> {
    if let [batch] = batches.as_slice() {
        return Ok(batch.clone());
    }
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::with_capacity(batches.len()); schema.fields().len()];
    for batch in batches {
        let (_, columns, _) = batch.into_parts();
        parts.iter_mut().zip(columns).for_each(|(parts, column)| parts.push(column));
    }
    let columns = parts.into_iter().zip(schema.fields()).map(|(parts, field)| {
        check_text_bytes(field.name(), parts.iter().map(text_bytes).sum())?;
        if parts.is_empty() {
            return Ok(new_empty_array(field.data_type()));
        }
        concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>()).doing("joining rows")
    });
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_>>()?).doing("joining rows")
}

/// Text of a column has to be reached by offsets of 31 bits.
pub(super) fn check_text_bytes(column: &str, bytes: i64) -> Result<()> {
    if bytes > i64::from(i32::MAX) {
        return Err(Diagnostic::error(format!("column `{column}` holds more than 2 GB of text"))
            .effect("not landed")
            .hint("send the rows in several files"));
    }
    Ok(())
}

/// Text in a column; 0 for columns of another type.
pub(super) fn text_bytes(column: &ArrayRef) -> i64 {
    column.as_string_opt::<i32>().map_or(0, |texts| {
        let offsets = texts.value_offsets();
        i64::from(offsets[offsets.len() - 1] - offsets[0])
    })
}

/// A delivery with each key at most once.
pub(super) struct Deduplicated {
    /// Rows to merge, as indexes into the accepted rows.
    pub(super) kept: Vec<u32>,
    pub(super) superseded: u64,
    /// Rows with the same key and version but different content.
    pub(super) tied: Vec<u32>,
}

/// Per key the latest row wins; the rest is superseded. Latest rows that differ from each other are a violation.
pub(super) fn deduplicate(contract: &Contract, accepted: &Accepted, keys: &StringArray) -> Result<Deduplicated> {
    let mut first: hashbrown::HashMap<&str, u32, RandomState> =
        hashbrown::HashMap::with_capacity_and_hasher(keys.len(), RandomState::default());
    let mut repeated: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for row in 0..keys.len() as u32 {
        let key = keys.value(row as usize);
        if let Some(earlier) = first.insert(key, row) {
            let rows = repeated.entry(key).or_insert_with(|| vec![earlier]);
            rows.push(row);
        }
    }
    if repeated.is_empty() {
        return Ok(Deduplicated { kept: (0..keys.len() as u32).collect(), superseded: 0, tied: Vec::new() });
    }
    let versions = contract.version_column.map(|at| accepted.rows.column(at).clone());
    let by_version = match &versions {
        Some(column) => Some(
            make_comparator(column, column, SortOptions { descending: false, nulls_first: true })
                .doing("comparing versions")?,
        ),
        None => None,
    };
    let same = |a: u32, b: u32| -> Result<bool> {
        if let Some(operations) = &accepted.operations
            && operations[a as usize] != operations[b as usize]
        {
            return Ok(false);
        }
        rows_equal(&accepted.rows, a, b)
    };
    let mut dropped: HashSet<u32> = HashSet::new();
    let mut tied = Vec::new();
    let mut superseded = 0;
    for rows in repeated.values() {
        let mut latest: Vec<u32> = Vec::new();
        for row in rows {
            let order = match (&by_version, latest.first()) {
                (_, None) => Ordering::Greater,
                (Some(compare), Some(best)) => compare(*row as usize, *best as usize),
                (None, Some(_)) => Ordering::Equal,
            };
            match order {
                Ordering::Greater => latest = vec![*row],
                Ordering::Equal => latest.push(*row),
                Ordering::Less => {}
            }
        }
        dropped.extend(rows);
        let winner = latest[0];
        let mut is_tie = false;
        for row in &latest[1..] {
            is_tie |= !same(winner, *row)?;
        }
        if is_tie {
            superseded += (rows.len() - latest.len()) as u64;
            tied.extend(latest);
        } else {
            superseded += (rows.len() - 1) as u64;
            dropped.remove(&winner);
        }
    }
    tied.sort_unstable();
    let kept = (0..keys.len() as u32).filter(|row| !dropped.contains(row)).collect();
    Ok(Deduplicated { kept, superseded, tied })
}

fn rows_equal(rows: &RecordBatch, a: u32, b: u32) -> Result<bool> {
    for column in rows.columns() {
        let compare = make_comparator(column, column, SortOptions::default()).doing("comparing rows")?;
        if compare(a as usize, b as usize) != Ordering::Equal {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a merge will do, worked out before anything is written.
pub(super) struct Plan {
    pub(super) counts: Counts,
    /// Stored columns, sorted by the contract's cluster column.
    inserts: RecordBatch,
    /// Per touched file: its rows as stored, and per row what becomes of it.
    rewrites: Vec<Rewrite>,
}

struct Rewrite {
    path: String,
    stored: RecordBatch,
    /// `(row of the file, row of `updates`)`; `None` deletes.
    changes: BTreeMap<u32, Option<u32>>,
    updates: RecordBatch,
}

/// Compares the kept rows with the stored ones. `full` lists drop stored keys that are neither delivered nor `held`.
pub(super) async fn plan(
    contract: &Contract,
    open: &OpenTable,
    accepted: Accepted,
    keys: &StringArray,
    deduplicated: &Deduplicated,
    held: &HashSet<String>,
    batch_id: &str,
) -> Result<Plan> {
    let mut counts = Counts { superseded: deduplicated.superseded, ..Counts::default() };
    let mut inserted: Vec<u32> = Vec::new();
    let mut matched: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
    let mut dropped: Vec<RowPlace> = Vec::new();
    {
        let index = open.keys.read().map_err(|_| poisoned())?;
        for row in &deduplicated.kept {
            match index.get(keys.value(*row as usize)) {
                Some(place) => matched.entry(place.file).or_default().push((place.row, *row)),
                None if is_delete(&accepted, *row) => counts.unchanged += 1,
                None => inserted.push(*row),
            }
        }
        if contract.delivery == DeliveryKind::Full {
            let delivered: HashSet<&str> = keys.iter().flatten().collect();
            for (key, place) in index.keys() {
                if !delivered.contains(key) && !held.contains(key) {
                    dropped.push(place);
                }
            }
        }
    }
    counts.inserted = inserted.len() as u64;
    counts.dropped = dropped.len() as u64;
    let mut rewrites: BTreeMap<u32, BTreeMap<u32, Option<u32>>> = BTreeMap::new();
    for place in dropped {
        rewrites.entry(place.file).or_default().insert(place.row, None);
    }
    let mut stored_files: HashMap<u32, RecordBatch> = HashMap::new();
    for (file, rows) in &matched {
        let stored = read_file(open, *file).await?;
        let changes = rewrites.entry(*file).or_default();
        classify(contract, &accepted, &stored, rows, changes, &mut counts)?;
        stored_files.insert(*file, stored);
    }
    let mut planned = Vec::new();
    for (file, changes) in rewrites {
        if changes.is_empty() {
            continue;
        }
        let stored = match stored_files.remove(&file) {
            Some(stored) => stored,
            None => read_file(open, file).await?,
        };
        let delivered: Vec<u32> = changes.values().flatten().copied().collect();
        let updates = with_system_columns(&accepted, &delivered, batch_id, open.table.schema())?;
        let replaced: UInt32Array = changes.iter().filter_map(|(row, update)| update.map(|_| *row)).collect();
        let updates = keep_stored(contract, &accepted.absent, updates, &stored, &replaced)?;
        let mut next = 0;
        let changes = changes
            .into_iter()
            .map(|(row, update)| {
                let position = update.map(|_| {
                    next += 1;
                    next - 1
                });
                (row, position)
            })
            .collect();
        let path = open.keys.read().map_err(|_| poisoned())?.file_path(file).to_owned();
        planned.push(Rewrite { path, stored, changes, updates });
    }
    let inserts = with_system_columns(&accepted, &inserted, batch_id, open.table.schema())?;
    drop(accepted);
    Ok(Plan { counts, inserts: clustered(contract, inserts)?, rewrites: planned })
}

fn is_delete(accepted: &Accepted, row: u32) -> bool {
    accepted.operations.as_ref().is_some_and(|operations| operations[row as usize] == Operation::Delete)
}

async fn read_file(open: &OpenTable, file: u32) -> Result<RecordBatch> {
    let path = open.keys.read().map_err(|_| poisoned())?.file_path(file).to_owned();
    let batches = open.table.read(&path, None).await?;
    joined(open.table.schema(), batches)
}

/// Decides for rows whose key is stored in one file: updated, unchanged, superseded or deleted.
fn classify(
    contract: &Contract,
    accepted: &Accepted,
    stored: &RecordBatch,
    rows: &[(u32, u32)],
    changes: &mut BTreeMap<u32, Option<u32>>,
    counts: &mut Counts,
) -> Result<()> {
    let stored_rows: UInt32Array = rows.iter().map(|(row, _)| *row).collect();
    let delivered_rows: UInt32Array = rows.iter().map(|(_, row)| *row).collect();
    let pick = |column: &ArrayRef, rows: &UInt32Array| take(column, rows, None).doing("comparing rows");
    let mut equal = BooleanArray::from(vec![true; rows.len()]);
    let mut order: Option<Vec<Ordering>> = None;
    for (at, column) in contract.columns.iter().enumerate().filter(|(at, _)| !accepted.absent.contains(at)) {
        let new = pick(accepted.rows.column(at), &delivered_rows)?;
        let position = stored.schema().index_of(&column.name).doing("comparing rows")?;
        let old = pick(stored.column(position), &stored_rows)?;
        equal = and(&equal, &not_distinct(&new, &old).doing("comparing rows")?).doing("comparing rows")?;
        if contract.version_column == Some(at) {
            let options = SortOptions { descending: false, nulls_first: true };
            let compare = make_comparator(&new, &old, options).doing("comparing versions")?;
            // A deletion may come without a version: it then speaks for now.
            order =
                Some((0..rows.len()).map(|i| if new.is_null(i) { Ordering::Greater } else { compare(i, i) }).collect());
        }
    }
    for (i, (stored_row, row)) in rows.iter().enumerate() {
        if order.as_ref().is_some_and(|order| order[i] == Ordering::Less) {
            counts.superseded += 1;
        } else if is_delete(accepted, *row) {
            counts.deleted += 1;
            changes.insert(*stored_row, None);
        } else if equal.value(i) {
            counts.unchanged += 1;
        } else {
            counts.updated += 1;
            changes.insert(*stored_row, Some(*row));
        }
    }
    Ok(())
}

/// The chosen accepted rows with `_batch_id` and `_line`, in the table's column order.
fn with_system_columns(accepted: &Accepted, rows: &[u32], batch_id: &str, schema: &SchemaRef) -> Result<RecordBatch> {
    let indices = UInt32Array::from(rows.to_vec());
    let is_whole = rows.len() == accepted.rows.num_rows();
    let chosen = if is_whole && rows.iter().enumerate().all(|(at, row)| at as u32 == *row) {
        accepted.rows.clone()
    } else {
        take_record_batch(&accepted.rows, &indices).doing("choosing rows")?
    };
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> Result<ArrayRef> {
            Ok(match field.name().as_str() {
                "_batch_id" => Arc::new(StringArray::from_iter_values(rows.iter().map(|_| batch_id))),
                "_line" => Arc::new(Int64Array::from_iter_values(
                    rows.iter().map(|row| i64::from(accepted.lines[*row as usize])),
                )),
                name => match chosen.column_by_name(name) {
                    Some(column) => column.clone(),
                    // A column of an earlier contract; see `keep_stored` for rows that have a value in it.
                    None => arrow::array::new_null_array(field.data_type(), rows.len()),
                },
            })
        })
        .collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(schema.clone(), columns).doing("choosing rows")
}

/// `updates` of the rows `replaced` with the stored values of columns that were not delivered.
fn keep_stored(
    contract: &Contract,
    absent: &[usize],
    updates: RecordBatch,
    stored: &RecordBatch,
    replaced: &UInt32Array,
) -> Result<RecordBatch> {
    let is_kept = |name: &str| match contract.column(name) {
        Some((at, _)) => absent.contains(&at),
        None => !SYSTEM_COLUMNS.contains(&name),
    };
    let (schema, columns, _) = updates.into_parts();
    let columns = columns.into_iter().enumerate().map(|(at, column)| match is_kept(schema.field(at).name()) {
        true => take(stored.column(at), replaced, None).doing("keeping values"),
        false => Ok(column),
    });
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_>>()?).doing("keeping values")
}

/// Rows in the order of the contract's cluster column, so that one place's rows lie together on disk.
fn clustered(contract: &Contract, rows: RecordBatch) -> Result<RecordBatch> {
    let Some(column) = contract.cluster_by.and_then(|at| rows.column_by_name(&contract.columns[at].name)) else {
        return Ok(rows);
    };
    if rows.num_rows() < 2 || is_sorted(column) {
        return Ok(rows);
    }
    let line = rows.column_by_name("_line").cloned();
    let mut by = vec![SortColumn { values: column.clone(), options: None }];
    by.extend(line.map(|values| SortColumn { values, options: None }));
    let order = lexsort_to_indices(&by, None).doing("sorting rows")?;
    drop(by);
    let (schema, columns, _) = rows.into_parts();
    let columns = columns.into_iter().map(|column| take(&column, &order, None).doing("sorting rows"));
    RecordBatch::try_new(schema, columns.collect::<Result<_>>()?).doing("sorting rows")
}

fn is_sorted(column: &ArrayRef) -> bool {
    column.as_string_opt::<i32>().is_some_and(|texts| {
        texts.null_count() == 0 && (1..texts.len()).all(|row| texts.value(row - 1) <= texts.value(row))
    })
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
    for rewrite in plan.rewrites {
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
        if picks.is_empty() {
            continue;
        }
        let rows = interleave_record_batch(&[&rewrite.stored, &rewrite.updates], &picks).doing("replacing rows")?;
        written.add(stem, &schema, rows, &key_columns)?;
    }
    let mut start = 0;
    while start < plan.inserts.num_rows() {
        let rows = plan.inserts.slice(start, FILE_ROWS_MAX.min(plan.inserts.num_rows() - start));
        start += rows.num_rows();
        written.add(stem, &schema, rows, &key_columns)?;
    }
    Ok(written)
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
pub(super) async fn commit(open: &mut OpenTable, mut written: Written, commit: Commit) -> Result<()> {
    // A rewrite that changes no byte gives a file of the same name: it must not be added and removed at once.
    let names: HashSet<String> = written.commit_adds.iter().map(|(name, ..)| name.clone()).collect();
    written.commit_removes.retain(|path| !names.contains(path));
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

pub(super) fn poisoned() -> Diagnostic {
    Diagnostic::unexpected("another delivery of this table failed half way; see its message")
}
