//! Heading numerals by GB/T 9704-2012: 一、（一）1.（1）.

const DIGITS: [&str; 10] = ["〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

/// The numeral of the `number`th heading of a level, 1 to 4; empty for any other level.
pub(super) fn heading_numeral(level: u8, number: usize) -> String {
    match level {
        1 => format!("{}、", chinese(number)),
        2 => format!("（{}）", chinese(number)),
        3 => format!("{number}."),
        4 => format!("（{number}）"),
        _ => String::new(),
    }
}

/// A heading's text without the numeral somebody typed before it.
pub(super) fn without_numeral(text: &str) -> &str {
    let is_counting = |sign: char| sign.is_ascii_digit() || sign == '十' || DIGITS.contains(&sign.to_string().as_str());
    let counted = |text: &str| text.chars().take_while(|sign| is_counting(*sign)).map(char::len_utf8).sum::<usize>();
    let rest = match text.strip_prefix('（') {
        Some(inner) => match counted(inner) {
            0 => None,
            length => inner[length..].strip_prefix('）'),
        },
        None => match counted(text) {
            0 => None,
            // 1.5倍 is no numeral.
            length => text[length..]
                .strip_prefix(['、', '.', '．'])
                .filter(|rest| !rest.starts_with(|sign: char| sign.is_ascii_digit())),
        },
    };
    rest.map_or(text, str::trim_start)
}

/// 1 to 99 in Chinese numerals; further numbers in digits.
fn chinese(number: usize) -> String {
    let digit = |number: usize| DIGITS.get(number).copied().unwrap_or_default();
    match (number / 10, number % 10) {
        (0, ones) => digit(ones).to_owned(),
        (1, 0) => "十".to_owned(),
        (1, ones) => format!("十{}", digit(ones)),
        (tens @ 2..=9, 0) => format!("{}十", digit(tens)),
        (tens @ 2..=9, ones) => format!("{}十{}", digit(tens), digit(ones)),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_of_each_level() {
        let first: Vec<String> = (1..=4).map(|level| heading_numeral(level, 1)).collect();
        assert_eq!(first, ["一、", "（一）", "1.", "（1）"]);
        assert_eq!([10, 11, 20, 35, 100].map(chinese), ["十", "十一", "二十", "三十五", "100"]);
    }

    #[test]
    fn typed_numerals_are_recognised() {
        for (typed, bare) in [
            ("一、总体情况", "总体情况"),
            ("（二）超期事项", "超期事项"),
            ("3.办结率", "办结率"),
            ("（4） 说明", "说明"),
            ("十二、附则", "附则"),
            ("1.5倍于上年", "1.5倍于上年"),
            ("一个社区", "一个社区"),
            ("（含挂账）办结", "（含挂账）办结"),
            ("总体情况", "总体情况"),
        ] {
            assert_eq!(without_numeral(typed), bare, "{typed}");
        }
    }
}
