//! A row list: as many sheets as its rows need.

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::header::Header;
use super::marks::{Marks, marked, values_of};
use super::{Composer, style_of};
use crate::report::features::Emphasis;
use crate::report::form::{Content, SheetForm};
use crate::report::layout::{Ledger, LedgerColumn, LedgerContent, Role, SHEET_ROWS_MAX, SheetLayout};
use crate::report::picture::Pictures;
use crate::report::wording::Names;

/// A ledger: as many sheets as the rows need. `batches` are canonical; `first_number` goes on from sheet to sheet.
pub(in crate::report) fn ledger(
    form: &SheetForm,
    batches: Vec<RecordBatch>,
    names: &Names,
) -> Result<Vec<SheetLayout>, ArrowError> {
    let total: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let names = names.with(&[("row_count".to_owned(), total.to_string())]);
    let header = Header::fixed(form, &names);
    let mut pictures = Pictures::new(form.means.pictures.as_deref());
    let mut sheets = Vec::new();
    let mut first_number = 1_u64;
    let mut rest = batches;
    loop {
        let mut sheet = Composer::new(form, &header, &names);
        sheet.head();
        let foot_rows = u32::try_from(form.notes.len() + 2).unwrap_or(u32::MAX);
        let room = SHEET_ROWS_MAX.saturating_sub(sheet.next_row).saturating_sub(foot_rows);
        let (taken, left) = split_rows(rest, usize::try_from(room).unwrap_or(usize::MAX));
        let row_count = taken.iter().map(|batch| u32::try_from(batch.num_rows()).unwrap_or(u32::MAX)).sum();
        sheet.ledger(taken, row_count, first_number, &mut pictures)?;
        sheet.foot();
        sheets.push(sheet.layout);
        first_number += u64::from(row_count);
        rest = left;
        if rest.is_empty() {
            break;
        }
    }
    if sheets.len() > 1 {
        for (number, sheet) in sheets.iter_mut().enumerate() {
            sheet.name = format!("{}（{}）", sheet.name, number + 1);
        }
    }
    Ok(sheets)
}

/// The first `room` rows, and the rest.
fn split_rows(batches: Vec<RecordBatch>, room: usize) -> (Vec<RecordBatch>, Vec<RecordBatch>) {
    let (mut taken, mut left, mut room) = (Vec::new(), Vec::new(), room);
    for batch in batches {
        let fitting = room.min(batch.num_rows());
        room -= fitting;
        if fitting > 0 {
            taken.push(batch.slice(0, fitting));
        }
        if fitting < batch.num_rows() {
            left.push(batch.slice(fitting, batch.num_rows() - fitting));
        }
    }
    (taken, left)
}

impl Composer<'_> {
    fn ledger(
        &mut self,
        mut batches: Vec<RecordBatch>,
        row_count: u32,
        first_number: u64,
        pictures: &mut Pictures,
    ) -> Result<(), ArrowError> {
        let header = self.header;
        let declared = || header.leaves.iter().map(|leaf| leaf.declared);
        let rows = self.next_row..self.next_row + row_count;
        let emphases = Marks::new(self.form, declared(), self.names).emphases(&batches);
        if let Some(by) = &self.form.break_by {
            self.page_breaks(rows.clone().zip(values_of(&batches, &by.value)));
        }
        let mut shown = Vec::with_capacity(header.leaves.len());
        for (place, column) in (0..).zip(declared()) {
            self.column_features(column, place, std::slice::from_ref(&rows));
            shown.push(match (column.bound(), column.picture_height) {
                (Some(name), Some(height)) if row_count > 0 => {
                    let cells = (rows.clone(), place);
                    Some(self.picture_column(pictures, &mut batches, &name.value, cells, height)?)
                }
                _ => None,
            });
        }
        self.layout.features.is_protected = self.form.is_protected;
        let schema = batches.first().map(RecordBatch::schema);
        let columns = declared()
            .zip(shown)
            .zip(emphases)
            .map(|((declared, picture), emphasis)| LedgerColumn {
                content: match &declared.content {
                    Content::Bound(_) if picture.is_some() => {
                        picture.map_or(LedgerContent::Blank, LedgerContent::Bound)
                    }
                    Content::Bound(name) => schema
                        .as_ref()
                        .and_then(|schema| schema.index_of(&name.value).ok())
                        .map_or(LedgerContent::Blank, LedgerContent::Bound),
                    Content::RowNumber => LedgerContent::RowNumber,
                    Content::Blank | Content::Sum(_) => LedgerContent::Blank,
                },
                style: marked(style_of(declared, Role::Body), self.form, declared, Emphasis::None),
                shape: declared.shape.clone(),
                wrap_width: declared.wrap.then_some(declared.width),
                emphasis,
            })
            .collect();
        let first_row = self.next_row;
        self.next_row += row_count;
        if self.form.autofilter {
            let last = self.next_row.max(first_row + 1) - 1;
            self.layout.autofilter = Some(self.area(first_row - 1, 0, last, self.last_column()));
        }
        self.layout.data_rows = usize::try_from(row_count).unwrap_or(usize::MAX);
        let row_height_min = self.layout.default_row_height.unwrap_or_default();
        self.layout.ledger = Some(Ledger { first_row, row_count, first_number, columns, row_height_min, batches });
        Ok(())
    }
}
