//! The analyst's views: `queries/{staging,marts,checks}/<name>.sql` and the `.yml` beside each.
//!
//! Reads files into plain data and finds what reads what from the parsed SQL. Plans nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use serde::Deserialize;

use super::closed::ClosedMonths;
use crate::diagnostic::{Context, Diagnostic, Place, Result, Severity};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    Staging,
    Mart,
    /// Returns offending rows; empty means pass.
    Check,
}

impl Layer {
    /// Folder names below `queries/`, in the order the layers are built.
    pub const FOLDERS: [(Layer, &'static str); 3] =
        [(Layer::Staging, "staging"), (Layer::Mart, "marts"), (Layer::Check, "checks")];

    pub fn name(self) -> &'static str {
        match self {
            Layer::Staging => "staging view",
            Layer::Mart => "mart",
            Layer::Check => "check",
        }
    }
}

/// One view as written by the analyst.
#[derive(Debug, Clone)]
pub struct View {
    pub name: String,
    pub layer: Layer,
    pub path: PathBuf,
    pub sql: String,
    /// Tables and views the SQL reads, sorted.
    pub reads: Vec<String>,
    pub model: Model,
    pub unit_tests: Vec<UnitTest>,
    pub yml: Option<PathBuf>,
}

impl View {
    /// Computed once a night and kept, rather than each time it is read.
    pub fn is_materialized(&self) -> bool {
        self.model.config.materialized == Some(Materialized::Table)
    }
}

/// An entry of `models:` in dbt's property-file shape, with our `label` and `unit`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub label: String,
    #[serde(default)]
    pub config: ModelConfig,
    #[serde(default)]
    pub columns: Vec<ModelColumn>,
    #[serde(default)]
    pub data_tests: Vec<serde_json::Value>,
    #[serde(default)]
    pub meta: serde_json::Value,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    pub materialized: Option<Materialized>,
    /// Set where rows speak for whole months, so that they are frozen when the month is closed.
    pub closed_months: Option<ClosedMonths>,
    #[serde(default)]
    pub severity: FailsAs,
    #[serde(default)]
    pub meta: serde_json::Value,
    #[serde(default)]
    pub tags: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Materialized {
    Table,
    View,
}

/// What a failing check or data test is; errors stop the reports that use the view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailsAs {
    #[serde(alias = "warning")]
    Warn,
    #[default]
    Error,
}

impl From<FailsAs> for Severity {
    fn from(fails_as: FailsAs) -> Self {
        match fails_as {
            FailsAs::Warn => Severity::Warning,
            FailsAs::Error => Severity::Error,
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelColumn {
    pub name: String,
    #[serde(default)]
    pub label: String,
    #[serde(default)]
    pub unit: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub data_tests: Vec<serde_json::Value>,
    #[serde(default)]
    pub indicator: Indicator,
    #[serde(default)]
    pub meta: serde_json::Value,
}

/// Which figure a column is, where its name, label and unit do not tell. Columns that agree in all three are one
/// indicator: wherever reports show them for the same place and time, they show the same value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indicator {
    /// `view.column` of another view: the same figure, called otherwise.
    pub same_as: Option<String>,
    /// Why it is another figure than the columns of other views that are called the same.
    pub apart: Option<String>,
    /// The columns its value depends on, where they are fewer than tell the view's rows apart.
    #[serde(default)]
    pub by: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitTest {
    pub name: String,
    pub model: String,
    #[serde(default)]
    pub description: String,
    /// The run's date; tests that do not care leave it out.
    pub as_of: Option<String>,
    #[serde(default)]
    pub given: Vec<Given>,
    pub expect: Rows,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    pub input: String,
    #[serde(default)]
    pub rows: Vec<BTreeMap<String, serde_json::Value>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    #[serde(default)]
    pub rows: Vec<BTreeMap<String, serde_json::Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PropertyFile {
    #[serde(default)]
    #[expect(dead_code, reason = "dbt's files carry it")]
    version: Option<u32>,
    #[serde(default)]
    models: Vec<Model>,
    #[serde(default)]
    unit_tests: Vec<UnitTest>,
}

/// `ref('name')` or a plain name.
pub fn referenced_name(text: &str) -> &str {
    let inner = text.trim().strip_prefix("ref(").and_then(|t| t.strip_suffix(')')).unwrap_or(text);
    inner.trim().trim_matches(['\'', '"'])
}

/// All views of a project by name.
#[derive(Debug, Clone, Default)]
pub struct ViewCatalog {
    views: BTreeMap<String, View>,
}

impl ViewCatalog {
    /// Reads every view below `root`. Views that cannot be parsed, or are named like one of `tables`, are left out and
    /// reported.
    pub fn load(root: &Path, tables: &BTreeSet<String>) -> (Self, Vec<Diagnostic>) {
        let mut catalog = Self::default();
        let mut problems = Vec::new();
        for (layer, folder) in Layer::FOLDERS {
            let folder = root.join(folder);
            problems.extend(described_without_sql(&folder));
            match files_of(&folder, "sql") {
                Ok(files) => {
                    for path in files {
                        match load_view(layer, &path) {
                            // Whoever reads the name would get the one for the other.
                            Ok(view) if tables.contains(&view.name) => problems.push(
                                Diagnostic::error(format!("view `{}` has the name of a table", view.name))
                                    .in_file(&path)
                                    .effect("the view is left out; what reads the name reads the table")
                                    .hint(format!("give the file another name, such as `stg_{}.sql`", view.name)),
                            ),
                            Ok(view) => {
                                if let Some(other) = catalog.views.get(&view.name) {
                                    problems.push(
                                        Diagnostic::error(format!("a view named `{}` exists already", view.name))
                                            .in_file(&path)
                                            .note("other", other.path.display().to_string()),
                                    );
                                } else {
                                    catalog.views.insert(view.name.clone(), view);
                                }
                            }
                            Err(problem) => problems.push(problem),
                        }
                    }
                }
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(catalog.refuse_cycles());
        problems.extend(catalog.refuse_layer_jumps());
        (catalog, problems)
    }

    pub fn get(&self, name: &str) -> Option<&View> {
        self.views.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &View> {
        self.views.values()
    }

    /// Views that read `name`, directly or through others, in name order.
    pub fn dependents(&self, name: &str) -> Vec<&str> {
        let mut found: BTreeSet<&str> = BTreeSet::new();
        loop {
            let more: Vec<&str> = self
                .views
                .values()
                .filter(|v| !found.contains(v.name.as_str()))
                .filter(|v| v.reads.iter().any(|r| r == name || found.contains(r.as_str())))
                .map(|v| v.name.as_str())
                .collect();
            if more.is_empty() {
                return found.into_iter().collect();
            }
            found.extend(more);
        }
    }

    /// The views needed to answer from `names`, each after what it reads.
    pub fn in_order<'a>(&'a self, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a View> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for name in names {
            self.visit(name, &mut seen, &mut order);
        }
        order
    }

    fn visit<'a>(&'a self, name: &str, seen: &mut BTreeSet<&'a str>, order: &mut Vec<&'a View>) {
        if let Some(view) = self.views.get(name)
            && seen.insert(&view.name)
        {
            for read in &view.reads {
                self.visit(read, seen, order);
            }
            order.push(view);
        }
    }

    fn refuse_cycles(&mut self) -> Vec<Diagnostic> {
        let in_cycle: Vec<String> =
            self.views.keys().filter(|name| self.dependents(name).contains(&name.as_str())).cloned().collect();
        in_cycle
            .iter()
            .filter_map(|name| self.views.remove(name))
            .map(|view| {
                Diagnostic::error(format!("view `{}` reads itself, directly or through others", view.name))
                    .in_file(view.path)
                    .note("cycle", in_cycle.join(", "))
                    .effect("not built, nor what reads it")
            })
            .collect()
    }

    /// Staging reads landed tables, marts and checks read staging views and marts (and the warehouse's own records).
    fn refuse_layer_jumps(&self) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        for view in self.views.values() {
            for read in &view.reads {
                let layer = self.views.get(read).map(|v| v.layer);
                let allowed = match (view.layer, layer) {
                    (Layer::Staging, None) => true,
                    (Layer::Staging, Some(_)) => false,
                    (_, Some(Layer::Staging | Layer::Mart)) => true,
                    (_, Some(Layer::Check)) => false,
                    (_, None) => super::SYSTEM_TABLES.contains(&read.as_str()),
                };
                if !allowed && self.is_known_elsewhere(read) {
                    problems.push(
                        Diagnostic::warning(format!(
                            "{} `{}` reads `{read}`, which its layer should not",
                            view.layer.name(),
                            view.name
                        ))
                        .in_file(&view.path)
                        .hint("staging views read landed tables; marts and checks read staging views and marts"),
                    );
                }
            }
        }
        problems
    }

    /// A name that is no view may be a landed table (then the rule speaks) or a typo (then planning says so).
    fn is_known_elsewhere(&self, name: &str) -> bool {
        self.views.contains_key(name) || self.views.contains_key(&format!("stg_{name}"))
    }
}

/// A description whose query is missing or named differently would say nothing of anything.
fn described_without_sql(folder: &Path) -> Vec<Diagnostic> {
    // A folder that cannot be listed is reported with its queries.
    let described = files_of(folder, "yml").unwrap_or_default();
    let alone = described.into_iter().filter(|yml| !yml.with_extension("sql").is_file());
    alone
        .map(|yml| {
            let stem = yml.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Diagnostic::error(format!("describes no view: there is no `{stem}.sql` beside it"))
                .in_file(yml)
                .hint("a view is `<name>.sql` with `<name>.yml` beside it")
        })
        .collect()
}

fn files_of(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).doing("listing the views")? {
        let path = entry.doing("listing the views")?.path();
        if path.extension().is_some_and(|e| e == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn load_view(layer: Layer, path: &Path) -> Result<View> {
    let sql = fs_err::read_to_string(path).doing("reading a view")?;
    let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
    let reads = reads_of(&sql).map_err(|problem| relocate(problem, path, &sql))?;
    let yml = path.with_extension("yml");
    let mut view = View {
        name: name.clone(),
        layer,
        path: path.to_owned(),
        sql,
        reads,
        model: Model::default(),
        unit_tests: Vec::new(),
        yml: None,
    };
    if yml.is_file() {
        let text = fs_err::read_to_string(&yml).doing("reading a view's properties")?;
        let file: PropertyFile = serde_saphyr::from_str(&text).map_err(|error| yaml_problem(&error, &yml))?;
        for model in file.models {
            if model.name == name {
                view.model = model;
            }
        }
        if view.model.name.is_empty() {
            return Err(Diagnostic::error(format!("no entry for `{name}` under `models`"))
                .in_file(&yml)
                .hint(format!("the file beside `{name}.sql` describes the view `{name}`")));
        }
        view.unit_tests = file.unit_tests;
        view.yml = Some(yml);
    }
    Ok(view)
}

/// A YAML error at its line and column.
pub fn yaml_problem(error: &serde_saphyr::Error, path: &Path) -> Diagnostic {
    let place = match error.location() {
        Some(at) => Place::at(path, at.line() as u32, at.column() as u32),
        None => Place::file(path),
    };
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or("not valid YAML");
    let said = format!(" at line {}, column {}", place.line.unwrap_or(0), place.column.unwrap_or(0));
    Diagnostic::error(text.replace(&said, "")).at(place)
}

/// Parses one SELECT and gives the tables and views it reads.
pub fn reads_of(sql: &str) -> Result<Vec<String>> {
    let statement = parse_one(sql)?;
    let (tables, _ctes) = resolve_table_references(&statement, true)
        .map_err(|error| super::problem::from_datafusion(&error, "not a query"))?;
    let names: BTreeSet<String> = tables.iter().map(|t| t.table().to_owned()).collect();
    Ok(names.into_iter().collect())
}

/// Exactly one statement.
pub fn parse_one(sql: &str) -> Result<Statement> {
    let mut statements = DFParser::parse_sql_with_dialect(sql, &GenericDialect {}).map_err(|error| {
        let problem = super::problem::from_datafusion(&error, "not valid SQL");
        // The parser names no place for what it misses at the end.
        let place = problem.place.clone().or_else(|| Some(end_of(sql)));
        Diagnostic { place, ..problem }
    })?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (None, _) => Err(Diagnostic::error("there is no SQL statement")),
        (Some(_), _) => Err(Diagnostic::error("there are several SQL statements where one is expected")),
    }
}

fn end_of(sql: &str) -> Place {
    let text = sql.trim_end();
    let last = text.lines().next_back().unwrap_or_default();
    let count = |number: usize| u32::try_from(number.max(1)).unwrap_or(u32::MAX);
    Place::at("", count(text.lines().count()), count(last.chars().count()))
}

/// Puts a problem found in a SQL text into the file the text came from.
pub(super) fn relocate(mut problem: Diagnostic, path: &Path, sql: &str) -> Diagnostic {
    let place = problem.place.take().unwrap_or_default();
    problem.place = Some(Place { file: path.to_owned(), ..place });
    if problem.source.is_none() {
        problem.source = Some(sql.to_owned());
    }
    problem
}
