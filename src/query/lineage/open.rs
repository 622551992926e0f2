//! From a figure that adds up or counts rows to a query that lists the stored rows it rests on.
//!
//! Every aggregate on the way down is opened: instead of one row per group it gives the rows of the group, each under its
//! table and key, with what it counts for. What a view asks of the rows (WHERE, JOIN, FILTER, HAVING) is asked of them
//! as it stands there, so the list is made by the same SQL as the figure. Whether it comes to the figure is checked by
//! whoever asked for it.

use datafusion::sql::sqlparser::ast::{Expr, Function};

use super::block::{Block, Source};
use super::book::{Book, Relation};
use super::composed::{as_text, chosen, columns_asked, composed, hidden, listed, one_set, outputs};
use super::names::{columns_in, ident, with_clause};
use super::shape::{Leaf, Term, arguments, has_window, is_distinct, picks};
use super::trail::Trail;
use super::{ConditionKind, Traced, Untraced, key_sql};

/// A SELECT with one row per stored row: the columns asked for, then `_table`, `_key` and what it counts for.
pub(super) struct Branch {
    pub sql: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing more.
    Rows,
    /// `_thing`: rows with the same one are counted once.
    Things,
    /// `_counts`: what the row adds.
    Counts,
}

/// Queries over the stored rows of one aggregate.
pub(super) struct Opened {
    /// Gives `_table`, `_key` and `_counts`, `_thing` or `_value`.
    pub sql: String,
    /// What the aggregate comes to over those rows.
    pub total: String,
    /// Which of the rows count.
    pub filter: &'static str,
}

impl Book<'_> {
    /// The rows of an aggregate of `block` whose group keys are these.
    pub(super) fn open_aggregate(
        &self,
        block: &Block<'_>,
        call: &Function,
        keys: &[(Expr, String)],
        trail: &mut Trail,
    ) -> Traced<Opened> {
        let name = call.name.to_string().to_lowercase();
        let select = |column: &str, branches: &[Branch]| {
            let parts: Vec<String> = branches
                .iter()
                .map(|branch| format!("SELECT _table, _key, {column} FROM ({}) AS r", branch.sql))
                .collect();
            parts.join(" UNION ALL ")
        };
        if name == "count" || name == "sum" {
            let term = Term { factor: 1.0, conditions: Vec::new(), leaf: Leaf::Call(Box::new(call.clone())) };
            let branches = self.open_calls(None, block, vec![term], &[], keys, trail)?;
            return match branches.iter().map(|branch| branch.kind).collect::<Vec<_>>().as_slice() {
                [] => Err(Untraced::of("it counts no rows of any table")),
                kinds if kinds.iter().all(|kind| *kind == Kind::Things) => Ok(Opened {
                    sql: select("_thing", &branches),
                    total: "count(DISTINCT _thing)".to_owned(),
                    filter: "_thing IS NOT NULL AND _key IS NOT NULL",
                }),
                kinds if kinds.iter().all(|kind| *kind == Kind::Counts) => Ok(Opened {
                    sql: select("_counts", &branches),
                    total: "sum(_counts)".to_owned(),
                    filter: "_counts <> 0 AND _key IS NOT NULL",
                }),
                _ => Err(Untraced::of("it counts things of several kinds")),
            };
        }
        let (value, total) = valued(call)?;
        let conditions: Vec<Expr> = call.filter.iter().map(|filter| filter.as_ref().clone()).collect();
        let mentioned = [conditions.as_slice(), std::slice::from_ref(&value)].concat();
        let carrier = self.carrier(block, &mentioned)?;
        let asked: Vec<&Expr> = mentioned.iter().chain(keys.iter().map(|(key, _)| key)).collect();
        trail.pass(block);
        if let Some(filter) = &call.filter {
            trail.add(block, ConditionKind::Filter, filter);
        }
        trail.pick(block, &picks(block, call));
        let mut branches = Vec::new();
        for inner in self.open_rows(&carrier.relation, &columns_asked(block, &carrier.alias, &asked), trail)? {
            if inner.kind != Kind::Rows {
                return Err(Untraced::of(format!("`{call}` is taken over groups of rows")));
            }
            let value = chosen(&conditions, &value.to_string(), None);
            let columns = [hidden(&carrier.alias), vec![format!("{value} AS _value")]].concat();
            branches
                .push(Branch { sql: composed(block, &carrier.alias, &inner.sql, &columns, keys), kind: Kind::Rows });
        }
        Ok(Opened { sql: select("_value", &branches), total, filter: "_value IS NOT NULL AND _key IS NOT NULL" })
    }

    /// One row per stored row behind each row of the relation.
    pub(super) fn open_rows(
        &self,
        relation: &Relation<'_>,
        needed: &[String],
        trail: &mut Trail,
    ) -> Traced<Vec<Branch>> {
        if let Some(sql) = self.rows_themselves(relation, needed, &[], trail)? {
            return Ok(vec![Branch { sql, kind: Kind::Rows }]);
        }
        let (blocks, is_union_distinct) = self.blocks(relation)?;
        let (mut branches, mut ways) = (Vec::new(), Vec::new());
        for block in &blocks {
            let mut way = trail.way();
            let outputs = outputs(&blocks[0], block, needed)?;
            let exprs: Vec<&Expr> = outputs.iter().map(|(_, expr)| expr).collect();
            way.pass(block);
            if block.is_grouped || block.is_distinct || is_union_distinct {
                let things: Vec<Expr> = match block.is_grouped {
                    true => one_set(block)?.to_vec(),
                    false => block.items.iter().map(|item| item.expr.clone()).collect(),
                };
                let carrier = self.carrier(block, &things)?;
                let thing = format!("{} AS _thing", as_text(&things));
                for inner in self.open_rows_of(block, carrier, &exprs, &things, &mut way)? {
                    let more = [hidden(&carrier.alias), vec![thing.clone()]].concat();
                    let whole = (blocks.len() == 1).then_some(relation);
                    let sql = self.grouped(whole, block, &carrier.alias, &inner.sql, &outputs, &more, &[])?;
                    branches.push(Branch { sql, kind: Kind::Things });
                }
                ways.push(way);
                continue;
            }
            let carrier = self.carrier(block, &[])?;
            for inner in self.open_rows_of(block, carrier, &exprs, &[], &mut way)? {
                if inner.kind == Kind::Things && exprs.iter().any(|expr| has_window(expr)) {
                    return Err(Untraced::of("it depends on the order of groups of rows"));
                }
                let mut columns = listed(&outputs);
                columns.extend(hidden(&carrier.alias));
                if inner.kind == Kind::Things {
                    columns.push(format!("{}._thing AS _thing", ident(&carrier.alias)));
                }
                let sql = composed(block, &carrier.alias, &inner.sql, &columns, &[]);
                branches.push(Branch { sql, kind: inner.kind });
            }
            ways.push(way);
        }
        trail.join(ways);
        Ok(branches)
    }

    fn open_rows_of(
        &self,
        block: &Block<'_>,
        carrier: &Source<'_>,
        outputs: &[&Expr],
        more: &[Expr],
        trail: &mut Trail,
    ) -> Traced<Vec<Branch>> {
        let asked: Vec<&Expr> = outputs.iter().copied().chain(more).collect();
        self.open_rows(&carrier.relation, &columns_asked(block, &carrier.alias, &asked), trail)
    }

    /// The rows of a table, or of a relation at which the way down ends.
    pub(super) fn rows_themselves(
        &self,
        relation: &Relation<'_>,
        needed: &[String],
        terms: &[(f64, String)],
        trail: &mut Trail,
    ) -> Traced<Option<String>> {
        let (label, key, from, with) = match (self.stored(relation), relation) {
            (Some((table, key)), relation) => {
                let from = match relation {
                    Relation::View(view) => view.name.as_str(),
                    _ => table,
                };
                (table, key.to_vec(), from, String::new())
            }
            (None, _) if !trail.is_flat => return Ok(None),
            (None, Relation::View(view)) => {
                (view.name.as_str(), self.flat_key(relation)?, view.name.as_str(), String::new())
            }
            (None, Relation::Query { name: Some(name), frame, .. }) => {
                (*name, self.flat_key(relation)?, *name, with_clause(*frame, &[], Some(name)))
            }
            _ => return Err(Untraced::of("its rows have no name")),
        };
        if let (Relation::View(_), Ok((blocks, _))) = (relation, self.blocks(relation))
            && !trail.is_flat
        {
            self.pass_all(&blocks, trail);
        }
        trail.tables.insert(label.to_owned());
        let key = key_sql(&key);
        let mut columns: Vec<String> = needed.iter().map(|name| ident(name).to_string()).collect();
        columns.extend([format!("'{label}' AS _table"), format!("{key} AS _key")]);
        if !terms.is_empty() {
            let sum: Vec<String> =
                terms.iter().map(|(factor, name)| format!("{factor} * coalesce({}, 0)", ident(name))).collect();
            let sum = sum.join(" + ").replace("1 * ", "");
            columns.push(format!("{sum} AS _counts"));
        }
        Ok(Some(format!("{with}SELECT {} FROM {}", columns.join(", "), ident(from))))
    }

    /// The conditions of a staging view and of the CTEs it passes rows through.
    fn pass_all(&self, blocks: &[Block<'_>], trail: &mut Trail) {
        for block in blocks {
            trail.pass(block);
            for source in &block.sources {
                if let Ok((inner, _)) = self.blocks(&source.relation) {
                    self.pass_all(&inner, trail);
                }
            }
        }
    }

    /// What tells the rows of a relation apart: its key, else every column that is no figure.
    fn flat_key(&self, relation: &Relation<'_>) -> Traced<Vec<String>> {
        if let Some(key) = self.unique_columns(relation) {
            return Ok(key);
        }
        let names: Vec<String> =
            self.columns_of(relation).into_iter().filter(|name| !self.is_computed(relation, name)).collect();
        if names.is_empty() { Err(Untraced::of("its rows have no key")) } else { Ok(names) }
    }

    /// Whether a column comes out of an aggregate or of anything but other columns.
    fn is_computed(&self, relation: &Relation<'_>, name: &str) -> bool {
        let Ok((blocks, _)) = self.blocks(relation) else { return false };
        let Some(item) = blocks.first().and_then(|block| block.item(name)) else { return false };
        match columns_in(&item.expr).as_slice() {
            [(alias, inner)] if !blocks[0].aggregates_in(&item.expr) => {
                blocks[0].source(alias).is_some_and(|source| self.is_computed(&source.relation, inner))
            }
            _ => true,
        }
    }
}

/// What an aggregate is taken of, and the aggregate over `_value` instead.
fn valued(call: &Function) -> Traced<(Expr, String)> {
    let name = call.name.to_string();
    if let [ordered] = call.within_group.as_slice() {
        let given: Vec<String> = arguments(call).iter().map(ToString::to_string).collect();
        let total = format!("{name}({}) WITHIN GROUP (ORDER BY _value)", given.join(", "));
        return Ok((ordered.expr.clone(), total));
    }
    match arguments(call).as_slice() {
        [value] if !is_distinct(call) => Ok(((*value).clone(), format!("{name}(_value)"))),
        _ => Err(Untraced::of(format!("`{call}` is not followed to its rows"))),
    }
}
