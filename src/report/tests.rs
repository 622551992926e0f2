//! The whole way from declaration to file, on a small engine that answers plain SQL over fixed rows.

mod sentences;

use std::io::{Cursor, Read};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use calamine::{Data, Reader, Xlsx};
use datafusion::prelude::SessionContext;
use fs_err as fs;

use super::dataset::{Dataset, canonical};
use super::export::{Document, DocumentKind, EXPORTERS};
use super::form::parse_for_test;
use super::layout::{Properties, WorkbookLayout};
use super::wording::Names;
use super::*;

/// Tables by name, queried with the real engine.
struct FixedFigures(SessionContext);

impl FixedFigures {
    fn new(tables: &[(&str, RecordBatch)]) -> Self {
        let session = SessionContext::new();
        for (name, batch) in tables {
            session.register_batch(*name, batch.clone()).unwrap();
        }
        Self(session)
    }
}

#[async_trait]
impl Figures for FixedFigures {
    async fn fetch(&self, sql: &str) -> Result<Vec<RecordBatch>, Problem> {
        let frame = self.0.sql(sql).await.map_err(|error| Problem::new("test", error.to_string()))?;
        frame.collect().await.map_err(|error| Problem::new("test", error.to_string()))
    }

    async fn stream(&self, sql: &str) -> Result<SendableRecordBatchStream, Problem> {
        let frame = self.0.sql(sql).await.map_err(|error| Problem::new("test", error.to_string()))?;
        frame.execute_stream().await.map_err(|error| Problem::new("test", error.to_string()))
    }

    async fn stream_in_any_order(&self, sql: &str) -> Result<SendableRecordBatchStream, Problem> {
        self.stream(sql).await
    }

    fn labels(&self, view: &str) -> Option<ViewMeta> {
        let schema = futures::executor::block_on(self.0.table(view)).ok()?.schema().clone();
        let columns =
            schema.fields().iter().map(|field| ColumnMeta { name: field.name().clone(), ..ColumnMeta::default() });
        Some(ViewMeta { label: view.to_owned(), columns: columns.collect(), ..ViewMeta::default() })
    }
}

fn context() -> RunContext {
    let day = |day| NaiveDate::from_ymd_opt(2024, 6, day).unwrap();
    RunContext {
        as_of: day(27),
        snapshot_id: "s-0001".into(),
        made_at: day(28).and_hms_opt(2, 10, 0).unwrap(),
        version: "gridhouse 0.1.0".into(),
        params: BTreeMap::new(),
        guessed_years: Vec::new(),
        district_name: "开福区".into(),
        office_name: "开福区网格化综合服务中心".into(),
        workers: 2,
        workbook_rows_max: 1_000_000,
        gathered_bytes_max: 1 << 20,
        pictures: None,
        editions: None,
        again: None,
        register: None,
        inputs: Arc::default(),
        fonts: None,
        published: None,
    }
}

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn places() -> RecordBatch {
    batch(vec![
        ("place_level", text(&[Some("community"), Some("community"), Some("community"), Some("district")])),
        ("street", text(&[Some("捞刀河街道"), Some("捞刀河街道"), Some("青竹湖街道"), None])),
        ("place", text(&[Some("欣城社区"), Some("凤亭社区"), Some("东华社区"), Some("全区")])),
        ("residents", Arc::new(Int64Array::from(vec![Some(7), Some(5), Some(11_134), Some(11_146)]))),
        ("area", Arc::new(Float64Array::from(vec![Some(1.005), None, Some(2.5), Some(3.505)]))),
        ("closing_rate", Arc::new(Float64Array::from(vec![Some(0.98605), None, Some(1.0), Some(0.98585)]))),
    ])
}

const PLACES_FORM: &str = r#"
title: "{district}网格基础信息统计表"
tab: 基础信息
dataset: places
registration: {number: 开网统1表}
filled_by: "{office}"
time: as_of
unit: 人、件
column_numbers: true
rows: {place_level: community}
totals: {label: 合　计, at: top, rows: {place_level: district}}
freeze_columns: 2
columns:
  - {label: 街道, column: street, width: 14, merge: true}
  - {label: 社区, column: place, width: 14}
  - label: 规模
    columns:
      - {label: 居民, column: residents, format: integer, additive: true}
      - {label: 面积, column: area, format: decimal 2, additive: true}
  - {label: 办结率, column: closing_rate, format: percent 2}
signers: {head: "", preparer: "", date: "{made_on}"}
notes: ["办结率为办结件数与上报件数之比。"]
charts: [{kind: column, title: 各社区居民数, categories: place, series: [residents]}]
"#;

fn places_layout() -> WorkbookLayout {
    let (form, problems) = parse_for_test(PLACES_FORM);
    assert_eq!(problems, []);
    let data = Dataset::new(&[places()]).unwrap();
    let names = Names::new("网格基础信息统计表", crate::district::periods::PeriodKind::Day, &context());
    let form = form.unwrap();
    let sheets = form.sheets.iter().flat_map(|sheet| compose::table(sheet, &data, &data.all_rows(), &names).unwrap());
    let sheets = sheets.collect();
    WorkbookLayout { properties: properties(), sheets }
}

fn properties() -> Properties {
    Properties {
        title: "测试".into(),
        subject: "开福区".into(),
        author: "开福区网格化综合服务中心".into(),
        comment: "s-0001".into(),
        created: context().made_at,
        record: Provenance { snapshot: "s-0001".into(), ..Provenance::new() },
    }
}

fn exported(layout: &WorkbookLayout) -> Vec<u8> {
    let document = Document::Workbook(layout.clone());
    let mut bytes = Vec::new();
    let exporter = EXPORTERS.iter().find(|exporter| exporter.kind == DocumentKind::Workbook).unwrap();
    (exporter.write)(&document, &mut bytes).unwrap();
    bytes
}

#[test]
fn a_form_is_laid_out_as_declared() {
    insta::assert_snapshot!(places_layout());
}

#[test]
fn a_written_form_reads_back() {
    let bytes = exported(&places_layout());
    assert_eq!(bytes, exported(&places_layout()), "the same layout gives the same bytes");
    let mut workbook = Xlsx::new(Cursor::new(bytes)).unwrap();
    let sheet = workbook.worksheet_range("基础信息").unwrap();
    let row = |row: u32| {
        (0..5).map(|column| sheet.get_value((row, column)).cloned().unwrap_or(Data::Empty)).collect::<Vec<_>>()
    };
    assert_eq!(row(0)[0], Data::String("开福区网格基础信息统计表".into()));
    assert_eq!(row(6)[2..], [Data::Float(11_146.0), Data::Float(3.51), Data::Float(0.9859)]);
    assert_eq!(
        row(7)[1..],
        [Data::String("欣城社区".into()), Data::Float(7.0), Data::Float(1.01), Data::Float(0.9861)]
    );
    assert_eq!(row(8)[3..], [Data::String("—".into()), Data::String("—".into())]);
}

#[test]
fn totals_are_summed_only_where_that_makes_sense() {
    let form = PLACES_FORM.replace("at: top, rows: {place_level: district}", "at: bottom");
    let (form, problems) = parse_for_test(&form);
    assert_eq!(problems, []);
    let data = Dataset::new(&[places()]).unwrap();
    let sheets = compose::table(&form.unwrap().sheets[0], &data, &data.all_rows(), &Names::default()).unwrap();
    let shown = sheets[0].to_string();
    assert!(shown.contains("C10 [total integer right] 11146"), "{shown}");
    assert!(shown.contains("E10 [total percent 2 right] \"—\""), "a rate has no sum: {shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_not_picked_by_a_column_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("templates/places");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("form.yml"), PLACES_FORM).unwrap();
    let manifest = "title: 表\ndescription: 测试\ndatasets:\n  places: {view: places, columns: [street, place, residents, area, closing_rate], order_by: [place]}\noutputs:\n  - {form: form.yml, file: 表}\n";
    fs::write(folder.join("report.yml"), manifest).unwrap();
    let (reports, problems) = load(&dir.path().join("templates"));
    assert_eq!(problems, []);
    let figures = FixedFigures::new(&[("places", places())]);
    let problem = render(&reports[0], &figures, &context(), &dir.path().join("out")).await.unwrap_err();
    assert!(problem.to_string().contains("dataset `places` has no column `place_level`"), "{problem}");
}

#[test]
fn a_column_of_texts_has_no_sum() {
    let (form, problems) = parse_for_test(&PLACES_FORM.replace("at: top, rows: {place_level: district}", "at: bottom"));
    assert_eq!(problems, []);
    let mut columns: Vec<(&str, ArrayRef)> = vec![("residents", text(&[Some("7"), Some("五"), Some("1"), None]))];
    let places = places();
    for name in ["place_level", "street", "place", "area", "closing_rate"] {
        columns.push((name, places.column_by_name(name).unwrap().clone()));
    }
    let data = Dataset::new(&[batch(columns)]).unwrap();
    let sheets = compose::table(&form.unwrap().sheets[0], &data, &data.all_rows(), &Names::default()).unwrap();
    assert!(!sheets[0].to_string().contains("C10 [total integer right]"), "{}", sheets[0]);
}

#[test]
fn mistakes_in_a_form_are_named_with_their_place() {
    for (wrong, right, expected) in [
        ("format: percent 2}", "format: percnt}", "form.yml:20:48: unknown format `percnt`"),
        ("signers:", "signets:", "unknown field `signets`"),
        ("column: area,", "colunm: area,", "unknown field `colunm`"),
        ("series: [residents]", "series: [resident]", "form.yml:23:68: the chart shows `resident`"),
        ("closing_rate, format: percent 2}", "closing_rate, format: percent 2, additive: true}", "is not additive"),
    ] {
        let (_, problems) = parse_for_test(&PLACES_FORM.replace(wrong, right));
        assert!(problems.iter().any(|problem| problem.to_string().contains(expected)), "{expected}: {problems:?}");
    }
}

/// Rows with everything that is hard about a cell.
fn people(count: usize) -> RecordBatch {
    let nasty = [
        "=1+1",
        "+8613",
        "-5",
        "@x",
        "\tteb",
        "a<b>&\"c'",
        "两头空 ",
        " x",
        "_x0041_",
        "\u{1}\u{1F}",
        "行\n二",
        "",
        "㮾梨街道（1）",
        "0012",
        "\u{FFFE}",
        "_",
        "a_xb",
    ];
    let names: Vec<Option<&str>> =
        (0..count).map(|row| if row % 7 == 6 { None } else { Some(nasty[row % nasty.len()]) }).collect();
    let at = |row: usize| i64::try_from(row).unwrap();
    batch(vec![
        (
            "community",
            Arc::new(
                (0..count).map(|row| Some(format!("43010500100{}", row * 3 / count.max(1)))).collect::<StringArray>(),
            ) as ArrayRef,
        ),
        (
            "community_name",
            Arc::new((0..count).map(|row| Some(format!("第{}社区", row * 3 / count.max(1)))).collect::<StringArray>()),
        ),
        ("name", text(&names)),
        ("age", Arc::new((0..count).map(|row| (row % 5 != 0).then(|| at(row) - 3)).collect::<Int64Array>())),
        ("rate", Arc::new((0..count).map(|row| (row % 4 != 0).then(|| row as f64 / 7.0)).collect::<Float64Array>())),
        (
            "born",
            Arc::new(
                (0..count)
                    .map(|row| (row % 6 != 0).then(|| i32::try_from(row).unwrap() * 400 - 26_000))
                    .collect::<Date32Array>(),
            ),
        ),
        (
            "seen",
            Arc::new(
                (0..count)
                    .map(|row| Some(1_719_446_400_000_000 + at(row) * 61_000_000))
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
        ("is_let", Arc::new((0..count).map(|row| (row % 3 != 0).then_some(row % 2 == 0)).collect::<BooleanArray>())),
    ])
}

const PEOPLE_FORM: &str = r#"
kind: ledger
title: "{community_name}居民台账"
tab: 居民台账
dataset: people
filled_by: "{office}"
unit: 人
columns:
  - {label: 序号, row_number: true, width: 6}
  - {label: 姓名, column: name, wrap: true}
  - label: 其他
    columns:
      - {label: 年龄, column: age, format: integer}
      - {label: 比率, column: rate, format: percent 1}
      - {label: 出生日期, column: born, format: date}
      - {label: 见到, column: seen, format: datetime, width: 16}
      - {label: 出租, column: is_let, format: flag, words: ["√", "×"], empty: "/"}
      - {label: 备注, blank: true}
notes: ["共{row_count}人。"]
"#;

/// The same list with everything that cells and sheets can do besides showing values.
fn marked_people_form() -> String {
    PEOPLE_FORM
        .replace(
            "dataset: people",
            "dataset: people\nprotect: true\nbreak_by: community\nhighlight_rows: {when: {is_let: true}, as: notice}",
        )
        .replace("column: age,", "column: age, data_bar: true, highlight: {when: {age: {above: 20}}, as: warning},")
        .replace(
            "blank: true}",
            "blank: true, input: {list: [属实, 不属实]}}\n      - {label: 照片, column: name, picture: {height: 40}}",
        )
}

fn people_layout(count: usize) -> WorkbookLayout {
    people_layout_of(PEOPLE_FORM, count)
}

fn people_layout_of(form: &str, count: usize) -> WorkbookLayout {
    let (form, problems) = parse_for_test(form);
    assert_eq!(problems, []);
    let whole = canonical(&people(count)).unwrap();
    let batches = (0..count).step_by(100).map(|start| whole.slice(start, 100.min(count - start))).collect();
    let names = Names::new("居民台账", crate::district::periods::PeriodKind::Day, &context())
        .with(&[("community_name".into(), "东华社区".into())]);
    WorkbookLayout {
        properties: properties(),
        sheets: compose::ledger(&form.unwrap().sheets[0], batches, &names).unwrap(),
    }
}

#[test]
fn a_ledger_is_laid_out_as_declared() {
    insta::assert_snapshot!(people_layout(10));
}

/// Every part of a package by name, inflated.
fn parts(package: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let archive = rawzip::ZipArchive::from_slice(package).unwrap();
    let mut entries = archive.entries();
    let mut parts = BTreeMap::new();
    while let Some(entry) = entries.next_entry().unwrap() {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let part = archive.get_entry(entry.wayfinder()).unwrap();
        let mut plain = Vec::new();
        if entry.compression_method() == rawzip::CompressionMethod::STORE {
            plain.extend_from_slice(part.data());
        } else {
            flate2::read::DeflateDecoder::new(part.data()).read_to_end(&mut plain).unwrap();
        }
        assert_eq!(
            (crc32fast::hash(&plain), plain.len() as u64),
            (entry.crc32(), entry.uncompressed_size_hint()),
            "{name}"
        );
        parts.insert(name, plain);
    }
    parts
}

/// `(reference, style, content)` of every cell, shared strings looked up.
fn cells(sheet: &[u8], strings: &[u8]) -> Vec<(String, String, String)> {
    let between = |text: &str, open: &str, close: &str| {
        text.split_once(open).and_then(|(_, rest)| Some(rest.split_once(close)?.0.to_owned()))
    };
    let strings = String::from_utf8(strings.to_vec()).unwrap();
    let shared: Vec<String> =
        strings.split("<si>").skip(1).map(|entry| between(entry, ">", "</t>").unwrap_or_default()).collect();
    let sheet = String::from_utf8(sheet.to_vec()).unwrap();
    let sheet = sheet.split_once("<sheetData>").unwrap().1.split_once("</sheetData>").unwrap().0;
    let cell = |cell: &str| {
        let head = cell.split_once('>').unwrap().0;
        let number = between(cell, "<v>", "</v>");
        let content = match (number, head.contains("t=\"s\"")) {
            (Some(place), true) => format!("text {}", shared[place.parse::<usize>().unwrap()]),
            (Some(number), false) => number,
            (None, _) => between(cell, "<is><t", "</t>")
                .map(|text| format!("text {}", text.split_once('>').unwrap().1))
                .unwrap_or_default(),
        };
        (between(cell, "r=\"", "\"").unwrap(), between(cell, "s=\"", "\"").unwrap_or_default(), content)
    };
    sheet.split("<c ").skip(1).map(cell).collect()
}

#[test]
fn a_marked_ledger_is_laid_out_as_declared() {
    insta::assert_snapshot!(people_layout_of(&marked_people_form(), 30));
}

#[test]
fn streamed_rows_are_the_plain_rows() {
    let marked = marked_people_form();
    let cases = [
        (PEOPLE_FORM, 1),
        (PEOPLE_FORM, 2),
        (PEOPLE_FORM, 2500),
        (&marked, 1),
        (&marked, 3),
        (&marked, 4),
        (&marked, 2500),
    ];
    for (form, count) in cases {
        let layout = people_layout_of(form, count);
        let streamed = parts(&exported(&layout));
        let plain = parts(&super::export::plain_for_test(&layout));
        let names = |parts: &BTreeMap<String, Vec<u8>>| parts.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&streamed), names(&plain));
        const SHEET: &str = "xl/worksheets/sheet1.xml";
        const STRINGS: &str = "xl/sharedStrings.xml";
        for (name, part) in &plain {
            assert!(name == SHEET || name == STRINGS || streamed[name] == *part, "{name} differs");
        }
        let (fast, slow) = (cells(&streamed[SHEET], &streamed[STRINGS]), cells(&plain[SHEET], &plain[STRINGS]));
        assert_eq!(fast.len(), slow.len());
        for (fast, slow) in fast.iter().zip(&slow) {
            assert_eq!(fast, slow);
        }
        let rows = |sheet: &[u8]| {
            let sheet = String::from_utf8(sheet.to_vec()).unwrap();
            let tags = sheet.split("<row ").skip(1);
            tags.map(|row| row.split_once('>').unwrap().0.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(rows(&streamed[SHEET]), rows(&plain[SHEET]), "row numbers and heights");
        let frame = |sheet: &[u8]| {
            let sheet = String::from_utf8(sheet.to_vec()).unwrap();
            let (head, rest) = sheet.split_once("<sheetData>").unwrap();
            (head.to_owned(), rest.split_once("</sheetData>").unwrap().1.to_owned())
        };
        assert_eq!(frame(&streamed[SHEET]), frame(&plain[SHEET]), "print set-up, widths, filter and merges");
    }
}

#[test]
fn streamed_text_reads_back_equal() {
    let mut workbook = Xlsx::new(Cursor::new(exported(&people_layout(34)))).unwrap();
    let sheet = workbook.worksheet_range("居民台账").unwrap();
    let value = |row: u32, column: u32| sheet.get_value((row, column)).cloned().unwrap_or(Data::Empty);
    assert_eq!(value(4, 1), Data::String("=1+1".into()));
    assert_eq!(value(5, 1), Data::String("+8613".into()));
    assert_eq!(value(8, 1), Data::String("\tteb".into()));
    assert_eq!(value(9, 1), Data::String("a<b>&\"c'".into()));
    assert_eq!(value(17, 1), Data::Empty, "null is blank");
    assert_eq!(value(4, 6), Data::String("/".into()), "null of a column with a sign for it");
    assert_eq!(value(38, 0), Data::String("说明：共34人。".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_query_fills_a_file_per_member() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("templates/resident_ledger");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("form.yml"), PEOPLE_FORM).unwrap();
    let manifest = r#"
title: 居民台账
description: 测试
parameters: [{name: only, label: 社区}]
datasets:
  people: {view: people, where: {community: "{only}"}, order_by: [community, seen]}
outputs:
  - {form: form.yml, file: "居民台账/{community}{community_name}.xlsx", split: {by: community, name: community_name}}
"#;
    fs::write(folder.join("report.yml"), manifest).unwrap();
    let (reports, problems) = load(&dir.path().join("templates"));
    assert_eq!(problems, []);
    let figures = FixedFigures::new(&[("people", people(300))]);
    assert_eq!(check(&reports[0], &figures, &BTreeMap::new(), context().as_of), []);

    let out = dir.path().join("out");
    let files = render(&reports[0], &figures, &context(), &out).await.unwrap();
    let names: Vec<String> =
        files.iter().map(|file| file.path.strip_prefix(&out).unwrap().display().to_string()).collect();
    assert_eq!(
        names,
        ["居民台账/430105001000第0社区.xlsx", "居民台账/430105001001第1社区.xlsx", "居民台账/430105001002第2社区.xlsx"]
    );
    assert_eq!(files.iter().map(|file| file.rows).sum::<usize>(), 300);
    let names = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let aside: Vec<String> = names.filter(|name| name.starts_with(".making")).collect();
    assert_eq!(aside, [""; 0], "nothing is left aside");

    let bytes: Vec<Vec<u8>> = files.iter().map(|file| fs::read(&file.path).unwrap()).collect();
    let again = render(&reports[0], &figures, &context(), &out).await.unwrap();
    assert!(
        again.iter().zip(&bytes).all(|(file, bytes)| fs::read(&file.path).unwrap() == *bytes),
        "same inputs, same bytes"
    );

    let mut one = context();
    one.params.insert("only".into(), "430105001001".into());
    assert_eq!(render(&reports[0], &figures, &one, &out).await.unwrap().len(), 1);
    one.params.insert("onyl".into(), "x".into());
    let problem = render(&reports[0], &figures, &one, &out).await.unwrap_err();
    assert!(problem.hint.is_some_and(|hint| hint.contains("`only`")));

    // Whether a list is held or read in order, and whether the order names the split: the same files.
    let mut tight = context();
    tight.gathered_bytes_max = 0;
    fs::write(folder.join("report.yml"), manifest.replace("order_by: [community, seen]", "order_by: [seen]")).unwrap();
    let templates = reports[0].templates.clone();
    let (mut reports, problems) = load(&dir.path().join("templates"));
    assert_eq!(problems, []);
    // The files would say that the template is another.
    assert_ne!(std::mem::replace(&mut reports[0].templates, templates.clone()), templates);
    for context in [context(), tight] {
        let again = render(&reports[0], &figures, &context, &out).await.unwrap();
        assert!(
            again.len() == 3 && again.iter().zip(&bytes).all(|(file, bytes)| fs::read(&file.path).unwrap() == *bytes)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_summary_becomes_markdown_and_html() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("templates/brief");
    fs::create_dir_all(&folder).unwrap();
    let template = "{{ cards([{\"label\": \"居民\", \"value\": total.residents, \"unit\": \"人\"}]) }}\n## 概况\n\n全区{{ total.residents }}人，办结率{{ total.closing_rate | percent }}。\n\n\
                    {{ bar_chart(places, label=\"place\", values=[\"residents\"], title=\"各社区居民\", unit=\"人\") }}\n\n| 社区 | 办结率 |\n|---|--:|\n{% for row in places %}\n| {{ row.place }} | {{ row.closing_rate | percent }} |\n{% endfor %}\n\n<script>alert(1)</script> [x](http://y)\n";
    fs::write(folder.join("summary.md.j2"), template).unwrap();
    let manifest = "title: \"{district}每日要情\"\ndescription: 测试\ndatasets:\n  places: {view: places, where: {place_level: community}, order_by: [place]}\n  total: {view: places, where: {place_level: district}, single: true}\noutputs:\n  - {summary: summary.md.j2, file: 每日要情}\n";
    fs::write(folder.join("report.yml"), manifest).unwrap();
    let (reports, problems) = load(&dir.path().join("templates"));
    assert_eq!(problems, []);
    let figures = FixedFigures::new(&[("places", places())]);
    assert_eq!(check(&reports[0], &figures, &BTreeMap::new(), context().as_of), []);
    let out = dir.path().join("out");
    let files = render(&reports[0], &figures, &context(), &out).await.unwrap();
    assert!(files.len() >= 3, "a PDF as well where fonts are installed");
    insta::assert_snapshot!(fs::read_to_string(out.join("每日要情.md")).unwrap());
    let html = fs::read_to_string(out.join("每日要情.html")).unwrap();
    assert!(html.contains("<h1 class=\"red\">开福区每日要情</h1>") && html.contains("<svg") && html.contains("98.59%"));
    assert!(!html.contains("<script") && !html.contains("src="), "{html}");
    let kept = html.matches("href=\"#").count() + html.matches("href=#").count();
    assert_eq!(html.matches("href=").count(), kept, "links stay on the page: {html}");

    fs::write(folder.join("summary.md.j2"), "{{ total.resident }}").unwrap();
    let (reports, _) = load(&dir.path().join("templates"));
    let found = check(&reports[0], &figures, &BTreeMap::new(), context().as_of);
    assert!(found.len() == 1 && found[0].to_string().contains("summary.md.j2:1:4: `total.resident`"), "{found:?}");
    // A column that is planned can be used, described or not.
    let described = figures.labels("places").unwrap().columns.into_iter().map(|column| column.name);
    let fields = BTreeMap::from([("places".to_owned(), described.chain(["resident".to_owned()]).collect())]);
    assert_eq!(check(&reports[0], &figures, &fields, context().as_of), []);
    let problem = render(&reports[0], &figures, &context(), &out).await.unwrap_err();
    assert_eq!((problem.line, problem.column), (1, 4));
    assert!(fs::read_to_string(out.join("每日要情.md")).unwrap().contains("概况"), "the last good file is untouched");
}

#[test]
fn a_file_has_one_maker() {
    let dir = tempfile::tempdir().unwrap();
    let report = |name: &str, output: &str| {
        fs::create_dir_all(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("form.yml"), PLACES_FORM).unwrap();
        fs::write(dir.path().join(name).join("s.md.j2"), "好").unwrap();
        let manifest =
            "title: 表\ndescription: 测试\ndatasets:\n  places: {view: places, order_by: [place]}\noutputs:\n  - ";
        fs::write(dir.path().join(name).join("report.yml"), format!("{manifest}{output}\n")).unwrap();
    };
    report("a", "{form: form.yml, file: 甲.xlsx}");
    report("b", "{form: form.yml, file: 乙}");
    report("c", "{form: form.yml, file: 甲}");
    let (reports, problems) = load(dir.path());
    assert_eq!(reports.iter().map(|report| report.name.as_str()).collect::<Vec<_>>(), ["b"]);
    assert!(problems[0].to_string().contains("reports `a` and `c` both make `甲.xlsx`"), "{problems:?}");

    report("a", "{summary: s.md.j2, file: 丙.xlsx}");
    let (_, problems) = load(dir.path());
    assert!(problems[0].to_string().contains("no file can be made of `丙.xlsx`"), "{problems:?}");
}

#[test]
fn the_shipped_reports_load() {
    let (reports, problems) = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("report-templates"));
    assert_eq!(problems, []);
    assert!(!reports.is_empty());
}

#[test]
fn rows_that_an_order_leaves_equal_come_in_one_order() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a")).unwrap();
    let mistaken = PLACES_FORM.replacen("title: ", "title: \"{typo}\" # ", 1).replace("tab: 基础信息\n", "");
    fs::write(dir.path().join("a/form.yml"), mistaken).unwrap();
    let manifest = "title: 表\ndescription: 测试\ndatasets:\n  places: {view: places, order_by: [residents desc]}\noutputs:\n  - {form: form.yml, file: 表}\n";
    fs::write(dir.path().join("a/report.yml"), manifest).unwrap();
    let (_, problems) = load(dir.path());
    let told = problems.iter().filter(|problem| problem.to_string().contains("`{typo}` stands for nothing")).count();
    assert_eq!(told, 1, "a title that names the sheet as well is one text: {problems:?}");

    fs::write(dir.path().join("a/form.yml"), PLACES_FORM).unwrap();
    let (reports, problems) = load(dir.path());
    assert_eq!(problems, []);
    let spec = &reports[0].datasets["places"];
    let column = |name: &str| ColumnMeta { name: name.into(), ..ColumnMeta::default() };
    let mut meta = ViewMeta { columns: ["place", "residents", "area"].map(column).into(), ..ViewMeta::default() };
    let order = |meta: &ViewMeta| dataset::sql(&spec.in_full_order(Some(meta), None), &[], &Names::default(), None);
    let first = "SELECT * FROM \"places\" ORDER BY \"residents\" DESC NULLS LAST, \"place\" ASC NULLS LAST";
    assert_eq!(order(&meta), format!("{first}, \"area\" ASC NULLS LAST"));
    meta.grain = vec!["place".into()];
    assert_eq!(order(&meta), first);
}
