//! One file of a report laid out again, in memory: which row and column of which view stands in each of its cells, and
//! behind each figure of its text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datafusion::common::ScalarValue;

use super::dataset::Dataset;
use super::document::{self, Mention};
use super::export::{self, Document};
use super::layout::{CellValue, Ledger, LedgerContent, Role, Row, SheetLayout, cell_value, name_of};
use super::number::{Format, fixed, percent};
use super::origin::{Origin, anchor};
use super::provenance::Provenance;
use super::{Figures, Problem, Report, RunContext, render, sources};
use crate::diagnostic::did_you_mean;
use crate::query::lineage::Datum;

/// A file as it was laid out.
pub struct Recomposed {
    document: Document,
    /// The rows of each dataset that is held whole.
    data: BTreeMap<String, Dataset>,
    /// The view of each dataset.
    views: BTreeMap<String, String>,
}

/// Something in a file that can be asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// `部门!F8`; in a text, `f12`.
    pub address: String,
    /// As the file shows it.
    pub shown: String,
    /// What the header says above it, outermost first; in a text, its part and the sentence.
    pub header: Vec<String>,
    pub source: Source,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A column of a row of a view, with the row's values.
    View { view: String, column: String, row: Vec<(String, Datum)> },
    /// Several columns of a view added up by the form.
    Sum { view: String, parts: Vec<Part> },
    /// How many rows of a view a text speaks of, each with the words of it that the text says.
    Count { view: String, rows: Vec<Vec<String>> },
    /// Computed by the form from other cells: a sum of rows, a formula.
    Form { how: String },
    /// A number that only counts the rows of the file.
    RowNumber,
    /// A text of the form: a title, a heading, a note.
    Words,
    /// A figure that the file keeps from being shown.
    Suppressed,
    /// Nothing stands there.
    Blank,
}

/// One of the figures that a form adds up.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What the header says above it.
    pub label: String,
    pub column: String,
    pub row: Vec<(String, Datum)>,
}

/// Lays out the file of a record again. `None` where the report makes no such file any more.
///
/// # Errors
/// Where the report's datasets cannot be read, or its forms and templates do not fit them.
pub async fn recompose(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
    record: &Provenance,
) -> Result<Option<Recomposed>, Problem> {
    let member = record.member.as_ref().map(|member| (member.column.as_str(), member.key.as_str()));
    let (documents, data) = render::keep(report, figures, context, Some((Path::new(&record.file), member))).await?;
    let views = report.datasets.iter().map(|(name, spec)| (name.clone(), spec.view.value.clone())).collect();
    Ok(documents.into_iter().next().map(|(_, document)| Recomposed { document, data, views }))
}

impl Recomposed {
    /// Whether it is a text, whose figures are called `f1`, `f2` and so on.
    pub fn is_text(&self) -> bool {
        matches!(self.document, Document::Summary(_))
    }

    /// The sheets of a workbook, by the names of their tabs; none for a text.
    pub fn sheets(&self) -> Vec<String> {
        match &self.document {
            Document::Workbook(workbook) => export::tab_names(workbook),
            Document::Summary(_) => Vec::new(),
        }
    }

    /// Everything of a view that stands in the file; of row lists, the first rows and the last.
    pub fn spots(&self, rows_max: u32) -> Vec<Spot> {
        let mut spots = self.text_spots();
        for (sheet, tab) in self.workbook_sheets() {
            for row in &sheet.rows {
                for cell in row.cells.iter().filter(|cell| cell.source.is_some() || cell.computed.is_some()) {
                    let spot = self.spot(sheet, &tab, row.index, cell.column);
                    spots.extend(spot.filter(|spot| !matches!(spot.source, Source::Form { .. })));
                }
            }
            if let Some(ledger) = &sheet.ledger {
                let end = ledger.first_row + ledger.row_count;
                let last = (ledger.row_count > rows_max && rows_max > 0).then_some(end - 1);
                for row in (ledger.first_row..ledger.first_row + ledger.row_count.min(rows_max)).chain(last) {
                    let columns = (0..).zip(&ledger.columns);
                    let bound = columns.filter(|(_, column)| matches!(column.content, LedgerContent::Bound(_)));
                    spots.extend(bound.filter_map(|(column, _)| self.spot(sheet, &tab, row, column)));
                }
            }
        }
        spots
    }

    /// What stands at an address such as `F8` or `部门!F8`; the sheet may be left out where there is only one. In a text,
    /// the figure `f12`.
    ///
    /// # Errors
    /// Where there is no such sheet or figure, or the address is none.
    pub fn find(&self, address: &str) -> Result<Spot, Problem> {
        let problem = |message: String| Problem::new("", message);
        if self.is_text() {
            return self.find_in_text(address);
        }
        let (tab, cell) = match address.rsplit_once('!') {
            Some((tab, cell)) => (Some(tab.trim_matches('\'').replace("''", "'")), cell),
            None => (None, address),
        };
        let sheets = self.workbook_sheets();
        let names: Vec<&str> = sheets.iter().map(|(_, name)| name.as_str()).collect();
        let (row, column) = parse_address(cell).ok_or_else(|| {
            problem(format!("`{cell}` is no cell")).hint("a cell is named like `F8`, on a sheet like `部门!F8`")
        })?;
        let tabled: Vec<_> = sheets.iter().filter(|(sheet, _)| sheet.repeat_rows.is_some()).collect();
        let found = match &tab {
            Some(tab) => sheets.iter().find(|(_, name)| name == tab),
            None if tabled.len() == 1 => tabled.first().copied(),
            None => None,
        };
        let Some((sheet, name)) = found else {
            let message = match tab {
                Some(tab) => format!("there is no sheet `{tab}`"),
                None => "several sheets have such a cell".to_owned(),
            };
            return Err(problem(message).hint(super::manifest::listed("sheets", &names)));
        };
        Ok(self.spot(sheet, name, row, column).unwrap_or_else(|| Spot {
            address: format!("{name}!{}", name_of(row, column)),
            shown: String::new(),
            header: Vec::new(),
            source: Source::Blank,
        }))
    }

    fn find_in_text(&self, address: &str) -> Result<Spot, Problem> {
        let spots = self.text_spots();
        let asked = address.trim_start_matches('#').to_lowercase();
        if let Some(found) = spots.iter().find(|spot| spot.address == asked) {
            return Ok(found.clone());
        }
        let problem = Problem::new("", format!("the text has no figure `{address}`"));
        let (Some(first), Some(last)) = (spots.first(), spots.last()) else {
            return Err(problem.hint("no figure of a view stands in it"));
        };
        // A number alone, or one of a sheet's names for cells, means a figure all the same.
        let digits: String = asked.chars().filter(char::is_ascii_digit).collect();
        let by_number = spots.iter().find(|spot| spot.address.strip_prefix('f') == Some(digits.as_str()));
        let near = by_number.map(|spot| spot.address.as_str());
        let near = near.or_else(|| did_you_mean(&asked, spots.iter().map(|spot| spot.address.as_str())));
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        Err(problem.hint(format!(
            "{near}they are called `{}` to `{}`; without a name, all are listed",
            first.address, last.address
        )))
    }

    /// Every figure of a text, in the order of reading.
    fn text_spots(&self) -> Vec<Spot> {
        let Document::Summary(summary) = &self.document else { return Vec::new() };
        let text = document::text(&summary.blocks);
        document::mentions(&summary.blocks)
            .into_iter()
            .filter_map(|mention| {
                Some(Spot {
                    address: anchor(mention.number),
                    source: self.text_source(&mention, &text)?,
                    shown: mention.shown,
                    header: mention.words,
                })
            })
            .collect()
    }

    fn text_source(&self, mention: &Mention, text: &str) -> Option<Source> {
        match &mention.origin {
            Origin::Cell { dataset, row, column } => {
                let (name, _) = self.data.iter().nth(*dataset)?;
                self.view_source(name, u32::try_from(*row).ok()?, u16::try_from(*column).ok()?)
            }
            Origin::Rows { dataset, rows } => {
                let (name, data) = self.data.iter().nth(*dataset)?;
                let columns = sources::naming_columns(data);
                let rows = rows.iter().map(|row| sources::row_words(data, &columns, *row, text)).collect();
                Some(Source::Count { view: self.views.get(name)?.clone(), rows })
            }
        }
    }

    pub(super) fn workbook_sheets(&self) -> Vec<(&SheetLayout, String)> {
        match &self.document {
            Document::Workbook(workbook) => workbook.sheets.iter().zip(export::tab_names(workbook)).collect(),
            Document::Summary(_) => Vec::new(),
        }
    }

    fn spot(&self, sheet: &SheetLayout, tab: &str, row: u32, column: u16) -> Option<Spot> {
        if let Some(ledger) = sheet
            .ledger
            .as_ref()
            .filter(|ledger| (ledger.first_row..ledger.first_row + ledger.row_count).contains(&row))
        {
            return self.ledger_spot(sheet, ledger, tab, row, column);
        }
        // A click on a merged area means its first cell.
        let area = sheet.merges.iter().find(|area| {
            (area.first_row..=area.last_row).contains(&row) && (area.first_column..=area.last_column).contains(&column)
        });
        let (row, column) = area.map_or((row, column), |area| (area.first_row, area.first_column));
        let line = sheet.rows.iter().find(|line| line.index == row)?;
        let cell = line.cells.iter().find(|cell| cell.column == column)?;
        let sum = cell.computed.as_ref().and_then(|computed| self.sum_source(sheet, line, &computed.parts));
        let source = match (cell.source, &cell.value) {
            // Whoever may not see the figure may not see its rows either.
            (_, CellValue::Suppressed) => Source::Suppressed,
            (Some((row, place)), _) => self.view_source(&sheet.dataset, row, place)?,
            (None, CellValue::Number(_)) if sum.is_some() => sum?,
            (None, CellValue::Blank) => Source::Blank,
            (None, _) if cell.formula.is_some() => {
                Source::Form { how: format!("={}", cell.formula.clone().unwrap_or_default()) }
            }
            (None, CellValue::Number(_)) if cell.style.role == Role::Total => {
                Source::Form { how: "the rows of the table added up by the form".to_owned() }
            }
            (None, CellValue::Number(_)) => Source::RowNumber,
            (None, _) => Source::Words,
        };
        Some(Spot {
            address: format!("{tab}!{}", name_of(row, column)),
            shown: printed(&cell.value, cell.style.format),
            header: header_of(sheet, row, column),
            source,
        })
    }

    fn ledger_spot(&self, sheet: &SheetLayout, ledger: &Ledger, tab: &str, row: u32, column: u16) -> Option<Spot> {
        let declared = ledger.columns.get(usize::from(column))?;
        let mut place = usize::try_from(row - ledger.first_row).ok()?;
        let batch = ledger.batches.iter().find(|batch| {
            let inside = place < batch.num_rows();
            if !inside {
                place -= batch.num_rows();
            }
            inside
        })?;
        let (shown, source) = match declared.content {
            LedgerContent::Blank => (String::new(), Source::Blank),
            LedgerContent::RowNumber => {
                ((ledger.first_number + u64::from(row - ledger.first_row)).to_string(), Source::RowNumber)
            }
            LedgerContent::Bound(bound) => {
                let dataset = Dataset::new(std::slice::from_ref(batch)).ok()?;
                let value = cell_value(&dataset.value(place, bound), &declared.shape);
                let source = Source::View {
                    view: self.views.get(&sheet.dataset)?.clone(),
                    column: batch.schema().field(bound).name().clone(),
                    row: row_of(&dataset, place),
                };
                (printed(&value, declared.style.format), source)
            }
        };
        let address = format!("{tab}!{}", name_of(row, column));
        Some(Spot { address, shown, header: header_of(sheet, row, column), source })
    }

    /// A sum of cells of its own row; `None` for one of other rows.
    fn sum_source(&self, sheet: &SheetLayout, line: &Row, parts: &[(u32, u16)]) -> Option<Source> {
        let parts = parts.iter().map(|(row, place)| {
            let cell = line.cells.iter().find(|cell| cell.source == Some((*row, *place)))?;
            let Source::View { column, row, .. } = self.view_source(&sheet.dataset, *row, *place)? else { return None };
            let label = header_of(sheet, line.index, cell.column).pop().unwrap_or_default();
            Some(Part { label, column, row })
        });
        Some(Source::Sum { view: self.views.get(&sheet.dataset)?.clone(), parts: parts.collect::<Option<_>>()? })
    }

    fn view_source(&self, dataset: &str, row: u32, column: u16) -> Option<Source> {
        let data = self.data.get(dataset)?;
        let row = usize::try_from(row).ok()?;
        Some(Source::View {
            view: self.views.get(dataset)?.clone(),
            column: data.column_names().get(usize::from(column))?.clone(),
            row: row_of(data, row),
        })
    }
}

/// The values of a row by which it can be found again.
fn row_of(data: &Dataset, row: usize) -> Vec<(String, Datum)> {
    let schema = data.rows.schema();
    let columns = schema.fields().iter().zip(data.rows.columns());
    columns
        .filter_map(|(field, values)| {
            let value = Datum(ScalarValue::try_from_array(values, row).ok()?);
            value.is_exact().then(|| (field.name().clone(), value))
        })
        .collect()
}

/// The labels above a cell, outermost first.
fn header_of(sheet: &SheetLayout, row: u32, column: u16) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    let head = sheet.rows.iter().filter(|line| line.index < row);
    for line in head {
        let label = label_at(sheet, line, column);
        if let Some(label) = label.filter(|label| labels.last() != Some(label)) {
            labels.push(label);
        }
    }
    labels
}

fn label_at(sheet: &SheetLayout, line: &Row, column: u16) -> Option<String> {
    let area = sheet.merges.iter().find(|area| {
        (area.first_row..=area.last_row).contains(&line.index)
            && (area.first_column..=area.last_column).contains(&column)
    });
    let (row, first) = area.map_or((line.index, column), |area| (area.first_row, area.first_column));
    let line = if row == line.index { line } else { sheet.rows.iter().find(|other| other.index == row)? };
    let cell = line.cells.iter().find(|cell| cell.column == first && cell.style.role == Role::Header)?;
    match &cell.value {
        CellValue::Text(text) => Some(text.replace('\n', "")),
        _ => None,
    }
}

/// A value as its format shows it.
pub(super) fn printed(value: &CellValue, format: Format) -> String {
    match (value, format) {
        (CellValue::Number(number), Format::Percent(digits)) => percent(*number, usize::from(digits)) + "%",
        (CellValue::Number(number), Format::Decimal(digits)) => fixed(*number, usize::from(digits)),
        (value, _) => value.plain(),
    }
}

/// Row and column of `F8`, both from 0.
pub fn parse_address(cell: &str) -> Option<(u32, u16)> {
    let cell = cell.replace('$', "");
    let letters = cell.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, digits) = cell.split_at(letters);
    let mut column: u32 = 0;
    for letter in letters.bytes() {
        column = column.checked_mul(26)?.checked_add(u32::from(letter.to_ascii_uppercase() - b'A') + 1)?;
    }
    let row: u32 = digits.parse().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    Some((row.checked_sub(1)?, u16::try_from(column.checked_sub(1)?).ok()?))
}

/// Documents kept instead of written.
pub(super) struct Kept {
    /// The only file that is wanted; all where there is none.
    wanted: Option<PathBuf>,
    pub documents: Vec<(PathBuf, Document)>,
}

impl Kept {
    pub(super) fn new(wanted: Option<&Path>) -> Self {
        Self { wanted: wanted.map(Path::to_owned), documents: Vec::new() }
    }

    pub(super) fn wants(&self, path: &Path) -> bool {
        self.wanted.as_deref().is_none_or(|wanted| wanted == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_a_spreadsheet() {
        assert_eq!(parse_address("A1"), Some((0, 0)));
        assert_eq!(parse_address("$AB$12"), Some((11, 27)));
        assert_eq!(parse_address("f8"), Some((7, 5)));
        for wrong in ["", "A", "1", "A0", "A1B", "1A", "网格", "A+1", "ZZZZZZZZ1", "A99999999999"] {
            assert_eq!(parse_address(wrong), None, "{wrong}");
        }
        for (row, column) in [(0, 0), (8, 25), (99, 26), (1_048_575, 16_383)] {
            assert_eq!(parse_address(&name_of(row, column)), Some((row, column)));
        }
    }
}
