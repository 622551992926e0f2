//! What a run's figures rest on, gathered once and shared by all its reports.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Batches named in a record beside their number and common hash; a table of years has thousands.
const NEWEST_BATCHES: usize = 3;

/// Tables, views and batches that reports may rest on.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The table versions that the snapshot's id stands for.
    pub tables: BTreeMap<String, u64>,
    /// All table versions the session is pinned to.
    pub pinned: BTreeMap<String, u64>,
    /// Settings that are printed, or change what is.
    pub settings: BTreeMap<String, String>,
    /// Every view by name.
    pub views: BTreeMap<String, ViewFiles>,
    /// What every query may read without naming it: the lists that functions look up.
    pub looked_up: Vec<String>,
    /// By table.
    pub batches: BTreeMap<String, Batches>,
}

/// The files of one view.
#[derive(Debug, Clone, Default)]
pub struct ViewFiles {
    /// Path below `queries` and BLAKE3 of each file.
    pub files: Vec<(String, String)>,
    /// Tables and views it reads.
    pub reads: Vec<String>,
}

/// The batches that made up a table version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batches {
    pub count: u64,
    /// BLAKE3 over the lines `batch file-hash` of all of them, oldest first.
    pub blake3: String,
    /// The newest of them, newest first; `gridhouse history` lists all.
    pub newest: Vec<BatchRef>,
}

/// One batch: a delivered file in a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRef {
    pub batch: String,
    pub file: String,
    /// Of the delivered bytes.
    pub blake3: String,
}

impl Batches {
    /// `batches` oldest first.
    pub fn of(batches: &[BatchRef]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for batch in batches {
            hasher.update(format!("{} {}\n", batch.batch, batch.blake3).as_bytes());
        }
        Self {
            count: batches.len() as u64,
            blake3: hasher.finalize().to_hex().to_string(),
            newest: batches.iter().rev().take(NEWEST_BATCHES).cloned().collect(),
        }
    }
}

impl Inputs {
    /// The files of `views` and of all views below them, and the tables those read.
    pub fn below<'a>(&'a self, views: &[&'a str]) -> (BTreeMap<String, String>, BTreeSet<&'a str>) {
        let (mut files, mut tables) = (BTreeMap::new(), BTreeSet::new());
        let mut waiting: Vec<&str> = views.iter().copied().chain(self.looked_up.iter().map(String::as_str)).collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if !seen.insert(name) {
                continue;
            }
            match self.views.get(name) {
                Some(view) => {
                    files.extend(view.files.iter().cloned());
                    waiting.extend(view.reads.iter().map(String::as_str));
                }
                None => drop(tables.insert(name)),
            }
        }
        (files, tables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_rests_on_what_its_views_read_and_on_nothing_else() {
        let view = |name: &str, reads: &[&str]| {
            let files = vec![(format!("{name}.sql"), "0".repeat(64))];
            (name.to_owned(), ViewFiles { files, reads: reads.iter().map(|read| (*read).to_owned()).collect() })
        };
        let inputs = Inputs {
            views: [
                view("visit_by_place", &["stg_visits", "stg_grids"]),
                view("stg_visits", &["visits"]),
                view("stg_grids", &["grids"]),
                view("stg_shops", &["shops"]),
            ]
            .into(),
            looked_up: vec!["code_lists".into()],
            ..Inputs::default()
        };
        let (files, tables) = inputs.below(&["visit_by_place"]);
        assert_eq!(files.into_keys().collect::<Vec<_>>(), ["stg_grids.sql", "stg_visits.sql", "visit_by_place.sql"]);
        assert_eq!(tables.into_iter().collect::<Vec<_>>(), ["code_lists", "grids", "visits"]);
    }

    #[test]
    fn the_hash_of_batches_speaks_for_all_of_them() {
        let batch = |id: &str| BatchRef { batch: id.into(), file: "a.csv".into(), blake3: format!("hash of {id}") };
        let many: Vec<BatchRef> = (0..9).map(|night| batch(&format!("residents-{night}"))).collect();
        let batches = Batches::of(&many);
        assert_eq!((batches.count, batches.newest.len()), (9, NEWEST_BATCHES));
        assert_eq!(batches.newest[0].batch, "residents-8");
        let mut other = many.clone();
        other[0] = batch("residents-x");
        assert_ne!(Batches::of(&other).blake3, batches.blake3);
    }
}
