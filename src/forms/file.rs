//! `form.yml`: what was read of a department's form, for a person to read and correct.

use std::fmt::Write as _;

use super::around::is_signed;
use super::layout::{Item, Kind, Layout};
use super::page::Page;

/// The text of `form.yml`.
pub(super) fn text(workbook: &str, hash: &str, sheets: &[(String, Layout)]) -> String {
    let mut text = String::from(
        "# Read from the workbook beside it, which stays as it came. What is wrong here can be corrected.\n",
    );
    let title =
        sheets.iter().map(|(_, layout)| layout.title.as_str()).find(|title| !title.is_empty()).unwrap_or_default();
    let _ = writeln!(text, "title: {}", plain(title));
    let _ = writeln!(text, "workbook: {}\nblake3: {hash}\nsheets:", plain(workbook));
    for (name, layout) in sheets.iter().filter(|(_, layout)| !layout.tables.is_empty()) {
        let _ = writeln!(text, "  - sheet: {}", plain(name));
        for (key, values) in [("title", &layout.title)].into_iter().filter(|(_, title)| !title.is_empty()) {
            let _ = writeln!(text, "    {key}: {}", plain(values));
        }
        if !layout.said.is_empty() {
            text.push_str("    said:\n");
            for (key, value) in &layout.said {
                let value = if is_signed(key) { "" } else { value };
                let _ = writeln!(text, "      - {{{}: {}}}", plain(key), plain(value));
            }
        }
        if !layout.notes.is_empty() {
            text.push_str("    notes:\n");
            for note in &layout.notes {
                let _ = writeln!(text, "      - {}", plain(note));
            }
        }
        text.push_str("    tables:\n");
        for table in &layout.tables {
            let (first, last) = (table.body.0 + 1, table.body.1 + 1);
            let _ = writeln!(text, "      - kind: {}\n        rows: {first}-{last}\n        items:", table.kind.name());
            for item in &table.items {
                let _ = writeln!(text, "          - {{{}}}", fields(item, table.kind));
            }
        }
        if !layout.doubts.is_empty() {
            text.push_str("    doubts:\n");
            for doubt in &layout.doubts {
                let _ = writeln!(
                    text,
                    "      - {{at: {}, about: {}}}",
                    plain(&Page::name_of(doubt.place)),
                    plain(&doubt.about)
                );
            }
        }
    }
    text
}

fn fields(item: &Item, kind: Kind) -> String {
    let mut fields = format!("item: {}", plain(&item.path.join("/")));
    let place = Page::name_of(item.place);
    let place = match kind {
        Kind::List => format!("column: {}", place.trim_end_matches(|sign: char| sign.is_ascii_digit())),
        Kind::Matrix | Kind::Card => format!("cell: {}", plain(&place)),
    };
    let _ = write!(fields, ", {place}");
    for (key, value) in [("unit", &item.unit), ("number", &item.number)] {
        if let Some(value) = value {
            let _ = write!(fields, ", {key}: {}", plain(value));
        }
    }
    if !item.choices.is_empty() {
        let choices: Vec<String> = item.choices.iter().map(|choice| plain(choice)).collect();
        let _ = write!(fields, ", choices: [{}]", choices.join(", "));
    }
    fields
}

/// A text as YAML reads it back: quoted unless it is plain words.
fn plain(text: &str) -> String {
    let is_word = |sign: char| sign.is_alphanumeric() || "（）〔〕、。，；/_".contains(sign);
    let begins = text.chars().next().is_some_and(char::is_alphabetic);
    let means_more =
        ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if begins && !means_more && text.chars().all(is_word) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}
