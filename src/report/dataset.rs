//! From a declared dataset to rows: the SQL it stands for, and typed access to what came back.
//!
//! A dataset is a view, some of its columns, plain conditions and an order. It cannot calculate.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, Scalar as ArrayScalar,
    StringViewArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::manifest::DatasetSpec;
use super::number::SUPPRESSED;
use super::wording::{Names, names_in};

/// What a row must satisfy in one column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// One of these; a single value is a list of one. `None` stands for null.
    OneOf(Vec<Option<Scalar>>),
    NotOneOf(Vec<Option<Scalar>>),
    Compare(Vec<(&'static str, Scalar)>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Text(String),
    Number(String),
    Flag(bool),
}

const COMPARISONS: &[(&str, &str)] = &[("above", ">"), ("at_least", ">="), ("below", "<"), ("at_most", "<=")];

impl Condition {
    pub(super) fn is(value: &str) -> Self {
        Self::OneOf(vec![Some(Scalar::Text(value.to_owned()))])
    }

    /// `grid`, `[grid, community]`, `null`, `{not: …}`, or `{above|at_least|below|at_most: …}`.
    pub(super) fn parse(value: &serde_json::Value) -> Result<Self, String> {
        let Some(map) = value.as_object() else {
            return Ok(Self::OneOf(scalars(value)?));
        };
        if let (1, Some(excluded)) = (map.len(), map.get("not")) {
            return Ok(Self::NotOneOf(scalars(excluded)?));
        }
        let mut comparisons = Vec::new();
        for (word, bound) in map {
            let Some((_, operator)) = COMPARISONS.iter().find(|(name, _)| name == word) else {
                return Err(format!(
                    "unknown comparison `{word}`, expected `not`, `above`, `at_least`, `below` or `at_most`"
                ));
            };
            match scalars(bound)?.as_slice() {
                [Some(scalar)] => comparisons.push((*operator, scalar.clone())),
                _ => return Err(format!("`{word}` takes one value")),
            }
        }
        Ok(Self::Compare(comparisons))
    }

    fn all_scalars(&self) -> Vec<&Scalar> {
        match self {
            Self::OneOf(list) | Self::NotOneOf(list) => list.iter().flatten().collect(),
            Self::Compare(list) => list.iter().map(|(_, scalar)| scalar).collect(),
        }
    }

    /// Parameters mentioned in braces.
    pub(super) fn names(&self) -> Vec<&str> {
        self.all_scalars()
            .into_iter()
            .flat_map(|scalar| if let Scalar::Text(text) = scalar { names_in(text) } else { Vec::new() })
            .collect()
    }

    /// SQL for the condition, or `None` when a parameter it mentions is left empty.
    fn sql(&self, column: &str, names: &Names) -> Option<String> {
        if self.names().iter().any(|name| names.get(name).is_none_or(str::is_empty)) {
            return None;
        }
        let column = quoted(column);
        let listed = |list: &[Option<Scalar>]| {
            list.iter().flatten().map(|scalar| scalar.sql(names)).collect::<Vec<_>>().join(", ")
        };
        Some(match self {
            Self::OneOf(list) => {
                let mut parts = Vec::new();
                if list.iter().any(Option::is_some) {
                    parts.push(format!("{column} IN ({})", listed(list)));
                }
                if list.iter().any(Option::is_none) {
                    parts.push(format!("{column} IS NULL"));
                }
                format!("({})", parts.join(" OR "))
            }
            Self::NotOneOf(list) => {
                let mut parts = Vec::new();
                if list.iter().any(Option::is_some) {
                    parts.push(format!("{column} NOT IN ({})", listed(list)));
                }
                if list.iter().any(Option::is_none) {
                    parts.push(format!("{column} IS NOT NULL"));
                }
                format!("({})", parts.join(" AND "))
            }
            Self::Compare(list) => list
                .iter()
                .map(|(operator, scalar)| format!("{column} {operator} {}", scalar.sql(names)))
                .collect::<Vec<_>>()
                .join(" AND "),
        })
    }

    /// The condition with what the names in it stand for.
    pub(super) fn filled(&self, names: &Names) -> Self {
        let filled = |scalar: &Scalar| match scalar {
            Scalar::Text(text) => Scalar::Text(names.fill(text)),
            other => other.clone(),
        };
        let listed = |list: &[Option<Scalar>]| list.iter().map(|entry| entry.as_ref().map(filled)).collect();
        match self {
            Self::OneOf(list) => Self::OneOf(listed(list)),
            Self::NotOneOf(list) => Self::NotOneOf(listed(list)),
            Self::Compare(list) => {
                Self::Compare(list.iter().map(|(operator, scalar)| (*operator, filled(scalar))).collect())
            }
        }
    }

    /// Whether a value already read satisfies the condition.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        let among = |list: &[Option<Scalar>]| {
            list.iter().any(|entry| match entry {
                None => matches!(value, Value::Null),
                Some(Scalar::Flag(flag)) => *value == Value::Flag(*flag),
                Some(Scalar::Text(text) | Scalar::Number(text)) => value.plain().is_some_and(|plain| plain == *text),
            })
        };
        match self {
            Self::OneOf(list) => among(list),
            Self::NotOneOf(list) => !among(list),
            Self::Compare(list) => list.iter().all(|(operator, bound)| {
                bound.order(value).is_some_and(|order| match *operator {
                    ">" => order.is_gt(),
                    ">=" => order.is_ge(),
                    "<" => order.is_lt(),
                    _ => order.is_le(),
                })
            }),
        }
    }

    /// Whether it picks one value.
    pub(super) fn is_one(&self) -> bool {
        matches!(self, Self::OneOf(list) if list.len() == 1)
    }

    /// Whether it leaves out nothing but such values.
    pub(super) fn excludes_only(&self, is_such: &dyn Fn(&Value) -> bool) -> bool {
        let value = |scalar: &Option<Scalar>| match scalar {
            None => Value::Null,
            Some(Scalar::Text(text) | Scalar::Number(text)) => Value::Text(text.clone()),
            Some(Scalar::Flag(flag)) => Value::Flag(*flag),
        };
        matches!(self, Self::NotOneOf(list) if list.iter().map(value).all(|value| is_such(&value)))
    }

    pub(super) fn is_comparison(&self) -> bool {
        matches!(self, Self::Compare(_))
    }
}

impl Scalar {
    /// How a value compares with this one: numbers with numbers, dates and texts with texts, nothing else.
    fn order(&self, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Self::Number(bound), value) => value.number()?.partial_cmp(&bound.parse().ok()?),
            (Self::Text(bound), Value::Text(_) | Value::Date(_) | Value::Instant(_)) => {
                Some(value.plain()?.as_str().cmp(bound))
            }
            _ => None,
        }
    }

    fn sql(&self, names: &Names) -> String {
        match self {
            Self::Text(text) => format!("'{}'", names.fill(text).replace('\'', "''")),
            Self::Number(number) => number.clone(),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

fn scalars(value: &serde_json::Value) -> Result<Vec<Option<Scalar>>, String> {
    use serde_json::Value as Yaml;
    Ok(match value {
        Yaml::Null => vec![None],
        Yaml::Bool(flag) => vec![Some(Scalar::Flag(*flag))],
        Yaml::Number(number) => vec![Some(Scalar::Number(number.to_string()))],
        Yaml::String(text) => vec![Some(Scalar::Text(text.clone()))],
        Yaml::Array(list) if list.is_empty() => return Err("an empty list matches nothing".into()),
        Yaml::Array(list) => list.iter().map(scalars).collect::<Result<Vec<_>, _>>()?.concat(),
        Yaml::Object(_) => return Err("expected a value or a list of values".into()),
    })
}

pub(super) fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// `visit_count` or `visit_count desc`; nulls come last either way, so that ranks do not depend on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OrderTerm {
    pub column: String,
    pub is_descending: bool,
}

impl OrderTerm {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (column, is_descending) = match text.split_once(' ') {
            None => (text, false),
            Some((column, "asc")) => (column, false),
            Some((column, "desc")) => (column, true),
            Some(_) => return Err(format!("`{text}` is not an order")),
        };
        if !is_identifier(column) {
            return Err(format!("`{column}` is not a column name"));
        }
        Ok(Self { column: column.to_owned(), is_descending })
    }

    fn sql(&self) -> String {
        format!("{} {} NULLS LAST", quoted(&self.column), if self.is_descending { "DESC" } else { "ASC" })
    }
}

fn quoted(identifier: &str) -> String {
    format!("\"{identifier}\"")
}

/// The query a dataset stands for, its rows in the declared order; within each value of `together` where that is named.
/// `columns` empty means all of the view's.
pub(super) fn sql(spec: &DatasetSpec, columns: &[&str], names: &Names, together: Option<&str>) -> String {
    let first = together.map(|column| OrderTerm { column: column.to_owned(), is_descending: false });
    let orders: Vec<String> = first.iter().chain(&spec.order_by).map(OrderTerm::sql).collect();
    let mut sql = unordered_sql(spec, columns, names);
    if !orders.is_empty() {
        sql.push_str(&format!(" ORDER BY {}", orders.join(", ")));
    }
    if let Some(limit) = spec.limit {
        sql.push_str(&format!(" LIMIT {limit}"));
    }
    sql
}

/// The same without an order or a limit.
pub(super) fn unordered_sql(spec: &DatasetSpec, columns: &[&str], names: &Names) -> String {
    let selected = if columns.is_empty() {
        "*".to_owned()
    } else {
        columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
    };
    let mut sql = format!("SELECT {selected} FROM {}", quoted(&spec.view.value));
    let conditions: Vec<String> =
        spec.conditions.iter().filter_map(|(column, condition)| condition.sql(column, names)).collect();
    if !conditions.is_empty() {
        sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
    }
    sql
}

/// One figure or text, as read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    /// A figure that is there and not shown, lest it tell of a person; printed `*`.
    Suppressed,
    Text(String),
    Integer(i64),
    Number(f64),
    Flag(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01, local time.
    Instant(i64),
}

impl Value {
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(integer) => Some(*integer as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Figures and dates by size, texts by their signs, nothing last; values of different kinds by kind.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            (Self::Integer(one), Self::Integer(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Flag(one), Self::Flag(other)) => one.cmp(other),
            (Self::Date(one), Self::Date(other)) => one.cmp(other),
            (Self::Instant(one), Self::Instant(other)) => one.cmp(other),
            _ => self.kind().cmp(&other.kind()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Integer(_) => 1,
            Self::Number(_) => 2,
            Self::Date(_) => 3,
            Self::Instant(_) => 4,
            Self::Text(_) => 5,
            Self::Suppressed => 6,
            Self::Null => 7,
        }
    }

    /// The value as a file name or a heading shows it; `None` for null.
    pub(super) fn plain(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Suppressed => Some(SUPPRESSED.to_owned()),
            Self::Text(text) => Some(text.clone()),
            Self::Integer(integer) => Some(integer.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Date(days) => {
                arrow::temporal_conversions::date32_to_datetime(*days).map(|date| date.date().to_string())
            }
            Self::Instant(micros) => arrow::temporal_conversions::timestamp_us_to_datetime(*micros)
                .map(|instant| instant.format("%Y-%m-%d %H:%M").to_string()),
        }
    }
}

/// A column in one of the seven shapes that reports deal with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cells<'a> {
    Text(&'a StringViewArray),
    Integer(&'a Int64Array),
    Number(&'a Float64Array),
    Flag(&'a BooleanArray),
    Date(&'a Date32Array),
    Instant(&'a TimestampMicrosecondArray),
    Nothing,
}

impl Cells<'_> {
    pub(super) fn of(array: &ArrayRef) -> Cells<'_> {
        match array.data_type() {
            DataType::Utf8View => Cells::Text(array.as_string_view()),
            DataType::Int64 => Cells::Integer(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Cells::Number(array.as_primitive::<Float64Type>()),
            DataType::Boolean => Cells::Flag(array.as_boolean()),
            DataType::Date32 => Cells::Date(array.as_primitive::<Date32Type>()),
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                Cells::Instant(array.as_primitive::<TimestampMicrosecondType>())
            }
            _ => Cells::Nothing,
        }
    }

    /// Whether a row holds just this text.
    pub(super) fn is_text(&self, row: usize, text: &str) -> bool {
        matches!(self, Self::Text(array) if array.is_valid(row) && array.value(row) == text)
    }

    pub(super) fn value(&self, row: usize) -> Value {
        match self {
            Self::Text(array) if array.is_valid(row) => Value::Text(array.value(row).to_owned()),
            Self::Integer(array) if array.is_valid(row) => Value::Integer(array.value(row)),
            Self::Number(array) if array.is_valid(row) && array.value(row).is_finite() => {
                Value::Number(array.value(row))
            }
            Self::Flag(array) if array.is_valid(row) => Value::Flag(array.value(row)),
            Self::Date(array) if array.is_valid(row) => Value::Date(array.value(row)),
            Self::Instant(array) if array.is_valid(row) => Value::Instant(array.value(row)),
            _ => Value::Null,
        }
    }
}

/// The batch with every column in a shape that [`Cells`] reads. Mostly free: a column that has it is passed on.
pub(super) fn canonical(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    // What does not fit is an error: left blank, it would pass for a figure that does not exist.
    let exactly = CastOptions { safe: false, ..CastOptions::default() };
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let wanted = match column.data_type() {
            DataType::Boolean => DataType::Boolean,
            DataType::Date32 | DataType::Date64 => DataType::Date32,
            DataType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => DataType::Float64,
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale)
                if *scale > 0 =>
            {
                DataType::Float64
            }
            kind if kind.is_numeric() => DataType::Int64,
            DataType::Null => DataType::Utf8View,
            _ => DataType::Utf8View,
        };
        let column = if *column.data_type() == wanted {
            Arc::clone(column)
        } else {
            cast_with_options(column, &wanted, &exactly)?
        };
        fields.push(Field::new(field.name(), wanted, true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// A small result held whole.
#[derive(Debug, Clone)]
pub(super) struct Dataset {
    pub rows: RecordBatch,
    /// Rows and columns of figures that are not shown; null in `rows`.
    suppressed: BTreeSet<(usize, usize)>,
}

impl Default for Dataset {
    fn default() -> Self {
        Self { rows: RecordBatch::new_empty(Arc::new(Schema::empty())), suppressed: BTreeSet::new() }
    }
}

impl Dataset {
    pub(super) fn new(batches: &[RecordBatch]) -> Result<Self, ArrowError> {
        let canonical = batches.iter().map(canonical).collect::<Result<Vec<_>, _>>()?;
        let rows = match canonical.first() {
            Some(first) => concat_batches(&first.schema(), &canonical)?,
            None => return Ok(Self::default()),
        };
        Ok(Self { rows, ..Self::default() })
    }

    pub(super) fn column_names(&self) -> Vec<String> {
        self.rows.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.rows.schema().index_of(name).ok()
    }

    pub(super) fn value(&self, row: usize, column: usize) -> Value {
        if self.suppressed.contains(&(row, column)) {
            return Value::Suppressed;
        }
        Cells::of(self.rows.column(column)).value(row)
    }

    /// Takes figures out, by row and column: what reads them afterwards finds that there is one, and not which.
    pub(super) fn suppress(&mut self, cells: &BTreeSet<(usize, usize)>) -> Result<(), ArrowError> {
        let mut columns = self.rows.columns().to_vec();
        for (place, column) in columns.iter_mut().enumerate() {
            let kept: BooleanArray = (0..column.len()).map(|row| Some(!cells.contains(&(row, place)))).collect();
            if kept.false_count() > 0 {
                *column = zip(&kept, column, &ArrayScalar::new(new_null_array(column.data_type(), 1)))?;
            }
        }
        self.rows = RecordBatch::try_new(self.rows.schema(), columns)?;
        self.suppressed.extend(cells);
        Ok(())
    }

    pub(super) fn is_text(&self, column: usize) -> bool {
        matches!(Cells::of(self.rows.column(column)), Cells::Text(_))
    }

    /// The columns that hold numbers.
    pub(super) fn number_columns(&self) -> Vec<String> {
        let schema = self.rows.schema();
        let numbers = schema.fields().iter().filter(|field| field.data_type().is_numeric());
        numbers.map(|field| field.name().clone()).collect()
    }

    pub(super) fn value_of(&self, row: usize, column: &str) -> Value {
        self.column(column).map_or(Value::Null, |column| self.value(row, column))
    }

    /// The rows that satisfy every condition, in order.
    pub(super) fn matching(&self, rows: &[usize], conditions: &BTreeMap<String, Condition>) -> Vec<usize> {
        let conditions: Vec<_> = conditions.iter().map(|(name, condition)| (self.column(name), condition)).collect();
        let value = |row: usize, column: Option<usize>| column.map_or(Value::Null, |column| self.value(row, column));
        rows.iter()
            .copied()
            .filter(|row| conditions.iter().all(|(column, condition)| condition.accepts(&value(*row, *column))))
            .collect()
    }

    pub(super) fn all_rows(&self) -> Vec<usize> {
        (0..self.rows.num_rows()).collect()
    }

    /// Rows grouped by the text of one column, groups in order of first appearance.
    pub(super) fn groups(&self, rows: &[usize], column: &str) -> Vec<(String, Vec<usize>)> {
        let mut places: hashbrown::HashMap<String, usize> = hashbrown::HashMap::new();
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        let column = self.column(column);
        for row in rows {
            let key = column.and_then(|column| self.value(*row, column).plain()).unwrap_or_default();
            let place = *places.entry(key.clone()).or_insert_with(|| {
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(*row);
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(yaml: &str) -> Condition {
        Condition::parse(&serde_saphyr::from_str(yaml).unwrap_or_default()).unwrap_or(Condition::OneOf(Vec::new()))
    }

    #[test]
    fn conditions_become_sql_and_text_stays_text() {
        let names = Names::default().with(&[("who".into(), "O'Neill".into()), ("unset".into(), String::new())]);
        let sql = |yaml: &str| condition(yaml).sql("c", &names);
        assert_eq!(sql("grid").as_deref(), Some("(\"c\" IN ('grid'))"));
        assert_eq!(sql("[grid, null]").as_deref(), Some("(\"c\" IN ('grid') OR \"c\" IS NULL)"));
        assert_eq!(sql("{not: null}").as_deref(), Some("(\"c\" IS NOT NULL)"));
        assert_eq!(sql("{above: 3, at_most: 9}").as_deref(), Some("\"c\" > 3 AND \"c\" <= 9"));
        assert_eq!(sql("'{who}'").as_deref(), Some("(\"c\" IN ('O''Neill'))"));
        assert_eq!(sql("'{unset}'"), None);
        assert!(Condition::parse(&serde_json::json!({"like": "x"})).is_err());
    }

    #[test]
    fn orders_put_nulls_last() {
        let sql = |text: &str| OrderTerm::parse(text).map(|term| term.sql());
        assert_eq!(sql("visit_count desc").as_deref(), Ok("\"visit_count\" DESC NULLS LAST"));
        assert!(sql("a; drop table b").is_err());
    }
}
