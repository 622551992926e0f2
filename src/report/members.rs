//! The rows of a ledger parted by member, one file each.
//!
//! Rows are gathered in whatever order they come, and each member's are sorted by the worker that writes them: sorting
//! the whole list takes longer, and its last merge is one core's work. A list too large to be held comes in order
//! instead ([`Cutter`]) and is cut where the member changes, so that memory holds a few members and not the list.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, StringViewArray, UInt32Array};
use arrow::compute::{SortOptions, cast, concat, interleave_record_batch, take_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};

use super::dataset::{self, Cells, OrderTerm};
use super::manifest::Split;

/// The rows of one file of a ledger, with what names it.
#[derive(Default)]
pub(super) struct Member {
    pub(super) values: Vec<(String, String)>,
    pub(super) batches: Vec<RecordBatch>,
}

impl Member {
    /// Where a naming column differs from row to row, the least of its values stands for the member.
    fn new(split: &Split, key: &str, batches: Vec<RecordBatch>) -> Result<Self, ArrowError> {
        let mut values = vec![(split.by.value.clone(), key.to_owned())];
        for column in split.columns().into_iter().skip(1) {
            let mut least: Option<String> = None;
            for batch in &batches {
                let column = dataset::canonical(&batch.project(&[batch.schema().index_of(column)?])?)?;
                let cells = Cells::of(column.column(0));
                for row in 0..batch.num_rows() {
                    if !least.as_deref().is_some_and(|least| cells.is_text(row, least)) {
                        let value = cells.value(row).plain();
                        least = least.into_iter().chain(value).min();
                    }
                }
            }
            values.push((column.to_owned(), least.unwrap_or_default()));
        }
        Ok(Self { values, batches })
    }

    /// The column that parts the members, and this one's value of it; `None` where the ledger is not split.
    pub(super) fn key(&self) -> Option<(&str, &str)> {
        self.values.first().map(|(column, value)| (column.as_str(), value.as_str()))
    }

    pub(super) fn row_count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// The members' keys as texts, one per row; null is the empty text.
fn keys_of(batch: &RecordBatch, by: &str) -> Result<StringViewArray, ArrowError> {
    Ok(cast(batch.column(batch.schema().index_of(by)?), &DataType::Utf8View)?.as_string_view().clone())
}

fn key_at(keys: &StringViewArray, row: usize) -> &str {
    if keys.is_valid(row) { keys.value(row) } else { "" }
}

/// Runs of rows with one key, as `(start, length)`.
fn runs_of(keys: &StringViewArray) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut start = 0;
    for row in 1..=keys.len() {
        if row == keys.len() || key_at(keys, row) != key_at(keys, start) {
            runs.push((start, row - start));
            start = row;
        }
    }
    runs
}

/// Rows by member, in any order.
pub(super) struct Gathered<'a> {
    split: &'a Split,
    members: BTreeMap<String, Vec<RecordBatch>>,
    pub(super) bytes: usize,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(split: &'a Split) -> Self {
        Self { split, members: BTreeMap::new(), bytes: 0 }
    }

    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.bytes += batch.get_array_memory_size();
        let (mut batch, mut keys) = (batch.clone(), keys_of(batch, &self.split.by.value)?);
        let mut runs = runs_of(&keys);
        let distinct: BTreeSet<&str> = runs.iter().map(|(start, _)| key_at(&keys, *start)).collect();
        if runs.len() > distinct.len() * 2 {
            // Members that take turns would be held in slivers.
            let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
            order.sort_by_key(|row| key_at(&keys, *row as usize));
            batch = take_record_batch(&batch, &UInt32Array::from(order))?;
            keys = keys_of(&batch, &self.split.by.value)?;
            runs = runs_of(&keys);
        }
        for (start, length) in runs {
            let slice = batch.slice(start, length);
            match self.members.get_mut(key_at(&keys, start)) {
                Some(batches) => batches.push(slice),
                None => drop(self.members.insert(key_at(&keys, start).to_owned(), vec![slice])),
            }
        }
        Ok(())
    }

    /// The members in the order of their keys.
    pub(super) fn into_members(self) -> impl Iterator<Item = Result<Member, ArrowError>> {
        let split = self.split;
        self.members.into_iter().map(move |(key, batches)| Member::new(split, &key, batches))
    }
}

/// Cuts a stream in which each member's rows stand together.
pub(super) struct Cutter<'a> {
    split: Option<&'a Split>,
    key: Option<String>,
    batches: Vec<RecordBatch>,
    pub(super) held_rows: usize,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(split: Option<&'a Split>) -> Self {
        Self { split, key: None, batches: Vec::new(), held_rows: 0 }
    }

    /// Takes the next batch and gives back the members it completes.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<Vec<Member>, ArrowError> {
        let mut completed = Vec::new();
        let Some(split) = self.split else {
            self.hold(batch.clone());
            return Ok(completed);
        };
        let keys = keys_of(batch, &split.by.value)?;
        for (start, length) in runs_of(&keys) {
            let key = key_at(&keys, start);
            if self.key.as_deref() != Some(key) {
                completed.extend(self.take()?);
                self.key = Some(key.to_owned());
            }
            self.hold(batch.slice(start, length));
        }
        Ok(completed)
    }

    fn hold(&mut self, batch: RecordBatch) {
        self.held_rows += batch.num_rows();
        self.batches.push(batch);
    }

    fn take(&mut self) -> Result<Option<Member>, ArrowError> {
        self.held_rows = 0;
        let batches = std::mem::take(&mut self.batches);
        match (self.split, self.key.take()) {
            (Some(split), Some(key)) => Member::new(split, &key, batches).map(Some),
            (None, _) if !batches.is_empty() => Ok(Some(Member { values: Vec::new(), batches })),
            _ => Ok(None),
        }
    }

    pub(super) fn finish(mut self) -> Result<Option<Member>, ArrowError> {
        self.take()
    }
}

/// All rows of `batches` as one batch in the order asked for. Rows that are equal in it are told apart by their other
/// columns, so that the outcome does not depend on the order they came in.
pub(super) fn sorted(batches: &[RecordBatch], order: &[OrderTerm]) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::with_capacity(order.len());
    let mut columns = Vec::with_capacity(order.len());
    for term in order {
        let parts: Vec<_> = batches.iter().filter_map(|batch| batch.column_by_name(&term.column)).collect();
        let column = concat(&parts.iter().map(|part| part.as_ref()).collect::<Vec<_>>())?;
        let options = SortOptions { descending: term.is_descending, nulls_first: false };
        fields.push(SortField::new_with_options(column.data_type().clone(), options));
        columns.push(column);
    }
    let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
    let mut positions: Vec<usize> = (0..rows.num_rows()).collect();
    positions.sort_by(|a, b| rows.row(*a).cmp(&rows.row(*b)));
    if positions.windows(2).any(|pair| rows.row(pair[0]) == rows.row(pair[1]))
        && let Some(more) = with_other_columns(batches, order)
    {
        return sorted(batches, &more);
    }
    let mut places = Vec::with_capacity(positions.len());
    for (number, batch) in batches.iter().enumerate() {
        places.extend((0..batch.num_rows()).map(|row| (number, row)));
    }
    let places: Vec<(usize, usize)> = positions.into_iter().map(|position| places[position]).collect();
    interleave_record_batch(&batches.iter().collect::<Vec<_>>(), &places)
}

/// The order with every column it does not name behind it; `None` where it names all.
fn with_other_columns(batches: &[RecordBatch], order: &[OrderTerm]) -> Option<Vec<OrderTerm>> {
    let schema = batches.first()?.schema();
    let others = schema.fields().iter().filter(|field| !order.iter().any(|term| term.column == *field.name()));
    let others: Vec<OrderTerm> =
        others.map(|field| OrderTerm { column: field.name().clone(), is_descending: false }).collect();
    (!others.is_empty()).then(|| order.iter().cloned().chain(others).collect())
}
