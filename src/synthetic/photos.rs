//! Photos of shop signs: small JPEGs, painted in squares of one colour each, which is all this encoder can do.

use std::path::Path;

use super::shops::{self, photo_path};
use super::world::{EAST_CHINA, PHOENIX_PAVILION, Stream, World};
use super::{GenerateError, Options, check};

/// Squares of 8 by 8 pixels, the blocks a JPEG is made of.
const WIDTH: usize = 36;
const HEIGHT: usize = 20;
const PHOTOS_PER_GRID: usize = 3;

type Color = [u8; 3];

const BOARDS: [Color; 6] = [[178, 34, 34], [25, 80, 140], [20, 110, 70], [150, 90, 20], [90, 40, 110], [40, 40, 48]];
const WALL: Color = [196, 188, 176];
const LETTER: Color = [250, 236, 190];
const GLASS: Color = [120, 150, 170];
const DOOR: Color = [96, 70, 52];
const STREET: Color = [150, 150, 150];

/// Writes the photos that some shops of two communities name, below `folder`; how many there are.
pub fn draw_photos(folder: &Path, options: &Options) -> Result<usize, GenerateError> {
    check(options)?;
    let world = World::new(options);
    let mut count = 0;
    for grid in 0..world.counts.len() {
        if ![EAST_CHINA, PHOENIX_PAVILION].contains(&world.district.community_of(grid).code) {
            continue;
        }
        for shop in shops::shops(&world, grid).take(PHOTOS_PER_GRID) {
            let place = folder.join(photo_path(shop.number));
            if let Some(parent) = place.parent() {
                fs_err::create_dir_all(parent)?;
            }
            fs_err::write(place, jpeg(&sign(&world, shop.number)))?;
            count += 1;
        }
    }
    Ok(count)
}

/// A shop front, row by row: the board over door and window.
fn sign(world: &World, number: u64) -> Vec<Color> {
    let mut random = world.random(Stream::Shop, number ^ 0xf070_0000_0000);
    let board = random.pick(&BOARDS);
    let mut squares = vec![WALL; WIDTH * HEIGHT];
    let mut fill = |columns: std::ops::Range<usize>, rows: std::ops::Range<usize>, color: Color| {
        for row in rows {
            squares[row * WIDTH + columns.start..row * WIDTH + columns.end].fill(color);
        }
    };
    fill(2..WIDTH - 2, 2..9, board);
    fill(0..WIDTH, HEIGHT - 2..HEIGHT, STREET);
    let door = if random.chance(0.5) { 5..11 } else { WIDTH - 11..WIDTH - 5 };
    let window = if door.start < WIDTH / 2 { 14..WIDTH - 4 } else { 4..WIDTH - 14 };
    fill(door, 11..HEIGHT - 2, DOOR);
    fill(window, 11..HEIGHT - 4, GLASS);
    let letters = 4 + random.below(2);
    for letter in 0..letters {
        let left = WIDTH / 2 - letters * 5 / 2 + letter * 5;
        for (row, column) in (0..4).flat_map(|row| (0..4).map(move |column| (row, column))) {
            if random.chance(0.62) {
                fill(left + column..left + column + 1, 3 + row..4 + row, LETTER);
            }
        }
    }
    squares
}

/// Lengths and values of the standard codes for differences of brightness.
const DIFFERENCE_LENGTHS: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
/// One code only: nothing else in this square.
const REST_LENGTHS: [u8; 16] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A JPEG whose squares are all of one colour, so that each is three differences from the square before.
fn jpeg(squares: &[Color]) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8];
    let mut segment = |marker: u8, content: &[u8]| {
        let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
        bytes.extend([0xFF, marker]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(content);
    };
    segment(0xE0, &[b"JFIF\0\x01\x01\x01".as_slice(), &[0, 96, 0, 96, 0, 0]].concat());
    // A square of brightness v has a coefficient of 8 v: divided by 8 it is v.
    segment(0xDB, &[&[0][..], &[8; 64]].concat());
    let [width, height] = [WIDTH, HEIGHT].map(|side| u16::try_from(side * 8).unwrap_or(u16::MAX).to_be_bytes());
    let channels = [1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
    segment(0xC0, &[&[8][..], &height, &width, &[3], &channels].concat());
    segment(0xC4, &[&[0x00][..], &DIFFERENCE_LENGTHS, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]].concat());
    segment(0xC4, &[&[0x10][..], &REST_LENGTHS, &[0]].concat());
    segment(0xDA, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);

    let mut bits = Bits { bytes, kept: 0, count: 0 };
    let mut before = [0; 3];
    for square in squares {
        let channels = channels_of(*square);
        for (channel, before) in channels.iter().zip(&mut before) {
            bits.difference(channel - *before);
            *before = *channel;
        }
    }
    bits.finish()
}

/// Brightness, blue and red, each around 0.
fn channels_of([red, green, blue]: Color) -> [i32; 3] {
    let [red, green, blue] = [red, green, blue].map(i32::from);
    [
        (299 * red + 587 * green + 114 * blue) / 1000 - 128,
        (-169 * red - 331 * green + 500 * blue) / 1000,
        (500 * red - 419 * green - 81 * blue) / 1000,
    ]
}

/// The bits after the head of a JPEG.
struct Bits {
    bytes: Vec<u8>,
    kept: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, length: u32) {
        for at in (0..length).rev() {
            self.kept = self.kept << 1 | (value >> at & 1);
            self.count += 1;
            if self.count == 8 {
                let byte = (self.kept & 0xFF) as u8;
                self.bytes.push(byte);
                if byte == 0xFF {
                    self.bytes.push(0);
                }
                (self.kept, self.count) = (0, 0);
            }
        }
    }

    /// How many bits the difference has, the bits, and the code for nothing else.
    fn difference(&mut self, difference: i32) {
        let size = 32 - difference.unsigned_abs().leading_zeros();
        let (code, length) = code_of(size);
        self.push(code, length);
        // A negative one is counted up from the lowest of its size.
        let lowest = if difference < 0 { (1 << size) - 1 } else { 0 };
        self.push((difference + lowest) as u32, size);
        self.push(0, 1);
    }

    fn finish(mut self) -> Vec<u8> {
        self.push(0x7F, (8 - self.count) % 8);
        self.bytes.extend([0xFF, 0xD9]);
        self.bytes
    }
}

/// The code of a size and its length, counted through the table as a reader does.
fn code_of(size: u32) -> (u32, u32) {
    let (mut code, mut first) = (0, 0);
    for (length, count) in (1..).zip(DIFFERENCE_LENGTHS.map(u32::from)) {
        if size < first + count {
            return (code + size - first, length);
        }
        code = (code + count) << 1;
        first += count;
    }
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard_table() {
        let codes = [0, 1, 5, 6, 7, 8, 11].map(code_of);
        assert_eq!(codes, [(0, 2), (2, 3), (6, 3), (14, 4), (30, 5), (62, 6), (510, 9)]);
    }

    #[test]
    fn the_same_seed_paints_the_same_photos() {
        let options = Options { scale: 0.01, ..Options::default() };
        let [first, second] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let counts = [&first, &second].map(|folder| draw_photos(folder.path(), &options).unwrap());
        assert!(counts[0] > 3 && counts[0] == counts[1], "{counts:?}");
        let photos = |folder: &tempfile::TempDir| {
            let folder = fs_err::read_dir(folder.path().join("photos/shop")).unwrap();
            let mut photos: Vec<_> = folder.map(|entry| fs_err::read(entry.unwrap().path()).unwrap()).collect();
            photos.sort();
            photos
        };
        assert_eq!(photos(&first), photos(&second));
    }
}
