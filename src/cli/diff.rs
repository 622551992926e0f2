//! `gridhouse diff`: the user has both files, so their values are shown; nothing of them is logged.

use std::path::Path;

use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::diagnostic::{Diagnostic, Fault, Result};
use crate::report::{self, Carried, Difference};
use crate::source::Limits;

pub(super) fn diff(context: &CommandContext<'_>, old: &Path, new: &Path, format: Format) -> Result<Ending> {
    let limits = match context.project_if_any()? {
        Some(project) => project.land_settings()?.limits,
        None => Limits::default(),
    };
    // As `diff` does: 1 says that they differ, so trouble is 2.
    let trouble = |problem: Diagnostic| Diagnostic { fault: Fault::Unexpected, ..problem };
    let found = report::compare(old, new, limits).map_err(trouble)?;
    for (sign, file) in [("old", old), ("new", new)] {
        if let Some(record) = Carried::of(file).ok().as_ref().and_then(Carried::record) {
            let (report, as_of) = (&record.report, record.as_of);
            context.output.say(format!("{sign}: report `{report}` as of {as_of}, snapshot `{}`", record.snapshot));
        }
    }
    print(context, &found, format)?;
    if found.is_empty() {
        context.output.say("no cell differs");
        return Ok(Ending::Done);
    }
    Ok(Ending::Problems)
}

/// What differs, as a table or for another program.
pub(super) fn print(context: &CommandContext<'_>, found: &[Difference], format: Format) -> Result<()> {
    if found.is_empty() && format == Format::Table {
        return Ok(());
    }
    let rows: Vec<Vec<serde_json::Value>> = found
        .iter()
        .map(|d| vec![json!(d.sheet), json!(d.place), json!(d.row), json!(d.column), json!(d.old), json!(d.new)])
        .collect();
    context.output.records(format, &["sheet", "place", "row", "column", "old", "new"], &rows)
}
