//! Known faults for `--dirty`: what the checks have to find, written into otherwise sound rows.
//!
//! A fault sits on a loose row (nothing refers to it), so that every violation in a dirty night is a planted one.

use super::nights::RowKey;
use super::random::share;
use super::row::{Cell, Row};
use super::tables::Table;
use super::world::{Stream, World};

/// What to spoil, and the rule that should notice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    rule: &'static str,
    /// `None` for faults of the whole row.
    column: Option<&'static str>,
    spoil: Spoil,
}

#[derive(Debug, Clone, Copy)]
enum Spoil {
    /// Another value.
    Put(&'static str),
    Empty,
    /// A record key that was never given out; a different one for each row, so that no two rows become one.
    Dangle,
    /// The last character becomes the next in this alphabet.
    CheckSign(&'static str),
    /// Another birth date than the ID number says.
    OtherDate,
    /// The other sex than the ID number says.
    OtherSex,
    /// U+FFFD, the trace of a broken decoding, after the first character.
    Replacement,
    /// More than 500 characters.
    Long,
    /// The same row again.
    Copy,
    /// The same key and time with other content.
    Rival,
}

pub(crate) enum Planted {
    /// One row, breaking the rule named.
    InPlace(&'static str),
    Copy,
    Rival,
    Impossible,
}

const fn fault(rule: &'static str, column: &'static str, spoil: Spoil) -> Fault {
    Fault { rule, column: Some(column), spoil }
}

const COPY: Fault = Fault { rule: "duplicate_same", column: None, spoil: Spoil::Copy };
const RIVAL: Fault = Fault { rule: "duplicate_key", column: None, spoil: Spoil::Rival };
const GRID: Fault = fault("unknown_reference", "grid_code", Spoil::Put("430105099001001"));

const ID_DIGITS: &str = "0123456789X0";
const CREDIT_SIGNS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY0";

static RESIDENTS: &[Fault] = &[
    fault("bad_id_number", "id_number", Spoil::CheckSign(ID_DIGITS)),
    fault("birth_date_disagrees", "birth_date", Spoil::OtherDate),
    fault("sex_disagrees", "sex", Spoil::OtherSex),
    GRID,
    fault("unknown_code", "household_type", Spoil::Put("暂住半年")),
    fault("missing_required", "name", Spoil::Empty),
    fault("bad_date", "birth_date", Spoil::Put("1987-02-30")),
    COPY,
    RIVAL,
    fault("replacement_character", "name", Spoil::Replacement),
    fault("unknown_reference", "dwelling_id", Spoil::Dangle),
    fault("bad_phone", "phone", Spoil::Put("1540000")),
    fault("missing_required", "household_type", Spoil::Empty),
    fault("bad_timestamp", "updated_at", Spoil::Put("2024-06-31 09:00:00")),
    fault("bad_date", "birth_date", Spoil::Put("不详")),
];

static TAGS: &[Fault] = &[
    fault("unknown_reference", "resident_id", Spoil::Dangle),
    fault("bad_date", "since_date", Spoil::Put("2023-13-01")),
    fault("missing_required", "updated_at", Spoil::Empty),
    RIVAL,
    fault("unknown_code", "level", Spoil::Put("九级")),
    COPY,
    fault("bad_number", "visit_cycle_days", Spoil::Put("每月")),
    fault("replacement_character", "guardian", Spoil::Replacement),
];

static DWELLINGS: &[Fault] = &[
    GRID,
    fault("unknown_code", "use", Spoil::Put("借住")),
    fault("missing_required", "address", Spoil::Empty),
    fault("bad_timestamp", "updated_at", Spoil::Put("2024-02-30 10:00:00")),
    RIVAL,
    fault("bad_number", "area_m2", Spoil::Put("约九十")),
    COPY,
    fault("out_of_range", "area_m2", Spoil::Put("89000")),
    fault("replacement_character", "address", Spoil::Replacement),
];

static SHOPS: &[Fault] = &[
    fault("bad_uscc", "uscc", Spoil::CheckSign(CREDIT_SIGNS)),
    GRID,
    fault("unknown_code", "category", Spoil::Put("星际贸易")),
    fault("missing_required", "name", Spoil::Empty),
    fault("bad_date", "licence_until", Spoil::Put("长期有效")),
    RIVAL,
    fault("out_of_range", "employees", Spoil::Put("60000")),
    COPY,
    fault("replacement_character", "name", Spoil::Replacement),
    fault("bad_boolean", "fire_ok", Spoil::Put("基本合格")),
];

static SHOP_CHECKS: &[Fault] = &[
    fault("unknown_reference", "shop_id", Spoil::Dangle),
    fault("bad_timestamp", "checked_at", Spoil::Put("2024-04-31 15:00:00")),
    fault("missing_required", "inspector", Spoil::Empty),
    RIVAL,
    fault("unknown_code", "check_kind", Spoil::Put("随机")),
    COPY,
    fault("bad_number", "hazard_count", Spoil::Put("两处")),
    fault("bad_boolean", "is_fire_ok", Spoil::Put("待定")),
    GRID,
];

static VISITS: &[Fault] = &[
    fault("unknown_reference", "subject_id", Spoil::Dangle),
    fault("too_long", "summary", Spoil::Long),
    fault("unknown_code", "method", Spoil::Put("心灵感应")),
    fault("bad_timestamp", "visited_at", Spoil::Put("2024-06-31 09:30:00")),
    RIVAL,
    fault("missing_required", "visitor", Spoil::Empty),
    COPY,
    GRID,
    fault("replacement_character", "summary", Spoil::Replacement),
    fault("bad_boolean", "issue_flag", Spoil::Put("也许")),
];

/// Parquet columns are typed, so a whistle can carry no malformed time.
static WHISTLES: &[Fault] = &[
    GRID,
    fault("unknown_code", "category", Spoil::Put("天外来客")),
    RIVAL,
    fault("missing_required", "title", Spoil::Empty),
    COPY,
    fault("replacement_character", "title", Spoil::Replacement),
    fault("unknown_code", "department", Spoil::Put("星际事务局")),
    fault("missing_required", "reported_at", Spoil::Empty),
];

static WHISTLE_TASKS: &[Fault] = &[
    fault("unknown_reference", "whistle_id", Spoil::Dangle),
    fault("unknown_code", "department", Spoil::Put("星际事务局")),
    RIVAL,
    fault("bad_timestamp", "due_at", Spoil::Put("2024-06-31 18:00:00")),
    COPY,
    fault("missing_required", "dispatched_at", Spoil::Empty),
    fault("unknown_code", "role", Spoil::Put("旁观")),
];

static SCORE_EVENTS: &[Fault] = &[
    fault("unknown_code", "item", Spoil::Put("凭空加分")),
    fault("unknown_code", "department", Spoil::Put("星际事务局")),
    fault("bad_date", "event_date", Spoil::Put("2024-06-31")),
    RIVAL,
    fault("missing_required", "basis", Spoil::Empty),
    COPY,
    fault("bad_number", "points", Spoil::Put("两分")),
];

fn faults_of(table: &Table) -> &'static [Fault] {
    match table.name {
        "residents" => RESIDENTS,
        "resident_tags" => TAGS,
        "dwellings" => DWELLINGS,
        "shops" => SHOPS,
        "shop_checks" => SHOP_CHECKS,
        "visits" => VISITS,
        "whistles" => WHISTLES,
        "whistle_tasks" => WHISTLE_TASKS,
        "score_events" => SCORE_EVENTS,
        _ => &[],
    }
}

/// Deals out the faults of one file, kind after kind, so that even a small file has several.
pub(crate) struct Faults {
    rate: f64,
    kinds: &'static [Fault],
    next: usize,
}

impl Faults {
    pub(crate) fn new(rate: f64, table: &Table, file: usize) -> Self {
        let kinds = faults_of(table);
        Self { rate, kinds, next: file * 4 % kinds.len().max(1) }
    }

    pub(crate) fn next(&mut self) -> Option<Fault> {
        self.next += 1;
        self.kinds.get((self.next - 1) % self.kinds.len().max(1)).copied()
    }

    /// An old version of a stored row. Rows that were faulty on an earlier night are not stored, and left out.
    pub(crate) fn wants_older(&self, world: &World, key: RowKey) -> bool {
        let at = share(world.hash(Stream::Fault, key.number ^ 0x01de_0000_0000 ^ u64::from(world.night) << 50));
        // Of the rows that did not change: about a tenth of the faults of a delivery of changes.
        key.is_loose
            && at < self.rate * 0.0015 / key.loose_share
            && (key.born..world.night).all(|night| !self.hits(world, key, night))
    }

    /// Whether a row is to carry a fault on a night.
    pub(crate) fn hits(&self, world: &World, key: RowKey, night: u32) -> bool {
        let at = share(world.hash(Stream::Fault, key.number ^ (key.stream as u64) << 44 ^ u64::from(night) << 52));
        key.is_loose && at < self.rate / key.loose_share
    }
}

pub(crate) fn plant(fault: Fault, table: &Table, row: &mut Row) -> Planted {
    let Some(column) = fault.column.and_then(|name| table.column(name)) else {
        return match fault.spoil {
            Spoil::Copy => Planted::Copy,
            Spoil::Rival => Planted::Rival,
            _ => Planted::Impossible,
        };
    };
    let is_null = row.cells[column] == Cell::Null;
    match fault.spoil {
        Spoil::Put(value) => row.set(column, value),
        Spoil::Empty => row.cells[column] = Cell::Null,
        _ if is_null => return Planted::Impossible,
        Spoil::Dangle => {
            let mut value = row.str(column).to_owned();
            if value.len() < 2 {
                return Planted::Impossible;
            }
            value.replace_range(1..2, "9");
            row.set(column, &value);
        }
        Spoil::CheckSign(alphabet) => {
            // A passport has no check digit to break.
            if table.column("id_number") == Some(column) && !has_id_number(table, row) {
                return Planted::Impossible;
            }
            let mut value = row.str(column).to_owned();
            let next = value.pop().and_then(|last| alphabet.chars().skip_while(|sign| *sign != last).nth(1));
            let Some(next) = next else { return Planted::Impossible };
            value.push(next);
            row.set(column, &value);
        }
        Spoil::OtherDate => {
            let Cell::Date(days) = row.cells[column] else { return Planted::Impossible };
            if !has_id_number(table, row) {
                return Planted::Impossible;
            }
            row.cells[column] = Cell::Date(days - 366);
        }
        Spoil::OtherSex => {
            let Cell::Code(list, index) = row.cells[column] else { return Planted::Impossible };
            if !has_id_number(table, row) {
                return Planted::Impossible;
            }
            row.cells[column] = Cell::Code(list, 1 - index.min(1));
        }
        Spoil::Replacement => {
            let mut value = row.str(column).to_owned();
            let at = value.chars().next().map_or(0, char::len_utf8);
            value.insert(at, '\u{fffd}');
            row.set(column, &value);
        }
        Spoil::Long => {
            let value = row.str(column).repeat(1 + 520 / row.str(column).chars().count().max(1));
            row.set(column, &value);
        }
        Spoil::Copy | Spoil::Rival => return Planted::Impossible,
    }
    Planted::InPlace(fault.rule)
}

/// The rules between columns speak only where there is an ID card: code 0 of the list of papers.
fn has_id_number(table: &Table, row: &Row) -> bool {
    let at = |name: &str| table.column(name).map(|column| row.cells[column]);
    matches!(at("id_type"), Some(Cell::Code(_, 0))) && !matches!(at("id_number"), None | Some(Cell::Null))
}

/// Changes something that no rule minds, so that two rows of one key differ.
pub(crate) fn alter(table: &Table, row: &mut Row) {
    let (column, value) = match table.name {
        "residents" => ("name", "赵改名"),
        "dwellings" => ("owner_name", "钱改名"),
        "shops" => ("name", "改名小店"),
        "shop_checks" => ("inspector", "孙改名"),
        "visits" => ("visitor", "李改名"),
        "whistles" => ("title", "标题已改"),
        "resident_tags" => ("guardian", "周改名"),
        "score_events" => ("basis", "依据已改"),
        _ => {
            // A task has no free text; its deadline moves by a day.
            if let Some(Cell::Time(due)) = table.column("due_at").map(|at| &mut row.cells[at]) {
                *due += 86_400;
            }
            return;
        }
    };
    if let Some(column) = table.column(column) {
        row.set(column, value);
    }
}
