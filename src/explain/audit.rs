//! Who saw rows in full, when and why: one line each, kept in the warehouse, written before anything is shown.

use std::io::Write;
use std::path::Path;

use chrono::NaiveDateTime;
use serde::Serialize;

use crate::diagnostic::{Context, Result};

/// One look at unmasked rows.
#[derive(Debug, Clone, Serialize)]
pub struct Audit {
    pub at: NaiveDateTime,
    /// As the operating system calls them.
    pub user: String,
    pub reason: String,
    /// The file and cell, or the view and column.
    pub asked: String,
    pub snapshot: String,
}

/// Appends to the warehouse's record and waits until it is on the disk.
pub fn record(warehouse: &Path, entry: &Audit) -> Result<()> {
    let doing = "recording who sees unmasked rows";
    let path = warehouse.join(".audit").join("unmasked.jsonl");
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder).doing(doing)?;
    }
    let mut file = fs_err::OpenOptions::new().create(true).append(true).open(&path).doing(doing)?;
    let line = serde_json::to_string(entry).doing(doing)? + "\n";
    file.write_all(line.as_bytes()).doing(doing)?;
    file.sync_all().doing(doing)
}
