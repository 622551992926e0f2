//! Attacks on suppressed tables. The attacker here shares no code with the suppression: it enumerates every table of
//! whole numbers that fits what is published, or eliminates unknowns exactly.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;

use super::suppression::{Count, Relation, Standing, hidden_cells};
use super::*;
use crate::report::dataset::Value;

const LIMIT_HERE: i64 = 3;

/// A table of `rows × columns` counts with totals on both sides, and its relations.
fn table(counts: &[&[i64]]) -> (Vec<Count>, Vec<Relation>) {
    let (height, width) = (counts.len(), counts[0].len());
    let mut all = vec![vec![0; width + 1]; height + 1];
    for (row, values) in counts.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            for (row, column) in [(row, column), (height, column), (row, width), (height, width)] {
                all[row][column] += value;
            }
        }
    }
    let at = |row: usize, column: usize| row * (width + 1) + column;
    let mut relations = Vec::new();
    for row in 0..=height {
        let parts = (0..width).map(|column| (at(row, column), -1));
        relations.push(Relation { terms: std::iter::once((at(row, width), 1)).chain(parts).collect(), is_exact: true });
    }
    for column in 0..=width {
        let parts = (0..height).map(|row| (at(row, column), -1));
        relations
            .push(Relation { terms: std::iter::once((at(height, column), 1)).chain(parts).collect(), is_exact: true });
    }
    let counts = all.concat().into_iter().map(|value| Count { value, standing: Standing::Open }).collect();
    (counts, relations)
}

/// The least and the greatest value of each hidden cell over all tables of whole numbers that fit.
fn enumerate(counts: &[Count], relations: &[Relation], hidden: &[bool]) -> BTreeMap<usize, (i64, i64)> {
    let cells: Vec<usize> = (0..counts.len()).filter(|cell| hidden[*cell]).collect();
    let most = counts.iter().map(|count| count.value).max().unwrap_or(0) + 1;
    let mut values: Vec<i64> = counts.iter().map(|count| count.value).collect();
    let mut found = BTreeMap::new();
    try_values(&cells, 0, &mut values, relations, most, &mut found);
    found
}

fn try_values(
    cells: &[usize],
    at: usize,
    values: &mut [i64],
    relations: &[Relation],
    most: i64,
    found: &mut BTreeMap<usize, (i64, i64)>,
) {
    if at == cells.len() {
        for cell in cells {
            let (low, high) = found.entry(*cell).or_insert((i64::MAX, i64::MIN));
            *low = (*low).min(values[*cell]);
            *high = (*high).max(values[*cell]);
        }
        return;
    }
    let open = &cells[at + 1..];
    for value in 0..=most {
        values[cells[at]] = value;
        let fits = relations.iter().all(|relation| {
            relation.terms.iter().any(|(cell, _)| open.contains(cell)) || {
                let sum: i64 = relation.terms.iter().map(|(cell, sign)| i64::from(*sign) * values[*cell]).sum();
                if relation.is_exact { sum == 0 } else { sum >= 0 }
            }
        });
        if fits {
            try_values(cells, at + 1, values, relations, most, found);
        }
    }
}

/// Small counts that every fitting table gives away, or confines below the limit.
fn given_away(counts: &[Count], relations: &[Relation], hidden: &[bool]) -> Vec<usize> {
    enumerate(counts, relations, hidden)
        .into_iter()
        .filter(|(cell, (low, high))| {
            let value = counts[*cell].value;
            (1..LIMIT_HERE).contains(&value) && (*low >= value || *high < LIMIT_HERE)
        })
        .map(|(cell, _)| cell)
        .collect()
}

fn only_small(counts: &[Count]) -> Vec<bool> {
    counts.iter().map(|count| (1..LIMIT_HERE).contains(&count.value)).collect()
}

#[test]
fn hiding_small_counts_alone_gives_them_away() {
    let (counts, relations) = table(&[&[1, 4, 6], &[5, 2, 7], &[8, 3, 9]]);
    assert_eq!(given_away(&counts, &relations, &only_small(&counts)), [0, 5]);
}

#[test]
fn every_fitting_table_leaves_small_counts_open() {
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut with_small = 0;
    for _ in 0..60 {
        let rows: Vec<Vec<i64>> =
            (0..3).map(|_| (0..3).map(|_| i64::try_from(next(7)).unwrap_or(0)).collect()).collect();
        let rows: Vec<&[i64]> = rows.iter().map(Vec::as_slice).collect();
        let (counts, relations) = table(&rows);
        match hidden_cells(&counts, &relations, LIMIT_HERE) {
            Ok(hidden) => {
                assert!(only_small(&counts).iter().zip(&hidden).all(|(small, hidden)| !small || *hidden));
                // With more unknowns than this every table would take too long; eliminating covers those below.
                if hidden.iter().filter(|hidden| **hidden).count() <= 9 {
                    assert_eq!(given_away(&counts, &relations, &hidden), [0_usize; 0], "{rows:?}");
                    with_small += usize::from(only_small(&counts).contains(&true));
                }
            }
            // Only a whole that is small itself cannot be protected by its parts.
            Err(_) => assert!(counts[15].value < 2 * LIMIT_HERE, "{rows:?}"),
        }
    }
    assert!(with_small > 20, "{with_small}");
}

#[test]
fn what_was_published_before_is_taken_into_account() {
    // The year to May was published as 5; the year to June, 6, would give June's 1 away.
    let counts = [
        Count { value: 6, standing: Standing::Open },
        Count { value: 5, standing: Standing::Known },
        Count { value: 1, standing: Standing::Open },
    ];
    let relations = [Relation { terms: vec![(0, -1), (1, 1), (2, 1)], is_exact: true }];
    assert_eq!(hidden_cells(&counts, &relations, LIMIT_HERE), Ok(vec![true, false, true]));
    // What was hidden before is given away by nothing published now.
    let counts = [
        Count { value: 6, standing: Standing::Open },
        Count { value: 2, standing: Standing::Hidden },
        Count { value: 4, standing: Standing::Open },
    ];
    let hidden = hidden_cells(&counts, &relations, LIMIT_HERE).unwrap_or_default();
    assert_eq!(given_away(&counts, &relations, &hidden), [0_usize; 0]);
    assert!(hidden[0] || hidden[2]);
}

#[test]
fn a_count_that_everything_gives_away_is_refused() {
    let counts = [Count { value: 2, standing: Standing::Hidden }, Count { value: 2, standing: Standing::Known }];
    let relations = [Relation { terms: vec![(0, 1), (1, -1)], is_exact: true }];
    assert!(hidden_cells(&counts, &relations, LIMIT_HERE).is_err());
}

const PLACES: [&str; 7] =
    ["430105", "430105001", "430105001007", "430105001008", "430105002", "430105002001", "430105002002"];

fn dataset(columns: &[(&str, &[i64])]) -> Dataset {
    let mut arrays: Vec<(&str, ArrayRef)> = vec![("place_code", Arc::new(StringArray::from(PLACES.to_vec())))];
    for (name, values) in columns {
        arrays.push((name, Arc::new(Int64Array::from(values.to_vec()))));
    }
    let batch = RecordBatch::try_from_iter(arrays)
        .unwrap_or_else(|_| RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty())));
    Dataset::new(&[batch]).unwrap_or_default()
}

fn publication(yaml: &str) -> Publication {
    let path = Path::new("report.yml");
    match yaml::parse(path, yaml).and_then(|file| Publication::read(path, file)) {
        Ok(publication) => publication,
        Err(problem) => panic!("{problem}"),
    }
}

fn protected(yaml: &str, dataset: Dataset, as_of: &str, register: Option<&Path>) -> Result<Dataset, Problem> {
    let mut data = BTreeMap::from([("places".to_owned(), dataset)]);
    let as_of = as_of.parse::<NaiveDate>().unwrap_or_default();
    protect(&publication(yaml), (Path::new("report.yml"), "public"), &mut data, as_of, register, true)?;
    Ok(data.remove("places").unwrap_or_default())
}

/// Each row as text, hidden figures as `*`.
fn shown(dataset: &Dataset) -> Vec<String> {
    dataset
        .all_rows()
        .into_iter()
        .map(|row| {
            let values: Vec<String> = (1..dataset.column_names().len())
                .map(|column| match dataset.value(row, column) {
                    Value::Suppressed => "*".to_owned(),
                    value => value.plain().unwrap_or_default(),
                })
                .collect();
            values.join(" ")
        })
        .collect()
}

#[test]
fn levels_do_not_give_each_other_back() {
    let yaml = "{place: place_code, counts: [person_count]}";
    let protected = protected(yaml, dataset(&[("person_count", &[31, 11, 2, 9, 20, 12, 8])]), "2024-06-30", None);
    let protected = protected.unwrap_or_default();
    // The other community of the subdistrict is hidden too; subdistricts and the district need not be.
    assert_eq!(shown(&protected), ["31", "11", "*", "*", "20", "12", "8"]);
    // Nothing of the figure is left below the sign.
    assert!(protected.rows.column(1).is_null(2));
}

#[test]
fn parts_of_a_row_and_rates_go_with_their_counts() {
    let yaml = "{place: place_code, counts: [all_count, due_count], open: [grid_count], \
                rates: {due_rate: [due_count, all_count]}, relations: ['due_count <= all_count']}";
    let columns: [(&str, &[i64]); 4] = [
        ("all_count", &[40, 20, 10, 10, 20, 12, 8]),
        ("due_count", &[12, 6, 1, 5, 6, 3, 3]),
        ("due_rate", &[0; 7]),
        ("grid_count", &[1; 7]),
    ];
    let rows = protected(yaml, dataset(&columns), "2024-06-30", None).map(|dataset| shown(&dataset));
    assert_eq!(
        rows.unwrap_or_default(),
        ["40 12 0 1", "20 6 0 1", "10 * * 1", "10 * * 1", "20 6 0 1", "12 3 0 1", "8 3 0 1"]
    );
}

#[test]
fn an_edition_does_not_give_the_one_before_back() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let yaml = "{place: place_code, counts: [year_count, month_count], \
                relations: ['year_count = previous year_count + month_count']}";
    let may: [(&str, &[i64]); 2] =
        [("year_count", &[60, 30, 15, 15, 30, 20, 10]), ("month_count", &[12, 6, 3, 3, 6, 3, 3])];
    let june: [(&str, &[i64]); 2] =
        [("year_count", &[71, 34, 16, 18, 37, 24, 13]), ("month_count", &[11, 4, 1, 3, 7, 4, 3])];
    let first = protected(yaml, dataset(&may), "2024-05-31", Some(folder.path())).map(|dataset| shown(&dataset));
    assert!(first.is_ok_and(|rows| rows.iter().all(|row| !row.contains('*'))));
    let second = protected(yaml, dataset(&june), "2024-06-30", Some(folder.path())).map(|dataset| shown(&dataset));
    // June's 1 is hidden, and so is the year to June, from which the year to May would give it back.
    let second = second.unwrap_or_default();
    assert_eq!(second[2], "* *");
    assert!(second[3].starts_with('*'), "{second:?}");
    // Made again, it is the same.
    let again = protected(yaml, dataset(&june), "2024-06-30", Some(folder.path())).map(|dataset| shown(&dataset));
    assert_eq!(again.unwrap_or_default(), second);
}

#[test]
fn what_publication_says_nothing_of_is_refused() {
    let problem = |yaml: &str, columns: &[(&str, &[i64])]| {
        protected(yaml, dataset(columns), "2024-06-30", None).err().map(|problem| problem.message).unwrap_or_default()
    };
    let counts: [(&str, &[i64]); 2] = [("a_count", &[9; 7]), ("b_count", &[9; 7])];
    assert_eq!(
        problem("{place: place_code, counts: [a_count]}", &counts),
        "`publication` says nothing of `b_count` of dataset `places`"
    );
    assert_eq!(
        problem("{counts: [a_count, b_count]}", &counts),
        "dataset `places`: two rows are the same to `publication`, which tells rows apart by nothing"
    );
    assert_eq!(
        problem("{place: place_code, counts: [a_count, b_count], relations: ['a_count = b_count - a_count']}", &counts),
        "the relation `a_count = b_count - a_count` does not hold in dataset `places`"
    );
}
