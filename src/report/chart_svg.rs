//! Charts as inline SVG: plain shapes and text, no script, no outside reference. Every mark has a title, so
//! that a pointer or a reader shows its value.

use std::fmt::Write;

use super::summary::{Chart, ChartKind};
use unicode_width::UnicodeWidthStr;

/// Across the page, and one of two beside each other.
pub(super) const WIDE: f64 = 680.0;
pub(super) const HALF: f64 = 380.0;
const COLORS: [&str; 4] = ["#2f5597", "#c55a11", "#548235", "#7f6000"];
const FONT: f64 = 12.0;
const BAR: f64 = 18.0;
const GAP: f64 = 8.0;
/// Of a line chart's plot, against the chart's width.
const PLOT_SHARE: f64 = 0.27;
const PLOT_HEIGHT_LEAST: f64 = 130.0;

pub(super) fn draw(chart: &Chart, width: f64) -> String {
    match chart.kind {
        ChartKind::Bar => bars(chart, width),
        ChartKind::Line => lines(chart, width),
    }
}

fn open(width: f64, height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{0}\" font-size=\"{FONT}\"><title>{0}</title>\n",
        escape(title)
    )
}

/// Bars from left to right, one group per label, value written at its end.
fn bars(chart: &Chart, width: f64) -> String {
    let label_width = chart.labels.iter().map(|label| text_width(label)).fold(40.0, f64::max).min(width * 0.35) + 8.0;
    let value_width = 60.0;
    let longest = largest(chart);
    let group = BAR * chart.series.len() as f64 + GAP;
    let height = group * chart.labels.len() as f64 + GAP + legend_height(chart);
    let mut svg = open(width, height, &chart.title);
    for (place, label) in chart.labels.iter().enumerate() {
        let top = GAP + group * place as f64;
        let middle = top + (group - GAP) / 2.0 + FONT * 0.35;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\" fill=\"#333\">{}</text>",
            label_width - 6.0,
            escape(label)
        );
        for (number, series) in chart.series.iter().enumerate() {
            let value = series.points.get(place).copied().flatten();
            let length = value.map_or(0.0, |value| (value.max(0.0) / longest) * (width - label_width - value_width));
            let y = top + BAR * number as f64;
            let worded = chart.worded(value);
            let _ = writeln!(
                svg,
                "<g><title>{} {}：{worded}{}</title><rect x=\"{label_width:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\" fill=\"#333\">{worded}</text></g>",
                escape(label),
                escape(&series.name),
                escape(&chart.unit),
                y + 1.0,
                length.max(0.5),
                BAR - 2.0,
                COLORS[number % COLORS.len()],
                label_width + length + 4.0,
                y + BAR / 2.0 + FONT * 0.35
            );
        }
    }
    legend(chart, width, height - 4.0, &mut svg);
    svg.push_str("</svg>");
    svg
}

/// One line per series over evenly spaced labels; a missing point leaves a gap.
fn lines(chart: &Chart, width: f64) -> String {
    let (left, right, top) = (52.0, 12.0, 14.0);
    let plot = (width * PLOT_SHARE).max(PLOT_HEIGHT_LEAST);
    let bottom = top + plot;
    let height = bottom + 22.0 + legend_height(chart);
    let ceiling = round_up(largest(chart));
    let count = chart.labels.len().max(1) as f64;
    let x = |place: usize| left + (width - left - right) * (place as f64 + 0.5) / count;
    let y = |value: f64| bottom - plot * (value / ceiling).clamp(0.0, 1.0);
    let mut svg = open(width, height, &chart.title);
    for step in 0..=4 {
        let value = ceiling * f64::from(step) / 4.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"#ddd\"/><text x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\" fill=\"#666\">{4}</text>",
            width - right,
            y(value),
            left - 6.0,
            y(value) + FONT * 0.35,
            chart.worded(Some(value))
        );
    }
    // As many labels as fit beside each other.
    let widest = chart.labels.iter().map(|label| text_width(label)).fold(1.0, f64::max) + 10.0;
    let every = ((widest * count) / (width - left - right)).ceil().max(1.0) as usize;
    for (place, label) in
        chart.labels.iter().enumerate().filter(|(place, _)| (chart.labels.len() - 1 - place).is_multiple_of(every))
    {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#333\">{}</text>",
            x(place),
            bottom + 16.0,
            escape(label)
        );
    }
    for (number, series) in chart.series.iter().enumerate() {
        let color = COLORS[number % COLORS.len()];
        let mut path = String::new();
        let mut is_drawing = false;
        for (place, point) in series.points.iter().enumerate() {
            if let Some(value) = point {
                let _ = write!(path, "{}{:.1} {:.1}", if is_drawing { "L" } else { "M" }, x(place), y(*value));
            }
            is_drawing = point.is_some();
        }
        let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>");
        for (place, value) in series.points.iter().enumerate().filter_map(|(place, point)| Some((place, (*point)?))) {
            let label = chart.labels.get(place).map(String::as_str).unwrap_or_default();
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{color}\"><title>{} {}：{}{}</title></circle>",
                x(place),
                y(value),
                escape(label),
                escape(&series.name),
                chart.worded(Some(value)),
                escape(&chart.unit)
            );
        }
    }
    legend(chart, width, height - 4.0, &mut svg);
    svg.push_str("</svg>");
    svg
}

fn legend_height(chart: &Chart) -> f64 {
    if chart.series.len() > 1 { 22.0 } else { 0.0 }
}

fn legend(chart: &Chart, width: f64, baseline: f64, svg: &mut String) {
    if chart.series.len() < 2 {
        return;
    }
    let taken: f64 = chart.series.iter().map(|series| text_width(&series.name) + 34.0).sum();
    let mut x = (width - taken) / 2.0;
    for (number, series) in chart.series.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"14\" height=\"8\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{baseline:.1}\" fill=\"#333\">{}</text>",
            baseline - 8.5,
            COLORS[number % COLORS.len()],
            x + 18.0,
            escape(&series.name)
        );
        x += text_width(&series.name) + 34.0;
    }
}

fn largest(chart: &Chart) -> f64 {
    let largest = chart.series.iter().flat_map(|series| series.points.iter().flatten()).copied().fold(0.0, f64::max);
    if largest > 0.0 { largest } else { 1.0 }
}

/// The next number above that four equal steps reach in round figures.
fn round_up(value: f64) -> f64 {
    let mut unit = 1.0;
    while unit * 10.0 < value {
        unit *= 10.0;
    }
    while unit >= value && unit > 1e-9 {
        unit /= 10.0;
    }
    [1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * unit)
        .find(|step| *step >= value)
        .unwrap_or(unit * 10.0)
}

fn text_width(text: &str) -> f64 {
    text.width() as f64 * FONT * 0.55
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::number::Format;
    use crate::report::summary::Series;

    #[test]
    fn draws_gaps_and_escapes_text() {
        let chart = Chart {
            kind: ChartKind::Line,
            title: "吹哨 <月>".into(),
            unit: "件".into(),
            labels: ["1月", "2月", "3月"].map(String::from).to_vec(),
            series: vec![Series { name: "上报".into(), points: vec![Some(10.0), None, Some(30.0)] }],
            format: Format::Integer,
        };
        let svg = draw(&chart, WIDE);
        assert!(svg.contains("吹哨 &lt;月&gt;"));
        assert_eq!(svg.matches("<circle").count(), 2);
        assert_eq!(svg.matches(" d=\"M").count(), 1);
        let path = svg.split(" d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        assert_eq!(path.matches('M').count(), 2, "a missing point breaks the line: {path}");
    }

    #[test]
    fn axes_end_on_a_round_number() {
        assert_eq!([1.0, 7.0, 23.0, 260.0, 0.83].map(round_up), [1.0, 8.0, 24.0, 300.0, 1.0]);
    }
}
