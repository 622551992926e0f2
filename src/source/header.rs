//! Where the header of a table stands, when titles, unit lines and merged cells surround it.
//!
//! The first rows of a sheet or CSV are scored by how many of their cells some contract knows as column names; a path
//! known only by its last part counts half. The best row wins, the earliest on a tie; two rows read as one header
//! (`经营者` over `姓名` and `电话` becomes `经营者/姓名`, `经营者/电话`) win over the upper row alone if that makes more
//! names known or the shape leaves no doubt.
//!
//! What stands above the header is taken for titles and read by nobody. So a header further up with rows of its own is
//! told, for the caller to refuse the file.

use super::NAME_BYTES_MAX;

/// How many non-empty rows are looked at.
pub(super) const ROWS_LOOKED_AT: usize = 30;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Index of the header's first row among those given.
    pub(super) first: usize,
    /// Index of the first data row: after the second header row and rows of units or column numbers.
    pub(super) data: usize,
    /// One name per column, without trailing nameless columns.
    pub(super) names: Vec<String>,
    /// How many names are known.
    pub(super) known: usize,
    /// Index of another header above this one that has rows of its own.
    pub(super) table_above: Option<usize>,
    score: usize,
}

/// Finds the header in `rows`; without any known name the first row is taken. `None` if there are no rows.
pub(super) fn find(rows: &[Vec<String>], is_known: &dyn Fn(&str) -> bool) -> Option<Found> {
    let found = |first: usize, data: usize, names: Vec<String>| {
        let whole = names.iter().filter(|name| !name.is_empty() && is_known(name)).count();
        let known = names.iter().filter(|name| is_known_name(name, is_known)).count();
        Found { first, data, names, known, table_above: None, score: whole + known }
    };
    let mut best: Option<Found> = None;
    for (first, row) in rows.iter().enumerate().take(ROWS_LOOKED_AT) {
        let mut one = found(first, first + 1, trimmed(row));
        // A long text is no name to put before others, and repeated in every column it would fill the memory.
        let may_be_upper = row.iter().all(|cell| cell.len() <= NAME_BYTES_MAX);
        if let Some(below) = rows.get(first + 1).filter(|_| may_be_upper) {
            let two = found(first, first + 2, paths(row, below));
            if two.score > one.score || (two.known > 0 && is_two_row_shape(row, below)) {
                one = two;
            }
        }
        if best.as_ref().is_none_or(|b| one.score > b.score) {
            best = Some(one);
        }
    }
    let mut best = best?;
    while rows.get(best.data).is_some_and(|row| is_furniture(row, best.names.len())) {
        best.data += 1;
    }
    best.table_above = (0..best.first).find(|at| has_rows_of_its_own(&rows[*at..best.first], is_known));
    Some(best)
}

/// Whether the first row is a header and the others, which end above the next header, hold more than titles and units.
fn has_rows_of_its_own(rows: &[Vec<String>], is_known: &dyn Fn(&str) -> bool) -> bool {
    let Some((header, below)) = rows.split_first() else { return false };
    let names = trimmed(header);
    if names.iter().filter(|name| is_known_name(name, is_known)).count() < 2 {
        return false;
    }
    let is_form = is_form_line(header, is_known);
    below.iter().any(|row| {
        let filled = filled_cells(row).count();
        // Forms fill lines of this kind and lines of one text with what holds for the whole table.
        let is_title = is_form && (filled == 1 || is_form_line(row, is_known));
        filled > 0 && !is_title && !is_furniture(row, names.len())
    })
}

/// Whether a row is made of names, each with its value to the right: 街道 东华街道 社区 金帆社区.
fn is_form_line(row: &[String], is_known: &dyn Fn(&str) -> bool) -> bool {
    let cells: Vec<String> = filled_cells(row).map(clean).collect();
    let (pairs, rest) = cells.as_chunks::<2>();
    rest.is_empty() && pairs.iter().any(|[name, _]| is_known(name)) && pairs.iter().all(|[_, value]| !is_known(value))
}

fn filled_cells(row: &[String]) -> impl Iterator<Item = &str> {
    row.iter().map(String::as_str).filter(|cell| !cell.trim().is_empty())
}

/// Whether a contract knows a name, or the last part of a path.
pub(super) fn is_known_name(name: &str, is_known: &dyn Fn(&str) -> bool) -> bool {
    !name.is_empty() && (is_known(name) || name.rsplit_once('/').is_some_and(|(_, leaf)| is_known(leaf)))
}

fn trimmed(row: &[String]) -> Vec<String> {
    let mut names: Vec<String> = row.iter().map(|cell| clean(cell)).collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
}

/// A name without outer blanks and without the line breaks people put into narrow header cells.
fn clean(cell: &str) -> String {
    cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}').replace(['\r', '\n'], "")
}

/// Names of a two-row header. A merged cell holds its text in the leftmost column, so an upper name reaches over the
/// empty cells to its right as long as there is something below.
fn paths(upper: &[String], lower: &[String]) -> Vec<String> {
    let mut group = String::new();
    let mut names = Vec::new();
    for column in 0..upper.len().max(lower.len()) {
        let top = upper.get(column).map(|c| clean(c)).unwrap_or_default();
        let bottom = lower.get(column).map(|c| clean(c)).unwrap_or_default();
        if !top.is_empty() {
            group.clone_from(&top);
        }
        names.push(match (top.is_empty(), bottom.is_empty()) {
            (_, true) => {
                group.clear();
                top
            }
            (true, false) if group.is_empty() => bottom,
            _ => format!("{group}/{bottom}"),
        });
    }
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
}

/// Whether the second row names the parts of groups: it fills every gap of the first row, and nothing stands below
/// the names that are not followed by a gap.
fn is_two_row_shape(upper: &[String], lower: &[String]) -> bool {
    let at = |row: &[String], column: usize| row.get(column).is_some_and(|c| !clean(c).is_empty());
    let width = trimmed(upper).len().max(trimmed(lower).len());
    let gap = |column: usize| column < width && !at(upper, column);
    let mut gaps = 0;
    for column in 0..width {
        let is_in_group = gap(column) || gap(column + 1);
        if at(lower, column) != is_in_group {
            return false;
        }
        gaps += usize::from(gap(column));
    }
    gaps > 0
}

/// Rows below a header of so many columns that hold units (人, 平方米) or the column numbers of official forms
/// (甲 乙 1 2 3). Only what can be no data: a row skipped here is counted nowhere.
fn is_furniture(row: &[String], width: usize) -> bool {
    const UNITS: &[&str] = &[
        "人",
        "户",
        "套",
        "家",
        "次",
        "个",
        "件",
        "间",
        "具",
        "天",
        "元",
        "岁",
        "年",
        "平方米",
        "㎡",
        "m2",
        "m²",
        "小时",
        "%",
        "％",
        "是/否",
        "有/无",
        "√/×",
    ];
    let cells = trimmed_cells(row);
    let is_blank = |cell: &str| matches!(cell, "" | "-" | "—" | "－");
    let bare = |cell: &str| cell.trim_matches(['(', ')', '（', '）', '[', ']']).trim_start_matches("单位：").to_owned();
    // What a row is about stands in its first column and has no unit.
    let units: Vec<&str> = cells.iter().copied().filter(|cell| !is_blank(cell)).collect();
    if cells.first().is_some_and(|cell| is_blank(cell)) && !units.is_empty() {
        return units.iter().all(|c| UNITS.contains(&bare(c).as_str()));
    }
    // Without 甲 a row of 1 2 3 may be data, and so may one that numbers some columns only.
    const STUBS: [&str; 5] = ["甲", "乙", "丙", "丁", "戊"];
    let stubs = cells.iter().zip(STUBS).take_while(|(cell, stub)| *cell == stub).count();
    let numbers = &cells[stubs..];
    cells.len() >= width.max(3)
        && stubs > 0
        && !numbers.is_empty()
        && numbers.iter().enumerate().all(|(i, c)| c.parse() == Ok(i + 1))
}

/// A row's cells without outer blanks and without empty ones at its end.
fn trimmed_cells(row: &[String]) -> Vec<&str> {
    let end = row.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1);
    row[..end].iter().map(|cell| cell.trim()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        let rows: Vec<Vec<String>> =
            text.lines().map(|l| l.trim().split('|').map(|c| c.trim().to_owned()).collect()).collect();
        let known = ["商铺编号", "店名", "经营者", "联系电话", "地址", "从业人数"];
        let is_known = |name: &str| known.contains(&name) || name == "经营者/姓名" || name == "经营者/电话";
        let found = find(&rows, &is_known).unwrap();
        let above = found.table_above.map_or(String::new(), |above| format!(", below {above}"));
        format!("{}..{} {}{above}", found.first, found.data, found.names.join(" "))
    }

    #[test]
    fn header_is_found_among_titles_units_and_merged_cells() {
        assert_eq!(found("商铺编号|店名|地址\nS1|甲店|东华"), "0..1 商铺编号 店名 地址");
        assert_eq!(found("门店信息表\n计量单位：家\n商铺编号|店名|\nS1|甲店|"), "2..3 商铺编号 店名");
        assert_eq!(
            found("门店信息表\n商铺编号|店名|经营者||地址\n||姓名|电话|\n甲|乙|1|2|3\nS1|甲店|张|1|x"),
            "1..4 商铺编号 店名 经营者/姓名 经营者/电话 地址"
        );
        // The upper row alone knows as many names, but its gap is filled by the row below.
        assert_eq!(found("店名|经营者||地址\n|甲|乙|\nx|y|z|w"), "0..2 店名 经营者/甲 经营者/乙 地址");
        assert_eq!(found("店名|从业人数|地址\n|（人）|\nx|3|y"), "0..2 店名 从业人数 地址");
        // Rows that may be data are not skipped.
        assert_eq!(found("店名|从业人数\n甲|1\n乙|2"), "0..1 店名 从业人数");
        assert_eq!(found("店名|从业人数|地址\n甲|1|\n乙|2|"), "0..1 店名 从业人数 地址");
        assert_eq!(found("店名|地址\n件|个"), "0..1 店名 地址");
        assert_eq!(found("店名|从业人数|地址\n-|人|\nx|3|y"), "0..2 店名 从业人数 地址");
        // A data row with blanks is not a second header row.
        assert_eq!(found("店名|从业人数|地址\nx||y"), "0..1 店名 从业人数 地址");
        assert_eq!(found("a|b\n1|2"), "0..1 a b");
    }

    #[test]
    fn a_table_above_the_header_is_told_from_titles() {
        assert_eq!(found("店名|地址\n甲店|东华\n商铺编号|店名|地址\nS1|甲店|东华"), "2..3 商铺编号 店名 地址, below 0");
        assert_eq!(
            found("门店信息表\n店名|x|地址\n甲店\n商铺编号|店名|地址\nS1|甲店|东华"),
            "3..4 商铺编号 店名 地址, below 1"
        );
        // Names and values by turns, as on the head of a form, or a table of such columns.
        assert_eq!(found("地址|东华|店名|甲店\n单位：家\n商铺编号|店名|地址"), "2..3 商铺编号 店名 地址");
        assert_eq!(found("地址|东华|店名|甲店\n联系电话|1|甲|乙\n商铺编号|店名|地址"), "2..3 商铺编号 店名 地址");
        assert_eq!(found("地址|x|店名|y\n东华|1|甲店|2\n商铺编号|店名|地址"), "2..3 商铺编号 店名 地址, below 0");
        // Nothing is lost between a header and its units, or its second language.
        assert_eq!(found("店名|从业人数\n-|人\n商铺编号|店名|从业人数\nS1|甲|3"), "2..3 商铺编号 店名 从业人数");
        assert_eq!(found("店名|地址\n商铺编号|店名|地址\nS1|甲店|东华"), "1..2 商铺编号 店名 地址");
        assert_eq!(found("地址\n东华\n商铺编号|店名|地址"), "2..3 商铺编号 店名 地址");
    }
}
