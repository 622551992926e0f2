//! gridhouse.

pub mod source;
