//! `gridhouse form`.

use std::path::Path;

use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::diagnostic::Result;
use crate::forms;

pub(super) fn import(context: &CommandContext<'_>, file: &Path, name: Option<&str>, format: Format) -> Result<Ending> {
    let project = context.project()?;
    let limits = project.land_settings()?.limits;
    let imported = forms::import(file, &project.forms(), name, limits)?;
    let header = ["sheet", "cell", "item", "unit", "kind"];
    let items = imported.items.iter();
    let rows: Vec<_> = items
        .map(|item| {
            vec![json!(item.sheet), json!(item.cell), json!(item.path.join("/")), json!(item.unit), json!(item.kind)]
        })
        .collect();
    context.output.records(format, &header, &rows)?;
    for doubt in &imported.doubts {
        context.output.problem(doubt);
    }
    let title = if imported.title.is_empty() { "a form without a title" } else { &imported.title };
    let count = imported.items.len();
    context.output.say(format!(
        "\n{title}: {count} items, {} to be looked at, in {}",
        imported.doubts.len(),
        imported.folder.join("form.yml").display()
    ));
    Ok(Ending::Done)
}
