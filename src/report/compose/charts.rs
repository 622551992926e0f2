//! Charts over the rows of a table.

use super::lines::Line;
use super::{Composer, narrow};
use crate::report::layout::{ChartData, ChartLayout};
use crate::report::number::Format;

const PIXELS_PER_WIDTH: f64 = 7.0;
const PIXELS_PER_ROW: f64 = 20.0;

impl Composer<'_> {
    pub(super) fn charts(&mut self, place_of_data: ChartData, body: &[&Line], first: u32) {
        let last = first + u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let width = (self.layout.widths.iter().sum::<f64>() * PIXELS_PER_WIDTH).clamp(480.0, 1400.0);
        for chart in &self.form.charts {
            let Some(categories) = self.header.bound_to(&chart.categories.value).next() else { continue };
            let shown: Vec<usize> =
                chart.series.iter().flat_map(|series| self.header.bound_to(&series.value)).collect();
            let values = shown.iter().flat_map(|place| body.iter().filter_map(|line| line.data[*place].value.number()));
            let largest = values.fold(0.0, f64::max);
            let format =
                shown.first().map_or(Format::Integer, |place| self.header.leaves[*place].declared.shape.format);
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

    /// The innermost label that stands over no other column.
    fn label_of(&self, place: usize) -> String {
        let own = self.header.labels.iter().rev().find(|label| label.first == place && label.last == place);
        own.map(|label| label.text.clone()).unwrap_or_default()
    }
}
