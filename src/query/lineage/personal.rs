//! Which columns hold what a contract keeps from being shown, whatever a view calls them.
//!
//! Values are followed through copies, expressions and aggregates; what only decides between them, as the condition of a
//! CASE does, is not handed on. A column that cannot be followed counts as personal where a table below its view has
//! personal columns, so that nothing is shown for want of understanding the SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, visit_expressions,
};

use super::names::{Block, Book, Relation, Source};
use crate::contract::Contracts;
use crate::query::views::View;

/// Columns of the quarantine that quote what was delivered.
const QUOTING: [&str; 2] = ["original", "row_key"];
/// Functions whose outcome a reader may see.
const MASKING: &str = "mask_";

/// What is known of the tables, and of the views read so far.
pub(super) struct Personal {
    tables: BTreeMap<String, BTreeSet<String>>,
    /// By view, then by CTE; the view itself has no name.
    relations: BTreeMap<String, BTreeMap<String, Columns>>,
    /// Views above a table with personal columns.
    above: BTreeSet<String>,
}

/// Columns of a relation.
pub(super) enum Columns {
    These(BTreeSet<String>),
    /// Its SQL cannot be followed.
    All,
}

impl Columns {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::These(names) => names.contains(name),
            Self::All => true,
        }
    }
}

impl Personal {
    pub fn of(contracts: &Contracts) -> Self {
        let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for contract in contracts.iter() {
            let hidden = contract.columns.iter().filter(|column| column.hides_values());
            let hidden: BTreeSet<String> = hidden.map(|column| column.name.clone()).collect();
            if !hidden.is_empty() {
                tables.insert(contract.table.clone(), hidden);
            }
        }
        if !tables.is_empty() {
            tables.insert("quarantine".to_owned(), QUOTING.map(str::to_owned).into());
        }
        Self { tables, relations: BTreeMap::new(), above: BTreeSet::new() }
    }

    /// A view is about to be read, after those it reads.
    pub fn begin(&mut self, view: &View) {
        if view.reads.iter().any(|name| self.tables.contains_key(name) || self.above.contains(name)) {
            self.above.insert(view.name.clone());
        }
    }

    pub fn add(&mut self, view: &str, cte: &str, columns: Columns) {
        if self.above.contains(view) {
            self.relations.entry(view.to_owned()).or_default().insert(cte.to_owned(), columns);
        }
    }

    /// Whether a table below a view has personal columns.
    pub fn is_below(&self, view: &str) -> bool {
        self.above.contains(view)
    }

    fn has(&self, view: &str, cte: &str, column: &str) -> bool {
        let known = self.relations.get(view).and_then(|relations| relations.get(cte));
        self.is_below(view) && known.is_none_or(|columns| columns.has(column))
    }
}

impl Book<'_> {
    /// The columns of a query that say something of persons.
    pub fn personal_columns(&self, relation: &Relation<'_>) -> Columns {
        let view = match relation {
            Relation::View(view) => view,
            Relation::Query { frame, .. } => frame.view,
            Relation::Table(_) | Relation::Made => return Columns::These(BTreeSet::new()),
        };
        if !self.personal.is_below(&view.name) {
            return Columns::These(BTreeSet::new());
        }
        let Ok((blocks, _)) = self.selects(relation) else { return Columns::All };
        let mut names = BTreeSet::new();
        for block in &blocks {
            let personal =
                block.items.iter().zip(&blocks[0].items).filter(|(item, _)| self.is_of_persons(block, &item.expr));
            names.extend(personal.map(|(_, named)| named.name.clone()));
        }
        Columns::These(names)
    }

    /// Whether the values of a column say something of persons.
    pub fn is_personal(&self, relation: &Relation<'_>, column: &str) -> bool {
        match relation {
            Relation::Table(table) => self.personal.tables.get(*table).is_some_and(|names| names.contains(column)),
            Relation::View(view) => self.personal.has(&view.name, "", column),
            Relation::Query { name: Some(name), frame, .. } => self.personal.has(&frame.view.name, name, column),
            Relation::Query { name: None, .. } => self.personal_columns(relation).has(column),
            Relation::Made => false,
        }
    }

    /// Whether the value of an expression does.
    pub fn is_of_persons(&self, block: &Block<'_>, expr: &Expr) -> bool {
        if !self.personal.is_below(&block.frame.view.name) {
            return false;
        }
        let is = |inner: &Expr| self.is_of_persons(block, inner);
        match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => is(inner),
            Expr::BinaryOp { left, right, .. } => is(left) || is(right),
            Expr::Case { conditions, else_result, .. } => {
                conditions.iter().any(|case| is(&case.result)) || else_result.as_deref().is_some_and(is)
            }
            Expr::Function(call) if call.name.to_string().to_lowercase().starts_with(MASKING) => false,
            Expr::Function(call) => given(call).is_none_or(|given| given.into_iter().any(is)),
            Expr::Subquery(query) => {
                let inner = Relation::Query { name: None, query, frame: block.frame };
                let Ok((blocks, _)) = self.selects(&inner) else { return true };
                blocks.iter().any(|block| block.items.iter().any(|item| self.is_of_persons(block, &item.expr)))
            }
            Expr::Exists { .. } | Expr::InSubquery { .. } => false,
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [alias, name] => {
                    block.source(&alias.value).is_none_or(|source| self.is_column_of_persons(source, &name.value))
                }
                _ => true,
            },
            // A name that no relation has.
            Expr::Identifier(_) => true,
            other => visit_expressions(other, |inner| match inner {
                Expr::Subquery(_) | Expr::Identifier(_) => ControlFlow::Break(()),
                Expr::CompoundIdentifier(_) if is(inner) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
            .is_break(),
        }
    }

    fn is_column_of_persons(&self, source: &Source<'_>, name: &str) -> bool {
        match source.relation {
            Relation::Made => !source.is_constant,
            relation => self.is_personal(&relation, name),
        }
    }
}

/// What a function is given; `None` where that is no list of expressions.
fn given(call: &Function) -> Option<Vec<&Expr>> {
    let list = match &call.args {
        FunctionArguments::None => return Some(Vec::new()),
        FunctionArguments::Subquery(_) => return None,
        FunctionArguments::List(list) => list,
    };
    let mut given: Vec<&Expr> = call.within_group.iter().map(|ordered| &ordered.expr).collect();
    for argument in &list.args {
        let (FunctionArg::Unnamed(argument)
        | FunctionArg::Named { arg: argument, .. }
        | FunctionArg::ExprNamed { arg: argument, .. }) = argument;
        match argument {
            FunctionArgExpr::Expr(expr) => given.push(expr),
            FunctionArgExpr::Wildcard if list.args.len() == 1 => {}
            _ => return None,
        }
    }
    Some(given)
}
