//! Pictures from the project's folder: which may be read, and whether a file is a picture.
//!
//! A value of the data names a file, so it is distrusted: only files below the folder are read, nothing is fetched, and
//! a file that a spreadsheet might stumble over is not passed on.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::stays_inside;

/// Of one file, and of all files in one workbook.
const PICTURE_BYTES_MAX: u64 = 4 << 20;
const PICTURES_BYTES_MAX: u64 = 256 << 20;
const SIDE_PIXELS_MAX: u32 = 12_000;
const PIXELS_MAX: u64 = 50_000_000;

/// What a name of the data stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Picture(Arc<[u8]>),
    /// There is no such file.
    Missing,
    /// There may be one, and it is not shown: outside the folder, too large, broken, or no PNG or JPEG.
    Unfit,
}

/// The pictures of one workbook; a file named several times is read once.
pub struct Pictures {
    /// Its links followed, where it is there.
    folder: Option<PathBuf>,
    read: BTreeMap<String, Found>,
    bytes: u64,
}

impl Pictures {
    /// Without a folder every picture is missing.
    pub fn new(folder: Option<&Path>) -> Self {
        let followed = |folder: &Path| fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        Self { folder: folder.map(followed), read: BTreeMap::new(), bytes: 0 }
    }

    /// The picture that a value of the data names, by its path below the folder.
    pub fn find(&mut self, named: &str) -> Found {
        // Some source systems write paths with backslashes.
        let relative = named.trim().replace('\\', "/");
        if named.contains([':', '\0']) || !stays_inside(Path::new(&relative)) {
            return Found::Unfit;
        }
        let Some(folder) = &self.folder else { return Found::Missing };
        if let Some(found) = self.read.get(&relative) {
            return found.clone();
        }
        let found = match read(folder, Path::new(&relative), PICTURES_BYTES_MAX - self.bytes) {
            Ok(Some(bytes)) => {
                self.bytes += bytes.len() as u64;
                Found::Picture(bytes.into())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Found::Missing,
            _ => Found::Unfit,
        };
        self.read.insert(relative, found.clone());
        found
    }
}

/// `None` for a file that is not to be shown. `folder` has its links followed.
fn read(folder: &Path, relative: &Path, bytes_left: u64) -> std::io::Result<Option<Vec<u8>>> {
    let named = folder.join(relative);
    // Most that are named are missing, which this says at once; following links asks about every folder on the way.
    fs_err::symlink_metadata(&named)?;
    let place = fs_err::canonicalize(named)?;
    // A link may lead out of the folder.
    if !place.starts_with(folder) || !place.is_file() {
        return Ok(None);
    }
    let most = PICTURE_BYTES_MAX.min(bytes_left);
    let mut bytes = Vec::new();
    fs_err::File::open(&place)?.take(most + 1).read_to_end(&mut bytes)?;
    let is_fit = bytes.len() as u64 <= most
        && size(&bytes).is_some_and(|(width, height)| {
            let sides = 1..=SIDE_PIXELS_MAX;
            let pixels = u64::from(width) * u64::from(height);
            sides.contains(&width) && sides.contains(&height) && pixels <= PIXELS_MAX
        });
    Ok(is_fit.then_some(bytes))
}

/// Width and height in pixels of a whole PNG or JPEG; `None` for anything else.
pub fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', chunks @ ..] => png_size(chunks),
        [0xFF, 0xD8, segments @ ..] => jpeg_size(segments),
        _ => None,
    }
}

fn png_size(mut rest: &[u8]) -> Option<(u32, u32)> {
    let mut size = None;
    let mut has_data = false;
    loop {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (chunk, after) = after.split_at_checked(length.checked_add(4)?)?;
        let (sum, after) = after.split_first_chunk::<4>()?;
        if crc32fast::hash(chunk) != u32::from_be_bytes(*sum) {
            return None;
        }
        let (kind, data) = chunk.split_at(4);
        match (kind, size) {
            (b"IHDR", None) => {
                let number = |at: usize| Some(u32::from_be_bytes(data.get(at..at + 4)?.try_into().ok()?));
                size = Some((number(0)?, number(4)?));
            }
            (_, None) => return None,
            (b"IDAT", _) => has_data = true,
            (b"IEND", _) => return size.filter(|_| has_data),
            _ => {}
        }
        rest = after;
    }
}

fn jpeg_size(mut rest: &[u8]) -> Option<(u32, u32)> {
    let mut size = None;
    loop {
        let (&[0xFF, marker], after) = rest.split_first_chunk::<2>()? else { return None };
        if marker == 0xFF {
            rest = &rest[1..];
            continue;
        }
        let (length, _) = after.split_first_chunk::<2>()?;
        let (segment, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        match marker {
            // Frames, without the three markers among them that hold tables and arithmetic coding.
            0xC0..=0xC2 => {
                let number = |at: usize| Some(u32::from(u16::from_be_bytes(segment.get(at..at + 2)?.try_into().ok()?)));
                size = Some((number(5)?, number(3)?));
            }
            // From here on image data; cameras put bytes of their own after its end.
            0xDA => return size.filter(|_| after.windows(2).any(|pair| pair == [0xFF, 0xD9])),
            _ => {}
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey PNG of one byte a pixel.
    fn png(width: u32, height: u32) -> Vec<u8> {
        use std::io::Write;
        let mut bytes = vec![0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n'];
        let mut chunk = |kind: &[u8], data: &[u8]| {
            bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            let chunk = [kind, data].concat();
            bytes.extend(&chunk);
            bytes.extend(crc32fast::hash(&chunk).to_be_bytes());
        };
        chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat());
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        let rows = if width > 100 { 1 } else { height };
        packer.write_all(&vec![0x80; ((width + 1) * rows) as usize]).unwrap();
        chunk(b"IDAT", &packer.finish().unwrap());
        chunk(b"IEND", b"");
        bytes
    }

    #[test]
    fn only_whole_pictures_below_the_folder_are_shown() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("pictures");
        fs_err::create_dir_all(folder.join("shop")).unwrap();
        let write = |name: &str, bytes: &[u8]| fs_err::write(folder.join(name), bytes).unwrap();
        let good = png(3, 2);
        write("shop/good.png", &good);
        write("shop/named_otherwise.jpg", &good);
        fs_err::write(outer.path().join("outside.png"), &good).unwrap();
        write("cut.png", &good[..good.len() - 6]);
        let mut broken = good.clone();
        broken[45] ^= 1;
        write("broken.png", &broken);
        write("vast.png", &png(100_000, 100_000));
        write("heavy.png", &vec![0; PICTURE_BYTES_MAX as usize + 1]);
        write("text.png", b"<svg onload='alert(1)'/>");
        write("empty.png", b"");
        let mut pictures = Pictures::new(Some(&folder));
        let is_shown = Found::Picture(good.into());
        for named in ["shop/good.png", " shop\\good.png ", "shop/named_otherwise.jpg"] {
            assert_eq!(pictures.find(named), is_shown, "{named}");
        }
        assert_eq!(pictures.bytes as usize, 2 * png(3, 2).len());
        assert_eq!(pictures.find("shop/none.png"), Found::Missing);
        let absolute = folder.join("shop/good.png");
        for named in [
            "../outside.png",
            "shop/../../outside.png",
            absolute.to_str().unwrap(),
            "http://example.com/a.png",
            "C:\\a.png",
            "",
            "shop",
            "cut.png",
            "broken.png",
            "vast.png",
            "heavy.png",
            "text.png",
            "empty.png",
            "shop/good.png\0",
        ] {
            assert_eq!(pictures.find(named), Found::Unfit, "{named}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outer.path().join("outside.png"), folder.join("link.png")).unwrap();
            assert_eq!(pictures.find("link.png"), Found::Unfit);
        }
        assert_eq!(Pictures::new(None).find("shop/good.png"), Found::Missing);
    }

    #[test]
    fn sizes_stand_in_the_head_of_a_jpeg() {
        let frame = [0xFF, 0xC0, 0, 11, 8, 0, 16, 0, 32, 1, 1, 0x11, 0];
        let scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 0x12, 0x34];
        let whole = [&[0xFF, 0xD8][..], &frame, &scan, &[0xFF, 0xD9]].concat();
        assert_eq!(size(&whole), Some((32, 16)));
        assert_eq!(size(&whole[..whole.len() - 1]), None, "cut off");
        assert_eq!(size(&[&[0xFF, 0xD8][..], &scan, &[0xFF, 0xD9]].concat()), None, "no frame");
    }
}
