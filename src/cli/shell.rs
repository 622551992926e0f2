//! The interactive SQL shell: history, completion of names, `\d`, timing, Ctrl-C cancels a query.

use std::borrow::Cow;

use reedline::{
    ColumnarMenu, Completer, CompletionResult, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder, Prompt,
    PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal, Span, Suggestion,
    ValidationResult, Validator, default_emacs_keybindings,
};

use super::args::Format;
use super::sql::{Runner, statements};
use super::{CommandContext, Ending, Opened};
use crate::diagnostic::{Context, Result};
use crate::query::FUNCTIONS;

const HISTORY_LINES: usize = 1_000;
const HELP: &str = "\
SQL ends with `;`. Only queries; tables change by landing deliveries.
  \\d          tables and views        \\d NAME   columns, labels, what reads what
  \\timing     seconds on or off       \\format table|csv|json|markdown
  \\functions  functions beside the engine's own
  \\q          leave (also Ctrl-D)     Ctrl-C    cancel the query at hand";

pub(super) async fn run(context: &CommandContext<'_>, opened: &Opened, format: Format) -> Result<Ending> {
    let mut editor = editor(context, opened);
    let snapshot = opened.session.snapshot().map(crate::query::Snapshot::id).unwrap_or_default();
    context.output.say(format!("as of {}, snapshot {snapshot}; `\\?` for help", opened.session.as_of()));
    let mut runner = Runner { context, opened, format, timing: true };
    loop {
        let text = match editor.read_line(&ShellPrompt).doing("reading the terminal")? {
            Signal::Success(text) => text,
            Signal::CtrlC => continue,
            Signal::CtrlD => return Ok(Ending::Done),
            _ => continue,
        };
        let text = text.trim();
        match text.trim_end_matches(';').split_whitespace().collect::<Vec<_>>()[..] {
            [] => continue,
            ["\\q" | "exit" | "quit"] => return Ok(Ending::Done),
            ["\\?" | "help"] => context.output.data(HELP)?,
            ["\\timing"] => {
                runner.timing = !runner.timing;
                context.output.say(if runner.timing { "timing is on" } else { "timing is off" });
            }
            ["\\functions"] => {
                let lines: Vec<String> = FUNCTIONS.iter().map(|(name, what)| format!("  {name:40} {what}")).collect();
                context.output.data(lines.join("\n"))?;
            }
            ["\\format", name] => match <Format as clap::ValueEnum>::from_str(name, true) {
                Ok(format) => runner.format = format,
                Err(_) => context.output.say("formats are table, csv, json and markdown"),
            },
            _ => {
                let parts = if text.starts_with('\\') {
                    vec![(text.trim_end_matches(';').to_owned(), 1)]
                } else {
                    statements(text)
                };
                for (statement, _) in parts {
                    tokio::select! {
                        result = runner.run(&statement) => if let Err(problem) = result {
                            context.output.problem(&problem);
                        },
                        _ = tokio::signal::ctrl_c() => context.output.say("cancelled"),
                    }
                }
            }
        }
    }
}

fn editor(context: &CommandContext<'_>, opened: &Opened) -> Reedline {
    let mut words: Vec<String> = opened.session.relation_names();
    for view in opened.session.catalog().iter() {
        words.extend(view.model.columns.iter().map(|c| c.name.clone()));
    }
    for contract in opened.contracts.iter() {
        words.extend(contract.columns.iter().map(|c| c.name.clone()));
    }
    words.extend(FUNCTIONS.iter().filter_map(|(name, _)| name.split('(').next()).map(str::to_owned));
    words.extend(["SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "JOIN", "ON"].map(str::to_owned));
    words.sort();
    words.dedup();
    let menu = ColumnarMenu::default().with_name("names");
    let mut keys = default_emacs_keybindings();
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu("names".to_owned()), ReedlineEvent::MenuNext]),
    );
    let editor = Reedline::create();
    let editor = match FileBackedHistory::with_file(HISTORY_LINES, opened.project.root.join(".gridhouse_history")) {
        Ok(history) => editor.with_history(Box::new(history)),
        // A project that may only be read can be queried all the same.
        Err(error) => {
            context.output.say(format!("the history is not kept: {error}"));
            editor
        }
    };
    editor
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_completer(Box::new(Names { words }))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_validator(Box::new(Semicolon))
}

/// A statement goes on until its semicolon.
struct Semicolon;

impl Validator for Semicolon {
    fn validate(&self, line: &str) -> ValidationResult {
        let line = line.trim();
        let is_word = ["exit", "quit", "help", ""].contains(&line);
        if line.starts_with('\\') || is_word || line.ends_with(';') {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

struct Names {
    words: Vec<String>,
}

impl Completer for Names {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let before = line.get(..position).unwrap_or(line);
        let start = before
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        let word = before[start..].to_lowercase();
        if word.is_empty() {
            return CompletionResult::fresh(Vec::new());
        }
        let found: Vec<Suggestion> = self
            .words
            .iter()
            .filter(|name| name.to_lowercase().starts_with(&word))
            .map(|name| Suggestion {
                value: name.clone(),
                span: Span { start, end: position },
                append_whitespace: false,
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(found)
    }
}

struct ShellPrompt;

impl Prompt for ShellPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "gridhouse".into()
    }
    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }
    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }
    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "     ...> ".into()
    }
    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("search {}: ", search.term).into()
    }
}
