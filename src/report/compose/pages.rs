//! Where the pages of a long table end: between its groups rather than within them, and with rows above the signers. A
//! printer left alone breaks where the paper ends, so that merged names stand on one of several pages and the last
//! may have no row.

use std::cmp::Reverse;
use std::ops::Range;

use super::Composer;
use super::lines::{Line, LineKind};
use super::marks::PAGE_BREAKS_MAX;
use crate::report::layout::{Area, row_pixels};

/// No page is left emptier than this for the sake of a group.
const FILLED_LEAST: f64 = 0.65;
/// So many lines at least stand on a page with the signers.
const LINES_ABOVE_FOOT: u32 = 3;

impl Composer<'_> {
    /// Breaks of a table that takes more than a page, beside those that its form asks for. The lines stand from
    /// `first_row` on, all rows of the sheet are there.
    pub(super) fn pages(&mut self, lines: &[Line], first_row: u32) {
        // How high a row grows over its text is not known here.
        let heights: Option<Vec<f64>> = self.layout.rows.iter().map(|row| row.height.map(row_pixels)).collect();
        let Some(heights) = heights.filter(|_| !self.layout.is_about_a_page()) else { return };
        let mut tops = vec![0.0];
        tops.extend(heights.iter().scan(0.0, |bottom, height| {
            *bottom += height;
            Some(*bottom)
        }));
        // Where a row begins, counted from the top of the sheet.
        let top = |row: u32| tops.get(row as usize).or(tops.last()).copied().unwrap_or(0.0);
        let room = self.layout.page_pixels().1 / self.layout.print_scale();
        let repeated = self.layout.repeat_rows.map_or(0.0, |(first, last)| top(last + 1) - top(first));
        let together = self.together(lines, first_row);
        let asked = std::mem::take(&mut self.layout.features.page_breaks);
        let mut breaks = Vec::new();
        let mut start = 0;
        for row in 1..self.next_row {
            if asked.contains(&row) {
                start = row;
                breaks.push(start);
            }
            let filled = |end: u32| top(end) - top(start) + if start > 0 { repeated } else { 0.0 };
            if filled(row + 1) <= room || row <= start.max(first_row) {
                continue;
            }
            let parted = |at: &u32| together.iter().filter(|rows| rows.start < *at && *at < rows.end).count();
            let ends = (start.max(first_row) + 1..=row).filter(|end| filled(*end) >= room * FILLED_LEAST);
            start = ends.min_by_key(|end| (parted(end), Reverse(*end))).unwrap_or(row);
            breaks.push(start);
        }
        breaks.truncate(PAGE_BREAKS_MAX);
        self.layout.features.page_breaks = breaks;
        self.part_merges();
    }

    /// Rows that belong on one page if they can be: under one merged name, with their subtotal, heading or whole; the last
    /// ones with the foot, which weighs as much as all others.
    fn together(&self, lines: &[Line], first_row: u32) -> Vec<Range<u32>> {
        let row = |at: usize| first_row + u32::try_from(at).unwrap_or(u32::MAX);
        let is_body = |area: &&Area| area.first_row >= first_row && area.last_row > area.first_row;
        let mut together: Vec<Range<u32>> =
            self.layout.merges.iter().filter(is_body).map(|area| area.first_row..area.last_row + 1).collect();
        if self.blocks() == 1 {
            together.extend(lines.iter().enumerate().filter_map(|(at, line)| match line.kind {
                LineKind::Subtotal => Some(row(line.covered.start.min(at))..row(line.covered.end.max(at + 1))),
                LineKind::Heading => Some(row(at)..row(at + 2)),
                LineKind::Part => Some(row(at.saturating_sub(1))..row(at + 1)),
                LineKind::Body | LineKind::Total => None,
            }));
        }
        let end = row(lines.len().div_ceil(self.blocks()));
        let foot = end.saturating_sub(LINES_ABOVE_FOOT).max(first_row)..self.next_row;
        together.extend(vec![foot; together.len() + 1]);
        together
    }
}
