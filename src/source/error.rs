//! Why a delivery could not be read. Messages name the place and the cause and never quote the file.

use std::io;

/// A limit of [`super::Limits`] that a file exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    FileBytes,
    UnpackedBytes,
    HeldBytes,
    RecordBytes,
    CellBytes,
    NameBytes,
    Columns,
    Rows,
    Sheets,
}

impl Limit {
    fn text(self) -> &'static str {
        match self {
            Limit::FileBytes => "the file is larger than the allowed {} bytes",
            Limit::UnpackedBytes => "the file unpacks to more than the allowed {} bytes",
            Limit::HeldBytes => "what must be held in memory at once unpacks to more than the allowed {} bytes",
            Limit::RecordBytes => "one record is longer than the allowed {} bytes",
            Limit::CellBytes => "one value is longer than the allowed {} bytes",
            Limit::NameBytes => "a column name is longer than the allowed {} bytes",
            Limit::Columns => "there are more than the allowed {} columns",
            Limit::Rows => "there are more than the allowed {} rows",
            Limit::Sheets => "there are more than the allowed {} sheets",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("not a regular file")]
    NotAFile,
    #[error("the file is empty")]
    Empty,
    #[error("no header row was found")]
    NoHeader,
    /// A known format that is not a delivery format.
    #[error("the file is really {what}; {hint}")]
    Unsupported { what: &'static str, hint: &'static str },
    #[error("the content is neither readable text nor a known format")]
    NotText,
    #[error("the text is neither UTF-8 nor GB18030")]
    UnknownEncoding,
    /// The end of the file is missing.
    #[error("the {what} is cut off: its end is missing")]
    Truncated { what: &'static str },
    /// The container or its structure is broken. `detail` comes from a fixed list.
    #[error("{}the {what} is damaged: {detail}", at_line(*.line))]
    Damaged { what: &'static str, detail: &'static str, line: Option<u32> },
    #[error("{}{}", at_line(*.line), .limit.text().replace("{}", &.allowed.to_string()))]
    OverLimit { limit: Limit, allowed: u64, line: Option<u32> },
    #[error("line {line}: a quoted value begins here and is never closed")]
    UnclosedQuote { line: u32 },
    #[error("line {line}, character {column}: not a valid JSON object: {detail}")]
    BadJson { line: u32, column: usize, detail: &'static str },
    #[error("column `{column}` holds {what}, which has no plain text form")]
    NestedColumn { column: String, what: &'static str },
    /// A sheet filled like the table and without a header: most likely the table goes on there.
    #[error(
        "sheet `{sheet}` is filled like the table but has no header of its own; \
         repeat the header on it, or leave the sheet out"
    )]
    ContinuedTable { sheet: String },
    /// Sheets with recognised headers that are not the same table.
    #[error("the workbook holds several tables, on sheets {}; send one table per file", .sheets.join(", "))]
    SeveralTables { sheets: Vec<String> },
    /// A header with rows below it, and then a better one: the rows between would be taken for titles.
    #[error(
        "{}there are several tables one below the other, with headers on lines {first} and {second}; \
         send one table per file",
        on_sheet(.sheet.as_deref())
    )]
    StackedTables { sheet: Option<String>, first: u32, second: u32 },
    /// Sheets after the first give their columns by name only. `column` is a name that a contract knows.
    #[error("sheet `{sheet}` has the column `{column}` more than once")]
    RepeatedColumn { sheet: String, column: String },
}

impl SourceError {
    pub(super) fn over(limit: Limit, allowed: u64, line: Option<u32>) -> SourceError {
        SourceError::OverLimit { limit, allowed, line }
    }

    /// The line the error is about, where one is known.
    pub fn line(&self) -> Option<u32> {
        match self {
            SourceError::UnclosedQuote { line } | SourceError::BadJson { line, .. } => Some(*line),
            SourceError::StackedTables { second, .. } => Some(*second),
            SourceError::Damaged { line, .. } | SourceError::OverLimit { line, .. } => *line,
            _ => None,
        }
    }
}

fn on_sheet(sheet: Option<&str>) -> String {
    sheet.map_or_else(String::new, |sheet| format!("sheet `{sheet}`: "))
}

fn at_line(line: Option<u32>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}
