//! What a page tells of its figures when one is pointed at: what it is called, what it was divided of, the view, the
//! table versions and their batches. Said once for each view and column, whatever number of figures comes from them.
//!
//! Rows that were counted are not among it: pages are sent on, and who may see rows is asked where the data are.

use std::collections::{BTreeMap, BTreeSet};

use super::dataset::{Dataset, Value};
use super::document::{self, Node};
use super::manifest::Report;
use super::number::fixed;
use super::origin::Origin;
use super::{Figures, RunContext, ViewMeta};

/// Words of a row that are repeated beside its figure.
const ROW_WORDS_MAX: usize = 2;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sources {
    pub snapshot: String,
    pub views: Vec<ViewSource>,
    pub columns: Vec<ColumnSource>,
    /// In the order of their numbers.
    pub figures: Vec<FigureSource>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ViewSource {
    pub name: String,
    pub label: String,
    /// Where its SQL stands, in the project.
    pub file: String,
    pub tables: Vec<TableSource>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct TableSource {
    pub name: String,
    pub version: u64,
    pub batches: u64,
    pub newest_batch: String,
}

impl Sources {
    pub(super) fn figure(&self, number: usize) -> Option<&FigureSource> {
        let place = self.figures.binary_search_by_key(&number, |figure| figure.number).ok()?;
        self.figures.get(place)
    }
}

/// A column of a view, or its rows where they are counted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ColumnSource {
    pub view: usize,
    /// Empty for the number of rows.
    pub name: String,
    pub label: String,
    pub definition: String,
    /// What numerator and denominator are called, of a rate.
    pub parts: Option<(String, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct FigureSource {
    /// Its number in the document.
    pub number: usize,
    pub column: usize,
    /// Numerator and denominator, of a rate.
    pub parts: Option<(String, String)>,
}

/// Numerators and denominators found so far, by view and column.
pub(super) type Ratios = BTreeMap<(String, String), Option<(String, String)>>;

/// What is known of a report's data when its texts are made.
pub(super) struct Known<'a> {
    pub report: &'a Report,
    pub data: &'a BTreeMap<String, Dataset>,
    pub metas: &'a BTreeMap<String, ViewMeta>,
    pub figures: &'a dyn Figures,
    pub context: &'a RunContext,
}

impl Known<'_> {
    /// The sources of the figures in a text.
    pub(super) fn sources(&self, nodes: &[Node], ratios: &mut Ratios) -> Sources {
        let mentions = document::mentions(nodes);
        self.look_up(mentions.iter().map(|mention| &mention.origin), ratios);
        let mut sources = Sources { snapshot: self.context.snapshot_id.clone(), ..Sources::default() };
        for mention in mentions {
            let (dataset, row, column) = match &mention.origin {
                Origin::Cell { dataset, row, column } => (*dataset, Some(*row), Some(*column)),
                Origin::Rows { dataset, .. } => (*dataset, None, None),
            };
            let Some((name, data)) = self.data.iter().nth(dataset) else { continue };
            let Some(view) = self.view_of(name) else { continue };
            let column = column.and_then(|column| data.column_names().get(column).cloned());
            let parts = column.as_ref().and_then(|column| ratios.get(&(view.to_owned(), column.clone())).cloned()?);
            let place = self.column(&mut sources, name, view, column.as_deref(), parts.as_ref());
            sources.figures.push(FigureSource {
                number: mention.number,
                column: place,
                parts: row.zip(parts).and_then(|(row, (numerator, denominator))| {
                    Some((figure(data, row, &numerator)?, figure(data, row, &denominator)?))
                }),
            });
        }
        sources
    }

    fn view_of(&self, dataset: &str) -> Option<&str> {
        Some(self.report.datasets.get(dataset)?.view.value.as_str())
    }

    fn look_up<'o>(&self, origins: impl Iterator<Item = &'o Origin>, ratios: &mut Ratios) {
        let mut wanted = BTreeSet::new();
        for origin in origins {
            let Origin::Cell { dataset, column, .. } = origin else { continue };
            let Some((name, data)) = self.data.iter().nth(*dataset) else { continue };
            if let (Some(view), Some(column)) = (self.view_of(name), data.column_names().get(*column)) {
                wanted.insert((view.to_owned(), column.clone()));
            }
        }
        let missing: Vec<(String, String)> = wanted.into_iter().filter(|known| !ratios.contains_key(known)).collect();
        if missing.is_empty() {
            return;
        }
        let found = self.figures.ratios(&missing);
        ratios.extend(missing.into_iter().zip(found.into_iter().chain(std::iter::repeat(None))));
    }

    /// The place of a column among those that are told, where it is added if it is new.
    fn column(
        &self,
        sources: &mut Sources,
        dataset: &str,
        view: &str,
        column: Option<&str>,
        parts: Option<&(String, String)>,
    ) -> usize {
        let meta = self.metas.get(dataset);
        let view_place = sources.views.iter().position(|known| known.name == view).unwrap_or_else(|| {
            let label = meta.map(|meta| meta.label.clone()).unwrap_or_default();
            let files = self.context.inputs.views.get(view).map(|view| view.files.as_slice()).unwrap_or_default();
            let file = files.iter().map(|(file, _)| file).find(|file| file.ends_with(".sql"));
            let file = file.map_or_else(|| view.to_owned(), |file| format!("queries/{file}"));
            sources.views.push(ViewSource { name: view.to_owned(), label, file, tables: self.tables(view) });
            sources.views.len() - 1
        });
        let name = column.unwrap_or_default();
        let known = |known: &ColumnSource| known.view == view_place && known.name == name;
        if let Some(place) = sources.columns.iter().position(known) {
            return place;
        }
        let declared = meta.and_then(|meta| meta.column(name));
        let label_of = |name: &str| {
            let label = meta.and_then(|meta| meta.column(name)).map(|column| column.label.clone());
            label.filter(|label| !label.is_empty()).unwrap_or_else(|| name.to_owned())
        };
        sources.columns.push(ColumnSource {
            view: view_place,
            name: name.to_owned(),
            label: if column.is_some() { label_of(name) } else { "行数".to_owned() },
            definition: declared.map(|column| column.definition.clone()).unwrap_or_default(),
            parts: parts.map(|(numerator, denominator)| (label_of(numerator), label_of(denominator))),
        });
        sources.columns.len() - 1
    }

    fn tables(&self, view: &str) -> Vec<TableSource> {
        let inputs = &self.context.inputs;
        let (_, tables) = inputs.below(&[view]);
        let told = tables.into_iter().filter_map(|table| {
            let batches = inputs.batches.get(table);
            Some(TableSource {
                name: table.to_owned(),
                version: *inputs.tables.get(table)?,
                batches: batches.map_or(0, |batches| batches.count),
                newest_batch: batches
                    .and_then(|batches| Some(batches.newest.first()?.batch.clone()))
                    .unwrap_or_default(),
            })
        });
        told.collect()
    }
}

/// The columns whose texts tell rows apart, those first that tell most apart: what is the same in all rows says nothing.
pub(super) fn naming_columns(data: &Dataset) -> Vec<usize> {
    let texts = (0..data.rows.num_columns()).filter(|column| data.is_text(*column));
    let mut counted: Vec<(usize, usize)> = texts
        .map(|column| {
            let distinct: BTreeSet<String> =
                data.all_rows().into_iter().filter_map(|row| data.value(row, column).plain()).collect();
            (distinct.len(), column)
        })
        .filter(|(distinct, _)| *distinct > 1)
        .collect();
    counted.sort_by_key(|(distinct, column)| (std::cmp::Reverse(*distinct), *column));
    counted.into_iter().map(|(_, column)| column).collect()
}

/// What a row is called, in words that stand in the text already: no other value of the row gets onto the page.
pub(super) fn row_words(data: &Dataset, columns: &[usize], row: usize, text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for column in columns {
        if let Value::Text(word) = data.value(row, *column)
            && word.chars().nth(1).is_some()
            && text.contains(&word)
            && !words.contains(&word)
        {
            words.push(word);
        }
    }
    words.truncate(ROW_WORDS_MAX);
    words
}

/// A numerator or denominator as it is.
fn figure(data: &Dataset, row: usize, column: &str) -> Option<String> {
    match data.value(row, data.column(column)?) {
        Value::Integer(integer) => Some(integer.to_string()),
        Value::Number(number) => Some(fixed(number, if number.fract() == 0.0 { 0 } else { 2 })),
        _ => None,
    }
}
