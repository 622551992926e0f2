//! Which cells of published tables to hide so that no small count can be worked out from the others.
//!
//! The reader is taken to know every relation between the cells, and that counts are not negative. A hidden small
//! count is protected when the published figures leave it open on both sides: it could be lower than it is, and it
//! could be `limit` or more. Both are proved by a table that satisfies every relation; such tables are found by
//! linear programming over the hidden cells of each connected part (the audit of complementary cell suppression,
//! Willenborg and de Waal, *Elements of Statistical Disclosure Control*, 2001, chapter 5). Which further cells
//! are hidden is chosen greedily, smallest first.

use hashbrown::HashMap;
use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

/// How far a solution of the solver may be from the number it stands for.
const TOLERANCE: f64 = 1e-3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub value: i64,
    pub standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// About to be published: may be hidden.
    Open,
    /// Published before: known for good.
    Known,
    /// Hidden in an earlier edition: stays so.
    Hidden,
}

/// `Σ sign × count = 0`, or `≥ 0` where the reader knows no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    pub terms: Vec<(usize, i8)>,
    pub is_exact: bool,
}

/// A count that no choice of hidden cells protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unprotected {
    pub cell: usize,
}

/// Whether each cell is hidden. `limit` is the first count that may be shown; 0 is shown as well.
pub(super) fn hidden_cells(counts: &[Count], relations: &[Relation], limit: i64) -> Result<Vec<bool>, Unprotected> {
    let mut table = Table::new(counts, relations, limit);
    table.complete_relations(&(0..relations.len()).collect::<Vec<_>>());
    loop {
        let exposed = table.exposed();
        if exposed.is_empty() {
            return Ok(table.hidden);
        }
        for cell in exposed {
            if !table.hide_another_for(cell) {
                return Err(Unprotected { cell });
            }
        }
    }
}

struct Table<'a> {
    counts: &'a [Count],
    relations: &'a [Relation],
    /// The relations each cell is in.
    places: Vec<Vec<usize>>,
    hidden: Vec<bool>,
    limit: i64,
}

impl<'a> Table<'a> {
    fn new(counts: &'a [Count], relations: &'a [Relation], limit: i64) -> Self {
        let mut places = vec![Vec::new(); counts.len()];
        for (number, relation) in relations.iter().enumerate() {
            for (cell, _) in &relation.terms {
                places[*cell].push(number);
            }
        }
        let is_hidden = |count: &Count| match count.standing {
            Standing::Hidden => true,
            Standing::Known => false,
            Standing::Open => is_small(count.value, limit),
        };
        let hidden = counts.iter().map(is_hidden).collect();
        Self { counts, relations, places, hidden, limit }
    }

    fn needs_protection(&self, cell: usize) -> bool {
        self.hidden[cell] && is_small(self.counts[cell].value, self.limit)
    }

    /// An exact relation with one hidden cell gives it away; a second one is hidden, and so on through the relations
    /// that one is in.
    fn complete_relations(&mut self, relations: &[usize]) {
        let mut due = relations.to_vec();
        while let Some(number) = due.pop() {
            let mut hidden =
                self.relations[number].terms.iter().map(|(cell, _)| *cell).filter(|cell| self.hidden[*cell]);
            let (Some(only), None) = (hidden.next(), hidden.next()) else { continue };
            if self.relations[number].is_exact
                && let Some(chosen) = self.candidate(number, only)
            {
                self.hidden[chosen] = true;
                due.extend(&self.places[chosen]);
            }
        }
    }

    /// The cell that is best hidden beside `cell` in a relation: one that drags no others along and can give way far
    /// enough, the smallest of those.
    fn candidate(&self, relation: usize, cell: usize) -> Option<usize> {
        let needed = self.limit - self.counts[cell].value;
        self.relations[relation]
            .terms
            .iter()
            .map(|(other, _)| *other)
            .filter(|other| !self.hidden[*other] && self.counts[*other].standing == Standing::Open)
            .min_by_key(|other| {
                let drags_along = self.places[*other]
                    .iter()
                    .filter(|place| {
                        let terms = &self.relations[**place].terms;
                        self.relations[**place].is_exact && !terms.iter().any(|(cell, _)| self.hidden[*cell])
                    })
                    .count();
                let value = self.counts[*other].value;
                let gives_way = value >= needed;
                (!gives_way, drags_along, if gives_way { value } else { -value }, *other)
            })
    }

    /// Hides one more cell in the relation that binds `cell` most; false when all of them are hidden whole.
    fn hide_another_for(&mut self, cell: usize) -> bool {
        let mut open: Vec<(bool, usize, usize)> = Vec::new();
        for place in &self.places[cell] {
            if let Some(chosen) = self.candidate(*place, cell) {
                open.push((self.has_room(*place, cell), self.hidden_in(*place), chosen));
            }
        }
        // What another exposed cell has just hidden may have been enough; the audit says so next time.
        let Some((.., chosen)) = open.into_iter().min() else { return self.hide_connected(cell) };
        self.hidden[chosen] = true;
        let places = self.places[chosen].clone();
        self.complete_relations(&places);
        true
    }

    /// The relations of the cell itself are hidden whole: one more cell in a relation of its neighbours.
    fn hide_connected(&mut self, cell: usize) -> bool {
        let mut seen = vec![cell];
        let mut at = 0;
        while at < seen.len() {
            for place in self.places[seen[at]].clone() {
                if let Some(chosen) = self.candidate(place, cell) {
                    self.hidden[chosen] = true;
                    let places = self.places[chosen].clone();
                    self.complete_relations(&places);
                    return true;
                }
                for (other, _) in &self.relations[place].terms {
                    if self.hidden[*other] && !seen.contains(other) {
                        seen.push(*other);
                    }
                }
            }
            at += 1;
        }
        false
    }

    /// Whether, looking at one relation alone, the other hidden cells let `cell` rise to the limit.
    fn has_room(&self, relation: usize, cell: usize) -> bool {
        let relation = &self.relations[relation];
        let Some((_, own)) = relation.terms.iter().find(|(other, _)| *other == cell) else { return true };
        let others = relation.terms.iter().filter(|(other, _)| *other != cell && self.hidden[*other]);
        let mut room = 0;
        for (other, sign) in others {
            // One on the other side grows along.
            room += if sign == own { self.counts[*other].value } else { self.limit };
        }
        room >= self.limit - self.counts[cell].value
    }

    fn hidden_in(&self, relation: usize) -> usize {
        self.relations[relation].terms.iter().filter(|(cell, _)| self.hidden[*cell]).count()
    }

    /// The small counts that the published cells confine.
    fn exposed(&self) -> Vec<usize> {
        self.parts().iter().flat_map(|part| self.exposed_in(part)).collect()
    }

    /// Hidden cells connected through relations, each part in order.
    fn parts(&self) -> Vec<Vec<usize>> {
        let mut seen = vec![false; self.counts.len()];
        let mut parts = Vec::new();
        for first in 0..self.counts.len() {
            if !self.hidden[first] || seen[first] {
                continue;
            }
            seen[first] = true;
            let mut part = vec![first];
            let mut at = 0;
            while at < part.len() {
                for place in &self.places[part[at]] {
                    for (other, _) in &self.relations[*place].terms {
                        if self.hidden[*other] && !seen[*other] {
                            seen[*other] = true;
                            part.push(*other);
                        }
                    }
                }
                at += 1;
            }
            part.sort_unstable();
            parts.push(part);
        }
        parts
    }

    fn exposed_in(&self, part: &[usize]) -> Vec<usize> {
        let system = System::of(self, part);
        // Each table found shows how far every cell can go, not only the one it was made for.
        let mut lowest: Vec<f64> = part.iter().map(|cell| self.counts[*cell].value as f64).collect();
        let mut highest = lowest.clone();
        let mut exposed = Vec::new();
        for (place, cell) in part.iter().enumerate().filter(|(_, cell)| self.needs_protection(**cell)) {
            let value = self.counts[*cell].value as f64;
            let limit = self.limit as f64;
            for direction in [OptimizationDirection::Maximize, OptimizationDirection::Minimize] {
                let is_open = match direction {
                    OptimizationDirection::Maximize => highest[place] >= limit - TOLERANCE,
                    OptimizationDirection::Minimize => lowest[place] <= value - 1.0 + TOLERANCE,
                };
                if is_open {
                    continue;
                }
                // Twice the limit is as good as no bound, and keeps the solver's numbers small.
                let Some(found) = system.furthest(place, direction, 2.0 * limit) else {
                    exposed.push(*cell);
                    break;
                };
                for (place, value) in found.iter().enumerate() {
                    lowest[place] = lowest[place].min(*value);
                    highest[place] = highest[place].max(*value);
                }
                let is_open = match direction {
                    OptimizationDirection::Maximize => highest[place] >= limit - TOLERANCE,
                    OptimizationDirection::Minimize => lowest[place] <= value - 1.0 + TOLERANCE,
                };
                if !is_open {
                    exposed.push(*cell);
                    break;
                }
            }
        }
        exposed
    }
}

/// What the reader knows of one connected part of the hidden cells.
struct System {
    size: usize,
    /// Terms over the part's places, the sum of the published cells moved to the other side.
    constraints: Vec<Constraint>,
}

type Constraint = (Vec<(usize, f64)>, ComparisonOp, f64);

impl System {
    fn of(table: &Table<'_>, part: &[usize]) -> Self {
        let place_of: HashMap<usize, usize> = part.iter().enumerate().map(|(place, cell)| (*cell, place)).collect();
        let mut numbers: Vec<usize> = part.iter().flat_map(|cell| table.places[*cell].iter().copied()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let constraints = numbers
            .into_iter()
            .map(|number| {
                let relation = &table.relations[number];
                let (mut terms, mut known) = (Vec::new(), 0);
                for (cell, sign) in &relation.terms {
                    match place_of.get(cell) {
                        Some(place) => terms.push((*place, f64::from(*sign))),
                        None => known += i64::from(*sign) * table.counts[*cell].value,
                    }
                }
                let operator = if relation.is_exact { ComparisonOp::Eq } else { ComparisonOp::Ge };
                (terms, operator, -(known as f64))
            })
            .collect();
        Self { size: part.len(), constraints }
    }

    /// A table in which the cell at `place` is as high (but no higher than `enough`) or as low as it can be.
    /// `None` when the solver gives no answer: then nothing is proved.
    fn furthest(&self, place: usize, direction: OptimizationDirection, enough: f64) -> Option<Vec<f64>> {
        let mut problem = Problem::new(direction);
        let variables: Vec<Variable> = (0..self.size)
            .map(|other| {
                let highest = if other == place { enough } else { f64::INFINITY };
                problem.add_var(if other == place { 1.0 } else { 0.0 }, (0.0, highest))
            })
            .collect();
        for (terms, operator, known) in &self.constraints {
            let terms: Vec<(Variable, f64)> = terms.iter().map(|(place, sign)| (variables[*place], *sign)).collect();
            problem.add_constraint(&terms, *operator, *known);
        }
        let solution = problem.solve().ok()?.into_solution().ok()?;
        Some(variables.iter().map(|variable| solution.var_value(*variable)).collect())
    }
}

fn is_small(value: i64, limit: i64) -> bool {
    (1..limit).contains(&value)
}
