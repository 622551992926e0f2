//! `gridhouse check`: plans every view and report, runs data tests, unit tests and checks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::args::Format;
use super::{CommandContext, Ending, Opened};
use crate::diagnostic::{Diagnostic, Place, Result, Severity, did_you_mean};
use crate::district::periods::{Base, Comparison};
use crate::landing;
use crate::project::report_problems;
use crate::query::{self, Layer, ModelColumn, View, ViewCatalog};
use crate::report::{self, Report};

pub(super) async fn check(
    context: &CommandContext<'_>,
    names: &[String],
    format: Format,
    as_of: Option<NaiveDate>,
) -> Result<Ending> {
    let opened = context.open(as_of).await?;
    let session = &opened.session;
    let catalog = session.catalog().clone();
    let mut errors = 0;
    for problem in &opened.problems {
        errors += usize::from(problem.is_error());
        context.output.problem(problem);
    }
    for name in names {
        if catalog.get(name).is_none() {
            let problem = Diagnostic::error(format!("no view `{name}`"));
            return Err(match did_you_mean(name, catalog.iter().map(|v| v.name.as_str())) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
    }
    let views: Vec<&View> = catalog.iter().filter(|v| names.is_empty() || names.contains(&v.name)).collect();
    let mut broken = BTreeSet::new();
    let mut fields = BTreeMap::new();
    for view in &views {
        match session.plan_view(view).await {
            Ok(plan) => {
                let names = plan.schema().fields().iter().map(|field| field.name().clone());
                fields.insert(view.name.clone(), names.collect());
                for problem in undescribed(view, &plan).into_iter().chain(misjoined(view, &catalog)) {
                    errors += usize::from(problem.is_error());
                    context.output.problem(&problem);
                }
            }
            Err(problem) => {
                errors += 1;
                broken.insert(view.name.clone());
                // A view below may be the broken one; if it is among those asked for, it is reported on its own.
                let is_elsewhere = |place: &Place| views.iter().any(|v| v.path == place.file && v.name != view.name);
                if !problem.place.as_ref().is_some_and(is_elsewhere) {
                    context.output.problem(&problem);
                }
            }
        }
    }
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let sound: Vec<&&View> = views.iter().filter(|v| !broken.contains(&v.name)).collect();
    let limits = opened.project.query_limits();
    let shared = std::sync::Arc::new(catalog.clone());
    for view in &sound {
        for result in query::run_unit_tests(session, &shared, view, &limits).await {
            if let Some(problem) = &result.problem {
                errors += 1;
                context.output.problem(problem);
            }
            rows.push(row(&result.view, "unit test", &result.name, result.problem.is_none(), Severity::Error, None));
        }
    }
    for view in catalog.in_order(sound.iter().map(|v| v.name.as_str())) {
        if view.layer == Layer::Mart && view.is_materialized() && !broken.contains(&view.name) {
            session.materialize(view).await?;
        }
    }
    for view in &sound {
        for check in query::run_checks(session, view).await {
            if let Some(problem) = &check.problem {
                context.output.problem(problem);
            }
            errors += usize::from(check.stops_reports());
            let kind = match check.kind {
                query::CheckKind::DataTest => "data test",
                query::CheckKind::Query => "check",
            };
            let failing = (check.failing_rows > 0).then_some(check.failing_rows);
            rows.push(row(&check.view, kind, &check.name, check.passed(), check.severity, failing));
        }
    }
    if names.is_empty() {
        for problem in report_problems(&opened.project, session, &fields) {
            errors += usize::from(problem.is_error());
            context.output.problem(&problem);
        }
        errors += contradictions(context, &opened, &broken).await?;
    }
    print(context, &rows, views.len(), broken.len(), format)?;
    Ok(if errors > 0 { Ending::Problems } else { Ending::Done })
}

/// What the reports that can be made contradict each other in.
async fn contradictions(context: &CommandContext<'_>, opened: &Opened, broken: &BTreeSet<String>) -> Result<usize> {
    let (project, session) = (&opened.project, &opened.session);
    let batches = landing::read_batches(&project.warehouse()).await?;
    let run = project.report_context(session, &batches, BTreeMap::new());
    let (reports, _) = report::load(&project.report_templates());
    let is_sound = |report: &&Report| !report.views().iter().any(|view| broken.contains(*view));
    let sound: Vec<&Report> = reports.iter().filter(is_sound).collect();
    let sensitive = opened.contracts.sensitive_columns();
    let found = report::disagreements(&sound, &|_| true, session.as_ref(), &run, &sensitive).await;
    let mut errors = 0;
    for contradiction in found {
        let is_certain = contradiction.is_certain();
        errors += usize::from(is_certain);
        let effect =
            if is_certain { "no report that shows one of them would be made" } else { report::MADE_ALL_THE_SAME };
        context.output.problem(&contradiction.problem.effect(effect));
    }
    Ok(errors)
}

fn row(view: &str, kind: &str, name: &str, passed: bool, severity: Severity, failing: Option<i64>) -> Vec<Value> {
    let outcome = match (passed, severity) {
        (true, _) => "passed",
        (false, Severity::Warning) => "warned",
        (false, Severity::Error) => "failed",
    };
    vec![json!(view), json!(kind), json!(name), json!(outcome), json!(failing)]
}

fn print(context: &CommandContext<'_>, rows: &[Vec<Value>], views: usize, broken: usize, format: Format) -> Result<()> {
    let header = ["view", "kind", "test", "outcome", "failing_rows"];
    let count = |outcome: &str| rows.iter().filter(|r| r[3] == outcome).count();
    if format == Format::Table {
        let shown: Vec<Vec<Value>> =
            rows.iter().filter(|r| context.output.verbose > 0 || r[3] != "passed").cloned().collect();
        if !shown.is_empty() {
            context.output.records(format, &header, &shown)?;
        }
        return context.output.data(format!(
            "{views} views planned, {broken} broken; {} tests passed, {} warned, {} failed",
            count("passed"),
            count("warned"),
            count("failed")
        ));
    }
    context.output.records(format, &header, rows)
}

/// Columns the `.yml` describes and the view lacks, or the other way round.
fn undescribed(view: &View, plan: &datafusion::logical_expr::LogicalPlan) -> Vec<Diagnostic> {
    let Some(yml) = &view.yml else {
        return vec![
            Diagnostic::warning(format!("view `{}` has no description", view.name))
                .in_file(&view.path)
                .hint(format!("describe it in `{}.yml` beside it", view.name)),
        ];
    };
    let fields: Vec<&str> = plan.schema().fields().iter().map(|f| f.name().as_str()).collect();
    let mut problems = Vec::new();
    for column in &view.model.columns {
        if !fields.contains(&column.name.as_str()) {
            let problem = Diagnostic::error(format!("`{}` has no column `{}`", view.name, column.name)).in_file(yml);
            problems.push(match did_you_mean(&column.name, fields.iter().copied()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
    }
    problems.extend(view.model.columns.iter().filter_map(misnamed).map(|p| p.in_file(yml)));
    let bare: Vec<&str> = fields.into_iter().filter(|f| !view.model.columns.iter().any(|c| c.name == *f)).collect();
    if view.layer == Layer::Mart && !bare.is_empty() {
        problems.push(
            Diagnostic::warning(format!("columns of `{}` without a label: {}", view.name, bare.join(", ")))
                .in_file(yml),
        );
    }
    problems
}

/// Columns that are said to be the same as another that is not there, apart without a reason, or by columns of no view.
fn misjoined(view: &View, catalog: &ViewCatalog) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let known = |view: &View, name: &str| view.model.columns.iter().any(|column| column.name == name);
    for column in &view.model.columns {
        let indicator = &column.indicator;
        let at = |what: String| {
            let problem = Diagnostic::error(format!("`indicator` of `{}`: {what}", column.name));
            problem.in_file(view.yml.clone().unwrap_or_else(|| view.path.clone()))
        };
        if let Some(named) = &indicator.same_as {
            let other = named.split_once('.').and_then(|(other, name)| Some((catalog.get(other)?, name)));
            if !other.is_some_and(|(other, name)| known(other, name)) {
                problems.push(at(format!("no view describes a column `{named}`")).hint("write `same_as: view.column`"));
            }
            if indicator.apart.is_some() {
                problems.push(at("it cannot be the same as another and apart from all".to_owned()));
            }
        }
        if indicator.apart.as_ref().is_some_and(|why| why.trim().is_empty()) {
            problems.push(at("`apart` gives no reason".to_owned()).hint("say which other figure it is"));
        }
        for name in indicator.by.iter().filter(|name| !known(view, name)) {
            problems.push(at(format!("`by` names `{name}`, which the view does not describe")));
        }
    }
    problems
}

/// A column whose name and unit do not say the same comparison.
fn misnamed(column: &ModelColumn) -> Option<Diagnostic> {
    let (named, unit) = (Base::of_column(&column.name), Comparison::of_unit(&column.unit));
    let units = Comparison::UNITS.iter().map(|(unit, _)| format!("`{unit}`")).collect::<Vec<_>>().join(", ");
    let problem = |message: String, hint: String| Some(Diagnostic::error(message).hint(hint));
    match (named, unit) {
        (Some(named), Some(unit)) if named == unit.base => None,
        (None, None) => None,
        (Some(_), Some(_)) => problem(
            format!("column `{}` is named for another comparison than its unit `{}`", column.name, column.unit),
            "`…_year_on_year…` is 同比, `…_month_on_month…` and the like are 环比".to_owned(),
        ),
        (Some(named), None) => problem(
            format!("column `{}` is named for a comparison ({}) and its unit is none", column.name, named.word()),
            format!("give it one of the units {units}"),
        ),
        (None, Some(_)) => problem(
            format!("column `{}` has the unit `{}` and its name does not say so", column.name, column.unit),
            "name it `…_year_on_year…` for 同比, `…_month_on_month…`, `…_week_on_week…` and the like for 环比"
                .to_owned(),
        ),
    }
}
