//! The package: parts of a zip file by name, what relates them, and writing it again with some of them changed. A part
//! that is not changed is copied as it was packed.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::ops::Range;
use std::sync::Arc;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::xml::{Broken, Edits, Node, Parsed, Scan, escaped};
use crate::diagnostic::{Diagnostic, Result};
use crate::source::Limits;

const PARTS_MAX: usize = 10_000;
/// Numbers pack nearly as well at the fastest level; a night writes a thousand workbooks.
const LEVEL: i64 = 1;
pub(super) const CONTENT_TYPES: &str = "[Content_Types].xml";

pub(super) struct Package {
    archive: ZipArchive<Cursor<Arc<[u8]>>>,
    /// Names in lower case without a leading slash, and where they are in the archive.
    by_name: BTreeMap<String, usize>,
    /// What may still be unpacked.
    left: u64,
}

/// What a part of the package says of another.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) id: String,
    /// The last word of its type: `worksheet`, `drawing`.
    pub(super) kind: String,
    pub(super) full_kind: String,
    pub(super) target: String,
    /// The name of the part; empty if it is outside the package.
    pub(super) part: String,
    at: Range<usize>,
}

/// The list of a part's relations, with the part that holds it.
#[derive(Debug, Clone)]
pub(super) struct Relations {
    name: String,
    /// None where there is no such part.
    text: Option<String>,
    pub(super) list: Vec<Relation>,
}

/// Parts as they are to be: changed, added, or gone.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) changed: BTreeMap<String, Option<Vec<u8>>>,
    pub(super) added: Vec<(String, Arc<[u8]>)>,
}

impl Package {
    pub(super) fn open(bytes: Vec<u8>, limits: Limits) -> Result<Self> {
        check_kind(&bytes)?;
        let length = bytes.len() as u64;
        let unreadable = |_| broken_file("the directory of its parts cannot be read");
        let archive = ZipArchive::new(Cursor::new(Arc::from(bytes))).map_err(unreadable)?;
        if archive.len() > PARTS_MAX {
            return Err(broken_file("it has too many parts"));
        }
        let mut by_name = BTreeMap::new();
        let mut packed = 0_u64;
        for index in 0..archive.len() {
            let entry = archive.by_index_data(index).map_err(unreadable)?;
            if entry.encrypted() {
                return Err(locked());
            }
            packed = packed.saturating_add(entry.compressed_size());
            let name = normal(&entry.name().map_err(unreadable)?);
            if by_name.insert(name, index).is_some() {
                return Err(broken_file("two of its parts have one name"));
            }
        }
        // Copies of parts that share their bytes would come to more than the file is.
        if packed > length {
            return Err(broken_file("its parts overlap"));
        }
        let package = Self { archive, by_name, left: limits.held_bytes_max };
        if package.has("content.xml") && package.has("mimetype") {
            return Err(not_xlsx("an OpenDocument file (.ods)"));
        }
        if package.has("xl/workbook.bin") {
            return Err(not_xlsx("a binary workbook (.xlsb)"));
        }
        if package.has("word/document.xml") {
            return Err(not_xlsx("a Word document"));
        }
        if !package.has(CONTENT_TYPES) {
            return Err(not_xlsx("a zip archive"));
        }
        Ok(package)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(&normal(name))
    }

    /// The text of a part. Everything that is read counts against one limit.
    pub(super) fn text(&mut self, name: &str) -> Result<String> {
        let index = self.by_name.get(&normal(name)).ok_or_else(|| broken_part(name, Broken("it is missing")))?;
        let mut archive = self.archive.clone();
        let damaged = |_| broken_part(name, Broken("it cannot be unpacked"));
        let entry = archive.by_index(*index).map_err(damaged)?;
        let mut bytes = Vec::new();
        let left = self.left;
        let read = entry
            .take(left + 1)
            .read_to_end(&mut bytes)
            .map_err(|_| broken_part(name, Broken("it cannot be unpacked")))?;
        if read as u64 > left {
            return Err(Diagnostic::error("the workbook unpacks to more than can be held")
                .effect("it is not filled")
                .hint("remove what the form does not need: rows with formats only, pasted tables"));
        }
        self.left = left - read as u64;
        String::from_utf8(bytes).map_err(|_| broken_part(name, Broken("it is not UTF-8")))
    }

    /// What a part relates to; empty where it has no list.
    pub(super) fn relations(&mut self, part: &str) -> Result<Relations> {
        let name = relations_name(part);
        if !self.has(&name) {
            return Ok(Relations { name, text: None, list: Vec::new() });
        }
        let text = self.text(&name)?;
        let list = relations_in(&text, part).map_err(|broken| broken_part(&name, broken))?;
        Ok(Relations { name, text: Some(text), list })
    }

    /// A name that no part has: `xl/worksheets/sheet` and `.xml` make `xl/worksheets/sheet7.xml`.
    pub(super) fn free_name(&self, stem: &str, ending: &str, changes: &Changes) -> String {
        let mut names = (1..).map(|number: u32| format!("{stem}{number}{ending}"));
        let is_free = |name: &String| !self.has(name) && !changes.added.iter().any(|(added, _)| added == name);
        names.find(is_free).unwrap_or_default()
    }

    /// The file with its changes. Order and dates are those of the template; what is new is dated 1980-01-01.
    pub(super) fn written(&self, changes: &Changes) -> Result<Vec<u8>> {
        let failed = |error: zip::result::ZipError| broken_file(&format!("it cannot be copied: {error}"));
        let mut archive = self.archive.clone();
        let capacity = archive.clone().into_inner().into_inner().len() * 2;
        let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(capacity)));
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(LEVEL));
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(failed)?;
            let name = entry.name().map_err(failed)?.into_owned();
            match changes.changed.get(&normal(&name)) {
                None => writer.raw_copy_file(entry).map_err(failed)?,
                Some(None) => {}
                Some(Some(bytes)) => {
                    let date = entry.last_modified().unwrap_or_default();
                    writer.start_file(name, options.last_modified_time(date)).map_err(failed)?;
                    writer.write_all(bytes).map_err(|error| failed(error.into()))?;
                }
            }
        }
        for (name, bytes) in &changes.added {
            // Pictures are packed already.
            let method = if name.ends_with(".xml") || name.ends_with(".rels") {
                options
            } else {
                options.compression_method(CompressionMethod::Stored).compression_level(None)
            };
            writer.start_file(name.as_str(), method.last_modified_time(DateTime::default())).map_err(failed)?;
            writer.write_all(bytes).map_err(|error| failed(error.into()))?;
        }
        writer.finish().map(Cursor::into_inner).map_err(failed)
    }
}

/// The name of a part as it is compared.
pub(super) fn normal(name: &str) -> String {
    name.trim_start_matches(['/', '\\']).replace('\\', "/").to_ascii_lowercase()
}

fn folder_of(part: &str) -> &str {
    part.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `xl/_rels/workbook.xml.rels` for `xl/workbook.xml`.
pub(super) fn relations_name(part: &str) -> String {
    let (folder, name) = part.rsplit_once('/').map_or(("", part), |(folder, name)| (folder, name));
    let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    format!("{folder}_rels/{name}.rels")
}

/// The part a target means, seen from another part.
fn resolved(part: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.trim_start_matches('/').to_owned();
    }
    let mut steps: Vec<&str> = folder_of(part).split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

fn relations_in(text: &str, part: &str) -> Parsed<Vec<Relation>> {
    let mut relations = Vec::new();
    let mut scan = Scan::new(text);
    while let Some(node) = scan.next()? {
        let (Node::Open(tag) | Node::Empty(tag)) = node else { continue };
        if tag.name != "Relationship" {
            continue;
        }
        let value = |name| Ok(tag.value(name)?.unwrap_or_default().into_owned());
        let (id, full_kind, target) = (value("Id")?, value("Type")?, value("Target")?);
        let is_outside = tag.value("TargetMode")?.as_deref() == Some("External");
        let part = if is_outside { String::new() } else { resolved(part, &target) };
        let kind = full_kind.rsplit('/').next().unwrap_or_default().to_owned();
        relations.push(Relation { id, kind, full_kind, target, part, at: tag.at.clone() });
    }
    Ok(relations)
}

impl Relations {
    /// Of a part that is yet to be written.
    pub(super) fn of_new(part: &str) -> Self {
        Self { name: relations_name(part), text: None, list: Vec::new() }
    }

    pub(super) fn to(&self, kind: &str) -> Option<&Relation> {
        self.list.iter().find(|relation| relation.kind == kind)
    }

    /// The relation of the workbook or a sheet to one of its parts.
    pub(super) fn by_id(&self, id: &str) -> Option<&Relation> {
        self.list.iter().find(|relation| relation.id == id)
    }

    /// An id that no relation has, the `nth` of such ids.
    pub(super) fn free_id(&self, nth: usize) -> String {
        let ids = (1..).map(|number: u32| format!("rId{number}"));
        ids.filter(|id| self.by_id(id).is_none()).nth(nth).unwrap_or_default()
    }

    /// Puts the list with relations added and some taken out among the changes.
    pub(super) fn change(
        &self,
        added: &[(String, String, String)],
        gone: &[&Relation],
        changes: &mut Changes,
    ) -> Result<()> {
        if added.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let elements: Vec<String> = added
            .iter()
            .map(|(id, kind, target)| {
                let [id, kind, target] = [id, kind, target].map(|value| escaped(value));
                format!("<@Relationship Id=\"{id}\" Type=\"{kind}\" Target=\"{target}\"/>")
            })
            .collect();
        let mut edits = Edits::default();
        for relation in gone {
            edits.replace(relation.at.clone(), "");
        }
        let text = self.text.as_deref().unwrap_or(NO_RELATIONS);
        append(text, "Relationships", &elements, &mut edits).map_err(|broken| broken_part(&self.name, broken))?;
        changes.put(&self.name, edits.apply(text), self.text.is_some());
        Ok(())
    }
}

const NO_RELATIONS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
    <Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"></Relationships>";

impl Changes {
    pub(super) fn put(&mut self, name: &str, text: String, is_there: bool) {
        match is_there {
            true => drop(self.changed.insert(normal(name), Some(text.into_bytes()))),
            false => self.added.push((name.to_owned(), text.into_bytes().into())),
        }
    }
}

/// Puts elements before the end of the part's root.
pub(super) fn append(text: &str, root: &str, added: &[String], edits: &mut Edits) -> Parsed<()> {
    if added.is_empty() {
        return Ok(());
    }
    let mut scan = Scan::new(text);
    let (mut end, mut open) = (None, None);
    while let Some(node) = scan.next()? {
        match node {
            Node::Open(tag) if tag.name == root => open = Some(tag),
            Node::Empty(tag) if tag.name == root => {
                // `<Relationships/>`
                let name = format!("{}{root}", tag.own_prefix());
                let slash = text[..tag.at.end].rfind('/').unwrap_or(tag.at.end);
                edits.replace(slash..tag.at.end, format!(">{}</{name}>", prefixed(added, &tag.own_prefix())));
                return Ok(());
            }
            Node::Close { name, at } if name == root => end = Some(at.start),
            _ => {}
        }
    }
    let end = end.ok_or(Broken("its root is missing"))?;
    let prefix = open.map(|tag| tag.own_prefix()).unwrap_or_default();
    edits.insert(end, prefixed(added, &prefix));
    Ok(())
}

/// Elements are written with `<@name`, where `@` stands for the prefix of the part.
fn prefixed(elements: &[String], prefix: &str) -> String {
    elements.iter().map(|element| element.replacen("<@", &format!("<{prefix}"), 1)).collect()
}

/// The list of content types with parts added or gone, and pictures of these endings allowed.
pub(super) fn content_types(
    text: &str,
    parts: &[(String, &str)],
    endings: &[(&str, &str)],
    gone: &[String],
) -> Parsed<String> {
    let mut edits = Edits::default();
    let mut known = Vec::new();
    let mut scan = Scan::new(text);
    while let Some(node) = scan.next()? {
        let (Node::Open(tag) | Node::Empty(tag)) = node else { continue };
        if tag.name == "Default" {
            known.extend(tag.value("Extension")?.map(|ending| ending.to_ascii_lowercase()));
        } else if tag.name == "Override" {
            let name = tag.value("PartName")?.map(|name| normal(&name));
            if name.is_some_and(|name| gone.contains(&name)) {
                edits.replace(tag.at.clone(), "");
            }
        }
    }
    let endings = endings.iter().filter(|(ending, _)| !known.iter().any(|known| known == ending));
    let defaults = endings.map(|(ending, kind)| format!("<@Default Extension=\"{ending}\" ContentType=\"{kind}\"/>"));
    let overrides =
        parts.iter().map(|(name, kind)| format!("<@Override PartName=\"/{}\" ContentType=\"{kind}\"/>", escaped(name)));
    append(text, "Types", &defaults.chain(overrides).collect::<Vec<_>>(), &mut edits)?;
    Ok(edits.apply(text))
}

pub(super) fn broken_part(name: &str, broken: Broken) -> Diagnostic {
    Diagnostic::error(format!("the workbook is damaged: part `{name}`: {}", broken.0))
        .effect("it is not filled")
        .hint("open it in a spreadsheet program and save it again as .xlsx")
}

fn broken_file(what: &str) -> Diagnostic {
    Diagnostic::error(format!("the workbook is damaged: {what}"))
        .effect("it is not filled")
        .hint("open it in a spreadsheet program and save it again as .xlsx")
}

fn not_xlsx(what: &str) -> Diagnostic {
    Diagnostic::error(format!("the form is no .xlsx workbook but {what}"))
        .effect("it is not filled")
        .hint("save it as .xlsx")
}

fn locked() -> Diagnostic {
    Diagnostic::error("the workbook is encrypted")
        .effect("it is not filled")
        .hint("remove its password and save it again as .xlsx")
}

fn check_kind(bytes: &[u8]) -> Result<()> {
    if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        let word: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let is_locked = memchr::memmem::find(bytes, &word).is_some();
        return Err(if is_locked { locked() } else { not_xlsx("an old binary workbook (.xls)") });
    }
    if !bytes.starts_with(b"PK") {
        return Err(not_xlsx("another kind of file"));
    }
    Ok(())
}
