//! `count_tail`: how unlikely a count is.

use arrow::array::{Array, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::ScalarUDF;

use super::{array, exact, udf};

/// Larger counts would take long to add up, and no grid has a million of anything.
const COUNT_MAX: i64 = 1_000_000;

/// `count_tail(n, mean, dispersion)`: the probability that a count with this mean is n or more. Its variance is
/// mean + dispersion * mean²: Poisson at 0, negative binomial above, which is what a Poisson count becomes whose rate
/// differs from place to place. The probability of n or less is 1 - count_tail(n + 1, …).
///
/// NULL in any argument gives NULL, and so does a mean of 0: nothing was expected, so nothing can be said of n. A negative
/// argument and a count above a million are errors.
pub(super) fn count_tail() -> ScalarUDF {
    let arguments = exact(vec![DataType::Int64, DataType::Float64, DataType::Float64]);
    udf("count_tail", arguments, DataType::Float64, |args, rows| {
        let counts = args[0].as_primitive::<Int64Type>();
        let (means, dispersions) = (args[1].as_primitive::<Float64Type>(), args[2].as_primitive::<Float64Type>());
        let tails: Float64Array = (0..rows)
            .map(|row| {
                let has_null = counts.is_null(row) || means.is_null(row) || dispersions.is_null(row);
                if has_null || means.value(row) == 0.0 {
                    return Ok(None);
                }
                let (count, mean, dispersion) = (counts.value(row), means.value(row), dispersions.value(row));
                let is_usable = |x: f64| x.is_finite() && x >= 0.0;
                if !(0..=COUNT_MAX).contains(&count) || !is_usable(mean) || !is_usable(dispersion) {
                    let wanted =
                        format!("`count_tail` takes counts from 0 to {COUNT_MAX}, means and dispersions from 0");
                    return Err(DataFusionError::Plan(wanted));
                }
                Ok(Some(tail(count, mean, dispersion)))
            })
            .collect::<Result<_, _>>()?;
        array(tails)
    })
}

/// The smaller side is added up, so that neither a tiny tail nor a tiny head drowns in the digits of 1.
fn tail(count: i64, mean: f64, dispersion: f64) -> f64 {
    // p(k + 1) / p(k); below a dispersion of 1e-9 the two distributions agree in every digit shown.
    let is_poisson = dispersion < 1e-9;
    let spread = mean * dispersion;
    let ratio = |k: i64| {
        let k = k as f64;
        if is_poisson { mean / (k + 1.0) } else { mean * (1.0 + k * dispersion) / ((k + 1.0) * (1.0 + spread)) }
    };
    // Logarithms, for e^-mean is 0 from a mean of 746 on.
    let mut log = if is_poisson { -mean } else { -spread.ln_1p() / dispersion };
    let mut head = 0.0;
    for k in 0..count {
        head += log.exp();
        log += ratio(k).ln();
    }
    if (count as f64) <= mean {
        return (1.0 - head).clamp(0.0, 1.0);
    }
    let (mut k, mut term, mut sum) = (count, log.exp(), 0.0);
    // Past the mean each term is smaller than the one before, by a ratio that only falls.
    while term > sum * 1e-17 {
        sum += term;
        term *= ratio(k);
        k += 1;
    }
    sum.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::tail;

    /// Added up in decimal arithmetic of 60 digits.
    #[test]
    fn agrees_with_sums_of_many_digits() {
        for (count, mean, dispersion, expected) in [
            (0, 3.0, 0.0, 1.0),
            (1, 3.0, 0.0, 0.950_212_931_632_136),
            (5, 1.0, 0.0, 0.003_659_846_827_343_712),
            (20, 10.0, 0.0, 0.003_454_341_975_856_808),
            (900, 1000.0, 0.0, 0.999_377_402_215_725),
            (1100, 1000.0, 0.0, 0.000_962_630_405_866_557),
            (3, 1.0 / 24.0, 2.0, 0.000_146_542_586_874_570_4),
            (20, 10.0, 0.2, 0.059_351_214_270_493_53),
            (34, 10.0, 0.2, 0.001_193_171_778_876_083),
            (10, 60.0, 0.1, 0.999_905_835_340_697_2),
        ] {
            let found = tail(count, mean, dispersion);
            assert!((found / expected - 1.0).abs() < 1e-9, "{count} {mean} {dispersion}: {found} {expected}");
        }
    }

    /// With a dispersion of 1 the distribution is geometric, and its tail a power.
    #[test]
    fn a_geometric_tail_is_a_power() {
        for (count, mean) in [(1, 0.25_f64), (7, 2.0), (40, 3.5), (300, 12.0)] {
            let power = (mean / (1.0 + mean)).powi(count);
            assert!((tail(i64::from(count), mean, 1.0) / power - 1.0).abs() < 1e-9, "{count} {mean}");
        }
    }

    #[test]
    fn falls_as_the_count_rises_and_joins_its_limits() {
        for dispersion in [0.0, 1e-12, 1e-8, 0.1, 2.0, 50.0] {
            let tails: Vec<f64> = (0..200).map(|count| tail(count, 12.5, dispersion)).collect();
            assert_eq!(tails[0], 1.0);
            assert!(tails.windows(2).all(|pair| pair[1] <= pair[0]), "{dispersion}");
        }
        assert!((tail(20, 12.5, 1e-8) / tail(20, 12.5, 0.0) - 1.0).abs() < 1e-6);
        assert!(tail(100_000, 10.0, 0.0) >= 0.0 && tail(1_000_000, 999_000.0, 0.0) > 0.0);
    }
}
