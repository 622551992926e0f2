//! Numbers as official documents print them: half-up in decimal, a plain `—` where there is none.

/// What stands for a figure that is there and not shown.
pub const SUPPRESSED: &str = "*";

/// How a value is shown. The same format gives the same digits in a workbook and in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    Text,
    Integer,
    /// Digits after the point.
    Decimal(u8),
    /// A rate between 0 and 1 shown as a percentage; digits after the point.
    Percent(u8),
    Date,
    DateTime,
    /// A yes/no column, shown with the column's own two words.
    Flag,
}

impl Format {
    /// Reads `integer`, `decimal 1`, `percent 2`, `date`, `datetime`, `flag` or `text`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, digits) = match text.split_once(' ') {
            Some((name, digits)) => (name, Some(digits.trim().parse::<u8>().ok().filter(|digits| *digits <= 9)?)),
            None => (text, None),
        };
        match (name, digits) {
            ("text", None) => Some(Self::Text),
            ("integer", None) => Some(Self::Integer),
            ("decimal", digits) => Some(Self::Decimal(digits.unwrap_or(2))),
            ("percent", digits) => Some(Self::Percent(digits.unwrap_or(2))),
            ("date", None) => Some(Self::Date),
            ("datetime", None) => Some(Self::DateTime),
            ("flag", None) => Some(Self::Flag),
            _ => None,
        }
    }

    pub const NAMES: &'static str = "`text`, `integer`, `decimal 1`, `percent 2`, `date`, `datetime`, `flag`";

    /// Whether a column of this format holds quantities (numbered 1 2 3) or descriptions (lettered 甲 乙).
    pub fn is_quantity(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal(_) | Self::Percent(_))
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Integer => f.write_str("integer"),
            Self::Decimal(digits) => write!(f, "decimal {digits}"),
            Self::Percent(digits) => write!(f, "percent {digits}"),
            Self::Date => f.write_str("date"),
            Self::DateTime => f.write_str("datetime"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// `value` with `digits` decimals, ties away from zero, decided on the shortest decimal that reads back as
/// `value`: 0.125 gives 0.13 and so does 1.005 -> 1.01, which binary rounding gets wrong.
pub fn fixed(value: f64, digits: usize) -> String {
    let mut text = String::new();
    if !value.is_finite() {
        return text;
    }
    let shortest = format!("{}", value.abs());
    let (whole, fraction) = shortest.split_once('.').unwrap_or((&shortest, ""));
    let mut kept: Vec<u8> = whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(digits)).collect();
    if fraction.as_bytes().get(digits).is_some_and(|next| *next >= b'5') {
        let carried = kept.iter_mut().rev().all(|digit| {
            *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
            *digit == b'0'
        });
        if carried {
            kept.insert(0, b'1');
        }
    }
    let point = kept.len() - digits;
    if value < 0.0 && kept.iter().any(|digit| *digit != b'0') {
        text.push('-');
    }
    text.extend(kept[..point].iter().map(|digit| char::from(*digit)));
    if digits > 0 {
        text.push('.');
        text.extend(kept[point..].iter().map(|digit| char::from(*digit)));
    }
    text
}

/// A rate as a percentage without its sign: `percent(0.98585, 2)` is `98.59`.
pub fn percent(rate: f64, digits: usize) -> String {
    // The point moves in the decimal text, because multiplying by 100 would bring binary noise back.
    let rounded = fixed(rate, digits + 2);
    let (sign, body) = rounded.strip_prefix('-').map_or(("", rounded.as_str()), |body| ("-", body));
    let Some((whole, fraction)) = body.split_once('.') else {
        return rounded;
    };
    let (moved, rest) = fraction.split_at(2);
    let joined = format!("{whole}{moved}");
    let whole = joined.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if rest.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

/// The number that a cell holds, so that what is read back is what is printed.
pub fn rounded(value: f64, format: Format) -> f64 {
    let digits = match format {
        Format::Integer => 0,
        Format::Decimal(digits) => usize::from(digits),
        Format::Percent(digits) => usize::from(digits) + 2,
        _ => return value,
    };
    fixed(value, digits).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_up_in_decimal() {
        for (value, digits, expected) in [
            (1.005, 2, "1.01"),
            (0.125, 2, "0.13"),
            (2.675, 2, "2.68"),
            (-0.005, 2, "-0.01"),
            (-0.004, 2, "0.00"),
            (9.995, 2, "10.00"),
            (0.5, 0, "1"),
            (1e21, 0, "1000000000000000000000"),
            (1e-9, 2, "0.00"),
            (3.0, 2, "3.00"),
            (16059.0, 0, "16059"),
        ] {
            assert_eq!(fixed(value, digits), expected, "{value} with {digits} digits");
        }
    }

    #[test]
    fn moves_the_point_of_a_percentage_in_text() {
        for (rate, digits, expected) in [
            (15832.0 / 16059.0, 2, "98.59"),
            (0.98605, 2, "98.61"),
            (1.0, 2, "100.00"),
            (0.0, 2, "0.00"),
            (0.005, 0, "1"),
            (-0.0345, 1, "-3.5"),
            (0.35, 0, "35"),
        ] {
            assert_eq!(percent(rate, digits), expected, "{rate} with {digits} digits");
        }
    }

    #[test]
    fn reads_the_formats_it_prints() {
        for format in [
            Format::Text,
            Format::Integer,
            Format::Decimal(1),
            Format::Percent(2),
            Format::Date,
            Format::DateTime,
            Format::Flag,
        ] {
            assert_eq!(Format::parse(&format.to_string()), Some(format));
        }
        assert_eq!(Format::parse("percent two"), None);
    }
}
