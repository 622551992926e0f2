//! Whether a file is as it was made: by the register of the warehouse, or, away from it, by the record beside the file.

use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::{Beside, Carried, Content, Issue, IssuedFile, NoRecord, Provenance, Register};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::report::compare::refuse_irregular;

/// What became of a file since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Byte for byte a file that was put in the outbox.
    Issued,
    /// Byte for byte a file that was made here for somebody's own folder.
    Made,
    /// As the record beside it says, with no register at hand to vouch for either.
    AsRecorded,
    Touched,
    /// Nothing at hand tells what its bytes were.
    Unknown,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Issued => "untouched, issued",
            Self::Made => "untouched, not issued",
            Self::AsRecorded => "as recorded",
            Self::Touched => "touched",
            Self::Unknown => "unknown",
        }
    }

    pub fn is_untouched(self) -> bool {
        matches!(self, Self::Issued | Self::Made | Self::AsRecorded)
    }
}

/// What was found out about one file.
#[derive(Debug)]
pub struct Verdict {
    pub state: State,
    /// Where the file comes from; of a touched one, what it was made from.
    pub record: Option<Provenance>,
    /// The making that it is of, or that has the file of its name.
    pub made: Option<(Issue, IssuedFile)>,
    /// What is wrong, for a file that is not untouched.
    pub problem: Option<Diagnostic>,
}

impl Verdict {
    fn untouched(issue: Issue, made: IssuedFile) -> Self {
        // Issued or not, the bytes may be the same.
        let state = if issue.is_issued { State::Issued } else { State::Made };
        Self { state, record: Some(issue.record_of(&made)), made: Some((issue, made)), problem: None }
    }

    fn bad(state: State, record: Option<Provenance>, problem: Diagnostic) -> Self {
        Self { state, record, made: None, problem: Some(problem) }
    }
}

/// Where to look a file up.
pub struct Known<'a> {
    pub register: &'a Register,
    pub outbox: &'a Path,
}

/// Looks at one file. `known` is missing where there is no project.
pub fn verify(file: &Path, known: Option<&Known<'_>>) -> Result<Verdict> {
    let content = content_of(file)?;
    let carried = Carried::of(file).doing("reading a file")?;
    let Some(known) = known.filter(|known| known.register.exists()) else {
        return Ok(without_register(file, &content, &carried));
    };
    // Short texts of two warehouses may have the same bytes.
    let elsewhere = |issue: &Issue| carried.record().filter(|record| record.rests_on_others(&issue.record));
    if let Some((issue, made)) = by_bytes(known.register, &content, carried.record())? {
        return Ok(match elsewhere(&issue) {
            Some(record) => from_elsewhere(file, record),
            None => Verdict::untouched(issue, made),
        });
    }
    if let Some(verdict) = as_record(file, known.register)? {
        return Ok(verdict);
    }
    if let Some((issue, made)) = by_name(file, known, carried.record())? {
        return Ok(match elsewhere(&issue) {
            Some(record) => from_elsewhere(file, record),
            None => touched(file, &content, issue, made),
        });
    }
    let problem = match carried.record() {
        Some(record) => Diagnostic::error("was not made here, or is no longer what it was")
            .note("its record", format!("report `{}` as of {}, file `{}`", record.report, record.as_of, record.file))
            .note("looked for", "a file of these bytes or of this name among all that this warehouse has made"),
        None => Diagnostic::error("carries no record, and no file made here has these bytes")
            .note("its record", unreadable(&carried).unwrap_or_else(|| "none, in it or beside it".to_owned())),
    };
    let hint = "ask who sent it; `gridhouse report` makes reports anew";
    Ok(Verdict::bad(State::Unknown, carried.record().cloned(), problem.in_file(file).hint(hint)))
}

/// Length and hash of a regular file.
pub fn content_of(file: &Path) -> Result<Content> {
    refuse_irregular(file)?;
    let opened = File::open(file).map_err(|error| Diagnostic::error(error.to_string()).in_file(file))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&opened).map_err(|error| Diagnostic::error(error.to_string()).in_file(file))?;
    Ok(Content { blake3: hasher.finalize().to_hex().to_string(), bytes: hasher.count() })
}

/// The file of these bytes. Where a record says is looked first; a file that lost its record is found all the same.
fn by_bytes(
    register: &Register,
    content: &Content,
    record: Option<&Provenance>,
) -> Result<Option<(Issue, IssuedFile)>> {
    let find = |issues: Vec<Issue>| {
        // Issued or not, the bytes are the same: what was sent counts.
        let (issued, own): (Vec<_>, Vec<_>) = issues.into_iter().partition(|issue| issue.is_issued);
        issued.into_iter().chain(own).find_map(|issue| {
            let made = issue.files.iter().find(|made| made.content == *content)?.clone();
            Some((issue, made))
        })
    };
    if let Some(record) = record
        && let Some(found) = find(register.issues(record.as_of, &record.report)?)
    {
        return Ok(Some(found));
    }
    Ok(find(register.all()?))
}

/// The newest file made under the name that the file's record gives, or that its place in the outbox gives.
fn by_name(file: &Path, known: &Known<'_>, record: Option<&Provenance>) -> Result<Option<(Issue, IssuedFile)>> {
    let find = |issues: Vec<Issue>, name: &str| {
        issues.into_iter().rev().find_map(|issue| {
            let made = issue.files.iter().find(|made| made.file == name)?.clone();
            Some((issue, made))
        })
    };
    if let Some(record) = record
        && let Some(found) = find(known.register.issues(record.as_of, &record.report)?, &record.file)
    {
        return Ok(Some(found));
    }
    let Some((as_of, name)) = place_in(known.outbox, file) else { return Ok(None) };
    let issues = known.register.all()?;
    Ok(find(issues.into_iter().filter(|issue| issue.is_issued && issue.record.as_of == as_of).collect(), &name))
}

/// The date and name under which a file lies in the outbox.
fn place_in(outbox: &Path, file: &Path) -> Option<(NaiveDate, String)> {
    let (outbox, file) = (fs_err::canonicalize(outbox).ok()?, fs_err::canonicalize(file).ok()?);
    let inner = file.strip_prefix(outbox).ok()?;
    let date = inner.iter().next()?;
    Some((date.to_str()?.parse().ok()?, inner.strip_prefix(date).ok()?.display().to_string()))
}

/// The same report of the same date and table versions, made of other deliveries.
fn from_elsewhere(file: &Path, record: &Provenance) -> Verdict {
    let problem = Diagnostic::error("was made from another warehouse")
        .in_file(file)
        .note("its record", format!("report `{}` as of {}, file `{}`", record.report, record.as_of, record.file))
        .note("looked for", "the deliveries that it names: those behind the same table versions here are others");
    Verdict::bad(State::Unknown, Some(record.clone()), problem.hint("`-C DIR` names the project that made it"))
}

fn touched(file: &Path, content: &Content, issue: Issue, made: IssuedFile) -> Verdict {
    let record = issue.record_of(&made);
    let mut problem = Diagnostic::error("has been touched since it was made, or is another file of its name")
        .in_file(file)
        .note("made as", format!("`{}` of report `{}`, as of {}", made.file, record.report, record.as_of))
        .note("bytes", format!("{} now, {} when it was made", content.bytes, made.content.bytes));
    if let Some(saved) = super::carried::last_saved(file) {
        problem = problem.note("saved", saved);
    }
    let hint = "`gridhouse reproduce FILE` makes it again as it was and says which cells differ";
    Verdict { made: Some((issue, made)), ..Verdict::bad(State::Touched, Some(record), problem.hint(hint)) }
}

/// The verdict on a `.json` that stands beside files; `None` for anything else.
fn as_record(file: &Path, register: &Register) -> Result<Option<Verdict>> {
    if file.extension().is_none_or(|extension| extension != "json") {
        return Ok(None);
    }
    let text = fs_err::read_to_string(file).unwrap_or_default();
    let Ok(beside) = Beside::parse(&text) else { return Ok(None) };
    let issued = by_bytes(register, &beside.content, Some(&beside.record))?;
    Ok(issued.map(|(issue, made)| {
        let record = issue.record_of(&made);
        let as_made = Beside { record: record.clone(), content: made.content.clone() };
        if as_made.text() == text {
            return Verdict::untouched(issue, made);
        }
        let problem = Diagnostic::error("is a record that has been touched since it was made").in_file(file);
        Verdict::bad(State::Touched, Some(record), problem)
    }))
}

/// Away from the warehouse: what the record beside the file says of its bytes.
fn without_register(file: &Path, content: &Content, carried: &Carried) -> Verdict {
    let record = carried.record().cloned();
    let beside = match &carried.beside {
        Some(Ok(beside)) => beside,
        Some(Err(why)) => {
            let problem = Diagnostic::error("cannot be judged: the record beside it is no help").in_file(file);
            return Verdict::bad(State::Unknown, record, problem.note("its record", why.to_string()));
        }
        None => {
            let problem = Diagnostic::error("cannot be judged: nothing at hand says what its bytes were")
                .in_file(file)
                .note("its record", unreadable(carried).unwrap_or_else(|| "not beside it".to_owned()))
                .hint("`-C DIR` names the project that made it, whose register knows");
            return Verdict::bad(State::Unknown, record, problem);
        }
    };
    if matches!(&carried.embedded, Some(Ok(embedded)) if *embedded != beside.record) {
        let problem = Diagnostic::error("and the record beside it do not belong together")
            .in_file(file)
            .note("the record", format!("is of `{}` as of {}", beside.record.file, beside.record.as_of));
        return Verdict::bad(State::Touched, record, problem);
    }
    if beside.content == *content {
        return Verdict { state: State::AsRecorded, record, made: None, problem: None };
    }
    let mut problem = Diagnostic::error("has been touched since it was made, says the record beside it")
        .in_file(file)
        .note("bytes", format!("{} now, {} when it was made", content.bytes, beside.content.bytes));
    if let Some(saved) = super::carried::last_saved(file) {
        problem = problem.note("saved", saved);
    }
    Verdict::bad(State::Touched, record, problem)
}

/// Why a record that is there says nothing.
fn unreadable(carried: &Carried) -> Option<String> {
    let embedded = carried.embedded.as_ref().and_then(|found| found.as_ref().err());
    let beside = carried.beside.as_ref().and_then(|found| found.as_ref().err());
    embedded.or(beside).map(NoRecord::to_string)
}

/// Every file below `path`, or `path` itself; hidden files and records are left to what they belong to.
pub fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).doing("listing a folder")? {
            let entry = entry.doing("listing a folder")?;
            let (path, is_folder) = (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_dir()));
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if is_folder {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
