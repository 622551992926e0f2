//! Which stored rows a delivery replaces, worked out before anything is written.
//!
//! Not delta-rs's MERGE: that joins whole tables in memory and refuses two source rows with one key (delta-rs#2802
//! #2407), where a night changes one row in a hundred. Here the delivered keys are looked up in the key index and
//! only files that hold a changed row are written again.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, UInt32Array, make_comparator,
    new_empty_array, new_null_array,
};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{SortColumn, SortOptions, and, cast, concat, lexsort_to_indices, take, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};

use super::Counts;
use super::deletions::{self, DeletedRows};
use super::duplicates::Deduplicated;
use super::tables::{OpenTable, SYSTEM_COLUMNS};
use super::write::Rewrite;
use crate::contract::{Contract, Operation};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::warehouse::{KeyIndex, SMALL_FILE_ROWS};

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

/// What a merge will do, worked out before anything is written.
pub(super) struct Plan {
    pub(super) counts: Counts,
    /// Accepted rows that say something new: inserted, updated, or deletions, whether or not there was something to
    /// delete.
    pub(super) news: Vec<u32>,
    /// What is to be remembered of the deletions.
    pub(super) deleted: DeletedRows,
    /// Stored columns, sorted by the contract's cluster column.
    pub(super) inserts: RecordBatch,
    /// Per touched file: its rows as stored, and per row what becomes of it.
    pub(super) rewrites: Vec<Rewrite>,
}

/// Where the kept rows of a delivery belong.
#[derive(Default)]
struct Sorted {
    /// Rows whose key is not stored.
    new: Vec<u32>,
    /// Deletions of keys that are not stored.
    deletions_of_nothing: Vec<u32>,
    /// By stored file: `(row of the file, row of the delivery)`.
    matched: BTreeMap<u32, Vec<(u32, u32)>>,
}

fn sorted(accepted: &Accepted, keys: &StringArray, kept: &[u32], index: &KeyIndex) -> Sorted {
    let mut sorted = Sorted::default();
    for row in kept {
        match index.get(keys.value(*row as usize)) {
            Some(place) => sorted.matched.entry(place.file).or_default().push((place.row, *row)),
            None if is_delete(accepted, *row) => sorted.deletions_of_nothing.push(*row),
            None => sorted.new.push(*row),
        }
    }
    sorted
}

/// One delivery to be compared with its table.
pub(super) struct Delivered<'a> {
    pub(super) accepted: Accepted,
    /// Of the accepted rows.
    pub(super) keys: &'a StringArray,
    pub(super) deduplicated: &'a Deduplicated,
    /// Where the delivery is complete: keys that are kept beside the delivered ones.
    pub(super) held: Option<HashSet<&'a str>>,
    pub(super) batch_id: &'a str,
}

/// Compares the kept rows with the stored ones. A complete delivery drops the stored keys that it does not have.
pub(super) async fn plan(contract: &Contract, open: &OpenTable, delivered: Delivered<'_>) -> Result<Plan> {
    let Delivered { accepted, keys, deduplicated, held, batch_id } = delivered;
    let mut changes: BTreeMap<u32, Changes> = BTreeMap::new();
    let mut sorted = {
        let index = open.keys.read().map_err(|_| poisoned())?;
        if let Some(held) = &held {
            let delivered: HashSet<&str> = keys.iter().flatten().collect();
            let is_left_out = |key: &str| !delivered.contains(key) && !held.contains(key);
            for (_, place) in index.keys().filter(|(key, _)| is_left_out(key)) {
                changes.entry(place.file).or_default().insert(place.row, None);
            }
        }
        sorted(&accepted, keys, &deduplicated.kept, &index)
    };
    let late = deletions::take_late(contract, open, &accepted, keys, &mut sorted.new)?;
    let mut counts = Counts {
        inserted: sorted.new.len() as u64,
        unchanged: sorted.deletions_of_nothing.len() as u64,
        superseded: deduplicated.superseded + late,
        dropped: changes.values().map(|rows| rows.len() as u64).sum(),
        ..Counts::default()
    };
    let mut news = [sorted.new.as_slice(), &sorted.deletions_of_nothing].concat();
    let mut gone: Vec<(u32, Option<String>)> = sorted.deletions_of_nothing.iter().map(|row| (*row, None)).collect();
    let mut stored_files: HashMap<u32, RecordBatch> = HashMap::new();
    for (file, rows) in &sorted.matched {
        let stored = read_file(open, *file).await?;
        let fates = fates(contract, &accepted, &stored, rows)?;
        gone.extend(deleted_rows(contract, &stored, rows, &fates)?);
        news.extend(count(rows, &fates, changes.entry(*file).or_default(), &mut counts));
        stored_files.insert(*file, stored);
    }
    let mut rewrites = Vec::new();
    for (file, changes) in changes.into_iter().filter(|(_, changes)| !changes.is_empty()) {
        let stored = match stored_files.remove(&file) {
            Some(stored) => stored,
            None => read_file(open, file).await?,
        };
        rewrites.push(rewrite(contract, open, &accepted, (file, stored), changes, batch_id)?);
    }
    if rewrites.is_empty()
        && !sorted.new.is_empty()
        && let Some(file) = small_file(open, sorted.new.len()).await?
    {
        let stored = read_file(open, file).await?;
        rewrites.push(rewrite(contract, open, &accepted, (file, stored), Changes::new(), batch_id)?);
    }
    let deleted = deletions::to_remember(contract, open, &accepted, keys, gone)?;
    let inserts = with_system_columns(&accepted, &sorted.new, batch_id, open.table.schema())?;
    drop(accepted);
    Ok(Plan { counts, news, deleted, inserts: clustered(contract, inserts)?, rewrites })
}

/// A stored file that a few new rows are added to rather than written as a file of their own.
async fn small_file(open: &OpenTable, new_rows: usize) -> Result<Option<u32>> {
    if new_rows as u64 >= SMALL_FILE_ROWS {
        return Ok(None);
    }
    let files = open.table.files().await?;
    let small =
        files.iter().filter_map(|file| Some((file.rows?, &file.path))).filter(|(rows, _)| *rows < SMALL_FILE_ROWS);
    let Some((_, path)) = small.min() else { return Ok(None) };
    Ok(open.keys.read().map_err(|_| poisoned())?.file_of(path))
}

/// Rows that delete a stored one, each with the version of that one as text.
fn deleted_rows(
    contract: &Contract,
    stored: &RecordBatch,
    rows: &[(u32, u32)],
    fates: &[Fate],
) -> Result<Vec<(u32, Option<String>)>> {
    let deleted: Vec<(u32, u32)> =
        rows.iter().zip(fates).filter(|(_, fate)| matches!(fate, Fate::Deleted)).map(|(row, _)| *row).collect();
    let column = contract.version_column.and_then(|at| stored.column_by_name(&contract.columns[at].name));
    let Some(column) = column.filter(|_| !deleted.is_empty()) else { return Ok(Vec::new()) };
    let places: UInt32Array = deleted.iter().map(|(stored_row, _)| *stored_row).collect();
    let versions = take(column, &places, None).doing("reading versions")?;
    let texts = cast(&versions, &DataType::Utf8).doing("reading versions")?;
    let texts = texts.as_string::<i32>().iter().map(|text| text.map(str::to_owned));
    Ok(deleted.iter().map(|(_, row)| *row).zip(texts).collect())
}

/// What becomes of rows of one stored file: the row that replaces it, or `None` for a row that is deleted.
type Changes = BTreeMap<u32, Option<u32>>;

/// The file with its changes, told by row of `Rewrite::updates` and no longer by row of the delivery.
fn rewrite(
    contract: &Contract,
    open: &OpenTable,
    accepted: &Accepted,
    (file, stored): (u32, RecordBatch),
    changes: Changes,
    batch_id: &str,
) -> Result<Rewrite> {
    let delivered: Vec<u32> = changes.values().flatten().copied().collect();
    let updates = with_system_columns(accepted, &delivered, batch_id, open.table.schema())?;
    let replaced: UInt32Array = changes.iter().filter_map(|(row, update)| update.map(|_| *row)).collect();
    let updates = keep_stored(contract, &accepted.absent, updates, &stored, &replaced)?;
    let mut positions = 0..;
    let changes = changes.into_iter().map(|(row, update)| (row, update.and_then(|_| positions.next()))).collect();
    let path = open.keys.read().map_err(|_| poisoned())?.file_path(file).to_owned();
    Ok(Rewrite { path, stored, changes, updates })
}

fn is_delete(accepted: &Accepted, row: u32) -> bool {
    accepted.operations.as_ref().is_some_and(|operations| operations[row as usize] == Operation::Delete)
}

async fn read_file(open: &OpenTable, file: u32) -> Result<RecordBatch> {
    let path = open.keys.read().map_err(|_| poisoned())?.file_path(file).to_owned();
    let batches = open.table.read(&path, None).await?;
    joined(open.table.schema(), batches)
}

/// What becomes of a delivered row whose key is stored.
#[derive(Clone, Copy)]
enum Fate {
    Updated,
    Unchanged,
    Superseded,
    Deleted,
}

/// Decides for rows whose key is stored in one file.
fn fates(contract: &Contract, accepted: &Accepted, stored: &RecordBatch, rows: &[(u32, u32)]) -> Result<Vec<Fate>> {
    let stored_rows: UInt32Array = rows.iter().map(|(row, _)| *row).collect();
    let delivered_rows: UInt32Array = rows.iter().map(|(_, row)| *row).collect();
    let pick = |column: &ArrayRef, rows: &UInt32Array| take(column, rows, None).doing("comparing rows");
    let mut equal = BooleanArray::from(vec![true; rows.len()]);
    let mut order: Option<Vec<Ordering>> = None;
    for (at, column) in contract.columns.iter().enumerate().filter(|(at, _)| !accepted.absent.contains(at)) {
        let new = pick(accepted.rows.column(at), &delivered_rows)?;
        let old = match stored.column_by_name(&column.name) {
            Some(stored) => pick(stored, &stored_rows)?,
            // A dry run does not add the columns that the contract has more.
            None => new_null_array(new.data_type(), rows.len()),
        };
        equal = and(&equal, &not_distinct(&new, &old).doing("comparing rows")?).doing("comparing rows")?;
        if contract.version_column == Some(at) {
            let options = SortOptions { descending: false, nulls_first: true };
            let compare = make_comparator(&new, &old, options).doing("comparing versions")?;
            // A deletion may come without a version: it then speaks for now.
            order =
                Some((0..rows.len()).map(|i| if new.is_null(i) { Ordering::Greater } else { compare(i, i) }).collect());
        }
    }
    let fate = |(i, (_, row)): (usize, &(u32, u32))| {
        if order.as_ref().is_some_and(|order| order[i] == Ordering::Less) {
            Fate::Superseded
        } else if is_delete(accepted, *row) {
            Fate::Deleted
        } else if equal.value(i) {
            Fate::Unchanged
        } else {
            Fate::Updated
        }
    };
    Ok(rows.iter().enumerate().map(fate).collect())
}

/// Counts the rows of one stored file and notes its changes; gives the delivered rows that bring something new.
fn count(rows: &[(u32, u32)], fates: &[Fate], changes: &mut Changes, counts: &mut Counts) -> Vec<u32> {
    let mut news = Vec::new();
    for ((stored_row, row), fate) in rows.iter().zip(fates) {
        match fate {
            Fate::Superseded => counts.superseded += 1,
            Fate::Unchanged => counts.unchanged += 1,
            Fate::Deleted => {
                counts.deleted += 1;
                changes.insert(*stored_row, None);
                news.push(*row);
            }
            Fate::Updated => {
                counts.updated += 1;
                changes.insert(*stored_row, Some(*row));
                news.push(*row);
            }
        }
    }
    news
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
                    None => new_null_array(field.data_type(), rows.len()),
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
pub(super) fn clustered(contract: &Contract, rows: RecordBatch) -> Result<RecordBatch> {
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

pub(super) fn poisoned() -> Diagnostic {
    Diagnostic::unexpected("another delivery of this table failed half way; see its message")
}
