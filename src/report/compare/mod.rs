//! What differs between two editions of a report: cell by cell in workbooks, line by line in texts.
//!
//! Rows are told apart by what they are called, not by where they stand, so that one more row is one difference.

mod lines;
mod sheets;

use std::io::ErrorKind;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Result};
use crate::source;
pub(super) use crate::source::SheetCells;

/// One difference between two files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// The sheet of a workbook.
    pub sheet: String,
    /// `F12` or a line number, in the second file where it stands there, else in the first.
    pub place: String,
    /// What the row is called.
    pub row: String,
    /// What stands above the column.
    pub column: String,
    /// `None` where the first file has nothing there.
    pub old: Option<String>,
    /// `None` where the second file has nothing there.
    pub new: Option<String>,
}

/// How a file is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Workbook,
    Text(lines::Kind),
}

/// What differs from `old` to `new`, in the order in which it stands in `new`.
///
/// # Errors
/// Where a file cannot be read, or the two are not of one kind.
pub fn compare(old: &Path, new: &Path, limits: source::Limits) -> Result<Vec<Difference>> {
    let (first, second) = (kind_of(old)?, kind_of(new)?);
    if first != second {
        return Err(Diagnostic::error("the two files are of different kinds and have no cells or lines in common")
            .note("files", format!("`{}` and `{}`", old.display(), new.display()))
            .hint("compare files of one format"));
    }
    match first {
        Kind::Workbook => Ok(sheets::compare(&read_sheets(old, limits)?, &read_sheets(new, limits)?)),
        Kind::Text(kind) => Ok(lines::compare(&lines::read(old, kind)?, &lines::read(new, kind)?)),
    }
}

/// The cells of a workbook.
pub(super) fn read_sheets(path: &Path, limits: source::Limits) -> Result<Vec<SheetCells>> {
    source::sheets(path, limits).map_err(|error| Diagnostic::error(error.to_string()).in_file(path))
}

/// The lines of a text that a person reads.
pub(super) fn read_lines(path: &Path) -> Result<Vec<String>> {
    match kind_of(path)? {
        Kind::Text(kind) => lines::read(path, kind),
        Kind::Workbook => Ok(Vec::new()),
    }
}

/// Refuses what is no file or not there. Opening a pipe waits for somebody to write into it.
pub(super) fn refuse_irregular(path: &Path) -> Result<()> {
    match fs_err::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(Diagnostic::error("is no regular file").in_file(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Diagnostic::error("there is no such file").in_file(path))
        }
        Err(error) => Err(Diagnostic::error(error.to_string())),
    }
}

fn kind_of(path: &Path) -> Result<Kind> {
    refuse_irregular(path)?;
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "xlsx" | "xlsm" => Ok(Kind::Workbook),
        "docx" => Ok(Kind::Text(lines::Kind::Package)),
        "html" | "htm" => Ok(Kind::Text(lines::Kind::Page)),
        "md" | "txt" | "json" | "csv" => Ok(Kind::Text(lines::Kind::Plain)),
        _ => Err(Diagnostic::error("is of a kind whose contents cannot be compared")
            .in_file(path)
            .hint("workbooks, .docx, .html, .md and .json can; a PDF has the text of the .docx beside it")),
    }
}
