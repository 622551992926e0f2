//! Total rows: the dataset's own, or sums of the columns that have a sum.

use super::body::read;
use super::{Composer, ROW_HEIGHT, narrow, style_of, text_or_blank};
use crate::report::dataset::{Dataset, Value};
use crate::report::form::{Align, Column, Content, NOT_APPLICABLE, Totals};
use crate::report::layout::{Cell, CellValue, Role, Style, cell_value};
use crate::report::number::Format;

impl Composer<'_> {
    pub(super) fn totals(&mut self, totals: &Totals, data: &Dataset, scope: &[usize], body: &[usize]) {
        let label = self.names.fill(&totals.label.value);
        match &totals.rows {
            Some(conditions) => {
                for row in data.matching(scope, conditions) {
                    self.total_row(&label, |column| {
                        let (value, source) = read(data, row, column, 0);
                        (cell_value(&value, &column.shape), source)
                    });
                }
            }
            None => self.total_row(&label, |column| match (&column.content, column.additive) {
                (Content::Bound(name), true) => (cell_value(&sum(data, body, &name.value), &column.shape), None),
                _ => (text_or_blank((column.shape.format.is_quantity()).then(|| NOT_APPLICABLE.to_owned())), None),
            }),
        }
    }

    /// The label over the leading descriptions, then the quantities.
    pub(super) fn total_row(&mut self, label: &str, value_of: impl Fn(&Column) -> (CellValue, Option<(u32, u16)>)) {
        let leading = self
            .form
            .columns
            .iter()
            .take_while(|column| matches!(column.content, Content::RowNumber) || !column.shape.format.is_quantity())
            .count();
        let cells = self
            .form
            .columns
            .iter()
            .enumerate()
            .map(|(place, declared)| {
                let style = style_of(declared, Role::Total);
                let column = narrow(place);
                if place == 0 && leading > 0 {
                    let style = Style { format: Format::Text, align: Align::Center, ..style };
                    return Cell::new(column, CellValue::Text(label.to_owned()), style);
                }
                if place < leading || !declared.shape.format.is_quantity() {
                    return Cell::new(column, CellValue::Blank, Style { format: Format::Text, ..style });
                }
                let (value, source) = value_of(declared);
                Cell { source, ..Cell::new(column, value, style) }
            })
            .collect();
        let row = self.push_row(Some(ROW_HEIGHT), cells);
        if leading > 1 {
            self.merge(self.area(row, 0, row, narrow(leading - 1)));
        }
    }
}

/// Nothing where a value is no number: a sum of the others would pass for the whole.
fn sum(data: &Dataset, rows: &[usize], column: &str) -> Value {
    let values: Vec<Value> =
        rows.iter().map(|row| data.value_of(*row, column)).filter(|value| *value != Value::Null).collect();
    let Some(numbers) = values.iter().map(Value::number).collect::<Option<Vec<f64>>>().filter(|all| !all.is_empty())
    else {
        return Value::Null;
    };
    let integers: Option<i64> = values.iter().try_fold(0_i64, |sum, value| match value {
        Value::Integer(integer) => sum.checked_add(*integer),
        _ => None,
    });
    integers.map_or_else(|| Value::Number(numbers.iter().sum()), Value::Integer)
}
