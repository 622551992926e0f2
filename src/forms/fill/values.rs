//! A value of the warehouse as a form wants it: in its unit, by its choices.

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};

use super::super::elements::Element;
use super::super::file::FormItem;
use super::super::measures;
use super::super::package::Value;
use super::super::reading::without_code;
use crate::contract::{ColumnKind, parse_boolean};
use crate::district::rounding::Rounding;

/// Words that say yes or no where a form offers choices.
const YES: &[&str] = &["是", "有", "√", "✓", "已", "合格", "符合", "正常", "畅通", "安全", "完好"];
const NO: &[&str] = &["否", "无", "×", "✗", "未", "没", "不"];
/// Words that turn a choice round: 有隐患 is no good news of a place that is safe.
const FAULTS: &[&str] = &["隐患", "问题", "违规", "违章", "异常", "损坏"];
/// Figures are shorter than telephone numbers.
const FIGURE_SIGNS_MAX: usize = 10;
/// Decimals of a figure that was worked out from one in another unit.
const CONVERTED_DIGITS: usize = 4;

/// A value at a row; `None` for one that is missing or cannot be said in the form's unit.
pub(super) fn value(column: &ArrayRef, row: usize, element: &Element, item: &FormItem) -> Option<Value> {
    stored(column, row, element, item).map(|value| ticked(value, item))
}

fn stored(column: &ArrayRef, row: usize, element: &Element, item: &FormItem) -> Option<Value> {
    if column.is_null(row) {
        return None;
    }
    let day = |date: Option<chrono::NaiveDate>| date.map(Value::Date);
    match column.data_type() {
        DataType::Utf8 => text(column.as_string::<i32>().value(row), element, item),
        DataType::Int64 => number(column.as_primitive::<Int64Type>().value(row) as f64, element, item),
        DataType::Float64 => number(column.as_primitive::<Float64Type>().value(row), element, item),
        DataType::Boolean => yes_or_no(column.as_boolean().value(row), item).map(Value::Text),
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
    returned(written, element, item).map(|value| ticked(value, item))
}

/// `☑男　□女` where the form has its choices in the cell.
fn ticked(value: Value, item: &FormItem) -> Value {
    let (Value::Text(chosen), true) = (&value, item.boxes) else { return value };
    if !item.choices.contains(chosen) {
        return value;
    }
    let boxes = item.choices.iter().map(|choice| format!("{}{choice}", if choice == chosen { '☑' } else { '□' }));
    Value::Text(boxes.collect::<Vec<_>>().join("　"))
}

fn returned(written: &str, element: Option<&Element>, item: &FormItem) -> Option<Value> {
    let Some(element) = element else {
        // Numbers of accounts and of cards are texts, as is what begins with zeros.
        let is_short = written.len() <= FIGURE_SIGNS_MAX
            && (!written.starts_with('0') || !written[1..].starts_with(|sign: char| sign.is_ascii_digit()));
        let is_figure = item.unit.is_some() || item.cell.is_some();
        let is_number = is_figure && is_short && written.parse::<f64>().is_ok_and(f64::is_finite);
        return Some(if is_number { Value::Number(written.to_owned()) } else { Value::Text(written.to_owned()) });
    };
    match element.kind {
        ColumnKind::Integer | ColumnKind::Number => number(written.parse().ok()?, element, item),
        ColumnKind::Date => written.parse().ok().map(Value::Date),
        ColumnKind::Boolean => yes_or_no(parse_boolean(written)?, item).map(Value::Text),
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

/// Yes or no by the form's choices; `None` where they do not tell which of them says so.
fn yes_or_no(is_so: bool, item: &FormItem) -> Option<String> {
    if item.choices.is_empty() {
        return Some(if is_so { "是" } else { "否" }.to_owned());
    }
    if item.choices.iter().any(|choice| FAULTS.iter().any(|fault| choice.contains(fault))) {
        return None;
    }
    let words = if is_so { YES } else { NO };
    let says_so = |choice: &&String| words.iter().any(|word| without_code(choice).starts_with(word));
    let mut saying = item.choices.iter().filter(says_so);
    match (saying.next(), saying.next()) {
        (Some(one), None) => Some(one.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_box_is_ticked_and_the_others_stay() {
        let choices = ["男", "女"].map(str::to_owned).to_vec();
        let item = FormItem { choices, boxes: true, ..FormItem::default() };
        let text = |written: &str| plain_text(&collected(written, None, &item).expect("a value"));
        assert_eq!([text("女"), text("其他")], ["□男　☑女", "其他"]);
    }

    #[test]
    fn yes_is_the_choice_that_says_so_and_no_other() {
        let said = |is_so: bool, choices: &[&str]| {
            let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
            yes_or_no(is_so, &FormItem { choices, ..FormItem::default() })
        };
        assert_eq!(said(true, &[]), Some("是".to_owned()));
        assert_eq!(said(false, &["不适用", "×"]), None);
        assert_eq!(said(false, &["√", "×"]), Some("×".to_owned()));
        assert_eq!(said(true, &["合格", "不合格"]), Some("合格".to_owned()));
        assert_eq!(said(false, &["合格", "不合格"]), Some("不合格".to_owned()));
        assert_eq!(said(true, &["1未签", "2已签"]), Some("2已签".to_owned()));
        assert_eq!(said(true, &["有隐患", "无隐患"]), None);
        assert_eq!(said(true, &["甲", "乙"]), None);
    }
}
