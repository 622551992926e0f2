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

    // A query that nobody can read is no better, takes nothing else with it, and is not gone.
    project.write("queries/marts/rental_dwelling_list.sql", "SELECT *\nFROM rental_dwelings WHERE\n");
    let (records, run) = impact(&project, 2);
    assert_eq!(records.len(), 1, "{records:?}");
    for part in ["error: queries/marts/rental_dwelling_list.sql:2:", "`marts/rental_dwelling_list.sql` has changed"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
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

#[test]
fn of_persons_nothing_is_told_in_whatever_form_they_stand() {
    let project = Project::sample();
    let folder = "report-templates/callers";
    let datasets = "title: 走访名单\ndescription: 测试\ndatasets:\n  people:\n    view: special_group_list\n    order_by: [resident_id, tag]\n  \
                    places: {view: visit_by_place, where: {place_level: subdistrict}, order_by: [place_code]}\n";
    let outputs = "outputs:\n  - {form: form.yml, file: 名单}\n  - {form: places.yml, file: 街道}\n  - {summary: s.md.j2, file: 名单说明.md}\n  \
                   - {form: own.yml, file: \"各人/{name}\", split: {by: name}}\n";
    project.write(&format!("{folder}/report.yml"), format!("{datasets}{outputs}"));
    let form = "dataset: people\ntitle: 名单\ncolumns:\n  - {label: 姓名, column: name}\n  - {label: 住址, column: local_address}\n  \
                - {label: 年龄, column: age, format: integer}\n  - {label: 电话, column: phone_masked}\n";
    project.write(&format!("{folder}/form.yml"), form);
    let places = "dataset: places\ntitle: 街道\ncolumns:\n  - {label: 街道, column: place_name}\n  - {label: 日志, column: visit_count, format: integer}\n";
    project.write(&format!("{folder}/places.yml"), places);
    // Whoever stands in it, the file and its sheet are called by.
    let own = "dataset: people\ntitle: 名单\nsheets:\n  - {tab: \"{name}\", by: name, columns: [{label: 年龄, column: age, format: integer}]}\n";
    project.write(&format!("{folder}/own.yml"), own);
    let text = "## 名单\n\n{% for p in people %}{{ p.name }}，{{ p.local_address }}\n\n{% endfor %}\n";
    project.write(&format!("{folder}/s.md.j2"), text);
    project.run(&["report", "callers"]).expect(0);
    let mut words: BTreeSet<String> = BTreeSet::new();
    let list = project.run(&["sql", "--format", "json", "-c", "SELECT name, local_address FROM special_group_list"]);
    for row in serde_json::from_str::<Vec<Value>>(&list.expect(0).stdout).expect("JSON") {
        words.extend(row.as_object().expect("a row").values().filter_map(Value::as_str).map(str::to_owned));
    }
    assert!(words.len() > 20, "{}", words.len());

    // Renamed and put together on the way; then the person leaves the form, and what was published stands in the files still.
    edit(&project, "queries/marts/special_group_list.sql", "  x.name,", "  concat(x.name, '同志') AS name,");
    let told_of = |records: &[Value], run: &Run| {
        let all = format!("{} {}", run.stdout, run.stderr);
        let is_told = |word: &str| {
            [format!("\"{word}"), format!("{word}，"), format!("各人/{word}")].iter().any(|said| all.contains(said))
        };
        let leaked = words.iter().filter(|word| is_told(word));
        assert_eq!(leaked.count(), 0, "a person is named");
        records.iter().filter(|record| record["report"] == "callers").count()
    };
    let (records, run) = impact(&project, 1);
    assert!(told_of(&records, &run) > 20);
    let gone = records.iter().filter(|record| record["change"] == "file gone" && record["file"] == "*.xlsx");
    assert!(gone.count() > 5, "{records:?}");
    edit(&project, &format!("{folder}/form.yml"), "dataset: people", "dataset: places");
    edit(&project, &format!("{folder}/form.yml"), "column: name", "column: place_name");
    edit(&project, &format!("{folder}/form.yml"), "  - {label: 住址, column: local_address}\n", "");
    edit(&project, &format!("{folder}/form.yml"), "column: age", "column: visit_count");
    edit(&project, &format!("{folder}/form.yml"), "  - {label: 电话, column: phone_masked}\n", "");
    edit(&project, &format!("{folder}/s.md.j2"), "{{ p.name }}，{{ p.local_address }}", "");
    let (records, run) = impact(&project, 1);
    assert!(told_of(&records, &run) > 20);
}
