//! YAML with positions: the one way in which this module reads its declaration files.

use std::path::Path;

use serde::de::DeserializeOwned;
pub(super) use serde_saphyr::Spanned;

use super::Problem;

pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Problem> {
    let text = fs_err::read_to_string(path).map_err(|error| Problem::new(path, error.to_string()))?;
    parse(path, &text)
}

pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Problem> {
    serde_saphyr::from_str(text).map_err(|error| {
        // The library draws the source line below its message; our own renderer does that.
        let message = error.without_snippet().to_string();
        let problem = Problem::new(path, message.lines().next().unwrap_or_default().to_owned());
        match error.location() {
            Some(place) => problem.at(clip(place.line()), clip(place.column())),
            None => problem,
        }
    })
}

/// A problem at the place where `spanned` was written.
pub(super) fn problem<T>(path: &Path, spanned: &Spanned<T>, message: impl Into<String>) -> Problem {
    let place = spanned.referenced;
    Problem::new(path, message).at(clip(place.line()), clip(place.column()))
}

fn clip(position: u64) -> u32 {
    u32::try_from(position).unwrap_or(0)
}
