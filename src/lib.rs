//! gridhouse: deliveries become tables, tables become statistics, statistics become reports.
//!
//! The modules in reading order; each uses only those above it (see ARCHITECTURE.md).

pub mod diagnostic;

pub mod district;

pub mod settings;

pub mod source;

pub mod contract;

pub mod warehouse;

pub mod query;

pub mod landing;

pub mod report;

pub mod synthetic;

pub mod project;

pub mod closing;

pub mod nightly;

pub mod explain;

pub mod reproduce;

pub mod impact;

pub mod forms;

pub mod cli;
