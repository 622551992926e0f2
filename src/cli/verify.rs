//! `gridhouse verify`.

use std::path::PathBuf;

use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::diagnostic::Result;
use crate::report::{self, Known};

pub(super) fn verify(context: &CommandContext<'_>, paths: &[PathBuf], format: Format) -> Result<Ending> {
    let project = context.project_if_any()?;
    let register = project.as_ref().map(|project| (project.register(), project.outbox()));
    let known = register.as_ref().map(|(register, outbox)| Known { register, outbox });
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        let files = match report::files_below(path) {
            Ok(files) => files,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for file in files {
            match report::verify(&file, known.as_ref()) {
                Ok(verdict) => {
                    let record = verdict.record.as_ref();
                    rows.push(vec![
                        json!(file),
                        json!(verdict.state.word()),
                        json!(record.map(|record| &record.report)),
                        json!(record.map(|record| record.as_of)),
                        json!(record.map(|record| &record.snapshot)),
                        json!(record.map(|record| &record.file)),
                    ]);
                    problems.extend(verdict.problem);
                }
                Err(problem) => {
                    rows.push(vec![
                        json!(file),
                        json!("unreadable"),
                        json!(null),
                        json!(null),
                        json!(null),
                        json!(null),
                    ]);
                    problems.push(problem);
                }
            }
        }
    }
    context.output.done_records(format, &["file", "state", "report", "as_of", "snapshot", "made_as"], &rows)?;
    for problem in &problems {
        context.output.problem(problem);
    }
    if project.is_none() {
        context
            .output
            .say("note: no project here; the files are judged by the records beside them, which vouch for little");
    }
    Ok(if problems.is_empty() { Ending::Done } else { Ending::Problems })
}
