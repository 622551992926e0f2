//! What stands above the rows: title, registration, unit line, header.

use std::collections::BTreeMap;

use super::spread::column_at_share;
use super::{Composer, ROW_HEIGHT, TITLE_HEIGHT, narrow, text_or_blank};
use crate::report::form::{Align, Content};
use crate::report::layout::{Cell, CellValue, LINE_HEIGHT, Role, Style, text_lines};

/// Columns are counted 甲 乙 丙 … in the stub of a statistical form.
const STEMS: [&str; 10] = ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸"];

impl Composer<'_> {
    pub(super) fn head(&mut self) {
        self.text_row(self.names.fill(&self.form.title.value), Role::Title, Align::Center, 0, TITLE_HEIGHT);
        let right_third = u16::try_from(column_at_share(&self.layout.widths, 0.7)).unwrap_or(0);
        for line in &self.form.registration {
            self.text_row(self.names.fill(&line.value), Role::Registration, Align::Left, right_third, LINE_HEIGHT);
        }
        let unit_line = &self.form.unit_line;
        let texts: Vec<(String, Align)> =
            [(&unit_line.left, Align::Left), (&unit_line.middle, Align::Center), (&unit_line.right, Align::Right)]
                .into_iter()
                .filter_map(|(text, align)| Some((self.names.fill(&text.as_ref()?.value), align)))
                .collect();
        self.spread_row(texts, Role::UnitLine, ROW_HEIGHT);
        self.header_rows();
    }

    pub(super) fn header_rows(&mut self) {
        let first_row = self.next_row;
        let heights = self.header_heights();
        let style = Style { wrap: true, ..Style::text(Role::Header, Align::Center) };
        for (level, height) in heights.iter().enumerate() {
            let mut labels: BTreeMap<u16, String> = BTreeMap::new();
            for cell in self.form.header.iter().filter(|cell| cell.level == level) {
                labels.insert(narrow(cell.first), self.names.fill(&cell.label.value));
            }
            let cells = (0..=self.last_column())
                .map(|column| Cell::new(column, text_or_blank(labels.remove(&column)), style))
                .collect();
            self.push_row(Some(*height), cells);
        }
        for cell in &self.form.header {
            let top = first_row + u32::try_from(cell.level).unwrap_or(0);
            let bottom = top + u32::try_from(cell.depth - 1).unwrap_or(0);
            self.merge(self.area(top, narrow(cell.first), bottom, narrow(cell.last)));
        }
        if self.form.column_numbers {
            let (mut stems, mut numbers) = (0, 0);
            let style = Style::text(Role::ColumnNumber, Align::Center);
            let cells = (0..)
                .zip(&self.form.columns)
                .map(|(column, declared)| {
                    let text = if declared.shape.format.is_quantity() && !matches!(declared.content, Content::RowNumber)
                    {
                        numbers += 1;
                        numbers.to_string()
                    } else {
                        stems += 1;
                        STEMS.get(stems - 1).map_or_else(String::new, |stem| (*stem).to_owned())
                    };
                    Cell::new(column, CellValue::Text(text), style)
                })
                .collect();
            self.push_row(Some(LINE_HEIGHT), cells);
        }
        self.layout.repeat_rows = Some((first_row, self.next_row - 1));
        self.layout.freeze.0 = self.next_row;
    }

    /// Row heights that let every label be read: merged cells do not grow by themselves.
    pub(super) fn header_heights(&self) -> Vec<f64> {
        let mut heights = vec![ROW_HEIGHT; self.form.header_depth];
        let mut cells: Vec<_> = self.form.header.iter().collect();
        cells.sort_by_key(|cell| cell.depth);
        for cell in cells {
            let width: f64 = self.layout.widths[cell.first..=cell.last].iter().sum();
            let needed = text_lines(&self.names.fill(&cell.label.value), width) as f64 * LINE_HEIGHT + 6.0;
            let given: f64 = heights[cell.level..cell.level + cell.depth].iter().sum();
            if needed > given {
                heights[cell.level + cell.depth - 1] += needed - given;
            }
        }
        heights
    }
}
