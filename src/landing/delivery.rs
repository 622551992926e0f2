//! Deliveries of one night: each table after those it refers to, files of a table in name order, read ahead on all cores.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::AsArray;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, stream};
use tokio::sync::{Mutex, OnceCell, OwnedSemaphorePermit, Semaphore, mpsc};

use super::deletions::Deletions;
use super::landed::Landed;
use super::lookup::{Lookup, own_references, references};
use super::quarantine::Quarantine;
use super::reading::{Prepared, Reading};
use super::records::{read_batches, record_batches};
use super::tables::OpenTables;
use super::{Delivery, Moment, Outcome};
use crate::contract::{Contract, Contracts, DeliveryKind};
use crate::diagnostic::{Context, Diagnostic, Fault, Result};
use crate::source;
use crate::warehouse::Warehouse;

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
pub(super) struct Night<'a> {
    pub(super) land: &'a Land<'a>,
    pub(super) tables: OpenTables,
    pub(super) quarantine: Mutex<Option<Quarantine>>,
    pub(super) deletions: OnceCell<Mutex<Deletions>>,
    pub(super) landed: Mutex<Landed>,
    /// Reading and encoding take a permit each: one per core.
    pub(super) cores: Arc<Semaphore>,
    /// Memory for deliveries that have been read and not yet written: a permit per megabyte.
    in_memory: Arc<Semaphore>,
    /// Subdistrict name and code, to tell which unit a delivery came from.
    units: Vec<(String, String)>,
}

/// Lands `files`. One result per file, in the order tables and files were taken; the order of `files` is not kept.
///
/// # Errors
/// Only what stops all landing: the warehouse cannot be opened. A delivery that fails is a result, not an error.
pub async fn land_all(land: &Land<'_>, files: &[PathBuf]) -> Result<Vec<Delivery>> {
    let mut landed = Landed::default();
    for batch in read_batches(&land.warehouse).await? {
        let kind = land.contracts.get(&batch.table_name).map_or(DeliveryKind::Changes, |contract| contract.delivery);
        landed.add(kind, &batch);
    }
    let night = Night {
        land,
        tables: OpenTables::new(land.warehouse.clone(), land.contracts.clone(), land.dry_run),
        quarantine: Mutex::new(None),
        deletions: OnceCell::new(),
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
            Err(problem) => results.push(night.finish(night.rejected(file, None, problem)).0),
        }
    }
    results.extend(night.land_tables(by_table).await);
    if !land.dry_run {
        record_batches(&land.warehouse).await?;
    }
    Ok(results)
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

/// Rejected for something its sender cannot mend: the machine, a damaged table, a contract that no longer fits its
/// table. The file is to come again.
pub fn is_retried(delivery: &Delivery) -> bool {
    match &delivery.outcome {
        Outcome::Rejected { problem } => {
            problem.fault == Fault::Unexpected || problem.place.as_ref().is_some_and(|p| p.file != delivery.path)
        }
        _ => false,
    }
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
            unsettled: None,
        }
    }

    /// Puts the file where it belongs and reports it. False if it stays where it was.
    fn finish(&self, mut delivery: Delivery) -> (Delivery, bool) {
        let mut is_settled = !is_retried(&delivery);
        if !self.land.dry_run
            && let Err(problem) = (self.land.settle)(&delivery)
        {
            delivery.unsettled = Some(Box::new(problem.in_file(&delivery.path)));
            is_settled = false;
        }
        (self.land.progress)(&delivery);
        (delivery, is_settled)
    }

    /// Lands the files of all tables, each table when those it refers to are done. Results in the contracts' order.
    async fn land_tables(&self, mut files: BTreeMap<&str, Vec<&PathBuf>>) -> Vec<Delivery> {
        let contracts: Vec<&Contract> = self.land.contracts.iter().collect();
        let mut landed: Vec<Vec<Delivery>> = contracts.iter().map(|_| Vec::new()).collect();
        let mut unfinished: BTreeSet<usize> =
            (0..contracts.len()).filter(|at| files.contains_key(contracts[*at].table.as_str())).collect();
        let mut running = FuturesUnordered::new();
        loop {
            // Contracts come in dependency order: what stands later is referred to by a warning only.
            let is_ready = |at: usize| {
                let mut before = unfinished.range(..at);
                !before.any(|earlier| references(contracts[at]).any(|(table, _)| table == contracts[*earlier].table))
            };
            for at in unfinished.iter().copied().filter(|at| is_ready(*at)) {
                if let Some(mut of_table) = files.remove(contracts[at].table.as_str()) {
                    of_table.sort();
                    let landing = self.land_table(contracts[at], of_table);
                    running.push(async move { (at, landing.await) });
                }
            }
            let Some((at, deliveries)) = running.next().await else { break };
            unfinished.remove(&at);
            landed[at] = deliveries;
        }
        landed.into_iter().flatten().collect()
    }

    /// Lands the files of a table in order. A file that stays where it was comes again the next time; those after it
    /// wait, or an older list would land over a newer one.
    async fn land_table(&self, contract: &'a Contract, files: Vec<&PathBuf>) -> Vec<Delivery> {
        let (mut results, is_settled) = match own_references(contract).is_empty() {
            true => self.land_reading_ahead(contract, &files).await,
            false => self.land_one_by_one(contract, &files).await,
        };
        self.tables.forget_values(&contract.table).await;
        if !is_settled {
            let waiting = &files[results.len()..];
            results.extend(waiting.iter().map(|file| self.finish(self.waiting(contract, file)).0));
        }
        results
    }

    /// Gives the deliveries dealt with, and whether all of them are settled; if not, the last one is not.
    async fn land_reading_ahead(&self, contract: &'a Contract, files: &[&PathBuf]) -> (Vec<Delivery>, bool) {
        let ahead = self.land.workers.max(1);
        // A full list has landed if it was the last to land, which is known for the first file only.
        let is_known = contract.delivery == DeliveryKind::Changes || files.len() == 1;
        let (ready, mut taken) = mpsc::unbounded_channel();
        // Polled beside the merges, so that the next deliveries are read while one is written. Sending never waits:
        // a delivery that is not polled would keep the core it was given. The permits for memory are the bound.
        let prepare = async move {
            let mut prepared = stream::iter(files).map(|file| self.prepare(contract, file, is_known)).buffered(ahead);
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
                let (delivery, is_settled) = self.finish(self.conclude(contract, preparation).await);
                results.push(delivery);
                if !is_settled {
                    return (results, false);
                }
            }
            (results, true)
        };
        let ((), results) = futures::join!(prepare, merge);
        results
    }

    /// As [`Self::land_reading_ahead`], for rows that may refer to rows of an earlier file: each is read when the one
    /// before has landed.
    async fn land_one_by_one(&self, contract: &'a Contract, files: &[&PathBuf]) -> (Vec<Delivery>, bool) {
        let mut results = Vec::new();
        for file in files {
            if self.land.stop.load(Ordering::Relaxed) {
                break;
            }
            let preparation = self.prepare(contract, file, true).await;
            let (delivery, is_settled) = self.finish(self.conclude(contract, preparation).await);
            self.tables.forget_values(&contract.table).await;
            results.push(delivery);
            if !is_settled {
                return (results, false);
            }
        }
        (results, true)
    }

    async fn conclude(&self, contract: &Contract, preparation: Preparation) -> Delivery {
        match preparation {
            Preparation::Done(delivery) => *delivery,
            Preparation::Ready(prepared, _permit) => {
                let (path, remarks) = (prepared.path.clone(), prepared.remarks.clone());
                match self.merge(contract, *prepared).await {
                    Ok(outcome) => {
                        Delivery { path, table: Some(contract.table.clone()), outcome, remarks, unsettled: None }
                    }
                    Err(problem) => self.rejected(&path, Some(&contract.table), problem),
                }
            }
        }
    }

    fn waiting(&self, contract: &Contract, file: &Path) -> Delivery {
        let problem = Diagnostic::unexpected(format!(
            "not taken up: a delivery of table `{}` before it could not be dealt with",
            contract.table
        ))
        .in_file(file)
        .effect("not landed; it stays where it is for the next landing, so that what is older does not land last")
        .hint("see the message of the earlier delivery");
        self.rejected(file, Some(&contract.table), problem)
    }

    async fn prepare(&self, contract: &'a Contract, file: &Path, is_known: bool) -> Preparation {
        match self.try_prepare(contract, file, is_known).await {
            Ok(preparation) => preparation,
            Err(problem) => Preparation::Done(Box::new(self.rejected(file, Some(&contract.table), problem))),
        }
    }

    /// Reads and checks a file, unless it has landed; `is_known` says that this can be told already.
    async fn try_prepare(&self, contract: &'a Contract, file: &Path, is_known: bool) -> Result<Preparation> {
        // A file larger than all of it waits until it is alone.
        let megabytes = u32::try_from(source::held_bytes(file) >> 20).unwrap_or(u32::MAX).clamp(1, HELD_MB_MAX);
        let permit = self.in_memory.clone().acquire_many_owned(megabytes).await.doing("waiting for memory")?;
        let path = file.to_owned();
        let limit = self.land.limits.file_bytes_max;
        let hash = {
            let _core = self.cores.acquire().await.doing("waiting for a core")?;
            blocking(move || hash_of(&path, limit)).await?
        };
        if let Some(batch_id) = self.landed.lock().await.batch_of(&contract.table, &hash).filter(|_| is_known) {
            return Ok(Preparation::Done(Box::new(Delivery {
                path: file.to_owned(),
                table: Some(contract.table.clone()),
                outcome: Outcome::AlreadyLanded { batch_id: batch_id.to_owned() },
                remarks: Vec::new(),
                unsettled: None,
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
        let prepared = match tokio::task::spawn_blocking(move || reading.run(&lookup)).await {
            Ok(read) => read?,
            // A library gave up on what the file claims to hold. No machine of ours is at fault, and the next night
            // would fare no better with it.
            Err(_) => {
                return Err(Diagnostic::error("the file is damaged: its reader broke off")
                    .effect("not landed")
                    .hint("ask the sender to export the file again"));
            }
        };
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
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Without the message, which may quote a value.
        Err(_) => Err(Diagnostic::unexpected("work on a delivery broke off")),
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
