//! Delimited text in the encodings that are still about, and JSON Lines.

use std::io::Write as _;
use std::path::Path;

use encoding_rs::GB18030;

use crate::synthetic::GenerateError;
use crate::synthetic::output::{Delivery, Writer, header};
use crate::synthetic::reference::District;
use crate::synthetic::row::{Cell, Header, Row};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) encoding: Encoding,
    pub(crate) delimiter: char,
    pub(crate) line_end: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf8WithMark,
    Gb18030,
    /// Little endian, with a byte-order mark: what Excel calls Unicode text.
    Utf16,
}

impl Dialect {
    pub(crate) const PLAIN: Self = Self { encoding: Encoding::Utf8, delimiter: ',', line_end: "\n" };
    pub(crate) const OFFICE: Self = Self { encoding: Encoding::Gb18030, delimiter: ',', line_end: "\r\n" };
}

const BUFFER_BYTES: usize = 256 * 1024;

/// Encodes and writes text block by block.
struct TextFile {
    file: fs_err::File,
    encoding: Encoding,
    pending: String,
    encoded: Vec<u8>,
}

impl TextFile {
    fn create(path: &Path, encoding: Encoding) -> Result<Self, GenerateError> {
        let mut pending = String::with_capacity(BUFFER_BYTES + 4096);
        if matches!(encoding, Encoding::Utf8WithMark | Encoding::Utf16) {
            pending.push('\u{feff}');
        }
        Ok(Self { file: fs_err::File::create(path)?, encoding, pending, encoded: Vec::new() })
    }

    fn flush(&mut self) -> Result<(), GenerateError> {
        match self.encoding {
            Encoding::Utf8 | Encoding::Utf8WithMark => self.file.write_all(self.pending.as_bytes())?,
            Encoding::Gb18030 => self.file.write_all(&GB18030.encode(&self.pending).0)?,
            Encoding::Utf16 => {
                self.encoded.clear();
                self.encoded.extend(self.pending.encode_utf16().flat_map(u16::to_le_bytes));
                self.file.write_all(&self.encoded)?;
            }
        }
        self.pending.clear();
        Ok(())
    }

    fn flush_if_full(&mut self) -> Result<(), GenerateError> {
        if self.pending.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }
}

pub(crate) struct CsvWriter<'a> {
    file: TextFile,
    delivery: &'a Delivery,
    district: &'a District,
    dialect: Dialect,
    has_operation: bool,
    /// Line on which the next record starts.
    line: u32,
}

impl<'a> CsvWriter<'a> {
    pub(crate) fn create(
        path: &Path,
        delivery: &'a Delivery,
        district: &'a District,
        dialect: Dialect,
        operations: bool,
    ) -> Result<Self, GenerateError> {
        let mut file = TextFile::create(path, dialect.encoding)?;
        for (at, column) in header(delivery, operations).enumerate() {
            if at > 0 {
                file.pending.push(dialect.delimiter);
            }
            file.pending.push_str(match delivery.style.header {
                Header::English => column.name,
                Header::Chinese => column.label,
            });
        }
        file.pending.push_str(dialect.line_end);
        Ok(Self { file, delivery, district, dialect, has_operation: operations, line: 2 })
    }
}

impl Writer for CsvWriter<'_> {
    fn write(&mut self, row: &Row, operation: Option<char>) -> Result<u32, GenerateError> {
        let out = &mut self.file.pending;
        let line = self.line;
        if self.has_operation {
            out.extend(operation);
            out.push(self.dialect.delimiter);
        }
        for (column, cell) in row.cells.iter().enumerate() {
            if column > 0 {
                out.push(self.dialect.delimiter);
            }
            let start = out.len();
            row.render(column, &self.delivery.style, self.district, out);
            if matches!(cell, Cell::Text(..)) {
                self.line += quote_if_needed(out, start, self.dialect.delimiter);
            }
        }
        out.push_str(self.dialect.line_end);
        self.line += 1;
        self.file.flush_if_full()?;
        Ok(line)
    }

    fn finish(mut self: Box<Self>) -> Result<(), GenerateError> {
        self.file.flush()
    }
}

/// Quotes the field that starts at `start`; says how many line ends it holds.
fn quote_if_needed(out: &mut String, start: usize, delimiter: char) -> u32 {
    let field = &out.as_bytes()[start..];
    if !field.iter().any(|byte| matches!(byte, b'"' | b'\n' | b'\r') || *byte == delimiter as u8) {
        return 0;
    }
    let field = out.split_off(start);
    out.push('"');
    out.push_str(&field.replace('"', "\"\""));
    out.push('"');
    field.matches('\n').count() as u32
}

pub(crate) struct JsonLinesWriter<'a> {
    file: TextFile,
    delivery: &'a Delivery,
    district: &'a District,
    text: String,
    line: u32,
}

impl<'a> JsonLinesWriter<'a> {
    pub(crate) fn create(path: &Path, delivery: &'a Delivery, district: &'a District) -> Result<Self, GenerateError> {
        let file = TextFile::create(path, Encoding::Utf8)?;
        Ok(Self { file, delivery, district, text: String::new(), line: 1 })
    }

    fn text_value(&mut self) {
        let out = &mut self.file.pending;
        out.push('"');
        for sign in self.text.chars() {
            match sign {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                sign => out.push(sign),
            }
        }
        out.push('"');
    }
}

impl Writer for JsonLinesWriter<'_> {
    fn write(&mut self, row: &Row, operation: Option<char>) -> Result<u32, GenerateError> {
        self.file.pending.push('{');
        if let Some(operation) = operation {
            self.file.pending.push_str("\"op\":\"");
            self.file.pending.push(operation);
            self.file.pending.push('"');
        }
        for (column, cell) in row.cells.iter().enumerate() {
            // Absent and null mean the same; systems differ, so both occur.
            if *cell == Cell::Null && column % 2 == 0 {
                continue;
            }
            if !self.file.pending.ends_with('{') {
                self.file.pending.push(',');
            }
            self.file.pending.push('"');
            self.file.pending.push_str(self.delivery.table.columns[column].name);
            self.file.pending.push_str("\":");
            match cell {
                Cell::Null => self.file.pending.push_str("null"),
                Cell::Whole(_) | Cell::Tenths(_) | Cell::Flag(_) => {
                    row.render(column, &self.delivery.style, self.district, &mut self.file.pending);
                }
                Cell::Text(..) | Cell::Code(..) | Cell::Date(_) | Cell::Time(_) => {
                    self.text.clear();
                    row.render(column, &self.delivery.style, self.district, &mut self.text);
                    self.text_value();
                }
            }
        }
        self.file.pending.push_str("}\n");
        self.file.flush_if_full()?;
        self.line += 1;
        Ok(self.line - 1)
    }

    fn finish(mut self: Box<Self>) -> Result<(), GenerateError> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_only_where_they_must_be() {
        let quoted = |field: &str| {
            let mut out = format!("x,{field}");
            let lines = quote_if_needed(&mut out, 2, ',');
            (out, lines)
        };
        assert_eq!(quoted("无"), ("x,无".to_owned(), 0));
        assert_eq!(quoted("a,b"), ("x,\"a,b\"".to_owned(), 0));
        assert_eq!(quoted("说\"是\"\n一"), ("x,\"说\"\"是\"\"\n一\"".to_owned(), 1));
    }
}
