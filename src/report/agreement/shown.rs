//! Which columns of its datasets a report shows, and how: read from its forms and templates, before it is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::ViewMeta;
use crate::report::form::{Content as ColumnContent, Kind};
use crate::report::manifest::{Content, Report};
use crate::report::number::{Format, fixed, percent};

/// How a column of a dataset is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shown {
    /// The format of its cells, the finest where there are several; `None` where a text decides.
    pub format: Option<Format>,
    /// Where a text shows it, with no cell of its own: the file as the report declares it.
    pub text: Option<String>,
    /// A form adds it up, or computes it from what it adds up.
    pub is_added: bool,
}

/// By dataset and column. Row lists are no indicators and left out.
pub(super) fn shown(report: &Report, metas: &BTreeMap<String, ViewMeta>) -> BTreeMap<(String, String), Shown> {
    let mut found: BTreeMap<(String, String), Shown> = BTreeMap::new();
    for output in &report.outputs {
        match &output.content {
            Content::Form(form) => {
                for sheet in form.sheets.iter().filter(|sheet| sheet.kind == Kind::Table) {
                    let place = |column: &str| (sheet.dataset.value.clone(), column.to_owned());
                    let mut totals = sheet.totals.iter().chain(sheet.subtotals.iter().map(|subtotal| &subtotal.totals));
                    let has_sums = totals.any(|totals| totals.rows.is_none());
                    for column in sheet.columns() {
                        if let ColumnContent::Sum(summed) = &column.content {
                            found.entry(place(&summed.value)).or_default().is_added = true;
                        }
                        let Some(bound) = column.bound() else { continue };
                        let format = Some(column.shape.format);
                        let shown = found.entry(place(&bound.value)).or_default();
                        if shown.format.is_none() || quantum(format) < quantum(shown.format) {
                            shown.format = format;
                        }
                        shown.is_added |= has_sums && (column.additive || column.formula.is_some());
                    }
                }
            }
            Content::Summary { source, .. } => {
                let words: BTreeSet<&str> = words(source).collect();
                for (dataset, meta) in metas.iter().filter(|(dataset, _)| words.contains(dataset.as_str())) {
                    for column in meta.columns.iter().filter(|column| words.contains(column.name.as_str())) {
                        let shown = found.entry((dataset.clone(), column.name.clone())).or_default();
                        shown.text.get_or_insert_with(|| output.file.value.clone());
                    }
                }
            }
        }
    }
    found
}

/// What a template mentions, and more: every word in it.
fn words(source: &str) -> impl Iterator<Item = &str> {
    source.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').filter(|word| !word.is_empty())
}

/// The smallest difference that a format shows; 0 where every digit is.
pub(super) fn quantum(format: Option<Format>) -> f64 {
    match format {
        Some(Format::Integer) => 1.0,
        Some(Format::Decimal(digits)) => 0.1_f64.powi(i32::from(digits)),
        Some(Format::Percent(digits)) => 0.1_f64.powi(i32::from(digits) + 2),
        Some(Format::Wan(digits)) => 0.1_f64.powi(i32::from(digits) - 4),
        _ => 0.0,
    }
}

/// A number as a format shows it, where that is a format of numbers.
pub(super) fn printed(number: f64, format: Format) -> Option<String> {
    Some(match format {
        Format::Integer => fixed(number, 0),
        Format::Decimal(digits) => fixed(number, usize::from(digits)),
        Format::Percent(digits) => percent(number, usize::from(digits)) + "%",
        Format::Wan(digits) => fixed(number / 10_000.0, usize::from(digits)) + "万",
        _ => return None,
    })
}

/// The digits in which words such as 同比下降3.2% show a number; `None` where they do not.
pub(super) fn format_in(words: &str, number: f64) -> Option<Format> {
    let is_digit = |sign: char| sign.is_ascii_digit() || sign == '.';
    let mut rest = words;
    while let Some(start) = rest.find(|sign: char| sign.is_ascii_digit()) {
        let from = &rest[start..];
        let end = from.find(|sign: char| !is_digit(sign)).unwrap_or(from.len());
        let written = from[..end].trim_end_matches('.');
        rest = &from[written.len()..];
        let digits = u8::try_from(written.split_once('.').map_or(0, |(_, fraction)| fraction.len())).unwrap_or(u8::MAX);
        let plain = if digits == 0 { Format::Integer } else { Format::Decimal(digits) };
        let (percent, wan) = (Format::Percent(digits), Format::Wan(digits));
        // A unit that does not follow may stand in the head of a table.
        let formats = match rest.chars().next() {
            Some('%') => [percent, plain, wan],
            Some('万') => [wan, plain, percent],
            _ => [plain, percent, wan],
        };
        let shows = |format: &Format| {
            printed(number.abs(), *format).is_some_and(|shown| shown.trim_end_matches(['%', '万']) == written)
        };
        let found = formats.into_iter().find(shows);
        if found.is_some() {
            return found;
        }
    }
    None
}
