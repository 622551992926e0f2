//! Rows as delivered and their contract to typed, accepted rows and violations.
//!
//! Everything runs a column at a time: parse and normalise the column (`typed`), then let each of its rules look at it.
//! A value that cannot be parsed becomes null and its row is rejected; the other columns of that row are judged all the
//! same, so that a clerk learns everything at once.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter;
use arrow::datatypes::{Field, Schema};
use chrono::NaiveDate;
use chrono_tz::Tz;

use super::personal;
use super::reason::{self, RuleCode};
use super::rules::{self, Condition};
use super::{Binding, Column, Contract, KeyLookup, bind};
use crate::district::identifiers::IdNumber;
use crate::source::{FaultKind, RawBatch};

/// What rows are judged against beside their contract.
pub struct CheckContext<'a> {
    /// The date the delivery speaks for; nothing may have happened after it.
    pub as_of: NaiveDate,
    pub keys: &'a dyn KeyLookup,
    /// The district's time zone, for times delivered with an offset.
    pub zone: Tz,
}

impl<'a> CheckContext<'a> {
    pub fn new(as_of: NaiveDate, keys: &'a dyn KeyLookup) -> CheckContext<'a> {
        CheckContext { as_of, keys, zone: Tz::Asia__Shanghai }
    }
}

pub struct Checked {
    /// Typed rows in the order delivered, of `Contract::arrow_schema`.
    pub accepted: RecordBatch,
    /// For each accepted row its index among the raw rows.
    pub accepted_rows: Vec<u32>,
    /// What to do with each accepted row, when the delivery says so.
    pub operations: Option<Vec<Operation>>,
    /// The typed key columns of the rejected rows, in row order. Null where a part of the key could not be understood.
    pub rejected_keys: RecordBatch,
    /// All violations of all rows, by row and column; warnings among them.
    pub violations: Vec<Violation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Insert,
    Update,
    /// Needs no more than its key and, where it has one, its version; the other columns of the row may be null.
    Delete,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Index into the raw rows.
    pub row: u32,
    /// Name of the column; empty if it is about the row as a whole.
    pub column: Arc<str>,
    pub rule: RuleCode,
    /// Chinese, for a clerk. Never contains a value of a column about persons.
    pub reason: Arc<str>,
    /// The row is accepted nevertheless.
    pub is_warning: bool,
}

/// Judges one batch. `binding` comes from `contract.bind` on the header of the same delivery.
pub fn check(contract: &Contract, binding: &Binding, raw: &RawBatch, context: &CheckContext<'_>) -> Checked {
    let row_count = raw.lines.len();
    let mut judge = Judge::new(contract, context, row_count);
    judge.operations(binding, raw);
    judge.faults(binding, raw);
    let columns: Vec<ArrayRef> = (0..contract.columns.len())
        .map(|index| match binding.columns[index] {
            Some(place) => judge.parse(index, raw.values.column(place).as_string()),
            None => new_null_array(&contract.columns[index].kind.data_type(), row_count),
        })
        .collect();
    for (index, column) in contract.columns.iter().enumerate() {
        judge.empty = empty_rows(&columns[index], std::mem::take(&mut judge.unparsed[index]));
        if column.is_required || contract.key.contains(&index) {
            judge.require(index, &[], None, false);
        }
        for rule in &column.rules {
            rules::apply(&mut judge, index, rule, &columns);
        }
    }
    judge.finish(columns)
}

/// The state of judging one batch.
pub(super) struct Judge<'a> {
    pub(super) contract: &'a Contract,
    pub(super) context: &'a CheckContext<'a>,
    /// Persons read from ID numbers, by column, for the rule that compares them.
    pub(super) id_holders: HashMap<usize, Vec<Option<IdNumber>>>,
    is_rejected: Vec<bool>,
    /// Rows whose values may stand in the wrong columns.
    has_slipped: Vec<bool>,
    row_operations: Option<Vec<Operation>>,
    /// Column index and violation.
    found: Vec<(usize, Violation)>,
    /// By column its name and the last reason given for it. Rows share these texts: a column may be wrong in all rows.
    names: Vec<Arc<str>>,
    last_reasons: Vec<Arc<str>>,
    /// By column: rows whose value was there but could not be understood.
    pub(super) unparsed: Vec<Vec<u32>>,
    /// Rows of the column being judged in which nothing was delivered.
    empty: Option<BooleanBuffer>,
}

impl<'a> Judge<'a> {
    fn new(contract: &'a Contract, context: &'a CheckContext<'a>, row_count: usize) -> Judge<'a> {
        Judge {
            contract,
            context,
            id_holders: HashMap::new(),
            is_rejected: vec![false; row_count],
            has_slipped: vec![false; row_count],
            row_operations: None,
            found: Vec::new(),
            names: contract.columns.iter().map(|column| Arc::from(column.name.as_str())).collect(),
            last_reasons: vec![Arc::from(""); contract.columns.len()],
            unparsed: vec![Vec::new(); contract.columns.len()],
            empty: None,
        }
    }

    /// Records a violation in a column.
    pub(super) fn reject(
        &mut self,
        row: usize,
        index: usize,
        rule: RuleCode,
        is_warning: bool,
        reason: impl FnOnce(&Column) -> String,
    ) {
        if self.is_exempt(row, index, rule) {
            return;
        }
        let text = reason(&self.contract.columns[index]);
        let last = &mut self.last_reasons[index];
        if **last != *text {
            *last = Arc::from(text);
        }
        let violation =
            Violation { row: row as u32, column: self.names[index].clone(), rule, reason: last.clone(), is_warning };
        self.is_rejected[row] |= !is_warning;
        self.found.push((index, violation));
    }

    /// A deletion needs no more than its key. Its version may be missing, and then it speaks for now; one that cannot be
    /// understood must not, for it would delete what is newer.
    fn is_exempt(&self, row: usize, index: usize, rule: RuleCode) -> bool {
        let is_deletion = self.row_operations.as_ref().is_some_and(|o| o[row] == Operation::Delete);
        let is_version = self.contract.version_column == Some(index);
        is_deletion && !self.contract.key.contains(&index) && (!is_version || rule == RuleCode::MissingRequired)
    }

    /// A value as a reason may quote it: not one of a column about persons, nor one that names a person in any other
    /// column, nor any of a row that has slipped.
    pub(super) fn shown<'t>(&self, row: usize, index: usize, value: &'t str) -> Option<&'t str> {
        let column = &self.contract.columns[index];
        let is_personal = column.hides_values()
            || self.has_slipped[row]
            || personal::names_a_person(value)
            // Codes of places have as many digits.
            || (!column.is_identifier && personal::has_old_id_number(value));
        (!is_personal).then_some(value)
    }

    /// Rejects rows without a value, those among `wanted` if given.
    pub(super) fn require(
        &mut self,
        index: usize,
        when: &[Condition],
        wanted: Option<&BooleanBuffer>,
        is_warning: bool,
    ) {
        let Some(empty) = self.empty.take() else { return };
        let contract = self.contract;
        for row in empty.set_indices().filter(|row| wanted.is_none_or(|wanted| wanted.value(*row))) {
            let conditions = when.iter().map(|c| reason::condition(&contract.columns[c.column].label, &c.values));
            let conditions: String = conditions.collect();
            self.reject(row, index, RuleCode::MissingRequired, is_warning, |c| {
                reason::missing_required(&c.label, &conditions)
            });
        }
        self.empty = Some(empty);
    }

    fn operations(&mut self, binding: &Binding, raw: &RawBatch) {
        let Some(place) = binding.operation else { return };
        let values: &StringArray = raw.values.column(place).as_string();
        let mut operations = Vec::with_capacity(values.len());
        for (row, text) in values.iter().enumerate() {
            let operation = match text {
                None => Some(Operation::Update),
                Some(text) => bind::operation_of(text),
            };
            if operation.is_none() {
                let name = self.contract.operation_column.clone().unwrap_or_default();
                self.reject_row(row, &name, RuleCode::UnknownCode, reason::unknown_operation());
            }
            operations.push(operation.unwrap_or(Operation::Update));
        }
        self.row_operations = Some(operations);
    }

    /// What was wrong with rows before their values were looked at.
    fn faults(&mut self, binding: &Binding, raw: &RawBatch) {
        let width = raw.values.num_columns();
        for fault in &raw.faults {
            let row = fault.row as usize;
            let place = fault.column.map(|column| column as usize);
            let column = place.and_then(|place| binding.columns.iter().position(|p| *p == Some(place)));
            match (fault.kind, column) {
                (FaultKind::TooFewFields { found } | FaultKind::TooManyFields { found }, _) => {
                    self.has_slipped[row] = true;
                    self.reject_row(row, "", RuleCode::RaggedRow, reason::ragged_row(found, width));
                }
                (FaultKind::StrayQuote, _) => {
                    self.has_slipped[row] = true;
                    self.reject_row(row, "", RuleCode::RaggedRow, reason::stray_quote());
                }
                (FaultKind::LostDigits, Some(column)) => {
                    self.reject(row, column, RuleCode::LostDigits, false, |c| reason::lost_digits(&c.label));
                }
                (FaultKind::FormulaError, Some(column)) => {
                    self.reject(row, column, RuleCode::FormulaError, false, |c| reason::formula_error(&c.label));
                }
                (FaultKind::DuplicateField, Some(column)) => {
                    self.has_slipped[row] = true;
                    self.reject(row, column, RuleCode::RaggedRow, false, |c| reason::duplicate_field(&c.label));
                }
                // The fault is in a column that is not landed.
                _ => {}
            }
        }
    }

    fn reject_row(&mut self, row: usize, column: &str, rule: RuleCode, reason: String) {
        self.is_rejected[row] = true;
        let (column, reason) = (Arc::from(column), Arc::from(reason));
        let violation = Violation { row: row as u32, column, rule, reason, is_warning: false };
        self.found.push((0, violation));
    }

    fn finish(mut self, mut columns: Vec<ArrayRef>) -> Checked {
        self.found.sort_by_key(|(column, violation)| (violation.row, *column));
        let violations = self.found.into_iter().map(|(_, violation)| violation).collect();
        let row_count = self.is_rejected.len();
        let accepted_rows: Vec<u32> = (0..row_count as u32).filter(|row| !self.is_rejected[*row as usize]).collect();
        let mut operations = self.row_operations;
        let key_columns: Vec<&Column> = self.contract.key.iter().map(|at| &self.contract.columns[*at]).collect();
        let key_fields: Vec<Field> =
            key_columns.iter().map(|c| Field::new(&c.name, c.kind.data_type(), true)).collect();
        let mut rejected_keys = RecordBatch::new_empty(Arc::new(Schema::new(key_fields)));
        if accepted_rows.len() < row_count {
            let chosen = |columns: &mut dyn Iterator<Item = &ArrayRef>, is_chosen: &BooleanArray| -> Vec<ArrayRef> {
                columns.map(|c| filter(c, is_chosen).expect("filtering a column by a mask of its length")).collect()
            };
            let is_rejected = BooleanArray::from(std::mem::take(&mut self.is_rejected));
            let keys = chosen(&mut self.contract.key.iter().map(|at| &columns[*at]), &is_rejected);
            rejected_keys =
                RecordBatch::try_new(rejected_keys.schema(), keys).expect("key columns as the contract says");
            let is_accepted = BooleanArray::new(!is_rejected.values(), None);
            columns = chosen(&mut columns.iter(), &is_accepted);
            operations = operations.map(|all| accepted_rows.iter().map(|row| all[*row as usize]).collect());
        }
        // Types come from the contract and rows without a key were rejected, so this can only fail by a mistake in this
        // file; going on would lose rows.
        let accepted =
            RecordBatch::try_new(self.contract.arrow_schema(), columns).expect("columns as the contract says");
        Checked { accepted, accepted_rows, operations, rejected_keys, violations }
    }
}

/// Rows that are null without having been rejected for it.
fn empty_rows(column: &ArrayRef, unparsed: Vec<u32>) -> Option<BooleanBuffer> {
    let nulls = column.logical_nulls().filter(|nulls| nulls.null_count() > 0)?;
    let mut empty = !nulls.inner();
    if !unparsed.is_empty() {
        let mut bits: Vec<bool> = empty.iter().collect();
        unparsed.iter().for_each(|row| bits[*row as usize] = false);
        empty = BooleanBuffer::from(bits);
    }
    Some(empty)
}
