//! A problem a person can fix: place, what, effect, hint.
//!
//! Everything below `cli` returns these as data; `cli::output` is the only place that prints them, and
//! [`Diagnostic::render`] the only place that words them. Knows nothing of engines or files.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where in a file the problem is. Lines and columns count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    pub line: Option<u32>,
    pub column: Option<u32>,
}

impl Place {
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), line: None, column: None }
    }

    pub fn at(file: impl Into<PathBuf>, line: u32, column: u32) -> Self {
        Self { file: file.into(), line: Some(line), column: Some(column) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = Some(single_line(&self.file.display().to_string())).filter(|file| !file.is_empty());
        let line = self.line.map(|line| line.to_string());
        let column = self.column.filter(|_| line.is_some()).map(|column| column.to_string());
        // A text typed on the command line has lines and columns but no file.
        f.write_str(&[file, line, column].into_iter().flatten().collect::<Vec<_>>().join(":"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    Error,
}

/// Who has to act: the exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Something in a file or an argument that its owner can mend: exit code 1.
    User,
    /// The machine, the disk or gridhouse itself: exit code 2.
    Unexpected,
}

/// One problem, ready to be shown.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub severity: Severity,
    pub fault: Fault,
    pub place: Option<Place>,
    pub message: String,
    /// The source text the place points into, for the line under the message.
    pub source: Option<String>,
    /// `label: text` lines, in order: `value`, `contract`, `effect`, …
    pub notes: Vec<(&'static str, String)>,
    pub hint: Option<String>,
}

impl Diagnostic {
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            fault: Fault::User,
            place: None,
            message: message.into(),
            source: None,
            notes: Vec::new(),
            hint: None,
        }
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// A failure no file owner can mend.
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self { fault: Fault::Unexpected, ..Self::error(message) }
    }

    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub fn in_file(self, file: impl Into<PathBuf>) -> Self {
        self.at(Place::file(file))
    }

    pub fn with_source(mut self, text: impl Into<String>) -> Self {
        self.source = Some(text.into());
        self
    }

    pub fn note(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.notes.push((label, text.into()));
        self
    }

    pub fn effect(self, text: impl Into<String>) -> Self {
        self.note("effect", text)
    }

    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hint = Some(text.into());
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The whole text, several lines, without a final newline. Paths below `base` are shown relative to it.
    pub fn render(&self, base: &Path) -> String {
        let mut text = String::from(match self.severity {
            Severity::Error => "error: ",
            Severity::Warning => "warning: ",
        });
        if let Some(place) = &self.place {
            let shown = Place { file: relative(&place.file, base), ..place.clone() };
            let shown = shown.to_string();
            if !shown.is_empty() {
                text.push_str(&format!("{shown}: "));
            }
        }
        text.push_str(&single_line(&self.message));
        if let Some(excerpt) = self.excerpt() {
            text.push_str(&excerpt);
        }
        for (label, note) in &self.notes {
            text.push_str(&format!("\n  {label}: {}", printable(note)));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("\n\nhint: {}", printable(hint)));
        }
        text
    }

    /// The source line with a caret below the column.
    fn excerpt(&self) -> Option<String> {
        let place = self.place.as_ref()?;
        let (line, column) = (place.line? as usize, place.column? as usize);
        let shown = single_line(self.source.as_ref()?.lines().nth(line.checked_sub(1)?)?);
        let before: String = shown.chars().take(column.saturating_sub(1)).collect();
        let word: usize = shown
            .chars()
            .skip(column.saturating_sub(1))
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .count()
            .max(1);
        let pad = unicode_width::UnicodeWidthStr::width(before.as_str());
        Some(format!("\n   |\n{line:2} | {shown}\n   | {}{}", " ".repeat(pad), "^".repeat(word)))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Path::new("")))
    }
}

impl std::error::Error for Diagnostic {}

/// `file` below `base`; `base` itself stays as it is, for nothing would be left of it.
fn relative(file: &Path, base: &Path) -> PathBuf {
    match file.strip_prefix(base) {
        Ok(inner) if !base.as_os_str().is_empty() && !inner.as_os_str().is_empty() => inner.to_path_buf(),
        _ => file.to_path_buf(),
    }
}

/// Names of files and texts of deliveries reach messages: a line break or an escape in them must not look like a
/// message of its own.
fn single_line(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect()
}

/// As [`single_line`], for what may have several lines.
fn printable(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() && sign != '\n' { ' ' } else { sign }).collect()
}

/// The nearest of `known` to a mistyped `word`, if any is near enough to suggest.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            let length = candidate.chars().count().min(lower.chars().count());
            *distance <= 1 + length / 4 && *distance < lower.chars().count()
        })
        .min()
        .map(|(_, candidate)| candidate)
}

pub type Result<T> = std::result::Result<T, Diagnostic>;

/// Turns an engine's or the disk's error into a [`Diagnostic`] that says what was being done.
pub trait Context<T> {
    fn doing(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: std::error::Error> Context<T> for std::result::Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|error| Diagnostic::unexpected(format!("{}: {}", what.into(), chain(&error))))
    }
}

/// An error and its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(&format!(": {inner_text}"));
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_shows_what_is_known_of_it() {
        let shown = |place: Place| Diagnostic::error("wrong").at(place).render(Path::new("/project"));
        assert_eq!(shown(Place::file("/project")), "error: /project: wrong");
        assert_eq!(shown(Place::at("/project/a.sql", 2, 3)), "error: a.sql:2:3: wrong");
        assert_eq!(shown(Place::at("", 1, 8)), "error: 1:8: wrong");
        assert_eq!(shown(Place::default()), "error: wrong");
    }

    #[test]
    fn a_file_name_forges_no_message() {
        let problem = Diagnostic::error("no such\u{1b}[2J file").in_file("a\nerror: b.csv");
        assert_eq!(problem.to_string(), "error: a error: b.csv: no such [2J file");
    }
}
