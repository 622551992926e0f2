//! A chart in one sentence, for those who do not see it.

use super::{Chart, Point, Series};

/// Up to so many figures are all named.
const NAMED_MAX: usize = 6;

pub(super) fn alt_text(chart: &Chart) -> String {
    let unit = if chart.unit.is_empty() { String::new() } else { format!("，单位：{}", chart.unit) };
    let told: Vec<String> = chart.series.iter().map(|series| told(chart, series)).collect();
    let told = if chart.labels.is_empty() { "没有数据".to_owned() } else { told.join("；") };
    format!("{}：{}{unit}。{told}。", chart.kind.name, chart.title)
}

/// All figures of a series where they are few, else the largest and the smallest.
fn told(chart: &Chart, series: &Series) -> String {
    let name = if chart.series.len() > 1 { format!("{}：", series.name) } else { String::new() };
    let count = chart.labels.len();
    if count * chart.series.len() <= NAMED_MAX {
        let all: Vec<String> =
            (0..count).map(|place| format!("{}{}", chart.full_label(place), series.worded(place))).collect();
        return format!("{name}{}", all.join("、"));
    }
    let suppressed = series.points.iter().filter(|point| **point == Point::Suppressed).count();
    let missing = count - series.figures().count() - suppressed;
    let mut told = format!("{name}共{count}项");
    match (series.figures().reduce(f64::max), series.figures().reduce(f64::min)) {
        (Some(largest), Some(smallest)) if largest == smallest => told += &format!("，都是{}", series.word(largest)),
        (Some(largest), Some(smallest)) => {
            told += &format!("，最大{}，最小{}", at(chart, series, largest), at(chart, series, smallest));
        }
        _ => {}
    }
    if missing > 0 {
        told += &format!("，{missing}项没有数据");
    }
    if suppressed > 0 {
        told += &format!("，{suppressed}项不公开");
    }
    told
}

/// `东华社区11134`, or `东华社区等3项0` where several have the value.
fn at(chart: &Chart, series: &Series, figure: f64) -> String {
    let places: Vec<usize> =
        (0..chart.labels.len()).filter(|place| series.at(*place) == Point::Figure(figure)).collect();
    let label = places.first().map(|place| chart.full_label(*place)).unwrap_or_default();
    let others = if places.len() > 1 { format!("等{}项", places.len()) } else { String::new() };
    format!("{label}{others}{}", series.word(figure))
}
