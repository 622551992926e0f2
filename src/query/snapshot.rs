//! The table versions that a run, a report or a query is pinned to.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::closed::RECOMPUTED_TABLE;
use crate::diagnostic::Result;
use crate::warehouse::Warehouse;

/// Tables that are pinned without being part of a snapshot's id. What is counted anew rests on the batches as well.
pub(super) const UNNAMED: [&str; 3] = ["batches", "runs", RECOMPUTED_TABLE];

/// The table versions a run is pinned to, and the date its figures speak for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub as_of: NaiveDate,
    pub versions: BTreeMap<String, u64>,
}

impl Snapshot {
    /// The newest version of every table.
    pub fn newest(warehouse: &Warehouse, as_of: NaiveDate) -> Result<Self> {
        let mut versions = BTreeMap::new();
        for name in warehouse.table_names()? {
            if let Some(version) = warehouse.newest_version(&name)? {
                versions.insert(name, version);
            }
        }
        Ok(Self { as_of, versions })
    }

    /// The table versions that the snapshot's id stands for.
    pub fn named(&self) -> impl Iterator<Item = (&String, &u64)> {
        self.versions.iter().filter(|(name, _)| !UNNAMED.contains(&name.as_str()))
    }

    /// Twelve characters that name these versions and this date.
    ///
    /// Batches and runs are left out: the batches follow from the other tables, and how often either was written
    /// depends on how often a night was interrupted, which changes no figure.
    pub fn id(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.as_of.to_string().as_bytes());
        for (name, version) in self.named() {
            hasher.update(format!("\n{name}={version}").as_bytes());
        }
        hasher.finalize().to_hex()[..12].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_named_by_what_figures_rest_on() {
        let named = |versions: &[(&str, u64)]| {
            let versions = versions.iter().map(|(name, version)| ((*name).to_owned(), *version)).collect();
            Snapshot { as_of: NaiveDate::default(), versions }.id()
        };
        let id = named(&[("batches", 1), ("residents", 7)]);
        assert_eq!(id, named(&[("batches", 2), ("residents", 7), ("runs", 3)]));
        assert_ne!(id, named(&[("batches", 1), ("residents", 8)]));
    }
}
