//! A column as delivered to a column of its type, in its normal form. What cannot be understood is null, and the row is
//! rejected with the reason.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBuilder, PrimitiveBuilder, StringArray, StringBuilder};
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};

use super::check::Judge;
use super::reason::{self, RuleCode};
use super::text::{self, TextForm};
use super::{CodeList, Column, ColumnKind, RuleKind, value};
use crate::district::identifiers;

impl Judge<'_> {
    /// A column as delivered to a column of its type; what cannot be understood is null and its row rejected.
    pub(super) fn parse(&mut self, index: usize, raw: &StringArray) -> ArrayRef {
        let contract = self.contract;
        let column = &contract.columns[index];
        self.replacement_characters(index, raw);
        self.scientific_notation(index, raw);
        let zone = self.context.zone;
        match column.kind {
            ColumnKind::Text => {
                let texts = match column.code_list() {
                    Some(list) => self.translate(index, raw, list),
                    None => normalise(raw, text_form(column)),
                };
                self.control_characters(index, texts.as_string());
                texts
            }
            ColumnKind::Integer => self.primitive::<Int64Type>(index, raw, value::parse_integer, |c, shown| {
                (RuleCode::BadNumber, reason::bad_number(&c.label, shown, true))
            }),
            ColumnKind::Number => self.primitive::<Float64Type>(index, raw, value::parse_number, |c, shown| {
                (RuleCode::BadNumber, reason::bad_number(&c.label, shown, false))
            }),
            ColumnKind::Date => self.primitive::<Date32Type>(index, raw, value::parse_date, |c, shown| {
                (RuleCode::BadDate, reason::bad_date(&c.label, shown))
            }),
            ColumnKind::Timestamp => {
                let parse = |text: &[u8]| value::parse_timestamp(text, zone);
                self.primitive::<TimestampMicrosecondType>(index, raw, parse, |c, shown| {
                    (RuleCode::BadTimestamp, reason::bad_timestamp(&c.label, shown))
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
        let is_identifier =
            self.contract.key.contains(&index) || matches!(text_form(column), TextForm::Identifier | TextForm::Phone);
        if column.kind != ColumnKind::Text || !is_identifier {
            return;
        }
        for (row, text) in raw.iter().enumerate() {
            if text.is_some_and(|text| text::is_scientific(&text::normalise_text(text))) {
                self.reject(row, index, RuleCode::LostDigits, false, |c| reason::lost_digits(&c.label));
            }
        }
    }

    /// Keys are compared byte by byte and joined by a control character where several columns make one.
    fn control_characters(&mut self, index: usize, texts: &StringArray) {
        // C1 controls begin with 0xC2 in UTF-8.
        let may_be_control = |byte: &u8| *byte < b' ' || matches!(*byte, 0x7F | 0xC2);
        if !self.contract.columns[index].is_identifier || !texts.value_data().iter().any(may_be_control) {
            return;
        }
        for (row, text) in texts.iter().enumerate() {
            if text.is_some_and(|text| text.contains(char::is_control)) {
                self.reject(row, index, RuleCode::BadPattern, false, |c| reason::control_character(&c.label));
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
        why: impl Fn(&Column, Option<&str>) -> (RuleCode, String),
    ) -> ArrayRef {
        let mut out = PrimitiveBuilder::<T>::with_capacity(raw.len());
        for (row, text) in raw.iter().enumerate() {
            let Some(text) = text else {
                out.append_null();
                continue;
            };
            // Nearly every value parses as it is; only the others are worth normalising.
            let parsed = parse(text.as_bytes()).or_else(|| parse(text::half_width(text).as_bytes()));
            if parsed.is_none() && !text::trim_blanks(text).is_empty() {
                let shown = self.shown(row, index, text);
                self.unparsed(row, index, text, why(&self.contract.columns[index], shown));
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
            let parsed = value::parse_boolean(text).or_else(|| value::parse_boolean(&text::normalise_text(text)));
            if parsed.is_none() && !text::trim_blanks(text).is_empty() {
                let reason = reason::bad_boolean(&column.label, self.shown(row, index, text));
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
            let text = text.map(text::trim_blanks).filter(|text| !text.is_empty());
            let Some(text) = text else {
                out.append_null();
                continue;
            };
            if let Some(meaning) = memo.meaning(list, text) {
                out.append_value(&list.entries[meaning.entry as usize].label);
                continue;
            }
            let reason = reason::unknown_code(&column.label, &list.name, self.shown(row, index, text));
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
}

fn text_form(column: &Column) -> TextForm {
    let has = |wanted: fn(&RuleKind) -> bool| column.rules.iter().any(|rule| wanted(&rule.kind));
    if has(|kind| matches!(kind, RuleKind::IdNumber | RuleKind::Uscc)) {
        TextForm::Identifier
    } else if has(|kind| matches!(kind, RuleKind::Mobile | RuleKind::MobileOrLandline)) {
        TextForm::Phone
    } else if column.is_identifier {
        TextForm::Key
    } else {
        TextForm::Plain
    }
}

fn normal(text: &str, form: TextForm) -> Cow<'_, str> {
    match form {
        TextForm::Plain => text::normalise_text(text),
        TextForm::Key => text::normalise_key(text),
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
