//! All integration tests, one binary. Real processes over real files; each test has a folder of its own.

mod agreement;
mod bulletins;
mod cli;
mod closed;
mod contracts;
mod crash;
mod damage;
mod department_forms;
mod docs;
mod explain;
mod figures;
mod forms;
mod impact;
mod landing;
mod pages;
mod provenance;
mod publication;
mod reports;
mod scores;
mod shell;
mod support;
mod synthetic;
mod tidy;
mod views;
mod whistle_clock;
mod workbooks;
