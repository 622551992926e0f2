//! What two records do not have in common, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::{Batches, Provenance};

/// Something that is different between two makings of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `template form.yml`, `query marts/visit_by_place.sql`, `program`.
    pub what: String,
    pub then: Option<String>,
    pub now: Option<String>,
}

impl Change {
    /// The view whose SQL or description has changed.
    pub fn query_view(&self) -> Option<&str> {
        Path::new(self.query_file()?).file_stem()?.to_str()
    }

    /// Its file, below `queries`.
    pub fn query_file(&self) -> Option<&str> {
        self.what.strip_prefix("query `")?.strip_suffix('`')
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Hashes tell nobody anything but that they differ.
        let is_hash = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (&self.then, &self.now) {
            (Some(then), Some(_)) if is_hash(then) => write!(f, "{} has changed", self.what),
            (Some(then), Some(now)) => write!(f, "{} was `{then}` and is `{now}`", self.what),
            (Some(_), None) => write!(f, "{} is gone", self.what),
            (None, Some(_)) => write!(f, "{} is new", self.what),
            (None, None) => write!(f, "{}", self.what),
        }
    }
}

/// What is different from `then` to `now`, settings apart: those a file is made with are its own.
pub fn changes(then: &Provenance, now: &Provenance) -> Vec<Change> {
    let mut found = Vec::new();
    let mut single = |what: &str, before: &str, after: &str| {
        if before != after {
            let (then, now) = (Some(before.to_owned()), Some(after.to_owned()));
            found.push(Change { what: what.to_owned(), then, now });
        }
    };
    single("program", &then.program, &now.program);
    single("snapshot", &then.snapshot, &now.snapshot);
    single("title", &then.title, &now.title);
    found.extend(between("parameter", &then.parameters, &now.parameters));
    found.extend(between("template", &then.templates, &now.templates));
    found.extend(between("query", &then.queries, &now.queries));
    let hashes = |batches: &BTreeMap<String, Batches>| -> BTreeMap<String, String> {
        batches.iter().map(|(table, batches)| (table.clone(), batches.blake3.clone())).collect()
    };
    found.extend(between("the list of batches in", &hashes(&then.batches), &hashes(&now.batches)));
    found
}

/// Which settings are others today.
pub fn settings_changes(then: &Provenance, today: &BTreeMap<String, String>) -> Vec<Change> {
    between("setting", &then.settings, today)
}

fn between(kind: &str, then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<Change> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let differing = names.into_iter().filter(|name| then.get(*name) != now.get(*name));
    differing
        .map(|name| Change {
            what: format!("{kind} `{name}`"),
            then: then.get(name).cloned(),
            now: now.get(name).cloned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named() {
        let (old, new) = ("a".repeat(64), "b".repeat(64));
        let then = Provenance {
            program: "gridhouse 0.1.0".into(),
            templates: [("form.yml".to_owned(), old.clone()), ("old.yml".to_owned(), old.clone())].into(),
            queries: [("marts/a.sql".to_owned(), old)].into(),
            settings: [("district.name".to_owned(), "甲区".to_owned())].into(),
            ..Provenance::new()
        };
        let now = Provenance {
            program: "gridhouse 0.2.0".into(),
            templates: [("form.yml".to_owned(), new.clone())].into(),
            queries: [("marts/a.sql".to_owned(), new.clone()), ("marts/b.sql".to_owned(), new)].into(),
            ..then.clone()
        };
        let told: Vec<String> = changes(&then, &now).iter().map(Change::to_string).collect();
        assert_eq!(
            told,
            [
                "program was `gridhouse 0.1.0` and is `gridhouse 0.2.0`",
                "template `form.yml` has changed",
                "template `old.yml` is gone",
                "query `marts/a.sql` has changed",
                "query `marts/b.sql` is new",
            ]
        );
        let views: Vec<Option<String>> =
            changes(&then, &now).iter().map(|change| change.query_view().map(str::to_owned)).collect();
        assert_eq!(views, [None, None, None, Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(changes(&then, &then), []);
        let today = [("district.name".to_owned(), "乙区".to_owned())].into();
        let told: Vec<String> = settings_changes(&then, &today).iter().map(Change::to_string).collect();
        assert_eq!(told, ["setting `district.name` was `甲区` and is `乙区`"]);
    }
}
