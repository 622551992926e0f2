//! What a sheet does besides showing values: emphasis, bars in cells, choices for the hands that fill it, locked
//! cells, pages, pictures. Plain data, like the layout it belongs to.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::dataset::Value;
use super::layout::{Area, name_of};

/// How a cell stands out. It is part of the cell's style, not a rule the spreadsheet evaluates: the condition may
/// rest on columns that are not on the sheet, and what was overdue on the as-of date stays marked in every program,
/// in print and after sorting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Emphasis {
    /// Not declared: cells are like this by themselves.
    #[default]
    #[serde(skip)]
    None,
    /// Overdue, failed: bold, dark red on light red.
    Warning,
    /// Due soon, doubtful: dark yellow on light yellow.
    Notice,
    /// Done, best: dark green on light green.
    Good,
    /// Of less weight: grey.
    Muted,
    /// A way to another sheet; cells with a link have it.
    #[serde(skip)]
    Link,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Features {
    /// Figures with a bar behind each; the longest of those that belong together is that of the largest.
    pub data_bars: Vec<Vec<Area>>,
    /// Blank cells and what may be written into them.
    pub inputs: Vec<(Area, Input)>,
    /// Whether only open cells can be written into.
    pub is_protected: bool,
    /// What is printed; everything when there is none.
    pub print_area: Option<Area>,
    /// Rows that begin a page.
    pub page_breaks: Vec<u32>,
    pub pictures: Vec<Picture>,
}

/// What may be written into a cell. Bounds belong to it; a missing one is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Input {
    OneOf(Vec<String>),
    Whole {
        at_least: Option<i32>,
        at_most: Option<i32>,
    },
    Decimal {
        at_least: Option<f64>,
        at_most: Option<f64>,
    },
    /// Days since 1970-01-01.
    Date {
        from: Option<i32>,
        to: Option<i32>,
    },
}

/// A picture within one cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    pub row: u32,
    pub column: u16,
    /// Of the row, in points.
    pub height: f64,
    pub bytes: Arc<[u8]>,
    /// For those who cannot see it.
    pub alt_text: String,
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for areas in &self.data_bars {
            writeln!(f, "bars {}", areas.iter().map(Area::to_string).collect::<Vec<_>>().join(" "))?;
        }
        for (area, input) in &self.inputs {
            writeln!(f, "input {area} {input}")?;
        }
        if self.is_protected {
            writeln!(f, "protected")?;
        }
        if let Some(area) = self.print_area {
            writeln!(f, "print {area}")?;
        }
        if !self.page_breaks.is_empty() {
            let rows: Vec<String> = self.page_breaks.iter().map(|row| (row + 1).to_string()).collect();
            writeln!(f, "pages begin at rows {}", rows.join(" "))?;
        }
        for picture in &self.pictures {
            let place = name_of(picture.row, picture.column);
            writeln!(f, "picture {place} {:?} {} bytes", picture.alt_text, picture.bytes.len())?;
        }
        Ok(())
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |bound: Option<String>| bound.unwrap_or_else(|| "…".to_owned());
        let number = |bound: Option<f64>| shown(bound.map(|bound| bound.to_string()));
        let day = |bound: Option<i32>| shown(bound.and_then(|days| Value::Date(days).plain()));
        match self {
            Self::OneOf(choices) => write!(f, "one of {}", choices.join(" ")),
            Self::Whole { at_least, at_most } => {
                write!(f, "whole {} to {}", number(at_least.map(f64::from)), number(at_most.map(f64::from)))
            }
            Self::Decimal { at_least, at_most } => write!(f, "decimal {} to {}", number(*at_least), number(*at_most)),
            Self::Date { from, to } => write!(f, "date {} to {}", day(*from), day(*to)),
        }
    }
}
