//! One record on its way into a file: typed cells, so that each file writes dates, codes and booleans its own way.

use std::fmt::{self, Write as _};

use super::reference::{District, List};
use crate::district::calendar::civil;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell {
    Null,
    /// A stretch of `Row::text`.
    Text(u32, u32),
    /// A place in a code list.
    Code(List, u16),
    Whole(i64),
    /// A decimal with one digit after the point, times ten.
    Tenths(i64),
    Flag(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Local seconds since 1970-01-01 00:00:00.
    Time(i64),
}

/// A row's cells; reused from row to row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    text: String,
    pub(crate) cells: Vec<Cell>,
}

impl Row {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    pub(crate) fn push(&mut self, cell: Cell) {
        self.cells.push(cell);
    }

    pub(crate) fn null(&mut self) {
        self.cells.push(Cell::Null);
    }

    pub(crate) fn text(&mut self, text: &str) {
        let cell = self.store(text);
        self.cells.push(cell);
    }

    pub(crate) fn format(&mut self, arguments: fmt::Arguments<'_>) {
        let start = self.text.len() as u32;
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(arguments);
        self.cells.push(Cell::Text(start, self.text.len() as u32));
    }

    /// A text cell written piece by piece.
    pub(crate) fn build(&mut self, write: impl FnOnce(&mut String)) {
        let start = self.text.len() as u32;
        write(&mut self.text);
        self.cells.push(Cell::Text(start, self.text.len() as u32));
    }

    pub(crate) fn code(&mut self, list: List, index: usize) {
        self.cells.push(Cell::Code(list, index as u16));
    }

    pub(crate) fn maybe(&mut self, cell: Option<Cell>) {
        self.cells.push(cell.unwrap_or(Cell::Null));
    }

    /// Text for `set`, kept beside the row's other text.
    pub(crate) fn store(&mut self, text: &str) -> Cell {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Cell::Text(start, self.text.len() as u32)
    }

    pub(crate) fn set(&mut self, column: usize, text: &str) {
        self.cells[column] = self.store(text);
    }

    /// The characters of a text cell; empty for any other kind.
    pub(crate) fn str(&self, column: usize) -> &str {
        match self.cells[column] {
            Cell::Text(start, end) => &self.text[start as usize..end as usize],
            _ => "",
        }
    }

    /// The cell as text in a file's own way; nothing for a null.
    pub(crate) fn render(&self, column: usize, style: &Style, district: &District, out: &mut String) {
        match self.cells[column] {
            Cell::Null => {}
            Cell::Text(start, end) => out.push_str(&self.text[start as usize..end as usize]),
            Cell::Code(list, index) => {
                let code = &district.list(list)[index as usize];
                out.push_str(match style.codes {
                    CodeForm::Label => code.label,
                    CodeForm::Code => code.code,
                    CodeForm::English => code.english.unwrap_or(code.label),
                });
            }
            Cell::Whole(value) => out.push_str(itoa::Buffer::new().format(value)),
            Cell::Tenths(value) => {
                out.push_str(itoa::Buffer::new().format(value / 10));
                if value % 10 != 0 {
                    out.push('.');
                    out.push(char::from(b'0' + (value % 10) as u8));
                }
            }
            Cell::Flag(value) => out.push_str(match (style.flags, value) {
                (FlagForm::TrueFalse, true) => "true",
                (FlagForm::TrueFalse, false) => "false",
                (FlagForm::YesNo, true) => "是",
                (FlagForm::YesNo, false) => "否",
            }),
            Cell::Date(days) => write_date(days, style.dates, out),
            Cell::Time(seconds) => {
                write_date(seconds.div_euclid(86_400) as i32, style.dates, out);
                out.push(if style.dates == DateForm::IsoT { 'T' } else { ' ' });
                let of_day = seconds.rem_euclid(86_400);
                push_padded(of_day / 3600, 2, out);
                out.push(':');
                push_padded(of_day / 60 % 60, 2, out);
                out.push(':');
                push_padded(of_day % 60, 2, out);
            }
        }
    }
}

/// How one delivering system writes its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) header: Header,
    pub(crate) codes: CodeForm,
    pub(crate) flags: FlagForm,
    pub(crate) dates: DateForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    English,
    Chinese,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeForm {
    Label,
    Code,
    /// The English alias where the list has one.
    English,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlagForm {
    TrueFalse,
    YesNo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateForm {
    /// 2024-06-27 08:30:00
    Iso,
    /// 2024-06-27T08:30:00
    IsoT,
    /// 2024/06/27 08:30:00
    Slash,
}

impl Style {
    pub(crate) const ENGLISH: Self =
        Self { header: Header::English, codes: CodeForm::Label, flags: FlagForm::TrueFalse, dates: DateForm::Iso };
    pub(crate) const CHINESE: Self =
        Self { header: Header::Chinese, codes: CodeForm::Label, flags: FlagForm::YesNo, dates: DateForm::Slash };
}

pub(crate) fn write_date(days: i32, form: DateForm, out: &mut String) {
    let (year, month, day) = civil(days);
    let separator = if form == DateForm::Slash { '/' } else { '-' };
    push_padded(i64::from(year), 4, out);
    out.push(separator);
    push_padded(i64::from(month), 2, out);
    out.push(separator);
    push_padded(i64::from(day), 2, out);
}

pub(crate) fn push_number(value: usize, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// Exactly `width` digits; higher ones are lost.
pub(crate) fn push_padded(value: i64, width: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut rest = value;
    for at in (20 - width..20).rev() {
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend(digits[20 - width..].iter().map(|digit| char::from(*digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_written_in_the_files_own_way() {
        let district = District::load();
        let mut row = Row::default();
        row.code(List::Sex, 0);
        row.push(Cell::Time(19_901 * 86_400 + 8 * 3600 + 5));
        row.push(Cell::Tenths(893));
        row.push(Cell::Flag(true));
        row.null();
        let text = |style: &Style| {
            (0..row.cells.len())
                .map(|column| {
                    let mut out = String::new();
                    row.render(column, style, &district, &mut out);
                    out
                })
                .collect::<Vec<_>>()
                .join("|")
        };
        assert_eq!(text(&Style::ENGLISH), "男|2024-06-27 08:00:05|89.3|true|");
        assert_eq!(text(&Style::CHINESE), "男|2024/06/27 08:00:05|89.3|是|");
        let coded = Style { codes: CodeForm::English, dates: DateForm::IsoT, ..Style::ENGLISH };
        assert_eq!(text(&coded), "male|2024-06-27T08:00:05|89.3|true|");
    }
}
