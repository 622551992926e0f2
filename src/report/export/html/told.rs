//! What a page tells of a figure that is pointed at, touched or reached by keyboard: a link leads to a note at the edge
//! of the window. No script: `:target` shows the figure's own lines and, by their class, those it shares with others.

use std::fmt::Write as _;

use crate::report::chart::escape;
use crate::report::document::Run;
use crate::report::origin::anchor;
use crate::report::sources::{ColumnSource, FigureSource, Sources, TableSource};

/// A text, its figures as links to what there is to tell of them.
pub(super) fn words(run: &Run, is_told: bool) -> String {
    let mut html = String::new();
    let mut done = 0;
    for (at, cited) in run.figures.iter().filter(|_| is_told) {
        html.push_str(&plain(run.text.get(done..at.start).unwrap_or_default()));
        html.push_str(&link(cited.number, run.text.get(at.clone()).unwrap_or_default()));
        done = at.end;
    }
    html + &plain(run.text.get(done..).unwrap_or_default())
}

fn plain(text: &str) -> String {
    escape(text).replace('\n', "<br>")
}

/// A figure that leads to its note.
pub(super) fn link(number: usize, shown: &str) -> String {
    format!("<a id=\"{}\" href=\"#x{number}\">{}</a>", anchor(number), plain(shown))
}

/// The notes of all figures. `file` is what the page is called, for the command that lists the rows.
pub(super) fn notes(sources: &Sources, as_of: &str, file: &str) -> String {
    if sources.figures.is_empty() {
        return String::new();
    }
    let mut html = String::from("<aside class=\"told\" aria-label=\"数字出处\">\n");
    sources.figures.iter().for_each(|figure| html.push_str(&note(figure)));
    for (place, column) in sources.columns.iter().enumerate() {
        html.push_str(&of_column(place, column));
    }
    for (place, view) in sources.views.iter().enumerate() {
        let (label, name) = (escape(&view.label), escape(&view.name));
        let _ = writeln!(html, "<p class=\"u{place}\">视图：{label} <code>{name}</code></p>");
    }
    for (table, views) in tables(sources) {
        let batches = match table.batches {
            0 => String::new(),
            count => format!("，{count}批，最新<code>{}</code>", escape(&table.newest_batch)),
        };
        let classes: Vec<String> = views.iter().map(|place| format!("t{place}")).collect();
        let (name, version) = (escape(&table.name), table.version);
        let _ =
            writeln!(html, "<p class=\"{}\">数据表：<code>{name}</code> 版本{version}{batches}</p>", classes.join(" "));
    }
    let _ = write!(
        html,
        "<p class=\"foot\">数据截止{}，快照{}。明细行不随网页走，在数据所在的机器上查看：<code>gridhouse explain {}</code> 加编号。</p>\n\
         <a class=\"close\" href=\"#_\">关闭</a>\n</aside>\n",
        escape(as_of),
        escape(&sources.snapshot),
        escape(file)
    );
    html
}

/// Each table once, with the places of the views that rest on it.
fn tables(sources: &Sources) -> Vec<(&TableSource, Vec<usize>)> {
    let mut found: Vec<(&TableSource, Vec<usize>)> = Vec::new();
    for (place, view) in sources.views.iter().enumerate() {
        for table in &view.tables {
            match found.iter_mut().find(|(known, _)| *known == table) {
                Some((_, views)) => views.push(place),
                None => found.push((table, vec![place])),
            }
        }
    }
    found.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    found
}

/// Which shared lines are shown with a figure's own.
pub(super) fn style(sources: &Sources) -> String {
    let rules: Vec<String> = sources
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!(".c{place}:target~:is(.s{place},.u{view},.t{view})", view = column.view))
        .collect();
    if rules.is_empty() { String::new() } else { format!("{}{{display:block}}\n", rules.join(",")) }
}

fn note(figure: &FigureSource) -> String {
    let row = match figure.row.join("　") {
        row if row.is_empty() => row,
        row => format!(" {}", escape(&row)),
    };
    let (number, name, column) = (figure.number, anchor(figure.number), figure.column);
    let (shown, parts) = (escape(&figure.shown), divided(figure.parts.as_ref()));
    format!("<p id=\"x{number}\" class=\"c{column}\"><b>{shown}</b>{row}{parts} <a href=\"#{name}\">{name}</a></p>\n")
}

fn of_column(place: usize, column: &ColumnSource) -> String {
    let definition = match column.definition.as_str() {
        "" => String::new(),
        // Authors of views write for each other.
        words if words.is_ascii() => format!("<br><span lang=\"en\">{}</span>", escape(words)),
        words => format!("<br>{}", escape(words)),
    };
    let name = if column.name.is_empty() { String::new() } else { format!(" <code>{}</code>", escape(&column.name)) };
    let (label, parts) = (escape(&column.label), divided(column.parts.as_ref()));
    format!("<p class=\"s{place}\"><b>{label}</b>{parts}{name}{definition}</p>\n")
}

/// Numerator and denominator.
fn divided(parts: Option<&(String, String)>) -> String {
    parts.map(|(over, under)| format!(" ＝ {} ÷ {}", escape(over), escape(under))).unwrap_or_default()
}
