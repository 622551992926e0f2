//! Rounding as officials do it: halves away from zero, in decimal arithmetic.
//!
//! A double is rounded as the shortest decimal that reads back as the same double (0.285 is 0.285, not
//! 0.28499999999999998), so that what is printed is what a person would round by hand. GB/T 8170-2008 would round
//! halves to even; spreadsheets and offices use 四舍五入, so that is the rule here.

/// `x` with exactly `digits` decimals, halves away from zero; `None` for infinities and NaN.
pub fn decimal_text(x: f64, digits: usize) -> Option<String> {
    if !x.is_finite() {
        return None;
    }
    // Display of f64 never uses an exponent: digits, perhaps a point, digits.
    let shown = x.abs().to_string();
    let (whole, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
    let mut kept: Vec<u8> = whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(digits)).collect();
    if fraction.as_bytes().get(digits).is_some_and(|next| *next >= b'5') {
        let mut at = kept.len();
        loop {
            if at == 0 {
                kept.insert(0, b'1');
                break;
            }
            at -= 1;
            if kept[at] == b'9' {
                kept[at] = b'0';
            } else {
                kept[at] += 1;
                break;
            }
        }
    }
    let is_zero = kept.iter().all(|digit| *digit == b'0');
    let point = kept.len() - digits;
    let mut text = String::with_capacity(kept.len() + 2);
    if x < 0.0 && !is_zero {
        text.push('-');
    }
    for (at, digit) in kept.into_iter().enumerate() {
        if at == point {
            text.push('.');
        }
        text.push(char::from(digit));
    }
    Some(text)
}

/// `x` rounded to `digits` decimals, halves away from zero; `None` for infinities and NaN.
pub fn round_half_up(x: f64, digits: usize) -> Option<f64> {
    decimal_text(x, digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::decimal_text;

    #[test]
    fn halves_go_away_from_zero_in_decimal() {
        let cases = [
            (0.285, 2, "0.29"),
            (1.005, 2, "1.01"),
            (2.5, 0, "3"),
            (-2.5, 0, "-3"),
            (99.995, 2, "100.00"),
            (0.0, 1, "0.0"),
            (-0.001, 2, "0.00"),
            (98.58645, 2, "98.59"),
            (1e21, 1, "1000000000000000000000.0"),
            (5e-324, 2, "0.00"),
        ];
        for (x, digits, expected) in cases {
            assert_eq!(decimal_text(x, digits).as_deref(), Some(expected), "{x} to {digits}");
        }
        assert_eq!(decimal_text(f64::NAN, 2), None);
    }
}
