//! From a figure in a text back to the cells it shows.
//!
//! What a template prints of a dataset's cell goes through its text between two signs that Unicode keeps for use inside
//! programs, with the cell's place written in other such signs. The reader of the text takes them out again before
//! anything is counted, parsed or written, so that a text is the same with and without them. Such signs in data are
//! dropped, in templates they are refused; one that has lost its counterpart is dropped too.

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value};

use super::form::NOT_APPLICABLE;

const OPEN: char = '\u{FDD0}';
const CLOSE: char = '\u{FDD1}';
const NEXT: char = '\u{FDD2}';
const ZERO: u32 = 0xFDE0;
/// Unicode has no characters here and never will.
pub(super) const RESERVED: RangeInclusive<char> = '\u{FDD0}'..='\u{FDEF}';

/// What a figure shows: places count from 0, datasets in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Cell {
        dataset: usize,
        row: usize,
        column: usize,
    },
    /// How many rows these are.
    Rows {
        dataset: usize,
        rows: Vec<usize>,
    },
}

/// A figure in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cited {
    pub origin: Origin,
    /// In the order of reading, from 1.
    pub number: usize,
}

impl Cited {
    pub(super) fn of(origin: Origin) -> Self {
        Self { origin, number: 0 }
    }
}

/// What a figure is called: `f12`.
pub(super) fn anchor(number: usize) -> String {
    format!("f{number}")
}

impl Origin {
    /// A text that remembers where it is from.
    pub(super) fn mark(&self, text: &str) -> String {
        let numbers = match self {
            Self::Cell { dataset, row, column } => vec![0, *dataset, *row, *column],
            Self::Rows { dataset, rows } => [1, *dataset].iter().chain(rows).copied().collect(),
        };
        let mut marked = String::from(OPEN);
        for number in numbers {
            let digits = number.to_string();
            marked.extend(digits.bytes().filter_map(|digit| char::from_u32(ZERO + u32::from(digit - b'0'))));
            marked.push(NEXT);
        }
        marked.push_str(text);
        marked.push(CLOSE);
        marked
    }

    fn read(numbers: &[usize]) -> Option<Self> {
        match *numbers {
            [0, dataset, row, column] => Some(Self::Cell { dataset, row, column }),
            [1, dataset, ref rows @ ..] => Some(Self::Rows { dataset, rows: rows.to_vec() }),
            _ => None,
        }
    }
}

/// The text without marks, and the bytes in it that figures take, in order; none overlap.
pub(super) fn unmarked(text: &str) -> (String, Vec<(Range<usize>, Origin)>) {
    let mut clean = String::with_capacity(text.len());
    let mut found: Vec<(Range<usize>, Origin)> = Vec::new();
    // Figures begun and not ended: where, and the numbers read so far.
    let mut begun: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut number: Option<usize> = None;
    for sign in text.chars() {
        match sign {
            OPEN => begun.push((clean.len(), Vec::new())),
            CLOSE => {
                let Some((from, numbers)) = begun.pop() else { continue };
                let is_free = found.last().is_none_or(|(last, _)| last.end <= from);
                if let Some(origin) = Origin::read(&numbers).filter(|_| is_free && from < clean.len()) {
                    found.push((from..clean.len(), origin));
                }
            }
            NEXT => {
                if let (Some((_, numbers)), Some(number)) = (begun.last_mut(), number) {
                    numbers.push(number);
                }
            }
            sign if RESERVED.contains(&sign) => {
                let digit = usize::try_from(u32::from(sign).saturating_sub(ZERO)).unwrap_or(0);
                number = number.unwrap_or(0).checked_mul(10).and_then(|number| number.checked_add(digit));
                continue;
            }
            sign => clean.push(sign),
        }
        number = None;
    }
    (clean, found)
}

/// The first sign in a text that no text may have, by its place.
pub(super) fn reserved_sign(text: &str) -> Option<usize> {
    text.find(|sign| RESERVED.contains(&sign))
}

/// A text of the data without such signs.
pub(super) fn without_reserved(text: String) -> String {
    if reserved_sign(&text).is_none() { text } else { text.replace(|sign| RESERVED.contains(&sign), "") }
}

/// A figure on its way through a template: printed as the bare value would be, with its mark.
#[derive(Debug)]
pub(super) struct Traced {
    pub value: Value,
    pub origin: Origin,
}

impl Traced {
    pub(super) fn of(value: Value, origin: Origin) -> Value {
        Value::from_object(Self { value, origin })
    }

    /// The bare value, and where it is from if that is known.
    pub(super) fn open(value: &Value) -> (&Value, Option<&Origin>) {
        match value.downcast_object_ref::<Self>() {
            Some(traced) => (&traced.value, Some(&traced.origin)),
            None => (value, None),
        }
    }
}

impl Object for Traced {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.value.is_none() { NOT_APPLICABLE.to_owned() } else { self.value.to_string() };
        f.write_str(&self.origin.mark(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(row: usize) -> Origin {
        Origin::Cell { dataset: 3, row, column: 120 }
    }

    #[test]
    fn marks_are_taken_out_and_lead_back() {
        let rows = Origin::Rows { dataset: 0, rows: vec![0, 17] };
        let text = format!("上报{}件，{}；{}处", cell(10).mark("1204"), cell(2).mark("同比上升3.2%"), rows.mark("2"));
        let (clean, found) = unmarked(&text);
        assert_eq!(clean, "上报1204件，同比上升3.2%；2处");
        let shown: Vec<(&str, &Origin)> = found.iter().map(|(at, origin)| (&clean[at.clone()], origin)).collect();
        assert_eq!(shown, [("1204", &cell(10)), ("同比上升3.2%", &cell(2)), ("2", &rows)]);
    }

    #[test]
    fn a_mark_that_is_broken_or_made_up_does_no_harm() {
        let whole = cell(1).mark("98.59%");
        let cut = |from: usize, to: usize| whole.chars().skip(from).take(to - from).collect::<String>();
        let length = whole.chars().count();
        for (text, clean, count) in [
            (cut(0, length - 1), "98.59%", 0),
            (cut(1, length), "98.59%", 0),
            (cut(5, length), "98.59%", 0),
            (cell(1).mark(""), "", 0),
            ("\u{FDD1}\u{FDD2}\u{FDE9}甲\u{FDD0}\u{FDD0}".to_owned(), "甲", 0),
            (format!("\u{FDD0}{}\u{FDD2}乙\u{FDD1}", "\u{FDE9}".repeat(40)), "乙", 0),
            (cell(1).mark(&format!("甲{}", cell(2).mark("7"))), "甲7", 1),
            (format!("{whole}{whole}"), "98.59%98.59%", 2),
        ] {
            let (found, marks) = unmarked(&text);
            assert_eq!((found.as_str(), marks.len()), (clean, count), "{text:?}");
        }
        assert_eq!(without_reserved("甲\u{FDD0}乙".to_owned()), "甲乙");
    }
}
