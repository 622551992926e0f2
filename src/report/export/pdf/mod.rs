//! A summary as PDF, typeset by typst. The text reaches the typesetter as data (`document.json`), never as markup,
//! so that nothing in it is a command; how it looks is said in `page.typ`.

mod content;
#[cfg(test)]
mod tests;
mod world;

use std::io::Write;

use chrono::{Datelike, NaiveDateTime, Timelike};
use typst::foundations::{Datetime, Smart};
use typst::layout::{Frame, FrameItem};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, Timestamp};

use super::{Document, DocumentKind, ExportError, Exporter};
use crate::report::document::{Layout, page};
use crate::report::fonts;
use crate::report::summary::Summary;
use world::SummaryWorld;

pub(super) static EXPORTER: Exporter =
    Exporter { name: "pdf", extension: "pdf", kind: DocumentKind::Summary, needs_fonts: true, write };

/// A last page with fewer lines is worth setting the others closer, and one with as few as a couple must not be.
const FEW_LINES: u32 = 8;
const COUPLE_OF_LINES: u32 = 3;

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

/// The pages of a summary. Where the last one would hold few lines, a bulletin or a plain report is set a little closer, so
/// that they find room on the pages before; where that is not enough and they are no more than a couple, a little wider. An
/// official letter keeps its 22 lines.
fn pages(summary: &Summary) -> Result<PagedDocument, ExportError> {
    let pages = typeset(summary, page::LINES)?;
    if summary.front.layout == Layout::Official || !is_left_over(&pages, FEW_LINES) {
        return Ok(pages);
    }
    for lines in [page::LINES + 1, page::LINES + 2] {
        let closer = typeset(summary, lines)?;
        if closer.pages().len() < pages.pages().len() {
            return Ok(closer);
        }
    }
    for lines in [page::LINES, page::LINES - 1, page::LINES - 2] {
        let wider = typeset(summary, lines)?;
        if !is_left_over(&wider, COUPLE_OF_LINES) {
            return Ok(wider);
        }
    }
    Ok(pages)
}

/// Whether the last of several pages holds no more than so many lines.
fn is_left_over(document: &PagedDocument, lines: u32) -> bool {
    let [.., _, last] = document.pages() else { return false };
    lowest(&last.frame, 0.0) < page::MARGIN_TOP + f64::from(lines) * page::line_pitch()
}

/// The lower edge of what stands in the type area, small print apart; both in points from the top of the page.
fn lowest(frame: &Frame, top: f64) -> f64 {
    let edges = frame.items().map(|(point, item)| {
        let top = top + point.y.to_pt();
        match item {
            FrameItem::Group(group) => lowest(&group.frame, top),
            FrameItem::Text(text) if text.size.to_pt() > page::SIZE_SMALL_FIVE => top,
            FrameItem::Image(_, size, _) => top + size.y.to_pt(),
            FrameItem::Shape(..) => top,
            FrameItem::Text(_) | FrameItem::Link(..) | FrameItem::Tag(_) => 0.0,
        }
    });
    edges.filter(|edge| *edge <= page::MARGIN_TOP + page::TYPE_HEIGHT + 1.0).fold(0.0, f64::max)
}

fn typeset(summary: &Summary, lines: u32) -> Result<PagedDocument, ExportError> {
    let fonts = fonts::found(summary.fonts.as_deref());
    let world = SummaryWorld::new(&fonts.store, content::of(summary, lines));
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
