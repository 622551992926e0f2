//! Which rows a form shows besides those of its body, and in what order.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::reading::{ConditionsFile, conditions_of};
use crate::report::Problem;
use crate::report::dataset::Condition;
use crate::report::yaml::Spanned;

/// 合计 of the whole table.
#[derive(Debug, Clone)]
pub(in crate::report) struct Totals {
    pub label: Spanned<String>,
    pub at: Position,
    /// The dataset's own total rows; without it, additive columns are summed.
    pub rows: Option<BTreeMap<String, Condition>>,
}

/// 小计 of the rows that have one value in a column; those of the list before it hold these.
#[derive(Debug, Clone)]
pub(in crate::report) struct Subtotal {
    pub by: Spanned<String>,
    /// Names the group in the label.
    pub named: Option<Spanned<String>>,
    pub totals: Totals,
}

/// 其中 in rows: each is a part of the nearest row above that is none, and is in no sum.
#[derive(Debug, Clone)]
pub(in crate::report) struct PartRows {
    /// What the first of them begins with; 其中： when not given.
    pub label: Option<Spanned<String>>,
    pub rows: BTreeMap<String, Condition>,
    /// Together the parts of a row are the row.
    pub is_complete: bool,
}

/// Rows that come after the others and are not ranked with them.
#[derive(Debug, Clone)]
pub(in crate::report) struct Unranked {
    pub rows: BTreeMap<String, Condition>,
    /// A line above them, over the whole width.
    pub heading: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::report) enum Position {
    Top,
    #[default]
    Bottom,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct TotalsFile {
    label: Spanned<String>,
    #[serde(default)]
    at: Position,
    rows: Option<ConditionsFile>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct SubtotalFile {
    by: Spanned<String>,
    named: Option<Spanned<String>>,
    label: Spanned<String>,
    #[serde(default)]
    at: Position,
    rows: Option<ConditionsFile>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct PartRowsFile {
    label: Option<Spanned<String>>,
    rows: ConditionsFile,
    #[serde(default)]
    complete: bool,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct UnrankedFile {
    rows: ConditionsFile,
    heading: Option<Spanned<String>>,
}

/// Turns what was written into what it means, and collects what is wrong with it.
pub(super) struct Reading<'a> {
    pub path: &'a Path,
    pub problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    pub(super) fn totals(&mut self, file: TotalsFile) -> Totals {
        let rows = file.rows.map(|rows| self.conditions(rows));
        Totals { label: file.label, at: file.at, rows }
    }

    pub(super) fn subtotal(&mut self, file: SubtotalFile) -> Subtotal {
        let totals = self.totals(TotalsFile { label: file.label, at: file.at, rows: file.rows });
        Subtotal { by: file.by, named: file.named, totals }
    }

    pub(super) fn part_rows(&mut self, file: PartRowsFile) -> PartRows {
        PartRows { label: file.label, rows: self.conditions(file.rows), is_complete: file.complete }
    }

    pub(super) fn unranked(&mut self, file: UnrankedFile) -> Unranked {
        Unranked { rows: self.conditions(file.rows), heading: file.heading }
    }

    fn conditions(&mut self, file: ConditionsFile) -> BTreeMap<String, Condition> {
        conditions_of(self.path, file, self.problems)
    }
}
