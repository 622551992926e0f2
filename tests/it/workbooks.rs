//! Workbooks as other programs see them: the published schemas, LibreOffice, openpyxl.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gridhouse::synthetic;

use crate::support::{AS_OF, Project, contents, copy, readers, repository};

const FEATURES: &str = "workbook_features";

/// A report whose one workbook uses every feature of cells and sheets, made in a copy of the sample's project.
fn with_features() -> (Project, PathBuf) {
    let project = Project::sample();
    let template = repository().join("tests/fixtures/forms").join(FEATURES);
    copy(&template, &project.path("report-templates").join(FEATURES));
    let drawn = project.path("drawn");
    let options = synthetic::Options { scale: 0.01, ..synthetic::Options::default() };
    assert!(synthetic::draw_photos(&drawn, &options).expect("photos") > 0);
    let (_, photo) = contents(&drawn).remove(0);
    project.write("pictures/photos/shop/0000000000.jpg", &photo);
    project.write("pictures/photos/shop/0000000001.jpg", &photo[..photo.len() / 2]);
    project.run(&["report", FEATURES, "--out", "made"]).expect(0);
    let file = project.path("made/工作簿功能样表.xlsx");
    (project, file)
}

fn python(arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Option<Output> {
    let python = readers()?;
    let script = repository().join("tests/it/workbooks.py");
    Some(Command::new(python).arg(script).args(arguments).output().expect("python starts"))
}

#[track_caller]
fn said(output: &Output) -> String {
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{errors}");
    out.into_owned()
}

/// Every workbook of a night, and the one with every feature.
fn workbooks(project: &Project, features: PathBuf) -> Vec<PathBuf> {
    let outbox = project.path("outbox").join(AS_OF);
    let made = contents(&outbox).into_iter().map(|(path, _)| outbox.join(path));
    let mut files: Vec<PathBuf> = made.filter(|path| path.extension().is_some_and(|e| e == "xlsx")).collect();
    files.push(features);
    files
}

#[test]
fn every_part_keeps_to_the_published_schemas() {
    let Some(schemas) = std::env::var_os("GRIDHOUSE_OOXML").map(PathBuf::from).filter(|folder| folder.is_dir()) else {
        crate::support::skipped("no schemas of ECMA-376 (GRIDHOUSE_OOXML)");
        return;
    };
    let Some(python) = readers() else { return };
    let (project, features) = with_features();
    let files = workbooks(&project, features);
    assert!(files.len() > 100, "{} workbooks", files.len());
    let checked = Command::new(python).arg(schemas.join("validate_ooxml.py")).args(&files).output().expect("python");
    assert_eq!(said(&checked).trim(), "violations: 0");
}

/// The first workbook of every report: reports put theirs into a folder or beside the others.
fn one_of_each_kind(files: &[PathBuf]) -> Vec<&PathBuf> {
    let mut kinds: Vec<(&Path, &PathBuf)> = Vec::new();
    for file in files {
        let folder = file.parent().expect("a folder");
        let is_alone = folder.file_name().is_some_and(|name| name == AS_OF || name == "made");
        if is_alone || kinds.iter().all(|(known, _)| *known != folder) {
            kinds.push((folder, file));
        }
    }
    kinds.into_iter().map(|(_, file)| file).collect()
}

#[test]
fn an_office_program_calculates_and_saves_the_same() {
    if Command::new("soffice").arg("--version").output().is_err() {
        crate::support::skipped("no LibreOffice (soffice)");
        return;
    }
    if readers().is_none() {
        return;
    }
    let (project, features) = with_features();
    let files = workbooks(&project, features);
    let kinds = one_of_each_kind(&files);
    assert!(kinds.len() >= 9, "{kinds:?}");
    // A profile of its own, which says that formulas are calculated anew when a file is opened.
    let profile = project.path("office");
    std::fs::create_dir_all(profile.join("user")).expect("a profile");
    let recalculate = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <oor:items xmlns:oor=\"http://openoffice.org/2001/registry\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n\
        <item oor:path=\"/org.openoffice.Office.Calc/Formula/Load\"><prop oor:name=\"OOXMLRecalcMode\" oor:op=\"fuse\"><value>0</value></prop></item>\n\
        </oor:items>\n";
    std::fs::write(profile.join("user/registrymodifications.xcu"), recalculate).expect("a profile");
    let before = project.path("before");
    std::fs::create_dir_all(&before).expect("a folder");
    let copies: Vec<PathBuf> = (0..kinds.len()).map(|number| before.join(format!("{number}.xlsx"))).collect();
    for (from, to) in kinds.iter().zip(&copies) {
        std::fs::copy(from, to).expect("a copy");
    }
    let after = project.path("after");
    let saved = Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}", profile.display()))
        .args(["--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir"])
        .arg(&after)
        .args(&copies)
        .output()
        .expect("soffice");
    said(&saved);
    let pairs = copies.iter().flat_map(|copy| [copy.clone(), after.join(copy.file_name().expect("a name"))]);
    let Some(compared) = python(std::iter::once("same".into()).chain(pairs)) else { return };
    assert!(said(&compared).contains("workbooks"), "{}", said(&compared));
}

#[test]
fn an_independent_reader_finds_the_features() {
    let (_project, file) = with_features();
    let Some(found) = python(["features".as_ref(), file.as_os_str()]) else { return };
    insta::assert_snapshot!(said(&found));
}

#[test]
fn cells_are_the_figures_of_the_views() {
    let (project, features) = with_features();
    let overview = project.path("outbox").join(AS_OF).join("网格基础信息统计表.xlsx");
    let rows = |file: &Path, sheet: &str| -> Option<Vec<Vec<serde_json::Value>>> {
        let read = python(["cells".as_ref(), file.as_os_str(), sheet.as_ref()])?;
        Some(said(&read).lines().map(|line| serde_json::from_str(line).expect("a row")).collect())
    };
    let check = |file: &Path, sheet: &str, first: usize, sql: &str| {
        let Some(rows) = rows(file, sheet) else { return };
        let expected = project.sql(sql);
        let width = expected.lines().next().expect("a row").split(',').count();
        assert!(expected.lines().count() >= 16, "{expected}");
        let shown = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            number => number.as_f64().map(|number| number.to_string()).unwrap_or_default(),
        };
        let found = rows
            .iter()
            .filter(|row| row[0].is_number())
            .map(|row| row[first..first + width].iter().map(shown).collect::<Vec<_>>().join(","));
        // 1 and 1.0 are the same figure.
        let plain = |field: &str| field.parse::<f64>().map_or_else(|_| field.to_owned(), |number| number.to_string());
        let expected: Vec<String> =
            expected.lines().map(|line| line.split(',').map(plain).collect::<Vec<_>>().join(",")).collect();
        assert_eq!(found.collect::<Vec<_>>(), expected, "{sheet}");
    };
    check(
        &overview,
        "合计",
        1,
        "SELECT place_name, grid_count, person_count, registered_count, separated_count, floating_count, collective_count, \
         overseas_count, male_count, female_count, age_0_14_count, age_60_plus_count FROM grid_overview_by_place \
         WHERE place_level = 'subdistrict' ORDER BY place_code",
    );
    check(
        &features,
        "街道",
        1,
        "SELECT place_name, reported_count, round_half_up(reported_count / 10000.0, 2), closed_count, due_count_year, due_overdue_count_year, due_on_time_count_year, \
         coalesce(CAST(round_half_up(on_time_rate_year, 4) AS VARCHAR), '—') FROM whistle_by_place \
         WHERE place_level = 'subdistrict' AND level = '合计' ORDER BY place_code",
    );
}
