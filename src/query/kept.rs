//! Marts of the last night on disk, so that a query or a report need not compute them again.
//!
//! A file is named by everything its rows depend on: the snapshot, the SQL of the view and of all views below it, and
//! the program. Whatever changes, the name changes, and the mart is computed. Files can be deleted at any time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;

use super::snapshot::{Snapshot, UNNAMED};
use super::views::{View, ViewCatalog};
use crate::diagnostic::{Context, Result};

const HASH_BYTES: usize = blake3::OUT_LEN;

/// Where the kept marts of one warehouse lie.
#[derive(Debug, Clone)]
pub(super) struct KeptMarts {
    folder: PathBuf,
    /// Tells builds of the program apart: the same SQL may come out differently.
    program: String,
}

impl KeptMarts {
    pub(super) fn of(warehouse: &Path) -> Self {
        Self { folder: warehouse.join(".marts"), program: program() }
    }

    /// The file of a mart over `snapshot`; `None` for a view whose rows depend on more than the snapshot names.
    fn path(&self, catalog: &ViewCatalog, snapshot: &Snapshot, view: &View) -> Option<PathBuf> {
        let mut hasher = blake3::Hasher::new();
        for part in [self.program.as_str(), &snapshot.id()] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        for below in catalog.in_order([view.name.as_str()]) {
            if below.reads.iter().any(|read| UNNAMED.contains(&read.as_str())) {
                return None;
            }
            hasher.update(below.name.as_bytes());
            hasher.update(&[0]);
            hasher.update(below.sql.as_bytes());
            hasher.update(&[0]);
            // Says which rows closed months put in their place.
            hasher.update(format!("{:?}", below.model.config.closed_months).as_bytes());
        }
        Some(self.folder.join(format!("{}-{}.arrow", view.name, &hasher.finalize().to_hex()[..16])))
    }

    /// The rows of a mart, if they are there and whole.
    pub(super) fn read(&self, catalog: &ViewCatalog, snapshot: &Snapshot, view: &View) -> Option<Vec<RecordBatch>> {
        read_rows(&self.path(catalog, snapshot, view)?)
    }

    /// Writes these marts and removes those of other snapshots.
    pub(super) fn write(
        &self,
        catalog: &ViewCatalog,
        snapshot: &Snapshot,
        marts: &[(String, Vec<RecordBatch>)],
    ) -> Result<()> {
        let doing = "keeping the night's marts";
        fs_err::create_dir_all(&self.folder).doing(doing)?;
        let mut current = BTreeSet::new();
        for (name, rows) in marts {
            let path = catalog.get(name).and_then(|view| self.path(catalog, snapshot, view));
            let (Some(path), false) = (path, rows.is_empty()) else { continue };
            if !path.is_file() {
                write_rows(&path, rows).doing(doing)?;
            }
            current.insert(path);
        }
        for entry in fs_err::read_dir(&self.folder).doing(doing)? {
            let path = entry.doing(doing)?.path();
            if !current.contains(&path) {
                fs_err::remove_file(&path).doing(doing)?;
            }
        }
        Ok(())
    }
}

/// The rows in a file, if it is there and whole.
pub(super) fn read_rows(path: &Path) -> Option<Vec<RecordBatch>> {
    let bytes = fs_err::read(path).ok()?;
    let (hash, content) = bytes.split_at_checked(HASH_BYTES)?;
    if blake3::hash(content).as_bytes() != hash {
        return None;
    }
    let reader = FileReader::try_new(std::io::Cursor::new(content), None).ok()?;
    reader.collect::<std::result::Result<_, _>>().ok()
}

/// Writes at least one batch of rows. A reader sees the whole file or none; after a crash its hash tells.
pub(super) fn write_rows(path: &Path, rows: &[RecordBatch]) -> std::result::Result<(), ArrowError> {
    let Some(first) = rows.first() else { return Ok(()) };
    let bytes: usize = rows.iter().map(RecordBatch::get_array_memory_size).sum();
    let mut content = Vec::with_capacity(bytes);
    content.resize(HASH_BYTES, 0);
    let mut writer = FileWriter::try_new(content, &first.schema())?;
    for batch in rows {
        writer.write(batch)?;
    }
    let mut content = writer.into_inner()?;
    let hash = blake3::hash(&content[HASH_BYTES..]);
    content[..HASH_BYTES].copy_from_slice(hash.as_bytes());
    let aside = path.with_extension("new");
    fs_err::write(&aside, content)?;
    Ok(fs_err::rename(&aside, path)?)
}

/// Version, and length and age of the program file.
pub(super) fn program() -> String {
    let file = std::env::current_exe().and_then(fs_err::metadata);
    let build = file.and_then(|file| Ok((file.len(), file.modified()?)));
    format!("{} {:?}", env!("CARGO_PKG_VERSION"), build.ok())
}
