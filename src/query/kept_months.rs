//! Closed months as they were last counted anew, on disk: a night counts a month again only if its records have changed.
//!
//! A file is named by everything its figures depend on: the records of the month as the staging views give them, the views,
//! and the program. Files can be deleted at any time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};

use super::kept::{program, read_rows, write_rows};
use super::session::Session;
use super::snapshot::UNNAMED;
use super::views::{Layer, ViewCatalog};
use crate::diagnostic::{Context, Result};

#[derive(Debug)]
pub(super) struct KeptMonths {
    folder: PathBuf,
    /// What this session has counted or read, by file.
    current: Mutex<BTreeMap<PathBuf, RecordBatch>>,
}

impl KeptMonths {
    pub(super) fn of(warehouse: &Path) -> Self {
        Self { folder: warehouse.join(".months"), current: Mutex::default() }
    }

    /// The file of a month whose figures depend on `inputs`.
    pub(super) fn path(&self, month: &str, inputs: &str) -> PathBuf {
        self.folder.join(format!("{month}-{inputs}.arrow"))
    }

    /// The figures in a file, if they are there and whole.
    pub(super) fn read(&self, path: &Path) -> Option<RecordBatch> {
        let rows = read_rows(path)?.into_iter().next()?;
        self.hold(path, &rows);
        Some(rows)
    }

    /// Figures to be written with the others.
    pub(super) fn hold(&self, path: &Path, rows: &RecordBatch) {
        if let Ok(mut current) = self.current.lock() {
            current.insert(path.to_owned(), rows.clone());
        }
    }

    /// Writes what was counted and removes what nobody asked for; nothing happens where no month was asked for.
    pub(super) fn write(&self) -> Result<()> {
        let doing = "keeping the counts of closed months";
        let current = match self.current.lock() {
            Ok(current) if !current.is_empty() => current.clone(),
            _ => return Ok(()),
        };
        fs_err::create_dir_all(&self.folder).doing(doing)?;
        for (path, rows) in current.iter().filter(|(path, _)| !path.is_file()) {
            write_rows(path, std::slice::from_ref(rows)).doing(doing)?;
        }
        for entry in fs_err::read_dir(&self.folder).doing(doing)? {
            let path = entry.doing(doing)?.path();
            if !current.contains_key(&path) {
                fs_err::remove_file(&path).doing(doing)?;
            }
        }
        Ok(())
    }
}

/// A hash of all that the figures of `views` depend on in a session: the program, the views and those below them, the rows
/// of the staging views, and the versions of other tables that they read or look up. `more` is hashed with them.
pub(super) async fn inputs_of(session: &Session, views: &[&str], more: &[&str]) -> Result<String> {
    let catalog: &ViewCatalog = session.catalog();
    let mut parts: Vec<String> = more.iter().map(|part| (*part).to_owned()).collect();
    parts.push(program());
    parts.extend(super::LOOKED_UP.into_iter().map(|table| version_of(session, table)));
    for below in catalog.in_order(views.iter().copied()) {
        parts.extend([below.name.clone(), below.sql.clone()]);
        if views.contains(&below.name.as_str()) {
            // What is said of its columns is kept beside the figures.
            parts.push(format!("{:?}", below.model));
        }
        if below.layer == Layer::Staging {
            parts.push(rows_of(session, &below.name).await?);
        } else {
            for table in below.reads.iter().filter(|read| catalog.get(read).is_none()) {
                // What no snapshot names is told by its rows.
                parts.push(match UNNAMED.contains(&table.as_str()) {
                    true => rows_of(session, table).await?,
                    false => version_of(session, table),
                });
            }
        }
    }
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}

fn version_of(session: &Session, table: &str) -> String {
    let version = session.snapshot().and_then(|snapshot| snapshot.versions.get(table));
    format!("{table} {version:?}")
}

/// How many rows a view has, and the sum of their hashes: the same for the same rows in whatever order.
async fn rows_of(session: &Session, view: &str) -> Result<String> {
    let doing = "comparing the records of a closed month";
    let (mut count, mut sum) = (0_usize, 0_u128);
    let mut columns = String::new();
    for batch in session.fetch(&format!("SELECT * FROM \"{view}\"")).await? {
        let schema = batch.schema();
        columns = format!("{:?}", schema.fields());
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let rows = RowConverter::new(fields).and_then(|converter| converter.convert_columns(batch.columns()));
        for row in rows.doing(doing)?.iter() {
            let hash = blake3::hash(row.as_ref());
            let (half, _) = hash.as_bytes().split_at(size_of::<u128>());
            sum = half.try_into().map(u128::from_le_bytes).map_or(sum, |half| sum.wrapping_add(half));
        }
        count += batch.num_rows();
    }
    Ok(format!("{count} {sum} {columns}"))
}
