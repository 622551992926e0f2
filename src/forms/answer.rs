//! What the warehouse can answer of a form today: what a person wants to know when it arrives at noon and is due by evening.

use std::collections::{BTreeMap, BTreeSet};

use super::collected::Collected;
use super::counted::counted;
use super::elements::Dictionary;
use super::file::Form;
use crate::diagnostic::Result;
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
        let counted = counted(form, table, &collected, dictionary, session).await?;
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
