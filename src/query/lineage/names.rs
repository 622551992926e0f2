//! Names in SQL: how they are written, and where they stand in a text.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Spanned, TableAlias, TableFactor, TableWithJoins, visit_expressions,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::book::Frame;

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

pub(super) fn declared_alias(factor: &TableFactor) -> Option<&TableAlias> {
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

pub(super) fn last_name(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default()
}

/// `alias.name`, quoted only where the names ask for it.
pub(super) fn column(alias: &str, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![ident(alias), ident(name)])
}

/// The same, where it stands in the text.
pub(super) fn column_at(alias: &str, name: &str, span: Span) -> Expr {
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

pub(super) fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()).unwrap_or_default(),
        other => other.to_string(),
    }
}

pub(super) fn place_of(expr: &Expr) -> (u32, u32) {
    let start = expr.span().start;
    (start.line as u32, start.column as u32)
}
