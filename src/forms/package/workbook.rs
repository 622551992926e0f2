//! The workbook part: its sheets, its epoch, and its order to calculate.

use std::ops::Range;

use super::sites::Finder;
use super::xml::{Edits, Node, Parsed, Scan, Tag, escaped};

#[derive(Debug, Default)]
pub(super) struct Workbook {
    pub(super) text: String,
    prefix: String,
    pub(super) namespace: String,
    pub(super) sheets: Vec<SheetEntry>,
    sheets_end: usize,
    pub(super) is_1904: bool,
    /// The element that says how to calculate, if there is one.
    calculation: Option<Range<usize>>,
    calculation_at: usize,
    pub(super) sites: Vec<super::sites::Site>,
}

#[derive(Debug)]
pub(super) struct SheetEntry {
    pub(super) name: String,
    pub(super) relation: String,
    number: u32,
}

/// Elements that stand before the order to calculate.
const BEFORE_CALCULATION: &[&str] = &["sheets", "functionGroups", "externalReferences", "definedNames"];

impl Workbook {
    pub(super) fn parse(text: String) -> Parsed<Self> {
        let mut workbook = Self::default();
        let mut finder = Finder::new(None, false);
        let mut scan = Scan::new(&text);
        let mut depth = 0;
        while let Some(node) = scan.next()? {
            match &node {
                Node::Open(tag) => workbook.tag(tag, depth)?,
                Node::Empty(tag) => {
                    workbook.tag(tag, depth)?;
                    if depth == 1 && BEFORE_CALCULATION.contains(&tag.name) {
                        workbook.calculation_at = tag.at.end;
                    }
                }
                Node::Close { name, at } => {
                    if *name == "sheets" {
                        workbook.sheets_end = at.start;
                    }
                    if depth == 2 && BEFORE_CALCULATION.contains(name) {
                        workbook.calculation_at = at.end;
                    }
                }
            }
            match node {
                Node::Open(_) => depth += 1,
                Node::Close { .. } => depth -= 1,
                Node::Empty(_) => {}
            }
            finder.node(&text, &node)?;
        }
        workbook.sites = finder.sites;
        workbook.text = text;
        Ok(workbook)
    }

    fn tag(&mut self, tag: &Tag<'_>, depth: u32) -> Parsed<()> {
        match tag.name {
            "workbook" if depth == 0 => {
                self.prefix = tag.own_prefix();
                let name = if tag.prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{}", tag.prefix) };
                self.namespace = tag.value(&name)?.unwrap_or_default().into_owned();
            }
            "workbookPr" => self.is_1904 = tag.value("date1904")?.is_some_and(|is| is == "1" || is == "true"),
            "calcPr" => self.calculation = Some(tag.at.clone()),
            "sheet" => {
                let mut entry = SheetEntry {
                    name: tag.value("name")?.unwrap_or_default().into_owned(),
                    relation: String::new(),
                    number: tag.number("sheetId")?.unwrap_or(0),
                };
                for attribute in tag.attributes() {
                    let (name, at) = attribute?;
                    if matches!(name.split_once(':'), Some((_, "id"))) {
                        entry.relation = tag.text_at(at).to_owned();
                    }
                }
                self.sheets.push(entry);
            }
            _ => {}
        }
        Ok(())
    }

    /// Lets the workbook be calculated when it is opened.
    pub(super) fn order_calculation(&self, edits: &mut Edits) -> Parsed<()> {
        match self.calculation.clone() {
            Some(at) => {
                let mut scan = Scan::new(&self.text[at.clone()]);
                let Ok(Some(Node::Empty(tag) | Node::Open(tag))) = scan.next() else { return Ok(()) };
                match tag.place("fullCalcOnLoad")? {
                    Some(value) if tag.text_at(value.clone()) == "1" => {}
                    Some(value) => edits.replace(at.start + value.start..at.start + value.end, "1"),
                    None => edits.insert(at.start + tag.name_end(), " fullCalcOnLoad=\"1\""),
                }
            }
            None => edits.insert(self.calculation_at, format!("<{}calcPr fullCalcOnLoad=\"1\"/>", self.prefix)),
        }
        Ok(())
    }

    /// Adds a sheet behind the others; `relations` is the namespace of its relation's id.
    pub(super) fn add_sheet(&self, name: &str, relation: &str, relations: &str, edits: &mut Edits) {
        let number = self.sheets.iter().map(|sheet| sheet.number).max().unwrap_or(0).saturating_add(1);
        edits.insert(
            self.sheets_end,
            format!(
                "<{}sheet name=\"{}\" sheetId=\"{number}\" xmlns:r=\"{relations}\" r:id=\"{relation}\"/>",
                self.prefix,
                escaped(name),
            ),
        );
    }

    /// A name for a new sheet: of at most 31 signs, without those a sheet's name may not have, and unlike any other.
    pub(super) fn free_name(&self, wanted: &str) -> String {
        let allowed = |sign: &char| !matches!(sign, '[' | ']' | ':' | '*' | '?' | '/' | '\\') && !sign.is_control();
        let name: String = wanted.chars().filter(allowed).collect();
        let name = name.trim().trim_matches('\'');
        let name = if name.is_empty() { "附表" } else { name };
        // Signs are counted as spreadsheet programs count them.
        let cut = |most: usize| {
            let mut units = 0;
            name.chars()
                .take_while(|sign| {
                    units += sign.len_utf16();
                    units <= most
                })
                .collect::<String>()
        };
        let first = cut(31);
        let others = (2..).map(|number: u32| {
            let ending = format!(" {number}");
            format!("{}{ending}", cut(31 - ending.len()))
        });
        let is_free = |name: &String| !self.sheets.iter().any(|sheet| sheet.name.to_lowercase() == name.to_lowercase());
        std::iter::once(first).chain(others).find(is_free).unwrap_or_default()
    }
}
