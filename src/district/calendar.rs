//! The State Council's working-day calendar and the clock of time limits. Weekends rest unless a make-up day says
//! otherwise; the days off come from a list, because no rule predicts them.
//!
//! Days are numbers since 1970-01-01 and moments microseconds since then, both by the district's wall clock.

use chrono::NaiveDate;

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

/// What a time limit is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitUnit {
    /// 小时: hours of the clock, nights and holidays among them.
    Hour,
    /// 工作时: hours of office time.
    WorkingHour,
    /// 工作日: working days; whole ones.
    WorkingDay,
    /// 自然日: days of the calendar; whole ones.
    Day,
}

impl LimitUnit {
    pub const ALL: [(&str, Self); 4] =
        [("小时", Self::Hour), ("工作时", Self::WorkingHour), ("工作日", Self::WorkingDay), ("自然日", Self::Day)];

    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == label).map(|(_, unit)| *unit)
    }
}

/// The longest limit, in any unit: far more than any rule gives, and far from where moments end.
pub const LIMIT_AMOUNT_MAX: u32 = 100_000;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Office time of a working day, 9:00 to 12:00 and 13:30 to 17:30. An assumption for the whole district: some units begin
/// earlier and some move their afternoon with the season, but in these hours a whistle can be expected to be answered.
const OFFICE_HOURS: [(i64, i64); 2] = [(9 * HOUR, 12 * HOUR), (13 * HOUR + HOUR / 2, 17 * HOUR + HOUR / 2)];
const OFFICE_DAY: i64 = OFFICE_HOURS[0].1 - OFFICE_HOURS[0].0 + OFFICE_HOURS[1].1 - OFFICE_HOURS[1].0;

#[derive(Debug, Clone)]
struct Exception {
    day: i64,
    kind: DayKind,
    /// By how many the working days up to this one, itself included, exceed the plain week's.
    surplus: i64,
}

/// Days that differ from the plain week. Days outside the list follow the week; see [`Calendar::is_loaded`].
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    exceptions: Vec<Exception>,
}

impl Calendar {
    /// Rows may come in any order; of two rows for one date the later one counts.
    pub fn new(rows: impl IntoIterator<Item = (NaiveDate, DayKind)>) -> Self {
        let mut rows: Vec<_> = rows.into_iter().map(|(date, kind)| (number(date), kind)).collect();
        rows.sort_by_key(|(day, _)| *day);
        let mut exceptions: Vec<Exception> = Vec::with_capacity(rows.len());
        let mut surplus = 0;
        for (at, (day, kind)) in rows.iter().copied().enumerate() {
            if rows.get(at + 1).is_some_and(|(next, _)| *next == day) {
                continue;
            }
            surplus += i64::from(kind == DayKind::Work) - (plain_working_days(day) - plain_working_days(day - 1));
            exceptions.push(Exception { day, kind, surplus });
        }
        Self { exceptions }
    }

    pub fn is_working_day(&self, date: NaiveDate) -> bool {
        self.is_working(number(date))
    }

    /// Whether the list has the days off of a year, or its working days are a guess from the week. National Day is in every
    /// year's list; a day in December or January may come from a neighbour's.
    pub fn is_loaded(&self, year: i32) -> bool {
        let Some(first) = NaiveDate::from_ymd_opt(year, 10, 1).map(number) else { return false };
        let october = self.exceptions.partition_point(|exception| exception.day < first);
        self.exceptions[october..]
            .iter()
            .take_while(|exception| exception.day < first + 7)
            .any(|e| e.kind == DayKind::Rest)
    }

    fn is_working(&self, day: i64) -> bool {
        match self.exceptions.binary_search_by_key(&day, |exception| exception.day) {
            Ok(at) => self.exceptions[at].kind == DayKind::Work,
            Err(_) => plain_working_days(day) > plain_working_days(day - 1),
        }
    }

    /// Working days up to `day`, itself included, counted from a fixed Monday.
    fn working_days_through(&self, day: i64) -> i64 {
        let passed = self.exceptions.partition_point(|exception| exception.day <= day);
        plain_working_days(day) + passed.checked_sub(1).map_or(0, |last| self.exceptions[last].surplus)
    }

    /// The `count`-th working day after `day`; `day` itself is not counted. 0 gives `day` back, working or not.
    fn working_day_after(&self, day: i64, count: i64) -> i64 {
        if count == 0 {
            return day;
        }
        let wanted = self.working_days_through(day) + count;
        // In twice as many days and a week there are as many working days, were there no days off in the list.
        let (mut low, mut high) = (day, day + 2 * (count + self.exceptions.len() as i64) + 7);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.working_days_through(middle) < wanted {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The `days`-th working day after `date`; `date` itself is not counted. 0 gives `date` back, working or not.
    /// `None` past the end of the calendar type.
    pub fn add_working_days(&self, date: NaiveDate, days: u32) -> Option<NaiveDate> {
        let after = self.working_day_after(number(date), i64::from(days));
        NaiveDate::default().checked_add_signed(chrono::Duration::try_days(after)?)
    }

    /// When a limit that starts at `start` ends. `None` for an amount that is negative, more than
    /// [`LIMIT_AMOUNT_MAX`] or part of a day.
    ///
    /// - Hours of the clock run through nights and holidays.
    /// - Working hours run in office time only: a start outside it counts from the next office hour, and one that is
    ///   used up at noon or in the evening ends then, not when the office opens again.
    /// - Working days and calendar days end at the time of day they start at; the day of the start is not counted. So a
    ///   limit that starts on a Saturday ends on Monday after one working day.
    pub fn limit_end(&self, start: i64, amount: f64, unit: LimitUnit) -> Option<i64> {
        if !(0.0..=f64::from(LIMIT_AMOUNT_MAX)).contains(&amount) {
            return None;
        }
        let time = (amount * HOUR as f64).round() as i64;
        let is_whole = amount.fract() == 0.0;
        let (day, of_day) = (start.div_euclid(DAY), start.rem_euclid(DAY));
        match unit {
            LimitUnit::Hour => start.checked_add(time),
            LimitUnit::WorkingHour => self.office_time_after(start, time),
            LimitUnit::WorkingDay if is_whole => {
                self.working_day_after(day, amount as i64).checked_mul(DAY)?.checked_add(of_day)
            }
            LimitUnit::Day if is_whole => start.checked_add(amount as i64 * DAY),
            LimitUnit::WorkingDay | LimitUnit::Day => None,
        }
    }

    /// The first moment at which `time` of office time has passed since `start`.
    fn office_time_after(&self, start: i64, time: i64) -> Option<i64> {
        if time == 0 {
            return Some(start);
        }
        let wanted = self.office_time_until(start) + time;
        // The office day in which the last of it passes, and how much of that day it takes.
        let nth = (wanted - 1).div_euclid(OFFICE_DAY) + 1;
        let mut left = wanted - (nth - 1) * OFFICE_DAY;
        let day = start.div_euclid(DAY);
        let midnight = self.working_day_after(day, nth - self.working_days_through(day)).checked_mul(DAY)?;
        for (from, to) in OFFICE_HOURS {
            if left <= to - from {
                return midnight.checked_add(from + left);
            }
            left -= to - from;
        }
        None
    }

    /// Where a limit ends that would have ended at `due`, had its clock not stood from `from` to `to`. What was left of it
    /// runs on from `to`, in its own unit; a clock that had run out before it stood has nothing left. `None` past the end
    /// of the calendar type.
    pub fn due_after_pause(&self, due: i64, (from, to): (i64, i64), unit: LimitUnit) -> Option<i64> {
        if from >= due || to <= from {
            return Some(due);
        }
        let (due_day, of_day) = (due.div_euclid(DAY), due.rem_euclid(DAY));
        match unit {
            LimitUnit::Hour => due.checked_add(to - from),
            LimitUnit::WorkingHour => {
                self.office_time_after(to, self.office_time_until(due) - self.office_time_until(from))
            }
            LimitUnit::WorkingDay => self
                .working_day_after(due_day, self.working_days_between(from, to))
                .checked_mul(DAY)?
                .checked_add(of_day),
            LimitUnit::Day => due.checked_add((to.div_euclid(DAY) - from.div_euclid(DAY)) * DAY),
        }
    }

    /// Office time up to `moment`, counted from a fixed Monday.
    fn office_time_until(&self, moment: i64) -> i64 {
        let (day, of_day) = (moment.div_euclid(DAY), moment.rem_euclid(DAY));
        let today = match self.is_working(day) {
            true => OFFICE_HOURS.iter().map(|(from, to)| of_day.clamp(*from, *to) - from).sum(),
            false => 0,
        };
        self.working_days_through(day - 1) * OFFICE_DAY + today
    }

    /// Hours of office time from one moment to another; negative when the other is earlier.
    pub fn working_hours_between(&self, from: i64, to: i64) -> f64 {
        (self.office_time_until(to) - self.office_time_until(from)) as f64 / HOUR as f64
    }

    /// Working days after the day of one moment up to the day of another, so that a limit of so many working days has
    /// just been used; negative when the other is earlier.
    pub fn working_days_between(&self, from: i64, to: i64) -> i64 {
        self.working_days_through(to.div_euclid(DAY)) - self.working_days_through(from.div_euclid(DAY))
    }
}

/// Days since 1970-01-01.
fn number(date: NaiveDate) -> i64 {
    (date - NaiveDate::default()).num_days()
}

/// Working days up to `day`, itself included, if every week were plain; counted from Monday, 1969-12-29.
fn plain_working_days(day: i64) -> i64 {
    let days = day + 4;
    days.div_euclid(7) * 5 + days.rem_euclid(7).min(5)
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
    use chrono::Datelike;

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
        let between =
            |from: &str, to: &str| calendar.working_days_between(number(day(from)) * DAY, number(day(to)) * DAY);
        assert_eq!(between("2024-04-28", "2024-05-08"), 5);
        assert_eq!(between("2024-05-08", "2024-04-28"), -5);
    }

    #[test]
    fn counting_days_and_walking_them_agree() {
        let calendar = may_day_2024();
        let (from, to) = (number(day("2024-03-25")), number(day("2024-06-10")));
        for start in from..to {
            let mut walked = start;
            for count in 1..=40 {
                walked += 1;
                while !calendar.is_working(walked) {
                    walked += 1;
                }
                assert_eq!(calendar.working_day_after(start, count), walked, "{count} after {start}");
            }
        }
    }

    #[test]
    fn office_time_ends_when_it_is_used_up() {
        let calendar = may_day_2024();
        let moment = |text: &str| text.parse::<chrono::NaiveDateTime>().unwrap().and_utc().timestamp_micros();
        for start in ["2024-04-26T20:00:00", "2024-04-28T10:07:30", "2024-05-03T12:00:00", "2024-05-11T17:30:00"] {
            for tenths in 1..400 {
                let hours = f64::from(tenths) / 10.0;
                let end = calendar.limit_end(moment(start), hours, LimitUnit::WorkingHour).unwrap();
                assert_eq!(calendar.working_hours_between(moment(start), end), hours, "{hours} from {start}");
                // A moment earlier it is not.
                assert!(calendar.working_hours_between(moment(start), end - 1) < hours, "{hours} from {start}");
            }
        }
    }

    /// May Day 2024: Wednesday 1 to Sunday 5 May off, Sunday 28 April and Saturday 11 May worked.
    #[test]
    fn what_is_left_of_a_limit_runs_on_after_a_pause() {
        let calendar = may_day_2024();
        let moment = |text: &str| text.parse::<chrono::NaiveDateTime>().unwrap().and_utc().timestamp_micros();
        for (due, from, to, unit, end) in [
            // A day and an hour left on Monday 29 April; Tuesday 7 May is the next working day after Monday 6.
            (
                "2024-04-30T10:00:00",
                "2024-04-29T09:00:00",
                "2024-05-06T09:00:00",
                LimitUnit::WorkingDay,
                "2024-05-07T10:00:00",
            ),
            (
                "2024-04-30T10:00:00",
                "2024-04-29T09:00:00",
                "2024-05-06T09:00:00",
                LimitUnit::Hour,
                "2024-05-07T10:00:00",
            ),
            (
                "2024-04-30T10:00:00",
                "2024-04-29T09:00:00",
                "2024-05-06T09:00:00",
                LimitUnit::Day,
                "2024-05-07T10:00:00",
            ),
            // 7 hours and 1: Monday 6 May and 10:00 on Tuesday.
            (
                "2024-04-30T10:00:00",
                "2024-04-29T09:00:00",
                "2024-05-05T20:00:00",
                LimitUnit::WorkingHour,
                "2024-05-07T10:00:00",
            ),
            // Days off in the pause take nothing from a limit of working days.
            (
                "2024-05-06T16:00:00",
                "2024-04-30T17:00:00",
                "2024-05-05T12:00:00",
                LimitUnit::WorkingDay,
                "2024-05-06T16:00:00",
            ),
            (
                "2024-05-11T16:00:00",
                "2024-05-10T17:00:00",
                "2024-05-10T18:00:00",
                LimitUnit::WorkingDay,
                "2024-05-11T16:00:00",
            ),
            (
                "2024-05-10T16:00:00",
                "2024-05-09T17:00:00",
                "2024-05-10T18:00:00",
                LimitUnit::WorkingDay,
                "2024-05-11T16:00:00",
            ),
            // Run out before it stood; and no pause at all.
            (
                "2024-04-28T10:00:00",
                "2024-04-29T09:00:00",
                "2024-05-06T09:00:00",
                LimitUnit::WorkingDay,
                "2024-04-28T10:00:00",
            ),
            (
                "2024-04-30T10:00:00",
                "2024-04-29T09:00:00",
                "2024-04-29T09:00:00",
                LimitUnit::Hour,
                "2024-04-30T10:00:00",
            ),
        ] {
            let found = calendar.due_after_pause(moment(due), (moment(from), moment(to)), unit);
            assert_eq!(found, Some(moment(end)), "{unit:?} {due} {from} {to}");
        }
    }

    /// Where the clock stands within the time it runs, it is as if it had been set later.
    #[test]
    fn a_pause_leaves_as_much_office_time_as_there_was() {
        let calendar = may_day_2024();
        let start = (day("2024-04-22") - NaiveDate::default()).num_days() * DAY;
        for step in 0..400_i64 {
            let start = start + step * 37 * 60_000_000;
            let due = calendar.limit_end(start, 20.0, LimitUnit::WorkingHour).unwrap();
            let (from, to) = (start + step * 11 * 60_000_000, start + step * 97 * 60_000_000);
            let moved = calendar.due_after_pause(due, (from, to), LimitUnit::WorkingHour).unwrap();
            let worked = calendar.working_hours_between(start, moved) - calendar.working_hours_between(from, to);
            if from < due {
                assert!((worked - 20.0).abs() < 1e-9, "{step}: {worked}");
            } else {
                assert_eq!(moved, due);
            }
        }
    }

    #[test]
    fn a_year_is_loaded_when_its_national_day_is() {
        let rest = ["2023-12-30", "2024-10-01", "2025-01-01"];
        let calendar = Calendar::new(rest.map(|date| (day(date), DayKind::Rest)));
        assert_eq!([2023, 2024, 2025].map(|year| calendar.is_loaded(year)), [false, true, false]);
        assert!(!calendar.is_loaded(i32::MAX));
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
