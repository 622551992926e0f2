//! How cells stand out, what hands may write into them, and where pages begin.

use std::ops::Range;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::header::Header;
use super::lines::{Line, LineKind};
use super::{Composer, narrow};
use crate::report::dataset::{Cells, Dataset, Value};
use crate::report::features::Emphasis;
use crate::report::form::{Column, Content, Highlight, SheetForm};
use crate::report::layout::{Area, Style};
use crate::report::wording::Names;

/// As many as the file format takes on a sheet; groups after these go on without one.
pub(super) const PAGE_BREAKS_MAX: usize = 1023;

/// Highlights with the names in their conditions filled.
pub(super) struct Marks {
    /// For each column those of its own, then those of whole rows.
    columns: Vec<Vec<Highlight>>,
    rows: Vec<Highlight>,
    /// Columns whose cells may span several rows; the mark of one row would be on all of them.
    merged: Vec<bool>,
}

impl Marks {
    pub(super) fn new<'c>(form: &SheetForm, columns: impl Iterator<Item = &'c Column>, names: &Names) -> Self {
        let filled = |highlights: &[Highlight]| highlights.iter().map(|highlight| highlight.filled(names)).collect();
        let (columns, merged) = columns.map(|column| (filled(&column.highlights), column.merge)).unzip();
        Self { columns, rows: filled(&form.highlight_rows), merged }
    }

    /// How the cell of a column stands out in the row that `value_of` reads.
    pub(super) fn emphasis(&self, column: usize, value_of: impl Fn(&str) -> Value) -> Emphasis {
        let own = self.columns.get(column).into_iter().flatten();
        let of_rows = if self.merged.get(column) == Some(&true) { &[][..] } else { &self.rows };
        let applying = own.chain(of_rows).find(|highlight| highlight.applies(&value_of));
        applying.map_or(Emphasis::None, |highlight| highlight.emphasis)
    }

    /// The same for every row of a ledger, column by column; empty where nothing can stand out.
    pub(super) fn emphases(&self, batches: &[RecordBatch]) -> Vec<Arc<[Emphasis]>> {
        let of_rows = self.over(batches, None);
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(place, own)| if own.is_empty() { Arc::clone(&of_rows) } else { self.over(batches, Some(place)) })
            .collect()
    }

    fn over(&self, batches: &[RecordBatch], column: Option<usize>) -> Arc<[Emphasis]> {
        if column.is_none() && self.rows.is_empty() {
            return [].into();
        }
        let of_batch = |batch: &RecordBatch| {
            let columns: Vec<Cells<'_>> = batch.columns().iter().map(Cells::of).collect();
            let schema = batch.schema();
            let value =
                |row: usize, name: &str| schema.index_of(name).map_or(Value::Null, |place| columns[place].value(row));
            let column = column.unwrap_or(usize::MAX);
            (0..batch.num_rows()).map(|row| self.emphasis(column, |name| value(row, name))).collect::<Vec<_>>()
        };
        batches.iter().flat_map(of_batch).collect()
    }
}

/// Marks over the rows of a dataset that is held whole.
pub(super) struct RowMarks<'a> {
    pub marks: Marks,
    pub header: &'a Header<'a>,
    pub data: &'a Dataset,
}

impl RowMarks<'_> {
    /// How a cell of a line stands out: by the row its figure was read from, which in a cross-tab is a row of its own; a
    /// sum by what it comes to.
    pub(super) fn emphasis(&self, place: usize, line: &Line) -> Emphasis {
        let datum = &line.data[place];
        let read = datum.source.and_then(|(row, _)| usize::try_from(row).ok());
        let Some(row) = read.or(line.row) else { return Emphasis::None };
        let summed = match &self.header.leaves[place].declared.content {
            Content::Sum(name) => Some(name.value.as_str()),
            _ => None,
        };
        let value_of = |name: &str| match summed == Some(name) {
            true => datum.value.clone(),
            false => self.data.value_of(row, name),
        };
        self.marks.emphasis(place, value_of)
    }
}

/// The style with what the column and the sheet say of a row's cell.
pub(super) fn marked(style: Style, form: &SheetForm, column: &Column, emphasis: Emphasis) -> Style {
    Style { emphasis, is_open: form.is_protected && matches!(column.content, Content::Blank), ..style }
}

impl Composer<'_> {
    /// Bars and inputs of a column that stands on the sheet at `place` and has its cells in `rows`.
    pub(super) fn column_features(&mut self, column: &Column, place: u16, rows: &[Range<u32>]) {
        let areas: Vec<Area> = rows
            .iter()
            .filter(|rows| !rows.is_empty())
            .map(|rows| self.area(rows.start, place, rows.end - 1, place))
            .collect();
        if areas.is_empty() {
            return;
        }
        if let Some(input) = &column.input {
            let labels = |list: &str| self.form.means.code_lists.get(list).cloned().unwrap_or_default();
            let input = input.resolved(self.names, labels);
            self.layout.features.inputs.extend(areas.iter().map(|area| (*area, input.clone())));
        }
        if column.data_bar {
            self.layout.features.data_bars.push(areas);
        }
    }

    /// Bars, inputs and page breaks of a table whose lines stand from `first_row` on.
    pub(super) fn table_features(&mut self, lines: &[Line], first_row: u32, data: &Dataset) {
        let header = self.header;
        let height = lines.len().div_ceil(self.blocks()).max(1);
        let row = |at: usize| first_row + u32::try_from(at).unwrap_or(u32::MAX);
        for (place, leaf) in header.leaves.iter().enumerate() {
            for (block, lines) in lines.chunks(height).enumerate() {
                let is_body = |line: &Line| matches!(line.kind, LineKind::Body | LineKind::Part);
                let mut ranges: Vec<Range<u32>> = Vec::new();
                for at in (0..lines.len()).filter(|at| is_body(&lines[*at])) {
                    match ranges.last_mut().filter(|range| range.end == row(at)) {
                        Some(range) => range.end += 1,
                        None => ranges.push(row(at)..row(at + 1)),
                    }
                }
                self.column_features(leaf.declared, narrow(block * header.leaves.len() + place), &ranges);
            }
        }
        self.layout.features.is_protected = self.form.is_protected;
        if let Some(by) = &self.form.break_by {
            let value = |at: &usize| lines[*at].row.map(|row| data.value_of(row, &by.value));
            let rows = (0..lines.len()).filter(|at| lines[*at].kind == LineKind::Body);
            // What is printed above a group belongs to its page.
            let top = |at: usize| {
                let above = (0..at).rev().take_while(|above| lines[*above].covered.contains(&at));
                row(above.take_while(|above| lines[*above].kind == LineKind::Subtotal).last().unwrap_or(at))
            };
            let keys: Vec<(u32, Option<Value>)> = rows.map(|at| (top(at), value(&at))).collect();
            self.page_breaks(keys.into_iter());
            self.part_merges();
        }
    }

    /// A cell that spans two pages would show its text on the first only, so it is one on each; what it hides is the same
    /// text.
    pub(super) fn part_merges(&mut self) {
        let breaks = &self.layout.features.page_breaks;
        let parted = |area: Area| {
            let inside = breaks.iter().filter(move |row| (area.first_row + 1..=area.last_row).contains(*row));
            let starts = std::iter::once(area.first_row).chain(inside.clone().copied());
            let ends = inside.map(|row| row - 1).chain([area.last_row]);
            starts.zip(ends).map(move |(first_row, last_row)| Area { first_row, last_row, ..area })
        };
        let is_merged = |area: &Area| (area.first_row, area.first_column) != (area.last_row, area.last_column);
        self.layout.merges = self.layout.merges.iter().copied().flat_map(parted).filter(is_merged).collect();
    }

    /// Pages begin at rows whose key differs from the one before.
    pub(super) fn page_breaks<K: PartialEq>(&mut self, keys: impl Iterator<Item = (u32, K)>) {
        let mut last: Option<K> = None;
        for (row, key) in keys {
            let begins = last.as_ref().is_some_and(|last| *last != key);
            if begins && self.layout.features.page_breaks.len() < PAGE_BREAKS_MAX {
                self.layout.features.page_breaks.push(row);
            }
            last = Some(key);
        }
    }
}

/// The values of a column in ledger order.
pub(super) fn values_of<'b>(batches: &'b [RecordBatch], column: &'b str) -> impl Iterator<Item = Value> + 'b {
    batches.iter().flat_map(move |batch| {
        let cells = batch.column_by_name(column).map(Cells::of);
        (0..batch.num_rows()).map(move |row| cells.map_or(Value::Null, |cells| cells.value(row)))
    })
}
