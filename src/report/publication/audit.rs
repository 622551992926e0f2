//! Whether what is published leaves a hidden count open: it could be lower than it is, and it could be the limit or
//! more. Either is proved by a witness, another table of whole numbers that satisfies every relation.
//!
//! A witness seldom differs in many cells. It is built from the count outwards: a relation that a change breaks is
//! mended by a change of another hidden cell in it, of which those come first that leave the fewest relations broken,
//! until none is (beam search). A witness found among few cells proves as much as any; one that is not found proves
//! nothing, and more is hidden.

use std::rc::Rc;

use hashbrown::{HashMap, HashSet};

use super::suppression::Table;

/// How many unfinished witnesses are carried on at a time.
pub(super) const BEAM: usize = 24;
/// The same where nothing else can be hidden.
pub(super) const WIDE_BEAM: usize = 400;
/// How many cells a witness may change.
const CHANGES_MAX: usize = 300;

type Witness = Rc<[(usize, i64)]>;

/// What a witness shows of a small count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Aim {
    Lower,
    AtLimit,
}

const AIMS: [Aim; 2] = [Aim::Lower, Aim::AtLimit];

impl Aim {
    fn change(self, value: i64, limit: i64) -> i64 {
        match self {
            Self::Lower => -1,
            Self::AtLimit => limit - value,
        }
    }

    fn is_met(self, change: i64, value: i64, limit: i64) -> bool {
        match self {
            Self::Lower => change < 0,
            Self::AtLimit => value + change >= limit,
        }
    }
}

/// The witnesses found so far, by what they prove.
#[derive(Debug, Default)]
pub(super) struct Audit {
    proofs: HashMap<(usize, Aim), Witness>,
    /// What was proved with a change of each cell.
    uses: HashMap<usize, Vec<(usize, Aim)>>,
}

impl Audit {
    /// Whether `cell` is open both ways. What is proved stays so, whatever else is hidden.
    pub(super) fn proves(&mut self, table: &Table<'_>, cell: usize, beam: usize) -> bool {
        AIMS.into_iter().all(|aim| self.proofs.contains_key(&(cell, aim)) || self.finds(table, cell, aim, beam))
    }

    /// Whether every small count is still open when `cell` is not hidden, which `table` says already.
    pub(super) fn spares(&mut self, table: &Table<'_>, cell: usize) -> bool {
        let rests_on_it = |witness: &Witness| witness.iter().any(|(changed, _)| *changed == cell);
        let mut put_aside = Vec::new();
        for proved in self.uses.get(&cell).cloned().unwrap_or_default() {
            // It may have been proved in another way since.
            if self.proofs.get(&proved).is_some_and(rests_on_it)
                && let Some(witness) = self.proofs.remove(&proved)
            {
                put_aside.push((proved, witness));
            }
        }
        let is_spared = put_aside.iter().all(|((small, aim), _)| {
            self.proofs.contains_key(&(*small, *aim)) || self.finds(table, *small, *aim, BEAM)
        });
        if !is_spared {
            self.proofs.extend(put_aside);
        }
        is_spared
    }

    /// Looks for a witness; one that is found proves what it can of every small count it changes.
    fn finds(&mut self, table: &Table<'_>, cell: usize, aim: Aim, beam: usize) -> bool {
        let change = aim.change(table.counts[cell].value, table.limit);
        let Some(witness) = witness(table, cell, change, beam) else { return false };
        let witness: Witness = witness.into();
        for (other, change) in witness.iter().copied().filter(|(other, _)| table.needs_protection(*other)) {
            for aim in AIMS.into_iter().filter(|aim| aim.is_met(change, table.counts[other].value, table.limit)) {
                let proved = (other, aim);
                if !self.proofs.contains_key(&proved) {
                    self.proofs.insert(proved, witness.clone());
                    for (changed, _) in witness.iter() {
                        self.uses.entry(*changed).or_default().push(proved);
                    }
                }
            }
        }
        true
    }
}

/// A witness in the making.
#[derive(Debug, Clone, Default)]
struct Draft {
    changes: Vec<(usize, i64)>,
    /// What the changes come to in each relation they touch.
    sums: HashMap<usize, i64>,
    /// Relations that do not hold, in the order in which they were broken.
    broken: Vec<usize>,
}

/// The changes that put `cell` at its value plus `change` and keep every relation.
fn witness(table: &Table<'_>, cell: usize, change: i64, beam: usize) -> Option<Vec<(usize, i64)>> {
    let mut drafts = vec![Draft::default().with(table, cell, change)];
    for _ in 0..CHANGES_MAX {
        if let Some(at) = drafts.iter().position(|draft| draft.broken.is_empty()) {
            return Some(drafts.swap_remove(at).changes);
        }
        let mut next: Vec<(usize, usize, usize, i64)> = Vec::new();
        for (number, draft) in drafts.iter().enumerate() {
            let Some(relation) = draft.broken.iter().copied().min_by_key(|relation| table.hidden_in(*relation)) else {
                continue;
            };
            for (other, change) in draft.menders(table, relation) {
                next.push((draft.broken_after(table, other, change), number, other, change));
            }
        }
        next.sort_unstable();
        let mut seen = HashSet::new();
        let mut kept = Vec::new();
        for (_, number, other, change) in next {
            let draft = drafts[number].with(table, other, change);
            let mut key = draft.changes.clone();
            key.sort_unstable();
            if seen.insert(key) {
                kept.push(draft);
                if kept.len() == beam {
                    break;
                }
            }
        }
        drafts = kept;
    }
    None
}

impl Draft {
    fn with(&self, table: &Table<'_>, cell: usize, change: i64) -> Self {
        let mut draft = self.clone();
        draft.changes.push((cell, change));
        for relation in &table.places[cell] {
            let sum = draft.sums.entry(*relation).or_default();
            *sum += table.sign(*relation, cell) * change;
            let is_broken = table.lacks(*relation, *sum) != 0;
            match draft.broken.iter().position(|broken| broken == relation) {
                None if is_broken => draft.broken.push(*relation),
                Some(at) if !is_broken => drop(draft.broken.remove(at)),
                _ => {}
            }
        }
        draft
    }

    fn broken_after(&self, table: &Table<'_>, cell: usize, change: i64) -> usize {
        let mut broken = self.broken.len();
        for relation in &table.places[cell] {
            let sum = self.sums.get(relation).copied().unwrap_or(0);
            let after = sum + table.sign(*relation, cell) * change;
            broken += usize::from(table.lacks(*relation, after) != 0);
            broken -= usize::from(table.lacks(*relation, sum) != 0);
        }
        broken
    }

    /// Hidden cells of a broken relation, with the change that mends it or as much as the cell can give.
    fn menders(&self, table: &Table<'_>, relation: usize) -> Vec<(usize, i64)> {
        let lacks = table.lacks(relation, self.sums.get(&relation).copied().unwrap_or(0));
        let terms = table.relations[relation].terms.iter();
        terms
            .filter(|(cell, _)| table.hidden[*cell] && !self.changes.iter().any(|(changed, _)| changed == cell))
            .map(|(cell, sign)| (*cell, (lacks * i64::from(*sign)).max(-table.counts[*cell].value)))
            .filter(|(_, change)| *change != 0)
            .collect()
    }
}
