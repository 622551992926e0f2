//! What is passed on the way from a figure down to its rows: conditions that they meet, and the tables they end in.
//!
//! Where there are several ways down (the parts of a UNION, the terms of a sum), a row has come one of them, so what only
//! some of them ask is said as alternatives.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{Expr, Spanned};

use super::block::Block;
use super::{Condition, ConditionKind};
use crate::diagnostic::Place;

/// What was passed on the way down.
#[derive(Default)]
pub(super) struct Trail {
    pub conditions: Vec<Condition>,
    /// Tables, or views where rows are followed no further.
    pub tables: BTreeSet<String>,
    /// Stop at the relations that the aggregate itself reads.
    pub is_flat: bool,
}

impl Trail {
    /// One of several ways on from here.
    pub fn way(&self) -> Self {
        Self { is_flat: self.is_flat, ..Self::default() }
    }

    pub fn pass(&mut self, block: &Block<'_>) {
        let conditions =
            [(ConditionKind::Where, &block.select.selection), (ConditionKind::Having, &block.select.having)];
        for (kind, written) in conditions {
            if let Some(written) = written {
                self.add(block, kind, written);
            }
        }
        for on in &block.joins {
            self.add(block, ConditionKind::Join, on);
        }
    }

    pub fn add(&mut self, block: &Block<'_>, kind: ConditionKind, expr: &Expr) {
        let start = expr.span().start;
        let place = block.place((start.line as u32, start.column as u32));
        self.put(Condition { kind, sql: expr.to_string(), place, either: Vec::new() });
    }

    fn put(&mut self, condition: Condition) {
        if !self.conditions.contains(&condition) {
            self.conditions.push(condition);
        }
    }

    /// Goes on where the ways have come: rows come from all of them, each row by one.
    pub fn join(&mut self, ways: Vec<Self>) {
        for way in &ways {
            self.tables.extend(way.tables.iter().cloned());
        }
        self.either(ways.into_iter().map(|way| way.conditions).collect());
    }

    /// A row counts where it meets all of one of several lists.
    pub fn pick(&mut self, block: &Block<'_>, lists: &[Vec<Expr>]) {
        let asked = |list: &Vec<Expr>| {
            let mut way = self.way();
            list.iter().for_each(|expr| way.add(block, ConditionKind::Filter, expr));
            way.conditions
        };
        self.count_by(lists.iter().map(asked).collect());
    }

    /// A row counts by one of several terms, each with its conditions. One without lets every row count.
    pub fn count_by(&mut self, terms: Vec<Vec<Condition>>) {
        if terms.iter().all(|term| !term.is_empty()) {
            self.either(terms);
        }
    }

    /// Every row meets all conditions of one of the lists.
    fn either(&mut self, lists: Vec<Vec<Condition>>) {
        let Some((first, others)) = lists.split_first() else { return };
        let shared = first.iter().filter(|condition| others.iter().all(|list| list.contains(condition)));
        let shared: Vec<Condition> = shared.cloned().collect();
        shared.into_iter().for_each(|condition| self.put(condition));
        let mut rest: Vec<Vec<Condition>> = Vec::new();
        for list in lists {
            let own = list.into_iter().filter(|condition| !self.conditions.contains(condition)).collect();
            if !rest.contains(&own) {
                rest.push(own);
            }
        }
        if rest.len() > 1 {
            self.put(Condition::either(rest));
        }
    }
}

impl Condition {
    /// One of several: as a single condition where each of them is one of the same kind.
    fn either(lists: Vec<Vec<Self>>) -> Self {
        let one = |list: &Vec<Self>| match list.as_slice() {
            [only] if only.either.is_empty() => Some(only.kind),
            _ => None,
        };
        let kinds: Vec<Option<ConditionKind>> = lists.iter().map(one).collect();
        let kind = kinds[0].filter(|kind| kinds.iter().all(|other| *other == Some(*kind)));
        let sql = lists.iter().map(|list| match list.as_slice() {
            [] => "true".to_owned(),
            [only] => only.sql.clone(),
            several => format!("({})", several.iter().map(|one| one.sql.as_str()).collect::<Vec<_>>().join(") AND (")),
        });
        let sql: Vec<String> = sql.map(|sql| format!("({sql})")).collect();
        Self {
            kind: kind.unwrap_or(ConditionKind::Either),
            sql: sql.join(" OR "),
            place: if kind.is_some() { lists[0][0].place.clone() } else { Place::default() },
            either: if kind.is_some() { Vec::new() } else { lists },
        }
    }
}
