//! Rows of `residents` and `resident_tags`.

use super::GenerateError;
use super::names::{Names, write_phone};
use super::nights::{self, RowKey, hash_number, touched_at, write_id};
use super::output::Output;
use super::people::{GridPeople, NOWHERE, Person, Relation, Use};
use super::random::Random;
use super::reference::List;
use super::row::{Cell, Row, push_padded};
use super::world::{FIRST_NIGHT, Stream, World};
use crate::district::calendar::civil;
use crate::district::identifiers::id_check_digit;

const LOOSE_SHARE: f64 = 0.25;

/// Positions in the list 数据状态.
pub(crate) mod record_status {
    pub(crate) const PENDING: usize = 0;
    pub(crate) const VALID: usize = 1;
    pub(crate) const EXPIRED: usize = 2;
}

/// Where a person stands in the grid: night of the first delivery and number in it.
pub(crate) struct Place {
    pub(crate) born: u32,
    /// In the whole district for the first night, in the grid for later ones.
    pub(crate) number: u64,
    pub(crate) is_former: bool,
}

/// The places of all people of a grid, in order.
pub(crate) fn places(world: &World, grid: usize, people: usize) -> impl Iterator<Item = Place> {
    let counts = world.counts[grid];
    let start = world.starts[grid].residents;
    let first_night = u64::from(counts.residents + counts.former_residents);
    let valid = u64::from(counts.residents);
    let later = (2..=world.night).flat_map(move |night| {
        let count = nights::inserted(world, Stream::People, grid, night, counts.residents);
        (0..u64::from(count)).map(move |number| Place { born: night, number, is_former: false })
    });
    (0..first_night.min(people as u64))
        .map(move |at| Place { born: 1, number: start + at, is_former: at >= valid })
        .chain(later)
}

pub(crate) fn is_loose(world: &World, grid: usize, place: &Place) -> bool {
    // The first person of a grid stays, so that somebody can be visited in the smallest one.
    let is_first = place.born == 1 && place.number == world.starts[grid].residents;
    !is_first && (place.born > 1 || world.is_loose(Stream::Person, place.number))
}

pub(crate) fn row_key(world: &World, grid: usize, place: &Place) -> RowKey {
    RowKey {
        stream: Stream::Person,
        number: hash_number(grid, place.born, place.number),
        born: place.born,
        is_loose: is_loose(world, grid, place),
        loose_share: if place.born == 1 { LOOSE_SHARE } else { 1.0 },
    }
}

pub(crate) fn write_residents(
    world: &World,
    names: &Names,
    grid: usize,
    built: &GridPeople,
    output: &mut Output<'_>,
) -> Result<(), GenerateError> {
    let mut row = Row::default();
    for (place, person) in places(world, grid, built.people.len()).zip(&built.people) {
        let key = row_key(world, grid, &place);
        output.row(key, &mut row, |row, updated| fill(world, names, grid, built, &place, person, key, updated, row))?;
    }
    output.end_of_grid()
}

#[expect(clippy::too_many_arguments, reason = "one call; the parts of one row")]
fn fill(
    world: &World,
    names: &Names,
    grid: usize,
    built: &GridPeople,
    place: &Place,
    person: &Person,
    key: RowKey,
    updated: Option<u32>,
    row: &mut Row,
) {
    let mut random = world.random(Stream::Person, key.number);
    let age = person.age_on(FIRST_NIGHT);
    // One stream for what a household shares, one for what a change tonight is about.
    let mut shared = world.random(Stream::Dwelling, u64::from(person.dwelling) ^ (grid as u64) << 32);
    let change = updated.map(|night| world.random(Stream::Night, key.number ^ u64::from(night) << 33).unit());

    row.build(|out| write_id(world, 'R', grid, place.born, place.number, out));
    row.build(|out| names.write(person.name, out));
    row.code(List::Sex, usize::from(!person.is_male));
    row.push(Cell::Date(person.birth));

    let is_rented = person.dwelling != NOWHERE && built.dwellings[person.dwelling as usize].used_as == Use::Rent;
    let household_type = household_type(&mut shared, person, is_rented, change);
    let id_type = match (household_type, age) {
        (4, _) => [1, 2, 2][random.below(3)],
        (_, ..1) if random.chance(0.2) => 3,
        _ => 0,
    };
    row.code(List::IdType, id_type);
    match id_type {
        3 => row.null(),
        2 => row.build(|out| {
            out.push_str("GH");
            push_padded((key.number % 10_000_000) as i64, 7, out);
        }),
        _ => row.build(|out| write_id_number(person, out)),
    }
    let mut phone = match change {
        Some(at) if at < 0.6 => world.random(Stream::Night, key.number ^ 0xf0e),
        _ => world.random(Stream::Person, key.number ^ 0xf0e_0000_0000),
    };
    match age {
        14.. if phone.chance(0.93) => row.build(|out| write_phone(&mut phone, out)),
        _ => row.null(),
    }
    row.code(List::HouseholdType, household_type);
    row.code(List::Ethnicity, ethnicity(&mut shared));
    row.maybe(education(&mut random, age).map(|at| Cell::Code(List::Education, at)));
    row.maybe(marital(&mut random, person, age, change).map(|at| Cell::Code(List::Marital, at)));
    if person.dwelling == NOWHERE {
        row.null();
        row.code(List::Relation, 0);
        row.null();
    } else {
        let dwelling = world.starts[grid].dwellings + u64::from(person.dwelling);
        row.build(|out| write_id(world, 'H', grid, 1, dwelling, out));
        row.code(List::Relation, relation(person));
        row.build(|out| write_id(world, 'D', grid, 1, dwelling, out));
    }
    row.text(world.district.grids[grid].code);
    let status = match (place.is_former, change) {
        (true, _) if key.number.is_multiple_of(3) => record_status::PENDING,
        (true, _) => record_status::EXPIRED,
        // Moved away.
        (false, Some(at)) if at > 0.93 => record_status::EXPIRED,
        _ => record_status::VALID,
    };
    row.code(List::RecordStatus, status);
    row.push(Cell::Time(match (updated, place.born) {
        (Some(night), _) => touched_at(world, key, night),
        (None, 1) => first_update(&mut random, person.birth),
        (None, born) => touched_at(world, key, born),
    }));
}

/// A moment between the start of the registration and the first night, never before birth.
fn first_update(random: &mut Random, birth: i32) -> i64 {
    let from = (FIRST_NIGHT - 540).max(birth);
    let recent = random.unit() * random.unit();
    let day = FIRST_NIGHT - (f64::from(FIRST_NIGHT - from) * recent) as i32;
    i64::from(day) * 86_400 + random.range(8 * 3600, 20 * 3600)
}

/// 户籍 0, 人户分离 1, 流动人口 2, 集体户 3, 境外人员 4.
fn household_type(shared: &mut Random, person: &Person, is_rented: bool, change: Option<f64>) -> usize {
    let usual = if person.dwelling == NOWHERE {
        [0, 3][shared.weighted(&[55.0, 45.0])]
    } else if is_rented {
        shared.weighted(&[12.0, 16.0, 70.0, 1.0, 1.2])
    } else {
        shared.weighted(&[68.0, 18.0, 10.5, 2.5, 0.25])
    };
    match change {
        // A tenant's household registration arrived.
        Some(at) if (0.6..0.7).contains(&at) && usual == 2 => 1,
        _ => usual,
    }
}

/// Positions in the GB order of peoples.
fn ethnicity(shared: &mut Random) -> usize {
    const PEOPLES: [usize; 12] = [0, 14, 5, 11, 12, 2, 7, 10, 13, 1, 4, 3];
    const SHARES: [f64; 12] = [9720.0, 120.0, 60.0, 25.0, 18.0, 16.0, 14.0, 10.0, 6.0, 5.0, 4.0, 2.0];
    PEOPLES[shared.weighted(&SHARES)]
}

/// 小学及以下 0 … 硕士及以上 6; nothing for small children.
fn education(random: &mut Random, age: i32) -> Option<u16> {
    Some(match age {
        ..6 => return None,
        6..12 => 0,
        12..15 => 1,
        15..18 => 2 + u16::from(random.chance(0.3)),
        18..35 => random.weighted(&[1.0, 9.0, 15.0, 9.0, 25.0, 33.0, 8.0]) as u16,
        35..55 => random.weighted(&[6.0, 24.0, 22.0, 10.0, 18.0, 17.0, 3.0]) as u16,
        55..70 => random.weighted(&[25.0, 36.0, 22.0, 6.0, 7.0, 4.0, 0.2]) as u16,
        _ => random.weighted(&[55.0, 24.0, 11.0, 4.0, 3.0, 3.0, 0.0]) as u16,
    })
}

/// 未婚 0, 已婚 1, 离异 2, 丧偶 3.
fn marital(random: &mut Random, person: &Person, age: i32, change: Option<f64>) -> Option<u16> {
    if matches!(change, Some(at) if (0.7..0.75).contains(&at) && age > 24) {
        return Some(1);
    }
    Some(match (person.relation, age) {
        (_, ..16) => return None,
        (_, 16..22) => 0,
        (Relation::Spouse, _) => 1,
        (_, 22..30) => random.weighted(&[78.0, 20.0, 2.0, 0.0]) as u16,
        (_, 30..60) => random.weighted(&[20.0, 66.0, 12.0, 2.0]) as u16,
        (_, 60..75) => random.weighted(&[3.0, 72.0, 7.0, 18.0]) as u16,
        _ => random.weighted(&[2.0, 45.0, 3.0, 50.0]) as u16,
    })
}

/// Positions in the list 与户主关系.
fn relation(person: &Person) -> usize {
    match person.relation {
        Relation::Head => 1,
        Relation::Spouse => 2,
        Relation::Son => 5,
        Relation::Daughter => 6,
        Relation::Grandchild => 7,
        Relation::Father => 9,
        Relation::Mother => 10,
        Relation::Sibling => 12,
        Relation::Unrelated => 14,
    }
}

/// Region 990105 belongs to nobody, so neither does the number.
pub(crate) fn write_id_number(person: &Person, out: &mut String) {
    let start = out.len();
    out.push_str("990105");
    let (year, month, day) = civil(person.birth);
    push_padded(i64::from(year), 4, out);
    push_padded(i64::from(month), 2, out);
    push_padded(i64::from(day), 2, out);
    push_padded(i64::from(person.sequence) * 2 + i64::from(person.is_male), 3, out);
    let check = id_check_digit(&out.as_bytes()[start..]);
    out.push(char::from(check));
}

/// Positions in the list 重点人群.
const ALONE: u16 = 0;
const EMPTY_NEST: u16 = 1;
const VERY_OLD: u16 = 2;
const DISABLED: u16 = 6;
const MENTAL: u16 = 14;

/// The special groups a person belongs to, by position in the list 重点人群.
pub(crate) fn tags_of(world: &World, built: &GridPeople, place: &Place, person: &Person) -> Vec<u16> {
    let mut random = world.random(Stream::Tag, place.number);
    let age = person.age_on(FIRST_NIGHT);
    let mut tags = Vec::new();
    let home = built.dwellings.get(person.dwelling as usize);
    let mut add = |tag: u16, probability: f64| {
        if random.chance(probability) {
            tags.push(tag);
        }
    };
    if age >= 60 && home.is_some_and(|home| home.occupants == 1) {
        add(ALONE, 0.38);
    }
    let lives_with_old_partner = home.is_some_and(|home| {
        home.occupants == 2
            && (home.first..home.first + 2)
                .all(|at| built.people.get(at as usize).is_some_and(|other| other.age_on(FIRST_NIGHT) >= 60))
    });
    if lives_with_old_partner {
        add(EMPTY_NEST, 0.38);
    }
    if age >= 80 {
        add(VERY_OLD, 0.97);
    }
    add(3, if age >= 50 { 0.012 } else { 0.005 }); // 低保
    add(4, 0.004); // 低保边缘
    add(5, if age >= 60 { 0.003 } else { 0.0003 }); // 特困
    add(DISABLED, if age >= 60 { 0.045 } else { 0.016 });
    add(7, if age >= 45 { 0.014 } else { 0.003 }); // 重病
    add(8, if age >= 65 { 0.05 } else { 0.0 }); // 失能
    add(9, if age < 16 { 0.006 } else { 0.0 }); // 留守儿童
    add(10, if age < 18 { 0.005 } else { 0.0 }); // 困境儿童
    add(11, if person.is_male && age >= 22 { 0.028 } else { 0.0005 * f64::from(u8::from(age >= 22)) }); // 退役军人
    add(12, if (49..76).contains(&age) { 0.006 } else { 0.0 }); // 计生特殊家庭
    add(13, if (18..70).contains(&age) { 0.0006 } else { 0.0 }); // 社区矫正
    add(MENTAL, if age >= 16 { 0.004 } else { 0.0 });
    tags
}

pub(crate) fn write_tags(
    world: &World,
    names: &Names,
    grid: usize,
    built: &GridPeople,
    output: &mut Output<'_>,
) -> Result<(), GenerateError> {
    let mut row = Row::default();
    for (place, person) in places(world, grid, built.people.len()).zip(&built.people) {
        if place.born > 1 || place.is_former || is_loose(world, grid, &place) {
            continue;
        }
        for tag in tags_of(world, built, &place, person) {
            let key = RowKey {
                stream: Stream::Tag,
                number: place.number * 16 + u64::from(tag),
                // A few tags are given only on a later night.
                born: late(world, place.number * 16 + u64::from(tag)),
                is_loose: true,
                loose_share: 1.0,
            };
            if key.born > world.night {
                continue;
            }
            let (updated, delivered) = nights::history(world, key);
            output.deliver(key, delivered, &mut row, |row| {
                fill_tag(world, names, grid, &place, person, tag, key, updated, row)
            })?;
        }
    }
    output.end_of_grid()
}

/// Night on which a tag first arrives: 0.5 % of them on each of the second to ninth nights.
fn late(world: &World, number: u64) -> u32 {
    let at = world.hash(Stream::Tag, number ^ 0x1a7e_0000_0000) % 1000;
    if at < 40 { 2 + (at / 5) as u32 } else { 1 }
}

/// 1 is position 0 of the list 等级; only some groups are graded.
fn level_of(world: &World, number: u64, tag: u16) -> Option<u16> {
    let mut random = world.random(Stream::Tag, number ^ 0x1e7e_1000_0000);
    matches!(tag, DISABLED | MENTAL | 8).then(|| random.weighted(&[12.0, 23.0, 30.0, 35.0]) as u16)
}

/// Days between visits a group asks for; groups that are only kept on record ask for none.
fn cycle_of(tag: u16, level: Option<u16>) -> Option<i64> {
    let is_grave = level.is_some_and(|level| level < 2);
    match tag {
        13 => Some(30),
        MENTAL if is_grave => Some(30),
        ALONE | 5 | 9 | 10 | MENTAL => Some(90),
        8 if is_grave => Some(90),
        3 | 7 | 8 => Some(180),
        DISABLED if is_grave => Some(180),
        _ => None,
    }
}

/// The shortest cycle among a person's groups.
pub(crate) fn visit_cycle(world: &World, place: &Place, tags: &[u16]) -> Option<i64> {
    tags.iter().filter_map(|tag| cycle_of(*tag, level_of(world, place.number * 16 + u64::from(*tag), *tag))).min()
}

#[expect(clippy::too_many_arguments, reason = "one call; the parts of one row")]
fn fill_tag(
    world: &World,
    names: &Names,
    grid: usize,
    place: &Place,
    person: &Person,
    tag: u16,
    key: RowKey,
    updated: Option<u32>,
    row: &mut Row,
) {
    let mut random = world.random(Stream::Tag, key.number ^ 0xface_0000_0000);
    row.build(|out| write_id(world, 'R', grid, place.born, place.number, out));
    row.code(List::Tag, usize::from(tag));
    let level = level_of(world, key.number, tag);
    row.maybe(level.map(|level| Cell::Code(List::TagLevel, level)));
    let earliest = match tag {
        VERY_OLD => person.birth + 29_220,
        ALONE | EMPTY_NEST => person.birth + 21_915,
        _ => person.birth + 30,
    };
    let since = (FIRST_NIGHT - random.range(20, 3_200) as i32).max(earliest).min(FIRST_NIGHT);
    row.push(Cell::Date(since));
    let guardian = if updated.is_some() { world.hash(Stream::Night, key.number ^ 0x96) } else { key.number };
    let mut guardian = world.random(Stream::Worker, guardian);
    if guardian.chance(0.8) {
        row.build(|out| {
            let is_male = guardian.chance(0.45);
            names.write(names.draw(&mut guardian, is_male, 1982), out);
        });
        row.build(|out| write_phone(&mut guardian, out));
    } else {
        row.null();
        row.null();
    }
    row.maybe(cycle_of(tag, level).map(Cell::Whole));
    row.push(Cell::Time(match (updated, key.born) {
        (Some(night), _) => touched_at(world, key, night),
        (None, 1) => {
            i64::from((FIRST_NIGHT - random.range(0, 400) as i32).max(since)) * 86_400 + random.range(30_000, 66_000)
        }
        (None, born) => touched_at(world, key, born),
    }));
}
