//! What a file itself shows, where its report laid out again may show something else: its SQL or template was changed
//! since, or somebody has written into it.

use std::path::Path;

use super::compare::{SheetCells, read_lines, read_sheets};
use super::layout::{CellValue, SheetLayout, name_of};
use super::recompose::{Recomposed, Spot, parse_address, printed};
use super::{Problem, number::Format};
use crate::diagnostic::Result;
use crate::source;

/// Texts that name a row where not all of its texts are as they were.
const NAMES: usize = 2;

/// A place in a file and in its report laid out again.
#[derive(Debug, Clone, PartialEq)]
pub struct Filed {
    /// As the file shows it; `None` where it cannot be found in the file.
    pub shown: Option<String>,
    /// The same row and column of the report laid out again; `None` where it has none.
    pub again: Option<Spot>,
}

impl Recomposed {
    /// Looks an address up in the file, and what stands there in the report laid out again: rows are told apart by their
    /// texts, since one more or less moves those below it.
    ///
    /// # Errors
    /// Where the file cannot be read, or the report has no such sheet or figure.
    pub fn filed(&self, file: &Path, address: &str, limits: source::Limits) -> Result<Filed> {
        if self.is_text() {
            let spot = self.find(address)?;
            let shown = read_lines(file).ok().and_then(|lines| in_text(&lines.concat(), &spot));
            return Ok(Filed { shown, again: Some(spot) });
        }
        let sheets = read_sheets(file, limits)?;
        Ok(self.filed_cell(&sheets, address)?)
    }

    fn filed_cell(&self, sheets: &[SheetCells], address: &str) -> std::result::Result<Filed, Problem> {
        let spot = self.find(address)?;
        let nothing = Filed { shown: None, again: None };
        let Some((tab, cell)) = spot.address.rsplit_once('!') else { return Ok(nothing) };
        let (Some((row, column)), Some(sheet)) = (parse_address(cell), sheets.iter().find(|sheet| sheet.name == tab))
        else {
            return Ok(nothing);
        };
        let line = sheet.rows.iter().find(|line| line.row == row);
        let held = line.and_then(|line| line.cells.iter().find(|cell| cell.column == u32::from(column)));
        let texts: Vec<String> = line
            .into_iter()
            .flat_map(|line| &line.cells)
            .filter(|cell| !cell.is_number)
            .map(|cell| bare(&cell.text))
            .collect();
        let (again, format) = self.same_row(tab, row, column, &texts);
        let shown = held.map_or_else(String::new, |cell| match cell.text.parse() {
            Ok(number) if cell.is_number => printed(&CellValue::Number(number), format),
            _ => cell.text.clone(),
        });
        let is_same_column = |spot: &Spot| {
            let above = sheet.rows.iter().filter(|line| line.row < row).flat_map(|line| &line.cells);
            let above: Vec<String> =
                above.filter(|cell| cell.column == u32::from(column)).map(|cell| bare(&cell.text)).collect();
            spot.header.last().is_none_or(|label| above.contains(&bare(label)))
        };
        Ok(Filed { shown: Some(shown), again: again.filter(is_same_column) })
    }

    /// The cell in the row that says the same, nearest to where it stood; and the format of the column there.
    fn same_row(&self, tab: &str, row: u32, column: u16, texts: &[String]) -> (Option<Spot>, Format) {
        let sheets = self.workbook_sheets();
        let Some((sheet, _)) = sheets.iter().find(|(_, name)| name == tab) else { return (None, Format::Text) };
        // A figure that has come or gone stands as a sign among the texts; the names are in front.
        let all = texts_of(sheet);
        let mut rows: Vec<u32> = same(&all, texts, usize::MAX);
        if rows.is_empty() {
            rows = same(&all, texts, NAMES);
        }
        rows.sort_by_key(|at| at.abs_diff(row));
        let Some(at) = rows.first() else { return (None, format_at(sheet, row, column)) };
        (self.find(&format!("{tab}!{}", name_of(*at, column))).ok(), format_at(sheet, *at, column))
    }
}

/// Rows that begin with these texts.
fn same(rows: &[(u32, Vec<String>)], texts: &[String], count: usize) -> Vec<u32> {
    let is_same = |own: &Vec<String>| own.iter().take(count).eq(texts.iter().take(count));
    rows.iter().filter(|(_, own)| is_same(own)).map(|(at, _)| *at).collect()
}

/// The texts of each row.
fn texts_of(sheet: &SheetLayout) -> Vec<(u32, Vec<String>)> {
    let mut rows: Vec<(u32, Vec<String>)> = Vec::new();
    let mut add = |row: u32, value: &CellValue| {
        if rows.last().is_none_or(|(last, _)| *last != row) {
            rows.push((row, Vec::new()));
        }
        if let (CellValue::Text(text), Some((_, texts))) = (value, rows.last_mut()) {
            texts.push(bare(text));
        }
    };
    for line in &sheet.rows {
        line.cells.iter().for_each(|cell| add(line.index, &cell.value));
    }
    if let Some(ledger) = &sheet.ledger {
        let _ = ledger.for_each_cell(|row, _, value, _| {
            add(row, &value);
            Ok::<_, std::convert::Infallible>(())
        });
    }
    rows
}

fn format_at(sheet: &SheetLayout, row: u32, column: u16) -> Format {
    let line = sheet.rows.iter().find(|line| line.index == row);
    let cell = line.and_then(|line| line.cells.iter().find(|cell| cell.column == column));
    let declared = sheet.ledger.as_ref().and_then(|ledger| ledger.columns.get(usize::from(column)));
    cell.map(|cell| cell.style.format).or_else(|| declared.map(|column| column.style.format)).unwrap_or(Format::Text)
}

/// What stands in a text where today's has the figure of a sentence; only numbers may be others.
fn in_text(text: &str, spot: &Spot) -> Option<String> {
    let sentence = spot.header.last()?;
    let (sentence, shown) = (bare(sentence.trim_matches('…')), bare(&spot.shown));
    // Which of the sentence's numbers it is, is not known where one stands there twice.
    let places: Vec<usize> = sentence.match_indices(&shown).map(|(at, _)| at).collect();
    let [at] = places.as_slice() else { return None };
    let any = |text: &str| -> String {
        split_numbers(text).map(|piece| piece.map_or_else(|_| NUMBER.to_owned(), regex::escape)).collect()
    };
    let pattern = format!("{}({}){}", any(&sentence[..*at]), any(&shown), any(&sentence[at + shown.len()..]));
    let found = regex::Regex::new(&pattern).ok()?;
    let text = bare(text);
    let mut found = found.captures_iter(&text).filter_map(|found| Some(found.get(1)?.as_str().to_owned()));
    let only = found.next()?;
    found.all(|other| other == only).then_some(only)
}

const NUMBER: &str = r"-?[0-9][0-9,.]*";

/// The words of a text, and its numbers as errors.
fn split_numbers(text: &str) -> impl Iterator<Item = std::result::Result<&str, &str>> {
    let is_of_number = |sign: char| sign.is_ascii_digit() || ",.".contains(sign);
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_number = first.is_ascii_digit();
        let end = rest.find(|sign: char| if is_number { !is_of_number(sign) } else { sign.is_ascii_digit() });
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some(if is_number { Err(piece) } else { Ok(piece) })
    })
}

/// Without what formats set between words: blanks, and the signs of Markdown.
fn bare(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_whitespace() && *sign != '*').collect()
}
