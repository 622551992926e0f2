//! `gridhouse close`.

use serde_json::json;

use super::args::Format;
use super::{CommandContext, Ending};
use crate::closing::{self, Closing, Outcome};
use crate::diagnostic::Result;
use crate::district::month::Month;

pub(super) async fn close(context: &CommandContext<'_>, month: Option<Month>, format: Format) -> Result<Ending> {
    let project = context.project()?;
    let warehouse = project.warehouse();
    let Some(month) = month else {
        let closings = closing::closings(&warehouse).await?;
        if closings.is_empty() {
            context.output.say("no month is closed yet");
        }
        list(context, &closings, format)?;
        return Ok(Ending::Done);
    };
    let lock = warehouse.lock("gridhouse close")?;
    let now = super::local_now(&project)?;
    match closing::close(&project, month, now, &lock).await? {
        Outcome::Closed(closing) => {
            list(context, &[closing], format)?;
            context.output.say(
                "\nits figures stay as they are; what is delivered later appears beside them as 修订 from the next night on",
            );
        }
        Outcome::AlreadyClosed(closing) => {
            context.output.say(format!("{month} was closed at {}, and nothing differs", closing.closed_at));
        }
    }
    Ok(Ending::Done)
}

fn list(context: &CommandContext<'_>, closings: &[Closing], format: Format) -> Result<()> {
    let header = ["month", "closed_at", "night", "snapshot", "views", "figures"];
    let rows: Vec<_> = closings
        .iter()
        .map(|closing| {
            vec![
                json!(closing.month.to_string()),
                json!(closing.closed_at.to_string()),
                json!(closing.run_id),
                json!(closing.snapshot_id),
                json!(closing.views.len()),
                json!(closing.figures),
            ]
        })
        .collect();
    context.output.done_records(format, &header, &rows)
}
