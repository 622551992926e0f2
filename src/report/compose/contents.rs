//! 目录: a sheet that lists the others, each a click away.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::table;
use crate::report::Problem;
use crate::report::dataset::Dataset;
use crate::report::form::SheetForm;
use crate::report::layout::{CellValue, SheetLayout, SheetLink};
use crate::report::wording::Names;

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
            cell.source = None;
            if let (Some(place), CellValue::Text(_)) = (listed, &cell.value) {
                cell.link = Some(SheetLink(place + 1));
            }
        }
    }
    list.data_rows = 0;
    Ok(list)
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
