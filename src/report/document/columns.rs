//! Widths of a table's columns from what is in them, for formats that have pages: numbers, dates and record keys are never
//! broken, names only where the smallest size does not help.

use super::page::{SIZE_FIVE, SIZE_SMALL_FIVE, TYPE_WIDTH, width};
use super::{Table, TableCell, plain};

/// Left and right of a cell's text, in points.
pub(in crate::report) const PADDING: f64 = 2.85;
/// Against what rounding takes.
const SPARE: f64 = 0.3;
/// Sizes tried in turn, in points, and what each must hold without a break.
const TRIED: [(f64, Whole); 5] = [
    (SIZE_FIVE, Whole::Names),
    (SIZE_SMALL_FIVE, Whole::Names),
    (SIZE_FIVE, Whole::Words),
    (SIZE_SMALL_FIVE, Whole::Words),
    (7.5, Whole::Words),
];
/// What a cell asks for at most, in characters, before it is broken into lines.
const NATURAL_MAX: f64 = 24.0;
/// Texts up to so many characters are names: of a unit, a street, a kind.
const NAME_MAX: f64 = 10.0;
/// A head breaks more readily than what is below it, but not into single characters.
const HEAD_MIN: f64 = 3.0;
/// A table fills the page unless its columns would lie too far apart.
const STRETCH_MAX: f64 = 2.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Names,
    Words,
}

/// A table as it fits the type area.
pub(in crate::report) struct Fitted {
    /// Of the text, in points.
    pub size: f64,
    /// Of each column with its padding, in points.
    pub widths: Vec<f64>,
}

/// The largest size at which every column holds what is not to be broken, and what each column asks for where there is
/// room; the rest is shared out by what is asked.
pub(in crate::report) fn fitted(table: &Table) -> Fitted {
    let columns = table.columns.len();
    let widest = |of: &dyn Fn(&TableCell, bool) -> f64, least: f64| {
        let mut widths = vec![least; columns];
        let cells = |rows: &'_ [Vec<TableCell>], is_head: bool, widths: &mut Vec<f64>| {
            for cell in rows.iter().flatten().filter(|cell| cell.columns == 1) {
                if let Some(width) = widths.get_mut(cell.column) {
                    *width = width.max(of(cell, is_head));
                }
            }
        };
        cells(&table.head, true, &mut widths);
        cells(&table.body, false, &mut widths);
        widths
    };
    let natural = widest(&|cell, _| longest_line(&plain(&cell.text)).min(NATURAL_MAX), 2.0);
    let asked =
        |ems: &[f64], size: f64| -> Vec<f64> { ems.iter().map(|ems| ems * size + 2.0 * PADDING + SPARE).collect() };
    let tried = TRIED.map(|(size, whole)| {
        let least = widest(&|cell, is_head| unbroken(&plain(&cell.text), is_head, whole), 1.0);
        (size, asked(&least, size))
    });
    let [.., smallest] = &tried;
    let (size, least) =
        tried.iter().find(|(_, least)| least.iter().sum::<f64>() <= TYPE_WIDTH).unwrap_or(smallest).clone();
    let natural = asked(&natural, size);
    let (least_sum, natural_sum) = (least.iter().sum::<f64>(), natural.iter().sum::<f64>());
    let widths = if natural_sum <= TYPE_WIDTH {
        let stretch = (TYPE_WIDTH / natural_sum).min(STRETCH_MAX);
        natural.iter().map(|natural| natural * stretch).collect()
    } else if least_sum < TYPE_WIDTH {
        let share = (TYPE_WIDTH - least_sum) / (natural_sum - least_sum);
        least.iter().zip(&natural).map(|(least, natural)| least + (natural - least) * share).collect()
    } else {
        least.iter().map(|least| least * TYPE_WIDTH / least_sum).collect()
    };
    Fitted { size, widths }
}

fn longest_line(text: &str) -> f64 {
    text.split('\n').map(wide).fold(0.0, f64::max)
}

/// How many characters wide a text may come out: substitutes of the office's fonts have figures of up to two thirds of one.
fn wide(text: &str) -> f64 {
    width(text) + 0.15 * text.chars().filter(char::is_ascii_graphic).count() as f64
}

/// The width that a cell's text cannot do without.
fn unbroken(text: &str, is_head: bool, whole: Whole) -> f64 {
    let line = longest_line(text);
    let word = longest_word(text).min(NATURAL_MAX / 2.0);
    match whole {
        _ if is_head => word.max(line.min(HEAD_MIN)),
        _ if is_number(text) && line <= NAME_MAX => line,
        Whole::Names if line <= NAME_MAX => line,
        Whole::Names | Whole::Words => word,
    }
}

/// Whether a text is a number with its unit, a date or a key.
fn is_number(text: &str) -> bool {
    text.chars().any(|sign| sign.is_ascii_digit())
        && text.chars().all(|sign| sign.is_ascii_graphic() || "年月日时分件次人户个天％".contains(sign))
}

/// Width of the longest stretch that no line break may split; every Chinese character is one.
fn longest_word(text: &str) -> f64 {
    let (mut longest, mut word) = (0.0_f64, 0.0);
    for sign in text.chars() {
        let width = wide(sign.encode_utf8(&mut [0; 4]));
        word = if sign.is_ascii_graphic() { word + width } else { 0.0 };
        longest = longest.max(word).max(width);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::Run;

    fn table(head: &[&str], row: &[&str]) -> Table {
        let cells = |texts: &[&str]| {
            let cell = |(column, text): (usize, &&str)| TableCell {
                text: vec![Run { text: (*text).to_owned(), ..Run::default() }],
                column,
                columns: 1,
                rows: 1,
            };
            vec![texts.iter().enumerate().map(cell).collect()]
        };
        Table {
            caption: String::new(),
            columns: vec![Default::default(); head.len()],
            head: cells(head),
            body: cells(row),
        }
    }

    #[test]
    fn names_and_dates_stay_whole_and_heads_break_first() {
        let head = ["哨件编号", "哨级", "问题类别", "单位", "办结期限", "办理情况", "超期（天）"];
        let row = ["W000009475", "日常哨", "物业纠纷", "芙蓉北路街道办事处", "2024年6月21日", "超期未办结", "20"];
        let fitted = fitted(&table(&head, &row));
        assert!((fitted.size - SIZE_FIVE).abs() < 1e-9 && fitted.widths.iter().sum::<f64>() <= TYPE_WIDTH + 1e-6);
        for (text, width) in row.iter().zip(&fitted.widths) {
            assert!(wide(text) * fitted.size + 2.0 * PADDING <= *width, "{text} in {width}");
        }
    }

    #[test]
    fn a_long_text_takes_the_room_that_short_ones_leave() {
        let fitted = fitted(&table(&["序号", "说明"], &["1", &"长".repeat(60)]));
        assert!(fitted.widths[1] > 9.0 * fitted.widths[0] && fitted.widths.iter().sum::<f64>() <= TYPE_WIDTH + 1e-6);
        let many: Vec<&str> = vec!["芙蓉北路街道办事处"; 20];
        let narrow = super::fitted(&table(&many, &many));
        assert!(narrow.widths.iter().all(|width| *width >= narrow.size), "a character fits");
    }
}
