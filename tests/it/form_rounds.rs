//! The whole way of a form: asked by departments, merged, sent out, filled by a clerk who makes mistakes, taken back, and
//! every department's own workbook filled from the one record.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use calamine::{Data, Reader as _, Xlsx, open_workbook};
use rust_xlsxwriter::{Format, Workbook};
use serde_json::Value;

use crate::support::{AS_OF, Run, copy, gridhouse, repository, skipped};

/// A demo district with the shipped forms. Made once; each caller gets a copy.
struct District {
    folder: tempfile::TempDir,
}

impl District {
    fn new() -> Self {
        static MADE: OnceLock<District> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            let district = Self { folder: tempfile::tempdir().expect("a folder") };
            gridhouse(district.folder.path(), &["demo", "d", "--scale", "0.03", "--quiet"]).expect(0);
            district
        });
        let district = Self { folder: tempfile::tempdir().expect("a folder") };
        copy(&made.root(), &district.root());
        district
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("d")
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Run {
        gridhouse(&self.root(), arguments)
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let run = self.run(&[arguments, &["--format", "json"]].concat()).expect(0);
        serde_json::from_str(&run.stdout)
            .unwrap_or_else(|_| run.stdout.lines().map(|line| serde_json::from_str(line).expect("a record")).collect())
    }

    #[track_caller]
    fn sql(&self, sql: &str) -> String {
        self.run(&["sql", "-c", sql, "--format", "csv"]).expect(0).stdout.lines().skip(1).collect::<Vec<_>>().join("\n")
    }
}

/// The texts of a workbook as its reader sees them, by sheet; dates as `2024-06-27`.
type Grid = BTreeMap<(u32, u32), String>;

fn read(path: &Path) -> Vec<(String, Grid)> {
    let mut book: Xlsx<_> = open_workbook(path).expect("a workbook");
    let names = book.sheet_names();
    let sheets = names.into_iter().map(|name| {
        let range = book.worksheet_range(&name).expect("a sheet");
        let (top, left) = range.start().unwrap_or_default();
        let cells = range.used_cells().map(|(row, column, cell)| {
            let text = match cell {
                // Days since the last of 1899, as spreadsheets count them.
                Data::DateTime(at) => {
                    let day = chrono::NaiveDate::from_ymd_opt(1899, 12, 30).expect("a day");
                    (day + chrono::TimeDelta::days(at.as_f64() as i64)).to_string()
                }
                cell => cell.to_string(),
            };
            ((top + row as u32, left + column as u32), text)
        });
        let grid = cells.collect();
        (name, grid)
    });
    sheets.collect()
}

/// A workbook written anew by another hand: only texts, formulas where they begin with `=`, merged areas.
fn write(path: &Path, sheets: &[(String, Grid)], merged: Option<(&str, [u32; 4])>) {
    let mut book = Workbook::new();
    for (name, grid) in sheets {
        let sheet = book.add_worksheet().set_name(name).expect("a name");
        for ((row, column), text) in grid {
            let column = *column as u16;
            match text.strip_prefix('=') {
                Some(_) => sheet.write_formula(*row, column, text.as_str()).expect("a cell"),
                None => sheet.write_string(*row, column, text).expect("a cell"),
            };
        }
        if let Some((_, [top, left, bottom, right])) = merged.filter(|(of, _)| of == name) {
            let text = grid.get(&(top, left)).cloned().unwrap_or_default();
            sheet.merge_range(top, left as u16, bottom, right as u16, &text, &Format::new()).expect("merged cells");
        }
    }
    book.save(path).expect("a workbook");
}

/// Columns of a sheet by their hidden keys, and its rows of objects.
fn keys(grid: &Grid) -> (BTreeMap<String, u32>, Vec<u32>) {
    let ((row, _), _) = grid.iter().find(|(_, text)| *text == "gridhouse:keys").expect("the row of keys");
    let columns = grid.range((*row, 1)..(row + 1, 0)).map(|((_, column), text)| (text.clone(), *column));
    let rows = grid.keys().filter(|(at, column)| *at > row + 1 && *column == 0).map(|(at, _)| *at);
    (columns.collect(), rows.collect())
}

fn sheet_of<'s>(sheets: &'s mut [(String, Grid)], name: &str) -> &'s mut Grid {
    &mut sheets.iter_mut().find(|(own, _)| own == name).expect("the sheet").1
}

/// What stands in `data/elements.yml` of an element: its type and its code list.
fn elements() -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(repository().join("data/elements.yml")).expect("elements");
    let file: Value = serde_saphyr::from_str(&text).expect("YAML");
    let subjects = file["subjects"].as_array().expect("subjects").clone();
    let all = subjects.into_iter().flat_map(|subject| {
        let name = subject["subject"].as_str().expect("a name").to_owned();
        let elements = subject["elements"].as_array().expect("elements").clone();
        elements.into_iter().map(move |one| (format!("{name}.{}", one["element"].as_str().expect("a name")), one))
    });
    all.collect()
}

/// What a diligent clerk writes where something is asked.
fn answer(key: &str, choices: &[Value], elements: &BTreeMap<String, Value>) -> String {
    if let Some(choice) = choices.first().and_then(Value::as_str) {
        return choice.to_owned();
    }
    let element = elements.get(key);
    let kind = element.and_then(|one| one["type"].as_str()).unwrap_or("");
    let name = key.split_once('.').map_or("", |(_, name)| name);
    match (kind, name) {
        ("boolean", _) | (_, "is_registered" | "is_pledge_signed" | "fire_ok" | "food_ok") => "是".to_owned(),
        (_, "is_fire_ok" | "is_gas_ok" | "is_electric_ok" | "is_exit_ok" | "is_sleeping_ok") => "是".to_owned(),
        ("date", _) | (_, "birth_date" | "licence_until" | "due_date" | "since_date") => "2023-05-06".to_owned(),
        ("integer" | "number", _) => "3".to_owned(),
        (_, "rooms_let" | "area_m2" | "employees" | "extinguisher_count" | "hazard_count") => "3".to_owned(),
        (_, name) if name.ends_with("phone") => "15400001111".to_owned(),
        (_, "id_number") => "99010519491231002X".to_owned(),
        (_, "uscc") => "91350100M000100Y43".to_owned(),
        _ if key.starts_with("place") => "3".to_owned(),
        _ => "已核实".to_owned(),
    }
}

#[test]
fn what_is_asked_for_more_than_once_is_counted() {
    let district = District::new();
    let run = district.run(&["form", "overlap", "--format", "json"]).expect(0);
    // Counted another way: from the files alone.
    let (mut total, mut distinct) = (0, BTreeSet::new());
    let folders = std::fs::read_dir(repository().join("data/forms")).expect("forms");
    let mut forms = 0;
    for folder in folders.flatten() {
        let text = std::fs::read_to_string(folder.path().join("form.yml")).expect("form.yml");
        let form: Value = serde_saphyr::from_str(&text).expect("YAML");
        forms += 1;
        for table in form["sheets"]
            .as_array()
            .expect("sheets")
            .iter()
            .flat_map(|sheet| sheet["tables"].as_array().expect("tables"))
        {
            for item in table["items"].as_array().expect("items").iter().filter(|item| item["by"].is_null()) {
                total += 1;
                let own = || {
                    format!("{}:{}", table["of"].as_str().unwrap_or(""), item["item"].as_str().expect("an item"))
                        + item["unit"].as_str().unwrap_or("")
                };
                distinct.insert(item["element"].as_str().map_or_else(own, str::to_owned));
            }
        }
    }
    assert!(forms >= 12, "{forms} forms are shipped");
    let rate = format!("{:.2} %", 100.0 - distinct.len() as f64 * 100.0 / f64::from(total));
    let said = format!("{total} items of {forms} forms are {} elements: {rate} are repeats", distinct.len());
    assert!(run.stderr.contains(&said), "{said}\n{}", run.stderr);
    let headline = district.sql("SELECT item_count, element_count FROM form_burden_headline");
    assert_eq!(headline, format!("{total},{}", distinct.len()));
    let made = district.root().join("outbox").join(AS_OF).join("部门表单重复情况");
    for file in ["部门表单重复情况.xlsx", "部门表单重复情况.html"] {
        assert!(made.join(file).is_file(), "{file}");
    }
}

#[test]
fn a_round_of_collection_fills_every_form_and_loses_nothing() {
    let district = District::new();
    let place = "凤亭社区";
    district.run(&["form", "merge", "--for", place]).expect(0);
    let out = district.root().join("outbox").join(AS_OF).join("采集表").join("430105001007_凤亭社区.xlsx");
    let mut sheets = read(&out);
    let id = sheets.iter().find(|(name, _)| name == "_gridhouse").expect("an identity").1[&(1, 1)].clone();
    let base =
        std::fs::read(district.root().join("warehouse/.collections").join(format!("{id}.json"))).expect("a base");
    let base: Value = serde_json::from_slice(&base).expect("JSON");
    let elements = elements();

    // The clerk fills every blank that is asked for.
    let mut filled = 0;
    for sheet in base["sheets"].as_array().expect("sheets") {
        let grid = sheet_of(&mut sheets, sheet["sheet"].as_str().expect("a name"));
        let (columns, rows) = keys(grid);
        for row in rows {
            let object = grid[&(row, 0)].clone();
            let asked: Vec<(String, u32, Value)> = match columns.get("value") {
                Some(column) => {
                    let values = sheet["rows"].as_object().expect("rows").values().next().expect("a row");
                    vec![(object.clone(), *column, values[&object].clone())]
                }
                None => {
                    let values = sheet["rows"][&object].as_object().expect("a row");
                    values
                        .iter()
                        .filter_map(|(key, value)| Some((key.clone(), *columns.get(key)?, value.clone())))
                        .collect()
                }
            };
            for (key, column, value) in asked.into_iter().filter(|(_, _, value)| value.is_null()) {
                let choices = sheet["columns"][&key]["choices"].as_array().expect("choices");
                grid.insert((row, column), answer(&key, choices, &elements));
                assert!(value.is_null());
                filled += 1;
            }
        }
    }
    assert!(filled > 100, "{filled} blanks");

    // Mistakes, each in a row of its own.
    let grid = sheet_of(&mut sheets, "人员");
    let (columns, rows) = keys(grid);
    let phone = columns["person.phone"];
    let with_phone: Vec<u32> = rows
        .iter()
        .copied()
        .filter(|row| grid.get(&(*row, phone)).is_some_and(|text| text.starts_with("154")))
        .collect();
    let [changed, contested, wrong, cleared, calculated, doubled, ..] = with_phone.as_slice() else {
        panic!("too few rows")
    };
    let object = |grid: &Grid, row: u32| grid[&(row, 0)].clone();
    let contested_id = object(grid, *contested);
    let changed_id = object(grid, *changed);
    for (row, text) in
        [(changed, "１５４ 8888 0001"), (contested, "15488880002"), (wrong, "问邻居"), (calculated, "=1+2")]
    {
        grid.insert((*row, phone), text.to_owned());
    }
    grid.remove(&(*cleared, phone));
    // What is old was looked at and is still right.
    let old =
        base["sheets"].as_array().expect("sheets").iter().find(|sheet| sheet["sheet"] == "人员").expect("persons");
    let old = old["old"].as_object().expect("old cells");
    let is_old =
        |id: &String| old.get(id).is_some_and(|keys| keys.as_array().expect("keys").contains(&"person.phone".into()));
    let confirmed = *with_phone[6..].iter().find(|row| is_old(&object(grid, **row))).expect("an old number");
    let confirmed_id = object(grid, confirmed);
    grid.insert((confirmed, columns["checked"]), "是".to_owned());
    // A copied row with other contents, a row that was put in, and one that was taken out.
    let last = rows.last().copied().expect("rows") + 1;
    let copied: Vec<(u32, String)> =
        grid.range((*doubled, 0)..(doubled + 1, 0)).map(|((_, column), text)| (*column, text.clone())).collect();
    for (column, text) in copied {
        grid.insert((last, column), if column == phone { "15488880003".to_owned() } else { text });
    }
    grid.insert((last + 1, columns["person.name"]), "新来的人".to_owned());
    let gone = *rows.iter().find(|row| !with_phone.contains(row)).unwrap_or(rows.last().expect("rows"));
    grid.retain(|(row, _), _| *row != gone);
    // Dates as text, in another way of writing; columns moved by two to the right.
    if let Some(arrived) = columns.get("person.arrived_on") {
        for row in &rows {
            if let Some(text) = grid.get_mut(&(*row, *arrived)).filter(|text| *text == "2023-05-06") {
                *text = "2023年5月6日".to_owned();
            }
        }
    }
    let moved: Grid = grid
        .iter()
        .map(|((row, column), text)| ((*row, if *column > 3 { column + 2 } else { *column }), text.clone()))
        .collect();
    *grid = moved;
    let returned = district.folder.path().join("交回.xlsx");
    write(&returned, &sheets, None);

    // Meanwhile the platform delivers another number of one of them.
    let columns = "resident_id,name,sex,birth_date,id_type,id_number,phone,household_type,ethnicity,education,marital,household_id,relation,dwelling_id,grid_code,record_status,updated_at";
    let row = district.sql(&format!("SELECT {columns} FROM residents WHERE resident_id = '{contested_id}'"));
    let mut fields: Vec<&str> = row.split(',').collect();
    (fields[6], fields[16]) = ("15477770000", "2024-06-27 23:59:58");
    let delivery = district.folder.path().join("residents_late.csv");
    std::fs::write(&delivery, format!("{columns}\n{}\n", fields.join(","))).expect("a delivery");
    district.run(&["land", delivery.to_str().expect("a path"), "--as-of", AS_OF]).expect(0);

    let path = returned.to_str().expect("a path");
    let looked_at = district.run(&["form", "collect", path, "--dry-run"]).expect(1);
    assert_eq!(district.sql("SELECT count(*) FROM collected_cells"), "0", "{}", looked_at.stderr);
    let run = district.run(&["form", "collect", path]).expect(1);
    for nobody in ["15488880001", "15488880002", "15477770000", "新来的人", "问邻居"] {
        assert!(!run.stdout.contains(nobody) && !run.stderr.contains(nobody), "{nobody} is shown");
    }
    assert!(run.stderr.contains("少了1行"), "{}", run.stderr);
    let outcome = |id: &str| {
        district.sql(&format!(
            "SELECT outcome, reason FROM collected_cells WHERE object_id = '{id}' AND element = 'person.phone'"
        ))
    };
    assert_eq!(outcome(&changed_id), "采纳,");
    assert_eq!(district.sql(&format!("SELECT phone FROM residents WHERE resident_id = '{changed_id}'")), "15488880001");
    assert_eq!(outcome(&contested_id), "冲突,发出以后，库中的值也改了");
    assert_eq!(
        district.sql(&format!("SELECT phone FROM residents WHERE resident_id = '{contested_id}'")),
        "15477770000"
    );
    let refused = district.sql("SELECT reason FROM collected_cells WHERE outcome = '退回' ORDER BY reason");
    for reason in ["公式", "清空了", "同一个编号而内容不同", "新插入的行", "电话"] {
        assert!(refused.contains(reason), "{reason} is not among\n{refused}");
    }
    assert_eq!(refused.lines().count(), 5, "{refused}");
    // What was looked at is new from now on, and is not asked for again.
    assert_eq!(outcome(&confirmed_id), "核实,");
    let dated =
        |id: &str| district.sql(&format!("SELECT CAST(updated_at AS DATE) FROM residents WHERE resident_id = '{id}'"));
    assert_eq!(dated(&confirmed_id), AS_OF);
    // Each cell tells where it came from.
    let from = district.sql(&format!(
        "SELECT file, place FROM collected_cells WHERE object_id = '{changed_id}' AND element = 'person.phone'"
    ));
    assert!(from.starts_with("交回.xlsx,人员!"), "{from}");
    let listed = district.root().join("outbox").join(AS_OF).join("采集表核对结果");
    let answers = std::fs::read_dir(listed).expect("answers").flatten().next().expect("a workbook").path();
    let mut answers = read(&answers);
    let grid = sheet_of(&mut answers, "核对结果");
    let texts: BTreeSet<&String> = grid.values().collect();
    assert!(texts.contains(&"15477770000".to_owned()) && texts.contains(&"15488880002".to_owned()), "both values");
    // Somebody decides.
    let contested_row = grid.iter().find(|(_, text)| **text == contested_id).expect("the contested cell").0.0;
    let decision = grid.iter().find(|((row, _), text)| *row == 0 && *text == "决定").expect("a column").0.1;
    grid.insert((contested_row, decision), "取交回的值".to_owned());
    let decided = district.folder.path().join("决定.xlsx");
    write(&decided, &answers, None);
    let decided = decided.to_str().expect("a path").to_owned();
    district.run(&["form", "collect", &decided]).expect(0);
    assert_eq!(outcome(&contested_id), "采纳,人工决定：取交回的值");
    assert_eq!(
        district.sql(&format!("SELECT phone FROM residents WHERE resident_id = '{contested_id}'")),
        "15488880002"
    );
    let again = district.run(&["form", "collect", &decided]).expect(0);
    assert!(again.stdout.contains("nothing changed"), "{}", again.stdout);

    // Handed in twice: nothing changes.
    let before = district.sql("SELECT count(*) FROM collected_cells");
    let again = district.run(&["form", "collect", path]).expect(0);
    assert!(again.stdout.contains("handed in before"), "{}", again.stdout);
    assert_eq!(district.sql("SELECT count(*) FROM collected_cells"), before);

    // Every department's own form is a projection of the one record.
    let forms = district.json(&["form", "fill", "--for", place]);
    for form in &forms {
        let (asked, filled) = (form["cells"].as_u64().expect("cells"), form["filled"].as_u64().expect("filled"));
        // A row that did not come back and a cell that was refused stay blank.
        let name = form["form"].as_str().expect("a name");
        let missing = asked - filled;
        assert!(missing <= 25, "{name}: {filled} of {asked}");
    }
    let forms: Vec<PathBuf> = workbooks(&district.root().join("outbox").join(AS_OF).join("部门报表"));
    let texts: BTreeSet<String> =
        forms.iter().flat_map(|path| read(path)).flat_map(|(_, grid)| grid.into_values()).collect();
    assert!(texts.contains("15488880001") && texts.contains("15488880002"), "the newest numbers are in the forms");
    assert!(!texts.contains("15477770000") && !texts.contains("15488880003"), "what was not taken is in no form");
}

#[test]
fn a_list_below_a_card_has_what_belongs_to_it() {
    let district = District::new();
    district.run(&["form", "fill", "住宅小区基本情况登记表", "残疾人基本状况登记表", "--for", "凤亭社区"]).expect(0);
    let out = district.root().join("outbox").join(AS_OF).join("部门报表");
    // Cards name the estate in B3, and buildings stand in A from row 10 on; others tell what else there is.
    let mut buildings = BTreeSet::new();
    for path in workbooks(&out.join("住宅小区基本情况登记表")) {
        let sheets = read(&path);
        let grid = &sheets[0].1;
        let column = grid.range((9, 0)..).filter(|((_, column), _)| *column == 0).map(|(_, text)| text.clone());
        buildings
            .extend(column.filter(|text| text.ends_with('栋')).map(|building| format!("{},{building}", grid[&(2, 1)])));
    }
    let expected = district.sql(
        "SELECT DISTINCT estate, building FROM dwellings WHERE starts_with(grid_code, '430105001007') \
         AND record_status = '生效' AND estate IS NOT NULL AND building IS NOT NULL",
    );
    assert_eq!(buildings, expected.lines().map(str::to_owned).collect::<BTreeSet<String>>());
    assert!(buildings.len() > 3, "{buildings:?}");
    // The members of a household, and nobody else; not the person the card is about.
    let mut members = BTreeSet::new();
    for path in workbooks(&out.join("残疾人基本状况登记表")) {
        let sheets = read(&path);
        let (id, grid) = (path.file_stem().expect("a name").to_string_lossy().into_owned(), &sheets[0].1);
        let column = grid.range((13, 0)..).filter(|((_, column), _)| *column == 4).map(|(_, number)| number.clone());
        members.extend(column.filter(|text| text.len() == 18).map(|number| format!("{id},{number}")));
    }
    let expected = district.sql(
        "SELECT c.resident_id, m.id_number FROM residents AS c JOIN residents AS m \
         ON m.household_id = c.household_id AND m.resident_id <> c.resident_id AND m.record_status = c.record_status \
         WHERE c.record_status = '生效' AND starts_with(c.grid_code, '430105001007') AND m.id_number IS NOT NULL \
         AND starts_with(m.grid_code, '430105001007') \
         AND c.resident_id IN (SELECT resident_id FROM resident_tags WHERE tag = '残疾')",
    );
    assert_eq!(members, expected.lines().map(str::to_owned).collect::<BTreeSet<String>>());
    assert!(members.len() > 3, "{members:?}");
}

#[test]
fn killed_at_any_moment_and_run_again_a_round_is_as_if_undisturbed() {
    let place = "凤亭社区";
    let issued = District::new();
    issued.run(&["form", "merge", "--for", place]).expect(0);
    let out = issued.root().join("outbox").join(AS_OF).join("采集表").join("430105001007_凤亭社区.xlsx");
    let mut sheets = read(&out);
    let grid = sheet_of(&mut sheets, "人员");
    let (columns, rows) = keys(grid);
    for (at, row) in rows.iter().enumerate() {
        grid.insert((*row, columns["person.phone"]), format!("154{at:08}"));
        grid.insert((*row, columns["person.health_status"]), "良好".to_owned());
    }
    let returned = issued.folder.path().join("交回.xlsx");
    write(&returned, &sheets, None);
    let returned = returned.to_str().expect("a path");
    let collect = ["form", "collect", returned];
    let fill =
        ["form", "fill", "老年人健康管理登记表", "住宅小区基本情况登记表", "残疾人基本状况登记表", "--for", place];
    let merge = ["form", "merge", "--for", place];
    let steps: [&[&str]; 3] = [&collect, &fill, &merge];
    // Everything that is kept, but for the clock and for what counts versions of tables.
    let kept = |district: &District| {
        let tables = [
            "SELECT resident_id, phone FROM residents WHERE starts_with(grid_code, '430105001007') ORDER BY 1",
            "SELECT place, object_id, element, base_value, returned_value, outcome, reason FROM collected_cells ORDER BY 1",
            "SELECT file_hash, prefilled_cell_count, changed_cell_count, added_cell_count FROM collection_returns",
            "SELECT * EXCEPT (_batch_id, _line) FROM form_fills ORDER BY form, community_code",
            "SELECT community_code, blank_cell_count, old_cell_count FROM collection_sheets ORDER BY 2, 3",
        ];
        let mut kept: Vec<String> = tables.iter().map(|sql| district.sql(sql)).collect();
        let outbox = district.root().join("outbox").join(AS_OF);
        let mut files: Vec<PathBuf> =
            ["部门报表", "采集表"].iter().flat_map(|folder| workbooks(&outbox.join(folder))).collect();
        files.sort();
        for path in files {
            let mut sheets = read(&path);
            for (_, grid) in &mut sheets {
                let hidden: BTreeSet<u32> = grid
                    .iter()
                    .filter(|(_, text)| ["数据快照", "snapshot", "sheet_id"].contains(&text.as_str()))
                    .map(|(at, _)| at.0)
                    .collect();
                grid.retain(|(row, _), _| !hidden.contains(row));
            }
            let name = path.strip_prefix(&outbox).expect("in the outbox").display().to_string();
            kept.push(format!("{name} {sheets:?}"));
        }
        kept
    };
    let again = |issued: &District| {
        let district = District { folder: tempfile::tempdir().expect("a folder") };
        copy(&issued.root(), &district.root());
        district
    };
    let undisturbed = again(&issued);
    let mut lengths = Vec::new();
    for step in steps {
        let clock = std::time::Instant::now();
        assert!(undisturbed.run(step).code < 2, "{step:?}");
        lengths.push(clock.elapsed());
    }
    let expected = kept(&undisturbed);
    assert!(expected[0].contains("15400000001") && expected.len() > 7, "{} kept", expected.len());
    // Seeded points over the length of each step.
    let mut state: u64 = 0x5851_f42d_4c95_7f2d;
    let mut killed = 0;
    for _ in 0..4 {
        let district = again(&issued);
        for (step, length) in steps.iter().zip(&lengths) {
            for _ in 0..2 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let mut child = crate::support::command(&district.root(), step)
                    .stdout(std::process::Stdio::null())
                    .stderr(std::process::Stdio::null())
                    .spawn()
                    .expect("the binary starts");
                std::thread::sleep(length.mul_f64((state >> 33) as f64 / f64::from(1_u32 << 31) * 0.95));
                killed += usize::from(child.try_wait().expect("a child").is_none());
                // SIGKILL.
                drop(child.kill());
                child.wait().expect("a child");
            }
            assert!(district.run(step).code < 2, "{step:?}");
        }
        for (expected, found) in expected.iter().zip(kept(&district)) {
            assert!(*expected == found, "after a kill\n{found:.2000}\ninstead of\n{expected:.2000}");
        }
        district.run(&["fsck"]).expect(0);
    }
    assert!(killed >= 10, "only {killed} were killed while running");
}

/// All workbooks below a folder.
fn workbooks(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { workbooks(&path) } else { vec![path] }).collect()
}

#[test]
fn what_is_no_returned_sheet_is_refused() {
    let district = District::new();
    let form = repository().join("data/forms/流动人口信息登记表/流动人口信息登记表.xlsx");
    let refused = district.run(&["form", "collect", form.to_str().expect("a path")]).expect(1);
    assert!(refused.stderr.contains("this is no collection sheet"), "{}", refused.stderr);
    district.run(&["form", "merge", "--for", "430105001007"]).expect(0);
    let out = district.root().join("outbox").join(AS_OF).join("采集表").join("430105001007_凤亭社区.xlsx");
    // By grid, the sheets of a community ask about the same objects between them.
    district.run(&["form", "merge", "--for", "430105001007", "--by-grid", "--out", "by-grid"]).expect(0);
    let objects = |path: &Path| {
        let sheets = read(path);
        let persons = sheets.into_iter().find(|(name, _)| name == "人员").map(|(_, grid)| grid).unwrap_or_default();
        let ids = persons.into_iter().filter(|((row, column), _)| *row > 3 && *column == 0).map(|(_, id)| id);
        ids.collect::<BTreeSet<String>>()
    };
    let grids = workbooks(&district.root().join("by-grid"));
    assert!(grids.len() > 1, "{grids:?}");
    let of_grids: Vec<BTreeSet<String>> = grids.iter().map(|path| objects(path)).collect();
    assert_eq!(of_grids.iter().flatten().cloned().collect::<BTreeSet<String>>(), objects(&out));
    assert_eq!(of_grids.iter().map(BTreeSet::len).sum::<usize>(), objects(&out).len(), "nobody is asked about twice");
    let mut sheets = read(&out);
    // A sheet of another warehouse, one without its keys, merged cells.
    let foreign = district.folder.path().join("外来.xlsx");
    let mut other = sheets.clone();
    sheet_of(&mut other, "_gridhouse").insert((1, 1), "0123456789abcdef".to_owned());
    write(&foreign, &other, None);
    let refused = district.run(&["form", "collect", foreign.to_str().expect("a path")]).expect(1);
    assert!(refused.stderr.contains("not sent out by this warehouse"), "{}", refused.stderr);
    let grid = sheet_of(&mut sheets, "人员");
    let (columns, rows) = keys(grid);
    let (phone, first) = (columns["person.phone"], rows[0]);
    grid.insert((first, phone), "15488889999".to_owned());
    let merged = district.folder.path().join("合并.xlsx");
    write(&merged, &sheets, Some(("人员", [first, phone, first + 1, phone])));
    district.run(&["form", "collect", merged.to_str().expect("a path")]).expect(1);
    assert!(district.sql("SELECT reason FROM collected_cells").contains("与别的格合并了"));
    sheet_of(&mut sheets, "人员").retain(|(_, column), _| *column != 0);
    let keyless = district.folder.path().join("无编号.xlsx");
    write(&keyless, &sheets, None);
    let run = district.run(&["form", "collect", keyless.to_str().expect("a path")]).expect(0);
    assert!(run.stderr.contains("认不出各行各列"), "{}", run.stderr);
}

/// Names and bytes of the parts of a package.
fn parts(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).expect("a file")).expect("a package");
    (0..archive.len())
        .map(|at| {
            let mut part = archive.by_index(at).expect("a part");
            let mut bytes = Vec::new();
            part.read_to_end(&mut bytes).expect("bytes");
            (part.name().expect("a name").into_owned(), bytes)
        })
        .collect()
}

#[test]
fn all_forms_are_filled_for_all_communities_and_keep_what_is_not_filled() {
    let district = District::new();
    let forms = district.json(&["form", "fill"]);
    let names: Vec<&str> = forms.iter().map(|form| form["form"].as_str().expect("a name")).collect();
    assert!(names.len() >= 12);
    let out = district.root().join("outbox").join(AS_OF).join("部门报表");
    for name in names {
        let folder = repository().join("data/forms").join(name);
        let workbook = std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path());
        let original = parts(
            &workbook.into_iter().find(|path| path.extension().is_some_and(|e| e == "xlsx")).expect("a workbook"),
        );
        let mut filled: Vec<PathBuf> =
            std::fs::read_dir(out.join(name)).expect("filled").flatten().map(|entry| entry.path()).collect();
        filled.sort();
        assert!(filled.len() == 115 || filled.iter().all(|path| path.is_dir()), "{name}: {}", filled.len());
        let first = match filled[0].is_dir() {
            true => std::fs::read_dir(&filled[0]).expect("cards").flatten().next().expect("a card").path(),
            false => filled[0].clone(),
        };
        let made = parts(&first);
        for (part, bytes) in &original {
            let is_touched = part.starts_with("xl/worksheets/sheet")
                || [
                    "xl/styles.xml",
                    "xl/workbook.xml",
                    "xl/_rels/workbook.xml.rels",
                    "[Content_Types].xml",
                    "xl/calcChain.xml",
                ]
                .contains(&part.as_str())
                || ["xl/drawings/", "xl/charts/", "xl/comments", "xl/tables/"]
                    .iter()
                    .any(|folder| part.starts_with(folder));
            if !is_touched {
                assert!(made.get(part) == Some(bytes), "{name}: {part} has changed");
            }
        }
        let texts = read(&first);
        assert!(texts.iter().any(|(sheet, _)| sheet.starts_with("数据来源")), "{name} tells its sources");
    }
    opened_by_libreoffice(&out);
    let counted =
        district.sql("SELECT count(DISTINCT form), sum(asked_cell_count), sum(filled_cell_count) FROM form_fills");
    let sum = |key: &str| forms.iter().map(|form| form[key].as_u64().expect("a count")).sum::<u64>();
    assert_eq!(counted, format!("{},{},{}", forms.len(), sum("cells"), sum("filled")));
}

/// One workbook of each form is opened and saved again by another program, with as many sheets as it has.
fn opened_by_libreoffice(filled: &Path) {
    if Command::new("soffice").arg("--version").output().is_err() {
        skipped("no LibreOffice (soffice)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut expected = BTreeMap::new();
    for (at, form) in std::fs::read_dir(filled).expect("forms").flatten().enumerate() {
        let first = workbooks(&form.path()).into_iter().min().expect("a workbook");
        std::fs::copy(&first, folder.path().join(format!("{at}.xlsx"))).expect("a copy");
        expected.insert(at, read(&first).len());
    }
    let profile = format!("-env:UserInstallation=file://{}", folder.path().join("profile").display());
    let saved = Command::new("soffice")
        .args([&profile, "--headless", "--convert-to", "ods", "--outdir"])
        .arg(folder.path())
        .args(expected.keys().map(|at| folder.path().join(format!("{at}.xlsx"))))
        .output()
        .expect("soffice");
    assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));
    for (at, sheets) in expected {
        let path = folder.path().join(format!("{at}.ods"));
        let book: calamine::Ods<_> = open_workbook(&path).expect("LibreOffice has opened it");
        assert_eq!(book.sheet_names().len(), sheets, "{at}");
    }
}
