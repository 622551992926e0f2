//! Where a file comes from: its record, whether it was touched, the same file again, two editions side by side, and what
//! upkeep leaves for all this.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::{AS_OF, Project, contents, copy, documents, gridhouse, readers};

const NEXT_DAY: &str = "2024-06-28";
const LEDGER: &str = "居民台账/430105001007凤亭社区.xlsx";
const FORM: &str = "吹哨办理情况表.xlsx";

/// A project with two nights. Made once; each caller gets a copy.
fn two_nights() -> Project {
    static MADE: OnceLock<Project> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let project = Project::sample();
        project.run(&["generate", "--out", "inbox", "--scale", "0.002", "--night", "2"]).expect(0);
        project.run(&["nightly", "--as-of", NEXT_DAY]).expect(0);
        project
    });
    let project = Project::new();
    std::fs::remove_dir_all(project.root()).expect("an empty folder");
    copy(made.root(), project.root());
    project
}

fn edition(project: &Project, date: &str) -> PathBuf {
    project.path("outbox").join(date)
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path").to_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a record")).expect("JSON")
}

fn beside(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.json", path.display()))
}

/// One part of a workbook.
fn part(path: &Path, name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).expect("a file")).expect("a package");
    let mut text = String::new();
    archive.by_name(name).expect("a part").read_to_string(&mut text).expect("a text");
    text
}

/// The workbook with a part written anew, as an editor would that kept everything else.
fn with_part(path: &Path, name: &str, change: impl Fn(&str) -> String) {
    let bytes = std::fs::read(path).expect("a file");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a package");
    let mut changed = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for at in 0..archive.len() {
        let mut part = archive.by_index(at).expect("a part");
        let part_name = part.name().expect("a name").into_owned();
        let mut text = Vec::new();
        part.read_to_end(&mut text).expect("a part");
        if part_name == name {
            let text_before = String::from_utf8(text).expect("a text");
            text = change(&text_before).into_bytes();
            assert_ne!(text, text_before.as_bytes(), "nothing was changed in {name}");
        }
        changed.start_file(part_name, zip::write::SimpleFileOptions::default()).expect("a part");
        changed.write_all(&text).expect("a part");
    }
    std::fs::write(path, changed.finish().expect("a package").into_inner()).expect("a file");
}

/// Another figure in the first number cell of a sheet.
fn with_another_figure(path: &Path) {
    let number = regex::Regex::new(r#"<c r="([A-Z]+\d+)"( s="\d+")><v>(\d+)</v>"#).expect("a pattern");
    with_part(path, "xl/worksheets/sheet1.xml", |xml| {
        let found = number.captures_iter(xml).last().expect("a number");
        let figure: u64 = found[3].parse().expect("a number");
        xml.replacen(&found[0], &format!("<c r=\"{}\"{}><v>{}</v>", &found[1], &found[2], figure + 1), 1)
    });
}

/// The record that a workbook or page carries in itself.
fn embedded(path: &Path) -> Option<Value> {
    let unescaped = |text: &str| {
        text.replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&apos;", "'")
            .replace("&amp;", "&")
    };
    let text = match path.extension()?.to_str()? {
        "xlsx" | "docx" => {
            let piece = regex::Regex::new(r#"name="record_(\d+)"><vt:lpwstr>([^<]*)<"#).expect("a pattern");
            let xml = part(path, "docProps/custom.xml");
            let mut pieces: Vec<(u32, String)> = piece
                .captures_iter(&xml)
                .map(|found| (found[1].parse().expect("a number"), unescaped(&found[2])))
                .collect();
            assert!(pieces.iter().all(|(_, text)| text.encode_utf16().count() <= 255), "{}", path.display());
            pieces.sort();
            pieces.into_iter().map(|(_, text)| text).collect()
        }
        "html" => {
            let page = std::fs::read_to_string(path).expect("a page");
            let start = page.split("<meta name=\"gridhouse\" content=\"").nth(1)?;
            unescaped(start.split('"').next()?)
        }
        // Any other program can take the record out of a PDF.
        "pdf" => {
            let folder = tempfile::tempdir().expect("a folder");
            let taken = Command::new("pdfdetach").arg("-saveall").arg("-o").arg(folder.path()).arg(path).output();
            match taken {
                Ok(taken) => assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr)),
                Err(_) => {
                    crate::support::skipped(&format!("no pdfdetach to take the record out of {}", path.display()));
                    return None;
                }
            }
            std::fs::read_to_string(folder.path().join("record.json")).expect("a record")
        }
        _ => return None,
    };
    Some(serde_json::from_str(&text).expect("a record"))
}

fn hash(path: &Path) -> String {
    blake3::hash(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .to_hex()
        .to_string()
}

#[test]
fn every_file_says_where_it_comes_from() {
    let project = Project::sample();
    let folder = edition(&project, AS_OF);
    let history: Vec<Value> =
        serde_json::from_str(&project.run(&["history", "--format", "json"]).expect(0).stdout).expect("JSON");
    let (mut kinds, mut members) = (Vec::new(), 0);
    for (file, bytes) in documents(&folder) {
        let path = folder.join(&file);
        let record = json(&beside(&path));
        assert_eq!(record["content"]["blake3"], hash(&path), "{}", file.display());
        assert_eq!(record["content"]["bytes"], bytes.len());
        assert_eq!((&record["file"], &record["as_of"]), (&Value::from(file.to_str()), &Value::from(AS_OF)));
        // What the file carries is the same but for the hash of itself.
        let mut without_content = record.clone();
        without_content.as_object_mut().expect("an object").remove("content");
        let extension = file.extension().expect("an extension").to_owned();
        if let Some(embedded) = embedded(&path) {
            assert_eq!(embedded, without_content, "{}", file.display());
            kinds.push(extension.clone());
        }
        let is_unread = extension == "md" || extension == "pdf";
        assert!(is_unread || kinds.last() == Some(&extension), "{} carries no record", file.display());
        members += usize::from(record.get("member").is_some());
        let report = record["report"].as_str().expect("a report");
        for (name, known) in record["templates"].as_object().expect("templates") {
            assert_eq!(*known, hash(&project.path("report-templates").join(report).join(name)), "{name}");
        }
        for (name, known) in record["queries"].as_object().expect("queries") {
            assert_eq!(*known, hash(&project.path("queries").join(name)), "{name}");
        }
        for (table, version) in record["tables"].as_object().expect("tables") {
            let log = project.path("warehouse").join(table).join("_delta_log");
            assert!(log.join(format!("{:020}.json", version.as_u64().expect("a version"))).is_file(), "{table}");
        }
        for (table, batches) in record["batches"].as_object().expect("batches") {
            let of_table: Vec<&Value> = history.iter().filter(|batch| batch["table"] == *table).collect();
            assert_eq!(batches["count"], of_table.len(), "{table}");
            if let Some(newest) = batches["newest"].get(0) {
                let last = of_table.iter().max_by_key(|batch| batch["version"].as_u64()).expect("a batch");
                assert_eq!((&newest["batch"], &newest["file"]), (&last["batch"], &last["file"]));
                let delivered = project.path("archive").join(AS_OF).join(newest["file"].as_str().expect("a name"));
                let reference = project.path("data/reference").join(newest["file"].as_str().expect("a name"));
                let delivered = if delivered.is_file() { delivered } else { reference };
                assert_eq!(newest["blake3"], hash(&delivered));
            }
        }
    }
    kinds.sort();
    kinds.dedup();
    assert!(kinds.iter().any(|kind| kind == "xlsx") && kinds.iter().any(|kind| kind == "html"), "{kinds:?}");
    assert!(members > 100, "{members} files of members");
    let record = json(&beside(&folder.join(LEDGER)));
    assert_eq!(record["member"]["key"], "430105001007");
    assert_eq!(record["parameters"]["community_code"], "", "a member's key is not the parameter of its name");
    let reads = record["batches"].as_object().expect("batches");
    assert!(
        reads.contains_key("residents") && !reads.contains_key("whistles"),
        "only what the report reads: {reads:?}"
    );
}

#[test]
fn another_reader_finds_the_record_too() {
    let Some(python) = readers() else { return };
    let project = Project::sample();
    let script = "\
import json, sys, openpyxl
book = openpyxl.load_workbook(sys.argv[1])
named = {p.name: p.value for p in book.custom_doc_props.props}
text = ''.join(named[name] for name in sorted(named) if name.startswith('record_'))
beside = json.load(open(sys.argv[1] + '.json'))
content = beside.pop('content')
assert json.loads(text) == beside, text
assert named['report'] == beside['report'] and named['snapshot'] == beside['snapshot']";
    for file in [FORM, LEDGER] {
        let path = edition(&project, AS_OF).join(file);
        let output = Command::new(&python).args(["-c", script]).arg(path).output().expect("python");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn an_untouched_file_is_known_wherever_it_has_been() {
    let project = Project::sample();
    let folder = edition(&project, AS_OF);
    let run = project.run(&["verify", &text(&folder), "--format", "json"]).expect(0);
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(rows.len(), documents(&folder).len());
    assert!(rows.iter().all(|row| row["state"] == "untouched, issued"), "{}", run.stdout);
    // A mail attachment: another name, no record beside it, and for Markdown none at all.
    for (file, name) in [(LEDGER, "附件1.xlsx"), ("每日要情.md", "附件2.md"), ("每日要情.html", "附件3.html")]
    {
        let sent = project.path("mail").join(name);
        std::fs::create_dir_all(project.path("mail")).expect("a folder");
        std::fs::copy(folder.join(file), &sent).expect("a copy");
        let run = project.run(&["verify", &text(&sent), "--format", "json"]).expect(0);
        let rows: Vec<Value> = serde_json::from_str(&run.stdout).expect("JSON");
        assert_eq!((&rows[0]["made_as"], &rows[0]["as_of"]), (&Value::from(file), &Value::from(AS_OF)));
    }
    let run = project.run(&["verify", &text(&beside(&folder.join(FORM)))]).expect(0);
    assert!(run.stdout.contains("untouched, issued"), "{}", run.stdout);
    // Made for somebody's own folder: known too, and told apart.
    project.run(&["report", "resident_ledger", "-P", "community_code=430105001007", "--out", "own"]).expect(0);
    let run = project.run(&["verify", "own"]).expect(0);
    assert!(run.stdout.contains("untouched, not issued"), "{}", run.stdout);
}

#[test]
fn a_touched_file_is_told() {
    let project = Project::sample();
    let folder = edition(&project, AS_OF);
    let touched = |file: &Path| {
        let run = project.run(&["verify", &text(file)]).expect(1);
        assert!(run.stderr.contains("has been touched since it was made"), "{}", run.stderr);
        assert!(run.stdout.contains("touched"), "{}", run.stdout);
        run.stderr
    };
    with_another_figure(&folder.join(FORM));
    let told = touched(&folder.join(FORM));
    assert!(told.contains("as of 2024-06-27") && told.contains("hint: `gridhouse reproduce"), "{told}");
    // The record beside it forged to match.
    let mut record = json(&beside(&folder.join(FORM)));
    record["content"]["blake3"] = hash(&folder.join(FORM)).into();
    record["content"]["bytes"] = std::fs::metadata(folder.join(FORM)).expect("a file").len().into();
    std::fs::write(beside(&folder.join(FORM)), serde_json::to_string_pretty(&record).expect("JSON") + "\n")
        .expect("a record");
    touched(&folder.join(FORM));
    let run = project.run(&["verify", &text(&beside(&folder.join(FORM)))]).expect(1);
    assert!(run.stderr.contains("error:"), "{}", run.stderr);
    // Markdown carries nothing: its place in the outbox names it.
    let page = folder.join("每日要情.md");
    std::fs::write(&page, std::fs::read_to_string(&page).expect("a page") + "\n").expect("a page");
    std::fs::remove_file(beside(&page)).expect("no record");
    touched(&page);
    // Moved away and edited, a workbook still says which file it was.
    let sent = project.path("附件.xlsx");
    std::fs::copy(folder.join(LEDGER), &sent).expect("a copy");
    with_part(&sent, "docProps/core.xml", |xml| xml.replace("<dc:creator>", "<dc:creator>x"));
    assert!(touched(&sent).contains(LEDGER));
}

#[test]
fn a_workbook_that_was_only_saved_again_is_told_with_what_saved_it() {
    let Some(python) = readers() else { return };
    let project = Project::sample();
    let path = edition(&project, AS_OF).join(FORM);
    let script = "import sys, openpyxl; book = openpyxl.load_workbook(sys.argv[1]); book.save(sys.argv[1])";
    let output = Command::new(python).args(["-c", script]).arg(&path).output().expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run = project.run(&["verify", &text(&path)]).expect(1);
    assert!(run.stderr.contains("has been touched") && run.stderr.contains("\n  saved: 20"), "{}", run.stderr);
    let run = project.run(&["reproduce", &text(&path)]).expect(1);
    assert!(run.stderr.contains("byte for byte what was made then"), "{}", run.stderr);
}

/// What an office does to a workbook before it is sent back.
#[test]
fn another_program_keeps_the_record_when_it_saves() {
    let project = Project::sample();
    let (before, folder) = (edition(&project, AS_OF).join(LEDGER), project.path("saved"));
    let profile = format!("-env:UserInstallation=file://{}", project.path("profile").display());
    let arguments = [&profile, "--headless", "--convert-to", "xlsx", "--outdir"].map(str::to_owned);
    let saved = Command::new("soffice").args(arguments).arg(&folder).arg(&before).output();
    let after = folder.join(before.file_name().expect("a name"));
    if saved.is_err() || !after.is_file() {
        crate::support::skipped("no LibreOffice to save a workbook");
        return;
    }
    let run = project.run(&["verify", &text(&after)]).expect(1);
    assert!(run.stderr.contains("has been touched") && run.stderr.contains("LibreOffice"), "{}", run.stderr);
    assert!(run.stderr.contains(LEDGER), "{}", run.stderr);
    let run = project.run(&["reproduce", &text(&after)]).expect(1);
    assert!(run.stderr.contains("byte for byte what was made then"), "{}", run.stderr);
    let run = project.run(&["diff", &text(&before), &text(&after)]).expect(0);
    assert!(run.stderr.contains("no cell differs"), "{}", run.stderr);
}

#[test]
fn files_that_are_none_of_ours_are_no_trouble() {
    let project = Project::sample();
    let folder = edition(&project, AS_OF);
    let whole = std::fs::read(folder.join(FORM)).expect("a file");
    let bomb = {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file("docProps/custom.xml", zip::write::SimpleFileOptions::default()).expect("a part");
        let blank = vec![b' '; 1 << 20];
        for _ in 0..256 {
            zip.write_all(&blank).expect("a part");
        }
        zip.finish().expect("a package").into_inner()
    };
    let cut = &whole[..whole.len() / 2];
    let later = "<meta name=\"gridhouse\" content=\"{&quot;gridhouse&quot;: 99}\">";
    let outside =
        "<meta name=\"gridhouse\" content=\"{&quot;gridhouse&quot;:1,&quot;report&quot;:&quot;../../x&quot;}\">";
    for (name, bytes) in [
        ("empty.xlsx", &b""[..]),
        ("text.xlsx", b"not a zip"),
        ("bomb.xlsx", &bomb),
        ("cut.xlsx", cut),
        ("later.html", later.as_bytes()),
        ("outside.html", outside.as_bytes()),
        ("bytes.md", b"\xFF\xFE\x00\x01"),
        ("other.pdf", b"%PDF-1.7\n"),
    ] {
        let path = project.write(&format!("odd/{name}"), bytes);
        let run = project.run(&["verify", &text(&path)]).expect(1);
        assert!(run.stderr.contains("error:") && !run.stderr.contains("broke off"), "{name}: {}", run.stderr);
        let run = project.run(&["reproduce", &text(&path)]).expect(1);
        assert!(run.stderr.contains("carries no record"), "{name}: {}", run.stderr);
    }
    let run = project.run(&["verify", "odd/later.html"]).expect(1);
    assert!(run.stderr.contains("made by a later gridhouse"), "{}", run.stderr);
    project.run(&["verify", "odd/no-such-file"]).expect(1);
    project.run(&["reproduce", "odd/no-such-file"]).expect(1);
    // The record of another file beside one of ours, away from the warehouse.
    let away = tempfile::tempdir().expect("a folder");
    let sent = away.path().join("a.xlsx");
    std::fs::copy(folder.join(FORM), &sent).expect("a copy");
    let run = gridhouse(away.path(), &["verify", "a.xlsx"]).expect(1);
    assert!(run.stderr.contains("nothing at hand says"), "{}", run.stderr);
    std::fs::copy(beside(&folder.join(LEDGER)), beside(&sent)).expect("a copy");
    let run = gridhouse(away.path(), &["verify", "a.xlsx"]).expect(1);
    assert!(run.stderr.contains("do not belong together"), "{}", run.stderr);
    std::fs::copy(beside(&folder.join(FORM)), beside(&sent)).expect("a copy");
    let run = gridhouse(away.path(), &["verify", "a.xlsx"]).expect(0);
    assert!(run.stdout.contains("as recorded") && run.stderr.contains("vouch for little"), "{}", run.stderr);
    with_another_figure(&sent);
    gridhouse(away.path(), &["verify", "a.xlsx"]).expect(1);
    let run = gridhouse(away.path(), &["-C", "nowhere", "verify", "a.xlsx"]).expect(1);
    assert!(run.stderr.contains("no such folder"), "{}", run.stderr);
}

#[test]
fn a_file_comes_out_the_same_after_later_nights() {
    let project = two_nights();
    for date in [AS_OF, NEXT_DAY] {
        for file in [FORM, LEDGER, "每日要情.md", "每日要情.html"] {
            let run = project.run(&["reproduce", &text(&edition(&project, date).join(file))]).expect(0);
            assert!(run.stdout.starts_with("identical: "), "{}", run.stdout);
            assert!(run.stdout.contains(file) && run.stdout.contains(date), "{}", run.stdout);
        }
    }
    // The office has another name today; the file says which it had.
    let settings = std::fs::read_to_string(project.path("gridhouse.toml")).expect("settings");
    project.write("gridhouse.toml", settings.replace("某区网格化综合服务中心", "某区社会治理中心"));
    let run = project.run(&["reproduce", &text(&edition(&project, AS_OF).join(FORM))]).expect(0);
    assert!(run.stderr.contains("setting `district.office` was `某区网格化综合服务中心`"), "{}", run.stderr);
    // A query may be written differently and say the same.
    let query = project.path("queries/marts/whistle_by_department.sql");
    std::fs::write(&query, std::fs::read_to_string(&query).expect("a query") + "\n-- the same\n").expect("a query");
    let run = project.run(&["reproduce", &text(&edition(&project, AS_OF).join(FORM))]).expect(0);
    assert!(run.stderr.contains("query `marts/whistle_by_department.sql` has changed"), "{}", run.stderr);
    assert!(run.stderr.contains("without effect"), "{}", run.stderr);
}

#[test]
fn what_makes_a_file_come_out_differently_is_named() {
    let project = Project::sample();
    let file = edition(&project, AS_OF).join(LEDGER);
    // Touched: what is made again is what was made.
    with_another_figure(&file);
    let run = project.run(&["reproduce", &text(&file), "--format", "json"]).expect(1);
    assert!(run.stderr.contains("byte for byte what was made then"), "{}", run.stderr);
    let cells: Vec<Value> = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(cells.len(), 1, "{}", run.stdout);
    assert!(!cells[0]["column"].as_str().expect("a label").is_empty(), "{}", run.stdout);
    // Another template.
    let file = edition(&project, AS_OF).join(FORM);
    let report = json(&beside(&file))["report"].as_str().expect("a report").to_owned();
    let form = project.path("report-templates").join(&report).join("form.yml");
    let before = std::fs::read_to_string(&form).expect("a form");
    let changed = before.replacen("得分满分100分", "得分满分一百分", 1);
    assert_ne!(changed, before);
    std::fs::write(&form, changed).expect("a form");
    let run = project.run(&["reproduce", &text(&file), "--out", "again", "--format", "csv"]).expect(1);
    assert!(run.stderr.contains("why: template `form.yml` has changed"), "{}", run.stderr);
    assert!(run.stdout.contains("得分满分一百分"), "{}", run.stdout);
    assert!(project.path("again").join(FORM).is_file());
    assert_eq!(documents(&project.path("again")).len(), 1, "one file was asked for");
    // It would otherwise be compared with itself.
    let edition = text(&edition(&project, AS_OF));
    let run = project.run(&["reproduce", &text(&file), "--out", &edition]).expect(1);
    assert!(run.stderr.contains("is there already"), "{}", run.stderr);
    // A template with a mistake, and none at all.
    std::fs::write(&form, "columns: [").expect("a form");
    let run = project.run(&["reproduce", &text(&file)]).expect(1);
    assert!(run.stderr.contains("form.yml:") && run.stderr.contains("cannot be made again"), "{}", run.stderr);
    std::fs::remove_dir_all(form.parent().expect("a folder")).expect("no report");
    let run = project.run(&["reproduce", &text(&file)]).expect(1);
    assert!(run.stderr.contains("is no longer in the project"), "{}", run.stderr);
    // The outbox was never written to.
    project.run(&["verify", &text(&file)]).expect(0);
}

#[test]
fn two_editions_are_compared_cell_by_cell() {
    let project = two_nights();
    let (old, new) = (edition(&project, AS_OF), edition(&project, NEXT_DAY));
    let differences = |file: &str, code: i32| -> Vec<Value> {
        let (old, new) = (text(&old.join(file)), text(&new.join(file)));
        let run = project.run(&["diff", &old, &new, "--format", "json"]).expect(code);
        serde_json::from_str(&run.stdout).expect("JSON")
    };
    let found = differences(FORM, 1);
    let is_named = |d: &Value| {
        !d["row"].as_str().unwrap_or_default().is_empty() && !d["column"].as_str().unwrap_or_default().is_empty()
    };
    assert!(found.iter().any(is_named), "{found:?}");
    assert!(!differences("每日要情.md", 1).is_empty() && !differences("每日要情.html", 1).is_empty());
    let run = project.run(&["diff", &text(&old.join(FORM)), &text(&old.join(FORM))]).expect(0);
    assert!(run.stderr.contains("no cell differs") && run.stdout.is_empty(), "{}", run.stderr);
    let run = project.run(&["diff", &text(&old.join(FORM)), &text(&old.join("每日要情.md"))]).expect(2);
    assert!(run.stderr.contains("different kinds"), "{}", run.stderr);
    project.run(&["diff", &text(&old.join(FORM)), "no-such-file.xlsx"]).expect(2);
    let torn = project.write("torn.xlsx", "PK\u{3}\u{4}");
    project.run(&["diff", &text(&old.join(FORM)), &text(&torn)]).expect(2);
    // A ledger with one row less: one difference beside the lines that say so.
    let (all, less) = (project.path("all.xlsx"), project.path("less.xlsx"));
    std::fs::copy(old.join(LEDGER), &all).expect("a copy");
    std::fs::copy(old.join(LEDGER), &less).expect("a copy");
    let row = regex::Regex::new(r#"<row r="\d+"[^>]*>.*?</row>"#).expect("a pattern");
    let mut gone = String::new();
    with_part(&less, "xl/worksheets/sheet1.xml", |xml| {
        let rows: Vec<&str> = row.find_iter(xml).map(|found| found.as_str()).collect();
        xml.replacen(rows[rows.len() / 2], "", 1)
    });
    let run = project.run(&["diff", &text(&all), &text(&less), "--format", "json"]).expect(1);
    let found: Vec<Value> = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(found.len(), 1, "{}", run.stdout);
    assert!(found[0]["new"].is_null() && found[0]["place"].as_str().expect("a place").starts_with("row "));
    gone.push_str(found[0]["old"].as_str().expect("a row"));
    assert!(gone.contains("990105"), "{gone}");
}

/// As if the nights had been two years ago: what an upkeep may remove is decided by these times.
pub(crate) fn make_old(project: &Project) {
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400 * 365 * 40);
    let deleted = regex::Regex::new(r#""deletionTimestamp":\d+"#).expect("a pattern");
    for (path, bytes) in contents(&project.path("warehouse")) {
        let path = project.path("warehouse").join(path);
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let is_log = path.parent().is_some_and(|folder| folder.ends_with("_delta_log"));
        if is_log && name.ends_with(".json") {
            let text = String::from_utf8(bytes).expect("a log");
            std::fs::write(&path, deleted.replace_all(&text, "\"deletionTimestamp\":1000").as_bytes()).expect("a log");
        } else if is_log {
            // A checkpoint repeats the times; the log is read without it.
            std::fs::remove_file(&path).expect("no checkpoint");
        } else if name.ends_with(".parquet") {
            std::fs::File::options().append(true).open(&path).expect("a file").set_modified(long_ago).expect("a time");
        }
    }
}

fn parquet_files(project: &Project, table: &str) -> usize {
    let files = contents(&project.path("warehouse").join(table));
    files.iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "parquet")).count()
}

#[test]
fn upkeep_leaves_what_kept_reports_need_and_says_what_is_gone_of_others() {
    let project = two_nights();
    let marts = project.path("warehouse/.marts");
    // Nothing but the register keeps these versions.
    let runs = project.path("warehouse/runs");
    std::fs::remove_dir_all(runs).expect("no runs");
    make_old(&project);
    let before = parquet_files(&project, "residents");
    let run = project.run(&["upkeep", "--format", "json"]).expect(0);
    let tables: Vec<Value> = serde_json::from_str(&run.stdout).expect("JSON");
    let residents = tables.iter().find(|table| table["table"] == "residents").expect("residents");
    assert_eq!(residents["versions_kept"], 2, "{}", run.stdout);
    assert!(residents["files_removed"].as_u64().expect("a number") > 0, "versions between are gone: {}", run.stdout);
    assert!(parquet_files(&project, "residents") < before);
    std::fs::remove_dir_all(&marts).expect("marts");
    for date in [AS_OF, NEXT_DAY] {
        for file in [FORM, LEDGER, "每日要情.html"] {
            let run = project.run(&["reproduce", &text(&edition(&project, date).join(file))]).expect(0);
            assert!(run.stdout.starts_with("identical: "), "{}", run.stdout);
        }
    }
    // Ledgers of the first night expire; its summaries do not.
    let settings = std::fs::read_to_string(project.path("gridhouse.toml")).expect("settings");
    let short = settings.replace("keep_ledger_days = 740", "keep_ledger_days = 0");
    assert_ne!(short, settings);
    project.write("gridhouse.toml", &short);
    make_old(&project);
    project.run(&["upkeep"]).expect(0);
    let run = project.run(&["reproduce", &text(&edition(&project, AS_OF).join(FORM))]).expect(0);
    assert!(run.stdout.starts_with("identical: "), "{}", run.stdout);
    project.write("gridhouse.toml", short.replace("keep_days = 3660", "keep_days = 0"));
    make_old(&project);
    project.run(&["upkeep"]).expect(0);
    for file in [FORM, LEDGER] {
        let run = project.run(&["reproduce", &text(&edition(&project, AS_OF).join(file))]).expect(1);
        assert!(
            run.stderr.contains("are not all here any more") && run.stderr.contains("data files are gone"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("keep_days"), "{}", run.stderr);
        project.run(&["verify", &text(&edition(&project, AS_OF).join(file))]).expect(0);
        project.run(&["reproduce", &text(&edition(&project, NEXT_DAY).join(file))]).expect(0);
    }
}

#[test]
fn a_damaged_register_stops_upkeep_and_nothing_is_issued_over_it() {
    let project = Project::sample();
    let register = project.path("warehouse/.issued").join(AS_OF).join("resident_ledger.json");
    std::fs::write(&register, "[{").expect("a register");
    let run = project.run(&["upkeep"]).expect(2);
    assert!(run.stderr.contains("register of what was made is damaged"), "{}", run.stderr);
    let before = contents(&edition(&project, AS_OF));
    let run = project.run(&["report", "resident_ledger"]).expect(1);
    assert!(run.stderr.contains("register of what was made is damaged"), "{}", run.stderr);
    assert!(contents(&edition(&project, AS_OF)) == before);
}
