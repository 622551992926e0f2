//! The published report, attacked from its file alone: everything that follows from totals, levels and the sums in a
//! row is worked out, and no hidden small count may come of it.

use std::collections::BTreeMap;

use calamine::{Data, Reader};

use crate::support::{AS_OF, Project};

/// The first count that is shown.
const LIMIT: i64 = 3;

/// One line of the published workbook: the code is known to any reader of the district's lists.
struct Line {
    code: String,
    /// `None` where `*` is printed.
    counts: Vec<Option<i64>>,
}

#[test]
fn what_is_published_gives_no_small_count_away() {
    let project = Project::sample();
    let published = published_lines(&project);
    let truth = true_lines(&project);
    assert_eq!(published.len(), truth.len());
    let mut small = 0;
    for (published, truth) in published.iter().zip(&truth) {
        assert_eq!(published.code, truth.code);
        for (shown, real) in published.counts.iter().zip(&truth.counts) {
            let real = real.expect("a count");
            assert!(shown.is_none_or(|shown| shown == real), "a figure that is shown is the true one");
            assert!(shown.is_none() || !(1..LIMIT).contains(&real), "a small count is hidden");
            small += usize::from((1..LIMIT).contains(&real));
        }
    }
    assert!(small > 20, "the sample has small counts: {small}");
    let given_away = attack(&published, &truth);
    assert!(given_away.is_empty(), "{given_away:?}");

    // The attack would find them: with only small counts hidden it does.
    let naive: Vec<Line> = truth
        .iter()
        .map(|line| Line {
            code: line.code.clone(),
            counts: line.counts.iter().map(|count| count.filter(|count| !(1..LIMIT).contains(count))).collect(),
        })
        .collect();
    assert!(attack(&naive, &truth).len() > 5);
    // And it hides no more than it must by far: most figures are there.
    let cells: usize = published.iter().map(|line| line.counts.len()).sum();
    let hidden: usize = published.iter().map(|line| line.counts.iter().filter(|count| count.is_none()).count()).sum();
    assert!(hidden < small * 4 && hidden < cells / 2, "{hidden} of {cells} hidden, {small} small");
}

/// The rows of both sheets and of the total, in code order, matched to codes by name as a reader would.
fn published_lines(project: &Project) -> Vec<Line> {
    let file = project.path("outbox").join(AS_OF).join("重点人群统计表（公开）.xlsx");
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(file).expect("a workbook");
    let names = project.sql(
        "SELECT place_code, coalesce(subdistrict_name, ''), coalesce(community_name, '') FROM special_group_by_place \
         WHERE place_level IN ('district', 'subdistrict', 'community')",
    );
    let codes: BTreeMap<(String, String), String> = names
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            ((fields[1].to_owned(), fields[2].to_owned()), fields[0].to_owned())
        })
        .collect();
    let mut lines = BTreeMap::new();
    for (sheet, is_community) in [("街道", false), ("社区", true)] {
        let range = book.worksheet_range(sheet).expect("a sheet");
        let mut subdistrict = String::new();
        for row in range.rows() {
            let counts: Option<Vec<Option<i64>>> = row[2..].iter().map(count).collect();
            let Some(counts) = counts else { continue };
            let texts: Vec<String> = row[..2].iter().map(ToString::to_string).collect();
            let key = if texts[0].contains('全') {
                (String::new(), String::new())
            } else if is_community {
                // Merged down: empty but in the first row.
                if !texts[0].is_empty() {
                    subdistrict.clone_from(&texts[0]);
                }
                (subdistrict.clone(), texts[1].clone())
            } else {
                (texts[1].clone(), String::new())
            };
            let Some(code) = codes.get(&key) else { continue };
            lines.insert(code.clone(), Line { code: code.clone(), counts });
        }
    }
    assert_eq!(lines.len(), codes.len(), "every place has its line");
    lines.into_values().collect()
}

/// A count or `*`; nothing else stands in a row of figures.
fn count(cell: &Data) -> Option<Option<i64>> {
    match cell {
        Data::Float(number) => Some(Some(*number as i64)),
        Data::Int(number) => Some(Some(*number)),
        Data::String(text) if text == "*" => Some(None),
        _ => None,
    }
}

fn true_lines(project: &Project) -> Vec<Line> {
    let rows = project.sql(
        "SELECT place_code, person_count, occurrence_count, living_alone_count, empty_nest_count, very_old_count, \
         low_income_count, near_low_income_count, destitute_count, disabled_count, seriously_ill_count, \
         incapacitated_count, left_behind_child_count, child_in_need_count, veteran_count, bereaved_family_count \
         FROM special_group_by_place WHERE place_level IN ('district', 'subdistrict', 'community') ORDER BY place_code",
    );
    rows.lines()
        .map(|row| {
            let mut fields = row.split(',');
            let code = fields.next().expect("a code").to_owned();
            Line { code, counts: fields.map(|field| Some(field.parse().expect("a count"))).collect() }
        })
        .collect()
}

/// `Σ sign × cell = 0`, or `≥ 0`.
struct Fact {
    terms: Vec<(usize, i64)>,
    is_exact: bool,
}

/// Cells whose small count is determined, or known to be below the limit, from what is shown.
fn attack(published: &[Line], truth: &[Line]) -> Vec<(String, usize)> {
    let width = published[0].counts.len();
    let facts = facts(published, width);
    let shown: Vec<Option<i64>> = published.iter().flat_map(|line| line.counts.clone()).collect();
    let bounds = bounds(&facts, &shown);
    let determined = determined(&facts, &shown);
    let mut found = Vec::new();
    for (cell, (low, high)) in bounds.into_iter().enumerate().filter(|(cell, _)| shown[*cell].is_none()) {
        let real = truth[cell / width].counts[cell % width].expect("a count");
        let is_known = determined[cell] || low == high || high < LIMIT;
        if (1..LIMIT).contains(&real) && is_known {
            found.push((truth[cell / width].code.clone(), cell % width));
        }
    }
    found
}

/// What the form itself says: places add up, groups add up to 人次, persons are at most 人次 and at least each group.
fn facts(published: &[Line], width: usize) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (number, line) in published.iter().enumerate() {
        let parts: Vec<usize> = published
            .iter()
            .enumerate()
            .filter(|(_, part)| part.code.len() == line.code.len() + 3 && part.code.starts_with(&line.code))
            .map(|(part, _)| part)
            .collect();
        for column in 0..width {
            if !parts.is_empty() {
                let terms = parts.iter().map(|part| (part * width + column, -1));
                let terms = std::iter::once((number * width + column, 1)).chain(terms).collect();
                facts.push(Fact { terms, is_exact: true });
            }
            if column >= 2 {
                let terms = vec![(number * width, 1), (number * width + column, -1)];
                facts.push(Fact { terms, is_exact: false });
            }
        }
        let groups = (2..width).map(|column| (number * width + column, -1));
        facts.push(Fact { terms: std::iter::once((number * width + 1, 1)).chain(groups).collect(), is_exact: true });
        facts.push(Fact { terms: vec![(number * width + 1, 1), (number * width, -1)], is_exact: false });
    }
    facts
}

/// The narrowest bounds that each fact by itself gives, applied until none changes.
fn bounds(facts: &[Fact], shown: &[Option<i64>]) -> Vec<(i64, i64)> {
    const MANY: i64 = 1 << 40;
    let mut bounds: Vec<(i64, i64)> =
        shown.iter().map(|count| count.map_or((0, MANY), |count| (count, count))).collect();
    loop {
        let mut has_changed = false;
        for fact in facts {
            for (cell, sign) in &fact.terms {
                // sign × cell = −Σ others, or ≥.
                let others = fact.terms.iter().filter(|(other, _)| other != cell);
                let (mut least, mut most) = (0, 0);
                for (other, sign) in others {
                    let (low, high) = bounds[*other];
                    let ends = if *sign > 0 { (low, high) } else { (-high, -low) };
                    least += ends.0;
                    most += ends.1;
                }
                let (mut low, mut high) = bounds[*cell];
                if *sign > 0 {
                    low = low.max(-most);
                    if fact.is_exact {
                        high = high.min(-least);
                    }
                } else {
                    high = high.min(most);
                    if fact.is_exact {
                        low = low.max(least);
                    }
                }
                if (low, high) != bounds[*cell] {
                    bounds[*cell] = (low, high);
                    has_changed = true;
                }
            }
        }
        if !has_changed {
            return bounds;
        }
    }
}

/// Cells that the exact facts together determine: Gauss-Jordan elimination modulo a prime.
fn determined(facts: &[Fact], shown: &[Option<i64>]) -> Vec<bool> {
    const PRIME: i128 = (1 << 61) - 1;
    let unknown: Vec<usize> = (0..shown.len()).filter(|cell| shown[*cell].is_none()).collect();
    let place: BTreeMap<usize, usize> = unknown.iter().enumerate().map(|(place, cell)| (*cell, place)).collect();
    let mut rows: Vec<Vec<i128>> = Vec::new();
    for fact in facts.iter().filter(|fact| fact.is_exact) {
        let mut row = vec![0; unknown.len()];
        for (cell, sign) in &fact.terms {
            if let Some(place) = place.get(cell) {
                row[*place] = i128::from(*sign).rem_euclid(PRIME);
            }
        }
        rows.push(row);
    }
    let mut pivots = Vec::new();
    for column in 0..unknown.len() {
        let next = pivots.len();
        let Some(found) = (next..rows.len()).find(|row| rows[*row][column] != 0) else { continue };
        rows.swap(next, found);
        let inverse = power(rows[next][column], PRIME - 2, PRIME);
        for value in &mut rows[next] {
            *value = *value * inverse % PRIME;
        }
        let pivot = rows[next].clone();
        for (number, row) in rows.iter_mut().enumerate().filter(|(number, _)| *number != next) {
            let factor = row[column];
            if factor != 0 && number != next {
                for (value, own) in row.iter_mut().zip(&pivot) {
                    *value = (*value - factor * own).rem_euclid(PRIME);
                }
            }
        }
        pivots.push(column);
    }
    let mut known = vec![false; shown.len()];
    for (row, column) in pivots.into_iter().enumerate() {
        known[unknown[column]] = rows[row].iter().filter(|value| **value != 0).count() == 1;
    }
    known
}

fn power(mut base: i128, mut exponent: i128, modulus: i128) -> i128 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    result
}
