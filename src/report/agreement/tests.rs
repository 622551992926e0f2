use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;

use super::subject::subjects;
use crate::report::ViewMeta;
use crate::report::dataset::Dataset;

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
    subjects(rows, &meta, &owned(by), day("2024-06-27")).iter().map(ToString::to_string).collect()
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
