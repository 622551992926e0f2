//! One SELECT: what it reads, and what each of its columns is made of.
//!
//! A [`Block`] has every column name written out as `alias.column` and every `*` spelled out, so that the rest of this
//! module compares and rewrites expressions without asking where a name comes from.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, Function, GroupByExpr, Join, JoinConstraint, JoinOperator, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, Value, WildcardAdditionalOptions,
    visit_expressions, visit_expressions_mut,
};

use super::book::{Book, Frame, Relation};
use super::names::{alias_of, column, column_at, declared_alias, last_name, name_of, place_of, unwrapped};
use super::{Traced, Untraced};
use crate::diagnostic::Place;

/// One relation of a FROM clause.
pub(super) struct Source<'b> {
    pub alias: String,
    pub relation: Relation<'b>,
    pub columns: Vec<String>,
    /// Its columns may be null because nothing matched.
    pub is_optional: bool,
}

pub(super) struct Item {
    pub name: String,
    pub expr: Expr,
    /// Line and column in the view's file.
    pub place: (u32, u32),
}

/// One SELECT with its names resolved.
pub(super) struct Block<'b> {
    pub select: &'b Select,
    pub frame: Frame<'b>,
    pub sources: Vec<Source<'b>>,
    pub items: Vec<Item>,
    /// What is grouped by, each once.
    pub keys: Vec<Expr>,
    /// Which of the keys each grouping set has.
    pub sets: Vec<Vec<usize>>,
    pub is_grouped: bool,
    pub is_distinct: bool,
    pub selection: Option<Expr>,
    pub having: Option<Expr>,
    /// The ON conditions, with the place of each.
    pub joins: Vec<Expr>,
    pub is_aggregate: fn(&BTreeSet<String>, &Function) -> bool,
    aggregates: &'b BTreeSet<String>,
}

impl Book<'_> {
    pub(super) fn block<'b>(&'b self, select: &'b Select, frame: Frame<'b>) -> Traced<Block<'b>> {
        if select.qualify.is_some() || select.top.is_some() || !select.lateral_views.is_empty() {
            return Err(Untraced::of("the query has clauses that are not followed"));
        }
        let mut block = Block {
            select,
            frame,
            sources: Vec::new(),
            items: Vec::new(),
            keys: Vec::new(),
            sets: Vec::new(),
            is_grouped: false,
            is_distinct: match &select.distinct {
                None | Some(Distinct::All) => false,
                Some(Distinct::Distinct) => true,
                Some(Distinct::On(_)) => return Err(Untraced::of("DISTINCT ON picks a row of several")),
            },
            selection: None,
            having: None,
            joins: Vec::new(),
            is_aggregate: |known, call| known.contains(&call.name.to_string().to_lowercase()),
            aggregates: &self.aggregates,
        };
        let mut conditions = Vec::new();
        for from in &select.from {
            self.add_sources(from, frame, false, &mut block.sources, &mut conditions);
        }
        block.joins = conditions.into_iter().map(|on| block.in_own_names(on)).collect();
        block.selection = select.selection.as_ref().map(|selection| block.in_own_names(selection));
        block.items = block.spelled_out();
        block.having = select.having.as_ref().map(|having| block.in_own_names(having));
        block.group()?;
        Ok(block)
    }

    fn add_sources<'b>(
        &'b self,
        from: &'b TableWithJoins,
        frame: Frame<'b>,
        is_optional: bool,
        sources: &mut Vec<Source<'b>>,
        conditions: &mut Vec<&'b Expr>,
    ) {
        let start = sources.len();
        self.add_source(&from.relation, frame, is_optional, sources, conditions);
        for join in &from.joins {
            let (left, right, is_visible) = optional_sides(join);
            if left {
                sources[start..].iter_mut().for_each(|source| source.is_optional = true);
            }
            let count = sources.len();
            self.add_source(&join.relation, frame, is_optional || right, sources, conditions);
            if !is_visible {
                sources.truncate(count);
            }
            conditions.extend(on(join));
        }
    }

    fn add_source<'b>(
        &'b self,
        factor: &'b TableFactor,
        frame: Frame<'b>,
        is_optional: bool,
        sources: &mut Vec<Source<'b>>,
        conditions: &mut Vec<&'b Expr>,
    ) {
        if let TableFactor::NestedJoin { table_with_joins, alias: None } = factor {
            return self.add_sources(table_with_joins, frame, is_optional, sources, conditions);
        }
        let Some(alias) = alias_of(factor) else { return };
        let relation = match factor {
            TableFactor::Table { name, args: None, .. } => self.lookup(&last_name(name), frame),
            TableFactor::Derived { subquery, .. } if matches!(*subquery.body, SetExpr::Values(_)) => Relation::Made,
            TableFactor::Derived { subquery, .. } => Relation::Query { name: None, query: subquery, frame },
            _ => Relation::Made,
        };
        let renamed = declared_alias(factor).map(|alias| alias.columns.as_slice()).unwrap_or_default();
        // Columns with names of their own are followed no further.
        let relation = if renamed.is_empty() { relation } else { Relation::Made };
        let columns = match renamed {
            [] => self.columns_of(&relation),
            renamed => renamed.iter().map(|column| column.name.value.clone()).collect(),
        };
        sources.push(Source { alias, relation, columns, is_optional });
    }
}

impl<'b> Block<'b> {
    /// The expression with every column written as `alias.column`.
    pub fn in_own_names(&self, expr: &Expr) -> Expr {
        let mut expr = expr.clone();
        let _ = visit_expressions_mut(&mut expr, |inner| {
            if let Expr::Identifier(ident) = inner
                && let Some(source) = self.sources.iter().find(|source| source.columns.contains(&ident.value))
            {
                *inner = column_at(&source.alias, &ident.value, ident.span);
            } else if let Expr::CompoundIdentifier(parts) = inner
                && let [alias, name] = parts.as_slice()
            {
                *inner = column_at(&alias.value, &name.value, alias.span);
            }
            ControlFlow::<()>::Continue(())
        });
        expr
    }

    fn spelled_out(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for item in &self.select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    items.push(Item { name: name_of(expr), place: place_of(expr), expr: self.in_own_names(expr) });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    items.push(Item { name: alias.value.clone(), place: place_of(expr), expr: self.in_own_names(expr) })
                }
                SelectItem::Wildcard(options) => items.extend(self.all_of(None, options)),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    items.extend(self.all_of(Some(&last_name(name)), options));
                }
                _ => {}
            }
        }
        items
    }

    fn all_of(&self, alias: Option<&str>, options: &WildcardAdditionalOptions) -> Vec<Item> {
        let mut left_out: Vec<&str> = Vec::new();
        if let Some(except) = &options.opt_except {
            left_out.push(&except.first_element.value);
            left_out.extend(except.additional_elements.iter().map(|ident| ident.value.as_str()));
        }
        let start = options.wildcard_token.0.span.start;
        let place = (start.line as u32, start.column as u32);
        let sources = self.sources.iter().filter(|source| alias.is_none_or(|alias| alias == source.alias));
        sources
            .flat_map(|source| source.columns.iter().map(move |name| (source, name)))
            .filter(|(_, name)| !left_out.contains(&name.as_str()))
            .map(|(source, name)| Item { name: name.clone(), expr: column(&source.alias, name), place })
            .collect()
    }

    fn group(&mut self) -> Traced<()> {
        let GroupByExpr::Expressions(exprs, modifiers) = &self.select.group_by else {
            return Err(Untraced::of("GROUP BY ALL names no keys"));
        };
        if !modifiers.is_empty() {
            return Err(Untraced::of("GROUP BY has modifiers"));
        }
        let mut sets: Vec<Vec<Expr>> = vec![Vec::new()];
        for expr in exprs {
            let more: Vec<Vec<Expr>> = match expr {
                Expr::GroupingSets(sets) => sets.clone(),
                Expr::Rollup(parts) => (0..=parts.len()).rev().map(|kept| parts[..kept].concat()).collect(),
                Expr::Cube(parts) => (0..1_u32 << parts.len().min(12))
                    .map(|mask| {
                        parts
                            .iter()
                            .enumerate()
                            .filter(|(at, _)| mask >> at & 1 == 1)
                            .flat_map(|(_, part)| part.clone())
                            .collect()
                    })
                    .collect(),
                Expr::Value(value) => match &value.value {
                    Value::Number(position, _) => {
                        let item = position.parse::<usize>().ok().and_then(|at| self.items.get(at.checked_sub(1)?));
                        vec![vec![item.ok_or(Untraced::of("GROUP BY counts columns"))?.expr.clone()]]
                    }
                    _ => vec![Vec::new()],
                },
                single => vec![vec![single.clone()]],
            };
            sets = sets.iter().flat_map(|set| more.iter().map(|keys| [set.as_slice(), keys].concat())).collect();
        }
        for set in sets {
            let mut places = Vec::new();
            for key in set {
                let mut key = self.in_own_names(&unwrapped(&key).clone());
                // The name of a column of the outcome.
                if let Expr::Identifier(ident) = &key
                    && let Some(item) = self.items.iter().find(|item| item.name == ident.value)
                {
                    key = item.expr.clone();
                }
                let at = self.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                    self.keys.push(key);
                    self.keys.len() - 1
                });
                places.push(at);
            }
            self.sets.push(places);
        }
        let has_calls =
            self.items.iter().map(|item| &item.expr).chain(&self.having).any(|expr| self.aggregates_in(expr));
        self.is_grouped = !exprs.is_empty() || has_calls;
        Ok(())
    }

    /// Whether an expression holds an aggregate of this SELECT.
    pub fn aggregates_in(&self, expr: &Expr) -> bool {
        visit_expressions(expr, |inner| match inner {
            Expr::Function(call) if self.is_call(call) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .is_break()
    }

    pub fn is_call(&self, call: &Function) -> bool {
        call.over.is_none() && (self.is_aggregate)(self.aggregates, call)
    }

    pub fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }

    /// The column of the outcome that is just this expression.
    pub fn item_of(&self, expr: &Expr) -> Option<&Item> {
        self.items.iter().find(|item| item.expr == *expr)
    }

    /// The source a column belongs to.
    pub fn source(&self, alias: &str) -> Option<&Source<'b>> {
        self.sources.iter().find(|source| source.alias == alias)
    }

    /// The file and the place in it.
    pub fn place(&self, (line, column): (u32, u32)) -> Place {
        match line {
            // A text that stands nowhere as it is.
            0 => Place::file(&self.frame.view.path),
            line => Place::at(&self.frame.view.path, line, column),
        }
    }
}

/// Whether the left and the right side of a join may stay unmatched, and whether the right side's columns can be named.
fn optional_sides(join: &Join) -> (bool, bool, bool) {
    use JoinOperator::{
        Anti, FullOuter, Left, LeftAnti, LeftOuter, LeftSemi, Right, RightAnti, RightOuter, RightSemi, Semi,
    };
    match &join.join_operator {
        Left(_) | LeftOuter(_) => (false, true, true),
        Right(_) | RightOuter(_) => (true, false, true),
        FullOuter(_) => (true, true, true),
        Semi(_) | LeftSemi(_) | Anti(_) | LeftAnti(_) | RightSemi(_) | RightAnti(_) => (false, false, false),
        _ => (false, false, true),
    }
}

fn on(join: &Join) -> Option<&Expr> {
    use JoinOperator::{
        Anti, CrossJoin, FullOuter, Inner, Join, Left, LeftAnti, LeftOuter, LeftSemi, Right, RightAnti, RightOuter,
        RightSemi, Semi,
    };
    match &join.join_operator {
        Join(on) | Inner(on) | Left(on) | LeftOuter(on) | Right(on) | RightOuter(on) | FullOuter(on)
        | CrossJoin(on) | Semi(on) | LeftSemi(on) | RightSemi(on) | Anti(on) | LeftAnti(on) | RightAnti(on) => match on
        {
            JoinConstraint::On(expr) => Some(expr),
            _ => None,
        },
        _ => None,
    }
}
