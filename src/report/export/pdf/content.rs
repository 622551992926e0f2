//! The data that `page.typ` typesets: the blocks of a summary as JSON, its charts beside them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::report::chart::{Room, draw};
use crate::report::document::columns::{Fitted, PADDING, fitted};
use crate::report::document::page::{masthead_size, roomy_width};
use crate::report::document::{
    ColumnAlign, Figure, Front, Imprint, Layout, List, Node, Run, Table, TableCell, plain, title_lines,
};
use crate::report::summary::Summary;

/// `document.json` and `chart-<n>.svg`, for pages of so many lines.
pub(super) fn of(summary: &Summary, lines: u32) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut blocks = Vec::new();
    let mut rest = summary.blocks.as_slice();
    while let Some((node, after)) = rest.split_first() {
        rest = after;
        // Two figures in a row stand beside each other, as on a screen; one with its table below has the width for itself.
        if let (Node::Figure(left), Some((Node::Figure(right), after))) = (node, after.split_first())
            && ![left, right].iter().any(|figure| figure.chart.is_table_open)
        {
            let pair = [left, right].map(|figure| figure_of(figure, Room::HALF, &mut files));
            blocks.push(json!({"kind": "pair", "figures": pair}));
            rest = after;
        } else {
            blocks.extend(block(node, &mut files));
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

/// A block; of a chart whose table is open, the table as well.
fn block(node: &Node, files: &mut BTreeMap<String, Vec<u8>>) -> Vec<Value> {
    let own = match node {
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
    };
    let table = match node {
        Node::Figure(figure) if figure.chart.is_table_open => Some(table_of(&figure.table(""))),
        _ => None,
    };
    std::iter::once(own).chain(table).collect()
}

fn figure_of(figure: &Figure, room: Room, files: &mut BTreeMap<String, Vec<u8>>) -> Value {
    let name = format!("chart-{}.svg", files.len() + 1);
    files.insert(name.clone(), draw(&figure.chart, room, &name).svg.into_bytes());
    json!({"kind": "figure", "caption": figure.caption, "file": name, "alt": figure.chart.alt_text()})
}

fn items(list: &List, files: &mut BTreeMap<String, Vec<u8>>) -> Value {
    let items: Vec<Vec<Value>> =
        list.items.iter().map(|item| item.iter().flat_map(|node| block(node, files)).collect()).collect();
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
    let fitted = fitted(table);
    json!({
        "kind": "table",
        "caption": table.caption,
        "aligns": aligns,
        "size": fitted.size,
        "widths": fitted.widths,
        "head_rows": table.head.len(),
        "body_rows": table.body.len(),
        "kept_rows": kept_rows(table, &fitted),
        "head": cells(&table.head),
        "body": cells(&table.body),
    })
}

/// How many of a table's last rows stay together on a page: all of a short table, the last three of a longer one, and none
/// where they may take more than a page has.
fn kept_rows(table: &Table, fitted: &Fitted) -> usize {
    const WHOLE_ROWS_MAX: usize = 5;
    const LAST_ROWS: usize = 3;
    const LINES_MAX: f64 = 20.0;
    let lines_of = |cell: &TableCell| {
        let room: f64 = fitted.widths.iter().skip(cell.column).take(cell.columns).sum();
        let signs = ((room - 2.0 * PADDING) / fitted.size).max(1.0).floor();
        plain(&cell.text).split('\n').map(|line| (roomy_width(line) / signs).ceil().max(1.0)).sum::<f64>()
    };
    let rows = if table.body.len() <= WHOLE_ROWS_MAX { table.body.len() } else { LAST_ROWS };
    let kept = &table.body[table.body.len() - rows..];
    let lines: f64 = kept.iter().map(|row| row.iter().map(lines_of).fold(1.0, f64::max)).sum();
    if lines <= LINES_MAX { rows } else { 0 }
}

fn runs(text: &[Run]) -> Vec<Value> {
    text.iter().map(|run| json!({"text": run.text, "strong": run.is_strong, "emphasis": run.is_emphasis})).collect()
}
