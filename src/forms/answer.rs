//! What the warehouse can answer of a form today: what a person wants to know when it arrives at noon and is due by evening.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use chrono::NaiveDate;

use super::collected::Collected;
use super::elements::{Dictionary, Element};
use super::file::{Form, FormItem, FormTable};
use super::layout::Kind;
use crate::diagnostic::{Context as _, Diagnostic, Result};
use crate::query::Session;

/// One in so many filled cells may be old before an item is.
const OLD_CELLS_ONE_IN: u64 = 10;

/// What becomes of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// From the warehouse, as new as the form asks.
    Current,
    /// From the warehouse, with more than a tenth of the cells older than the form allows.
    Old,
    /// In no table: to be collected.
    Collected,
    /// Which element it is has to be said by a person.
    Doubtful,
    /// Nothing in the dictionary is called so: to be collected.
    Unknown,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Old => "old",
            Self::Collected => "to be collected",
            Self::Doubtful => "doubtful",
            Self::Unknown => "not in the dictionary",
        }
    }

    /// As reports print it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Current => "库中现行",
            Self::Old => "库中较旧",
            Self::Collected | Self::Unknown => "需采集",
            Self::Doubtful => "待确认",
        }
    }
}

/// An item with what the warehouse has of it, over the whole district.
#[derive(Debug, Clone)]
pub struct ItemState {
    pub sheet: String,
    pub place: String,
    pub heads: String,
    pub unit: Option<String>,
    pub element: Option<String>,
    /// Where the answer stands: `residents.id_number`.
    pub source: Option<String>,
    pub state: State,
    /// Cells asked for, those with a value, and those of them whose value is old.
    pub cells: u64,
    pub filled: u64,
    pub old: u64,
    pub why: String,
    /// Other forms that ask for it.
    pub also_in: Vec<String>,
}

/// The answer, counted.
#[derive(Debug)]
pub struct Answer {
    pub items: Vec<ItemState>,
}

/// How many items come from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub current: usize,
    pub old: usize,
    /// In no table, or in no dictionary.
    pub collected: usize,
    pub doubtful: usize,
    /// Asked for by other forms as well, and by how many.
    pub shared: usize,
    pub sharing_forms: usize,
}

impl Answer {
    pub fn counts(&self) -> Counts {
        let count = |state: State| self.items.iter().filter(|item| item.state == state).count();
        let sharing: BTreeSet<&String> = self.items.iter().flat_map(|item| &item.also_in).collect();
        Counts {
            current: count(State::Current),
            old: count(State::Old),
            collected: count(State::Collected) + count(State::Unknown),
            doubtful: count(State::Doubtful),
            shared: self.items.iter().filter(|item| !item.also_in.is_empty()).count(),
            sharing_forms: sharing.len(),
        }
    }

    /// `50 items: 43 from the warehouse (38 current, 5 older than the form allows), 7 to be collected; …`
    pub fn sentence(&self) -> String {
        let Counts { current, old, collected, doubtful, shared, sharing_forms } = self.counts();
        let mut text = format!(
            "{} items: {} from the warehouse ({current} current, {old} older than the form allows), {collected} to be collected",
            self.items.len(),
            current + old,
        );
        if doubtful > 0 {
            text.push_str(&format!(", {doubtful} for a person to decide"));
        }
        if shared > 0 {
            text.push_str(&format!("; {shared} already collected by {sharing_forms} other forms"));
        }
        text
    }
}

/// Works out what the warehouse has of each item of a form. `others` are all forms; the form itself may be among them.
///
/// # Errors
/// A view or a condition in `form.yml` that cannot be queried.
pub async fn answer(form: &Form, others: &[Form], dictionary: &Dictionary, session: &Session) -> Result<Answer> {
    let mut asking: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for other in others.iter().filter(|other| other.name != form.name) {
        for id in other.items().filter_map(|item| item.element.as_deref()) {
            asking.entry(id).or_default().insert(&other.name);
        }
    }
    let collected = Collected::read(session).await?;
    let mut items = Vec::new();
    for (sheet, table) in form.tables() {
        let mut counted = counted(form, table, dictionary, session).await?;
        add_collected(&mut counted, &collected, form, table, dictionary, session).await?;
        for (item, held) in table.items.iter().zip(counted).filter(|(item, _)| item.is_data()) {
            let element = item.element.as_deref().and_then(|id| dictionary.get(id));
            let state = match (&held, element) {
                (_, None) if !item.candidates.is_empty() => State::Doubtful,
                (None, None) => State::Unknown,
                (Some(held), None) if held.filled == 0 => State::Unknown,
                (None, Some(_)) => State::Collected,
                (Some(held), _) if held.cells > 0 && held.filled == 0 => State::Collected,
                (Some(held), _) if held.old * OLD_CELLS_ONE_IN > held.filled => State::Old,
                (Some(_), _) => State::Current,
            };
            let held = held.unwrap_or_default();
            let also_in = item.element.as_deref().and_then(|id| asking.get(id)).into_iter().flatten();
            items.push(ItemState {
                sheet: sheet.sheet.clone(),
                place: item.place().to_owned(),
                heads: item.heads.to_string(),
                unit: item.unit.clone(),
                element: item.element.clone(),
                source: element.and_then(|element| Some(element.source.as_ref()?.to_string())),
                state,
                cells: held.cells,
                filled: held.filled,
                old: held.old,
                why: item.why.clone().unwrap_or_default(),
                also_in: also_in.map(|name| (*name).to_owned()).collect(),
            });
        }
    }
    Ok(Answer { items })
}

/// How many cells of an item there are over the district.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    cells: u64,
    filled: u64,
    old: u64,
}

/// What the warehouse has of each item of a table; `None` for those that no view has.
async fn counted(
    form: &Form,
    table: &FormTable,
    dictionary: &Dictionary,
    session: &Session,
) -> Result<Vec<Option<Held>>> {
    let mut all = vec![None; table.items.len()];
    let records = table.of.as_deref().and_then(|of| dictionary.subject(of)?.1.records.as_ref());
    let schema = match records {
        Some(records) => Some(session.schema(table.from.as_ref().unwrap_or(&records.view)).await?),
        None => None,
    };
    for (relation, condition, columns) in relations(table, dictionary, session).await? {
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

/// Counts what came back on collection sheets where no view has an item.
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
    for (item, held) in table.items.iter().zip(counted).filter(|(item, held)| item.is_data() && held.is_none()) {
        let oldest = item.element.as_deref().and_then(|id| oldest(form, dictionary.get(id)?, session.as_of()));
        let (filled, old) = collected.count(of, objects.iter().map(String::as_str), &table.key_of(item), oldest);
        *held = Some(Held { cells: objects.len() as u64, filled, old });
    }
    Ok(())
}

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
    let records = table.of.as_deref().and_then(|of| dictionary.subject(of)?.1.records.as_ref());
    let sql = match records {
        Some(records) => format!(
            "SELECT {} FROM {}{}",
            quoted(&records.key),
            quoted(table.from.as_ref().unwrap_or(&records.view)),
            table.condition.as_ref().map(|condition| format!(" WHERE ({condition})")).unwrap_or_default()
        ),
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
        let view = table.from.clone().unwrap_or_else(|| records.view.clone());
        let schema = session.schema(&view).await?;
        let held = elements.into_iter().filter(|(_, element)| schema.index_of(&element.column).is_ok());
        let columns = held.map(|(at, element)| (at, element, element.column.clone())).collect();
        return Ok(vec![(quoted(&view), table.condition.as_ref().map(|condition| format!("({condition})")), columns)]);
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
        .hint("see `of`, `from` and `where` of its tables; `gridhouse describe VIEW` lists the columns of a view")
}
