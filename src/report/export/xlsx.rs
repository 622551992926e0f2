//! Workbooks through `rust_xlsxwriter`. Decides on fonts, borders and number formats; everything else is
//! said by the layout. Row lists go through [`super::xlsx_stream`], which starts from the workbook made here.

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{Datelike, Timelike};
use rust_xlsxwriter::{
    Chart, ChartAxis, ChartAxisCrossing, ChartDataLabel, ChartFont, ChartFormat, ChartLegendPosition, ChartLine,
    ChartSolidFill, ChartType, DocProperties, ExcelDateTime, Format as CellFormat, FormatAlign, FormatBorder, Workbook,
    Worksheet, XlsxError,
};

use super::{Document, DocumentKind, ExportError, Exporter, xlsx_stream};
use crate::report::form::{Align, ChartKind};
use crate::report::layout::{
    Area, CellValue, ChartData, ChartLayout, Ledger, Properties, Role, SheetLayout, Style, WorkbookLayout,
};
use crate::report::number::Format;

pub(super) static EXPORTER: Exporter =
    Exporter { name: "xlsx", extension: "xlsx", kind: DocumentKind::Workbook, write };

/// A4 in the numbering of the file format.
const PAPER_A4: u8 = 9;
const HEADER_FILL: u32 = 0xE8_EEF7;
const TOTAL_FILL: u32 = 0xF5_F5F5;
const RULE: u32 = 0x80_8080;
const SERIES_COLORS: [u32; 5] = [0x2F_5597, 0xC5_5A11, 0x54_8235, 0x7F_6000, 0x75_4C9B];
/// A serial day below this one falls before 1900-03-01, where spreadsheets disagree by a day.
const FIRST_SERIAL: i32 = 61;
const SERIAL_OF_1970: i32 = 25_569;

fn write(document: &Document, out: &mut dyn Write) -> Result<(), ExportError> {
    let Document::Workbook(layout) = document else { return Ok(()) };
    if layout.sheets.iter().any(|sheet| sheet.ledger.is_some()) {
        return xlsx_stream::write(layout, out);
    }
    out.write_all(&workbook(layout, LedgerRows::Written)?.save_to_buffer()?)?;
    Ok(())
}

/// What becomes of a ledger's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LedgerRows {
    Written,
    /// Only the first and the last row, without content: the place where streamed rows belong.
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
        write_cells(worksheet, sheet, &mut formats)?;
        if let Some(ledger) = &sheet.ledger {
            match ledger_rows {
                LedgerRows::Written => write_ledger(worksheet, ledger, &mut formats)?,
                LedgerRows::Marked => mark_ledger(worksheet, ledger, &mut formats)?,
            }
        }
        for layout in &sheet.charts {
            let data_sheet = match layout.data {
                ChartData::Here => name,
                ChartData::SheetBefore => &names[number.saturating_sub(1)],
            };
            worksheet.insert_chart_with_offset(layout.row, 0, &chart(layout, data_sheet), 4, 4)?;
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
    Ok(properties
        .custom
        .iter()
        .fold(plain, |properties, (name, value)| properties.set_custom_property(name, value.as_str())))
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
    worksheet.set_print_fit_to_pages(1, 0);
    worksheet.set_print_center_horizontally(true);
    worksheet.set_margins(0.5, 0.5, 0.6, 0.7, 0.3, 0.35);
    worksheet.set_footer("&C&\"宋体,Regular\"&9第 &P 页　共 &N 页");
    if let Some(Area { first_row, first_column, last_row, last_column }) = sheet.autofilter {
        worksheet.autofilter(first_row, first_column, last_row, last_column)?;
    }
    Ok(())
}

fn write_cells(worksheet: &mut Worksheet, sheet: &SheetLayout, formats: &mut Formats) -> Result<(), XlsxError> {
    for row in &sheet.rows {
        if let Some(height) = row.height {
            worksheet.set_row_height(row.index, height)?;
        }
        for cell in &row.cells {
            write_cell(worksheet, row.index, cell.column, &cell.value, formats.of(cell.style))?;
        }
    }
    // Merging writes its first cell; the loop above wrote them all, so the first is written again after.
    for area in &sheet.merges {
        let row =
            sheet.rows.binary_search_by_key(&area.first_row, |row| row.index).ok().and_then(|at| sheet.rows.get(at));
        if let Some(cell) = row.and_then(|row| row.cells.iter().find(|cell| cell.column == area.first_column)) {
            let format = formats.of(cell.style);
            worksheet.merge_range(area.first_row, area.first_column, area.last_row, area.last_column, "", format)?;
            write_cell(worksheet, area.first_row, area.first_column, &cell.value, format)?;
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
    ledger.for_each_cell(|row, column, value, declared| {
        write_cell(worksheet, row, column, &value, formats.of(declared.style))
    })
}

fn mark_ledger(worksheet: &mut Worksheet, ledger: &Ledger, formats: &mut Formats) -> Result<(), XlsxError> {
    if ledger.row_count == 0 {
        return Ok(());
    }
    for row in [ledger.first_row, ledger.first_row + ledger.row_count - 1] {
        for (column, declared) in (0_u16..).zip(&ledger.columns) {
            worksheet.write_blank(row, column, formats.of(declared.style))?;
        }
    }
    Ok(())
}

fn write_cell(
    worksheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &CellValue,
    format: &CellFormat,
) -> Result<(), XlsxError> {
    match value {
        CellValue::Blank => worksheet.write_blank(row, column, format)?,
        CellValue::Text(text) => worksheet.write_string_with_format(row, column, text, format)?,
        CellValue::Number(number) => worksheet.write_number_with_format(row, column, *number, format)?,
        CellValue::Date(days) => match serial_day(*days) {
            Some(serial) => worksheet.write_number_with_format(row, column, serial, format)?,
            None => worksheet.write_string_with_format(row, column, value.to_string(), format)?,
        },
        CellValue::Instant(micros) => match serial_instant(*micros) {
            Some(serial) => worksheet.write_number_with_format(row, column, serial, format)?,
            None => worksheet.write_string_with_format(row, column, value.to_string(), format)?,
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

/// One cell format per style, made when first asked for.
#[derive(Default)]
struct Formats(BTreeMap<Style, CellFormat>);

impl Formats {
    fn of(&mut self, style: Style) -> &CellFormat {
        self.0.entry(style).or_insert_with(|| cell_format(style))
    }
}

fn cell_format(style: Style) -> CellFormat {
    let (font, size) = match style.role {
        Role::Title => ("黑体", 18.0),
        Role::Header => ("黑体", 10.0),
        Role::Registration | Role::UnitLine | Role::Signer => ("宋体", 10.5),
        Role::ColumnNumber => ("宋体", 9.0),
        Role::Body | Role::Total => ("宋体", 10.0),
        Role::Note => ("仿宋", 10.0),
        Role::Provenance => ("仿宋", 9.0),
    };
    let align = match style.align {
        Align::Left => FormatAlign::Left,
        Align::Center => FormatAlign::Center,
        Align::Right => FormatAlign::Right,
    };
    let upright = if style.role == Role::Note { FormatAlign::Top } else { FormatAlign::VerticalCenter };
    let mut format = CellFormat::new().set_font_name(font).set_font_size(size).set_align(align).set_align(upright);
    if matches!(style.role, Role::Header | Role::ColumnNumber | Role::Body | Role::Total) {
        format = format.set_border(FormatBorder::Thin).set_border_color(RULE).set_num_format(number_format(style));
    }
    format = match style.role {
        Role::Header => format.set_background_color(HEADER_FILL),
        Role::Total => format.set_bold().set_background_color(TOTAL_FILL),
        Role::Provenance => format.set_font_color(0x59_5959),
        _ => format,
    };
    if style.wrap { format.set_text_wrap() } else { format }
}

/// Text columns are marked as text, so that a number typed over an identifier keeps its digits.
fn number_format(style: Style) -> String {
    let decimals =
        |digits: u8| if digits == 0 { "0".to_owned() } else { format!("0.{}", "0".repeat(usize::from(digits))) };
    match (style.role, style.format) {
        (Role::Header | Role::ColumnNumber, _) => "General".into(),
        (_, Format::Text | Format::Flag) => "@".into(),
        (_, Format::Integer) => "0".into(),
        (_, Format::Decimal(digits)) => decimals(digits),
        (_, Format::Percent(digits)) => decimals(digits) + "%",
        (_, Format::Date) => "yyyy-mm-dd".into(),
        (_, Format::DateTime) => "yyyy-mm-dd hh:mm".into(),
    }
}

/// Sheet names as spreadsheets allow them: at most 31 characters, none of `[]:*?/\`, no two alike.
fn tab_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
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

fn chart(layout: &ChartLayout, sheet: &str) -> Chart {
    let (kind, is_bar) = match layout.kind {
        ChartKind::Bar => (ChartType::Bar, true),
        ChartKind::StackedBar => (ChartType::BarStacked, true),
        ChartKind::Column => (ChartType::Column, false),
        ChartKind::StackedColumn => (ChartType::ColumnStacked, false),
        ChartKind::Line => (ChartType::Line, false),
    };
    let (first, last) = layout.rows;
    let mut chart = Chart::new(kind);
    for (number, (name, column)) in layout.series.iter().enumerate() {
        let color = SERIES_COLORS[number % SERIES_COLORS.len()];
        let series = chart.add_series();
        series
            .set_name(name.as_str())
            .set_categories((sheet, first, layout.categories, last, layout.categories))
            .set_values((sheet, first, *column, last, *column));
        if layout.kind == ChartKind::Line {
            series.set_format(ChartFormat::new().set_line(ChartLine::new().set_color(color).set_width(2)));
        } else {
            series.set_format(ChartFormat::new().set_solid_fill(ChartSolidFill::new().set_color(color)));
            series.set_gap(60);
        }
        if layout.series.len() == 1 {
            series.set_data_label(ChartDataLabel::new().show_value().set_font(&font(9)));
        }
    }
    chart.title().set_name(layout.title.as_str()).set_font(&font(12));
    // The library calls the axis at the foot x, whatever runs along it.
    let (categories, values) = if is_bar { (Axis::Y, Axis::X) } else { (Axis::X, Axis::Y) };
    let category_axis = categories.of(&mut chart);
    category_axis.set_font(&font(9)).set_label_interval(1);
    if is_bar {
        // Categories count from below, the table reads from above.
        category_axis.set_reverse().set_crossing(ChartAxisCrossing::Max);
    }
    let value_axis = values.of(&mut chart);
    value_axis
        .set_font(&font(9))
        .set_major_gridlines(true)
        .set_major_gridlines_line(ChartLine::new().set_color(0xD9_D9D9_u32));
    if layout.kind != ChartKind::Line {
        // The length of a bar is its value only when it starts from nothing.
        value_axis.set_min(0);
    }
    if let Some(max) = layout.value_max {
        // Labels stand above the bars; the room for them has no mark of its own.
        value_axis.set_max(max * 1.1).set_major_unit(max / 5.0);
    }
    value_axis.set_num_format(match layout.format {
        Format::Percent(_) => "0%",
        Format::Decimal(_) => "0.0",
        _ => "0",
    });
    categories.of(&mut chart).set_major_gridlines(false);
    if layout.series.len() == 1 {
        chart.legend().set_hidden();
    } else {
        chart.legend().set_position(ChartLegendPosition::Bottom).set_font(&font(9));
    }
    chart.set_width(layout.width_pixels).set_height(layout.height_pixels).set_alt_text(&layout.title);
    chart
}

#[derive(Clone, Copy)]
enum Axis {
    X,
    Y,
}

impl Axis {
    fn of(self, chart: &mut Chart) -> &mut ChartAxis {
        match self {
            Self::X => chart.x_axis(),
            Self::Y => chart.y_axis(),
        }
    }
}

fn font(size: u8) -> ChartFont {
    let mut font = ChartFont::new();
    font.set_name("宋体").set_size(size);
    font
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
