//! Part of a sheet: its rows from the top, each the beginning of a table or said of the form.

use super::around::{is_note_key, keyed, note_of, said_in, said_within};
use super::card::TextsAbove;
use super::layout::{Doubt, Item, Kind, Layout, Table, is_called_form, is_line};
use super::page::{Area, Page};
use super::words::{heading, is_blank, is_for_hand, is_label, without_numbers};

/// Part of a sheet: within borders that touch, or all of a sheet without any.
#[derive(Clone, Copy)]
pub(super) struct Block<'p> {
    pub page: &'p Page,
    pub area: Area,
    pub is_framed: bool,
}

impl Block<'_> {
    /// Adds what is asked for there, and what is said, to a layout. The caption is of the first table.
    pub(super) fn read(self, mut caption: Option<String>, layout: &mut Layout) {
        let page = self.page;
        let mut row = self.area.top;
        // A line over the whole width names the table below it.
        let mut above = TextsAbove::default();
        while row <= self.area.bottom {
            let (left, right) = self.width(row);
            let labels = page.labels(row, left, right);
            let areas = page.areas(row, left, right);
            if let ([alone], [only]) = (labels.as_slice(), areas.as_slice())
                && alone == only
                && alone.width() > 1
            {
                let text = page.text(alone.top, alone.left);
                let below = page.areas(alone.bottom + 1, left, right);
                let is_above_table = below.len() > 1 && !self.ends_at(alone.bottom + 1);
                let is_above_blank = self.is_framed && below.len() == 1 && page.text(alone.bottom + 1, left).is_empty();
                let is_caption =
                    !layout.title.is_empty() && note_of(text).is_none() && (is_above_table || is_above_blank);
                if let Some(said) = said_within(page, &areas, &labels).filter(|_| self.is_framed) {
                    layout.said.extend(said);
                } else if is_caption && text.chars().count() <= CAPTION_SIGNS_MAX && is_label(text) {
                    caption = Some(heading(text).0);
                } else if !is_line(text, layout) {
                    layout.said.extend(said_in(page, &labels).unwrap_or_default());
                }
                row = alone.bottom + 1;
                continue;
            }
            if labels.is_empty() {
                // One blank below its name, over the whole width.
                if let ([only], Some(name)) = (areas.as_slice(), caption.take()) {
                    let item = Item::of(&[name], *only);
                    layout.tables.push(Table {
                        kind: Kind::Card,
                        items: vec![item],
                        body: (row, only.bottom),
                        rows: (row, only.bottom),
                    });
                }
                row = areas.iter().map(|area| area.bottom).min().unwrap_or(row) + 1;
                continue;
            }
            if !layout.tables.is_empty() && (row..=self.area.bottom).all(|row| self.is_signed(row)) {
                layout.said.extend(labels.iter().flat_map(|label| keyed(page.text(label.top, label.left))));
                row += 1;
                continue;
            }
            let is_annex = labels.len() == 1
                && layout.tables.is_empty()
                && ["附件", "附表"].iter().any(|word| page.text(labels[0].top, labels[0].left).starts_with(word));
            let is_line_here = |text: &str| {
                is_annex || !self.is_framed || note_of(text).is_some() || row == self.area.top && is_called_form(text)
            };
            if labels.len() == 1
                && is_line_here(page.text(labels[0].top, labels[0].left))
                && is_line(page.text(labels[0].top, labels[0].left), layout)
            {
                row = labels[0].bottom + 1;
                continue;
            }
            let said = match self.is_framed {
                true => said_within(page, &areas, &labels),
                false => said_in(page, &labels),
            };
            if let Some(said) = said {
                layout.said.extend(said);
                row += 1;
                continue;
            }
            if let [key, note] = labels.as_slice()
                && is_note_key(page.text(key.top, key.left))
            {
                let text = page.text(note.top, note.left);
                layout
                    .notes
                    .extend(text.lines().map(|line| without_numbers(line.trim())).filter(|line| !line.is_empty()));
                row = key.bottom.max(note.bottom) + 1;
                continue;
            }
            let caption: Vec<String> = caption.take().into_iter().collect();
            if let Some((name, block)) = self.beside_name(row)
                && let Some(headings) = block.headings(row)
            {
                let caption: Vec<String> = caption.into_iter().chain([name]).collect();
                let end = block.under_headings(&headings, &caption, layout);
                if end <= block.area.bottom {
                    let place = Area { top: end, ..block.area };
                    let about = "more than one table beside a name: nothing is asked for there".to_owned();
                    layout.doubts.push(Doubt { place, about });
                }
                row = block.area.bottom + 1;
                continue;
            }
            row = match self.headings(row) {
                Some(headings) => self.under_headings(&headings, &caption, layout),
                None => self.card(row, &caption, &mut above, layout),
            };
        }
    }

    /// A table with headings beside a name that goes over all its rows.
    pub fn beside_name(self, row: u32) -> Option<(String, Self)> {
        let (left, right) = self.width(row);
        let name = self.page.area(row, left);
        let text = self.page.text(row, left);
        let is_name = name.top == row && name.height() > 2 && name.right < right && is_label(text) && !is_blank(text);
        let area = Area { top: row, left: name.right + 1, bottom: name.bottom.min(self.area.bottom), right };
        let block = Self { area, ..self };
        (is_name && block.headings(row).is_some()).then(|| (heading(text).0, block))
    }

    /// First and last column of a row.
    pub fn width(self, row: u32) -> (u32, u32) {
        let framed = self.page.framed_width(row, self.area).filter(|_| self.is_framed);
        framed.unwrap_or((self.area.left, self.area.right))
    }

    /// Whether a row is for the signatures below a table: every text in it waits for what is written beside or after it.
    pub fn is_foot(self, row: u32) -> bool {
        let (left, right) = self.width(row);
        let labels = self.page.labels(row, left, right);
        let waits = |area: &Area| {
            let text = self.page.text(area.top, area.left).trim_end();
            text.ends_with(['：', ':']) || is_for_hand(text)
        };
        !labels.is_empty() && labels.iter().all(waits)
    }

    /// Whether a row is a foot by its words.
    fn is_signed(self, row: u32) -> bool {
        const WORDS: &[&str] =
            &["审核", "审批", "复核", "填表", "填报", "制表", "经办", "负责人", "签字", "签名", "盖章", "公章", "日期"];
        let (left, right) = self.width(row);
        let labels = self.page.labels(row, left, right);
        let is_known = |area: &Area| WORDS.iter().any(|word| self.page.text(area.top, area.left).contains(word));
        self.is_foot(row) && labels.iter().any(is_known)
    }

    /// Whether a row ends what stands above it: something is said of the form, or a line goes over the whole width.
    pub fn ends_at(self, row: u32) -> bool {
        let (left, right) = self.width(row);
        let (areas, labels) = (self.page.areas(row, left, right), self.page.labels(row, left, right));
        let Some(first) = labels.first() else { return false };
        let text = self.page.text(first.top, first.left);
        let is_whole = first.left == left && first.right == right && right > left;
        let is_said =
            if self.is_framed { said_within(self.page, &areas, &labels) } else { said_in(self.page, &labels) };
        is_whole || is_said.is_some() || note_of(text).is_some() || labels.len() == 2 && is_note_key(text)
    }
}

const CAPTION_SIGNS_MAX: usize = 30;
