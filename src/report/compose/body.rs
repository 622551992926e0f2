//! Lines put on the sheet: in one block or several side by side, with what is merged in their stub.

use std::ops::Range;

use super::lines::{Line, LineKind};
use super::marks::{RowMarks, marked};
use super::records::Datum;
use super::{Composer, ROW_HEIGHT, blank_cells, narrow, style_of};
use crate::report::dataset::Value;
use crate::report::features::Emphasis;
use crate::report::form::{Align, Column};
use crate::report::layout::{Cell, CellValue, Role, Style};
use crate::report::number::Format;

impl Composer<'_> {
    /// Puts the lines below the header; gives the sheet rows of the body, totals at its ends left out.
    pub(super) fn body(&mut self, lines: &[Line], marks: &RowMarks<'_>) -> Range<u32> {
        let first_row = self.next_row;
        let blocks = self.blocks();
        let height = lines.len().div_ceil(blocks);
        let has_wrap = self.header.leaves.iter().any(|leaf| leaf.declared.wrap);
        let picture_height = self.header.leaves.iter().filter_map(|leaf| leaf.declared.picture_height).reduce(f64::max);
        for at in 0..height {
            let mut cells = Vec::with_capacity(self.layout.widths.len());
            let mut may_grow = has_wrap;
            for block in 0..blocks {
                let offset = block * self.header.leaves.len();
                match lines.get(block * height + at) {
                    Some(line) => {
                        may_grow &= !line.kind.is_total();
                        self.line_cells(line, offset, marks, &mut cells);
                    }
                    None => cells.extend(self.header.leaves.iter().enumerate().map(|(place, leaf)| {
                        Cell::new(narrow(offset + place), CellValue::Blank, style_of(leaf.declared, Role::Body))
                    })),
                }
            }
            let fixed = picture_height.map(|height| height.max(ROW_HEIGHT));
            self.push_row(fixed.or((!may_grow).then_some(ROW_HEIGHT)), cells);
        }
        for (block, lines) in lines.chunks(height.max(1)).enumerate() {
            self.merge_lines(lines, first_row, block * self.header.leaves.len());
        }
        let is_inner = |line: &Line| line.kind != LineKind::Total;
        let above = lines.iter().take_while(|line| !is_inner(line)).count();
        let inner = lines.iter().filter(|line| is_inner(line)).count();
        let row = |at: usize| first_row + u32::try_from(at).unwrap_or(u32::MAX);
        if blocks == 1 { row(above)..row(above + inner) } else { first_row..self.next_row }
    }

    fn line_cells(&self, line: &Line, offset: usize, marks: &RowMarks<'_>, cells: &mut Vec<Cell>) {
        let last = offset + self.header.leaves.len() - 1;
        match line.kind {
            LineKind::Body | LineKind::Part => self.row_cells(line, offset, marks, cells),
            LineKind::Subtotal | LineKind::Total => self.total_cells(line, offset, cells),
            LineKind::Heading => {
                let style = Style::text(Role::Total, Align::Left);
                cells.extend(blank_cells(narrow(offset)..=narrow(last), style, line.label.clone()));
            }
        }
    }

    fn row_cells(&self, line: &Line, offset: usize, marks: &RowMarks<'_>, cells: &mut Vec<Cell>) {
        let labelled = (line.kind == LineKind::Part).then(|| self.part_column()).flatten();
        for (place, (leaf, datum)) in self.header.leaves.iter().zip(&line.data).enumerate() {
            let value = match (&datum.value, Some(place) == labelled) {
                (Value::Text(text), true) => CellValue::Text(format!("{}{text}", line.label)),
                _ => datum.cell(leaf.declared),
            };
            // A cross-tab has cells without a row, of which nothing can be said.
            let has_row = datum.source.is_some() || leaf.declared.bound().is_none() || self.form.one_row_per.is_empty();
            let emphasis = if has_row { marks.emphasis(place, line) } else { Emphasis::None };
            let mut style = marked(style_of(leaf.declared, Role::Body), self.form, leaf.declared, emphasis);
            if Some(place) == labelled {
                // Parts stand one below the other, however the wholes are placed.
                style.align = Align::Left;
            }
            let cell = Cell::new(narrow(offset + place), value, style);
            cells.push(Cell { source: datum.source, computed: datum.computed(), ..cell });
        }
    }

    /// The column in which a part is called one.
    fn part_column(&self) -> Option<usize> {
        let named = |merged: bool| {
            let mut leading = self.header.leaves.iter().take(self.header.leading());
            leading.position(|leaf| leaf.declared.bound().is_some() && leaf.declared.merge == merged)
        };
        named(false).or_else(|| named(true))
    }

    /// The label over the leading descriptions, then the quantities.
    fn total_cells(&self, line: &Line, offset: usize, cells: &mut Vec<Cell>) {
        let leading = self.header.leading();
        for (place, (leaf, datum)) in self.header.leaves.iter().zip(&line.data).enumerate() {
            let column = narrow(offset + place);
            let style = style_of(leaf.declared, Role::Total);
            let plain = Style { format: Format::Text, ..style };
            cells.push(if place < line.label_column {
                given(datum, column, leaf.declared, style)
            } else if place == line.label_column && leading > 0 {
                Cell::new(column, CellValue::Text(line.label.clone()), Style { align: Align::Center, ..plain })
            } else if place < leading || !leaf.declared.shape.format.is_quantity() {
                Cell::new(column, CellValue::Blank, plain)
            } else {
                given(datum, column, leaf.declared, style)
            });
        }
    }

    fn merge_lines(&mut self, lines: &[Line], first_row: u32, offset: usize) {
        let row = |at: usize| first_row + u32::try_from(at).unwrap_or(0);
        let column = |place: usize| narrow(offset + place);
        let leading = self.header.leading();
        for (at, line) in lines.iter().enumerate() {
            let last = match line.kind {
                LineKind::Body | LineKind::Part => continue,
                LineKind::Heading => self.header.leaves.len().saturating_sub(1),
                LineKind::Subtotal | LineKind::Total if leading == 0 => continue,
                LineKind::Subtotal | LineKind::Total => leading - 1,
            };
            self.merge(self.area(row(at), column(line.label_column), row(at), column(last)));
        }
        self.merge_stub(lines, first_row, offset);
    }

    /// Merges equal neighbours in columns declared `merge`, never across a merge to their left.
    fn merge_stub(&mut self, lines: &[Line], first_row: u32, offset: usize) {
        let mut breaks = vec![false; lines.len()];
        let is_own = |line: &Line, place: usize| match line.kind {
            LineKind::Body | LineKind::Part => true,
            LineKind::Subtotal => place < line.label_column,
            LineKind::Heading | LineKind::Total => false,
        };
        let header = self.header;
        for (place, leaf) in header.leaves.iter().enumerate() {
            if !leaf.declared.merge || leaf.declared.bound().is_none() {
                continue;
            }
            let mut start = 0;
            for at in 1..=lines.len() {
                let goes_on = at < lines.len()
                    && !breaks[at]
                    && is_own(&lines[at], place)
                    && is_own(&lines[start], place)
                    && lines[at].data[place].value == lines[start].data[place].value;
                if goes_on {
                    continue;
                }
                if at < lines.len() {
                    breaks[at] = true;
                }
                if is_own(&lines[start], place) {
                    let row = |at: usize| first_row + u32::try_from(at).unwrap_or(0);
                    let column = narrow(offset + place);
                    self.merge(self.area(row(start), column, row(at - 1), column));
                }
                start = at;
            }
        }
    }
}

fn given(datum: &Datum, column: u16, declared: &Column, style: Style) -> Cell {
    Cell { source: datum.source, computed: datum.computed(), ..Cell::new(column, datum.cell(declared), style) }
}
