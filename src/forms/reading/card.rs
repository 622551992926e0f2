//! Tables of labels with blanks beside them.

use super::around::{is_filled, keyed};
use super::block::Block;
use super::columns::{NOT_ASKED, without_doubles};
use super::layout::{Doubt, Item, Kind, Layout, Table};
use super::page::Area;
use super::words::{boxes, is_blank, is_known_label, is_label, is_unit, joined};

/// Doubts of a card that has as few items.
const DOUBTS_MAX: usize = 2;

/// Whether a text may name a group of items rather than one.
fn is_group(text: &str) -> bool {
    let name = joined(text);
    !is_known_label(&name) || ["情况", "信息", "状况"].iter().any(|end| name.ends_with(end))
}

fn is_of_a_picture(text: &str) -> bool {
    ["照片", "相片", "一寸", "二维码", "签字", "签名", "盖章"].iter().any(|word| text.contains(word))
}

/// A row of texts side by side that was read before: below it, cells may be columns.
#[derive(Default)]
pub(super) struct TextsAbove {
    /// First and last column of each.
    sides: Vec<(u32, u32)>,
    are_headings: bool,
}

impl Block<'_> {
    /// Whether something else than a row of a card begins in a row. Below a row of texts, a row of the same cells is taken
    /// for headings only if it is like headings.
    fn is_other(self, row: u32, above: &TextsAbove) -> bool {
        let is_like_headings = || {
            let (left, right) = self.width(row);
            let areas = self.page.areas(row, left, right);
            let known = areas.iter().filter(|area| is_known_label(self.page.text(area.top, area.left))).count();
            known * 2 >= areas.len() || areas.iter().map(|area| (area.left, area.right)).ne(above.sides.iter().copied())
        };
        self.ends_at(row) || self.headings(row).is_some() && is_like_headings() || self.beside_name(row).is_some()
    }

    /// Rows of labels and blanks, up to the first that is neither; gives the row after.
    pub(super) fn card(self, top: u32, caption: &[String], above: &mut TextsAbove, layout: &mut Layout) -> u32 {
        let page = self.page;
        let mut items = Vec::new();
        let known = layout.doubts.len();
        let mut row = top;
        while row <= self.area.bottom && (row == top || !self.is_other(row, above)) {
            let (left, right) = self.width(row);
            let areas = page.areas(row, left, right);
            if !self.is_framed && areas.iter().all(|area| page.text(area.top, area.left).is_empty()) {
                break;
            }
            self.card_row(row, caption, above, &mut items, layout);
            row += 1;
        }
        let end = row.max(top + 1);
        // More that does not pair than pairs: no card, whatever it is.
        if !items.is_empty() && layout.doubts.len() - known > items.len().max(DOUBTS_MAX) {
            layout.doubts.truncate(known);
            items.clear();
        }
        if items.is_empty() {
            let (left, right) = self.width(top);
            layout.doubts.push(Doubt {
                place: Area { top, left, bottom: end - 1, right },
                about: "neither headings nor labels with blanks beside them".to_owned(),
            });
        } else {
            let items = without_doubles(items, layout);
            layout.tables.push(Table { kind: Kind::Card, items, body: (top, end - 1), rows: (top, end - 1) });
        }
        end
    }

    /// Adds the items of a row.
    fn card_row(
        self,
        row: u32,
        caption: &[String],
        above: &mut TextsAbove,
        items: &mut Vec<Item>,
        layout: &mut Layout,
    ) {
        let page = self.page;
        let (left, right) = self.width(row);
        let areas = page.areas(row, left, right);
        // A name beside several rows is the heading of their items.
        let is_label_at =
            |area: &Area| is_label(page.text(area.top, area.left)) && !is_blank(page.text(area.top, area.left));
        let is_section = |at: usize| {
            let next = areas.get(at + 1);
            areas[at].height() > 1
                && is_label_at(&areas[at])
                && next.is_some_and(|next| next.height() < areas[at].height())
        };
        let sections = (0..areas.len()).take_while(|at| is_section(*at)).count();
        let mut prefix: Vec<String> = caption.to_vec();
        prefix.extend(areas[..sections].iter().map(|area| joined(page.text(area.top, area.left))));
        let mut cells: Vec<Area> = areas[sections..].iter().copied().filter(|area| area.top == row).collect();
        let sides: Vec<(u32, u32)> = cells.iter().map(|area| (area.left, area.right)).collect();
        if cells.len() > 1 && cells.iter().all(is_label_at) {
            *above = TextsAbove { sides: sides.clone(), are_headings: false };
        }
        let is_below_texts = above.sides == sides;
        // Three texts side by side are headings rather than labels, unless every other one may have been filled in.
        let is_known = |area: &Area| is_known_label(page.text(area.top, area.left));
        let is_run = |run: &[Area]| {
            run.iter().all(is_label_at) && !(is_known(&run[0]) && !is_known(&run[1]) && is_known(&run[2]))
        };
        if sections == 0 && cells.len() > 3 && cells.windows(3).any(is_run) && !cells.iter().all(is_label_at) {
            let place = cells[1..].iter().fold(cells[0], |all, area| all.with(*area));
            let about = "headings with blanks among them: which columns they are of cannot be told".to_owned();
            layout.doubts.push(Doubt { place, about });
            *above = TextsAbove { sides, are_headings: true };
            return;
        }
        // Without borders the last blank of a row is beyond its last text.
        if !self.is_framed && cells.last().is_some_and(is_label_at) {
            cells.push(Area::cell(row, right + 1));
        }
        let mut rest = cells.as_slice();
        // `房主 | 姓名 | … | 电话 | …`: the first names what the others are of.
        if let [group, first, blank, ..] = rest
            && sections == 0
            && is_label_at(group)
            && is_label_at(first)
            && !is_label_at(blank)
            && is_known_label(page.text(first.top, first.left))
            && is_group(page.text(group.top, group.left))
            && group.left == left
        {
            prefix.push(joined(page.text(group.top, group.left)));
            rest = &rest[1..];
        }
        let (mut before, mut unnamed): (Option<Area>, Vec<Area>) = (None, Vec::new());
        for area in rest {
            let text = page.text(area.top, area.left);
            if NOT_ASKED.contains(&text) {
                before = None;
                continue;
            }
            if is_filled(text) {
                layout.said.extend(keyed(text));
                before = None;
                continue;
            }
            match (is_label_at(area), before.take()) {
                (true, Some(label)) => {
                    // Neither names what follows, and none is quoted: in a filled form one may be the name of a person.
                    let about = "two texts side by side: which of them is filled in cannot be told".to_owned();
                    layout.doubts.push(Doubt { place: label, about });
                    // Both are like labels: the first may be of all that follows.
                    if [label, *area].iter().all(|area| is_known_label(page.text(area.top, area.left))) {
                        break;
                    }
                }
                (true, None) => before = Some(*area),
                (false, Some(label)) if is_below_texts && (above.are_headings || !is_known(&label)) => {
                    let about =
                        "below a row of texts: a label beside a blank or a row of a table cannot be told".to_owned();
                    layout.doubts.push(Doubt { place: label, about });
                }
                (false, Some(label)) => {
                    let heads = prefix.iter().cloned().chain([page.text(label.top, label.left).to_owned()]);
                    let mut item = Item::of(&heads.collect::<Vec<_>>(), *area);
                    if is_unit(text) {
                        item.unit = Some(text.to_owned());
                    }
                    if item.choices.is_empty() {
                        item.choices = boxes(text);
                    }
                    if !page.formulas.contains(&(area.top, area.left)) {
                        items.push(item);
                    }
                }
                (false, None) => unnamed.push(*area),
            }
        }
        // A place for a photograph is its own label.
        if let Some(place) = before.filter(|area| !is_of_a_picture(page.text(area.top, area.left))) {
            layout.doubts.push(Doubt { place, about: "a label without a blank beside it".to_owned() });
        }
        if let [first, .., last] | [first @ last] = unnamed.as_slice() {
            let place = Area { right: last.right, ..*first };
            layout.doubts.push(Doubt { place, about: "blank without a label before it".to_owned() });
        }
    }
}
