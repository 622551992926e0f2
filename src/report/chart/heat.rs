//! A table whose cells are coloured by their figures, each figure written in its cell. Many rows stand in blocks side
//! by side.

use minijinja::Error;
use minijinja::value::{Kwargs, Value};

use super::declared::{common, crossed, format_of, invalid};
use super::palette::{GRID, INK};
use super::pen::{Anchor, FONT, LINE_HEIGHT, Pen, Room, widest, wrapped};
use super::shaded::{Shades, ink};
use super::{Chart, ChartKind, Series};
use crate::report::number::Format;

pub(super) static KIND: ChartKind = ChartKind { function: "heat_table", name: "热力表", read, draw };

const COLUMNS_MAX: usize = 31;
const ROW: f64 = 20.0;
const FIGURE: f64 = 11.0;
const CELL_WIDTH_MOST: f64 = 90.0;
const LABEL_SHARE_MOST: f64 = 0.34;
const BLOCKS_MAX: usize = 6;
const BETWEEN_BLOCKS: f64 = 10.0;

/// `values=["a", "b"]` are columns of the data; or `column="month", value="count"` makes a column of each thing that
/// the data's column `month` holds. `formats` has one for each column; those of one format have one scale of tones.
fn read(rows: &Value, options: &Kwargs) -> Result<Chart, Error> {
    let formats: Option<Vec<String>> = options.get("formats")?;
    let mut chart = match options.get::<Option<String>>("column")? {
        Some(column) => crossed(&KIND, rows, options, &column, COLUMNS_MAX)?,
        None => common(&KIND, rows, options, COLUMNS_MAX)?,
    };
    let Some(formats) = formats else { return Ok(chart) };
    if formats.len() != chart.series.len() {
        return Err(invalid(format!("the table has {} columns and {} formats", chart.series.len(), formats.len())));
    }
    for (series, format) in chart.series.iter_mut().zip(&formats) {
        series.format = format_of(format)?;
    }
    Ok(chart)
}

/// How the table is cut into blocks, and the measures of one.
struct Blocks {
    rows: usize,
    width: f64,
    label: f64,
    cell: f64,
    heads: Vec<Vec<String>>,
    top: f64,
}

impl Blocks {
    /// Cells are no narrower than `cell_least`.
    fn new(chart: &Chart, room: Room, count: usize, cell_least: f64) -> Self {
        let width = room.width / count as f64;
        let longest = widest(chart.labels.iter().map(String::as_str), FONT);
        let label = longest.min(width * LABEL_SHARE_MOST).max(FONT * 2.0) + 8.0;
        let columns = chart.series.len().max(1) as f64;
        let cell = ((width - label - BETWEEN_BLOCKS) / columns).clamp(cell_least, CELL_WIDTH_MOST.max(cell_least));
        let heads: Vec<Vec<String>> =
            chart.series.iter().map(|series| wrapped(&series.name, FONT, cell - 4.0, 3)).collect();
        let lines = heads.iter().map(Vec::len).max().unwrap_or(1);
        let top = lines as f64 * FONT * LINE_HEIGHT + 8.0;
        Self { rows: chart.labels.len().div_ceil(count).max(1), width: label + cell * columns, label, cell, heads, top }
    }

    fn height(&self) -> f64 {
        self.top + self.rows as f64 * ROW + 4.0
    }
}

fn draw(chart: &Chart, room: Room) -> Pen {
    let figures = chart.series.iter().flat_map(|series| (0..chart.labels.len()).map(|place| series.worded(place)));
    let figures: Vec<String> = figures.collect();
    let cell_least = (widest(figures.iter().map(String::as_str), FIGURE) + 6.0).max(2.0 * FONT + 4.0);
    let key_height = 26.0;
    let mut layouts: Vec<(usize, Blocks)> =
        (1..=BLOCKS_MAX).map(|count| (count, Blocks::new(chart, room, count, cell_least))).collect();
    layouts.retain(|(count, blocks)| {
        let gaps = BETWEEN_BLOCKS * (*count as f64 - 1.0);
        *count == 1 || blocks.width * *count as f64 + gaps <= room.width
    });
    let chosen = layouts.iter().position(|(_, blocks)| blocks.height() + key_height <= room.height);
    let (count, blocks) = layouts.swap_remove(chosen.unwrap_or(layouts.len() - 1));
    let left = |block: usize| block as f64 * (blocks.width + BETWEEN_BLOCKS);
    let mut pen = Pen::new(room.width.max(left(count - 1) + blocks.width));

    let same_measure = |format: Format| chart.series.iter().filter(move |series| series.format == format);
    let shades: Vec<Shades> =
        chart.series.iter().map(|series| Shades::of(same_measure(series.format).flat_map(Series::figures))).collect();
    for block in 0..chart.labels.len().div_ceil(blocks.rows) {
        for (number, head) in blocks.heads.iter().enumerate() {
            let middle = left(block) + blocks.label + blocks.cell * (number as f64 + 0.5);
            pen.lines((middle, blocks.top / 2.0), Anchor::Middle, FONT, INK, head);
        }
    }
    for (place, label) in chart.labels.iter().enumerate() {
        let cells = left(place / blocks.rows) + blocks.label;
        let top = blocks.top + (place % blocks.rows) as f64 * ROW;
        let shown = wrapped(label, FONT, blocks.label - 8.0, 1);
        pen.lines((cells - 8.0, top + ROW / 2.0), Anchor::End, FONT, INK, &shown);
        for (number, series) in chart.series.iter().enumerate() {
            let fill = shades[number].fill(series.at(place));
            let cell_left = cells + blocks.cell * number as f64;
            pen.mark(&chart.said(place, series), |pen| {
                let paint = format!("fill=\"{fill}\" stroke=\"{GRID}\"");
                pen.rect((cell_left, top), (blocks.cell, ROW), &paint);
                let middle = (cell_left + blocks.cell / 2.0, top + ROW / 2.0);
                pen.text(middle, Anchor::Middle, FIGURE, ink(&fill), &series.worded(place));
            });
        }
    }
    pen.height = blocks.height();
    // One key cannot tell of two measures; their figures are in the cells.
    if let Some(series) = chart.series.first().filter(|first| same_measure(first.format).count() == shades.len()) {
        shades[0].key(&mut pen, series);
    }
    pen
}
