//! `gridhouse nightly`: progress while it runs, a summary at the end.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use chrono::NaiveDate;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending, local_now, moment, stop_flag};
use crate::diagnostic::{Context, Diagnostic, Fault, Result, Severity};
use crate::landing::{Delivery, Outcome};
use crate::nightly::{Event, Night, Nightly};
use crate::project::Project;

pub(super) async fn nightly(context: &CommandContext<'_>, as_of: Option<NaiveDate>, format: Format) -> Result<Ending> {
    run_night(context, &context.project()?, as_of, format).await
}

/// Runs a night on `project` and prints it.
pub(super) async fn run_night(
    context: &CommandContext<'_>,
    project: &Project,
    as_of: Option<NaiveDate>,
    format: Format,
) -> Result<Ending> {
    let _lock = project.warehouse().lock("gridhouse nightly")?;
    let moment = moment(project, as_of)?;
    let stop = stop_flag(context.output);
    let progress = Progress::new(context);
    let clock = || local_now(project).unwrap_or(moment.now);
    let night = crate::nightly::run(&Nightly {
        project,
        moment,
        stop: &stop,
        watch: &|event| progress.show(&event),
        clock: &clock,
    })
    .await;
    progress.finish();
    let night = night?;
    print(context, &night, format)?;
    Ok(ending(&night))
}

fn ending(night: &Night) -> Ending {
    let rejected = night.deliveries.iter().filter_map(|d| match &d.outcome {
        Outcome::Rejected { problem } => Some(problem.as_ref()),
        _ => None,
    });
    let checks = night.checks.iter().filter(|c| c.stops_reports()).filter_map(|c| c.problem.as_ref());
    let mut errors = night.problems.iter().filter(|p| p.is_error()).chain(rejected).chain(checks).peekable();
    if night.interrupted || errors.clone().any(|p| p.fault == Fault::Unexpected) {
        return Ending::Unexpected;
    }
    if errors.peek().is_some() || night.run.checks_failed > 0 || night.run.reports_failed > 0 {
        return Ending::Problems;
    }
    Ending::Done
}

fn print(context: &CommandContext<'_>, night: &Night, format: Format) -> Result<()> {
    let output = context.output;
    let header =
        ["table", "rows_in", "inserted", "updated", "unchanged", "superseded", "deleted", "quarantined", "dropped"];
    let rows: Vec<Vec<serde_json::Value>> = night
        .counts()
        .into_iter()
        .map(|(table, c)| {
            let fates = [c.inserted, c.updated, c.unchanged, c.superseded, c.deleted, c.quarantined, c.dropped];
            [json!(table), json!(c.rows_in)].into_iter().chain(fates.map(|n| json!(n))).collect()
        })
        .collect();
    print_failed_checks(context, night);
    if format == Format::Json {
        let tables: Vec<serde_json::Map<String, serde_json::Value>> =
            rows.into_iter().map(|row| header.iter().map(|h| (*h).to_owned()).zip(row).collect()).collect();
        let files: usize = night.reports.iter().map(|(_, files)| files.len()).sum();
        let stages: serde_json::Map<_, _> =
            night.stages.iter().map(|(name, seconds)| ((*name).to_owned(), json!(seconds))).collect();
        let summary = json!({
            "run": night.run, "tables": tables, "stages": stages, "files": files, "outbox": night.outbox,
        });
        output.data(serde_json::to_string_pretty(&summary).doing("printing JSON")?)?;
        return Ok(());
    }
    match format {
        // CSV and Markdown go to other programs: the table and nothing else.
        Format::Csv | Format::Markdown => {
            output.records(format, &header, &rows)?;
            output.say(summary(night));
        }
        _ if output.quiet => {}
        _ => {
            if !rows.is_empty() {
                output.records(format, &header, &rows)?;
            }
            output.data(summary(night))?;
        }
    }
    if night.run.quarantined > 0 {
        output.say("\nhint: `gridhouse quarantine export` writes workbooks for the senders to correct");
    }
    Ok(())
}

fn print_failed_checks(context: &CommandContext<'_>, night: &Night) {
    let output = context.output;
    for check in night.checks.iter().filter(|c| !c.passed()) {
        let severity = check.severity;
        let problem = match &check.problem {
            Some(problem) => problem.clone(),
            None => Diagnostic::error(format!("{} rows fail `{}`", check.failing_rows, check.name))
                .hint(format!("gridhouse sql -c {:?}", check.sql)),
        };
        let message = format!("check of `{}`: {}", check.view, problem.message);
        if severity == Severity::Error || output.verbose > 0 {
            output.problem(&Diagnostic { severity, message, ..problem });
        }
    }
}

fn summary(night: &Night) -> String {
    let warned = night.checks.iter().filter(|c| !c.passed() && c.severity == Severity::Warning).count();
    let passed = night.checks.iter().filter(|c| c.passed()).count();
    let files: usize = night.reports.iter().map(|(_, files)| files.len()).sum();
    let stages: Vec<String> = night.stages.iter().map(|(name, s)| format!("{name} {s:.1}")).collect();
    let run = &night.run;
    format!(
        "\nrun {} as of {}, snapshot {}: {}\n  deliveries  {} landed, {} rejected; {} rows in, {} quarantined\n  \
         checks      {passed} passed, {warned} warned, {} failed\n  reports     {} made in {files} files, {} failed\n  \
         seconds     {:.1} ({})\n  reports in  {}",
        run.run_id,
        run.as_of,
        run.snapshot_id,
        run.outcome,
        run.deliveries - run.rejected,
        run.rejected,
        run.rows_in,
        run.quarantined,
        run.checks_failed,
        run.reports_made,
        run.reports_failed,
        run.seconds,
        stages.join(", "),
        night.outbox.display(),
    )
}

/// A bar per stage on a terminal, a line per thing elsewhere.
struct Progress<'a> {
    context: &'a CommandContext<'a>,
    bar: Mutex<Option<ProgressBar>>,
    is_terminal: bool,
}

impl<'a> Progress<'a> {
    fn new(context: &'a CommandContext<'a>) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !context.output.quiet;
        Self { context, bar: Mutex::new(None), is_terminal }
    }

    fn show(&self, event: &Event<'_>) {
        match event {
            Event::Stage { name, steps } => self.stage(name, *steps),
            Event::Delivery(delivery) => {
                self.report_delivery(delivery);
                self.step(&delivery.file_name());
            }
            Event::Unchanged(delivery) => self.step(&delivery.file_name()),
            Event::View { name, rows, seconds } => {
                if self.context.output.verbose > 0 {
                    self.suspended(|| self.context.output.say(format!("view {name}: {rows} rows, {seconds:.3} s")));
                }
                self.step(name);
            }
            Event::Report { name, files } => {
                if !self.is_terminal {
                    self.context.output.say(format!("report {name}: {files} files"));
                }
                self.step(name);
            }
            Event::Problem(problem) => self.suspended(|| self.context.output.problem(problem)),
        }
    }

    fn report_delivery(&self, delivery: &Delivery) {
        match &delivery.outcome {
            Outcome::Rejected { problem } => self.suspended(|| self.context.output.problem(problem)),
            Outcome::AlreadyLanded { batch_id } => self.suspended(|| {
                self.context.output.say(format!("{}: landed before as {batch_id}", delivery.file_name()));
            }),
            Outcome::Landed { batch } if !self.is_terminal => self.context.output.say(format!(
                "landed {}: {} rows into {}, {} quarantined",
                delivery.file_name(),
                batch.rows_in,
                batch.table_name,
                batch.quarantined
            )),
            Outcome::Landed { .. } => {}
        }
        for remark in &delivery.remarks {
            self.suspended(|| {
                self.context.output.problem(&Diagnostic::warning(remark.clone()).in_file(&delivery.path));
            });
        }
    }

    fn stage(&self, name: &'static str, steps: usize) {
        self.finish();
        if !self.is_terminal {
            self.context.output.say(format!("stage {name}: {steps}"));
            return;
        }
        let bar = ProgressBar::new(steps as u64);
        if let Ok(style) = ProgressStyle::with_template("{prefix:8} {bar:30} {pos:>4}/{len:<4} {elapsed:>4} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(200));
        if let Ok(mut held) = self.bar.lock() {
            *held = Some(bar);
        }
    }

    fn step(&self, what: &str) {
        if let Ok(held) = self.bar.lock()
            && let Some(bar) = held.as_ref()
        {
            bar.set_message(what.to_owned());
            bar.inc(1);
        }
    }

    fn suspended(&self, print: impl FnOnce()) {
        match self.bar.lock() {
            Ok(held) => match held.as_ref() {
                Some(bar) => bar.suspend(print),
                None => print(),
            },
            Err(_) => print(),
        }
    }

    fn finish(&self) {
        if let Ok(mut held) = self.bar.lock()
            && let Some(bar) = held.take()
        {
            bar.finish_and_clear();
        }
    }
}
