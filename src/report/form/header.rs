//! The header tree: groups of columns of any depth, some of them repeated for each value of a column of the data.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::Deserialize;

use super::formula::Formula;
use super::marks::{self, Highlight, HighlightFile, InputFile, InputForm, OneOrMany};
use super::reading::{ConditionsFile, conditions_of};
use super::{Align, NOT_APPLICABLE, Shape};
use crate::report::Problem;
use crate::report::dataset::{Condition, is_identifier};
use crate::report::number::Format;
use crate::report::yaml::{self, Spanned};

const DEFAULT_WIDTH: f64 = 10.0;
/// What a spreadsheet takes for a row, in points.
const PICTURE_HEIGHTS: RangeInclusive<f64> = 15.0..=400.0;
/// Levels of a header; each is a row of the sheet that every page repeats.
const DEPTH_MAX: usize = 16;

/// A label with columns below it, or one column with its label.
#[derive(Debug, Clone)]
pub(in crate::report) struct Node {
    pub label: Spanned<String>,
    /// Stands once for each value of a column.
    pub each: Option<Each>,
    /// Which rows of the dataset the columns below read.
    pub rows: BTreeMap<String, Condition>,
    pub part_of: Option<PartOf>,
    pub below: Below,
}

#[derive(Debug, Clone)]
pub(in crate::report) enum Below {
    Group(Vec<Node>),
    Column(Box<Column>),
}

/// The column whose values a node is repeated for, further ones that name the value, and one to sort by.
#[derive(Debug, Clone)]
pub(in crate::report) struct Each {
    pub by: Spanned<String>,
    pub named: Option<Spanned<String>>,
    pub order: Option<Spanned<String>>,
}

/// 其中: the columns are parts of another one, which none of them may exceed.
#[derive(Debug, Clone)]
pub(in crate::report) struct PartOf {
    pub whole: Spanned<String>,
    /// Together they are the whole.
    pub is_complete: bool,
}

#[derive(Debug, Clone)]
pub(in crate::report) struct Column {
    pub content: Content,
    pub shape: Shape,
    pub width: f64,
    pub align: Align,
    pub wrap: bool,
    pub merge: bool,
    pub additive: bool,
    pub formula: Option<Formula>,
    /// How its cells stand out; the first that applies counts.
    pub highlights: Vec<Highlight>,
    /// Whether a bar behind each figure shows its size.
    pub data_bar: bool,
    /// What hands may write into a blank column.
    pub input: Option<InputForm>,
    /// The column names files; its cells show them as pictures, in rows so many points high.
    pub picture_height: Option<f64>,
}

#[derive(Debug, Clone)]
pub(in crate::report) enum Content {
    Bound(Spanned<String>),
    /// The sum of the repeated columns that show this one.
    Sum(Spanned<String>),
    RowNumber,
    /// Left for a hand to fill.
    Blank,
}

impl Column {
    /// The dataset's column whose figures it shows.
    pub(in crate::report) fn bound(&self) -> Option<&Spanned<String>> {
        if let Content::Bound(name) = &self.content { Some(name) } else { None }
    }
}

impl Node {
    /// Every node of the tree, each before those below it.
    pub(in crate::report) fn walk<'a>(nodes: &'a [Node], visit: &mut impl FnMut(&'a Node)) {
        for node in nodes {
            visit(node);
            if let Below::Group(below) = &node.below {
                Self::walk(below, visit);
            }
        }
    }

    pub(in crate::report) fn columns(nodes: &[Node]) -> Vec<&Column> {
        let mut columns = Vec::new();
        Self::walk(nodes, &mut |node| {
            if let Below::Column(column) = &node.below {
                columns.push(&**column);
            }
        });
        columns
    }

    /// Levels from here down.
    pub(in crate::report) fn depth(&self) -> usize {
        match &self.below {
            Below::Column(_) => 1,
            Below::Group(nodes) => 1 + nodes.iter().map(Self::depth).max().unwrap_or(0),
        }
    }
}

/// A node as written.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeFile {
    label: Spanned<String>,
    #[serde(default)]
    columns: Vec<NodeFile>,
    by: Option<Spanned<String>>,
    named: Option<Spanned<String>>,
    order: Option<Spanned<String>>,
    rows: Option<ConditionsFile>,
    part_of: Option<Spanned<String>>,
    #[serde(default)]
    complete: bool,
    column: Option<Spanned<String>>,
    sum: Option<Spanned<String>>,
    #[serde(default)]
    row_number: bool,
    #[serde(default)]
    blank: bool,
    format: Option<Spanned<String>>,
    width: Option<f64>,
    align: Option<Align>,
    empty: Option<Spanned<String>>,
    missing: Option<Spanned<String>>,
    words: Option<[String; 2]>,
    #[serde(default)]
    wrap: bool,
    #[serde(default)]
    merge: bool,
    #[serde(default)]
    additive: bool,
    formula: Option<Spanned<String>>,
    highlight: Option<OneOrMany<HighlightFile>>,
    #[serde(default)]
    data_bar: bool,
    input: Option<InputFile>,
    picture: Option<PictureFile>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct PictureFile {
    /// Of the row, in points.
    height: Spanned<f64>,
}

pub(super) fn tree(path: &Path, nodes: Vec<NodeFile>, problems: &mut Vec<Problem>) -> Vec<Node> {
    let mut reading = Reading { path, problems };
    nodes.into_iter().map(|node| reading.node(node, 1)).collect()
}

struct Reading<'a> {
    path: &'a Path,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    fn node(&mut self, mut file: NodeFile, level: usize) -> Node {
        let children = std::mem::take(&mut file.columns);
        if level == DEPTH_MAX && !children.is_empty() {
            self.complain(&file.label, format!("a header has at most {DEPTH_MAX} levels"));
        }
        let each = match file.by.take() {
            Some(by) => Some(Each { by, named: file.named.take(), order: file.order.take() }),
            None => {
                if let Some(stray) = file.named.as_ref().or(file.order.as_ref()) {
                    self.complain(stray, "`named` and `order` belong to `by`");
                }
                None
            }
        };
        let rows = file.rows.take().map(|rows| conditions_of(self.path, rows, self.problems)).unwrap_or_default();
        let part_of = file.part_of.take().map(|whole| PartOf { whole, is_complete: file.complete });
        if file.complete && part_of.is_none() {
            self.complain(&file.label, "`complete` belongs to `part_of`");
        }
        let label = file.label.clone();
        let below = if children.is_empty() {
            Below::Column(Box::new(self.column(file)))
        } else {
            self.refuse_content(&file);
            // What lies deeper is said once, and not walked into.
            let children = if level < DEPTH_MAX { children } else { Vec::new() };
            Below::Group(children.into_iter().map(|child| self.node(child, level + 1)).collect())
        };
        Node { label, each, rows, part_of, below }
    }

    fn refuse_content(&mut self, file: &NodeFile) {
        let named = [&file.column, &file.sum, &file.format, &file.empty, &file.missing, &file.formula];
        let is_set = [file.row_number, file.blank, file.wrap, file.merge, file.additive, file.data_bar];
        if named.into_iter().any(Option::is_some)
            || is_set.contains(&true)
            || file.words.is_some()
            || file.width.is_some()
            || file.align.is_some()
            || file.highlight.is_some()
            || file.input.is_some()
            || file.picture.is_some()
        {
            self.complain(&file.label, "a group of columns holds no data itself");
        }
    }

    fn column(&mut self, file: NodeFile) -> Column {
        let input = file.input.map(|input| InputForm::read(self.path, input, self.problems));
        let format = match &file.format {
            None if file.row_number => Format::Integer,
            None => input.as_ref().map_or(Format::Text, InputForm::format),
            Some(text) => Format::parse(&text.value).unwrap_or_else(|| {
                self.problems.push(
                    yaml::problem(self.path, text, format!("unknown format `{}`", text.value))
                        .hint(format!("formats: {}", Format::NAMES)),
                );
                Format::Text
            }),
        };
        let content = match (file.column, file.sum, file.row_number, file.blank) {
            (Some(name), None, false, false) => {
                if !is_identifier(&name.value) {
                    self.complain(&name, format!("`{}` is not a column name", name.value));
                }
                Content::Bound(name)
            }
            (None, Some(name), false, false) => Content::Sum(name),
            (None, None, true, false) => Content::RowNumber,
            (None, None, false, true) => Content::Blank,
            _ => {
                self.complain(
                    &file.label,
                    "a column has exactly one of `column`, `sum`, `row_number: true` and `blank: true`",
                );
                Content::Blank
            }
        };
        if file.additive && !matches!(format, Format::Integer | Format::Decimal(_) | Format::Wan(_)) {
            self.complain(&file.label, format!("`{format}` is not additive: rates and texts have no sum"));
        }
        for stand_in in file.empty.iter().chain(&file.missing) {
            if stand_in.value.trim().parse::<f64>().is_ok() {
                self.problems.push(
                    yaml::problem(self.path, stand_in, "what stands for no figure cannot look like one")
                        .hint("leave it blank, write `—`, or let the view give the figure"),
                );
            }
        }
        let formula = file.formula.and_then(|text| match Formula::parse(text.clone()) {
            Ok(formula) => Some(formula),
            Err(message) => {
                self.complain(&text, message);
                None
            }
        });
        if let Some(formula) = formula.as_ref().filter(|_| !format.is_quantity()) {
            self.complain(&formula.text, format!("`{format}` has no formula: only figures have"));
        }
        if input.is_some() && !file.blank {
            self.complain(&file.label, "only a column with `blank: true` takes `input`: the others come from the data");
        }
        if let (Some(input), Some(text)) = (&input, &file.format)
            && (format == Format::Text) != (input.format() == Format::Text)
        {
            self.complain(text, format!("a `{}` cell does not take this `input`", text.value));
        }
        if file.data_bar && !format.is_quantity() {
            self.complain(&file.label, format!("`{format}` is no quantity and has no bar"));
        }
        let picture_height = file.picture.map(|picture| picture.height);
        if let Some(height) = &picture_height {
            if !PICTURE_HEIGHTS.contains(&height.value) {
                let [least, most] = [PICTURE_HEIGHTS.start(), PICTURE_HEIGHTS.end()];
                self.complain(&file.label, format!("a row with pictures is {least} to {most} points high"));
            }
            if format != Format::Text || !matches!(content, Content::Bound(_)) {
                self.complain(&file.label, "pictures are named by a `column` of texts");
            }
        }
        // What hands are to fill in is blank.
        let is_rate = !file.blank && matches!(format, Format::Percent(_) | Format::Decimal(_));
        let default_empty = if is_rate { NOT_APPLICABLE } else { "" };
        let default_align = match format {
            Format::Text => Align::Left,
            Format::Integer if matches!(content, Content::RowNumber) => Align::Center,
            Format::Integer | Format::Decimal(_) | Format::Percent(_) | Format::Wan(_) => Align::Right,
            Format::Date | Format::DateTime | Format::Flag => Align::Center,
        };
        Column {
            shape: Shape {
                format,
                empty: file.empty.map_or_else(|| default_empty.to_owned(), |empty| empty.value),
                missing: file.missing.map(|missing| missing.value).unwrap_or_default(),
                words: file.words.unwrap_or_else(|| ["是".to_owned(), "否".to_owned()]),
            },
            width: file.width.unwrap_or(DEFAULT_WIDTH),
            align: file.align.unwrap_or(if file.merge { Align::Center } else { default_align }),
            wrap: file.wrap,
            merge: file.merge,
            additive: file.additive,
            formula,
            highlights: marks::highlights(self.path, file.highlight, self.problems),
            data_bar: file.data_bar,
            input,
            picture_height: picture_height.map(|height| height.value),
            content,
        }
    }

    fn complain(&mut self, place: &Spanned<String>, message: impl Into<String>) {
        self.problems.push(yaml::problem(self.path, place, message));
    }
}
