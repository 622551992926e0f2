//! One figure, one value: two reports of a run that contradict each other.

use std::path::Path;

use calamine::Reader;

use crate::support::{AS_OF, Project, Run, documents};

/// A report of one table over the rows of `view`, with `columns` of its form.
fn report(project: &Project, name: &str, view: &str, order: &str, columns: &str) {
    let folder = format!("report-templates/{name}");
    project.write(
        &format!("{folder}/report.yml"),
        format!(
            "title: {name}\ndescription: test\ndatasets:\n  rows: {{view: {view}, order_by: [{order}], limit: 400}}\n\
             outputs:\n  - {{form: form.yml, file: {name}.xlsx}}\n"
        ),
    );
    project.write(&format!("{folder}/form.yml"), format!("dataset: rows\ntitle: {name}\ncolumns:\n{columns}"));
}

/// A view with its columns as `name, label, unit`.
fn view(project: &Project, name: &str, sql: &str, columns: &[(&str, &str, &str)], more: &str) {
    project.write(&format!("queries/marts/{name}.sql"), sql);
    let columns: String = columns
        .iter()
        .map(|(name, label, unit)| format!("      - {{name: {name}, label: {label}, unit: {unit}}}\n"))
        .collect();
    project.write(
        &format!("queries/marts/{name}.yml"),
        format!("models:\n  - name: {name}\n    label: test\n    description: test\n    columns:\n{columns}{more}"),
    );
}

/// An analyst's own count of residents by place.
fn second_count(project: &Project, figure: &str) {
    let sql = format!("SELECT place_level, place_code, place_name, {figure} AS person_count FROM population_by_place");
    let columns = [("place_level", "层级", "''"), ("place_code", "编码", "''"), ("place_name", "名称", "''")];
    view(project, "second_count", &sql, &[&columns[..], &[("person_count", "人口", "人")]].concat(), "");
    let columns = "  - {label: 地区, column: place_name}\n  - {label: 人口, column: person_count, format: integer}\n";
    report(project, "second_count", "second_count", "place_code", columns);
}

/// A report of one text over the only row of `view`.
fn text(project: &Project, name: &str, view: &str, words: &str) {
    let folder = format!("report-templates/{name}");
    project.write(
        &format!("{folder}/report.yml"),
        format!(
            "title: {name}\ndescription: test\ndatasets:\n  own: {{view: {view}, single: true}}\n\
             outputs:\n  - {{summary: text.md.j2, file: {name}.md}}\n"
        ),
    );
    project.write(&format!("{folder}/text.md.j2"), words);
}

/// What stands in a cell named like `` `file.xlsx` sheet!C5: ``.
fn cell(folder: &Path, named: &str) -> String {
    let (file, place) = named.strip_prefix('`').and_then(|rest| rest.split_once("` ")).expect("a file and a cell");
    let (sheet, cell) = place.split_once('!').expect("a sheet and a cell");
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(folder.join(file)).expect("a workbook");
    let letters = cell.bytes().take_while(u8::is_ascii_alphabetic).count();
    let column = cell[..letters].bytes().fold(0_u32, |column, letter| column * 26 + u32::from(letter - b'A') + 1) - 1;
    let row: u32 = cell[letters..].parse().expect("a row");
    let range = book.worksheet_range(sheet).expect("a sheet");
    range.get_value((row - 1, column)).expect("a cell").to_string()
}

/// The text of a line such as `  one: …`.
fn note<'a>(run: &'a Run, label: &str) -> &'a str {
    let start = format!("  {label}: ");
    run.stderr.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{}", run.stderr))
}

#[test]
fn a_night_names_both_cells_of_a_contradiction_and_makes_neither_report() {
    let project = Project::sample();
    let before = documents(&project.path("outbox"));
    second_count(&project, "person_count + CASE WHEN place_code = '430105001' THEN 1 ELSE 0 END");
    let night = project.run(&["nightly", "--as-of", AS_OF]).expect(1);
    assert_eq!(night.stderr.matches("`人口` has two values in the reports of one run").count(), 1, "{}", night.stderr);
    assert_eq!(note(&night, "of"), "place `430105001`");
    assert!(night.stderr.contains("no report that shows one of them is made"), "{}", night.stderr);
    // All others are, and nobody's last edition is touched.
    assert_eq!(documents(&project.path("outbox")), before);
    assert!(night.stdout.contains("2 failed"), "{}", night.stdout);

    // `check` says it before a night does, and `report` after it.
    let check = project.run(&["check"]).expect(1);
    assert_eq!(note(&check, "one"), note(&night, "one"));
    project.run(&["report", "grid_overview"]).expect(1);
    project.run(&["report", "visit_log"]).expect(0);
    assert_eq!(documents(&project.path("outbox")), before);

    // Made to look at, the two cells are where the night said, with the values it said.
    let aside = project.run(&["report", "grid_overview", "second_count", "--out", "aside"]).expect(1);
    assert!(aside.stderr.contains("made all the same"), "{}", aside.stderr);
    let mut values = Vec::new();
    for label in ["one", "other"] {
        let (named, rest) = note(&night, label).split_once(": ").expect("a place and a value");
        let (value, from) = rest.split_once(", from ").expect("a value and a view");
        assert!(from.contains(".person_count` in report `"), "{from}");
        assert_eq!(cell(&project.path("aside"), named), value, "{named}");
        values.push(value.parse::<i64>().expect("a count"));
    }
    assert_eq!((values[0] - values[1]).abs(), 1);

    // The analyst says that it is another figure, and why.
    let yml = project.path("queries/marts/second_count.yml");
    let text = std::fs::read_to_string(&yml).expect("a file");
    let apart = text.replace("unit: 人}", "unit: 人, indicator: {apart: 含未登记人员}}");
    assert_ne!(apart, text);
    std::fs::write(&yml, &apart).expect("written");
    project.run(&["nightly", "--as-of", AS_OF]).expect(0);
    // Without a reason it is not said.
    std::fs::write(&yml, apart.replace("含未登记人员", "''")).expect("written");
    let check = project.run(&["check", "second_count"]).expect(1);
    assert!(check.stderr.contains("`apart` gives no reason"), "{}", check.stderr);
}

#[test]
fn equal_values_agree_whatever_their_type_and_nothing_is_not_zero() {
    let project = Project::sample();
    second_count(&project, "CAST(person_count AS DOUBLE)");
    project.run(&["report", "second_count", "--out", "aside"]).expect(0);
    // Below what both show.
    second_count(&project, "person_count + 0.4");
    project.run(&["report", "second_count", "--out", "aside"]).expect(0);
    second_count(&project, "CASE WHEN place_code <> '430105001' THEN person_count END");
    let run = project.run(&["report", "second_count", "--out", "aside"]).expect(1);
    assert!(note(&run, "one").contains(": nothing, ") || note(&run, "other").contains(": nothing, "), "{}", run.stderr);

    // Of no shop at all, 0 and nothing are two things.
    let zero = project.sql("SELECT count(*) FROM shop_by_place WHERE place_level = 'grid' AND nine_small_count = 0");
    assert!(zero.parse::<u32>().expect("a count") > 0);
    let sql = "SELECT place_code, place_name, nullif(nine_small_count, 0) AS nine_small_count FROM shop_by_place";
    let columns = [("place_code", "编码", "''"), ("place_name", "名称", "''"), ("nine_small_count", "九小场所", "家")];
    view(&project, "second_count", sql, &columns, "");
    let columns =
        "  - {label: 地区, column: place_name}\n  - {label: 九小, column: nine_small_count, format: integer}\n";
    report(&project, "second_count", "second_count", "place_code", columns);
    let run = project.run(&["report", "second_count", "--out", "aside"]).expect(1);
    let both = [note(&run, "one"), note(&run, "other")];
    assert!(both.iter().any(|text| text.contains(": nothing, ")), "{both:?}");
    assert!(both.iter().any(|text| text.contains(": 0, ")), "{both:?}");
}

#[test]
fn what_is_hidden_or_personal_is_in_no_message() {
    let project = Project::sample();
    let small = "place_level = 'subdistrict' AND living_alone_count IN (1, 2)";
    let place = project.sql(&format!("SELECT min(place_code) FROM special_group_by_place WHERE {small}"));
    assert!(place.starts_with("430105"), "the sample has small counts");
    let labels = [("place_code", "编码", "''"), ("place_name", "名称", "''"), ("living_alone_count", "独居老人", "人")];
    let columns =
        "  - {label: 地区, column: place_name}\n  - {label: 独居, column: living_alone_count, format: integer}\n";
    let count = |name: &str, more: u32| {
        let sql = format!(
            "SELECT place_code, place_name, living_alone_count + CASE WHEN place_code = '{place}' THEN {more} ELSE 0 END \
             AS living_alone_count FROM special_group_by_place"
        );
        view(&project, name, &sql, &labels, "");
        report(&project, name, name, "place_code", columns);
    };
    // Against `*` nothing can be wrong.
    count("second", 7000);
    project.run(&["report", "second", "--out", "aside"]).expect(0);
    // Two others may contradict each other, and what the public report hides is not told by them.
    count("third", 0);
    let run = project.run(&["report", "second", "third", "--out", "aside"]).expect(1);
    for label in ["one", "other"] {
        assert!(note(&run, label).contains(": a value that is not for messages, "), "{}", run.stderr);
    }
    assert!(!run.stderr.contains("700"), "{}", run.stderr);

    let labels = [("resident_id", "居民编号", "''"), ("name", "姓名", "''"), ("age", "年龄", "岁")];
    let columns = "  - {label: 姓名, column: name}\n  - {label: 年龄, column: age, format: integer}\n";
    for (name, more) in [("second", 0), ("third", 100)] {
        view(&project, name, &format!("SELECT resident_id, name, age + {more} AS age FROM resident_list"), &labels, "");
        report(&project, name, name, "resident_id", columns);
    }
    let run = project.run(&["report", "second", "third", "--out", "aside"]).expect(1);
    assert!(note(&run, "one").contains("!B") && note(&run, "one").contains(": a value that is not for messages, "));
    let names = project.sql("SELECT DISTINCT name FROM resident_list");
    let leaked = names.lines().filter(|name| run.stderr.contains(name)).count();
    assert_eq!(leaked, 0, "{}", run.stderr);
}

#[test]
fn a_figure_is_known_by_its_label_and_compared_in_the_digits_of_both_texts() {
    let project = Project::sample();
    let made = |figure: &str, column: &str, words: &str| {
        let sql = format!("SELECT as_of, {figure} AS {column} FROM district_headline");
        view(&project, "second", &sql, &[("as_of", "截至", "''"), (column, "常住登记人口", "人")], "");
        text(&project, "second", "second", words);
        project.run(&["report", "second", "--out", "aside"])
    };
    // The shipped column of this name and label is said to be the same as one of another label.
    let run = made("person_count + 9000", "person_count", "常住登记人口{{ own.person_count }}人。\n").expect(1);
    let shown = ["`每日要情.md` f", "`网格基础信息统计表.xlsx` 合计!"];
    assert!(shown.iter().all(|place| run.stderr.contains(&format!("one: {place}"))), "{}", run.stderr);
    let (place, _) = note(&run, "other").split_once(": ").expect("a place");
    assert_eq!(place, "`second.md` f1");
    // Called the same and named otherwise, it may be another figure.
    let run = made("person_count + 9000", "registered", "{{ own.registered }}人\n").expect(0);
    assert!(run.stderr.contains("warning: `常住登记人口` has two values"), "{}", run.stderr);
    assert!(run.stderr.contains("same_as: view.column"), "{}", run.stderr);
    // What is only asked for is not shown.
    made("person_count + 9000", "person_count", "{% if own.person_count > 0 %}有人{% endif %}\n").expect(0);
    made("person_count + 0.4", "person_count", "常住登记人口{{ own.person_count | wan(1) }}人。\n").expect(0);

    let labels = [("special_on_time_person_rate", "重点人群按期走访率", "''")];
    let sql = "SELECT round(special_on_time_person_rate, 5) AS special_on_time_person_rate FROM district_headline";
    view(&project, "second", sql, &labels, "");
    text(&project, "second", "second", "按期走访率{{ own.special_on_time_person_rate | percent(2) }}。\n");
    project.run(&["report", "second", "--out", "aside"]).expect(0);
}

#[test]
fn a_total_that_a_form_adds_up_is_compared_with_the_figure_of_the_place_it_is_of() {
    let project = Project::sample();
    let labels = [("place_level", "层级", "''"), ("place_code", "编码", "''"), ("place_name", "名称", "''")];
    let labels = [&labels[..], &[("subdistrict_code", "街道编码", "''"), ("person_count", "人口", "人")]].concat();
    let made = |figure: &str, rows: &str, more: &str| {
        let sql = format!(
            "SELECT place_level, place_code, place_name, subdistrict_code, {figure} AS person_count FROM population_by_place"
        );
        view(&project, "second", &sql, &labels, "");
        let columns = "  - {label: 地区, column: place_name}\n  - {label: 人口, column: person_count, format: integer, additive: true}\n";
        report(&project, "second", "second", "subdistrict_code, place_code", &format!("{columns}{more}"));
        let manifest = project.path("report-templates/second/report.yml");
        let text = std::fs::read_to_string(&manifest).expect("a file");
        std::fs::write(&manifest, text.replace("limit: 400", &format!("where: {{{rows}}}"))).expect("written");
        project.run(&["report", "second", "grid_overview", "--out", "aside"])
    };
    let total = "totals: {label: 合计, at: bottom}\n";
    let both = format!("{total}subtotals:\n  - {{by: subdistrict_code, label: 小计, at: bottom}}\n");
    made("person_count", "place_level: community", &both).expect(0);
    let one_more = "person_count + CASE WHEN place_code = '430105001007' THEN 1 ELSE 0 END";
    let run = made(one_more, "place_level: community", &both).expect(1);
    assert_eq!(note(&run, "of"), "the district");
    let values = ["one", "other", "also"].map(|label| note(&run, label).to_owned());
    for place in values[..2].iter().map(|text| text.split_once(", from ").expect("a view").0) {
        let (named, value) = place.split_once(": ").expect("a place and a value");
        assert_eq!(cell(&project.path("aside"), named), value, "{named}");
    }
    assert!(values[2].contains("second.xlsx"), "the subtotal of its subdistrict: {}", run.stderr);
    // The total of some is no total of the district.
    made("person_count", "place_level: subdistrict, place_code: {not: '430105001'}", total).expect(0);
    made("person_count", "place_level: community, person_count: {above: 60}", total).expect(0);
}
