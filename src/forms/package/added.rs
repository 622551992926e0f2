//! A sheet that is added after those of the form: a header that stays in view and rows of texts and numbers.

use unicode_width::UnicodeWidthStr as _;

use super::AddedSheet;
use super::fill::literal;
use super::references::cell_name;
use super::xml::{escaped, escaped_text};

const WIDTH_MAX: usize = 60;

/// The part. `header` is the cell format of the header's cells.
pub(super) fn part(sheet: &AddedSheet, namespace: &str, header: u32) -> String {
    let columns = sheet.rows.iter().map(Vec::len).chain([sheet.header.len()]).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in std::iter::once(&sheet.header).chain(&sheet.rows) {
        for (width, text) in widths.iter_mut().zip(row) {
            let longest = text.lines().map(|line| line.width()).max().unwrap_or(0);
            *width = longest.min(WIDTH_MAX).max(*width);
        }
    }
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<worksheet xmlns=\"{}\"><sheetViews>\
         <sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>\
         <selection pane=\"bottomLeft\"/></sheetView></sheetViews>",
        escaped(namespace)
    );
    if !widths.is_empty() {
        out.push_str("<cols>");
        for (column, width) in (1..).zip(&widths) {
            let width = width + 3;
            out.push_str(&format!("<col min=\"{column}\" max=\"{column}\" width=\"{width}\" customWidth=\"1\"/>"));
        }
        out.push_str("</cols>");
    }
    out.push_str("<sheetData>");
    for (row, (texts, style)) in
        (0..).zip(std::iter::once((&sheet.header, header)).chain(sheet.rows.iter().map(|row| (row, 0))))
    {
        out.push_str(&format!("<row r=\"{}\">", row + 1));
        for (column, text) in (0..).zip(texts) {
            if text.is_empty() && style == 0 {
                continue;
            }
            let name = cell_name(row, column);
            let style = if style == 0 { String::new() } else { format!(" s=\"{style}\"") };
            if row > 0 && is_number(text) {
                out.push_str(&format!("<c r=\"{name}\"{style}><v>{text}</v></c>"));
            } else {
                let text = escaped_text(&literal(text));
                out.push_str(&format!(
                    "<c r=\"{name}\"{style} t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>"
                ));
            }
        }
        out.push_str("</row>");
    }
    out.push_str("</sheetData></worksheet>");
    out
}

/// Whether a text would be shown as it is if it were a number. Longer ones may be codes, and lose digits.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "1"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits.len() <= 10
        && are_digits(whole)
        && are_digits(fraction)
        && (whole == "0" || !whole.starts_with('0'))
        && !fraction.ends_with('0')
        && text != "-0"
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_that_are_shown_as_they_stand() {
        let numbers = ["0", "12", "-3.25", "0.5", "1234567890"];
        let texts = ["", "007", "1.50", "15412345678", "1e3", "=1", "-", ".5", "5.", "+1", "-0", "１２"];
        assert!(numbers.iter().all(|text| super::is_number(text)));
        assert!(texts.iter().all(|text| !super::is_number(text)));
    }
}
