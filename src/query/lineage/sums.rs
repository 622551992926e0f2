//! The stored rows behind a sum of columns, or of counts and sums, through as many groupings as there are.

use datafusion::sql::sqlparser::ast::Expr;

use super::block::{Block, Source};
use super::book::{Book, Relation};
use super::composed::{chosen, columns_asked, composed, hidden, joined, listed, matching, one_set, one_text, outputs};
use super::names::{ident, with_clause};
use super::open::{Branch, Kind};
use super::shape::{Leaf, Term, arguments, has_window, is_distinct, linear, picks};
use super::trail::Trail;
use super::{Condition, Traced, Untraced};

impl Book<'_> {
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
            way.pick(block, std::slice::from_ref(&conditions));
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
    pub(super) fn open_calls(
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
            conditions.extend(call.filter.as_deref().cloned());
            let mut way = trail.way();
            way.pick(block, std::slice::from_ref(&conditions));
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
                            way.pick(block, &picks(block, call));
                            add_count(&mut counted, carrier, counts, mentioned, way.conditions);
                        }
                    }
                }
                ("count", argument) => {
                    way.pick(block, &picks(block, call));
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
    pub(super) fn grouped(
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

fn asked<'e>(
    outputs: &'e [(String, Expr)],
    keys: &'e [(Expr, String)],
    group: &'e [Expr],
) -> impl Iterator<Item = &'e Expr> {
    outputs.iter().map(|(_, expr)| expr).chain(keys.iter().map(|(key, _)| key)).chain(group)
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
