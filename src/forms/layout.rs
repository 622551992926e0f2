//! What a department asks for on a sheet: its title, what is said about the form, and each item with the headings above it.
//!
//! ```text
//! title            a line alone, above the table
//! 表号：… 单位：…   key and value, above and below
//! headings         rows full of labels, groups above their parts
//! 甲 乙 1 2 3=1+2  numbers of the columns
//! body             rows to fill (a list), or rows with a name each and blanks beside it (a matrix)
//! label | blank    without headings: a card, each blank named by the label before it
//! ```
//!
//! What can be read in two ways is not read: it is a [`Doubt`] with its place.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::around::{note_of, said_in};
use super::card::card;
use super::columns::{headings, under_headings};
use super::page::{Area, Page};
use super::words::joined;

/// A form as it is laid out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Layout {
    pub title: String,
    /// What stands around the table, in reading order: `计量单位` and `户`.
    pub said: Vec<(String, String)>,
    pub notes: Vec<String>,
    pub tables: Vec<Table>,
    pub doubts: Vec<Doubt>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Table {
    pub kind: Kind,
    pub items: Vec<Item>,
    /// First and last row of what is to be filled.
    pub body: (u32, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One row for each of whatever is listed.
    List,
    /// Named rows and named columns.
    Matrix,
    /// One of each item.
    Card,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Matrix => "matrix",
            Self::Card => "card",
        }
    }
}

/// Something that is to be filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Its headings, the widest first; those of its row before those of its column.
    pub path: Vec<String>,
    /// The blank, or the first cell of a column of a list.
    pub place: Area,
    pub unit: Option<String>,
    /// `3=1+2` or `3`, where columns are numbered.
    pub number: Option<String>,
    /// What can be ticked or chosen.
    pub choices: Vec<String>,
}

/// Something that a person has to look at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Doubt {
    pub place: Area,
    pub about: String,
}

pub(super) fn read(page: &Page) -> Layout {
    let mut layout = Layout::default();
    let Some(last) = page.last_row() else { return layout };
    let Some((left, right)) = width(page) else { return layout };
    let mut row = 0;
    let mut has_table = false;
    while row <= last {
        let labels = page.labels(row, left, right);
        let is_framed = page.is_framed(row, left, right);
        if labels.is_empty() && !is_framed {
            row += 1;
            continue;
        }
        if let Some(said) = said_in(page, &labels).filter(|_| !is_framed || has_table) {
            layout.said.extend(said);
            row += 1;
            continue;
        }
        if let [alone] = labels.as_slice() {
            let text = page.text(alone.top, alone.left);
            if let Some(note) = note_of(text) {
                layout.notes.extend(note);
                row = alone.bottom + 1;
                continue;
            }
            if !is_framed || alone.left == left && alone.right == right {
                if !has_table && (layout.title.is_empty() || layout.title.starts_with("附件")) {
                    layout.title = joined(text);
                } else if has_table || !is_framed {
                    layout.notes.push(joined(text));
                }
                row = alone.bottom + 1;
                continue;
            }
        }
        has_table = true;
        row = match headings(page, row, left, right) {
            Some(headings) => under_headings(page, &headings, left, right, last, &mut layout),
            None => card(page, row, left, right, last, &mut layout),
        };
    }
    for item in layout.tables.iter_mut().flat_map(|table| &mut table.items).filter(|item| item.choices.is_empty()) {
        item.choices = page.choices(item.place);
    }
    for (at, table) in layout.tables.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for item in &table.items {
            if !seen.insert(&item.path) {
                let about = format!("the same headings stand for another item of table {}", at + 1);
                layout.doubts.push(Doubt { place: item.place, about });
            }
        }
    }
    layout
}

/// First and last column of the table: of what is framed, else of what says something.
fn width(page: &Page) -> Option<(u32, u32)> {
    let framed = page.framed.iter().map(|(_, column)| *column);
    let (least, most) = (framed.clone().min(), framed.max());
    if let (Some(least), Some(most)) = (least, most) {
        return Some((least, most));
    }
    let columns = page.texts.keys().map(|(row, column)| page.area(*row, *column));
    let bounds: Vec<(u32, u32)> = columns.map(|area| (area.left, area.right)).collect();
    Some((bounds.iter().map(|(left, _)| *left).min()?, bounds.iter().map(|(_, right)| *right).max()?))
}
