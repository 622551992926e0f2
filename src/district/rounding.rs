//! Rounding as officials do it: halves away from zero, in decimal arithmetic.
//!
//! A double is rounded as the decimal a person would take it for. That is the shortest one that reads back as the same
//! double (0.285 is 0.285, not 0.28499999999999998), and where arithmetic has left noise behind, as in 1 - 0.98575, the
//! one of 15 digits, which is what a double holds and a spreadsheet shows. GB/T 8170-2008 would round halves to even;
//! spreadsheets and offices use 四舍五入, so that is the rule unless the settings say otherwise.

use serde::{Deserialize, Serialize};

/// Digits of a double that a calculation leaves right.
const RELIABLE_DIGITS: usize = 15;

/// What becomes of a half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Away from zero: 四舍五入.
    #[default]
    HalfUp,
    /// To the even neighbour: GB/T 8170-2008.
    HalfEven,
}

impl Rounding {
    /// `x` with exactly `digits` decimals; `None` for infinities and NaN.
    pub fn text(self, x: f64, digits: usize) -> Option<String> {
        if !x.is_finite() {
            return None;
        }
        let shown = without_noise(x.abs(), digits);
        let (whole, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
        let padded = fraction.bytes().chain(std::iter::repeat(b'0')).take(digits);
        let mut kept: Vec<u8> = whole.bytes().chain(padded).collect();
        if self.goes_up(&kept, fraction.as_bytes().get(digits..).unwrap_or_default()) {
            let carried = kept.iter_mut().rev().all(|digit| {
                *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
                *digit == b'0'
            });
            if carried {
                kept.insert(0, b'1');
            }
        }
        let point = kept.len() - digits;
        let mut text = String::with_capacity(kept.len() + 2);
        if x < 0.0 && kept.iter().any(|digit| *digit != b'0') {
            text.push('-');
        }
        text.extend(kept[..point].iter().map(|digit| char::from(*digit)));
        if digits > 0 {
            text.push('.');
            text.extend(kept[point..].iter().map(|digit| char::from(*digit)));
        }
        Some(text)
    }

    /// `x` rounded to `digits` decimals; `None` for infinities and NaN.
    pub fn round(self, x: f64, digits: usize) -> Option<f64> {
        self.text(x, digits)?.parse().ok()
    }

    /// Whether the digits that are cut off raise those that are kept.
    fn goes_up(self, kept: &[u8], cut: &[u8]) -> bool {
        let Some((first, rest)) = cut.split_first() else { return false };
        let is_half = *first == b'5' && rest.iter().all(|digit| *digit == b'0');
        match self {
            Self::HalfEven if is_half => kept.last().is_some_and(|digit| digit % 2 == 1),
            _ => *first >= b'5',
        }
    }
}

/// A number that is not negative as its digits with a point, more than `digits` of them after it where there are more.
fn without_noise(x: f64, digits: usize) -> String {
    // Display of f64 never uses an exponent.
    let shortest = x.to_string();
    let Some((whole, fraction)) = shortest.split_once('.') else { return shortest };
    let leading_zeros = if whole == "0" { fraction.bytes().take_while(|digit| *digit == b'0').count() } else { 0 };
    let whole_digits = if whole == "0" { 0 } else { whole.len() };
    let decimals = (RELIABLE_DIGITS + leading_zeros).saturating_sub(whole_digits);
    // Nothing is taken from a number so large that its last decimal asked for is beyond what a double holds.
    if fraction.len() > decimals && decimals > digits { format!("{x:.decimals$}") } else { shortest }
}

/// `x` with exactly `digits` decimals, halves away from zero; `None` for infinities and NaN.
pub fn decimal_text(x: f64, digits: usize) -> Option<String> {
    Rounding::HalfUp.text(x, digits)
}

/// `x` rounded to `digits` decimals, halves away from zero; `None` for infinities and NaN.
pub fn round_half_up(x: f64, digits: usize) -> Option<f64> {
    Rounding::HalfUp.round(x, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero_in_decimal() {
        let cases = [
            (0.285, 2, "0.29"),
            (1.005, 2, "1.01"),
            (2.675, 2, "2.68"),
            (0.98585, 4, "0.9859"),
            (-1.005, 2, "-1.01"),
            (-0.005, 2, "-0.01"),
            (-0.004, 2, "0.00"),
            (2.5, 0, "3"),
            (-2.5, 0, "-3"),
            (0.5, 0, "1"),
            (99.995, 2, "100.00"),
            (9.995, 2, "10.00"),
            (0.0, 1, "0.0"),
            (-0.0, 2, "0.00"),
            (-0.001, 2, "0.00"),
            (98.58645, 2, "98.59"),
            (1e21, 1, "1000000000000000000000.0"),
            (5e-324, 2, "0.00"),
            (1e-9, 2, "0.00"),
            (f64::from(u32::MAX) + 0.5, 0, "4294967296"),
            (9_007_199_254_740_993.0, 2, "9007199254740992.00"),
        ];
        for (x, digits, expected) in cases {
            assert_eq!(decimal_text(x, digits).as_deref(), Some(expected), "{x} to {digits}");
        }
        assert_eq!(decimal_text(f64::NAN, 2), None);
        assert_eq!(decimal_text(f64::NEG_INFINITY, 2), None);
        assert_eq!(decimal_text(f64::MAX, 0).map(|text| text.len()), Some(309));
    }

    #[test]
    fn noise_of_binary_arithmetic_decides_nothing() {
        let cases = [
            (1.0 - 0.98575, 4, "0.0143"),
            (0.1 + 0.2 - 0.295, 2, "0.01"),
            (1.1 + 2.2 + 0.005, 2, "3.31"),
            (100.0 * 1.005, 1, "100.5"),
            (1000.0 * 1.0005, 0, "1001"),
            (8.345 * 100.0, 0, "835"),
            // What is left of a large number has no noise to take away.
            (123_456_789_012_345.67, 2, "123456789012345.67"),
            (1_234_567_890_123.455, 2, "1234567890123.46"),
            (0.000_000_123_456_789_012_345_67, 9, "0.000000123"),
        ];
        for (x, digits, expected) in cases {
            assert_eq!(decimal_text(x, digits).as_deref(), Some(expected), "{x} to {digits}");
        }
    }

    #[test]
    fn halves_go_to_the_even_neighbour_where_that_is_the_rule() {
        let cases = [
            (0.285, 2, "0.28"),
            (0.275, 2, "0.28"),
            (0.2851, 2, "0.29"),
            (1.005, 2, "1.00"),
            (1.015, 2, "1.02"),
            (0.98585, 4, "0.9858"),
            (2.5, 0, "2"),
            (3.5, 0, "4"),
            (-2.5, 0, "-2"),
            (-3.5, 0, "-4"),
            (99.995, 2, "100.00"),
            (0.5, 0, "0"),
            (-0.5, 0, "0"),
            (1.0 - 0.98575, 4, "0.0142"),
        ];
        for (x, digits, expected) in cases {
            assert_eq!(Rounding::HalfEven.text(x, digits).as_deref(), Some(expected), "{x} to {digits}");
        }
    }

    /// Against whole numbers: every rate of small counts, at every number of digits.
    #[test]
    fn rates_of_counts_round_as_fractions_do() {
        for to in 1_u64..=200 {
            for of in 0..=to {
                for digits in 0..=4_usize {
                    let scale = 10_u64.pow(u32::try_from(digits).unwrap());
                    let (scaled, rest) = (of * scale / to, of * scale % to);
                    let up = scaled + u64::from(rest * 2 >= to);
                    let even = scaled + u64::from(rest * 2 > to || rest * 2 == to && scaled % 2 == 1);
                    let rate = of as f64 / to as f64;
                    for (rule, expected) in [(Rounding::HalfUp, up), (Rounding::HalfEven, even)] {
                        let text = rule.text(rate, digits).unwrap().replace('.', "");
                        assert_eq!(text.parse::<u64>().unwrap(), expected, "{of}/{to} to {digits} {rule:?}");
                    }
                }
            }
        }
    }
}
