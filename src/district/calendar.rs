//! The State Council's working-day calendar. Weekends rest unless a make-up day says otherwise; the days
//! off come from a list, because no rule predicts them.

use chrono::{Datelike, NaiveDate, Weekday};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// 休: a weekday off.
    Rest,
    /// 班: a weekend worked in exchange.
    Work,
}

impl DayKind {
    pub fn from_label(label: &str) -> Option<Self> {
        match label {
            "休" => Some(Self::Rest),
            "班" => Some(Self::Work),
            _ => None,
        }
    }
}

/// Days that differ from the plain week. Days outside the list follow the week.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    exceptions: Vec<(NaiveDate, DayKind)>,
}

impl Calendar {
    /// Rows may come in any order; of two rows for one date the later one counts.
    pub fn new(rows: impl IntoIterator<Item = (NaiveDate, DayKind)>) -> Self {
        let mut exceptions: Vec<_> = rows.into_iter().collect();
        exceptions.sort_by_key(|(date, _)| *date);
        exceptions.reverse();
        exceptions.dedup_by_key(|(date, _)| *date);
        exceptions.reverse();
        Self { exceptions }
    }

    pub fn is_working_day(&self, date: NaiveDate) -> bool {
        match self.exceptions.binary_search_by_key(&date, |(day, _)| *day) {
            Ok(at) => self.exceptions[at].1 == DayKind::Work,
            Err(_) => !matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
        }
    }

    /// The `days`-th working day after `date`; `date` itself is not counted. 0 gives `date` back, working or not.
    /// `None` past the end of the calendar type.
    pub fn add_working_days(&self, date: NaiveDate, days: u32) -> Option<NaiveDate> {
        let mut date = date;
        let mut left = days;
        while left > 0 {
            date = date.succ_opt()?;
            left -= u32::from(self.is_working_day(date));
        }
        Some(date)
    }

    /// Working days in `from..to`, the end not counted; 0 when `to` is not after `from`.
    pub fn working_days_between(&self, from: NaiveDate, to: NaiveDate) -> u32 {
        from.iter_days().take_while(|day| *day < to).map(|day| u32::from(self.is_working_day(day))).sum()
    }
}

/// Year, month, day of a day number (days since 1970-01-01), for the years 1600 to 9999.
/// chrono does the same more slowly; this runs tens of millions of times.
pub fn civil(days: i32) -> (i32, u32, u32) {
    let z = i64::from(days) + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn may_day_2024() -> Calendar {
        let rest = ["2024-05-01", "2024-05-02", "2024-05-03", "2024-05-04", "2024-05-05"];
        let work = ["2024-05-11", "2024-04-28"];
        Calendar::new(rest.map(|d| (day(d), DayKind::Rest)).into_iter().chain(work.map(|d| (day(d), DayKind::Work))))
    }

    #[test]
    fn holidays_and_make_up_days_override_the_week() {
        let calendar = may_day_2024();
        assert!(!calendar.is_working_day(day("2024-05-01")), "a Wednesday off");
        assert!(calendar.is_working_day(day("2024-04-28")), "a Sunday worked");
        assert!(!calendar.is_working_day(day("2024-06-29")), "an ordinary Saturday");
        assert!(calendar.is_working_day(day("2024-06-27")));
    }

    #[test]
    fn deadlines_skip_the_holiday() {
        let calendar = may_day_2024();
        assert_eq!(calendar.add_working_days(day("2024-04-30"), 3), Some(day("2024-05-08")));
        assert_eq!(calendar.add_working_days(day("2024-05-10"), 1), Some(day("2024-05-11")));
        assert_eq!(calendar.add_working_days(day("2024-05-01"), 0), Some(day("2024-05-01")));
        assert_eq!(calendar.add_working_days(NaiveDate::MAX, 1), None);
        assert_eq!(calendar.working_days_between(day("2024-04-28"), day("2024-05-08")), 5);
        assert_eq!(calendar.working_days_between(day("2024-05-08"), day("2024-04-28")), 0);
    }

    #[test]
    fn the_last_row_for_a_date_counts() {
        let calendar = Calendar::new([(day("2024-07-01"), DayKind::Work), (day("2024-07-01"), DayKind::Rest)]);
        assert!(!calendar.is_working_day(day("2024-07-01")));
    }

    #[test]
    fn day_numbers_agree_with_chrono() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for days in (-60_000..40_000).step_by(13) {
            let date = epoch + chrono::Duration::days(i64::from(days));
            assert_eq!(civil(days), (date.year(), date.month(), date.day()));
        }
    }
}
