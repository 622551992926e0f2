//! What stands above the text: red head or masthead, title, recipients.

use super::styles::{BYLINE, ISSUE, ISSUED, MASTHEAD, NUMBER, RECIPIENTS, SIGNATORY, TITLE, lines};
use super::xml::{paragraph, plain_run, run, twips};
use crate::report::document::page::{CHARACTERS, character_pitch, width};
use crate::report::document::{Front, Layout, title_lines};
use crate::report::summary::Summary;

const SIGNED_BY: &str = "签发人：";
/// Names of signatories beside each other.
const NAMES_PER_LINE: usize = 2;

pub(super) fn write(summary: &Summary, out: &mut String) {
    let front = &summary.front;
    match front.layout {
        Layout::Plain => {}
        Layout::Bulletin => {
            paragraph(MASTHEAD, "", out, |out| plain_run(&front.masthead, out));
            if let Some(issue) = &front.issue {
                paragraph(ISSUE, "", out, |out| plain_run(issue, out));
            }
            paragraph(ISSUED, "", out, |out| plain_run(&format!("\t{}\t{}", front.sender, front.date), out));
        }
        Layout::Official => {
            paragraph(MASTHEAD, "", out, |out| plain_run(&front.masthead, out));
            if front.signatories.is_empty() {
                let number = front.number.as_deref().unwrap_or_default();
                paragraph(NUMBER, "", out, |out| plain_run(number, out));
            } else {
                signatories(front, out);
            }
        }
    }
    paragraph(TITLE, "", out, |out| plain_run(&title_lines(&summary.title).join("\n"), out));
    if front.layout == Layout::Plain {
        paragraph(BYLINE, "", out, |out| plain_run(&format!("{}　{}", front.sender, summary.as_of), out));
    }
    if let Some(recipients) = &front.recipients {
        paragraph(RECIPIENTS, "", out, |out| plain_run(recipients, out));
    }
}

/// The number on the left in the line of the last signatory, the names on the right, two in a line, one below the other.
fn signatories(front: &Front, out: &mut String) {
    let rows: Vec<String> = front.signatories.chunks(NAMES_PER_LINE).map(|names| names.join("　")).collect();
    let widest = rows.iter().map(|row| width(row)).fold(0.0, f64::max);
    let names_at = (f64::from(CHARACTERS) - 1.0 - widest).max(width(SIGNED_BY));
    let tab = |at: f64| format!("<w:tab w:val=\"left\" w:pos=\"{}\"/>", twips(character_pitch() * at));
    let tabs = format!("<w:tabs>{}{}{}</w:tabs>", tab(1.0), tab(names_at - width(SIGNED_BY)), tab(names_at));
    for (place, row) in rows.iter().enumerate() {
        let (is_first, is_last) = (place == 0, place + 1 == rows.len());
        // Only the last line stands on the red rule, only the first below the masthead.
        let border = if is_last { "" } else { "<w:pBdr><w:bottom w:val=\"nil\"/></w:pBdr>" };
        let spacing = lines(if is_first { 2.0 } else { 0.0 }, if is_last { 2.0 } else { 0.0 });
        let own = format!("{border}{tabs}{spacing}<w:jc w:val=\"left\"/>");
        paragraph(NUMBER, &own, out, |out| {
            let number = front.number.as_deref().filter(|_| is_last).unwrap_or_default();
            let label = if is_first { SIGNED_BY } else { "" };
            plain_run(&format!("\t{number}\t{label}\t"), out);
            run(row, Some(SIGNATORY), None, out);
        });
    }
}
