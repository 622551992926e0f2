//! `gridhouse form`.

mod collection;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::args::{FormCommand, Format};
use super::{CommandContext, Ending, Opened, local_now, report, user};
use crate::diagnostic::{Diagnostic, Result};
use crate::explain::{self, Audit};
use crate::forms::{self, Answer, CellCounts, Dictionary, Filling, Form, Photos};
use crate::landing::Moment;
use crate::project::Project;
use crate::query::{Session, Snapshot};

/// The report of what forms have in common.
const OVERLAP_REPORT: &str = "form_overlap";
/// Below the outbox of a day.
const FILLED_FOLDER: &str = "部门报表";

pub(super) async fn form(context: &CommandContext<'_>, command: &FormCommand) -> Result<Ending> {
    match command {
        FormCommand::Import { file, name, format } => import(context, file, name.as_deref(), *format).await,
        FormCommand::List { format } => list(context, *format).await,
        FormCommand::Show { form, format } => show(context, form, *format).await,
        FormCommand::Overlap { forms, format } => overlap(context, forms, *format).await,
        FormCommand::Merge { forms, place, by_grid, out, format } => {
            let asked = collection::Merge { forms, place: place.as_deref(), by_grid: *by_grid, out: out.as_deref() };
            collection::merge(context, &asked, *format).await
        }
        FormCommand::Collect { files, dry_run, format } => collection::collect(context, files, *dry_run, *format).await,
        FormCommand::Fill { forms, place, out, format } => {
            fill(context, forms, place.as_deref(), out.as_deref(), *format).await
        }
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

    /// The forms that were named; all if none was.
    fn chosen(&self, names: &[String]) -> Result<Vec<Form>> {
        let folder = self.opened.project.forms();
        if self.forms.is_empty() {
            return Err(Diagnostic::error("there are no forms")
                .in_file(folder)
                .hint("`gridhouse form import FILE.xlsx` brings one in"));
        }
        match names.is_empty() {
            true => Ok(self.forms.clone()),
            false => names.iter().map(|name| forms::named(&self.forms, name, &folder).cloned()).collect(),
        }
    }

    /// What is landed now belongs to the newest date that has landed.
    fn moment(&self) -> Result<Moment> {
        Ok(Moment { as_of: self.opened.session.as_of(), now: local_now(&self.opened.project)? })
    }

    /// A session over what has landed by now.
    async fn newest(&self) -> Result<Session> {
        let (project, warehouse) = (&self.opened.project, self.opened.project.warehouse());
        let snapshot = project.pin(&warehouse, self.opened.session.as_of())?;
        Ok(project.session(&warehouse, &self.opened.contracts, snapshot).await?.0)
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

async fn overlap(context: &CommandContext<'_>, names: &[String], format: Format) -> Result<Ending> {
    let all = Forms::open(context).await?;
    let chosen = all.chosen(names)?;
    let catalogue = forms::catalogue(&chosen, &all.dictionary, &all.opened.session).await?;
    let header =
        ["form", "department", "every", "items", "elements", "shared", "rows", "cells", "filings/year", "cells/year"];
    let rows = catalogue.forms.iter().enumerate().map(|(at, form)| {
        let elements = catalogue.elements_of(at);
        let shared = catalogue.elements.iter().filter(|one| one.forms.len() > 1 && one.forms.contains(&at)).count();
        let times = form.filings_per_year.map(u64::from);
        vec![
            json!(form.name),
            json!(form.department),
            json!(form.every),
            json!(form.items.len()),
            json!(elements.len()),
            json!(shared),
            json!(form.rows),
            json!(form.cells),
            json!(times.map(|times| times * form.units)),
            json!(times.map(|times| times * form.cells)),
        ]
    });
    context.output.records(format, &header, &rows.collect::<Vec<_>>())?;
    for (within, whole) in catalogue.contained() {
        let (within, whole) = (&catalogue.forms[within].name, &catalogue.forms[whole].name);
        context.output.say(format!("all of {within} is asked for by {whole} as well"));
    }
    context.output.say(format!("\n{}", catalogue.sentence()));
    if names.is_empty() {
        let project = &all.opened.project;
        let lock = project.warehouse().lock("gridhouse form overlap")?;
        let landed = forms::land_rows(project, &all.opened.contracts, all.moment()?, &catalogue.rows()).await?;
        drop(lock);
        let has_report = project.report_templates().join(OVERLAP_REPORT).is_dir();
        if has_report && !landed.is_empty() {
            let names = [OVERLAP_REPORT.to_owned()];
            let asked = report::Asked { names: &names, params: &[], list: false, out: None, format };
            if report::report(context, &asked, None).await? == Ending::Problems {
                return Ok(Ending::Problems);
            }
        }
    }
    Ok(all.ending())
}

async fn fill(
    context: &CommandContext<'_>,
    names: &[String],
    place: Option<&str>,
    out: Option<&Path>,
    format: Format,
) -> Result<Ending> {
    let all = Forms::open(context).await?;
    let chosen = all.chosen(names)?;
    let (project, session) = (&all.opened.project, &all.opened.session);
    let communities = forms::communities(session, place).await?;
    let as_of = session.as_of();
    let made_of = [
        ("数据截至".to_owned(), as_of.to_string()),
        ("数据快照".to_owned(), session.snapshot().map(Snapshot::id).unwrap_or_default()),
        ("制作".to_owned(), format!("gridhouse {}", env!("CARGO_PKG_VERSION"))),
    ];
    let folder = out.map_or_else(|| project.outbox().join(as_of.to_string()).join(FILLED_FOLDER), Path::to_owned);
    let editions = project.editions(as_of);
    let photos = Photos::new(&project.pictures(), &project.warehouse_folder());
    let mut ending = all.ending();
    let (mut rows, mut landed) = (Vec::new(), Vec::new());
    for form in &chosen {
        let who = place.unwrap_or("all communities");
        audited(project, session, format!("form fill {} for {who}", form.name), &folder.join(&form.name))?;
        let filling = Filling {
            form,
            dictionary: &all.dictionary,
            session,
            communities: &communities,
            out: &folder.join(&form.name),
            workers: project.land_settings()?.workers,
            editions: out.is_none().then_some(editions.as_path()),
            is_whole: place.is_none(),
            photos: &photos,
            made_of: &made_of,
        };
        match forms::fill(&filling).await {
            Ok(filled) => {
                let mut cells = CellCounts::default();
                filled.iter().for_each(|one| cells.add(one.cells));
                let lines: usize = filled.iter().map(|one| one.rows).sum();
                rows.push(vec![
                    json!(form.name),
                    json!(filled.len()),
                    json!(lines),
                    json!(cells.asked),
                    json!(cells.filled),
                    json!(cells.old),
                    json!(percent(cells.filled, cells.asked)),
                ]);
                // Cards of one community are one filling of the form.
                let mut fillings: BTreeMap<&str, (usize, CellCounts)> = BTreeMap::new();
                for one in &filled {
                    let (rows, cells) = fillings.entry(&one.community.code).or_default();
                    *rows += one.rows;
                    cells.add(one.cells);
                }
                landed.extend(fillings.into_iter().map(|(code, (rows, cells))| {
                    json!({
                        "form": form.name, "filled_on": as_of.to_string(), "community_code": code,
                        "title": form.title, "department": form.department, "row_count": rows,
                        "asked_cell_count": cells.asked, "filled_cell_count": cells.filled, "old_cell_count": cells.old,
                    })
                }));
            }
            Err(problem) => {
                ending = Ending::Problems;
                context.output.problem(&problem.effect("the form was not filled; the others were"));
            }
        }
    }
    if out.is_none() {
        let _lock = project.warehouse().lock("gridhouse form fill")?;
        forms::land_rows(project, &all.opened.contracts, all.moment()?, &[("form_fills", landed)]).await?;
    }
    let header = ["form", "files", "rows", "cells", "filled", "old", "filled %"];
    context.output.done_records(format, &header, &rows)?;
    context.output.say(format!("in {}", folder.display()));
    Ok(ending)
}

/// Records that rows in full leave the warehouse.
fn audited(project: &Project, session: &Session, reason: String, asked: &Path) -> Result<()> {
    let entry = Audit {
        at: local_now(project)?,
        user: user::who(),
        reason,
        asked: asked.display().to_string(),
        snapshot: session.snapshot().map(Snapshot::id).unwrap_or_default(),
    };
    explain::record(&project.warehouse_folder(), &entry)
}

fn percent(part: u64, whole: u64) -> Option<String> {
    (whole > 0).then(|| format!("{:.2}", part as f64 * 100.0 / whole as f64))
}
