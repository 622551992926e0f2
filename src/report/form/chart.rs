//! Charts as a form declares them.

use serde::Deserialize;

use crate::report::yaml::Spanned;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::report) enum ChartKind {
    Bar,
    Column,
    Line,
    StackedBar,
    StackedColumn,
    Pie,
    /// Columns in falling order, and a line of what they add up to.
    Pareto,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::report) struct Chart {
    pub kind: ChartKind,
    pub title: Spanned<String>,
    /// The column that names the points.
    pub categories: Spanned<String>,
    /// The columns drawn.
    pub series: Vec<Spanned<String>>,
    /// What the figures count, along their axis.
    pub unit: Option<Spanned<String>>,
    #[serde(default = "default_chart_height")]
    pub height: u32,
}

fn default_chart_height() -> u32 {
    320
}
