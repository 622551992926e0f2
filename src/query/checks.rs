//! Data tests of the views' `.yml` and the queries of `queries/checks`, run over one session.
//!
//! Results are counts, never rows: a failing row may carry personal data.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use serde_json::Value;

use super::session::Session;
use super::views::{FailsAs, Layer, View, referenced_name};
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

    /// A test that could not be run: nobody knows whether the figures are right.
    pub fn failed(view: &View, name: &str, problem: Diagnostic) -> Self {
        Self {
            view: view.name.clone(),
            name: name.to_owned(),
            kind: if view.layer == Layer::Check { CheckKind::Query } else { CheckKind::DataTest },
            severity: Severity::Error,
            failing_rows: 0,
            sql: String::new(),
            problem: Some(problem),
        }
    }

    /// Stops the reports that use the view.
    pub fn stops_reports(&self) -> bool {
        !self.passed() && self.severity == Severity::Error
    }
}

/// One data test as SQL.
struct DataTest {
    name: String,
    severity: Severity,
    /// An aggregate that counts the failing rows; several are counted in one scan.
    count: Option<String>,
    /// A query that lists the failing rows.
    sql: String,
}

/// Runs the data tests of `view`, or the view itself where it is a check. A test that cannot be run is a result too.
pub async fn run_checks(session: &Session, view: &View) -> Vec<CheckResult> {
    if view.layer == Layer::Check {
        return vec![run_check_query(session, view).await];
    }
    let (tests, mut results) = data_tests(view);
    let mut counted = count_together(session, view, &tests).await.map(Vec::into_iter);
    for test in tests {
        let outcome = match (&test.count, &mut counted) {
            (Some(_), Ok(counts)) => counts.next().ok_or_else(no_count),
            // One of them cannot be counted: each on its own says which.
            (Some(count), Err(_)) => count_rows(session, &format!("SELECT {count} FROM {}", quoted(&view.name))).await,
            (None, _) => count_rows(session, &format!("SELECT count(*) FROM ({}) AS failing", test.sql)).await,
        };
        let failing_rows = match outcome {
            Ok(count) => count,
            Err(problem) => {
                if let Err(problem) = session.plan_view(view).await {
                    // The view itself is broken; its tests have nothing to add.
                    return vec![CheckResult::failed(view, &view.name, problem)];
                }
                results.push(CheckResult::failed(view, &test.name, in_yml(problem, view, &test.name)));
                continue;
            }
        };
        results.push(CheckResult {
            view: view.name.clone(),
            name: test.name,
            kind: CheckKind::DataTest,
            severity: test.severity,
            failing_rows,
            sql: test.sql,
            problem: None,
        });
    }
    results
}

/// The failing rows of all tests that are aggregates, in one scan.
async fn count_together(session: &Session, view: &View, tests: &[DataTest]) -> Result<Vec<i64>> {
    let counts = tests.iter().filter_map(|test| test.count.as_deref());
    let columns: Vec<String> = counts.enumerate().map(|(at, count)| format!("{count} AS c{at}")).collect();
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    first_row(&session.fetch(&format!("SELECT {} FROM {}", columns.join(", "), quoted(&view.name))).await?)
}

async fn count_rows(session: &Session, sql: &str) -> Result<i64> {
    first_row(&session.fetch(sql).await?)?.first().copied().ok_or_else(no_count)
}

/// A count that is missing is no count of nothing.
fn no_count() -> Diagnostic {
    Diagnostic::unexpected("the failing rows could not be counted")
}

/// Names the test and the file it stands in, unless the problem has a place of its own.
fn in_yml(mut problem: Diagnostic, view: &View, test: &str) -> Diagnostic {
    problem.message = format!("data test `{test}`: {}", problem.message);
    if problem.place.as_ref().is_some_and(|p| !p.file.as_os_str().is_empty()) {
        return problem;
    }
    problem.source = None;
    problem.in_file(view.yml.clone().unwrap_or_else(|| view.path.clone()))
}

async fn run_check_query(session: &Session, view: &View) -> CheckResult {
    let sql = format!("SELECT * FROM {}", quoted(&view.name));
    match count_rows(session, &format!("SELECT count(*) FROM {}", quoted(&view.name))).await {
        Ok(failing_rows) => CheckResult {
            view: view.name.clone(),
            name: view.name.clone(),
            kind: CheckKind::Query,
            severity: view.model.config.severity.into(),
            failing_rows,
            sql,
            problem: None,
        },
        // Whatever it would have been worth: nobody knows what it would have found.
        Err(problem) => CheckResult::failed(view, &view.name, problem),
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

/// The tests declared in a view's `.yml`; those that make no sense are failed already.
fn data_tests(view: &View) -> (Vec<DataTest>, Vec<CheckResult>) {
    let (mut tests, mut broken) = (Vec::new(), Vec::new());
    let mut sort = |test: Result<DataTest>, declared: &Value, column: &str| match test {
        Ok(test) => tests.push(test),
        Err(problem) => {
            let name = name_and_arguments(declared).map_or("?", |(name, _)| name);
            let name = if column.is_empty() { name.to_owned() } else { format!("{name}({column})") };
            broken.push(CheckResult::failed(view, &name, in_yml(problem, view, &name)));
        }
    };
    for column in &view.model.columns {
        for declared in &column.data_tests {
            sort(column_test(view, &column.name, declared), declared, &column.name);
        }
    }
    for declared in &view.model.data_tests {
        sort(table_test(view, declared), declared, "");
    }
    (tests, broken)
}

/// The columns that tell a view's rows apart, as its tests say: those of a `unique_combination`, else the first that is
/// `unique`. Empty where no test says so.
pub fn grain(view: &View) -> Vec<String> {
    let combined = view.model.data_tests.iter().find_map(|declared| {
        let (name, args) = name_and_arguments(declared)?;
        combination(name, &args).map(|columns| columns.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    });
    let is_unique = |declared: &Value| name_and_arguments(declared).is_some_and(|(name, _)| name == "unique");
    let single = || view.model.columns.iter().find(|column| column.data_tests.iter().any(is_unique));
    combined.unwrap_or_else(|| single().map(|column| column.name.clone()).into_iter().collect())
}

/// The columns of a test for combinations; `None` for any other.
fn combination<'a>(name: &str, args: &'a Value) -> Option<&'a Vec<Value>> {
    let columns = ["columns", "combination_of_columns"].iter().find_map(|key| argument(args, key));
    let known = matches!(
        name,
        "unique_combination" | "unique_combination_of_columns" | "dbt_utils.unique_combination_of_columns"
    );
    columns.filter(|_| known).and_then(Value::as_array)
}

/// Splits `unique` or `{unique: {config: {severity: warn}}}` into name and arguments.
fn name_and_arguments(declared: &Value) -> Option<(&str, Value)> {
    match declared {
        Value::String(name) => Some((name, Value::Null)),
        Value::Object(map) if map.len() == 1 => map.iter().next().map(|(name, args)| (name.as_str(), args.clone())),
        _ => None,
    }
}

fn unknown_test(shown: &Value) -> Diagnostic {
    let shown = shown.as_str().map_or_else(|| shown.to_string(), str::to_owned);
    Diagnostic::error(format!("no such data test: `{shown}`"))
        .hint("data tests are `unique`, `not_null`, `accepted_values`, `relationships` and, for several columns, `unique_combination`")
}

/// `severity` as an argument or, as dbt has it, under `config`.
fn severity_of(args: &Value) -> Result<Severity> {
    let Some(written) = args.pointer("/config/severity").or_else(|| args.get("severity")) else {
        return Ok(Severity::Error);
    };
    match serde_json::from_value::<FailsAs>(written.clone()) {
        Ok(fails_as) => Ok(fails_as.into()),
        Err(_) => Err(Diagnostic::error(format!("no severity {written}")).hint("severities are `warn` and `error`")),
    }
}

fn argument<'a>(args: &'a Value, name: &str) -> Option<&'a Value> {
    args.get(name).or_else(|| args.get("arguments").and_then(|inner| inner.get(name)))
}

fn column_test(view: &View, column: &str, declared: &Value) -> Result<DataTest> {
    let (name, args) = name_and_arguments(declared).ok_or_else(|| unknown_test(declared))?;
    let severity = severity_of(&args)?;
    let (table, c) = (quoted(&view.name), quoted(column));
    let (count, sql) = match name {
        "not_null" => {
            (Some(format!("count(*) FILTER (WHERE {c} IS NULL)")), format!("SELECT * FROM {table} WHERE {c} IS NULL"))
        }
        "unique" => (
            Some(format!("count({c}) - count(DISTINCT {c})")),
            format!("SELECT {c}, count(*) FROM {table} WHERE {c} IS NOT NULL GROUP BY {c} HAVING count(*) > 1"),
        ),
        "accepted_values" => {
            let values = argument(&args, "values").and_then(Value::as_array);
            let values = values.ok_or_else(|| unknown_test(declared))?;
            // Beside a null no value would be wrong; whether a column may be null is `not_null`'s question.
            let list: Vec<String> =
                values.iter().filter(|value| !value.is_null()).map(literal).collect::<Result<_>>()?;
            if list.is_empty() {
                return Err(Diagnostic::error("`accepted_values` names no value"));
            }
            let wrong = format!("{c} IS NOT NULL AND {c} NOT IN ({})", list.join(", "));
            (Some(format!("count(*) FILTER (WHERE {wrong})")), format!("SELECT * FROM {table} WHERE {wrong}"))
        }
        "relationships" => {
            let text = |name: &str| argument(&args, name).and_then(Value::as_str);
            let (Some(to), Some(field)) = (text("to"), text("field")) else {
                return Err(unknown_test(declared));
            };
            let (to, field) = (quoted(referenced_name(to)), quoted(field));
            let sql = format!(
                "SELECT DISTINCT f.{c} FROM {table} AS f LEFT ANTI JOIN {to} AS t ON f.{c} = t.{field} WHERE f.{c} IS NOT NULL"
            );
            (None, sql)
        }
        _ => return Err(unknown_test(declared)),
    };
    Ok(DataTest { name: format!("{name}({column})"), severity, count, sql })
}

fn table_test(view: &View, declared: &Value) -> Result<DataTest> {
    let (name, args) = name_and_arguments(declared).ok_or_else(|| unknown_test(declared))?;
    let columns = combination(name, &args).ok_or_else(|| unknown_test(declared))?;
    let list: Vec<String> = columns.iter().filter_map(Value::as_str).map(quoted).collect();
    let severity = severity_of(&args)?;
    let list = list.join(", ");
    Ok(DataTest {
        name: format!("unique({list})").replace('"', ""),
        severity,
        count: None,
        sql: format!("SELECT {list} FROM {} GROUP BY {list} HAVING count(*) > 1", quoted(&view.name)),
    })
}

fn literal(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(format!("'{}'", text.replace('\'', "''"))),
        Value::Array(_) | Value::Object(_) => Err(Diagnostic::error(format!("`{value}` is no single value"))),
        other => Ok(other.to_string()),
    }
}
