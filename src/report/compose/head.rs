//! What stands above the rows: title, registration, unit line, header.

use unicode_width::UnicodeWidthStr;

use super::spread::right_part;
use super::{Composer, ROW_HEIGHT, TITLE_HEIGHT, identity, narrow, text_or_blank};
use crate::report::form::Align;
use crate::report::layout::{Cell, CellValue, LINE_HEIGHT, Role, Style, text_lines};

/// Columns are counted 甲 乙 丙 … in the stub of a statistical form.
const STEMS: [&str; 10] = ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸"];

impl Composer<'_> {
    pub(super) fn head(&mut self) {
        self.text_row(self.names.fill(&self.form.title.value), Role::Title, Align::Center, 0, TITLE_HEIGHT);
        if let Some(registration) = &self.form.identity.registration {
            let lines = identity::registration(registration, self.names);
            let longest = lines.iter().map(|line| line.width()).max().unwrap_or(0);
            let first = narrow(right_part(&self.layout.widths, longest as f64 + 2.0));
            for line in lines {
                self.text_row(line, Role::Registration, Align::Left, first, LINE_HEIGHT);
            }
        }
        self.spread_row(identity::unit_line(&self.form.identity, self.names), Role::UnitLine, ROW_HEIGHT);
        self.header_rows();
    }

    fn header_rows(&mut self) {
        let first_row = self.next_row;
        let heights = self.header_heights();
        let style = Style { wrap: true, ..Style::text(Role::Header, Align::Center) };
        for (level, height) in heights.iter().enumerate() {
            let mut labels: Vec<Option<&str>> = vec![None; self.header.leaves.len()];
            for label in self.header.labels.iter().filter(|label| label.level == level) {
                labels[label.first] = Some(&label.text);
            }
            let labels = labels.repeat(self.blocks());
            let cells = (0..)
                .zip(labels)
                .map(|(column, label)| Cell::new(column, text_or_blank(label.map(str::to_owned)), style));
            self.push_row(Some(*height), cells.collect());
        }
        for block in 0..self.blocks() {
            let offset = block * self.header.leaves.len();
            for label in &self.header.labels {
                let top = first_row + u32::try_from(label.level).unwrap_or(0);
                let bottom = top + u32::try_from(label.depth - 1).unwrap_or(0);
                self.merge(self.area(top, narrow(offset + label.first), bottom, narrow(offset + label.last)));
            }
        }
        if self.form.column_numbers {
            self.number_row();
        }
        self.layout.repeat_rows = Some((first_row, self.next_row - 1));
        self.layout.freeze.0 = self.next_row;
    }

    /// 甲 乙 丙 over descriptions, 1 2 3=1+2 over quantities.
    fn number_row(&mut self) {
        let mut stems = STEMS.iter();
        let leaves = self.header.leaves.iter();
        let texts: Vec<String> = leaves
            .map(|leaf| match leaf.number {
                None => stems.next().map_or_else(String::new, |stem| (*stem).to_owned()),
                Some(number) => match self.header.explained(leaf) {
                    Some(formula) => format!("{number}={formula}"),
                    None => number.to_string(),
                },
            })
            .collect();
        // The letters are smaller than those of the body.
        let lines = texts.iter().zip(&self.layout.widths).map(|(text, width)| text_lines(text, width / 0.9));
        let lines = lines.max().unwrap_or(1);
        let style = Style { wrap: lines > 1, ..Style::text(Role::ColumnNumber, Align::Center) };
        let cells = (0..).zip(vec![texts; self.blocks()].concat());
        let cells = cells.map(|(column, text)| Cell::new(column, CellValue::Text(text), style)).collect();
        self.push_row(Some(LINE_HEIGHT * lines as f64), cells);
    }

    /// Row heights that let every label be read: merged cells do not grow by themselves.
    fn header_heights(&self) -> Vec<f64> {
        let mut heights = vec![ROW_HEIGHT; self.header.depth];
        let mut cells: Vec<_> = self.header.labels.iter().collect();
        cells.sort_by_key(|cell| cell.depth);
        for cell in cells {
            let width: f64 = self.layout.widths[cell.first..=cell.last].iter().sum();
            let needed = text_lines(&cell.text, width) as f64 * LINE_HEIGHT + 6.0;
            let given: f64 = heights[cell.level..cell.level + cell.depth].iter().sum();
            if needed > given {
                heights[cell.level + cell.depth - 1] += needed - given;
            }
        }
        heights
    }
}
