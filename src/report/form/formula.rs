//! Formulas between the columns of a form: `closed_on_time_count / due_count`. They are checked against the data, and
//! printed by column number: `7=5/4`.

use std::iter::Peekable;

use crate::report::dataset::is_identifier;
use crate::report::yaml::Spanned;

/// A formula is a line that a person reads; these only stop what is none.
const LENGTH_MAX: usize = 2000;
const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone)]
pub(in crate::report) struct Formula {
    pub text: Spanned<String>,
    tokens: Vec<Token>,
    pub term: Term<String>,
}

/// `N` is what stands for a column: its name as declared, its place once the header is known.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) enum Term<N> {
    Number(f64),
    Column(N),
    Pair(Operator, Box<Term<N>>, Box<Term<N>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(String),
    Name(String),
    Operator(Operator),
    Open,
    Close,
}

impl Formula {
    pub(super) fn parse(text: Spanned<String>) -> Result<Self, String> {
        if text.value.len() > LENGTH_MAX {
            return Err(format!("the formula is longer than {LENGTH_MAX} bytes"));
        }
        let tokens = tokens(&text.value)?;
        let mut rest = tokens.iter().peekable();
        let term = sum(&mut rest, DEPTH_MAX)?;
        match rest.next() {
            None => Ok(Self { text, tokens, term }),
            Some(_) => Err("the formula goes on after its end".into()),
        }
    }

    /// The columns it mentions, as often as it does.
    pub(in crate::report) fn names(&self) -> Vec<&str> {
        self.tokens
            .iter()
            .filter_map(|token| if let Token::Name(name) = token { Some(name.as_str()) } else { None })
            .collect()
    }

    /// The columns that are added up, when it is nothing but a sum.
    pub(in crate::report) fn added(&self) -> Vec<&str> {
        fn add<'a>(term: &'a Term<String>, is_added: bool, names: &mut Vec<&'a str>) {
            match term {
                Term::Column(name) if is_added => names.push(name),
                Term::Pair(Operator::Add, left, right) => {
                    add(left, is_added, names);
                    add(right, is_added, names);
                }
                Term::Pair(Operator::Subtract, left, _) => add(left, is_added, names),
                _ => {}
            }
        }
        let mut names = Vec::new();
        add(&self.term, true, &mut names);
        names
    }

    /// The formula with a column's number in place of its name; five and more neighbours in a row are `2+…+6`.
    /// `numbers` are those of the columns it mentions, in the order in which it does.
    pub(in crate::report) fn numbered(&self, numbers: &[usize]) -> String {
        let mut numbers = numbers.iter().copied();
        let tokens: Vec<(&Token, Option<usize>)> = self
            .tokens
            .iter()
            .map(|token| (token, if matches!(token, Token::Name(_)) { numbers.next() } else { None }))
            .collect();
        let mut text = String::new();
        let mut at = 0;
        while let Some((token, number)) = tokens.get(at) {
            if let Some((first, last)) = neighbours(&tokens, at).filter(|(first, last)| last - first >= 4) {
                text.push_str(&format!("{first}+…+{last}"));
                at += (last - first) * 2 + 1;
                continue;
            }
            match (token, number) {
                (Token::Name(name), None) => text.push_str(name),
                (Token::Name(_), Some(number)) => text.push_str(&number.to_string()),
                (Token::Number(number), _) => text.push_str(number),
                (Token::Operator(operator), _) => text.push(operator.sign()),
                (Token::Open, _) => text.push('('),
                (Token::Close, _) => text.push(')'),
            }
            at += 1;
        }
        text
    }
}

/// The first and last number of `2+3+4…` from a token on, where nothing binds tighter than the plus signs.
fn neighbours(tokens: &[(&Token, Option<usize>)], at: usize) -> Option<(usize, usize)> {
    let number_at = |at: usize| tokens.get(at).and_then(|(_, number)| *number);
    let is_plus = |at: Option<usize>| {
        let token = at.and_then(|at| tokens.get(at));
        token.is_none_or(|(token, _)| matches!(token, Token::Operator(Operator::Add) | Token::Open | Token::Close))
    };
    let first = number_at(at).filter(|_| is_plus(at.checked_sub(1)))?;
    let (mut last, mut next) = (first, at + 1);
    while tokens.get(next).is_some_and(|(token, _)| **token == Token::Operator(Operator::Add))
        && number_at(next + 1) == Some(last + 1)
        && is_plus(Some(next + 2))
    {
        last += 1;
        next += 2;
    }
    Some((first, last))
}

impl Operator {
    fn of(sign: char) -> Option<Self> {
        Some(match sign {
            '+' | '＋' => Self::Add,
            '-' | '－' | '−' => Self::Subtract,
            '*' | '×' => Self::Multiply,
            '/' | '÷' | '／' => Self::Divide,
            _ => return None,
        })
    }

    fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '×',
            Self::Divide => '/',
        }
    }
}

impl<N> Term<N> {
    /// The same with every column changed, or the first that cannot be.
    pub(in crate::report) fn try_map<M, E>(&self, change: &mut impl FnMut(&N) -> Result<M, E>) -> Result<Term<M>, E> {
        Ok(match self {
            Self::Number(number) => Term::Number(*number),
            Self::Column(column) => Term::Column(change(column)?),
            Self::Pair(operator, left, right) => {
                Term::Pair(*operator, Box::new(left.try_map(change)?), Box::new(right.try_map(change)?))
            }
        })
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let length =
            rest.find(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_' || sign == '.')).unwrap_or(rest.len());
        let (word, after) = if length > 0 { rest.split_at(length) } else { rest.split_at(sign.len_utf8()) };
        rest = after;
        tokens.push(match sign {
            sign if sign.is_whitespace() => continue,
            '(' | '（' => Token::Open,
            ')' | '）' => Token::Close,
            _ if Operator::of(sign).is_some() => Operator::of(sign).map_or(Token::Open, Token::Operator),
            _ if is_identifier(word) => Token::Name(word.to_owned()),
            _ if word.parse::<f64>().is_ok_and(f64::is_finite) => Token::Number(word.to_owned()),
            _ => return Err(format!("`{word}` is neither a column nor a number")),
        });
    }
    Ok(tokens)
}

type Rest<'a> = Peekable<std::slice::Iter<'a, Token>>;

fn sum(rest: &mut Rest<'_>, room: usize) -> Result<Term<String>, String> {
    chain(rest, room, &[Operator::Add, Operator::Subtract], |rest, room| {
        chain(rest, room, &[Operator::Multiply, Operator::Divide], value)
    })
}

fn chain(
    rest: &mut Rest<'_>,
    room: usize,
    operators: &[Operator],
    part: impl Fn(&mut Rest<'_>, usize) -> Result<Term<String>, String>,
) -> Result<Term<String>, String> {
    let mut term = part(rest, room)?;
    while let Some(Token::Operator(operator)) = rest.peek()
        && operators.contains(operator)
    {
        rest.next();
        term = Term::Pair(*operator, Box::new(term), Box::new(part(rest, room)?));
    }
    Ok(term)
}

fn value(rest: &mut Rest<'_>, room: usize) -> Result<Term<String>, String> {
    match rest.next() {
        Some(Token::Number(number)) => Ok(Term::Number(number.parse().unwrap_or(f64::NAN))),
        Some(Token::Name(name)) => Ok(Term::Column(name.clone())),
        Some(Token::Open) => {
            let Some(room) = room.checked_sub(1) else {
                return Err("the formula has too many brackets in one another".into());
            };
            let inner = sum(rest, room)?;
            match rest.next() {
                Some(Token::Close) => Ok(inner),
                _ => Err("a bracket is not closed".into()),
            }
        }
        Some(_) => Err("the formula lacks a column between two signs".into()),
        None => Err("the formula ends where a column should come".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formula(text: &str) -> Result<Formula, String> {
        Formula::parse(serde_saphyr::from_str(&format!("{text:?}")).map_err(|error| error.to_string())?)
    }

    #[test]
    fn prints_numbers_for_names() {
        let number = |name: &str| name.trim_start_matches('c').parse().unwrap_or(0);
        let numbers = |formula: &Formula| formula.names().into_iter().map(number).collect::<Vec<_>>();
        let shown = |text: &str| formula(text).map(|formula| formula.numbered(&numbers(&formula)));
        assert_eq!(shown("c1 + c2").as_deref(), Ok("1+2"));
        assert_eq!(shown("c5 ÷ (c4 - c3) × 100").as_deref(), Ok("5/(4-3)×100"));
        assert_eq!(shown("c2+c3+c4+c5+c6+c9").as_deref(), Ok("2+…+6+9"));
        assert_eq!(
            shown("c1-c2+c3+c4+c5+c6+c7*c8").as_deref(),
            Ok("1-2+3+4+5+6+7×8"),
            "what binds tighter stays in sight"
        );
    }

    #[test]
    fn a_text_that_is_no_formula_is_refused() {
        for (text, expected) in [
            ("", "ends where a column should come"),
            ("a +", "ends where a column should come"),
            ("a b", "goes on after its end"),
            ("(a", "not closed"),
            ("a)", "goes on"),
            ("a ; b", "neither a column nor a number"),
            ("A", "neither a column nor a number"),
            ("1e999", "neither a column nor a number"),
            ("a + * b", "between two signs"),
        ] {
            let message = formula(text).err().unwrap_or_default();
            assert!(message.contains(expected), "{text}: {message}");
        }
        assert!(formula(&"(".repeat(1000)).is_err_and(|message| message.contains("brackets")));
        assert!(formula(&"a+".repeat(1500)).is_err_and(|message| message.contains("longer")));
    }

    #[test]
    fn subtraction_goes_from_left_to_right() {
        let term = formula("a - b - c").map(|formula| formula.term);
        let column = |name: &str| Box::new(Term::Column(name.to_owned()));
        let left = Term::Pair(Operator::Subtract, column("a"), column("b"));
        assert_eq!(term, Ok(Term::Pair(Operator::Subtract, Box::new(left), column("c"))));
    }
}
