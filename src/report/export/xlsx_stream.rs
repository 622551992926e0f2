//! The fast way for row lists. `rust_xlsxwriter` makes the workbook with its styles, head, foot and print
//! set-up and with the list's first and last row as blanks; this module takes that package apart and puts
//! the rows between them, written straight from Arrow columns. It is the only one that knows the XML.
//!
//! Cells and styles are those of the plain way ([`super::xlsx`] with its rows written), which a test compares.

use std::borrow::Cow;
use std::io::Write;

use arrow::array::{Array, StringViewArray};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use libdeflater::{CompressionLvl, Compressor, Crc, Decompressor};
use rawzip::{CompressionMethod, DataDescriptorOutput, ZipArchive, ZipArchiveWriter};

use super::ExportError;
use super::xlsx::{self, LedgerRows};
use crate::report::dataset::Cells;
use crate::report::form::Shape;
use crate::report::layout::{CellValue, Ledger, LedgerContent, WorkbookLayout, cell_value, fit_cell, letters};
use crate::report::number::Format;

/// Of libdeflate's 1 to 12.
const COMPRESSION_LEVEL: i32 = 1;
/// Of zlib's 1 to 9, for sheets too large to be packed in one go.
const PIECEWISE_LEVEL: u32 = 2;
/// Up to this size a sheet is packed in one go, which is faster; two workers hold two of them.
const WHOLE_BYTES_MAX: usize = 64 << 20;
const PIECE_BYTES: usize = 1 << 20;
/// The sheet part of a marked workbook is a few kilobytes; much more means the package is not ours.
const MARKED_PART_BYTES_MAX: u64 = 1 << 24;
/// What a cell takes in XML, to choose the way of packing; a guess that need not hold.
const CELL_BYTES_USUAL: usize = 64;

pub(super) fn write(layout: &WorkbookLayout, out: &mut dyn Write) -> Result<(), ExportError> {
    let package = xlsx::workbook(layout, LedgerRows::Marked)?.save_to_buffer()?;
    let archive = ZipArchive::from_slice(&package[..])?;
    let mut writer = ZipArchiveWriter::new(out);
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry()? {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let part = archive.get_entry(entry.wayfinder())?;
        let ledger = sheet_number(&name)
            .and_then(|number| layout.sheets.get(number)?.ledger.as_ref())
            .filter(|ledger| ledger.row_count > 0);
        let (method, crc, length, data) = match ledger {
            None => {
                (entry.compression_method(), entry.crc32(), entry.uncompressed_size_hint(), Cow::Borrowed(part.data()))
            }
            Some(ledger) => {
                let packed = with_rows(&inflate(part.data(), entry.uncompressed_size_hint())?, ledger)?;
                (CompressionMethod::DEFLATE, packed.crc, packed.length, Cow::Owned(packed.data))
            }
        };
        let (mut copy, _) = writer.new_file(&*name).compression_method(method).start()?;
        copy.write_all(&data)?;
        copy.finish(DataDescriptorOutput::new(crc, length))?;
    }
    writer.finish()?;
    Ok(())
}

/// 0 for `xl/worksheets/sheet1.xml`.
fn sheet_number(part: &str) -> Option<usize> {
    part.strip_prefix("xl/worksheets/sheet")?.strip_suffix(".xml")?.parse::<usize>().ok()?.checked_sub(1)
}

fn inflate(compressed: &[u8], length: u64) -> Result<Vec<u8>, ExportError> {
    let length = usize::try_from(length.min(MARKED_PART_BYTES_MAX)).unwrap_or(0);
    let mut plain = vec![0; length];
    let written = Decompressor::new()
        .deflate_decompress(compressed, &mut plain)
        .map_err(|error| ExportError::Package(format!("a part cannot be read back: {error}")))?;
    plain.truncate(written);
    Ok(plain)
}

fn deflate(plain: &[u8]) -> Result<Vec<u8>, ExportError> {
    let mut compressor = Compressor::new(CompressionLvl::new(COMPRESSION_LEVEL).unwrap_or_default());
    let mut compressed = vec![0; compressor.deflate_compress_bound(plain.len())];
    let written = compressor
        .deflate_compress(plain, &mut compressed)
        .map_err(|error| ExportError::Package(format!("a part cannot be packed: {error}")))?;
    compressed.truncate(written);
    Ok(compressed)
}

/// A part as it stands in the package.
struct Packed {
    data: Vec<u8>,
    crc: u32,
    length: u64,
}

/// Takes a part's text bit by bit, and packs it at the end or as it comes.
enum Packer {
    Whole,
    Pieces { encoder: DeflateEncoder<Vec<u8>>, crc: Crc, length: u64 },
}

impl Packer {
    fn new(bytes_expected: usize) -> Self {
        if bytes_expected <= WHOLE_BYTES_MAX {
            return Self::Whole;
        }
        Self::Pieces {
            encoder: DeflateEncoder::new(Vec::new(), Compression::new(PIECEWISE_LEVEL)),
            crc: Crc::new(),
            length: 0,
        }
    }

    /// Empties `text` when enough has come together.
    fn take(&mut self, text: &mut Vec<u8>, at_least: usize) -> Result<(), ExportError> {
        let Self::Pieces { encoder, crc, length } = self else { return Ok(()) };
        if text.len() >= at_least {
            encoder.write_all(text)?;
            crc.update(text);
            *length += text.len() as u64;
            text.clear();
        }
        Ok(())
    }

    fn finish(mut self, mut text: Vec<u8>) -> Result<Packed, ExportError> {
        self.take(&mut text, 0)?;
        match self {
            Self::Pieces { encoder, crc, length } => Ok(Packed { data: encoder.finish()?, crc: crc.sum(), length }),
            Self::Whole => {
                Ok(Packed { data: deflate(&text)?, crc: libdeflater::crc32(&text), length: text.len() as u64 })
            }
        }
    }
}

/// The sheet part with the ledger's rows in place of the marked ones.
fn with_rows(marked: &[u8], ledger: &Ledger) -> Result<Packed, ExportError> {
    let unlike = || ExportError::Package("the sheet part has not the expected rows".into());
    let marked = std::str::from_utf8(marked).map_err(|_| unlike())?;
    let row_at = |row: u32| -> Option<(usize, usize)> {
        let start = marked.find(&format!("<row r=\"{}\"", row + 1))?;
        Some((start, start + marked[start..].find("</row>")? + "</row>".len()))
    };
    let (first_start, first_end) = row_at(ledger.first_row).ok_or_else(unlike)?;
    let (_, last_end) = row_at(ledger.first_row + ledger.row_count - 1).ok_or_else(unlike)?;
    let sample = Sample::read(&marked[first_start..first_end], ledger.columns.len()).ok_or_else(unlike)?;

    let cells = ledger.columns.len() * usize::try_from(ledger.row_count).unwrap_or(0);
    let bytes_expected = marked.len() + cells * CELL_BYTES_USUAL;
    let mut packer = Packer::new(bytes_expected);
    let mut text = Vec::with_capacity(if matches!(packer, Packer::Whole) { bytes_expected } else { PIECE_BYTES * 2 });
    text.extend_from_slice(&marked.as_bytes()[..first_start]);
    write_rows(ledger, &sample, &mut text, &mut packer)?;
    text.extend_from_slice(&marked.as_bytes()[last_end..]);
    packer.finish(text)
}

/// What the marked row tells about every row: the attributes after its number, and a style per column.
struct Sample<'a> {
    attributes: &'a str,
    styles: Vec<&'a str>,
}

impl<'a> Sample<'a> {
    /// Reads `<row r="4" spans="1:2"><c r="A4" s="7"/><c r="B4" s="8"/></row>`.
    fn read(row: &'a str, columns: usize) -> Option<Self> {
        let attributes = row.strip_prefix("<row r=\"")?.split_once('"')?.1.split_once('>')?.0;
        let styles: Vec<&str> =
            row.split("<c ").skip(1).filter_map(|cell| Some(cell.split_once(" s=\"")?.1.split_once('"')?.0)).collect();
        (styles.len() == columns).then_some(Self { attributes, styles })
    }
}

/// The fixed pieces of a column's cells; between the first and the others stands the row number.
struct Pieces {
    open: Vec<u8>,
    blank: Vec<u8>,
    number: Vec<u8>,
    text: Vec<u8>,
    kept_text: Vec<u8>,
    /// The whole rest of a cell whose value is null.
    null: Vec<u8>,
}

const NUMBER_END: &[u8] = b"</v></c>";
const TEXT_END: &[u8] = b"</t></is></c>";

impl Pieces {
    fn new(column: u16, style: &str, shape: &Shape) -> Self {
        let blank = format!("\" s=\"{style}\"/>").into_bytes();
        let text = format!("\" s=\"{style}\" t=\"inlineStr\"><is><t>").into_bytes();
        let mut null = blank.clone();
        if !shape.empty.is_empty() {
            null.clone_from(&text);
            escape(&shape.empty, &mut null);
            null.extend_from_slice(TEXT_END);
        }
        Self {
            open: format!("<c r=\"{}", letters(column)).into_bytes(),
            number: format!("\" s=\"{style}\"><v>").into_bytes(),
            kept_text: format!("\" s=\"{style}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">").into_bytes(),
            blank,
            text,
            null,
        }
    }

    fn write_text(&self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return out.extend_from_slice(&self.blank);
        }
        let is_edge = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t' | b'\n'));
        let has_edge = is_edge(text.as_bytes().first()) || is_edge(text.as_bytes().last());
        out.extend_from_slice(if has_edge { &self.kept_text } else { &self.text });
        escape(text, out);
        out.extend_from_slice(TEXT_END);
    }

    fn write_integer(&self, integer: i64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number);
        out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
        out.extend_from_slice(NUMBER_END);
    }

    fn write_value(&self, value: &CellValue, out: &mut Vec<u8>) {
        let number = match value {
            CellValue::Blank => return out.extend_from_slice(&self.blank),
            CellValue::Text(text) => return self.write_text(text, out),
            CellValue::Number(number) => Some(*number),
            CellValue::Date(days) => xlsx::serial_day(*days).map(f64::from),
            CellValue::Instant(micros) => xlsx::serial_instant(*micros),
        };
        match number {
            Some(number) => {
                out.extend_from_slice(&self.number);
                // The shortest text that reads back as the same number, without an exponent.
                out.extend_from_slice(number.to_string().as_bytes());
                out.extend_from_slice(NUMBER_END);
            }
            None => self.write_text(&value.to_string(), out),
        }
    }
}

/// The columns of one batch, sorted by how their cells are written.
enum Lane<'a> {
    Text(&'a StringViewArray),
    Integer(&'a arrow::array::Int64Array),
    Date(&'a arrow::array::Date32Array),
    RowNumber,
    Blank,
    /// Rarer pairs of type and format take the plain way.
    Other(Cells<'a>),
}

fn write_rows(ledger: &Ledger, sample: &Sample<'_>, out: &mut Vec<u8>, packer: &mut Packer) -> Result<(), ExportError> {
    let columns: Vec<Pieces> = (0..)
        .zip(&ledger.columns)
        .zip(&sample.styles)
        .map(|((place, column), style)| Pieces::new(place, style, &column.shape))
        .collect();
    let row_rest = format!("\"{}>", sample.attributes).into_bytes();
    let mut row_number = itoa::Buffer::new();
    let mut row = ledger.first_row;
    for batch in &ledger.batches {
        let lanes: Vec<Lane<'_>> = ledger
            .columns
            .iter()
            .map(|column| match column.content {
                LedgerContent::RowNumber => Lane::RowNumber,
                LedgerContent::Blank => Lane::Blank,
                LedgerContent::Bound(source) => match (Cells::of(batch.column(source)), column.shape.format) {
                    (Cells::Text(array), _) => Lane::Text(array),
                    (Cells::Integer(array), format) if format != Format::Text => Lane::Integer(array),
                    (Cells::Date(array), Format::Date | Format::DateTime) => Lane::Date(array),
                    (cells, _) => Lane::Other(cells),
                },
            })
            .collect();
        for at in 0..batch.num_rows() {
            let digits = row_number.format(row + 1).as_bytes();
            out.extend_from_slice(b"<row r=\"");
            out.extend_from_slice(digits);
            out.extend_from_slice(&row_rest);
            for ((lane, pieces), column) in lanes.iter().zip(&columns).zip(&ledger.columns) {
                out.extend_from_slice(&pieces.open);
                out.extend_from_slice(digits);
                match lane {
                    Lane::Text(array) if array.is_valid(at) => pieces.write_text(&fit_cell(array.value(at)), out),
                    Lane::Integer(array) if array.is_valid(at) => pieces.write_integer(array.value(at), out),
                    Lane::Date(array) if array.is_valid(at) => match xlsx::serial_day(array.value(at)) {
                        Some(serial) => pieces.write_integer(i64::from(serial), out),
                        None => pieces.write_value(&CellValue::Date(array.value(at)), out),
                    },
                    Lane::RowNumber => pieces.write_integer(
                        i64::try_from(ledger.first_number).unwrap_or(0) + i64::from(row - ledger.first_row),
                        out,
                    ),
                    Lane::Blank => out.extend_from_slice(&pieces.blank),
                    Lane::Other(cells) => pieces.write_value(&cell_value(&cells.value(at), &column.shape), out),
                    _ => out.extend_from_slice(&pieces.null),
                }
            }
            out.extend_from_slice(b"</row>");
            row += 1;
            packer.take(out, PIECE_BYTES)?;
        }
    }
    Ok(())
}

/// XML escapes, control characters as `_x001F_`, and text that looks like such an escape with its first
/// underscore escaped, as spreadsheets and `rust_xlsxwriter` do.
fn escape(text: &str, out: &mut Vec<u8>) {
    // One pass without branches finds the usual case: nothing to escape. 0xEF leads U+FFFE and U+FFFF, and 0xBF
    // has to follow it; both together are rare enough to look closer.
    let mut is_suspect = false;
    let (mut has_ef, mut has_bf) = (false, false);
    for byte in text.bytes() {
        is_suspect |= (byte < 0x20) | (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'_');
        has_ef |= byte == 0xEF;
        has_bf |= byte == 0xBF;
    }
    if !is_suspect && !(has_ef && has_bf) {
        return out.extend_from_slice(text.as_bytes());
    }
    for (at, sign) in text.char_indices() {
        match sign {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '_' if looks_escaped(&text.as_bytes()[at..]) => out.extend_from_slice(b"_x005F_"),
            '\t' | '\n' => out.push(sign as u8),
            '\0'..='\x1F' | '\u{FFFE}' | '\u{FFFF}' => {
                out.extend_from_slice(format!("_x{:04X}_", u32::from(sign)).as_bytes())
            }
            _ => out.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Whether the bytes begin like `_x001F_`.
fn looks_escaped(bytes: &[u8]) -> bool {
    matches!(bytes, [b'_', b'x', digits @ .., ] if digits.len() >= 5 && digits[4] == b'_' && digits[..4].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_a_sheet_cannot_hold() {
        for (text, expected) in [
            ("芙蓉北路（1）号", "芙蓉北路（1）号"),
            ("a<b>&c", "a&lt;b&gt;&amp;c"),
            ("\u{1}\r\n\t", "_x0001__x000D_\n\t"),
            ("_x0041_ _x00", "_x005F_x0041_ _x00"),
            ("\u{FFFE}", "_xFFFE_"),
            ("_", "_"),
        ] {
            let mut out = Vec::new();
            escape(text, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn both_ways_of_packing_hold_the_same_text() -> Result<(), ExportError> {
        let text: Vec<u8> = (0..3 * PIECE_BYTES).map(|at| b"<c r=\"A1\"/>"[at % 11]).collect();
        let whole = Packer::new(0).finish(text.clone())?;
        let mut packer = Packer::new(usize::MAX);
        let mut piece = Vec::new();
        for part in text.chunks(1000) {
            piece.extend_from_slice(part);
            packer.take(&mut piece, PIECE_BYTES)?;
        }
        let pieces = packer.finish(piece)?;
        assert_eq!((whole.crc, whole.length), (pieces.crc, pieces.length));
        assert_eq!(inflate(&whole.data, whole.length)?, inflate(&pieces.data, pieces.length)?);
        Ok(())
    }

    #[test]
    fn reads_the_marked_row() {
        let sample = Sample::read(r#"<row r="4" spans="1:2"><c r="A4" s="7"/><c r="B4" s="8"/></row>"#, 2);
        assert!(sample.is_some_and(|sample| sample.attributes == r#" spans="1:2""# && sample.styles == ["7", "8"]));
    }
}
