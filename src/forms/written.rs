//! The text of `form.yml`, as a person reads and corrects it.

use std::fmt::Write as _;

use super::blanks::Blank;
use super::file::{By, Form, FormItem};

/// The text of `form.yml`.
pub(super) fn text(form: &Form) -> String {
    let mut text = String::from(
        "# Read from the workbook beside it, which stays as it came. What is wrong here can be corrected.\n",
    );
    let _ = writeln!(text, "title: {}", plain(&form.title));
    let _ = writeln!(text, "workbook: {}\nblake3: {}", plain(&form.workbook), form.blake3);
    let _ = writeln!(text, "department: {}", plain(&form.department));
    if let Some(every) = form.every {
        let _ = writeln!(text, "every: {}", every.name());
    }
    if let Some(days) = form.max_age_days {
        let _ = writeln!(text, "max_age_days: {days}");
    }
    text.push_str("sheets:\n");
    for sheet in &form.sheets {
        let _ = writeln!(text, "  - sheet: {}", plain(&sheet.sheet));
        if !sheet.title.is_empty() {
            let _ = writeln!(text, "    title: {}", plain(&sheet.title));
        }
        if !sheet.said.is_empty() {
            text.push_str("    said:\n");
            for (key, value) in sheet.said.iter().flatten() {
                let _ = writeln!(text, "      - {{{}: {}}}", plain(key), plain(value));
            }
        }
        if !sheet.notes.is_empty() {
            text.push_str("    notes:\n");
            for note in &sheet.notes {
                let _ = writeln!(text, "      - {}", plain(note));
            }
        }
        if !sheet.blanks.is_empty() {
            text.push_str("    blanks:\n");
            for Blank { cell, text: written, asks } in &sheet.blanks {
                let _ = writeln!(text, "      - {{cell: {cell}, is: {}, text: {}}}", asks.name(), plain(written));
            }
        }
        text.push_str("    tables:\n");
        for table in &sheet.tables {
            let _ = writeln!(text, "      - kind: {}", table.kind.name());
            let _ = writeln!(text, "        rows: {}-{}", table.rows.first, table.rows.last);
            let settings = [
                ("of", &table.of),
                ("from", &table.from),
                ("where", &table.condition),
                ("with_same", &table.with_same),
            ];
            for (key, value) in settings.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
                let _ = writeln!(text, "        {key}: {}", plain(value));
            }
            text.push_str("        items:\n");
            for item in &table.items {
                let _ = writeln!(text, "          - {{{}}}", fields(item));
            }
        }
        if !sheet.doubts.is_empty() {
            text.push_str("    doubts:\n");
            for doubt in &sheet.doubts {
                let _ = writeln!(text, "      - {{at: {}, about: {}}}", plain(&doubt.at), plain(&doubt.about));
            }
        }
    }
    text
}

fn fields(item: &FormItem) -> String {
    let list = |texts: &[String]| texts.iter().map(|text| plain(text)).collect::<Vec<_>>().join(", ");
    let mut fields = format!("item: {}", plain(&item.heads.to_string()));
    let by = item.by.map(|by| match by {
        By::Counter => "counter".to_owned(),
        By::Hand => "hand".to_owned(),
    });
    let mut put = |key: &str, value: &Option<String>| {
        if let Some(value) = value {
            let _ = write!(fields, ", {key}: {}", plain(value));
        }
    };
    put("column", &item.column);
    put("cell", &item.cell);
    put("unit", &item.unit);
    put("number", &item.number);
    put("by", &by);
    put("element", &item.element);
    if !item.candidates.is_empty() {
        let _ = write!(fields, ", candidates: [{}]", list(&item.candidates));
    }
    if let Some(why) = &item.why {
        let _ = write!(fields, ", why: {}", plain(why));
    }
    if !item.choices.is_empty() {
        let _ = write!(fields, ", choices: [{}]", list(&item.choices));
    }
    if item.boxes {
        fields.push_str(", boxes: true");
    }
    fields
}

/// A text as YAML reads it back: quoted unless it is plain words.
fn plain(text: &str) -> String {
    let is_word = |sign: char| sign.is_alphanumeric() || "（）〔〕、。，；/_.".contains(sign);
    let begins = text.chars().next().is_some_and(char::is_alphabetic);
    let means_more =
        ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if begins && !means_more && text.chars().all(is_word) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}
