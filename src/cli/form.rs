//! `gridhouse form`.

use std::path::Path;

use serde_json::json;

use super::args::{FormCommand, Format};
use super::{CommandContext, Ending, Opened};
use crate::diagnostic::{Diagnostic, Result};
use crate::forms::{self, Answer, Dictionary, Form};

pub(super) async fn form(context: &CommandContext<'_>, command: &FormCommand) -> Result<Ending> {
    match command {
        FormCommand::Import { file, name, format } => import(context, file, name.as_deref(), *format).await,
        FormCommand::List { format } => list(context, *format).await,
        FormCommand::Show { form, format } => show(context, form, *format).await,
    }
}

/// The forms of a project with what they are understood by.
struct Forms {
    opened: Opened,
    dictionary: Dictionary,
    forms: Vec<Form>,
    /// Forms that cannot be read.
    problems: Vec<Diagnostic>,
}

impl Forms {
    async fn open(context: &CommandContext<'_>) -> Result<Self> {
        let opened = context.open(None).await?;
        for problem in &opened.problems {
            context.output.problem(problem);
        }
        let dictionary = Dictionary::load(&opened.project.elements(), &opened.contracts, opened.session.catalog())?;
        let (forms, problems) = Form::read_all(&opened.project.forms(), &dictionary)?;
        for problem in &problems {
            context.output.problem(problem);
        }
        Ok(Self { opened, dictionary, forms, problems })
    }

    fn ending(&self) -> Ending {
        if self.problems.is_empty() { Ending::Done } else { Ending::Problems }
    }

    async fn answer(&self, form: &Form) -> Result<Answer> {
        forms::answer(form, &self.forms, &self.dictionary, &self.opened.session).await
    }
}

async fn import(context: &CommandContext<'_>, file: &Path, name: Option<&str>, format: Format) -> Result<Ending> {
    let all = Forms::open(context).await?;
    let project = &all.opened.project;
    let limits = project.land_settings()?.limits;
    let imported = forms::import(file, &project.forms(), name, limits, &all.dictionary)?;
    let answer = all.answer(&imported.form).await?;
    print_items(context, &answer, format)?;
    for doubt in &imported.doubts {
        context.output.problem(doubt);
    }
    let title = if imported.form.title.is_empty() { &imported.form.name } else { &imported.form.title };
    context.output.say(format!("\n{title}\n{}", answer.sentence()));
    context.output.say(format!("{} to be looked at, in {}", imported.doubts.len(), imported.form.path().display()));
    Ok(all.ending())
}

async fn list(context: &CommandContext<'_>, format: Format) -> Result<Ending> {
    let all = Forms::open(context).await?;
    let header =
        ["form", "department", "every", "items", "current", "old", "to be collected", "to be decided", "shared"];
    let mut rows = Vec::new();
    for form in &all.forms {
        let answer = all.answer(form).await?;
        let counts = answer.counts();
        rows.push(vec![
            json!(form.name),
            json!(form.department),
            json!(form.every.map(|every| every.name())),
            json!(answer.items.len()),
            json!(counts.current),
            json!(counts.old),
            json!(counts.collected),
            json!(counts.doubtful),
            json!(counts.shared),
        ]);
    }
    context.output.records(format, &header, &rows)?;
    Ok(all.ending())
}

async fn show(context: &CommandContext<'_>, name: &str, format: Format) -> Result<Ending> {
    let all = Forms::open(context).await?;
    let form = forms::named(&all.forms, name, &all.opened.project.forms())?;
    let answer = all.answer(form).await?;
    print_items(context, &answer, format)?;
    context.output.say(format!("\n{}\n{}", form.title, answer.sentence()));
    Ok(Ending::Done)
}

fn print_items(context: &CommandContext<'_>, answer: &Answer, format: Format) -> Result<()> {
    let header = ["sheet", "cell", "item", "unit", "element", "state", "cells", "filled", "old", "why", "also in"];
    let rows = answer.items.iter().map(|item| {
        vec![
            json!(item.sheet),
            json!(item.place),
            json!(item.heads),
            json!(item.unit),
            json!(item.element),
            json!(item.state.name()),
            json!(item.cells),
            json!(item.filled),
            json!(item.old),
            json!(item.why),
            json!(item.also_in.len()),
        ]
    });
    context.output.records(format, &header, &rows.collect::<Vec<_>>())
}
