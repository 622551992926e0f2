//! The shipped views: planned, tested and counted over `data/sample`, and compared with another engine.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type};
use gridhouse::query::Layer;

use crate::support::{Project, readers, repository};

#[test]
fn every_view_plans_and_every_test_passes() {
    let project = Project::sample();
    let run = project.run(&["check", "--format", "json"]).expect(0);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).expect("JSON");
    let count = |kind: &str| rows.iter().filter(|r| r["kind"] == kind).count();
    assert!(count("unit test") >= 60, "{} unit tests", count("unit test"));
    assert!(count("data test") >= 150, "{} data tests", count("data test"));
    assert!(rows.iter().all(|r| r["outcome"] != "failed"), "{}", run.stderr);
    assert!(!run.stderr.contains("error:"), "{}", run.stderr);
}

/// Every mart is used by a report or a form or read by another view, or says that it is for analysts.
#[test]
fn every_mart_is_used_or_says_whom_it_is_for() {
    let project = Project::sample();
    let text = |path: std::path::PathBuf| std::fs::read_to_string(path).expect("a file");
    let mut forms = text(repository().join("data/elements.yml"));
    for form in std::fs::read_dir(repository().join("data/forms")).expect("forms").flatten() {
        forms.push_str(&text(form.path().join("form.yml")));
    }
    let is_filled_from = |mart: &str| {
        [format!("records: {mart}\n"), format!("source: {mart}."), format!("from: {mart}\n")]
            .iter()
            .any(|named| forms.contains(named.as_str()))
    };
    let listed = project.run(&["sql", "-c", "\\d"]).expect(0).stdout;
    let marts: Vec<&str> = listed
        .lines()
        .skip_while(|line| *line != "marts")
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(marts.len() >= 30, "{} marts", marts.len());
    for mart in marts {
        let text = project.run(&["describe", mart, "--format", "json"]).expect(0).stdout;
        let described: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let is_empty = |key: &str| described[key].as_array().is_none_or(Vec::is_empty);
        let is_for_analysts = described["description"].as_str().unwrap_or_default().to_lowercase().contains("analyst");
        let is_used = !is_empty("reports") || !is_empty("read_by") || is_filled_from(mart);
        assert!(is_used || is_for_analysts, "`{mart}` is used by nothing");
        assert!(!described["label"].as_str().unwrap_or_default().is_empty(), "`{mart}` has no label");
    }
}

/// What a reader is told of a figure, on pages and by `explain`, are the label and the description of its column.
#[test]
fn every_column_of_every_mart_is_explained_in_chinese() {
    let is_chinese = |text: &str| {
        let latin = text.split(|sign: char| !sign.is_ascii_alphabetic()).filter(|word| word.len() > 1);
        !text.is_ascii() && latin.filter(|word| *word != "SQL").count() == 0
    };
    assert!(is_chinese("办结 ÷ 上报，百分之0.5") && !is_chinese("Without 挂账") && !is_chinese("2024"));
    let (catalog, problems) = gridhouse::query::ViewCatalog::load(
        &crate::support::repository().join("queries"),
        &std::collections::BTreeSet::new(),
    );
    assert!(problems.iter().all(|problem| problem.place.is_none()), "{problems:?}");
    let (mut foreign, mut columns) = (Vec::new(), 0);
    for view in catalog.iter().filter(|view| view.layer == Layer::Mart) {
        for column in &view.model.columns {
            columns += 1;
            let place = format!("{}.{}", view.name, column.name);
            if !is_chinese(&column.label) {
                foreign.push(format!("{place} is called `{}`", column.label));
            }
            if !column.description.is_empty() && !is_chinese(&column.description) {
                foreign.push(format!("{place}: {}", column.description));
            }
        }
    }
    assert!(columns > 1_000, "{columns} columns");
    assert_eq!(foreign, Vec::<String>::new());
}

#[test]
fn a_broken_view_is_named_with_its_place_and_what_rests_on_it() {
    let project = Project::sample();
    let path = project.path("queries/staging/stg_visits.sql");
    let sql = std::fs::read_to_string(&path).expect("a view");
    std::fs::write(&path, sql.replacen("visited_at", "visted_at", 1)).expect("a view");
    let run = project.run(&["check"]).expect(1);
    assert!(run.stderr.contains("queries/staging/stg_visits.sql:"), "{}", run.stderr);
    assert!(run.stderr.contains("did you mean `visited_at`?"), "{}", run.stderr);
    assert!(run.stderr.contains("visit_by_place"), "{}", run.stderr);
    // The night makes the reports that do not rest on it.
    let night = project.run(&["nightly", "--as-of", crate::support::AS_OF]).expect(1);
    assert!(night.stdout.contains("failed"), "{}", night.stdout);
    assert!(project.path("outbox/2024-06-27/居民台账").exists());
}

#[test]
fn a_failed_check_of_severity_error_stops_the_reports_that_rest_on_it() {
    let project = Project::sample();
    project.write("queries/checks/nobody_reads_a_visit.sql", "SELECT place_code FROM visit_by_place LIMIT 1");
    let yml = |severity: &str| {
        format!(
            "models:\n  - name: nobody_reads_a_visit\n    description: A check that always fails.\n    label: 测试\n    config: {{severity: {severity}}}\n"
        )
    };
    project.write("queries/checks/nobody_reads_a_visit.yml", yml("error"));
    let run = project.run(&["nightly", "--as-of", crate::support::AS_OF]).expect(1);
    assert!(run.stderr.contains("nobody_reads_a_visit") && run.stderr.contains("visit_log"), "{}", run.stderr);
    project.write("queries/checks/nobody_reads_a_visit.yml", yml("warn"));
    project.run(&["nightly", "--as-of", crate::support::AS_OF]).expect(0);
}

/// Every mart in figures: its rows, the sum of each number, the distinct texts, the span of each date. A change here is
/// a change of published figures and belongs under "Numbers" in the changelog.
#[test]
fn the_figures_of_every_mart_over_the_sample() {
    let sample = Project::sample();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let figures = runtime.block_on(async {
        let project = gridhouse::project::Project::find(sample.root(), &[]).expect("a project");
        let (warehouse, contracts) = (project.warehouse(), project.contracts().expect("contracts"));
        let as_of = crate::support::AS_OF.parse().expect("a date");
        let snapshot = project.pin(&warehouse, as_of).expect("a snapshot");
        let (session, _) = project.session(&warehouse, &contracts, snapshot).await.expect("a session");
        let mut text = String::new();
        for view in session.catalog().iter().filter(|view| view.layer == Layer::Mart) {
            let rows = session.fetch(&format!("SELECT * FROM {}", view.name)).await.expect("a mart");
            text.push_str(&summed(&view.name, &rows));
        }
        text
    });
    insta::assert_snapshot!("marts", figures);
}

fn summed(name: &str, batches: &[RecordBatch]) -> String {
    let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut text = format!("{name}: {count} rows\n");
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return text };
    let rows = concat_batches(&schema, batches).expect("rows");
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        let filled = column.len() - column.logical_null_count();
        let figure = if field.data_type().is_numeric() {
            let numbers = cast(column, &DataType::Float64).expect("numbers");
            let sum: f64 = numbers.as_primitive::<Float64Type>().iter().flatten().sum();
            // Sums of halves and thirds come in any order.
            format!("sum {}", (sum * 1e4).round() / 1e4)
        } else {
            let texts = cast(column, &DataType::Utf8).expect("texts");
            let distinct: std::collections::BTreeSet<&str> = texts.as_string::<i32>().iter().flatten().collect();
            match (distinct.first(), distinct.last()) {
                (Some(first), Some(last)) if field.data_type().is_temporal() => format!("{first} to {last}"),
                _ => format!("{} different", distinct.len()),
            }
        };
        text.push_str(&format!("  {}: {filled} filled, {figure}\n", field.name()));
    }
    text
}

/// Counts made by DuckDB from the delivered text itself, where `.ci/run` could install it.
#[test]
fn marts_agree_with_another_engine_on_the_deliveries() {
    let Some(python) = readers() else { return };
    let project = Project::sample();
    let script = "\
import duckdb, glob, sys
import pyarrow.parquet as pq
folder = sys.argv[1]
c = duckdb.connect()
visits = c.execute(f\"SELECT count(*), count(*) FILTER (WHERE issue_flag::VARCHAR IN ('true', '1', '是')) FROM read_json('{folder}/visits_20240627.jsonl', format='newline_delimited')\").fetchall()[0]
w = pq.read_table(glob.glob(folder + '/whistles_*.parquet')[0])
c.register('w', w)
closed = c.execute(\"SELECT level, count(*), count(closed_at) FROM w GROUP BY 1 ORDER BY 1\").fetchall()
print(visits[0]); print(visits[1])
for row in closed: print(*row, sep=',')";
    let output = std::process::Command::new(python)
        .args(["-c", script])
        .arg(crate::support::repository().join("data/sample"))
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ours = [
        project.sql("SELECT count(*) FROM stg_visits"),
        project.sql("SELECT count(*) FROM stg_visits WHERE issue_flag"),
        project.sql("SELECT level, count(*), count(closed_at) FROM whistles GROUP BY 1 ORDER BY 1"),
    ];
    assert_eq!(ours.join("\n"), String::from_utf8_lossy(&output.stdout).trim());
}

#[test]
fn what_is_wrong_with_a_view_is_said_by_every_command_and_stops_what_rests_on_it() {
    let project = Project::sample();
    let yml = "queries/marts/visit_by_place.yml";
    let text = std::fs::read_to_string(project.path(yml)).expect("a description");
    project.write(yml, text.replacen("materialized: table", "materialized: tabel", 1));
    project.write("queries/marts/nothing.yml", "models: []\n");
    project.write("queries/marts/residents.sql", "SELECT * FROM stg_residents");
    for arguments in [&["check"][..], &["nightly", "--as-of", crate::support::AS_OF]] {
        let run = project.run(arguments).expect(1);
        assert!(run.stderr.contains("visit_by_place.yml") && run.stderr.contains("tabel"), "{}", run.stderr);
        assert!(!run.stderr.contains(" at line "), "{}", run.stderr);
        assert!(run.stderr.contains("there is no `nothing.sql` beside it"), "{}", run.stderr);
        assert!(run.stderr.contains("view `residents` has the name of a table"), "{}", run.stderr);
    }
    let run = project.run(&["sql", "-c", "SELECT count(*) > 100 FROM residents", "--format", "csv"]).expect(0);
    assert!(run.stdout.contains("true") && run.stderr.contains("has the name of a table"), "{}", run.stderr);
    let run = project.run(&["describe", "residents"]).expect(0);
    assert!(run.stderr.contains("has the name of a table"), "{}", run.stderr);
}

#[test]
fn a_data_test_that_makes_no_sense_stops_reports_and_not_the_other_tests() {
    let project = Project::sample();
    let yml = "queries/marts/visit_by_place.yml";
    let text = std::fs::read_to_string(project.path(yml)).expect("a description");
    project.write(yml, text.replacen("data_tests: [unique, not_null]", "data_tests: [uniqe, not_null]", 1));
    let run = project.run(&["check", "visit_by_place", "--format", "json"]).expect(1);
    assert!(run.stderr.contains("visit_by_place.yml: data test `uniqe(place_code)`"), "{}", run.stderr);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).expect("JSON");
    let outcome = |test: &str| rows.iter().find(|row| row["test"] == test).map(|row| row["outcome"].clone());
    assert_eq!(outcome("uniqe(place_code)"), Some("failed".into()));
    assert_eq!(outcome("not_null(place_code)"), Some("passed".into()));
    let night = project.run(&["nightly", "--as-of", crate::support::AS_OF]).expect(1);
    assert!(night.stderr.contains("uniqe") && night.stderr.contains("visit_log"), "{}", night.stderr);
}

#[test]
fn a_view_may_not_read_the_clock() {
    let project = Project::sample();
    project
        .write("queries/marts/visits_now.sql", "-- current_date\nSELECT place_code, current_date FROM visit_by_place");
    let run = project.run(&["check"]).expect(1);
    assert!(run.stderr.contains("visits_now.sql:2:20"), "{}", run.stderr);
    assert!(run.stderr.contains("`current_date`") && run.stderr.contains("`as_of_date()`"), "{}", run.stderr);
    project.run(&["sql", "-c", "SELECT now(), random(), uuid(), current_date"]).expect(0);
}

#[test]
fn sql_is_run_as_written_and_placed_in_the_whole_text() {
    let project = Project::sample();
    assert_eq!(project.sql("SELECT count(*) FROM residents WHERE name = 'x'' or ''1''=''1'"), "0");
    let run = project.run(&["sql", "-c", "SELECT 1;\n\nSELECT 2; SELECT nothing FROM stg_visits"]).expect(1);
    assert!(run.stderr.contains(" 3:18: "), "{}", run.stderr);
    assert!(run.stderr.contains(" 3 | SELECT 2; SELECT nothing FROM stg_visits"), "{}", run.stderr);
    let file = project.write("bom.sql", "\u{feff}SELECT 1 AS one;\n");
    project.run(&["sql", "-f", file.to_str().expect("a path")]).expect(0);
    let run = project.run(&["sql", "-c", "SELECT 1; SELECT 2", "--format", "json"]).expect(1);
    assert!(run.stdout.is_empty() && run.stderr.contains("one statement"), "{}", run.stderr);
    let run = project.run(&["sql", "-c", "SELECT make_array(1, 2) AS l", "--format", "csv"]).expect(1);
    assert!(run.stderr.contains("array_to_string"), "{}", run.stderr);
    let tables = project.run(&["sql", "-c", "SHOW TABLES"]).expect(0).stdout;
    assert!(tables.contains("residents") && tables.contains("population_by_place"), "{tables}");
    let run = project.run(&["sql", "-c", "SELECT CAST(phone AS SMALLINT) FROM residents"]).expect(1);
    assert!(run.stderr.contains("a value (hidden)") && !run.stderr.contains("154"), "{}", run.stderr);
}

#[test]
fn dates_timestamps_and_texts_go_together() {
    let project = Project::sample();
    let sql = "SELECT age_on('1990-02-28', as_of_end()), age_on(NULL, as_of_date()), \
               hours_between(as_of_date(), '2024-06-28 12:00:00'), hours_between(as_of_end(), as_of_date())";
    assert_eq!(project.sql(sql), "34,,36.0,-24.0");
    let run = project.run(&["sql", "-c", "SELECT hours_between(1, 2)"]).expect(1);
    assert!(run.stderr.contains("hours_between"), "{}", run.stderr);
}

#[test]
fn a_night_prints_what_it_is_asked_for() {
    let project = Project::sample();
    let night = |more: &[&str]| {
        let mut arguments = vec!["nightly", "--as-of", crate::support::AS_OF];
        arguments.extend(more);
        project.run(&arguments).expect(0)
    };
    let run = night(&["-q"]);
    assert!(run.stdout.is_empty() && run.stderr.is_empty(), "{}{}", run.stdout, run.stderr);
    let run = night(&["--format", "csv"]);
    assert!(run.stdout.starts_with("table,rows_in,") && run.stdout.lines().count() == 1, "{}", run.stdout);
    assert!(run.stdout.contains("dropped") && run.stderr.contains("deliveries  0 landed"), "{}", run.stderr);
    serde_json::from_str::<serde_json::Value>(&night(&["-q", "--format", "json"]).stdout).expect("JSON");
    let columns = project.run(&["describe", "visit_by_place", "--format", "csv"]).expect(0).stdout;
    assert!(columns.starts_with("name,label,type,unit,description\nplace_level,"), "{columns}");
}

/// Kept marts must never answer for other SQL, and a file that is not whole answers for nothing.
#[test]
fn marts_kept_on_disk_answer_only_for_what_they_were_made_of() {
    let project = Project::sample();
    let kept = || {
        let files = std::fs::read_dir(project.path("warehouse/.marts")).expect("kept marts").flatten();
        files.map(|file| file.path()).find(|path| path.to_string_lossy().contains("/population_by_place-"))
    };
    let count = "SELECT person_count FROM population_by_place WHERE place_level = 'district'";
    let right = project.sql(count);
    assert!(right.parse::<u32>().is_ok_and(|count| count > 1_000), "{right}");
    let path = kept().expect("a kept mart");
    let bytes = std::fs::read(&path).expect("a kept mart");
    let mut torn = bytes.clone();
    let middle = torn.len() / 2;
    torn[middle] ^= 0xff;
    for damaged in [&torn[..], &bytes[..bytes.len() / 2], &[]] {
        std::fs::write(&path, damaged).expect("damaged");
        assert_eq!(project.sql(count), right);
    }
    std::fs::write(&path, &bytes).expect("mended");
    // The mart's own SQL is as it was; that of a view two levels below is not.
    let staging = project.path("queries/staging/stg_residents.sql");
    let sql = std::fs::read_to_string(&staging).expect("a view");
    std::fs::write(&staging, sql.replace("record_status = '生效'", "record_status = '没有'")).expect("a view");
    assert_eq!(project.sql(count), "0");
    std::fs::write(&staging, sql).expect("a view");
    assert_eq!(project.sql(count), right);
    // Nor do they answer for other rows.
    project.run(&["generate", "--out", "inbox", "--scale", "0.002", "--night", "2"]).expect(0);
    let files: Vec<String> = std::fs::read_dir(project.path("inbox"))
        .expect("an inbox")
        .flatten()
        .map(|file| file.path().to_string_lossy().into_owned())
        .collect();
    let mut arguments = vec!["land", "--as-of", "2024-06-28"];
    arguments.extend(files.iter().map(String::as_str));
    project.run(&arguments).expect(0);
    let stored = project.sql("SELECT count(*) FROM stg_residents r JOIN stg_grids g ON g.grid_code = r.grid_code");
    assert_eq!(project.sql(count), stored);
    assert_ne!(stored, right);
}

#[test]
fn a_check_that_cannot_be_run_is_no_warning() {
    let project = Project::sample();
    let check = "queries/checks/visits_are_read.sql";
    project.write(
        "queries/checks/visits_are_read.yml",
        "models:\n  - name: visits_are_read\n    config: {severity: warn}\n",
    );
    project.write(check, "SELECT visit_id FROM stg_visits WHERE CAST(visit_id AS INT) > 0\n");
    let run = project.run(&["nightly", "--as-of", crate::support::AS_OF]).expect(1);
    assert!(run.stderr.contains("visits_are_read"), "{}", run.stderr);
    // One that reads a view which failed has not passed either.
    project.write(check, "SELECT place_code FROM shop_by_place WHERE shop_count < 0\n");
    let mart = project.path("queries/marts/shop_by_grid.sql");
    let sql = std::fs::read_to_string(&mart).expect("a view");
    std::fs::write(&mart, sql.replace("count(*) AS shop_count", "sum(CAST(shop_id AS INT)) AS shop_count"))
        .expect("a view");
    let run = project.run(&["nightly", "--as-of", crate::support::AS_OF]).expect(1);
    assert!(run.stderr.contains("check of `visits_are_read`: cannot be run"), "{}", run.stderr);
}

#[test]
fn tests_that_could_not_fail_are_refused() {
    let project = Project::sample();
    let yml = |body: &str| {
        project.write("queries/marts/one.sql", "SELECT 1 AS n, 'x' AS t\n");
        project.write("queries/marts/one.yml", format!("models:\n  - name: one\n    label: 一\n    columns:\n{body}"));
        project.run(&["check", "one"])
    };
    let run = yml(
        "      - {name: n, label: 数}\n      - {name: t, label: 文, data_tests: [{accepted_values: {values: [a, null]}}]}\n",
    );
    assert!(run.code == 1 && run.stdout.contains("accepted_values(t)"), "{}{}", run.stdout, run.stderr);
    let run = yml(
        "      - {name: n, label: 数}\n      - {name: t, label: 文, data_tests: [{accepted_values: {values: [null]}}]}\n",
    );
    assert!(run.code == 1 && run.stderr.contains("names no value"), "{}", run.stderr);
    let run = yml(
        "      - {name: n, label: 数}\n      - {name: t, label: 文}\nunit_tests:\n  - name: u\n    model: one\n    expect: {rows: [{n: 1}, {t: y}]}\n",
    );
    assert!(run.code == 1 && run.stderr.contains("names other columns than the first"), "{}", run.stderr);
}

#[test]
fn a_column_that_compares_says_what_with_in_name_and_unit() {
    let project = Project::sample();
    let check = |column: &str| {
        project.write(
            "queries/marts/one.sql",
            "SELECT growth(3, 2) AS c_year_on_year, 1 AS c_count, 2 AS c_week_on_week\n",
        );
        let others = ["c_year_on_year", "c_count", "c_week_on_week"];
        let bare: String = others
            .iter()
            .filter(|name| !column.contains(**name))
            .map(|name| match *name {
                "c_count" => "      - {name: c_count, label: 数}\n".to_owned(),
                "c_week_on_week" => "      - {name: c_week_on_week, label: 环比, unit: 环比%}\n".to_owned(),
                name => format!("      - {{name: {name}, label: 同比, unit: 同比%}}\n"),
            })
            .collect();
        project.write(
            "queries/marts/one.yml",
            format!("models:\n  - name: one\n    label: 一\n    columns:\n      - {column}\n{bare}"),
        );
        project.run(&["check", "one"])
    };
    check("{name: c_year_on_year, label: 同比, unit: 同比%}").expect(0);
    for (column, said) in [
        ("{name: c_year_on_year, label: 环比, unit: 环比%}", "named for another comparison than its unit `环比%`"),
        ("{name: c_year_on_year, label: 同比}", "its unit is none"),
        ("{name: c_week_on_week, label: 环比, unit: 同比百分点}", "named for another comparison"),
        ("{name: c_count, label: 数, unit: 同比%}", "its name does not say so"),
    ] {
        let run = check(column).expect(1);
        assert!(run.stderr.contains("one.yml") && run.stderr.contains(said), "{column}: {}", run.stderr);
    }
    // The growth of a rate would be per cent of per cent.
    let run = project.run(&["sql", "-c", "SELECT growth(closing_rate_a, 0.5) FROM whistle_by_level"]).expect(1);
    assert!(run.stderr.contains("growth"), "{}", run.stderr);
}
