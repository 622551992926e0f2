//! What stands around the tables of a form: 表号, 填报单位, 填表人, notes.

use super::page::{Area, Page};
use super::words::joined;

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
    "街道（镇）",
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
const NOTES: &[&str] = &["说明", "注", "备注", "填表说明", "填报说明"];
/// Keys and values, where every text of a line is one or follows one.
pub(super) fn said_in(page: &Page, labels: &[Area]) -> Option<Vec<(String, String)>> {
    let mut said: Vec<(String, String)> = Vec::new();
    for label in labels {
        let text = joined(page.text(label.top, label.left));
        let parts = keyed(&text);
        if parts.is_empty() {
            // The value of a key that ends with its colon.
            match said.last_mut() {
                Some((_, value)) if value.is_empty() => *value = text,
                _ => return None,
            }
        }
        said.extend(parts);
    }
    (!said.is_empty()).then_some(said)
}

/// `单位：户（盖章）　时间：` as keys and values; nothing where the text begins otherwise.
fn keyed(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(usize, usize, String)> = Vec::new();
    for (colon, sign) in text.char_indices().filter(|(_, sign)| matches!(sign, '：' | ':')) {
        let before: String = text[..colon].chars().filter(|sign| !sign.is_whitespace()).collect();
        let key = SAID
            .iter()
            .chain(SIGNED)
            .filter(|key| before.ends_with(*key) || before.ends_with(&format!("{key}（盖章）")));
        let Some(key) = key.max_by_key(|key| key.chars().count()) else { continue };
        // Where the key begins in the text with its blanks.
        let wanted = if before.ends_with("（盖章）") { key.chars().count() + 4 } else { key.chars().count() };
        let start = text[..colon].char_indices().rev().filter(|(_, sign)| !sign.is_whitespace()).nth(wanted - 1);
        let start = start.map_or(0, |(at, _)| at);
        found.push((start, colon + sign.len_utf8(), (*key).to_owned()));
    }
    let begins = found.first().is_some_and(|(start, _, _)| text[..*start].trim().is_empty());
    if !begins {
        return Vec::new();
    }
    let ends = found.iter().skip(1).map(|(start, _, _)| *start).chain([text.len()]);
    found.iter().zip(ends).map(|((_, from, key), to)| (key.clone(), text[*from..to].trim().to_owned())).collect()
}

pub(super) fn note_of(text: &str) -> Option<Vec<String>> {
    let key = NOTES.iter().find(|key| {
        text.strip_prefix(**key).is_some_and(|rest| rest.starts_with(['：', ':', '１', '1', '一', '\n', '。']))
    })?;
    let rest = text[key.len()..].trim_start_matches(['：', ':']);
    Some(rest.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
}

/// Whether what is said is somebody's name or number.
pub(super) fn is_signed(key: &str) -> bool {
    SIGNED.contains(&key)
}
