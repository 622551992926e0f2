//! Blanks around the tables that follow from whom a form is filled for: `填报单位：` and `截止时点：　年　月　日`.

use chrono::{Datelike, NaiveDate};
use serde::Deserialize;

use super::fill::Community;
use super::reading::{Area, Page};

/// What a blank asks for, by the word before its colon.
const ASKED: &[(&str, Asks)] = &[
    ("填报单位", Asks::Reporter),
    ("报送单位", Asks::Reporter),
    ("填表单位", Asks::Reporter),
    ("上报单位", Asks::Reporter),
    ("社区", Asks::Community),
    ("社区（村）", Asks::Community),
    ("村（社区）", Asks::Community),
    ("街道", Asks::Subdistrict),
    ("街道（镇）", Asks::Subdistrict),
    ("截止时点", Asks::AsOf),
    ("截止时间", Asks::AsOf),
    ("统计时点", Asks::AsOf),
    ("数据截至", Asks::AsOf),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Asks {
    #[serde(rename = "填报单位")]
    Reporter,
    #[serde(rename = "社区")]
    Community,
    #[serde(rename = "街道")]
    Subdistrict,
    #[serde(rename = "截止时点")]
    AsOf,
}

impl Asks {
    pub fn name(self) -> &'static str {
        match self {
            Self::Reporter => "填报单位",
            Self::Community => "社区",
            Self::Subdistrict => "街道",
            Self::AsOf => "截止时点",
        }
    }
}

/// A cell outside the tables whose text ends with a blank.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blank {
    pub cell: String,
    /// As it stands there.
    pub text: String,
    #[serde(rename = "is")]
    pub asks: Asks,
}

/// The blanks of a sheet that stand alone in their cells. Where more is said in a cell, nothing of it is filled.
pub(super) fn blanks(page: &Page) -> Vec<Blank> {
    let found = page.texts.iter().filter_map(|((row, column), text)| {
        let (key, rest) = text.split_once(['：', ':'])?;
        let left: String = rest.chars().filter(|sign| !sign.is_whitespace() && !"年月日_".contains(*sign)).collect();
        // Blanks before 街道 and 社区 ask for their names.
        let is_blank = ["", "街道社区", "街道（镇）社区（村）", "社区", "社区（村）"].contains(&left.as_str());
        let key: String = key.chars().filter(|sign| !sign.is_whitespace()).collect();
        let key = key.trim_end_matches("（盖章）").trim_end_matches("(盖章)");
        let (_, asks) = ASKED.iter().find(|(word, _)| *word == key)?;
        let cell = Page::name_of(Area::cell(*row, *column));
        is_blank.then(|| Blank { cell, text: text.clone(), asks: *asks })
    });
    found.collect()
}

/// The text of a blank, filled.
pub(super) fn filled(blank: &Blank, community: &Community, as_of: NaiveDate) -> String {
    let end = blank.text.find(['：', ':']).unwrap_or(blank.text.len());
    let colon = blank.text[end..].chars().next().map_or(0, char::len_utf8);
    let value = match blank.asks {
        Asks::Reporter => format!("{}{}", community.subdistrict, community.name),
        Asks::Community => community.name.clone(),
        Asks::Subdistrict => community.subdistrict.clone(),
        Asks::AsOf => format!("{}年{}月{}日", as_of.year(), as_of.month(), as_of.day()),
    };
    format!("{}{value}", &blank.text[..end + colon])
}
