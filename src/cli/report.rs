//! `gridhouse report`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;
use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::closing;
use crate::diagnostic::{Diagnostic, Result, did_you_mean};
use crate::landing;
use crate::project::Project;
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
    if asked.out.is_none() && opened.night.is_none() {
        refuse_closed_month(&opened.project, opened.session.as_of()).await?;
    }
    let (mut reports, mut ending) = chosen(context, &opened.project, asked.names)?;
    let params: BTreeMap<String, String> = asked.params.iter().cloned().collect();
    for name in params.keys() {
        if !reports.iter().any(|r| r.parameters.iter().any(|p| &p.name == name)) {
            return Err(Diagnostic::error(format!("no parameter `{name}` in these reports"))
                .hint("`gridhouse report --list` lists the parameters"));
        }
    }
    let batches = landing::read_batches(&opened.project.warehouse()).await?;
    let mut run = opened.project.report_context(&opened.session, &batches, params);
    let out = match asked.out {
        // What lies in a folder of one's own is one's own affair.
        Some(out) => {
            run.editions = None;
            out.to_owned()
        }
        None => opened.project.outbox().join(run.as_of.to_string()),
    };
    if let Some(problem) = engine::missing_fonts(&reports, &run) {
        output.problem(&problem);
    }
    let stopped: BTreeSet<&str> = match &opened.night {
        Some(night) => night.stopped_views.split(',').filter(|name| !name.is_empty()).collect(),
        None => {
            output.say("note: no night has checked these rows yet; `gridhouse check` does");
            BTreeSet::new()
        }
    };
    // Also with those nobody asked for: what the outbox holds of them must not be contradicted.
    let (all, _) = engine::load(&opened.project.report_templates());
    let sound: Vec<&Report> = all.iter().filter(|r| !r.views().iter().any(|view| stopped.contains(view))).collect();
    let sensitive = opened.contracts.sensitive_columns();
    let mut withheld = BTreeSet::new();
    let is_asked = |report: &Report| reports.iter().any(|asked| asked.name == report.name);
    for found in engine::disagreements(&sound, &is_asked, opened.session.as_ref(), &run, &sensitive).await {
        if reports.iter().any(|report| found.reports.contains(&report.name)) {
            let is_certain = found.is_certain();
            let is_made = !is_certain || asked.out.is_some();
            output.problem(&found.problem.effect(if is_made { engine::MADE_ALL_THE_SAME } else { engine::WITHHELD }));
            if is_certain {
                ending = Ending::Problems;
                withheld.extend(found.reports);
            }
        }
    }
    if asked.out.is_none() {
        reports.retain(|report| !withheld.contains(&report.name));
    }
    let mut rows = Vec::new();
    for report in &reports {
        let failed: Vec<&str> = report.views().into_iter().filter(|view| stopped.contains(view)).collect();
        if !failed.is_empty() {
            ending = Ending::Problems;
            let problem = Diagnostic::error(format!("report `{}` rests on views that failed", report.name))
                .in_file(&report.path)
                .note("views", failed.join(", "));
            // The outbox holds what may be sent; a folder of one's own may hold anything.
            if asked.out.is_none() {
                let problem = problem.effect("not made; an earlier edition is untouched");
                output.problem(&problem.hint(
                    "`gridhouse check` says what failed; `--out DIR` makes the report all the same, outside the outbox",
                ));
                continue;
            }
            output.problem(&problem.effect("made all the same"));
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

/// The reports of a closed month are out; made from rows no night of it has seen they would say something else.
async fn refuse_closed_month(project: &Project, as_of: NaiveDate) -> Result<()> {
    match closing::closing_of(&project.warehouse(), as_of).await? {
        Some(closing) => Err(Diagnostic::error(format!("{} was closed at {}", closing.month, closing.closed_at))
            .effect("no report was made: its reports are those of its nights")
            .hint(format!(
                "`--as-of {as_of}` makes the reports of that night again; `--out DIR` makes others elsewhere"
            ))),
        None => Ok(()),
    }
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
