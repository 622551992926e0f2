//! A sheet read as it is laid out.
//!
//! ```text
//! page     texts, merged cells, borders, what may be chosen
//! block    part of a page within borders, row by row: what is said, headings, cards
//! columns  tables under headings: lists, and matrices whose rows have names
//! card     labels with blanks beside them
//! layout   title, tables and doubts of the whole sheet
//! ```

mod around;
mod block;
mod card;
mod columns;
mod headings;
mod layout;
mod page;
mod words;

#[cfg(test)]
mod tests;

pub(super) use self::around::is_signed;
pub use self::layout::Kind;
pub(super) use self::layout::{Layout, Table, read};
pub(super) use self::page::{Area, Page};
pub(super) use self::words::{folded, is_blank, is_for_hand, without_code};
