//! `gridhouse report`.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::diagnostic::{Diagnostic, Result};
use crate::report as engine;

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
        let reports = context.project()?.reports(asked.names)?;
        let header = ["name", "title", "parameters", "description"];
        let rows: Vec<_> = reports
            .iter()
            .map(|r| {
                let parameters: Vec<&str> = r.parameters.iter().map(|p| p.name.as_str()).collect();
                vec![json!(r.name), json!(r.title), json!(parameters.join(", ")), json!(r.description.trim())]
            })
            .collect();
        output.records(asked.format, &header, &rows)?;
        return Ok(Ending::Done);
    }
    let opened = context.open(as_of).await?;
    for problem in &opened.problems {
        output.problem(problem);
    }
    let reports = opened.project.reports(asked.names)?;
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
    let mut rows = Vec::new();
    let mut ending = Ending::Done;
    for report in &reports {
        match engine::render(report, opened.session.as_ref(), &run, &out).await {
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
    output.records(asked.format, &["report", "file", "rows", "bytes"], &rows)?;
    Ok(ending)
}
