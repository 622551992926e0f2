//! A template in which what is printed of a cell remembers the cell.
//!
//! `{{ row.count | fixed }}` becomes `{{ __cell(row,"count") | fixed }}`, and only where a value is printed: in `{{ }}`,
//! beside `~`, in the branches of a choice, in the cards' texts, before the filters that word a figure, and in names that
//! are used for nothing else. Where a value is compared, tested, added or looped over it stays bare, so that a template
//! does the same with and without. What is calculated from several cells, and what goes through other filters, comes from
//! no single cell and remembers none.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::machinery::{Span, parse};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::origin::{Origin, Traced, reserved_sign};
use super::summary::TemplateRow;

/// Filters that word a figure.
const WORDING: [&str; 5] = ["change", "fixed", "percent", "rank_word", "wan"];
/// Filters that hand on what they are given, or change some of its signs.
const PASSING: [&str; 5] = ["d", "default", "replace", "safe", "trim"];
/// Filters with a twin that remembers.
const TWINS: [&str; 4] = ["abs", "compared", "count", "length"];

/// A template and how it differs from what its author wrote.
pub(super) struct Rewritten {
    pub source: String,
    edits: Vec<Edit>,
}

struct Edit {
    /// In the author's text.
    at: Range<usize>,
    with: String,
}

/// How a value is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// As text that goes to the page.
    Printed,
    /// As a figure that is about to be worded.
    Worded,
    Bare,
}

impl Rewritten {
    /// Rewrites a template that can be read. One that cannot be rewritten stays as it is.
    pub(super) fn of(source: &str, syntax: &SyntaxConfig) -> Self {
        let unchanged = || Self { source: source.to_owned(), edits: Vec::new() };
        let Ok(template) = parse(source, "", syntax.clone()) else { return unchanged() };
        let mut reader = Reader::default();
        reader.statement(&template);
        let mut names = Names { bare: BTreeSet::new(), macros: reader.macros };
        let mut bare = BTreeSet::new();
        Walk {
            names: None,
            visit: &mut |expr, used| {
                if let (Expr::Var(name), Use::Bare) = (expr, used) {
                    bare.insert(name.id.to_owned());
                }
            },
        }
        .statement(&template);
        names.bare = bare;
        let mut edits = Vec::new();
        Walk { names: Some(&names), visit: &mut |expr, used| edits.extend(rewritten(source, expr, used)) }
            .statement(&template);
        edits.sort_by_key(|edit: &Edit| (edit.at.start, edit.at.end));
        let mut changed = String::with_capacity(source.len() * 2);
        let mut done = 0;
        for edit in &edits {
            let Some(between) = source.get(done..edit.at.start) else { return unchanged() };
            changed.push_str(between);
            changed.push_str(&edit.with);
            done = edit.at.end;
        }
        changed.push_str(source.get(done..).unwrap_or_default());
        if parse(&changed, "", syntax.clone()).is_err() {
            return unchanged();
        }
        Self { source: changed, edits }
    }

    /// Where a place of the rewritten template is in the author's.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let start = self.place(range.start, true);
        start..self.place(range.end, false).max(start)
    }

    fn place(&self, at: usize, is_start: bool) -> usize {
        let (mut longer, mut shorter) = (0, 0);
        for edit in &self.edits {
            let begins = edit.at.start + longer - shorter;
            if at < begins || (at == begins && !is_start) {
                break;
            }
            if at < begins + edit.with.len() {
                return if is_start { edit.at.start } else { edit.at.end };
            }
            longer += edit.with.len();
            shorter += edit.at.len();
        }
        at + shorter - longer
    }
}

/// The first sign in a template's texts that is reserved, by its place.
pub(super) fn reserved_in(source: &str, syntax: &SyntaxConfig) -> Option<usize> {
    if let Some(at) = reserved_sign(source) {
        return Some(at);
    }
    let template = parse(source, "", syntax.clone()).ok()?;
    let mut found = None;
    Walk {
        names: None,
        visit: &mut |expr, _| {
            if let Expr::Const(constant) = expr
                && constant.value.as_str().is_some_and(|text| reserved_sign(text).is_some())
            {
                found = found.or(Some(bytes(expr.span()).start));
            }
        },
    }
    .statement(&template);
    found
}

/// The functions and filters that a rewritten template calls.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_function("__cell", |row: Value, key: Value| -> Result<Value, Error> {
        let value = row.get_item(&key)?;
        let origin = row
            .downcast_object_ref::<TemplateRow>()
            .and_then(|row| row.origin(key.as_str()?))
            .filter(|_| !value.is_undefined());
        Ok(match origin {
            Some(origin) => Traced::of(value, origin),
            None => value,
        })
    });
    environment.add_filter("__abs", |value: Value| -> Result<Value, Error> {
        match Traced::open(&value) {
            (inner, Some(origin)) => Ok(Traced::of(minijinja::filters::abs(inner.clone())?, origin.clone())),
            (_, None) => minijinja::filters::abs(value),
        }
    });
    for name in ["__count", "__length"] {
        environment.add_filter(name, |_: &State, rows: Value| -> Result<Value, Error> {
            if rows.is_undefined() {
                return Err(Error::from(ErrorKind::UndefinedError));
            }
            let count = Value::from(minijinja::filters::length(&rows)?);
            Ok(match counted(&rows) {
                Some(origin) => Traced::of(count, origin),
                None => count,
            })
        });
    }
}

/// Rows of one dataset; `None` where there are none, or other things among them.
fn counted(rows: &Value) -> Option<Origin> {
    let places: Vec<(usize, usize)> =
        rows.try_iter().ok()?.map(|row| row.downcast_object_ref::<TemplateRow>()?.place()).collect::<Option<_>>()?;
    let (dataset, _) = *places.first()?;
    let is_one = places.iter().all(|(other, _)| *other == dataset);
    is_one.then(|| Origin::Rows { dataset, rows: places.into_iter().map(|(_, row)| row).collect() })
}

/// Where an expression begins: the parser's places of `b` and `c` in `a.b.c` begin after what they are asked of.
fn start(expr: &Expr<'_>) -> usize {
    let own = bytes(expr.span()).start;
    match expr {
        Expr::GetAttr(it) => own.min(start(&it.expr)),
        Expr::GetItem(it) => own.min(start(&it.expr)),
        Expr::Slice(it) => own.min(start(&it.expr)),
        Expr::Call(it) => own.min(start(&it.expr)),
        _ => own,
    }
}

fn bytes(span: Span) -> Range<usize> {
    let place = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    place(span.start_offset)..place(span.end_offset)
}

/// What makes an expression remember.
fn rewritten(source: &str, expr: &Expr<'_>, used: Use) -> Vec<Edit> {
    if used == Use::Bare {
        return Vec::new();
    }
    let at = start(expr)..bytes(expr.span()).end;
    let Some(text) = source.get(at.clone()) else { return Vec::new() };
    let insert = |place: usize| Edit { at: place..place, with: "__cell(".to_owned() };
    let with = |at: Range<usize>, with: String| Edit { at, with };
    match expr {
        Expr::GetAttr(asked) => {
            let before = text.strip_suffix(asked.name).map(str::trim_end).and_then(|text| text.strip_suffix('.'));
            let Some(before) = before else { return Vec::new() };
            let rest = at.start + before.len()..at.end;
            // Lines keep their numbers.
            let lines = "\n".repeat(source.get(rest.clone()).map_or(0, |text| text.matches('\n').count()));
            vec![insert(at.start), with(rest, format!(",{lines}\"{}\")", asked.name))]
        }
        Expr::GetItem(asked) => {
            let inner = bytes(asked.expr.span());
            let bracket = source.get(inner.end..at.end).and_then(|rest| Some(inner.end + rest.find('[')?));
            let Some(bracket) = bracket.filter(|_| text.ends_with(']')) else { return Vec::new() };
            vec![insert(at.start), with(bracket..bracket + 1, ",".to_owned()), with(at.end - 1..at.end, ")".to_owned())]
        }
        Expr::Filter(filter) if TWINS.contains(&filter.name) && text.starts_with(filter.name) => {
            vec![with(at.start..at.start + filter.name.len(), format!("__{}", filter.name))]
        }
        _ => Vec::new(),
    }
}

/// What is known of a template's names before it is rewritten.
struct Names {
    /// Names that are used as bare values somewhere.
    bare: BTreeSet<String>,
    /// The parameters of each macro.
    macros: BTreeMap<String, Vec<String>>,
}

impl Names {
    /// How a value is used that is given this name.
    fn used(&self, name: Option<&String>) -> Use {
        if name.is_some_and(|name| !self.bare.contains(name)) { Use::Printed } else { Use::Bare }
    }
}

/// Finds the macros of a template.
#[derive(Default)]
struct Reader {
    macros: BTreeMap<String, Vec<String>>,
}

impl Reader {
    fn statement(&mut self, statement: &Stmt<'_>) {
        if let Stmt::Macro(declared) = statement {
            let parameters = declared.args.iter().map(|argument| match argument {
                Expr::Var(name) => name.id.to_owned(),
                _ => String::new(),
            });
            self.macros.insert(declared.name.to_owned(), parameters.collect());
        }
        for inner in bodies(statement) {
            inner.iter().for_each(|statement| self.statement(statement));
        }
    }
}

/// The statements within a statement.
fn bodies<'t, 's>(statement: &'t Stmt<'s>) -> Vec<&'t [Stmt<'s>]> {
    match statement {
        Stmt::Template(it) => vec![&it.children],
        Stmt::ForLoop(it) => vec![&it.body, &it.else_body],
        Stmt::IfCond(it) => vec![&it.true_body, &it.false_body],
        Stmt::WithBlock(it) => vec![&it.body],
        Stmt::SetBlock(it) => vec![&it.body],
        Stmt::AutoEscape(it) => vec![&it.body],
        Stmt::FilterBlock(it) => vec![&it.body],
        Stmt::Block(it) => vec![&it.body],
        Stmt::Macro(it) => vec![&it.body],
        Stmt::CallBlock(it) => vec![&it.macro_decl.body],
        _ => Vec::new(),
    }
}

/// Goes through a template and says of each expression how it is used.
struct Walk<'w> {
    /// Nothing is known of names the first time.
    names: Option<&'w Names>,
    visit: &'w mut dyn FnMut(&Expr<'_>, Use),
}

impl Walk<'_> {
    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::EmitExpr(it) => self.expression(&it.expr, Use::Printed),
            Stmt::ForLoop(it) => {
                self.expression(&it.iter, Use::Bare);
                it.filter_expr.iter().for_each(|filter| self.expression(filter, Use::Bare));
            }
            Stmt::IfCond(it) => self.expression(&it.expr, Use::Bare),
            Stmt::WithBlock(it) => it.assignments.iter().for_each(|(target, expr)| self.given(target, expr)),
            Stmt::Set(it) => self.given(&it.target, &it.expr),
            Stmt::SetBlock(it) => it.filter.iter().for_each(|filter| self.expression(filter, Use::Bare)),
            Stmt::Macro(it) => it.defaults.iter().for_each(|default| self.expression(default, Use::Bare)),
            Stmt::CallBlock(it) => it.call.args.iter().for_each(|argument| self.argument(argument, Use::Bare)),
            Stmt::Do(it) => it.call.args.iter().for_each(|argument| self.argument(argument, Use::Bare)),
            _ => {}
        }
        for inner in bodies(statement) {
            inner.iter().for_each(|statement| self.statement(statement));
        }
    }

    fn given(&mut self, target: &Expr<'_>, expr: &Expr<'_>) {
        let name = if let Expr::Var(name) = target { Some(name.id.to_owned()) } else { None };
        let used = self.names.map_or(Use::Bare, |names| names.used(name.as_ref()));
        self.expression(expr, used);
    }

    fn argument(&mut self, argument: &CallArg<'_>, used: Use) {
        match argument {
            CallArg::Pos(expr) | CallArg::Kwarg(_, expr) => self.expression(expr, used),
            CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => self.expression(expr, Use::Bare),
        }
    }

    fn expression(&mut self, expr: &Expr<'_>, used: Use) {
        (self.visit)(expr, used);
        match expr {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::GetAttr(it) => self.expression(&it.expr, Use::Bare),
            Expr::GetItem(it) => {
                self.expression(&it.expr, Use::Bare);
                self.expression(&it.subscript_expr, Use::Bare);
            }
            Expr::Slice(it) => {
                self.expression(&it.expr, Use::Bare);
                for part in [&it.start, &it.stop, &it.step].into_iter().flatten() {
                    self.expression(part, Use::Bare);
                }
            }
            Expr::UnaryOp(it) => self.expression(&it.expr, Use::Bare),
            Expr::BinOp(it) => {
                let inner = if matches!(it.op, BinOpKind::Concat) && used == Use::Printed { used } else { Use::Bare };
                self.expression(&it.left, inner);
                self.expression(&it.right, inner);
            }
            Expr::Compare(it) => {
                self.expression(&it.expr, Use::Bare);
                it.ops.iter().for_each(|op| self.expression(&op.expr, Use::Bare));
            }
            Expr::IfExpr(it) => {
                self.expression(&it.test_expr, Use::Bare);
                self.expression(&it.true_expr, used);
                it.false_expr.iter().for_each(|otherwise| self.expression(otherwise, used));
            }
            Expr::Filter(it) => {
                let inner = match it.name {
                    _ if used == Use::Bare => Use::Bare,
                    name if WORDING.contains(&name) || name == "abs" => Use::Worded,
                    // `default(x, true)` asks whether the value is 0.
                    name if PASSING.contains(&name) && (it.args.len() < 2 || name == "replace") => used,
                    _ => Use::Bare,
                };
                it.expr.iter().for_each(|expr| self.expression(expr, inner));
                let is_default = inner != Use::Bare && ["d", "default"].contains(&it.name);
                let argument = if is_default { inner } else { Use::Bare };
                it.args.iter().for_each(|given| self.argument(given, argument));
            }
            Expr::Test(it) => {
                self.expression(&it.expr, Use::Bare);
                it.args.iter().for_each(|argument| self.argument(argument, Use::Bare));
            }
            Expr::Call(it) => self.call(&it.expr, &it.args, used),
            Expr::List(it) => it.items.iter().for_each(|item| self.expression(item, Use::Bare)),
            Expr::Tuple(it) => it.items.iter().for_each(|item| self.expression(item, Use::Bare)),
            Expr::Map(it) => it.keys.iter().chain(&it.values).for_each(|part| self.expression(part, Use::Bare)),
        }
    }

    fn call(&mut self, called: &Expr<'_>, arguments: &[CallArg<'_>], used: Use) {
        let name = if let Expr::Var(name) = called { name.id } else { "" };
        self.expression(called, Use::Bare);
        let parameters = self.names.filter(|_| used == Use::Printed).and_then(|names| names.macros.get(name));
        for (place, argument) in arguments.iter().enumerate() {
            match argument {
                CallArg::Pos(Expr::List(cards)) if name == "cards" && used == Use::Printed => {
                    for card in &cards.items {
                        let Expr::Map(card) = card else {
                            self.expression(card, Use::Bare);
                            continue;
                        };
                        card.keys.iter().for_each(|key| self.expression(key, Use::Bare));
                        card.values.iter().for_each(|text| self.expression(text, Use::Printed));
                    }
                }
                CallArg::Pos(expr) => {
                    let given = self
                        .names
                        .map_or(Use::Bare, |names| names.used(parameters.and_then(|parameters| parameters.get(place))));
                    self.expression(expr, given);
                }
                other => self.argument(other, Use::Bare),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(source: &str) -> Rewritten {
        Rewritten::of(source, &SyntaxConfig::default())
    }

    #[test]
    fn only_what_is_printed_remembers() {
        for (source, expected) in [
            ("{{ a.b }}", "{{ __cell(a,\"b\") }}"),
            ("{{ a[0].b | fixed(1) }}", "{{ __cell(a[0],\"b\") | fixed(1) }}"),
            ("{{ a.b.c[d.e] }}", "{{ __cell(a.b.c,d.e) }}"),
            ("{{ (a | first).b }}", "{{ __cell((a | first),\"b\") }}"),
            ("{{ a.b.c() }}{{ a.b() }}", "{{ a.b.c() }}{{ a.b() }}"),
            ("{{ a\n.b }}", "{{ __cell(a\n,\"b\") }}"),
            ("{{ '甲' ~ a.b ~ (c.d | abs | wan) }}", "{{ '甲' ~ __cell(a,\"b\") ~ (__cell(c,\"d\") | __abs | wan) }}"),
            ("{{ a.b if c.d > 0 else 'x' }}", "{{ __cell(a,\"b\") if c.d > 0 else 'x' }}"),
            ("{{ a.b + c.d }}{{ -a.b }}{{ a.b or c.d }}", "{{ a.b + c.d }}{{ -a.b }}{{ a.b or c.d }}"),
            ("{{ a.b | round | fixed }}", "{{ a.b | round | fixed }}"),
            (
                "{{ a.b | default('x') }}{{ a.b | default('x', true) }}",
                "{{ __cell(a,\"b\") | default('x') }}{{ a.b | default('x', true) }}",
            ),
            ("{{ a | compared('b') }}{{ a | length }}", "{{ a | __compared('b') }}{{ a | __length }}"),
            (
                "{% if a.b | percent == 'x' and a | length %}{% endif %}",
                "{% if a.b | percent == 'x' and a | length %}{% endif %}",
            ),
            ("{% set x = a.b %}{{ x }}", "{% set x = __cell(a,\"b\") %}{{ x }}"),
            ("{% set x = a.b %}{{ x }}{{ x + 1 }}", "{% set x = a.b %}{{ x }}{{ x + 1 }}"),
            (
                "{% macro m(x, y) %}{{ x | fixed }}{% if y %}{% endif %}{% endmacro %}{{ m(a.b, a.c) }}",
                "{% macro m(x, y) %}{{ x | fixed }}{% if y %}{% endif %}{% endmacro %}{{ m(__cell(a,\"b\"), a.c) }}",
            ),
            (
                "{{ cards([{'label': a.b, 'value': a.c}]) }}{{ other([a.b]) }}",
                "{{ cards([{'label': __cell(a,\"b\"), 'value': __cell(a,\"c\")}]) }}{{ other([a.b]) }}",
            ),
            (
                "{% for r in a.b if r.c %}{{ r.d }}{% endfor %}",
                "{% for r in a.b if r.c %}{{ __cell(r,\"d\") }}{% endfor %}",
            ),
            ("{{ a.0 }}{{ a[1:] }}", "{{ a.0 }}{{ a[1:] }}"),
            ("{{ broken", "{{ broken"),
        ] {
            assert_eq!(self::rewritten(source).source, expected, "{source}");
        }
    }

    #[test]
    fn places_lead_back_to_what_was_written() {
        let source = "甲{{ a.b | fixed }}乙{{ c[0].d ~ 'x' }}{{ e.f | nothing }}";
        let changed = self::rewritten(source);
        for word in ["甲", "fixed", "乙", "'x'", "nothing"] {
            let at = changed.source.find(word).expect(word);
            let back = changed.original(at..at + word.len());
            assert_eq!(source.get(back), Some(word));
        }
        let call = changed.source.find("__cell(c[0],\"d\")").expect("a call");
        let back = changed.original(call..call + "__cell(c[0],\"d\")".len());
        assert_eq!(source.get(back), Some("c[0].d"));
    }
}
