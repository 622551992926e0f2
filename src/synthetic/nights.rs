//! What happened to a row on the nights after the first: about 1 % updated, 0.5 % new, 0.1 % deleted a night.

use super::random::share;
use super::world::{Stream, World};
use crate::district::calendar::civil;

const UPDATED: f64 = 0.01;
const INSERTED: f64 = 0.005;
const DELETED: f64 = 0.001;

/// Which row: the stream of its table and its number in the whole district, or among a night's new rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowKey {
    pub(crate) stream: Stream,
    pub(crate) number: u64,
    /// Night of its first delivery.
    pub(crate) born: u32,
    /// Whether it may be deleted: nothing refers to it. Only such rows get faults, too.
    pub(crate) is_loose: bool,
    /// Share of this table's rows that are loose.
    pub(crate) loose_share: f64,
}

impl RowKey {
    /// The number for the record key: see `write_id`.
    pub(crate) fn in_grid(&self) -> u64 {
        if self.born == 1 { self.number } else { self.number & 0xff_ffff }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// First night: everything.
    Full,
    Insert,
    Update,
    Delete,
    /// Stored already, or deleted on an earlier night.
    No,
    Gone,
}

/// The night of the latest update, if there was one, and what tonight's delivery holds of the row.
pub(crate) fn history(world: &World, key: RowKey) -> (Option<u32>, Delivered) {
    let mut updated = None;
    for night in key.born + 1..=world.night {
        let at = share(world.hash(Stream::Night, key.number ^ (u64::from(night) << 48) ^ ((key.stream as u64) << 42)));
        let deleted = if key.is_loose { DELETED / key.loose_share } else { 0.0 };
        if at < deleted {
            return (updated, if night == world.night { Delivered::Delete } else { Delivered::Gone });
        }
        if at > 1.0 - UPDATED {
            updated = Some(night);
        }
    }
    let delivered = if key.born == world.night {
        if world.night == 1 { Delivered::Full } else { Delivered::Insert }
    } else if updated == Some(world.night) {
        Delivered::Update
    } else {
        Delivered::No
    };
    (updated, delivered)
}

/// New rows of a table in a grid on a night.
pub(crate) fn inserted(world: &World, stream: Stream, grid: usize, night: u32, base: u32) -> u32 {
    let at = share(world.hash(stream, 0x1_5e27 ^ (grid as u64) << 20 ^ u64::from(night) << 40));
    (f64::from(base) * INSERTED + at).floor() as u32
}

/// A moment of the day on which a row was touched, as seconds.
pub(crate) fn touched_at(world: &World, key: RowKey, night: u32) -> i64 {
    let of_day = 8 * 3600 + world.hash(Stream::Night, key.number ^ 0x7011_c4ed ^ u64::from(night) << 32) % (11 * 3600);
    i64::from(world.as_of_night(night)) * 86_400 + of_day as i64
}

/// The record key of a row: numbered through on the first night, by date and grid afterwards.
pub(crate) fn write_id(world: &World, prefix: char, grid: usize, born: u32, number: u64, out: &mut String) {
    out.push(prefix);
    if born == 1 {
        super::row::push_padded(number as i64 + 1, 9, out);
        return;
    }
    let (year, month, day) = civil(world.as_of_night(born));
    super::row::push_padded(i64::from(year % 100), 2, out);
    super::row::push_padded(i64::from(month), 2, out);
    super::row::push_padded(i64::from(day), 2, out);
    super::row::push_padded(grid as i64, 3, out);
    super::row::push_padded(number as i64, 4, out);
}

/// A number for hashing that no other row of the table has.
pub(crate) fn hash_number(grid: usize, born: u32, number: u64) -> u64 {
    if born == 1 { number } else { (u64::from(born) << 36) | ((grid as u64) << 24) | number }
}
