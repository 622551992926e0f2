//! Birth dates by the age pyramid, and the identity numbers that go with them.

use super::random::Random;
use super::world::{FIRST_NIGHT, ID_SEQUENCES, World};

/// Share of each five-year age group, youngest first, in ten-thousandths: 0-14 15.34 %, 60 and over 15.75 %.
const AGE_GROUPS: [u32; 21] =
    [440, 560, 534, 500, 640, 880, 1010, 1090, 900, 756, 615, 500, 495, 410, 270, 200, 110, 60, 22, 7, 1];
const AGE_TOTAL: u32 = {
    let mut sum = 0;
    let mut at = 0;
    while at < AGE_GROUPS.len() {
        sum += AGE_GROUPS[at];
        at += 1;
    }
    sum
};

pub(crate) const YEAR: f64 = 365.25;
/// Gives out identity numbers that no other grid gives out.
pub(crate) struct Sequences {
    start: u64,
    width: u64,
    used: Vec<u8>,
}

const OLDEST: i32 = FIRST_NIGHT - 115 * 366;

impl Sequences {
    pub(crate) fn new(world: &World, grid: usize) -> Self {
        let (start, width) = world.id_space[grid];
        let days = (world.as_of() - OLDEST + 1) as usize;
        Self { start, width, used: vec![0; days * 2] }
    }

    /// The wanted birth date, or the nearest earlier one that still has a number for this grid.
    pub(crate) fn take(&mut self, birth: i32, is_male: bool) -> (i32, u16) {
        let whole = ID_SEQUENCES << 20;
        let mut day = birth.max(OLDEST + 1);
        loop {
            // The grid's stretch of numbers moves on from date to date, so that a small grid gets one now and then.
            let shift = ((day - OLDEST) as u64).wrapping_mul(310_450_187) % whole;
            let from = self.start + shift;
            let first = from.div_ceil(1 << 20);
            let count = (from + self.width).div_ceil(1 << 20) - first;
            let used = &mut self.used[(day - OLDEST) as usize * 2 + usize::from(is_male)];
            if u64::from(*used) < count {
                let sequence = 1 + (first + u64::from(*used)) % ID_SEQUENCES;
                *used += 1;
                return (day, sequence as u16);
            }
            if day <= OLDEST + 1 {
                // Out of numbers: only far above the supported scales.
                return (day, 0);
            }
            day -= 1;
        }
    }
}

/// Birth days of the people to be placed, each handed out once.
pub(crate) struct Ages {
    pub(crate) minors: Vec<i32>,
    /// Adults, youngest first.
    grown: Vec<i32>,
    /// For each adult the next one not yet placed.
    next: Vec<u32>,
    free: usize,
}

impl Ages {
    /// Evenly spread draws from the age pyramid, so that the shares hold in every grid.
    pub(crate) fn draw(random: &mut Random, count: usize) -> Self {
        let mut minors = Vec::new();
        let mut grown = Vec::new();
        for at in 0..count {
            let mut point = (at as f64 + random.unit()) / count as f64 * f64::from(AGE_TOTAL);
            let mut group = 0;
            while group + 1 < AGE_GROUPS.len() && point >= f64::from(AGE_GROUPS[group]) {
                point -= f64::from(AGE_GROUPS[group]);
                group += 1;
            }
            let years = 5.0 * (group as f64 + (point / f64::from(AGE_GROUPS[group])).min(0.9999));
            let birth = FIRST_NIGHT - (years * YEAR) as i32;
            if years < 18.0 { minors.push(birth) } else { grown.push(birth) }
        }
        random.shuffle(&mut minors);
        let next = (0..=grown.len() as u32).collect();
        Self { free: grown.len(), minors, grown, next }
    }

    pub(crate) fn grow_up(&mut self, random: &mut Random, keep: usize) {
        // Children without anybody to live with; happens in grids of a handful of people.
        let extra = self.minors.len().saturating_sub(keep);
        for _ in 0..extra {
            self.minors.pop();
            self.grown.push(FIRST_NIGHT - ((19.0 + 35.0 * random.unit()) * YEAR) as i32);
        }
        self.grown.sort_unstable_by(|a, b| b.cmp(a));
        self.next = (0..=self.grown.len() as u32).collect();
        self.free = self.grown.len();
    }

    /// The first free adult from `at` on, or one of the last before.
    fn take_from(&mut self, at: usize) -> i32 {
        if self.free == 0 {
            // Cannot happen while sizes add up; a plausible adult rather than a panic.
            return FIRST_NIGHT - 12_000;
        }
        let mut from = at.min(self.grown.len());
        let mut found = self.find(from);
        // Nobody that old is left: the oldest there are, or nearly.
        while found == self.grown.len() {
            from = from.saturating_sub(24);
            found = self.find(from);
        }
        self.next[found] = found as u32 + 1;
        self.free -= 1;
        self.grown[found]
    }

    fn find(&mut self, at: usize) -> usize {
        let mut end = at;
        while self.next[end] as usize != end {
            end = self.next[end] as usize;
        }
        let mut walk = at;
        while self.next[walk] as usize != walk {
            walk = std::mem::replace(&mut self.next[walk], end as u32) as usize;
        }
        end
    }

    /// A free adult born about on `birth` or earlier.
    pub(crate) fn take_born(&mut self, birth: i32) -> i32 {
        let at = self.grown.partition_point(|day| *day > birth);
        self.take_from(at)
    }

    pub(crate) fn take_any(&mut self, random: &mut Random) -> i32 {
        let at = random.below(self.grown.len().max(1));
        self.take_from(at)
    }
}
