//! A department's own workbook, filled for one community after the other from one reading of the warehouse.
//!
//! ```text
//! form.yml -> held (one query per view, rows by community) -> cells -> package (the workbook, patched) -> outbox
//! ```

mod held;
mod places;
mod values;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;

pub(super) use self::held::{Held, Row, held};
pub(super) use self::places::for_each_community;
pub use self::places::{Community, communities, grids};
pub(super) use self::values::plain_text;
use super::blanks;
use super::collected::{Collected, Stored};
use super::elements::{Dictionary, Element};
use super::file::{By, Form, FormItem, FormTable};
use super::package::{AddedSheet, CellFill, Growth, Mark, SheetFill, Template, Value};
use super::photos::Photos;
use super::reading::Kind;
use super::rows::oldest;
use crate::diagnostic::{Context as _, Diagnostic, Result};
use crate::query::Session;
use crate::report::{Aside, name_of, parse_address, safe_part};

/// The sheet that says where each item comes from.
const SOURCES_SHEET: &str = "数据来源";

/// One workbook that was filled.
#[derive(Debug, Clone)]
pub struct Filled {
    pub community: Community,
    pub path: PathBuf,
    /// Rows of its lists.
    pub rows: usize,
    pub cells: CellCounts,
}

/// Cells that ask for a fact, those filled from the warehouse, and those of them whose value is older than allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CellCounts {
    pub asked: u64,
    pub filled: u64,
    pub old: u64,
}

impl CellCounts {
    pub fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.filled += other.filled;
        self.old += other.old;
    }
}

/// What a form is filled with.
pub struct Filling<'a> {
    pub form: &'a Form,
    pub dictionary: &'a Dictionary,
    pub session: &'a Session,
    pub communities: &'a [Community],
    /// The folder the workbooks go into.
    pub out: &'a Path,
    pub workers: usize,
    /// Where the lists of what was made are, so that what is no longer made goes; none in a folder of one's own.
    pub editions: Option<&'a Path>,
    /// Whether it is filled for all communities.
    pub is_whole: bool,
    pub photos: &'a Photos,
    /// What the second sheet says of the run: label and value.
    pub made_of: &'a [(String, String)],
}

/// Fills a form for each community. All workbooks come into place together; on an error none does.
///
/// # Errors
/// The workbook is not the one that was read, the views cannot be queried, or the disk refuses.
pub async fn fill(filling: &Filling<'_>) -> Result<Vec<Filled>> {
    let form = filling.form;
    let template = Arc::new(template(form)?);
    let collected = Collected::read(filling.session).await?;
    let mut tables = Vec::new();
    for (sheet, table) in form.tables() {
        let held = held(form, table, filling.dictionary, filling.session, filling.communities).await?;
        let has_records = table.records(filling.dictionary).is_some();
        let by_link = by_link(&held, table, filling.communities);
        tables.push(Prepared {
            sheet: &sheet.sheet,
            table,
            held,
            has_records,
            by_link,
            items: prepared(filling, table)?,
        });
    }
    fs_err::create_dir_all(filling.out).doing("making the folder for the forms")?;
    let aside = Aside::new(filling.out, &format!("form-{}", form.name), filling.editions)
        .await
        .doing("making the folder for the forms")?;
    let card = tables.iter().find(|table| table.has_records && table.table.kind != Kind::List);
    let filled = for_each_community(filling.communities, filling.workers, |community| {
        let Some(card) = card else {
            return Ok(vec![fill_one(filling, &template, &tables, &collected, (community, None), &aside)?]);
        };
        // A card is about one person, dwelling or shop: a workbook for each.
        let mut objects: Vec<&str> =
            card.held.rows(&community.code).iter().filter_map(|row| card.held.key(*row)).collect();
        let mut seen = BTreeSet::new();
        objects.retain(|object| seen.insert(*object));
        let fill = |object| fill_one(filling, &template, &tables, &collected, (community, Some(object)), &aside);
        objects.into_iter().map(fill).collect()
    })?;
    let filled: Vec<Filled> = filled.into_iter().flatten().collect();
    let names: Vec<PathBuf> = filled.iter().map(|one| one.path.clone()).collect();
    let places = aside.commit(&names, filling.is_whole).doing("putting the forms in place")?;
    Ok(filled.into_iter().zip(places).map(|(one, path)| Filled { path, ..one }).collect())
}

/// The workbook of a community.
pub(super) fn file_name(community: &Community) -> PathBuf {
    PathBuf::from(format!("{}_{}.xlsx", safe_part(&community.code), safe_part(&community.name)))
}

fn template(form: &Form) -> Result<Template> {
    let path = form.workbook_path();
    let bytes = fs_err::read(&path).doing("reading the form's workbook")?;
    if blake3::hash(&bytes).to_hex().as_str() != form.blake3 {
        return Err(Diagnostic::error("the workbook is not the one that form.yml was read from")
            .in_file(path)
            .hint("put the original back, or remove the folder and import the new one"));
    }
    Template::open(bytes).map_err(|problem| problem.in_file(path))
}

/// A table of the form, ready to be filled for any community.
struct Prepared<'a> {
    sheet: &'a str,
    table: &'a FormTable,
    held: Held,
    /// Whether it is about persons, dwellings or shops.
    has_records: bool,
    /// Rows of a list below a card, by community and by what they have in common with the card's object.
    by_link: HashMap<(String, String), Vec<Row>>,
    items: Vec<Prefilled<'a>>,
}

/// An item with its place.
struct Prefilled<'a> {
    item: &'a FormItem,
    element: Option<&'a Element>,
    /// From 0; the row of a list is its first.
    row: u32,
    column: u32,
    /// What it is collected by.
    key: String,
    /// Values before it are old.
    oldest: Option<NaiveDate>,
}

fn prepared<'a>(filling: &Filling<'a>, table: &'a FormTable) -> Result<Vec<Prefilled<'a>>> {
    let form = filling.form;
    let no_place = |item: &FormItem| {
        Diagnostic::error(format!("`{}` has no cell or column that can be read: `{}`", item.heads, item.place()))
            .in_file(form.path())
            .hint("write `column: C` for an item of a list, `cell: C9` for any other")
    };
    let mut items = Vec::new();
    for item in &table.items {
        let first = item.place().split(':').next().unwrap_or_default();
        let address = match table.kind {
            Kind::List => format!("{first}{}", table.rows.first),
            Kind::Matrix | Kind::Card => first.to_owned(),
        };
        let (row, column) = parse_address(&address).ok_or_else(|| no_place(item))?;
        let element = item.element.as_deref().and_then(|id| filling.dictionary.get(id));
        let oldest = element.and_then(|element| oldest(form, element, filling.session.as_of()));
        let key = table.key_of(item);
        items.push(Prefilled { item, element, row, column: u32::from(column), key, oldest });
    }
    Ok(items)
}

/// What was found of an item in one workbook.
#[derive(Debug, Clone, Default)]
struct Found {
    cells: CellCounts,
    /// Filled cells whose value was collected.
    collected: u64,
    oldest: Option<NaiveDate>,
    /// Rows and days of old values.
    old: Vec<(u32, NaiveDate)>,
}

fn fill_one(
    filling: &Filling<'_>,
    template: &Template,
    tables: &[Prepared<'_>],
    collected: &Collected,
    (community, object): (&Community, Option<&str>),
    aside: &Aside,
) -> Result<Filled> {
    let (mut fills, mut sources, mut counts, mut rows_all): (Vec<SheetFill>, _, _, _) =
        (Vec::new(), Vec::new(), CellCounts::default(), 0);
    for prepared in tables {
        let is_list = prepared.table.kind == Kind::List;
        let lines = match object {
            _ if !is_list => Vec::new(),
            Some(object) => lines_below(prepared, tables, community, object),
            None => lines(prepared, community),
        };
        let of = match object {
            Some(object) if prepared.has_records && !is_list => match prepared.held.row_of(&community.code, object) {
                Some(row) => Line::Record(row),
                None => continue,
            },
            _ => Line::Place(community.code.clone()),
        };
        let at = fills.iter().position(|fill| fill.sheet == prepared.sheet).unwrap_or_else(|| {
            fills.push(SheetFill { sheet: prepared.sheet.to_owned(), growths: Vec::new(), cells: Vec::new() });
            fills.len() - 1
        });
        let fill = &mut fills[at];
        let mut found = vec![Found::default(); prepared.items.len()];
        match prepared.table.kind {
            Kind::List => {
                let (first, last) = (prepared.table.rows.first - 1, prepared.table.rows.last - 1);
                let shift = shift(&fill.growths, first);
                let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
                fill.growths.push(Growth { first, last, rows: count });
                rows_all += lines.len();
                for (order, of) in lines.iter().enumerate() {
                    let line = first + shift + u32::try_from(order).unwrap_or(u32::MAX);
                    for (at, item) in prepared.items.iter().enumerate() {
                        if item.item.by == Some(By::Counter) {
                            let value = Some(Value::Number((order + 1).to_string()));
                            fill.cells.push(CellFill { row: line, column: item.column, value, mark: None });
                        } else {
                            let cell = cell(filling, prepared, collected, at, (of, line), &mut found[at])?;
                            fill.cells.extend(cell.map(|(value, mark)| CellFill {
                                row: line,
                                column: item.column,
                                value,
                                mark,
                            }));
                        }
                    }
                }
            }
            Kind::Matrix | Kind::Card => {
                for (at, item) in prepared.items.iter().enumerate() {
                    let row = item.row + shift(&fill.growths, item.row);
                    let cell = cell(filling, prepared, collected, at, (&of, row), &mut found[at])?;
                    fill.cells.extend(cell.map(|(value, mark)| CellFill { row, column: item.column, value, mark }));
                }
            }
        }
        for (item, found) in prepared.items.iter().zip(found).filter(|(item, _)| item.item.is_data()) {
            counts.add(found.cells);
            sources.push(source_row(prepared.sheet, item, found));
        }
    }
    for sheet in filling.form.sheets.iter().filter(|sheet| !sheet.blanks.is_empty()) {
        let Some(fill) = fills.iter_mut().find(|fill| fill.sheet == sheet.sheet) else { continue };
        for blank in &sheet.blanks {
            let Some((row, column)) = parse_address(&blank.cell) else { continue };
            let value = Some(Value::Text(blanks::filled(blank, community, filling.session.as_of())));
            let row = row + shift(&fill.growths, row);
            fill.cells.push(CellFill { row, column: u32::from(column), value, mark: None });
        }
    }
    for (label, value) in filling.made_of {
        sources.push(vec![label.clone(), value.clone()]);
    }
    let header =
        ["位置", "数据项", "数据元", "来源", "应填", "已填", "较旧", "最早数据日期", "说明", "较旧的格及其日期"];
    let added =
        AddedSheet { name: SOURCES_SHEET.to_owned(), header: header.map(str::to_owned).to_vec(), rows: sources };
    let bytes =
        template.filled(&fills, Some(&added)).map_err(|problem| problem.in_file(filling.form.workbook_path()))?;
    let name = match object {
        Some(object) => file_name(community).with_extension("").join(card_name(object)),
        None => file_name(community),
    };
    let path = aside.path(&name);
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder).doing("writing a filled form")?;
    }
    fs_err::write(path, bytes).doing("writing a filled form")?;
    let rows = if object.is_some() { 1 } else { rows_all };
    Ok(Filled { community: community.clone(), path: name, rows, cells: counts })
}

/// The file of a card. Keys that differ only in signs that no file name may have get different names.
fn card_name(object: &str) -> String {
    match safe_part(object) {
        same if same == object => format!("{same}.xlsx"),
        other => format!("{other}_{}.xlsx", &blake3::hash(object.as_bytes()).to_hex()[..8]),
    }
}

/// Rows that lists above a row have grown by.
fn shift(growths: &[Growth], row: u32) -> u32 {
    let grown = growths.iter().filter(|growth| growth.last < row);
    grown.map(|growth| growth.rows.saturating_sub(growth.last - growth.first + 1)).sum()
}

/// What a row of a form is about.
enum Line {
    Record(Row),
    /// A place by its code.
    Place(String),
}

/// The rows of a table for a community: its persons, dwellings or shops, or its grids.
fn lines(prepared: &Prepared<'_>, community: &Community) -> Vec<Line> {
    match prepared.has_records {
        true => prepared.held.rows(&community.code).iter().copied().map(Line::Record).collect(),
        false => prepared.held.places_below(&community.code).into_iter().map(Line::Place).collect(),
    }
}

/// The rows of a list below a card: those that belong to the card's object, itself left out.
fn lines_below(prepared: &Prepared<'_>, tables: &[Prepared<'_>], community: &Community, object: &str) -> Vec<Line> {
    let Some(column) = prepared.table.with_same.as_deref() else { return Vec::new() };
    let cards = tables.iter().filter(|table| table.has_records && table.table.kind != Kind::List);
    let mut links = cards.filter_map(|card| {
        let link = card.held.link(card.held.row_of(&community.code, object)?, column)?;
        Some((link, card.table.of == prepared.table.of))
    });
    let Some((link, is_alike)) = links.next() else { return Vec::new() };
    let rows = prepared.by_link.get(&(community.code.clone(), link.to_owned())).into_iter().flatten();
    let others = rows.filter(|row| !is_alike || prepared.held.key(**row) != Some(object));
    others.copied().map(Line::Record).collect()
}

fn by_link(held: &Held, table: &FormTable, communities: &[Community]) -> HashMap<(String, String), Vec<Row>> {
    let mut by_link: HashMap<(String, String), Vec<Row>> = HashMap::new();
    let Some(column) = table.with_same.as_deref().filter(|_| table.kind == Kind::List) else { return by_link };
    for community in communities {
        for row in held.rows(&community.code) {
            if let Some(link) = held.link(*row, column) {
                by_link.entry((community.code.clone(), link.to_owned())).or_default().push(*row);
            }
        }
    }
    by_link
}

/// The value and the mark of one cell; nothing where a hand fills it.
fn cell(
    filling: &Filling<'_>,
    prepared: &Prepared<'_>,
    collected: &Collected,
    at: usize,
    (line, at_row): (&Line, u32),
    found: &mut Found,
) -> Result<Option<(Option<Value>, Option<Mark>)>> {
    let Prepared { table, held, items, .. } = prepared;
    let (row, object) = match line {
        Line::Record(row) => (Some(*row), held.key(*row).unwrap_or_default()),
        Line::Place(code) => (held.row(at, code), code.as_str()),
    };
    let item = &items[at];
    if !item.item.is_data() {
        return Ok(None);
    }
    found.cells.asked += 1;
    let stored = item.element.zip(row).and_then(|(element, row)| held.value(at, row, element, item.item));
    let dated = row.and_then(|row| held.dated(at, row)).map(|time| time.date());
    let records = Stored { has_value: stored.is_some(), dated, element: item.element, dictionary: filling.dictionary };
    let newer = table.of.as_deref().and_then(|of| collected.instead_of(records, of, object, &item.key));
    let (value, dated) = match newer {
        Some((text, date)) => (values::collected(text, item.element, item.item), Some(date)),
        None => (stored, dated),
    };
    let value = match value {
        Some(Value::Text(name)) if item.element.is_some_and(|element| element.is_photo) => {
            filling.photos.find(&name)?.map(Value::Picture)
        }
        value => value,
    };
    let Some(value) = value else { return Ok(Some((None, Some(Mark::Missing)))) };
    found.cells.filled += 1;
    found.collected += u64::from(newer.is_some());
    found.oldest = match (found.oldest, dated) {
        (Some(before), Some(date)) => Some(before.min(date)),
        (before, date) => before.or(date),
    };
    let old = dated.filter(|dated| item.oldest.is_some_and(|oldest| *dated < oldest));
    found.cells.old += u64::from(old.is_some());
    found.old.extend(old.map(|date| (at_row, date)));
    Ok(Some((Some(value), old.map(Mark::Stale))))
}

/// `K9 2024-01-05、K12 2023-10-11`, as far as a cell holds it.
fn old_cells(item: &Prefilled<'_>, old: &[(u32, NaiveDate)]) -> String {
    const LISTED_MAX: usize = 1_000;
    let column = u16::try_from(item.column).unwrap_or(u16::MAX);
    let mut listed: Vec<String> =
        old.iter().take(LISTED_MAX).map(|(row, date)| format!("{} {date}", name_of(*row, column))).collect();
    if old.len() > LISTED_MAX {
        listed.push(format!("等{}格", old.len()));
    }
    listed.join("、")
}

fn source_row(sheet: &str, item: &Prefilled<'_>, found: Found) -> Vec<String> {
    let label = item.element.map(|element| element.label.clone()).unwrap_or_default();
    let stored = item.element.and_then(|element| element.source.as_ref()).map(ToString::to_string);
    let source = match (stored, found.collected) {
        (stored, 0) => stored.unwrap_or_default(),
        (Some(stored), count) => format!("{stored}，采集表{count}格"),
        (None, count) => format!("采集表{count}格"),
    };
    let missing = found.cells.asked - found.cells.filled;
    let told = match (item.element, missing) {
        (None, _) if !item.item.candidates.is_empty() => "数据元待人工确认".to_owned(),
        (_, 0) => String::new(),
        (_, missing) => format!("缺{missing}格，需采集"),
    };
    vec![
        format!("{sheet}!{}", item.item.place()),
        item.item.heads.to_string(),
        label,
        source,
        found.cells.asked.to_string(),
        found.cells.filled.to_string(),
        found.cells.old.to_string(),
        found.oldest.map(|date| date.to_string()).unwrap_or_default(),
        told,
        old_cells(item, &found.old),
    ]
}
