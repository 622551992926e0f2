//! The command line as a user meets it: the real process, its words and its exit codes.

use crate::support::{AS_OF, Project, gridhouse};

#[test]
fn every_command_has_help_with_an_example() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = gridhouse(folder.path(), &["--help"]).expect(0).stdout;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 14, "{commands:?}");
    for command in commands {
        let text = gridhouse(folder.path(), &[command, "--help"]).expect(0).stdout;
        assert!(text.contains("Example:"), "`{command} --help` has no example");
    }
    for command in ["list", "show", "export"] {
        let text = gridhouse(folder.path(), &["quarantine", command, "--help"]).expect(0).stdout;
        assert!(text.contains("Example:"), "`quarantine {command} --help` has no example");
    }
    let text = gridhouse(folder.path(), &["form", "import", "--help"]).expect(0).stdout;
    assert!(text.contains("Example:"), "`form import --help` has no example");
}

#[test]
fn without_a_project_each_command_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["nightly"][..], &["sql", "-c", "SELECT 1"], &["check"], &["history"], &["fsck"]] {
        let run = gridhouse(folder.path(), arguments).expect(1);
        assert!(run.stderr.contains("no `gridhouse.toml`") && run.stderr.contains("gridhouse init"), "{}", run.stderr);
        assert!(!run.stderr.contains("error: :"), "{}", run.stderr);
    }
}

#[test]
fn an_empty_project_runs_a_night() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = gridhouse(folder.path(), &["init", "district"]).expect(0);
    assert!(run.stderr.contains("1. edit gridhouse.toml"), "{}", run.stderr);
    let project = folder.path().join("district");
    let settings = std::fs::read_to_string(project.join("gridhouse.toml")).expect("settings");
    assert!(settings.contains("某市某区") && !settings.contains("开福"), "{settings}");
    let run = gridhouse(&project, &["nightly", "--as-of", AS_OF]).expect(0);
    assert!(run.stdout.contains("0 landed, 0 rejected"), "{}", run.stdout);
    let again = gridhouse(folder.path(), &["init", "district"]).expect(1);
    assert!(again.stderr.contains("not empty"), "{}", again.stderr);
}

#[test]
fn sql_only_reads() {
    let project = Project::sample();
    for statement in [
        "CREATE TABLE t AS SELECT 1",
        "DROP TABLE residents",
        "INSERT INTO residents SELECT * FROM residents",
        "DELETE FROM residents",
        "COPY residents TO 'x.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SET datafusion.execution.batch_size = 1",
    ] {
        let run = project.run(&["sql", "-c", statement]).expect(1);
        assert!(run.stdout.is_empty(), "{statement}: {}", run.stdout);
        assert!(run.stderr.starts_with("error:"), "{statement}: {}", run.stderr);
    }
    assert!(project.run(&["sql", "-c", "SELECT * FROM '/etc/passwd'"]).code != 0);
}

#[test]
fn mistakes_in_sql_have_a_place_and_a_suggestion() {
    let project = Project::sample();
    let run = project.run(&["sql", "-c", "SELECT\n  visit_id, grid_cod\nFROM stg_visits"]).expect(1);
    assert!(run.stderr.contains("2:13") && run.stderr.contains("did you mean `grid_code`?"), "{}", run.stderr);
    let run = project.run(&["sql", "-c", "SELECT * FROM stg_visit"]).expect(1);
    assert!(run.stderr.contains("did you mean `stg_visits`?"), "{}", run.stderr);
    let run = project.run(&["sql", "-c", "SELEC 1"]).expect(1);
    assert!(run.stderr.contains("not valid SQL"), "{}", run.stderr);
    let file = project.write("two.sql", "SELECT 1 AS one;\nSELECT nothing FROM stg_visits;\n");
    let run = project.run(&["sql", "-f", file.to_str().expect("a path")]).expect(1);
    assert!(run.stderr.contains("two.sql:2:8"), "{}", run.stderr);
}

#[test]
fn quiet_leaves_out_what_was_done_and_keeps_what_was_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = gridhouse(folder.path(), &["init", "district", "-q"]).expect(0);
    assert!(run.stdout.is_empty() && run.stderr.is_empty(), "{}{}", run.stdout, run.stderr);
    let project = Project::sample();
    let run = project.run(&["report", "visit_log", "--out", "again", "-q"]).expect(0);
    assert!(run.stdout.is_empty() && run.stderr.is_empty(), "{}{}", run.stdout, run.stderr);
    let run = project.run(&["sql", "-q", "-c", "-- one\nSELECT 1 AS one"]).expect(0);
    assert!(run.stdout.contains("one"), "{}", run.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn completions_end_quietly_where_they_cannot_be_written() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let folder = tempfile::tempdir().expect("a folder");
    let output = crate::support::command(folder.path(), &["completions", "bash"]).stdout(full).output().expect("a run");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && !stderr.contains("panicked"), "{stderr}");
}

#[test]
fn sql_prints_four_formats() {
    let project = Project::sample();
    let query = "SELECT 1 AS n, '长沙,\"开福\"' AS t, CAST(NULL AS DATE) AS d";
    let csv = project.run(&["sql", "-c", query, "--format", "csv"]).expect(0).stdout;
    assert_eq!(csv, "n,t,d\n1,\"长沙,\"\"开福\"\"\",\n");
    let json: serde_json::Value =
        serde_json::from_str(&project.run(&["sql", "-c", query, "--format", "json"]).expect(0).stdout).expect("JSON");
    assert_eq!(json, serde_json::json!([{"n": 1, "t": "长沙,\"开福\"", "d": null}]));
    let markdown = project.run(&["sql", "-c", query, "--format", "markdown"]).expect(0).stdout;
    assert!(markdown.starts_with("| n | t"), "{markdown}");
    let table = project.run(&["sql", "-c", query]).expect(0).stdout;
    assert!(table.contains("NULL") && table.contains("长沙"), "{table}");
}

#[test]
fn as_of_goes_back_to_the_run_of_that_date() {
    let project = Project::sample();
    let count = |arguments: &[&str]| {
        let mut all = vec!["sql", "-c", "SELECT count(*), as_of_date() FROM visits", "--format", "csv"];
        all.extend(arguments);
        project.run(&all).expect(0).stdout.lines().nth(1).expect("a row").to_owned()
    };
    let first = count(&[]);
    project.run(&["generate", "--out", "inbox", "--scale", "0.002", "--night", "2"]).expect(0);
    project.run(&["nightly", "--as-of", "2024-06-28"]).expect(0);
    assert_ne!(count(&[]), first);
    assert_eq!(count(&["--as-of", AS_OF]), first);
    let run = project.run(&["sql", "-c", "SELECT 1", "--as-of", "2020-01-01"]).expect(1);
    assert!(run.stderr.contains("no run of 2020-01-01") && run.stderr.contains(AS_OF), "{}", run.stderr);
}

#[test]
fn describe_history_and_fsck_say_what_is_there() {
    let project = Project::sample();
    let text = project.run(&["describe", "population_by_place"]).expect(0).stdout;
    assert!(text.contains("population_by_grid") && text.contains("grid_overview"), "{text}");
    let text = project.run(&["describe", "residents"]).expect(0).stdout;
    assert!(text.contains("证件号码") && text.contains("stg_residents"), "{text}");
    let run = project.run(&["describe", "resident"]).expect(1);
    assert!(run.stderr.contains("did you mean `residents`?"), "{}", run.stderr);
    let text = project.run(&["history", "residents", "--format", "json"]).expect(0).stdout;
    let batches: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(batches.len(), 16);
    assert!(batches.iter().all(|batch| batch["dropped"] == 0), "{text}");
    let text = project.run(&["fsck"]).expect(0).stdout;
    assert!(text.contains("residents") && !text.contains("damaged"), "{text}");
}

#[test]
fn fsck_names_what_is_damaged() {
    let project = Project::sample();
    let log = project.path("warehouse/shops/_delta_log");
    let newest = std::fs::read_dir(&log).expect("a log").flatten().map(|e| e.path()).max().expect("an entry");
    let text = std::fs::read(&newest).expect("an entry");
    std::fs::write(&newest, "").expect("emptied");
    let run = project.run(&["fsck"]).expect(2);
    assert!(run.stderr.contains("empty") && run.stderr.contains("shops"), "{}", run.stderr);
    let run = project.run(&["sql", "-c", "SELECT count(*) FROM shops"]).expect(2);
    assert!(run.stderr.contains("the commit file is empty"), "{}", run.stderr);
    std::fs::write(&newest, &text[..text.len() / 2]).expect("torn");
    assert_eq!(project.run(&["fsck"]).code, 2);
    std::fs::write(&newest, &text).expect("mended");
    std::fs::remove_file(project.newest_data_file("shops")).expect("removed");
    let run = project.run(&["fsck"]).expect(2);
    assert!(run.stderr.contains(".parquet"), "{}", run.stderr);
}

#[test]
fn one_writer_at_a_time() {
    let project = Project::sample();
    let lock = std::fs::File::options().write(true).open(project.path("warehouse/.lock")).expect("a lock file");
    lock.try_lock().expect("nobody holds it");
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    assert!(run.stderr.contains("another gridhouse is writing"), "{}", run.stderr);
    project.run(&["sql", "-c", "SELECT 1"]).expect(0);
}

#[test]
fn sigterm_ends_a_night_cleanly_and_the_next_takes_over() {
    let project = Project::new();
    project.run(&["generate", "--out", "inbox", "--scale", "0.02"]).expect(0);
    let mut child = crate::support::command(project.root(), &["nightly", "--as-of", AS_OF])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary starts");
    std::thread::sleep(std::time::Duration::from_millis(250));
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    let code = child.wait().expect("a child").code();
    assert!(matches!(code, Some(0 | 2)), "{code:?}");
    project.run(&["fsck"]).expect(0);
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
}

#[test]
fn upkeep_changes_no_row() {
    let project = Project::sample();
    let rows = "SELECT * FROM residents ORDER BY resident_id";
    let before = project.sql(rows);
    project.run(&["upkeep"]).expect(0);
    assert_eq!(project.sql(rows), before);
    project.run(&["fsck"]).expect(0);
}
