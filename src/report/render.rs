//! Making a report: datasets are fetched once, split by member, laid out and written in parallel, and moved
//! into place when all are done.
//!
//! A ledger is read as one ordered stream and cut where the member changes. Each finished member is handed
//! to a worker, and reading waits while all workers are busy, so memory holds a few members and not the list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use futures::TryStreamExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::dataset::{self, Dataset};
use super::export::{self, Document, ExportError};
use super::form::{Form, Kind, SheetForm};
use super::layout::{Properties, WorkbookLayout};
use super::manifest::{Content, Output, Report, Split, extensions_hint, listed};
use super::summary::{self, Summary, Visible};
use super::wording::{Names, PROVENANCE, STANDING_NAMES};
use super::yaml;
use super::{Figures, OutputFile, Problem, RunContext, ViewMeta, compose, files, mentions};

/// Makes every file of the report below `out`. On a problem nothing that was there before has changed.
pub async fn render(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
    out: &Path,
) -> Result<Vec<OutputFile>, Problem> {
    let names = names_of(report, context)?;
    let unwritable = |error: std::io::Error| Problem::new(out, error.to_string());
    let aside = files::Aside::new(out, &report.name).map_err(unwritable)?;
    let data = fetch(report, figures, &names).await?;
    let mut jobs = Jobs::new(context.workers);
    let made = make(report, figures, context, &aside, &data, &names, &mut jobs).await;
    // Also after a problem: no worker may still be writing when the folder aside is cleared.
    let written = jobs.finish().await;
    made?;
    let written = written?;
    let relatives: Vec<PathBuf> = written.iter().map(|file| file.path.clone()).collect();
    let places = aside.commit(&relatives).map_err(unwritable)?;
    Ok(written.into_iter().zip(places).map(|(file, path)| OutputFile { path, ..file }).collect())
}

async fn make(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
    aside: &files::Aside,
    data: &BTreeMap<String, Dataset>,
    names: &Names,
    jobs: &mut Jobs,
) -> Result<(), Problem> {
    for output in &report.outputs {
        let making = Making { report, output, context, aside };
        match &output.content {
            Content::Form(form) => match form.sheets.first().filter(|sheet| sheet.kind == Kind::Ledger) {
                Some(sheet) => making.ledger(sheet, figures, names, jobs).await?,
                None => making.tables(form, data, names, jobs).await?,
            },
            Content::Summary { path, source } => making.summaries(path, source, data, names, jobs).await?,
        }
    }
    Ok(())
}

/// Whether every view and column the report mentions exists, in its templates as well.
pub fn check(report: &Report, figures: &dyn Figures) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut metas: BTreeMap<&str, ViewMeta> = BTreeMap::new();
    for (name, spec) in &report.datasets {
        let Some(meta) = figures.labels(&spec.view.value) else {
            problems.push(yaml::problem(&report.path, &spec.view, format!("no view `{}`", spec.view.value)));
            continue;
        };
        let orders = spec.order_by.iter().map(|order| order.value.split(' ').next().unwrap_or_default());
        let named = spec
            .columns
            .iter()
            .map(|column| column.value.as_str())
            .chain(orders)
            .chain(spec.conditions.iter().map(|(column, _)| column.as_str()));
        for column in named.filter(|column| !has(&meta, column)) {
            problems.push(
                yaml::problem(&report.path, &spec.view, format!("view `{}` has no column `{column}`", spec.view.value))
                    .hint(columns_of(&meta)),
            );
        }
        metas.insert(name, meta);
    }
    for output in &report.outputs {
        let form = match &output.content {
            Content::Form(form) => form,
            Content::Summary { path, source } => {
                problems.extend(check_summary(report, output, path, source, &metas));
                continue;
            }
        };
        for sheet in &form.sheets {
            let Some(meta) = metas.get(sheet.dataset.value.as_str()) else { continue };
            for column in sheet.bound_columns().into_iter().filter(|column| !has(meta, &column.value)) {
                problems.push(
                    yaml::problem(
                        &form.path,
                        column,
                        format!("dataset `{}` has no column `{}`", sheet.dataset.value, column.value),
                    )
                    .hint(columns_of(meta)),
                );
            }
            for column in sheet.condition_columns().into_iter().filter(|column| !has(meta, column)) {
                problems.push(
                    yaml::problem(
                        &form.path,
                        &sheet.dataset,
                        format!("dataset `{}` has no column `{column}`", sheet.dataset.value),
                    )
                    .hint(columns_of(meta)),
                );
            }
        }
    }
    problems
}

fn check_summary(
    report: &Report,
    output: &Output,
    path: &Path,
    source: &str,
    metas: &BTreeMap<&str, ViewMeta>,
) -> Vec<Problem> {
    if metas.len() < report.datasets.len() {
        // A view is missing, which is said already; what its rows would be called cannot be known.
        return Vec::new();
    }
    let tables: Vec<(String, Vec<String>)> = report
        .datasets
        .iter()
        .filter_map(|(name, spec)| {
            let chosen = spec.columns.iter().map(|column| column.value.clone());
            let all = metas.get(name.as_str())?.columns.iter().map(|column| column.name.clone());
            Some((name.clone(), if spec.columns.is_empty() { all.collect() } else { chosen.collect() }))
        })
        .collect();
    // Only a sheet has a number of rows.
    let standing = STANDING_NAMES.iter().map(|(name, _)| *name).filter(|name| *name != "row_count");
    let parameters = report.parameters.iter().map(|parameter| parameter.name.as_str());
    let member = output.split.iter().flat_map(Split::columns);
    let known: Vec<&str> = standing.chain(parameters).chain(member).collect();
    mentions::mistakes(path, source, &tables, &known)
}

fn has(meta: &ViewMeta, column: &str) -> bool {
    meta.columns.iter().any(|known| known.name == column)
}

fn columns_of(meta: &ViewMeta) -> String {
    listed("columns", &meta.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())
}

/// What every text of the report may mention, the chosen parameters among it.
fn names_of(report: &Report, context: &RunContext) -> Result<Names, Problem> {
    let mut names = Names::new(&report.title, report.period, context);
    let known: Vec<&str> = report.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    for parameter in &report.parameters {
        let value = context.params.get(&parameter.name).unwrap_or(&parameter.default);
        if !parameter.choices.is_empty() && !parameter.choices.contains(value) {
            let choices: Vec<&str> = parameter.choices.iter().map(String::as_str).collect();
            return Err(Problem::new(&report.path, format!("parameter `{}` cannot be `{value}`", parameter.name))
                .hint(listed("choices", &choices)));
        }
        names.set(&parameter.name, value.clone());
    }
    if let Some(unknown) = context.params.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Problem::new(&report.path, format!("report `{}` has no parameter `{unknown}`", report.name))
            .hint(listed("parameters", &known)));
    }
    Ok(names)
}

/// Every dataset that is held whole, by name.
async fn fetch(report: &Report, figures: &dyn Figures, names: &Names) -> Result<BTreeMap<String, Dataset>, Problem> {
    let streamed: BTreeSet<&str> = report
        .outputs
        .iter()
        .filter_map(|output| match &output.content {
            Content::Form(form) => {
                form.sheets.first().filter(|sheet| sheet.kind == Kind::Ledger).map(|sheet| sheet.dataset.value.as_str())
            }
            Content::Summary { .. } => None,
        })
        .collect();
    let tabled: BTreeSet<&str> = report
        .outputs
        .iter()
        .filter_map(|output| if let Content::Form(form) = &output.content { Some(form) } else { None })
        .flat_map(|form| form.sheets.iter().filter(|sheet| sheet.kind == Kind::Table))
        .map(|sheet| sheet.dataset.value.as_str())
        .collect();
    let is_summarised = report.outputs.iter().any(|output| matches!(output.content, Content::Summary { .. }));
    let mut data = BTreeMap::new();
    for (name, spec) in &report.datasets {
        if streamed.contains(name.as_str()) && !tabled.contains(name.as_str()) && !is_summarised {
            continue;
        }
        let columns: Vec<&str> = spec.columns.iter().map(|column| column.value.as_str()).collect();
        let batches = figures.fetch(&dataset::sql(spec, &columns, names)).await?;
        let dataset = Dataset::new(&batches)
            .map_err(|error| Problem::new(&report.path, format!("dataset `{name}` cannot be read: {error}")))?;
        data.insert(name.clone(), dataset);
    }
    Ok(data)
}

/// One output while it is being made.
struct Making<'a> {
    report: &'a Report,
    output: &'a Output,
    context: &'a RunContext,
    aside: &'a files::Aside,
}

impl Making<'_> {
    async fn tables(
        &self,
        form: &Form,
        data: &BTreeMap<String, Dataset>,
        names: &Names,
        jobs: &mut Jobs,
    ) -> Result<(), Problem> {
        for sheet in &form.sheets {
            self.check_columns(form, sheet, data)?;
        }
        let main = form.sheets.first().and_then(|sheet| data.get(&sheet.dataset.value));
        for member in self.members(main, names)? {
            let mut sheets = Vec::new();
            for sheet in &form.sheets {
                let Some(dataset) = data.get(&sheet.dataset.value) else { continue };
                let scope = self.scope(dataset, member.key.as_deref());
                match &sheet.by {
                    None => sheets.extend(compose::table(sheet, dataset, &scope, &member.names)),
                    Some(by) => {
                        let body: Vec<usize> = dataset.matching(&scope, &sheet.rows);
                        for (value, _) in dataset.groups(&body, &by.value) {
                            let rows: Vec<usize> = scope
                                .iter()
                                .copied()
                                .filter(|row| {
                                    dataset.value_of(*row, &by.value).plain().as_deref().unwrap_or_default() == value
                                })
                                .collect();
                            let names = member.names.with(&member_values(
                                dataset,
                                rows.first().copied(),
                                &sheet.member_columns(),
                            ));
                            sheets.extend(compose::table(sheet, dataset, &rows, &names));
                        }
                    }
                }
            }
            let rows = sheets.iter().map(|sheet| sheet.data_rows).sum();
            let cells = sheets.iter().map(|sheet| sheet.data_rows * sheet.widths.len()).sum();
            let document = Document::Workbook(WorkbookLayout { properties: self.properties(&member.names), sheets });
            self.write(document, rows, cells, &member.names, jobs).await?;
        }
        Ok(())
    }

    async fn summaries(
        &self,
        path: &Path,
        source: &str,
        data: &BTreeMap<String, Dataset>,
        names: &Names,
        jobs: &mut Jobs,
    ) -> Result<(), Problem> {
        let main =
            self.output.split.as_ref().and_then(|split| split.dataset.as_ref()).and_then(|name| data.get(&name.value));
        for member in self.members(main, names)? {
            let visible = Visible {
                data,
                rows: data
                    .iter()
                    .map(|(name, dataset)| (name.clone(), self.scope(dataset, member.key.as_deref())))
                    .collect(),
                single: self
                    .report
                    .datasets
                    .iter()
                    .filter(|(_, spec)| spec.single)
                    .map(|(name, _)| name.clone())
                    .collect(),
            };
            let properties = self.properties(&member.names);
            let summary = Summary {
                title: properties.title.clone(),
                masthead: (member.names.fill("{office}"), member.names.fill("{as_of}")),
                provenance: member.names.fill(PROVENANCE),
                properties: properties.custom,
                pieces: summary::compose(path, source, &visible, &member.names)?,
            };
            self.write(Document::Summary(summary), 0, 0, &member.names, jobs).await?;
        }
        Ok(())
    }

    async fn ledger(
        &self,
        sheet: &SheetForm,
        figures: &dyn Figures,
        names: &Names,
        jobs: &mut Jobs,
    ) -> Result<(), Problem> {
        let Some(spec) = self.report.datasets.get(&sheet.dataset.value) else { return Ok(()) };
        let split = self.output.split.as_ref();
        let mut columns: Vec<&str> = sheet.bound_columns().iter().map(|column| column.value.as_str()).collect();
        columns.extend(split.iter().flat_map(|split| split.columns()));
        let mut seen = BTreeSet::new();
        columns.retain(|column| seen.insert(*column));
        let failed = |error: DataFusionError| {
            Problem::new(&self.report.path, format!("dataset `{}`: {}", sheet.dataset.value, without_values(&error)))
        };
        let mut stream = figures.stream(&dataset::sql(spec, &columns, names)).await?;
        let sheet = Arc::new(sheet.clone());
        let mut cutter = Cutter::new(split);
        while let Some(batch) = stream.try_next().await.map_err(failed)? {
            let batch = dataset::canonical(&batch).map_err(|error| failed(error.into()))?;
            for finished in cutter.push(batch).map_err(|message| Problem::new(&self.report.path, message))? {
                self.write_ledger(&sheet, finished, names, jobs).await?;
            }
            if cutter.held_rows > self.context.workbook_rows_max {
                return Err(self.too_long());
            }
        }
        match cutter.finish() {
            Some(last) => self.write_ledger(&sheet, last, names, jobs).await,
            None if split.is_none() => self.write_ledger(&sheet, Member::default(), names, jobs).await,
            None => Ok(()),
        }
    }

    async fn write_ledger(
        &self,
        sheet: &Arc<SheetForm>,
        member: Member,
        names: &Names,
        jobs: &mut Jobs,
    ) -> Result<(), Problem> {
        let rows: usize = member.batches.iter().map(RecordBatch::num_rows).sum();
        if rows > self.context.workbook_rows_max {
            return Err(self.too_long());
        }
        let names = names.with(&member.values);
        let properties = self.properties(&names);
        let (sheet, cells) = (Arc::clone(sheet), rows * sheet.columns.len());
        let layout_names = names.clone();
        self.write_with(
            move || {
                Document::Workbook(WorkbookLayout {
                    properties,
                    sheets: compose::ledger(&sheet, member.batches, &layout_names),
                })
            },
            (rows, cells),
            &names,
            jobs,
        )
        .await
    }

    fn too_long(&self) -> Problem {
        Problem::new(
            &self.report.path,
            format!("a workbook would have more than {} rows", self.context.workbook_rows_max),
        )
        .hint("split the output by a column, narrow the dataset's `where`, or raise the limit in the settings")
    }

    async fn write(
        &self,
        document: Document,
        rows: usize,
        cells: usize,
        names: &Names,
        jobs: &mut Jobs,
    ) -> Result<(), Problem> {
        self.write_with(move || document, (rows, cells), names, jobs).await
    }

    /// Waits for a free worker, then lets it lay out and write the document in every format that takes it.
    async fn write_with(
        &self,
        document: impl FnOnce() -> Document + Send + 'static,
        (rows, cells): (usize, usize),
        names: &Names,
        jobs: &mut Jobs,
    ) -> Result<(), Problem> {
        let relative = self.relative_path(names)?;
        let kind = self.output.content.kind();
        let named = |message: String| yaml::problem(&self.report.path, &self.output.file, message);
        let files = export::files_of(kind, &relative);
        if files.is_empty() {
            return Err(named(format!("no file can be made of `{}`", relative.display())).hint(extensions_hint(kind)));
        }
        if let Some((_, taken)) = files.iter().find(|(_, path)| !jobs.taken.insert(path.clone())) {
            return Err(named(format!("two outputs are called `{}`", taken.display()))
                .hint("mention the split column in `file`"));
        }
        let places: Vec<_> =
            files.into_iter().map(|(exporter, path)| (exporter, self.aside.path(&path), path)).collect();
        jobs.spawn(move || {
            let document = document();
            let mut written = Vec::new();
            for (exporter, place, path) in places {
                let bytes = files::write_synced::<ExportError>(&place, |out| (exporter.write)(&document, out))
                    .map_err(|error| Problem::new(&path, error.to_string()))?;
                written.push(OutputFile { path, bytes, rows, cells });
            }
            Ok(written)
        })
        .await
    }

    /// The declared file name with its names filled in; what a name stands for cannot open a folder.
    fn relative_path(&self, names: &Names) -> Result<PathBuf, Problem> {
        let safe = names.iter().map(|(name, value)| (name.to_owned(), files::safe_part(value))).collect::<Vec<_>>();
        let path = PathBuf::from(Names::default().with(&safe).fill(&self.output.file.value));
        if files::stays_inside(&path) {
            return Ok(path);
        }
        Err(yaml::problem(
            &self.report.path,
            &self.output.file,
            format!("`{}` is no file below the output folder", path.display()),
        ))
    }

    fn members(&self, main: Option<&Dataset>, names: &Names) -> Result<Vec<TableMember>, Problem> {
        let Some(split) = &self.output.split else {
            return Ok(vec![TableMember { key: None, names: names.clone() }]);
        };
        let unsplit = |column: &str| {
            yaml::problem(&self.report.path, &split.by, format!("no dataset to split has a column `{column}`"))
        };
        let main = main.ok_or_else(|| unsplit(&split.by.value))?;
        // A result without rows may have no columns either.
        if main.rows.num_columns() == 0 {
            return Ok(Vec::new());
        }
        if let Some(column) = split.columns().into_iter().find(|column| main.column(column).is_none()) {
            return Err(unsplit(column));
        }
        let members = main.groups(&main.all_rows(), &split.by.value).into_iter().filter(|(key, _)| !key.is_empty());
        Ok(members
            .map(|(key, rows)| TableMember {
                names: names.with(&member_values(main, rows.first().copied(), &split.columns())),
                key: Some(key),
            })
            .collect())
    }

    /// The rows that belong to a member; all rows of a dataset that does not have the split column.
    fn scope(&self, dataset: &Dataset, key: Option<&str>) -> Vec<usize> {
        match (&self.output.split, key) {
            (Some(split), Some(key)) if dataset.column(&split.by.value).is_some() => dataset
                .all_rows()
                .into_iter()
                .filter(|row| dataset.value_of(*row, &split.by.value).plain().as_deref() == Some(key))
                .collect(),
            _ => dataset.all_rows(),
        }
    }

    fn check_columns(&self, form: &Form, sheet: &SheetForm, data: &BTreeMap<String, Dataset>) -> Result<(), Problem> {
        let Some(dataset) = data.get(&sheet.dataset.value) else { return Ok(()) };
        let names = dataset.column_names();
        // A result without rows may have no columns either.
        if names.is_empty() {
            return Ok(());
        }
        let bound = sheet.bound_columns().into_iter().map(|column| (column, column.value.as_str()));
        // A condition on a column that is not there would pick no row.
        let conditions = sheet.condition_columns().into_iter().map(|column| (&sheet.dataset, column));
        match bound.chain(conditions).find(|(_, column)| dataset.column(column).is_none()) {
            None => Ok(()),
            Some((place, column)) => Err(yaml::problem(
                &form.path,
                place,
                format!("dataset `{}` has no column `{column}`", sheet.dataset.value),
            )
            .hint(listed("columns", &names.iter().map(String::as_str).collect::<Vec<_>>()))),
        }
    }

    fn properties(&self, names: &Names) -> Properties {
        let title = names.fill(self.output.title.as_ref().map_or(&self.report.title, |title| &title.value));
        let params: Vec<String> = self
            .report
            .parameters
            .iter()
            .filter_map(|parameter| Some(format!("{}={}", parameter.name, names.get(&parameter.name)?)))
            .collect();
        let mut custom = vec![
            ("report".to_owned(), self.report.name.clone()),
            ("as_of".to_owned(), self.context.as_of.to_string()),
            ("snapshot".to_owned(), self.context.snapshot_id.clone()),
            ("made_at".to_owned(), self.context.made_at.format("%Y-%m-%dT%H:%M:%S").to_string()),
            ("version".to_owned(), self.context.version.clone()),
        ];
        if !params.is_empty() {
            custom.push(("parameters".to_owned(), params.join("; ")));
        }
        Properties {
            title,
            subject: names.fill("{district}　截止{as_of}"),
            author: self.context.office_name.clone(),
            comment: names.fill(PROVENANCE),
            created: self.context.made_at,
            custom,
        }
    }
}

struct TableMember {
    key: Option<String>,
    names: Names,
}

fn member_values(dataset: &Dataset, row: Option<usize>, columns: &[&str]) -> Vec<(String, String)> {
    columns
        .iter()
        .map(|column| {
            ((*column).to_owned(), row.and_then(|row| dataset.value_of(row, column).plain()).unwrap_or_default())
        })
        .collect()
}

/// A database error without the values that an arrow error quotes: they may be personal.
fn without_values(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::ArrowError(..) | DataFusionError::External(_) => {
            "a value could not be computed or converted; run the view's checks".to_owned()
        }
        other => other.strip_backtrace(),
    }
}

/// The rows of one file of a ledger, with what names it.
#[derive(Default)]
struct Member {
    key: Option<String>,
    values: Vec<(String, String)>,
    batches: Vec<RecordBatch>,
}

/// Cuts an ordered stream of batches where the member changes.
struct Cutter<'a> {
    split: Option<&'a Split>,
    current: Member,
    held_rows: usize,
    finished: BTreeSet<String>,
}

impl<'a> Cutter<'a> {
    fn new(split: Option<&'a Split>) -> Self {
        Self { split, current: Member::default(), held_rows: 0, finished: BTreeSet::new() }
    }

    /// Takes the next batch and gives back the members it completes.
    fn push(&mut self, batch: RecordBatch) -> Result<Vec<Member>, String> {
        let mut completed = Vec::new();
        let Some(split) = self.split else {
            self.hold(batch);
            return Ok(completed);
        };
        let by = &split.by.value;
        let column = batch.column_by_name(by).ok_or_else(|| format!("the result has no column `{by}`"))?;
        let column =
            arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8View).map_err(|error| error.to_string())?;
        let keys = column.as_string_view();
        let key = |row: usize| if keys.is_valid(row) { keys.value(row) } else { "" };
        let mut start = 0;
        for row in 1..=batch.num_rows() {
            if row < batch.num_rows() && key(row) == key(start) {
                continue;
            }
            if self.current.key.as_deref() != Some(key(start)) {
                completed.extend(self.take());
                if !self.finished.insert(key(start).to_owned()) {
                    return Err(format!(
                        "the rows are not in order of `{by}`, so they cannot be split by it; name it first in `order_by`"
                    ));
                }
                self.current.key = Some(key(start).to_owned());
                self.current.values = split
                    .columns()
                    .into_iter()
                    .map(|column| (column.to_owned(), text_at(&batch, column, start)))
                    .collect();
            }
            self.hold(batch.slice(start, row - start));
            start = row;
        }
        Ok(completed)
    }

    fn hold(&mut self, batch: RecordBatch) {
        self.held_rows += batch.num_rows();
        self.current.batches.push(batch);
    }

    fn take(&mut self) -> Option<Member> {
        self.held_rows = 0;
        Some(std::mem::take(&mut self.current)).filter(|member| !member.batches.is_empty())
    }

    fn finish(mut self) -> Option<Member> {
        self.take()
    }
}

fn text_at(batch: &RecordBatch, column: &str, row: usize) -> String {
    batch.column_by_name(column).and_then(|column| dataset::Cells::of(column).value(row).plain()).unwrap_or_default()
}

type Job = Result<Vec<OutputFile>, Problem>;

/// Files being written, never more at a time than there are workers.
struct Jobs {
    running: JoinSet<Job>,
    slots: Arc<Semaphore>,
    written: Vec<OutputFile>,
    taken: BTreeSet<PathBuf>,
}

impl Jobs {
    fn new(workers: usize) -> Self {
        Self {
            running: JoinSet::new(),
            slots: Arc::new(Semaphore::new(workers.max(1))),
            written: Vec::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Starts a job when a worker is free; a problem of an earlier job ends the report here.
    async fn spawn(&mut self, job: impl FnOnce() -> Job + Send + 'static) -> Result<(), Problem> {
        while let Some(done) = self.running.try_join_next() {
            self.keep(done)?;
        }
        let slot =
            Arc::clone(&self.slots).acquire_owned().await.map_err(|_| Problem::new("", "the workers are gone"))?;
        self.running.spawn_blocking(move || {
            let result = job();
            drop(slot);
            result
        });
        Ok(())
    }

    fn keep(&mut self, done: Result<Job, tokio::task::JoinError>) -> Result<(), Problem> {
        let job = done.map_err(|_| Problem::new("", "a worker stopped while it wrote a file"))?;
        self.written.extend(job?);
        Ok(())
    }

    /// Waits for all; files in path order, whichever was done first.
    async fn finish(mut self) -> Result<Vec<OutputFile>, Problem> {
        let mut first_problem = None;
        while let Some(done) = self.running.join_next().await {
            first_problem = first_problem.or(self.keep(done).err());
        }
        if let Some(problem) = first_problem {
            return Err(problem);
        }
        self.written.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(self.written)
    }
}
