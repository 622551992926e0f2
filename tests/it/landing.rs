//! Deliveries into tables: identities, faults, formats, contracts never seen before, hostile files.

mod contracts_that_change;
mod corrections;
mod killed;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{AS_OF, Project};

/// `rows_in = inserted + updated + unchanged + superseded + deleted + quarantined`, for every batch.
#[track_caller]
fn assert_identities(project: &Project) {
    let off = project.sql(
        "SELECT batch_id FROM batches WHERE rows_in <> inserted + updated + unchanged + superseded + deleted + quarantined",
    );
    assert_eq!(off, "");
}

#[test]
fn a_second_delivery_of_the_same_bytes_changes_nothing() {
    let project = Project::sample();
    let before = project.sql("SELECT count(*), max(version) FROM batches");
    crate::support::copy(&crate::support::repository().join("data/sample"), &project.path("inbox"));
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    assert!(run.stderr.contains("landed before as"), "{}", run.stderr);
    assert_eq!(project.sql("SELECT count(*), max(version) FROM batches"), before);
    assert_identities(&project);
}

#[test]
fn every_planted_fault_is_quarantined_for_its_reason_and_no_clean_row_is() {
    for seed in ["7", "20240627"] {
        let project = Project::new();
        let truth = project.path("truth.csv");
        project
            .run(&[
                "generate",
                "--out",
                "inbox",
                "--scale",
                "0.02",
                "--seed",
                seed,
                "--dirty",
                "0.02",
                "--truth",
                "truth.csv",
            ])
            .expect(0);
        project.run(&["nightly", "--as-of", AS_OF]).expect(0);
        assert_identities(&project);
        check_truth(&project, &truth, 50);

        // The second night brings rows older than the stored ones.
        let truth = project.path("truth2.csv");
        project
            .run(&[
                "generate",
                "--out",
                "inbox",
                "--scale",
                "0.02",
                "--seed",
                seed,
                "--night",
                "2",
                "--dirty",
                "0.02",
                "--truth",
                "truth2.csv",
            ])
            .expect(0);
        project.run(&["nightly", "--as-of", "2024-06-28"]).expect(0);
        assert_identities(&project);
        check_truth(&project, &truth, 5);
    }
}

fn check_truth(project: &Project, truth: &std::path::Path, faults_min: usize) {
    let text = std::fs::read_to_string(truth).expect("the truth");
    let mut planted: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut superseded = 0;
    let mut files = BTreeSet::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [file, line, _table, _key, fault] = cells[..] else { panic!("{line}") };
        files.insert(file.to_owned());
        if fault == "duplicate_same" || fault == "older_version" {
            superseded += 1;
        } else {
            planted.entry((file.to_owned(), line.to_owned())).or_default().insert(fault.to_owned());
        }
    }
    assert!(planted.len() > faults_min, "only {} faults were planted", planted.len());
    let rows = project.sql("SELECT file, line, rule FROM quarantine");
    let mut found: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for row in rows.lines() {
        let cells: Vec<&str> = row.split(',').collect();
        if files.contains(cells[0]) {
            found.entry((cells[0].to_owned(), cells[1].to_owned())).or_default().insert(cells[2].to_owned());
        }
    }
    for (place, faults) in &planted {
        let reasons = found.get(place).unwrap_or_else(|| panic!("{place:?} {faults:?} was not quarantined"));
        assert!(faults.is_subset(reasons), "{place:?}: planted {faults:?}, found {reasons:?}");
    }
    for place in found.keys() {
        assert!(planted.contains_key(place), "{place:?} is clean but was quarantined for {:?}", found[place]);
    }
    let list = files.iter().map(|f| format!("'{f}'")).collect::<Vec<_>>().join(",");
    let counted = project.sql(&format!("SELECT sum(superseded) FROM batches WHERE file IN ({list})"));
    assert_eq!(counted, superseded.to_string());
}

#[test]
fn sensitive_values_reach_no_message() {
    let project = Project::new();
    project
        .run(&["generate", "--out", "inbox", "--scale", "0.01", "--dirty", "0.05", "--truth", "truth.csv"])
        .expect(0);
    let run = project.run(&["nightly", "--as-of", AS_OF, "-vv"]).expect(0);
    let batch = project.sql("SELECT batch_id FROM quarantine WHERE table_name = 'residents' LIMIT 1");
    let shown = project.run(&["quarantine", "show", &batch]).expect(0);
    let listed = project.run(&["quarantine", "list"]).expect(0);
    let personal = regex::Regex::new(r"990105[12]\d{10}[\dX]|154\d{8}").expect("a pattern");
    for text in [&run.stdout, &run.stderr, &shown.stdout, &listed.stdout, &project.sql("SELECT reason FROM quarantine")]
    {
        assert!(!personal.is_match(text), "an identity or telephone number is in a message");
    }
}

const PUMPS: &str = "\
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
      - {property: files, value: [pumps, 泵站]}
      - {property: versionColumn, value: updated_at}
      - {property: operationColumn, value: op}
    properties:
      - {name: station, businessName: 站名, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: pump_no, businessName: 泵号, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 2}
      - {name: litres, businessName: 流量, logicalType: number, logicalTypeOptions: {minimum: 0, maximum: 1000}}
      - {name: is_running, businessName: 运行, logicalType: boolean}
      - {name: built_on, businessName: 建成日期, logicalType: date}
      - {name: updated_at, businessName: 更新时间, logicalType: timestamp, required: true}
";

fn pumps() -> Project {
    let project = Project::new();
    project.write("data/contracts/pumps.odcs.yaml", PUMPS);
    project
}

#[test]
fn a_contract_never_seen_before_needs_no_rust() {
    let project = pumps();
    let first = "站名,泵号,流量,运行,建成日期,更新时间,备注\n\
                 江边,1,１２.5,是,2001年2月3日,2024-06-01 08:00:00,x\n\
                 江边,2,7,否,,2024/6/1 8:00,\n\
                 \"河,口\",1,2000,是,2001-02-30,2024-06-01T08:00:00,\n\
                 ,3,1,是,,2024-06-01 08:00:00,\n";
    let (gb, _, _) = encoding_rs::GB18030.encode(first);
    project.write("泵站一.csv", gb);
    let run = project.run(&["land", "泵站一.csv", "--as-of", AS_OF, "--format", "json"]).expect(0);
    let rows: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!((&rows[0]["inserted"], &rows[0]["quarantined"]), (&2.into(), &2.into()), "{}", run.stdout);
    assert!(run.stderr.contains("备注"), "{}", run.stderr);
    assert_eq!(
        project.sql("SELECT station, pump_no, litres, is_running, built_on FROM pumps ORDER BY 1, 2"),
        "江边,1,12.5,true,2001-02-03\n江边,2,7.0,false,"
    );
    let rules = project.sql("SELECT line, column_name, rule FROM quarantine ORDER BY 1, 2");
    assert_eq!(rules, "4,built_on,bad_date\n4,litres,out_of_range\n5,station,missing_required");

    // Changes: newer, equal, older, new, deleted, twice the same, twice different.
    let second = "op\tstation\tpump_no\tlitres\tis_running\tbuilt_on\tupdated_at\n\
                  U\t江边\t1\t13\t1\t2001-02-03\t2024-06-02 08:00:00\n\
                  U\t江边\t2\t9\t0\t\t2024-05-01 08:00:00\n\
                  I\t新港\t1\t1\t1\t\t2024-06-02 08:00:00\n\
                  I\t新港\t1\t1\t1\t\t2024-06-02 08:00:00\n\
                  I\t新港\t2\t1\t1\t\t2024-06-02 08:00:00\n\
                  I\t新港\t2\t2\t1\t\t2024-06-02 08:00:00\n\
                  I\t新港\t3\t1\t1\t\t2024-06-02 08:00:00\n\
                  I\t新港\t3\t5\t1\t\t2024-06-03 08:00:00\n";
    project.write("pumps_2.tsv", second);
    project.run(&["land", "pumps_2.tsv", "--as-of", AS_OF]).expect(0);
    let counts = project.sql(
        "SELECT rows_in, inserted, updated, superseded, deleted, quarantined FROM batches WHERE file = 'pumps_2.tsv'",
    );
    assert_eq!(counts, "8,2,1,3,0,2");
    project.write("pumps_3.csv", "op,station,pump_no\nD,江边,2\nD,没有,9\n");
    project.run(&["land", "pumps_3.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(
        project.sql("SELECT station, pump_no, litres FROM pumps ORDER BY 1, 2"),
        "新港,1,1.0\n新港,3,5.0\n江边,1,13.0"
    );
    assert_identities(&project);
}

const TARIFFS: &str = "\
apiVersion: v3.1.0
kind: DataContract
schema:
  - name: tariffs
    customProperties:
      - {property: delivery, value: full}
    properties:
      - {name: starts_on, businessName: 起始日, logicalType: date, primaryKey: true, primaryKeyPosition: 1}
      - {name: level, businessName: 等级, logicalType: string, primaryKey: true, primaryKeyPosition: 2}
      - {name: price, businessName: 价格, logicalType: number, logicalTypeOptions: {maximum: 100}}
      - {name: note, businessName: 行号, logicalType: string}
";

#[test]
fn a_full_list_drops_only_what_it_lacks() {
    let project = Project::new();
    project.write("data/contracts/tariffs.odcs.yaml", TARIFFS);
    let land = |name: &str, text: &str| {
        project.write(name, text);
        project.run(&["land", name, "--as-of", AS_OF, "--format", "csv"])
    };
    let first = "起始日,等级,价格\n2024-01-01,1,2.5\n2024-01-01,2,3.5\n2024-01-01,3,9\n";
    land("tariffs_1.csv", first).expect(0);
    // The first row cannot land, and its key is written differently: the stored row stays.
    let run = land("tariffs_2.csv", "起始日,等级,价格\n2024/1/1,１,999\n2024/1/1,２,３．６\n").expect(0);
    assert!(run.stdout.contains(",2,0,1,0,0,0,1,1"), "one updated, one quarantined, one dropped: {}", run.stdout);
    assert_eq!(project.sql("SELECT level, price FROM tariffs ORDER BY 1"), "1,2.5\n2,3.6");
    // As an export comes back, though a column of the contract is named like one of the export.
    let id = project.sql("SELECT quarantine_id FROM quarantine");
    let corrected = format!(
        "隔离编号,来源文件,行号,问题栏目,问题说明,起始日,等级,价格,行号\n\
         {id},tariffs_2.csv,2,价格,x,2024-01-01,1,9.9,n7\n,,,,,2024-01-01,2,3.6,\n"
    );
    land("tariffs_3.csv", &corrected).expect(0);
    assert_eq!(project.sql("SELECT level, price, note FROM tariffs ORDER BY 1"), "1,9.9,n7\n2,3.6,");
    assert_eq!(project.sql("SELECT count(*) FROM quarantine WHERE cleared_by IS NULL"), "0");
    // A list without rows is a mistake, not a wish.
    let run = land("tariffs_4.csv", "起始日,等级,价格\n").expect(1);
    assert!(run.stderr.contains("the list is empty"), "{}", run.stderr);
    // The first list again is news after the others, and only then.
    land("tariffs_1.csv", first).expect(0);
    assert_eq!(project.sql("SELECT level, price FROM tariffs ORDER BY 1"), "1,2.5\n2,3.5\n3,9.0");
    assert!(land("tariffs_1.csv", first).expect(0).stdout.contains("landed before"));
    assert_eq!(project.sql("SELECT count(*), count(DISTINCT batch_id) FROM batches"), "4,4");
    assert_identities(&project);
}

#[test]
fn rows_of_two_sheets_are_told_apart() {
    let project = pumps();
    let mut book = rust_xlsxwriter::Workbook::new();
    for name in ["东片", "西片"] {
        let sheet = book.add_worksheet().set_name(name).expect("a sheet");
        for (row, cells) in [["station", "pump_no", "updated_at"], [name, "x", "2024-06-01"]].iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                sheet.write_string(row as u32, column as u16, *cell).expect("a cell");
            }
        }
    }
    book.save(project.path("pumps_two.xlsx")).expect("saved");
    project.run(&["land", "pumps_two.xlsx", "--as-of", AS_OF]).expect(0);
    assert_eq!(
        project.sql("SELECT count(DISTINCT quarantine_id), min(file), max(file) FROM quarantine"),
        "2,pumps_two.xlsx!东片,pumps_two.xlsx!西片"
    );
}

#[test]
fn a_column_that_is_not_delivered_keeps_its_values() {
    let project = pumps();
    let first = "station,pump_no,litres,updated_at\na,1,7,2024-06-01\n";
    project.write("pumps_1.csv", first);
    // The same bytes under a second name land once.
    project.write("pumps_1_copy.csv", first);
    let run = project.run(&["land", "pumps_1.csv", "pumps_1_copy.csv", "--as-of", AS_OF, "--format", "csv"]).expect(0);
    assert!(run.stdout.contains("landed before"), "{}", run.stdout);
    assert_eq!(project.sql("SELECT count(*) FROM batches"), "1");
    project.write("pumps_2.csv", "station,pump_no,is_running,updated_at\na,1,是,2024-06-02\n");
    let run = project.run(&["land", "pumps_2.csv", "--as-of", AS_OF]).expect(0);
    assert!(run.stderr.contains("litres, built_on"), "{}", run.stderr);
    assert_eq!(project.sql("SELECT litres, is_running FROM pumps"), "7.0,true");
    assert_eq!(project.sql("SELECT updated FROM batches WHERE file = 'pumps_2.csv'"), "1");
}

const PIPES: &str = "\
apiVersion: v3.1.0
kind: DataContract
schema:
  - name: zones
    properties:
      - {name: zone, logicalType: string, primaryKey: true}
  - name: pipes
    properties:
      - {name: pipe_id, logicalType: string, primaryKey: true}
      - {name: parent, logicalType: string, relationships: [{type: foreignKey, to: pipes.pipe_id}]}
      - {name: zone, logicalType: string, relationships: [{type: foreignKey, to: zones.zone}]}
";

#[test]
fn rows_may_refer_to_accepted_rows_of_their_own_delivery() {
    let project = Project::new();
    project.write("data/contracts/pipes.odcs.yaml", PIPES);
    project.write("pipes.csv", "pipe_id,parent,zone\nP2,P1,\nP1,,\nP3,P9,\nP4,P3,\nP5,P1,Z\nP6,P5,\n");
    project.run(&["land", "pipes.csv", "--dry-run", "--as-of", AS_OF]).expect(0);
    assert!(!project.path("warehouse/pipes").exists() && !project.path("warehouse/zones").exists());
    project.run(&["land", "pipes.csv", "--as-of", AS_OF]).expect(0);
    assert_eq!(project.sql("SELECT pipe_id FROM pipes ORDER BY 1"), "P1\nP2");
    assert_eq!(
        project.sql("SELECT line, column_name FROM quarantine ORDER BY 1"),
        "4,parent\n5,parent\n6,zone\n7,parent"
    );
    assert_identities(&project);
}

#[test]
fn a_file_without_header_shows_nobody() {
    let project = pumps();
    project.write("pumps_nohead.csv", "江边,1,张三,15400000001,2024-06-01\n河口,2,李四,15400000002,2024-06-01\n");
    let run = project.run(&["land", "pumps_nohead.csv", "--as-of", AS_OF]).expect(1);
    assert!(run.stderr.contains("is the header missing?") && !run.stderr.contains("张三"), "{}", run.stderr);
}

#[test]
fn a_dry_run_writes_nothing() {
    let project = pumps();
    project.write("pumps.csv", "station,pump_no,updated_at\na,1,2024-06-01\n");
    let run = project.run(&["land", "pumps.csv", "--dry-run", "--as-of", AS_OF]).expect(0);
    assert!(run.stdout.contains("would land"), "{}", run.stdout);
    assert!(!project.path("warehouse/pumps").exists());
}

#[test]
fn a_corrected_row_clears_its_quarantine() {
    let project = pumps();
    project.write("pumps_1.csv", "station,pump_no,litres,updated_at\na,1,5000,2024-06-01\nb,1,7,2024-06-01\n");
    project.run(&["land", "pumps_1.csv", "--as-of", AS_OF]).expect(0);
    let out = project.run(&["quarantine", "export", "--out", "back", "--format", "csv"]).expect(0).stdout;
    assert!(out.lines().nth(1).is_some_and(|line| line.ends_with(",1")), "{out}");
    let workbook = std::fs::read_dir(project.path("back")).expect("a folder").flatten().next().expect("a file").path();
    // The clerk corrects the yellow cell and sends the workbook back.
    use calamine::{Data, Reader};
    let mut book = calamine::open_workbook_auto(&workbook).expect("a workbook");
    let sheet = book.worksheet_range_at(0).expect("a sheet").expect("a range");
    let header: Vec<String> = sheet.rows().nth(2).expect("a header").iter().map(Data::to_string).collect();
    let mut row: Vec<String> = sheet.rows().nth(3).expect("a row").iter().map(Data::to_string).collect();
    assert!(row[4].contains("1000"), "the reason names the limit: {}", row[4]);
    row[header.iter().position(|h| h == "流量").expect("a column")] = "500".to_owned();
    let mut corrected = rust_xlsxwriter::Workbook::new();
    let sheet = corrected.add_worksheet();
    sheet.write_string(0, 0, "泵站待更正记录").expect("a title");
    for (at, (name, value)) in header.iter().zip(&row).enumerate() {
        sheet.write_string(2, at as u16, name).expect("a cell");
        sheet.write_string(3, at as u16, value).expect("a cell");
    }
    corrected.save(project.path("pumps_corrected.xlsx")).expect("saved");
    project.run(&["land", "pumps_corrected.xlsx", "--as-of", AS_OF]).expect(0);
    assert_eq!(project.sql("SELECT station, litres FROM pumps ORDER BY 1"), "a,500.0\nb,7.0");
    assert_eq!(project.sql("SELECT count(*) FROM quarantine WHERE cleared_by IS NULL"), "0");
    assert!(project.run(&["quarantine", "list"]).expect(0).stderr.contains("nothing is in quarantine"));
}

#[test]
fn files_that_are_not_what_they_claim_are_set_aside_and_the_night_goes_on() {
    let project = pumps();
    let bomb = {
        // A workbook whose shared strings unpack to far more than they take.
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        use std::io::Write;
        for (name, text) in [
            ("[Content_Types].xml", "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"),
            ("xl/workbook.xml", "<workbook/>"),
        ] {
            zip.start_file(name, options).expect("a part");
            zip.write_all(text.as_bytes()).expect("a part");
        }
        zip.start_file("xl/sharedStrings.xml", options).expect("a part");
        let block = vec![b'a'; 1 << 20];
        for _ in 0..300 {
            zip.write_all(&block).expect("a part");
        }
        zip.finish().expect("a zip").into_inner()
    };
    let good = "station,pump_no,updated_at\nok,1,2024-06-01\n";
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("pumps_empty.csv", Vec::new()),
        ("pumps_bomb.xlsx", bomb),
        ("pumps_torn.xlsx", b"PK\x03\x04 and then nothing".to_vec()),
        ("pumps_torn.parquet", b"PAR1 and then nothing".to_vec()),
        ("pumps_noise.csv", (0..4096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
        ("pumps_quote.csv", b"station,pump_no,updated_at\n\"a,1,2024-06-01\n".to_vec()),
        ("pumps_missing.csv", b"station,updated_at\na,2024-06-01\n".to_vec()),
        ("pumps_array.json", b"[{\"station\": \"a\"}]".to_vec()),
        ("weather.csv", b"a,b\n1,2\n".to_vec()),
    ];
    for (name, bytes) in &hostile {
        project.write(&format!("inbox/{name}"), bytes);
    }
    project.write("inbox/pumps_good.csv", good);
    let run = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    assert_eq!(project.sql("SELECT count(*) FROM pumps"), "1");
    for (name, _) in &hostile {
        assert!(project.path(&format!("inbox/failed/{name}")).exists(), "{name} was not set aside\n{}", run.stderr);
        let note = std::fs::read_to_string(project.path(&format!("inbox/failed/{name}.说明.txt"))).expect("a note");
        assert!(note.contains("error:"), "{note}");
        assert_eq!(run.stderr.matches(name).count(), 1, "one message for {name}\n{}", run.stderr);
    }
    assert!(project.path("archive").join(AS_OF).join("pumps_good.csv").exists());
}
