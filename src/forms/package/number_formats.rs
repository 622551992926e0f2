//! Number formats: which of them show days, and what a mark adds behind a value.

use chrono::NaiveDate;

/// A line of the usual fonts.
const LINE_POINTS: f64 = 14.0;

/// What a cell with a mark holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    Number,
    Text,
}

/// The size of a cell or merged area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// In signs.
    pub(super) width: f64,
    /// In points; none where rows are as high as what is in them.
    pub(super) height: Option<f64>,
}

/// What is said of a value's day behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Note {
    /// `（截至2024-03-31）`
    Full,
    /// `（24-03-31）`
    Short,
    /// Nothing, for the value would be cut off: the colour has to do.
    None,
}

impl Note {
    /// The longest that leaves a value so many signs wide readable. What shrinks to less than two thirds is not; what wraps is
    /// cut off below.
    pub(super) fn fitting(value: usize, room: Room, wraps: bool) -> Note {
        let lines = room.height.map_or(f64::INFINITY, |height| (height / LINE_POINTS).floor().max(1.0));
        let signs = if wraps { room.width * lines } else { room.width * 1.5 };
        let fits = |note: usize| u32::try_from(value + note).is_ok_and(|wanted| f64::from(wanted) <= signs);
        // A day is not broken over more than two lines.
        let is_broken = wraps && room.width < 12.0;
        match (fits(18) && !is_broken, fits(12)) {
            (true, _) => Note::Full,
            (false, fits) if fits || !wraps => Note::Short,
            _ => Note::None,
        }
    }

    /// As a text of a number format.
    pub(super) fn of(self, date: NaiveDate) -> String {
        match self {
            Note::Full => format!("\"（截至{}）\"", date.format("%Y-%m-%d")),
            Note::Short => format!("\"（{}）\"", date.format("%y-%m-%d")),
            Note::None => String::new(),
        }
    }
}

/// A number format that says as of when the value is.
pub(super) fn with_note(code: &str, note: &str, content: Content) -> String {
    if content == Content::Text {
        return format!("@{note}");
    }
    let sections = sections(code);
    if code.is_empty() || code.trim() == "@" || sections.is_empty() {
        return format!("General{note}");
    }
    let noted: Vec<String> = sections
        .iter()
        .map(|section| if section.trim().is_empty() { (*section).to_owned() } else { format!("{section}{note}") })
        .collect();
    let code = noted.join(";");
    // Longer ones are refused by spreadsheet programs.
    if code.chars().count() > 255 { format!("General{note}") } else { code }
}

/// What `;` separates outside of texts.
fn sections(code: &str) -> Vec<&str> {
    let (mut sections, mut start) = (Vec::new(), 0);
    for (at, sign, is_literal) in signs(code) {
        if sign == ';' && !is_literal {
            sections.push(&code[start..at]);
            start = at + 1;
        }
    }
    sections.push(&code[start..]);
    sections
}

/// The signs of a number format, and whether they stand for themselves or in brackets.
fn signs(code: &str) -> impl Iterator<Item = (usize, char, bool)> {
    let (mut in_text, mut in_brackets, mut is_escaped) = (false, false, false);
    code.char_indices().map(move |(at, sign)| {
        let is_literal = in_text || in_brackets || is_escaped || matches!(sign, '"' | '[' | '\\' | '_' | '*');
        if is_escaped {
            is_escaped = false;
        } else if in_text {
            in_text = sign != '"';
        } else if in_brackets {
            in_brackets = sign != ']';
        } else {
            in_text = sign == '"';
            in_brackets = sign == '[';
            is_escaped = matches!(sign, '\\' | '_' | '*');
        }
        (at, sign, is_literal)
    })
}

/// Whether numbers of this format are shown as days.
pub(super) fn is_date_format(code: &str) -> bool {
    let first = sections(code).into_iter().next().unwrap_or_default();
    let letters: String =
        signs(first).filter(|(.., literal)| !literal).map(|(_, sign, _)| sign.to_ascii_lowercase()).collect();
    let has = |sign: char| letters.contains(sign);
    letters != "general" && (has('y') || has('d') || (has('m') && !has('h') && !has('s') && !has('0') && !has('#')))
}

/// The number formats that need no definition, those of Chinese workbooks among them.
pub(super) fn built_in(id: u32) -> &'static str {
    match id {
        1 => "0",
        2 => "0.00",
        3 => "#,##0",
        4 => "#,##0.00",
        5 | 6 => "\"¥\"#,##0;-\"¥\"#,##0",
        7 | 8 => "\"¥\"#,##0.00;-\"¥\"#,##0.00",
        9 => "0%",
        10 => "0.00%",
        11 => "0.00E+00",
        12 => "# ?/?",
        13 => "# ??/??",
        14 => "yyyy/m/d",
        15 => "d-mmm-yy",
        16 => "d-mmm",
        17 => "mmm-yy",
        18 => "h:mm AM/PM",
        19 => "h:mm:ss AM/PM",
        20 => "h:mm",
        21 => "h:mm:ss",
        22 => "yyyy/m/d h:mm",
        27 | 36 | 50 | 52 | 57 => "yyyy\"年\"m\"月\"",
        28 | 29 | 51 | 53 | 54 | 58 => "m\"月\"d\"日\"",
        30 => "m/d/yy",
        31 => "yyyy\"年\"m\"月\"d\"日\"",
        32 => "h\"时\"mm\"分\"",
        33 => "h\"时\"mm\"分\"ss\"秒\"",
        34 | 55 => "上午/下午h\"时\"mm\"分\"",
        35 | 56 => "上午/下午h\"时\"mm\"分\"ss\"秒\"",
        37 => "#,##0;-#,##0",
        38 => "#,##0;[Red]-#,##0",
        39 => "#,##0.00;-#,##0.00",
        40 => "#,##0.00;[Red]-#,##0.00",
        41 => "#,##0",
        42 => "\"¥\"#,##0",
        43 => "#,##0.00",
        44 => "\"¥\"#,##0.00",
        45 => "mm:ss",
        46 => "[h]:mm:ss",
        47 => "mm:ss.0",
        48 => "##0.0E+0",
        49 => "@",
        _ => "General",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_dates() {
        let dates =
            ["yyyy-mm-dd", "[$-804]yyyy\"年\"m\"月\"d\"日\";@", "m\"月\"", "[DBNum1]yyyy年", "d/m", "yyyy/m/d h:mm"];
        let others =
            ["General", "0.00", "h:mm", "[h]:mm:ss", "#,##0\"day\"", "[Red]0", "@", "0.0E+00", "\\d0", "mm:ss", ""];
        for code in dates {
            assert!(is_date_format(code), "{code}");
        }
        for code in others {
            assert!(!is_date_format(code), "{code}");
        }
    }

    #[test]
    fn notes_leave_values_readable() {
        let fits = |value, width, height, wraps| Note::fitting(value, Room { width, height }, wraps);
        // Shrunk, in one line.
        assert_eq!(fits(3, 14.0, None, false), Note::Full);
        assert_eq!(fits(3, 9.0, Some(60.0), false), Note::Short);
        // Wrapped, in as many lines as the row has, if it has a height.
        assert_eq!(fits(20, 20.0, Some(30.0), true), Note::Full);
        assert_eq!(fits(28, 20.0, Some(30.0), true), Note::Short);
        assert_eq!(fits(34, 20.0, Some(30.0), true), Note::None);
        assert_eq!(fits(34, 20.0, None, true), Note::Full);
        assert_eq!(fits(2, 11.0, Some(30.0), true), Note::Short);
    }

    #[test]
    fn formats_with_a_note() {
        let date = NaiveDate::from_ymd_opt(2024, 3, 31).unwrap_or_default();
        let note = Note::Full.of(date);
        let cases = [
            ("General", "General\"（截至2024-03-31）\""),
            (
                "0.00;[Red]-0.00;;@",
                "0.00\"（截至2024-03-31）\";[Red]-0.00\"（截至2024-03-31）\";;@\"（截至2024-03-31）\"",
            ),
            ("0\";\"", "0\";\"\"（截至2024-03-31）\""),
            ("@", "General\"（截至2024-03-31）\""),
        ];
        for (code, noted) in cases {
            assert_eq!(with_note(code, &note, Content::Number), noted);
        }
        assert_eq!(with_note("0", &Note::Short.of(date), Content::Text), "@\"（24-03-31）\"");
    }
}
