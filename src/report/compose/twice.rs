//! Nothing is added twice: rows and columns that are totals themselves are found before they are summed.

use super::header::Header;
use super::lines::{Line, LineKind, name_of};
use crate::report::Problem;
use crate::report::dataset::{Dataset, Value};
use crate::report::form::{Content, SheetForm, Time};
use crate::report::yaml;

/// Columns by which the views say what their rows stand for.
const LEVEL_COLUMNS: [&str; 2] = ["place_level", "row_level"];
/// What totals are called.
const TOTAL_WORDS: [&str; 3] = ["合计", "总计", "小计"];
const WHOLE_WORDS: [&str; 4] = ["全区", "全市", "总数", "总体"];
/// Decimal digits in which a row must agree with the sum of the others before that is no chance.
const EVIDENCE_MIN: f64 = 4.0;
const OTHERS_MIN: usize = 3;

/// Refuses sums over what holds sums already. Totals that the data give are not looked at: they are not added.
pub(super) fn refuse(form: &SheetForm, header: &Header<'_>, data: &Dataset, lines: &[Line]) -> Result<(), Problem> {
    refuse_columns(form, header)?;
    if !lines.iter().any(|line| line.is_computed) {
        return Ok(());
    }
    let body: Vec<&Line> = lines.iter().filter(|line| line.kind == LineKind::Body).collect();
    let problem = |message: String| {
        let computed = form.totals.iter().chain(form.subtotals.iter().map(|subtotal| &subtotal.totals));
        let place = computed.filter(|totals| totals.rows.is_none()).map(|totals| &totals.label).next();
        yaml::problem(&form.path, place.unwrap_or(&form.dataset), message).hint(
            "choose the rows of the body with `rows`, or take the total from the dataset with `rows` of the total",
        )
    };
    for column in LEVEL_COLUMNS {
        let levels = levels(data, &body, column);
        if let [one, other, ..] = levels.as_slice() {
            return Err(problem(format!(
                "rows with `{column}` {one} and {other} would be added together, and one level holds the other"
            )));
        }
    }
    for line in &body {
        if texts(header, line).iter().any(|text| is_total_word(text)) {
            return Err(problem(format!("row `{}` is a total itself and would be added again", name_of(header, line))));
        }
    }
    match sum_of_the_others(header, &body) {
        Some(line) => Err(problem(format!(
            "row `{}` is the sum of the others in every column and would be added again",
            name_of(header, line)
        ))),
        None => Ok(()),
    }
}

fn levels(data: &Dataset, body: &[&Line], column: &str) -> Vec<String> {
    let Some(place) = data.column(column) else { return Vec::new() };
    let mut levels: Vec<String> = Vec::new();
    for line in body {
        let row = line.data.iter().find_map(|datum| datum.source).and_then(|(row, _)| usize::try_from(row).ok());
        if let Some(level) = row.and_then(|row| data.value(row, place).plain()).filter(|level| !levels.contains(level))
        {
            levels.push(level);
        }
    }
    levels
}

fn texts(header: &Header<'_>, line: &Line) -> Vec<String> {
    let leading = line.data.iter().take(header.leading());
    leading.filter_map(|datum| if let Value::Text(text) = &datum.value { Some(text.clone()) } else { None }).collect()
}

fn is_total_word(text: &str) -> bool {
    let bare: String = text.chars().filter(|sign| !sign.is_whitespace()).collect();
    TOTAL_WORDS.iter().any(|word| bare.ends_with(word)) || WHOLE_WORDS.contains(&bare.as_str())
}

/// A row that is the sum of all others, or half or a third of it where they are of several levels themselves.
fn sum_of_the_others<'a>(header: &Header<'_>, body: &[&'a Line]) -> Option<&'a Line> {
    let additive: Vec<usize> = (0..header.leaves.len()).filter(|at| header.leaves[*at].declared.additive).collect();
    let value = |line: &Line, column: usize| line.data[column].value.number().unwrap_or(0.0);
    let sums: Vec<f64> = additive.iter().map(|column| body.iter().map(|line| value(line, *column)).sum()).collect();
    let full = |line: &&&Line| additive.iter().any(|column| value(line, *column) != 0.0);
    if body.iter().filter(full).count() <= OTHERS_MIN {
        return None;
    }
    body.iter().copied().find(|line| {
        (1..=3).any(|levels| {
            let pairs = additive.iter().zip(&sums).map(|(column, sum)| (value(line, *column), *sum));
            let agrees = pairs.clone().all(|(own, sum)| {
                let others = sum - own;
                (others - own * f64::from(levels)).abs() <= 1e-9 * others.abs().max(1.0)
            });
            agrees && pairs.map(|(own, _)| own.abs().max(1.0).log10()).sum::<f64>() >= EVIDENCE_MIN
        })
    })
}

/// Columns summed across: none is a total itself, and what there was on several days is not added up.
fn refuse_columns(form: &SheetForm, header: &Header<'_>) -> Result<(), Problem> {
    for leaf in header.leaves.iter().filter(|leaf| matches!(leaf.declared.content, Content::Sum(_))) {
        for column in &leaf.summed {
            let summed = &header.leaves[*column];
            if let Some(label) = summed.labels.iter().find(|label| is_total_word(label)) {
                return Err(yaml::problem(
                    &form.path,
                    leaf.place,
                    format!("column `{label}` is a total itself and would be added again"),
                )
                .hint("leave the value out with `rows: {…: {not: …}}` beside `by`"));
            }
            if summed.is_over_time && form.identity.time == Some(Time::AsOf) {
                return Err(yaml::problem(
                    &form.path,
                    leaf.place,
                    "what there was on several days is not added up: the form says `time: as_of`",
                )
                .hint("sum only what happened in a period, or show the last day"));
            }
        }
    }
    Ok(())
}
