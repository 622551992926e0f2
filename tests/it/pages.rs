//! Summaries as web pages: built so that anyone can read them, on a phone and on paper as well. The structure is always
//! checked; where a browser and axe-core are installed, they judge too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{AS_OF, Project, readers};

/// A summary with everything a page can hold, over marts that ship.
const EVERYTHING: &str = r#"
{{ cards([{"label": "在办", "value": total.open_count, "unit": "件", "note": "含挂账"}, {"label": "办结率", "value": total.closing_rate_a | percent}]) }}

## 情况

全区**在办**{{ total.open_count }}件。

### 各街道

表：各街道吹哨

| 街道 | 吹哨 | < |
|---|--:|--:|
| ^ | 上报 | 办结率 |
{% for row in places %}
| {{ row.place_name }} | {{ row.reported_count }} | {{ row.closing_rate_a | percent }} |
{% endfor %}

{{ bar_chart(places, label="place_name", values=["open_count"], names=["在办"], title="在办", unit="件") }}
{{ stacked_chart(places, label="place_name", values=["closed_count", "open_count"], names=["办结", "在办"], total="reported_count", title="办结与在办", unit="件") }}

1. 第一条
2. 第二条

   - 其一
   - 其二

{{ line_chart(months, label="month_label", values=["reported_count"], names=["今年"], last_year="reported_count_last_year", title="各月上报", unit="件", table=true) }}

## 分布

{{ pareto_chart(categories, label="category", values=["reported_count"], names=["上报"], title="问题类别", unit="件") }}

没有标题的表：

| 甲 | 乙 |
|---|---|
| 1 | 2 |

{{ heat_table(places, label="place_name", values=["reported_count", "closing_rate_a"], names=["上报", "办结率"], formats=["integer", "percent 1"], title="各街道") }}

{{ tile_map(communities, tiles=tiles, value="reported_count", name="上报", title="各社区上报", unit="件") }}
"#;

const EVERYTHING_REPORT: &str = r#"
title: 版式样张
description: 测试
period: month
datasets:
  total: {view: whistle_by_place, where: {level: 合计, place_level: district}, single: true}
  places: {view: whistle_by_place, where: {level: 合计, place_level: subdistrict}, order_by: [place_code]}
  communities: {view: whistle_by_place, where: {level: 合计, place_level: community}, order_by: [place_code]}
  months: {view: whistle_by_month, where: {level: 合计, month_start: {at_least: "{year_start}"}}, order_by: [month_start]}
  categories: {view: whistle_by_category, where: {level: 合计, category: {not: 合计}}, order_by: [reported_count desc, category]}
  tiles: {view: place_tile, where: {place_level: community}, order_by: [place_code]}
outputs:
  - {summary: plain.md.j2, file: 样张.html}
  - {summary: bulletin.md.j2, file: 简报样张.html}
  - {summary: official.md.j2, file: 公文样张.html}
"#;

/// Every page of the shipped reports over the sample, and one of each layout with everything on it.
fn pages() -> (Project, BTreeMap<PathBuf, String>) {
    let project = Project::sample();
    project.write("report-templates/sampler/report.yml", EVERYTHING_REPORT);
    for (layout, front) in [
        ("plain", ""),
        ("bulletin", "---\nlayout: bulletin\nissue: 第1期\ncopies: 区委办，区政府办\n---\n"),
        (
            "official",
            "---\nlayout: official\nnumber: 开网格〔2024〕5号\nsignatory: 张三\nrecipients: 各街道办事处\nattachments: [情况表, 清单]\n---\n",
        ),
    ] {
        project.write(&format!("report-templates/sampler/{layout}.md.j2"), format!("{front}{EVERYTHING}"));
    }
    project.run(&["report", "sampler"]).expect(0);
    let mut found = BTreeMap::new();
    for (path, bytes) in crate::support::contents(&project.path("outbox").join(AS_OF)) {
        if path.extension().is_some_and(|extension| extension == "html") {
            found.insert(path, String::from_utf8(bytes).expect("UTF-8"));
        }
    }
    assert!(found.len() >= 5, "{} pages", found.len());
    (project, found)
}

/// A tag of a page: its name, `/name` where it closes, and its attributes.
struct Tag {
    name: String,
    attributes: BTreeMap<String, String>,
    /// The text up to the next tag.
    after: String,
}

fn tags(page: &str) -> Vec<Tag> {
    let page = page.split_once("</style>").map_or(page, |(_, rest)| rest);
    page.split('<')
        .skip(1)
        .filter_map(|piece| {
            let (inner, after) = piece.split_once('>')?;
            let (name, mut rest) = inner.split_once(' ').unwrap_or((inner, ""));
            let mut attributes = BTreeMap::new();
            while let Some((key, value)) = rest.split_once('=') {
                let (value, next) = match value.strip_prefix('"') {
                    Some(quoted) => quoted.split_once('"')?,
                    None => value.split_once(' ').unwrap_or((value, "")),
                };
                attributes.insert(key.trim().to_owned(), value.to_owned());
                rest = next;
            }
            if rest.trim() == "open" {
                attributes.insert("open".to_owned(), String::new());
            }
            Some(Tag { name: name.trim_end_matches('/').to_owned(), attributes, after: after.trim().to_owned() })
        })
        .collect()
}

/// What would keep somebody from reading the page.
fn hindrances(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut wrong = |message: String| found.push(message);
    if !page.starts_with("<!doctype html>\n<html lang=\"zh-CN\">") {
        wrong("no language".to_owned());
    }
    if !page.contains("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">") {
        wrong("no viewport, or one that cannot be zoomed".to_owned());
    }
    if page.split_once("<title>").is_none_or(|(_, rest)| rest.starts_with("</title>")) {
        wrong("no title".to_owned());
    }
    let tags = tags(page);
    let named = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
    for landmark in ["header", "main", "footer", "h1"] {
        if named(landmark) != 1 {
            wrong(format!("{} `{landmark}`", named(landmark)));
        }
    }
    if named("script") + named("iframe") + named("link") + named("object") > 0 {
        wrong("something that is no text".to_owned());
    }
    let mut level = 0;
    let mut ids = BTreeSet::new();
    let mut targets = BTreeSet::new();
    for tag in &tags {
        let heading = tag.name.strip_prefix('h').and_then(|level| level.parse::<u32>().ok());
        if let Some(next) = heading {
            if next > level + 1 {
                wrong(format!("a heading of level {next} below one of {level}: {}", tag.after));
            }
            level = next;
        }
        if let Some(id) = tag.attributes.get("id").filter(|id| !ids.insert((*id).clone())) {
            wrong(format!("two elements are `{id}`"));
        }
        targets.extend(tag.attributes.get("href").and_then(|to| to.strip_prefix('#')).map(str::to_owned));
    }
    // What closes the notes leads nowhere.
    if let Some(lost) = targets.iter().find(|target| !ids.contains(*target) && *target != "_") {
        wrong(format!("a link to `{lost}`, which is not there"));
    }
    let after = |from: usize, closing: &str| {
        let end = tags[from..].iter().position(|tag| tag.name == closing).map_or(tags.len(), |end| from + end);
        &tags[from + 1..end]
    };
    for (place, tag) in tags.iter().enumerate() {
        match tag.name.as_str() {
            "table" => {
                let inner = after(place, "/table");
                if inner.first().is_none_or(|first| first.name != "caption" || first.after.is_empty()) {
                    wrong("a table without caption".to_owned());
                }
                if !inner.iter().any(|tag| tag.name == "th") {
                    wrong("a table without headers".to_owned());
                }
            }
            "th" if !tag.attributes.contains_key("scope") => wrong(format!("a header of nothing: {}", tag.after)),
            "svg" => {
                let inner = after(place, "/svg");
                let named = tag.attributes.get("aria-labelledby").map(String::as_str).unwrap_or_default();
                let texts: Vec<&str> = named
                    .split(' ')
                    .filter_map(|id| inner.iter().find(|tag| tag.attributes.get("id").is_some_and(|own| own == id)))
                    .map(|tag| tag.after.as_str())
                    .collect();
                if texts.len() != 2
                    || texts.contains(&"")
                    || tag.attributes.get("role").is_none_or(|role| role != "img")
                {
                    wrong("a picture that does not say what it shows".to_owned());
                }
            }
            "figure" => {
                let inner = after(place, "/figure");
                let has = |name: &str| inner.iter().any(|tag| tag.name == name);
                if !(has("figcaption") && has("svg") && has("details") && has("summary") && has("table")) {
                    wrong("a chart without caption or table".to_owned());
                }
            }
            "a" if tag.after.is_empty() => wrong("a link without words".to_owned()),
            "button" if tag.attributes.get("aria-label").is_none_or(String::is_empty) => {
                wrong("a button without a name".to_owned());
            }
            "div" if tag.attributes.contains_key("tabindex") && !tag.attributes.contains_key("aria-label") => {
                wrong("something to stop at that has no name".to_owned());
            }
            _ => {}
        }
    }
    found
}

#[test]
fn pages_are_built_so_that_anyone_can_read_them() {
    let (_project, pages) = pages();
    for (path, page) in &pages {
        assert_eq!(hindrances(page), Vec::<String>::new(), "{}", path.display());
    }
    // Each rule finds the page that breaks it.
    let page = &pages[Path::new("样张.html")];
    for (whole, broken, expected) in [
        ("lang=\"zh-CN\"", "", "no language"),
        ("initial-scale=1", "user-scalable=no", "no viewport"),
        ("<title>版式样张", "<title>", "no title"),
        ("<main>", "<div>", "0 `main`"),
        ("<h3>", "<h4>", "a heading of level 4"),
        ("id=\"figure-2-t\"", "id=\"figure-1-t\"", "two elements are"),
        ("<p id=1 ", "<p ", "a link to `1`"),
        ("<caption class=\"unseen\">二、分布", "<p>", "a table without caption"),
        (" scope=\"colgroup\"", "", "a header of nothing"),
        ("<desc id=\"figure-3-d\">", "<desc>", "does not say what it shows"),
        ("role=\"img\"", "", "does not say what it shows"),
        ("<summary>", "<p>", "without caption or table"),
        ("aria-label=\"1月：", "title=\"1月：", "a button without a name"),
        ("</main>", "<script></script></main>", "something that is no text"),
        (" aria-label=\"表1", " title=\"表1", "has no name"),
    ] {
        let mutant = page.replacen(whole, broken, if expected.contains("or table") { 99 } else { 1 });
        assert!(&mutant != page, "`{whole}` is not in the page");
        let found = hindrances(&mutant).join("; ");
        assert!(found.contains(expected), "`{broken}` for `{whole}`: {found}");
    }
}

#[test]
fn a_page_shows_the_layout_and_every_chart_with_its_figures() {
    let (_project, pages) = pages();
    let plain = &pages[Path::new("样张.html")];
    assert_eq!(plain.matches("<figure>").count(), 6);
    // Two stand beside each other; the map of communities is too high for that, so that the table before it is alone.
    assert_eq!(plain.matches("<svg ").count(), 2 + 4 * 2);
    assert_eq!(plain.matches("<details open>").count(), 1, "one table is asked for");
    assert!(plain.contains("aria-label=\"1月：今年"), "figures that are not written can be asked for");
    let tiles = plain.rsplit("各社区上报").next().unwrap_or_default();
    assert_eq!(tiles.matches("<th scope=\"row\">").count(), 115);
    assert!(plain.contains("<title>1月 上年同期："), "a mark says its figure");
    let official = &pages[Path::new("公文样张.html")];
    for words in ["开网格〔2024〕5号", "签发人：张三", "各街道办事处：", "<li>情况表</li>", "印发"]
    {
        assert!(official.contains(words), "no {words}");
    }
    assert!(pages[Path::new("简报样张.html")].contains("第1期"));
}

/// Colours of the style sheet, each against what it stands on.
#[test]
fn texts_stand_out_from_what_they_stand_on() {
    let style = include_str!("../../src/report/export/page.css");
    let colors = |key: &str| -> BTreeSet<[u8; 3]> {
        let after = style.split(['{', ';', ' ']).collect::<Vec<_>>();
        after
            .windows(2)
            .filter(|pair| pair[0].trim() == format!("{key}:"))
            .filter_map(|pair| hex(pair[1].strip_prefix('#')?))
            .collect()
    };
    let (inks, grounds) = (colors("color"), colors("background"));
    assert!(inks.len() >= 5 && grounds.len() >= 2, "{inks:?} on {grounds:?}");
    for ink in &inks {
        assert!(contrast(*ink, [255; 3]) >= 4.5, "{ink:?} on white");
    }
    for ground in &grounds {
        assert!(contrast([0x1a; 3], *ground) >= 4.5, "text on {ground:?}");
    }
}

fn hex(text: &str) -> Option<[u8; 3]> {
    let digits: Vec<u32> = text.chars().map_while(|sign| sign.to_digit(16)).collect();
    let part = |high: u32, low: u32| u8::try_from(high * 16 + low).ok();
    match digits.as_slice() {
        [r, g, b] => Some([part(*r, *r)?, part(*g, *g)?, part(*b, *b)?]),
        [r, r2, g, g2, b, b2] => Some([part(*r, *r2)?, part(*g, *g2)?, part(*b, *b2)?]),
        _ => None,
    }
}

fn contrast(left: [u8; 3], right: [u8; 3]) -> f64 {
    let luminance = |color: [u8; 3]| {
        let [r, g, b] = color.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (left, right) = (luminance(left), luminance(right));
    (left.max(right) + 0.05) / (left.min(right) + 0.05)
}

/// A browser, if there is one.
fn browser() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// axe-core's script, where `.ci/run` could install it beside the readers.
fn axe() -> Option<String> {
    let folder = readers()?.parent()?.parent()?.join("node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(folder).ok()
}

/// What axe-core says of a page shown `width` wide: violated rules, and whether the page has to be moved sideways.
fn judged(browser: &Path, axe: &str, folder: &Path, page: &str, width: u32) -> serde_json::Value {
    let run = "axe.run(document, {runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}})\
        .then(result => parent.report({violations: result.violations.map(v => v.id + ' ' + v.nodes.map(n => n.html.slice(0, 160)).join(' | ')), \
        passes: result.passes.length, sideways: document.documentElement.scrollWidth - innerWidth}))\
        .catch(error => parent.report({violations: ['axe failed: ' + error], passes: 0, sideways: 0}))";
    let page = page.replacen("</body>", &format!("<script>{axe}</script><script>{run}</script></body>"), 1);
    let quoted = page.replace('&', "&amp;").replace('"', "&quot;");
    let frame = format!(
        "<!doctype html><meta charset=utf-8><body><pre id=out></pre><script>function report(found) {{ document.getElementById('out').textContent = JSON.stringify(found) }}</script>\
         <iframe width={width} height=900 srcdoc=\"{quoted}\"></iframe></body>"
    );
    let file = folder.join("frame.html");
    std::fs::write(&file, frame).expect("a file");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("browser").display()))
        .arg(&file)
        .output()
        .expect("the browser starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.split("<pre id=\"out\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap_or_default();
    let found = found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&found).unwrap_or_else(|_| panic!("the browser said nothing: {found:?}"))
}

#[test]
fn a_browser_finds_nothing_that_keeps_anyone_out() {
    let (Some(browser), Some(axe)) = (browser(), axe()) else {
        crate::support::skipped("no browser or no axe-core beside the readers (GRIDHOUSE_READERS)");
        return;
    };
    let (_project, pages) = pages();
    let folder = tempfile::tempdir().expect("a folder");
    for (path, page) in pages.iter().filter(|(path, _)| path.components().count() == 1) {
        for width in [1000, 390] {
            let found = judged(&browser, &axe, folder.path(), page, width);
            assert_eq!(found["violations"], serde_json::json!([]), "{} at {width}", path.display());
            assert!(found["passes"].as_u64().is_some_and(|passes| passes > 15), "{found}");
            assert!(found["sideways"].as_i64().is_some_and(|more| more <= 0), "{} at {width}: {found}", path.display());
        }
    }
    // On paper the brief is one page, with the table behind no chart.
    let (brief, paper) = (folder.path().join("brief.html"), folder.path().join("brief.pdf"));
    std::fs::write(&brief, &pages[Path::new("每日要情.html")]).expect("a file");
    let printed = Command::new(&browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"])
        .arg(format!("--user-data-dir={}", folder.path().join("browser").display()))
        .arg(format!("--print-to-pdf={}", paper.display()))
        .arg(&brief)
        .output();
    assert!(printed.expect("the browser starts").status.success());
    let bytes = std::fs::read(&paper).expect("a PDF");
    let sheets = String::from_utf8_lossy(&bytes).matches("/Type /Page\n").count();
    assert_eq!(sheets, 1);
    // It does find what is there to find.
    let page =
        pages[Path::new("样张.html")].replacen("lang=\"zh-CN\"", "", 1).replacen("color: #555", "color: #bbb", 9);
    let found = judged(&browser, &axe, folder.path(), &page, 1000)["violations"].to_string();
    assert!(found.contains("html-has-lang") && found.contains("color-contrast"), "{found}");
}
