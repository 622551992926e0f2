//! What a reader knows of the columns of one row: `resident_count = male_count + female_count`,
//! `aged_80_count <= aged_60_count`, `due_count_year = previous due_count_year + due_count_month`.

use crate::report::dataset::is_identifier;

/// `left = Σ right` or `left <= Σ right`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct ColumnRelation {
    pub terms: Vec<Term>,
    pub is_exact: bool,
}

/// A column times its sign in `Σ sign × column = 0` or `≥ 0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Term {
    pub column: String,
    pub sign: i8,
    /// The figure of the edition before.
    pub is_previous: bool,
}

impl ColumnRelation {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let unreadable = || format!("`{text}` is not a relation such as `a = b + c` or `a <= b`");
        let (left, right, is_exact) = match text.split_once("<=") {
            Some((left, right)) => (left, right, false),
            None => {
                let (left, right) = text.split_once('=').ok_or_else(unreadable)?;
                (left, right, true)
            }
        };
        let mut terms = vec![term(left, -1).ok_or_else(unreadable)?];
        let mut rest = right;
        let mut sign = 1;
        loop {
            let end = rest.find(['+', '-']).unwrap_or(rest.len());
            terms.push(term(&rest[..end], sign).ok_or_else(unreadable)?);
            let Some(operator) = rest[end..].chars().next() else { break };
            sign = if operator == '+' { 1 } else { -1 };
            rest = &rest[end + 1..];
        }
        Ok(Self { terms, is_exact })
    }
}

fn term(text: &str, sign: i8) -> Option<Term> {
    let text = text.trim();
    let (column, is_previous) = match text.strip_prefix("previous ") {
        Some(column) => (column.trim(), true),
        None => (text, false),
    };
    is_identifier(column).then(|| Term { column: column.to_owned(), sign, is_previous })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match ColumnRelation::parse(text) {
            Err(message) => message,
            Ok(relation) => {
                let terms: Vec<String> = relation
                    .terms
                    .iter()
                    .map(|term| format!("{:+}{}{}", term.sign, if term.is_previous { "'" } else { "" }, term.column))
                    .collect();
                format!("{} {}", terms.join(" "), if relation.is_exact { "= 0" } else { ">= 0" })
            }
        }
    }

    #[test]
    fn relations_are_read() {
        assert_eq!(shown("a = b + c - d"), "-1a +1b +1c -1d = 0");
        assert_eq!(shown("a<=b"), "-1a +1b >= 0");
        assert_eq!(shown("y = previous y + m"), "-1y +1'y +1m = 0");
        for wrong in ["a", "a = ", "a = b +", "= b", "a = B", "a = 1 + b", "a == b"] {
            assert!(shown(wrong).contains("is not a relation"), "{wrong}");
        }
    }
}
