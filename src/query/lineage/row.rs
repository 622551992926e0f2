//! One column of one row: which expression made it, what went into it, and the same again for each of those.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use arrow::array::RecordBatch;
use datafusion::sql::sqlparser::ast::Expr;

use super::block::{Block, Item, Source};
use super::book::{Book, Frame, Relation};
use super::datum::rows_of;
use super::names::{ident, with_clause};
use super::part::{Asked, Here};
use super::shape::{Shape, shape};
use super::{Datum, Figure, Made, Stored};
use crate::contract::Contracts;
use crate::diagnostic::{Diagnostic, Place, Result, did_you_mean};
use crate::query::persons::Persons;
use crate::query::session::Session;

/// Views deeper than this are taken to go round in circles.
pub(super) const DEPTH_MAX: usize = 64;
const NO_ROW: &str = "there is no such row";
const SEVERAL_ROWS: &str = "several rows look the same";

/// The lineage of some views over one session.
pub struct Lineage<'a> {
    pub(super) session: &'a Session,
    pub(super) book: Book<'a>,
    /// Answers by query: columns of one row ask much the same on the way down, and parts of a figure share rows.
    found: Mutex<BTreeMap<String, Found>>,
    persons: Persons,
}

/// What a query gave, and which of its columns are made of what is said of persons.
#[derive(Clone)]
pub(super) struct Found {
    pub batches: Vec<RecordBatch>,
    pub personal: Vec<bool>,
}

/// How a figure was reached.
#[derive(Clone, Copy, Default)]
pub(super) struct Way {
    /// Relations passed.
    pub depth: usize,
    /// Ratios it is a part of.
    pub ratios: usize,
}

pub(super) type Following<'f> = Pin<Box<dyn Future<Output = Result<Figure>> + Send + 'f>>;

impl<'a> Lineage<'a> {
    /// Reads the SQL of these views and of those below them.
    pub async fn of(session: &'a Session, contracts: &Contracts, views: &[&str]) -> Result<Self> {
        let persons = Persons::of(session, contracts, views).await;
        Ok(Self { session, book: Book::read(session, contracts, views)?, found: Mutex::default(), persons })
    }

    /// What the columns of the views tell of persons.
    pub fn persons(&self) -> &Persons {
        &self.persons
    }

    pub(super) async fn fetch(&self, sql: &str) -> Result<Found> {
        let plan = self.session.plan(sql).await?;
        let personal = self.persons.are_behind_each(&plan);
        Ok(Found { batches: self.session.fetch_plan(&plan).await?, personal })
    }

    /// A few rows, asked for once, and which of their columns are made of what is said of persons.
    pub(super) async fn few(&self, sql: &str) -> Result<(Vec<Vec<Datum>>, Vec<bool>)> {
        let known = self.found.lock().ok().and_then(|found| found.get(sql).cloned());
        let found = match known {
            Some(found) => found,
            None => {
                let read = self.fetch(sql).await?;
                if let Ok(mut found) = self.found.lock() {
                    found.insert(sql.to_owned(), read.clone());
                }
                read
            }
        };
        Ok((rows_of(&found.batches)?, found.personal))
    }

    /// How `column` of the view's row was made in which the columns of `row` have these values.
    pub async fn explain(&self, view: &str, column: &str, row: &[(String, Datum)]) -> Result<Figure> {
        let view = self.book.view(view).ok_or_else(|| Diagnostic::error(format!("no view `{view}`")))?;
        let relation = Relation::View(view);
        let columns = self.book.columns_of(&relation);
        if !columns.iter().any(|known| known == column) {
            let problem = Diagnostic::error(format!("view `{}` has no column `{column}`", view.name));
            return Err(match did_you_mean(column, columns.iter().map(String::as_str)) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
        let figure = self.column(relation, view.name.clone(), column.to_owned(), row.to_vec(), Way::default()).await?;
        match lost_for(&figure) {
            Some(why) => Err(Diagnostic::error(format!("view `{}`: {why}", view.name))),
            None => Ok(figure),
        }
    }

    pub(super) fn column<'f>(
        &'f self,
        relation: Relation<'f>,
        label: String,
        column: String,
        row: Vec<(String, Datum)>,
        way: Way,
    ) -> Following<'f> {
        Box::pin(async move {
            if let Relation::Table(table) = relation {
                return self.stored(table, column, row).await;
            }
            let blocks = match self.book.blocks(&relation) {
                Ok((blocks, _)) if way.depth < DEPTH_MAX => blocks,
                Ok(_) => {
                    return self
                        .unfollowed(&relation, label, column, &row, "too many views on top of each other")
                        .await;
                }
                Err(untraced) => return self.unfollowed(&relation, label, column, &row, &untraced.to_string()).await,
            };
            let place_of = |name: &str| blocks[0].items.iter().position(|item| item.name == name);
            let Some(at) = place_of(&column) else {
                return self.unfollowed(&relation, label, column, &row, "it is not among the columns of its SQL").await;
            };
            let picked: Vec<(usize, &Datum)> =
                row.iter().filter_map(|(name, value)| Some((place_of(name)?, value))).collect();
            // Of the SELECTs of a union only one has the row.
            let mut with_row = Vec::new();
            for block in &blocks {
                if blocks.len() == 1 || !self.read(block, &["1".to_owned()], &picked).await?.0.is_empty() {
                    with_row.push(block);
                }
            }
            let [block] = with_row.as_slice() else {
                return Ok(lost(label, column, if with_row.is_empty() { NO_ROW } else { SEVERAL_ROWS }));
            };
            let Some(item) = block.items.get(at) else {
                return self.unfollowed(&relation, label, column, &row, "a part of the union has fewer columns").await;
            };
            if let Some(figure) = self.passed_on(block, &label, item, &picked, way).await? {
                return Ok(Figure { column, ..figure });
            }
            let mut asked = Asked::default();
            let part = self.part(block, &item.expr, &mut asked);
            let keys: Vec<usize> = block.keys.iter().map(|key| asked.add(key.to_string())).collect();
            let groupings: Vec<usize> = match block.sets.len() {
                0 | 1 => Vec::new(),
                _ => block.keys.iter().map(|key| asked.add(format!("grouping({key})"))).collect(),
            };
            let (values, personal) = self.read(block, &asked.0, &picked).await?;
            let [values] = values.as_slice() else {
                return Ok(lost(label, column, if values.is_empty() { NO_ROW } else { SEVERAL_ROWS }));
            };
            let group: Vec<(Expr, usize)> = block
                .keys
                .iter()
                .enumerate()
                .filter(|(at, _)| groupings.get(*at).is_none_or(|place| values[*place].number() == Some(0.0)))
                .map(|(at, key)| (key.clone(), keys[at]))
                .collect();
            let here = Here { block, label: &label, values, personal: &personal, group: &group, way };
            let mut figure = self.made(&here, &part, way.ratios).await?;
            figure.column = column;
            figure.place = block.place(item.place);
            figure.expression = item.expr.to_string();
            Ok(figure)
        })
    }

    /// A column that is only handed on, found in the relation it comes from by what else comes from there: one query
    /// less for each SELECT on the way. `None` where that does not tell its row.
    async fn passed_on(
        &self,
        block: &Block<'_>,
        label: &str,
        item: &Item,
        picked: &[(usize, &Datum)],
        way: Way,
    ) -> Result<Option<Figure>> {
        let Shape::Column(alias, name) = shape(block, &item.expr) else { return Ok(None) };
        let Some(source) = block.source(alias).filter(|_| !block.is_grouped && !block.is_distinct) else {
            return Ok(None);
        };
        let mut row = Vec::new();
        for (at, value) in picked {
            if let Some(Shape::Column(of, inner)) = block.items.get(*at).map(|item| shape(block, &item.expr))
                && of == alias
            {
                row.push((inner.to_owned(), (*value).clone()));
            }
        }
        if matches!(source.relation, Relation::Made) || row.iter().all(|(_, value)| value.is_null()) {
            return Ok(None);
        }
        // Its SQL does not give what stands in it.
        if self.month_column(&source.relation).is_some() {
            return Ok(None);
        }
        let inner_label = label_of(source, block);
        let way = Way { depth: way.depth + 1, ..way };
        let inner = self.column(source.relation, inner_label, name.to_owned(), row, way).await?;
        if lost_for(&inner).is_some() {
            return Ok(None);
        }
        Ok(Some(Figure {
            relation: label.to_owned(),
            column: String::new(),
            expression: item.expr.to_string(),
            place: block.place(item.place),
            value: inner.value.clone(),
            is_personal: inner.is_personal,
            made: Made::From(Box::new(inner)),
        }))
    }

    /// The values of some expressions in the rows of a block that are picked; at most two rows.
    async fn read(
        &self,
        block: &Block<'_>,
        asked: &[String],
        picked: &[(usize, &Datum)],
    ) -> Result<(Vec<Vec<Datum>>, Vec<bool>)> {
        let mut columns: Vec<String> = asked.iter().enumerate().map(|(at, sql)| format!("{sql} AS _e{at}")).collect();
        let mut filters = Vec::new();
        for (number, (at, value)) in picked.iter().enumerate() {
            let Some(item) = block.items.get(*at) else { continue };
            columns.push(format!("{} AS _p{number}", item.expr));
            filters.push(value.is(&format!("_p{number}")));
        }
        let from = &block.select.from;
        let with = with_clause(block.frame, &from.iter().collect::<Vec<_>>(), None);
        let mut inner = format!("SELECT {}", columns.join(", "));
        if !from.is_empty() {
            let from: Vec<String> = from.iter().map(ToString::to_string).collect();
            inner.push_str(&format!(" FROM {}", from.join(", ")));
        }
        if let Some(selection) = &block.selection {
            inner.push_str(&format!(" WHERE {selection}"));
        }
        inner.push_str(&grouping(block));
        if let Some(having) = &block.having {
            inner.push_str(&format!(" HAVING {having}"));
        }
        let shown: Vec<String> = (0..asked.len()).map(|at| format!("_e{at}")).collect();
        let distinct = if block.is_distinct { "DISTINCT " } else { "" };
        let filter = if filters.is_empty() { String::new() } else { format!(" WHERE {}", filters.join(" AND ")) };
        let sql = format!("{with}SELECT {distinct}{} FROM ({inner}) AS picked{filter} LIMIT 2", shown.join(", "));
        self.few(&sql).await.map_err(|problem| of_lineage(problem, &sql))
    }

    async fn stored(&self, table: &str, column: String, row: Vec<(String, Datum)>) -> Result<Figure> {
        let key = self.book.key_of_table(table).to_vec();
        let picked: Vec<String> = row.iter().map(|(name, value)| value.is(&ident(name).to_string())).collect();
        let mut names = vec![format!("{} AS _asked", ident(&column))];
        names.extend(key.iter().map(|name| ident(name).to_string()));
        let filter = if picked.is_empty() { String::new() } else { format!(" WHERE {}", picked.join(" AND ")) };
        let sql = format!("SELECT {} FROM {}{filter} LIMIT 2", names.join(", "), ident(table));
        let (rows, personal) = self.few(&sql).await?;
        let value = rows.first().and_then(|row| row.first()).cloned().unwrap_or_else(Datum::null);
        let made = match rows.as_slice() {
            [row] if !key.is_empty() => {
                let key = key.into_iter().zip(row[1..].iter().cloned()).collect();
                Made::Stored(Stored { table: table.to_owned(), key })
            }
            [] => Made::Computed { why: NO_ROW.to_owned(), inputs: Vec::new() },
            _ => Made::Computed { why: SEVERAL_ROWS.to_owned(), inputs: Vec::new() },
        };
        Ok(Figure {
            relation: table.to_owned(),
            is_personal: personal.first() != Some(&false),
            expression: column.clone(),
            column,
            place: Place::default(),
            value,
            made,
        })
    }

    /// A column that is not followed, with its value.
    async fn unfollowed(
        &self,
        relation: &Relation<'_>,
        label: String,
        column: String,
        row: &[(String, Datum)],
        why: &str,
    ) -> Result<Figure> {
        let (value, is_personal) = match relation {
            Relation::View(view) => {
                let picked: Vec<String> = row.iter().map(|(name, value)| value.is(&ident(name).to_string())).collect();
                let filter = if picked.is_empty() { String::new() } else { format!(" WHERE {}", picked.join(" AND ")) };
                let sql = format!("SELECT {} FROM {}{filter} LIMIT 2", ident(&column), ident(&view.name));
                let (rows, personal) = self.few(&sql).await?;
                match rows.as_slice() {
                    [row] => (row.first().cloned().unwrap_or_else(Datum::null), personal.first() != Some(&false)),
                    [] => return Err(Diagnostic::error(format!("view `{}` has no such row", view.name))),
                    _ => return Err(Diagnostic::error(format!("several rows of view `{}` are meant", view.name))),
                }
            }
            _ => (Datum::null(), false),
        };
        Ok(Figure {
            relation: label,
            is_personal,
            expression: column.clone(),
            column,
            place: file_of(relation),
            value,
            made: Made::Computed { why: why.to_owned(), inputs: Vec::new() },
        })
    }
}

/// A row that is not found.
fn lost(label: String, column: String, why: &str) -> Figure {
    Figure {
        relation: label,
        expression: column.clone(),
        column,
        place: Place::default(),
        value: Datum::null(),
        made: Made::Computed { why: why.to_owned(), inputs: Vec::new() },
        is_personal: false,
    }
}

/// The file a relation is written in.
fn file_of(relation: &Relation<'_>) -> Place {
    match relation {
        Relation::View(view) | Relation::Query { frame: Frame { view, .. }, .. } => Place::file(&view.path),
        Relation::Table(_) | Relation::Made => Place::default(),
    }
}

fn lost_for(figure: &Figure) -> Option<&str> {
    match &figure.made {
        Made::Computed { why, .. } if [NO_ROW, SEVERAL_ROWS].contains(&why.as_str()) => Some(why),
        _ => None,
    }
}

pub(super) fn label_of(source: &Source<'_>, block: &Block<'_>) -> String {
    match source.relation {
        Relation::Table(name) => name.to_owned(),
        Relation::View(view) => view.name.clone(),
        Relation::Query { name: Some(name), .. } => format!("{}.{name}", block.frame.view.name),
        _ => format!("{}.{}", block.frame.view.name, source.alias),
    }
}

fn grouping(block: &Block<'_>) -> String {
    if block.keys.is_empty() && block.sets.len() <= 1 {
        return String::new();
    }
    let set = |set: &[usize]| set.iter().map(|at| block.keys[*at].to_string()).collect::<Vec<_>>().join(", ");
    match block.sets.as_slice() {
        [single] => format!(" GROUP BY {}", set(single)),
        several => {
            let sets: Vec<String> = several.iter().map(|keys| format!("({})", set(keys))).collect();
            format!(" GROUP BY GROUPING SETS ({})", sets.join(", "))
        }
    }
}

fn of_lineage(problem: Diagnostic, sql: &str) -> Diagnostic {
    let note = format!("{}: {sql}", problem.message);
    Diagnostic { source: None, place: None, ..problem }.note("while", note)
}
