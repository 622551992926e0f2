//! Whether the values that rows refer to exist: in stored tables, or among the rows of the same delivery.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};

use arrow::array::{AsArray, StringArray};
use arrow::buffer::BooleanBuffer;

use super::merge::Accepted;
use crate::contract::{Contract, KeyLookup, Operation, RuleKind};
use crate::warehouse::KeyIndex;

/// Tables and columns that the contract's rules look values up in.
pub(super) fn references(contract: &Contract) -> impl Iterator<Item = (&str, &str)> {
    contract.columns.iter().flat_map(|column| &column.rules).filter_map(|rule| match &rule.kind {
        RuleKind::Reference { table, column } => Some((table.as_str(), column.as_str())),
        _ => None,
    })
}

/// Columns of the contract's own table that its rows refer to.
pub(super) fn own_references(contract: &Contract) -> Vec<&str> {
    references(contract).filter(|(table, _)| *table == contract.table).map(|(_, column)| column).collect()
}

/// Keys and values of the tables a contract refers to.
#[derive(Default)]
pub(super) struct Lookup {
    pub(super) keys: HashMap<(String, String), Arc<RwLock<KeyIndex>>>,
    pub(super) values: HashMap<(String, String), Arc<HashSet<String>>>,
}

impl KeyLookup for Lookup {
    fn find_missing(&self, table: &str, column: &str, values: &StringArray, rows: &BooleanBuffer) -> Vec<u32> {
        let name = (table.to_owned(), column.to_owned());
        let rows = rows.set_indices();
        if let Some(keys) = self.keys.get(&name)
            && let Ok(keys) = keys.read()
        {
            // Neighbouring rows often name the same grid or dwelling.
            let mut last: Option<(&str, bool)> = None;
            rows.filter(|row| {
                let value = values.value(*row);
                let is_held = last.filter(|(text, _)| *text == value).map_or_else(|| keys.contains(value), |l| l.1);
                last = Some((value, is_held));
                !is_held
            })
            .map(|row| row as u32)
            .collect()
        } else if let Some(known) = self.values.get(&name) {
            rows.filter(|row| !known.contains(values.value(*row))).map(|row| row as u32).collect()
        } else {
            rows.map(|row| row as u32).collect()
        }
    }
}

/// What a table knows, and what a delivery of it brings: its rows may refer to each other.
pub(super) struct WithOwn<'a> {
    pub(super) stored: &'a Lookup,
    pub(super) table: &'a str,
    /// Values of the accepted rows by column; until these are known all such references are taken for good.
    pub(super) own: Option<&'a OwnValues>,
}

pub(super) type OwnValues = HashMap<String, HashSet<String>>;

impl KeyLookup for WithOwn<'_> {
    fn find_missing(&self, table: &str, column: &str, values: &StringArray, rows: &BooleanBuffer) -> Vec<u32> {
        if table != self.table {
            return self.stored.find_missing(table, column, values, rows);
        }
        let Some(own) = self.own else { return Vec::new() };
        let mut missing = self.stored.find_missing(table, column, values, rows);
        if let Some(own) = own.get(column) {
            missing.retain(|row| !own.contains(values.value(*row as usize)));
        }
        missing
    }
}

/// The values of some columns in rows that will be there when the delivery has landed.
pub(super) fn own_values(columns: &[&str], accepted: &Accepted) -> OwnValues {
    let is_deleted = |row: usize| accepted.operations.as_ref().is_some_and(|o| o[row] == Operation::Delete);
    let values = |name: &str| {
        let texts = accepted.rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let rows = texts.into_iter().flat_map(|texts| texts.iter().enumerate());
        rows.filter(|(row, _)| !is_deleted(*row)).filter_map(|(_, text)| text.map(str::to_owned)).collect()
    };
    columns.iter().map(|name| ((*name).to_owned(), values(name))).collect()
}
