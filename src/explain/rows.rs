//! The rows behind a figure as they were delivered: key, batch, file, line, and what they say, masked.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;
use serde::Serialize;

use super::{Masking, Showing};
use crate::contract::{Column, Contract, Contracts, RuleKind, names_a_person};
use crate::diagnostic::{Context, Result};
use crate::district::identifiers::{mask_id_number, mask_name, mask_phone};
use crate::landing::{Batch, SYSTEM_COLUMNS};
use crate::query::Session;
use crate::query::lineage::{Drill, Lineage, key_sql};

/// What stands for a value that is not shown.
pub(super) const HIDDEN: &str = "*";
/// A text this short is taken for somebody's name, and keeps its first sign.
const NAME_SIGNS_MAX: usize = 4;
/// More rows are joined to their table than looked up in it.
const LOOKED_UP_MAX: usize = 1_000;

/// Rows of one list, each table's apart.
#[derive(Debug, Clone, Serialize)]
pub struct Rows {
    /// How many there are in all.
    pub of: u64,
    pub shown: usize,
    pub tables: Vec<TableRows>,
    /// Batches the rows came with and how many each brought, most first; where the rows are those of tables.
    pub batches: Vec<BatchRows>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TableRows {
    pub table: String,
    pub label: String,
    /// Names and labels; the key comes first.
    pub columns: Vec<(String, String)>,
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub key: String,
    /// What the row adds to the figure; `None` where it is only one of those looked at.
    pub counts: Option<f64>,
    pub batch: String,
    /// The delivered file.
    pub file: String,
    pub line: Option<i64>,
    /// In the order of the columns; `None` for nothing.
    pub values: Vec<Option<String>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct BatchRows {
    pub batch: String,
    pub file: String,
    pub rows: u64,
}

/// A row of a list before its table is asked.
struct Listed {
    key: String,
    counts: Option<f64>,
}

/// The first rows of a drill.
pub(super) async fn contributing(
    session: &Session,
    contracts: &Contracts,
    batches: &[Batch],
    lineage: &Lineage<'_>,
    drill: &Drill,
    showing: Showing,
) -> Result<Rows> {
    let mut rows = Rows { of: drill.rows, shown: 0, tables: Vec::new(), batches: Vec::new() };
    if drill.sql.is_empty() || drill.rows == 0 {
        return Ok(rows);
    }
    let files: BTreeMap<&str, &str> =
        batches.iter().map(|batch| (batch.batch_id.as_str(), batch.file.as_str())).collect();
    let (first, are_keys_personal) = lineage.rows(drill, showing.limit).await?;
    for (table, listed) in listed(&first)? {
        rows.shown += listed.len();
        let Some(contract) = contracts.get(&table) else {
            let unknown = Row {
                key: String::new(),
                counts: None,
                batch: String::new(),
                file: String::new(),
                line: None,
                values: Vec::new(),
            };
            let is_hidden = showing.masking == Masking::Masked && are_keys_personal;
            let key = |key: String| if is_hidden { HIDDEN.to_owned() } else { key };
            let keyed = listed.into_iter().map(|row| Row { key: key(row.key), counts: row.counts, ..unknown.clone() });
            rows.tables.push(TableRows { label: String::new(), columns: Vec::new(), rows: keyed.collect(), table });
            continue;
        };
        rows.tables.push(of_table(session, contract, listed, &files, drill, showing).await?);
    }
    for table in drill.tables.iter().filter_map(|table| contracts.get(table)) {
        rows.batches.extend(of_batches(session, table, &files, drill).await?);
    }
    rows.batches.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.batch.cmp(&b.batch)));
    Ok(rows)
}

/// Tables with their rows, in the order of the list.
fn listed(batches: &[RecordBatch]) -> Result<Vec<(String, Vec<Listed>)>> {
    let mut found: Vec<(String, Vec<Listed>)> = Vec::new();
    for batch in batches {
        let texts = |at: usize| cast(batch.column(at), &DataType::Utf8).doing("reading rows");
        let (tables, keys) = (texts(0)?, texts(1)?);
        let (tables, keys) = (tables.as_string::<i32>(), keys.as_string::<i32>());
        let is_counted = batch.schema().field(2).name() == "_counts";
        let counts = is_counted.then(|| cast(batch.column(2), &DataType::Float64)).transpose().doing("reading rows")?;
        for row in 0..batch.num_rows() {
            let counts = counts.as_ref().map(|counts| counts.as_primitive::<Float64Type>().value(row));
            let listed = Listed { key: keys.value(row).to_owned(), counts };
            match found.iter_mut().find(|(table, _)| table == tables.value(row)) {
                Some((_, rows)) => rows.push(listed),
                None => found.push((tables.value(row).to_owned(), vec![listed])),
            }
        }
    }
    Ok(found)
}

async fn of_table(
    session: &Session,
    contract: &Contract,
    listed: Vec<Listed>,
    files: &BTreeMap<&str, &str>,
    drill: &Drill,
    showing: Showing,
) -> Result<TableRows> {
    let key = key_of(contract);
    let names: Vec<String> = contract.columns.iter().map(|column| quoted(&column.name)).collect();
    let [batch, line] = SYSTEM_COLUMNS;
    let select =
        format!("SELECT {key} AS _key, {batch}, {line}, {} FROM {}", names.join(", "), quoted(&contract.table));
    let found = if listed.len() <= LOOKED_UP_MAX {
        let wanted: Vec<String> = listed.iter().map(|row| format!("'{}'", row.key.replace('\'', "''"))).collect();
        session.fetch_few(&format!("{select} WHERE {key} IN ({})", wanted.join(", "))).await?
    } else {
        let keys = format!("SELECT DISTINCT _key FROM ({}) AS r WHERE _table = '{}'", drill.sql, contract.table);
        session.fetch(&format!("SELECT t.* FROM ({keys}) AS k JOIN ({select}) AS t ON t._key = k._key")).await?
    };
    type Stored = (String, Option<i64>, Vec<Option<String>>);
    let mut stored: BTreeMap<String, Stored> = BTreeMap::new();
    for rows in &found {
        for at in 0..rows.num_rows() {
            let text = |column: usize| -> Result<Option<String>> {
                let array = rows.column(column);
                Ok(if array.is_null(at) { None } else { Some(array_value_to_string(array, at).doing("reading rows")?) })
            };
            let values = contract.columns.iter().enumerate().map(|(place, column)| {
                Ok(text(place + 3)?.map(|value| match showing.masking {
                    Masking::Masked => masked(column, value),
                    Masking::Unmasked => value,
                }))
            });
            let line = text(2)?.and_then(|line| line.parse().ok());
            let values = values.collect::<Result<_>>()?;
            stored.insert(text(0)?.unwrap_or_default(), (text(1)?.unwrap_or_default(), line, values));
        }
    }
    // A key may tell of a person as well.
    let is_key_masked =
        showing.masking == Masking::Masked && contract.key.iter().any(|at| contract.columns[*at].is_sensitive());
    let rows = listed.into_iter().map(|row| {
        let (batch, line, values) = stored.get(&row.key).cloned().unwrap_or_default();
        Row {
            key: if is_key_masked { key_shown(contract, &values) } else { row.key },
            counts: row.counts,
            file: files.get(batch.as_str()).map(|file| (*file).to_owned()).unwrap_or_default(),
            batch,
            line,
            values,
        }
    });
    let rows = rows.collect();
    let columns = contract.columns.iter().map(|column| (column.name.clone(), column.label.clone())).collect();
    Ok(TableRows { table: contract.table.clone(), label: contract.label.clone(), columns, rows })
}

/// The key of a row, of its values as they are shown.
fn key_shown(contract: &Contract, values: &[Option<String>]) -> String {
    let part = |at: &usize| values.get(*at).cloned().flatten().unwrap_or_else(|| HIDDEN.to_owned());
    contract.key.iter().map(part).collect::<Vec<_>>().join("/")
}

/// How many of the rows came with each batch.
async fn of_batches(
    session: &Session,
    contract: &Contract,
    files: &BTreeMap<&str, &str>,
    drill: &Drill,
) -> Result<Vec<BatchRows>> {
    let (table, key, batch) = (quoted(&contract.table), key_of(contract), SYSTEM_COLUMNS[0]);
    let keys = format!("SELECT _key FROM ({}) AS r WHERE _table = '{}'", drill.sql, contract.table);
    let rows = format!("SELECT {key} AS _key, {batch} FROM {table}");
    let sql = format!(
        "SELECT {batch}, count(*) FROM ({rows}) AS t LEFT SEMI JOIN ({keys}) AS k ON k._key = t._key GROUP BY {batch}"
    );
    let mut found = Vec::new();
    for rows in session.fetch(&sql).await? {
        let batches = cast(rows.column(0), &DataType::Utf8).doing("reading batches")?;
        let counts = cast(rows.column(1), &DataType::UInt64).doing("reading batches")?;
        let counts = counts.as_primitive::<arrow::datatypes::UInt64Type>();
        for (at, batch) in batches.as_string::<i32>().iter().enumerate() {
            let batch = batch.unwrap_or_default().to_owned();
            let file = files.get(batch.as_str()).map(|file| (*file).to_owned()).unwrap_or_default();
            found.push(BatchRows { batch, file, rows: counts.value(at) });
        }
    }
    Ok(found)
}

/// The key as the lists give it.
fn key_of(contract: &Contract) -> String {
    let names: Vec<String> = contract.key.iter().map(|at| contract.columns[*at].name.clone()).collect();
    key_sql(&names)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value as one who need not know it may see it.
pub(super) fn masked(column: &Column, value: String) -> String {
    let is = |wanted: fn(&RuleKind) -> bool| column.rules.iter().any(|rule| wanted(&rule.kind));
    if !column.hides_values() {
        return if names_a_person(&value) { HIDDEN.to_owned() } else { value };
    }
    if is(|kind| matches!(kind, RuleKind::IdNumber)) {
        return mask_id_number(&value);
    }
    if is(|kind| matches!(kind, RuleKind::Mobile | RuleKind::MobileOrLandline)) {
        return mask_phone(&value);
    }
    let is_name = column.code_list().is_none()
        && column.kind == crate::contract::ColumnKind::Text
        && (2..=NAME_SIGNS_MAX).contains(&value.chars().count())
        && !value.chars().any(|sign| sign.is_ascii());
    if is_name { mask_name(&value) } else { HIDDEN.to_owned() }
}
