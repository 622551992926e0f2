//! Unit tests of views: given rows in, expected rows out (dbt's `unit_tests`).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use chrono::NaiveDate;
use serde_json::Value;

use super::engine::QueryLimits;
use super::session::Session;
use super::views::{UnitTest, View, ViewCatalog, referenced_name, relocate};
use crate::diagnostic::{Context, Diagnostic, Result, did_you_mean};

/// The outcome of one unit test; `problem` says what differs.
#[derive(Debug, Clone)]
pub struct UnitTestResult {
    pub view: String,
    pub name: String,
    pub problem: Option<Diagnostic>,
}

/// Runs the unit tests of `view`. `session` knows the columns of the inputs; none of its rows are read.
pub async fn run_unit_tests(
    session: &Session,
    catalog: &Arc<ViewCatalog>,
    view: &View,
    limits: &QueryLimits,
) -> Vec<UnitTestResult> {
    let mut results = Vec::new();
    for test in &view.unit_tests {
        let problem = run(session, catalog, view, test, limits).await.err().map(|p| {
            let file = view.yml.clone().unwrap_or_else(|| view.path.clone());
            let keeps_place = p.place.as_ref().is_some_and(|place| !place.file.as_os_str().is_empty());
            let p = Diagnostic { message: format!("unit test `{}`: {}", test.name, p.message), ..p };
            if keeps_place { p } else { p.in_file(file) }
        });
        results.push(UnitTestResult { view: view.name.clone(), name: test.name.clone(), problem });
    }
    results
}

async fn run(
    session: &Session,
    catalog: &Arc<ViewCatalog>,
    view: &View,
    test: &UnitTest,
    limits: &QueryLimits,
) -> Result<()> {
    let model = referenced_name(&test.model);
    if model != view.name {
        return Err(Diagnostic::error(format!("tests `{model}`, but stands beside `{}`", view.name)));
    }
    let as_of = match &test.as_of {
        Some(text) => NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map_err(|_| Diagnostic::error(format!("`as_of: {text}` is not a date such as 2024-06-27")))?,
        None => session.as_of(),
    };
    let mut inputs = BTreeMap::new();
    for given in &test.given {
        let name = referenced_name(&given.input);
        if !view.reads.iter().any(|read| read == name) {
            return Err(Diagnostic::error(format!("gives rows of `{name}`, which `{}` does not read", view.name))
                .note("reads", view.reads.join(", ")));
        }
        let schema = session.schema(name).await?;
        let rows = rows_of(name, &schema, &given.rows)?;
        inputs.insert(name.to_owned(), (rows.schema(), vec![rows]));
    }
    for read in &view.reads {
        if !inputs.contains_key(read) {
            inputs.insert(read.clone(), (session.schema(read).await?, Vec::new()));
        }
    }
    let over_rows = Session::over_rows(session, catalog.clone(), as_of, inputs, limits)?;
    let in_sql = |p: Diagnostic| if p.place.is_some() { relocate(p, &view.path, &view.sql) } else { p };
    let actual = over_rows.fetch(&view.sql).await.map_err(in_sql)?;
    compare(&actual, &test.expect.rows)
}

/// Rows of YAML values as a record batch; columns that are not named are null.
fn rows_of(input: &str, schema: &SchemaRef, rows: &[BTreeMap<String, Value>]) -> Result<RecordBatch> {
    for row in rows {
        for name in row.keys() {
            if schema.field_with_name(name).is_err() {
                let known = schema.fields().iter().map(|f| f.name().as_str());
                let problem = Diagnostic::error(format!("`{input}` has no column `{name}`"));
                return Err(match did_you_mean(name, known) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem,
                });
            }
        }
    }
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in schema.fields() {
        let texts: StringArray = rows.iter().map(|row| row.get(field.name()).and_then(text_of)).collect();
        columns.push(
            typed(&texts, field.data_type())
                .map_err(|p| Diagnostic { message: format!("`{input}.{}`: {}", field.name(), p.message), ..p })?,
        );
        // Given rows may leave out what the real table always has.
        fields.push(field.as_ref().clone().with_nullable(true));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    RecordBatch::try_new_with_options(schema, columns, &options).doing("reading given rows")
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn typed(texts: &StringArray, wanted: &DataType) -> Result<ArrayRef> {
    let array = cast(texts, wanted).doing("reading a value")?;
    for row in 0..texts.len() {
        if texts.is_valid(row) && array.is_null(row) {
            return Err(Diagnostic::error(format!("`{}` is not a value of type {wanted}", texts.value(row))));
        }
    }
    Ok(array)
}

/// Expected rows against actual ones: only the columns the rows name, in any order of rows.
fn compare(actual: &[RecordBatch], expected: &[BTreeMap<String, Value>]) -> Result<()> {
    let count: usize = actual.iter().map(RecordBatch::num_rows).sum();
    let columns: Vec<&String> = expected.first().map(|row| row.keys().collect()).unwrap_or_default();
    // A column named by some rows only would not be compared, or be taken for null in the others.
    if let Some(at) = expected.iter().position(|row| !row.keys().eq(columns.iter().copied())) {
        return Err(Diagnostic::error(format!("expected row {} names other columns than the first", at + 1))
            .note("first", columns.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(", "))
            .note("row", expected[at].keys().map(String::as_str).collect::<Vec<_>>().join(", "))
            .hint("name the same columns in every expected row"));
    }
    let mut found: Vec<Vec<String>> = Vec::with_capacity(count);
    for batch in actual {
        let mut texts = Vec::with_capacity(columns.len());
        for name in &columns {
            let Some(column) = batch.column_by_name(name) else {
                return Err(Diagnostic::error(format!("the view has no column `{name}`")));
            };
            texts.push(canonical(column)?);
        }
        for row in 0..batch.num_rows() {
            found.push(texts.iter().map(|column| column[row].clone()).collect());
        }
    }
    let schema = actual.first().map(RecordBatch::schema);
    let mut wanted: Vec<Vec<String>> = Vec::with_capacity(expected.len());
    for row in expected {
        let mut cells = Vec::with_capacity(columns.len());
        for name in &columns {
            let text = row.get(*name).and_then(text_of);
            let cell = match &schema {
                Some(schema) => {
                    let field = schema.field_with_name(name).doing("comparing rows")?;
                    canonical(&typed(&StringArray::from(vec![text]), field.data_type())?)?.remove(0)
                }
                None => text.unwrap_or_else(|| "NULL".to_owned()),
            };
            cells.push(cell);
        }
        wanted.push(cells);
    }
    found.sort();
    wanted.sort();
    if found == wanted {
        return Ok(());
    }
    let show =
        |rows: &[Vec<String>]| rows.iter().take(10).map(|row| format!("\n    {}", row.join(" | "))).collect::<String>();
    let names = columns.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(" | ");
    let missing: Vec<_> = wanted.iter().filter(|row| !found.contains(row)).cloned().collect();
    let surplus: Vec<_> = found.iter().filter(|row| !wanted.contains(row)).cloned().collect();
    Err(Diagnostic::error(format!("{} rows expected, {} found", wanted.len(), found.len()))
        .note("columns", names)
        .note("expected but missing", show(&missing))
        .note("found but not expected", show(&surplus)))
}

/// A column as comparable texts; floats to nine significant decimals.
fn canonical(column: &ArrayRef) -> Result<Vec<String>> {
    if matches!(column.data_type(), DataType::Float64 | DataType::Float32) {
        let floats = cast(column, &DataType::Float64).doing("comparing rows")?;
        let floats = floats.as_primitive::<Float64Type>();
        return Ok(floats.iter().map(|x| x.map_or("NULL".to_owned(), |x| format!("{:.9}", x + 0.0))).collect());
    }
    let texts = cast(column, &DataType::Utf8).doing("comparing rows")?;
    Ok(texts.as_string::<i32>().iter().map(|t| t.map_or("NULL".to_owned(), str::to_owned)).collect())
}
