//! Rows of `visits`: mostly on working days, mostly to people who are due for one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::GenerateError;
use super::names::{Name, Names};
use super::nights::{self, RowKey, hash_number, touched_at, write_id};
use super::output::Output;
use super::people::{GridPeople, Use};
use super::random::Random;
use super::reference::List;
use super::residents;
use super::row::{Cell, Row};
use super::shops;
use super::whistles::{source, whistles};
use super::world::{FIRST_NIGHT, Stream, VISITS_FROM, World};

const REASONS: [&str; 7] = ["日常走访", "重点人群关爱", "安全排查", "政策宣传", "矛盾调解", "信息核对", "节前慰问"];
const OPENINGS: [&str; 5] = ["上门走访", "电话回访", "入户核查", "日常巡查", "预约走访"];
const ENCOUNTERS: [[&str; 4]; 3] = [
    ["本人在家，身体状况平稳", "家属在家，本人外出", "邻居代为反映近况", "独自在家，精神状态良好"],
    ["住户在家，核对了居住人员", "租客在家，登记信息已更新", "敲门无人应答，已留联系卡", "房主电话确认居住情况"],
    ["店主配合检查", "店员在场，已告知负责人", "店内正常营业", "店主反映近期客流减少"],
];
const FINDINGS: [&str; 6] =
    ["楼道堆放杂物", "电动车违规充电", "消防器材过期", "反映“噪声”扰民", "燃气软管老化", "墙面渗水,要求联系物业"];
const NO_FINDINGS: [&str; 6] =
    ["未发现异常", "已宣传反诈知识", "已更新联系方式", "已告知防火事项", "提醒按时体检", "已发放“便民联系卡”"];

/// Whom a visit can go to: only what stays.
struct Subjects {
    /// People of special groups that ask for visits, with the days between them.
    due: Vec<(u64, i64)>,
    residents: Vec<u64>,
    dwellings: Vec<u64>,
    shops: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
enum Subject {
    Resident(u64),
    Dwelling(u64),
    Shop(u64),
}

fn subjects(world: &World, grid: usize, built: &GridPeople) -> Subjects {
    let mut due = Vec::new();
    let mut everybody = Vec::new();
    for (place, person) in residents::places(world, grid, built.people.len()).zip(&built.people) {
        if place.born > 1 || place.is_former || residents::is_loose(world, grid, &place) {
            continue;
        }
        everybody.push(place.number);
        let tags = residents::tags_of(world, built, &place, person);
        if let Some(cycle) = residents::visit_cycle(world, &place, &tags) {
            due.push((place.number, cycle));
        }
    }
    let start = world.starts[grid].dwellings;
    let counting = &built.dwellings[..(world.counts[grid].dwellings as usize).min(built.dwellings.len())];
    let dwellings = (start..).zip(counting).filter(|(_, dwelling)| dwelling.used_as != Use::Vacant).map(|(at, _)| at);
    Subjects {
        due,
        residents: everybody,
        dwellings: dwellings.collect(),
        shops: shops::shops(world, grid).filter(|shop| !shop.is_loose).map(|shop| shop.number).collect(),
    }
}

/// Share of visits that go to whoever is due next.
const DUE_SHARE: f64 = 0.7;

impl Subjects {
    /// Anybody and anything.
    fn draw(&self, random: &mut Random) -> Option<Subject> {
        let kind = random.unit();
        let pick = |random: &mut Random, from: &[u64]| (!from.is_empty()).then(|| random.pick(from));
        let subject = if kind < 0.3 {
            pick(random, &self.residents).map(Subject::Resident)
        } else if kind < 0.7 {
            pick(random, &self.dwellings).map(Subject::Dwelling)
        } else {
            pick(random, &self.shops).map(Subject::Shop)
        };
        // Small grids lack one kind or another.
        subject
            .or_else(|| pick(random, &self.residents).map(Subject::Resident))
            .or_else(|| pick(random, &self.dwellings).map(Subject::Dwelling))
    }
}

/// Whom each of the visits, in order of time, goes to: those due first, as a diligent worker would go, and in between
/// whoever there is.
fn schedule(world: &World, grid: usize, subjects: &Subjects, times: &[(i64, Option<u64>)]) -> Vec<Option<Subject>> {
    let mut random = world.random(Stream::Visit, grid as u64 ^ 0x5c_0000_0000);
    let mut due: BinaryHeap<Reverse<(i64, u64, i64)>> = subjects
        .due
        .iter()
        .map(|(number, cycle)| Reverse((i64::from(VISITS_FROM) + random.range(0, *cycle), *number, *cycle)))
        .collect();
    let draw = |(visited, _): &(i64, Option<u64>)| {
        if random.chance(DUE_SHARE)
            && let Some(Reverse((_, number, cycle))) = due.pop()
        {
            // Some are gone to early, some late.
            let next = visited / 86_400 + cycle - random.range(0, 12);
            due.push(Reverse((next, number, cycle)));
            return Some(Subject::Resident(number));
        }
        subjects.draw(&mut random)
    };
    times.iter().map(draw).collect()
}

/// One of the one or two who walk a grid.
fn worker(world: &World, names: &Names, grid: usize, which: u64) -> Name {
    let mut random = world.random(Stream::Worker, grid as u64 * 4 + which);
    let is_male = random.chance(0.35);
    names.draw(&mut random, is_male, 1988)
}

pub(crate) fn write_visits(
    world: &World,
    names: &Names,
    grid: usize,
    built: &GridPeople,
    output: &mut Output<'_>,
) -> Result<(), GenerateError> {
    let count = world.counts[grid].visits as usize;
    let subjects = subjects(world, grid, built);
    let mut row = Row::default();
    let times = times(world, grid, count);
    let scheduled = schedule(world, grid, &subjects, &times);
    for (at, ((visited, whistle), subject)) in times.into_iter().zip(scheduled).enumerate() {
        let number = world.starts[grid].visits + at as u64;
        let key = RowKey { stream: Stream::Visit, number, born: 1, is_loose: true, loose_share: 1.0 };
        output.row(key, &mut row, |row, updated| {
            fill(world, names, grid, subject, key, visited, whistle, updated, row);
        })?;
    }
    for night in 2..=world.night {
        for at in 0..u64::from(nights::inserted(world, Stream::Visit, grid, night, count as u32)) {
            let key = RowKey {
                stream: Stream::Visit,
                number: hash_number(grid, night, at),
                born: night,
                is_loose: true,
                loose_share: 1.0,
            };
            let mut random = world.random(Stream::Visit, key.number);
            let visited = random.range(8 * 3600 + 1_800, 18 * 3600);
            let due = random.chance(DUE_SHARE).then(|| random.bits() as usize % subjects.due.len().max(1));
            let due = due.and_then(|at| subjects.due.get(at)).map(|(number, _)| Subject::Resident(*number));
            let subject = due.or_else(|| subjects.draw(&mut random));
            let visited = i64::from(world.as_of_night(night)) * 86_400 + visited;
            output.row(key, &mut row, |row, updated| {
                fill(world, names, grid, subject, key, visited, None, updated, row);
            })?;
        }
    }
    output.end_of_grid()
}

/// When the visits of the first night were, in order; some led to a whistle, whose number comes along.
fn times(world: &World, grid: usize, count: usize) -> Vec<(i64, Option<u64>)> {
    let mut random = world.random(Stream::Visit, grid as u64 ^ 0x71_0000_0000);
    let mut times: Vec<(i64, Option<u64>)> = whistles(world, grid)
        .into_iter()
        .filter(|whistle| {
            whistle.key.born == 1
                && !whistle.key.is_loose
                && whistle.source == source::VISIT
                && whistle.reported > i64::from(VISITS_FROM + 1) * 86_400
        })
        .take(count / 2)
        .map(|whistle| (whistle.reported - random.range(300, 2_400), Some(whistle.key.number)))
        .collect();
    while times.len() < count {
        let day = i64::from(world.visit_days.draw(&mut random));
        let (from, to) = [(30_600, 43_200), (50_400, 64_800), (66_600, 73_800)][random.weighted(&[48.0, 44.0, 8.0])];
        times.push((day * 86_400 + random.range(from, to), None));
    }
    times.sort_unstable();
    times
}

#[expect(clippy::too_many_arguments, reason = "one call; the parts of one row")]
fn fill(
    world: &World,
    names: &Names,
    grid: usize,
    subject: Option<Subject>,
    key: RowKey,
    visited: i64,
    whistle: Option<u64>,
    updated: Option<u32>,
    row: &mut Row,
) {
    let mut random = world.random(Stream::Visit, key.number ^ 0xf1_0000_0000_0000);
    row.build(|out| write_id(world, 'V', grid, key.born, key.in_grid(), out));
    row.text(world.district.grids[grid].code);
    // Every third grid has two workers.
    let which = random.bits() % 5 / 3 * u64::from(grid.is_multiple_of(3));
    row.build(|out| names.write(worker(world, names, grid, which), out));
    row.push(Cell::Time(visited));
    row.code(List::VisitMethod, random.weighted(&[71.0, 18.0, 11.0]));
    let kind = match subject {
        Some(Subject::Resident(number)) => {
            row.code(List::SubjectKind, 0);
            row.build(|out| write_id(world, 'R', grid, 1, number, out));
            0
        }
        Some(Subject::Dwelling(number)) => {
            row.code(List::SubjectKind, 1);
            row.build(|out| write_id(world, 'D', grid, 1, number, out));
            1
        }
        Some(Subject::Shop(number)) => {
            row.code(List::SubjectKind, 2);
            row.build(|out| write_id(world, 'S', grid, 1, number, out));
            2
        }
        // Grids without anybody have no visits.
        None => {
            row.code(List::SubjectKind, 0);
            row.null();
            0
        }
    };
    let reason = match kind {
        0 => random.weighted(&[25.0, 40.0, 5.0, 12.0, 5.0, 10.0, 3.0]),
        1 => random.weighted(&[20.0, 2.0, 35.0, 10.0, 5.0, 28.0, 0.0]),
        _ => random.weighted(&[15.0, 0.0, 65.0, 15.0, 2.0, 3.0, 0.0]),
    };
    row.text(REASONS[reason]);
    let has_issue = whistle.is_some() || random.chance(0.1) || updated.is_some_and(|night| night % 3 == 0);
    row.build(|out| {
        out.push_str(random.pick(&OPENINGS));
        out.push('，');
        out.push_str(random.pick(&ENCOUNTERS[kind]));
        out.push('，');
        out.push_str(if has_issue { random.pick(&FINDINGS) } else { random.pick(&NO_FINDINGS) });
        if updated.is_some() {
            out.push_str("；已补充回访记录");
        }
        out.push('。');
    });
    row.push(Cell::Flag(has_issue));
    match whistle {
        Some(number) => row.build(|out| write_id(world, 'W', grid, 1, number, out)),
        None => row.null(),
    }
    let last = i64::from(FIRST_NIGHT + 1) * 86_400 - 1;
    row.push(Cell::Time(match updated {
        Some(night) => touched_at(world, key, night),
        None if key.born == 1 => (visited + random.range(300, 18_000)).min(last),
        None => visited + random.range(300, 7_200),
    }));
}
