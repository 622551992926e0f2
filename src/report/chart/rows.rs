//! Bars that lie below each other, each with its label before it: the frame that bars and stacked bars share.
//! Many rows stand in columns side by side, with one scale.

use super::Chart;
use super::palette::{AXIS, INK};
use super::pen::{Anchor, FONT, LINE_HEIGHT, Pen, Room, text_width, widest, wrapped};
use super::scale::Scale;

const GAP: f64 = 8.0;
const LABEL_WIDTH_LEAST: f64 = 36.0;
/// Of a column's width.
const LABEL_SHARE_MOST: f64 = 0.38;
/// Narrower columns have no room for a bar between label and value.
const COLUMN_WIDTH_LEAST: f64 = 210.0;

pub(super) struct Rows {
    scale: Scale,
    labels: Vec<Vec<String>>,
    label_width: f64,
    column_width: f64,
    rows_per_column: usize,
    /// Height of one row without the gap below it.
    bars_height: f64,
    negative_room: f64,
    value_room: f64,
}

/// One row: where its bars start and what a value's end is.
pub(super) struct Row<'a> {
    rows: &'a Rows,
    left: f64,
    pub top: f64,
}

impl Rows {
    /// `bars_height` is that of the bars of one row; `endings` the texts written at the bars' ends.
    pub(super) fn new(chart: &Chart, room: Room, scale: Scale, bars_height: f64, endings: &[String]) -> Self {
        let count = chart.labels.len().max(1);
        let value_room = widest(endings.iter().map(String::as_str), FONT) + 8.0;
        let layout = |columns: usize| {
            let column_width = room.width / columns as f64;
            let most = column_width * LABEL_SHARE_MOST;
            let longest = widest(chart.labels.iter().map(String::as_str), FONT);
            let label_width = longest.clamp(LABEL_WIDTH_LEAST, most);
            let labels: Vec<Vec<String>> =
                chart.labels.iter().map(|label| wrapped(label, FONT, label_width, 2)).collect();
            let lines = labels.iter().map(Vec::len).max().unwrap_or(1) as f64;
            let rows_per_column = count.div_ceil(columns);
            let bars_height = bars_height.max(lines * FONT * LINE_HEIGHT);
            Self {
                scale,
                labels,
                label_width: label_width + 8.0,
                column_width,
                rows_per_column,
                bars_height,
                negative_room: if scale.low < 0.0 { value_room } else { 0.0 },
                value_room,
            }
        };
        let columns_most = ((room.width / COLUMN_WIDTH_LEAST) as usize).clamp(1, count);
        (1..=columns_most).map(layout).find(|rows| rows.height() <= room.height).unwrap_or_else(|| layout(columns_most))
    }

    pub(super) fn height(&self) -> f64 {
        (self.bars_height + GAP) * self.rows_per_column as f64 + GAP
    }

    /// Labels and the line that bars start from; the row of each label.
    pub(super) fn draw(&self, pen: &mut Pen) -> Vec<Row<'_>> {
        let rows: Vec<Row<'_>> = (0..self.labels.len())
            .map(|place| Row {
                rows: self,
                left: (place / self.rows_per_column) as f64 * self.column_width,
                top: GAP + (self.bars_height + GAP) * (place % self.rows_per_column) as f64,
            })
            .collect();
        for (row, label) in rows.iter().zip(&self.labels) {
            let middle = row.top + self.bars_height / 2.0;
            pen.lines((row.left + self.label_width - 8.0, middle), Anchor::End, FONT, INK, label);
        }
        for column in rows.chunks(self.rows_per_column) {
            let (Some(first), Some(last)) = (column.first(), column.last()) else { continue };
            let zero = first.x(0.0);
            let ends = (first.top - GAP / 2.0, last.top + self.bars_height + GAP / 2.0);
            pen.line((zero, ends.0), (zero, ends.1), &format!("stroke=\"{AXIS}\""));
        }
        rows
    }
}

impl Row<'_> {
    pub(super) fn x(&self, value: f64) -> f64 {
        let rows = self.rows;
        let from = self.left + rows.label_width + rows.negative_room;
        let length = (rows.column_width - rows.label_width - rows.negative_room - rows.value_room).max(10.0);
        from + length * rows.scale.share(value)
    }

    /// The top of a bar of this height, when bars of `total` height are in the middle of the row.
    pub(super) fn bar_top(&self, before: f64, total: f64) -> f64 {
        self.top + (self.rows.bars_height - total) / 2.0 + before
    }

    /// The whole row, label and gap included: its corner and its size.
    pub(super) fn area(&self) -> ((f64, f64), (f64, f64)) {
        ((self.left, self.top - GAP / 2.0), (self.rows.column_width, self.rows.bars_height + GAP))
    }

    /// What is written at the end of the bar to this value.
    pub(super) fn ending(&self, pen: &mut Pen, value: f64, middle: f64, worded: &str) {
        if value < 0.0 {
            pen.text((self.x(value) - 4.0, middle), Anchor::End, FONT, INK, worded);
        } else {
            pen.text((self.x(value) + 4.0, middle), Anchor::Start, FONT, INK, worded);
        }
    }
}

/// Names of the series below the plot, in as many lines as they need. `swatch` draws what stands for one, 18 wide,
/// around the point it is given.
pub(super) fn legend(pen: &mut Pen, names: &[&str], swatch: impl Fn(&mut Pen, usize, (f64, f64))) {
    if names.len() < 2 {
        return;
    }
    let most = pen.width - 30.0;
    let fitted: Vec<String> = names.iter().map(|name| wrapped(name, FONT, most, 1).concat()).collect();
    let taken: Vec<f64> = fitted.iter().map(|name| text_width(name, FONT) + 40.0).collect();
    let mut lines: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = 0.0;
    for (number, width) in taken.iter().enumerate() {
        if used + width > pen.width && used > 0.0 {
            lines.push(Vec::new());
            used = 0.0;
        }
        used += width;
        if let Some(line) = lines.last_mut() {
            line.push(number);
        }
    }
    for line in lines {
        let width: f64 = line.iter().map(|number| taken[*number]).sum();
        let mut x = (pen.width - width) / 2.0 + 8.0;
        let middle = pen.height + 12.0;
        for number in line {
            swatch(pen, number, (x + 9.0, middle));
            pen.text((x + 23.0, middle), Anchor::Start, FONT, INK, &fitted[number]);
            x += taken[number];
        }
        pen.height += 20.0;
    }
}
