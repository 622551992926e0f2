//! Files written aside, synced, and moved into place together: a report that fails half-way leaves last
//! night's files as they were.

use std::io::{BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use fs_err as fs;

/// Bytes a file system allows in one name, less what an office adds when copying.
const NAME_BYTES_MAX: usize = 200;

/// A folder beside the final places. Dropping it without [`Aside::commit`] leaves nothing behind.
pub(super) struct Aside {
    target: PathBuf,
    folder: PathBuf,
}

impl Aside {
    /// Leftovers of a run that was killed are cleared first.
    pub(super) fn new(target: &Path, report: &str) -> std::io::Result<Self> {
        let folder = target.join(format!(".making-{report}"));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { target: target.to_owned(), folder })
    }

    pub(super) fn path(&self, relative: &Path) -> PathBuf {
        self.folder.join(relative)
    }

    /// Moves the files into place and makes their names durable.
    pub(super) fn commit(self, relatives: &[PathBuf]) -> std::io::Result<Vec<PathBuf>> {
        let mut folders = vec![self.target.clone()];
        let mut places = Vec::with_capacity(relatives.len());
        for relative in relatives {
            let place = self.target.join(relative);
            if let Some(folder) = place.parent().filter(|folder| !folders.iter().any(|known| known == folder)) {
                fs::create_dir_all(folder)?;
                folders.push(folder.to_owned());
            }
            fs::rename(self.path(relative), &place)?;
            places.push(place);
        }
        for folder in folders {
            sync_folder(&folder)?;
        }
        Ok(places)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Nothing depends on it: the next run clears the folder as well.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Writes one file through `fill` and syncs it; its length in bytes.
pub(super) fn write_synced<E: From<std::io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<u64, E> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = BufWriter::with_capacity(1 << 16, fs::File::create(path)?);
    fill(&mut out)?;
    let file = out.into_inner().map_err(|error| error.into_error())?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

/// A relative path made of names that every office system accepts; values from the data cannot add folders.
pub(super) fn safe_part(value: &str) -> String {
    let clean: String = value
        .chars()
        .map(|sign| match sign {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            sign if sign.is_control() => '_',
            sign => sign,
        })
        .collect();
    let mut clean = clean.trim().trim_matches('.').to_owned();
    while clean.len() > NAME_BYTES_MAX {
        clean.pop();
    }
    clean
}

/// Whether a declared path stays below the output folder.
pub(super) fn stays_inside(path: &Path) -> bool {
    path.components().next().is_some()
        && path.components().all(|part| matches!(part, Component::Normal(name) if name.len() <= 255))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_the_folder() {
        assert_eq!(safe_part("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(safe_part("东华:社区?"), "东华_社区_");
        assert!(stays_inside(Path::new("居民台账/a.xlsx")));
        assert!(
            !stays_inside(Path::new("../a.xlsx")) && !stays_inside(Path::new("/a")) && !stays_inside(Path::new(""))
        );
    }

    #[test]
    fn a_dropped_folder_leaves_what_was_there() -> std::io::Result<()> {
        let target = tempfile::tempdir()?;
        fs::write(target.path().join("a.md"), "old")?;
        let aside = Aside::new(target.path(), "r")?;
        write_synced::<std::io::Error>(&aside.path(Path::new("a.md")), |out| out.write_all(b"new"))?;
        drop(aside);
        assert_eq!(fs::read_to_string(target.path().join("a.md"))?, "old");
        assert_eq!(fs::read_dir(target.path())?.count(), 1);
        let aside = Aside::new(target.path(), "r")?;
        write_synced::<std::io::Error>(&aside.path(Path::new("a.md")), |out| out.write_all(b"new"))?;
        aside.commit(&[PathBuf::from("a.md")])?;
        assert_eq!(fs::read_to_string(target.path().join("a.md"))?, "new");
        Ok(())
    }
}
