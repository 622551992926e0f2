//! Bars from left to right, the figure at the end of each.

use minijinja::Error;
use minijinja::value::{Kwargs, Value};

use super::declared::common;
use super::palette::{FILLS, area};
use super::pen::{Pen, Room};
use super::rows::{Rows, legend};
use super::scale::Scale;
use super::{Chart, ChartKind};

pub(super) static KIND: ChartKind = ChartKind { function: "bar_chart", name: "柱状图", read, draw };

const BAR: f64 = 16.0;
/// Of each bar where there are several to a label.
const BAR_OF_MANY: f64 = 14.0;

fn read(rows: &Value, options: &Kwargs) -> Result<Chart, Error> {
    common(&KIND, rows, options, FILLS.len())
}

fn draw(chart: &Chart, room: Room) -> Pen {
    let count = chart.series.len();
    let bar = if count > 1 { BAR_OF_MANY } else { BAR };
    let total = bar * count as f64;
    let scale = Scale::tight(chart.values());
    let endings: Vec<String> =
        (0..chart.labels.len()).flat_map(|place| chart.series.iter().map(move |series| series.worded(place))).collect();
    let rows = Rows::new(chart, room, scale, total, &endings);
    let mut pen = Pen::new(room.width);
    for (place, row) in rows.draw(&mut pen).iter().enumerate() {
        for (number, series) in chart.series.iter().enumerate() {
            let value = series.at(place).figure().unwrap_or(0.0);
            let top = row.bar_top(bar * number as f64, total);
            pen.mark(&chart.said(place, series), |pen| {
                if value != 0.0 {
                    let ends = (row.x(value.min(0.0)), row.x(value.max(0.0)));
                    pen.rect((ends.0, top + 1.0), (ends.1 - ends.0, bar - 2.0), &area(FILLS[number]));
                }
                row.ending(pen, value, top + bar / 2.0, &series.worded(place));
            });
        }
    }
    pen.height = rows.height();
    let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
    legend(&mut pen, &names, |pen, number, (x, y)| {
        pen.rect((x - 7.0, y - 5.0), (14.0, 10.0), &area(FILLS[number]));
    });
    pen
}
