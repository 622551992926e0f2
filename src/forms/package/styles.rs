//! Cell formats: which of them show dates, and copies of them with the fill and the note of a mark.
//!
//! Only what is appended changes the part: fills, number formats, a bold font and formats of cells. Nothing is renumbered.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;

use super::Mark;
use super::number_formats::{Content, Note, Room, built_in, is_date_format, with_note};
use super::xml::{Broken, Edits, Node, Parsed, Scan, Tag, escaped};

/// Light red and amber.
const MISSING_COLOUR: &str = "FFFFC7CE";
const STALE_COLOUR: &str = "FFFFD966";

/// One of the lists of the part.
#[derive(Debug, Clone, Default)]
struct List {
    count_at: Option<Range<usize>>,
    count: u32,
    /// Where the next entry goes; none if the part has no such list, or one without entries.
    end: Option<usize>,
    /// The whole list, if it has no entries.
    empty_at: Option<Range<usize>>,
}

#[derive(Debug)]
struct CellFormat {
    at: Range<usize>,
    number_format: u32,
    wraps: bool,
}

#[derive(Debug, Default)]
pub(super) struct Styles {
    pub(super) text: String,
    prefix: String,
    cell_formats: Vec<CellFormat>,
    lists: BTreeMap<&'static str, List>,
    /// Formats of numbers that the workbook defines.
    number_formats: BTreeMap<u32, String>,
    first_font: Option<Range<usize>>,
    root_end: usize,
}

const LISTS: [&str; 4] = ["numFmts", "fonts", "fills", "cellXfs"];

impl Styles {
    pub(super) fn parse(text: String) -> Parsed<Self> {
        let mut styles = Self::default();
        let mut scan = Scan::new(&text);
        let mut path: Vec<&str> = Vec::new();
        let mut started = 0;
        while let Some(node) = scan.next()? {
            match node {
                Node::Open(tag) | Node::Empty(tag) if path.is_empty() => {
                    (styles.prefix, styles.root_end) = (tag.own_prefix(), tag.at.end);
                    path.push(tag.name);
                }
                Node::Open(tag) => {
                    if path.len() == 1 {
                        styles.list(&tag)?;
                    } else if path.len() == 2 {
                        started = tag.at.start;
                        styles.entry(path[1], &tag)?;
                    } else {
                        styles.inside(path[1], &tag)?;
                    }
                    path.push(tag.name);
                }
                Node::Empty(tag) if path.len() == 2 => {
                    started = tag.at.start;
                    styles.entry(path[1], &tag)?;
                    styles.entry_end(path[1], started..tag.at.end);
                }
                Node::Empty(tag) if path.len() == 3 => styles.inside(path[1], &tag)?,
                Node::Empty(tag) => {
                    if let Some(list) = LISTS.iter().find(|list| path.len() == 1 && **list == tag.name) {
                        styles.lists.entry(list).or_default().empty_at = Some(tag.at.clone());
                    }
                }
                Node::Close { name, at } => {
                    path.pop();
                    if path.len() == 2 {
                        styles.entry_end(path[1], started..at.end);
                    } else if path.len() == 1
                        && let Some(list) = LISTS.iter().find(|list| **list == name)
                    {
                        styles.lists.entry(list).or_default().end = Some(at.start);
                    }
                }
            }
        }
        styles.text = text;
        Ok(styles)
    }

    fn list(&mut self, tag: &Tag<'_>) -> Parsed<()> {
        if let Some(name) = LISTS.iter().find(|list| **list == tag.name) {
            self.lists.entry(name).or_default().count_at = tag.place("count")?;
        }
        Ok(())
    }

    fn entry(&mut self, list: &str, tag: &Tag<'_>) -> Parsed<()> {
        match (list, tag.name) {
            ("cellXfs", "xf") => {
                let number_format = tag.number("numFmtId")?.unwrap_or(0);
                self.cell_formats.push(CellFormat { at: tag.at.clone(), number_format, wraps: false });
            }
            ("numFmts", "numFmt") => {
                if let (Some(id), Some(code)) = (tag.number("numFmtId")?, tag.value("formatCode")?) {
                    self.number_formats.insert(id, code.into_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What is in an entry.
    fn inside(&mut self, list: &str, tag: &Tag<'_>) -> Parsed<()> {
        if let ("cellXfs", "alignment", Some(format)) = (list, tag.name, self.cell_formats.last_mut()) {
            format.wraps = wraps(tag)?;
        }
        Ok(())
    }

    fn entry_end(&mut self, list: &str, at: Range<usize>) {
        if let Some(name) = LISTS.iter().find(|known| **known == list) {
            self.lists.entry(name).or_default().count += 1;
        }
        if list == "cellXfs" {
            if let Some(format) = self.cell_formats.last_mut() {
                format.at = at;
            }
        } else if list == "fonts" {
            self.first_font.get_or_insert(at);
        }
    }

    /// The number format of a cell format, as its code.
    fn code(&self, style: u32) -> &str {
        let id = self.cell_formats.get(style as usize).map_or(0, |format| format.number_format);
        self.number_formats.get(&id).map_or_else(|| built_in(id), String::as_str)
    }

    /// Whether numbers of this cell format are shown as days.
    pub(super) fn shows_dates(&self, style: u32) -> bool {
        is_date_format(self.code(style))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Variant {
    Missing,
    Stale(NaiveDate, Content, Note),
}

/// The cell formats that one workbook needs beside those of its template.
pub(super) struct Variants<'s> {
    styles: &'s Styles,
    fills: Vec<&'static str>,
    number_formats: Vec<String>,
    bold: Option<u32>,
    cell_formats: Vec<String>,
    known: BTreeMap<(u32, Variant), u32>,
}

impl<'s> Variants<'s> {
    pub(super) fn new(styles: &'s Styles) -> Self {
        Self {
            styles,
            fills: Vec::new(),
            number_formats: Vec::new(),
            bold: None,
            cell_formats: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// Numbers that no number format has; those of a workbook begin with 164.
    fn free_numbers(&self) -> impl Iterator<Item = u32> {
        (164..).filter(|id| !self.styles.number_formats.contains_key(id))
    }

    fn len(&self, list: &str) -> u32 {
        self.styles.lists.get(list).map_or(0, |list| list.count)
    }

    /// The cell format `style` with a mark; itself if the workbook has no formats to copy.
    ///
    /// `width`: that of the value, in signs.
    pub(super) fn marked(
        &mut self,
        style: u32,
        mark: &Mark,
        content: Content,
        width: usize,
        room: Room,
    ) -> Parsed<u32> {
        let wraps = content == Content::Text && self.styles.cell_formats.get(style as usize).is_some_and(|f| f.wraps);
        let variant = match mark {
            Mark::Missing => Variant::Missing,
            Mark::Stale(date) => Variant::Stale(*date, content, Note::fitting(width, room, wraps)),
        };
        if let Some(known) = self.known.get(&(style, variant)) {
            return Ok(*known);
        }
        let styles = self.styles;
        let Some(format) = styles.cell_formats.get(style as usize) else { return Ok(style) };
        let colour = match mark {
            Mark::Missing => MISSING_COLOUR,
            Mark::Stale(_) => STALE_COLOUR,
        };
        let fill = self.fills.iter().position(|fill| *fill == colour).unwrap_or_else(|| {
            self.fills.push(colour);
            self.fills.len() - 1
        });
        let fill = self.len("fills") + u32::try_from(fill).unwrap_or(0);
        let mut values = vec![("fillId", fill.to_string()), ("applyFill", "1".to_owned())];
        if let Variant::Stale(date, content, note) = variant {
            let code = with_note(styles.code(style), &note.of(date), content);
            let nth = self.number_formats.iter().position(|known| *known == code).unwrap_or_else(|| {
                self.number_formats.push(code);
                self.number_formats.len() - 1
            });
            let id = self.free_numbers().nth(nth).unwrap_or(0);
            values.extend([("numFmtId", id.to_string()), ("applyNumberFormat", "1".to_owned())]);
            values.push(("applyAlignment", "1".to_owned()));
        }
        let is_stale = matches!(variant, Variant::Stale(..));
        let copy = copy_of(&styles.text[format.at.clone()], &values, is_stale.then_some(content), &styles.prefix)?;
        Ok(self.add(copy, (style, variant)))
    }

    fn add(&mut self, copy: String, key: (u32, Variant)) -> u32 {
        self.cell_formats.push(copy);
        let index = self.len("cellXfs") + u32::try_from(self.cell_formats.len() - 1).unwrap_or(0);
        self.known.insert(key, index);
        index
    }

    /// The first cell format with a bold font.
    pub(super) fn header(&mut self) -> Parsed<u32> {
        if let Some(bold) = self.bold {
            return Ok(bold);
        }
        let Some(format) = self.styles.cell_formats.first() else { return Ok(0) };
        let font = self.len("fonts").to_string();
        let values = [("fontId", font), ("applyFont", "1".to_owned())];
        self.cell_formats.push(copy_of(&self.styles.text[format.at.clone()], &values, None, &self.styles.prefix)?);
        let index = self.len("cellXfs") + u32::try_from(self.cell_formats.len() - 1).unwrap_or(0);
        self.bold = Some(index);
        Ok(index)
    }

    /// The part with everything appended; none if nothing was.
    pub(super) fn written(self) -> Parsed<Option<String>> {
        if self.cell_formats.is_empty() {
            return Ok(None);
        }
        let prefix = &self.styles.prefix;
        let mut edits = Edits::default();
        let fills: Vec<String> = self
            .fills
            .iter()
            .map(|colour| {
                format!(
                    "<{prefix}fill><{prefix}patternFill patternType=\"solid\"><{prefix}fgColor rgb=\"{colour}\"/>\
                     <{prefix}bgColor indexed=\"64\"/></{prefix}patternFill></{prefix}fill>"
                )
            })
            .collect();
        let formats: Vec<String> = self
            .free_numbers()
            .zip(&self.number_formats)
            .map(|(id, code)| format!("<{prefix}numFmt numFmtId=\"{id}\" formatCode=\"{}\"/>", escaped(code)))
            .collect();
        let fonts = match self.bold {
            Some(_) => vec![self.bold_font()?],
            None => Vec::new(),
        };
        for (name, entries) in
            [("numFmts", &formats), ("fonts", &fonts), ("fills", &fills), ("cellXfs", &self.cell_formats)]
        {
            if entries.is_empty() {
                continue;
            }
            let list = self.styles.lists.get(name).cloned().unwrap_or_default();
            let Some(end) = list.end else {
                // Number formats come first of all lists; the others are in every workbook that has cell formats.
                let start = self.styles.root_end..self.styles.root_end;
                let at = list.empty_at.or((name == "numFmts").then_some(start));
                let at = at.ok_or(Broken("it lacks a list of fonts or fills"))?;
                let count = entries.len();
                edits.replace(at, format!("<{prefix}{name} count=\"{count}\">{}</{prefix}{name}>", entries.concat()));
                continue;
            };
            edits.insert(end, entries.concat());
            if let Some(at) = list.count_at {
                edits.replace(at, (list.count as usize + entries.len()).to_string());
            }
        }
        Ok(Some(edits.apply(&self.styles.text)))
    }

    /// The first font of the workbook, bold.
    fn bold_font(&self) -> Parsed<String> {
        let prefix = &self.styles.prefix;
        let Some(at) = self.styles.first_font.clone() else {
            return Ok(format!("<{prefix}font><{prefix}b/></{prefix}font>"));
        };
        let text = &self.styles.text[at];
        let mut scan = Scan::new(text);
        let Some(Node::Open(font)) = scan.next()? else {
            return Ok(format!("<{prefix}font><{prefix}b/></{prefix}font>"));
        };
        let mut edits = Edits::default();
        while let Some(node) = scan.next()? {
            if let Node::Empty(tag) = node
                && tag.name == "b"
            {
                edits.replace(tag.at.clone(), "");
            }
        }
        edits.insert(font.at.end, format!("<{prefix}b/>"));
        Ok(edits.apply(text))
    }
}

fn wraps(alignment: &Tag<'_>) -> Parsed<bool> {
    Ok(alignment.value("wrapText")?.is_some_and(|wraps| wraps == "1" || wraps == "true"))
}

/// A cell format with other values. A note must not turn a number into `####`: the content shrinks, unless it wraps.
fn copy_of(format: &str, values: &[(&str, String)], noted: Option<Content>, prefix: &str) -> Parsed<String> {
    let mut edits = Edits::default();
    let mut scan = Scan::new(format);
    let Some(Node::Open(root) | Node::Empty(root)) = scan.next()? else { return Ok(format.to_owned()) };
    for (name, value) in values {
        edits.set(&root, name, value)?;
    }
    if let Some(content) = noted {
        let alignment = match scan.next() {
            Ok(Some(Node::Open(tag) | Node::Empty(tag))) if tag.name == "alignment" => Some(tag),
            _ => None,
        };
        match alignment {
            Some(tag) => {
                let wraps = wraps(&tag)?;
                if content == Content::Number || !wraps {
                    if wraps {
                        edits.set(&tag, "wrapText", "0")?;
                    }
                    edits.set(&tag, "shrinkToFit", "1")?;
                }
            }
            None => {
                let alignment = format!("<{prefix}alignment shrinkToFit=\"1\"/>");
                // An element without content gets some.
                if format.ends_with("/>") && root.at.end == format.len() {
                    edits.replace(format.len() - 2..format.len(), format!(">{alignment}</{prefix}xf>"));
                } else {
                    edits.insert(root.at.end, alignment);
                }
            }
        }
    }
    Ok(edits.apply(format))
}
