//! The Delta tables of one project: create, open at a version, commit, read the commit log.
//!
//! The only user of `deltalake`. It stores rows and knows nothing of contracts, deliveries or reports. A commit is
//! on the disk before [`Table::commit`] returns. There is one writer at a time ([`Warehouse::lock`]).

mod examine;
mod key_index;
mod lock;
mod synced_store;
mod table;
mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use url::Url;

use crate::diagnostic::{Context, Diagnostic, Place, Result};
pub use examine::Examination;
pub use key_index::{KeyIndex, RowPlace, key_texts};
pub use lock::WriterLock;
pub use table::{Commit, CommitEntry, DataFile, Operation, Table, encode_parquet};
pub use upkeep::{SMALL_FILE_ROWS, Upkeep, UpkeepResult};

/// The folder that holds one Delta table per sub-folder.
#[derive(Debug, Clone)]
pub struct Warehouse {
    root: PathBuf,
}

impl Warehouse {
    /// A warehouse at `root`; the folder need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Takes the writer's lock or says who holds it.
    pub fn lock(&self, owner: &str) -> Result<WriterLock> {
        lock::take(&self.root, owner)
    }

    /// The names of all tables, sorted.
    pub fn table_names(&self) -> Result<Vec<String>> {
        if !self.root.exists() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in fs_err::read_dir(&self.root).doing("listing the warehouse")? {
            let entry = entry.doing("listing the warehouse")?;
            if entry.path().join("_delta_log").is_dir()
                && let Some(name) = entry.file_name().to_str()
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The newest version of a table as its log is named, without opening it; `None` if there is no such table.
    pub fn newest_version(&self, name: &str) -> Result<Option<u64>> {
        let log = self.table_path(name).join("_delta_log");
        if !log.is_dir() {
            return Ok(None);
        }
        let mut newest = None;
        for entry in fs_err::read_dir(&log).doing("reading a table's log")? {
            let path = entry.doing("reading a table's log")?.path();
            let is_commit = path.extension().is_some_and(|extension| extension == "json");
            let version = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            newest = newest.max(version.filter(|_| is_commit));
        }
        Ok(newest)
    }

    pub fn table_path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn builder(&self, name: &str) -> Result<DeltaTableBuilder> {
        let path = self.table_path(name);
        fs_err::create_dir_all(&path).doing("creating a table's folder")?;
        let path = fs_err::canonicalize(&path).doing("finding a table's folder")?;
        let url = Url::from_directory_path(&path)
            .map_err(|()| Diagnostic::unexpected("not an absolute path").in_file(path))?;
        Ok(DeltaTableBuilder::from_url(url.clone())
            .doing("opening a table")?
            .with_storage_backend(Arc::new(synced_store::SyncedStore::new()), url))
    }

    /// The newest version of a table; `None` if there is no such table.
    pub async fn table(&self, name: &str) -> Result<Option<Table>> {
        self.open(name, None).await
    }

    /// A table as it was at `version`; `None` if there is no such table.
    pub async fn table_at(&self, name: &str, version: u64) -> Result<Option<Table>> {
        self.open(name, Some(version)).await
    }

    async fn open(&self, name: &str, version: Option<u64>) -> Result<Option<Table>> {
        let log = self.table_path(name).join("_delta_log");
        if !log.is_dir() {
            return Ok(None);
        }
        self.refuse_torn_log(&log)?;
        let mut builder = self.builder(name)?;
        if let Some(version) = version {
            builder = builder.with_version(version);
        }
        match builder.load().await {
            Ok(delta) => Ok(Some(Table::new(name, delta))),
            Err(DeltaTableError::NotATable(_)) => Ok(None),
            Err(error) => {
                let text = crate::diagnostic::chain(&error);
                // Further lines are the library's backtrace.
                let text = text.lines().next().unwrap_or_default();
                Err(Diagnostic::unexpected(format!("table `{name}` does not open: {text}"))
                    .in_file(self.table_path(name))
                    .hint("`gridhouse fsck` says what is damaged"))
            }
        }
    }

    /// An empty newest commit file opens silently as a table without its last rows, so it is looked for first.
    fn refuse_torn_log(&self, log: &Path) -> Result<()> {
        for entry in fs_err::read_dir(log).doing("reading a table's log")? {
            let entry = entry.doing("reading a table's log")?;
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "json")
                && entry.metadata().doing("reading a table's log")?.len() == 0
            {
                return Err(Diagnostic::unexpected(
                    "the commit file is empty: the machine stopped while it was written",
                )
                .at(Place::file(path))
                .effect("nothing was read from this table, so that no rows go missing unnoticed")
                .hint("restore the file from a backup, or delete it and land the deliveries of that night again"));
            }
        }
        Ok(())
    }

    /// Opens the table, creating it with `schema` where it is missing and adding columns `schema` has more.
    pub async fn table_with_schema(&self, name: &str, label: &str, schema: &SchemaRef) -> Result<Table> {
        if let Some(table) = self.table(name).await? {
            return table.widened(schema).await;
        }
        let delta: DeltaTable = self.builder(name)?.build().doing("opening a table")?;
        let columns = table::delta_fields(schema)?;
        let delta = delta
            .create()
            .with_table_name(name)
            .with_comment(label)
            .with_columns(columns)
            // Reports are made again years later: versions go only through `upkeep`.
            .with_configuration([
                // A night makes a commit for each delivery, and whoever opens the table reads those since the last
                // checkpoint.
                ("delta.checkpointInterval".to_string(), Some("20".to_string())),
                ("delta.enableExpiredLogCleanup".to_string(), Some("false".to_string())),
                ("delta.logRetentionDuration".to_string(), Some("interval 36500 days".to_string())),
            ])
            .await
            .doing(format!("creating table `{name}`"))?;
        Ok(Table::new(name, delta))
    }
}
