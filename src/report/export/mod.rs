//! Output formats. An exporter turns a finished document into bytes: no arithmetic, no query.
//!
//! A new format is one file here and one entry in [`EXPORTERS`].

mod docx;
mod html;
mod markdown;
mod pdf;
mod xlsx;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::layout::{Properties, WorkbookLayout};
use super::summary::Summary;

/// A document before it becomes a file.
#[expect(clippy::large_enum_variant, reason = "a worker holds one document")]
#[derive(Debug, Clone)]
pub(super) enum Document {
    Workbook(WorkbookLayout),
    Summary(Summary),
}

impl Document {
    /// What the file says about itself. A document becomes one file per format, each of its own name.
    pub(super) fn properties_mut(&mut self) -> &mut Properties {
        match self {
            Self::Workbook(workbook) => &mut workbook.properties,
            Self::Summary(summary) => &mut summary.properties,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DocumentKind {
    Workbook,
    Summary,
}

/// One output format.
pub struct Exporter {
    /// How a person names it.
    pub name: &'static str,
    pub extension: &'static str,
    pub(super) kind: DocumentKind,
    /// Whether it is left out where no font can print Chinese.
    pub(super) needs_fonts: bool,
    pub(super) write: fn(&Document, &mut dyn Write) -> Result<(), ExportError>,
}

pub static EXPORTERS: &[&Exporter] =
    &[&xlsx::EXPORTER, &markdown::EXPORTER, &html::EXPORTER, &docx::EXPORTER, &pdf::EXPORTER];

/// What the tabs of a workbook are called in the file, in order.
pub(super) fn tab_names(workbook: &WorkbookLayout) -> Vec<String> {
    xlsx::tab_names(workbook.sheets.iter().map(|sheet| sheet.name.as_str()))
}

/// The files that an output declared as `path` becomes: one per format of its kind, or the one whose extension it
/// has; none when that is an extension of the other kind.
pub(super) fn files_of(kind: DocumentKind, path: &Path) -> Vec<(&'static Exporter, PathBuf)> {
    let asked = EXPORTERS.iter().find(|exporter| path.extension().is_some_and(|own| own == exporter.extension));
    let makers = EXPORTERS.iter().filter(|exporter| exporter.kind == kind);
    match asked {
        Some(asked) => makers
            .filter(|exporter| exporter.extension == asked.extension)
            .map(|exporter| (*exporter, path.to_owned()))
            .collect(),
        None => makers
            .map(|exporter| (*exporter, PathBuf::from(format!("{}.{}", path.display(), exporter.extension))))
            .collect(),
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("the workbook cannot be built: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error("the workbook's package cannot be taken apart: {0}")]
    Package(String),
    #[error("the text cannot be typeset: {0}")]
    Typesetting(String),
    #[error("the document's package cannot be written: {0}")]
    Zip(#[from] zip::result::ZipError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<rawzip::Error> for ExportError {
    fn from(error: rawzip::Error) -> Self {
        Self::Package(error.to_string())
    }
}

/// The workbook with its ledger written through the library, for comparison with the streamed one.
#[cfg(test)]
pub(super) fn plain_for_test(layout: &WorkbookLayout) -> Vec<u8> {
    xlsx::workbook(layout, xlsx::LedgerRows::Written)
        .and_then(|mut workbook| workbook.save_to_buffer())
        .unwrap_or_default()
}
