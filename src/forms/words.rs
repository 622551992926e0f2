//! Texts of a form as words: labels, numbers of columns, units.

use crate::contract::folded_name;

/// Headings without the unit that the last one ends with: `面积（平方米）`.
pub(super) fn with_unit(heads: &[String]) -> (Vec<String>, Option<String>) {
    const UNITS: &[&str] = &[
        "人",
        "户",
        "套",
        "间",
        "个",
        "家",
        "件",
        "次",
        "处",
        "栋",
        "元",
        "万元",
        "平方米",
        "㎡",
        "m²",
        "岁",
        "%",
        "项",
        "条",
        "辆",
        "台",
        "具",
        "名",
        "年",
        "月",
        "天",
        "小时",
    ];
    let mut heads = heads.to_vec();
    let Some(last) = heads.last_mut() else { return (heads, None) };
    let ends = last.strip_suffix(['）', ')']).and_then(|rest| rest.rsplit_once(['（', '(']));
    if let Some((name, unit)) = ends.filter(|(name, unit)| !name.is_empty() && UNITS.contains(&unit.trim())) {
        let (name, unit) = (name.trim().to_owned(), unit.trim().to_owned());
        *last = name;
        return (heads, Some(unit));
    }
    (heads, None)
}

/// A text without the blanks and line breaks that only set it: `单 位` and `联系\n电话`.
pub(super) fn joined(text: &str) -> String {
    let is_han = |sign: char| ('\u{2e80}'..='\u{9fff}').contains(&sign) || "（）：、，。；□☐".contains(sign);
    let signs: Vec<char> = text.trim().chars().collect();
    let mut out = String::new();
    for (at, sign) in signs.iter().enumerate() {
        if !sign.is_whitespace() {
            out.push(*sign);
            continue;
        }
        let before = signs[..at].iter().rev().find(|sign| !sign.is_whitespace());
        let after = signs[at..].iter().find(|sign| !sign.is_whitespace());
        let between_han = before.is_some_and(|sign| is_han(*sign)) && after.is_some_and(|sign| is_han(*sign));
        if !between_han && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

/// Words, neither a number nor a date nor the number of a person.
pub(super) fn is_label(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let signs = text.chars().filter(|sign| !sign.is_whitespace()).count();
    signs > 0 && signs <= 60 && digits * 2 < signs
}

/// `甲`, `3`, `3=1+2`.
pub(super) fn is_number(text: &str) -> bool {
    let text: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    let is_letter = ["甲", "乙", "丙", "丁", "戊", "己", "—", "-"].contains(&text.as_str());
    let is_formula = |sign: char| sign.is_ascii_digit() || "=＝+＋-－—×÷*/%（）()".contains(sign);
    is_letter
        || !text.is_empty()
            && text.chars().count() <= 24
            && text.chars().all(is_formula)
            && text.starts_with(|c: char| c.is_ascii_digit() || c == '（' || c == '(')
}

/// A heading without what only sets it: `（一）公民身份号码*` is `公民身份号码`, `0—14 岁` is `0-14岁`.
pub(super) fn folded(text: &str) -> String {
    let signs = folded_name(text).chars().filter(|sign| *sign != '/').collect::<Vec<char>>();
    let text: String = signs.into_iter().map(|sign| if "—–－~～至".contains(sign) { '-' } else { sign }).collect();
    let text = text.trim_matches(['*', '※', '#', '△', '▲', ':', ',', '.', '、', '。', '"', '“', '”', '\'']);
    let ordinals = |sign: char| sign.is_ascii_digit() || "一二三四五六七八九十()".contains(sign);
    let rest = text.trim_start_matches(ordinals);
    let is_ordinal = rest.len() < text.len()
        && (rest.starts_with(['、', '.', ',']) || text[..text.len() - rest.len()].ends_with(')'))
        && text[..text.len() - rest.len()].chars().count() <= 4;
    let text = if is_ordinal { rest.trim_start_matches(['、', '.', ',']) } else { text };
    text.strip_prefix("其中:").unwrap_or(text).to_owned()
}
