//! What must be known about a Parquet file before it may be decoded.
//!
//! The sizes in the footer are claims that nothing holds the writer to. What the library allocates is told by the
//! header before each page, so all of them are read here as the library reads them, without the pages themselves; only
//! pages whose unpacker trusts no header are unpacked once more, into nothing.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use ::parquet::basic::{Compression, Encoding, Type};
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use flate2::read::MultiGzDecoder;

use super::{BATCH_BYTES_MAX, Limit, Limits, SourceError};

/// Checks what decoding will take against the limits; gives how many rows may be decoded at once, at most `rows_max`.
/// Rows of a fixed width, and texts stored as what they add to the text before them, take their room before anybody
/// can measure them.
pub(super) fn check(
    file: File,
    metadata: &ParquetMetaData,
    limits: Limits,
    rows_max: usize,
) -> Result<usize, SourceError> {
    let fixed_bytes = fixed_row_bytes(metadata, limits)?;
    let mut pages = Pages { input: BufReader::new(file), limits, unpacked: 0 };
    let mut prefixed: Vec<u64> = vec![0; metadata.file_metadata().schema_descr().num_columns()];
    for row_group in metadata.row_groups() {
        for (chunk, longest) in row_group.columns().iter().zip(&mut prefixed) {
            *longest = pages.check_chunk(chunk)?.max(*longest);
        }
    }
    // A text is at most as long as its page.
    let prefixed_bytes = usize::try_from(prefixed.iter().sum::<u64>()).unwrap_or(usize::MAX);
    let held_bytes_max = usize::try_from(limits.held_bytes_max).unwrap_or(usize::MAX);
    let rows = (BATCH_BYTES_MAX / fixed_bytes.max(1)).min(held_bytes_max / prefixed_bytes.max(1));
    Ok(rows.clamp(1, rows_max))
}

/// The bytes that one row takes in columns of a fixed width.
fn fixed_row_bytes(metadata: &ParquetMetaData, limits: Limits) -> Result<usize, SourceError> {
    let mut sum = 0_usize;
    for column in metadata.file_metadata().schema_descr().columns() {
        if column.physical_type() == Type::FIXED_LEN_BYTE_ARRAY {
            let width = usize::try_from(column.type_length()).unwrap_or(usize::MAX);
            if width > limits.cell_bytes_max {
                return Err(SourceError::over(Limit::CellBytes, limits.cell_bytes_max as u64, None));
            }
            sum = sum.saturating_add(width);
        }
    }
    if sum > limits.record_bytes_max() {
        return Err(SourceError::over(Limit::RecordBytes, limits.record_bytes_max() as u64, None));
    }
    Ok(sum)
}

fn broken(detail: &'static str) -> SourceError {
    SourceError::Damaged { what: "Parquet file", detail, line: None }
}

fn broken_header() -> SourceError {
    broken("the header of a page cannot be decoded")
}

/// The pages of all columns, one after the other.
struct Pages {
    input: BufReader<File>,
    limits: Limits,
    unpacked: u64,
}

impl Pages {
    /// Checks the pages of a column in one row group; gives the size of the largest whose texts lean on each other.
    fn check_chunk(&mut self, chunk: &ColumnChunkMetaData) -> Result<u64, SourceError> {
        let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        let (Ok(start), Ok(mut left)) = (u64::try_from(start), u64::try_from(chunk.compressed_size())) else {
            return Err(broken("a column begins outside of the file"));
        };
        self.input.seek(SeekFrom::Start(start))?;
        let mut longest_prefixed = 0;
        while left > 0 {
            let mut thrift = Thrift { input: (&mut self.input).take(left) };
            let page = thrift.page()?;
            left = thrift.input.limit().checked_sub(page.packed).ok_or_else(broken_header)?;
            let bytes = page.unpacked.max(page.packed);
            if bytes > self.limits.held_bytes_max {
                return Err(SourceError::over(Limit::HeldBytes, self.limits.held_bytes_max, None));
            }
            // One more, or pages of nothing could be listed without end.
            self.unpacked += bytes + 1;
            if self.unpacked > self.limits.unpacked_bytes_max {
                return Err(SourceError::over(Limit::UnpackedBytes, self.limits.unpacked_bytes_max, None));
            }
            self.pass(&page, chunk.compression())?;
            if page.is_prefixed {
                longest_prefixed = bytes.max(longest_prefixed);
            }
        }
        Ok(longest_prefixed)
    }

    /// Moves behind a page. The other unpackers are given its size and write no more than that.
    fn pass(&mut self, page: &Page, compression: Compression) -> Result<(), SourceError> {
        /// How many bytes one byte of LZ4 can stand for.
        const LZ4_RATIO_MAX: u64 = 255;
        match compression {
            Compression::BROTLI(_) => return Err(broken("it uses an encoding or compression that is not supported")),
            Compression::LZ4 if page.packed * LZ4_RATIO_MAX > self.limits.unpacked_bytes_max => {
                return Err(SourceError::over(Limit::UnpackedBytes, self.limits.unpacked_bytes_max, None));
            }
            Compression::GZIP(_) if page.is_packed => return self.pass_gzip(page),
            _ => {}
        }
        self.skip(page.packed)
    }

    fn pass_gzip(&mut self, page: &Page) -> Result<(), SourceError> {
        let start = self.input.stream_position()?;
        self.skip(page.level_bytes)?;
        let packed = (&mut self.input).take(page.packed.saturating_sub(page.level_bytes));
        let allowed = page.unpacked.saturating_sub(page.level_bytes);
        let mut unpacked = MultiGzDecoder::new(packed).take(allowed + 1);
        // What does not unpack at all is told when it is read.
        if io::copy(&mut unpacked, &mut io::sink()).is_ok_and(|bytes| bytes > allowed) {
            return Err(broken("a page unpacks to more than it says"));
        }
        self.input.seek(SeekFrom::Start(start + page.packed))?;
        Ok(())
    }

    fn skip(&mut self, bytes: u64) -> Result<(), SourceError> {
        self.input.seek_relative(i64::try_from(bytes).map_err(|_| broken_header())?)?;
        Ok(())
    }
}

/// What the header of a page says.
#[derive(Default)]
struct Page {
    unpacked: u64,
    /// Bytes in the file.
    packed: u64,
    /// Bytes before the packed values that are never packed.
    level_bytes: u64,
    is_packed: bool,
    /// Whether texts are stored as what they add to the text before them.
    is_prefixed: bool,
}

/// Reads the compact Thrift protocol, as far as page headers go. A header that is not exactly as the standard has it is
/// refused: the library takes a field by its number, whatever its type, and might read it otherwise.
struct Thrift<R> {
    input: R,
}

/// Types of fields. A truth value is its own type.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const INT: u8 = 5;
const BINARY: u8 = 8;
const STRUCT: u8 = 12;
/// Structures in structures: statistics in the header of a page, with room to spare.
const DEPTH_MAX: usize = 8;

impl<R: Read> Thrift<R> {
    fn page(&mut self) -> Result<Page, SourceError> {
        let mut page = Page { is_packed: true, ..Page::default() };
        let (mut unpacked, mut packed) = (None, None);
        let mut last = 0;
        while let Some((field, kind)) = self.field(last)? {
            match (field, kind) {
                // The type of the page and its checksum.
                (1 | 4, INT) => _ = self.int()?,
                (2, INT) => unpacked = u64::try_from(self.int()?).ok(),
                (3, INT) => packed = u64::try_from(self.int()?).ok(),
                (5, STRUCT) => self.data_page(&mut page)?,
                (6, STRUCT) => self.skip(STRUCT, DEPTH_MAX)?,
                (7, STRUCT) => self.numbers(2, |_, _| ())?,
                (8, STRUCT) => self.data_page_v2(&mut page)?,
                (1..=8, _) => return Err(broken_header()),
                _ => self.skip(kind, DEPTH_MAX)?,
            }
            last = field;
        }
        (page.unpacked, page.packed) = unpacked.zip(packed).ok_or_else(broken_header)?;
        Ok(page)
    }

    fn data_page(&mut self, page: &mut Page) -> Result<(), SourceError> {
        self.numbers(4, |field, value| {
            if field == 2 {
                page.is_prefixed = value == Encoding::DELTA_BYTE_ARRAY as i32;
            }
        })
    }

    fn data_page_v2(&mut self, page: &mut Page) -> Result<(), SourceError> {
        let (mut definition, mut repetition) = (0, 0);
        self.numbers(6, |field, value| match field {
            4 => page.is_prefixed = value == Encoding::DELTA_BYTE_ARRAY as i32,
            5 => definition = value,
            6 => repetition = value,
            7 => page.is_packed = value == 1,
            _ => {}
        })?;
        page.level_bytes = u64::try_from(i64::from(definition) + i64::from(repetition)).map_err(|_| broken_header())?;
        Ok(())
    }

    /// Reads a structure whose first fields are `count` numbers; truth values come as 0 and 1, the rest is passed over.
    fn numbers(&mut self, count: i16, mut take: impl FnMut(i16, i32)) -> Result<(), SourceError> {
        let mut last = 0;
        while let Some((field, kind)) = self.field(last)? {
            match kind {
                INT if (1..=count).contains(&field) => take(field, self.int()?),
                _ if (1..=count).contains(&field) => return Err(broken_header()),
                TRUE | FALSE => take(field, i32::from(kind == TRUE)),
                _ => self.skip(kind, DEPTH_MAX)?,
            }
            last = field;
        }
        Ok(())
    }

    /// Number and type of the next field; `None` at the end of the structure.
    fn field(&mut self, last: i16) -> Result<Option<(i16, u8)>, SourceError> {
        let head = self.byte()?;
        let (step, kind) = (i16::from(head >> 4), head & 15);
        if kind == 0 {
            return Ok(None);
        }
        let field = match step {
            0 => i16::try_from(self.int()?).ok(),
            _ => last.checked_add(step),
        };
        Ok(Some((field.ok_or_else(broken_header)?, kind)))
    }

    /// Passes over a value. Page headers hold no lists.
    fn skip(&mut self, kind: u8, depth: usize) -> Result<(), SourceError> {
        match kind {
            TRUE | FALSE => Ok(()),
            3 => self.skip_bytes(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.skip_bytes(8),
            BINARY => {
                let length = self.varint()?;
                self.skip_bytes(length)
            }
            STRUCT if depth > 0 => {
                while let Some((_, kind)) = self.field(0)? {
                    self.skip(kind, depth - 1)?;
                }
                Ok(())
            }
            _ => Err(broken_header()),
        }
    }

    fn skip_bytes(&mut self, count: u64) -> Result<(), SourceError> {
        let skipped = io::copy(&mut (&mut self.input).take(count), &mut io::sink())?;
        if skipped == count { Ok(()) } else { Err(broken_header()) }
    }

    fn int(&mut self) -> Result<i32, SourceError> {
        let bits = self.varint()?;
        // Zigzag: the lowest bit is the sign.
        let value = (bits >> 1) as i64 ^ -((bits & 1) as i64);
        i32::try_from(value).map_err(|_| broken_header())
    }

    fn varint(&mut self) -> Result<u64, SourceError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(broken_header())
    }

    fn byte(&mut self) -> Result<u8, SourceError> {
        let mut byte = [0];
        self.input.read_exact(&mut byte).map_err(|_| broken_header())?;
        Ok(byte[0])
    }
}
