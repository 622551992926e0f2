//! `gridhouse sql`: one text, a file, standard input or the shell.

use std::io::{IsTerminal, Read};
use std::path::Path;
use std::time::Instant;

use chrono::NaiveDate;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
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
    for problem in &opened.problems {
        context.output.problem(problem);
    }
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
    // Editors on Windows begin a file with a byte-order mark.
    let texts = texts.iter().map(|(path, text)| (*path, text.strip_prefix('\u{feff}').unwrap_or(text)));
    let parts: Vec<_> = texts.map(|(path, text)| (path, text, statements(text))).collect();
    if format == Format::Json && parts.iter().map(|(_, _, statements)| statements.len()).sum::<usize>() > 1 {
        return Err(Diagnostic::error("the results of several statements are not one JSON text")
            .effect("nothing was run")
            .hint("give one statement at a time with `--format json`"));
    }
    let runner = Runner { context, opened: &opened, format, timing: false };
    for (path, text, statements) in parts {
        for (statement, first_line) in statements {
            let place_in_text = |problem| in_text(problem, path.unwrap_or(Path::new("")), text, first_line);
            runner.run(&statement).await.map_err(place_in_text)?;
        }
    }
    Ok(Ending::Done)
}

/// A problem of one statement, which begins on `first_line` of `text`, at its place in the whole text.
fn in_text(mut problem: Diagnostic, path: &Path, text: &str, first_line: u32) -> Diagnostic {
    match &mut problem.place {
        Some(place) if place.file.as_os_str().is_empty() => {
            place.file = path.to_owned();
            place.line = place.line.map(|line| line + first_line - 1);
            problem.source = Some(text.to_owned());
        }
        // In a view's file.
        Some(_) => {}
        None if path.as_os_str().is_empty() => {}
        None => problem.place = Some(Place::file(path)),
    }
    problem
}

/// Splits a text at its semicolons, not at those in quotes and comments. Gives each part and its first line; a part
/// that begins within a line has blanks before it, so that columns count from the line's beginning.
pub(super) fn statements(text: &str) -> Vec<(String, u32)> {
    let dialect = GenericDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, text).tokenize_with_location() else {
        return vec![(text.to_owned(), 1)];
    };
    let mut parts = Vec::new();
    // The text itself is cut: a token put back into text is not always what was written.
    let part = |first: Location, end: usize| {
        let blanks = " ".repeat(first.column as usize - 1);
        (format!("{blanks}{}", &text[offset(text, first)..end]), first.line as u32)
    };
    let mut first = None;
    for token in tokens {
        match token.token {
            Token::SemiColon => {
                parts.extend(first.take().map(|first| part(first, offset(text, token.span.start))));
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => first = first.or(Some(token.span.start)),
        }
    }
    parts.extend(first.map(|first| part(first, text.len())));
    parts
}

/// Where a line and a column, both from 1, stand in a text, in bytes.
fn offset(text: &str, at: Location) -> usize {
    let line: usize = text.split_inclusive('\n').take(at.line as usize - 1).map(str::len).sum();
    let columns = text[line..].char_indices().map(|(byte, _)| byte);
    columns.chain([text.len() - line]).nth(at.column as usize - 1).map_or(text.len(), |byte| line + byte)
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
        let text = statement.trim_end();
        if let Some(command) = text.trim_start().strip_prefix('\\') {
            return self.backslash(command).await;
        }
        let clock = Instant::now();
        let count = self.query(text).await?;
        if self.timing {
            let rows = if count == 1 { "row" } else { "rows" };
            self.context.output.say(format!("{count} {rows}, {:.3} s", clock.elapsed().as_secs_f64()));
        }
        Ok(())
    }

    async fn backslash(&self, command: &str) -> Result<()> {
        match command.split_whitespace().collect::<Vec<_>>()[..] {
            ["d"] => self.context.output.data(self.listing()),
            ["d", name] => describe::print(self.context.output, self.opened, name, self.format).await,
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
        if let Some(field) = schema.fields().iter().find(|f| self.format == Format::Csv && f.data_type().is_nested()) {
            return Err(Diagnostic::error(format!("column `{}` holds lists, for which CSV has no form", field.name()))
                .hint("`--format json` prints it; `array_to_string` makes a text of it"));
        }
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

    #[test]
    fn keeps_what_was_written_and_where() {
        let parts = statements("SELECT '长''沙' ;  SELECT E'\\n', \"a\"\"b\"\r\n, 'x'' or ''1''=''1' ; \n");
        let expected = [
            ("SELECT '长''沙' ".to_owned(), 1),
            (format!("{}SELECT E'\\n', \"a\"\"b\"\r\n, 'x'' or ''1''=''1' ", " ".repeat(17)), 1),
        ];
        assert_eq!(parts, expected);
    }
}
