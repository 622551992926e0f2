//! From a figure that adds up or counts rows to a query that lists the stored rows it rests on.
//!
//! Every aggregate on the way down is opened: instead of one row per group it gives the rows of the group, each under its
//! table and key, with what it counts for. What a view asks of the rows (WHERE, JOIN, FILTER, HAVING) is asked of them
//! as it stands there, so the list is made by the same SQL as the figure. Whether it comes to the figure is checked by
//! whoever asked for it.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, Ident, ObjectName, ObjectNamePart, TableFactor, TableWithJoins,
};

use super::names::{Block, Book, Item, Relation, Source, alias_of, columns_in, ident, unwrapped, with_clause};
use super::shape::{Leaf, Term, arguments, has_window, is_distinct, linear};
use super::trail::Trail;
use super::{Condition, ConditionKind, Traced, Untraced, key_sql};

/// What stands for the opened relation while a FROM clause is printed.
const OPENED: &str = "opened_relation";

/// A SELECT with one row per stored row: the columns asked for, then `_table`, `_key` and what it counts for.
struct Branch {
    sql: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
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
    fn open_rows(&self, relation: &Relation<'_>, needed: &[String], trail: &mut Trail) -> Traced<Vec<Branch>> {
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

    /// The stored rows whose sum is that of `terms`, each a factor and a column of the relation.
    fn open_sum(
        &self,
        relation: &Relation<'_>,
        terms: &[(f64, String)],
        needed: &[String],
        trail: &mut Trail,
    ) -> Traced<Vec<Branch>> {
        if let Some(sql) = self.rows_themselves(relation, needed, terms, trail)? {
            return Ok(vec![Branch { sql, kind: Kind::Counts }]);
        }
        let (blocks, is_union_distinct) = self.blocks(relation)?;
        let (mut branches, mut ways) = (Vec::new(), Vec::new());
        for block in &blocks {
            let mut all = Vec::new();
            for (factor, name) in terms {
                let item = matching(&blocks[0], block, name)?;
                let found = linear(block, &item.expr)?;
                all.extend(found.into_iter().map(|term| Term { factor: term.factor * factor, ..term }));
            }
            if all.is_empty() {
                continue;
            }
            if block.is_distinct || is_union_distinct {
                return Err(Untraced::of("figures are added up after repeated ones are dropped"));
            }
            let mut way = trail.way();
            let outputs = outputs(&blocks[0], block, needed)?;
            if block.is_grouped {
                one_set(block)?;
                let whole = (blocks.len() == 1).then_some(relation);
                branches.extend(self.open_calls(whole, block, all, &outputs, &[], &mut way)?);
            } else {
                way.pass(block);
                branches.extend(self.open_columns(block, all, &outputs, &[], &mut way)?);
            }
            ways.push(way);
        }
        trail.join(ways);
        Ok(branches)
    }

    /// The rows behind a sum of columns, for each relation and condition apart.
    fn open_columns(
        &self,
        block: &Block<'_>,
        terms: Vec<Term>,
        outputs: &[(String, Expr)],
        keys: &[(Expr, String)],
        trail: &mut Trail,
    ) -> Traced<Vec<Branch>> {
        if outputs.iter().any(|(_, expr)| has_window(expr)) {
            return Err(Untraced::of("it depends on other rows of the outcome"));
        }
        // Table, conditions, columns with their factors.
        type Group = (String, Vec<Expr>, Vec<(f64, String)>);
        let mut groups: Vec<Group> = Vec::new();
        for term in terms {
            let Leaf::Column(alias, name) = term.leaf else {
                return Err(Untraced::of("an aggregate stands where none can"));
            };
            match groups.iter_mut().find(|(known, conditions, _)| *known == alias && *conditions == term.conditions) {
                Some((_, _, columns)) => columns.push((term.factor, name)),
                None => groups.push((alias, term.conditions, vec![(term.factor, name)])),
            }
        }
        let (mut branches, mut ways) = (Vec::new(), Vec::new());
        for (alias, conditions, columns) in groups {
            let mut way = trail.way();
            let source = block.source(&alias).ok_or_else(|| Untraced::of(format!("`{alias}` is not read there")))?;
            let asked: Vec<&Expr> = outputs
                .iter()
                .map(|(_, expr)| expr)
                .chain(&conditions)
                .chain(keys.iter().map(|(key, _)| key))
                .collect();
            for inner in self.open_sum(&source.relation, &columns, &columns_asked(block, &alias, &asked), &mut way)? {
                let of = ident(&alias);
                let counts = match inner.kind {
                    Kind::Things => format!("{} AS _thing", chosen(&conditions, &format!("{of}._thing"), None)),
                    _ => format!("{} AS _counts", chosen(&conditions, &format!("{of}._counts"), Some("0"))),
                };
                let columns = [listed(outputs), hidden(&alias), vec![counts]].concat();
                let sql = composed(block, &alias, &inner.sql, &columns, keys);
                branches.push(Branch { sql, kind: inner.kind });
            }
            ways.push(way);
        }
        trail.join(ways);
        Ok(branches)
    }

    /// The rows behind a sum of aggregates of one block.
    fn open_calls(
        &self,
        whole: Option<&Relation<'_>>,
        block: &Block<'_>,
        terms: Vec<Term>,
        outputs: &[(String, Expr)],
        keys: &[(Expr, String)],
        trail: &mut Trail,
    ) -> Traced<Vec<Branch>> {
        trail.pass(block);
        // At the top the group is known; further down each row keeps the keys of its group.
        let group: &[Expr] = if keys.is_empty() && !outputs.is_empty() { one_set(block)? } else { &[] };
        let is_single = terms.len() == 1;
        let (mut branches, mut ways) = (Vec::new(), Vec::new());
        // Counts over the same rows go into one list.
        let mut counted: Vec<Counted<'_, '_>> = Vec::new();
        for term in terms {
            let Leaf::Call(call) = &term.leaf else {
                return Err(Untraced::of("a figure is added to the keys of its group"));
            };
            let mut conditions = term.conditions.clone();
            let mut way = trail.way();
            if let Some(filter) = &call.filter {
                way.add(block, ConditionKind::Filter, filter);
                conditions.push(filter.as_ref().clone());
            }
            let argument = arguments(call).first().map(|argument| (*argument).clone());
            let name = call.name.to_string().to_lowercase();
            match (name.as_str(), argument) {
                ("sum", Some(argument)) if !is_distinct(call) => {
                    let added = linear(block, &argument).and_then(|inner| {
                        let inner = inner.into_iter().map(|inner| Term {
                            factor: inner.factor * term.factor,
                            conditions: [conditions.as_slice(), &inner.conditions].concat(),
                            leaf: inner.leaf,
                        });
                        let mut inside = trail.way();
                        let rows = self.summed(whole, block, inner.collect(), outputs, group, keys, &mut inside)?;
                        Ok((rows, inside))
                    });
                    match added {
                        Ok((more, inside)) => {
                            branches.extend(more);
                            way.join(vec![inside]);
                            ways.push(way);
                        }
                        // A number of each row that is computed there.
                        Err(untraced) => {
                            let mentioned = [conditions.as_slice(), std::slice::from_ref(&argument)].concat();
                            let carrier = self.carrier(block, &mentioned).map_err(|_| untraced)?;
                            let value = format!("{} * ({argument})", term.factor);
                            let counts = chosen(&conditions, &value, Some("0"));
                            add_count(&mut counted, carrier, counts, mentioned, way.conditions);
                        }
                    }
                }
                ("count", argument) => {
                    if let Some(argument) = &argument {
                        conditions.push(Expr::IsNotNull(Box::new(Expr::Nested(Box::new(argument.clone())))));
                    }
                    let mentioned: Vec<Expr> = conditions.iter().chain(&argument).cloned().collect();
                    let carrier = self.carrier(block, &mentioned)?;
                    let is_things = is_distinct(call) || self.is_grouped(&carrier.relation);
                    if !is_things {
                        let counts = chosen(&conditions, &term.factor.to_string(), Some("0"));
                        add_count(&mut counted, carrier, counts, mentioned, way.conditions);
                        continue;
                    }
                    if !is_single || (term.factor - 1.0).abs() > f64::EPSILON {
                        return Err(Untraced::of("several counts of different things are added up"));
                    }
                    let asked: Vec<&Expr> = asked(outputs, keys, group).chain(&mentioned).collect();
                    for inner in
                        self.open_rows(&carrier.relation, &columns_asked(block, &carrier.alias, &asked), &mut way)?
                    {
                        let mut parts: Vec<String> = group.iter().map(one_text).collect();
                        match (&argument, is_distinct(call)) {
                            (Some(argument), true) => parts.push(one_text(argument)),
                            _ => parts.push(format!("{}._thing", ident(&carrier.alias))),
                        }
                        let thing = chosen(&conditions, &joined(&parts), None);
                        let more = [hidden(&carrier.alias), vec![format!("{thing} AS _thing")]].concat();
                        let sql = self.grouped(whole, block, &carrier.alias, &inner.sql, outputs, &more, keys)?;
                        branches.push(Branch { sql, kind: Kind::Things });
                    }
                    ways.push(way);
                }
                _ => return Err(Untraced::of(format!("`{call}` is no count and no sum"))),
            }
        }
        for Counted { carrier, counts, mentioned, terms } in counted {
            let mut way = trail.way();
            way.count_by(terms);
            let asked: Vec<&Expr> = asked(outputs, keys, group).chain(&mentioned).collect();
            for inner in self.open_rows(&carrier.relation, &columns_asked(block, &carrier.alias, &asked), &mut way)? {
                if inner.kind != Kind::Rows {
                    return Err(Untraced::of("groups of rows are counted several times over"));
                }
                let more = [hidden(&carrier.alias), vec![format!("{} AS _counts", counts.join(" + "))]].concat();
                let sql = self.grouped(whole, block, &carrier.alias, &inner.sql, outputs, &more, keys)?;
                branches.push(Branch { sql, kind: Kind::Counts });
            }
            ways.push(way);
        }
        trail.join(ways);
        Ok(branches)
    }

    /// The rows behind `sum(…)` of columns.
    #[expect(clippy::too_many_arguments, reason = "the place of a sum: its block, its group, and who asks")]
    fn summed(
        &self,
        whole: Option<&Relation<'_>>,
        block: &Block<'_>,
        terms: Vec<Term>,
        outputs: &[(String, Expr)],
        group: &[Expr],
        keys: &[(Expr, String)],
        trail: &mut Trail,
    ) -> Traced<Vec<Branch>> {
        let plain: Vec<(String, Expr)> =
            group.iter().enumerate().map(|(at, key)| (format!("_k{at}"), key.clone())).collect();
        let mut branches = Vec::new();
        for inner in self.open_columns(block, terms, &plain, keys, trail)? {
            let counts = match inner.kind {
                Kind::Things => {
                    let mut parts: Vec<String> =
                        plain.iter().map(|(name, _)| format!("coalesce(CAST({name} AS VARCHAR), '-')")).collect();
                    parts.push("_thing".to_owned());
                    format!("{} AS _thing", joined(&parts))
                }
                _ => "_counts".to_owned(),
            };
            let more = ["_table".to_owned(), "_key".to_owned(), counts];
            branches.push(Branch { sql: self.regrouped(whole, block, &inner.sql, outputs, &more)?, kind: inner.kind });
        }
        Ok(branches)
    }

    /// The rows of a group with the columns asked of the group.
    #[expect(clippy::too_many_arguments, reason = "what is selected from where for whom")]
    fn grouped(
        &self,
        whole: Option<&Relation<'_>>,
        block: &Block<'_>,
        alias: &str,
        inner: &str,
        outputs: &[(String, Expr)],
        more: &[String],
        keys: &[(Expr, String)],
    ) -> Traced<String> {
        if block.having.is_none() && !outputs.iter().any(|(_, expr)| block.aggregates_in(expr)) {
            return Ok(composed(block, alias, inner, &[listed(outputs), more.to_vec()].concat(), keys));
        }
        if !keys.is_empty() && outputs.is_empty() {
            // The group at the top is there, so it has what HAVING asks.
            return Ok(composed(block, alias, inner, more, keys));
        }
        let names: Vec<(String, Expr)> =
            block.keys.iter().enumerate().map(|(at, key)| (format!("_k{at}"), key.clone())).collect();
        let sql = composed(block, alias, inner, &[listed(&names), more.to_vec()].concat(), keys);
        let kept: Vec<String> =
            more.iter().map(|column| column.rsplit(" AS ").next().unwrap_or(column).to_owned()).collect();
        self.regrouped(whole, block, &sql, outputs, &kept)
    }

    /// Joins rows that carry the keys of their group as `_k0`, `_k1`, … with the group itself, for its other columns.
    fn regrouped(
        &self,
        whole: Option<&Relation<'_>>,
        block: &Block<'_>,
        rows: &str,
        outputs: &[(String, Expr)],
        more: &[String],
    ) -> Traced<String> {
        if outputs.is_empty() && block.having.is_none() {
            return Ok(format!("SELECT {} FROM ({rows}) AS i", more.join(", ")));
        }
        let key_of = |expr: &Expr| block.keys.iter().position(|key| key == expr);
        let simple: Option<Vec<String>> =
            outputs.iter().map(|(name, expr)| key_of(expr).map(|at| format!("_k{at} AS {}", ident(name)))).collect();
        if let (Some(columns), None) = (&simple, &block.having) {
            return Ok(format!("SELECT {} FROM ({rows}) AS i", [columns.as_slice(), more].concat().join(", ")));
        }
        let (name, with) = match whole {
            Some(Relation::View(view)) => (view.name.as_str(), String::new()),
            Some(Relation::Query { name: Some(name), frame, .. }) => (*name, with_clause(*frame, &[], Some(name))),
            _ => return Err(Untraced::of("a group is asked for more than its keys and has no name")),
        };
        let mut matches = Vec::new();
        for (at, key) in block.keys.iter().enumerate() {
            let item =
                block.item_of(key).ok_or_else(|| Untraced::of(format!("the group's key `{key}` is no column")))?;
            matches.push(format!("(g.{} IS NOT DISTINCT FROM i._k{at})", ident(&item.name)));
        }
        let mut columns = Vec::new();
        for (name, expr) in outputs {
            let item = block.item_of(expr).ok_or_else(|| Untraced::of(format!("`{expr}` is no column")))?;
            columns.push(format!("g.{} AS {}", ident(&item.name), ident(name)));
        }
        columns.extend(
            more.iter().map(|column| if column.contains(" AS ") { column.clone() } else { format!("i.{column}") }),
        );
        let condition = if matches.is_empty() { "true".to_owned() } else { matches.join(" AND ") };
        Ok(format!("{with}SELECT {} FROM ({rows}) AS i JOIN {} AS g ON {condition}", columns.join(", "), ident(name)))
    }

    /// The rows of a table, or of a relation at which the way down ends.
    fn rows_themselves(
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

    /// Whether the rows of a relation are groups of stored rows.
    fn is_grouped(&self, relation: &Relation<'_>) -> bool {
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

    /// The relation whose rows the joined rows are: each of them finds at most one row in the others.
    fn carrier<'s, 'b>(&self, block: &'s Block<'b>, mentioned: &[Expr]) -> Traced<&'s Source<'b>> {
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

fn asked<'e>(
    outputs: &'e [(String, Expr)],
    keys: &'e [(Expr, String)],
    group: &'e [Expr],
) -> impl Iterator<Item = &'e Expr> {
    outputs.iter().map(|(_, expr)| expr).chain(keys.iter().map(|(key, _)| key)).chain(group)
}

/// Counts over the rows of one relation.
struct Counted<'s, 'b> {
    carrier: &'s Source<'b>,
    /// What each term counts a row for.
    counts: Vec<String>,
    mentioned: Vec<Expr>,
    /// What each term asks of a row.
    terms: Vec<Vec<Condition>>,
}

fn add_count<'s, 'b>(
    counted: &mut Vec<Counted<'s, 'b>>,
    carrier: &'s Source<'b>,
    counts: String,
    mentioned: Vec<Expr>,
    asked: Vec<Condition>,
) {
    match counted.iter_mut().find(|known| known.carrier.alias == carrier.alias) {
        Some(known) => {
            known.counts.push(counts);
            known.mentioned.extend(mentioned);
            known.terms.push(asked);
        }
        None => counted.push(Counted { carrier, counts: vec![counts], mentioned, terms: vec![asked] }),
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

/// The keys of the only grouping set.
fn one_set<'s>(block: &'s Block<'_>) -> Traced<&'s [Expr]> {
    if block.sets.len() > 1 {
        Err(Untraced::of("totals of several kinds are mixed in one list"))
    } else {
        Ok(&block.keys)
    }
}

/// The column of `block` that stands where `name` stands in the first SELECT of the union.
fn matching<'s>(first: &Block<'_>, block: &'s Block<'_>, name: &str) -> Traced<&'s Item> {
    let at = first.items.iter().position(|item| item.name == name);
    at.and_then(|at| block.items.get(at)).ok_or_else(|| Untraced::of(format!("there is no column `{name}`")))
}

fn outputs(first: &Block<'_>, block: &Block<'_>, needed: &[String]) -> Traced<Vec<(String, Expr)>> {
    needed.iter().map(|name| Ok((name.clone(), matching(first, block, name)?.expr.clone()))).collect()
}

fn listed(outputs: &[(String, Expr)]) -> Vec<String> {
    outputs.iter().map(|(name, expr)| format!("{expr} AS {}", ident(name))).collect()
}

fn hidden(alias: &str) -> Vec<String> {
    let alias = ident(alias);
    vec![format!("{alias}._table AS _table"), format!("{alias}._key AS _key")]
}

/// The value where all conditions hold.
fn chosen(conditions: &[Expr], value: &str, otherwise: Option<&str>) -> String {
    if conditions.is_empty() {
        return value.to_owned();
    }
    let all: Vec<String> = conditions.iter().map(|condition| format!("({condition})")).collect();
    let otherwise = otherwise.map(|other| format!(" ELSE {other}")).unwrap_or_default();
    format!("CASE WHEN {} THEN {value}{otherwise} END", all.join(" AND "))
}

fn one_text(expr: &Expr) -> String {
    format!("coalesce(CAST({expr} AS VARCHAR), '-')")
}

fn as_text(exprs: &[Expr]) -> String {
    joined(&exprs.iter().map(one_text).collect::<Vec<_>>())
}

fn joined(parts: &[String]) -> String {
    match parts {
        [] => "''".to_owned(),
        [single] => single.clone(),
        several => format!("concat_ws('/', {})", several.join(", ")),
    }
}

/// The columns of one relation that its block and these expressions need.
fn columns_asked(block: &Block<'_>, alias: &str, exprs: &[&Expr]) -> Vec<String> {
    let all = exprs.iter().copied().chain(&block.joins).chain(&block.selection);
    let names: BTreeSet<String> =
        all.flat_map(columns_in).filter(|(of, _)| of == alias).map(|(_, name)| name).collect();
    names.into_iter().collect()
}

/// The block's SELECT over other columns, with the rows of one relation replaced.
fn composed(block: &Block<'_>, alias: &str, inner: &str, columns: &[String], keys: &[(Expr, String)]) -> String {
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
