//! One figure, one value: the same indicator for the same place and time is the same in all reports of a run.
//!
//! ```text
//! reports -> columns shown -> indicators that several views define -> values by subject -> those that differ -> cells
//! ```
//!
//! Reports are compared before they are made, by the rows they will be made of. What is laid out to name cells is only
//! what disagrees.

mod places;
mod shown;
mod subject;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use self::places::{Place, Places};
use self::shown::{Shown, quantum, shown};
use self::subject::{Subject, subjects};
use super::dataset::Value;
use super::manifest::Report;
use super::number::{Format, fixed, percent, rounded};
use super::{ColumnMeta, Figures, Problem, RunContext, render};
use crate::diagnostic::Diagnostic;

/// A figure that is shown with two values.
#[derive(Debug)]
pub struct Disagreement {
    /// By name; a single one, where a report contradicts itself.
    pub reports: BTreeSet<String>,
    pub problem: Diagnostic,
}

/// What becomes of reports that contradict each other.
pub const WITHHELD: &str = "no report that shows one of them is made; the last good editions are untouched";

/// A column that a report shows.
struct Claim<'a> {
    report: &'a Report,
    dataset: String,
    view: String,
    column: ColumnMeta,
    shown: Shown,
    /// Its view has columns about persons or single records: its values are in no message.
    is_confidential: bool,
}

/// The value of one row of a claim.
#[derive(Debug, Clone)]
struct Figure {
    claim: usize,
    row: usize,
    value: Value,
}

/// Two figures that should be one, and where they stand.
struct Pair {
    subject: Subject,
    values: [Value; 2],
    places: [Place; 2],
    /// A published report keeps the figure from being shown: no message says it either.
    is_hidden: bool,
}

/// What the reports of a run contradict each other in. Columns called like one of `sensitive` are about persons. Datasets
/// that cannot be read are left out: the reports that need them fail.
pub async fn disagreements(
    reports: &[&Report],
    figures: &dyn Figures,
    context: &RunContext,
    sensitive: &BTreeSet<String>,
) -> Vec<Disagreement> {
    let indicators = indicators(claims(reports, figures, sensitive), figures);
    let mut places = Places::new(figures, context);
    let mut found = Vec::new();
    for claims in indicators {
        // By report and column, however many datasets of a report read the column.
        let definition = |claim: &Claim<'_>| (claim.report.name.clone(), claim.view.clone(), claim.column.name.clone());
        let mut pairs: BTreeMap<_, (usize, usize, Vec<Pair>)> = BTreeMap::new();
        for (subject, mut same) in differing(&claims, figures, &mut places).await {
            let mut is_hidden = false;
            let mut open = Vec::with_capacity(same.len());
            for figure in same.drain(..) {
                if places.hides(&claims[figure.claim], figure.row).await {
                    is_hidden = true;
                } else {
                    open.push(figure);
                }
            }
            for (at, one) in open.iter().enumerate() {
                for other in &open[at + 1..] {
                    let both = [&claims[one.claim], &claims[other.claim]];
                    if agree(both, [&one.value, &other.value]) {
                        continue;
                    }
                    let Some(first) = places.of(both[0], one.row).await else { break };
                    let Some(second) = places.of(both[1], other.row).await else { continue };
                    // Which of two stands first follows from their names, in whatever order datasets come.
                    let is_turned = definition(both[0]) > definition(both[1]);
                    let mut pair = Pair {
                        subject: subject.clone(),
                        values: [one.value.clone(), other.value.clone()],
                        places: [first, second],
                        is_hidden,
                    };
                    let (mut one, mut other) = (one.claim, other.claim);
                    if is_turned {
                        std::mem::swap(&mut one, &mut other);
                        pair.values.reverse();
                        pair.places.reverse();
                    }
                    let key = (definition(&claims[one]), definition(&claims[other]));
                    pairs.entry(key).or_insert((one, other, Vec::new())).2.push(pair);
                }
            }
        }
        found.extend(pairs.into_values().map(|(one, other, pairs)| told([&claims[one], &claims[other]], &pairs)));
    }
    found
}

/// The view and column behind each cell of a report's tables, by file and cell: `部门!F8`.
pub async fn sources(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
) -> Result<BTreeMap<(PathBuf, String), (String, String)>, Problem> {
    let cells = places::cells(report, figures, context).await?.into_iter();
    Ok(cells
        .filter_map(|(place, (dataset, _, column))| {
            let view = report.datasets.get(&dataset)?.view.value.clone();
            Some(((place.file, place.spot), (view, column)))
        })
        .collect())
}

/// Every column that the reports show of their views.
fn claims<'a>(reports: &[&'a Report], figures: &dyn Figures, sensitive: &BTreeSet<String>) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    for report in reports {
        let metas = render::metas(report, figures);
        for ((dataset, column), shown) in shown(report, &metas) {
            let (Some(meta), Some(spec)) = (metas.get(&dataset), report.datasets.get(&dataset)) else { continue };
            let Some(described) = meta.columns.iter().find(|known| known.name == column) else { continue };
            if !spec.columns.is_empty() && !spec.columns.iter().any(|read| read.value == column) {
                continue;
            }
            let is_about_one = |known: &ColumnMeta| known.name.ends_with("_id") || sensitive.contains(&known.name);
            claims.push(Claim {
                report,
                view: spec.view.value.clone(),
                is_confidential: meta.columns.iter().any(is_about_one),
                column: described.clone(),
                dataset,
                shown,
            });
        }
    }
    claims
}

/// The claims of each indicator that more than one column of a view defines. What only one defines is the same everywhere.
fn indicators<'a>(claims: Vec<Claim<'a>>, figures: &dyn Figures) -> Vec<Vec<Claim<'a>>> {
    let mut by_indicator: BTreeMap<Vec<String>, Vec<Claim<'a>>> = BTreeMap::new();
    for claim in claims {
        by_indicator.entry(indicator(&claim.view, &claim.column, figures)).or_default().push(claim);
    }
    let is_shared = |claims: &Vec<Claim<'_>>| {
        let defined: BTreeSet<(&str, &str)> =
            claims.iter().map(|claim| (claim.view.as_str(), claim.column.name.as_str())).collect();
        defined.len() > 1
    };
    by_indicator.into_values().filter(is_shared).collect()
}

/// What a column is compared as: its name, label and unit, those of the column it is the same as, or itself alone.
fn indicator(view: &str, column: &ColumnMeta, figures: &dyn Figures) -> Vec<String> {
    /// Names that lead to one another end somewhere.
    const STEPS_MAX: usize = 8;
    let (mut view, mut column) = (view.to_owned(), column.clone());
    for _ in 0..STEPS_MAX {
        let Some((other, name)) = column.indicator.same_as.as_deref().and_then(|named| named.split_once('.')) else {
            break;
        };
        let Some(found) = figures.labels(other).and_then(|meta| meta.columns.into_iter().find(|c| c.name == name))
        else {
            break;
        };
        (view, column) = (other.to_owned(), found);
    }
    if column.indicator.apart.is_some() || column.label.is_empty() {
        return vec![view, column.name];
    }
    vec![column.name, column.label, column.unit]
}

/// The figures of an indicator by what they speak of, where not all are the same.
async fn differing(
    claims: &[Claim<'_>],
    figures: &dyn Figures,
    places: &mut Places<'_>,
) -> Vec<(Subject, Vec<Figure>)> {
    let mut same: BTreeMap<Subject, Vec<Figure>> = BTreeMap::new();
    for (at, claim) in claims.iter().enumerate() {
        let Some(meta) = figures.labels(&claim.view) else { continue };
        let as_of = places.as_of();
        let Some(rows) = places.rows(claim).await else { continue };
        let Some(column) = rows.column(&claim.column.name) else { continue };
        let subjects = subjects(rows, &meta, &claim.column.indicator.by, as_of);
        let mut own: BTreeMap<Subject, Option<Figure>> = BTreeMap::new();
        for (row, subject) in subjects.into_iter().enumerate() {
            let value = rows.value(row, column);
            if !matches!(value, Value::Integer(_) | Value::Number(_) | Value::Null) {
                continue;
            }
            let figure = Figure { claim: at, row, value };
            own.entry(subject)
                .and_modify(|known| {
                    // Rows that nothing tells apart: which of them another view speaks of, nobody knows.
                    if known.as_ref().is_some_and(|known| !agree([claim, claim], [&known.value, &figure.value])) {
                        *known = None;
                    }
                })
                .or_insert(Some(figure));
        }
        for (subject, figure) in own {
            same.entry(subject).or_default().extend(figure);
        }
    }
    let differs = |found: &Vec<Figure>| {
        found.iter().enumerate().any(|(at, one)| {
            found[at + 1..]
                .iter()
                .any(|other| !agree([&claims[one.claim], &claims[other.claim]], [&one.value, &other.value]))
        })
    };
    same.into_iter().filter(|(_, found)| differs(found)).collect()
}

/// Whether two values are the same as their readers see them: in the digits that both show.
fn agree(claims: [&Claim<'_>; 2], values: [&Value; 2]) -> bool {
    /// What arithmetic in another order may leave behind, where a text shows every digit.
    const NOISE: f64 = 1e-9;
    let (one, other) = match (values[0], values[1]) {
        (Value::Null, Value::Null) => return true,
        (one, other) => match (one.number(), other.number()) {
            (Some(one), Some(other)) => (one, other),
            _ => return false,
        },
    };
    let formats = claims.map(|claim| claim.shown.format);
    let coarser = if quantum(formats[0]) >= quantum(formats[1]) { formats[0] } else { formats[1] };
    match coarser.filter(|format| format.is_quantity()) {
        Some(format) => rounded(one, format) == rounded(other, format),
        None => (one - other).abs() <= NOISE * one.abs().max(other.abs()),
    }
}

/// The first of the pairs in full, some more by their places.
fn told(claims: [&Claim<'_>; 2], pairs: &[Pair]) -> Disagreement {
    const MORE_MAX: usize = 4;
    let column = &claims[0].column;
    let label = if column.label.is_empty() { &column.name } else { &column.label };
    let is_confidential = claims.iter().any(|claim| claim.is_confidential);
    let standing = |pair: &Pair, at: usize| {
        let value = if pair.is_hidden || is_confidential {
            "a value that is not for messages".to_owned()
        } else {
            printed(&pair.values[at], claims[at].shown.format)
        };
        format!("{}: {value}", pair.places[at])
    };
    let mut problem = Diagnostic::error(format!("`{label}` has two values in the reports of one run"));
    if let Some(first) = pairs.first() {
        problem = problem.note("of", first.subject.to_string());
        for (at, which) in ["one", "other"].into_iter().enumerate() {
            let claim = claims[at];
            let (view, column, report) = (&claim.view, &claim.column.name, &claim.report.name);
            let text = format!("{}, from `{view}.{column}` in report `{report}`", standing(first, at));
            problem = problem.note(which, text);
        }
    }
    for pair in pairs.iter().skip(1).take(MORE_MAX) {
        problem = problem.note("also", format!("{} and {}", standing(pair, 0), standing(pair, 1)));
    }
    if pairs.len() > MORE_MAX + 1 {
        problem = problem.note("and", format!("{} more pairs of cells", pairs.len() - MORE_MAX - 1));
    }
    let reports = claims.iter().map(|claim| claim.report.name.clone()).collect();
    let hint = "let one view define the figure and the other read it; where they are two figures, `indicator: {apart: why}` \
                beside the column in a view's `.yml` says so";
    Disagreement { reports, problem: problem.hint(hint) }
}

/// A value as its cell shows it.
fn printed(value: &Value, format: Option<Format>) -> String {
    match (value.number(), format) {
        (Some(number), Some(Format::Percent(digits))) => percent(number, usize::from(digits)) + "%",
        (Some(number), Some(Format::Decimal(digits))) => fixed(number, usize::from(digits)),
        (Some(number), Some(format @ Format::Wan(_))) => rounded(number, format).to_string(),
        _ => value.plain().unwrap_or_else(|| "nothing".to_owned()),
    }
}
