//! A month is closed, its records are corrected later, and reports print the figures it was closed with beside those of
//! today. What both have to be is counted here from the delivered rows.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Project, command, contents, copy, documents};

/// A delivered whistle with one task, in the columns of both deliveries. Times are `month-day`.
#[derive(Clone)]
struct Whistle {
    id: &'static str,
    level: &'static str,
    department: &'static str,
    reported: &'static str,
    due: &'static str,
    closed: &'static str,
    is_void: bool,
}

fn whistle(
    id: &'static str,
    level: &'static str,
    department: &'static str,
    [reported, due, closed]: [&'static str; 3],
) -> Whistle {
    Whistle { id, level, department, reported, due, closed, is_void: false }
}

const FIRST: &str = "城管执法大队";
const SECOND: &str = "住房城乡建设局";

fn known_in_may() -> Vec<Whistle> {
    vec![
        whistle("WA1", "日常哨", FIRST, ["04-20", "04-27", "04-25"]),
        whistle("WA2", "日常哨", SECOND, ["04-28", "05-06", "05-07"]),
        whistle("WM1", "日常哨", FIRST, ["05-02", "05-09", "05-08"]),
        whistle("WM2", "日常哨", FIRST, ["05-10", "05-17", "05-20"]),
        whistle("WM3", "区级哨", SECOND, ["05-12", "05-19", "05-15"]),
        whistle("WM4", "区级哨", SECOND, ["05-20", "05-27", ""]),
        whistle("WM5", "日常哨", SECOND, ["05-25", "06-03", ""]),
    ]
}

fn of_june() -> Vec<Whistle> {
    let mut rows = known_in_may();
    // What goes on in June is no correction of May.
    rows[6].closed = "06-02";
    rows.push(whistle("WJ1", "日常哨", FIRST, ["06-03", "06-10", "06-09"]));
    rows.push(whistle("WJ2", "区级哨", SECOND, ["06-04", "06-11", "06-12"]));
    rows
}

/// Two of May that nobody had delivered, one that was on time after all, and one that is void.
fn corrected() -> Vec<Whistle> {
    let mut rows = of_june();
    rows.push(whistle("WM6", "日常哨", FIRST, ["05-18", "05-25", "05-30"]));
    rows.push(whistle("WM7", "区级哨", SECOND, ["05-22", "05-29", "05-28"]));
    rows[3].closed = "05-16";
    rows[4].is_void = true;
    rows
}

fn time(day: &str) -> String {
    if day.is_empty() { String::new() } else { format!("2024-{day} 10:00:00") }
}

/// Both deliveries of a night.
fn deliver(project: &Project, night: &str, rows: &[Whistle]) {
    let mut whistles = String::from(
        "whistle_id,level,source,category,title,grid_code,address,reported_at,accepted_at,dispatched_at,responded_at,due_at,closed_at,settled_at,department,status,extended_to,suspended_at,resumed_at,extension_count,return_count,rework_count,suspend_reason,satisfaction,updated_at\n",
    );
    let mut tasks = String::from(
        "task_id,whistle_id,department,role,dispatched_at,responded_at,arrived_at,due_at,closed_at,returned_at,status,updated_at\n",
    );
    for row in rows {
        let (reported, due, closed) = (time(row.reported), time(row.due), time(row.closed));
        let status = match (row.is_void, row.closed) {
            (true, _) => "已作废",
            (_, "") => "处置中",
            _ => "已结案",
        };
        whistles.push_str(&format!(
            "{},{},网格巡查,噪声扰民,广场舞音响声音过大,430105001007002,车站北路977号,{reported},{reported},{reported},{reported},{due},{closed},{closed},{},{status},,,,0,0,0,,,{night} 20:00:00\n",
            row.id, row.level, row.department
        ));
        let status = if row.closed.is_empty() { "处置中" } else { "已办结" };
        tasks.push_str(&format!(
            "T{},{},{},主办,{reported},{reported},,{due},{closed},,{status},{night} 20:00:00\n",
            row.id, row.id, row.department
        ));
    }
    let date = night.replace('-', "");
    project.write(&format!("inbox/whistles_{date}.csv"), whistles);
    project.write(&format!("inbox/whistle_tasks_{date}.csv"), tasks);
}

fn night(project: &Project, date: &str, rows: &[Whistle]) {
    deliver(project, date, rows);
    project.run(&["nightly", "--as-of", date]).expect(0);
}

/// A project with the reports at hand and the last night of May.
fn may() -> Project {
    let project = Project::new();
    for entry in std::fs::read_dir(project.path("report-templates")).expect("templates").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !["whistle_bulletin", "daily_brief", "decision_brief", "pictures"].contains(&&*name)
        {
            std::fs::remove_dir_all(entry.path()).expect("removed");
        }
    }
    night(&project, "2024-05-31", &known_in_may());
    project
}

/// May and two nights of June, May closed in between, and its records corrected before the last.
pub fn revised() -> Project {
    static MADE: std::sync::OnceLock<Project> = std::sync::OnceLock::new();
    let made = MADE.get_or_init(|| {
        let project = may();
        night(&project, "2024-06-12", &of_june());
        project.run(&["close", "2024-05"]).expect(0);
        night(&project, "2024-06-30", &corrected());
        project
    });
    let project = Project::new();
    std::fs::remove_dir_all(project.root()).expect("an empty folder");
    copy(made.root(), project.root());
    project
}

/// Figures of May, counted from the delivered rows as of its last day, by level.
fn counted(rows: &[Whistle]) -> BTreeMap<(String, &'static str), f64> {
    let is_may = |day: &str| day.starts_with("05-");
    let is_by_may = |day: &str| !day.is_empty() && day < "06-01";
    let mut figures = BTreeMap::new();
    for level in ["日常哨", "区级哨", "合计"] {
        let of_level = || {
            rows.iter().filter(|row| !row.is_void && row.reported < "06-01" && (level == "合计" || row.level == level))
        };
        let count = |wanted: &dyn Fn(&Whistle) -> bool| of_level().filter(|row| wanted(row)).count() as f64;
        let due = count(&|row| is_may(row.due));
        let on_time = count(&|row| is_may(row.due) && is_by_may(row.closed) && row.closed <= row.due);
        let reported = count(&|row| is_may(row.reported));
        let mut put = |column, value: f64| figures.insert((level.to_owned(), column), value);
        put("opening_count", count(&|row| row.reported < "05-01" && !(is_by_may(row.closed) && row.closed < "05-01")));
        put("reported_count", reported);
        put("closed_count", count(&|row| is_may(row.closed)));
        put("open_count", count(&|row| !is_by_may(row.closed)));
        put("due_count", due);
        put("due_on_time_count", on_time);
        put("due_late_count", due - on_time);
        if due > 0.0 {
            put("on_time_rate", on_time / due);
        }
        let closed = count(&|row| is_may(row.reported) && is_by_may(row.closed));
        put("reported_closed_count", closed);
        if reported > 0.0 {
            put("closing_rate_a", closed / reported);
        }
    }
    figures
}

fn rows(project: &Project, sql: &str) -> Vec<Value> {
    serde_json::from_str(&project.run(&["sql", "-c", sql, "--format", "json"]).expect(0).stdout).expect("JSON")
}

/// A figure by row and column, of the columns that are counted here.
fn figures(project: &Project, sql: &str, column: &str) -> BTreeMap<(String, String), Option<f64>> {
    let known: BTreeSet<&str> = counted(&known_in_may()).into_keys().map(|(_, column)| column).collect();
    let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
    rows(project, sql)
        .iter()
        .filter(|row| known.contains(row["column_name"].as_str().expect("a column")))
        .map(|row| ((text(row, "row_key"), text(row, "column_name")), row[column].as_f64()))
        .collect()
}

fn page(project: &Project, date: &str, name: &str) -> String {
    std::fs::read_to_string(project.path("outbox").join(date).join(name)).expect("a page")
}

#[test]
fn a_closed_month_keeps_its_figures_and_corrections_stand_beside_them() {
    let project = revised();
    let (before, after) = (counted(&known_in_may()), counted(&corrected()));
    let frozen = figures(
        &project,
        "SELECT * FROM closed_figures WHERE month = '2024-05' AND view_name = 'whistle_by_period'",
        "value",
    );
    for ((level, column), value) in &before {
        let found = frozen.get(&(level.clone(), (*column).to_owned())).copied().flatten();
        assert_eq!(found, Some(*value), "{level} {column}");
    }
    // The rows of the view are those figures that differ, no more and no less.
    let sql = "SELECT * FROM closed_figure_revision WHERE view_name = 'whistle_by_period'";
    let (original, now) = (figures(&project, sql, "original_value"), figures(&project, sql, "revised_value"));
    let places: BTreeSet<&(String, &str)> = before.keys().chain(after.keys()).collect();
    let mut differing = 0;
    for place in places {
        let (was, is) = (before.get(place).copied(), after.get(place).copied());
        let key = (place.0.clone(), place.1.to_owned());
        if was == is {
            assert!(!original.contains_key(&key), "{key:?} is the same");
        } else {
            differing += 1;
            assert_eq!((original.get(&key), now.get(&key)), (Some(&was), Some(&is)), "{key:?}");
        }
    }
    assert_eq!(original.len(), differing);
    assert!(differing > 8, "{differing} figures differ");

    // A month that has been closed is what June is compared with, and the one delivery that came since is named.
    let [row] =
        &rows(&project, "SELECT * FROM whistle_period_headline WHERE period_kind = 'month' AND level = '合计'")[..]
    else {
        panic!("one row")
    };
    let total = |figures: &BTreeMap<(String, &'static str), f64>, column| figures[&("合计".to_owned(), column)];
    assert_eq!(row["due_count_previous"].as_f64(), Some(total(&before, "due_count")));
    assert_eq!(row["on_time_rate_previous"].as_f64(), Some(total(&before, "on_time_rate")));
    assert_eq!(row["on_time_rate_previous_revised"].as_f64(), Some(total(&after, "on_time_rate")));
    let named = project.sql("SELECT DISTINCT delivery_count, deliveries, is_redefined FROM closed_figure_revision WHERE view_name = 'whistle_by_period'");
    assert_eq!(named, "1,whistles_20240630.csv,false");
    // A frozen figure is explained by the rows of then, one of which is void by now.
    let asked =
        ["explain", "whistle_by_period", "due_count", "-w", "period_kind=month", "-w", "period_window=previous"];
    let answer = project.run(&[&asked[..], &["-w", "level=合计"]].concat()).expect(0).stdout;
    let rows_of = format!("{} rows of whistles come to it", total(&before, "due_count"));
    assert!(answer.contains(&rows_of) && answer.contains("as of      2024-05-31"), "{answer}");
    assert!(answer.contains("WM3") && !answer.contains("WM7") && answer.contains("whistles_20240531.csv"), "{answer}");
    // A comparison with it says both values, and how to see the rows of then.
    let asked = [
        "explain",
        "whistle_period_headline",
        "on_time_period_on_period_points",
        "-w",
        "period_kind=month",
        "-w",
        "level=合计",
    ];
    let answer = project.run(&asked).expect(0).stdout;
    let said = format!(
        "2024-05 is closed with {}; by the records of today, as below, it would be {}",
        total(&before, "on_time_rate"),
        total(&after, "on_time_rate")
    );
    assert!(answer.contains(&said), "{said}\n{answer}");
    let command = answer.lines().find_map(|line| line.split_once("the rows of then: gridhouse ")).expect("a command").1;
    let words: Vec<String> = command.split(' ').map(|word| word.replace('\'', "")).collect();
    let then = project.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(0).stdout;
    assert!(then.contains("WM3") && !then.contains("WM7") && then.contains(&rows_of), "{then}");
    // Both values of a revision are asked for themselves: the rows of then, and those of today.
    let page = "outbox/2024-06-30/吹哨办理通报/月通报.md";
    let listed = project.run(&["explain", page, "--format", "json"]).expect(0).stdout;
    let listed: Vec<Value> = serde_json::from_str(&listed).expect("JSON");
    for (column, then, first) in [("original", &before, "come to it"), ("revised", &after, "WM7")] {
        let made = format!("closed_figure_revision_list.{column}");
        let shown = total(then, "due_count").to_string();
        let said = listed.iter().filter(|row| row["made_of"] == made.as_str() && row["shown"] == shown.as_str());
        let answers: Vec<String> = said
            .map(|row| project.run(&["explain", page, row["figure"].as_str().expect("f")]).expect(0).stdout)
            .collect();
        let rows_of = format!("{shown} rows of whistle_tasks come to it");
        let answer =
            answers.iter().find(|answer| answer.contains("column_name=due_count") || answer.contains(&rows_of));
        let answer = answer.unwrap_or_else(|| panic!("{made} {shown}: {answers:?}"));
        assert!(answer.contains(&rows_of) && answer.contains(first), "{answer}");
        assert_eq!(answer.contains("WM7"), column == "revised", "{answer}");
    }
    // Units: one task each.
    let unit =
        "SELECT new_count FROM whistle_by_department_period WHERE period_kind = 'month' AND period_window = 'previous'";
    let tasks = |rows: &[Whistle], unit| {
        rows.iter().filter(|row| !row.is_void && row.department == unit && row.reported.starts_with("05-")).count()
    };
    for department in [FIRST, SECOND] {
        let found = project.sql(&format!("{unit} AND department = '{department}'"));
        assert_eq!(found, tasks(&known_in_may(), department).to_string(), "{department}");
        let sql = format!(
            "SELECT original_value, revised_value FROM closed_figure_revision WHERE view_name = 'whistle_by_department_period' AND row_name LIKE '%{department}' AND column_name = 'new_count'"
        );
        let (was, is) = (tasks(&known_in_may(), department), tasks(&corrected(), department));
        let expected = if was == is { String::new() } else { format!("{was}.0,{is}.0") };
        assert_eq!(project.sql(&sql), expected, "{department}");
    }
    // The lines of a frozen score come to it, and what they were corrected by to the correction of the score.
    let lines = project.sql(
        "SELECT department, round_half_up(sum(score_points) FILTER (WHERE row_level = 'item'), 2), max(score_points) \
         FILTER (WHERE row_level = 'total') FROM score_detail_by_department_period WHERE period_kind = 'month' \
         AND period_window = 'previous' GROUP BY department ORDER BY department",
    );
    let frozen_scores = project.sql(
        "SELECT department, score, score AS again FROM whistle_by_department_period WHERE period_kind = 'month' \
         AND period_window = 'previous' AND row_level = 'unit' AND score IS NOT NULL ORDER BY department",
    );
    assert_eq!((lines.lines().count(), &lines), (2, &frozen_scores));
    let corrected_by = |level: &str| {
        let sql = format!(
            "SELECT round_half_up(sum(coalesce(revised_value, 0) - coalesce(original_value, 0)), 2) \
             FROM closed_figure_revision WHERE view_name = 'score_detail_by_department_period' \
             AND column_name = 'score_points' AND row_key LIKE '%/{level}/%'"
        );
        project.sql(&sql)
    };
    assert_eq!(corrected_by("item"), corrected_by("total"));
    assert!(corrected_by("total").parse::<f64>().is_ok_and(|points| points != 0.0), "{}", corrected_by("total"));
    // What is left of a change that parts do not explain is what was corrected.
    let sql = "SELECT sum(contribution) FROM change_contribution WHERE period_kind = 'month' AND indicator = 'whistle_late' AND dimension = 'department'";
    let june_late = of_june()
        .iter()
        .filter(|row| row.due.starts_with("06-") && (row.closed.is_empty() || row.closed > row.due))
        .count() as f64;
    assert_eq!(project.sql(sql), format!("{:.1}", june_late - total(&before, "due_late_count")));
    assert_eq!(
        project.sql("SELECT DISTINCT member_name FROM change_contribution WHERE member_code = '修订'"),
        "上期数修订"
    );
}

#[test]
fn pages_print_both_values_and_nothing_where_there_is_nothing_to_say() {
    let project = revised();
    let (before, after) = (counted(&known_in_may()), counted(&corrected()));
    let figure = |figures: &BTreeMap<(String, &'static str), f64>, column| figures[&("合计".to_owned(), column)];
    let text = page(&project, "2024-06-30", "吹哨办理通报/月通报.md");
    let due = |figures| figure(figures, "due_count") as i64;
    let line = format!(
        "| 2024年5月 | 各时期吹哨统计 | 应办结（件） | {} | {} | {} |",
        due(&before),
        due(&after),
        due(&after) - due(&before)
    );
    assert!(text.contains("月度数据修订说明") && text.contains(&line), "{line}\n{text}");
    let percent = |figures| format!("{:.2}%", 100.0 * figure(figures, "on_time_rate"));
    let beside = format!("（2024年5月按期办结率结账数{}，修订数{}）", percent(&before), percent(&after));
    assert!(text.contains(&beside), "{beside}\n{text}");
    let sheet = |date: &str, name: &str| {
        let file = std::fs::File::open(project.path("outbox").join(date).join(name)).expect("a workbook");
        let mut archive = zip::ZipArchive::new(file).expect("a package");
        let mut xml = String::new();
        std::io::Read::read_to_string(&mut archive.by_name("xl/workbook.xml").expect("a part"), &mut xml)
            .expect("a text");
        xml
    };
    assert!(sheet("2024-06-30", "吹哨办理通报/月通报附表.xlsx").contains("2024年5月修订"));
    // Neither in the bulletins of other periods nor before anything was corrected.
    for (date, name) in [("2024-06-30", "周"), ("2024-06-30", "半年"), ("2024-06-12", "月")] {
        let text = page(&project, date, &format!("吹哨办理通报/{name}通报.md"));
        assert!(!text.contains("月度数据修订说明") && text.contains("按结账数比较"), "{date} {name}\n{text}");
        assert!(!sheet(date, &format!("吹哨办理通报/{name}通报附表.xlsx")).contains("修订"), "{date} {name}");
    }
}

#[test]
fn files_that_were_issued_come_out_the_same_and_upkeep_leaves_what_they_need() {
    let project = revised();
    let before = documents(&project.path("outbox/2024-05-31"));
    assert!(before.len() > 10);
    crate::provenance::make_old(&project);
    // Nothing but the closed month keeps its versions.
    std::fs::remove_dir_all(project.path("warehouse/.issued")).expect("no register");
    std::fs::rename(project.path("warehouse/runs"), project.path("runs")).expect("no runs");
    project.run(&["upkeep"]).expect(0);
    std::fs::rename(project.path("runs"), project.path("warehouse/runs")).expect("runs");
    let versions: BTreeMap<String, u64> = serde_json::from_str(
        &project.sql("SELECT DISTINCT tables FROM closed_figures").trim_matches('"').replace("\"\"", "\""),
    )
    .expect("versions");
    assert!(versions.contains_key("whistles") && !versions.contains_key("residents"), "{versions:?}");
    project.run(&["report", "--as-of", "2024-05-31", "--out", "again", "whistle_bulletin"]).expect(0);
    for (path, bytes) in documents(&project.path("again")) {
        let issued = before.iter().find(|(known, _)| *known == path).expect("the same files");
        assert!(issued.1 == bytes, "{}", path.display());
    }
    project.run(&["fsck"]).expect(0);
}

#[test]
fn a_month_is_closed_once() {
    let project = may();
    let refused = project.run(&["close", "2024-06"]).expect(1);
    assert!(refused.stderr.contains("no night of 2024-06-30 or later has run"), "{}", refused.stderr);
    let refused = project.run(&["close", "2999-12"]).expect(1);
    assert!(refused.stderr.contains("2999-12 has not ended: today is "), "{}", refused.stderr);
    assert!(project.run(&["close", "2024-5"]).expect(1).stderr.contains("no month such as 2024-05"));
    assert!(Project::new().run(&["close", "2024-05"]).expect(1).stderr.contains("no published figures"));
    assert!(project.run(&["close", "--list"]).expect(0).stderr.contains("no month is closed yet"));

    project.run(&["close", "2024-05"]).expect(0);
    let listed = project.run(&["close", "--list", "--format", "csv"]).expect(0).stdout;
    assert!(listed.lines().nth(1).is_some_and(|line| line.starts_with("2024-05,")), "{listed}");
    assert!(project.run(&["close", "2024-05"]).expect(0).stderr.contains("nothing differs"));
    // The month's own reports are out.
    let outbox = contents(&project.path("outbox"));
    deliver(&project, "2024-05-31", &corrected());
    let refused = project.run(&["nightly", "--as-of", "2024-05-31"]).expect(1);
    assert!(refused.stderr.contains("2024-05 was closed at"), "{}", refused.stderr);
    let refused = project.run(&["report", "daily_brief"]).expect(1);
    assert!(refused.stderr.contains("2024-05 was closed at"), "{}", refused.stderr);
    assert!(outbox == contents(&project.path("outbox")), "reports of a closed month were touched");

    project.run(&["nightly", "--as-of", "2024-06-01"]).expect(0);
    let refused = project.run(&["close", "2024-05"]).expect(1);
    assert!(refused.stderr.contains("a closed month is not opened again"), "{}", refused.stderr);
    // Figures that are gone are missed.
    let table = project.path("warehouse/closed_figures");
    std::fs::remove_dir_all(&table).expect("removed");
    let lost = project.run(&["fsck"]).expect(2);
    assert!(lost.stderr.contains("the table of closed months is gone"), "{}", lost.stderr);
    project.run(&["nightly", "--as-of", "2024-06-02"]).expect(2);
}

#[test]
fn killed_while_closing_a_month_is_closed_or_not() {
    let project = may();
    let columns = "SELECT month, view_name, row_key, row_name, row_number, column_name, value, text, run_id, as_of, snapshot_id, tables, definition FROM closed_figures ORDER BY 2, 3, 6";
    let undisturbed = Project::new();
    std::fs::remove_dir_all(undisturbed.root()).expect("an empty folder");
    copy(project.root(), undisturbed.root());
    let clock = Instant::now();
    undisturbed.run(&["close", "2024-05"]).expect(0);
    let whole = clock.elapsed();
    let expected = undisturbed.sql(columns);
    assert!(expected.lines().count() > 1_000);
    let mut killed = 0;
    for step in 1..=12_u32 {
        let project = Project::new();
        std::fs::remove_dir_all(project.root()).expect("an empty folder");
        copy(undisturbed.root(), project.root());
        std::fs::remove_dir_all(project.path("warehouse/closed_figures")).expect("not closed");
        let mut child = command(project.root(), &["close", "2024-05"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        std::thread::sleep((whole * step / 12).max(Duration::from_millis(5)));
        killed += usize::from(child.try_wait().expect("a child").is_none());
        drop(child.kill());
        child.wait().expect("a child");
        project.run(&["fsck"]).expect(0);
        let held = project.sql("SELECT count(*) FROM closed_figures");
        assert!(held == "0" || held == expected.lines().count().to_string(), "{held} figures");
        project.run(&["close", "2024-05"]).expect(0);
        assert!(project.sql(columns) == expected, "another month after a kill");
        project.run(&["fsck"]).expect(0);
    }
    assert!(killed >= 6, "only {killed} were killed while closing");
}

/// Files of months as they were last counted anew, with when each was written.
fn kept_months(project: &Project) -> BTreeMap<String, std::time::SystemTime> {
    let files = std::fs::read_dir(project.path("warehouse/.months")).expect("kept months").flatten();
    files
        .map(|file| {
            let written = file.metadata().and_then(|about| about.modified()).expect("a time");
            (file.file_name().to_string_lossy().into_owned(), written)
        })
        .collect()
}

#[test]
fn a_closed_month_is_counted_anew_only_when_its_records_change() {
    let project = may();
    night(&project, "2024-06-12", &of_june());
    project.run(&["close", "2024-05"]).expect(0);
    night(&project, "2024-06-28", &of_june());
    let first = kept_months(&project);
    assert_eq!(first.len(), 1, "{first:?}");
    let kept = |name: &str| project.path(&format!("warehouse/.months/{name}"));
    let uncorrected = std::fs::read(kept(first.keys().next().expect("a file"))).expect("a file");
    // What goes on in June leaves May alone.
    night(&project, "2024-06-29", &[whistle("WJ3", "日常哨", SECOND, ["06-20", "06-27", "06-25"])]);
    assert_eq!(kept_months(&project), first);
    // A correction of May does not.
    night(&project, "2024-06-30", &corrected());
    let second = kept_months(&project);
    assert_eq!(second.len(), 1, "{second:?}");
    assert!(second.keys().all(|name| !first.contains_key(name)), "{first:?} {second:?}");
    let sql = "SELECT revised_value FROM closed_figure_revision WHERE view_name = 'whistle_by_period' \
               AND row_key = '合计' AND column_name = 'due_count'";
    let is = counted(&corrected())[&("合计".to_owned(), "due_count")];
    assert_eq!(project.sql(sql), format!("{is:.1}"));
    // What is kept is what is read: the count without the correction in its place has nothing to say.
    let path = kept(second.keys().next().expect("a file"));
    let corrected_count = std::fs::read(&path).expect("a file");
    std::fs::write(&path, uncorrected).expect("a file");
    std::fs::remove_dir_all(project.path("warehouse/.marts")).expect("a folder");
    assert_eq!(project.sql(sql), "");
    std::fs::write(&path, corrected_count).expect("a file");
    // A file that was cut short is not.
    std::fs::write(&path, &std::fs::read(&path).expect("a file")[..100]).expect("a file");
    assert_eq!(project.sql(sql), format!("{is:.1}"));
}
