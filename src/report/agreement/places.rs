//! Where a figure stands in the files of its report, found by laying the report out as it will be made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use chrono::NaiveDate;

use super::Claim;
use super::shown::{format_in, quantum};
use crate::report::dataset::{Dataset, Value};
use crate::report::document;
use crate::report::export::{self, Document};
use crate::report::layout::name_of;
use crate::report::number::Format;
use crate::report::origin::{Origin, anchor};
use crate::report::{Figures, Problem, Report, RunContext, render};

/// A cell of a workbook, or a figure in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Place {
    pub file: PathBuf,
    /// `部门!F8`; in a text `f12`, or `headline.person_count` where it does not say where its figures are from.
    pub spot: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.file.display(), self.spot)
    }
}

/// A place and the digits it shows; `None` for all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    pub place: Place,
    pub format: Option<Format>,
}

/// Dataset, row and column.
pub(in crate::report) type Source = (String, usize, String);

/// A figure that a form computed over rows of a dataset.
#[derive(Debug, Clone)]
pub(super) struct Total {
    pub rows: Vec<usize>,
    pub value: Value,
    pub standing: Standing,
}

/// The figures of a report where they stand.
#[derive(Default)]
struct LaidOut {
    cells: BTreeMap<Source, Vec<Standing>>,
    /// By dataset and column.
    totals: BTreeMap<(String, String), Vec<Total>>,
    /// Figures in texts that say where they are from, each with its words.
    mentions: BTreeMap<Source, Vec<(Place, String)>>,
    /// Datasets and columns of these.
    mentioned: BTreeSet<(String, String)>,
    /// All words of each text.
    texts: Vec<(PathBuf, String)>,
}

/// Reports read and laid out so far, by name.
pub(super) struct Places<'a> {
    figures: &'a dyn Figures,
    context: &'a RunContext,
    /// By report and dataset; `None` where it cannot be read.
    rows: BTreeMap<(String, String), Option<Dataset>>,
    /// `None` for a report that cannot be laid out.
    laid_out: BTreeMap<String, Option<LaidOut>>,
    /// The datasets of published reports without what they hide; `None` where they cannot be published.
    published: BTreeMap<String, Option<BTreeMap<String, Dataset>>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(figures: &'a dyn Figures, context: &'a RunContext) -> Self {
        Self { figures, context, rows: BTreeMap::new(), laid_out: BTreeMap::new(), published: BTreeMap::new() }
    }

    pub(super) fn as_of(&self) -> NaiveDate {
        self.context.as_of
    }

    /// What the district is called.
    pub(super) fn district(&self) -> &'a str {
        &self.context.district_name
    }

    /// The run as one report sees it: parameters are for those that have them.
    fn context_of(&self, report: &Report) -> RunContext {
        let mut context = self.context.clone();
        context.params.retain(|name, _| report.parameters.iter().any(|known| known.name == *name));
        context
    }

    /// The rows of a claim's dataset with every column of its view.
    pub(super) async fn rows(&mut self, claim: &Claim<'_>) -> Option<&Dataset> {
        let key = (claim.report.name.clone(), claim.dataset.clone());
        if !self.rows.contains_key(&key) {
            let context = self.context_of(claim.report);
            let rows = render::whole_rows(claim.report, self.figures, &context, &claim.dataset).await.ok();
            self.rows.insert(key.clone(), rows);
        }
        self.rows.get(&key)?.as_ref()
    }

    async fn laid_out(&mut self, report: &Report) -> Option<&LaidOut> {
        if !self.laid_out.contains_key(&report.name) {
            let made = laid_out(report, self.figures, &self.context_of(report)).await.ok();
            self.laid_out.insert(report.name.clone(), made);
        }
        self.laid_out.get(&report.name)?.as_ref()
    }

    /// What the forms of a claim's report computed over rows of its column.
    pub(super) async fn totals(&mut self, claim: &Claim<'_>) -> Vec<Total> {
        let key = (claim.dataset.clone(), claim.column.name.clone());
        self.laid_out(claim.report).await.and_then(|made| made.totals.get(&key)).cloned().unwrap_or_default()
    }

    /// Where a row of a claim stands, in the most digits where that is in several places; `None` where the report does not
    /// show it.
    pub(super) async fn of(&mut self, claim: &Claim<'_>, row: usize, value: &Value) -> Option<Standing> {
        let spot = format!("{}.{}", claim.dataset, claim.column.name);
        let Some(made) = self.laid_out(claim.report).await else {
            let file = claim.report.file_patterns().into_iter().next()?.into();
            return Some(Standing { place: Place { file, spot }, format: claim.shown.format });
        };
        let wanted: Source = (claim.dataset.clone(), row, claim.column.name.clone());
        let number = value.number();
        let format = |words: &str| number.and_then(|number| format_in(words, number));
        let cells = made.cells.get(&wanted).into_iter().flatten().cloned();
        let mentions = made.mentions.get(&wanted).into_iter().flatten();
        let mentions = mentions.map(|(place, words)| Standing { place: place.clone(), format: format(words) });
        let by_digits = |one: &Standing, other: &Standing| quantum(one.format).total_cmp(&quantum(other.format));
        let finest = cells.chain(mentions).min_by(by_digits);
        let is_told = made.mentioned.contains(&(wanted.0, wanted.2));
        if finest.is_some() || is_told || claim.shown.text.is_none() {
            return finest;
        }
        // A text that computes with the figure, or is for the public, does not say where it is from.
        made.texts.iter().find_map(|(file, words)| {
            let place = Place { file: file.clone(), spot: spot.clone() };
            Some(Standing { place, format: Some(format(words)?) })
        })
    }

    /// Whether a published report keeps one of these rows from being shown. What cannot be published shows nothing.
    pub(super) async fn hides(&mut self, claim: &Claim<'_>, rows: &[usize]) -> bool {
        if !claim.report.is_published() {
            return false;
        }
        let report = &claim.report.name;
        if !self.published.contains_key(report) {
            let shown = render::shown(claim.report, self.figures, &self.context_of(claim.report)).await.ok();
            self.published.insert(report.clone(), shown);
        }
        let Some(Some(data)) = self.published.get(report) else { return true };
        let Some(data) = data.get(&claim.dataset) else { return true };
        rows.iter().any(|row| data.value_of(*row, &claim.column.name) == Value::Suppressed)
    }
}

/// Every cell of a report's tables that shows a value of a dataset, laid out anew.
pub(in crate::report) async fn cells(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
) -> Result<Vec<(Place, Source)>, Problem> {
    let made = laid_out(report, figures, context).await?;
    let cells = made.cells.into_iter();
    Ok(cells
        .flat_map(|(source, standings)| standings.into_iter().map(move |standing| (standing.place, source.clone())))
        .collect())
}

async fn laid_out(report: &Report, figures: &dyn Figures, context: &RunContext) -> Result<LaidOut, Problem> {
    let (documents, data) = render::keep(report, figures, context, None).await?;
    let names: Vec<(&String, Vec<String>)> =
        data.iter().map(|(name, dataset)| (name, dataset.column_names())).collect();
    let mut made = LaidOut::default();
    for (file, document) in &documents {
        let workbook = match document {
            Document::Workbook(workbook) => workbook,
            Document::Summary(summary) => {
                made.texts.push((file.clone(), document::text(&summary.blocks)));
                for mention in document::mentions(&summary.blocks) {
                    let Origin::Cell { dataset, row, column } = mention.origin else { continue };
                    let Some((name, columns)) = names.get(dataset) else { continue };
                    let Some(column) = columns.get(column) else { continue };
                    let place = Place { file: file.clone(), spot: anchor(mention.number) };
                    made.mentioned.insert(((*name).clone(), column.clone()));
                    let source = ((*name).clone(), row, column.clone());
                    made.mentions.entry(source).or_default().push((place, mention.shown));
                }
                continue;
            }
        };
        for (sheet, tab) in workbook.sheets.iter().zip(export::tab_names(workbook)) {
            let Some((_, columns)) = names.iter().find(|(name, _)| **name == sheet.dataset) else { continue };
            let source =
                |(row, column): (u32, u16)| Some((usize::try_from(row).ok()?, columns.get(usize::from(column))?));
            for (line, cell) in sheet.rows.iter().flat_map(|line| line.cells.iter().map(move |cell| (line, cell))) {
                let spot = format!("{tab}!{}", name_of(line.index, cell.column));
                let place = Place { file: file.clone(), spot };
                let standing = Standing { place, format: Some(cell.style.format) };
                if let Some((row, column)) = cell.source.and_then(source) {
                    let source = (sheet.dataset.clone(), row, column.clone());
                    made.cells.entry(source).or_default().push(standing);
                } else if let Some(computed) = &cell.computed {
                    let parts: Vec<_> = computed.parts.iter().filter_map(|part| source(*part)).collect();
                    let Some((_, column)) = parts.first().filter(|first| parts.iter().all(|part| part.1 == first.1))
                    else {
                        continue;
                    };
                    let rows = parts.iter().map(|(row, _)| *row).collect();
                    let total = Total { rows, value: computed.value.clone(), standing };
                    made.totals.entry((sheet.dataset.clone(), (*column).clone())).or_default().push(total);
                }
            }
        }
    }
    Ok(made)
}
