//! 吹哨办理通报 and 决策参考 of whole districts: beside figures worked out anew from the deliveries, and where there is almost
//! nothing to count.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{AS_OF, Project, readers, repository};

fn made(scale: &str, seed: &str, as_of: &str) -> Project {
    let project = Project::new();
    project.run(&["generate", "--out", "inbox", "--scale", scale, "--seed", seed]).expect(0);
    // The deliveries are moved out of the inbox; another program reads them too.
    crate::support::copy(&project.path("inbox"), &project.path("delivered"));
    project.run(&["nightly", "--as-of", as_of]).expect(0);
    project
}

fn page(project: &Project, as_of: &str, name: &str) -> String {
    std::fs::read_to_string(project.path("outbox").join(as_of).join(name)).expect("a page")
}

fn rows(project: &Project, sql: &str) -> Vec<Value> {
    serde_json::from_str(&project.run(&["sql", "-c", sql, "--format", "json"]).expect(0).stdout).expect("JSON")
}

/// What `tests/fixtures/oracles/periods.py` finds in the deliveries, by kind of period.
fn worked_out(project: &Project, as_of: &str) -> Option<BTreeMap<String, Value>> {
    let python = readers()?;
    let output = std::process::Command::new(python)
        .arg(repository().join("tests/fixtures/oracles/periods.py"))
        .args([project.path("delivered"), repository().join("data/reference")])
        .arg(as_of)
        .output()
        .expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// An unfinished month, and the last day of a half-year.
#[test]
fn published_figures_are_those_of_the_deliveries() {
    for (seed, as_of) in [("20240627", AS_OF), ("11", "2024-06-30")] {
        let project = made("0.05", seed, as_of);
        let Some(mut expected) = worked_out(&project, as_of) else { return };
        crate::scores::worked_out_anew(&project, &expected.remove("scores").expect("scores"));
        for (kind, expected) in &expected {
            headlines(&project, kind, expected);
            units(&project, kind, expected);
            late(&project, kind, expected);
            contributions(&project, kind, expected);
            printed(&project, as_of, kind, expected);
        }
    }
}

fn headlines(project: &Project, kind: &str, expected: &Value) {
    let found = rows(
        project,
        &format!(
            "SELECT concat(start_date, ' ', end_date) AS span, opening_count, reported_count, closed_count, open_count, \
             due_count, due_on_time_count FROM whistle_by_period WHERE period_kind = '{kind}' AND level = '合计' \
             ORDER BY window_sort"
        ),
    );
    assert_eq!(found.len(), 3, "{kind}");
    for (at, row) in found.iter().enumerate() {
        assert_eq!(row["span"], expected["spans"][at], "{kind}");
        for (column, key) in [
            ("opening_count", "opening"),
            ("reported_count", "reported"),
            ("closed_count", "closed"),
            ("open_count", "open"),
            ("due_count", "due"),
            ("due_on_time_count", "on_time"),
        ] {
            assert_eq!(row[column], expected["headlines"][at][key], "{kind} {at} {column}");
        }
    }
}

fn units(project: &Project, kind: &str, expected: &Value) {
    let columns = "task_count, opening_count, new_count, transferred_count, closed_count, returned_count, open_count, \
                   due_count, due_on_time_count, response_due_count, response_in_time_count, rated_count, \
                   satisfied_count, score, rank_in_kind";
    let found = rows(
        project,
        &format!(
            "SELECT department, {columns} FROM whistle_by_department_period \
             WHERE period_kind = '{kind}' AND period_window = 'current' AND row_level = 'unit'"
        ),
    );
    let expected = expected["units"].as_object().expect("units");
    assert_eq!(found.len(), expected.len(), "{kind}");
    let mut ranked = 0;
    for row in &found {
        let unit = row["department"].as_str().expect("a unit");
        for (at, column) in columns.split(", ").enumerate() {
            let (ours, theirs) = (&row[column], &expected[unit][at]);
            let is_same = ours == theirs || (number(ours) - number(theirs)).abs() < 1e-9;
            assert!(is_same, "{kind} {unit} {column}: {ours}, worked out {theirs}");
        }
        ranked += usize::from(!row["rank_in_kind"].is_null());
    }
    // A week of a small district ranks few; a half-year is to show ranks and ties of all kinds.
    assert!(kind != "half_year" || ranked > 20, "{kind}: {ranked} ranked");
}

fn late(project: &Project, kind: &str, expected: &Value) {
    let found = rows(
        project,
        &format!(
            "SELECT whistle_id, task_id, department FROM whistle_late_by_period WHERE period_kind = '{kind}' \
             ORDER BY late_order"
        ),
    );
    let found: Vec<Value> = found
        .iter()
        .map(|row| Value::from(vec![row["whistle_id"].clone(), row["task_id"].clone(), row["department"].clone()]))
        .collect();
    assert_eq!(&Value::from(found), &expected["late"], "{kind}");
}

fn contributions(project: &Project, kind: &str, expected: &Value) {
    for (indicator, dimension, key, tolerance) in [
        ("whistle_reported", "category", "reported_by_category", 1e-9),
        ("on_time_rate", "department", "on_time_by_department", 1.1e-6),
        ("visit", "subdistrict", "visits_by_subdistrict", 1e-9),
    ] {
        let found = rows(
            project,
            &format!(
                "SELECT member_name, contribution FROM change_contribution WHERE period_kind = '{kind}' \
                 AND indicator = '{indicator}' AND dimension = '{dimension}'"
            ),
        );
        let expected = expected[key].as_object().expect("contributions");
        assert_eq!(found.len(), expected.len(), "{kind} {indicator}");
        for row in &found {
            let member = row["member_name"].as_str().expect("a name");
            let gap = (number(&row["contribution"]) - number(&expected[member])).abs();
            assert!(gap < tolerance, "{kind} {indicator} {member}: {row}, worked out {}", expected[member]);
        }
    }
}

/// What stands on the page, whatever the views say.
fn printed(project: &Project, as_of: &str, kind: &str, expected: &Value) {
    let name = BTreeMap::from([("week", "周"), ("month", "月"), ("half_year", "半年")])[kind];
    let text = page(project, as_of, &format!("吹哨办理通报/{name}通报.md"));
    let [now, previous, last_year] = [0, 1, 2].map(|at| &expected["headlines"][at]);
    let reported = format!(
        "全区上报吹哨{}件，{}，{}，",
        now["reported"],
        worded("环比", "上期", &now["reported"], &previous["reported"]),
        worded("同比", "上年同期", &now["reported"], &last_year["reported"]),
    );
    assert!(text.contains(&reported), "{reported}\n{text}");
    let due = format!("应办结{}件，按期办结{}件，", now["due"], now["on_time"]);
    assert!(text.contains(&due), "{due}\n{text}");
    for (unit, figures) in expected["units"].as_object().expect("units") {
        let score = figures[13].as_f64().map_or("—".to_owned(), |score| format!("{score:.2}"));
        let rank = figures[14].as_u64().map_or("—".to_owned(), |rank| rank.to_string());
        let cells = format!("| {unit} | {} | {score} | {rank} |", figures[0]);
        // A unit without tasks stands in no table.
        assert_eq!(text.contains(&cells), figures[0] != 0, "{cells}\n{text}");
    }
    for (at, task) in expected["late"].as_array().expect("late tasks").iter().enumerate() {
        let start = format!("| {} |", task[0].as_str().expect("a number"));
        assert!(at >= 20 || text.contains(&start), "{start}\n{text}");
    }
}

fn worded(word: &str, earlier: &str, now: &Value, base: &Value) -> String {
    let (now, base) = (now.as_i64().expect("a count"), base.as_i64().expect("a count"));
    match (base, (now - base).signum()) {
        (0, _) => format!("{word}—"),
        (_, 0) => format!("与{earlier}持平"),
        (_, sign) => {
            // Tenths of a per cent, halves up, in whole numbers.
            let tenths = ((now - base).abs() * 2000 + base) / (2 * base);
            if tenths == 0 {
                return format!("与{earlier}基本持平");
            }
            format!("{word}{}{}.{}%", if sign > 0 { "上升" } else { "下降" }, tenths / 10, tenths % 10)
        }
    }
}

/// A district of some thousand records: most units have no case, no grid has enough for a rate.
#[test]
fn a_district_with_almost_nothing_to_count_is_printed_right() {
    let project = made("0.01", "7", AS_OF);
    let departments = project.sql("SELECT department FROM stg_departments ORDER BY 1");
    let mut idle = 0;
    for name in ["周", "月", "半年"] {
        let text = page(&project, AS_OF, &format!("吹哨办理通报/{name}通报.md"));
        let ranking =
            text.split("## 二、得分排名").nth(1).and_then(|rest| rest.split("## 三、").next()).expect("a ranking");
        let without: Vec<&str> = ranking.lines().filter(|line| line.starts_with("本期没有任务")).collect();
        for unit in departments.lines() {
            let in_table = ranking.contains(&format!("| {unit} |"));
            let is_idle = without.iter().any(|line| {
                line.contains(&format!("{unit}、"))
                    || line.contains(&format!("{unit}。"))
                    || line.contains(&format!("：{unit}"))
            });
            assert!(in_table != is_idle, "{name} {unit}: in the table {in_table}, without tasks {is_idle}\n{ranking}");
            idle += usize::from(is_idle);
        }
        balanced(&text);
        plain(&text);
    }
    assert!(idle > 20, "{idle} units without tasks");
    let brief = page(&project, AS_OF, "决策参考.md");
    plain(&brief);
    assert!(brief.contains("没有网格的走访覆盖明显少于所在街道其他网格。"), "{brief}");
    assert!(brief.chars().filter(|sign| !sign.is_whitespace()).count() < 4_000, "{brief}");
}

/// 期初在办 + 本期新增 = 本期办结 + 退回 + 期末在办, in the printed rows.
fn balanced(text: &str) {
    let table = text.split("任务平衡（件次）").nth(1).expect("a balance");
    let printed: Vec<Vec<i64>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("期初"))
        .map(|line| line.split('|').filter_map(|cell| cell.trim().parse().ok()).collect())
        .collect();
    assert!(printed.len() >= 2, "{table}");
    for row in &printed {
        let [opening, new, moved, closed, returned, open] = row[..] else { panic!("{row:?} of {table}") };
        assert!(opening + new == closed + returned + open && moved <= new, "{row:?}");
    }
    for column in 0..6 {
        let (parts, whole) = (&printed[..printed.len() - 1], &printed[printed.len() - 1]);
        assert_eq!(parts.iter().map(|row| row[column]).sum::<i64>(), whole[column], "{table}");
    }
}

/// No trace of a missing value, no figure with a separator.
fn plain(text: &str) {
    for wrong in ["NaN", "nan", "none", "None", "null", "inf", "undefined", "，，", "。。", "：。", "、。", "——", "-0"]
    {
        assert!(!text.contains(wrong), "`{wrong}` in\n{text}");
    }
}

/// Thresholds are data: with lower ones a small district has enough to compare, and every probability is worked out anew.
#[test]
fn probabilities_of_grids_are_those_of_long_sums() {
    let Some(python) = readers() else { return };
    let project = Project::new();
    let path = project.path("data/reference/thresholds.csv");
    let shipped = std::fs::read_to_string(&path).expect("thresholds");
    let lowered: Vec<String> = shipped
        .lines()
        .map(|line| match line.split(',').collect::<Vec<_>>()[..] {
            ["rate_whistle_count_min" | "week_whistle_count_min", label, _, ref rest @ ..] => {
                format!("{},{label},1,{}", line.split(',').next().unwrap_or_default(), rest.join(","))
            }
            ["rate_person_count_min" | "rate_object_count_min", label, _, ref rest @ ..] => {
                format!("{},{label},20,{}", line.split(',').next().unwrap_or_default(), rest.join(","))
            }
            ["unusual_probability_max", label, _, ref rest @ ..] => {
                format!("unusual_probability_max,{label},0.02,{}", rest.join(","))
            }
            _ => line.to_owned(),
        })
        .collect();
    std::fs::write(&path, lowered.join("\n") + "\n").expect("thresholds");
    project.run(&["generate", "--out", "inbox", "--scale", "0.05"]).expect(0);
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    let lists = |sql: &str| {
        let rows = rows(&project, sql).into_iter();
        let values = rows.map(|row| row.as_object().expect("a row").values().cloned().collect::<Vec<_>>());
        Value::from(values.collect::<Vec<_>>())
    };
    let given = serde_json::json!({
        "compared_min": 5,
        "week_min": 1,
        "whistle_rate": lists(
            "SELECT grid_code AS a, subdistrict_code AS b, reported_count_year AS c, person_count AS d, \
             is_whistle_rate_ranked AS e FROM grid_ranking"
        ),
        "visit_coverage": lists(
            "SELECT grid_code AS a, subdistrict_code AS b, objects_seen_180d AS c, objects_due AS d, \
             is_coverage_ranked AS e FROM grid_ranking"
        ),
        "whistle_week": lists(
            "SELECT grid_code AS a, sum(reported_count) FILTER (WHERE weeks_ago = 0) AS b, \
             sum(reported_count) FILTER (WHERE weeks_ago > 0) AS c, 12 AS d FROM whistle_by_grid_week GROUP BY grid_code"
        ),
    });
    let mut oracle = std::process::Command::new(python)
        .arg(repository().join("tests/fixtures/oracles/anomalies.py"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python starts");
    serde_json::to_writer(oracle.stdin.take().expect("a pipe"), &given).expect("counts");
    let output = oracle.wait_with_output().expect("python ends");
    assert!(output.status.success());
    let expected: BTreeMap<String, BTreeMap<String, f64>> = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut unusual = 0;
    for (indicator, expected) in &expected {
        let found = rows(
            &project,
            &format!(
                "SELECT grid_code, probability, is_anomaly FROM grid_anomaly \
                 WHERE indicator = '{indicator}' AND probability IS NOT NULL"
            ),
        );
        assert_eq!(found.len(), expected.len(), "{indicator}");
        for row in &found {
            let grid = row["grid_code"].as_str().expect("a code");
            let (ours, theirs) = (number(&row["probability"]), expected[grid]);
            assert!((ours - theirs).abs() < 1e-9, "{indicator} {grid}: {ours}, worked out {theirs}");
            assert_eq!(row["is_anomaly"], Value::from(theirs <= 0.02), "{indicator} {grid}: {theirs}");
            unusual += usize::from(theirs <= 0.02);
        }
        assert!(found.len() > 10, "{indicator}: {} grids", found.len());
    }
    assert!((1..80).contains(&unusual), "{unusual} unusual");
}
