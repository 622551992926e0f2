//! The people and dwellings of one grid. Ages come first, by strict shares of the age pyramid; then households
//! are formed out of them: parents for the children, partners, grandparents, people living alone, a few
//! dwellings let bed by bed.

use super::ages::{Ages, Sequences, YEAR};
use super::names::{Name, Names};
use super::random::Random;
use super::world::{FIRST_NIGHT, ID_SEQUENCES, Stream, World};
use crate::district::calendar::civil;

pub(crate) const NOWHERE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Own,
    Rent,
    Vacant,
    Business,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Dwelling {
    pub(crate) used_as: Use,
    /// First of its people in `GridPeople::people`; they stand together.
    pub(crate) first: u32,
    pub(crate) occupants: u16,
    pub(crate) is_group_let: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Head,
    Spouse,
    Son,
    Daughter,
    Grandchild,
    Father,
    Mother,
    Sibling,
    Unrelated,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    /// Day number.
    pub(crate) birth: i32,
    pub(crate) is_male: bool,
    /// Position in the sequence space of the birth date, 0..500; doubled it is the number in the ID.
    pub(crate) sequence: u16,
    pub(crate) name: Name,
    pub(crate) relation: Relation,
    /// Position of the dwelling in the grid, or `NOWHERE`.
    pub(crate) dwelling: u32,
    pub(crate) twin: Option<u32>,
}

impl Person {
    /// Full years on a day, near enough for everything but a birthday itself.
    pub(crate) fn age_on(&self, day: i32) -> i32 {
        (f64::from(day - self.birth) / YEAR).floor() as i32
    }
}

#[derive(Debug, Default)]
pub(crate) struct GridPeople {
    pub(crate) dwellings: Vec<Dwelling>,
    /// Those who count, then the former ones, then each later night's new ones.
    pub(crate) people: Vec<Person>,
}

pub(crate) fn build(world: &World, names: &Names, grid: usize) -> GridPeople {
    let mut random = world.random(Stream::People, grid as u64);
    let counts = world.counts[grid];
    let mut built = GridPeople::default();
    let mut sizes = occupy(&mut random, world, grid, &mut built.dwellings);
    let nowhere = counts.residents - sizes.iter().map(|(_, size)| *size).sum::<u32>();
    let mut ages = Ages::draw(&mut random, counts.residents as usize);
    place(&mut random, names, &mut sizes, &mut ages, &mut built);
    for _ in 0..nowhere {
        let person = ages.take_any(&mut random);
        built.people.push(single(&mut random, names, person, NOWHERE, Relation::Head));
    }
    put_twins(world, names, grid, &mut built);
    for _ in 0..counts.former_residents {
        let days = 6_800.0 + random.unit() * 22_000.0;
        let dwelling = occupied(&mut random, &built);
        built.people.push(single(&mut random, names, FIRST_NIGHT - days as i32, dwelling, Relation::Unrelated));
    }
    let mut sequences = Sequences::new(world, grid);
    for person in built.people.iter_mut().filter(|person| person.twin.is_none()) {
        (person.birth, person.sequence) = sequences.take(person.birth, person.is_male);
    }
    for night in 2..=world.night {
        for _ in 0..super::nights::inserted(world, Stream::People, grid, night, counts.residents) {
            let newborn = random.chance(0.08);
            let days = if newborn { random.below(20) as f64 } else { 6_800.0 + random.unit() * 18_000.0 };
            let dwelling = occupied(&mut random, &built);
            let day = world.as_of_night(night);
            let mut person = single(&mut random, names, day - days as i32, dwelling, Relation::Unrelated);
            if newborn {
                person.relation = if person.is_male { Relation::Son } else { Relation::Daughter };
            }
            (person.birth, person.sequence) = sequences.take(person.birth, person.is_male);
            built.people.push(person);
        }
    }
    built
}

/// Decides what each dwelling is used for and how many live in it: `(dwelling, people)` for those lived in.
fn occupy(random: &mut Random, world: &World, grid: usize, dwellings: &mut Vec<Dwelling>) -> Vec<(u32, u32)> {
    let counts = world.counts[grid];
    let community = world.district.community_of(grid);
    let mut local = world.random(Stream::Dwelling, world.district.grids[grid].community as u64);
    // Where there is hardly one person a dwelling, most of the new towers stand empty.
    let crowding = f64::from(counts.residents) / f64::from(counts.dwellings.max(1));
    let vacant = (0.56 - 0.255 * crowding).clamp(0.06, 0.38) * (0.8 + 0.4 * local.unit());
    let let_out = if community.is_village { 0.12 } else { 0.14 + 0.22 * local.unit() };
    let weights = [1.0 - vacant - let_out - 0.03, let_out, vacant, 0.03];
    for _ in 0..counts.dwellings {
        let used_as = [Use::Own, Use::Rent, Use::Vacant, Use::Business][random.weighted(&weights)];
        dwellings.push(Dwelling { used_as, first: 0, occupants: 0, is_group_let: false });
    }
    for at in 0..counts.former_dwellings {
        let used_as = if at % 2 == 0 { Use::Vacant } else { Use::Business };
        dwellings.push(Dwelling { used_as, first: 0, occupants: 0, is_group_let: false });
    }
    let mut homes: Vec<u32> =
        (0..counts.dwellings).filter(|at| matches!(dwellings[*at as usize].used_as, Use::Own | Use::Rent)).collect();
    if homes.is_empty() && counts.dwellings > 0 {
        dwellings[0].used_as = Use::Own;
        homes.push(0);
    }
    let unhoused = (f64::from(counts.residents) * 0.012) as u32;
    let housed = counts.residents - unhoused;
    while homes.len() > housed as usize {
        let at = homes.swap_remove(random.below(homes.len()));
        dwellings[at as usize].used_as = Use::Vacant;
    }
    homes.sort_unstable();
    if homes.is_empty() {
        return Vec::new();
    }
    let mut left = housed;
    let mut sizes: Vec<(u32, u32)> = Vec::with_capacity(homes.len());
    let mean = f64::from(housed) / homes.len() as f64;
    let alone = ((2.82 - mean) / 1.82).clamp(0.04, 0.95);
    for at in &homes {
        let dwelling = &mut dwellings[*at as usize];
        let size = if dwelling.used_as == Use::Rent && housed > 200 && random.chance(0.0016) {
            dwelling.is_group_let = true;
            8 + random.below(11) as u32
        } else if random.chance(alone) {
            1
        } else {
            2 + random.weighted(&[45.0, 36.0, 12.0, 5.0, 2.0]) as u32
        };
        sizes.push((*at, size));
    }
    let sum: u32 = sizes.iter().map(|(_, size)| *size).sum();
    let most = 7.max(mean.ceil() as u32 + 3);
    let mut short = i64::from(left) - i64::from(sum);
    while short != 0 {
        let (at, size) = &mut sizes[random.below(homes.len())];
        if dwellings[*at as usize].is_group_let {
            continue;
        }
        if short > 0 && *size < most {
            *size += 1;
            short -= 1;
        } else if short < 0 && *size > 1 {
            *size -= 1;
            short += 1;
        }
    }
    for (at, size) in &sizes {
        dwellings[*at as usize].occupants = *size as u16;
        left -= size;
    }
    debug_assert_eq!(left, 0);
    sizes
}

/// Fills the dwellings: who lives with whom.
fn place(random: &mut Random, names: &Names, sizes: &mut [(u32, u32)], ages: &mut Ages, built: &mut GridPeople) {
    let mut minors = children(random, sizes, ages.minors.len(), &built.dwellings);
    ages.grow_up(random, minors.iter().map(|count| *count as usize).sum());
    let mut pool = std::mem::take(&mut ages.minors);
    // Parents first, or the right ages are gone. The order of people in the file stays that of the dwellings.
    let mut members: Vec<Vec<Person>> = vec![Vec::new(); sizes.len()];
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|at| u8::from(minors[*at] == 0));
    for at in order {
        let (dwelling, size) = sizes[at];
        let own: Vec<i32> = pool.split_off(pool.len() - (minors[at] as usize).min(pool.len()));
        minors[at] = own.len() as u32;
        let grown = (size as usize).saturating_sub(own.len());
        let household = &mut members[at];
        if built.dwellings[dwelling as usize].is_group_let {
            for member in 0..grown {
                let born = FIRST_NIGHT - ((19.0 + 26.0 * random.unit()) * YEAR) as i32;
                let relation = if member == 0 { Relation::Head } else { Relation::Unrelated };
                household.push(single(random, names, ages.take_born(born), dwelling, relation));
            }
        } else {
            family(random, names, ages, dwelling, &own, grown, household);
        }
    }
    for ((dwelling, _), household) in sizes.iter().zip(members) {
        built.dwellings[*dwelling as usize].first = built.people.len() as u32;
        built.people.extend(household);
    }
}

/// How many of the minors live in each dwelling.
fn children(random: &mut Random, sizes: &[(u32, u32)], total: usize, dwellings: &[Dwelling]) -> Vec<u32> {
    let mut minors = vec![0u32; sizes.len()];
    let mut order: Vec<usize> =
        (0..sizes.len()).filter(|at| sizes[*at].1 > 1 && !dwellings[sizes[*at].0 as usize].is_group_let).collect();
    random.shuffle(&mut order);
    let mut left = total as u32;
    for pass in 0..4 {
        for at in &order {
            let size = sizes[*at].1;
            let want = match pass {
                0 if size > 2 && random.chance(0.88) => (size / 2).min(3),
                1 if size > 2 => size - 2,
                2 => 1,
                3 => size - 1,
                _ => 0,
            };
            let more = want.saturating_sub(minors[*at]).min(left);
            minors[*at] += more;
            left -= more;
        }
    }
    minors
}

fn single(random: &mut Random, names: &Names, birth: i32, dwelling: u32, relation: Relation) -> Person {
    // Women outlive men.
    let is_male = random.chance(if FIRST_NIGHT - birth > 21_900 { 0.44 } else { 0.512 });
    let name = names.draw(random, is_male, year(birth));
    Person { birth, is_male, sequence: 0, name, relation, dwelling, twin: None }
}

fn year(birth: i32) -> i32 {
    civil(birth).0
}

fn family(
    random: &mut Random,
    names: &Names,
    ages: &mut Ages,
    dwelling: u32,
    minors: &[i32],
    grown: usize,
    household: &mut Vec<Person>,
) {
    let head_born = match minors.iter().min() {
        Some(eldest) => ages.take_born(eldest - ((22.5 + 10.0 * random.unit()) * YEAR) as i32),
        None => ages.take_any(random),
    };
    let mut head = single(random, names, head_born, dwelling, Relation::Head);
    let has_partner = grown > 1 && (!minors.is_empty() || head.age_on(FIRST_NIGHT) > 24 && random.chance(0.8));
    if has_partner && random.chance(0.5) {
        // Most couples name the husband as head.
        head.is_male = true;
        head.name = names.draw(random, true, year(head_born));
    }
    household.push(head);
    let mut left = grown.saturating_sub(1);
    let mut father = head.is_male.then_some(head.name);
    if has_partner {
        let near = head_born - ((random.unit() * 5.0 - 2.5) * YEAR) as i32;
        let birth = ages.take_born(near);
        let name = names.draw(random, !head.is_male, year(birth));
        father = father.or(Some(name));
        household.push(Person { birth, is_male: !head.is_male, name, relation: Relation::Spouse, ..head });
        left -= 1;
    }
    let family_name = father.unwrap_or(head.name);
    for birth in minors {
        let is_male = random.chance(0.532);
        let relation = match (year(*birth) - year(head_born), is_male) {
            (46.., _) => Relation::Grandchild,
            (_, true) => Relation::Son,
            (_, false) => Relation::Daughter,
        };
        let name = names.draw_in_family(random, family_name, is_male, year(*birth));
        household.push(Person { birth: *birth, is_male, name, relation, ..head });
    }
    for _ in 0..left {
        let age = head.age_on(FIRST_NIGHT);
        let apart = ((23.0 + 7.0 * random.unit()) * YEAR) as i32;
        let (wanted, kind) = match age {
            45.. => (head_born + apart, 0),
            22.. if random.chance(0.75) => (head_born - apart, 1),
            _ => (head_born + (random.unit() * 6.0 * YEAR) as i32, 2),
        };
        let birth = ages.take_born(wanted);
        let is_male = random.chance(0.5);
        // Whom the pool had left may be of another age than wanted: the relation follows the person.
        let gap = f64::from(head_born - birth) / YEAR;
        let (relation, name) = if kind == 0 && gap < -18.0 {
            let relation = if is_male { Relation::Son } else { Relation::Daughter };
            (relation, names.draw_in_family(random, family_name, is_male, year(birth)))
        } else if kind == 1 && gap > 18.0 && is_male {
            (Relation::Father, names.draw_in_family(random, head.name, true, year(birth)))
        } else if kind == 1 && gap > 18.0 {
            (Relation::Mother, names.draw(random, false, year(birth)))
        } else if gap.abs() < 15.0 && random.chance(0.6) {
            (Relation::Sibling, names.draw_in_family(random, head.name, is_male, year(birth)))
        } else {
            (Relation::Unrelated, names.draw(random, is_male, year(birth)))
        };
        household.push(Person { birth, is_male, name, relation, ..head });
    }
}

fn occupied(random: &mut Random, built: &GridPeople) -> u32 {
    for _ in 0..50 {
        let at = random.below(built.dwellings.len());
        if built.dwellings.get(at).is_some_and(|dwelling| dwelling.occupants > 0) {
            return at as u32;
        }
    }
    NOWHERE
}

/// People living alone give their place to the twins registered in this grid.
fn put_twins(world: &World, names: &Names, grid: usize, built: &mut GridPeople) {
    let mut seats =
        (0..built.dwellings.len()).filter(|at| built.dwellings[*at].occupants == 1).collect::<Vec<_>>().into_iter();
    for twin in world.twins.iter().filter(|twin| twin.grids.contains(&(grid as u32))) {
        let Some(seat) = seats.find(|seat| {
            let age = built.people[built.dwellings[*seat].first as usize].age_on(FIRST_NIGHT);
            (18..60).contains(&age)
        }) else {
            return;
        };
        let person = &mut built.people[built.dwellings[seat].first as usize];
        let mut random = world.random(Stream::Twin, u64::from(twin.number));
        // Dates and sequence numbers count up together, so no two twins share an identity number.
        let day = u64::from(twin.number) * 7_919 % 14_500;
        person.birth = FIRST_NIGHT - 7_000 - day as i32;
        person.sequence = (ID_SEQUENCES + 1 + u64::from(twin.number) / 14_500) as u16;
        person.is_male = random.chance(0.5);
        person.name = names.draw(&mut random, person.is_male, year(person.birth));
        person.relation = Relation::Head;
        person.twin = Some(twin.number);
    }
}
