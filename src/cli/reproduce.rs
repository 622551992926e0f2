//! `gridhouse reproduce`.

use std::path::Path;

use super::args::Format;
use super::{CommandContext, Ending, diff};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::reproduce::{self as engine, Outcome, Reproduced};

pub(super) async fn reproduce(
    context: &CommandContext<'_>,
    file: &Path,
    out: Option<&Path>,
    format: Format,
) -> Result<Ending> {
    let project = context.project()?;
    let aside = tempfile::tempdir().doing("making a folder for the file")?;
    let found = engine::reproduce(&project, file, out.unwrap_or(aside.path())).await?;
    let Reproduced { record, outcome, changes, .. } = &found;
    let made = format!(
        "`{}` of report `{}`, as of {}, snapshot `{}`",
        record.file, record.report, record.as_of, record.snapshot
    );
    let list = changes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
    let differences = match outcome {
        Outcome::Identical => {
            context.output.done(format!("identical: {made}"))?;
            if !changes.is_empty() {
                context.output.say(format!("since then, without effect on it:\n  {list}"));
            }
            return Ok(Ending::Done);
        }
        Outcome::AsMade(differences) => {
            let problem = Diagnostic::error("has been touched since it was made")
                .note("made again", format!("byte for byte what was made then: {made}"));
            context.output.problem(&problem.in_file(file));
            differences
        }
        Outcome::Differs(differences) => {
            let why = if list.is_empty() {
                "nothing that its record names has changed: the file was touched, or the program is another build of its version".to_owned()
            } else {
                list.replace("\n  ", "\n       ")
            };
            let problem =
                Diagnostic::error("comes out differently when it is made again").note("file", made).note("why", why);
            context.output.problem(&problem.in_file(file));
            differences
        }
    };
    if differences.is_empty() {
        context.output.say("no cell or line of text differs; what differs is layout, or what the file says of itself");
    }
    diff::print(context, differences, format)?;
    if let Some(folder) = out {
        context.output.say(format!("the file made again: {}", folder.join(&record.file).display()));
    }
    Ok(Ending::Problems)
}
