//! One column of one row: which expression made it, what went into it, and the same again for each of those.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use arrow::array::RecordBatch;
use datafusion::sql::sqlparser::ast::{Expr, Function};

use super::datum::rows_of;
use super::names::{Block, Book, Frame, Item, Relation, Source, columns_in, ident, with_clause};
use super::open::Opened;
use super::shape::{Shape, number, shape};
use super::trail::Trail;
use super::{Datum, Drill, Figure, Made, Stored};
use crate::contract::Contracts;
use crate::diagnostic::{Diagnostic, Place, Result, did_you_mean};
use crate::query::closed::CLOSED_TABLE;
use crate::query::persons::Persons;
use crate::query::session::Session;
use crate::query::views::View;

/// Views deeper than this are taken to go round in circles.
const DEPTH_MAX: usize = 64;
const NO_ROW: &str = "there is no such row";
const SEVERAL_ROWS: &str = "several rows look the same";

/// The lineage of some views over one session.
pub struct Lineage<'a> {
    session: &'a Session,
    book: Book<'a>,
    /// Answers by query: columns of one row ask much the same on the way down, and parts of a figure share rows.
    found: Mutex<BTreeMap<String, Found>>,
    persons: Persons,
}

/// What a query gave, and which of its columns are made of what is said of persons.
#[derive(Clone)]
struct Found {
    batches: Vec<RecordBatch>,
    personal: Vec<bool>,
}

/// An expression taken apart, with places in the list of values that are read of the row.
struct Part {
    expr: Expr,
    value: usize,
    kind: PartKind,
}

enum PartKind {
    /// A column of a relation, and what tells the relation's row.
    Column {
        alias: String,
        name: String,
        row: Vec<(String, usize)>,
    },
    Call(Box<Function>),
    Same(Box<Part>),
    First(Vec<Part>),
    Choice(Vec<(Option<usize>, Option<Part>)>),
    Ratio(Box<Part>, Box<Part>),
    Growth(Box<Part>, Box<Part>),
    Sum(Vec<(char, Part)>),
    Product(Vec<Part>),
    Constant,
    Key,
    Other(&'static str, Vec<Part>),
}

/// What is read of the row at once.
#[derive(Default)]
struct Asked(Vec<String>);

impl Asked {
    fn add(&mut self, sql: String) -> usize {
        self.0.iter().position(|known| *known == sql).unwrap_or_else(|| {
            self.0.push(sql);
            self.0.len() - 1
        })
    }
}

/// How a figure was reached.
#[derive(Clone, Copy, Default)]
struct Way {
    /// Relations passed.
    depth: usize,
    /// Ratios it is a part of.
    ratios: usize,
}

type Following<'f> = Pin<Box<dyn Future<Output = Result<Figure>> + Send + 'f>>;

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

    async fn fetch(&self, sql: &str) -> Result<Found> {
        let plan = self.session.plan(sql).await?;
        let personal = self.persons.are_behind_each(&plan);
        Ok(Found { batches: self.session.fetch_plan(&plan).await?, personal })
    }

    /// A few rows, asked for once, and which of their columns are made of what is said of persons.
    async fn few(&self, sql: &str) -> Result<(Vec<Vec<Datum>>, Vec<bool>)> {
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

    fn column<'f>(
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

    fn part(&self, block: &Block<'_>, expr: &Expr, asked: &mut Asked) -> Part {
        let value = asked.add(expr.to_string());
        let is_key = block.is_grouped && (block.keys.contains(expr) || !block.aggregates_in(expr));
        let kind = if is_key && !columns_in(expr).is_empty() {
            PartKind::Key
        } else {
            match shape(block, expr) {
                Shape::Column(alias, name) => {
                    let row = block.source(alias).map(|source| self.row_of(source, asked)).unwrap_or_default();
                    PartKind::Column { alias: alias.to_owned(), name: name.to_owned(), row }
                }
                Shape::Call(call) => PartKind::Call(Box::new(call.clone())),
                Shape::Same(inner) => PartKind::Same(Box::new(self.part(block, inner, asked))),
                Shape::First(all) => PartKind::First(all.into_iter().map(|one| self.part(block, one, asked)).collect()),
                Shape::Choice(choices) => PartKind::Choice(
                    choices
                        .into_iter()
                        .map(|(condition, result)| {
                            let condition = condition.map(|condition| asked.add(format!("({condition}) IS TRUE")));
                            (condition, result.map(|result| self.part(block, result, asked)))
                        })
                        .collect(),
                ),
                Shape::Ratio(numerator, denominator) => PartKind::Ratio(
                    Box::new(self.part(block, numerator, asked)),
                    Box::new(self.part(block, denominator, asked)),
                ),
                Shape::Growth(now, base) => {
                    PartKind::Growth(Box::new(self.part(block, now, asked)), Box::new(self.part(block, base, asked)))
                }
                Shape::Sum(terms) => {
                    PartKind::Sum(terms.into_iter().map(|(sign, term)| (sign, self.part(block, term, asked))).collect())
                }
                Shape::Product(left, right) => {
                    PartKind::Product(vec![self.part(block, left, asked), self.part(block, right, asked)])
                }
                Shape::Constant => PartKind::Constant,
                Shape::Window => {
                    PartKind::Other("it looks at other rows of the outcome", self.inputs(block, expr, asked))
                }
                Shape::Other => PartKind::Other("it is computed from these", self.inputs(block, expr, asked)),
            }
        };
        Part { expr: expr.clone(), value, kind }
    }

    /// The columns and aggregates an expression is computed from.
    fn inputs(&self, block: &Block<'_>, expr: &Expr, asked: &mut Asked) -> Vec<Part> {
        if block.is_grouped {
            return Vec::new();
        }
        let columns = columns_in(expr).into_iter().map(|(alias, name)| super::names::column(&alias, &name));
        columns.map(|column| self.part(block, &column, asked)).collect()
    }

    /// What tells the row of a relation that a joined row holds.
    fn row_of(&self, source: &Source<'_>, asked: &mut Asked) -> Vec<(String, usize)> {
        let names = match source.relation {
            Relation::Made => return Vec::new(),
            relation => self.book.unique_columns(&relation).unwrap_or_else(|| source.columns.clone()),
        };
        let alias = ident(&source.alias);
        names.into_iter().map(|name| (name.clone(), asked.add(format!("{alias}.{}", ident(&name))))).collect()
    }

    fn made<'f>(&'f self, here: &'f Here<'f>, part: &'f Part, ratios: usize) -> Following<'f> {
        Box::pin(async move {
            let made = match &part.kind {
                PartKind::Column { alias, name, row } => {
                    return self.handed_on(here, part, (alias, name), row, ratios).await;
                }
                PartKind::Call(call) => Made::Rows(self.drill(here, call, &here.values[part.value]).await?),
                PartKind::Same(inner) => self.made(here, inner, ratios).await?.made,
                PartKind::First(all) => {
                    let found = all.iter().find(|one| !here.values[one.value].is_null());
                    // Where the first is nothing and a constant stands in, the first is what there is none of.
                    let found = found.filter(|one| !matches!(one.kind, PartKind::Constant)).or(all.first());
                    match found {
                        Some(one) => self.made(here, one, ratios).await?.made,
                        None => Made::Constant,
                    }
                }
                PartKind::Choice(choices) => {
                    let chosen = choices
                        .iter()
                        .find(|(condition, _)| condition.is_none_or(|condition| here.values[condition].is_true()));
                    match chosen {
                        Some((_, Some(result))) => self.made(here, result, ratios).await?.made,
                        _ => Made::Constant,
                    }
                }
                PartKind::Ratio(numerator, denominator) => Made::Ratio {
                    numerator: Box::new(self.made(here, numerator, ratios + 1).await?),
                    denominator: Box::new(self.made(here, denominator, ratios + 1).await?),
                },
                PartKind::Growth(now, base) => Made::Growth {
                    now: Box::new(self.made(here, now, ratios + 1).await?),
                    base: Box::new(self.made(here, base, ratios + 1).await?),
                },
                PartKind::Sum(terms) => {
                    let mut made = Vec::new();
                    for (sign, term) in terms {
                        made.push((*sign, self.made(here, term, ratios).await?));
                    }
                    Made::Sum(made)
                }
                PartKind::Product(parts) => match parts.iter().find(|part| number(&part.expr).is_none()) {
                    // So many times another figure.
                    Some(only) if parts.iter().filter(|part| number(&part.expr).is_none()).count() == 1 => {
                        Made::Product(vec![self.made(here, only, ratios).await?])
                    }
                    _ => {
                        let mut made = Vec::new();
                        for part in parts {
                            made.push(self.made(here, part, ratios).await?);
                        }
                        Made::Product(made)
                    }
                },
                PartKind::Constant => Made::Constant,
                PartKind::Key => Made::Key,
                PartKind::Other(why, inputs) => Made::Computed {
                    why: (*why).to_owned(),
                    inputs: inputs.iter().map(|input| here.figure(input, Made::Key)).collect(),
                },
            };
            Ok(here.figure(part, made))
        })
    }

    async fn handed_on(
        &self,
        here: &Here<'_>,
        part: &Part,
        (alias, name): (&str, &str),
        row: &[(String, usize)],
        ratios: usize,
    ) -> Result<Figure> {
        let Some(source) = here.block.source(alias) else {
            let made = Made::Computed { why: format!("`{alias}` is not read there"), inputs: Vec::new() };
            return Ok(here.figure(part, made));
        };
        let (relation, label) = (source.relation, label_of(source, here.block));
        if matches!(relation, Relation::Made) {
            return Ok(here.figure(part, Made::Constant));
        }
        let row: Vec<(String, Datum)> = row.iter().map(|(name, at)| (name.clone(), here.values[*at].clone())).collect();
        if !row.is_empty() && row.iter().all(|(_, value)| value.is_null()) && source.is_optional {
            return Ok(here.figure(part, Made::Nothing { relation: label }));
        }
        if ratios > 0 && self.stands_alone(&relation, name, 0) {
            return Ok(here.figure(part, Made::Apart { relation: label, column: name.to_owned() }));
        }
        let row: Vec<(String, Datum)> = row.into_iter().filter(|(_, value)| value.is_exact()).collect();
        let way = Way { depth: here.way.depth + 1, ratios };
        let inner = self.column(relation, label, name.to_owned(), row.clone(), way).await?;
        if let Relation::View(view) = relation
            && !agree(&here.values[part.value], &inner.value)
            && let Some(month) = self.closed_month(view, &row).await?
        {
            let (view, column) = (view.name.clone(), name.to_owned());
            return Ok(here.figure(part, Made::Frozen { month, view, column, row, today: Box::new(inner) }));
        }
        Ok(here.figure(part, Made::From(Box::new(inner))))
    }

    /// The column with the month, of a view that shows months as they were closed.
    fn month_column<'v>(&self, relation: &Relation<'v>) -> Option<&'v str> {
        let Relation::View(view) = relation else { return None };
        let is_pinned = self.session.snapshot().is_some_and(|snapshot| snapshot.versions.contains_key(CLOSED_TABLE));
        view.model.config.closed_months.as_ref().filter(|_| is_pinned).map(|declared| declared.month.as_str())
    }

    /// The month that a row of a view speaks for, if it shows it as it was closed.
    async fn closed_month(&self, view: &View, row: &[(String, Datum)]) -> Result<Option<String>> {
        let Some(month) = self.month_column(&Relation::View(view)) else { return Ok(None) };
        let picked: Vec<String> = row.iter().map(|(name, value)| value.is(&ident(name).to_string())).collect();
        let filter = if picked.is_empty() { String::new() } else { format!(" WHERE {}", picked.join(" AND ")) };
        let shown = format!("SELECT {} AS month FROM {}{filter}", ident(month), ident(&view.name));
        let sql = format!(
            "SELECT DISTINCT s.month FROM ({shown}) AS s \
             JOIN {CLOSED_TABLE} AS c ON c.month = s.month AND c.view_name = '{}' LIMIT 2",
            view.name.replace('\'', "''")
        );
        match self.few(&sql).await?.0.as_slice() {
            [only] => Ok(only.first().map(Datum::shown)),
            _ => Ok(None),
        }
    }

    /// Whether a column is a rate or a score, which within another one is a figure of its own.
    fn stands_alone(&self, relation: &Relation<'_>, name: &str, depth: usize) -> bool {
        let Ok((blocks, _)) = self.book.blocks(relation) else { return false };
        let Some((block, item)) = blocks.first().and_then(|block| Some((block, block.item(name)?))) else {
            return false;
        };
        let mut expr = &item.expr;
        loop {
            match shape(block, expr) {
                Shape::Same(inner) => expr = inner,
                Shape::First(all) => expr = all[0],
                Shape::Column(alias, name) if depth < DEPTH_MAX && !block.is_grouped => {
                    return block
                        .source(alias)
                        .is_some_and(|source| self.stands_alone(&source.relation, name, depth + 1));
                }
                shape => {
                    return matches!(
                        shape,
                        Shape::Ratio(..) | Shape::Growth(..) | Shape::Product(..) | Shape::Window | Shape::Other
                    );
                }
            }
        }
    }

    async fn drill(&self, here: &Here<'_>, call: &Function, value: &Datum) -> Result<Drill> {
        let keys: Vec<(Expr, String)> =
            here.group.iter().map(|(key, at)| (key.clone(), here.values[*at].is(&key.to_string()))).collect();
        let mut trail = Trail::default();
        let deep = match self.book.open_aggregate(here.block, call, &keys, &mut trail) {
            Ok(opened) => self.checked(here, call, value, &opened, trail, None).await,
            Err(untraced) => Err(untraced.to_string()),
        };
        let why = match deep {
            Ok(drill) if drill.matches => return Ok(drill),
            // A text or a date may be somebody's.
            Ok(drill) => match drill.total.number() {
                Some(total) => format!("the rows of {} come to {total}", drill.tables.join(", ")),
                None => format!("the rows of {} come to something else", drill.tables.join(", ")),
            },
            Err(why) => why,
        };
        let mut trail = Trail { is_flat: true, ..Trail::default() };
        let flat = match self.book.open_aggregate(here.block, call, &keys, &mut trail) {
            Ok(opened) => self.checked(here, call, value, &opened, trail, Some(why.clone())).await,
            Err(untraced) => Err(untraced.to_string()),
        };
        Ok(flat.unwrap_or_else(|_| Drill {
            call: call.to_string(),
            group: here.group_shown(),
            personal_keys: here.personal_keys(),
            conditions: Vec::new(),
            tables: Vec::new(),
            sql: String::new(),
            rows: 0,
            total: Datum::null(),
            matches: false,
            ends_early: Some(why),
        }))
    }

    /// The rows counted again, and whether they come to the figure.
    async fn checked(
        &self,
        here: &Here<'_>,
        call: &Function,
        value: &Datum,
        opened: &Opened,
        trail: Trail,
        ends_early: Option<String>,
    ) -> std::result::Result<Drill, String> {
        let sql = format!(
            "SELECT {}, count(DISTINCT concat(_table, '/', _key)) FROM ({}) AS r WHERE {}",
            opened.total, opened.sql, opened.filter
        );
        let found = self.few(&sql).await;
        let (found, _) = found.map_err(|problem| problem.message)?;
        let [total, rows] = found.first().map(Vec::as_slice).unwrap_or_default() else {
            return Err("nothing came back".to_owned());
        };
        Ok(Drill {
            call: call.to_string(),
            group: here.group_shown(),
            personal_keys: here.personal_keys(),
            conditions: trail.conditions,
            tables: trail.tables.into_iter().collect(),
            // A row that counts several times is listed once.
            sql: match opened.total.as_str() {
                "sum(_counts)" => format!(
                    "SELECT _table, _key, sum(_counts) AS _counts FROM ({}) AS r WHERE {} GROUP BY _table, _key",
                    opened.sql, opened.filter
                ),
                _ => format!("SELECT DISTINCT * FROM ({}) AS r WHERE {}", opened.sql, opened.filter),
            },
            rows: rows.number().unwrap_or_default() as u64,
            matches: agree(value, total),
            total: total.clone(),
            ends_early,
        })
    }

    /// The first rows of a drill as `_table`, `_key` and what each counts for, in the order of their keys; and whether
    /// the keys are made of what is said of persons.
    pub async fn rows(&self, drill: &Drill, limit: Option<usize>) -> Result<(Vec<RecordBatch>, bool)> {
        let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        let sql = format!("SELECT * FROM ({}) AS r ORDER BY _table, _key{limit}", drill.sql);
        let found = self.fetch(&sql).await?;
        Ok((found.batches, found.personal.get(1) != Some(&false)))
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

/// A row of a block while it is taken apart.
struct Here<'h> {
    block: &'h Block<'h>,
    label: &'h str,
    values: &'h [Datum],
    /// Which of the values are made of what is said of persons.
    personal: &'h [bool],
    /// What is grouped by, with its place among the values.
    group: &'h [(Expr, usize)],
    way: Way,
}

impl Here<'_> {
    fn figure(&self, part: &Part, made: Made) -> Figure {
        use datafusion::sql::sqlparser::ast::Spanned;
        let start = part.expr.span().start;
        Figure {
            relation: self.label.to_owned(),
            column: String::new(),
            expression: part.expr.to_string(),
            place: self.block.place((start.line as u32, start.column as u32)),
            value: self.values[part.value].clone(),
            is_personal: self.is_personal(part.value),
            made,
        }
    }

    fn is_personal(&self, value: usize) -> bool {
        self.personal.get(value) != Some(&false)
    }

    fn group_shown(&self) -> Vec<(String, Datum)> {
        self.group.iter().map(|(key, at)| (key.to_string(), self.values[*at].clone())).collect()
    }

    fn personal_keys(&self) -> BTreeSet<String> {
        let personal = self.group.iter().filter(|(_, at)| self.is_personal(*at));
        personal.map(|(key, _)| key.to_string()).collect()
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

fn label_of(source: &Source<'_>, block: &Block<'_>) -> String {
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

/// Whether what the rows come to is the figure; a sum of nothing is nothing or 0.
fn agree(figure: &Datum, total: &Datum) -> bool {
    match (figure.number(), total.number()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0),
        (Some(only), None) | (None, Some(only)) => only == 0.0,
        (None, None) => figure.shown() == total.shown(),
    }
}

fn of_lineage(problem: Diagnostic, sql: &str) -> Diagnostic {
    let note = format!("{}: {sql}", problem.message);
    Diagnostic { source: None, place: None, ..problem }.note("while", note)
}
