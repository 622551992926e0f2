//! Tables with headings over their columns: lists, and matrices whose rows have names.

use std::collections::BTreeSet;

use super::around::{note_of, said_in};
use super::layout::{Doubt, Item, Kind, Layout, Table};
use super::page::{Area, Page};
use super::words::{is_label, is_number, joined, with_unit};

const HEADINGS_MAX: u32 = 8;
/// Headings of the column that counts the rows; never a part of a group.
const COUNTERS: &[&str] = &["序号", "编号", "No", "No."];
/// What stands in a cell that is not to be filled.
const NOT_ASKED: &[&str] = &["—", "－", "-", "×", "/"];
/// Words in the headings of columns that tell of persons.
const PERSONAL: &[&str] = &["姓名", "证件", "身份", "电话", "手机", "户主", "人员"];

/// Rows of labels over the columns of a table.
pub(super) struct Headings {
    top: u32,
    pub bottom: u32,
    /// Groups that are not merged, by their row and first column, with the last.
    spread: Vec<Area>,
    /// The first row may as well be labels with a blank beside each.
    is_ambiguous: bool,
}

/// The headings that begin in a row; `None` where it has blanks that nothing above or below names.
pub(super) fn headings(page: &Page, top: u32, left: u32, right: u32) -> Option<Headings> {
    let mut spread = Vec::new();
    let is_label = |area: Area| is_label(page.text(area.top, area.left));
    let mut bottom = top;
    let first = page.areas(top, left, right);
    let mut at = 0;
    while at < first.len() {
        let area = first[at];
        if !is_label(area) {
            return None;
        }
        bottom = bottom.max(area.bottom);
        // Blanks beside a label belong to its group if every column below has a label.
        let blanks = first[at + 1..].iter().take_while(|next| page.text(next.top, next.left).is_empty()).count();
        if blanks > 0 {
            let group = Area { right: first[at + blanks].right, ..area };
            let below = page.areas(area.bottom + 1, group.left, group.right);
            if !below.iter().all(|part| part.top > top && is_label(*part)) {
                return None;
            }
            spread.push(group);
        }
        at += blanks + 1;
    }
    let is_spread = !spread.is_empty() && first.iter().filter(|area| is_label(**area)).count() == spread.len();
    let parts: Vec<&str> = (left..=right).map(|column| page.text(top + 1, column)).collect();
    if is_spread && parts.first().is_some_and(|part| COUNTERS.contains(&joined(part).as_str())) {
        return None;
    }
    let is_repeated = parts.iter().enumerate().any(|(at, part)| parts[..at].contains(part));
    let is_ambiguous = is_spread && !is_repeated;
    loop {
        let next = bottom + 1;
        if next > top + HEADINGS_MAX {
            return None;
        }
        // Parts of groups: every label that begins in the row stands below something wider.
        let is_part = |area: &Area| {
            let above = page.area(area.top - 1, area.left);
            let is_below = |group: &Area| {
                group.bottom == area.top - 1
                    && group.left <= area.left
                    && area.right <= group.right
                    && group.width() > area.width()
            };
            is_below(&above) || spread.iter().any(is_below)
        };
        let areas = page.areas(next, left, right);
        let parts: Vec<&Area> = areas.iter().filter(|area| area.top == next && is_label(**area)).collect();
        let others =
            areas.iter().any(|area| area.top == next && !page.text(area.top, area.left).is_empty() && !is_label(*area));
        let groups_open = (left..=right).any(|column| {
            let above = page.area(bottom, column);
            above.width() > 1 && above.bottom == bottom && !page.text(above.top, above.left).is_empty()
        }) || spread.iter().any(|group| group.bottom == bottom);
        if parts.is_empty() || others || !groups_open || !parts.iter().all(|part| is_part(part)) {
            break;
        }
        bottom = parts.iter().map(|part| part.bottom).max().unwrap_or(next);
    }
    Some(Headings { top, bottom, spread, is_ambiguous })
}

/// Reads the table under its headings; gives the row after.
pub(super) fn under_headings(
    page: &Page,
    headings: &Headings,
    left: u32,
    right: u32,
    last: u32,
    layout: &mut Layout,
) -> u32 {
    let mut row = headings.bottom + 1;
    let columns: Vec<u32> = page.areas(headings.bottom, left, right).iter().map(|area| area.left).collect();
    let cells: Vec<&str> = columns.iter().map(|column| page.text(row, *column)).collect();
    let is_numbered = cells.iter().any(|text| *text == "甲" || *text == "1")
        && cells.iter().all(|text| text.is_empty() || is_number(text))
        && cells.iter().filter(|text| !text.is_empty()).count() * 2 > cells.len();
    let numbers: Vec<Option<String>> = match is_numbered {
        true => cells.iter().map(|text| (!text.is_empty()).then(|| joined(text))).collect(),
        false => vec![None; columns.len()],
    };
    row += u32::from(is_numbered);
    let first = row;
    // The body ends where something is said of the form, or a line goes over the whole width.
    while row <= last {
        let labels = page.labels(row, left, right);
        let is_framed = page.is_framed(row, left, right);
        let is_end = !labels.is_empty() && said_in(page, &labels).is_some()
            || labels.first().is_some_and(|area| note_of(page.text(area.top, area.left)).is_some())
            || !page.framed.is_empty() && !is_framed
            || labels.first().is_some_and(|area| area.left == left && area.right == right && right > left)
            || labels.len() > 2 && headings_again(page, row, left, right, headings);
        if is_end {
            break;
        }
        row += 1;
    }
    if headings.is_ambiguous {
        let place = Area { top: headings.top, left, bottom: headings.bottom, right };
        let about = "groups over columns, or labels with a blank beside each: which cannot be told; merge what belongs together";
        layout.doubts.push(Doubt { place, about: about.to_owned() });
        return row;
    }
    let body = (first, row.saturating_sub(1).max(first));
    let paths: Vec<(u32, Vec<String>)> =
        columns.iter().map(|column| (*column, path(page, headings, *column))).collect();
    let stubs = stub_width(page, &columns, first, row);
    // A list with the names of persons filled in is no matrix.
    let is_of_persons =
        paths[..stubs].iter().flat_map(|(_, heads)| heads).any(|head| PERSONAL.iter().any(|word| head.contains(word)));
    let is_matrix = stubs > 0 && !is_of_persons && is_named(page, &columns[..stubs], &columns[stubs..], first, row);
    let mut items = Vec::new();
    if is_matrix {
        for line in first..row {
            let mut names: Vec<String> = Vec::new();
            for column in &columns[..stubs] {
                let name = joined(page.text(line, *column));
                if !name.is_empty() && !is_number(&name) && names.last() != Some(&name) {
                    names.push(name);
                }
            }
            for (at, (column, heads)) in paths.iter().enumerate().skip(stubs) {
                let (place, text) = (page.area(line, *column), page.text(line, *column));
                if place.top != line || NOT_ASKED.contains(&text) {
                    continue;
                }
                if is_label(text) {
                    let about = "a text where a blank or a number is expected: nothing is asked for there".to_owned();
                    layout.doubts.push(Doubt { place, about });
                } else {
                    let (heads, unit) = with_unit(heads);
                    let path = names.iter().cloned().chain(heads).collect();
                    items.push(Item { path, place, unit, number: numbers[at].clone(), choices: Vec::new() });
                }
            }
        }
    } else {
        for (at, (column, heads)) in paths.iter().enumerate() {
            let (path, unit) = with_unit(heads);
            if path.is_empty() {
                layout.doubts.push(Doubt {
                    place: Area::cell(headings.top, *column),
                    about: "a column without a heading".to_owned(),
                });
                continue;
            }
            items.push(Item {
                path,
                place: Area::cell(first, *column),
                unit,
                number: numbers[at].clone(),
                choices: Vec::new(),
            });
        }
    }
    for group in &headings.spread {
        let about = format!(
            "`{}` is taken for the heading of {} columns, though they are not merged",
            joined(page.text(group.top, group.left)),
            group.width()
        );
        layout.doubts.push(Doubt { place: *group, about });
    }
    let kind = if is_matrix { Kind::Matrix } else { Kind::List };
    layout.tables.push(Table { kind, items, body });
    row
}

/// Whether another table begins below this one: a row of labels over blanks.
fn headings_again(page: &Page, row: u32, left: u32, right: u32, before: &Headings) -> bool {
    let labels = |row: u32| {
        let areas = page.areas(row, left, right);
        areas.iter().all(|area| is_label(page.text(area.top, area.left)))
    };
    row > before.bottom + 1
        && labels(row)
        && (left..=right).any(|column| page.text(row - 1, column).is_empty())
        && (left..=right).filter(|column| page.text(row + 1, *column).is_empty()).count() > 1
}

/// The headings above a column, the widest first.
fn path(page: &Page, headings: &Headings, column: u32) -> Vec<String> {
    let mut path: Vec<String> = Vec::new();
    let mut row = headings.top;
    while row <= headings.bottom {
        let area = page.area(row, column);
        let group = headings.spread.iter().find(|group| group.has(row, column));
        let text = match group {
            Some(group) if page.text(row, column).is_empty() => page.text(group.top, group.left),
            _ => page.text(row, column),
        };
        let text = joined(text);
        if !text.is_empty() && path.last() != Some(&text) {
            path.push(text);
        }
        row = area.bottom + 1;
    }
    path
}

/// How many columns on the left name their rows in a body.
fn stub_width(page: &Page, columns: &[u32], first: u32, end: u32) -> usize {
    let is_filled = |column: &u32| {
        (first..end).filter(|row| !page.text(*row, *column).is_empty()).count() * 2 > (end - first) as usize
    };
    columns.iter().take_while(|column| is_filled(column)).count()
}

/// Whether rows have names and the columns beside them blanks.
fn is_named(page: &Page, stubs: &[u32], others: &[u32], first: u32, end: u32) -> bool {
    let named = stubs.iter().any(|column| {
        let names: BTreeSet<&str> =
            (first..end).map(|row| page.text(row, *column)).filter(|text| is_label(text)).collect();
        names.len() > 1 || (names.len() == 1 && end - first == 1)
    });
    let blanks = others.iter().flat_map(|column| (first..end).map(move |row| (row, *column)));
    named
        && !others.is_empty()
        && blanks.clone().filter(|(row, column)| page.text(*row, *column).is_empty()).count() * 2 > blanks.count()
}
