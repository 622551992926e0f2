//! Forms over `data/sample`: what they check, what they warn of, what they show.

use std::path::Path;

use calamine::{Data, Range, Reader, Xlsx};

use crate::support::{AS_OF, Project, contents};

/// A file of the project with some text replaced.
#[track_caller]
fn replace(project: &Project, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(project.path(file)).expect("a file");
    assert!(text.contains(from), "{file} has no `{from}`");
    project.write(file, text.replace(from, to));
}

fn sheets(path: &Path) -> Vec<(String, Range<Data>)> {
    let mut book: Xlsx<_> = calamine::open_workbook(path).expect("a workbook");
    book.worksheets()
}

fn row_with<'a>(sheet: &'a Range<Data>, text: &str) -> &'a [Data] {
    sheet.rows().find(|row| row.iter().any(|cell| *cell == *text)).unwrap_or_else(|| panic!("no `{text}`"))
}

#[test]
fn an_expired_form_warns_and_says_so() {
    let project = Project::sample();
    let form = "report-templates/visit_log/form.yml";
    let run = project.run(&["check"]).expect(0);
    assert!(!run.stderr.contains(form), "{}", run.stderr);
    replace(&project, form, "valid_until: 2027-12-31", "valid_until: 2024-06-26");
    let run = project.run(&["check"]).expect(0);
    let warning = "warning: report-templates/visit_log/form.yml:8:";
    assert!(run.stderr.contains(warning) && run.stderr.contains("valid until 2024-06-26"), "{}", run.stderr);
    assert_eq!(run.stderr.matches("valid until").count(), 1, "two sheets show one registration\n{}", run.stderr);
    project.run(&["report", "visit_log", "--out", "again"]).expect(0);
    let shown = sheets(&project.path("again/民情日志统计.xlsx"));
    row_with(&shown[0].1, "有效期至：2024年6月26日（已过有效期）");
    // On its last day it is valid.
    replace(&project, form, "valid_until: 2024-06-26", "valid_until: 2024-06-27");
    project.run(&["report", "visit_log", "--out", "again"]).expect(0);
    row_with(&sheets(&project.path("again/民情日志统计.xlsx"))[0].1, "有效期至：2024年6月27日");
    replace(&project, form, ", approved: 开网格〔2024〕1号, valid_until: 2024-06-27", "");
    let run = project.run(&["check"]).expect(0);
    assert!(run.stderr.contains("lacks `approved` or `filed`, `valid_until`"), "{}", run.stderr);
    replace(&project, form, "number: 网统2表", "number: 网统2表, valid_until: 六月");
    let run = project.run(&["check"]).expect(1);
    assert!(run.stderr.contains("`六月` is no date"), "{}", run.stderr);
}

#[test]
fn a_form_whose_figures_do_not_add_up_is_not_made() {
    let project = Project::sample();
    let form = "report-templates/visit_log/form.yml";
    let before = contents(&project.path("outbox"));
    replace(&project, form, "objects_seen_180d / objects_due", "objects_seen_180d / visit_count_year");
    let run = project.run(&["report", "visit_log"]).expect(1);
    for part in ["form.yml:", "sheet `街道`: row `合　计`, column `近半年走访覆盖/覆盖率` should be", "and is"]
    {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(contents(&project.path("outbox")), before, "the last good file stays");
    replace(&project, form, "objects_seen_180d / visit_count_year", "objects_seen_180d / visits");
    let run = project.run(&["check"]).expect(1);
    assert!(run.stderr.contains("`visits` is no column of the form"), "{}", run.stderr);
}

#[test]
fn a_view_that_loses_rows_is_caught_by_the_total() {
    let project = Project::sample();
    let view = "queries/marts/visit_by_place.sql";
    replace(
        &project,
        view,
        "sum(c.visit_count_year) AS visit_count_year",
        "sum(c.visit_count_year) + 1 AS visit_count_year",
    );
    let run = project.run(&["report", "visit_log", "--out", "again"]).expect(1);
    assert!(
        run.stderr.contains("row `合　计`, column `本年累计/日志` is") && run.stderr.contains("its rows are"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_count_table_has_a_column_for_each_group_and_the_figures_of_the_view() {
    let project = Project::sample();
    let shown = sheets(&project.path("outbox").join(AS_OF).join("重点人群分类统计表.xlsx"));
    let sheet = &shown[0].1;
    let tags = project
        .sql("SELECT tag FROM special_group_by_place_tag WHERE place_level = 'district' ORDER BY tag_order, tag");
    let tags: Vec<&str> = tags.lines().collect();
    let header = row_with(sheet, tags[0]);
    let first = header.iter().position(|cell| *cell == tags[0]).expect("a column");
    let labels: Vec<String> = header[first..].iter().map(ToString::to_string).collect();
    assert_eq!(labels, tags);
    let figures = project.sql(
        "SELECT place_name, tag_person_count FROM special_group_by_subdistrict_tag ORDER BY place_code, tag_order, tag",
    );
    let mut places: Vec<(&str, Vec<f64>)> = Vec::new();
    for line in figures.lines() {
        let (place, count) = line.split_once(',').expect("two columns");
        if places.last().is_none_or(|(last, _)| *last != place) {
            places.push((place, Vec::new()));
        }
        places.last_mut().expect("a place").1.push(count.parse().expect("a count"));
    }
    assert!(places.len() > 10 && places.iter().any(|(_, counts)| counts.contains(&0.0)), "{places:?}");
    for (place, counts) in places {
        let row = row_with(sheet, if place == "全区" { "合　计" } else { place });
        let cells: Vec<f64> = row[first..].iter().map(|cell| cell.to_string().parse().expect("a number")).collect();
        assert_eq!(cells, counts, "{place}");
        assert_eq!(row[first - 1], Data::Float(counts.iter().sum()), "{place}");
    }
}

#[test]
fn a_contents_sheet_lists_every_sheet_with_its_rows() {
    let project = Project::sample();
    let shown = sheets(&project.path("outbox").join(AS_OF).join("网格基础信息统计表.xlsx"));
    let (tab, list) = &shown[0];
    assert_eq!(tab, "目录");
    let grids: usize = project.sql("SELECT count(*) FROM stg_grids").parse().expect("a count");
    let mut counted = 0.0;
    for (tab, sheet) in &shown[1..] {
        let row = row_with(list, tab);
        let rows = row[3].to_string().parse::<f64>().expect("a count");
        let numbered = sheet.rows().filter(|row| matches!(row[0], Data::Float(_))).count();
        assert_eq!(rows, numbered as f64, "{tab}");
        counted += if tab == "合计" { 0.0 } else { rows };
    }
    assert_eq!(counted, grids as f64);
}

#[test]
fn ranks_run_through_two_blocks_and_units_without_cases_follow() {
    let project = Project::sample();
    let shown = sheets(&project.path("outbox").join(AS_OF).join("吹哨办理情况表.xlsx"));
    for kind in project.sql("SELECT DISTINCT kind FROM whistle_by_department").lines() {
        let (_, sheet) = shown.iter().find(|(tab, _)| *tab == format!("{kind}排名")).expect("a ranking");
        let header = sheet.rows().position(|row| row[0] == "单位" && row[4] == "单位").expect("the header twice");
        let blocks = [0, 4].map(|at| sheet.rows().skip(header + 1).map(move |row| row[at..at + 4].to_vec()));
        let rows: Vec<Vec<Data>> = blocks.into_iter().flatten().filter(|row| !row[0].to_string().is_empty()).collect();
        let expected = project.sql(&format!(
            "SELECT department, rank_in_kind_year FROM whistle_by_department WHERE kind = '{kind}' AND row_level = 'unit' \
             ORDER BY rank_in_kind_year NULLS LAST, department_code"
        ));
        let ranked: Vec<String> = rows
            .iter()
            .filter(|row| !row[3].to_string().is_empty())
            .map(|row| format!("{},{}", row[0], row[3].to_string().replace("不参与排名", "")))
            .collect();
        assert_eq!(ranked, expected.lines().collect::<Vec<_>>(), "{kind}");
    }
}
