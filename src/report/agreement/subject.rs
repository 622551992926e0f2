//! What the rows of a view speak of, in terms that rows of other views share: a place, a time, and the rest.
//!
//! A row of a total speaks of everything it is the total of, so that 合计 over both levels and a view without levels speak
//! of the same; a view without places speaks of the district.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::district::periods::PeriodKind;
use crate::report::ViewMeta;
use crate::report::dataset::{Condition, Dataset, Value};
use crate::report::manifest::DatasetSpec;

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
/// Numbers that name a period: they tell rows apart in whatever view.
const PERIOD_NUMBERS: [&str; 4] = ["year", "quarter", "month", "week"];
const TOTALS: [&str; 4] = ["合计", "总计", "全区", "全部"];
/// Digits of the codes of the district, its subdistricts, communities and grids.
const DIGITS: [usize; 4] = [6, 9, 12, 15];

/// The run that rows speak in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub as_of: NaiveDate,
    /// What the district is called.
    pub district: &'a str,
}

impl Setting<'_> {
    fn is_total(self, text: &str) -> bool {
        // 开福区 is 长沙市开福区.
        let is_district = text.chars().count() > 1 && self.district.ends_with(text);
        TOTALS.contains(&text) || is_district
    }
}

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
pub(super) fn subjects(dataset: &Dataset, meta: &ViewMeta, by: &[String], setting: Setting<'_>) -> Vec<Subject> {
    let numbers = dataset.number_columns();
    let mut plain = dataset.column_names();
    plain.retain(|column| !numbers.contains(column) || PERIOD_NUMBERS.contains(&column.as_str()));
    let declared = if by.is_empty() { &meta.grain } else { by };
    let subject = |row: usize| {
        // Where the one column that tells rows apart is empty, as in a total, it tells nothing.
        let is_untold = |column: &String| !is_place(column) && dataset.value_of(row, column) == Value::Null;
        let says_too_little = declared.is_empty() || matches!(declared, [only] if by.is_empty() && is_untold(only));
        Subject::of(dataset, row, if says_too_little { &plain } else { declared }, setting)
    };
    dataset.all_rows().into_iter().map(subject).collect()
}

/// Whether the rows of a dataset are all that its view has on what they speak of, so that their sum is a total: nothing
/// picked some of them by what they say.
pub(super) fn is_whole(spec: &DatasetSpec, rows: usize, meta: &ViewMeta, setting: Setting<'_>) -> bool {
    let is_total = |value: &Value| value.plain().is_none_or(|text| setting.is_total(&text));
    let says_which = |(column, condition): &(String, Condition)| {
        let is_told = meta.grain.is_empty() || meta.grain.contains(column) || is_place(column);
        LEVELS.contains(&column.as_str())
            || PERIODS.contains(&column.as_str())
            || column == "as_of"
            || is_told && (condition.is_one() || condition.excludes_only(&is_total))
    };
    spec.limit.is_none_or(|limit| rows < limit as usize) && spec.conditions.iter().all(says_which)
}

/// The codes of places by their names, as far as no two places share one.
#[derive(Debug, Default)]
pub(super) struct PlaceNames(BTreeMap<String, Option<String>>);

impl PlaceNames {
    pub(super) fn learn(&mut self, dataset: &Dataset) {
        for (code, name) in CODES.iter().zip(NAMES) {
            let (Some(codes), Some(names)) = (dataset.column(code), dataset.column(name)) else { continue };
            for row in dataset.all_rows() {
                let (code, name) = (dataset.value(row, codes).plain(), dataset.value(row, names).plain());
                let (Some(code), Some(name)) = (code, name) else { continue };
                let known = self.0.entry(name).or_insert_with(|| Some(code.clone()));
                if known.as_ref().is_some_and(|known| *known != code) {
                    *known = None;
                }
            }
        }
    }

    /// A subject whose place has only a name, by its code where that is known.
    pub(super) fn coded(&self, subject: &mut Subject) {
        if let Some(Some(code)) = self.0.get(&subject.place) {
            subject.place = if code.len() == DIGITS[0] { String::new() } else { code.clone() };
        }
    }
}

/// What a sum speaks of: everything that its parts speak of one by one.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub subject: Subject,
    parts: BTreeSet<&'a Subject>,
    /// Digits of the parts' codes, where they are several places.
    digits: Option<usize>,
    /// The columns in which the parts differ.
    varying: BTreeSet<&'a str>,
}

impl<'a> Whole<'a> {
    /// `None` where the parts do not add up to something that has a name.
    pub(super) fn of(parts: &[&'a Subject]) -> Option<Self> {
        let first = *parts.first()?;
        let distinct: BTreeSet<&Subject> = parts.iter().copied().collect();
        let have_same_columns = parts.iter().all(|part| part.rest.keys().eq(first.rest.keys()));
        if distinct.len() < parts.len() || !have_same_columns {
            return None;
        }
        let mut subject = first.clone();
        let mut digits = None;
        if parts.iter().any(|part| part.place != first.place) {
            digits = Some(first.place.len());
            subject.place = place_over(parts)?;
        }
        subject.time = time_over(parts)?;
        let differs = |column: &String, text: &String| parts.iter().any(|part| part.rest.get(column) != Some(text));
        let varying = first
            .rest
            .iter()
            .filter(|(column, text)| differs(column, text))
            .map(|(column, _)| column.as_str())
            .collect();
        subject.rest.retain(|column, text| !differs(column, text));
        Some(Self { subject, parts: distinct, digits, varying })
    }

    /// Whether it is not all: the other would be one of its parts and is none.
    pub(super) fn lacks(&self, other: &Subject) -> bool {
        let is_below = match self.digits {
            Some(digits) => {
                is_code(&other.place) && other.place.len() == digits && other.place.starts_with(&self.subject.place)
            }
            None => other.place == self.subject.place,
        };
        let is_like = |(column, text): (&String, &String)| {
            self.varying.contains(column.as_str()) || self.subject.rest.get(column) == Some(text)
        };
        is_below
            && self.parts.iter().any(|part| part.time == other.time)
            && other.rest.len() == self.subject.rest.len() + self.varying.len()
            && other.rest.iter().all(is_like)
            && !self.parts.contains(other)
    }
}

fn is_code(place: &str) -> bool {
    DIGITS.contains(&place.len()) && place.bytes().all(|sign| sign.is_ascii_digit())
}

/// The place that several of one level lie in.
fn place_over(parts: &[&Subject]) -> Option<String> {
    let first = &parts.first()?.place;
    let is_level = |part: &&Subject| is_code(&part.place) && part.place.len() == first.len();
    if !parts.iter().all(is_level) {
        return None;
    }
    let is_over = |digits: &usize| {
        *digits < first.len() && parts.iter().all(|part| part.place.get(..*digits) == first.get(..*digits))
    };
    let digits = DIGITS.into_iter().rev().find(is_over)?;
    Some(if digits == DIGITS[0] { String::new() } else { first.get(..digits)?.to_owned() })
}

/// The time that several without a gap make up; `Some(None)` for a state.
#[expect(clippy::option_option, reason = "times that make up none are not the absence of a time")]
fn time_over(parts: &[&Subject]) -> Option<Option<(NaiveDate, NaiveDate)>> {
    let times: BTreeSet<_> = parts.iter().map(|part| part.time).collect();
    let times: Vec<_> = times.into_iter().collect();
    if let [only] = times.as_slice() {
        return Some(*only);
    }
    let times: Vec<_> = times.into_iter().collect::<Option<_>>()?;
    let is_next = |pair: &[(NaiveDate, NaiveDate)]| pair[0].1.succ_opt() == Some(pair[1].0);
    times.windows(2).all(is_next).then(|| Some((times[0].0, times[times.len() - 1].1)))
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
    fn of(dataset: &Dataset, row: usize, told_by: &[String], setting: Setting<'_>) -> Self {
        let as_of = setting.as_of;
        let has = |wanted: &[&str]| told_by.iter().any(|column| wanted.contains(&column.as_str()));
        let place =
            if told_by.iter().any(|column| is_place(column)) { place(dataset, row, setting) } else { String::new() };
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
                && let Some(text) = value.plain().filter(|text| !setting.is_total(text))
            {
                rest.insert(column.clone(), text);
            }
        }
        Self { place, time, rest }
    }
}

fn place(dataset: &Dataset, row: usize, setting: Setting<'_>) -> String {
    let first = |columns: [&str; 4]| columns.iter().find_map(|column| dataset.value_of(row, column).plain());
    match first(CODES).or_else(|| first(NAMES).filter(|name| !setting.is_total(name))) {
        Some(code) if code.len() == DIGITS[0] && is_code(&code) => String::new(),
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
    if let Some(start) = date(&value("month_start")).or_else(|| month(&value("month"))) {
        let first = start.with_day(1)?;
        return Some(until_now(first, first.checked_add_months(Months::new(1))?.pred_opt()?));
    }
    let start = date(&value("week_start"))?;
    Some(until_now(start, start.checked_add_days(Days::new(6))?))
}

/// A month as a date, or written `2024-06`.
fn month(value: &Value) -> Option<NaiveDate> {
    date(value).or_else(|| format!("{}-01", value.plain()?).parse().ok())
}

fn date(value: &Value) -> Option<NaiveDate> {
    match value {
        Value::Date(_) => value.plain()?.parse().ok(),
        _ => None,
    }
}
