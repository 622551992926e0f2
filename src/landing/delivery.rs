//! Deliveries of one night: tables in dependency order, files of a table in name order, read ahead on all cores.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use arrow::array::{Array, AsArray, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::{StreamExt, stream};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};

use super::merge::{self, Accepted, poisoned};
use super::quarantine::{Corrected, ID_HEADER, Quarantine, QuarantineRow};
use super::records::{Batch, read_batches, record_batches};
use super::tables::OpenTables;
use super::{Counts, Delivery, Moment, Outcome, file_name};
use crate::contract::{
    self, CheckContext, Contract, Contracts, DeliveryKind, KeyLookup, Operation, RuleKind, Violation,
};
use crate::diagnostic::{Context, Diagnostic, Place, Result};
use crate::source::{self, OpenOptions, RawBatch};
use crate::warehouse::{Commit, KeyIndex, Operation as CommitOperation, Warehouse};

/// How to land.
pub struct Land<'a> {
    pub warehouse: Warehouse,
    pub contracts: Arc<Contracts>,
    pub limits: source::Limits,
    pub workers: usize,
    pub moment: Moment,
    /// The district's, for times delivered with an offset.
    pub zone: chrono_tz::Tz,
    /// Check only: nothing is written.
    pub dry_run: bool,
    /// The table of every file, where the names do not tell.
    pub table: Option<String>,
    /// Set to stop after the delivery at hand.
    pub stop: &'a AtomicBool,
    /// Called after each delivery, in the order they end.
    pub progress: &'a (dyn Fn(&Delivery) + Sync),
    /// Called with a delivery that has been dealt with, before the next of its table is committed.
    pub settle: &'a (dyn Fn(&Delivery) -> Result<()> + Sync),
}

/// Rows of deliveries held at once, in megabytes of delivered text.
const HELD_MB_MAX: u32 = 128;

/// State shared by the deliveries of one call.
struct Night<'a> {
    land: &'a Land<'a>,
    tables: OpenTables,
    quarantine: Mutex<Option<Quarantine>>,
    landed: Mutex<Landed>,
    /// Reading and encoding take a permit each: one per core.
    cores: Arc<Semaphore>,
    /// Memory for deliveries that have been read and not yet written: a permit per megabyte.
    in_memory: Arc<Semaphore>,
    /// Subdistrict name and code, to tell which unit a delivery came from.
    units: Vec<(String, String)>,
}

/// Deliveries that have landed.
#[derive(Default)]
struct Landed {
    /// (table, delivery hash) -> batch. Of full lists only the latest: an earlier one that comes again changes the table.
    batches: HashMap<(String, String), String>,
    batch_ids: HashSet<String>,
}

impl Landed {
    fn add(&mut self, kind: DeliveryKind, table: &str, hash: String, batch_id: String) {
        if kind == DeliveryKind::Full {
            self.batches.retain(|(name, _), _| name != table);
        }
        self.batch_ids.insert(batch_id.clone());
        self.batches.insert((table.to_owned(), hash), batch_id);
    }

    fn batch_of(&self, table: &str, hash: &str) -> Option<&String> {
        self.batches.get(&(table.to_owned(), hash.to_owned()))
    }

    /// Named after the delivery's content, so that a rerun of a killed night makes the same batch. A full list that
    /// lands a second time on one day gets a number.
    fn new_batch_id(&self, table: &str, moment: Moment, hash: &str) -> String {
        let stem = format!("{table}-{}-{}", moment.as_of.format("%Y%m%d"), &hash[..8]);
        let (mut batch_id, mut count) = (stem.clone(), 1);
        while self.batch_ids.contains(&batch_id) {
            count += 1;
            batch_id = format!("{stem}-{count}");
        }
        batch_id
    }
}

/// Lands `files`. One result per file, in the order tables and files were taken; the order of `files` is not kept.
///
/// # Errors
/// Only what stops all landing: the warehouse cannot be opened. A delivery that fails is a result, not an error.
pub async fn land_all(land: &Land<'_>, files: &[PathBuf]) -> Result<Vec<Delivery>> {
    let mut landed = Landed::default();
    for batch in read_batches(&land.warehouse).await? {
        let kind = land.contracts.get(&batch.table_name).map_or(DeliveryKind::Changes, |contract| contract.delivery);
        landed.add(kind, &batch.table_name, batch.delivery_hash, batch.batch_id);
    }
    let night = Night {
        land,
        tables: OpenTables::new(land.warehouse.clone(), land.contracts.clone()),
        quarantine: Mutex::new(None),
        landed: Mutex::new(landed),
        cores: Arc::new(Semaphore::new(land.workers.max(1))),
        in_memory: Arc::new(Semaphore::new(HELD_MB_MAX as usize)),
        units: units_of(land).await?,
    };
    let mut by_table: BTreeMap<&str, Vec<&PathBuf>> = BTreeMap::new();
    let mut results = Vec::new();
    for file in files {
        match night.table_for(file) {
            Ok(contract) => by_table.entry(&contract.table).or_default().push(file),
            Err(problem) => results.push(night.finish(night.rejected(file, None, problem))),
        }
    }
    for level in levels(&land.contracts) {
        let runs = level.iter().filter_map(|contract| {
            let mut files = by_table.remove(contract.table.as_str())?;
            files.sort();
            Some(night.land_table(contract, files))
        });
        for deliveries in futures::future::join_all(runs).await {
            results.extend(deliveries);
        }
    }
    if !land.dry_run {
        record_batches(&land.warehouse).await?;
    }
    Ok(results)
}

/// Contracts grouped so that each refers only to earlier groups.
fn levels(contracts: &Contracts) -> Vec<Vec<&Contract>> {
    let mut level_of: HashMap<&str, usize> = HashMap::new();
    let mut levels: Vec<Vec<&Contract>> = Vec::new();
    // Contracts come in dependency order, so what one refers to has its level already.
    for contract in contracts.iter() {
        let level = references(contract)
            .filter(|(table, _)| *table != contract.table)
            .filter_map(|(table, _)| level_of.get(table))
            .max()
            .map_or(0, |level| level + 1);
        level_of.insert(&contract.table, level);
        if levels.len() <= level {
            levels.resize_with(level + 1, Vec::new);
        }
        levels[level].push(contract);
    }
    levels
}

/// Tables and columns that the contract's rules look values up in.
fn references(contract: &Contract) -> impl Iterator<Item = (&str, &str)> {
    contract.columns.iter().flat_map(|column| &column.rules).filter_map(|rule| match &rule.kind {
        RuleKind::Reference { table, column } => Some((table.as_str(), column.as_str())),
        _ => None,
    })
}

/// Names and codes of the delivering units, from the landed `subdistricts` table if the project has one.
async fn units_of(land: &Land<'_>) -> Result<Vec<(String, String)>> {
    let mut units = Vec::new();
    if let Some(table) = land.warehouse.table("subdistricts").await? {
        let schema = table.schema();
        if let (Ok(name), Ok(code)) = (schema.index_of("subdistrict_name"), schema.index_of("subdistrict_code")) {
            for file in table.files().await? {
                for batch in table.read(&file.path, Some(&[name, code])).await? {
                    let names = batch.column(0).as_string::<i32>();
                    let codes = batch.column(1).as_string::<i32>();
                    units.extend(names.iter().flatten().zip(codes.iter().flatten()).map(|(n, c)| (n.into(), c.into())));
                }
            }
        }
    }
    Ok(units)
}

/// A delivery that has been read and checked.
struct Prepared {
    path: PathBuf,
    hash: String,
    accepted: Accepted,
    /// Where the rows come from several sheets: the first accepted row of each, and its name.
    parts: Vec<(usize, Arc<str>)>,
    quarantined: Vec<QuarantineRow>,
    quarantined_rows: u64,
    held_keys: HashSet<String>,
    corrected_ids: HashSet<String>,
    rows_in: u64,
    warnings: u64,
    remarks: Vec<String>,
}

enum Preparation {
    /// With the permit for the memory it takes.
    Ready(Box<Prepared>, OwnedSemaphorePermit),
    Done(Box<Delivery>),
}

impl<'a> Night<'a> {
    fn table_for(&self, file: &Path) -> Result<&'a Contract> {
        let contracts = &self.land.contracts;
        if let Some(name) = &self.land.table {
            return contracts.get(name).ok_or_else(|| {
                let known = contracts.iter().map(|c| c.table.as_str());
                let problem = Diagnostic::error(format!("no contract for table `{name}`"));
                match crate::diagnostic::did_you_mean(name, known) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem.hint("contracts are the files in `data/contracts`"),
                }
            });
        }
        let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        contracts.for_file(&stem).ok_or_else(|| {
            Diagnostic::error("no contract claims a file of this name")
                .in_file(file)
                .effect("not landed")
                .hint("name the table with `--table`, or add the beginning of the name to `files` in a contract")
        })
    }

    fn rejected(&self, file: &Path, table: Option<&str>, problem: Diagnostic) -> Delivery {
        let problem = if problem.place.is_none() { problem.in_file(file) } else { problem };
        Delivery {
            path: file.to_owned(),
            table: table.map(str::to_owned),
            outcome: Outcome::Rejected { problem: Box::new(problem) },
            remarks: Vec::new(),
        }
    }

    /// Puts the file where it belongs and reports it.
    fn finish(&self, mut delivery: Delivery) -> Delivery {
        if !self.land.dry_run
            && let Err(problem) = (self.land.settle)(&delivery)
        {
            delivery.remarks.push(problem.message);
        }
        (self.land.progress)(&delivery);
        delivery
    }

    async fn land_table(&self, contract: &'a Contract, files: Vec<&PathBuf>) -> Vec<Delivery> {
        let ahead = self.land.workers.max(1);
        // A full list has landed if it was the last to land, which is known for the first file only.
        let is_settled = contract.delivery == DeliveryKind::Changes || files.len() == 1;
        let (ready, mut taken) = mpsc::unbounded_channel();
        // Polled beside the merges, so that the next deliveries are read while one is written. Sending never waits:
        // a delivery that is not polled would keep the core it was given. The permits for memory are the bound.
        let prepare = async move {
            let mut prepared = stream::iter(files).map(|file| self.prepare(contract, file, is_settled)).buffered(ahead);
            while let Some(preparation) = prepared.next().await {
                if ready.send(preparation).is_err() {
                    break;
                }
            }
        };
        let merge = async move {
            let mut results = Vec::new();
            while !self.land.stop.load(Ordering::Relaxed) {
                let Some(preparation) = taken.recv().await else { break };
                let delivery = match preparation {
                    Preparation::Done(delivery) => *delivery,
                    Preparation::Ready(prepared, _permit) => {
                        let (path, remarks) = (prepared.path.clone(), prepared.remarks.clone());
                        match self.merge(contract, *prepared).await {
                            Ok(outcome) => Delivery { path, table: Some(contract.table.clone()), outcome, remarks },
                            Err(problem) => self.rejected(&path, Some(&contract.table), problem),
                        }
                    }
                };
                results.push(self.finish(delivery));
            }
            results
        };
        let ((), results) = futures::join!(prepare, merge);
        self.tables.forget_values(&contract.table).await;
        results
    }

    async fn prepare(&self, contract: &'a Contract, file: &Path, is_settled: bool) -> Preparation {
        match self.try_prepare(contract, file, is_settled).await {
            Ok(preparation) => preparation,
            Err(problem) => Preparation::Done(Box::new(self.rejected(file, Some(&contract.table), problem))),
        }
    }

    /// Reads and checks a file, unless `is_settled` says that what has landed can be told and it is known.
    async fn try_prepare(&self, contract: &'a Contract, file: &Path, is_settled: bool) -> Result<Preparation> {
        // A file larger than all of it waits until it is alone.
        let megabytes = u32::try_from(source::held_bytes(file) >> 20).unwrap_or(u32::MAX).clamp(1, HELD_MB_MAX);
        let permit = self.in_memory.clone().acquire_many_owned(megabytes).await.doing("waiting for memory")?;
        let path = file.to_owned();
        let limit = self.land.limits.file_bytes_max;
        let hash = {
            let _core = self.cores.acquire().await.doing("waiting for a core")?;
            blocking(move || hash_of(&path, limit)).await?
        };
        if let Some(batch_id) = self.landed.lock().await.batch_of(&contract.table, &hash).filter(|_| is_settled) {
            return Ok(Preparation::Done(Box::new(Delivery {
                path: file.to_owned(),
                table: Some(contract.table.clone()),
                outcome: Outcome::AlreadyLanded { batch_id: batch_id.clone() },
                remarks: Vec::new(),
            })));
        }
        // Without a core: a merge may hold a table that is looked up, and wait for one.
        let lookup = self.lookup(contract).await?;
        let _core = self.cores.acquire().await.doing("waiting for a core")?;
        let reading = Reading {
            contract: self.land.contracts.clone(),
            table: contract.table.clone(),
            path: file.to_owned(),
            hash,
            limits: self.land.limits,
            moment: self.land.moment,
            units: self.units.clone(),
            zone: self.land.zone,
        };
        let prepared = blocking(move || reading.run(&lookup)).await?;
        Ok(Preparation::Ready(Box::new(prepared), permit))
    }

    /// The keys of everything the contract refers to.
    async fn lookup(&self, contract: &Contract) -> Result<Lookup> {
        let mut lookup = Lookup::default();
        for (table, column) in references(contract) {
            let name = (table.to_owned(), column.to_owned());
            if let Some(keys) = self.tables.keys_of(table, column).await? {
                lookup.keys.insert(name, keys);
            } else {
                lookup.values.insert(name, self.tables.values_of(table, column).await?);
            }
        }
        Ok(lookup)
    }

    async fn merge(&self, contract: &Contract, mut prepared: Prepared) -> Result<Outcome> {
        let batch_id = {
            let landed = self.landed.lock().await;
            // The same bytes may have come twice in one night, under two names.
            if let Some(batch_id) = landed.batch_of(&contract.table, &prepared.hash) {
                return Ok(Outcome::AlreadyLanded { batch_id: batch_id.clone() });
            }
            landed.new_batch_id(&contract.table, self.land.moment, &prepared.hash)
        };
        let keys = crate::warehouse::key_texts(&prepared.accepted.rows, &contract.key)?;
        let deduplicated = merge::deduplicate(contract, &prepared.accepted, &keys)?;
        for row in &deduplicated.tied {
            let row = tie(contract, &prepared, &keys, *row, self.land.moment)?;
            prepared.held_keys.extend(row.row_key.clone());
            prepared.quarantined.push(row);
        }
        let file = file_name(&prepared.path);
        for row in &mut prepared.quarantined {
            row.batch_id.clone_from(&batch_id);
            // Lines of two sheets may be the same.
            let part = row.file.strip_prefix(&file).unwrap_or_default();
            row.quarantine_id = format!("{batch_id}{part}-{}", row.line);
        }
        if self.land.dry_run && self.tables.warehouse().table(&contract.table).await?.is_none() {
            // Looking at a delivery must not create its table.
            let counts = Counts {
                rows_in: prepared.rows_in,
                inserted: deduplicated.kept.len() as u64,
                superseded: deduplicated.superseded,
                quarantined: prepared.quarantined_rows + deduplicated.tied.len() as u64,
                warnings: prepared.warnings,
                ..Counts::default()
            };
            return Ok(Outcome::Landed { batch: self.batch(contract, &prepared, batch_id, counts, 0) });
        }
        let opened = self.tables.get(contract).await?;
        let mut open = opened.lock().await;
        let accepted = std::mem::replace(&mut prepared.accepted, Accepted::none(contract));
        let plan = merge::plan(contract, &open, accepted, &keys, &deduplicated, &prepared.held_keys, &batch_id).await?;
        let counts = Counts {
            rows_in: prepared.rows_in,
            quarantined: prepared.quarantined_rows + deduplicated.tied.len() as u64,
            warnings: prepared.warnings,
            ..plan.counts
        };
        if !counts.balances() {
            return Err(Diagnostic::unexpected(format!(
                "{} rows came in, but the counts of what became of them do not add up: {counts:?}",
                counts.rows_in
            ))
            .effect("not landed"));
        }
        let rows_before = open.keys.read().map_err(|_| poisoned())?.len() as u64;
        let rows_after = rows_before + counts.inserted - counts.deleted - counts.dropped;
        let batch = self.batch(contract, &prepared, batch_id.clone(), counts, rows_after);
        if self.land.dry_run {
            return Ok(Outcome::Landed { batch });
        }
        let corrected = Corrected {
            table: &contract.table,
            keys: &keys,
            rows: &deduplicated.kept,
            ids: std::mem::take(&mut prepared.corrected_ids),
        };
        self.record_quarantine(&batch_id, &prepared.quarantined, &corrected).await?;
        let written = {
            let _core = self.cores.acquire().await.doing("waiting for a core")?;
            let (contracts, table, stem) = (self.land.contracts.clone(), contract.table.clone(), batch_id.clone());
            blocking(move || match contracts.get(&table) {
                Some(contract) => merge::encode(contract, plan, &stem),
                None => Err(Diagnostic::unexpected(format!("the contract of `{table}` is gone"))),
            })
            .await?
        };
        let metadata = serde_json::to_value(&batch).doing("describing a batch")?;
        let commit = Commit {
            operation: CommitOperation::Merge,
            adds: Vec::new(),
            removes: Vec::new(),
            metadata,
            transaction: Some(format!("gridhouse-batch-{batch_id}")),
        };
        merge::commit(&mut open, written, commit).await?;
        let batch = Batch { version: open.table.version(), ..batch };
        self.landed.lock().await.add(contract.delivery, &contract.table, prepared.hash, batch_id);
        Ok(Outcome::Landed { batch })
    }

    fn batch(&self, contract: &Contract, prepared: &Prepared, batch_id: String, c: Counts, rows_after: u64) -> Batch {
        Batch {
            batch_id,
            table_name: contract.table.clone(),
            file: file_name(&prepared.path),
            delivery_hash: prepared.hash.clone(),
            as_of: self.land.moment.as_of,
            landed_at: self.land.moment.now.format("%Y-%m-%dT%H:%M:%S").to_string(),
            version: 0,
            rows_in: c.rows_in,
            inserted: c.inserted,
            updated: c.updated,
            unchanged: c.unchanged,
            superseded: c.superseded,
            deleted: c.deleted,
            quarantined: c.quarantined,
            dropped: c.dropped,
            warnings: c.warnings,
            rows_after,
        }
    }

    async fn record_quarantine(&self, batch_id: &str, rows: &[QuarantineRow], corrected: &Corrected<'_>) -> Result<()> {
        let mut quarantine = self.quarantine.lock().await;
        let exists = self.tables.warehouse().table_path(super::QUARANTINE_TABLE).exists();
        if rows.is_empty() && !exists {
            return Ok(());
        }
        if quarantine.is_none() {
            *quarantine = Some(Quarantine::open(self.tables.warehouse()).await?);
        }
        match quarantine.as_mut() {
            Some(quarantine) => quarantine.record(batch_id, rows, corrected).await,
            None => Ok(()),
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Diagnostic::unexpected(format!("reading a delivery ended abnormally: {error}"))),
    }
}

/// BLAKE3 of a file's bytes, in hex.
fn hash_of(path: &Path, bytes_max: u64) -> Result<String> {
    let metadata = fs_err::metadata(path).map_err(|error| unreadable(path, &error))?;
    // Opening a pipe would wait for somebody to write into it.
    if !metadata.is_file() {
        return Err(Diagnostic::error("not a regular file").in_file(path).effect("not landed"));
    }
    if metadata.len() > bytes_max {
        return Err(Diagnostic::error(format!(
            "the file has {} bytes, more than `limits.file_bytes_max` = {bytes_max}",
            metadata.len()
        )));
    }
    let mut hasher = blake3::Hasher::new();
    let file = fs_err::File::open(path).map_err(|error| unreadable(path, &error))?;
    hasher.update_reader(file).map_err(|error| unreadable(path, &error))?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot be read: {error}")).in_file(path).effect("not landed")
}

/// Keys and values of the tables a contract refers to.
#[derive(Default)]
struct Lookup {
    keys: HashMap<(String, String), Arc<RwLock<KeyIndex>>>,
    values: HashMap<(String, String), Arc<HashSet<String>>>,
}

impl KeyLookup for Lookup {
    fn find_missing(&self, table: &str, column: &str, values: &StringArray, rows: &BooleanBuffer) -> Vec<u32> {
        let name = (table.to_owned(), column.to_owned());
        let rows = rows.set_indices();
        if let Some(keys) = self.keys.get(&name)
            && let Ok(keys) = keys.read()
        {
            // Neighbouring rows often name the same grid or dwelling.
            let mut last: Option<(&str, bool)> = None;
            rows.filter(|row| {
                let value = values.value(*row);
                let is_held = last.filter(|(text, _)| *text == value).map_or_else(|| keys.contains(value), |l| l.1);
                last = Some((value, is_held));
                !is_held
            })
            .map(|row| row as u32)
            .collect()
        } else if let Some(known) = self.values.get(&name) {
            rows.filter(|row| !known.contains(values.value(*row))).map(|row| row as u32).collect()
        } else {
            rows.map(|row| row as u32).collect()
        }
    }
}

/// What a table knows, and what a delivery of it brings: its rows may refer to each other.
struct WithOwn<'a> {
    stored: &'a Lookup,
    table: &'a str,
    /// Values of the accepted rows by column; until these are known all such references are taken for good.
    own: Option<&'a OwnValues>,
}

type OwnValues = HashMap<String, HashSet<String>>;

impl KeyLookup for WithOwn<'_> {
    fn find_missing(&self, table: &str, column: &str, values: &StringArray, rows: &BooleanBuffer) -> Vec<u32> {
        if table != self.table {
            return self.stored.find_missing(table, column, values, rows);
        }
        let Some(own) = self.own else { return Vec::new() };
        let mut missing = self.stored.find_missing(table, column, values, rows);
        if let Some(own) = own.get(column) {
            missing.retain(|row| !own.contains(values.value(*row as usize)));
        }
        missing
    }
}

/// How often a delivery is read whose rows refer to each other: each time, rows that refer to rejected ones are rejected.
const READINGS_MAX: usize = 100;

/// What reading and checking one delivery needs; moved to a worker thread.
struct Reading {
    contract: Arc<Contracts>,
    table: String,
    path: PathBuf,
    hash: String,
    limits: source::Limits,
    moment: Moment,
    units: Vec<(String, String)>,
    zone: chrono_tz::Tz,
}

impl Reading {
    fn run(self, lookup: &Lookup) -> Result<Prepared> {
        let Some(contract) = self.contract.get(&self.table) else {
            return Err(Diagnostic::unexpected(format!("the contract of `{}` is gone", self.table)));
        };
        let is_own = |(table, _): &(&str, &str)| *table == contract.table;
        let targets: Vec<&str> = references(contract).filter(is_own).map(|(_, column)| column).collect();
        let mut own: Option<OwnValues> = None;
        for _ in 0..READINGS_MAX {
            let known = WithOwn { stored: lookup, table: &contract.table, own: own.as_ref() };
            let prepared = self.read(contract, &known)?;
            let accepted = own_values(&targets, &prepared.accepted);
            if targets.is_empty() || own.as_ref() == Some(&accepted) {
                return Ok(prepared);
            }
            own = Some(accepted);
        }
        Err(Diagnostic::error(format!("more than {READINGS_MAX} rows in a row refer to a row that is rejected"))
            .in_file(&self.path)
            .effect("not landed")
            .hint("try `gridhouse land --dry-run` with the first rows of the file to see what is wrong with them"))
    }

    fn read(&self, contract: &Contract, known: &WithOwn<'_>) -> Result<Prepared> {
        let options =
            OpenOptions { limits: self.limits, is_known_column: &|name: &str| self.contract.is_known_column(name) };
        let mut reader = source::open(&self.path, &options).map_err(|error| self.source_problem(&error))?;
        let binding = contract
            .bind(&delivered_names(reader.header()))
            .map_err(|error| self.bind_problem(&error, reader.header_line()))?;
        let mut prepared = Prepared {
            path: self.path.clone(),
            hash: self.hash.clone(),
            accepted: Accepted::none(contract),
            parts: Vec::new(),
            quarantined: Vec::new(),
            quarantined_rows: 0,
            held_keys: HashSet::new(),
            corrected_ids: HashSet::new(),
            rows_in: 0,
            warnings: 0,
            remarks: reader.remarks(),
        };
        prepared.remarks.extend(unknown_columns(&binding));
        prepared.remarks.extend(absent_columns(contract, &binding));
        prepared.accepted.absent = (0..contract.columns.len()).filter(|at| binding.columns[*at].is_none()).collect();
        let context = CheckContext { as_of: self.moment.as_of, keys: known, zone: self.zone };
        let mut batches = Vec::new();
        let mut text_bytes = vec![0; contract.columns.len()];
        while let Some(raw) = reader.next_batch().map_err(|error| self.source_problem(&error))? {
            let checked = contract::check(contract, &binding, &raw, &context);
            prepared.rows_in += raw.lines.len() as u64;
            if let Some(part) = &raw.part {
                prepared.parts.push((prepared.accepted.lines.len(), part.clone()));
            }
            prepared.accepted.lines.extend(checked.accepted_rows.iter().map(|row| raw.lines[*row as usize]));
            if let Some(operations) = checked.operations {
                prepared.accepted.operations.get_or_insert_default().extend(operations);
            }
            let key_columns: Vec<usize> = (0..contract.key.len()).collect();
            let keys = crate::warehouse::key_texts(&checked.rejected_keys, &key_columns)?;
            self.collect_violations(contract, &binding, &raw, &checked.violations, &keys, &mut prepared)?;
            if let Some(ids) = raw.values.column_by_name(ID_HEADER) {
                prepared.corrected_ids.extend(ids.as_string::<i32>().iter().flatten().map(|id| id.trim().to_owned()));
            }
            // Told while reading, before memory is full of it.
            for (at, column) in checked.accepted.columns().iter().enumerate() {
                text_bytes[at] += merge::text_bytes(column);
                merge::check_text_bytes(&contract.columns[at].name, text_bytes[at])?;
            }
            batches.push(checked.accepted);
        }
        if prepared.rows_in == 0 && contract.delivery == DeliveryKind::Full {
            return Err(Diagnostic::error("the list is empty, and a full list without rows would empty the table")
                .in_file(&self.path)
                .effect("not landed, the stored rows stay")
                .hint("ask the sender to export the file again"));
        }
        prepared.accepted.rows = merge::joined(&contract.arrow_schema(), batches)?;
        Ok(prepared)
    }

    fn source_problem(&self, error: &source::SourceError) -> Diagnostic {
        let place = match error.line() {
            Some(line) => Place { file: self.path.clone(), line: Some(line), column: None },
            None => Place::file(&self.path),
        };
        let problem = Diagnostic::error(error.to_string()).at(place).effect("not landed");
        problem.hint("ask the sender to export the file again")
    }

    fn bind_problem(&self, error: &contract::BindError, line: u32) -> Diagnostic {
        Diagnostic::error(error.to_string())
            .at(Place { file: self.path.clone(), line: (line > 0).then_some(line), column: None })
            .effect("not landed")
            .hint(format!("`gridhouse describe {}` lists the columns and their other names", self.table))
    }

    /// Turns violations into quarantined rows, with the row's original text. `keys` are those of the rejected rows.
    fn collect_violations(
        &self,
        contract: &Contract,
        binding: &contract::Binding,
        raw: &RawBatch,
        violations: &[Violation],
        keys: &StringArray,
        prepared: &mut Prepared,
    ) -> Result<()> {
        let mut keys = keys.iter();
        let mut last: Option<u32> = None;
        let mut original = (String::new(), None, None);
        let mut warned: HashSet<u32> = HashSet::new();
        for violation in violations {
            if violation.is_warning {
                warned.insert(violation.row);
                continue;
            }
            if last != Some(violation.row) {
                last = Some(violation.row);
                prepared.quarantined_rows += 1;
                original = self.original(contract, binding, raw, violation.row as usize)?;
                // As stored keys are written; one that could not be understood stays as it was delivered.
                original.1 = keys.next().flatten().map(str::to_owned).or(original.1);
                prepared.held_keys.extend(original.1.clone());
            }
            prepared.quarantined.push(QuarantineRow {
                quarantine_id: String::new(),
                batch_id: String::new(),
                table_name: contract.table.clone(),
                file: shown_file(&self.path, raw.part.as_ref()),
                line: i64::from(raw.lines[violation.row as usize]),
                column_name: violation.column.clone(),
                rule: violation.rule.to_string(),
                reason: violation.reason.clone(),
                original: original.0.clone(),
                row_key: original.1.clone(),
                unit: original.2.clone(),
                as_of: self.moment.as_of,
                landed_at: Some(self.moment.now.and_utc().timestamp_micros()),
                cleared_by: None,
            });
        }
        prepared.warnings += warned.len() as u64;
        Ok(())
    }

    /// A row's delivered text as JSON, its key as delivered and its unit.
    fn original(
        &self,
        contract: &Contract,
        binding: &contract::Binding,
        raw: &RawBatch,
        row: usize,
    ) -> Result<(String, Option<String>, Option<String>)> {
        let mut cells = Map::new();
        for (at, field) in raw.values.schema().fields().iter().enumerate() {
            let column = raw.values.column(at).as_string::<i32>();
            let bound = binding.columns.iter().position(|place| *place == Some(at));
            if column.is_valid(row) && (bound.is_some() || !is_export_column(field.name())) {
                let name = bound.map_or(field.name().as_str(), |c| &contract.columns[c].name);
                cells.insert(name.to_owned(), Value::String(column.value(row).to_owned()));
            }
        }
        let text = |name: &str| cells.get(name).and_then(Value::as_str).map(str::trim);
        let parts: Option<Vec<&str>> = contract.key.iter().map(|at| text(&contract.columns[*at].name)).collect();
        let key = parts.map(|parts| parts.join("\u{1f}"));
        let unit = unit_of(text("grid_code"), &file_name(&self.path), &self.units);
        Ok((serde_json::to_string(&cells).doing("keeping a row's text")?, key, unit))
    }
}

/// The subdistrict a row belongs to: from its grid code, else from the name of the file.
fn unit_of(grid_code: Option<&str>, file: &str, units: &[(String, String)]) -> Option<String> {
    let by_grid = grid_code.and_then(|grid| units.iter().find(|(_, code)| grid.starts_with(code.as_str())));
    by_grid.or_else(|| units.iter().find(|(name, _)| file.contains(name.as_str()))).map(|(_, code)| code.clone())
}

/// Columns an exported quarantine workbook adds to the delivered ones.
fn is_export_column(name: &str) -> bool {
    super::EXPORT_COLUMNS.contains(&name)
}

/// A header without the columns that an export put before it: a column of the contract may have the same name.
fn delivered_names(header: &[String]) -> Vec<String> {
    let added = super::EXPORT_COLUMNS.len();
    let is_export = header.get(..added).is_some_and(|names| names == super::EXPORT_COLUMNS);
    let name = |(at, name): (usize, &String)| if is_export && at < added { String::new() } else { name.clone() };
    header.iter().enumerate().map(name).collect()
}

/// A remark on columns nobody knows. Only what looks like a name is shown: the header may be a row of data.
fn unknown_columns(binding: &contract::Binding) -> Option<String> {
    let unknown = || binding.unknown.iter().map(String::as_str).filter(|name| !is_export_column(name));
    let named: Vec<&str> = unknown().filter(|name| contract::looks_like_column_name(name)).collect();
    match (named.as_slice(), unknown().count() - named.len()) {
        ([], 0) => None,
        ([], others) => Some(format!("{others} columns no contract knows were left out")),
        (named, 0) => Some(format!("columns no contract knows were left out: {}", named.join(", "))),
        (named, others) => {
            Some(format!("columns no contract knows were left out: {} and {others} more", named.join(", ")))
        }
    }
}

/// A remark on columns of the contract that were not delivered. A list of deletions needs no more than its key.
fn absent_columns(contract: &Contract, binding: &contract::Binding) -> Option<String> {
    let absent = || contract.columns.iter().zip(&binding.columns).filter(|(_, place)| place.is_none());
    let is_deletions = absent().any(|(column, _)| column.is_required);
    let names: Vec<&str> = absent().map(|(column, _)| column.name.as_str()).collect();
    (!is_deletions && !names.is_empty())
        .then(|| format!("columns were not delivered, values stored in them stay: {}", names.join(", ")))
}

/// A file as the place of a row: `name.xlsx!sheet` where the rows come from several sheets.
fn shown_file(path: &Path, part: Option<&Arc<str>>) -> String {
    let name = file_name(path);
    part.map_or_else(|| name.clone(), |part| format!("{name}!{part}"))
}

/// The values of some columns in rows that will be there when the delivery has landed.
fn own_values(columns: &[&str], accepted: &Accepted) -> OwnValues {
    let is_deleted = |row: usize| accepted.operations.as_ref().is_some_and(|o| o[row] == Operation::Delete);
    let values = |name: &str| {
        let texts = accepted.rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let rows = texts.into_iter().flat_map(|texts| texts.iter().enumerate());
        rows.filter(|(row, _)| !is_deleted(*row)).filter_map(|(_, text)| text.map(str::to_owned)).collect()
    };
    columns.iter().map(|name| ((*name).to_owned(), values(name))).collect()
}

/// A row that shares key and version with a different row of the same delivery.
fn tie(
    contract: &Contract,
    prepared: &Prepared,
    keys: &StringArray,
    row: u32,
    moment: Moment,
) -> Result<QuarantineRow> {
    let mut cells = Map::new();
    for (at, column) in contract.columns.iter().enumerate() {
        let value = prepared.accepted.rows.column(at).slice(row as usize, 1);
        let text = cast(&value, &DataType::Utf8).doing("keeping a row's text")?;
        let text = text.as_string::<i32>();
        if text.is_valid(0) {
            cells.insert(column.name.clone(), Value::String(text.value(0).to_owned()));
        }
    }
    let key_column = contract.key.first().map(|at| contract.columns[*at].name.clone()).unwrap_or_default();
    let line = i64::from(prepared.accepted.lines[row as usize]);
    let part = prepared.parts.iter().rev().find(|(first, _)| *first <= row as usize).map(|(_, part)| part);
    let reason = "同一编号在本次报送中出现多次且内容不一致、更新时间相同，无法判断以哪一条为准，请核实后只报一条";
    Ok(QuarantineRow {
        quarantine_id: String::new(),
        batch_id: String::new(),
        table_name: contract.table.clone(),
        file: shown_file(&prepared.path, part),
        line,
        column_name: key_column,
        rule: "duplicate_key".to_owned(),
        reason: reason.to_owned(),
        original: serde_json::to_string(&cells).doing("keeping a row's text")?,
        row_key: Some(keys.value(row as usize).to_owned()),
        unit: None,
        as_of: moment.as_of,
        landed_at: Some(moment.now.and_utc().timestamp_micros()),
        cleared_by: None,
    })
}
