//! The SQL functions gridhouse adds: the run's date, ages, rates, comparisons, rounding, time limits, scores, tails,
//! masking, code order.
//!
//! One list, [`all`]; `gridhouse sql` help and the documentation are made from it.

mod clock;
mod comparisons;
mod scores;
mod tails;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, RecordBatch, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{Days, NaiveDate};
use datafusion::common::types::{NativeType, logical_date, logical_string};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::expr_fn::SimpleScalarUDF;
use datafusion::logical_expr::{Coercion, ColumnarValue, ScalarUDF, Signature, TypeSignatureClass, Volatility};

pub(super) use self::clock::calendar;
use crate::district::calendar::{Calendar, civil};
use crate::district::identifiers;

/// Name, arguments and meaning of each function, for help and documentation.
pub const DESCRIPTIONS: &[(&str, &str)] = &[
    ("as_of_date()", "the date the figures speak for"),
    ("as_of_end()", "the first instant after that date"),
    ("age_on(birth_date, date)", "full years lived; 29 February counts from 1 March in common years"),
    ("rate(n, d)", "n / d, NULL where d is 0 or NULL"),
    ("growth(now, base)", "of two counts: (now - base) / base, NULL where base is 0 or NULL; a rate is refused"),
    ("point_change(now, base)", "of two rates: their difference in percentage points; a count is refused"),
    (
        "period_start(kind, end)",
        "the first day of the `week`, `month`, `quarter`, `half_year` or `year` up to that day",
    ),
    (
        "previous_period_end(kind, end)",
        "环比: the corresponding day of the period before, a month's last day to a month's last",
    ),
    ("last_year_period_end(kind, end)", "同比: the corresponding day a year ago, of a week 52 weeks ago"),
    ("period_label(kind, end)", "6月, 6月1日至27日, 1—6月累计"),
    ("round_half_up(x, digits)", "decimal rounding, halves away from zero"),
    ("hours_between(a, b)", "hours from a to b"),
    (
        "add_working_time(start, amount, unit)",
        "when a limit ends: 小时 of the clock, 工作时 of office time (9:00-12:00, 13:30-17:30, from the next office hour on), \
         工作日 and 自然日 at the same time of day",
    ),
    ("working_hours_between(a, b)", "hours of office time from a to b, by the landed `holidays`"),
    ("working_days_between(a, b)", "working days after the day of a up to the day of b"),
    (
        "whistle_due(start, amount, unit, extended_to, suspended_at, resumed_at)",
        "when a step's limit ends: an extension moves it, 挂账 stops its clock and what was left runs on afterwards",
    ),
    (
        "whistle_overdue(due, done, suspended_at, resumed_at)",
        "done late, or not done and the limit has passed by the end of the as-of date; false under 挂账",
    ),
    (
        "whistle_elapsed_hours(start, done, suspended_at, resumed_at)",
        "office time until done, 挂账 or the end of the as-of date, without the time the clock stood",
    ),
    (
        "is_calendar_loaded(date)",
        "whether the landed `holidays` have its year, or working days are guessed from the week",
    ),
    (
        "linear_points(rate, full, target, k, floor)",
        "full points at target per cent, k less per point below, never under floor; 2 digits, or a sixth argument's",
    ),
    (
        "count_tail(n, mean, dispersion)",
        "the probability that a count with that mean and the variance mean + dispersion * mean² is n or more",
    ),
    ("mask_name(t)", "张*, 张*三"),
    ("mask_id_number(t)", "first 6 and last 4 characters"),
    ("mask_phone(t)", "first 3 and last 4 digits"),
    ("code_sort(list, label)", "the position of a label in its code list"),
];

const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
type Outcome = Result<ColumnarValue, DataFusionError>;

/// The functions of a session whose figures speak for `as_of`. `codes` is list -> label -> position.
pub(super) fn all(
    as_of: NaiveDate,
    codes: Arc<HashMap<String, HashMap<String, i32>>>,
    calendar: &Arc<Calendar>,
) -> Vec<ScalarUDF> {
    let date = Date32Type::from_naive_date(as_of);
    let end = as_of
        .checked_add_days(Days::new(1))
        .and_then(|d| d.and_hms_opt(0, 0, 0))
        .map(|t| t.and_utc().timestamp_micros());
    let mut functions = vec![
        udf("as_of_date", exact(vec![]), DataType::Date32, move |_, _| {
            Ok(ColumnarValue::Scalar(ScalarValue::Date32(Some(date))))
        }),
        udf("as_of_end", exact(vec![]), MICROS, move |_, _| {
            Ok(ColumnarValue::Scalar(ScalarValue::TimestampMicrosecond(end, None)))
        }),
        udf("age_on", two(date_like()), DataType::Int32, |args, _| {
            let (born, on) = (cast(&args[0], &DataType::Date32)?, cast(&args[1], &DataType::Date32)?);
            let (born, on) = (born.as_primitive::<Date32Type>(), on.as_primitive::<Date32Type>());
            let ages: Int32Array = born.iter().zip(on.iter()).map(|(b, o)| Some(age(b?, o?))).collect();
            array(ages)
        }),
        udf("rate", exact(vec![DataType::Float64, DataType::Float64]), DataType::Float64, |args, _| {
            let (n, d) = (args[0].as_primitive::<Float64Type>(), args[1].as_primitive::<Float64Type>());
            let rates: Float64Array =
                n.iter().zip(d.iter()).map(|(n, d)| d.filter(|d| *d != 0.0).and_then(|d| Some(n? / d))).collect();
            array(rates)
        }),
        comparisons::growth(),
        comparisons::point_change(),
        comparisons::period_label(),
        udf("round_half_up", exact(vec![DataType::Float64, DataType::Int64]), DataType::Float64, |args, _| {
            let (x, digits) = (args[0].as_primitive::<Float64Type>(), args[1].as_primitive::<Int64Type>());
            let rounded: Float64Array = x
                .iter()
                .zip(digits.iter())
                .map(|(x, digits)| crate::district::rounding::round_half_up(x?, digits?.clamp(0, 15) as usize))
                .collect();
            array(rounded)
        }),
        udf("hours_between", two(time_like()), DataType::Float64, |args, _| {
            let (a, b) = (cast(&args[0], &MICROS)?, cast(&args[1], &MICROS)?);
            let a = a.as_primitive::<TimestampMicrosecondType>();
            let b = b.as_primitive::<TimestampMicrosecondType>();
            let hours: Float64Array = a.iter().zip(b.iter()).map(|(a, b)| Some((b? - a?) as f64 / 3.6e9)).collect();
            array(hours)
        }),
        clock::add_working_time(calendar.clone()),
        clock::working_hours_between(calendar.clone()),
        clock::working_days_between(calendar.clone()),
        clock::is_calendar_loaded(calendar.clone()),
        scores::linear_points(),
        tails::count_tail(),
        masking("mask_name", identifiers::mask_name),
        masking("mask_id_number", identifiers::mask_id_number),
        masking("mask_phone", identifiers::mask_phone),
        udf("code_sort", exact(vec![DataType::Utf8, DataType::Utf8]), DataType::Int32, move |args, _| {
            let (lists, labels) = (args[0].as_string::<i32>(), args[1].as_string::<i32>());
            let sorts: Int32Array =
                lists.iter().zip(labels.iter()).map(|(list, label)| codes.get(list?)?.get(label?).copied()).collect();
            array(sorts)
        }),
    ];
    // The last day that can be written has no end; nothing happens after it.
    let end = end.unwrap_or(i64::MAX);
    functions.extend([
        clock::whistle_due(calendar.clone(), end),
        clock::whistle_overdue(end),
        clock::whistle_elapsed_hours(calendar.clone(), end),
    ]);
    functions.extend(comparisons::spans());
    functions
}

/// Full years between two days since 1970-01-01.
fn age(born: i32, on: i32) -> i32 {
    let ((year, month, day), (on_year, on_month, on_day)) = (civil(born), civil(on));
    on_year - year - i32::from((on_month, on_day) < (month, day))
}

fn masking(name: &'static str, mask: fn(&str) -> String) -> ScalarUDF {
    udf(name, exact(vec![DataType::Utf8]), DataType::Utf8, move |args, rows| {
        let texts = args[0].as_string::<i32>();
        let mut masked = StringBuilder::with_capacity(rows, rows * 16);
        for text in texts {
            masked.append_option(text.map(mask));
        }
        array(masked.finish())
    })
}

fn array(values: impl Array + 'static) -> Outcome {
    Ok(ColumnarValue::Array(Arc::new(values) as ArrayRef))
}

fn exact(types: Vec<DataType>) -> Signature {
    Signature::exact(types, Volatility::Immutable)
}

fn two(argument: Coercion) -> Signature {
    Signature::coercible(vec![argument.clone(), argument], Volatility::Immutable)
}

/// A date; also a timestamp or a text such as `2024-06-27`.
fn date_like() -> Coercion {
    let others = vec![TypeSignatureClass::Timestamp, TypeSignatureClass::Native(logical_string())];
    Coercion::new_implicit(TypeSignatureClass::Native(logical_date()), others, NativeType::Date)
}

/// A timestamp of any unit; also a date or a text.
fn time_like() -> Coercion {
    let others = vec![TypeSignatureClass::Native(logical_date()), TypeSignatureClass::Native(logical_string())];
    let micros = NativeType::Timestamp(TimeUnit::Microsecond, None);
    Coercion::new_implicit(TypeSignatureClass::Timestamp, others, micros)
}

/// A deterministic function over arrays of equal length.
fn udf(
    name: &'static str,
    arguments: Signature,
    result: DataType,
    body: impl Fn(&[ArrayRef], usize) -> Outcome + Send + Sync + 'static,
) -> ScalarUDF {
    let run = move |values: &[ColumnarValue]| {
        let is_scalar = values.iter().all(|v| matches!(v, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(values)?;
        let rows = arrays.first().map_or(1, |a| a.len());
        match body(&arrays, rows)? {
            ColumnarValue::Array(values) if is_scalar && values.len() == 1 => {
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?))
            }
            value => Ok(value),
        }
    };
    ScalarUDF::from(SimpleScalarUDF::new_with_signature(name, arguments, result, Arc::new(run)))
}

/// Code lists as list -> label -> position, from the landed `code_lists` table.
pub(super) fn code_positions(
    batches: &[RecordBatch],
) -> Result<HashMap<String, HashMap<String, i32>>, DataFusionError> {
    let mut lists: HashMap<String, HashMap<String, i32>> = HashMap::new();
    for batch in batches {
        let column = |name: &str| column_of(batch, "code_lists", name);
        let (list, label) = (column("list")?.as_string::<i32>(), column("label")?.as_string::<i32>());
        let sort = arrow::compute::cast(column("sort")?, &DataType::Int64)?;
        let sort = sort.as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            if sort.is_valid(row) {
                let position = i32::try_from(sort.value(row)).unwrap_or(i32::MAX);
                lists.entry(list.value(row).to_owned()).or_default().insert(label.value(row).to_owned(), position);
            }
        }
    }
    Ok(lists)
}

fn column_of<'a>(batch: &'a RecordBatch, table: &str, name: &str) -> Result<&'a ArrayRef, DataFusionError> {
    batch.column_by_name(name).ok_or_else(|| DataFusionError::Plan(format!("`{table}` has no `{name}`")))
}

/// One expression over no rows as of 27 June 2024, with the shipped days off.
#[cfg(test)]
mod test_support {
    use arrow::array::{Date32Array, StringArray};
    use datafusion::prelude::SessionContext;

    use super::*;

    /// Some of the shipped list: the days around National Day 2023 and Spring Festival 2024.
    fn shipped() -> Calendar {
        let list = include_str!("../../../data/reference/holidays.csv");
        let rows: Vec<Vec<&str>> = list.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let dates: Date32Array = rows.iter().map(|row| row[0].parse().ok().map(Date32Type::from_naive_date)).collect();
        let kinds: StringArray = rows.iter().map(|row| Some(row[1])).collect();
        let columns: [(&str, ArrayRef); 2] = [("date", Arc::new(dates)), ("kind", Arc::new(kinds))];
        calendar(&[RecordBatch::try_from_iter(columns).expect("a batch")]).expect("a calendar")
    }

    pub(super) fn run(expression: &str) -> Result<String, DataFusionError> {
        let ctx = SessionContext::new();
        let calendar = Arc::new(shipped());
        let as_of = NaiveDate::from_ymd_opt(2024, 6, 27).expect("a date");
        for function in all(as_of, Arc::default(), &calendar) {
            ctx.register_udf(function);
        }
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let rows = ctx.sql(&format!("SELECT {expression} AS answer")).await?.collect().await?;
            let text = cast(rows[0].column(0), &DataType::Utf8)?;
            Ok(text.as_string::<i32>().iter().next().flatten().unwrap_or("NULL").to_owned())
        })
    }
}
