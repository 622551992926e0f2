//! Photographs that forms ask for: checked, without what a camera writes about place and time, kept once by their content.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::package::{Picture, PictureKind};
use crate::diagnostic::{Context as _, Result};
use crate::report::{PictureFound, Pictures, picture_size};

/// Below the warehouse's folder, each file named by the BLAKE3 of its bytes.
const ATTACHMENTS: &str = ".attachments";
/// Chunks of a PNG that decide how it looks.
const SHOWN_CHUNKS: [&[u8; 4]; 10] =
    [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"sBIT"];

/// The photographs of one run.
pub struct Photos {
    pictures: Mutex<Pictures>,
    attachments: PathBuf,
    found: Mutex<BTreeMap<String, Option<Arc<Picture>>>>,
}

impl Photos {
    /// `pictures` is the folder that names of the data are looked for in; nothing outside is read.
    pub fn new(pictures: &Path, warehouse: &Path) -> Self {
        Self {
            pictures: Mutex::new(Pictures::new(Some(pictures))),
            attachments: warehouse.join(ATTACHMENTS),
            found: Mutex::default(),
        }
    }

    /// The photograph of a name, kept as an attachment; `None` where there is none that may be shown.
    ///
    /// # Errors
    /// The attachment cannot be written.
    pub fn find(&self, name: &str) -> Result<Option<Arc<Picture>>> {
        if let Some(found) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(found.clone());
        }
        let read = self.pictures.lock().unwrap_or_else(PoisonError::into_inner).find(name);
        let found = match read {
            PictureFound::Picture(bytes) => without_metadata(&bytes).map(Arc::new),
            PictureFound::Missing | PictureFound::Unfit => None,
        };
        if let Some(picture) = &found {
            self.keep(picture)?;
        }
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), found.clone());
        Ok(found)
    }

    fn keep(&self, picture: &Picture) -> Result<()> {
        let doing = "keeping a photograph";
        let extension = match picture.kind {
            PictureKind::Png => "png",
            PictureKind::Jpeg => "jpg",
        };
        let path = self.attachments.join(format!("{}.{extension}", blake3::hash(&picture.bytes).to_hex()));
        if path.exists() {
            return Ok(());
        }
        fs_err::create_dir_all(&self.attachments).doing(doing)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.attachments).doing(doing)?;
        std::io::Write::write_all(&mut file, &picture.bytes).doing(doing)?;
        file.as_file().sync_all().doing(doing)?;
        file.persist(path).doing(doing)?;
        Ok(())
    }
}

/// A picture with what decides how it looks and nothing else.
fn without_metadata(bytes: &[u8]) -> Option<Picture> {
    let (width, height) = picture_size(bytes)?;
    let (bytes, kind) = match bytes {
        [0xFF, 0xD8, rest @ ..] => (jpeg(rest)?, PictureKind::Jpeg),
        [0x89, _, _, _, _, _, _, _, chunks @ ..] => (png(chunks)?, PictureKind::Png),
        _ => return None,
    };
    Some(Picture { bytes, kind, width, height })
}

/// Chunks after the signature.
fn png(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n'];
    loop {
        let (length, _) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?.checked_add(12)?;
        let (chunk, after) = rest.split_at_checked(length)?;
        let kind = &chunk[4..8];
        if SHOWN_CHUNKS.iter().any(|shown| shown.as_slice() == kind) {
            out.extend_from_slice(chunk);
        }
        if kind == b"IEND" {
            return Some(out);
        }
        rest = after;
    }
}

/// Segments after the start of image. Which way up it is stays, as the only thing of the camera's.
fn jpeg(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0xFF, 0xD8];
    loop {
        let (&[0xFF, marker], after) = rest.split_first_chunk::<2>()? else { return None };
        if marker == 0xFF {
            rest = &rest[1..];
            continue;
        }
        let (length, _) = after.split_first_chunk::<2>()?;
        let (segment, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        match marker {
            0xDA => {
                // Image data up to the end of the image; what a camera puts behind it is left out.
                let end = after.windows(2).rposition(|pair| pair == [0xFF, 0xD9])? + 2;
                out.extend_from_slice(&[0xFF, marker]);
                out.extend_from_slice(segment);
                out.extend_from_slice(&after[..end]);
                return Some(out);
            }
            0xE1 => out.extend(orientation(segment).map(upright).unwrap_or_default()),
            // JFIF and Adobe tell how colours are meant.
            0xE2..=0xED | 0xEF | 0xFE => {}
            _ => {
                out.extend_from_slice(&[0xFF, marker]);
                out.extend_from_slice(segment);
            }
        }
        rest = after;
    }
}

/// Exif's Orientation (tag 0x0112), where a picture is to be turned.
fn orientation(segment: &[u8]) -> Option<u16> {
    let tiff = segment.get(2..)?.strip_prefix(b"Exif\0\0")?;
    let is_little = tiff.starts_with(b"II");
    let short = |at: usize| {
        let bytes: [u8; 2] = tiff.get(at..at + 2)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes: [u8; 4] = tiff.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }).ok()
    };
    let first = long(4)?;
    let entries = usize::from(short(first)?);
    let tag = (0..entries).map(|nth| first + 2 + 12 * nth).find(|at| short(*at) == Some(0x0112))?;
    short(tag + 8).filter(|turned| (2..=8).contains(turned))
}

/// An Exif segment that says which way up the picture is, and nothing else.
fn upright(orientation: u16) -> Vec<u8> {
    let mut segment = vec![0xFF, 0xE1, 0, 34];
    segment.extend_from_slice(b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01");
    segment.extend_from_slice(&orientation.to_be_bytes());
    segment.extend_from_slice(&[0, 0, 0, 0, 0, 0]);
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
        [&[0xFF, marker], &length[..], data].concat()
    }

    /// A picture that is to be turned, with the place it was taken at.
    #[test]
    fn a_photograph_tells_neither_place_nor_time() {
        let tiff = b"II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x25\x88\x04\0\x01\0\0\0\x1A\0\0\0\0\0\0\0GPS 28.23N";
        let exif = [b"Exif\0\0", tiff.as_slice()].concat();
        let frame = [8, 0, 20, 0, 30, 1, 1, 0x11, 0];
        let parts = [
            vec![0xFF, 0xD8],
            segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
            segment(0xE1, &exif),
            segment(0xED, b"Photoshop 3.0 caption"),
            segment(0xFE, b"taken at the door"),
            segment(0xC0, &frame),
            segment(0xDA, &[1, 1, 0, 0, 63, 0]),
            vec![1, 2, 3, 0xFF, 0xD9],
            b"maker's notes".to_vec(),
        ];
        let picture = without_metadata(&parts.concat()).unwrap();
        assert_eq!((picture.width, picture.height), (30, 20));
        let text = String::from_utf8_lossy(&picture.bytes).into_owned();
        for told in ["GPS", "caption", "door", "notes"] {
            assert!(!text.contains(told), "{told}");
        }
        assert_eq!(picture_size(&picture.bytes), Some((30, 20)));
        let turned = upright(6);
        assert!(picture.bytes.windows(turned.len()).any(|part| part == turned), "it stays upright");
        assert_eq!(orientation(&turned[2..]), Some(6));
    }
}
