//! Files of a report that are being written at the same time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err::File;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::export::Document;
use super::recompose::Kept;
use super::{Beside, OutputFile, Problem};

pub(super) type Job = Result<Vec<Made>, Problem>;

/// Jobs whose files wait for the disk or are being made, at most: what waits together reaches the disk together.
const BEGUN_MAX: usize = 32;

/// A file that has been written aside, with its record.
pub(super) struct Made {
    pub file: OutputFile,
    pub beside: Beside,
    /// Both, until they are synced.
    pub unsynced: Vec<File>,
}

/// Files being written, never more at a time than there are workers. While the disk takes them, others are made.
pub(super) struct Jobs {
    running: JoinSet<Job>,
    slots: Arc<Semaphore>,
    begun: Arc<Semaphore>,
    written: Vec<Made>,
    /// Files that have a maker.
    pub(super) taken: BTreeSet<PathBuf>,
    /// Where documents go that are not written.
    pub(super) kept: Option<Kept>,
}

impl Jobs {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            running: JoinSet::new(),
            slots: Arc::new(Semaphore::new(workers.max(1))),
            begun: Arc::new(Semaphore::new(workers.max(BEGUN_MAX))),
            written: Vec::new(),
            taken: BTreeSet::new(),
            kept: None,
        }
    }

    /// Nothing is written: documents are handed over.
    pub(super) fn keeping(kept: Kept) -> Self {
        Self { kept: Some(kept), ..Self::new(1) }
    }

    pub(super) fn wants(&self, path: &Path) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.wants(path))
    }

    pub(super) fn keep_document(&mut self, path: PathBuf, document: Document) {
        if let Some(kept) = &mut self.kept {
            kept.documents.push((path, document));
        }
    }

    /// Starts a job when a worker is free; a problem of an earlier job ends the report here.
    pub(super) async fn spawn(&mut self, job: impl FnOnce() -> Job + Send + 'static) -> Result<(), Problem> {
        while let Some(done) = self.running.try_join_next() {
            self.keep(done)?;
        }
        let gone = |_| Problem::new("", "the workers are gone");
        let begun = Arc::clone(&self.begun).acquire_owned().await.map_err(gone)?;
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(gone)?;
        self.running.spawn_blocking(move || {
            let result = job();
            drop(slot);
            let synced = result.and_then(synced);
            drop(begun);
            synced
        });
        Ok(())
    }

    fn keep(&mut self, done: Result<Job, tokio::task::JoinError>) -> Result<(), Problem> {
        let job = done.map_err(|_| Problem::new("", "a worker stopped while it wrote a file"))?;
        self.written.extend(job?);
        Ok(())
    }

    /// Waits for all; files in path order, whichever was done first.
    pub(super) async fn finish(mut self) -> Result<Vec<Made>, Problem> {
        let mut first_problem = None;
        while let Some(done) = self.running.join_next().await {
            first_problem = first_problem.or(self.keep(done).err());
        }
        if let Some(problem) = first_problem {
            return Err(problem);
        }
        self.written.sort_by(|left, right| left.file.path.cmp(&right.file.path));
        Ok(self.written)
    }
}

/// Waits until the disk has the files.
fn synced(mut written: Vec<Made>) -> Job {
    for made in &mut written {
        for file in made.unsynced.drain(..) {
            file.sync_all().map_err(|error| Problem::unwritable(&made.file.path, &error))?;
        }
    }
    Ok(written)
}
