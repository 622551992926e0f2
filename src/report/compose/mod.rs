//! From a form and rows to a [`SheetLayout`]: where each cell stands, what is merged, what is printed where.
//!
//! The only sums are those of columns a form declares additive; a total row that the data has is preferred.

mod body;
mod charts;
mod contents;
mod foot;
mod formulas;
mod head;
mod header;
mod identity;
mod ledger;
mod lines;
mod live;
mod marks;
mod pages;
mod pictures;
mod records;
mod shares;
mod spread;
mod twice;

#[cfg(test)]
mod tests;

use super::Problem;
use super::dataset::Dataset;
use super::features::Features;
use super::form::{Align, Column, Kind, Orientation, SheetForm};
use super::layout::{Area, Cell, CellValue, ChartData, Role, Row, SheetLayout, Style};
use super::wording::Names;
pub(super) use contents::{contents, link_back};
use header::Header;
pub(super) use ledger::ledger;
use lines::LineKind;
use marks::{Marks, RowMarks};

const ROW_HEIGHT: f64 = 20.0;
const LEDGER_ROW_HEIGHT: f64 = 18.0;
const TITLE_HEIGHT: f64 = 36.0;

/// A table: the body rows with subtotals and totals, checked. Charts that have a sheet of their own follow it.
pub(super) fn table(
    form: &SheetForm,
    data: &Dataset,
    scope: &[usize],
    names: &Names,
) -> Result<Vec<SheetLayout>, Problem> {
    let body = records::records(form, data, &data.matching(scope, &form.rows));
    let names = names.with(&[("row_count".to_owned(), body.len().to_string())]);
    let header = Header::grown(form, data, &read_rows(form, data, scope), &names)?;
    if header.leaves.is_empty() {
        return Err(Problem::new(&form.path, "the data have no value to make a column of"));
    }
    let lines = lines::lines(form, &header, data, (scope, &body), &names)?;
    twice::refuse(form, &header, data, &lines)?;
    let mut sheet = Composer::new(form, &header, &names);
    formulas::check(form, &header, &lines, &sheet.layout.name)?;
    sheet.head();
    let first_row = sheet.next_row;
    let columns = header.leaves.iter().map(|leaf| leaf.declared);
    let rows = sheet.body(&lines, &RowMarks { marks: Marks::new(form, columns, &names), header: &header, data });
    sheet.table_features(&lines, first_row, data);
    sheet.table_pictures(&lines, first_row);
    if form.is_live {
        sheet.make_live(&lines, first_row);
    }
    if form.autofilter && !rows.is_empty() {
        sheet.layout.autofilter = Some(sheet.area(rows.start - 1, 0, rows.end - 1, sheet.last_column()));
    }
    sheet.foot();
    sheet.layout.data_rows = body.len();
    if form.charts.is_empty() || form.chart_tab.is_some() {
        sheet.pages(&lines, first_row);
    }
    if form.charts.is_empty() || body.is_empty() {
        return Ok(vec![sheet.layout]);
    }
    let charted: Vec<_> = lines.iter().filter(|line| line.kind == LineKind::Body).collect();
    let Some(tab) = &form.chart_tab else {
        sheet.charts(ChartData::Here, &charted, rows.start);
        return Ok(vec![sheet.layout]);
    };
    let mut chart_sheet = Composer::new(form, &header, &names);
    chart_sheet.layout.name = names.fill(&tab.value);
    chart_sheet.layout.freeze = (0, 0);
    chart_sheet.widen();
    chart_sheet.text_row(names.fill(&form.title.value), Role::Title, Align::Center, 0, TITLE_HEIGHT);
    chart_sheet.charts(ChartData::SheetBefore, &charted, rows.start);
    Ok(vec![sheet.layout, chart_sheet.layout])
}

/// Every row that the sheet shows, totals among them: columns grow from these.
fn read_rows(form: &SheetForm, data: &Dataset, scope: &[usize]) -> Vec<usize> {
    let totals = form.totals.iter().chain(form.subtotals.iter().map(|subtotal| &subtotal.totals));
    let picked = totals.filter_map(|totals| totals.rows.as_ref()).map(|rows| data.matching(scope, rows));
    let mut rows = data.matching(scope, &form.rows);
    rows.extend(picked.flatten());
    rows.sort_unstable();
    rows.dedup();
    rows
}

struct Composer<'a> {
    form: &'a SheetForm,
    header: &'a Header<'a>,
    names: &'a Names,
    layout: SheetLayout,
    next_row: u32,
}

impl<'a> Composer<'a> {
    fn new(form: &'a SheetForm, header: &'a Header<'a>, names: &'a Names) -> Self {
        let widths = header.leaves.iter().map(|leaf| leaf.declared.width);
        let pictured = header.leaves.iter().filter_map(|leaf| leaf.declared.picture_height);
        let layout = SheetLayout {
            name: names.fill(&form.tab.value),
            dataset: form.dataset.value.clone(),
            title: names.fill(&form.title.value),
            widths: widths.collect::<Vec<_>>().repeat(usize::from(form.blocks.max(1))),
            rows: Vec::new(),
            merges: Vec::new(),
            default_row_height: (form.kind == Kind::Ledger).then(|| pictured.fold(LEDGER_ROW_HEIGHT, f64::max)),
            freeze: (0, form.freeze_columns),
            repeat_rows: None,
            autofilter: None,
            is_landscape: form.orientation == Orientation::Landscape,
            charts: Vec::new(),
            features: Features::default(),
            ledger: None,
            data_rows: 0,
        };
        Self { form, header, names, layout, next_row: 0 }
    }

    /// Columns of a narrow table made wider, in proportion, until they fill a page.
    fn widen(&mut self) {
        let share = self.layout.page_pixels().0 / self.layout.width_pixels();
        if share > 1.0 {
            self.layout.widths.iter_mut().for_each(|width| *width = (*width * share).floor().min(255.0));
        }
    }

    fn last_column(&self) -> u16 {
        narrow(self.layout.widths.len().saturating_sub(1))
    }

    /// How often the columns stand side by side.
    fn blocks(&self) -> usize {
        usize::from(self.form.blocks.max(1))
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
}

fn style_of(column: &Column, role: Role) -> Style {
    Style { format: column.shape.format, wrap: column.wrap, ..Style::text(role, column.align) }
}

fn text_or_blank(text: Option<String>) -> CellValue {
    text.map_or(CellValue::Blank, CellValue::Text)
}

fn blank_cells(columns: std::ops::RangeInclusive<u16>, style: Style, text: String) -> Vec<Cell> {
    let mut text = Some(text);
    columns.map(|column| Cell::new(column, text_or_blank(text.take()), style)).collect()
}

fn narrow(column: usize) -> u16 {
    u16::try_from(column).unwrap_or(u16::MAX)
}
