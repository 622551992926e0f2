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
        // `calamine` looks parts up by such names.
        let name = name.replace('\\', "/").to_ascii_lowercase();
        let is_sheet = name.contains("worksheets/") && !name.ends_with(".rels");
        // Formulas of charts and drawings stand in no cell. Other parts may be sheets, whatever their folder.
        let may_be_sheet = is_sheet || !["charts/", "drawings/"].iter().any(|folder| name.contains(folder));
        let mut measure = Measure::new(&name, limits);
        let (mut before, mut chunk) = (0, vec![0; CHUNK_BYTES]);
        loop {
            let length = fill(&mut part, &mut chunk)?;
            if length == 0 {
                break;
            }
            if measure.bytes == 0 && is_never_read(&name, &chunk[..length]) {
                break;
            }
            measure.take(&chunk[..length])?;
            has_formulas |= may_be_sheet && may_hold_formula(before, &chunk[..length]);
            before = chunk[length - 1];
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

/// Whether a piece of a sheet holds a tag `f`, or the end of one; `before` is the byte before the piece.
fn may_hold_formula(before: u8, chunk: &[u8]) -> bool {
    let ends = |at: usize| chunk.get(at).is_none_or(|byte| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace());
    let holds = |tag: &[u8; 2]| memchr::memmem::find_iter(chunk, tag).any(|at| ends(at + tag.len()));
    let is_cut = matches!(before, b'<' | b':') && chunk.first() == Some(&b'f') && ends(1);
    is_cut || holds(b"<f") || holds(b":f")
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

/// Whether a part is a picture or the like, by its lower-case name. Only one that `calamine` gives up at its first tag:
/// a workbook may name any part as one of its sheets, and whatever stands before the first tag is then skipped.
fn is_never_read(name: &str, start: &[u8]) -> bool {
    const FOLDERS: &[&str] = &["media/", "printersettings/", "embeddings/", "activex/"];
    let is_named_so = FOLDERS.iter().any(|folder| name.contains(folder));
    let is_xml = name.ends_with(".xml") || name.ends_with(".rels");
    let text = without_byte_order_mark(start);
    let is_broken_off = memchr::memchr(b'<', text).is_some_and(|tag| std::str::from_utf8(&text[..tag]).is_err());
    is_named_so && !is_xml && is_broken_off
}

/// What follows a byte-order mark. `calamine` drops all three of them, and reads on as UTF-8 after each.
fn without_byte_order_mark(start: &[u8]) -> &[u8] {
    let marks: [&[u8]; 3] = [b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"];
    marks.iter().find_map(|mark| start.strip_prefix(*mark)).unwrap_or(start)
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
            claim: name.ends_with("sharedstrings.xml").then(Vec::new),
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
            if let Some(texts) = claimed_texts(claim)? {
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

/// The `uniqueCount` of the `sst` tag (0 if it gives none), once the whole tag is there. The tag must come first, as it
/// does in every well-formed part: `calamine` would look for it behind anything else.
fn claimed_texts(start: &[u8]) -> Result<Option<u64>, SourceError> {
    let mut rest = without_byte_order_mark(start).trim_ascii_start();
    loop {
        let (inside, closing) = if let Some(comment) = rest.strip_prefix(b"<!--") {
            (comment, &b"-->"[..])
        } else if let Some(declaration) = rest.strip_prefix(b"<?") {
            (declaration, &b"?>"[..])
        } else {
            break;
        };
        let Some(end) = memchr::memmem::find(inside, closing) else { return Ok(None) };
        rest = inside[end + closing.len()..].trim_ascii_start();
    }
    let Some(end) = tag_end(rest) else { return Ok(None) };
    let tag = rest[..end].strip_suffix(b"/").unwrap_or(&rest[..end]);
    let (name, attributes) = tag.split_at(tag.iter().position(|byte| is_blank(*byte)).unwrap_or(tag.len()));
    let local = memchr::memchr(b':', name).map_or(name.get(1..), |colon| name.get(colon + 1..));
    if !name.starts_with(b"<") || local != Some(b"sst") {
        let detail = "its shared texts do not begin with their own tag";
        return Err(SourceError::Damaged { what: "workbook", detail, line: None });
    }
    let count = Attributes(attributes).find(|(name, _)| *name == b"uniqueCount").map_or(&[][..], |(_, value)| value);
    // What is no number reserves nothing.
    Ok(Some(std::str::from_utf8(count).ok().and_then(|count| count.parse().ok()).unwrap_or(0)))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Where the first `>` outside of quotes stands.
fn tag_end(text: &[u8]) -> Option<usize> {
    let mut open_quote = None;
    memchr::memchr3_iter(b'>', b'"', b'\'', text).find(|at| {
        let byte = text[*at];
        match open_quote {
            None if byte == b'>' => return true,
            None => open_quote = Some(byte),
            Some(quote) if quote == byte => open_quote = None,
            Some(_) => {}
        }
        false
    })
}

/// Names and values of a tag's attributes, up to the first that is malformed.
struct Attributes<'t>(&'t [u8]);

impl<'t> Iterator for Attributes<'t> {
    type Item = (&'t [u8], &'t [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let equals = memchr::memchr(b'=', self.0)?;
        let (name, value) = (self.0[..equals].trim_ascii(), self.0[equals + 1..].trim_ascii_start());
        let (quote, value) = value.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
        let end = memchr::memchr(*quote, value).unwrap_or(value.len());
        self.0 = value.get(end + 1..).unwrap_or_default();
        Some((name, &value[..end]))
    }
}
