//! Text on its way into XML, and the two shapes that everything here is made of: paragraphs and runs. Everything
//! written by a person or read from a delivery passes [`text`], and nowhere else.

use unicode_width::UnicodeWidthChar;

use super::styles::{EMPHASIS, STRONG};
use crate::report::document::Run;

/// Points in twentieths, the unit of most measures.
pub(super) fn twips(points: f64) -> i64 {
    (points * 20.0).round() as i64
}

/// Text or an attribute's value. What XML cannot hold is left out.
pub(super) fn text(text: &str, out: &mut String) {
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => out.push(' '),
            '\0'..='\x1F' | '\u{FFFE}' | '\u{FFFF}' => {}
            _ => out.push(sign),
        }
    }
}

pub(super) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    text(value, &mut out);
    out
}

/// A paragraph in a style, with properties of its own where it must differ.
pub(super) fn paragraph(style: &str, own: &str, out: &mut String, fill: impl FnOnce(&mut String)) {
    out.push_str("<w:p><w:pPr><w:pStyle w:val=\"");
    out.push_str(style);
    out.push_str("\"/>");
    out.push_str(own);
    out.push_str("</w:pPr>");
    fill(out);
    out.push_str("</w:p>");
}

/// Text in the hand of its paragraph; a line break is `\n`, a tab `\t`.
pub(super) fn plain_run(words: &str, out: &mut String) {
    run(words, None, None, out);
}

/// Text of the body; in a size of its own, in half points, where that is named.
pub(super) fn runs(runs: &[Run], half_points: Option<u32>, out: &mut String) {
    for Run { text, is_strong, is_emphasis, .. } in runs {
        let style = match (is_strong, is_emphasis) {
            (true, _) => Some(STRONG),
            (false, true) => Some(EMPHASIS),
            (false, false) => None,
        };
        run(text, style, half_points, out);
    }
}

pub(super) fn run(words: &str, style: Option<&str>, half_points: Option<u32>, out: &mut String) {
    if words.is_empty() {
        return;
    }
    out.push_str("<w:r>");
    let is_ambiguous = words.chars().any(is_ambiguous);
    if style.is_some() || half_points.is_some() || is_ambiguous {
        out.push_str("<w:rPr>");
        if let Some(style) = style {
            out.push_str(&format!("<w:rStyle w:val=\"{style}\"/>"));
        }
        if is_ambiguous {
            out.push_str("<w:rFonts w:hint=\"eastAsia\"/>");
        }
        if let Some(size) = half_points {
            out.push_str(&format!("<w:sz w:val=\"{size}\"/><w:szCs w:val=\"{size}\"/>"));
        }
        out.push_str("</w:rPr>");
    }
    for (number, line) in words.split('\n').enumerate() {
        if number > 0 {
            out.push_str("<w:br/>");
        }
        for (number, piece) in line.split('\t').enumerate() {
            if number > 0 {
                out.push_str("<w:tab/>");
            }
            if !piece.is_empty() {
                out.push_str("<w:t xml:space=\"preserve\">");
                text(piece, out);
                out.push_str("</w:t>");
            }
        }
    }
    out.push_str("</w:r>");
}

/// Quotation marks, dashes, dots and the like belong to both scripts. Word sets them in the Latin font, half as wide as
/// they should be, unless told that the text is Chinese.
fn is_ambiguous(sign: char) -> bool {
    !sign.is_ascii() && sign.width() == Some(1) && sign.width_cjk() == Some(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_any_text() {
        assert_eq!(escaped("a<b>&\"c\"\u{1}\u{FFFE}\t\r\n㮾🧭"), "a&lt;b&gt;&amp;&quot;c&quot;   㮾🧭");
    }

    #[test]
    fn breaks_tabs_and_signs_of_both_scripts() {
        let mut out = String::new();
        plain_run("“甲”\t乙\n2024", &mut out);
        assert_eq!(
            out,
            "<w:r><w:rPr><w:rFonts w:hint=\"eastAsia\"/></w:rPr><w:t xml:space=\"preserve\">“甲”</w:t><w:tab/>\
             <w:t xml:space=\"preserve\">乙</w:t><w:br/><w:t xml:space=\"preserve\">2024</w:t></w:r>"
        );
        let mut out = String::new();
        plain_run("", &mut out);
        assert_eq!(out, "");
    }
}
