//! A summary as Markdown, for pasting into a message or another document: headline figures as a list,
//! charts as small tables.

use std::io::Write;

use super::{Document, DocumentKind, ExportError, Exporter};
use crate::report::summary::{Block, Card, Chart, Piece, Summary};
use crate::report::template::escaped;

pub(super) static EXPORTER: Exporter = Exporter { name: "md", extension: "md", kind: DocumentKind::Summary, write };

fn write(document: &Document, out: &mut dyn Write) -> Result<(), ExportError> {
    let Document::Summary(summary) = document else { return Ok(()) };
    Ok(out.write_all(text(summary).as_bytes())?)
}

fn text(summary: &Summary) -> String {
    let (sender, day) = &summary.masthead;
    let mut parts = vec![format!("# {}", escaped(&summary.title)), format!("{}　{}", escaped(sender), escaped(day))];
    parts.extend(summary.pieces.iter().map(|piece| match piece {
        Piece::Markdown(markdown) => markdown.clone(),
        Piece::Block(Block::Cards(cards)) => cards.iter().map(card).collect::<Vec<_>>().join("\n"),
        Piece::Block(Block::Chart(chart)) => table(chart),
    }));
    parts.push(format!("---\n\n{}", escaped(&summary.provenance)));
    parts.join("\n\n") + "\n"
}

fn card(card: &Card) -> String {
    let note = if card.note.is_empty() { String::new() } else { format!("（{}）", escaped(&card.note)) };
    format!("- {}：**{}**{}{note}", escaped(&card.label), escaped(&card.value), escaped(&card.unit))
}

fn table(chart: &Chart) -> String {
    let unit = if chart.unit.is_empty() { String::new() } else { format!("（{}）", escaped(&chart.unit)) };
    let mut lines = vec![format!("**{}**{unit}\n", escaped(&chart.title))];
    lines.push(format!(
        "| |{}",
        chart.series.iter().map(|series| format!(" {} |", escaped(&series.name))).collect::<String>()
    ));
    lines.push(format!("|---|{}", "--:|".repeat(chart.series.len())));
    for (place, label) in chart.labels.iter().enumerate() {
        let values: String = chart
            .series
            .iter()
            .map(|series| format!(" {} |", chart.worded(series.points.get(place).copied().flatten())))
            .collect();
        lines.push(format!("| {} |{values}", escaped(label)));
    }
    lines.join("\n")
}
