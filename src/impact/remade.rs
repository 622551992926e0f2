//! A report made again aside, and what is different in its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::published::Published;
use super::veil::Veil;
use super::{CellChange, Fate, FileChange, FileImpact, Today, for_nobody};
use crate::diagnostic::{Diagnostic, Result};
use crate::query::Persons;
use crate::report::{self, Report};

/// Formats of one text, of which the first that shows a difference speaks for all.
const TEXTS: [&str; 4] = ["md", "docx", "html", "pdf"];

pub(super) async fn compare(
    today: &Today<'_>,
    report: &Report,
    then: Option<&Published>,
    persons: &Persons,
    aside: &Path,
) -> Result<Fate> {
    let context = for_nobody(&today.context);
    let made = match report::render(report, &today.session, &context, aside).await {
        Ok(made) => made,
        Err(problem) => return Ok(Fate::Fails(vec![Diagnostic::from(problem)])),
    };
    let Some(then) = then else { return Ok(Fate::New { files: made.len() }) };
    let name = |path: &Path| path.strip_prefix(aside).unwrap_or(path).display().to_string();
    let now: BTreeSet<String> = made.iter().map(|made| name(&made.path)).collect();
    let mut files: Vec<FileImpact> = Vec::new();
    let published: BTreeSet<String> = then.files.keys().cloned().collect();
    let is_touched = |file: &String| {
        let content = report::content_of(&then.folder.join(file));
        content.is_ok_and(|content| then.files.get(file).is_some_and(|then| *then != content))
    };
    let veil = Veil::new(today, report, then, persons);
    let whole = |file: &String, change: FileChange| FileImpact {
        file: veil.over_file(file, matches!(change, FileChange::Gone)),
        change,
        is_touched: false,
    };
    files.extend(now.difference(&published).map(|file| whole(file, FileChange::New)));
    files.extend(published.difference(&now).map(|file| whole(file, FileChange::Gone)));
    let mut sources = None;
    let limits = today.project.land_settings()?.limits;
    for same_text in together(now.intersection(&published)) {
        // What a PDF says cannot be read; its bytes change with its record.
        let (pdfs, readable): (Vec<&String>, Vec<&String>) =
            same_text.into_iter().partition(|file| extension(file) == "pdf");
        if readable.is_empty() {
            files.extend(pdfs.into_iter().map(|file| whole(file, FileChange::Bytes)));
            continue;
        }
        for file in readable {
            let differences = match report::compare(&then.folder.join(file), &aside.join(file), limits) {
                Ok(differences) if differences.is_empty() => continue,
                Ok(differences) => differences,
                Err(problem) => {
                    // What is wrong with it is said with its path.
                    let is_named = veil.over_file(file, false) == *file;
                    let problem = if is_named { problem } else { Diagnostic::error("a file cannot be read") };
                    files.push(whole(file, FileChange::Unread(problem)));
                    continue;
                }
            };
            if sources.is_none() {
                // What cannot be laid out has been made all the same: the cells go without their views.
                sources = Some(report::sources(report, &today.session, &context).await.unwrap_or_default());
            }
            let changes = differences.into_iter().map(|difference| {
                let spot = (PathBuf::from(file), format!("{}!{}", difference.sheet, difference.place));
                let source = sources.as_ref().and_then(|known| known.get(&spot)).cloned();
                CellChange { difference: veil.over(difference, source.as_ref()), source }
            });
            let is_touched = is_touched(file);
            files.push(FileImpact { is_touched, ..whole(file, FileChange::Cells(changes.collect())) });
            break;
        }
    }
    files.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(Fate::Made(files))
}

/// Files that say the same, those of one text together in the order in which they are asked.
fn together<'a>(files: impl Iterator<Item = &'a String>) -> Vec<Vec<&'a String>> {
    let mut groups: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for file in files {
        let extension = extension(file);
        let stem = match TEXTS.contains(&extension.as_str()) {
            true => file[..file.len() - extension.len()].to_owned(),
            false => file.clone(),
        };
        groups.entry(stem).or_default().push(file);
    }
    let rank = |file: &&String| TEXTS.iter().position(|text| *text == extension(file));
    groups.values_mut().for_each(|files| files.sort_by_key(rank));
    groups.into_values().collect()
}

fn extension(file: &str) -> String {
    Path::new(file).extension().map(|extension| extension.to_string_lossy().into_owned()).unwrap_or_default()
}
