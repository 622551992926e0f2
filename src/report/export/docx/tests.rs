//! Structure and measures from the file itself. What Word and LibreOffice make of it is tested with the real program.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;

use super::*;
use crate::report::chart::{CHART_KINDS, Chart, Point, Role, Series};
use crate::report::document::{self, FrontMatter, Run};
use crate::report::fonts;
use crate::report::layout::Properties;
use crate::report::number::Format;
use crate::report::provenance::Provenance;
use crate::report::summary::{Block, Card, Piece};
use crate::report::wording::Names;

const OFFICIAL: &str = "layout: official\nnumber: 开网格〔2024〕5号\nrecipients: 各街道办事处，区直相关单位\n\
                        attachments: [情况表, 清单]\ncopies: 区委办公室，区政府办公室\nprinted_by: 网格中心办公室";
const BULLETIN: &str = "layout: bulletin\nmasthead: 网格化工作简报\nissue: 第12期";

fn pieces(text: &str) -> Vec<Piece> {
    vec![Piece::Markdown(text.to_owned())]
}

/// A summary with a front matter, as a template would have made it.
fn summary(front: &str, title: &str, pieces: &[Piece]) -> Summary {
    let names = Names::default()
        .with(&[("office".into(), "开福区网格化综合服务中心".into()), ("made_on".into(), "2024年6月28日".into())]);
    let source = format!("---\n{front}\n---\n");
    let (matter, _) = FrontMatter::split(Path::new("summary.md.j2"), &source).expect("front matter");
    let front = matter.fill(&names);
    let day = chrono::NaiveDate::from_ymd_opt(2024, 6, 28).expect("a day");
    Summary {
        title: title.to_owned(),
        as_of: "2024年6月27日".to_owned(),
        provenance: "数据截止：2024年6月27日".to_owned(),
        properties: Properties {
            title: title.to_owned(),
            subject: "开福区".to_owned(),
            author: front.sender.clone(),
            comment: "数据快照：s-0001".to_owned(),
            created: day.and_hms_opt(2, 10, 0).expect("a time"),
            record: Provenance {
                report: "daily_brief".into(),
                title: "“每日” & <要情>  ".into(),
                file: "每日要情.docx".into(),
                queries: (0..20).map(|number| (format!("marts/v{number}.sql"), "0".repeat(64))).collect(),
                ..Provenance::new()
            },
        },
        fonts: None,
        blocks: document::read(pieces, front.is_numbered),
        front,
        sources: None,
    }
}

fn parts(summary: &Summary) -> BTreeMap<String, Vec<u8>> {
    let bytes = package(summary).expect("a package");
    assert_eq!(bytes, package(summary).expect("a package"), "the same summary gives the same bytes");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("a package");
    let names: Vec<String> = archive.file_names().map(|name| name.expect("a name").into_owned()).collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(names, sorted);
    let mut parts = BTreeMap::new();
    for name in names {
        let mut part = Vec::new();
        archive.by_name(&name).expect("a part").read_to_end(&mut part).expect("a part");
        if !name.ends_with(".png") {
            assert_is_xml(&name, &part);
        }
        parts.insert(name, part);
    }
    parts
}

fn text_of(parts: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    String::from_utf8(parts[name].clone()).expect("UTF-8")
}

/// The body of the document.
fn body(summary: &Summary) -> String {
    text_of(&parts(summary), "word/document.xml")
}

/// Tags are closed, and every sign is one that XML 1.0 can hold.
fn assert_is_xml(name: &str, part: &[u8]) {
    let text = std::str::from_utf8(part).expect("UTF-8");
    let bad = |sign: &char| matches!(sign, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}');
    assert_eq!(text.chars().find(bad), None, "{name}");
    let mut reader = Reader::from_str(text);
    let mut open = 0_i64;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{name}: {error}")) {
            Event::Start(_) => open += 1,
            Event::End(_) => open -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, 0, "{name}");
}

/// Every value of an attribute, in order.
fn values<'a>(xml: &'a str, before: &str) -> Vec<&'a str> {
    xml.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn number(xml: &str, before: &str) -> f64 {
    values(xml, before).first().and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {before} in {xml}"))
}

/// Text of each paragraph with its style; tabs as `→`, breaks as `↵`.
fn paragraphs(xml: &str) -> Vec<(String, String)> {
    let paragraph = |paragraph: &str| {
        let paragraph = paragraph.split("</w:p>").next().unwrap_or_default();
        let style = values(paragraph, "<w:pStyle w:val=\"").first().map_or("", |style| style).to_owned();
        let words = paragraph.replace("<w:tab/>", "<w:t>→</w:t>").replace("<w:br/>", "<w:t>↵</w:t>");
        let words: String = words
            .split("<w:t")
            .skip(1)
            .filter(|piece| piece.starts_with('>') || piece.starts_with(" xml:space"))
            .filter_map(|piece| piece.split_once('>')?.1.split("</w:t>").next())
            .collect();
        (style, words)
    };
    xml.split("<w:p>").skip(1).map(paragraph).collect()
}

fn words_in(xml: &str, style: &str) -> Vec<String> {
    paragraphs(xml).into_iter().filter(|(own, _)| own == style).map(|(_, words)| words).collect()
}

#[test]
fn every_part_is_known_and_leads_to_parts_that_are_there() {
    for front in ["", BULLETIN, OFFICIAL] {
        let parts = parts(&summary(front, "标题", &pieces("正文")));
        let types = text_of(&parts, "[Content_Types].xml");
        let overrides = values(&types, "PartName=\"/");
        assert!(overrides.iter().all(|name| parts.contains_key(*name)), "{types}");
        for name in parts.keys().filter(|name| name.starts_with("word/") && name.ends_with(".xml")) {
            assert!(overrides.contains(&name.as_str()), "{name}");
        }
        for (relations, folder) in [("_rels/.rels", ""), ("word/_rels/document.xml.rels", "word/")] {
            let relations = text_of(&parts, relations);
            for target in values(&relations, "Target=\"") {
                assert!(parts.contains_key(&format!("{folder}{target}")), "{target}");
            }
        }
        let relations = text_of(&parts, "word/_rels/document.xml.rels");
        let ids: BTreeSet<&str> = values(&relations, "Id=\"").into_iter().collect();
        let document = text_of(&parts, "word/document.xml");
        assert!(values(&document, "r:id=\"").iter().all(|id| ids.contains(id)));
    }
}

#[test]
fn the_page_is_that_of_the_standard() {
    let document = body(&summary(OFFICIAL, "标题", &pieces("正文")));
    let in_mm = |name: &str| number(&document, &format!("w:{name}=\"")) / 20.0 * 25.4 / 72.0;
    let section = document.split("<w:sectPr>").nth(1).unwrap_or_default();
    let mm = |name: &str| number(section, &format!(" w:{name}=\"")) / 20.0 * 25.4 / 72.0;
    for (name, expected) in [("w", 210.0), ("h", 297.0), ("top", 37.0), ("left", 28.0)] {
        assert!((mm(name) - expected).abs() < 0.02, "{name} {}", mm(name));
    }
    let (width, height) = (mm("w") - mm("left") - mm("right"), mm("h") - mm("top") - mm("bottom"));
    assert!((width - 156.0).abs() < 0.02 && (height - 225.0).abs() < 0.02, "{width} {height}");
    assert!(in_mm("gutter").abs() < 0.01);
    assert!(section.contains("w:docGrid w:type=\"linesAndChars\""));
    let points = |mm: f64| mm * 72.0 / 25.4;
    let (line, character) =
        (number(section, "w:linePitch=\"") / 20.0, 16.0 + number(section, "w:charSpace=\"") / 4096.0);
    assert_eq!((points(height) / line).floor(), 22.0, "{line}");
    assert_eq!((points(width) / character).floor(), 28.0, "{character}");
    assert!((points(height) / line - 22.0) < 0.05 && (points(width) / character - 28.0) < 0.001);
    // The dash of the page number is 7 mm below the type area, in the middle of its line.
    let dash = mm("bottom") - mm("footer") - 14.0 / 2.0 * 25.4 / 72.0;
    assert!((dash - 7.0).abs() < 0.1, "{dash}");
}

#[test]
fn text_is_set_on_the_pitch_of_the_grid() {
    let styles = text_of(&parts(&summary("", "标题", &pieces("正文"))), "word/styles.xml");
    let normal = styles.split("w:styleId=\"Normal\">").nth(1).and_then(|rest| rest.split("</w:style>").next());
    let normal = normal.unwrap_or_default();
    assert!(normal.contains("<w:sz w:val=\"32\"/>") && normal.contains("w:lineRule=\"atLeast\""), "{normal}");
    assert_eq!(number(normal, "w:line=\""), 579.0);
    let run = normal.split("<w:rPr>").nth(1).unwrap_or_default();
    let pitch = 16.0 * number(run, "<w:w w:val=\"") / 100.0 + number(run, "<w:spacing w:val=\"") / 20.0;
    assert_eq!((156.0 * 72.0 / 25.4 / pitch).floor(), 28.0);
    assert!((pitch - 15.79).abs() < 0.02, "{pitch}");
}

#[test]
fn styles_are_those_of_word_and_used_ones_are_declared() {
    let pieces = [
        Piece::Block(Block::Cards(vec![Card { label: Run::marked("在办"), value: Run::marked("3"), unit: Run::marked("件"), note: Run::default() }])),
        Piece::Markdown("## 一\n\n### 二\n\n#### 三\n\n##### 四\n\n正文**重***轻*\n\n- 项\n\n---\n\n表：题\n\n| 甲 | 乙 |\n|:-:|--:|\n| 1 | 2 |\n".into()),
    ];
    for front in ["", BULLETIN, OFFICIAL, "layout: official\nsignatory: 张三"] {
        let parts = parts(&summary(front, "标题", &pieces));
        let styles = text_of(&parts, "word/styles.xml");
        let declared: BTreeSet<&str> = values(&styles, "w:styleId=\"").into_iter().collect();
        for part in parts.keys().filter(|name| name.starts_with("word/") && !name.contains("rels")) {
            let xml = text_of(&parts, part);
            for attribute in [
                "<w:pStyle w:val=\"",
                "<w:rStyle w:val=\"",
                "<w:tblStyle w:val=\"",
                "<w:basedOn w:val=\"",
                "<w:next w:val=\"",
            ] {
                for used in values(&xml, attribute) {
                    assert!(declared.contains(used), "{part}: {used}");
                }
            }
        }
        assert_eq!(values(&styles, "<w:outlineLvl w:val=\""), ["0", "1", "2", "3"]);
        for name in [
            "Normal",
            "heading 1",
            "heading 4",
            "Title",
            "footer",
            "主送机关",
            "表题",
            "图题",
            "表文字",
            "成文日期",
            "附件说明",
        ] {
            assert!(styles.contains(&format!("<w:name w:val=\"{name}\"/>")), "{name}");
        }
    }
    let fonts = text_of(&parts(&summary("", "标题", &pieces)), "word/fontTable.xml");
    for font in ["方正小标宋简体", "仿宋_GB2312", "楷体_GB2312", "黑体", "宋体"] {
        assert!(fonts.contains(&format!("<w:font w:name=\"{font}\"><w:altName w:val=\"")), "{font}");
    }
}

#[test]
fn headings_and_lists_read_as_in_every_format() {
    let text =
        "## 总体\n\n### 吹哨\n\n#### 上报\n\n##### 街道\n\n## 问题\n\n1. 甲\n2. 乙\n   - 丙\n\n3\\. 丁\n\n5. 戊\n";
    let document = body(&summary("", "标题", &pieces(text)));
    let heads: Vec<_> = paragraphs(&document).into_iter().filter(|(style, _)| style.starts_with("Heading")).collect();
    let shown: Vec<&str> = heads.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(shown, ["一、总体", "（一）吹哨", "1.上报", "（1）街道", "二、问题"]);
    assert_eq!(heads[3].0, "Heading4");
    assert_eq!(words_in(&document, "ListParagraph"), ["甲", "乙", "丙", "戊"]);
    assert_eq!(values(&document, "<w:numId w:val=\""), ["1", "1", "2", "3"]);
    let numbering = text_of(&parts(&summary("", "标题", &pieces(text))), "word/numbering.xml");
    assert_eq!(values(&numbering, "<w:startOverride w:val=\""), ["1", "5"]);
}

#[test]
fn what_stands_below_the_text_is_not_left_alone() {
    let kept = |document: &str| -> Vec<String> {
        let all = document.split("<w:p>").skip(1).map(|paragraph| paragraph.split("</w:p>").next().unwrap_or_default());
        all.filter(|own| own.contains("<w:keepNext/>"))
            .flat_map(|own| paragraphs(&format!("<w:p>{own}")))
            .map(|(_, words)| words)
            .collect()
    };
    assert_eq!(kept(&body(&summary(OFFICIAL, "标题", &pieces("甲\n\n1. 乙\n2. 丙\n")))), ["丙"]);
    let table = format!("甲\n\n| 名 |\n|---|\n{}\n丁\n", "| 乙 |\n".repeat(9));
    assert_eq!(kept(&body(&summary(OFFICIAL, "标题", &pieces(&table)))), ["乙", "乙", "丁"]);
}

/// Every row of a table as the spans of its cells.
fn spans(table: &str) -> Vec<Vec<usize>> {
    let span =
        |cell: &str| values(cell, "<w:gridSpan w:val=\"").first().map_or(1, |span| span.parse().expect("a number"));
    table.split("<w:tr>").skip(1).map(|row| row.split("<w:tc>").skip(1).map(span).collect()).collect()
}

#[test]
fn tables_repeat_their_head_keep_rows_whole_and_merge() {
    let text = "表：各单位\n\n| 街道 | 哨 | < | 率 |\n|---|--:|--:|--:|\n| 东 | 1 | 2 | 3% |\n| ^ | 3 | < | 4% |\n| 合计 | ^ | ^ | 5% |\n";
    let document = body(&summary("", "标题", &pieces(text)));
    assert_eq!(words_in(&document, "TableCaption"), ["表1　各单位"]);
    let table = document.split("<w:tbl>").nth(1).and_then(|rest| rest.split("</w:tbl>").next()).unwrap_or_default();
    assert_eq!((table.matches("<w:tblHeader/>").count(), table.matches("<w:cantSplit/>").count()), (1, 4));
    assert_eq!(spans(table), [vec![1, 2, 1], vec![1, 1, 1, 1], vec![1, 2, 1], vec![1, 2, 1]]);
    assert_eq!((table.matches("w:val=\"restart\"").count(), table.matches("<w:vMerge/>").count()), (2, 2));
    let widths: f64 = values(table, "<w:gridCol w:w=\"").iter().filter_map(|width| width.parse::<f64>().ok()).sum();
    assert!(widths <= 8844.0 && widths > 3000.0, "{widths}");
    assert_eq!(words_in(&document, "TableNumber"), ["1", "2", "3%", "3", "4%", "5%"]);
}

#[test]
fn wide_and_long_tables_stay_on_the_page() {
    let wide = format!("|{}\n|{}\n|{}\n", " 指标名称 |".repeat(20), "--:|".repeat(20), " 12345 |".repeat(20));
    let document = body(&summary("", "标题", &pieces(&wide)));
    let table = document.split("<w:tbl>").nth(1).unwrap_or_default();
    let widths: Vec<i64> = values(table, "<w:gridCol w:w=\"").iter().filter_map(|width| width.parse().ok()).collect();
    assert!(
        widths.len() == 20 && widths.iter().sum::<i64>() <= 8844 && widths.iter().all(|width| *width > 300),
        "{widths:?}"
    );
    assert!(table.contains("<w:sz w:val=\"15\"/>"), "set smaller");

    let long = format!("| 名 | 数 |\n|---|--:|\n{}", "| 东风路街道 | 1 |\n".repeat(10_000));
    let document = body(&summary("", "标题", &pieces(&long)));
    assert_eq!(document.matches("<w:tr>").count(), 10_001);
}

#[test]
fn an_official_document_has_its_head_and_foot() {
    let official = summary(OFFICIAL, "关于2024年上半年全区网格吹哨办理情况的通报", &pieces("现将情况通报如下。"));
    let parts = parts(&official);
    let document = text_of(&parts, "word/document.xml");
    let shown: Vec<String> =
        paragraphs(&document).into_iter().map(|(style, words)| format!("{style} {words}")).collect();
    assert_eq!(
        shown,
        [
            "Masthead 开福区网格化综合服务中心文件",
            "DocumentNumber 开网格〔2024〕5号",
            "Title 关于2024年上半年↵全区网格吹哨办理情况的通报",
            "Recipients 各街道办事处，区直相关单位：",
            "NormalIndent 现将情况通报如下。",
            "Attachments 附件：1.→情况表",
            "Attachments 2.→清单",
            "Signature 开福区网格化综合服务中心",
            "Date 2024年6月28日",
            "Copies 抄送：区委办公室，区政府办公室。",
            "Printed →网格中心办公室→2024年6月28日印发",
            "AfterTable ",
        ]
    );
    assert!(document.contains("w:vertAnchor=\"margin\"") && document.contains("w:tblpYSpec=\"bottom\""));
    // 0.35 and 0.25 mm in eighths of a point.
    assert_eq!(values(&document, "w:sz=\""), ["8", "8", "6"]);
    let styles = text_of(&parts, "word/styles.xml");
    let date = styles.split("w:styleId=\"Date\">").nth(1).unwrap_or_default();
    assert_eq!(number(date, "w:rightChars=\""), 400.0);
    assert_eq!(number(&document, "w:rightChars=\""), 125.0, "the sender is centred over the date");
    let masthead = styles.split("w:styleId=\"Masthead\">").nth(1).and_then(|rest| rest.split("</w:style>").next());
    let masthead = masthead.unwrap_or_default();
    let wide = number(masthead, "<w:sz w:val=\"") / 2.0 * number(masthead, "<w:w w:val=\"") / 100.0 * 14.0;
    assert!(masthead.contains("FF0000") && wide < 442.2 && wide > 400.0, "{wide}: {masthead}");

    assert!(text_of(&parts, "word/settings.xml").contains("<w:evenAndOddHeaders/>"));
    let (odd, even) = (text_of(&parts, "word/footer_default.xml"), text_of(&parts, "word/footer_even.xml"));
    assert!(odd.contains("<w:jc w:val=\"right\"/>") && odd.contains("w:right=\"280\""), "{odd}");
    assert!(even.contains("<w:jc w:val=\"left\"/>") && even.contains("w:left=\"280\""), "{even}");
    assert_eq!(paragraphs(&odd), [("Footer".to_owned(), "— 1 —".to_owned())]);
}

#[test]
fn documents_that_go_upwards_name_who_signs() {
    let front = format!("{OFFICIAL}\nsignatory: 张三、李四、王五");
    let document = body(&summary(&front, "请示", &pieces("正文")));
    assert_eq!(words_in(&document, "DocumentNumber"), ["→→签发人：→张三　李四", "→开网格〔2024〕5号→→王五"]);
    assert_eq!(values(&document, "<w:rStyle w:val=\""), ["SignatoryName", "SignatoryName"]);
}

#[test]
fn bulletins_and_plain_reports_have_heads_of_their_own() {
    let bulletin = summary(BULLETIN, "每日要情", &pieces("正文"));
    let document = body(&bulletin);
    let shown: Vec<String> = paragraphs(&document).into_iter().map(|(_, words)| words).collect();
    assert_eq!(
        shown,
        [
            "网格化工作简报",
            "第12期",
            "→开福区网格化综合服务中心→2024年6月28日",
            "每日要情",
            "正文",
            "数据截止：2024年6月27日"
        ]
    );
    let plain = parts(&summary("", "每日要情", &pieces("正文")));
    let shown: Vec<String> =
        paragraphs(&text_of(&plain, "word/document.xml")).into_iter().map(|(_, words)| words).collect();
    assert_eq!(shown, ["每日要情", "开福区网格化综合服务中心　2024年6月27日", "正文", "数据截止：2024年6月27日"]);
    assert!(!plain.contains_key("word/footer_even.xml"));
    assert!(!text_of(&plain, "word/settings.xml").contains("evenAndOddHeaders"));
}

#[test]
fn hostile_texts_and_missing_ones_are_no_trouble() {
    let hostile = "a<b>&\"c\"\u{1}\u{B}\u{FFFE}\u{7F} שלום עולם 🧭👩‍👩‍👧 堃喆昇祎㮾㎡ ]]> picture1 rId1";
    let long = "x".repeat(5_000);
    let hostile_run = || Run { text: hostile.into(), ..Run::default() };
    let card = Card { label: hostile_run(), value: hostile_run(), unit: hostile_run(), note: hostile_run() };
    let text = format!(
        "{}\n\n{long}\n\n| {long} | 乙 |\n|---|---|\n| {long} | {long} |\n",
        crate::report::template::escaped(hostile)
    );
    let front = format!("{OFFICIAL}\nmasthead: \"{}\"", "长".repeat(200));
    let made = summary(
        &front,
        &format!("{hostile}{long}"),
        &[Piece::Block(Block::Cards(vec![card; 7])), Piece::Markdown(text)],
    );
    let document = body(&made);
    let shown = words_in(&document, "NormalIndent").concat();
    assert!(
        shown.contains("a&lt;b&gt;&amp;&quot;c&quot;") && shown.contains("堃喆昇祎㮾㎡") && shown.contains("👩‍👩‍👧"),
        "{shown}"
    );
    assert_eq!(document.matches("<w:tbl>").count(), document.matches("</w:tbl>").count());

    for front in ["", "layout: bulletin", "layout: official"] {
        let document = body(&summary(front, "", &[]));
        assert!(document.contains("<w:sectPr>"));
        // Word takes no table as the last of a cell or of the text.
        assert!(!document.contains("</w:tbl><w:sectPr>"));
    }
    let tables = "| 甲 |\n|---|\n| 1 |\n\n<!-- -->\n\n| 乙 |\n|---|\n";
    assert!(!body(&summary("", "", &pieces(tables))).contains("</w:tbl><w:tbl>"));
}

#[test]
fn the_file_says_where_it_comes_from() {
    let made = summary("", "每日要情", &pieces("正文"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.docx");
    fs_err::write(&path, package(&made).expect("a package")).expect("a file");
    let carried = crate::report::provenance::Carried::of(&path).expect("a file");
    assert_eq!(carried.embedded, Some(Ok(made.properties.record.clone())));
    let core = text_of(&parts(&made), "docProps/core.xml");
    assert!(core.contains("<dc:title>每日要情</dc:title>") && core.contains("2024-06-28T02:10:00Z"), "{core}");
}

fn chart() -> Chart {
    Chart {
        kind: CHART_KINDS[0],
        title: "吹哨 <月>".into(),
        unit: "件".into(),
        labels: ["1月", "2月"].map(String::from).to_vec(),
        series: vec![Series {
            name: "上报".into(),
            points: vec![Point::Figure(10.0), Point::Missing],
            cited: Vec::new(),
            format: Format::Integer,
            role: Role::Main,
        }],
        is_table_open: false,
        tiles: Vec::new(),
    }
}

#[test]
fn a_chart_is_a_picture_with_its_text() {
    if !fonts::found(None).is_chinese {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"skipped: no font on this machine can print Chinese\n");
        return;
    }
    let made = summary("", "标题", &[Piece::Block(Block::Chart(chart())), Piece::Markdown("正文".into())]);
    let (parts, document) = (parts(&made), body(&made));
    assert!(
        document
            .contains(&format!("descr=\"{}\" title=\"图1　吹哨 &lt;月&gt;（件）\"", xml::escaped(&chart().alt_text())))
    );
    assert_eq!(words_in(&document, "FigureCaption"), ["图1　吹哨 &lt;月&gt;（件）"]);
    let (wide, high) = (number(&document, "<wp:extent cx=\""), number(&document, "cy=\""));
    assert!(wide / 12_700.0 <= 442.3 && wide / 12_700.0 > 400.0, "{wide}");
    // Width and height of a PNG follow its signature and the name of its first chunk.
    let png = &parts["word/media/picture1.png"];
    let dots = |at: usize| f64::from(u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes")));
    assert!((dots(16) / dots(20) - wide / high).abs() < 0.02, "the picture is not distorted");
    assert_eq!(document.matches("<w:tbl>").count(), 0);

    let open = Chart { is_table_open: true, ..chart() };
    let document = body(&summary("", "标题", &[Piece::Block(Block::Chart(open))]));
    assert_eq!(words_in(&document, "TableNumber"), ["10", "—"]);
}

#[test]
fn a_chart_without_fonts_is_its_table() {
    let nodes = document::read(&[Piece::Block(Block::Chart(chart()))], true);
    let [document::Node::Figure(figure)] = nodes.as_slice() else { panic!("{nodes:?}") };
    let mut document = String::new();
    table::write(&figure.table(&figure.caption), &mut document);
    assert_eq!(words_in(&document, "TableCaption"), ["图1　吹哨 &lt;月&gt;（件）"]);
    assert_eq!(
        (words_in(&document, "TableHead").concat(), words_in(&document, "TableText").concat()),
        ("项目上报".into(), "1月2月".into())
    );
    assert_eq!(words_in(&document, "TableNumber"), ["10", "—"]);
}
