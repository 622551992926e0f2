//! Code lists: what a code, a label or an alias stands for. Columns store the label.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use hashbrown::HashMap;

use super::{Problem, bind::folded_name, text};
use crate::source::{self, OpenOptions};

#[derive(Debug)]
pub struct CodeList {
    pub name: String,
    /// In the order of the file, which is the order for display.
    pub entries: Vec<CodeEntry>,
    /// Every way of writing an entry, as written and folded.
    meanings: HashMap<Box<str>, Meaning, foldhash::fast::FixedState>,
}

#[derive(Debug)]
pub struct CodeEntry {
    pub code: String,
    pub label: String,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Meaning {
    pub(super) entry: u32,
    /// The text is the label itself.
    pub(super) is_label: bool,
}

impl CodeList {
    /// The label a delivered text stands for: by label, code or alias, however it is cased, spaced or widened.
    pub fn label(&self, text: &str) -> Option<&str> {
        self.meaning(text).map(|meaning| self.entries[meaning.entry as usize].label.as_str())
    }

    pub(super) fn meaning(&self, text: &str) -> Option<Meaning> {
        let folded = || self.meanings.get(folded_name(text).as_str());
        self.meanings.get(text).copied().or_else(|| Some(Meaning { is_label: false, ..*folded()? }))
    }

    /// The position of a label, counted from 0.
    pub fn sort(&self, label: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.label == label)
    }
}

/// All code lists by name.
#[derive(Debug, Default)]
pub struct CodeLists {
    lists: BTreeMap<String, Arc<CodeList>>,
}

impl CodeLists {
    pub fn get(&self, name: &str) -> Option<&Arc<CodeList>> {
        self.lists.get(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lists.keys().map(String::as_str)
    }

    /// Reads `list,code,label,aliases` (aliases separated by `|`; more columns are ignored).
    pub(super) fn load(path: &Path, problems: &mut Vec<Problem>) -> CodeLists {
        let mut problem = |line: u32, message: String| {
            problems.push(Problem { file: path.to_owned(), line, column: 1, message, hint: None });
        };
        let rows = match read(path) {
            Ok(rows) => rows,
            Err((line, message)) => {
                problem(line, message);
                return CodeLists::default();
            }
        };
        let mut lists: BTreeMap<String, CodeList> = BTreeMap::new();
        for (line, [list, code, label, aliases]) in rows {
            if list.is_empty() || label.is_empty() {
                problem(line, "a code needs its list and its label".to_owned());
                continue;
            }
            let list = lists.entry(list).or_insert_with_key(|name| CodeList {
                name: name.clone(),
                entries: Vec::new(),
                meanings: HashMap::default(),
            });
            let entry = list.entries.len() as u32;
            let names = [label.as_str(), code.as_str()].into_iter().chain(aliases.split('|'));
            for name in names.map(text::trim_blanks).filter(|name| !name.is_empty()) {
                for text in [name.to_owned(), folded_name(name)] {
                    let meaning = Meaning { entry, is_label: text == label };
                    let old = *list.meanings.entry(text.into_boxed_str()).or_insert(meaning);
                    if old.entry != entry {
                        let other = &list.entries[old.entry as usize].label;
                        problem(line, format!("`{name}` in list `{}` already stands for `{other}`", list.name));
                        break;
                    }
                }
            }
            list.entries.push(CodeEntry { code, label });
        }
        CodeLists { lists: lists.into_iter().map(|(name, list)| (name, Arc::new(list))).collect() }
    }
}

/// The rows of the file with their lines.
#[expect(clippy::type_complexity, reason = "used once, and a name would say no more")]
fn read(path: &Path) -> Result<Vec<(u32, [String; 4])>, (u32, String)> {
    const COLUMNS: [&str; 4] = ["list", "code", "label", "aliases"];
    let options = OpenOptions { limits: source::Limits::default(), is_known_column: &|name| COLUMNS.contains(&name) };
    let failed = |error: source::SourceError| (error.line().unwrap_or(1), error.to_string());
    let mut reader = source::open(path, &options).map_err(failed)?;
    let mut places = [0; 4];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        let found = reader.header().iter().position(|h| h == name);
        *place = found.ok_or_else(|| (reader.header_line(), format!("there is no column `{name}`")))?;
    }
    let mut rows = Vec::new();
    while let Some(batch) = reader.next_batch().map_err(failed)? {
        let columns = places.map(|place| batch.values.column(place).as_string::<i32>().clone());
        for (row, line) in batch.lines.iter().enumerate() {
            let text = |column: &arrow::array::StringArray| text::normalise_text(column.value(row)).into_owned();
            rows.push((*line, columns.each_ref().map(text)));
        }
    }
    Ok(rows)
}
