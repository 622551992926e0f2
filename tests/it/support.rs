//! A project in a temporary folder, and the real binary run in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

pub const AS_OF: &str = "2024-06-27";

/// The repository's folder.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_gridhouse")
}

pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}

/// Runs the binary in `folder`.
pub fn gridhouse(folder: &Path, arguments: &[&str]) -> Run {
    command(folder, arguments).output().map(Run::of).expect("the binary starts")
}

pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(folder).env_remove("GRIDHOUSE_PROJECT").env("NO_COLOR", "1");
    command
}

pub struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    /// A project with the shipped contracts, views and reports and nothing landed.
    pub fn new() -> Self {
        let project = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for (from, to) in [
            ("data/contracts", "data/contracts"),
            ("data/reference", "data/reference"),
            ("queries", "queries"),
            ("report-templates", "report-templates"),
        ] {
            copy(&repository().join(from), &project.path(to));
        }
        copy(&repository().join("src/cli/gridhouse.toml"), &project.path("gridhouse.toml"));
        std::fs::create_dir_all(project.path("inbox")).expect("an inbox");
        project
    }

    /// A project with `data/sample` landed and its night run. Made once; each caller gets a copy.
    pub fn sample() -> Self {
        static MADE: OnceLock<Project> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            let project = Self::new();
            copy(&repository().join("data/sample"), &project.path("inbox"));
            project.run(&["nightly", "--as-of", AS_OF]).expect(0);
            project
        });
        let project = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        copy(made.root(), project.root());
        project
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        gridhouse(self.root(), arguments)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// A data file of a table's newest version; others may belong to earlier versions only.
    pub fn newest_data_file(&self, table: &str) -> PathBuf {
        let folder = self.path("warehouse").join(table);
        let entries = std::fs::read_dir(folder.join("_delta_log")).expect("a log").flatten().map(|entry| entry.path());
        let newest = entries.filter(|path| path.extension().is_some_and(|e| e == "json")).max().expect("a commit");
        let text = std::fs::read_to_string(newest).expect("a commit");
        let actions = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an action"));
        let added = actions.filter_map(|action| action["add"]["path"].as_str().map(str::to_owned)).next();
        folder.join(added.expect("a data file"))
    }

    /// The rows of a query, as CSV without header.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        let run = self.run(&["sql", "-c", sql, "--format", "csv"]).expect(0);
        let mut lines = run.stdout.lines();
        lines.next();
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Copies a file or a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let path = entry.expect("an entry").path();
            copy(&path, &to.join(path.file_name().expect("a name")));
        }
    } else {
        std::fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
}

/// Every file below a folder with its bytes, by path relative to it.
pub fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                files.push((path.strip_prefix(folder).expect("below").to_owned(), bytes));
            }
        }
    }
    files.sort();
    files
}

/// As [`contents`], without the records beside the files.
pub fn documents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = contents(folder);
    files.retain(|(path, _)| path.extension().is_none_or(|extension| extension != "json"));
    files
}

/// Says that a test is skipped, past the harness, which keeps to itself what a passing test prints.
pub fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// A Python with the readers the tests compare with, if `.ci/run` could install it. Without it the test is skipped.
pub fn readers() -> Option<PathBuf> {
    let folder = std::env::var_os("GRIDHOUSE_READERS").map(PathBuf::from);
    let python = folder.map(|folder| folder.join("bin/python")).filter(|python| python.exists());
    if python.is_none() {
        skipped("no Python readers (GRIDHOUSE_READERS)");
    }
    python
}
