//! How many cells of each item have a value, and how many of those are old, over the whole district.

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use chrono::NaiveDate;

use super::collected::{COLLECTED_VALUES, Collected, Stored};
use super::elements::{Dictionary, Element};
use super::file::{Form, FormTable};
use super::rows::{in_form, objects, oldest, quoted, relations};
use crate::diagnostic::{Context as _, Result};
use crate::query::Session;

/// How many cells of an item there are over the district.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    pub cells: u64,
    pub filled: u64,
    pub old: u64,
}

/// What there is of each item of a table, in the views and on collection sheets that came back; `None` for what is in neither.
pub(super) async fn counted(
    form: &Form,
    table: &FormTable,
    collected: &Collected,
    dictionary: &Dictionary,
    session: &Session,
) -> Result<Vec<Option<Held>>> {
    let mut all = stored(form, table, dictionary, session).await?;
    add_collected(&mut all, collected, form, table, dictionary, session).await?;
    Ok(all)
}

/// What the views have of each item of a table; `None` for those that no view has.
async fn stored(
    form: &Form,
    table: &FormTable,
    dictionary: &Dictionary,
    session: &Session,
) -> Result<Vec<Option<Held>>> {
    let mut all = vec![None; table.items.len()];
    let schema = match table.records(dictionary) {
        Some(records) => Some(session.schema(table.view(records)).await?),
        None => None,
    };
    for (relation, condition, columns) in relations(form, table, dictionary, session).await? {
        let mut sql = "SELECT count(*)".to_owned();
        for (_, element, column) in &columns {
            let old = oldest(form, element, session.as_of())
                .filter(|_| schema.as_ref().is_some_and(|schema| schema.index_of(&element.dated).is_ok()))
                .map(|day| format!(" AND CAST({} AS DATE) < DATE '{day}'", quoted(&element.dated)))
                .unwrap_or_else(|| " AND false".to_owned());
            let column = quoted(column);
            sql.push_str(&format!(", count({column}), count(*) FILTER (WHERE {column} IS NOT NULL{old})"));
        }
        sql.push_str(&format!(" FROM {relation}"));
        if let Some(condition) = condition {
            sql.push_str(&format!(" WHERE {condition}"));
        }
        let batches = session.fetch(&sql).await.map_err(|problem| in_form(form, problem))?;
        let Some(row) = batches.iter().find(|batch| batch.num_rows() > 0) else { continue };
        let number = |at: usize| {
            let column = row.column(at).as_primitive_opt::<Int64Type>();
            column.filter(|column| !column.is_null(0)).map_or(0, |column| u64::try_from(column.value(0)).unwrap_or(0))
        };
        for (order, (at, _, _)) in columns.iter().enumerate() {
            all[*at] = Some(Held { cells: number(0), filled: number(1 + 2 * order), old: number(2 + 2 * order) });
        }
    }
    Ok(all)
}

/// Counts what came back on collection sheets: where no view has an item, and where it stands in for what a view has.
async fn add_collected(
    counted: &mut [Option<Held>],
    collected: &Collected,
    form: &Form,
    table: &FormTable,
    dictionary: &Dictionary,
    session: &Session,
) -> Result<()> {
    let Some(of) = table.of.as_deref().filter(|_| !collected.is_empty()) else { return Ok(()) };
    let objects = objects(form, table, dictionary, session).await?;
    for (item, held) in
        table.items.iter().zip(counted.iter_mut()).filter(|(item, held)| item.is_data() && held.is_none())
    {
        let oldest = item.element.as_deref().and_then(|id| oldest(form, dictionary.get(id)?, session.as_of()));
        let (filled, old) = collected.count(of, objects.iter().map(String::as_str), &table.key_of(item), oldest);
        *held = Some(Held { cells: objects.len() as u64, filled, old });
    }
    for (relation, condition, columns) in relations(form, table, dictionary, session).await? {
        for (at, element, column) in columns {
            let key = table.key_of(&table.items[at]);
            if dictionary.lands_in(element).is_some() || !collected.has(of, &key) {
                continue;
            }
            let rows =
                Replaceable { relation: &relation, condition: condition.as_deref(), column: &column, of, key: &key };
            let found = rows.read(form, table, element, dictionary, session).await?;
            let Some(held) = &mut counted[at] else { continue };
            let oldest = oldest(form, element, session.as_of());
            let is_old = |date: NaiveDate| oldest.is_some_and(|oldest| date < oldest);
            for (object, has_value, dated) in found {
                let records = Stored { has_value, dated, element: Some(element), dictionary };
                if let Some((_, date)) = collected.instead_of(records, of, &object, &key) {
                    held.filled += u64::from(!has_value);
                    held.old -= u64::from(has_value && dated.is_some_and(is_old)).min(held.old);
                    held.old += u64::from(is_old(date));
                }
            }
        }
    }
    Ok(())
}

/// Rows of a view of which a collected value may be newer.
struct Replaceable<'a> {
    relation: &'a str,
    condition: Option<&'a str>,
    column: &'a str,
    of: &'a str,
    key: &'a str,
}

impl Replaceable<'_> {
    /// Their keys, whether they have a value, and the day it is of.
    async fn read(
        &self,
        form: &Form,
        table: &FormTable,
        element: &Element,
        dictionary: &Dictionary,
        session: &Session,
    ) -> Result<Vec<(String, bool, Option<NaiveDate>)>> {
        let doing = "counting collected values";
        let literal = |text: &str| text.replace('\'', "''");
        let (key, dated) = match table.records(dictionary) {
            Some(records) => {
                let is_dated = session.schema(table.view(records)).await?.index_of(&element.dated).is_ok();
                (quoted(&records.key), is_dated.then(|| quoted(&element.dated)))
            }
            None => ("place_code".to_owned(), None),
        };
        let sql = format!(
            "SELECT CAST({key} AS VARCHAR), {} IS NOT NULL, CAST({} AS DATE) FROM {} WHERE {key} IN \
             (SELECT object_id FROM {COLLECTED_VALUES} WHERE subject = '{}' AND element = '{}'){}",
            quoted(self.column),
            dated.unwrap_or_else(|| "NULL".to_owned()),
            self.relation,
            literal(self.of),
            literal(self.key),
            self.condition.map(|condition| format!(" AND {condition}")).unwrap_or_default(),
        );
        let mut rows = Vec::new();
        for batch in session.fetch(&sql).await.map_err(|problem| in_form(form, problem))? {
            let keys = cast(batch.column(0), &DataType::Utf8).doing(doing)?;
            let (keys, filled) = (keys.as_string::<i32>(), batch.column(1).as_boolean());
            let dates = batch.column(2).as_primitive::<Date32Type>();
            rows.extend((0..batch.num_rows()).map(|row| {
                let date = (!dates.is_null(row)).then(|| dates.value_as_date(row)).flatten();
                (keys.value(row).to_owned(), filled.value(row), date)
            }));
        }
        Ok(rows)
    }
}
