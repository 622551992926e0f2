//! Whether what is published leaves a hidden count open: it could be lower than it is, and it could be the limit or
//! more. Either is proved by a witness, another table of whole numbers that satisfies every relation.
//!
//! A witness seldom differs in many cells. It is built from the count outwards: a relation that a change breaks is
//! mended by a change of another hidden cell in it, of which those come first that leave the fewest relations broken,
//! until none is (beam search). A witness found among few cells proves as much as any; one that is not found proves
//! nothing, and more is hidden. Where nothing more can be, an integer program over all connected cells is solved.

use std::rc::Rc;

use hashbrown::{HashMap, HashSet};
use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOptions, Variable};

use super::suppression::Table;

/// How many unfinished witnesses are carried on at a time.
const BEAM: usize = 24;

/// How many cells a witness may change.
const CHANGES_MAX: usize = 300;

/// How many branches the solver may try: counted, not timed, so that the same figures are hidden on any machine.
const BRANCHES: u64 = 500;

/// How far one cell may change in what the solver finds.
const MOST: i32 = 1_000;

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
    pub(super) fn proves(&mut self, table: &Table<'_>, cell: usize) -> bool {
        AIMS.into_iter().all(|aim| self.proofs.contains_key(&(cell, aim)) || self.finds(table, cell, aim))
    }

    /// The same over all hidden cells that are connected with it, for where nothing else can be hidden.
    pub(super) fn proves_at_last(&mut self, table: &Table<'_>, cell: usize) -> bool {
        let connected = table.connected(cell);
        AIMS.into_iter().all(|aim| {
            let change = aim.change(table.counts[cell].value, table.limit);
            self.proofs.contains_key(&(cell, aim))
                || solved(table, &connected, change).is_some_and(|witness| self.keeps(table, witness))
        })
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
        let is_spared = put_aside
            .iter()
            .all(|((small, aim), _)| self.proofs.contains_key(&(*small, *aim)) || self.finds(table, *small, *aim));
        if !is_spared {
            self.proofs.extend(put_aside);
        }
        is_spared
    }

    /// Looks for a witness near the cell.
    fn finds(&mut self, table: &Table<'_>, cell: usize, aim: Aim) -> bool {
        let change = aim.change(table.counts[cell].value, table.limit);
        witness(table, cell, change).is_some_and(|witness| self.keeps(table, witness))
    }

    /// A witness proves what it can of every small count it changes.
    fn keeps(&mut self, table: &Table<'_>, witness: Vec<(usize, i64)>) -> bool {
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
fn witness(table: &Table<'_>, cell: usize, change: i64) -> Option<Vec<(usize, i64)>> {
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
                if kept.len() == BEAM {
                    break;
                }
            }
        }
        drafts = kept;
    }
    None
}

/// The same by integer programming over `connected`, the cell in question first. What the solver finds is checked in
/// whole numbers.
fn solved(table: &Table<'_>, connected: &[usize], change: i64) -> Option<Vec<(usize, i64)>> {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let change = i32::try_from(change).ok()?;
    // By how much a cell rises and falls, and as little as can be: then few branches lead to whole numbers.
    let variables: HashMap<usize, [Variable; 2]> = connected
        .iter()
        .enumerate()
        .map(|(place, cell)| {
            let value = i32::try_from(table.counts[*cell].value).unwrap_or(MOST);
            let ranges = match place {
                0 => [change, -change].map(|change| (change.max(0), change.max(0))),
                _ => [(0, MOST), (0, value.min(MOST))],
            };
            (*cell, ranges.map(|range| problem.add_integer_var(1.0, range)))
        })
        .collect();
    let relations: HashSet<usize> = connected.iter().flat_map(|cell| table.places[*cell].iter().copied()).collect();
    let mut relations: Vec<usize> = relations.into_iter().collect();
    relations.sort_unstable();
    for relation in &relations {
        let terms = table.relations[*relation].terms.iter();
        let terms: Vec<(Variable, f64)> = terms
            .filter_map(|(cell, sign)| {
                let [rise, fall] = *variables.get(cell)?;
                Some([(rise, f64::from(*sign)), (fall, -f64::from(*sign))])
            })
            .flatten()
            .collect();
        match table.slack(*relation) {
            None => problem.add_constraint(&terms, ComparisonOp::Eq, 0.0),
            Some(slack) => problem.add_constraint(&terms, ComparisonOp::Ge, -(slack as f64)),
        }
    }
    let mut options = SolveOptions::default();
    options.node_limit = Some(BRANCHES);
    let solution = problem.solve_with(options).ok()?.into_solution().ok()?;
    let changes: Vec<(usize, i64)> = connected
        .iter()
        .map(|cell| {
            (*cell, (solution.var_value(variables[cell][0]) - solution.var_value(variables[cell][1])).round() as i64)
        })
        .filter(|(_, change)| *change != 0)
        .collect();
    let draft = changes.iter().fold(Draft::default(), |draft, (cell, change)| draft.with(table, *cell, *change));
    let is_whole = changes.iter().all(|(cell, change)| table.counts[*cell].value + change >= 0);
    (draft.broken.is_empty() && is_whole).then_some(changes)
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
