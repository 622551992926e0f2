//! What a person can type. Types and help only; resolved and run elsewhere.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use crate::district::month::Month;

#[derive(Debug, Parser)]
#[command(
    name = "gridhouse",
    version,
    about = "The data warehouse and report maker of a city district's grid-management centre",
    after_help = "Example: `gridhouse demo` makes a synthetic district, runs a night on it and says where the reports are.\n\
                  Exit codes: 0 done, 1 something you can mend, 2 unexpected.",
    propagate_version = true
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The project folder; by default the nearest one upward with a `gridhouse.toml`
    #[arg(short = 'C', long, global = true, env = "GRIDHOUSE_PROJECT", value_hint = ValueHint::DirPath)]
    pub project: Option<PathBuf>,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say only what went wrong; data that was asked for is printed all the same
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// How a command prints data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
    Markdown,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an empty project for a new district
    #[command(after_help = "Example: gridhouse init kaifu")]
    Init {
        #[arg(value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
    /// Make a project with a synthetic district and run a night on it
    #[command(after_help = "Example: gridhouse demo --scale 0.1 --dirty 0.01")]
    Demo {
        #[arg(default_value = "gridhouse-demo", value_hint = ValueHint::DirPath)]
        folder: PathBuf,
        #[command(flatten)]
        synthetic: Synthetic,
    },
    /// Write one night's deliveries of a synthetic district
    #[command(after_help = "Example: gridhouse generate --out inbox --night 2")]
    Generate {
        /// The folder to write into
        #[arg(long, value_hint = ValueHint::DirPath)]
        out: PathBuf,
        #[command(flatten)]
        synthetic: Synthetic,
    },
    /// Check deliveries and land them in their tables
    #[command(after_help = "Example: gridhouse land inbox/residents_20240627.csv --dry-run")]
    Land {
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
        /// The table, where a file's name does not tell
        #[arg(long)]
        table: Option<String>,
        /// Check only, write nothing
        #[arg(long)]
        dry_run: bool,
        /// The date the rows speak for; by default today in the district
        #[arg(long, value_name = "DATE")]
        as_of: Option<NaiveDate>,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Land the inbox, compute and check the views, make the reports
    #[command(after_help = "Example: gridhouse nightly --as-of 2024-06-27")]
    Nightly {
        /// The date the figures speak for, none before what has landed; by default today in the district
        #[arg(long, value_name = "DATE")]
        as_of: Option<NaiveDate>,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Query tables and views; without -c or -f an interactive shell
    #[command(after_help = "Several statements give one result after the other; with --format json, one array each.\n\
                      Example: gridhouse sql -c 'SELECT * FROM population_by_place LIMIT 5'")]
    Sql {
        /// Run this text and leave; may be given several times
        #[arg(short, long, value_name = "SQL", allow_hyphen_values = true)]
        command: Vec<String>,
        /// Run the statements of this file and leave
        #[arg(short, long, value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// json takes one statement, csv no lists
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        #[command(flatten)]
        at: AsOf,
    },
    /// Make reports now
    #[command(after_help = "Example: gridhouse report resident_ledger -P community_code=430105016010")]
    Report {
        /// Reports by name; by default all
        names: Vec<String>,
        /// A parameter of the reports, key=value
        #[arg(short = 'P', long = "param", value_name = "KEY=VALUE", value_parser = key_value)]
        params: Vec<(String, String)>,
        /// List the reports and their parameters
        #[arg(long)]
        list: bool,
        /// Where to write; by default the outbox, in a folder named after the date
        #[arg(long, value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        #[command(flatten)]
        at: AsOf,
    },
    /// Plan every view and report, run data tests, unit tests and checks
    #[command(after_help = "Exit codes: 0 all right, 1 something you can mend, 2 unexpected.\n\
                      With --impact: 0 nothing would change, 1 something would, 2 a report would not be made, or nobody \
                      can say.\n\
                      Example: gridhouse check visit_by_place\n\
                      Example: gridhouse check --impact --format csv")]
    Check {
        /// Views to check; by default all
        names: Vec<String>,
        /// Say instead which cells of which reports today's views and templates would change in what was published last;
        /// nothing is published
        #[arg(long, conflicts_with = "names")]
        impact: bool,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        #[command(flatten)]
        at: AsOf,
    },
    /// Freeze the published figures of a month that has ended; later corrections appear beside them as 修订
    #[command(
        after_help = "The figures are those of the night of the month's last day, from which its reports were made. A \
                            closed month is not opened again.\n\
                            Example: gridhouse close 2024-05"
    )]
    Close {
        /// The month, such as 2024-05
        #[arg(required_unless_present = "list")]
        month: Option<Month>,
        /// List what is closed
        #[arg(long, conflicts_with = "month")]
        list: bool,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Read the forms that departments send to be filled
    #[command(after_help = "Example: gridhouse form import 出租房屋排查台账.xlsx")]
    Form {
        #[command(subcommand)]
        command: FormCommand,
    },
    /// Say where a figure comes from: definition, SQL, numerator and denominator, batches, rows
    #[command(
        after_help = "TARGET is a file of a report and CELL one of its cells, in a text one of its figures, f1, f2 and so \
                      on, or TARGET is a view, CELL one of its columns, and --where picks the row.\n\
                      Example: gridhouse explain outbox/2024-06-27/吹哨办理情况表.xlsx '部门!F12'\n\
                      Example: gridhouse explain outbox/2024-06-27/决策参考.html f12"
    )]
    Explain {
        /// A file that a report made, or a view
        target: String,
        /// Sheet and cell, figure of a text, or a column of the view; left out, what can be asked is listed
        cell: Option<String>,
        /// What the row of the view has in its columns
        #[arg(short = 'w', long = "where", value_name = "COLUMN=VALUE", value_parser = key_value)]
        row: Vec<(String, String)>,
        /// Rows to show of each list
        #[arg(long, default_value_t = 10)]
        rows: usize,
        /// Show all rows
        #[arg(long, conflicts_with = "rows")]
        all: bool,
        /// Show personal data too, where the settings allow it; it is recorded who did and why
        #[arg(long, requires = "reason")]
        unmasked: bool,
        /// Why personal data have to be seen
        #[arg(long, requires = "unmasked")]
        reason: Option<String>,
        /// table or json
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        #[command(flatten)]
        at: AsOf,
    },
    /// Say what a table or view holds, what it reads and what reads it
    #[command(after_help = "Example: gridhouse describe visit_by_place")]
    Describe {
        name: String,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// List batches: what came when, and what became of its rows
    #[command(after_help = "Example: gridhouse history residents")]
    History {
        /// Only this table
        table: Option<String>,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Say whether files are as they were made
    #[command(after_help = "Exit codes: 0 all untouched, 1 one is not, or nobody can say.\n\
                      Example: gridhouse verify outbox/2024-06-27/吹哨办理情况表.xlsx")]
    Verify {
        /// Files, or folders of files, wherever they have been meanwhile
        #[arg(required = true, value_hint = ValueHint::AnyPath)]
        files: Vec<PathBuf>,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Make a report's file again from its record, and say whether it comes out the same
    #[command(
        after_help = "The table versions, parameters and settings are those of the file; templates and program are today's.\n\
                      Exit codes: 0 identical, 1 different or impossible.\n\
                      Example: gridhouse reproduce outbox/2024-06-27/吹哨办理情况表.xlsx"
    )]
    Reproduce {
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// A folder to keep the file made again in; by default it is thrown away
        #[arg(long, value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
        /// How the cells that differ are printed
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Say what differs between two editions of a report, cell by cell
    #[command(after_help = "Exit codes: 0 no cell differs, 1 some do, 2 they cannot be compared.\n\
                      Example: gridhouse diff outbox/2024-06-26/吹哨办理情况表.xlsx outbox/2024-06-27/吹哨办理情况表.xlsx")]
    Diff {
        #[arg(value_hint = ValueHint::FilePath)]
        old: PathBuf,
        #[arg(value_hint = ValueHint::FilePath)]
        new: PathBuf,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Rows that could not land
    #[command(subcommand, after_help = "Example: gridhouse quarantine export --out corrections")]
    Quarantine(Quarantine),
    /// Look for damage: tables, logs, files, counts
    #[command(after_help = "Example: gridhouse fsck")]
    Fsck {
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Merge small files and remove what no kept version needs
    #[command(after_help = "Example: gridhouse upkeep --dry-run")]
    Upkeep {
        /// Only these tables
        tables: Vec<String>,
        /// Say what would be removed, change nothing
        #[arg(long)]
        dry_run: bool,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Print a completion script for a shell
    #[command(after_help = "Example: gridhouse completions bash > /etc/bash_completion.d/gridhouse")]
    Completions { shell: Shell },
}

#[derive(Debug, Subcommand)]
pub enum FormCommand {
    /// Read a workbook, blank or filled: its title, what stands around its tables, and each item with its headings
    #[command(
        after_help = "The workbook is kept as it came in data/forms/<form>, beside form.yml, which says what was read \
                            and what a person has to look at.\n\
                            Example: gridhouse form import 出租房屋排查台账.xlsx"
    )]
    Import {
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Name of the form's folder; by default its title
        #[arg(long)]
        name: Option<String>,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// All forms: who asks, how often, for how many items, and what the warehouse has of them
    #[command(after_help = "Example: gridhouse form list")]
    List {
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// What is asked for more than once: items and distinct elements, how alike forms are, cells typed in a year and how
    /// many of them are repeats; with the report form_overlap
    #[command(after_help = "Example: gridhouse form overlap")]
    Overlap {
        /// Only these forms; all of them are landed and reported
        forms: Vec<String>,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// The smallest collection that serves several forms: a workbook a community, each person, dwelling and shop once, each
    /// question once, only what is missing or old
    #[command(after_help = "What is known is filled in and locked. `gridhouse form collect` takes the sheets back.\n\
                            Example: gridhouse form merge --for 凤亭社区")]
    Merge {
        /// All forms if none is named
        forms: Vec<String>,
        /// A community or subdistrict, by name or code
        #[arg(long = "for", value_name = "PLACE")]
        place: Option<String>,
        /// A sheet for each grid instead of each community
        #[arg(long)]
        by_grid: bool,
        /// A folder of your own instead of the outbox
        #[arg(long, value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Take collection sheets back: each cell is compared with what went out and with what is known now
    #[command(
        after_help = "Changes are landed and judged by their contracts; where both sides changed nothing is landed. What was not \
                            taken is listed in a workbook in the outbox, with the cell and the reason; handed in with \
                            decisions, that list settles what both sides changed.\n\
                            Example: gridhouse form collect returned/*.xlsx"
    )]
    Collect {
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
        /// Compare only: nothing is landed
        #[arg(long)]
        dry_run: bool,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// The departments' own workbooks filled from the warehouse, one for each community
    #[command(
        after_help = "Missing cells are marked red, old ones amber with their date; a second sheet says where each item comes \
                            from.\n\
                            Example: gridhouse form fill 出租房屋安全隐患排查台账 --for 凤亭社区"
    )]
    Fill {
        /// All forms if none is named
        forms: Vec<String>,
        /// A community or subdistrict, by name or code
        #[arg(long = "for", value_name = "PLACE")]
        place: Option<String>,
        /// A folder of your own instead of the outbox
        #[arg(long, value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Each item of a form: its data element and why, where the answer stands, how much is filled and how much is old
    #[command(after_help = "Example: gridhouse form show 出租房屋安全隐患排查台账")]
    Show {
        form: String,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}

#[derive(Debug, Subcommand)]
pub enum Quarantine {
    /// Open rows per batch and rule
    #[command(after_help = "Example: gridhouse quarantine list --all")]
    List {
        /// Cleared rows too
        #[arg(long)]
        all: bool,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// The rows of one batch, with place and reason; sensitive values are hidden
    #[command(after_help = "Example: gridhouse quarantine show residents-20240627-17f13ee0")]
    Show {
        batch: String,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Workbooks of open rows for the senders to correct and send back
    #[command(after_help = "Example: gridhouse quarantine export --out corrections")]
    Export {
        /// Only these batches
        batches: Vec<String>,
        /// The folder to write into
        #[arg(long, default_value = "quarantine-export", value_hint = ValueHint::DirPath)]
        out: PathBuf,
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}

#[derive(Debug, Clone, Args)]
pub struct AsOf {
    /// Read what the last good run of this date saw; by default the newest
    #[arg(long = "as-of", value_name = "DATE")]
    pub date: Option<NaiveDate>,
}

#[derive(Debug, Clone, Args)]
pub struct Synthetic {
    /// The same seed gives the same district
    #[arg(long, default_value_t = 20_240_627)]
    pub seed: u64,
    /// 1 is the real district, 1.16 million records
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
    /// 1 is the first night, 2 and later bring changes
    #[arg(long, default_value_t = 1)]
    pub night: u32,
    /// Share of rows with a planted fault, up to 0.1
    #[arg(long)]
    pub dirty: Option<f64>,
    /// Where to write which faults were planted
    #[arg(long, requires = "dirty", value_hint = ValueHint::FilePath)]
    pub truth: Option<PathBuf>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected key=value".to_owned()),
    }
}
