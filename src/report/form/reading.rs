//! The file as written, and from it the sheets with everything they inherit.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::checks::check_sheet;
use super::header::{self, NodeFile};
use super::identity::{self, RegistrationFile, Signers};
use super::marks::{self, HighlightFile, OneOrMany};
use super::rows::{self, PartRowsFile, SubtotalFile, TotalsFile, UnrankedFile};
use super::{Chart, Form, Identity, Kind, Orientation, SheetForm, Time};
use crate::report::Problem;
use crate::report::dataset::Condition;
use crate::report::yaml::{self, Spanned};

pub(super) type ConditionsFile = BTreeMap<String, Spanned<serde_json::Value>>;

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
    registration: Option<RegistrationFile>,
    filled_by: Option<Spanned<String>>,
    issued_by: Option<Spanned<String>>,
    sealed: Option<bool>,
    time: Option<Time>,
    unit: Option<Spanned<String>>,
    columns: Option<Vec<NodeFile>>,
    column_numbers: Option<bool>,
    rows: Option<ConditionsFile>,
    one_row_per: Option<Vec<Spanned<String>>>,
    subtotals: Option<Vec<SubtotalFile>>,
    totals: Option<TotalsFile>,
    parts: Option<PartRowsFile>,
    unranked: Option<UnrankedFile>,
    blocks: Option<u16>,
    notes: Option<Vec<Spanned<String>>>,
    signers: Option<Signers>,
    orientation: Option<Orientation>,
    freeze_columns: Option<u16>,
    autofilter: Option<bool>,
    highlight_rows: Option<OneOrMany<HighlightFile>>,
    protect: Option<bool>,
    break_by: Option<Spanned<String>>,
    formulas: Option<bool>,
    charts: Option<Vec<Chart>>,
    chart_tab: Option<Spanned<String>>,
    contents: Option<ContentsFile>,
    sheets: Vec<SheetFile>,
    /// A place for YAML anchors that several sheets refer to.
    definitions: Option<IgnoredAny>,
}

/// A list of the sheets, put before them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContentsFile {
    tab: Spanned<String>,
    title: Spanned<String>,
}

pub(super) fn form_of(path: &Path, mut file: SheetFile, problems: &mut Vec<Problem>) -> Result<Form, Problem> {
    let entries = std::mem::take(&mut file.sheets);
    let contents = file.contents.take();
    let sheets = if entries.is_empty() {
        vec![sheet_of(path, SheetFile::default(), &file, problems)?]
    } else {
        entries.into_iter().map(|entry| sheet_of(path, entry, &file, problems)).collect::<Result<Vec<_>, _>>()?
    };
    if sheets.iter().any(|sheet| sheet.kind == Kind::Ledger) {
        if sheets.len() > 1 {
            problems.push(
                Problem::new(path, "a ledger is alone in its workbook")
                    .hint("make it an output of its own in report.yml"),
            );
        }
        if let Some(contents) = &contents {
            problems.push(yaml::problem(path, &contents.tab, "a ledger has no contents: its one sheet holds all rows"));
        }
    }
    let contents = contents.map(|contents| contents_of(path, contents, problems)).transpose()?;
    Ok(Form { path: path.to_owned(), sheets, contents })
}

/// The sheet that lists the others, as if somebody had declared it.
fn contents_of(path: &Path, file: ContentsFile, problems: &mut Vec<Problem>) -> Result<SheetForm, Problem> {
    const SHEET: &str = "
dataset: contents
orientation: portrait
columns:
  - {label: 序号, row_number: true, width: 8}
  - {label: 工作表, column: tab, width: 26, wrap: true}
  - {label: 标　　题, column: title, width: 50, wrap: true}
  - {label: 行数, column: rows, format: integer, width: 10, empty: —}
";
    let base: SheetFile = yaml::parse(path, SHEET)?;
    let own = SheetFile { tab: Some(file.tab), title: Some(file.title), ..SheetFile::default() };
    sheet_of(path, own, &base, problems)
}

fn sheet_of(path: &Path, own: SheetFile, base: &SheetFile, problems: &mut Vec<Problem>) -> Result<SheetForm, Problem> {
    let missing = |what: &str| Problem::new(path, format!("`{what}` is missing"));
    if !own.sheets.is_empty() {
        return Err(Problem::new(path, "`sheets` do not nest"));
    }
    if own.contents.is_some() {
        return Err(Problem::new(path, "`contents` lists all sheets and belongs to none"));
    }
    let title = own.title.or_else(|| base.title.clone()).ok_or_else(|| missing("title"))?;
    let dataset = own.dataset.or_else(|| base.dataset.clone()).ok_or_else(|| missing("dataset"))?;
    let nodes = own.columns.or_else(|| base.columns.clone()).ok_or_else(|| missing("columns"))?;
    let kind = own.kind.or(base.kind).unwrap_or_default();
    let registration = own.registration.or_else(|| base.registration.clone());
    let identity = Identity {
        registration: registration.map(|file| identity::registration_of(path, file, problems)),
        filled_by: own.filled_by.or_else(|| base.filled_by.clone()),
        issued_by: own.issued_by.or_else(|| base.issued_by.clone()),
        is_sealed: own.sealed.or(base.sealed).unwrap_or(false),
        time: own.time.or(base.time),
        unit: own.unit.or_else(|| base.unit.clone()),
        signers: own.signers.or_else(|| base.signers.clone()).unwrap_or_default(),
    };
    let header = header::tree(path, nodes, problems);
    let rows =
        own.rows.or_else(|| base.rows.clone()).map(|rows| conditions_of(path, rows, problems)).unwrap_or_default();
    let mut reading = rows::Reading { path, problems };
    let subtotals = own.subtotals.or_else(|| base.subtotals.clone()).unwrap_or_default();
    let subtotals = subtotals.into_iter().map(|file| reading.subtotal(file)).collect();
    let totals = own.totals.or_else(|| base.totals.clone()).map(|file| reading.totals(file));
    let parts = own.parts.or_else(|| base.parts.clone()).map(|file| reading.part_rows(file));
    let unranked = own.unranked.or_else(|| base.unranked.clone()).map(|file| reading.unranked(file));
    let highlight_rows = own.highlight_rows.or_else(|| base.highlight_rows.clone());
    let sheet = SheetForm {
        path: path.to_owned(),
        tab: own.tab.or_else(|| base.tab.clone()).unwrap_or_else(|| title.clone()),
        by: own.by.or_else(|| base.by.clone()),
        named: own.named.or_else(|| base.named.clone()),
        kind,
        dataset,
        title,
        identity,
        header,
        column_numbers: own.column_numbers.or(base.column_numbers).unwrap_or(false),
        rows,
        one_row_per: own.one_row_per.or_else(|| base.one_row_per.clone()).unwrap_or_default(),
        subtotals,
        totals,
        parts,
        unranked,
        blocks: own.blocks.or(base.blocks).unwrap_or(1),
        notes: own.notes.or_else(|| base.notes.clone()).unwrap_or_default(),
        orientation: own.orientation.or(base.orientation).unwrap_or_default(),
        freeze_columns: own.freeze_columns.or(base.freeze_columns).unwrap_or(0),
        autofilter: own.autofilter.or(base.autofilter).unwrap_or(kind == Kind::Ledger),
        highlight_rows: marks::highlights(path, highlight_rows, problems),
        is_protected: own.protect.or(base.protect).unwrap_or(false),
        break_by: own.break_by.or_else(|| base.break_by.clone()),
        is_live: own.formulas.or(base.formulas).unwrap_or(false),
        charts: own.charts.or_else(|| base.charts.clone()).unwrap_or_default(),
        chart_tab: own.chart_tab.or_else(|| base.chart_tab.clone()),
        means: Arc::default(),
    };
    check_sheet(&sheet, problems);
    Ok(sheet)
}

pub(super) fn conditions_of(
    path: &Path,
    file: ConditionsFile,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Condition> {
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
