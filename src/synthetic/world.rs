//! What a run is about to generate: how many of everything in every grid. Everything else is a function of
//! `(seed, table, grid, position)`, so any part can be made again without the rest.

use super::Options;
use super::random::{Random, mix, share};
use super::reference::District;
use crate::district::calendar::civil;

/// 2024-06-27, the date of the first night, as a day number.
pub(crate) const FIRST_NIGHT: i32 = 19_901;
/// 2023-01-01: the first whistle.
pub(crate) const WHISTLES_FROM: i32 = 19_358;
/// 2024-01-01: the first visit; the logs went online with the new year.
pub(crate) const VISITS_FROM: i32 = 19_723;

pub(super) const EAST_CHINA: &str = "430105016010"; // 东华社区
pub(super) const PHOENIX_PAVILION: &str = "430105001007"; // 凤亭社区
/// 区级哨 of 凤亭社区, at every scale.
const PHOENIX_PAVILION_DISTRICT_WHISTLES: u32 = 8;

/// Streams of randomness, one for each thing that is decided.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Stream {
    Plan = 1,
    People,
    Person,
    Twin,
    Dwelling,
    Shop,
    Check,
    Visit,
    Whistle,
    Tag,
    Worker,
    Night,
    Fault,
    Event,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GridCounts {
    pub(crate) residents: u32,
    pub(crate) dwellings: u32,
    pub(crate) shops: u32,
    pub(crate) visits: u32,
    pub(crate) daily: u32,
    pub(crate) daily_open: u32,
    pub(crate) district: u32,
    pub(crate) district_open: u32,
    /// Rows that no longer or not yet count: moved away, demolished, not submitted.
    pub(crate) former_residents: u32,
    pub(crate) former_dwellings: u32,
    pub(crate) former_shops: u32,
}

impl GridCounts {
    pub(crate) fn whistles(&self) -> u32 {
        self.daily + self.district
    }
}

/// Rows of all grids before this one, so that record keys run through the whole district.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Starts {
    pub(crate) residents: u64,
    pub(crate) dwellings: u64,
    pub(crate) shops: u64,
    pub(crate) visits: u64,
    pub(crate) whistles: u64,
}

/// One person registered in two communities under two resident ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Twin {
    pub(crate) grids: [u32; 2],
    pub(crate) number: u32,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) night: u32,
    pub(crate) district: District,
    pub(crate) counts: Vec<GridCounts>,
    pub(crate) starts: Vec<Starts>,
    pub(crate) twins: Vec<Twin>,
    /// The shares of the identity-number space that each grid may use, in 1/2^20 of a sequence number.
    pub(crate) id_space: Vec<(u64, u64)>,
    pub(crate) whistle_days: DayTable,
    pub(crate) visit_days: DayTable,
}

/// Draws days by weight.
#[derive(Debug)]
pub(crate) struct DayTable {
    first: i32,
    cumulated: Vec<f64>,
}

impl DayTable {
    fn new(first: i32, last: i32, weight: impl Fn(i32) -> f64) -> Self {
        let mut sum = 0.0;
        let cumulated = (first..=last)
            .map(|day| {
                sum += weight(day);
                sum
            })
            .collect();
        Self { first, cumulated }
    }

    pub(crate) fn draw(&self, random: &mut Random) -> i32 {
        let total = self.cumulated.last().copied().unwrap_or(0.0);
        let at = random.unit() * total;
        self.first + self.cumulated.partition_point(|sum| *sum <= at).min(self.cumulated.len() - 1) as i32
    }
}

impl World {
    pub(crate) fn new(options: &Options) -> Self {
        let district = District::load();
        let seed = options.seed;
        let counts = plan(&district, seed, options.scale);
        let mut starts = Vec::with_capacity(counts.len());
        let mut next = Starts::default();
        for count in &counts {
            starts.push(next);
            next.residents += u64::from(count.residents + count.former_residents);
            next.dwellings += u64::from(count.dwellings + count.former_dwellings);
            next.shops += u64::from(count.shops + count.former_shops);
            next.visits += u64::from(count.visits);
            next.whistles += u64::from(count.whistles());
        }
        let id_space = id_space(&counts);
        let twins = twins(&district, seed, &counts);
        let calendar = &district.calendar;
        let works = |day: i32| calendar.is_working_day(date(day));
        let whistle_days = DayTable::new(WHISTLES_FROM, FIRST_NIGHT, |day| {
            // A slow rise, a step up with the new year, and fewer reports on days off.
            let growth = 0.95 + 0.2 * f64::from(day - WHISTLES_FROM) / f64::from(FIRST_NIGHT - WHISTLES_FROM);
            growth * if works(day) { 1.0 } else { 0.55 }
        });
        let visit_days = DayTable::new(VISITS_FROM, FIRST_NIGHT, |day| {
            let growth = 0.6 + 0.8 * f64::from(day - VISITS_FROM) / f64::from(FIRST_NIGHT - VISITS_FROM);
            let weekday = (day + 3).rem_euclid(7); // 0 = Monday
            growth * if !works(day) { 0.12 } else { [1.05, 1.1, 1.15, 1.1, 0.85, 0.6, 0.6][weekday as usize] }
        });
        Self { seed, night: options.night, counts, starts, twins, id_space, whistle_days, visit_days, district }
    }

    /// The as-of date of this run's night, as a day number.
    pub(crate) fn as_of(&self) -> i32 {
        self.as_of_night(self.night)
    }

    pub(crate) fn as_of_night(&self, night: u32) -> i32 {
        FIRST_NIGHT + night as i32 - 1
    }

    pub(crate) fn random(&self, stream: Stream, key: u64) -> Random {
        Random::new(self.hash(stream, key))
    }

    pub(crate) fn hash(&self, stream: Stream, key: u64) -> u64 {
        mix(mix(self.seed, stream as u64), key)
    }

    /// A quarter of the rows are left alone by every other row: nothing refers to them. Only they are deleted, and
    /// only they get faults, so that a lost row never takes a sound one with it.
    pub(crate) fn is_loose(&self, stream: Stream, ordinal: u64) -> bool {
        self.hash(stream, ordinal ^ 0x10_05e0_0000_0000).is_multiple_of(4)
    }
}

pub(crate) fn date(day: i32) -> chrono::NaiveDate {
    let (year, month, day) = civil(day);
    chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap_or(chrono::NaiveDate::MAX)
}

/// Splits `total` over `weights` by largest remainder; ties go to the earlier place.
fn apportion(total: u32, weights: &[f64]) -> Vec<u32> {
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return vec![0; weights.len()];
    }
    let exact: Vec<f64> = weights.iter().map(|weight| weight / sum * f64::from(total)).collect();
    let mut parts: Vec<u32> = exact.iter().map(|share| share.floor() as u32).collect();
    let left = total.saturating_sub(parts.iter().sum());
    let mut order: Vec<usize> = (0..weights.len()).filter(|at| weights[*at] > 0.0).collect();
    order.sort_by(|a, b| exact[*b].fract().total_cmp(&exact[*a].fract()).then(a.cmp(b)));
    for at in order.into_iter().cycle().take(left as usize) {
        parts[at] += 1;
    }
    parts
}

/// Like `apportion`, with at least `least` in each place when there is enough for that.
fn apportion_at_least(least: u32, total: u32, weights: &[f64]) -> Vec<u32> {
    let floor = least * weights.len() as u32;
    if total < floor * 2 {
        return apportion(total, weights);
    }
    apportion(total - floor, weights).into_iter().map(|part| part + least).collect()
}

/// Splits a district total so that one community gets exactly its own figure.
fn split(district: &District, total: u32, fixed: u32, least: u32, weights: &[f64]) -> Vec<u32> {
    let inside: Vec<usize> =
        (0..weights.len()).filter(|grid| district.community_of(*grid).code == EAST_CHINA).collect();
    let outside: Vec<usize> = (0..weights.len()).filter(|grid| !inside.contains(grid)).collect();
    let mut parts = vec![0; weights.len()];
    for (places, share) in [(inside, fixed), (outside, total.saturating_sub(fixed))] {
        let own: Vec<f64> = places.iter().map(|grid| weights[*grid]).collect();
        for (grid, part) in places.iter().zip(apportion_at_least(least, share, &own)) {
            parts[*grid] = part;
        }
    }
    parts
}

fn plan(district: &District, seed: u64, scale: f64) -> Vec<GridCounts> {
    let scaled = |figure: u32| (f64::from(figure) * scale).round().max(1.0) as u32;
    let mut random = Random::new(mix(seed, Stream::Plan as u64));
    let mut community_ratio = Vec::new();
    for community in &district.communities {
        let size = random.log_normal(1.0, 0.12) * if community.is_village { 0.7 } else { 1.0 };
        community_ratio.push((size, random.log_normal(1.0, 0.06), random.log_normal(1.0, 0.3)));
    }
    let mut weights: [Vec<f64>; 5] = Default::default();
    for grid in &district.grids {
        let (size, dwelling_ratio, shop_ratio) = community_ratio[grid.community];
        let residents = size * random.log_normal(1.0, 0.25).clamp(0.5, 2.1);
        let stands_out = random.unit();
        weights[0].push(residents);
        weights[1].push(residents * dwelling_ratio);
        weights[2].push(residents * shop_ratio * random.log_normal(1.0, 0.45));
        weights[3].push((residents + 0.6) * random.log_normal(1.0, 0.3) * if stands_out < 0.012 { 0.15 } else { 1.0 });
        weights[4].push(residents * random.log_normal(1.0, 0.35) * if stands_out > 0.988 { 3.4 } else { 1.0 });
    }
    let residents = split(district, scaled(640_000), scaled(11_134), 2, &weights[0]);
    let dwellings = split(district, scaled(400_000), scaled(10_984), 1, &weights[1]);
    // Who lives nowhere is not visited, and an empty grid has no shop: only tiny scales have such grids.
    for weight in &mut weights[2..4] {
        for (grid, weight) in weight.iter_mut().enumerate() {
            if residents[grid] == 0 || dwellings[grid] == 0 {
                *weight = 0.0;
            }
        }
    }
    let shops = split(district, scaled(40_000), scaled(263), 0, &weights[2]);
    let visits = split(district, scaled(63_299), scaled(1_590), 0, &weights[3]);

    let daily = apportion(scaled(16_059), &weights[4]);
    let daily_open = open_shares(&mut random, scaled(16_059) - scaled(15_832).min(scaled(16_059)), &daily);
    let (own, others): (Vec<usize>, Vec<usize>) =
        (0..district.grids.len()).partition(|grid| district.community_of(*grid).code == PHOENIX_PAVILION);
    let mut of_district = vec![0; district.grids.len()];
    for (grid, part) in own.iter().zip(apportion(PHOENIX_PAVILION_DISTRICT_WHISTLES, &vec![1.0; own.len()])) {
        of_district[*grid] = part;
    }
    let elsewhere: Vec<f64> = others.iter().map(|grid| weights[4][*grid]).collect();
    let rest = scaled(642).saturating_sub(PHOENIX_PAVILION_DISTRICT_WHISTLES).max(2);
    for (grid, part) in others.iter().zip(apportion(rest, &elsewhere)) {
        of_district[*grid] = part;
    }
    let mut may_be_open = of_district.clone();
    for grid in &own {
        may_be_open[*grid] = 0;
    }
    let district_open = open_shares(&mut random, scaled(642).saturating_sub(scaled(612)).max(1), &may_be_open);

    (0..district.grids.len())
        .map(|grid| {
            let former =
                |count: u32, share: f64, random: &mut Random| (f64::from(count) * share + random.unit()).floor() as u32;
            GridCounts {
                residents: residents[grid],
                dwellings: dwellings[grid],
                shops: shops[grid],
                visits: visits[grid],
                daily: daily[grid],
                daily_open: daily_open[grid],
                district: of_district[grid],
                district_open: district_open[grid],
                former_residents: former(residents[grid], 0.012, &mut random),
                former_dwellings: former(dwellings[grid], 0.006, &mut random),
                former_shops: former(shops[grid], 0.02, &mut random),
            }
        })
        .collect()
}

/// Deals `open` cases over the grids, each grid at most its own number.
fn open_shares(random: &mut Random, open: u32, of: &[u32]) -> Vec<u32> {
    let mut cards: Vec<usize> =
        of.iter().enumerate().flat_map(|(grid, count)| std::iter::repeat_n(grid, *count as usize)).collect();
    random.shuffle(&mut cards);
    let mut parts = vec![0; of.len()];
    for grid in cards.into_iter().take(open as usize) {
        parts[grid] += 1;
    }
    parts
}

/// Sequence numbers 1..480 of every birth date are shared out among the grids; the rest belongs to the twins.
pub(crate) const ID_SEQUENCES: u64 = 479;

fn id_space(counts: &[GridCounts]) -> Vec<(u64, u64)> {
    let total: u64 = counts.iter().map(|count| u64::from(count.residents) + 1).sum();
    let whole = ID_SEQUENCES << 20;
    let mut before = 0;
    counts
        .iter()
        .map(|count| {
            let start = (u128::from(before) * u128::from(whole) / u128::from(total)) as u64;
            before += u64::from(count.residents) + 1;
            let end = (u128::from(before) * u128::from(whole) / u128::from(total)) as u64;
            (start, end - start)
        })
        .collect()
}

/// About 0.2 % of the registrations are second ones.
fn twins(district: &District, seed: u64, counts: &[GridCounts]) -> Vec<Twin> {
    let residents: Vec<f64> = counts.iter().map(|count| f64::from(count.residents)).collect();
    let populated: Vec<usize> = (0..residents.len()).filter(|grid| residents[*grid] >= 2.0).collect();
    let total: f64 = residents.iter().sum();
    let count = (total * 0.002).round().max(2.0) as u32;
    if populated.is_empty() {
        return Vec::new();
    }
    let mut random = Random::new(mix(seed, Stream::Twin as u64));
    let largest = residents.iter().copied().fold(1.0, f64::max);
    let draw = |random: &mut Random| {
        for _ in 0..200 {
            let grid = random.pick(&populated);
            if share(random.bits()) < residents[grid] / largest {
                return grid;
            }
        }
        populated[0]
    };
    (0..count)
        .filter_map(|number| {
            let first = draw(&mut random);
            let second = draw(&mut random);
            let differ = district.grids[first].community != district.grids[second].community;
            differ.then_some(Twin { grids: [first as u32, second as u32], number })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(scale: f64) -> World {
        World::new(&Options { scale, ..Options::default() })
    }

    #[test]
    fn the_published_figures_hold_at_scale_one() {
        let world = world(1.0);
        let of = |code: &str, count: fn(&GridCounts) -> u32| -> u32 {
            (0..702)
                .filter(|g| world.district.community_of(*g).code.starts_with(code))
                .map(|g| count(&world.counts[g]))
                .sum()
        };
        assert_eq!(of(EAST_CHINA, |c| c.residents), 11_134);
        assert_eq!(of(EAST_CHINA, |c| c.dwellings), 10_984);
        assert_eq!(of(EAST_CHINA, |c| c.shops), 263);
        assert_eq!(of(EAST_CHINA, |c| c.visits), 1_590);
        assert_eq!((of("", |c| c.residents), of("", |c| c.dwellings), of("", |c| c.shops)), (640_000, 400_000, 40_000));
        assert_eq!((of("", |c| c.visits), of("", |c| c.whistles())), (63_299, 16_701));
        assert_eq!((of("", |c| c.daily), of("", |c| c.daily_open)), (16_059, 227));
        assert_eq!((of("", |c| c.district), of("", |c| c.district_open)), (642, 30));
        assert_eq!((of(PHOENIX_PAVILION, |c| c.district), of(PHOENIX_PAVILION, |c| c.district_open)), (8, 0));
        assert!(world.counts.iter().all(|c| c.daily >= c.daily_open && c.district >= c.district_open));
    }

    #[test]
    fn every_scale_has_the_eight_whistles_and_from_one_percent_on_people_everywhere() {
        for scale in [0.002, 0.01, 0.1, 3.0] {
            let world = world(scale);
            let eight: u32 = (0..702)
                .filter(|g| world.district.community_of(*g).code == PHOENIX_PAVILION)
                .map(|g| world.counts[g].district)
                .sum();
            assert_eq!(eight, 8, "scale {scale}");
            if scale >= 0.01 {
                assert!(world.counts.iter().all(|c| c.residents > 0 && c.dwellings > 0), "scale {scale}");
            }
            assert!(world.counts.iter().all(|c| c.visits == 0 || c.residents > 0));
        }
    }

    #[test]
    fn apportioning_keeps_the_total() {
        assert_eq!(apportion(10, &[1.0, 1.0, 1.0]), [4, 3, 3]);
        assert_eq!(apportion(2, &[0.0, 5.0, 0.0]), [0, 2, 0]);
        assert_eq!(apportion_at_least(1, 10, &[0.0, 9.0]), [1, 9]);
        assert_eq!(apportion(7, &[0.0]), [0]);
    }
}
