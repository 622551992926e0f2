//! Forms over small data, read back from the laid-out cells.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;

use crate::report::Problem;
use crate::report::compose::table;
use crate::report::dataset::Dataset;
use crate::report::features::Emphasis;
use crate::report::form::{Align, parse_for_test};
use crate::report::layout::{CellValue, Role, SheetLayout};
use crate::report::wording::Names;

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(values.iter().map(|value| (!value.is_empty()).then_some(*value)).collect::<StringArray>())
}

fn count(values: &[i64]) -> ArrayRef {
    // A negative count stands for none.
    Arc::new(values.iter().map(|value| (*value >= 0).then_some(*value)).collect::<Int64Array>())
}

fn data(columns: Vec<(&str, ArrayRef)>) -> Dataset {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    Dataset::new(&[RecordBatch::try_from_iter_with_nullable(columns).unwrap()]).unwrap()
}

fn laid_out(form: &str, data: &Dataset) -> Result<SheetLayout, Problem> {
    let (form, problems) = parse_for_test(&format!("title: 表\ndataset: d\n{form}"));
    assert_eq!(problems, []);
    table(&form.unwrap().sheets[0], data, &data.all_rows(), &Names::default()).map(|mut sheets| sheets.remove(0))
}

/// The header, body and totals, a line for each row: values by `|`, a merge's other cells left blank as they are.
fn grid(sheet: &SheetLayout) -> String {
    let roles = [Role::Header, Role::ColumnNumber, Role::Body, Role::Total];
    let rows = sheet.rows.iter().filter(|row| row.cells.first().is_some_and(|cell| roles.contains(&cell.style.role)));
    let line = |row: &crate::report::layout::Row| {
        let texts: Vec<String> = row.cells.iter().map(|cell| cell.value.plain()).collect();
        texts.join("|")
    };
    rows.map(line).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn shows(form: &str, data: &Dataset, expected: &str) -> SheetLayout {
    let sheet = laid_out(form, data).unwrap();
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(grid(&sheet), expected.join("\n"));
    sheet
}

#[track_caller]
fn fails(form: &str, data: &Dataset, expected: &[&str]) {
    let problem = laid_out(form, data).err().map(|problem| problem.to_string()).unwrap_or_default();
    for part in expected {
        assert!(problem.contains(part), "{part}: {problem}");
    }
}

#[track_caller]
fn refused(form: &str, expected: &str) {
    let (_, problems) = parse_for_test(&format!("title: 表\ndataset: d\n{form}"));
    assert!(problems.iter().any(|problem| problem.to_string().contains(expected)), "{expected}: {problems:?}");
}

fn merges(sheet: &SheetLayout) -> Vec<String> {
    sheet.merges.iter().map(ToString::to_string).collect()
}

/// People of two tags in three places; one pair is missing, one is null, and the district's rows are there.
fn tagged() -> Dataset {
    data(vec![
        ("level", text(&["s", "s", "s", "s", "s", "d", "d"])),
        ("place", text(&["甲街道", "甲街道", "乙街道", "丙街道", "丙街道", "全区", "全区"])),
        ("tag", text(&["独居", "低保", "独居", "低保", "独居", "低保", "独居"])),
        ("tag_order", count(&[2, 1, 2, 1, 2, 1, 2])),
        ("people", count(&[3, 0, 5, -1, 7, 1, 15])),
        ("seen", count(&[1, 0, 5, -1, 7, 0, 13])),
    ])
}

const CROSS: &str = "
rows: {level: s}
one_row_per: [place]
column_numbers: true
columns:
  - {label: 街道, column: place}
  - {label: 合计, sum: people, format: integer, additive: true}
  - label: \"{tag}\"
    by: tag
    order: tag_order
    columns:
      - {label: 人数, column: people, format: integer, additive: true, missing: ／}
      - {label: 已访, column: seen, format: integer, additive: true, missing: ／}
";

#[test]
fn columns_grow_from_the_data_and_what_is_missing_is_not_nothing() {
    let sheet = shows(
        CROSS,
        &tagged(),
        "街道|合计|低保||独居|
         |||人数|已访|人数|已访
         甲|1=2+4|2|3|4|5
         甲街道|3|0|0|3|1
         乙街道|5|／|／|5|5
         丙街道|7||||7|7"
            .replace("||人数", "|人数")
            .replace("7||||7", "7|||7")
            .as_str(),
    );
    assert!(merges(&sheet).contains(&"C2:D2".to_owned()), "{:?}", merges(&sheet));
    let source = sheet.rows[4].cells[4].source;
    assert_eq!(source, Some((0, 4)), "a cell knows the row it was read from");
}

#[test]
fn only_cells_that_have_a_row_stand_out() {
    let marked = "missing: ／, highlight: {when: {people: {above: 0}}, as: warning}}";
    let form = CROSS.replacen("missing: ／}", marked, 1);
    let sheet = laid_out(&form, &tagged()).unwrap();
    let emphases: Vec<_> = sheet.rows.iter().flat_map(|row| &row.cells).map(|cell| (cell.column, cell)).collect();
    let of = |column: u16| -> Vec<bool> {
        let cells = emphases.iter().filter(|(at, cell)| *at == column && cell.style.role == Role::Body);
        cells.map(|(_, cell)| cell.style.emphasis != Emphasis::None).collect()
    };
    // 低保 in 甲街道 is 0, in 乙街道 not there, in 丙街道 empty; 独居 is 3, 5 and 7.
    assert_eq!((of(2), of(4)), (vec![false; 3], vec![true; 3]));

    // A sum stands out by what it comes to.
    let form =
        CROSS.replacen("format: integer", "format: integer, highlight: {when: {people: {above: 4}}, as: good}", 1);
    let sheet = laid_out(&form, &tagged()).unwrap();
    let sums = sheet.rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.column == 1);
    let marks: Vec<bool> =
        sums.filter(|cell| cell.style.role == Role::Body).map(|cell| cell.style.emphasis == Emphasis::Good).collect();
    assert_eq!(marks, [false, true, true]);

    let form = "
highlight_rows: {when: {people: 3}, as: notice}
columns:
  - {label: 街道, column: place, merge: true}
  - {label: 人数, column: people, format: integer}
  - {label: 面积, blank: true, input: {decimal: {at_least: 0.5}}}
";
    let sheet = laid_out(form, &tagged()).unwrap();
    let first =
        sheet.rows.iter().find(|row| row.cells.first().is_some_and(|cell| cell.style.role == Role::Body)).unwrap();
    let marks: Vec<bool> = first.cells.iter().map(|cell| cell.style.emphasis != Emphasis::None).collect();
    assert_eq!(marks, [false, true, true], "the merged name belongs to two rows");
    assert_eq!(first.cells[2].value, CellValue::Blank);
}

#[test]
fn a_long_sum_says_which_columns_it_adds() {
    let tags: Vec<String> = (1..=6).map(|tag| format!("类{tag}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let data = data(vec![
        ("place", text(&["甲"; 6])),
        ("level", text(&["s"; 6])),
        ("tag", text(&tags)),
        ("tag_order", count(&[1, 2, 3, 4, 5, 6])),
        ("people", count(&[1; 6])),
        ("seen", count(&[1; 6])),
    ]);
    let sheet = laid_out(CROSS, &data).unwrap();
    assert!(grid(&sheet).contains("甲|1=2+4+…+12|2|3"), "{}", grid(&sheet));
}

#[test]
fn totals_of_a_cross_tab_come_from_the_data_or_are_summed() {
    let given = format!("{CROSS}totals: {{label: 合　计, at: top, rows: {{level: d}}}}\n");
    fails(&given, &tagged(), &["row `合　计`, column `低保/人数` is 1 and its rows are 0 together"]);
    let right = given
        .replace("additive: true, missing: ／}", "missing: ／}")
        .replace("sum: people, format: integer, additive: true", "column: place, format: text");
    let sheet = laid_out(&right, &tagged()).unwrap();
    assert!(grid(&sheet).contains("合　计||1|0|15|13"), "{}", grid(&sheet));
    let summed = format!("{CROSS}totals: {{label: 合　计, at: bottom}}\n");
    let sheet = laid_out(&summed, &tagged()).unwrap();
    assert!(grid(&sheet).ends_with("合　计|15|0|0|15|13"), "{}", grid(&sheet));
}

#[test]
fn a_column_may_read_one_of_the_rows() {
    let form = "
rows: {level: s}
one_row_per: [place]
columns:
  - {label: 街道, column: place}
  - {label: 独居, column: people, rows: {tag: 独居}, format: integer}
  - {label: 其他, column: people, rows: {tag: {not: 独居}}, format: integer, missing: —}
";
    shows(form, &tagged(), "街道|独居|其他\n甲街道|3|0\n乙街道|5|—\n丙街道|7|");
    fails(
        &form.replace(
            "{label: 其他, column: people, rows: {tag: {not: 独居}}, format: integer, missing: —}",
            "{label: 标签, column: people}",
        ),
        &tagged(),
        &["form.yml:2:10", "row 2 of dataset `d` is in no column"],
    );
}

#[test]
fn two_figures_for_one_cell_are_an_error() {
    let form = CROSS.replace("one_row_per: [place]", "one_row_per: [level]").replace("column: place", "column: level");
    fails(&form, &tagged(), &["form.yml:", "rows 1 and 3 of dataset `d` fall into one cell", "hint"]);
    let form = CROSS.replace("{label: 街道, column: place}", "{label: 标签, column: tag}");
    fails(&form, &tagged(), &["rows 1 and 2", "differ in this column"]);
}

#[test]
fn groups_nest_in_groups() {
    let data = data(vec![
        ("place", text(&["甲", "甲", "甲", "乙"])),
        ("year", text(&["2023", "2024", "2024", "2023"])),
        ("tag", text(&["b", "a", "b", "a"])),
        ("n", count(&[1, 2, 3, 4])),
    ]);
    shows(
        "
one_row_per: [place]
columns:
  - {label: 地, column: place}
  - label: \"{year}年\"
    by: year
    columns:
      - {label: 计, sum: n, format: integer}
      - {label: \"{tag}\", by: tag, column: n, format: integer, additive: true, missing: —}
",
        &data,
        "地|2023年|||2024年||
         |计|a|b|计|a|b
         甲|1|—|1|5|2|3
         乙|4|4|—||—|—",
    );
}

#[test]
fn a_group_without_values_is_left_out() {
    let none = data(vec![("place", text(&["甲", "乙"])), ("tag", text(&["", ""])), ("people", count(&[1, 2]))]);
    let form = "
rows: {place: 丙}
one_row_per: [place]
columns:
  - {label: 街道, column: place}
  - {label: \"{tag}\", by: tag, column: people, format: integer}
";
    shows(form, &none, "街道");
    fails(&form.replace("  - {label: 街道, column: place}\n", ""), &none, &["no value to make a column of"]);
    fails(&form.replace("rows: {place: 丙}\n", ""), &none, &["row 1 of dataset `d` is in no column"]);
}

#[test]
fn more_columns_than_a_sheet_holds_are_an_error() {
    let many: Vec<String> = (0..16_384).map(|number| format!("t{number:05}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let data =
        data(vec![("tag", text(&many)), ("place", text(&vec!["甲"; many.len()])), ("n", count(&vec![1; many.len()]))]);
    let form = "
one_row_per: [place]
columns:
  - {label: 街道, column: place}
  - {label: \"{tag}\", by: tag, column: n, format: integer}
";
    fails(form, &data, &["form.yml:7:", "more columns grow from the data than the 16384 a sheet can hold"]);
    let fitting = format!("rows: {{tag: {{not: t16383}}}}{form}");
    assert_eq!(laid_out(&fitting, &data).unwrap().widths.len(), 16_384);
}

#[test]
fn grown_columns_sum_only_what_has_a_sum() {
    refused(&CROSS.replace("additive: true, missing", "missing"), "`people` is not declared additive");
    refused(&CROSS.replace("sum: people", "sum: person"), "no repeated column shows `person`");
    refused(&CROSS.replace("one_row_per: [place]\n", ""), "needs `one_row_per`");
    refused(&CROSS.replace("missing: ／", "missing: 0"), "cannot look like one");
    let with_total = data(vec![
        ("place", text(&["甲", "甲"])),
        ("level", text(&["s", "s"])),
        ("tag", text(&["独居", "合 计"])),
        ("tag_order", count(&[1, 2])),
        ("people", count(&[1, 1])),
        ("seen", count(&[1, 1])),
    ]);
    fails(CROSS, &with_total, &["column `合 计` is a total itself"]);
    let days: ArrayRef = Arc::new(Date32Array::from(vec![19_844, 19_874]));
    let months = data(vec![("place", text(&["甲", "甲"])), ("month", days), ("people", count(&[10, 11]))]);
    let form = "
one_row_per: [place]
columns:
  - {label: 街道, column: place}
  - {label: 合计, sum: people, format: integer}
  - {label: \"{month}\", by: month, column: people, format: integer, additive: true}
";
    shows(&format!("time: period{form}"), &months, "街道|合计|2024-05-01|2024-05-31\n甲|21|10|11");
    fails(&format!("time: as_of{form}"), &months, &["what there was on several days is not added up"]);
}

fn grouped() -> Dataset {
    data(vec![
        ("street", text(&["甲街道", "甲街道", "乙街道", "乙街道", "乙街道"])),
        ("place", text(&["一社区", "二社区", "三社区", "四社区", "五社区"])),
        ("asked", count(&[10, 20, 5, 5, 0])),
        ("closed", count(&[9, 15, 5, 4, 0])),
        ("rate", Arc::new(Float64Array::from(vec![Some(0.9), Some(0.75), Some(1.0), Some(0.8), None])) as ArrayRef),
    ])
}

const GROUPED: &str = "
column_numbers: true
columns:
  - {label: 序号, row_number: true}
  - {label: 街道, column: street, merge: true}
  - {label: 社区, column: place}
  - {label: 上报, column: asked, format: integer, additive: true}
  - {label: 办结, column: closed, format: integer, additive: true}
  - {label: 办结率, column: rate, format: percent 1, formula: closed / asked}
subtotals:
  - {by: street, label: 小计}
totals: {label: 总　计}
";

#[test]
fn subtotals_and_totals_are_added_once_and_rates_follow_from_them() {
    let sheet = shows(
        GROUPED,
        &grouped(),
        "序号|街道|社区|上报|办结|办结率
         甲|乙|丙|1|2|3=2/1
         1|甲街道|一社区|10|9|0.9
         2|甲街道|二社区|20|15|0.75
         |甲街道|小计|30|24|0.8
         3|乙街道|三社区|5|5|1
         4|乙街道|四社区|5|4|0.8
         5|乙街道|五社区|0|0|—
         |乙街道|小计|10|9|0.9
         总　计|||40|33|0.825",
    );
    assert!(["B4:B6", "B7:B10", "A11:C11"].iter().all(|area| merges(&sheet).contains(&(*area).to_owned())), "{sheet}");
}

#[test]
fn merged_names_are_repeated_on_the_next_page() {
    let form = GROUPED.replace("column_numbers: true", "break_by: asked");
    let sheet = laid_out(&form, &grouped()).unwrap();
    // The fifth community stands alone on a page, after the two with five.
    assert_eq!(sheet.features.page_breaks, [3, 5, 7]);
    let names: Vec<String> = merges(&sheet).into_iter().filter(|area| area.starts_with('B')).collect();
    assert_eq!(names, ["B4:B5", "B6:B7", "B8:B9"], "{sheet}");
}

/// So many communities in streets of so many.
fn many(rows: i64, per_street: i64) -> Dataset {
    let streets: Vec<String> = (0..rows).map(|row| format!("{}街道", row / per_street + 1)).collect();
    let names: Vec<String> = (0..rows).map(|row| format!("{}社区", row + 1)).collect();
    let texts = |texts: &[String]| text(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    data(vec![
        ("street", texts(&streets)),
        ("community", texts(&names)),
        ("asked", count(&(0..rows).collect::<Vec<_>>())),
    ])
}

#[test]
fn pages_of_a_long_table_end_between_its_groups_and_the_last_has_rows() {
    let form = "
orientation: portrait
columns:
  - {label: 街道, column: street, merge: true}
  - {label: 社区, column: community}
  - {label: 上报, column: asked, format: integer}
";
    // Below two rows of title and header streets of seven begin at the third, the tenth and so on.
    assert_eq!(laid_out(form, &many(70, 7)).unwrap().features.page_breaks, [30, 65]);
    // Of a street that no page holds each page has the name, and the foot has three rows above it.
    let sheet = laid_out(form, &many(70, 70)).unwrap();
    let names: Vec<String> = merges(&sheet).into_iter().filter(|area| area.contains(":A")).collect();
    assert_eq!(names, ["A3:A36", "A37:A69", "A70:A72"]);
}

#[test]
fn subtotals_stand_on_top_where_asked_and_name_their_group() {
    let form = GROUPED
        .replace("{by: street, label: 小计}", "{by: street, label: \"{street}小计\", at: top}")
        .replace(", merge: true", "");
    let sheet = laid_out(&form, &grouped()).unwrap();
    assert!(grid(&sheet).contains("甲街道小计|||30|24|0.8\n1|甲街道|一社区"), "{}", grid(&sheet));
    assert!(merges(&sheet).contains(&"A4:C4".to_owned()), "{sheet}");
}

#[test]
fn subtotals_may_be_the_datas_own_and_must_be_there_once() {
    let data = data(vec![
        ("kind", text(&["u", "u", "t", "u", "t"])),
        ("street", text(&["甲", "甲", "甲", "乙", "乙"])),
        ("place", text(&["一", "二", "", "三", ""])),
        ("n", count(&[1, 2, 3, 4, 4])),
    ]);
    let form = "
rows: {kind: u}
columns:
  - {label: 街道, column: street}
  - {label: 社区, column: place}
  - {label: 数, column: n, format: integer, additive: true}
subtotals:
  - {by: street, label: 小计, rows: {kind: t}}
";
    shows(form, &data, "街道|社区|数\n甲|一|1\n甲|二|2\n小计||3\n乙|三|4\n小计||4");
    fails(&form.replace("rows: {kind: t}", "rows: {kind: u}"), &data, &["has 2 total rows for `street` 甲"]);
    fails(&form.replace("rows: {kind: t}", "rows: {kind: x}"), &data, &["has 0 total rows for `street` 甲"]);
}

#[test]
fn subtotals_nest() {
    let data = data(vec![
        ("kind", text(&["部门", "部门", "部门", "街道"])),
        ("level", text(&["区级", "日常", "区级", "日常"])),
        ("unit", text(&["城管", "城管", "应急", "甲街道"])),
        ("n", count(&[1, 2, 3, 4])),
    ]);
    shows(
        "
columns:
  - {label: 类别, column: kind, merge: true}
  - {label: 哨级, column: level, merge: true}
  - {label: 单位, column: unit}
  - {label: 数, column: n, format: integer, additive: true}
subtotals:
  - {by: kind, label: 合计}
  - {by: level, label: 小计}
totals: {label: 总计, at: top}
",
        &data,
        "类别|哨级|单位|数
         总计|||10
         部门|区级|城管|1
         部门|区级|应急|3
         部门|区级|小计|4
         部门|日常|城管|2
         部门|日常|小计|2
         部门|合计||6
         街道|日常|甲街道|4
         街道|日常|小计|4
         街道|合计||4",
    );
    refused(
        "columns: [{label: 数, column: n, format: integer, additive: true}]\nsubtotals: [{by: a, label: 小计}, {by: a, label: 小计}]",
        "rows are grouped by `a` twice",
    );
}

#[test]
fn a_total_among_the_rows_is_never_added_again() {
    let form = "
columns:
  - {label: 单位, column: unit}
  - {label: 数, column: n, format: integer, additive: true}
totals: {label: 总计}
";
    let rows = |units: &[&str], counts: &[i64]| data(vec![("unit", text(units)), ("n", count(counts))]);
    fails(form, &rows(&["甲", "乙", "合　计"], &[1, 2, 3]), &["row `合　计` is a total itself"]);
    let places = rows(&["甲", "乙", "丙", "本级"], &[7, 5, 11_134, 11_146]);
    fails(form, &places, &["row `本级` is the sum of the others"]);
    shows(form, &rows(&["甲", "乙", "丙", "丁"], &[1, 1, 1, 3]), "单位|数\n甲|1\n乙|1\n丙|1\n丁|3\n总计|6");
    let levels =
        data(vec![("place_level", text(&["grid", "community"])), ("unit", text(&["甲", "乙"])), ("n", count(&[2, 3]))]);
    fails(form, &levels, &["rows with `place_level` grid and community would be added together"]);
    // The data's own total is not added to anything.
    let given =
        "rows: {unit: {not: 总数}}".to_owned() + &form.replace("{label: 总计}", "{label: 总计, rows: {unit: 总数}}");
    shows(&given, &rows(&["甲", "乙", "总数"], &[1, 2, 3]), "单位|数\n甲|1\n乙|2\n总计|3");
    fails(
        &given,
        &rows(&["甲", "乙", "总数"], &[1, 2, 4]),
        &["row `总计`, column `数` is 4 and its rows are 3 together"],
    );
    refused(&form.replace(", additive: true", ""), "no column can be summed");
}

const EXPLAINED: &str = "
tab: 情况
column_numbers: true
columns:
  - {label: 单位, column: unit}
  - {label: 合计, column: all, format: integer, additive: true, formula: \"early + late\"}
  - {label: 按期, column: early, format: integer, additive: true}
  - {label: 超期, column: late, format: integer, additive: true}
  - {label: 按期率, column: rate, format: percent 2, formula: early / all}
";

fn explained(all: &[i64], rates: &[Option<f64>]) -> Dataset {
    data(vec![
        ("unit", text(&["城管局", "应急局"])),
        ("all", count(all)),
        ("early", count(&[2, 0])),
        ("late", count(&[1, 0])),
        ("rate", Arc::new(Float64Array::from(rates.to_vec())) as ArrayRef),
    ])
}

#[test]
fn formulas_are_printed_by_number_and_checked_row_by_row() {
    let rate = 2.0 / 3.0;
    shows(
        EXPLAINED,
        &explained(&[3, 0], &[Some(rate), None]),
        "单位|合计|按期|超期|按期率\n甲|1=2+3|2|3|4=2/1\n城管局|3|2|1|0.6667\n应急局|0|0|0|—",
    );
    shows(
        EXPLAINED,
        &explained(&[3, 0], &[Some(0.6667), None]),
        "单位|合计|按期|超期|按期率\n甲|1=2+3|2|3|4=2/1\n城管局|3|2|1|0.6667\n应急局|0|0|0|—",
    );
    fails(
        EXPLAINED,
        &explained(&[4, 0], &[Some(0.5), None]),
        &["form.yml:8:72", "sheet `情况`: row `城管局`, column `合计` should be 3 by `early + late` and is 4"],
    );
    fails(
        EXPLAINED,
        &explained(&[3, 0], &[Some(0.66), None]),
        &["column `按期率` should be 66.67% by `early / all` and is 66.00%"],
    );
    fails(
        EXPLAINED,
        &explained(&[3, 0], &[Some(rate), Some(1.0)]),
        &["row `应急局`, column `按期率` should be nothing"],
    );
    fails(
        EXPLAINED,
        &explained(&[3, 0], &[None, None]),
        &["column `按期率` should be 66.67% by `early / all` and is blank"],
    );
    fails(
        EXPLAINED,
        &explained(&[9, 9], &[Some(0.1), Some(0.1)]),
        &["should be 3", "; row `应急局`, column `合计` should be 0"],
    );
}

#[test]
fn formulas_hold_for_totals_as_well() {
    let form = format!("rows: {{unit: {{not: 全部}}}}{EXPLAINED}totals: {{label: 总计, rows: {{unit: 全部}}}}\n");
    let data = data(vec![
        ("unit", text(&["城管局", "全部"])),
        ("all", count(&[3, 3])),
        ("early", count(&[2, 2])),
        ("late", count(&[1, 1])),
        ("rate", Arc::new(Float64Array::from(vec![2.0 / 3.0, 0.5])) as ArrayRef),
    ]);
    fails(&form, &data, &["row `总计`, column `按期率` should be 66.67% by `early / all` and is 50.00%"]);
}

#[test]
fn formulas_that_mean_nothing_are_refused() {
    for (wrong, right, expected) in [
        ("early / all", "early / al", "form.yml:11:60: `al` is no column of the form"),
        ("early / all", "early /", "ends where a column should come"),
        ("early / all", "rate / all", "`rate` is explained by itself"),
        ("{label: 单位, column: unit}", "{label: 单位, column: unit, formula: late}", "`text` has no formula"),
        ("{label: 按期, column: early,", "{label: 按期, column: early, formula: all - late,", "go in a circle"),
        ("{label: 单位, column: unit}", "{label: 单位, column: late}", "two columns of the form show `late`"),
    ] {
        refused(&EXPLAINED.replace(wrong, right), expected);
    }
    let repeated = CROSS.replace("sum: people", "column: level, formula: seen");
    refused(&repeated, "a column with `sum: seen` adds them up");
}

const PARTS: &str = "
columns:
  - {label: 社区, column: place}
  - {label: 合计, column: people, format: integer, additive: true}
  - label: 其中
    part_of: people
    columns:
      - {label: 女, column: women, format: integer, additive: true}
      - {label: 老人, column: old, format: integer, additive: true}
";

#[test]
fn parts_never_exceed_their_whole_and_are_in_no_sum() {
    let people = |women: i64, old: i64| {
        data(vec![
            ("place", text(&["甲"])),
            ("people", count(&[10])),
            ("women", count(&[women])),
            ("old", count(&[old])),
        ])
    };
    shows(PARTS, &people(6, 7), "社区|合计|其中|\n||女|老人\n甲|10|6|7");
    fails(
        PARTS,
        &people(6, 11),
        &["form.yml:8:14", "row `甲`, column `其中/老人` is 11, more than the 10 it is a part of"],
    );
    let complete = PARTS.replace("part_of: people", "part_of: people\n    complete: true");
    fails(&complete, &people(6, 7), &["row `甲`, column `合计` is 10 and its parts are 13 together"]);
    shows(&complete, &people(6, 4), "社区|合计|其中|\n||女|老人\n甲|10|6|4");
    let added = PARTS.replace("additive: true}\n  - label", "additive: true, formula: women + old}\n  - label");
    refused(&added, "`women` is a part and is never added to a total");
    let (_, problems) = parse_for_test(&format!(
        "title: 表\ndataset: d\n{}",
        added.replace("part_of: people", "part_of: people\n    complete: true")
    ));
    assert_eq!(problems, [], "complete parts make up the whole");
    refused(&PARTS.replace("part_of: people", "part_of: men"), "`men` is no column of the form");
    refused(&PARTS.replace("part_of: people", "part_of: women"), "would be a part of itself");
    refused(&PARTS.replace("part_of: people", "complete: true"), "`complete` belongs to `part_of`");
}

#[test]
fn rows_may_be_parts_of_the_row_above() {
    let shops = |part: i64| {
        data(vec![
            ("level", text(&["w", "p", "p", "w"])),
            ("kind", text(&["餐饮", "小吃店", "快餐店", "旅馆"])),
            ("n", count(&[10, part, 4, 3])),
        ])
    };
    let form = "
columns:
  - {label: 序号, row_number: true}
  - {label: 类别, column: kind}
  - {label: 家数, column: n, format: integer, additive: true}
parts: {rows: {level: p}}
totals: {label: 总计}
";
    shows(form, &shops(5), "序号|类别|家数\n1|餐饮|10\n|其中：小吃店|5\n|　　　快餐店|4\n2|旅馆|3\n总计||13");
    let sheet = laid_out(&form.replace("column: kind", "column: kind, align: center"), &shops(5)).unwrap();
    let stub = sheet.rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.column == 1);
    let aligns: Vec<Align> = stub.filter(|cell| cell.style.role == Role::Body).map(|cell| cell.style.align).collect();
    assert_eq!(aligns, [Align::Center, Align::Left, Align::Left, Align::Center]);
    fails(form, &shops(11), &["row `小吃店`, column `家数` is 11, more than the 10 of row `餐饮`"]);
    fails(
        &form.replace("level: p", "level: p}, complete: true").replace("true}}", "true}"),
        &shops(5),
        &["row `餐饮`, column `家数` is 10 and its parts are 9 together"],
    );
    let orphan = data(vec![("level", text(&["p"])), ("kind", text(&["小吃店"])), ("n", count(&[1]))]);
    fails(form, &orphan, &["the first row of the table is a part"]);
}

const RANKED: &str = "
columns:
  - {label: 单位, column: unit, width: 14}
  - {label: 得分, column: score, format: integer}
  - {label: 排名, column: rank, format: integer, empty: 不参与排名}
unranked: {rows: {rank: null}, heading: 以下单位没有案件，不参与排名}
";

fn ranked() -> Dataset {
    data(vec![
        ("unit", text(&["甲局", "乙局", "丙局", "丁局", "戊局"])),
        ("score", count(&[90, -1, 95, 90, -1])),
        ("rank", count(&[2, -1, 1, 2, -1])),
    ])
}

#[test]
fn unranked_rows_come_last_and_say_so() {
    shows(
        RANKED,
        &ranked(),
        "单位|得分|排名\n甲局|90|2\n丙局|95|1\n丁局|90|2\n以下单位没有案件，不参与排名||\n乙局||不参与排名\n戊局||不参与排名",
    );
    let all = data(vec![("unit", text(&["甲局"])), ("score", count(&[90])), ("rank", count(&[1]))]);
    shows(RANKED, &all, "单位|得分|排名\n甲局|90|1");
}

#[test]
fn rows_go_on_from_block_to_block() {
    let sheet = shows(
        &format!(
            "blocks: 2{}totals: {{label: 平均, rows: {{unit: 戊局}}}}\nrows: {{unit: {{not: 戊局}}}}\n",
            RANKED.replace(", heading: 以下单位没有案件，不参与排名", "")
        ),
        &ranked(),
        "单位|得分|排名|单位|得分|排名
         甲局|90|2|乙局||不参与排名
         丙局|95|1|平均||不参与排名
         丁局|90|2|||",
    );
    assert_eq!(sheet.widths, [14.0, 10.0, 10.0, 14.0, 10.0, 10.0]);
    refused(&format!("blocks: 0{RANKED}"), "`blocks` is 0");
    refused(&format!("blocks: 2\nautofilter: true{RANKED}"), "cannot be filtered");
    refused(
        &format!("blocks: 2\ncharts: [{{kind: bar, title: 图, categories: unit, series: [score]}}]{RANKED}"),
        "blocks side by side stand",
    );
    let wide = format!("blocks: 20\ncolumns: [{}]", vec!["{label: 一, column: a}"; 900].join(", "));
    let one = data(vec![("a", text(&["x"]))]);
    fails(&wide, &one, &["more columns"]);
}

#[test]
fn merged_stubs_stop_at_the_end_of_a_block() {
    let form = "
blocks: 2
columns:
  - {label: 街道, column: street, merge: true}
  - {label: 社区, column: place}
";
    let sheet = laid_out(form, &grouped()).unwrap();
    // Five rows in blocks of three: 甲 甲 乙 | 乙 乙.
    assert_eq!(merges(&sheet)[1..3], ["A3:A4", "C3:C4"], "{:?}", merges(&sheet));
}

#[test]
fn a_header_deeper_than_a_page_is_refused() {
    let mut nested = "{label: 底, column: n}".to_owned();
    for level in 0..18 {
        nested = format!("{{label: 层{level}, columns: [{nested}]}}");
    }
    refused(&format!("columns: [{nested}]"), "a header has at most 16 levels");
}

#[test]
fn ledgers_have_none_of_it() {
    for (more, expected) in [
        ("blocks: 2", "blocks side by side"),
        ("totals: {label: 合计}", "totals"),
        ("unranked: {rows: {a: null}}", "rows apart"),
        ("one_row_per: [a]", "columns that grow"),
    ] {
        refused(
            &format!("kind: ledger\n{more}\ncolumns: [{{label: 一, column: a}}]"),
            &format!("a ledger has no {expected}"),
        );
    }
    refused(
        "kind: ledger\ncolumns: [{label: 一, column: a, format: integer, formula: b}, {label: 二, column: b}]",
        "a ledger has no formulas",
    );
    refused(
        "kind: ledger\ncontents: {tab: 目录, title: 目录}\ncolumns: [{label: 一, column: a}]",
        "a ledger has no contents",
    );
}

/// Thousands of groups with subtotals, and merged stubs.
#[test]
fn thousands_of_groups_are_no_trouble() {
    let rows = 20_000;
    let keys: Vec<String> = (0..rows).map(|row| format!("{:05}", row / 4)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let data = data(vec![("k", text(&keys)), ("n", count(&vec![1; rows]))]);
    let form = "
columns:
  - {label: 组, column: k, merge: true}
  - {label: 项, column: k}
  - {label: 数, column: n, format: integer, additive: true}
subtotals: [{by: k, label: 小计}]
totals: {label: 总计}
";
    let sheet = laid_out(form, &data).unwrap();
    assert!(grid(&sheet).ends_with("04999|小计|4\n总计||20000"));
    assert_eq!(sheet.merges.iter().filter(|area| area.last_row - area.first_row == 4).count(), 5000);
}
