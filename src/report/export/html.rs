//! A summary as one HTML file: no script, no network, prints on A4, reads on a phone.

use std::io::Write;

use super::{Document, DocumentKind, ExportError, Exporter};
use crate::report::chart::{Room, draw, escape};
use crate::report::document::{ColumnAlign, Figure, Heading, List, Node, Run, Table, TableCell};
use crate::report::provenance;
use crate::report::summary::{Card, Summary};

pub(super) static EXPORTER: Exporter = Exporter { name: "html", extension: "html", kind: DocumentKind::Summary, write };

const STYLE: &str = include_str!("page.css");

fn write(document: &Document, out: &mut dyn Write) -> Result<(), ExportError> {
    let Document::Summary(summary) = document else { return Ok(()) };
    Ok(out.write_all(page(summary).as_bytes())?)
}

fn page(summary: &Summary) -> String {
    let record = &summary.properties.record;
    let named = record.named().into_iter().chain([(provenance::META.to_owned(), record.text())]);
    let meta: String = named
        .map(|(name, value)| format!("<meta name=\"{}\" content=\"{}\">\n", escape(&name), escape(&value)))
        .collect();
    let mut body = String::new();
    let mut figures = 0;
    let mut blocks = summary.blocks.as_slice();
    while let Some((block, rest)) = blocks.split_first() {
        blocks = rest;
        match (block, rest.first()) {
            // Two charts in a row stand beside each other where the page is wide enough.
            (Node::Figure(left), Some(Node::Figure(right))) => {
                body.push_str(&format!(
                    "<div class=\"charts\">\n{}{}</div>\n",
                    figure(left, Room::HALF, &mut figures),
                    figure(right, Room::HALF, &mut figures)
                ));
                blocks = &rest[1..];
            }
            (block, _) => body.push_str(&node(block, &mut figures)),
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n{meta}<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p><span>{}</span><span>{}</span></p>\n</header>\n\
         <main>\n{body}</main>\n<footer>{}</footer>\n</body>\n</html>\n",
        escape(&summary.front.sender),
        escape(&summary.as_of),
        escape(&summary.provenance),
        title = escape(&summary.title),
    )
}

/// `figures` counts those of the page.
fn node(node: &Node, figures: &mut usize) -> String {
    match node {
        Node::Heading(Heading { level, numeral, text }) => {
            let level = level + 1;
            format!("<h{level}>{}{}</h{level}>\n", escape(numeral), runs(text))
        }
        Node::Paragraph(text) => format!("<p>{}</p>\n", runs(text)),
        Node::List(list) => items(list, figures),
        Node::Table(table) => rows(table),
        Node::Cards(cards) => format!("<div class=\"cards\">\n{}</div>\n", cards.iter().map(card).collect::<String>()),
        Node::Figure(chart) => figure(chart, Room::WIDE, figures),
        Node::Rule => "<hr>\n".to_owned(),
    }
}

fn runs(text: &[Run]) -> String {
    text.iter()
        .map(|run| {
            let words = escape(&run.text).replace('\n', "<br>");
            match (run.is_strong, run.is_emphasis) {
                (true, _) => format!("<strong>{words}</strong>"),
                (false, true) => format!("<em>{words}</em>"),
                (false, false) => words,
            }
        })
        .collect()
}

fn items(list: &List, figures: &mut usize) -> String {
    let (open, close) = match list.first_number {
        None => ("<ul>".to_owned(), "</ul>"),
        Some(1) => ("<ol>".to_owned(), "</ol>"),
        Some(first) => (format!("<ol start=\"{first}\">"), "</ol>"),
    };
    let mut item = |nodes: &Vec<Node>| match nodes.as_slice() {
        [Node::Paragraph(text)] => format!("<li>{}</li>\n", runs(text)),
        nodes => format!("<li>{}</li>\n", nodes.iter().map(|inner| node(inner, figures)).collect::<String>()),
    };
    format!("{open}\n{}{close}\n", list.items.iter().map(&mut item).collect::<String>())
}

/// A wide table scrolls by itself on a phone instead of stretching the page.
fn rows(table: &Table) -> String {
    let row = |cells: &Vec<TableCell>, tag: &str| {
        let cells: String = cells
            .iter()
            .map(|cell| {
                let align = match table.columns.get(cell.column) {
                    Some(ColumnAlign::Right) => " style=\"text-align: right\"",
                    Some(ColumnAlign::Center) => " style=\"text-align: center\"",
                    Some(ColumnAlign::Left) | None => "",
                };
                let span = |name: &str, count: usize| {
                    if count > 1 { format!(" {name}=\"{count}\"") } else { String::new() }
                };
                let spans = span("colspan", cell.columns) + &span("rowspan", cell.rows);
                format!("<{tag}{spans}{align}>{}</{tag}>", runs(&cell.text))
            })
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let caption = if table.caption.is_empty() {
        String::new()
    } else {
        format!("<caption>{}</caption>\n", escape(&table.caption))
    };
    format!(
        "<div class=\"table\"><table>\n{caption}<thead>\n{}</thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
        table.head.iter().map(|cells| row(cells, "th")).collect::<String>(),
        table.body.iter().map(|cells| row(cells, "td")).collect::<String>()
    )
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

fn figure(shown: &Figure, room: Room, figures: &mut usize) -> String {
    *figures += 1;
    let picture = draw(&shown.chart, room, &format!("figure-{figures}")).svg;
    format!("<figure>\n<figcaption>{}</figcaption>\n{picture}\n</figure>\n", escape(&shown.caption))
}
