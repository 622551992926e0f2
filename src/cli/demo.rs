//! `gridhouse init`, `generate` and `demo`: new projects, with the shipped contracts, views and reports where asked.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::args::{Format, Synthetic};
use super::{CommandContext, Ending, environment};
use crate::diagnostic::{Context, Diagnostic, Result, chain};
use crate::project::Project;
use crate::settings::FILE_NAME;
use crate::synthetic;

static CONTRACTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/data/contracts");
static REFERENCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/data/reference");
static FORMS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/data/forms");
const ELEMENTS: &str = include_str!("../../data/elements.yml");
static QUERIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");
static REPORTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/report-templates");
/// The settings file with every key and its meaning; the district's own are left to be filled in.
const SETTINGS: &str = include_str!("gridhouse.toml");
/// What the demo fills in.
const DEMO_DISTRICT: [(&str, &str); 3] = [
    ("\"某市某区\"    ", "\"长沙市开福区\""),
    ("\"000000\"", "\"430105\""),
    ("\"某区网格化综合服务中心\"  ", "\"开福区网格化综合服务中心\""),
];

pub(super) fn init(context: &CommandContext<'_>, folder: &Path) -> Result<Ending> {
    refuse_existing(folder)?;
    for name in [
        "inbox",
        "data/contracts",
        "data/reference",
        "queries/staging",
        "queries/marts",
        "queries/checks",
        "report-templates",
    ] {
        fs_err::create_dir_all(folder.join(name)).doing("making a project")?;
    }
    if let Some(lists) = REFERENCE.get_file("code_lists.csv") {
        write(&folder.join("data/reference/code_lists.csv"), lists.contents())?;
    }
    write(&folder.join(FILE_NAME), SETTINGS.as_bytes())?;
    context.output.done(format!("an empty project is in {}", folder.display()))?;
    context.output.say(
        "\nnext:\n  1. edit gridhouse.toml: name, code and office of your district\n  2. write a contract in \
         data/contracts, one file per table\n  3. put a delivery into inbox and run `gridhouse nightly`\n  4. write \
         views in queries and reports in report-templates\n\
         `gridhouse demo` makes a filled project to copy from",
    );
    Ok(Ending::Done)
}

pub(super) fn generate(context: &CommandContext<'_>, out: &Path, options: &Synthetic) -> Result<Ending> {
    let summary = write_deliveries(out, options)?;
    context.output.done(described(&summary))?;
    Ok(Ending::Done)
}

fn described(summary: &synthetic::Summary) -> String {
    let mut text = format!("{} rows in {} files as of {}", summary.rows, summary.files.len(), summary.as_of);
    if summary.faults > 0 {
        text.push_str(&format!(", {} planted faults", summary.faults));
    }
    text
}

fn draw_photos(folder: &Path, options: &Synthetic) -> Result<()> {
    synthetic::draw_photos(folder, &synthetic_options(options)).map(|_| ()).map_err(failed_generation)
}

fn synthetic_options(options: &Synthetic) -> synthetic::Options {
    synthetic::Options {
        seed: options.seed,
        scale: options.scale,
        night: options.night,
        dirty: options.dirty,
        truth: options.truth.clone(),
    }
}

fn failed_generation(error: synthetic::GenerateError) -> Diagnostic {
    match &error {
        synthetic::GenerateError::Option { .. } => Diagnostic::error(error.to_string()),
        _ => Diagnostic::unexpected(format!("writing the deliveries: {}", chain(&error))),
    }
}

fn write_deliveries(out: &Path, options: &Synthetic) -> Result<synthetic::Summary> {
    fs_err::create_dir_all(out).doing("making the folder for the deliveries")?;
    if let (Some(truth), Ok(out)) = (&options.truth, fs_err::canonicalize(out)) {
        let folder = truth.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if fs_err::canonicalize(folder).is_ok_and(|folder| folder.starts_with(&out)) {
            return Err(Diagnostic::error("the truth would be written among the deliveries")
                .in_file(truth)
                .hint("name a file outside the folder given with `--out`"));
        }
    }
    synthetic::generate(out, &synthetic_options(options)).map_err(failed_generation)
}

pub(super) async fn demo(context: &CommandContext<'_>, folder: &Path, options: &Synthetic) -> Result<Ending> {
    if !folder.join(FILE_NAME).is_file() {
        refuse_existing(folder)?;
        lay_out(folder)?;
        context.output.say(format!("a project with contracts, views and reports is in {}", folder.display()));
    }
    let project = Project::find(folder, &environment())?;
    let truth = match (&options.dirty, &options.truth) {
        (Some(_), None) => Some(folder.join("truth.csv")),
        _ => options.truth.clone(),
    };
    // Two runs of the demo bring the same bytes, which land once.
    let summary = write_deliveries(&project.inbox(), &Synthetic { truth, ..options.clone() })?;
    context.output.say(described(&summary));
    draw_photos(&project.pictures(), options)?;
    super::nightly::run_night(context, &project, Some(summary.as_of), Format::Table).await
}

/// Writes the shipped project.
fn lay_out(folder: &Path) -> Result<()> {
    for (name, files) in [
        ("data/contracts", &CONTRACTS),
        ("data/reference", &REFERENCE),
        ("data/forms", &FORMS),
        ("queries", &QUERIES),
        ("report-templates", &REPORTS),
    ] {
        copy_into(files, &folder.join(name))?;
    }
    write(&folder.join("data/elements.yml"), ELEMENTS.as_bytes())?;
    fs_err::create_dir_all(folder.join("inbox")).doing("making a project")?;
    // Last: a folder with this file is a whole project.
    let settings = DEMO_DISTRICT.iter().fold(SETTINGS.to_owned(), |text, (blank, own)| text.replace(blank, own));
    write(&folder.join(FILE_NAME), settings.as_bytes())
}

fn copy_into(files: &Dir<'_>, folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder).doing("making a project")?;
    for file in files.files() {
        if let Some(name) = file.path().file_name() {
            write(&folder.join(name), file.contents())?;
        }
    }
    for inner in files.dirs() {
        if let Some(name) = inner.path().file_name() {
            copy_into(inner, &folder.join(name))?;
        }
    }
    Ok(())
}

fn refuse_existing(folder: &Path) -> Result<()> {
    let is_used = folder.is_file()
        || (folder.is_dir() && fs_err::read_dir(folder).doing("looking at the folder")?.next().is_some());
    if is_used {
        return Err(Diagnostic::error("the folder is not empty")
            .in_file(PathBuf::from(folder))
            .effect("nothing was written")
            .hint("name a new folder"));
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs_err::write(path, bytes).doing("making a project")
}
