//! One delivery that has been read becomes one batch: merged with its table, its faulty rows quarantined, committed.

use tokio::sync::Mutex;

use super::deletions::{self, DeletedRows, Deletions};
use super::delivery::{Night, blocking};
use super::duplicates::{Deduplicated, deduplicate};
use super::held::{Held, Stamp};
use super::merge::{self, Accepted, Delivered, Plan, poisoned};
use super::quarantine::{Corrected, Quarantine};
use super::quarantined::QUARANTINE_TABLE;
use super::reading::{Prepared, tie};
use super::records::Batch;
use super::tables::OpenTable;
use super::{Counts, Outcome, file_name, write};
use crate::contract::{Contract, Operation};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::warehouse::{Commit, Operation as CommitOperation};

impl Night<'_> {
    pub(super) async fn merge(&self, contract: &Contract, mut prepared: Prepared) -> Result<Outcome> {
        let batch_id = {
            let landed = self.landed.lock().await;
            // The same bytes may have come twice in one night, under two names.
            if let Some(batch_id) = landed.batch_of(&contract.table, &prepared.hash) {
                return Ok(Outcome::AlreadyLanded { batch_id: batch_id.to_owned() });
            }
            landed.new_batch_id(&contract.table, self.land.moment, &prepared.hash)
        };
        let keys = crate::warehouse::key_texts(&prepared.accepted.rows, &contract.key)?;
        let deduplicated = deduplicate(contract, &prepared.accepted, &keys)?;
        for row in &deduplicated.tied {
            let row = tie(contract, &prepared, &keys, *row)?;
            prepared.held.add(row)?;
        }
        let Some(opened) = self.tables.get(contract).await? else {
            let counts = counts_without_table(&prepared, &deduplicated);
            return Ok(Outcome::Landed { batch: self.batch(contract, &prepared, batch_id, counts, 0) });
        };
        let mut open = opened.lock().await;
        if deletions::are_remembered(contract) && open.deleted.is_none() {
            open.deleted = Some(self.deletions().await?.lock().await.keys_of(contract).await?);
        }
        let accepted = std::mem::replace(&mut prepared.accepted, Accepted::none(contract));
        let held = prepared.is_complete(contract).then(|| prepared.held.keys().collect());
        let delivered = Delivered { accepted, keys: &keys, deduplicated: &deduplicated, held, batch_id: &batch_id };
        let mut plan = merge::plan(contract, &open, delivered).await?;
        let counts = with_reading(plan.counts, &prepared);
        if !counts.balances() {
            return Err(unbalanced(&counts));
        }
        let rows_before = open.keys.read().map_err(|_| poisoned())?.len() as u64;
        let rows_after = rows_before + counts.inserted - counts.deleted - counts.dropped;
        let batch = self.batch(contract, &prepared, batch_id, counts, rows_after);
        if self.land.dry_run {
            return Ok(Outcome::Landed { batch });
        }
        let (news, deleted) = (std::mem::take(&mut plan.news), std::mem::take(&mut plan.deleted));
        let ids = std::mem::take(&mut prepared.corrected_ids);
        let corrected = Corrected { keys: &keys, rows: &news, ids };
        self.record_quarantine(&batch, &prepared.held, &corrected).await?;
        self.record_deletions(&batch, &deleted).await?;
        self.write(contract, &mut open, plan, &batch).await?;
        let batch = Batch { version: open.table.version(), ..batch };
        self.landed.lock().await.add(contract.delivery, &batch);
        if let Some(quarantine) = self.quarantine.lock().await.as_mut() {
            quarantine.has_landed(&batch.batch_id);
        }
        if let Some(known) = &mut open.deleted {
            known.learn(&deleted)?;
        }
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
            is_correction: prepared.is_correction,
        }
    }

    async fn record_quarantine(&self, batch: &Batch, held: &Held, corrected: &Corrected<'_>) -> Result<()> {
        let mut quarantine = self.quarantine.lock().await;
        if quarantine.is_none() {
            let exists = self.tables.warehouse().table_path(QUARANTINE_TABLE).exists();
            if held.is_empty() && !exists {
                return Ok(());
            }
            let committed = self.landed.lock().await.batch_ids().clone();
            *quarantine = Some(Quarantine::open(self.tables.warehouse(), committed, self.land.moment).await?);
        }
        let stamp = Stamp {
            batch_id: &batch.batch_id,
            table: &batch.table_name,
            file: batch.file.clone(),
            moment: self.land.moment,
        };
        match quarantine.as_mut() {
            Some(quarantine) => quarantine.record(&stamp, held, corrected).await,
            None => Ok(()),
        }
    }

    /// The table of deleted keys, opened before anything is put into it.
    async fn deletions(&self) -> Result<&Mutex<Deletions>> {
        let open = || async {
            let committed = self.landed.lock().await.batch_ids().clone();
            Deletions::open(self.tables.warehouse(), &committed).await.map(Mutex::new)
        };
        self.deletions.get_or_try_init(open).await
    }

    async fn record_deletions(&self, batch: &Batch, deleted: &DeletedRows) -> Result<()> {
        let names = (batch.table_name.as_str(), batch.batch_id.as_str());
        let mut deletions = self.deletions().await?.lock().await;
        deletions.record(self.tables.warehouse(), names, deleted, self.land.moment).await
    }

    /// Encodes and commits.
    async fn write(&self, contract: &Contract, open: &mut OpenTable, plan: Plan, batch: &Batch) -> Result<()> {
        let written = {
            let _core = self.cores.acquire().await.doing("waiting for a core")?;
            let (contracts, table, stem) =
                (self.land.contracts.clone(), contract.table.clone(), batch.batch_id.clone());
            blocking(move || match contracts.get(&table) {
                Some(contract) => write::encode(contract, plan, &stem),
                None => Err(Diagnostic::unexpected(format!("the contract of `{table}` is gone"))),
            })
            .await?
        };
        let commit = Commit {
            operation: CommitOperation::Merge,
            adds: Vec::new(),
            removes: Vec::new(),
            metadata: serde_json::to_value(batch).doing("describing a batch")?,
            transaction: Some(format!("gridhouse-batch-{}", batch.batch_id)),
        };
        write::commit(open, written, commit).await
    }
}

/// Counts of a plan with what was known when the delivery had been read.
fn with_reading(counts: Counts, prepared: &Prepared) -> Counts {
    let quarantined = prepared.held.len() as u64;
    Counts { rows_in: prepared.rows_in, quarantined, warnings: prepared.warnings, ..counts }
}

/// What a dry run would do to a table that does not exist: looking at a delivery must not create it.
fn counts_without_table(prepared: &Prepared, deduplicated: &Deduplicated) -> Counts {
    let is_delete =
        |row: &&u32| prepared.accepted.operations.as_ref().is_some_and(|all| all[**row as usize] == Operation::Delete);
    let unchanged = deduplicated.kept.iter().filter(is_delete).count() as u64;
    let inserted = deduplicated.kept.len() as u64 - unchanged;
    with_reading(Counts { inserted, unchanged, superseded: deduplicated.superseded, ..Counts::default() }, prepared)
}

fn unbalanced(counts: &Counts) -> Diagnostic {
    Diagnostic::unexpected(format!(
        "{} rows came in, but the counts of what became of them do not add up: {counts:?}",
        counts.rows_in
    ))
    .effect("not landed")
}
