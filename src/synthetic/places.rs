//! Addresses: estates, buildings from 901栋 on (no estate has that many), units and rooms; house numbers in villages.

use super::reference::{Community, District};

/// Where a dwelling stands. Villages have houses, not rooms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    /// Number of the estate in its community.
    pub(crate) estate: usize,
    pub(crate) building: usize,
    pub(crate) unit: usize,
    pub(crate) room: usize,
}

const ESTATE_FIRST: [&str; 16] = [
    "阳光", "金帆", "湘江", "福城", "珠江", "凯旋", "藏珑", "盛世", "恒福", "绿地", "江南", "华盛", "丽都", "天健",
    "万煦", "鸿园",
];
const ESTATE_LAST: [&str; 7] = ["花园", "小区", "名邸", "公寓", "家园", "雅苑", "新城"];
const STREETS: [&str; 8] = ["福元路", "芙蓉北路", "湘江北路", "三一大道", "德雅路", "双拥路", "车站北路", "秀峰路"];
/// 凤亭社区 has seven estates in its five grids.
const PHOENIX_PAVILION: &str = "430105001007";

const ROOMS_A_FLOOR: usize = 4;
const FLOORS: usize = 18;
const UNITS: usize = 2;

fn estates(community: &Community) -> usize {
    if community.code == PHOENIX_PAVILION { 7 } else { community.grid_count + community.grid_count.div_ceil(3) }
}

/// The spot of the `number`-th of `total` dwellings of a grid; estates of the grid fill one after the other.
pub(crate) fn spot(district: &District, grid: usize, number: usize, total: usize) -> Spot {
    let community = district.community_of(grid);
    let all = estates(community);
    let position = district.grids[grid].position;
    let first = position * all / community.grid_count;
    let last = ((position + 1) * all / community.grid_count).max(first + 1);
    let each = total.div_ceil(last - first).max(1);
    let inside = number % each;
    let per_unit = ROOMS_A_FLOOR * FLOORS;
    let floor = inside / ROOMS_A_FLOOR % FLOORS + 1;
    Spot {
        estate: first + number / each,
        // Buildings are numbered through the grid's part of the community, so no two addresses are the same.
        building: 901 + inside / (per_unit * UNITS),
        unit: inside / per_unit % UNITS + 1,
        room: floor * 100 + inside % ROOMS_A_FLOOR + 1,
    }
}

/// No estate in a village.
pub(crate) fn write_estate(community: &Community, estate: usize, out: &mut String) -> bool {
    if community.is_village {
        return false;
    }
    // A step coprime with the number of names, so that the estates of a community differ.
    let names = ESTATE_FIRST.len() * ESTATE_LAST.len();
    let start = community.code.bytes().fold(7usize, |hash, byte| hash * 31 % 9973 + usize::from(byte));
    let name = (start + estate * 45) % names;
    out.push_str(ESTATE_FIRST[name % ESTATE_FIRST.len()]);
    out.push_str(ESTATE_LAST[name / ESTATE_FIRST.len() % ESTATE_LAST.len()]);
    true
}

/// 开福区…街道…社区; one community also keeps the name of the neighbour 㮾梨, a character GBK lacks.
pub(crate) fn write_place(district: &District, grid: usize, out: &mut String) {
    let community = district.community_of(grid);
    out.push_str("开福区");
    out.push_str(district.subdistrict_of(grid).name);
    out.push_str(community.name);
    if community.name == "鸭子铺社区" && district.grids[grid].position == 0 {
        out.push_str("㮾梨路");
    }
}

/// Something on the street, for shops and whistles.
pub(crate) fn write_street(district: &District, grid: usize, hash: u64, out: &mut String) {
    write_place(district, grid, out);
    if !district.community_of(grid).is_village {
        out.push_str(STREETS[(hash % 8) as usize]);
    }
    super::row::push_padded(901 + (hash >> 8) as i64 % 97, 3, out);
    out.push('号');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_dwellings_of_a_community_share_an_address() {
        let district = District::load();
        for name in ["凤亭社区", "东华社区", "湘荷村"] {
            let mut seen = std::collections::BTreeSet::new();
            let mut estates = std::collections::BTreeSet::new();
            for grid in (0..702).filter(|grid| district.community_of(*grid).name == name) {
                for number in 0..1_000 {
                    let spot = spot(&district, grid, number, 1_000);
                    let position = district.grids[grid].position;
                    let group = if district.community_of(grid).is_village { position } else { 0 };
                    assert!(seen.insert((group, spot.estate, spot.building, spot.unit, spot.room)), "{name} {spot:?}");
                    let mut estate = String::new();
                    write_estate(district.community_of(grid), spot.estate, &mut estate);
                    estates.insert(estate);
                }
            }
            if name == "凤亭社区" {
                assert_eq!(estates.len(), 7, "{estates:?}");
            }
        }
    }
}
