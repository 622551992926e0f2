//! A summary as one HTML file: no script, no network, prints on A4, reads on a phone and to those who do not see it.
//!
//! Each figure is a link to where it comes from. Each chart is a picture whose marks say their figures when pointed at, and
//! the table behind it.

mod told;

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use super::{Document, DocumentKind, ExportError, Exporter};
use crate::report::chart::{Chart, Drawing, Room, Series, draw, escape};
use crate::report::document::{
    ColumnAlign, Figure, Front, Heading, Layout, List, Node, Run, Table, TableCell, plain, title_lines,
};
use crate::report::provenance;
use crate::report::sources::Sources;
use crate::report::summary::{Card, Summary};

pub(super) static EXPORTER: Exporter =
    Exporter { name: "html", extension: "html", kind: DocumentKind::Summary, needs_fonts: false, write };

/// A chart that would be higher when half as wide has the width of the page to itself.
const PAIR_HEIGHT_MOST: f64 = 480.0;

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
    let sources = summary.sources.as_ref();
    let file = Path::new(&record.file).file_name().unwrap_or_default().to_string_lossy();
    let (notes, shown) =
        sources.map(|sources| (told::notes(sources, &summary.as_of, &file), told::style(sources))).unwrap_or_default();
    let mut body = Body { html: String::new(), figures: 0, heading: summary.title.clone(), sources };
    body.blocks(&summary.blocks);
    let title = escape(&summary.title);
    format!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n{meta}<style>\n{STYLE}{shown}</style>\n</head>\n<body>\n<header>\n{}</header>\n<main>\n{}{}{}</main>\n{notes}<footer>\n{}<p>{}</p>\n</footer>\n</body>\n</html>\n",
        head(summary),
        summary.front.recipients.as_deref().map(|text| paragraph("recipients", text)).unwrap_or_default(),
        body.html,
        tail(&summary.front),
        imprint(&summary.front),
        escape(&summary.provenance),
    )
}

fn paragraph(class: &str, text: &str) -> String {
    format!("<p class=\"{class}\">{}</p>\n", escape(text))
}

/// Title and sender; over them the masthead with its number, where the layout has one. A title too long for one line is
/// broken by sense, as on paper.
fn head(summary: &Summary) -> String {
    let front = &summary.front;
    let title = title_lines(&summary.title).iter().map(|line| escape(line)).collect::<Vec<_>>().join("<wbr>");
    let line = |left: &str, right: &str| {
        format!("<p class=\"line\"><span>{}</span><span>{}</span></p>\n", escape(left), escape(right))
    };
    let signatories = match front.signatories.as_slice() {
        [] => String::new(),
        names => format!("签发人：{}", names.join("　")),
    };
    match front.layout {
        Layout::Plain => format!("<h1 class=\"red\">{title}</h1>\n{}", line(&front.sender, &summary.as_of)),
        Layout::Bulletin => {
            let issue = front.issue.as_deref().map(|issue| paragraph("issue", issue)).unwrap_or_default();
            let masthead = paragraph("masthead", &front.masthead);
            format!("{masthead}{issue}{}<hr class=\"red\">\n<h1>{title}</h1>\n", line(&front.sender, &front.date))
        }
        Layout::Official => {
            let number = front.number.as_deref().unwrap_or_default();
            let under = match signatories.as_str() {
                "" => paragraph("issue", number),
                signatories => line(number, signatories),
            };
            format!("{}{under}<hr class=\"red\">\n<h1>{title}</h1>\n", paragraph("masthead", &front.masthead))
        }
    }
}

/// Attachments, and the signature of an official document.
fn tail(front: &Front) -> String {
    let mut html = String::new();
    match front.attachments.as_slice() {
        [] => {}
        [only] => html.push_str(&paragraph("attachments", &format!("附件：{only}"))),
        several => {
            let items: String = several.iter().map(|text| format!("<li>{}</li>\n", escape(text))).collect();
            let _ = write!(html, "<div class=\"attachments\">\n<p>附件：</p>\n<ol>\n{items}</ol>\n</div>\n");
        }
    }
    if front.layout == Layout::Official {
        let _ = write!(html, "{}{}", paragraph("signature", &front.sender), paragraph("signature", &front.date));
    }
    html
}

/// 版记
fn imprint(front: &Front) -> String {
    let Some(imprint) = &front.imprint else { return String::new() };
    let copies = imprint.copies.as_deref().map(|copies| paragraph("copies", copies)).unwrap_or_default();
    let (by, on) = (escape(&imprint.printed_by), escape(&imprint.printed_on));
    format!("<div class=\"imprint\">\n{copies}<p class=\"line\"><span>{by}</span><span>{on}</span></p>\n</div>\n")
}

struct Body<'a> {
    html: String,
    /// Figures so far.
    figures: usize,
    /// The last heading: what a table without a caption is called.
    heading: String,
    /// Where figures come from; `None` in a page that does not tell.
    sources: Option<&'a Sources>,
}

impl Body<'_> {
    fn blocks(&mut self, mut blocks: &[Node]) {
        while let Some((block, rest)) = blocks.split_first() {
            blocks = rest;
            match (block, rest.split_first()) {
                // Two charts in a row stand beside each other where the page is wide enough.
                (Node::Figure(left), Some((Node::Figure(right), rest)))
                    if is_small(&left.chart) && is_small(&right.chart) =>
                {
                    self.html.push_str("<div class=\"pair\">\n");
                    self.figure(left, false);
                    self.figure(right, false);
                    self.html.push_str("</div>\n");
                    blocks = rest;
                }
                (block, _) => self.node(block),
            }
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Heading(Heading { level, numeral, text }) => {
                let level = level + 1;
                self.heading = format!("{numeral}{}", plain(text));
                let _ = writeln!(self.html, "<h{level}>{}{}</h{level}>", escape(numeral), runs(text, self.sources));
            }
            Node::Paragraph(text) => {
                let _ = writeln!(self.html, "<p>{}</p>", runs(text, self.sources));
            }
            Node::List(list) => self.list(list),
            Node::Table(table) => self.table(table),
            Node::Cards(cards) => {
                let cards: String = cards.iter().map(|shown| card(shown, self.sources)).collect();
                let _ = write!(self.html, "<dl class=\"cards\">\n{cards}</dl>\n");
            }
            Node::Figure(shown) => self.figure(shown, true),
            Node::Rule => self.html.push_str("<hr>\n"),
        }
    }

    fn list(&mut self, list: &List) {
        let tag = if list.first_number.is_some() { "ol" } else { "ul" };
        let start = match list.first_number {
            None | Some(1) => String::new(),
            Some(first) => format!(" start=\"{first}\""),
        };
        let _ = writeln!(self.html, "<{tag}{start}>");
        for item in &list.items {
            self.html.push_str("<li>");
            match item.as_slice() {
                [Node::Paragraph(text)] => self.html.push_str(&runs(text, self.sources)),
                nodes => nodes.iter().for_each(|node| self.node(node)),
            }
            self.html.push_str("</li>\n");
        }
        let _ = writeln!(self.html, "</{tag}>");
    }

    /// A wide table scrolls by itself on a phone instead of stretching the page.
    fn table(&mut self, table: &Table) {
        let row = |cells: &Vec<TableCell>, tag: &str| {
            let cells: String = cells.iter().map(|cell| table_cell(table, cell, tag, self.sources)).collect();
            format!("<tr>{cells}</tr>\n")
        };
        let caption = match table.caption.as_str() {
            "" => format!("<caption class=\"unseen\">{}</caption>\n", escape(&self.heading)),
            caption => format!("<caption>{}</caption>\n", escape(caption)),
        };
        let name = if table.caption.is_empty() { &self.heading } else { &table.caption };
        let head: String = table.head.iter().map(|cells| row(cells, "th")).collect();
        let body: String = table.body.iter().map(|cells| row(cells, "td")).collect();
        let inner = format!("<table>\n{caption}<thead>\n{head}</thead>\n<tbody>\n{body}</tbody>\n</table>");
        let html = scrolling(name, &inner);
        self.html.push_str(&html);
    }

    /// A wide chart is drawn a second time for the width of a phone, where its texts would be too small to read.
    fn figure(&mut self, shown: &Figure, is_wide: bool) {
        self.figures += 1;
        let chart = &shown.chart;
        let id = format!("figure-{}", self.figures);
        let pictures = if is_wide {
            picture("wide", &draw(chart, Room::WIDE, &id))
                + &picture("narrow", &draw(chart, Room::HALF, &format!("{id}-narrow")))
        } else {
            picture("half", &draw(chart, Room::HALF, &id))
        };
        let caption = escape(&shown.caption);
        let _ = write!(
            self.html,
            "<figure>\n<figcaption>{caption}</figcaption>\n{pictures}{}</figure>\n",
            data_table(chart, &shown.caption, self.sources)
        );
    }
}

/// The picture, and over it what tells its figures when pointed at, touched or reached by keyboard.
fn picture(class: &str, drawing: &Drawing) -> String {
    let mut html = format!("<div class=\"{class}\">{}\n", drawing.svg);
    for spot in &drawing.spots {
        // Words at the edges go inwards, so that the page gets no wider.
        let side = match spot.left + spot.width / 2.0 {
            middle if middle < 0.3 => " left",
            middle if middle > 0.7 => " right",
            _ => "",
        };
        let [left, top, width, height] = [spot.left, spot.top, spot.width, spot.height].map(|share| share * 100.0);
        let _ = writeln!(
            html,
            "<button type=\"button\" class=\"spot{side}\" style=\"left:{left:.1}%;top:{top:.1}%;width:{width:.1}%;height:{height:.1}%\" aria-label=\"{}\"></button>",
            escape(&spot.text)
        );
    }
    html + "</div>\n"
}

/// Whether half the width of a page is enough.
fn is_small(chart: &Chart) -> bool {
    draw(chart, Room::HALF, "").height <= PAIR_HEIGHT_MOST
}

/// The figures behind a chart, closed unless the template asks for them.
fn data_table(chart: &Chart, caption: &str, sources: Option<&Sources>) -> String {
    let table = chart.table();
    let head: String = table.head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let rows: String = table
        .rows
        .iter()
        .enumerate()
        .filter_map(|(place, row)| Some((place, row.split_first()?)))
        .map(|(place, (label, figures))| {
            let cell = |(figure, series): (&String, &Series)| match series.cited.get(place) {
                Some(Some(cited)) => format!("<td>{}</td>", told::link(cited.number, figure, sources)),
                _ => format!("<td>{}</td>", escape(figure)),
            };
            let figures: String = figures.iter().zip(&chart.series).map(cell).collect();
            format!("<tr><th scope=\"row\">{}</th>{figures}</tr>\n", escape(label))
        })
        .collect();
    let name = format!("{caption}数据表");
    let table = format!(
        "<table class=\"data\">\n<caption class=\"unseen\">{}</caption>\n<thead>\n<tr>{head}</tr>\n</thead>\n<tbody>\n{rows}</tbody>\n</table>",
        escape(&name)
    );
    format!(
        "<details{}>\n<summary><span class=\"unseen\">{}</span>数据表</summary>\n{}</details>\n",
        if chart.is_table_open { " open" } else { "" },
        escape(caption),
        scrolling(&name, &table)
    )
}

/// What is wider than the page scrolls by itself, with the keyboard as well.
fn scrolling(name: &str, inner: &str) -> String {
    format!("<div class=\"table\" role=\"group\" aria-label=\"{}\" tabindex=\"0\">{inner}</div>\n", escape(name))
}

fn runs(text: &[Run], sources: Option<&Sources>) -> String {
    text.iter()
        .map(|run| {
            let words = told::words(run, sources);
            match (run.is_strong, run.is_emphasis) {
                (true, _) => format!("<strong>{words}</strong>"),
                (false, true) => format!("<em>{words}</em>"),
                (false, false) => words,
            }
        })
        .collect()
}

fn table_cell(table: &Table, cell: &TableCell, tag: &str, sources: Option<&Sources>) -> String {
    let align = match table.columns.get(cell.column) {
        Some(ColumnAlign::Right) => " class=\"right\"",
        Some(ColumnAlign::Center) => " class=\"center\"",
        Some(ColumnAlign::Left) | None => "",
    };
    let span = |name: &str, count: usize| if count > 1 { format!(" {name}=\"{count}\"") } else { String::new() };
    let scope = match (tag, cell.columns) {
        ("th", 1) => " scope=\"col\"",
        ("th", _) => " scope=\"colgroup\"",
        _ => "",
    };
    let spans = span("colspan", cell.columns) + &span("rowspan", cell.rows);
    format!("<{tag}{scope}{spans}{align}>{}</{tag}>", runs(&cell.text, sources))
}

fn card(card: &Card, sources: Option<&Sources>) -> String {
    let [label, value, unit, note] =
        [&card.label, &card.value, &card.unit, &card.note].map(|part| told::words(part, sources));
    let note = if note.is_empty() { note } else { format!("<small>{note}</small>") };
    format!("<div class=\"card\"><dt>{label}</dt><dd><strong>{value}<em>{unit}</em></strong>{note}</dd></div>\n")
}
