//! A delivery's way into a table: read, check, merge, commit; what cannot land is quarantined with its reason.
//!
//! Each delivered row ends in exactly one of six counts, and that is asserted before the commit. The commit is the
//! truth: whether a delivery has landed is read from the tables' logs, so a killed night is simply run again.

mod batch;
mod deletions;
mod delivery;
mod duplicates;
mod export;
mod header;
mod held;
mod landed;
mod lookup;
mod merge;
mod quarantine;
mod quarantined;
mod reading;
mod records;
mod tables;
mod write;

use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveDateTime};

use crate::diagnostic::Diagnostic;

pub use delivery::{Land, is_retried, land_all};
pub use export::export_quarantine;
pub use quarantined::{QUARANTINE_TABLE, QuarantineRow, quarantine_schema, read_quarantine};
pub use records::{BATCHES_TABLE, Batch, RUNS_TABLE, Run, read_batches, read_runs, write_run};
pub use records::{batches_schema, runs_schema};
pub use tables::{SYSTEM_COLUMNS, stored_schema};

/// Columns an exported quarantine workbook has before the delivered ones. When it comes back they say that it corrects
/// single rows; but for the id their values are ignored.
pub const EXPORT_COLUMNS: [&str; 5] = ["隔离编号", "来源文件", "行号", "问题栏目", "问题说明"];

/// When a landing happens: the date its rows speak for and the moment it is recorded under.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub as_of: NaiveDate,
    /// Local time of the district.
    pub now: NaiveDateTime,
}

/// Where each delivered row went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub rows_in: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Older than the stored row or than a deletion of its key, or outdone by a later row of the same delivery.
    pub superseded: u64,
    /// Rows delivered as deletions that deleted something.
    pub deleted: u64,
    pub quarantined: u64,
    /// Stored rows removed because a full list no longer has them; they are not delivered rows.
    pub dropped: u64,
    /// Rows that landed with a remark.
    pub warnings: u64,
}

impl Counts {
    /// The identity every batch must satisfy.
    pub fn balances(&self) -> bool {
        self.rows_in
            == self.inserted + self.updated + self.unchanged + self.superseded + self.deleted + self.quarantined
    }

    pub fn add(&mut self, other: &Counts) {
        self.rows_in += other.rows_in;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.superseded += other.superseded;
        self.deleted += other.deleted;
        self.quarantined += other.quarantined;
        self.dropped += other.dropped;
        self.warnings += other.warnings;
    }
}

/// What became of one delivery.
#[derive(Debug, Clone)]
pub enum Outcome {
    Landed {
        batch: Batch,
    },
    /// The same bytes have landed before; nothing changed.
    AlreadyLanded {
        batch_id: String,
    },
    /// The delivery as a whole could not be taken.
    Rejected {
        problem: Box<Diagnostic>,
    },
}

/// One delivery and what became of it.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub path: PathBuf,
    pub table: Option<String>,
    pub outcome: Outcome,
    /// Remarks that did not stop it: unknown and absent columns, sheets left out.
    pub remarks: Vec<String>,
    /// Why its file is still where it was, though it has been dealt with.
    pub unsettled: Option<Box<Diagnostic>>,
}

impl Delivery {
    pub fn file_name(&self) -> String {
        file_name(&self.path)
    }

    pub fn is_rejected(&self) -> bool {
        matches!(self.outcome, Outcome::Rejected { .. })
    }
}

/// The name of a file as it may be shown: a line break in it must not begin a message of its own.
pub(crate) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
