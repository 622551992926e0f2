//! The fast way for row lists. `rust_xlsxwriter` makes the workbook with its styles, head, foot and print
//! set-up and with the list's first and last row as blanks; this module takes that package apart and puts
//! the rows between them, written straight from Arrow columns. It is the only one that knows the XML.
//!
//! Every cell carries its reference, though the format does not ask for it: files without are half the size,
//! but several readers in offices show them as empty.
//!
//! Cells and styles are those of the plain way ([`super::workbook`] with its rows written), which a test compares.

use std::borrow::Cow;
use std::io::{Read, Write};

use arrow::array::{Array, StringViewArray};
use crc32fast::Hasher;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, DataDescriptorOutput, ZipArchive, ZipArchiveWriter};

use super::LedgerRows;
use crate::report::dataset::Cells;
use crate::report::export::ExportError;
use crate::report::features::Emphasis;
use crate::report::form::Shape;
use crate::report::layout::{CellValue, Ledger, LedgerContent, WorkbookLayout, cell_value, fit_cell, letters};
use crate::report::number::{Format, SUPPRESSED};

/// Of zlib's 1 to 9. Over 10 million cells, 1 took three quarters of the time of 2 for files a quarter larger,
/// and 2 was on a par with libdeflate's 1, which wants a whole sheet in memory.
const COMPRESSION_LEVEL: u32 = 1;
/// Text is packed while it is still in the processor's cache.
const PIECE_BYTES: usize = 128 << 10;
/// The sheet part of a marked workbook is a few kilobytes; much more means the package is not ours.
const MARKED_PART_BYTES_MAX: u64 = 1 << 24;

/// Whether the list has room for the rows that show its styles; a shorter one goes the plain way.
pub(super) fn is_worth_it(ledger: &Ledger) -> bool {
    ledger.row_count as usize > ledger.emphases().len()
}

pub(super) fn write(layout: &WorkbookLayout, out: &mut dyn Write) -> Result<(), ExportError> {
    let package = super::workbook(layout, LedgerRows::Marked)?.save_to_buffer()?;
    let archive = ZipArchive::from_slice(&package[..])?;
    let mut writer = ZipArchiveWriter::new(out);
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry()? {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let part = archive.get_entry(entry.wayfinder())?;
        let ledger = sheet_number(&name)
            .and_then(|number| layout.sheets.get(number)?.ledger.as_ref())
            .filter(|ledger| is_worth_it(ledger));
        let (method, crc, length, data) = match ledger {
            None => {
                (entry.compression_method(), entry.crc32(), entry.uncompressed_size_hint(), Cow::Borrowed(part.data()))
            }
            Some(ledger) => {
                let (packed, crc, length) = with_rows(&inflate(part.data())?, ledger)?.finish()?;
                (CompressionMethod::DEFLATE, crc, length, Cow::Owned(packed))
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

fn inflate(compressed: &[u8]) -> Result<String, ExportError> {
    let mut text = String::new();
    DeflateDecoder::new(compressed).take(MARKED_PART_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// A part of the package while it is written: text comes in, and is packed as soon as there is a piece of it.
struct Part {
    text: Vec<u8>,
    packed: DeflateEncoder<Vec<u8>>,
    crc: Hasher,
    length: u64,
}

impl Part {
    fn new() -> Self {
        let packed = DeflateEncoder::new(Vec::new(), Compression::new(COMPRESSION_LEVEL));
        Self { text: Vec::with_capacity(PIECE_BYTES * 2), packed, crc: Hasher::new(), length: 0 }
    }

    fn pack(&mut self) -> Result<(), ExportError> {
        self.packed.write_all(&self.text)?;
        self.crc.update(&self.text);
        self.length += self.text.len() as u64;
        self.text.clear();
        Ok(())
    }

    /// The packed part with the sum and length of its text.
    fn finish(mut self) -> Result<(Vec<u8>, u32, u64), ExportError> {
        self.pack()?;
        Ok((self.packed.finish()?, self.crc.finalize(), self.length))
    }
}

/// The sheet part with the ledger's rows in place of the marked ones.
fn with_rows(marked: &str, ledger: &Ledger) -> Result<Part, ExportError> {
    let unlike = || ExportError::Package("the sheet part has not the expected rows".into());
    let row_at = |row: u32| -> Option<(usize, usize)> {
        let start = marked.find(&format!("<row r=\"{}\"", row + 1))?;
        Some((start, start + marked[start..].find("</row>")? + "</row>".len()))
    };
    let samples = (ledger.first_row..)
        .zip(ledger.emphases())
        .map(|(row, emphasis)| {
            let (start, end) = row_at(row)?;
            Some((emphasis, Sample::read(&marked[start..end], ledger.columns.len())?))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(unlike)?;
    let (first_start, _) = row_at(ledger.first_row).ok_or_else(unlike)?;
    let (_, last_end) = row_at(ledger.first_row + ledger.row_count - 1).ok_or_else(unlike)?;
    let mut part = Part::new();
    part.text.extend_from_slice(&marked.as_bytes()[..first_start]);
    write_rows(ledger, &samples, &mut part)?;
    part.text.extend_from_slice(&marked.as_bytes()[last_end..]);
    Ok(part)
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

    /// For rows that have a height of their own in place of the sheet's.
    fn attributes_without_height(&self) -> String {
        let kept = self.attributes.split_whitespace();
        kept.filter(|attribute| !attribute.starts_with("ht=") && !attribute.starts_with("customHeight="))
            .map(|attribute| format!(" {attribute}"))
            .collect()
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
            CellValue::Suppressed => return self.write_text(SUPPRESSED, out),
            CellValue::Text(text) => return self.write_text(text, out),
            CellValue::Number(number) => Some(*number),
            CellValue::Date(days) => super::serial_day(*days).map(f64::from),
            CellValue::Instant(micros) => super::serial_instant(*micros),
        };
        match number {
            Some(number) => {
                out.extend_from_slice(&self.number);
                // The shortest text that reads back as the same number, without an exponent.
                out.extend_from_slice(number.to_string().as_bytes());
                out.extend_from_slice(NUMBER_END);
            }
            None => self.write_text(&value.plain(), out),
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

/// `samples` begin with that of rows that do not stand out.
fn write_rows(ledger: &Ledger, samples: &[(Emphasis, Sample<'_>)], part: &mut Part) -> Result<(), ExportError> {
    let pieces_of = |sample: &Sample<'_>| -> Vec<Pieces> {
        let columns = (0..).zip(&ledger.columns).zip(&sample.styles);
        columns.map(|((place, column), style)| Pieces::new(place, style, &column.shape)).collect()
    };
    let Some(((_, sample), emphasised)) = samples.split_first() else { return Ok(()) };
    let columns = pieces_of(sample);
    let emphasised: Vec<(Emphasis, Vec<Pieces>)> =
        emphasised.iter().map(|(emphasis, sample)| (*emphasis, pieces_of(sample))).collect();
    let row_rest = format!("\"{}>", sample.attributes).into_bytes();
    let unsized_attributes = sample.attributes_without_height();
    let has_wrap = ledger.columns.iter().any(|column| column.wrap_width.is_some());
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
                    (Cells::Integer(array), format) if !matches!(format, Format::Text | Format::Wan(_)) => {
                        Lane::Integer(array)
                    }
                    (Cells::Date(array), Format::Date | Format::DateTime) => Lane::Date(array),
                    (cells, _) => Lane::Other(cells),
                },
            })
            .collect();
        for at in 0..batch.num_rows() {
            let out = &mut part.text;
            let digits = row_number.format(row + 1).as_bytes();
            out.extend_from_slice(b"<row r=\"");
            out.extend_from_slice(digits);
            match has_wrap.then(|| ledger.row_height(batch, at)).flatten() {
                None => out.extend_from_slice(&row_rest),
                Some(height) => write!(out, "\"{unsized_attributes} ht=\"{height}\" customHeight=\"1\">")?,
            }
            let in_ledger = (row - ledger.first_row) as usize;
            for (place, (lane, column)) in lanes.iter().zip(&ledger.columns).enumerate() {
                let emphasis = column.emphasis_in(in_ledger);
                let pieces = emphasised.iter().find(|(known, _)| *known == emphasis);
                let pieces = &pieces.map_or(&columns, |(_, pieces)| pieces)[place];
                out.extend_from_slice(&pieces.open);
                out.extend_from_slice(digits);
                match lane {
                    Lane::Text(array) if array.is_valid(at) => pieces.write_text(&fit_cell(array.value(at)), out),
                    Lane::Integer(array) if array.is_valid(at) => pieces.write_integer(array.value(at), out),
                    Lane::Date(array) if array.is_valid(at) => match super::serial_day(array.value(at)) {
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
            if out.len() >= PIECE_BYTES {
                part.pack()?;
            }
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
    if !(is_suspect || has_ef && has_bf) {
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
    fn reads_the_marked_row() {
        let sample = Sample::read(r#"<row r="4" spans="1:2"><c r="A4" s="7"/><c r="B4" s="8"/></row>"#, 2);
        assert!(sample.is_some_and(|sample| sample.attributes == r#" spans="1:2""# && sample.styles == ["7", "8"]));
    }
}
