//! Which columns of its datasets a report shows, and how: read from its forms and templates, before it is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::report::ViewMeta;
use crate::report::form::Kind;
use crate::report::manifest::{Content, Report};
use crate::report::number::Format;

/// How a column of a dataset is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    /// The format of its cells, the finest where there are several; `None` where a text decides.
    pub format: Option<Format>,
    /// Where a text shows it, with no cell of its own: the file as the report declares it.
    pub text: Option<String>,
}

/// By dataset and column. Row lists are no indicators and left out.
pub(super) fn shown(report: &Report, metas: &BTreeMap<String, ViewMeta>) -> BTreeMap<(String, String), Shown> {
    let mut found: BTreeMap<(String, String), Shown> = BTreeMap::new();
    for output in &report.outputs {
        match &output.content {
            Content::Form(form) => {
                for sheet in form.sheets.iter().filter(|sheet| sheet.kind == Kind::Table) {
                    for column in sheet.columns() {
                        let Some(bound) = column.bound() else { continue };
                        let format = Some(column.shape.format);
                        let place = (sheet.dataset.value.clone(), bound.value.clone());
                        let shown = found.entry(place).or_insert(Shown { format, text: None });
                        if quantum(format) < quantum(shown.format) {
                            shown.format = format;
                        }
                    }
                }
            }
            Content::Summary { source, .. } => {
                let words: BTreeSet<&str> = words(source).collect();
                for (dataset, meta) in metas.iter().filter(|(dataset, _)| words.contains(dataset.as_str())) {
                    for column in meta.columns.iter().filter(|column| words.contains(column.name.as_str())) {
                        let place = (dataset.clone(), column.name.clone());
                        let shown = found.entry(place).or_insert(Shown { format: None, text: None });
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
