//! Where deliveries wait and where they go when they have been dealt with.

use std::path::{Path, PathBuf};

use crate::contract::Contracts;
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::landing;
use crate::project::Project;

/// Reference lists that have a contract.
pub(super) fn reference_files(project: &Project, contracts: &Contracts) -> Result<Vec<PathBuf>> {
    let folder = project.reference();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs_err::read_dir(&folder).doing("listing the reference lists")? {
        let path = entry.doing("listing the reference lists")?.path();
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && contracts.get(&stem).is_some() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Every file of the inbox and its sub-folders, sorted; not hidden ones, office lock files or set-aside ones. What is
/// neither file nor folder is a problem, and so is a link to a folder: it may lead anywhere, even back to the inbox.
pub(super) fn inbox_files(inbox: &Path, failed: &Path) -> Result<(Vec<PathBuf>, Vec<Diagnostic>)> {
    let (mut files, mut odd) = (Vec::new(), Vec::new());
    let mut folders = vec![inbox.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        let entries = fs_err::read_dir(&folder).map_err(|error| {
            Diagnostic::unexpected(format!("the inbox cannot be read: {error}"))
                .effect("nothing was landed")
                .hint("check that the folder exists and that this user may read it")
        })?;
        for entry in entries {
            let entry = entry.doing("listing the inbox")?;
            let path = entry.path();
            let name = landing::file_name(&path);
            if name.starts_with('.') || name.starts_with("~$") || path == failed {
                continue;
            }
            let kind = entry.file_type().doing("listing the inbox")?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() || (kind.is_symlink() && path.is_file()) {
                files.push(path);
            } else {
                let what = if kind.is_symlink() { "a link that leads to no file" } else { "neither file nor folder" };
                odd.push(
                    Diagnostic::error(what)
                        .in_file(path)
                        .effect("left out")
                        .hint("deliver files into the inbox itself or a folder in it"),
                );
            }
        }
    }
    files.sort();
    Ok((files, odd))
}

/// Moves a file into a folder; a file of that name there stays, and the new one gets a number.
pub(super) fn move_file(file: &Path, folder: &Path) -> Result<PathBuf> {
    fs_err::create_dir_all(folder).doing("making the folder for dealt-with deliveries")?;
    let name = landing::file_name(file);
    let mut target = folder.join(&name);
    let mut number = 1;
    while target.exists() {
        number += 1;
        let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
        target = folder.join(format!("{stem}-{number}.{extension}"));
    }
    if fs_err::rename(file, &target).is_err() {
        // Another file system: copy, then remove.
        fs_err::copy(file, &target).doing("moving a delivery")?;
        fs_err::File::open(&target).and_then(|copy| copy.sync_all()).doing("moving a delivery")?;
        fs_err::remove_file(file).doing("moving a delivery")?;
    }
    Ok(target)
}

/// Moves a delivery that could not land to `inbox/failed`, with a note that says why.
pub(super) fn set_aside(file: &Path, failed: &Path, problem: &Diagnostic) -> Result<()> {
    let target = move_file(file, failed)?;
    let mut note = target.into_os_string();
    note.push(".说明.txt");
    let text = format!("本次报送未能入库，请按下面的说明处理后重新报送。\n\n{problem}\n");
    fs_err::write(PathBuf::from(note), text).doing("writing the note on a rejected delivery")
}
