//! Where a figure stands in the files of its report, found by laying the report out as it will be made.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use chrono::NaiveDate;

use super::Claim;
use crate::report::dataset::{Dataset, Value};
use crate::report::export::{self, Document};
use crate::report::layout::name_of;
use crate::report::{Figures, Problem, Report, RunContext, render};

/// A cell of a workbook, or a column of a dataset in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Place {
    pub file: PathBuf,
    /// `部门!F8`, or `headline.person_count` in a text.
    pub spot: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.file.display(), self.spot)
    }
}

/// Dataset, row and column.
pub(in crate::report) type Source = (String, usize, String);

/// Reports read and laid out so far, by name.
pub(super) struct Places<'a> {
    figures: &'a dyn Figures,
    context: &'a RunContext,
    /// By report and dataset; `None` where it cannot be read.
    rows: BTreeMap<(String, String), Option<Dataset>>,
    /// `None` for a report that cannot be laid out.
    cells: BTreeMap<String, Option<BTreeMap<Source, Place>>>,
    /// The datasets of published reports without what they hide; `None` where they cannot be published.
    published: BTreeMap<String, Option<BTreeMap<String, Dataset>>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(figures: &'a dyn Figures, context: &'a RunContext) -> Self {
        Self { figures, context, rows: BTreeMap::new(), cells: BTreeMap::new(), published: BTreeMap::new() }
    }

    pub(super) fn as_of(&self) -> NaiveDate {
        self.context.as_of
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

    /// Where a row of a claim stands; `None` where the report does not show it.
    pub(super) async fn of(&mut self, claim: &Claim<'_>, row: usize) -> Option<Place> {
        let report = &claim.report.name;
        if !self.cells.contains_key(report) {
            let cells = cells(claim.report, self.figures, &self.context_of(claim.report)).await.ok();
            // The first of several, where a figure is repeated.
            let by_source =
                |cells: Vec<(Place, Source)>| cells.into_iter().rev().map(|(place, source)| (source, place));
            self.cells.insert(report.clone(), cells.map(|cells| by_source(cells).collect()));
        }
        let spot = || format!("{}.{}", claim.dataset, claim.column.name);
        let Some(cells) = self.cells.get(report)?.as_ref() else {
            let file = claim.report.file_patterns().into_iter().next()?.into();
            return Some(Place { file, spot: spot() });
        };
        match cells.get(&(claim.dataset.clone(), row, claim.column.name.clone())) {
            Some(place) => Some(place.clone()),
            None => Some(Place { file: claim.shown.text.clone()?.into(), spot: spot() }),
        }
    }

    /// Whether a published report keeps the figure from being shown. What cannot be published shows nothing.
    pub(super) async fn hides(&mut self, claim: &Claim<'_>, row: usize) -> bool {
        if !claim.report.is_published() {
            return false;
        }
        let report = &claim.report.name;
        if !self.published.contains_key(report) {
            let shown = render::shown(claim.report, self.figures, &self.context_of(claim.report)).await.ok();
            self.published.insert(report.clone(), shown);
        }
        match self.published.get(report) {
            Some(Some(data)) => {
                data.get(&claim.dataset).is_none_or(|rows| rows.value_of(row, &claim.column.name) == Value::Suppressed)
            }
            _ => true,
        }
    }
}

/// Every cell of a report's tables that shows a value of a dataset, laid out anew.
pub(in crate::report) async fn cells(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
) -> Result<Vec<(Place, Source)>, Problem> {
    let (documents, data) = render::keep(report, figures, context, None).await?;
    let names: BTreeMap<&String, Vec<String>> =
        data.iter().map(|(name, dataset)| (name, dataset.column_names())).collect();
    let mut cells = Vec::new();
    for (file, document) in &documents {
        let Document::Workbook(workbook) = document else { continue };
        for (sheet, tab) in workbook.sheets.iter().zip(export::tab_names(workbook)) {
            let Some(columns) = names.get(&sheet.dataset) else { continue };
            for line in &sheet.rows {
                for cell in &line.cells {
                    let Some((row, column)) = cell.source else { continue };
                    let (Ok(row), Some(column)) = (usize::try_from(row), columns.get(usize::from(column))) else {
                        continue;
                    };
                    let spot = format!("{tab}!{}", name_of(line.index, cell.column));
                    let place = Place { file: file.clone(), spot };
                    cells.push((place, (sheet.dataset.clone(), row, column.clone())));
                }
            }
        }
    }
    Ok(cells)
}
