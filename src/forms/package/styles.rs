//! Cell formats: which of them show dates, and copies of them with the fill and the note of a mark.
//!
//! Only what is appended changes the part: fills, number formats, a bold font and formats of cells. Nothing is renumbered.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;

use super::Mark;
use super::xml::{Broken, Edits, Node, Parsed, Scan, Tag, escaped};

/// Light red and amber.
const MISSING_COLOUR: &str = "FFFFC7CE";
const STALE_COLOUR: &str = "FFFFD966";
/// A line of the usual fonts.
const LINE_POINTS: f64 = 14.0;

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

/// What a cell with a mark holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    Number,
    Text,
}

/// The size of a cell or merged area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// In signs.
    pub(super) width: f64,
    /// In points; none where rows are as high as what is in them.
    pub(super) height: Option<f64>,
}

/// What is said of a value's day behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Note {
    /// `（截至2024-03-31）`
    Full,
    /// `（24-03-31）`
    Short,
    /// Nothing, for the value would be cut off: the colour has to do.
    None,
}

impl Note {
    /// The longest that leaves a value so many signs wide readable. What shrinks to less than two thirds is not; what wraps is
    /// cut off below.
    fn fitting(value: usize, room: Room, wraps: bool) -> Note {
        let lines = room.height.map_or(f64::INFINITY, |height| (height / LINE_POINTS).floor().max(1.0));
        let signs = if wraps { room.width * lines } else { room.width * 1.5 };
        let fits = |note: usize| u32::try_from(value + note).is_ok_and(|wanted| f64::from(wanted) <= signs);
        // A day is not broken over more than two lines.
        let is_broken = wraps && room.width < 12.0;
        match (fits(18) && !is_broken, fits(12)) {
            (true, _) => Note::Full,
            (false, fits) if fits || !wraps => Note::Short,
            _ => Note::None,
        }
    }

    /// As a text of a number format.
    fn of(self, date: NaiveDate) -> String {
        match self {
            Note::Full => format!("\"（截至{}）\"", date.format("%Y-%m-%d")),
            Note::Short => format!("\"（{}）\"", date.format("%y-%m-%d")),
            Note::None => String::new(),
        }
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

/// A number format that says as of when the value is.
fn with_note(code: &str, note: &str, content: Content) -> String {
    if content == Content::Text {
        return format!("@{note}");
    }
    let sections = sections(code);
    if code.is_empty() || code.trim() == "@" || sections.is_empty() {
        return format!("General{note}");
    }
    let noted: Vec<String> = sections
        .iter()
        .map(|section| if section.trim().is_empty() { (*section).to_owned() } else { format!("{section}{note}") })
        .collect();
    let code = noted.join(";");
    // Longer ones are refused by spreadsheet programs.
    if code.chars().count() > 255 { format!("General{note}") } else { code }
}

/// What `;` separates outside of texts.
fn sections(code: &str) -> Vec<&str> {
    let (mut sections, mut start) = (Vec::new(), 0);
    for (at, sign, is_literal) in signs(code) {
        if sign == ';' && !is_literal {
            sections.push(&code[start..at]);
            start = at + 1;
        }
    }
    sections.push(&code[start..]);
    sections
}

/// The signs of a number format, and whether they stand for themselves or in brackets.
fn signs(code: &str) -> impl Iterator<Item = (usize, char, bool)> {
    let (mut in_text, mut in_brackets, mut is_escaped) = (false, false, false);
    code.char_indices().map(move |(at, sign)| {
        let is_literal = in_text || in_brackets || is_escaped || matches!(sign, '"' | '[' | '\\' | '_' | '*');
        if is_escaped {
            is_escaped = false;
        } else if in_text {
            in_text = sign != '"';
        } else if in_brackets {
            in_brackets = sign != ']';
        } else {
            in_text = sign == '"';
            in_brackets = sign == '[';
            is_escaped = matches!(sign, '\\' | '_' | '*');
        }
        (at, sign, is_literal)
    })
}

fn is_date_format(code: &str) -> bool {
    let first = sections(code).into_iter().next().unwrap_or_default();
    let letters: String =
        signs(first).filter(|(.., literal)| !literal).map(|(_, sign, _)| sign.to_ascii_lowercase()).collect();
    let has = |sign: char| letters.contains(sign);
    letters != "general" && (has('y') || has('d') || (has('m') && !has('h') && !has('s') && !has('0') && !has('#')))
}

/// The number formats that need no definition, those of Chinese workbooks among them.
fn built_in(id: u32) -> &'static str {
    match id {
        1 => "0",
        2 => "0.00",
        3 => "#,##0",
        4 => "#,##0.00",
        5 | 6 => "\"¥\"#,##0;-\"¥\"#,##0",
        7 | 8 => "\"¥\"#,##0.00;-\"¥\"#,##0.00",
        9 => "0%",
        10 => "0.00%",
        11 => "0.00E+00",
        12 => "# ?/?",
        13 => "# ??/??",
        14 => "yyyy/m/d",
        15 => "d-mmm-yy",
        16 => "d-mmm",
        17 => "mmm-yy",
        18 => "h:mm AM/PM",
        19 => "h:mm:ss AM/PM",
        20 => "h:mm",
        21 => "h:mm:ss",
        22 => "yyyy/m/d h:mm",
        27 | 36 | 50 | 52 | 57 => "yyyy\"年\"m\"月\"",
        28 | 29 | 51 | 53 | 54 | 58 => "m\"月\"d\"日\"",
        30 => "m/d/yy",
        31 => "yyyy\"年\"m\"月\"d\"日\"",
        32 => "h\"时\"mm\"分\"",
        33 => "h\"时\"mm\"分\"ss\"秒\"",
        34 | 55 => "上午/下午h\"时\"mm\"分\"",
        35 | 56 => "上午/下午h\"时\"mm\"分\"ss\"秒\"",
        37 => "#,##0;-#,##0",
        38 => "#,##0;[Red]-#,##0",
        39 => "#,##0.00;-#,##0.00",
        40 => "#,##0.00;[Red]-#,##0.00",
        41 => "#,##0",
        42 => "\"¥\"#,##0",
        43 => "#,##0.00",
        44 => "\"¥\"#,##0.00",
        45 => "mm:ss",
        46 => "[h]:mm:ss",
        47 => "mm:ss.0",
        48 => "##0.0E+0",
        49 => "@",
        _ => "General",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_dates() {
        let dates =
            ["yyyy-mm-dd", "[$-804]yyyy\"年\"m\"月\"d\"日\";@", "m\"月\"", "[DBNum1]yyyy年", "d/m", "yyyy/m/d h:mm"];
        let others =
            ["General", "0.00", "h:mm", "[h]:mm:ss", "#,##0\"day\"", "[Red]0", "@", "0.0E+00", "\\d0", "mm:ss", ""];
        for code in dates {
            assert!(is_date_format(code), "{code}");
        }
        for code in others {
            assert!(!is_date_format(code), "{code}");
        }
    }

    #[test]
    fn notes_leave_values_readable() {
        let fits = |value, width, height, wraps| Note::fitting(value, Room { width, height }, wraps);
        // Shrunk, in one line.
        assert_eq!(fits(3, 14.0, None, false), Note::Full);
        assert_eq!(fits(3, 9.0, Some(60.0), false), Note::Short);
        // Wrapped, in as many lines as the row has, if it has a height.
        assert_eq!(fits(20, 20.0, Some(30.0), true), Note::Full);
        assert_eq!(fits(28, 20.0, Some(30.0), true), Note::Short);
        assert_eq!(fits(34, 20.0, Some(30.0), true), Note::None);
        assert_eq!(fits(34, 20.0, None, true), Note::Full);
        assert_eq!(fits(2, 11.0, Some(30.0), true), Note::Short);
    }

    #[test]
    fn formats_with_a_note() {
        let date = NaiveDate::from_ymd_opt(2024, 3, 31).unwrap_or_default();
        let note = Note::Full.of(date);
        let cases = [
            ("General", "General\"（截至2024-03-31）\""),
            (
                "0.00;[Red]-0.00;;@",
                "0.00\"（截至2024-03-31）\";[Red]-0.00\"（截至2024-03-31）\";;@\"（截至2024-03-31）\"",
            ),
            ("0\";\"", "0\";\"\"（截至2024-03-31）\""),
            ("@", "General\"（截至2024-03-31）\""),
        ];
        for (code, noted) in cases {
            assert_eq!(with_note(code, &note, Content::Number), noted);
        }
        assert_eq!(with_note("0", &Note::Short.of(date), Content::Text), "@\"（24-03-31）\"");
    }
}
