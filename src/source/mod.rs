//! Reading deliveries: one file per format, each turning a file into batches of text with line numbers.
//!
//! This module owns everything about bytes: which format a file really is, its encoding, where the header
//! stands, and the limits that keep memory bounded whatever a file claims. It knows nothing of contracts:
//! values leave here as the sender's text, unparsed and unjudged.
//!
//! The format is taken from the content first (magic bytes, then the first characters); the extension only names
//! what to expect. A file with the wrong extension is read as what it is, and `RawReader::kind` says what that was.

mod csv;
mod csv_scan;
mod error;
mod header;
mod jsonl;
mod lists;
mod parquet;
mod parquet_guard;
mod sheets;
mod text;
mod xlsx;
mod xlsx_guard;
mod xlsx_plan;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};

pub use error::{Limit, SourceError};
pub use sheets::{CellText, FRAMED_COLUMNS_MAX, FRAMED_ROWS_MAX, RowCells, SheetCells, framed_sheets, sheets};

/// Rows as delivered: every value still the sender's text.
pub struct RawBatch {
    /// All columns Utf8, named as in `RawReader::header`. Null means an empty or missing cell.
    pub values: RecordBatch,
    /// Where each row stands in the file, counted from 1: the physical line a record starts on (text), the sheet
    /// row (workbooks), the record number (Parquet).
    pub lines: Vec<u32>,
    /// What is wrong with single rows before any rule looks at them, in row order.
    pub faults: Vec<RowFault>,
    /// The sheet the rows came from, when they come from several.
    pub part: Option<Arc<str>>,
}

/// A row that could be read only in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Index into the rows of the batch.
    pub row: u32,
    /// Index into the columns of the batch, when the fault is in one cell.
    pub column: Option<u32>,
    pub kind: FaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Fewer fields than the header has; the rest are null.
    TooFewFields { found: u32 },
    /// More fields than the header has; the surplus was not empty and was dropped.
    TooManyFields { found: u32 },
    /// Text follows a closing quote: a quote is missing or too many, and two rows may have become one.
    StrayQuote,
    /// A number of more than 15 digits kept as a binary float by the sender: its last digits cannot be trusted.
    LostDigits,
    /// A formula that ended in an error value such as `#N/A`, or whose result was never calculated.
    FormulaError,
    /// A JSON record names the same field twice.
    DuplicateField,
}

/// Reads one delivery from front to back.
pub trait RawReader: Send {
    /// The name of the kind the file turned out to be, as in `SOURCE_KINDS`.
    fn kind(&self) -> &'static str;
    /// Column names as delivered, outer blanks removed; merged two-row headers as paths such as `房主/姓名`.
    fn header(&self) -> &[String];
    /// The line of the header (its first row if it has two); 0 where a format has none.
    fn header_line(&self) -> u32;
    /// The character encoding, for text formats. Pure ASCII counts as UTF-8.
    fn encoding(&self) -> Option<&'static str>;
    /// The next rows, at most [`BATCH_ROWS_MAX`]; `None` at the end.
    fn next_batch(&mut self) -> Result<Option<RawBatch>, SourceError>;
    /// What of the file was left out, in words for its sender.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}

/// No batch has more rows than this.
pub const BATCH_ROWS_MAX: usize = 65_536;
/// A longer text is not the name of a column.
const NAME_BYTES_MAX: usize = 1_024;
/// Text of one batch, about: a batch ends with the row that goes past it.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// A delivery ready to be read, or why it cannot be.
pub type Opened = Result<Box<dyn RawReader>, SourceError>;

/// One delivery format.
pub struct SourceKind {
    pub name: &'static str,
    /// Usual extensions, lower case, without the dot.
    pub extensions: &'static [&'static str],
    /// How many times its size on disk a file's rows take in memory, about.
    pub growth: u64,
    /// Whether a file beginning with these bytes is of this kind.
    pub matches: fn(&[u8]) -> bool,
    pub open: fn(&Path, &OpenOptions<'_>) -> Opened,
}

/// Every format gridhouse reads, in the order they are tried: the unmistakable ones first, CSV last.
pub static SOURCE_KINDS: &[&SourceKind] = &[&parquet::KIND, &xlsx::KIND, &jsonl::KIND, &csv::KIND];

/// How much a file may ask for. Exceeding a limit is an error, never a silent cut.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Size of the file on disk.
    pub file_bytes_max: u64,
    /// Size of everything a compressed file unpacks to, streamed; and of the text of all rows of any file.
    pub unpacked_bytes_max: u64,
    /// Size of what a format forces us to hold in memory at once: a workbook's shared strings and styles, and the top
    /// rows of its sheets; a page of a Parquet file.
    pub held_bytes_max: u64,
    /// Size of one value. A text record may be 16 times as long.
    pub cell_bytes_max: usize,
    pub columns_max: usize,
    pub rows_max: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            file_bytes_max: 4 << 30,
            unpacked_bytes_max: 2 << 30,
            held_bytes_max: 128 << 20,
            cell_bytes_max: 1 << 20,
            columns_max: 1_000,
            rows_max: 20_000_000,
        }
    }
}

impl Limits {
    fn record_bytes_max(&self) -> usize {
        self.cell_bytes_max.saturating_mul(16)
    }

    /// Counts a batch. A small file can repeat one long text in every row, so text is counted where rows are.
    fn check_batch(&self, sum: &mut Sum, values: &RecordBatch) -> Result<(), SourceError> {
        sum.rows += values.num_rows() as u64;
        for column in values.columns() {
            let offsets = column.as_string::<i32>().value_offsets();
            sum.text_bytes += (offsets[offsets.len() - 1] - offsets[0]) as u64;
        }
        if sum.text_bytes > self.unpacked_bytes_max {
            return Err(SourceError::over(Limit::UnpackedBytes, self.unpacked_bytes_max, None));
        }
        self.check_rows(sum.rows)
    }

    fn check_rows(&self, rows: u64) -> Result<(), SourceError> {
        if rows > self.rows_max {
            return Err(SourceError::over(Limit::Rows, self.rows_max, None));
        }
        Ok(())
    }

    fn check_columns(&self, columns: usize, line: u32) -> Result<(), SourceError> {
        if columns > self.columns_max {
            return Err(SourceError::over(Limit::Columns, self.columns_max as u64, Some(line)));
        }
        Ok(())
    }
}

/// What has been read of a delivery.
#[derive(Default)]
struct Sum {
    rows: u64,
    text_bytes: u64,
}

pub struct OpenOptions<'a> {
    pub limits: Limits,
    /// Whether some contract knows a column by this name; finds the header row under titles and unit lines.
    pub is_known_column: &'a dyn Fn(&str) -> bool,
}

/// Opens a delivery by what its content is.
pub fn open(path: &Path, options: &OpenOptions<'_>) -> Result<Box<dyn RawReader>, SourceError> {
    // Asked before it is opened: opening a pipe waits for somebody to write into it.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(SourceError::NotAFile);
    }
    let mut file = std::fs::File::open(path)?;
    if metadata.len() == 0 {
        return Err(SourceError::Empty);
    }
    if metadata.len() > options.limits.file_bytes_max {
        return Err(SourceError::over(Limit::FileBytes, options.limits.file_bytes_max, None));
    }
    let mut head = Vec::new();
    file.by_ref().take(4096).read_to_end(&mut head)?;
    drop(file);
    if let Some(foreign) = foreign_kind(&head) {
        return Err(foreign);
    }
    let kind = SOURCE_KINDS.iter().find(|kind| (kind.matches)(&head)).ok_or(SourceError::NotText)?;
    (kind.open)(path, options)
}

/// About how much memory a delivery's rows will take, in bytes; 0 if there is no such file.
pub fn held_bytes(path: &Path) -> u64 {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let kind = SOURCE_KINDS.iter().find(|kind| kind.extensions.contains(&extension.as_str()));
    fs_err::metadata(path).map_or(0, |metadata| metadata.len()) * kind.map_or(1, |kind| kind.growth)
}

/// Formats people send by mistake, each with what to do about it.
fn foreign_kind(head: &[u8]) -> Option<SourceError> {
    let known: &[(&[u8], &'static str, &'static str)] = &[
        (b"\xD0\xCF\x11\xE0", "an old .xls or a password-protected workbook", "save it as .xlsx without a password"),
        (b"\x1F\x8B", "a gzip archive", "unpack it first"),
        (b"Rar!", "a RAR archive", "unpack it first"),
        (b"7z\xBC\xAF", "a 7z archive", "unpack it first"),
        (b"BZh", "a bzip2 archive", "unpack it first"),
        (b"\xFD7zXZ", "an xz archive", "unpack it first"),
        (b"\x28\xB5\x2F\xFD", "a zstd archive", "unpack it first"),
        (b"PK\x05\x06", "an empty zip archive", "send the file again"),
        (b"%PDF", "a PDF document", "send the table as .xlsx or .csv"),
        (b"SQLite format 3", "an SQLite database", "export the table as .csv"),
        (b"{\\rtf", "an RTF document", "send the table as .xlsx or .csv"),
    ];
    if let Some((_, what, hint)) = known.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Some(SourceError::Unsupported { what, hint });
    }
    let text = text::significant_start(head);
    let is_markup = |tag: &[u8]| text.get(..tag.len()).is_some_and(|t| t.eq_ignore_ascii_case(tag));
    if [&b"<!doctype"[..], b"<html", b"<?xml", b"<table", b"<meta"].iter().any(|tag| is_markup(tag)) {
        return Some(SourceError::Unsupported {
            what: "a web page or XML",
            hint: "open it in Excel and save it as .xlsx",
        });
    }
    if text.first() == Some(&b'[') && text[1..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') {
        return Some(SourceError::Unsupported { what: "one JSON array", hint: "send JSON Lines: one object per line" });
    }
    None
}

/// A float as a person would write it: no exponent, at most 15 significant digits as spreadsheets show. True if it has
/// more digits before the point than a float is trusted with, as identity numbers typed as numbers do.
fn number_text(value: f64) -> (String, bool) {
    if value.abs() >= 1e15 {
        return (format!("{value:.0}"), true);
    }
    if value.fract() == 0.0 {
        return (format!("{}", value as i64), false);
    }
    let rounded = format!("{value:.14e}").parse().unwrap_or(value);
    (rounded.to_string(), false)
}

#[cfg(test)]
mod tests;
