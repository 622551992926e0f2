//! What the disk, a careless hand or an odd inbox can do: noticed, named, and nothing published over it.

use std::path::PathBuf;

use crate::support::{AS_OF, Project, contents};

/// The data files of a table, sorted.
fn data_files(project: &Project, table: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project.path("warehouse").join(table)).expect("a table").flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    files.sort();
    files
}

/// A night stops with the table's name, and the reports are as they were.
fn night_stops_at(project: &Project, table: &str) {
    let before = contents(&project.path("outbox"));
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(2);
    assert!(run.stderr.contains(&format!("`{table}`")), "{}", run.stderr);
    assert!(before == contents(&project.path("outbox")), "reports were touched");
}

#[test]
fn a_missing_cut_or_torn_data_file_is_not_read_as_no_rows() {
    let project = Project::sample();
    let file = project.newest_data_file("shops");
    let bytes = std::fs::read(&file).expect("a file");
    let mut torn = bytes.clone();
    torn[4..bytes.len() / 2].fill(0xff);
    for (damaged, command) in [
        (Some(&bytes[..bytes.len() / 2]), "SELECT count(*) FROM shops"),
        (Some(&torn[..]), "SELECT * FROM shops"),
        (None, "SELECT count(*) FROM shops"),
    ] {
        match damaged {
            Some(damaged) => std::fs::write(&file, damaged).expect("a file"),
            None => std::fs::remove_file(&file).expect("removed"),
        }
        let run = project.run(&["sql", "-c", command, "--format", "csv"]).expect(2);
        assert!(run.stderr.contains("gridhouse fsck"), "{}", run.stderr);
        project.run(&["fsck"]).expect(2);
    }
    // What does not rest on the table is made, and the night says that it was not all.
    project.run(&["nightly", "--as-of", AS_OF]).expect(2);
}

#[test]
fn a_table_or_commit_that_is_gone_stops_the_night() {
    let project = Project::sample();
    let log = project.path("warehouse/residents/_delta_log");
    let entries = std::fs::read_dir(&log).expect("a log").flatten().map(|entry| entry.path());
    let newest = entries.filter(|path| path.extension().is_some_and(|e| e == "json")).max().expect("an entry");
    let text = std::fs::read(&newest).expect("an entry");
    std::fs::remove_file(&newest).expect("removed");
    night_stops_at(&project, "residents");
    project.run(&["fsck"]).expect(2);
    std::fs::write(&newest, text).expect("put back");
    project.run(&["fsck"]).expect(0);

    std::fs::remove_dir_all(project.path("warehouse/shops")).expect("removed");
    night_stops_at(&project, "shops");
    assert!(!project.path("warehouse/shops/_delta_log").exists());
    let run = project.run(&["fsck"]).expect(2);
    assert!(run.stdout.contains("missing") && run.stderr.contains("`shops` is gone"), "{}", run.stderr);
}

#[test]
fn fsck_counts_what_is_in_quarantine() {
    let project = Project::new();
    project.run(&["generate", "--out", "inbox", "--scale", "0.002", "--dirty", "0.03"]).expect(0);
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    project.run(&["fsck"]).expect(0);
    std::fs::remove_dir_all(project.path("warehouse/quarantine")).expect("removed");
    let run = project.run(&["fsck"]).expect(2);
    assert!(run.stderr.contains("rows into quarantine and 0 are there"), "{}", run.stderr);
}

#[test]
fn an_older_night_is_not_written_over() {
    let project = Project::sample();
    project.run(&["nightly", "--as-of", "2024-06-28"]).expect(0);
    let before = contents(&project.path("outbox"));
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    assert!(run.stderr.contains(&format!("gridhouse report --as-of {AS_OF}")), "{}", run.stderr);
    assert!(before == contents(&project.path("outbox")), "reports were touched");
    project.run(&["nightly", "--as-of", "2024-06-28"]).expect(0);
    // However quickly they follow one another, runs have names of their own.
    assert_eq!(project.sql("SELECT count(*), count(DISTINCT run_id) FROM runs"), "3,3");
}

#[cfg(unix)]
#[test]
fn table_files_have_the_rights_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new();
    project.write("pumps.csv", "station,litres,updated_at\na,1,2024-06-01\n");
    project.write("data/contracts/pumps.odcs.yaml", pumps("number"));
    project.run(&["land", "pumps.csv", "--as-of", AS_OF]).expect(0);
    let mode = |path: PathBuf| std::fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let usual = mode(project.write("any.txt", ""));
    assert_eq!(mode(data_files(&project, "pumps").remove(0)), usual);
    assert_eq!(mode(project.path("warehouse/pumps/_delta_log/00000000000000000000.json")), usual);
}

fn pumps(litres: &str) -> String {
    format!(
        "\
apiVersion: v3.1.0
kind: DataContract
id: test.pumps
name: 泵站
version: 1.0.0
status: active
schema:
  - name: pumps
    businessName: 泵站
    logicalType: object
    physicalType: table
    customProperties:
      - {{property: files, value: [pumps]}}
      - {{property: versionColumn, value: updated_at}}
    properties:
      - {{name: station, businessName: 站名, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}}
      - {{name: litres, businessName: 流量, logicalType: {litres}}}
      - {{name: updated_at, businessName: 更新时间, logicalType: timestamp, required: true}}
"
    )
}

#[test]
fn a_sender_does_not_pay_for_a_contract_that_does_not_fit_its_table() {
    let project = Project::new();
    project.write("data/contracts/pumps.odcs.yaml", pumps("number"));
    project.write("pumps_1.csv", "station,litres,updated_at\na,1,2024-06-01\n");
    project.run(&["land", "pumps_1.csv", "--as-of", AS_OF]).expect(0);
    project.write("data/contracts/pumps.odcs.yaml", pumps("date"));
    let file = project.write("inbox/pumps_2.csv", "station,litres,updated_at\nb,2024-06-01,2024-06-01\n");
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    assert!(run.stderr.contains("a column cannot change its type"), "{}", run.stderr);
    assert!(file.exists() && !project.path("inbox/failed").exists());
}

#[cfg(unix)]
#[test]
fn links_and_pipes_in_the_inbox_are_left_out_and_named() {
    let project = Project::sample();
    std::os::unix::fs::symlink(project.path("inbox"), project.path("inbox/round")).expect("a link");
    let pipe = project.path("inbox/pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()));
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    assert!(run.stderr.contains("round: a link that leads to no file"), "{}", run.stderr);
    assert!(run.stderr.contains("pipe.csv: neither file nor folder"), "{}", run.stderr);
}

/// The rows are in, but the scheduler has to know that the file is still there.
#[test]
fn a_delivery_that_cannot_be_put_away_is_not_success() {
    let project = Project::new();
    project.write("data/contracts/pumps.odcs.yaml", pumps("number"));
    let file = project.write("inbox/pumps_1.csv", "station,litres,updated_at\na,1,2024-06-01\n");
    project.write("archive", "not a folder");
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(2);
    assert!(run.stderr.contains("pumps_1.csv") && run.stderr.contains("the file stays"), "{}", run.stderr);
    assert!(file.exists());
    assert_eq!(project.sql("SELECT count(*) FROM pumps"), "1");
    std::fs::remove_file(project.path("archive")).expect("removed");
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    assert!(!file.exists());
    assert_eq!(project.sql("SELECT count(*) FROM pumps"), "1");
}

#[test]
fn nights_do_not_leave_a_file_each() {
    let project = Project::new();
    project.write("data/contracts/pumps.odcs.yaml", pumps("number"));
    for day in 1..=6 {
        let rows = format!("station,litres,updated_at\na,{day},2024-06-0{day}\nnew{day},1,2024-06-0{day}\n");
        project.write("pumps.csv", rows);
        project.run(&["land", "pumps.csv", "--as-of", &format!("2024-06-0{day}")]).expect(0);
    }
    assert_eq!(project.sql("SELECT count(*), count(DISTINCT station), sum(litres) FROM pumps"), "7,7,12.0");
    let listed = project.run(&["fsck", "--format", "json"]).expect(0).stdout;
    let tables: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("JSON");
    let pumps = tables.iter().find(|table| table["table"] == "pumps").expect("the table");
    assert_eq!((pumps["files"].as_u64(), pumps["rows"].as_u64()), (Some(1), Some(7)));
}

#[test]
fn a_night_in_the_future_is_a_slip_of_the_pen() {
    let project = Project::new();
    project.write("inbox/pumps.csv", "station\na\n");
    let run = project.run(&["nightly", "--as-of", "2142-06-27"]).expect(1);
    assert!(run.stderr.contains("is in the future"), "{}", run.stderr);
    assert!(!project.path("warehouse/batches").exists());
}
