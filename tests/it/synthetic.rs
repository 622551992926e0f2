//! The synthetic district: the same seed gives the same bytes, nobody in it can exist, faults are where the
//! truth file says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gridhouse::district::identifiers::{Sex, check_credit_code, check_id_number, is_mobile};
use gridhouse::synthetic::{GenerateError, Options, Summary, generate};

fn small(out: &Path, change: impl FnOnce(&mut Options)) -> Summary {
    let mut options = Options { scale: 0.01, ..Options::default() };
    change(&mut options);
    generate(out, &options).unwrap()
}

/// The rows of the UTF-8 files of a table with English headers, as column -> text.
fn rows(folder: &Path, summary: &Summary, table: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = Vec::new();
    for file in summary.files.iter().filter(|file| file.table == table && file.file.starts_with(table)) {
        let text = std::fs::read_to_string(folder.join(&file.file)).unwrap();
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), header.len(), "{}: {line}", file.file);
            rows.push(header.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect());
        }
    }
    rows
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (once, again, other) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
    let summary = small(&once, |_| ());
    assert_eq!(summary, small(&again, |_| ()));
    small(&other, |options| options.seed = 1);
    for file in &summary.files {
        let bytes = std::fs::read(once.join(&file.file)).unwrap();
        assert!(bytes == std::fs::read(again.join(&file.file)).unwrap(), "{} differs", file.file);
        assert!(bytes != std::fs::read(other.join(&file.file)).unwrap(), "{} knows no seed", file.file);
    }
}

#[test]
fn nobody_in_it_can_exist() {
    let folder = tempfile::tempdir().unwrap();
    let summary = small(folder.path(), |_| ());
    let residents = rows(folder.path(), &summary, "residents");
    assert!(residents.len() > 3_000);
    let mut seen = BTreeMap::new();
    let mut registered_twice = 0;
    for resident in &residents {
        assert!(resident["phone"].is_empty() || resident["phone"].starts_with("154") && is_mobile(&resident["phone"]));
        if !matches!(resident["id_type"].as_str(), "居民身份证" | "01") {
            continue;
        }
        let id = check_id_number(&resident["id_number"]).unwrap_or_else(|fault| panic!("{fault:?}: {resident:?}"));
        assert_eq!(id.region, 990_105);
        assert_eq!(id.birth_date.to_string(), resident["birth_date"]);
        assert_eq!(id.sex == Sex::Male, matches!(resident["sex"].as_str(), "男" | "1"));
        if let Some(first) = seen.insert(resident["id_number"].clone(), resident) {
            assert_eq!(first["name"], resident["name"], "one number, two people");
            assert_ne!(first["grid_code"][..12], resident["grid_code"][..12], "twice in one community");
            registered_twice += 1;
        }
    }
    assert!((1..40).contains(&registered_twice), "{registered_twice}");
    let homes: BTreeSet<String> =
        rows(folder.path(), &summary, "dwellings").into_iter().map(|row| row["dwelling_id"].clone()).collect();
    assert!(residents.iter().filter(|row| homes.contains(&row["dwelling_id"])).count() > residents.len() / 2);
    check_shop_codes(folder.path(), &summary);
}

/// Credit codes come in workbooks.
fn check_shop_codes(folder: &Path, summary: &Summary) {
    let mut codes = BTreeSet::new();
    for file in summary.files.iter().filter(|file| file.table == "shops") {
        let mut workbook: calamine::Xlsx<_> = calamine::open_workbook(folder.join(&file.file)).unwrap();
        let sheet = calamine::Reader::worksheet_range(&mut workbook, "Sheet1").unwrap();
        for cell in sheet.used_cells().filter_map(|(_, _, cell)| calamine::DataType::as_string(cell)) {
            if cell.len() == 18 && cell.get(2..8) == Some("990105") {
                assert_eq!(check_credit_code(&cell), Ok(()), "{cell}");
                assert!(codes.insert(cell));
            }
        }
    }
    assert!(codes.len() > 300, "{}", codes.len());
}

#[test]
fn a_later_night_delivers_changes_of_known_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    let before = small(&first, |options| options.scale = 0.05);
    let after = small(&second, |options| {
        options.scale = 0.05;
        options.night = 2;
    });
    assert_eq!((before.as_of.to_string(), after.as_of.to_string()), ("2024-06-27".into(), "2024-06-28".into()));
    let known: BTreeMap<String, BTreeMap<String, String>> =
        rows(&first, &before, "residents").into_iter().map(|row| (row["resident_id"].clone(), row)).collect();
    let mut operations: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows(&second, &after, "residents") {
        let stored = known.get(&row["resident_id"]);
        match row["op"].as_str() {
            "I" => assert!(stored.is_none()),
            _ => assert!(stored.unwrap()["updated_at"] < row["updated_at"], "{row:?}"),
        }
        *operations.entry(row["op"].clone()).or_default() += 1;
    }
    let share = |operation: &str| operations[operation] as f64 / known.len() as f64;
    assert!((0.006..0.014).contains(&share("U")), "{operations:?}");
    assert!((0.003..0.008).contains(&share("I")), "{operations:?}");
    assert!((0.0003..0.002).contains(&share("D")), "{operations:?}");
}

#[test]
fn the_truth_names_every_planted_fault_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let (inbox, clean, truth) =
        (folder.path().join("inbox"), folder.path().join("clean"), folder.path().join("notes/truth.csv"));
    let summary = small(&inbox, |options| {
        options.dirty = Some(0.03);
        options.truth = Some(truth.clone());
    });
    let sound = small(&clean, |_| ());
    let truth = std::fs::read_to_string(truth).unwrap();
    let planted: Vec<Vec<&str>> = truth.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(planted.len() as u64, summary.faults);
    assert!(sound.faults == 0 && summary.faults > 200);
    for file in summary.files.iter().filter(|file| file.table != "visits") {
        // Bytes, because some files are not UTF-8; keys are ASCII in all of them but the UTF-16 one.
        let bytes = std::fs::read(inbox.join(&file.file)).unwrap();
        if !file.file.ends_with("sv") || bytes.starts_with(&[0xff, 0xfe]) {
            continue;
        }
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let original = std::fs::read(clean.join(&file.file)).unwrap();
        let untouched: BTreeSet<&[u8]> = original.split(|byte| *byte == b'\n').collect();
        let mut marked = BTreeSet::new();
        for row in planted.iter().filter(|row| row[0] == file.file) {
            let at: usize = row[1].parse().unwrap();
            let key = row[3].split('|').next().unwrap().as_bytes();
            assert!(lines[at - 1].starts_with(key), "{row:?}");
            marked.insert(at - 1);
        }
        for (at, line) in lines.iter().enumerate().filter(|(at, _)| !marked.contains(at)) {
            assert!(untouched.contains(line), "{} line {} changed without a word", file.file, at + 1);
        }
    }
    let faults: BTreeSet<&str> = planted.iter().map(|row| row[4]).collect();
    for fault in [
        "bad_id_number",
        "birth_date_disagrees",
        "sex_disagrees",
        "unknown_reference",
        "unknown_code",
        "missing_required",
        "bad_date",
        "bad_timestamp",
        "duplicate_key",
        "duplicate_same",
        "too_long",
        "replacement_character",
        "bad_phone",
        "bad_number",
    ] {
        assert!(faults.contains(fault), "{fault} in {faults:?}");
    }
}

#[test]
fn impossible_options_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (options, name) in [
        (Options { scale: 0.0, ..Options::default() }, "scale"),
        (Options { scale: f64::NAN, ..Options::default() }, "scale"),
        (Options { night: 0, ..Options::default() }, "night"),
        (Options { dirty: Some(0.9), ..Options::default() }, "dirty"),
    ] {
        match generate(folder.path(), &options) {
            Err(GenerateError::Option { option, .. }) => assert_eq!(option, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}
