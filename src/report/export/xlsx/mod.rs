//! Workbooks through `rust_xlsxwriter`: what a layout says, in the terms of the file format. Row lists go through
//! [`stream`], which starts from the workbook made here.

mod charts;
mod features;
mod stream;
mod styles;

use std::io::Write;

use chrono::{Datelike, Timelike};
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format as CellFormat, Formula, Url, Workbook, Worksheet, XlsxError,
};

use self::styles::Formats;
use super::{Document, DocumentKind, ExportError, Exporter};
use crate::report::features::Emphasis;
use crate::report::layout::{
    Area, Cell, CellValue, ChartData, Ledger, Properties, SheetLayout, SheetLink, Style, WorkbookLayout,
};
use crate::report::number::SUPPRESSED;

pub(super) static EXPORTER: Exporter =
    Exporter { name: "xlsx", extension: "xlsx", kind: DocumentKind::Workbook, needs_fonts: false, write };

/// A4 in the numbering of the file format.
const PAPER_A4: u8 = 9;
/// A serial day below this one falls before 1900-03-01, where spreadsheets disagree by a day.
const FIRST_SERIAL: i32 = 61;
const SERIAL_OF_1970: i32 = 25_569;

fn write(document: &Document, out: &mut dyn Write) -> Result<(), ExportError> {
    let Document::Workbook(layout) = document else { return Ok(()) };
    if layout.sheets.iter().filter_map(|sheet| sheet.ledger.as_ref()).any(stream::is_worth_it) {
        return stream::write(layout, out);
    }
    out.write_all(&workbook(layout, LedgerRows::Written)?.save_to_buffer()?)?;
    Ok(())
}

/// What becomes of a ledger's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LedgerRows {
    Written,
    /// Only a row of each emphasis and the last row, without content: the place where streamed rows belong.
    Marked,
}

pub(super) fn workbook(layout: &WorkbookLayout, ledger_rows: LedgerRows) -> Result<Workbook, XlsxError> {
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(&layout.properties)?);
    let mut formats = Formats::default();
    let names = tab_names(layout.sheets.iter().map(|sheet| sheet.name.as_str()));
    for (number, (sheet, name)) in layout.sheets.iter().zip(&names).enumerate() {
        let worksheet = workbook.add_worksheet();
        worksheet.set_name(name)?;
        set_up_page(worksheet, sheet)?;
        write_cells(worksheet, sheet, &names, &mut formats)?;
        if let Some(ledger) = &sheet.ledger {
            mark_ledger(worksheet, ledger, &mut formats)?;
            if ledger_rows == LedgerRows::Written || !stream::is_worth_it(ledger) {
                write_ledger(worksheet, ledger, &mut formats)?;
            }
        }
        features::add(worksheet, sheet)?;
        for layout in &sheet.charts {
            let data_sheet = match layout.data {
                ChartData::Here => name,
                ChartData::SheetBefore => &names[number.saturating_sub(1)],
            };
            worksheet.insert_chart_with_offset(layout.row, 0, &charts::chart(layout, data_sheet), 4, 4)?;
        }
    }
    Ok(workbook)
}

fn properties(properties: &Properties) -> Result<DocProperties, XlsxError> {
    let created = properties.created;
    let year = u16::try_from(created.year()).unwrap_or(1900);
    let [month, day, minute, second] = [created.month(), created.day(), created.minute(), created.second()]
        .map(|part| u8::try_from(part).unwrap_or(1));
    let hour = u16::try_from(created.hour()).unwrap_or(0);
    let created = ExcelDateTime::from_ymd(year, month, day)?.and_hms(hour, minute, second)?;
    let plain = DocProperties::new()
        .set_title(&properties.title)
        .set_subject(&properties.subject)
        .set_author(&properties.author)
        .set_company(&properties.author)
        .set_comment(&properties.comment)
        .set_creation_datetime(&created);
    let named = properties.record.properties();
    Ok(named.iter().fold(plain, |plain, (name, value)| plain.set_custom_property(name, value.as_str())))
}

fn set_up_page(worksheet: &mut Worksheet, sheet: &SheetLayout) -> Result<(), XlsxError> {
    for (column, width) in (0_u16..).zip(&sheet.widths) {
        worksheet.set_column_width(column, *width)?;
    }
    if let Some(height) = sheet.default_row_height {
        worksheet.set_default_row_height(height);
    }
    worksheet.set_freeze_panes(sheet.freeze.0, sheet.freeze.1)?;
    if let Some((first, last)) = sheet.repeat_rows {
        worksheet.set_repeat_rows(first, last)?;
    }
    worksheet.set_paper_size(PAPER_A4);
    if sheet.is_landscape {
        worksheet.set_landscape();
    }
    // Otherwise as many pages as it takes: breaks of rows hold beside that, as they would not beside a number of pages.
    worksheet.set_print_fit_to_pages(1, u16::from(sheet.is_about_a_page()));
    worksheet.set_print_center_horizontally(true);
    worksheet.set_margins(0.5, 0.5, 0.6, 0.7, 0.3, 0.35);
    worksheet.set_footer("&C&\"宋体,Regular\"&9第 &P 页　共 &N 页");
    if let Some(Area { first_row, first_column, last_row, last_column }) = sheet.autofilter {
        worksheet.autofilter(first_row, first_column, last_row, last_column)?;
    }
    Ok(())
}

fn write_cells(
    worksheet: &mut Worksheet,
    sheet: &SheetLayout,
    names: &[String],
    formats: &mut Formats,
) -> Result<(), XlsxError> {
    for row in &sheet.rows {
        if let Some(height) = row.height {
            worksheet.set_row_height(row.index, height)?;
        }
        for cell in &row.cells {
            write_cell(worksheet, row.index, cell, names, formats)?;
        }
    }
    // Merging writes its first cell; the loop above wrote them all, so the first is written again after.
    for area in &sheet.merges {
        let row =
            sheet.rows.binary_search_by_key(&area.first_row, |row| row.index).ok().and_then(|at| sheet.rows.get(at));
        if let Some(cell) = row.and_then(|row| row.cells.iter().find(|cell| cell.column == area.first_column)) {
            let format = formats.of(style_of(cell));
            worksheet.merge_range(area.first_row, area.first_column, area.last_row, area.last_column, "", format)?;
            write_cell(worksheet, area.first_row, cell, names, formats)?;
        }
    }
    Ok(())
}

fn write_ledger(worksheet: &mut Worksheet, ledger: &Ledger, formats: &mut Formats) -> Result<(), XlsxError> {
    let mut row = ledger.first_row;
    for batch in &ledger.batches {
        for at in 0..batch.num_rows() {
            if let Some(height) = ledger.row_height(batch, at) {
                worksheet.set_row_height(row, height)?;
            }
            row += 1;
        }
    }
    ledger.for_each_cell(|row, column, value, style| write_value(worksheet, row, column, &value, formats.of(style)))
}

/// Also where all rows are written, so that both ways meet the styles in the same order.
fn mark_ledger(worksheet: &mut Worksheet, ledger: &Ledger, formats: &mut Formats) -> Result<(), XlsxError> {
    let rows = ledger.first_row..ledger.first_row + ledger.row_count;
    let last = rows.clone().last().map(|row| (row, Emphasis::None));
    for (row, emphasis) in rows.zip(ledger.emphases()).chain(last) {
        for (column, declared) in (0_u16..).zip(&ledger.columns) {
            worksheet.write_blank(row, column, formats.of(Style { emphasis, ..declared.style }))?;
        }
    }
    Ok(())
}

fn style_of(cell: &Cell) -> Style {
    if cell.link.is_some() { Style { emphasis: Emphasis::Link, ..cell.style } } else { cell.style }
}

fn write_cell(
    worksheet: &mut Worksheet,
    row: u32,
    cell: &Cell,
    names: &[String],
    formats: &mut Formats,
) -> Result<(), XlsxError> {
    let format = formats.of(style_of(cell));
    if let Some(formula) = &cell.formula {
        let formula = Formula::new(formula).set_result(result(&cell.value));
        worksheet.write_formula_with_format(row, cell.column, formula, format)?;
        return Ok(());
    }
    if let Some(name) = cell.link.and_then(|SheetLink(sheet)| names.get(sheet)) {
        let place = Url::new(format!("internal:'{}'!A1", name.replace('\'', "''"))).set_text(cell.value.plain());
        worksheet.write_url_with_format(row, cell.column, place, format)?;
    }
    write_value(worksheet, row, cell.column, &cell.value, format)
}

/// What a formula gives, as the file keeps it beside the formula.
fn result(value: &CellValue) -> String {
    match value {
        // The shortest text that reads back as the same number.
        CellValue::Number(number) => number.to_string(),
        value => value.plain(),
    }
}

fn write_value(
    worksheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &CellValue,
    format: &CellFormat,
) -> Result<(), XlsxError> {
    match value {
        CellValue::Blank => worksheet.write_blank(row, column, format)?,
        CellValue::Suppressed => worksheet.write_string_with_format(row, column, SUPPRESSED, format)?,
        CellValue::Text(text) => worksheet.write_string_with_format(row, column, text, format)?,
        CellValue::Number(number) => worksheet.write_number_with_format(row, column, *number, format)?,
        CellValue::Date(days) => match serial_day(*days) {
            Some(serial) => worksheet.write_number_with_format(row, column, serial, format)?,
            None => worksheet.write_string_with_format(row, column, value.plain(), format)?,
        },
        CellValue::Instant(micros) => match serial_instant(*micros) {
            Some(serial) => worksheet.write_number_with_format(row, column, serial, format)?,
            None => worksheet.write_string_with_format(row, column, value.plain(), format)?,
        },
    };
    Ok(())
}

/// The spreadsheet's number for a day; `None` for days it cannot show.
pub(super) fn serial_day(days_since_1970: i32) -> Option<i32> {
    days_since_1970.checked_add(SERIAL_OF_1970).filter(|serial| *serial >= FIRST_SERIAL)
}

/// The same with the time of day as a fraction, to the second.
pub(super) fn serial_instant(micros_since_1970: i64) -> Option<f64> {
    let seconds = micros_since_1970.div_euclid(1_000_000);
    let serial = seconds as f64 / 86_400.0 + f64::from(SERIAL_OF_1970);
    (serial >= f64::from(FIRST_SERIAL)).then_some(serial)
}

/// Sheet names as spreadsheets allow them: at most 31 characters, none of `[]:*?/\`, no two alike.
pub(super) fn tab_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    const LENGTH_MAX: usize = 31;
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let clean: String = name
            .chars()
            .map(|sign| if "[]:*?/\\".contains(sign) || sign.is_control() { '_' } else { sign })
            .take(LENGTH_MAX)
            .collect();
        let clean = clean.trim_matches('\'').trim();
        let clean = if clean.is_empty() { "Sheet" } else { clean };
        let mut unique = clean.to_owned();
        let mut number = 2;
        while taken.iter().any(|other| other.to_lowercase() == unique.to_lowercase()) {
            let suffix = format!("({number})");
            unique = clean.chars().take(LENGTH_MAX - suffix.chars().count()).chain(suffix.chars()).collect();
            number += 1;
        }
        taken.push(unique);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_names_are_legal_and_unique() {
        let long = "捞".repeat(40);
        let names = tab_names(["a/b", "A_B", "", &long, &long].into_iter());
        assert_eq!(names[..3], ["a_b", "A_B(2)", "Sheet"]);
        assert!(names[3].chars().count() == 31 && names[4].chars().count() == 31 && names[3] != names[4]);
    }

    #[test]
    fn serial_numbers_match_the_spreadsheet() {
        assert_eq!(serial_day(19_901), Some(45_470)); // 2024-06-27
        assert_eq!(serial_day(-25_509), None); // 1900-02-28
        assert_eq!(serial_instant(19_901 * 86_400_000_000 + 43_200_000_000), Some(45_470.5));
    }
}
