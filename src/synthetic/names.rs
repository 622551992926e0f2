//! Names of people who do not exist: a surname and one or two characters that fit sex and generation.

use super::random::Random;
use crate::district::identifiers::SURNAMES;

/// Compound and rare ones; the rare ones need more than GBK's common half.
const RARE_SURNAMES: [&str; 10] = ["欧阳", "欧阳", "欧阳", "司马", "上官", "诸葛", "亓", "訾", "逄", "㮾"];
const RARE_GIVEN: [char; 5] = ['堃', '喆', '昇', '祎', '㮾'];

/// Characters by generation (born before 1960, before 1985, before 2005, since) and sex (male, female).
const GIVEN: [[&str; 2]; 4] = [
    ["国建德明华志文生福贵光荣金玉春树长庆东平根发祥云山", "秀英兰玉珍桂凤菊翠芳淑贞梅莲香云素琴春月娥爱清华金"],
    ["伟军勇强斌磊涛辉刚建平波峰鹏飞志明海林永红卫兵良超", "丽敏静艳娟霞红燕萍芳玲英梅琳娜莉洁慧蓉琼晓文华云春"],
    ["宇浩杰鑫凯俊帆晨阳博文翔豪睿哲嘉志鹏子龙宏毅成远航", "雪婷倩颖雨欣怡佳琪思梦瑶诗慧敏洁晶莹丹妮璐文静嘉雯"],
    ["子轩浩宇梓睿博文俊杰沐辰奕泽宸铭煜城一诺禹皓嘉懿明", "梓涵欣怡诗雨一诺依可语桐若汐沐妍芷萱佳玥雅舒瑾宁悦"],
];

/// A name as indices, cheap to keep; `write` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Name {
    surname: u8,
    is_rare_surname: bool,
    generation: u8,
    is_male: bool,
    first: u8,
    /// 255: a single given character; from 200 on: a rare one.
    second: u8,
}

pub(crate) struct Names {
    surnames: Vec<char>,
    cumulated: Vec<f64>,
    given: Vec<[Vec<char>; 2]>,
}

impl Names {
    pub(crate) fn new() -> Self {
        let surnames: Vec<char> = SURNAMES.chars().collect();
        let mut sum = 0.0;
        let cumulated = (0..surnames.len())
            .map(|rank| {
                sum += 1.0 / (rank as f64 + 9.0);
                sum
            })
            .collect();
        let given = GIVEN.iter().map(|sexes| sexes.map(|signs| signs.chars().collect())).collect();
        Self { surnames, cumulated, given }
    }

    pub(crate) fn draw(&self, random: &mut Random, is_male: bool, birth_year: i32) -> Name {
        let mut name = Name::default();
        self.draw_surname(random, &mut name);
        self.draw_given(random, &mut name, is_male, birth_year);
        name
    }

    /// A name with the surname of another.
    pub(crate) fn draw_in_family(&self, random: &mut Random, family: Name, is_male: bool, birth_year: i32) -> Name {
        let mut name = family;
        self.draw_given(random, &mut name, is_male, birth_year);
        name
    }

    fn draw_surname(&self, random: &mut Random, name: &mut Name) {
        if random.chance(0.003) {
            name.is_rare_surname = true;
            name.surname = random.below(RARE_SURNAMES.len()) as u8;
        } else {
            let at = random.unit() * self.cumulated[self.cumulated.len() - 1];
            name.surname = self.cumulated.partition_point(|sum| *sum <= at).min(self.surnames.len() - 1) as u8;
        }
    }

    fn draw_given(&self, random: &mut Random, name: &mut Name, is_male: bool, birth_year: i32) {
        let generation = match birth_year {
            ..1960 => 0,
            1960..1985 => 1,
            1985..2005 => 2,
            _ => 3,
        };
        let signs = self.given[generation][usize::from(!is_male)].len();
        name.generation = generation as u8;
        name.is_male = is_male;
        name.first = random.below(signs) as u8;
        let kind = random.unit();
        name.second = if kind < 0.0015 {
            200 + random.below(RARE_GIVEN.len()) as u8
        } else if kind < [0.18, 0.3, 0.22, 0.12][generation] {
            255
        } else {
            random.below(signs) as u8
        };
    }

    pub(crate) fn write(&self, name: Name, out: &mut String) {
        if name.is_rare_surname {
            out.push_str(RARE_SURNAMES[usize::from(name.surname)]);
        } else {
            out.push(self.surnames[usize::from(name.surname)]);
        }
        let given = &self.given[usize::from(name.generation)][usize::from(!name.is_male)];
        out.push(given[usize::from(name.first)]);
        match name.second {
            255 => {}
            rare @ 200..255 => out.push(RARE_GIVEN[usize::from(rare - 200)]),
            second => out.push(given[usize::from(second)]),
        }
    }
}

/// 154 and eight digits: looks like a mobile number, is in no assigned range.
pub(crate) fn write_phone(random: &mut Random, out: &mut String) {
    out.push_str("154");
    super::row::push_padded(random.below(100_000_000) as i64, 8, out);
}
