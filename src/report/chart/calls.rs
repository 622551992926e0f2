//! Calls of chart functions, read from a template's text without running it: which columns they ask of which dataset.

use super::CHART_KINDS;

/// Arguments that name columns of the rows.
const COLUMN_ARGUMENTS: [&str; 8] = ["code", "column", "label", "last_year", "share", "total", "value", "values"];

/// A column that a call names.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::report) struct AskedColumn<'a> {
    pub at: usize,
    pub dataset: &'a str,
    pub column: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    Text(&'a str),
    Sign(char),
}

/// The columns that charts ask of datasets named as they are. Rows behind a filter may be anything.
pub(in crate::report) fn asked_columns(source: &str) -> Vec<AskedColumn<'_>> {
    let tokens = tokens(source);
    let mut asked = Vec::new();
    for (place, window) in tokens.windows(4).enumerate() {
        let [(_, Token::Name(function)), (_, Token::Sign('(')), (_, Token::Name(dataset)), (_, Token::Sign(','))] =
            window
        else {
            continue;
        };
        if !CHART_KINDS.iter().any(|kind| kind.function == *function) {
            continue;
        }
        let (mut depth, mut argument) = (0, "");
        for pair in tokens[place + 3..].windows(2) {
            match (pair[0].1, pair[1].1) {
                (Token::Sign('(' | '[' | '{'), _) => depth += 1,
                (Token::Sign(')'), _) if depth == 0 => break,
                (Token::Sign(')' | ']' | '}'), _) => depth -= 1,
                (Token::Sign(','), _) if depth == 0 => argument = "",
                (Token::Name(name), Token::Sign('=')) if depth == 0 => argument = name,
                (Token::Text(column), _) if COLUMN_ARGUMENTS.contains(&argument) => {
                    asked.push(AskedColumn { at: pair[0].0, dataset, column });
                }
                _ => {}
            }
        }
    }
    asked
}

/// What stands in the tags of a template, with its place.
fn tokens(source: &str) -> Vec<(usize, Token<'_>)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find("{{").map(|open| at + open + 2) {
        let end = source[open..].find("}}").map_or(source.len(), |end| open + end);
        at = open;
        while let Some(sign) = source[at..end].chars().next() {
            let from = at;
            at += sign.len_utf8();
            if sign == '"' || sign == '\'' {
                let closing = source[at..end].find(sign).map_or(end, |closing| at + closing);
                tokens.push((from + 1, Token::Text(&source[at..closing])));
                at = (closing + 1).min(end);
            } else if sign.is_alphabetic() || sign == '_' {
                let is_part = |inner: char| inner.is_alphanumeric() || inner == '_';
                at = source[from..end].find(|inner| !is_part(inner)).map_or(end, |length| from + length);
                tokens.push((from, Token::Name(&source[from..at])));
            } else if !sign.is_whitespace() {
                tokens.push((from, Token::Sign(sign)));
            }
        }
        at = end;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_in_the_calls_of_charts() {
        let asked = |source: &'static str| -> Vec<(&str, &str)> {
            asked_columns(source).into_iter().map(|asked| (asked.dataset, asked.column)).collect()
        };
        assert_eq!(
            asked(
                "{{ bar_chart(places, label=\"name\", labels={\"甲\": \"乙\"}, values=[\"a\", 'b'], names=[\"丙\"], title=\"x\" ~ y(\"z\")) }}"
            ),
            [("places", "name"), ("places", "a"), ("places", "b")]
        );
        assert_eq!(
            asked("{{ tile_map(rows, tiles=tiles, value=\"a\") }}x{{ line_chart(b, last_year='c') }}"),
            [("rows", "a"), ("b", "c")]
        );
        for other in [
            "{{ bar_chart(places | first, label=\"name\") }}",
            "bar_chart(places, label=\"name\")",
            "{{ cards(places, label=\"name\") }}",
            "{{ bar_chart(places, label=\"na",
        ] {
            assert!(asked(other).len() <= usize::from(other.ends_with("na")), "{other}");
        }
        assert_eq!(asked_columns("{{ bar_chart(p, label=\"n\") }}")[0].at, 23);
    }
}
