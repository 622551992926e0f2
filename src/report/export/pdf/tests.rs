//! Pages as typeset: what stands where, and from which font.

use std::collections::BTreeMap;

use typst::layout::{Frame, FrameItem, Point};

use super::*;
use crate::report::chart::{CHART_KINDS, Chart, Point as ChartPoint, Role, Series};
use crate::report::document::page::{MARGIN_LEFT, MARGIN_TOP, TYPE_WIDTH, character_pitch, line_pitch};
use crate::report::document::{Figure, Front, FrontMatter, Heading, Node, Run, Table, TableCell};
use crate::report::layout::Properties;
use crate::report::number::Format;
use crate::report::provenance::Provenance;
use crate::report::wording::Names;

/// A test of pages needs a Chinese font; where there is none it says so.
fn has_fonts() -> bool {
    let is_chinese = fonts::found(None).is_chinese;
    if !is_chinese {
        // Past the test harness, which would keep it to itself.
        let _ = writeln!(std::io::stderr(), "skipped: no font on this machine can print Chinese");
    }
    is_chinese
}

fn summary(front_matter: &str, blocks: Vec<Node>) -> Summary {
    let source = format!("---\n{front_matter}\n---\n");
    let front: Front = FrontMatter::split(std::path::Path::new("s.md.j2"), &source)
        .map(|(front, _)| front.fill(&Names::default().with(&[("office".to_owned(), "区网格中心".to_owned())])))
        .unwrap_or_default();
    Summary {
        title: "关于吹哨报到办理情况的通报".to_owned(),
        front,
        as_of: "2024年6月27日".to_owned(),
        provenance: "数据截止：2024年6月27日".to_owned(),
        properties: Properties {
            title: String::new(),
            subject: String::new(),
            author: String::new(),
            comment: String::new(),
            created: chrono::NaiveDateTime::default(),
            record: Provenance::new(),
        },
        fonts: None,
        blocks,
        sources: None,
    }
}

fn paragraph(text: &str) -> Node {
    Node::Paragraph(vec![Run { text: text.to_owned(), ..Run::default() }])
}

/// A piece of text with its left end and baseline in points, and whether every glyph of it exists.
struct Placed {
    x: f64,
    y: f64,
    width: f64,
    text: String,
    is_whole: bool,
}

fn placed(frame: &Frame) -> Vec<Placed> {
    fn walk(frame: &Frame, at: Point, found: &mut Vec<Placed>) {
        for (point, item) in frame.items() {
            let at = at + *point;
            match item {
                FrameItem::Group(group) => walk(&group.frame, at, found),
                FrameItem::Text(text) => found.push(Placed {
                    x: at.x.to_pt(),
                    y: at.y.to_pt(),
                    width: text.width().to_pt(),
                    text: text.text.to_string(),
                    is_whole: text.glyphs.iter().all(|glyph| glyph.id != 0),
                }),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(frame, Point::zero(), &mut found);
    found
}

/// The text of a page by line, from the top.
fn lines(frame: &Frame) -> Vec<(f64, String)> {
    let mut lines: BTreeMap<i64, String> = BTreeMap::new();
    for piece in placed(frame) {
        lines.entry((piece.y * 10.0).round() as i64).or_default().push_str(&piece.text);
    }
    lines.into_iter().map(|(y, text)| (y as f64 / 10.0, text)).collect()
}

#[test]
fn a_page_has_22_lines_of_28_characters() {
    if !has_fonts() {
        return;
    }
    let text = "开福区网格员每日走访入户登记采集信息".repeat(90);
    let document =
        pages(&summary("layout: official", vec![paragraph(&text)])).unwrap_or_else(|error| panic!("{error}"));
    let page = &document.pages()[1].frame;
    assert!((page.width().to_mm() - 210.0).abs() < 0.01 && (page.height().to_mm() - 297.0).abs() < 0.01);
    let mut lines = lines(page);
    let (number_y, number) = lines.pop().unwrap_or_default();
    assert_eq!(number.replace(' ', ""), "—2—");
    assert_eq!(lines.len(), 22);
    assert!(lines.iter().all(|(_, line)| line.chars().count() == 28), "{lines:?}");
    for pair in lines.windows(2) {
        assert!((pair[1].0 - pair[0].0 - line_pitch()).abs() < 0.11, "baselines are known to a tenth: {pair:?}");
    }
    // The signs fill the type area from edge to edge.
    let first = placed(page).into_iter().find(|piece| piece.text.chars().count() == 28);
    let first = first.unwrap_or_else(|| panic!("a line in one piece"));
    assert!(
        (first.x - MARGIN_LEFT).abs() < 0.5 && (first.width - TYPE_WIDTH).abs() < 1.0,
        "{} {}",
        first.x,
        first.width
    );
    // The dash of the page number is 7 mm below the type area.
    let below = number_y - (MARGIN_TOP + typst::layout::Abs::mm(225.0).to_pt());
    assert!((15.0..34.0).contains(&below), "{below}");
}

#[test]
fn page_numbers_stand_outside_and_the_first_page_shows_text() {
    if !has_fonts() {
        return;
    }
    let text = "网格".repeat(900);
    let document = pages(&summary("layout: official\nnumber: 开网格〔2024〕5号", vec![paragraph(&text)]))
        .unwrap_or_else(|error| panic!("{error}"));
    let ends = |page: usize| {
        let mut pieces = placed(&document.pages()[page].frame);
        pieces.retain(|piece| piece.y > MARGIN_TOP + typst::layout::Abs::mm(226.0).to_pt());
        let left = pieces.iter().map(|piece| piece.x).fold(f64::INFINITY, f64::min);
        let right = pieces.iter().map(|piece| piece.x + piece.width).fold(0.0, f64::max);
        (left - MARGIN_LEFT, MARGIN_LEFT + TYPE_WIDTH - right)
    };
    // One sign of 四号 in from the edge.
    assert!((ends(0).1 - 14.0).abs() < 1.0, "{:?}", ends(0));
    assert!((ends(1).0 - 14.0).abs() < 1.0, "{:?}", ends(1));
    let first: Vec<(f64, String)> = lines(&document.pages()[0].frame);
    assert!(first.iter().any(|(_, line)| line.contains("网格网格网格")));
    assert!(first.iter().any(|(_, line)| line.contains("〔2024〕5号")));
}

#[test]
fn rare_names_print_from_a_font_that_has_them() {
    if !has_fonts() {
        return;
    }
    let rare = "堃喆昇祎㮾玥珺瑀璟龑翀垚彧頔，面积90㎡。";
    let heading = |level| {
        Node::Heading(Heading {
            level,
            numeral: "一、".to_owned(),
            text: vec![Run { text: rare.to_owned(), ..Run::default() }],
        })
    };
    let cell =
        TableCell { text: vec![Run { text: rare.to_owned(), ..Run::default() }], column: 0, columns: 1, rows: 1 };
    let table = Table {
        caption: rare.to_owned(),
        columns: vec![Default::default()],
        head: vec![vec![cell.clone()]],
        body: vec![vec![cell]],
    };
    let blocks = vec![heading(1), heading(2), heading(3), paragraph(rare), Node::Table(table)];
    let document = pages(&summary("layout: bulletin", blocks)).unwrap_or_else(|error| panic!("{error}"));
    let pieces: Vec<Placed> = document.pages().iter().flat_map(|page| placed(&page.frame)).collect();
    assert!(pieces.iter().all(|piece| piece.is_whole), "a sign prints as a box");
    let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    assert!(text.matches("堃").count() >= 6 && text.contains('㎡'));
}

#[test]
fn text_is_text_whatever_it_says_and_bytes_are_the_same_again() {
    if !has_fonts() {
        return;
    }
    let hostile = "#read(\"/etc/passwd\") $x^2$ *粗* _斜_ = 题 @ref <label> \\u{41} // 注 /* 注 */ \u{202e}反\u{0}";
    let summary = summary("layout: plain", vec![paragraph(hostile), paragraph(&"甲".repeat(20_000)), paragraph("")]);
    let document = pages(&summary).unwrap_or_else(|error| panic!("{error}"));
    let text: String = lines(&document.pages()[0].frame).into_iter().map(|(_, line)| line).collect();
    assert!(text.contains("#read") && text.contains("/etc/passwd") && text.contains("$x^2$"), "{text}");
    let once = pdf(&summary).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(once, pdf(&summary).unwrap_or_default());
    assert!(once.starts_with(b"%PDF-"));
    assert!(once.len() < 2_000_000, "fonts are embedded as subsets: {} bytes", once.len());
}

#[test]
fn a_heading_indents_two_characters() {
    if !has_fonts() {
        return;
    }
    let heading = Heading {
        level: 1,
        numeral: "一、".to_owned(),
        text: vec![Run { text: "总体情况".to_owned(), ..Run::default() }],
    };
    let document =
        pages(&summary("layout: official", vec![Node::Heading(heading)])).unwrap_or_else(|error| panic!("{error}"));
    let pieces: Vec<Placed> = document.pages().iter().flat_map(|page| placed(&page.frame)).collect();
    let heading = pieces.iter().find(|piece| piece.text.starts_with('一')).unwrap_or_else(|| panic!("the heading"));
    assert!((heading.x - MARGIN_LEFT - 2.0 * character_pitch()).abs() < 0.5, "{}", heading.x);
}

/// The text of a page by line, without the page number.
fn body(page: &typst_layout::Page) -> Vec<String> {
    let mut lines = lines(&page.frame);
    lines.retain(|(y, _)| *y < MARGIN_TOP + typst::layout::Abs::mm(226.0).to_pt());
    lines.into_iter().map(|(_, line)| line).collect()
}

#[test]
fn a_signature_is_never_on_a_page_without_text() {
    if !has_fonts() {
        return;
    }
    let list = |text: &str| {
        let items = vec![vec![paragraph("甲")], vec![paragraph(text)]];
        Node::List(crate::report::document::List { first_number: Some(1), items })
    };
    for front in [
        "layout: official\ndate: 2024年6月28日",
        "layout: official\ndate: 2024年6月28日\nattachments: [情况表, 清单, 明细, 办法]\ncopies: 区政府办公室\nprinted_on: 今日",
    ] {
        for length in 16..42 {
            let text = "开福区网格员每日走访入户登记采集信息".repeat(100);
            let text: String = text.chars().take(length * 28 - 4).collect();
            for node in [paragraph(&text), list(&text), list("末尾一段")] {
                let document =
                    pages(&summary(front, vec![paragraph(&text), node])).unwrap_or_else(|error| panic!("{error}"));
                let signed = document
                    .pages()
                    .iter()
                    .map(body)
                    .find(|lines| lines.iter().any(|line| line.contains("2024年6月28日")));
                let signed = signed.unwrap_or_else(|| panic!("{front}, {length} lines: no date"));
                assert!(
                    signed.iter().any(|line| line.contains("网格员") || line.contains("走访") || line.contains("末尾")),
                    "{front}, {length} lines: {signed:?}"
                );
            }
        }
    }
}

#[test]
fn the_last_page_of_a_bulletin_holds_more_than_a_couple_of_lines() {
    if !has_fonts() {
        return;
    }
    let mut closer = 0;
    for length in 12..50 {
        let text = "开福区网格员每日走访入户登记采集信息".repeat(100);
        let text: String = text.chars().take(length * 28 - 4).collect();
        let summary = summary("layout: bulletin\nmasthead: 决策参考", vec![paragraph(&text), paragraph(&text)]);
        let document = pages(&summary).unwrap_or_else(|error| panic!("{error}"));
        let last = document.pages().last().map(body).unwrap_or_default();
        let full = last.iter().filter(|line| line.chars().count() > 20).count();
        assert!(document.pages().len() == 1 || full >= 3, "{length} lines: {last:?}");
        closer +=
            usize::from(is_left_over(&typeset(&summary, page::LINES).unwrap_or_else(|error| panic!("{error}")), 3));
    }
    assert!(closer > 0, "no text ended on a page of its own");
}

#[test]
fn a_chart_with_its_table_open_prints_it() {
    let figure = |is_table_open: bool| {
        let series = Series {
            name: "上报".into(),
            points: vec![ChartPoint::Figure(10.0), ChartPoint::Missing],
            cited: Vec::new(),
            format: Format::Integer,
            role: Role::Main,
        };
        let chart = Chart {
            kind: CHART_KINDS[0],
            title: "吹哨".into(),
            unit: "件".into(),
            labels: ["1月", "2月"].map(String::from).to_vec(),
            series: vec![series],
            is_table_open,
            tiles: Vec::new(),
        };
        Node::Figure(Figure { caption: "图1　吹哨（件）".into(), chart })
    };
    let kinds = |first: bool, second: bool| -> Vec<String> {
        let files = content::of(&summary("layout: plain", vec![figure(first), figure(second)]), 22);
        let document: serde_json::Value = serde_json::from_slice(&files["document.json"]).expect("JSON");
        let blocks = document["blocks"].as_array().expect("blocks").iter();
        blocks.map(|block| block["kind"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(kinds(false, false), ["pair"]);
    assert_eq!(kinds(true, false), ["figure", "table", "figure"]);
    if has_fonts() {
        let document = pages(&summary("layout: plain", vec![figure(true)])).unwrap_or_else(|error| panic!("{error}"));
        let text = body(&document.pages()[0]).concat();
        assert!(text.contains("项目上报") && text.contains("1月10") && text.contains("2月—"), "{text}");
    }
}
