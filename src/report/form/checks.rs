//! What can be wrong with a sheet as a whole, known once all of it is read.

use std::path::Path;

use super::{Kind, SheetForm};
use crate::report::Problem;
use crate::report::layout::SHEET_COLUMNS_MAX;
use crate::report::yaml;

pub(super) fn check_sheet(path: &Path, sheet: &SheetForm, problems: &mut Vec<Problem>) {
    if sheet.kind == Kind::Ledger {
        let unfit = [
            (sheet.columns.iter().any(|column| column.merge), "merged cells"),
            (sheet.by.is_some(), "a sheet per member"),
            (!sheet.charts.is_empty(), "charts"),
            (!sheet.rows.is_empty(), "a choice of rows"),
        ];
        for (_, what) in unfit.into_iter().filter(|(present, _)| *present) {
            problems.push(
                Problem::new(path, format!("a ledger has no {what}"))
                    .hint("make it `kind: table`, or choose rows in the dataset's `where`"),
            );
        }
    }
    for name in sheet.charts.iter().flat_map(|chart| std::iter::once(&chart.categories).chain(&chart.series)) {
        if sheet.column_bound_to(&name.value).is_none() {
            problems.push(yaml::problem(
                path,
                name,
                format!("the chart shows `{}`, which is no column of the form", name.value),
            ));
        }
    }
    let widths: f64 = sheet.columns.iter().map(|column| column.width).sum();
    if sheet.columns.is_empty()
        || sheet.columns.len() > SHEET_COLUMNS_MAX
        || !widths.is_finite()
        || sheet.columns.iter().any(|column| !(1.0..=255.0).contains(&column.width))
    {
        problems.push(Problem::new(path, "a form needs columns, each 1 to 255 wide"));
    }
}
