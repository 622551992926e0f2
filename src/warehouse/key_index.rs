//! Where each key of a table is stored: key -> (file, row).
//!
//! Built once a night from the key columns alone; it answers both "is this key known?" (references) and "which
//! row does this delivered row replace?" (merge). Keys are kept as text in one buffer: about 30 bytes a row.

use arrow::array::{Array, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use foldhash::quality::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use crate::diagnostic::{Context, Result};

/// A stored row: index into [`KeyIndex::files`] and row number in that file, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowPlace {
    pub file: u32,
    pub row: u32,
}

/// Absent marks a deleted key: the slot stays, so that indexes into the arrays stay valid.
const ABSENT: RowPlace = RowPlace { file: u32::MAX, row: u32::MAX };

#[derive(Debug, Default)]
pub struct KeyIndex {
    slots: HashTable<u32>,
    text: Vec<u8>,
    ends: Vec<u64>,
    places: Vec<RowPlace>,
    files: Vec<String>,
    live: usize,
}

const HASHER: FixedState = FixedState::with_seed(0x6772_6964_686f_7573);

impl KeyIndex {
    /// Registers a data file and gives its number.
    pub fn add_file(&mut self, path: &str) -> u32 {
        self.files.push(path.to_owned());
        (self.files.len() - 1) as u32
    }

    /// The number of a file that was registered.
    pub fn file_of(&self, path: &str) -> Option<u32> {
        self.files.iter().rposition(|known| known == path).map(|number| number as u32)
    }

    pub fn file_path(&self, file: u32) -> &str {
        &self.files[file as usize]
    }

    /// How many keys the table holds.
    pub fn len(&self) -> usize {
        self.live
    }

    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    fn key(&self, slot: u32) -> &[u8] {
        bytes_of(&self.text, &self.ends, slot)
    }

    fn slot(&self, key: &[u8]) -> Option<u32> {
        self.slots.find(HASHER.hash_one(key), |slot| self.key(*slot) == key).copied()
    }

    pub fn get(&self, key: &str) -> Option<RowPlace> {
        let place = self.places[self.slot(key.as_bytes())? as usize];
        (place != ABSENT).then_some(place)
    }

    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Says where `key` is stored now.
    pub fn put(&mut self, key: &str, place: RowPlace) {
        let key = key.as_bytes();
        if let Some(slot) = self.slot(key) {
            if self.places[slot as usize] == ABSENT {
                self.live += 1;
            }
            self.places[slot as usize] = place;
            return;
        }
        let slot = self.places.len() as u32;
        self.text.extend_from_slice(key);
        self.ends.push(self.text.len() as u64);
        self.places.push(place);
        self.live += 1;
        let (text, ends) = (&self.text, &self.ends);
        self.slots.insert_unique(HASHER.hash_one(key), slot, |slot| HASHER.hash_one(bytes_of(text, ends, *slot)));
    }

    pub fn remove(&mut self, key: &str) {
        if let Some(slot) = self.slot(key.as_bytes())
            && self.places[slot as usize] != ABSENT
        {
            self.places[slot as usize] = ABSENT;
            self.live -= 1;
        }
    }

    /// All keys with their places, in the order they were first seen.
    pub fn keys(&self) -> impl Iterator<Item = (&str, RowPlace)> {
        (0..self.places.len() as u32).filter_map(|slot| {
            let place = self.places[slot as usize];
            let key = std::str::from_utf8(self.key(slot)).ok()?;
            (place != ABSENT).then_some((key, place))
        })
    }

    /// Registers all rows of `keys`, which are rows `first_row..` of `file`.
    pub fn put_all(&mut self, keys: &StringArray, file: u32, first_row: u32) {
        self.ends.reserve(keys.len());
        self.places.reserve(keys.len());
        let (text, ends) = (&self.text, &self.ends);
        self.slots.reserve(keys.len(), |slot| HASHER.hash_one(bytes_of(text, ends, *slot)));
        for (row, key) in keys.iter().enumerate() {
            if let Some(key) = key {
                self.put(key, RowPlace { file, row: first_row + row as u32 });
            }
        }
    }
}

fn bytes_of<'a>(text: &'a [u8], ends: &[u64], slot: u32) -> &'a [u8] {
    let start = if slot == 0 { 0 } else { ends[slot as usize - 1] };
    &text[start as usize..ends[slot as usize] as usize]
}

/// The key of each row as one text; parts of a composite key are joined by U+001F. Null parts make the key null.
pub fn key_texts(batch: &RecordBatch, key_columns: &[usize]) -> Result<StringArray> {
    let mut parts = Vec::with_capacity(key_columns.len());
    for column in key_columns {
        let text = arrow::compute::cast(batch.column(*column), &DataType::Utf8).doing("reading a key column")?;
        parts.push(text.as_string::<i32>().clone());
    }
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    let mut joined = StringBuilder::with_capacity(batch.num_rows(), batch.num_rows() * 24);
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        text.clear();
        let mut is_null = false;
        for (index, part) in parts.iter().enumerate() {
            is_null |= part.is_null(row);
            if index > 0 {
                text.push('\u{1f}');
            }
            text.push_str(part.value(row));
        }
        joined.append_option((!is_null).then_some(&text));
    }
    Ok(joined.finish())
}
