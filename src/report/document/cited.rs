//! The figures of a text in the order of reading: their numbers, and each with the words it stands in.

use super::{Node, Run, plain};
use crate::report::origin::{Cited, Origin};

/// What ends a sentence.
const ENDS: [char; 6] = ['。', '；', '！', '？', '：', '\n'];
/// A sentence that is longer is cut around its figure, in characters.
const WORDS_MAX: usize = 60;

/// A figure with the words it stands in.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Mention {
    pub number: usize,
    pub origin: Origin,
    /// As the text shows it.
    pub shown: String,
    /// The part of the text, then the sentence, the heads of row and column, or the name of the card.
    pub words: Vec<String>,
}

/// Numbers the figures from 1.
pub(super) fn number(nodes: &mut [Node]) {
    let mut next = 0;
    for node in nodes {
        each(node, &mut |cited| {
            next += 1;
            cited.number = next;
        });
    }
}

/// Every figure of a node in the order of reading.
fn each(node: &mut Node, visit: &mut dyn FnMut(&mut Cited)) {
    let of_runs = |runs: &mut [Run], visit: &mut dyn FnMut(&mut Cited)| {
        runs.iter_mut().flat_map(|run| &mut run.figures).for_each(|(_, cited)| visit(cited));
    };
    match node {
        Node::Heading(heading) => of_runs(&mut heading.text, visit),
        Node::Paragraph(text) => of_runs(text, visit),
        Node::List(list) => list.items.iter_mut().flatten().for_each(|node| each(node, visit)),
        Node::Table(table) => {
            for cell in table.head.iter_mut().chain(&mut table.body).flatten() {
                of_runs(&mut cell.text, visit);
            }
        }
        Node::Cards(cards) => {
            for card in cards {
                for part in [&mut card.label, &mut card.value, &mut card.unit, &mut card.note] {
                    of_runs(std::slice::from_mut(part), visit);
                }
            }
        }
        Node::Figure(figure) => {
            let chart = &mut figure.chart;
            for place in 0..chart.labels.len() {
                let cells = chart.series.iter_mut().filter_map(|series| series.cited.get_mut(place)?.as_mut());
                cells.for_each(&mut *visit);
            }
        }
        Node::Rule => {}
    }
}

/// Every figure of a text with the words around it.
pub(in crate::report) fn mentions(nodes: &[Node]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut part = String::new();
    for node in nodes {
        if let Node::Heading(heading) = node {
            part = format!("{}{}", heading.numeral, plain(&heading.text));
        }
        of_node(node, &part, &mut found);
    }
    found
}

fn of_node(node: &Node, part: &str, found: &mut Vec<Mention>) {
    match node {
        Node::Heading(heading) => of_text(&heading.text, "", found),
        Node::Paragraph(text) => of_text(text, part, found),
        Node::List(list) => list.items.iter().flatten().for_each(|node| of_node(node, part, found)),
        Node::Table(table) => {
            let name = if table.caption.is_empty() { part } else { &table.caption };
            for cell in table.head.iter().flatten() {
                of_text(&cell.text, name, found);
            }
            for row in &table.body {
                let first = row.first().map(|cell| plain(&cell.text)).unwrap_or_default();
                for cell in row {
                    let head = table.head.iter().flat_map(|head| {
                        head.iter().filter(|head| (head.column..head.column + head.columns).contains(&cell.column))
                    });
                    let mut words = vec![name.to_owned(), first.clone()];
                    words.extend(head.map(|head| plain(&head.text)));
                    of_runs(&cell.text, &words, found);
                }
            }
        }
        Node::Cards(cards) => {
            for card in cards {
                let words = [part.to_owned(), card.label.text.clone()];
                for part in [&card.label, &card.value, &card.unit, &card.note] {
                    of_runs(std::slice::from_ref(part), &words, found);
                }
            }
        }
        Node::Figure(figure) => {
            let chart = &figure.chart;
            let table = chart.table();
            for (place, row) in table.rows.iter().enumerate() {
                for (number, series) in chart.series.iter().enumerate() {
                    let Some(cited) = series.cited.get(place).and_then(Option::as_ref) else { continue };
                    let label = row.first().cloned().unwrap_or_default();
                    found.push(Mention {
                        number: cited.number,
                        origin: cited.origin.clone(),
                        shown: row.get(number + 1).cloned().unwrap_or_default(),
                        words: vec![figure.caption.clone(), label, series.name.clone()],
                    });
                }
            }
        }
        Node::Rule => {}
    }
}

/// Everything that is written in a text, charts among it.
pub(in crate::report) fn text(nodes: &[Node]) -> String {
    let mut all = String::new();
    let mut add = |text: &str| {
        all.push_str(text);
        all.push('\n');
    };
    for node in nodes {
        match node {
            Node::Heading(heading) => add(&plain(&heading.text)),
            Node::Paragraph(runs) => add(&plain(runs)),
            Node::List(list) => list.items.iter().for_each(|item| add(&text(item))),
            Node::Table(table) => {
                add(&table.caption);
                table.head.iter().chain(&table.body).flatten().for_each(|cell| add(&plain(&cell.text)));
            }
            Node::Cards(cards) => {
                for card in cards {
                    add(&format!("{}\n{}{}\n{}", card.label.text, card.value.text, card.unit.text, card.note.text));
                }
            }
            Node::Figure(figure) => {
                add(&figure.caption);
                figure.chart.labels.iter().for_each(|label| add(label));
            }
            Node::Rule => {}
        }
    }
    all
}

fn of_runs(runs: &[Run], words: &[String], found: &mut Vec<Mention>) {
    for run in runs {
        found.extend(run.figures.iter().map(|(at, cited)| Mention {
            number: cited.number,
            origin: cited.origin.clone(),
            shown: run.text.get(at.clone()).unwrap_or_default().to_owned(),
            words: words.iter().filter(|word| !word.is_empty()).cloned().collect(),
        }));
    }
}

fn of_text(runs: &[Run], part: &str, found: &mut Vec<Mention>) {
    let text = plain(runs);
    let mut before = 0;
    for run in runs {
        for (at, cited) in &run.figures {
            let words = [part, sentence(&text, before + at.start, before + at.end)];
            found.push(Mention {
                number: cited.number,
                origin: cited.origin.clone(),
                shown: run.text.get(at.clone()).unwrap_or_default().to_owned(),
                words: words.iter().filter(|word| !word.is_empty()).map(|word| (*word).to_owned()).collect(),
            });
        }
        before += run.text.len();
    }
}

/// What stands between two full stops around these bytes.
fn sentence(text: &str, from: usize, to: usize) -> &str {
    let (before, after) = (text.get(..from).unwrap_or_default(), text.get(to..).unwrap_or_default());
    let start = before.rfind(ENDS).map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
    let end = after.find(ENDS).map_or(text.len(), |at| to + at);
    let near =
        |count: usize, mut signs: Box<dyn Iterator<Item = (usize, char)> + '_>| signs.nth(count).map(|(at, _)| at);
    let half = WORDS_MAX / 2;
    let start = near(half, Box::new(before.char_indices().rev())).map_or(start, |least| start.max(least));
    let end = near(half, Box::new(after.char_indices())).map_or(end, |most| end.min(to + most));
    text.get(start..end).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::read;
    use crate::report::summary::Piece;

    #[test]
    fn figures_are_numbered_as_they_are_read_and_keep_their_sentence() {
        let cell = |row: usize, text: &str| Origin::Cell { dataset: 0, row, column: 0 }.mark(text);
        let markdown = format!(
            "## 1. 上报{}件\n\n全区上报**{}件**，\\*{}；办结{}件。\n\n表：各街道\n\n| 街道 | 数 |\n|---|--:|\n| 东 | {} |\n\n- 其中{}\n",
            cell(0, "12"),
            cell(1, "12"),
            cell(2, "同比上升3.2%"),
            cell(3, "7"),
            cell(4, "5"),
            cell(5, "9")
        );
        let plain_text: String = crate::report::origin::unmarked(&markdown).0;
        let (with, without) = (read(&[Piece::Markdown(markdown)], true), read(&[Piece::Markdown(plain_text)], true));
        let told: Vec<String> =
            mentions(&with).iter().map(|m| format!("f{} {} {}", m.number, m.shown, m.words.join("/"))).collect();
        assert_eq!(
            told,
            [
                "f1 12 上报12件",
                "f2 12 一、上报12件/全区上报12件，*同比上升3.2%",
                "f3 同比上升3.2% 一、上报12件/全区上报12件，*同比上升3.2%",
                "f4 7 一、上报12件/办结7件",
                "f5 5 表1　各街道/东/数",
                "f6 9 一、上报12件/其中9",
            ]
        );
        let bare = |mut nodes: Vec<Node>| {
            fn strip(nodes: &mut [Node]) {
                for node in nodes {
                    match node {
                        Node::Heading(heading) => heading.text.iter_mut().for_each(|run| run.figures.clear()),
                        Node::Paragraph(text) => text.iter_mut().for_each(|run| run.figures.clear()),
                        Node::List(list) => list.items.iter_mut().for_each(|item| strip(item)),
                        Node::Table(table) => table
                            .head
                            .iter_mut()
                            .chain(&mut table.body)
                            .flatten()
                            .flat_map(|cell| &mut cell.text)
                            .for_each(|run| run.figures.clear()),
                        _ => {}
                    }
                }
            }
            strip(&mut nodes);
            nodes
        };
        assert_eq!(bare(with), without);
    }
}
