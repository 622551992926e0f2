//! One figure, one value: the same indicator for the same place and time is the same in all reports of a run.
//!
//! ```text
//! reports -> columns shown -> indicators that several views define -> values by subject -> those that differ -> cells
//! ```
//!
//! Reports are compared before they are made, by the rows they will be made of. What is laid out to name cells is only
//! what disagrees, and what adds up figures that others show.

mod places;
mod shown;
mod subject;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use self::places::{Places, Standing};
use self::shown::{Shown, printed, quantum, shown};
use self::subject::{PlaceNames, Setting, Subject, Whole, is_whole, subjects};
use super::dataset::Value;
use super::manifest::Report;
use super::number::{Format, rounded};
use super::{ColumnMeta, Figures, Problem, RunContext, render};
use crate::diagnostic::{Diagnostic, Severity};

/// A figure that is shown with two values.
#[derive(Debug)]
pub struct Disagreement {
    /// By name; a single one, where a report contradicts itself.
    pub reports: BTreeSet<String>,
    pub problem: Diagnostic,
}

impl Disagreement {
    /// Whether the two are one figure for sure; where they are called the same and no more, it is a warning.
    pub fn is_certain(&self) -> bool {
        self.problem.severity == Severity::Error
    }
}

/// What becomes of reports that contradict each other.
pub const WITHHELD: &str = "no report that shows one of them is made; the last good editions are untouched";

/// The same where that is no reason to keep them back.
pub const MADE_ALL_THE_SAME: &str = "made all the same";

/// A column that a report shows.
struct Claim<'a> {
    report: &'a Report,
    dataset: String,
    view: String,
    column: ColumnMeta,
    shown: Shown,
    /// Its view has columns about persons or single records: its values are in no message.
    is_confidential: bool,
    /// Claims with the same number are of one indicator; others are only called the same.
    indicator: usize,
}

/// The value of one row of a claim, or of what a form computed over several.
#[derive(Debug, Clone)]
struct Figure {
    claim: usize,
    rows: Vec<usize>,
    value: Value,
    /// Known of what a form computed; a row's is looked up.
    standing: Option<Standing>,
}

/// What a claim says, row by row.
struct Read {
    claim: usize,
    subjects: Vec<Subject>,
    values: Vec<Value>,
    /// Nothing of what its view has is left out.
    is_whole: bool,
}

/// Two figures that should be one, and where they stand.
struct Pair {
    subject: Subject,
    values: [Value; 2],
    standings: [Standing; 2],
    /// A published report keeps the figure from being shown: no message says it either.
    is_hidden: bool,
}

/// What the reports of a run contradict each other in, as far as it concerns some of them: what only others show is not read.
/// Columns called like one of `sensitive` are about persons. Datasets
/// that cannot be read are left out: the reports that need them fail.
pub async fn disagreements(
    reports: &[&Report],
    concerns: &(dyn Fn(&Report) -> bool + Sync),
    figures: &dyn Figures,
    context: &RunContext,
    sensitive: &BTreeSet<String>,
) -> Vec<Disagreement> {
    let mut indicators = indicators(claims(reports, figures, sensitive), figures);
    indicators.retain(|claims| claims.iter().any(|claim| concerns(claim.report)));
    let mut places = Places::new(figures, context);
    let mut found = Vec::new();
    for claims in indicators {
        let mut pairs: BTreeMap<_, (usize, usize, Vec<Pair>)> = BTreeMap::new();
        for (subject, mut same) in differing(&claims, figures, &mut places).await {
            let mut is_hidden = false;
            let mut open = Vec::with_capacity(same.len());
            for figure in same.drain(..) {
                if places.hides(&claims[figure.claim], &figure.rows).await {
                    is_hidden = true;
                } else if let Some(standing) = standing(&figure, &claims, &mut places).await {
                    open.push((figure, standing));
                }
            }
            for (at, (one, first)) in open.iter().enumerate() {
                for (other, second) in &open[at + 1..] {
                    if agree([first.format, second.format], [&one.value, &other.value]) {
                        continue;
                    }
                    let mut pair = Pair {
                        subject: subject.clone(),
                        values: [one.value.clone(), other.value.clone()],
                        standings: [first.clone(), second.clone()],
                        is_hidden,
                    };
                    let (mut one, mut other) = (one.claim, other.claim);
                    // Which of two stands first follows from their names, in whatever order datasets come.
                    if definition(&claims[one]) > definition(&claims[other]) {
                        std::mem::swap(&mut one, &mut other);
                        pair.values.reverse();
                        pair.standings.reverse();
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

/// Report and column, however many datasets of the report read the column.
fn definition(claim: &Claim<'_>) -> [String; 3] {
    [claim.report.name.clone(), claim.view.clone(), claim.column.name.clone()]
}

async fn standing(figure: &Figure, claims: &[Claim<'_>], places: &mut Places<'_>) -> Option<Standing> {
    match (&figure.standing, figure.rows.as_slice()) {
        (Some(standing), _) => Some(standing.clone()),
        (None, [row]) => places.of(&claims[figure.claim], *row, &figure.value).await,
        (None, _) => None,
    }
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
                indicator: 0,
            });
        }
    }
    claims
}

/// The claims that may contradict each other: of one indicator, or called the same.
fn indicators<'a>(claims: Vec<Claim<'a>>, figures: &dyn Figures) -> Vec<Vec<Claim<'a>>> {
    let named = claims.into_iter().map(|claim| {
        let (names, labels) = names(&claim.view, &claim.column, figures);
        (names, (labels, claim))
    });
    let mut indicators = Vec::new();
    for (number, claims) in joined(named).into_iter().enumerate() {
        let (labels, mut claims): (Vec<BTreeSet<Name>>, Vec<Claim<'a>>) = claims.into_iter().unzip();
        claims.iter_mut().for_each(|claim| claim.indicator = number);
        indicators.push((labels.into_iter().flatten().collect(), claims));
    }
    let called = joined(indicators.into_iter()).into_iter().map(|claims| claims.into_iter().flatten().collect());
    called.filter(|claims: &Vec<Claim<'_>>| claims.iter().any(|claim| is_shared(claim, claims))).collect()
}

/// Whether others may show a claim otherwise: those that read another column, or add it up.
fn is_shared(claim: &Claim<'_>, claims: &[Claim<'_>]) -> bool {
    claims.iter().any(|other| {
        let is_other = (&other.view, &other.column.name) != (&claim.view, &claim.column.name);
        let is_elsewhere = (&other.report.name, &other.dataset) != (&claim.report.name, &claim.dataset);
        is_other || is_elsewhere && (claim.shown.is_added || other.shown.is_added)
    })
}

/// What an indicator is known by.
type Name = Vec<String>;

/// What shares a name is put together, in the order in which it comes.
fn joined<T>(named: impl Iterator<Item = (BTreeSet<Name>, T)>) -> Vec<Vec<T>> {
    let mut groups: Vec<(BTreeSet<Name>, Vec<T>)> = Vec::new();
    for (mut names, member) in named {
        let mut members = Vec::new();
        let (same, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(known, _)| !known.is_disjoint(&names));
        groups = others;
        for (known, earlier) in same {
            names.extend(known);
            members.extend(earlier);
        }
        members.push(member);
        groups.push((names, members));
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

/// What a column is compared as: its name, label and unit, and those of the column it is the same as; or itself alone. Then
/// label and unit without the name.
fn names(view: &str, column: &ColumnMeta, figures: &dyn Figures) -> (BTreeSet<Name>, BTreeSet<Name>) {
    /// Names that lead to one another end somewhere.
    const STEPS_MAX: usize = 8;
    let (mut names, mut labels) = (BTreeSet::new(), BTreeSet::new());
    let (mut view, mut column) = (view.to_owned(), column.clone());
    for _ in 0..STEPS_MAX {
        if column.indicator.apart.is_some() || column.label.is_empty() {
            return (BTreeSet::from([vec![view, column.name]]), BTreeSet::new());
        }
        names.insert(vec![column.name.clone(), column.label.clone(), column.unit.clone()]);
        labels.insert(vec![column.label.clone(), column.unit.clone()]);
        let named = column.indicator.same_as.as_deref().and_then(|named| named.split_once('.'));
        let Some((other, name)) = named else { break };
        let Some(found) = figures.labels(other).and_then(|meta| meta.columns.into_iter().find(|c| c.name == name))
        else {
            break;
        };
        (view, column) = (other.to_owned(), found);
    }
    (names, labels)
}

/// The figures of an indicator by what they speak of, where not all are the same.
async fn differing(
    claims: &[Claim<'_>],
    figures: &dyn Figures,
    places: &mut Places<'_>,
) -> Vec<(Subject, Vec<Figure>)> {
    let setting = Setting { as_of: places.as_of(), district: places.district() };
    let mut names = PlaceNames::default();
    let mut all_read = Vec::with_capacity(claims.len());
    for (at, claim) in claims.iter().enumerate() {
        let Some(meta) = figures.labels(&claim.view) else { continue };
        let Some(rows) = places.rows(claim).await else { continue };
        let Some(column) = rows.column(&claim.column.name) else { continue };
        names.learn(rows);
        let values: Vec<Value> = rows.all_rows().into_iter().map(|row| rows.value(row, column)).collect();
        let spec = claim.report.datasets.get(&claim.dataset);
        let is_whole = spec.is_some_and(|spec| is_whole(spec, values.len(), &meta, setting));
        let subjects = subjects(rows, &meta, &claim.column.indicator.by, setting);
        all_read.push(Read { claim: at, subjects, values, is_whole });
    }
    let mut same: BTreeMap<Subject, Vec<Figure>> = BTreeMap::new();
    for read in &mut all_read {
        read.subjects.iter_mut().for_each(|subject| names.coded(subject));
        let format = claims[read.claim].shown.format;
        let mut own: BTreeMap<&Subject, Option<Figure>> = BTreeMap::new();
        for (row, (subject, value)) in read.subjects.iter().zip(&read.values).enumerate() {
            if !matches!(value, Value::Integer(_) | Value::Number(_) | Value::Null) {
                continue;
            }
            let figure = Figure { claim: read.claim, rows: vec![row], value: value.clone(), standing: None };
            own.entry(subject)
                .and_modify(|known| {
                    // Rows that nothing tells apart: which of them another view speaks of, nobody knows.
                    if known.as_ref().is_some_and(|known| !agree([format, format], [&known.value, &figure.value])) {
                        *known = None;
                    }
                })
                .or_insert(Some(figure));
        }
        for (subject, figure) in own {
            same.entry(subject.clone()).or_default().extend(figure);
        }
    }
    let mut added = Vec::new();
    for read in &all_read {
        let claim = &claims[read.claim];
        if !claim.shown.is_added || !read.is_whole || !is_shared(claim, claims) {
            continue;
        }
        for total in places.totals(claim).await {
            let parts = total.rows.iter().map(|row| read.subjects.get(*row)).collect::<Option<Vec<_>>>();
            let whole = parts.and_then(|parts| Whole::of(&parts));
            let Some(whole) = whole.filter(|whole| !same.keys().any(|subject| whole.lacks(subject))) else { continue };
            let standing = Some(total.standing);
            added.push((whole.subject, Figure { claim: read.claim, rows: total.rows, value: total.value, standing }));
        }
    }
    for (subject, figure) in added {
        same.entry(subject).or_default().push(figure);
    }
    let format = |figure: &Figure| match &figure.standing {
        Some(standing) => standing.format,
        None => claims[figure.claim].shown.format,
    };
    let differs = |found: &Vec<Figure>| {
        found.iter().enumerate().any(|(at, one)| {
            found[at + 1..].iter().any(|other| !agree([format(one), format(other)], [&one.value, &other.value]))
        })
    };
    same.into_iter().filter(|(_, found)| differs(found)).collect()
}

/// Whether two values are the same as their readers see them: in the digits that both show.
fn agree(formats: [Option<Format>; 2], values: [&Value; 2]) -> bool {
    /// What arithmetic in another order may leave behind, where every digit is shown.
    const NOISE: f64 = 1e-9;
    let (one, other) = match (values[0], values[1]) {
        (Value::Null, Value::Null) => return true,
        (one, other) => match (one.number(), other.number()) {
            (Some(one), Some(other)) => (one, other),
            _ => return false,
        },
    };
    let coarser = if quantum(formats[0]) >= quantum(formats[1]) { formats[0] } else { formats[1] };
    let is_noise = (one - other).abs() <= NOISE * one.abs().max(other.abs());
    is_noise || coarser.is_some_and(|format| format.is_quantity() && rounded(one, format) == rounded(other, format))
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
            let (value, format) = (&pair.values[at], pair.standings[at].format);
            let digits = value.number().zip(format).and_then(|(number, format)| printed(number, format));
            digits.or_else(|| value.plain()).unwrap_or_else(|| "nothing".to_owned())
        };
        format!("{}: {value}", pair.standings[at].place)
    };
    let message = format!("`{label}` has two values in the reports of one run");
    let is_one = claims[0].indicator == claims[1].indicator;
    let mut problem = if is_one { Diagnostic::error(message) } else { Diagnostic::warning(message) };
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
    let hint = if is_one {
        "let one view define the figure and the other read it; where they are two figures, `indicator: {apart: why}` beside \
         the column in a view's `.yml` says so"
    } else {
        "the columns have one label and unit; `indicator: {same_as: view.column}` beside one in its view's `.yml` says that \
         they are one figure, `indicator: {apart: why}` that they are two"
    };
    Disagreement { reports, problem: problem.hint(hint) }
}
