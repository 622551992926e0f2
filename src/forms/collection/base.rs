//! What went out on a collection sheet, kept to compare with what comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::super::fill::Community;
use crate::diagnostic::{Context as _, Diagnostic, Result};

/// What went out, kept in the warehouse to compare with what comes back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Base {
    pub id: String,
    pub community: String,
    pub issued_on: NaiveDate,
    pub snapshot: String,
    pub forms: Vec<String>,
    pub sheets: Vec<BaseSheet>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BaseSheet {
    pub sheet: String,
    pub subject: String,
    /// Values by object and key; null where there was none.
    pub rows: BTreeMap<String, BTreeMap<String, Option<String>>>,
    pub columns: BTreeMap<String, BaseColumn>,
    /// Keys whose value was older than a form allows, by object.
    #[serde(default)]
    pub old: BTreeMap<String, BTreeSet<String>>,
}

/// What is asked by a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BaseColumn {
    pub label: String,
    pub choices: Vec<String>,
}

impl Base {
    /// Whom it went to: a community or a grid.
    pub fn place(&self) -> Community {
        Community { code: self.community.clone(), name: String::new(), subdistrict: String::new() }
    }

    pub fn path(warehouse: &Path, id: &str) -> PathBuf {
        warehouse.join(".collections").join(format!("{id}.json"))
    }
}

/// What went out under an id.
///
/// # Errors
/// Nothing did, or what is kept of it cannot be read.
pub(super) fn base(warehouse: &Path, id: &str) -> Result<Base> {
    let path = Base::path(warehouse, id);
    let is_id = id.len() == 16 && id.bytes().all(|sign| sign.is_ascii_hexdigit());
    if !is_id || !path.is_file() {
        return Err(Diagnostic::error("this sheet was not sent out by this warehouse")
            .hint("`gridhouse form merge` makes collection sheets"));
    }
    let text = fs_err::read(&path).doing("reading what was sent out")?;
    serde_json::from_slice(&text).doing("reading what was sent out")
}
