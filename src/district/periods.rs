//! Spans of time that figures speak for, and the earlier spans they are compared with.
//!
//! A span runs from the first day of its period to a day within it, both included. 环比 compares it with the period
//! before, 同比 with the same period a year ago, each up to the day that corresponds: the last day of a month to the last
//! day of the other month, any other day to the same number or, where the month has none, to its last day. So whole
//! months stand against whole months, whatever their length.

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    #[default]
    Day,
    /// From Monday.
    Week,
    Month,
    Quarter,
    HalfYear,
    Year,
    #[serde(rename = "last_30_days")]
    Last30Days,
    #[serde(rename = "last_90_days")]
    Last90Days,
}

/// How a span repeats.
enum Step {
    Days(u64),
    Months(u32),
}

impl PeriodKind {
    pub const ALL: [(&str, Self); 8] = [
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("quarter", Self::Quarter),
        ("half_year", Self::HalfYear),
        ("year", Self::Year),
        ("last_30_days", Self::Last30Days),
        ("last_90_days", Self::Last90Days),
    ];

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    fn step(self) -> Step {
        match self {
            Self::Day => Step::Days(1),
            Self::Week => Step::Days(7),
            Self::Month => Step::Months(1),
            Self::Quarter => Step::Months(3),
            Self::HalfYear => Step::Months(6),
            Self::Year => Step::Months(12),
            Self::Last30Days => Step::Days(30),
            Self::Last90Days => Step::Days(90),
        }
    }

    /// The first day of the span that ends on `end`.
    pub fn start(self, end: NaiveDate) -> NaiveDate {
        let back = |days: u64| end.checked_sub_days(Days::new(days)).unwrap_or(end);
        match self.step() {
            Step::Days(7) => back(u64::from(end.weekday().num_days_from_monday())),
            Step::Days(days) => back(days - 1),
            Step::Months(months) => {
                NaiveDate::from_ymd_opt(end.year(), end.month0() / months * months + 1, 1).unwrap_or(end)
            }
        }
    }

    /// Whether the period is over on `end`, not one that runs on.
    pub fn is_complete(self, end: NaiveDate) -> bool {
        match self.step() {
            Step::Days(7) => end.weekday().num_days_from_monday() == 6,
            Step::Days(_) => true,
            Step::Months(months) => is_last_of_month(end) && end.month().is_multiple_of(months),
        }
    }

    /// Whether the span adds up months of a quarter, half-year or year that runs on (累计), rather than being one period.
    pub fn is_cumulative(self, end: NaiveDate) -> bool {
        matches!(self.step(), Step::Months(2..)) && !self.is_complete(end)
    }

    /// 环比: where the span before ends. A year has none: before it lies the same period a year ago, which is 同比.
    pub fn previous_end(self, end: NaiveDate) -> Option<NaiveDate> {
        match self.step() {
            Step::Days(days) => end.checked_sub_days(Days::new(days)),
            Step::Months(12) => None,
            Step::Months(months) => months_before(end, months),
        }
    }

    /// 同比: where the same span a year ago ends. A week has no date of its own; it is set beside the one 52 weeks ago.
    pub fn last_year_end(self, end: NaiveDate) -> Option<NaiveDate> {
        match self.step() {
            Step::Days(7) => end.checked_sub_days(Days::new(52 * 7)),
            Step::Days(_) => end.checked_sub_months(Months::new(12)),
            Step::Months(_) => months_before(end, 12),
        }
    }

    /// What the span is called beside others of its year: 6月, 6月1日至27日, 第二季度, 1—6月累计, 全年.
    pub fn label(self, end: NaiveDate) -> String {
        let start = self.start(end);
        let (from, to) = (start.month(), end.month());
        match (self, self.is_complete(end)) {
            (Self::Year, true) => "全年".to_owned(),
            (Self::HalfYear, true) => (if to == 6 { "上半年" } else { "下半年" }).to_owned(),
            (Self::Quarter, true) => format!("第{}季度", ["一", "二", "三", "四"][to as usize / 3 - 1]),
            (Self::Month, true) => format!("{to}月"),
            _ => {
                let suffix = if self.is_cumulative(end) { "累计" } else { "" };
                let span = match (start == end, from == to && start.year() == end.year()) {
                    _ if !suffix.is_empty() && is_last_of_month(end) && from == to => format!("{to}月"),
                    _ if !suffix.is_empty() && is_last_of_month(end) => format!("{from}—{to}月"),
                    (true, _) => format!("{to}月{}日", end.day()),
                    (false, true) => format!("{from}月{}日至{}日", start.day(), end.day()),
                    (false, false) => format!("{from}月{}日至{to}月{}日", start.day(), end.day()),
                };
                span + suffix
            }
        }
    }
}

fn is_last_of_month(day: NaiveDate) -> bool {
    day.succ_opt().is_none_or(|next| next.day() == 1)
}

/// The corresponding day so many months before. chrono takes the same number or the last of a shorter month.
fn months_before(day: NaiveDate, months: u32) -> Option<NaiveDate> {
    if is_last_of_month(day) {
        return day.succ_opt()?.checked_sub_months(Months::new(months))?.pred_opt();
    }
    day.checked_sub_months(Months::new(months))
}

/// Which earlier span a comparison is with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// 同比: the same period a year ago.
    LastYear,
    /// 环比: the period before.
    Previous,
}

impl Base {
    pub fn word(self) -> &'static str {
        match self {
            Self::LastYear => "同比",
            Self::Previous => "环比",
        }
    }

    /// What the name of a column says: `…_year_on_year…` or `…_month_on_month…`, `…_week_on_week…` and so on.
    pub fn of_column(name: &str) -> Option<Self> {
        let words: Vec<&str> = name.split('_').collect();
        let repeated = words.windows(3).find(|three| three[1] == "on" && three[0] == three[2])?;
        Some(if repeated[0] == "year" { Self::LastYear } else { Self::Previous })
    }
}

/// What a column that compares holds. Its unit in the view's `.yml` says so, and nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    pub base: Base,
    pub measure: Measure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// By which share of the earlier amount an amount has grown, as a fraction: 0.032 is 3.2%.
    Growth,
    /// The difference of two rates in percentage points: 1.23 is 1.23个百分点.
    Points,
}

impl Comparison {
    pub const UNITS: [(&str, Self); 4] = [
        ("同比%", Self { base: Base::LastYear, measure: Measure::Growth }),
        ("环比%", Self { base: Base::Previous, measure: Measure::Growth }),
        ("同比百分点", Self { base: Base::LastYear, measure: Measure::Points }),
        ("环比百分点", Self { base: Base::Previous, measure: Measure::Points }),
    ];

    pub fn of_unit(unit: &str) -> Option<Self> {
        Self::UNITS.iter().find(|(known, _)| *known == unit).map(|(_, comparison)| *comparison)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// The span, and the spans it is compared with, as `start/end`.
    fn spans(kind: PeriodKind, end: &str) -> [String; 3] {
        let span = |end: Option<NaiveDate>| end.map_or("—".to_owned(), |end| format!("{}/{end}", kind.start(end)));
        let end = day(end);
        [span(Some(end)), span(kind.previous_end(end)), span(kind.last_year_end(end))]
    }

    #[test]
    fn earlier_spans_end_on_the_corresponding_day() {
        use PeriodKind::{Day, HalfYear, Last30Days, Month, Quarter, Week, Year};
        for (kind, end, expected) in [
            (Day, "2024-06-27", ["2024-06-27/2024-06-27", "2024-06-26/2024-06-26", "2023-06-27/2023-06-27"]),
            // A day is set beside a day, not beside the end of the month.
            (Day, "2025-02-28", ["2025-02-28/2025-02-28", "2025-02-27/2025-02-27", "2024-02-28/2024-02-28"]),
            (Day, "2024-02-29", ["2024-02-29/2024-02-29", "2024-02-28/2024-02-28", "2023-02-28/2023-02-28"]),
            (Week, "2024-06-27", ["2024-06-24/2024-06-27", "2024-06-17/2024-06-20", "2023-06-26/2023-06-29"]),
            (Week, "2024-01-07", ["2024-01-01/2024-01-07", "2023-12-25/2023-12-31", "2023-01-02/2023-01-08"]),
            (Month, "2024-06-27", ["2024-06-01/2024-06-27", "2024-05-01/2024-05-27", "2023-06-01/2023-06-27"]),
            (Month, "2024-06-30", ["2024-06-01/2024-06-30", "2024-05-01/2024-05-31", "2023-06-01/2023-06-30"]),
            (Month, "2024-01-31", ["2024-01-01/2024-01-31", "2023-12-01/2023-12-31", "2023-01-01/2023-01-31"]),
            // 30 May against all of April; 30 and 31 March against all of February.
            (Month, "2024-05-30", ["2024-05-01/2024-05-30", "2024-04-01/2024-04-30", "2023-05-01/2023-05-30"]),
            (Month, "2024-03-30", ["2024-03-01/2024-03-30", "2024-02-01/2024-02-29", "2023-03-01/2023-03-30"]),
            (Month, "2023-03-31", ["2023-03-01/2023-03-31", "2023-02-01/2023-02-28", "2022-03-01/2022-03-31"]),
            (Month, "2024-02-29", ["2024-02-01/2024-02-29", "2024-01-01/2024-01-31", "2023-02-01/2023-02-28"]),
            (Month, "2024-02-28", ["2024-02-01/2024-02-28", "2024-01-01/2024-01-28", "2023-02-01/2023-02-28"]),
            (Month, "2025-02-28", ["2025-02-01/2025-02-28", "2025-01-01/2025-01-31", "2024-02-01/2024-02-29"]),
            (Quarter, "2024-06-30", ["2024-04-01/2024-06-30", "2024-01-01/2024-03-31", "2023-04-01/2023-06-30"]),
            // Two whole months against two whole months.
            (Quarter, "2024-05-31", ["2024-04-01/2024-05-31", "2024-01-01/2024-02-29", "2023-04-01/2023-05-31"]),
            (HalfYear, "2024-06-30", ["2024-01-01/2024-06-30", "2023-07-01/2023-12-31", "2023-01-01/2023-06-30"]),
            (HalfYear, "2024-08-30", ["2024-07-01/2024-08-30", "2024-01-01/2024-02-29", "2023-07-01/2023-08-30"]),
            (Year, "2025-02-28", ["2025-01-01/2025-02-28", "—", "2024-01-01/2024-02-29"]),
            (Year, "2024-06-27", ["2024-01-01/2024-06-27", "—", "2023-01-01/2023-06-27"]),
            (Last30Days, "2024-06-27", ["2024-05-29/2024-06-27", "2024-04-29/2024-05-28", "2023-05-29/2023-06-27"]),
        ] {
            assert_eq!(spans(kind, end), expected.map(str::to_owned), "{kind:?} to {end}");
        }
    }

    /// Whatever day it is, an earlier span is of the same kind of period, and as many whole months long.
    #[test]
    fn whole_months_stand_against_whole_months() {
        for offset in 0..1_500 {
            let end = day("2023-01-01") + Days::new(offset);
            for (name, kind) in PeriodKind::ALL {
                for earlier in [kind.previous_end(end), kind.last_year_end(end)].into_iter().flatten() {
                    assert!(earlier < kind.start(end), "{name} {end} {earlier}");
                    if let Step::Months(months) = kind.step() {
                        assert!(!is_last_of_month(end) || is_last_of_month(earlier), "{name} {end} {earlier}");
                        assert_eq!(end.month0() % months, earlier.month0() % months, "{name} {end} {earlier}");
                        assert_eq!(kind.is_complete(end), is_last_of_month(end) && kind.is_complete(earlier));
                    }
                }
            }
        }
    }

    #[test]
    fn a_label_says_whether_months_are_added_up() {
        for (kind, end, label) in [
            ("month", "2024-06-30", "6月"),
            ("month", "2024-06-27", "6月1日至27日"),
            ("month", "2024-06-01", "6月1日"),
            ("year", "2024-06-30", "1—6月累计"),
            ("year", "2024-06-27", "1月1日至6月27日累计"),
            ("year", "2024-01-31", "1月累计"),
            ("year", "2024-01-01", "1月1日累计"),
            ("year", "2024-12-31", "全年"),
            ("half_year", "2024-06-30", "上半年"),
            ("half_year", "2024-12-31", "下半年"),
            ("half_year", "2024-09-30", "7—9月累计"),
            ("quarter", "2024-06-30", "第二季度"),
            ("quarter", "2024-12-31", "第四季度"),
            ("quarter", "2024-04-30", "4月累计"),
            ("week", "2024-06-30", "6月24日至30日"),
            ("week", "2024-01-03", "1月1日至3日"),
            ("week", "2024-07-02", "7月1日至2日"),
            ("week", "2023-01-01", "12月26日至1月1日"),
            ("day", "2024-06-27", "6月27日"),
            ("last_30_days", "2024-06-27", "5月29日至6月27日"),
        ] {
            let kind = PeriodKind::from_name(kind).unwrap();
            assert_eq!(kind.label(day(end)), label);
        }
    }

    #[test]
    fn the_ends_of_the_calendar_type_have_no_earlier_span() {
        for (_, kind) in PeriodKind::ALL {
            assert_eq!(kind.last_year_end(NaiveDate::MIN), None);
            let _ = (kind.start(NaiveDate::MIN), kind.label(NaiveDate::MAX), kind.is_complete(NaiveDate::MAX));
        }
    }

    #[test]
    fn a_column_names_what_it_is_compared_with() {
        assert_eq!(Base::of_column("visit_year_on_year_rate"), Some(Base::LastYear));
        assert_eq!(Base::of_column("month_on_month_rate"), Some(Base::Previous));
        assert_eq!(Base::of_column("reported_count_week_on_week"), Some(Base::Previous));
        assert_eq!(Base::of_column("on_time_rate_month"), None);
        assert_eq!(Base::of_column("closed_on_time_count"), None);
    }
}
