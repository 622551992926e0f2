//! An expression taken apart, and each part followed to what it is made of in one row.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{Expr, Function};

use super::block::{Block, Source};
use super::book::Relation;
use super::drill::agree;
use super::names::{columns_in, ident};
use super::row::{DEPTH_MAX, Following, Lineage, Way, label_of};
use super::shape::{Shape, number, shape};
use super::{Datum, Figure, Made};
use crate::diagnostic::Result;
use crate::query::closed::CLOSED_TABLE;
use crate::query::views::View;

/// An expression taken apart, with places in the list of values that are read of the row.
pub(super) struct Part {
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
pub(super) struct Asked(pub Vec<String>);

impl Asked {
    pub(super) fn add(&mut self, sql: String) -> usize {
        self.0.iter().position(|known| *known == sql).unwrap_or_else(|| {
            self.0.push(sql);
            self.0.len() - 1
        })
    }
}

/// A row of a block while it is taken apart.
pub(super) struct Here<'h> {
    pub block: &'h Block<'h>,
    pub label: &'h str,
    pub values: &'h [Datum],
    /// Which of the values are made of what is said of persons.
    pub personal: &'h [bool],
    /// What is grouped by, with its place among the values.
    pub group: &'h [(Expr, usize)],
    pub way: Way,
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

    pub(super) fn group_shown(&self) -> Vec<(String, Datum)> {
        self.group.iter().map(|(key, at)| (key.to_string(), self.values[*at].clone())).collect()
    }

    pub(super) fn personal_keys(&self) -> BTreeSet<String> {
        let personal = self.group.iter().filter(|(_, at)| self.is_personal(*at));
        personal.map(|(key, _)| key.to_string()).collect()
    }
}

impl Lineage<'_> {
    pub(super) fn part(&self, block: &Block<'_>, expr: &Expr, asked: &mut Asked) -> Part {
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

    pub(super) fn made<'f>(&'f self, here: &'f Here<'f>, part: &'f Part, ratios: usize) -> Following<'f> {
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
    pub(super) fn month_column<'v>(&self, relation: &Relation<'v>) -> Option<&'v str> {
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
}
