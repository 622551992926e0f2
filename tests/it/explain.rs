//! Figures that explain themselves: every number of every mart, the files' cells, the words on a page.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use datafusion::common::ScalarValue;
use gridhouse::query::Layer;
use gridhouse::query::lineage::{Datum, Figure, Lineage, Made};

use crate::support::Project;

/// How a figure was explained, by the poorest of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Down to stored rows that come to the figure again.
    Traced,
    /// To the rows of a view that come to it.
    Early,
    /// Said to be computed from others.
    Derived,
    /// Rows were listed that do not come to it.
    Wrong,
}

fn outcome(figure: &Figure) -> (Outcome, String) {
    let mut worst = (Outcome::Traced, String::new());
    figure.visit(&mut |part| {
        let here = match &part.made {
            Made::Rows(drill) if drill.tables.is_empty() => {
                (Outcome::Derived, drill.ends_early.clone().unwrap_or_default())
            }
            Made::Rows(drill) if !drill.matches => {
                (Outcome::Wrong, format!("{} gives {}, not {}", drill.sql, drill.total.shown(), part.value.shown()))
            }
            Made::Rows(drill) if drill.ends_early.is_some() => {
                (Outcome::Early, drill.ends_early.clone().unwrap_or_default())
            }
            Made::Computed { why, .. } => (Outcome::Derived, format!("{}: {why}", part.expression)),
            _ => return,
        };
        if here.0 > worst.0 {
            worst = here;
        }
    });
    worst
}

/// Futures within futures take room, in a build that is not optimised more than a test's thread has.
#[test]
fn every_number_of_every_mart_is_traced_to_its_rows_or_said_to_be_derived() {
    let work = std::thread::Builder::new().stack_size(32 << 20).spawn(trace_every_number).expect("a thread");
    work.join().expect("no panic");
}

fn trace_every_number() {
    let sample = Project::sample();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (counts, wrong, text) = runtime.block_on(async {
        let project = gridhouse::project::Project::find(sample.root(), &[]).expect("a project");
        let (warehouse, contracts) = (project.warehouse(), project.contracts().expect("contracts"));
        let snapshot = project.pin(&warehouse, crate::support::AS_OF.parse().expect("a date")).expect("a snapshot");
        let (session, _) = project.session(&warehouse, &contracts, snapshot).await.expect("a session");
        let (mut text, mut wrong) = (String::new(), Vec::new());
        let (reports, _) = gridhouse::report::load(&project.report_templates());
        let used: BTreeSet<&str> = reports.iter().flat_map(gridhouse::report::Report::views).collect();
        let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
        for view in
            session.catalog().iter().filter(|view| view.layer == Layer::Mart && used.contains(view.name.as_str()))
        {
            let rows = session.fetch(&format!("SELECT * FROM {}", view.name)).await.expect("a mart");
            let Some(first) = rows.first() else { continue };
            let rows = concat_batches(&first.schema(), &rows).expect("rows");
            let lineage = Lineage::of(&session, &contracts, &[&view.name]).expect("a lineage");
            for (column, field) in
                rows.schema().fields().iter().enumerate().filter(|(_, field)| field.data_type().is_numeric())
            {
                let mut worst: Option<(Outcome, String)> = None;
                for row in sampled(&rows, column) {
                    let figure = lineage
                        .explain(&view.name, field.name(), &picked(&rows, row))
                        .await
                        .unwrap_or_else(|problem| panic!("{}.{}: {problem:?}", view.name, field.name()));
                    let value = ScalarValue::try_from_array(rows.column(column), row).expect("a value");
                    assert_eq!(figure.value.shown(), Datum(value).shown(), "{}.{}", view.name, field.name());
                    let found = outcome(&figure);
                    if worst.as_ref().is_none_or(|worst| found.0 > worst.0) {
                        worst = Some(found);
                    }
                }
                let Some((outcome, why)) = worst else { continue };
                *counts.entry(outcome).or_default() += 1;
                if outcome == Outcome::Wrong {
                    wrong.push(format!("{}.{}: {why}", view.name, field.name()));
                }
                if outcome != Outcome::Traced {
                    text.push_str(&format!("{}.{}: {outcome:?} {why}\n", view.name, field.name()));
                }
            }
        }
        (counts, wrong, text)
    });
    assert_eq!(wrong, Vec::<String>::new(), "rows that do not come to their figure");
    let count = |outcome| counts.get(&outcome).copied().unwrap_or_default();
    let (traced, rest) = (count(Outcome::Traced), count(Outcome::Early) + count(Outcome::Derived));
    assert!(traced > 400 && traced > 9 * rest, "{traced} traced, {rest} not:\n{text}");
}

/// The row with the most; of every fourth column also a row deep down and one with nothing.
fn sampled(rows: &RecordBatch, column: usize) -> Vec<usize> {
    let count = rows.num_rows();
    let values = arrow::compute::cast(rows.column(column), &arrow::datatypes::DataType::Float64).expect("numbers");
    let values = arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(&values);
    let at = |row: &usize| if values.is_valid(*row) { values.value(*row) } else { -1.0 };
    let most = (0..count).max_by(|a, b| at(a).total_cmp(&at(b)));
    let some = (0..count).filter(|row| at(row) > 0.0).nth(count / 3);
    let least = (0..count).min_by(|a, b| at(a).total_cmp(&at(b)));
    let others = [some, least].into_iter().filter(|_| column.is_multiple_of(4));
    let mut all: Vec<usize> = std::iter::once(most).chain(others).flatten().collect();
    all.dedup();
    all
}

fn picked(rows: &RecordBatch, row: usize) -> Vec<(String, Datum)> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    columns
        .filter(|(field, _)| !field.data_type().is_floating())
        .map(|(field, values)| {
            (field.name().clone(), Datum(ScalarValue::try_from_array(values, row).expect("a value")))
        })
        .collect()
}

/// Cells of a form, read back from the file itself, and what `explain` says of them.
#[test]
fn a_cell_of_a_form_is_explained_down_to_the_delivered_rows() {
    let project = Project::sample();
    let file = "outbox/2024-06-27/吹哨办理情况表.xlsx";
    let listed = project.run(&["explain", file]).expect(0).stdout;
    assert!(listed.contains("whistle_by_department.on_time_rate_year"), "{listed}");
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(project.path(file)).expect("a workbook");
    let tab = calamine::Reader::sheet_names(&book)[0].clone();
    let sheet = calamine::Reader::worksheet_range(&mut book, &tab).expect("a sheet");
    let at = |label: &str| {
        let row = sheet.rows().position(|row| row.iter().any(|cell| *cell == "上期结转")).expect("a header");
        sheet.rows().skip(row).take(2).find_map(|row| row.iter().position(|cell| *cell == *label)).expect("a column")
    };
    let column = at("应办结");
    let (row, count) = sheet
        .rows()
        .enumerate()
        .filter_map(|(number, row)| Some((number, row.get(column)?.to_string().parse::<u64>().ok()?)))
        .filter(|(number, count)| *number > 8 && *count > 1)
        .max_by_key(|(_, count)| *count)
        .expect("a unit with cases");
    let cell = format!("{tab}!{}{}", char::from(b'A' + column as u8), row + 1);
    let text = project.run(&["explain", file, &cell, "--format", "json", "--all"]).expect(0).stdout;
    let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(answer["cell"]["shown"], count.to_string());
    assert_eq!(answer["label"], "本年应办结");
    let rows = answer["rows"][0]["tables"][0]["rows"].as_array().expect("rows");
    assert_eq!((rows.len() as u64, &answer["rows"][0]["of"]), (count, &serde_json::json!(count)));
    for row in rows {
        let key = row["key"].as_str().expect("a key");
        let stored = project.sql(&format!("SELECT _batch_id, _line FROM whistle_tasks WHERE task_id = '{key}'"));
        assert_eq!(stored, format!("{},{}", row["batch"].as_str().expect("a batch"), row["line"]));
    }
    let text = project.run(&["explain", file, &cell]).expect(0).stdout;
    assert!(text.contains("queries/marts/whistle_by_department.sql:") && text.contains("come to it"), "{text}");
}

#[test]
fn what_is_no_figure_gets_an_honest_answer() {
    let project = Project::sample();
    let file = "outbox/2024-06-27/民情日志统计.xlsx";
    let said = |cell: &str| project.run(&["explain", file, cell]).expect(0).stdout;
    assert!(said("街道!A1").contains("a text of the form"), "{}", said("街道!A1"));
    assert!(said("街道!ZZ900").contains("empty"), "{}", said("街道!ZZ900"));
    let run = project.run(&["explain", file, "没有!A1"]).expect(1);
    assert!(run.stderr.contains("there is no sheet `没有`") && run.stderr.contains("街道"), "{}", run.stderr);
    let run = project.run(&["explain", file, "街道!网格"]).expect(1);
    assert!(run.stderr.contains("is no cell"), "{}", run.stderr);
    project.write("stray.xlsx", "not ours");
    let run = project.run(&["explain", "stray.xlsx", "A1"]).expect(1);
    assert!(run.stderr.contains("record"), "{}", run.stderr);
    let run = project.run(&["explain", "nothing", "A1"]).expect(1);
    assert!(run.stderr.contains("no file and no view"), "{}", run.stderr);
    let run = project.run(&["explain", "whistle_by_place", "closed_count", "-w", "place_code=430105"]).expect(1);
    assert!(run.stderr.contains("several rows") && run.stderr.contains("`level`"), "{}", run.stderr);
}

#[test]
fn personal_data_are_masked_unless_allowed_with_a_reason_on_record() {
    let project = Project::sample();
    let file = std::fs::read_dir(project.path("outbox/2024-06-27/居民台账"))
        .expect("ledgers")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|e| e == "xlsx"))
        .expect("a ledger");
    let file = file.to_str().expect("a path");
    let of_place =
        ["explain", "population_by_place", "person_count", "-w", "place_level=district", "--all", "--format", "json"];
    let masked = project.run(&of_place).expect(0).stdout;
    assert!(masked.contains("residents") && !masked.contains("\"99010519"), "an identity number is shown");
    let names = project.sql("SELECT DISTINCT name FROM residents WHERE char_length(name) > 1 LIMIT 50");
    for name in names.lines() {
        assert!(!masked.contains(&format!("\"{name}\"")), "{name} is shown");
    }
    let ages: String = (4..9).map(|row| project.run(&["explain", file, &format!("I{row}")]).expect(0).stdout).collect();
    assert!(ages.contains("age_on(") && ages.contains("not followed"), "{ages}");
    // What a row of persons says of itself stays masked as well: in its head, in what it is made of, and under any name.
    project.write(
        "queries/marts/somebody.sql",
        "SELECT resident_id, name AS called, phone AS reached, id_number FROM residents",
    );
    let sql = "SELECT resident_id, name, id_number, phone FROM residents WHERE char_length(name) > 2 AND phone IS NOT NULL LIMIT 1";
    let person = project.sql(sql);
    let (id, personal) = person.split_once(',').expect("a person");
    for column in ["called", "reached", "id_number", "resident_id"] {
        let one = format!("resident_id={id}");
        for format in ["table", "json"] {
            let said = project.run(&["explain", "somebody", column, "-w", &one, "--format", format]).expect(0).stdout;
            assert!(said.contains(id), "{said}");
            for value in personal.split(',') {
                assert!(!said.contains(value), "{column} {format}: {value} is shown");
            }
        }
    }
    // A file that somebody has written into is said to be another.
    let page = "outbox/2024-06-27/每日要情.md";
    let issued = std::fs::read_to_string(project.path(page)).expect("a page");
    assert!(!project.run(&["explain", page, "f1"]).expect(0).stderr.contains("touched"));
    project.write(page, format!("{issued}改过。\n"));
    assert!(project.run(&["explain", page, "f1"]).expect(0).stderr.contains("touched"));
    let unmasked: Vec<&str> = of_place.iter().copied().chain(["--unmasked", "--reason", "核对人口数"]).collect();
    let run = project.run(&unmasked).expect(1);
    assert!(run.stderr.contains("access.unmasked_rows") && run.stdout.is_empty(), "{}", run.stderr);
    assert!(!project.path("warehouse/.audit").exists());
    let settings = std::fs::read_to_string(project.path("gridhouse.toml")).expect("settings");
    project.write("gridhouse.toml", settings.replace("unmasked_rows = false", "unmasked_rows = true"));
    assert!(project.run(&unmasked).expect(0).stdout.contains("\"990105"));
    let log = std::fs::read_to_string(project.path("warehouse/.audit/unmasked.jsonl")).expect("a record");
    assert!(log.contains("核对人口数") && log.contains("population_by_place.person_count"), "{log}");
}
