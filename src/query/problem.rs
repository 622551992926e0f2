//! DataFusion's errors as problems with a place: line and column of the SQL, what is wrong, a name meant instead.

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use regex::Regex;

use crate::diagnostic::{Diagnostic, Place, did_you_mean};

/// An error of parsing, planning or running one SQL text. The place has no file: the caller knows it.
pub(super) fn from_datafusion(error: &DataFusionError, doing: &str) -> Diagnostic {
    let mut problem = match error.find_root() {
        DataFusionError::SQL(parse, _) => {
            let text = parse.to_string();
            let text = text.trim_start_matches("sql parser error: ");
            let (message, place) = split_position(text);
            Diagnostic { place, ..Diagnostic::error(format!("{doing}: {message}")) }
        }
        DataFusionError::SchemaError(schema, _) => from_schema_error(schema),
        DataFusionError::ResourcesExhausted(text) => Diagnostic::error(format!("not enough memory: {text}"))
            .hint("raise `limits.query_memory_bytes` in `gridhouse.toml`, or read less at a time"),
        DataFusionError::Plan(text) => Diagnostic::error(text.clone()),
        other if is_damage(other) => {
            let text = crate::diagnostic::chain(error);
            Diagnostic::unexpected(format!("{doing}: {}", text.lines().next().unwrap_or_default()))
                .hint("`gridhouse fsck` says whether a table is damaged")
        }
        other => Diagnostic::error(without_values(&other.message())),
    };
    if let Some(found) = error.diagnostic() {
        if problem.place.is_none()
            && let Some(span) = found.span
        {
            problem.place = Some(Place::at("", span.start.line as u32, span.start.column as u32));
        }
        if problem.hint.is_none() {
            problem.hint = found.helps.first().map(|help| help.message.clone());
        }
    }
    problem.message = problem.message.trim_end_matches('.').to_owned();
    problem
}

/// Files that cannot be read: nothing the SQL could do better.
fn is_damage(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ParquetError(_)
        | DataFusionError::External(_) => true,
        DataFusionError::ArrowError(inner, _) => {
            matches!(**inner, ArrowError::ExternalError(_) | ArrowError::IoError(..) | ArrowError::ParquetError(_))
        }
        _ => false,
    }
}

/// An engine's message names the value it stumbled over, which may be somebody's number or name.
fn without_values(text: &str) -> String {
    // From the first quote to the last, since a value may hold quotes; the apostrophe of a word opens nothing.
    const VALUES: &str = r#"(?s)(^|\W)(?:'.*'|".*")|\b\d{4,}(?:\.\d+)?\b"#;
    match Regex::new(VALUES) {
        Ok(values) => values.replace_all(text, "${1}a value (hidden)").into_owned(),
        Err(_) => "a value cannot be read".to_owned(),
    }
}

/// An error that came while rows were being read.
pub fn run_problem(error: &DataFusionError) -> Diagnostic {
    from_datafusion(error, "the query failed")
}

fn from_schema_error(error: &SchemaError) -> Diagnostic {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let known: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
            let relation = field.relation.as_ref().map(|r| r.table().to_owned());
            let message = match &relation {
                Some(relation) => format!("no column `{}` in `{relation}`", field.name),
                None => format!("no column `{}`", field.name),
            };
            let problem = Diagnostic { place: span_place(field), ..Diagnostic::error(message) };
            match did_you_mean(&field.name, known.iter().copied()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.note("columns", shortened(&known)),
            }
        }
        other => Diagnostic::error(other.to_string()),
    }
}

fn span_place(column: &datafusion::common::Column) -> Option<Place> {
    let span = column.spans().first()?;
    Some(Place::at("", span.start.line as u32, span.start.column as u32))
}

fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let mut text = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// `… at Line: 3, Column: 7` at the end of a parser message, as a place.
fn split_position(text: &str) -> (String, Option<Place>) {
    let pattern = Regex::new(r"(?s)^(.*?)\s*at Line: (\d+), Column: (\d+)").ok();
    if let Some(found) = pattern.and_then(|p| p.captures(text))
        && let (Ok(line), Ok(column)) = (found[2].parse(), found[3].parse())
    {
        return (found[1].to_owned(), Some(Place::at("", line, column)));
    }
    (text.to_owned(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_and_damage_is_nobodys_mistake() {
        for (message, shown) in [
            (
                "Cannot cast string '15400000000' to value of Int16 type",
                "Cannot cast string a value (hidden) to value of Int16 type",
            ),
            ("Error parsing timestamp from 'it's 3': error", "Error parsing timestamp from a value (hidden): error"),
            ("Can't cast value 15400000000 to type Int32", "Can't cast value a value (hidden) to type Int32"),
        ] {
            let error = DataFusionError::ArrowError(Box::new(ArrowError::CastError(message.to_owned())), None);
            let problem = from_datafusion(&error, "the query failed");
            assert!(problem.message.ends_with(shown), "{}", problem.message);
            assert_eq!(problem.fault, crate::diagnostic::Fault::User);
        }
        let torn = ArrowError::ParquetError("EOF".to_owned());
        let problem = run_problem(&DataFusionError::ArrowError(Box::new(torn), None));
        assert_eq!(problem.fault, crate::diagnostic::Fault::Unexpected);
        assert!(problem.hint.is_some_and(|hint| hint.contains("fsck")));
    }
}
