//! The night: land what arrived, pin a snapshot, compute, check, report, and record what was done.
//!
//! One failure never stops the rest: a rejected delivery, a broken view or a failed report is reported and the night
//! goes on. Prints nothing and reads no clock; the caller passes the moment and watches [`Event`]s.

mod inbox;
mod reports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use chrono::{NaiveDate, NaiveDateTime};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::json;

use self::inbox::{inbox_files, move_file, reference_files, set_aside};
use self::reports::{Making, report_all};
use crate::closing;
use crate::contract::Contracts;
use crate::diagnostic::{Diagnostic, Result, Severity};
use crate::landing::{self, Batch, Counts, Delivery, Land, Moment, Outcome, Run};
use crate::project::{self, Project};
use crate::query::{self, CheckResult, Layer, Session, View};
use crate::report::OutputFile;
use crate::warehouse::Warehouse;

/// Something that happened, in order.
pub enum Event<'a> {
    /// A stage begins, with the number of things it will do.
    Stage {
        name: &'static str,
        steps: usize,
    },
    Delivery(&'a Delivery),
    /// A reference list that is as it was: done, and no news.
    Unchanged(&'a Delivery),
    View {
        name: &'a str,
        rows: usize,
        seconds: f64,
    },
    Report {
        name: &'a str,
        files: usize,
    },
    Problem(&'a Diagnostic),
}

/// What a night did.
pub struct Night {
    pub run: Run,
    pub deliveries: Vec<Delivery>,
    pub checks: Vec<CheckResult>,
    pub reports: Vec<(String, Vec<OutputFile>)>,
    pub problems: Vec<Diagnostic>,
    /// Name and seconds of each stage.
    pub stages: Vec<(&'static str, f64)>,
    pub outbox: PathBuf,
    /// Stopped by a signal.
    pub interrupted: bool,
}

impl Night {
    /// Rows in and out per table, sorted by table.
    pub fn counts(&self) -> BTreeMap<&str, Counts> {
        let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
        for delivery in &self.deliveries {
            if let Outcome::Landed { batch } = &delivery.outcome {
                counts.entry(&batch.table_name).or_default().add(&batch.counts());
            }
        }
        counts
    }
}

pub struct Nightly<'a> {
    pub project: &'a Project,
    pub moment: Moment,
    pub stop: &'a AtomicBool,
    pub watch: &'a (dyn Fn(Event<'_>) + Sync),
    /// Reads the clock for the record of when the night ended.
    pub clock: &'a (dyn Fn() -> NaiveDateTime + Sync),
}

/// Runs the night. The caller holds the writer's lock.
///
/// # Errors
/// What leaves nothing to do: contracts that cannot be read, a warehouse that does not open or has lost something, a
/// date older than what has landed.
pub async fn run(nightly: &Nightly<'_>) -> Result<Night> {
    let started = Instant::now();
    let project = nightly.project;
    let mut stages = Vec::new();
    let mut problems = Vec::new();
    let contracts = Arc::new(project.contracts()?);
    let warehouse = project.warehouse();

    let batches = landing::read_batches(&warehouse).await?;
    let runs = landing::read_runs(&warehouse).await?;
    refuse_older_date(nightly.moment.as_of, project::newest_date(&batches, &runs))?;
    refuse_losses(&warehouse, &batches, &runs).await?;
    refuse_closed_month(&warehouse, nightly.moment.as_of).await?;

    let clock = Instant::now();
    let deliveries = land(nightly, &warehouse, &contracts, &mut problems).await?;
    stages.push(("land", clock.elapsed().as_secs_f64()));

    let clock = Instant::now();
    let snapshot = project.pin(&warehouse, nightly.moment.as_of)?;
    let (session, found) = project.session(&warehouse, &contracts, snapshot.clone()).await?;
    for problem in found {
        (nightly.watch)(Event::Problem(&problem));
        problems.push(problem);
    }
    let session = Arc::new(session);
    let broken = materialize(nightly, &session, &mut problems).await;
    stages.push(("views", clock.elapsed().as_secs_f64()));

    let clock = Instant::now();
    let checks = check(nightly, &session, &broken).await;
    stages.push(("checks", clock.elapsed().as_secs_f64()));

    let clock = Instant::now();
    let keeping = tokio::task::spawn_blocking({
        let session = session.clone();
        move || session.keep()
    });
    let outbox = project.outbox().join(nightly.moment.as_of.to_string());
    let stopped = views_with_errors(&session, &broken, &checks);
    let batches = landing::read_batches(&warehouse).await?;
    let making =
        Making { session: &session, sensitive: contracts.sensitive_columns(), stopped: &stopped, outbox: &outbox };
    let (reports, reports_failed) = report_all(nightly, &making, &batches, &mut problems).await;
    if let Ok(Err(problem)) = keeping.await {
        let problem = Diagnostic { severity: Severity::Warning, ..problem };
        let problem = problem.effect("queries compute the marts of this night again, which takes longer");
        (nightly.watch)(Event::Problem(&problem));
        problems.push(problem);
    }
    stages.push(("reports", clock.elapsed().as_secs_f64()));

    let interrupted = nightly.stop.load(Ordering::Relaxed);
    let rejected = deliveries.iter().filter(|d| d.is_rejected()).count() as u64;
    let checks_failed = checks.iter().filter(|c| c.stops_reports()).count() as u64;
    let has_problems = rejected > 0 || checks_failed > 0 || reports_failed > 0 || problems.iter().any(|p| p.is_error());
    let mut totals = Counts::default();
    for delivery in &deliveries {
        if let Outcome::Landed { batch } = &delivery.outcome {
            totals.add(&batch.counts());
        }
    }
    let format = "%Y-%m-%dT%H:%M:%S";
    let run = Run {
        run_id: run_id(nightly.moment, &runs),
        as_of: nightly.moment.as_of,
        started_at: nightly.moment.now.format(format).to_string(),
        finished_at: (nightly.clock)().format(format).to_string(),
        outcome: match (interrupted, has_problems) {
            (true, _) => "interrupted",
            (false, true) => "problems",
            (false, false) => "done",
        }
        .to_owned(),
        snapshot_id: snapshot.id(),
        snapshot: json!(snapshot.versions).to_string(),
        deliveries: deliveries.len() as u64,
        rejected,
        rows_in: totals.rows_in,
        quarantined: totals.quarantined,
        checks_failed,
        stopped_views: stopped.iter().map(String::as_str).collect::<Vec<_>>().join(","),
        reports_made: reports.len() as u64,
        reports_failed,
        seconds: (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    landing::write_run(&warehouse, &run).await?;
    Ok(Night { run, deliveries, checks, reports, problems, stages, outbox, interrupted })
}

/// Reports of an older date would be made from newer rows, over the ones that were right.
fn refuse_older_date(as_of: NaiveDate, newest: Option<NaiveDate>) -> Result<()> {
    match newest {
        Some(newest) if as_of < newest => {
            Err(Diagnostic::error(format!("a night of {as_of} cannot be run: the warehouse holds rows as of {newest}"))
                .effect("nothing was landed, no report was touched")
                .hint(format!("`gridhouse report --as-of {as_of}` makes the reports of that date again")))
        }
        _ => Ok(()),
    }
}

/// A table that is gone, or whose newest commit is, would be begun anew and its figures published as right.
async fn refuse_losses(warehouse: &Warehouse, batches: &[Batch], runs: &[Run]) -> Result<()> {
    let effect = "the night was not begun: nothing was landed, no report was touched";
    for (name, batch) in project::newest_batches(batches) {
        let (version, rows) = match warehouse.table(name).await? {
            Some(table) => (Some(table.version()), table.row_count().await?),
            None => (None, None),
        };
        if let Some(problem) = project::loss(batch, version, rows) {
            return Err(problem.effect(effect));
        }
    }
    match closing::losses(warehouse, runs).await?.into_iter().next() {
        Some(problem) => Err(problem.effect(effect)),
        None => Ok(()),
    }
}

/// The reports of a closed month are out; made again from newer rows they would say something else.
async fn refuse_closed_month(warehouse: &Warehouse, as_of: NaiveDate) -> Result<()> {
    match closing::closing_of(warehouse, as_of).await? {
        Some(closing) => Err(Diagnostic::error(format!(
            "a night of {as_of} cannot be run: {} was closed at {}",
            closing.month, closing.closed_at
        ))
        .effect("nothing was landed, no report was touched")
        .hint(
            "run the night as of a day after the month: corrections appear there as 修订, beside the frozen figures",
        )),
        None => Ok(()),
    }
}

/// Date and moment; a number where two nights began within a second.
fn run_id(moment: Moment, runs: &[Run]) -> String {
    let id = format!("{}-{}", moment.as_of.format("%Y%m%d"), moment.now.format("%Y%m%dT%H%M%S"));
    let earlier = runs.iter().filter(|run| run.run_id.starts_with(&id)).count();
    if earlier == 0 { id } else { format!("{id}-{}", earlier + 1) }
}

async fn land(
    nightly: &Nightly<'_>,
    warehouse: &Warehouse,
    contracts: &Arc<Contracts>,
    problems: &mut Vec<Diagnostic>,
) -> Result<Vec<Delivery>> {
    let project = nightly.project;
    let reference = reference_files(project, contracts)?;
    let (waiting, odd) = inbox_files(&project.inbox(), &project.failed())?;
    for problem in odd {
        (nightly.watch)(Event::Problem(&problem));
        problems.push(problem);
    }
    (nightly.watch)(Event::Stage { name: "land", steps: reference.len() + waiting.len() });
    let progress = |delivery: &Delivery| (nightly.watch)(Event::Delivery(delivery));
    // Reference lists stay where they are and are compared every night.
    let is_unchanged = |delivery: &Delivery| matches!(delivery.outcome, Outcome::AlreadyLanded { .. });
    let reference_progress = |delivery: &Delivery| match is_unchanged(delivery) {
        true => (nightly.watch)(Event::Unchanged(delivery)),
        false => progress(delivery),
    };
    let archive = project.archive().join(nightly.moment.as_of.to_string());
    let failed = project.failed();
    let settle = |delivery: &Delivery| match &delivery.outcome {
        Outcome::Rejected { .. } if landing::is_retried(delivery) => Ok(()),
        Outcome::Rejected { problem } => set_aside(&delivery.path, &failed, problem),
        _ => move_file(&delivery.path, &archive).map(drop),
    };
    let keep = |_: &Delivery| Ok(());
    let settings = project.land_settings()?;
    let land = Land {
        warehouse: warehouse.clone(),
        contracts: contracts.clone(),
        limits: settings.limits,
        workers: settings.workers,
        zone: settings.zone,
        moment: nightly.moment,
        dry_run: false,
        table: None,
        stop: nightly.stop,
        progress: &reference_progress,
        settle: &keep,
    };
    let mut deliveries = landing::land_all(&land, &reference).await?;
    deliveries.retain(|delivery| !is_unchanged(delivery));
    deliveries.extend(landing::land_all(&Land { progress: &progress, settle: &settle, ..land }, &waiting).await?);
    for problem in deliveries.iter().filter_map(|delivery| delivery.unsettled.as_deref()) {
        let problem = problem.clone().effect("its rows have been dealt with; the file stays and is taken up again");
        (nightly.watch)(Event::Problem(&problem));
        problems.push(problem);
    }
    Ok(deliveries)
}

/// Computes the marts that are kept, in dependency order and on all cores. Gives the names that failed.
async fn materialize(
    nightly: &Nightly<'_>,
    session: &Arc<Session>,
    problems: &mut Vec<Diagnostic>,
) -> BTreeSet<String> {
    let catalog = session.catalog();
    let marts: Vec<&View> =
        catalog.in_order(catalog.iter().filter(|v| v.layer == Layer::Mart).map(|v| v.name.as_str()));
    let kept: Vec<&View> = marts.into_iter().filter(|v| v.layer == Layer::Mart && v.is_materialized()).collect();
    (nightly.watch)(Event::Stage { name: "views", steps: kept.len() });
    let mut broken: BTreeSet<String> = BTreeSet::new();
    let workers = nightly.project.settings.limits.worker_count();
    // Kept views that have not been computed, each after what it reads.
    let mut waiting: Vec<&View> = kept;
    let mut pending: BTreeSet<&str> = waiting.iter().map(|view| view.name.as_str()).collect();
    let mut running = FuturesUnordered::new();
    loop {
        if nightly.stop.load(Ordering::Relaxed) {
            waiting.clear();
        }
        let is_ready = |view: &&View, pending: &BTreeSet<&str>| {
            let below = catalog.in_order(view.reads.iter().map(String::as_str));
            below.iter().all(|read| !pending.contains(read.name.as_str()))
        };
        while running.len() < workers
            && let Some(at) = waiting.iter().position(|view| is_ready(view, &pending))
        {
            let view = waiting.remove(at);
            let (session, computed) = (session.clone(), view.clone());
            running.push(async move {
                let done = tokio::spawn(async move {
                    let clock = Instant::now();
                    session.materialize(&computed).await.map(|rows| (rows, clock.elapsed().as_secs_f64()))
                });
                let result = done.await.unwrap_or_else(|_| {
                    Err(Diagnostic::unexpected(format!("computing view `{}` broke off", view.name)))
                });
                (view.name.as_str(), result)
            });
        }
        let Some((name, result)) = running.next().await else { break };
        pending.remove(name);
        match result {
            Ok((rows, seconds)) => (nightly.watch)(Event::View { name, rows, seconds }),
            Err(problem) => {
                (nightly.watch)(Event::Problem(&problem));
                problems.push(problem);
                broken.extend(catalog.dependents(name).into_iter().map(str::to_owned));
                broken.insert(name.to_owned());
                waiting.retain(|view| !broken.contains(&view.name));
            }
        }
    }
    broken
}

async fn check(nightly: &Nightly<'_>, session: &Arc<Session>, broken: &BTreeSet<String>) -> Vec<CheckResult> {
    let (unsound, views): (Vec<View>, Vec<View>) =
        session.catalog().iter().cloned().partition(|view| broken.contains(&view.name));
    (nightly.watch)(Event::Stage { name: "checks", steps: views.len() });
    if nightly.stop.load(Ordering::Relaxed) {
        return Vec::new();
    }
    // What a check was to guard is unguarded when a view it reads is broken.
    let unrun = unsound.iter().filter(|view| view.layer == Layer::Check).map(|view| {
        let reads = view.reads.iter().filter(|read| broken.contains(*read)).cloned().collect::<Vec<_>>().join(", ");
        let problem = Diagnostic::error("cannot be run: it reads a view that failed").note("views", reads);
        CheckResult::failed(view, &view.name, problem)
    });
    let workers = nightly.project.settings.limits.worker_count();
    let tasks = views.into_iter().map(|view| {
        let (session, checked) = (session.clone(), view.clone());
        async move {
            let done = tokio::spawn(async move { query::run_checks(&session, &checked).await });
            done.await.unwrap_or_else(|_| {
                let problem = Diagnostic::unexpected(format!("the checks of `{}` broke off", view.name));
                vec![CheckResult::failed(&view, &view.name, problem)]
            })
        }
    });
    let results: Vec<_> = futures::stream::iter(tasks).buffered(workers).collect().await;
    results.into_iter().flatten().chain(unrun).collect()
}

/// Views whose numbers must not be published: broken ones, ones with a failed error check, and what reads them.
pub fn views_with_errors(session: &Session, broken: &BTreeSet<String>, checks: &[CheckResult]) -> BTreeSet<String> {
    let mut stopped = broken.clone();
    for check in checks.iter().filter(|c| c.stops_reports()) {
        // A check query speaks about the views it reads.
        let spoken_of: Vec<String> = match session.catalog().get(&check.view) {
            Some(view) if view.layer == Layer::Check => view.reads.clone(),
            _ => vec![check.view.clone()],
        };
        for view in spoken_of {
            stopped.extend(session.catalog().dependents(&view).into_iter().map(str::to_owned));
            stopped.insert(view);
        }
    }
    stopped
}
