//! The file as written, and from it the sheets with everything they inherit.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::checks::check_sheet;
use super::header::{self, NodeFile};
use super::{Chart, Form, Kind, Orientation, Position, SheetForm, Totals, UnitLine};
use crate::report::Problem;
use crate::report::dataset::Condition;
use crate::report::yaml::{self, Spanned};

type ConditionsFile = BTreeMap<String, Spanned<serde_json::Value>>;

/// The file as written; the entries of `sheets` have the same keys and override those around them.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SheetFile {
    tab: Option<Spanned<String>>,
    by: Option<Spanned<String>>,
    named: Option<Spanned<String>>,
    kind: Option<Kind>,
    dataset: Option<Spanned<String>>,
    title: Option<Spanned<String>>,
    registration: Option<Vec<Spanned<String>>>,
    unit_line: Option<UnitLine>,
    columns: Option<Vec<NodeFile>>,
    column_numbers: Option<bool>,
    rows: Option<ConditionsFile>,
    totals: Option<TotalsFile>,
    notes: Option<Vec<Spanned<String>>>,
    signers: Option<Vec<Spanned<String>>>,
    orientation: Option<Orientation>,
    freeze_columns: Option<u16>,
    autofilter: Option<bool>,
    charts: Option<Vec<Chart>>,
    chart_tab: Option<Spanned<String>>,
    sheets: Vec<SheetFile>,
    /// A place for YAML anchors that several sheets refer to.
    definitions: Option<IgnoredAny>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct TotalsFile {
    label: Spanned<String>,
    #[serde(default)]
    at: Position,
    rows: Option<ConditionsFile>,
}

pub(super) fn form_of(path: &Path, mut file: SheetFile, problems: &mut Vec<Problem>) -> Result<Form, Problem> {
    let entries = std::mem::take(&mut file.sheets);
    let sheets = if entries.is_empty() {
        vec![sheet_of(path, SheetFile::default(), &file, problems)?]
    } else {
        entries.into_iter().map(|entry| sheet_of(path, entry, &file, problems)).collect::<Result<Vec<_>, _>>()?
    };
    if sheets.len() > 1 && sheets.iter().any(|sheet| sheet.kind == Kind::Ledger) {
        problems.push(
            Problem::new(path, "a ledger is alone in its workbook").hint("make it an output of its own in report.yml"),
        );
    }
    Ok(Form { path: path.to_owned(), sheets })
}

fn sheet_of(path: &Path, own: SheetFile, base: &SheetFile, problems: &mut Vec<Problem>) -> Result<SheetForm, Problem> {
    let missing = |what: &str| Problem::new(path, format!("`{what}` is missing"));
    if !own.sheets.is_empty() {
        return Err(Problem::new(path, "`sheets` do not nest"));
    }
    let title = own.title.or_else(|| base.title.clone()).ok_or_else(|| missing("title"))?;
    let dataset = own.dataset.or_else(|| base.dataset.clone()).ok_or_else(|| missing("dataset"))?;
    let nodes = own.columns.or_else(|| base.columns.clone()).ok_or_else(|| missing("columns"))?;
    let kind = own.kind.or(base.kind).unwrap_or_default();
    let (header, columns, header_depth) = header::flatten(path, nodes, problems);
    let totals = own.totals.or_else(|| base.totals.clone());
    let totals = totals
        .map(|totals| {
            let rows = totals.rows.map(|rows| conditions_of(path, rows, problems));
            Totals { label: totals.label, at: totals.at, rows }
        })
        .filter(|_| kind == Kind::Table);
    let rows =
        own.rows.or_else(|| base.rows.clone()).map(|rows| conditions_of(path, rows, problems)).unwrap_or_default();
    let sheet = SheetForm {
        tab: own.tab.or_else(|| base.tab.clone()).unwrap_or_else(|| title.clone()),
        by: own.by.or_else(|| base.by.clone()),
        named: own.named.or_else(|| base.named.clone()),
        kind,
        dataset,
        title,
        registration: own.registration.or_else(|| base.registration.clone()).unwrap_or_default(),
        unit_line: own.unit_line.or_else(|| base.unit_line.clone()).unwrap_or_default(),
        header,
        header_depth,
        columns,
        column_numbers: own.column_numbers.or(base.column_numbers).unwrap_or(false),
        rows,
        totals,
        notes: own.notes.or_else(|| base.notes.clone()).unwrap_or_default(),
        signers: own.signers.or_else(|| base.signers.clone()).unwrap_or_default(),
        orientation: own.orientation.or(base.orientation).unwrap_or_default(),
        freeze_columns: own.freeze_columns.or(base.freeze_columns).unwrap_or(0),
        autofilter: own.autofilter.or(base.autofilter).unwrap_or(kind == Kind::Ledger),
        charts: own.charts.or_else(|| base.charts.clone()).unwrap_or_default(),
        chart_tab: own.chart_tab.or_else(|| base.chart_tab.clone()),
    };
    check_sheet(path, &sheet, problems);
    Ok(sheet)
}

fn conditions_of(path: &Path, file: ConditionsFile, problems: &mut Vec<Problem>) -> BTreeMap<String, Condition> {
    let mut conditions = BTreeMap::new();
    for (column, value) in file {
        match Condition::parse(&value.value) {
            Ok(condition) if condition.is_comparison() => {
                problems.push(yaml::problem(
                    path,
                    &value,
                    "a form picks rows by value; put comparisons into the dataset's `where`",
                ));
            }
            Ok(condition) if !condition.names().is_empty() => {
                problems.push(yaml::problem(
                    path,
                    &value,
                    "a form picks rows by value; put names in braces into the dataset's `where`",
                ));
            }
            Ok(condition) => {
                conditions.insert(column, condition);
            }
            Err(message) => problems.push(yaml::problem(path, &value, message)),
        }
    }
    conditions
}
