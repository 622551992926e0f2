//! A chart as a template declares it: `bar_chart(rows, label="community_name", values=["open_count"], …)`.
//!
//! The arguments that all kinds share are read here. An error is placed at the call by the template engine.

use std::collections::BTreeMap;

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};

use super::{Chart, ChartKind, Point, Role, Series};
use crate::report::form::NOT_APPLICABLE;
use crate::report::number::{Format, SUPPRESSED};
use crate::report::origin::Cited;
use crate::report::summary::TemplateRow;

/// More cannot be told apart on a page.
const ROWS_MAX: usize = 150;
/// Beyond it a figure is no longer known to the unit.
const FIGURE_MAX: f64 = 1e15;

/// The chart of a call. Arguments that the kind does not know are an error.
pub(in crate::report) fn declared(kind: &ChartKind, rows: &Value, options: &Kwargs) -> Result<Chart, Error> {
    let chart = (kind.read)(rows, options)?;
    options.assert_all_used()?;
    Ok(chart)
}

/// What every kind has: `title`, `unit` and `table`.
pub(super) fn described(kind: &'static ChartKind, options: &Kwargs) -> Result<Chart, Error> {
    Ok(Chart {
        kind,
        title: options.get("title")?,
        unit: options.get::<Option<String>>("unit")?.unwrap_or_default(),
        is_table_open: options.get::<Option<bool>>("table")?.unwrap_or(false),
        labels: Vec::new(),
        series: Vec::new(),
        tiles: Vec::new(),
    })
}

/// A label for each row and a series for each column: `label`, `labels`, `values`, `names`, `format`.
pub(super) fn common(
    kind: &'static ChartKind,
    rows: &Value,
    options: &Kwargs,
    series_max: usize,
) -> Result<Chart, Error> {
    let columns: Vec<String> = options.get("values")?;
    let names: Vec<String> = options.get::<Option<Vec<String>>>("names")?.unwrap_or_else(|| columns.clone());
    if names.len() != columns.len() {
        return Err(invalid(format!("the chart has {} values and {} names", columns.len(), names.len())));
    }
    if columns.is_empty() || columns.len() > series_max {
        return Err(invalid(format!("`{}` shows 1 to {series_max} values, not {}", kind.function, columns.len())));
    }
    let mut chart = described(kind, options)?;
    let format = format(options)?;
    for (name, column) in names.into_iter().zip(&columns) {
        let (points, cited) = (figures(rows, column)?, cells(rows, column)?);
        chart.series.push(Series { name, points, cited, format, role: Role::Main });
    }
    chart.labels = labels(rows, options)?;
    Ok(chart)
}

/// A label for each thing that the column `label` holds and a series for each that `column` holds, both in the data's
/// order; the figure is in the column `value`.
pub(super) fn crossed(
    kind: &'static ChartKind,
    rows: &Value,
    options: &Kwargs,
    column: &str,
    series_max: usize,
) -> Result<Chart, Error> {
    let (label, value): (String, String) = (options.get("label")?, options.get("value")?);
    let words: Option<Value> = options.get("labels")?;
    let mut chart = described(kind, options)?;
    let format = format(options)?;
    let mut cells = BTreeMap::new();
    for row in rows.try_iter()? {
        let (label, name) = (worded(&row, &label, words.as_ref())?, worded(&row, column, None)?);
        let row_place = place_in(&mut chart.labels, &label);
        let column_place = chart.series.iter().position(|series| series.name == name).unwrap_or(chart.series.len());
        if column_place == chart.series.len() {
            let points = Vec::new();
            chart.series.push(Series { name: name.clone(), points, cited: Vec::new(), format, role: Role::Main });
        }
        if cells.insert((column_place, row_place), (figure(&row, &value)?, cell(&row, &value))).is_some() {
            return Err(invalid(format!("two rows are `{label}`, `{name}`")));
        }
        limited(&chart.labels)?;
        if chart.series.len() > series_max {
            return Err(invalid(format!("`{}` shows at most {series_max} columns", kind.function)));
        }
    }
    for (number, series) in chart.series.iter_mut().enumerate() {
        let cell = |place| cells.get(&(number, place)).cloned().unwrap_or((Point::Missing, None));
        (series.points, series.cited) = (0..chart.labels.len()).map(cell).unzip();
    }
    Ok(chart)
}

fn place_in(labels: &mut Vec<String>, label: &str) -> usize {
    labels.iter().position(|known| known == label).unwrap_or_else(|| {
        labels.push(label.to_owned());
        labels.len() - 1
    })
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

pub(super) fn format(options: &Kwargs) -> Result<Format, Error> {
    options.get::<Option<String>>("format")?.map_or(Ok(Format::Integer), |text| format_of(&text))
}

pub(super) fn format_of(text: &str) -> Result<Format, Error> {
    match Format::parse(text) {
        Some(format) if format.is_quantity() => Ok(format),
        Some(_) => Err(invalid(format!("a chart shows figures: `integer`, `decimal 1` or `percent 2`, not `{text}`"))),
        None => Err(invalid(format!("unknown format `{text}`"))),
    }
}

/// What the column `label` holds, in the words that `labels` has for it.
fn labels(rows: &Value, options: &Kwargs) -> Result<Vec<String>, Error> {
    let column: String = options.get("label")?;
    let words: Option<Value> = options.get("labels")?;
    let labels: Vec<String> =
        rows.try_iter()?.map(|row| worded(&row, &column, words.as_ref())).collect::<Result<_, _>>()?;
    limited(&labels)?;
    Ok(labels)
}

pub(super) fn limited(labels: &[String]) -> Result<(), Error> {
    if labels.len() <= ROWS_MAX {
        return Ok(());
    }
    let message = format!("a chart shows at most {ROWS_MAX} rows, not {}", labels.len());
    Err(invalid(format!("{message}: give the dataset a `limit` or write a table")))
}

fn worded(row: &Value, column: &str, words: Option<&Value>) -> Result<String, Error> {
    let name = field(row, column)?;
    let known = words.map(|words| words.get_item(&name)).transpose()?.filter(|known| !known.is_undefined());
    let shown = known.unwrap_or(name);
    Ok(if shown.is_none() { NOT_APPLICABLE.to_owned() } else { shown.to_string() })
}

/// The cells of a column, where they are known.
pub(super) fn cells(rows: &Value, column: &str) -> Result<Vec<Option<Cited>>, Error> {
    Ok(rows.try_iter()?.map(|row| cell(&row, column)).collect())
}

pub(super) fn cell(row: &Value, column: &str) -> Option<Cited> {
    row.downcast_object_ref::<TemplateRow>()?.origin(column).map(Cited::of)
}

/// The figures of a column.
pub(super) fn figures(rows: &Value, column: &str) -> Result<Vec<Point>, Error> {
    rows.try_iter()?.map(|row| figure(&row, column)).collect()
}

pub(super) fn figure(row: &Value, column: &str) -> Result<Point, Error> {
    let value = field(row, column)?;
    if value.is_none() {
        return Ok(Point::Missing);
    }
    if value.as_str() == Some(SUPPRESSED) {
        return Ok(Point::Suppressed);
    }
    let figure = f64::try_from(value)?;
    if figure.abs() > FIGURE_MAX && figure.is_finite() {
        return Err(invalid(format!("`{column}` is {figure:e}, which no chart can show")));
    }
    Ok(if figure.is_finite() { Point::Figure(figure) } else { Point::Missing })
}

pub(super) fn field(row: &Value, name: &str) -> Result<Value, Error> {
    match row.get_attr(name)? {
        value if value.is_undefined() => {
            Err(Error::new(ErrorKind::UndefinedError, format!("the rows of the chart have no `{name}`")))
        }
        value => Ok(value),
    }
}
