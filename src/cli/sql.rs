//! `gridhouse sql`: one text, a file, standard input or the shell.

use std::io::{IsTerminal, Read};
use std::path::Path;
use std::time::Instant;

use chrono::NaiveDate;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use futures::StreamExt;

use super::args::Format;
use super::output::render_rows;
use super::{CommandContext, Ending, Opened, describe, shell};
use crate::diagnostic::{Context, Diagnostic, Place, Result};
use crate::query::Layer;

pub(super) async fn sql(
    context: &CommandContext<'_>,
    commands: &[String],
    file: Option<&Path>,
    format: Format,
    as_of: Option<NaiveDate>,
) -> Result<Ending> {
    let opened = context.open(as_of).await?;
    let mut texts: Vec<(Option<&Path>, String)> = commands.iter().map(|text| (None, text.clone())).collect();
    if let Some(file) = file {
        let text = fs_err::read_to_string(file).map_err(|error| Diagnostic::error(error.to_string()))?;
        texts.push((Some(file), text));
    }
    if texts.is_empty() && std::io::stdin().is_terminal() {
        return shell::run(context, &opened, format).await;
    }
    if texts.is_empty() {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).doing("reading standard input")?;
        texts.push((None, text));
    }
    for (path, text) in texts {
        for (statement, first_line) in statements(&text) {
            let runner = Runner { context, opened: &opened, format, timing: false };
            runner.run(&statement).await.map_err(|problem| match path {
                Some(path) => in_file(problem, path, first_line),
                None => problem,
            })?;
        }
    }
    Ok(Ending::Done)
}

fn in_file(mut problem: Diagnostic, path: &Path, first_line: u32) -> Diagnostic {
    if let Some(place) = problem.place.take() {
        problem.place = Some(if place.file.as_os_str().is_empty() {
            Place { file: path.to_owned(), line: place.line.map(|line| line + first_line - 1), ..place }
        } else {
            place
        });
    } else {
        problem.place = Some(Place::file(path));
    }
    problem
}

/// Splits a text at its semicolons, not at those in quotes and comments. Gives each part and its first line.
pub(super) fn statements(text: &str) -> Vec<(String, u32)> {
    let dialect = GenericDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, text).tokenize_with_location() else {
        return vec![(text.to_owned(), 1)];
    };
    let mut parts = Vec::new();
    let (mut current, mut first_line, mut has_words) = (String::new(), 1, false);
    for token in tokens {
        match token.token {
            Token::SemiColon => {
                if has_words {
                    parts.push((std::mem::take(&mut current), first_line));
                }
                current.clear();
                has_words = false;
            }
            Token::EOF => {}
            other => {
                let is_blank = matches!(other, Token::Whitespace(_));
                if !has_words && !is_blank {
                    (has_words, first_line) = (true, token.span.start.line as u32);
                    current.clear();
                }
                current.push_str(&other.to_string());
            }
        }
    }
    if has_words {
        parts.push((current, first_line));
    }
    parts
}

/// Runs statements and the shell's `\` commands, and prints what they give.
pub(super) struct Runner<'a> {
    pub(super) context: &'a CommandContext<'a>,
    pub(super) opened: &'a Opened,
    pub(super) format: Format,
    pub(super) timing: bool,
}

impl Runner<'_> {
    pub(super) async fn run(&self, statement: &str) -> Result<()> {
        let text = statement.trim();
        if let Some(command) = text.strip_prefix('\\') {
            return self.backslash(command).await;
        }
        let clock = Instant::now();
        let count = self.query(text).await?;
        if self.timing {
            self.context.output.say(format!("{count} rows, {:.3} s", clock.elapsed().as_secs_f64()));
        }
        Ok(())
    }

    async fn backslash(&self, command: &str) -> Result<()> {
        match command.split_whitespace().collect::<Vec<_>>()[..] {
            ["d"] => self.context.output.data(self.listing()),
            ["d", name] => self.context.output.data(describe::text(self.opened, name, self.format).await?),
            _ => Err(Diagnostic::error(format!("no command `\\{command}`"))
                .hint("`\\d` lists tables and views, `\\d NAME` describes one")),
        }
    }

    /// Tables, views and marts with their labels.
    fn listing(&self) -> String {
        let catalog = self.opened.session.catalog();
        let names = self.opened.session.relation_names();
        let mut text = String::new();
        let width = names.iter().map(String::len).max().unwrap_or(0);
        let groups = [
            ("tables", None),
            ("staging views", Some(Layer::Staging)),
            ("marts", Some(Layer::Mart)),
            ("checks", Some(Layer::Check)),
        ];
        for (title, layer) in groups {
            text.push_str(&format!("{title}\n"));
            for name in &names {
                let view = catalog.get(name);
                if view.map(|v| v.layer) != layer {
                    continue;
                }
                let label = match view {
                    Some(view) => view.model.label.as_str(),
                    None => self.opened.contracts.get(name).map_or("", |c| c.label.as_str()),
                };
                text.push_str(format!("  {name:width$}  {label}").trim_end());
                text.push('\n');
            }
        }
        text.trim_end().to_owned()
    }

    async fn query(&self, text: &str) -> Result<usize> {
        let output = self.context.output;
        let with_source = |problem: Diagnostic| {
            if problem.source.is_none() { problem.with_source(text) } else { problem }
        };
        let mut stream = self.opened.session.stream(text).await.map_err(with_source)?;
        let schema = stream.schema();
        let limit = match self.format {
            Format::Table | Format::Markdown => self.opened.project.settings.limits.sql_rows_max,
            // Files for other programs are whole.
            Format::Csv | Format::Json => usize::MAX,
        };
        let (mut batches, mut count, mut is_cut) = (Vec::new(), 0, false);
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| crate::query::run_problem(&error))?;
            let room = limit - count;
            if batch.num_rows() > room {
                batches.push(batch.slice(0, room));
                count = limit;
                is_cut = true;
                break;
            }
            count += batch.num_rows();
            batches.push(batch);
        }
        output.data(render_rows(self.format, &schema, &batches)?.trim_end_matches('\n'))?;
        if is_cut {
            output.say(format!("only the first {limit} rows are shown; `--format csv` gives all"));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::statements;

    #[test]
    fn splits_at_semicolons_outside_quotes_and_comments() {
        let parts = statements("SELECT ';' -- a; b\n;\n\nSELECT 2;;");
        let texts: Vec<(&str, u32)> = parts.iter().map(|(text, line)| (text.trim(), *line)).collect();
        assert_eq!(texts, [("SELECT ';' -- a; b", 1), ("SELECT 2", 4)]);
    }
}
