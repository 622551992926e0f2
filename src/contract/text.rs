//! The normal form of delivered text, so that what looks the same is the same.
//!
//! These functions run once per cell on millions of rows and allocate only when a text has to be changed.

use std::borrow::Cow;

/// How the text of a column is brought into its normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// Outer blanks removed, full-width digits and letters made half-width.
    Plain,
    /// A key or reference: everything full-width made half-width, signs without width removed.
    Key,
    /// An identity number or credit code.
    Identifier,
    Phone,
}

/// Outer blanks removed, full-width digits and letters made half-width. Full-width punctuation stays: it is correct
/// in Chinese prose.
pub fn normalise_text(text: &str) -> Cow<'_, str> {
    let trimmed = trim_blanks(text);
    if !has_full_width(trimmed) {
        return Cow::Borrowed(trimmed);
    }
    Cow::Owned(trimmed.chars().map(fold_alphanumeric).collect())
}

/// As [`normalise_text`], but full-width punctuation too becomes half-width and signs nobody sees are removed: two keys
/// that look the same are the same.
pub(super) fn normalise_key(text: &str) -> Cow<'_, str> {
    let trimmed = trim_blanks(text);
    let is_normal = |c: char| half_width_sign(c) == c && !has_no_width(c);
    if trimmed.is_ascii() || trimmed.chars().all(is_normal) {
        return Cow::Borrowed(trimmed);
    }
    let folded: String = trimmed.chars().filter(|c| !has_no_width(*c)).map(half_width_sign).collect();
    Cow::Owned(trim_blanks(&folded).to_owned())
}

/// Signs that take no room: joiners and marks of direction from word processors and web pages.
fn has_no_width(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

/// Outer blanks removed, everything full-width made half-width: numbers and dates are no prose, so `３．５` is 3.5.
pub(super) fn half_width(text: &str) -> String {
    trim_blanks(text).chars().map(half_width_sign).collect()
}

pub(super) fn half_width_sign(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// Whether a text is a long number as spreadsheets shorten it: `4.30105E+17`.
pub(super) fn is_scientific(text: &str) -> bool {
    let Some((number, power)) = text.split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let power = power.strip_prefix('+').unwrap_or_default();
    whole.len() == 1 && digits(whole) && digits(fraction) && power.len() <= 2 && digits(power)
}

/// Removes blanks at both ends, those of Chinese keyboards and web pages included.
pub(super) fn trim_blanks(text: &str) -> &str {
    let bytes = text.as_bytes();
    let may_be_blank = |byte: Option<&u8>| byte.is_some_and(|b| *b <= b' ' || *b >= 0x80);
    // The usual case: an ASCII sign at both ends, or a Chinese character whose lead byte is that of no blank.
    let starts_well = bytes.first().is_some_and(|b| (0x21..0x80).contains(b) || (0xE4..0xEF).contains(b));
    if starts_well && !may_be_blank(bytes.last()) {
        return text;
    }
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{FEFF}'))
}

fn has_full_width(text: &str) -> bool {
    // U+FF10 to U+FF5A are written EF BC 90 to EF BD 9A.
    let bytes = text.as_bytes();
    memchr::memchr_iter(0xEF, bytes).any(|at| matches!(bytes.get(at + 1), Some(0xBC | 0xBD)))
        && text.chars().any(|c| fold_alphanumeric(c) != c)
}

fn fold_alphanumeric(c: char) -> char {
    match c {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_normalised_only_where_needed() {
        for (text, normal) in [
            ("王五", "王五"),
            (" a ", "a"),
            ("\u{3000}１２栋Ａ座\u{A0}", "12栋A座"),
            ("上门走访，（在家）", "上门走访，（在家）"),
            ("\u{3000}", ""),
            ("a\u{200B}", "a"),
            ("x y", "x y"),
            ("", ""),
        ] {
            assert_eq!(normalise_text(text), normal);
        }
        assert!(matches!(normalise_text("东华社区，1栋"), Cow::Borrowed(_)));
    }

    #[test]
    fn keys_that_look_the_same_are_the_same() {
        for (text, normal) in [
            ("R-1", "R-1"),
            ("Ｒ－１", "R-1"),
            ("\u{3000}R－1\u{200B}", "R-1"),
            ("R\u{FEFF}-\u{200D}1", "R-1"),
            ("东华－１栋", "东华-1栋"),
            ("a\u{3000}b", "a b"),
            ("\u{200B}", ""),
        ] {
            assert_eq!(normalise_key(text), normal, "{text:?}");
        }
        assert!(matches!(normalise_key(" 东华-1 "), Cow::Borrowed("东华-1")));
    }

    #[test]
    fn numbers_are_made_half_width_and_shortened_ones_recognised() {
        assert_eq!(half_width("\u{3000}－１，２３４．５"), "-1,234.5");
        assert_eq!(
            ["4.30105E+17", "1e+09", "4.3E17", "E+17", "43E+1", "4.E+1"].map(is_scientific),
            [true, true, false, false, false, false]
        );
    }
}
