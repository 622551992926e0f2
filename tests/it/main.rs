//! All integration tests, one binary. Real processes over real files; each test has a folder of its own.

mod cli;
mod contracts;
mod crash;
mod docs;
mod landing;
mod reports;
mod support;
mod synthetic;
mod tidy;
mod views;
