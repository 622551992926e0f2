//! A night killed between the commit of the quarantine and that of the batch.

use super::{PUMPS, assert_identities, pumps};
use crate::support::{AS_OF, Project};

const FIRST: &str = "station,pump_no,litres,updated_at\na,1,5000,2024-06-01\nb,1,1,2024-06-01\n";
/// Corrects a row of the first file and has a faulty one of its own.
const SECOND: &str = "station,pump_no,litres,updated_at\na,1,500,2024-06-02\nc,1,6000,2024-06-02\n";

/// As a night leaves it that dies before the batch of the second file is committed, and after all that comes before.
fn killed_in(second: &str) -> Project {
    let project = pumps();
    for (name, text) in [("pumps_1.csv", FIRST), ("pumps_2.csv", second)] {
        project.write(name, text);
        project.run(&["land", name, "--as-of", AS_OF]).expect(0);
    }
    let log = project.path("warehouse/pumps/_delta_log");
    let newest = std::fs::read_dir(&log).expect("a log").flatten().map(|entry| entry.path()).max();
    std::fs::remove_file(newest.expect("a commit")).expect("removed");
    // The batch log is derived from the commits.
    std::fs::remove_dir_all(project.path("warehouse/batches")).expect("removed");
    assert_eq!(project.sql("SELECT station FROM pumps"), "b");
    project
}

fn killed() -> Project {
    let project = killed_in(SECOND);
    assert_eq!(open_rows(&project), "c");
    project
}

fn open_rows(project: &Project) -> String {
    project.sql("SELECT split_part(row_key, chr(31), 1) FROM quarantine WHERE cleared_by IS NULL ORDER BY 1")
}

/// Every batch that the quarantine names has been committed.
#[track_caller]
fn assert_batches_exist(project: &Project) {
    let unknown = "SELECT count(*) FROM quarantine q LEFT JOIN batches b ON b.batch_id = q.batch_id \
                   LEFT JOIN batches c ON c.batch_id = q.cleared_by \
                   WHERE b.batch_id IS NULL OR (q.cleared_by IS NOT NULL AND c.batch_id IS NULL)";
    assert_eq!(project.sql(unknown), "0");
    assert_identities(project);
}

fn versions(project: &Project, table: &str) -> usize {
    std::fs::read_dir(project.path("warehouse").join(table).join("_delta_log")).expect("a log").count()
}

#[test]
fn the_same_night_again_finds_its_quarantine_as_it_left_it() {
    let project = killed();
    let before = versions(&project, "quarantine");
    project.run(&["land", "pumps_2.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(versions(&project, "quarantine"), before);
    assert_eq!((open_rows(&project).as_str(), project.sql("SELECT count(*) FROM quarantine").as_str()), ("c", "2"));
    assert_batches_exist(&project);
}

#[test]
fn the_next_night_quarantines_nothing_twice() {
    let project = killed();
    project.run(&["land", "pumps_2.csv", "--as-of", "2024-06-28"]).expect(0);
    assert_eq!((open_rows(&project).as_str(), project.sql("SELECT count(*) FROM quarantine").as_str()), ("c", "2"));
    assert_eq!(project.sql("SELECT count(*) FROM quarantine WHERE cleared_by LIKE '%-20240628-%'"), "1");
    assert_batches_exist(&project);
}

#[test]
fn what_a_batch_cleared_that_never_was_is_open_again() {
    let project = killed();
    // Another file in its place, the next night.
    project.write("pumps_3.csv", "station,pump_no,litres,updated_at\nd,1,7000,2024-06-02\n");
    project.run(&["land", "pumps_3.csv", "--as-of", "2024-06-28"]).expect(0);
    assert_eq!(open_rows(&project), "a\nd");
    assert_batches_exist(&project);
    // And on the same date.
    let project = killed();
    project.write("pumps_3.csv", "station,pump_no,litres,updated_at\nd,1,7000,2024-06-02\n");
    project.run(&["land", "pumps_3.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(open_rows(&project), "a\nd");
    assert_batches_exist(&project);
}

#[test]
fn the_same_night_by_another_contract_keeps_no_old_violation() {
    let project = killed();
    project.write("data/contracts/pumps.odcs.yaml", PUMPS.replace("maximum: 1000", "maximum: 100"));
    project.run(&["land", "pumps_2.csv", "--as-of", AS_OF]).expect(0);
    // The row that cleared another is faulty now.
    assert_eq!(open_rows(&project), "a\na\nc");
    assert_eq!(project.sql("SELECT count(*) FROM quarantine WHERE reason LIKE '%1000%'"), "1");
    assert_batches_exist(&project);

    let project = killed();
    project.write("data/contracts/pumps.odcs.yaml", PUMPS.replace("maximum: 1000", "maximum: 9000"));
    project.run(&["land", "pumps_2.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(open_rows(&project), "");
    assert_eq!(project.sql("SELECT count(*) FROM quarantine"), "1");
    assert_batches_exist(&project);
}

#[test]
fn a_deletion_that_was_never_committed_counts_for_nothing() {
    let deletions = "op,station,pump_no,updated_at\nD,b,1,2024-06-03\nD,e,1,2024-06-03\n";
    let late = "op,station,pump_no,updated_at\nI,b,1,2024-06-01\nI,e,1,2024-06-02\n";
    for (date, entries) in [("2024-06-28", "0"), (AS_OF, "2")] {
        let project = killed_in(deletions);
        project.write("pumps_3.csv", late);
        project.run(&["land", "pumps_3.csv", "--as-of", date]).expect(0);
        assert_eq!(project.sql("SELECT station FROM pumps ORDER BY 1"), "b\ne");
        // Another deletion takes the remainders of an older night with it; those of this date may be wanted again.
        project.write("pumps_4.csv", "op,station,pump_no,updated_at\nD,e,1,2024-06-09\n");
        project.run(&["land", "pumps_4.csv", "--as-of", date]).expect(0);
        assert_eq!(project.sql("SELECT count(*) FROM deletions WHERE version LIKE '2024-06-03%'"), entries);
        assert_eq!(project.sql("SELECT station FROM pumps"), "b");
    }
    // The same night again finds its entries.
    let project = killed_in(deletions);
    let before = versions(&project, "deletions");
    project.run(&["land", "pumps_2.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(versions(&project, "deletions"), before);
    project.write("pumps_3.csv", late);
    project.run(&["land", "pumps_3.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(project.sql("SELECT count(*) FROM pumps"), "0");
    // By a contract that knows no deletions they are none.
    let project = killed_in(deletions);
    let contract = PUMPS.replace("      - {property: operationColumn, value: op}\n", "");
    assert_ne!(contract, PUMPS);
    project.write("data/contracts/pumps.odcs.yaml", contract);
    project.run(&["land", "pumps_2.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(project.sql("SELECT station FROM pumps ORDER BY 1"), "b\ne");
    assert_eq!(project.sql("SELECT count(*) FROM deletions"), "0");
}
