//! Rows of `whistles` and `whistle_tasks`.

use super::GenerateError;
use super::nights::{Delivered, RowKey, write_id};
use super::output::Output;
use super::places::write_street;
use super::reference::List;
use super::row::{Cell, Row};
use super::whistle_kinds::SUSPEND_REASONS;
use super::whistles::{Task, Whistle, whistles};
use super::world::{Stream, World};

pub(crate) fn write_whistles(world: &World, grid: usize, output: &mut Output<'_>) -> Result<(), GenerateError> {
    let mut row = Row::default();
    for whistle in whistles(world, grid) {
        output.deliver(whistle.key, whistle.delivered, &mut row, |row| fill(world, grid, &whistle, row))?;
    }
    output.end_of_grid()
}

fn fill(world: &World, grid: usize, whistle: &Whistle, row: &mut Row) {
    let street = world.hash(Stream::Whistle, whistle.key.number ^ 0x57_0000_0000);
    let time = |at: Option<i64>| at.map(Cell::Time);
    row.build(|out| write_id(world, 'W', grid, whistle.key.born, whistle.key.in_grid(), out));
    row.code(List::WhistleLevel, usize::from(whistle.is_district));
    row.code(List::WhistleSource, whistle.source);
    row.code(List::WhistleCategory, whistle.category);
    row.text(whistle.title);
    row.text(world.district.grids[grid].code);
    row.build(|out| write_street(&world.district, grid, street, out));
    row.push(Cell::Time(whistle.reported));
    row.maybe(time(whistle.accepted));
    row.maybe(time(whistle.dispatched));
    row.maybe(time(whistle.responded));
    row.push(Cell::Time(whistle.due));
    row.maybe(time(whistle.closed));
    row.maybe(time(whistle.settled));
    row.code(List::Department, whistle.department);
    row.code(List::WhistleStatus, whistle.status());
    row.maybe(time(whistle.extended));
    row.maybe(time(whistle.suspended));
    row.maybe(time(whistle.resumed));
    row.push(Cell::Whole(whistle.extensions));
    row.push(Cell::Whole(whistle.returns));
    row.push(Cell::Whole(whistle.reworks));
    if whistle.is_suspended() {
        row.text(SUSPEND_REASONS[(street % 4) as usize]);
    } else {
        row.null();
    }
    row.maybe(whistle.satisfaction.map(Cell::Whole));
    row.push(Cell::Time(whistle.updated));
}

pub(crate) fn write_tasks(world: &World, grid: usize, output: &mut Output<'_>) -> Result<(), GenerateError> {
    let mut row = Row::default();
    for whistle in whistles(world, grid) {
        for (at, task) in whistle.tasks.iter().enumerate() {
            let sent_tonight = whistle.dispatched_on == world.night;
            let delivered = match whistle.delivered {
                Delivered::Update if sent_tonight => Delivered::Insert,
                delivered => delivered,
            };
            let key = RowKey {
                stream: Stream::Whistle,
                number: whistle.key.number * 8 + at as u64 + (1 << 58),
                is_loose: true,
                loose_share: 1.0,
                ..whistle.key
            };
            output.deliver(key, delivered, &mut row, |row| fill_task(world, grid, &whistle, at, task, row))?;
        }
    }
    output.end_of_grid()
}

/// Positions in the list 任务状态.
fn status(task: &Task) -> usize {
    match (task.returned, task.closed, task.responded) {
        (Some(_), _, _) => 3,
        (_, Some(_), _) => 2,
        (_, _, Some(_)) => 1,
        _ => 0,
    }
}

fn fill_task(world: &World, grid: usize, whistle: &Whistle, at: usize, task: &Task, row: &mut Row) {
    row.build(|out| {
        write_id(world, 'T', grid, whistle.key.born, whistle.key.in_grid(), out);
        out.push('-');
        super::row::push_number(at + 1, out);
    });
    row.build(|out| write_id(world, 'W', grid, whistle.key.born, whistle.key.in_grid(), out));
    row.code(List::Department, task.department);
    row.code(List::TaskRole, usize::from(!task.is_main));
    row.push(Cell::Time(task.dispatched));
    row.maybe(task.responded.map(Cell::Time));
    row.maybe(task.arrived.map(Cell::Time));
    row.push(Cell::Time(whistle.due));
    row.maybe(task.closed.map(Cell::Time));
    row.maybe(task.returned.map(Cell::Time));
    row.code(List::TaskStatus, status(task));
    row.push(Cell::Time(whistle.updated));
}
