//! References to cells in formulas and in plain areas: found outside of texts, moved when rows are put in, and copied to
//! another cell as a spreadsheet program copies them. Knows nothing of XML.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

pub(super) const ROWS_MAX: u32 = 1_048_576;
pub(super) const COLUMNS_MAX: u32 = 16_384;

/// Rows that were put in after row `last` of a list, counted from 0 as they were before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grown {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) by: u32,
}

/// Where a row is after the lists above it have grown; the last row of a sheet stays, for areas that end there mean all.
pub(super) fn moved_row(row: u32, growths: &[Grown]) -> u32 {
    let by = growths.iter().filter(|grown| row > grown.last).map(|grown| grown.by);
    by.fold(row, u32::saturating_add).min(ROWS_MAX - 1)
}

/// One bound of a reference. A whole column has no row, a whole row no column; `true` stands for `$`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corner {
    pub(super) column: Option<(u32, bool)>,
    pub(super) row: Option<(u32, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) from: Corner,
    pub(super) to: Option<Corner>,
}

/// The sheet a reference names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sheet<'f> {
    /// None: the sheet the formula stands on.
    Own,
    Named(Cow<'f, str>),
    /// Another workbook, or several sheets at once: spreadsheet programs do not move these either.
    Elsewhere,
}

/// Which references to the last row of a list go on to reach over its new rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extend {
    Never,
    /// Whatever ends there: rules, validations, filters.
    Always,
    /// Areas that mean the list rather than its last row; `row` is where the formula stands.
    List {
        row: Option<u32>,
    },
    /// As a list, but a line of one row stays one.
    Series,
}

/// The formula with each reference changed as `change` says; none if all stay.
pub(super) fn rewritten(
    formula: &str,
    mut change: impl FnMut(&Sheet<'_>, Reference) -> Option<Option<Reference>>,
) -> Option<String> {
    let mut out = String::new();
    let mut done = 0;
    for (at, sheet, reference) in References::new(formula) {
        let Some(new) = change(&sheet, reference) else { continue };
        out.push_str(&formula[done..at.start]);
        match new {
            Some(new) => write(new, &mut out),
            None => out.push_str("#REF!"),
        }
        done = at.end;
    }
    if done == 0 {
        return None;
    }
    out.push_str(&formula[done..]);
    Some(out)
}

/// Where a reference points after lists have grown; none if it stays.
pub(super) fn moved(reference: Reference, growths: &[Grown], extend: Extend) -> Option<Reference> {
    let (first, _) = reference.from.row?;
    let (last, is_fixed) = reference.to.map_or(reference.from.row, |to| to.row)?;
    let mut new_last = moved_row(last, growths);
    let mut goes_on = false;
    if let Some(grown) = growths.iter().find(|grown| grown.last == last) {
        goes_on = match extend {
            Extend::Never => false,
            Extend::Always => true,
            Extend::Series | Extend::List { .. } if reference.to.is_none() || first > last => false,
            Extend::List { row: Some(row) } if (grown.first..=grown.last).contains(&row) && !is_fixed => false,
            Extend::List { .. } => first < last || grown.first == grown.last,
            Extend::Series => first < last || (grown.first == grown.last && reference.is_one_column()),
        };
        new_last = (new_last + if goes_on { grown.by } else { 0 }).min(ROWS_MAX - 1);
    }
    let new_first = moved_row(first, growths);
    if (new_first, new_last) == (first, last) {
        return None;
    }
    let at = |corner: Corner, row: u32| Corner { row: corner.row.map(|(_, is_fixed)| (row, is_fixed)), ..corner };
    let to = match reference.to {
        Some(to) => Some(at(to, new_last)),
        None => goes_on.then(|| at(reference.from, new_last)),
    };
    Some(Reference { from: at(reference.from, new_first), to })
}

/// The reference in a copy of its formula so many rows and columns away. Beyond a border it goes on at the other one, as
/// it does in shared formulas.
pub(super) fn copied(reference: Reference, rows: i64, columns: i64) -> Reference {
    let shift = |bound: Option<(u32, bool)>, by: i64, max: u32| {
        bound.map(|(at, is_fixed)| match is_fixed {
            true => (at, true),
            false => (u32::try_from((i64::from(at) + by).rem_euclid(i64::from(max))).unwrap_or(at), false),
        })
    };
    let corner = |corner: Corner| Corner {
        column: shift(corner.column, columns, COLUMNS_MAX),
        row: shift(corner.row, rows, ROWS_MAX),
    };
    Reference { from: corner(reference.from), to: reference.to.map(corner) }
}

impl Reference {
    fn is_one_column(&self) -> bool {
        let of = |corner: Corner| corner.column.map(|(column, _)| column);
        self.to.is_none_or(|to| of(to) == of(self.from))
    }
}

/// Rows and columns from 0, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) first: (u32, u32),
    pub(super) last: (u32, u32),
}

impl Area {
    /// `B6:C7` or `B6`.
    pub(super) fn parse(text: &str) -> Option<Area> {
        let mut found = References::new(text);
        let (at, sheet, reference) = found.next()?;
        if at != (0..text.len()) || sheet != Sheet::Own {
            return None;
        }
        let of = |corner: Corner| Some((corner.row?.0, corner.column?.0));
        let first = of(reference.from)?;
        let last = reference.to.map_or(Some(first), of)?;
        (first.0 <= last.0 && first.1 <= last.1).then_some(Area { first, last })
    }

    pub(super) fn name(&self) -> String {
        if self.first == self.last {
            return cell_name(self.first.0, self.first.1);
        }
        format!("{}:{}", cell_name(self.first.0, self.first.1), cell_name(self.last.0, self.last.1))
    }

    pub(super) fn contains(&self, row: u32, column: u32) -> bool {
        (self.first.0..=self.last.0).contains(&row) && (self.first.1..=self.last.1).contains(&column)
    }
}

/// Areas to be found by a cell in them.
#[derive(Debug, Default)]
pub(super) struct Areas {
    pub(super) list: Vec<Area>,
    by_row: BTreeMap<u32, Vec<usize>>,
    /// Those of many rows, looked through one by one.
    tall: Vec<usize>,
}

/// No sheet has more; no form has a fraction of it.
pub(super) const AREAS_MAX: usize = 200_000;
const TALL_ROWS: u32 = 16;

impl Areas {
    pub(super) fn new(list: Vec<Area>) -> Self {
        let (mut by_row, mut tall) = (BTreeMap::<u32, Vec<usize>>::new(), Vec::new());
        for (index, area) in list.iter().enumerate() {
            if area.last.0 - area.first.0 >= TALL_ROWS {
                tall.push(index);
                continue;
            }
            for row in area.first.0..=area.last.0 {
                by_row.entry(row).or_default().push(index);
            }
        }
        Self { list, by_row, tall }
    }

    pub(super) fn around(&self, row: u32, column: u32) -> Option<Area> {
        let near = self.by_row.get(&row).into_iter().flatten().chain(&self.tall);
        near.map(|index| self.list[*index]).find(|area| area.contains(row, column))
    }
}

/// `C9` for row 8 and column 2.
pub(super) fn cell_name(row: u32, column: u32) -> String {
    let mut name = String::with_capacity(8);
    write_column(column, &mut name);
    name.push_str(&(row + 1).to_string());
    name
}

/// Row and column of `C9`.
pub(super) fn cell_at(name: &str) -> Option<(u32, u32)> {
    let corner = corner(name.as_bytes())?;
    Some((corner.row?.0, corner.column?.0))
}

fn write_column(column: u32, out: &mut String) {
    let mut letters = [0_u8; 7];
    let (mut at, mut rest) = (letters.len(), column + 1);
    while rest > 0 {
        at -= 1;
        letters[at] = b'A' + u8::try_from((rest - 1) % 26).unwrap_or(0);
        rest = (rest - 1) / 26;
    }
    out.extend(letters[at..].iter().map(|letter| char::from(*letter)));
}

fn write(reference: Reference, out: &mut String) {
    let corner = |corner: Corner, out: &mut String| {
        if let Some((column, is_fixed)) = corner.column {
            out.push_str(if is_fixed { "$" } else { "" });
            write_column(column, out);
        }
        if let Some((row, is_fixed)) = corner.row {
            out.push_str(if is_fixed { "$" } else { "" });
            out.push_str(&(row + 1).to_string());
        }
    };
    corner(reference.from, out);
    if let Some(to) = reference.to {
        out.push(':');
        corner(to, out);
    }
}

/// A word such as `$C$9`, `C` or `9`.
fn corner(word: &[u8]) -> Option<Corner> {
    let mut rest = word;
    let is_fixed = |rest: &mut &[u8]| {
        let stripped = rest.strip_prefix(b"$");
        *rest = stripped.unwrap_or(rest);
        stripped.is_some()
    };
    let starts_fixed = is_fixed(&mut rest);
    let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (column, row_is_fixed) = if letters == 0 {
        (None, starts_fixed)
    } else {
        let add = |sum: u32, letter: &u8| sum * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1;
        let column = (letters <= 3).then(|| rest[..letters].iter().fold(0, add)).filter(|n| *n <= COLUMNS_MAX)?;
        rest = &rest[letters..];
        (Some((column - 1, starts_fixed)), is_fixed(&mut rest))
    };
    if rest.is_empty() {
        return (column.is_some() && !row_is_fixed).then_some(Corner { column, row: None });
    }
    let is_number = rest.len() <= 7 && rest[0] != b'0' && rest.iter().all(u8::is_ascii_digit);
    let row =
        rest.iter().fold(0_u32, |sum, digit| sum.wrapping_mul(10).wrapping_add(u32::from(digit.wrapping_sub(b'0'))));
    let row = (is_number && row <= ROWS_MAX).then(|| row - 1)?;
    Some(Corner { column, row: Some((row, row_is_fixed)) })
}

/// The references of a formula, in order, each with the place of its cells (the sheet's name not included).
struct References<'f> {
    formula: &'f str,
    at: usize,
    /// The sheet whose `!` was read last, directly before `at`.
    sheet: Sheet<'f>,
}

impl<'f> References<'f> {
    fn new(formula: &'f str) -> Self {
        Self { formula, at: 0, sheet: Sheet::Own }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.formula.as_bytes().get(at).copied()
    }

    /// The end of a text in quotes that begins at `at`; doubled ones are inside.
    fn quoted_end(&self, at: usize, quote: u8) -> usize {
        let bytes = self.formula.as_bytes();
        let mut end = at + 1;
        while let Some(found) = bytes.get(end..).and_then(|rest| memchr::memchr(quote, rest)) {
            end += found + 1;
            if self.byte(end) != Some(quote) {
                return end;
            }
            end += 1;
        }
        bytes.len()
    }

    /// The end of `[...]`, which may hold others; `'` takes the next sign as it is.
    fn bracket_end(&self, at: usize) -> usize {
        let bytes = self.formula.as_bytes();
        let (mut end, mut depth) = (at, 0_usize);
        while let Some(byte) = bytes.get(end) {
            end += match byte {
                b'\'' => 2,
                _ => 1,
            };
            match byte {
                b'[' => depth += 1,
                b']' if depth == 1 => break,
                b']' => depth -= 1,
                _ => {}
            }
        }
        // Never inside of a character.
        (end.min(bytes.len())..=bytes.len()).find(|end| self.formula.is_char_boundary(*end)).unwrap_or(bytes.len())
    }

    fn word_end(&self, at: usize) -> usize {
        let is_word =
            |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '.' | '$' | '\\' | '?') || sign > '\u{7f}';
        self.formula[at..].find(|sign| !is_word(sign)).map_or(self.formula.len(), |length| at + length)
    }
}

impl<'f> Iterator for References<'f> {
    type Item = (Range<usize>, Sheet<'f>, Reference);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(byte) = self.byte(self.at) {
            let start = self.at;
            match byte {
                b'"' => self.at = self.quoted_end(start, b'"'),
                b'\'' => {
                    self.at = self.quoted_end(start, b'\'');
                    if self.byte(self.at) == Some(b'!') {
                        let name = &self.formula[start + 1..self.at - 1];
                        self.at += 1;
                        // `'[1]Sheet'!` and `'First:Last'!`: neither sign may stand in a sheet's name.
                        self.sheet = match name.contains(['[', ':']) {
                            true => Sheet::Elsewhere,
                            false if name.contains("''") => Sheet::Named(name.replace("''", "'").into()),
                            false => Sheet::Named(name.into()),
                        };
                        continue;
                    }
                }
                b'[' => {
                    self.at = self.bracket_end(start);
                    let end = self.word_end(self.at);
                    if end > self.at && self.byte(end) == Some(b'!') {
                        (self.at, self.sheet) = (end + 1, Sheet::Elsewhere);
                        continue;
                    }
                }
                // `#REF!` and its like.
                b'#' => {
                    let end = self.word_end(start + 1);
                    self.at = if matches!(self.byte(end), Some(b'!' | b'/')) { end + 1 } else { end };
                }
                _ => {
                    let end = self.word_end(start);
                    if end == start {
                        self.at = start + 1;
                        self.sheet = Sheet::Own;
                        continue;
                    }
                    self.at = end;
                    let word = &self.formula[start..end];
                    match self.byte(end) {
                        Some(b'!') => {
                            (self.at, self.sheet) = (end + 1, Sheet::Named(word.into()));
                            continue;
                        }
                        Some(b'[') => self.at = self.bracket_end(end),
                        Some(b'(') => {}
                        next => {
                            let second = if next == Some(b':') { self.word_end(end + 1) } else { end };
                            let follows = self.byte(second);
                            let is_cell =
                                corner(word.as_bytes()).is_some_and(|c| c.row.is_some() && c.column.is_some());
                            if second > end + 1 && follows == Some(b'!') && !is_cell {
                                // `First:Last!A1`
                                (self.at, self.sheet) = (second + 1, Sheet::Elsewhere);
                                continue;
                            }
                            let from = corner(word.as_bytes());
                            let to = (second > end + 1 && !matches!(follows, Some(b'!' | b'(')))
                                .then(|| corner(&self.formula.as_bytes()[end + 1..second]))
                                .flatten();
                            let sheet = std::mem::replace(&mut self.sheet, Sheet::Own);
                            let fits = |a: Corner, b: Corner| {
                                a.row.is_some() == b.row.is_some() && a.column.is_some() == b.column.is_some()
                            };
                            match (from, to) {
                                (Some(from), Some(to)) if fits(from, to) => {
                                    self.at = second;
                                    return Some((start..second, sheet, Reference { from, to: Some(to) }));
                                }
                                (Some(from), _) if from.row.is_some() && from.column.is_some() => {
                                    return Some((start..end, sheet, Reference { from, to: None }));
                                }
                                _ => {}
                            }
                        }
                    }
                }
            }
            self.sheet = Sheet::Own;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(formula: &str, row: Option<u32>) -> String {
        let growths = [Grown { first: 5, last: 6, by: 3 }];
        rewritten(formula, |sheet, reference| match sheet {
            Sheet::Named(name) if name != "表 一" && name != "O'Hara" => None,
            Sheet::Elsewhere => None,
            _ => moved(reference, &growths, Extend::List { row }).map(Some),
        })
        .unwrap_or_else(|| formula.to_owned())
    }

    #[test]
    fn references_move_with_their_rows() {
        let cases = [
            ("SUM(C6:C7)", "SUM(C6:C10)"),
            ("C7+C8", "C7+C11"),
            ("$C$8&\"C8\"&c$8", "$C$11&\"C8\"&C$11"),
            ("'表 一'!C8+其他!C8+'O''Hara'!C8", "'表 一'!C11+其他!C8+'O''Hara'!C11"),
            (
                "[1]表!C8+'[b.xlsx]表 一'!C8+'表 一:尾'!C8+甲:乙!C8",
                "[1]表!C8+'[b.xlsx]表 一'!C8+'表 一:尾'!C8+甲:乙!C8",
            ),
            ("LOG10(8)+A8B+表A8+A8.x+_A8+1E8+XFE8", "LOG10(8)+A8B+表A8+A8.x+_A8+1E8+XFE8"),
            ("Table1[[#This Row],[C8]]+#REF!+C8", "Table1[[#This Row],[C8]]+#REF!+C11"),
            ("SUM(8:9,C:D,$6:$7)", "SUM(11:12,C:D,$6:$10)"),
            ("A8:INDEX(B:B,9)+SUM(C8 C9,D1048576)", "A11:INDEX(B:B,9)+SUM(C11 C12,D1048576)"),
            ("SUM('表 一'!C6:C7,'表 一'!B7:D7)", "SUM('表 一'!C6:C10,'表 一'!B7:D7)"),
            ("\"open C8", "\"open C8"),
            ("'open C8", "'open C8"),
            ("[open C8", "[open C8"),
        ];
        for (formula, expected) in cases {
            assert_eq!(grown(formula, None), expected, "{formula}");
        }
        // Inside the list: its own rows, a running total, the whole column.
        assert_eq!(
            grown("SUM(B7:D7)+SUM(C$6:C7)+RANK(C7,C$6:C$7)", Some(6)),
            "SUM(B7:D7)+SUM(C$6:C7)+RANK(C7,C$6:C$10)"
        );
    }

    #[test]
    fn copies_move_what_is_relative() {
        let copy = |formula, rows, columns| {
            rewritten(formula, |_, reference| Some(Some(copied(reference, rows, columns)))).unwrap_or_default()
        };
        assert_eq!(copy("A1+$A1+A$1+$A$1+SUM(表!B2:C3)+D:D+4:4", 2, 1), "B3+$A3+B$1+$A$1+SUM(表!C4:D5)+E:E+6:6");
        assert_eq!(copy("SUM(D:E,4:5)", 2, 1), "SUM(E:F,6:7)");
        assert_eq!(copy("A1", -1, -1), "XFD1048576");
    }

    #[test]
    fn names_of_cells_and_areas() {
        for name in ["A1", "Z9", "AA10", "XFD1048576", "B2:C3"] {
            assert_eq!(Area::parse(name).map(|area| area.name()).as_deref(), Some(name));
        }
        for wrong in ["", "A", "1", "A0", "A01", "XFE1", "A1048577", "B2:A1", "A1 B1", "表!A1", "A1:B"] {
            assert_eq!(Area::parse(wrong), None, "{wrong}");
        }
    }
}
