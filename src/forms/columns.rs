//! Tables with headings over their columns: lists, and matrices whose rows have names.

use std::collections::{BTreeMap, BTreeSet};

use super::around::is_filled;
use super::layout::{Block, Doubt, Item, Kind, Layout, Table};
use super::page::{Area, Page};
use super::words::{boxes, heading, is_blank, is_known_label, is_label, is_number, is_personal, is_unit, joined};

const HEADINGS_MAX: u32 = 8;
/// Headings of columns that number the rows.
const COUNTERS: &[&str] = &["序号", "编号", "代码", "指标代码", "行次", "顺序号", "No", "No."];
/// Headings of columns that give the unit of each row.
const UNIT_HEADINGS: &[&str] = &["计量单位", "单位"];
/// What stands in a cell that is not to be filled.
pub(super) const NOT_ASKED: &[&str] = &["—", "－", "-", "——", "×", "/", "＼", "\\"];
/// Names of rows that are worked out from the others.
const TOTALS: &[&str] = &["合计", "总计", "小计", "共计", "累计"];
/// Columns that name their rows; more are filled in by somebody.
const STUBS_MAX: usize = 3;

/// Rows of labels over the columns of a table.
pub(super) struct Headings {
    top: u32,
    bottom: u32,
    /// The lowest heading of each column.
    columns: Vec<Area>,
    /// Groups that are not merged, by their row and first column, with the last.
    spread: Vec<Area>,
    /// `3=1+2` of each column.
    numbers: Vec<Option<String>>,
    /// The first row of what is to be filled.
    body: u32,
    /// The first row may as well be labels with a blank beside each.
    is_ambiguous: bool,
}

impl Block<'_> {
    /// The headings that begin in a row; `None` where it has blanks that nothing above or below names, or where the rows
    /// below are not made of the same columns.
    pub(super) fn headings(self, top: u32) -> Option<Headings> {
        let page = self.page;
        let (left, right) = self.width(top);
        let is_label_at = |area: &Area| {
            let text = page.text(area.top, area.left);
            is_label(text) && !is_blank(text) || is_period(text)
        };
        let (mut spread, mut repeated) = (Vec::new(), Vec::new());
        let mut bottom = top;
        let first = page.areas(top, left, right);
        if first.len() < 2 || first.iter().any(|area| area.top != top) {
            return None;
        }
        let mut at = 0;
        while at < first.len() {
            let area = first[at];
            let text = page.text(area.top, area.left);
            // The corner of a matrix may be blank.
            let is_corner = at == 0 && text.is_empty() && first.len() > 2;
            if !is_label_at(&area) && !is_corner || is_filled(text) {
                return None;
            }
            bottom = bottom.max(area.bottom);
            let rest = &first[at + 1..];
            // Blanks beside a label belong to its group if every column below has a label.
            let blanks = rest.iter().take_while(|next| page.text(next.top, next.left).is_empty()).count();
            let same = rest.iter().take_while(|next| page.text(next.top, next.left) == text).count();
            if blanks > 0 && !is_corner {
                let group = Area { right: rest[blanks - 1].right, ..area };
                let below = page.areas(area.bottom + 1, group.left, group.right);
                if !below.iter().all(|part| part.top > top && is_label_at(part)) {
                    return None;
                }
                spread.push(group);
                at += blanks;
            } else if same > 0 && !is_corner {
                repeated.push(Area { right: rest[same - 1].right, ..area });
                at += same;
            }
            at += 1;
        }
        let named = first.iter().filter(|area| is_label_at(area)).count();
        let parts: Vec<&str> = (left..=right).map(|column| page.text(top + 1, column)).collect();
        let is_spread = !spread.is_empty() && named == spread.len();
        if is_spread && parts.first().is_some_and(|part| COUNTERS.contains(&joined(part).as_str())) {
            return None;
        }
        let is_ambiguous = is_spread && !parts.iter().enumerate().any(|(at, part)| parts[..at].contains(part));
        loop {
            let next = bottom + 1;
            if next > top + HEADINGS_MAX || next > self.area.bottom {
                break;
            }
            // Parts of groups: every label that begins in the row stands below something wider, or is said again.
            let is_part = |area: &Area| {
                let above = page.area(area.top - 1, area.left);
                let is_below = |group: &Area| {
                    group.bottom == area.top - 1
                        && group.left <= area.left
                        && area.right <= group.right
                        && group.width() > area.width()
                };
                is_below(&above) || spread.iter().chain(&repeated).any(is_below)
            };
            let is_again = |area: &Area| {
                let text = page.text(area.top, area.left);
                text == page.text(area.top - 1, area.left) && is_label_at(area)
            };
            let areas = page.areas(next, left, right);
            let begun: Vec<&Area> =
                areas.iter().filter(|area| area.top == next && !page.text(next, area.left).is_empty()).collect();
            if !begun.iter().any(|area| is_part(area))
                || !begun.iter().all(|area| is_label_at(area) && (is_part(area) || is_again(area)))
            {
                break;
            }
            // Names of rows below a heading over two columns are no headings: the columns beside them begin there as well, and
            // the next row has names there too.
            let blanks = areas.iter().filter(|area| area.top == next && page.text(next, area.left).is_empty()).count();
            let goes_on = |part: &&Area| {
                next == self.area.bottom
                    || is_label(page.text(next + 1, part.left)) && !is_blank(page.text(next + 1, part.left))
            };
            if blanks > 0 && spread.is_empty() && begun.iter().any(goes_on) {
                break;
            }
            // Groups within groups may be repeated as well.
            let mut at = 0;
            while at < areas.len() {
                let text = page.text(next, areas[at].left);
                let same =
                    areas[at + 1..].iter().take_while(|area| area.top == next && page.text(next, area.left) == text);
                let same = if text.is_empty() { 0 } else { same.count() };
                if same > 0 {
                    repeated.push(Area { right: areas[at + same].right, ..areas[at] });
                }
                at += same + 1;
            }
            bottom = begun.iter().map(|part| part.bottom).max().unwrap_or(next);
        }
        let columns = self.columns(page.areas(bottom, left, right), bottom + 1);
        let mut headings =
            Headings { top, bottom, columns, spread, numbers: Vec::new(), body: bottom + 1, is_ambiguous };
        let numbers = numbers(page, &headings.columns, headings.body);
        headings.body += u32::from(numbers.is_some());
        headings.numbers = numbers.unwrap_or_else(|| vec![None; headings.columns.len()]);
        let body = headings.body + u32::from(self.is_section(&headings, headings.body));
        let has_body = body <= self.area.bottom && self.fits(&headings, body) && !self.ends_at(body);
        // Without borders a list may end with its headings.
        let is_last =
            !self.is_framed && self.area.top == 0 && (headings.body > self.area.bottom || self.ends_at(headings.body));
        (has_body && !is_of_a_card(page, &headings, body) && !is_filled_row(page, &headings) || is_last && !is_spread)
            .then_some(headings)
    }

    /// The columns of a table: a heading over the names of rows may go over several.
    fn columns(self, headings: Vec<Area>, body: u32) -> Vec<Area> {
        let page = self.page;
        let mut columns = Vec::new();
        for heading in headings {
            let parts = page.areas(body, heading.left, heading.right);
            let is_exact = parts.last().is_some_and(|last| last.right == heading.right);
            let is_of_names = parts.iter().all(|part| is_label(page.text(part.top, part.left)));
            match heading.width() > 1 && body <= self.area.bottom && is_exact && is_of_names {
                true => columns.extend(parts.iter().map(|part| Area { left: part.left, right: part.right, ..heading })),
                false => columns.push(heading),
            }
        }
        columns
    }

    /// Whether a row is made of the columns under headings. A name may go over several.
    fn fits(self, headings: &Headings, row: u32) -> bool {
        let page = self.page;
        let (Some(first), Some(last)) = (headings.columns.first(), headings.columns.last()) else { return false };
        if self.width(row) != (first.left, last.right) {
            return false;
        }
        let begins = |area: &Area| headings.columns.iter().position(|column| column.left == area.left);
        let ends = |area: &Area| headings.columns.iter().position(|column| column.right == area.right);
        page.areas(row, first.left, last.right).iter().all(|area| match (begins(area), ends(area)) {
            (Some(from), Some(to)) => {
                from == to || is_label(page.text(area.top, area.left)) && area.width() < last.right - first.left + 1
            }
            _ => false,
        })
    }

    /// Reads the table under its headings; gives the row after.
    pub(super) fn under_headings(self, headings: &Headings, caption: &[String], layout: &mut Layout) -> u32 {
        let page = self.page;
        let (left, right) = (headings.columns[0].left, headings.columns[headings.columns.len() - 1].right);
        let first = headings.body;
        let mut row = first;
        // A line over the whole width between rows of the same columns.
        let mut sections: Vec<u32> = Vec::new();
        while row <= self.area.bottom {
            if self.is_section(headings, row) {
                sections.push(row);
            } else if self.ends_at(row) || !self.fits(headings, row) || row > first && self.is_new(headings, row) {
                break;
            }
            row += 1;
        }
        if headings.is_ambiguous {
            let place = Area { top: headings.top, left, bottom: headings.bottom, right };
            let about = "groups over columns, or labels with a blank beside each: which cannot be told; merge what belongs together";
            layout.doubts.push(Doubt { place, about: about.to_owned() });
            return row.max(first);
        }
        let end = row.max(first + 1);
        let table = Under { block: self, headings, caption, first, end, sections };
        let stubs = table.stubs();
        let table = if table.is_matrix(&stubs) { table.matrix(&stubs, layout) } else { table.list(layout) };
        for group in &headings.spread {
            let about = format!(
                "`{}` is taken for the heading of {} columns, though they are not merged",
                joined(page.text(group.top, group.left)),
                group.width()
            );
            layout.doubts.push(Doubt { place: *group, about });
        }
        layout.tables.push(table);
        row.max(first)
    }

    /// Whether a row is a line over the whole width with rows of the same columns and their names below it.
    fn is_section(self, headings: &Headings, row: u32) -> bool {
        let page = self.page;
        let (left, right) = self.width(row);
        self.is_framed
            && row < self.area.bottom
            && page.areas(row, left, right).len() == 1
            && is_label(page.text(row, left))
            && !page.text(row + 1, left).is_empty()
            && self.fits(headings, row + 1)
            && self.headings(row + 1).is_none()
    }

    /// Whether another table of the same columns begins in a row.
    fn is_new(self, headings: &Headings, row: u32) -> bool {
        let page = self.page;
        let known = |column: &&Area| is_known_label(page.text(row, column.left));
        let is_again = |column: &Area| page.text(row, column.left) == page.text(headings.bottom, column.left);
        let is_counted = COUNTERS.contains(&joined(page.text(row, headings.columns[0].left)).as_str());
        (is_counted || headings.columns.iter().filter(known).count() > 1 || headings.columns.iter().all(is_again))
            && self.headings(row).is_some()
    }
}

/// The numbers of columns in a row: `甲 乙 1 2 3=1+2`.
fn numbers(page: &Page, columns: &[Area], row: u32) -> Option<Vec<Option<String>>> {
    let texts: Vec<String> = columns.iter().map(|column| joined(page.text(row, column.left))).collect();
    let given: Vec<&String> = texts.iter().filter(|text| !text.is_empty()).collect();
    let counted = given.iter().filter_map(|text| {
        let digits: String = text.trim_start_matches(['（', '(']).chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    });
    let letters = texts.iter().enumerate().all(|(at, text)| text.bytes().eq([b'A' + (at % 26) as u8]));
    let is_numbered = letters
        || given.len() * 2 > texts.len()
            && given.len() > 1
            && given.iter().all(|text| is_number(text))
            && counted.enumerate().all(|(at, number)| number == at as u32 + 1);
    is_numbered.then(|| texts.iter().map(|text| (!text.is_empty()).then(|| text.clone())).collect())
}

/// Whether the row below is labels with what was filled in beside them: then so are the headings.
fn is_of_a_card(page: &Page, headings: &Headings, body: u32) -> bool {
    let below = |column: &Area| page.text(body, column.left);
    let is_personal_at = |column: &Area| is_personal(below(column)) && is_known_label(below(column));
    let is_pair = match headings.columns.as_slice() {
        [first, second] => {
            is_known_label(below(first))
                && !below(second).is_empty()
                && !is_known_label(page.text(second.top, second.left))
        }
        _ => false,
    };
    // Labels in every other column, and beside those of the first row nothing that is like a heading.
    let columns = &headings.columns;
    let is_paired = columns.len() > 3
        && columns.iter().step_by(2).all(|column| is_label(below(column)) && !is_blank(below(column)))
        && !columns.iter().skip(1).step_by(2).any(|column| is_known_label(page.text(column.top, column.left)));
    is_pair || is_paired || columns.iter().skip(1).any(is_personal_at)
}

/// Whether what stands there is a row of a filled list rather than headings: one of the sexes without the other, and no
/// word that names an item.
fn is_filled_row(page: &Page, headings: &Headings) -> bool {
    const VALUES: &[&[&str]] = &[
        &["男", "女"],
        &["汉族", "少数民族"],
        &["已婚", "未婚", "离异", "丧偶"],
        &["是", "否"],
        &["有", "无"],
        &["本科", "大专", "高中", "初中", "小学"],
    ];
    let texts: Vec<String> = headings.columns.iter().map(|column| joined(page.text(column.top, column.left))).collect();
    let among = |values: &&[&str]| texts.iter().filter(|text| values.contains(&text.as_str())).count();
    VALUES.iter().any(|values| among(values) == 1) && !texts.iter().any(|text| is_known_label(text))
}

/// `2024年`, `6月`, `第2季度`: headings, though they are dates.
fn is_period(text: &str) -> bool {
    let signs: Vec<char> = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    signs.len() <= 12
        && signs.iter().any(char::is_ascii_digit)
        && signs.iter().any(|sign| "年月季周".contains(*sign))
        && signs.iter().all(|sign| sign.is_ascii_digit() || "年月日第季度上下半周末底—-至".contains(*sign))
}

/// What stands under headings.
struct Under<'a> {
    block: Block<'a>,
    headings: &'a Headings,
    caption: &'a [String],
    first: u32,
    /// The row after the last.
    end: u32,
    sections: Vec<u32>,
}

impl Under<'_> {
    fn page(&self) -> &Page {
        self.block.page
    }

    fn rows(&self) -> impl Iterator<Item = u32> + Clone {
        (self.first..self.end).filter(|row| !self.sections.contains(row))
    }

    /// The headings above a column, the widest first.
    fn path(&self, column: &Area) -> Vec<String> {
        let (page, headings) = (self.page(), self.headings);
        let mut path = self.caption.to_vec();
        let mut row = headings.top;
        while row <= headings.bottom {
            let area = page.area(row, column.left);
            let group = headings.spread.iter().find(|group| group.has(row, column.left));
            let text = match group {
                Some(group) if page.text(row, column.left).is_empty() => page.text(group.top, group.left),
                _ => page.text(row, column.left),
            };
            let text = joined(text);
            if !text.is_empty() && path.last() != Some(&text) {
                path.push(text);
            }
            row = area.bottom + 1;
        }
        path
    }

    fn is_counter(&self, column: &Area) -> bool {
        self.path(column).last().is_some_and(|head| COUNTERS.contains(&heading(head).0.as_str()))
    }

    /// The columns on the left that name their rows.
    fn stubs(&self) -> Vec<Area> {
        let is_stub = |column: &&Area| {
            let is_counter = self.is_counter(column);
            let is_name = |row: &u32| {
                let text = self.page().text(*row, column.left);
                is_label(text) && !is_blank(text) || is_counter && !text.is_empty() || is_unit(text)
            };
            self.rows().filter(is_name).count() * 2 > self.rows().count()
        };
        self.headings.columns.iter().take_while(is_stub).copied().collect()
    }

    /// Whether rows have names that are not somebody's, and the columns beside them are blank or numbers.
    fn is_matrix(&self, stubs: &[Area]) -> bool {
        let page = self.page();
        let others = &self.headings.columns[stubs.len()..];
        let naming: Vec<&Area> = stubs.iter().filter(|column| !self.is_counter(column)).collect();
        let is_of_persons = naming.iter().flat_map(|column| self.path(column)).any(|head| is_personal(&head));
        let is_named = naming.iter().any(|column| {
            let names: BTreeSet<&str> =
                self.rows().map(|row| page.text(row, column.left)).filter(|text| is_label(text)).collect();
            names.len() > 1 || names.len() == 1 && self.rows().count() == 1
        });
        // Somebody's number beside a name makes it somebody's name.
        let has_numbers = self.rows().any(|row| {
            self.headings
                .columns
                .iter()
                .any(|column| page.text(row, column.left).chars().filter(char::is_ascii_digit).count() > 10)
        });
        let cells = others.iter().flat_map(|column| self.rows().map(move |row| (row, column.left)));
        let open = |place: &(u32, u32)| {
            let text = page.text(place.0, place.1);
            !is_label(text) || is_blank(text) || page.formulas.contains(place)
        };
        !is_of_persons
            && !has_numbers
            && naming.len() <= STUBS_MAX
            && is_named
            && !others.is_empty()
            && cells.clone().filter(open).count() * 2 > cells.count()
    }

    fn matrix(&self, stubs: &[Area], layout: &mut Layout) -> Table {
        let page = self.page();
        let mut items: Vec<Item> = Vec::new();
        let mut section: Option<String> = None;
        // `其中：一人户` is counted as the row it is part of.
        let mut whole_unit: Option<String> = None;
        for row in self.first..self.end {
            if self.sections.contains(&row) {
                section = Some(joined(page.text(row, self.headings.columns[0].left)));
                continue;
            }
            let (mut names, mut unit): (Vec<String>, _) =
                (self.caption.iter().cloned().chain(section.clone()).collect(), None);
            let before = names.len();
            for column in stubs {
                let text = joined(page.text(row, column.left));
                let is_unit_column =
                    self.path(column).last().is_some_and(|head| UNIT_HEADINGS.contains(&head.as_str()));
                if is_unit_column && is_unit(&text) {
                    unit = Some(text);
                } else if !text.is_empty() && !is_number(&text) && names.last() != Some(&text) {
                    names.push(text);
                }
            }
            if names.len() == before {
                let place = page.area(row, self.headings.columns[0].left);
                layout
                    .doubts
                    .push(Doubt { place, about: "a row without a name: nothing is asked for there".to_owned() });
                continue;
            }
            let mut own = Item::of(&names, page.area(row, stubs[0].left));
            match names.last().is_some_and(|name| name.starts_with("其中")) {
                true => own.unit = own.unit.or(whole_unit.clone()),
                false => whole_unit = own.unit.clone(),
            }
            for (at, column) in self.headings.columns.iter().enumerate().skip(stubs.len()) {
                let (place, text) = (page.area(row, column.left), page.text(row, column.left));
                if place.top != row || NOT_ASKED.contains(&text) || page.formulas.contains(&(row, column.left)) {
                    continue;
                }
                let heads: Vec<String> =
                    names.iter().cloned().chain(self.path(column).into_iter().skip(self.caption.len())).collect();
                let about = if (place.left, place.right) != (column.left, column.right) {
                    Some("cells of several columns are merged: nothing is asked for there")
                } else if heads.len() == names.len() {
                    Some("a column without a heading: nothing is asked for there")
                } else if is_label(text) && !is_blank(text) {
                    Some("a text where a blank or a number is expected: nothing is asked for there")
                } else {
                    None
                };
                if let Some(about) = about {
                    layout.doubts.push(Doubt { place, about: about.to_owned() });
                    continue;
                }
                let mut item = Item::of(&heads, place);
                item.unit = Item::of(&self.path(column), place).unit.or(unit.clone()).or(own.unit.clone());
                item.number = self.headings.numbers[at].clone();
                if item.choices.is_empty() {
                    item.choices = boxes(text);
                }
                items.push(item);
            }
        }
        self.tell_apart(&mut items);
        let items = without_doubles(items, layout);
        Table { kind: Kind::Matrix, items, body: (self.first, self.end - 1), rows: (self.headings.top, self.end - 1) }
    }

    /// Rows of the same name get the name of the row they are set in from: `其中：男` below two kinds of persons.
    fn tell_apart(&self, items: &mut [Item]) {
        let page = self.page();
        let column = self.headings.columns[0].left;
        let raw = |row: u32| page.texts.get(&(row, column)).map_or("", String::as_str);
        let indent = |row: u32| {
            let text = raw(row);
            let blanks = text.chars().take_while(|sign| sign.is_whitespace()).count();
            blanks + if text.trim_start().starts_with("其中") { 1 } else { 0 }
        };
        let mut times: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for item in items.iter() {
            *times.entry(item.path.clone()).or_default() += 1;
        }
        for item in items.iter_mut().filter(|item| times[&item.path] > 1) {
            let row = item.place.top;
            let above = (self.first..row).rev().find(|above| !raw(*above).is_empty() && indent(*above) < indent(row));
            if let Some(above) = above {
                let own = heading(raw(row)).0;
                let at = item.path.iter().position(|head| *head == own).unwrap_or(self.caption.len());
                item.path.insert(at, heading(raw(above)).0);
            }
        }
    }

    fn list(&self, layout: &mut Layout) -> Table {
        let page = self.page();
        // Totals above or below the rows are worked out from them.
        let is_total = |row: u32| {
            let mut texts = self.headings.columns.iter().map(|column| joined(page.text(row, column.left)));
            let first = texts.find(|text| !text.is_empty() && !is_number(text));
            first.is_some_and(|text| TOTALS.contains(&heading(&text).0.as_str()))
        };
        let (mut first, mut end) = (self.first, self.end);
        while end > first + 1 && is_total(end - 1) {
            end -= 1;
        }
        while first + 1 < end && (is_total(first) || self.sections.contains(&first)) {
            first += 1;
        }
        if let Some(row) = (first..end).find(|row| is_total(*row) || self.sections.contains(row)) {
            let place = page.area(row, self.headings.columns[0].left);
            layout.doubts.push(Doubt {
                place,
                about: "a total or a heading among the rows of a list: they are filled only down to it".to_owned(),
            });
            end = row.max(first + 1);
        }
        let mut items = Vec::new();
        for (at, column) in self.headings.columns.iter().enumerate() {
            let place = Area::cell(first, column.left);
            let mut item = Item::of(&self.path(column), place);
            if item.path.len() == self.caption.len() {
                let place = Area::cell(self.headings.top, column.left);
                layout.doubts.push(Doubt { place, about: "a column without a heading".to_owned() });
            } else if !page.formulas.contains(&(first, column.left)) {
                item.number = self.headings.numbers[at].clone();
                if item.choices.is_empty() {
                    item.choices = boxes(page.text(first, column.left));
                }
                items.push(item);
            }
        }
        let items = without_doubles(items, layout);
        Table { kind: Kind::List, items, body: (first, end - 1), rows: (self.headings.top, end - 1) }
    }
}

/// What has the headings of another item cannot be told from it, and is not asked for.
pub(super) fn without_doubles(items: Vec<Item>, layout: &mut Layout) -> Vec<Item> {
    let mut seen: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut kept = Vec::new();
    for item in items {
        if seen.insert(item.path.clone()) {
            kept.push(item);
        } else {
            let about = "the same headings stand for another item of the table: nothing is asked for there".to_owned();
            layout.doubts.push(Doubt { place: item.place, about });
        }
    }
    kept
}
