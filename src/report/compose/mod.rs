//! From a form and rows to a [`SheetLayout`]: where each cell stands, what is merged, what is printed where.
//!
//! The only sums are those of columns a form declares additive; a total row that the data has is preferred.

mod body;
mod charts;
mod foot;
mod head;
mod ledger;
mod spread;
mod totals;

use super::dataset::Dataset;
use super::features::Features;
use super::form::{Align, Column, Kind, Orientation, Position, SheetForm};
use super::layout::{Area, Cell, CellValue, ChartData, Role, Row, SheetLayout, Style};
use super::wording::Names;
pub(super) use ledger::ledger;

const ROW_HEIGHT: f64 = 20.0;
const TITLE_HEIGHT: f64 = 36.0;

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
            features: Features::default(),
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
