//! Personal data kept out of an answer: out of the figure and what it is made of, and out of what tells their rows.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use super::TableVersion;
use super::rows::{HIDDEN, masked};
use crate::contract::{Column, Contracts, names_a_person};
use crate::query::Persons;
use crate::query::lineage::{Datum, Figure, Made};

/// Masks what `figure` and its `row` of `view` say of persons in the `tables` below it.
pub(super) fn hide(
    contracts: &Contracts,
    (persons, view): (&Persons, &str),
    tables: &[TableVersion],
    figure: &mut Figure,
    row: &mut [(String, Datum)],
) {
    if !tables.iter().any(|below| persons.are_told_by(&below.table)) {
        return;
    }
    let mut columns: BTreeMap<&str, &Column> = BTreeMap::new();
    for column in tables.iter().filter_map(|table| contracts.get(&table.table)).flat_map(|contract| &contract.columns) {
        let known = columns.entry(&column.name).or_insert(column);
        if column.hides_values() {
            *known = column;
        }
    }
    let mut is_of_one_row = false;
    figure.visit(&mut |part| is_of_one_row |= matches!(part.made, Made::Stored(_)));
    let mut veil = Veil { persons, columns, is_of_one_row, hidden: Vec::new() };
    veil.is_of_one_row |= veil.figure(figure);
    veil.pairs(row, |name| persons.are_behind(view, name));
    veil.told(figure);
}

struct Veil<'a> {
    persons: &'a Persons,
    /// Columns of the tables; of those with one name the one that hides its values.
    columns: BTreeMap<&'a str, &'a Column>,
    /// Whether the figure is of a stored row or of a person, so that other columns of its row may be of the same person.
    is_of_one_row: bool,
    /// Texts and dates that have been hidden. Numbers are not among them: others are equal by chance.
    hidden: Vec<Datum>,
}

impl Veil<'_> {
    /// Hides the values of a figure and its parts. Whether there was anything to hide.
    fn figure(&mut self, figure: &mut Figure) -> bool {
        let mut is_of_person = false;
        for part in figure.parts_mut() {
            is_of_person |= self.figure(part);
        }
        let is_handed_on = matches!(&figure.made, Made::From(inner) if is_hidden(&inner.value));
        let shown = self.masked(figure, is_of_person).or_else(|| is_handed_on.then(|| HIDDEN.to_owned()));
        if let Some(shown) = shown {
            if let Made::Rows(drill) = &mut figure.made {
                drill.total = text(shown.clone());
            }
            let value = std::mem::replace(&mut figure.value, text(shown));
            if !is_number(&value) {
                self.hidden.push(value);
            }
            is_of_person = true;
        }
        is_of_person
    }

    fn masked(&self, figure: &Figure, is_of_person: bool) -> Option<String> {
        let value = &figure.value;
        if value.is_null() {
            return None;
        }
        let is_stored = matches!(figure.made, Made::Stored(_));
        let column = self.columns.get(figure.column.as_str());
        if let Some(column) = column.filter(|column| column.hides_values() && (is_stored || !is_number(value))) {
            return Some(masked(column, value.shown()));
        }
        let shown = value.shown();
        let is_unknown = matches!(&figure.made, Made::Computed { inputs, .. } if inputs.is_empty()) && column.is_none();
        // What a view has masked itself stays as the file shows it.
        let is_open =
            !is_number(value) && (figure.is_personal || !shown.contains(HIDDEN) && (is_of_person || is_unknown));
        (is_open || names_a_person(&shown) || self.hidden.contains(value)).then(|| HIDDEN.to_owned())
    }

    fn pairs(&self, pairs: &mut [(String, Datum)], is_personal: impl Fn(&str) -> bool) {
        for (name, value) in pairs.iter_mut().filter(|(_, value)| !value.is_null()) {
            let is_personal = is_personal(name) && !is_number(value);
            let name = name.rsplit('.').next().unwrap_or_default().trim_matches('"');
            let shown = value.shown();
            let column = self.columns.get(name);
            let is_unknown = self.is_of_one_row && column.is_none() && !is_number(value) && !shown.contains(HIDDEN);
            if let Some(column) = column.filter(|column| column.hides_values()) {
                *value = text(masked(column, shown));
            } else if is_personal || is_unknown || names_a_person(&shown) || self.hidden.contains(value) {
                *value = text(HIDDEN.to_owned());
            }
        }
    }

    /// Hides what tells the rows of a figure and its parts.
    fn told(&self, figure: &mut Figure) {
        match &mut figure.made {
            Made::Frozen { row, view, .. } => self.pairs(row, |name| self.persons.are_behind(view, name)),
            // The columns of the key are those of the table.
            Made::Stored(stored) => self.pairs(&mut stored.key, |_| false),
            Made::Rows(drill) => {
                let before = drill.group.clone();
                self.pairs(&mut drill.group, |name| drill.personal_keys.contains(name));
                if drill.group != before {
                    // It names them as well.
                    drill.sql.clear();
                }
            }
            _ => {}
        }
        figure.parts_mut().into_iter().for_each(|part| self.told(part));
    }
}

fn is_hidden(value: &Datum) -> bool {
    value.shown() == HIDDEN
}

fn is_number(value: &Datum) -> bool {
    let kind = value.0.data_type();
    kind.is_numeric() || kind == DataType::Boolean
}

fn text(shown: String) -> Datum {
    Datum(ScalarValue::Utf8(Some(shown)))
}
