//! Making a report: datasets are fetched once, split by member, laid out and written in parallel, and moved
//! into place when all are done.
//!
//! The rows of a ledger are parted by member (`members`), and each member is handed to a worker when one is free.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use futures::TryStreamExt;

use super::dataset::{self, Dataset, OrderTerm};
use super::document::{self, FrontMatter};
use super::export::{self, Document, ExportError};
use super::form::{Form, Kind, SheetForm};
use super::jobs::{Jobs, Made};
use super::layout::{Properties, WorkbookLayout};
use super::manifest::{Content, DatasetSpec, Output, Report, Split, column_hint, extensions_hint, listed};
use super::means::Means;
use super::members::{self, Cutter, Gathered, Member};
use super::provenance::Provenance;
use super::recompose::Kept;
use super::sources::{Known, Ratios};
use super::summary::{self, Summary, Visible};
use super::wording::{Names, PROVENANCE};
use super::yaml;
use super::{
    Beside, Figures, Issue, OutputFile, Problem, RunContext, ViewMeta, compose, files, fonts, provenance, publication,
};

/// Makes every file of the report below `out`. On a problem nothing that was there before has changed.
pub async fn render(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
    out: &Path,
) -> Result<Vec<OutputFile>, Problem> {
    let names = names_of(report, context)?;
    let means = Means { pictures: context.pictures.clone(), code_lists: figures.code_lists() };
    let report = &report.clone().lent(&Arc::new(means));
    let unwritable = |error: std::io::Error| Problem::unwritable(out, &error);
    let aside = files::Aside::new(out, &report.name, context.editions.as_deref()).await.map_err(unwritable)?;
    // Files made to look at are not published.
    let data = fetch_to_show(report, figures, context, &names, context.editions.is_some()).await?;
    if is_about_nothing(report, &data) {
        return Ok(Vec::new());
    }
    let mut jobs = Jobs::new(context.workers);
    let made = make(report, figures, context, &aside, &data, &names, &mut jobs).await;
    // Also after a problem: no worker may still be writing when the folder aside is cleared.
    let written = jobs.finish().await;
    made?;
    let written = written?;
    // Each file is followed by its record.
    let relatives: Vec<PathBuf> =
        written.iter().flat_map(|made| [made.file.path.clone(), provenance::beside(&made.file.path)]).collect();
    let (made, records): (Vec<OutputFile>, Vec<Beside>) =
        written.into_iter().map(|made| (made.file, made.beside)).unzip();
    // Before the files are in place, so that none is there that nobody remembers.
    remember(report, context, &records).map_err(unwritable)?;
    let places = aside.commit(&relatives, context.params.is_empty()).map_err(unwritable)?;
    Ok(made.into_iter().zip(places.into_iter().step_by(2)).map(|(file, path)| OutputFile { path, ..file }).collect())
}

/// Whether a report that sums something up finds nothing of it: the row that it is all about is missing, and all other rows.
fn is_about_nothing(report: &Report, data: &BTreeMap<String, Dataset>) -> bool {
    let has_missing_row = report.datasets.iter().any(|(name, spec)| spec.single && data.contains_key(name));
    has_missing_row && data.values().all(|dataset| dataset.rows.num_rows() == 0)
}

/// Every dataset that is held whole, as the report shows it. What it publishes is kept where that is asked for.
async fn fetch_to_show(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
    names: &Names,
    is_kept: bool,
) -> Result<BTreeMap<String, Dataset>, Problem> {
    let mut data = fetch(report, figures, names).await?;
    if let Some(publication) = &report.publication {
        let register = context.published.as_deref();
        publication::protect(publication, (&report.path, &report.name), &mut data, context.as_of, register, is_kept)?;
    }
    Ok(data)
}

/// The datasets as the report shows them: what it hides is hidden.
pub(super) async fn shown(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
) -> Result<BTreeMap<String, Dataset>, Problem> {
    fetch_to_show(report, figures, context, &names_of(report, context)?, false).await
}

/// The rows of one dataset with every column of its view, in the order in which the report reads them.
pub(super) async fn whole_rows(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
    dataset: &str,
) -> Result<Dataset, Problem> {
    let Some(spec) = report.datasets.get(dataset) else { return Ok(Dataset::default()) };
    let spec = &spec.in_full_order(figures.labels(&spec.view.value).as_ref(), report.publication.as_ref());
    let failed = |problem| in_dataset(report, dataset, spec, problem);
    let batches = figures.fetch(&dataset::sql(spec, &[], &names_of(report, context)?, None)).await.map_err(failed)?;
    Dataset::new(&batches).map_err(|error| failed(run_problem(error.into())))
}

/// Enters what was made into the register.
fn remember(report: &Report, context: &RunContext, records: &[Beside]) -> std::io::Result<()> {
    let is_issued = context.editions.is_some();
    let issue = Issue::of(records, &context.inputs.pinned, report.is_ledger(), is_issued);
    let (Some(register), Some(issue)) = (&context.register, issue) else { return Ok(()) };
    match register.add(issue) {
        // Who may only read the warehouse may still make files of their own.
        Err(error)
            if !is_issued && matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
        {
            Ok(())
        }
        done => done,
    }
}

/// A file by its place below the output folder, and the column and key of its member.
pub(super) type Wanted<'a> = (&'a Path, Option<(&'a str, &'a str)>);

/// Lays out the file that is wanted, else every file but row lists, and writes none. Rows are read whole, with columns no
/// form shows.
pub(super) async fn keep(
    report: &Report,
    figures: &dyn Figures,
    context: &RunContext,
    wanted: Option<Wanted<'_>>,
) -> Result<(Vec<(PathBuf, Document)>, BTreeMap<String, Dataset>), Problem> {
    let names = names_of(report, context)?;
    let whole = report.with_whole_rows();
    let data = fetch(&whole, figures, &names).await?;
    let mut jobs = Jobs::keeping(Kept::new(wanted.map(|(path, _)| path)));
    let metas = metas(report, figures);
    for output in &whole.outputs {
        let member = wanted.and_then(|(_, member)| member);
        let making = Making { report: &whole, declared: report, output, context, aside: None, metas: &metas, member };
        match &output.content {
            Content::Form(form) => match form.sheets.first().filter(|sheet| sheet.kind == Kind::Ledger) {
                Some(_) if wanted.is_none() => {}
                Some(sheet) => making.ledger(sheet, figures, &names, &mut jobs).await?,
                None => making.tables(form, &data, &names, &mut jobs).await?,
            },
            Content::Summary { path, front, source } => {
                making.summaries(path, front, source, (&data, figures), &names, &mut jobs).await?;
            }
        }
    }
    Ok((jobs.kept.map(|kept| kept.documents).unwrap_or_default(), data))
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
    let metas = metas(report, figures);
    for output in &report.outputs {
        let making =
            Making { report, declared: report, output, context, aside: Some(aside), metas: &metas, member: None };
        match &output.content {
            Content::Form(form) => match form.sheets.first().filter(|sheet| sheet.kind == Kind::Ledger) {
                Some(sheet) => making.ledger(sheet, figures, names, jobs).await?,
                None => making.tables(form, data, names, jobs).await?,
            },
            Content::Summary { path, front, source } => {
                making.summaries(path, front, source, (data, figures), names, jobs).await?;
            }
        }
    }
    Ok(())
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

/// What is declared of each dataset's columns, by the dataset's name.
pub(super) fn metas(report: &Report, figures: &dyn Figures) -> BTreeMap<String, ViewMeta> {
    let datasets = report.datasets.iter();
    datasets.filter_map(|(name, spec)| Some((name.clone(), figures.labels(&spec.view.value)?))).collect()
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
        let spec = &spec.in_full_order(figures.labels(&spec.view.value).as_ref(), report.publication.as_ref());
        let columns: Vec<&str> = spec.columns.iter().map(|column| column.value.as_str()).collect();
        let failed = |problem| in_dataset(report, name, spec, problem);
        let batches = figures.fetch(&dataset::sql(spec, &columns, names, None)).await.map_err(failed)?;
        let dataset = Dataset::new(&batches).map_err(|error| failed(run_problem(error.into())))?;
        data.insert(name.clone(), dataset);
    }
    Ok(data)
}

/// One output while it is being made.
struct Making<'a> {
    report: &'a Report,
    /// As its author declared it, where rows are read whole.
    declared: &'a Report,
    output: &'a Output,
    context: &'a RunContext,
    /// Where files are written; none are where it is missing.
    aside: Option<&'a files::Aside>,
    metas: &'a BTreeMap<String, ViewMeta>,
    /// The only member whose rows are read, by column and key.
    member: Option<(&'a str, &'a str)>,
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
                let scope = self.scope(&sheet.dataset.value, dataset, member.key.as_deref());
                let Some(by) = &sheet.by else {
                    sheets.extend(compose::table(sheet, dataset, &scope, &member.names)?);
                    continue;
                };
                let body = dataset.matching(&scope, &sheet.rows);
                let mut rows_of: BTreeMap<String, Vec<usize>> = dataset.groups(&scope, &by.value).into_iter().collect();
                for (value, _) in dataset.groups(&body, &by.value) {
                    let rows = rows_of.remove(&value).unwrap_or_default();
                    let naming = member_values(dataset, rows.first().copied(), &sheet.member_columns());
                    sheets.extend(compose::table(sheet, dataset, &rows, &member.names.with(&naming))?);
                }
            }
            if let Some(contents) = &form.contents {
                sheets.insert(0, compose::contents(contents, &sheets, &member.names)?);
            }
            let rows = sheets.iter().map(|sheet| sheet.data_rows).sum();
            let cells = sheets.iter().map(|sheet| sheet.data_rows * sheet.widths.len()).sum();
            if form.contents.is_some() {
                compose::link_back(&mut sheets);
            }
            let properties = self.properties(&member.names, member.key.as_deref());
            let document = Document::Workbook(WorkbookLayout { properties, sheets });
            self.write(document, rows, cells, &member.names, jobs).await?;
        }
        Ok(())
    }

    async fn summaries(
        &self,
        path: &Path,
        front: &FrontMatter,
        source: &str,
        (data, figures): (&BTreeMap<String, Dataset>, &dyn Figures),
        names: &Names,
        jobs: &mut Jobs,
    ) -> Result<(), Problem> {
        let known = Known { report: self.report, data, metas: self.metas, figures, context: self.context };
        let mut ratios = Ratios::new();
        // Nobody is told how a figure for publication came about.
        let is_traced = !self.report.is_published();
        let main =
            self.output.split.as_ref().and_then(|split| split.dataset.as_ref()).and_then(|name| data.get(&name.value));
        for member in self.members(main, names)? {
            let visible = Visible {
                data,
                rows: data
                    .iter()
                    .map(|(name, dataset)| (name.clone(), self.scope(name, dataset, member.key.as_deref())))
                    .collect(),
                single: self
                    .report
                    .datasets
                    .iter()
                    .filter(|(_, spec)| spec.single)
                    .map(|(name, _)| name.clone())
                    .collect(),
                metas: self.metas,
                is_traced,
            };
            let properties = self.properties(&member.names, member.key.as_deref());
            let front = front.fill(&member.names);
            let pieces = summary::compose(path, source, &visible, &member.names)?;
            let blocks = document::read(&pieces, front.is_numbered);
            // Those who lay a file out again ask for its cells, not for its page.
            let sources = (is_traced && self.aside.is_some()).then(|| known.sources(&blocks, &mut ratios));
            let summary = Summary {
                title: properties.title.clone(),
                as_of: member.names.fill("{as_of}"),
                provenance: member.names.fill(PROVENANCE),
                fonts: self.context.fonts.clone(),
                properties,
                blocks,
                front,
                sources,
            };
            self.check_length(path, &summary)?;
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
        let narrowed = self.member.filter(|(column, _)| split.is_some_and(|split| split.by.value == *column));
        let narrowed = narrowed.map(|(column, key)| spec.only(column, key));
        let spec = narrowed.as_ref().unwrap_or(spec);
        let mut columns: Vec<&str> = sheet.bound_columns().iter().map(|column| column.value.as_str()).collect();
        columns.extend(split.iter().flat_map(|split| split.columns()));
        columns.extend(spec.order_by.iter().map(|order| order.column.as_str()));
        let mut seen = BTreeSet::new();
        columns.retain(|column| seen.insert(*column));
        let order: Arc<[OrderTerm]> = spec.order_by.clone().into();
        let sheet = Arc::new(sheet.clone());
        let in_dataset = |problem| in_dataset(self.report, &sheet.dataset.value, spec, problem);
        let failed = |error: DataFusionError| in_dataset(run_problem(error));
        if let Some(split) = split {
            let mut stream = figures
                .stream_in_any_order(&dataset::unordered_sql(spec, &columns, names))
                .await
                .map_err(in_dataset)?;
            let mut gathered = Gathered::new(split);
            while gathered.bytes <= self.context.gathered_bytes_max
                && let Some(batch) = stream.try_next().await.map_err(failed)?
            {
                gathered.push(&batch).map_err(|error| failed(error.into()))?;
            }
            if gathered.bytes <= self.context.gathered_bytes_max {
                for member in gathered.into_members() {
                    let member = member.map_err(|error| failed(error.into()))?;
                    self.write_ledger(&sheet, member, &order, names, jobs).await?;
                }
                return Ok(());
            }
        }
        let together = split.map(|split| split.by.value.as_str());
        let mut stream = figures.stream(&dataset::sql(spec, &columns, names, together)).await.map_err(in_dataset)?;
        let mut cutter = Cutter::new(split);
        while let Some(batch) = stream.try_next().await.map_err(failed)? {
            for finished in cutter.push(&batch).map_err(|error| failed(error.into()))? {
                self.write_ledger(&sheet, finished, &order, names, jobs).await?;
            }
            if cutter.held_rows > self.context.workbook_rows_max {
                return Err(self.too_long());
            }
        }
        match cutter.finish().map_err(|error| failed(error.into()))? {
            Some(last) => self.write_ledger(&sheet, last, &order, names, jobs).await,
            None if split.is_none() => self.write_ledger(&sheet, Member::default(), &order, names, jobs).await,
            None => Ok(()),
        }
    }

    async fn write_ledger(
        &self,
        sheet: &Arc<SheetForm>,
        member: Member,
        order: &Arc<[OrderTerm]>,
        names: &Names,
        jobs: &mut Jobs,
    ) -> Result<(), Problem> {
        let rows = member.row_count();
        if let (Some(split), Some((column, ""))) = (&self.output.split, member.key()) {
            return Err(self.without_member(split, column, rows));
        }
        if rows > self.context.workbook_rows_max {
            return Err(self.too_long());
        }
        let names = names.with(&member.values);
        let properties = self.properties(&names, member.key().map(|(_, key)| key));
        let (sheet, order, cells) = (Arc::clone(sheet), Arc::clone(order), rows * sheet.columns().len());
        let layout_names = names.clone();
        self.write_with(
            move || {
                let batches = member.batches.iter().map(dataset::canonical).collect::<Result<Vec<_>, _>>()?;
                let batches = if batches.is_empty() { batches } else { vec![members::sorted(&batches, &order)?] };
                Ok(Document::Workbook(WorkbookLayout {
                    properties,
                    sheets: compose::ledger(&sheet, batches, &layout_names)?,
                }))
            },
            (rows, cells),
            &names,
            jobs,
        )
        .await
    }

    /// Left out, rows would be missing from every file and nobody would know.
    fn without_member(&self, split: &Split, column: &str, rows: usize) -> Problem {
        let message = format!("{rows} rows have no `{column}` and would be in no file");
        yaml::problem(&self.report.path, &split.by, message)
            .hint(format!("where they are to be left out, say `where: {{{column}: {{not: null}}}}` in the dataset"))
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
        self.write_with(move || Ok(document), (rows, cells), names, jobs).await
    }

    /// Waits for a free worker, then lets it lay out and write the document in every format that takes it.
    async fn write_with(
        &self,
        document: impl FnOnce() -> Result<Document, ArrowError> + Send + 'static,
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
        let Some(aside) = self.aside else {
            if let Some((_, path)) = files.into_iter().find(|(_, path)| jobs.wants(path)) {
                let document = document()
                    .map_err(|error| Problem { file: self.report.path.clone(), ..run_problem(error.into()) })?;
                jobs.keep_document(path, document);
            }
            return Ok(());
        };
        let again = self.context.again.clone();
        let is_wanted = |path: &Path| again.as_ref().is_none_or(|again| Path::new(&again.file) == path);
        let has_fonts = || fonts::found(self.context.fonts.as_deref()).is_chinese;
        let places: Vec<_> = files
            .into_iter()
            .filter(|(exporter, path)| is_wanted(path) && (!exporter.needs_fonts || has_fonts()))
            .map(|(exporter, path)| (exporter, aside.path(&path), path))
            .collect();
        if places.is_empty() {
            return Ok(());
        }
        let report_path = self.report.path.clone();
        jobs.spawn(move || {
            let mut document =
                document().map_err(|error| Problem { file: report_path, ..run_problem(error.into()) })?;
            let mut written = Vec::new();
            for (exporter, place, path) in places {
                let unwritable = |error: ExportError| Problem::unwritable(&path, &error);
                let carried = &mut document.properties_mut().record;
                carried.file = path.display().to_string();
                let record = carried.clone();
                if let Some(again) = &again {
                    *carried = again.as_ref().clone();
                }
                let (content, file) =
                    files::write::<ExportError>(&place, |out| (exporter.write)(&document, out)).map_err(unwritable)?;
                let bytes = content.bytes;
                let beside = Beside { record, content };
                let (_, record) = files::write::<ExportError>(&provenance::beside(&place), |out| {
                    Ok(out.write_all(beside.text().as_bytes())?)
                })
                .map_err(unwritable)?;
                let file_of = OutputFile { path, bytes, rows, cells };
                written.push(Made { file: file_of, beside, unsynced: vec![file, record] });
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
        let members = main.groups(&main.all_rows(), &split.by.value);
        if let Some((_, rows)) = members.iter().find(|(key, _)| key.is_empty()) {
            return Err(self.without_member(split, &split.by.value, rows.len()));
        }
        Ok(members
            .into_iter()
            .map(|(key, rows)| TableMember {
                names: names.with(&member_values(main, rows.first().copied(), &split.columns())),
                key: Some(key),
            })
            .collect())
    }

    /// The rows that belong to a member; all rows of a dataset that is declared without the split column.
    fn scope(&self, name: &str, dataset: &Dataset, key: Option<&str>) -> Vec<usize> {
        let is_declared = |column: &str| {
            let columns = self.declared.datasets.get(name).map(|spec| spec.columns.as_slice()).unwrap_or_default();
            columns.is_empty() || columns.iter().any(|declared| declared.value == column)
        };
        match (&self.output.split, key) {
            (Some(split), Some(key)) if dataset.column(&split.by.value).is_some() && is_declared(&split.by.value) => {
                dataset
                    .all_rows()
                    .into_iter()
                    .filter(|row| dataset.value_of(*row, &split.by.value).plain().as_deref() == Some(key))
                    .collect()
            }
            _ => dataset.all_rows(),
        }
    }

    /// A text longer than its report allows is not made: what is to be left out, its author has to decide.
    fn check_length(&self, path: &Path, summary: &Summary) -> Result<(), Problem> {
        let Some(most) = &self.output.characters_max else { return Ok(()) };
        let (in_blocks, parts) = document::characters(&summary.blocks);
        let count = document::of_text(&summary.title) + in_blocks;
        if count <= most.value {
            return Ok(());
        }
        let template = path.file_name().unwrap_or_default().to_string_lossy();
        let message = format!("`{template}` makes {count} characters, `characters_max` is {}", most.value);
        let problem = yaml::problem(&self.report.path, most, message);
        Err(match parts.iter().max_by_key(|(_, length)| *length) {
            Some((heading, length)) => {
                problem.hint(format!("`{heading}` alone has {length}; take fewer rows with `limit`, or say less"))
            }
            None => problem.hint("take fewer rows with `limit`, or say less"),
        })
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
            .hint(column_hint(column, &names.iter().map(String::as_str).collect::<Vec<_>>()))),
        }
    }

    fn properties(&self, names: &Names, key: Option<&str>) -> Properties {
        let title = names.fill(self.output.title.as_ref().map_or(&self.report.title, |title| &title.value));
        Properties {
            subject: names.fill("{district}　截止{as_of}"),
            author: self.context.office_name.clone(),
            comment: names.fill(PROVENANCE),
            created: self.context.made_at,
            record: self.record(&title, names, key),
            title,
        }
    }

    /// Where the file comes from; its name is known when it is written.
    fn record(&self, title: &str, names: &Names, key: Option<&str>) -> Provenance {
        let inputs = &self.context.inputs;
        let (queries, tables) = inputs.below(&self.report.views());
        let member = self.output.split.as_ref().zip(key).map(|(split, key)| provenance::Member {
            column: split.by.value.clone(),
            key: key.to_owned(),
            name: split.name.as_ref().and_then(|name| names.get(&name.value)).map(str::to_owned),
        });
        // Not by name: a member's column may be called like a parameter.
        let parameters = self.report.parameters.iter().map(|parameter| {
            let chosen = self.context.params.get(&parameter.name).unwrap_or(&parameter.default);
            (parameter.name.clone(), chosen.clone())
        });
        Provenance {
            report: self.report.name.clone(),
            title: title.to_owned(),
            member,
            parameters: parameters.collect(),
            as_of: self.context.as_of,
            snapshot: self.context.snapshot_id.clone(),
            tables: inputs.tables.clone(),
            made_at: self.context.made_at,
            program: self.context.version.clone(),
            settings: inputs.settings.clone(),
            templates: self.report.templates.clone(),
            queries,
            batches: tables
                .into_iter()
                .filter(|table| inputs.pinned.contains_key(*table))
                .map(|table| (table.to_owned(), inputs.batches.get(table).cloned().unwrap_or_default()))
                .collect(),
            ..Provenance::new()
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

/// What went wrong while rows were read or changed, without a value of theirs.
fn run_problem(error: DataFusionError) -> Problem {
    Problem::from(crate::query::run_problem(&error))
}

/// A problem of a query that a dataset stands for: nobody has written it, so the place is where its view is named.
fn in_dataset(report: &Report, name: &str, spec: &DatasetSpec, problem: Problem) -> Problem {
    if !problem.file.as_os_str().is_empty() {
        return problem;
    }
    let message = format!("dataset `{name}`: {}", problem.message);
    let placed = yaml::problem(&report.path, &spec.view, message);
    Problem { hint: problem.hint, fault: problem.fault, ..placed }
}
