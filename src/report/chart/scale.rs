//! An axis of round numbers around the values and 0.

use crate::report::number::Format;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
    step: f64,
}

impl Scale {
    /// Steps are such that the format shows them exactly.
    pub(super) fn around(values: impl Iterator<Item = f64>, format: Format) -> Self {
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for value in values {
            low = low.min(value);
            high = high.max(value);
        }
        let finest = match format {
            Format::Decimal(digits) => 10_f64.powi(-i32::from(digits)),
            Format::Percent(digits) => 10_f64.powi(-i32::from(digits) - 2),
            _ => 1.0,
        };
        if low == high {
            high = finest;
        }
        let step = round_step(((high - low) / 4.0).max(finest), finest);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step }
    }

    /// From the smallest to the largest of the values and 0, where no axis is drawn.
    pub(super) fn tight(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let high = if low == high { 1.0 } else { high };
        Self { low, high, step: high - low }
    }

    /// Where the value stands between the ends, 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = f64> {
        let (first, last) = ((self.low / self.step).round(), (self.high / self.step).round());
        (0..=(last - first).clamp(1.0, 12.0) as u32).map(move |number| (first + f64::from(number)) * self.step)
    }
}

/// The next 1, 2, 2.5 or 5 times a power of ten that is a multiple of `finest`.
fn round_step(least: f64, finest: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| *step >= least * (1.0 - 1e-9) && is_multiple(*step, finest))
        .unwrap_or(10.0 * power)
}

fn is_multiple(step: f64, finest: f64) -> bool {
    let times = step / finest;
    times > 1e9 || (times - times.round()).abs() < 1e-6 && times >= 0.999
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_on_round_numbers() {
        for (values, format, expected) in [
            (vec![7.0], Format::Integer, vec![0.0, 2.0, 4.0, 6.0, 8.0]),
            (vec![3.0], Format::Integer, vec![0.0, 1.0, 2.0, 3.0]),
            (vec![], Format::Integer, vec![0.0, 1.0]),
            (vec![0.0, 0.0], Format::Percent(1), vec![0.0, 0.001]),
            (vec![1.0], Format::Percent(1), vec![0.0, 0.25, 0.5, 0.75, 1.0]),
            (vec![-30.0, 50.0], Format::Integer, vec![-40.0, -20.0, 0.0, 20.0, 40.0, 60.0]),
            (vec![-5.0], Format::Integer, vec![-6.0, -4.0, -2.0, 0.0]),
            (vec![260.0], Format::Integer, vec![0.0, 100.0, 200.0, 300.0]),
        ] {
            let scale = Scale::around(values.iter().copied(), format);
            assert_eq!(scale.steps().collect::<Vec<_>>(), expected, "{values:?}");
            assert!(values.iter().all(|value| (scale.low..=scale.high).contains(value)));
        }
    }

    #[test]
    fn extreme_values_stay_on_the_axis() {
        for values in [[1e15, -1e15], [1e15, 0.0], [5e-324, 0.0], [1e-300, -1e-300]] {
            for format in [Format::Integer, Format::Decimal(2)] {
                let scale = Scale::around(values.into_iter(), format);
                let steps = scale.steps().count();
                assert!((2..=13).contains(&steps), "{values:?}: {scale:?}");
                assert!(values.iter().all(|value| (0.0..=1.0).contains(&scale.share(*value))), "{values:?}: {scale:?}");
            }
        }
    }
}
