//! A department's own .xlsx filled in place: the parts of the package are patched, and everything that is not filled keeps
//! its bytes. Knows nothing of what the values mean.
//!
//! ```text
//! bytes -> Template (parts read once: rows, formulas, formats, sites) -> filled(values, growth, marks) -> bytes
//! ```

mod added;
mod fill;
mod job;
mod number_formats;
mod parts;
mod pictures;
mod references;
mod sheet;
mod sites;
mod styles;
mod workbook;
mod xml;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;

use self::job::Job;
use self::parts::{CONTENT_TYPES, Package, Relation, Relations, broken_part, normal};
use self::pictures::{Namespaces, STRICT, TRANSITIONAL};
use self::references::{Extend, Grown, ROWS_MAX};
use self::sheet::Sheet;
use self::sites::{Finder, Growths, Site};
use self::styles::Styles;
use self::workbook::Workbook;
use self::xml::{Broken, Node, Parsed, Scan};
use crate::diagnostic::{Diagnostic, Result, did_you_mean};
use crate::source::Limits;

pub use self::pictures::PictureKind;

/// What is written into a cell.
#[derive(Debug, Clone)]
pub enum Value {
    Text(String),
    /// As it is to stand in the file, in decimal digits: `12.50`.
    Number(String),
    /// A number where the cell's format shows days, else a text such as `2024-06-27`.
    Date(NaiveDate),
    Picture(Arc<Picture>),
}

#[derive(Debug, Clone)]
pub struct Picture {
    pub bytes: Vec<u8>,
    pub kind: PictureKind,
    /// In pixels.
    pub width: u32,
    pub height: u32,
}

/// What a cell's colour says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// There is no value: light red.
    Missing,
    /// The value is of this earlier day: amber, with the day shown behind the value as far as there is room.
    Stale(NaiveDate),
}

#[derive(Debug, Clone)]
pub struct CellFill {
    /// From 0, after growth.
    pub row: u32,
    pub column: u32,
    pub value: Option<Value>,
    pub mark: Option<Mark>,
}

/// How many rows a list is to have.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// The rows of the blank form, from 0, before growth.
    pub first: u32,
    pub last: u32,
    /// Fewer than there are takes none away.
    pub rows: u32,
}

#[derive(Debug, Clone)]
pub struct SheetFill {
    pub sheet: String,
    pub growths: Vec<Growth>,
    pub cells: Vec<CellFill>,
}

/// A sheet that is added after the form's own. Short plain numbers become numbers, everything else stays text.
#[derive(Debug, Clone)]
pub struct AddedSheet {
    pub name: String,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// A workbook to be filled, once or many times.
pub struct Template {
    package: Package,
    content_types: String,
    workbook_name: String,
    workbook: Workbook,
    workbook_relations: Relations,
    /// In the order of the workbook.
    sheets: Vec<SheetPart>,
    /// Names in lower case.
    names: Vec<String>,
    styles_name: String,
    styles: Styles,
    linked: Vec<Linked>,
}

struct SheetPart {
    part: String,
    relations: Relations,
    /// None for a sheet that is a chart.
    sheet: Option<Sheet>,
    /// Its drawing among the linked parts.
    drawing: Option<usize>,
}

/// A part that names rows of a sheet: a drawing, a chart, notes, a table.
struct Linked {
    name: String,
    text: String,
    sites: Vec<Site>,
    relations: Relations,
}

impl Template {
    /// Reads a workbook.
    ///
    /// # Errors
    /// Anything but an .xlsx workbook that is whole, not encrypted and no larger than the limits allow.
    pub fn open(bytes: Vec<u8>) -> Result<Self> {
        let mut package = Package::open(bytes, Limits::default())?;
        let content_types = package.text(CONTENT_TYPES)?;
        let root = package.relations("")?;
        let workbook_name = root.to("officeDocument").map_or("xl/workbook.xml", |relation| &relation.part).to_owned();
        let text = package.text(&workbook_name)?;
        let workbook = Workbook::parse(text).map_err(|broken| broken_part(&workbook_name, broken))?;
        if workbook.sheets.is_empty() {
            return Err(broken_part(&workbook_name, Broken("it names no sheets")));
        }
        let workbook_relations = package.relations(&workbook_name)?;
        let styles_name = workbook_relations.to("styles").map(|relation| relation.part.clone()).unwrap_or_default();
        let styles = if package.has(&styles_name) {
            Styles::parse(package.text(&styles_name)?).map_err(|broken| broken_part(&styles_name, broken))?
        } else {
            Styles::default()
        };
        let names = workbook.sheets.iter().map(|sheet| sheet.name.to_lowercase()).collect();
        let mut template = Self {
            package,
            content_types,
            workbook_name,
            workbook,
            workbook_relations,
            sheets: Vec::new(),
            names,
            styles_name,
            styles,
            linked: Vec::new(),
        };
        template.read_sheets()?;
        Ok(template)
    }

    fn read_sheets(&mut self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for index in 0..self.workbook.sheets.len() {
            let entry = &self.workbook.sheets[index];
            let relation = self.workbook_relations.by_id(&entry.relation);
            let missing = || broken_part(&self.workbook_name, Broken("it names a sheet that is not there"));
            let (part, kind) =
                relation.map(|relation| (relation.part.clone(), relation.kind.clone())).ok_or_else(missing)?;
            // A part that is two sheets would be written twice.
            if !seen.insert(normal(&part)) {
                return Err(broken_part(&part, Broken("it is used twice")));
            }
            let relations = self.package.relations(&part)?;
            let sheet = match kind.as_str() {
                "worksheet" => {
                    let text = self.package.text(&part)?;
                    Some(Sheet::parse(text, index).map_err(|broken| broken_part(&part, broken))?)
                }
                _ => None,
            };
            let mut drawing = None;
            for relation in &relations.list {
                let is_new = matches!(
                    relation.kind.as_str(),
                    "drawing" | "comments" | "vmlDrawing" | "table" | "threadedComment" | "ctrlProp"
                ) && self.package.has(&relation.part)
                    && seen.insert(normal(&relation.part));
                if is_new {
                    let linked = self.link(relation, Some(index))?;
                    if sheet.as_ref().and_then(|sheet| sheet.drawing.as_ref()) == Some(&relation.id) {
                        drawing = Some(self.linked.len());
                    }
                    let charts: Vec<Relation> = linked.relations.list.clone();
                    self.linked.push(linked);
                    for chart in charts.iter().filter(|chart| matches!(chart.kind.as_str(), "chart" | "chartEx")) {
                        if self.package.has(&chart.part) && seen.insert(normal(&chart.part)) {
                            let linked = self.link(chart, None)?;
                            self.linked.push(linked);
                        }
                    }
                }
            }
            self.sheets.push(SheetPart { part, relations, sheet, drawing });
        }
        for relation in self.workbook_relations.list.clone() {
            if relation.kind == "pivotCacheDefinition" && self.package.has(&relation.part) {
                let linked = self.link(&relation, None)?;
                self.linked.push(linked);
            }
        }
        Ok(())
    }

    fn link(&mut self, relation: &Relation, sheet: Option<usize>) -> Result<Linked> {
        let name = relation.part.clone();
        let text = self.package.text(&name)?;
        let sites = match (relation.kind.as_str(), sheet) {
            ("vmlDrawing", Some(sheet)) => Ok(sites::of_notes(&text, sheet)),
            ("pivotCacheDefinition", _) => self.pivot_source(&text),
            (kind, _) => Finder::all(&text, sheet, kind.starts_with("chart")),
        };
        let sites = sites.map_err(|broken| broken_part(&name, broken))?;
        let relations = self.package.relations(&name)?;
        Ok(Linked { name, text, sites, relations })
    }

    /// The area of a sheet that a pivot table is made of.
    fn pivot_source(&self, text: &str) -> Parsed<Vec<Site>> {
        let mut finder = Finder::new(None, false);
        let mut scan = Scan::new(text);
        while let Some(node) = scan.next()? {
            let (Node::Open(tag) | Node::Empty(tag)) = node else { continue };
            if tag.name == "worksheetSource" {
                let sheet = tag.value("sheet")?.and_then(|name| self.index_of(&name));
                if let Some(at) = tag.place("ref")? {
                    finder.add(at, sheet, Extend::Always);
                }
                break;
            }
        }
        Ok(finder.sites)
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.names.iter().position(|known| *known == name)
    }

    /// The workbook with its cells filled, its lists grown and a sheet added. The same input gives the same bytes.
    ///
    /// # Errors
    /// A sheet that is not there, a value no cell can hold, rows beyond the end of a sheet.
    pub fn filled(&self, fills: &[SheetFill], added: Option<&AddedSheet>) -> Result<Vec<u8>> {
        let mut cells: Vec<Vec<&CellFill>> = self.sheets.iter().map(|_| Vec::new()).collect();
        let mut grown: Vec<Vec<Grown>> = self.sheets.iter().map(|_| Vec::new()).collect();
        for fill in fills {
            let index = self.wanted_sheet(&fill.sheet)?;
            cells[index].extend(&fill.cells);
            for growth in &fill.growths {
                grown[index].extend(grown_of(growth, &fill.sheet)?);
            }
        }
        for (index, grown) in grown.iter_mut().enumerate() {
            self.check_growth(index, grown)?;
        }
        let growths = Growths { of_sheet: &grown, names: &self.names };
        let stale = self.stale_sheets(&cells, &grown);
        let mut job = Job::new(self, &growths);
        for (index, cells) in cells.iter().enumerate() {
            job.sheet(index, cells, stale[index])?;
        }
        job.finish(added)
    }

    fn wanted_sheet(&self, name: &str) -> Result<usize> {
        let known = || self.workbook.sheets.iter().map(|sheet| sheet.name.as_str());
        let found = self.index_of(name).filter(|index| self.sheets[*index].sheet.is_some());
        found.ok_or_else(|| {
            let problem = Diagnostic::error(format!("the workbook has no sheet `{name}`"))
                .note("sheets", known().collect::<Vec<_>>().join(", "))
                .effect("it is not filled");
            match did_you_mean(name, known()) {
                Some(near) => {
                    problem.hint(format!("did you mean `{near}`? import the form again if its sheets have changed"))
                }
                None => problem.hint("import the form again if its sheets have changed"),
            }
        })
    }

    /// Lists of a sheet in order; none inside another, none beyond the last row.
    fn check_growth(&self, index: usize, grown: &mut [Grown]) -> Result<()> {
        grown.sort_by_key(|list| list.first);
        let sheet = &self.workbook.sheets[index].name;
        if let Some(pair) = grown.windows(2).find(|pair| pair[1].first <= pair[0].last) {
            let rows = |list: &Grown| format!("{}:{}", list.first + 1, list.last + 1);
            return Err(Diagnostic::error(format!(
                "two lists of sheet `{sheet}` share rows: {} and {}",
                rows(&pair[0]),
                rows(&pair[1])
            ))
            .effect("the workbook is not filled"));
        }
        let rows = self.sheets[index].sheet.as_ref().and_then(|sheet| sheet.rows.last()).map_or(0, |row| row.number);
        let last = grown.last().map_or(0, |list| list.last).max(rows);
        let end = grown.iter().fold(u64::from(last), |end, list| end + u64::from(list.by));
        if end >= u64::from(ROWS_MAX) {
            return Err(Diagnostic::error(format!("the rows do not fit on sheet `{sheet}`"))
                .note("rows", format!("{} of at most {ROWS_MAX}", end + 1))
                .effect("the workbook is not filled"));
        }
        Ok(())
    }

    /// Of which sheets formulas may have other results than those that are kept in the file.
    fn stale_sheets(&self, cells: &[Vec<&CellFill>], grown: &[Vec<Grown>]) -> Vec<bool> {
        let has_values = |cells: &Vec<&CellFill>| cells.iter().any(|cell| cell.value.is_some());
        let mut changed: Vec<bool> =
            cells.iter().zip(grown).map(|(cells, grown)| has_values(cells) || !grown.is_empty()).collect();
        let mut stale = vec![false; changed.len()];
        while changed.contains(&true) {
            let before = stale.clone();
            for (index, part) in self.sheets.iter().enumerate() {
                let Some(sheet) = &part.sheet else { continue };
                let reads_changed = |read: &Option<String>| match read {
                    None => changed[index],
                    Some(name) => self.names.iter().position(|known| known == name).is_some_and(|other| changed[other]),
                };
                stale[index] |= sheet.reads_anything || sheet.reads.iter().any(reads_changed);
                changed[index] |= stale[index];
            }
            if before == stale {
                break;
            }
        }
        stale
    }

    fn has_formulas(&self) -> bool {
        self.sheets.iter().any(|part| part.sheet.as_ref().is_some_and(|sheet| !sheet.formulas.is_empty()))
    }

    fn namespaces(&self) -> &'static Namespaces {
        if self.workbook.namespace.starts_with("http://purl.oclc.org/") { &STRICT } else { &TRANSITIONAL }
    }
}

/// Rows to be put in; none if the list has enough.
fn grown_of(growth: &Growth, sheet: &str) -> Result<Option<Grown>> {
    let Growth { first, last, rows } = *growth;
    if first > last || last >= ROWS_MAX {
        return Err(Diagnostic::error(format!("rows {first} to {last} of sheet `{sheet}` are no list"))
            .effect("the workbook is not filled"));
    }
    let by = rows.saturating_sub(last - first + 1);
    Ok((by > 0).then_some(Grown { first, last, by }))
}
