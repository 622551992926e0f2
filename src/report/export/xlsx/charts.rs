//! Native charts over cells of the workbook.

use rust_xlsxwriter::{
    Chart, ChartAxis, ChartAxisCrossing, ChartDataLabel, ChartDataLabelPosition, ChartFont, ChartFormat,
    ChartLegendPosition, ChartLine, ChartMarker, ChartMarkerType, ChartPoint, ChartSeries, ChartSolidFill, ChartType,
};

use crate::report::form::ChartKind;
use crate::report::layout::ChartLayout;
use crate::report::number::Format;

const SERIES_COLORS: [u32; 5] = [0x2F_5597, 0xC5_5A11, 0x54_8235, 0x7F_6000, 0x75_4C9B];
/// Slices of a pie, which stand next to each other.
const SLICE_COLORS: [u32; 10] =
    [0x2F_5597, 0xC5_5A11, 0x54_8235, 0xBF_9000, 0x75_4C9B, 0x2E_75B6, 0xA5_A5A5, 0x84_3C0C, 0x38_5723, 0x7F_7F7F];
const GRID: u32 = 0xD9_D9D9;
/// Points up to which each has its figure beside it; more would cover each other.
const LABELLED_MAX: u32 = 30;
const LABELLED_MAX_OF_SEVERAL: u32 = 12;

pub(super) fn chart(layout: &ChartLayout, sheet: &str) -> Chart {
    let (kind, is_bar) = match layout.kind {
        ChartKind::Bar => (ChartType::Bar, true),
        ChartKind::StackedBar => (ChartType::BarStacked, true),
        ChartKind::Column | ChartKind::Pareto => (ChartType::Column, false),
        ChartKind::StackedColumn => (ChartType::ColumnStacked, false),
        ChartKind::Line => (ChartType::Line, false),
        ChartKind::Pie => (ChartType::Pie, false),
    };
    let mut chart = Chart::new(kind);
    for (number, (name, column)) in layout.series.iter().enumerate() {
        let series = chart.add_series();
        bind(series, layout, sheet, name, *column);
        let color = SERIES_COLORS[number % SERIES_COLORS.len()];
        match layout.kind {
            ChartKind::Line => {
                series.set_format(&mut line(color)).set_marker(&marker(color));
            }
            ChartKind::Pie => {
                series.set_points(&slices(layout));
            }
            _ => {
                series.set_format(&mut fill(color)).set_gap(60);
            }
        }
        if let Some(label) = label(layout) {
            series.set_data_label(&label);
        }
    }
    chart.title().set_name(layout.title.as_str()).set_font(&font(12));
    if layout.kind == ChartKind::Pie {
        chart.legend().set_hidden();
    } else {
        set_axes(&mut chart, layout, is_bar);
        if layout.series.len() == 1 && layout.cumulative.is_none() {
            chart.legend().set_hidden();
        } else {
            chart.legend().set_position(ChartLegendPosition::Bottom).set_font(&font(9));
        }
    }
    if let Some((name, column)) = &layout.cumulative {
        chart.combine(&cumulative_line(layout, sheet, name, *column));
        // The library asks the chart that stands first for both axes.
        chart.y2_axis().set_min(0).set_max(1).set_major_unit(0.2).set_num_format("0%").set_font(&font(9));
    }
    chart.set_width(layout.width_pixels).set_height(layout.height_pixels).set_alt_text(&layout.title);
    chart
}

fn bind(series: &mut ChartSeries, layout: &ChartLayout, sheet: &str, name: &str, column: u16) {
    let (first, last) = layout.rows;
    series
        .set_name(name)
        .set_categories((sheet, first, layout.categories, last, layout.categories))
        .set_values((sheet, first, column, last, column));
}

/// The share of the whole that the columns so far make up, on an axis of its own from 0 to 100 %.
fn cumulative_line(layout: &ChartLayout, sheet: &str, name: &str, column: u16) -> Chart {
    let color = SERIES_COLORS[1];
    let mut chart = Chart::new(ChartType::Line);
    let series = chart.add_series();
    bind(series, layout, sheet, name, column);
    series.set_secondary_axis(true).set_format(&mut line(color)).set_marker(&marker(color));
    chart
}

fn label(layout: &ChartLayout) -> Option<ChartDataLabel> {
    let points = layout.rows.1 - layout.rows.0 + 1;
    let mut label = ChartDataLabel::new();
    label.set_font(&font(9));
    if layout.kind == ChartKind::Pie {
        label.show_category_name().show_percentage().set_num_format("0.0%").set_separator('\n');
        label.show_leader_lines().set_position(ChartDataLabelPosition::OutsideEnd);
        return Some(label);
    }
    let is_stacked = matches!(layout.kind, ChartKind::StackedBar | ChartKind::StackedColumn);
    let most = if layout.series.len() == 1 { LABELLED_MAX } else { LABELLED_MAX_OF_SEVERAL };
    if points > most || layout.series.len() > 3 {
        return None;
    }
    label.show_value().set_num_format(figures(layout.format, is_stacked));
    match layout.kind {
        ChartKind::Line => {
            label.set_position(ChartDataLabelPosition::Above);
        }
        _ if is_stacked => {
            label.set_position(ChartDataLabelPosition::Center).set_font(font(9).set_color(0xFF_FFFF));
        }
        _ => {
            label.set_position(ChartDataLabelPosition::OutsideEnd);
        }
    }
    Some(label)
}

/// As in the cells; the empty parts of a stack are left unnamed.
fn figures(format: Format, hides_zero: bool) -> String {
    let shown = super::styles::decimals_of(format);
    if hides_zero { format!("{shown};-{shown};") } else { shown }
}

fn set_axes(chart: &mut Chart, layout: &ChartLayout, is_bar: bool) {
    // The library calls the axis at the foot x, whatever runs along it.
    let (categories, values) = if is_bar { (Axis::Y, Axis::X) } else { (Axis::X, Axis::Y) };
    let category_axis = categories.of(chart);
    category_axis.set_font(&font(9)).set_label_interval(1).set_major_gridlines(false);
    if is_bar {
        // Categories count from below, the table reads from above.
        category_axis.set_reverse().set_crossing(ChartAxisCrossing::Max);
    }
    let value_axis = values.of(chart);
    value_axis.set_font(&font(9)).set_major_gridlines(true).set_major_gridlines_line(ChartLine::new().set_color(GRID));
    if layout.kind != ChartKind::Line {
        // The length of a bar is its value only when it starts from nothing.
        value_axis.set_min(0);
    }
    if let Some(max) = layout.value_max {
        // Labels stand above the bars; the room for them has no mark of its own.
        value_axis.set_max(max * 1.1).set_major_unit(max / 5.0);
    }
    value_axis.set_num_format(match layout.format {
        Format::Percent(_) => "0%",
        Format::Decimal(_) => "0.0",
        Format::Wan(_) => "0.0\"万\"",
        _ => "0",
    });
    if let Some(unit) = &layout.unit {
        value_axis.set_name(unit.as_str()).set_name_font(&font(9));
    }
}

fn slices(layout: &ChartLayout) -> Vec<ChartPoint> {
    let count = (layout.rows.1 - layout.rows.0 + 1) as usize;
    let white = || ChartLine::new().set_color(0xFF_FFFF).set_width(1).clone();
    let slice = |color: u32| {
        ChartPoint::new()
            .set_format(ChartFormat::new().set_solid_fill(ChartSolidFill::new().set_color(color)).set_border(&white()))
    };
    let colors = SLICE_COLORS.len();
    // The last slice lies beside the first.
    let color =
        |at: usize| if at > 0 && at + 1 == count && at.is_multiple_of(colors) { colors / 2 } else { at % colors };
    (0..count).map(|at| slice(SLICE_COLORS[color(at)])).collect()
}

fn fill(color: u32) -> ChartFormat {
    ChartFormat::new().set_solid_fill(ChartSolidFill::new().set_color(color)).clone()
}

fn line(color: u32) -> ChartFormat {
    ChartFormat::new().set_line(ChartLine::new().set_color(color).set_width(2)).clone()
}

fn marker(color: u32) -> ChartMarker {
    ChartMarker::new().set_type(ChartMarkerType::Circle).set_size(5).set_format(&mut fill(color)).clone()
}

#[derive(Clone, Copy)]
enum Axis {
    X,
    Y,
}

impl Axis {
    fn of(self, chart: &mut Chart) -> &mut ChartAxis {
        match self {
            Self::X => chart.x_axis(),
            Self::Y => chart.y_axis(),
        }
    }
}

fn font(size: u8) -> ChartFont {
    let mut font = ChartFont::new();
    font.set_name("宋体").set_size(size);
    font
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;
    use crate::report::layout::ChartData;

    #[test]
    fn the_shares_of_a_pareto_chart_end_at_all() {
        let layout = ChartLayout {
            kind: ChartKind::Pareto,
            title: "累计".to_owned(),
            row: 0,
            data: ChartData::Here,
            rows: (1, 3),
            categories: 0,
            series: vec![("件数".to_owned(), 1)],
            cumulative: Some(("累计占比".to_owned(), 2)),
            unit: None,
            format: Format::Integer,
            value_max: None,
            width_pixels: 480,
            height_pixels: 320,
        };
        let mut workbook = rust_xlsxwriter::Workbook::new();
        workbook.add_worksheet().insert_chart(0, 0, &chart(&layout, "Sheet1")).unwrap();
        let mut package = zip::ZipArchive::new(Cursor::new(workbook.save_to_buffer().unwrap())).unwrap();
        let mut xml = String::new();
        package.by_name("xl/charts/chart1.xml").unwrap().read_to_string(&mut xml).unwrap();
        let (_, axis) = xml.split_once("<c:valAx><c:axId val=\"60").unwrap();
        assert!(axis.contains("<c:max val=\"1\"/>") && axis.contains("formatCode=\"0%\""), "{axis}");
    }
}
