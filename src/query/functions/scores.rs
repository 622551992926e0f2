//! `linear_points`: what a rate is worth.

use arrow::array::{Array, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{ScalarUDF, Signature, TypeSignature, Volatility};

use super::{array, udf};
use crate::district::rounding::decimal_text;

/// Decimals of a rate, of the other arguments, and of a result at most.
const RATE_DIGITS: u32 = 18;
const PARAMETER_DIGITS: u32 = 6;
const RESULT_DIGITS: u32 = 10;
/// As published.
const SHOWN_DIGITS: i64 = 2;

/// `linear_points(rate, full, target, k, floor)` = max(floor, full - k * max(0, target - 100 * rate)), rounded half up to
/// 2 digits. A sixth argument asks for other digits, up to 10: a sum of points is rounded once, at its end. NULL in any
/// argument gives NULL; an argument of a million or more is an error.
///
/// The arithmetic is decimal throughout. 25 - 0.5 * (98 - 83.33) is 17.665 and 17.67 to two digits; in binary it is a
/// little less, and 17.66.
pub(super) fn linear_points() -> ScalarUDF {
    let five = vec![DataType::Float64; 5];
    let six = [five.clone(), vec![DataType::Int64]].concat();
    let arguments =
        Signature::one_of(vec![TypeSignature::Exact(five), TypeSignature::Exact(six)], Volatility::Immutable);
    udf("linear_points", arguments, DataType::Float64, |args, rows| {
        let numbers: Vec<_> = args[..5].iter().map(|arg| arg.as_primitive::<Float64Type>()).collect();
        let digits = args.get(5).map(|arg| arg.as_primitive::<Int64Type>());
        let all: Float64Array = (0..rows)
            .map(|row| {
                let has_null = numbers.iter().any(|n| n.is_null(row)) || digits.is_some_and(|d| d.is_null(row));
                if has_null {
                    return Ok(None);
                }
                let digits = digits.map_or(SHOWN_DIGITS, |d| d.value(row)).clamp(0, i64::from(RESULT_DIGITS)) as u32;
                let [rate, full, target, k, floor] = std::array::from_fn(|at| numbers[at].value(row));
                points(rate, full, target, k, floor, digits).map(Some).ok_or_else(|| {
                    DataFusionError::Plan("`linear_points` takes numbers of less than a million".to_owned())
                })
            })
            .collect::<Result<_, _>>()?;
        array(all)
    })
}

/// `None` where an argument is no number or too large.
fn points(rate: f64, full: f64, target: f64, k: f64, floor: f64, digits: u32) -> Option<f64> {
    let rate = scaled(rate, RATE_DIGITS)?;
    let [full, target, k, floor] = [full, target, k, floor].map(|x| scaled(x, PARAMETER_DIGITS));
    let one = 10_i128.pow(RATE_DIGITS);
    let shortfall = (target? * (one / 10_i128.pow(PARAMETER_DIGITS)) - 100 * rate).max(0);
    // From here on with the decimals of a product.
    let points = (full? * one - k?.checked_mul(shortfall)?).max(floor? * one);
    let unit = 10_i128.pow(RATE_DIGITS + PARAMETER_DIGITS - digits);
    let rounded = (points.abs() + unit / 2) / unit * points.signum();
    Some(rounded as f64 / 10_f64.powi(digits as i32))
}

/// A number below a million as a whole number of its `digits`-th decimals.
fn scaled(x: f64, digits: u32) -> Option<i128> {
    if x.abs() >= 1e6 {
        return None;
    }
    decimal_text(x, digits as usize)?.replace('.', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::points;

    /// Points of two published bulletins (Lianyungang, August 2022 and January 2023).
    #[test]
    fn published_points_are_found_again() {
        assert_eq!(points(0.8982, 15.0, 90.0, 1.0, 0.0, 2), Some(14.82));
        for (rate, published) in [
            (0.875, 19.75),
            (0.8333, 17.67),
            (5.0 / 6.0, 17.67),
            (0.75, 13.5),
            (0.7143, 12.5),
            (5.0 / 7.0, 12.5),
            (0.5, 12.5),
        ] {
            assert_eq!(points(rate, 25.0, 98.0, 0.5, 12.5, 2), Some(published), "{rate}");
        }
    }

    #[test]
    fn full_points_from_the_target_on_and_never_under_the_floor() {
        assert_eq!(points(0.95, 40.0, 95.0, 1.0, 0.0, 2), Some(40.0));
        assert_eq!(points(1.0, 40.0, 95.0, 1.0, 0.0, 2), Some(40.0));
        assert_eq!(points(0.0, 40.0, 95.0, 1.0, 0.0, 2), Some(0.0));
        assert_eq!(points(0.0, 40.0, 95.0, 1.0, -100.0, 2), Some(-55.0));
        // Halves go up, in decimal: 40 - (95 - 92.345) is 37.345.
        assert_eq!(points(0.92345, 40.0, 95.0, 1.0, 0.0, 2), Some(37.35));
        assert_eq!(points(2.0 / 3.0, 40.0, 95.0, 1.0, 0.0, 8), Some(11.666_666_67));
    }

    #[test]
    fn what_is_no_number_has_no_points() {
        assert_eq!(points(f64::NAN, 40.0, 95.0, 1.0, 0.0, 2), None);
        assert_eq!(points(0.5, 1e6, 95.0, 1.0, 0.0, 2), None);
        assert_eq!(points(-999_999.0, 999_999.0, 999_999.0, 999_999.0, -999_999.0, 2), Some(-999_999.0));
    }
}
