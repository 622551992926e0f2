//! The template language of summaries: minijinja with strict names, bounded work, positions in errors, and
//! filters that show figures as official prose does. Nothing here calculates.
//!
//! Text from the data is escaped for Markdown on its way out, so that no name becomes a link, a heading or
//! a table border.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

use super::chart::{self, CHART_KINDS};
use super::document::{self, Run};
use super::form::NOT_APPLICABLE;
use super::manifest::listed;
use super::number::{SUPPRESSED, fixed, percent};
use super::origin::{Origin, RESERVED, Traced};
use super::summary::{Block, Card, TemplateRow};
use super::tracing::{self, Rewritten};
use super::wording::chinese_date;
use super::{Problem, mentions};
use crate::district::periods::{Base, Comparison, Measure};

/// Instructions and allocations one template may cost; a page takes a few ten thousand.
const FUEL: u64 = 20_000_000;
const TEMPLATE: &str = "summary";
/// A block's place in the text: its number between two signs no office types.
pub(super) const BLOCK_OPEN: char = '\u{E000}';
pub(super) const BLOCK_CLOSE: char = '\u{E001}';

/// Blocks met while rendering, in order.
pub(super) type Blocks = Arc<Mutex<Vec<Block>>>;

/// Names of the filters, for hints; the environment is tested to have each.
pub(super) const FILTERS: &[&str] = &["change", "compared", "date", "fixed", "percent", "rank_word", "wan"];

/// Whether the template can be read at all.
pub(super) fn compile(path: &Path, source: &str) -> Result<(), Problem> {
    let mut environment = environment(&Blocks::default());
    environment.add_template(TEMPLATE, source).map_err(|error| problem(path, source, &error, error.range(), &[]))?;
    if let Some(at) = tracing::reserved_in(source, &syntax()) {
        let (line, column) = position(source, at);
        return Err(Problem::new(path, "the template has a sign between U+FDD0 and U+FDEF, which are no characters")
            .at(line, column)
            .hint("delete it: it marks figures inside the program"));
    }
    Ok(())
}

/// The text, with blocks marked in it. `tables` names each dataset's columns, for messages.
pub(super) fn render(
    path: &Path,
    source: &str,
    data: Value,
    blocks: &Blocks,
    tables: &[(String, Vec<String>)],
) -> Result<String, Problem> {
    let mut environment = environment(blocks);
    let rewritten = Rewritten::of(source, &syntax());
    let explain = |error: Error| {
        let range = error.range().map(|range| rewritten.original(range));
        problem(path, source, &error, range, tables)
    };
    environment.add_template(TEMPLATE, &rewritten.source).map_err(explain)?;
    environment.get_template(TEMPLATE).and_then(|template| template.render(data)).map_err(explain)
}

pub(super) fn environment(blocks: &Blocks) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(syntax());
    environment.set_formatter(|out, _state, value| {
        if value.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        let text = match value.kind() {
            ValueKind::None => NOT_APPLICABLE.to_owned(),
            ValueKind::String if value.is_safe() => value.to_string(),
            ValueKind::String => escaped(&value.to_string()),
            ValueKind::Number => value.to_string(),
            _ if Traced::open(value).1.is_some() => value.to_string(),
            kind => {
                return Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!("a {kind} cannot be printed, name one of its fields"),
                ));
            }
        };
        out.write_str(&text).map_err(|_| Error::from(ErrorKind::WriteFailure))
    });
    // Filters take bare values: an optional number would let an undefined name pass for a missing figure.
    environment.add_filter("percent", |value: Value, digits: Option<u8>| {
        shown(&value, |rate| percent(rate, digits.unwrap_or(2).into()) + "%")
    });
    environment.add_filter("fixed", |value: Value, digits: Option<u8>| {
        shown(&value, |value| fixed(value, digits.unwrap_or(0).into()))
    });
    environment.add_filter("wan", |value: Value, digits: Option<u8>| {
        shown(&value, |value| fixed(value / 10_000.0, digits.unwrap_or(2).into()) + "万")
    });
    environment.add_filter("change", |value: Value, unit: Option<String>| {
        shown(&value, |value| worded(value, &fixed(value.abs(), 0), "增加", "减少", &unit.unwrap_or_default()))
    });
    tracing::add_to(&mut environment);
    environment.add_filter("compared", |row: Value, column: String, digits: Option<u8>| {
        compared_in(&row, &column, digits).map(|(text, _)| text)
    });
    environment.add_filter("__compared", |row: Value, column: String, digits: Option<u8>| {
        compared_in(&row, &column, digits).map(|(text, origin)| marked(text, origin.as_ref()))
    });
    environment.add_filter("rank_word", |value: Value| shown(&value, |rank| format!("第{}位", fixed(rank, 0))));
    environment.add_filter("date", |value: Value| {
        if value.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        if value.is_none() {
            return Ok(NOT_APPLICABLE.to_owned());
        }
        let parsed = value.as_str().and_then(|text| text.get(..10)).and_then(|text| text.parse::<NaiveDate>().ok());
        parsed.map(chinese_date).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "`date` was given no date"))
    });
    let sink = Arc::clone(blocks);
    environment.add_function("cards", move |entries: Vec<Value>| {
        let cards = entries.iter().map(card).collect::<Result<Vec<_>, _>>()?;
        mark(&sink, Block::Cards(cards))
    });
    let sink = Arc::clone(blocks);
    environment.add_function("table", move |rows: Value, options: Kwargs| {
        mark(&sink, Block::Table(document::declared(&rows, &options)?))
    });
    for kind in CHART_KINDS {
        let sink = Arc::clone(blocks);
        environment.add_function(kind.function, move |rows: Value, options: Kwargs| {
            mark(&sink, Block::Chart(chart::declared(kind, &rows, &options)?))
        });
    }
    environment
}

/// A line that holds only a block tag leaves no line behind, so that loops can write table rows.
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default()
}

/// A figure in words, or the sign for one that does not exist.
fn shown(value: &Value, words: impl FnOnce(f64) -> String) -> Result<String, Error> {
    let (value, origin) = Traced::open(value);
    let text = match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => NOT_APPLICABLE.to_owned(),
        // Hidden, whatever its figure would have been called.
        ValueKind::String if value.as_str() == Some(SUPPRESSED) => SUPPRESSED.to_owned(),
        _ => words(f64::try_from(value.clone())?),
    };
    Ok(marked(text, origin))
}

fn marked(text: String, origin: Option<&Origin>) -> String {
    origin.map_or_else(|| text.clone(), |origin| origin.mark(&text))
}

fn compared_in(row: &Value, column: &str, digits: Option<u8>) -> Result<(String, Option<Origin>), Error> {
    let wrong = |message: String| Error::new(ErrorKind::InvalidOperation, message);
    let Some(row) = row.downcast_object_ref::<TemplateRow>() else {
        return Err(match row.is_undefined() {
            true => Error::from(ErrorKind::UndefinedError),
            false => wrong("`compared` takes a row of a dataset: `row | compared(\"column\")`".to_owned()),
        });
    };
    let (comparison, value) = row.compared(column).map_err(wrong)?;
    Ok((compared(comparison, value, digits), row.origin(column)))
}

/// A difference in words; the sign is said once, by the verb.
fn worded(value: f64, size: &str, up: &str, down: &str, unit: &str) -> String {
    if is_zero(size) {
        return "持平".to_owned();
    }
    format!("{}{size}{unit}", if value > 0.0 { up } else { down })
}

fn is_zero(size: &str) -> bool {
    size.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// 同比上升3.2%, 环比下降0.35个百分点, 与上年同期持平; 同比— where there is nothing to compare with. What the column holds
/// decides the words, so that no template can take one comparison for the other or points for per cent.
fn compared(comparison: Comparison, value: Option<f64>, digits: Option<u8>) -> String {
    let word = comparison.base.word();
    let Some(value) = value else { return format!("{word}{NOT_APPLICABLE}") };
    let (size, unit) = match comparison.measure {
        Measure::Growth => (percent(value.abs(), digits.unwrap_or(1).into()), "%"),
        Measure::Points => (fixed(value.abs(), digits.unwrap_or(2).into()), "个百分点"),
    };
    if is_zero(&size) {
        let earlier = match comparison.base {
            Base::LastYear => "上年同期",
            Base::Previous => "上期",
        };
        return format!("与{earlier}{}持平", if value == 0.0 { "" } else { "基本" });
    }
    format!("{word}{}{size}{unit}", if value > 0.0 { "上升" } else { "下降" })
}

fn mark(blocks: &Blocks, block: Block) -> Result<Value, Error> {
    let mut blocks = blocks.lock().map_err(|_| Error::new(ErrorKind::InvalidOperation, "an earlier block failed"))?;
    blocks.push(block);
    Ok(Value::from_safe_string(format!("\n\n{BLOCK_OPEN}{}{BLOCK_CLOSE}\n\n", blocks.len() - 1)))
}

fn card(entry: &Value) -> Result<Card, Error> {
    let text = |name: &str| -> Result<String, Error> {
        let value = entry.get_attr(name)?;
        Ok(match value.kind() {
            // A key that is there and has no value was given a name that does not exist.
            ValueKind::Undefined if entry.try_iter()?.any(|key| key.as_str() == Some(name)) => {
                return Err(Error::new(ErrorKind::UndefinedError, format!("the card's `{name}` is undefined")));
            }
            ValueKind::Undefined => String::new(),
            ValueKind::None => NOT_APPLICABLE.to_owned(),
            _ => value.to_string(),
        })
    };
    let part = |name: &str| text(name).map(|text| Run::marked(&text));
    let card = Card { label: part("label")?, value: part("value")?, unit: part("unit")?, note: part("note")? };
    if card.label.text.is_empty() || card.value.text.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "a card needs `label` and `value`, and may have `unit` and `note`",
        ));
    }
    Ok(card)
}

/// Text as Markdown shows it literally, also where it begins a line.
pub(super) fn escaped(text: &str) -> String {
    let is_sign = |sign: &char| !sign.is_control() && !RESERVED.contains(sign);
    let begun: String = text.chars().filter(is_sign).collect();
    let opening = opening(begun.trim_start());
    let mut out = String::with_capacity(text.len());
    // Signs since the first that is no blank; four blanks before it would make code of the text.
    let mut place = None;
    let mut before = None;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let sign = if matches!(sign, '\n' | '\r' | '\t') { ' ' } else { sign };
        if RESERVED.contains(&sign) {
            out.push(sign);
            continue;
        }
        if matches!(sign, BLOCK_OPEN | BLOCK_CLOSE)
            || sign.is_control()
            || sign == ' ' && place.is_none() && before == Some(' ')
        {
            continue;
        }
        place = match place {
            None => (!sign.is_whitespace()).then_some(0),
            Some(place) => Some(place + 1),
        };
        let is_opening = place.is_some() && place == opening;
        // Readers that make links of addresses take them for words so.
        let is_address = match sign {
            ':' => signs.peek() == Some(&'/'),
            '@' => before.is_some_and(char::is_alphanumeric),
            '.' => before.is_some_and(|before| matches!(before, 'w' | 'W')),
            _ => false,
        };
        if is_opening || is_address || "\\`*_[]<>|#&~!^$".contains(sign) {
            out.push('\\');
        }
        out.push(sign);
        before = Some(sign);
    }
    out
}

/// How many signs stand before the one that would make an item, a rule or an underline of a line that begins so.
fn opening(text: &str) -> Option<usize> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let mut rest = text.chars().skip(digits);
    let (sign, after) = (rest.next()?, rest.next());
    let ends = after.is_none_or(char::is_whitespace);
    match sign {
        '-' | '+' | '=' if digits == 0 => (ends || after == Some(sign)).then_some(0),
        '.' | ')' if digits > 0 => ends.then_some(digits),
        _ => None,
    }
}

/// The error at its place in the template, with the names that would have worked.
fn problem(
    path: &Path,
    source: &str,
    error: &Error,
    range: Option<Range<usize>>,
    tables: &[(String, Vec<String>)],
) -> Problem {
    // An error inside a filter or function is wrapped; the innermost cause says most, the outermost has the place.
    let mut detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(text) = inner.downcast_ref::<Error>().and_then(Error::detail) {
            detail = text.to_owned();
        }
        cause = inner.source();
    }
    let range =
        range.map(|range| if error.kind() == ErrorKind::UndefinedError { filtered(source, range) } else { range });
    let snippet = range.clone().and_then(|range| source.get(range)).unwrap_or_default();
    if let (ErrorKind::UndefinedError, Some(range)) = (error.kind(), &range)
        && let Some((_, problem)) =
            mentions::wrong_columns(path, source, tables).into_iter().find(|(at, _)| range.contains(at))
    {
        return problem;
    }
    let (line, column) = match &range {
        Some(range) => position(source, range.start),
        None => (error.line().map_or(0, |line| u32::try_from(line).unwrap_or(0)), 1),
    };
    let message = match error.kind() {
        ErrorKind::UndefinedError if !snippet.is_empty() && error.detail().is_none() => {
            format!("`{snippet}` is undefined")
        }
        ErrorKind::OutOfFuel => "the template does too much work; does a loop never end?".to_owned(),
        _ => detail,
    };
    let problem = Problem::new(path, message).at(line, column);
    match error.kind() {
        ErrorKind::UnknownFilter => problem.hint(listed("filters", FILTERS)),
        _ => match tables.iter().find(|(name, _)| mentions(snippet, name)) {
            Some((name, columns)) => problem.hint(listed(
                &format!("`{name}` has the columns"),
                &columns.iter().map(String::as_str).collect::<Vec<_>>(),
            )),
            None if error.kind() == ErrorKind::UndefinedError && !tables.is_empty() => {
                problem.hint(listed("datasets", &tables.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>()))
            }
            None => problem,
        },
    }
}

/// A filter that is handed an undefined name is blamed in its place; what it was handed stands before the bar.
fn filtered(source: &str, range: Range<usize>) -> Range<usize> {
    let Some(before) = source.get(..range.start).and_then(|before| before.trim_end().strip_suffix('|')) else {
        return range;
    };
    let handed = before.trim_end();
    let is_part = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '.' | '[' | ']');
    let start =
        handed.char_indices().rev().take_while(|(_, sign)| is_part(*sign)).last().map_or(handed.len(), |(at, _)| at);
    start..handed.len()
}

fn mentions(snippet: &str, name: &str) -> bool {
    snippet.split(|sign: char| !sign.is_alphanumeric() && sign != '_').any(|word| word == name)
}

pub(super) fn position(source: &str, at: usize) -> (u32, u32) {
    let before = source.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|sign| *sign != '\n').count() + 1;
    (u32::try_from(line).unwrap_or(0), u32::try_from(column).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Parser, Tag};

    use super::*;

    fn rendered(source: &str) -> Result<String, Problem> {
        let row = Value::from_pairs([("rate", Value::from(0.98585)), ("name", Value::from("[x](http://y) <b>|*"))]);
        let data = Value::from_pairs([("overview", row), ("nothing", Value::from(()))]);
        let tables = [("overview".to_owned(), vec!["name".to_owned(), "rate".to_owned()])];
        render(Path::new("summary.md.j2"), source, data, &Blocks::default(), &tables)
    }

    #[test]
    fn filters_word_figures() {
        for (source, expected) in [
            ("{{ overview.rate | percent }}", "98.59%"),
            ("{{ overview.rate | percent(1) }}", "98.6%"),
            ("{{ nothing | percent }}", "—"),
            ("{{ nothing }}", "—"),
            ("{{ '*' | percent(1) }}{{ '*' | wan }}", "\\*\\*"),
            ("{{ 640000 | wan(1) }}", "64.0万"),
            ("{{ '2024-06-27' | date }}", "2024年6月27日"),
            ("{{ -12 | change('件') }}", "减少12件"),
            ("{{ 0 | change('件') }}", "持平"),
            ("{{ 3 | rank_word }}", "第3位"),
            ("{{ 1 | fixed(2) }}", "1.00"),
        ] {
            assert_eq!(rendered(source).as_deref(), Ok(expected), "{source}");
        }
    }

    #[test]
    fn a_name_from_the_data_stays_a_name() {
        let names = [
            "- 项",
            "-",
            "---",
            "+ 项",
            "===",
            "= 项",
            "1. 项",
            "12) 项",
            "> 引",
            "# 题",
            "    码",
            "\t码",
            "$x$",
            "-3.2",
            "1.",
            "http://x.example/y",
            "=HYPERLINK(\"http://x\")",
        ];
        for name in names {
            for [before, after] in [["", ""], ["前\n", "后"], ["", " 件"]] {
                let source = format!("{before}{}{after}", escaped(name));
                let events: Vec<Event<'_>> = Parser::new(&source).collect();
                let is_text = |event: &Event<'_>| matches!(event, Event::Text(_) | Event::SoftBreak);
                let [Event::Start(Tag::Paragraph), text @ .., Event::End(_)] = events.as_slice() else {
                    panic!("{source}: {events:?}")
                };
                assert!(text.iter().all(is_text), "{source}: {events:?}");
            }
        }
        assert_eq!(escaped("-3.2"), "-3.2");
        assert_eq!(escaped("http://x"), "http\\://x");
    }

    #[test]
    fn a_comparison_is_worded_by_what_its_column_holds() {
        for (unit, value, expected) in [
            ("同比%", Some(0.0324), "同比上升3.2%"),
            ("同比%", Some(-0.0325), "同比下降3.3%"),
            ("环比%", Some(2.5), "环比上升250.0%"),
            ("环比%", Some(-1.0), "环比下降100.0%"),
            ("环比百分点", Some(-0.345), "环比下降0.35个百分点"),
            ("同比百分点", Some(1.23), "同比上升1.23个百分点"),
            ("同比%", Some(0.0), "与上年同期持平"),
            ("环比百分点", Some(-0.0), "与上期持平"),
            ("同比百分点", Some(-0.004), "与上年同期基本持平"),
            ("同比%", None, "同比—"),
            ("环比百分点", None, "环比—"),
        ] {
            let comparison = Comparison::of_unit(unit).unwrap();
            assert_eq!(compared(comparison, value, None), expected, "{unit} {value:?}");
        }
    }

    #[test]
    fn only_a_column_that_compares_is_worded_as_a_comparison() {
        let row = || {
            let columns = ["rate", "growth"].map(str::to_owned).to_vec();
            let units = vec![None, Comparison::of_unit("同比%")];
            let values = vec![Value::from(0.5), Value::from(0.5)];
            Value::from_object(TemplateRow::new(columns.into(), units.into(), values))
        };
        let rendered = |source: &str| {
            let data = Value::from_pairs([("places", Value::from(vec![row()])), ("total", row())]);
            render(Path::new("summary.md.j2"), source, data, &Blocks::default(), &[])
        };
        assert_eq!(rendered("{{ total | compared('growth', 2) }}").as_deref(), Ok("同比上升50.00%"));
        assert_eq!(rendered("{{ places | first | compared('growth') }}").as_deref(), Ok("同比上升50.0%"));
        for (source, expected) in [
            ("{{ total | compared('rate') }}", "`rate` does not compare"),
            ("{{ total | compared('none') }}", "there is no column `none`"),
            ("{{ total.growth | compared('growth') }}", "takes a row of a dataset"),
            ("{{ totl | compared('growth') }}", "`totl` is undefined"),
        ] {
            let problem = rendered(source).err().map(|problem| problem.to_string()).unwrap_or_default();
            assert!(problem.contains(expected), "{source}: {problem}");
        }
    }

    #[test]
    fn text_from_the_data_stays_text() {
        assert_eq!(rendered("{{ overview.name }}").as_deref(), Ok(r"\[x\](http\://y) \<b\>\|\*"));
    }

    #[test]
    fn errors_name_place_and_columns() {
        let problem = rendered("第一行\n办结率 {{ overview.rate_pct | percent }}").err();
        let Some(problem) = problem else { panic!("an undefined name was accepted") };
        assert_eq!((problem.line, problem.column), (2, 8), "{problem}");
        assert!(problem.hint.as_deref().is_some_and(|hint| hint.contains("`rate`")), "{problem}");
        let problem = rendered("{{ overview.rate | percnt }}").err();
        assert!(problem.and_then(|problem| problem.hint).is_some_and(|hint| hint.contains("`percent`")));
        assert!(
            rendered("{% for a in range(100000) %}{% for b in range(100000) %}{{ b }}{% endfor %}{% endfor %}")
                .is_err()
        );
    }

    #[test]
    fn what_is_no_figure_is_not_shown_as_a_missing_one() {
        for (source, expected) in [
            ("{{ cards([{\"label\": \"a\", \"value\": 1, \"note\": overview.nte}]) }}", "undefined"),
            ("{{ bar_chart([overview], label=\"rate\", values=[\"name\"], title=\"t\") }}", "summary.md.j2:1:"),
            (
                "{{ bar_chart([overview], label=\"name\", values=[\"rate\"], names=[], title=\"t\") }}",
                "1 values and 0 names",
            ),
            ("{{ overview.rate | date }}", "`date` was given no date"),
            ("甲\n{{ line_chart([overview], label=\"name\", values=[\"rate\"]) }}", "summary.md.j2:2:4: "),
            ("甲\n{{ pareto_chart([overview], label=\"name\", values=[\"rat\"], title=\"t\") }}", "have no `rat`"),
            ("{{ heat_table([overview], label=\"name\", title=\"t\") }}", "summary.md.j2:1:4: "),
            ("{{ tile_map([overview], value=\"rate\", title=\"t\") }}", "summary.md.j2:1:4: "),
        ] {
            let problem = rendered(source).err().map(|problem| problem.to_string()).unwrap_or_default();
            assert!(problem.contains(expected), "{source}: {problem}");
        }
        assert_eq!(rendered("{{ nothing | date }}").as_deref(), Ok("—"));
    }

    #[test]
    fn every_listed_filter_exists() {
        let environment = environment(&Blocks::default());
        for filter in FILTERS {
            assert!(
                environment
                    .compile_expression(&format!("none | {filter}"))
                    .and_then(|expression| expression.eval(()))
                    .err()
                    .is_none_or(|error| error.kind() != ErrorKind::UnknownFilter),
                "{filter}"
            );
        }
    }
}
