//! The styles a clerk goes on working with. Those that Word knows carry its English names, which it shows in Chinese
//! (标题 1, 正文); the others are named in Chinese here.
//!
//! The page has the grid of the standard, 22 lines of 28 characters, which Word counts from the size of `Normal`: 三号. Text
//! is not snapped to it but set on the same pitches. Snapping gives 28 characters in Word alone: LibreOffice gives a
//! character of 16 pt two cells of 15.79 pt, and fills numbers up to whole cells.

use super::fonts::{FANGSONG, HEITI, KAITI, LATIN, SONGTI, XIAOBIAOSONG};
use super::xml::twips;
use crate::report::document::Front;
use crate::report::document::page::{
    DATE_INDENT, RULE_DOWN, SIZE_FIVE, SIZE_FOUR, SIZE_SMALL_FIVE, SIZE_SMALL_FOUR, SIZE_THREE, SIZE_TWO, TYPE_WIDTH,
    character_pitch, line_pitch, masthead_down, masthead_size,
};

pub(super) const BODY: &str = "NormalIndent";
pub(super) const TITLE: &str = "Title";
pub(super) const BYLINE: &str = "Byline";
pub(super) const MASTHEAD: &str = "Masthead";
pub(super) const NUMBER: &str = "DocumentNumber";
pub(super) const SIGNATORY: &str = "SignatoryName";
pub(super) const ISSUE: &str = "Issue";
pub(super) const ISSUED: &str = "Issued";
pub(super) const RECIPIENTS: &str = "Recipients";
pub(super) const ATTACHMENTS: &str = "Attachments";
pub(super) const SIGNATURE: &str = "Signature";
pub(super) const DATE: &str = "Date";
pub(super) const COPIES: &str = "Copies";
pub(super) const PRINTED: &str = "Printed";
pub(super) const FOOTER: &str = "Footer";
pub(super) const LIST: &str = "ListParagraph";
pub(super) const RULE: &str = "Rule";
pub(super) const TABLE: &str = "StatisticsTable";
pub(super) const TABLE_CAPTION: &str = "TableCaption";
pub(super) const TABLE_HEAD: &str = "TableHead";
pub(super) const TABLE_TEXT: &str = "TableText";
pub(super) const TABLE_CENTER: &str = "TableCenter";
pub(super) const TABLE_NUMBER: &str = "TableNumber";
pub(super) const AFTER_TABLE: &str = "AfterTable";
pub(super) const FIGURE: &str = "Figure";
pub(super) const FIGURE_CAPTION: &str = "FigureCaption";
pub(super) const CARD_LABEL: &str = "CardLabel";
pub(super) const CARD_VALUE: &str = "CardValue";
pub(super) const CARD_NOTE: &str = "CardNote";
pub(super) const PROVENANCE: &str = "Provenance";
pub(super) const STRONG: &str = "Strong";
pub(super) const EMPHASIS: &str = "Emphasis";
const LEFT: &str = "<w:jc w:val=\"left\"/>";
const CENTER: &str = "<w:jc w:val=\"center\"/>";
const RIGHT: &str = "<w:jc w:val=\"right\"/>";
/// 公文红
const RED: &str = "FF0000";

pub(super) fn heading(level: u8) -> String {
    format!("Heading{level}")
}

struct Style<'a> {
    id: &'a str,
    name: &'a str,
    based_on: &'a str,
    next: &'a str,
    paragraph: String,
    run: String,
}

/// `styles.xml`; only the masthead depends on the text.
pub(super) fn part(front: &Front) -> String {
    let normal_run = half_points(SIZE_THREE);
    // A picture in the text makes its line higher instead of being cut off.
    let pitch = line();
    let mut xml = format!(
        "<w:styles xmlns:w=\"{}\"><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii=\"{LATIN}\" w:hAnsi=\"{LATIN}\" \
         w:eastAsia=\"{FANGSONG}\" w:cs=\"{LATIN}\"/>{normal_run}<w:lang w:val=\"en-US\" w:eastAsia=\"zh-CN\" w:bidi=\"ar-SA\"/></w:rPr></w:rPrDefault>\
         <w:pPrDefault/></w:docDefaults>\
         <w:style w:type=\"paragraph\" w:default=\"1\" w:styleId=\"Normal\"><w:name w:val=\"Normal\"/><w:qFormat/>\
         <w:pPr><w:widowControl w:val=\"0\"/><w:overflowPunct w:val=\"0\"/><w:autoSpaceDE w:val=\"0\"/><w:autoSpaceDN w:val=\"0\"/><w:snapToGrid w:val=\"0\"/><w:spacing w:line=\"{pitch}\" w:lineRule=\"atLeast\"/><w:jc w:val=\"both\"/></w:pPr>\
         <w:rPr>{ON_PITCH}{normal_run}</w:rPr></w:style>\
         <w:style w:type=\"character\" w:default=\"1\" w:styleId=\"DefaultParagraphFont\"><w:name w:val=\"Default Paragraph Font\"/><w:semiHidden/></w:style>\
         <w:style w:type=\"table\" w:default=\"1\" w:styleId=\"TableNormal\"><w:name w:val=\"Normal Table\"/><w:semiHidden/>\
         <w:tblPr><w:tblInd w:w=\"0\" w:type=\"dxa\"/><w:tblCellMar><w:left w:w=\"57\" w:type=\"dxa\"/><w:right w:w=\"57\" w:type=\"dxa\"/></w:tblCellMar></w:tblPr></w:style>",
        super::package::WORD
    );
    for style in paragraph_styles(front) {
        let style_type = "paragraph";
        xml.push_str(&format!(
            "<w:style w:type=\"{style_type}\"{} w:styleId=\"{}\"><w:name w:val=\"{}\"/><w:basedOn w:val=\"{}\"/><w:next w:val=\"{}\"/><w:qFormat/>\
             <w:pPr>{}</w:pPr><w:rPr>{}</w:rPr></w:style>",
            if style.name.is_ascii() { "" } else { " w:customStyle=\"1\"" },
            style.id,
            style.name,
            style.based_on,
            style.next,
            style.paragraph,
            style.run
        ));
    }
    for (id, name, run) in [
        (STRONG, "Strong", "<w:b/>".to_owned()),
        (EMPHASIS, "Emphasis", fonts(KAITI)),
        (SIGNATORY, "签发人姓名", fonts(KAITI)),
    ] {
        let custom = if name.is_ascii() { "" } else { " w:customStyle=\"1\"" };
        xml.push_str(&format!(
            "<w:style w:type=\"character\"{custom} w:styleId=\"{id}\"><w:name w:val=\"{name}\"/><w:basedOn w:val=\"DefaultParagraphFont\"/><w:qFormat/><w:rPr>{run}</w:rPr></w:style>"
        ));
    }
    let edges: String = ["top", "left", "bottom", "right", "insideH", "insideV"]
        .iter()
        .map(|edge| format!("<w:{edge} w:val=\"single\" w:sz=\"4\" w:space=\"0\" w:color=\"000000\"/>"))
        .collect();
    xml.push_str(&format!(
        "<w:style w:type=\"table\" w:customStyle=\"1\" w:styleId=\"{TABLE}\"><w:name w:val=\"统计表\"/><w:basedOn w:val=\"TableNormal\"/><w:qFormat/>\
         <w:tblPr><w:tblBorders>{edges}</w:tblBorders></w:tblPr></w:style></w:styles>"
    ));
    xml
}

fn paragraph_styles(front: &Front) -> Vec<Style<'static>> {
    let style =
        |id, name, based_on, next, paragraph: String, run: String| Style { id, name, based_on, next, paragraph, run };
    let indent = characters("firstLine", 2.0);
    let kept = "<w:keepNext/><w:keepLines/>";
    let headings = [
        ("Heading1", "heading 1", HEITI),
        ("Heading2", "heading 2", KAITI),
        ("Heading3", "heading 3", FANGSONG),
        ("Heading4", "heading 4", FANGSONG),
    ];
    let (masthead, scale) = masthead_size(&front.masthead);
    let mut styles = vec![
        style(BODY, "Normal Indent", "Normal", BODY, format!("<w:ind {indent}/>"), String::new()),
        style(
            TITLE,
            "Title",
            "Normal",
            BODY,
            format!("{kept}{}{CENTER}", exact(line_pitch(), 0.0, 1.0)),
            fonts(XIAOBIAOSONG) + &size(SIZE_TWO),
        ),
        style(BYLINE, "编制单位", "Normal", BODY, format!("{}{CENTER}", lines(0.0, 1.0)), fonts(KAITI)),
        style(
            MASTHEAD,
            "发文机关标志",
            "Normal",
            NUMBER,
            format!(
                "{kept}<w:spacing w:before=\"{}\" w:after=\"0\" w:line=\"{}\" w:lineRule=\"exact\"/>{CENTER}",
                twips(masthead_down(front.layout) - masthead * MASTHEAD_RISE),
                twips(masthead * MASTHEAD_LINE)
            ),
            format!(
                "{}<w:color w:val=\"{RED}\"/><w:spacing w:val=\"0\"/><w:w w:val=\"{:.0}\"/>{}",
                fonts(XIAOBIAOSONG),
                (scale * 100.0).floor(),
                half_points(masthead)
            ),
        ),
        style(
            NUMBER,
            "发文字号",
            "Normal",
            TITLE,
            format!("{kept}{}{}{CENTER}", red_rule(), lines(2.0, 2.0)),
            String::new(),
        ),
        style(ISSUE, "期号", "Normal", ISSUED, format!("{kept}{}{CENTER}", lines(1.0, 1.0)), String::new()),
        style(
            ISSUED,
            "编发单位",
            "Normal",
            TITLE,
            format!("{kept}{}{}{}{LEFT}", red_rule(), ends_tabs(), lines(0.0, 2.0)),
            String::new(),
        ),
        style(RECIPIENTS, "主送机关", "Normal", BODY, LEFT.to_owned(), String::new()),
        style(ATTACHMENTS, "附件说明", "Normal", ATTACHMENTS, format!("{kept}{LEFT}"), String::new()),
        style(SIGNATURE, "发文机关署名", "Normal", DATE, format!("{kept}{}{RIGHT}", lines(2.0, 0.0)), String::new()),
        style(
            DATE,
            "成文日期",
            "Normal",
            BODY,
            format!("<w:ind {}/>{RIGHT}", characters("right", DATE_INDENT)),
            String::new(),
        ),
        style(COPIES, "抄送机关", "Normal", PRINTED, single(3.0, 3.0) + LEFT, size(SIZE_FOUR)),
        style(PRINTED, "印发机关", "Normal", PRINTED, single(3.0, 3.0) + LEFT, size(SIZE_FOUR)),
        style(
            FOOTER,
            "footer",
            "Normal",
            FOOTER,
            format!("{}{CENTER}", exact(SIZE_FOUR, 0.0, 0.0)),
            fonts(SONGTI) + &size(SIZE_FOUR),
        ),
        style(LIST, "List Paragraph", "Normal", LIST, String::new(), String::new()),
        style(
            RULE,
            "分隔线",
            "Normal",
            BODY,
            format!(
                "<w:pBdr><w:bottom w:val=\"single\" w:sz=\"4\" w:space=\"1\" w:color=\"808080\"/></w:pBdr>{}",
                exact(6.0, 0.0, 0.5)
            ),
            size(1.0),
        ),
        style(
            TABLE_CAPTION,
            "表题",
            "Normal",
            TABLE_TEXT,
            format!("{kept}{CENTER}"),
            fonts(HEITI) + &size(SIZE_SMALL_FOUR),
        ),
        style(
            TABLE_TEXT,
            "表文字",
            "Normal",
            TABLE_TEXT,
            single(1.0, 1.0) + LEFT,
            fonts_over_latin(SONGTI) + &size(SIZE_FIVE),
        ),
        style(TABLE_CENTER, "表文字居中", TABLE_TEXT, TABLE_CENTER, CENTER.to_owned(), String::new()),
        style(TABLE_NUMBER, "表数字", TABLE_TEXT, TABLE_NUMBER, RIGHT.to_owned(), String::new()),
        style(TABLE_HEAD, "表头", TABLE_TEXT, TABLE_HEAD, format!("<w:keepNext/>{CENTER}"), fonts(HEITI)),
        style(AFTER_TABLE, "表后空", "Normal", BODY, exact(8.0, 0.0, 0.0), size(1.0)),
        style(
            FIGURE,
            "图",
            "Normal",
            FIGURE_CAPTION,
            format!("<w:keepNext/>{}{CENTER}", single(6.0, 0.0)),
            String::new(),
        ),
        style(FIGURE_CAPTION, "图题", "Normal", BODY, single(2.0, 6.0) + CENTER, fonts(HEITI) + &size(SIZE_SMALL_FOUR)),
        style(
            CARD_LABEL,
            "要数名称",
            "Normal",
            CARD_VALUE,
            format!("<w:keepNext/>{}{CENTER}", single(0.0, 0.0)),
            fonts_over_latin(SONGTI) + &size(SIZE_FIVE),
        ),
        style(
            CARD_VALUE,
            "要数",
            "Normal",
            CARD_NOTE,
            format!("<w:keepNext/>{}{CENTER}", single(0.0, 0.0)),
            fonts(HEITI) + &size(SIZE_THREE),
        ),
        style(
            CARD_NOTE,
            "要数说明",
            "Normal",
            BODY,
            single(0.0, 0.0) + CENTER,
            fonts_over_latin(SONGTI) + &size(SIZE_SMALL_FIVE),
        ),
        style(
            PROVENANCE,
            "数据说明",
            "Normal",
            BODY,
            single(line_pitch(), 0.0) + LEFT,
            fonts_over_latin(SONGTI) + &size(SIZE_SMALL_FIVE),
        ),
    ];
    for ((id, name, font), level) in headings.into_iter().zip(0..) {
        let paragraph = format!("{kept}<w:ind {indent}/><w:outlineLvl w:val=\"{level}\"/>");
        // Level 3 and 4 are set as the body is, digits and all.
        let run = if font == FANGSONG { String::new() } else { fonts(font) };
        styles.push(style(id, name, "Normal", BODY, paragraph, run));
    }
    styles
}

/// 16 pt set 2 % narrow and a tenth of a point apart, 15.78 pt: 28 characters take the width of the type area.
const ON_PITCH: &str = "<w:spacing w:val=\"2\"/><w:w w:val=\"98\"/>";

/// Of its height, how far a masthead's signs begin below the top of its line, and how high that line is.
const MASTHEAD_RISE: f64 = 0.15;
const MASTHEAD_LINE: f64 = 1.2;

/// Text of a size of its own, off the pitch of the body.
fn size(points: f64) -> String {
    format!("<w:spacing w:val=\"0\"/><w:w w:val=\"100\"/>{}", half_points(points))
}

fn half_points(points: f64) -> String {
    let size = (points * 2.0).round();
    format!("<w:sz w:val=\"{size}\"/><w:szCs w:val=\"{size}\"/>")
}

/// Lines as high as their text needs, space around in points.
fn single(before: f64, after: f64) -> String {
    format!(
        "<w:spacing w:before=\"{}\" w:after=\"{}\" w:line=\"240\" w:lineRule=\"auto\"/>",
        twips(before),
        twips(after)
    )
}

/// One font for all signs.
fn fonts(name: &str) -> String {
    format!("<w:rFonts w:ascii=\"{name}\" w:hAnsi=\"{name}\" w:eastAsia=\"{name}\" w:cs=\"{name}\"/>")
}

/// Chinese in this font, letters and digits as in the body.
fn fonts_over_latin(name: &str) -> String {
    format!("<w:rFonts w:eastAsia=\"{name}\"/>")
}

/// A line in twentieths of a point, rounded down so that 22 of them fit.
pub(super) fn line() -> f64 {
    (line_pitch() * 20.0).floor()
}

/// Space above and below in lines of the grid.
pub(super) fn lines(before: f64, after: f64) -> String {
    format!(
        "<w:spacing w:beforeLines=\"{:.0}\" w:before=\"{}\" w:afterLines=\"{:.0}\" w:after=\"{}\"/>",
        before * 100.0,
        (before * line()).round(),
        after * 100.0,
        (after * line()).round()
    )
}

/// Lines exactly this high; space around in lines of the grid.
fn exact(height: f64, before: f64, after: f64) -> String {
    format!(
        "<w:spacing w:before=\"{}\" w:after=\"{}\" w:line=\"{}\" w:lineRule=\"exact\"/>",
        (before * line()).round(),
        (after * line()).round(),
        (height * 20.0).floor()
    )
}

/// An indent in characters, and in points for programs that do not count characters.
pub(super) fn characters(side: &str, count: f64) -> String {
    format!("w:{side}Chars=\"{:.0}\" w:{side}=\"{}\"", count * 100.0, twips(character_pitch() * count))
}

/// Tabs to one character from either end of the line. Indents would shorten the rule below.
pub(super) fn ends_tabs() -> String {
    format!(
        "<w:tabs><w:tab w:val=\"left\" w:pos=\"{}\"/><w:tab w:val=\"right\" w:pos=\"{}\"/></w:tabs>",
        twips(character_pitch()),
        twips(TYPE_WIDTH - character_pitch())
    )
}

fn red_rule() -> String {
    format!("<w:pBdr><w:bottom w:val=\"single\" w:sz=\"18\" w:space=\"{:.0}\" w:color=\"{RED}\"/></w:pBdr>", RULE_DOWN)
}
