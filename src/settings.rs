//! `gridhouse.toml`, overlaid by `GRIDHOUSE_<SECTION>_<KEY>` in the environment: what a project has set.
//!
//! Reads no environment itself: the caller hands the variables over. Paths are resolved against the project folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Context, Diagnostic, Place, Result};

pub const FILE_NAME: &str = "gridhouse.toml";
const ENVIRONMENT_PREFIX: &str = "GRIDHOUSE_";

/// The settings of one project. Every key has a default; `gridhouse init` writes the file with all of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub district: District,
    pub paths: Paths,
    pub limits: Limits,
    pub reports: ReportSettings,
    pub upkeep: UpkeepSettings,
    pub access: Access,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct District {
    /// Printed on reports.
    pub name: String,
    /// GB/T 2260, six digits.
    pub code: String,
    /// The office that issues the reports.
    pub office: String,
    /// IANA name; decides which day it is.
    pub time_zone: String,
}

impl Default for District {
    fn default() -> Self {
        Self {
            name: "某市某区".to_owned(),
            code: "000000".to_owned(),
            office: "某区网格化综合服务中心".to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paths {
    pub inbox: PathBuf,
    pub archive: PathBuf,
    pub outbox: PathBuf,
    pub warehouse: PathBuf,
    pub contracts: PathBuf,
    pub reference: PathBuf,
    pub queries: PathBuf,
    pub report_templates: PathBuf,
    /// Fonts besides the system's; none when empty.
    pub fonts: PathBuf,
    /// Pictures that reports show in cells; nothing outside is read.
    pub pictures: PathBuf,
    /// Forms of departments, a folder each.
    pub forms: PathBuf,
    /// The dictionary of data elements.
    pub elements: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            inbox: "inbox".into(),
            archive: "archive".into(),
            outbox: "outbox".into(),
            warehouse: "warehouse".into(),
            contracts: "data/contracts".into(),
            reference: "data/reference".into(),
            queries: "queries".into(),
            report_templates: "report-templates".into(),
            fonts: PathBuf::new(),
            pictures: "pictures".into(),
            forms: "data/forms".into(),
            elements: "data/elements.yml".into(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest delivery on disk.
    pub file_bytes_max: u64,
    /// Largest text of one delivery, unpacked.
    pub unpacked_bytes_max: u64,
    pub cell_bytes_max: usize,
    pub columns_max: usize,
    pub rows_max: u64,
    /// What queries may hold in memory before they spill to disk.
    pub query_memory_bytes: u64,
    /// Most rows one workbook may hold.
    pub workbook_rows_max: usize,
    /// Rows `gridhouse sql` prints before it stops.
    pub sql_rows_max: usize,
    /// Cores to use; 0 takes all.
    pub workers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 4 << 30,
            unpacked_bytes_max: 1 << 30,
            cell_bytes_max: 1 << 20,
            columns_max: 1_000,
            rows_max: 20_000_000,
            query_memory_bytes: 4 << 30,
            workbook_rows_max: 1_000_000,
            sql_rows_max: 10_000,
            workers: 0,
        }
    }
}

impl Limits {
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        }
    }
}

/// For how long the table versions that a report in the outbox was made from stay, so that it can be made again. Counted
/// from its as-of date to the newest date in the warehouse.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportSettings {
    /// Forms and texts: summaries are kept for ten years (统计法实施条例, 22 and 23).
    pub keep_days: u32,
    /// Row lists: originals and ledgers for two years by the same articles, and no longer than need be, for they name
    /// persons (个人信息保护法, 19).
    pub keep_ledger_days: u32,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self { keep_days: 3_660, keep_ledger_days: 740 }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpkeepSettings {
    /// Files that no version of the last so many days needs are removed; at least 7.
    pub retention_days: i64,
}

impl Default for UpkeepSettings {
    fn default() -> Self {
        Self { retention_days: 400 }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Whether `explain --unmasked` may show personal data; each use is recorded with its reason.
    pub unmasked_rows: bool,
}

/// A project folder with its settings.
#[derive(Debug, Clone)]
pub struct Project {
    pub root: PathBuf,
    pub settings: Settings,
}

impl Project {
    /// The nearest folder from `start` upward that holds a `gridhouse.toml`.
    pub fn find(start: &Path, environment: &[(String, String)]) -> Result<Self> {
        let start = fs_err::canonicalize(start).map_err(|error| Diagnostic::error(error.to_string()))?;
        let found = start.ancestors().find(|folder| folder.join(FILE_NAME).is_file());
        let Some(root) = found else {
            return Err(Diagnostic::error(format!("no `{FILE_NAME}` here or in a folder above"))
                .in_file(start)
                .hint("`gridhouse init DIR` makes a project, `gridhouse demo` one with data; `-C DIR` names one"));
        };
        let file = root.join(FILE_NAME);
        let text = fs_err::read_to_string(&file).doing("reading the settings")?;
        let settings = parse(&text, environment, &file)?;
        Ok(Self { root: root.to_owned(), settings })
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        self.root.join(path)
    }

    pub fn inbox(&self) -> PathBuf {
        self.resolve(&self.settings.paths.inbox)
    }
    pub fn archive(&self) -> PathBuf {
        self.resolve(&self.settings.paths.archive)
    }
    pub fn outbox(&self) -> PathBuf {
        self.resolve(&self.settings.paths.outbox)
    }
    pub fn warehouse_folder(&self) -> PathBuf {
        self.resolve(&self.settings.paths.warehouse)
    }
    pub fn contracts_folder(&self) -> PathBuf {
        self.resolve(&self.settings.paths.contracts)
    }
    pub fn reference(&self) -> PathBuf {
        self.resolve(&self.settings.paths.reference)
    }
    pub fn queries(&self) -> PathBuf {
        self.resolve(&self.settings.paths.queries)
    }
    pub fn report_templates(&self) -> PathBuf {
        self.resolve(&self.settings.paths.report_templates)
    }

    /// The folder with fonts besides the system's, where one is named.
    pub fn fonts(&self) -> Option<PathBuf> {
        let named = &self.settings.paths.fonts;
        (!named.as_os_str().is_empty()).then(|| self.resolve(named))
    }

    pub fn pictures(&self) -> PathBuf {
        self.resolve(&self.settings.paths.pictures)
    }
    pub fn forms(&self) -> PathBuf {
        self.resolve(&self.settings.paths.forms)
    }
    pub fn elements(&self) -> PathBuf {
        self.resolve(&self.settings.paths.elements)
    }
}

fn parse(text: &str, environment: &[(String, String)], file: &Path) -> Result<Settings> {
    let problem = |error: &toml::de::Error, source: &str| {
        let start = error.span().map_or(0, |span| span.start).min(source.len());
        let before = source.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() as u32 + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) as u32 + 1;
        Diagnostic::error(error.message().to_owned())
            .at(Place::at(file, line, column))
            .with_source(source)
            .hint("the keys and their meaning stand in the file that `gridhouse init` writes")
    };
    // Read the file alone first, so that mistakes in it keep their position.
    let mut settings = toml::from_str::<Settings>(text).map_err(|error| problem(&error, text))?;
    let mut table: toml::Table = toml::from_str(text).map_err(|error| problem(&error, text))?;
    let defaults = toml::Table::try_from(Settings::default()).doing("reading the default settings")?;
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
        let Some((section, key)) = rest.split_once('_') else { continue };
        let (section, key) = (section.to_lowercase(), key.to_lowercase());
        let Some(known) = defaults.get(&section) else { continue };
        // A code such as 430105 is a text all the same: the default says what a key holds.
        let number = value.parse::<i64>().ok().filter(|_| known.get(&key).is_some_and(toml::Value::is_integer));
        let value = number.map_or_else(|| toml::Value::String(value.clone()), toml::Value::Integer);
        let inner = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let Some(inner) = inner.as_table_mut() {
            inner.insert(key, value);
        }
        settings = table.clone().try_into().map_err(|error: toml::de::Error| {
            Diagnostic::error(format!("`{name}` in the environment: {}", error.message()))
                .hint("variables are named `GRIDHOUSE_<SECTION>_<KEY>`, such as `GRIDHOUSE_LIMITS_WORKERS`")
        })?;
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_overrides_the_file_and_mistakes_have_a_place() {
        let file = Path::new("gridhouse.toml");
        let variable = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
        let settings = parse("[limits]\nworkers = 1\n", &variable("GRIDHOUSE_LIMITS_WORKERS", "3"), file).unwrap();
        assert_eq!(settings.limits.workers, 3);
        let settings = parse("", &variable("GRIDHOUSE_DISTRICT_CODE", "430105"), file).unwrap();
        assert_eq!(settings.district.code, "430105");
        let wrong = parse("", &variable("GRIDHOUSE_LIMITS_WORKERS", "many"), file).unwrap_err();
        assert!(wrong.message.starts_with("`GRIDHOUSE_LIMITS_WORKERS` in the environment"), "{wrong}");

        let wrong = parse("[limits]\nworker = 1\n", &[], file).unwrap_err();
        assert_eq!(wrong.place, Some(Place::at(file, 2, 1)));
    }
}
