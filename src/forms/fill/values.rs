//! A value of the warehouse as a form wants it: in its unit, by its choices.

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};

use super::super::elements::Element;
use super::super::file::FormItem;
use super::super::measures;
use super::super::package::Value;
use super::super::words::without_code;
use crate::contract::ColumnKind;
use crate::district::rounding::Rounding;

/// Words that say yes where a form offers two choices.
const YES: &[&str] = &["是", "有", "√", "✓", "已", "合格", "符合", "正常", "畅通", "安全", "完好"];
/// Decimals of a figure that was worked out from one in another unit.
const CONVERTED_DIGITS: usize = 4;

/// A value at a row; `None` for one that is missing or cannot be said in the form's unit.
pub(super) fn value(column: &ArrayRef, row: usize, element: &Element, item: &FormItem) -> Option<Value> {
    if column.is_null(row) {
        return None;
    }
    let day = |date: Option<chrono::NaiveDate>| date.map(Value::Date);
    match column.data_type() {
        DataType::Utf8 => text(column.as_string::<i32>().value(row), element, item),
        DataType::Int64 => number(column.as_primitive::<Int64Type>().value(row) as f64, element, item),
        DataType::Float64 => number(column.as_primitive::<Float64Type>().value(row), element, item),
        DataType::Boolean => Some(Value::Text(yes_or_no(column.as_boolean().value(row), item))),
        DataType::Date32 => day(column.as_primitive::<Date32Type>().value_as_date(row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let time = column.as_primitive::<TimestampMicrosecondType>().value_as_datetime(row)?;
            match element.kind {
                ColumnKind::Date => Some(Value::Date(time.date())),
                _ => Some(Value::Text(time.format("%Y-%m-%d %H:%M").to_string())),
            }
        }
        _ => None,
    }
}

/// A value as it is written on a collection sheet and compared: dates as `2024-06-27`.
pub(in crate::forms) fn plain_text(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Number(text) => text.clone(),
        Value::Date(date) => date.to_string(),
        _ => String::new(),
    }
}

/// A text that was collected, as the value of an element or of an item that is none.
pub(in crate::forms) fn collected(written: &str, element: Option<&Element>, item: &FormItem) -> Option<Value> {
    let Some(element) = element else {
        let is_number = item.cell.is_some() && written.parse::<f64>().is_ok();
        return Some(if is_number { Value::Number(written.to_owned()) } else { Value::Text(written.to_owned()) });
    };
    match element.kind {
        ColumnKind::Integer | ColumnKind::Number => number(written.parse().ok()?, element, item),
        ColumnKind::Date => written.parse().ok().map(Value::Date),
        ColumnKind::Boolean => Some(Value::Text(yes_or_no(YES.contains(&written), item))),
        ColumnKind::Text | ColumnKind::Timestamp => text(written, element, item),
    }
}

fn text(text: &str, element: &Element, item: &FormItem) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    if item.choices.is_empty() {
        return Some(Value::Text(text.to_owned()));
    }
    let means = |choice: &str| {
        let bare = without_code(choice);
        let label = |text: &str| element.codes.as_ref().and_then(|codes| codes.label(text)).map(str::to_owned);
        bare == text || choice == text || label(bare).or_else(|| label(choice)).is_some_and(|label| label == text)
    };
    let chosen = item.choices.iter().find(|choice| means(choice));
    Some(Value::Text(chosen.cloned().unwrap_or_else(|| text.to_owned())))
}

fn number(figure: f64, element: &Element, item: &FormItem) -> Option<Value> {
    let (from, to) = match (&element.unit, &item.unit) {
        (Some(own), Some(asked)) => measures::conversion(own, asked)?,
        _ => (1, 1),
    };
    if from == to {
        // The shortest text that reads back as the same number.
        return figure.is_finite().then(|| Value::Number(figure.to_string()));
    }
    let converted = Rounding::HalfUp.text(figure * from as f64 / to as f64, CONVERTED_DIGITS)?;
    let short = converted.trim_end_matches('0').trim_end_matches('.');
    Some(Value::Number(short.to_owned()))
}

fn yes_or_no(is_so: bool, item: &FormItem) -> String {
    let says_yes = |choice: &&String| YES.iter().any(|word| choice.starts_with(word));
    let chosen = match is_so {
        true => item.choices.iter().find(says_yes),
        false => item.choices.iter().find(|choice| !says_yes(choice)),
    };
    chosen.cloned().unwrap_or_else(|| if is_so { "是" } else { "否" }.to_owned())
}
