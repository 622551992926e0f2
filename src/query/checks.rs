//! Data tests of the views' `.yml` and the queries of `queries/checks`, run over one session.
//!
//! Results are counts, never rows: a failing row may carry personal data.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use serde_json::Value;

use super::session::Session;
use super::views::{Layer, View, referenced_name};
use crate::diagnostic::{Context, Diagnostic, Result, Severity};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckKind {
    DataTest,
    Query,
}

/// The outcome of one data test or check query.
#[derive(Debug, Clone)]
pub struct CheckResult {
    pub view: String,
    /// Such as `unique(grid_code)`; the view's name for a check query.
    pub name: String,
    pub kind: CheckKind,
    pub severity: Severity,
    pub failing_rows: i64,
    /// A query that lists the failing rows.
    pub sql: String,
    /// Why the check could not be run at all.
    pub problem: Option<Diagnostic>,
}

impl CheckResult {
    pub fn passed(&self) -> bool {
        self.failing_rows == 0 && self.problem.is_none()
    }

    /// Stops the reports that use the view.
    pub fn stops_reports(&self) -> bool {
        !self.passed() && self.severity == Severity::Error
    }
}

/// One data test as SQL: an aggregate that counts failing rows in one scan, or a query of its own.
enum Probe {
    Aggregate { count: String, sql: String },
    Query { sql: String },
}

struct DataTest {
    name: String,
    severity: Severity,
    probe: Probe,
}

/// Runs the data tests of `view`, or the view itself where it is a check.
pub async fn run_checks(session: &Session, view: &View) -> Result<Vec<CheckResult>> {
    if view.layer == Layer::Check {
        return Ok(vec![run_check_query(session, view).await]);
    }
    let tests = data_tests(view)?;
    let counts: Vec<&str> = tests
        .iter()
        .filter_map(|t| match &t.probe {
            Probe::Aggregate { count, .. } => Some(count.as_str()),
            Probe::Query { .. } => None,
        })
        .collect();
    let mut counted = if counts.is_empty() {
        Vec::new()
    } else {
        let columns: Vec<String> = counts.iter().enumerate().map(|(at, c)| format!("{c} AS c{at}")).collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), quoted(&view.name));
        first_row(&session.fetch(&sql).await.map_err(|p| in_yml(p, view))?)?
    }
    .into_iter();
    let mut results = Vec::with_capacity(tests.len());
    for test in tests {
        let (failing_rows, sql) = match test.probe {
            Probe::Aggregate { sql, .. } => (counted.next().unwrap_or(0), sql),
            Probe::Query { sql } => {
                let count = format!("SELECT count(*) FROM ({sql}) AS failing");
                let rows = session.fetch(&count).await.map_err(|p| in_yml(p, view))?;
                (first_row(&rows)?.first().copied().unwrap_or(0), sql)
            }
        };
        results.push(CheckResult {
            view: view.name.clone(),
            name: test.name,
            kind: CheckKind::DataTest,
            severity: test.severity,
            failing_rows,
            sql,
            problem: None,
        });
    }
    Ok(results)
}

fn in_yml(problem: Diagnostic, view: &View) -> Diagnostic {
    if problem.place.as_ref().is_some_and(|p| !p.file.as_os_str().is_empty()) {
        return problem;
    }
    let mut problem = problem.note("data tests of", view.name.clone());
    problem.source = None;
    problem.in_file(view.yml.clone().unwrap_or_else(|| view.path.clone()))
}

async fn run_check_query(session: &Session, view: &View) -> CheckResult {
    let severity = severity_of(view.model.config.severity.as_deref());
    let sql = format!("SELECT * FROM {}", quoted(&view.name));
    let counted = match session.fetch(&format!("SELECT count(*) FROM {}", quoted(&view.name))).await {
        Ok(rows) => first_row(&rows).map(|row| row.first().copied().unwrap_or(0)),
        Err(problem) => Err(problem),
    };
    let (failing_rows, problem) = match counted {
        Ok(count) => (count, None),
        Err(problem) => (0, Some(problem)),
    };
    CheckResult {
        view: view.name.clone(),
        name: view.name.clone(),
        kind: CheckKind::Query,
        severity,
        failing_rows,
        sql,
        problem,
    }
}

fn first_row(rows: &[RecordBatch]) -> Result<Vec<i64>> {
    let Some(batch) = rows.iter().find(|batch| batch.num_rows() > 0) else { return Ok(Vec::new()) };
    batch
        .columns()
        .iter()
        .map(|column| {
            let count = cast(column, &DataType::Int64).doing("counting failing rows")?;
            Ok(count.as_primitive::<Int64Type>().value(0))
        })
        .collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn severity_of(text: Option<&str>) -> Severity {
    match text {
        Some(text) if text.eq_ignore_ascii_case("warn") || text.eq_ignore_ascii_case("warning") => Severity::Warning,
        _ => Severity::Error,
    }
}

/// The tests declared in a view's `.yml`.
fn data_tests(view: &View) -> Result<Vec<DataTest>> {
    let mut tests = Vec::new();
    for column in &view.model.columns {
        for declared in &column.data_tests {
            tests.push(column_test(view, &column.name, declared)?);
        }
    }
    for declared in &view.model.data_tests {
        tests.push(table_test(view, declared)?);
    }
    Ok(tests)
}

/// Splits `unique` or `{unique: {config: {severity: warn}}}` into name and arguments.
fn name_and_arguments(declared: &Value) -> Option<(&str, Value)> {
    match declared {
        Value::String(name) => Some((name, Value::Null)),
        Value::Object(map) if map.len() == 1 => map.iter().next().map(|(name, args)| (name.as_str(), args.clone())),
        _ => None,
    }
}

fn unknown_test(view: &View, shown: &Value) -> Diagnostic {
    Diagnostic::error(format!("no data test `{shown}`"))
        .in_file(view.yml.clone().unwrap_or_else(|| view.path.clone()))
        .hint("data tests are `unique`, `not_null`, `accepted_values`, `relationships` and, for several columns, `unique_combination`")
}

fn argument<'a>(args: &'a Value, name: &str) -> Option<&'a Value> {
    args.get(name).or_else(|| args.get("arguments").and_then(|inner| inner.get(name)))
}

fn column_test(view: &View, column: &str, declared: &Value) -> Result<DataTest> {
    let (name, args) = name_and_arguments(declared).ok_or_else(|| unknown_test(view, declared))?;
    let severity =
        severity_of(args.pointer("/config/severity").or_else(|| args.get("severity")).and_then(Value::as_str));
    let (table, c) = (quoted(&view.name), quoted(column));
    let probe = match name {
        "not_null" => Probe::Aggregate {
            count: format!("count(*) FILTER (WHERE {c} IS NULL)"),
            sql: format!("SELECT * FROM {table} WHERE {c} IS NULL"),
        },
        "unique" => Probe::Aggregate {
            count: format!("count({c}) - count(DISTINCT {c})"),
            sql: format!("SELECT {c}, count(*) FROM {table} WHERE {c} IS NOT NULL GROUP BY {c} HAVING count(*) > 1"),
        },
        "accepted_values" => {
            let values = argument(&args, "values").and_then(Value::as_array);
            let values = values.ok_or_else(|| unknown_test(view, declared))?;
            let list: Vec<String> = values.iter().map(literal).collect();
            let wrong = format!("{c} IS NOT NULL AND {c} NOT IN ({})", list.join(", "));
            Probe::Aggregate {
                count: format!("count(*) FILTER (WHERE {wrong})"),
                sql: format!("SELECT * FROM {table} WHERE {wrong}"),
            }
        }
        "relationships" => {
            let text = |name: &str| argument(&args, name).and_then(Value::as_str);
            let (Some(to), Some(field)) = (text("to"), text("field")) else {
                return Err(unknown_test(view, declared));
            };
            let (to, field) = (quoted(referenced_name(to)), quoted(field));
            Probe::Query {
                sql: format!(
                    "SELECT DISTINCT f.{c} FROM {table} AS f LEFT ANTI JOIN {to} AS t ON f.{c} = t.{field} WHERE f.{c} IS NOT NULL"
                ),
            }
        }
        _ => return Err(unknown_test(view, declared)),
    };
    Ok(DataTest { name: format!("{name}({column})"), severity, probe })
}

fn table_test(view: &View, declared: &Value) -> Result<DataTest> {
    let (name, args) = name_and_arguments(declared).ok_or_else(|| unknown_test(view, declared))?;
    let columns = ["columns", "combination_of_columns"].iter().find_map(|key| argument(&args, key));
    let known = matches!(
        name,
        "unique_combination" | "unique_combination_of_columns" | "dbt_utils.unique_combination_of_columns"
    );
    let (true, Some(columns)) = (known, columns.and_then(Value::as_array)) else {
        return Err(unknown_test(view, declared));
    };
    let list: Vec<String> = columns.iter().filter_map(Value::as_str).map(quoted).collect();
    let severity =
        severity_of(args.pointer("/config/severity").or_else(|| args.get("severity")).and_then(Value::as_str));
    let list = list.join(", ");
    Ok(DataTest {
        name: format!("unique({list})").replace('"', ""),
        severity,
        probe: Probe::Query {
            sql: format!("SELECT {list} FROM {} GROUP BY {list} HAVING count(*) > 1", quoted(&view.name)),
        },
    })
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        other => other.to_string(),
    }
}
