//! The smallest collection that serves several forms: each object once, each element once, only what is missing or old.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::super::collected::{Collected, Stored};
use super::super::elements::Dictionary;
use super::super::file::{Every, Form, FormItem, FormTable};
use super::super::fill::{Community, Held, Row, held, plain_text};
use super::super::reading::Kind;
use super::super::rows::oldest;
use crate::contract::ColumnKind;
use crate::diagnostic::Result;
use crate::query::Session;

/// Something that is asked of every object of a kind.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The element, or the name of an item that is none.
    pub key: String,
    pub label: String,
    pub kind: ColumnKind,
    pub unit: Option<String>,
    /// What may be chosen.
    pub choices: Vec<String>,
    /// Forms that ask for it.
    pub forms: BTreeSet<String>,
}

/// What is to be done about one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellNeed {
    /// Known and new enough, with the time it was recorded where the records say so.
    Known(Box<str>, Option<NaiveDateTime>),
    /// Recorded too long ago for a form.
    Old(Box<str>, NaiveDateTime),
    Missing,
}

impl CellNeed {
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Missing | Self::Old(..))
    }
}

/// One person, dwelling, shop or community.
#[derive(Debug)]
pub struct ObjectNeed {
    pub id: String,
    /// What forms ask of this object, by position among what is asked. Of a million persons most are asked little.
    pub cells: Vec<(u16, CellNeed)>,
}

impl ObjectNeed {
    pub fn cell(&self, ask: usize) -> Option<&CellNeed> {
        let at = self.cells.binary_search_by_key(&u16::try_from(ask).ok()?, |(ask, _)| *ask).ok()?;
        Some(&self.cells[at].1)
    }

    /// Whether anything of it is to be filled or looked at.
    pub fn is_open(&self) -> bool {
        self.cells.iter().any(|(_, cell)| cell.is_open())
    }
}

/// All that is asked of the objects of one subject.
#[derive(Debug)]
pub struct SubjectNeeds {
    /// Position in the dictionary.
    pub subject: usize,
    pub asks: Vec<Ask>,
    /// By community code; in the order of the records.
    pub objects: BTreeMap<String, Vec<ObjectNeed>>,
}

/// What is to be collected, and what it saves.
#[derive(Debug)]
pub struct Needs {
    pub subjects: Vec<SubjectNeeds>,
    pub saving: Saving,
    /// Cells each community would fill if every form came alone.
    pub separate_cells: BTreeMap<String, u64>,
}

impl Needs {
    /// Only the objects of which something is to be filled or looked at.
    pub fn open(mut self) -> Self {
        for subject in &mut self.subjects {
            for objects in subject.objects.values_mut() {
                objects.retain(ObjectNeed::is_open);
                objects.shrink_to_fit();
            }
        }
        self
    }
}

/// Both counts of what is saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Saving {
    pub forms: usize,
    /// Cells of one round: all forms for themselves, and the cells that are collected.
    pub cells_separate: u64,
    pub cells_collected: u64,
    /// Filings of all communities in a year: all forms for themselves, and one sheet as often as the most frequent form.
    pub filings_separate: u64,
    pub filings_collected: u64,
    /// Items that nobody has decided on; they are not collected.
    pub undecided: usize,
}

/// Works out what is to be collected for some forms in some communities.
///
/// # Errors
/// A view or a condition of a form that cannot be queried.
pub async fn needs(
    forms: &[Form],
    dictionary: &Dictionary,
    session: &Session,
    communities: &[Community],
) -> Result<Needs> {
    let collected = Collected::read(session).await?;
    // In the element's own unit and words.
    let plain = FormItem::default();
    let mut subjects: BTreeMap<usize, Gathering> = BTreeMap::new();
    let mut saving = Saving { forms: forms.len(), ..Saving::default() };
    let mut separate_cells: BTreeMap<String, u64> = BTreeMap::new();
    for form in forms {
        for (_, table) in form.tables() {
            let items = table.items.iter().filter(|item| item.is_data());
            saving.undecided += items.clone().filter(|item| !is_decided(item)).count();
            let Some((subject, _)) = table.of.as_deref().and_then(|of| dictionary.subject(of)) else {
                saving.undecided += items.filter(|item| is_decided(item)).count();
                continue;
            };
            let held = held(form, table, dictionary, session, communities).await?;
            let gathering = subjects.entry(subject).or_default();
            let asks: Vec<Option<usize>> = table
                .items
                .iter()
                .map(|item| {
                    let element = item.element.as_deref().and_then(|id| dictionary.get(id));
                    // A photograph cannot be typed: it comes with a delivery.
                    let is_asked = item.is_data() && is_decided(item) && !element.is_some_and(|one| one.is_photo);
                    is_asked.then(|| gathering.ask(form, table, item, dictionary))
                })
                .collect();
            for community in communities {
                let rows = rows_of(&held, table, dictionary, community);
                let cells = rows.len() * items.clone().count();
                saving.cells_separate += cells as u64;
                *separate_cells.entry(community.code.clone()).or_default() += cells as u64;
                for (id, row) in rows {
                    let object = gathering.object(&community.code, &id);
                    for (at, ask) in asks.iter().enumerate() {
                        let Some(ask) = *ask else { continue };
                        let element = table.items[at].element.as_deref().and_then(|id| dictionary.get(id));
                        let row = row.or_else(|| held.row(at, &id));
                        let of = &dictionary.subjects[subject].name;
                        let stored = element.zip(row).and_then(|(element, row)| held.value(at, row, element, &plain));
                        let dated = row.and_then(|row| held.dated(at, row));
                        let records = Stored {
                            has_value: stored.is_some(),
                            dated: dated.map(|time| time.date()),
                            element,
                            dictionary,
                        };
                        let key = table.key_of(&table.items[at]);
                        let value = match collected.instead_of(records, of, &id, &key) {
                            Some((text, date)) => Some((text.to_owned(), Some(date.and_time(NaiveTime::MIN)))),
                            None => stored.map(|value| (plain_text(&value), dated)),
                        };
                        let oldest = element.and_then(|element| oldest(form, element, session.as_of()));
                        gathering.put(object, ask, need(value, oldest));
                    }
                }
            }
        }
    }
    let per_year = |form: &Form| u64::from(form.every.map_or(0, Every::per_year));
    let units = communities.iter().map(Community::community_code).collect::<BTreeSet<_>>().len() as u64;
    saving.filings_separate = forms.iter().map(per_year).sum::<u64>() * units;
    saving.filings_collected = forms.iter().map(per_year).max().unwrap_or(0) * units;
    let subjects: Vec<SubjectNeeds> =
        subjects.into_iter().map(|(subject, gathering)| gathering.done(subject)).collect();
    let cells = subjects.iter().flat_map(|subject| subject.objects.values().flatten()).flat_map(|object| &object.cells);
    saving.cells_collected = cells.filter(|(_, cell)| cell.is_open()).count() as u64;
    Ok(Needs { subjects, saving, separate_cells })
}

/// Whether it is known what an item asks for: one element, or something that no element is called like.
fn is_decided(item: &FormItem) -> bool {
    item.element.is_some() || item.candidates.is_empty()
}

/// The objects of a table in a community; figures of a place are those of the community, in a list those of its grids.
fn rows_of(
    held: &Held,
    table: &FormTable,
    dictionary: &Dictionary,
    community: &Community,
) -> Vec<(String, Option<Row>)> {
    match (table.kind, table.records(dictionary).is_some()) {
        (_, true) => {
            let rows = held.rows(&community.code).iter();
            rows.filter_map(|row| Some((held.key(*row)?.to_owned(), Some(*row)))).collect()
        }
        (Kind::List, false) => held.places_below(&community.code).into_iter().map(|place| (place, None)).collect(),
        (Kind::Matrix | Kind::Card, false) if !community.is_grid() => vec![(community.code.clone(), None)],
        // Figures of the whole community are asked for on its own sheet.
        (_, false) => Vec::new(),
    }
}

fn need(value: Option<(String, Option<NaiveDateTime>)>, oldest: Option<NaiveDate>) -> CellNeed {
    match value {
        None => CellNeed::Missing,
        Some((text, Some(time))) if oldest.is_some_and(|oldest| time.date() < oldest) => {
            CellNeed::Old(text.into(), time)
        }
        Some((text, time)) => CellNeed::Known(text.into(), time),
    }
}

/// What is gathered of one subject over the forms.
#[derive(Default)]
struct Gathering {
    asks: Vec<Ask>,
    objects: Vec<(String, ObjectNeed)>,
    by_id: HashMap<String, usize>,
}

impl Gathering {
    fn ask(&mut self, form: &Form, table: &FormTable, item: &FormItem, dictionary: &Dictionary) -> usize {
        let key = table.key_of(item);
        let at = self.asks.iter().position(|ask| ask.key == key).unwrap_or_else(|| {
            let element = item.element.as_deref().and_then(|id| dictionary.get(id));
            let is_figure = item.unit.is_some() && item.choices.is_empty();
            let codes = element.and_then(|element| element.codes.as_ref());
            self.asks.push(Ask {
                label: element.map_or_else(|| item.heads.to_string(), |element| element.label.clone()),
                kind: element
                    .map_or(if is_figure { ColumnKind::Number } else { ColumnKind::Text }, |element| element.kind),
                unit: element.map_or_else(|| item.unit.clone(), |element| element.unit.clone()),
                choices: match codes {
                    Some(codes) => codes.entries.iter().map(|entry| entry.label.clone()).collect(),
                    None => item.choices.clone(),
                },
                forms: BTreeSet::new(),
                key,
            });
            self.asks.len() - 1
        });
        self.asks[at].forms.insert(form.name.clone());
        at
    }

    fn object(&mut self, community: &str, id: &str) -> usize {
        if let Some(at) = self.by_id.get(id) {
            return *at;
        }
        self.by_id.insert(id.to_owned(), self.objects.len());
        self.objects.push((community.to_owned(), ObjectNeed { id: id.to_owned(), cells: Vec::new() }));
        self.objects.len() - 1
    }

    /// Enters a cell; of what several forms ask, the one that asks for the newest decides.
    fn put(&mut self, object: usize, ask: usize, need: CellNeed) {
        let cells = &mut self.objects[object].1.cells;
        // A value that one view has is known though another has none; an old one is to be looked at again.
        let rank = |cell: &CellNeed| match cell {
            CellNeed::Missing => 0,
            CellNeed::Known(..) => 1,
            CellNeed::Old(..) => 2,
        };
        let Ok(ask) = u16::try_from(ask) else { return };
        match cells.binary_search_by_key(&ask, |(ask, _)| *ask) {
            Ok(at) if rank(&cells[at].1) < rank(&need) => cells[at].1 = need,
            Ok(_) => {}
            Err(at) => cells.insert(at, (ask, need)),
        }
    }

    fn done(self, subject: usize) -> SubjectNeeds {
        let mut objects: BTreeMap<String, Vec<ObjectNeed>> = BTreeMap::new();
        for (community, object) in self.objects {
            objects.entry(community).or_default().push(object);
        }
        SubjectNeeds { subject, asks: self.asks, objects }
    }
}
