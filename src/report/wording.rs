//! Names in braces: `{district}`, `{as_of}`, `{community_name}` in titles, notes and file names.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};

use super::RunContext;
use crate::district::periods::PeriodKind;

/// The names a text of a report may mention, with what they stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(BTreeMap<String, String>);

/// Names every report knows, with their meaning; the first list a template author reads.
pub(super) const STANDING_NAMES: &[(&str, &str)] = &[
    ("as_of", "截止日期，2024年6月27日"),
    ("as_of_date", "截止日期，2024-06-27"),
    ("calendar_note", "放假安排未导入的年份，没有则空"),
    ("district", "区名"),
    ("made_at", "生成时间，2024年6月28日02:10"),
    ("made_on", "生成日期，2024年6月28日"),
    ("month_label", "当月，6月或6月1日至27日"),
    ("office", "填报单位"),
    ("period", "统计时期，2024年6月1日至6月27日"),
    ("period_label", "统计时期的简称，6月、第二季度、1—6月累计"),
    ("period_start", "统计时期第一天，2024-06-01"),
    ("row_count", "本表数据行数"),
    ("snapshot", "数据快照编号"),
    ("title", "报表标题"),
    ("version", "生成程序及版本"),
    ("year_label", "当年累计，1—6月累计或1月1日至6月27日累计"),
    ("year_start", "当年第一天，2024-01-01"),
];

/// The small line at the foot of everything that is made.
pub(super) const PROVENANCE: &str =
    "数据截止：{as_of}；数据快照：{snapshot}；生成时间：{made_at}；生成程序：{version}{calendar_note}";

impl Names {
    pub(super) fn new(title: &str, period: PeriodKind, context: &RunContext) -> Self {
        let mut names = Self::default();
        let start = period.start(context.as_of);
        let made_on = context.made_at.date();
        for (name, value) in [
            ("as_of", chinese_date(context.as_of)),
            ("as_of_date", context.as_of.to_string()),
            ("calendar_note", calendar_note(&context.guessed_years)),
            ("district", context.district_name.clone()),
            ("made_at", format!("{}{}", chinese_date(made_on), context.made_at.format("%H:%M"))),
            ("made_on", chinese_date(made_on)),
            ("month_label", PeriodKind::Month.label(context.as_of)),
            ("office", context.office_name.clone()),
            ("period", span(start, context.as_of)),
            ("period_label", period.label(context.as_of)),
            ("period_start", start.to_string()),
            ("snapshot", context.snapshot_id.clone()),
            ("title", title.to_owned()),
            ("version", context.version.clone()),
            ("year_label", PeriodKind::Year.label(context.as_of)),
            ("year_start", PeriodKind::Year.start(context.as_of).to_string()),
        ] {
            names.set(name, value);
        }
        names
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(super) fn with(&self, added: &[(String, String)]) -> Self {
        let mut names = self.clone();
        for (name, value) in added {
            names.set(name, value.clone());
        }
        names
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `text` with every `{name}` replaced. Names are checked when a report is loaded, so that one missing
    /// here is left standing and seen rather than dropped.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Plain(plain) => filled.push_str(plain),
                Piece::Name(name) => match self.get(name) {
                    Some(value) => filled.push_str(value),
                    None => filled.extend(["{", name, "}"]),
                },
            }
        }
        filled
    }
}

enum Piece<'a> {
    Plain(&'a str),
    Name(&'a str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let after = &rest[open + 1..];
        match after.find('}') {
            Some(close) if is_name(&after[..close]) => {
                found.push(Piece::Plain(&rest[..open]));
                found.push(Piece::Name(&after[..close]));
                rest = &after[close + 1..];
            }
            _ => {
                found.push(Piece::Plain(&rest[..=open]));
                rest = after;
            }
        }
    }
    found.push(Piece::Plain(rest));
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The names mentioned in `text`.
pub(super) fn names_in(text: &str) -> Vec<&str> {
    pieces(text).into_iter().filter_map(|piece| if let Piece::Name(name) = piece { Some(name) } else { None }).collect()
}

/// What a reader of time limits has to know where the days off of a year have not landed.
fn calendar_note(guessed_years: &[i32]) -> String {
    if guessed_years.is_empty() {
        return String::new();
    }
    let years: Vec<String> = guessed_years.iter().map(|year| format!("{year}年")).collect();
    format!("；注意：{}放假安排尚未导入，工作日暂按周一至周五推算", years.join("、"))
}

pub(super) fn chinese_date(date: NaiveDate) -> String {
    format!("{}年{}月{}日", date.year(), date.month(), date.day())
}

/// The two ends of a period, the second without the year and month it shares with the first.
fn span(start: NaiveDate, end: NaiveDate) -> String {
    if start == end {
        return chinese_date(end);
    }
    let whole_months = start.day() == 1 && end.checked_add_days(Days::new(1)).is_some_and(|next| next.day() == 1);
    if whole_months && (start.year(), start.month()) == (end.year(), end.month()) {
        return format!("{}年{}月", end.year(), end.month());
    }
    if start.year() == end.year() {
        if whole_months {
            return format!("{}年{}—{}月", start.year(), start.month(), end.month());
        }
        return format!("{}至{}月{}日", chinese_date(start), end.month(), end.day());
    }
    format!("{}至{}", chinese_date(start), chinese_date(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_names_and_leaves_other_braces() {
        let names = Names::default().with(&[("district".into(), "开福区".into())]);
        assert_eq!(names.fill("{district}{unknown}{ 1 }{"), "开福区{unknown}{ 1 }{");
        assert_eq!(names_in("居民台账/{community_code}{community_name}.xlsx"), ["community_code", "community_name"]);
    }

    #[test]
    fn says_which_working_days_are_guessed() {
        assert_eq!(calendar_note(&[]), "");
        assert_eq!(calendar_note(&[2026, 2027]), "；注意：2026年、2027年放假安排尚未导入，工作日暂按周一至周五推算");
    }

    #[test]
    fn words_a_period_as_an_office_does() {
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        assert_eq!(span(day(2024, 6, 1), day(2024, 6, 27)), "2024年6月1日至6月27日");
        assert_eq!(span(day(2024, 6, 1), day(2024, 6, 30)), "2024年6月");
        assert_eq!(span(day(2024, 1, 1), day(2024, 6, 30)), "2024年1—6月");
        assert_eq!(span(day(2023, 7, 1), day(2024, 6, 27)), "2023年7月1日至2024年6月27日");
    }
}
