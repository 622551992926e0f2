//! The vocabulary of a district: place codes, identity numbers, the working calendar, periods.
//!
//! Nothing here reads a file, a clock or a setting, and nothing allocates unless the result is new text:
//! these checks run once per cell on millions of rows.

pub mod calendar;
pub mod codes;
pub mod identifiers;
pub mod month;
pub mod periods;
pub mod rounding;
