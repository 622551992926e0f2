//! A summary as plain data: Markdown with numbered places for figures and charts, which each exporter shows
//! in its own way. Datasets become what a template sees here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value as TemplateValue};

use super::chart::Chart;
use super::dataset::{Dataset, Value};
use super::document::{Front, Node, Run, Table};
use super::layout::Properties;
use super::origin::{Origin, without_reserved};
use super::sources::Sources;
use super::template::{self, BLOCK_CLOSE, BLOCK_OPEN, Blocks};
use super::wording::Names;
use super::{Problem, ViewMeta};
use crate::district::periods::Comparison;

#[derive(Debug, Clone)]
pub(super) struct Summary {
    pub title: String,
    /// The layout, and what stands around the text.
    pub front: Front,
    /// For which day, under the title of a plain report.
    pub as_of: String,
    /// Where the figures come from, at the foot.
    pub provenance: String,
    pub properties: Properties,
    /// A folder with fonts besides the system's.
    pub fonts: Option<PathBuf>,
    pub blocks: Vec<Node>,
    /// What stands behind the figures; nothing in a report for publication.
    pub sources: Option<Sources>,
}

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Markdown(String),
    Block(Block),
}

#[derive(Debug, Clone)]
pub(super) enum Block {
    Cards(Vec<Card>),
    Chart(Chart),
    Table(Table),
}

/// A headline figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Card {
    pub label: Run,
    pub value: Run,
    pub unit: Run,
    pub note: Run,
}

/// What a template sees of the datasets: a row for a `single` one, else a list of rows.
pub(super) struct Visible<'a> {
    pub data: &'a BTreeMap<String, Dataset>,
    /// The rows of each dataset that belong to the member; all when not listed.
    pub rows: BTreeMap<String, Vec<usize>>,
    pub single: Vec<String>,
    /// What is known of each dataset's columns.
    pub metas: &'a BTreeMap<String, ViewMeta>,
    /// Whether figures remember their cells; not where their rows are shown to nobody.
    pub is_traced: bool,
}

pub(super) fn compose(path: &Path, source: &str, visible: &Visible<'_>, names: &Names) -> Result<Vec<Piece>, Problem> {
    let mut context: BTreeMap<String, TemplateValue> =
        names.iter().map(|(name, value)| (name.to_owned(), text_value(value.to_owned()))).collect();
    let mut tables = Vec::new();
    for (place, (name, dataset)) in visible.data.iter().enumerate() {
        let columns: Arc<[String]> = dataset.column_names().into();
        tables.push((name.clone(), columns.to_vec()));
        let meta = visible.metas.get(name);
        let unit_of = |column: &String| meta.map_or("", |meta| meta.unit_of(column));
        let comparisons: Arc<[_]> = columns.iter().map(|column| Comparison::of_unit(unit_of(column))).collect();
        let numbers = dataset.number_columns();
        // A text that is measured in something is a figure already worded.
        let is_figure = |column: &String| numbers.contains(column) || !unit_of(column).is_empty();
        let figures: Arc<[bool]> = columns.iter().map(is_figure).collect();
        let all = dataset.all_rows();
        let rows = visible.rows.get(name).unwrap_or(&all);
        let row = |row: &usize| {
            let values = (0..columns.len()).map(|column| template_value(dataset.value(*row, column))).collect();
            let bare = TemplateRow::new(Arc::clone(&columns), Arc::clone(&comparisons), values);
            TemplateValue::from_object(if visible.is_traced { bare.at((place, *row), &figures) } else { bare })
        };
        let value = match (visible.single.contains(name), rows.as_slice()) {
            (true, [only]) => row(only),
            (true, _) => {
                return Err(Problem::new(
                    path,
                    format!("dataset `{name}` has {} rows, a `single` one has 1", rows.len()),
                ));
            }
            (false, rows) => TemplateValue::from(rows.iter().map(row).collect::<Vec<_>>()),
        };
        context.insert(name.clone(), value);
    }
    let blocks = Blocks::default();
    let text = template::render(path, source, TemplateValue::from_pairs(context), &blocks, &tables)?;
    let blocks = std::mem::take(&mut *blocks.lock().map_err(|_| Problem::new(path, "a block of the template failed"))?);
    Ok(pieces(&text, blocks))
}

fn pieces(text: &str, blocks: Vec<Block>) -> Vec<Piece> {
    let mut blocks: Vec<Option<Block>> = blocks.into_iter().map(Some).collect();
    let mut pieces = Vec::new();
    for (number, part) in text.split(BLOCK_OPEN).enumerate() {
        let markdown = match part.split_once(BLOCK_CLOSE).filter(|_| number > 0) {
            Some((place, rest)) => {
                let block = place.parse::<usize>().ok().and_then(|place| blocks.get_mut(place)?.take());
                pieces.extend(block.map(Piece::Block));
                rest
            }
            None => part,
        };
        if !markdown.trim().is_empty() {
            pieces.push(Piece::Markdown(markdown.trim().to_owned()));
        }
    }
    pieces
}

fn template_value(value: Value) -> TemplateValue {
    match value {
        Value::Null => TemplateValue::from(()),
        Value::Text(text) => text_value(text),
        Value::Integer(integer) => TemplateValue::from(integer),
        Value::Number(number) => TemplateValue::from(number),
        Value::Flag(flag) => TemplateValue::from(flag),
        dated => TemplateValue::from(dated.plain().unwrap_or_default()),
    }
}

fn text_value(text: String) -> TemplateValue {
    TemplateValue::from(without_reserved(text))
}

/// A row whose columns keep their order and know what they compare.
#[derive(Debug)]
pub(super) struct TemplateRow {
    columns: Arc<[String]>,
    comparisons: Arc<[Option<Comparison>]>,
    values: Vec<TemplateValue>,
    /// Dataset and row, where that is remembered.
    place: Option<(usize, usize)>,
    /// Which columns hold figures.
    figures: Arc<[bool]>,
}

impl TemplateRow {
    pub(super) fn new(
        columns: Arc<[String]>,
        comparisons: Arc<[Option<Comparison>]>,
        values: Vec<TemplateValue>,
    ) -> Self {
        Self { columns, comparisons, values, place: None, figures: Arc::default() }
    }

    /// The row of a dataset: its figures can be asked for their cell.
    fn at(self, place: (usize, usize), figures: &Arc<[bool]>) -> Self {
        Self { place: Some(place), figures: Arc::clone(figures), ..self }
    }

    /// Dataset and row.
    pub(super) fn place(&self) -> Option<(usize, usize)> {
        self.place
    }

    /// The cell of a column that holds figures.
    pub(super) fn origin(&self, column: &str) -> Option<Origin> {
        let (dataset, row) = self.place?;
        let column = self.columns.iter().position(|known| known == column)?;
        self.figures.get(column)?.then_some(Origin::Cell { dataset, row, column })
    }

    /// What a column compares, and by how much; an error in words where it compares nothing.
    pub(super) fn compared(&self, column: &str) -> Result<(Comparison, Option<f64>), String> {
        let place = self.columns.iter().position(|known| known == column);
        let Some(place) = place else { return Err(format!("there is no column `{column}`")) };
        let comparison = self.comparisons.get(place).copied().flatten();
        let comparison = comparison.ok_or_else(|| no_comparison(column))?;
        let value = self.values.get(place).filter(|value| !value.is_none());
        let number = value.map(|value| f64::try_from(value.clone()).map_err(|error| error.to_string()));
        Ok((comparison, number.transpose()?))
    }
}

/// Why `compared` refuses a column.
pub(super) fn no_comparison(column: &str) -> String {
    let units: Vec<&str> = Comparison::UNITS.iter().map(|(unit, _)| *unit).collect();
    format!("column `{column}` does not compare: its unit is none of {}", units.join(", "))
}

impl Object for TemplateRow {
    fn get_value(self: &Arc<Self>, key: &TemplateValue) -> Option<TemplateValue> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<TemplateValue> {
        let place = self.columns.iter().position(|column| column == key)?;
        self.values.get(place).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.columns.iter().map(|column| TemplateValue::from(column.as_str())).collect())
    }
}
