//! Numbers as official documents print them: half-up in decimal, a plain `—` where there is none.

use crate::district::rounding::Rounding;

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
    /// A number shown in ten thousands; digits after the point.
    Wan(u8),
    Date,
    DateTime,
    /// A yes/no column, shown with the column's own two words.
    Flag,
}

impl Format {
    /// Reads `integer`, `decimal 1`, `percent 2`, `wan 2`, `date`, `datetime`, `flag` or `text`.
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
            ("wan", digits) => Some(Self::Wan(digits.unwrap_or(2))),
            ("date", None) => Some(Self::Date),
            ("datetime", None) => Some(Self::DateTime),
            ("flag", None) => Some(Self::Flag),
            _ => None,
        }
    }

    pub const NAMES: &'static str = "`text`, `integer`, `decimal 1`, `percent 2`, `wan 2`, `date`, `datetime`, `flag`";

    /// Whether a column of this format holds quantities (numbered 1 2 3) or descriptions (lettered 甲 乙).
    pub fn is_quantity(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal(_) | Self::Percent(_) | Self::Wan(_))
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Integer => f.write_str("integer"),
            Self::Decimal(digits) => write!(f, "decimal {digits}"),
            Self::Percent(digits) => write!(f, "percent {digits}"),
            Self::Wan(digits) => write!(f, "wan {digits}"),
            Self::Date => f.write_str("date"),
            Self::DateTime => f.write_str("datetime"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// `value` with `digits` decimals; nothing for what is no number.
pub fn fixed(value: f64, digits: usize) -> String {
    Rounding::HalfUp.text(value, digits).unwrap_or_default()
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

/// The number that a cell holds, so that what is read back is what is printed. In ten thousands, that is the number of
/// these: number formats divide by thousands only, and cannot show 64.00万 for 640000.
pub fn rounded(value: f64, format: Format) -> f64 {
    let digits = match format {
        Format::Wan(digits) => return rounded(value / 10_000.0, Format::Decimal(digits)),
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
            Format::Wan(1),
            Format::Date,
            Format::DateTime,
            Format::Flag,
        ] {
            assert_eq!(Format::parse(&format.to_string()), Some(format));
        }
        assert_eq!(Format::parse("percent two"), None);
    }
}
