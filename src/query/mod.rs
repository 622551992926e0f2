//! SQL over one snapshot: the only builder of DataFusion sessions.
//!
//! A [`Session`] is pinned to table versions and to an as-of date; views, checks, reports and ad-hoc SQL all read
//! through it, so that a figure has one definition. It cannot write: no DDL, no COPY, no SET.

mod checks;
mod closed;
mod engine;
mod functions;
mod kept;
mod kept_months;
pub mod lineage;
mod persons;
mod problem;
mod recomputed;
mod session;
mod snapshot;
mod unit_tests;
mod views;

pub use checks::{CheckKind, CheckResult, grain, run_checks};
pub use closed::{CLOSED_TABLE, Cell, ClosedMonths, FrozenRow, RECOMPUTED_TABLE, closed_schema, recomputed_schema};
pub use engine::QueryLimits;
pub use functions::DESCRIPTIONS as FUNCTIONS;
pub use persons::Persons;
pub use problem::run_problem;
pub use recomputed::{MonthOfView, Months};
pub use session::{Session, TableSchemas};
pub use snapshot::Snapshot;
pub use unit_tests::{UnitTestResult, run_unit_tests};
pub use views::{
    FailsAs, Indicator, Layer, Materialized, Model, ModelColumn, View, ViewCatalog, parse_one, reads_of, yaml_problem,
};

/// The warehouse's own records, which marts may read beside staging views.
pub const SYSTEM_TABLES: [&str; 5] = ["batches", "quarantine", "runs", CLOSED_TABLE, RECOMPUTED_TABLE];

/// Tables that functions look up, whatever a query names.
pub const LOOKED_UP: [&str; 2] = [CODE_LISTS, HOLIDAYS];
const CODE_LISTS: &str = "code_lists";
const HOLIDAYS: &str = "holidays";
