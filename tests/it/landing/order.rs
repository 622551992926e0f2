//! Which of two rows, files or nights counts: deletions, older lists, references to rows of an earlier file.

use super::{PIPES, TARIFFS, assert_identities, pumps};
use crate::support::{AS_OF, Project, Run};

fn land(project: &Project, name: &str, text: &str) -> Run {
    project.write(name, text);
    project.run(&["land", name, "--as-of", AS_OF, "--format", "csv"])
}

#[test]
fn a_deletion_without_version_speaks_for_now_and_one_that_cannot_be_read_for_nothing() {
    let project = pumps();
    land(&project, "pumps_1.csv", "op,station,pump_no,litres,updated_at\nI,a,1,1,2024-06-01\nI,b,1,1,2024-06-01\n")
        .expect(0);
    let text = "op,station,pump_no,litres,updated_at\nD,a,1,,\nU,a,1,2,2024-06-02\nD,a,1,9,\nD,b,1,,昨天\n";
    land(&project, "pumps_2.csv", text).expect(0);
    assert_eq!(project.sql("SELECT station FROM pumps"), "b");
    let counts = "SELECT superseded, deleted, quarantined FROM batches WHERE file = 'pumps_2.csv'";
    assert_eq!(project.sql(counts), "2,1,1");
    assert_eq!(project.sql("SELECT line, column_name, rule FROM quarantine"), "5,updated_at,bad_timestamp");
    assert_identities(&project);
}

#[test]
fn files_wait_for_an_earlier_one_that_stays_where_it_is() {
    let project = Project::new();
    project.write("data/contracts/tariffs.odcs.yaml", TARIFFS);
    project.write("inbox/tariffs_1.csv", "起始日,等级,价格\n2024-01-01,1,1\n");
    project.write("inbox/tariffs_2.csv", "起始日,等级,价格\n2024-01-01,2,2\n");
    // The first can land but not be put away.
    let obstacle = project.write(&format!("archive/{AS_OF}"), "not a folder");
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(2);
    assert!(run.stderr.contains("a delivery of table `tariffs` before it could not be dealt with"), "{}", run.stderr);
    assert_eq!(project.sql("SELECT level FROM tariffs"), "1");
    assert!(project.path("inbox/tariffs_2.csv").exists() && !project.path("inbox/failed").exists());
    std::fs::remove_file(obstacle).expect("removed");
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    assert_eq!(project.sql("SELECT level FROM tariffs"), "2");
    assert_eq!(project.sql("SELECT count(*) FROM batches WHERE table_name = 'tariffs'"), "2");
    assert!(!project.path("inbox/tariffs_2.csv").exists());
}

#[test]
fn rows_may_refer_to_rows_of_an_earlier_file_of_the_night() {
    let project = Project::new();
    let contract = PIPES.replace(
        "      - {name: parent,",
        "      - {name: serial, logicalType: string}\n      \
         - {name: twin, logicalType: string, relationships: [{type: foreignKey, to: pipes.serial}]}\n      \
         - {name: parent,",
    );
    project.write("data/contracts/pipes.odcs.yaml", contract);
    let mut command = vec!["land".to_owned()];
    for at in 1..=8 {
        let (parent, twin) =
            if at == 1 { (String::new(), String::new()) } else { (format!("P{}", at - 1), format!("S{}", at - 1)) };
        let name = format!("pipes_{at}.csv");
        project.write(&name, format!("pipe_id,serial,twin,parent\nP{at},S{at},{twin},{parent}\n"));
        command.push(name);
    }
    command.extend(["--as-of".to_owned(), AS_OF.to_owned()]);
    project.run(&command.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    assert_eq!(project.sql("SELECT count(*) FROM pipes"), "8");
    assert_eq!(project.sql("SELECT sum(quarantined) FROM batches"), "0");
}

#[test]
fn a_late_row_does_not_bring_a_deleted_key_back() {
    let project = pumps();
    let header = "op,station,pump_no,litres,updated_at\n";
    let rows = |project: &Project| project.sql("SELECT station, litres FROM pumps ORDER BY 1");
    land(&project, "pumps_1.csv", &format!("{header}I,a,1,1,2024-06-01\nI,b,1,1,2024-06-01\n")).expect(0);
    // `c` is deleted before it comes, `b` without a version.
    land(&project, "pumps_2.csv", &format!("{header}D,a,1,,2024-06-03\nD,b,1,,\nD,c,1,,2024-06-03\n")).expect(0);
    assert_eq!(rows(&project), "");
    let late = format!("{header}U,a,1,2,2024-06-02\nU,b,1,1,2024-06-01\nI,c,1,2,2024-06-03\n");
    project.write("pumps_3.csv", &late);
    let run = project.run(&["land", "pumps_3.csv", "--dry-run", "--as-of", AS_OF, "--format", "csv"]).expect(0);
    assert!(run.stdout.contains(",3,0,0,0,3,0,0,0"), "three superseded: {}", run.stdout);
    land(&project, "pumps_3.csv", &late).expect(0);
    assert_eq!(rows(&project), "");
    // What is newer than the deletion is a new row.
    land(&project, "pumps_4.csv", &format!("{header}I,a,1,4,2024-06-04\nI,b,1,2,2024-06-02\n")).expect(0);
    assert_eq!(rows(&project), "a,4.0\nb,2.0");
    // Deleted again, in one night with a row that is late.
    project.write("pumps_5.csv", format!("{header}D,a,1,,2024-06-06\n"));
    project.write("pumps_6.csv", format!("{header}U,a,1,5,2024-06-05\n"));
    project.run(&["land", "pumps_5.csv", "pumps_6.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(rows(&project), "b,2.0");
    assert_eq!(project.sql("SELECT count(*), count(DISTINCT row_key) FROM deletions"), "4,3");
    // A deletion that is sent again is remembered once.
    land(&project, "pumps_7.csv", &format!("{header}D,c,1,,2024-06-03\nD,d,1,,\n")).expect(0);
    assert_eq!(project.sql("SELECT count(*) FROM deletions"), "4");
    project.run(&["fsck"]).expect(0);
    project.run(&["upkeep"]).expect(0);
    assert!(project.run(&["sql", "-c", "\\d"]).expect(0).stdout.contains("deletions"));
    assert_identities(&project);
}
