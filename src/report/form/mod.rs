//! `form.yml`: the fixed layout of a table or ledger, as declared. The language is described in
//! `report-templates/README.md`.
//!
//! Reading turns the nested header into leaf columns and header cells, merges what `sheets` override, and
//! reports every mistake with its place. It knows no data.

mod chart;
mod checks;
mod header;
mod reading;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Problem;
use super::dataset::Condition;
use super::number::Format;
use super::yaml::{self, Spanned};
pub(super) use chart::{Chart, ChartKind};

/// What stands for a quantity that cannot be given, such as a rate with denominator 0.
pub(super) const NOT_APPLICABLE: &str = "—";

#[derive(Debug, Clone)]
pub(super) struct Form {
    pub path: PathBuf,
    pub sheets: Vec<SheetForm>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A statistical table: small, with totals, merged stubs and charts.
    #[default]
    Table,
    /// A row list of any length: filtered, never merged, streamed.
    Ledger,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Orientation {
    #[default]
    Landscape,
    Portrait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// One sheet, or one per value of `by`.
#[derive(Debug, Clone)]
pub(super) struct SheetForm {
    pub tab: Spanned<String>,
    pub by: Option<Spanned<String>>,
    pub named: Option<Spanned<String>>,
    pub kind: Kind,
    pub dataset: Spanned<String>,
    pub title: Spanned<String>,
    pub registration: Vec<Spanned<String>>,
    pub unit_line: UnitLine,
    pub header: Vec<HeaderCell>,
    pub header_depth: usize,
    pub columns: Vec<Column>,
    pub column_numbers: bool,
    /// Which rows of the dataset are the body.
    pub rows: BTreeMap<String, Condition>,
    pub totals: Option<Totals>,
    pub notes: Vec<Spanned<String>>,
    pub signers: Vec<Spanned<String>>,
    pub orientation: Orientation,
    pub freeze_columns: u16,
    pub autofilter: bool,
    pub charts: Vec<Chart>,
    /// The sheet the charts stand on; below the table when there is none.
    pub chart_tab: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitLine {
    pub left: Option<Spanned<String>>,
    pub middle: Option<Spanned<String>>,
    pub right: Option<Spanned<String>>,
}

/// A label over the columns `first..=last`, on header level `level`, `depth` levels high.
#[derive(Debug, Clone)]
pub(super) struct HeaderCell {
    pub label: Spanned<String>,
    pub level: usize,
    pub depth: usize,
    pub first: usize,
    pub last: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Bound(Spanned<String>),
    RowNumber,
    /// Left for a hand to fill.
    Blank,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub content: Content,
    pub shape: Shape,
    pub width: f64,
    pub align: Align,
    pub wrap: bool,
    pub merge: bool,
    pub additive: bool,
}

/// How the values of a column turn into cells.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub format: Format,
    /// What stands for null; blank when empty.
    pub empty: String,
    /// For yes and no.
    pub words: [String; 2],
}

#[derive(Debug, Clone)]
pub(super) struct Totals {
    pub label: Spanned<String>,
    pub at: Position,
    /// The dataset's own total rows; without it, additive columns are summed.
    pub rows: Option<BTreeMap<String, Condition>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Position {
    Top,
    #[default]
    Bottom,
}

impl SheetForm {
    /// Every text that may mention names in braces.
    pub(super) fn texts(&self) -> Vec<&Spanned<String>> {
        let unit_line = [&self.unit_line.left, &self.unit_line.middle, &self.unit_line.right];
        [&self.tab, &self.title]
            .into_iter()
            .chain(&self.registration)
            .chain(unit_line.into_iter().flatten())
            .chain(self.header.iter().map(|cell| &cell.label))
            .chain(self.totals.iter().map(|totals| &totals.label))
            .chain(&self.notes)
            .chain(&self.signers)
            .chain(self.charts.iter().map(|chart| &chart.title))
            .chain(&self.chart_tab)
            .collect()
    }

    /// The columns that name a sheet's member.
    pub(super) fn member_columns(&self) -> Vec<&str> {
        self.by.iter().chain(&self.named).map(|column| column.value.as_str()).collect()
    }

    /// Every dataset column the sheet reads, with the place that asks for it.
    pub(super) fn bound_columns(&self) -> Vec<&Spanned<String>> {
        let bound = self
            .columns
            .iter()
            .filter_map(|column| if let Content::Bound(name) = &column.content { Some(name) } else { None });
        let charted = self.charts.iter().flat_map(|chart| std::iter::once(&chart.categories).chain(&chart.series));
        bound.chain(&self.by).chain(&self.named).chain(charted).collect()
    }

    /// Columns that only conditions mention.
    pub(super) fn condition_columns(&self) -> Vec<&str> {
        let totals = self.totals.iter().filter_map(|totals| totals.rows.as_ref());
        std::iter::once(&self.rows).chain(totals).flat_map(|conditions| conditions.keys().map(String::as_str)).collect()
    }

    pub(super) fn column_bound_to(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| matches!(&column.content, Content::Bound(bound) if bound.value == name))
    }
}

pub(super) fn read(path: &Path, problems: &mut Vec<Problem>) -> Result<Form, Problem> {
    reading::form_of(path, yaml::read(path)?, problems)
}

#[cfg(test)]
pub(super) fn parse_for_test(text: &str) -> (Option<Form>, Vec<Problem>) {
    let path = Path::new("form.yml");
    let mut problems = Vec::new();
    match yaml::parse(path, text).and_then(|file| reading::form_of(path, file, &mut problems)) {
        Ok(form) => (Some(form), problems),
        Err(problem) => {
            problems.push(problem);
            (None, problems)
        }
    }
}
