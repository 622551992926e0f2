//! Whether a value exists in another table, asked for a whole column at once.

use std::hash::BuildHasher as _;

use arrow::array::{Array, StringArray};
use arrow::buffer::BooleanBuffer;
use hashbrown::{HashMap, HashTable};

/// Knows the values of the columns that references point to.
pub trait KeyLookup {
    /// The rows among those set in `rows` whose value `table.column` does not hold, in order. Values at rows that are
    /// not set, null ones among them, are not looked at.
    fn find_missing(&self, table: &str, column: &str, values: &StringArray, rows: &BooleanBuffer) -> Vec<u32>;
}

/// The distinct texts of one column: all bytes in one buffer and a hash table of positions, so that a million short
/// keys cost some twenty bytes each.
#[derive(Default)]
pub struct KeySet {
    bytes: Vec<u8>,
    /// Where each key ends in `bytes`; it begins where the one before ends.
    ends: Vec<u32>,
    table: HashTable<u32>,
    hasher: foldhash::fast::FixedState,
}

impl KeySet {
    pub fn insert_all(&mut self, values: &StringArray) {
        for value in values.iter().flatten() {
            self.insert(value);
        }
    }

    pub fn insert(&mut self, key: &str) {
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        let hash = hasher.hash_one(key.as_bytes());
        let rehash = |index: &u32| hasher.hash_one(key_at(bytes, ends, *index));
        let is_same = |index: &u32| key_at(bytes, ends, *index) == key.as_bytes();
        let slot = self.table.entry(hash, is_same, rehash);
        let hashbrown::hash_table::Entry::Vacant(slot) = slot else { return };
        // Four gigabytes of keys is beyond any district; a key past that is not remembered, hence reported missing.
        let Ok(end) = u32::try_from(self.bytes.len() + key.len()) else { return };
        slot.insert(self.ends.len() as u32);
        self.bytes.extend_from_slice(key.as_bytes());
        self.ends.push(end);
    }

    pub fn contains(&self, key: &str) -> bool {
        let hash = self.hasher.hash_one(key.as_bytes());
        self.table.find(hash, |index| key_at(&self.bytes, &self.ends, *index) == key.as_bytes()).is_some()
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn find_missing(&self, values: &StringArray, rows: &BooleanBuffer) -> Vec<u32> {
        let mut missing = Vec::new();
        // Neighbouring rows often name the same grid or dwelling.
        let mut last: Option<(&str, bool)> = None;
        for row in rows.set_indices() {
            let value = values.value(row);
            let is_held = match last {
                Some((text, is_held)) if text == value => is_held,
                _ => self.contains(value),
            };
            last = Some((value, is_held));
            if !is_held {
                missing.push(row as u32);
            }
        }
        missing
    }
}

fn key_at<'b>(bytes: &'b [u8], ends: &[u32], index: u32) -> &'b [u8] {
    let index = index as usize;
    let start = if index == 0 { 0 } else { ends[index - 1] as usize };
    &bytes[start..ends[index] as usize]
}

/// Key sets by table and column. A column that was never added holds nothing.
#[derive(Default)]
pub struct Keys {
    sets: HashMap<(String, String), KeySet>,
}

impl Keys {
    pub fn set(&mut self, table: &str, column: &str) -> &mut KeySet {
        self.sets.entry((table.to_owned(), column.to_owned())).or_default()
    }
}

impl KeyLookup for Keys {
    fn find_missing(&self, table: &str, column: &str, values: &StringArray, rows: &BooleanBuffer) -> Vec<u32> {
        match self.sets.get(&(table.to_owned(), column.to_owned())) {
            Some(set) => set.find_missing(values, rows),
            None => rows.set_indices().filter(|row| values.is_valid(*row)).map(|row| row as u32).collect(),
        }
    }
}
