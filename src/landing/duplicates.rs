//! One row per key: of the rows of a delivery that share a key the latest is merged.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use arrow::array::{Array, RecordBatch, StringArray, make_comparator};
use arrow::compute::SortOptions;
use foldhash::fast::RandomState;

use super::merge::Accepted;
use crate::contract::{Contract, Operation};
use crate::diagnostic::{Context, Result};

/// A delivery with each key at most once.
pub(super) struct Deduplicated {
    /// Rows to merge, as indexes into the accepted rows.
    pub(super) kept: Vec<u32>,
    pub(super) superseded: u64,
    /// Rows with the same key and version but different content.
    pub(super) tied: Vec<u32>,
}

/// Per key the latest row wins; the rest is superseded. Latest rows that differ from each other are a violation.
pub(super) fn deduplicate(contract: &Contract, accepted: &Accepted, keys: &StringArray) -> Result<Deduplicated> {
    let mut first: hashbrown::HashMap<&str, u32, RandomState> =
        hashbrown::HashMap::with_capacity_and_hasher(keys.len(), RandomState::default());
    let mut repeated: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for row in 0..keys.len() as u32 {
        let key = keys.value(row as usize);
        if let Some(earlier) = first.insert(key, row) {
            let rows = repeated.entry(key).or_insert_with(|| vec![earlier]);
            rows.push(row);
        }
    }
    if repeated.is_empty() {
        return Ok(Deduplicated { kept: (0..keys.len() as u32).collect(), superseded: 0, tied: Vec::new() });
    }
    let compare = by_version(contract, accepted)?;
    let same = |a: u32, b: u32| -> Result<bool> {
        if let Some(operations) = &accepted.operations {
            match (operations[a as usize], operations[b as usize]) {
                // Whatever else they bring, they say the same.
                (Operation::Delete, Operation::Delete) => return Ok(true),
                (one, other) if one != other => return Ok(false),
                _ => {}
            }
        }
        rows_equal(&accepted.rows, a, b)
    };
    let mut dropped: HashSet<u32> = HashSet::new();
    let mut tied = Vec::new();
    let mut superseded = 0;
    for rows in repeated.values() {
        let mut latest: Vec<u32> = Vec::new();
        for row in rows {
            let order = latest.first().map_or(Ordering::Greater, |best| compare(*row, *best));
            match order {
                Ordering::Greater => latest = vec![*row],
                Ordering::Equal => latest.push(*row),
                Ordering::Less => {}
            }
        }
        dropped.extend(rows);
        let winner = latest[0];
        let mut is_tie = false;
        for row in &latest[1..] {
            is_tie |= !same(winner, *row)?;
        }
        if is_tie {
            superseded += (rows.len() - latest.len()) as u64;
            tied.extend(latest);
        } else {
            superseded += (rows.len() - 1) as u64;
            dropped.remove(&winner);
        }
    }
    tied.sort_unstable();
    let kept = (0..keys.len() as u32).filter(|row| !dropped.contains(row)).collect();
    Ok(Deduplicated { kept, superseded, tied })
}

/// Orders rows by version. A deletion may come without one and then speaks for now; any other row without a version is
/// older than all that have one.
fn by_version(contract: &Contract, accepted: &Accepted) -> Result<Box<dyn Fn(u32, u32) -> Ordering>> {
    let Some(column) = contract.version_column.map(|at| accepted.rows.column(at).clone()) else {
        return Ok(Box::new(|_, _| Ordering::Equal));
    };
    let options = SortOptions { descending: false, nulls_first: true };
    let compare = make_comparator(&column, &column, options).doing("comparing versions")?;
    let operations = accepted.operations.clone();
    let is_now = move |row: u32| {
        let is_delete = operations.as_ref().is_some_and(|all| all[row as usize] == Operation::Delete);
        is_delete && column.is_null(row as usize)
    };
    Ok(Box::new(move |a, b| match (is_now(a), is_now(b)) {
        (false, false) => compare(a as usize, b as usize),
        (a_is_now, b_is_now) => a_is_now.cmp(&b_is_now),
    }))
}

fn rows_equal(rows: &RecordBatch, a: u32, b: u32) -> Result<bool> {
    for column in rows.columns() {
        let compare = make_comparator(column, column, SortOptions::default()).doing("comparing rows")?;
        if compare(a as usize, b as usize) != Ordering::Equal {
            return Ok(false);
        }
    }
    Ok(true)
}
