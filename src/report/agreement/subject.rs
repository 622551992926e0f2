//! What the rows of a view speak of, in terms that rows of other views share: a place, a time, and the rest.
//!
//! A row of a total speaks of everything it is the total of, so that 合计 over both levels and a view without levels speak
//! of the same; a view without places speaks of the district.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::district::periods::PeriodKind;
use crate::report::ViewMeta;
use crate::report::dataset::{Dataset, Value};

/// Columns that say where, the finest first; names only where there is no code.
const CODES: [&str; 4] = ["place_code", "grid_code", "community_code", "subdistrict_code"];
const NAMES: [&str; 4] = ["place_name", "grid_name", "community_name", "subdistrict_name"];
/// Columns that say of what kind a row is, which its place and its totals say as well.
const LEVELS: [&str; 2] = ["place_level", "row_level"];
/// Columns that name a period which others give the days of.
const PERIODS: [&str; 9] = [
    "period_kind",
    "period_window",
    "period_name",
    "period",
    "start_date",
    "end_date",
    "month_start",
    "month",
    "week_start",
];
const TOTALS: [&str; 4] = ["合计", "总计", "全区", "全部"];
const DISTRICT_DIGITS: usize = 6;

/// What a figure is about. Two figures of one indicator with equal subjects are one figure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Subject {
    /// The code of a place below the district, its name where there is no code; empty for the district.
    place: String,
    /// First and last day; `None` for a state on the as-of date, and where the figure says its period itself.
    time: Option<(NaiveDate, NaiveDate)>,
    /// What else tells the row from others, by column.
    rest: BTreeMap<String, String>,
}

/// The subject of each row. `by` are the columns that the figure depends on; where there are none, those that tell the
/// view's rows apart, and where nobody says which these are, every column that is no number.
pub(super) fn subjects(dataset: &Dataset, meta: &ViewMeta, by: &[String], as_of: NaiveDate) -> Vec<Subject> {
    let numbers = dataset.number_columns();
    let mut plain = dataset.column_names();
    plain.retain(|column| !numbers.contains(column));
    let declared = if by.is_empty() { &meta.grain } else { by };
    let subject = |row: usize| {
        // Where the one column that tells rows apart is empty, as in a total, it tells nothing.
        let is_untold = |column: &String| !is_place(column) && dataset.value_of(row, column) == Value::Null;
        let says_too_little = declared.is_empty() || matches!(declared, [only] if by.is_empty() && is_untold(only));
        Subject::of(dataset, row, if says_too_little { &plain } else { declared }, as_of)
    };
    dataset.all_rows().into_iter().map(subject).collect()
}

/// For messages: dimensions by their names only, since what a column holds may be somebody's.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str("the district")?,
            place => write!(f, "place `{place}`")?,
        }
        if let Some((start, end)) = self.time {
            write!(f, ", {start} to {end}")?;
        }
        self.rest.keys().try_for_each(|column| write!(f, ", {column}"))
    }
}

fn is_place(column: &str) -> bool {
    CODES.contains(&column) || NAMES.contains(&column) || column.ends_with("_short_name")
}

impl Subject {
    fn of(dataset: &Dataset, row: usize, told_by: &[String], as_of: NaiveDate) -> Self {
        let has = |wanted: &[&str]| told_by.iter().any(|column| wanted.contains(&column.as_str()));
        let place = if told_by.iter().any(|column| is_place(column)) { place(dataset, row) } else { String::new() };
        let time = if has(&PERIODS) { time(dataset, row, as_of) } else { None };
        let is_said = |column: &str, value: &Value| {
            is_place(column)
                || LEVELS.contains(&column)
                || time.is_some() && PERIODS.contains(&column)
                || column == "as_of" && date(value) == Some(as_of)
        };
        let mut rest = BTreeMap::new();
        for column in told_by {
            let value = dataset.value_of(row, column);
            if !is_said(column, &value)
                && let Some(text) = value.plain().filter(|text| !TOTALS.contains(&text.as_str()))
            {
                rest.insert(column.clone(), text);
            }
        }
        Self { place, time, rest }
    }
}

fn place(dataset: &Dataset, row: usize) -> String {
    let first = |columns: [&str; 4]| columns.iter().find_map(|column| dataset.value_of(row, column).plain());
    match first(CODES).or_else(|| first(NAMES).filter(|name| !TOTALS.contains(&name.as_str()))) {
        Some(code) if code.len() == DISTRICT_DIGITS && code.bytes().all(|sign| sign.is_ascii_digit()) => String::new(),
        Some(place) => place,
        None => String::new(),
    }
}

/// The days a row counts, as far as they lie before the as-of date.
fn time(dataset: &Dataset, row: usize, as_of: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let value = |column: &str| dataset.value_of(row, column);
    // A window of before is told by its columns.
    if !matches!(value("period_window").plain().as_deref(), None | Some("current")) {
        return None;
    }
    if let (Some(start), Some(end)) = (date(&value("start_date")), date(&value("end_date"))) {
        return Some((start, end));
    }
    if let Some(kind) = value("period_kind").plain().as_deref().and_then(PeriodKind::from_name) {
        return Some((kind.start(as_of), as_of));
    }
    let until_now = |start: NaiveDate, end: NaiveDate| (start, end.min(as_of).max(start));
    if let Some(start) = date(&value("month_start")) {
        let first = start.with_day(1)?;
        return Some(until_now(first, first.checked_add_months(Months::new(1))?.pred_opt()?));
    }
    let start = date(&value("week_start"))?;
    Some(until_now(start, start.checked_add_days(Days::new(6))?))
}

fn date(value: &Value) -> Option<NaiveDate> {
    match value {
        Value::Date(_) => value.plain()?.parse().ok(),
        _ => None,
    }
}
