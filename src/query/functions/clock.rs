//! Functions of the whistle clock: when a limit ends, whether it has passed, how much office time has.
//!
//! The rules of days are those of [`Calendar`]; its days off come from the `holidays` of the session's snapshot. What
//! happens after the as-of date has not happened yet: a clock that is stopped or a step that is done later runs on.
//!
//! An approved extension moves the limit to the day it names. 挂账 stops the clock from its date until work goes on again;
//! then what was left of the limit runs on. A limit that had passed before stays passed, but nothing under 挂账 is overdue.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, RecordBatch, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, TimestampMicrosecondType};
use datafusion::common::DataFusionError;
use datafusion::common::types::{NativeType, logical_float64, logical_string};
use datafusion::logical_expr::{Coercion, ScalarUDF, Signature, TypeSignatureClass, Volatility};

use super::{MICROS, array, column_of, date_like, time_like, two, udf};
use crate::district::calendar::{Calendar, DayKind, LIMIT_AMOUNT_MAX, LimitUnit, civil};

/// `add_working_time(start, amount, unit)`: when a limit of so much time ends, by [`Calendar::limit_end`]. NULL in, NULL
/// out; a unit that does not exist and an amount that is none are errors, since a deadline left empty would be nobody's.
pub(super) fn add_working_time(calendar: Arc<Calendar>) -> ScalarUDF {
    let arguments = Signature::coercible(limit_like().into(), Volatility::Immutable);
    udf("add_working_time", arguments, MICROS, move |args, _| {
        let (starts, amounts) = (cast(&args[0], &MICROS)?, cast(&args[1], &DataType::Float64)?);
        let units = cast(&args[2], &DataType::Utf8)?;
        let starts = starts.as_primitive::<TimestampMicrosecondType>();
        let rows = starts.iter().zip(amounts.as_primitive::<Float64Type>()).zip(units.as_string::<i32>());
        let ends: TimestampMicrosecondArray = rows
            .map(|((start, amount), unit)| {
                // Also where there is nothing to count from: a misspelt unit must not hide behind empty rows.
                let Some(unit) = unit.map(unit_of).transpose()? else { return Ok(None) };
                let (Some(start), Some(amount)) = (start, amount) else { return Ok(None) };
                calendar.limit_end(start, amount, unit).map(Some).ok_or_else(no_amount)
            })
            .collect::<Result<_, DataFusionError>>()?;
        array(ends)
    })
}

/// A start, an amount of any number type, a unit.
fn limit_like() -> [Coercion; 3] {
    let numbers = vec![TypeSignatureClass::Numeric, TypeSignatureClass::Native(logical_string())];
    let number = Coercion::new_implicit(TypeSignatureClass::Native(logical_float64()), numbers, NativeType::Float64);
    [time_like(), number, Coercion::new_exact(TypeSignatureClass::Native(logical_string()))]
}

fn unit_of(label: &str) -> Result<LimitUnit, DataFusionError> {
    LimitUnit::from_label(label).ok_or_else(|| {
        let known: Vec<String> = LimitUnit::ALL.iter().map(|(label, _)| format!("`{label}`")).collect();
        DataFusionError::Plan(format!("a limit has no such unit; the units are {}", known.join(", ")))
    })
}

fn no_amount() -> DataFusionError {
    DataFusionError::Plan(format!(
        "a limit has an amount from 0 to {LIMIT_AMOUNT_MAX}, and whole ones of `工作日` and `自然日`"
    ))
}

/// `working_hours_between(a, b)`: hours of office time from a to b, negative when b is earlier.
pub(super) fn working_hours_between(calendar: Arc<Calendar>) -> ScalarUDF {
    udf("working_hours_between", two(time_like()), DataType::Float64, move |args, _| {
        let (a, b) = (cast(&args[0], &MICROS)?, cast(&args[1], &MICROS)?);
        let pairs =
            a.as_primitive::<TimestampMicrosecondType>().iter().zip(b.as_primitive::<TimestampMicrosecondType>());
        let hours: Float64Array = pairs.map(|(a, b)| Some(calendar.working_hours_between(a?, b?))).collect();
        array(hours)
    })
}

/// `working_days_between(a, b)`: working days after the day of a up to the day of b, whatever the time of day; negative
/// when b is earlier.
pub(super) fn working_days_between(calendar: Arc<Calendar>) -> ScalarUDF {
    udf("working_days_between", two(time_like()), DataType::Int32, move |args, _| {
        let (a, b) = (cast(&args[0], &MICROS)?, cast(&args[1], &MICROS)?);
        let pairs =
            a.as_primitive::<TimestampMicrosecondType>().iter().zip(b.as_primitive::<TimestampMicrosecondType>());
        // A moment in microseconds is at most 107 million days from 1970.
        let days: Int32Array = pairs.map(|(a, b)| Some(calendar.working_days_between(a?, b?) as i32)).collect();
        array(days)
    })
}

/// A clock that stands, from a moment on; until another where it has gone on.
#[derive(Clone, Copy)]
struct Pause {
    from: i64,
    to: Option<i64>,
}

impl Pause {
    /// As known at `end`. Work that went on before the clock last stopped belongs to an earlier pause.
    fn at(end: i64, suspended: Option<i64>, resumed: Option<i64>) -> Option<Self> {
        let from = suspended.filter(|from| *from < end)?;
        Some(Self { from, to: resumed.filter(|to| *to >= from && *to < end) })
    }
}

/// `whistle_due(start, amount, unit, extended_to, suspended_at, resumed_at)`: when the limit of a step ends, extension and
/// pause considered; under 挂账 where it would have ended. NULL without a start or a limit.
pub(super) fn whistle_due(calendar: Arc<Calendar>, end: i64) -> ScalarUDF {
    let events = [time_like(), time_like(), time_like()];
    let arguments = Signature::coercible(limit_like().into_iter().chain(events).collect(), Volatility::Immutable);
    udf("whistle_due", arguments, MICROS, move |args, rows| {
        let amounts = cast(&args[1], &DataType::Float64)?;
        let (amounts, units) = (amounts.as_primitive::<Float64Type>(), cast(&args[2], &DataType::Utf8)?);
        let units = units.as_string::<i32>();
        let [starts, extended, suspended, resumed] = [0, 3, 4, 5].map(|at| moments(&args[at]));
        let (starts, extended, suspended, resumed) = (starts?, extended?, suspended?, resumed?);
        let ends: TimestampMicrosecondArray = (0..rows)
            .map(|row| {
                let unit = units.is_valid(row).then(|| unit_of(units.value(row))).transpose()?;
                let amount = amounts.is_valid(row).then(|| amounts.value(row));
                let (Some(start), Some(amount), Some(unit)) = (at(&starts, row), amount, unit) else {
                    return Ok(None);
                };
                let limit = calendar.limit_end(start, amount, unit).ok_or_else(no_amount)?;
                // An extension cannot take time away.
                let due = at(&extended, row).map_or(limit, |extended| extended.max(limit));
                Ok(match Pause::at(end, at(&suspended, row), at(&resumed, row)) {
                    Some(Pause { from, to: Some(to) }) => calendar.due_after_pause(due, (from, to), unit),
                    _ => Some(due),
                })
            })
            .collect::<Result<_, DataFusionError>>()?;
        array(ends)
    })
}

/// `whistle_overdue(due, done, suspended_at, resumed_at)`: whether a step was done late, or is not done and its limit has
/// passed by the end of the as-of date; false while the clock stands. NULL without a limit.
pub(super) fn whistle_overdue(end: i64) -> ScalarUDF {
    udf("whistle_overdue", Signature::coercible(vec![time_like(); 4], Volatility::Immutable), DataType::Boolean, {
        move |args, rows| {
            let [due, done, suspended, resumed] = [0, 1, 2, 3].map(|at| moments(&args[at]));
            let (due, done, suspended, resumed) = (due?, done?, suspended?, resumed?);
            let overdue: BooleanArray = (0..rows)
                .map(|row| {
                    let due = at(&due, row)?;
                    let is_standing = || {
                        matches!(Pause::at(end, at(&suspended, row), at(&resumed, row)), Some(Pause { to: None, .. }))
                    };
                    Some(match at(&done, row).filter(|done| *done < end) {
                        Some(done) => done > due,
                        None => due < end && !is_standing(),
                    })
                })
                .collect();
            array(overdue)
        }
    })
}

/// `whistle_elapsed_hours(start, done, suspended_at, resumed_at)`: office time from the start until the step was done, or
/// until now or the clock stood; without the time it stood in between. NULL before the start.
pub(super) fn whistle_elapsed_hours(calendar: Arc<Calendar>, end: i64) -> ScalarUDF {
    let arguments = Signature::coercible(vec![time_like(); 4], Volatility::Immutable);
    udf("whistle_elapsed_hours", arguments, DataType::Float64, move |args, rows| {
        let [starts, done, suspended, resumed] = [0, 1, 2, 3].map(|at| moments(&args[at]));
        let (starts, done, suspended, resumed) = (starts?, done?, suspended?, resumed?);
        let hours: Float64Array = (0..rows)
            .map(|row| {
                let start = at(&starts, row).filter(|start| *start < end)?;
                let pause = Pause::at(end, at(&suspended, row), at(&resumed, row));
                let stop = at(&done, row).filter(|done| *done < end).unwrap_or(end);
                let elapsed = |stop: i64| calendar.working_hours_between(start, stop.max(start));
                Some(match pause {
                    None => elapsed(stop),
                    Some(Pause { from, to }) if from < stop => {
                        let stood_to = to.unwrap_or(stop).min(stop).max(start);
                        elapsed(from) + calendar.working_hours_between(stood_to, stop)
                    }
                    Some(_) => elapsed(stop),
                })
            })
            .collect();
        array(hours)
    })
}

/// `is_calendar_loaded(date)`: whether the landed `holidays` have the days off of its year. Else its working days are
/// guessed from the week.
pub(super) fn is_calendar_loaded(calendar: Arc<Calendar>) -> ScalarUDF {
    let arguments = Signature::coercible(vec![date_like()], Volatility::Immutable);
    udf("is_calendar_loaded", arguments, DataType::Boolean, move |args, _| {
        let dates = cast(&args[0], &DataType::Date32)?;
        let loaded: BooleanArray =
            dates.as_primitive::<Date32Type>().iter().map(|date| Some(calendar.is_loaded(civil(date?).0))).collect();
        array(loaded)
    })
}

fn moments(argument: &ArrayRef) -> Result<TimestampMicrosecondArray, DataFusionError> {
    Ok(cast(argument, &MICROS)?.as_primitive::<TimestampMicrosecondType>().clone())
}

fn at(moments: &TimestampMicrosecondArray, row: usize) -> Option<i64> {
    moments.is_valid(row).then(|| moments.value(row))
}

/// The days off and make-up days of the landed `holidays`.
pub(in crate::query) fn calendar(batches: &[RecordBatch]) -> Result<Calendar, DataFusionError> {
    let mut days = Vec::new();
    for batch in batches {
        let dates = cast(column_of(batch, "holidays", "date")?, &DataType::Date32)?;
        let kinds = cast(column_of(batch, "holidays", "kind")?, &DataType::Utf8)?;
        for (date, kind) in dates.as_primitive::<Date32Type>().iter().zip(kinds.as_string::<i32>()) {
            let date = date.and_then(Date32Type::to_naive_date_opt);
            days.extend(date.zip(kind.and_then(DayKind::from_label)));
        }
    }
    Ok(Calendar::new(days))
}

#[cfg(test)]
mod tests {
    use super::super::test_support::run;
    use super::*;

    #[track_caller]
    fn check(start: &str, amount: &str, unit: &str, end: &str) {
        let found = run(&format!("add_working_time('{start}', {amount}, '{unit}')")).expect("an end");
        assert_eq!(found, end, "{amount} {unit} from {start}");
    }

    /// National Day 2023: Friday 29 September to Friday 6 October off, Saturday 7 and Sunday 8 October worked.
    #[test]
    fn limits_over_national_day_2023() {
        // Thursday 28 September; the first working days after it are Sat 7, Sun 8, Mon 9 October.
        check("2023-09-28 10:00:00", "1", "工作日", "2023-10-07T10:00:00");
        check("2023-09-28 10:00:00", "3", "工作日", "2023-10-09T10:00:00");
        // A start on a day off: the day itself does not count, nor do the days off after it.
        check("2023-10-01 08:15:00", "2", "工作日", "2023-10-08T08:15:00");
        // 8, 9, 10, 11, 12, 13, 16: the plain weekend of 14 and 15 October is off again.
        check("2023-10-07 20:00:00", "7", "工作日", "2023-10-16T20:00:00");
        check("2023-09-28 10:00:00", "3", "自然日", "2023-10-01T10:00:00");
        check("2023-09-28 10:00:00", "24", "小时", "2023-09-29T10:00:00");
        // 16:30 to 17:30 is one hour; of the other two, Saturday 7 October has 9:00 to 11:00.
        check("2023-09-28 16:30:00", "3", "工作时", "2023-10-07T11:00:00");
    }

    /// Spring Festival 2024: Sunday 4 February worked, Saturday 10 to Saturday 17 off, Sunday 18 February worked. Friday 9
    /// February, New Year's Eve, was left to the units and is a working day of the list.
    #[test]
    fn limits_over_spring_festival_2024() {
        // Friday 2 February: Saturday 3 is off, Sunday 4 is worked.
        check("2024-02-02 17:00:00", "1", "工作日", "2024-02-04T17:00:00");
        // Thursday 8 February: Fri 9, Sun 18, Mon 19.
        check("2024-02-08 09:30:00", "3", "工作日", "2024-02-19T09:30:00");
        // Friday 9 February after office: from Sunday 18 at 9:00 on, 3 hours to noon and 1 from 13:30.
        check("2024-02-09 18:00:00", "4", "工作时", "2024-02-18T14:30:00");
        // Exactly a morning ends at noon, a little more after the break, exactly a day in the evening.
        check("2024-02-18 09:00:00", "3", "工作时", "2024-02-18T12:00:00");
        check("2024-02-18 09:00:00", "3.5", "工作时", "2024-02-18T14:00:00");
        check("2024-02-18 07:00:00", "7", "工作时", "2024-02-18T17:30:00");
        check("2024-02-18 12:30:00", "0.25", "工作时", "2024-02-18T13:45:00");
        check("2024-02-09 18:00:00", "0", "工作时", "2024-02-09T18:00:00");
        check("2024-02-09 18:00:00", "10", "自然日", "2024-02-19T18:00:00");
    }

    #[test]
    fn office_time_between_two_moments() {
        for (call, answer) in [
            // Thursday 28 September from 16:30: 1 hour; Saturday 7 October: 7; Sunday 8 until 10:00: 1.
            ("working_hours_between('2023-09-28 16:30:00', '2023-10-08 10:00:00')", "9.0"),
            ("working_hours_between('2023-10-08 10:00:00', '2023-09-28 16:30:00')", "-9.0"),
            // The whole of 9 to 18 February 2024 has two working days.
            ("working_hours_between('2024-02-09', '2024-02-19')", "14.0"),
            ("working_hours_between('2024-02-10 09:00:00', '2024-02-17 17:30:00')", "0.0"),
            ("working_hours_between('2024-02-18 11:59:30', '2024-02-18 13:30:30')", "0.016666666666666666"),
            // 9 and 18 February; Saturday 10 to Monday 19: 18 and 19.
            ("working_days_between('2024-02-08 23:00:00', '2024-02-18 01:00:00')", "2"),
            ("working_days_between('2024-02-10', '2024-02-19')", "2"),
            ("working_days_between('2024-02-19', '2024-02-10')", "-2"),
            ("working_days_between('2024-02-19 08:00:00', '2024-02-19 17:00:00')", "0"),
            ("working_hours_between(NULL, '2024-02-19')", "NULL"),
            ("working_days_between('2024-02-19', NULL)", "NULL"),
            ("add_working_time(NULL, 3, '工作日')", "NULL"),
            ("add_working_time('2024-02-19', NULL, '工作日')", "NULL"),
            ("add_working_time('2024-02-19', 3, NULL)", "NULL"),
            // An amount may come as a whole number, a decimal or an expression.
            ("add_working_time(DATE '2024-02-19', CAST(1.5 AS DECIMAL(5, 2)), '小时')", "2024-02-19T01:30:00"),
        ] {
            assert_eq!(run(call).expect("an answer"), answer, "{call}");
        }
    }

    /// As of 27 June 2024. A daily whistle of Thursday 13 June 10:00 with three working days: Tuesday 18 June 10:00.
    #[test]
    fn extension_and_pause_move_a_limit() {
        let due =
            |more: &str| run(&format!("whistle_due('2024-06-13 10:00:00', 3, '工作日', {more})")).expect("a limit");
        for (more, end) in [
            ("NULL, NULL, NULL", "2024-06-18T10:00:00"),
            ("'2024-06-21 10:00:00', NULL, NULL", "2024-06-21T10:00:00"),
            // An extension takes no time away.
            ("'2024-06-17 10:00:00', NULL, NULL", "2024-06-18T10:00:00"),
            // Friday to Thursday: four working days, Mon to Thu, after which the one and a half that were left.
            ("NULL, '2024-06-14 15:00:00', '2024-06-20 09:00:00'", "2024-06-24T10:00:00"),
            ("'2024-06-21 10:00:00', '2024-06-14 15:00:00', '2024-06-20 09:00:00'", "2024-06-27T10:00:00"),
            // It stands: where it would have ended.
            ("NULL, '2024-06-14 15:00:00', NULL", "2024-06-18T10:00:00"),
            // It had run out.
            ("NULL, '2024-06-18 10:00:00', '2024-06-20 09:00:00'", "2024-06-18T10:00:00"),
            // After the as-of date: not known yet.
            ("NULL, '2024-06-14 15:00:00', '2024-06-28 00:00:00'", "2024-06-18T10:00:00"),
            ("NULL, '2024-06-28 00:00:00', NULL", "2024-06-18T10:00:00"),
            // Suspended again after it had gone on once.
            ("NULL, '2024-06-14 15:00:00', '2024-06-14 12:00:00'", "2024-06-18T10:00:00"),
        ] {
            assert_eq!(due(more), end, "{more}");
        }
        assert_eq!(run("whistle_due(NULL, 3, '工作日', NULL, NULL, NULL)").expect("none"), "NULL");
        assert_eq!(run("whistle_due('2024-06-13', NULL, NULL, NULL, NULL, NULL)").expect("none"), "NULL");
        assert!(run("whistle_due('2024-06-13', 3, '天', NULL, NULL, NULL)").is_err());
    }

    #[test]
    fn nothing_is_overdue_while_its_clock_stands() {
        for (call, answer) in [
            ("'2024-06-18 10:00:00', '2024-06-18 10:00:00', NULL, NULL", "false"),
            ("'2024-06-18 10:00:00', '2024-06-18 10:00:01', NULL, NULL", "true"),
            ("'2024-06-18 10:00:00', NULL, NULL, NULL", "true"),
            ("'2024-06-28 00:00:00', NULL, NULL, NULL", "false"),
            // Done after the as-of date is not done.
            ("'2024-06-27 10:00:00', '2024-06-28 00:00:00', NULL, NULL", "true"),
            ("'2024-06-28 10:00:00', '2024-06-29 00:00:00', NULL, NULL", "false"),
            ("'2024-06-18 10:00:00', NULL, '2024-06-17 10:00:00', NULL", "false"),
            ("'2024-06-18 10:00:00', NULL, '2024-06-17 10:00:00', '2024-06-20 10:00:00'", "true"),
            ("'2024-06-18 10:00:00', '2024-06-19 10:00:00', '2024-06-20 10:00:00', NULL", "true"),
            ("NULL, NULL, NULL, NULL", "NULL"),
        ] {
            assert_eq!(run(&format!("whistle_overdue({call})")).expect("an answer"), answer, "{call}");
        }
    }

    /// Thursday 13 June 15:30 has two hours of office time left, each working day seven; Monday 10 June is off.
    #[test]
    fn a_clock_that_stands_counts_no_office_time() {
        for (call, answer) in [
            ("'2024-06-13 15:30:00', '2024-06-14 10:00:00', NULL, NULL", "3.0"),
            ("'2024-06-13 15:30:00', NULL, NULL, NULL", "72.0"),
            ("'2024-06-13 15:30:00', NULL, '2024-06-14 10:00:00', NULL", "3.0"),
            ("'2024-06-13 15:30:00', NULL, '2024-06-14 10:00:00', '2024-06-26 09:00:00'", "17.0"),
            ("'2024-06-13 15:30:00', '2024-06-26 10:00:00', '2024-06-14 10:00:00', '2024-06-26 09:00:00'", "4.0"),
            // Done before it stood, and stood before the step began.
            ("'2024-06-13 15:30:00', '2024-06-14 10:00:00', '2024-06-17 10:00:00', NULL", "3.0"),
            ("'2024-06-13 15:30:00', '2024-06-14 10:00:00', '2024-06-11 10:00:00', '2024-06-13 16:30:00'", "2.0"),
            ("'2024-06-13 15:30:00', NULL, '2024-06-11 10:00:00', NULL", "0.0"),
            ("'2024-06-28 09:00:00', NULL, NULL, NULL", "NULL"),
            ("NULL, NULL, NULL, NULL", "NULL"),
        ] {
            assert_eq!(run(&format!("whistle_elapsed_hours({call})")).expect("an answer"), answer, "{call}");
        }
    }

    #[test]
    fn a_year_without_its_days_off_is_known() {
        for (year, loaded) in [("2022", "false"), ("2023", "true"), ("2026", "true"), ("2027", "false")] {
            assert_eq!(run(&format!("is_calendar_loaded('{year}-06-01')")).expect("an answer"), loaded, "{year}");
        }
    }

    #[test]
    fn a_limit_that_is_none_is_an_error() {
        for call in ["add_working_time('2024-02-19', 3, '天')", "add_working_time(NULL, 3, '天')"] {
            let said = run(call).expect_err("no unit").to_string();
            assert!(LimitUnit::ALL.iter().all(|(label, _)| said.contains(label)), "{said}");
        }
        for amount in ["-1", "0.5", "100001", "'NaN'"] {
            let said = run(&format!("add_working_time('2024-02-19', {amount}, '工作日')")).expect_err("no amount");
            assert!(said.to_string().contains("from 0 to 100000"), "{said}");
        }
    }
}
