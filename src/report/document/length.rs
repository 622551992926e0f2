//! How long a text is, in characters as an office counts them: every sign and digit, no blanks.
//!
//! What stands in a figure is a picture and not read; its caption is.

use super::{Node, Run, plain};
use crate::report::summary::Card;

/// Characters of all blocks, and of each part under a heading of the first level, in order.
pub(in crate::report) fn characters(nodes: &[Node]) -> (usize, Vec<(String, usize)>) {
    let mut parts: Vec<(String, usize)> = Vec::new();
    let mut all = 0;
    for node in nodes {
        if let Node::Heading(heading) = node
            && heading.level == 1
        {
            parts.push((format!("{}{}", heading.numeral, plain(&heading.text)), 0));
        }
        let length = of_node(node);
        all += length;
        if let Some((_, part)) = parts.last_mut() {
            *part += length;
        }
    }
    (all, parts)
}

fn of_node(node: &Node) -> usize {
    match node {
        Node::Heading(heading) => of_text(&heading.numeral) + of_runs(&heading.text),
        Node::Paragraph(runs) => of_runs(runs),
        Node::List(list) => list.items.iter().flatten().map(of_node).sum(),
        Node::Table(table) => {
            let cells = table.head.iter().chain(&table.body).flatten();
            of_text(&table.caption) + cells.map(|cell| of_runs(&cell.text)).sum::<usize>()
        }
        Node::Cards(cards) => cards.iter().map(of_card).sum(),
        Node::Figure(figure) => of_text(&figure.caption),
        Node::Rule => 0,
    }
}

fn of_card(card: &Card) -> usize {
    [&card.label, &card.value, &card.unit, &card.note].into_iter().map(|part| of_text(&part.text)).sum()
}

fn of_runs(runs: &[Run]) -> usize {
    runs.iter().map(|run| of_text(&run.text)).sum()
}

/// Characters that are not blank; of the title as well.
pub(in crate::report) fn of_text(text: &str) -> usize {
    text.chars().filter(|sign| !sign.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::read;
    use crate::report::summary::{Block, Piece};

    #[test]
    fn counts_what_is_read_and_names_the_parts() {
        let markdown = "引言。\n\n## 总体 情况\n\n上报**12**件。\n\n- 甲\n- 乙\n\n## 超期\n\n表：清单\n\n| 单位 | 数 |\n|---|--:|\n| 甲局 | 3 |\n";
        let card =
            Card {
                label: Run::marked("在办"), value: Run::marked("7"), unit: Run::marked("件"), note: Run::default()
            };
        let pieces = [Piece::Markdown(markdown.into()), Piece::Block(Block::Cards(vec![card]))];
        let (all, parts) = characters(&read(&pieces, true));
        // 引言。 | 一、总体情况 上报12件。甲乙 | 二、超期 表1清单 单位数甲局3 在办7件
        assert_eq!(parts, [("一、总体 情况".to_owned(), 6 + 6 + 2), ("二、超期".to_owned(), 4 + 4 + 6 + 4)]);
        assert_eq!(all, 3 + 14 + 18);
        assert_eq!(of_text("　〔2024〕 5号\n"), 8);
    }
}
