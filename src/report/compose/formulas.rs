//! What the figures of a row must satisfy: formulas such as 3=1+2, and parts that do not exceed their whole.

use super::header::{Header, columns_in};
use super::lines::{Line, LineKind, name_of};
use super::records::{Datum, Standing};
use crate::report::Problem;
use crate::report::dataset::Value;
use crate::report::form::{Operator, SheetForm, Term};
use crate::report::number::{self, Format};
use crate::report::yaml::{self, Spanned};

/// Mismatches that a message lists; the rest is counted.
const LISTED_MAX: usize = 5;
/// Relative slack for sums of binary fractions.
const BINARY_NOISE: f64 = 1e-9;

/// A figure with how far it may be from the exact one.
#[derive(Debug, Clone, Copy)]
struct Figure {
    value: f64,
    slack: f64,
}

enum Outcome {
    Known(Figure),
    /// A division by nothing: there is no such figure.
    Undefined,
    /// Depends on a figure that is not there.
    Unknown,
}

/// Fills in what follows from the sums of a total row.
pub(super) fn fill(header: &Header<'_>, data: &mut [Datum], is_known: &[bool]) {
    let mut is_known = is_known.to_vec();
    // A formula may rest on another one; each round settles at least one, or none is left that can be.
    loop {
        let mut is_settled = true;
        for (column, leaf) in header.leaves.iter().enumerate() {
            let Some(term) = leaf.formula.as_ref().filter(|_| !is_known[column]) else { continue };
            if !columns_in(term).iter().all(|needed| is_known[*needed]) {
                continue;
            }
            let is_hidden = columns_in(term).iter().any(|needed| data[*needed].value == Value::Suppressed);
            data[column] = match outcome(header, data, term) {
                _ if is_hidden => Datum::given(Value::Suppressed),
                Outcome::Known(figure) => Datum::given(Value::Number(figure.value)),
                Outcome::Undefined => Datum::given(Value::Null),
                Outcome::Unknown => Datum::without(Standing::NotApplicable),
            };
            is_known[column] = true;
            is_settled = false;
        }
        if is_settled {
            return;
        }
    }
}

fn outcome(header: &Header<'_>, data: &[Datum], term: &Term<usize>) -> Outcome {
    let (operator, left, right) = match term {
        Term::Number(value) => return Outcome::Known(Figure { value: *value, slack: 0.0 }),
        Term::Column(column) => {
            let format = header.leaves[*column].declared.shape.format;
            return figure(&data[*column], format).map_or(Outcome::Unknown, Outcome::Known);
        }
        Term::Pair(operator, left, right) => (operator, outcome(header, data, left), outcome(header, data, right)),
    };
    let (left, right) = match (left, right) {
        (Outcome::Known(left), Outcome::Known(right)) => (left, right),
        (Outcome::Unknown, _) | (_, Outcome::Unknown) => return Outcome::Unknown,
        _ => return Outcome::Undefined,
    };
    let sides = left.value.abs() * right.slack + right.value.abs() * left.slack + left.slack * right.slack;
    Outcome::Known(match operator {
        Operator::Add => Figure { value: left.value + right.value, slack: left.slack + right.slack },
        Operator::Subtract => Figure { value: left.value - right.value, slack: left.slack + right.slack },
        Operator::Multiply => Figure { value: left.value * right.value, slack: sides },
        Operator::Divide if right.value == 0.0 => return Outcome::Undefined,
        Operator::Divide => {
            let value = left.value / right.value;
            // A divisor that may be nothing says nothing of the quotient.
            let room = (right.value.abs() - right.slack).max(f64::MIN_POSITIVE);
            Figure { value, slack: (left.slack + value.abs() * right.slack) / room }
        }
    })
}

/// The figure in a cell. One that has no more digits than its format shows may have been rounded to them.
fn figure(datum: &Datum, format: Format) -> Option<Figure> {
    let value = datum.value.number().filter(|_| datum.standing == Standing::Given)?;
    let is_rounded = !matches!(datum.value, Value::Integer(_)) && number::rounded(value, format) == value;
    let half_step = match format {
        Format::Decimal(digits) => 0.5 * 0.1_f64.powi(i32::from(digits)),
        Format::Percent(digits) => 0.5 * 0.1_f64.powi(i32::from(digits) + 2),
        _ => 0.0,
    };
    Some(Figure { value, slack: if is_rounded { half_step } else { 0.0 } })
}

impl Figure {
    fn room(self, other: Self) -> f64 {
        self.slack + other.slack + BINARY_NOISE * self.value.abs().max(other.value.abs()).max(1.0)
    }
}

/// What does not add up: the first few in words, and how many there are.
#[derive(Default)]
struct Mismatches<'a> {
    place: Option<&'a Spanned<String>>,
    listed: Vec<String>,
    count: usize,
}

impl<'a> Mismatches<'a> {
    fn add(&mut self, place: &'a Spanned<String>, text: impl FnOnce() -> String) {
        self.place = self.place.or(Some(place));
        self.count += 1;
        if self.count <= LISTED_MAX {
            self.listed.push(text());
        }
    }
}

/// Checks every row and total. What does not add up is named with its place, and no file is made of it.
pub(super) fn check(form: &SheetForm, header: &Header<'_>, lines: &[Line], tab: &str) -> Result<(), Problem> {
    let mut found = Mismatches::default();
    for line in lines.iter().filter(|line| line.kind != LineKind::Heading) {
        check_formulas(header, line, &mut found);
        check_parts(header, line, &mut found);
    }
    check_part_rows(form, header, lines, &mut found);
    check_totals(header, lines, &mut found);
    report(form, tab, found)
}

fn report(form: &SheetForm, tab: &str, mut found: Mismatches<'_>) -> Result<(), Problem> {
    let Some(place) = found.place else { return Ok(()) };
    if found.count > found.listed.len() {
        found.listed.push(format!("and {} more", found.count - found.listed.len()));
    }
    Err(yaml::problem(&form.path, place, format!("sheet `{tab}`: {}", found.listed.join("; ")))
        .hint("the figures of the view do not add up as the form says: mend the view or the form"))
}

fn check_formulas<'a>(header: &'a Header<'_>, line: &Line, found: &mut Mismatches<'a>) {
    for (column, leaf) in header.leaves.iter().enumerate() {
        let (Some(term), Some(formula)) = (&leaf.formula, &leaf.declared.formula) else { continue };
        let datum = &line.data[column];
        let format = leaf.declared.shape.format;
        let expected = match (outcome(header, &line.data, term), &datum.value) {
            (Outcome::Known(expected), Value::Null) if datum.standing == Standing::Given => {
                shown(expected.value, format)
            }
            (Outcome::Known(expected), _) => match figure(datum, format) {
                Some(given) if (given.value - expected.value).abs() > given.room(expected) => {
                    shown(expected.value, format)
                }
                _ => continue,
            },
            (Outcome::Undefined, value) if value.number().is_some() => "nothing".to_owned(),
            _ => continue,
        };
        found.add(&formula.text, || {
            format!(
                "{} should be {expected} by `{}` and is {}",
                cell_of(header, line, column),
                formula.text.value,
                given(datum, format)
            )
        });
    }
}

fn check_parts<'a>(header: &'a Header<'_>, line: &Line, found: &mut Mismatches<'a>) {
    for parts in &header.parts {
        let of = |column: usize| figure(&line.data[column], header.leaves[column].declared.shape.format);
        let Some(whole) = of(parts.whole) else { continue };
        for column in &parts.columns {
            let Some(part) = of(*column).filter(|part| part.value - whole.value > part.room(whole)) else { continue };
            let format = header.leaves[*column].declared.shape.format;
            found.add(&parts.declared.whole, || {
                format!(
                    "{} is {}, more than the {} it is a part of",
                    cell_of(header, line, *column),
                    shown(part.value, format),
                    shown(whole.value, header.leaves[parts.whole].declared.shape.format)
                )
            });
        }
        let known: Option<Vec<Figure>> = parts.columns.iter().map(|column| of(*column)).collect();
        let Some(known) = known.filter(|known| parts.declared.is_complete && !known.is_empty()) else { continue };
        let sum = Figure { value: known.iter().map(|f| f.value).sum(), slack: known.iter().map(|f| f.slack).sum() };
        if (sum.value - whole.value).abs() > sum.room(whole) {
            let format = header.leaves[parts.whole].declared.shape.format;
            found.add(&parts.declared.whole, || {
                format!(
                    "{} is {} and its parts are {} together",
                    cell_of(header, line, parts.whole),
                    shown(whole.value, format),
                    shown(sum.value, format)
                )
            });
        }
    }
}

/// Parts below a row do not exceed it in any additive column; where they are complete, they make it up.
fn check_part_rows<'a>(form: &'a SheetForm, header: &'a Header<'_>, lines: &[Line], found: &mut Mismatches<'a>) {
    let Some(declared) = &form.parts else { return };
    let place = declared.label.as_ref().unwrap_or(&form.dataset);
    let mut at = 0;
    while at < lines.len() {
        let whole = &lines[at];
        let parts: Vec<&Line> = lines[at + 1..].iter().take_while(|line| line.kind == LineKind::Part).collect();
        at += 1 + parts.len();
        if parts.is_empty() {
            continue;
        }
        for (column, leaf) in header.leaves.iter().enumerate().filter(|(_, leaf)| leaf.declared.additive) {
            let format = leaf.declared.shape.format;
            let Some(limit) = figure(&whole.data[column], format) else { continue };
            for part in &parts {
                let Some(figure) = figure(&part.data[column], format) else { continue };
                if figure.value - limit.value > figure.room(limit) {
                    found.add(place, || {
                        format!(
                            "{} is {}, more than the {} of row `{}`",
                            cell_of(header, part, column),
                            shown(figure.value, format),
                            shown(limit.value, format),
                            name_of(header, whole)
                        )
                    });
                }
            }
            let known: Option<Vec<Figure>> = parts.iter().map(|part| figure(&part.data[column], format)).collect();
            let Some(known) = known.filter(|_| declared.is_complete) else { continue };
            let sum = Figure { value: known.iter().map(|f| f.value).sum(), slack: known.iter().map(|f| f.slack).sum() };
            if (sum.value - limit.value).abs() > sum.room(limit) {
                found.add(place, || {
                    format!(
                        "{} is {} and its parts are {} together",
                        cell_of(header, whole, column),
                        shown(limit.value, format),
                        shown(sum.value, format)
                    )
                });
            }
        }
    }
}

/// A total that the data give is the sum of the rows in every additive column.
fn check_totals<'a>(header: &'a Header<'_>, lines: &[Line], found: &mut Mismatches<'a>) {
    let is_one = lines.iter().filter(|line| line.kind == LineKind::Total).count() == 1;
    let given =
        |line: &&Line| !line.is_computed && (line.kind == LineKind::Subtotal || line.kind == LineKind::Total && is_one);
    for line in lines.iter().filter(given) {
        for (column, leaf) in header.leaves.iter().enumerate().filter(|(_, leaf)| leaf.declared.additive) {
            let format = leaf.declared.shape.format;
            let body = lines[line.covered.clone()].iter().filter(|line| line.kind == LineKind::Body);
            let rows: Vec<Figure> = body.filter_map(|line| figure(&line.data[column], format)).collect();
            let Some(total) = figure(&line.data[column], format).filter(|_| !rows.is_empty()) else { continue };
            let sum = Figure { value: rows.iter().map(|f| f.value).sum(), slack: rows.iter().map(|f| f.slack).sum() };
            if (sum.value - total.value).abs() > sum.room(total) {
                found.add(leaf.place, || {
                    format!(
                        "{} is {} and its rows are {} together",
                        cell_of(header, line, column),
                        shown(total.value, format),
                        shown(sum.value, format)
                    )
                });
            }
        }
    }
}

/// Row and column of a cell as a reader of the sheet would name them.
fn cell_of(header: &Header<'_>, line: &Line, column: usize) -> String {
    format!("row `{}`, column `{}`", name_of(header, line), header.leaves[column].labels.join("/"))
}

fn shown(value: f64, format: Format) -> String {
    match format {
        Format::Percent(digits) => number::percent(value, usize::from(digits)) + "%",
        Format::Decimal(digits) => number::fixed(value, usize::from(digits)),
        _ => number::fixed(value, 0),
    }
}

fn given(datum: &Datum, format: Format) -> String {
    datum.value.number().map_or_else(|| "blank".to_owned(), |value| shown(value, format))
}
