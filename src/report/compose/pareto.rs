//! The figures of a pareto chart, sorted and added up: a small table of their own below the chart, so that the chart
//! shows cells that can be read and checked.

use super::header::Header;
use super::lines::Line;
use super::spread::spans;
use super::{Composer, ROW_HEIGHT, narrow};
use crate::report::dataset::Value;
use crate::report::form::Align;
use crate::report::layout::{Cell, CellValue, ChartData, ChartLayout, Role, Style};
use crate::report::number::{Format, rounded};

const CUMULATIVE: &str = "累计占比";
const SHARE: Format = Format::Percent(2);

pub(super) struct Point {
    label: CellValue,
    value: CellValue,
    /// Of this point and those before it in the whole, rounded as it is shown.
    cumulative: f64,
}

/// Points in falling order; ties stay in the order of the table. Nothing where a figure is not shown, or where there is
/// nothing to share.
pub(super) fn points(header: &Header<'_>, body: &[&Line], categories: usize, figures: usize) -> Option<Vec<Point>> {
    if body.iter().any(|line| line.data[figures].value == Value::Suppressed) {
        return None;
    }
    let figure = |line: &&&Line| line.data[figures].value.number();
    let mut lines: Vec<&&Line> = body.iter().filter(|line| figure(line).is_some()).collect();
    lines.sort_by(|left, right| figure(right).partial_cmp(&figure(left)).unwrap_or(std::cmp::Ordering::Equal));
    let whole: f64 = lines.iter().filter_map(figure).sum();
    if whole <= 0.0 {
        return None;
    }
    let cell = |line: &Line, place: usize| line.data[place].cell(header.leaves[place].declared);
    let mut reached = 0.0;
    Some(
        lines
            .into_iter()
            .map(|line| {
                reached += figure(&line).unwrap_or(0.0);
                Point {
                    label: cell(line, categories),
                    value: cell(line, figures),
                    cumulative: rounded(reached / whole, SHARE),
                }
            })
            .collect(),
    )
}

impl Composer<'_> {
    /// Writes the table and lets the chart show it.
    pub(super) fn pareto_table(&mut self, points: &[Point], chart: &mut ChartLayout) {
        // The form's checks see to three columns.
        let Some(spans) = spans(&self.layout.widths, &[2.0, 1.0, 1.0]) else { return };
        let Some((name, _)) = chart.series.first().cloned() else { return };
        let category = self.label_of(usize::from(chart.categories));
        let header = Style::text(Role::Header, Align::Center);
        let text = |text: &str| CellValue::Text(text.to_owned());
        self.spanned_row(&spans, [(text(&category), header), (text(&name), header), (text(CUMULATIVE), header)]);
        let first = self.next_row;
        let body = |align| Style::text(Role::Body, align);
        for point in points {
            let value = Style { format: chart.format, ..body(Align::Right) };
            let share = Style { format: SHARE, ..body(Align::Right) };
            self.spanned_row(
                &spans,
                [
                    (point.label.clone(), body(Align::Left)),
                    (point.value.clone(), value),
                    (CellValue::Number(point.cumulative), share),
                ],
            );
        }
        let [categories, figures, shares] = [0, 1, 2].map(|place| narrow(spans[place].0));
        chart.data = ChartData::Here;
        chart.rows = (first, self.next_row - 1);
        chart.categories = categories;
        chart.series = vec![(name, figures)];
        chart.cumulative = Some((CUMULATIVE.to_owned(), shares));
    }

    fn spanned_row(&mut self, spans: &[(usize, usize)], texts: [(CellValue, Style); 3]) {
        let mut cells = Vec::new();
        for ((value, style), (first, last)) in texts.into_iter().zip(spans) {
            cells.push(Cell::new(narrow(*first), value, style));
            cells.extend((first + 1..=*last).map(|column| Cell::new(narrow(column), CellValue::Blank, style)));
        }
        let row = self.push_row(Some(ROW_HEIGHT), cells);
        for (first, last) in spans {
            self.merge(self.area(row, narrow(*first), row, narrow(*last)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::record_batch::RecordBatch;

    use crate::report::compose::table;
    use crate::report::dataset::Dataset;
    use crate::report::form::parse_for_test;
    use crate::report::wording::Names;

    const FORM: &str = "
title: 表
tab: 类别
dataset: rows
columns:
  - {label: 类别, column: kind}
  - {label: 件数, column: n, format: integer}
  - {label: 备注, blank: true}
chart_tab: 图
charts: [{kind: pareto, title: 累计, categories: kind, series: [n]}]
";

    fn chart_sheet(data: &Dataset) -> String {
        let (form, problems) = parse_for_test(FORM);
        assert_eq!(problems, []);
        let sheets = table(&form.unwrap().sheets[0], data, &data.all_rows(), &Names::default()).unwrap();
        sheets[1].to_string()
    }

    #[test]
    fn figures_stand_sorted_below_the_chart_that_shows_them() {
        let kinds: ArrayRef = Arc::new(StringArray::from(vec!["甲", "乙", "丙", "丁", "戊"]));
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(3), None, Some(3), Some(1)]));
        let mut data = Dataset::new(&[RecordBatch::try_from_iter([("kind", kinds), ("n", counts)]).unwrap()]).unwrap();
        let shown = chart_sheet(&data);
        let texts: Vec<&str> = shown
            .lines()
            .filter(|line| line.contains("[body"))
            .filter_map(|line| Some(line.split_once("] ")?.1))
            .collect();
        let sorted = ["\"乙\"", "3", "0.375", "\"丁\"", "3", "0.75", "\"甲\"", "1", "0.875", "\"戊\"", "1", "1"];
        assert_eq!(texts, sorted, "{shown}");
        assert!(shown.contains("chart Pareto 累计 at row 3 | Here rows"), "{shown}");

        // A share of the whole would tell of the figure that is not shown.
        data.suppress(&[(0, 1)].into()).unwrap();
        let shown = chart_sheet(&data);
        assert!(!shown.contains("chart") && !shown.contains("[body"), "{shown}");
    }
}
