//! `report.yml`: what a report is called, which datasets it reads and which files it makes.
//!
//! Loading checks everything that needs no data: unknown keys, names in braces, datasets a form mentions
//! but nobody declares. Whether a view has a column is checked against [`super::Figures::labels`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::dataset::{self, Condition, OrderTerm};
use super::document::FrontMatter;
use super::export::{self, DocumentKind};
use super::form::{self, Form};
use super::means::Means;
use super::publication::{Publication, PublicationFile};
use super::wording::{Names, STANDING_NAMES, names_in};
use super::yaml::{self, Spanned};
use super::{Problem, ViewMeta};
use super::{provenance, template};
use crate::diagnostic::did_you_mean;
use crate::district::periods::PeriodKind;

/// One folder of `report-templates`, read and checked.
#[derive(Debug, Clone)]
pub struct Report {
    /// The folder's name, by which a person asks for the report.
    pub name: String,
    pub title: String,
    pub description: String,
    pub parameters: Vec<Parameter>,
    /// The path of `report.yml`.
    pub path: PathBuf,
    /// BLAKE3 of each file in the folder, by path below it.
    pub(super) templates: BTreeMap<String, String>,
    pub(super) period: PeriodKind,
    pub(super) datasets: BTreeMap<String, DatasetSpec>,
    pub(super) outputs: Vec<Output>,
    /// Set when the report leaves the house.
    pub(super) publication: Option<Publication>,
}

impl Report {
    /// The views the report reads, each once.
    pub fn views(&self) -> Vec<&str> {
        let mut views: Vec<&str> = self.datasets.values().map(|spec| spec.view.value.as_str()).collect();
        views.sort_unstable();
        views.dedup();
        views
    }

    /// Whether one of its files cannot be made without a Chinese font.
    pub(super) fn needs_fonts(&self) -> bool {
        self.outputs.iter().any(|output| {
            export::files_of(output.content.kind(), Path::new(&output.file.value))
                .iter()
                .any(|(exporter, _)| exporter.needs_fonts)
        })
    }

    /// Whether it leaves the office, with small figures kept from being shown.
    pub fn is_published(&self) -> bool {
        self.publication.is_some()
    }

    /// BLAKE3 of each of its files, by path below its folder.
    pub fn template_hashes(&self) -> &BTreeMap<String, String> {
        &self.templates
    }

    /// The same report over all columns of its views, so that a row can be told from every other.
    pub(super) fn with_whole_rows(&self) -> Self {
        let mut whole = self.clone();
        whole.datasets.values_mut().for_each(|spec| spec.columns.clear());
        whole
    }

    /// The report with what the project lends it while it is made.
    pub(super) fn lent(mut self, means: &Arc<Means>) -> Self {
        for output in &mut self.outputs {
            if let Content::Form(form) = &mut output.content {
                form.sheets.iter_mut().for_each(|sheet| sheet.means = Arc::clone(means));
            }
        }
        self
    }

    /// Whether one of its files is a row list.
    pub fn has_row_lists(&self) -> bool {
        let is_list = |sheet: &form::SheetForm| sheet.kind == form::Kind::Ledger;
        self.outputs.iter().any(|output| match &output.content {
            Content::Form(form) => form.sheets.iter().any(is_list),
            Content::Summary { .. } => false,
        })
    }

    /// Views and columns by whose values files and sheets are called.
    pub fn naming_columns(&self) -> Vec<(&str, &str)> {
        let mut naming: Vec<(&Spanned<String>, &str)> = Vec::new();
        for output in &self.outputs {
            let split = output.split.as_ref().map(Split::columns).unwrap_or_default();
            let of_members = output.split.iter().filter_map(|split| split.dataset.as_ref());
            naming.extend(of_members.flat_map(|dataset| split.iter().map(move |column| (dataset, *column))));
            let Content::Form(form) = &output.content else { continue };
            for sheet in &form.sheets {
                let called = sheet.by.iter().chain(&sheet.named).map(|column| column.value.as_str());
                naming.extend(called.chain(split.iter().copied()).map(|column| (&sheet.dataset, column)));
            }
        }
        let view = |dataset: &Spanned<String>| Some(self.datasets.get(&dataset.value)?.view.value.as_str());
        naming.into_iter().filter_map(|(dataset, column)| Some((view(dataset)?, column))).collect()
    }

    /// Whether it makes nothing but row lists.
    pub(super) fn is_ledger(&self) -> bool {
        let is_list = |form: &Form| form.sheets.first().is_some_and(|sheet| sheet.kind == form::Kind::Ledger);
        self.outputs.iter().all(|output| matches!(&output.content, Content::Form(form) if is_list(form)))
    }

    /// File names as declared, names in braces and all.
    pub fn file_patterns(&self) -> Vec<String> {
        self.outputs.iter().map(|output| output.file.value.clone()).collect()
    }
}

/// A choice the caller may make with `-P name=value`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    pub name: String,
    pub label: String,
    /// An empty value drops the conditions that mention the parameter: all rows.
    #[serde(default)]
    pub default: String,
    /// When given, no other value is taken.
    #[serde(default)]
    pub choices: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct DatasetSpec {
    pub view: Spanned<String>,
    pub columns: Vec<Spanned<String>>,
    pub conditions: Vec<(String, Condition)>,
    pub order_by: Vec<OrderTerm>,
    pub limit: Option<u32>,
    /// Exactly one row, which a template reads as `name.column`.
    pub single: bool,
}

impl DatasetSpec {
    /// The same with an order that tells every row from every other: where the declared one leaves rows equal, what the
    /// view's tests say tells them apart decides, else all its columns. Never what may be hidden: it would show in the order.
    pub(super) fn in_full_order(&self, meta: Option<&ViewMeta>, publication: Option<&Publication>) -> Self {
        let mut full = self.clone();
        let Some(meta) = meta.filter(|_| !self.order_by.is_empty()) else { return full };
        let described = || meta.columns.iter().map(|column| column.name.clone()).collect();
        let telling: Vec<String> = if meta.grain.is_empty() { described() } else { meta.grain.clone() };
        let is_open = |column: &String| publication.is_none_or(|publication| !publication.may_hide(column));
        for column in telling.into_iter().filter(is_open) {
            if !full.order_by.iter().any(|term| term.column == column) {
                full.order_by.push(OrderTerm { column, is_descending: false });
            }
        }
        full
    }

    /// Only the rows in which a column has this value.
    pub(super) fn only(&self, column: &str, value: &str) -> Self {
        let mut narrowed = self.clone();
        narrowed.conditions.push((column.to_owned(), Condition::is(value)));
        narrowed
    }
}

#[derive(Debug, Clone)]
pub(super) struct Output {
    pub content: Content,
    /// Below the output folder; an extension is added per format when it has none.
    pub file: Spanned<String>,
    /// Replaces the report's title in this output.
    pub title: Option<Spanned<String>>,
    pub split: Option<Split>,
    /// Most characters a summary may have; a longer one is not made.
    pub characters_max: Option<Spanned<usize>>,
}

#[expect(clippy::large_enum_variant, reason = "an output holds one content")]
#[derive(Debug, Clone)]
pub(super) enum Content {
    Form(Form),
    Summary { path: PathBuf, front: Box<FrontMatter>, source: String },
}

impl Content {
    pub(super) fn kind(&self) -> DocumentKind {
        match self {
            Self::Form(_) => DocumentKind::Workbook,
            Self::Summary { .. } => DocumentKind::Summary,
        }
    }
}

/// One file per value of a column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Split {
    /// The dataset whose values make the members of a summary; a form has its own.
    #[serde(default)]
    pub dataset: Option<Spanned<String>>,
    pub by: Spanned<String>,
    /// Further columns that name the member, for titles and file names.
    #[serde(default)]
    pub name: Option<Spanned<String>>,
}

impl Split {
    pub(super) fn columns(&self) -> Vec<&str> {
        let mut columns = vec![self.by.value.as_str()];
        columns.extend(self.name.as_ref().map(|name| name.value.as_str()).filter(|name| *name != self.by.value));
        columns
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestFile {
    title: String,
    description: String,
    #[serde(default)]
    period: PeriodKind,
    #[serde(default)]
    parameters: Vec<Parameter>,
    datasets: BTreeMap<String, DatasetFile>,
    outputs: Vec<OutputFile>,
    publication: Option<PublicationFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DatasetFile {
    view: Spanned<String>,
    #[serde(default)]
    columns: Vec<Spanned<String>>,
    #[serde(default, rename = "where")]
    conditions: BTreeMap<String, Spanned<serde_json::Value>>,
    #[serde(default)]
    order_by: Vec<Spanned<String>>,
    limit: Option<u32>,
    #[serde(default)]
    single: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputFile {
    form: Option<Spanned<String>>,
    summary: Option<Spanned<String>>,
    file: Spanned<String>,
    title: Option<Spanned<String>>,
    split: Option<Split>,
    characters_max: Option<Spanned<usize>>,
}

pub(super) fn load(dir: &Path) -> (Vec<Report>, Vec<Problem>) {
    let (mut reports, mut problems) = (Vec::new(), Vec::new());
    let mut folders = match fs_err::read_dir(dir) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect::<Vec<_>>(),
        Err(error) => return (reports, vec![Problem::new(dir, error.to_string())]),
    };
    folders.sort();
    for folder in folders.into_iter().filter(|folder| folder.join("report.yml").is_file()) {
        let mut found = Vec::new();
        match read(&folder, &mut found) {
            Ok(report) if found.is_empty() => reports.push(report),
            Ok(_) => {}
            Err(problem) => found.push(problem),
        }
        problems.append(&mut found);
    }
    refuse_shared_files(&mut reports, &mut problems);
    (reports, problems)
}

/// Leaves out every report that makes a file which another makes as well: one would silently replace the other.
fn refuse_shared_files(reports: &mut Vec<Report>, problems: &mut Vec<Problem>) {
    let mut makers: BTreeMap<PathBuf, &str> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    for report in reports.iter() {
        for output in &report.outputs {
            for (_, file) in export::files_of(output.content.kind(), &declared_path(report, output)) {
                let shown = file.display().to_string();
                let Some(other) = makers.insert(file, &report.name) else { continue };
                let message = if other == report.name {
                    format!("two outputs make `{shown}`")
                } else {
                    format!("reports `{other}` and `{}` both make `{shown}`", report.name)
                };
                problems
                    .push(yaml::problem(&report.path, &output.file, message).hint("give one of them another `file`"));
                refused.extend([report.name.clone(), other.to_owned()]);
            }
        }
    }
    reports.retain(|report| !refused.contains(&report.name));
}

/// The file name with what is known of it before the report is made.
fn declared_path(report: &Report, output: &Output) -> PathBuf {
    Names::default().with(&[("title".to_owned(), report.title.clone())]).fill(&output.file.value).into()
}

fn read(folder: &Path, problems: &mut Vec<Problem>) -> Result<Report, Problem> {
    let path = folder.join("report.yml");
    let file: ManifestFile = yaml::read(&path)?;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let parameters: Vec<&str> = file.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let datasets = file
        .datasets
        .into_iter()
        .map(|(name, spec)| Ok((name, read_dataset(&path, spec, &parameters)?)))
        .collect::<Result<BTreeMap<_, _>, Problem>>()?;
    if file.outputs.is_empty() {
        problems.push(
            Problem::new(&path, "`outputs` is empty").hint("name at least one `form` or `summary`, each with a `file`"),
        );
    }
    let mut outputs = Vec::new();
    for output in file.outputs {
        let mut known: Vec<&str> = STANDING_NAMES.iter().map(|(name, _)| *name).collect();
        known.extend(&parameters);
        if let Some(split) = &output.split {
            known.extend(split.columns());
        }
        for text in std::iter::once(&output.file).chain(&output.title) {
            check_names(&path, text, &known, problems);
        }
        let content = match (&output.form, &output.summary) {
            (Some(form), None) => {
                let form = form::read(&folder.join(&form.value), problems)?;
                check_form(&form, &datasets, &known, problems);
                check_limit(&path, &form, &datasets, output.split.as_ref(), problems);
                Content::Form(form)
            }
            (None, Some(summary)) => {
                let path = folder.join(&summary.value);
                let source = fs_err::read_to_string(&path).map_err(|error| Problem::new(&path, error.to_string()))?;
                let (front, source) = FrontMatter::split(&path, &source)?;
                for text in front.texts() {
                    check_names(&path, text, &known, problems);
                }
                if let Err(problem) = template::compile(&path, &source) {
                    problems.push(problem);
                }
                Content::Summary { path, front: Box::new(front), source }
            }
            _ => return Err(yaml::problem(&path, &output.file, "an output is either a `form` or a `summary`")),
        };
        if export::files_of(content.kind(), Path::new(&output.file.value)).is_empty() {
            problems.push(
                yaml::problem(&path, &output.file, format!("no file can be made of `{}`", output.file.value))
                    .hint(extensions_hint(content.kind())),
            );
        }
        if let Some(most) = &output.characters_max
            && (matches!(content, Content::Form(_)) || most.value == 0)
        {
            problems.push(
                yaml::problem(&path, most, "`characters_max` is for a summary, and at least 1")
                    .hint("a form is as long as its rows; take fewer with `limit`"),
            );
        }
        let OutputFile { file, title, split, characters_max, .. } = output;
        outputs.push(Output { content, file, title, split, characters_max });
    }
    let publication = file.publication.map(|file| Publication::read(&path, file)).transpose()?;
    if let Some(publication) = &publication {
        check_publication(&path, publication, &file.parameters, &datasets, &outputs, problems);
    }
    Ok(Report {
        publication,
        name,
        title: file.title,
        description: file.description,
        parameters: file.parameters,
        templates: provenance::templates(folder)?,
        path,
        period: file.period,
        datasets,
        outputs,
    })
}

fn read_dataset(path: &Path, file: DatasetFile, parameters: &[&str]) -> Result<DatasetSpec, Problem> {
    for name in std::iter::once(&file.view).chain(&file.columns) {
        if !dataset::is_identifier(&name.value) {
            return Err(yaml::problem(path, name, format!("`{}` is not a plain name", name.value))
                .hint("a dataset names a view and its columns; whatever needs SQL belongs into a view"));
        }
    }
    if file.order_by.is_empty() && !file.single {
        return Err(yaml::problem(path, &file.view, "the dataset has no `order_by`")
            .hint("name columns that end in a key, so that rows come in the same order each time"));
    }
    let mut order_by = Vec::with_capacity(file.order_by.len());
    for order in &file.order_by {
        order_by.push(OrderTerm::parse(&order.value).map_err(|message| yaml::problem(path, order, message))?);
    }
    let mut conditions = Vec::new();
    for (column, value) in file.conditions {
        let condition = Condition::parse(&value.value).map_err(|message| yaml::problem(path, &value, message))?;
        if !dataset::is_identifier(&column) {
            return Err(yaml::problem(path, &value, format!("`{column}` is not a column name")));
        }
        for name in condition.names() {
            if !parameters.contains(&name) && !STANDING_NAMES.iter().any(|(standing, _)| *standing == name) {
                return Err(yaml::problem(path, &value, format!("no parameter `{name}`"))
                    .hint(listed("parameters", parameters)));
            }
        }
        conditions.push((column, condition));
    }
    Ok(DatasetSpec {
        view: file.view,
        columns: file.columns,
        conditions,
        order_by,
        limit: file.limit,
        single: file.single,
    })
}

fn check_form(form: &Form, datasets: &BTreeMap<String, DatasetSpec>, known: &[&str], problems: &mut Vec<Problem>) {
    for sheet in &form.sheets {
        if !datasets.contains_key(&sheet.dataset.value) {
            let names: Vec<&str> = datasets.keys().map(String::as_str).collect();
            problems.push(
                yaml::problem(
                    &form.path,
                    &sheet.dataset,
                    format!("no dataset `{}` in report.yml", sheet.dataset.value),
                )
                .hint(listed("datasets", &names)),
            );
        }
        let mut known = known.to_vec();
        known.extend(sheet.member_columns());
        for (text, own) in sheet.texts() {
            check_names(&form.path, text, &[known.as_slice(), &own].concat(), problems);
        }
    }
    for text in form.contents.iter().flat_map(|contents| [&contents.tab, &contents.title]) {
        check_names(&form.path, text, known, problems);
    }
}

/// A limit takes the first rows of the whole list, which says nothing of the members it leaves short.
fn check_limit(
    path: &Path,
    form: &Form,
    datasets: &BTreeMap<String, DatasetSpec>,
    split: Option<&Split>,
    problems: &mut Vec<Problem>,
) {
    if let (Some(split), Some(sheet)) = (split, form.sheets.first().filter(|sheet| sheet.kind == form::Kind::Ledger))
        && datasets.get(&sheet.dataset.value).is_some_and(|spec| spec.limit.is_some())
    {
        problems.push(
            yaml::problem(path, &split.by, format!("dataset `{}` has a `limit` and is split", sheet.dataset.value))
                .hint("rank the rows within each member in a view and choose them with `where`"),
        );
    }
}

/// What would show a hidden figure by another way than its cell.
fn check_publication(
    path: &Path,
    publication: &Publication,
    parameters: &[Parameter],
    datasets: &BTreeMap<String, DatasetSpec>,
    outputs: &[Output],
    problems: &mut Vec<Problem>,
) {
    if !parameters.is_empty() {
        problems.push(
            Problem::new(path, "a published report takes no parameters")
                .hint("two choices of rows may show together what each hides; make each a report of its own"),
        );
    }
    for spec in datasets.values() {
        let ordered = spec.order_by.iter().map(|order| order.column.as_str());
        let chosen = spec.conditions.iter().map(|(column, _)| column.as_str());
        for column in ordered.chain(chosen).filter(|column| publication.may_hide(column)) {
            problems.push(
                yaml::problem(
                    path,
                    &spec.view,
                    format!("rows are ordered or chosen by `{column}`, which may be hidden"),
                )
                .hint("order by codes; a place in an order tells how large a hidden figure is"),
            );
        }
        if spec.limit.is_some() {
            problems.push(
                yaml::problem(path, &spec.view, "a published dataset has no `limit`")
                    .hint("rows that are left out are not known when the others are protected"),
            );
        }
    }
    for (form, sheet) in outputs.iter().flat_map(|output| match &output.content {
        Content::Form(form) => form.sheets.iter().map(|sheet| (form, sheet)).collect(),
        Content::Summary { .. } => Vec::new(),
    }) {
        if sheet.kind == form::Kind::Ledger {
            problems.push(
                Problem::new(&form.path, "a ledger lists persons and cannot be published")
                    .hint("publish counts, or leave `publication` out of report.yml"),
            );
        }
        let sums = sheet.totals.iter().chain(sheet.subtotals.iter().map(|subtotal| &subtotal.totals));
        for totals in sums.filter(|totals| totals.rows.is_none()) {
            problems.push(
                yaml::problem(&form.path, &totals.label, "a published form adds nothing up")
                    .hint("take the totals from rows of the dataset with `rows`, so that they are protected as well"),
            );
        }
    }
}

fn check_names(path: &Path, text: &Spanned<String>, known: &[&str], problems: &mut Vec<Problem>) {
    for name in names_in(&text.value) {
        if !known.contains(&name) {
            let problem = yaml::problem(path, text, format!("`{{{name}}}` stands for nothing"));
            let problem = problem.hint(listed("names", known));
            // A text may be used twice, as a title is for a sheet without a name of its own.
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
}

/// What a file name may end in.
pub(super) fn extensions_hint(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Workbook => "a form becomes an `.xlsx` file",
        DocumentKind::Summary => "a summary becomes `.md`, `.html` and `.pdf` files; leave the extension out for all",
    }
}

/// What helps where `name` is no column: the one that was meant, or all there are.
pub(super) fn column_hint(name: &str, columns: &[&str]) -> String {
    match did_you_mean(name, columns.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => listed("columns", columns),
    }
}

pub(super) fn listed(what: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return format!("there are no {what}");
    }
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    format!("{what}: {}", sorted.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
}
