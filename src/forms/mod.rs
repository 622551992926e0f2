//! Forms that departments send to be filled: read as they are laid out, and kept beside what was read of them.
//!
//! ```text
//! workbook -> pages (texts, merged cells, borders) -> layout (title, headings, items, doubts) -> data/forms/<form>/
//! ```

mod around;
mod card;
mod columns;
mod file;
mod layout;
mod page;
mod words;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::layout::Layout;
use self::page::Page;
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::report::safe_part;
use crate::source::{self, Limits};

/// Something that is to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedItem {
    pub sheet: String,
    /// Its headings from the widest to the nearest.
    pub path: Vec<String>,
    /// The blank, or the first cell of a column of a list: `C9`.
    pub cell: String,
    pub unit: Option<String>,
    pub kind: &'static str,
}

/// A form that was read.
#[derive(Debug)]
pub struct Imported {
    pub folder: PathBuf,
    pub title: String,
    pub items: Vec<AskedItem>,
    /// What a person has to look at.
    pub doubts: Vec<Diagnostic>,
}

/// Reads a workbook and keeps it with its `form.yml` in a folder of its own below `forms`.
///
/// # Errors
/// No workbook, no form in it, or a form of that name that is there already. Nothing is left behind.
pub fn import(workbook: &Path, forms: &Path, name: Option<&str>, limits: Limits) -> Result<Imported> {
    let doing = "keeping the form";
    let sheets = source::framed_sheets(workbook, limits)
        .map_err(|error| Diagnostic::error(error.to_string()).in_file(workbook))?;
    let layouts: Vec<(String, Layout)> =
        sheets.iter().map(|sheet| (sheet.name.clone(), layout::read(&Page::of(sheet)))).collect();
    let items: Vec<AskedItem> = layouts.iter().flat_map(|(sheet, layout)| asked(sheet, layout)).collect();
    if items.is_empty() {
        return Err(Diagnostic::error("no form is recognised in it")
            .in_file(workbook)
            .note("looked for", "rows of headings with blank rows below, or labels with blanks beside them")
            .effect("nothing was imported")
            .hint("see that its headings are complete and its blanks empty or bordered"));
    }
    let titles = layouts.iter().map(|(_, layout)| layout.title.as_str());
    let title = titles.into_iter().find(|title| !title.is_empty()).unwrap_or_default().to_owned();
    let file_name = workbook.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = workbook.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = safe_part(name.unwrap_or(if title.is_empty() { &stem } else { &title }));
    let folder = forms.join(&name);
    if folder.exists() {
        return Err(Diagnostic::error(format!("there is a form `{name}` already"))
            .in_file(&folder)
            .effect("nothing was imported")
            .hint("remove its folder, or give the new one a name with `--name`"));
    }
    let bytes = fs_err::read(workbook).doing(doing)?;
    let text = file::text(&file_name, blake3::hash(&bytes).to_hex().as_str(), &layouts);
    fs_err::create_dir_all(forms).doing(doing)?;
    // In place when it is whole.
    let aside = tempfile::Builder::new().prefix(".import-").tempdir_in(forms).doing(doing)?;
    fs_err::write(aside.path().join(&file_name), bytes).doing(doing)?;
    fs_err::write(aside.path().join("form.yml"), text).doing(doing)?;
    fs_err::rename(aside.path(), &folder).doing(doing)?;
    let doubts = layouts.iter().flat_map(|(sheet, layout)| {
        layout.doubts.iter().map(move |doubt| {
            Diagnostic::warning(doubt.about.clone())
                .in_file(workbook)
                .note("at", format!("{sheet}!{}", Page::name_of(doubt.place)))
        })
    });
    Ok(Imported { folder, title, items, doubts: doubts.collect() })
}

fn asked(sheet: &str, layout: &Layout) -> Vec<AskedItem> {
    let items = layout.tables.iter().flat_map(|table| table.items.iter().map(|item| (table.kind, item)));
    let asked = items.map(|(kind, item)| AskedItem {
        sheet: sheet.to_owned(),
        path: item.path.clone(),
        cell: Page::name_of(item.place),
        unit: item.unit.clone(),
        kind: kind.name(),
    });
    asked.collect()
}
