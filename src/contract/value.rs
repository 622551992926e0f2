//! One delivered text to one typed value: dates, times, numbers, booleans.
//!
//! These functions run once per cell on millions of rows. They look at bytes, allocate only when a text has to be
//! changed, and answer `None` for whatever they do not understand; the reason is written elsewhere.

use chrono::{DateTime, TimeZone as _};
use chrono_tz::Tz;

const DAY_MICROS: i64 = 86_400_000_000;

/// Days since 1970-01-01 of `2024-06-27`, `2024/6/27`, `2024.6.27`, `20240627` or `2024年6月27日`. A time of
/// midnight may follow, as spreadsheets and databases like to add one.
pub fn parse_date(text: &[u8]) -> Option<i32> {
    let (days, rest) = date_prefix(text)?;
    if !rest.is_empty() && parse_time(rest)? != (0, None) {
        return None;
    }
    Some(days)
}

/// Microseconds since 1970-01-01 00:00, local time. A date alone means its midnight; a time may have `T` or a blank
/// before it, seconds, fractions, or be written `8时30分`; with an offset or `Z` it is converted to `zone`.
pub fn parse_timestamp(text: &[u8], zone: Tz) -> Option<i64> {
    if let Some(micros) = parse_plain_timestamp(text) {
        return Some(micros);
    }
    if text.len() == 14 && text.iter().all(u8::is_ascii_digit) {
        let (days, time) = (date_prefix(&text[..8])?.0, number(&text[8..])?);
        let micros = time_micros(time / 10_000, time / 100 % 100, time % 100)?;
        return Some(i64::from(days) * DAY_MICROS + micros);
    }
    let (days, rest) = date_prefix(text)?;
    if rest.is_empty() {
        return Some(i64::from(days) * DAY_MICROS);
    }
    let (micros, offset_minutes) = parse_time(rest)?;
    let local = i64::from(days) * DAY_MICROS + micros;
    let Some(minutes) = offset_minutes else { return Some(local) };
    let utc = DateTime::from_timestamp_micros(local - minutes * 60_000_000)?;
    Some(zone.from_utc_datetime(&utc.naive_utc()).naive_local().and_utc().timestamp_micros())
}

/// `2024-06-27 08:30:05` and nothing else, the form nearly every row has.
fn parse_plain_timestamp(text: &[u8]) -> Option<i64> {
    let text: &[u8; 19] = text.try_into().ok()?;
    let is_plain =
        text[4] == b'-' && text[7] == b'-' && matches!(text[10], b' ' | b'T') && text[13] == b':' && text[16] == b':';
    if !is_plain {
        return None;
    }
    let days = days_of(number(&text[..4])?, number(&text[5..7])?, number(&text[8..10])?)?;
    let micros = time_micros(number(&text[11..13])?, number(&text[14..16])?, number(&text[17..])?)?;
    Some(i64::from(days) * DAY_MICROS + micros)
}

/// The date a text begins with, and what follows it.
fn date_prefix(text: &[u8]) -> Option<(i32, &[u8])> {
    let year = number(text.get(..4)?)?;
    let rest = &text[4..];
    if let Some(rest) = rest.strip_prefix("年".as_bytes()) {
        let (month, rest) = one_or_two_digits(rest)?;
        let (day, rest) = one_or_two_digits(rest.strip_prefix("月".as_bytes())?)?;
        return Some((days_of(year, month, day)?, rest.strip_prefix("日".as_bytes())?));
    }
    let separator = *rest.first()?;
    if matches!(separator, b'-' | b'/' | b'.') {
        let (month, rest) = one_or_two_digits(&rest[1..])?;
        let (day, rest) = one_or_two_digits(rest.strip_prefix(&[separator])?)?;
        return Some((days_of(year, month, day)?, rest));
    }
    let days = days_of(year, number(rest.get(..2)?)?, number(rest.get(2..4)?)?)?;
    let rest = &rest[4..];
    // Nine digits in a row are no date with something behind it.
    if rest.first().is_some_and(u8::is_ascii_digit) { None } else { Some((days, rest)) }
}

/// ` 08:30:05.25+08:00` to microseconds since midnight and the offset in minutes.
fn parse_time(text: &[u8]) -> Option<(i64, Option<i64>)> {
    let text = match text {
        [b'T' | b't', rest @ ..] => rest,
        [b' ', ..] => text.trim_ascii_start(),
        _ if text.starts_with("\u{3000}".as_bytes()) => &text[3..],
        // `2024年6月27日8时`
        _ => text,
    };
    let (hour, rest) = one_or_two_digits(text)?;
    if let Some(rest) = rest.strip_prefix("时".as_bytes()) {
        let (minute, second) = match rest {
            [] => (0, 0),
            _ => {
                let (minute, rest) = one_or_two_digits(rest)?;
                match rest.strip_prefix("分".as_bytes())? {
                    [] => (minute, 0),
                    rest => match one_or_two_digits(rest)? {
                        (second, rest) if rest == "秒".as_bytes() => (minute, second),
                        _ => return None,
                    },
                }
            }
        };
        return Some((time_micros(hour, minute, second)?, None));
    }
    let (minute, rest) = one_or_two_digits(rest.strip_prefix(b":")?)?;
    let (second, mut rest) = match rest.strip_prefix(b":") {
        Some(rest) => one_or_two_digits(rest)?,
        None => (0, rest),
    };
    let mut micros = time_micros(hour, minute, second)?;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=9).contains(&length) {
            return None;
        }
        // Digits beyond the microsecond are dropped.
        let digits = fraction[..length].iter().copied().chain(std::iter::repeat(b'0')).take(6);
        micros += digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        rest = &fraction[length..];
    }
    let offset = match rest.trim_ascii() {
        [] => None,
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let hours = i64::from(number(rest.get(..2)?)?);
            let minutes = match &rest[2..] {
                [] => 0,
                [b':', minutes @ ..] | minutes if minutes.len() == 2 => i64::from(number(minutes)?),
                _ => return None,
            };
            if hours > 15 || minutes > 59 {
                return None;
            }
            Some((hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 })
        }
        _ => return None,
    };
    Some((micros, offset))
}

fn one_or_two_digits(text: &[u8]) -> Option<(u32, &[u8])> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => Some((u32::from(a - b'0') * 10 + u32::from(b - b'0'), rest)),
        [a @ b'0'..=b'9', rest @ ..] => Some((u32::from(a - b'0'), rest)),
        _ => None,
    }
}

/// The value of at most nine ASCII digits.
fn number(digits: &[u8]) -> Option<u32> {
    let mut value = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    Some(value)
}

fn time_micros(hour: u32, minute: u32, second: u32) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60).then(|| i64::from(hour * 3600 + minute * 60 + second) * 1_000_000)
}

/// Days since 1970-01-01 in the Gregorian calendar.
fn days_of(year: u32, month: u32, day: u32) -> Option<i32> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if year == 0 || day == 0 || day > length {
        return None;
    }
    // Years that begin in March, so that the leap day comes last (H. Hinnant, "chrono-compatible date algorithms").
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era) as i32 - 719_468)
}

/// A whole number; `12.0` counts as one, and `1,234` with its separators in the right places.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = sign(text);
    if (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) {
        let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        return Some(if is_negative { -value } else { value });
    }
    let plain = plain_number(text)?;
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    if fraction.bytes().any(|b| b != b'0') {
        return None;
    }
    whole.parse().ok()
}

pub fn parse_number(text: &[u8]) -> Option<f64> {
    let (is_negative, digits) = sign(text);
    // Up to 15 digits and a power of ten are exact in binary, so one division rounds correctly.
    const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (mut value, mut point, mut is_plain) = (0_u64, None, digits.len() <= 16 && !digits.is_empty());
    for (at, byte) in digits.iter().enumerate().take(16) {
        match byte {
            b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && at > 0 && at + 1 < digits.len() => point = Some(digits.len() - at - 1),
            _ => is_plain = false,
        }
    }
    if is_plain && value < 1_000_000_000_000_000 {
        let value = value as f64 / TENS[point.unwrap_or(0)];
        return Some(if is_negative { -value } else { value });
    }
    plain_number(text)?.parse().ok().filter(|value: &f64| value.is_finite())
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// A decimal number without thousands separators; `None` if they are misplaced or it is no decimal number.
fn plain_number(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.split(',');
    let first = groups.next()?.trim_start_matches(['-', '+']);
    let rest: Vec<&str> = groups.collect();
    let is_grouped = rest.is_empty() || (first.len() <= 3 && rest.iter().all(|group| group.len() == 3));
    // `.5` is what databases write for a half.
    let is_there = !first.is_empty() || (rest.is_empty() && !fraction.is_empty());
    let is_decimal = is_there
        && first.bytes().chain(rest.iter().flat_map(|g| g.bytes())).all(|b| b.is_ascii_digit())
        && fraction.bytes().all(|b| b.is_ascii_digit());
    (is_grouped && is_decimal && text.len() <= 64).then(|| text.replace(',', ""))
}

pub fn parse_boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "是" | "有" | "√" => Some(true),
        "false" | "0" | "否" | "无" | "×" => Some(false),
        "✓" | "✔" | "合格" => Some(true),
        "✗" | "✘" | "不合格" => Some(false),
        _ if text.len() > 5 => None,
        _ => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" => Some(true),
            "false" | "f" | "no" | "n" => Some(false),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveDate, NaiveDateTime};

    use super::*;

    fn date(text: &str) -> String {
        let epoch = NaiveDate::default();
        parse_date(text.as_bytes())
            .map_or("-".to_owned(), |days| (epoch + chrono::TimeDelta::days(days.into())).to_string())
    }

    #[test]
    fn dates_in_the_forms_people_send() {
        for text in [
            "2024-06-27",
            "2024/6/27",
            "2024.6.27",
            "20240627",
            "2024年6月27日",
            "2024-6-27 00:00:00",
            "2024-06-27T00:00",
        ] {
            assert_eq!(date(text), "2024-06-27", "{text}");
        }
        for text in [
            "2024-02-30",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "0000-01-01",
            "24-6-27",
            "2024-06/27",
            "不详",
            "2024",
            "202406271",
            "2024-06-27 08:00",
            "45470",
            "",
            "2024年6月27",
            "2024-06-27x",
        ] {
            assert_eq!(date(text), "-", "{text}");
        }
        // Every day of four centuries and some, against chrono.
        let mut day = NaiveDate::from_ymd_opt(1850, 1, 1).unwrap();
        while day < NaiveDate::from_ymd_opt(2260, 1, 1).unwrap() {
            assert_eq!(date(&day.to_string()), day.to_string());
            day = day.succ_opt().unwrap();
        }
        assert_eq!(date("3000-01-01"), "3000-01-01");
    }

    #[test]
    fn timestamps_in_the_forms_people_send() {
        let time = |text: &str| {
            parse_timestamp(text.as_bytes(), chrono_tz::Asia::Shanghai).map_or("-".to_owned(), |micros| {
                DateTime::from_timestamp_micros(micros).map(|t| t.naive_utc()).unwrap_or(NaiveDateTime::MIN).to_string()
            })
        };
        for text in [
            "2024-06-27 08:30:05",
            "2024-06-27T08:30:05",
            "2024/6/27 8:30:05",
            "20240627083005",
            "2024年6月27日8时30分5秒",
            "2024-06-27  8:30:05",
            "2024/6/27  8:30:05",
            "2024-06-27T00:30:05Z",
            "2024-06-27T08:30:05+08:00",
            "2024-06-26 19:30:05-0500",
        ] {
            assert_eq!(time(text), "2024-06-27 08:30:05", "{text}");
        }
        assert_eq!(time("2024-06-27 08:30:05.123456789"), "2024-06-27 08:30:05.123456");
        assert_eq!([time("2024-06-27 8:30"), time("2024/6/27 8:30")], ["2024-06-27 08:30:00"; 2]);
        assert_eq!(time("2024-06-27"), "2024-06-27 00:00:00");
        for text in
            ["2024-06-27 24:00:00", "2024-06-27 08:60", "2024-06-27 08", "2024-06-27 08:30:05x", "20240627083060", ""]
        {
            assert_eq!(time(text), "-", "{text}");
        }
    }

    #[test]
    fn numbers_and_booleans() {
        let integer = |text: &str| parse_integer(text.as_bytes());
        assert_eq!(
            [integer("007"), integer("-12"), integer("12.0"), integer("1,234")],
            [Some(7), Some(-12), Some(12), Some(1234)]
        );
        assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
        for text in ["", "1.5", "1e3", "12,34", "9223372036854775808", "-", "0x1", "１２"] {
            assert_eq!(integer(text), None, "{text}");
        }
        for text in ["88.1", "0.1", "-3", "123456789012.345", "1234567890.123456", "0.30000000000000004", "12."] {
            assert_eq!(parse_number(text.as_bytes()), text.parse().ok(), "{text}");
        }
        assert_eq!([parse_number(b"1,234.5"), parse_number(b"-.5")], [Some(1234.5), Some(-0.5)]);
        for text in ["", ".", "1,.5", "1.2.3", "nan", "inf", "1e5", "--1", "+-1", "1,23"] {
            assert_eq!(parse_number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(
            ["是", "无", "√", "×", "TRUE", "0", "2"].map(parse_boolean),
            [Some(true), Some(false), Some(true), Some(false), Some(true), Some(false), None]
        );
    }
}
