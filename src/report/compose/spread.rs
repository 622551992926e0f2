//! Texts over several columns.

use unicode_width::UnicodeWidthStr;

use super::{Composer, blank_cells, narrow};
use crate::report::form::Align;
use crate::report::layout::{LINE_HEIGHT, Role, Style, text_lines};

const TITLE_LINE_HEIGHT: f64 = 26.0;

impl Composer<'_> {
    /// One text over the columns from `first` on, in a row of its own that is as high as the text needs lines.
    pub(super) fn text_row(&mut self, text: String, role: Role, align: Align, first: u16, height: f64) {
        let last = self.last_column();
        let width: f64 = self.layout.widths[usize::from(first)..].iter().sum();
        // A title is set in letters nearly twice as large.
        let lines = text_lines(&text, if role == Role::Title { width / 1.8 } else { width });
        let step = if role == Role::Title { TITLE_LINE_HEIGHT } else { LINE_HEIGHT };
        let height = height + step * (lines - 1) as f64;
        let style = Style { wrap: role == Role::Note || lines > 1, ..Style::text(role, align) };
        let row = self.push_row(Some(height), blank_cells(first..=last, style, text));
        self.merge(self.area(row, first, row, last));
    }

    /// Texts side by side over the whole width, each on columns of its own; joined where columns are too few.
    pub(super) fn spread_row(&mut self, texts: Vec<(String, Align)>, role: Role, height: f64) {
        if texts.is_empty() {
            return;
        }
        let shares: Vec<f64> = texts.iter().map(|(text, _)| text.width() as f64 + 2.0).collect();
        let is_wide_enough = |spans: &Vec<(usize, usize)>| {
            let width = |(first, last): &(usize, usize)| self.layout.widths[*first..=*last].iter().sum::<f64>();
            spans.iter().zip(&texts).all(|(span, (text, _))| text.width() as f64 <= width(span))
        };
        let Some(spans) = spans(&self.layout.widths, &shares).filter(is_wide_enough) else {
            let joined = texts.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join("　　");
            return self.text_row(joined, role, Align::Left, 0, height);
        };
        let mut cells = Vec::new();
        for ((text, align), (first, last)) in texts.into_iter().zip(&spans) {
            cells.extend(blank_cells(narrow(*first)..=narrow(*last), Style::text(role, align), text));
        }
        let row = self.push_row(Some(height), cells);
        for (first, last) in spans {
            self.merge(self.area(row, narrow(first), row, narrow(last)));
        }
    }
}

/// The column from which on the sheet is at least `width` wide, at most the right third of it.
pub(super) fn right_part(widths: &[f64], width: f64) -> usize {
    let mut given = 0.0;
    let fitting = widths.iter().rposition(|column| {
        given += column;
        given >= width
    });
    fitting.unwrap_or(0).min(column_at_share(widths, 0.7))
}

/// The column at which `share` of the total width is reached.
fn column_at_share(widths: &[f64], share: f64) -> usize {
    let total: f64 = widths.iter().sum();
    let mut reached = 0.0;
    for (place, width) in widths.iter().enumerate() {
        if reached + width / 2.0 >= total * share {
            return place;
        }
        reached += width;
    }
    widths.len().saturating_sub(1)
}

/// Column spans in proportion to `shares`, each at least one column; `None` when there are too few columns.
pub(super) fn spans(widths: &[f64], shares: &[f64]) -> Option<Vec<(usize, usize)>> {
    if widths.len() < shares.len() {
        return None;
    }
    let whole: f64 = shares.iter().sum();
    let mut starts = vec![0];
    let mut reached = 0.0;
    for (number, share) in shares.iter().enumerate().take(shares.len() - 1) {
        reached += share;
        let wanted = column_at_share(widths, reached / whole);
        let lowest = starts[number] + 1;
        let highest = widths.len() - (shares.len() - number - 1);
        starts.push(wanted.clamp(lowest, highest));
    }
    Some(
        starts
            .iter()
            .enumerate()
            .map(|(number, start)| (*start, starts.get(number + 1).map_or(widths.len(), |next| *next) - 1))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_every_column_once() {
        assert_eq!(spans(&[10.0; 6], &[1.0, 1.0, 1.0]), Some(vec![(0, 1), (2, 3), (4, 5)]));
        assert_eq!(spans(&[40.0, 5.0, 5.0], &[1.0, 1.0, 1.0]), Some(vec![(0, 0), (1, 1), (2, 2)]));
        assert_eq!(spans(&[10.0; 2], &[1.0, 1.0, 1.0]), None);
    }
}
