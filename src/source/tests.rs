//! Files in, text out: each test shows a delivery and the whole of what was read from it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use ::parquet::file::properties::{WriterProperties, WriterVersion};
use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int32Type;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

use super::*;

const KNOWN: &[&str] = &["编号", "姓名", "房主", "出生日期", "证件号码", "备注", "id", "name", "note", "birth_date"];

fn small_limits() -> Limits {
    Limits {
        file_bytes_max: 64 << 20,
        unpacked_bytes_max: 8 << 20,
        held_bytes_max: 1 << 20,
        cell_bytes_max: 100_000,
        columns_max: 500,
        rows_max: 100_000,
    }
}

/// Everything a file yields: kind, encoding, header, rows with their lines, faults; or the error.
fn read_path(path: &Path) -> String {
    let options = OpenOptions {
        limits: small_limits(),
        is_known_column: &|name| KNOWN.contains(&name) || name.starts_with("房主/"),
    };
    let mut out = String::new();
    let mut print = || -> Result<(), SourceError> {
        let mut reader = open(path, &options)?;
        let mut rows = String::new();
        while let Some(batch) = reader.next_batch()? {
            let part = batch.part.as_ref().map_or(String::new(), |p| format!("{p}!"));
            for (row, line) in batch.lines.iter().enumerate() {
                let cells = batch.values.columns().iter().map(|column| {
                    let column = column.as_string::<i32>();
                    if column.is_null(row) { "∅" } else { column.value(row) }
                });
                write!(rows, "{part}{line}: {}", cells.collect::<Vec<_>>().join("|")).unwrap();
                for fault in batch.faults.iter().filter(|f| f.row as usize == row) {
                    write!(rows, " !{:?}{}", fault.kind, fault.column.map_or(String::new(), |c| format!("@{c}")))
                        .unwrap();
                }
                rows.push('\n');
            }
        }
        let encoding = reader.encoding().map_or(String::new(), |e| format!(" {e}"));
        writeln!(out, "{}{encoding} {}: {}", reader.kind(), reader.header_line(), reader.header().join("|")).unwrap();
        out.push_str(&rows);
        Ok(())
    };
    if let Err(error) = print() {
        return format!("error: {error}");
    }
    out
}

fn read(name: &str, content: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    read_path(&path)
}

fn check(name: &str, content: impl AsRef<[u8]>, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(read(name, content).trim_end(), expected.join("\n"));
}

#[test]
fn csv_keeps_values_lines_and_ragged_rows() {
    check(
        "a.csv",
        "id,name,note\r\n001,\"王,\"\"小\"\"五\",\"two\nlines\"\r\n\r\n,,\r\n002,李\n003,张,x,surplus,\n004,赵,y,\n\"\",\" 空 \",\"a\"b",
        "csv UTF-8 1: id|name|note
        2: 001|王,\"小\"五|two
        lines
        6: 002|李|∅ !TooFewFields { found: 2 }
        7: 003|张|x !TooManyFields { found: 5 }
        8: 004|赵|y
        9: ∅| 空 |ab !StrayQuote",
    );
}

#[test]
fn csv_finds_delimiter_header_and_line_end() {
    check("a.tsv", "id\tname\n1\t王,五", "csv UTF-8 1: id|name\n2: 1|王,五");
    check("a.csv", "编号;姓名\n1;王", "csv UTF-8 1: 编号|姓名\n2: 1|王");
    check("a.csv", "a|b|c\n1|2|3\n4|5|6", "csv UTF-8 1: a|b|c\n2: 1|2|3\n3: 4|5|6");
    check("a.csv", "id,name\r1,a\r2,b\r", "csv UTF-8 1: id|name\n2: 1|a\n3: 2|b");
    check("a.csv", "人员名单,,\n\n编号,姓名,备注\n1,王,", "csv UTF-8 3: 编号|姓名|备注\n4: 1|王|∅");
    check("a.csv", "\n id , name \n1,王", "csv UTF-8 2: id|name\n3: 1|王");
    check("a.csv", "id\n1\n\n2", "csv UTF-8 1: id\n2: 1\n4: 2");
    check("a.csv", "id,name\n", "csv UTF-8 1: id|name");
}

#[test]
fn a_table_above_the_table_is_not_taken_for_titles() {
    check(
        "a.csv",
        "id,note,birth_date\na,1,2024-06-01\n\nid,note,name,birth_date\nb,1,7,2024-06-01",
        "error: there are several tables one below the other, with headers on lines 1 and 4; send one table per file",
    );
    // Titles, what a form says of itself, units, and names in two languages.
    check(
        "a.csv",
        "人员名单,,\nname,王,id,7\n单位：人,,\nid,name,note\n编号,姓名,备注\n1,李,",
        "csv UTF-8 4: id|name|note\n5: 编号|姓名|备注\n6: 1|李|∅",
    );
    check("a.csv", "id,name\n编号,姓名,备注\n1,李,", "csv UTF-8 2: 编号|姓名|备注\n3: 1|李|∅");
    // What has no better header below it is one table.
    check("a.csv", "id,name\n1,a\nid,name\n2,b", "csv UTF-8 1: id|name\n2: 1|a\n3: id|name\n4: 2|b");
    let stacked = workbook(|workbook| {
        let sheet = workbook.add_worksheet().set_name("甲").unwrap();
        for (row, cells) in ["编号 姓名", "1 王", "", "编号 姓名 备注", "2 李 x"].iter().enumerate() {
            for (column, cell) in cells.split_whitespace().enumerate() {
                sheet.write(row as u32, column as u16, cell).unwrap();
            }
        }
    });
    check(
        "a.xlsx",
        stacked,
        "error: sheet `甲`: there are several tables one below the other, with headers on lines 1 and 4; send one table per file",
    );
}

#[test]
fn encodings_are_told_apart() {
    let text = "编号,姓名\n1,㮾梨街道\n";
    let expected = |encoding: &str| format!("csv {encoding} 1: 编号|姓名\n2: 1|㮾梨街道");
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    check("a.csv", text, &expected("UTF-8"));
    check("a.csv", format!("\u{FEFF}{text}"), &expected("UTF-8"));
    check("a.csv", encoding_rs::GB18030.encode(text).0, &expected("GB18030"));
    check("a.csv", utf16(u16::to_le_bytes), &expected("UTF-16LE"));
    check("a.csv", utf16(u16::to_be_bytes), &expected("UTF-16BE"));
    // The first megabytes are ASCII, the rest decides.
    let late = format!("id,name\n{}", "1,a\n".repeat(30_000) + "2,开福区\n");
    for (bytes, encoding) in [(late.as_bytes(), "UTF-8"), (&encoding_rs::GB18030.encode(&late).0, "GB18030")] {
        let read = read("a.csv", bytes);
        assert!(read.starts_with(&format!("csv {encoding}")) && read.ends_with("2|开福区\n"), "{}", &read[..30]);
    }
    // A few broken characters are the contract's to flag; a NUL is one of them.
    let mut broken = "id,name\n1,王小五\n2,李四\n3,开福区东华社区居民委员会网格员\n".repeat(3).into_bytes();
    let at = broken.windows(3).position(|w| w == "李".as_bytes()).unwrap();
    broken[at] = b'\xFF';
    broken[8] = 0;
    let read_back = read("a.csv", broken);
    assert!(read_back.contains("2: \u{FFFD}|王小五") && read_back.contains("3: 2|\u{FFFD}"), "{read_back}");
    let noise: Vec<u8> = (0..5000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
    check("a.csv", noise, "error: the text is neither UTF-8 nor GB18030");
    check(
        "a.csv",
        [&b"id,name\n"[..], &[0; 500]].concat(),
        "error: the content is neither readable text nor a known format",
    );
}

#[test]
fn hostile_text_is_refused_with_a_reason() {
    check("a.csv", "", "error: the file is empty");
    check("a.csv", "\n\n \n", "error: no header row was found");
    check(
        "a.csv",
        "id,name\n1,a\n2,\"never closed\n3,b\n",
        "error: line 3: a quoted value begins here and is never closed",
    );
    let endless = "x".repeat(3 << 20);
    check("a.csv", &endless, "error: line 1: one record is longer than the allowed 1600000 bytes");
    let cut = format!("id,name\n1,{endless}");
    check("a.csv", cut, "error: line 2: one record is longer than the allowed 1600000 bytes");
    let long = format!("id,name\n1,a\n2,{}\n", "x".repeat(100_001));
    check("a.csv", long, "error: line 3: one value is longer than the allowed 100000 bytes");
    check("a.csv", "c,".repeat(10_000) + "d\n1", "error: line 1: there are more than the allowed 500 columns");
    check("a.csv", "id\n".to_owned() + &"1\n".repeat(100_001), "error: there are more than the allowed 100000 rows");
}

#[test]
fn files_are_read_as_what_they_are() {
    check("a.xlsx", "id,name\n1,a", "csv UTF-8 1: id|name\n2: 1|a");
    check("a.csv", "{\"id\": 1}", "jsonl UTF-8 0: id\n1: 1");
    check("a.csv", b"\x1F\x8B\x08rest", "error: the file is really a gzip archive; unpack it first");
    check(
        "a.xlsx",
        b"\xD0\xCF\x11\xE0rest",
        "error: the file is really an old .xls or a password-protected workbook; save it as .xlsx without a password",
    );
    check(
        "a.xls",
        "\u{FEFF} <HTML><table>",
        "error: the file is really a web page or XML; open it in Excel and save it as .xlsx",
    );
    check("a.json", "[ {\"id\": 1}]", "error: the file is really one JSON array; send JSON Lines: one object per line");
}

#[test]
fn json_lines_become_columns() {
    check(
        "a.jsonl",
        "{\"id\":\"001\",\"房主\":{\"姓名\":\"王\"},\"n\":430105199001011234}\n\n{\"n\":1.50,\"id\":null,\"tags\":[1,\"a\"],\"ok\":true}\n{\"id\":4.3E+17,\"id\":\"\"}",
        "jsonl UTF-8 0: id|房主/姓名|n|tags|ok
        1: 001|王|430105199001011234|∅|∅
        3: ∅|∅|1.5|[1,\"a\"]|true
        4: ∅|∅|∅|∅|∅ !LostDigits@0 !DuplicateField@0",
    );
    // The fault of one field does not hide that of another, and a field repeated often has it once.
    check(
        "a.jsonl",
        "{\"x\":1,\"id\":2,\"x\":3,\"id\":4,\"x\":5,\"n\":430105199001011234.5}\n{\"id\":6}",
        "jsonl UTF-8 0: x|id|n
        1: 5|4|430105199001011264 !DuplicateField@0 !DuplicateField@1 !LostDigits@2
        2: ∅|6|∅",
    );
    check("a.jsonl", "{\"id\":1}\n{\"id\":", "error: line 2, character 6: not a valid JSON object: it ends too early");
    check(
        "a.jsonl",
        "{\"id\":1}\n[2]",
        "error: line 2, character 0: not a valid JSON object: not an object of plain values",
    );
    check("a.jsonl", "{}", "error: no header row was found");
}

#[test]
fn json_keys_are_bounded_while_they_are_read() {
    let members = |count: usize| (0..count).map(|i| format!("\"k{i}\":1")).collect::<Vec<_>>().join(",");
    // What follows the limit on the line is not looked at: it is no JSON.
    let wide = format!("{{\"id\":1}}\n{{{},!", members(501));
    check("a.jsonl", wide, "error: line 2: there are more than the allowed 500 columns");
    let long = "x".repeat(1_000_000);
    check(
        "a.jsonl",
        format!("{{\"id\":1,\"{long}\":{{{}}}}}", members(10_000)),
        "error: line 1: a column name is longer than the allowed 1024 bytes",
    );
    let (half, fitting) = ("x".repeat(512), "y".repeat(511));
    check("a.jsonl", format!("{{\"{half}\":{{\"{fitting}\":1}}}}"), &format!("jsonl UTF-8 0: {half}/{fitting}\n1: 1"));
    check(
        "a.jsonl",
        format!("{{\"{half}\":{{\"{half}\":1}}}}"),
        "error: line 1: a column name is longer than the allowed 1024 bytes",
    );
}

fn workbook(fill: impl FnOnce(&mut Workbook)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    fill(&mut workbook);
    workbook.save_to_buffer().unwrap()
}

#[test]
fn workbooks_are_read_as_a_person_sees_them() {
    let content = workbook(|workbook| {
        let date = Format::new().set_num_format("yyyy-mm-dd");
        let time = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
        workbook.add_worksheet().set_name("说明").unwrap().write(0, 0, "填表说明").unwrap();
        let sheet = workbook.add_worksheet().set_name("甲").unwrap();
        sheet.merge_range(0, 0, 0, 5, "房屋信息表", &Format::new()).unwrap();
        sheet.write(1, 5, "计量单位：套").unwrap();
        for (column, name) in ["编号", "房主", "", "出生日期", "备注", "ok"].iter().enumerate() {
            sheet.write(2, column as u16, *name).unwrap();
        }
        sheet.write(3, 1, "姓名").unwrap().write(3, 2, "电话").unwrap();
        sheet.write(4, 0, "0012").unwrap().write(4, 1, "王").unwrap().write(4, 2, 15_412_345_678_f64).unwrap();
        sheet.write_with_format(4, 3, ExcelDateTime::from_ymd(1990, 1, 31).unwrap(), &date).unwrap();
        sheet.write(4, 5, true).unwrap();
        sheet.write_formula(6, 0, Formula::new("=1+1").set_result("2")).unwrap();
        sheet.write(6, 1, " ").unwrap().write(6, 2, 430_105_199_001_011_234_f64).unwrap();
        let moment = ExcelDateTime::from_ymd(2024, 6, 27).unwrap().and_hms(8, 30, 5).unwrap();
        sheet.write_with_format(6, 3, &moment, &time).unwrap().write(6, 4, 0.1 + 0.2).unwrap();
        sheet.write(6, 9, "beyond").unwrap();
        sheet.write_formula(7, 0, Formula::new("=NA()").set_result("#N/A")).unwrap();
        for ghost in 8..40_000 {
            sheet.write_with_format(ghost, 0, "", &date).unwrap();
        }
        sheet.write(40_000, 0, "last").unwrap();
        let more = workbook.add_worksheet().set_name("乙").unwrap();
        more.write(0, 0, "备注").unwrap().write(0, 1, "编号").unwrap().write(1, 1, "9").unwrap();
        let hidden = workbook.add_worksheet().set_name("丙").unwrap();
        hidden.set_hidden(true).write(0, 0, "编号").unwrap().write(1, 0, "hidden").unwrap();
    });
    check(
        "a.csv",
        content,
        "xlsx 3: 编号|房主/姓名|房主/电话|出生日期|备注|ok
        甲!5: 0012|王|15412345678|1990-01-31|∅|true
        甲!7: 2| |430105199001011264|2024-06-27 08:30:05|0.3|∅ !TooManyFields { found: 10 } !LostDigits@2
        甲!8: #N/A|∅|∅|∅|∅|∅ !FormulaError@0
        甲!40001: last|∅|∅|∅|∅|∅
        乙!2: 9|∅|∅|∅|∅|∅",
    );
    let two_tables = workbook(|workbook| {
        for (name, columns) in [("人", ["编号", "姓名"]), ("房", ["id", "note"])] {
            let sheet = workbook.add_worksheet().set_name(name).unwrap();
            sheet.write(0, 0, columns[0]).unwrap().write(0, 1, columns[1]).unwrap();
        }
    });
    check(
        "a.xlsx",
        two_tables,
        "error: the workbook holds several tables, on sheets `人`, `房`; send one table per file",
    );
    check("a.xlsx", workbook(|w| _ = w.add_worksheet()), "error: no header row was found");
}

#[test]
fn sheets_that_are_left_out_are_named() {
    let people = |name: &'static str, second: &'static [[&'static str; 3]]| {
        workbook(move |workbook| {
            let sheet = workbook.add_worksheet();
            for (column, name) in ["编号", "姓名", "备注"].iter().enumerate() {
                sheet.write(0, column as u16, *name).unwrap().write(1, column as u16, "1").unwrap();
            }
            let sheet = workbook.add_worksheet().set_name(name).unwrap();
            for (row, cells) in second.iter().enumerate() {
                for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                    sheet.write(row as u32, column as u16, *cell).unwrap();
                }
            }
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xlsx");
    std::fs::write(&path, people("说明", &[["填表说明", "", ""], ["一", "二", "三"], ["四", "", ""]])).unwrap();
    let options = OpenOptions { limits: small_limits(), is_known_column: &|name| KNOWN.contains(&name) };
    let remarks = open(&path, &options).unwrap().remarks();
    assert_eq!(remarks, ["sheets without a known header were left out: `说明`"]);
    check(
        "a.xlsx",
        people("续", &[["2", "李", "x"], ["3", "赵", "y"], ["4", "", ""]]),
        "error: sheet `续` is filled like the table but has no header of its own; repeat the header on it, or leave the sheet out",
    );
    // The last column is empty on it.
    check(
        "a.xlsx",
        people("续", &[["2", "李", ""], ["3", "赵", ""], ["4", "", ""]]),
        "error: sheet `续` is filled like the table but has no header of its own; repeat the header on it, or leave the sheet out",
    );
    std::fs::write(&path, people("说明", &[["一", "", ""], ["", "二", ""], ["", "", "三"]])).unwrap();
    assert_eq!(open(&path, &options).unwrap().remarks().len(), 1);
}

#[test]
fn a_column_twice_on_a_later_sheet_is_not_overwritten() {
    let twice = |name: &'static str| {
        workbook(move |workbook| {
            for rows in [["编号 姓名 op", "1 王 新增"], [name, "2 李 变更 删除"]] {
                let sheet = workbook.add_worksheet();
                for (row, cells) in rows.iter().enumerate() {
                    for (column, cell) in cells.split_whitespace().enumerate() {
                        sheet.write(row as u32, column as u16, cell).unwrap();
                    }
                }
            }
        })
    };
    check("a.xlsx", twice("编号 姓名 op 姓名"), "error: sheet `Sheet2` has the column `姓名` more than once");
    // A name nobody knows is another column each time, as it is on the first sheet.
    check(
        "a.xlsx",
        twice("编号 姓名 op op"),
        "xlsx 1: 编号|姓名|op|op\nSheet1!2: 1|王|新增|∅\nSheet2!2: 2|李|变更|删除",
    );
}

/// Workbooks made by other programs, kept as files.
#[test]
fn workbooks_of_other_writers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sources/xlsx");
    assert_eq!(
        read_path(&folder.join("openpyxl_1904.xlsx")),
        "xlsx 1: 编号|姓名|出生日期\n2: 001|王|2024-06-27\n3: 430105001007001|李|2024/6/27\n"
    );
}

#[test]
fn a_number_shown_with_zeros_keeps_them() {
    let content = workbook(|workbook| {
        let code = Format::new().set_num_format("000000");
        let sheet = workbook.add_worksheet();
        sheet.write(0, 0, "编号").unwrap().write(0, 1, "备注").unwrap();
        sheet.write_with_format(1, 0, 123, &code).unwrap().write_with_format(1, 1, 1.5, &code).unwrap();
        sheet.write_with_format(2, 0, 1_234_567, &code).unwrap().write(2, 1, 7).unwrap();
    });
    check("a.xlsx", content, "xlsx 1: 编号|备注\n2: 000123|1.5\n3: 1234567|7");
}

/// A workbook with one sheet and shared strings made of the given XML, repeated to any size.
fn raw_workbook(sheet: &str, strings: &str, repeat: usize) -> Vec<u8> {
    workbook_of_parts("worksheets/sheet1.xml", &format!("<worksheet>{sheet}</worksheet>"), strings, repeat)
}

/// The same with the sheet in any part.
fn workbook_of_parts(part: &str, sheet: &str, strings: &str, repeat: usize) -> Vec<u8> {
    let types = "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
    let relation = |id: &str, kind: &str, target: &str| {
        let namespace = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        format!(
            "<Relationships><Relationship Id=\"{id}\" Type=\"{namespace}/{kind}\" Target=\"{target}\"/></Relationships>"
        )
    };
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut add = |name: &str, content: &str| {
        let (before, after) = content.split_once("REPEAT").unwrap_or((content, ""));
        let (unit, after) = after.split_once("END").unwrap_or(("", after));
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(before.as_bytes()).unwrap();
        (0..if unit.is_empty() { 0 } else { repeat }).for_each(|_| zip.write_all(unit.as_bytes()).unwrap());
        zip.write_all(after.as_bytes()).unwrap();
    };
    add("[Content_Types].xml", types);
    add("_rels/.rels", &relation("r1", "officeDocument", "xl/workbook.xml"));
    add("xl/_rels/workbook.xml.rels", &relation("r2", "worksheet", part));
    add(
        "xl/workbook.xml",
        "<workbook xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"r2\"/></sheets></workbook>",
    );
    add(&format!("xl/{part}"), sheet);
    add("xl/sharedStrings.xml", strings);
    zip.finish().unwrap().into_inner()
}

#[test]
fn hostile_workbooks_are_refused_or_harmless() {
    let table = "<sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>id</t></is></c></row><row r=\"2\"><c r=\"A2\"><v>7</v></c></row></sheetData>";
    check("a.xlsx", raw_workbook(table, "<sst></sst>", 0), "xlsx 1: id\n2: 7");
    // A formula nobody worked out has no value, not an empty one.
    let formula = "<sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>id</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>name</t></is></c></row><row r=\"2\"><c r=\"A2\"><f>1+1</f></c><c r=\"B2\"><v>7</v></c></row></sheetData>";
    check("a.xlsx", raw_workbook(formula, "<sst></sst>", 0), "xlsx 1: id|name\n2: ∅|7 !FormulaError@0");
    // What a sheet claims costs nothing.
    let claim = format!("<dimension ref=\"A1:ZZZZZZ1000000000\"/>{table}");
    check("a.xlsx", raw_workbook(&claim, "<sst></sst>", 0), "xlsx 1: id\n2: 7");
    let far = table.replace("A2", "A4000000000").replace("r=\"2\"", "r=\"4000000000\"");
    check("a.xlsx", raw_workbook(&far, "<sst></sst>", 0), "xlsx 1: id\n4000000000: 7");
    let wide = "<sheetData><row r=\"1\"><c r=\"ZZZZZ1\"><v>1</v></c></row></sheetData>";
    check("a.xlsx", raw_workbook(wide, "<sst></sst>", 0), "error: line 1: there are more than the allowed 500 columns");
    check(
        "a.xlsx",
        raw_workbook(table, "<sst uniqueCount=\"999999999999\"></sst>", 0),
        "error: the workbook is damaged: it claims more shared texts than it holds",
    );
    // Bombs: many shared strings, a huge sheet, one huge text, one huge text in many runs.
    check(
        "a.xlsx",
        raw_workbook(table, "<sst>REPEAT<si><t>x</t></si>END</sst>", 100_000),
        "error: what must be held in memory at once unpacks to more than the allowed 1048576 bytes",
    );
    check(
        "a.xlsx",
        raw_workbook("<sheetData>REPEAT<row/>END</sheetData>", "<sst></sst>", 2_000_000),
        "error: the file unpacks to more than the allowed 8388608 bytes",
    );
    let huge = "<sheetData><row><c t=\"str\"><v>REPEATxxxxxxxxxxEND</v></c></row></sheetData>";
    check(
        "a.xlsx",
        raw_workbook(huge, "<sst></sst>", 100_000),
        "error: one value is longer than the allowed 100000 bytes",
    );
    let runs = "<sheetData><row><c t=\"inlineStr\"><is>REPEAT<r><t>x</t></r>ENDEND</is></c></row></sheetData>"
        .replace("ENDEND", "END");
    check(
        "a.xlsx",
        raw_workbook(&runs, "<sst></sst>", 100_000),
        "error: one value is longer than the allowed 100000 bytes",
    );
    // One shared text, repeated in every row.
    let text = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(30_000));
    let repeated = "<sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>id</t></is></c></row>REPEAT<row><c t=\"s\"><v>0</v></c></row>END</sheetData>";
    check(
        "a.xlsx",
        raw_workbook(repeated, &text, 500),
        "error: the file unpacks to more than the allowed 8388608 bytes",
    );
    // Damage.
    let whole = raw_workbook(table, "<sst></sst>", 0);
    check("a.xlsx", &whole[..whole.len() / 2], "error: the workbook is cut off: its end is missing");
    check(
        "a.xlsx",
        raw_workbook("<sheetData><row><c><v>1", "<sst></sst>", 0),
        "error: the workbook is damaged: a part is not well-formed XML",
    );
    let mut plain = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    plain.start_file("a.csv", zip::write::SimpleFileOptions::default()).unwrap();
    check(
        "a.zip",
        plain.finish().unwrap().into_inner(),
        "error: the file is really a zip archive; unpack it and send the files in it",
    );
}

#[test]
fn shared_texts_claim_no_more_than_they_hold() {
    let table = "<sheetData><row><c t=\"s\"><v>0</v></c></row><row><c><v>7</v></c></row></sheetData>";
    let texts = |tag: &str| raw_workbook(table, &format!("{tag}<si><t>id</t></si></sst>"), 0);
    for tag in [
        "<?xml version=\"1.0\"?>\r\n<!-- <sst uniqueCount=\"999999999999\"> --><x:sst xmlns:x='>' count=\"999999999999\" uniqueCount='1'>",
        "\u{FEFF}<sst\tauniqueCount=\"999999999999\" note='uniqueCount=\"999999999999\"'>",
        "<sst uniqueCount=\"many\">",
    ] {
        check("a.xlsx", texts(tag), "xlsx 1: id\n2: 7");
    }
    for tag in [
        "<sst auniqueCount=\"1\" uniqueCount=\"999999999999\">",
        "<sst note=\">\" uniqueCount = '999999999999'>",
        "<a:sst uniqueCount=\"999999999999\"/>",
    ] {
        check("a.xlsx", texts(tag), "error: the workbook is damaged: it claims more shared texts than it holds");
    }
    for tag in [
        "<x/><sst uniqueCount=\"999999999999\">",
        "x<sst uniqueCount=\"999999999999\">",
        "<a:b:sst><sst uniqueCount=\"999999999999\">",
        "<!DOCTYPE sst><sst uniqueCount=\"999999999999\">",
    ] {
        check("a.xlsx", texts(tag), "error: the workbook is damaged: its shared texts do not begin with their own tag");
    }
}

#[test]
fn every_part_that_may_be_read_is_measured() {
    let row = |cell: &str| format!("<row><c t=\"inlineStr\"><is><t>id</t></is></c></row><row>{cell}</row>");
    let formula = row("<c><f>1+1</f></c><c><v>1</v></c>");
    let rows = row("<c><v>7</v></c>");
    let huge = row("<c t=\"str\"><v>REPEATxxxxxxxxxxEND</v></c>");
    for before in ["x", " REPEAT                END", "\u{FEFF}\n", "\u{7F16}"] {
        for part in ["worksheets/sheet1.xml", "Worksheets/sheet1.XML", "sheet.xml", "media/image1.png"] {
            let sheet = |rows: &str| format!("{before}<worksheet><sheetData>{rows}</sheetData></worksheet>");
            let read =
                |rows: &str, repeat| read("a.xlsx", workbook_of_parts(part, &sheet(rows), "<sst></sst>", repeat));
            assert_eq!(read(&rows, 5_000), "xlsx 1: id\n2: 7\n", "{part} {before:?}");
            let formula = read(&formula, 5_000);
            assert!(formula.contains("!FormulaError@0"), "{part} {before:?}: {formula}");
            if !before.contains("REPEAT") {
                let error = "error: one value is longer than the allowed 100000 bytes";
                assert_eq!(read(&huge, 100_000), error, "{part} {before:?}");
            }
        }
    }
    // A formula's tag over the border of two pieces.
    let chunk = 64 << 10;
    let start = "<worksheet><sheetData>";
    for cut in 0..4 {
        let cells = row("<c><f>1+1</f></c><c><v>1</v></c>");
        let at = cells.find("<f>").unwrap() + cut;
        let sheet = format!("{start}{}{cells}</sheetData></worksheet>", " ".repeat(chunk - start.len() - at));
        let formula = read("a.xlsx", workbook_of_parts("worksheets/sheet1.xml", &sheet, "<sst></sst>", 0));
        assert!(formula.contains("!FormulaError@0"), "{cut}: {formula}");
    }
    // A picture is no text, however large, and whatever its bytes.
    let mut zip = zip::ZipWriter::new_append(std::io::Cursor::new(raw_workbook(
        &format!("<sheetData>{rows}</sheetData>"),
        "<sst></sst>",
        0,
    )))
    .unwrap();
    zip.start_file("xl/media/image1.png", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(b"\x89PNG<").unwrap();
    zip.write_all(&vec![0xFF; 10 << 20]).unwrap();
    check("a.xlsx", zip.finish().unwrap().into_inner(), "xlsx 1: id\n2: 7");
}

#[test]
fn the_top_rows_of_sheets_take_bounded_room() {
    let shared = |bytes: usize| format!("<sst><si><t>{}</t></si></sst>", "x".repeat(bytes));
    let grid = format!(
        "<sheetData>{}</sheetData>",
        format!("<row>{}</row>", "<c t=\"s\"><v>0</v></c>".repeat(100)).repeat(30)
    );
    check(
        "a.xlsx",
        raw_workbook(&grid, &shared(90_000), 0),
        "error: line 1: what must be held in memory at once unpacks to more than the allowed 1048576 bytes",
    );
    check(
        "a.xlsx",
        raw_workbook(&grid, &shared(100_001), 0),
        "error: line 1: one value is longer than the allowed 100000 bytes",
    );
    // Empty places count too, on all sheets together, and so do texts of blanks.
    let sparse = |sheets: usize| {
        workbook(move |workbook| {
            for _ in 0..sheets {
                let sheet = workbook.add_worksheet();
                (0..32).for_each(|row| _ = sheet.write(row, 480, "id").unwrap());
            }
        })
    };
    assert!(read("a.xlsx", sparse(2)).starts_with("xlsx 1: "));
    check(
        "a.xlsx",
        sparse(3),
        "error: line 27: what must be held in memory at once unpacks to more than the allowed 1048576 bytes",
    );
    let blanks = format!("<sst><si><t xml:space=\"preserve\">{}</t></si></sst>", " ".repeat(90_000));
    check(
        "a.xlsx",
        raw_workbook(&grid, &blanks, 0),
        "error: line 1: what must be held in memory at once unpacks to more than the allowed 1048576 bytes",
    );
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    parquet_with(WriterProperties::default(), columns)
}

fn parquet_with(properties: WriterProperties, columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut content = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut content, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    content
}

#[test]
fn parquet_values_become_text_without_loss() {
    let second = 1_719_477_005_000_000;
    let content = parquet(vec![
        ("id", Arc::new(StringArray::from(vec![Some("001"), Some(""), None]))),
        ("n", Arc::new(Int64Array::from(vec![430_105_199_001_011_234, -1, 0]))),
        ("f", Arc::new(Float64Array::from(vec![0.1 + 0.2, 4.3e17, f64::NAN]))),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(second), Some(second + 250_000), None]))),
        ("zoned", Arc::new(TimestampMicrosecondArray::from(vec![second; 3]).with_timezone("UTC"))),
        ("day", Arc::new(arrow::array::Date32Array::from(vec![19_901, -1, 0]))),
        ("ok", Arc::new(arrow::array::BooleanArray::from(vec![Some(true), None, Some(false)]))),
    ]);
    check(
        "a.parquet",
        &content,
        "parquet 0: id|n|f|at|zoned|day|ok
        1: 001|430105199001011234|0.3|2024-06-27T08:30:05|2024-06-27T08:30:05Z|2024-06-27|true
        2: ∅|-1|430000000000000000|2024-06-27T08:30:05.250|2024-06-27T08:30:05Z|1969-12-31|∅ !LostDigits@2
        3: ∅|0|NaN|∅|2024-06-27T08:30:05Z|1970-01-01|false",
    );
    check("a.parquet", &content[..content.len() - 100], "error: the Parquet file is cut off: its end is missing");
    let mut torn = content.clone();
    torn[10..200].fill(0xAA);
    assert!(read("a.parquet", torn).starts_with("error: "), "a torn page is an error");
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
    check(
        "a.parquet",
        parquet(vec![("l", Arc::new(list))]),
        "error: column `l` holds a list, which has no plain text form",
    );
    // One dictionary entry, repeated: 90 kB on disk, 800 MB as plain text.
    let huge = StringArray::from_iter_values(std::iter::repeat_n("x".repeat(90_000), 200));
    check(
        "a.parquet",
        parquet(vec![("id", Arc::new(huge))]),
        "error: line 12: what must be held in memory at once unpacks to more than the allowed 1048576 bytes",
    );
}

/// The same file with a footer that claims its rows to take one byte.
fn with_modest_footer(content: &[u8]) -> Vec<u8> {
    use ::parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
    let end = content.len() - 8;
    let footer_bytes = u32::from_le_bytes(content[end..end + 4].try_into().unwrap()) as usize;
    let mut metadata =
        ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::copy_from_slice(content)).unwrap().into_builder();
    let modest = |group: ::parquet::file::metadata::RowGroupMetaData| {
        let columns = group
            .columns()
            .iter()
            .map(|column| column.clone().into_builder().set_total_uncompressed_size(1).build().unwrap());
        let columns = columns.collect();
        group.into_builder().set_total_byte_size(1).set_column_metadata(columns).build().unwrap()
    };
    let groups = metadata.take_row_groups().into_iter().map(modest).collect();
    let mut forged = content[..end - footer_bytes].to_vec();
    ParquetMetaDataWriter::new(&mut forged, &metadata.set_row_groups(groups).build()).finish().unwrap();
    forged
}

#[test]
fn parquet_pages_are_measured_before_they_are_unpacked() {
    use ::parquet::basic::{Compression, Encoding};
    let plain = || WriterProperties::builder().set_dictionary_enabled(false).set_write_batch_size(1);
    let texts = |rows: usize, bytes: usize| -> Vec<(&str, ArrayRef)> {
        vec![("id", Arc::new(StringArray::from_iter_values(std::iter::repeat_n("x".repeat(bytes), rows))))]
    };
    let snappy = || plain().set_compression(Compression::SNAPPY).set_data_page_size_limit(200_000);
    let content = parquet_with(snappy().build(), texts(100, 90_000));
    assert!(content.len() < 1 << 20);
    check("a.parquet", with_modest_footer(&content), "error: the file unpacks to more than the allowed 8388608 bytes");
    check(
        "a.parquet",
        parquet_with(snappy().set_data_page_size_limit(8 << 20).build(), texts(20, 90_000)),
        "error: what must be held in memory at once unpacks to more than the allowed 1048576 bytes",
    );
    // Each text holds the one before it: a few rows are decoded at once, and counted.
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let prefixed = plain().set_encoding(Encoding::DELTA_BYTE_ARRAY).set_writer_version(version);
        let content = parquet_with(prefixed.build(), texts(200, 90_000));
        check("a.parquet", &content, "error: the file unpacks to more than the allowed 8388608 bytes");
    }
    // All unpackers, both kinds of pages, with and without rows of nothing.
    for codec in ["UNCOMPRESSED", "SNAPPY", "GZIP(6)", "LZ4", "LZ4_RAW", "ZSTD(1)", "BROTLI(1)"] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let properties =
                WriterProperties::builder().set_compression(codec.parse().unwrap()).set_writer_version(version);
            let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a".repeat(5)), None, Some("b".repeat(5))]));
            let nothing: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>; 3]));
            let content = parquet_with(properties.build(), vec![("id", names), ("name", nothing)]);
            let expected = match codec {
                "BROTLI(1)" => {
                    "error: the Parquet file is damaged: it uses an encoding or compression that is not supported"
                }
                _ => "parquet 0: id|name\n1: aaaaa|∅\n2: ∅|∅\n3: bbbbb|∅",
            };
            check("a.parquet", content, expected);
        }
    }
    // The first page says in bytes 7 to 9 to what it unpacks; these are small numbers of three bytes.
    let gzip = |version| {
        let gzip = plain().set_compression("GZIP(6)".parse().unwrap()).set_writer_version(version);
        let mut content = parquet_with(gzip.build(), texts(5, 90_000));
        assert_eq!(content[..7], *b"PAR1\x15\x00\x15".as_slice());
        content[7..10].copy_from_slice(b"\xAC\x82\x00");
        content
    };
    check(
        "a.parquet",
        gzip(WriterVersion::PARQUET_1_0),
        "error: the Parquet file is damaged: a page unpacks to more than it says",
    );
    // The type of the page as a text: the library would read it as a number.
    let mut odd = parquet(texts(1, 5));
    odd[4] = 0x18;
    check("a.parquet", odd, "error: the Parquet file is damaged: the header of a page cannot be decoded");
}

#[test]
fn parquet_columns_of_a_fixed_width_are_bounded() {
    let fixed = |width: usize, rows: usize| -> ArrayRef {
        let values = std::iter::repeat_n("x".repeat(width), rows);
        Arc::new(arrow::array::FixedSizeBinaryArray::try_from_iter(values).unwrap())
    };
    check("a.parquet", parquet(vec![("id", fixed(3, 2))]), "parquet 0: id\n1: xxx\n2: xxx");
    check(
        "a.parquet",
        parquet(vec![("id", fixed(100_001, 2))]),
        "error: one value is longer than the allowed 100000 bytes",
    );
    let names: Vec<String> = (0..17).map(|i| format!("c{i}")).collect();
    check(
        "a.parquet",
        parquet(names.iter().map(|name| (name.as_str(), fixed(100_000, 2))).collect()),
        "error: one record is longer than the allowed 1600000 bytes",
    );
    // One value in the dictionary, many rows: as many at once as there is room for.
    let properties = WriterProperties::builder().set_writer_version(WriterVersion::PARQUET_2_0).build();
    let content = parquet_with(properties, vec![("id", fixed(10_000, 3_000))]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    std::fs::write(&path, content).unwrap();
    let options = OpenOptions { limits: Limits::default(), is_known_column: &|_| false };
    let mut reader = open(&path, &options).unwrap();
    let rows = std::iter::from_fn(|| reader.next_batch().unwrap()).map(|batch| batch.lines.len());
    assert_eq!(rows.collect::<Vec<_>>(), [1_677, 1_323]);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo is part of every Unix");
    assert_eq!(read_path(&path), "error: not a regular file");
}

/// The scanner against the `csv` crate, on texts made of the characters that matter.
#[test]
fn scanner_agrees_with_the_csv_crate() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let pieces = [
        "a",
        "王",
        ",",
        ",",
        "\n",
        "\r\n",
        "\"",
        "\"\"",
        "\",\"",
        "\"\n",
        " ",
        "0123456789012345678901234567890123456789",
    ];
    for _ in 0..20_000 {
        let mut text = String::from("x,y,z\n");
        (0..random(30)).for_each(|_| text.push_str(pieces[random(pieces.len() as u64) as usize]));
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let expected: Vec<Vec<String>> =
            reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect();
        let dialect = csv_scan::Dialect { delimiter: b',', line_end: b'\n' };
        let mut records = csv_scan::Records::default();
        match csv_scan::scan(text.as_bytes(), dialect, None, usize::MAX, 1, true, &mut records) {
            csv_scan::Stop::OpenQuote { .. } => continue, // the crate takes the rest of the file as the value
            csv_scan::Stop::Done { .. } => {}
        }
        assert_eq!(csv_scan::rows_as_text(text.as_bytes(), &records), expected, "{text:?}");
        // The same in two pieces, cut anywhere, and with a fixed width.
        let (rows, lines) = (expected.len(), records.lines.clone());
        let cut = random(text.len() as u64 + 1) as usize;
        let mut piece = csv_scan::Records::default();
        let stop = csv_scan::scan(&text.as_bytes()[..cut], dialect, None, usize::MAX, 1, false, &mut piece);
        let (csv_scan::Stop::Done { taken, line } | csv_scan::Stop::OpenQuote { taken, line, .. }) = stop;
        let mut pieces = csv_scan::rows_as_text(text.as_bytes(), &piece);
        let mut piece_lines = piece.lines.clone();
        csv_scan::scan(&text.as_bytes()[taken..], dialect, None, usize::MAX, line, true, &mut piece);
        pieces.extend(csv_scan::rows_as_text(&text.as_bytes()[taken..], &piece));
        piece_lines.extend(&piece.lines);
        assert_eq!((pieces, piece_lines), (expected, lines), "{cut} {text:?}");
        csv_scan::scan(&text.as_bytes()[..cut], dialect, Some(3), usize::MAX, 1, false, &mut piece);
        assert!(piece.fields.len() == 3 * piece.lines.len() && piece.lines.len() <= rows, "{cut} {text:?}");
        // Line numbers, counted another way.
        let positions: Vec<u32> = {
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            reader
                .records()
                .map(|r| r.unwrap().position().unwrap().byte() as usize)
                .map(|byte| {
                    let skipped =
                        text[byte..].chars().take_while(|c| matches!(c, '\r' | '\n')).filter(|c| *c == '\n').count();
                    (text[..byte].matches('\n').count() + skipped + 1) as u32
                })
                .collect()
        };
        assert_eq!(records.lines, positions, "{text:?}");
    }
}
