//! Lists of the text as Word's own lists, so that a clerk can add to them.
//!
//! Numerals of headings are text instead. They have to be the same in every format, they are quoted ("第二部分"), and
//! automatic ones are lost when a document is pasted into an office system.

use super::package::WORD;
use super::styles::LIST;
use super::xml::twips;
use crate::report::document::page::character_pitch;

/// The lists of one document, in order of appearance: the first number, or a bullet.
#[derive(Default)]
pub(super) struct Lists(Vec<(Option<u64>, u8)>);

/// Levels a list can have in Word.
const LEVELS: u8 = 9;
/// The two kinds of lists by their numbers in the part.
const BULLETS: u8 = 0;
const NUMBERS: u8 = 1;

impl Lists {
    /// Adds a list; the number by which its paragraphs name it.
    pub(super) fn add(&mut self, first_number: Option<u64>, level: u8) -> usize {
        self.0.push((first_number, level));
        self.0.len()
    }

    /// `numbering.xml`
    pub(super) fn part(&self) -> String {
        let mut xml = format!("<w:numbering xmlns:w=\"{WORD}\">");
        for (kind, format) in [(BULLETS, "bullet"), (NUMBERS, "decimal")] {
            xml.push_str(&format!(
                "<w:abstractNum w:abstractNumId=\"{kind}\"><w:multiLevelType w:val=\"multilevel\"/>"
            ));
            for level in 0..LEVELS {
                let mark = if kind == BULLETS { "•".to_owned() } else { format!("%{}.", level + 1) };
                xml.push_str(&format!(
                    "<w:lvl w:ilvl=\"{level}\"><w:start w:val=\"1\"/><w:numFmt w:val=\"{format}\"/><w:lvlText w:val=\"{mark}\"/><w:lvlJc w:val=\"left\"/>\
                     <w:pPr>{}</w:pPr></w:lvl>",
                    indent(level)
                ));
            }
            xml.push_str("</w:abstractNum>");
        }
        for (number, (first, level)) in (1..).zip(&self.0) {
            let kind = if first.is_some() { NUMBERS } else { BULLETS };
            xml.push_str(&format!("<w:num w:numId=\"{number}\"><w:abstractNumId w:val=\"{kind}\"/>"));
            if let Some(first) = first {
                xml.push_str(&format!(
                    "<w:lvlOverride w:ilvl=\"{level}\"><w:startOverride w:val=\"{}\"/></w:lvlOverride>",
                    (*first).min(i32::MAX as u64)
                ));
            }
            xml.push_str("</w:num>");
        }
        xml + "</w:numbering>"
    }
}

pub(super) fn level(depth: usize) -> u8 {
    u8::try_from(depth).unwrap_or(LEVELS).min(LEVELS - 1)
}

/// Marks stand where a paragraph begins, two characters from the left; each level one further.
pub(super) fn indent(level: u8) -> String {
    let pitch = character_pitch();
    let left = pitch * (3.0 + f64::from(level));
    format!(
        "<w:tabs><w:tab w:val=\"num\" w:pos=\"{0}\"/></w:tabs><w:ind w:left=\"{0}\" w:hanging=\"{1}\"/>",
        twips(left),
        twips(pitch)
    )
}

/// The properties of a paragraph that begins an item, or goes on with it.
pub(super) fn item(list: usize, level: u8, is_first: bool) -> String {
    if is_first {
        format!("<w:numPr><w:ilvl w:val=\"{level}\"/><w:numId w:val=\"{list}\"/></w:numPr>")
    } else {
        format!("<w:ind w:left=\"{}\"/>", twips(character_pitch() * (3.0 + f64::from(level))))
    }
}

pub(super) const STYLE: &str = LIST;
