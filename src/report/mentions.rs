//! What a summary's template mentions, read from its text without running it: columns, names, filters, files.
//!
//! Branches that today's figures do not reach are read as well. What cannot be judged from the text alone, such as a
//! name that the template gives itself, is left to rendering.

use std::collections::BTreeSet;
use std::path::Path;

use minijinja::ErrorKind;

use super::Problem;
use super::chart::asked_columns;
use super::manifest::listed;
use super::summary::no_comparison;
use super::template::{self, Blocks, FILTERS};
use crate::district::periods::{Comparison, Measure};

/// A name in a tag, with the attribute asked of it.
struct Word<'a> {
    at: usize,
    name: &'a str,
    attribute: Option<&'a str>,
    /// It stands behind a bar.
    is_filter: bool,
    /// The text that a filter is given first, with its place.
    argument: Option<(usize, &'a str)>,
    /// Its absence is provided for: `x is defined`, `x | default("")`.
    is_optional: bool,
}

/// Mistakes that any data would bring out. `tables` are the datasets' columns, `known` the names beside them.
pub(super) fn mistakes(path: &Path, source: &str, tables: &[(String, Vec<String>)], known: &[&str]) -> Vec<Problem> {
    let environment = template::environment(&Blocks::default());
    // A template that cannot be read is reported when it is loaded.
    let Ok(read) = environment.template_from_str(source) else { return Vec::new() };
    let tags = tags(source);
    let own = own_names(&tags);
    let mut unknown = read.undeclared_variables(false);
    unknown.retain(|name| {
        let is_dataset = tables.iter().any(|(table, _)| table == name);
        let is_function = environment.globals().any(|(function, _)| function == name);
        !is_dataset && !is_function && !own.contains(name.as_str()) && !known.contains(&name.as_str())
    });
    let is_filter = |name: &str| {
        let tried =
            environment.compile_expression(&format!("none | {name}")).and_then(|expression| expression.eval(()));
        tried.err().is_none_or(|error| error.kind() != ErrorKind::UnknownFilter)
    };
    let problem = |at: usize, message: String| {
        let (line, column) = template::position(source, at);
        Problem::new(path, message).at(line, column)
    };
    let mut found = wrong_columns(path, source, tables);
    for words in &tags {
        if let Some(word) = words.first().filter(|word| ["include", "import", "from", "extends"].contains(&word.name)) {
            found
                .push((word.at, problem(word.at, format!("`{}` finds no file: a summary is one template", word.name))));
        }
        for word in words {
            if word.is_filter && !is_filter(word.name) {
                let message = format!("filter `{}` is unknown", word.name);
                found.push((word.at, problem(word.at, message).hint(listed("filters", FILTERS))));
            } else if !word.is_optional && unknown.remove(word.name) {
                let names: Vec<&str> =
                    tables.iter().map(|(name, _)| name.as_str()).chain(known.iter().copied()).collect();
                let message = format!("`{}` is undefined", word.name);
                found.push((word.at, problem(word.at, message).hint(listed("names", &names))));
            }
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, problem)| problem).collect()
}

type Table = (String, Vec<String>);

/// Columns asked of a dataset, or of a row of one in a loop, that it does not have; each with its place in the text.
pub(super) fn wrong_columns(path: &Path, source: &str, tables: &[Table]) -> Vec<(usize, Problem)> {
    let mut found = Vec::new();
    let undefined = |at: usize, dataset: &str, column_name: &str, columns: &[String]| {
        let (line, column) = template::position(source, at);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let problem = Problem::new(path, format!("`{dataset}.{column_name}` is undefined"))
            .at(line, column)
            .hint(listed(&format!("`{dataset}` has the columns"), &columns));
        (at, problem)
    };
    each_row(source, tables, |word, next, (_, columns)| {
        let compared = next.filter(|next| is_compared(word, next)).and_then(|next| next.argument);
        let asked = word.attribute.map(|attribute| (word.at, attribute)).or(compared);
        if let Some((at, column_name)) = asked
            && !columns.iter().any(|column| column == column_name)
        {
            found.push(undefined(at, word.name, column_name, columns));
        }
    });
    let tags = tags(source);
    let own = own_names(&tags);
    let asked = if tags.is_empty() { Vec::new() } else { asked_columns(source) };
    for asked in asked.into_iter().filter(|asked| !own.contains(asked.dataset)) {
        let table = tables.iter().find(|(table, _)| table == asked.dataset);
        if let Some((_, columns)) = table.filter(|(_, columns)| !columns.iter().any(|column| column == asked.column)) {
            found.push(undefined(asked.at, asked.dataset, asked.column, columns));
        }
    }
    found
}

/// Columns worded as comparisons that compare nothing, and percentage points shown as per cent. `unit_of` gives the unit
/// of a dataset's column.
pub(super) fn wrong_comparisons<'a>(
    path: &Path,
    source: &str,
    tables: &[Table],
    unit_of: &dyn Fn(&str, &str) -> &'a str,
) -> Vec<Problem> {
    let mut found = Vec::new();
    each_row(source, tables, |word, next, (table, columns)| {
        let Some(next) = next.filter(|next| next.is_filter) else { return };
        let comparison = |column: &str| Comparison::of_unit(unit_of(table, column));
        let message = match (next.argument, word.attribute) {
            (Some((_, column)), None) if is_compared(word, next) => (columns.iter().any(|known| known == column)
                && comparison(column).is_none())
            .then(|| no_comparison(column)),
            (_, Some(column)) if next.name == "percent" => comparison(column)
                .filter(|comparison| comparison.measure == Measure::Points)
                .map(|_| format!("`{}.{column}` holds percentage points and is not per cent", word.name)),
            _ => None,
        };
        if let Some(message) = message {
            let (line, column) = template::position(source, next.at);
            found.push(Problem::new(path, message).at(line, column).hint(format!(
                "`{} | compared(\"column\")` words a change by the unit that the view's `.yml` gives it",
                word.name
            )));
        }
    });
    found
}

fn is_compared(row: &Word<'_>, next: &Word<'_>) -> bool {
    next.is_filter && next.name == "compared" && row.attribute.is_none()
}

/// Calls `visit` with each mention of a dataset or of a row of one, the word behind it and the dataset.
fn each_row<'s>(source: &'s str, tables: &[Table], mut visit: impl FnMut(&Word<'s>, Option<&Word<'s>>, &Table)) {
    let tags = tags(source);
    let own = own_names(&tags);
    let table_of = |name: &str| tables.iter().find(|(table, _)| table == name && !own.contains(name));
    // The loops around a tag: the names each gives, and the dataset of its rows where it is known.
    let mut loops: Vec<(Vec<&str>, Option<&Table>)> = Vec::new();
    for words in &tags {
        match words.first().map(|word| word.name) {
            Some("for") => {
                let (names, rows) = words[1..].split_at(words[1..].iter().take_while(|word| word.name != "in").count());
                // Rows behind a filter may be anything: groups, pairs, texts.
                let table = match (names, &rows[rows.len().min(1)..]) {
                    ([_], [rows]) => table_of(rows.name).filter(|_| rows.attribute.is_none()),
                    ([_], [rows, next, ..]) if next.name == "if" => table_of(rows.name),
                    _ => None,
                };
                loops.push((names.iter().map(|word| word.name).collect(), table));
            }
            Some("endfor") => drop(loops.pop()),
            _ => {}
        }
        for (at, word) in words.iter().enumerate().filter(|(_, word)| !word.is_filter && !word.is_optional) {
            let table = match loops.iter().rev().find(|(names, _)| names.contains(&word.name)) {
                Some((_, table)) => *table,
                None => table_of(word.name),
            };
            if let Some(table) = table {
                visit(word, words.get(at + 1), table);
            }
        }
    }
}

/// Names the template gives itself other than in a loop.
fn own_names<'a>(tags: &[Vec<Word<'a>>]) -> BTreeSet<&'a str> {
    let given = |words: &Vec<Word<'a>>| match words.first().map(|word| word.name) {
        Some("set") => words.iter().skip(1).take(1).map(|word| word.name).collect(),
        Some("macro" | "with" | "call") => words.iter().map(|word| word.name).collect(),
        _ => Vec::new(),
    };
    tags.iter().flat_map(given).collect()
}

/// The words of each `{{ … }}` and `{% … %}`.
fn tags(source: &str) -> Vec<Vec<Word<'_>>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = source[at..].find('{').map(|open| at + open) {
        let close = match source.as_bytes().get(open + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => "#}",
            _ => {
                at = open + 1;
                continue;
            }
        };
        let start = open + 2;
        let end = source[start..].find(close).map_or(source.len(), |end| start + end);
        if close != "#}" {
            found.push(words(source, start, end));
        }
        at = (end + close.len()).min(source.len());
    }
    // What stands between `raw` and `endraw` is text; nothing of such a template is judged.
    if found.iter().any(|words| words.first().is_some_and(|word| word.name == "raw")) {
        return Vec::new();
    }
    found
}

fn words(source: &str, start: usize, end: usize) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut previous = ' ';
    let mut at = start;
    while let Some(sign) = source[at..end].chars().next() {
        let from = at;
        at += sign.len_utf8();
        if sign == '"' || sign == '\'' {
            let mut is_escaped = false;
            let closing = source[at..end].find(|inner| {
                let is_closing = inner == sign && !is_escaped;
                is_escaped = inner == '\\' && !is_escaped;
                is_closing
            });
            at = closing.map_or(end, |closing| at + closing + 1);
        } else if sign.is_alphabetic() || sign == '_' {
            at = name_end(source, from, end);
            let name = &source[from..at];
            let mut attribute = None;
            if source[at..end].starts_with('.') {
                let attribute_end = name_end(source, at + 1, end);
                attribute = Some(&source[at + 1..attribute_end]).filter(|attribute| !attribute.is_empty());
                at = attribute_end;
            }
            let after: String = source[at..end].split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            let is_optional =
                ["is defined", "is not defined", "is undefined", "is not undefined", "| default", "|default"]
                    .iter()
                    .any(|provided| after.starts_with(provided));
            if previous != '.' {
                let is_filter = previous == '|';
                let argument = if is_filter { first_text(source, at, end) } else { None };
                found.push(Word { at: from, name, attribute, is_filter, argument, is_optional });
            }
        }
        if !sign.is_whitespace() {
            previous = sign;
        }
    }
    found
}

/// The text in quotes right behind an opening bracket at `from`.
fn first_text(source: &str, from: usize, end: usize) -> Option<(usize, &str)> {
    let open = source[from..end].strip_prefix('(')?.trim_start();
    let quote = open.chars().next().filter(|sign| matches!(sign, '"' | '\''))?;
    let inner = &open[1..];
    Some((end - inner.len(), inner.split_once(quote)?.0))
}

fn name_end(source: &str, from: usize, end: usize) -> usize {
    source[from..end].find(|sign: char| !sign.is_alphanumeric() && sign != '_').map_or(end, |length| from + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<String> {
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let tables = [("places".to_owned(), columns(&["name", "rate"])), ("total".to_owned(), columns(&["rate"]))];
        mistakes(Path::new("s.j2"), source, &tables, &["as_of"]).iter().map(Problem::to_string).collect()
    }

    #[test]
    fn finds_what_no_data_would_mend() {
        for (source, expected) in [
            ("截至{{ as_off }}", "s.j2:1:6: `as_off` is undefined"),
            ("{% if total.rate > 9 %}\n{{ \"超\" ~ total.rat }}{% endif %}", "s.j2:2:10: `total.rat` is undefined"),
            ("{% for row in places %}{{ row.nam }}{% endfor %}", "hint: `row` has the columns: `name`, `rate`"),
            ("{% for row in places if row.rte %}x{% endfor %}", "s.j2:1:25: `row.rte` is undefined"),
            ("{% if not places %}{{ total.rate | percnt }}{% endif %}", "s.j2:1:36: filter `percnt` is unknown"),
            ("{% include \"foot.md\" %}", "s.j2:1:4: `include` finds no file"),
            ("{{ total | compared(\"rat\") }}", "s.j2:1:22: `total.rat` is undefined"),
            ("{{ tabel(places) }}", "s.j2:1:4: `tabel` is undefined"),
            (
                "{% if not places %}{{ bar_chart(places, label=\"nam\", values=[\"rate\"], title=\"题\") }}{% endif %}",
                "s.j2:1:48: `places.nam` is undefined",
            ),
        ] {
            let found = found(source);
            assert!(found.len() == 1 && found[0].contains(expected), "{source}: {found:?}");
        }
    }

    #[test]
    fn finds_comparisons_that_compare_nothing() {
        let names = ["rate", "growth", "points"].map(str::to_owned).to_vec();
        let tables = [("total".to_owned(), names.clone()), ("places".to_owned(), names)];
        let unit = |_: &str, column: &str| match column {
            "growth" => "同比%",
            "points" => "环比百分点",
            _ => "",
        };
        for (source, expected) in [
            ("{{ total | compared(\"rate\") }}", Some("s.j2:1:12: column `rate` does not compare")),
            (
                "{% for row in places %}{{ row | compared('rate', 2) }}{% endfor %}",
                Some("s.j2:1:33: column `rate` does not compare"),
            ),
            ("甲{{ total.points | percent(1) }}", Some("s.j2:1:20: `total.points` holds percentage points")),
            ("{{ total.growth | percent(1) }}{{ total.points | fixed(2) }}{{ total.rate | percent }}", None),
            (
                "{{ total | compared( 'growth' ) }}{% for row in places %}{{ row | compared(\"points\") }}{% endfor %}",
                None,
            ),
        ] {
            let found = wrong_comparisons(Path::new("s.j2"), source, &tables, &unit);
            let found: Vec<String> = found.iter().map(Problem::to_string).collect();
            assert_eq!(found.len(), usize::from(expected.is_some()), "{source}: {found:?}");
            assert!(expected.is_none_or(|expected| found[0].contains(expected)), "{source}: {found:?}");
        }
    }

    #[test]
    fn leaves_alone_what_only_data_can_tell() {
        for source in [
            "{{ as_of }}{{ places[0].name }}{{ cards([{\"label\": \"甲.乙\", \"value\": total.rate | percent}]) }}",
            "{% if places %}{% set best = places | first %}{% else %}{% set best = total %}{% endif %}{{ best.any }}",
            "{% for group in places | groupby(\"name\") %}{{ group.grouper }}{{ loop.index }}{% endfor %}",
            "{% for row in places %}{% for row in total.rate %}{{ row.x }}{% endfor %}{{ row.name }}{% endfor %}",
            "{# {{ nothing.here }} #}{{ total.later is defined }}{{ total.later | default(1) }}{{ no | default(2) }}",
            "{% macro line(row) %}{{ row.anything }}{% endmacro %}{{ line(total) }}",
            "{% raw %}{{ x.y }}{{ bar_chart(places, label='x') }}{% endraw %}",
            "{% set places = total %}{{ bar_chart(places, label='x') }}{{ bar_chart(places | first, label='x') }}",
        ] {
            assert_eq!(found(source), Vec::<String>::new(), "{source}");
        }
    }
}
