//! A summary as one HTML file: no script, no network, prints on A4, reads on a phone.

use std::io::Write;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use super::{Document, DocumentKind, ExportError, Exporter};
use crate::report::chart_svg::{HALF, WIDE, draw, escape};
use crate::report::summary::{Block, Card, Chart, Piece, Summary};

pub(super) static EXPORTER: Exporter = Exporter { name: "html", extension: "html", kind: DocumentKind::Summary, write };

const STYLE: &str = include_str!("page.css");

fn write(document: &Document, out: &mut dyn Write) -> Result<(), ExportError> {
    let Document::Summary(summary) = document else { return Ok(()) };
    Ok(out.write_all(page(summary).as_bytes())?)
}

fn page(summary: &Summary) -> String {
    let meta: String = summary
        .properties
        .iter()
        .map(|(name, value)| format!("<meta name=\"{}\" content=\"{}\">\n", escape(name), escape(value)))
        .collect();
    let mut body = String::new();
    let mut pieces = summary.pieces.as_slice();
    while let Some((piece, rest)) = pieces.split_first() {
        pieces = rest;
        match (piece, rest.first()) {
            (Piece::Markdown(markdown), _) => body.push_str(&prose(markdown)),
            (Piece::Block(Block::Cards(cards)), _) => {
                body.push_str(&format!(
                    "<div class=\"cards\">\n{}</div>\n",
                    cards.iter().map(card).collect::<String>()
                ));
            }
            // Two charts in a row stand beside each other where the page is wide enough.
            (Piece::Block(Block::Chart(left)), Some(Piece::Block(Block::Chart(right)))) => {
                body.push_str(&format!(
                    "<div class=\"charts\">\n{}{}</div>\n",
                    figure(left, HALF),
                    figure(right, HALF)
                ));
                pieces = &rest[1..];
            }
            (Piece::Block(Block::Chart(chart)), _) => body.push_str(&figure(chart, WIDE)),
        }
    }
    let (sender, day) = &summary.masthead;
    format!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n{meta}<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p><span>{}</span><span>{}</span></p>\n</header>\n\
         <main>\n{body}</main>\n<footer>{}</footer>\n</body>\n</html>\n",
        escape(sender),
        escape(day),
        escape(&summary.provenance),
        title = escape(&summary.title),
    )
}

/// Markdown without its two doors to the outside: raw HTML is shown as text, links and pictures lose their target.
fn prose(markdown: &str) -> String {
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock)
        | Event::End(TagEnd::Link | TagEnd::Image | TagEnd::HtmlBlock) => None,
        other => Some(other),
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    // A wide table scrolls by itself on a phone instead of stretching the page.
    out.replace("<table>", "<div class=\"table\"><table>").replace("</table>", "</table></div>")
}

fn card(card: &Card) -> String {
    let note = if card.note.is_empty() { String::new() } else { format!("<small>{}</small>", escape(&card.note)) };
    format!(
        "<div class=\"card\"><span>{}</span><strong>{}<em>{}</em></strong>{note}</div>\n",
        escape(&card.label),
        escape(&card.value),
        escape(&card.unit)
    )
}

fn figure(chart: &Chart, width: f64) -> String {
    let unit = if chart.unit.is_empty() { String::new() } else { format!("（{}）", escape(&chart.unit)) };
    format!("<figure>\n<figcaption>{}{unit}</figcaption>\n{}\n</figure>\n", escape(&chart.title), draw(chart, width))
}
