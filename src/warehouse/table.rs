//! One Delta table at one version: its files and rows, and the next commit.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel as _;
use deltalake::kernel::transaction::{CommitProperties, TableReference};
use deltalake::kernel::{Action, Add, Remove, StructField, StructType, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use futures::TryStreamExt;
use object_store::path::Path as StorePath;
use object_store::{ObjectStoreExt as _, PutPayload};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde_json::Value;

use crate::diagnostic::{Context, Diagnostic, Result};

/// Rows per Parquet row group: two cores share a table of this district only if it has several.
const ROW_GROUP_ROWS: usize = 128 * 1024;

const DICTIONARY_BYTES_MAX: usize = 64 * 1024;

/// A data file of one table version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Relative to the table's folder.
    pub path: String,
    pub bytes: u64,
    /// `None` where another engine wrote the file without statistics.
    pub rows: Option<u64>,
}

/// What a commit says it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A batch: rows inserted, updated and deleted by key.
    Merge,
    /// Rows appended to a table without keys.
    Append,
    /// Files rewritten without changing a row.
    Optimize,
}

/// The next version of a table: files to add, files it no longer consists of, and what to write into the log.
#[derive(Debug)]
pub struct Commit {
    pub operation: Operation,
    /// File name, Parquet bytes, rows.
    pub adds: Vec<(String, Bytes, u64)>,
    pub removes: Vec<String>,
    /// Goes into the log entry under `gridhouse`.
    pub metadata: Value,
    /// An application id that marks the commit, so that other writers can see what has been done.
    pub transaction: Option<String>,
}

/// One entry of a table's log.
#[derive(Debug, Clone)]
pub struct CommitEntry {
    pub version: u64,
    pub timestamp_ms: Option<i64>,
    pub operation: String,
    /// What [`Commit::metadata`] was.
    pub metadata: Option<Value>,
}

#[derive(Debug, Clone)]
pub struct Table {
    name: String,
    delta: DeltaTable,
    version: u64,
    schema: SchemaRef,
}

impl Table {
    pub(super) fn new(name: &str, delta: DeltaTable) -> Self {
        let (version, schema) = match delta.snapshot() {
            Ok(state) => (state.version(), readable(&state.snapshot().arrow_schema())),
            Err(_) => (0, Arc::new(Schema::empty())),
        };
        Self { name: name.to_owned(), delta, version, schema }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn delta(&self) -> &DeltaTable {
        &self.delta
    }

    /// The files of this version, in path order.
    pub async fn files(&self) -> Result<Vec<DataFile>> {
        let state = self.delta.snapshot().doing("reading a table's state")?;
        let mut files: Vec<DataFile> = state
            .snapshot()
            .file_views(self.delta.log_store().as_ref(), None)
            .map_ok(|view| DataFile {
                path: view.path().to_string(),
                bytes: u64::try_from(view.size()).unwrap_or(0),
                rows: view.num_records().map(|n| n as u64),
            })
            .try_collect()
            .await
            .doing(format!("listing the files of table `{}`", self.name))?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The number of rows, from the files' statistics; `None` where a file has none.
    pub async fn row_count(&self) -> Result<Option<u64>> {
        Ok(self.files().await?.iter().map(|file| file.rows).sum())
    }

    /// The table's folder; `None` where it is on no local disk.
    fn folder(&self) -> Option<PathBuf> {
        self.delta.table_url().to_file_path().ok()
    }

    /// A data file that is missing, or not as long as the log says: a scan would pass over it without a word.
    pub(super) fn damage(&self, file: &DataFile) -> Option<Diagnostic> {
        let path = self.folder()?.join(&file.path);
        match fs_err::metadata(&path) {
            Ok(metadata) if metadata.len() == file.bytes => None,
            Ok(metadata) => Some(
                Diagnostic::unexpected(format!("has {} bytes, the log says {}", metadata.len(), file.bytes))
                    .in_file(path),
            ),
            Err(error) => Some(Diagnostic::unexpected(error.to_string())),
        }
    }

    /// All rows of one file, or the named columns of it, with this table's schema (columns the file lacks are null).
    pub async fn read(&self, file: &str, columns: Option<&[usize]>) -> Result<Vec<RecordBatch>> {
        let doing = || format!("reading `{file}` of table `{}`", self.name);
        let wanted: Vec<usize> = match columns {
            Some(columns) => columns.to_vec(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let schema = Arc::new(self.schema.project(&wanted).doing(doing())?);
        let stored = self.delta.object_store().get(&StorePath::from(file)).await.doing(doing())?;
        let bytes = stored.bytes().await.doing(doing())?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).doing(doing())?;
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
        let reader = builder.with_projection(mask).with_batch_size(64 * 1024).build().doing(doing())?;
        reader.map(|batch| conform(&batch.doing(doing())?, &schema)).collect()
    }

    /// This version as a table that SQL can scan. Texts are plain: sorts of string views count the pages they share
    /// once per batch, and the memory limit stops them long before the memory does. Columns that are `declared` and not
    /// stored, because this version is older than they are, are null.
    pub async fn provider(&self, declared: Option<&SchemaRef>) -> Result<Arc<dyn TableProvider>> {
        let mut fields = self.schema.fields().to_vec();
        let missing = declared.iter().flat_map(|declared| declared.fields());
        fields.extend(missing.filter(|field| self.schema.field_with_name(field.name()).is_err()).cloned());
        let schema = Arc::new(Schema::new(fields));
        let files = self.files().await?;
        if files.is_empty() {
            return Ok(Arc::new(EmptyTable::new(schema)));
        }
        if let Some(problem) = files.iter().find_map(|file| self.damage(file)) {
            return Err(problem
                .note("table", self.name.clone())
                .effect("nothing was read from this table, so that no rows go missing unnoticed")
                .hint("`gridhouse fsck` says what is damaged"));
        }
        let root = self.delta.table_url();
        let urls = files
            .iter()
            .map(|file| {
                let url = root.join(StorePath::from(file.path.as_str()).as_ref()).doing("naming a data file")?;
                ListingTableUrl::try_new(url, None).doing("naming a data file")
            })
            .collect::<Result<Vec<_>>>()?;
        let format = ParquetFormat::default().with_enable_pruning(true);
        let options = ListingOptions::new(Arc::new(format)).with_file_extension(".parquet");
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(schema);
        Ok(Arc::new(ListingTable::try_new(config).doing(format!("opening table `{}`", self.name))?))
    }

    /// Refuses a `schema` that gives a stored column another type.
    pub fn check_types(&self, schema: &SchemaRef) -> Result<()> {
        for field in schema.fields() {
            if let Ok(stored) = self.schema.field_with_name(field.name())
                && stored.data_type() != field.data_type()
            {
                return Err(Diagnostic::error(format!(
                    "column `{}` of table `{}` is stored as {} and the contract now says {}",
                    field.name(),
                    self.name,
                    stored.data_type(),
                    field.data_type()
                ))
                // The table, not the delivery at hand: its sender can mend nothing.
                .in_file(self.folder().unwrap_or_else(|| PathBuf::from(&self.name)))
                .effect("nothing was landed in this table")
                .hint("a column cannot change its type: give the new one another name"));
            }
        }
        Ok(())
    }

    /// Adds the columns `schema` has and the table lacks.
    pub async fn widened(self, schema: &SchemaRef) -> Result<Self> {
        self.check_types(schema)?;
        let missing: Vec<_> =
            schema.fields().iter().filter(|f| self.schema.field_with_name(f.name()).is_err()).cloned().collect();
        if missing.is_empty() {
            return Ok(self);
        }
        let fields = delta_fields(&Arc::new(Schema::new(missing)))?;
        let name = self.name.clone();
        let doing = format!("adding columns to table `{name}`");
        let delta = self.delta.add_columns().with_fields(fields).await.doing(doing)?;
        Ok(Self::new(&name, delta))
    }

    /// Writes the files, then the log entry; both are on the disk when this returns.
    pub async fn commit(&self, commit: Commit) -> Result<Self> {
        let doing = || format!("committing to table `{}`", self.name);
        let store = self.delta.object_store();
        let known: HashMap<String, u64> = if commit.removes.is_empty() {
            HashMap::new()
        } else {
            self.files().await?.into_iter().map(|f| (f.path, f.bytes)).collect()
        };
        // A rewrite that changes no byte gives a file of the same name: it must not be added and removed at once.
        let is_added = |path: &String| commit.adds.iter().any(|(name, ..)| name == path);
        let removes: Vec<String> = commit.removes.into_iter().filter(|path| !is_added(path)).collect();
        let now = chrono::Utc::now().timestamp_millis();
        let mut actions = Vec::with_capacity(commit.adds.len() + removes.len());
        let data_change = commit.operation != Operation::Optimize;
        for path in removes {
            let size = known.get(&path).map(|bytes| *bytes as i64);
            actions.push(Action::Remove(Remove {
                path,
                data_change,
                deletion_timestamp: Some(now),
                extended_file_metadata: Some(true),
                partition_values: Some(HashMap::new()),
                size,
                tags: None,
                deletion_vector: None,
                base_row_id: None,
                default_row_commit_version: None,
            }));
        }
        for (path, bytes, rows) in commit.adds {
            let size = bytes.len() as i64;
            store.put(&StorePath::from(path.as_str()), PutPayload::from_bytes(bytes)).await.doing(doing())?;
            actions.push(Action::Add(Add {
                path,
                partition_values: HashMap::new(),
                size,
                modification_time: now,
                data_change,
                stats: Some(format!("{{\"numRecords\":{rows}}}")),
                tags: None,
                deletion_vector: None,
                base_row_id: None,
                default_row_commit_version: None,
                clustering_provider: None,
            }));
        }
        let operation = match commit.operation {
            Operation::Merge => DeltaOperation::Merge {
                predicate: None,
                merge_predicate: Some("target.key = source.key".to_string()),
                matched_predicates: Vec::new(),
                not_matched_predicates: Vec::new(),
                not_matched_by_source_predicates: Vec::new(),
            },
            Operation::Append => DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None },
            Operation::Optimize => DeltaOperation::Optimize { predicate: None, target_size: 0 },
        };
        let mut properties = CommitProperties::default()
            .with_metadata([("gridhouse".to_string(), commit.metadata)])
            .with_max_retries(0)
            .with_cleanup_expired_logs(Some(false));
        if let Some(app_id) = commit.transaction {
            properties =
                properties.with_application_transaction(Transaction { app_id, version: 1, last_updated: Some(now) });
        }
        let builder: deltalake::kernel::transaction::CommitBuilder = properties.into();
        let state = self.delta.snapshot().doing(doing())?;
        let done = builder
            .with_actions(actions)
            .build(Some(state as &dyn TableReference), self.delta.log_store(), operation)
            .await
            .doing(doing())?;
        let mut delta = self.delta.clone();
        delta.state = Some(done.snapshot());
        Ok(Self::new(&self.name, delta))
    }

    /// Log entries after version `after` (all of them for `None`) up to this version, oldest first.
    pub async fn log(&self, after: Option<u64>) -> Result<Vec<CommitEntry>> {
        let store = self.delta.log_store();
        let mut entries = Vec::new();
        for version in after.map_or(0, |v| v + 1)..=self.version {
            let doing = || format!("reading log entry {version} of table `{}`", self.name);
            let Some(bytes) = store.read_commit_entry(version).await.doing(doing())? else { continue };
            for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
                let action: Value = serde_json::from_slice(line).doing(doing())?;
                if let Some(info) = action.get("commitInfo") {
                    entries.push(CommitEntry {
                        version,
                        timestamp_ms: info.get("timestamp").and_then(Value::as_i64),
                        operation: info.get("operation").and_then(Value::as_str).unwrap_or("unknown").to_owned(),
                        metadata: info.get("gridhouse").cloned(),
                    });
                }
            }
        }
        Ok(entries)
    }
}

/// String views and large strings of the Delta schema as the plain types the rest of the code works with.
fn readable(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::LargeUtf8 | DataType::Utf8View => {
                Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8).with_metadata(HashMap::new()))
            }
            _ => Arc::new(field.as_ref().clone().with_metadata(HashMap::new())),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// `batch` with the columns, order and types of `schema`; what it lacks is null.
fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(column) => cast(column, field.data_type()).doing("reading a stored column"),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).doing("reading a stored column")
}

pub(super) fn delta_fields(schema: &SchemaRef) -> Result<Vec<StructField>> {
    let kernel: StructType = schema.as_ref().try_into_kernel().doing("describing a table's columns")?;
    Ok(kernel.fields().cloned().collect())
}

/// `batches` as one Parquet file; its name is made of `stem` and its content, so that writing it again changes nothing.
pub fn encode_parquet(stem: &str, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(String, Bytes, u64)> {
    let level = ZstdLevel::try_new(1).doing("choosing the compression")?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // Codes and names of places fit well below; names and numbers of people never do, and are seen sooner.
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_created_by(format!("gridhouse {}", env!("CARGO_PKG_VERSION")))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties)).doing("writing Parquet")?;
    let mut rows = 0;
    for batch in batches {
        rows += batch.num_rows() as u64;
        writer.write(batch).doing("writing Parquet")?;
    }
    let bytes = Bytes::from(writer.into_inner().doing("writing Parquet")?);
    let hash = blake3::hash(&bytes).to_hex();
    Ok((format!("{stem}-{}.parquet", &hash[..12]), bytes, rows))
}
