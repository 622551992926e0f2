//! Columns from the largest to the smallest, with the share that the columns so far have of all.

use minijinja::Error;
use minijinja::value::{Kwargs, Value};

use super::declared::{cells, common, figures, invalid};
use super::palette::{AXIS, FAINT, FILLS, GRID, INK, LINES, area};
use super::pen::{Anchor, FONT, LINE_HEIGHT, Pen, Room, circle, text_width, widest, wrapped};
use super::rows::legend;
use super::scale::Scale;
use super::{Chart, ChartKind, Point, Role, Series};
use crate::report::number::Format;
use crate::report::origin::Cited;

pub(super) static KIND: ChartKind = ChartKind { function: "pareto_chart", name: "帕累托图", read, draw };

const SHARE: &str = "累计占比";
const SHARE_FORMAT: Format = Format::Percent(1);
const PLOT_SHARE: f64 = 0.3;
const PLOT_HEIGHT_LEAST: f64 = 160.0;
const TOP: f64 = 20.0;
/// A label set upright has at most so many signs.
const UPRIGHT_MOST: usize = 8;
const BAR_WIDTH_MOST: f64 = 46.0;
/// Light, so that the line and its figures are read on it.
const BAR_FILL: &str = FILLS[3];

/// Rows are put in order; `share="column"` takes the cumulative shares from the data, else they are computed here, once.
fn read(rows: &Value, options: &Kwargs) -> Result<Chart, Error> {
    let share: Option<String> = options.get("share")?;
    let mut chart = common(&KIND, rows, options, 1)?;
    if let Some(figure) = chart.values().find(|value| *value < 0.0) {
        return Err(invalid(format!("a pareto chart shows parts of a whole, and {figure} is none")));
    }
    let Some(series) = chart.series.first_mut() else { return Ok(chart) };
    let given = share.as_ref().map(|column| figures(rows, column)).transpose()?;
    let mut order: Vec<usize> = (0..series.points.len()).collect();
    // Rows with the same figure keep the data's order; those without one come last.
    let size = |place: &usize| series.points[*place].figure().unwrap_or(f64::NEG_INFINITY);
    order.sort_by(|left, right| size(right).total_cmp(&size(left)));
    let sorted = |points: &[Point]| order.iter().map(|place| points[*place]).collect::<Vec<_>>();
    let points = sorted(&series.points);
    let shares = match given {
        Some(given) => {
            let shares = sorted(&given);
            let known: Vec<f64> = shares.iter().filter_map(|share| share.figure()).collect();
            if known.windows(2).any(|pair| pair[0] > pair[1]) || known.iter().any(|share| !(0.0..=1.0).contains(share))
            {
                return Err(invalid(
                    "cumulative shares rise from 0 to 1 as the figures fall, and these do not".to_owned(),
                ));
            }
            shares
        }
        None => cumulative(&points),
    };
    // Shares that are worked out here come from no cell.
    let cited_shares = share.as_ref().map(|column| cells(rows, column)).transpose()?.unwrap_or_default();
    let in_order = |cited: &[Option<Cited>]| -> Vec<Option<Cited>> {
        order.iter().map(|place| cited.get(*place).cloned().flatten()).collect()
    };
    let cited_shares = in_order(&cited_shares);
    series.cited = in_order(&series.cited);
    series.points = points;
    chart.labels = order.iter().map(|place| chart.labels[*place].clone()).collect();
    chart.series.push(Series {
        name: SHARE.to_owned(),
        points: shares,
        cited: cited_shares,
        format: SHARE_FORMAT,
        role: Role::Share,
    });
    Ok(chart)
}

/// What each figure and those before it are of all. One that must not be shown could be worked out from the shares, so
/// that with it none is.
fn cumulative(points: &[Point]) -> Vec<Point> {
    let total: f64 = points.iter().filter_map(|point| point.figure()).sum();
    let mut so_far = 0.0;
    let is_suppressed = points.contains(&Point::Suppressed);
    points
        .iter()
        .map(|point| match point {
            _ if is_suppressed => Point::Suppressed,
            Point::Figure(figure) if total > 0.0 => {
                so_far += figure;
                Point::Figure(so_far / total)
            }
            _ => Point::Missing,
        })
        .collect()
}

fn draw(chart: &Chart, room: Room) -> Pen {
    let [series, shares] = chart.series.as_slice() else { return Pen::new(room.width) };
    let count = chart.labels.len().max(1);
    let scale = Scale::around(series.figures(), series.format);
    let ticks: Vec<(f64, String)> = scale.steps().map(|step| (step, series.word(step))).collect();
    let left = widest(ticks.iter().map(|(_, text)| text.as_str()), FONT) + 12.0;
    let right = text_width("100%", FONT) + 12.0;
    let plot = (room.width * PLOT_SHARE).max(PLOT_HEIGHT_LEAST);
    let bottom = TOP + plot;
    let slot = (room.width - left - right) / count as f64;
    let x = |place: usize| left + slot * (place as f64 + 0.5);
    let y = |share: f64| bottom - plot * share;
    let mut pen = Pen::new(room.width);
    for (value, text) in &ticks {
        let color = if *value == 0.0 { AXIS } else { GRID };
        let height = y(scale.share(*value));
        pen.line((left, height), (room.width - right, height), &format!("stroke=\"{color}\""));
        pen.text((left - 6.0, height), Anchor::End, FONT, FAINT, text);
    }
    for step in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        let height = y(step);
        pen.line((room.width - right, height), (room.width - right + 4.0, height), &format!("stroke=\"{AXIS}\""));
        pen.text((room.width - right + 7.0, height), Anchor::Start, FONT, FAINT, &format!("{:.0}%", step * 100.0));
    }
    let bar = (slot * 0.7).min(BAR_WIDTH_MOST);
    for place in 0..chart.labels.len() {
        pen.mark(&chart.said(place, series), |pen| {
            let top = y(scale.share(series.at(place).figure().unwrap_or(0.0)));
            pen.rect((x(place) - bar / 2.0, top), (bar, bottom - top), &area(BAR_FILL));
        });
    }
    let points: Vec<Option<(f64, f64)>> =
        (0..count).map(|place| Some((x(place), y(shares.at(place).figure()?)))).collect();
    pen.path(&points, &format!("stroke=\"{}\" stroke-width=\"2\"", LINES[1]));
    for (place, point) in points.iter().enumerate().filter_map(|(place, point)| Some((place, (*point)?))) {
        pen.mark(&chart.said(place, shares), |pen| {
            pen.shape(&circle(point, 7.0), "fill=\"#fff\" fill-opacity=\"0\"");
            pen.shape(&circle(point, 3.0), &format!("fill=\"{}\"", LINES[1]));
        });
    }
    // Over bars and line alike; where both have no room, the columns' own figures stay.
    for place in 0..chart.labels.len() {
        let text = series.worded(place);
        let top = y(scale.share(series.at(place).figure().unwrap_or(0.0)));
        // The line and its own figure above it would cross out one over the bar; a bar tall enough has it at its foot.
        let is_crossed =
            points.get(place).copied().flatten().is_some_and(|(_, line)| (line - 15.0..line + 18.0).contains(&top));
        let foot = bottom - 9.0;
        let height = if is_crossed && foot - 9.0 > top { foot } else { top - 8.0 };
        if text_width(&text, FONT) <= slot - 2.0 {
            pen.text_if_free((x(place), height), Anchor::Middle, FONT, INK, &text);
        }
    }
    for (place, point) in points.iter().enumerate().filter_map(|(place, point)| Some((place, (*point)?))) {
        let text = shares.worded(place);
        if text_width(&text, FONT) <= slot - 2.0 {
            pen.text_if_free((point.0, point.1 - 11.0), Anchor::Middle, FONT, LINES[1], &text);
        }
    }
    pen.height = bottom + labels(chart, &mut pen, slot, bottom + 5.0, &x);
    for place in 0..chart.labels.len() {
        pen.spot((x(place) - slot / 2.0, 0.0), (slot, pen.height), chart.all_said(place));
    }
    legend(&mut pen, &[&series.name, &shares.name], |pen, number, (x, y)| {
        if number == 0 {
            pen.rect((x - 7.0, y - 5.0), (14.0, 10.0), &area(BAR_FILL));
        } else {
            pen.path(
                &[Some((x - 11.0, y)), Some((x + 11.0, y))],
                &format!("stroke=\"{}\" stroke-width=\"2\"", LINES[1]),
            );
            pen.shape(&circle((x, y), 3.0), &format!("fill=\"{}\"", LINES[1]));
        }
    });
    pen
}

/// Labels below their columns: in two lines where these are wide enough, else upright, else every other one and so on.
/// Their height.
fn labels(chart: &Chart, pen: &mut Pen, slot: f64, top: f64, x: &impl Fn(usize) -> f64) -> f64 {
    let pitch = FONT * LINE_HEIGHT;
    let longest = widest(chart.labels.iter().map(String::as_str), FONT);
    if slot - 4.0 >= (FONT * 4.0).min(longest) {
        for (place, label) in chart.labels.iter().enumerate() {
            let lines = wrapped(label, FONT, slot - 4.0, 2);
            let middle = top + pitch * lines.len() as f64 / 2.0;
            pen.lines((x(place), middle), Anchor::Middle, FONT, INK, &lines);
        }
        return pitch * 2.0 + 8.0;
    }
    let every = ((FONT + 2.0) / slot).ceil().max(1.0) as usize;
    let mut lowest: f64 = 0.0;
    for (place, label) in chart.labels.iter().enumerate().filter(|(place, _)| place.is_multiple_of(every)) {
        let mut signs: Vec<String> = label.chars().map(String::from).collect();
        if signs.len() > UPRIGHT_MOST {
            signs.truncate(UPRIGHT_MOST - 1);
            signs.push("⋮".to_owned());
        }
        let height = pitch * signs.len() as f64;
        pen.lines((x(place), top + height / 2.0), Anchor::Middle, FONT, INK, &signs);
        lowest = lowest.max(height);
    }
    lowest + 8.0
}
