//! From a form and rows to a [`SheetLayout`]: where each cell stands, what is merged, what is printed where.
//!
//! The only sums are those of columns a form declares additive; a total row that the data has is preferred.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthStr;

use super::dataset::{Dataset, Value};
use super::form::{Align, Column, Content, Kind, NOT_APPLICABLE, Orientation, Position, SheetForm, Totals};
use super::layout::{
    Area, Cell, CellValue, ChartData, ChartLayout, LINE_HEIGHT, Ledger, LedgerColumn, LedgerContent, Role, Row,
    SHEET_ROWS_MAX, SheetLayout, Style, cell_value, text_lines,
};
use super::number::Format;
use super::wording::{Names, PROVENANCE};

const ROW_HEIGHT: f64 = 20.0;
const TITLE_HEIGHT: f64 = 36.0;
const PIXELS_PER_WIDTH: f64 = 7.0;
const PIXELS_PER_ROW: f64 = 20.0;
/// Columns are counted 甲 乙 丙 … in the stub of a statistical form.
const STEMS: [&str; 10] = ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸"];

/// A table: the body rows and, where the form takes totals from the data, the total rows.
/// Charts that have a sheet of their own follow it.
pub(super) fn table(form: &SheetForm, data: &Dataset, scope: &[usize], names: &Names) -> Vec<SheetLayout> {
    let body = data.matching(scope, &form.rows);
    let names = names.with(&[("row_count".to_owned(), body.len().to_string())]);
    let mut sheet = Composer::new(form, &names);
    sheet.head();
    let totals = form.totals.as_ref();
    if let Some(totals) = totals.filter(|totals| totals.at == Position::Top) {
        sheet.totals(totals, data, scope, &body);
    }
    let first = sheet.next_row;
    for (number, row) in body.iter().enumerate() {
        sheet.body_row(data, *row, number + 1);
    }
    let last = sheet.next_row;
    sheet.merge_stub(first, data, &body);
    if let Some(totals) = totals.filter(|totals| totals.at == Position::Bottom) {
        sheet.totals(totals, data, scope, &body);
    }
    if form.autofilter && last > first {
        sheet.layout.autofilter = Some(sheet.area(first - 1, 0, last - 1, sheet.last_column()));
    }
    sheet.foot();
    sheet.layout.data_rows = body.len();
    if form.charts.is_empty() || last == first {
        return vec![sheet.layout];
    }
    let Some(tab) = &form.chart_tab else {
        sheet.charts(ChartData::Here, data, &body, first);
        return vec![sheet.layout];
    };
    let mut chart_sheet = Composer::new(form, &names);
    chart_sheet.layout.name = names.fill(&tab.value);
    chart_sheet.layout.freeze = (0, 0);
    chart_sheet.text_row(names.fill(&form.title.value), Role::Title, Align::Center, 0, TITLE_HEIGHT);
    chart_sheet.charts(ChartData::SheetBefore, data, &body, first);
    vec![sheet.layout, chart_sheet.layout]
}

/// A ledger: as many sheets as the rows need. `batches` are canonical; `first_number` goes on from sheet to sheet.
pub(super) fn ledger(form: &SheetForm, batches: Vec<RecordBatch>, names: &Names) -> Vec<SheetLayout> {
    let total: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let names = names.with(&[("row_count".to_owned(), total.to_string())]);
    let mut sheets = Vec::new();
    let mut first_number = 1_u64;
    let mut rest = batches;
    loop {
        let mut sheet = Composer::new(form, &names);
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

struct Composer<'a> {
    form: &'a SheetForm,
    names: &'a Names,
    layout: SheetLayout,
    next_row: u32,
}

impl<'a> Composer<'a> {
    fn new(form: &'a SheetForm, names: &'a Names) -> Self {
        let layout = SheetLayout {
            name: names.fill(&form.tab.value),
            dataset: form.dataset.value.clone(),
            widths: form.columns.iter().map(|column| column.width).collect(),
            rows: Vec::new(),
            merges: Vec::new(),
            default_row_height: (form.kind == Kind::Ledger).then_some(18.0),
            freeze: (0, form.freeze_columns),
            repeat_rows: None,
            autofilter: None,
            is_landscape: form.orientation == Orientation::Landscape,
            charts: Vec::new(),
            ledger: None,
            data_rows: 0,
        };
        Self { form, names, layout, next_row: 0 }
    }

    fn last_column(&self) -> u16 {
        u16::try_from(self.form.columns.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    fn area(&self, first_row: u32, first_column: u16, last_row: u32, last_column: u16) -> Area {
        Area { first_row, first_column, last_row, last_column }
    }

    fn push_row(&mut self, height: Option<f64>, cells: Vec<Cell>) -> u32 {
        let index = self.next_row;
        self.layout.rows.push(Row { index, height, cells });
        self.next_row += 1;
        index
    }

    fn merge(&mut self, area: Area) {
        if (area.first_row, area.first_column) != (area.last_row, area.last_column) {
            self.layout.merges.push(area);
        }
    }

    /// One text over the columns `first..=last` of a row of its own.
    fn text_row(&mut self, text: String, role: Role, align: Align, first: u16, height: f64) {
        let last = self.last_column();
        let style = Style { role, format: Format::Text, align, wrap: role == Role::Note };
        let row = self.push_row(Some(height), blank_cells(first..=last, style, text));
        self.merge(self.area(row, first, row, last));
    }

    fn head(&mut self) {
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

    fn header_rows(&mut self) {
        let first_row = self.next_row;
        let heights = self.header_heights();
        let style = Style { role: Role::Header, format: Format::Text, align: Align::Center, wrap: true };
        for (level, height) in heights.iter().enumerate() {
            let mut labels: BTreeMap<u16, String> = BTreeMap::new();
            for cell in self.form.header.iter().filter(|cell| cell.level == level) {
                labels.insert(narrow(cell.first), self.names.fill(&cell.label.value));
            }
            let cells = (0..=self.last_column())
                .map(|column| Cell { column, value: text_or_blank(labels.remove(&column)), style, source: None })
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
            let style = Style { role: Role::ColumnNumber, format: Format::Text, align: Align::Center, wrap: false };
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
                    Cell { column, value: CellValue::Text(text), style, source: None }
                })
                .collect();
            self.push_row(Some(LINE_HEIGHT), cells);
        }
        self.layout.repeat_rows = Some((first_row, self.next_row - 1));
        self.layout.freeze.0 = self.next_row;
    }

    /// Row heights that let every label be read: merged cells do not grow by themselves.
    fn header_heights(&self) -> Vec<f64> {
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

    fn body_row(&mut self, data: &Dataset, row: usize, number: usize) {
        let has_wrap = self.form.columns.iter().any(|column| column.wrap);
        let cells = (0..)
            .zip(&self.form.columns)
            .map(|(column, declared)| {
                let (value, source) = read(data, row, declared, number);
                Cell {
                    column,
                    value: cell_value(&value, &declared.shape),
                    style: style_of(declared, Role::Body),
                    source,
                }
            })
            .collect();
        self.push_row((!has_wrap).then_some(ROW_HEIGHT), cells);
    }

    fn totals(&mut self, totals: &Totals, data: &Dataset, scope: &[usize], body: &[usize]) {
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
    fn total_row(&mut self, label: &str, value_of: impl Fn(&Column) -> (CellValue, Option<(u32, u16)>)) {
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
                    return Cell { column, value: CellValue::Text(label.to_owned()), style, source: None };
                }
                if place < leading || !declared.shape.format.is_quantity() {
                    return Cell {
                        column,
                        value: CellValue::Blank,
                        style: Style { format: Format::Text, ..style },
                        source: None,
                    };
                }
                let (value, source) = value_of(declared);
                Cell { column, value, style, source }
            })
            .collect();
        let row = self.push_row(Some(ROW_HEIGHT), cells);
        if leading > 1 {
            self.merge(self.area(row, 0, row, narrow(leading - 1)));
        }
    }

    /// Merges equal neighbours in columns declared `merge`, never across a merge to their left.
    fn merge_stub(&mut self, first_row: u32, data: &Dataset, body: &[usize]) {
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

    fn ledger(&mut self, batches: Vec<RecordBatch>, row_count: u32, first_number: u64) {
        let schema = batches.first().map(RecordBatch::schema);
        let columns = self
            .form
            .columns
            .iter()
            .map(|declared| LedgerColumn {
                content: match &declared.content {
                    Content::Bound(name) => schema
                        .as_ref()
                        .and_then(|schema| schema.index_of(&name.value).ok())
                        .map_or(LedgerContent::Blank, LedgerContent::Bound),
                    Content::RowNumber => LedgerContent::RowNumber,
                    Content::Blank => LedgerContent::Blank,
                },
                style: style_of(declared, Role::Body),
                shape: declared.shape.clone(),
                wrap_width: declared.wrap.then_some(declared.width),
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

    fn foot(&mut self) {
        let signers: Vec<(String, Align)> =
            self.form.signers.iter().map(|signer| (self.names.fill(&signer.value), Align::Left)).collect();
        self.spread_row(signers, Role::Signer, ROW_HEIGHT + 4.0);
        let width: f64 = self.layout.widths.iter().sum();
        for (number, note) in self.form.notes.iter().enumerate() {
            let note = self.names.fill(&note.value);
            let text = match (self.form.notes.len(), number) {
                (1, _) => format!("说明：{note}"),
                (_, 0) => format!("说明：1.{note}"),
                (_, number) => format!("　　　{}.{note}", number + 1),
            };
            let height = text_lines(&text, width) as f64 * LINE_HEIGHT + 3.0;
            self.text_row(text, Role::Note, Align::Left, 0, height);
        }
        self.text_row(self.names.fill(PROVENANCE), Role::Provenance, Align::Left, 0, LINE_HEIGHT + 3.0);
    }

    /// Texts side by side over the whole width, each on columns of its own; joined where columns are too few.
    fn spread_row(&mut self, texts: Vec<(String, Align)>, role: Role, height: f64) {
        if texts.is_empty() {
            return;
        }
        let shares: Vec<f64> = texts.iter().map(|(text, _)| text.width() as f64 + 2.0).collect();
        let Some(spans) = spans(&self.layout.widths, &shares) else {
            let joined = texts.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join("　　");
            return self.text_row(joined, role, Align::Left, 0, height);
        };
        let mut cells = Vec::new();
        for ((text, align), (first, last)) in texts.into_iter().zip(&spans) {
            cells.extend(blank_cells(
                narrow(*first)..=narrow(*last),
                Style { role, format: Format::Text, align, wrap: false },
                text,
            ));
        }
        let row = self.push_row(Some(height), cells);
        for (first, last) in spans {
            self.merge(self.area(row, narrow(first), row, narrow(last)));
        }
    }

    fn charts(&mut self, place_of_data: ChartData, data: &Dataset, body: &[usize], first: u32) {
        let last = first + u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let width = (self.layout.widths.iter().sum::<f64>() * PIXELS_PER_WIDTH).clamp(480.0, 1400.0);
        for chart in &self.form.charts {
            let place = |name: &str| self.form.column_bound_to(name);
            let Some(categories) = place(&chart.categories.value) else { continue };
            let shown: Vec<usize> = chart.series.iter().filter_map(|series| place(&series.value)).collect();
            let values = chart
                .series
                .iter()
                .flat_map(|series| body.iter().filter_map(|row| data.value_of(*row, &series.value).number()));
            let largest = values.fold(0.0, f64::max);
            let format = shown.first().map_or(Format::Integer, |place| self.form.columns[*place].shape.format);
            let series = shown.iter().map(|place| (self.label_of(*place), narrow(*place))).collect();
            self.layout.charts.push(ChartLayout {
                kind: chart.kind,
                title: self.names.fill(&chart.title.value),
                row: self.next_row + 1,
                data: place_of_data,
                rows: (first, last),
                categories: narrow(categories),
                series,
                format,
                // Rates near 100 % would get an axis to 120 %.
                value_max: (matches!(format, Format::Percent(_)) && (0.8..=1.0).contains(&largest)).then_some(1.0),
                width_pixels: width as u32,
                height_pixels: chart.height,
            });
            self.next_row += 2 + (f64::from(chart.height) / PIXELS_PER_ROW).ceil() as u32;
        }
    }

    fn label_of(&self, place: usize) -> String {
        let own = self.form.header.iter().rev().find(|cell| cell.first == place && cell.last == place);
        own.map(|cell| self.names.fill(&cell.label.value)).unwrap_or_default()
    }
}

fn read(data: &Dataset, row: usize, column: &Column, number: usize) -> (Value, Option<(u32, u16)>) {
    match &column.content {
        Content::RowNumber => (Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)), None),
        Content::Blank => (Value::Null, None),
        Content::Bound(name) => match data.column(&name.value) {
            Some(place) => (data.value(row, place), Some((u32::try_from(row).unwrap_or(u32::MAX), narrow(place)))),
            None => (Value::Null, None),
        },
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

fn style_of(column: &Column, role: Role) -> Style {
    Style { role, format: column.shape.format, align: column.align, wrap: column.wrap }
}

fn text_or_blank(text: Option<String>) -> CellValue {
    text.map_or(CellValue::Blank, CellValue::Text)
}

fn blank_cells(columns: std::ops::RangeInclusive<u16>, style: Style, text: String) -> Vec<Cell> {
    let mut text = Some(text);
    columns.map(|column| Cell { column, value: text_or_blank(text.take()), style, source: None }).collect()
}

fn narrow(column: usize) -> u16 {
    u16::try_from(column).unwrap_or(u16::MAX)
}

/// The column at which `share` of the total width is reached.
fn column_at_share(widths: &[f64], share: f64) -> usize {
    let total: f64 = widths.iter().sum();
    let mut reached = 0.0;
    for (place, width) in widths.iter().enumerate() {
        if reached + width / 2.0 >= total * share {
            return place;
        }
        reached += width;
    }
    widths.len().saturating_sub(1)
}

/// Column spans in proportion to `shares`, each at least one column; `None` when there are too few columns.
fn spans(widths: &[f64], shares: &[f64]) -> Option<Vec<(usize, usize)>> {
    if widths.len() < shares.len() {
        return None;
    }
    let whole: f64 = shares.iter().sum();
    let mut starts = vec![0];
    let mut reached = 0.0;
    for (number, share) in shares.iter().enumerate().take(shares.len() - 1) {
        reached += share;
        let wanted = column_at_share(widths, reached / whole);
        let lowest = starts[number] + 1;
        let highest = widths.len() - (shares.len() - number - 1);
        starts.push(wanted.clamp(lowest, highest));
    }
    Some(
        starts
            .iter()
            .enumerate()
            .map(|(number, start)| (*start, starts.get(number + 1).map_or(widths.len(), |next| *next) - 1))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_every_column_once() {
        assert_eq!(spans(&[10.0; 6], &[1.0, 1.0, 1.0]), Some(vec![(0, 1), (2, 3), (4, 5)]));
        assert_eq!(spans(&[40.0, 5.0, 5.0], &[1.0, 1.0, 1.0]), Some(vec![(0, 0), (1, 1), (2, 2)]));
        assert_eq!(spans(&[10.0; 2], &[1.0, 1.0, 1.0]), None);
    }
}
