//! What is wrong with a report, as far as it can be told without making it.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use super::form::{Form, InputForm, SheetForm, fits};
use super::manifest::{Content, Output, Report, Split, column_hint, listed};
use super::wording::STANDING_NAMES;
use super::{ColumnMeta, Figures, Problem, ViewMeta, mentions, yaml};

/// Whether every view and column the report mentions exists, in its templates as well, and whether its forms may still
/// be asked for on the date the figures speak for. `fields` are the columns of each view that could be planned: one need
/// not be described to be used.
pub fn check(
    report: &Report,
    figures: &dyn Figures,
    fields: &BTreeMap<String, Vec<String>>,
    as_of: NaiveDate,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut metas: BTreeMap<&str, ViewMeta> = BTreeMap::new();
    for (name, spec) in &report.datasets {
        let Some(mut meta) = figures.labels(&spec.view.value) else {
            problems.push(yaml::problem(&report.path, &spec.view, format!("no view `{}`", spec.view.value)));
            continue;
        };
        if let Some(fields) = fields.get(&spec.view.value) {
            let described = std::mem::take(&mut meta.columns);
            let column = |name: &String| described.iter().find(|known| known.name == *name).cloned();
            let named = |name: &String| ColumnMeta { name: name.clone(), ..ColumnMeta::default() };
            meta.columns = fields.iter().map(|name| column(name).unwrap_or_else(|| named(name))).collect();
        }
        let orders = spec.order_by.iter().map(|order| order.column.as_str());
        let named = spec
            .columns
            .iter()
            .map(|column| column.value.as_str())
            .chain(orders)
            .chain(spec.conditions.iter().map(|(column, _)| column.as_str()));
        for column in named.filter(|column| !has(&meta, column)) {
            problems.push(
                yaml::problem(&report.path, &spec.view, format!("view `{}` has no column `{column}`", spec.view.value))
                    .hint(hint(column, &meta)),
            );
        }
        metas.insert(name, meta);
    }
    let code_lists = figures.code_lists();
    for output in &report.outputs {
        let form = match &output.content {
            Content::Form(form) => form,
            Content::Summary { path, source, .. } => {
                problems.extend(check_summary(report, output, path, source, &metas));
                continue;
            }
        };
        problems.extend(check_registrations(form, as_of));
        for sheet in &form.sheets {
            problems.extend(check_inputs(sheet, &code_lists));
            let Some(meta) = metas.get(sheet.dataset.value.as_str()) else { continue };
            for column in sheet.bound_columns().into_iter().filter(|column| !has(meta, &column.value)) {
                problems.push(
                    yaml::problem(
                        &form.path,
                        column,
                        format!("dataset `{}` has no column `{}`", sheet.dataset.value, column.value),
                    )
                    .hint(hint(&column.value, meta)),
                );
            }
            for column in sheet.condition_columns().into_iter().filter(|column| !has(meta, column)) {
                problems.push(
                    yaml::problem(
                        &form.path,
                        &sheet.dataset,
                        format!("dataset `{}` has no column `{column}`", sheet.dataset.value),
                    )
                    .hint(hint(column, meta)),
                );
            }
        }
    }
    problems
}

/// Several sheets may show one registration, which is looked at once.
fn check_registrations(form: &Form, as_of: NaiveDate) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut add = |problem: Problem| {
        let warning = problem.warning();
        if !problems.contains(&warning) {
            problems.push(warning);
        }
    };
    for registration in form.sheets.iter().filter_map(|sheet| sheet.identity.registration.as_ref()) {
        if let Some((date, place)) = registration.valid_until.as_ref().filter(|(date, _)| as_of > *date) {
            add(yaml::problem(
                &form.path,
                place,
                format!("the form was valid until {date}, and figures are of {as_of}"),
            )
            .hint("have it registered anew; until then it says 已过有效期, and may be refused"));
        }
        if let (lacking, Some(place)) = (registration.lacking(), registration.place())
            && !lacking.is_empty()
        {
            add(yaml::problem(&form.path, place, format!("the registration lacks `{}`", lacking.join("`, `")))
                .hint("a survey form that does not show number, authority, approval and validity may be refused"));
        }
    }
    problems
}

/// Whether the code lists that hands choose from are there and short enough. Before any has landed nobody can tell.
fn check_inputs(sheet: &SheetForm, code_lists: &BTreeMap<String, Vec<String>>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for input in sheet.columns().into_iter().filter_map(|column| column.input.as_ref()) {
        let InputForm::Codes(list) = input else { continue };
        match code_lists.get(&list.value) {
            _ if code_lists.is_empty() => {}
            None => problems.push(
                yaml::problem(&sheet.path, list, format!("no code list `{}`", list.value))
                    .hint(listed("code lists", &code_lists.keys().map(String::as_str).collect::<Vec<_>>())),
            ),
            Some(labels) => {
                problems.extend(fits(labels).err().map(|message| yaml::problem(&sheet.path, list, message)))
            }
        }
    }
    problems
}

fn check_summary(
    report: &Report,
    output: &Output,
    path: &Path,
    source: &str,
    metas: &BTreeMap<&str, ViewMeta>,
) -> Vec<Problem> {
    if metas.len() < report.datasets.len() {
        // A view is missing, which is said already; what its rows would be called cannot be known.
        return Vec::new();
    }
    let tables: Vec<(String, Vec<String>)> = report
        .datasets
        .iter()
        .filter_map(|(name, spec)| {
            let chosen = spec.columns.iter().map(|column| column.value.clone());
            let all = metas.get(name.as_str())?.columns.iter().map(|column| column.name.clone());
            Some((name.clone(), if spec.columns.is_empty() { all.collect() } else { chosen.collect() }))
        })
        .collect();
    // Only a sheet has a number of rows.
    let standing = STANDING_NAMES.iter().map(|(name, _)| *name).filter(|name| *name != "row_count");
    let parameters = report.parameters.iter().map(|parameter| parameter.name.as_str());
    let member = output.split.iter().flat_map(Split::columns);
    let known: Vec<&str> = standing.chain(parameters).chain(member).collect();
    let unit_of = |table: &str, column: &str| metas.get(table).map_or("", |meta| meta.unit_of(column));
    let mut problems = mentions::mistakes(path, source, &tables, &known);
    problems.extend(mentions::wrong_comparisons(path, source, &tables, &unit_of));
    problems
}

fn has(meta: &ViewMeta, column: &str) -> bool {
    meta.columns.iter().any(|known| known.name == column)
}

fn hint(column: &str, meta: &ViewMeta) -> String {
    column_hint(column, &meta.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
}
