//! A row list: as many sheets as its rows need.

use arrow::record_batch::RecordBatch;

use super::header::Header;
use super::{Composer, style_of};
use crate::report::form::{Content, SheetForm};
use crate::report::layout::{Ledger, LedgerColumn, LedgerContent, Role, SHEET_ROWS_MAX, SheetLayout};
use crate::report::wording::Names;

/// A ledger: as many sheets as the rows need. `batches` are canonical; `first_number` goes on from sheet to sheet.
pub(in crate::report) fn ledger(form: &SheetForm, batches: Vec<RecordBatch>, names: &Names) -> Vec<SheetLayout> {
    let total: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let names = names.with(&[("row_count".to_owned(), total.to_string())]);
    let header = Header::fixed(form, &names);
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
        sheet.ledger(taken, row_count, first_number);
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
    sheets
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
    fn ledger(&mut self, batches: Vec<RecordBatch>, row_count: u32, first_number: u64) {
        let schema = batches.first().map(RecordBatch::schema);
        let columns = self
            .header
            .leaves
            .iter()
            .map(|leaf| leaf.declared)
            .map(|declared| LedgerColumn {
                content: match &declared.content {
                    Content::Bound(name) => schema
                        .as_ref()
                        .and_then(|schema| schema.index_of(&name.value).ok())
                        .map_or(LedgerContent::Blank, LedgerContent::Bound),
                    Content::RowNumber => LedgerContent::RowNumber,
                    Content::Blank | Content::Sum(_) => LedgerContent::Blank,
                },
                style: style_of(declared, Role::Body),
                shape: declared.shape.clone(),
                wrap_width: declared.wrap.then_some(declared.width),
                emphasis: [].into(),
            })
            .collect();
        let first_row = self.next_row;
        self.next_row += row_count;
        if self.form.autofilter {
            let last = self.next_row.max(first_row + 1) - 1;
            self.layout.autofilter = Some(self.area(first_row - 1, 0, last, self.last_column()));
        }
        self.layout.data_rows = usize::try_from(row_count).unwrap_or(usize::MAX);
        self.layout.ledger = Some(Ledger { first_row, row_count, first_number, columns, batches });
    }
}
