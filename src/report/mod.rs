//! Reports: a manifest names datasets and outputs; datasets come from the query engine; a form or a
//! template lays them out; an exporter writes the file.
//!
//! ```text
//! report.yml -> dataset -> SheetLayout (form.yml) or Summary (summary.md.j2) -> xlsx, md, html
//! ```
//!
//! Nothing here reads the clock, opens a table or defines a figure: numbers arrive through [`Figures`],
//! dates through [`RunContext`]. A layout is plain data with a text form, so it can be snapshot-tested,
//! and an exporter neither calculates nor queries.

mod agreement;
mod chart;
mod check;
mod compare;
mod compose;
mod dataset;
mod document;
mod export;
mod features;
mod filed;
mod files;
mod fonts;
mod form;
mod jobs;
mod layout;
mod manifest;
mod means;
mod members;
mod mentions;
mod number;
mod origin;
mod picture;
mod provenance;
mod publication;
mod recompose;
mod render;
mod sources;
mod summary;
mod template;
mod tracing;
mod wording;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use chrono::{NaiveDate, NaiveDateTime};
use datafusion::execution::SendableRecordBatchStream;

use crate::diagnostic::{Diagnostic, Fault, Severity};
use crate::query::Indicator;
pub use agreement::{Disagreement, MADE_ALL_THE_SAME, WITHHELD, disagreements, sources};
pub use check::check;
pub use compare::{Difference, compare};
pub use export::{EXPORTERS, Exporter};
pub use filed::Filed;
pub use files::{Aside, safe_part};
pub use layout::{SheetLayout, WorkbookLayout, name_of};
pub use manifest::{Parameter, Report};
pub use picture::{Found as PictureFound, Pictures, size as picture_size};
pub use provenance::{
    BatchRef, Batches, Beside, Carried, Change, Content, DISTRICT, Inputs, Issue, IssuedFile, Known, Member, NoRecord,
    OFFICE, Provenance, Register, State, Verdict, ViewFiles, changes, content_of, files_below, settings_changes,
    verify,
};
pub use recompose::{Part, Recomposed, Source, Spot, parse_address, recompose};
pub use render::render;

/// Where reports get their numbers: the query engine, pinned to one snapshot.
#[async_trait]
pub trait Figures: Sync {
    /// A small result, whole.
    async fn fetch(&self, sql: &str) -> Result<Vec<RecordBatch>, Problem>;
    /// A row list, streamed in the order asked for.
    async fn stream(&self, sql: &str) -> Result<SendableRecordBatchStream, Problem>;
    /// A row list in whatever order it comes fastest.
    async fn stream_in_any_order(&self, sql: &str) -> Result<SendableRecordBatchStream, Problem>;
    /// The Chinese name of a view and of its columns; `None` when there is no such view.
    fn labels(&self, view: &str) -> Option<ViewMeta>;
    /// Numerator and denominator of each of these columns of views, where it is a rate of two other columns of its view.
    fn ratios(&self, columns: &[(String, String)]) -> Vec<Option<(String, String)>> {
        vec![None; columns.len()]
    }
    /// Labels of each code list, in its order; none before any has landed.
    fn code_lists(&self) -> BTreeMap<String, Vec<String>> {
        BTreeMap::new()
    }
}

/// What people call a view and its columns.
#[derive(Debug, Clone, Default)]
pub struct ViewMeta {
    pub label: String,
    pub columns: Vec<ColumnMeta>,
    /// The columns that tell its rows apart; empty where that is not said.
    pub grain: Vec<String>,
}

impl ViewMeta {
    /// The unit a column is declared to have; empty where it has none.
    pub(super) fn unit_of(&self, column: &str) -> &str {
        self.column(column).map_or("", |known| &known.unit)
    }

    fn column(&self, name: &str) -> Option<&ColumnMeta> {
        self.columns.iter().find(|known| known.name == name)
    }
}

#[derive(Debug, Clone, Default)]
pub struct ColumnMeta {
    pub name: String,
    pub label: String,
    pub unit: String,
    pub indicator: Indicator,
    /// What it counts or measures, as the view's author says it.
    pub definition: String,
}

/// What a run knows and a report may print. The same context over the same snapshot gives the same bytes.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// The date the figures speak for.
    pub as_of: NaiveDate,
    pub snapshot_id: String,
    /// When the run was made, as the run states it; also the creation date of every file.
    pub made_at: NaiveDateTime,
    /// Name and version of the program.
    pub version: String,
    /// Chosen parameters, by name; those left out take the manifest's defaults.
    pub params: BTreeMap<String, String>,
    /// Years around `as_of` whose days off have not landed, so that their working days are guessed from the week.
    pub guessed_years: Vec<i32>,
    /// 开福区
    pub district_name: String,
    /// The unit that signs: 开福区网格化综合服务中心
    pub office_name: String,
    /// Files written at the same time.
    pub workers: usize,
    /// Most rows one workbook may hold; a report that asks for more fails and says so.
    pub workbook_rows_max: usize,
    /// How much of a ledger may be held to be parted by member; a longer one is read in order.
    pub gathered_bytes_max: usize,
    /// The only folder pictures in cells are read from.
    pub pictures: Option<PathBuf>,
    /// Where lists of the reports' files are kept, so that a new edition removes files it no longer has.
    pub editions: Option<PathBuf>,
    /// Only the file of this record is made, of all that the report would make, and it carries this record: bytes that are
    /// the same show that nothing else is different. The record beside it says what it was made from now.
    pub again: Option<Arc<Provenance>>,
    /// Where what is made is remembered.
    pub register: Option<Register>,
    /// What the figures rest on, for the record each file carries.
    pub inputs: Arc<Inputs>,
    /// A folder with fonts besides the system's.
    pub fonts: Option<PathBuf>,
    /// Where it is kept what published reports showed and hid, which a later edition must not give back.
    pub published: Option<PathBuf>,
}

/// A file that has been written, synced and moved to its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    pub path: PathBuf,
    pub bytes: u64,
    /// Data rows in it; 0 for a summary.
    pub rows: usize,
    /// Data cells in it; 0 for a summary.
    pub cells: usize,
}

/// Something a person can mend in a report's files, or a file that could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    pub file: PathBuf,
    /// 1-based; 0 when the place is not known.
    pub line: u32,
    pub column: u32,
    pub message: String,
    pub hint: Option<String>,
    pub fault: Fault,
    pub severity: Severity,
}

impl Problem {
    pub fn new(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            message: message.into(),
            hint: None,
            fault: Fault::User,
            severity: Severity::Error,
        }
    }

    /// The same as something to look at; the report is made all the same.
    fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// A file that cannot be written: a full disk, a missing right.
    fn unwritable(file: impl Into<PathBuf>, error: &dyn fmt::Display) -> Self {
        Self { fault: Fault::Unexpected, ..Self::new(file, error.to_string()) }
    }

    pub fn at(mut self, line: u32, column: u32) -> Self {
        (self.line, self.column) = (line, column);
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<Diagnostic> for Problem {
    fn from(found: Diagnostic) -> Self {
        let place = found.place.unwrap_or_default();
        Self {
            file: place.file,
            line: place.line.unwrap_or(0),
            column: place.column.unwrap_or(0),
            message: found.message,
            hint: found.hint,
            fault: found.fault,
            severity: found.severity,
        }
    }
}

/// What the run must be told when files are left out because no font can print Chinese.
pub fn missing_fonts(reports: &[Report], context: &RunContext) -> Option<Diagnostic> {
    let left_out: Vec<&str> =
        reports.iter().filter(|report| report.needs_fonts()).map(|report| report.title.as_str()).collect();
    if left_out.is_empty() || fonts::found(context.fonts.as_deref()).is_chinese {
        return None;
    }
    Some(
        Diagnostic::warning("no font on this machine can print Chinese")
            .note("reports", left_out.join(", "))
            .effect("their PDF files are left out; all other files are made")
            .hint(fonts::HOW_TO_GET_FONTS),
    )
}

/// Reads every report below `dir`, in name order. A report with a problem is left out; the others are kept.
pub fn load(dir: &Path) -> (Vec<Report>, Vec<Problem>) {
    manifest::load(dir)
}
