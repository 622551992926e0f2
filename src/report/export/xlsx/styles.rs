//! Fonts, borders, fills and number formats: how a style looks.

use std::collections::BTreeMap;

use rust_xlsxwriter::{Format as CellFormat, FormatAlign, FormatBorder, FormatUnderline};

use crate::report::features::Emphasis;
use crate::report::form::Align;
use crate::report::layout::{Role, Style};
use crate::report::number::Format;

const HEADER_FILL: u32 = 0xE8_EEF7;
const TOTAL_FILL: u32 = 0xF5_F5F5;
const RULE: u32 = 0x80_8080;

/// One cell format per style, made when first asked for.
#[derive(Default)]
pub(super) struct Formats(BTreeMap<Style, CellFormat>);

impl Formats {
    pub(super) fn of(&mut self, style: Style) -> &CellFormat {
        self.0.entry(style).or_insert_with(|| cell_format(style))
    }
}

fn cell_format(style: Style) -> CellFormat {
    let (font, size) = match style.role {
        Role::Title => ("黑体", 18.0),
        Role::Header => ("黑体", 10.0),
        Role::Registration | Role::UnitLine | Role::Signer => ("宋体", 10.5),
        Role::ColumnNumber => ("宋体", 9.0),
        Role::Body | Role::Total => ("宋体", 10.0),
        Role::Note => ("仿宋", 10.0),
        Role::Provenance => ("仿宋", 9.0),
    };
    let align = match style.align {
        Align::Left => FormatAlign::Left,
        Align::Center => FormatAlign::Center,
        Align::Right => FormatAlign::Right,
    };
    let upright = if style.role == Role::Note { FormatAlign::Top } else { FormatAlign::VerticalCenter };
    let mut format = CellFormat::new().set_font_name(font).set_font_size(size).set_align(align).set_align(upright);
    if matches!(style.role, Role::Header | Role::ColumnNumber | Role::Body | Role::Total) {
        format = format.set_border(FormatBorder::Thin).set_border_color(RULE).set_num_format(number_format(style));
    }
    format = match style.role {
        Role::Header => format.set_background_color(HEADER_FILL),
        Role::Total => format.set_bold().set_background_color(TOTAL_FILL),
        Role::Provenance => format.set_font_color(0x59_5959),
        _ => format,
    };
    format = match style.emphasis {
        Emphasis::None => format,
        // Bold as well: a mark must be seen on a black and white print.
        Emphasis::Warning => format.set_bold().set_font_color(0x9C_0006).set_background_color(0xFF_D7D7),
        Emphasis::Notice => format.set_font_color(0x7F_6000).set_background_color(0xFF_F2CC),
        Emphasis::Good => format.set_font_color(0x37_5623).set_background_color(0xE2_EFDA),
        Emphasis::Muted => format.set_font_color(0x7F_7F7F),
        Emphasis::Link => format.set_font_color(0x05_63C1).set_underline(FormatUnderline::Single),
    };
    if style.is_open {
        format = format.set_unlocked();
    }
    if style.wrap { format.set_text_wrap() } else { format }
}

/// Text columns are marked as text, so that a number typed over an identifier keeps its digits.
fn number_format(style: Style) -> String {
    match (style.role, style.format) {
        (Role::Header | Role::ColumnNumber, _) => "General".into(),
        (_, Format::Text | Format::Flag) => "@".into(),
        (_, Format::Date) => "yyyy-mm-dd".into(),
        (_, Format::DateTime) => "yyyy-mm-dd hh:mm".into(),
        (_, quantity) => decimals_of(quantity),
    }
}

/// How a quantity is written out; a whole number where the format says nothing of decimals.
pub(super) fn decimals_of(format: Format) -> String {
    let decimals =
        |digits: u8| if digits == 0 { "0".to_owned() } else { format!("0.{}", "0".repeat(usize::from(digits))) };
    match format {
        Format::Decimal(digits) => decimals(digits),
        Format::Percent(digits) => decimals(digits) + "%",
        Format::Wan(digits) => decimals(digits) + "\"万\"",
        _ => decimals(0),
    }
}
