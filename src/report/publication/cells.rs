//! From the datasets of a report to cells and the relations between them. A figure that stands in two datasets is
//! one cell.

use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::suppression::{Count, Relation, Standing};
use super::{Edition, Publication};
use crate::report::dataset::{Dataset, Value};

/// Which figure a cell is: a column at a place, of one value of each further column; `None` is the total over its
/// values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Key {
    pub column: String,
    /// Empty for the whole.
    pub place: String,
    pub by: Vec<Option<String>>,
}

/// A row of a dataset that a cell stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub dataset: String,
    pub row: usize,
    pub column: usize,
}

#[derive(Debug, Default)]
pub(super) struct Cells {
    pub keys: Vec<Key>,
    pub counts: Vec<Count>,
    pub spots: Vec<Vec<Spot>>,
    pub relations: Vec<Relation>,
    place_of: HashMap<Key, usize>,
}

/// Why figures cannot be told apart or put in relation; no value is quoted.
#[derive(Debug, thiserror::Error)]
pub(super) enum CellError {
    #[error("dataset `{dataset}`: `{column}` is not a whole number that is not negative")]
    NoCount { dataset: String, column: String },
    #[error("dataset `{dataset}`: two rows are the same to `publication`, which tells rows apart by {by}")]
    SameRow { dataset: String, by: String },
    #[error("datasets `{first}` and `{second}` differ in `{column}` for the same row")]
    Contradiction { first: String, second: String, column: String },
    #[error("the relation `{relation}` does not hold in dataset `{dataset}`")]
    NoRelation { relation: String, dataset: String },
}

impl Cells {
    pub(super) fn of(
        publication: &Publication,
        data: &BTreeMap<String, Dataset>,
        earlier: &[Edition],
    ) -> Result<Self, CellError> {
        let mut cells = Self::default();
        for (name, dataset) in data {
            cells.add_dataset(publication, name, dataset)?;
        }
        // Where the cells of each edition end, the one to be published first, then backwards.
        let mut ends = vec![cells.keys.len()];
        for (number, edition) in earlier.iter().enumerate() {
            cells.add_earlier(edition, number + 1);
            ends.push(cells.keys.len());
        }
        let mut first = 0;
        for (number, end) in ends.into_iter().enumerate() {
            let edition = first..end;
            first = end;
            cells.relate_places(edition.clone());
            cells.relate_by(edition.clone(), publication.by.len());
            cells.relate_columns(publication, edition, number)?;
        }
        Ok(cells)
    }

    fn add_dataset(&mut self, publication: &Publication, name: &str, dataset: &Dataset) -> Result<(), CellError> {
        let columns: Vec<(usize, &str)> = publication
            .counts
            .iter()
            .filter_map(|count| Some((dataset.column(&count.value)?, count.value.as_str())))
            .collect();
        let mut seen = HashMap::new();
        for row in dataset.all_rows() {
            let place = publication
                .place
                .as_ref()
                .map_or(Value::Null, |place| dataset.value_of(row, &place.value))
                .plain()
                .unwrap_or_default();
            let by: Vec<Option<String>> =
                publication.by.iter().map(|column| dataset.value_of(row, &column.value).plain()).collect();
            if !columns.is_empty() && seen.insert((place.clone(), by.clone()), row).is_some() {
                let names: Vec<String> =
                    publication.place.iter().chain(&publication.by).map(|name| format!("`{}`", name.value)).collect();
                let by = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
                return Err(CellError::SameRow { dataset: name.to_owned(), by });
            }
            for (place_in_row, column) in &columns {
                let value = match dataset.value(row, *place_in_row) {
                    // Not filled or not applicable: no count that could be small.
                    Value::Null => continue,
                    Value::Integer(value) if value >= 0 => value,
                    _ => {
                        return Err(CellError::NoCount { dataset: name.to_owned(), column: (*column).to_owned() });
                    }
                };
                let key = Key { column: (*column).to_owned(), place: place.clone(), by: by.clone() };
                let spot = Spot { dataset: name.to_owned(), row, column: *place_in_row };
                match self.place_of.get(&key) {
                    None => {
                        self.push(key, Count { value, standing: Standing::Open });
                        self.spots.push(vec![spot]);
                    }
                    Some(cell) if self.counts[*cell].value == value => self.spots[*cell].push(spot),
                    Some(cell) => {
                        let first = self.spots[*cell].first().map_or_else(String::new, |spot| spot.dataset.clone());
                        return Err(CellError::Contradiction {
                            first,
                            second: name.to_owned(),
                            column: (*column).to_owned(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// The figures of an edition `back` editions ago, under a name of the column that no column has.
    fn add_earlier(&mut self, edition: &Edition, back: usize) {
        for cell in &edition.cells {
            let key = Key { column: earlier_name(&cell.key.column, back), ..cell.key.clone() };
            let standing = if cell.is_hidden { Standing::Hidden } else { Standing::Known };
            self.push(key, Count { value: cell.value, standing });
            self.spots.push(Vec::new());
        }
    }

    fn push(&mut self, key: Key, count: Count) {
        self.place_of.insert(key.clone(), self.keys.len());
        self.keys.push(key);
        self.counts.push(count);
    }

    /// A place is the sum of those whose codes begin with its own, or more where some are not listed.
    fn relate_places(&mut self, edition: Range<usize>) {
        let mut places: Vec<&str> = self.keys[edition.clone()].iter().map(|key| key.place.as_str()).collect();
        places.sort_unstable();
        places.dedup();
        let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for cell in edition {
            let key = &self.keys[cell];
            if key.place.is_empty() {
                continue;
            }
            let Some(whole) = place_above(&key.place, &places)
                .and_then(|parent| self.place_of.get(&Key { place: parent.to_owned(), ..key.clone() }))
            else {
                continue;
            };
            parts.entry(*whole).or_default().push(cell);
        }
        self.relate_wholes(parts);
    }

    /// The total over a column's values is their sum, or more where some are not listed.
    fn relate_by(&mut self, edition: Range<usize>, columns: usize) {
        for column in 0..columns {
            let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for cell in edition.clone() {
                let key = &self.keys[cell];
                if key.by.get(column).is_none_or(Option::is_none) {
                    continue;
                }
                let mut total = key.clone();
                total.by[column] = None;
                if let Some(whole) = self.place_of.get(&total) {
                    parts.entry(*whole).or_default().push(cell);
                }
            }
            self.relate_wholes(parts);
        }
    }

    fn relate_wholes(&mut self, parts: BTreeMap<usize, Vec<usize>>) {
        for (whole, parts) in parts {
            let sum: i64 = parts.iter().map(|part| self.counts[*part].value).sum();
            let value = self.counts[whole].value;
            // Parts that overlap say nothing of their whole.
            if sum > value {
                continue;
            }
            let terms = std::iter::once((whole, 1)).chain(parts.into_iter().map(|part| (part, -1))).collect();
            self.relations.push(Relation { terms, is_exact: sum == value });
        }
    }

    /// The relations that the report states, in an edition `back` editions ago.
    fn relate_columns(
        &mut self,
        publication: &Publication,
        edition: Range<usize>,
        back: usize,
    ) -> Result<(), CellError> {
        for (text, relation) in publication.relations.iter().map(|(text, relation)| (&text.value, relation)) {
            let Some(first) = relation.terms.first() else { continue };
            let first = earlier_name(&first.column, back);
            for cell in edition.clone() {
                let key = &self.keys[cell];
                if key.column != first {
                    continue;
                }
                let terms: Option<Vec<(usize, i8)>> = relation
                    .terms
                    .iter()
                    .map(|term| {
                        let column = earlier_name(&term.column, back + usize::from(term.is_previous));
                        Some((*self.place_of.get(&Key { column, ..key.clone() })?, term.sign))
                    })
                    .collect();
                let Some(terms) = terms else { continue };
                let sum: i64 = terms.iter().map(|(cell, sign)| i64::from(*sign) * self.counts[*cell].value).sum();
                let holds = if relation.is_exact { sum == 0 } else { sum >= 0 };
                if holds {
                    self.relations.push(Relation { terms, is_exact: relation.is_exact });
                    continue;
                }
                // A sum over periods starts again with the year, and earlier figures may have been corrected, or
                // related otherwise when they were published.
                if back > 0 || relation.terms.iter().any(|term| term.is_previous) {
                    continue;
                }
                let dataset = self.spots[cell].first().map_or_else(String::new, |spot| spot.dataset.clone());
                return Err(CellError::NoRelation { relation: text.clone(), dataset });
            }
        }
        Ok(())
    }
}

/// The longest beginning of a place's code that is a place itself. `places` is sorted.
fn place_above<'a>(place: &'a str, places: &[&str]) -> Option<&'a str> {
    let beginnings = (0..place.len()).rev().filter_map(|length| place.get(..length));
    beginnings.into_iter().find(|beginning| places.binary_search(beginning).is_ok())
}

fn earlier_name(column: &str, back: usize) -> String {
    format!("{}{column}", "previous ".repeat(back))
}
