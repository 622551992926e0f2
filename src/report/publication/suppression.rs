//! Which cells of published tables to hide so that no small count can be worked out from the others.
//!
//! The reader is taken to know every relation between the cells, and that counts are whole and not negative. A hidden
//! small count is protected when the published figures leave it open on both sides ([`audit`](super::audit)). Which
//! further cells are hidden is chosen greedily, smallest first (complementary cell suppression, Willenborg and de
//! Waal, *Elements of Statistical Disclosure Control*, 2001, chapter 5).

use hashbrown::HashSet;

use super::audit::Audit;

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
///
/// A count once proved open stays so, whatever else is hidden: the work grows with the number of small counts. What was
/// hidden on the way and no proof needs in the end is shown.
pub(super) fn hidden_cells(counts: &[Count], relations: &[Relation], limit: i64) -> Result<Vec<bool>, Unprotected> {
    let mut table = Table::new(counts, relations, limit);
    let mut audit = Audit::default();
    let mut exposed: Vec<usize> = (0..counts.len()).filter(|cell| table.needs_protection(*cell)).collect();
    while !exposed.is_empty() {
        let mut left = Vec::new();
        for cell in exposed {
            if table.others_give_way(cell) && audit.proves(&table, cell) {
                continue;
            }
            if table.hide_another_for(cell) {
                left.push(cell);
            } else if !audit.proves_at_last(&table, cell) {
                return Err(Unprotected { cell });
            }
        }
        exposed = left;
    }
    table.show_what_need_not_be_hidden(&mut audit);
    Ok(table.hidden)
}

/// The published cells, and which of them are hidden so far.
pub(super) struct Table<'a> {
    pub counts: &'a [Count],
    pub relations: &'a [Relation],
    /// The relations each cell is in.
    pub places: Vec<Vec<usize>>,
    pub hidden: Vec<bool>,
    /// By how much each inequality's sides differ; `None` for an equation.
    slacks: Vec<Option<i64>>,
    pub limit: i64,
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
        let slack = |relation: &Relation| {
            let sum = || relation.terms.iter().map(|(cell, sign)| i64::from(*sign) * counts[*cell].value).sum();
            (!relation.is_exact).then(sum)
        };
        let slacks = relations.iter().map(slack).collect();
        Self { counts, relations, places, hidden, slacks, limit }
    }

    /// What is missing from a relation's sum for it to hold, once `change` is added to it: 0 where it holds.
    pub(super) fn lacks(&self, relation: usize, change: i64) -> i64 {
        match self.slacks[relation] {
            None => -change,
            Some(slack) => (-slack - change).max(0),
        }
    }

    /// By how much the two sides of an inequality differ; `None` for an equation.
    pub(super) fn slack(&self, relation: usize) -> Option<i64> {
        self.slacks[relation]
    }

    pub(super) fn sign(&self, relation: usize, cell: usize) -> i64 {
        let terms = self.relations[relation].terms.iter().filter(|(other, _)| *other == cell);
        terms.map(|(_, sign)| i64::from(*sign)).sum()
    }

    pub(super) fn needs_protection(&self, cell: usize) -> bool {
        self.hidden[cell] && is_small(self.counts[cell].value, self.limit)
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
        true
    }

    /// The relations of the cell itself are hidden whole: one more cell in a relation of its neighbours.
    fn hide_connected(&mut self, cell: usize) -> bool {
        for near in self.connected(cell) {
            if let Some(chosen) = self.places[near].iter().find_map(|place| self.candidate(*place, cell)) {
                self.hidden[chosen] = true;
                return true;
            }
        }
        false
    }

    /// A cell and the hidden cells connected with it through relations, the nearest first.
    pub(super) fn connected(&self, cell: usize) -> Vec<usize> {
        let mut seen: HashSet<usize> = HashSet::from_iter([cell]);
        let mut connected = vec![cell];
        let mut at = 0;
        while let Some(near) = connected.get(at) {
            for place in &self.places[*near] {
                let terms = self.relations[*place].terms.iter().map(|(other, _)| *other);
                connected.extend(terms.filter(|other| self.hidden[*other] && seen.insert(*other)));
            }
            at += 1;
        }
        connected
    }

    /// What was hidden for small counts that other cells protect by now, the largest first.
    fn show_what_need_not_be_hidden(&mut self, audit: &mut Audit) {
        let is_complement = |cell: &usize| {
            self.hidden[*cell] && self.counts[*cell].standing == Standing::Open && !self.needs_protection(*cell)
        };
        let mut complements: Vec<usize> = (0..self.counts.len()).filter(is_complement).collect();
        complements.sort_by_key(|cell| std::cmp::Reverse(self.counts[*cell].value));
        for cell in complements {
            self.hidden[cell] = false;
            if !audit.spares(self, cell) {
                self.hidden[cell] = true;
            }
        }
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

    pub(super) fn hidden_in(&self, relation: usize) -> usize {
        self.relations[relation].terms.iter().filter(|(cell, _)| self.hidden[*cell]).count()
    }

    /// Whether every exact relation of a cell, looked at alone, leaves it room: without, no proof need be looked for.
    fn others_give_way(&self, cell: usize) -> bool {
        let mut exact = self.places[cell].iter().filter(|place| self.relations[**place].is_exact);
        exact.all(|place| self.hidden_in(*place) > 1 && self.has_room(*place, cell))
    }
}

fn is_small(value: i64, limit: i64) -> bool {
    (1..limit).contains(&value)
}
