//! A chart as a template declares it: `bar_chart(rows, label="community_name", values=["open_count"], …)`.
//!
//! The arguments that all kinds share are read here. An error is placed at the call by the template engine.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};

use super::{Chart, ChartKind, Role, Series};
use crate::report::form::NOT_APPLICABLE;
use crate::report::number::Format;

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

/// `label`, `labels`, `values`, `names`, `title`, `unit` and `format`.
pub(super) fn common(
    kind: &'static ChartKind,
    rows: &Value,
    options: &Kwargs,
    series_max: usize,
) -> Result<Chart, Error> {
    let columns: Vec<String> = options.get("values")?;
    let names: Vec<String> = options.get::<Option<Vec<String>>>("names")?.unwrap_or_else(|| columns.clone());
    let unit: Option<String> = options.get("unit")?;
    if names.len() != columns.len() {
        return Err(invalid(format!("the chart has {} values and {} names", columns.len(), names.len())));
    }
    if columns.is_empty() || columns.len() > series_max {
        return Err(invalid(format!("`{}` shows 1 to {series_max} values, not {}", kind.function, columns.len())));
    }
    let series = names
        .into_iter()
        .zip(&columns)
        .map(|(name, column)| Ok(Series { name, points: figures(rows, column)?, role: Role::Main }));
    Ok(Chart {
        kind,
        title: options.get("title")?,
        unit: unit.unwrap_or_default(),
        format: format(options)?,
        labels: labels(rows, options)?,
        series: series.collect::<Result<_, Error>>()?,
    })
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn format(options: &Kwargs) -> Result<Format, Error> {
    let Some(text) = options.get::<Option<String>>("format")? else { return Ok(Format::Integer) };
    match Format::parse(&text) {
        Some(format) if format.is_quantity() => Ok(format),
        Some(_) => Err(invalid(format!("a chart shows figures: `integer`, `decimal 1` or `percent 2`, not `{text}`"))),
        None => Err(invalid(format!("unknown format `{text}`"))),
    }
}

/// What the column `label` holds, in the words that `labels` has for it.
fn labels(rows: &Value, options: &Kwargs) -> Result<Vec<String>, Error> {
    let column: String = options.get("label")?;
    let words: Option<Value> = options.get("labels")?;
    let mut labels = Vec::new();
    for row in rows.try_iter()? {
        let name = field(&row, &column)?;
        let known =
            words.as_ref().map(|words| words.get_item(&name)).transpose()?.filter(|known| !known.is_undefined());
        let shown = known.unwrap_or(name);
        labels.push(if shown.is_none() { NOT_APPLICABLE.to_owned() } else { shown.to_string() });
    }
    if labels.len() > ROWS_MAX {
        let message = format!("a chart shows at most {ROWS_MAX} rows, not {}", labels.len());
        return Err(invalid(format!("{message}: give the dataset a `limit` or write a table")));
    }
    Ok(labels)
}

/// The figures of a column, a missing one as `None`.
pub(super) fn figures(rows: &Value, column: &str) -> Result<Vec<Option<f64>>, Error> {
    let mut points = Vec::new();
    for row in rows.try_iter()? {
        let value = field(&row, column)?;
        let point = if value.is_none() { None } else { Some(f64::try_from(value)?) };
        if let Some(figure) = point.filter(|figure| figure.abs() > FIGURE_MAX) {
            return Err(invalid(format!("`{column}` is {figure:e}, which no chart can show")));
        }
        points.push(point.filter(|figure| figure.is_finite()));
    }
    Ok(points)
}

pub(super) fn field(row: &Value, name: &str) -> Result<Value, Error> {
    match row.get_attr(name)? {
        value if value.is_undefined() => {
            Err(Error::new(ErrorKind::UndefinedError, format!("the rows of the chart have no `{name}`")))
        }
        value => Ok(value),
    }
}
