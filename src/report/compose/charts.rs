//! Charts over the rows of a table.

use super::lines::Line;
use super::{Composer, ROW_HEIGHT, narrow};
use crate::report::form::ChartKind;
use crate::report::layout::{ChartData, ChartLayout, row_pixels};
use crate::report::number::Format;

const CHART_MARGIN_PIXELS: f64 = 8.0;
/// Bars need so much each for their names, and as much again around them.
const PIXELS_PER_BAR: u32 = 24;
const BAR_FRAME_PIXELS: u32 = 110;
const BAR_CHART_PIXELS_MAX: u32 = 3_000;
const PIXELS_PER_ROW: f64 = 20.0;
/// What stands around a chart on its page: the title of a sheet of charts, and blank rows.
const FRAME_PIXELS: f64 = 108.0;
/// No chart is made lower than this to save a page.
const LOWEST_PIXELS: u32 = 220;

/// Rows of the usual height that a chart covers.
pub(super) fn rows_under(height_pixels: u32) -> u32 {
    (f64::from(height_pixels) / PIXELS_PER_ROW).ceil() as u32
}

impl Composer<'_> {
    pub(super) fn charts(&mut self, place_of_data: ChartData, body: &[&Line], first: u32) {
        let last = first + u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let width = (self.layout.width_pixels() - CHART_MARGIN_PIXELS).clamp(480.0, 1400.0);
        let mut page_start = 0;
        // Above charts and their tables the header of a table that ended before would name the wrong columns.
        if place_of_data == ChartData::Here && self.layout.pages() <= 1.0 {
            self.layout.repeat_rows = None;
        }
        for chart in &self.form.charts {
            let Some(categories) = self.header.bound_to(&chart.categories.value).next() else { continue };
            let shown: Vec<usize> =
                chart.series.iter().flat_map(|series| self.header.bound_to(&series.value)).collect();
            let values = shown.iter().flat_map(|place| body.iter().filter_map(|line| line.data[*place].value.number()));
            let largest = values.fold(0.0, f64::max);
            let format =
                shown.first().map_or(Format::Integer, |place| self.header.leaves[*place].declared.shape.format);
            let series = shown.iter().map(|place| (self.label_of(*place), narrow(*place))).collect();
            let points = u32::try_from(body.len()).unwrap_or(u32::MAX);
            let is_bar = matches!(chart.kind, ChartKind::Bar | ChartKind::StackedBar);
            let least = if is_bar { points.saturating_mul(PIXELS_PER_BAR).saturating_add(BAR_FRAME_PIXELS) } else { 0 };
            // Lower where it and the table it may get would take a little more than a page.
            let table = row_pixels(ROW_HEIGHT) * f64::from(points.saturating_add(1));
            let room = self.layout.page_pixels().1 / self.layout.print_scale() - table - FRAME_PIXELS;
            let is_tight = chart.kind == ChartKind::Pareto && room >= f64::from(LOWEST_PIXELS);
            let most = if is_tight { room as u32 } else { u32::MAX };
            let height = chart.height.min(most).max(least.min(BAR_CHART_PIXELS_MAX));
            let mut layout = ChartLayout {
                kind: chart.kind,
                title: self.names.fill(&chart.title.value),
                row: self.next_row + 1,
                data: place_of_data,
                rows: (first, last),
                categories: narrow(categories),
                series,
                cumulative: None,
                unit: chart.unit.as_ref().map(|unit| self.names.fill(&unit.value)),
                format,
                // Rates near 100 % would get an axis to 120 %.
                value_max: (matches!(format, Format::Percent(_)) && (0.8..=1.0).contains(&largest)).then_some(1.0),
                width_pixels: width as u32,
                height_pixels: height,
            };
            self.next_row += 2 + rows_under(height);
            let figures = shown.first().copied().unwrap_or(categories);
            if !self.share_table(body, [categories, figures], &mut layout) {
                continue;
            }
            // Below a mere title a chart goes on, however tall: a page with the title alone would be no gain.
            if place_of_data == ChartData::Here || !self.layout.charts.is_empty() {
                self.keep_on_page(layout.row, &mut page_start);
            }
            self.layout.charts.push(layout);
        }
    }

    /// A page begins at the chart that starts at `row` and ends above the next row, where it would be torn apart.
    fn keep_on_page(&mut self, row: u32, page_start: &mut u32) {
        let heights = self.layout.rows.iter().filter(|own| own.index >= *page_start);
        let written = heights.clone().map(|own| row_pixels(own.height.unwrap_or(ROW_HEIGHT))).sum::<f64>();
        let others = f64::from(self.next_row - *page_start) - heights.count() as f64;
        let needed = written + others * PIXELS_PER_ROW;
        if needed * self.layout.print_scale() > self.layout.page_pixels().1 && row > *page_start + 1 {
            self.layout.features.page_breaks.push(row);
            *page_start = row;
        }
    }

    /// The innermost label that stands over no other column.
    pub(super) fn label_of(&self, place: usize) -> String {
        let own = self.header.labels.iter().rev().find(|label| label.first == place && label.last == place);
        own.map(|label| label.text.clone()).unwrap_or_default()
    }
}
