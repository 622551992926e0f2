//! One line per series over evenly spaced labels; a missing point leaves a gap. The same period of last year is a
//! dashed grey line on the same axis.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};

use super::declared::{cells, common, figures};
use super::palette::{AXIS, FAINT, GRID, INK, LINES};
use super::pen::{Anchor, FONT, Pen, Room, circle, number, text_width, widest, wrapped};
use super::rows::legend;
use super::scale::Scale;
use super::{Chart, ChartKind, Role, Series};

pub(super) static KIND: ChartKind = ChartKind { function: "line_chart", name: "折线图", read, draw };

/// Of the chart's width.
const PLOT_SHARE: f64 = 0.27;
const PLOT_HEIGHT_LEAST: f64 = 140.0;
const TOP: f64 = 18.0;
const LABEL_WIDTH_MOST: f64 = 84.0;
const LAST_YEAR: &str = "上年同期";

/// `last_year="column"` stands beside one figure.
fn read(rows: &Value, options: &Kwargs) -> Result<Chart, Error> {
    let last_year: Option<String> = options.get("last_year")?;
    let mut chart = common(&KIND, rows, options, LINES.len())?;
    let Some(column) = last_year else { return Ok(chart) };
    if chart.series.len() != 1 {
        let message = format!("`last_year` stands beside one figure, the chart has {}", chart.series.len());
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    let (points, cited, format) = (figures(rows, &column)?, cells(rows, &column)?, chart.series[0].format);
    chart.series.push(Series { name: LAST_YEAR.to_owned(), points, cited, format, role: Role::LastYear });
    Ok(chart)
}

fn draw(chart: &Chart, room: Room) -> Pen {
    let Some(first) = chart.series.first() else { return Pen::new(room.width) };
    let scale = Scale::around(chart.values(), first.format);
    let ticks: Vec<(f64, String)> = scale.steps().map(|step| (step, first.word(step))).collect();
    let labels = fitted_labels(chart);
    // The outermost labels may be wider than their slots.
    let half = |label: Option<&String>| label.map_or(0.0, |label| text_width(label, FONT) / 2.0);
    let left = (widest(ticks.iter().map(|(_, text)| text.as_str()), FONT) + 12.0).max(half(labels.first()));
    let right = half(labels.last()).max(16.0);
    let plot = (room.width * PLOT_SHARE).max(PLOT_HEIGHT_LEAST);
    let bottom = TOP + plot;
    let slot = (room.width - left - right) / chart.labels.len().max(1) as f64;
    let x = |place: usize| left + slot * (place as f64 + 0.5);
    let y = |value: f64| bottom - plot * scale.share(value);
    let mut pen = Pen::new(room.width);
    for (value, text) in &ticks {
        let color = if *value == 0.0 { AXIS } else { GRID };
        pen.line((left, y(*value)), (room.width - right, y(*value)), &format!("stroke=\"{color}\""));
        pen.text((left - 6.0, y(*value)), Anchor::End, FONT, FAINT, text);
    }
    write_labels(&labels, &mut pen, slot, bottom + 12.0, &x);
    pen.height = bottom + 24.0;
    for place in 0..chart.labels.len() {
        pen.spot((x(place) - slot / 2.0, 0.0), (slot, bottom + 24.0), chart.all_said(place));
    }
    // Last year lies under this year.
    for (number, series) in chart.series.iter().enumerate().rev() {
        let points: Vec<Option<(f64, f64)>> =
            (0..chart.labels.len()).map(|place| Some((x(place), y(series.at(place).figure()?)))).collect();
        pen.path(&points, &stroke(series, number));
        for (place, point) in points.iter().enumerate().filter_map(|(place, point)| Some((place, (*point)?))) {
            pen.mark(&chart.said(place, series), |pen| {
                // What can be pointed at is larger than what is seen.
                pen.shape(&circle(point, 8.0), "fill=\"#fff\" fill-opacity=\"0\"");
                marker(pen, series, number, point);
            });
        }
    }
    figures_at_points(chart, &mut pen, slot, &x, &y);
    let names: Vec<&str> = chart.series.iter().map(|series| series.name.as_str()).collect();
    legend(&mut pen, &names, |pen, number, (x, y)| {
        let series = &chart.series[number];
        pen.path(&[Some((x - 11.0, y)), Some((x + 11.0, y))], &stroke(series, number));
        marker(pen, series, number, (x, y));
    });
    pen
}

fn fitted_labels(chart: &Chart) -> Vec<String> {
    chart.labels.iter().map(|label| wrapped(label, FONT, LABEL_WIDTH_MOST, 1).concat()).collect()
}

/// As many labels as fit beside each other, the last among them.
fn write_labels(labels: &[String], pen: &mut Pen, slot: f64, y: f64, x: &impl Fn(usize) -> f64) {
    let every = ((widest(labels.iter().map(String::as_str), FONT) + 8.0) / slot).ceil().max(1.0) as usize;
    for (place, label) in
        labels.iter().enumerate().filter(|(place, _)| (labels.len() - 1 - place).is_multiple_of(every))
    {
        pen.text((x(place), y), Anchor::Middle, FONT, INK, label);
    }
}

/// The figures of a single line, this year's where there are two, at its points where all have room: below where last
/// year was higher, so that its line passes on the other side.
fn figures_at_points(chart: &Chart, pen: &mut Pen, slot: f64, x: &impl Fn(usize) -> f64, y: &impl Fn(f64) -> f64) {
    let mut main = chart.series.iter().filter(|series| series.role == Role::Main);
    let (Some(series), None) = (main.next(), main.next()) else { return };
    let last_year = chart.series.iter().find(|series| series.role == Role::LastYear);
    let texts: Vec<String> = (0..chart.labels.len()).map(|place| series.worded(place)).collect();
    if widest(texts.iter().map(String::as_str), FONT) > slot - 2.0 {
        return;
    }
    for (place, text) in texts.iter().enumerate() {
        let Some(value) = series.at(place).figure() else { continue };
        let was_higher = last_year.and_then(|last| last.at(place).figure()).is_some_and(|last| last > value);
        let offset = if was_higher { 12.0 } else { -12.0 };
        pen.text_if_free((x(place), y(value) + offset), Anchor::Middle, FONT, INK, text);
    }
}

fn color(series: &Series, number: usize) -> &'static str {
    if series.role == Role::LastYear { FAINT } else { LINES[number] }
}

fn stroke(series: &Series, number: usize) -> String {
    let dashes = if series.role == Role::LastYear { " stroke-dasharray=\"6 4\"" } else { "" };
    format!("stroke=\"{}\" stroke-width=\"2\"{dashes}", color(series, number))
}

/// A shape of its own for each series; last year's is hollow.
fn marker(pen: &mut Pen, series: &Series, number: usize, (x, y): (f64, f64)) {
    let color = color(series, number);
    if series.role == Role::LastYear {
        return pen.shape(&circle((x, y), 3.0), &format!("fill=\"#fff\" stroke=\"{color}\" stroke-width=\"1.5\""));
    }
    let corners = |offsets: &[(f64, f64)]| {
        let steps: Vec<String> =
            offsets.iter().map(|(dx, dy)| format!("{} {}", self::number(x + dx), self::number(y + dy))).collect();
        format!("M{}Z", steps.join("L"))
    };
    let steps = match number {
        0 => circle((x, y), 3.5),
        1 => corners(&[(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)]),
        2 => corners(&[(0.0, -4.5), (4.5, 3.5), (-4.5, 3.5)]),
        _ => corners(&[(0.0, -4.8), (4.8, 0.0), (0.0, 4.8), (-4.8, 0.0)]),
    };
    pen.shape(&steps, &format!("fill=\"{color}\""));
}
