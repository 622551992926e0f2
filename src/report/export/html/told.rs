//! What a page tells of a figure that is pointed at, touched or reached by keyboard: a link leads to a note at the edge
//! of the window. No script: `:target` shows the figure's own lines and, by their class, those it shares with others.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::report::chart::escape;
use crate::report::document::Run;
use crate::report::origin::anchor;
use crate::report::sources::{ColumnSource, FigureSource, Sources, ViewSource};

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
    format!("<a class=\"f\" id=\"{}\" href=\"#x{number}\">{}</a>", anchor(number), plain(shown))
}

/// The notes of all figures. `file` is what the page is called, for the command that lists the rows.
pub(super) fn notes(sources: &Sources, as_of: &str, file: &str) -> String {
    if sources.figures.is_empty() {
        return String::new();
    }
    let mut html = String::from("<aside class=\"told\" aria-label=\"数字出处\">\n");
    for figure in &sources.figures {
        html.push_str(&note(figure, sources, file));
    }
    for (place, column) in sources.columns.iter().enumerate() {
        html.push_str(&of_column(place, column, sources.views.get(column.view)));
    }
    for (place, view) in sources.views.iter().enumerate() {
        html.push_str(&of_view(place, view));
    }
    let _ = write!(
        html,
        "<p class=\"foot\">数据截止{}，快照{}。明细行不随网页走，在数据所在的机器上用上面的命令查看。</p>\n<a class=\"close\" href=\"#_\">关闭</a>\n</aside>\n",
        escape(as_of),
        escape(&sources.snapshot)
    );
    html
}

/// Which shared lines are shown with a figure's own.
pub(super) fn style(sources: &Sources) -> String {
    let columns = (0..sources.columns.len()).map(|place| format!(".c{place}:target~.s{place}"));
    let views: BTreeSet<usize> = sources.columns.iter().map(|column| column.view).collect();
    let views = views.into_iter().map(|place| format!(".v{place}:target~.u{place}"));
    let rules: Vec<String> = columns.chain(views).collect();
    if rules.is_empty() { String::new() } else { format!("{}{{display:block}}\n", rules.join(",")) }
}

fn note(figure: &FigureSource, sources: &Sources, file: &str) -> String {
    let view = sources.columns.get(figure.column).map_or(0, |column| column.view);
    let row = match figure.row.join("　") {
        row if row.is_empty() => row,
        row => format!(" {}", escape(&row)),
    };
    let parts = figure.parts.as_ref();
    let parts = parts.map(|(over, under)| format!("<br>＝{}÷{}", escape(over), escape(under))).unwrap_or_default();
    let (number, name) = (figure.number, anchor(figure.number));
    format!(
        "<p class=\"c{} v{view}\" id=\"x{number}\"><b>{}</b>{row}{parts}<br><code>gridhouse explain {} {name}</code> <a href=\"#{name}\">回到原处</a></p>\n",
        figure.column,
        escape(&figure.shown),
        escape(file),
    )
}

fn of_column(place: usize, column: &ColumnSource, view: Option<&ViewSource>) -> String {
    let parts = column.parts.as_ref();
    let parts = parts.map(|(over, under)| format!("＝{}÷{}", escape(over), escape(under))).unwrap_or_default();
    let definition = match column.definition.as_str() {
        "" => String::new(),
        // Authors of views write for each other.
        words if words.is_ascii() => format!("<br><span lang=\"en\">{}</span>", escape(words)),
        words => format!("<br>{}", escape(words)),
    };
    let name = if column.name.is_empty() { String::new() } else { format!(".{}", column.name) };
    let (view, label) = view.map_or(("", ""), |view| (view.name.as_str(), view.label.as_str()));
    format!(
        "<p class=\"s{place}\"><b>{}</b>{parts}{definition}<br>视图：{} <code>{}</code></p>\n",
        escape(&column.label),
        escape(label),
        escape(&format!("{view}{name}"))
    )
}

fn of_view(place: usize, view: &ViewSource) -> String {
    let tables = view.tables.iter().map(|table| {
        let batches = match table.batches {
            0 => String::new(),
            count => format!("，{count}批，最新{}", escape(&table.newest_batch)),
        };
        format!("<br><code>{}</code> 版本{}{batches}", escape(&table.name), table.version)
    });
    format!("<p class=\"u{place}\">数据表：{}</p>\n", tables.collect::<String>())
}
