//! What stands below the text: attachments, signature and date, imprint, page numbers.

use super::package::{RELATIONS, WORD};
use super::styles::{ATTACHMENTS, COPIES, DATE, FOOTER, PRINTED, PROVENANCE, SIGNATURE, characters, ends_tabs, lines};
use super::xml::{paragraph, plain_run, twips};
use crate::report::document::page::{
    MARGIN_LEFT, MARGIN_TOP, PAGE_HEIGHT, PAGE_NUMBER_DOWN, SIZE_FOUR, THICK_RULE, THIN_RULE, TYPE_HEIGHT, TYPE_WIDTH,
    signature_indent, width,
};
use crate::report::document::{Front, Imprint, Layout};
use crate::report::summary::Summary;

const ATTACHED: &str = "附件：";

pub(super) fn write(summary: &Summary, out: &mut String) {
    let front = &summary.front;
    attachments(&front.attachments, out);
    if front.layout == Layout::Official {
        let indent = characters("right", signature_indent(&front.sender, &front.date));
        paragraph(SIGNATURE, &format!("<w:ind {indent}/>"), out, |out| plain_run(&front.sender, out));
        paragraph(DATE, "", out, |out| plain_run(&front.date, out));
    } else if !summary.provenance.is_empty() {
        paragraph(PROVENANCE, "", out, |out| plain_run(&summary.provenance, out));
    }
    if let Some(front) = &front.imprint {
        imprint(front, out);
    }
}

/// 附件：1. … with the names below each other; a single one has no number.
fn attachments(names: &[String], out: &mut String) {
    let digits = names.len().to_string().len() as f64;
    for (number, name) in (1..).zip(names) {
        let is_numbered = names.len() > 1;
        // Two characters free, the label, the number with its dot and half a character of space.
        let counted = if is_numbered { digits / 2.0 + 0.75 } else { 0.0 };
        let left = 2.0 + width(ATTACHED) + counted;
        let hanging = counted + if number == 1 { width(ATTACHED) } else { 0.0 };
        let spacing = if number == 1 { lines(1.0, 0.0) } else { String::new() };
        let own = format!("{spacing}<w:ind {} {}/>", characters("left", left), characters("hanging", hanging));
        paragraph(ATTACHMENTS, &own, out, |out| {
            let label = if number == 1 { ATTACHED } else { "" };
            let counted = if is_numbered { format!("{number}.\t") } else { String::new() };
            plain_run(&format!("{label}{counted}{name}"), out);
        });
    }
}

/// 版记 at the foot of the last page: a table of one column that the text flows around, its last rule on the lower edge of
/// the type area.
fn imprint(imprint: &Imprint, out: &mut String) {
    let rule = |edge: &str, points: f64| {
        format!("<w:{edge} w:val=\"single\" w:sz=\"{:.0}\" w:space=\"0\" w:color=\"000000\"/>", points * 8.0)
    };
    let wide = twips(TYPE_WIDTH);
    out.push_str(&format!(
        "<w:tbl><w:tblPr><w:tblpPr w:leftFromText=\"0\" w:rightFromText=\"0\" w:vertAnchor=\"margin\" w:horzAnchor=\"page\" w:tblpX=\"{}\" w:tblpYSpec=\"bottom\"/>\
         <w:tblOverlap w:val=\"never\"/><w:tblW w:w=\"{wide}\" w:type=\"dxa\"/><w:tblBorders>{}{}{}</w:tblBorders><w:tblLayout w:type=\"fixed\"/>\
         <w:tblCellMar><w:left w:w=\"0\" w:type=\"dxa\"/><w:right w:w=\"0\" w:type=\"dxa\"/></w:tblCellMar></w:tblPr>\
         <w:tblGrid><w:gridCol w:w=\"{wide}\"/></w:tblGrid>",
        twips(MARGIN_LEFT),
        rule("top", THICK_RULE),
        rule("bottom", THICK_RULE),
        rule("insideH", THIN_RULE),
    ));
    let mut row = |style: &str, own: &str, words: &str| {
        out.push_str(&format!(
            "<w:tr><w:trPr><w:cantSplit/></w:trPr><w:tc><w:tcPr><w:tcW w:w=\"{wide}\" w:type=\"dxa\"/></w:tcPr>"
        ));
        paragraph(style, own, out, |out| plain_run(words, out));
        out.push_str("</w:tc></w:tr>");
    };
    if let Some(copies) = &imprint.copies {
        // What goes over one line stands below the first name.
        let label = copies.find('：').map_or(0.0, |colon| width(&copies[..colon]) + 1.0);
        let left = (1.0 + label) * SIZE_FOUR;
        let own = format!(
            "<w:ind w:left=\"{}\" w:right=\"{}\" w:hanging=\"{}\"/>",
            twips(left),
            twips(SIZE_FOUR),
            twips(label * SIZE_FOUR)
        );
        row(COPIES, &own, copies);
    }
    row(PRINTED, &ends_tabs(), &format!("\t{}\t{}", imprint.printed_by, imprint.printed_on));
    out.push_str("</w:tbl>");
}

/// Pages of official documents are printed on both sides: odd numbers on the right, even ones on the left.
pub(super) fn has_even_pages(front: &Front) -> bool {
    front.layout != Layout::Plain
}

/// The part with the page number of all pages, of the odd ones or of the even ones.
pub(super) fn page_number(front: &Front, is_even: bool) -> String {
    let own = match (has_even_pages(front), is_even) {
        (false, _) => String::new(),
        (true, false) => format!("<w:ind w:right=\"{}\"/><w:jc w:val=\"right\"/>", twips(SIZE_FOUR)),
        (true, true) => format!("<w:ind w:left=\"{}\"/><w:jc w:val=\"left\"/>", twips(SIZE_FOUR)),
    };
    let mut xml = format!("<w:ftr xmlns:w=\"{WORD}\" xmlns:r=\"{RELATIONS}\">");
    paragraph(FOOTER, &own, &mut xml, |out| {
        plain_run("— ", out);
        out.push_str("<w:fldSimple w:instr=\" PAGE \"><w:r><w:t>1</w:t></w:r></w:fldSimple>");
        plain_run(" —", out);
    });
    xml + "</w:ftr>"
}

/// From the lower edge of the page to the lower edge of the page number's line, whose dash is in its middle.
pub(super) fn page_number_up() -> f64 {
    let below_type_area = PAGE_HEIGHT - MARGIN_TOP - TYPE_HEIGHT;
    below_type_area - PAGE_NUMBER_DOWN - SIZE_FOUR / 2.0
}
