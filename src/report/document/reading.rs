//! From the pieces of a rendered template to blocks. Markdown has no door to the outside here: raw HTML is text,
//! links and pictures keep their words and lose their target.
//!
//! Beyond plain Markdown: a paragraph `表：…` right above a table is its caption; in a table, a cell `^` belongs
//! to the cell above and a cell `<` to the one on its left.

use std::ops::Range;

use pulldown_cmark::{Alignment, Event, Options, Parser, Tag, TagEnd};

use super::cited;
use super::numerals::{heading_numeral, without_numeral};
use super::{ColumnAlign, Figure, Heading, List, Node, Run, Table, TableCell, plain};
use crate::report::origin::{Cited, Origin, unmarked};
use crate::report::summary::{Block, Piece};

/// What a caption paragraph begins with.
const CAPTION: &str = "表：";
const LEVELS: usize = 4;

/// The blocks of a summary, counted: headings where `is_numbered`, tables and figures always.
pub(in crate::report) fn read(pieces: &[Piece], is_numbered: bool) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut figures = 0;
    for piece in pieces {
        match piece {
            Piece::Markdown(markdown) => {
                // Markdown is read as if there were no marks.
                let (text, figures) = unmarked(markdown);
                nodes.extend(Reader::new(&text, &figures).blocks(None));
            }
            Piece::Block(Block::Table(table)) => nodes.push(Node::Table(table.clone())),
            Piece::Block(Block::Cards(cards)) => nodes.push(Node::Cards(cards.clone())),
            Piece::Block(Block::Chart(chart)) => {
                figures += 1;
                let unit = if chart.unit.is_empty() { String::new() } else { format!("（{}）", chart.unit) };
                let caption = format!("图{figures}　{}{unit}", chart.title);
                nodes.push(Node::Figure(Figure { caption, chart: chart.clone() }));
            }
        }
    }
    let mut nodes = captioned(nodes);
    if is_numbered {
        number(&mut nodes);
    }
    cited::number(&mut nodes);
    nodes
}

/// Captions move from the paragraph above into their table, and are counted.
fn captioned(nodes: Vec<Node>) -> Vec<Node> {
    let mut done: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut tables = 0;
    for node in nodes {
        let Node::Table(mut table) = node else {
            done.push(node);
            continue;
        };
        let above = match done.last() {
            Some(Node::Paragraph(runs)) => plain(runs).strip_prefix(CAPTION).map(|words| words.trim().to_owned()),
            _ => None,
        };
        if above.is_some() {
            done.pop();
        }
        let words = above.or_else(|| (!table.caption.is_empty()).then(|| table.caption.clone()));
        if let Some(words) = words {
            tables += 1;
            table.caption = format!("表{tables}　{words}");
        }
        done.push(Node::Table(table));
    }
    done
}

fn number(nodes: &mut [Node]) {
    let mut counts = [0; LEVELS];
    for node in nodes {
        let Node::Heading(heading) = node else { continue };
        let place = usize::from(heading.level) - 1;
        counts[place] += 1;
        counts[place + 1..].fill(0);
        heading.numeral = heading_numeral(heading.level, counts[place]);
        if let Some(first) = heading.text.first_mut() {
            first.without_front(first.text.len() - without_numeral(&first.text).len());
        }
    }
}

/// Figures and the bytes of the text they take, in order.
type Figures = [(Range<usize>, Origin)];

struct Reader<'a> {
    source: &'a str,
    figures: &'a Figures,
    events: Vec<(Event<'a>, Range<usize>)>,
    next: usize,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str, figures: &'a Figures) -> Self {
        let events = Parser::new_ext(source, Options::ENABLE_TABLES).into_offset_iter().collect();
        Self { source, figures, events, next: 0 }
    }

    fn take(&mut self) -> Option<(Event<'a>, Range<usize>)> {
        let event = self.events.get(self.next).cloned();
        self.next += 1;
        event
    }

    /// Blocks up to the end of `within`, or of the text.
    fn blocks(&mut self, within: Option<TagEnd>) -> Vec<Node> {
        let mut nodes = Vec::new();
        // A list item without blank lines around holds its text bare.
        let mut bare = Runs::new(self.figures);
        while let Some((event, range)) = self.take() {
            match event {
                Event::End(end) if Some(end) == within => break,
                Event::Start(Tag::Heading { level, .. }) => {
                    bare.flush(&mut nodes);
                    let text = self.runs(TagEnd::Heading(level));
                    // The title is the document's own, so that the first level below it is `##`.
                    let level = (level as u8).saturating_sub(1).clamp(1, LEVELS as u8);
                    nodes.push(Node::Heading(Heading { level, numeral: String::new(), text }));
                }
                Event::Start(Tag::Paragraph) => {
                    bare.flush(&mut nodes);
                    nodes.push(Node::Paragraph(self.runs(TagEnd::Paragraph)));
                }
                Event::Start(Tag::List(first_number)) => {
                    bare.flush(&mut nodes);
                    let items = self.items(TagEnd::List(first_number.is_some()));
                    nodes.push(Node::List(List { first_number, items }));
                }
                Event::Start(Tag::Table(alignments)) => {
                    bare.flush(&mut nodes);
                    nodes.push(Node::Table(self.table(&alignments)));
                }
                Event::Start(Tag::CodeBlock(_)) => {
                    bare.flush(&mut nodes);
                    nodes.push(Node::Paragraph(self.runs(TagEnd::CodeBlock)));
                }
                Event::Start(Tag::HtmlBlock) => {
                    bare.flush(&mut nodes);
                    nodes.push(Node::Paragraph(self.runs(TagEnd::HtmlBlock)));
                }
                Event::Rule => {
                    bare.flush(&mut nodes);
                    nodes.push(Node::Rule);
                }
                other => bare.event(&other, &range),
            }
        }
        bare.flush(&mut nodes);
        nodes
    }

    fn items(&mut self, end: TagEnd) -> Vec<Vec<Node>> {
        let mut items = Vec::new();
        while let Some((event, _)) = self.take() {
            match event {
                Event::Start(Tag::Item) => items.push(self.blocks(Some(TagEnd::Item))),
                Event::End(found) if found == end => break,
                _ => {}
            }
        }
        items
    }

    fn runs(&mut self, end: TagEnd) -> Vec<Run> {
        let mut runs = Runs::new(self.figures);
        while let Some((event, range)) = self.take() {
            match event {
                Event::End(found) if found == end => break,
                event => runs.event(&event, &range),
            }
        }
        runs.done()
    }

    fn table(&mut self, alignments: &[Alignment]) -> Table {
        let columns = alignments
            .iter()
            .map(|align| match align {
                Alignment::Right => ColumnAlign::Right,
                Alignment::Center => ColumnAlign::Center,
                Alignment::Left | Alignment::None => ColumnAlign::Left,
            })
            .collect();
        let (mut head, mut body) = (Vec::new(), Vec::new());
        while let Some((event, _)) = self.take() {
            match event {
                Event::Start(Tag::TableHead) => head.push(self.row(TagEnd::TableHead)),
                Event::Start(Tag::TableRow) => body.push(self.row(TagEnd::TableRow)),
                Event::End(TagEnd::Table) => break,
                _ => {}
            }
        }
        Table { caption: String::new(), columns, head: merged(head), body: merged(body) }
    }

    fn row(&mut self, end: TagEnd) -> Vec<Written> {
        let mut cells = Vec::new();
        while let Some((event, range)) = self.take() {
            match event {
                Event::Start(Tag::TableCell) => {
                    let text = self.runs(TagEnd::TableCell);
                    let written = self.source.get(range).unwrap_or_default().trim_matches([' ', '\t', '|']);
                    cells.push(match written {
                        "^" => Written::Above,
                        "<" => Written::Left,
                        _ => Written::Text(text),
                    });
                }
                Event::End(found) if found == end => break,
                _ => {}
            }
        }
        cells
    }
}

/// A cell as written.
enum Written {
    Text(Vec<Run>),
    Above,
    Left,
}

/// Rows with their merges; a sign that has nothing to belong to is an empty cell.
fn merged(rows: Vec<Vec<Written>>) -> Vec<Vec<TableCell>> {
    let mut done: Vec<Vec<TableCell>> = Vec::with_capacity(rows.len());
    // Which cell covers each column in the row above: its row and its place there.
    let mut above: Vec<Option<(usize, usize)>> = Vec::new();
    for (number, row) in rows.into_iter().enumerate() {
        done.push(Vec::new());
        let mut covering: Vec<Option<(usize, usize)>> = Vec::new();
        let goes_on: Vec<bool> = row.iter().map(|written| matches!(written, Written::Above)).collect();
        for (column, written) in row.into_iter().enumerate() {
            let text = match written {
                Written::Above => {
                    if let Some((owner_row, owner)) = above.get(column).copied().flatten() {
                        let cell = &mut done[owner_row][owner];
                        // Half of a wide cell cannot go on.
                        let span = cell.column..cell.column + cell.columns;
                        if goes_on.get(span).is_some_and(|span| span.iter().all(|goes_on| *goes_on)) {
                            cell.rows = number - owner_row + 1;
                            covering.push(Some((owner_row, owner)));
                            continue;
                        }
                    }
                    Vec::new()
                }
                Written::Left => {
                    if let Some((owner_row, owner)) = column.checked_sub(1).and_then(|left| covering[left])
                        && owner_row == number
                    {
                        done[owner_row][owner].columns += 1;
                        covering.push(Some((owner_row, owner)));
                        continue;
                    }
                    Vec::new()
                }
                Written::Text(text) => text,
            };
            covering.push(Some((number, done[number].len())));
            done[number].push(TableCell { text, column, columns: 1, rows: 1 });
        }
        above = covering;
    }
    done
}

/// Inline text being gathered.
struct Runs<'a> {
    done: Vec<Run>,
    strong: usize,
    emphasis: usize,
    figures: &'a Figures,
}

impl<'a> Runs<'a> {
    fn new(figures: &'a Figures) -> Self {
        Self { done: Vec::new(), strong: 0, emphasis: 0, figures }
    }

    /// `range` is where the event stands in the source.
    fn event(&mut self, event: &Event<'_>, range: &Range<usize>) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                self.push(text);
                self.cite(text.len(), range);
            }
            // Chinese lines join without a blank.
            Event::SoftBreak => {
                let before = self.done.last().and_then(|run| run.text.chars().last());
                if before.is_some_and(|sign| sign.is_ascii_alphanumeric()) {
                    self.push(" ");
                }
            }
            Event::HardBreak => self.push("\n"),
            Event::Start(Tag::Strong) => self.strong += 1,
            Event::End(TagEnd::Strong) => self.strong = self.strong.saturating_sub(1),
            Event::Start(Tag::Emphasis) => self.emphasis += 1,
            Event::End(TagEnd::Emphasis) => self.emphasis = self.emphasis.saturating_sub(1),
            _ => {}
        }
    }

    fn push(&mut self, text: &str) {
        let (is_strong, is_emphasis) = (self.strong > 0, self.emphasis > 0);
        match self.done.last_mut() {
            Some(last) if (last.is_strong, last.is_emphasis) == (is_strong, is_emphasis) => last.text.push_str(text),
            _ => self.done.push(Run { text: text.to_owned(), is_strong, is_emphasis, figures: Vec::new() }),
        }
    }

    /// The figures of the source that stand in the text pushed last.
    fn cite(&mut self, length: usize, range: &Range<usize>) {
        // What the parser has changed is longer or shorter than its source, and no figure.
        let Some(run) = self.done.last_mut().filter(|_| length == range.len()) else { return };
        let from = run.text.len() - length;
        for (place, (at, origin)) in self.figures.iter().enumerate() {
            let (start, end) = (at.start.max(range.start), at.end.min(range.end));
            if start >= end {
                continue;
            }
            let at = from + start - range.start..from + end - range.start;
            match run.figures.last_mut() {
                // One that the parser has handed over in pieces.
                Some((before, cited)) if cited.number == place && before.end == at.start => before.end = at.end,
                _ => run.figures.push((at, Cited { origin: origin.clone(), number: place })),
            }
        }
    }

    fn done(&mut self) -> Vec<Run> {
        std::mem::take(&mut self.done).into_iter().filter(|run| !run.text.is_empty()).collect()
    }

    fn flush(&mut self, nodes: &mut Vec<Node>) {
        let runs = self.done();
        if !runs.is_empty() {
            nodes.push(Node::Paragraph(runs));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(markdown: &str) -> Vec<Node> {
        read(&[Piece::Markdown(markdown.to_owned())], true)
    }

    #[test]
    fn headings_are_counted_whatever_was_typed() {
        let headings: Vec<String> = nodes("## 三、总体\n\n### 吹哨\n\n### 走访\n\n## 问题\n\n### （一）超期\n")
            .iter()
            .filter_map(|node| match node {
                Node::Heading(heading) => Some(format!("{}{}", heading.numeral, plain(&heading.text))),
                _ => None,
            })
            .collect();
        assert_eq!(headings, ["一、总体", "（一）吹哨", "（二）走访", "二、问题", "（一）超期"]);
    }

    #[test]
    fn tables_have_captions_and_merged_cells() {
        let nodes = nodes("表：各单位\n\n| 街道 | 哨 | < |\n|---|--:|--:|\n| 东 | 1 | 2 |\n| ^ | 3 | \\^ |\n");
        let [Node::Table(table)] = nodes.as_slice() else { panic!("{nodes:?}") };
        assert_eq!(table.caption, "表1　各单位");
        assert_eq!((table.head[0][1].columns, table.head[0].len()), (2, 2));
        assert_eq!((table.body[0][0].rows, table.body[1].len()), (2, 2));
        assert_eq!((table.body[1][0].column, plain(&table.body[1][1].text)), (1, "^".to_owned()));
        assert_eq!(table.columns, [ColumnAlign::Left, ColumnAlign::Right, ColumnAlign::Right]);
    }

    #[test]
    fn nothing_leads_outside_and_lines_join() {
        let nodes =
            nodes("见[此处](http://x)<b>粗</b>\n第二行**重**\n\n<script>alert(1)</script>\n\n- 一\n- 二\n  1. 甲\n");
        let Node::Paragraph(first) = &nodes[0] else { panic!("{nodes:?}") };
        assert_eq!(plain(first), "见此处<b>粗</b>第二行重");
        assert!(first.iter().any(|run| run.is_strong && run.text == "重"));
        assert!(matches!(&nodes[1], Node::Paragraph(runs) if plain(runs).contains("<script>")));
        let Node::List(list) = &nodes[2] else { panic!("{nodes:?}") };
        assert_eq!((list.items.len(), list.items[1].len()), (2, 2));
    }
}
