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

/// A report of a view of one's own: counts that grow from day to day, by place and by kind of matter, each with its
/// total, parted in two ways. What three editions say together gives nothing back either.
#[test]
fn editions_of_a_report_of_ones_own_give_no_small_count_away() {
    let project = Project::sample();
    project.write("queries/marts/matter_by_place.sql", MATTERS);
    project.write("report-templates/matters/report.yml", MATTER_REPORT);
    project.write("report-templates/matters/form.yml", MATTER_FORM);
    let days = ["2024-06-28", "2024-06-29", "2024-06-30"];
    let mut cells: BTreeMap<(usize, String, String, usize), usize> = BTreeMap::new();
    let (mut shown, mut truth) = (Vec::new(), Vec::new());
    for (day, date) in days.iter().enumerate() {
        project.run(&["nightly", "--as-of", date]).expect(0);
        let real = project.run(&["sql", "--as-of", date, "--format", "csv", "-c", MATTER_ROWS]).expect(0);
        let real: BTreeMap<(String, String), Vec<i64>> = real
            .stdout
            .lines()
            .skip(1)
            .map(|line| {
                let mut fields = line.split(',').map(str::to_owned);
                let key = (fields.next().expect("a place"), fields.next().expect("a kind"));
                (key, fields.map(|field| field.parse().expect("a count")).collect())
            })
            .collect();
        let file = project.path("outbox").join(date).join("事项.xlsx");
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(file).expect("a workbook");
        let range = book.worksheet_range_at(0).expect("a sheet").expect("a sheet");
        for row in range.rows() {
            let key = (row[0].to_string(), row[1].to_string());
            let Some(counts) = real.get(&key) else { continue };
            for (column, real) in counts.iter().enumerate() {
                cells.insert((day, key.0.clone(), key.1.clone(), column), shown.len());
                let count = count(&row[2 + column]).expect("a count or *");
                assert!(count.is_none_or(|count| count == *real && !(1..LIMIT).contains(&count)), "{key:?}");
                shown.push(count);
                truth.push(*real);
            }
        }
    }
    assert_eq!(cells.len(), 3 * 5 * 6 * (1 + 16 + 115), "every figure stands in the file");
    let facts = matter_facts(&cells);
    for fact in facts.iter().filter(|fact| fact.is_exact) {
        assert_eq!(
            fact.terms.iter().map(|(cell, sign)| sign * truth[*cell]).sum::<i64>(),
            0,
            "what the reader knows is so"
        );
    }
    assert_eq!(given_away(&facts, &shown, |cell| truth[cell]), [0_usize; 0]);

    let naive: Vec<Option<i64>> =
        truth.iter().map(|count| Some(*count).filter(|count| !(1..LIMIT).contains(count))).collect();
    let small = naive.iter().filter(|count| count.is_none()).count();
    assert!(given_away(&facts, &naive, |cell| truth[cell]).len() > 100);
    let hidden = shown.iter().filter(|count| count.is_none()).count();
    assert!(hidden < 3 * small, "{hidden} hidden, {small} small");
}

const MATTERS: &str = "
WITH parts AS (
  SELECT
    left(place_code, 9) AS subdistrict_code, place_code AS community_code, kind, day,
    (code * 7919 + kind * 104729 + day * 15485863) % 101 % 4 AS women,
    (code * 6007 + kind * 1299709 + day * 32452843) % 103 % 3 AS men,
    (code * 4421 + kind * 86028121) % 2 AS is_late
  FROM (SELECT place_code, CAST(substr(place_code, 7) AS BIGINT) AS code FROM grid_overview_by_place
        WHERE place_level = 'community')
  CROSS JOIN (VALUES (1), (2), (3), (4), (5)) AS kinds (kind)
  CROSS JOIN (VALUES (0), (1), (2), (3)) AS days (day)
  WHERE day <= as_of_date() - DATE '2024-06-27'
)
SELECT
  coalesce(community_code, subdistrict_code, '430105') AS place_code,
  CAST(kind AS VARCHAR) AS kind,
  coalesce(CAST(kind AS VARCHAR), '合计') AS kind_name,
  sum(women + men) AS matter_count,
  sum(women) AS women_count,
  sum(men) AS men_count,
  sum(women * is_late) AS late_count,
  coalesce(sum(women + men) FILTER (WHERE day = as_of_date() - DATE '2024-06-27'), 0) AS new_count
FROM parts
GROUP BY GROUPING SETS ((), (subdistrict_code), (subdistrict_code, community_code), (kind), (subdistrict_code, kind),
  (subdistrict_code, community_code, kind))
";

const MATTER_ROWS: &str = "SELECT place_code, coalesce(kind, '合计'), matter_count, women_count, men_count, late_count, \
    new_count FROM matter_by_place ORDER BY place_code, kind";

const MATTER_REPORT: &str = "
title: 事项
description: 各地区各类事项
period: day
publication:
  place: place_code
  by: [kind]
  counts: [matter_count, women_count, men_count, late_count, new_count]
  relations:
    - matter_count = women_count + men_count
    - late_count <= women_count
    - matter_count = previous matter_count + new_count
datasets:
  matters:
    view: matter_by_place
    order_by: [place_code, kind]
outputs:
  - {form: form.yml, file: 事项.xlsx}
";

const MATTER_FORM: &str = "
title: 事项
dataset: matters
unit: 件
columns:
  - {label: 地区, column: place_code, width: 14}
  - {label: 类别, column: kind_name, width: 8}
  - {label: 事项, column: matter_count, format: integer, width: 8}
  - {label: 女, column: women_count, format: integer, width: 8}
  - {label: 男, column: men_count, format: integer, width: 8}
  - {label: 逾期, column: late_count, format: integer, width: 8}
  - {label: 新增, column: new_count, format: integer, width: 8}
";

/// Places add up, kinds add up, a row's figures as the report says; nothing of the first day's news is published before.
fn matter_facts(cells: &BTreeMap<(usize, String, String, usize), usize>) -> Vec<Fact> {
    let mut sums: BTreeMap<(usize, bool), Vec<(usize, i64)>> = BTreeMap::new();
    let mut facts = Vec::new();
    for ((day, place, kind, column), cell) in cells {
        let at = |day: usize, place: &str, kind: &str, column: usize| {
            cells.get(&(day, place.to_owned(), kind.to_owned(), column)).copied()
        };
        if place.len() > 6
            && let Some(whole) = at(*day, &place[..place.len() - 3], kind, *column)
        {
            sums.entry((whole, true)).or_default().push((*cell, -1));
        }
        if kind != "合计"
            && let Some(whole) = at(*day, place, "合计", *column)
        {
            sums.entry((whole, false)).or_default().push((*cell, -1));
        }
        let other = |day: usize, column: usize| at(day, place, kind, column).expect("a figure");
        match column {
            0 => {
                facts.push(Fact { terms: vec![(*cell, 1), (other(*day, 1), -1), (other(*day, 2), -1)], is_exact: true })
            }
            3 => facts.push(Fact { terms: vec![(other(*day, 1), 1), (*cell, -1)], is_exact: false }),
            4 if *day > 0 => {
                let terms = vec![(other(*day, 0), 1), (other(day - 1, 0), -1), (*cell, -1)];
                facts.push(Fact { terms, is_exact: true });
            }
            _ => {}
        }
    }
    facts.extend(sums.into_iter().map(|((whole, _), mut terms)| {
        terms.push((whole, 1));
        Fact { terms, is_exact: true }
    }));
    facts
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
    let shown: Vec<Option<i64>> = published.iter().flat_map(|line| line.counts.clone()).collect();
    let truth_of = |cell: usize| truth[cell / width].counts[cell % width].expect("a count");
    let found = given_away(&facts(published, width), &shown, truth_of);
    found.into_iter().map(|cell| (truth[cell / width].code.clone(), cell % width)).collect()
}

/// The same over cells of any tables whatever, `shown` or not, that `facts` bind.
fn given_away(facts: &[Fact], shown: &[Option<i64>], truth_of: impl Fn(usize) -> i64) -> Vec<usize> {
    let bounds = bounds(facts, shown);
    let determined = determined(facts, shown);
    let hidden = bounds.into_iter().enumerate().filter(|(cell, _)| shown[*cell].is_none());
    let known = hidden.filter(|(cell, (low, high))| {
        (1..LIMIT).contains(&truth_of(*cell)) && (determined[*cell] || low == high || *high < LIMIT)
    });
    known.map(|(cell, _)| cell).collect()
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

/// Cells that the exact facts together determine: elimination modulo a prime, a fact of few unknowns before one of many.
fn determined(facts: &[Fact], shown: &[Option<i64>]) -> Vec<bool> {
    let mut rows: Vec<BTreeMap<usize, i128>> = facts
        .iter()
        .filter(|fact| fact.is_exact)
        .map(|fact| {
            let unknown = fact.terms.iter().filter(|(cell, _)| shown[*cell].is_none());
            unknown.map(|(cell, sign)| (*cell, i128::from(*sign).rem_euclid(PRIME))).collect()
        })
        .collect();
    rows.sort_by_key(BTreeMap::len);
    // Each row by its first unknown, which no other row has once all are reduced.
    let mut reduced: BTreeMap<usize, BTreeMap<usize, i128>> = BTreeMap::new();
    for mut row in rows {
        reduce(&mut row, &reduced);
        let Some((first, factor)) = row.first_key_value().map(|(cell, factor)| (*cell, *factor)) else { continue };
        let inverse = power(factor, PRIME - 2, PRIME);
        row.values_mut().for_each(|value| *value = *value * inverse % PRIME);
        reduced.insert(first, row);
    }
    let mut known = vec![false; shown.len()];
    for first in reduced.keys().rev().copied().collect::<Vec<_>>() {
        let Some(mut row) = reduced.remove(&first) else { continue };
        row.remove(&first);
        reduce(&mut row, &reduced);
        known[first] = row.is_empty();
        row.insert(first, 1);
        reduced.insert(first, row);
    }
    known
}

/// Takes every unknown out of `row` that a reduced row begins with.
fn reduce(row: &mut BTreeMap<usize, i128>, reduced: &BTreeMap<usize, BTreeMap<usize, i128>>) {
    let mut from = 0;
    while let Some((cell, factor)) = row.range(from..).next().map(|(cell, factor)| (*cell, *factor)) {
        from = cell + 1;
        let Some(pivot) = reduced.get(&cell) else { continue };
        for (other, own) in pivot {
            let value = row.entry(*other).or_insert(0);
            *value = (*value - factor * own).rem_euclid(PRIME);
            if *value == 0 {
                row.remove(other);
            }
        }
    }
}

const PRIME: i128 = (1 << 61) - 1;

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
