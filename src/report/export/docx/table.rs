//! Tables: widths from the content, repeated heads, merged cells. Rows are never split across pages.

use super::styles::{
    CARD_LABEL, CARD_NOTE, CARD_VALUE, TABLE, TABLE_CAPTION, TABLE_CENTER, TABLE_HEAD, TABLE_NUMBER, TABLE_TEXT,
};
use super::xml::{paragraph, plain_run, runs, twips};
use crate::report::document::columns::fitted;
use crate::report::document::page::{SIZE_FIVE, TYPE_WIDTH};
use crate::report::document::{ColumnAlign, Run, Table, TableCell};
use crate::report::summary::Card;

/// A table of up to so many rows stays on one page; of a longer one the last rows stay together.
const WHOLE_ROWS_MAX: usize = 5;
const LAST_ROWS: usize = 3;
/// Cards beside each other.
const CARDS_PER_ROW: usize = 5;
pub(super) fn write(table: &Table, out: &mut String) {
    let columns = table.columns.len();
    if columns == 0 {
        return;
    }
    if !table.caption.is_empty() {
        paragraph(TABLE_CAPTION, "", out, |out| plain_run(&table.caption, out));
    }
    let fitted = fitted(table);
    // Rounding down keeps the sum within the type area.
    let widths: Vec<i64> = fitted.widths.iter().map(|width| (width * 20.0).floor().max(1.0) as i64).collect();
    open(TABLE, &widths, out);
    let size = (fitted.size < SIZE_FIVE).then(|| half_points(fitted.size));
    rows(&table.head, table, &widths, size, true, out);
    rows(&table.body, table, &widths, size, false, out);
    out.push_str("</w:tbl>");
}

fn open(style: &str, widths: &[i64], out: &mut String) {
    out.push_str(&format!(
        "<w:tbl><w:tblPr><w:tblStyle w:val=\"{style}\"/><w:tblW w:w=\"{}\" w:type=\"dxa\"/><w:jc w:val=\"center\"/><w:tblLayout w:type=\"fixed\"/></w:tblPr><w:tblGrid>",
        widths.iter().sum::<i64>()
    ));
    for width in widths {
        out.push_str(&format!("<w:gridCol w:w=\"{width}\"/>"));
    }
    out.push_str("</w:tblGrid>");
}

/// Rows with the cells that merges from above go on in.
fn rows(rows: &[Vec<TableCell>], table: &Table, widths: &[i64], size: Option<u32>, is_head: bool, out: &mut String) {
    // For each column, how many rows a cell above still covers, and how many columns it has.
    let mut going_on: Vec<(usize, usize)> = vec![(0, 1); widths.len()];
    for (number, cells) in rows.iter().enumerate() {
        let left = rows.len() - number;
        let is_kept = left > 1 && (rows.len() <= WHOLE_ROWS_MAX || left <= LAST_ROWS);
        let own = if is_kept { "<w:keepNext/>" } else { "" };
        out.push_str("<w:tr><w:trPr><w:cantSplit/>");
        out.push_str(if is_head { "<w:tblHeader/></w:trPr>" } else { "</w:trPr>" });
        let mut cells = cells.iter().peekable();
        let mut column = 0;
        while column < widths.len() {
            let (covered, span) = going_on[column];
            if covered > 0 {
                cell(&widths[column..column + span], "<w:vMerge/>", out, |out| {
                    paragraph(TABLE_TEXT, own, out, |_| ());
                });
                going_on[column].0 -= 1;
                column += span;
                continue;
            }
            let found = cells.next_if(|cell| cell.column <= column);
            let room = (column..widths.len()).take_while(|column| going_on[*column].0 == 0).count();
            let span = found.map_or(1, |cell| cell.columns.clamp(1, room));
            let deep = found.map_or(1, |cell| cell.rows.clamp(1, left));
            let merge = if deep > 1 { "<w:vMerge w:val=\"restart\"/>" } else { "" };
            let align = table.columns.get(column).copied().unwrap_or_default();
            cell(&widths[column..column + span], merge, out, |out| {
                text(found.map_or(&[], |cell| cell.text.as_slice()), style(align, is_head), own, size, out);
            });
            going_on[column] = (deep - 1, span);
            column += span;
        }
        out.push_str("</w:tr>");
    }
}

fn style(align: ColumnAlign, is_head: bool) -> &'static str {
    match align {
        _ if is_head => TABLE_HEAD,
        ColumnAlign::Left => TABLE_TEXT,
        ColumnAlign::Center => TABLE_CENTER,
        ColumnAlign::Right => TABLE_NUMBER,
    }
}

fn cell(widths: &[i64], merge: &str, out: &mut String, fill: impl FnOnce(&mut String)) {
    out.push_str(&format!("<w:tc><w:tcPr><w:tcW w:w=\"{}\" w:type=\"dxa\"/>", widths.iter().sum::<i64>()));
    if widths.len() > 1 {
        out.push_str(&format!("<w:gridSpan w:val=\"{}\"/>", widths.len()));
    }
    out.push_str(merge);
    out.push_str("<w:vAlign w:val=\"center\"/></w:tcPr>");
    fill(out);
    out.push_str("</w:tc>");
}

fn text(words: &[Run], style: &str, own: &str, size: Option<u32>, out: &mut String) {
    paragraph(style, own, out, |out| runs(words, size, out));
}

/// Headline figures beside each other, without lines.
pub(super) fn cards(cards: &[Card], out: &mut String) {
    let rows = cards.len().div_ceil(CARDS_PER_ROW).max(1);
    let per_row = cards.len().div_ceil(rows).max(1);
    let has_notes = cards.iter().any(|card| !card.note.text.is_empty());
    let widths = vec![twips(TYPE_WIDTH) / i64::try_from(per_row).unwrap_or(1); per_row];
    open("TableNormal", &widths, out);
    for row in cards.chunks(per_row) {
        out.push_str("<w:tr><w:trPr><w:cantSplit/></w:trPr>");
        for place in 0..per_row {
            cell(&widths[place..=place], "", out, |out| {
                let card = row.get(place);
                paragraph(CARD_LABEL, "", out, |out| plain_run(card.map_or("", |card| &card.label.text), out));
                paragraph(CARD_VALUE, "", out, |out| {
                    if let Some(card) = card {
                        plain_run(&card.value.text, out);
                        runs(std::slice::from_ref(&card.unit), Some(half_points(SIZE_FIVE)), out);
                    }
                });
                if has_notes {
                    paragraph(CARD_NOTE, "", out, |out| plain_run(card.map_or("", |card| &card.note.text), out));
                }
            });
        }
        out.push_str("</w:tr>");
    }
    out.push_str("</w:tbl>");
}

fn half_points(size: f64) -> u32 {
    (size * 2.0).round() as u32
}
