//! A delivery's header: whether it is an exported quarantine workbook that comes back, and what is said of its columns.

use super::EXPORT_COLUMNS;
use super::quarantined::ID_HEADER;
use crate::contract::{self, Binding, Contract};

/// Columns an exported quarantine workbook adds to the delivered ones.
pub(super) fn is_export_column(name: &str) -> bool {
    EXPORT_COLUMNS.contains(&name)
}

fn begins_as_export(header: &[String]) -> bool {
    header.get(..EXPORT_COLUMNS.len()).is_some_and(|names| names == EXPORT_COLUMNS)
}

/// A header without the columns that an export put before it: a column of the contract may have the same name.
pub(super) fn delivered_names(header: &[String]) -> Vec<String> {
    let is_export = begins_as_export(header);
    let name = |(at, name): (usize, &String)| match is_export && at < EXPORT_COLUMNS.len() {
        true => String::new(),
        false => name.clone(),
    };
    header.iter().enumerate().map(name).collect()
}

/// Whether the delivery corrects quarantined rows: then it holds these rows and is no full list, whatever the contract
/// says. The column with the ids alone says as much, should somebody have removed the others.
pub(super) fn is_correction(header: &[String], binding: &Binding) -> bool {
    let has_ids = header
        .iter()
        .enumerate()
        .any(|(at, name)| name == ID_HEADER && !binding.columns.contains(&Some(at)) && binding.operation != Some(at));
    begins_as_export(header) || has_ids
}

/// A remark on columns nobody knows. Only what looks like a name is shown: the header may be a row of data.
pub(super) fn unknown_columns(binding: &Binding) -> Option<String> {
    let unknown = || binding.unknown.iter().map(String::as_str).filter(|name| !is_export_column(name));
    let named: Vec<&str> = unknown().filter(|name| contract::looks_like_column_name(name)).collect();
    match (named.as_slice(), unknown().count() - named.len()) {
        ([], 0) => None,
        ([], others) => Some(format!("{others} columns no contract knows were left out")),
        (named, 0) => Some(format!("columns no contract knows were left out: {}", named.join(", "))),
        (named, others) => {
            Some(format!("columns no contract knows were left out: {} and {others} more", named.join(", ")))
        }
    }
}

/// A remark on columns of the contract that were not delivered. A list of deletions needs no more than its key.
pub(super) fn absent_columns(contract: &Contract, binding: &Binding) -> Option<String> {
    let absent = || contract.columns.iter().zip(&binding.columns).filter(|(_, place)| place.is_none());
    let is_deletions = absent().any(|(column, _)| column.is_required);
    let names: Vec<&str> = absent().map(|(column, _)| column.name.as_str()).collect();
    (!is_deletions && !names.is_empty())
        .then(|| format!("columns were not delivered, values stored in them stay: {}", names.join(", ")))
}
