//! The header tree: groups of columns of any depth, flattened into leaf columns and header cells.

use std::path::Path;

use serde::Deserialize;

use super::{Align, Column, Content, HeaderCell, NOT_APPLICABLE, Shape};
use crate::report::Problem;
use crate::report::dataset::is_identifier;
use crate::report::number::Format;
use crate::report::yaml::{self, Spanned};

const DEFAULT_WIDTH: f64 = 10.0;

/// A node of the header tree: a group with `columns` below it, or a leaf bound to a column.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeFile {
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

/// The header's cells, the columns below them, and how many levels there are.
pub(super) fn flatten(
    path: &Path,
    nodes: Vec<NodeFile>,
    problems: &mut Vec<Problem>,
) -> (Vec<HeaderCell>, Vec<Column>, usize) {
    let depth = nodes.iter().map(depth).max().unwrap_or(1);
    let mut tree = Tree { path, header: Vec::new(), columns: Vec::new(), depth, problems };
    for node in nodes {
        tree.add(node, 0);
    }
    (tree.header, tree.columns, depth)
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
