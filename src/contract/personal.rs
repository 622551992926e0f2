//! Numbers that name a person wherever they stand: a row that has slipped by a column brings them under any name.

use chrono::{Datelike, NaiveDate};

use super::text::half_width_sign;
use crate::district::identifiers;

/// Whether a text holds what looks like an ID number of 18 signs or a mobile telephone number. The check digit does
/// not matter: a mistyped number still names somebody.
pub fn names_a_person(text: &str) -> bool {
    has_run(text, |run| is_id_number(run) || is_mobile(run))
}

/// Whether a text holds what looks like an ID number of 15 digits, given out until 1999. Codes of places may look
/// the same.
pub(super) fn has_old_id_number(text: &str) -> bool {
    has_run(text, |run| run.len() == 15 && is_date(&format!("19{}", &run[6..12])))
}

/// Looks at each run of digits, an X at its end included; once as written and once without blanks and hyphens.
fn has_run(text: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    let has = |drops_gaps: bool| {
        let mut run = String::new();
        // The sign after the last ends its run.
        for sign in text.chars().chain(['\n']) {
            match half_width_sign(sign) {
                digit @ '0'..='9' => run.push(digit),
                ' ' | '-' | '\u{A0}' | '\u{200B}'..='\u{200F}' | '\u{FEFF}' if drops_gaps => {}
                end => {
                    if matches!(end, 'x' | 'X') && run.len() == 17 {
                        run.push('X');
                    }
                    if is_wanted(&run) {
                        return true;
                    }
                    run.clear();
                }
            }
        }
        false
    };
    has(false) || has(true)
}

fn is_id_number(run: &str) -> bool {
    run.len() == 18 && is_date(&run[6..14])
}

fn is_mobile(run: &str) -> bool {
    let national = run.strip_prefix("0086").or_else(|| run.strip_prefix("86")).unwrap_or(run);
    identifiers::is_mobile(national) || identifiers::is_mobile(run)
}

/// A birth date somebody alive may have.
fn is_date(digits: &str) -> bool {
    NaiveDate::parse_from_str(digits, "%Y%m%d").is_ok_and(|date| (1900..2100).contains(&date.year()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_a_person_is_recognised_wherever_it_stands() {
        for text in [
            "99010519800101001X",
            "990105 19800101 0011",
            "99010519800101001９",
            "张三990105198001010011",
            "15400000001",
            "154-0000-0001",
            "+86 15400000001",
            "张三（１５４０００００００1）",
            "990105198001010011 15400000001",
        ] {
            assert!(names_a_person(text), "{text}");
        }
        for text in [
            "",
            "三间",
            "430105001007999",
            "2024-06-27 08:30:05",
            "0731-82345678",
            "12345678901",
            "202406270000123456",
            "1540000000",
            "154000000012",
        ] {
            assert!(!names_a_person(text), "{text}");
        }
        assert!(has_old_id_number("990105680412001") && !has_old_id_number("430105009999001"));
    }
}
