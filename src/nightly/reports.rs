//! The reports of a night: those that rest on failed views or contradict each other are kept back, the others made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use tokio::sync::Semaphore;

use super::{Event, Nightly};
use crate::diagnostic::Diagnostic;
use crate::landing::Batch;
use crate::query::Session;
use crate::report::{self, OutputFile, Report};

/// What the reports of a night are made of.
pub(super) struct Making<'a> {
    pub session: &'a Arc<Session>,
    /// Columns about persons.
    pub sensitive: BTreeSet<String>,
    /// Views whose numbers must not be published.
    pub stopped: &'a BTreeSet<String>,
    pub outbox: &'a Path,
}

/// Makes every report that rests on sound views and contradicts no other. Gives title and files of each, and how many
/// failed.
pub(super) async fn report_all(
    nightly: &Nightly<'_>,
    making: &Making<'_>,
    batches: &[Batch],
    problems: &mut Vec<Diagnostic>,
) -> (Vec<(String, Vec<OutputFile>)>, u64) {
    let project = nightly.project;
    let Making { session, sensitive, stopped, outbox } = making;
    let (reports, found) = report::load(&project.report_templates());
    let mut failed = found.len() as u64;
    for problem in found {
        let problem = Diagnostic::from(problem).effect("the report is not made");
        (nightly.watch)(Event::Problem(&problem));
        problems.push(problem);
    }
    (nightly.watch)(Event::Stage { name: "reports", steps: reports.len() });
    let context = Arc::new(project.report_context(session, batches, BTreeMap::new()));
    if let Some(problem) = report::missing_fonts(&reports, &context) {
        (nightly.watch)(Event::Problem(&problem));
        problems.push(problem);
    }
    if let Some(problem) = guessed(&context.guessed_years) {
        (nightly.watch)(Event::Problem(&problem));
        problems.push(problem);
    }
    let stopped_by = |report: &Report| -> Vec<String> {
        report.views().into_iter().filter(|view| stopped.contains(*view)).map(str::to_owned).collect()
    };
    let sound: Vec<&Report> = reports.iter().filter(|report| stopped_by(report).is_empty()).collect();
    // Which of two values is right nobody knows here: neither goes out.
    let mut withheld = BTreeSet::new();
    for found in report::disagreements(&sound, &|_| true, session.as_ref(), &context, sensitive).await {
        let is_certain = found.is_certain();
        let problem = found.problem.effect(if is_certain { report::WITHHELD } else { report::MADE_ALL_THE_SAME });
        (nightly.watch)(Event::Problem(&problem));
        problems.push(problem);
        withheld.extend(found.reports.into_iter().filter(|_| is_certain));
    }
    failed += withheld.len() as u64;
    let reports: Vec<Arc<Report>> =
        reports.into_iter().filter(|report| !withheld.contains(&report.name)).map(Arc::new).collect();
    let mut made = Vec::new();
    // Two at a time: while one waits for its query or its disk, the other writes.
    let turns = Semaphore::new(2);
    let tasks = reports.iter().map(|report| async {
        let _turn = turns.acquire().await.ok()?;
        if nightly.stop.load(Ordering::Relaxed) {
            return None;
        }
        let stopped_by = stopped_by(report);
        if !stopped_by.is_empty() {
            return Some(Err(Diagnostic::error(format!("report `{}` rests on views that failed", report.name))
                .in_file(&report.path)
                .note("views", stopped_by.join(", "))));
        }
        let (report, session, context) = (report.clone(), (*session).clone(), context.clone());
        let (name, outbox) = (report.name.clone(), outbox.to_path_buf());
        let done =
            tokio::spawn(async move { report::render(&report, session.as_ref(), &context, &outbox).await }).await;
        Some(match done {
            Ok(result) => result.map_err(Diagnostic::from),
            Err(_) => Err(Diagnostic::unexpected(format!("making report `{name}` broke off"))),
        })
    });
    let mut results = futures::stream::iter(tasks).buffered(reports.len().max(1));
    for report in &reports {
        match results.next().await.flatten() {
            None => break,
            Some(Ok(files)) => {
                (nightly.watch)(Event::Report { name: &report.title, files: files.len() });
                made.push((report.title.clone(), files));
            }
            Some(Err(problem)) => {
                let problem = problem.effect("not made; the last good edition is untouched");
                (nightly.watch)(Event::Problem(&problem));
                problems.push(problem);
                failed += 1;
            }
        }
    }
    (made, failed)
}

/// What the clerk has to deliver before limits can be trusted.
fn guessed(years: &[i32]) -> Option<Diagnostic> {
    let last = years.last()?;
    let listed: Vec<String> = years.iter().map(i32::to_string).collect();
    let problem = Diagnostic::warning(format!("the days off of {} have not landed", listed.join(" and ")))
        .effect("working days are guessed from the week, and every report says so at its foot")
        .hint(format!("deliver `holidays_{last}.csv` with the columns date, kind (休 or 班) and festival"));
    Some(problem)
}
