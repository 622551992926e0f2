//! Looks at one table for damage: torn or empty log entries, missing or unreadable files, files nobody knows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Warehouse;
use crate::diagnostic::{Diagnostic, Place, Result};

/// What was found in a table's folder.
#[derive(Debug, Default)]
pub struct Examination {
    pub version: Option<u64>,
    pub files: usize,
    /// Rows counted in the files themselves; `None` if not all could be read.
    pub rows: Option<u64>,
    /// Data files no version of the log names: left by a killed run, removed by `upkeep`.
    pub orphans: usize,
    pub problems: Vec<Diagnostic>,
}

impl Warehouse {
    /// Reads the whole log and every file's footer and first column.
    pub async fn examine(&self, name: &str) -> Examination {
        let mut found = Examination::default();
        let known = self.examine_log(name, &mut found);
        if found.problems.is_empty() {
            self.examine_files(name, &mut found).await;
        }
        self.count_orphans(name, &known, &mut found);
        found
    }

    /// What a version of a table has lost, in words; `None` where it can still be read whole.
    pub async fn lost(&self, name: &str, version: u64) -> Result<Option<String>> {
        match self.newest_version(name)? {
            None => return Ok(Some("the table is gone".to_owned())),
            Some(newest) if version > newest => return Ok(Some(format!("the table ends at version {newest}"))),
            Some(_) => {}
        }
        let Ok(Some(table)) = self.table_at(name, version).await else {
            return Ok(Some("its log is damaged".to_owned()));
        };
        let files = table.files().await?;
        let lost = files.iter().filter(|file| table.damage(file).is_some()).count();
        Ok((lost > 0).then(|| format!("{lost} of its {} data files are gone", files.len())))
    }

    /// Checks each log entry and collects every file the log has ever named.
    fn examine_log(&self, name: &str, found: &mut Examination) -> BTreeSet<String> {
        let log = self.table_path(name).join("_delta_log");
        let mut known = BTreeSet::new();
        let mut versions = BTreeSet::new();
        let entries = match fs_err::read_dir(&log) {
            Ok(entries) => entries,
            Err(error) => {
                found.problems.push(Diagnostic::unexpected(error.to_string()));
                return known;
            }
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            let Ok(version) = stem.parse::<u64>() else { continue };
            versions.insert(version);
            let text = match fs_err::read_to_string(&path) {
                Ok(text) => text,
                Err(error) => {
                    found.problems.push(Diagnostic::unexpected(error.to_string()));
                    continue;
                }
            };
            if text.trim().is_empty() {
                found.problems.push(
                    Diagnostic::unexpected("the log entry is empty")
                        .in_file(&path)
                        .effect("its rows would be missing without a word")
                        .hint("restore it from a backup, or delete it and land that night's deliveries again"),
                );
            }
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
                match serde_json::from_str::<Value>(line) {
                    Ok(action) => {
                        if let Some(path) = action.pointer("/add/path").and_then(Value::as_str) {
                            known.insert(path.to_owned());
                        }
                    }
                    Err(error) => found.problems.push(
                        Diagnostic::unexpected(format!("the log entry is torn: {error}")).at(Place {
                            file: path.clone(),
                            line: Some(number as u32 + 1),
                            column: None,
                        }),
                    ),
                }
            }
        }
        if let (Some(first), Some(last)) = (versions.first(), versions.last())
            && versions.len() as u64 != last - first + 1
        {
            let missing: Vec<String> =
                (*first..=*last).filter(|v| !versions.contains(v)).map(|v| v.to_string()).collect();
            found
                .problems
                .push(Diagnostic::unexpected(format!("log entries are missing: {}", missing.join(", "))).in_file(&log));
        }
        known
    }

    async fn examine_files(&self, name: &str, found: &mut Examination) {
        let table = match self.table(name).await {
            Ok(Some(table)) => table,
            Ok(None) => return,
            Err(problem) => return found.problems.push(problem),
        };
        found.version = Some(table.version());
        let files = match table.files().await {
            Ok(files) => files,
            Err(problem) => return found.problems.push(problem),
        };
        found.files = files.len();
        let mut rows = Some(0);
        for file in files {
            if let Some(problem) = table.damage(&file) {
                found.problems.push(problem.hint("restore it from a backup"));
                rows = None;
                continue;
            }
            let path = self.table_path(name).join(&file.path);
            match table.read(&file.path, None).await {
                Ok(batches) => {
                    let counted: u64 = batches.iter().map(|b| b.num_rows() as u64).sum();
                    rows = rows.map(|rows| rows + counted);
                    if file.rows.is_some_and(|logged| logged != counted) {
                        found.problems.push(
                            Diagnostic::unexpected(format!("holds {counted} rows, the log says otherwise"))
                                .in_file(&path),
                        );
                    }
                }
                Err(problem) => {
                    found.problems.push(problem.in_file(&path));
                    rows = None;
                }
            }
        }
        found.rows = rows;
    }

    fn count_orphans(&self, name: &str, known: &BTreeSet<String>, found: &mut Examination) {
        if let Ok(entries) = fs_err::read_dir(self.table_path(name)) {
            found.orphans = entries
                .flatten()
                .filter(|entry| entry.path().is_file())
                .filter(|entry| !known.contains(entry.file_name().to_string_lossy().as_ref()))
                .count();
        }
    }
}
