//! What becomes of a cell that came back: three values, one outcome.

use chrono::{NaiveDate, NaiveDateTime};

use super::super::elements::Dictionary;
use super::base::BaseColumn;
use super::returned::Outcome;
use crate::contract::{ColumnKind, normalise_text, parse_boolean, parse_date};

/// What is known of a cell now, and when it was recorded where the records say so.
pub(super) type Known = (Option<String>, Option<NaiveDateTime>);

/// A cell as it went out.
pub(super) struct Asked<'a> {
    pub key: &'a str,
    pub base: Option<&'a str>,
    pub column: Option<&'a BaseColumn>,
}

/// What becomes of a cell, the value that came back, and why.
type Judged = (Outcome, Option<String>, String);

const BOTH_CHANGED: &str = "发出以后，库中的值也改了";
const GONE: &str = "发出以后，库中已没有这个对象，或表单不再要它";

/// What becomes of a cell; nothing if it says what went out.
pub(super) fn judged(
    asked: &Asked<'_>,
    text: &str,
    current: Option<&Known>,
    dictionary: &Dictionary,
) -> Option<Judged> {
    let Asked { key, base, column } = *asked;
    let element = dictionary.get(key);
    let kind = element.map_or(ColumnKind::Text, |element| element.kind);
    if text.is_empty() {
        return base.map(|_| {
            let reason = "发出时有值，交回时清空了；确实没有的，请在业务系统注销这一项".to_owned();
            (Outcome::Refused, None, reason)
        });
    }
    if base == Some(text) {
        return None;
    }
    let value = match normal(text, kind, key, column, dictionary) {
        Ok(value) => value,
        Err(reason) => return Some((Outcome::Refused, Some(text.to_owned()), reason)),
    };
    if base.is_some_and(|base| base == value || normal(base, kind, key, column, dictionary).as_ref() == Ok(&value)) {
        return None;
    }
    let Some((now, _)) = current else {
        return Some((Outcome::Conflict, Some(value), GONE.to_owned()));
    };
    if now.as_deref() == Some(value.as_str()) {
        return Some((Outcome::Accepted, Some(value), "库中已是这个值".to_owned()));
    }
    match now.as_deref() == base {
        true => Some((Outcome::Accepted, Some(value), String::new())),
        false => Some((Outcome::Conflict, Some(value), BOTH_CHANGED.to_owned())),
    }
}

/// What becomes of an old value that was looked at and is still right; nothing if a newer record says the same.
pub(super) fn confirmed(asked: &Asked<'_>, current: Option<&Known>, issued_on: NaiveDate) -> Option<Judged> {
    let base = asked.base?.to_owned();
    match current {
        None => Some((Outcome::Conflict, Some(base), GONE.to_owned())),
        Some((now, _)) if now.as_deref() != Some(&base) => {
            Some((Outcome::Conflict, Some(base), BOTH_CHANGED.to_owned()))
        }
        Some((_, Some(time))) if time.date() >= issued_on => None,
        Some(_) => Some((Outcome::Confirmed, Some(base), String::new())),
    }
}

/// A text in the normal form of its kind, or why it has none.
fn normal(
    text: &str,
    kind: ColumnKind,
    key: &str,
    column: Option<&BaseColumn>,
    dictionary: &Dictionary,
) -> std::result::Result<String, String> {
    let text = normalise_text(text);
    if let Some(codes) = dictionary.get(key).and_then(|element| element.codes.as_ref()) {
        return codes.label(&text).map(str::to_owned).ok_or_else(|| format!("不在代码表“{}”内", codes.name));
    }
    match kind {
        ColumnKind::Integer => match text.parse::<f64>() {
            Ok(number) if number.fract() == 0.0 => Ok(number.to_string()),
            _ => Err("应当是整数".to_owned()),
        },
        ColumnKind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number.to_string()),
            _ => Err("应当是数字".to_owned()),
        },
        ColumnKind::Date => {
            let day = parse_date(text.as_bytes()).and_then(|days| {
                NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_signed(chrono::TimeDelta::days(days.into()))
            });
            day.map(|day| day.to_string()).ok_or_else(|| "应当是日期，如2024-06-27".to_owned())
        }
        ColumnKind::Boolean => match parse_boolean(&text) {
            Some(true) => Ok("是".to_owned()),
            Some(false) => Ok("否".to_owned()),
            None => Err("应当填“是”或“否”".to_owned()),
        },
        ColumnKind::Text | ColumnKind::Timestamp => {
            let choices = column.map(|column| column.choices.as_slice()).unwrap_or_default();
            match choices.is_empty() || choices.iter().any(|choice| *choice == *text) {
                true => Ok(text.into_owned()),
                false => Err(format!("应当是{}之一", choices.join("、"))),
            }
        }
    }
}
