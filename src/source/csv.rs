//! Delimited text: CSV, TSV and their cousins. The delimiter, the line end and the header row are found by looking at
//! the beginning of the file.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::csv_scan::{self, Dialect, Records, Stop};
use super::text::TextReader;
use super::{BATCH_ROWS_MAX, Limit, Limits, OpenOptions, RawBatch, RawReader, SourceError, SourceKind, Sum, header};

pub(super) static KIND: SourceKind = SourceKind {
    name: "csv",
    extensions: &["csv", "tsv", "txt", "tab"],
    growth: 1,
    // Anything may be text; what is not is found out by `TextReader`.
    matches: |_| true,
    open,
};

const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

struct CsvReader {
    input: TextReader,
    /// UTF-8 text not yet handed out, from `at` on.
    text: Vec<u8>,
    at: usize,
    /// Line number at `at`.
    line: u32,
    dialect: Dialect,
    header: Vec<String>,
    header_line: u32,
    schema: SchemaRef,
    records: Records,
    limits: Limits,
    sum: Sum,
}

fn open(path: &Path, options: &OpenOptions<'_>) -> Result<Box<dyn RawReader>, SourceError> {
    let mut input = TextReader::open(path)?;
    let mut text = Vec::new();
    input.fill(&mut text)?;
    // A first line longer than a block: whatever it is, it must be seen whole.
    while memchr::memchr2(b'\n', b'\r', &text).is_none()
        && !input.is_at_end()
        && text.len() <= options.limits.record_bytes_max()
    {
        input.fill(&mut text)?;
    }
    let line_end = match memchr::memchr(b'\n', &text) {
        None if text.contains(&b'\r') => b'\r',
        _ => b'\n',
    };
    let rows_looked_at = header::ROWS_LOOKED_AT + 2;
    let mut records = Records::default();
    let mut best: Option<(header::Found, usize, Dialect, Vec<u32>)> = None;
    let mut first_error = None;
    for delimiter in DELIMITERS {
        let dialect = Dialect { delimiter, line_end };
        let stop = csv_scan::scan(&text, dialect, None, rows_looked_at, 1, input.is_at_end(), &mut records);
        if let Stop::OpenQuote { quote_line, .. } = stop
            && records.lines.is_empty()
        {
            first_error.get_or_insert(SourceError::UnclosedQuote { line: quote_line });
        }
        let rows = csv_scan::rows_as_text(&text, &records);
        let Some(found) = header::find(&rows, options.is_known_column) else { continue };
        // Names known decide; without any, the delimiter that cuts most rows into the header's number of fields.
        let width = found.names.len();
        let fitting = if width > 1 { rows.iter().filter(|r| r.len() == width).count() } else { 0 };
        if best.as_ref().is_none_or(|(b, f, ..)| (found.known, fitting) > (b.known, *f)) {
            best = Some((found, fitting, dialect, records.lines.clone()));
        }
    }
    let Some((found, _, dialect, lines)) = best else {
        let is_too_long = text.len() > options.limits.record_bytes_max();
        let too_long = || SourceError::over(Limit::RecordBytes, options.limits.record_bytes_max() as u64, Some(1));
        return Err(first_error.unwrap_or_else(|| if is_too_long { too_long() } else { SourceError::NoHeader }));
    };
    options.limits.check_columns(found.names.len(), lines[found.first])?;
    if found.names.iter().all(String::is_empty) {
        return Err(SourceError::NoHeader);
    }
    if let Some(above) = found.table_above {
        return Err(SourceError::StackedTables { sheet: None, first: lines[above], second: lines[found.first] });
    }
    // Skip to the first data row by scanning the rows before it once more.
    let (at, line) = match csv_scan::scan(&text, dialect, None, found.data, 1, input.is_at_end(), &mut records) {
        Stop::Done { taken, line } | Stop::OpenQuote { taken, line, .. } => (taken, line),
    };
    let fields: Vec<Field> = found.names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    Ok(Box::new(CsvReader {
        input,
        text,
        at,
        line,
        dialect,
        header: found.names,
        header_line: lines[found.first],
        schema: Arc::new(Schema::new(fields)),
        records,
        limits: options.limits,
        sum: Sum::default(),
    }))
}

impl CsvReader {
    /// Makes room by dropping what was handed out, then reads on.
    fn read_on(&mut self) -> Result<(), SourceError> {
        let unread = self.text.len() - self.at;
        if unread > self.limits.record_bytes_max() {
            return Err(SourceError::over(Limit::RecordBytes, self.limits.record_bytes_max() as u64, Some(self.line)));
        }
        self.text.drain(..self.at);
        self.at = 0;
        self.input.fill(&mut self.text)
    }

    fn batch(&mut self, start: usize) -> Result<RawBatch, SourceError> {
        let text = &self.text[start..];
        let records = &mut self.records;
        let width = self.header.len();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(width);
        for column in 0..width {
            let cell_bytes_max = self.limits.cell_bytes_max;
            let values = csv_scan::gather(text, records, width, column, cell_bytes_max)
                .map_err(|row| SourceError::over(Limit::CellBytes, cell_bytes_max as u64, Some(records.lines[row])))?;
            columns.push(Arc::new(values));
        }
        let values = RecordBatch::try_new(self.schema.clone(), columns).map_err(|_| SourceError::Damaged {
            what: "text",
            detail: "its columns differ in length",
            line: None,
        })?;
        self.limits.check_batch(&mut self.sum, &values)?;
        let lines = std::mem::take(&mut records.lines);
        Ok(RawBatch { values, lines, faults: std::mem::take(&mut records.faults), part: None })
    }
}

impl RawReader for CsvReader {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn header(&self) -> &[String] {
        &self.header
    }

    fn header_line(&self) -> u32 {
        self.header_line
    }

    fn encoding(&self) -> Option<&'static str> {
        Some(self.input.encoding())
    }

    fn next_batch(&mut self) -> Result<Option<RawBatch>, SourceError> {
        loop {
            let is_last = self.input.is_at_end();
            let start = self.at;
            let text = &self.text[start..];
            let width = Some(self.header.len());
            let stop = csv_scan::scan(text, self.dialect, width, BATCH_ROWS_MAX, self.line, is_last, &mut self.records);
            let mut open_quote = None;
            let (taken, line) = match stop {
                Stop::Done { taken, line } => (taken, line),
                Stop::OpenQuote { taken, line, quote_line, quoted_bytes } => {
                    let is_hopeless = is_last || quoted_bytes > self.limits.cell_bytes_max;
                    open_quote = is_hopeless.then_some(SourceError::UnclosedQuote { line: quote_line });
                    (taken, line)
                }
            };
            if let Some(error) = open_quote {
                return Err(error);
            }
            (self.at, self.line) = (start + taken, line);
            if !self.records.lines.is_empty() {
                return self.batch(start).map(Some);
            }
            if is_last && taken == text.len() {
                return Ok(None);
            }
            self.read_on()?;
        }
    }
}
