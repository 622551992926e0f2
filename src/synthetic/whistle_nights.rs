//! How a whistle goes on during the nights after its first.

use super::nights::Delivered;
use super::random::Random;
use super::whistles::{Task, Whistle};
use super::world::{Stream, World};
use crate::district::calendar::LimitUnit;

/// What the nights after its first brought: answers, closings, last looks, late ratings, a few deletions.
pub(crate) fn live_on(world: &World, whistle: &mut Whistle) {
    for night in whistle.key.born + 1..=world.night {
        if matches!(whistle.delivered, Delivered::Delete | Delivered::Gone) {
            whistle.delivered = Delivered::Gone;
            return;
        }
        let mut random = world.random(Stream::Night, whistle.key.number ^ (u64::from(night) << 48) ^ (1 << 46));
        let at = random.unit();
        let morning = i64::from(world.as_of_night(night)) * 86_400 + random.range(8 * 3600, 14 * 3600);
        let is_changed = if whistle.closed.is_some() {
            if whistle.key.is_loose && at < 0.001 / whistle.key.loose_share {
                whistle.delivered = Delivered::Delete;
                continue;
            }
            look_again(whistle, at, morning)
        } else {
            move_on(world, &mut random, whistle, at, morning, night)
        };
        whistle.delivered = match (is_changed, night == world.night) {
            (true, true) => Delivered::Update,
            _ => Delivered::No,
        };
    }
}

fn look_again(whistle: &mut Whistle, at: f64, morning: i64) -> bool {
    if whistle.settled.is_none() && at < 0.25 {
        whistle.settled = Some(morning + 7_200);
        whistle.updated = morning + 7_260;
        return true;
    }
    if whistle.settled.is_some() && at > 0.994 {
        whistle.satisfaction = Some(if at > 0.9985 { 3 } else { 5 });
        whistle.updated = morning + 600;
        return true;
    }
    false
}

fn move_on(world: &World, random: &mut Random, whistle: &mut Whistle, at: f64, morning: i64, night: u32) -> bool {
    let closes = at < if whistle.is_suspended() { 0.03 } else { 0.25 };
    if !closes && (at > 0.7 || whistle.responded.is_some()) {
        return false;
    }
    whistle.accepted.get_or_insert(morning);
    if whistle.dispatched.is_none() {
        whistle.dispatched = Some(morning + 1_800);
        whistle.dispatched_on = night;
        whistle.tasks.push(Task {
            department: whistle.department,
            is_main: true,
            dispatched: morning + 1_800,
            responded: None,
            arrived: None,
            closed: None,
            returned: None,
        });
    }
    let responded = *whistle.responded.get_or_insert(morning + 5_400);
    if closes {
        whistle.closed = Some(morning + 7_200 + random.range(0, 3 * 3600));
        resume(world, whistle, morning + 3_600);
    }
    for task in whistle.tasks.iter_mut().filter(|task| task.returned.is_none()) {
        let responded = *task.responded.get_or_insert(responded.max(task.dispatched));
        let by = whistle.closed.unwrap_or(responded + 3_600);
        task.arrived.get_or_insert(responded + (by - responded).max(0) / 2);
        task.closed = whistle.closed;
    }
    whistle.updated = whistle.closed.unwrap_or(responded) + 60;
    true
}

/// Work on a suspended whistle goes on, and its limit moves by the working days it stood.
fn resume(world: &World, whistle: &mut Whistle, at: i64) {
    let (Some(suspended), None) = (whistle.suspended, whistle.resumed) else { return };
    const MICROS: i64 = 1_000_000;
    let stood = (suspended * MICROS, at * MICROS);
    let due = world.district.calendar.due_after_pause(whistle.due * MICROS, stood, LimitUnit::WorkingDay);
    whistle.resumed = Some(at);
    whistle.due = due.map_or(whistle.due, |due| due / MICROS);
}
