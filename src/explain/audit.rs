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
    pub user: User,
    pub reason: String,
    /// The file and cell, or the view and column.
    pub asked: String,
    pub snapshot: String,
}

/// Who asks. The environment can say anything, so it stands beside what the operating system says.
#[derive(Debug, Clone, Default, Serialize)]
pub struct User {
    /// The name that the system has for the number; empty where it has none, or tells none.
    pub name: String,
    /// Whose process it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Who logged in, where the system keeps it; it stays when somebody becomes another user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// What the environment says, as `SUDO_USER=…`.
    pub environment: Vec<String>,
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
