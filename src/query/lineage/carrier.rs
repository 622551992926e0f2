//! Whose rows the joined rows of a SELECT are: of the relations it reads, the one that is counted.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};

use super::block::{Block, Source};
use super::book::{Book, Relation};
use super::names::{columns_in, unwrapped};
use super::{Traced, Untraced};

impl Book<'_> {
    /// The relation whose rows the joined rows are: each of them finds at most one row in the others.
    pub(super) fn carrier<'s, 'b>(&self, block: &'s Block<'b>, mentioned: &[Expr]) -> Traced<&'s Source<'b>> {
        let known: Vec<&Source<'_>> =
            block.sources.iter().filter(|source| self.rests_on_a_table(&source.relation)).collect();
        let fine: Vec<&Source<'_>> =
            known.iter().copied().filter(|source| !self.is_looked_up(block, source, &known)).collect();
        let mentioned: BTreeSet<String> = mentioned.iter().flat_map(columns_in).map(|(alias, _)| alias).collect();
        let pools = [&fine, &known];
        let picks = pools.into_iter().flat_map(|pool| {
            // What is reported day by day is counted; the lists it refers to are not.
            let events = pool.iter().filter(|source| self.rests_on_events(&source.relation));
            let event = events.clone().next();
            let named = pool.iter().find(|source| mentioned.contains(&source.alias));
            let firm = pool.iter().find(|source| !source.is_optional && !self.is_grouped(&source.relation));
            [
                event.filter(|_| events.count() == 1),
                named,
                firm,
                pool.iter().find(|source| !source.is_optional),
                pool.first(),
            ]
        });
        let picked = picks.flatten().next().map(|source| source.alias.clone());
        picked.and_then(|alias| block.source(&alias)).ok_or_else(|| Untraced::of("no table stands behind its rows"))
    }

    /// Whether the rows of a relation are groups of stored rows.
    pub(super) fn is_grouped(&self, relation: &Relation<'_>) -> bool {
        if self.stored(relation).is_some() {
            return false;
        }
        let Ok((blocks, is_distinct)) = self.blocks(relation) else { return false };
        is_distinct
            || blocks.iter().any(|block| {
                block.is_grouped
                    || block.is_distinct
                    || self.carrier(block, &[]).is_ok_and(|carrier| self.is_grouped(&carrier.relation))
            })
    }

    fn rests_on_a_table(&self, relation: &Relation<'_>) -> bool {
        match relation {
            Relation::Made => false,
            Relation::Table(_) => true,
            relation => match self.blocks(relation) {
                Ok((blocks, _)) => blocks
                    .iter()
                    .any(|block| block.sources.iter().any(|source| self.rests_on_a_table(&source.relation))),
                Err(_) => false,
            },
        }
    }

    /// Whether a table stands behind it that is delivered as changes.
    fn rests_on_events(&self, relation: &Relation<'_>) -> bool {
        if let Some((table, _)) = self.stored(relation) {
            return !self.is_list(table);
        }
        let Ok((blocks, _)) = self.blocks(relation) else { return false };
        blocks.iter().any(|block| block.sources.iter().any(|source| self.rests_on_events(&source.relation)))
    }

    /// Whether another relation's rows find this one's by its whole key.
    fn is_looked_up(&self, block: &Block<'_>, source: &Source<'_>, known: &[&Source<'_>]) -> bool {
        let Some(unique) = self.unique_columns(&source.relation) else { return false };
        let mut equal = Vec::new();
        block.joins.iter().chain(&block.selection).for_each(|on| equalities(on, &mut equal));
        let finds = |name: &String| {
            equal.iter().any(|(left, right)| {
                let other = match (columns_in(left).as_slice(), columns_in(right).as_slice()) {
                    ([(a, n)], [(other, _)]) | ([(other, _)], [(a, n)]) if *a == source.alias && n == name => {
                        other.clone()
                    }
                    _ => return false,
                };
                known.iter().any(|source| source.alias == other && !source.is_optional)
            })
        };
        !unique.is_empty() && unique.iter().all(finds)
    }
}

/// Both sides of each `a = b` that must hold.
fn equalities<'e>(on: &'e Expr, found: &mut Vec<(&'e Expr, &'e Expr)>) {
    match on {
        Expr::Nested(inner) => equalities(inner, found),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            equalities(left, found);
            equalities(right, found);
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } | Expr::IsNotDistinctFrom(left, right) => {
            found.push((unwrapped(left), unwrapped(right)));
        }
        _ => {}
    }
}
