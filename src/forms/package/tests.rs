//! Templates made by `rust_xlsxwriter` or written by hand, filled, and what that changed in their parts.

use std::fmt::Write as _;
use std::io::{Cursor, Read as _, Write as _};

use calamine::{Data, Reader as _};
use rust_xlsxwriter::{
    Chart, ChartType, ConditionalFormatCell, ConditionalFormatCellRule, DataValidation, DataValidationRule, Format,
    FormatAlign, FormatBorder, Formula, Image, Note, Table, Workbook as Writer,
};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::*;

/// A list of two rows on rows 6 and 7, and about everything a sheet can have around it.
fn form() -> Vec<u8> {
    let mut writer = Writer::new();
    let framed = Format::new().set_border(FormatBorder::Thin);
    let day = Format::new().set_border(FormatBorder::Thin).set_num_format("yyyy-mm-dd");
    let rate = Format::new().set_border(FormatBorder::Thin).set_num_format("0.0%").set_align(FormatAlign::Right);
    let sheet = writer.add_worksheet().set_name("检查 台账").unwrap();
    sheet.merge_range(0, 0, 0, 5, "安全检查台账", &Format::new().set_bold()).unwrap();
    sheet.write(1, 0, "填报单位：").unwrap().merge_range(1, 1, 1, 2, "", &framed).unwrap();
    sheet.set_column_width(1, 20).unwrap().set_column_width(4, 18).unwrap();
    for (column, heading) in (0..).zip(["类别", "场所", "检查数", "隐患数", "隐患率", "日期", "备注"])
    {
        sheet.write_with_format(4, column, heading, &framed).unwrap();
    }
    sheet.merge_range(5, 0, 6, 0, "重点", &framed).unwrap();
    for row in [5, 6] {
        for column in 1..4 {
            sheet.write_blank(row, column, &framed).unwrap();
        }
        let formula = Formula::new(format!("=IF(C{0}=0,\"\",D{0}/C{0})", row + 1)).set_result("0");
        sheet.write_formula_with_format(row, 4, formula, &rate).unwrap().write_blank(row, 5, &day).unwrap();
        sheet.merge_range(row, 6, row, 7, "", &framed).unwrap().set_row_height(row, 24).unwrap();
    }
    sheet.write(7, 1, "合计").unwrap();
    sheet.write_formula(7, 2, "=SUM(C6:C7)").unwrap().write_formula(7, 3, "=SUM(D6:D7)").unwrap();
    sheet.write_formula(8, 1, "=\"C8：\"&C8").unwrap().write_array_formula(9, 1, 9, 1, "{=SUM(C6:C7*2)}").unwrap();
    sheet.write_url(10, 1, "internal:'检查 台账'!C8").unwrap();
    sheet.insert_note(10, 2, &Note::new("签字").set_author("中心")).unwrap();
    let choice = DataValidation::new().allow_list_strings(&["学校", "商铺"]).unwrap();
    sheet.add_data_validation(5, 1, 6, 1, &choice).unwrap();
    let most = DataValidation::new().allow_whole_number_formula(DataValidationRule::LessThanOrEqualTo("=C8".into()));
    sheet.add_data_validation(5, 3, 6, 3, &most).unwrap();
    let many = ConditionalFormatCell::new()
        .set_rule(ConditionalFormatCellRule::GreaterThan(9))
        .set_format(Format::new().set_bold());
    sheet.add_conditional_format(5, 3, 6, 3, &many).unwrap();
    sheet.set_print_area(0, 0, 8, 7).unwrap().set_repeat_rows(0, 4).unwrap();
    sheet.set_page_breaks(&[8]).unwrap().set_freeze_panes(5, 0).unwrap();
    let mut chart = Chart::new(ChartType::Column);
    chart.add_series().set_categories(("检查 台账", 5, 1, 6, 1)).set_values(("检查 台账", 5, 2, 6, 2));
    sheet.insert_chart(12, 1, &chart).unwrap();
    let table = Table::new();
    sheet.add_table(30, 0, 32, 1, &table).unwrap();
    let other = writer.add_worksheet().set_name("汇总").unwrap();
    other.write_formula(0, 0, "='检查 台账'!D8").unwrap().write_formula(0, 1, "=SUM('检查 台账'!$D$6:$D$7)").unwrap();
    writer.add_worksheet().set_name("说明").unwrap().write(0, 0, "照填").unwrap();
    writer.define_name("隐患", "='检查 台账'!$D$6:$D$7").unwrap();
    writer.save_to_buffer().unwrap()
}

fn fill(sheet: &str, growths: &[(u32, u32, u32)], cells: Vec<CellFill>) -> SheetFill {
    let growths = growths.iter().map(|(first, last, rows)| Growth { first: *first, last: *last, rows: *rows });
    SheetFill { sheet: sheet.to_owned(), growths: growths.collect(), cells }
}

fn cell(name: &str, value: Value) -> CellFill {
    let (row, column) = references::cell_at(name).unwrap();
    CellFill { row, column, value: Some(value), mark: None }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn number(text: &str) -> Value {
    Value::Number(text.to_owned())
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Parts in the order of the file, with their packed bytes.
fn parts(file: &[u8]) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(file)).unwrap();
    let indices = 0..archive.len();
    let read = |index| {
        let (mut packed, mut bytes) = (Vec::new(), Vec::new());
        archive.by_index_raw(index).unwrap().read_to_end(&mut packed).unwrap();
        let mut part = archive.by_index(index).unwrap();
        part.read_to_end(&mut bytes).unwrap();
        (part.name().unwrap().into_owned(), packed, bytes)
    };
    indices.map(read).collect()
}

fn packed(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        if name.ends_with('/') {
            writer.add_directory(*name, SimpleFileOptions::default()).unwrap();
            continue;
        }
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The same workbook with one part rewritten.
fn patched(file: &[u8], part: &str, mut change: impl FnMut(String) -> String) -> Vec<u8> {
    let all: Vec<(String, String)> = parts(file)
        .into_iter()
        .map(|(name, _, bytes)| {
            let text = String::from_utf8(bytes).unwrap();
            let text = if name == part { change(text) } else { text };
            (name, text)
        })
        .collect();
    packed(&all.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
}

/// Parts that differ, with the lines that do: a tag that opens a row, an entry or a rule begins a line. Every other part must
/// be the same packed bytes.
fn changes(before: &[u8], after: &[u8]) -> String {
    let (before, after) = (parts(before), parts(after));
    let mut out = String::new();
    for (name, packed, bytes) in &after {
        let old = before.iter().find(|(old, ..)| old == name);
        if old.is_some_and(|(_, old_packed, _)| old_packed == packed) {
            continue;
        }
        let Ok(new) = std::str::from_utf8(bytes) else {
            writeln!(out, "{name}: {} bytes", bytes.len()).unwrap();
            continue;
        };
        writeln!(out, "{name}").unwrap();
        let old = old.map(|(.., bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        let (old, new) = (lines(&old), lines(new));
        for (sign, line) in difference(&old, &new) {
            writeln!(out, "  {sign} {line}").unwrap();
        }
    }
    for (name, ..) in before.iter().filter(|(name, ..)| !after.iter().any(|(new, ..)| new == name)) {
        writeln!(out, "{name}: gone").unwrap();
    }
    out
}

fn lines(text: &str) -> Vec<String> {
    let mut broken = text.replace('\n', "↵");
    for tag in [
        "row ",
        "/sheetData",
        "x:row ",
        "mergeCell",
        "conditionalFormatting",
        "dataValidation ",
        "dimension",
        "cols",
        "brk",
        "c:f>",
        "definedName ",
        "xf ",
        "fill>",
        "numFmt",
        "font>",
        "cellXfs",
        "fills",
        "fonts",
        "sheet ",
        "Override",
        "Default",
        "Relationship ",
        "calcPr",
        "xdr:from",
        "xdr:to",
        "xdr:oneCellAnchor",
        "xdr:pic",
        "x:Row",
        "x:Anchor",
        "comment ",
        "hyperlink ",
        "table ",
        "autoFilter",
        "drawing ",
        "selection",
        "sheetView ",
    ] {
        broken = broken.replace(&format!("<{tag}"), &format!("\n<{tag}"));
    }
    broken.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

/// Lines that are gone and lines that are new, in order.
fn difference(old: &[String], new: &[String]) -> Vec<(char, String)> {
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (a, b) in (0..old.len()).rev().flat_map(|a| (0..new.len()).rev().map(move |b| (a, b))) {
        common[a][b] = if old[a] == new[b] { common[a + 1][b + 1] + 1 } else { common[a + 1][b].max(common[a][b + 1]) };
    }
    let (mut a, mut b, mut lines) = (0, 0, Vec::new());
    while a < old.len() || b < new.len() {
        if a < old.len() && b < new.len() && old[a] == new[b] {
            (a, b) = (a + 1, b + 1);
        } else if a < old.len() && (b == new.len() || common[a + 1][b] >= common[a][b + 1]) {
            lines.push(('-', old[a].clone()));
            a += 1;
        } else {
            lines.push(('+', new[b].clone()));
            b += 1;
        }
    }
    lines
}

fn filled(file: &[u8], fills: &[SheetFill]) -> Vec<u8> {
    Template::open(file.to_vec()).unwrap().filled(fills, None).unwrap()
}

#[test]
fn values_change_their_cells_only() {
    let form = form();
    let cells = vec![
        cell("C2", text("荷花街道 <试验> 社区 ")),
        cell("B6", text("=甲\r\n乙\u{1}_x0041_")),
        cell("C6", number("12.50")),
        cell("D6", number("-3")),
        cell("E6", number("99")),
        cell("F6", Value::Date(day("2024-06-27"))),
        cell("G6", Value::Date(day("2024-06-27"))),
        cell("B7", text("")),
        cell("J7", number("1")),
        cell("A4", text("新行")),
    ];
    let after = filled(&form, &[fill("检查 台账", &[], cells)]);
    insta::assert_snapshot!(changes(&form, &after));
    let mut read: calamine::Xlsx<_> = calamine::Xlsx::new(Cursor::new(after)).unwrap();
    let range = read.worksheet_range("检查 台账").unwrap();
    assert_eq!(range.get_value((1, 1)), Some(&Data::String("荷花街道 <试验> 社区 ".into())));
    assert_eq!(range.get_value((5, 1)), Some(&Data::String("=甲\n乙_x0041_".into())));
    assert_eq!(range.get_value((5, 2)), Some(&Data::Float(12.5)));
}

#[test]
fn nothing_to_fill_changes_nothing() {
    let mut writer = Writer::new();
    writer.add_worksheet().set_name("表").unwrap().write(0, 0, "空").unwrap();
    let form = writer.save_to_buffer().unwrap();
    assert_eq!(changes(&form, &filled(&form, &[fill("表", &[(0, 0, 1)], Vec::new())])), "");
}

#[test]
fn what_stands_below_moves_with_a_list() {
    let form = form();
    let cells = vec![cell("B6", text("甲")), cell("B9", text("丁")), cell("C9", number("4")), cell("H9", text("合并"))];
    let after = filled(&form, &[fill("检查 台账", &[(5, 6, 5)], cells)]);
    insta::assert_snapshot!(changes(&form, &after));
}

#[test]
fn shared_and_array_formulas_are_written_out() {
    let form = patched(&form(), "xl/worksheets/sheet2.xml", |sheet| {
        let data = "<sheetData><row r=\"1\"><c r=\"A1\"><f>1+1</f><v>2</v></c></row>\n\
            <row><c/><c><f t=\"shared\" ref=\"B2:B4\" si=\"0\">A2*'检查 台账'!$C$8</f><v>0</v></c></row>\n\
            <row r=\"3\" spans=\"1:2\"><c r=\"B3\" t=\"str\"><f t=\"shared\" si=\"0\"/><v>x</v></c></row>\
            <row r=\"4\"><c r=\"B4\"><f t=\"shared\" si=\"0\"/></c></row>\
            <row r=\"5\"><c r=\"A5\"><f t=\"array\" ref=\"A5:A6\">A2:A3</f><v>0</v></c></row><row r=\"6\"><c r=\"A6\"><v>0</v></c></row>";
        let start = sheet.find("<sheetData>").unwrap();
        let end = sheet.find("</sheetData>").unwrap();
        format!("{}{data}{}", &sheet[..start], &sheet[end..])
    });
    let cells = vec![cell("A8", number("7"))];
    let fills = [fill("汇总", &[(1, 2, 4)], cells), fill("检查 台账", &[(5, 6, 3)], Vec::new())];
    let changed = changes(&form, &filled(&form, &fills));
    let own = changed.split("xl/").find(|part| part.starts_with("worksheets/sheet2")).unwrap();
    insta::assert_snapshot!(own);
}

#[test]
fn the_kept_order_of_calculation_goes_when_rows_come() {
    let form = form();
    let with_chain: Vec<(String, String)> = parts(&form)
        .into_iter()
        .map(|(name, _, bytes)| (name, String::from_utf8(bytes).unwrap()))
        .map(|(name, text)| {
            let text = match name.as_str() {
                "[Content_Types].xml" => {
                    text.replace("</Types>", "<Override PartName=\"/xl/calcChain.xml\" ContentType=\"c\"/></Types>")
                }
                "xl/_rels/workbook.xml.rels" => text.replace(
                    "</Relationships>",
                    "<Relationship Id=\"rId9\" Type=\"r/calcChain\" Target=\"calcChain.xml\"/></Relationships>",
                ),
                // As .NET writes it.
                "xl/worksheets/sheet1.xml" => format!("\u{feff}{text}"),
                _ => text,
            };
            (name, text)
        })
        .chain([("xl/calcChain.xml".to_owned(), "<calcChain/>".to_owned()), ("xl/empty/".to_owned(), String::new())])
        .collect();
    let form = packed(&with_chain.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
    let kept = filled(&form, &[fill("检查 台账", &[], vec![cell("B6", text("甲"))])]);
    assert!(!changes(&form, &kept).contains("calcChain"));
    let grown = filled(&form, &[fill("检查 台账", &[(5, 6, 3)], vec![cell("B8", text("丙"))])]);
    let changed = changes(&form, &grown);
    let about: Vec<&str> = changed.lines().filter(|line| line.contains("calcChain")).map(str::trim).collect();
    let expected = [
        "- <Override PartName=\"/xl/calcChain.xml\" ContentType=\"c\"/></Types>",
        "- <Relationship Id=\"rId9\" Type=\"r/calcChain\" Target=\"calcChain.xml\"/></Relationships>",
        "xl/calcChain.xml: gone",
    ];
    assert_eq!(about, expected);
    let mut read: calamine::Xlsx<_> = calamine::Xlsx::new(Cursor::new(grown)).unwrap();
    let range = read.worksheet_range("检查 台账").unwrap();
    assert_eq!(range.get_value((7, 1)), Some(&Data::String("丙".into())));
    assert_eq!(range.get_value((8, 1)), Some(&Data::String("合计".into())));
}

#[test]
fn marks_are_copies_of_the_cell_formats() {
    let form = form();
    let marked =
        |name: &str, value: Option<Value>, mark: Mark| CellFill { value, mark: Some(mark), ..cell(name, text("")) };
    let stale = Mark::Stale(day("2024-03-31"));
    let cells = vec![
        marked("C6", None, Mark::Missing),
        marked("D6", None, Mark::Missing),
        marked("E6", Some(number("1")), Mark::Missing),
        marked("C7", Some(number("5")), stale),
        marked("B7", Some(text("旧")), stale),
        marked("F7", Some(Value::Date(day("2024-03-01"))), stale),
        marked("E7", None, stale),
        marked("K20", None, Mark::Missing),
    ];
    insta::assert_snapshot!(changes(&form, &filled(&form, &[fill("检查 台账", &[], cells)])));
}

#[test]
fn a_sheet_is_added() {
    let form = form();
    let added = AddedSheet {
        name: "汇总".to_owned(),
        header: vec!["单元格".to_owned(), "数值".to_owned()],
        rows: vec![
            vec!["C6".to_owned(), "12".to_owned()],
            vec!["=1+1".to_owned(), "007".to_owned(), "<备注>".to_owned()],
        ],
    };
    let template = Template::open(form.clone()).unwrap();
    let after = template.filled(&[], Some(&added)).unwrap();
    insta::assert_snapshot!(changes(&form, &after));
    assert_eq!(after, template.filled(&[], Some(&added)).unwrap());
}

const STRICT_PARTS: &[(&str, &str)] = &[
    (
        "[Content_Types].xml",
        "<ct:Types xmlns:ct=\"http://schemas.openxmlformats.org/package/2006/content-types\"><ct:Default Extension=\"xml\" ContentType=\"application/xml\"/></ct:Types>",
    ),
    (
        "_rels/.rels",
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"a\" Type=\"http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument\" Target=\"/book/main.xml\"/></Relationships>",
    ),
    (
        "book/main.xml",
        "<x:workbook xmlns:x=\"http://purl.oclc.org/ooxml/spreadsheetml/main\" xmlns:q=\"http://purl.oclc.org/ooxml/officeDocument/relationships\"><x:workbookPr date1904=\"true\"/><x:sheets><x:sheet name=\"表\" sheetId=\"7\" q:id=\"s\"/></x:sheets></x:workbook>",
    ),
    (
        "book/_rels/main.xml.rels",
        "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"s\" Type=\"http://purl.oclc.org/ooxml/officeDocument/relationships/worksheet\" Target=\"/book/tabs/one.xml\"/><Relationship Id=\"t\" Type=\"http://purl.oclc.org/ooxml/officeDocument/relationships/styles\" Target=\"styles.xml\"/></Relationships>",
    ),
    (
        "book/styles.xml",
        "<x:styleSheet xmlns:x=\"http://purl.oclc.org/ooxml/spreadsheetml/main\"><x:numFmts count=\"0\"/><x:fonts><x:font/></x:fonts><x:fills><x:fill/><x:fill/></x:fills><x:cellXfs count=\"2\"><x:xf/><x:xf numFmtId=\"31\"/></x:cellXfs></x:styleSheet>",
    ),
    (
        "book/tabs/one.xml",
        "<x:worksheet xmlns:x=\"http://purl.oclc.org/ooxml/spreadsheetml/main\"><x:cols><x:col min=\"2\" max=\"2\" style=\"1\"/></x:cols><x:sheetData/></x:worksheet>",
    ),
];

#[test]
fn strict_workbooks_with_prefixes_and_other_folders() {
    let form = packed(STRICT_PARTS);
    let added = AddedSheet { name: "附/表".to_owned(), header: vec!["甲".to_owned()], rows: Vec::new() };
    let picture =
        Value::Picture(Arc::new(Picture { bytes: b"png".to_vec(), kind: PictureKind::Png, width: 20, height: 10 }));
    let mut dated = cell("B2", Value::Date(day("2024-06-27")));
    dated.mark = Some(Mark::Stale(day("2024-06-26")));
    let cells = vec![dated, cell("A2", Value::Date(day("2024-06-27"))), cell("C3", picture)];
    let template = Template::open(form.clone()).unwrap();
    let after = template.filled(&[fill("表", &[], cells)], Some(&added)).unwrap();
    insta::assert_snapshot!(changes(&form, &after));
}

#[test]
fn pictures_stand_in_their_cells() {
    let image = |fill: u8| {
        let mut bytes = include_bytes!("one_pixel.png").to_vec();
        bytes.push(fill);
        Value::Picture(Arc::new(Picture { bytes, kind: PictureKind::Png, width: 1, height: 1 }))
    };
    let mut writer = Writer::new();
    let sheet = writer.add_worksheet().set_name("表").unwrap();
    sheet.merge_range(0, 0, 1, 1, "照片", &Format::new()).unwrap().set_row_height(4, 60).unwrap();
    let own = Image::new_from_buffer(include_bytes!("one_pixel.png")).unwrap();
    sheet.insert_image(8, 0, &own).unwrap();
    writer.add_worksheet().set_name("另").unwrap().set_print_area(0, 0, 1, 1).unwrap();
    let form = writer.save_to_buffer().unwrap();
    let fills = [
        fill("表", &[(4, 4, 2)], vec![cell("B2", image(1)), cell("A5", image(2)), cell("A6", image(1))]),
        fill("另", &[], vec![cell("A1", image(1))]),
    ];
    insta::assert_snapshot!(changes(&form, &filled(&form, &fills)));
}

#[test]
fn what_cannot_be_filled_is_refused() {
    let form = form();
    let broken = |part, change: fn(String) -> String| patched(&form, part, change);
    let ole = |word: &str| {
        let units = word.encode_utf16().flat_map(u16::to_le_bytes);
        b"\xD0\xCF\x11\xE0".iter().copied().chain(units).collect::<Vec<u8>>()
    };
    let files = [
        b"a,b\n1,2\n".to_vec(),
        ole("Workbook"),
        ole("EncryptedPackage"),
        form[..form.len() / 2].to_vec(),
        packed(&[("a.txt", "")]),
        packed(&[("word/document.xml", ""), ("[Content_Types].xml", "")]),
        packed(&[("[Content_Types].xml", "<Types/>")]),
        packed(&STRICT_PARTS[..5]),
        broken("xl/worksheets/sheet1.xml", |text| text.replace("</sheetData>", "")),
        broken("xl/worksheets/sheet1.xml", |text| text[..text.len() - 20].to_owned()),
        broken("xl/worksheets/sheet1.xml", |text| text.replace("r=\"C6\"", "r=C6")),
        broken("xl/worksheets/sheet1.xml", |text| text.replace("r=\"C6\"", "r=\"A6\"")),
        broken("xl/worksheets/sheet1.xml", |text| text.replace("row r=\"6\"", "row r=\"66\"")),
        broken("xl/worksheets/sheet1.xml", |text| text.replace("SUM(C6", "&sum;(C6")),
        broken("xl/workbook.xml", |text| text.replace("r:id=\"rId1\"", "r:id=\"rId99\"")),
        broken("xl/workbook.xml", |text| text.replace("r:id=\"rId1\"", "r:id=\"rId2\"")),
        broken("xl/worksheets/sheet3.xml", |text| {
            text.replace("<sheetData>", &format!("{}<sheetData>", " ".repeat(129 << 20)))
        }),
    ];
    let mut out = String::new();
    for file in files {
        let problem = Template::open(file).err().unwrap();
        writeln!(out, "{problem}\n").unwrap();
    }
    let template = Template::open(form.clone()).unwrap();
    let fills = [
        fill("检查台账", &[], Vec::new()),
        fill("汇总", &[], vec![cell("A1", text(&"长".repeat(32_768)))]),
        fill("汇总", &[], vec![cell("A1", number("12<"))]),
        fill("汇总", &[], vec![CellFill { row: 1_048_576, ..cell("A1", text("")) }]),
        fill("汇总", &[(0, 0, 1_048_577)], Vec::new()),
        fill("汇总", &[(0, 3, 9), (3, 4, 9)], Vec::new()),
        fill("汇总", &[(3, 2, 9)], Vec::new()),
    ];
    for wrong in fills {
        writeln!(out, "{}\n", template.filled(&[wrong], None).unwrap_err()).unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn damaged_parts_never_panic() {
    let form = form();
    let names = [
        "xl/worksheets/sheet1.xml",
        "xl/workbook.xml",
        "xl/styles.xml",
        "xl/charts/chart1.xml",
        "xl/drawings/vmlDrawing1.vml",
    ];
    let stale = CellFill { mark: Some(Mark::Stale(day("2024-03-31"))), ..cell("C6", number("5")) };
    let added = AddedSheet { name: "附".to_owned(), header: vec!["甲".to_owned()], rows: Vec::new() };
    let mut seed = 7_u32;
    for turn in 0..400 {
        let damaged = patched(&form, names[turn % names.len()], |text| {
            let mut signs: Vec<char> = text.chars().collect();
            for _ in 0..3 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (seed >> 8) as usize % signs.len();
                let new = ['<', '>', '"', '\'', '9', '[', '&', '表', ':', '/', ' '][seed as usize % 11];
                if seed.is_multiple_of(3) { signs.insert(at, new) } else { signs[at] = new }
            }
            signs.into_iter().collect()
        });
        if let Ok(template) = Template::open(damaged) {
            let _ = template.filled(&[fill("检查 台账", &[(5, 6, 5)], vec![stale.clone()])], Some(&added));
        }
    }
}

#[test]
fn a_template_is_shared_by_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Template::open(form()).unwrap());
}
