//! The only printer: data to stdout, messages to stderr.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

use super::args::{Color, Format, Global};
use crate::diagnostic::{Context, Diagnostic, Result, Severity};

/// Where and how to print.
pub struct Output {
    pub quiet: bool,
    pub verbose: u8,
    color: bool,
    base: PathBuf,
}

impl Output {
    pub fn new(global: &Global, has_no_color: bool) -> Self {
        let color = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => std::io::stderr().is_terminal() && !has_no_color,
        };
        let base = std::env::current_dir().unwrap_or_default();
        Self { quiet: global.quiet, verbose: global.verbose, color, base }
    }

    pub fn base(&self) -> &Path {
        &self.base
    }

    /// A message for people; left out with `--quiet`.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            // A closed stderr is no reason to stop working.
            drop(writeln!(std::io::stderr(), "{}", text.as_ref()));
        }
    }

    pub fn problem(&self, problem: &Diagnostic) {
        let text = problem.render(&self.base);
        let text = match (self.color, problem.severity) {
            (true, Severity::Error) => text.replacen("error:", "\u{1b}[1;31merror:\u{1b}[0m", 1),
            (true, Severity::Warning) => text.replacen("warning:", "\u{1b}[1;33mwarning:\u{1b}[0m", 1),
            (false, _) => text,
        };
        drop(writeln!(std::io::stderr(), "{text}"));
    }

    /// Data on stdout. A closed pipe ends the output quietly.
    pub fn data(&self, text: impl AsRef<str>) -> Result<()> {
        match writeln!(std::io::stdout(), "{}", text.as_ref()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).doing("printing"),
            _ => Ok(()),
        }
    }

    /// What a command did, on stdout; left out with `--quiet`.
    pub fn done(&self, text: impl AsRef<str>) -> Result<()> {
        if self.quiet { Ok(()) } else { self.data(text) }
    }

    /// [`Output::records`] of what a command did: with `--quiet`, or where it did nothing, only formats for other programs
    /// are printed.
    pub fn done_records(&self, format: Format, header: &[&str], rows: &[Vec<Value>]) -> Result<()> {
        let is_for_nobody = format == Format::Table && (self.quiet || rows.is_empty());
        if is_for_nobody { Ok(()) } else { self.records(format, header, rows) }
    }

    /// Plain records: a header and rows of texts; JSON keeps numbers as numbers.
    pub fn records(&self, format: Format, header: &[&str], rows: &[Vec<Value>]) -> Result<()> {
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match format {
            Format::Json => {
                let objects: Vec<Value> = rows
                    .iter()
                    .map(|row| {
                        header
                            .iter()
                            .map(|h| (*h).to_owned())
                            .zip(row.iter().cloned())
                            .collect::<serde_json::Map<_, _>>()
                            .into()
                    })
                    .collect();
                self.data(serde_json::to_string_pretty(&objects).doing("printing JSON")?)
            }
            Format::Csv => {
                let mut lines = vec![csv_line(header.iter().map(|h| (*h).to_owned()))];
                lines.extend(rows.iter().map(|row| csv_line(row.iter().map(&text))));
                self.data(lines.join("\n"))
            }
            Format::Table | Format::Markdown => {
                let cells: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(&text).collect()).collect();
                let right: Vec<bool> = (0..header.len())
                    .map(|at| rows.iter().any(|r| r[at].is_number()) && rows.iter().all(|r| !r[at].is_string()))
                    .collect();
                self.data(table_text(format, header, &cells, &right))
            }
        }
    }
}

/// Record batches as text.
pub fn render_rows(format: Format, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String> {
    match format {
        Format::Csv => {
            let mut bytes = Vec::new();
            {
                let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut bytes);
                if batches.is_empty() {
                    writer.write(&RecordBatch::new_empty(schema.clone())).doing("printing CSV")?;
                }
                for batch in batches {
                    writer.write(batch).doing("printing CSV")?;
                }
            }
            String::from_utf8(bytes).doing("printing CSV")
        }
        Format::Json => {
            let mut writer = arrow::json::WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, arrow::json::writer::JsonArray>(Vec::new());
            for batch in batches {
                writer.write(batch).doing("printing JSON")?;
            }
            writer.finish().doing("printing JSON")?;
            String::from_utf8(writer.into_inner()).doing("printing JSON")
        }
        Format::Table | Format::Markdown => {
            let header: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            let right: Vec<bool> = schema.fields().iter().map(|f| f.data_type().is_numeric()).collect();
            let mut cells = Vec::new();
            for batch in batches {
                let columns = batch.columns().iter().map(texts).collect::<Result<Vec<_>>>()?;
                for row in 0..batch.num_rows() {
                    cells.push(columns.iter().map(|column| column[row].clone()).collect());
                }
            }
            Ok(table_text(format, &header, &cells, &right))
        }
    }
}

fn texts(column: &arrow::array::ArrayRef) -> Result<Vec<String>> {
    if let DataType::Float64 = column.data_type() {
        let floats = column.as_primitive::<arrow::datatypes::Float64Type>();
        // Six decimals are plenty for the eye; CSV and JSON keep all digits.
        return Ok(floats
            .iter()
            .map(|x| match x {
                None => "NULL".to_owned(),
                Some(x) => {
                    let rounded = (x * 1e6).round() / 1e6;
                    if rounded.is_finite() { rounded.to_string() } else { x.to_string() }
                }
            })
            .collect());
    }
    let options = FormatOptions::default().with_null("NULL");
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options).doing("printing a value")?;
    // Control characters of a value must not move the cursor.
    Ok((0..column.len())
        .map(|row| formatter.value(row).to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
        .collect())
}

fn table_text(format: Format, header: &[&str], cells: &[Vec<String>], right: &[bool]) -> String {
    let mut table = Table::new();
    table.load_preset(if format == Format::Markdown { presets::ASCII_MARKDOWN } else { presets::UTF8_BORDERS_ONLY });
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in cells {
        if format == Format::Markdown {
            table.add_row(row.iter().map(|cell| cell.replace('|', "\\|")));
        } else {
            table.add_row(row);
        }
    }
    for (at, is_right) in right.iter().enumerate() {
        if *is_right && let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn csv_line(cells: impl Iterator<Item = String>) -> String {
    cells
        .map(
            |cell| {
                if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
            },
        )
        .collect::<Vec<_>>()
        .join(",")
}
