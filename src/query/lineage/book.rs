//! What the names in FROM stand for: the parsed SQL of the views at hand, and the tables below them.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::parser::Statement as ParsedStatement;
use datafusion::sql::sqlparser::ast::{Query, Select, SetExpr, SetOperator, SetQuantifier, Statement};

use super::block::Block;
use super::{Traced, Untraced};
use crate::contract::{Contracts, DeliveryKind};
use crate::diagnostic::Result;
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
    pub aggregates: BTreeSet<String>,
}

/// The view a text stands in and the CTEs that can be named there, in order.
#[derive(Clone, Copy)]
pub(super) struct Frame<'b> {
    pub view: &'b View,
    pub query: &'b Query,
    /// How many of the query's CTEs can be seen.
    pub seen: usize,
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

    pub(super) fn lookup<'b>(&'b self, name: &str, frame: Frame<'b>) -> Relation<'b> {
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
    fn selects<'b>(&'b self, relation: &Relation<'b>) -> Traced<(Vec<Block<'b>>, bool)> {
        let (query, frame) = self.read_of(relation)?;
        if query.with.is_some() && !std::ptr::eq(query, frame.query) {
            return Err(Untraced::of("a sub-select has CTEs of its own"));
        }
        let (mut selects, mut is_distinct) = (Vec::new(), false);
        flatten(&query.body, &mut selects, &mut is_distinct)?;
        let blocks = selects.into_iter().map(|select| self.block(select, frame)).collect::<Traced<Vec<_>>>()?;
        Ok((blocks, is_distinct))
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
