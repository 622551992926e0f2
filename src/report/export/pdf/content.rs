//! The data that `page.typ` typesets: the blocks of a summary as JSON, its charts beside them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::report::chart::{Room, draw};
use crate::report::document::columns::{Fitted, PADDING, fitted};
use crate::report::document::page::masthead_size;
use crate::report::document::{
    ColumnAlign, Figure, Front, Imprint, Layout, List, Node, Run, Table, TableCell, title_lines,
};
use crate::report::summary::Summary;

/// `document.json` and `chart-<n>.svg`, for pages of so many lines.
pub(super) fn of(summary: &Summary, lines: u32) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut blocks = Vec::new();
    let mut rest = summary.blocks.as_slice();
    while let Some((node, after)) = rest.split_first() {
        rest = after;
        // Two figures in a row stand beside each other, as on a screen.
        if let (Node::Figure(left), Some((Node::Figure(right), after))) = (node, after.split_first()) {
            let pair = [left, right].map(|figure| figure_of(figure, Room::HALF, &mut files));
            blocks.push(json!({"kind": "pair", "figures": pair}));
            rest = after;
        } else {
            blocks.push(block(node, &mut files));
        }
    }
    let document = json!({
        "lines": lines,
        "cell_padding": PADDING,
        "title": summary.title,
        "title_lines": title_lines(&summary.title),
        "as_of": summary.as_of,
        "provenance": summary.provenance,
        "record": summary.properties.record.text(),
        "front": front(&summary.front),
        "blocks": blocks,
    });
    files.insert("document.json".to_owned(), document.to_string().into_bytes());
    files
}

fn front(front: &Front) -> Value {
    json!({
        "layout": match front.layout {
            Layout::Plain => "plain",
            Layout::Bulletin => "bulletin",
            Layout::Official => "official",
        },
        "masthead": masthead(&front.masthead),
        "number": front.number,
        "issue": front.issue,
        "sender": front.sender,
        "signatories": front.signatories,
        "recipients": front.recipients,
        "attachments": front.attachments,
        "date": front.date,
        "imprint": front.imprint.as_ref().map(|Imprint { copies, printed_by, printed_on }| {
            json!({"copies": copies, "printed_by": printed_by, "printed_on": printed_on})
        }),
    })
}

fn masthead(text: &str) -> Option<Value> {
    let (points, narrowed) = masthead_size(text);
    (!text.is_empty()).then(|| json!({"text": text, "points": points, "narrowed": narrowed}))
}

fn block(node: &Node, files: &mut BTreeMap<String, Vec<u8>>) -> Value {
    match node {
        Node::Heading(heading) => json!({
            "kind": "heading",
            "level": heading.level,
            "numeral": heading.numeral,
            "text": runs(&heading.text),
        }),
        Node::Paragraph(text) => json!({"kind": "paragraph", "text": runs(text)}),
        Node::List(list) => items(list, files),
        Node::Table(table) => table_of(table),
        Node::Cards(cards) => json!({
            "kind": "cards",
            "cards": cards
                .iter()
                .map(|card| json!({"label": card.label.text, "value": card.value.text, "unit": card.unit.text, "note": card.note.text}))
                .collect::<Vec<_>>(),
        }),
        Node::Figure(figure) => figure_of(figure, Room::WIDE, files),
        Node::Rule => json!({"kind": "rule"}),
    }
}

fn figure_of(figure: &Figure, room: Room, files: &mut BTreeMap<String, Vec<u8>>) -> Value {
    let name = format!("chart-{}.svg", files.len() + 1);
    files.insert(name.clone(), draw(&figure.chart, room, &name).svg.into_bytes());
    json!({"kind": "figure", "caption": figure.caption, "file": name, "alt": figure.chart.alt_text()})
}

fn items(list: &List, files: &mut BTreeMap<String, Vec<u8>>) -> Value {
    let items: Vec<Vec<Value>> =
        list.items.iter().map(|item| item.iter().map(|node| block(node, files)).collect()).collect();
    json!({"kind": "list", "first_number": list.first_number, "items": items})
}

fn table_of(table: &Table) -> Value {
    let cells = |rows: &[Vec<TableCell>]| -> Vec<Value> {
        (0..)
            .zip(rows)
            .flat_map(|(y, row): (usize, &Vec<TableCell>)| {
                row.iter().map(move |cell| {
                    json!({"x": cell.column, "y": y, "columns": cell.columns, "rows": cell.rows, "text": runs(&cell.text)})
                })
            })
            .collect()
    };
    let aligns: Vec<&str> = table
        .columns
        .iter()
        .map(|align| match align {
            ColumnAlign::Left => "left",
            ColumnAlign::Center => "center",
            ColumnAlign::Right => "right",
        })
        .collect();
    let Fitted { size, widths } = fitted(table);
    json!({
        "kind": "table",
        "caption": table.caption,
        "aligns": aligns,
        "size": size,
        "widths": widths,
        "head_rows": table.head.len(),
        "body_rows": table.body.len(),
        "head": cells(&table.head),
        "body": cells(&table.body),
    })
}

fn runs(text: &[Run]) -> Vec<Value> {
    text.iter().map(|run| json!({"text": run.text, "strong": run.is_strong, "emphasis": run.is_emphasis})).collect()
}
