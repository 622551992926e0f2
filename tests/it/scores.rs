//! Scores by dated rules: the points of published bulletins, rules that change between two periods, what a person decided,
//! and every score of a district worked out anew.

use serde_json::Value;

use crate::support::{AS_OF, Project, copy, repository};

const HEADER: &str = "kind,rule_type,indicator,measure,full_points,target_pct,points_per_pct,floor_points,points_per_event,\
                      points_max,valid_from,valid_to";

fn rules(project: &Project, lines: &[&str]) {
    project.write("data/reference/score_rules.csv", format!("{HEADER}\n{}\n", lines.join("\n")));
}

/// Whistles of June with one task each, closed by their limit or open beyond it.
#[derive(Default)]
struct Cases {
    whistles: Vec<String>,
    tasks: Vec<String>,
}

impl Cases {
    fn add(&mut self, department: &str, count: u32, case: impl Fn(u32) -> (bool, Option<u32>)) {
        for nth in 0..count {
            let (is_on_time, satisfaction) = case(nth);
            let number = self.whistles.len() + 1;
            let closed = if is_on_time { "2024-06-05 10:00:00" } else { "" };
            let rating = satisfaction.map(|points| points.to_string()).unwrap_or_default();
            let (status, done) = if is_on_time { ("已办结", "已办结") } else { ("处理中", "处理中") };
            self.whistles.push(format!(
                "W{number},日常哨,网格巡查,其他,测试,430105001007001,2024-06-03 09:00:00,2024-06-06 09:00:00,{closed},\
                 {department},{status},{rating},2024-06-06 12:00:00"
            ));
            self.tasks.push(format!(
                "T{number},W{number},{department},主办,2024-06-03 09:30:00,2024-06-06 09:00:00,{closed},{done},\
                 2024-06-06 12:00:00"
            ));
        }
    }

    fn land(&self, project: &Project) {
        let whistles = "whistle_id,level,source,category,title,grid_code,reported_at,due_at,closed_at,department,status,\
                        satisfaction,updated_at";
        let tasks = "task_id,whistle_id,department,role,dispatched_at,due_at,closed_at,status,updated_at";
        project.write("inbox/whistles_a.csv", format!("{whistles}\n{}\n", self.whistles.join("\n")));
        project.write("inbox/whistle_tasks_a.csv", format!("{tasks}\n{}\n", self.tasks.join("\n")));
        project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    }
}

/// Points printed in the bulletins of Lianyungang (August 2022, January 2023), and by the rule "≥90 % earns 25, a point less
/// for each point below".
#[test]
fn published_points_come_out_of_rules_and_cases() {
    let project = Project::new();
    rules(
        &project,
        &[
            "部门,,按期办结率,,15,90,1,0,,,2023-01-01,3000-01-01",
            "部门,,满意率,,25,98,0.5,12.5,,,2023-01-01,3000-01-01",
            "街道,,按期办结率,,25,90,1,0,,,2023-01-01,3000-01-01",
            "街道,,满意率,,0,98,0.5,0,,,2023-01-01,3000-01-01",
            "公共服务单位,,按期办结率,,15,90,1,0,,,2023-01-01,3000-01-01",
            "公共服务单位,,满意率,,25,98,0.5,12.5,,,2023-01-01,3000-01-01",
        ],
    );
    let mut cases = Cases::default();
    let satisfaction = [
        ("城管执法大队", 7, 8, "19.75"),
        ("住房城乡建设局", 5, 6, "17.67"),
        ("市场监管局", 3, 4, "13.50"),
        ("公安分局", 5, 7, "12.50"),
        ("消防救援大队", 1, 2, "12.50"),
    ];
    for (department, satisfied, rated, _) in satisfaction {
        cases.add(department, rated, |nth| (true, Some(if nth < satisfied { 4 } else { 3 })));
    }
    let on_time = [
        // 150 of 167 are 89.82 %.
        ("生态环境分局", 150, 167, "14.82"),
        ("芙蓉北路街道办事处", 9, 10, "25.00"),
        ("东风路街道办事处", 19, 20, "25.00"),
        ("清水塘街道办事处", 17, 20, "20.00"),
        ("望麓园街道办事处", 1, 2, "0.00"),
    ];
    for (department, closed, due, _) in on_time {
        cases.add(department, due, |nth| (nth < closed, None));
    }
    cases.land(&project);
    let points = |indicator: &str, department: &str| {
        let shown = project.sql(&format!(
            "SELECT round_half_up(points, 2) FROM score_detail_by_department_period WHERE period_kind = 'month' \
             AND period_window = 'current' AND department = '{department}' AND indicator = '{indicator}'"
        ));
        format!("{:.2}", shown.parse::<f64>().unwrap_or(f64::NAN))
    };
    for (department, satisfied, rated, published) in satisfaction {
        assert_eq!(points("满意率", department), published, "{satisfied} of {rated}");
    }
    for (department, closed, due, published) in on_time {
        assert_eq!(points("按期办结率", department), published, "{closed} of {due}");
    }
    // What is not asked of a kind is in no score, and what has no case is not held against the unit.
    let scores = project.sql(
        "SELECT department, score_year FROM whistle_by_department \
         WHERE department IN ('生态环境分局', '清水塘街道办事处') ORDER BY department_code",
    );
    assert_eq!(scores, "生态环境分局,98.8\n清水塘街道办事处,80.0");
}

fn score(project: &Project, period: &str, department: &str) -> String {
    let (kind, window) = period.split_once(' ').expect("kind and window");
    project.sql(&format!(
        "SELECT score FROM whistle_by_department_period WHERE period_kind = '{kind}' AND period_window = '{window}' \
         AND department = '{department}'"
    ))
}

/// One unit with nothing but 按期办结率 of 100 in June and in May, and what was decided about it.
#[test]
fn what_a_person_decided_counts_by_the_rule_of_the_period() {
    let project = Project::new();
    let shipped = std::fs::read_to_string(project.path("data/reference/code_lists.csv")).expect("the shipped lists");
    project.write("data/reference/code_lists.csv", format!("{shipped}考核事项,06,平台抽查不合格,,本区,6\n"));
    let line = |rule: &str, dates: &str| format!("部门,{rule},{dates}");
    let always = "2023-01-01,3000-01-01";
    let lines = [
        line("比率,按期办结率,,40,95,1,0,,", always),
        // Dearer from June on, and no longer capped; the earlier one was not ended.
        line("扣分,虚假办结,,,,,,2,3", always),
        line("扣分,虚假办结,,,,,,5,", "2024-06-01,3000-01-01"),
        line("扣分,通报批评,,,,,,,4", always),
        // A new item of a new kind of event, and one more of a known measure.
        line("扣分,抽查,平台抽查不合格,,,,,0.25,", "2024-06-01,3000-01-01"),
        line("加分,按期满分,按期办结率,2,100,,,,", "2024-06-01,3000-01-01"),
        line("加分,通报表扬,,,,,,1,", always),
        line("总分,总分,,100,,,0,,101.5", "2024-06-01,3000-01-01"),
        "街道,比率,按期办结率,,40,95,1,0,,,2023-01-01,3000-01-01".to_owned(),
        "公共服务单位,比率,按期办结率,,40,95,1,0,,,2023-01-01,3000-01-01".to_owned(),
    ];
    rules(&project, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    let mut cases = Cases::default();
    for department in ["城管执法大队", "住房城乡建设局", "市场监管局"] {
        cases.add(department, 1, |_| (true, None));
    }
    let in_may = |line: &String| line.replace("2024-06-0", "2024-05-0").replace('W', "WM").replace('T', "TM");
    cases.whistles.extend(cases.whistles.iter().map(in_may).collect::<Vec<_>>());
    cases.tasks.extend(cases.tasks.iter().map(in_may).collect::<Vec<_>>());
    project.write(
        "inbox/考核事项_甲.csv",
        "事项编号,单位,发生日期,事项,次数,分值,认定依据,状态,更新时间\n\
         E1,城管执法大队,2024-05-27,虚假办结,2,,哨件甲,已认定,2024-06-01 09:00:00\n\
         E2,城管执法大队,2024-05-10,假办结,,,哨件乙,认定,2024-06-01 09:00:00\n\
         E3,B01,2024-06-01,01,2,,哨件丙,02,2024-06-02 09:00:00\n\
         E4,城管执法大队,2024-06-27,虚假办结,1,,哨件丁,待核实,2024-06-27 09:00:00\n\
         E5,城管执法大队,2024-06-20,通报批评,,3.5,通报第3号,已认定,2024-06-21 09:00:00\n\
         E6,城管执法大队,2024-06-21,通报批评,,2,通报第4号,已认定,2024-06-22 09:00:00\n\
         E7,住房城乡建设局,2024-06-12,通报表扬,2,,通报第5号,已认定,2024-06-13 09:00:00\n\
         E8,市场监管局,2024-06-12,平台抽查不合格,401,,抽查记录,已认定,2024-06-13 09:00:00\n\
         E9,市场监管局,2024-06-12,通报表扬,1,,通报第6号,已撤销,2024-06-13 09:00:00\n\
         E10,星际事务局,2024-06-12,通报表扬,1,,通报第7号,已认定,2024-06-13 09:00:00\n\
         E11,市场监管局,2024-06-12,凭空加分,1,,通报第8号,已认定,2024-06-13 09:00:00\n\
         E12,市场监管局,2024-06-28,通报表扬,1,,通报第9号,已认定,2024-06-13 09:00:00\n",
    );
    cases.land(&project);
    let refused = "SELECT DISTINCT row_key FROM quarantine WHERE table_name = 'score_events' ORDER BY 1";
    assert_eq!(project.sql(refused), "E10\nE11\nE12");
    assert_eq!(project.sql("SELECT count(*) FROM score_events"), "9");

    // Up to 27 May: three times 2 points and 3 at most. June: twice 5, 5.5 of 4 at most, 2 for all on time.
    assert_eq!(score(&project, "month previous", "城管执法大队"), "97.0");
    let june = project.sql(
        "SELECT indicator, event_count, points FROM score_item_by_department_period WHERE period_kind = 'month' \
         AND period_window = 'current' AND department = '城管执法大队' ORDER BY rule_type_order, indicator",
    );
    assert_eq!(june, "按期办结率,,40.0\n抽查,0,0.0\n虚假办结,2,10.0\n通报批评,2,4.0\n按期满分,,2.0\n通报表扬,0,0.0");
    assert_eq!(score(&project, "month current", "城管执法大队"), "88.0");
    // 104 is more than the bound, and 401 × 0.25 more than there is to lose.
    assert_eq!(score(&project, "month current", "住房城乡建设局"), "101.5");
    assert_eq!(score(&project, "month current", "市场监管局"), "1.75");
    let overlaps = project.sql("SELECT kind, indicator, later_valid_from FROM score_rule_overlap");
    assert_eq!(overlaps, "部门,虚假办结,2024-06-01");

    // An appeal is granted: the row comes again with another status.
    project.write(
        "inbox/考核事项_乙.csv",
        "事项编号,单位,发生日期,事项,次数,分值,认定依据,状态,更新时间\n\
         E3,城管执法大队,2024-06-01,虚假办结,2,,哨件丙,已撤销,2024-06-27 09:00:00\n",
    );
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    assert_eq!(score(&project, "month current", "城管执法大队"), "98.0");
}

/// A rule that cannot be applied, or is missing for a kind of unit, keeps every report with scores back.
#[test]
fn a_rule_that_cannot_be_applied_stops_the_reports_with_scores() {
    let shipped =
        std::fs::read_to_string(repository().join("data/reference/score_rules.csv")).expect("the shipped rules");
    for (from, to, check) in [
        ("部门,扣分,返工,,", "部门,扣分,返工,反工,", "score_rule_unusable"),
        ("街道,比率,满意率,,30", "街道,比率,满意率,,", "score_rule_unusable"),
        (
            "街道,比率,满意率,,30,95,0.5,15,,,3,2023-01-01",
            "街道,比率,满意率,,30,95,0.5,15,,,3,2025-01-01",
            "unit_without_score_rule",
        ),
        ("公共服务单位,扣分,通报批评,,,,,,,5", "公共服务单位,扣分,通报批评,返工,,,,,,5", "score_rule_unusable"),
    ] {
        let project = Project::new();
        assert!(shipped.contains(from), "{from}");
        project.write("data/reference/score_rules.csv", shipped.replace(from, to));
        copy(&repository().join("data/sample"), &project.path("inbox"));
        let run = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
        assert!(run.stderr.contains(check) && run.stderr.contains("whistle_handling"), "{to}: {}", run.stderr);
        assert!(!project.path("outbox/2024-06-27/吹哨办理情况表.xlsx").exists());
        assert!(project.path("outbox/2024-06-27/民情日志统计.xlsx").exists());
    }
}

/// The sheet with which a unit can argue its score: every line, read back from the file.
#[test]
fn the_lines_of_the_sheet_come_to_the_printed_scores() {
    let project = Project::sample();
    for (file, period) in [
        ("吹哨办理情况表.xlsx", "year"),
        ("吹哨办理通报/月通报附表.xlsx", "month"),
        ("吹哨办理通报/半年通报附表.xlsx", "half_year"),
    ] {
        let path = project.path("outbox/2024-06-27").join(file);
        let mut book: calamine::Xlsx<_> = calamine::open_workbook(path).expect("a workbook");
        let sheet = calamine::Reader::worksheet_range(&mut book, "评分明细").expect("a sheet");
        let column = |label: &str| {
            let mut found = sheet.rows().take(12).filter_map(|row| row.iter().position(|cell| *cell == *label));
            found.next().unwrap_or_else(|| panic!("{file}: no column {label}"))
        };
        let (unit, item, points) = (column("单位"), column("类型"), column("计入得分"));
        let number = |row: &[calamine::Data]| match row.get(points) {
            Some(calamine::Data::Float(value)) => Some((value * 100.0).round() as i64),
            _ => None,
        };
        let (mut hundredths, mut name, mut scores) = (0, String::new(), Vec::new());
        for row in sheet.rows() {
            let Some(value) = number(row) else { continue };
            let text = row[unit].to_string();
            if !text.is_empty() {
                name = text;
            }
            if row[item] == *"得分" {
                assert_eq!(hundredths, value, "{file}: {name}");
                scores.push(format!("{name},{}", value as f64 / 100.0));
                hundredths = 0;
            } else {
                hundredths += value;
            }
        }
        let printed = project.sql(&format!(
            "SELECT department, score FROM whistle_by_department_period WHERE period_kind = '{period}' \
             AND period_window = 'current' AND score IS NOT NULL ORDER BY kind_sort, department_code"
        ));
        let printed: Vec<String> = printed
            .lines()
            .map(|line| {
                let (name, score) = line.split_once(',').expect("two columns");
                format!("{name},{}", score.parse::<f64>().expect("a score"))
            })
            .collect();
        assert!(printed.len() > 5, "{file}: {} units", printed.len());
        assert_eq!(scores, printed, "{file}");
    }
}

/// Every score and every item of all windows against `tests/fixtures/oracles/periods.py`, by kind of period and window.
pub fn worked_out_anew(project: &Project, expected: &Value) {
    let (mut scored, mut events, mut additions) = (0, 0, 0);
    for (period, units) in expected.as_object().expect("periods") {
        let (kind, window) = period.split_once(' ').expect("kind and window");
        let of = format!("period_kind = '{kind}' AND period_window = '{window}'");
        let rows = |sql: &str| -> Vec<Value> {
            serde_json::from_str(&project.run(&["sql", "-c", sql, "--format", "json"]).expect(0).stdout).expect("JSON")
        };
        let found = rows(&format!(
            "SELECT department, score FROM whistle_by_department_period WHERE {of} AND row_level = 'unit'"
        ));
        assert_eq!(found.len(), units.as_object().expect("units").len(), "{period}");
        for row in &found {
            let unit = row["department"].as_str().expect("a unit");
            assert_eq!(row["score"].as_f64(), units[unit][0].as_f64(), "{period} {unit}");
            scored += usize::from(!row["score"].is_null());
        }
        let items = rows(&format!(
            "SELECT department, indicator, rule_type, points FROM score_item_by_department_period WHERE {of}"
        ));
        for row in &items {
            let (unit, item) =
                (row["department"].as_str().expect("a unit"), row["indicator"].as_str().expect("an item"));
            let (ours, theirs) = (row["points"].as_f64(), units[unit][1][item].as_f64());
            let is_same = ours == theirs || ours.zip(theirs).is_some_and(|(a, b)| (a - b).abs() < 1e-9);
            assert!(is_same, "{period} {unit} {item}: {ours:?}, worked out {theirs:?}");
            events += usize::from(row["rule_type"] == "扣分" && ours > Some(0.0));
            additions += usize::from(row["rule_type"] == "加分" && ours > Some(0.0));
        }
        let all: usize =
            units.as_object().expect("units").values().map(|unit| unit[1].as_object().map_or(0, |i| i.len())).sum();
        assert_eq!(items.len(), all, "{period}");
    }
    assert!(
        scored > 200 && events > 10 && additions > 20,
        "{scored} scores, {events} deductions, {additions} additions"
    );
}
