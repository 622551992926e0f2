//! The rows that a table of a form is filled with, read once for all communities.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, TimestampNanosecondType};
use chrono::NaiveDateTime;

use super::super::elements::{Dictionary, Element};
use super::super::file::{Form, FormItem, FormTable};
use super::super::package::Value;
use super::super::rows::{in_form, quoted, relations};
use super::Community;
use super::values::value;
use crate::diagnostic::{Context as _, Result};
use crate::query::Session;

/// A row: its batch and its position there.
pub(in crate::forms) type Row = (usize, usize);

/// Where an item's values are.
#[derive(Debug, Clone, Copy)]
struct Column {
    part: usize,
    value: usize,
    dated: Option<usize>,
}

/// Rows of one view.
struct Part {
    batches: Vec<RecordBatch>,
    /// By community, or by the place a figure is of.
    by_community: HashMap<String, Vec<Row>>,
}

/// What is held for a table.
pub(in crate::forms) struct Held {
    parts: Vec<Part>,
    columns: Vec<Option<Column>>,
    /// Where the key of a list's rows is.
    key: Option<usize>,
    /// Where the columns are by which rows of a list belong to a card.
    links: HashMap<String, usize>,
}

impl Held {
    /// The rows of a community in a list, in order.
    pub fn rows(&self, community: &str) -> &[Row] {
        self.parts.first().and_then(|part| part.by_community.get(community)).map_or(&[], Vec::as_slice)
    }

    /// The row with a key among those of a community.
    pub fn row_of(&self, community: &str, key: &str) -> Option<Row> {
        self.rows(community).iter().copied().find(|row| self.key(*row) == Some(key))
    }

    /// The row of a place that an item's figure stands in.
    pub fn row(&self, at: usize, place: &str) -> Option<Row> {
        self.parts[self.columns[at]?.part].by_community.get(place)?.first().copied()
    }

    /// The grids of a community, or the one grid, that there are figures of, in code order.
    pub fn places_below(&self, community: &str) -> Vec<String> {
        let places = self.parts.iter().flat_map(|part| part.by_community.keys());
        let below = places.filter(|place| place.len() > Community::DIGITS && place.starts_with(community));
        below.cloned().collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// The key of a list's row: the person, dwelling or shop it is.
    pub fn key(&self, (batch, row): Row) -> Option<&str> {
        let keys = self.parts.first()?.batches[batch].column(self.key?).as_string_opt::<i32>()?;
        (!keys.is_null(row)).then(|| keys.value(row))
    }

    /// What a row has in a column by which rows of a list belong to a card.
    pub fn link(&self, (batch, row): Row, column: &str) -> Option<&str> {
        let links = self.parts.first()?.batches[batch].column(*self.links.get(column)?).as_string_opt::<i32>()?;
        (!links.is_null(row)).then(|| links.value(row))
    }

    /// The value of an item; `None` where there is none.
    pub fn value(&self, at: usize, (batch, row): Row, element: &Element, item: &FormItem) -> Option<Value> {
        let column = self.columns[at]?;
        value(self.parts[column.part].batches[batch].column(column.value), row, element, item)
    }

    /// When a value was recorded, where the records say so.
    pub fn dated(&self, at: usize, (batch, row): Row) -> Option<NaiveDateTime> {
        let column = self.columns[at]?;
        let times = self.parts[column.part].batches[batch].column(column.dated?);
        let times = times.as_primitive_opt::<TimestampNanosecondType>()?;
        (!times.is_null(row)).then(|| times.value_as_datetime(row)).flatten()
    }
}

/// Reads what a table is filled with.
///
/// # Errors
/// A view or a condition in `form.yml` that cannot be queried.
pub(in crate::forms) async fn held(
    form: &Form,
    table: &FormTable,
    dictionary: &Dictionary,
    session: &Session,
    communities: &[Community],
) -> Result<Held> {
    let mut held = Held { parts: Vec::new(), columns: vec![None; table.items.len()], key: None, links: HashMap::new() };
    let records = table.records(dictionary);
    for (relation, condition, items) in relations(form, table, dictionary, session).await? {
        let schema = match records {
            Some(records) => session.schema(table.view(records)).await?,
            None => Arc::new(Schema::empty()),
        };
        let is_by_grid = communities.first().is_some_and(Community::is_grid);
        let place = quoted(match records {
            Some(_) if is_by_grid => "grid_code",
            Some(_) => "community_code",
            None => "place_code",
        });
        let mut selected = vec![place.clone()];
        let mut dates: HashMap<String, usize> = HashMap::new();
        for (at, element, column) in &items {
            let value = selected.len();
            selected.push(quoted(column));
            let is_dated = records.is_some() && schema.index_of(&element.dated).is_ok();
            let dated = is_dated.then(|| {
                *dates.entry(element.dated.clone()).or_insert_with(|| {
                    selected.push(format!("CAST({} AS TIMESTAMP)", quoted(&element.dated)));
                    selected.len() - 1
                })
            });
            held.columns[*at] = Some(Column { part: held.parts.len(), value, dated });
        }
        if let Some(records) = records {
            held.key = Some(selected.len());
            selected.push(quoted(&records.key));
            for column in form.links(table) {
                held.links.insert(column.to_owned(), selected.len());
                selected.push(format!("CAST({} AS VARCHAR)", quoted(column)));
            }
        }
        // A column may be asked for twice; names of a query must not repeat.
        let named = selected.iter().enumerate().map(|(at, column)| format!("{column} AS c{at}"));
        let mut sql = format!("SELECT {} FROM {}", named.collect::<Vec<_>>().join(", "), relation);
        let mut conditions: Vec<String> = condition.into_iter().collect();
        if let [one] = communities {
            conditions.push(format!("{place} LIKE '{}%'", one.code.replace('\'', "''")));
        }
        if !conditions.is_empty() {
            sql.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        let order = records.map_or(Vec::new(), |records| {
            let columns = ["grid_code", "door_sort", records.key.as_str(), "tag"];
            columns.into_iter().filter(|column| schema.index_of(column).is_ok()).map(quoted).collect()
        });
        let order: Vec<String> = std::iter::once(place).chain(order).collect();
        sql.push_str(&format!(" ORDER BY {}", order.join(", ")));
        let batches = session.fetch(&sql).await.map_err(|problem| in_form(form, problem))?;
        held.parts.push(part(batches)?);
    }
    Ok(held)
}

fn part(batches: Vec<RecordBatch>) -> Result<Part> {
    let doing = "reading what a form is filled with";
    let mut part = Part { batches: Vec::new(), by_community: HashMap::new() };
    for batch in batches {
        let codes = cast(batch.column(0), &DataType::Utf8).doing(doing)?;
        for (row, code) in codes.as_string::<i32>().iter().enumerate() {
            if let Some(code) = code {
                part.by_community.entry(code.to_owned()).or_default().push((part.batches.len(), row));
            }
        }
        // Texts and dates in one representation each.
        let columns: Vec<ArrayRef> = batch.columns().iter().map(plain).collect::<Result<_>>()?;
        part.batches.push(
            RecordBatch::try_from_iter(columns.into_iter().enumerate().map(|(at, column)| (format!("c{at}"), column)))
                .doing(doing)?,
        );
    }
    Ok(part)
}

fn plain(column: &ArrayRef) -> Result<ArrayRef> {
    let wanted = match column.data_type() {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(_, _) => DataType::Utf8,
        kind if kind.is_integer() => DataType::Int64,
        DataType::Float32 | DataType::Decimal128(_, _) => DataType::Float64,
        kind => kind.clone(),
    };
    cast(column, &wanted).doing("reading what a form is filled with")
}
