use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;

use super::shown::format_in;
use super::subject::{Setting, Subject, Whole, subjects};
use crate::report::ViewMeta;
use crate::report::dataset::Dataset;
use crate::report::number::Format;

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn dataset(columns: Vec<(&str, ArrayRef)>) -> Dataset {
    Dataset::new(&[RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .expect("rows")])
    .expect("a dataset")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// Place, period and the rest of each row, as texts.
fn told(rows: &Dataset, grain: &[&str], by: &[&str]) -> Vec<String> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let meta = ViewMeta { grain: owned(grain), ..ViewMeta::default() };
    subjects(rows, &meta, &owned(by), setting()).iter().map(ToString::to_string).collect()
}

fn setting() -> Setting<'static> {
    Setting { as_of: day("2024-06-27"), district: "长沙市开福区" }
}

#[test]
fn a_total_speaks_of_all_it_is_the_total_of() {
    let rows = dataset(vec![
        ("place_level", texts(&[Some("district"), Some("subdistrict"), Some("subdistrict")])),
        ("place_code", texts(&[Some("430105"), Some("430105001"), Some("430105001")])),
        ("place_name", texts(&[Some("全区"), Some("芙蓉北路街道"), Some("芙蓉北路街道")])),
        ("level", texts(&[Some("合计"), Some("合计"), Some("区级哨")])),
        ("reported_count", Arc::new(Int64Array::from(vec![9, 3, 1]))),
    ]);
    let expected = ["the district", "place `430105001`", "place `430105001`, level"];
    assert_eq!(told(&rows, &["place_code", "level"], &[]), expected);
    // Without a word on what tells rows apart, every column that is no number does.
    assert_eq!(told(&rows, &[], &[]), expected);
    assert_eq!(told(&rows, &["place_code", "level"], &["place_code"]), ["the district", expected[1], expected[1]]);
    // A view without places is the district's.
    let headline = dataset(vec![("reported_count", Arc::new(Int64Array::from(vec![9])))]);
    assert_eq!(told(&headline, &[], &[]), ["the district"]);
    // A total that its key leaves empty is told by its other columns.
    let units = dataset(vec![
        ("department_code", texts(&[Some("01"), None])),
        ("department", texts(&[Some("城管局"), Some("合计")])),
        ("kind", texts(&[Some("部门"), Some("部门")])),
    ]);
    assert_eq!(told(&units, &["department_code"], &[]), ["the district, department_code", "the district, kind"]);
}

#[test]
fn places_are_known_by_the_finest_code_and_by_name_without_one() {
    let rows = dataset(vec![
        ("subdistrict_code", texts(&[Some("430105001"), Some("430105001"), None, None])),
        ("subdistrict_name", texts(&[Some("芙蓉北路街道"), Some("芙蓉北路街道"), Some("未知单位"), None])),
        ("community_code", texts(&[Some("430105001007"), None, None, None])),
    ]);
    assert_eq!(
        told(&rows, &[], &[]),
        ["place `430105001007`", "place `430105001`", "place `未知单位`", "the district"]
    );
}

#[test]
fn a_month_is_the_same_by_its_kind_its_days_and_its_first() {
    let days = |texts: &[&str]| -> ArrayRef {
        let since = |text: &&str| i32::try_from((day(text) - day("1970-01-01")).num_days()).expect("days");
        Arc::new(Date32Array::from(texts.iter().map(since).collect::<Vec<_>>()))
    };
    let kinds = dataset(vec![("period_kind", texts(&[Some("month"), Some("year")]))]);
    let spans = dataset(vec![
        ("period_kind", texts(&[Some("month"), Some("year")])),
        ("start_date", days(&["2024-06-01", "2024-01-01"])),
        ("end_date", days(&["2024-06-27", "2024-06-27"])),
    ]);
    let expected = ["the district, 2024-06-01 to 2024-06-27", "the district, 2024-01-01 to 2024-06-27"];
    assert_eq!(told(&kinds, &["period_kind"], &[]), expected);
    assert_eq!(told(&spans, &["period_kind"], &[]), expected);
    let months = dataset(vec![
        ("month_start", days(&["2024-06-01", "2024-05-01"])),
        ("month", texts(&[Some("2024-06"), Some("2024-05")])),
    ]);
    assert_eq!(told(&months, &["month"], &[]), [expected[0], "the district, 2024-05-01 to 2024-05-31"]);
    // A window of before is no period of now.
    let windows = dataset(vec![
        ("period_kind", texts(&[Some("month"), Some("month")])),
        ("period_window", texts(&[Some("current"), Some("previous")])),
    ]);
    assert_eq!(
        told(&windows, &["period_kind", "period_window"], &[]),
        [expected[0], "the district, period_kind, period_window"]
    );
}

#[test]
fn numbers_of_a_key_tell_rows_apart_as_texts_do() {
    let rows = dataset(vec![
        ("age_from", Arc::new(Int64Array::from(vec![0, 15]))),
        ("share", Arc::new(Float64Array::from(vec![0.5, 0.25]))),
    ]);
    assert_eq!(told(&rows, &["age_from"], &[]), ["the district, age_from", "the district, age_from"]);
}

#[test]
fn a_sum_speaks_of_what_its_parts_make_up_and_of_nothing_where_one_is_missing() {
    let rows = dataset(vec![
        ("place_code", texts(&["430105001", "430105001", "430105002", "430105002", "430105"].map(Some))),
        ("tag", texts(&[Some("独居"), Some("残疾"), Some("独居"), Some("残疾"), Some("合计")])),
    ]);
    let meta = ViewMeta::default();
    let all = subjects(&rows, &meta, &[], setting());
    let told = |rows: &[usize]| {
        let parts: Vec<&Subject> = rows.iter().map(|row| &all[*row]).collect();
        let whole = Whole::of(&parts)?;
        Some((whole.subject.to_string(), all.iter().any(|subject| whole.lacks(subject))))
    };
    assert_eq!(told(&[0, 1]), Some(("place `430105001`".to_owned(), false)));
    assert_eq!(told(&[0, 2]), Some(("the district, tag".to_owned(), false)));
    assert_eq!(told(&[0, 1, 2, 3]), Some(("the district".to_owned(), false)));
    assert_eq!(told(&[0, 1, 2]), Some(("the district".to_owned(), true)));
    // A total among its parts, and a part that counts twice.
    assert_eq!(told(&[0, 1, 4]), None);
    assert_eq!(told(&[0, 0]), None);
}

#[test]
fn the_district_is_known_by_its_name() {
    let rows = dataset(vec![("area", texts(&[Some("开福区"), Some("长沙市开福区"), Some("岳麓区")]))]);
    assert_eq!(told(&rows, &[], &[]), ["the district", "the district", "the district, area"]);
}

#[test]
fn words_tell_in_which_digits_they_show_a_figure() {
    for (words, number, expected) in [
        ("58.4%", 0.58397, Some(Format::Percent(1))),
        ("1.29万", 12_867.0, Some(Format::Wan(2))),
        ("6月上报12900", 12_900.0, Some(Format::Integer)),
        ("同比下降3.2%", -0.0321, Some(Format::Percent(1))),
        ("环比上升0.35个百分点", 0.3512, Some(Format::Decimal(2))),
        ("98.59", 0.98585, Some(Format::Percent(2))),
        ("与上期持平", 0.0, None),
        ("12", 13.0, None),
    ] {
        assert_eq!(format_in(words, number), expected, "{words}");
    }
}
