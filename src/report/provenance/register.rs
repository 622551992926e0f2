//! The register of what this warehouse has made: hashes of files by report and date, and the table versions each needs.
//!
//! A file in the outbox can be changed by anyone who can open it, its record as well. The register lies in the warehouse,
//! one file per date and report, so that a file is known again by its bytes, and that upkeep knows what has to stay.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use fs_err::{self as fs, File};
use serde::{Deserialize, Serialize};

use super::{Beside, Content, Member, Provenance};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::report::files;

/// The register of one warehouse.
#[derive(Debug, Clone)]
pub struct Register {
    folder: PathBuf,
}

/// One making of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// What the records of its files have in common.
    pub record: Provenance,
    /// Every table version the session was pinned to, those no snapshot's id stands for among them.
    pub pinned: BTreeMap<String, u64>,
    /// Row lists only, which are kept for a shorter time.
    pub is_ledger: bool,
    /// Put in the outbox; else into a folder of somebody's own.
    pub is_issued: bool,
    pub files: Vec<IssuedFile>,
}

/// A file of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedFile {
    pub file: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
    #[serde(flatten)]
    pub content: Content,
}

impl Issue {
    /// `made` are the files' records; `None` where there are none.
    pub(in crate::report) fn of(
        made: &[Beside],
        pinned: &BTreeMap<String, u64>,
        is_ledger: bool,
        is_issued: bool,
    ) -> Option<Self> {
        let common =
            Provenance { file: String::new(), title: String::new(), member: None, ..made.first()?.record.clone() };
        let files = made.iter().map(|beside| IssuedFile {
            file: beside.record.file.clone(),
            title: beside.record.title.clone(),
            member: beside.record.member.clone(),
            content: beside.content.clone(),
        });
        Some(Self { record: common, pinned: pinned.clone(), is_ledger, is_issued, files: files.collect() })
    }

    /// The record that `file` carries, or has beside it.
    pub fn record_of(&self, file: &IssuedFile) -> Provenance {
        Provenance {
            file: file.file.clone(),
            title: file.title.clone(),
            member: file.member.clone(),
            ..self.record.clone()
        }
    }
}

impl Register {
    /// The register of the warehouse in `folder`, which need not exist.
    pub fn of(warehouse: &Path) -> Self {
        Self { folder: warehouse.join(".issued") }
    }

    fn path(&self, as_of: NaiveDate, report: &str) -> PathBuf {
        self.folder.join(as_of.to_string()).join(format!("{report}.json"))
    }

    /// What was made of a report as of a date, oldest first.
    pub fn issues(&self, as_of: NaiveDate, report: &str) -> Result<Vec<Issue>> {
        read(&self.path(as_of, report))
    }

    /// Everything that was ever made.
    pub fn all(&self) -> Result<Vec<Issue>> {
        let mut issues = Vec::new();
        for folder in entries(&self.folder)?.into_iter().filter(|path| path.is_dir()) {
            issues.extend(read_all(&folder)?);
        }
        Ok(issues)
    }

    /// Everything that was made as of a date, oldest first within a report.
    pub fn of_date(&self, as_of: NaiveDate) -> Result<Vec<Issue>> {
        read_all(&self.folder.join(as_of.to_string()))
    }

    /// Whether anything was ever made.
    pub fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// Adds what was made. A report made again from the same adds nothing.
    pub(in crate::report) fn add(&self, issue: Issue) -> std::io::Result<()> {
        let path = self.path(issue.record.as_of, &issue.record.report);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let lock = File::options().write(true).create(true).truncate(false).open(self.folder.join(".lock"))?;
        match lock.file().lock() {
            // Some network folders know no locks.
            Err(error) if error.kind() != ErrorKind::Unsupported => return Err(error),
            _ => {}
        }
        let mut issues = read(&path).map_err(|problem| std::io::Error::other(problem.to_string()))?;
        if !merge(&mut issues, issue) {
            return Ok(());
        }
        let aside = path.with_extension("new");
        files::write_synced::<std::io::Error>(&aside, |out| out.write_all(&serde_json::to_vec(&issues)?))?;
        fs::rename(&aside, &path)?;
        files::sync_folder(folder)
    }
}

/// Whether `issues` are others than before.
fn merge(issues: &mut Vec<Issue>, issue: Issue) -> bool {
    let Some(known) =
        issues.iter_mut().find(|known| known.record == issue.record && known.is_issued == issue.is_issued)
    else {
        issues.push(issue);
        return true;
    };
    let before = known.files.len();
    for file in issue.files {
        if !known.files.contains(&file) {
            known.files.push(file);
        }
    }
    known.files.len() > before
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let doing = "reading the register of what was made";
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).doing(doing)? {
        paths.push(entry.doing(doing)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn read_all(folder: &Path) -> Result<Vec<Issue>> {
    let mut issues = Vec::new();
    for path in entries(folder)? {
        if path.extension().is_some_and(|extension| extension == "json") {
            issues.extend(read(&path)?);
        }
    }
    Ok(issues)
}

fn read(path: &Path) -> Result<Vec<Issue>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).doing("reading the register of what was made"),
    };
    serde_json::from_slice(&bytes).map_err(|error| {
        Diagnostic::unexpected(format!("the register of what was made is damaged: {error}"))
            .in_file(path)
            .hint("restore it from a backup: files it names can no longer be told from others, nor kept")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(file: &str, hash: &str, snapshot: &str) -> Issue {
        let record = Provenance {
            report: "r".into(),
            file: file.into(),
            title: format!("title of {file}"),
            snapshot: snapshot.into(),
            ..Provenance::new()
        };
        let beside = Beside { record, content: Content { blake3: hash.into(), bytes: 1 } };
        Issue::of(&[beside], &BTreeMap::new(), false, true).expect("an issue")
    }

    #[test]
    fn what_was_made_is_remembered_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let register = Register::of(folder.path());
        assert!(!register.exists() && register.all().expect("a register").is_empty());
        for made in
            [issue("a.xlsx", "1", "s"), issue("b.xlsx", "2", "s"), issue("a.xlsx", "1", "s"), issue("a.xlsx", "3", "t")]
        {
            register.add(made).expect("added");
        }
        let issues = register.issues(NaiveDate::default(), "r").expect("a register");
        let files: Vec<Vec<&str>> =
            issues.iter().map(|issue| issue.files.iter().map(|file| file.content.blake3.as_str()).collect()).collect();
        assert_eq!(files, [vec!["1", "2"], vec!["3"]]);
        assert_eq!(register.all().expect("a register"), issues);
        assert_eq!(issues[0].record_of(&issues[0].files[1]).title, "title of b.xlsx");
    }

    #[test]
    fn a_damaged_register_is_not_begun_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let register = Register::of(folder.path());
        register.add(issue("a.xlsx", "1", "s")).expect("added");
        let path = register.path(NaiveDate::default(), "r");
        fs::write(&path, b"[{").expect("written");
        assert!(register.add(issue("b.xlsx", "2", "s")).is_err());
        assert!(register.all().is_err());
        assert_eq!(fs::read(&path).expect("a file"), b"[{");
    }
}
