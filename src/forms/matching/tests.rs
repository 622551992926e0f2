//! Headings in, elements out, by the shipped dictionary.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::super::elements::Dictionary;
use super::super::measures::conversion;
use super::super::reading::Kind;
use super::{Asked, Meaning, meanings};
use crate::contract::Contracts;
use crate::query::ViewCatalog;

fn dictionary() -> Dictionary {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lists = root.join("data/reference/code_lists.csv");
    let contracts = Contracts::load(&root.join("data/contracts"), &lists).expect("contracts");
    let tables: BTreeSet<String> = contracts.iter().map(|contract| contract.table.clone()).collect();
    let (views, _) = ViewCatalog::load(&root.join("queries"), &tables);
    Dictionary::load(&root.join("data/elements.yml"), &contracts, &views).expect("a dictionary")
}

/// Items as `房主/姓名 [平方米] □是 □否 = 张三`.
fn shown(kind: Kind, title: &str, items: &[&str]) -> String {
    let dictionary = dictionary();
    /// Headings, unit, choices and samples.
    type Item = (Vec<String>, Option<String>, Vec<String>, Vec<String>);
    let parsed: Vec<Item> = items
        .iter()
        .map(|item| {
            let (head, samples) = item.split_once(" = ").unwrap_or((item, ""));
            let mut parts = head.split(" □");
            let head = parts.next().unwrap_or_default();
            let choices = parts.map(str::to_owned).collect();
            let (path, unit) = match head.split_once(" [") {
                Some((path, unit)) => (path, Some(unit.trim_end_matches(']').to_owned())),
                None => (head, None),
            };
            let samples = samples.split('|').filter(|text| !text.is_empty()).map(str::to_owned).collect();
            (path.split('/').map(str::to_owned).collect(), unit, choices, samples)
        })
        .collect();
    let asked: Vec<Asked<'_>> = parsed
        .iter()
        .map(|(path, unit, choices, samples)| Asked {
            path,
            unit: unit.as_deref(),
            choices,
            samples: samples.iter().map(String::as_str).collect(),
        })
        .collect();
    let (subject, found) = meanings(&dictionary, kind, title, (None, None), &asked);
    let mut text = format!("{}\n", subject.map_or("?", |at| dictionary.subjects[at].name.as_str()));
    for (item, meaning) in items.iter().zip(found) {
        let said = match meaning {
            Meaning::Counter => "counts the rows".to_owned(),
            Meaning::ByHand => "by hand".to_owned(),
            Meaning::Element { id, why } => format!("{id}: {why}"),
            Meaning::Doubtful { candidates, why } => format!("? {}: {why}", candidates.join(" ")),
            Meaning::Unknown => "unknown".to_owned(),
        };
        let _ = writeln!(text, "{} -> {said}", item.split(" = ").next().unwrap_or_default());
    }
    text
}

#[test]
fn one_thing_under_many_names_is_one_element() {
    insta::assert_snapshot!(shown(
        Kind::List,
        "花名册",
        &[
            "序号",
            "姓 名",
            "身份证号",
            "证件号码",
            "公民身份号码",
            "（一）居民身份证号码*",
            "户籍地",
            "户口所在地",
            "现住地",
            "家庭住址",
            "基本情况/文化程度",
            "监护人/姓名",
            "本人签字",
            "爱好",
        ],
    ));
}

/// A heading decides whose name it is; what nobody knows stays open.
#[test]
fn the_heading_above_says_whose_it_is() {
    insta::assert_snapshot!(shown(
        Kind::List,
        "出租房屋台账",
        &[
            "房屋地址",
            "房主/姓名",
            "房主/联系电话",
            "承租人/姓名",
            "产权人信息/姓名",
            "中介/姓名",
            "面积 [亩]",
            "面积 [元]",
            "用途 □自住 □出租",
            "用途 □甲 □乙",
            "房屋用途 □1自住 □2出租"
        ],
    ));
}

#[test]
fn values_that_are_filled_in_speak_for_and_against() {
    insta::assert_snapshot!(shown(
        Kind::List,
        "人员花名册",
        &[
            "姓名 = 张三|李四",
            "性别 = 男|女",
            "证件号码 = 11010519491231002X",
            "公民身份号码 = 十二|三",
            "号码 = 11010519491231002X|11010519491231002X",
            "出生日期 = 很久以前",
        ],
    ));
}

/// A figure of a row that nobody knows is not the figure of its column; another object's is not the community's.
#[test]
fn rows_and_columns_together_name_a_figure() {
    insta::assert_snapshot!(shown(
        Kind::Matrix,
        "统计表",
        &["总人口/合计", "总人口/其中/男", "流动人口/其中/女", "80岁及以上/流动人口", "寄养儿童/女", "户数"],
    ));
    insta::assert_snapshot!(shown(Kind::Card, "学校基本情况表", &["学校名称", "总户数", "常住人口"]));
}

#[test]
fn units_of_one_quantity_are_worked_out() {
    assert_eq!(conversion("人", "万人"), Some((1, 10_000)));
    assert_eq!(conversion("亩", "平方米"), Some((2_000, 3)));
    assert_eq!(conversion("个", "具"), Some((1, 1)));
    assert_eq!(conversion("人", "户"), None);
}
