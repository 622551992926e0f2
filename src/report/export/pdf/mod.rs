//! A summary as PDF, typeset by typst. The text reaches the typesetter as data (`document.json`), never as markup,
//! so that nothing in it is a command; how it looks is said in `page.typ`.

mod content;
#[cfg(test)]
mod tests;
mod world;

use std::io::Write;

use chrono::{Datelike, NaiveDateTime, Timelike};
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, Timestamp};

use super::{Document, DocumentKind, ExportError, Exporter};
use crate::report::fonts;
use crate::report::summary::Summary;
use world::SummaryWorld;

pub(super) static EXPORTER: Exporter =
    Exporter { name: "pdf", extension: "pdf", kind: DocumentKind::Summary, needs_fonts: true, write };

fn write(document: &Document, out: &mut dyn Write) -> Result<(), ExportError> {
    let Document::Summary(summary) = document else { return Ok(()) };
    Ok(out.write_all(&pdf(summary)?)?)
}

fn pdf(summary: &Summary) -> Result<Vec<u8>, ExportError> {
    let document = pages(summary)?;
    let options = PdfOptions {
        ident: Smart::Custom(summary.title.clone()),
        creator: Smart::Custom(Some(summary.properties.record.program.clone())),
        timestamp: timestamp(summary.properties.created),
        ..PdfOptions::default()
    };
    let bytes = typst_pdf::pdf(&document, &options).map_err(|errors| typesetting(&errors))?;
    // What typesetting remembers for a second run over the same text; a later text is another one.
    typst::comemo::evict(0);
    Ok(bytes)
}

fn pages(summary: &Summary) -> Result<PagedDocument, ExportError> {
    let fonts = fonts::found(summary.fonts.as_deref());
    let world = SummaryWorld::new(&fonts.store, content::of(summary));
    typst::compile::<PagedDocument>(&world).output.map_err(|errors| typesetting(&errors))
}

fn typesetting(errors: &[typst::diag::SourceDiagnostic]) -> ExportError {
    ExportError::Typesetting(errors.first().map_or_else(String::new, |error| error.message.to_string()))
}

fn timestamp(made_at: NaiveDateTime) -> Option<Timestamp> {
    let [month, day, hour, minute, second] =
        [made_at.month(), made_at.day(), made_at.hour(), made_at.minute(), made_at.second()]
            .map(|part| u8::try_from(part).unwrap_or(0));
    Datetime::from_ymd_hms(made_at.year(), month, day, hour, minute, second).map(Timestamp::new_utc)
}
