//! `form.yml`: the fixed layout of a table or ledger, as declared. The language is described in
//! `report-templates/README.md`.
//!
//! Reading turns the nested header into leaf columns and header cells, merges what `sheets` override, and
//! reports every mistake with its place. It knows no data.

mod chart;
mod checks;
mod formula;
mod header;
mod identity;
mod lookup;
mod marks;
mod reading;
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::Problem;
use super::dataset::Condition;
use super::means::Means;
use super::number::Format;
use super::yaml::{self, Spanned};
pub(super) use chart::{Chart, ChartKind};
pub(super) use formula::{Operator, Term};
pub(super) use header::{Below, Column, Content, Each, Node, PartOf};
pub(super) use identity::{Identity, Registration, Time};
pub(super) use lookup::{Found, nearest, shared};
pub(super) use marks::{Highlight, InputForm, fits};
pub(super) use rows::{PartRows, Position, Subtotal, Totals, Unranked};

/// What stands for a quantity that cannot be given, such as a rate with denominator 0.
pub(super) const NOT_APPLICABLE: &str = "—";

#[derive(Debug, Clone)]
pub(super) struct Form {
    pub path: PathBuf,
    pub sheets: Vec<SheetForm>,
    /// A list of the sheets, before them.
    pub contents: Option<SheetForm>,
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
    /// The file it is declared in.
    pub path: PathBuf,
    pub tab: Spanned<String>,
    pub by: Option<Spanned<String>>,
    pub named: Option<Spanned<String>>,
    pub kind: Kind,
    pub dataset: Spanned<String>,
    pub title: Spanned<String>,
    pub identity: Identity,
    pub header: Vec<Node>,
    pub column_numbers: bool,
    /// Which rows of the dataset are the body.
    pub rows: BTreeMap<String, Condition>,
    /// Rows of the dataset that agree in these columns are one row of the table.
    pub one_row_per: Vec<Spanned<String>>,
    /// Groups of rows, the outermost first.
    pub subtotals: Vec<Subtotal>,
    pub totals: Option<Totals>,
    pub parts: Option<PartRows>,
    pub unranked: Option<Unranked>,
    /// How many times the columns stand side by side, the rows going on from one to the next.
    pub blocks: u16,
    pub notes: Vec<Spanned<String>>,
    pub orientation: Orientation,
    pub freeze_columns: u16,
    pub autofilter: bool,
    /// How whole rows stand out; what a column says of itself goes before it.
    pub highlight_rows: Vec<Highlight>,
    /// Whether only blank columns can be written into.
    pub is_protected: bool,
    /// A page begins where this column has another value.
    pub break_by: Option<Spanned<String>>,
    /// Whether the spreadsheet calculates sums and formulas itself, beside our values.
    pub is_live: bool,
    pub charts: Vec<Chart>,
    /// The sheet the charts stand on; below the table when there is none.
    pub chart_tab: Option<Spanned<String>>,
    /// Lent by the project while the report is made.
    pub means: Arc<Means>,
}

/// How the values of a column turn into cells.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub format: Format,
    /// What stands for null; blank when empty.
    pub empty: String,
    /// What stands where a cross-tab has no such row; blank when empty.
    pub missing: String,
    /// For yes and no.
    pub words: [String; 2],
}

impl SheetForm {
    /// The columns as declared, before any is repeated.
    pub(super) fn columns(&self) -> Vec<&Column> {
        Node::columns(&self.header)
    }

    /// Every text that may mention names in braces, with the columns it may name besides.
    pub(super) fn texts(&self) -> Vec<(&Spanned<String>, Vec<&str>)> {
        let plain = [&self.tab, &self.title]
            .into_iter()
            .chain(self.identity.texts())
            .chain(self.totals.iter().map(|totals| &totals.label))
            .chain(self.parts.iter().flat_map(|parts| &parts.label))
            .chain(self.unranked.iter().flat_map(|unranked| &unranked.heading))
            .chain(&self.notes)
            .chain(self.charts.iter().map(|chart| &chart.title))
            .chain(self.charts.iter().flat_map(|chart| &chart.unit))
            .chain(&self.chart_tab)
            .chain(self.columns().into_iter().flat_map(|column| &column.input).flat_map(InputForm::texts))
            .chain(self.highlights().into_iter().flat_map(|highlight| &highlight.mentions));
        let mut texts: Vec<_> = plain.map(|text| (text, Vec::new())).collect();
        for (level, subtotal) in self.subtotals.iter().enumerate() {
            let outer = &self.subtotals[..=level];
            let names = outer.iter().flat_map(|outer| std::iter::once(&outer.by).chain(&outer.named));
            texts.push((&subtotal.totals.label, names.map(|name| name.value.as_str()).collect()));
        }
        labels(&self.header, &[], &mut texts);
        texts
    }

    /// Conditions under which cells stand out.
    pub(super) fn highlights(&self) -> Vec<&Highlight> {
        let own = self.columns().into_iter().flat_map(|column| &column.highlights);
        own.chain(&self.highlight_rows).collect()
    }

    /// The columns that name a sheet's member.
    pub(super) fn member_columns(&self) -> Vec<&str> {
        self.by.iter().chain(&self.named).map(|column| column.value.as_str()).collect()
    }

    /// Every dataset column the sheet reads, with the place that asks for it.
    pub(super) fn bound_columns(&self) -> Vec<&Spanned<String>> {
        let mut bound: Vec<&Spanned<String>> = self.columns().into_iter().filter_map(Column::bound).collect();
        Node::walk(&self.header, &mut |node| {
            bound.extend(
                node.each.iter().flat_map(|each| std::iter::once(&each.by).chain(&each.named).chain(&each.order)),
            );
        });
        let grouped = self.subtotals.iter().flat_map(|subtotal| std::iter::once(&subtotal.by).chain(&subtotal.named));
        let charted = self.charts.iter().flat_map(|chart| std::iter::once(&chart.categories).chain(&chart.series));
        bound
            .into_iter()
            .chain(&self.by)
            .chain(&self.named)
            .chain(&self.one_row_per)
            .chain(&self.break_by)
            .chain(grouped)
            .chain(charted)
            .chain(self.highlights().into_iter().flat_map(|highlight| highlight.when.iter().map(|(column, _)| column)))
            .collect()
    }

    /// Columns that only conditions mention.
    pub(super) fn condition_columns(&self) -> Vec<&str> {
        let totals = self.totals.iter().chain(self.subtotals.iter().map(|subtotal| &subtotal.totals));
        let mut conditions: Vec<&BTreeMap<String, Condition>> =
            totals.filter_map(|totals| totals.rows.as_ref()).collect();
        conditions.push(&self.rows);
        conditions.extend(self.parts.iter().map(|parts| &parts.rows));
        conditions.extend(self.unranked.iter().map(|unranked| &unranked.rows));
        Node::walk(&self.header, &mut |node| conditions.push(&node.rows));
        conditions.into_iter().flat_map(|conditions| conditions.keys().map(String::as_str)).collect()
    }
}

/// The labels of the header; below a repeated node they may name its value.
fn labels<'a>(nodes: &'a [Node], known: &[&'a str], texts: &mut Vec<(&'a Spanned<String>, Vec<&'a str>)>) {
    for node in nodes {
        let own = node.each.iter().flat_map(|each| std::iter::once(&each.by).chain(&each.named));
        let known: Vec<&str> = known.iter().copied().chain(own.map(|name| name.value.as_str())).collect();
        texts.push((&node.label, known.clone()));
        if let Below::Group(below) = &node.below {
            labels(below, &known, texts);
        }
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
