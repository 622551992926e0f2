//! Functions of 同比 and 环比: the spans compared, by [`PeriodKind`], and the size of a change.
//!
//! A change of amounts is a share of the earlier one, a change of rates a difference in percentage points. The types of
//! the arguments keep them apart: counts are whole numbers or decimals, a rate is a double.

use arrow::array::{ArrayRef, AsArray, Date32Array, Float64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type};
use chrono::NaiveDate;
use datafusion::common::DataFusionError;
use datafusion::common::types::logical_string;
use datafusion::logical_expr::{Coercion, ScalarUDF, Signature, TypeSignature, TypeSignatureClass, Volatility};

use super::{array, date_like, udf};
use crate::district::periods::PeriodKind;
use crate::district::rounding::round_half_up;

/// `period_start(kind, end)`, `previous_period_end(kind, end)`, `last_year_period_end(kind, end)`.
pub(super) fn spans() -> [ScalarUDF; 3] {
    [
        dates("period_start", |kind, end| Some(kind.start(end))),
        dates("previous_period_end", PeriodKind::previous_end),
        dates("last_year_period_end", PeriodKind::last_year_end),
    ]
}

/// `period_label(kind, end)`
pub(super) fn period_label() -> ScalarUDF {
    udf("period_label", kind_and_date(), DataType::Utf8, |args, _| {
        let labels: StringArray = each("period_label", args, |kind, end| Some(kind.label(end)))?;
        array(labels)
    })
}

fn dates(name: &'static str, date: fn(PeriodKind, NaiveDate) -> Option<NaiveDate>) -> ScalarUDF {
    udf(name, kind_and_date(), DataType::Date32, move |args, _| {
        let days: Date32Array = each(name, args, |kind, end| date(kind, end).map(Date32Type::from_naive_date))?;
        array(days)
    })
}

fn kind_and_date() -> Signature {
    let text = Coercion::new_exact(TypeSignatureClass::Native(logical_string()));
    Signature::coercible(vec![text, date_like()], Volatility::Immutable)
}

/// NULL in, NULL out; a kind that does not exist is an error, since a span left empty would count nothing.
fn each<T, C: FromIterator<Option<T>>>(
    function: &str,
    args: &[ArrayRef],
    answer: impl Fn(PeriodKind, NaiveDate) -> Option<T>,
) -> Result<C, DataFusionError> {
    let (kinds, ends) = (cast(&args[0], &DataType::Utf8)?, cast(&args[1], &DataType::Date32)?);
    let rows = kinds.as_string::<i32>().iter().zip(ends.as_primitive::<Date32Type>());
    rows.map(|(kind, end)| {
        let Some(kind) = kind.map(|name| kind_of(function, name)).transpose()? else { return Ok(None) };
        Ok(end.and_then(Date32Type::to_naive_date_opt).and_then(|end| answer(kind, end)))
    })
    .collect()
}

fn kind_of(function: &str, name: &str) -> Result<PeriodKind, DataFusionError> {
    PeriodKind::from_name(name).ok_or_else(|| {
        let known: Vec<String> = PeriodKind::ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
        DataFusionError::Plan(format!("`{function}` knows no such period; the kinds are {}", known.join(", ")))
    })
}

/// `growth(now, base)`: (now - base) / base of two amounts. NULL where either is missing or the base is not above 0.
pub(super) fn growth() -> ScalarUDF {
    let amount = |class: TypeSignatureClass| Coercion::new_exact(class);
    let pair = |class: TypeSignatureClass| TypeSignature::Coercible(vec![amount(class.clone()), amount(class)]);
    let arguments = Signature::one_of(
        vec![pair(TypeSignatureClass::Integer), pair(TypeSignatureClass::Decimal)],
        Volatility::Immutable,
    );
    udf("growth", arguments, DataType::Float64, |args, _| {
        let (now, base) = (cast(&args[0], &DataType::Float64)?, cast(&args[1], &DataType::Float64)?);
        let pairs = now.as_primitive::<Float64Type>().iter().zip(base.as_primitive::<Float64Type>());
        let grown: Float64Array = pairs
            .map(|(now, base)| base.filter(|base| *base > 0.0).and_then(|base| Some((now? - base) / base)))
            .collect();
        array(grown)
    })
}

/// `point_change(now, base)`: by how many percentage points a rate has changed. NULL where either is missing.
pub(super) fn point_change() -> ScalarUDF {
    let rate = || Coercion::new_exact(TypeSignatureClass::Float);
    let arguments = Signature::coercible(vec![rate(), rate()], Volatility::Immutable);
    udf("point_change", arguments, DataType::Float64, |args, _| {
        let (now, base) = (cast(&args[0], &DataType::Float64)?, cast(&args[1], &DataType::Float64)?);
        let pairs = now.as_primitive::<Float64Type>().iter().zip(base.as_primitive::<Float64Type>());
        // The difference of two doubles is off in its last digits, and a tie would go the wrong way.
        let points: Float64Array = pairs.map(|(now, base)| round_half_up(100.0 * (now? - base?), 10)).collect();
        array(points)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_support::run;

    #[test]
    fn spans_of_a_date() {
        for (call, answer) in [
            ("period_start('quarter', DATE '2024-06-27')", "2024-04-01"),
            ("period_start('week', '2024-06-27')", "2024-06-24"),
            ("previous_period_end('month', DATE '2024-05-30')", "2024-04-30"),
            ("previous_period_end('month', TIMESTAMP '2024-06-30 23:59:59')", "2024-05-31"),
            ("previous_period_end('year', DATE '2024-05-30')", "NULL"),
            ("last_year_period_end('month', DATE '2024-02-29')", "2023-02-28"),
            ("last_year_period_end('month', DATE '2025-02-28')", "2024-02-29"),
            ("last_year_period_end('week', DATE '2024-06-27')", "2023-06-29"),
            ("period_label('year', DATE '2024-06-30')", "1—6月累计"),
            ("period_label('month', NULL)", "NULL"),
            ("period_start(NULL, DATE '2024-06-30')", "NULL"),
        ] {
            assert_eq!(run(call).expect("an answer"), answer, "{call}");
        }
        let said = run("period_start('fortnight', NULL)").expect_err("no period").to_string();
        assert!(said.contains("`period_start` knows no such period") && said.contains("`half_year`"), "{said}");
    }

    #[test]
    fn a_growth_needs_something_to_grow_from() {
        for (call, answer) in [
            ("growth(129, 125)", "0.032"),
            ("growth(121, 125)", "-0.032"),
            ("growth(0, 125)", "-1.0"),
            ("growth(5, 0)", "NULL"),
            ("growth(5, NULL)", "NULL"),
            ("growth(NULL, 5)", "NULL"),
            ("growth(NULL, NULL)", "NULL"),
            ("growth(5, -5)", "NULL"),
            ("growth(CAST(1.5 AS DECIMAL(6, 2)), CAST(1.2 AS DECIMAL(8, 1)))", "0.25000000000000006"),
            ("growth(CAST(3 AS BIGINT UNSIGNED), CAST(2 AS SMALLINT))", "0.5"),
        ] {
            assert_eq!(run(call).expect("an answer"), answer, "{call}");
        }
    }

    #[test]
    fn points_are_exact_in_decimal() {
        for (call, answer) in [
            ("point_change(rate(9, 10), rate(8, 10))", "10.0"),
            // 0.8965 - 0.8931 is 0.0033999999999999586.
            ("point_change(rate(8965, 10000), rate(8931, 10000))", "0.34"),
            ("point_change(rate(1, 3), rate(1, 2))", "-16.6666666667"),
            ("point_change(rate(1, 0), rate(1, 2))", "NULL"),
            ("point_change(rate(1, 2), NULL)", "NULL"),
        ] {
            assert_eq!(run(call).expect("an answer"), answer, "{call}");
        }
    }

    /// The growth of a rate would be printed as per cent, a difference of counts as percentage points.
    #[test]
    fn counts_and_rates_are_not_taken_for_each_other() {
        for call in ["growth(rate(9, 10), rate(8, 10))", "growth(5, rate(8, 10))", "growth(CAST(1 AS DOUBLE), 2)"] {
            assert!(run(call).expect_err("a rate").to_string().contains("growth"), "{call}");
        }
        for call in ["point_change(9, 8)", "point_change(rate(9, 10), 8)", "point_change(CAST(1 AS DECIMAL(4, 2)), 0)"]
        {
            assert!(run(call).expect_err("a count").to_string().contains("point_change"), "{call}");
        }
    }
}
