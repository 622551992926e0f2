//! The forms of all departments side by side: what is asked for more than once, and how often it is typed in a year.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::answer::{Answer, answer};
use super::elements::Dictionary;
use super::file::{Form, FormTable};
use super::fill::communities;
use super::rows::objects;
use crate::diagnostic::Result;
use crate::query::Session;

/// All forms, compared.
#[derive(Debug)]
pub struct Catalogue {
    pub forms: Vec<Listed>,
    pub elements: Vec<ListedElement>,
}

/// A form with what it costs to fill.
#[derive(Debug)]
pub struct Listed {
    pub name: String,
    pub title: String,
    pub department: String,
    pub every: Option<&'static str>,
    /// By one community in a year; `None` where the form does not say.
    pub filings_per_year: Option<u32>,
    /// Communities that file it.
    pub units: u64,
    /// Rows and cells of all communities, once.
    pub rows: u64,
    pub cells: u64,
    pub items: Vec<ListedItem>,
}

#[derive(Debug)]
pub struct ListedItem {
    pub place: String,
    pub heads: String,
    pub unit: Option<String>,
    /// The element, or the item's own name where it is none.
    pub element: String,
    pub label: String,
    pub is_known: bool,
    pub state: &'static str,
    pub cells: u64,
}

/// Something that is asked for.
#[derive(Debug)]
pub struct ListedElement {
    pub element: String,
    pub label: String,
    pub subject: Option<String>,
    pub owner: Option<String>,
    pub source: Option<String>,
    pub forms: BTreeSet<usize>,
    /// Cells that are filled in a year, and how many would be if each object's value were given once as often as it
    /// changes, and never more often than the form that asks most often.
    pub cells_per_year: u64,
    pub needed_cells_per_year: u64,
}

impl Catalogue {
    pub fn item_count(&self) -> usize {
        self.forms.iter().map(|form| form.items.len()).sum()
    }

    /// 数据项重复率: 1 − distinct ÷ total; `None` without items.
    pub fn duplicate_rate(&self) -> Option<f64> {
        let total = self.item_count();
        (total > 0).then(|| 1.0 - self.elements.len() as f64 / total as f64)
    }

    /// `180 items of 15 forms are 92 elements: 48.89 % are repeats; …`
    pub fn sentence(&self) -> String {
        let percent = |rate: f64| format!("{:.2} %", rate * 100.0);
        let mut text =
            format!("{} items of {} forms are {} elements", self.item_count(), self.forms.len(), self.elements.len());
        if let Some(rate) = self.duplicate_rate() {
            text.push_str(&format!(": {} are repeats", percent(rate)));
        }
        let filings: u64 =
            self.forms.iter().map(|form| u64::from(form.filings_per_year.unwrap_or(0)) * form.units).sum();
        let cells: u64 = self.elements.iter().map(|element| element.cells_per_year).sum();
        let needed: u64 = self.elements.iter().map(|element| element.needed_cells_per_year).sum();
        if cells > 0 {
            let repeats = cells - needed;
            let rate = percent(repeats as f64 / cells as f64);
            text.push_str(&format!(
                "; {filings} filings and {cells} cells a year, {repeats} of them typed before ({rate})"
            ));
        }
        text
    }

    /// The elements of a form.
    pub fn elements_of(&self, form: usize) -> BTreeSet<&str> {
        self.forms[form].items.iter().map(|item| item.element.as_str()).collect()
    }

    /// Forms all of whose items another one asks for as well.
    pub fn contained(&self) -> Vec<(usize, usize)> {
        let sets: Vec<BTreeSet<&str>> = (0..self.forms.len()).map(|at| self.elements_of(at)).collect();
        let pairs = (0..sets.len()).flat_map(|a| (0..sets.len()).map(move |b| (a, b)));
        pairs.filter(|(a, b)| a != b && !sets[*a].is_empty() && sets[*a].is_subset(&sets[*b])).collect()
    }
}

/// Compares all forms over today's rows.
///
/// # Errors
/// A view or condition of a form that cannot be queried.
pub async fn catalogue(forms: &[Form], dictionary: &Dictionary, session: &Session) -> Result<Catalogue> {
    let mut members = Members::default();
    let mut listed = Vec::new();
    let mut elements: BTreeMap<String, ListedElement> = BTreeMap::new();
    for (at, form) in forms.iter().enumerate() {
        let mut rows = 0;
        let mut rows_of_tables = Vec::new();
        for (_, table) in form.tables() {
            let count = members.add(at, form, table, dictionary, session).await?;
            rows += count;
            rows_of_tables.push(count);
        }
        let answered = answer(form, &[], dictionary, session).await?;
        listed.push(of_form(at, form, &answered, &rows_of_tables, rows, dictionary, &mut elements));
    }
    let units = communities(session, None).await?.len() as u64;
    for form in &mut listed {
        form.units = units;
    }
    let frequencies: Vec<u64> =
        forms.iter().map(|form| u64::from(form.every.map_or(0, |every| every.per_year()))).collect();
    for element in elements.values_mut() {
        let objects = members.of(element.subject.as_deref());
        let known = dictionary.get(&element.element);
        let worth = known.map_or(u64::MAX, |element| element.refresh.per_year());
        element.needed_cells_per_year =
            objects.iter().map(|(of, count)| count * most(&frequencies, of, &element.forms).min(worth)).sum();
    }
    Ok(Catalogue { forms: listed, elements: elements.into_values().collect() })
}

/// How often the most frequent of the forms in both sets is filed.
fn most(frequencies: &[u64], forms: &BTreeSet<usize>, asking: &BTreeSet<usize>) -> u64 {
    forms.intersection(asking).map(|at| frequencies[*at]).max().unwrap_or(0)
}

fn of_form(
    at: usize,
    form: &Form,
    answered: &Answer,
    rows_of_tables: &[u64],
    rows: u64,
    dictionary: &Dictionary,
    elements: &mut BTreeMap<String, ListedElement>,
) -> Listed {
    let mut items = Vec::new();
    let mut states = answered.items.iter();
    for ((sheet, table), rows) in form.tables().zip(rows_of_tables) {
        for item in table.items.iter().filter(|item| item.is_data()) {
            let known = item.element.as_deref().and_then(|id| dictionary.get(id));
            let (key, label) = match known {
                Some(element) => (element.id.clone(), element.label.clone()),
                None => (table.key_of(item), item.heads.to_string()),
            };
            let times = u64::from(form.every.map_or(0, |every| every.per_year()));
            let element = elements.entry(key.clone()).or_insert_with(|| ListedElement {
                element: key.clone(),
                label: label.clone(),
                subject: table.of.clone(),
                owner: known.map(|element| element.owner.clone()),
                source: known.and_then(|element| Some(element.source.as_ref()?.to_string())),
                forms: BTreeSet::new(),
                cells_per_year: 0,
                needed_cells_per_year: 0,
            });
            element.forms.insert(at);
            element.cells_per_year += rows * times;
            items.push(ListedItem {
                place: format!("{}!{}", sheet.sheet, item.place()),
                heads: item.heads.to_string(),
                unit: item.unit.clone(),
                element: key,
                label,
                is_known: known.is_some(),
                state: states.next().map_or("", |item| item.state.label()),
                cells: *rows,
            });
        }
    }
    Listed {
        name: form.name.clone(),
        title: form.title.clone(),
        department: form.department.clone(),
        every: form.every.map(|every| every.name()),
        filings_per_year: form.every.map(|every| every.per_year()),
        units: 0,
        rows,
        cells: items.iter().map(|item| item.cells).sum(),
        items,
    }
}

/// Which forms ask about which objects. Of a million objects few are asked about by different sets of forms, so that each set
/// is kept once.
#[derive(Default)]
struct Members {
    /// The position of the set of forms by object, by subject.
    by_subject: BTreeMap<String, HashMap<String, usize>>,
    sets: Vec<BTreeSet<usize>>,
    by_set: HashMap<BTreeSet<usize>, usize>,
}

impl Members {
    /// Adds the objects of a table and gives its rows.
    async fn add(
        &mut self,
        at: usize,
        form: &Form,
        table: &FormTable,
        dictionary: &Dictionary,
        session: &Session,
    ) -> Result<u64> {
        let keys = objects(form, table, dictionary, session).await?;
        let rows = keys.len() as u64;
        let alone = self.set([at].into());
        // Where an object's set goes when this form joins it.
        let mut grown: HashMap<usize, usize> = HashMap::new();
        let mut members = self.by_subject.remove(table.of.as_deref().unwrap_or_default()).unwrap_or_default();
        for key in keys {
            match members.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(alone);
                }
                Entry::Occupied(mut entry) => {
                    let before = *entry.get();
                    let after = *grown.entry(before).or_insert_with(|| {
                        let mut set = self.sets[before].clone();
                        set.insert(at);
                        self.set(set)
                    });
                    entry.insert(after);
                }
            }
        }
        self.by_subject.insert(table.of.clone().unwrap_or_default(), members);
        Ok(rows)
    }

    fn set(&mut self, set: BTreeSet<usize>) -> usize {
        *self.by_set.entry(set).or_insert_with_key(|set| {
            self.sets.push(set.clone());
            self.sets.len() - 1
        })
    }

    /// Sets of forms with the number of objects they all ask about.
    fn of(&self, subject: Option<&str>) -> Vec<(&BTreeSet<usize>, u64)> {
        let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
        let objects = self.by_subject.get(subject.unwrap_or_default());
        objects.into_iter().flat_map(HashMap::values).for_each(|set| *counts.entry(*set).or_default() += 1);
        counts.into_iter().map(|(set, count)| (&self.sets[set], count)).collect()
    }
}

impl Catalogue {
    /// Rows of the tables that views and reports of the forms read, by table.
    pub fn rows(&self) -> Vec<(&'static str, Vec<Value>)> {
        let forms = self.forms.iter().map(|form| {
            json!({
                "form": form.name, "title": form.title, "department": form.department, "every": form.every,
                "filings_per_year": form.filings_per_year, "unit_count": form.units, "item_count": form.items.len(),
                "row_count": form.rows, "cell_count": form.cells,
            })
        });
        let items = self.forms.iter().flat_map(|form| {
            form.items.iter().enumerate().map(|(at, item)| {
                json!({
                    "form": form.name, "item_number": at + 1, "place": item.place, "item": item.heads, "unit": item.unit,
                    "element": item.element, "element_label": item.label, "is_known": if item.is_known { "是" } else { "否" },
                    "state": item.state, "cell_count": item.cells,
                })
            })
        });
        let elements = self.elements.iter().map(|element| {
            json!({
                "element": element.element, "element_label": element.label, "subject": element.subject,
                "owner": element.owner, "source": element.source, "form_count": element.forms.len(),
                "cells_per_year": element.cells_per_year, "needed_cells_per_year": element.needed_cells_per_year,
            })
        });
        vec![
            ("department_forms", forms.collect()),
            ("department_form_items", items.collect()),
            ("department_form_elements", elements.collect()),
        ]
    }
}
