//! Every cell of a workbook as text, for comparing two of them. Deliveries are read by [`super::open`], which looks for
//! one table and its header.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::thread;

use calamine::{DataRef, Reader, SheetType, XlsxError};

use super::xlsx::{SHEETS_MAX, Workbook, damaged, gone, write_cell};
use super::{Limit, Limits, SourceError, foreign_kind, lists, xlsx_guard};

/// One sheet with the cells that hold something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetCells {
    pub name: String,
    /// In the order of the file; a row without cells is missing.
    pub rows: Vec<RowCells>,
    pub merges: Vec<lists::Area>,
    /// Row and column of each cell with a border, among the first [`FRAMED_ROWS_MAX`] rows and [`FRAMED_COLUMNS_MAX`] columns;
    /// none where nobody asked for them.
    pub framed: BTreeSet<(u32, u32)>,
    /// Areas as in `merges` with what may be chosen there; none where nobody asked for them.
    pub lists: lists::Lists,
    /// Row and column of each cell that is calculated, and of each with a comment; none where nobody asked for them.
    pub formulas: BTreeSet<(u32, u32)>,
    pub comments: Vec<((u32, u32), String)>,
    /// Areas as in `merges` of hidden columns and rows; none where nobody asked for them.
    pub hidden: Vec<lists::Area>,
    /// Known where somebody asked for borders.
    pub is_hidden: bool,
}

/// Forms are no larger; a border may go on to the last row of a sheet.
pub const FRAMED_ROWS_MAX: u32 = 2_000;
pub const FRAMED_COLUMNS_MAX: u32 = 300;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowCells {
    /// Counted from 0.
    pub row: u32,
    pub cells: Vec<CellText>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellText {
    /// Counted from 0.
    pub column: u32,
    pub text: String,
    /// A number, a date or a moment.
    pub is_number: bool,
}

/// All sheets of a workbook, in order. What they hold is kept in memory, as far as the limits allow.
pub fn sheets(path: &Path, limits: Limits) -> Result<Vec<SheetCells>, SourceError> {
    guarded(path, limits, false)
}

/// The same with borders, drop-downs, formulas and comments of cells.
pub fn framed_sheets(path: &Path, limits: Limits) -> Result<Vec<SheetCells>, SourceError> {
    let mut sheets = guarded(path, limits, true)?;
    lists::add(path, &mut sheets)?;
    Ok(sheets)
}

fn guarded(path: &Path, limits: Limits, with_frames: bool) -> Result<Vec<SheetCells>, SourceError> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(SourceError::NotAFile);
    }
    if metadata.len() > limits.file_bytes_max {
        return Err(SourceError::over(Limit::FileBytes, limits.file_bytes_max, None));
    }
    let mut head = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut head)?;
    if let Some(foreign) = foreign_kind(&head) {
        return Err(foreign);
    }
    if !head.starts_with(b"PK") {
        return Err(SourceError::Unsupported { what: "no workbook", hint: "save it as .xlsx" });
    }
    xlsx_guard::check(File::open(path)?, limits)?;
    let file = BufReader::new(File::open(path)?);
    // On a thread of its own: the library panics on some malformed files.
    let reading = thread::Builder::new().name("sheets".to_owned()).spawn(move || read(file, limits, with_frames))?;
    reading.join().map_err(|_| gone())?
}

fn read(file: BufReader<File>, limits: Limits, with_frames: bool) -> Result<Vec<SheetCells>, SourceError> {
    let mut workbook = Workbook::new(file).map_err(|error| damaged(&error, None))?;
    let names: Vec<String> = workbook
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .collect();
    if names.len() > SHEETS_MAX {
        return Err(SourceError::over(Limit::Sheets, SHEETS_MAX as u64, None));
    }
    let mut sheets = Vec::new();
    let mut held = 0;
    for name in names {
        let merges = workbook.merge_cells_by_sheet_name(&name).map_err(|error| damaged(&error, None))?;
        let merges = merges.iter().map(|area| (area.start.0, area.start.1, area.end.0, area.end.1)).collect();
        let framed = if with_frames { framed(&mut workbook, &name)? } else { BTreeSet::new() };
        let mut sheet = SheetCells { name, merges, framed, ..SheetCells::default() };
        let mut cells = match workbook.worksheet_cells_reader(&sheet.name) {
            Ok(cells) => cells,
            Err(XlsxError::NotAWorksheet(_)) => continue,
            Err(error) => return Err(damaged(&error, None)),
        };
        while let Some(cell) = cells.next_cell().map_err(|error| damaged(&error, None))? {
            let (row, column) = cell.get_position();
            let mut text = String::new();
            write_cell(cell.get_value(), &mut text);
            if text.is_empty() {
                continue;
            }
            held += (text.len() + size_of::<CellText>()) as u64;
            if held > limits.unpacked_bytes_max {
                return Err(SourceError::over(Limit::UnpackedBytes, limits.unpacked_bytes_max, Some(row + 1)));
            }
            if sheet.rows.last().is_none_or(|last| last.row != row) {
                sheet.rows.push(RowCells { row, cells: Vec::new() });
            }
            let is_number = matches!(cell.get_value(), DataRef::Int(_) | DataRef::Float(_) | DataRef::DateTime(_));
            if let Some(last) = sheet.rows.last_mut() {
                last.cells.push(CellText { column, text, is_number });
            }
        }
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn framed(workbook: &mut Workbook, name: &str) -> Result<BTreeSet<(u32, u32)>, SourceError> {
    let styles = match workbook.worksheet_style(name) {
        Ok(styles) => styles,
        Err(XlsxError::NotAWorksheet(_)) => return Ok(BTreeSet::new()),
        Err(error) => return Err(damaged(&error, None)),
    };
    let (Some(first), Some(last)) = (styles.start(), styles.end()) else { return Ok(BTreeSet::new()) };
    let rows = first.0..=last.0.min(FRAMED_ROWS_MAX);
    let places = rows.flat_map(|row| (first.1..=last.1.min(FRAMED_COLUMNS_MAX)).map(move |column| (row, column)));
    let is_framed = |place: &(u32, u32)| {
        styles.get(*place).and_then(|style| style.borders.as_ref()).is_some_and(|borders| borders.has_visible_borders())
    };
    Ok(places.filter(is_framed).collect())
}
