//! A sheet: where its rows, cells, formulas and merges stand in its part. Read once; `fill` writes it anew.

use std::collections::BTreeMap;
use std::ops::Range;

use super::references::{
    AREAS_MAX, Area, Areas, COLUMNS_MAX, Grown, ROWS_MAX, Reference, Sheet as Named, cell_at, copied, moved_row,
    rewritten,
};
use super::sites::{Finder, Site};
use super::xml::{Broken, Node, Parsed, Scan, Tag, plain};

#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) text: String,
    /// Of its own elements, with the colon.
    pub(super) prefix: String,
    /// All rows, without the tags around them; or the whole of `<sheetData/>`.
    pub(super) data: Range<usize>,
    pub(super) data_is_empty: bool,
    pub(super) rows: Vec<Row>,
    pub(super) formulas: Vec<Formula>,
    /// The first formula of each shared one.
    shared: BTreeMap<u32, usize>,
    /// Cells that an array formula or a table of results fills.
    pub(super) arrays: Areas,
    /// Its value.
    pub(super) dimension: Option<Range<usize>>,
    pub(super) columns: Vec<Columns>,
    pub(super) merges: Vec<(Area, Range<usize>)>,
    pub(super) merges_count: Option<Range<usize>>,
    pub(super) merges_end: usize,
    /// Where rows are named outside of the rows themselves.
    pub(super) sites: Vec<Site>,
    /// Names of the sheets that its formulas read, in lower case; `None` is the sheet itself.
    pub(super) reads: Vec<Option<String>>,
    /// Whether a formula reads what cannot be told from it: a name, a table, a computed place.
    pub(super) reads_anything: bool,
    pub(super) drawing: Option<String>,
    /// Where `drawing` belongs if there is none.
    pub(super) drawing_at: usize,
    /// Points; width in signs.
    pub(super) default_height: f64,
    pub(super) default_width: f64,
}

#[derive(Debug)]
pub(super) struct Row {
    /// Counted from 0.
    pub(super) number: u32,
    pub(super) at: Range<usize>,
    /// The end of its opening tag.
    pub(super) tag_end: usize,
    pub(super) is_empty: bool,
    pub(super) number_at: Option<Range<usize>>,
    pub(super) spans_at: Option<Range<usize>>,
    pub(super) name_end: usize,
    /// The format of its cells that are not written.
    pub(super) style: Option<u32>,
    /// In points.
    pub(super) height: Option<f64>,
    pub(super) cells: Vec<Cell>,
}

#[derive(Debug)]
pub(super) struct Cell {
    pub(super) column: u32,
    pub(super) at: Range<usize>,
    pub(super) name_end: usize,
    pub(super) place_at: Option<Range<usize>>,
    pub(super) style: u32,
    pub(super) style_at: Option<Range<usize>>,
    /// The value of `t`, which says what kind of value it holds.
    pub(super) kind_at: Option<Range<usize>>,
    pub(super) formula: Option<usize>,
    /// The whole `v` element.
    pub(super) value_at: Option<Range<usize>>,
}

#[derive(Debug)]
pub(super) struct Formula {
    pub(super) row: u32,
    pub(super) column: u32,
    /// The whole `f` element.
    pub(super) at: Range<usize>,
    /// What is between its tags.
    pub(super) inside: Range<usize>,
    /// Its text as it is meant; empty for a follower of a shared formula.
    pub(super) text: String,
    pub(super) kind: FormulaKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FormulaKind {
    Plain,
    /// One of a group that is written once.
    Shared(u32),
    /// Of one or several cells; a table of results as well. Values of its tag that name cells, by name and place.
    Array(Vec<(&'static str, Range<usize>)>),
}

#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) style: u32,
    pub(super) width: Option<f64>,
}

/// Elements that stand behind `drawing`.
const AFTER_DRAWING: &[&str] = &[
    "legacyDrawing",
    "legacyDrawingHF",
    "drawingHF",
    "picture",
    "oleObjects",
    "controls",
    "webPublishItems",
    "tableParts",
    "extLst",
    "AlternateContent",
];

impl Sheet {
    /// Reads the part of sheet number `own`.
    pub(super) fn parse(text: String, own: usize) -> Parsed<Self> {
        let mut sheet = Sheet { default_height: 15.0, default_width: 9.14, ..Sheet::default() };
        let mut finder = Finder::new(Some(own), false);
        let mut scan = Scan::new(&text);
        let mut found_data = false;
        let mut depth = 0;
        while let Some(node) = scan.next()? {
            match &node {
                Node::Open(tag) if tag.name == "sheetData" && !found_data => {
                    found_data = true;
                    sheet.prefix = tag.own_prefix();
                    sheet.data = tag.at.end..sheet.read_rows(&mut scan, &text)?;
                    continue;
                }
                Node::Empty(tag) if tag.name == "sheetData" && !found_data => {
                    found_data = true;
                    sheet.prefix = tag.own_prefix();
                    (sheet.data, sheet.data_is_empty) = (tag.at.clone(), true);
                }
                Node::Open(tag) | Node::Empty(tag) => {
                    if depth == 1 && found_data && sheet.drawing_at == 0 && AFTER_DRAWING.contains(&tag.name) {
                        sheet.drawing_at = tag.at.start;
                    }
                    sheet.around(tag)?;
                }
                Node::Close { name: "mergeCells", at } => sheet.merges_end = at.start,
                Node::Close { name: "worksheet", at } if sheet.drawing_at == 0 => sheet.drawing_at = at.start,
                Node::Close { .. } => {}
            }
            match node {
                Node::Open(_) => depth += 1,
                Node::Close { .. } => depth -= 1,
                Node::Empty(_) => {}
            }
            finder.node(&text, &node)?;
        }
        if !found_data {
            return Err(Broken("it has no `sheetData`"));
        }
        if sheet.merges.len().max(sheet.arrays.list.len()) > AREAS_MAX {
            return Err(Broken("it has too many merged areas"));
        }
        sheet.arrays = Areas::new(std::mem::take(&mut sheet.arrays.list));
        sheet.sites = finder.sites;
        sheet.note_reads();
        sheet.text = text;
        Ok(sheet)
    }

    fn around(&mut self, tag: &Tag<'_>) -> Parsed<()> {
        match tag.name {
            "dimension" => self.dimension = tag.place("ref")?,
            "sheetFormatPr" => {
                let number = |name| Ok(tag.value(name)?.and_then(|value| value.parse().ok()));
                self.default_height = number("defaultRowHeight")?.unwrap_or(self.default_height);
                self.default_width = number("defaultColWidth")?.unwrap_or(self.default_width);
            }
            "col" => {
                if let (Some(first), Some(last)) = (tag.number("min")?, tag.number("max")?) {
                    let width = tag.value("width")?.and_then(|width| width.parse().ok());
                    let is_hidden = tag.value("hidden")?.is_some_and(|hidden| hidden == "1" || hidden == "true");
                    self.columns.push(Columns {
                        first: first.saturating_sub(1),
                        last: last.saturating_sub(1),
                        style: tag.number("style")?.unwrap_or(0),
                        width: if is_hidden { Some(0.0) } else { width },
                    });
                }
            }
            "mergeCells" => self.merges_count = tag.place("count")?,
            "mergeCell" => {
                let area = tag.value("ref")?.and_then(|area| Area::parse(&area));
                self.merges.extend(area.zip(tag.place("ref")?));
            }
            "drawing" => {
                for attribute in tag.attributes() {
                    let (name, at) = attribute?;
                    if name.rsplit(':').next() == Some("id") {
                        self.drawing = Some(tag.text_at(at).to_owned());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Reads the rows up to the end of `sheetData`, and says where that is.
    fn read_rows(&mut self, scan: &mut Scan<'_>, text: &str) -> Parsed<usize> {
        let mut next_row = 0;
        while let Some(node) = scan.next()? {
            match node {
                Node::Open(tag) if tag.name == "row" => {
                    let mut row = self.row(&tag, false, next_row)?;
                    row.at.end = self.read_cells(&mut row, scan, text)?;
                    next_row = row.number + 1;
                    self.rows.push(row);
                }
                Node::Empty(tag) if tag.name == "row" => {
                    let row = self.row(&tag, true, next_row)?;
                    next_row = row.number + 1;
                    self.rows.push(row);
                }
                Node::Close { name: "sheetData", at } => return Ok(at.start),
                _ => return Err(Broken("its rows hold something else")),
            }
        }
        Err(Broken("its end is missing"))
    }

    fn row(&self, tag: &Tag<'_>, is_empty: bool, next: u32) -> Parsed<Row> {
        let number = match tag.value("r")? {
            Some(number) => number.trim().parse::<u32>().ok().and_then(|number| number.checked_sub(1)),
            None => Some(next),
        };
        // Rows in disorder could not be found again.
        let number = number.filter(|number| (next..ROWS_MAX).contains(number));
        let has_format = tag.value("customFormat")?.is_some_and(|custom| custom == "1" || custom == "true");
        Ok(Row {
            number: number.ok_or(Broken("its rows are not numbered in order"))?,
            at: tag.at.clone(),
            tag_end: tag.at.end,
            is_empty,
            number_at: tag.place("r")?,
            spans_at: tag.place("spans")?,
            name_end: tag.name_end(),
            style: if has_format { tag.number("s")? } else { None },
            height: tag.value("ht")?.and_then(|height| height.parse().ok()),
            cells: Vec::new(),
        })
    }

    /// Reads the cells of a row, and says where the row ends.
    fn read_cells(&mut self, row: &mut Row, scan: &mut Scan<'_>, text: &str) -> Parsed<usize> {
        let mut next = 0;
        while let Some(node) = scan.next()? {
            let (tag, is_empty) = match node {
                Node::Open(tag) if tag.name == "c" => (tag, false),
                Node::Empty(tag) if tag.name == "c" => (tag, true),
                // Extensions of a row hold no cells.
                Node::Open(_) => {
                    skip(scan)?;
                    continue;
                }
                Node::Empty(_) => continue,
                Node::Close { at, .. } => return Ok(at.end),
            };
            let (mut place_at, mut style_at, mut kind_at) = (None, None, None);
            for attribute in tag.attributes() {
                let (name, at) = attribute?;
                match name {
                    "r" => place_at = Some(at),
                    "s" => style_at = Some(at),
                    "t" => kind_at = Some(at),
                    _ => {}
                }
            }
            let column = match place_at.clone() {
                Some(at) => {
                    cell_at(&text[at]).filter(|(cell_row, _)| *cell_row == row.number).map(|(_, column)| column)
                }
                None => Some(next),
            };
            let column = column.filter(|column| (next..COLUMNS_MAX).contains(column));
            let column = column.ok_or(Broken("its cells are not named in order"))?;
            next = column + 1;
            let style = style_at.clone().and_then(|at| text[at].parse().ok()).unwrap_or(0);
            let at = tag.at.clone();
            let mut cell = Cell {
                column,
                at,
                name_end: tag.name_end(),
                place_at,
                style,
                style_at,
                kind_at,
                formula: None,
                value_at: None,
            };
            if !is_empty {
                cell.at.end = self.read_cell(row.number, &mut cell, scan, text)?;
            }
            row.cells.push(cell);
        }
        Err(Broken("its end is missing"))
    }

    /// Reads what is in a cell, and says where the cell ends.
    fn read_cell(&mut self, row: u32, cell: &mut Cell, scan: &mut Scan<'_>, text: &str) -> Parsed<usize> {
        while let Some(node) = scan.next()? {
            match node {
                Node::Open(tag) if tag.name == "f" => {
                    let end = skip(scan)?;
                    let formula = plain(&text[tag.at.end..end.start])?.into_owned();
                    self.add_formula(row, cell, &tag, tag.at.start..end.end, tag.at.end..end.start, formula)?;
                }
                Node::Empty(tag) if tag.name == "f" => {
                    self.add_formula(row, cell, &tag, tag.at.clone(), tag.at.end..tag.at.end, String::new())?;
                }
                Node::Open(tag) if tag.name == "v" => cell.value_at = Some(tag.at.start..skip(scan)?.end),
                Node::Open(_) => {
                    skip(scan)?;
                }
                Node::Empty(_) => {}
                Node::Close { at, .. } => return Ok(at.end),
            }
        }
        Err(Broken("its end is missing"))
    }

    fn add_formula(
        &mut self,
        row: u32,
        cell: &mut Cell,
        tag: &Tag<'_>,
        at: Range<usize>,
        inside: Range<usize>,
        text: String,
    ) -> Parsed<()> {
        let index = self.formulas.len();
        let kind = match tag.value("t")?.as_deref() {
            Some("shared") => {
                let group = tag.number("si")?.ok_or(Broken("a shared formula has no number"))?;
                if !text.is_empty() {
                    self.shared.insert(group, index);
                }
                FormulaKind::Shared(group)
            }
            Some("array" | "dataTable") => {
                let area = tag.value("ref")?.and_then(|area| Area::parse(&area));
                self.arrays.list.extend(area.filter(|area| area.first != area.last));
                let mut places = Vec::new();
                for name in ["ref", "r1", "r2"] {
                    places.extend(tag.place(name)?.map(|at| (name, at)));
                }
                FormulaKind::Array(places)
            }
            _ => FormulaKind::Plain,
        };
        self.formulas.push(Formula { row, column: cell.column, at, inside, text, kind });
        cell.formula = Some(index);
        Ok(())
    }

    /// The text of a formula, whether it is written at its cell or shared; empty if there is none to be found.
    pub(super) fn formula_text(&self, formula: &Formula) -> String {
        let FormulaKind::Shared(group) = formula.kind else { return formula.text.clone() };
        if !formula.text.is_empty() {
            return formula.text.clone();
        }
        let Some(first) = self.shared.get(&group).and_then(|first| self.formulas.get(*first)) else {
            return String::new();
        };
        let (rows, columns) =
            (i64::from(formula.row) - i64::from(first.row), i64::from(formula.column) - i64::from(first.column));
        rewritten(&first.text, |_, reference: Reference| Some(Some(copied(reference, rows, columns))))
            .unwrap_or_else(|| first.text.clone())
    }

    fn note_reads(&mut self) {
        let mut reads = std::collections::BTreeSet::new();
        for formula in &self.formulas {
            // Nothing is changed: it is walked through.
            let _ = rewritten(&formula.text, |sheet, _| {
                match sheet {
                    Named::Own => drop(reads.insert(None)),
                    Named::Named(name) => drop(reads.insert(Some(name.to_lowercase()))),
                    Named::Elsewhere => self.reads_anything = true,
                }
                None
            });
            let upper = formula.text.to_ascii_uppercase();
            let computes = ["INDIRECT", "OFFSET", "["].iter().any(|word| upper.contains(word));
            let is_table = matches!(formula.kind, FormulaKind::Array(_)) && formula.text.is_empty();
            self.reads_anything |= computes || is_table || has_name(&formula.text);
        }
        self.reads = reads.into_iter().collect();
    }

    /// The height of a row after growth, in points, where the sheet gives one. New rows are as high as the row they are
    /// copies of.
    pub(super) fn height(&self, row: u32, grown: &[Grown]) -> Option<f64> {
        let copied = grown.iter().find(|list| {
            let last = moved_row(list.last, grown);
            row > last && row <= last + list.by
        });
        let found = match copied {
            Some(list) => self.rows.binary_search_by_key(&list.last, |known| known.number),
            None => self.rows.binary_search_by_key(&row, |known| moved_row(known.number, grown)),
        };
        self.rows[found.ok()?].height
    }

    /// The width of a column in signs.
    pub(super) fn width(&self, column: u32) -> f64 {
        let of_column = self.columns.iter().find(|columns| (columns.first..=columns.last).contains(&column));
        of_column.and_then(|columns| columns.width).unwrap_or(self.default_width)
    }

    /// The format of a cell that is not written.
    pub(super) fn style_of_blank(&self, row: Option<&Row>, column: u32) -> u32 {
        let of_row = row.and_then(|row| row.style);
        let of_column = || {
            self.columns
                .iter()
                .find(|columns| (columns.first..=columns.last).contains(&column))
                .map(|columns| columns.style)
        };
        of_row.or_else(of_column).unwrap_or(0)
    }
}

/// Skips to the end of the element that was just opened: where its closing tag is.
fn skip(scan: &mut Scan<'_>) -> Parsed<Range<usize>> {
    let mut depth = 0_usize;
    while let Some(node) = scan.next()? {
        match node {
            Node::Open(_) => depth += 1,
            Node::Close { at, .. } if depth == 0 => return Ok(at),
            Node::Close { .. } => depth -= 1,
            Node::Empty(_) => {}
        }
    }
    Err(Broken("its end is missing"))
}

/// Whether a formula holds a word that is neither a cell, a function nor a sheet.
fn has_name(formula: &str) -> bool {
    let mut without = String::new();
    let mut in_text = false;
    for sign in formula.chars() {
        match sign {
            '"' => in_text = !in_text,
            _ if in_text => {}
            sign => without.push(sign),
        }
    }
    let is_word = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '.' | '$' | '\\') || sign > '\u{7f}';
    let mut rest = without.as_str();
    while let Some(start) = rest.find(is_word) {
        let word_and_rest = &rest[start..];
        let end = word_and_rest.find(|sign| !is_word(sign)).unwrap_or(word_and_rest.len());
        let (word, after) = word_and_rest.split_at(end);
        let is_other = after.starts_with(['(', '!', '\''])
            || word.starts_with(|sign: char| sign.is_ascii_digit() || sign == '$' || sign == '.')
            || cell_at(word).is_some()
            || (word.len() <= 3 && word.chars().all(|sign| sign.is_ascii_alphabetic()))
            || matches!(word.to_ascii_uppercase().as_str(), "TRUE" | "FALSE");
        if !is_other {
            return true;
        }
        rest = after;
    }
    false
}
