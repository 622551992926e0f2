//! Which deliveries have landed, and under which name the next one does.

use std::collections::{HashMap, HashSet};

use super::Moment;
use super::records::Batch;
use crate::contract::DeliveryKind;

/// A delivery that has landed.
struct Entry {
    batch_id: String,
    is_correction: bool,
}

/// Deliveries that have landed, by table and hash.
#[derive(Default)]
pub(super) struct Landed {
    /// Of full lists only the latest: an earlier one that comes again changes the table.
    entries: HashMap<(String, String), Entry>,
    batch_ids: HashSet<String>,
}

impl Landed {
    /// `kind` is what the contract says of the table's deliveries. A correction of some rows is not the newest list:
    /// the list it corrects is still the one that was delivered last.
    pub(super) fn add(&mut self, kind: DeliveryKind, batch: &Batch) {
        if kind == DeliveryKind::Full && !batch.is_correction {
            self.entries.retain(|(table, _), entry| *table != batch.table_name || entry.is_correction);
        }
        self.batch_ids.insert(batch.batch_id.clone());
        let entry = Entry { batch_id: batch.batch_id.clone(), is_correction: batch.is_correction };
        self.entries.insert((batch.table_name.clone(), batch.delivery_hash.clone()), entry);
    }

    pub(super) fn batch_of(&self, table: &str, hash: &str) -> Option<&str> {
        self.entries.get(&(table.to_owned(), hash.to_owned())).map(|entry| entry.batch_id.as_str())
    }

    /// Names of all batches that have been committed.
    pub(super) fn batch_ids(&self) -> &HashSet<String> {
        &self.batch_ids
    }

    /// Named after the delivery's content, so that a rerun of a killed night makes the same batch. A full list that
    /// lands a second time on one day gets a number.
    pub(super) fn new_batch_id(&self, table: &str, moment: Moment, hash: &str) -> String {
        let stem = format!("{table}{}{}", date_mark(moment), &hash[..8]);
        let (mut batch_id, mut count) = (stem.clone(), 1);
        while self.batch_ids.contains(&batch_id) {
            count += 1;
            batch_id = format!("{stem}-{count}");
        }
        batch_id
    }
}

/// What names of batches of one date have in common.
pub(super) fn date_mark(moment: Moment) -> String {
    format!("-{}-", moment.as_of.format("%Y%m%d"))
}
