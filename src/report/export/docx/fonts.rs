//! The fonts of official documents by the names office machines have them under, with what may stand in for each.
//!
//! Letters and digits of the body are set in Times New Roman, as most offices do: the standard names no font for them,
//! and the digits of 仿宋_GB2312 are thin. Headings, titles and the page number keep one font for all signs.

pub(super) const XIAOBIAOSONG: &str = "方正小标宋简体";
pub(super) const FANGSONG: &str = "仿宋_GB2312";
pub(super) const KAITI: &str = "楷体_GB2312";
pub(super) const HEITI: &str = "黑体";
pub(super) const SONGTI: &str = "宋体";
pub(super) const LATIN: &str = "Times New Roman";

struct Font {
    name: &'static str,
    /// Other names of the font and fonts that may take its place, best first.
    alternatives: &'static str,
    /// By which a program finds the most alike when it knows none of the names.
    panose: &'static str,
    family: &'static str,
    /// Signs are as wide as high.
    is_chinese: bool,
}

const FONTS: [Font; 6] = [
    Font {
        name: XIAOBIAOSONG,
        alternatives: "FZXiaoBiaoSong-B05S,方正小标宋_GBK,华文中宋,STZhongsong,Noto Serif CJK SC,思源宋体,宋体",
        panose: "03000509000000000000",
        family: "roman",
        is_chinese: true,
    },
    Font {
        name: FANGSONG,
        alternatives: "FangSong_GB2312,仿宋,FangSong,方正仿宋_GBK,华文仿宋,STFangsong,FandolFang,Noto Serif CJK SC",
        panose: "02010609030101010101",
        family: "modern",
        is_chinese: true,
    },
    Font {
        name: KAITI,
        alternatives: "KaiTi_GB2312,楷体,KaiTi,方正楷体_GBK,华文楷体,STKaiti,LXGW WenKai,Noto Serif CJK SC",
        panose: "02010609030101010101",
        family: "modern",
        is_chinese: true,
    },
    Font {
        name: HEITI,
        alternatives: "SimHei,方正黑体_GBK,微软雅黑,Microsoft YaHei,Noto Sans CJK SC,思源黑体",
        panose: "02010609060101010101",
        family: "modern",
        is_chinese: true,
    },
    Font {
        name: SONGTI,
        alternatives: "SimSun,方正书宋_GBK,Noto Serif CJK SC,思源宋体",
        panose: "02010600030101010101",
        family: "auto",
        is_chinese: true,
    },
    Font {
        name: LATIN,
        alternatives: "Liberation Serif,Noto Serif",
        panose: "02020603050405020304",
        family: "roman",
        is_chinese: false,
    },
];

/// `fontTable.xml`
pub(super) fn part() -> String {
    let fonts: String = FONTS
        .iter()
        .map(|font| {
            let (charset, pitch) = if font.is_chinese { ("86", "fixed") } else { ("00", "variable") };
            format!(
                "<w:font w:name=\"{}\"><w:altName w:val=\"{}\"/><w:panose1 w:val=\"{}\"/><w:charset w:val=\"{charset}\"/>\
                 <w:family w:val=\"{}\"/><w:pitch w:val=\"{pitch}\"/></w:font>",
                font.name, font.alternatives, font.panose, font.family
            )
        })
        .collect();
    format!("<w:fonts xmlns:w=\"{}\">{fonts}</w:fonts>", super::package::WORD)
}
