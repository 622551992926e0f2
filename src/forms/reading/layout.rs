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

use std::collections::BTreeMap;

use serde::Deserialize;

use super::around::{keyed, note_of, said_in, said_in_note};
use super::block::Block;
use super::headings::COUNTERS;
use super::page::{Area, Page};
use super::words::{codes, heading, is_unit, is_unit_heading, joined, without_numbers};

/// A form as it is laid out.
#[derive(Debug, Default, PartialEq)]
pub(in crate::forms) struct Layout {
    pub title: String,
    /// What stands around the table, in reading order: `计量单位` and `户`.
    pub said: Vec<(String, String)>,
    pub notes: Vec<String>,
    pub tables: Vec<Table>,
    pub doubts: Vec<Doubt>,
}

#[derive(Debug, PartialEq)]
pub(in crate::forms) struct Table {
    pub kind: Kind,
    pub items: Vec<Item>,
    /// First and last row of what is to be filled.
    pub body: (u32, u32),
    /// First and last row with its headings.
    pub rows: (u32, u32),
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
pub(in crate::forms) struct Item {
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
pub(in crate::forms) struct Doubt {
    pub place: Area,
    pub about: String,
}

impl Layout {
    /// The units of all figures without one of their own: `单位：户、万平方米` has two.
    pub fn units(&self) -> Vec<&str> {
        let said = self.said.iter().filter(|(key, _)| ["计量单位", "单位"].contains(&key.as_str()));
        let mut listed = said.map(|(_, value)| value.split(['、', ',', '，', ' ']).collect::<Vec<&str>>());
        listed.rfind(|units| units.iter().all(|unit| is_unit(unit))).unwrap_or_default()
    }
}

pub(in crate::forms) fn read(page: &Page) -> Layout {
    let mut layout = Layout::default();
    let Some(last) = page.last_row() else { return layout };
    let frames = frames(page);
    if let Some((left, right)) = width(page).filter(|_| frames.is_empty()) {
        let all = Area { top: 0, left, bottom: last, right };
        Block { page, area: all, is_framed: false }.read(None, &mut layout);
    }
    // `二、物资储备` right above a table's borders.
    let mut caption: Option<String> = None;
    for row in 0..=last {
        for frame in frames.iter().filter(|frame| frame.top == row) {
            let (known, own) = (layout.tables.len(), caption.take());
            Block { page, area: *frame, is_framed: true }.read(own.clone(), &mut layout);
            // It tells figures of two tables apart; the items of a list are what their columns say.
            let lists = layout.tables[known..].iter_mut().filter(|table| table.kind == Kind::List);
            for item in lists.flat_map(|table| &mut table.items) {
                if item.path.len() > 1 && item.path.first() == own.as_ref() {
                    item.path.remove(0);
                }
            }
        }
        let is_outside = |area: &Area| !frames.iter().any(|frame| frame.has(area.top, area.left));
        let texts = page.texts.range((row, 0)..=(row, u32::MAX)).filter(|(_, text)| !text.trim().is_empty());
        let labels: Vec<Area> = texts.map(|((row, column), _)| page.area(*row, *column)).filter(is_outside).collect();
        if let [alone] = labels.as_slice()
            && !layout.title.is_empty()
            && frames.iter().any(|frame| frame.top == alone.bottom + 1)
            && is_counted_caption(page.text(alone.top, alone.left))
        {
            caption = Some(heading(page.text(alone.top, alone.left)).0);
        } else if !frames.is_empty() && !labels.is_empty() {
            beside(page, &labels, &mut layout);
        }
    }
    for note in layout.notes.clone() {
        layout.said.extend(said_in_note(&note));
    }
    add_choices(page, &mut layout);
    add_unit(&mut layout);
    drop_continued(&mut layout);
    drop_hidden(page, &mut layout);
    layout
}

/// A list with the headings of another goes on with its rows, beside it or below.
fn drop_continued(layout: &mut Layout) {
    let paths = |table: &Table| table.items.iter().map(|item| item.path.clone()).collect::<Vec<_>>();
    let mut seen: Vec<Vec<Vec<String>>> = Vec::new();
    let doubts = &mut layout.doubts;
    layout.tables.retain(|table| {
        let own = paths(table);
        let is_continued = table.kind == Kind::List && seen.contains(&own);
        if let Some(first) = table.items.first().filter(|_| is_continued) {
            let about = "a list with the headings of another one: nothing is asked for there".to_owned();
            doubts.push(Doubt { place: first.place, about });
        }
        seen.push(own);
        !is_continued
    });
}

/// Nobody is asked for what nobody sees.
fn drop_hidden(page: &Page, layout: &mut Layout) {
    let doubts = &mut layout.doubts;
    for item in &mut layout.tables {
        item.items.retain(|item| {
            let is_hidden = page.hidden.iter().any(|hidden| hidden.has(item.place.top, item.place.left));
            if is_hidden {
                let about = "in a hidden column or row: nothing is asked for there".to_owned();
                doubts.push(Doubt { place: item.place, about });
            }
            !is_hidden
        });
    }
    layout.tables.retain(|table| !table.items.is_empty());
}

/// What stands in a line of its own, outside of any table.
fn beside(page: &Page, labels: &[Area], layout: &mut Layout) {
    if let [alone] = labels
        && is_line(page.text(alone.top, alone.left), layout)
    {
        return;
    }
    if let Some(said) = said_in(page, labels) {
        layout.said.extend(said);
        return;
    }
    let mut others = 0;
    for label in labels {
        let said = keyed(page.text(label.top, label.left));
        others += usize::from(said.is_empty());
        layout.said.extend(said);
    }
    if others > 2 {
        let place = labels[1..].iter().fold(labels[0], |all, label| all.with(*label));
        let about = "texts side by side outside of the borders: nothing is asked for there".to_owned();
        layout.doubts.push(Doubt { place, about });
    }
}

/// Whether a text ends as titles of forms do.
pub(super) fn is_called_form(title: &str) -> bool {
    const ENDS: &[&str] = &["表", "台账", "花名册", "名册", "名单", "清单", "登记", "卡", "单", "记录", "报表"];
    ENDS.iter().any(|end| title.trim_end().trim_end_matches(['）', ')']).ends_with(end))
}

/// Takes a line that is one text for the title, or for notes; `false` if it is keys and values.
pub(super) fn is_line(text: &str, layout: &mut Layout) -> bool {
    if let Some(notes) = note_of(text) {
        layout.notes.extend(notes);
        return true;
    }
    // `附件1` may stand in a line of its own before the title.
    let text = match text.trim().split_once('\n') {
        Some((first, rest)) if first.starts_with('附') && first.trim().chars().count() <= 5 => rest,
        _ => text,
    };
    let mut text = without_numbers(&joined(text));
    // `房屋情况统计表（单位：套）`
    let unit = text.strip_suffix(['）', ')']).and_then(|rest| rest.rsplit_once(['（', '(']));
    if let Some((rest, unit)) = unit.and_then(|(rest, inside)| {
        let (key, unit) = inside.split_once(['：', ':'])?;
        (["单位", "计量单位"].contains(&key) && is_unit(unit)).then(|| (rest.to_owned(), unit.to_owned()))
    }) {
        layout.said.push(("单位".to_owned(), unit));
        text = rest;
    }
    let is_annex = ["附件", "附表"].iter().any(|word| text.starts_with(word));
    if !keyed(&text).is_empty() && !is_annex {
        return false;
    }
    let is_poor = layout.title.is_empty()
        || ["附件", "附表"].iter().any(|word| layout.title.starts_with(word))
        || !is_called_form(&layout.title) && is_called_form(&text);
    if layout.tables.is_empty() && is_poor {
        let before = std::mem::replace(&mut layout.title, text);
        layout.notes.extend((!before.is_empty() && !before.starts_with("附")).then_some(before));
    } else {
        layout.notes.push(text);
    }
    true
}

/// `计量单位：人` is the unit of all figures without one of their own.
fn add_unit(layout: &mut Layout) {
    let [unit] = layout.units()[..] else { return };
    let unit = unit.to_owned();
    let figures =
        layout.tables.iter_mut().filter(|table| table.kind == Kind::Matrix).flat_map(|table| &mut table.items);
    figures
        .filter(|item| item.unit.is_none() && item.choices.is_empty() && !is_rate(item))
        .for_each(|item| item.unit = Some(unit.clone()));
}

/// `一、本月情况`, `（二）累计`, `表2 设施`
fn is_counted_caption(text: &str) -> bool {
    const SIGNS_MAX: usize = 30;
    let text = joined(text);
    let rest = text.trim_start_matches(['（', '(', '表', '附']);
    let counted = rest.trim_start_matches(|sign: char| sign.is_ascii_digit() || "一二三四五六七八九十".contains(sign));
    counted.len() < rest.len()
        && (counted.starts_with(['、', '.', '．', '）', ')', ' ']) || text.starts_with('表'))
        && text.chars().count() <= SIGNS_MAX
        && keyed(&text).is_empty()
}

/// What is divided has another unit than what it is divided by.
fn is_rate(item: &Item) -> bool {
    const ENDS: &[&str] = &["率", "比例", "比重", "占比", "增幅", "同比", "环比"];
    item.path.iter().any(|head| ENDS.iter().any(|end| head.ends_with(end)))
}

/// Lists behind drop-downs, and codes in comments and notes that name an item.
fn add_choices(page: &Page, layout: &mut Layout) {
    let notes = layout.notes.iter().flat_map(|note| note.split(['。', '；', ';']));
    let coded: Vec<(String, Vec<String>)> = notes
        .filter_map(|note| {
            let (name, listed) = note.split_once(['：', ':'])?;
            let name = name.trim().trim_start_matches(|sign: char| {
                sign.is_ascii_digit() || "一二三四五六七八九十（）().．、“\"".contains(sign)
            });
            Some((joined(name.trim_end_matches(['”', '"', '栏'])), codes(listed)))
        })
        .filter(|(_, codes)| !codes.is_empty())
        .collect();
    for table in &mut layout.tables {
        let (top, bottom) = table.rows;
        for item in table.items.iter_mut().filter(|item| item.choices.is_empty()) {
            // A list of persons is no list of answers.
            let names_somebody = |head: &String| ["姓名", "人", "员", "长"].iter().any(|end| head.ends_with(end));
            item.choices =
                if item.path.last().is_some_and(names_somebody) { Vec::new() } else { page.choices(item.place) };
            let columns = item.place.left..=item.place.right;
            let comments = page.comments.iter().filter(|((row, column), _)| match table.kind {
                Kind::List => (top..=bottom).contains(row) && columns.contains(column),
                Kind::Matrix => *row == item.place.top && columns.contains(column),
                Kind::Card => {
                    *row == item.place.top && columns.contains(&(column + u32::from(*column < item.place.left)))
                }
            });
            let commented = comments.map(|(_, comment)| codes(comment)).find(|codes| !codes.is_empty());
            let noted =
                || coded.iter().find(|(name, _)| item.path.last() == Some(name)).map(|(_, codes)| codes.clone());
            if item.choices.is_empty() {
                item.choices = commented.or_else(noted).unwrap_or_default();
            }
        }
    }
}

impl Item {
    /// What stands under these headings, the widest first.
    pub fn of(heads: &[String], place: Area) -> Self {
        let (mut path, mut unit, mut choices): (Vec<String>, _, _) = (Vec::new(), None, Vec::new());
        for head in heads {
            let (name, own_unit, own_choices) = heading(head);
            (unit, choices) = (own_unit.or(unit), own_choices);
            if !path.is_empty() && is_unit_heading(&name) {
                unit = Some(name);
            } else if !name.is_empty() && path.last() != Some(&name) {
                path.push(name);
            }
        }
        Self { path, place, unit, number: None, choices }
    }
}

/// Where cells have borders; what overlaps is one.
fn frames(page: &Page) -> Vec<Area> {
    let mut frames: Vec<Area> = Vec::new();
    for mut frame in page.frames() {
        while let Some(at) = frames.iter().position(|other| other.overlaps(frame)) {
            frame = frame.with(frames.swap_remove(at));
        }
        frames.push(frame);
    }
    // A line below a blank, or a picture's border.
    frames.retain(|frame| {
        page.texts.iter().any(|((row, column), text)| frame.has(*row, *column) && !text.trim().is_empty())
    });
    frames.iter_mut().for_each(|frame| frame.right = last_column(page, *frame));
    frames.sort_unstable();
    frames
}

/// Borders may go on beyond the last heading of a numbered list: columns in which nothing stands, right of headings without a
/// gap.
fn last_column(page: &Page, frame: Area) -> u32 {
    let mut rows = (frame.top..=frame.bottom).map(|row| page.areas(row, frame.left, frame.right));
    let is_text = |area: &Area| !page.text(area.top, area.left).trim().is_empty();
    let Some(headings) = rows.find(|areas| areas.iter().filter(|area| is_text(area)).count() > 2) else {
        return frame.right;
    };
    let named = headings.iter().take_while(|area| is_text(area)).count();
    let Some(last) = named.checked_sub(1).map(|at| headings[at]) else { return frame.right };
    let stands = |(row, column): &(u32, u32)| frame.has(*row, *column) && *column > last.right;
    let is_empty = !page.texts.iter().any(|(place, text)| stands(place) && !text.trim().is_empty());
    let crosses = (frame.top..=frame.bottom).any(|row| page.area(row, last.right).right > last.right);
    let is_numbered = COUNTERS.contains(&joined(page.text(headings[0].top, headings[0].left)).as_str());
    if is_numbered && named > 2 && named < headings.len() && is_empty && !crosses { last.right } else { frame.right }
}

/// First and last column of a table without borders: of the lines with more than one text.
fn width(page: &Page) -> Option<(u32, u32)> {
    let mut rows: BTreeMap<u32, Vec<Area>> = BTreeMap::new();
    for (row, column) in page.texts.iter().filter(|(_, text)| !text.trim().is_empty()).map(|(place, _)| *place) {
        rows.entry(row).or_default().push(page.area(row, column));
    }
    let is_table = |labels: &&Vec<Area>| labels.len() > 1 && said_in(page, labels).is_none();
    let all = rows.values().filter(is_table).flatten().copied().reduce(Area::with)?;
    Some((all.left, all.right))
}
