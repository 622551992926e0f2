//! Bytes of a text file to UTF-8, a block at a time.
//!
//! The encoding is decided once. A byte-order mark settles it; otherwise everything is ASCII until the first other
//! byte, and the block holding that byte decides: valid UTF-8 (or UTF-8 with few broken places) is UTF-8, anything
//! else must be GB18030. No statistics about languages are needed for these two, and a wrong guess is hard to make:
//! Chinese text in GB18030 is hardly ever valid UTF-8. GB18030 is a superset of GBK and GB 2312.
//!
//! Broken places become U+FFFD, and so do NUL characters, so that the contract can flag the row. Blocks of UTF-8 are
//! handed on unvalidated: the Arrow arrays built from them validate once, see `csv_scan`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, GB18030, UTF_16BE, UTF_16LE};

use super::SourceError;

/// Bytes read at a time. Small enough to stay in the second-level cache while it is scanned.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

pub(super) struct TextReader {
    file: File,
    state: State,
    /// Bytes as read, for encodings that need decoding.
    raw: Vec<u8>,
    is_at_start: bool,
    is_at_end: bool,
}

enum State {
    /// Only ASCII so far.
    Ascii,
    Utf8,
    Decoded(Decoder, &'static str),
}

impl TextReader {
    pub(super) fn open(path: &Path) -> Result<TextReader, SourceError> {
        let file = File::open(path)?;
        Ok(TextReader { file, state: State::Ascii, raw: Vec::new(), is_at_start: true, is_at_end: false })
    }

    pub(super) fn encoding(&self) -> &'static str {
        match &self.state {
            State::Ascii | State::Utf8 => "UTF-8",
            State::Decoded(_, name) => name,
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Appends the next block to `text`. Afterwards `text` ends at any byte, perhaps inside a character.
    pub(super) fn fill(&mut self, text: &mut Vec<u8>) -> Result<(), SourceError> {
        if self.is_at_end {
            return Ok(());
        }
        if let State::Decoded(..) = self.state {
            self.raw.clear();
            self.is_at_end = read_block(&mut self.file, &mut self.raw)?;
            return self.decode(text);
        }
        let start = text.len();
        self.is_at_end = read_block(&mut self.file, text)?;
        if std::mem::take(&mut self.is_at_start) && self.take_byte_order_mark(text, start) {
            return self.decode(text);
        }
        if let State::Ascii = self.state
            && !text[start..].is_ascii()
        {
            if text[start..text.len().saturating_sub(4).max(start)].is_ascii() && !self.is_at_end {
                // A cut character is all there is to judge by: look further.
                self.is_at_end = read_block(&mut self.file, text)?;
            }
            let sample = sample(&text[start..]);
            if !looks_like_utf8(sample) {
                if !looks_like_gb18030(sample) {
                    return Err(SourceError::UnknownEncoding);
                }
                self.state = State::Decoded(GB18030.new_decoder_without_bom_handling(), "GB18030");
                self.raw = text.split_off(start);
                return self.decode(text);
            }
            self.state = State::Utf8;
        }
        replace_nul(text, start)
    }

    /// Removes a byte-order mark; true if the block moved to `raw` for decoding.
    fn take_byte_order_mark(&mut self, text: &mut Vec<u8>, start: usize) -> bool {
        let Some((encoding, length)) = Encoding::for_bom(&text[start..]) else { return false };
        self.raw = text.split_off(start);
        self.raw.drain(..length);
        if encoding == UTF_16LE || encoding == UTF_16BE {
            self.state = State::Decoded(encoding.new_decoder_without_bom_handling(), encoding.name());
            return true;
        }
        text.append(&mut self.raw);
        self.state = State::Utf8;
        false
    }

    fn decode(&mut self, text: &mut Vec<u8>) -> Result<(), SourceError> {
        let State::Decoded(decoder, _) = &mut self.state else { return Ok(()) };
        let start = text.len();
        let mut read = 0;
        loop {
            let rest = &self.raw[read..];
            // The decoder needs initialised space to write to; what it does not use is cut off again.
            let length = text.len();
            let space = decoder.max_utf8_buffer_length(rest.len()).unwrap_or(rest.len() * 3 + 16);
            text.resize(length + space, 0);
            let (result, taken, written, _) = decoder.decode_to_utf8(rest, &mut text[length..], self.is_at_end);
            text.truncate(length + written);
            read += taken;
            if result == CoderResult::InputEmpty {
                return replace_nul(text, start);
            }
        }
    }
}

/// Reads until a block is full; true at the end of the file.
fn read_block(file: &mut File, into: &mut Vec<u8>) -> Result<bool, SourceError> {
    let read = file.by_ref().take(BLOCK_BYTES as u64).read_to_end(into)?;
    Ok(read < BLOCK_BYTES)
}

/// A stray NUL becomes U+FFFD; many of them mean that this is no text.
fn replace_nul(text: &mut Vec<u8>, start: usize) -> Result<(), SourceError> {
    if memchr::memchr(0, &text[start..]).is_none() {
        return Ok(());
    }
    let tail = text.split_off(start);
    let nul_count = memchr::memchr_iter(0, &tail).count();
    if nul_count > 8 && nul_count * 100 > tail.len() {
        return Err(SourceError::NotText);
    }
    for (i, part) in tail.split(|b| *b == 0).enumerate() {
        if i > 0 {
            text.extend_from_slice("\u{FFFD}".as_bytes());
        }
        text.extend_from_slice(part);
    }
    Ok(())
}

/// As much as is judged: from the first byte beyond ASCII on.
fn sample(block: &[u8]) -> &[u8] {
    const SAMPLE_BYTES: usize = 256 << 10;
    let start = block.iter().position(|byte| !byte.is_ascii()).unwrap_or(block.len());
    &block[start..block.len().min(start + SAMPLE_BYTES)]
}

/// UTF-8 with at most one broken place in twenty non-ASCII characters.
fn looks_like_utf8(sample: &[u8]) -> bool {
    // The sample may end inside a character.
    if std::str::from_utf8(sample).map_or_else(|e| e.error_len().is_none(), |_| true) {
        return true;
    }
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in sample.utf8_chunks() {
        good += chunk.valid().bytes().filter(|b| *b >= 0xC0).count();
        // A broken character leaves several broken bytes behind, with nothing between them.
        bad += usize::from(!chunk.invalid().is_empty() && (bad == 0 || !chunk.valid().is_empty()));
    }
    bad * 20 <= good
}

/// GB18030 with at most one broken place in a hundred characters beyond ASCII.
fn looks_like_gb18030(sample: &[u8]) -> bool {
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let mut out = vec![0; 64 << 10];
    let (mut read, mut good, mut bad) = (0, 0_usize, 0_usize);
    loop {
        let (result, taken, written) = decoder.decode_to_utf8_without_replacement(&sample[read..], &mut out, false);
        read += taken;
        good += out[..written].iter().filter(|b| **b >= 0xC0).count();
        match result {
            DecoderResult::InputEmpty => return bad * 100 <= good,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => bad += 1,
        }
    }
}

/// The first bytes of a text without byte-order mark, NULs of UTF-16 and blanks; enough to tell `{` from `<`.
pub(super) fn significant_start(head: &[u8]) -> Vec<u8> {
    let start = Encoding::for_bom(head).map_or(0, |(_, length)| length);
    let text = head[start..].iter().copied().filter(|b| *b != 0);
    text.skip_while(u8::is_ascii_whitespace).take(64).collect()
}
