//! Where a file comes from: the record that each file carries, and that making it again needs.
//!
//! The same snapshot and the same templates give the same record, so it names no clock. A file cannot hold the hash of
//! its own bytes: what is embedded says everything else, and the copy beside the file ([`Beside`]) adds the hash.

mod carried;
mod changes;
mod inputs;
mod register;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use super::{Problem, files};
pub use carried::Carried;
pub use changes::{Change, changes, settings_changes};
pub use inputs::{BatchRef, Batches, Inputs, ViewFiles};
pub use register::{Issue, IssuedFile, Register};
pub use verify::{Known, State, Verdict, content_of, files_below, verify};

/// Names of settings that reports print.
pub const DISTRICT: &str = "district.name";
pub const OFFICE: &str = "district.office";

/// The shape of the record. A reader refuses a later one rather than read it wrongly.
const FORMAT: u32 = 1;

/// UTF-16 units that spreadsheet and text programs keep of one document property.
const PROPERTY_UNITS_MAX: usize = 255;

/// The name of the record where a format takes it whole: the `meta` of a page, the attachment of a PDF.
pub(super) const META: &str = "gridhouse";

/// Names of the properties that hold the record's text in pieces: `record_01`, `record_02`, …
const PIECE: &str = "record_";

/// Where one file comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The shape of this record.
    pub gridhouse: u32,
    /// The report's name, that of its folder.
    pub report: String,
    /// Of the file, not of the report.
    pub title: String,
    /// Below the folder the edition was written to; always with `/`.
    pub file: String,
    /// Where one report makes a file per member of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    /// Every parameter of the report with its value, also where it is the default.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    pub as_of: NaiveDate,
    pub snapshot: String,
    /// The table versions that the snapshot's id stands for.
    pub tables: BTreeMap<String, u64>,
    /// As printed on the file; follows from the as-of date.
    pub made_at: NaiveDateTime,
    /// Name and version.
    pub program: String,
    /// Settings that are printed, or change what is.
    pub settings: BTreeMap<String, String>,
    /// BLAKE3 of each file in the report's folder, by path below it.
    pub templates: BTreeMap<String, String>,
    /// BLAKE3 of each file of the views the report reads, directly or through others, by path below `queries`.
    pub queries: BTreeMap<String, String>,
    /// The batches that made up the tables it reads, by table. A table that no batch lands in, such as the
    /// quarantine, has none.
    pub batches: BTreeMap<String, Batches>,
}

/// One of several files that a report makes by the values of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub column: String,
    pub key: String,
    /// What the member is called, where a column says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The record as it stands beside a file, with what the file cannot say of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    #[serde(flatten)]
    pub record: Provenance,
    pub content: Content,
}

/// A file's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub blake3: String,
    pub bytes: u64,
}

/// Why a text is no record that can be read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRecord {
    #[error("the record cannot be read: {0}")]
    Unreadable(String),
    #[error("the record has shape {0}, made by a later gridhouse; this one reads shape {FORMAT}")]
    Later(u64),
    #[error("the record names `{0}`, which is no name of a report or file")]
    Misnamed(String),
}

impl Provenance {
    /// A record with the shape this program writes and nothing else said.
    pub(super) fn new() -> Self {
        Self { gridhouse: FORMAT, ..Self::default() }
    }

    /// One line of JSON, for a file to carry.
    pub fn text(&self) -> String {
        // No map of it has keys that are no texts, so that it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The record out of a text that a file carried; whoever wrote the file may have written it too.
    pub fn parse(text: &str) -> Result<Self, NoRecord> {
        let record: Self = parse(text)?;
        record.checked()
    }

    fn checked(self) -> Result<Self, NoRecord> {
        let is_name = |name: &str| files::stays_inside(Path::new(name)) && Path::new(name).components().count() == 1;
        if !is_name(&self.report) {
            return Err(NoRecord::Misnamed(self.report));
        }
        if !files::stays_inside(Path::new(&self.file)) {
            return Err(NoRecord::Misnamed(self.file));
        }
        Ok(self)
    }

    /// Whether a table version that both name was made of other deliveries: both are not of one warehouse.
    fn rests_on_others(&self, other: &Self) -> bool {
        let same = self.tables.iter().filter(|(table, version)| other.tables.get(*table) == Some(version));
        same.map(|(table, _)| (self.batches.get(table), other.batches.get(table)))
            .any(|(own, other)| own.is_some() && other.is_some() && own != other)
    }

    /// What a person looks for in a file's properties.
    pub(super) fn named(&self) -> Vec<(String, String)> {
        let mut named = vec![
            ("report".to_owned(), self.report.clone()),
            ("as_of".to_owned(), self.as_of.to_string()),
            ("snapshot".to_owned(), self.snapshot.clone()),
            ("made_at".to_owned(), self.made_at.format("%Y-%m-%dT%H:%M:%S").to_string()),
            ("version".to_owned(), self.program.clone()),
        ];
        if !self.parameters.is_empty() {
            let parameters: Vec<String> =
                self.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            named.push(("parameters".to_owned(), parameters.join("; ")));
        }
        named
    }

    /// Names and values for a file that keeps 255 characters of a property: what a person looks for, then the whole
    /// record in pieces.
    pub(super) fn properties(&self) -> Vec<(String, String)> {
        let cut = |value: String| pieces(&value).swap_remove(0);
        let mut named: Vec<_> = self.named().into_iter().map(|(name, value)| (name, cut(value))).collect();
        let text = self.text();
        named.extend((1..).zip(pieces(&text)).map(|(number, piece)| (format!("{PIECE}{number:02}"), piece)));
        named
    }

    /// The record's text out of a file's properties, in whatever order they stand; `None` where there is none.
    pub(super) fn text_of_properties(properties: &[(String, String)]) -> Option<String> {
        let number = |name: &str| name.strip_prefix(PIECE)?.parse::<u32>().ok();
        let mut found: Vec<(u32, &str)> =
            properties.iter().filter_map(|(name, value)| Some((number(name)?, value.as_str()))).collect();
        found.sort_by_key(|(number, _)| *number);
        (!found.is_empty()).then(|| found.into_iter().map(|(_, piece)| piece).collect())
    }
}

impl Beside {
    /// As it is written beside the file.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub fn parse(text: &str) -> Result<Self, NoRecord> {
        let beside: Self = parse(text)?;
        Ok(Self { record: beside.record.checked()?, ..beside })
    }
}

/// Where the record of `file` stands: `居民台账.xlsx.json`.
pub fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

/// Most files of a report's folder that are hashed: whoever keeps more there keeps something else.
const TEMPLATES_MAX: usize = 1_000;

/// BLAKE3 of each file below a report's folder, by path below it. Hidden files are no templates.
pub(super) fn templates(folder: &Path) -> Result<BTreeMap<String, String>, Problem> {
    let mut hashes = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        let unreadable = |error: std::io::Error| Problem::new(&inner, error.to_string());
        for entry in fs_err::read_dir(&inner).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                let bytes = fs_err::read(&path).map_err(unreadable)?;
                hashes.insert(name.display().to_string(), blake3::hash(&bytes).to_hex().to_string());
            }
            if hashes.len() + folders.len() > TEMPLATES_MAX {
                return Err(Problem::new(
                    folder,
                    format!("more than {TEMPLATES_MAX} files lie in the report's folder"),
                )
                .hint("a report's folder holds its templates and nothing else"));
            }
        }
    }
    Ok(hashes)
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, NoRecord> {
    let unreadable = |error: serde_json::Error| NoRecord::Unreadable(error.to_string());
    let value: serde_json::Value = serde_json::from_str(text).map_err(unreadable)?;
    match value.get("gridhouse").and_then(serde_json::Value::as_u64) {
        Some(shape) if shape > u64::from(FORMAT) => Err(NoRecord::Later(shape)),
        _ => serde_json::from_value(value).map_err(unreadable),
    }
}

/// `text` in pieces of at most as many UTF-16 units as a property keeps. None begins or ends with a blank, which a program
/// may drop.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let (mut piece, mut units) = (String::new(), 0);
    for sign in text.chars() {
        if units + sign.len_utf16() > PROPERTY_UNITS_MAX {
            let mut edge = piece.char_indices().rev().zip(std::iter::once(sign).chain(piece.chars().rev()));
            let cut = edge.find(|((_, last), next)| *last != ' ' && *next != ' ');
            let rest = cut.map_or_else(String::new, |((at, last), _)| piece.split_off(at + last.len_utf8()));
            pieces.push(std::mem::replace(&mut piece, rest));
            units = piece.encode_utf16().count();
        }
        piece.push(sign);
        units += sign.len_utf16();
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn record() -> Provenance {
        Provenance {
            report: "resident_ledger".into(),
            title: "凤亭社区居民台账".into(),
            file: "居民台账/430105001007凤亭社区.xlsx".into(),
            member: Some(Member { column: "community_code".into(), key: "430105001007".into(), name: None }),
            parameters: [("community_code".to_owned(), String::new())].into(),
            snapshot: "0123456789ab".into(),
            tables: [("residents".to_owned(), 7)].into(),
            queries: (0..40).map(|number| (format!("marts/视图{number}.sql"), "0".repeat(64))).collect(),
            ..Provenance::new()
        }
    }

    #[test]
    fn a_record_survives_the_properties_of_a_file() {
        let record = record();
        let mut properties = record.properties();
        assert!(properties.iter().all(|(_, value)| value.encode_utf16().count() <= PROPERTY_UNITS_MAX));
        assert!(properties.len() > 15, "the text is long enough to be cut");
        properties.reverse();
        let text = Provenance::text_of_properties(&properties).expect("a record");
        assert_eq!(Provenance::parse(&text), Ok(record));
        assert_eq!(Provenance::text_of_properties(&[("report".into(), "x".into())]), None);
    }

    #[test]
    fn pieces_cut_no_sign_in_two() {
        let text = "𠮷".repeat(200);
        let cut = pieces(&text);
        assert_eq!(cut.concat(), text);
        assert_eq!(cut.iter().map(|piece| piece.encode_utf16().count()).max(), Some(254));
        let text = "ab 甲 乙   c".repeat(100);
        let cut = pieces(&text);
        assert_eq!(cut.concat(), text);
        assert!(cut.iter().all(|piece| piece.trim() == piece && piece.encode_utf16().count() <= 255), "{cut:?}");
    }

    #[test]
    fn a_record_that_cannot_be_trusted_is_refused() {
        let with = |change: &dyn Fn(&mut Provenance)| {
            let mut record = record();
            change(&mut record);
            Provenance::parse(&record.text())
        };
        assert!(with(&|_| ()).is_ok());
        assert_eq!(with(&|r| r.report = "../x".into()), Err(NoRecord::Misnamed("../x".into())));
        assert_eq!(with(&|r| r.file = "/etc/passwd".into()), Err(NoRecord::Misnamed("/etc/passwd".into())));
        assert_eq!(with(&|r| r.gridhouse = 2), Err(NoRecord::Later(2)));
        assert!(matches!(Provenance::parse("{\"gridhouse\": 1}"), Err(NoRecord::Unreadable(_))));
        assert!(matches!(Provenance::parse(&"[".repeat(100_000)), Err(NoRecord::Unreadable(_))));
    }

    #[test]
    fn the_copy_beside_a_file_reads_back() {
        let beside = Beside { record: record(), content: Content { blake3: "ab".into(), bytes: 3 } };
        assert_eq!(Beside::parse(&beside.text()), Ok(beside));
        assert_eq!(super::beside(Path::new("a/b.xlsx")), Path::new("a/b.xlsx.json"));
    }
}
