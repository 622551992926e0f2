//! A summary as plain data: Markdown with numbered places for figures and charts, which each exporter shows
//! in its own way. Datasets become what a template sees here.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value as TemplateValue};

use super::Problem;
use super::dataset::{Dataset, Value};
use super::document::{Front, Node};
use super::number::{Format, fixed, percent};
use super::template::{self, BLOCK_CLOSE, BLOCK_OPEN, Blocks};
use super::wording::Names;

#[derive(Debug, Clone)]
pub(super) struct Summary {
    pub title: String,
    /// The layout, and what stands around the text.
    pub front: Front,
    /// For which day, under the title of a plain report.
    pub as_of: String,
    /// Where the figures come from, at the foot.
    pub provenance: String,
    /// Name and value, for the file's own properties.
    pub properties: Vec<(String, String)>,
    pub blocks: Vec<Node>,
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
}

/// A headline figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Card {
    pub label: String,
    pub value: String,
    pub unit: String,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    pub kind: ChartKind,
    pub title: String,
    pub unit: String,
    pub labels: Vec<String>,
    pub series: Vec<Series>,
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChartKind {
    Bar,
    Line,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub name: String,
    pub points: Vec<Option<f64>>,
}

impl Chart {
    /// A value as the chart's labels and its table show it.
    pub(super) fn worded(&self, value: Option<f64>) -> String {
        match (value, self.format) {
            (None, _) => "—".to_owned(),
            (Some(value), Format::Percent(digits)) => percent(value, digits.into()) + "%",
            (Some(value), Format::Decimal(digits)) => fixed(value, digits.into()),
            (Some(value), _) => fixed(value, 0),
        }
    }
}

/// What a template sees of the datasets: a row for a `single` one, else a list of rows.
pub(super) struct Visible<'a> {
    pub data: &'a BTreeMap<String, Dataset>,
    /// The rows of each dataset that belong to the member; all when not listed.
    pub rows: BTreeMap<String, Vec<usize>>,
    pub single: Vec<String>,
}

pub(super) fn compose(path: &Path, source: &str, visible: &Visible<'_>, names: &Names) -> Result<Vec<Piece>, Problem> {
    let mut context: BTreeMap<String, TemplateValue> =
        names.iter().map(|(name, value)| (name.to_owned(), TemplateValue::from(value))).collect();
    let mut tables = Vec::new();
    for (name, dataset) in visible.data {
        let columns = Arc::new(dataset.column_names());
        tables.push((name.clone(), columns.to_vec()));
        let all = dataset.all_rows();
        let rows = visible.rows.get(name).unwrap_or(&all);
        let row = |row: &usize| {
            let values = (0..columns.len()).map(|column| template_value(dataset.value(*row, column))).collect();
            TemplateValue::from_object(TemplateRow { columns: Arc::clone(&columns), values })
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
        Value::Text(text) => TemplateValue::from(text),
        Value::Integer(integer) => TemplateValue::from(integer),
        Value::Number(number) => TemplateValue::from(number),
        Value::Flag(flag) => TemplateValue::from(flag),
        dated => TemplateValue::from(dated.plain().unwrap_or_default()),
    }
}

/// A row whose columns keep their order.
#[derive(Debug)]
struct TemplateRow {
    columns: Arc<Vec<String>>,
    values: Vec<TemplateValue>,
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
