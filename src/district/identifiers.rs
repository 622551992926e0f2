//! Numbers that name a person, a firm or a telephone, and how they are shown masked.
//!
//! `check_*` judge text that is already normalised and look at bytes only; `normalise_*` undo what keyboards and
//! spreadsheets do to it. Masking is for display and never for joining.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};

/// Why a text is not an ID number (GB 11643), the first fault found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdNumberFault {
    Length,
    Characters,
    BirthDate,
    CheckDigit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    Male,
    Female,
}

/// What a valid ID number says about its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdNumber {
    /// First six digits: where the number was first given out, not where the holder lives.
    pub region: u32,
    pub birth_date: NaiveDate,
    pub sex: Sex,
}

const ID_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const ID_CHECK_DIGITS: &[u8; 11] = b"10X98765432";

/// Judges an 18-character ID number. Whether the birth date lies in the future is for the caller, who knows the date.
pub fn check_id_number(text: &str) -> Result<IdNumber, IdNumberFault> {
    let bytes: &[u8; 18] = text.as_bytes().try_into().map_err(|_| IdNumberFault::Length)?;
    let (digits, check) = bytes.split_at(17);
    if !digits.iter().all(u8::is_ascii_digit) || !(check[0].is_ascii_digit() || check[0] == b'X') {
        return Err(IdNumberFault::Characters);
    }
    let birth_date =
        NaiveDate::from_ymd_opt(number(&digits[6..10]) as i32, number(&digits[10..12]), number(&digits[12..14]))
            .filter(|date| date.year() >= 1850)
            .ok_or(IdNumberFault::BirthDate)?;
    if id_check_digit(digits) != check[0] {
        return Err(IdNumberFault::CheckDigit);
    }
    let sex = if digits[16] % 2 == 1 { Sex::Male } else { Sex::Female };
    Ok(IdNumber { region: number(&digits[..6]), birth_date, sex })
}

/// The 18th character for the first 17 digits; `digits` holds ASCII digits.
pub fn id_check_digit(digits: &[u8]) -> u8 {
    let sum: u32 = digits.iter().zip(ID_WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    ID_CHECK_DIGITS[(sum % 11) as usize]
}

/// The 18-character form of an old 15-digit number: the century is 19, the check digit is new.
pub fn upgrade_id_number(old: &str) -> Result<String, IdNumberFault> {
    if old.len() != 15 {
        return Err(IdNumberFault::Length);
    }
    if !old.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(IdNumberFault::Characters);
    }
    let mut new = String::with_capacity(18);
    new.push_str(&old[..6]);
    new.push_str("19");
    new.push_str(&old[6..]);
    let check = id_check_digit(new.as_bytes());
    new.push(char::from(check));
    check_id_number(&new).map(|_| new)
}

/// Full-width signs folded, blanks dropped, letters in upper case; borrowed when there was nothing to do.
pub fn normalise_id_number(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(fold_width).filter(|c| !is_blank(*c)).map(|c| c.to_ascii_uppercase()).collect())
}

/// Why a text is not a unified social credit code (GB 32100), the first fault found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditCodeFault {
    Length,
    Characters,
    OrganisationCode,
    CheckCharacter,
}

const CREDIT_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const CREDIT_WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// Sign -> place in the alphabet; 255 for a sign that may not occur (I O S V Z and everything else).
const CREDIT_VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut at = 0;
    while at < CREDIT_ALPHABET.len() {
        values[CREDIT_ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    values
};

/// Judges a unified social credit code: its own check character and that of the organisation code within.
pub fn check_credit_code(text: &str) -> Result<(), CreditCodeFault> {
    let bytes: &[u8; 18] = text.as_bytes().try_into().map_err(|_| CreditCodeFault::Length)?;
    if bytes.iter().any(|byte| CREDIT_VALUES[*byte as usize] == 255) || !bytes[2..8].iter().all(u8::is_ascii_digit) {
        return Err(CreditCodeFault::Characters);
    }
    if organisation_check_character(&bytes[8..16]) != bytes[16] {
        return Err(CreditCodeFault::OrganisationCode);
    }
    if credit_check_character(&bytes[..17]) != bytes[17] {
        return Err(CreditCodeFault::CheckCharacter);
    }
    Ok(())
}

/// The 18th sign for the first 17; signs outside the alphabet count as 0.
pub fn credit_check_character(signs: &[u8]) -> u8 {
    let sum: u32 = signs
        .iter()
        .zip(CREDIT_WEIGHTS)
        .map(|(sign, weight)| match CREDIT_VALUES[*sign as usize] {
            255 => 0,
            value => u32::from(value) * weight,
        })
        .sum();
    CREDIT_ALPHABET[((31 - sum % 31) % 31) as usize]
}

/// The 9th sign of an organisation code (GB 11714) for its first eight.
pub fn organisation_check_character(signs: &[u8]) -> u8 {
    let sum: u32 = signs
        .iter()
        .zip(ORGANISATION_WEIGHTS)
        .map(|(sign, weight)| {
            let value = if sign.is_ascii_digit() { sign - b'0' } else { sign.wrapping_sub(b'A').wrapping_add(10) };
            u32::from(value) * weight
        })
        .sum();
    match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        check => b'0' + check as u8,
    }
}

/// `1[3-9]` and nine more digits.
pub fn is_mobile(text: &str) -> bool {
    matches!(text.as_bytes(), [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 && rest.iter().all(u8::is_ascii_digit))
}

/// Area code with a leading 0 (3 or 4 digits), a hyphen, 7 or 8 digits that start with 2-8; or those digits alone.
pub fn is_landline(text: &str) -> bool {
    let local = match text.split_once('-') {
        Some((area, local)) => {
            let is_area = matches!(area.len(), 3 | 4) && area.starts_with('0');
            if !is_area || !area.bytes().all(|byte| byte.is_ascii_digit()) {
                return false;
            }
            local
        }
        None => text,
    };
    matches!(local.len(), 7 | 8)
        && local.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(local.as_bytes()[0], b'2'..=b'8')
}

/// Folds width, drops blanks and brackets, a leading +86 or 0086, and hyphens inside a mobile number. Of several
/// numbers in one cell the first is kept. A landline keeps (or gets) its hyphen after the area code.
pub fn normalise_phone(text: &str) -> Cow<'_, str> {
    if is_mobile(text) {
        return Cow::Borrowed(text);
    }
    let folded: String = text.chars().map(fold_width).collect();
    let first = folded.split([',', ';', '/', '、', '，', '；']).find(|part| !part.trim().is_empty()).unwrap_or("");
    let compact: String = first.chars().filter(|c| !is_blank(*c) && !matches!(c, '(' | ')')).collect();
    let national = compact
        .strip_prefix("+86")
        .or_else(|| compact.strip_prefix("0086"))
        .unwrap_or(&compact)
        .trim_start_matches('-');
    let digits: String = national.chars().filter(|c| *c != '-').collect();
    if is_mobile(&digits) {
        return Cow::Owned(digits);
    }
    if !national.contains('-') && digits.starts_with('0') && digits.is_ascii() {
        // 010, 02x have three digits, all others four.
        let area = if digits.starts_with("01") || digits.starts_with("02") { 3 } else { 4 };
        if digits.len() > area {
            return Cow::Owned(format!("{}-{}", &digits[..area], &digits[area..]));
        }
    }
    if national == text { Cow::Borrowed(text) } else { Cow::Owned(national.to_owned()) }
}

/// Frequent surnames of one character.
pub const SURNAMES: &str = "王李张刘陈杨黄周吴徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方邹熊孟秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严易文柳欧成佘";

/// Two-character surnames; a name that starts with one keeps both characters when masked.
const COMPOUND_SURNAMES: [&str; 12] =
    ["欧阳", "司马", "上官", "诸葛", "司徒", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "夏侯"];

/// 张三 -> 张*, 张小三 -> 张*三, 欧阳小三 -> 欧阳**. A single character is hidden whole.
pub fn mask_name(name: &str) -> String {
    let signs: Vec<char> = name.trim().chars().collect();
    let is_compound = signs.len() > 2 && COMPOUND_SURNAMES.iter().any(|surname| name.trim().starts_with(surname));
    let mut masked = String::with_capacity(name.len());
    match signs.len() {
        0 => {}
        1 => masked.push('*'),
        2 => masked.extend([signs[0], '*']),
        _ if is_compound => {
            masked.extend(&signs[..2]);
            masked.extend(std::iter::repeat_n('*', signs.len() - 2));
        }
        n => {
            masked.push(signs[0]);
            masked.extend(std::iter::repeat_n('*', n - 2));
            masked.push(signs[n - 1]);
        }
    }
    masked
}

/// First six and last four stay: 430105********123X. Anything that is not 18 long keeps nothing.
pub fn mask_id_number(number: &str) -> String {
    mask_middle(number, 18, 6, 4)
}

/// 138****1234; a landline keeps its area code and last two digits; anything else keeps nothing.
pub fn mask_phone(phone: &str) -> String {
    match phone.split_once('-') {
        Some((area, local)) if is_landline(phone) => {
            format!("{area}-{}", mask_middle(local, local.len(), 0, 2))
        }
        _ => mask_middle(phone, 11, 3, 4),
    }
}

fn mask_middle(text: &str, expected: usize, head: usize, tail: usize) -> String {
    if text.len() != expected || !text.is_ascii() {
        return "*".repeat(text.chars().count());
    }
    format!("{}{}{}", &text[..head], "*".repeat(expected - head - tail), &text[expected - tail..])
}

/// The value of ASCII digits.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}

fn fold_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        _ => c,
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}')
}

#[cfg(test)]
mod tests;
