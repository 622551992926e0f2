//! `check --impact`, held against workbooks that another reader reads cell by cell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use calamine::Reader;
use serde_json::Value;

use crate::support::{AS_OF, Project, Run, contents};

/// The project's impact as records, with everything in the project left as it was.
#[track_caller]
fn impact(project: &Project, code: i32) -> (Vec<Value>, Run) {
    let before = contents(project.root());
    let run = project.run(&["check", "--impact", "--format", "json"]).expect(code);
    assert!(contents(project.root()) == before, "something was written into the project");
    (serde_json::from_str(&run.stdout).expect("JSON"), run)
}

fn edit(project: &Project, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(project.path(file)).expect("a file");
    assert!(text.contains(from), "{file} has no `{from}`");
    project.write(file, text.replacen(from, to, 1));
}

/// Sheet and cell to what stands there.
fn cells(workbook: &Path) -> BTreeMap<(String, String), String> {
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(workbook).expect("a workbook");
    let mut cells = BTreeMap::new();
    for sheet in book.sheet_names() {
        let range = book.worksheet_range(&sheet).expect("a sheet");
        let (top, left) = range.start().unwrap_or_default();
        for (row, column, value) in range.used_cells() {
            let (row, column) = (row + top as usize, column + left as usize);
            let mut letters = String::new();
            let mut rest = column + 1;
            while rest > 0 {
                letters.insert(0, char::from(b'A' + ((rest - 1) % 26) as u8));
                rest = (rest - 1) / 26;
            }
            cells.insert((sheet.clone(), format!("{letters}{}", row + 1)), value.to_string());
        }
    }
    cells
}

/// File, sheet and cell of everything that differs between the workbooks of two folders.
fn differing(old: &Path, new: &Path) -> BTreeSet<(String, String, String)> {
    let mut found = BTreeSet::new();
    for (file, _) in contents(new).into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "xlsx")) {
        let (before, after) = (cells(&old.join(&file)), cells(&new.join(&file)));
        for place in before.keys().chain(after.keys()) {
            if before.get(place) != after.get(place) {
                found.insert((file.display().to_string(), place.0.clone(), place.1.clone()));
            }
        }
    }
    found
}

fn told(records: &[Value]) -> BTreeSet<(String, String, String)> {
    let text = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    let cells = records.iter().filter(|record| record["change"] == "cell");
    cells.map(|record| (text(record, "file"), text(record, "sheet"), text(record, "cell"))).collect()
}

#[test]
fn a_changed_column_is_told_cell_by_cell_in_every_report_that_shows_it() {
    let project = Project::sample();
    let (records, run) = impact(&project, 0);
    assert!(records.is_empty() && run.stderr.contains("no cell would change"), "{}", run.stderr);

    edit(&project, "queries/marts/score_rule_list.sql", "floor_points", "floor_points + 0.5 AS floor_points");
    let (records, run) = impact(&project, 1);
    let reports: BTreeSet<&str> = records.iter().filter_map(|record| record["report"].as_str()).collect();
    assert_eq!(reports, BTreeSet::from(["whistle_bulletin", "whistle_handling"]));
    assert!(run.stderr.contains("query `marts/score_rule_list.sql` has changed, through `score_rule_list`"));

    let arguments = ["report", "whistle_bulletin", "whistle_handling", "--out", "again"];
    project.run(&arguments).expect(0);
    let expected = differing(&project.path("outbox").join(AS_OF), &project.path("again"));
    assert!(expected.len() > 10, "the column stands in several workbooks: {expected:?}");
    assert_eq!(told(&records), expected);
    for record in records.iter().filter(|record| record["change"] == "cell") {
        let number = |key: &str| record[key].as_str().and_then(|text| text.parse::<f64>().ok()).expect("a number");
        assert_eq!(number("new") - number("old"), 0.5, "{record}");
        assert_eq!((&record["column"], &record["view"]), (&"底分".into(), &"score_rule_list.floor_points".into()));
    }
    // The same for a person: how many, and the first of them.
    let shown = project.run(&["check", "--impact"]).expect(1);
    assert!(shown.stdout.contains("score_rule_list.floor_points") && shown.stdout.contains("底分"), "{}", shown.stdout);
}

#[test]
fn a_changed_label_and_reports_that_come_and_go_are_told() {
    let project = Project::sample();
    edit(&project, "report-templates/special_group_count/form.yml", "label: 街道,", "label: 街道名称,");
    let (records, run) = impact(&project, 1);
    assert!(run.stderr.contains("template `form.yml` has changed"), "{}", run.stderr);
    project.run(&["report", "special_group_count", "--out", "again"]).expect(0);
    let expected = differing(&project.path("outbox").join(AS_OF), &project.path("again"));
    assert!(!expected.is_empty());
    assert_eq!(told(&records), expected);

    let templates = project.path("report-templates");
    std::fs::rename(templates.join("special_group_count"), templates.join("group_count")).expect("renamed");
    let (records, _) = impact(&project, 1);
    let whole: Vec<(&str, &str)> =
        records.iter().map(|record| (record["report"].as_str().unwrap(), record["change"].as_str().unwrap())).collect();
    assert_eq!(whole, [("group_count", "new report"), ("special_group_count", "report gone")]);
}

#[test]
fn what_would_not_be_made_is_named() {
    let project = Project::sample();
    edit(&project, "queries/marts/rental_dwelling_list.sql", "SELECT", "SELECT no_such_column,");
    let (records, run) = impact(&project, 2);
    let failing: Vec<&Value> = records.iter().filter(|record| record["change"] == "fails").collect();
    assert_eq!(failing.len(), 1, "{records:?}");
    assert_eq!(failing[0]["report"], "rental_ledger");
    assert!(
        run.stderr.contains("no_such_column") && run.stderr.contains("rental_dwelling_list.sql:"),
        "{}",
        run.stderr
    );

    // A query that nobody can read is no better, and takes nothing else with it.
    project.write("queries/marts/rental_dwelling_list.sql", "SELECT FROM WHERE");
    let (records, run) = impact(&project, 2);
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(run.stderr.contains("rental_dwelling_list.sql"), "{}", run.stderr);
}

#[test]
fn of_row_lists_it_is_told_where_and_not_what() {
    let project = Project::sample();
    edit(&project, "queries/marts/resident_list.sql", "  r.name,", "  concat(r.name, '甲') AS name,");
    let (records, _) = impact(&project, 1);
    let cells: Vec<&Value> = records.iter().filter(|record| record["change"] == "cell").collect();
    assert!(cells.len() > 50 && cells.iter().all(|record| record["report"] == "resident_ledger"), "{}", cells.len());
    for record in cells {
        assert_eq!((&record["row"], &record["old"], &record["new"]), (&"*".into(), &"*".into(), &"*".into()));
        assert_eq!(record["column"], "姓名");
    }
}
