//! Files written aside, synced, and moved into place together: a report that fails half-way leaves last
//! night's files as they were.

use std::collections::BTreeSet;
use std::fs::TryLockError;
use std::io::{BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err::{self as fs, File};

use super::provenance::Content;

/// Bytes a file system allows in one name, less what an office adds when copying.
const NAME_BYTES_MAX: usize = 200;

/// How long another process may take over the same report before this one gives up.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A folder beside the final places. Dropping it without [`Aside::commit`] leaves nothing behind.
pub struct Aside {
    target: PathBuf,
    folder: PathBuf,
    edition: Option<Edition>,
}

/// The list of a report's files, a line each, to know which of them a later edition no longer has. It is locked while
/// the report is made: two processes would write into each other's files.
struct Edition(File);

impl Aside {
    /// `editions` is the folder of the lists, where editions are kept track of. Leftovers of a run that was killed are
    /// cleared first.
    pub async fn new(target: &Path, report: &str, editions: Option<&Path>) -> std::io::Result<Self> {
        let edition = match editions {
            Some(editions) => Some(Edition::open(editions, report).await?),
            None => None,
        };
        let folder = target.join(format!(".making-{report}"));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { target: target.to_owned(), folder, edition })
    }

    pub fn path(&self, relative: &Path) -> PathBuf {
        self.folder.join(relative)
    }

    /// Moves the files into place, all or none, and makes their names durable. Where they are the `whole` report,
    /// files of an earlier edition that it no longer has are removed.
    pub fn commit(self, relatives: &[PathBuf], whole: bool) -> std::io::Result<Vec<PathBuf>> {
        let (mut earlier, mut listed) = (BTreeSet::new(), BTreeSet::new());
        if let Some(edition) = &self.edition {
            earlier = edition.read()?;
            listed = earlier.iter().chain(relatives).cloned().collect();
            // Before anything is moved, so that a crash half-way forgets no file.
            if listed != earlier {
                edition.write(&listed)?;
            }
        }
        let mut folders = BTreeSet::from([self.target.clone()]);
        let mut replaced = Vec::new();
        for (number, relative) in relatives.iter().enumerate() {
            let kept = self.folder.join(format!(".kept-{number}"));
            if let Err(error) = self.replace(relative, &kept, &mut folders) {
                put_back(&replaced);
                return Err(error);
            }
            replaced.push((kept, self.target.join(relative)));
        }
        if let Some(edition) = self.edition.as_ref().filter(|_| whole) {
            let current: BTreeSet<PathBuf> = relatives.iter().cloned().collect();
            for gone in earlier.difference(&current).filter(|relative| stays_inside(relative)) {
                let place = self.target.join(gone);
                if place.is_file() {
                    fs::remove_file(&place)?;
                    folders.extend(place.parent().map(Path::to_owned));
                }
            }
            if current != listed {
                edition.write(&current)?;
            }
        }
        for folder in folders {
            sync_folder(&folder)?;
        }
        Ok(replaced.into_iter().map(|(_, place)| place).collect())
    }

    /// Moves one file into place; the file it replaces stays reachable as `kept`, where the file system has links.
    fn replace(&self, relative: &Path, kept: &Path, folders: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
        let place = self.target.join(relative);
        if let Some(folder) = place.parent()
            && folders.insert(folder.to_owned())
        {
            fs::create_dir_all(folder)?;
        }
        if place.exists() {
            // Without links a failure half-way leaves some files new: no worse than not trying.
            drop(fs::hard_link(&place, kept));
        }
        fs::rename(self.path(relative), &place)
    }
}

impl Edition {
    async fn open(folder: &Path, report: &str) -> std::io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(report);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        lock(&file).await?;
        Ok(Self(file))
    }

    fn read(&self) -> std::io::Result<BTreeSet<PathBuf>> {
        let mut text = String::new();
        let mut file = self.0.file();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_string(&mut text)?;
        Ok(text.lines().map(PathBuf::from).collect())
    }

    fn write(&self, files: &BTreeSet<PathBuf>) -> std::io::Result<()> {
        let text: String = files.iter().map(|path| format!("{}\n", path.display())).collect();
        let mut file = self.0.file();
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Nothing depends on it: the next run clears the folder as well.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn lock(file: &File) -> std::io::Result<()> {
    let started = Instant::now();
    loop {
        match file.file().try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if started.elapsed() < WAIT_MAX => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(std::io::Error::other("another gridhouse is making this report"));
            }
            // Some network folders know no locks.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Brings replaced files back after a failure; files that were new stay, since nothing was there before them.
fn put_back(replaced: &[(PathBuf, PathBuf)]) {
    for (kept, place) in replaced.iter().filter(|(kept, _)| kept.exists()) {
        let _ = fs::rename(kept, place);
    }
}

/// Writes one file through `fill` and syncs it; what was written.
pub(super) fn write_synced<E: From<std::io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<Content, E> {
    let (content, file) = write(path, fill)?;
    file.sync_all()?;
    Ok(content)
}

/// Writes one file through `fill`; what was written, and the file, which is to be synced before it counts.
pub(super) fn write<E: From<std::io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(Content, File), E> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let hashed = Hashed { file: File::create(path)?, hasher: blake3::Hasher::new(), bytes: 0 };
    let mut out = BufWriter::with_capacity(1 << 16, hashed);
    fill(&mut out)?;
    let hashed = out.into_inner().map_err(|error| error.into_error())?;
    let content = Content { blake3: hashed.hasher.finalize().to_hex().to_string(), bytes: hashed.bytes };
    Ok((content, hashed.file))
}

/// A file whose bytes are hashed on their way to the disk.
struct Hashed {
    file: File,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(super) fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

/// A relative path made of names that every office system accepts; values from the data cannot add folders.
pub fn safe_part(value: &str) -> String {
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

    async fn made(target: &Path, files: &[(&str, &str)]) -> std::io::Result<Aside> {
        let aside = Aside::new(target, "r", Some(&target.join(".editions"))).await?;
        for (name, text) in files {
            write_synced::<std::io::Error>(&aside.path(Path::new(name)), |out| out.write_all(text.as_bytes()))?;
        }
        Ok(aside)
    }

    /// Names and texts of the files a person sees.
    fn seen(target: &Path) -> std::io::Result<Vec<(String, String)>> {
        let mut seen = Vec::new();
        for entry in fs::read_dir(target)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                seen.push((name.clone(), fs::read_to_string(target.join(name)).unwrap_or_default()));
            }
        }
        seen.sort();
        Ok(seen)
    }

    #[tokio::test]
    async fn an_edition_replaces_the_last_one_whole_or_not_at_all() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let target = folder.path();
        let pairs = |files: &[(&str, &str)]| -> Vec<(String, String)> {
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        fs::write(target.join("other.md"), "not ours")?;
        made(target, &[("a.md", "1"), ("b.md", "1")]).await?.commit(&paths(&["a.md", "b.md"]), true)?;
        drop(made(target, &[("a.md", "2")]).await?);
        assert_eq!(seen(target)?, pairs(&[("a.md", "1"), ("b.md", "1"), ("other.md", "not ours")]));

        // `c.md` was announced and not written: the move fails after that of `a.md`.
        let failed = made(target, &[("a.md", "3")]).await?.commit(&paths(&["a.md", "c.md"]), true);
        assert!(failed.is_err());
        assert_eq!(seen(target)?, pairs(&[("a.md", "1"), ("b.md", "1"), ("other.md", "not ours")]));

        made(target, &[("a.md", "4")]).await?.commit(&paths(&["a.md"]), false)?;
        assert_eq!(seen(target)?, pairs(&[("a.md", "4"), ("b.md", "1"), ("other.md", "not ours")]));
        made(target, &[("a.md", "5"), ("c.md", "5")]).await?.commit(&paths(&["a.md", "c.md"]), true)?;
        assert_eq!(seen(target)?, pairs(&[("a.md", "5"), ("c.md", "5"), ("other.md", "not ours")]));
        assert!(!target.join(".making-r").exists());
        Ok(())
    }
}
