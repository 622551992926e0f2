//! `form.yml`: the fixed layout of a table or ledger, as declared. The language is described in
//! `report-templates/README.md`.
//!
//! Reading turns the nested header into leaf columns and header cells, merges what `sheets` override, and
//! reports every mistake with its place. It knows no data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Problem;
use super::dataset::{Condition, is_identifier};
use super::layout::SHEET_COLUMNS_MAX;
use super::number::Format;
use super::yaml::{self, Spanned};

const DEFAULT_WIDTH: f64 = 10.0;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChartKind {
    Bar,
    Column,
    Line,
    StackedBar,
    StackedColumn,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chart {
    pub kind: ChartKind,
    pub title: Spanned<String>,
    /// The column that names the points.
    pub categories: Spanned<String>,
    /// The columns drawn.
    pub series: Vec<Spanned<String>>,
    #[serde(default = "default_chart_height")]
    pub height: u32,
}

fn default_chart_height() -> u32 {
    320
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

type ConditionsFile = BTreeMap<String, Spanned<serde_json::Value>>;

/// The file as written; the entries of `sheets` have the same keys and override those around them.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct SheetFile {
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

/// A node of the header tree: a group with `columns` below it, or a leaf bound to a column.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct NodeFile {
    label: Spanned<String>,
    #[serde(default)]
    columns: Vec<NodeFile>,
    column: Option<Spanned<String>>,
    #[serde(default)]
    row_number: bool,
    #[serde(default)]
    blank: bool,
    format: Option<Spanned<String>>,
    width: Option<f64>,
    align: Option<Align>,
    empty: Option<String>,
    words: Option<[String; 2]>,
    #[serde(default)]
    wrap: bool,
    #[serde(default)]
    merge: bool,
    #[serde(default)]
    additive: bool,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct TotalsFile {
    label: Spanned<String>,
    #[serde(default)]
    at: Position,
    rows: Option<ConditionsFile>,
}

pub(super) fn read(path: &Path, problems: &mut Vec<Problem>) -> Result<Form, Problem> {
    form_of(path, yaml::read(path)?, problems)
}

fn form_of(path: &Path, mut file: SheetFile, problems: &mut Vec<Problem>) -> Result<Form, Problem> {
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
    let mut tree = Tree {
        path,
        header: Vec::new(),
        columns: Vec::new(),
        depth: nodes.iter().map(depth).max().unwrap_or(1),
        problems,
    };
    for node in nodes {
        tree.add(node, 0);
    }
    let Tree { header, columns, depth: header_depth, .. } = tree;
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

fn check_sheet(path: &Path, sheet: &SheetForm, problems: &mut Vec<Problem>) {
    if sheet.kind == Kind::Ledger {
        let unfit = [
            (sheet.columns.iter().any(|column| column.merge), "merged cells"),
            (sheet.by.is_some(), "a sheet per member"),
            (!sheet.charts.is_empty(), "charts"),
            (!sheet.rows.is_empty(), "a choice of rows"),
        ];
        for (_, what) in unfit.into_iter().filter(|(present, _)| *present) {
            problems.push(
                Problem::new(path, format!("a ledger has no {what}"))
                    .hint("make it `kind: table`, or choose rows in the dataset's `where`"),
            );
        }
    }
    for name in sheet.charts.iter().flat_map(|chart| std::iter::once(&chart.categories).chain(&chart.series)) {
        if sheet.column_bound_to(&name.value).is_none() {
            problems.push(yaml::problem(
                path,
                name,
                format!("the chart shows `{}`, which is no column of the form", name.value),
            ));
        }
    }
    let widths: f64 = sheet.columns.iter().map(|column| column.width).sum();
    if sheet.columns.is_empty()
        || sheet.columns.len() > SHEET_COLUMNS_MAX
        || !widths.is_finite()
        || sheet.columns.iter().any(|column| !(1.0..=255.0).contains(&column.width))
    {
        problems.push(Problem::new(path, "a form needs columns, each 1 to 255 wide"));
    }
}

fn depth(node: &NodeFile) -> usize {
    1 + node.columns.iter().map(depth).max().unwrap_or(0)
}

/// The header tree while it is being flattened.
struct Tree<'a> {
    path: &'a Path,
    header: Vec<HeaderCell>,
    columns: Vec<Column>,
    depth: usize,
    problems: &'a mut Vec<Problem>,
}

impl Tree<'_> {
    fn add(&mut self, node: NodeFile, level: usize) {
        let first = self.columns.len();
        let is_group = !node.columns.is_empty();
        let place = self.header.len();
        self.header.push(HeaderCell {
            label: node.label.clone(),
            level,
            depth: if is_group { 1 } else { self.depth - level },
            first,
            last: first,
        });
        if is_group {
            if node.column.is_some() || node.row_number || node.blank {
                self.complain(&node.label, "a group of columns holds no data itself");
            }
            for child in node.columns {
                self.add(child, level + 1);
            }
            self.header[place].last = self.columns.len().saturating_sub(1).max(first);
        } else {
            let column = self.leaf(node);
            self.columns.push(column);
        }
    }

    fn leaf(&mut self, node: NodeFile) -> Column {
        let format = match &node.format {
            None if node.row_number => Format::Integer,
            None => Format::Text,
            Some(text) => Format::parse(&text.value).unwrap_or_else(|| {
                self.problems.push(
                    yaml::problem(self.path, text, format!("unknown format `{}`", text.value))
                        .hint(format!("formats: {}", Format::NAMES)),
                );
                Format::Text
            }),
        };
        let content = match (&node.column, node.row_number, node.blank) {
            (Some(name), false, false) => {
                if !is_identifier(&name.value) {
                    self.complain(name, format!("`{}` is not a column name", name.value));
                }
                Content::Bound(name.clone())
            }
            (None, true, false) => Content::RowNumber,
            (None, false, true) => Content::Blank,
            _ => {
                self.complain(
                    &node.label,
                    "a column has exactly one of `column`, `row_number: true` and `blank: true`",
                );
                Content::Blank
            }
        };
        if node.additive && !matches!(format, Format::Integer | Format::Decimal(_)) {
            self.complain(&node.label, format!("`{}` is not additive: rates and texts have no sum", format));
        }
        let default_empty = if matches!(format, Format::Percent(_) | Format::Decimal(_)) { NOT_APPLICABLE } else { "" };
        let default_align = match format {
            Format::Text => Align::Left,
            Format::Integer if matches!(content, Content::RowNumber) => Align::Center,
            Format::Integer | Format::Decimal(_) | Format::Percent(_) => Align::Right,
            Format::Date | Format::DateTime | Format::Flag => Align::Center,
        };
        Column {
            shape: Shape {
                format,
                empty: node.empty.unwrap_or_else(|| default_empty.to_owned()),
                words: node.words.unwrap_or_else(|| ["是".to_owned(), "否".to_owned()]),
            },
            width: node.width.unwrap_or(DEFAULT_WIDTH),
            align: node.align.unwrap_or(if node.merge { Align::Center } else { default_align }),
            wrap: node.wrap,
            merge: node.merge,
            additive: node.additive,
            content,
        }
    }

    fn complain(&mut self, place: &Spanned<String>, message: impl Into<String>) {
        self.problems.push(yaml::problem(self.path, place, message));
    }
}

#[cfg(test)]
pub(super) fn parse_for_test(text: &str) -> (Option<Form>, Vec<Problem>) {
    let path = Path::new("form.yml");
    let mut problems = Vec::new();
    match yaml::parse(path, text).and_then(|file| form_of(path, file, &mut problems)) {
        Ok(form) => (Some(form), problems),
        Err(problem) => {
            problems.push(problem);
            (None, problems)
        }
    }
}
