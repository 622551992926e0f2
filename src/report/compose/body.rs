//! The rows of a table, and what is merged in its stub.

use super::{Composer, ROW_HEIGHT, narrow, style_of};
use crate::report::dataset::{Dataset, Value};
use crate::report::form::{Column, Content};
use crate::report::layout::{Cell, Role, cell_value};

impl Composer<'_> {
    pub(super) fn body_row(&mut self, data: &Dataset, row: usize, number: usize) {
        let has_wrap = self.form.columns.iter().any(|column| column.wrap);
        let cells = (0..)
            .zip(&self.form.columns)
            .map(|(column, declared)| {
                let (value, source) = read(data, row, declared, number);
                Cell {
                    source,
                    ..Cell::new(column, cell_value(&value, &declared.shape), style_of(declared, Role::Body))
                }
            })
            .collect();
        self.push_row((!has_wrap).then_some(ROW_HEIGHT), cells);
    }

    /// Merges equal neighbours in columns declared `merge`, never across a merge to their left.
    pub(super) fn merge_stub(&mut self, first_row: u32, data: &Dataset, body: &[usize]) {
        let mut breaks = vec![false; body.len()];
        let merged: Vec<(u16, &Column)> = (0..).zip(&self.form.columns).filter(|(_, column)| column.merge).collect();
        for (place, column) in merged {
            let Content::Bound(name) = &column.content else { continue };
            let values: Vec<Value> = body.iter().map(|row| data.value_of(*row, &name.value)).collect();
            let mut start = 0;
            for at in 1..=body.len() {
                if at < body.len() && !breaks[at] && values[at] == values[start] {
                    continue;
                }
                if at < body.len() {
                    breaks[at] = true;
                }
                let row = |at: usize| first_row + u32::try_from(at).unwrap_or(0);
                self.merge(self.area(row(start), place, row(at - 1), place));
                start = at;
            }
        }
    }
}

pub(super) fn read(data: &Dataset, row: usize, column: &Column, number: usize) -> (Value, Option<(u32, u16)>) {
    match &column.content {
        Content::RowNumber => (Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)), None),
        Content::Blank => (Value::Null, None),
        Content::Bound(name) => match data.column(&name.value) {
            Some(place) => (data.value(row, place), Some((u32::try_from(row).unwrap_or(u32::MAX), narrow(place)))),
            None => (Value::Null, None),
        },
    }
}
