//! Rows as delivered and their contract to typed, accepted rows and violations.
//!
//! Everything runs a column at a time: parse and normalise the column, then let each of its rules look at it. A value
//! that cannot be parsed becomes null and its row is rejected; the other columns of that row are judged all the same,
//! so that a clerk learns everything at once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, PrimitiveBuilder, RecordBatch, StringArray, StringBuilder,
    new_null_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter;
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Field, Float64Type, Int64Type, Schema, TimestampMicrosecondType,
};
use chrono::NaiveDate;
use chrono_tz::Tz;

use super::reason::{self, RuleCode};
use super::rules::{self, Condition};
use super::value::{self, TextForm};
use super::{Binding, CodeList, Column, ColumnKind, Contract, KeyLookup, RuleKind, bind};
use crate::district::identifiers::{self, IdNumber};
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
    /// Needs no more than its key; the other columns of the row may be null.
    Delete,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Index into the raw rows.
    pub row: u32,
    /// Name of the column; empty if it is about the row as a whole.
    pub column: String,
    pub rule: RuleCode,
    /// Chinese, for a clerk. Never contains a value of a column about persons.
    pub reason: String,
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
    row_operations: Option<Vec<Operation>>,
    /// Column index and violation.
    found: Vec<(usize, Violation)>,
    /// By column: rows whose value was there but could not be understood.
    unparsed: Vec<Vec<u32>>,
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
            row_operations: None,
            found: Vec::new(),
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
        let is_deletion = self.row_operations.as_ref().is_some_and(|o| o[row] == Operation::Delete);
        if is_deletion && !self.contract.key.contains(&index) {
            return;
        }
        let column = &self.contract.columns[index];
        let violation =
            Violation { row: row as u32, column: column.name.clone(), rule, reason: reason(column), is_warning };
        self.is_rejected[row] |= !is_warning;
        self.found.push((index, violation));
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
                    self.reject_row(row, "", RuleCode::RaggedRow, reason::ragged_row(found, width));
                }
                (FaultKind::StrayQuote, _) => self.reject_row(row, "", RuleCode::RaggedRow, reason::stray_quote()),
                (FaultKind::LostDigits, Some(column)) => {
                    self.reject(row, column, RuleCode::LostDigits, false, |c| reason::lost_digits(&c.label));
                }
                (FaultKind::FormulaError, Some(column)) => {
                    self.reject(row, column, RuleCode::FormulaError, false, |c| reason::formula_error(&c.label));
                }
                (FaultKind::DuplicateField, Some(column)) => {
                    self.reject(row, column, RuleCode::RaggedRow, false, |c| reason::duplicate_field(&c.label));
                }
                // The fault is in a column that is not landed.
                _ => {}
            }
        }
    }

    fn reject_row(&mut self, row: usize, column: &str, rule: RuleCode, reason: String) {
        self.is_rejected[row] = true;
        let violation = Violation { row: row as u32, column: column.to_owned(), rule, reason, is_warning: false };
        self.found.push((0, violation));
    }

    /// A column as delivered to a column of its type; what cannot be understood is null and its row rejected.
    fn parse(&mut self, index: usize, raw: &StringArray) -> ArrayRef {
        let contract = self.contract;
        let column = &contract.columns[index];
        self.replacement_characters(index, raw);
        self.scientific_notation(index, raw);
        let zone = self.context.zone;
        match column.kind {
            ColumnKind::Text => match column.code_list() {
                Some(list) => self.translate(index, raw, list),
                None => normalise(raw, text_form(column)),
            },
            ColumnKind::Integer => self.primitive::<Int64Type>(index, raw, value::parse_integer, |c, text| {
                (RuleCode::BadNumber, reason::bad_number(&c.label, c.shown(text), true))
            }),
            ColumnKind::Number => self.primitive::<Float64Type>(index, raw, value::parse_number, |c, text| {
                (RuleCode::BadNumber, reason::bad_number(&c.label, c.shown(text), false))
            }),
            ColumnKind::Date => self.primitive::<Date32Type>(index, raw, value::parse_date, |c, text| {
                (RuleCode::BadDate, reason::bad_date(&c.label, c.shown(text)))
            }),
            ColumnKind::Timestamp => {
                let parse = |text: &[u8]| value::parse_timestamp(text, zone);
                self.primitive::<TimestampMicrosecondType>(index, raw, parse, |c, text| {
                    (RuleCode::BadTimestamp, reason::bad_timestamp(&c.label, c.shown(text)))
                })
            }
            ColumnKind::Boolean => self.booleans(index, raw),
        }
    }

    fn replacement_characters(&mut self, index: usize, raw: &StringArray) {
        const REPLACEMENT: &str = "\u{FFFD}";
        if memchr::memmem::find(raw.value_data(), REPLACEMENT.as_bytes()).is_none() {
            return;
        }
        for (row, text) in raw.iter().enumerate() {
            if text.is_some_and(|text| text.contains(REPLACEMENT)) {
                let rule = RuleCode::ReplacementCharacter;
                self.reject(row, index, rule, false, |c| reason::replacement_character(&c.label));
            }
        }
    }

    /// Identifiers that a spreadsheet wrote as `4.30105E+17`: their last digits are gone.
    fn scientific_notation(&mut self, index: usize, raw: &StringArray) {
        let column = &self.contract.columns[index];
        let is_identifier = self.contract.key.contains(&index) || text_form(column) != TextForm::Plain;
        if column.kind != ColumnKind::Text || !is_identifier {
            return;
        }
        for (row, text) in raw.iter().enumerate() {
            if text.is_some_and(|text| value::is_scientific(&value::normalise_text(text))) {
                self.reject(row, index, RuleCode::LostDigits, false, |c| reason::lost_digits(&c.label));
            }
        }
    }

    /// The value could not be understood; a text already rejected as garbled is not rejected twice.
    fn unparsed(&mut self, row: usize, index: usize, text: &str, why: (RuleCode, String)) {
        self.unparsed[index].push(row as u32);
        if !text.contains('\u{FFFD}') {
            self.reject(row, index, why.0, false, |_| why.1);
        }
    }

    fn primitive<T: ArrowPrimitiveType>(
        &mut self,
        index: usize,
        raw: &StringArray,
        parse: impl Fn(&[u8]) -> Option<T::Native>,
        why: impl Fn(&Column, &str) -> (RuleCode, String),
    ) -> ArrayRef {
        let mut out = PrimitiveBuilder::<T>::with_capacity(raw.len());
        for (row, text) in raw.iter().enumerate() {
            let Some(text) = text else {
                out.append_null();
                continue;
            };
            // Nearly every value parses as it is; only the others are worth normalising.
            let parsed = parse(text.as_bytes()).or_else(|| parse(value::half_width(text).as_bytes()));
            if parsed.is_none() && !value::trim_blanks(text).is_empty() {
                self.unparsed(row, index, text, why(&self.contract.columns[index], text));
            }
            out.append_option(parsed);
        }
        Arc::new(out.finish())
    }

    fn booleans(&mut self, index: usize, raw: &StringArray) -> ArrayRef {
        let column = &self.contract.columns[index];
        let mut out = BooleanBuilder::with_capacity(raw.len());
        for (row, text) in raw.iter().enumerate() {
            let Some(text) = text else {
                out.append_null();
                continue;
            };
            let parsed = value::parse_boolean(text).or_else(|| value::parse_boolean(&value::normalise_text(text)));
            if parsed.is_none() && !value::trim_blanks(text).is_empty() {
                let reason = reason::bad_boolean(&column.label, column.shown(text));
                self.unparsed(row, index, text, (RuleCode::BadBoolean, reason));
            }
            out.append_option(parsed);
        }
        Arc::new(out.finish())
    }

    /// Codes, labels and aliases to labels.
    fn translate(&mut self, index: usize, raw: &StringArray, list: &Arc<CodeList>) -> ArrayRef {
        let column = &self.contract.columns[index];
        let is_warning = column.rules.iter().any(|r| r.is_warning && matches!(r.kind, RuleKind::CodeList(_)));
        let mut memo = Memo::default();
        // Where only labels are delivered, the column can stay as it is.
        if raw.iter().flatten().all(|text| memo.meaning(list, text).is_some_and(|m| m.is_label)) {
            return Arc::new(raw.clone());
        }
        let mut out = StringBuilder::with_capacity(raw.len(), raw.value_data().len());
        for (row, text) in raw.iter().enumerate() {
            let text = text.map(value::trim_blanks).filter(|text| !text.is_empty());
            let Some(text) = text else {
                out.append_null();
                continue;
            };
            if let Some(meaning) = memo.meaning(list, text) {
                out.append_value(&list.entries[meaning.entry as usize].label);
                continue;
            }
            let reason = reason::unknown_code(&column.label, &list.name, column.shown(text));
            if is_warning {
                self.reject(row, index, RuleCode::UnknownCode, true, |_| reason);
                out.append_value(text);
            } else {
                self.unparsed(row, index, text, (RuleCode::UnknownCode, reason));
                out.append_null();
            }
        }
        Arc::new(out.finish())
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

fn text_form(column: &Column) -> TextForm {
    let has = |wanted: fn(&RuleKind) -> bool| column.rules.iter().any(|rule| wanted(&rule.kind));
    if has(|kind| matches!(kind, RuleKind::IdNumber | RuleKind::Uscc)) {
        TextForm::Identifier
    } else if has(|kind| matches!(kind, RuleKind::Mobile | RuleKind::MobileOrLandline)) {
        TextForm::Phone
    } else {
        TextForm::Plain
    }
}

fn normal(text: &str, form: TextForm) -> Cow<'_, str> {
    match form {
        TextForm::Plain => value::normalise_text(text),
        TextForm::Identifier => identifiers::normalise_id_number(text),
        TextForm::Phone => identifiers::normalise_phone(text),
    }
}

/// Texts in their normal form; the column itself if all are. A text of nothing but blanks is null.
fn normalise(raw: &StringArray, form: TextForm) -> ArrayRef {
    let is_normal = |text: &str| matches!(normal(text, form), Cow::Borrowed(same) if same.len() == text.len());
    let Some(first) = raw.iter().position(|text| text.is_some_and(|text| !is_normal(text))) else {
        return Arc::new(raw.clone());
    };
    let mut out = StringBuilder::with_capacity(raw.len(), raw.value_data().len());
    for (row, text) in raw.iter().enumerate() {
        match text {
            Some(text) if row < first => out.append_value(text),
            Some(text) => {
                let text = normal(text, form);
                out.append_option(Some(text).filter(|text| !text.is_empty()));
            }
            None => out.append_null(),
        }
    }
    Arc::new(out.finish())
}

/// The last few texts and their meanings: neighbouring rows share most of their codes.
#[derive(Default)]
struct Memo<'a> {
    slots: [(&'a str, Option<super::code_list::Meaning>); 16],
}

impl<'a> Memo<'a> {
    fn meaning(&mut self, list: &CodeList, text: &'a str) -> Option<super::code_list::Meaning> {
        let bytes = text.as_bytes();
        // Chinese labels of equal length differ most in the last byte of their first and last characters.
        let mix =
            bytes.len() ^ usize::from(*bytes.last().unwrap_or(&0)) ^ usize::from(*bytes.get(2).unwrap_or(&0)) << 1;
        let slot = &mut self.slots[mix & 15];
        if slot.0 != text || slot.1.is_none() {
            *slot = (text, list.meaning(text));
        }
        slot.1
    }
}
