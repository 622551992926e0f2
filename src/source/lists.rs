//! What a workbook says of its cells besides their values, which `calamine` leaves out: the lists behind drop-downs, which
//! cells are calculated, comments, and what is hidden.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use zip::ZipArchive;

use super::SheetCells;

/// First row, first column, last row and last column, counted from 0.
pub type Area = (u32, u32, u32, u32);
/// Places with what may be chosen there.
pub type Lists = Vec<(Area, Arc<Vec<String>>)>;

/// More drop-downs, or places of one, are left out.
const WRITTEN_MAX: usize = 1_000;
/// A form is no larger; of a larger part no list is read.
const PART_BYTES_MAX: u64 = 64 << 20;

type Archive = ZipArchive<BufReader<File>>;

/// A drop-down as it is written: where it is, and the formula of its list.
struct Written {
    areas: Vec<Area>,
    formula: String,
}

/// Adds to each sheet the lists of its drop-downs, its formulas and comments. A list that cannot be read, being computed or
/// in another workbook, is left out; so is what follows in a part that is not well-formed.
pub(super) fn add(path: &Path, sheets: &mut [SheetCells]) -> std::io::Result<()> {
    let Ok(mut archive) = ZipArchive::new(BufReader::new(File::open(path)?)) else { return Ok(()) };
    let (parts, names) = parts(&mut archive);
    let mut found: BTreeMap<String, Lists> = BTreeMap::new();
    for part in &parts {
        let Some(text) = text_of(&mut archive, &part.path) else { continue };
        for written in written(&text) {
            let Some(list) = list(&written.formula, &part.sheet, sheets, &names) else { continue };
            let list = Arc::new(list);
            let lists = found.entry(part.sheet.clone()).or_default();
            lists.extend(written.areas.into_iter().map(|area| (area, list.clone())));
        }
        if let Some(sheet) = sheets.iter_mut().find(|sheet| sheet.name == part.sheet) {
            sheet.is_hidden = part.is_hidden;
            (sheet.formulas, sheet.hidden) = marks(&text);
            sheet.comments = comments(&mut archive, &part.path);
        }
    }
    for sheet in sheets {
        sheet.lists = found.remove(&sheet.name).unwrap_or_default();
    }
    Ok(())
}

/// A sheet with its part.
struct SheetPart {
    sheet: String,
    path: String,
    is_hidden: bool,
}

fn text_of(archive: &mut Archive, part: &str) -> Option<String> {
    let mut text = String::new();
    archive.by_name(part).ok()?.take(PART_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    Some(found.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

/// The parts that a part refers to: identifier, kind and path of each.
fn related(archive: &mut Archive, part: &str) -> Vec<(String, String, String)> {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    let mut found = Vec::new();
    each_element(&text_of(archive, &format!("{folder}/_rels/{name}.rels")).unwrap_or_default(), |element, _| {
        let Some(target) = attribute(element, "Target") else { return };
        let mut path: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
        for step in target.split('/').filter(|step| !step.is_empty() && *step != ".") {
            match step {
                ".." => drop(path.pop()),
                step => path.push(step),
            }
        }
        let named = |name: &str| attribute(element, name).unwrap_or_default();
        found.push((named("Id"), named("Type"), path.join("/")));
    });
    found
}

/// Sheets with their parts in order, and what names stand for.
fn parts(archive: &mut Archive) -> (Vec<SheetPart>, BTreeMap<String, String>) {
    let related = related(archive, "xl/workbook.xml");
    let (mut sheets, mut names) = (Vec::new(), BTreeMap::new());
    each_element(&text_of(archive, "xl/workbook.xml").unwrap_or_default(), |element, text| {
        match element.local_name().as_ref() {
            "sheet" => {
                let id = attribute(element, "id");
                let part = related.iter().find(|(own, _, _)| Some(own) == id.as_ref());
                let is_hidden = attribute(element, "state").is_some_and(|state| state != "visible");
                let named = attribute(element, "name").zip(part);
                sheets.extend(named.map(|(sheet, (_, _, path))| SheetPart { sheet, path: path.clone(), is_hidden }));
            }
            "definedName" => names.extend(attribute(element, "name").map(|name| (name, text.to_owned()))),
            _ => {}
        }
    });
    (sheets, names)
}

/// Each element with the text that follows its opening tag, up to what is not well-formed.
fn each_element(xml: &str, mut see: impl FnMut(&BytesStart<'_>, &str)) {
    let mut reader = Reader::from_str(xml);
    let mut open: Option<BytesStart<'static>> = None;
    let mut text = String::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Text(piece) => text.push_str(&piece),
            Event::GeneralRef(entity) => {
                let entity = format!("&{};", &*entity);
                text.push_str(&unescape(&entity).unwrap_or_default());
            }
            other => {
                if let Some(element) = open.take() {
                    see(&element, &text);
                }
                text.clear();
                match other {
                    Event::Start(element) => open = Some(element.into_owned()),
                    Event::Empty(element) => see(&element, ""),
                    Event::Eof => break,
                    _ => {}
                }
            }
        }
    }
}

/// The drop-downs of a sheet, those of both generations of the format: the newer one has its places in an element.
fn written(sheet: &str) -> Vec<Written> {
    let mut found: Vec<Written> = Vec::new();
    let mut is_list = false;
    each_element(sheet, |element, text| match element.local_name().as_ref() {
        "dataValidation" => {
            is_list = found.len() < WRITTEN_MAX && attribute(element, "type").is_some_and(|kind| kind == "list");
            if is_list {
                let areas = attribute(element, "sqref").map(|places| areas(&places)).unwrap_or_default();
                found.push(Written { areas, formula: String::new() });
            }
        }
        "formula1" | "f" | "sqref" if is_list => {
            let Some(last) = found.last_mut() else { return };
            if element.local_name().as_ref() == "sqref" {
                last.areas = areas(text);
            } else if !text.trim().is_empty() && last.formula.is_empty() {
                last.formula = text.trim().to_owned();
            }
        }
        // Formulas of cells and conditional formats.
        "formula2" | "conditionalFormatting" | "c" => is_list = false,
        _ => {}
    });
    found
}

/// Cells that are calculated, and areas of hidden columns and rows.
fn marks(sheet: &str) -> (BTreeSet<(u32, u32)>, Vec<Area>) {
    let (mut found, mut hidden) = (BTreeSet::new(), Vec::new());
    // Where rows and cells do not say it, they follow the one before.
    let (mut next_row, mut next_column) = (0, 0);
    let mut place = None;
    each_element(sheet, |element, _| {
        let number = |name: &str| attribute(element, name)?.parse::<u32>().ok()?.checked_sub(1);
        let is_hidden = || attribute(element, "hidden").is_some_and(|hidden| hidden == "1" || hidden == "true");
        match element.local_name().as_ref() {
            "col" if is_hidden() && hidden.len() < WRITTEN_MAX => {
                hidden.extend(number("min").zip(number("max")).map(|(first, last)| (0, first, u32::MAX, last)));
            }
            "row" => {
                let row = number("r").unwrap_or(next_row);
                (next_row, next_column) = (row + 1, 0);
                if hidden.len() < WRITTEN_MAX && is_hidden() {
                    hidden.push((row, 0, row, u32::MAX));
                }
            }
            "c" => {
                let named = attribute(element, "r").and_then(|name| cell(&name));
                let own = named.unwrap_or((next_row.saturating_sub(1), next_column));
                next_column = own.1 + 1;
                place = Some(own);
            }
            "f" => found.extend(place),
            // What follows the cells has formulas of its own.
            "conditionalFormatting" | "dataValidations" | "extLst" => place = None,
            _ => {}
        }
    });
    (found, hidden)
}

/// Comments with their places, in the order of the file.
fn comments(archive: &mut Archive, sheet: &str) -> Vec<((u32, u32), String)> {
    let mut found: Vec<((u32, u32), String)> = Vec::new();
    for (_, kind, path) in related(archive, sheet) {
        if !kind.ends_with("/comments") {
            continue;
        }
        let mut place = None;
        each_element(&text_of(archive, &path).unwrap_or_default(), |element, text| {
            match element.local_name().as_ref() {
                "comment" => {
                    place = attribute(element, "ref").and_then(|name| cell(&name));
                    found.extend(place.filter(|_| found.len() < WRITTEN_MAX).map(|place| (place, String::new())));
                }
                "t" => {
                    if let Some((_, comment)) = found.last_mut().filter(|(own, _)| Some(*own) == place) {
                        comment.push_str(text);
                    }
                }
                _ => {}
            }
        });
    }
    found
}

/// `C5:C100 D5`.
fn areas(places: &str) -> Vec<Area> {
    places.split_whitespace().filter_map(area).take(WRITTEN_MAX).collect()
}

/// `$B$2:$B$9` or `B2`.
fn area(text: &str) -> Option<Area> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let ((top, left), (bottom, right)) = (cell(first)?, cell(last)?);
    Some((top, left, bottom, right))
}

fn cell(text: &str) -> Option<(u32, u32)> {
    let text = text.replace('$', "");
    let digits = text.find(|sign: char| sign.is_ascii_digit())?;
    let (letters, number) = text.split_at(digits);
    let mut column = 0_u32;
    for letter in letters.bytes() {
        let value = u32::from(letter.to_ascii_uppercase().checked_sub(b'A')?) + 1;
        column = column.checked_mul(26)?.checked_add(value).filter(|_| value <= 26)?;
    }
    Some((number.parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

/// What a list has: `"是,否"`, a place in a sheet, or a name for one.
fn list(formula: &str, sheet: &str, sheets: &[SheetCells], names: &BTreeMap<String, String>) -> Option<Vec<String>> {
    const LONGEST: usize = 1_000;
    let formula = names.get(formula).map_or(formula, |named| named.trim());
    if let Some(quoted) = formula.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        let texts = quoted.split(',').map(|text| text.trim().to_owned());
        return Some(texts.filter(|text| !text.is_empty()).take(LONGEST).collect());
    }
    let (named, place) = formula.rsplit_once('!').unwrap_or((sheet, formula));
    let named = named.trim_matches('\'').replace("''", "'");
    let (top, left, bottom, right) = area(place)?;
    let rows =
        sheets.iter().find(|sheet| sheet.name == named)?.rows.iter().filter(|row| (top..=bottom).contains(&row.row));
    let cells = rows.flat_map(|row| row.cells.iter().filter(|cell| (left..=right).contains(&cell.column)));
    let texts: Vec<String> = cells.map(|cell| cell.text.trim().to_owned()).take(LONGEST).collect();
    (!texts.is_empty()).then_some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists of other sheets are written in an extension by some programs; conditional formats have formulas of their own.
    #[test]
    fn both_generations_of_drop_downs_are_read() {
        let sheet = r#"<worksheet xmlns:x14="a" xmlns:xm="b"><cols><col min="7" max="8" hidden="1"/></cols><sheetData><row r="1">
            <c r="A1"><v>1</v></c><c r="B1"><f>SUM(A1:A1)</f><v>1</v></c><c><f t="shared" si="0"/></c></row><row hidden="1"/></sheetData>
            <conditionalFormatting sqref="A1"><cfRule type="expression"><formula>A1=1</formula></cfRule></conditionalFormatting>
            <dataValidations><dataValidation type="whole" sqref="E1"><formula1>1</formula1></dataValidation>
            <dataValidation type="list" sqref="C2:C9 D2"><formula1>"是,否"</formula1></dataValidation></dataValidations>
            <extLst><ext><x14:conditionalFormattings><x14:conditionalFormatting><x14:cfRule><xm:f>Z1</xm:f></x14:cfRule>
            <xm:sqref>A1</xm:sqref></x14:conditionalFormatting></x14:conditionalFormattings>
            <x14:dataValidations><x14:dataValidation type="list"><x14:formula1><xm:f>'代 码'!$A$1:$A$3</xm:f></x14:formula1>
            <xm:sqref>F2:F9</xm:sqref></x14:dataValidation></x14:dataValidations></ext></extLst></worksheet>"#;
        let lists: Vec<String> =
            written(sheet).iter().map(|written| format!("{:?} {}", written.areas, written.formula)).collect();
        assert_eq!(lists, ["[(1, 2, 8, 2), (1, 3, 1, 3)] \"是,否\"", "[(1, 5, 8, 5)] '代 码'!$A$1:$A$3"]);
        let (formulas, hidden) = marks(sheet);
        assert_eq!(formulas.into_iter().collect::<Vec<_>>(), [(0, 1), (0, 2)]);
        assert_eq!(hidden, [(0, 6, u32::MAX, 7), (1, 0, 1, u32::MAX)]);
    }
}
