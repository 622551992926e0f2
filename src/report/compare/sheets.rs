//! Two workbooks, sheet by sheet and cell by cell.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Difference, lines};
use crate::report::layout::{letters, name_of};
use crate::source::{CellText, RowCells, SheetCells};

/// A row number that counts, and says nothing of the row.
const COUNTER_LABELS: [&str; 2] = ["序号", "序"];
/// Key columns looked at: names and codes stand on the left.
const KEY_COLUMNS_MAX: usize = 12;
/// Texts that make up what a row is called.
const ROW_LABEL_TEXTS: usize = 3;
const SHEET: &str = "sheet";
/// A column that is gone has no place in the new sheet and stands behind its last possible one.
const GONE_FROM: u32 = 1 << 16;

pub(super) fn compare(old: &[SheetCells], new: &[SheetCells]) -> Vec<Difference> {
    let mut found = Vec::new();
    for sheet in new {
        match old.iter().find(|other| other.name == sheet.name) {
            Some(other) => found.extend(compared(other, sheet)),
            None => found.push(whole_sheet(sheet, true)),
        }
    }
    let is_gone = |sheet: &&SheetCells| !new.iter().any(|other| other.name == sheet.name);
    found.extend(old.iter().filter(is_gone).map(|sheet| whole_sheet(sheet, false)));
    found
}

fn compared(old: &SheetCells, new: &SheetCells) -> Vec<Difference> {
    let (before, after) = (Shape::new(old), Shape::new(new));
    let columns = Columns::of(&before, &after);
    let turned = SheetCells { rows: columns.turned(&old.rows), name: old.name.clone(), ..SheetCells::default() };
    let before = Shape {
        sheet: &turned,
        body: before.body,
        labels: before.labels.into_iter().map(|(at, label)| (columns.place_of(at), label)).collect(),
        counter: before.counter.map(|at| columns.place_of(at)),
    };
    Pair::new(before, after, columns).differences()
}

fn whole_sheet(sheet: &SheetCells, is_new: bool) -> Difference {
    let text = Some(format!("{} rows", sheet.rows.len()));
    let (old, new) = if is_new { (None, text) } else { (text, None) };
    Difference { sheet: sheet.name.clone(), place: SHEET.to_owned(), old, new, ..Difference::default() }
}

/// One sheet with what is known of its shape.
struct Shape<'a> {
    sheet: &'a SheetCells,
    /// Rows of `sheet.rows` before this one are titles and header.
    body: usize,
    labels: BTreeMap<u32, String>,
    counter: Option<u32>,
}

impl<'a> Shape<'a> {
    fn new(sheet: &'a SheetCells) -> Self {
        let body = body_start(sheet);
        let labels = labels(sheet, body);
        let counter = labels.iter().find(|(_, label)| COUNTER_LABELS.contains(&label.as_str())).map(|(at, _)| *at);
        Self { sheet, body, labels, counter }
    }

    fn label(&self, column: u32) -> String {
        self.labels.get(&column).cloned().unwrap_or_default()
    }

    /// Columns with a label or with a cell in the body.
    fn columns(&self) -> Vec<u32> {
        let cells = self.body_rows().iter().flat_map(|row| row.cells.iter().map(|cell| cell.column));
        let columns: BTreeSet<u32> = self.labels.keys().copied().chain(cells).collect();
        columns.into_iter().collect()
    }

    fn body_rows(&self) -> &'a [RowCells] {
        &self.sheet.rows[self.body..]
    }
}

/// The first row with a figure, below the row that numbers the columns. A sheet without figures has its header where
/// most cells stand side by side for the first time.
fn body_start(sheet: &SheetCells) -> usize {
    let has_figures = |row: &RowCells| row.cells.len() > 1 && row.cells.iter().any(|cell| cell.is_number);
    if let Some(at) = sheet.rows.iter().position(|row| has_figures(row) && !is_numbering(row)) {
        return at;
    }
    let widest = sheet.rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    sheet.rows.iter().position(|row| row.cells.len() == widest).map_or(0, |at| at + 1)
}

/// The row that numbers the columns: 甲 乙 1 2 3=1+2, in each of several blocks anew.
fn is_numbering(row: &RowCells) -> bool {
    let numbers: Vec<usize> = row.cells.iter().filter_map(|cell| cell.text.split('=').next()?.parse().ok()).collect();
    let is_counted = numbers.windows(2).all(|two| two[1] == two[0] + 1 || two[1] == 1);
    let others = row.cells.iter().filter(|cell| !cell.text.starts_with(|sign: char| sign.is_ascii_digit()));
    let are_short = others.map(|cell| cell.text.chars().count()).all(|signs| signs == 1);
    are_short && is_counted && numbers.len() > 1 && numbers[0] == 1
}

/// What stands above each column, group before column, with a slash between.
fn labels(sheet: &SheetCells, body: usize) -> BTreeMap<u32, String> {
    let body_row = sheet.rows.get(body).map_or(u32::MAX, |row| row.row);
    // A title is alone in its row, and the line below it begins like `填报单位：`.
    let is_header = |row: &&RowCells| row.cells.len() > 1 && !row.cells[0].text.contains(['：', ':']);
    let above = sheet.rows[..body].iter().rev().filter(|row| !is_numbering(row));
    let header: Vec<&RowCells> = above.take_while(is_header).collect();
    let mut labels: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for row in header.into_iter().rev() {
        for cell in row.cells.iter().filter(|cell| !cell.is_number) {
            let area = sheet.merges.iter().find(|area| (area.0, area.1) == (row.row, cell.column));
            let last = area.filter(|area| area.2 < body_row).map_or(cell.column, |area| area.3);
            for column in cell.column..=last.min(cell.column.saturating_add(255)) {
                labels.entry(column).or_default().push(&cell.text);
            }
        }
    }
    labels.into_iter().map(|(column, texts)| (column, texts.join("/"))).collect()
}

/// Which columns of two sheets are the same, by what stands above them.
#[derive(Default)]
struct Columns {
    /// Columns of the old sheet to those of the new one; empty where all stand where they stood.
    places: BTreeMap<u32, u32>,
    gone: BTreeSet<u32>,
    added: BTreeSet<u32>,
}

impl Columns {
    fn of(old: &Shape<'_>, new: &Shape<'_>) -> Self {
        let (before, after) = (old.columns(), new.columns());
        let labels = |shape: &Shape<'_>, columns: &[u32]| -> Vec<String> {
            columns.iter().map(|column| shape.label(*column)).collect()
        };
        let (old_labels, new_labels) = (labels(old, &before), labels(new, &after));
        if before == after && old_labels == new_labels {
            return Self::default();
        }
        let mut columns = Self::default();
        let (mut old_at, mut new_at) = (0, 0);
        let mut ends = lines::common(&old_labels, &new_labels);
        ends.push((before.len(), after.len()));
        for (old_end, new_end) in ends {
            // Between two common columns as many others are the same ones renamed.
            if old_end - old_at == new_end - new_at {
                columns.places.extend((old_at..old_end).zip(new_at..).map(|(from, to)| (before[from], after[to])));
            } else {
                columns.gone.extend(&before[old_at..old_end]);
                columns.added.extend(&after[new_at..new_end]);
            }
            if let (Some(from), Some(to)) = (before.get(old_end), after.get(new_end)) {
                columns.places.insert(*from, *to);
            }
            (old_at, new_at) = (old_end + 1, new_end + 1);
        }
        columns
    }

    fn is_same(&self) -> bool {
        self.gone.is_empty() && self.added.is_empty()
    }

    /// Where a column of the old sheet stands in the new one; behind all others where it is gone.
    fn place_of(&self, column: u32) -> u32 {
        if self.is_same() {
            return column;
        }
        self.places.get(&column).copied().unwrap_or(GONE_FROM.saturating_add(column))
    }

    /// Rows of the old sheet with their cells where the new one has them.
    fn turned(&self, rows: &[RowCells]) -> Vec<RowCells> {
        let turned = |cell: &CellText| CellText { column: self.place_of(cell.column), ..cell.clone() };
        let row = |row: &RowCells| RowCells { row: row.row, cells: row.cells.iter().map(turned).collect() };
        rows.iter().map(row).collect()
    }

    /// Whether both sheets have a column, by its place in the new one.
    fn is_common(&self, place: u32) -> bool {
        place < GONE_FROM && !self.added.contains(&place)
    }
}

struct Pair<'a> {
    old: Shape<'a>,
    new: Shape<'a>,
    columns: Columns,
    /// Columns whose texts name a row.
    keys: Vec<u32>,
}

impl<'a> Pair<'a> {
    fn new(old: Shape<'a>, new: Shape<'a>, columns: Columns) -> Self {
        let mut pair = Self { old, new, columns, keys: Vec::new() };
        pair.keys = pair.key_columns();
        pair
    }

    /// One text column that tells all rows apart, the one most rows of both sheets share; else the leftmost columns
    /// that do so together; else all of them.
    fn key_columns(&self) -> Vec<u32> {
        let counters = [self.old.counter, self.new.counter];
        let mut texts: BTreeMap<u32, usize> = BTreeMap::new();
        for row in self.old.body_rows().iter().chain(self.new.body_rows()) {
            let names = |cell: &&CellText| {
                !cell.is_number && !counters.contains(&Some(cell.column)) && self.columns.is_common(cell.column)
            };
            for cell in row.cells.iter().filter(names) {
                *texts.entry(cell.column).or_default() += 1;
            }
        }
        let rows = self.old.body_rows().len() + self.new.body_rows().len();
        // A column that is blank in many rows names none of them.
        let candidates: Vec<u32> = texts
            .iter()
            .filter(|(_, count)| **count * 4 >= rows * 3)
            .map(|(column, _)| *column)
            .take(KEY_COLUMNS_MAX)
            .collect();
        let values = |shape: &Shape<'a>, columns: &[u32]| -> Option<BTreeSet<Vec<&'a str>>> {
            let mut seen = BTreeSet::new();
            let keys = shape.body_rows().iter().filter_map(|row| key_of(row, columns));
            keys.into_iter().all(|key| seen.insert(key)).then_some(seen)
        };
        let shared =
            |columns: &[u32]| Some(values(&self.old, columns)?.intersection(&values(&self.new, columns)?).count());
        let singles = candidates.iter().filter_map(|column| Some((shared(&[*column])?, *column)));
        // The leftmost of equals.
        if let Some((_, column)) = singles.max_by_key(|(count, column)| (*count, std::cmp::Reverse(*column))) {
            return vec![column];
        }
        let together =
            (2..=candidates.len()).map(|count| &candidates[..count]).find(|columns| shared(columns).is_some());
        together.unwrap_or(&candidates).to_vec()
    }

    fn differences(&self) -> Vec<Difference> {
        let mut found = if self.columns.is_same() { self.heads() } else { self.heads_in_order() };
        found.extend(self.whole_columns());
        let (old, new) = (self.old.body_rows(), self.new.body_rows());
        let matched = self.matched(old, new);
        let mut taken: BTreeSet<usize> = matched.iter().flatten().copied().collect();
        let mut rest = matched.clone();
        pair_leftovers(old, new, &mut rest, &mut taken);
        for (row, partner) in new.iter().zip(&rest) {
            match partner {
                Some(at) => found.extend(self.cells(&old[*at], row)),
                None => found.push(self.whole_row(&self.new, row, true)),
            }
        }
        let gone = (0..old.len()).filter(|at| !taken.contains(at));
        found.extend(gone.map(|at| self.whole_row(&self.old, &old[at], false)));
        let order: Vec<usize> = rest.iter().flatten().copied().collect();
        if found.is_empty() && !order.is_sorted() {
            let text = |text: &str| Some(text.to_owned());
            found.push(Difference {
                sheet: self.new.sheet.name.clone(),
                place: SHEET.to_owned(),
                old: text("the same rows"),
                new: text("in another order"),
                ..Difference::default()
            });
        }
        found
    }

    /// Titles and header stand where they stand.
    fn heads(&self) -> Vec<Difference> {
        let texts = |shape: &Shape<'a>| -> BTreeMap<(u32, u32), &'a str> {
            let head = &shape.sheet.rows[..shape.body];
            head.iter()
                .flat_map(|row| row.cells.iter().map(|cell| ((row.row, cell.column), cell.text.as_str())))
                .collect()
        };
        let (old, new) = (texts(&self.old), texts(&self.new));
        let places: BTreeSet<&(u32, u32)> = old.keys().chain(new.keys()).collect();
        let differing = places.into_iter().filter(|place| old.get(place) != new.get(place));
        differing
            .map(|place| Difference {
                sheet: self.new.sheet.name.clone(),
                place: cell_name(place.0, place.1),
                old: old.get(place).map(|text| (*text).to_owned()),
                new: new.get(place).map(|text| (*text).to_owned()),
                ..Difference::default()
            })
            .collect()
    }

    /// Where columns have come or gone, titles and header stand in the same order.
    fn heads_in_order(&self) -> Vec<Difference> {
        let rows = |shape: &Shape<'a>| -> BTreeMap<u32, &'a RowCells> {
            let head = shape.sheet.rows[..shape.body].iter();
            // Columns are numbered anew wherever one has come or gone.
            head.filter(|row| !is_numbering(row)).map(|row| (row.row, row)).collect()
        };
        let (old, new) = (rows(&self.old), rows(&self.new));
        let none = RowCells::default();
        let places: BTreeSet<&u32> = old.keys().chain(new.keys()).collect();
        let row = |side: &BTreeMap<u32, &'a RowCells>, place: &u32| side.get(place).copied().cloned();
        let pairs = places.into_iter().map(|place| (place, row(&old, place), row(&new, place)));
        pairs
            .flat_map(|(place, old, new)| {
                let (old, new) = (old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none));
                self.in_order(*place, old, new)
            })
            .collect()
    }

    /// What differs between the texts of two rows, wherever they stand; labels of columns that come or go left out.
    fn in_order(&self, place: u32, old: &RowCells, new: &RowCells) -> Vec<Difference> {
        let cells = |shape: &Shape<'a>, row: &RowCells| -> (Vec<u32>, Vec<String>) {
            let is_told = |cell: &&CellText| {
                self.columns.is_common(cell.column)
                    || !shape.label(cell.column).split('/').any(|label| label == cell.text)
            };
            row.cells.iter().filter(is_told).map(|cell| (cell.column, cell.text.clone())).unzip()
        };
        let (before, after) = (cells(&self.old, old), cells(&self.new, new));
        let differing = lines::differing(&before.1, &after.1).into_iter();
        let differences = differing.filter_map(|at| {
            let column = *at.new.and_then(|at| after.0.get(at)).or_else(|| before.0.get(at.old?))?;
            Some(Difference {
                sheet: self.new.sheet.name.clone(),
                place: cell_name(place, column.checked_sub(GONE_FROM).unwrap_or(column)),
                old: at.old.and_then(|at| before.1.get(at)).cloned(),
                new: at.new.and_then(|at| after.1.get(at)).cloned(),
                ..Difference::default()
            })
        });
        differences.collect()
    }

    /// Columns that only one of the sheets has.
    fn whole_columns(&self) -> Vec<Difference> {
        let whole = |shape: &Shape<'a>, column: u32, place: u32, is_new: bool| {
            let cells = shape.body_rows().iter().flat_map(|row| &row.cells).filter(|cell| cell.column == place);
            let text = Some(format!("{} cells", cells.count()));
            let (old, new) = if is_new { (None, text) } else { (text, None) };
            Difference {
                sheet: self.new.sheet.name.clone(),
                place: format!("column {}", letters(u16::try_from(column).unwrap_or(u16::MAX))),
                column: shape.label(place),
                old,
                new,
                ..Difference::default()
            }
        };
        let added = self.columns.added.iter().map(|column| whole(&self.new, *column, *column, true));
        let gone =
            self.columns.gone.iter().map(|column| whole(&self.old, *column, self.columns.place_of(*column), false));
        added.chain(gone).collect()
    }

    /// For each new row the old row of the same name. Rows that share a name follow each other.
    fn matched(&self, old: &[RowCells], new: &[RowCells]) -> Vec<Option<usize>> {
        let mut known: HashMap<Vec<&str>, Vec<usize>> = HashMap::new();
        for (at, row) in old.iter().enumerate().rev() {
            known.entry(self.name_of(row)).or_default().push(at);
        }
        new.iter().map(|row| known.get_mut(&self.name_of(row))?.pop()).collect()
    }

    /// What tells a row from others: its key, or all its texts where it has none, as totals and notes do.
    fn name_of<'r>(&self, row: &'r RowCells) -> Vec<&'r str> {
        let names = |cell: &&CellText| !cell.is_number && self.columns.is_common(cell.column);
        key_of(row, &self.keys)
            .unwrap_or_else(|| row.cells.iter().filter(names).map(|cell| cell.text.as_str()).collect())
    }

    fn cells(&self, old: &RowCells, new: &RowCells) -> Vec<Difference> {
        // A line for signers is laid over whatever columns there are.
        let is_foot = key_of(new, &self.keys).is_none() && !new.cells.iter().any(|cell| cell.is_number);
        if is_foot && !self.columns.is_same() {
            return self.in_order(new.row, old, new);
        }
        let texts = |row: &'_ RowCells| -> BTreeMap<u32, String> {
            let common = row.cells.iter().filter(|cell| self.columns.is_common(cell.column));
            common.map(|cell| (cell.column, cell.text.clone())).collect()
        };
        let (before, after) = (texts(old), texts(new));
        let columns: BTreeSet<u32> = before.keys().chain(after.keys()).copied().collect();
        let is_counter = |column: &u32| self.old.counter == Some(*column) && self.new.counter == Some(*column);
        let differing = columns.into_iter().filter(|at| before.get(at) != after.get(at) && !is_counter(at));
        differing
            .map(|column| Difference {
                sheet: self.new.sheet.name.clone(),
                place: cell_name(new.row, column),
                row: self.row_label(new),
                column: self.new.label(column),
                old: before.get(&column).cloned(),
                new: after.get(&column).cloned(),
            })
            .collect()
    }

    fn row_label(&self, row: &RowCells) -> String {
        let named = |column: &u32| row.cells.iter().find(|cell| cell.column == *column).map(|cell| cell.text.as_str());
        let key: Vec<&str> = self.keys.iter().filter_map(named).take(ROW_LABEL_TEXTS).collect();
        if !key.is_empty() {
            return key.join(" ");
        }
        let texts = row.cells.iter().filter(|cell| !cell.is_number).map(|cell| cell.text.as_str());
        texts.take(ROW_LABEL_TEXTS).collect::<Vec<_>>().join(" ")
    }

    fn whole_row(&self, shape: &Shape<'a>, row: &RowCells, is_new: bool) -> Difference {
        let is_counter = |column: u32| shape.counter == Some(column);
        let cells = row.cells.iter().filter(|cell| !is_counter(cell.column));
        let text = Some(cells.map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" | "));
        let (old, new) = if is_new { (None, text) } else { (text, None) };
        let place = format!("row {}", row.row.saturating_add(1));
        Difference {
            sheet: shape.sheet.name.clone(),
            place,
            row: self.row_label(row),
            old,
            new,
            ..Difference::default()
        }
    }
}

/// The texts of a row in `columns`; `None` where one is missing.
fn key_of<'r>(row: &'r RowCells, columns: &[u32]) -> Option<Vec<&'r str>> {
    if columns.is_empty() {
        return None;
    }
    columns
        .iter()
        .map(|column| row.cells.iter().find(|cell| cell.column == *column).map(|cell| cell.text.as_str()))
        .collect()
}

/// Rows whose name has changed: between the same neighbours, in order, where half of their cells have stayed.
fn pair_leftovers(old: &[RowCells], new: &[RowCells], matched: &mut [Option<usize>], taken: &mut BTreeSet<usize>) {
    let mut next = 0;
    for at in 0..new.len() {
        if let Some(partner) = matched[at] {
            next = partner + 1;
            continue;
        }
        if next < old.len() && !taken.contains(&next) && are_alike(&old[next], &new[at]) {
            matched[at] = Some(next);
            taken.insert(next);
            next += 1;
        }
    }
}

fn are_alike(old: &RowCells, new: &RowCells) -> bool {
    let same = new.cells.iter().filter(|cell| {
        old.cells.iter().any(|other| (other.column, other.text.as_str()) == (cell.column, cell.text.as_str()))
    });
    same.count() * 2 >= old.cells.len().max(new.cells.len())
}

fn cell_name(row: u32, column: u32) -> String {
    match u16::try_from(column) {
        Ok(column) => name_of(row, column),
        Err(_) => format!("{}{}", letters(u16::MAX), row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as texts; what parses as a number is one.
    fn sheet(rows: &[&[&str]]) -> SheetCells {
        let rows = rows.iter().zip(0..).map(|(texts, row)| RowCells {
            row,
            cells: texts
                .iter()
                .zip(0..)
                .filter(|(text, _)| !text.is_empty())
                .map(|(text, column)| CellText {
                    column,
                    text: (*text).to_owned(),
                    is_number: text.parse::<f64>().is_ok(),
                })
                .collect(),
        });
        SheetCells {
            name: "表".into(),
            rows: rows.filter(|row| !row.cells.is_empty()).collect(),
            merges: vec![(0, 0, 0, 3)],
            ..SheetCells::default()
        }
    }

    fn compared(old: &[&[&str]], new: &[&[&str]]) -> Vec<String> {
        let found = compare(&[sheet(old)], &[sheet(new)]);
        let show = |text: &Option<String>| text.clone().unwrap_or_else(|| "—".into());
        found
            .iter()
            .map(|d| format!("{} {}/{}: {} -> {}", d.place, d.row, d.column, show(&d.old), show(&d.new)))
            .collect()
    }

    const HEAD: [&[&str]; 3] =
        [&["各街道居民数"], &["填报单位：某中心", "", "单位：人"], &["序号", "街道", "居民", "其中：老人"]];

    fn table(body: &[&'static [&'static str]]) -> Vec<&'static [&'static str]> {
        HEAD.iter().copied().chain(body.iter().copied()).collect()
    }

    #[test]
    fn cells_are_named_by_row_and_column() {
        let old = table(&[&["1", "芙蓉北路", "10", "3"], &["2", "捞刀河", "20", "4"], &["", "合计", "30", "7"]]);
        let new = table(&[&["1", "芙蓉北路", "11", "3"], &["2", "捞刀河", "20", "4"], &["", "合计", "31", "7"]]);
        assert_eq!(compared(&old, &new), ["C4 芙蓉北路/居民: 10 -> 11", "C6 合计/居民: 30 -> 31"]);
        assert_eq!(compared(&old, &old), [""; 0]);
    }

    #[test]
    fn a_row_more_is_one_difference() {
        let old = table(&[&["1", "芙蓉北路", "10", "3"], &["2", "捞刀河", "20", "4"], &["3", "青竹湖", "5", "1"]]);
        let new = table(&[
            &["1", "新港", "9", "2"],
            &["2", "芙蓉北路", "10", "3"],
            &["3", "捞刀河", "20", ""],
            &["4", "青竹湖", "5", "1"],
        ]);
        assert_eq!(compared(&old, &new), ["row 4 新港/: — -> 新港 | 9 | 2", "D6 捞刀河/其中：老人: 4 -> —"]);
        let back = compared(&new, &old);
        assert_eq!(back, ["D5 捞刀河/其中：老人: — -> 4", "row 4 新港/: 新港 | 9 | 2 -> —"]);
    }

    #[test]
    fn a_changed_name_is_a_changed_cell_and_another_order_is_told() {
        let old = table(&[&["1", "芙蓉北路", "10", "3"], &["2", "捞刀河", "20", "4"]]);
        let renamed = table(&[&["1", "芙蓉北路", "10", "3"], &["2", "捞刀河镇", "20", "4"]]);
        assert_eq!(compared(&old, &renamed), ["B5 捞刀河镇/街道: 捞刀河 -> 捞刀河镇"]);
        let turned = table(&[&["1", "捞刀河", "20", "4"], &["2", "芙蓉北路", "10", "3"]]);
        assert_eq!(compared(&old, &turned), ["sheet /: the same rows -> in another order"]);
    }

    #[test]
    fn a_column_more_is_one_difference() {
        let old = table(&[&["1", "芙蓉北路", "10", "3"], &["2", "捞刀河", "20", "4"]]);
        let head: [&[&str]; 3] = [
            &["各街道居民数"],
            &["填报单位：某中心", "", "", "单位：人"],
            &["序号", "街道", "户数", "居民", "其中：老人"],
        ];
        let body: [&[&str]; 2] = [&["1", "芙蓉北路", "5", "10", "3"], &["2", "捞刀河", "6", "21", "4"]];
        let signed: &[&str] = &["负责人：", "", "", "制表人：张"];
        let old: Vec<&[&str]> = old.into_iter().chain([signed]).collect();
        let signed: &[&str] = &["负责人：", "", "", "", "制表人：张"];
        let new: Vec<&[&str]> = head.iter().chain(&body).copied().chain([signed]).collect();
        let numbered = |sheet: &[&'static [&'static str]], numbers: &'static [&'static str]| {
            [&sheet[..3], &[numbers], &sheet[3..]].concat()
        };
        let told =
            compared(&numbered(&old, &["甲", "乙", "1", "2"]), &numbered(&new, &["甲", "乙", "1", "2=1+3", "3"]));
        assert_eq!(told, ["column C /户数: — -> 2 cells", "D6 捞刀河/居民: 20 -> 21"]);
        assert_eq!(compared(&old, &new), ["column C /户数: — -> 2 cells", "D5 捞刀河/居民: 20 -> 21"]);
        assert_eq!(compared(&new, &old), ["column C /户数: 2 cells -> —", "C5 捞刀河/居民: 21 -> 20"]);
    }

    #[test]
    fn the_key_is_the_column_that_tells_rows_apart() {
        let head: &[&[&str]] = &[&["台账"], &["序号", "社区", "姓名", "证件号码", "电话"]];
        let rows = |phone: &'static str, name: &'static str| -> Vec<Vec<&'static str>> {
            let mut rows: Vec<Vec<&'static str>> = head.iter().map(|row| row.to_vec()).collect();
            rows.push(vec!["1", "凤亭", "张三", "990105A", "tel 1"]);
            rows.push(vec!["2", "凤亭", name, "990105B", phone]);
            rows.push(vec!["3", "欣城", "张三", "990105C", "tel 3"]);
            rows
        };
        let (old, new) = (rows("tel 2", "李四"), rows("tel 9", "李四维"));
        let slices = |rows: &[Vec<&'static str>]| sheet(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let found = compare(&[slices(&old)], &[slices(&new)]);
        let told: Vec<_> = found.iter().map(|d| (d.place.as_str(), d.row.as_str(), d.column.as_str())).collect();
        assert_eq!(told, [("C4", "990105B", "姓名"), ("E4", "990105B", "电话")]);
    }

    #[test]
    fn sheets_come_and_go_whole() {
        let named = |name: &str| SheetCells { name: name.into(), ..sheet(&[&["a", "1"]]) };
        let found = compare(&[named("甲"), named("乙")], &[named("甲"), named("丙")]);
        let told: Vec<(&str, bool, bool)> =
            found.iter().map(|d| (d.sheet.as_str(), d.old.is_some(), d.new.is_some())).collect();
        assert_eq!(told, [("丙", false, true), ("乙", true, false)]);
    }
}
