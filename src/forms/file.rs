//! `form.yml`: what was read of a department's form, for a person to read and correct.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::blanks::Blank;
use super::elements::{Dictionary, Records};
use super::reading::{Kind, folded};
use crate::diagnostic::{Context, Diagnostic, Place, Result, did_you_mean};
use crate::query::yaml_problem;

pub const FILE_NAME: &str = "form.yml";

/// A department's form: its workbook, and what is known of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The folder's name, by which a person asks for the form.
    #[serde(skip)]
    pub name: String,
    #[serde(skip)]
    pub folder: PathBuf,
    #[serde(default)]
    pub title: String,
    /// The workbook beside the file, as it came, and the hash of its bytes.
    pub workbook: String,
    pub blake3: String,
    /// Who asks.
    #[serde(default)]
    pub department: String,
    /// How often it is filed; not known where the form does not say.
    pub every: Option<Every>,
    /// How old a value may be; without it the refresh cycle of each element decides.
    pub max_age_days: Option<u32>,
    pub sheets: Vec<FormSheet>,
}

/// How often a form is filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Every {
    #[serde(rename = "日")]
    Day,
    #[serde(rename = "周")]
    Week,
    #[serde(rename = "旬")]
    TenDays,
    #[serde(rename = "半月")]
    HalfMonth,
    #[serde(rename = "月")]
    Month,
    #[serde(rename = "季")]
    Quarter,
    #[serde(rename = "半年")]
    HalfYear,
    #[serde(rename = "年")]
    Year,
    #[serde(rename = "一次")]
    Once,
}

/// Words by which a form says how often it is filed.
const EVERY: &[(Every, &str, &[&str])] = &[
    (Every::Day, "日", &["日报", "每日", "每天", "按日"]),
    (Every::Week, "周", &["周报", "每周", "按周"]),
    (Every::TenDays, "旬", &["旬报", "每旬"]),
    (Every::HalfMonth, "半月", &["半月报", "每半月"]),
    (Every::HalfYear, "半年", &["半年报", "每半年"]),
    (Every::Quarter, "季", &["季报", "每季", "按季"]),
    (Every::Month, "月", &["月报", "每月", "按月"]),
    (Every::Year, "年", &["年报", "每年", "按年", "年度"]),
    (Every::Once, "一次", &["一次性", "一次"]),
];

impl Every {
    pub fn name(self) -> &'static str {
        EVERY.iter().find(|(every, _, _)| *every == self).map_or("", |(_, name, _)| name)
    }

    /// Filings in a year.
    pub fn per_year(self) -> u32 {
        match self {
            Self::Day => 365,
            Self::Week => 52,
            Self::TenDays => 36,
            Self::HalfMonth => 24,
            Self::Month => 12,
            Self::Quarter => 4,
            Self::HalfYear => 2,
            Self::Year | Self::Once => 1,
        }
    }

    /// What a text says of it; nothing if it says two things.
    pub(super) fn said_in(text: &str) -> Option<Self> {
        let mut text = text.to_owned();
        let mut found = Vec::new();
        for (every, _, words) in EVERY {
            if words.iter().any(|word| text.contains(word)) {
                found.push(*every);
                words.iter().for_each(|word| text = text.replace(word, ""));
            }
        }
        match found.as_slice() {
            [every] => Some(*every),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormSheet {
    pub sheet: String,
    #[serde(default)]
    pub title: String,
    /// What stands around the tables, in reading order.
    #[serde(default)]
    pub said: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    pub notes: Vec<String>,
    /// What follows from whom it is filled for.
    #[serde(default)]
    pub blanks: Vec<Blank>,
    pub tables: Vec<FormTable>,
    #[serde(default)]
    pub doubts: Vec<FormDoubt>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormDoubt {
    pub at: String,
    pub about: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormTable {
    pub kind: Kind,
    /// First and last row that is to be filled, from 1.
    pub rows: RowRange,
    /// The subject its items are about.
    pub of: Option<String>,
    /// The view its rows come from, where it is not that of the subject.
    pub from: Option<String>,
    /// Which rows of it, in SQL.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// Of a list below a card: its rows are those that have the same in this column of the records as the card's object.
    pub with_same: Option<String>,
    pub items: Vec<FormItem>,
}

/// `6-12`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RowRange {
    pub first: u32,
    pub last: u32,
}

impl TryFrom<String> for RowRange {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(Self { first, last }),
            _ => Err(format!("`{text}` are no rows; write the first and the last, as 6-12")),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormItem {
    /// Its headings, the widest first.
    #[serde(rename = "item")]
    pub heads: Heads,
    /// Of a list.
    pub column: Option<String>,
    /// Of anything else: the blank, or its first cell where cells are merged.
    pub cell: Option<String>,
    pub unit: Option<String>,
    pub number: Option<String>,
    #[serde(default)]
    pub choices: Vec<String>,
    /// The choices stand in the cell with a box each, and one is ticked.
    #[serde(default)]
    pub boxes: bool,
    pub element: Option<String>,
    /// Elements it may be; a person moves the right one to `element`.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// Who fills it where it is no data: `counter` or `hand`.
    pub by: Option<By>,
    pub why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Counts the rows.
    Counter,
    /// Signatures, seals, remarks.
    Hand,
}

/// Headings, written with a slash between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "String")]
pub struct Heads(pub Vec<String>);

impl From<String> for Heads {
    fn from(text: String) -> Self {
        Self(text.split('/').map(str::to_owned).collect())
    }
}

impl std::fmt::Display for Heads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let heads: Vec<String> = self.0.iter().map(|head| head.replace('/', "／")).collect();
        f.write_str(&heads.join("/"))
    }
}

impl FormTable {
    /// The records of its subject; `None` for figures of a place and where the subject is not known.
    pub fn records<'d>(&self, dictionary: &'d Dictionary) -> Option<&'d Records> {
        dictionary.subject(self.of.as_deref()?)?.1.records.as_ref()
    }

    /// The view its rows come from.
    pub fn view<'t>(&'t self, records: &'t Records) -> &'t str {
        self.from.as_ref().unwrap_or(&records.view)
    }

    /// What an item is collected and compared by: its element, or its name, so that forms that call it the same share it.
    pub fn key_of(&self, item: &FormItem) -> String {
        item.element.clone().unwrap_or_else(|| {
            let heads: Vec<String> = item.heads.0.iter().map(|head| folded(head)).collect();
            // 人 and 万人 of one name are two figures.
            let unit = item.unit.as_ref().map(|unit| format!("（{unit}）")).unwrap_or_default();
            format!("{}:{}{unit}", self.of.as_deref().unwrap_or_default(), heads.join("/"))
        })
    }
}

impl FormItem {
    /// Whether it asks for a fact, rather than for a number of the row or a signature.
    pub fn is_data(&self) -> bool {
        self.by.is_none()
    }

    /// Where it is filled, `C` or `C9`.
    pub fn place(&self) -> &str {
        self.column.as_deref().or(self.cell.as_deref()).unwrap_or_default()
    }
}

impl Form {
    /// All tables with their sheets.
    pub fn tables(&self) -> impl Iterator<Item = (&FormSheet, &FormTable)> {
        self.sheets.iter().flat_map(|sheet| sheet.tables.iter().map(move |table| (sheet, table)))
    }

    /// The table that is about one person, dwelling or shop, so that there is a workbook for each.
    pub fn card(&self, dictionary: &Dictionary) -> Option<&FormTable> {
        let mut tables = self.tables().map(|(_, table)| table).filter(|table| table.kind != Kind::List);
        tables.find(|table| table.records(dictionary).is_some())
    }

    /// Columns of the records by which the rows of a list belong to a card.
    pub fn links<'f>(&'f self, table: &'f FormTable) -> Vec<&'f str> {
        match table.kind {
            Kind::List => table.with_same.as_deref().into_iter().collect(),
            Kind::Matrix | Kind::Card => self.tables().filter_map(|(_, table)| table.with_same.as_deref()).collect(),
        }
    }

    /// Items that ask for a fact.
    pub fn items(&self) -> impl Iterator<Item = &FormItem> {
        self.tables().flat_map(|(_, table)| &table.items).filter(|item| item.is_data())
    }

    /// Of its `form.yml`.
    pub fn path(&self) -> PathBuf {
        self.folder.join(FILE_NAME)
    }

    pub fn workbook_path(&self) -> PathBuf {
        self.folder.join(&self.workbook)
    }

    /// Reads one form's folder.
    ///
    /// # Errors
    /// `form.yml` is missing or not of this shape, or names what the dictionary does not have.
    pub fn read(folder: &Path, dictionary: &Dictionary) -> Result<Self> {
        let path = folder.join(FILE_NAME);
        let text = fs_err::read_to_string(&path).doing("reading a form")?;
        let mut form: Self = serde_saphyr::from_str(&text).map_err(|error| yaml_problem(&error, &path))?;
        form.name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        form.folder = folder.to_owned();
        for (_, table) in form.tables() {
            if let Some(of) = table.of.as_ref().filter(|of| dictionary.subject(of).is_none()) {
                let known = dictionary.subjects.iter().map(|subject| subject.name.as_str());
                return Err(unknown(&path, &text, "subject", of, known));
            }
            for item in &table.items {
                if let Some(id) = item.element.as_ref().filter(|id| dictionary.get(id).is_none()) {
                    let known = dictionary.elements.iter().map(|element| element.id.as_str());
                    return Err(unknown(&path, &text, "element", id, known));
                }
            }
        }
        Ok(form)
    }

    /// Reads all forms, in the order of their names; those that cannot be read come back as problems.
    pub fn read_all(folder: &Path, dictionary: &Dictionary) -> Result<(Vec<Self>, Vec<Diagnostic>)> {
        let mut folders = Vec::new();
        if folder.is_dir() {
            for entry in fs_err::read_dir(folder).doing("reading the forms")? {
                let path = entry.doing("reading the forms")?.path();
                let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
                folders.extend((path.is_dir() && !is_hidden).then_some(path));
            }
        }
        folders.sort();
        let (mut forms, mut problems) = (Vec::new(), Vec::new());
        for folder in folders {
            match Self::read(&folder, dictionary) {
                Ok(form) => forms.push(form),
                Err(problem) => problems.push(problem.effect("the form is left out")),
            }
        }
        Ok((forms, problems))
    }
}

fn unknown<'a>(path: &Path, text: &str, what: &str, word: &str, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let at = text.lines().position(|line| line.contains(word)).unwrap_or(0);
    let column = text.lines().nth(at).and_then(|line| line.find(word)).unwrap_or(0);
    let problem = Diagnostic::error(format!("no {what} `{word}` in the dictionary")).at(Place::at(
        path,
        at as u32 + 1,
        column as u32 + 1,
    ));
    match did_you_mean(word, known) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("the dictionary is data/elements.yml"),
    }
}
