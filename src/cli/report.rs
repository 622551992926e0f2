//! `gridhouse report`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;
use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending, Opened};
use crate::diagnostic::{Diagnostic, Result, did_you_mean};
use crate::project::Project;
use crate::query::{self, CheckKind, CheckResult, Layer, View, ViewCatalog};
use crate::report::{self as engine, Report};

/// What was asked for on the command line.
pub(super) struct Asked<'a> {
    pub(super) names: &'a [String],
    pub(super) params: &'a [(String, String)],
    pub(super) list: bool,
    pub(super) out: Option<&'a Path>,
    pub(super) format: Format,
}

pub(super) async fn report(
    context: &CommandContext<'_>,
    asked: &Asked<'_>,
    as_of: Option<NaiveDate>,
) -> Result<Ending> {
    let output = context.output;
    if asked.list {
        let (reports, ending) = chosen(context, &context.project()?, asked.names)?;
        let header = ["name", "title", "parameters", "description"];
        let rows: Vec<_> = reports
            .iter()
            .map(|r| {
                let parameters: Vec<&str> = r.parameters.iter().map(|p| p.name.as_str()).collect();
                vec![json!(r.name), json!(r.title), json!(parameters.join(", ")), json!(r.description.trim())]
            })
            .collect();
        output.records(asked.format, &header, &rows)?;
        return Ok(ending);
    }
    let opened = context.open(as_of).await?;
    for problem in &opened.problems {
        output.problem(problem);
    }
    let (reports, mut ending) = chosen(context, &opened.project, asked.names)?;
    let params: BTreeMap<String, String> = asked.params.iter().cloned().collect();
    for name in params.keys() {
        if !reports.iter().any(|r| r.parameters.iter().any(|p| &p.name == name)) {
            return Err(Diagnostic::error(format!("no parameter `{name}` in these reports"))
                .hint("`gridhouse report --list` lists the parameters"));
        }
    }
    let run = opened.project.report_context(&opened.session, params);
    let out = match asked.out {
        Some(out) => out.to_owned(),
        None => opened.project.outbox().join(run.as_of.to_string()),
    };
    let catalog = opened.session.catalog();
    let health = examine(context, &opened, &reports).await;
    let mut rows = Vec::new();
    for report in &reports {
        let upstream = upstream(catalog, report.views());
        let broken: Vec<&str> = health.broken.iter().map(String::as_str).filter(|v| upstream.contains(v)).collect();
        let failed: Vec<&CheckResult> = health.failed.iter().filter(|c| speaks_of(catalog, c, &upstream)).collect();
        if !broken.is_empty() || !failed.is_empty() {
            ending = Ending::Problems;
        }
        // The outbox holds what may be sent; a folder of one's own may hold anything.
        if !broken.is_empty() || (!failed.is_empty() && asked.out.is_none()) {
            let names = broken.into_iter().chain(failed.iter().map(|c| c.name.as_str()));
            let problem = Diagnostic::error(format!("report `{}` rests on views that failed", report.name))
                .in_file(&report.path)
                .note("failed", names.collect::<Vec<_>>().join(", "))
                .effect("not made; an earlier edition is untouched");
            output.problem(&if failed.is_empty() {
                problem
            } else {
                problem.hint("`--out DIR` makes it all the same, outside the outbox")
            });
            continue;
        }
        match engine::render(report, opened.session.as_ref(), &run, &out).await {
            Ok(files) if files.is_empty() => {
                let problem = Diagnostic::warning(format!("report `{}` has no rows", report.name));
                if asked.params.is_empty() {
                    output.problem(&problem.effect("no file was made"));
                } else {
                    let params: Vec<String> =
                        run.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
                    let message = format!("report `{}` has no rows for {}", report.name, params.join(", "));
                    output.problem(&Diagnostic::error(message).effect("no file was made"));
                    ending = Ending::Problems;
                }
            }
            Ok(files) => {
                for file in files {
                    rows.push(vec![json!(report.name), json!(file.path), json!(file.rows), json!(file.bytes)]);
                }
            }
            Err(problem) => {
                ending = Ending::Problems;
                output.problem(&Diagnostic::from(problem).effect("not made; an earlier edition is untouched"));
            }
        }
    }
    output.done_records(asked.format, &["report", "file", "rows", "bytes"], &rows)?;
    Ok(ending)
}

/// The reports asked for by name or title, or all that can be read. Mistakes in reports nobody asked for stay unsaid.
fn chosen(context: &CommandContext<'_>, project: &Project, names: &[String]) -> Result<(Vec<Report>, Ending)> {
    let folder = project.report_templates();
    let (mut reports, problems) = engine::load(&folder);
    let is_read = |name: &String| reports.iter().any(|r| &r.name == name || &r.title == name);
    let missing: Vec<&String> = names.iter().filter(|name| !is_read(name)).collect();
    let mut ending = Ending::Done;
    if names.is_empty() || !missing.is_empty() {
        for problem in problems {
            ending = Ending::Problems;
            context.output.problem(&Diagnostic::from(problem).effect("the report is not made"));
        }
    }
    if let Some(name) = missing.into_iter().find(|name| !folder.join(name).join("report.yml").is_file()) {
        let problem = Diagnostic::error(format!("no report `{name}`"));
        return Err(match did_you_mean(name, reports.iter().map(|r| r.name.as_str())) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("`gridhouse report --list` lists the reports"),
        });
    }
    reports.retain(|r| names.is_empty() || names.contains(&r.name) || names.contains(&r.title));
    Ok((reports, ending))
}

/// What is wrong with the views below the reports.
struct Health {
    /// Views that could not be computed, or whose checks could not be read.
    broken: BTreeSet<String>,
    /// Failed checks of error severity.
    failed: Vec<CheckResult>,
}

/// Computes the views that are kept and runs the checks that speak of them, as a night does; says what failed.
async fn examine(context: &CommandContext<'_>, opened: &Opened, reports: &[Report]) -> Health {
    let (session, output) = (&opened.session, context.output);
    let catalog = session.catalog();
    let mut health = Health { broken: BTreeSet::new(), failed: Vec::new() };
    let asked = || reports.iter().flat_map(Report::views);
    let read = upstream(catalog, asked());
    let checks: Vec<&View> = catalog
        .iter()
        .filter(|v| v.layer == Layer::Check && v.reads.iter().any(|r| read.contains(r.as_str())))
        .collect();
    // A check may read marts that no report asked for; each mart is computed once.
    let all = catalog.in_order(asked().chain(checks.iter().map(|v| v.name.as_str())));
    for view in all.into_iter().filter(|v| v.layer == Layer::Mart && v.is_materialized()) {
        if view.reads.iter().any(|read| health.broken.contains(read)) {
            health.broken.insert(view.name.clone());
        } else if let Err(problem) = session.materialize(view).await {
            output.problem(&problem);
            health.broken.insert(view.name.clone());
        }
    }
    let views = catalog.in_order(asked());
    for view in views.into_iter().chain(checks) {
        if health.broken.contains(&view.name) {
            continue;
        }
        match query::run_checks(session, view).await {
            Ok(results) => health.failed.extend(results.into_iter().filter(CheckResult::stops_reports)),
            Err(problem) => {
                output.problem(&problem);
                health.broken.insert(view.name.clone());
            }
        }
    }
    for check in &health.failed {
        let problem = Diagnostic::error(match &check.problem {
            Some(problem) => format!("check `{}` could not be run: {}", check.name, problem.message),
            None if check.kind == CheckKind::Query => {
                format!("check `{}` finds {} rows", check.name, check.failing_rows)
            }
            None => format!("view `{}` fails check `{}`: {} rows", check.view, check.name, check.failing_rows),
        });
        output.problem(&problem.hint(format!("gridhouse sql -c {:?}", check.sql)));
    }
    health
}

/// The views and tables that `views` rest on, themselves included.
fn upstream<'a>(catalog: &'a ViewCatalog, views: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let views = catalog.in_order(views);
    views.iter().flat_map(|v| v.reads.iter().chain([&v.name])).map(String::as_str).collect()
}

/// Whether a check is about one of `views`; a check query is about what it reads.
fn speaks_of(catalog: &ViewCatalog, check: &CheckResult, views: &BTreeSet<&str>) -> bool {
    match catalog.get(&check.view) {
        Some(view) if view.layer == Layer::Check => view.reads.iter().any(|read| views.contains(read.as_str())),
        _ => views.contains(check.view.as_str()),
    }
}
