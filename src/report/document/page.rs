//! The measures of GB/T 9704-2012 and what follows from them for a given text. Formats that have pages share them, so
//! that a Word file and a PDF put the same words at the same places.
//!
//! The type area is 156 × 225 mm for 22 lines of 28 characters. 28 characters of 16 pt would be 158 mm wide: the pitch of
//! a character is the width divided by 28, 15.79 pt.

use unicode_width::UnicodeWidthChar;

use super::Layout;

pub(in crate::report) const PAGE_WIDTH: f64 = mm(210.0);
pub(in crate::report) const PAGE_HEIGHT: f64 = mm(297.0);
/// 天头
pub(in crate::report) const MARGIN_TOP: f64 = mm(37.0);
/// 订口
pub(in crate::report) const MARGIN_LEFT: f64 = mm(28.0);
/// 版心
pub(in crate::report) const TYPE_WIDTH: f64 = mm(156.0);
pub(in crate::report) const TYPE_HEIGHT: f64 = mm(225.0);
pub(in crate::report) const LINES: u32 = 22;
pub(in crate::report) const CHARACTERS: u32 = 28;
/// From the document number to the red rule.
pub(in crate::report) const RULE_DOWN: f64 = mm(4.0);
/// From the type area to the dash of the page number.
pub(in crate::report) const PAGE_NUMBER_DOWN: f64 = mm(7.0);
/// The first and the last rule of the imprint, and those between.
pub(in crate::report) const THICK_RULE: f64 = mm(0.35);
pub(in crate::report) const THIN_RULE: f64 = mm(0.25);

/// Sizes by their office names, in points.
pub(in crate::report) const SIZE_TWO: f64 = 22.0;
pub(in crate::report) const SIZE_THREE: f64 = 16.0;
pub(in crate::report) const SIZE_FOUR: f64 = 14.0;
pub(in crate::report) const SIZE_SMALL_FOUR: f64 = 12.0;
pub(in crate::report) const SIZE_FIVE: f64 = 10.5;
pub(in crate::report) const SIZE_SMALL_FIVE: f64 = 9.0;

/// A masthead is at most this high, at least this high before it is made narrower, and never narrower than this.
const MASTHEAD_HEIGHT_MAX: f64 = 56.0;
const MASTHEAD_SCALE_MIN: f64 = 0.66;

/// Millimetres in points, the unit of everything here.
pub(in crate::report) const fn mm(millimetres: f64) -> f64 {
    millimetres * 72.0 / 25.4
}

/// Points per line and per character of the body.
pub(in crate::report) fn line_pitch() -> f64 {
    TYPE_HEIGHT / f64::from(LINES)
}

pub(in crate::report) fn character_pitch() -> f64 {
    TYPE_WIDTH / f64::from(CHARACTERS)
}

/// How many Chinese characters wide a text is; letters and digits are half of one.
pub(in crate::report) fn width(text: &str) -> f64 {
    text.chars().map(|sign| sign.width_cjk().unwrap_or(0) as f64 / 2.0).sum()
}

/// As [`width`], with room for bold faces and substituted fonts, whose letters and digits are wider than half a character.
pub(in crate::report) fn roomy_width(text: &str) -> f64 {
    width(text) + 0.1 * text.chars().filter(char::is_ascii_graphic).count() as f64
}

/// From the top of the type area to the top of the masthead. The standard says it of documents; a bulletin needs the room.
pub(in crate::report) fn masthead_down(layout: Layout) -> f64 {
    match layout {
        Layout::Official => mm(35.0),
        Layout::Bulletin | Layout::Plain => mm(10.0),
    }
}

/// Height in points and width against height of a masthead that fills at most one line. Long names are set narrow before
/// they are set small, as printers do.
pub(in crate::report) fn masthead_size(text: &str) -> (f64, f64) {
    let room = TYPE_WIDTH * 0.98 / width(text).max(1.0);
    let height = (room / MASTHEAD_SCALE_MIN).min(MASTHEAD_HEIGHT_MAX);
    (height, (room / height).min(1.0))
}

/// How many characters the signature keeps free on its right so that it is centred over a date that keeps four free.
pub(in crate::report) fn signature_indent(sender: &str, date: &str) -> f64 {
    (DATE_INDENT + (width(date) - width(sender)) / 2.0).max(0.0)
}

/// Characters on the right of the date.
pub(in crate::report) const DATE_INDENT: f64 = 4.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pitches_fill_the_type_area() {
        assert!((character_pitch() - 15.793).abs() < 0.001 && (line_pitch() - 28.991).abs() < 0.001);
        assert!(PAGE_WIDTH - MARGIN_LEFT - TYPE_WIDTH > mm(25.0), "the cut edge");
    }

    #[test]
    fn a_masthead_fits_one_line() {
        for (name, height) in [("开福区简报", 56.0), ("长沙市开福区网格化综合服务中心文件", 38.6)]
        {
            let (points, scale) = masthead_size(name);
            assert!((points - height).abs() < 0.1, "{name}: {points}");
            assert!(points * scale * width(name) < TYPE_WIDTH, "{name}");
            assert!((0.66..=1.0).contains(&scale), "{name}: {scale}");
        }
    }

    #[test]
    fn the_signature_is_centred_over_the_date() {
        // 6.5 characters of date end 4 from the right; 12 characters centred over them end 1.25 from it.
        assert!((signature_indent("开福区网格化综合服务中心", "2024年6月28日") - 1.25).abs() < 1e-9);
        assert!(signature_indent(&"长".repeat(28), "2024年6月28日").abs() < 1e-9);
    }
}
