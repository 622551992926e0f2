//! Finding the fields of delimited text, and copying them into Arrow columns.
//!
//! Two passes over a block that sits in the cache. `scan` notes where each field lies; it looks at 64 bytes at a
//! time, turning them into a bit mask of delimiters, line ends and quotes. `gather` then
//! copies one column after the other. UTF-8 is validated once, by Arrow, over a whole column.
//!
//! Quoting follows RFC 4180 as the `csv` crate reads it: a quote opens a quoted field only at the field's start, a
//! doubled quote inside stands for one, and what follows a closing quote up to the delimiter is taken as it is, but
//! marked.

use arrow::array::StringArray;
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use super::{FaultKind, RowFault};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// `\n`, or `\r` in files that have no other line end. A `\r` before `\n` never belongs to the value.
    pub(super) line_end: u8,
}

/// Where a field lies in the scanned text. `end` has `ESCAPED` set if doubled quotes must be undone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    start: u32,
    end: u32,
}

const ESCAPED: u32 = 1 << 31;
const NOTHING: Field = Field { start: 0, end: 0 };

impl Field {
    fn len(self) -> usize {
        ((self.end & !ESCAPED) - self.start) as usize
    }

    fn is_escaped(self) -> bool {
        self.end & ESCAPED != 0
    }

    fn bytes(self, text: &[u8]) -> &[u8] {
        &text[self.start as usize..(self.end & !ESCAPED) as usize]
    }
}

/// Complete records found in a piece of text.
#[derive(Default)]
pub(super) struct Records {
    /// Fields row by row; every row has `width` of them once a width is set.
    pub(super) fields: Vec<Field>,
    /// Index into `fields` where each row ends; only filled while the width is not known yet.
    pub(super) row_ends: Vec<usize>,
    pub(super) lines: Vec<u32>,
    pub(super) faults: Vec<RowFault>,
}

impl Records {
    fn clear(&mut self) {
        self.fields.clear();
        self.row_ends.clear();
        self.lines.clear();
        self.faults.clear();
    }
}

pub(super) enum Stop {
    /// The text ended, or the row limit was reached; what follows `taken` is not scanned yet.
    Done { taken: usize, line: u32 },
    /// The quote opened on this line is not closed before the end of the text.
    OpenQuote { taken: usize, line: u32, quote_line: u32, quoted_bytes: usize },
}

/// Scans `text` from its start, which must be the start of a record on line `line`. With `width`, rows are padded or
/// cut to it and marked. Without `is_last`, a final record without line end is left for the next call.
pub(super) fn scan(
    text: &[u8],
    dialect: Dialect,
    width: Option<usize>,
    rows_max: usize,
    mut line: u32,
    is_last: bool,
    records: &mut Records,
) -> Stop {
    records.clear();
    let mut row_start = 0; // where the current record begins in `text`
    let mut row_first = 0; // its first field in `records.fields`
    let mut row_line = line;
    let mut field_start = 0;
    let mut has_stray_quote = false;
    let mut marks = Marks::new(text, dialect);
    loop {
        let at = marks.next();
        let at_end = at.is_none();
        if at_end && (!is_last || row_start == text.len()) {
            records.fields.truncate(row_first);
            return Stop::Done { taken: row_start, line: row_line };
        }
        let at = at.unwrap_or(text.len());
        let byte = text.get(at).copied().unwrap_or(dialect.line_end);
        if byte == b'"' {
            if at != field_start {
                continue;
            }
            match quoted(text, at, dialect, is_last) {
                Some(found) => {
                    records.fields.push(found.field);
                    line += found.line_ends;
                    has_stray_quote |= found.has_tail;
                    // The delimiter or line end after the field is handled below, as for a plain field.
                    field_start = found.next;
                }
                None => {
                    records.fields.truncate(row_first);
                    let quoted_bytes = text.len() - at;
                    return Stop::OpenQuote { taken: row_start, line: row_line, quote_line: line, quoted_bytes };
                }
            }
            let Some(byte) = text.get(field_start).copied() else {
                // Nothing follows the closing quote: the last record of the file.
                line += 1;
                end_row(records, row_first, width, row_line, has_stray_quote);
                return Stop::Done { taken: text.len(), line };
            };
            field_start += 1;
            marks.jump(field_start);
            if byte == dialect.delimiter {
                continue;
            }
        } else {
            let mut end = at;
            if byte == dialect.line_end {
                if end > field_start && text[end - 1] == b'\r' {
                    end -= 1;
                }
                let is_blank = row_first == records.fields.len() && end == field_start;
                if is_blank && !at_end {
                    line += 1;
                    (row_start, field_start, row_line) = (at + 1, at + 1, line);
                    continue;
                }
            }
            if !(at_end && end == field_start && row_first == records.fields.len()) {
                records.fields.push(Field { start: field_start as u32, end: end as u32 });
            }
            field_start = at + 1;
            if byte == dialect.delimiter && !at_end {
                continue;
            }
        }
        // A record ended.
        line += 1;
        end_row(records, row_first, width, row_line, std::mem::take(&mut has_stray_quote));
        (row_start, row_first, row_line) = (field_start.min(text.len()), records.fields.len(), line);
        if at_end || records.lines.len() >= rows_max {
            return Stop::Done { taken: row_start, line };
        }
    }
}

/// Closes the row whose fields begin at `first`: drops it if it is empty, else gives it the wanted width.
fn end_row(records: &mut Records, first: usize, width: Option<usize>, line: u32, has_stray_quote: bool) {
    let fields = &mut records.fields;
    let found = fields.len() - first;
    let Some(width) = width else {
        if found > 0 {
            records.row_ends.push(fields.len());
            records.lines.push(line);
        }
        return;
    };
    if fields[first..].iter().all(|f| f.len() == 0) {
        fields.truncate(first);
        return;
    }
    let row = records.lines.len() as u32;
    if has_stray_quote {
        records.faults.push(RowFault { row, column: None, kind: FaultKind::StrayQuote });
    }
    if found != width {
        let mut fault = |kind| records.faults.push(RowFault { row, column: None, kind });
        if found < width {
            fault(FaultKind::TooFewFields { found: found as u32 });
        } else if fields[first + width..].iter().any(|f| f.len() > 0) {
            fault(FaultKind::TooManyFields { found: found as u32 });
        }
        fields.resize(first + width, NOTHING);
    }
    records.lines.push(line);
}

struct Quoted {
    field: Field,
    /// The delimiter or line end after the field.
    next: usize,
    line_ends: u32,
    /// Something other than blanks stands between the closing quote and `next`.
    has_tail: bool,
}

/// Reads the field whose opening quote stands at `open`; `None` if the text ends before it is complete.
fn quoted(text: &[u8], open: usize, dialect: Dialect, is_last: bool) -> Option<Quoted> {
    let mut at = open + 1;
    let mut is_escaped = false;
    let close = loop {
        let quote = at + memchr::memchr(b'"', &text[at..])?;
        match text.get(quote + 1) {
            Some(b'"') => (is_escaped, at) = (true, quote + 2),
            None if !is_last => return None,
            _ => break quote,
        }
    };
    let line_ends = memchr::memchr_iter(dialect.line_end, &text[open..close]).count() as u32;
    let tail = &text[close + 1..];
    let next = match memchr::memchr2(dialect.delimiter, dialect.line_end, tail) {
        Some(length) => close + 1 + length,
        None if is_last => text.len(),
        None => return None,
    };
    let is_line_end = text.get(next) != Some(&dialect.delimiter);
    let tail_end = if is_line_end && next > close + 1 && text[next - 1] == b'\r' { next - 1 } else { next };
    let has_tail = !text[close + 1..tail_end].trim_ascii().is_empty();
    let (start, end) = if tail_end > close + 1 {
        // Text after the closing quote: keep the quotes in the range and let `unescape` drop them.
        is_escaped = true;
        (open, tail_end)
    } else if is_escaped {
        (open, close + 1)
    } else {
        (open + 1, close)
    };
    let end = end as u32 | if is_escaped { ESCAPED } else { 0 };
    Some(Quoted { field: Field { start: start as u32, end }, next, line_ends, has_tail })
}

/// Writes the value of a quoted field given with its opening quote; returns its length, which is never more.
fn unescape(raw: &[u8], into: &mut [u8]) -> usize {
    let (mut rest, mut end) = (&raw[1..], 0);
    let mut write = |part: &[u8]| {
        into[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    };
    while let Some(quote) = memchr::memchr(b'"', rest) {
        write(&rest[..quote]);
        rest = &rest[quote + 1..];
        if rest.first() != Some(&b'"') {
            break;
        }
        write(b"\"");
        rest = &rest[1..];
    }
    write(rest);
    end
}

/// The positions of delimiters, line ends and quotes in a text.
struct Marks<'t> {
    text: &'t [u8],
    wanted: [u8; 2],
    /// Start of the 64 bytes that `mask` describes.
    base: usize,
    mask: u64,
}

impl<'t> Marks<'t> {
    fn new(text: &'t [u8], dialect: Dialect) -> Marks<'t> {
        let mut marks = Marks { text, wanted: [dialect.delimiter, dialect.line_end], base: 0, mask: 0 };
        marks.mask = marks.mask_at(0);
        marks
    }

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            self.base += 64;
            if self.base >= self.text.len() {
                return None;
            }
            self.mask = self.mask_at(self.base);
        }
        let at = self.base + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(at)
    }

    /// Continues at `at`, which lies ahead.
    fn jump(&mut self, at: usize) {
        let base = at & !63;
        if base != self.base {
            self.base = base;
            self.mask = self.mask_at(base);
        }
        self.mask &= u64::MAX << (at - base);
    }

    #[inline]
    fn mask_at(&self, base: usize) -> u64 {
        if let Some(chunk) = self.text.get(base..base + 64).and_then(|c| <&[u8; 64]>::try_from(c).ok()) {
            return self.mask_of(chunk);
        }
        let tail = self.text.get(base..).unwrap_or_default();
        let mut chunk = [0; 64];
        chunk[..tail.len()].copy_from_slice(tail);
        self.mask_of(&chunk)
    }

    #[inline]
    fn mask_of(&self, chunk: &[u8; 64]) -> u64 {
        // One byte per sign, 1 for a hit: simple enough for the compiler to compare 16 signs at a time.
        let [delimiter, line_end] = self.wanted;
        let mut hits = [0; 64];
        for (hit, byte) in hits.iter_mut().zip(chunk) {
            *hit = u8::from((*byte == delimiter) | (*byte == line_end) | (*byte == b'"'));
        }
        let mut mask = 0;
        for (i, word) in hits.as_chunks::<8>().0.iter().enumerate() {
            // The product gathers the lowest bits of the eight bytes in the topmost byte.
            mask |= (u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
        }
        mask
    }
}

/// The values of one column as text; an empty field is null. `Err` holds the row of a value over `cell_bytes_max`.
pub(super) fn gather(
    text: &[u8],
    records: &Records,
    width: usize,
    column: usize,
    cell_bytes_max: usize,
) -> Result<StringArray, usize> {
    let fields = || records.fields.chunks_exact(width).map(|row| row[column]);
    let row_count = records.lines.len();
    let (mut byte_count, mut longest, mut empty_count) = (0, 0, 0);
    for field in fields() {
        let length = field.len();
        byte_count += length;
        longest = longest.max(length);
        empty_count += usize::from(length == 0);
    }
    if longest > cell_bytes_max {
        return Err(fields().position(|f| f.len() > cell_bytes_max).unwrap_or_default());
    }
    // Copies of fixed size, much cheaper than those of a small variable size, may write a little too far.
    let mut values = vec![0; byte_count + 32];
    let mut offsets: Vec<i32> = Vec::with_capacity(row_count + 1);
    offsets.push(0);
    let mut end = 0;
    for field in fields() {
        let (start, length) = (field.start as usize, field.len());
        if field.is_escaped() {
            end += unescape(field.bytes(text), &mut values[end..]);
        } else {
            match text.get(start..start + 32) {
                Some(source) if length <= 16 => values[end..end + 16].copy_from_slice(&source[..16]),
                Some(source) if length <= 32 => values[end..end + 32].copy_from_slice(source),
                _ => values[end..end + length].copy_from_slice(field.bytes(text)),
            }
            end += length;
        }
        offsets.push(end as i32);
    }
    values.truncate(end);
    let nulls = (empty_count > 0).then(|| {
        let is_filled = |row: usize| records.fields[row * width + column].len() > 0;
        NullBuffer::new(BooleanBuffer::collect_bool(row_count, is_filled))
    });
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let values = Buffer::from_vec(values);
    Ok(StringArray::try_new(offsets.clone(), values.clone(), nulls.clone())
        .unwrap_or_else(|_| replace_broken(&offsets, &values, nulls.as_ref())))
}

/// The same column with U+FFFD where bytes are not UTF-8.
fn replace_broken(offsets: &OffsetBuffer<i32>, values: &[u8], nulls: Option<&NullBuffer>) -> StringArray {
    let text = |i: usize| String::from_utf8_lossy(&values[offsets[i] as usize..offsets[i + 1] as usize]);
    (0..offsets.len() - 1).map(|i| nulls.is_none_or(|n| n.is_valid(i)).then(|| text(i))).collect()
}

/// The first records of a text as they are, whatever their widths.
pub(super) fn rows_as_text(text: &[u8], records: &Records) -> Vec<Vec<String>> {
    let mut first = 0;
    let mut rows = Vec::new();
    for end in &records.row_ends {
        let row = records.fields[first..*end].iter().map(|field| {
            let mut value = field.bytes(text).to_vec();
            if field.is_escaped() {
                let length = unescape(field.bytes(text), &mut value);
                value.truncate(length);
            }
            String::from_utf8_lossy(&value).into_owned()
        });
        rows.push(row.collect());
        first = *end;
    }
    rows
}
