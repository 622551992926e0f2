//! Rows of `dwellings`.

use super::GenerateError;
use super::names::{Names, write_phone};
use super::nights::{self, RowKey, hash_number, touched_at, write_id};
use super::output::Output;
use super::people::{Dwelling, GridPeople, Use};
use super::places::{spot, write_estate, write_place};
use super::reference::List;
use super::residents::record_status;
use super::row::{Cell, Row, push_number};
use super::world::{FIRST_NIGHT, Stream, World};

/// Vacant dwellings, about one in seven: nobody lives there and nobody visits.
const LOOSE_SHARE: f64 = 0.14;

pub(crate) fn write_dwellings(
    world: &World,
    names: &Names,
    grid: usize,
    built: &GridPeople,
    output: &mut Output<'_>,
) -> Result<(), GenerateError> {
    let counts = world.counts[grid];
    let start = world.starts[grid].dwellings;
    let mut row = Row::default();
    for (at, dwelling) in built.dwellings.iter().enumerate() {
        let number = start + at as u64;
        let is_former = at >= counts.dwellings as usize;
        let key = RowKey {
            stream: Stream::Dwelling,
            number,
            born: 1,
            is_loose: dwelling.used_as == Use::Vacant && !is_former,
            loose_share: LOOSE_SHARE,
        };
        output.row(key, &mut row, |row, updated| {
            fill(world, names, grid, built, at, dwelling, is_former, key, updated, row);
        })?;
    }
    let mut total = built.dwellings.len();
    for night in 2..=world.night {
        let count = nights::inserted(world, Stream::Dwelling, grid, night, counts.dwellings);
        for number in 0..u64::from(count) {
            let dwelling = Dwelling { used_as: Use::Vacant, first: 0, occupants: 0, is_group_let: false };
            let number = hash_number(grid, night, number);
            let key = RowKey { stream: Stream::Dwelling, number, born: night, is_loose: true, loose_share: 1.0 };
            let at = total;
            output.row(key, &mut row, |row, updated| {
                fill(world, names, grid, built, at, &dwelling, false, key, updated, row);
            })?;
            total += 1;
        }
    }
    output.end_of_grid()
}

#[expect(clippy::too_many_arguments, reason = "one call; the parts of one row")]
fn fill(
    world: &World,
    names: &Names,
    grid: usize,
    built: &GridPeople,
    at: usize,
    dwelling: &Dwelling,
    is_former: bool,
    key: RowKey,
    updated: Option<u32>,
    row: &mut Row,
) {
    let mut random = world.random(Stream::Dwelling, key.number ^ 0xd0_0000_0000);
    let change = updated.map(|night| world.random(Stream::Night, key.number ^ u64::from(night) << 34).unit());
    let community = world.district.community_of(grid);
    let spot = spot(&world.district, grid, at, built.dwellings.len());

    row.build(|out| write_id(world, 'D', grid, key.born, key.in_grid(), out));
    row.build(|out| {
        write_place(&world.district, grid, out);
        write_estate(community, spot.estate, out);
        if community.is_village {
            push_number(world.district.grids[grid].position + 1, out);
            out.push('组');
            push_number(901 + at, out);
            out.push('号');
        } else {
            push_number(spot.building, out);
            out.push('栋');
            push_number(spot.unit, out);
            out.push_str("单元");
            push_number(spot.room, out);
        }
    });
    if community.is_village {
        for _ in 0..4 {
            row.null();
        }
    } else {
        row.build(|out| {
            write_estate(community, spot.estate, out);
        });
        row.format(format_args!("{}栋", spot.building));
        row.format(format_args!("{}单元", spot.unit));
        row.format(format_args!("{}", spot.room));
    }
    let median = if community.is_village { 150.0 } else { 94.0 };
    row.push(Cell::Tenths((random.log_normal(median, 0.32).clamp(18.0, 420.0) * 10.0) as i64));

    let used_as = match (dwelling.used_as, change) {
        // Let or moved into since.
        (Use::Vacant, Some(at)) if at < 0.5 => Use::Rent,
        (Use::Vacant, Some(at)) if at < 0.6 => Use::Own,
        (used_as, _) => used_as,
    };
    row.code(
        List::DwellingUse,
        match used_as {
            Use::Own => 0,
            Use::Rent => 1,
            Use::Vacant => 2,
            Use::Business => 3,
        },
    );
    let head = (dwelling.occupants > 0).then(|| &built.people[dwelling.first as usize]);
    row.build(|out| match head {
        Some(head) if used_as == Use::Own => names.write(head.name, out),
        _ => {
            let is_male = random.chance(0.6);
            names.write(names.draw(&mut random, is_male, 1972), out);
        }
    });
    let mut phone = match change {
        Some(at) if at > 0.6 => world.random(Stream::Night, key.number ^ 0xd0e),
        _ => world.random(Stream::Dwelling, key.number ^ 0xd0e_0000_0000),
    };
    row.build(|out| write_phone(&mut phone, out));
    if used_as == Use::Rent {
        row.build(|out| match head {
            Some(head) => names.write(head.name, out),
            None => {
                let is_male = random.chance(0.5);
                names.write(names.draw(&mut random, is_male, 1992), out);
            }
        });
        row.build(|out| write_phone(&mut random, out));
        let rooms = match dwelling.occupants {
            _ if dwelling.is_group_let => random.range(5, 10),
            3.. => random.range(2, 5),
            _ => random.range(1, 4),
        };
        row.push(Cell::Whole(rooms));
        let orderly = if dwelling.is_group_let { 0.45 } else { 0.83 };
        row.push(Cell::Flag(random.chance(orderly)));
        row.push(Cell::Flag(random.chance(orderly - 0.06)));
    } else {
        for _ in 0..5 {
            row.null();
        }
    }
    row.text(world.district.grids[grid].code);
    let status = match is_former {
        true if at.is_multiple_of(4) => record_status::PENDING,
        true => record_status::EXPIRED,
        false => record_status::VALID,
    };
    row.code(List::RecordStatus, status);
    row.push(Cell::Time(match (updated, key.born) {
        (Some(night), _) => touched_at(world, key, night),
        (None, 1) => {
            let day = FIRST_NIGHT - (600.0 * random.unit() * random.unit()) as i32;
            i64::from(day) * 86_400 + random.range(8 * 3600, 20 * 3600)
        }
        (None, born) => touched_at(world, key, born),
    }));
}
