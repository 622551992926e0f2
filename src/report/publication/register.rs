//! What was published before: the cells of each edition, shown or hidden, below the warehouse. A later edition must
//! give none of the hidden ones back.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::cells::Key;

/// One edition of a published report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Edition {
    pub limit: i64,
    pub cells: Vec<PublishedCell>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PublishedCell {
    #[serde(flatten)]
    pub key: Key,
    pub value: i64,
    pub is_hidden: bool,
}

/// The newest `most` editions for days before `as_of`, newest first. One that cannot be read is an error: what it hides
/// is not known.
pub(super) fn earlier(register: &Path, report: &str, as_of: NaiveDate, most: usize) -> io::Result<Vec<Edition>> {
    let folder = register.join(report);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found: Vec<(NaiveDate, PathBuf)> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let date = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<NaiveDate>().ok());
        let is_edition = path.extension().is_some_and(|extension| extension == "json");
        found.extend(date.filter(|date| is_edition && *date < as_of).map(|date| (date, path)));
    }
    found.sort();
    let newest = found.into_iter().rev().take(most);
    newest
        .map(|(_, path)| {
            serde_json::from_slice(&fs::read(&path)?)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display())))
        })
        .collect()
}

/// Written and synced before the files are: a crash in between hides more than was published, never less.
pub(super) fn record(register: &Path, report: &str, as_of: NaiveDate, edition: &Edition) -> io::Result<()> {
    let folder = register.join(report);
    fs::create_dir_all(&folder)?;
    let mut aside = tempfile::NamedTempFile::new_in(&folder)?;
    aside.write_all(&serde_json::to_vec(edition)?)?;
    aside.as_file().sync_all()?;
    aside.persist(folder.join(format!("{as_of}.json"))).map_err(|error| error.error)?;
    fs::File::open(&folder)?.sync_all()
}
