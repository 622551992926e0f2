//! What the present views and templates would change in what was published last, before anything is published.
//!
//! ```text
//! last night's snapshot + records of its files -> reports that may change -> made again aside -> compared with the outbox
//! ```
//!
//! Only reports whose record names another SQL, template, setting or program than today's are made again. Writes nothing
//! but into the folder it is given; prints nothing.

mod published;
mod remade;
mod veil;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;

use self::published::{Published, published};
use self::remade::compare;
use crate::contract::Contracts;
use crate::diagnostic::{Diagnostic, Result};
use crate::landing;
use crate::nightly;
use crate::project::{self, Project};
use crate::query::{self, CheckResult, Layer, Persons, Session, View, ViewCatalog};
use crate::report::{self, Change, Difference, Report, RunContext};

/// What would be different from what was published.
#[derive(Debug)]
pub struct Impact {
    pub as_of: NaiveDate,
    pub snapshot: String,
    /// Reports that rest on something changed, are new or are gone.
    pub reports: Vec<ReportImpact>,
    /// Reports that nothing has changed for.
    pub untouched: usize,
    /// What stops no report and should be known.
    pub problems: Vec<Diagnostic>,
}

#[derive(Debug)]
pub struct ReportImpact {
    pub report: String,
    pub causes: Vec<Cause>,
    pub fate: Fate,
}

/// Something that is different from the record of the report's files.
#[derive(Debug)]
pub struct Cause {
    pub change: Change,
    /// Of a changed query: the views of the report that are it or read it.
    pub through: Vec<String>,
}

#[derive(Debug)]
pub enum Fate {
    /// Made again; empty where no cell, line or file would change.
    Made(Vec<FileImpact>),
    New {
        files: usize,
    },
    /// Its folder is no longer in the project.
    Gone,
    /// It would not be made.
    Fails(Vec<Diagnostic>),
}

/// A file of a report that would change.
#[derive(Debug)]
pub struct FileImpact {
    /// Below the folder of the edition.
    pub file: String,
    pub change: FileChange,
    /// What was published has been touched since, which shows among the changes.
    pub is_touched: bool,
}

#[derive(Debug)]
pub enum FileChange {
    Cells(Vec<CellChange>),
    New,
    Gone,
    /// Of a kind that cannot be compared, and nothing beside it says the same.
    Bytes,
    /// What was published cannot be read.
    Unread(Diagnostic),
}

#[derive(Debug)]
pub struct CellChange {
    /// View and column behind a cell of a table.
    pub source: Option<(String, String)>,
    /// Without what tells of persons.
    pub difference: Difference,
}

impl Impact {
    /// Whether anything that is published would be different.
    pub fn is_any(&self) -> bool {
        self.reports.iter().any(|report| match &report.fate {
            Fate::Made(files) => !files.is_empty(),
            Fate::New { .. } | Fate::Gone | Fate::Fails(_) => true,
        })
    }

    /// Whether a report would not be made, or nobody can say what would be different.
    pub fn is_trouble(&self) -> bool {
        self.reports.iter().any(|report| match &report.fate {
            Fate::Fails(_) => true,
            Fate::Made(files) => files.iter().any(|file| matches!(file.change, FileChange::Unread(_))),
            Fate::New { .. } | Fate::Gone => false,
        })
    }
}

/// Everything the reports are made again of.
struct Today<'a> {
    project: &'a Project,
    session: Session,
    context: RunContext,
    reports: Vec<Report>,
    /// Mistakes in the project's views, so that they are missing.
    view_problems: Vec<Diagnostic>,
}

/// Compares today's reports with what was published as of the date of the last night, or of `as_of`. Files are made below
/// `aside`.
///
/// # Errors
/// Where there is nothing to compare with: no night has run, its table versions are gone, contracts cannot be read.
pub async fn impact(project: &Project, as_of: Option<NaiveDate>, aside: &Path) -> Result<Impact> {
    let warehouse = project.warehouse();
    let runs = landing::read_runs(&warehouse).await?;
    let date = as_of.or_else(|| runs.iter().filter(|run| run.outcome != "interrupted").map(|run| run.as_of).max());
    let date = date.ok_or_else(|| {
        Diagnostic::error("nothing has been published yet").hint("`gridhouse nightly` makes the first reports")
    })?;
    let run = project::run_of(&runs, date)?;
    let contracts = project.contracts()?;
    let (session, view_problems) = project.session(&warehouse, &contracts, project::snapshot_of_run(run)?).await?;
    let batches = landing::read_batches(&warehouse).await?;
    let context = project.report_context(&session, &batches, BTreeMap::new());
    let (reports, template_problems) = report::load(&project.report_templates());
    let today = Today { project, session, context, reports, view_problems };

    let published = published(&today, date)?;
    let mut impact = Impact {
        as_of: date,
        snapshot: run.snapshot_id.clone(),
        reports: Vec::new(),
        untouched: 0,
        problems: Vec::new(),
    };
    let mut affected: Vec<(&Report, Option<&Published>, Vec<Cause>)> = Vec::new();
    for report in &today.reports {
        match published.get(&report.name) {
            Some(then) => match causes(&today, report, then) {
                causes if causes.is_empty() => impact.untouched += 1,
                causes => affected.push((report, Some(then), causes)),
            },
            None => affected.push((report, None, Vec::new())),
        }
    }
    for (name, then) in &published {
        if !today.reports.iter().any(|report| report.name == *name) {
            impact.reports.push(unread(project, then, name, &template_problems));
        }
    }
    if affected.is_empty() {
        return Ok(impact);
    }
    let stopped = stopped(&today, &affected).await;
    let persons = persons(&today, &contracts, &affected).await;
    let sensitive = contracts.sensitive_columns();
    let mut contradicted = contradictions(&today, &stopped, &sensitive).await;
    // A report may be contradicted by one that has changed, and be the same as ever itself.
    for report in &today.reports {
        let is_affected = affected.iter().any(|(known, ..)| known.name == report.name);
        if let (false, Some(found)) = (is_affected, contradicted.remove(&report.name)) {
            impact.untouched -= 1;
            impact.reports.push(ReportImpact {
                report: report.name.clone(),
                causes: Vec::new(),
                fate: Fate::Fails(found),
            });
        }
    }
    for (report, then, causes) in affected {
        let mut against = stopped.of(report, today.session.catalog());
        against.extend(contradicted.remove(&report.name).unwrap_or_default());
        let fate = if against.is_empty() {
            compare(&today, report, then, &persons, aside).await?
        } else {
            Fate::Fails(against)
        };
        if matches!(fate, Fate::New { files: 0 }) {
            impact.untouched += 1;
            continue;
        }
        impact.reports.push(ReportImpact { report: report.name.clone(), causes, fate });
    }
    impact.reports.sort_by(|one, other| one.report.cmp(&other.report));
    impact.problems.extend(today.view_problems.into_iter().filter(|problem| !problem.is_error()));
    Ok(impact)
}

/// A published report that today's project does not have, or has with a mistake.
fn unread(project: &Project, then: &Published, name: &str, problems: &[report::Problem]) -> ReportImpact {
    let folder = project.report_templates().join(name);
    let mistakes: Vec<Diagnostic> = problems
        .iter()
        .filter(|problem| problem.file.starts_with(&folder))
        .map(|problem| Diagnostic::from(problem.clone()))
        .collect();
    let causes =
        report::changes(&then.record, &report::Provenance { templates: BTreeMap::new(), ..then.record.clone() });
    let causes = causes.into_iter().filter(|_| mistakes.is_empty());
    ReportImpact {
        report: name.to_owned(),
        causes: causes.map(|change| Cause { change, through: Vec::new() }).collect(),
        fate: if mistakes.is_empty() { Fate::Gone } else { Fate::Fails(mistakes) },
    }
}

/// Which columns of the views that the reports show, and showed, tell of persons.
async fn persons(
    today: &Today<'_>,
    contracts: &Contracts,
    affected: &[(&Report, Option<&Published>, Vec<Cause>)],
) -> Persons {
    let mut views: BTreeSet<&str> = affected.iter().flat_map(|(report, ..)| report.views()).collect();
    views.extend(affected.iter().filter_map(|(_, then, _)| *then).flat_map(|then| marts_of(&then.record.queries)));
    Persons::of(&today.session, contracts, &Vec::from_iter(views)).await
}

/// The marts among the files of queries.
fn marts_of(queries: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    queries.keys().filter_map(|file| file.strip_prefix("marts/")?.strip_suffix(".sql"))
}

/// What a report's files were made of then and would not be today.
fn causes(today: &Today<'_>, report: &Report, then: &Published) -> Vec<Cause> {
    let views = report.views();
    let inputs = &today.context.inputs;
    let now = report::Provenance {
        templates: report.template_hashes().clone(),
        queries: inputs.below(&views).0,
        program: today.context.version.clone(),
        snapshot: today.context.snapshot_id.clone(),
        ..then.record.clone()
    };
    let mut changes = report::changes(&then.record, &now);
    // A query that cannot be read is there all the same, and so is what nothing else reads.
    for change in changes.iter_mut().filter(|change| change.now.is_none()) {
        let file = change.query_file().map(|file| today.project.queries().join(file));
        let bytes = file.and_then(|file| fs_err::read(file).ok());
        change.now = bytes.map(|bytes| blake3::hash(&bytes).to_hex().to_string());
    }
    changes.retain(|change| change.then != change.now);
    changes.extend(report::settings_changes(&then.record, &inputs.settings));
    let through = |change: &Change| match change.query_view() {
        Some(changed) => {
            let dependents = today.session.catalog().dependents(changed);
            let is_through = |view: &&&str| **view == changed || dependents.contains(*view);
            views.iter().filter(is_through).map(|view| (*view).to_owned()).collect()
        }
        None => Vec::new(),
    };
    changes.into_iter().map(|change| Cause { through: through(&change), change }).collect()
}

/// Views whose numbers would not be published today, with what is wrong with them.
struct Stopped {
    views: BTreeSet<String>,
    problems: BTreeMap<String, Diagnostic>,
}

impl Stopped {
    /// Why a report would not be made.
    fn of(&self, report: &Report, catalog: &ViewCatalog) -> Vec<Diagnostic> {
        let views: Vec<&str> = report.views().into_iter().filter(|view| self.views.contains(*view)).collect();
        if views.is_empty() {
            return Vec::new();
        }
        let rests = Diagnostic::error(format!("report `{}` rests on views that fail", report.name))
            .in_file(&report.path)
            .note("views", views.join(", "));
        let below = catalog.in_order(report.views());
        let reads_any = |check: &View, views: &[&View]| views.iter().any(|view| check.reads.contains(&view.name));
        let is_below = |view: &str| {
            report.views().contains(&view)
                || below.iter().any(|below| below.name == view || below.reads.iter().any(|read| read == view))
                || catalog.get(view).is_some_and(|check| check.layer == Layer::Check && reads_any(check, &below))
        };
        let why = self.problems.iter().filter(|(view, _)| is_below(view)).map(|(_, problem)| problem.clone());
        why.chain([rests]).collect()
    }
}

/// Computes and checks what has changed, as a night would.
async fn stopped(today: &Today<'_>, affected: &[(&Report, Option<&Published>, Vec<Cause>)]) -> Stopped {
    let (session, catalog) = (&today.session, today.session.catalog());
    let mut changed: BTreeSet<&str> = BTreeSet::new();
    for (report, then, causes) in affected {
        match then {
            // What a report rests on that was not made before may never have been looked at.
            None => changed.extend(report.views()),
            Some(_) => changed.extend(causes.iter().filter_map(|cause| cause.change.query_view())),
        }
    }
    let mut problems: BTreeMap<String, Diagnostic> = BTreeMap::new();
    let mut broken: BTreeSet<String> = BTreeSet::new();
    for problem in today.view_problems.iter().filter(|problem| problem.is_error()) {
        let stem = problem.place.as_ref().and_then(|place| place.file.file_stem()?.to_str());
        if let Some(view) = stem.filter(|view| changed.contains(view)) {
            problems.insert(view.to_owned(), problem.clone());
            broken.insert(view.to_owned());
        }
    }
    let touched: BTreeSet<&str> =
        changed.iter().flat_map(|view| catalog.dependents(view)).chain(changed.iter().copied()).collect();
    for view in
        catalog.in_order(touched.iter().copied()).into_iter().filter(|view| touched.contains(view.name.as_str()))
    {
        let is_below_broken = catalog.in_order(view.reads.iter().map(String::as_str));
        if view.reads.iter().any(|read| broken.contains(read))
            || is_below_broken.iter().any(|below| broken.contains(&below.name))
        {
            broken.insert(view.name.clone());
            continue;
        }
        let planned = match view.layer == Layer::Mart && view.is_materialized() {
            true => session.materialize(view).await.map(drop),
            false => session.plan_view(view).await.map(drop),
        };
        if let Err(problem) = planned {
            problems.insert(view.name.clone(), problem);
            broken.insert(view.name.clone());
        }
    }
    let mut checks: Vec<CheckResult> = Vec::new();
    for view in touched.iter().filter(|view| !broken.contains(**view)).filter_map(|view| catalog.get(view)) {
        checks.extend(query::run_checks(session, view).await);
    }
    for check in checks.iter().filter(|check| check.stops_reports()) {
        let problem = match &check.problem {
            Some(problem) => problem.clone(),
            None => Diagnostic::error(format!("{} rows fail `{}`", check.failing_rows, check.name)),
        };
        let message = format!("check of `{}`: {}", check.view, problem.message);
        problems.entry(check.view.clone()).or_insert(Diagnostic { message, ..problem });
    }
    Stopped { views: nightly::views_with_errors(session, &broken, &checks), problems }
}

/// Reports that would contradict each other, by name.
async fn contradictions(
    today: &Today<'_>,
    stopped: &Stopped,
    sensitive: &BTreeSet<String>,
) -> BTreeMap<String, Vec<Diagnostic>> {
    let sound: Vec<&Report> =
        today.reports.iter().filter(|report| stopped.of(report, today.session.catalog()).is_empty()).collect();
    let mut found: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
    let contradictions = report::disagreements(&sound, &|_| true, &today.session, &today.context, sensitive).await;
    for contradiction in contradictions.into_iter().filter(report::Disagreement::is_certain) {
        for name in &contradiction.reports {
            found.entry(name.clone()).or_default().push(contradiction.problem.clone());
        }
    }
    found
}

/// The context of files that nobody is sent: nothing is remembered of them.
fn for_nobody(context: &RunContext) -> RunContext {
    RunContext { editions: None, register: None, inputs: Arc::clone(&context.inputs), ..context.clone() }
}
