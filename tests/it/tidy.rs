//! The architecture as `use` lines: arrows point down the module list only, and big dependencies enter by one door.

use std::path::{Path, PathBuf};

use crate::support::repository;

/// Modules from the lowest to the highest. A module may use those before it.
const ORDER: [&str; 18] = [
    "diagnostic",
    "district",
    "settings",
    "source",
    "contract",
    "warehouse",
    "query",
    "landing",
    "report",
    "synthetic",
    "project",
    "closing",
    "nightly",
    "explain",
    "reproduce",
    "impact",
    "forms",
    "cli",
];

/// A dependency and the only modules that may name it.
const DOORS: [(&str, &[&str]); 5] = [
    ("deltalake", &["warehouse"]),
    ("calamine", &["source"]),
    ("minijinja", &["report"]),
    ("clap", &["cli"]),
    ("reedline", &["cli"]),
];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

fn module_of(path: &Path) -> String {
    let inner = path.strip_prefix(repository().join("src")).expect("below src");
    let first = inner.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn modules_use_only_what_is_below_them() {
    let mut wrong = Vec::new();
    for path in rust_files(&repository().join("src")) {
        let module = module_of(&path);
        // Unit tests compare with other readers.
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        let Some(own) = ORDER.iter().position(|m| *m == module) else { continue };
        let text = std::fs::read_to_string(&path).expect("a file");
        for (number, line) in text.lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let used: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if ORDER.iter().position(|m| *m == used).is_some_and(|other| other > own) {
                    wrong.push(format!("{}:{}: `{module}` uses `{used}`", path.display(), number + 1));
                }
            }
            for (dependency, doors) in DOORS {
                let named = [format!("use {dependency}::"), format!(" {dependency}::"), format!("({dependency}::")];
                if named.iter().any(|n| line.contains(n)) && !doors.contains(&module.as_str()) {
                    wrong.push(format!("{}:{}: `{module}` names `{dependency}`", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_below_cli_prints_or_reads_clock_or_environment() {
    let mut wrong = Vec::new();
    for path in rust_files(&repository().join("src")) {
        if module_of(&path) == "cli" {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a file");
        for (number, line) in text.lines().enumerate().take_while(|(_, line)| !line.contains("#[cfg(test)]")) {
            for banned in ["println!", "eprintln!", "dbg!(", "Local::now", "env::var"] {
                if line.contains(banned) {
                    wrong.push(format!("{}:{}: {banned}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_people_are_synthetic() {
    // Region 990105 is unallocated and 154 is no assigned prefix; anything else could be somebody's.
    let id_number = regex::Regex::new(r"\b[1-8]\d{5}(19|20)\d{2}(0\d|1[0-2])[0-3]\d\d{3}[\dX]\b").expect("a pattern");
    for (path, bytes) in crate::support::contents(&repository().join("data")) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!id_number.is_match(&text), "{} holds an identity number of a real region", path.display());
    }
}
