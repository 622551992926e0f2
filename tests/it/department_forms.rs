//! Workbooks that departments send to be filled are read as they are laid out, and kept as they came.

use std::fmt::Write as _;
use std::path::Path;

use rust_xlsxwriter::{DataValidation, Format, FormatBorder, Workbook};
use serde_json::Value;

use crate::support::{Project, repository};

/// A list with two rows of headings, the first two rows filled by somebody.
fn rental_list(path: &Path) {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("台账").expect("a name");
    let (plain, framed) = (Format::new(), Format::new().set_border(FormatBorder::Thin));
    sheet.merge_range(0, 0, 0, 6, "出租房屋安全隐患排查台账", &plain).expect("a title");
    sheet.write_string(1, 0, "填报单位（盖章）：凤亭社区").expect("a cell");
    sheet.write_string(1, 5, "表号：应急消〔2024〕3号").expect("a cell");
    for (column, heading) in [(0, "序号"), (1, "房屋地址"), (6, "出租面积（平方米）")] {
        sheet.merge_range(2, column, 3, column, heading, &framed).expect("a heading");
    }
    for (first, group) in [(2, "房主"), (4, "承租人")] {
        sheet.merge_range(2, first, 2, first + 1, group, &framed).expect("a heading");
        sheet.write_with_format(3, first, "姓 名", &framed).expect("a heading");
        sheet.write_with_format(3, first + 1, "联系\n电话", &framed).expect("a heading");
    }
    for row in 4..8 {
        for column in 0..7 {
            sheet.write_blank(row, column, &framed).expect("a blank");
        }
        sheet.write_with_format(row, 0, row - 3, &framed).expect("a number");
    }
    let listed = DataValidation::new().allow_list_formula("=代码!$A$1:$A$3".into());
    sheet.add_data_validation(4, 1, 7, 1, &listed).expect("a list");
    let written = DataValidation::new().allow_list_strings(&["是", "否"]).expect("a list");
    sheet.add_data_validation(4, 6, 7, 6, &written).expect("a list");
    sheet.write_with_format(4, 2, "欧阳明", &framed).expect("a name");
    sheet.write_with_format(4, 3, "15400001234", &framed).expect("a telephone");
    sheet.write_string(8, 0, "填表人：司马亮").expect("a cell");
    sheet.write_string(8, 4, "联系电话：15400005678").expect("a cell");
    let codes = book.add_worksheet().set_name("代码").expect("a name").set_hidden(true);
    for (row, code) in (0..).zip(["自住", "出租", "空置"]) {
        codes.write_string(row, 0, code).expect("a code");
    }
    book.save(path).expect("a workbook");
}

#[test]
fn a_form_is_read_with_its_headings_and_kept_as_it_came() {
    let project = Project::new();
    rental_list(&project.path("来表.xlsx"));
    let run = project.run(&["form", "import", "来表.xlsx"]).expect(0);
    let folder = project.path("data/forms/出租房屋安全隐患排查台账");
    let written = std::fs::read_to_string(folder.join("form.yml")).expect("form.yml");
    for somebody in ["欧阳明", "15400001234", "司马亮", "15400005678"] {
        assert!(!written.contains(somebody) && !run.stdout.contains(somebody) && !run.stderr.contains(somebody));
    }
    let hash = written.lines().find(|line| line.starts_with("blake3: ")).expect("a hash").to_owned();
    insta::assert_snapshot!(format!("{}\n{}", run.stdout, written.replace(&hash, "blake3: …")));
    let bytes = |path: &Path| std::fs::read(path).expect("a file");
    assert_eq!(bytes(&folder.join("来表.xlsx")), bytes(&project.path("来表.xlsx")));
    assert_eq!(hash, format!("blake3: {}", blake3::hash(&bytes(&project.path("来表.xlsx"))).to_hex()));
    // What a person corrected is not written over.
    let again = project.run(&["form", "import", "来表.xlsx"]).expect(1);
    assert!(again.stderr.contains("there is a form `出租房屋安全隐患排查台账` already"), "{}", again.stderr);
    project.run(&["form", "import", "来表.xlsx", "--name", "../台账"]).expect(0);
    assert!(project.path("data/forms/_台账/form.yml").is_file() || project.path("data/forms/_.._台账").is_dir());
    let kept = std::fs::read_dir(project.path("data/forms")).expect("forms").count();
    assert_eq!(kept, 2, "nothing half written is left");
}

#[test]
fn what_is_no_form_is_refused_and_leaves_nothing() {
    let project = Project::new();
    let mut book = Workbook::new();
    book.add_worksheet().write_string(0, 0, "会议通知：明天上午开会。").expect("a cell");
    book.save(project.path("通知.xlsx")).expect("a workbook");
    let refused = project.run(&["form", "import", "通知.xlsx"]).expect(1);
    assert!(refused.stderr.contains("no form is recognised in it"), "{}", refused.stderr);
    project.write("破.xlsx", "PK\u{3}\u{4}not a workbook");
    project.run(&["form", "import", "破.xlsx"]).expect(1);
    // What Excel wrote before 2007, and what is no workbook.
    project.write("旧.xls", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
    project.write("文.docx", "some text");
    for (file, told) in [
        ("旧.xls", "an old .xls or a password-protected workbook; save it as .xlsx"),
        ("文.docx", "no workbook; save it as .xlsx"),
    ] {
        let refused = project.run(&["form", "import", file]).expect(1);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
    let missing = project.run(&["form", "import", "没有.xlsx"]).expect(1);
    assert!(missing.stderr.contains("没有.xlsx"), "{}", missing.stderr);
    assert!(!project.path("data/forms").exists());
}

/// What is asked for on each sheet, without what it means.
fn asked(form: &str) -> String {
    let form: Value = serde_saphyr::from_str(form).expect("form.yml");
    let each = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut text =
        format!("{} {}\n", form["title"].as_str().unwrap_or_default(), form["every"].as_str().unwrap_or_default());
    for sheet in each(&form, "sheets") {
        for table in each(&sheet, "tables") {
            let of = |key: &str| table[key].as_str().unwrap_or_default().to_owned();
            let _ = writeln!(text, "{} {} {}", sheet["sheet"].as_str().unwrap_or_default(), of("kind"), of("rows"));
            for item in each(&table, "items") {
                let of = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
                let choices: Vec<String> =
                    each(&item, "choices").iter().filter_map(|it| Some(it.as_str()?.to_owned())).collect();
                let more = [of("unit"), of("number"), choices.join("、")].into_iter().filter(|more| !more.is_empty());
                let more: String = more.map(|more| format!(" [{more}]")).collect();
                let _ = writeln!(text, "  {}{} {}{more}", of("column"), of("cell"), of("item"));
            }
        }
        for doubt in each(&sheet, "doubts") {
            let _ = writeln!(
                text,
                "  ? {} {}",
                doubt["at"].as_str().unwrap_or_default(),
                doubt["about"].as_str().unwrap_or_default()
            );
        }
    }
    text
}

/// The forms of the departments as they came, from three programs.
#[test]
fn every_shipped_form_is_read_as_it_is_laid_out() {
    let project = Project::new();
    let mut folders: Vec<_> = std::fs::read_dir(repository().join("data/forms")).expect("forms").flatten().collect();
    folders.sort_by_key(|folder| folder.file_name());
    assert!(folders.len() > 12, "there are forms");
    for folder in folders.iter().filter(|folder| folder.path().is_dir()) {
        let files = std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|file| file.path());
        for workbook in files.filter(|file| file.extension().is_some_and(|extension| extension == "xlsx")) {
            let name = folder.file_name().to_string_lossy().into_owned();
            std::fs::copy(&workbook, project.path("来表.xlsx")).expect("a workbook");
            let run = project.run(&["form", "import", "来表.xlsx", "--name", &name]).expect(0);
            let form = std::fs::read_to_string(project.path(&format!("data/forms/{name}/form.yml"))).expect("form.yml");
            for somebody in ["陈淑贞", "刘德厚", "990105", "15400"] {
                assert!(!form.contains(somebody) && !run.stdout.contains(somebody) && !run.stderr.contains(somebody));
            }
            insta::assert_snapshot!(format!("shipped_{name}"), asked(&form));
        }
    }
}

/// The heading 家庭成员 below a card tells what its list is about; a heading nobody knows tells nothing.
#[test]
fn a_list_below_a_card_belongs_to_it_by_its_heading() {
    let project = Project::sample();
    std::fs::copy(repository().join("data/elements.yml"), project.path("data/elements.yml")).expect("a dictionary");
    for (file, heading) in [("家庭.xlsx", "家庭成员情况"), ("帮扶.xlsx", "帮扶责任人")] {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let framed = Format::new().set_border(FormatBorder::Thin);
        sheet.merge_range(0, 0, 0, 5, "困难家庭登记表", &Format::new()).expect("a title");
        for (row, labels) in [(1, ["姓名", "性别", "身份证号码"]), (2, ["民族", "联系电话", "现住址"])]
        {
            for (at, label) in (0..).zip(labels) {
                sheet.write_with_format(row, 2 * at, label, &framed).expect("a label");
                sheet.write_blank(row, 2 * at + 1, &framed).expect("a blank");
            }
        }
        sheet.merge_range(3, 0, 3, 5, heading, &framed).expect("a heading");
        for (at, label) in (0..).zip(["序号", "姓名", "身份证号码", "健康状况", "联系电话", "备注"])
        {
            sheet.write_with_format(4, at, label, &framed).expect("a heading");
            for row in 5..8 {
                sheet.write_blank(row, at, &framed).expect("a blank");
            }
        }
        book.save(project.path(file)).expect("a workbook");
    }
    let read = |file: &str, name: &str| {
        let run = project.run(&["form", "import", file, "--name", name]).expect(0);
        let form = std::fs::read_to_string(project.path(&format!("data/forms/{name}/form.yml"))).expect("form.yml");
        (form, run.stderr)
    };
    let (form, _) = read("家庭.xlsx", "家庭");
    assert!(form.contains("of: person\n        with_same: household_id"), "{form}");
    assert!(form.contains("家庭成员情况/姓名, column: B, element: person.name"), "{form}");
    let (form, said) = read("帮扶.xlsx", "帮扶");
    assert!(!form.contains("with_same") && !form.contains("column: B, element"), "{form}");
    assert!(said.contains("below the heading 帮扶责任人 it may be another's"), "{said}");
}
