//! Rows of `shops` and `shop_checks`.

use super::GenerateError;
use super::names::{Names, write_phone};
use super::nights::{self, RowKey, hash_number, touched_at, write_id};
use super::output::Output;
use super::places::write_street;
use super::random::Random;
use super::reference::List;
use super::residents::record_status;
use super::row::{Cell, Row, push_padded};
use super::world::{FIRST_NIGHT, Stream, World};
use crate::district::identifiers::{credit_check_character, organisation_check_character};

const LOOSE_SHARE: f64 = 0.25;

/// 餐饮 0, 零售 1, 美容美发 2, 教育培训 3, 药店 4, 汽修 5, 住宿 6, 娱乐 7, 五金建材 8, 其他 9.
const CATEGORY_SHARES: [f64; 10] = [27.0, 25.0, 10.0, 5.0, 4.0, 5.0, 4.0, 4.0, 8.0, 8.0];
const SIGNS: [&str; 16] = [
    "老长沙",
    "湘味",
    "福满",
    "聚贤",
    "金盛",
    "好又多",
    "佳美",
    "新时代",
    "鑫源",
    "百姓",
    "星城",
    "浏阳河",
    "橘洲",
    "顺达",
    "康乐",
    "喜盈门",
];
const TRADES: [[&str; 4]; 10] = [
    ["小馆", "粉店", "餐馆", "奶茶"],
    ["超市", "便利店", "水果店", "烟酒行"],
    ["理发店", "美容院", "造型", "美甲店"],
    ["培训中心", "托管", "画室", "琴行"],
    ["大药房", "药店", "药房", "诊所"],
    ["汽修", "洗车行", "轮胎店", "汽车美容"],
    ["旅馆", "宾馆", "民宿", "公寓酒店"],
    ["棋牌室", "网吧", "歌厅", "台球室"],
    ["五金店", "建材行", "灯饰", "门窗加工"],
    ["打印店", "干洗店", "宠物店", "快递驿站"],
];

/// A shop as other tables need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shop {
    pub(crate) number: u64,
    pub(crate) category: usize,
    pub(crate) is_loose: bool,
}

/// The shops of the first night that count, in order.
pub(crate) fn shops(world: &World, grid: usize) -> impl Iterator<Item = Shop> {
    let start = world.starts[grid].shops;
    (start..start + u64::from(world.counts[grid].shops)).map(|number| Shop {
        number,
        category: category(world, number),
        is_loose: world.is_loose(Stream::Shop, number),
    })
}

/// Where the photo of its sign is said to be.
pub(super) fn photo_path(number: u64) -> String {
    format!("photos/shop/{:010}.jpg", number & 0xff_ffff_ffff)
}

fn category(world: &World, number: u64) -> usize {
    world.random(Stream::Shop, number ^ 0xca_0000_0000).weighted(&CATEGORY_SHARES)
}

pub(crate) fn write_shops(
    world: &World,
    names: &Names,
    grid: usize,
    output: &mut Output<'_>,
) -> Result<(), GenerateError> {
    let counts = world.counts[grid];
    let start = world.starts[grid].shops;
    let mut row = Row::default();
    for at in 0..u64::from(counts.shops + counts.former_shops) {
        let number = start + at;
        let is_former = at >= u64::from(counts.shops);
        let is_loose = !is_former && world.is_loose(Stream::Shop, number);
        let key = RowKey { stream: Stream::Shop, number, born: 1, is_loose, loose_share: LOOSE_SHARE };
        output.row(key, &mut row, |row, updated| fill(world, names, grid, is_former, key, updated, row))?;
    }
    for night in 2..=world.night {
        for at in 0..u64::from(nights::inserted(world, Stream::Shop, grid, night, counts.shops)) {
            let number = hash_number(grid, night, at);
            let key = RowKey { stream: Stream::Shop, number, born: night, is_loose: true, loose_share: 1.0 };
            output.row(key, &mut row, |row, updated| fill(world, names, grid, false, key, updated, row))?;
        }
    }
    output.end_of_grid()
}

fn fill(world: &World, names: &Names, grid: usize, is_former: bool, key: RowKey, updated: Option<u32>, row: &mut Row) {
    let mut random = world.random(Stream::Shop, key.number ^ 0x0050_0000_0000);
    let change = updated.map(|night| world.random(Stream::Night, key.number ^ u64::from(night) << 35).unit());
    let category = category(world, key.number);
    let trade = random.below(4);
    row.build(|out| write_id(world, 'S', grid, key.born, key.in_grid(), out));
    row.build(|out| {
        out.push_str(random.pick(&SIGNS));
        out.push_str(TRADES[category][trade]);
        let place = world.district.community_of(grid).name;
        if random.chance(0.5) {
            out.push('（');
            out.push_str(place.trim_end_matches("社区").trim_end_matches('村'));
            out.push_str("店）");
        }
    });
    // A stall without a licence has no code.
    if random.chance(0.965) {
        row.build(|out| write_credit_code(&mut random, key, out));
    } else {
        row.null();
    }
    row.code(List::ShopCategory, category);
    let area = random.log_normal([85.0, 70.0, 55.0, 160.0, 95.0, 140.0, 420.0, 210.0, 110.0, 60.0][category], 0.6);
    let area = area.clamp(8.0, 4_800.0);
    row.maybe(nine_small(category, trade, area).map(|at| Cell::Code(List::NineSmall, at)));
    row.build(|out| {
        let is_male = random.chance(0.58);
        names.write(names.draw(&mut random, is_male, 1981), out);
    });
    let mut phone = match change {
        Some(at) if at < 0.3 => world.random(Stream::Night, key.number ^ 0x5f0e),
        _ => world.random(Stream::Shop, key.number ^ 0xf0e_0000_0000),
    };
    row.build(|out| write_phone(&mut phone, out));
    let employees = (random.log_normal(2.6, 0.75) * (area / 90.0).clamp(0.6, 6.0)).clamp(1.0, 480.0);
    row.push(Cell::Whole(employees as i64));
    row.push(Cell::Tenths((area * 10.0) as i64));
    let street = random.bits();
    row.build(|out| write_street(&world.district, grid, street, out));
    let status = match change {
        Some(at) if at > 0.85 => 1,
        _ => random.weighted(&[88.0, 5.0, 2.5, 4.5]),
    };
    row.code(List::ShopStatus, status);
    let needs_licence = matches!(category, 0 | 1 | 4 | 6 | 7);
    if needs_licence && random.chance(0.94) {
        row.build(|out| {
            out.push_str("JY1430105");
            push_padded(random.below(10_000_000) as i64, 7, out);
        });
        row.push(Cell::Date(FIRST_NIGHT + random.range(-90, 1_700) as i32));
    } else {
        row.null();
        row.null();
    }
    let gas = if category == 0 {
        random.weighted(&[52.0, 33.0, 14.0, 1.0])
    } else {
        random.weighted(&[3.0, 2.0, 40.0, 55.0])
    };
    row.code(List::GasMode, gas);
    let extinguishers = if random.chance(0.05) { 0.0 } else { 1.0 + area / 75.0 + random.unit() * 1.6 };
    row.push(Cell::Whole((extinguishers as i64).min(60)));
    row.text(&photo_path(key.number));
    let fire_ok = match change {
        Some(at) => at > 0.04,
        None => random.chance(0.93),
    };
    row.push(Cell::Flag(fire_ok));
    let sells_food = matches!(category, 0 | 1 | 6);
    row.maybe(sells_food.then(|| Cell::Flag(random.chance(0.95))));
    row.text(world.district.grids[grid].code);
    row.code(
        List::RecordStatus,
        match is_former {
            true if key.number.is_multiple_of(5) => record_status::PENDING,
            true => record_status::EXPIRED,
            false => record_status::VALID,
        },
    );
    row.push(Cell::Time(match (updated, key.born) {
        (Some(night), _) => touched_at(world, key, night),
        (None, 1) => {
            let day = FIRST_NIGHT - (500.0 * random.unit() * random.unit()) as i32;
            i64::from(day) * 86_400 + random.range(8 * 3600, 20 * 3600)
        }
        (None, born) => touched_at(world, key, born),
    }));
}

/// 91 for firms, 92 for 个体工商户; region 990105; both check characters right. The number of the shop is in
/// the organisation code, so no two shops share one.
fn write_credit_code(random: &mut Random, key: RowKey, out: &mut String) {
    const SIGNS: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let start = out.len();
    out.push_str(if random.chance(0.22) { "91" } else { "92" });
    out.push_str("990105");
    let organisation = out.len();
    out.push_str("MA");
    let mut rest = if key.born == 1 { key.number } else { 600_000_000 + key.number % 287_000_000 };
    let mut signs = [b'0'; 6];
    for sign in signs.iter_mut().rev() {
        *sign = SIGNS[(rest % 31) as usize];
        rest /= 31;
    }
    out.extend(signs.map(char::from));
    let check = organisation_check_character(&out.as_bytes()[organisation..]);
    out.push(char::from(check));
    let check = credit_check_character(&out.as_bytes()[start..]);
    out.push(char::from(check));
}

/// Positions in the list 九小场所; large places are not 九小.
fn nine_small(category: usize, trade: usize, area: f64) -> Option<u16> {
    match category {
        0 => (area <= 300.0).then_some(5),
        1 => (area <= 300.0).then_some(1),
        2 => (area <= 200.0).then_some(7),
        3 => (trade == 1).then_some(0),
        4 => (trade == 3).then_some(2),
        6 => (area <= 600.0).then_some(3),
        7 if trade == 1 => Some(6),
        7 => (area <= 200.0).then_some(4),
        8 => (trade == 3).then_some(8),
        _ => None,
    }
}

const HAZARDS: [&str; 9] = [
    "灭火器过期",
    "疏散通道堆放杂物",
    "电线私拉乱接",
    "液化气瓶与明火间距不足",
    "燃气软管老化",
    "店内违规住人，未设逃生口",
    "应急照明损坏",
    "电动车在店内充电",
    "安全出口标识缺失",
];
const MEASURES: [&str; 5] =
    ["当场整改", "限期更换", "已下达整改通知书，限期整改", "清理通道后复查", "停用并更换软管、\n加装报警器"];

pub(crate) fn write_checks(
    world: &World,
    names: &Names,
    grid: usize,
    output: &mut Output<'_>,
) -> Result<(), GenerateError> {
    let mut row = Row::default();
    for shop in shops(world, grid).filter(|shop| !shop.is_loose) {
        let mut random = world.random(Stream::Check, shop.number);
        let checks = 1 + random.weighted(&[60.0, 30.0, 10.0]) as u64;
        for at in 0..checks {
            let number = shop.number * 64 + at;
            let key = RowKey { stream: Stream::Check, number, born: 1, is_loose: true, loose_share: 1.0 };
            output.row(key, &mut row, |row, updated| fill_check(world, names, grid, shop, key, updated, row))?;
        }
        for night in 2..=world.night {
            // 45,000 checks of 30,000 shops: 1.5 a shop, 0.5 % of that a night.
            if world.random(Stream::Check, shop.number ^ u64::from(night) << 48).chance(0.0075) {
                let number = shop.number * 64 + 2 + u64::from(night.min(61));
                let key = RowKey { stream: Stream::Check, number, born: night, is_loose: true, loose_share: 1.0 };
                output.row(key, &mut row, |row, updated| fill_check(world, names, grid, shop, key, updated, row))?;
            }
        }
    }
    output.end_of_grid()
}

fn fill_check(world: &World, names: &Names, grid: usize, shop: Shop, key: RowKey, updated: Option<u32>, row: &mut Row) {
    let mut random = world.random(Stream::Check, key.number ^ 0xcc_0000_0000_0000);
    row.format(format_args!("C{:010}", key.number));
    row.build(|out| write_id(world, 'S', grid, 1, shop.number, out));
    let checked = if key.born == 1 {
        // More of late, and on working days.
        let mut day = FIRST_NIGHT;
        for _ in 0..9 {
            day = FIRST_NIGHT - (300.0 * random.unit() * (0.4 + 0.6 * random.unit())) as i32;
            if world.district.calendar.is_working_day(super::world::date(day)) {
                break;
            }
        }
        i64::from(day) * 86_400 + random.range(9 * 3600, 17 * 3600)
    } else {
        i64::from(world.as_of_night(key.born)) * 86_400 + random.range(9 * 3600, 17 * 3600)
    };
    row.push(Cell::Time(checked));
    row.build(|out| {
        let mut inspector = world.random(Stream::Worker, (grid as u64 / 4) ^ 0x1259 ^ (random.bits() % 3) << 20);
        let is_male = inspector.chance(0.7);
        names.write(names.draw(&mut inspector, is_male, 1986), out);
    });
    let kind =
        if shop.category == 0 { random.weighted(&[40.0, 35.0, 25.0]) } else { random.weighted(&[65.0, 5.0, 30.0]) };
    row.code(List::CheckKind, kind);
    // 消防 用气 用电 通道 住人
    let sound = [0.93, if shop.category == 0 { 0.9 } else { 0.985 }, 0.94, 0.93, 0.985].map(|p| random.chance(p));
    for is_sound in sound {
        row.push(Cell::Flag(is_sound));
    }
    let hazards = sound.iter().filter(|is_sound| !**is_sound).count();
    row.push(Cell::Whole(hazards as i64));
    let mut changed_at = checked + 600;
    if hazards == 0 {
        for _ in 0..6 {
            row.null();
        }
    } else {
        let kinds: [&[usize]; 5] = [&[0, 6, 8], &[3, 4], &[2, 7], &[1, 8], &[5]];
        let first = sound.iter().position(|is_sound| !is_sound).unwrap_or(0);
        row.text(HAZARDS[random.pick(kinds[first])]);
        row.text(random.pick(&MEASURES));
        let checked_day = (checked / 86_400) as i32;
        let due = checked_day + [3, 7, 15, 30][random.weighted(&[25.0, 45.0, 20.0, 10.0])];
        row.push(Cell::Date(due));
        row.build(|out| {
            let is_male = random.chance(0.6);
            names.write(names.draw(&mut random, is_male, 1980), out);
        });
        let recheck = i64::from(due) * 86_400 + random.range(-2, 4) * 86_400 + random.range(9 * 3600, 17 * 3600);
        let recheck = recheck.max(checked + 7_200);
        let last = i64::from(FIRST_NIGHT + 1) * 86_400;
        let is_rechecked = recheck < last && random.chance(0.985);
        match (is_rechecked, updated) {
            (true, _) => {
                row.push(Cell::Time(recheck));
                row.code(List::RecheckResult, usize::from(random.chance(0.02)));
                changed_at = recheck + 900;
            }
            (false, Some(night)) => {
                let at = (i64::from(world.as_of_night(night)) * 86_400 + 10 * 3600).max(checked + 3_600);
                row.push(Cell::Time(at));
                row.code(List::RecheckResult, 0);
                changed_at = at + 900;
            }
            (false, None) => {
                row.null();
                row.null();
            }
        }
    }
    row.text(world.district.grids[grid].code);
    row.push(Cell::Time(match updated {
        Some(night) => touched_at(world, key, night).max(changed_at),
        None => changed_at,
    }));
}
