//! Reports that leave the house: counts below a limit are hidden, and so many others that no hidden one can be worked
//! out from totals, from other levels or from the edition before.
//!
//! ```text
//! publication (report.yml) + datasets -> cells and relations -> hidden cells -> datasets without them
//! ```
//!
//! A hidden figure is taken out of the dataset before anything is laid out, so that no format can print it.

mod audit;
mod cells;
mod register;
mod relation;
mod suppression;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;
use serde::Deserialize;

use self::cells::Cells;
use self::register::{Edition, PublishedCell};
use self::relation::ColumnRelation;
use super::Problem;
use super::dataset::Dataset;
use super::yaml::{self, Spanned};

/// The first count shown when a report says nothing else: 1 and 2 are hidden.
const LIMIT: i64 = 3;

/// How many editions back a reader is taken to compare.
const EARLIER_EDITIONS: usize = 3;

/// What a published report says of its figures.
#[derive(Debug, Clone)]
pub(super) struct Publication {
    /// Counts from 1 to below this are hidden.
    pub limit: i64,
    /// The column of place codes, whose prefixes are the places above.
    pub place: Option<Spanned<String>>,
    /// Further columns that tell rows apart; null stands for the total.
    pub by: Vec<Spanned<String>>,
    pub counts: Vec<Spanned<String>>,
    /// Rate, numerator, denominator.
    pub rates: Vec<(String, Spanned<[String; 2]>)>,
    /// Figures that count no persons.
    pub open: Vec<Spanned<String>>,
    pub relations: Vec<(Spanned<String>, ColumnRelation)>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicationFile {
    limit: Option<Spanned<i64>>,
    place: Option<Spanned<String>>,
    #[serde(default)]
    by: Vec<Spanned<String>>,
    counts: Vec<Spanned<String>>,
    #[serde(default)]
    rates: BTreeMap<String, Spanned<[String; 2]>>,
    #[serde(default)]
    open: Vec<Spanned<String>>,
    #[serde(default)]
    relations: Vec<Spanned<String>>,
}

impl Publication {
    pub(super) fn read(path: &Path, file: PublicationFile) -> Result<Self, Problem> {
        if let Some(limit) = file.limit.as_ref().filter(|limit| !(2..=1_000).contains(&limit.value)) {
            return Err(yaml::problem(path, limit, "`limit` is the first count that is shown, 2 to 1000"));
        }
        let mut relations = Vec::with_capacity(file.relations.len());
        for text in file.relations {
            let relation = ColumnRelation::parse(&text.value).map_err(|message| yaml::problem(path, &text, message))?;
            if let Some(unknown) =
                relation.terms.iter().find(|term| !file.counts.iter().any(|count| count.value == term.column))
            {
                let message = format!("`{}` is none of the `counts`", unknown.column);
                return Err(yaml::problem(path, &text, message));
            }
            relations.push((text, relation));
        }
        for (rate, parts) in &file.rates {
            if let Some(unknown) =
                parts.value.iter().find(|part| !file.counts.iter().any(|count| count.value == **part))
            {
                let message = format!("`{unknown}`, of which `{rate}` is made, is none of the `counts`");
                return Err(yaml::problem(path, parts, message)
                    .hint("write it as `rate: [numerator, denominator]`, both listed in `counts`"));
            }
        }
        Ok(Self {
            limit: file.limit.map_or(LIMIT, |limit| limit.value),
            place: file.place,
            by: file.by,
            counts: file.counts,
            rates: file.rates.into_iter().collect(),
            open: file.open,
            relations,
        })
    }

    /// Whether a column's values may be hidden: nothing else about the report may depend on them.
    pub(super) fn may_hide(&self, column: &str) -> bool {
        self.counts.iter().any(|count| count.value == column) || self.rates.iter().any(|(rate, _)| rate == column)
    }

    fn knows(&self, column: &str) -> bool {
        self.may_hide(column)
            || self.open.iter().any(|open| open.value == column)
            || self.place.iter().chain(&self.by).any(|key| key.value == column)
    }
}

/// Takes every figure out of `data` that must not be published. `register` keeps what is; nothing is kept without it.
pub(super) fn protect(
    publication: &Publication,
    (path, report): (&Path, &str),
    data: &mut BTreeMap<String, Dataset>,
    as_of: NaiveDate,
    register: Option<&Path>,
    is_kept: bool,
) -> Result<(), Problem> {
    let unreadable = |error: std::io::Error| Problem::unwritable(register.unwrap_or(path), &error);
    for (name, dataset) in data.iter() {
        let strangers: Vec<String> =
            dataset.number_columns().into_iter().filter(|column| !publication.knows(column)).collect();
        if !strangers.is_empty() {
            let named: Vec<String> = strangers.iter().map(|column| format!("`{column}`")).collect();
            let message = format!("`publication` says nothing of {} of dataset `{name}`", named.join(", "));
            return Err(Problem::new(path, message)
                .hint("list each in `counts`, `rates` or `open`, or leave it out of the dataset's `columns`"));
        }
    }
    let earlier = match register {
        Some(register) => register::earlier(register, report, as_of, EARLIER_EDITIONS).map_err(unreadable)?,
        None => Vec::new(),
    };
    let cells = Cells::of(publication, data, &earlier)
        .map_err(|error| Problem::new(path, error.to_string()).hint("see `publication` in report.yml"))?;
    let hidden = suppression::hidden_cells(&cells.counts, &cells.relations, publication.limit).map_err(|found| {
        let key = &cells.keys[found.cell];
        let row: Vec<String> = std::iter::once(&key.place)
            .filter(|place| !place.is_empty())
            .chain(key.by.iter().flatten())
            .map(|value| format!("`{value}`"))
            .collect();
        let row = if row.is_empty() { String::new() } else { format!(" at {}", row.join(", ")) };
        Problem::new(path, format!("a small `{}`{row} could be worked out, whatever else is hidden", key.column))
            .hint("publish fewer levels or columns, or a higher `limit`; the report was not made")
    })?;
    if let Some(register) = register.filter(|_| is_kept) {
        let published = cells.keys.iter().zip(&cells.counts).zip(&hidden).zip(&cells.spots);
        let edition = Edition {
            limit: publication.limit,
            cells: published
                .filter(|(_, spots)| !spots.is_empty())
                .map(|(((key, count), is_hidden), _)| PublishedCell {
                    key: key.clone(),
                    value: count.value,
                    is_hidden: *is_hidden,
                })
                .collect(),
        };
        register::record(register, report, as_of, &edition).map_err(unreadable)?;
    }
    let mut taken: BTreeMap<String, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for (spots, _) in cells.spots.iter().zip(&hidden).filter(|(_, is_hidden)| **is_hidden) {
        for spot in spots {
            taken.entry(spot.dataset.clone()).or_default().insert((spot.row, spot.column));
        }
    }
    for (name, dataset) in data.iter_mut() {
        let taken = taken.entry(name.clone()).or_default();
        hide_rates(publication, (path, name), dataset, taken)?;
        dataset.suppress(taken).map_err(|error| Problem::new(path, error.to_string()))?;
    }
    Ok(())
}

/// A rate goes with its numerator or denominator: with the other one it would give it back.
fn hide_rates(
    publication: &Publication,
    (path, name): (&Path, &str),
    dataset: &Dataset,
    taken: &mut BTreeSet<(usize, usize)>,
) -> Result<(), Problem> {
    for (rate, parts) in &publication.rates {
        let Some(column) = dataset.column(rate) else { continue };
        for part in &parts.value {
            let Some(place) = dataset.column(part) else {
                let message = format!("dataset `{name}` has `{rate}` without `{part}`, of which it is made");
                return Err(yaml::problem(path, parts, message).hint("add it to the dataset's `columns`"));
            };
            let rows: Vec<usize> = taken.iter().filter(|(_, column)| *column == place).map(|(row, _)| *row).collect();
            taken.extend(rows.into_iter().map(|row| (row, column)));
        }
    }
    Ok(())
}
