//! Formulas the spreadsheet calculates itself: sums of total rows and formulas between columns.
//!
//! Our value stands beside each and is what the formula gives. Where it would not be, the cell keeps the value alone: a
//! total of rounded figures may differ from the rounded total in its last digit, and people counted once in a total may
//! be counted in several of its rows.

use std::ops::Range;

use super::header::columns_in;
use super::lines::{Line, LineKind};
use super::{Composer, narrow};
use crate::report::form::{Operator, Term};
use crate::report::layout::{CellValue, name_of};
use crate::report::number::{Format, rounded};

/// What the file format takes in one formula, and as arguments of one function.
const FORMULA_LENGTH_MAX: usize = 8_000;
const ARGUMENTS_MAX: usize = 250;

/// Where the lines stand and what their cells hold.
struct Grid<'a> {
    lines: &'a [Line],
    first_row: u32,
    /// Lines of a block, and columns.
    height: usize,
    width: usize,
    /// Values by line and column.
    values: Vec<Vec<CellValue>>,
}

impl Composer<'_> {
    /// Lines stand from `first_row` on.
    pub(super) fn make_live(&mut self, lines: &[Line], first_row: u32) {
        let width = self.header.leaves.len();
        let height = lines.len().div_ceil(self.blocks()).max(1);
        let mut grid = Grid { lines, first_row, height, width, values: Vec::with_capacity(lines.len()) };
        for at in 0..lines.len() {
            let (row, offset) = grid.place(at);
            let found = self.position(row).map(|at| &self.layout.rows[at]);
            let cells = found.map(|row| &row.cells[offset..offset + width]).unwrap_or_default();
            grid.values.push(cells.iter().map(|cell| cell.value.clone()).collect());
        }
        for at in 0..lines.len() {
            for column in 0..width {
                let Some(formula) = self.formula_of(&grid, at, column) else { continue };
                let (row, offset) = grid.place(at);
                let found = self.position(row).map(|at| &mut self.layout.rows[at]);
                if let Some(cell) = found.and_then(|row| row.cells.get_mut(offset + column)) {
                    cell.formula = Some(formula);
                }
            }
        }
    }

    /// Where a row of the sheet stands among those laid out, which come in order.
    fn position(&self, row: u32) -> Option<usize> {
        self.layout.rows.binary_search_by_key(&row, |other| other.index).ok()
    }

    /// The formula of a cell that gives just the value it holds.
    fn formula_of(&self, grid: &Grid<'_>, at: usize, column: usize) -> Option<String> {
        let leaf = &self.header.leaves[column];
        let line = &grid.lines[at];
        let format = in_cell(leaf.declared.shape.format);
        if line.kind == LineKind::Heading || !leaf.is_quantity() {
            return None;
        }
        let formula = match &leaf.formula {
            Some(term) => self.term(grid, at, column, term)?,
            None if line.kind.is_total() && leaf.declared.additive => {
                let rows = line.covered.clone().filter(|at| grid.lines[*at].kind == LineKind::Body);
                let ranges = grid.ranges(rows.map(|at| (at, column)));
                sum(grid.value(at, column)?, &ranges, grid, format)?
            }
            None if !leaf.summed.is_empty() => {
                let ranges = grid.ranges(leaf.summed.iter().map(|summed| (at, *summed)));
                sum(grid.value(at, column)?, &ranges, grid, format)?
            }
            None => return None,
        };
        Some(formula).filter(|formula| formula.len() <= FORMULA_LENGTH_MAX)
    }

    fn term(&self, grid: &Grid<'_>, at: usize, column: usize, term: &Term<usize>) -> Option<String> {
        let shape = &self.header.leaves[column].declared.shape;
        let needed = columns_in(term);
        if needed.contains(&column) || !needed.iter().all(|needed| grid.value(at, *needed).is_some()) {
            return None;
        }
        let format = in_cell(shape.format);
        let text = rounding(&grid.text(at, term, 0), format, self.is_whole(term));
        let divisor = divisors(term);
        let text = match divisor.as_slice() {
            [] => text,
            divisors => {
                let zero = divisors.iter().map(|divisor| format!("{}=0", grid.text(at, divisor, 2)));
                let zero = zero.collect::<Vec<_>>();
                let test = if let [one] = zero.as_slice() { one.clone() } else { format!("OR({})", zero.join(",")) };
                format!("IF({test},\"{}\",{text})", shape.empty.replace('"', "\"\""))
            }
        };
        let is_equal = match (grid.result(at, term), &grid.values[at][column]) {
            (Some(result), CellValue::Number(own)) => rounded(result, format) == *own,
            (None, CellValue::Text(own)) => *own == shape.empty,
            _ => false,
        };
        is_equal.then_some(text)
    }
}

impl Composer<'_> {
    /// Whether the formula gives whole numbers, so that nothing is left to round.
    fn is_whole(&self, term: &Term<usize>) -> bool {
        match term {
            Term::Number(number) => number.fract() == 0.0,
            Term::Column(column) => self.header.leaves[*column].declared.shape.format == Format::Integer,
            Term::Pair(Operator::Divide, ..) => false,
            Term::Pair(_, left, right) => self.is_whole(left) && self.is_whole(right),
        }
    }
}

impl Grid<'_> {
    /// Row of the sheet, and first column of the block.
    fn place(&self, at: usize) -> (u32, usize) {
        let row = self.first_row + u32::try_from(at % self.height).unwrap_or(u32::MAX);
        (row, at / self.height * self.width)
    }

    fn value(&self, at: usize, column: usize) -> Option<f64> {
        match self.values.get(at)?.get(column)? {
            CellValue::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn name(&self, at: usize, column: usize) -> String {
        let (row, offset) = self.place(at);
        name_of(row, narrow(offset + column))
    }

    /// Cells as ranges of neighbours, down a column or along a row; each a line, a column, and how many of either.
    fn ranges(&self, cells: impl Iterator<Item = (usize, usize)>) -> Vec<(Range<usize>, Range<usize>)> {
        let mut ranges: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        for (at, column) in cells {
            let goes_on = ranges.last_mut().filter(|(rows, columns)| {
                let below = rows.end == at && *columns == (column..column + 1) && at % self.height != 0;
                let beside = columns.end == column && *rows == (at..at + 1);
                below || beside
            });
            match goes_on {
                Some((rows, columns)) => (rows.end, columns.end) = (at + 1, column + 1),
                None => ranges.push((at..at + 1, column..column + 1)),
            }
        }
        ranges
    }

    /// What the spreadsheet makes of it; nothing for a division by nothing.
    fn result(&self, at: usize, term: &Term<usize>) -> Option<f64> {
        Some(match term {
            Term::Number(number) => *number,
            Term::Column(column) => self.value(at, *column)?,
            Term::Pair(operator, left, right) => {
                let (left, right) = (self.result(at, left)?, self.result(at, right)?);
                match operator {
                    Operator::Add => left + right,
                    Operator::Subtract => left - right,
                    Operator::Multiply => left * right,
                    Operator::Divide if right == 0.0 => return None,
                    Operator::Divide => left / right,
                }
            }
        })
    }

    /// `outer` says how tightly what stands around it binds.
    fn text(&self, at: usize, term: &Term<usize>, outer: u8) -> String {
        match term {
            Term::Number(number) => number.to_string(),
            Term::Column(column) => self.name(at, *column),
            Term::Pair(operator, left, right) => {
                let (sign, own) = match operator {
                    Operator::Add => ('+', 0),
                    Operator::Subtract => ('-', 0),
                    Operator::Multiply => ('*', 2),
                    Operator::Divide => ('/', 2),
                };
                // What stands to the right of - and / binds tighter than they do.
                let text = format!("{}{sign}{}", self.text(at, left, own), self.text(at, right, own + 1));
                if own < outer { format!("({text})") } else { text }
            }
        }
    }
}

/// The sum of some ranges, where it is `own`.
fn sum(own: f64, ranges: &[(Range<usize>, Range<usize>)], grid: &Grid<'_>, format: Format) -> Option<String> {
    let mut whole = 0.0;
    for (rows, columns) in ranges {
        for value in rows.clone().flat_map(|at| columns.clone().map(move |column| &grid.values[at][column])) {
            match value {
                CellValue::Number(number) => whole += number,
                CellValue::Suppressed => return None,
                // A spreadsheet adds up numbers only.
                _ => {}
            }
        }
    }
    let mut names: Vec<String> = ranges
        .iter()
        .map(|(rows, columns)| {
            let (first, last) = (grid.name(rows.start, columns.start), grid.name(rows.end - 1, columns.end - 1));
            if first == last { first } else { format!("{first}:{last}") }
        })
        .collect();
    while names.len() > ARGUMENTS_MAX {
        names = names.chunks(ARGUMENTS_MAX).map(|names| format!("SUM({})", names.join(","))).collect();
    }
    let text = rounding(&format!("SUM({})", names.join(",")), format, true);
    (rounded(whole, format) == own && !names.is_empty()).then_some(text)
}

/// How the number in a cell is rounded, which is in ten thousands already where it is shown in these.
fn in_cell(format: Format) -> Format {
    if let Format::Wan(digits) = format { Format::Decimal(digits) } else { format }
}

/// Rounded as the cell is; whole numbers need it not.
fn rounding(text: &str, format: Format, is_whole: bool) -> String {
    match format {
        Format::Percent(digits) => format!("ROUND({text},{})", digits + 2),
        Format::Decimal(digits) => format!("ROUND({text},{digits})"),
        _ if is_whole => text.to_owned(),
        _ => format!("ROUND({text},0)"),
    }
}

fn divisors(term: &Term<usize>) -> Vec<&Term<usize>> {
    match term {
        Term::Pair(operator, left, right) => {
            let own = (*operator == Operator::Divide).then_some(&**right);
            // The innermost come first.
            divisors(left).into_iter().chain(divisors(right)).chain(own).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
    use arrow::record_batch::RecordBatch;

    use crate::report::compose::table;
    use crate::report::dataset::Dataset;
    use crate::report::form::parse_for_test;
    use crate::report::wording::Names;

    const FORM: &str = "
title: 表
dataset: rows
totals: {label: 合计, at: top}
subtotals: [{by: street, label: 小计}]
formulas: true
columns:
  - {label: 街道, column: street, merge: true}
  - {label: 社区, column: place}
  - {label: 应办, column: due, format: integer, additive: true}
  - {label: 已办, column: closed, format: integer, additive: true}
  - {label: 办结率, column: rate, format: percent 2, formula: closed / due}
  - {label: 未办, column: open, format: integer, additive: true, formula: due - closed}
  - {label: 面积, column: area, format: decimal 1, additive: true}
";

    fn data() -> Dataset {
        let text = |values: [&str; 4]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
        let whole = |values: [Option<i64>; 4]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
        let number = |values: [Option<f64>; 4]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
        let columns = [
            ("street", text(["甲街", "甲街", "乙街", "乙街"])),
            ("place", text(["一", "二", "三", "四"])),
            ("due", whole([Some(20_000), Some(3), Some(0), Some(7)])),
            ("closed", whole([Some(19_717), Some(1), Some(0), Some(7)])),
            ("rate", number([Some(0.98585), Some(1.0 / 3.0), None, Some(1.0)])),
            ("open", whole([Some(283), Some(2), Some(0), Some(0)])),
            // 0.25 + 0.25 is 0.5, and 0.3 + 0.3 is 0.6; the sum of the others is the same either way.
            ("area", number([Some(0.25), Some(0.25), Some(1.1), Some(2.2)])),
        ];
        Dataset::new(&[RecordBatch::try_from_iter(columns).unwrap()]).unwrap()
    }

    fn shown(form: &str, data: &Dataset) -> Vec<String> {
        let (form, problems) = parse_for_test(form);
        assert_eq!(problems, []);
        let sheets = table(&form.unwrap().sheets[0], data, &data.all_rows(), &Names::default()).unwrap();
        sheets[0]
            .to_string()
            .lines()
            .filter(|line| line.contains('%') || line.contains("] "))
            .map(str::to_owned)
            .collect()
    }

    #[track_caller]
    fn has(lines: &[String], expected: &str) {
        assert!(lines.iter().any(|line| line.contains(expected)), "{expected} in\n{}", lines.join("\n"));
    }

    #[test]
    fn sums_count_each_body_row_once_and_rates_are_made_of_sums() {
        let lines = shown(FORM, &data());
        // Row 3 is the total, 4 and 5 the rows of 甲街 with their subtotal in 6, 7 and 8 those of 乙街 with 9.
        has(&lines, "C3 [total integer right] 20010 =SUM(C4:C5,C7:C8)");
        has(&lines, "C6 [total integer right] 20003 =SUM(C4:C5)");
        has(&lines, "C9 [total integer right] 7 =SUM(C7:C8)");
        has(&lines, "E4 [body percent 2 right] 0.9859 =IF(C4=0,\"—\",ROUND(D4/C4,4))");
        has(&lines, "E7 [body percent 2 right] \"—\" =IF(C7=0,\"—\",ROUND(D7/C7,4))");
        has(&lines, "E3 [total percent 2 right] 0.9858 =IF(C3=0,\"—\",ROUND(D3/C3,4))");
        has(&lines, "F4 [body integer right] 283 =C4-D4");
        has(&lines, "F3 [total integer right] 285 =C3-D3");
    }

    #[test]
    fn a_value_that_no_formula_gives_stays_alone() {
        let lines = shown(FORM, &data());
        has(&lines, "G9 [total decimal 1 right] 3.3 =ROUND(SUM(G7:G8),1)");
        // The cells show 0.3 and 0.3, their sum is 0.5.
        assert!(lines.iter().any(|line| line.ends_with("G6 [total decimal 1 right] 0.5")), "{}", lines.join("\n"));
        let mut hidden = data();
        let closed = hidden.column("closed").unwrap();
        hidden.suppress(&[(0, closed)].into()).unwrap();
        let lines = shown(FORM, &hidden);
        has(&lines, "D4 [body integer right] *");
        has(&lines, "D3 [total integer right] *");
        has(&lines, "D9 [total integer right] 7 =SUM(D7:D8)");
        assert!(!lines.iter().any(|line| line.contains("D4") && line.contains('=')), "{}", lines.join("\n"));
        let plain = shown(&FORM.replace("formulas: true", "formulas: false"), &data());
        assert!(!plain.iter().any(|line| line.contains('=')), "{}", plain.join("\n"));
    }
}
