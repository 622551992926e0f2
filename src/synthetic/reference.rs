//! The district's own reference tables, compiled in: the demo needs no files to start from.

use chrono::NaiveDate;

use crate::district::calendar::{Calendar, DayKind};

#[derive(Debug, Clone)]
pub(crate) struct Grid {
    pub(crate) code: &'static str,
    /// Position of the community in `District::communities`.
    pub(crate) community: usize,
    /// Position among the grids of its community, from 0.
    pub(crate) position: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Community {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) subdistrict: usize,
    pub(crate) grid_count: usize,
    pub(crate) is_village: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Subdistrict {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    /// First and one past the last grid.
    pub(crate) grids: std::ops::Range<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) code: &'static str,
    pub(crate) label: &'static str,
    /// The first alias in Latin letters, if there is one.
    pub(crate) english: Option<&'static str>,
}

#[derive(Debug)]
pub(crate) struct District {
    pub(crate) subdistricts: Vec<Subdistrict>,
    pub(crate) communities: Vec<Community>,
    pub(crate) grids: Vec<Grid>,
    pub(crate) calendar: Calendar,
    /// One list per `List`, in that order.
    lists: Vec<Vec<Code>>,
}

macro_rules! lists {
    ($($name:ident = $label:literal),+ $(,)?) => {
        /// The code lists that the tables use.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum List { $($name),+ }

        const LIST_NAMES: &[(List, &str)] = &[$((List::$name, $label)),+];
    };
}

lists! {
    Sex = "性别",
    IdType = "证件类型",
    HouseholdType = "人口类型",
    Ethnicity = "民族",
    Education = "文化程度",
    Marital = "婚姻状况",
    Relation = "与户主关系",
    RecordStatus = "数据状态",
    Tag = "重点人群",
    TagLevel = "等级",
    DwellingUse = "房屋用途",
    ShopCategory = "商铺类别",
    NineSmall = "九小场所",
    ShopStatus = "经营状态",
    GasMode = "用气方式",
    CheckKind = "检查类型",
    RecheckResult = "复查结果",
    VisitMethod = "走访方式",
    SubjectKind = "对象类别",
    WhistleLevel = "哨级",
    WhistleSource = "来源",
    WhistleCategory = "吹哨类别",
    Department = "部门",
    WhistleStatus = "吹哨状态",
    TaskRole = "角色",
    TaskStatus = "任务状态",
    ScoreItem = "考核事项",
    ScoreEventStatus = "认定状态",
}

impl District {
    pub(crate) fn load() -> Self {
        let mut subdistricts: Vec<Subdistrict> = Vec::new();
        let mut communities: Vec<Community> = Vec::new();
        let mut grids: Vec<Grid> = Vec::new();
        let kinds: Vec<Vec<&str>> = rows(include_str!("../../data/reference/communities.csv")).collect();
        for row in rows(include_str!("../../data/reference/grids.csv")) {
            let (code, community_code, community_name) = (row[0], row[2], row[3]);
            if subdistricts.last().is_none_or(|last| last.code != row[4]) {
                subdistricts.push(Subdistrict { code: row[4], name: row[5], grids: grids.len()..grids.len() });
            }
            if communities.last().is_none_or(|last| last.code != community_code) {
                communities.push(Community {
                    code: community_code,
                    name: community_name,
                    subdistrict: subdistricts.len() - 1,
                    grid_count: 0,
                    is_village: kinds.iter().any(|kind| kind[0] == community_code && kind[4] == "村委会"),
                });
            }
            let community = communities.len() - 1;
            let position = communities[community].grid_count;
            communities[community].grid_count += 1;
            grids.push(Grid { code, community, position });
            if let Some(last) = subdistricts.last_mut() {
                last.grids.end = grids.len();
            }
        }
        let codes: Vec<Vec<&str>> = rows(include_str!("../../data/reference/code_lists.csv")).collect();
        let lists = LIST_NAMES
            .iter()
            .map(|(_, name)| codes.iter().filter(|row| row[0] == *name).map(|row| code(row)).collect())
            .collect();
        Self { subdistricts, communities, grids, calendar: calendar(), lists }
    }

    pub(crate) fn list(&self, list: List) -> &[Code] {
        &self.lists[list as usize]
    }

    /// Position of a label; the labels used in this module are checked by a test.
    pub(crate) fn index(&self, list: List, label: &str) -> usize {
        self.list(list).iter().position(|code| code.label == label).unwrap_or(0)
    }

    pub(crate) fn community_of(&self, grid: usize) -> &Community {
        &self.communities[self.grids[grid].community]
    }

    pub(crate) fn subdistrict_of(&self, grid: usize) -> &Subdistrict {
        &self.subdistricts[self.community_of(grid).subdistrict]
    }
}

fn code(row: &[&'static str]) -> Code {
    let english =
        row[3].split('|').find(|alias| alias.len() > 1 && alias.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    Code { code: row[1], label: row[2], english }
}

fn calendar() -> Calendar {
    Calendar::new(rows(include_str!("../../data/reference/holidays.csv")).filter_map(|row| {
        let date: NaiveDate = row[0].parse().ok()?;
        Some((date, DayKind::from_label(row[1])?))
    }))
}

/// The rows of a compiled-in table. Its fields hold no quotes or commas, which a test makes sure of.
fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().skip(1).map(|line| line.split(',').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skeleton_is_the_real_one() {
        let district = District::load();
        assert_eq!(district.subdistricts.len(), 16);
        assert_eq!(district.communities.len(), 115);
        assert_eq!(district.grids.len(), 702);
        let named = |name: &str| district.communities.iter().find(|c| c.name == name).unwrap();
        assert_eq!((named("凤亭社区").code, named("凤亭社区").grid_count), ("430105001007", 5));
        assert_eq!(named("东华社区").code, "430105016010");
        assert_eq!(district.communities.iter().filter(|c| c.is_village).count(), 9);
        for grid in &district.grids {
            assert!(grid.code.len() == 15 && grid.code.starts_with(district.communities[grid.community].code));
        }
    }

    #[test]
    fn every_list_is_there_and_plain() {
        let district = District::load();
        for (list, name) in LIST_NAMES {
            assert!(!district.list(*list).is_empty(), "{name}");
        }
        for text in [
            include_str!("../../data/reference/code_lists.csv"),
            include_str!("../../data/reference/grids.csv"),
            include_str!("../../data/reference/communities.csv"),
            include_str!("../../data/reference/holidays.csv"),
        ] {
            let columns = text.lines().next().unwrap().split(',').count();
            assert!(!text.contains('"') && text.lines().all(|line| line.split(',').count() == columns));
        }
    }

    #[test]
    fn the_department_list_is_the_department_table() {
        let district = District::load();
        let names: Vec<&str> = rows(include_str!("../../data/reference/departments.csv")).map(|row| row[1]).collect();
        let list: Vec<&str> = district.list(List::Department).iter().map(|code| code.label).collect();
        assert_eq!(names, list);
    }

    #[test]
    fn within_a_list_no_code_label_or_alias_is_ambiguous() {
        let mut seen = std::collections::BTreeMap::new();
        for row in rows(include_str!("../../data/reference/code_lists.csv")) {
            for key in [row[1], row[2]].into_iter().chain(row[3].split('|')).filter(|key| !key.is_empty()) {
                let owner = seen.entry((row[0], key.to_lowercase())).or_insert(row[2]);
                assert_eq!(*owner, row[2], "{} in {}", key, row[0]);
            }
        }
    }
}
