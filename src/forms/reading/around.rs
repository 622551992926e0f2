//! What stands around the tables of a form: 表号, 填报单位, 填表人, notes.

use super::page::{Area, Page};
use super::words::{is_blank, is_known_label, is_personal, joined, without_numbers};

/// Words that stand around a table and say something of the form.
const SAID: &[&str] = &[
    "表号",
    "制定机关",
    "制表机关",
    "制发机关",
    "批准机关",
    "备案机关",
    "批准文号",
    "备案文号",
    "文号",
    "有效期至",
    "有效期限",
    "有效期",
    "填报单位",
    "报送单位",
    "填表单位",
    "上报单位",
    "单位",
    "计量单位",
    "金额单位",
    "统计时期",
    "报告期",
    "填报时间",
    "填报日期",
    "填表日期",
    "报出日期",
    "截止时点",
    "截止时间",
    "统计时间",
    "检查时间",
    "检查日期",
    "编号",
    "街道",
    "社区",
    "村（社区）",
    "社区（村）",
    "街道（镇）",
    "报送周期",
    "报送频次",
    "报告期别",
    "填报周期",
    "填报频次",
    "报送时限",
    "报送时间",
    "报送方式",
    "上报时间",
    "上报时限",
    "登记时间",
    "登记日期",
    "排查时间",
    "排查日期",
    "采集日期",
    "采集单位",
    "检查单位",
    "登记单位",
    "汇总单位",
    "统计截止时间",
    "时间",
    "日期",
];
/// The same, with somebody's name or number after them in a filled form.
const SIGNED: &[&str] = &[
    "单位负责人",
    "负责人",
    "审核人",
    "审批人",
    "填表人",
    "制表人",
    "填报人",
    "统计负责人",
    "联系人",
    "联系电话",
    "电话",
    "检查人",
    "检查人员",
    "调查员",
    "调查人",
    "被检查单位签字",
    "签字",
];
/// Keys of the line at the foot of a table, which may have borders as its rows have.
const FOOT: &[&str] = &[
    "单位负责人",
    "审核人",
    "审批人",
    "填表人",
    "制表人",
    "填报人",
    "统计负责人",
    "填报日期",
    "填表日期",
    "报出日期",
    "调查员",
    "检查人",
];
/// Keys of what stands around a table that may as well be labels of a card.
const OF_CARDS: &[&str] =
    &["单位", "编号", "街道", "社区", "村（社区）", "社区（村）", "街道（镇）", "时间", "日期", "登记日期", "登记时间"];
const NOTES: &[&str] = &["说明", "注", "备注", "填表说明", "填报说明"];
/// Keys and values, where every text of a line is one or follows one.
pub(super) fn said_in(page: &Page, labels: &[Area]) -> Option<Vec<(String, String)>> {
    let mut said: Vec<(String, String)> = Vec::new();
    for label in labels {
        let text = joined(page.text(label.top, label.left));
        let parts = keyed(page.text(label.top, label.left));
        if parts.is_empty() {
            // The value of a key that ends with its colon; a date may stand alone.
            match said.last_mut() {
                _ if is_date(&text) => said.push(("统计时期".to_owned(), text)),
                Some((_, value)) if value.is_empty() => *value = text,
                _ => return None,
            }
        }
        said.extend(parts);
    }
    said.iter().any(|(key, _)| key != "统计时期").then_some(said)
}

/// The same for a line within the borders of a table, where a label with a colon may have its blank beside it: the
/// signatures at its foot, what is said of the form, or a line of keys with no blank.
pub(super) fn said_within(page: &Page, areas: &[Area], labels: &[Area]) -> Option<Vec<(String, String)>> {
    let said = said_in(page, labels)?;
    let is_known = said.iter().all(|(key, _)| SAID.contains(&key.as_str()) || SIGNED.contains(&key.as_str()));
    let is_around = |key: &str| SAID.contains(&key) && !OF_CARDS.contains(&key);
    // Two keys in a cell are no label.
    let is_of_form =
        said.iter().any(|(key, _)| is_around(key)) || areas.len() == labels.len() || said.len() > labels.len();
    let is_foot =
        said.iter().any(|(key, _)| FOOT.contains(&key.as_str())) && said.iter().all(|(_, value)| is_blank(value));
    (is_known && is_of_form || is_foot).then_some(said)
}

/// Whether a text is a key with what was filled in after it: `姓名：…`.
pub(super) fn is_filled(text: &str) -> bool {
    let is_known = |key: &str| SAID.contains(&key) || SIGNED.contains(&key) || is_known_label(key) || is_personal(key);
    keyed(text).iter().any(|(key, value)| !is_blank(value) && is_known(key))
}

/// `2024年　　月`
fn is_date(text: &str) -> bool {
    text.contains(['年', '月', '日'])
        && text
            .chars()
            .all(|sign| sign.is_ascii_digit() || sign.is_whitespace() || "年月日第季度上下半时—-至".contains(sign))
}

/// `单位：户（盖章）　时间：` as keys and values; nothing where the text begins otherwise. A key that is not known is what
/// stands between the blank and the colon.
pub(super) fn keyed(text: &str) -> Vec<(String, String)> {
    const UNKNOWN_LONGEST: usize = 12;
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    for (colon, sign) in text.char_indices().filter(|(_, sign)| matches!(sign, '：' | ':')) {
        let from = found.last().map_or(0, |(_, end, _)| *end);
        let before: String = text[from..colon].chars().filter(|sign| !sign.is_whitespace()).collect();
        let token = text[from..colon].trim_end().rsplit(char::is_whitespace).next().unwrap_or_default();
        let known = SAID.iter().chain(SIGNED).filter(|key| {
            let is_whole = token.chars().count() <= key.chars().count() || !token.ends_with(*key);
            is_whole && before.ends_with(*key) || before.ends_with(&format!("{key}（盖章）"))
        });
        let (wanted, key) = match known.max_by_key(|key| key.chars().count()) {
            // Where the key begins in the text with its blanks.
            Some(key) => (key.chars().count() + if before.ends_with("（盖章）") { 4 } else { 0 }, (*key).to_owned()),
            None => {
                // `其中：女` is the name of a row.
                let is_part = token.ends_with("其中");
                let is_key = |sign: char| !sign.is_ascii_digit() && !"，。；、,.;".contains(sign);
                if is_part || token.is_empty() || token.chars().count() > UNKNOWN_LONGEST || !token.chars().all(is_key)
                {
                    continue;
                }
                (token.chars().count(), token.to_owned())
            }
        };
        let start = text[..colon].char_indices().rev().filter(|(_, sign)| !sign.is_whitespace()).nth(wanted - 1);
        let start = start.map_or(0, |(at, _)| at);
        found.push((start, colon + sign.len_utf8(), key));
    }
    let begins = found.first().is_some_and(|(start, _, _)| text[..*start].trim().is_empty());
    if !begins {
        return Vec::new();
    }
    let ends = found.iter().skip(1).map(|(start, _, _)| *start).chain([text.len()]);
    let value = |from: usize, to: usize| {
        let value = text[from..to].split_whitespace().collect::<Vec<_>>().join(" ");
        value.trim_end_matches(['；', ';', '，', '。']).to_owned()
    };
    found.iter().zip(ends).map(|((_, from, key), to)| (key.clone(), value(*from, to))).collect()
}

/// What the notes of a form say as the lines around it do: `2.报送周期：月报；报送时限：每月5日前。`
pub(super) fn said_in_note(note: &str) -> Vec<(String, String)> {
    let segments = note.split(['。', '；', ';', '，']).map(|segment| {
        segment
            .trim()
            .trim_start_matches(|sign: char| sign.is_ascii_digit() || "一二三四五六七八九十（）().．、".contains(sign))
    });
    let keyed = segments.flat_map(keyed);
    keyed.filter(|(key, value)| SAID.contains(&key.as_str()) && !value.is_empty()).collect()
}

pub(super) fn note_of(text: &str) -> Option<Vec<String>> {
    let key = NOTES.iter().find(|key| {
        text.strip_prefix(**key).is_some_and(|rest| rest.starts_with(['：', ':', '１', '1', '一', '\n', '。']))
    })?;
    let rest = text[key.len()..].trim_start_matches(['：', ':']);
    Some(rest.lines().map(|line| without_numbers(line.trim())).filter(|line| !line.is_empty()).collect())
}

/// Whether a text is the key of notes, with the notes in the next cell.
pub(super) fn is_note_key(text: &str) -> bool {
    NOTES.contains(&joined(text).as_str())
}

/// Whether what is said may be somebody's name or number: whatever is not known to be of the form.
pub(in crate::forms) fn is_signed(key: &str) -> bool {
    !SAID.contains(&key)
}
