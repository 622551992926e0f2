//! Where the rows of a form's tables come from, as SQL.

use std::collections::BTreeMap;

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::NaiveDate;

use super::elements::{Dictionary, Element};
use super::file::{Form, FormItem, FormTable};
use super::reading::Kind;
use crate::diagnostic::{Context as _, Diagnostic, Result};
use crate::query::Session;

/// The objects a table has a row for: persons, dwellings, shops; the communities for figures.
///
/// # Errors
/// A view or a condition in `form.yml` that cannot be queried.
pub(super) async fn objects(
    form: &Form,
    table: &FormTable,
    dictionary: &Dictionary,
    session: &Session,
) -> Result<Vec<String>> {
    let sql = match table.records(dictionary) {
        Some(records) => {
            let condition = rows_condition(form, table, dictionary);
            let filter = condition.map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
            format!("SELECT {} FROM {}{filter}", quoted(&records.key), quoted(table.view(records)))
        }
        None if table.kind == Kind::List && table.of.is_some() => "SELECT grid_code FROM stg_grids".to_owned(),
        None => "SELECT community_code FROM stg_communities".to_owned(),
    };
    let mut keys = Vec::new();
    for batch in session.fetch(&sql).await.map_err(|problem| in_form(form, problem))? {
        let column = cast(batch.column(0), &DataType::Utf8).doing("reading the objects of a form")?;
        keys.extend(column.as_string::<i32>().iter().map(|key| key.unwrap_or_default().to_owned()));
    }
    Ok(keys)
}

/// What answers a table's items: what stands behind FROM, its condition, and the items by position with their columns.
pub(super) type Relations<'d> = Vec<(String, Option<String>, Columns<'d>)>;
type Columns<'d> = Vec<(usize, &'d Element, String)>;

pub(super) async fn relations<'d>(
    form: &Form,
    table: &FormTable,
    dictionary: &'d Dictionary,
    session: &Session,
) -> Result<Relations<'d>> {
    let subject = table.of.as_deref().and_then(|of| dictionary.subject(of));
    let elements: Vec<(usize, &Element)> = table
        .items
        .iter()
        .enumerate()
        .filter_map(|(at, item)| Some((at, element_of(item, subject?.0, dictionary)?)))
        .collect();
    let Some((_, subject)) = subject else { return Ok(Vec::new()) };
    if let Some(records) = &subject.records {
        let view = table.view(records);
        let schema = session.schema(view).await?;
        let held = elements.into_iter().filter(|(_, element)| schema.index_of(&element.column).is_ok());
        let columns = held.map(|(at, element)| (at, element, element.column.clone())).collect();
        return Ok(vec![(quoted(view), rows_condition(form, table, dictionary), columns)]);
    }
    // A list of places has a row for each grid; any other table one figure for the community.
    let level = if table.kind == Kind::List { "grid" } else { "community" };
    let mut by_view: BTreeMap<&str, Vec<(usize, &Element)>> = BTreeMap::new();
    for (at, element) in elements {
        if let Some(source) = &element.source {
            by_view.entry(&source.relation).or_default().push((at, element));
        }
    }
    let relations = by_view.into_iter().map(|(view, elements)| {
        let mut columns = Vec::new();
        let mut selected = String::from("place_code");
        for (order, (at, element)) in elements.into_iter().enumerate() {
            let column = quoted(element.source.as_ref().map_or("", |source| source.column.as_str()));
            let of =
                element.condition.as_ref().map(|condition| format!(" FILTER (WHERE {condition})")).unwrap_or_default();
            // What has several rows for a place is no figure of it.
            selected.push_str(&format!(", CASE WHEN count({column}){of} = 1 THEN max({column}){of} END AS f{order}"));
            columns.push((at, element, format!("f{order}")));
        }
        let view = quoted(view);
        let from =
            format!("(SELECT {selected} FROM {view} WHERE place_level = '{level}' GROUP BY place_code) AS figures");
        (from, None, columns)
    });
    Ok(relations.collect())
}

fn element_of<'d>(item: &FormItem, subject: usize, dictionary: &'d Dictionary) -> Option<&'d Element> {
    dictionary.get(item.element.as_deref()?).filter(|element| element.subject == subject)
}

/// The day before which a value is older than a form allows; `None` for what does not change.
pub(super) fn oldest(form: &Form, element: &Element, as_of: NaiveDate) -> Option<NaiveDate> {
    let own = element.refresh.days()?;
    as_of.checked_sub_days(chrono::Days::new(u64::from(form.max_age_days.unwrap_or(own))))
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A query's problem with the file it was asked in.
pub(super) fn in_form(form: &Form, problem: Diagnostic) -> Diagnostic {
    let path = form.path();
    Diagnostic::error(format!("the rows of the form cannot be queried: {}", problem.message))
        .in_file(path)
        .hint("see `of`, `from`, `where` and `with_same` of its tables; `gridhouse describe VIEW` lists the columns of a view")
}

/// Which rows of its records a table is filled with, in SQL.
fn rows_condition(form: &Form, table: &FormTable, dictionary: &Dictionary) -> Option<String> {
    let own = table.condition.as_ref().map(|condition| format!("({condition})"));
    let records = table.records(dictionary)?;
    let Some(card) = form.card(dictionary).filter(|_| table.kind == Kind::List) else { return own };
    let Some(of) = card.records(dictionary) else { return own };
    // Rows that nothing ties to a card are on none.
    let Some(column) = table.with_same.as_deref() else { return Some("false".to_owned()) };
    let (column, key) = (quoted(column), quoted(&of.key));
    let filter = card.condition.as_ref().map(|condition| format!(" WHERE ({condition})")).unwrap_or_default();
    let of_cards = |column: &str| format!("SELECT {column} FROM {}{filter}", quoted(card.view(of)));
    let mut conditions = vec![format!("{column} IN ({})", of_cards(&column))];
    if table.of == card.of {
        // Whom a card is about is not in the list below it, though perhaps in another's.
        let cards = of_cards(&format!("{column} AS link, {key} AS card"));
        let several = format!("SELECT link FROM ({cards}) AS cards GROUP BY link HAVING count(DISTINCT card) > 1");
        let key = quoted(&records.key);
        conditions.push(format!("({key} NOT IN ({}) OR {column} IN ({several}))", of_cards(&key)));
    }
    conditions.extend(own);
    Some(conditions.join(" AND "))
}
