//! The rules a contract can name, and how each judges a column.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDate};
use regex::Regex;

use super::check::Judge;
use super::reason::{self, RuleCode};
use super::yaml::Place;
use super::{CodeList, ColumnKind};
use crate::district::identifiers::{self, IdNumber, Sex};

#[derive(Debug)]
pub struct Rule {
    pub kind: RuleKind,
    /// The rule holds only for rows that fulfil all of these.
    pub when: Vec<Condition>,
    /// A violation is counted and shown, but the row is accepted.
    pub is_warning: bool,
    pub(super) at: Place,
}

/// A column has one of these values, in their normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub column: usize,
    pub values: Vec<String>,
}

#[derive(Debug)]
pub enum RuleKind {
    Required,
    Pattern(Regex),
    Range {
        minimum: Option<Bound>,
        maximum: Option<Bound>,
    },
    /// In characters.
    Length {
        minimum: Option<usize>,
        maximum: Option<usize>,
    },
    CodeList(Arc<CodeList>),
    IdNumber,
    /// Birth date and sex follow from the ID number in this column.
    AgreesWithIdNumber {
        birth_date: Option<usize>,
        sex: Option<usize>,
    },
    Uscc,
    Mobile,
    MobileOrLandline,
    Reference {
        table: String,
        column: String,
    },
    NotInFuture,
    NotBefore {
        column: usize,
    },
}

/// One end of a range, in the column's own terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    Number(f64),
    Date(NaiveDate),
}

impl RuleKind {
    /// The kinds of column the rule can judge; empty means any.
    pub(super) fn column_kinds(&self) -> &'static [ColumnKind] {
        use ColumnKind::{Date, Integer, Number, Text, Timestamp};
        match self {
            RuleKind::Required => &[],
            RuleKind::Range { .. } => &[Integer, Number, Date, Timestamp],
            RuleKind::NotInFuture | RuleKind::NotBefore { .. } => &[Date, Timestamp],
            _ => &[Text],
        }
    }
}

const DAY_MICROS: i64 = 86_400_000_000;
const EPOCH_DAYS_FROM_CE: i32 = 719_163;

pub(super) fn days_since_epoch(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - EPOCH_DAYS_FROM_CE
}

/// Judges column `index` by one rule. `columns` holds the typed columns of the whole table.
pub(super) fn apply(judge: &mut Judge<'_>, index: usize, rule: &Rule, columns: &[ArrayRef]) {
    let column = &columns[index];
    let wanted = wanted_rows(&rule.when, columns, column.len());
    let each = Each { wanted: wanted.as_ref(), is_warning: rule.is_warning };
    match &rule.kind {
        // Code lists translate values and so have been applied already; whether a value is there at all was looked at
        // while parsing.
        RuleKind::CodeList(_) => {}
        RuleKind::Required => judge.require(index, &rule.when, wanted.as_ref(), rule.is_warning),
        RuleKind::Pattern(pattern) => {
            each.text(judge, index, column, |text| pattern.is_match(text), RuleCode::BadPattern, reason::bad_pattern);
        }
        RuleKind::Length { minimum, maximum } => {
            let is_long = |text: &str| maximum.is_some_and(|max| text.len() > max && text.chars().count() > max);
            let is_short = |text: &str| minimum.is_some_and(|min| text.len() < 4 * min && text.chars().count() < min);
            let too_long = |label: &str| reason::too_long(label, maximum.unwrap_or_default());
            let too_short = |label: &str| reason::too_short(label, minimum.unwrap_or_default());
            each.text(judge, index, column, |text| !is_long(text), RuleCode::TooLong, too_long);
            each.text(judge, index, column, |text| !is_short(text), RuleCode::TooShort, too_short);
        }
        RuleKind::IdNumber => id_numbers(judge, index, column.as_string(), &each),
        RuleKind::AgreesWithIdNumber { birth_date, sex } => agreement(judge, index, columns, *birth_date, *sex, &each),
        RuleKind::Uscc => {
            let is_good = |text: &str| identifiers::check_credit_code(text).is_ok();
            each.text(judge, index, column, is_good, RuleCode::BadUscc, reason::bad_uscc);
        }
        RuleKind::Mobile => {
            each.text(judge, index, column, identifiers::is_mobile, RuleCode::BadPhone, reason::bad_mobile);
        }
        RuleKind::MobileOrLandline => {
            let is_good = |text: &str| identifiers::is_mobile(text) || identifiers::is_landline(text);
            each.text(judge, index, column, is_good, RuleCode::BadPhone, reason::bad_phone);
        }
        RuleKind::Reference { table, column: target } => {
            let values: &StringArray = column.as_string();
            let rows = each.rows(values);
            for row in judge.context.keys.find_missing(table, target, values, &rows) {
                let shown = judge.shown(row as usize, index, values.value(row as usize));
                judge.reject(row as usize, index, RuleCode::UnknownReference, rule.is_warning, |c| {
                    reason::unknown_reference(&c.label, table, shown)
                });
            }
        }
        RuleKind::Range { minimum, maximum } => range(judge, index, column, *minimum, *maximum, &each),
        RuleKind::NotInFuture => {
            let as_of = days_since_epoch(judge.context.as_of);
            let end_of_day = i64::from(as_of + 1) * DAY_MICROS - 1;
            let as_of_text = judge.context.as_of.to_string();
            let why = |label: &str| reason::future_date(label, &as_of_text);
            match judge.contract.columns[index].kind {
                ColumnKind::Date => {
                    each.number::<Date32Type>(judge, index, column, i32::MIN..=as_of, RuleCode::FutureDate, why);
                }
                _ => each.number::<TimestampMicrosecondType>(
                    judge,
                    index,
                    column,
                    i64::MIN..=end_of_day,
                    RuleCode::FutureDate,
                    why,
                ),
            }
        }
        RuleKind::NotBefore { column: other } => {
            let (own_micros, other_micros) = (micros(column), micros(&columns[*other]));
            let (own_days, other_days) = (
                column.data_type() == &arrow::datatypes::DataType::Date32,
                columns[*other].data_type() == &arrow::datatypes::DataType::Date32,
            );
            for row in each.rows(column).set_indices() {
                let (Some(own), Some(other_value)) = (own_micros(row), other_micros(row)) else { continue };
                // A date lasts until its midnight: only whole days can be compared with it.
                let day = |value: i64| if own_days || other_days { value.div_euclid(DAY_MICROS) } else { value };
                if day(own) < day(other_value) {
                    let other_label = judge.contract.columns[*other].label.clone();
                    judge.reject(row, index, RuleCode::OutOfRange, rule.is_warning, |c| {
                        reason::not_before(&c.label, &other_label)
                    });
                }
            }
        }
    }
}

/// A date or timestamp column as microseconds, row by row.
fn micros(column: &ArrayRef) -> Box<dyn Fn(usize) -> Option<i64> + '_> {
    match column.as_primitive_opt::<Date32Type>() {
        Some(days) => Box::new(|row| days.is_valid(row).then(|| i64::from(days.value(row)) * DAY_MICROS)),
        None => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            Box::new(|row| values.is_valid(row).then(|| values.value(row)))
        }
    }
}

/// The rows that fulfil all conditions; `None` means every row.
fn wanted_rows(conditions: &[Condition], columns: &[ArrayRef], row_count: usize) -> Option<BooleanBuffer> {
    let mut wanted: Option<BooleanBuffer> = None;
    for condition in conditions {
        let values: &StringArray = columns[condition.column].as_string();
        let holds = |row: usize| {
            let value = values.value(row);
            values.is_valid(row) && condition.values.iter().any(|v| v == value)
        };
        let rows = BooleanBuffer::collect_bool(row_count, holds);
        wanted = Some(wanted.map_or_else(|| rows.clone(), |wanted| &wanted & &rows));
    }
    wanted
}

/// The rows a rule looks at, and how it reports.
struct Each<'a> {
    wanted: Option<&'a BooleanBuffer>,
    is_warning: bool,
}

impl Each<'_> {
    /// Wanted rows that have a value.
    fn rows(&self, column: &dyn Array) -> BooleanBuffer {
        let valid = column.nulls().map(|nulls| nulls.inner().clone());
        match (self.wanted, valid) {
            (None, None) => BooleanBuffer::new_set(column.len()),
            (Some(wanted), None) => wanted.clone(),
            (None, Some(valid)) => valid,
            (Some(wanted), Some(valid)) => wanted & &valid,
        }
    }

    fn is_wanted(&self, row: usize) -> bool {
        self.wanted.is_none_or(|wanted| wanted.value(row))
    }

    fn text(
        &self,
        judge: &mut Judge<'_>,
        index: usize,
        column: &ArrayRef,
        is_good: impl Fn(&str) -> bool,
        code: RuleCode,
        why: impl Fn(&str) -> String,
    ) {
        let values: &StringArray = column.as_string();
        for (row, value) in values.iter().enumerate() {
            if let Some(value) = value
                && self.is_wanted(row)
                && !is_good(value)
            {
                judge.reject(row, index, code, self.is_warning, |c| why(&c.label));
            }
        }
    }

    fn number<T: ArrowPrimitiveType>(
        &self,
        judge: &mut Judge<'_>,
        index: usize,
        column: &ArrayRef,
        range: RangeInclusive<T::Native>,
        code: RuleCode,
        why: impl Fn(&str) -> String,
    ) where
        T::Native: PartialOrd,
    {
        let values: &PrimitiveArray<T> = column.as_primitive();
        for (row, value) in values.values().iter().enumerate() {
            if !range.contains(value) && values.is_valid(row) && self.is_wanted(row) {
                judge.reject(row, index, code, self.is_warning, |c| why(&c.label));
            }
        }
    }
}

fn range(
    judge: &mut Judge<'_>,
    index: usize,
    column: &ArrayRef,
    minimum: Option<Bound>,
    maximum: Option<Bound>,
    each: &Each<'_>,
) {
    let why = |label: &str| reason::out_of_range(label, minimum, maximum);
    let number = |bound: Option<Bound>, open: f64| match bound {
        Some(Bound::Number(value)) => value,
        _ => open,
    };
    let day = |bound: Option<Bound>| match bound {
        Some(Bound::Date(date)) => Some(days_since_epoch(date)),
        _ => None,
    };
    let code = RuleCode::OutOfRange;
    match judge.contract.columns[index].kind {
        ColumnKind::Integer => {
            let range =
                number(minimum, i64::MIN as f64).ceil() as i64..=number(maximum, i64::MAX as f64).floor() as i64;
            each.number::<Int64Type>(judge, index, column, range, code, why);
        }
        ColumnKind::Date => {
            let range = day(minimum).unwrap_or(i32::MIN)..=day(maximum).unwrap_or(i32::MAX);
            each.number::<Date32Type>(judge, index, column, range, code, why);
        }
        ColumnKind::Timestamp => {
            let first = day(minimum).map_or(i64::MIN, |day| i64::from(day) * DAY_MICROS);
            let last = day(maximum).map_or(i64::MAX, |day| i64::from(day + 1) * DAY_MICROS - 1);
            each.number::<TimestampMicrosecondType>(judge, index, column, first..=last, code, why);
        }
        _ => {
            let range = number(minimum, f64::NEG_INFINITY)..=number(maximum, f64::INFINITY);
            each.number::<Float64Type>(judge, index, column, range, code, why);
        }
    }
}

fn id_numbers(judge: &mut Judge<'_>, index: usize, values: &StringArray, each: &Each<'_>) {
    let mut holders: Vec<Option<IdNumber>> = vec![None; values.len()];
    for row in each.rows(values).set_indices() {
        match identifiers::check_id_number(values.value(row)) {
            Ok(holder) => holders[row] = Some(holder),
            Err(fault) => {
                judge.reject(row, index, RuleCode::BadIdNumber, each.is_warning, |c| {
                    reason::bad_id_number(&c.label, fault, values.value(row).len())
                });
            }
        }
    }
    judge.id_holders.insert(index, holders);
}

fn agreement(
    judge: &mut Judge<'_>,
    index: usize,
    columns: &[ArrayRef],
    birth_date: Option<usize>,
    sex: Option<usize>,
    each: &Each<'_>,
) {
    let numbers: &StringArray = columns[index].as_string();
    // Usually the rule `id_number` stands before this one and has read the numbers.
    let read = judge.id_holders.remove(&index);
    let holder = |row: usize| match &read {
        Some(holders) => holders[row],
        None => identifiers::check_id_number(numbers.value(row)).ok(),
    };
    let dates = birth_date.map(|column| (column, columns[column].as_primitive::<Date32Type>()));
    let sexes = sex.map(|column| (column, columns[column].as_string::<i32>()));
    let number_label = judge.contract.columns[index].label.clone();
    for row in each.rows(numbers).set_indices() {
        let Some(holder) = holder(row) else { continue };
        if let Some((column, dates)) = dates
            && dates.is_valid(row)
            && dates.value(row) != days_since_epoch(holder.birth_date)
        {
            judge.reject(row, column, RuleCode::BirthDateDisagrees, each.is_warning, |c| {
                reason::disagrees(&c.label, &number_label)
            });
        }
        if let Some((column, sexes)) = sexes
            && sexes.is_valid(row)
        {
            // 未知 and 未说明 disagree with nothing.
            let is_other = match holder.sex {
                Sex::Male => sexes.value(row) == "女",
                Sex::Female => sexes.value(row) == "男",
            };
            if is_other {
                judge.reject(row, column, RuleCode::SexDisagrees, each.is_warning, |c| {
                    reason::disagrees(&c.label, &number_label)
                });
            }
        }
    }
    if let Some(holders) = read {
        judge.id_holders.insert(index, holders);
    }
}
