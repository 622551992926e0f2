//! Figures that explain themselves: every number of every mart, the files' cells, the words on a page.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use datafusion::common::ScalarValue;
use gridhouse::contract::Contracts;
use gridhouse::query::lineage::{Datum, Figure, Lineage, Made};
use gridhouse::query::{Layer, Session};

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

#[test]
fn every_number_of_every_mart_is_traced_to_its_rows_or_said_to_be_derived() {
    let sample = Project::sample();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let project = gridhouse::project::Project::find(sample.root(), &[]).expect("a project");
    let contracts = project.contracts().expect("contracts");
    let session = runtime.block_on(async {
        let warehouse = project.warehouse();
        let snapshot = project.pin(&warehouse, crate::support::AS_OF.parse().expect("a date")).expect("a snapshot");
        let (session, _) = project.session(&warehouse, &contracts, snapshot).await.expect("a session");
        // The night's marts are kept for the program that ran it, which is another; each is computed once.
        for view in session.catalog().in_order(session.catalog().iter().map(|view| view.name.as_str())) {
            if view.layer == Layer::Mart && view.is_materialized() {
                session.materialize(view).await.expect("a mart");
            }
        }
        session
    });
    let (reports, _) = gridhouse::report::load(&project.report_templates());
    let used: BTreeSet<&str> = reports.iter().flat_map(gridhouse::report::Report::views).collect();
    let views: Vec<&str> =
        session.catalog().iter().filter(|view| view.layer == Layer::Mart).map(|view| view.name.as_str()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut traced = Vec::new();
        while let Some(view) = views.get(next.fetch_add(1, Ordering::Relaxed)) {
            if used.contains(view) {
                traced.extend(runtime.block_on(trace(&session, &contracts, view)));
            }
        }
        traced
    };
    // Futures within futures take room, in a build that is not optimised more than a test's thread has.
    let thread = || std::thread::Builder::new().stack_size(32 << 20);
    let traced: Vec<(String, Outcome, String)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| thread().spawn_scoped(scope, work).expect("a thread")).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    let of = |wanted: Outcome| traced.iter().filter(move |(_, outcome, _)| *outcome == wanted);
    let told =
        |outcome: Outcome| -> Vec<String> { of(outcome).map(|(name, _, why)| format!("{name}: {why}")).collect() };
    assert_eq!(told(Outcome::Wrong), Vec::<String>::new(), "rows that do not come to their figure");
    let rest = [told(Outcome::Early), told(Outcome::Derived)].concat();
    let count = of(Outcome::Traced).count();
    assert!(count > 400 && count > 9 * rest.len(), "{count} traced, not:\n{}", rest.join("\n"));
}

/// The poorest explanation of each number of a view.
async fn trace(session: &Session, contracts: &Contracts, view: &str) -> Vec<(String, Outcome, String)> {
    let rows = session.fetch(&format!("SELECT * FROM {view}")).await.expect("a mart");
    let Some(first) = rows.first() else { return Vec::new() };
    let rows = concat_batches(&first.schema(), &rows).expect("rows");
    let lineage = Lineage::of(session, contracts, &[view]).await.expect("a lineage");
    let mut traced = Vec::new();
    for (column, field) in rows.schema().fields().iter().enumerate().filter(|(_, field)| field.data_type().is_numeric())
    {
        let name = format!("{view}.{}", field.name());
        let mut found = Vec::new();
        for row in sampled(&rows, column) {
            let figure = lineage.explain(view, field.name(), &picked(&rows, row)).await;
            let figure = figure.unwrap_or_else(|problem| panic!("{name}: {problem:?}"));
            let value = ScalarValue::try_from_array(rows.column(column), row).expect("a value");
            assert_eq!(figure.value.shown(), Datum(value).shown(), "{name}");
            found.push(outcome(&figure));
        }
        traced.extend(found.into_iter().max_by_key(|(outcome, _)| *outcome).map(|(outcome, why)| (name, outcome, why)));
    }
    traced
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
    // It is known without the record beside it, as it is to `verify`.
    project.write(page, &issued);
    std::fs::remove_file(project.path(&format!("{page}.json"))).expect("a record");
    let known = project.run(&["explain", page, "f1"]).expect(0);
    assert!(known.stdout.contains("view") && !known.stderr.contains("touched"), "{}", known.stderr);
    let unmasked: Vec<&str> = of_place.iter().copied().chain(["--unmasked", "--reason", "核对人口数"]).collect();
    let run = project.run(&unmasked).expect(1);
    assert!(run.stderr.contains("access.unmasked_rows") && run.stdout.is_empty(), "{}", run.stderr);
    assert!(!project.path("warehouse/.audit").exists());
    let settings = std::fs::read_to_string(project.path("gridhouse.toml")).expect("settings");
    project.write("gridhouse.toml", settings.replace("unmasked_rows = false", "unmasked_rows = true"));
    let named = crate::support::command(project.root(), &unmasked)
        .envs([("SUDO_USER", "somebody-else"), ("USER", "somebody-else")])
        .output()
        .expect("the binary starts");
    assert!(String::from_utf8_lossy(&named.stdout).contains("\"990105"));
    let log = std::fs::read_to_string(project.path("warehouse/.audit/unmasked.jsonl")).expect("a record");
    assert!(log.contains("核对人口数") && log.contains("population_by_place.person_count"), "{log}");
    // The environment says who it likes, and is believed in nothing.
    let entry: serde_json::Value = serde_json::from_str(log.trim()).expect("an entry");
    assert_eq!(entry["user"]["environment"][0], "SUDO_USER=somebody-else", "{log}");
    assert_ne!(entry["user"]["name"], "somebody-else", "{log}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let owner = std::fs::metadata(project.path("warehouse/.audit/unmasked.jsonl")).expect("a record").uid();
        assert_eq!(entry["user"]["uid"], owner, "{log}");
    }
}

/// Renamed, aggregated, joined, in a sub-select or cut by a limit: what is a person's stays masked.
#[test]
fn what_a_view_takes_of_personal_columns_is_masked_whatever_it_is_called() {
    let project = Project::sample();
    let views = [
        (
            "v_any",
            "SELECT grid_code, first_value(name ORDER BY resident_id) AS x FROM residents GROUP BY grid_code",
            true,
        ),
        ("v_list", "SELECT grid_code, string_agg(phone, ',') AS x FROM residents GROUP BY grid_code", true),
        ("v_max", "SELECT grid_code, max(id_number) AS x FROM residents GROUP BY grid_code", true),
        ("v_date", "SELECT grid_code, min(birth_date) AS x FROM residents GROUP BY grid_code", true),
        ("v_part", "SELECT grid_code, max(concat(left(name, 1), '某')) AS x FROM residents GROUP BY grid_code", true),
        (
            "v_below",
            "WITH a AS (SELECT grid_code, name AS b FROM residents UNION ALL SELECT grid_code, grid_code AS b FROM residents) \
             SELECT c.grid_code, max(d) AS x FROM (SELECT grid_code, b AS d FROM a) AS c GROUP BY c.grid_code",
            true,
        ),
        ("v_view", "SELECT grid_code, coalesce(x, '无') AS x FROM v_any", true),
        ("v_cut", "SELECT grid_code, name AS x FROM residents ORDER BY resident_id LIMIT 1", true),
        ("v_one", "SELECT g.grid_code, (SELECT max(r.name) FROM residents AS r) AS x FROM grids AS g", true),
        (
            "v_case",
            "SELECT grid_code, max(CASE WHEN age_on(birth_date, as_of_date()) > 1 THEN name END) AS x FROM residents GROUP BY grid_code",
            true,
        ),
        (
            "v_named",
            "SELECT v.grid_code, max(v.b) AS x FROM (SELECT grid_code, name FROM residents) AS v(grid_code, b) GROUP BY v.grid_code",
            true,
        ),
        (
            "v_turns",
            "SELECT grid_code, max(make_date(2024, CAST(date_part('month', birth_date) AS INT), CAST(date_part('day', birth_date) AS INT))) AS x FROM residents GROUP BY grid_code",
            true,
        ),
        ("v_label", "SELECT grid_code, max(education) AS x FROM residents GROUP BY grid_code", true),
        ("v_mask", "SELECT grid_code, max(mask_name(name)) AS x FROM residents GROUP BY grid_code", false),
        (
            "v_words",
            "SELECT grid_code, max(CASE WHEN phone IS NULL THEN '无' ELSE '有' END) AS x FROM residents GROUP BY grid_code",
            false,
        ),
        (
            "v_open",
            "SELECT g.grid_code, max(g.grid_name) AS x FROM grids AS g JOIN residents AS r ON r.grid_code = g.grid_code GROUP BY g.grid_code",
            false,
        ),
    ];
    for (name, sql, _) in views {
        project.write(&format!("queries/marts/{name}.sql"), sql);
    }
    let persons = project.sql("SELECT DISTINCT name FROM residents WHERE char_length(name) > 1");
    for (name, _, is_personal) in views {
        let row = project.sql(&format!("SELECT grid_code, x FROM {name} WHERE x IS NOT NULL LIMIT 1"));
        let (grid, value) = row.split_once(',').expect("a row");
        let value = value.trim_matches('"');
        let formats = if name == "v_any" { &["table", "json"][..] } else { &["json"][..] };
        for format in formats {
            let asked = ["explain", name, "x", "-w", &format!("grid_code={grid}"), "--format", format];
            let said = project.run(&asked).expect(0).stdout;
            assert_eq!(!said.contains(value), is_personal, "{name}: {said}");
            assert!(!is_personal || !persons.lines().any(|person| said.contains(person)), "{name}: {said}");
            assert!(!said.contains(":0:0"), "{name}: {said}");
        }
    }
    // What tells a group, in the row, in the list and where the list ends in a view that is named by persons.
    project.write("queries/marts/v_who.sql", "SELECT name AS who, count(*) AS n FROM residents GROUP BY name");
    project.write(
        "queries/marts/v_sum.sql",
        "SELECT sum(m) AS n FROM (SELECT who, n / 1 AS m FROM v_who ORDER BY n DESC, who LIMIT 9) AS t",
    );
    let who = project.sql("SELECT who FROM v_who WHERE char_length(who) > 2 ORDER BY n DESC, who LIMIT 1");
    for format in ["table", "json"] {
        let row = format!("who={who}");
        let said = project.run(&["explain", "v_who", "n", "-w", &row, "--all", "--format", format]).expect(0).stdout;
        assert!(!said.contains(&who) && said.contains("residents"), "{format}: {said}");
        let said = project.run(&["explain", "v_sum", "n", "--all", "--format", format]).expect(0).stdout;
        assert!(!persons.lines().any(|person| said.contains(person)), "{format}: {said}");
    }
}

#[test]
fn a_sum_of_a_cross_tab_is_its_parts_and_a_row_list_has_a_range() {
    let project = Project::sample();
    let file = "outbox/2024-06-27/重点人群分类统计表.xlsx";
    let listed = project.run(&["explain", file, "--format", "json"]).expect(0).stdout;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("JSON");
    let sum = listed
        .iter()
        .find(|row| row["made_of"] == "sum of special_group_by_subdistrict_tag.tag_person_count")
        .expect("the sum can be asked for");
    let (cell, _) = sum["cells"].as_str().expect("cells").split_once(':').expect("several rows");
    let cell = format!("{}!{cell}", sum["sheet"].as_str().expect("a sheet"));
    let text = project.run(&["explain", file, &cell, "--format", "json", "--all"]).expect(0).stdout;
    let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let parts = answer["figure"]["made"]["sum"].as_array().expect("parts");
    let counts: Vec<i64> = parts.iter().filter_map(|part| part[1]["value"].as_i64()).collect();
    assert_eq!(answer["cell"]["shown"], counts.iter().sum::<i64>().to_string());
    assert_eq!(answer["figure"]["value"], counts.iter().sum::<i64>());
    let behind: i64 = answer["rows"].as_array().expect("lists").iter().filter_map(|rows| rows["of"].as_i64()).sum();
    assert!(counts.len() > 2 && behind == counts.iter().sum::<i64>(), "{text}");
    let ledger = "outbox/2024-06-27/居民台账";
    let ledger = std::fs::read_dir(project.path(ledger)).expect("ledgers").flatten().map(|entry| entry.path());
    let ledger = ledger.into_iter().find(|path| path.extension().is_some_and(|e| e == "xlsx")).expect("a ledger");
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(&ledger).expect("a workbook");
    let tab = calamine::Reader::sheet_names(&book)[0].clone();
    let last = calamine::Reader::worksheet_range(&mut book, &tab).expect("a sheet").end().expect("rows").0 + 1;
    let listed = project.run(&["explain", ledger.to_str().expect("a path"), "--format", "json"]).expect(0).stdout;
    let ranges: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("JSON");
    let rows = |cells: &str| -> Option<(u32, u32)> {
        let (from, to) = cells.split_once(':')?;
        let row = |cell: &str| cell.trim_start_matches(|sign: char| sign.is_ascii_alphabetic()).parse().ok();
        Some((row(from)?, row(to)?))
    };
    let reach = ranges.iter().filter_map(|row| rows(row["cells"].as_str()?)).map(|(_, to)| to).max().expect("ranges");
    assert!(last - reach <= 8, "row {reach} of {last}: {listed}");
}

#[test]
fn conditions_of_several_ways_to_a_row_are_alternatives() {
    let project = Project::sample();
    let said = |column: &str| {
        let grid = project.sql("SELECT grid_code FROM visit_by_grid ORDER BY dwellings_due DESC LIMIT 1");
        let row = format!("grid_code={grid}");
        project.run(&["explain", "visit_by_grid", column, "-w", &row]).expect(0).stdout
    };
    let due = project.run(&["explain", "visit_by_place", "objects_due", "-w", "place_level=district"]).expect(0).stdout;
    assert!(due.contains("filter  (stg_dwellings.use = '自住') OR (stg_dwellings.is_rental)"), "{due}");
    assert!(!due.contains("filter  stg_dwellings.use"), "{due}");
    // A dwelling was seen itself, or somebody who lives there.
    let seen = said("dwellings_seen_180d");
    let ways: Vec<&str> = seen.lines().map(str::trim).filter(|line| ["either", "or"].contains(line)).collect();
    assert_eq!(ways, ["either", "or"], "{seen}");
    let (_, ways) = seen.split_once("either").expect("two ways");
    let (first, second) = ways.split_once("or\n").expect("two ways");
    assert!(first.contains("subject_kind = '房屋'") && second.contains("subject_kind = '居民'"), "{seen}");
}

#[test]
fn the_case_that_picks_the_rows_is_a_condition_of_them() {
    let project = Project::sample();
    let view = "SELECT grid_code, sum(CASE WHEN use = '自住' THEN 1 ELSE 0 END) AS added, \
        count(CASE WHEN use = '自住' THEN 1 END) AS counted, \
        count(DISTINCT CASE WHEN use = '自住' THEN dwelling_id END) AS things, \
        sum(CASE WHEN use = '自住' THEN 1 WHEN is_rental THEN 1 ELSE 0 END) AS either, \
        sum(CASE WHEN use = '自住' THEN 2 ELSE 1 END) AS every \
        FROM stg_dwellings GROUP BY grid_code";
    project.write("queries/marts/dwellings_by_use.sql", view);
    project.write(
        "queries/marts/dwellings_owned.sql",
        "SELECT sum(CASE WHEN grid_code <> '' THEN counted ELSE 0 END) AS owned FROM dwellings_by_use",
    );
    let grid = project.sql("SELECT grid_code FROM dwellings_by_use WHERE counted > 0 LIMIT 1");
    let filters = |said: String| -> Vec<String> {
        assert!(said.contains("rows of dwellings come to it"), "{said}");
        let lines = said.lines().filter_map(|line| line.trim().strip_prefix("filter  "));
        lines.map(|line| line.split("   ").next().unwrap_or_default().to_owned()).collect()
    };
    let own = "stg_dwellings.use = '自住'";
    for (column, expected) in [
        ("added", vec![own.to_owned()]),
        ("counted", vec![own.to_owned()]),
        ("things", vec![own.to_owned()]),
        ("every", Vec::new()),
    ] {
        let row = format!("grid_code={grid}");
        assert_eq!(
            filters(project.run(&["explain", "dwellings_by_use", column, "-w", &row]).expect(0).stdout),
            expected
        );
    }
    let row = format!("grid_code={grid}");
    let either = project.run(&["explain", "dwellings_by_use", "either", "-w", &row]).expect(0).stdout;
    assert!(either.contains(&format!("({own}) IS NOT TRUE")) && either.contains("or\n"), "{either}");
    let owned = filters(project.run(&["explain", "dwellings_owned", "owned"]).expect(0).stdout);
    assert_eq!(owned, ["dwellings_by_use.grid_code <> ''", own]);
}

#[test]
fn a_figure_of_changed_sql_shows_what_the_file_shows_and_what_today_would() {
    let project = Project::sample();
    let view = "queries/marts/visit_by_grid.sql";
    let sql = std::fs::read_to_string(project.path(view)).expect("a view");
    let file = "outbox/2024-06-27/民情日志统计.xlsx";
    let listed = project.run(&["explain", file, "--format", "json"]).expect(0).stdout;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("JSON");
    let column = listed.iter().find(|row| row["made_of"] == "visit_by_place.visit_count_month").expect("visits");
    let (_, cell) = column["cells"].as_str().expect("cells").split_once(':').expect("several rows");
    let cell = format!("{}!{cell}", column["sheet"].as_str().expect("a sheet"));
    let shown = |format: &str| project.run(&["explain", file, &cell, "--format", format]).expect(0).stdout;
    let answer = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let before = answer(&shown("json"));
    assert!(before["cell"].get("today").is_none(), "{before}");
    project.write(view, sql.replace("coalesce(c.visit_count_month, 0)", "coalesce(c.visit_count_month, 0) + 1"));
    let after = answer(&shown("json"));
    assert_eq!(after["cell"]["shown"], before["cell"]["shown"], "{after}");
    assert_ne!(after["figure"]["value"], before["figure"]["value"], "{after}");
    let text = shown("table");
    let today = text.lines().find_map(|line| line.strip_prefix("  today ")).expect("today's value");
    assert!(today.trim().starts_with(&after["figure"]["value"].to_string()), "{text}");
    assert!(today.contains("SQL has changed") && today.contains("marts/visit_by_grid.sql"), "{text}");
    // A figure of a text is found by its sentence.
    let page = "outbox/2024-06-27/每日要情.md";
    let listed = project.run(&["explain", page, "--format", "json"]).expect(0).stdout;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("JSON");
    assert!(!listed.is_empty());
    // One of a table in a text is not: that is said, and today's value is not taken for the file's.
    let pages = std::fs::read_dir(project.path("outbox/2024-06-27/数据质量通报")).expect("a folder");
    let pages = pages.map(|page| page.expect("a file").path().display().to_string());
    let page = pages.filter(|page| page.ends_with(".md")).min().expect("a page");
    let listed = project.run(&["explain", &page, "--format", "json"]).expect(0).stdout;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("JSON");
    let is_of_table = |row: &&serde_json::Value| row["said_in"].as_str().is_some_and(|said| said.ends_with("/得分"));
    let row = listed.iter().find(is_of_table).expect("a table");
    let (view, _) = row["made_of"].as_str().and_then(|made| made.split_once('.')).expect("a view");
    let view = format!("queries/marts/{view}.sql");
    let sql = std::fs::read_to_string(project.path(&view)).expect("a view");
    project.write(&view, format!("{sql}-- 注\n"));
    let text = project.run(&["explain", &page, row["figure"].as_str().expect("a name")]).expect(0).stdout;
    for part in ["what it shows there cannot be told", "\n  today      "] {
        assert!(text.contains(part) && !text.contains('?'), "{part}: {text}");
    }
}

/// Table versions count in every warehouse alike.
#[test]
fn a_file_of_another_warehouse_is_said_to_be_one() {
    let project = |seats: u32| {
        let project = Project::new();
        for folder in ["queries", "data/contracts", "data/reference", "report-templates"] {
            std::fs::remove_dir_all(project.path(folder)).expect("a folder");
        }
        for file in ["data/contracts/code_lists.odcs.yaml", "data/reference/code_lists.csv"] {
            project.write(file, std::fs::read(crate::support::repository().join(file)).expect("a file"));
        }
        project.write(
            "data/contracts/benches.odcs.yaml",
            "{apiVersion: v3.1.0, kind: DataContract, id: x, name: 长椅, version: 1.0.0, status: active, schema: [{name: benches, businessName: 长椅, logicalType: object, physicalType: table, customProperties: [{property: files, value: [benches]}, {property: versionColumn, value: updated_at}], properties: [{name: bench_id, businessName: 编号, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}, {name: seats, businessName: 座位数, logicalType: integer}, {name: updated_at, businessName: 更新时间, logicalType: timestamp, required: true}]}]}",
        );
        project.write("queries/staging/stg_benches.sql", "SELECT bench_id, seats FROM benches");
        project.write("queries/marts/seats.sql", "SELECT count(*) AS bench_count FROM stg_benches");
        project.write(
            "report-templates/seats/report.yml",
            "{title: 座位, description: 座位, period: day, datasets: {seats: {view: seats, order_by: [bench_count]}}, outputs: [{summary: seats.md.j2, file: 座位}]}",
        );
        project.write("report-templates/seats/seats.md.j2", "# 座位\n\n共{{ seats[0].bench_count }}张长椅。\n");
        project.write("inbox/benches.csv", format!("编号,座位数,更新时间\nB1,{seats},2024-03-01 09:00:00\n"));
        project.run(&["nightly", "--as-of", "2024-03-31"]).expect(0);
        project
    };
    let (own, other) = (project(3), project(4));
    let (file, record) = ("outbox/2024-03-31/座位.md", "outbox/2024-03-31/座位.md.json");
    let snapshot = |project: &Project| {
        let text = std::fs::read_to_string(project.path(record)).expect("a record");
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["snapshot"].clone()
    };
    assert_eq!(snapshot(&own), snapshot(&other), "the versions are the same");
    let stray = |name: &str| {
        for (from, to) in [(file, format!("{name}.md")), (record, format!("{name}.md.json"))] {
            std::fs::copy(other.path(from), own.path(&to)).expect("a copy");
        }
        format!("{name}.md")
    };
    // The same bytes, and bytes that are none known here, for somebody has corrected a figure.
    let (sent, corrected) = (stray("sent"), stray("corrected"));
    let text = std::fs::read_to_string(own.path(&corrected)).expect("a text");
    own.write(&corrected, text.replace("1张", "2张"));
    assert_eq!(text, std::fs::read_to_string(own.path(file)).expect("a text"), "they say the same");
    for stray in [&sent, &corrected] {
        for asked in [vec!["explain", stray, "f1"], vec!["reproduce", stray], vec!["verify", stray]] {
            let run = own.run(&asked).expect(1);
            assert!(run.stderr.contains("was made from another warehouse"), "{asked:?} {}{}", run.stdout, run.stderr);
        }
    }
    own.run(&["reproduce", file]).expect(0);
}
