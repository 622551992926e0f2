//! Tables of labels with blanks beside them.

use super::around::note_of;
use super::columns::headings;
use super::layout::{Doubt, Item, Kind, Layout, Table};
use super::page::{Area, Page};
use super::words::{is_label, joined, with_unit};

/// Rows of labels and blanks, up to the first that is neither; gives the row after.
pub(super) fn card(page: &Page, top: u32, left: u32, right: u32, last: u32, layout: &mut Layout) -> u32 {
    let mut items = Vec::new();
    let mut row = top;
    while row <= last {
        let areas = page.areas(row, left, right);
        let labels = page.labels(row, left, right);
        let is_framed = page.is_framed(row, left, right);
        let is_over = !page.framed.is_empty() && !is_framed
            || labels.first().is_some_and(|area| {
                note_of(page.text(area.top, area.left)).is_some() && area.width() * 2 > right - left
            })
            || row > top
                && headings(page, row, left, right).is_some_and(|found| found.bottom < last && labels.len() > 2);
        if is_over {
            break;
        }
        // A name beside several rows is the heading of their items.
        let section = areas.first().filter(|area| area.height() > 1 && is_label(page.text(area.top, area.left)));
        let prefix: Vec<String> = section.map(|area| joined(page.text(area.top, area.left))).into_iter().collect();
        let (mut before, mut unnamed): (Option<Area>, Vec<Area>) = (None, Vec::new());
        for area in areas.iter().filter(|area| Some(*area) != section && area.top == row) {
            let text = page.text(area.top, area.left);
            let is_blank = text.is_empty() || text.contains(['□', '☐']) || !is_label(text);
            match (is_blank, before.take()) {
                (false, Some(label)) => {
                    // Neither names what follows, and none is quoted: in a filled form one may be the name of a person.
                    let about = "two texts side by side: which of them is filled in cannot be told".to_owned();
                    layout.doubts.push(Doubt { place: label, about });
                }
                (false, None) => before = Some(*area),
                (true, Some(label)) => {
                    let (own, unit) = with_unit(&[joined(page.text(label.top, label.left))]);
                    let path = prefix.iter().cloned().chain(own).collect();
                    items.push(Item { path, place: *area, unit, number: None, choices: choices(text) });
                }
                (true, None) => unnamed.push(*area),
            }
        }
        if let [first, .., last] | [first @ last] = unnamed.as_slice() {
            let place = Area { right: last.right, ..*first };
            layout.doubts.push(Doubt { place, about: "blank without a label before it".to_owned() });
        }
        row += 1;
    }
    if items.is_empty() {
        layout.doubts.push(Doubt {
            place: Area { top, left, bottom: row.max(top + 1) - 1, right },
            about: "neither headings nor labels with blanks beside them".to_owned(),
        });
    } else {
        layout.tables.push(Table { kind: Kind::Card, items, body: (top, row - 1) });
    }
    row.max(top + 1)
}

/// `□男　□女` as what can be ticked.
fn choices(text: &str) -> Vec<String> {
    let parts = text.split(['□', '☐']).skip(1).map(|part| joined(part).trim_end_matches(['、', '，', ' ']).to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}
