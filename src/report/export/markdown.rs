//! A summary as Markdown, for pasting into a message or another document: headline figures as a list,
//! charts as small tables.

use std::io::Write;

use super::{Document, DocumentKind, ExportError, Exporter};
use crate::report::chart::Chart;
use crate::report::document::{ColumnAlign, Figure, Heading, Imprint, Layout, List, Node, Run, Table, TableCell};
use crate::report::summary::{Card, Summary};
use crate::report::template::escaped;

pub(super) static EXPORTER: Exporter =
    Exporter { name: "md", extension: "md", kind: DocumentKind::Summary, needs_fonts: false, write };

fn write(document: &Document, out: &mut dyn Write) -> Result<(), ExportError> {
    let Document::Summary(summary) = document else { return Ok(()) };
    Ok(out.write_all(text(summary).as_bytes())?)
}

fn text(summary: &Summary) -> String {
    let front = &summary.front;
    let issue = front.issue.iter().map(|issue| format!("{}　{}", escaped(&front.masthead), escaped(issue)));
    let byline = match front.layout {
        Layout::Plain => Some(format!("{}　{}", front.sender, summary.as_of)),
        Layout::Bulletin => Some(format!("{}　{}", front.sender, front.date)),
        Layout::Official => front.number.clone(),
    };
    let mut parts: Vec<String> = issue.collect();
    parts.push(format!("# {}", escaped(&summary.title)));
    parts.extend(byline.iter().chain(&front.recipients).map(|text| escaped(text)));
    parts.extend(summary.blocks.iter().map(block));
    parts.extend(attachments(&front.attachments));
    if front.layout == Layout::Official {
        parts.push(format!("{}  \n{}", escaped(&front.sender), escaped(&front.date)));
    }
    parts.extend(front.imprint.iter().flat_map(imprint));
    parts.push(format!("---\n\n{}", escaped(&summary.provenance)));
    parts.join("\n\n") + "\n"
}

fn attachments(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [name] => Some(format!("附件：{}", escaped(name))),
        names => {
            let items = (1..).zip(names).map(|(number, name)| format!("{number}. {}", escaped(name)));
            Some(format!("附件：\n\n{}", items.collect::<Vec<_>>().join("\n")))
        }
    }
}

fn imprint(imprint: &Imprint) -> Vec<String> {
    let printed = format!("{}　{}", imprint.printed_by, imprint.printed_on);
    imprint.copies.iter().chain([&printed]).map(|text| escaped(text)).collect()
}

fn block(node: &Node) -> String {
    match node {
        Node::Heading(Heading { level, numeral, text }) => {
            format!("{} {}{}", "#".repeat(usize::from(*level) + 1), escaped(numeral), runs(text))
        }
        Node::Paragraph(text) => runs(text),
        Node::List(list) => items(list, 0),
        Node::Table(table) => rows(table),
        Node::Cards(cards) => cards.iter().map(card).collect::<Vec<_>>().join("\n"),
        Node::Figure(Figure { caption, chart }) => chart_table(caption, chart),
        Node::Rule => "---".to_owned(),
    }
}

fn runs(text: &[Run]) -> String {
    text.iter()
        .map(|run| {
            let words = run.text.split('\n').map(escaped).collect::<Vec<_>>().join("  \n");
            match (run.is_strong, run.is_emphasis) {
                (true, _) => format!("**{words}**"),
                (false, true) => format!("*{words}*"),
                (false, false) => words,
            }
        })
        .collect()
}

fn items(list: &List, depth: usize) -> String {
    let mut lines = Vec::new();
    for (place, item) in (0_u64..).zip(&list.items) {
        let mark = list.first_number.map_or_else(|| "- ".to_owned(), |first| format!("{}. ", first + place));
        for (number, node) in item.iter().enumerate() {
            match node {
                Node::List(inner) => lines.push(items(inner, depth + mark.len())),
                node if number == 0 => lines.push(format!("{}{mark}{}", " ".repeat(depth), block(node))),
                node => lines.push(format!("\n{}{}", " ".repeat(depth + mark.len()), block(node))),
            }
        }
    }
    lines.join("\n")
}

/// Cells that a merge covers are empty: Markdown has no merges. Its tables have one row of heads, so that each column is
/// headed by the whole way to it.
fn rows(table: &Table) -> String {
    let text = |cell: &TableCell| runs(&cell.text).replace("  \n", "<br>");
    let line = |cells: Vec<String>| cells.iter().map(|cell| format!("| {cell} ")).collect::<String>() + "|";
    let columns = 0..table.columns.len();
    let head = |column: usize| {
        let above =
            table.head.iter().flatten().filter(|cell| (cell.column..cell.column + cell.columns).contains(&column));
        above.map(text).filter(|label| !label.is_empty()).collect::<Vec<_>>().join("／")
    };
    let row = |cells: &[TableCell]| {
        let at = |column: usize| cells.iter().find(|cell| cell.column == column).map_or_else(String::new, text);
        line(columns.clone().map(at).collect())
    };
    let mut lines = Vec::new();
    if !table.caption.is_empty() {
        lines.push(format!("{}\n", escaped(&table.caption)));
    }
    lines.push(line(columns.clone().map(head).collect()));
    let marks = table.columns.iter().map(|align| match align {
        ColumnAlign::Left => "|---",
        ColumnAlign::Center => "|:-:",
        ColumnAlign::Right => "|--:",
    });
    lines.push(marks.collect::<String>() + "|");
    lines.extend(table.body.iter().map(|cells| row(cells)));
    lines.join("\n")
}

fn card(card: &Card) -> String {
    let [label, value, unit, note] = [&card.label, &card.value, &card.unit, &card.note].map(|part| escaped(&part.text));
    let note = if note.is_empty() { note } else { format!("（{note}）") };
    format!("- {label}：**{value}**{unit}{note}")
}

fn chart_table(caption: &str, chart: &Chart) -> String {
    let table = chart.table();
    let line = |cells: &[String]| cells.iter().map(|cell| format!("| {} ", escaped(cell))).collect::<String>() + "|";
    let mut lines = vec![format!("**{}**\n", escaped(caption)), line(&table.head)];
    lines.push(format!("|---|{}", "--:|".repeat(table.head.len() - 1)));
    lines.extend(table.rows.iter().map(|row| line(row)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_one_row_of_heads_and_no_broken_lines() {
        let cell = |text: &str, column: usize, columns: usize, rows: usize| TableCell {
            text: vec![Run { text: text.to_owned(), ..Run::default() }],
            column,
            columns,
            rows,
        };
        let head = vec![
            vec![cell("街道", 0, 1, 2), cell("办理", 1, 2, 1)],
            vec![cell("按期", 1, 1, 1), cell("超\n期", 2, 1, 1)],
        ];
        let body = vec![vec![cell("甲\n乙", 0, 1, 1), cell("1", 1, 1, 1), cell("2", 2, 1, 1)]];
        let columns = vec![ColumnAlign::Left, ColumnAlign::Right, ColumnAlign::Right];
        let table = Table { caption: String::new(), columns, head, body };
        assert_eq!(rows(&table), "| 街道 | 办理／按期 | 办理／超<br>期 |\n|---|--:|--:|\n| 甲<br>乙 | 1 | 2 |");
    }
}
