//! One writer at a time: an advisory lock on `warehouse/.lock`, whose text names the owner.
//!
//! The operating system frees the lock when its process dies, so a killed night never blocks the next one.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;

use crate::diagnostic::{Context, Diagnostic, Result};

/// Held while writing; freed on drop or when the process ends.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

pub(super) fn take(root: &Path, owner: &str) -> Result<WriterLock> {
    fs_err::create_dir_all(root).doing("creating the warehouse")?;
    let path = root.join(".lock");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .doing("opening the warehouse's lock file")?;
    match file.try_lock() {
        Ok(()) => {
            let text = format!("{owner}, process {}", std::process::id());
            let written = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
            written.doing("writing the warehouse's lock file")?;
            Ok(WriterLock { _file: file })
        }
        Err(TryLockError::WouldBlock) => {
            let holder = fs_err::read_to_string(&path).unwrap_or_else(|_| "an unknown process".to_string());
            Err(Diagnostic::error("another gridhouse is writing to this warehouse")
                .in_file(path)
                .note("holder", holder)
                .effect("nothing was changed")
                .hint("wait until it has finished; reading commands work meanwhile"))
        }
        Err(TryLockError::Error(error)) => Err(error).doing("locking the warehouse"),
    }
}
