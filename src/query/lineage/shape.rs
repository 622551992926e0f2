//! What an expression does with its inputs: hands one on, divides two, adds several, counts rows, or something that is
//! only explained, not followed.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
    Value, visit_expressions,
};

use super::block::Block;
use super::names::unwrapped;
use super::{Traced, Untraced};

/// Functions that change how a value is shown and not what it is.
const SHOWING: [&str; 6] = ["round_half_up", "round", "abs", "trunc", "floor", "ceil"];

/// An expression by what it does.
pub(super) enum Shape<'e> {
    /// A column of one of the relations read: alias and name.
    Column(&'e str, &'e str),
    /// An aggregate over the rows read.
    Call(&'e Function),
    /// The value of another expression, cast, rounded, or with a word for null.
    Same(&'e Expr),
    /// The first argument that is not null.
    First(Vec<&'e Expr>),
    /// The first result whose condition holds; the condition of the last is always true.
    Choice(Vec<(Option<Expr>, Option<&'e Expr>)>),
    Ratio(&'e Expr, &'e Expr),
    /// By how much the first exceeds the second, as a share of it.
    Growth(&'e Expr, &'e Expr),
    /// Signs and what they stand before.
    Sum(Vec<(char, &'e Expr)>),
    Product(&'e Expr, &'e Expr),
    /// Computed over other rows of the outcome: a rank, the row before.
    Window,
    Constant,
    /// Anything else.
    Other,
}

pub(super) fn shape<'e>(block: &Block<'_>, expr: &'e Expr) -> Shape<'e> {
    match expr {
        Expr::Nested(inner) => Shape::Same(inner),
        Expr::Cast { expr, .. } => Shape::Same(expr),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [alias, name] => Shape::Column(&alias.value, &name.value),
            _ => Shape::Other,
        },
        Expr::Value(_) | Expr::Interval(_) | Expr::TypedString(_) => Shape::Constant,
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Shape::Sum(vec![('-', expr)]),
        Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => Shape::Ratio(left, denominator(right)),
        Expr::BinaryOp { left, op: BinaryOperator::Multiply, right } => Shape::Product(left, right),
        Expr::BinaryOp { op: BinaryOperator::Plus | BinaryOperator::Minus, .. } => {
            let mut terms = Vec::new();
            add_terms(expr, '+', &mut terms);
            Shape::Sum(terms)
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let condition = |when: &Expr| match operand {
                None => when.clone(),
                Some(operand) => {
                    Expr::BinaryOp { left: operand.clone(), op: BinaryOperator::Eq, right: Box::new(when.clone()) }
                }
            };
            let mut choices: Vec<_> =
                conditions.iter().map(|case| (Some(condition(&case.condition)), Some(&case.result))).collect();
            choices.push((None, else_result.as_deref()));
            Shape::Choice(choices)
        }
        Expr::Function(call) if call.over.is_some() => Shape::Window,
        Expr::Function(call) if block.is_call(call) => Shape::Call(call),
        Expr::Function(call) => function_shape(call),
        _ => Shape::Other,
    }
}

fn function_shape(call: &Function) -> Shape<'_> {
    let name = call.name.to_string().to_lowercase();
    let arguments = arguments(call);
    match (name.as_str(), arguments.as_slice()) {
        ("coalesce", all) if !all.is_empty() => Shape::First(arguments),
        ("rate", [numerator, denominator]) => Shape::Ratio(numerator, denominator),
        ("growth", [now, base]) => Shape::Growth(now, base),
        ("point_change", [now, base]) => Shape::Sum(vec![('+', now), ('-', base)]),
        // A value with words around it.
        ("concat", all) => match all.iter().filter(|one| !is_constant(one)).collect::<Vec<_>>().as_slice() {
            [only] => Shape::Same(only),
            _ => Shape::Other,
        },
        (name, [value, ..]) if SHOWING.contains(&name) => Shape::Same(value),
        (_, []) => Shape::Constant,
        _ => Shape::Other,
    }
}

/// `b` of `nullif(b, 0)`.
fn denominator(expr: &Expr) -> &Expr {
    if let Expr::Function(call) = unwrapped(expr)
        && call.name.to_string().eq_ignore_ascii_case("nullif")
        && let [divided, zero] = arguments(call).as_slice()
        && is_number(zero, 0.0)
    {
        return divided;
    }
    expr
}

fn add_terms<'e>(expr: &'e Expr, sign: char, terms: &mut Vec<(char, &'e Expr)>) {
    let turned = |sign| if sign == '+' { '-' } else { '+' };
    match expr {
        Expr::Nested(inner) => add_terms(inner, sign, terms),
        Expr::BinaryOp { left, op: BinaryOperator::Plus, right } => {
            add_terms(left, sign, terms);
            add_terms(right, sign, terms);
        }
        Expr::BinaryOp { left, op: BinaryOperator::Minus, right } => {
            add_terms(left, sign, terms);
            add_terms(right, turned(sign), terms);
        }
        other => terms.push((sign, other)),
    }
}

/// The arguments that are expressions; none for `count(*)`.
pub(super) fn arguments(call: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &call.args else { return Vec::new() };
    list.args
        .iter()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

pub(super) fn is_distinct(call: &Function) -> bool {
    matches!(&call.args, FunctionArguments::List(list) if list.duplicate_treatment == Some(DuplicateTreatment::Distinct))
}

pub(super) fn number(expr: &Expr) -> Option<f64> {
    match unwrapped(expr) {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|number| -number),
        Expr::Cast { expr, .. } => number(expr),
        _ => None,
    }
}

fn is_number(expr: &Expr, wanted: f64) -> bool {
    number(expr) == Some(wanted)
}

fn is_constant(expr: &Expr) -> bool {
    matches!(unwrapped(expr), Expr::Value(_))
}

pub(super) fn is_null(expr: &Expr) -> bool {
    match unwrapped(expr) {
        Expr::Value(value) => matches!(value.value, Value::Null),
        Expr::Cast { expr, .. } => is_null(expr),
        _ => false,
    }
}

pub(super) fn has_window(expr: &Expr) -> bool {
    visit_expressions(expr, |inner| match inner {
        Expr::Function(call) if call.over.is_some() => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .is_break()
}

/// The results of a CASE, each with all that holds where it is taken.
fn results(choices: Vec<(Option<Expr>, Option<&Expr>)>) -> Vec<(Vec<Expr>, &Expr)> {
    let (mut found, mut before): (Vec<(Vec<Expr>, &Expr)>, Vec<Expr>) = (Vec::new(), Vec::new());
    for (condition, result) in choices {
        let under = before.iter().chain(&condition).cloned().collect();
        found.extend(result.map(|result| (under, result)));
        before.extend(condition.map(|passed| Expr::IsNotTrue(Box::new(Expr::Nested(Box::new(passed))))));
    }
    found
}

/// What a row meets to count where `call` is taken of a CASE: all of one of these lists. One that is empty lets every row
/// count.
pub(super) fn picks(block: &Block<'_>, call: &Function) -> Vec<Vec<Expr>> {
    let mut argument = arguments(call).first().copied();
    // Nothing else leaves null what is null.
    while let Some(Expr::Nested(inner) | Expr::Cast { expr: inner, .. }) = argument {
        argument = Some(inner);
    }
    let Some(Shape::Choice(choices)) = argument.map(|argument| shape(block, argument)) else {
        return vec![Vec::new()];
    };
    let is_sum = call.name.to_string().eq_ignore_ascii_case("sum");
    let is_nothing = |result: &Expr| is_null(result) || is_sum && is_number(result, 0.0);
    let all = choices.len();
    let picked = results(choices).into_iter().filter(|(_, result)| !is_nothing(result)).map(|(under, _)| under);
    let picked: Vec<_> = picked.collect();
    if picked.len() == all { vec![Vec::new()] } else { picked }
}

/// So many times a column or an aggregate, where all conditions hold.
#[derive(Clone)]
pub(super) struct Term {
    pub factor: f64,
    pub conditions: Vec<Expr>,
    pub leaf: Leaf,
}

#[derive(Clone)]
pub(super) enum Leaf {
    Column(String, String),
    Call(Box<Function>),
}

/// The expression as a sum of [`Term`]s, if it is one.
pub(super) fn linear(block: &Block<'_>, expr: &Expr) -> Traced<Vec<Term>> {
    let mut terms = Vec::new();
    collect(block, expr, 1.0, &[], &mut terms)?;
    Ok(terms)
}

fn collect(block: &Block<'_>, expr: &Expr, factor: f64, conditions: &[Expr], terms: &mut Vec<Term>) -> Traced<()> {
    let mut push = |leaf| terms.push(Term { factor, conditions: conditions.to_vec(), leaf });
    match shape(block, expr) {
        Shape::Column(alias, name) => push(Leaf::Column(alias.to_owned(), name.to_owned())),
        Shape::Call(call) => push(Leaf::Call(Box::new(call.clone()))),
        Shape::Same(inner) => collect(block, inner, factor, conditions, terms)?,
        Shape::First(all) => match all.as_slice() {
            [value, rest @ ..] if rest.iter().all(|other| is_number(other, 0.0)) => {
                collect(block, value, factor, conditions, terms)?;
            }
            _ => return Err(Untraced::of(format!("`{expr}` may come from either of its arguments"))),
        },
        Shape::Sum(all) => {
            for (sign, term) in all {
                let factor = if sign == '-' { -factor } else { factor };
                collect(block, term, factor, conditions, terms)?;
            }
        }
        Shape::Product(left, right) => match (number(left), number(right)) {
            (Some(times), _) => collect(block, right, factor * times, conditions, terms)?,
            (_, Some(times)) => collect(block, left, factor * times, conditions, terms)?,
            _ => return Err(Untraced::of(format!("`{expr}` multiplies figures"))),
        },
        Shape::Choice(choices) => {
            for (under, result) in results(choices) {
                collect(block, result, factor, &[conditions, &under].concat(), terms)?;
            }
        }
        Shape::Constant if is_number(expr, 0.0) || is_null(expr) => {}
        Shape::Constant => return Err(Untraced::of(format!("`{expr}` stands in for rows"))),
        Shape::Ratio(..) | Shape::Growth(..) => return Err(Untraced::of("a ratio is no sum of rows")),
        Shape::Window => return Err(Untraced::of(format!("`{expr}` looks at other rows of the outcome"))),
        Shape::Other => return Err(Untraced::of(format!("`{expr}` is no sum of rows"))),
    }
    Ok(())
}
