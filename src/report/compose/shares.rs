//! The figures of a chart of shares, sorted: a small table of their own below the chart, so that the chart shows cells
//! that can be read and checked. A pareto chart has them added up; a pie with more slices than can be told apart has the
//! small ones put together.

use super::header::Header;
use super::lines::Line;
use super::spread::spans;
use super::{Composer, ROW_HEIGHT, narrow};
use crate::report::dataset::Value;
use crate::report::form::{Align, ChartKind};
use crate::report::layout::{Cell, CellValue, ChartData, ChartLayout, Role, Style};
use crate::report::number::{Format, rounded};

const CUMULATIVE: &str = "累计占比";
const OF_ALL: &str = "占比";
const OTHERS: &str = "其他";
const SHARE: Format = Format::Percent(2);
/// More slices of a pie cannot be told apart, nor their names be read.
const SLICES_MAX: usize = 8;
/// The names of two slices this thin cover each other.
const SLICE_SHARE_MIN: f64 = 0.02;

pub(super) struct Point {
    label: CellValue,
    value: CellValue,
    /// Of this point in the whole, with those before it in a pareto chart; rounded as it is shown.
    share: f64,
}

/// Lines with their figures in falling order; ties stay in the order of the table. Nothing where a figure is not shown,
/// or where there is nothing to share.
fn sorted<'l>(body: &[&'l Line], figures: usize) -> Option<(Vec<(&'l Line, f64)>, f64)> {
    if body.iter().any(|line| line.data[figures].value == Value::Suppressed) {
        return None;
    }
    let figure = |line: &&'l Line| Some((*line, line.data[figures].value.number()?));
    let mut lines: Vec<(&Line, f64)> = body.iter().filter_map(figure).collect();
    lines.sort_by(|left, right| right.1.partial_cmp(&left.1).unwrap_or(std::cmp::Ordering::Equal));
    let whole: f64 = lines.iter().map(|(_, figure)| figure).sum();
    (whole > 0.0).then_some((lines, whole))
}

fn point(header: &Header<'_>, line: &Line, [categories, figures]: [usize; 2], share: f64) -> Point {
    let cell = |place: usize| line.data[place].cell(header.leaves[place].declared);
    Point { label: cell(categories), value: cell(figures), share: rounded(share, SHARE) }
}

/// The points of a pareto chart.
fn added_up(header: &Header<'_>, body: &[&Line], columns: [usize; 2]) -> Option<Vec<Point>> {
    let (lines, whole) = sorted(body, columns[1])?;
    let mut reached = 0.0;
    let points = lines.into_iter().map(|(line, figure)| {
        reached += figure;
        point(header, line, columns, reached / whole)
    });
    Some(points.collect())
}

/// The slices of a pie, the small ones put together at the end.
fn slices(header: &Header<'_>, body: &[&Line], columns: [usize; 2]) -> Option<Vec<Point>> {
    let (lines, whole) = sorted(body, columns[1])?;
    // What the data call by the same name is among the others, however large.
    let is_named = |line: &Line| line.data[columns[0]].value != Value::Text(OTHERS.to_owned());
    let (mut own, mut others): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|(line, figure)| figure / whole >= SLICE_SHARE_MIN && is_named(line));
    others.extend(own.split_off(own.len().min(SLICES_MAX - 1)));
    let mut points: Vec<Point> =
        own.iter().map(|(line, figure)| point(header, line, columns, figure / whole)).collect();
    let rest: f64 = others.iter().map(|(_, figure)| figure).sum();
    if rest > 0.0 {
        let (label, value) = (CellValue::Text(OTHERS.to_owned()), CellValue::Number(rest));
        points.push(Point { label, value, share: rounded(rest / whole, SHARE) });
    }
    Some(points)
}

/// Whether slices of a pie would cover each other's names.
fn is_crowded(body: &[&Line], figures: usize) -> bool {
    let Some((lines, whole)) = sorted(body, figures) else { return body.len() > SLICES_MAX };
    let thin = lines.iter().filter(|(_, figure)| figure / whole < SLICE_SHARE_MIN).count();
    lines.len() > SLICES_MAX || thin > 1
}

impl Composer<'_> {
    /// Gives a chart of shares a table of its own where it needs one. Whether it can be drawn.
    pub(super) fn share_table(&mut self, body: &[&Line], columns: [usize; 2], chart: &mut ChartLayout) -> bool {
        let points = match chart.kind {
            ChartKind::Pareto => added_up(self.header, body, columns),
            ChartKind::Pie if is_crowded(body, columns[1]) => slices(self.header, body, columns),
            _ => return true,
        };
        if let Some(points) = &points {
            self.point_rows(points, chart);
        }
        points.is_some()
    }

    /// Writes the table and lets the chart show it.
    fn point_rows(&mut self, points: &[Point], chart: &mut ChartLayout) {
        // A narrow sheet has no room for shares; those of a pareto chart have it by the form's checks.
        let widths = &self.layout.widths;
        let Some(spans) = spans(widths, &[2.0, 1.0, 1.0]).or_else(|| spans(widths, &[2.0, 1.0])) else { return };
        let Some((name, _)) = chart.series.first().cloned() else { return };
        let share_label = if chart.kind == ChartKind::Pareto { CUMULATIVE } else { OF_ALL };
        let category = self.label_of(usize::from(chart.categories));
        let header = Style::text(Role::Header, Align::Center);
        let text = |text: &str| CellValue::Text(text.to_owned());
        self.spanned_row(&spans, [(text(&category), header), (text(&name), header), (text(share_label), header)]);
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
                    (CellValue::Number(point.share), share),
                ],
            );
        }
        chart.data = ChartData::Here;
        chart.rows = (first, self.next_row - 1);
        chart.categories = narrow(spans[0].0);
        chart.series = vec![(name, narrow(spans[1].0))];
        if let (ChartKind::Pareto, Some((shares, _))) = (chart.kind, spans.get(2)) {
            chart.cumulative = Some((share_label.to_owned(), narrow(*shares)));
        }
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

    fn chart_sheet(form: &str, data: &Dataset) -> String {
        let (form, problems) = parse_for_test(form);
        assert_eq!(problems, []);
        let sheets = table(&form.unwrap().sheets[0], data, &data.all_rows(), &Names::default()).unwrap();
        sheets[1].to_string()
    }

    #[test]
    fn figures_stand_sorted_below_the_chart_that_shows_them() {
        let kinds: ArrayRef = Arc::new(StringArray::from(vec!["甲", "乙", "丙", "丁", "戊"]));
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(3), None, Some(3), Some(1)]));
        let mut data = Dataset::new(&[RecordBatch::try_from_iter([("kind", kinds), ("n", counts)]).unwrap()]).unwrap();
        let shown = chart_sheet(FORM, &data);
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
        let shown = chart_sheet(FORM, &data);
        assert!(!shown.contains("chart") && !shown.contains("[body"), "{shown}");
    }

    /// Printed above the table of shares, the header of a table that has ended would call them what they are not.
    #[test]
    fn only_a_table_of_several_pages_has_its_header_repeated_above_charts() {
        let form = FORM.replace("chart_tab: 图\n", "");
        for (rows, is_repeated) in [(5, false), (80, true)] {
            let kinds: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("类{row}"))));
            let counts: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
            let data = Dataset::new(&[RecordBatch::try_from_iter([("kind", kinds), ("n", counts)]).unwrap()]).unwrap();
            let (form, _) = parse_for_test(&form);
            let sheets = table(&form.unwrap().sheets[0], &data, &data.all_rows(), &Names::default()).unwrap();
            assert_eq!((sheets.len(), sheets[0].repeat_rows.is_some()), (1, is_repeated), "{rows}");
        }
    }

    #[test]
    fn small_slices_of_a_pie_are_put_together() {
        let pie = FORM.replace("pareto", "pie");
        let shown = |figures: &[i64], first: &str| -> Vec<String> {
            let rest = (2..=figures.len()).map(|number| format!("类{number}"));
            let kinds = StringArray::from_iter_values(std::iter::once(first.to_owned()).chain(rest));
            let kinds: ArrayRef = Arc::new(kinds);
            let counts: ArrayRef = Arc::new(Int64Array::from(figures.to_vec()));
            let batch = RecordBatch::try_from_iter([("kind", kinds), ("n", counts)]).unwrap();
            let shown = chart_sheet(&pie, &Dataset::new(&[batch]).unwrap());
            let texts = shown.lines().filter(|line| line.contains("[body"));
            texts.filter_map(|line| Some(line.split_once("] ")?.1.to_owned())).collect()
        };
        // Few slices are drawn from the table itself.
        assert_eq!(shown(&[5, 9, 4], "类1"), [""; 0]);
        let folded = shown(&[10, 1, 20, 10, 1, 30, 1, 10, 10, 7], "类1");
        let labels: Vec<&String> = folded.iter().step_by(3).collect();
        assert_eq!(labels, ["\"类6\"", "\"类3\"", "\"类1\"", "\"类4\"", "\"类8\"", "\"类9\"", "\"类10\"", "\"其他\""]);
        assert_eq!(folded[folded.len() - 2..], ["3", "0.03"]);
        // What is called so already is among them.
        assert_eq!(shown(&[70, 28, 1, 1], "其他")[..3], ["\"类2\"", "28", "0.28"]);
    }
}
