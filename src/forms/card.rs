//! Tables of labels with blanks beside them.

use super::layout::{Block, Doubt, Item, Kind, Layout, Table};
use super::page::Area;
use super::words::{boxes, is_blank, is_known_label, is_label, is_personal, is_unit, joined};

impl Block<'_> {
    /// Rows of labels and blanks, up to the first that is neither; gives the row after.
    pub(super) fn card(self, top: u32, caption: &[String], layout: &mut Layout) -> u32 {
        let page = self.page;
        let mut items = Vec::new();
        let mut row = top;
        while row <= self.area.bottom && (row == top || !self.ends_at(row) && self.headings(row).is_none()) {
            let (left, right) = self.width(row);
            let areas = page.areas(row, left, right);
            if !self.is_framed && areas.iter().all(|area| page.text(area.top, area.left).is_empty()) {
                break;
            }
            // A name beside several rows is the heading of their items.
            let is_label_at =
                |area: &Area| is_label(page.text(area.top, area.left)) && !is_blank(page.text(area.top, area.left));
            let is_section = |area: &Area| {
                area.height() > 1 && is_label_at(area) && areas.get(1).is_none_or(|next| next.height() < area.height())
            };
            let section = areas.first().filter(|area| is_section(area));
            let mut prefix: Vec<String> = caption.to_vec();
            prefix.extend(section.map(|area| joined(page.text(area.top, area.left))));
            let cells: Vec<Area> =
                areas.iter().copied().filter(|area| Some(area) != section && area.top == row).collect();
            let mut rest = cells.as_slice();
            // `房主 | 姓名 | … | 电话 | …`: the first names what the others are of.
            if let [group, first, blank, ..] = rest
                && section.is_none()
                && is_label_at(group)
                && is_label_at(first)
                && !is_label_at(blank)
                && is_known_label(page.text(first.top, first.left))
                && !is_known_label(page.text(group.top, group.left))
                && !is_personal(page.text(group.top, group.left))
                && group.left == left
            {
                prefix.push(joined(page.text(group.top, group.left)));
                rest = &rest[1..];
            }
            let (mut before, mut unnamed): (Option<Area>, Vec<Area>) = (None, Vec::new());
            for area in rest {
                let text = page.text(area.top, area.left);
                match (is_label_at(area), before.take()) {
                    (true, Some(label)) => {
                        // Neither names what follows, and none is quoted: in a filled form one may be the name of a person.
                        let about = "two texts side by side: which of them is filled in cannot be told".to_owned();
                        layout.doubts.push(Doubt { place: label, about });
                    }
                    (true, None) => before = Some(*area),
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
            if let [first, .., last] | [first @ last] = unnamed.as_slice() {
                let place = Area { right: last.right, ..*first };
                layout.doubts.push(Doubt { place, about: "blank without a label before it".to_owned() });
            }
            row += 1;
        }
        let end = row.max(top + 1);
        if items.is_empty() {
            let (left, right) = self.width(top);
            layout.doubts.push(Doubt {
                place: Area { top, left, bottom: end - 1, right },
                about: "neither headings nor labels with blanks beside them".to_owned(),
            });
        } else {
            layout.tables.push(Table { kind: Kind::Card, items, body: (top, end - 1), rows: (top, end - 1) });
        }
        end
    }
}
