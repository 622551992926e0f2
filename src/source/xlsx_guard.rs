//! What must be known about a workbook before `calamine` may open it.
//!
//! `calamine` trusts a file: it holds all shared strings, grows its buffers to the longest piece of text, and reserves
//! room for as many strings as the file claims. So every part is unpacked once here, through the same `zip` crate
//! and into nothing, and measured. That costs a few milliseconds per unpacked megabyte and bounds memory.

use std::fs::File;
use std::io::{self, BufReader, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::{Limit, Limits, SourceError};

const PARTS_MAX: usize = 10_000;
const CHUNK_BYTES: usize = 64 << 10;

/// Checks every part of a workbook against the limits; tells whether there may be formulas in it. Fails for archives
/// that are no .xlsx workbooks.
pub(super) fn check(file: File, limits: Limits) -> Result<bool, SourceError> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken_zip)?;
    if archive.len() > PARTS_MAX {
        return Err(SourceError::Damaged { what: "workbook", detail: "it has too many parts", line: None });
    }
    check_is_workbook(&archive)?;
    let (mut unpacked, mut held) = (0, 0);
    let mut has_formulas = false;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(broken_zip)?;
        let name = part.name().map_err(broken_zip)?.into_owned();
        let is_sheet = name.contains("worksheets/") && !name.ends_with(".rels");
        let mut measure = Measure::new(&name, limits);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = fill(&mut part, &mut chunk)?;
            if length == 0 {
                break;
            }
            if measure.bytes == 0 && !looks_like_xml(&chunk[..length]) {
                // Pictures and printer settings are never read.
                break;
            }
            measure.take(&chunk[..length])?;
            has_formulas |= is_sheet && may_hold_formula(&chunk[..length]);
            if unpacked + measure.bytes > limits.unpacked_bytes_max {
                return Err(SourceError::over(Limit::UnpackedBytes, limits.unpacked_bytes_max, None));
            }
            if !is_sheet && held + measure.bytes > limits.held_bytes_max {
                return Err(SourceError::over(Limit::HeldBytes, limits.held_bytes_max, None));
            }
        }
        measure.finish()?;
        unpacked += measure.bytes;
        held += if is_sheet { 0 } else { measure.bytes };
    }
    Ok(has_formulas)
}

/// Whether a piece of a sheet holds a tag `f`, or ends where one may begin.
fn may_hold_formula(chunk: &[u8]) -> bool {
    let ends = |at: usize| chunk.get(at).is_none_or(|byte| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace());
    let holds = |tag: &[u8; 2]| memchr::memmem::find_iter(chunk, tag).any(|at| ends(at + tag.len()));
    matches!(chunk.last(), Some(b'<' | b':')) || holds(b"<f") || holds(b":f")
}

fn check_is_workbook<R: Read + io::Seek>(archive: &ZipArchive<R>) -> Result<(), SourceError> {
    let has = |name: &str| archive.index_for_name(name).is_some();
    let unsupported = |what| Err(SourceError::Unsupported { what, hint: "save it as .xlsx" });
    if has("xl/workbook.bin") {
        return unsupported("a binary workbook (.xlsb)");
    }
    if has("content.xml") && has("mimetype") {
        return unsupported("an OpenDocument file (.ods)");
    }
    if has("word/document.xml") {
        return unsupported("a Word document");
    }
    if !has("[Content_Types].xml") && !has("_rels/.rels") {
        return Err(SourceError::Unsupported { what: "a zip archive", hint: "unpack it and send the files in it" });
    }
    Ok(())
}

fn looks_like_xml(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    text.first() == Some(&b'<') || start.starts_with(b"\xFF\xFE") || start.starts_with(b"\xFE\xFF")
}

fn broken_zip(error: ZipError) -> SourceError {
    let detail = match error {
        // The directory of a zip file is at its end.
        ZipError::InvalidArchive(_) => return SourceError::Truncated { what: "workbook" },
        ZipError::Io(error) => return SourceError::Io(error),
        ZipError::UnsupportedArchive(_) => "it is encrypted or packed in an unusual way",
        _ => "its directory cannot be read",
    };
    SourceError::Damaged { what: "workbook", detail, line: None }
}

/// Fills the chunk as far as the part reaches.
fn fill(part: &mut impl Read, chunk: &mut [u8]) -> Result<usize, SourceError> {
    let mut length = 0;
    while length < chunk.len() {
        match part.read(&mut chunk[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                let detail = "a part does not unpack to what was packed";
                return Err(SourceError::Damaged { what: "workbook", detail, line: None });
            }
        }
    }
    Ok(length)
}

/// What one part makes `calamine` allocate.
struct Measure {
    bytes: u64,
    /// Bytes since the last `<`: the length of a text.
    since_tag: u64,
    /// Bytes since an inline string began, when inside one: all its runs are joined.
    inside_inline: Option<u64>,
    token_bytes_max: u64,
    /// The beginning of the shared strings, up to and with their opening tag.
    claim: Option<Vec<u8>>,
    claimed_texts: u64,
}

impl Measure {
    fn new(name: &str, limits: Limits) -> Measure {
        Measure {
            bytes: 0,
            since_tag: 0,
            inside_inline: None,
            // A character can be written with six (`&quot;`).
            token_bytes_max: 6 * limits.cell_bytes_max as u64,
            claim: name.to_ascii_lowercase().ends_with("sharedstrings.xml").then(Vec::new),
            claimed_texts: 0,
        }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), SourceError> {
        self.bytes += chunk.len() as u64;
        // Chunks are shorter than any limit, so only what reaches over their borders matters.
        self.since_tag = match memchr::memrchr(b'<', chunk) {
            Some(last) => (chunk.len() - last) as u64,
            None => self.since_tag + chunk.len() as u64,
        };
        self.inside_inline = match memchr::memmem::rfind(chunk, b"is>") {
            Some(last) => {
                let before = chunk[..last].iter().rev().find(|b| matches!(b, b'<' | b'/')).copied();
                (before == Some(b'<')).then_some((chunk.len() - last) as u64)
            }
            None => self.inside_inline.map(|bytes| bytes + chunk.len() as u64),
        };
        if self.since_tag.max(self.inside_inline.unwrap_or(0)) > self.token_bytes_max {
            return Err(SourceError::over(Limit::CellBytes, self.token_bytes_max / 6, None));
        }
        if let Some(claim) = &mut self.claim {
            claim.extend_from_slice(chunk);
            if let Some(texts) = claimed_texts(claim) {
                (self.claimed_texts, self.claim) = (texts, None);
            } else if claim.len() > 4 * CHUNK_BYTES {
                let detail = "its shared texts have no beginning";
                return Err(SourceError::Damaged { what: "workbook", detail, line: None });
            }
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), SourceError> {
        // The shortest entry is `<si/>`.
        if self.claimed_texts.saturating_mul(5) > self.bytes {
            let detail = "it claims more shared texts than it holds";
            return Err(SourceError::Damaged { what: "workbook", detail, line: None });
        }
        Ok(())
    }
}

/// The `uniqueCount` of the `sst` tag (0 if it gives none), once the whole tag is there.
fn claimed_texts(start: &[u8]) -> Option<u64> {
    let mut tags = memchr::memchr_iter(b'<', start).map(|at| &start[at + 1..]);
    let tag = tags.find(|tag| !tag.starts_with(b"?") && !tag.starts_with(b"!"))?;
    let tag = &tag[..memchr::memchr(b'>', tag)?];
    let Some(at) = memchr::memmem::find(tag, b"uniqueCount") else { return Some(0) };
    let digits = tag[at..].iter().skip_while(|b| !b.is_ascii_digit()).take_while(|b| b.is_ascii_digit());
    Some(digits.fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}
