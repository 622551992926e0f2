//! A summary as a Word document by GB/T 9704-2012: A4 with a type area of 156 × 225 mm and a grid of 22 lines of 28
//! characters, in one of three layouts. What stands where is decided in `document`; here it is said in WordprocessingML.
//!
//! Nothing in the file is computed by Word but page numbers and marks of lists: what is printed is in the text.

mod body;
mod fonts;
mod foot;
mod head;
mod numbering;
mod package;
mod picture;
mod styles;
mod table;
mod xml;

use std::io::Write;

use self::package::{Parts, RELATIONS, Relation, WORD, relationships};
use self::xml::twips;
use super::{Document, DocumentKind, ExportError, Exporter};
use crate::report::document::Front;
use crate::report::document::page::{
    CHARACTERS, MARGIN_LEFT, MARGIN_TOP, PAGE_HEIGHT, PAGE_WIDTH, SIZE_THREE, TYPE_HEIGHT, TYPE_WIDTH,
};
use crate::report::summary::Summary;

pub(super) static EXPORTER: Exporter =
    Exporter { name: "docx", extension: "docx", kind: DocumentKind::Summary, needs_fonts: false, write };

fn write(document: &Document, out: &mut dyn Write) -> Result<(), ExportError> {
    let Document::Summary(summary) = document else { return Ok(()) };
    Ok(out.write_all(&package(summary)?)?)
}

fn package(summary: &Summary) -> Result<Vec<u8>, ExportError> {
    let front = &summary.front;
    let mut body = body::Body::new(summary.fonts.clone());
    head::write(summary, &mut body.xml);
    body.nodes(&summary.blocks);
    foot::write(summary, &mut body.xml);

    let mut parts = Parts::default();
    let mut relations = Vec::new();
    let mut relate = |id: String, kind: &str, target: &str| {
        relations.push(Relation { id, kind: format!("{RELATIONS}/{kind}"), target: target.to_owned() });
    };
    for (kind, xml) in [
        ("styles", styles::part(front)),
        ("settings", settings(front)),
        ("fontTable", fonts::part()),
        ("numbering", body.lists.part()),
    ] {
        parts.xml(&format!("word/{kind}.xml"), &xml);
        relate(kind.to_owned(), kind, &format!("{kind}.xml"));
    }
    let mut section = String::new();
    for (pages, is_even) in [("default", false), ("even", true)] {
        if is_even && !foot::has_even_pages(front) {
            continue;
        }
        let (id, part) = (format!("footer_{pages}"), format!("footer_{pages}.xml"));
        parts.xml(&format!("word/{part}"), &foot::page_number(front, is_even));
        section.push_str(&format!("<w:footerReference w:type=\"{pages}\" r:id=\"{id}\"/>"));
        relate(id, "footer", &part);
    }
    for (number, picture) in (1..).zip(body.pictures) {
        let part = format!("media/{}.png", picture::id(number));
        relate(picture::id(number), "image", &part);
        parts.bytes(&format!("word/{part}"), picture.png);
    }
    section.push_str(&page());
    let root = format!("<w:document xmlns:w=\"{WORD}\" xmlns:r=\"{RELATIONS}\" {}>", picture::NAMESPACES);
    parts.xml(
        "word/document.xml",
        &format!("{root}<w:body>{}{}<w:sectPr>{section}</w:sectPr></w:body></w:document>", body.xml, end(front)),
    );
    parts.xml("word/_rels/document.xml.rels", &relationships(&relations));
    parts.pack(summary)
}

/// Page, margins and grid. Pitches are rounded down: a line that is too long by a twentieth of a point holds 27 characters.
fn page() -> String {
    let character = twips(TYPE_WIDTH) as f64 / 20.0 / f64::from(CHARACTERS);
    format!(
        "<w:pgSz w:w=\"{}\" w:h=\"{}\"/>\
         <w:pgMar w:top=\"{}\" w:right=\"{}\" w:bottom=\"{}\" w:left=\"{}\" w:header=\"851\" w:footer=\"{}\" w:gutter=\"0\"/>\
         <w:docGrid w:type=\"linesAndChars\" w:linePitch=\"{}\" w:charSpace=\"{:.0}\"/>",
        twips(PAGE_WIDTH),
        twips(PAGE_HEIGHT),
        twips(MARGIN_TOP),
        twips(PAGE_WIDTH) - twips(MARGIN_LEFT) - twips(TYPE_WIDTH),
        twips(PAGE_HEIGHT) - twips(MARGIN_TOP) - twips(TYPE_HEIGHT),
        twips(MARGIN_LEFT),
        twips(foot::page_number_up()),
        styles::line(),
        // In 4096ths of a point, on top of the size of the body.
        ((character - SIZE_THREE) * 4096.0).floor(),
    )
}

fn settings(front: &Front) -> String {
    let even = if foot::has_even_pages(front) { "<w:evenAndOddHeaders/>" } else { "" };
    format!(
        "<w:settings xmlns:w=\"{WORD}\"><w:zoom w:percent=\"100\"/><w:bordersDoNotSurroundHeader/><w:bordersDoNotSurroundFooter/>\
         <w:defaultTabStop w:val=\"420\"/>{even}<w:drawingGridVerticalSpacing w:val=\"{}\"/><w:characterSpacingControl w:val=\"doNotCompress\"/>\
         <w:compat><w:doNotExpandShiftReturn/><w:adjustLineHeightInTable/><w:useFELayout/>\
         <w:compatSetting w:name=\"compatibilityMode\" w:uri=\"http://schemas.microsoft.com/office/word\" w:val=\"15\"/></w:compat>\
         <w:themeFontLang w:val=\"en-US\" w:eastAsia=\"zh-CN\"/><w:decimalSymbol w:val=\".\"/><w:listSeparator w:val=\",\"/></w:settings>",
        styles::line()
    )
}

/// A table may not be the last thing on a page: an imprint is followed by an empty line without height.
fn end(front: &Front) -> String {
    let mut xml = String::new();
    if front.imprint.is_some() {
        xml::paragraph(styles::AFTER_TABLE, "", &mut xml, |_| ());
    }
    xml
}

#[cfg(test)]
mod tests;
