//! Tables with headings over their columns: lists, and matrices whose rows have names.

use std::collections::{BTreeMap, BTreeSet};

use super::block::Block;
use super::headings::{COUNTERS, Headings};
use super::layout::{Doubt, Item, Kind, Layout, Table};
use super::page::{Area, Page};
use super::words::{boxes, heading, is_blank, is_label, is_like_a_name, is_number, is_personal, is_unit, joined};

/// Headings of columns that give the unit of each row.
const UNIT_HEADINGS: &[&str] = &["计量单位", "单位"];
/// What stands in a cell that is not to be filled.
pub(super) const NOT_ASKED: &[&str] = &["—", "－", "-", "——", "×", "/", "＼", "\\"];
/// Names of rows that are worked out from the others.
const TOTALS: &[&str] = &["合计", "总计", "小计", "共计", "累计"];
/// Columns that name their rows; more are filled in by somebody.
const STUBS_MAX: usize = 3;

impl Block<'_> {
    /// Reads the table under its headings; gives the row after.
    pub(super) fn under_headings(self, headings: &Headings, caption: &[String], layout: &mut Layout) -> u32 {
        let page = self.page;
        let (left, right) = (headings.columns[0].left, headings.columns[headings.columns.len() - 1].right);
        let first = headings.body;
        let mut row = first;
        // A line over the whole width between rows of the same columns.
        let mut sections: Vec<u32> = Vec::new();
        while row <= self.area.bottom {
            if self.is_section(headings, row) {
                sections.push(row);
            } else if self.ends_at(row)
                || row > first && self.is_foot(row)
                || !self.fits(headings, row)
                || row > first && self.is_new(headings, row)
            {
                break;
            }
            row += 1;
        }
        if headings.is_ambiguous {
            let place = Area { top: headings.top, left, bottom: headings.bottom, right };
            let about = "groups over columns, or labels with a blank beside each: which cannot be told; merge what belongs together";
            layout.doubts.push(Doubt { place, about: about.to_owned() });
            return row.max(first);
        }
        let end = row.max(first + 1);
        let table = Under { block: self, headings, caption, first, end, sections };
        let stubs = table.stubs();
        let goes_on = row <= self.area.bottom && !self.ends_at(row);
        let table = match table.is_matrix(&stubs) {
            true => table.matrix(&stubs, layout),
            // One blank below each label, and more below within the same borders: nothing is listed there.
            false if self.is_framed && row == first + 1 && goes_on && !table.is_counted() => {
                let page = self.page;
                let mut card = table.list(layout);
                card.items.iter_mut().for_each(|item| item.place = page.area(first, item.place.left));
                Table { kind: Kind::Card, ..card }
            }
            false => table.list(layout),
        };
        for group in &headings.spread {
            let about = format!(
                "`{}` is taken for the heading of {} columns, though they are not merged",
                joined(page.text(group.top, group.left)),
                group.width()
            );
            layout.doubts.push(Doubt { place: *group, about });
        }
        layout.tables.push(table);
        row.max(first)
    }
}

/// What stands under headings.
struct Under<'a> {
    block: Block<'a>,
    headings: &'a Headings,
    caption: &'a [String],
    first: u32,
    /// The row after the last.
    end: u32,
    sections: Vec<u32>,
}

impl Under<'_> {
    fn page(&self) -> &Page {
        self.block.page
    }

    fn rows(&self) -> impl Iterator<Item = u32> + Clone {
        (self.first..self.end).filter(|row| !self.sections.contains(row))
    }

    /// The headings above a column, the widest first.
    fn path(&self, column: &Area) -> Vec<String> {
        let (page, headings) = (self.page(), self.headings);
        let mut path = self.caption.to_vec();
        let mut row = headings.top;
        while row <= headings.bottom {
            let area = page.area(row, column.left);
            let group = headings.spread.iter().find(|group| group.has(row, column.left));
            let text = match group {
                Some(group) if page.text(row, column.left).is_empty() => page.text(group.top, group.left),
                _ => page.text(row, column.left),
            };
            let text = joined(text);
            if !text.is_empty() && path.last() != Some(&text) {
                path.push(text);
            }
            row = area.bottom + 1;
        }
        path
    }

    fn is_counter(&self, column: &Area) -> bool {
        self.path(column).last().is_some_and(|head| COUNTERS.contains(&heading(head).0.as_str()))
    }

    fn is_counted(&self) -> bool {
        self.headings.columns.iter().any(|column| self.is_counter(column))
    }

    /// The columns on the left that name their rows.
    fn stubs(&self) -> Vec<Area> {
        let is_stub = |(at, column): &(usize, &Area)| {
            if self.is_of_groups(*at) {
                return true;
            }
            let is_counter = self.is_counter(column);
            let is_of_units = self.path(column).last().is_some_and(|head| UNIT_HEADINGS.contains(&head.as_str()));
            if is_of_units && self.rows().any(|row| is_unit(self.page().text(row, column.left))) {
                return true;
            }
            let is_name = |row: &u32| {
                let text = self.page().text(*row, column.left);
                is_label(text) && !is_blank(text) || is_counter && !text.is_empty() || is_unit(text)
            };
            self.rows().filter(is_name).count() * 2 > self.rows().count()
        };
        self.headings.columns.iter().enumerate().take_while(is_stub).map(|(_, column)| *column).collect()
    }

    /// Whether a column names groups of rows in the first row of each, and the column beside it names every row.
    fn is_of_groups(&self, at: usize) -> bool {
        let columns = &self.headings.columns;
        let (Some(column), Some(next)) = (columns.get(at), columns.get(at + 1)) else { return false };
        let is_name_at = |row: u32, column: &Area| {
            let text = self.page().text(row, column.left);
            is_label(text) && !is_blank(text)
        };
        !self.is_counter(column)
            && self.rows().next().is_some_and(|first| is_name_at(first, column))
            && self.rows().all(|row| {
                is_name_at(row, next) || TOTALS.contains(&joined(self.page().text(row, column.left)).as_str())
            })
            && self.rows().all(|row| is_name_at(row, column) || self.page().text(row, column.left).is_empty())
    }

    /// Whether rows have names that are not somebody's, and the columns beside them are blank or numbers.
    fn is_matrix(&self, stubs: &[Area]) -> bool {
        let page = self.page();
        let others = &self.headings.columns[stubs.len()..];
        let naming: Vec<&Area> = stubs.iter().filter(|column| !self.is_counter(column)).collect();
        let is_of_persons = naming.iter().flat_map(|column| self.path(column)).any(|head| is_personal(&head));
        let is_named = naming.iter().any(|column| {
            let names: BTreeSet<&str> =
                self.rows().map(|row| page.text(row, column.left)).filter(|text| is_label(text)).collect();
            names.len() > 1 || names.len() == 1 && self.rows().count() == 1
        });
        let names: Vec<&str> = naming
            .iter()
            .flat_map(|column| self.rows().map(|row| page.text(row, column.left)))
            .filter(|text| !text.is_empty())
            .collect();
        let persons = names.iter().filter(|text| is_like_a_name(text)).count();
        let is_of_persons = is_of_persons || persons > 1 && persons * 2 > names.len();
        // Somebody's number beside a name makes it somebody's name.
        let has_numbers = self.rows().any(|row| {
            self.headings
                .columns
                .iter()
                .any(|column| page.text(row, column.left).chars().filter(char::is_ascii_digit).count() > 10)
        });
        let cells = others.iter().flat_map(|column| self.rows().map(move |row| (row, column.left)));
        let open = |place: &(u32, u32)| {
            let text = page.text(place.0, place.1);
            !is_label(text) || is_blank(text) || page.formulas.contains(place)
        };
        !is_of_persons
            && !has_numbers
            && naming.len() <= STUBS_MAX
            && is_named
            && !others.is_empty()
            && cells.clone().filter(open).count() * 2 > cells.count()
    }

    fn matrix(&self, stubs: &[Area], layout: &mut Layout) -> Table {
        let page = self.page();
        let mut items: Vec<Item> = Vec::new();
        // The right half of a table that goes on beside itself begins with the first heading again.
        let columns = &self.headings.columns;
        let first = self.path(&columns[0]);
        let again = columns.iter().skip(stubs.len()).position(|column| !first.is_empty() && self.path(column) == first);
        let ends = again.map_or(columns.len(), |at| at + stubs.len());
        if let Some(column) = columns.get(ends) {
            let place = Area {
                top: self.headings.top,
                bottom: self.end - 1,
                right: columns[columns.len() - 1].right,
                ..*column
            };
            let about = "a second table beside the first, with the same headings: nothing is asked for there";
            layout.doubts.push(Doubt { place, about: about.to_owned() });
        }
        let is_of_units =
            |column: &&Area| self.path(column).last().is_some_and(|head| UNIT_HEADINGS.contains(&head.as_str()));
        let has_units =
            stubs.iter().filter(is_of_units).any(|column| self.rows().any(|row| is_unit(page.text(row, column.left))));
        let mut section: Option<String> = None;
        // `其中：一人户` is counted as the row it is part of.
        let mut whole_unit: Option<String> = None;
        // The group that a row belongs to, where only the first row of each names it.
        let mut groups: Vec<String> = vec![String::new(); stubs.len()];
        for row in self.first..self.end {
            if self.sections.contains(&row) {
                section = Some(joined(page.text(row, self.headings.columns[0].left)));
                continue;
            }
            let (mut names, mut unit): (Vec<String>, _) =
                (self.caption.iter().cloned().chain(section.clone()).collect(), None);
            let before = names.len();
            for (at, column) in stubs.iter().enumerate() {
                let mut text = joined(page.text(row, column.left));
                if text.is_empty() && self.is_of_groups(at) {
                    text.clone_from(&groups[at]);
                }
                groups[at].clone_from(&text);
                let is_unit_column =
                    self.path(column).last().is_some_and(|head| UNIT_HEADINGS.contains(&head.as_str()));
                if is_unit_column && is_unit(&text) {
                    unit = Some(text);
                } else if !text.is_empty() && !is_number(&text) && names.last() != Some(&text) {
                    names.push(text);
                }
            }
            if names.len() == before {
                let place = page.area(row, self.headings.columns[0].left);
                layout
                    .doubts
                    .push(Doubt { place, about: "a row without a name: nothing is asked for there".to_owned() });
                continue;
            }
            // `一、基本情况` without a unit where others have one is of the rows below it.
            if has_units && unit.is_none() && names.last().is_some_and(|name| is_ordinal(name)) {
                continue;
            }
            let mut own = Item::of(&names, page.area(row, stubs[0].left));
            match names.last().is_some_and(|name| name.starts_with("其中")) {
                true => own.unit = own.unit.or(whole_unit.clone()),
                false => whole_unit = own.unit.clone(),
            }
            for (at, column) in self.headings.columns.iter().enumerate().take(ends).skip(stubs.len()) {
                let (place, text) = (page.area(row, column.left), page.text(row, column.left));
                if place.top != row || NOT_ASKED.contains(&text) || page.formulas.contains(&(row, column.left)) {
                    continue;
                }
                let heads: Vec<String> =
                    names.iter().cloned().chain(self.path(column).into_iter().skip(self.caption.len())).collect();
                let about = if (place.left, place.right) != (column.left, column.right) {
                    Some("cells of several columns are merged: nothing is asked for there")
                } else if heads.len() == names.len() {
                    Some("a column without a heading: nothing is asked for there")
                } else if is_label(text) && !is_blank(text) {
                    Some("a text where a blank or a number is expected: nothing is asked for there")
                } else {
                    None
                };
                if let Some(about) = about {
                    layout.doubts.push(Doubt { place, about: about.to_owned() });
                    continue;
                }
                let mut item = Item::of(&heads, place);
                let of_column = || self.headings.units[at].clone();
                item.unit =
                    Item::of(&self.path(column), place).unit.or_else(of_column).or(unit.clone()).or(own.unit.clone());
                item.number = self.headings.numbers[at].clone();
                if item.choices.is_empty() {
                    item.choices = boxes(text);
                }
                items.push(item);
            }
        }
        self.tell_apart(&mut items);
        let items = without_alike(items, layout);
        Table { kind: Kind::Matrix, items, body: (self.first, self.end - 1), rows: (self.headings.top, self.end - 1) }
    }

    /// Rows of the same name get the name of the row they are set in from: `其中：男` below two kinds of persons.
    fn tell_apart(&self, items: &mut [Item]) {
        let page = self.page();
        let column = self.headings.columns[0].left;
        let raw = |row: u32| page.texts.get(&(row, column)).map_or("", String::as_str);
        let indent = |row: u32| {
            let text = raw(row);
            let blanks = text.chars().take_while(|sign| sign.is_whitespace()).count();
            blanks + if text.trim_start().starts_with("其中") { 1 } else { 0 }
        };
        let mut times: BTreeMap<(Vec<String>, Option<String>), usize> = BTreeMap::new();
        for item in items.iter() {
            *times.entry((item.path.clone(), item.unit.clone())).or_default() += 1;
        }
        for item in items.iter_mut().filter(|item| times[&(item.path.clone(), item.unit.clone())] > 1) {
            let row = item.place.top;
            let above = (self.first..row).rev().find(|above| !raw(*above).is_empty() && indent(*above) < indent(row));
            if let Some(above) = above {
                let own = heading(raw(row)).0;
                let at = item.path.iter().position(|head| *head == own).unwrap_or(self.caption.len());
                item.path.insert(at, heading(raw(above)).0);
            }
        }
    }

    fn list(&self, layout: &mut Layout) -> Table {
        let page = self.page();
        // Totals above or below the rows are worked out from them.
        let is_total = |row: u32| {
            let mut texts = self.headings.columns.iter().map(|column| joined(page.text(row, column.left)));
            let first = texts.find(|text| !text.is_empty() && !is_number(text));
            first.is_some_and(|text| TOTALS.contains(&heading(&text).0.as_str()))
        };
        let (mut first, mut end) = (self.first, self.end);
        while end > first + 1 && is_total(end - 1) {
            end -= 1;
        }
        while first + 1 < end && (is_total(first) || self.sections.contains(&first)) {
            first += 1;
        }
        if let Some(row) = (first..end).find(|row| is_total(*row) || self.sections.contains(row)) {
            let place = page.area(row, self.headings.columns[0].left);
            layout.doubts.push(Doubt {
                place,
                about: "a total or a heading among the rows of a list: they are filled only down to it".to_owned(),
            });
            end = row.max(first + 1);
        }
        let mut items = Vec::new();
        let is_tall = page.area(first, self.headings.columns[0].left).height() > 1;
        for (at, column) in self.headings.columns.iter().enumerate() {
            let place = Area::cell(first, column.left);
            let mut item = Item::of(&self.path(column), place);
            if item.path.len() == self.caption.len() {
                let place = Area::cell(self.headings.top, column.left);
                layout.doubts.push(Doubt { place, about: "a column without a heading".to_owned() });
            } else if let Some(place) =
                (first..end).map(|row| page.area(row, column.left)).find(|area| area.height() > 1)
            {
                let about =
                    "cells of several rows of a list are merged: nothing is asked for in their column".to_owned();
                layout.doubts.push(Doubt { place, about });
            } else if is_tall {
                // Each of what is listed has several rows.
                let about = "beside cells of several rows: nothing is asked for there".to_owned();
                layout.doubts.push(Doubt { place, about });
            } else if !page.formulas.contains(&(first, column.left)) {
                item.number = self.headings.numbers[at].clone();
                item.unit = item.unit.or_else(|| self.headings.units[at].clone());
                if item.choices.is_empty() {
                    item.choices = boxes(page.text(first, column.left));
                }
                items.push(item);
            }
        }
        let items = without_doubles(items, layout);
        Table { kind: Kind::List, items, body: (first, end - 1), rows: (self.headings.top, end - 1) }
    }
}

/// `一、基本情况`, `（二）人口`
fn is_ordinal(name: &str) -> bool {
    let rest = name.trim_start_matches(['（', '(']).trim_start_matches(|sign| "一二三四五六七八九十".contains(sign));
    rest.len() < name.len() && rest.starts_with(['、', '）', ')', '．', '.'])
}

/// Figures of the same headings: which is which cannot be told, and none is asked for.
fn without_alike(items: Vec<Item>, layout: &mut Layout) -> Vec<Item> {
    let mut times: BTreeMap<(Vec<String>, Option<String>), usize> = BTreeMap::new();
    items.iter().for_each(|item| *times.entry((item.path.clone(), item.unit.clone())).or_default() += 1);
    let (kept, alike): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| times[&(item.path.clone(), item.unit.clone())] == 1);
    layout.doubts.extend(alike.into_iter().map(|item| Doubt {
        place: item.place,
        about: "the same headings stand for another figure of the table: nothing is asked for there".to_owned(),
    }));
    kept
}

/// What has the headings of another item cannot be told from it, and is not asked for.
pub(super) fn without_doubles(items: Vec<Item>, layout: &mut Layout) -> Vec<Item> {
    let mut seen: BTreeSet<(Vec<String>, Option<String>)> = BTreeSet::new();
    let mut kept = Vec::new();
    for item in items {
        if seen.insert((item.path.clone(), item.unit.clone())) {
            kept.push(item);
        } else {
            let about = "the same headings stand for another item of the table: nothing is asked for there".to_owned();
            layout.doubts.push(Doubt { place: item.place, about });
        }
    }
    kept
}
