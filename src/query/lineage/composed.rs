//! Text of queries over stored rows: a view's own SELECT with one of its relations opened.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, TableFactor, TableWithJoins};

use super::block::{Block, Item};
use super::names::{alias_of, columns_in, ident, with_clause};
use super::{Traced, Untraced};

/// What stands for the opened relation while a FROM clause is printed.
const OPENED: &str = "opened_relation";

/// The block's SELECT over other columns, with the rows of one relation replaced.
pub(super) fn composed(
    block: &Block<'_>,
    alias: &str,
    inner: &str,
    columns: &[String],
    keys: &[(Expr, String)],
) -> String {
    let mut from = block.select.from.clone();
    from.iter_mut().for_each(|from| replace(from, alias));
    let with = with_clause(block.frame, &from.iter().collect::<Vec<_>>(), None);
    let from: Vec<String> = from.iter().map(ToString::to_string).collect();
    let from = from.join(", ").replacen(OPENED, &format!("({inner})"), 1);
    let conditions: Vec<String> = block
        .selection
        .iter()
        .map(|selection| format!("({selection})"))
        .chain(keys.iter().map(|(_, condition)| condition.clone()))
        .collect();
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    format!("{with}SELECT {} FROM {from}{filter}", columns.join(", "))
}

fn replace(from: &mut TableWithJoins, alias: &str) {
    replace_factor(&mut from.relation, alias);
    from.joins.iter_mut().for_each(|join| replace_factor(&mut join.relation, alias));
}

fn replace_factor(factor: &mut TableFactor, alias: &str) {
    if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
        return replace(table_with_joins, alias);
    }
    if alias_of(factor).as_deref() != Some(alias) {
        return;
    }
    let opened = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(OPENED))]);
    match factor {
        TableFactor::Table { name, alias: declared, .. } => {
            *name = opened;
            declared.get_or_insert_with(|| table_alias(alias));
        }
        TableFactor::Derived { .. } => {
            *factor = TableFactor::Table {
                name: opened,
                alias: Some(table_alias(alias)),
                args: None,
                with_hints: Vec::new(),
                version: None,
                with_ordinality: false,
                partitions: Vec::new(),
                json_path: None,
                sample: None,
                index_hints: Vec::new(),
            };
        }
        _ => {}
    }
}

fn table_alias(name: &str) -> datafusion::sql::sqlparser::ast::TableAlias {
    datafusion::sql::sqlparser::ast::TableAlias { explicit: true, name: ident(name), columns: Vec::new(), at: None }
}

/// The columns of one relation that its block and these expressions need.
pub(super) fn columns_asked(block: &Block<'_>, alias: &str, exprs: &[&Expr]) -> Vec<String> {
    let all = exprs.iter().copied().chain(&block.joins).chain(&block.selection);
    let names: BTreeSet<String> =
        all.flat_map(columns_in).filter(|(of, _)| of == alias).map(|(_, name)| name).collect();
    names.into_iter().collect()
}

/// The keys of the only grouping set.
pub(super) fn one_set<'s>(block: &'s Block<'_>) -> Traced<&'s [Expr]> {
    if block.sets.len() > 1 {
        Err(Untraced::of("totals of several kinds are mixed in one list"))
    } else {
        Ok(&block.keys)
    }
}

/// The column of `block` that stands where `name` stands in the first SELECT of the union.
pub(super) fn matching<'s>(first: &Block<'_>, block: &'s Block<'_>, name: &str) -> Traced<&'s Item> {
    let at = first.items.iter().position(|item| item.name == name);
    at.and_then(|at| block.items.get(at)).ok_or_else(|| Untraced::of(format!("there is no column `{name}`")))
}

pub(super) fn outputs(first: &Block<'_>, block: &Block<'_>, needed: &[String]) -> Traced<Vec<(String, Expr)>> {
    needed.iter().map(|name| Ok((name.clone(), matching(first, block, name)?.expr.clone()))).collect()
}

pub(super) fn listed(outputs: &[(String, Expr)]) -> Vec<String> {
    outputs.iter().map(|(name, expr)| format!("{expr} AS {}", ident(name))).collect()
}

pub(super) fn hidden(alias: &str) -> Vec<String> {
    let alias = ident(alias);
    vec![format!("{alias}._table AS _table"), format!("{alias}._key AS _key")]
}

/// The value where all conditions hold.
pub(super) fn chosen(conditions: &[Expr], value: &str, otherwise: Option<&str>) -> String {
    if conditions.is_empty() {
        return value.to_owned();
    }
    let all: Vec<String> = conditions.iter().map(|condition| format!("({condition})")).collect();
    let otherwise = otherwise.map(|other| format!(" ELSE {other}")).unwrap_or_default();
    format!("CASE WHEN {} THEN {value}{otherwise} END", all.join(" AND "))
}

pub(super) fn one_text(expr: &Expr) -> String {
    format!("coalesce(CAST({expr} AS VARCHAR), '-')")
}

pub(super) fn as_text(exprs: &[Expr]) -> String {
    joined(&exprs.iter().map(one_text).collect::<Vec<_>>())
}

pub(super) fn joined(parts: &[String]) -> String {
    match parts {
        [] => "''".to_owned(),
        [single] => single.clone(),
        several => format!("concat_ws('/', {})", several.join(", ")),
    }
}
