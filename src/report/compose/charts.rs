//! Charts over the rows of a table.

use super::{Composer, narrow};
use crate::report::dataset::Dataset;
use crate::report::layout::{ChartData, ChartLayout};
use crate::report::number::Format;

const PIXELS_PER_WIDTH: f64 = 7.0;
const PIXELS_PER_ROW: f64 = 20.0;

impl Composer<'_> {
    pub(super) fn charts(&mut self, place_of_data: ChartData, data: &Dataset, body: &[usize], first: u32) {
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
