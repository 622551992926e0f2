//! The whistles of a grid as they stand tonight: when reported, sent to whom, answered, closed, settled.

use super::nights::{self, Delivered, RowKey, hash_number};
use super::random::{Random, share};
use super::reference::{District, List};
use super::whistle_kinds::CATEGORIES;
use super::whistle_nights::live_on;
use super::world::{FIRST_NIGHT, Stream, World};

const HOUR: f64 = 3600.0;
/// Daily whistles that the subdistrict settles alone, without a task: nothing refers to them.
const LOOSE_SHARE: f64 = 0.1;

/// Positions in the list 吹哨状态.
pub(crate) mod status {
    pub(crate) const REPORTED: usize = 0;
    pub(crate) const ACCEPTED: usize = 1;
    pub(crate) const DISPATCHED: usize = 2;
    pub(crate) const HANDLED: usize = 3;
    pub(crate) const CLOSED: usize = 4;
    pub(crate) const SETTLED: usize = 5;
    pub(crate) const SUSPENDED: usize = 6;
}

/// Positions in the list 来源.
pub(crate) mod source {
    pub(crate) const VISIT: usize = 3;
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) department: usize,
    pub(crate) is_main: bool,
    pub(crate) dispatched: i64,
    pub(crate) responded: Option<i64>,
    pub(crate) arrived: Option<i64>,
    pub(crate) closed: Option<i64>,
    pub(crate) returned: Option<i64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Whistle {
    pub(crate) key: RowKey,
    pub(crate) is_district: bool,
    pub(crate) source: usize,
    pub(crate) category: usize,
    pub(crate) title: &'static str,
    pub(crate) reported: i64,
    pub(crate) accepted: Option<i64>,
    pub(crate) dispatched: Option<i64>,
    pub(crate) responded: Option<i64>,
    pub(crate) due: i64,
    pub(crate) closed: Option<i64>,
    pub(crate) settled: Option<i64>,
    pub(crate) department: usize,
    /// The limit after the last extension.
    pub(crate) extended: Option<i64>,
    pub(crate) suspended: Option<i64>,
    pub(crate) resumed: Option<i64>,
    pub(crate) extensions: i64,
    pub(crate) returns: i64,
    pub(crate) reworks: i64,
    pub(crate) satisfaction: Option<i64>,
    pub(crate) delivered: Delivered,
    /// Night on which it went out to the departments.
    pub(crate) dispatched_on: u32,
    pub(crate) tasks: Vec<Task>,
    pub(crate) updated: i64,
}

impl Whistle {
    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.is_some() && self.resumed.is_none()
    }

    pub(crate) fn status(&self) -> usize {
        match () {
            () if self.settled.is_some() => status::SETTLED,
            () if self.closed.is_some() => status::CLOSED,
            () if self.is_suspended() => status::SUSPENDED,
            () if self.responded.is_some() => status::HANDLED,
            () if self.dispatched.is_some() => status::DISPATCHED,
            () if self.accepted.is_some() => status::ACCEPTED,
            () => status::REPORTED,
        }
    }
}

/// All whistles of a grid that exist tonight, in the order of their keys.
pub(crate) fn whistles(world: &World, grid: usize) -> Vec<Whistle> {
    let counts = world.counts[grid];
    let start = world.starts[grid].whistles;
    let mut all: Vec<Whistle> = (0..counts.whistles())
        .map(|at| {
            let is_district = at >= counts.daily;
            let nth = if is_district { at - counts.daily } else { at };
            let is_open = nth < if is_district { counts.district_open } else { counts.daily_open };
            let number = start + u64::from(at);
            let key = RowKey {
                stream: Stream::Whistle,
                number,
                born: 1,
                is_loose: !is_district
                    && !is_open
                    && share(world.hash(Stream::Whistle, number ^ 0x0001_005e)) < LOOSE_SHARE,
                loose_share: LOOSE_SHARE,
            };
            let is_riverside = is_district && nth == 0 && is_phoenix_pavilion_first(&world.district, grid);
            first_night(world, grid, key, is_district, is_open, is_riverside)
        })
        .collect();
    for night in 2..=world.night {
        let count = nights::inserted(world, Stream::Whistle, grid, night, counts.whistles());
        for number in 0..u64::from(count) {
            let number = hash_number(grid, night, number);
            let key =
                RowKey { stream: Stream::Whistle, number, born: night, is_loose: false, loose_share: LOOSE_SHARE };
            all.push(later_night(world, grid, key));
        }
    }
    for whistle in &mut all {
        live_on(world, whistle);
    }
    all
}

/// 凤亭社区's first grid has the path along the river, which went to four units.
fn is_phoenix_pavilion_first(district: &District, grid: usize) -> bool {
    district.grids[grid].code == "430105001007001"
}

/// The durations of one case, in seconds.
struct Pace {
    accept: i64,
    dispatch: i64,
    turn_back: i64,
    respond: i64,
    close: i64,
    settle: i64,
}

fn pace(random: &mut Random, is_district: bool, speed: f64, is_returned: bool) -> Pace {
    let mut seconds = |median: f64, sigma: f64| 60 + (random.log_normal(median, sigma) * HOUR) as i64;
    Pace {
        accept: seconds(0.35, 0.8),
        dispatch: seconds(if is_district { 4.0 } else { 1.0 }, 0.8),
        turn_back: if is_returned { seconds(5.0, 0.6) } else { 0 },
        respond: seconds(if is_district { 5.0 } else { 2.2 } * speed, 0.9),
        close: seconds(if is_district { 62.0 } else { 19.0 } * speed, 0.95),
        settle: seconds(26.0, 0.7),
    }
}

/// Some departments are quicker than others, and all got a little quicker over the time.
fn speed(department: usize, day: i32) -> f64 {
    let own = 0.65 + share(super::random::mix(department as u64, 0x59eed)) * 0.9;
    own * if day >= 19_723 { 0.9 } else { 1.0 } // since 2024-01-01
}

fn first_night(
    world: &World,
    grid: usize,
    key: RowKey,
    is_district: bool,
    is_open: bool,
    is_riverside: bool,
) -> Whistle {
    let mut random = world.random(Stream::Whistle, key.number ^ 0x1e_0000_0000);
    let end = i64::from(FIRST_NIGHT + 1) * 86_400;
    let mut whistle = case(world, &mut random, grid, key, is_district);
    if is_riverside {
        whistle.category = 6;
        whistle.title = "沿江步道护栏松动、照明缺失";
        whistle.department = world.district.index(List::Department, "市政维护中心");
    }
    let is_returned = !key.is_loose && !is_riverside && whistle_may_return(world, grid) && random.chance(0.022);
    let mut is_suspended = false;
    let reported = |day: i32, random: &mut Random| i64::from(day) * 86_400 + random.range(27_000, 73_800);
    if is_open {
        let age = random.log_normal(if is_district { 4.0 } else { 1.8 }, 1.2).min(150.0) as i32;
        whistle.reported = reported(FIRST_NIGHT - age, &mut random);
        let pace = pace(&mut random, is_district, speed(whistle.department, FIRST_NIGHT), is_returned);
        is_suspended = age > 20 && random.chance(0.6);
        run(&mut whistle, &pace, end - 1, false);
        if age < 3 {
            hold_back(&mut random, &mut whistle, age);
        }
    } else {
        // A closed case was closed by tonight: another day if this one does not fit, the newest days last.
        for attempt in 0..40 {
            let day = world.whistle_days.draw(&mut random);
            whistle.reported = reported(day, &mut random);
            let pace = pace(&mut random, is_district, speed(whistle.department, day), is_returned);
            let total = pace.accept + pace.dispatch + pace.turn_back + pace.respond + pace.close;
            if whistle.reported + total < end || attempt == 39 {
                run(&mut whistle, &pace, end - 1, true);
                break;
            }
        }
    }
    let turned_back = if is_returned { turned_back(&whistle) } else { None };
    set_due(world, &mut random, &mut whistle, turned_back, end);
    finish(&mut random, &mut whistle, end);
    whistle.dispatched_on = if whistle.dispatched.is_some() { 1 } else { 0 };
    send_out(world, &mut random, grid, &mut whistle, turned_back, is_riverside);
    let mut random = world.random(Stream::Whistle, key.number ^ 0x2a_0000_0000);
    arrive(&mut random, &mut whistle, end - 1);
    if is_suspended {
        // Not before the unit knows of it, and mostly before the limit; more than twenty days are left for it.
        let known = whistle.responded.or(whistle.dispatched).unwrap_or(whistle.reported);
        whistle.suspended = Some((known + random.range(86_400, 5 * 86_400)).min(end - 1));
    }
    whistle.updated = latest(&whistle);
    whistle.delivered = if world.night == 1 { Delivered::Full } else { Delivered::No };
    whistle
}

/// The eight of 凤亭社区 went straight to the right units.
fn whistle_may_return(world: &World, grid: usize) -> bool {
    world.district.community_of(grid).name != "凤亭社区"
}

fn later_night(world: &World, grid: usize, key: RowKey) -> Whistle {
    let mut random = world.random(Stream::Whistle, key.number ^ 0x1e_0000_0000);
    let is_district = random.chance(0.04);
    let mut whistle = case(world, &mut random, grid, key, is_district);
    let day = world.as_of_night(key.born);
    let end = i64::from(day + 1) * 86_400;
    whistle.reported = i64::from(day) * 86_400 + random.range(27_000, 73_800);
    let pace = pace(&mut random, is_district, speed(whistle.department, day), false);
    run(&mut whistle, &pace, end - 1, false);
    set_due(world, &mut random, &mut whistle, None, end);
    whistle.dispatched_on = if whistle.dispatched.is_some() { key.born } else { 0 };
    send_out(world, &mut random, grid, &mut whistle, None, false);
    arrive(&mut world.random(Stream::Whistle, key.number ^ 0x2a_0000_0000), &mut whistle, end - 1);
    whistle.updated = latest(&whistle);
    whistle.delivered = if key.born == world.night { Delivered::Insert } else { Delivered::No };
    whistle
}

fn case(world: &World, random: &mut Random, grid: usize, key: RowKey, is_district: bool) -> Whistle {
    let shares: [f64; 11] = std::array::from_fn(|at| CATEGORIES[at].share);
    let category = random.weighted(&shares);
    let subdistrict = world.district.subdistrict_of(grid).name;
    let office = world
        .district
        .list(List::Department)
        .iter()
        .position(|code| code.label.strip_suffix("办事处").is_some_and(|name| name == subdistrict));
    let departments = CATEGORIES[category].departments;
    let shares: Vec<f64> = departments.iter().map(|(_, share)| *share).collect();
    let usual = departments[random.weighted(&shares)].0;
    // Most of the daily ones the subdistrict settles itself.
    let stays = random.chance(0.42) && !is_district || key.is_loose;
    let department = match office {
        Some(office) if stays => office,
        _ => world.district.index(List::Department, usual),
    };
    Whistle {
        key,
        is_district,
        source: if key.is_loose {
            random.weighted(&[3.0, 1.0, 1.0])
        } else {
            random.weighted(&[58.0, 20.0, 13.0, 9.0])
        },
        category,
        title: random.pick(CATEGORIES[category].titles),
        reported: 0,
        accepted: None,
        dispatched: None,
        responded: None,
        due: 0,
        closed: None,
        settled: None,
        department,
        extended: None,
        suspended: None,
        resumed: None,
        extensions: 0,
        returns: 0,
        reworks: 0,
        satisfaction: None,
        delivered: Delivered::No,
        dispatched_on: 0,
        tasks: Vec::new(),
        updated: 0,
    }
}

/// Lets time pass until `last`: the stages reached by then are set.
fn run(whistle: &mut Whistle, pace: &Pace, last: i64, must_close: bool) {
    let mut at = whistle.reported;
    let mut stretch = 1.0;
    let total = pace.accept + pace.dispatch + pace.turn_back + pace.respond + pace.close;
    if must_close && at + total > last {
        stretch = (last - at) as f64 / (total + 60) as f64;
    }
    let mut step = |seconds: i64| {
        at += ((seconds as f64 * stretch) as i64).max(1);
        (at <= last).then_some(at)
    };
    whistle.accepted = step(pace.accept);
    whistle.dispatched = step(pace.dispatch);
    whistle.responded = step(pace.turn_back + pace.respond);
    if pace.turn_back > 0 && whistle.responded.is_some() {
        whistle.returns = 1;
    }
    if must_close {
        whistle.closed = step(pace.close);
        whistle.settled = step(pace.settle);
    }
}

/// The newest open cases are not all with a department yet.
fn hold_back(random: &mut Random, whistle: &mut Whistle, age: i32) {
    let stages = random.weighted(&[0.1, 0.12, 0.3, 0.48]);
    if stages < 3 {
        whistle.responded = None;
        whistle.returns = 0;
    }
    if stages < 2 && age < 2 {
        whistle.dispatched = None;
    }
    if stages < 1 && age < 1 {
        whistle.accepted = None;
        whistle.dispatched = None;
    }
}

/// When the wrong unit sent a whistle back, and when the right one got it.
#[derive(Debug, Clone, Copy)]
struct TurnedBack {
    returned: i64,
    dispatched: i64,
}

fn turned_back(whistle: &Whistle) -> Option<TurnedBack> {
    let (dispatched, responded) = whistle.dispatched.zip(whistle.responded).filter(|_| whistle.returns > 0)?;
    let returned = dispatched + (responded - dispatched) * 2 / 3;
    Some(TurnedBack { returned, dispatched: returned + (responded - returned) / 2 })
}

/// Three working days for a daily whistle, seven for a district one; an extension adds three or five. One that was sent
/// back begins anew with the right unit.
fn set_due(world: &World, random: &mut Random, whistle: &mut Whistle, turned_back: Option<TurnedBack>, end: i64) {
    let start = turned_back.map_or(whistle.reported, |turned_back| turned_back.dispatched);
    let day = start.div_euclid(86_400) as i32;
    let of_day = start.rem_euclid(86_400);
    let mut limit = if whistle.is_district { 7 } else { 3 };
    loop {
        let due = world.district.calendar.add_working_days(super::world::date(day), limit);
        let epoch = chrono::NaiveDate::default();
        let due_day = due.map_or(i64::from(day), |due| (due - epoch).num_days());
        whistle.due = due_day * 86_400 + of_day;
        let is_late = whistle.closed.unwrap_or(end) > whistle.due;
        if is_late && whistle.extensions < 2 && random.chance(0.3) {
            whistle.extensions += 1;
            limit += if whistle.is_district { 5 } else { 3 };
        } else {
            whistle.extended = (whistle.extensions > 0).then_some(whistle.due);
            return;
        }
    }
}

fn finish(random: &mut Random, whistle: &mut Whistle, end: i64) {
    let Some(closed) = whistle.closed else { return };
    let is_late = closed > whistle.due;
    if random.chance(if is_late { 0.06 } else { 0.02 }) {
        whistle.reworks = 1 + i64::from(random.chance(0.12));
    }
    // A few wait long for the last look.
    if random.chance(0.02) && closed > end - 60 * 86_400 {
        whistle.settled = None;
    }
    if whistle.settled.is_some() && random.chance(0.72) {
        let spoiled = is_late || whistle.reworks > 0;
        let shares = if spoiled { [12.0, 12.0, 22.0, 28.0, 26.0] } else { [2.5, 4.0, 9.5, 27.0, 57.0] };
        whistle.satisfaction = Some(1 + random.weighted(&shares) as i64);
    }
}

/// One task for each unit, once the whistle is out.
fn send_out(
    world: &World,
    random: &mut Random,
    grid: usize,
    whistle: &mut Whistle,
    turned_back: Option<TurnedBack>,
    is_riverside: bool,
) {
    let Some(dispatched) = whistle.dispatched.filter(|_| !whistle.key.is_loose) else { return };
    let units = match (is_riverside, whistle.is_district) {
        (true, _) => 4,
        (_, true) if world.district.community_of(grid).name == "凤亭社区" => {
            1 + random.weighted(&[45.0, 35.0, 20.0])
        }
        (_, true) => 1 + random.weighted(&[38.0, 36.0, 20.0, 6.0]),
        _ => 1 + random.weighted(&[83.0, 13.5, 3.5]),
    };
    let mut sent = vec![whistle.department];
    let mut main_dispatched = dispatched;
    if let Some(turned_back) = turned_back {
        let wrong = other_department(world, random, whistle.category, &sent);
        main_dispatched = turned_back.dispatched;
        whistle.tasks.push(Task {
            department: wrong,
            is_main: true,
            dispatched,
            responded: None,
            arrived: None,
            closed: None,
            returned: Some(turned_back.returned),
        });
        sent.push(wrong);
    }
    whistle.tasks.push(Task {
        department: whistle.department,
        is_main: true,
        dispatched: main_dispatched,
        responded: whistle.responded,
        arrived: None,
        closed: whistle.closed,
        returned: None,
    });
    for _ in 1..units {
        let department = other_department(world, random, whistle.category, &sent);
        sent.push(department);
        let closed = whistle.closed;
        // A helping unit answers somewhere between dispatch and now, and is done by the time the whistle is.
        let answer = dispatched + 60 + (random.log_normal(3.0, 0.9) * HOUR) as i64;
        let responded = match closed {
            Some(closed) => Some(answer.min(dispatched + (closed - dispatched) / 2)),
            None => whistle.responded.map(|main| answer.min(main)),
        };
        let done = closed
            .zip(responded)
            .map(|(closed, responded)| responded + ((closed - responded) as f64 * (0.3 + 0.7 * random.unit())) as i64);
        let arrived = None;
        whistle.tasks.push(Task {
            department,
            is_main: false,
            dispatched,
            responded,
            arrived,
            closed: done,
            returned: None,
        });
    }
}

/// People of a unit come some hours after it has answered, and before it is done.
fn arrive(random: &mut Random, whistle: &mut Whistle, last: i64) {
    for task in &mut whistle.tasks {
        let takes = 600 + (random.log_normal(if whistle.is_district { 26.0 } else { 14.0 }, 0.9) * HOUR) as i64;
        task.arrived = task.responded.map(|responded| match task.closed {
            Some(closed) => (responded + takes).min(closed.max(responded)),
            None => responded + takes,
        });
        task.arrived = task.arrived.filter(|arrived| *arrived <= last);
    }
}

fn other_department(world: &World, random: &mut Random, category: usize, sent: &[usize]) -> usize {
    let departments = CATEGORIES[category].departments;
    for _ in 0..4 {
        let index = world.district.index(List::Department, random.pick(departments).0);
        if !sent.contains(&index) {
            return index;
        }
    }
    let all = world.district.list(List::Department).iter().position(|code| code.label.ends_with("办事处"));
    let mut index = random.below(all.unwrap_or(1));
    while sent.contains(&index) {
        index = (index + 1) % all.unwrap_or(1).max(sent.len() + 1);
    }
    index
}

/// The last thing that happened to a whistle.
fn latest(whistle: &Whistle) -> i64 {
    [whistle.accepted, whistle.dispatched, whistle.responded, whistle.suspended, whistle.closed, whistle.settled]
        .into_iter()
        .chain(whistle.tasks.iter().map(|task| task.arrived))
        .flatten()
        .fold(whistle.reported, i64::max)
}
