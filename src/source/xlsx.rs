//! Excel workbooks (.xlsx, .xlsm), streamed cell by cell; nothing is allocated for what a sheet merely claims.
//!
//! `calamine`'s cell reader borrows the workbook, so both live on a thread of their own that sends batches through a
//! short channel: first the top rows of every sheet, then, once the header is chosen, the rows below it. A sheet is
//! taken if its header is recognised; several sheets of the same table follow one another, and the others are named in
//! a remark.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Style, Xlsx, XlsxError};

use super::xlsx_plan::{Plan, Planned, SheetHead, SheetPlan, plan};
use super::{
    BATCH_BYTES_MAX, FaultKind, Limit, Limits, OpenOptions, RawBatch, RawReader, RowFault, SourceError, SourceKind,
    Sum, header, xlsx_guard,
};

pub(super) static KIND: SourceKind = SourceKind {
    name: "xlsx",
    extensions: &["xlsx", "xlsm"],
    growth: 8,
    matches: |head| head.starts_with(b"PK\x03\x04"),
    open,
};

const BATCH_ROWS: usize = 8_192;
pub(super) const SHEETS_MAX: usize = 256;

pub(super) type Workbook = Xlsx<BufReader<File>>;

/// What the reading thread sends; `None` says that all rows were sent, so that its death is never taken for the end.
type Sent = Result<Option<RawBatch>, SourceError>;

struct WorkbookReader {
    batches: Receiver<Sent>,
    is_at_end: bool,
    header: Vec<String>,
    header_line: u32,
    remarks: Vec<String>,
    limits: Limits,
    sum: Sum,
}

fn open(path: &Path, options: &OpenOptions<'_>) -> Result<Box<dyn RawReader>, SourceError> {
    let limits = options.limits;
    let has_formulas = xlsx_guard::check(File::open(path)?, limits)?;
    let file = BufReader::new(File::open(path)?);
    let (heads_out, heads_in) = mpsc::sync_channel(1);
    let (plan_out, plan_in) = mpsc::sync_channel::<Plan>(1);
    let (batches_out, batches) = mpsc::sync_channel(1);
    thread::Builder::new().name("xlsx".to_owned()).spawn(move || {
        let mut workbook = match Workbook::new(file).map_err(|e| damaged(&e, None)) {
            Ok(workbook) => workbook,
            Err(error) => return drop(heads_out.send(Err(error))),
        };
        let heads = sheet_heads(&mut workbook, limits);
        if heads_out.send(heads).is_ok()
            && let Ok(plan) = plan_in.recv()
        {
            let end = send_rows(&mut workbook, &plan, &batches_out).map(|()| None);
            // Nobody listens any more if this fails.
            let _ = batches_out.send(end);
        }
    })?;
    let heads = heads_in.recv().map_err(|_| gone())??;
    let Planned { header, header_line, remarks, plan } = plan(&heads, options, has_formulas)?;
    plan_out.send(plan).map_err(|_| gone())?;
    let sum = Sum::default();
    Ok(Box::new(WorkbookReader { batches, is_at_end: false, header, header_line, remarks, limits, sum }))
}

/// The reading thread ended without a word: the library panicked on a malformed file.
pub(super) fn gone() -> SourceError {
    SourceError::Damaged { what: "workbook", detail: "it cannot be decoded", line: None }
}

/// The library's messages may quote cells, so only the kind of failure is told.
pub(super) fn damaged(error: &XlsxError, line: Option<u32>) -> SourceError {
    let detail = match error {
        XlsxError::Password => "it is protected by a password",
        XlsxError::Xml(_) | XlsxError::XmlAttr(_) | XlsxError::XmlEof(_) => "a part is not well-formed XML",
        XlsxError::FileNotFound(_) | XlsxError::RelationshipNotFound => "a part is missing",
        XlsxError::Io(_) | XlsxError::Zip(_) => "a part cannot be unpacked",
        _ => "a sheet has cells that make no sense",
    };
    SourceError::Damaged { what: "workbook", detail, line }
}

fn sheet_heads(workbook: &mut Workbook, limits: Limits) -> Result<Vec<SheetHead>, SourceError> {
    let is_table = |typ: SheetType| typ == SheetType::WorkSheet;
    let sheets = workbook.sheets_metadata().to_vec();
    let has_visible = sheets.iter().any(|s| is_table(s.typ) && s.visible == SheetVisible::Visible);
    // Hidden sheets hold lists for drop-downs, unless there is nothing else.
    let wanted = sheets.iter().filter(|s| is_table(s.typ) && (!has_visible || s.visible == SheetVisible::Visible));
    let names: Vec<String> = wanted.map(|s| s.name.clone()).collect();
    if names.len() > SHEETS_MAX {
        return Err(SourceError::over(Limit::Sheets, SHEETS_MAX as u64, None));
    }
    let mut heads = Vec::new();
    let mut room = HeadRoom { limits, held_bytes: 0 };
    for name in names {
        heads.extend(sheet_head(workbook, name, &mut room)?);
    }
    Ok(heads)
}

/// The top rows of one sheet; `None` if it has no cells at all, as a chart has none.
fn sheet_head(workbook: &mut Workbook, name: String, room: &mut HeadRoom) -> Result<Option<SheetHead>, SourceError> {
    let mut cells = match workbook.worksheet_cells_reader(&name) {
        Ok(cells) => cells,
        Err(XlsxError::NotAWorksheet(_)) => return Ok(None),
        Err(error) => return Err(damaged(&error, None)),
    };
    let mut head = SheetHead { name, lines: Vec::new(), rows: Vec::new() };
    while let Some(cell) = cells.next_cell().map_err(|e| damaged(&e, head.lines.last().copied()))? {
        let ((row, column), mut text) = (cell.get_position(), String::new());
        let (line, column) = (row.saturating_add(1), column as usize);
        write_cell(cell.get_value(), &mut text);
        room.take_text(&text, line)?;
        if text.trim().is_empty() {
            continue;
        }
        if head.lines.last() != Some(&line) {
            // Two rows more than are looked at, for a header at their end and what follows it.
            if head.lines.len() == header::ROWS_LOOKED_AT + 2 {
                break;
            }
            head.lines.push(line);
            head.rows.push(Vec::new());
        }
        room.limits.check_columns(column + 1, line)?;
        let Some(row) = head.rows.last_mut() else { continue };
        if row.len() <= column {
            room.take((column + 1 - row.len()) * size_of::<String>(), line)?;
            row.resize(column + 1, String::new());
        }
        row[column] = text;
    }
    Ok(Some(head))
}

/// What the top rows of all sheets take together: one shared text may stand in each of their cells.
struct HeadRoom {
    limits: Limits,
    held_bytes: u64,
}

impl HeadRoom {
    fn take_text(&mut self, text: &str, line: u32) -> Result<(), SourceError> {
        if text.len() > self.limits.cell_bytes_max {
            return Err(SourceError::over(Limit::CellBytes, self.limits.cell_bytes_max as u64, Some(line)));
        }
        self.take(text.len(), line)
    }

    fn take(&mut self, bytes: usize, line: u32) -> Result<(), SourceError> {
        self.held_bytes += bytes as u64;
        if self.held_bytes > self.limits.held_bytes_max {
            return Err(SourceError::over(Limit::HeldBytes, self.limits.held_bytes_max, Some(line)));
        }
        Ok(())
    }
}

/// Sends all rows of the chosen sheets. Ends early, without an error, when nobody listens any more.
fn send_rows(workbook: &mut Workbook, plan: &Plan, batches: &SyncSender<Sent>) -> Result<(), SourceError> {
    for sheet in &plan.sheets {
        let unknown = if plan.has_formulas { uncalculated(workbook, sheet)? } else { HashSet::new() };
        let mut cells = workbook.worksheet_cells_reader(&sheet.name).map_err(|e| damaged(&e, None))?;
        let zeros: Vec<usize> = cells.styles().iter().map(zero_count).collect();
        let mut rows = Rows::new(plan, sheet);
        while let Some((cell, style)) = cells.next_cell_with_style_id().map_err(|e| damaged(&e, Some(rows.line)))? {
            let (row, column) = cell.get_position();
            let line = row.saturating_add(1);
            if line <= sheet.last_header_line {
                continue;
            }
            if line != rows.line {
                rows.end_row();
                rows.line = line;
                let is_full = rows.lines.len() >= BATCH_ROWS || rows.text_bytes >= BATCH_BYTES_MAX;
                if is_full && batches.send(rows.batch()).is_err() {
                    return Ok(());
                }
            }
            match cell.get_value() {
                DataRef::Empty if unknown.contains(&(row, column)) => rows.fault(column as usize),
                value => rows.take(column as usize, value, zeros.get(style).copied().unwrap_or_default())?,
            }
        }
        rows.end_row();
        if !rows.lines.is_empty() && batches.send(rows.batch()).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Formulas below the header that a program wrote without working them out: an empty value would be a guess. Looked for
/// apart because the library tells a cell's formula or its style, not both.
fn uncalculated(workbook: &mut Workbook, sheet: &SheetPlan) -> Result<HashSet<(u32, u32)>, SourceError> {
    /// A workbook with more of them was never opened in a spreadsheet.
    const FORMULAS_MAX: usize = 100_000;
    let mut found = HashSet::new();
    let mut cells = workbook.worksheet_cells_reader(&sheet.name).map_err(|e| damaged(&e, None))?;
    while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(|e| damaged(&e, None))? {
        if cell.formula.is_some() && matches!(cell.value, DataRef::Empty) && cell.pos.0 >= sheet.last_header_line {
            found.insert(cell.pos);
            if found.len() > FORMULAS_MAX {
                let detail = "it holds formulas without results; open it in a spreadsheet and save it";
                return Err(SourceError::Damaged {
                    what: "workbook",
                    detail,
                    line: Some(cell.pos.0.saturating_add(1)),
                });
            }
        }
    }
    Ok(found)
}

/// How many digits a number format of nothing but zeros shows: `000000` makes 123 a code, 000123.
fn zero_count(style: &Style) -> usize {
    let format = style.number_format.as_ref().map(|format| format.format_code.as_str()).unwrap_or_default();
    if format.bytes().all(|b| b == b'0') { format.len() } else { 0 }
}

/// Collects cells into rows and rows into a batch.
struct Rows<'a> {
    plan: &'a Plan,
    sheet: &'a SheetPlan,
    /// The row being collected.
    line: u32,
    cells: Vec<String>,
    text: String,
    /// The rightmost cell with text beyond the header.
    surplus: Option<usize>,
    row_faults: Vec<(u32, FaultKind)>,
    row_bytes: usize,
    /// Text in `columns`.
    text_bytes: usize,
    columns: Vec<StringBuilder>,
    lines: Vec<u32>,
    faults: Vec<RowFault>,
}

impl<'a> Rows<'a> {
    fn new(plan: &'a Plan, sheet: &'a SheetPlan) -> Rows<'a> {
        let width = plan.schema.fields().len();
        Rows {
            plan,
            sheet,
            line: 0,
            cells: vec![String::new(); width],
            text: String::new(),
            surplus: None,
            row_faults: Vec::new(),
            row_bytes: 0,
            text_bytes: 0,
            columns: (0..width).map(|_| StringBuilder::new()).collect(),
            lines: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn fault(&mut self, column: usize) {
        if let Some(Some(place)) = self.sheet.columns.get(column) {
            self.row_faults.push((*place as u32, FaultKind::FormulaError));
        }
    }

    /// Takes a cell; a number shorter than `zeros` digits is filled up with zeros.
    fn take(&mut self, column: usize, value: &DataRef<'_>, zeros: usize) -> Result<(), SourceError> {
        self.text.clear();
        let fault = write_cell(value, &mut self.text);
        let is_number = matches!(value, DataRef::Int(_) | DataRef::Float(_));
        if is_number && self.text.len() < zeros && self.text.bytes().all(|b| b.is_ascii_digit()) {
            self.text.insert_str(0, &"0".repeat(zeros - self.text.len()));
        }
        let limits = &self.plan.limits;
        if self.text.len() > limits.cell_bytes_max {
            return Err(SourceError::over(Limit::CellBytes, limits.cell_bytes_max as u64, Some(self.line)));
        }
        self.row_bytes += self.text.len();
        if self.row_bytes > limits.record_bytes_max() {
            return Err(SourceError::over(Limit::RecordBytes, limits.record_bytes_max() as u64, Some(self.line)));
        }
        match self.sheet.columns.get(column) {
            Some(Some(place)) => {
                std::mem::swap(&mut self.cells[*place], &mut self.text);
                self.row_faults.extend(fault.map(|kind| (*place as u32, kind)));
            }
            _ if self.text.trim().is_empty() => {}
            _ => self.surplus = self.surplus.max(Some(column)),
        }
        Ok(())
    }

    /// Adds the collected row, unless there is nothing in it.
    fn end_row(&mut self) {
        let is_ghost = self.surplus.is_none() && self.cells.iter().all(|text| text.trim().is_empty());
        if !is_ghost {
            let row = self.lines.len() as u32;
            if let Some(column) = self.surplus {
                let kind = FaultKind::TooManyFields { found: column as u32 + 1 };
                self.faults.push(RowFault { row, column: None, kind });
            }
            let faults = self.row_faults.iter();
            self.faults.extend(faults.map(|(column, kind)| RowFault { row, column: Some(*column), kind: *kind }));
            for (text, column) in self.cells.iter().zip(&mut self.columns) {
                column.append_option(Some(text).filter(|text| !text.is_empty()));
            }
            self.lines.push(self.line);
            self.text_bytes += self.row_bytes;
        }
        self.row_bytes = 0;
        self.cells.iter_mut().for_each(String::clear);
        self.row_faults.clear();
        self.surplus = None;
    }

    fn batch(&mut self) -> Sent {
        let columns = self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let values = RecordBatch::try_new(self.plan.schema.clone(), columns).map_err(|_| gone())?;
        let (lines, faults) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.faults));
        self.text_bytes = 0;
        Ok(Some(RawBatch { values, lines, faults, part: self.sheet.part.clone() }))
    }
}

/// Appends a cell as the text a person sees, as far as that can be known without its number format.
pub(super) fn write_cell(value: &DataRef<'_>, text: &mut String) -> Option<FaultKind> {
    match value {
        DataRef::Empty => {}
        DataRef::String(s) | DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => text.push_str(s),
        DataRef::SharedString(s) => text.push_str(s),
        DataRef::Bool(b) => text.push_str(if *b { "true" } else { "false" }),
        DataRef::Int(i) => text.push_str(itoa::Buffer::new().format(*i)),
        DataRef::Float(f) => {
            let (number, is_rounded) = super::number_text(*f);
            text.push_str(&number);
            return is_rounded.then_some(FaultKind::LostDigits);
        }
        DataRef::DateTime(moment) => text.push_str(&date_text(moment)),
        DataRef::Error(error) => {
            text.push_str(&error.to_string());
            return Some(FaultKind::FormulaError);
        }
    }
    None
}

/// A serial date as `2024-06-27`, `2024-06-27 08:30:00`, or `08:30:00` if there is no day in it. What Excel cannot show
/// as a date either stays a number.
fn date_text(moment: &ExcelDateTime) -> String {
    let serial = moment.as_f64();
    if !(0.0..2_958_466.0).contains(&serial) {
        return super::number_text(serial).0;
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    if moment.is_duration() {
        let hours = (serial * 24.0) as u64;
        return format!("{hours:02}:{minute:02}:{second:02}");
    }
    let mut text = String::new();
    if serial >= 1.0 {
        text = format!("{year:04}-{month:02}-{day:02}");
    }
    if serial < 1.0 || serial.fract() != 0.0 {
        let blank = if text.is_empty() { "" } else { " " };
        text += &format!("{blank}{hour:02}:{minute:02}:{second:02}");
        if milli > 0 {
            text += &format!(".{milli:03}");
        }
    }
    text
}

impl RawReader for WorkbookReader {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn header(&self) -> &[String] {
        &self.header
    }

    fn header_line(&self) -> u32 {
        self.header_line
    }

    fn encoding(&self) -> Option<&'static str> {
        None
    }

    fn next_batch(&mut self) -> Result<Option<RawBatch>, SourceError> {
        if self.is_at_end {
            return Ok(None);
        }
        let sent = self.batches.recv().map_err(|_| gone()).flatten();
        self.is_at_end = !matches!(sent, Ok(Some(_)));
        let Some(batch) = sent? else { return Ok(None) };
        self.limits.check_batch(&mut self.sum, &batch.values)?;
        Ok(Some(batch))
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }
}
