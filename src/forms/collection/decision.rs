//! Lists of what was not taken, handed in with decisions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::returned::{Outcome, Return, ReturnedCell, identity};
use super::sheet::IDENTITY_SHEET;
use crate::diagnostic::{Context as _, Diagnostic, Result};
use crate::query::Session;
use crate::source::{self, Limits};

/// In the identity of a list of what was not taken: the hash of the file that it answers.
pub const ANSWERED: &str = "answered_file_hash";
/// What a person can decide where both sides changed.
pub const TAKE_RETURNED: &str = "取交回的值";
pub const TAKE_CURRENT: &str = "取库中的值";
/// The heading of the column of decisions.
pub const DECISION: &str = "决定";

/// Reads what a person decided in a list of what was not taken; `None` if the workbook is no such list or nothing is decided.
/// What was decided before is not among the cells.
///
/// # Errors
/// No workbook, or one that answers a file nobody handed in.
pub async fn decided(path: &Path, session: &Session, limits: Limits) -> Result<Option<Return>> {
    let doing = "reading what was decided";
    let sheets = source::sheets(path, limits).map_err(|error| Diagnostic::error(error.to_string()).in_file(path))?;
    let Some(hash) = identity(&sheets).remove(ANSWERED) else { return Ok(None) };
    if hash.len() != 64 || !hash.bytes().all(|sign| sign.is_ascii_hexdigit()) {
        return Err(Diagnostic::error("the list answers no file").in_file(path).effect("nothing of it was taken"));
    }
    let mut decisions: BTreeMap<String, bool> = BTreeMap::new();
    for row in sheets.iter().filter(|sheet| sheet.name != IDENTITY_SHEET).flat_map(|sheet| &sheet.rows) {
        let text =
            |column: u32| row.cells.iter().find(|cell| cell.column == column).map_or("", |cell| cell.text.trim());
        let decision = row.cells.iter().find(|cell| [TAKE_RETURNED, TAKE_CURRENT].contains(&cell.text.trim()));
        if let Some(decision) = decision {
            decisions.insert(text(0).to_owned(), decision.text.trim() == TAKE_RETURNED);
        }
    }
    if decisions.is_empty() {
        return Ok(None);
    }
    let columns = "place, subject, object_id, element, element_label, base_value, returned_value, current_value, \
                   sheet_id, community_code, file, CAST(current_at AS VARCHAR)";
    let sql = format!("SELECT {columns} FROM collected_cells WHERE file_hash = '{hash}' AND outcome = '冲突'");
    let mut back = Return {
        path: path.to_owned(),
        hash: hash.clone(),
        sheet_id: String::new(),
        community: String::new(),
        cells: Vec::new(),
        prefilled: 0,
        changed: 0,
        added: 0,
        remarks: Vec::new(),
        is_decision: true,
    };
    for batch in session.fetch(&sql).await? {
        let texts: Vec<arrow::array::ArrayRef> = batch
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Utf8))
            .collect::<std::result::Result<_, _>>()
            .doing(doing)?;
        for row in 0..batch.num_rows() {
            let text = |at: usize| {
                let column = texts[at].as_string::<i32>();
                (!column.is_null(row)).then(|| column.value(row).to_owned())
            };
            let place = text(0).unwrap_or_default();
            let Some(is_returned) = decisions.get(&place) else { continue };
            let cell = ReturnedCell {
                place,
                subject: text(1),
                object: text(2),
                key: text(3),
                label: text(4),
                base: text(5),
                returned: text(6),
                current: text(7),
                current_at: text(11).and_then(|time| time.parse().ok()),
                outcome: if *is_returned { Outcome::Accepted } else { Outcome::Refused },
                reason: format!("人工决定：{}", if *is_returned { TAKE_RETURNED } else { TAKE_CURRENT }),
            };
            // The file that was handed in, under whose name its cells stand.
            back.path = PathBuf::from(text(10).unwrap_or_default());
            back.sheet_id = text(8).unwrap_or_default();
            back.community = text(9).unwrap_or_default();
            back.cells.push(cell);
        }
    }
    Ok(Some(back))
}
