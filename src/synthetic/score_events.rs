//! Rows of `score_events`: what somebody decided about a unit's work. Each is about a whistle that the unit led and had
//! closed by the first night, so that 虚假办结 was reworked and 媒体曝光 mostly late.

use std::fmt::Write as _;

use super::GenerateError;
use super::nights::{self, RowKey, hash_number, touched_at, write_id};
use super::output::Output;
use super::random::Random;
use super::reference::List;
use super::row::{Cell, Row};
use super::whistles::{Whistle, whistles};
use super::world::{FIRST_NIGHT, Stream, World};

/// One event for so many whistles, and this many at least.
const WHISTLES_PER_EVENT: u64 = 30;
const EVENTS_MIN: u64 = 12;
/// Days after which an event is decided.
const OPEN_DAYS: i32 = 20;

/// Positions in the list 考核事项.
mod item {
    pub(super) const FALSE_CLOSING: usize = 0;
    pub(super) const MEDIA: usize = 1;
    pub(super) const CRITICISM: usize = 2;
    pub(super) const PRAISE: usize = 3;
}

/// Positions in the list 认定状态.
mod status {
    pub(super) const OPEN: usize = 0;
    pub(super) const CONFIRMED: usize = 1;
    pub(super) const WITHDRAWN: usize = 2;
}

pub(crate) fn write_events(world: &World, output: &mut Output<'_>) -> Result<(), GenerateError> {
    let all: u64 = world.counts.iter().map(|count| u64::from(count.whistles())).sum();
    let count = (all / WHISTLES_PER_EVENT).max(EVENTS_MIN);
    let mut row = Row::default();
    for born in 1..=world.night {
        let born_then = match born {
            1 => count,
            _ => u64::from(nights::inserted(world, Stream::Event, 0, born, count as u32)),
        };
        for number in 0..born_then {
            let number = hash_number(0, born, number);
            let key = RowKey { stream: Stream::Event, number, born, is_loose: true, loose_share: 1.0 };
            output.row(key, &mut row, |row, updated| fill(world, all, key, updated, row))?;
        }
    }
    output.end_of_grid()
}

/// A whistle that had its task and was closed by the first night, and the number it stands under.
fn closed_whistle(world: &World, all: u64, random: &mut Random) -> Option<(Whistle, i64)> {
    let end = i64::from(FIRST_NIGHT + 1) * 86_400;
    (0..200).find_map(|_| {
        let number = random.below(all as usize) as u64;
        let grid = world.starts.partition_point(|start| start.whistles <= number) - 1;
        let whistle = whistles(world, grid).into_iter().find(|whistle| whistle.key.number == number)?;
        let closed = whistle.closed.filter(|closed| *closed < end && !whistle.key.is_loose)?;
        Some((whistle, closed))
    })
}

fn fill(world: &World, all: u64, key: RowKey, updated: Option<u32>, row: &mut Row) {
    let mut random = world.random(Stream::Event, key.number);
    let found = closed_whistle(world, all, &mut random);
    let is_late = found.as_ref().is_some_and(|(whistle, closed)| *closed > whistle.due);
    let is_reworked = found.as_ref().is_some_and(|(whistle, _)| whistle.reworks > 0);
    let shares = match (is_reworked, is_late) {
        (true, _) => [9.0, 1.0, 1.0, 0.0, 0.0],
        (_, true) => [0.0, 3.0, 4.0, 0.0, 0.5],
        _ => [0.0, 0.2, 0.3, 1.5, 3.0],
    };
    let item = random.weighted(&shares);
    let closed_on = found.as_ref().map_or(FIRST_NIGHT, |(_, closed)| closed.div_euclid(86_400) as i32);
    let day = match key.born {
        1 => (closed_on + random.range(1, 20) as i32).min(FIRST_NIGHT),
        born => world.as_of_night(born),
    };
    let is_recent = day + OPEN_DAYS > world.as_of_night(key.born);
    let first = if is_recent && random.chance(0.3) {
        status::OPEN
    } else if random.chance(0.06) {
        status::WITHDRAWN
    } else {
        status::CONFIRMED
    };
    row.build(|out| write_id(world, 'E', 0, key.born, key.in_grid(), out));
    row.code(List::Department, found.as_ref().map_or(0, |(whistle, _)| whistle.department));
    row.push(Cell::Date(day));
    row.code(List::ScoreItem, item);
    row.push(Cell::Whole(1 + i64::from(item > item::PRAISE && random.chance(0.15))));
    // What a criticism costs is said with it; the others have their points in the rules.
    row.maybe((item == item::CRITICISM).then(|| Cell::Tenths(random.pick(&[5, 10, 20]))));
    row.build(|out| match &found {
        Some((whistle, _)) => {
            out.push_str("哨件");
            write_id(world, 'W', 0, 1, whistle.key.number, out);
            out.push_str(match item {
                item::FALSE_CLOSING => "核查不通过，现场未整改",
                item::MEDIA => "办理情况被媒体报道",
                item::CRITICISM => "办理不力，工作例会通报",
                item::PRAISE => "处置经验在工作例会推广",
                _ => "群众来电来信致谢",
            });
        }
        // A district too small to have one.
        None => {
            let _ = write!(out, "工作例会第{}号记录", key.number + 1);
        }
    });
    let now = match updated {
        Some(_) if first == status::OPEN => status::CONFIRMED,
        Some(_) => status::WITHDRAWN,
        None => first,
    };
    row.code(List::ScoreEventStatus, now);
    let decided = i64::from(day) * 86_400 + random.range(9 * 3600, 18 * 3600);
    row.push(Cell::Time(updated.map_or(decided, |night| touched_at(world, key, night))));
}
