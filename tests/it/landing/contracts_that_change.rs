//! A contract that no longer is what it was when its rows landed, and keys that are written in odd ways.

use super::{PIPES, PUMPS, assert_identities, pumps};
use crate::support::{AS_OF, Project};

/// How many versions a table has had.
fn versions(project: &Project, table: &str) -> usize {
    let log = project.path("warehouse").join(table).join("_delta_log");
    let entries = std::fs::read_dir(log).expect("a log").flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json")).count()
}

#[test]
fn a_changed_key_is_refused_and_the_sender_does_not_pay_for_it() {
    let project = pumps();
    project.write("pumps_1.csv", "station,pump_no,updated_at\na,1,2024-06-01\na,2,2024-06-01\n");
    project.run(&["land", "pumps_1.csv", "--as-of", AS_OF]).expect(0);
    let coarser = PUMPS.replace("required: true, primaryKey: true, primaryKeyPosition: 2", "required: true");
    assert_ne!(coarser, PUMPS);
    project.write("data/contracts/pumps.odcs.yaml", coarser);
    let file = project.write("inbox/pumps_2.csv", "station,pump_no,updated_at\na,1,2024-06-02\n");
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    assert!(run.stderr.contains("does not tell the stored rows apart: 2 rows, 1 keys"), "{}", run.stderr);
    assert!(file.exists() && !project.path("inbox/failed").exists());
    assert_eq!(project.sql("SELECT count(*) FROM pumps"), "2");
    // A key column that the stored rows do not have.
    let finer = PUMPS.replace(
        "      - {name: litres,",
        "      - {name: shaft, logicalType: string, primaryKey: true, primaryKeyPosition: 3}\n      - {name: litres,",
    );
    project.write("data/contracts/pumps.odcs.yaml", finer);
    project.write("pumps_3.csv", "station,pump_no,shaft,updated_at\na,1,x,2024-06-02\n");
    for dry in [&["--dry-run"][..], &[]] {
        let command = [&["land", "pumps_3.csv", "--as-of", AS_OF], dry].concat();
        let run = project.run(&command).expect(1);
        assert!(run.stderr.contains("2 rows, 0 keys"), "{}", run.stderr);
    }
}

#[test]
fn a_dry_run_and_a_reference_widen_no_table() {
    let project = Project::new();
    project.write("data/contracts/pipes.odcs.yaml", PIPES);
    project.write("zones.csv", "zone\nZ\n");
    project.write("pipes_1.csv", "pipe_id,zone\nP1,Z\n");
    project.run(&["land", "zones.csv", "pipes_1.csv", "--as-of", AS_OF]).expect(0);
    let wider = PIPES
        .replace(
            "      - {name: zone, logicalType: string, primaryKey: true}\n",
            "      - {name: zone, logicalType: string, primaryKey: true}\n      - {name: chief, logicalType: string}\n",
        )
        .replace("      - {name: parent,", "      - {name: metres, logicalType: number}\n      - {name: parent,");
    project.write("data/contracts/pipes.odcs.yaml", wider);
    project.write("pipes_2.csv", "pipe_id,zone,metres\nP1,Z,7\nP2,Z,8\n");
    let (zones, pipes) = (versions(&project, "zones"), versions(&project, "pipes"));
    let run = project.run(&["land", "pipes_2.csv", "--dry-run", "--as-of", AS_OF, "--format", "csv"]).expect(0);
    assert!(run.stdout.contains(",2,1,1,0,"), "one inserted, one updated: {}", run.stdout);
    assert_eq!((versions(&project, "zones"), versions(&project, "pipes")), (zones, pipes));
    project.run(&["land", "pipes_2.csv", "--as-of", AS_OF]).expect(0);
    // Two commits in the table that was landed in, none in the one that was looked up.
    assert_eq!((versions(&project, "zones"), versions(&project, "pipes")), (zones, pipes + 2));
    assert_eq!(project.sql("SELECT pipe_id, metres FROM pipes ORDER BY 1"), "P1,7.0\nP2,8.0");
}

#[test]
fn keys_that_look_the_same_are_one_row() {
    let project = pumps();
    project.write("pumps_1.csv", "station,pump_no,litres,updated_at\n江－边,1,1,2024-06-01\n");
    project.run(&["land", "pumps_1.csv", "--as-of", AS_OF]).expect(0);
    // A control character would let two composite keys fall into one.
    let text = "station,pump_no,litres,updated_at\n江-边\u{200B},１,2,2024-06-02\n江\u{1f}边,1,3,2024-06-02\n";
    project.write("pumps_2.csv", text);
    project.run(&["land", "pumps_2.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(project.sql("SELECT station, litres FROM pumps"), "江-边,2.0");
    assert_eq!(project.sql("SELECT line, column_name, rule FROM quarantine"), "3,station,bad_pattern");
    assert_identities(&project);
}
