//! How the query engine is set up: memory, spilling, partitions.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::diagnostic::{Context, Result};

#[derive(Debug, Clone)]
pub struct QueryLimits {
    /// What queries may hold in memory before they spill to disk, in bytes.
    pub memory_bytes: u64,
    /// Where they spill.
    pub spill_folder: Option<PathBuf>,
    /// Cores to use.
    pub workers: usize,
}

pub(super) fn context(limits: &QueryLimits) -> Result<SessionContext> {
    let mut config = SessionConfig::new()
        .with_information_schema(true)
        // More partitions than cores even out unequal files.
        .with_target_partitions(limits.workers.max(1) * 2);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    options.execution.parquet.pushdown_filters = false;
    let memory = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    // Each partition's sort sets this much aside for merging what it spilled; with the default a small memory is full
    // before anything is sorted.
    let share = memory / (limits.workers.max(1) * 2 * 16);
    options.execution.sort_spill_reservation_bytes = options.execution.sort_spill_reservation_bytes.min(share);
    let mut runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(memory)));
    if let Some(folder) = &limits.spill_folder {
        let mode = DiskManagerMode::Directories(vec![folder.clone()]);
        runtime = runtime.with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode));
    }
    let runtime = runtime.build_arc().doing("starting the query engine")?;
    Ok(SessionContext::new_with_config_rt(config, runtime))
}
