//! A chart in one sentence, for those who do not see it.

use super::{Chart, Series};

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
    if chart.labels.len() * chart.series.len() <= NAMED_MAX {
        let all: Vec<String> = chart
            .labels
            .iter()
            .enumerate()
            .map(|(place, label)| format!("{label}{}", chart.worded(series.at(place))))
            .collect();
        return format!("{name}{}", all.join("、"));
    }
    let known = || series.points.iter().flatten().copied();
    let missing = chart.labels.len() - known().count();
    let Some(largest) = known().reduce(f64::max) else { return format!("{name}都没有数据") };
    let smallest = known().reduce(f64::min).unwrap_or(largest);
    let mut told = format!("{name}共{}项", chart.labels.len());
    if largest == smallest {
        told += &format!("，都是{}", chart.worded(Some(largest)));
    } else {
        told += &format!("，最大{}，最小{}", at(chart, series, largest), at(chart, series, smallest));
    }
    if missing > 0 {
        told += &format!("，{missing}项没有数据");
    }
    told
}

/// `东华社区11134`, or `东华社区等3项0` where several have the value.
fn at(chart: &Chart, series: &Series, value: f64) -> String {
    let places: Vec<usize> = (0..chart.labels.len()).filter(|place| series.at(*place) == Some(value)).collect();
    let label = places.first().and_then(|place| chart.labels.get(*place)).map(String::as_str).unwrap_or_default();
    let others = if places.len() > 1 { format!("等{}项", places.len()) } else { String::new() };
    format!("{label}{others}{}", chart.worded(Some(value)))
}
