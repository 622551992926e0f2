//! What a page tells of a figure that is pressed: a link leads to the note of its column at the edge of the window, which
//! all figures of the column share. What is a figure's own, its number and what it was divided of, shows when it is
//! pointed at, touched or reached by keyboard. No script: `:target` shows a note and, by its class, the line of its view.

use std::fmt::Write as _;

use crate::report::chart::escape;
use crate::report::document::Run;
use crate::report::origin::anchor;
use crate::report::sources::{ColumnSource, Sources, TableSource, ViewSource};

/// A text, its figures as links to what there is to tell of them.
pub(super) fn words(run: &Run, sources: Option<&Sources>) -> String {
    let mut html = String::new();
    let mut done = 0;
    for (at, cited) in run.figures.iter().filter(|_| sources.is_some()) {
        html.push_str(&plain(run.text.get(done..at.start).unwrap_or_default()));
        html.push_str(&link(cited.number, run.text.get(at.clone()).unwrap_or_default(), sources));
        done = at.end;
    }
    html + &plain(run.text.get(done..).unwrap_or_default())
}

fn plain(text: &str) -> String {
    escape(text).replace('\n', "<br>")
}

/// A figure that leads to its note; the bare text where there is nothing to tell. Pages have hundreds of them, hence the
/// attributes without quotes.
pub(super) fn link(number: usize, shown: &str, sources: Option<&Sources>) -> String {
    let Some(figure) = sources.and_then(|sources| sources.figure(number)) else { return plain(shown) };
    let divided =
        figure.parts.as_ref().map(|(over, under)| format!(" data-of=\"＝ {} ÷ {}\"", escape(over), escape(under)));
    let (name, column) = (anchor(number), figure.column);
    format!("<a id={name} href=#{column}{}>{}</a>", divided.unwrap_or_default(), plain(shown))
}

/// The notes of all columns. `file` is what the page is called, for the command that lists the rows.
pub(super) fn notes(sources: &Sources, as_of: &str, file: &str) -> String {
    if sources.figures.is_empty() {
        return String::new();
    }
    let mut html = String::from("<aside class=\"told\" aria-label=\"数字出处\">\n");
    sources.columns.iter().enumerate().for_each(|(place, column)| html.push_str(&of_column(place, column)));
    sources.views.iter().enumerate().for_each(|(place, view)| html.push_str(&of_view(place, view)));
    html.push_str("<p id=t><b>数据表</b>");
    tables(sources).into_iter().for_each(|table| html.push_str(&of_table(table)));
    let _ = write!(
        html,
        "</p>\n<p class=\"foot\">数据截止{}，快照{}。指着数字，左下角显示编号。明细行不随网页走，在数据所在的机器上查看：\
         gridhouse explain {} 编号</p>\n<a class=\"close\" href=\"#_\">关闭</a>\n</aside>\n",
        escape(as_of),
        escape(&sources.snapshot),
        escape(file)
    );
    html
}

/// Each table once, by name.
fn tables(sources: &Sources) -> Vec<&TableSource> {
    let mut found: Vec<&TableSource> = sources.views.iter().flat_map(|view| &view.tables).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found.dedup();
    found
}

/// Which line of a view is shown with which notes.
pub(super) fn style(sources: &Sources) -> String {
    let rules: Vec<String> = (0..sources.views.len()).map(|view| format!(".v{view}:target~.u{view}")).collect();
    if rules.is_empty() { String::new() } else { format!("{}{{display:block}}\n", rules.join(",")) }
}

fn of_column(place: usize, column: &ColumnSource) -> String {
    let parts = match &column.parts {
        Some((over, under)) => format!(" ＝ {} ÷ {}", escape(over), escape(under)),
        None => String::new(),
    };
    let name = if column.name.is_empty() { String::new() } else { format!(" {}", escape(&column.name)) };
    let definition =
        if column.definition.is_empty() { String::new() } else { format!("<br>{}", escape(&column.definition)) };
    format!("<p id={place} class=v{}><b>{}</b>{parts}{name}{definition}</p>\n", column.view, escape(&column.label))
}

fn of_view(place: usize, view: &ViewSource) -> String {
    let names: Vec<String> = view.tables.iter().map(|table| escape(&table.name)).collect();
    format!(
        "<p class=u{place}>视图：{} {}<br>数据表：{}，<a href=#t>版本和批次</a></p>\n",
        escape(&view.label),
        escape(&view.file),
        names.join("、")
    )
}

fn of_table(table: &TableSource) -> String {
    let batches = match table.batches {
        0 => String::new(),
        count => format!("，{count}批，最新{}", escape(&table.newest_batch)),
    };
    format!("<br>{} 版本{}{batches}", escape(&table.name), table.version)
}
