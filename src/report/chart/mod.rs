//! Charts, described once and drawn in one way for every format.
//!
//! A template's function (`bar_chart`) makes a [`Chart`]: plain values with their names. Exporters take from it a
//! picture ([`draw`]), its text ([`Chart::alt_text`]) and the table behind it ([`Chart::table`]); they calculate nothing.
//! A new kind is one file here and its line in [`CHART_KINDS`].

mod bar;
mod declared;
mod line;
mod palette;
mod pen;
mod rows;
mod scale;
mod words;

use minijinja::Error;
use minijinja::value::{Kwargs, Value};

use super::number::{Format, fixed, percent};
pub(super) use declared::declared;
use pen::Pen;
pub(super) use pen::{Drawing, Room, escape};

/// One kind of chart.
pub(super) struct ChartKind {
    /// The template function that declares it.
    pub function: &'static str,
    /// How a person calls it.
    pub name: &'static str,
    read: fn(&Value, &Kwargs) -> Result<Chart, Error>,
    draw: fn(&Chart, Room) -> Pen,
}

pub(super) static CHART_KINDS: &[&ChartKind] = &[&bar::KIND, &line::KIND];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub kind: &'static ChartKind,
    pub title: String,
    pub unit: String,
    pub format: Format,
    /// What stands along the axis: one for each point of a series.
    pub labels: Vec<String>,
    pub series: Vec<Series>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub name: String,
    /// `None` where there is no figure, which is not 0.
    pub points: Vec<Option<f64>>,
    pub role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Main,
    /// The same figure a year before.
    LastYear,
}

/// The figures of a chart in words, for the table behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChartTable {
    pub head: Vec<String>,
    /// The label, then a figure for each series.
    pub rows: Vec<Vec<String>>,
}

impl std::fmt::Debug for ChartKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.function)
    }
}

impl PartialEq for ChartKind {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl Chart {
    /// A value as the chart's labels and its table show it.
    pub(super) fn worded(&self, value: Option<f64>) -> String {
        match (value, self.format) {
            (None, _) => "—".to_owned(),
            (Some(value), Format::Percent(digits)) => percent(value, digits.into()) + "%",
            (Some(value), Format::Decimal(digits)) => fixed(value, digits.into()),
            (Some(value), _) => fixed(value, 0),
        }
    }

    pub(super) fn table(&self) -> ChartTable {
        let names = self.series.iter().map(|series| series.name.clone());
        let rows = self.labels.iter().enumerate().map(|(place, label)| {
            let figures = self.series.iter().map(|series| self.worded(series.at(place)));
            std::iter::once(label.clone()).chain(figures).collect()
        });
        ChartTable { head: std::iter::once("项目".to_owned()).chain(names).collect(), rows: rows.collect() }
    }

    /// One sentence for those who do not see the picture: what it is, its unit, its figures or the ends of them.
    pub(super) fn alt_text(&self) -> String {
        words::alt_text(self)
    }

    /// What a mark says when it is pointed at.
    fn said(&self, place: usize, series: &Series) -> String {
        let label = self.labels.get(place).map(String::as_str).unwrap_or_default();
        let value = series.at(place);
        let unit = if value.is_some() { self.unit.as_str() } else { "" };
        format!("{label} {}：{}{unit}", series.name, self.worded(value))
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.series.iter().flat_map(|series| series.points.iter().flatten()).copied()
    }
}

impl Series {
    fn at(&self, place: usize) -> Option<f64> {
        self.points.get(place).copied().flatten()
    }
}

/// The chart as a picture that needs nothing around it: no style sheet, no script, no file. `id` is its own in the
/// document. What would be higher than the room is drawn smaller.
pub(super) fn draw(chart: &Chart, room: Room, id: &str) -> Drawing {
    let mut shrink = 1.0;
    loop {
        let pen = (chart.kind.draw)(chart, room.times(shrink));
        if pen.height <= room.height * shrink || shrink > 4.0 {
            return pen.finish(shrink, id, &chart.title, &chart.alt_text());
        }
        shrink *= 1.15;
    }
}

#[cfg(test)]
mod tests;
