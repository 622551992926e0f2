//! 目录: a sheet that lists the others, each a click away.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::charts::rows_under;
use super::{narrow, table};
use crate::report::Problem;
use crate::report::dataset::Dataset;
use crate::report::form::{Align, SheetForm};
use crate::report::layout::{Area, Cell, CellValue, Role, SHEET_COLUMNS_MAX, SheetLayout, SheetLink, Style};
use crate::report::wording::Names;

const BACK: &str = "返回目录";
const BACK_WIDTH: f64 = 10.0;

/// The list of `sheets`, which stands before them in the workbook.
pub(in crate::report) fn contents(
    form: &SheetForm,
    sheets: &[SheetLayout],
    names: &Names,
) -> Result<SheetLayout, Problem> {
    let data = rows_of(sheets).map_err(|error| Problem::new(&form.path, error.to_string()))?;
    let mut list = table(form, &data, &data.all_rows(), names)?.remove(0);
    let body = list.repeat_rows.map_or(0, |(_, last)| last + 1);
    for row in &mut list.rows {
        let place = row.index.checked_sub(body).and_then(|place| usize::try_from(place).ok());
        let listed = place.filter(|place| *place < sheets.len());
        for cell in &mut row.cells {
            // The list is of no dataset that a figure could be looked up in.
            (cell.source, cell.computed) = (None, None);
            if let (Some(place), CellValue::Text(_)) = (listed, &cell.value) {
                cell.link = Some(SheetLink(place + 1));
            }
        }
    }
    list.data_rows = 0;
    Ok(list)
}

/// A way back to the list from the first row of every other sheet, beside what is printed.
pub(in crate::report) fn link_back(sheets: &mut [SheetLayout]) {
    for sheet in sheets.iter_mut().skip(1) {
        let width = sheet.widths.len();
        let table_width = sheet.width_pixels();
        let Some(last_column) = width.checked_sub(1).filter(|_| width < SHEET_COLUMNS_MAX) else { continue };
        let charts = sheet.charts.iter().map(|chart| chart.row + rows_under(chart.height_pixels));
        let last_row = sheet.rows.last().map(|row| row.index).into_iter().chain(charts).max();
        let Some((first, last_row)) = sheet.rows.first_mut().zip(last_row) else { continue };
        let style = Style::text(Role::Provenance, Align::Center);
        let cell = Cell::new(narrow(width), CellValue::Text(BACK.to_owned()), style);
        first.cells.push(Cell { link: Some(SheetLink(0)), ..cell });
        sheet.widths.push(BACK_WIDTH);
        let last_column = narrow(last_column);
        // A chart wider than the table would be cut off.
        if sheet.charts.iter().any(|chart| f64::from(chart.width_pixels) > table_width) {
            continue;
        }
        sheet.features.print_area = Some(Area { first_row: 0, first_column: 0, last_row, last_column });
    }
}

fn rows_of(sheets: &[SheetLayout]) -> Result<Dataset, ArrowError> {
    let tabs: StringArray = sheets.iter().map(|sheet| Some(sheet.name.as_str())).collect();
    let titles: StringArray = sheets.iter().map(|sheet| Some(sheet.title.as_str())).collect();
    // A sheet of charts has no rows.
    let counts = sheets
        .iter()
        .map(|sheet| (sheet.repeat_rows.is_some()).then(|| i64::try_from(sheet.data_rows).unwrap_or(i64::MAX)));
    let columns: [(&str, ArrayRef); 3] =
        [("tab", Arc::new(tabs)), ("title", Arc::new(titles)), ("rows", Arc::new(counts.collect::<Int64Array>()))];
    Dataset::new(&[RecordBatch::try_from_iter(columns)?])
}
