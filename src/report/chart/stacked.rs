//! Bars of parts that follow each other: each part with its figure where it has room, the total at the end where the
//! data has one.

use minijinja::Error;
use minijinja::value::{Kwargs, Value};

use super::declared::{cells, common, figures, invalid};
use super::palette::{FILLS, area, ink_on};
use super::pen::{Anchor, FONT, Pen, Room, text_width};
use super::rows::{Rows, legend};
use super::scale::Scale;
use super::{Chart, ChartKind, Point, Role, Series};
use crate::report::number::Format;

pub(super) static KIND: ChartKind = ChartKind { function: "stacked_chart", name: "堆积柱状图", read, draw };

const BAR: f64 = 18.0;
const TOTAL: &str = "合计";

/// `total="column"` is written at the end of each bar. It has to be the sum of the parts.
fn read(rows: &Value, options: &Kwargs) -> Result<Chart, Error> {
    let total: Option<String> = options.get("total")?;
    let mut chart = common(&KIND, rows, options, FILLS.len())?;
    if let Some(part) = chart.values().find(|value| *value < 0.0) {
        return Err(invalid(format!("a stacked chart shows parts of a whole, and {part} is none")));
    }
    let Some(column) = total else { return Ok(chart) };
    let points = figures(rows, &column)?;
    for (place, label) in chart.labels.iter().enumerate() {
        let parts: Option<f64> = chart.series.iter().map(|series| series.at(place).figure()).sum();
        if let (Some(parts), Some(total)) = (parts, points.get(place).and_then(|point| point.figure()))
            && (parts - total).abs() > 1e-9 * total.abs().max(1.0)
        {
            return Err(invalid(format!("the parts of `{label}` add up to {parts}, its total `{column}` is {total}")));
        }
    }
    let format = chart.series.first().map_or(Format::Integer, |series| series.format);
    let cited = cells(rows, &column)?;
    chart.series.push(Series { name: TOTAL.to_owned(), points, cited, format, role: Role::Total });
    Ok(chart)
}

fn draw(chart: &Chart, room: Room) -> Pen {
    let parts: Vec<&Series> = chart.series.iter().filter(|series| series.role == Role::Main).collect();
    let total = chart.series.iter().find(|series| series.role == Role::Total);
    let length = |place: usize| parts.iter().filter_map(|series| series.at(place).figure()).sum::<f64>();
    let scale = Scale::tight((0..chart.labels.len()).map(length));
    let ending = |place: usize| match total {
        Some(total) => total.worded(place),
        // Without any part there is no bar; that is said in its place.
        None if parts.iter().all(|series| series.at(place).figure().is_none()) => {
            parts.first().map(|series| series.worded(place)).unwrap_or_default()
        }
        None => String::new(),
    };
    let endings: Vec<String> = (0..chart.labels.len()).map(ending).collect();
    let rows = Rows::new(chart, room, scale, BAR, &endings);
    let mut pen = Pen::new(room.width);
    for (place, row) in rows.draw(&mut pen).iter().enumerate() {
        let top = row.bar_top(0.0, BAR);
        let mut from = 0.0;
        for (number, series) in parts.iter().enumerate() {
            let Point::Figure(value) = series.at(place) else { continue };
            let ends = (row.x(from), row.x(from + value));
            let worded = series.worded(place);
            pen.mark(&chart.said(place, series), |pen| {
                pen.rect((ends.0, top + 1.0), (ends.1 - ends.0, BAR - 2.0), &area(FILLS[number]));
                if value > 0.0 && text_width(&worded, FONT) + 4.0 <= ends.1 - ends.0 {
                    let middle = ((ends.0 + ends.1) / 2.0, top + BAR / 2.0);
                    pen.text(middle, Anchor::Middle, FONT, ink_on(FILLS[number]), &worded);
                }
            });
            from += value;
        }
        row.ending(&mut pen, from, top + BAR / 2.0, &endings[place]);
        let (corner, size) = row.area();
        pen.spot(corner, size, chart.all_said(place));
    }
    pen.height = rows.height();
    let names: Vec<&str> = parts.iter().map(|series| series.name.as_str()).collect();
    legend(&mut pen, &names, |pen, number, (x, y)| {
        pen.rect((x - 7.0, y - 5.0), (14.0, 10.0), &area(FILLS[number]));
    });
    pen
}
