//! What was published as of a date: for each report the making whose files lie in the outbox.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::NaiveDate;

use super::Today;
use crate::diagnostic::Result;
use crate::report::{self, Content, Issue, IssuedFile, Provenance};

/// A report as it was published.
#[derive(Debug)]
pub(super) struct Published {
    pub record: Provenance,
    /// Below the folder of the edition, with what their bytes were.
    pub files: BTreeMap<String, Content>,
    /// The folder of the edition.
    pub folder: PathBuf,
}

/// By report. Files somebody made with parameters of their own are no edition.
pub(super) fn published(today: &Today<'_>, as_of: NaiveDate) -> Result<BTreeMap<String, Published>> {
    let folder = today.project.outbox().join(as_of.to_string());
    let mut issues: BTreeMap<String, Vec<Issue>> = BTreeMap::new();
    for issue in today.project.register().of_date(as_of)? {
        let report = today.reports.iter().find(|report| report.name == issue.record.report);
        let is_whole = report.is_none_or(|report| {
            let chosen = |name: &String, value: &String| {
                report.parameters.iter().any(|known| known.name == *name && known.default != *value)
            };
            !issue.record.parameters.iter().any(|(name, value)| chosen(name, value))
        });
        if issue.is_issued && is_whole {
            issues.entry(issue.record.report.clone()).or_default().push(issue);
        }
    }
    let mut published = BTreeMap::new();
    for (name, mut issues) in issues {
        // Of several makings, that which still lies there; the register keeps a making that is repeated in its old place.
        let lies_there = |file: &&IssuedFile| {
            report::content_of(&folder.join(&file.file)).is_ok_and(|content| content == file.content)
        };
        if issues.len() > 1 {
            issues.sort_by_cached_key(|issue| issue.files.iter().filter(lies_there).count());
        }
        let Some(issue) = issues.pop() else { continue };
        let files = issue.files.into_iter().map(|file| (file.file, file.content)).collect();
        published.insert(name, Published { record: issue.record, files, folder: folder.clone() });
    }
    Ok(published)
}
