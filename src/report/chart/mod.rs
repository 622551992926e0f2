//! Charts, described once and drawn in one way for every format.
//!
//! A template's function (`bar_chart`) makes a [`Chart`]: plain values with their names. Exporters take from it a
//! picture ([`draw`]), its text ([`Chart::alt_text`]) and the table behind it ([`Chart::table`]); they calculate nothing.
//! A new kind is one file here and its line in [`CHART_KINDS`].

mod bar;
mod calls;
mod declared;
mod heat;
mod line;
mod palette;
mod pareto;
mod pen;
mod rows;
mod scale;
mod shaded;
mod stacked;
mod tile_map;
mod words;

use minijinja::Error;
use minijinja::value::{Kwargs, Value};

use super::form::NOT_APPLICABLE;
use super::number::{Format, SUPPRESSED, fixed, percent};
use super::origin::Cited;
pub(super) use calls::asked_columns;
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

pub(super) static CHART_KINDS: &[&ChartKind] =
    &[&bar::KIND, &stacked::KIND, &line::KIND, &pareto::KIND, &heat::KIND, &tile_map::KIND];

/// Texts are smaller by as much; below that nobody reads them.
const SHRINK_MOST: f64 = 4.0;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub kind: &'static ChartKind,
    pub title: String,
    pub unit: String,
    /// What stands along the axis: one for each point of a series.
    pub labels: Vec<String>,
    pub series: Vec<Series>,
    /// Whether the table behind the chart is shown without being asked for, on paper too.
    pub is_table_open: bool,
    /// Where each label lies; for tile maps only.
    pub tiles: Vec<Tile>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub name: String,
    pub points: Vec<Point>,
    /// The cell of each point; shorter where they come from none.
    pub cited: Vec<Option<Cited>>,
    pub format: Format,
    pub role: Role,
}

/// A missing figure is not 0, and one that is not shown is neither.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Point {
    Figure(f64),
    Missing,
    /// There, and not shown lest it tell of a person.
    Suppressed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Main,
    /// The same figure a year before.
    LastYear,
    /// What the main ones add up to.
    Total,
    /// What a row and those before it are of all, 0 to 1.
    Share,
}

/// Counted from 1, top left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    pub row: u32,
    pub column: u32,
    /// Tiles of the same group are outlined together.
    pub group: String,
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
    pub(super) fn table(&self) -> ChartTable {
        let names = self.series.iter().map(|series| series.name.clone());
        let rows = (0..self.labels.len()).map(|place| {
            let figures = self.series.iter().map(|series| series.worded(place));
            std::iter::once(self.full_label(place)).chain(figures).collect()
        });
        ChartTable { head: std::iter::once("项目".to_owned()).chain(names).collect(), rows: rows.collect() }
    }

    /// One sentence for those who do not see the picture: what it is, its unit, its figures or the ends of them.
    pub(super) fn alt_text(&self) -> String {
        words::alt_text(self)
    }

    /// A label with the group it belongs to.
    fn full_label(&self, place: usize) -> String {
        let group = self.tiles.get(place).map(|tile| tile.group.as_str()).unwrap_or_default();
        format!("{group}{}", self.labels.get(place).map(String::as_str).unwrap_or_default())
    }

    /// What a mark says when it is pointed at.
    fn said(&self, place: usize, series: &Series) -> String {
        let has_unit = series.role != Role::Share && series.at(place).figure().is_some();
        let unit = if has_unit { self.unit.as_str() } else { "" };
        format!("{} {}：{}{unit}", self.full_label(place), series.name, series.worded(place))
    }

    /// All figures of a place in words.
    fn all_said(&self, place: usize) -> String {
        let said = self.series.iter().map(|series| {
            let has_unit = series.role != Role::Share && series.at(place).figure().is_some();
            let unit = if has_unit { self.unit.as_str() } else { "" };
            let name = if self.series.len() > 1 { series.name.as_str() } else { "" };
            format!("{name}{}{unit}", series.worded(place))
        });
        format!("{}：{}", self.full_label(place), said.collect::<Vec<_>>().join("，"))
    }

    /// Figures of all series that have the chart's unit.
    fn values(&self) -> impl Iterator<Item = f64> {
        self.series.iter().filter(|series| series.role != Role::Share).flat_map(Series::figures)
    }
}

impl Series {
    fn at(&self, place: usize) -> Point {
        self.points.get(place).copied().unwrap_or(Point::Missing)
    }

    fn figures(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|point| point.figure())
    }

    /// The figure at a place as the chart and its table show it.
    fn worded(&self, place: usize) -> String {
        match self.at(place) {
            Point::Figure(figure) => self.word(figure),
            Point::Missing => NOT_APPLICABLE.to_owned(),
            Point::Suppressed => SUPPRESSED.to_owned(),
        }
    }

    fn word(&self, figure: f64) -> String {
        match self.format {
            Format::Percent(digits) => percent(figure, digits.into()) + "%",
            Format::Wan(digits) => fixed(figure / 10_000.0, digits.into()) + "万",
            Format::Decimal(digits) => fixed(figure, digits.into()),
            _ => fixed(figure, 0),
        }
    }
}

impl Point {
    fn figure(self) -> Option<f64> {
        if let Self::Figure(figure) = self { Some(figure) } else { None }
    }
}

/// The chart as a picture that needs nothing around it: no style sheet, no script, no file. `id` is its own in the
/// document. What would be larger than the room is drawn smaller.
pub(super) fn draw(chart: &Chart, room: Room, id: &str) -> Drawing {
    let mut shrink = 1.0;
    loop {
        let pen = (chart.kind.draw)(chart, room.times(shrink));
        let fits = pen.height <= room.height * shrink && pen.width <= room.width * shrink + 0.1;
        if fits || shrink > SHRINK_MOST {
            return pen.finish(shrink, id, &chart.title, &chart.alt_text());
        }
        shrink *= 1.15;
    }
}

#[cfg(test)]
mod tests;
