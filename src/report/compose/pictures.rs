//! Pictures in cells: a column names files, its cells show them.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::lines::Line;
use super::marks::values_of;
use super::{Composer, narrow};
use crate::report::dataset::Value;
use crate::report::features::Picture;
use crate::report::layout::CellValue;
use crate::report::picture::{Found, Pictures};

/// What stands in place of a picture: there is none, or it is not to be shown.
const MISSING: &str = "缺图";
const UNFIT: &str = "图片不可用";

impl Composer<'_> {
    /// The text of a picture cell: nothing where the picture is shown.
    pub(super) fn picture(
        &mut self,
        pictures: &mut Pictures,
        value: &Value,
        (row, column): (u32, u16),
        height: f64,
    ) -> Option<&'static str> {
        let named = value.plain().filter(|named| !named.trim().is_empty())?;
        match pictures.find(&named) {
            Found::Missing => Some(MISSING),
            Found::Unfit => Some(UNFIT),
            Found::Picture(bytes) => {
                let file = named.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
                self.layout.features.pictures.push(Picture { row, column, height, bytes, alt_text: file });
                None
            }
        }
    }

    /// Pictures in a table whose lines stand from `first_row` on.
    pub(super) fn table_pictures(&mut self, lines: &[Line], first_row: u32) {
        let header = self.header;
        let means = Arc::clone(&self.form.means);
        let mut pictures = Pictures::new(means.pictures.as_deref());
        let height = lines.len().div_ceil(self.blocks()).max(1);
        for (place, leaf) in header.leaves.iter().enumerate() {
            let Some(picture_height) = leaf.declared.picture_height else { continue };
            for (block, lines) in lines.chunks(height).enumerate() {
                let column = narrow(block * header.leaves.len() + place);
                for (row, line) in (first_row..).zip(lines).filter(|(_, line)| line.row.is_some()) {
                    if line.data[place].value == Value::Null {
                        continue;
                    }
                    let text = self.picture(&mut pictures, &line.data[place].value, (row, column), picture_height);
                    let value = text.map_or(CellValue::Blank, |text| CellValue::Text(text.to_owned()));
                    self.set_value(row, column, value);
                }
            }
        }
    }

    fn set_value(&mut self, row: u32, column: u16, value: CellValue) {
        let found = self.layout.rows.binary_search_by_key(&row, |row| row.index);
        let cells = found.ok().and_then(|at| self.layout.rows.get_mut(at));
        if let Some(cell) = cells.and_then(|row| row.cells.iter_mut().find(|cell| cell.column == column)) {
            cell.value = value;
        }
    }

    /// The texts of a ledger's picture column, a further column of the batches.
    pub(super) fn picture_column(
        &mut self,
        pictures: &mut Pictures,
        batches: &mut [RecordBatch],
        name: &str,
        (rows, column): (Range<u32>, u16),
        height: f64,
    ) -> Result<usize, ArrowError> {
        let values: Vec<Value> = values_of(batches, name).collect();
        let mut texts = rows
            .zip(&values)
            .map(|(row, value)| self.picture(pictures, value, (row, column), height))
            .collect::<Vec<_>>()
            .into_iter();
        let mut place = 0;
        for batch in batches {
            place = batch.num_columns();
            let array: ArrayRef = Arc::new(texts.by_ref().take(batch.num_rows()).collect::<StringViewArray>());
            let mut fields = batch.schema().fields().to_vec();
            fields.push(Arc::new(Field::new(format!("picture {place}"), DataType::Utf8View, true)));
            let mut columns = batch.columns().to_vec();
            columns.push(array);
            *batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        }
        Ok(place)
    }
}
