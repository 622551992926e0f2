//! The shipped reports over `data/sample`: made, read back, made again with the same bytes.

use calamine::{Data, Reader};

use crate::support::{AS_OF, Project, contents, documents, readers};

#[test]
fn the_same_snapshot_gives_the_same_bytes() {
    let project = Project::sample();
    let before = contents(&project.path("outbox"));
    std::fs::rename(project.path("outbox"), project.path("outbox-before")).expect("moved");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    project.run(&["report"]).expect(0);
    let after = contents(&project.path("outbox"));
    assert_eq!(before.len(), after.len());
    for (a, b) in before.iter().zip(&after) {
        assert_eq!(a.0, b.0);
        assert!(a.1 == b.1, "{} differs", a.0.display());
    }
}

#[test]
fn each_community_has_a_ledger_with_exactly_its_residents() {
    let project = Project::sample();
    let expected = project.sql(
        "SELECT g.community_code, count(*) FROM stg_residents r JOIN stg_grids g ON r.grid_code = g.grid_code GROUP BY 1 ORDER BY 1",
    );
    let id_numbers = project.sql("SELECT id_number FROM stg_residents WHERE id_number LIKE '990105%' ORDER BY 1");
    let folder = project.path("outbox").join(AS_OF).join("居民台账");
    let mut counts = Vec::new();
    let mut found_ids = Vec::new();
    for (file, _) in documents(&folder) {
        let file = folder.join(file);
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut book = calamine::open_workbook_auto(&file).expect("a workbook");
        let sheet = book.worksheet_range_at(0).expect("a sheet").expect("a range");
        let head = sheet.rows().position(|r| r.iter().any(|c| *c == "证件号码")).expect("a header");
        let at = sheet.rows().nth(head).expect("a row").iter().position(|c| *c == "证件号码").expect("a column");
        let texts: Vec<String> = sheet
            .rows()
            .skip(head + 1)
            .filter(|row| matches!(&row[at], Data::String(t) if t.len() == 18 && t.starts_with("990105")))
            .map(|row| row[at].to_string())
            .collect();
        let code: String = name.chars().take_while(char::is_ascii_digit).collect();
        counts.push((code, texts.len()));
        found_ids.extend(texts);
    }
    found_ids.sort();
    assert_eq!(found_ids.join("\n"), id_numbers, "identity numbers in the ledgers are those of the table");
    // Every community with residents has its file.
    for line in expected.lines() {
        let code = line.split(',').next().expect("a code");
        assert!(counts.iter().any(|(c, _)| c == code), "no ledger of {code}");
    }
}

#[test]
fn every_workbook_opens_in_another_reader() {
    let Some(python) = readers() else { return };
    let project = Project::sample();
    let script = "\
import glob, sys, openpyxl
files = sorted(glob.glob(sys.argv[1] + '/**/*.xlsx', recursive=True))
cells = 0
for path in files:
    book = openpyxl.load_workbook(path)
    for sheet in book:
        for row in sheet.iter_rows(values_only=True):
            for value in row:
                cells += value is not None
                assert not (isinstance(value, str) and value.startswith('=')), (path, value)
print(len(files), 'workbooks', cells, 'cells')
assert len(files) > 100 and cells > 10000";
    let output =
        std::process::Command::new(python).args(["-c", script]).arg(project.path("outbox")).output().expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn pages_need_no_network_and_carry_their_date() {
    let project = Project::sample();
    for (path, bytes) in contents(&project.path("outbox")) {
        if path.extension().is_some_and(|e| e == "html") {
            let text = String::from_utf8(bytes).expect("UTF-8");
            for outside in ["src=\"http", "href=\"http", "@import", "<script src"] {
                assert!(!text.contains(outside), "{} reaches out: {outside}", path.display());
            }
            assert!(text.contains("2024"), "{}", path.display());
        }
    }
}

#[test]
fn text_from_deliveries_is_never_a_formula() {
    let project = Project::sample();
    let grid = project.sql("SELECT grid_code FROM grids ORDER BY 1 LIMIT 1");
    let dwelling =
        project.sql(&format!("SELECT dwelling_id FROM dwellings WHERE grid_code = '{grid}' ORDER BY 1 LIMIT 1"));
    project.write(
        "居民_公式.csv",
        format!(
            "resident_id,name,sex,birth_date,id_type,household_type,dwelling_id,grid_code,record_status,updated_at\n\
             RX1,\"=HYPERLINK(\"\"http://x\"\")\",女,1990-01-01,无证件,户籍,{dwelling},{grid},生效,2024-06-27 10:00:00\n\
             RX2,+86,女,1990-01-01,无证件,户籍,{dwelling},{grid},生效,2024-06-27 10:00:00\n"
        ),
    );
    project.run(&["land", "居民_公式.csv", "--as-of", AS_OF]).expect(0);
    project.run(&["report", "resident_ledger", "--out", "again"]).expect(0);
    let mut found = 0;
    for (path, _) in documents(&project.path("again")) {
        let mut book: calamine::Xlsx<_> =
            calamine::open_workbook(project.path("again").join(path)).expect("a workbook");
        let name = book.sheet_names()[0].clone();
        let formulas = book.worksheet_formula(&name).expect("formulas");
        assert!(formulas.rows().flatten().all(String::is_empty), "a formula came from data");
        let sheet = book.worksheet_range(&name).expect("a sheet");
        found += sheet
            .rows()
            .flatten()
            .filter(|c| matches!(c.to_string().as_str(), "=HYPERLINK(\"http://x\")" | "+86"))
            .count();
    }
    assert_eq!(found, 2);
}

#[test]
fn a_failed_report_leaves_the_last_good_one() {
    let project = Project::sample();
    let page = project.path("outbox").join(AS_OF).join("每日要情.md");
    let before = std::fs::read(&page).expect("the page");
    let template = project.path("report-templates/daily_brief/summary.md.j2");
    let text = std::fs::read_to_string(&template).expect("a template");
    std::fs::write(&template, format!("{text}\n{{{{ headline.no_such_figure }}}}\n")).expect("a template");
    let run = project.run(&["check"]).expect(1);
    assert!(
        run.stderr.contains("summary.md.j2:") && run.stderr.contains("`headline.no_such_figure`"),
        "{}",
        run.stderr
    );
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    assert!(run.stderr.contains("summary.md.j2:"), "{}", run.stderr);
    assert_eq!(std::fs::read(&page).expect("the page"), before);
}

#[test]
fn a_mistake_in_one_report_does_not_stop_another() {
    let project = Project::sample();
    project.write("report-templates/daily_brief/report.yml", "titel: 每日要情\n");
    let run = project.run(&["report", "visit_log", "--out", "again"]).expect(0);
    assert!(run.stderr.is_empty(), "{}", run.stderr);
    let run = project.run(&["report", "daily_brief"]).expect(1);
    assert!(run.stderr.contains("unknown field `titel`") && !run.stderr.contains("no report"), "{}", run.stderr);
    let run = project.run(&["report", "--list"]).expect(1);
    assert!(run.stdout.contains("visit_log") && run.stderr.contains("titel"), "{}", run.stderr);
}

#[test]
fn a_report_without_rows_says_so() {
    let project = Project::sample();
    let run = project.run(&["report", "resident_ledger", "-P", "community_code=999", "--out", "again"]).expect(1);
    assert!(run.stderr.contains("has no rows for community_code=999"), "{}", run.stderr);
}

#[test]
fn a_failed_check_keeps_a_report_out_of_the_outbox() {
    let project = Project::sample();
    project.write("queries/checks/nobody_lives_here.sql", "SELECT resident_id FROM resident_list\n");
    let before = contents(&project.path("outbox"));
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    assert!(run.stderr.contains("nobody_lives_here"), "{}", run.stderr);
    let run = project.run(&["report", "resident_ledger"]).expect(1);
    assert!(run.stderr.contains("report `resident_ledger` rests on views that failed"), "{}", run.stderr);
    assert_eq!(contents(&project.path("outbox")), before);
    project.run(&["report", "resident_ledger", "--out", "again"]).expect(1);
    assert!(!contents(&project.path("again")).is_empty());
    project.run(&["report", "visit_log", "--out", "again"]).expect(0);
}

/// Hash joins cannot spill and a spilled join has lost rows before, so it is looked at from outside.
#[test]
fn little_memory_gives_the_same_bytes() {
    let project = Project::new();
    project.run(&["generate", "--out", "inbox", "--scale", "0.05"]).expect(0);
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    let tight = |arguments: &[&str]| {
        let mut command = crate::support::command(project.root(), arguments);
        let output = command.env("GRIDHOUSE_LIMITS_QUERY_MEMORY_BYTES", "96000000").output().expect("a run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let sql = "EXPLAIN ANALYZE SELECT r.* FROM stg_residents AS r \
               CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8)) AS v ORDER BY r.id_number";
    let plan = tight(&["sql", "--format", "csv", "-c", sql]);
    assert!(plan.split("spill_count=").skip(1).any(|rest| !rest.starts_with('0')), "{plan}");
    tight(&["report", "--out", "again"]);
    let (before, after) = (contents(&project.path("outbox").join(AS_OF)), contents(&project.path("again")));
    assert_eq!(before.len(), after.len());
    for (a, b) in before.iter().zip(&after) {
        assert!(a == b, "{} differs", a.0.display());
    }
}

#[test]
fn an_edition_takes_away_the_files_it_no_longer_has() {
    let project = Project::sample();
    let folder = project.path("outbox").join(AS_OF);
    let before = documents(&folder);
    let manifest = project.path("report-templates/resident_ledger/report.yml");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    let renamed = text.replace("{community_code}{community_name}.xlsx", "{community_code}.xlsx");
    assert_ne!(renamed, text);
    std::fs::write(&manifest, renamed).expect("a manifest");
    // One community more or less says nothing of the others.
    project.run(&["report", "resident_ledger", "-P", "community_code=430105001007"]).expect(0);
    assert_eq!(documents(&folder).len(), before.len() + 1);
    project.run(&["report", "resident_ledger"]).expect(0);
    let after = documents(&folder);
    assert_eq!(contents(&folder).len(), after.len() * 2, "each file has its record, and no record stays alone");
    assert_eq!(after.len(), before.len());
    let is_ledger = |path: &std::path::Path| path.starts_with("居民台账");
    let short = |path: &std::path::Path| path.file_stem().is_some_and(|stem| stem.len() == 12);
    assert!(after.iter().filter(|(path, _)| is_ledger(path)).all(|(path, _)| short(path)));
    let others = |files: &[(std::path::PathBuf, Vec<u8>)]| {
        files.iter().filter(|(path, _)| !is_ledger(path)).cloned().collect::<Vec<_>>()
    };
    assert!(others(&before) == others(&after), "files of other reports were touched");
}

#[test]
fn a_split_list_leaves_no_row_out_unsaid() {
    let project = Project::sample();
    project.write("queries/marts/odd.sql", "SELECT 'a' AS k, 1 AS n UNION ALL SELECT NULL AS k, 2 AS n");
    let form =
        "kind: ledger\ntab: 表\ndataset: rows\ntitle: \"{k}\"\ncolumns:\n  - {label: 数, column: n, format: integer}\n";
    project.write("report-templates/odd/form.yml", form);
    let manifest = |more: &str| {
        let text = format!(
            "title: 表\ndescription: 测试\ndatasets:\n  rows: {{view: odd, order_by: [n]{more}}}\n\
             outputs:\n  - {{form: form.yml, file: \"odd/{{k}}.xlsx\", split: {{by: k}}}}\n"
        );
        project.write("report-templates/odd/report.yml", text);
        project.run(&["report", "odd", "--out", "again"])
    };
    let run = manifest("").expect(1);
    assert!(run.stderr.contains("1 rows have no `k`") && run.stderr.contains("not: null"), "{}", run.stderr);
    assert_eq!(contents(&project.path("again")), []);
    let run = manifest(", limit: 1").expect(1);
    assert!(run.stderr.contains("has a `limit` and is split"), "{}", run.stderr);
    manifest(", where: {k: {not: null}}").expect(0);
    assert_eq!(documents(&project.path("again")).len(), 1);
}
