//! Names in the SQL of views: what each SELECT reads, and what each of its columns is made of.
//!
//! A [`Block`] is one SELECT with every column name written out as `alias.column` and every `*` spelled out, so that the
//! rest of this module compares and rewrites expressions without asking where a name comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as ParsedStatement;
use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, Function, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Spanned, Statement, TableAlias,
    TableFactor, TableWithJoins, Value, WildcardAdditionalOptions, visit_expressions, visit_expressions_mut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::{Traced, Untraced};
use crate::contract::{Contracts, DeliveryKind};
use crate::diagnostic::{Place, Result};
use crate::query::closed::{CLOSED_TABLE, RECOMPUTED_TABLE};
use crate::query::session::Session;
use crate::query::views::{Layer, View, ViewCatalog, parse_one};

/// The parsed SQL of the views at hand, and the columns and keys of the tables below them.
pub(super) struct Book<'a> {
    catalog: &'a ViewCatalog,
    queries: BTreeMap<String, Query>,
    /// Columns of tables and of the views read so far.
    columns: BTreeMap<String, Vec<String>>,
    /// By view, those of its CTEs.
    cte_columns: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Key columns of landed tables.
    keys: BTreeMap<String, Vec<String>>,
    /// Tables that are delivered whole: lists that others refer to.
    lists: BTreeSet<String>,
    aggregates: BTreeSet<String>,
}

/// The view a text stands in and the CTEs that can be named there, in order.
#[derive(Clone, Copy)]
pub(super) struct Frame<'b> {
    pub view: &'b View,
    query: &'b Query,
    /// How many of the query's CTEs can be seen.
    seen: usize,
}

/// What stands behind a name in FROM.
#[derive(Clone, Copy)]
pub(super) enum Relation<'b> {
    Table(&'b str),
    View(&'b View),
    /// A CTE, or a sub-select where it has no name.
    Query {
        name: Option<&'b str>,
        query: &'b Query,
        frame: Frame<'b>,
    },
    /// Rows of no table: VALUES, a function.
    Made,
}

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

impl<'a> Book<'a> {
    /// Parses the views needed for `names`.
    pub fn read(session: &'a Session, contracts: &Contracts, names: &[&str]) -> Result<Self> {
        let catalog = session.catalog();
        let mut book = Self {
            catalog,
            queries: BTreeMap::new(),
            columns: session.table_columns(),
            cte_columns: BTreeMap::new(),
            keys: BTreeMap::new(),
            lists: BTreeSet::new(),
            aggregates: session.aggregate_names(),
        };
        for contract in contracts.iter() {
            let key = contract.key.iter().map(|at| contract.columns[*at].name.clone()).collect();
            book.keys.insert(contract.table.clone(), key);
            if contract.delivery == DeliveryKind::Full {
                book.lists.insert(contract.table.clone());
            }
        }
        book.keys.insert("quarantine".to_owned(), vec!["quarantine_id".to_owned()]);
        book.keys.insert("batches".to_owned(), vec!["batch_id".to_owned()]);
        book.keys.insert("runs".to_owned(), vec!["run_id".to_owned()]);
        for table in [CLOSED_TABLE, RECOMPUTED_TABLE] {
            let key = ["month", "view_name", "row_key", "column_name"];
            book.keys.insert(table.to_owned(), key.map(str::to_owned).into());
        }
        for view in catalog.in_order(names.iter().copied()) {
            if let ParsedStatement::Statement(statement) = parse_one(&view.sql)?
                && let Statement::Query(query) = *statement
            {
                let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
                let ctes: Vec<String> = ctes.map(|cte| cte.alias.name.value.clone()).collect();
                book.queries.insert(view.name.clone(), *query);
                for name in ctes {
                    let Some((_, frame)) = book.query_of(view) else { continue };
                    let cte = book.lookup(&name, frame);
                    let columns = book.columns_of(&cte);
                    book.cte_columns.entry(view.name.clone()).or_default().insert(name, columns);
                }
                let columns = book.columns_of(&Relation::View(view));
                book.columns.insert(view.name.clone(), columns);
            }
        }
        Ok(book)
    }

    pub fn view(&self, name: &str) -> Option<&'a View> {
        self.catalog.get(name).filter(|view| self.queries.contains_key(&view.name))
    }

    /// The view's query, in the frame of its own CTEs.
    fn query_of<'b>(&'b self, view: &'b View) -> Option<(&'b Query, Frame<'b>)> {
        let query = self.queries.get(&view.name)?;
        Some((query, Frame { view, query, seen: query.with.as_ref().map_or(0, |with| with.cte_tables.len()) }))
    }

    fn lookup<'b>(&'b self, name: &str, frame: Frame<'b>) -> Relation<'b> {
        let ctes = frame.query.with.as_ref().map(|with| with.cte_tables.as_slice()).unwrap_or_default();
        let seen = &ctes[..frame.seen.min(ctes.len())];
        if let Some(at) = seen.iter().rposition(|cte| cte.alias.name.value == name) {
            let cte = &seen[at];
            let frame = Frame { seen: at, ..frame };
            return Relation::Query { name: Some(&cte.alias.name.value), query: &cte.query, frame };
        }
        if let Some(view) = self.catalog.get(name) {
            return Relation::View(view);
        }
        match self.columns.get_key_value(name) {
            Some((name, _)) => Relation::Table(name),
            None => Relation::Made,
        }
    }

    pub fn columns_of(&self, relation: &Relation<'_>) -> Vec<String> {
        match relation {
            Relation::Made => Vec::new(),
            Relation::Table(name) => self.columns.get(*name).cloned().unwrap_or_default(),
            Relation::View(view) if self.columns.contains_key(&view.name) => self.columns[&view.name].clone(),
            relation => self.known_columns(relation).cloned().unwrap_or_else(|| {
                let first = self.selects(relation).ok().and_then(|(blocks, _)| blocks.into_iter().next());
                first.map(|block| block.items.into_iter().map(|item| item.name).collect()).unwrap_or_default()
            }),
        }
    }

    fn known_columns(&self, relation: &Relation<'_>) -> Option<&Vec<String>> {
        let Relation::Query { name: Some(name), frame, .. } = relation else { return None };
        self.cte_columns.get(&frame.view.name)?.get(*name)
    }

    /// The SELECTs a relation is made of, and whether their rows are made distinct.
    pub fn blocks<'b>(&'b self, relation: &Relation<'b>) -> Traced<(Vec<Block<'b>>, bool)> {
        let (query, _) = self.read_of(relation)?;
        if query.limit_clause.is_some() || query.fetch.is_some() {
            return Err(Untraced::of("the query is cut by a limit"));
        }
        self.selects(relation)
    }

    fn read_of<'b>(&'b self, relation: &Relation<'b>) -> Traced<(&'b Query, Frame<'b>)> {
        match relation {
            Relation::View(view) => self.query_of(view).ok_or(Untraced::of("the view cannot be read")),
            Relation::Query { query, frame, .. } => Ok((*query, *frame)),
            Relation::Table(_) | Relation::Made => Err(Untraced::of("it is no query")),
        }
    }

    /// As [`Book::blocks`], also where only some of the rows are taken.
    pub fn selects<'b>(&'b self, relation: &Relation<'b>) -> Traced<(Vec<Block<'b>>, bool)> {
        let (query, frame) = self.read_of(relation)?;
        if query.with.is_some() && !std::ptr::eq(query, frame.query) {
            return Err(Untraced::of("a sub-select has CTEs of its own"));
        }
        let (mut selects, mut is_distinct) = (Vec::new(), false);
        flatten(&query.body, &mut selects, &mut is_distinct)?;
        let blocks = selects.into_iter().map(|select| self.block(select, frame)).collect::<Traced<Vec<_>>>()?;
        Ok((blocks, is_distinct))
    }

    fn block<'b>(&'b self, select: &'b Select, frame: Frame<'b>) -> Traced<Block<'b>> {
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

    /// The key columns of a landed table.
    pub fn key_of_table(&self, table: &str) -> &[String] {
        self.keys.get(table).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn is_list(&self, table: &str) -> bool {
        self.lists.contains(table)
    }

    /// Rows of a landed table: the table, or a staging view that shows each of its rows under its key.
    pub fn stored<'b>(&'b self, relation: &Relation<'b>) -> Option<(&'b str, &'b [String])> {
        let table = match relation {
            Relation::Table(name) => name,
            Relation::View(view) if view.layer == Layer::Staging && view.reads.len() == 1 => view.reads[0].as_str(),
            _ => return None,
        };
        let (table, key) = self.keys.get_key_value(table)?;
        let columns = self.columns_of(relation);
        key.iter().all(|name| columns.contains(name)).then_some((table.as_str(), key.as_slice()))
    }

    /// Columns that no two rows share, where that can be told.
    pub fn unique_columns(&self, relation: &Relation<'_>) -> Option<Vec<String>> {
        if let Some((_, key)) = self.stored(relation) {
            return Some(key.to_vec());
        }
        if let Relation::View(view) = relation
            && let Some(declared) = declared_unique(view)
        {
            return Some(declared);
        }
        let (blocks, is_distinct) = self.blocks(relation).ok()?;
        let [block] = blocks.as_slice() else { return None };
        if is_distinct || block.is_distinct {
            return Some(block.items.iter().map(|item| item.name.clone()).collect());
        }
        if !block.is_grouped || block.sets.len() > 1 {
            return None;
        }
        block.keys.iter().map(|key| block.item_of(key).map(|item| item.name.clone())).collect()
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

/// `WITH …` for the CTEs that a text in this frame needs; empty where it needs none.
pub(super) fn with_clause(frame: Frame<'_>, text: &[&TableWithJoins], also: Option<&str>) -> String {
    let ctes: Vec<_> = frame.query.with.iter().flat_map(|with| &with.cte_tables).collect();
    let mut wanted: BTreeSet<String> = also.map(str::to_owned).into_iter().collect();
    for from in text {
        tables_of(*from, &mut wanted);
    }
    // From the last to the first: a CTE names only those before it.
    let mut needed = Vec::new();
    for cte in ctes.into_iter().take(frame.seen + usize::from(also.is_some())).rev() {
        if wanted.contains(&cte.alias.name.value) {
            tables_of(&*cte.query, &mut wanted);
            needed.push(cte.to_string());
        }
    }
    needed.reverse();
    if needed.is_empty() { String::new() } else { format!("WITH {} ", needed.join(", ")) }
}

fn tables_of<V: datafusion::sql::sqlparser::ast::Visit>(text: &V, names: &mut BTreeSet<String>) {
    let _ = datafusion::sql::sqlparser::ast::visit_relations(text, |name| {
        names.insert(last_name(name));
        ControlFlow::<()>::Continue(())
    });
}

/// The SELECTs of a UNION; whether one of the unions drops repeated rows.
fn flatten<'b>(body: &'b SetExpr, selects: &mut Vec<&'b Select>, is_distinct: &mut bool) -> Traced<()> {
    match body {
        SetExpr::Select(select) => selects.push(select),
        SetExpr::Query(query) if query.with.is_none() && query.limit_clause.is_none() => {
            flatten(&query.body, selects, is_distinct)?;
        }
        SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, left, right } => {
            *is_distinct |= !matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
            flatten(left, selects, is_distinct)?;
            flatten(right, selects, is_distinct)?;
        }
        _ => return Err(Untraced::of("the query is neither a SELECT nor a UNION")),
    }
    Ok(())
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

fn declared_alias(factor: &TableFactor) -> Option<&TableAlias> {
    match factor {
        TableFactor::Table { alias, .. }
        | TableFactor::Derived { alias, .. }
        | TableFactor::TableFunction { alias, .. }
        | TableFactor::UNNEST { alias, .. }
        | TableFactor::NestedJoin { alias, .. } => alias.as_ref(),
        _ => None,
    }
}

/// The name by which a relation's columns are called.
pub(super) fn alias_of(factor: &TableFactor) -> Option<String> {
    match (declared_alias(factor), factor) {
        (Some(alias), _) => Some(alias.name.value.clone()),
        (None, TableFactor::Table { name, .. }) => Some(last_name(name)),
        _ => None,
    }
}

fn last_name(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default()
}

/// The single-column or combined key that the view's `.yml` tests.
fn declared_unique(view: &View) -> Option<Vec<String>> {
    let is_unique = |test: &serde_json::Value| test == "unique" || test.get("unique").is_some();
    let single = view.model.columns.iter().find(|column| column.data_tests.iter().any(is_unique));
    // A key that is null in several rows names none of them.
    if let Some(column) = single.filter(|column| column.data_tests.iter().any(|test| test == "not_null")) {
        return Some(vec![column.name.clone()]);
    }
    let combined = view.model.data_tests.iter().find_map(|test| {
        let arguments = test.get("unique_combination")?;
        arguments.get("columns").or_else(|| arguments.get("combination_of_columns"))?.as_array().cloned()
    })?;
    combined.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

/// `alias.name`, quoted only where the names ask for it.
pub(super) fn column(alias: &str, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![ident(alias), ident(name)])
}

/// The same, where it stands in the text.
fn column_at(alias: &str, name: &str, span: Span) -> Expr {
    let at = |name| Ident { span, ..ident(name) };
    Expr::CompoundIdentifier(vec![at(alias), at(name)])
}

pub(super) fn ident(name: &str) -> Ident {
    let is_plain = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_plain { Ident::new(name) } else { Ident::with_quote('"', name) }
}

/// Every `alias.column` an expression mentions, in order.
pub(super) fn columns_in(expr: &Expr) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let _ = visit_expressions(expr, |inner| {
        if let Expr::CompoundIdentifier(parts) = inner
            && let [alias, name] = parts.as_slice()
            && !found.iter().any(|(a, n)| *a == alias.value && *n == name.value)
        {
            found.push((alias.value.clone(), name.value.clone()));
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// Without the brackets around it.
pub(super) fn unwrapped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => unwrapped(inner),
        Expr::Tuple(inner) if inner.len() == 1 => unwrapped(&inner[0]),
        other => other,
    }
}

fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()).unwrap_or_default(),
        other => other.to_string(),
    }
}

fn place_of(expr: &Expr) -> (u32, u32) {
    let start = expr.span().start;
    (start.line as u32, start.column as u32)
}
