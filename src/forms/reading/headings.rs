//! Rows of labels over the columns of a table: where they end, and which columns they are of.

use super::around::is_filled;
use super::block::Block;
use super::page::{Area, Page};
use super::words::{heading, is_blank, is_known_label, is_label, is_number, is_personal, is_unit, joined};
use crate::contract::folded_name;

const HEADINGS_MAX: u32 = 8;
/// Rows that are looked at for the columns that name rows.
const STUB_ROWS_MAX: u32 = 40;
/// Headings of columns that number the rows.
pub(super) const COUNTERS: &[&str] = &["序号", "编号", "代码", "指标代码", "行次", "顺序号", "No", "No."];

/// Rows of labels over the columns of a table.
pub(super) struct Headings {
    pub top: u32,
    pub bottom: u32,
    /// The lowest heading of each column.
    pub columns: Vec<Area>,
    /// Groups that are not merged, by their row and first column, with the last.
    pub spread: Vec<Area>,
    /// `3=1+2` of each column.
    pub numbers: Vec<Option<String>>,
    /// Of each column, where a row below the headings gives them.
    pub units: Vec<Option<String>>,
    /// The first row of what is to be filled.
    pub body: u32,
    /// The first row may as well be labels with a blank beside each.
    pub is_ambiguous: bool,
}

impl Block<'_> {
    /// The headings that begin in a row; `None` where it has blanks that nothing above or below names, or where the rows
    /// below are not made of the same columns.
    pub(super) fn headings(self, top: u32) -> Option<Headings> {
        let page = self.page;
        let (left, right) = self.width(top);
        let is_label_at = |area: &Area| {
            let text = page.text(area.top, area.left);
            is_label(text) && !is_blank(text) || is_period(text) || self.is_in_run(area)
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
            if !is_label_at(&area) && !is_corner || is_filled(text) || is_key(text) {
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
                if text.ends_with(['：', ':']) || !below.iter().all(|part| part.top > top && is_label_at(part)) {
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
        let mut headings = Headings {
            top,
            bottom,
            columns,
            spread,
            numbers: Vec::new(),
            units: Vec::new(),
            body: bottom + 1,
            is_ambiguous,
        };
        let units = units(page, &headings.columns, headings.body);
        headings.body += u32::from(units.is_some());
        headings.units = units.unwrap_or_else(|| vec![None; headings.columns.len()]);
        let numbers = numbers(page, &headings.columns, headings.body);
        headings.body += u32::from(numbers.is_some());
        headings.numbers = numbers.unwrap_or_else(|| vec![None; headings.columns.len()]);
        let body = headings.body + u32::from(self.is_section(&headings, headings.body));
        let has_body = body <= self.area.bottom && self.fits(&headings, body) && !self.ends_at(body);
        // Without borders a list may end with its headings, if they are like headings.
        let is_like_heading = |column: &&Area| {
            let text = page.text(column.top, column.left);
            is_known_label(text) || heading(text).1.is_some()
        };
        let like = headings.columns.iter().filter(is_like_heading).count();
        let is_last = !self.is_framed
            && self.area.top == 0
            && (headings.body > self.area.bottom || self.ends_at(headings.body))
            && !is_spread
            && headings.columns.len() > 2
            && like * 2 >= headings.columns.len();
        (has_body && !is_of_a_card(page, &headings, body) && !is_filled_row(page, &headings) || is_last)
            .then_some(headings)
    }

    /// Whether a text is one of a run of headings that count on: years, days, weeks, grades.
    fn is_in_run(self, area: &Area) -> bool {
        let page = self.page;
        let (left, right) = self.width(area.top);
        let counted = |area: &Area| counted(page.text(area.top, area.left));
        let areas = page.areas(area.top, left, right);
        let Some(at) = areas.iter().position(|other| other == area).filter(|at| *at > 0) else { return false };
        let Some((words, _)) = counted(area) else { return false };
        // The cells of the same words around it, each counting on from the one before.
        let is_alike = |other: &&Area| counted(other).is_some_and(|(other, _)| other == words);
        let before = areas[1..at].iter().rev().take_while(is_alike).count();
        let after = areas[at..].iter().take_while(is_alike).count();
        let run: Vec<Vec<u32>> =
            areas[at - before..at + after].iter().filter_map(counted).map(|(_, numbers)| numbers).collect();
        let is_of_years = || run.iter().all(|numbers| matches!(numbers.as_slice(), [1990..=2099]));
        run.len() > 1 && run.windows(2).all(|pair| pair[0] < pair[1]) && (!words.is_empty() || is_of_years())
    }

    /// The columns of a table: a heading over the names of rows may go over several.
    fn columns(self, headings: Vec<Area>, body: u32) -> Vec<Area> {
        let page = self.page;
        let mut columns = Vec::new();
        for heading in headings {
            // The first row may be 合计, over the columns that name all others.
            let last = self.area.bottom.min(body + STUB_ROWS_MAX);
            let mut parts = Vec::new();
            for row in body..=last {
                let of_row = page.areas(row, heading.left, heading.right);
                let is_exact = of_row.first().is_some_and(|first| first.left == heading.left)
                    && of_row.last().is_some_and(|last| last.right == heading.right);
                let is_of_names = of_row.iter().all(|part| {
                    let text = page.text(part.top, part.left);
                    is_label(text) && !is_key(text) || is_unit(text)
                });
                if !is_exact || !is_of_names {
                    break;
                }
                if of_row.len() > parts.len() {
                    parts = of_row;
                }
            }
            match heading.width() > 1 && parts.len() > 1 {
                true => columns.extend(parts.iter().map(|part| Area { left: part.left, right: part.right, ..heading })),
                false => columns.push(heading),
            }
        }
        columns
    }

    /// Whether a row is made of the columns under headings. A name may go over several.
    pub(super) fn fits(self, headings: &Headings, row: u32) -> bool {
        let page = self.page;
        let (Some(first), Some(last)) = (headings.columns.first(), headings.columns.last()) else { return false };
        if self.width(row) != (first.left, last.right) {
            return false;
        }
        let begins = |area: &Area| headings.columns.iter().position(|column| column.left == area.left);
        let ends = |area: &Area| headings.columns.iter().position(|column| column.right == area.right);
        page.areas(row, first.left, last.right).iter().all(|area| match (begins(area), ends(area)) {
            (Some(from), Some(to)) => {
                let text = page.text(area.top, area.left);
                from == to || is_label(text) && !is_blank(text) && area.width() < last.right - first.left + 1
            }
            _ => false,
        })
    }

    /// Whether a row is a line over the whole width with rows of the same columns and their names below it.
    pub(super) fn is_section(self, headings: &Headings, row: u32) -> bool {
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
    pub(super) fn is_new(self, headings: &Headings, row: u32) -> bool {
        let page = self.page;
        let known = |column: &&Area| is_known_label(page.text(row, column.left));
        let is_again = |column: &Area| page.text(row, column.left) == page.text(headings.bottom, column.left);
        let is_counted = COUNTERS.contains(&joined(page.text(row, headings.columns[0].left)).as_str());
        (is_counted || headings.columns.iter().filter(known).count() > 1 || headings.columns.iter().all(is_again))
            && self.headings(row).is_some()
    }
}

/// The words of a text that counts, and its numbers: `6.1-6.7` is `.-.` with 6, 1, 6, 7.
fn counted(text: &str) -> Option<(String, Vec<u32>)> {
    let signs: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    let words: String = signs.chars().filter(|sign| !sign.is_ascii_digit()).collect();
    let numbers: Vec<u32> = signs
        .split(|sign: char| !sign.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(str::parse)
        .collect::<std::result::Result<_, _>>()
        .ok()?;
    (!numbers.is_empty() && signs.chars().count() <= 12).then_some((words, numbers))
}

/// `工程名称：` is filled in beside it; `其中：` is of the columns below.
fn is_key(text: &str) -> bool {
    text.trim_end().ends_with(['：', ':']) && !joined(text).ends_with("其中：") && !joined(text).ends_with("其中:")
}

/// The units of columns in a row: `户 人 元`.
fn units(page: &Page, columns: &[Area], row: u32) -> Option<Vec<Option<String>>> {
    const NO_UNIT: &[&str] = &["单位", "计量单位", "—", "-", "－", "/"];
    let texts: Vec<String> = columns.iter().map(|column| joined(page.text(row, column.left))).collect();
    let units: Vec<Option<String>> = texts.iter().map(|text| is_unit(text).then(|| text.clone())).collect();
    let is_of_units = texts.iter().all(|text| text.is_empty() || is_unit(text) || NO_UNIT.contains(&text.as_str()));
    let is_exact = columns.iter().all(|column| page.area(row, column.left).right == column.right);
    (is_of_units && is_exact && units.iter().flatten().count() * 2 > columns.len() && columns.len() > 2)
        .then_some(units)
}

/// The numbers of columns in a row: `甲 乙 1 2 3=1+2`.
fn numbers(page: &Page, columns: &[Area], row: u32) -> Option<Vec<Option<String>>> {
    let text = |column: &Area| folded_name(page.text(row, column.left)).to_uppercase();
    let mut texts: Vec<String> = columns.iter().map(text).collect();
    let circled = |sign: char| match sign {
        '①'..='⑳' => (u32::from(sign) - u32::from('①') + 1).to_string(),
        sign => sign.to_string(),
    };
    texts.iter_mut().for_each(|text| *text = text.chars().map(circled).collect());
    let names_numbers = |text: &&mut String| {
        ["栏次", "列次", "栏目", "栏号", "列号"].contains(&text.as_str()) || COUNTERS.contains(&text.as_str())
    };
    texts.iter_mut().take_while(names_numbers).for_each(String::clear);
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

/// Whether what stands there is a row of a filled list rather than headings: an answer without its opposite, or one of
/// the sexes without the other and no word that names an item.
fn is_filled_row(page: &Page, headings: &Headings) -> bool {
    const ANSWERS: &[&[&str]] = &[&["是", "否"], &["有", "无"]];
    const VALUES: &[&[&str]] = &[
        &["男", "女"],
        &["汉族", "少数民族"],
        &["已婚", "未婚", "离异", "丧偶"],
        &["本科", "大专", "高中", "初中", "小学"],
    ];
    let texts: Vec<String> = headings.columns.iter().map(|column| joined(page.text(column.top, column.left))).collect();
    let is_one = |values: &&[&str]| values.iter().filter(|value| texts.iter().any(|text| text == *value)).count() == 1;
    ANSWERS.iter().any(is_one) || VALUES.iter().any(is_one) && !texts.iter().any(|text| is_known_label(text))
}

/// `2024年`, `6月`, `第2季度`: headings, though they are dates.
fn is_period(text: &str) -> bool {
    let signs: Vec<char> = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    signs.len() <= 12
        && signs.iter().any(char::is_ascii_digit)
        && signs.iter().any(|sign| "年月季周".contains(*sign))
        && signs.iter().all(|sign| sign.is_ascii_digit() || "年月日第季度上下半周末底—-至".contains(*sign))
}
