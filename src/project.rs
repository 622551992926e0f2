//! A project folder put to use: its contracts, its views over a snapshot, its reports.
//!
//! `settings` says where things are; this module opens them. What `land`, `sql`, `report`, `check` and `nightly`
//! share stands here, so that a figure cannot depend on the command that asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use datafusion::execution::SendableRecordBatchStream;

use arrow::array::RecordBatch;

use crate::contract::{self, Contracts};
use crate::diagnostic::{Context, Diagnostic, Place, Result};
use crate::landing::{self, Batch, Run};
use crate::query::{
    self, CLOSED_TABLE, LOOKED_UP, Months, QueryLimits, SYSTEM_TABLES, Session, Snapshot, TableSchemas, ViewCatalog,
    lineage,
};
use crate::report::{
    self, BatchRef, Batches, ColumnMeta, DISTRICT, Figures, Inputs, OFFICE, Provenance, Register, RunContext,
    ViewFiles, ViewMeta,
};
use crate::settings::FILE_NAME;
pub use crate::settings::Project;
use crate::source;
use crate::warehouse::Warehouse;

/// Limits and cores of a landing.
pub struct LandSettings {
    pub limits: source::Limits,
    pub workers: usize,
    pub zone: chrono_tz::Tz,
}

impl Project {
    pub fn failed(&self) -> PathBuf {
        self.inbox().join("failed")
    }

    pub fn warehouse(&self) -> Warehouse {
        Warehouse::new(self.warehouse_folder())
    }

    /// All contracts. Several mistakes come back as one problem that lists them.
    pub fn contracts(&self) -> Result<Contracts> {
        Contracts::load(&self.contracts_folder(), &self.reference().join("code_lists.csv"))
            .map_err(|problems| joined(problems.into_iter().map(Diagnostic::from).collect()))
    }

    pub fn land_settings(&self) -> Result<LandSettings> {
        let limits = &self.settings.limits;
        Ok(LandSettings {
            zone: self.zone()?,
            limits: source::Limits {
                file_bytes_max: limits.file_bytes_max,
                unpacked_bytes_max: limits.unpacked_bytes_max,
                cell_bytes_max: limits.cell_bytes_max,
                columns_max: limits.columns_max,
                rows_max: limits.rows_max,
                ..source::Limits::default()
            },
            workers: limits.worker_count(),
        })
    }

    /// The district's time zone.
    pub fn zone(&self) -> Result<chrono_tz::Tz> {
        let name = &self.settings.district.time_zone;
        name.parse().map_err(|_| {
            Diagnostic::error(format!("`{name}` is no time zone"))
                .in_file(self.root.join(FILE_NAME))
                .hint("write an IANA name such as `Asia/Shanghai` under `district.time_zone`")
        })
    }

    pub fn query_limits(&self) -> QueryLimits {
        QueryLimits {
            memory_bytes: self.settings.limits.query_memory_bytes,
            spill_folder: None,
            workers: self.settings.limits.worker_count(),
        }
    }

    /// The newest version of every table.
    pub fn pin(&self, warehouse: &Warehouse, as_of: NaiveDate) -> Result<Snapshot> {
        Snapshot::newest(warehouse, as_of)
    }

    /// A session over `snapshot` with the project's views; views that cannot be read are reported and left out.
    pub async fn session(
        &self,
        warehouse: &Warehouse,
        contracts: &Contracts,
        snapshot: Snapshot,
    ) -> Result<(Session, Vec<Diagnostic>)> {
        let schemas = table_schemas(contracts);
        let tables = schemas.keys().chain(snapshot.versions.keys()).cloned().collect();
        let (catalog, problems) = ViewCatalog::load(&self.queries(), &tables);
        let session = Session::open(warehouse, Arc::new(catalog), snapshot, schemas, &self.query_limits()).await?;
        Ok((session, problems))
    }

    /// What it takes to count closed months. A view that cannot be read might have figures of theirs, so none is left out.
    pub fn months(&self, warehouse: &Warehouse) -> Result<Months> {
        let schemas = table_schemas(&self.contracts()?);
        let tables = schemas.keys().cloned().chain(warehouse.table_names()?).collect();
        let (catalog, problems) = ViewCatalog::load(&self.queries(), &tables);
        let mistakes: Vec<Diagnostic> = problems.into_iter().filter(Diagnostic::is_error).collect();
        if !mistakes.is_empty() {
            return Err(joined(mistakes));
        }
        let (warehouse, limits) = (warehouse.clone(), self.query_limits());
        Ok(Months { warehouse, catalog: Arc::new(catalog), schemas, limits })
    }

    /// What reports may print about the run they belong to.
    pub fn report_context(&self, session: &Session, batches: &[Batch], params: BTreeMap<String, String>) -> RunContext {
        let as_of = session.as_of();
        RunContext {
            as_of,
            snapshot_id: session.snapshot().map(Snapshot::id).unwrap_or_default(),
            // Not the clock: the same snapshot gives the same bytes whenever a report is made.
            made_at: as_of.and_time(chrono::NaiveTime::MIN) + chrono::TimeDelta::days(1),
            version: format!("gridhouse {}", env!("CARGO_PKG_VERSION")),
            params,
            guessed_years: session.guessed_years(),
            district_name: self.settings.district.name.clone(),
            office_name: self.settings.district.office.clone(),
            workers: self.settings.limits.worker_count(),
            workbook_rows_max: self.settings.limits.workbook_rows_max,
            fonts: self.fonts(),
            pictures: Some(self.pictures()),
            editions: Some(self.editions(as_of)),
            published: Some(self.warehouse_folder().join(".published")),
            // Beside the memory of the query that reads it.
            gathered_bytes_max: usize::try_from(self.settings.limits.query_memory_bytes / 2).unwrap_or(usize::MAX),
            again: None,
            register: Some(self.register()),
            inputs: Arc::new(self.inputs(session, batches)),
        }
    }

    /// The table versions that reports in the outbox need for as long as the settings say, by table. `newest` is the
    /// newest date in the warehouse: no clock decides what is old.
    pub fn kept_versions(&self, newest: NaiveDate) -> Result<BTreeMap<String, BTreeSet<u64>>> {
        let settings = &self.settings.reports;
        let mut kept: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for issue in self.register().all()?.into_iter().filter(|issue| issue.is_issued) {
            let days = if issue.is_ledger { settings.keep_ledger_days } else { settings.keep_days };
            let is_kept = (newest - issue.record.as_of).num_days() <= i64::from(days);
            for table in issue.record.batches.keys().filter(|_| is_kept) {
                kept.entry(table.clone()).or_default().extend(issue.pinned.get(table));
            }
        }
        Ok(kept)
    }

    /// The lists of the files that were made for a date.
    pub fn editions(&self, as_of: NaiveDate) -> PathBuf {
        self.warehouse_folder().join(".editions").join(as_of.to_string())
    }

    /// What was made in this project.
    pub fn register(&self) -> Register {
        Register::of(&self.warehouse_folder())
    }

    /// What the figures of a session rest on. `batches` are oldest first within a table.
    fn inputs(&self, session: &Session, batches: &[Batch]) -> Inputs {
        let tables: BTreeMap<String, u64> = match session.snapshot() {
            Some(snapshot) => snapshot.named().map(|(name, version)| (name.clone(), *version)).collect(),
            None => BTreeMap::new(),
        };
        let landed = landed(&tables, batches);
        let queries = self.queries();
        let mut views = BTreeMap::new();
        for view in session.catalog().iter() {
            let hashed = |path: &Path, bytes: &[u8]| {
                let name = path.strip_prefix(&queries).unwrap_or(path).display().to_string();
                (name, blake3::hash(bytes).to_hex().to_string())
            };
            let mut files = vec![hashed(&view.path, view.sql.as_bytes())];
            files.extend(view.yml.iter().filter_map(|yml| Some(hashed(yml, &fs_err::read(yml).ok()?))));
            let mut reads = view.reads.clone();
            // Named by no query: the rows of closed months are put in.
            let has_closed = view.model.config.closed_months.is_some() && tables.contains_key(CLOSED_TABLE);
            reads.extend(has_closed.then(|| CLOSED_TABLE.to_owned()));
            views.insert(view.name.clone(), ViewFiles { files, reads });
        }
        let district = &self.settings.district;
        let settings = [(DISTRICT, &district.name), (OFFICE, &district.office)];
        Inputs {
            tables,
            pinned: session.snapshot().map(|snapshot| snapshot.versions.clone()).unwrap_or_default(),
            settings: settings.map(|(name, value)| (name.to_owned(), value.clone())).into(),
            views,
            looked_up: LOOKED_UP.map(str::to_owned).into(),
            batches: landed,
        }
    }
}

/// What had landed in each table by these versions. `batches` are oldest first within a table.
fn landed(tables: &BTreeMap<String, u64>, batches: &[Batch]) -> BTreeMap<String, Batches> {
    let mut landed: BTreeMap<String, Vec<BatchRef>> = BTreeMap::new();
    let is_pinned = |batch: &&Batch| tables.get(&batch.table_name).is_some_and(|version| batch.version <= *version);
    for batch in batches.iter().filter(is_pinned) {
        let (file, blake3) = (batch.file.clone(), batch.delivery_hash.clone());
        let batch_ref = BatchRef { batch: batch.batch_id.clone(), file, blake3 };
        landed.entry(batch.table_name.clone()).or_default().push(batch_ref);
    }
    landed.into_iter().map(|(table, batches)| (table, Batches::of(&batches))).collect()
}

/// Table versions are counted in every warehouse: what tells this one from another are the deliveries behind them.
pub fn refuse_foreign(file: &Path, record: &Provenance, batches: &[Batch]) -> Result<()> {
    let here = landed(&record.tables, batches);
    // Nothing is delivered into some of the tables.
    let mut delivered = record.batches.iter().filter(|(_, then)| then.count > 0);
    let other = delivered.find(|(table, then)| here.get(*table) != Some(*then));
    let Some((table, then)) = other else { return Ok(()) };
    let count = |batches: Option<&Batches>| batches.map_or(0, |batches| batches.count);
    let newest = |batches: Option<&Batches>| {
        let newest = batches.and_then(|batches| batches.newest.first());
        newest.map_or_else(String::new, |newest| format!(", the newest `{}` of `{}`", newest.batch, newest.file))
    };
    let told = |batches: Option<&Batches>| format!("{} batches{}", count(batches), newest(batches));
    let version = record.tables.get(table).map_or_else(String::new, |version| format!("version {version} of "));
    Err(Diagnostic::error("was made from another warehouse")
        .in_file(file)
        .note("it rests on", format!("{version}`{table}` with {}", told(Some(then))))
        .note("here", format!("that version has {}", told(here.get(table))))
        .hint("`-C DIR` names the project that made it"))
}

/// The columns of every table that can be read, landed or not.
fn table_schemas(contracts: &Contracts) -> TableSchemas {
    let landed = contracts.iter().map(|contract| (contract.table.clone(), landing::stored_schema(contract)));
    let system = [
        landing::batches_schema(),
        landing::quarantine_schema(),
        landing::runs_schema(),
        query::closed_schema(),
        query::recomputed_schema(),
    ];
    landed.chain(SYSTEM_TABLES.map(str::to_owned).into_iter().zip(system)).collect()
}

/// The table versions a run was pinned to.
pub fn snapshot_of_run(run: &Run) -> Result<Snapshot> {
    let versions = serde_json::from_str(&run.snapshot).doing("reading a run's snapshot")?;
    Ok(Snapshot { as_of: run.as_of, versions })
}

/// The newest date anything in the warehouse speaks for: of a batch, or of a night that brought none.
pub fn newest_date(batches: &[Batch], runs: &[Run]) -> Option<NaiveDate> {
    let finished = runs.iter().filter(|run| run.outcome != "interrupted").map(|run| run.as_of);
    batches.iter().map(|batch| batch.as_of).chain(finished).max()
}

/// The last finished run of a date.
pub fn run_of(runs: &[Run], date: NaiveDate) -> Result<&Run> {
    let finished = || runs.iter().filter(|run| run.outcome != "interrupted");
    finished().rev().find(|run| run.as_of == date).ok_or_else(|| {
        let dates: BTreeSet<NaiveDate> = finished().map(|run| run.as_of).collect();
        let dates: Vec<String> = dates.iter().map(NaiveDate::to_string).collect();
        Diagnostic::error(format!("no run of {date}")).hint(if dates.is_empty() {
            "no night has run yet: `gridhouse nightly`".to_owned()
        } else {
            format!("there are runs of {}", dates.join(", "))
        })
    })
}

/// The newest batch of each table, by table.
pub fn newest_batches(batches: &[Batch]) -> BTreeMap<&str, &Batch> {
    let mut newest: BTreeMap<&str, &Batch> = BTreeMap::new();
    for batch in batches {
        let held = newest.entry(&batch.table_name).or_insert(batch);
        if batch.version > held.version {
            *held = batch;
        }
    }
    newest
}

/// What a table has lost since its newest batch: itself, a commit or rows. `None` for what is not known.
pub fn loss(newest: &Batch, version: Option<u64>, rows: Option<u64>) -> Option<Diagnostic> {
    let (name, batch) = (&newest.table_name, &newest.batch_id);
    let message = match (version, rows) {
        (None, _) => format!("table `{name}` is gone; batch `{batch}` landed in it"),
        (Some(version), _) if version < newest.version => {
            format!("table `{name}` is at version {version} and batch `{batch}` made version {}", newest.version)
        }
        (_, Some(rows)) if rows != newest.rows_after => {
            format!(
                "table `{name}` holds {rows} rows and the batch log says {} after batch `{batch}`",
                newest.rows_after
            )
        }
        _ => return None,
    };
    let hint = "restore a backup, or land the archived deliveries again into a fresh warehouse folder";
    Some(Diagnostic::unexpected(message).hint(hint))
}

/// Several problems as one, for a caller that can only stop.
fn joined(mut problems: Vec<Diagnostic>) -> Diagnostic {
    if problems.len() == 1 {
        return problems.remove(0);
    }
    let count = problems.len();
    let list = problems.iter().map(|p| format!("\n    {}", p.to_string().replace('\n', "\n    "))).collect::<String>();
    Diagnostic::error(format!("{count} problems")).note("problems", list)
}

/// What is wrong with the reports' templates, as far as it can be told without making them.
///
/// `fields` are the columns of each view that could be planned.
pub fn report_problems(
    project: &Project,
    session: &Session,
    fields: &BTreeMap<String, Vec<String>>,
) -> Vec<Diagnostic> {
    let (reports, mut problems) = report::load(&project.report_templates());
    for report in &reports {
        problems.extend(report::check(report, session, fields, session.as_of()));
    }
    problems.into_iter().map(Diagnostic::from).collect()
}

#[async_trait]
impl Figures for Session {
    async fn fetch(&self, sql: &str) -> std::result::Result<Vec<RecordBatch>, report::Problem> {
        Session::fetch(self, sql).await.map_err(report::Problem::from)
    }

    async fn stream(&self, sql: &str) -> std::result::Result<SendableRecordBatchStream, report::Problem> {
        Session::stream(self, sql).await.map_err(report::Problem::from)
    }

    async fn stream_in_any_order(&self, sql: &str) -> std::result::Result<SendableRecordBatchStream, report::Problem> {
        Session::stream_in_any_order(self, sql).await.map_err(report::Problem::from)
    }

    fn code_lists(&self) -> BTreeMap<String, Vec<String>> {
        Session::code_lists(self)
    }

    fn ratios(&self, columns: &[(String, String)]) -> Vec<Option<(String, String)>> {
        lineage::ratios(self, columns)
    }

    fn labels(&self, view: &str) -> Option<ViewMeta> {
        let view = self.catalog().get(view)?;
        let columns = view.model.columns.iter();
        let described = columns.map(|c| ColumnMeta {
            name: c.name.clone(),
            label: c.label.clone(),
            unit: c.unit.clone(),
            indicator: c.indicator.clone(),
            definition: c.description.trim().to_owned(),
        });
        Some(ViewMeta {
            label: view.model.label.clone(),
            columns: described.collect(),
            grain: crate::query::grain(view),
        })
    }
}

impl From<report::Problem> for Diagnostic {
    fn from(problem: report::Problem) -> Self {
        let (fault, severity) = (problem.fault, problem.severity);
        let diagnostic = from_parts(problem.file, problem.line, problem.column, problem.message, problem.hint);
        Diagnostic { fault, severity, ..diagnostic }
    }
}

impl From<contract::Problem> for Diagnostic {
    fn from(problem: contract::Problem) -> Self {
        from_parts(problem.file, problem.line, problem.column, problem.message, problem.hint)
    }
}

fn from_parts(file: PathBuf, line: u32, column: u32, message: String, hint: Option<String>) -> Diagnostic {
    let mut diagnostic = Diagnostic { hint, ..Diagnostic::error(message) };
    if !file.as_os_str().is_empty() {
        diagnostic = if line > 0 {
            // The line itself is shown below the message.
            let source = fs_err::read_to_string(&file).ok();
            Diagnostic { source, ..diagnostic.at(Place::at(file, line, column)) }
        } else {
            diagnostic.in_file(file)
        };
    }
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(as_of: &str, outcome: &str) -> Run {
        let text = format!(
            r#"{{"run_id": "{as_of}", "as_of": "{as_of}", "started_at": "", "finished_at": "", "outcome": "{outcome}",
                "snapshot_id": "", "snapshot": "{{}}", "deliveries": 0, "rejected": 0, "rows_in": 0, "quarantined": 0,
                "checks_failed": 0, "reports_made": 0, "reports_failed": 0, "seconds": 0.0, "program_version": ""}}"#
        );
        serde_json::from_str(&text).expect("a run")
    }

    #[test]
    fn a_finished_night_without_deliveries_counts_and_an_interrupted_one_does_not() {
        let runs = [
            run("2024-06-28", "done"),
            run("2024-06-27", "problems"),
            run("2024-06-28", "done"),
            run("2024-06-29", "interrupted"),
        ];
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        assert_eq!(newest_date(&[], &runs), Some(date("2024-06-28")));
        assert_eq!(newest_date(&[], &[]), None);
        assert_eq!(run_of(&runs, date("2024-06-27")).expect("a run").outcome, "problems");
        let problem = run_of(&runs, date("2024-06-29")).expect_err("it was interrupted");
        assert_eq!(problem.hint.as_deref(), Some("there are runs of 2024-06-27, 2024-06-28"));
    }
}
