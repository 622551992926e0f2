//! A sheet of a department's form as a reader sees it: texts, merged areas and frames.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::report::name_of;
use crate::source::{FRAMED_COLUMNS_MAX, FRAMED_ROWS_MAX, SheetCells};

/// A rectangle of cells, first and last row and column, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::forms) struct Area {
    pub top: u32,
    pub left: u32,
    pub bottom: u32,
    pub right: u32,
}

impl Area {
    pub fn cell(row: u32, column: u32) -> Self {
        Self { top: row, left: column, bottom: row, right: column }
    }

    pub fn width(self) -> u32 {
        self.right - self.left + 1
    }

    pub fn height(self) -> u32 {
        self.bottom - self.top + 1
    }

    /// The least area with both.
    pub fn with(self, other: Self) -> Self {
        Self {
            top: self.top.min(other.top),
            left: self.left.min(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.top <= other.bottom && other.top <= self.bottom && self.left <= other.right && other.left <= self.right
    }

    pub fn has(self, row: u32, column: u32) -> bool {
        (self.top..=self.bottom).contains(&row) && (self.left..=self.right).contains(&column)
    }
}

/// More merged cells of a sheet are taken for single ones.
const MERGED_MAX: usize = 1_000_000;

/// One sheet.
#[derive(Debug, Default)]
pub(in crate::forms) struct Page {
    /// Texts by row and column; those of merged cells at their first.
    pub texts: BTreeMap<(u32, u32), String>,
    /// Merged cells by each cell in them.
    merged: HashMap<(u32, u32), Area>,
    /// Cells with a border.
    pub framed: BTreeSet<(u32, u32)>,
    /// What may be chosen where.
    pub lists: Vec<(Area, Arc<Vec<String>>)>,
    /// Cells that are calculated.
    pub formulas: BTreeSet<(u32, u32)>,
    pub comments: BTreeMap<(u32, u32), String>,
    /// Hidden columns and rows.
    pub hidden: Vec<Area>,
}

impl Page {
    pub fn of(sheet: &SheetCells) -> Self {
        let cells = sheet.rows.iter().flat_map(|row| row.cells.iter().map(|cell| ((row.row, cell.column), cell)));
        let area = |(top, left, bottom, right): (u32, u32, u32, u32)| Area { top, left, bottom, right };
        let mut page = Self {
            texts: cells.map(|(place, cell)| (place, cell.text.clone())).collect(),
            framed: sheet.framed.clone(),
            lists: sheet.lists.iter().map(|(place, list)| (area(*place), list.clone())).collect(),
            formulas: sheet.formulas.clone(),
            comments: sheet.comments.iter().cloned().collect(),
            hidden: sheet.hidden.iter().copied().map(area).collect(),
            ..Self::default()
        };
        sheet.merges.iter().for_each(|merged| page.merge(area(*merged)));
        page
    }

    /// Makes one of several cells. Borders of one are those of every cell in it.
    pub fn merge(&mut self, area: Area) {
        let bottom = area.bottom.min(FRAMED_ROWS_MAX);
        let right = area.right.min(FRAMED_COLUMNS_MAX);
        let cells = || (area.top..=bottom).flat_map(|row| (area.left..=right).map(move |column| (row, column)));
        if self.merged.len() + cells().count() > MERGED_MAX {
            return;
        }
        if cells().any(|cell| self.framed.contains(&cell)) {
            self.framed.extend(cells());
        }
        self.merged.extend(cells().map(|cell| (cell, area)));
    }

    /// `C9`, or `C9:D9` for merged cells.
    pub fn name_of(area: Area) -> String {
        let cell = |row: u32, column: u32| name_of(row, u16::try_from(column).unwrap_or(u16::MAX));
        let first = cell(area.top, area.left);
        if area.width() == 1 && area.height() == 1 {
            first
        } else {
            format!("{first}:{}", cell(area.bottom, area.right))
        }
    }

    /// The merged cells a place belongs to, or the cell alone.
    pub fn area(&self, row: u32, column: u32) -> Area {
        self.merged.get(&(row, column)).copied().unwrap_or(Area::cell(row, column))
    }

    /// What is read at a place; blank where nothing is.
    pub fn text(&self, row: u32, column: u32) -> &str {
        let area = self.area(row, column);
        self.texts.get(&(area.top, area.left)).map_or("", |text| text.trim())
    }

    /// The areas of a row from `left` to `right`, those that begin above it among them.
    pub fn areas(&self, row: u32, left: u32, right: u32) -> Vec<Area> {
        let mut areas = Vec::new();
        let mut column = left;
        while column <= right {
            let area = self.area(row, column);
            column = area.right + 1;
            areas.push(area);
        }
        areas
    }

    /// The areas with a text that begin in a row.
    pub fn labels(&self, row: u32, left: u32, right: u32) -> Vec<Area> {
        let areas = self.areas(row, left, right).into_iter();
        areas.filter(|area| area.top == row && !self.text(area.top, area.left).is_empty()).collect()
    }

    /// First and last column with a border or a text of a row within an area.
    pub fn framed_width(&self, row: u32, within: Area) -> Option<(u32, u32)> {
        let range = (row, within.left)..=(row, within.right);
        let texts = self.texts.range(range.clone()).filter(|(_, text)| !text.trim().is_empty()).map(|(place, _)| place);
        let columns = self.framed.range(range).chain(texts).map(|(_, column)| *column);
        let (first, last) = (columns.clone().min()?, columns.max()?);
        Some((first, last))
    }

    /// Areas within which cells with borders touch, from the top.
    pub fn frames(&self) -> Vec<Area> {
        let mut left = self.framed.clone();
        let mut frames: Vec<Area> = Vec::new();
        while let Some(first) = left.pop_first() {
            let mut frame = Area::cell(first.0, first.1);
            let mut open = vec![first];
            while let Some((row, column)) = open.pop() {
                frame = frame.with(Area::cell(row, column));
                let beside = [
                    (row + 1, column),
                    (row, column + 1),
                    (row.saturating_sub(1), column),
                    (row, column.saturating_sub(1)),
                ];
                open.extend(beside.into_iter().filter(|place| left.remove(place)));
            }
            frames.push(frame);
        }
        frames
    }

    /// What may be chosen at a place.
    pub fn choices(&self, place: Area) -> Vec<String> {
        let found = self.lists.iter().find(|(area, _)| area.has(place.top, place.left));
        found.map(|(_, list)| list.as_ref().clone()).unwrap_or_default()
    }

    /// The last row that says something or has a frame; `None` for an empty sheet.
    pub fn last_row(&self) -> Option<u32> {
        let texts = self.texts.iter().filter(|(_, text)| !text.trim().is_empty()).map(|((row, _), _)| *row);
        texts.chain(self.framed.iter().map(|(row, _)| *row)).max()
    }
}
