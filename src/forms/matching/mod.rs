//! Which data element an item of a form is. By names and headings first; unit, choices and samples speak for or against it.
//!
//! Nothing is guessed: an item is one element for a reason that is said, or its candidates are named for a person to choose.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::elements::{Dictionary, Element};
use super::measures;
use super::reading::{Kind, folded, without_code};
use crate::contract::ColumnKind;
use crate::district::identifiers::check_id_number;

/// What is known of an item when its element is looked for.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    pub path: &'a [String],
    pub unit: Option<&'a str>,
    pub choices: &'a [String],
    /// What a filled form has there; shown nowhere.
    pub samples: Vec<&'a str>,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Counts the rows.
    Counter,
    /// For hand, seal or remarks.
    ByHand,
    /// An element, and why.
    Element { id: String, why: String },
    /// Several could be meant, or something speaks against the one that is.
    Doubtful { candidates: Vec<String>, why: String },
    /// Nothing in the dictionary is called so.
    Unknown,
}

/// How a name was found.
struct Found<'d> {
    element: &'d Element,
    why: String,
    /// A heading that is part of no name and sets no form either.
    below: Option<String>,
}

/// The subject a table is about, and what its items are.
///
/// The subject is the one most items and the title can be read as; `None` if two come off equally or none at all. Named rows
/// and columns are figures of `beside`, the subject of the card that stands on the same sheet, or of the place. A list may be
/// `known` to be about something.
pub(super) fn meanings(
    dictionary: &Dictionary,
    kind: Kind,
    title: &str,
    (beside, known): (Option<usize>, Option<usize>),
    items: &[Asked<'_>],
) -> (Option<usize>, Vec<Meaning>) {
    let found: Vec<Vec<Found<'_>>> = items.iter().map(|item| found(dictionary, item.path)).collect();
    let subject = match kind {
        Kind::Matrix => beside.or_else(|| dictionary.subjects.iter().position(|subject| subject.records.is_none())),
        Kind::List => known.or_else(|| subject_of(dictionary, title, items, &found)),
        // What a card goes on with is of whom it began with.
        Kind::Card => subject_of(dictionary, title, items, &found).or(beside),
    };
    let population = dictionary.populations.iter().find(|word| kind == Kind::Matrix && title.contains(word.as_str()));
    let meanings = items.iter().zip(found).map(|(item, found)| {
        let meant = meaning(dictionary, kind, subject, item, found);
        match (meant, population) {
            (Meaning::Element { id, .. }, Some(word)) if !is_named_after(dictionary, &id, word) => {
                let why = format!("the form is about {word}, and the figure of all may not be meant");
                Meaning::Doubtful { candidates: vec![id], why }
            }
            (meant, _) => meant,
        }
    });
    (subject, meanings.collect())
}

fn is_named_after(dictionary: &Dictionary, id: &str, word: &str) -> bool {
    dictionary.get(id).is_some_and(|element| element.names.iter().any(|name| name.contains(word)))
}

/// What one item is in a form about a subject.
fn meaning(
    dictionary: &Dictionary,
    kind: Kind,
    subject: Option<usize>,
    item: &Asked<'_>,
    found: Vec<Found<'_>>,
) -> Meaning {
    let last = item.path.last().map(|last| folded(last)).unwrap_or_default();
    if dictionary.counters.contains(&last) {
        return Meaning::Counter;
    }
    if dictionary.by_hand.iter().any(|word| last.ends_with(word.as_str())) {
        return Meaning::ByHand;
    }
    let is_own = |found: &&Found<'_>| subject.is_none_or(|subject| found.element.subject == subject);
    let whole: Vec<&Found<'_>> = found.iter().filter(|found| found.below.is_none()).filter(is_own).collect();
    if let ([one], Some(_)) = (whole.as_slice(), subject) {
        let (pros, cons) = evidence(one.element, item);
        let why: Vec<String> = std::iter::once(one.why.clone()).chain(pros).collect();
        return match cons.is_empty() {
            true => Meaning::Element { id: one.element.id.clone(), why: why.join("; ") },
            false => Meaning::Doubtful { candidates: vec![one.element.id.clone()], why: cons.join("; ") },
        };
    }
    let ids = |found: &[&Found<'_>]| {
        let mut ids: Vec<String> = found.iter().map(|found| found.element.id.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    if !whole.is_empty() {
        let why = "what the form is about does not tell which element is meant".to_owned();
        return Meaning::Doubtful { candidates: ids(&whole), why };
    }
    if kind == Kind::Matrix {
        // The name of a row makes another figure of the column.
        return Meaning::Unknown;
    }
    let others: Vec<&Found<'_>> = found.iter().filter(|found| found.below.is_none()).collect();
    if !others.is_empty() {
        let why = "so called is something else than the form is about".to_owned();
        return Meaning::Doubtful { candidates: ids(&others), why };
    }
    let below: Vec<&Found<'_>> = found.iter().filter(is_own).collect();
    if let Some(heading) = below.first().and_then(|found| found.below.as_ref()) {
        let why = format!("below the heading {heading} it may be another's");
        return Meaning::Doubtful { candidates: ids(&below), why };
    }
    let near = near(dictionary, subject, &last, item);
    match near.is_empty() {
        true => Meaning::Unknown,
        false => Meaning::Doubtful { candidates: near, why: "its name or its values are like theirs".to_owned() },
    }
}

/// The elements an item's headings name: with all of them, or with the last only.
fn found<'d>(dictionary: &'d Dictionary, path: &[String]) -> Vec<Found<'d>> {
    let segments: Vec<String> = path.iter().map(|head| folded(head)).filter(|head| !head.is_empty()).collect();
    let mut all = Vec::new();
    for (at, subject) in dictionary.subjects.iter().enumerate() {
        let sets_form = |head: &String| dictionary.neutral.contains(head) || subject.groups.contains(head);
        // 产权人信息 is whose name and number follow: the owner's.
        let bare: Vec<String> = segments
            .iter()
            .enumerate()
            .map(|(order, head)| match order + 1 < segments.len() && !sets_form(head) {
                true => without_kind(head).to_owned(),
                false => head.clone(),
            })
            .collect();
        let (written, segments) = (&segments, &bare);
        let first = segments.iter().position(|head| !sets_form(head));
        let mut telling: Vec<&String> = segments.iter().filter(|head| !sets_form(head)).collect();
        if telling.is_empty() {
            telling = segments.last().into_iter().collect();
        }
        let joined: String = telling.iter().map(|head| head.as_str()).collect();
        let mut sorted = telling.clone();
        sorted.sort();
        for element in dictionary.of(at) {
            let mut best: Option<Found<'d>> = None;
            for (order, name) in element.names.iter().enumerate() {
                let heads: Vec<String> = name.split('/').map(folded).collect();
                let whole: String = heads.concat();
                let mut own = heads.clone();
                own.sort();
                // With headings that only set the form, and without them; rows before columns or columns before rows.
                let with_heads = (0..segments.len()).find(|from| segments[*from..].concat() == whole);
                let is_whole = with_heads.is_some_and(|from| segments[..from].iter().all(sets_form))
                    || joined == whole
                    || (own.len() > 1 && own.iter().eq(sorted.iter().copied()));
                let why = match (order, heads.len()) {
                    (0, 1) => format!("called {name}"),
                    (_, 1) => format!("{name} is another name of {}", element.label),
                    _ => format!("the headings {name} name {}", element.label),
                };
                if is_whole {
                    best = Some(Found { element, why, below: None });
                    break;
                }
                if with_heads.is_some() && best.is_none() {
                    let heading = first.or(written.len().checked_sub(1)).map(|at| written[at].clone());
                    best = Some(Found { element, why, below: heading });
                }
            }
            all.extend(best);
        }
    }
    all
}

/// A heading of a group without the word for what stands below it.
fn without_kind(head: &str) -> &str {
    const KINDS: &[&str] = &["基本信息", "基本情况", "信息", "情况"];
    let rest = KINDS.iter().find_map(|kind| head.strip_suffix(kind));
    rest.filter(|rest| rest.chars().count() > 1).unwrap_or(head)
}

fn subject_of(dictionary: &Dictionary, title: &str, items: &[Asked<'_>], found: &[Vec<Found<'_>>]) -> Option<usize> {
    let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
    let mut has_own: BTreeSet<usize> = BTreeSet::new();
    for found in found {
        let mut subjects: Vec<usize> =
            found.iter().filter(|found| found.below.is_none()).map(|found| found.element.subject).collect();
        subjects.dedup();
        // What only one subject has says more than what all have.
        if let [one] = subjects.as_slice() {
            has_own.insert(*one);
        }
        let weight = if subjects.len() == 1 { 3 } else { 1 };
        for subject in subjects {
            *votes.entry(subject).or_default() += weight;
        }
    }
    for (at, subject) in dictionary.subjects.iter().enumerate() {
        let is_in_title = has_own.contains(&at) && subject.titles.iter().any(|word| title.contains(word.as_str()));
        if let Some(votes) = votes.get_mut(&at).filter(|_| is_in_title) {
            *votes += items.len();
        }
    }
    let most = votes.values().copied().max()?;
    let mut first = votes.iter().filter(|(_, count)| **count == most);
    let subject = match (first.next(), first.next()) {
        (Some((subject, _)), None) => *subject,
        _ => return None,
    };
    // A name or number of something else that nobody knows: its figures are not those of a place, its address not a shop's.
    let is_own = |found: &Found<'_>| found.element.subject == subject && found.below.is_none();
    let names_another = items.iter().zip(found).any(|(item, found)| {
        let names = item.path.last().is_some_and(|head| head.ends_with("名称") || head.ends_with("编号"));
        names && !found.iter().any(is_own)
    });
    let own_name = match &dictionary.subjects[subject].records {
        Some(records) => records.shown.first(),
        None => None,
    };
    let is_named =
        own_name.is_some_and(|name| found.iter().flatten().any(|one| is_own(one) && one.element.column == *name));
    (is_named || !names_another).then_some(subject)
}

/// What else speaks for an element, and against it.
fn evidence(element: &Element, item: &Asked<'_>) -> (Vec<String>, Vec<String>) {
    let (mut pros, mut cons) = (Vec::new(), Vec::new());
    if let (Some(asked), Some(own)) = (item.unit, element.unit.as_deref()) {
        match measures::conversion(own, asked) {
            Some((from, to)) if from == to => pros.push(format!("in {asked}")),
            Some(_) => pros.push(format!("in {asked}, worked out from {own}")),
            None => cons.push(format!("it is asked for in {asked}, and {} is in {own}", element.label)),
        }
    }
    if let Some(codes) = element.codes.as_ref().filter(|_| !item.choices.is_empty()) {
        let is_listed = |choice: &str| codes.label(choice).or_else(|| codes.label(without_code(choice))).is_some();
        let unlisted: Vec<&str> = item.choices.iter().map(String::as_str).filter(|choice| !is_listed(choice)).collect();
        match unlisted.len() {
            0 => pros.push(format!("its choices are those of {}", codes.name)),
            all if all == item.choices.len() => cons.push(format!("none of its choices is in {}", codes.name)),
            _ => cons.push(format!("{} is not in {}", unlisted.join("、"), codes.name)),
        }
    }
    let samples: Vec<&&str> = item.samples.iter().filter(|sample| !sample.trim().is_empty()).collect();
    if !samples.is_empty() {
        let fitting = samples.iter().filter(|sample| fits(element, sample)).count();
        match fitting * 2 > samples.len() {
            true if is_telling(element) => pros.push(format!("{fitting} of {} filled cells fit", samples.len())),
            true => {}
            false => cons.push(format!("{} of {} filled cells do not fit it", samples.len() - fitting, samples.len())),
        }
    }
    (pros, cons)
}

/// Whether a value of another kind would be noticed.
fn is_telling(element: &Element) -> bool {
    element.codes.is_some() || element.column.ends_with("id_number") || element.kind != ColumnKind::Text
}

fn fits(element: &Element, sample: &str) -> bool {
    let text = crate::contract::normalise_text(sample);
    if let Some(codes) = &element.codes {
        return codes.label(&text).is_some();
    }
    match element.kind {
        ColumnKind::Text if element.column == "id_number" => check_id_number(&text.to_uppercase()).is_ok(),
        ColumnKind::Text | ColumnKind::Boolean | ColumnKind::Timestamp => true,
        ColumnKind::Integer | ColumnKind::Number => text.parse::<f64>().is_ok(),
        ColumnKind::Date => text.chars().filter(char::is_ascii_digit).count() >= 5,
    }
}

/// Elements whose names are like an item's, at most three.
fn near(dictionary: &Dictionary, subject: Option<usize>, name: &str, item: &Asked<'_>) -> Vec<String> {
    const LIKE_MIN: f64 = 0.7;
    let mut near: Vec<(f64, &str)> = Vec::new();
    for element in dictionary.elements.iter().filter(|element| subject.is_none_or(|at| element.subject == at)) {
        let names = element.names.iter().map(|own| {
            let own = folded(&own.replace('/', ""));
            let is_part =
                own.chars().count() > 2 && name.contains(&own) || name.chars().count() > 2 && own.contains(name);
            if is_part { 0.9 } else { strsim::normalized_damerau_levenshtein(&own, name) }
        });
        let likeness = names.fold(0.0, f64::max);
        // A column full of ID numbers is one, whatever it is called.
        let is_id = element.column == "id_number"
            && !item.samples.is_empty()
            && item.samples.iter().all(|sample| fits(element, sample));
        if likeness >= LIKE_MIN || is_id {
            near.push((if is_id { 1.0 } else { likeness }, &element.id));
        }
    }
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.into_iter().take(3).map(|(_, id)| id.to_owned()).collect()
}
