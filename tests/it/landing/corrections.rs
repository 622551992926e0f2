//! What comes back from quarantine, and what clears it.

use super::{TARIFFS, assert_identities, pumps};
use crate::support::{AS_OF, Project, Run};

fn land(project: &Project, name: &str, text: &str) -> Run {
    project.write(name, text);
    project.run(&["land", name, "--as-of", AS_OF, "--format", "csv"])
}

#[test]
fn a_correction_of_a_full_list_is_not_the_whole_list() {
    let project = Project::new();
    project.write("data/contracts/tariffs.odcs.yaml", TARIFFS);
    let list = "起始日,等级,价格\n2024-01-01,1,2.5\n2024-01-01,2,3.5\n2024-01-01,3,999\n";
    land(&project, "tariffs_1.csv", list).expect(0);
    let id = project.sql("SELECT quarantine_id FROM quarantine");
    // The workbook holds the quarantined row alone.
    let corrected = format!(
        "隔离编号,来源文件,行号,问题栏目,问题说明,起始日,等级,价格\n{id},tariffs_1.csv,4,价格,x,2024-01-01,3,9.5\n"
    );
    let run = land(&project, "tariffs_2.csv", &corrected).expect(0);
    assert!(run.stdout.contains(",1,1,0,0,0,0,0,0"), "one inserted, nothing dropped: {}", run.stdout);
    let rows = "1,2.5\n2,3.5\n3,9.5";
    assert_eq!(project.sql("SELECT level, price FROM tariffs ORDER BY 1"), rows);
    assert_eq!(project.sql("SELECT count(*) FROM quarantine WHERE cleared_by IS NULL"), "0");
    // The list is still the newest one, and the correction has landed too.
    assert!(land(&project, "tariffs_1.csv", list).expect(0).stdout.contains("landed before"));
    assert!(land(&project, "tariffs_2.csv", &corrected).expect(0).stdout.contains("landed before"));
    // Somebody has removed the columns beside the ids.
    land(&project, "tariffs_3.csv", &format!("起始日,等级,价格,隔离编号\n2024-01-01,3,9.6,{id}\n")).expect(0);
    assert_eq!(project.sql("SELECT level, price FROM tariffs ORDER BY 1"), "1,2.5\n2,3.5\n3,9.6");
    // A workbook without rows corrects nothing and empties nothing.
    land(&project, "tariffs_4.csv", "隔离编号,来源文件,行号,问题栏目,问题说明,起始日,等级,价格\n").expect(0);
    assert_eq!(project.sql("SELECT count(*) FROM tariffs"), "3");
    // A new list is a whole list again.
    land(&project, "tariffs_5.csv", "起始日,等级,价格\n2024-01-01,1,2.5\n").expect(0);
    assert_eq!(project.sql("SELECT level FROM tariffs"), "1");
    assert_eq!(project.sql("SELECT count(*) FROM batches WHERE is_correction"), "3");
    assert_identities(&project);
}

#[test]
fn a_full_list_with_a_key_nobody_can_trust_drops_nothing() {
    let project = Project::new();
    project.write("data/contracts/tariffs.odcs.yaml", TARIFFS);
    land(&project, "tariffs_0.csv", "起始日,等级,价格\n2024-01-01,1,1\n2024-01-01,2,2\n2024-01-01,3,3\n").expect(0);
    for (at, row) in [
        "2024-01-01,,2",
        "2024-02-30,2,2",
        "2024-01-01,2",
        "2024-01-01,2,2,x",
        "2024-01-01,2\u{FFFD},2",
        "2024-01-01,4.30105E+17,2",
        "2024-01-01,\"2\"x,2",
    ]
    .iter()
    .enumerate()
    {
        let list = format!("起始日,等级,价格\n2024-01-01,1,1.{at}\n{row}\n");
        let run = land(&project, &format!("tariffs_1{at}.csv"), &list).expect(0);
        assert!(run.stderr.contains("no key that can be trusted"), "{row}: {}", run.stderr);
        assert_eq!(project.sql("SELECT count(*) FROM tariffs"), "3", "{row}");
    }
    // A row whose key is sound keeps its own stored row only.
    let run = land(&project, "tariffs_9.csv", "起始日,等级,价格\n2024-01-01,1,1\n2024-01-01,2,999\n").expect(0);
    assert!(!run.stderr.contains("trusted"), "{}", run.stderr);
    assert_eq!(project.sql("SELECT level FROM tariffs ORDER BY 1"), "1\n2");
    assert_eq!(project.sql("SELECT sum(dropped) FROM batches WHERE table_name = 'tariffs'"), "1");
    assert_identities(&project);
}

#[test]
fn an_older_row_clears_no_newer_one() {
    let project = pumps();
    let open = |project: &Project| project.sql("SELECT count(*) FROM quarantine WHERE cleared_by IS NULL");
    let header = "op,station,pump_no,litres,updated_at\n";
    land(&project, "pumps_1.csv", &format!("{header}I,a,1,1,2024-06-02\nI,b,1,1,2024-06-02\n")).expect(0);
    land(&project, "pumps_2.csv", &format!("{header}U,a,1,5000,2024-06-04\nI,c,1,5000,2024-06-04\n")).expect(0);
    assert_eq!(open(&project), "2");
    // Superseded, then unchanged.
    land(&project, "pumps_3.csv", &format!("{header}U,a,1,7,2024-06-01\n")).expect(0);
    land(&project, "pumps_4.csv", &format!("{header}U,a,1,1,2024-06-02\nU,b,1,2,2024-06-03\n")).expect(0);
    assert_eq!(open(&project), "2");
    land(&project, "pumps_5.csv", &format!("{header}U,a,1,500,2024-06-05\n")).expect(0);
    assert_eq!(open(&project), "1");
    // A row that never landed is taken back by its sender.
    land(&project, "pumps_6.csv", &format!("{header}D,c,1,,2024-06-05\n")).expect(0);
    assert_eq!(open(&project), "0");
    assert_identities(&project);
}

#[test]
fn the_key_of_a_row_that_has_slipped_is_not_shown() {
    let project = pumps();
    let text = "station,pump_no,litres,updated_at\n张三,154-0000-0001,1,2024-06-01,x\n\
                15400000001,1,5000,2024-06-01\n江边,2,5000,2024-06-01\n";
    land(&project, "pumps_1.csv", text).expect(0);
    let batch = project.sql("SELECT DISTINCT batch_id FROM quarantine");
    let shown = project.run(&["quarantine", "show", &batch, "--format", "csv"]).expect(0).stdout;
    for hidden in ["张三", "154"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(shown.contains("江边 2") && shown.matches("hidden").count() >= 3, "{shown}");
    // The clerk who gets the workbook sees it all.
    assert!(project.sql("SELECT original FROM quarantine WHERE line = 2").contains("张三"));
}

#[test]
fn a_delivery_of_nothing_but_faults_is_refused_as_a_whole() {
    let project = pumps();
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    // A small file: the long text is in it once.
    let long = "长".repeat(32_000);
    for (column, name) in ["station", "pump_no", "updated_at", "备注"].iter().enumerate() {
        sheet.write_string(0, column as u16, *name).expect("a cell");
    }
    for row in 1..=3_000 {
        for (column, text) in ["a", "x", "2024-06-01", &long].iter().enumerate() {
            sheet.write_string(row, column as u16, *text).expect("a cell");
        }
    }
    book.save(project.path("pumps_long.xlsx")).expect("saved");
    let run = project.run(&["land", "pumps_long.xlsx", "--as-of", AS_OF]).expect(1);
    assert!(run.stderr.contains("more than the 256 MB"), "{}", run.stderr);
    assert!(!project.path("warehouse/quarantine").exists());
}
