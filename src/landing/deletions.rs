//! Which keys were deleted, and in which version: a row that comes late and is older does not bring its key back.
//!
//! A table of the warehouse's own. Like the quarantine it is committed before the batch whose deletions it remembers, so
//! it may hold entries of batches that were never committed; they count for nothing. The same delivery on the same date
//! makes the same batch and finds its entries as it left them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, make_comparator};
use arrow::compute::{SortOptions, cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde_json::json;

use super::Moment;
use super::landed::date_mark;
use super::merge::Accepted;
use super::quarantined::texts;
use super::tables::OpenTable;
use crate::contract::{Contract, DeliveryKind};
use crate::diagnostic::{Context, Result};
use crate::warehouse::{Commit, KeyIndex, Operation, RowPlace, Table, Warehouse, encode_parquet};

pub const DELETIONS_TABLE: &str = "deletions";

const COLUMNS: [&str; 4] = ["table_name", "row_key", "version", "batch_id"];

fn deletions_schema() -> SchemaRef {
    Arc::new(Schema::new(COLUMNS.map(|name| Field::new(name, DataType::Utf8, true)).to_vec()))
}

/// Whether deletions from this table are remembered. Without a version nothing says which row is older, and a full list
/// is right whatever was deleted before.
pub(super) fn are_remembered(contract: &Contract) -> bool {
    contract.version_column.is_some()
        && contract.operation_column.is_some()
        && contract.delivery == DeliveryKind::Changes
}

/// Keys a batch deletes, each with the version it is deleted in.
#[derive(Default)]
pub(super) struct DeletedRows {
    pub(super) keys: Vec<String>,
    /// As text.
    pub(super) versions: Vec<String>,
}

/// All keys ever deleted from one table.
pub(super) struct DeletedKeys {
    version_type: DataType,
    /// Places are an index into `versions` and a row of it.
    places: KeyIndex,
    versions: Vec<ArrayRef>,
}

impl DeletedKeys {
    fn new(version_type: DataType) -> Self {
        Self { version_type, places: KeyIndex::default(), versions: Vec::new() }
    }

    /// Of a key that is deleted several times the greatest version counts.
    fn add(&mut self, keys: &StringArray, versions: &ArrayRef, is_wanted: impl Fn(usize) -> bool) -> Result<()> {
        let versions = cast(versions, &self.version_type).doing("reading deleted versions")?;
        self.versions.push(versions.clone());
        let file = self.places.add_file("");
        for row in (0..keys.len()).filter(|row| versions.is_valid(*row) && keys.is_valid(*row) && is_wanted(*row)) {
            let key = keys.value(row);
            let is_newest = match self.places.get(key) {
                Some(place) => !is_at_most(&versions, row, &self.versions[place.file as usize], place.row as usize)?,
                None => true,
            };
            if is_newest {
                self.places.put(key, RowPlace { file, row: row as u32 });
            }
        }
        Ok(())
    }

    /// Takes up what a batch deleted that has been committed.
    pub(super) fn learn(&mut self, deleted: &DeletedRows) -> Result<()> {
        let versions: ArrayRef = Arc::new(StringArray::from_iter_values(&deleted.versions));
        self.add(&StringArray::from_iter_values(&deleted.keys), &versions, |_| true)
    }

    /// Whether a row's key was deleted in this version or a later one. A row without a version is not known to be older.
    pub(super) fn covers(&self, key: &str, versions: &ArrayRef, row: usize) -> Result<bool> {
        match self.places.get(key) {
            Some(place) if versions.is_valid(row) => {
                is_at_most(versions, row, &self.versions[place.file as usize], place.row as usize)
            }
            _ => Ok(false),
        }
    }
}

fn is_at_most(a: &ArrayRef, a_row: usize, b: &ArrayRef, b_row: usize) -> Result<bool> {
    let (a, b) = (a.slice(a_row, 1), b.slice(b_row, 1));
    let compare = make_comparator(&a, &b, SortOptions::default()).doing("comparing versions")?;
    Ok(compare(0, 0).is_le())
}

/// Takes rows out of `new` whose key was deleted in their version or a later one, and counts them.
pub(super) fn take_late(
    contract: &Contract,
    open: &OpenTable,
    accepted: &Accepted,
    keys: &StringArray,
    new: &mut Vec<u32>,
) -> Result<u64> {
    let (Some(deleted), Some(at)) = (&open.deleted, contract.version_column) else { return Ok(0) };
    let mut in_time = Vec::with_capacity(new.len());
    for row in new.iter() {
        if !deleted.covers(keys.value(*row as usize), accepted.rows.column(at), *row as usize)? {
            in_time.push(*row);
        }
    }
    let late = new.len() - in_time.len();
    *new = in_time;
    Ok(late as u64)
}

/// What deletions are to be remembered: `gone` are their rows, each with the version of the row it deletes as text. A
/// deletion without a version has that one, and a repeated one says nothing new.
pub(super) fn to_remember(
    contract: &Contract,
    open: &OpenTable,
    accepted: &Accepted,
    keys: &StringArray,
    gone: Vec<(u32, Option<String>)>,
) -> Result<DeletedRows> {
    let mut remembered = DeletedRows::default();
    let (Some(deleted), Some(at)) = (&open.deleted, contract.version_column) else { return Ok(remembered) };
    let versions = accepted.rows.column(at);
    for (row, stored) in gone {
        let (at, key) = (row as usize, keys.value(row as usize));
        let text = cast(&versions.slice(at, 1), &DataType::Utf8).doing("reading versions")?;
        let text = text.as_string::<i32>();
        let version = if text.is_valid(0) { Some(text.value(0).to_owned()) } else { stored };
        if let Some(version) = version
            && !deleted.covers(key, versions, at)?
        {
            remembered.keys.push(key.to_owned());
            remembered.versions.push(version);
        }
    }
    Ok(remembered)
}

/// The table of deleted keys.
pub(super) struct Deletions {
    table: Option<Table>,
    /// Batches with entries that were not committed when the table was opened.
    leftovers: HashSet<String>,
}

impl Deletions {
    /// Comes before the first entry of a landing: what a delivery that is under way has put in would be taken for a
    /// remainder.
    pub(super) async fn open(warehouse: &Warehouse, committed: &HashSet<String>) -> Result<Self> {
        let mut deletions = Self { table: warehouse.table(DELETIONS_TABLE).await?, leftovers: HashSet::new() };
        for batch in deletions.read(&["batch_id"]).await? {
            let ids = texts(&batch, "batch_id")?.iter().flatten();
            deletions.leftovers.extend(ids.filter(|id| !committed.contains(*id)).map(str::to_owned));
        }
        Ok(deletions)
    }

    /// The named columns of all entries.
    async fn read(&self, columns: &[&str]) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        if let Some(table) = &self.table {
            let positions: Vec<usize> = columns
                .iter()
                .map(|name| table.schema().index_of(name).doing("reading deleted keys"))
                .collect::<Result<_>>()?;
            for file in table.files().await? {
                batches.extend(table.read(&file.path, Some(&positions)).await?);
            }
        }
        Ok(batches)
    }

    /// The deleted keys of one table; before the first batch of a landing records anything for it.
    pub(super) async fn keys_of(&self, contract: &Contract) -> Result<DeletedKeys> {
        let kind = contract.version_column.map_or(DataType::Utf8, |at| contract.columns[at].kind.data_type());
        let mut deleted = DeletedKeys::new(kind);
        for batch in self.read(&COLUMNS).await? {
            let (tables, batches) = (texts(&batch, "table_name")?, texts(&batch, "batch_id")?);
            let is_wanted =
                |row: usize| tables.value(row) == contract.table && !self.leftovers.contains(batches.value(row));
            let versions: ArrayRef = Arc::new(texts(&batch, "version")?.clone());
            deleted.add(texts(&batch, "row_key")?, &versions, is_wanted)?;
        }
        Ok(deleted)
    }

    /// Remembers what a batch deletes, in one commit. Done again after a crash it changes nothing.
    pub(super) async fn record(
        &mut self,
        warehouse: &Warehouse,
        (table, batch_id): (&str, &str),
        deleted: &DeletedRows,
        moment: Moment,
    ) -> Result<()> {
        if self.leftovers.contains(batch_id) {
            if self.holds_exactly(batch_id, deleted).await? {
                self.leftovers.remove(batch_id);
                return Ok(());
            }
        } else if deleted.keys.is_empty() {
            return Ok(());
        }
        let entries = match &self.table {
            Some(table) => table.clone(),
            None => warehouse.table_with_schema(DELETIONS_TABLE, "删除记录", &deletions_schema()).await?,
        };
        // What another night left that was killed goes as well; one of this date may be run again.
        let of_this_date = date_mark(moment);
        let is_void = |id: &str| id == batch_id || (self.leftovers.contains(id) && !id.contains(&of_this_date));
        let (mut adds, removes) = without(&entries, self.leftovers.is_empty(), is_void).await?;
        if !deleted.keys.is_empty() {
            adds.push(encode_parquet("deletions", entries.schema(), &[to_batch(table, batch_id, deleted)?])?);
        }
        let commit = Commit {
            operation: Operation::Merge,
            adds,
            removes,
            metadata: json!({"deletions_of": batch_id}),
            transaction: Some(format!("gridhouse-deletions-{batch_id}")),
        };
        self.table = Some(entries.commit(commit).await?);
        self.leftovers.retain(|id| id != batch_id && id.contains(&of_this_date));
        Ok(())
    }

    async fn holds_exactly(&self, batch_id: &str, deleted: &DeletedRows) -> Result<bool> {
        let mut held: Vec<(String, String)> = Vec::new();
        for batch in self.read(&COLUMNS).await? {
            let (ids, keys, versions) =
                (texts(&batch, "batch_id")?, texts(&batch, "row_key")?, texts(&batch, "version")?);
            let own = (0..batch.num_rows()).filter(|row| ids.value(*row) == batch_id);
            held.extend(own.map(|row| (keys.value(row).to_owned(), versions.value(row).to_owned())));
        }
        let mut wanted: Vec<(String, String)> =
            deleted.keys.iter().cloned().zip(deleted.versions.iter().cloned()).collect();
        held.sort();
        wanted.sort();
        Ok(held == wanted)
    }
}

type Files = (Vec<(String, bytes::Bytes, u64)>, Vec<String>);

/// Files that take the place of those with entries of void batches.
async fn without(entries: &Table, has_none: bool, is_void: impl Fn(&str) -> bool) -> Result<Files> {
    let (mut adds, mut removes) = Files::default();
    if has_none {
        return Ok((adds, removes));
    }
    for file in entries.files().await? {
        let mut rows = Vec::new();
        let mut is_touched = false;
        for batch in entries.read(&file.path, None).await? {
            let is_left: BooleanArray = texts(&batch, "batch_id")?.iter().map(|id| id.map(|id| !is_void(id))).collect();
            is_touched |= is_left.true_count() < batch.num_rows();
            rows.push(filter_record_batch(&batch, &is_left).doing("forgetting deletions")?);
        }
        if is_touched {
            if rows.iter().any(|batch| batch.num_rows() > 0) {
                adds.push(encode_parquet("deletions", entries.schema(), &rows)?);
            }
            removes.push(file.path);
        }
    }
    Ok((adds, removes))
}

fn to_batch(table: &str, batch_id: &str, deleted: &DeletedRows) -> Result<RecordBatch> {
    let shared =
        |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(deleted.keys.iter().map(|_| text))) };
    let columns = vec![
        shared(table),
        Arc::new(StringArray::from_iter_values(&deleted.keys)) as ArrayRef,
        Arc::new(StringArray::from_iter_values(&deleted.versions)) as ArrayRef,
        shared(batch_id),
    ];
    RecordBatch::try_new(deletions_schema(), columns).doing("remembering deletions")
}
