//! Native charts over cells of the workbook.

use rust_xlsxwriter::{
    Chart, ChartAxis, ChartAxisCrossing, ChartDataLabel, ChartFont, ChartFormat, ChartLegendPosition, ChartLine,
    ChartSolidFill, ChartType,
};

use crate::report::form::ChartKind;
use crate::report::layout::ChartLayout;
use crate::report::number::Format;

const SERIES_COLORS: [u32; 5] = [0x2F_5597, 0xC5_5A11, 0x54_8235, 0x7F_6000, 0x75_4C9B];

pub(super) fn chart(layout: &ChartLayout, sheet: &str) -> Chart {
    let (kind, is_bar) = match layout.kind {
        ChartKind::Bar => (ChartType::Bar, true),
        ChartKind::StackedBar => (ChartType::BarStacked, true),
        ChartKind::Column => (ChartType::Column, false),
        ChartKind::StackedColumn => (ChartType::ColumnStacked, false),
        ChartKind::Line => (ChartType::Line, false),
    };
    let (first, last) = layout.rows;
    let mut chart = Chart::new(kind);
    for (number, (name, column)) in layout.series.iter().enumerate() {
        let color = SERIES_COLORS[number % SERIES_COLORS.len()];
        let series = chart.add_series();
        series
            .set_name(name.as_str())
            .set_categories((sheet, first, layout.categories, last, layout.categories))
            .set_values((sheet, first, *column, last, *column));
        if layout.kind == ChartKind::Line {
            series.set_format(ChartFormat::new().set_line(ChartLine::new().set_color(color).set_width(2)));
        } else {
            series.set_format(ChartFormat::new().set_solid_fill(ChartSolidFill::new().set_color(color)));
            series.set_gap(60);
        }
        if layout.series.len() == 1 {
            series.set_data_label(ChartDataLabel::new().show_value().set_font(&font(9)));
        }
    }
    chart.title().set_name(layout.title.as_str()).set_font(&font(12));
    // The library calls the axis at the foot x, whatever runs along it.
    let (categories, values) = if is_bar { (Axis::Y, Axis::X) } else { (Axis::X, Axis::Y) };
    let category_axis = categories.of(&mut chart);
    category_axis.set_font(&font(9)).set_label_interval(1);
    if is_bar {
        // Categories count from below, the table reads from above.
        category_axis.set_reverse().set_crossing(ChartAxisCrossing::Max);
    }
    let value_axis = values.of(&mut chart);
    value_axis
        .set_font(&font(9))
        .set_major_gridlines(true)
        .set_major_gridlines_line(ChartLine::new().set_color(0xD9_D9D9_u32));
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
        _ => "0",
    });
    categories.of(&mut chart).set_major_gridlines(false);
    if layout.series.len() == 1 {
        chart.legend().set_hidden();
    } else {
        chart.legend().set_position(ChartLegendPosition::Bottom).set_font(&font(9));
    }
    chart.set_width(layout.width_pixels).set_height(layout.height_pixels).set_alt_text(&layout.title);
    chart
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
