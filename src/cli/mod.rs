//! One file per command: each loads what it needs, calls one function and prints. The only reader of clock,
//! environment and terminal.

mod args;
mod check;
mod close;
mod demo;
mod describe;
mod diff;
mod explain;
mod explained;
mod form;
mod fsck;
mod history;
mod impact;
mod land;
mod nightly;
mod output;
mod quarantine;
mod report;
mod reproduce;
mod shell;
mod sql;
mod upkeep;
mod user;
mod verify;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime, Timelike, Utc};
use clap::{CommandFactory, Parser};

use args::{Cli, Command};
use output::Output;

use crate::contract::Contracts;
use crate::diagnostic::{Diagnostic, Fault, Result};
use crate::landing::{self, Moment, Run};
use crate::project::Project;
use crate::query::{Session, Snapshot};
use crate::settings::FILE_NAME;

/// More than any number of cores here reads, writes and packs at once.
const BLOCKING_THREADS_MAX: usize = 64;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// Something a person can mend; everything else was done.
    Problems,
    Unexpected,
}

impl Ending {
    pub fn code(self) -> u8 {
        match self {
            Ending::Done => 0,
            Ending::Problems => 1,
            Ending::Unexpected => 2,
        }
    }

    fn of(problem: &Diagnostic) -> Self {
        match problem.fault {
            Fault::User => Ending::Problems,
            Fault::Unexpected => Ending::Unexpected,
        }
    }
}

/// Parses the command line, runs the command and gives the exit code.
pub fn main() -> u8 {
    std::panic::set_hook(Box::new(|panic| {
        // Only where: the message may quote a value of somebody's.
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        drop(std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("note: a task broke off at {place}\n").as_bytes(),
        ));
    }));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            // Help and version are no mistake.
            return if error.use_stderr() { Ending::Problems.code() } else { 0 };
        }
    };
    let no_color = environment().iter().any(|(name, value)| name == "NO_COLOR" && !value.is_empty());
    let output = Output::new(&cli.global, no_color);
    init_tracing(cli.global.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Each thread keeps memory of its own; reading files starts many for a moment.
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(Duration::from_millis(20))
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output.problem(&Diagnostic::unexpected(format!("cannot start: {error}")));
            return Ending::Unexpected.code();
        }
    };
    let ending = runtime.block_on(run(&cli, &output)).unwrap_or_else(|problem| {
        output.problem(&problem);
        Ending::of(&problem)
    });
    // A query that was cancelled may still hold a thread; nothing waits for it.
    runtime.shutdown_background();
    ending.code()
}

async fn run(cli: &Cli, output: &Output) -> Result<Ending> {
    let context = CommandContext { cli, output };
    match &cli.command {
        Command::Init { folder } => demo::init(&context, folder),
        Command::Demo { folder, synthetic } => demo::demo(&context, folder, synthetic).await,
        Command::Generate { out, synthetic } => demo::generate(&context, out, synthetic),
        Command::Land { files, table, dry_run, as_of, format } => {
            land::land(&context, files, table.as_deref(), *dry_run, *as_of, *format).await
        }
        Command::Nightly { as_of, format } => nightly::nightly(&context, *as_of, *format).await,
        Command::Sql { command, file, format, at } => {
            sql::sql(&context, command, file.as_deref(), *format, at.date).await
        }
        Command::Report { names, params, list, out, format, at } => {
            let asked = report::Asked { names, params, list: *list, out: out.as_deref(), format: *format };
            report::report(&context, &asked, at.date).await
        }
        Command::Check { impact: true, format, at, .. } => impact::impact(&context, at.date, *format).await,
        Command::Check { names, format, at, .. } => check::check(&context, names, *format, at.date).await,
        Command::Form { command } => form::form(&context, command).await,
        Command::Close { month, list: _, format } => close::close(&context, *month, *format).await,
        Command::Explain { target, cell, row, rows, all, unmasked, reason, format, at } => {
            let asked = explain::Question {
                target,
                cell: cell.as_deref(),
                row,
                limit: (!all).then_some(*rows),
                reason: reason.as_deref().filter(|_| *unmasked),
                format: *format,
                as_of: at.date,
            };
            explain::explain(&context, &asked).await
        }
        Command::Describe { name, format } => describe::describe(&context, name, *format).await,
        Command::History { table, format } => history::history(&context, table.as_deref(), *format).await,
        Command::Reproduce { file, out, format } => reproduce::reproduce(&context, file, out.as_deref(), *format).await,
        Command::Diff { old, new, format } => diff::diff(&context, old, new, *format),
        Command::Verify { files, format } => verify::verify(&context, files, *format),
        Command::Quarantine(command) => quarantine::quarantine(&context, command).await,
        Command::Fsck { format } => fsck::fsck(&context, *format).await,
        Command::Upkeep { tables, dry_run, format } => upkeep::upkeep(&context, tables, *dry_run, *format).await,
        Command::Completions { shell } => {
            // Not straight to stdout: the generator panics where it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "gridhouse", &mut script);
            output.data(String::from_utf8_lossy(&script).trim_end())?;
            Ok(Ending::Done)
        }
    }
}

/// What every command gets.
struct CommandContext<'a> {
    cli: &'a Cli,
    output: &'a Output,
}

/// A project opened for reading.
struct Opened {
    project: Project,
    contracts: Arc<Contracts>,
    session: Arc<Session>,
    problems: Vec<Diagnostic>,
    /// The night that ran over the same tables, if one has.
    night: Option<Run>,
}

impl CommandContext<'_> {
    fn project(&self) -> Result<Project> {
        let start = self.cli.global.project.clone().unwrap_or_else(|| self.output.base().to_owned());
        if !start.is_dir() {
            return Err(Diagnostic::error("no such folder").in_file(start));
        }
        Project::find(&start, &environment())
    }

    /// The project, where there is one: what needs none is done all the same. One that was named must exist.
    fn project_if_any(&self) -> Result<Option<Project>> {
        let is_below = |folder: &Path| folder.ancestors().any(|above| above.join(FILE_NAME).is_file());
        if self.cli.global.project.is_none() && !is_below(self.output.base()) {
            return Ok(None);
        }
        self.project().map(Some)
    }

    /// Opens the newest state, or what the last good run of a date saw.
    async fn open(&self, as_of: Option<NaiveDate>) -> Result<Opened> {
        let project = self.project()?;
        let warehouse = project.warehouse();
        let runs = landing::read_runs(&warehouse).await?;
        let snapshot = match as_of {
            Some(date) => crate::project::snapshot_of_run(crate::project::run_of(&runs, date)?)?,
            None => {
                let newest = crate::project::newest_date(&landing::read_batches(&warehouse).await?, &runs);
                project.pin(&warehouse, newest.unwrap_or(today(&project)?))?
            }
        };
        self.open_at(project, snapshot, runs).await
    }

    /// Opens the table versions of a snapshot.
    async fn open_at(&self, project: Project, snapshot: Snapshot, runs: Vec<Run>) -> Result<Opened> {
        let contracts = Arc::new(project.contracts()?);
        let warehouse = project.warehouse();
        let id = snapshot.id();
        let night = runs.into_iter().rev().find(|run| run.snapshot_id == id && run.outcome != "interrupted");
        let (session, problems) = project.session(&warehouse, &contracts, snapshot).await?;
        Ok(Opened { project, contracts, session: Arc::new(session), problems, night })
    }
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The district's wall clock, to the second: what is recorded is what is shown.
fn local_now(project: &Project) -> Result<NaiveDateTime> {
    let now = Utc::now().with_timezone(&project.zone()?).naive_local();
    Ok(now.with_nanosecond(0).unwrap_or(now))
}

fn today(project: &Project) -> Result<NaiveDate> {
    Ok(local_now(project)?.date())
}

fn moment(project: &Project, as_of: Option<NaiveDate>) -> Result<Moment> {
    let now = local_now(project)?;
    let as_of = as_of.unwrap_or(now.date());
    // Rows landed as of a later day would keep every night until then from running.
    if as_of > now.date() {
        return Err(Diagnostic::error(format!("{as_of} is in the future: today is {}", now.date()))
            .effect("nothing was landed, no report was touched")
            .hint("correct the year in `--as-of`"));
    }
    Ok(Moment { as_of, now })
}

/// Set when the process is asked to stop; a second signal ends it at once.
fn stop_flag(output: &Output) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, quiet) = (stop.clone(), output.quiet);
    tokio::spawn(async move {
        loop {
            wait_for_signal().await;
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(Ending::Unexpected.code()));
            }
            if !quiet {
                drop(std::io::Write::write_all(
                    &mut std::io::stderr(),
                    b"stopping after the step at hand; once more to stop at once\n",
                ));
            }
        }
    });
    stop
}

async fn wait_for_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}

fn init_tracing(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "gridhouse=info",
        _ => "gridhouse=debug,deltalake_core=info",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init());
}
