//! Figures in texts: each leads back to what it was made of, and no other number is said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gridhouse::explain;
use gridhouse::query::lineage::{Datum, Lineage};
use gridhouse::report::{Source, Spot};

use crate::support::{AS_OF, Project, contents};

/// A figure as a view has it: view, column, row.
type Asked = (String, String, Vec<(String, Datum)>);

/// The summaries that ship, and those of a quality report for a few of its units.
fn pages(project: &Project) -> Vec<PathBuf> {
    let folder = project.path("outbox").join(AS_OF);
    let all = contents(&folder).into_iter().map(|(path, _)| path);
    let mut pages: Vec<PathBuf> = all.filter(|path| path.extension().is_some_and(|e| e == "html")).collect();
    pages.sort();
    let mut units = 0;
    pages.retain(|path| {
        let is_unit = path.starts_with("数据质量通报");
        units += usize::from(is_unit);
        !is_unit || units <= 2
    });
    pages.into_iter().map(|path| folder.join(path)).collect()
}

/// Futures within futures take room, in a build that is not optimised more than a test's thread has.
#[test]
fn every_number_of_every_text_leads_to_a_figure_or_is_of_a_kind_that_is_none() {
    let work = std::thread::Builder::new().stack_size(32 << 20).spawn(walk_every_number).expect("a thread");
    work.join().expect("no panic");
}

fn walk_every_number() {
    let sample = Project::sample();
    let pages = pages(&sample);
    assert!(pages.len() >= 5, "{pages:?}");
    for page in &pages {
        let grown = grown(&std::fs::read_to_string(page).expect("a page"));
        assert!(grown <= 30, "{}: its explanations make it {grown} % larger", page.display());
    }
    let (wrong, figures) = walk(&sample, &pages);
    assert_eq!(wrong, Vec::<String>::new());
    assert!(figures > 500, "{figures} figures");
}

/// Months that were closed are shown as they were then, whatever became of their records.
#[test]
fn every_number_that_rests_on_a_closed_month_leads_to_the_figure_it_was_closed_with() {
    let work = std::thread::Builder::new().stack_size(32 << 20).spawn(|| {
        let project = crate::closed::revised();
        let folder = project.path("outbox/2024-06-30");
        let pages = ["吹哨办理通报/月通报.html", "吹哨办理通报/半年通报.html", "决策参考.html", "每日要情.html"];
        let (mut wrong, figures) = walk(&project, &pages.map(|page| folder.join(page)));
        // The table of revisions prints texts of its view, as short as "5", and ids as short as "WJ2".
        wrong.retain(|problem| !problem.contains(" in …"));
        assert_eq!(wrong, Vec::<String>::new());
        assert!(figures > 200, "{figures} figures");
    });
    work.expect("a thread").join().expect("no panic");
}

/// What is wrong with the figures of these pages, and how many there are.
fn walk(sample: &Project, pages: &[PathBuf]) -> (Vec<String>, usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (mut wrong, mut figures) = (Vec::new(), 0);
    for page in pages {
        let html = std::fs::read_to_string(page).expect("a page");
        let (spots, found, words, report) = runtime.block_on(traced(sample, page));
        figures += spots.len();
        let name = page.file_name().expect("a name").to_string_lossy().into_owned();
        wrong.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
        // The page has the same figures, by the same names.
        let linked = links(&html);
        let listed: Vec<(String, String)> =
            spots.iter().map(|spot| (spot.address.clone(), escaped(&spot.shown))).collect();
        assert_eq!(linked, listed, "{name}");
        let template = sample.path(&format!("report-templates/{report}/summary.md.j2"));
        let template = std::fs::read_to_string(template).expect("a template");
        wrong.extend(unexplained(&html, &template, &words).into_iter().map(|number| format!("{name}: {number}")));
        // It does find what is there to find.
        let bare = html.replacen("<p>", "<p>又办结37件，", 1).replacen("<a id=f2 ", "<b id=f2 ", 1);
        let found = unexplained(&bare, &template, &words).join("\n");
        assert!(
            found.contains("37 in")
                && found.lines().count() > usize::from(spots[1].shown.contains(|s: char| s.is_ascii_digit())),
            "{name}: {found}"
        );
    }
    (wrong, figures)
}

/// The figures of a file, those that do not come to what it shows, the texts of its data with numbers in them, its report.
async fn traced(sample: &Project, file: &Path) -> (Vec<Spot>, Vec<String>, BTreeSet<String>, String) {
    let project = gridhouse::project::Project::find(sample.root(), &[]).expect("a project");
    let (warehouse, contracts) = (project.warehouse(), project.contracts().expect("contracts"));
    let runs = gridhouse::landing::read_runs(&warehouse).await.expect("runs");
    let batches = gridhouse::landing::read_batches(&warehouse).await.expect("batches");
    let (record, _) = explain::record_of(&project, file, &batches).expect("a record");
    let snapshot = explain::snapshot_of(&record, &runs).expect("a snapshot");
    let (session, _) = project.session(&warehouse, &contracts, snapshot).await.expect("a session");
    let laid_out = explain::lay_out(&project, &session, &batches, &record).await.expect("the file again");
    assert!(laid_out.changed.is_empty());
    let spots = laid_out.file.spots(0);
    let mut wrong = Vec::new();
    // The same cell may be said more than once.
    let mut shown: Vec<(Asked, BTreeSet<&str>)> = Vec::new();
    for spot in &spots {
        match &spot.source {
            Source::View { view, column, row } => {
                let asked = (view.clone(), column.clone(), row.clone());
                match shown.iter_mut().find(|(known, _)| *known == asked) {
                    Some((_, texts)) => drop(texts.insert(&spot.shown)),
                    None => shown.push((asked, BTreeSet::from([spot.shown.as_str()]))),
                }
            }
            Source::Count { rows, .. } if rows.len().to_string() == spot.shown => {}
            other => wrong.push(format!("{} {}: {other:?}", spot.address, spot.shown)),
        }
    }
    let views: BTreeSet<&str> = shown.iter().map(|((view, ..), _)| view.as_str()).collect();
    let views: Vec<&str> = views.into_iter().collect();
    let lineage = Lineage::of(&session, &contracts, &views).await.expect("a lineage");
    let mut explained: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for ((view, column, row), texts) in &shown {
        let known = row.iter().find(|(name, value)| name == column && !value.is_null());
        let times = explained.entry((view, column)).or_default();
        *times += 1;
        // Counts stand in the row that the figure was found by; other rows of the same column are made the same way.
        let value = match known.filter(|_| *times > 1) {
            Some((_, value)) => value.clone(),
            None if *times > 2 => continue,
            None => {
                let figure = lineage.explain(view, column, row).await;
                figure.unwrap_or_else(|problem| panic!("{view}.{column}: {problem:?}")).value
            }
        };
        // A column whose rows are of different units holds texts, which are printed as they are.
        let is_shown = |text: &str| match value.number() {
            None if !value.is_null() => text == value.shown(),
            number => shows(text, number),
        };
        for text in texts.iter().filter(|text| !is_shown(text)) {
            wrong.push(format!("{view}.{column} is {value:?}, the text says {text}"));
        }
    }
    let mut words = BTreeSet::new();
    let (reports, _) = gridhouse::report::load(&project.report_templates());
    let report = reports.iter().find(|report| report.name == record.report).expect("the report");
    for view in report.views() {
        let rows = session.fetch(&format!("SELECT * FROM {view}")).await.expect("a view");
        let texts = Datum::rows(&rows).expect("rows").into_iter().flatten();
        let numbered = texts.filter(|value| value.number().is_none() && !value.is_null()).map(|value| value.shown());
        words.extend(numbered.filter(|text| text.chars().any(|sign| sign.is_ascii_digit()) && text.len() > 3));
    }
    (spots, wrong, words, record.report)
}

/// Whether a text can stand for a value: by its digits, in the unit it names.
fn shows(text: &str, value: Option<f64>) -> bool {
    let Some(value) = value else { return text.ends_with('—') };
    let from = text.find(|sign: char| sign.is_ascii_digit() || sign == '-');
    let Some(from) = from else { return text.contains("持平") && value.abs() < 0.005 };
    let number: String =
        text[from..].chars().take_while(|sign| sign.is_ascii_digit() || ".-".contains(*sign)).collect();
    let digits = number.split_once('.').map_or(0, |(_, digits)| digits.len());
    let rest = &text[from + number.len()..];
    let said: f64 = number.parse().expect("a number");
    let in_unit = match rest {
        _ if rest.starts_with('%') => value * 100.0,
        _ if rest.starts_with('万') => value / 10_000.0,
        _ => value,
    };
    // 减少3件, 下降0.2个百分点, 拉低0.1: the sign is said in words.
    let is_off = |value: f64| (value - said).abs() > 0.5 * 0.1_f64.powi(i32::try_from(digits).expect("few")) + 1e-9;
    !is_off(in_unit) || !is_off(in_unit.abs())
}

#[test]
fn a_text_that_says_another_value_is_noticed() {
    for (text, value, is_shown) in [
        ("20", Some(20.0), true),
        ("20", Some(21.0), false),
        ("环比上升25.0%", Some(0.25), true),
        ("环比上升25.0%", Some(0.251), false),
        ("环比下降0.35个百分点", Some(-0.346), true),
        ("64.00万", Some(640_049.0), true),
        ("64.00万", Some(640_051.0), false),
        ("持平", Some(0.0), true),
        ("持平", Some(1.0), false),
        ("—", None, true),
        ("0", None, false),
    ] {
        assert_eq!(shows(text, value), is_shown, "{text} {value:?}");
    }
}

fn links(html: &str) -> Vec<(String, String)> {
    html.split("<a id=")
        .skip(1)
        .map(|link| {
            let (id, rest) = link.split_once(' ').expect("an id");
            let shown = rest.split_once('>').and_then(|(_, rest)| rest.split_once("</a>")).expect("a link").0;
            (id.to_owned(), shown.to_owned())
        })
        .collect()
}

/// How much larger its explanations make a page, in percent.
fn grown(html: &str) -> usize {
    let mut bare = String::new();
    let (page, notes) = html.split_once("<aside class=\"told\"").expect("notes");
    for piece in page.split('<') {
        // The links of figures, without what they show.
        let (tag, after) = piece.split_once('>').unwrap_or(("", piece));
        bare.push_str(if tag.starts_with("a ") || tag == "/a" { after } else { piece });
    }
    let brackets = page.matches('<').count() - 2 * page.matches("<a id=").count();
    bare.push_str(notes.split_once("</aside>").expect("an end").1);
    let style: usize = html.lines().filter(|line| told_in_style(line)).map(|line| line.len() + 1).sum();
    let bare = bare.len() + brackets - style;
    (html.len() - bare) * 100 / bare
}

/// A line of the style sheet that only explanations need.
fn told_in_style(line: &str) -> bool {
    line.trim_start().starts_with(".told")
        || line.starts_with("main a")
        || line.contains(":target")
        || line.ends_with(" font: 14px/1.6 sans-serif; }")
        || line.ends_with(" sans-serif; text-indent: 0; }")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Numbers of a page that are no figures and of no kind that is none: dates and periods, numbers of headings, tables and
/// charts, words of the data, what the template itself says, and shares that a chart works out.
fn unexplained(html: &str, template: &str, words: &BTreeSet<String>) -> Vec<String> {
    let main = html.split("<main>").nth(1).and_then(|rest| rest.split("</main>").next()).expect("a main part");
    let mut text = String::new();
    for (place, piece) in main.split("<svg ").enumerate() {
        text.push_str(if place == 0 { piece } else { piece.split_once("</svg>").expect("a picture").1 });
    }
    let mut said = String::new();
    let mut is_share_table = false;
    for piece in text.split('<') {
        let (tag, after) = piece.split_once('>').unwrap_or(("", piece));
        if tag.starts_with("table") {
            is_share_table = false;
        }
        is_share_table |= after == "累计占比";
        let is_figure = tag.starts_with("a id=");
        let is_share = is_share_table && tag == "td" && after.ends_with('%');
        // What was cut off stands for itself.
        said.push(if tag.starts_with('h') || tag.starts_with('p') || tag.starts_with("td") { '\n' } else { '\u{1}' });
        if !is_figure && !is_share {
            said.push_str(after);
        }
    }
    let mut known: Vec<&String> = words.iter().collect();
    known.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in known {
        said = said.replace(word.as_str(), "\u{2}");
    }
    let signs: Vec<char> = said.chars().collect();
    let mut found = Vec::new();
    let mut place = 0;
    while place < signs.len() {
        if !signs[place].is_ascii_digit() {
            place += 1;
            continue;
        }
        let end = (place..signs.len())
            .find(|at| {
                !(signs[*at].is_ascii_digit()
                    || (signs[*at] == '.' && signs.get(at + 1).is_some_and(char::is_ascii_digit)))
            })
            .unwrap_or(signs.len());
        let number: String = signs[place..end].iter().collect();
        let (before, after) = (place.checked_sub(1).map(|at| signs[at]), signs.get(end).copied());
        let is_date = after.is_some_and(|sign| "年月日".contains(sign)) || (before == Some('年') && after == Some('—'));
        let is_caption = before.is_some_and(|sign| "表图".contains(sign)) && after == Some('　');
        let is_numeral = before == Some('\n') && after == Some('.') || before == Some('（') && after == Some('）');
        let in_template = |text: String| template.contains(&text);
        let is_said = before.is_some_and(|sign| in_template(format!("{sign}{number}")))
            || after.is_some_and(|sign| in_template(format!("{number}{sign}")));
        if !(is_date || is_caption || is_numeral || is_said) {
            let context: String = signs[place.saturating_sub(12)..(end + 12).min(signs.len())].iter().collect();
            found.push(format!("{number} in …{context}…"));
        }
        place = end;
    }
    found
}

#[test]
fn a_figure_of_a_text_is_explained_whatever_the_format() {
    let project = Project::sample();
    let file = |extension: &str| format!("outbox/{AS_OF}/决策参考.{extension}");
    let listed = project.run(&["explain", &file("html"), "--format", "json"]).expect(0).stdout;
    let listed: Vec<BTreeMap<String, serde_json::Value>> = serde_json::from_str(&listed).expect("JSON");
    let rate = listed
        .iter()
        .find(|row| {
            row["made_of"] == "whistle_period_headline.on_time_rate"
                && row["said_in"].as_str().is_some_and(|said| said.contains("按期办结率（"))
        })
        .unwrap_or_else(|| panic!("{listed:?}"));
    let anchor = rate["figure"].as_str().expect("a name");
    let said = project.run(&["explain", &file("html"), anchor]).expect(0).stdout;
    for expected in [
        anchor,
        rate["shown"].as_str().expect("a figure"),
        "numerator",
        "denominator",
        "come to it",
        "whistle_period_headline.sql:",
    ] {
        assert!(said.contains(expected), "no {expected} in\n{said}");
    }
    for extension in ["md", "docx", "pdf"].iter().filter(|extension| project.path(&file(extension)).is_file()) {
        let other = project.run(&["explain", &file(extension), &anchor.to_uppercase()]).expect(0).stdout;
        assert_eq!(other, said, "{extension}");
    }
    // Its page says the same, without being asked for rows.
    let page = std::fs::read_to_string(project.path(&file("html"))).expect("a page");
    let link =
        page.split(&format!("<a id={anchor} ")).nth(1).and_then(|rest| rest.split("</a>").next()).expect("a link");
    let json = project.run(&["explain", &file("html"), anchor, "--format", "json"]).expect(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let parts = &json["figure"]["made"];
    let ratio = parts.get("ratio").or_else(|| parts["from"]["made"].get("ratio")).unwrap_or_else(|| panic!("{json}"));
    let (over, under) = (&ratio["numerator"]["value"], &ratio["denominator"]["value"]);
    assert!(link.contains(&format!("data-of=\"＝ {over} ÷ {under}\"")), "{link}: {over} {under}");
    let to = link.split("href=#").nth(1).and_then(|rest| rest.split([' ', '>']).next()).expect("a note");
    let note = |id: &str| page.split(&format!("<p id={id}")).nth(1).and_then(|rest| rest.split("</p>").next());
    let column = note(&format!("{to} ")).expect("a note");
    let label = json["label"].as_str().expect("a label");
    assert!(column.contains(&format!("<b>{label}</b>")) && column.contains(" ÷ "), "{column}");
    // The line of its view comes with it, and leads to the versions of its tables.
    let view = column.split("class=v").nth(1).and_then(|rest| rest.split('>').next()).expect("a view");
    assert!(page.contains(&format!(".v{view}:target~.u{view}")), "the line of the view does not show");
    let line = page.split(&format!("<p class=u{view}>")).nth(1).and_then(|rest| rest.split("</p>").next());
    let line = line.expect("a line");
    assert!(line.contains("queries/marts/whistle_period_headline.sql"), "{line}");
    assert!(line.contains("href=#t"), "{line}");
    let tables = note("t>").expect("the tables");
    for table in json["tables"].as_array().expect("tables") {
        let said = format!("<br>{} 版本{}", table["table"].as_str().expect("a name"), table["version"]);
        assert!(tables.contains(&said), "no {said} in {tables}");
        let batch = table["newest_batch"].as_str().expect("a batch");
        assert!(tables.contains(batch), "no {batch} in {tables}");
    }
    assert!(page.contains("gridhouse explain 决策参考.html 编号"), "no command");
    // What is mistyped is put right.
    for (typed, expected) in [
        (anchor.trim_start_matches('f'), format!("did you mean `{anchor}`")),
        ("f99999", "they are called `f1` to".to_owned()),
        ("部门!F8", "did you mean `f8`".to_owned()),
    ] {
        let run = project.run(&["explain", &file("html"), typed]).expect(1);
        assert!(run.stderr.contains(&expected), "{typed}: {}", run.stderr);
    }
}

/// A template may do with figures what it likes: those it prints as they are remember their cell, the others say nothing.
#[test]
fn only_what_comes_from_one_cell_has_a_name_and_marks_reach_no_file() {
    let project = Project::sample();
    project.write(
        "report-templates/probe/report.yml",
        "title: 试\ndescription: 试\nperiod: month\ndatasets:\n  total: {view: whistle_by_place, where: {level: 合计, place_level: district}, single: true}\n  \
         places: {view: whistle_by_place, where: {level: 合计, place_level: subdistrict}, order_by: [place_code]}\noutputs:\n  - {summary: summary.md.j2, file: 试}\n",
    );
    let template = "{% macro pair(row, column) %}{{ row.place_name }}{{ row[column] }}件{% endmacro %}\n\
        {% macro rate(value) %}{{ value | percent(1) }}{% endmacro %}\n\
        甲{{ total.open_count }}乙{{ total.open_count + 1 }}丙{{ total.closed_count + total.open_count }}丁{{ -total.open_count | abs }}\n\n\
        {% set kept = total.open_count %}{% set tested = total.closed_count %}{% if tested > 0 %}戊{{ kept }}己{{ tested }}{% endif %}\n\n\
        {{ pair(places[0], \"closed_count\") | trim | safe }}庚{{ rate(total.closing_rate_a) }}辛{{ places | length }}\n\n\
        {{ (total.closing_rate_a | percent(1)) ~ \"壬\" }}{{ \"同\" if total.closing_rate_a | percent(1) == rate(total.closing_rate_a) | trim else \"异\" }}\n\n\
        {{ places | sum(attribute=\"open_count\") }}{{ (places | sort(attribute=\"open_count\"))[0].open_count }}{{ total.nothing | default(\"无\") }}\n";
    project.write("report-templates/probe/summary.md.j2", template);
    project.run(&["report", "probe"]).expect(0);
    let file = format!("outbox/{AS_OF}/试.md");
    let listed = project.run(&["explain", &file, "--format", "json"]).expect(0).stdout;
    let rows: Vec<BTreeMap<String, serde_json::Value>> = serde_json::from_str(&listed).expect("JSON");
    let made: Vec<&str> = rows.iter().filter_map(|row| row["made_of"].as_str()).collect();
    let cell = |column: &str| format!("whistle_by_place.{column}");
    assert_eq!(
        made,
        [
            cell("open_count"),
            cell("open_count"),
            cell("closed_count"),
            cell("closing_rate_a"),
            "rows of whistle_by_place".to_owned(),
            cell("closing_rate_a"),
            cell("open_count"),
        ],
        "{listed}"
    );
    let text = std::fs::read_to_string(project.path(&file)).expect("a text");
    assert!(text.contains("同"), "{text}");
    for (path, bytes) in contents(&project.path("outbox").join(AS_OF)) {
        if let Ok(text) = String::from_utf8(bytes) {
            assert!(!text.contains(|sign| ('\u{FDD0}'..='\u{FDEF}').contains(&sign)), "a mark in {}", path.display());
        }
    }
    // Signs like the marks are refused where they are typed.
    for typed in ["甲\u{FDD0}乙", "{{ \"\\ufdd1\" }}"] {
        project.write("report-templates/probe/summary.md.j2", format!("一\n{typed}\n"));
        let run = project.run(&["report", "probe"]).expect(1);
        assert!(run.stderr.contains("summary.md.j2:2:") && run.stderr.contains("U+FDD0"), "{}", run.stderr);
    }
}

#[test]
fn a_report_for_publication_tells_nothing_of_its_figures() {
    let project = Project::sample();
    let manifest =
        std::fs::read_to_string(project.path("report-templates/special_group_public/report.yml")).expect("a report");
    project.write(
        "report-templates/special_group_public/report.yml",
        manifest + "  - {summary: summary.md.j2, file: 公开}\n",
    );
    project.write(
        "report-templates/special_group_public/summary.md.j2",
        "{% for row in places %}{% if row.place_level == \"district\" %}全区{{ row.person_count }}人，{{ places | length }}处。{% endif %}{% endfor %}\n\n\
         {{ bar_chart(places, label=\"place_name\", values=[\"veteran_count\"], title=\"人数\") }}\n",
    );
    project.run(&["report", "special_group_public"]).expect(0);
    let page = std::fs::read_to_string(project.path(&format!("outbox/{AS_OF}/公开.html"))).expect("a page");
    for told in ["<a ", "class=\"told\"", "gridhouse explain", ":target~.u"] {
        assert!(!page.contains(told), "{told}");
    }
    assert!(page.contains("全区") && page.contains("<td>*</td>"), "nothing is hidden here");
    let run = project.run(&["explain", &format!("outbox/{AS_OF}/公开.html"), "f1"]).expect(1);
    assert!(run.stderr.contains("is for publication"), "{}", run.stderr);
}
