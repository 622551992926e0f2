//! A workbook as plain data: cells, merges, widths, formats, print set-up, charts. Composing ends here and
//! exporting begins here; both can be tested against the text form.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::Array;
use arrow::record_batch::RecordBatch;
use chrono::NaiveDateTime;
use unicode_width::UnicodeWidthStr;

use super::dataset::{Cells, Value};
use super::features::{Emphasis, Features};
use super::form::{Align, ChartKind, Shape};
use super::number::{Format, SUPPRESSED, rounded};
use super::provenance::Provenance;

/// Rows and columns a sheet of the file format can hold.
pub(super) const SHEET_ROWS_MAX: u32 = 1_048_576;
pub(super) const SHEET_COLUMNS_MAX: usize = 16_384;
/// UTF-16 units a cell can hold.
pub(super) const CELL_TEXT_MAX: usize = 32_767;

#[derive(Debug, Clone)]
pub struct WorkbookLayout {
    pub(super) properties: Properties,
    pub(super) sheets: Vec<SheetLayout>,
}

/// What the file says about itself.
#[derive(Debug, Clone)]
pub(super) struct Properties {
    pub title: String,
    pub subject: String,
    pub author: String,
    pub comment: String,
    pub created: NaiveDateTime,
    /// Where it comes from. An exporter embeds it, as names and values or as one text.
    pub record: Provenance,
}

#[derive(Debug, Clone)]
pub struct SheetLayout {
    pub(super) name: String,
    pub(super) title: String,
    /// What the cells' sources are rows and columns of.
    pub(super) dataset: String,
    pub(super) widths: Vec<f64>,
    /// In row order; a row without cells may be missing.
    pub(super) rows: Vec<Row>,
    pub(super) merges: Vec<Area>,
    pub(super) default_row_height: Option<f64>,
    /// Rows above and columns left of this cell stay in view.
    pub(super) freeze: (u32, u16),
    pub(super) repeat_rows: Option<(u32, u32)>,
    pub(super) autofilter: Option<Area>,
    pub(super) is_landscape: bool,
    pub(super) charts: Vec<ChartLayout>,
    pub(super) features: Features,
    /// A row list between the head and the foot, kept as record batches.
    pub(super) ledger: Option<Ledger>,
    /// Cells that hold figures or texts of the dataset, for the record of the run.
    pub(super) data_rows: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub index: u32,
    pub height: Option<f64>,
    pub cells: Vec<Cell>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub column: u16,
    pub value: CellValue,
    pub style: Style,
    /// The row and column of the dataset that the value was read from.
    pub source: Option<(u32, u16)>,
    /// Where the form computed the value instead.
    pub computed: Option<Computed>,
    /// What the spreadsheet calculates the value from, such as `SUM(C7:C22)`. It never comes from data.
    pub formula: Option<String>,
    /// Where a click on the cell leads.
    pub link: Option<SheetLink>,
}

impl Cell {
    pub(super) fn new(column: u16, value: CellValue, style: Style) -> Self {
        Self { column, value, style, source: None, computed: None, formula: None, link: None }
    }
}

/// A sum, or what follows from sums.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Computed {
    /// Before it is rounded to what is shown.
    pub value: Value,
    /// The rows and columns of the dataset it stands for.
    pub parts: Vec<(u32, u16)>,
}

/// Another sheet of the workbook, counted from 0; what its tab is called in the end, the exporter decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SheetLink(pub usize);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum CellValue {
    Blank,
    /// A figure that is there and not shown.
    Suppressed,
    Text(String),
    Number(f64),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01.
    Instant(i64),
}

impl CellValue {
    /// The value as a text.
    pub(super) fn plain(&self) -> String {
        match self {
            Self::Blank => String::new(),
            Self::Suppressed => SUPPRESSED.to_owned(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Date(days) => Value::Date(*days).plain().unwrap_or_default(),
            Self::Instant(micros) => Value::Instant(*micros).plain().unwrap_or_default(),
        }
    }
}

/// What a cell is for and how its value is shown; the exporter decides on fonts and colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Style {
    pub role: Role,
    pub format: Format,
    pub align: Align,
    pub wrap: bool,
    pub emphasis: Emphasis,
    /// Whether a hand may write into it where the sheet is protected.
    pub is_open: bool,
}

impl Style {
    /// Of a text that no column declares.
    pub(super) fn text(role: Role, align: Align) -> Self {
        Self { role, format: Format::Text, align, wrap: false, emphasis: Emphasis::None, is_open: false }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    Title,
    Registration,
    UnitLine,
    Header,
    ColumnNumber,
    Body,
    Total,
    Signer,
    Note,
    Provenance,
}

/// Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub first_row: u32,
    pub first_column: u16,
    pub last_row: u32,
    pub last_column: u16,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ChartLayout {
    pub kind: ChartKind,
    pub title: String,
    pub row: u32,
    /// Where its data are: this sheet, or the one before it.
    pub data: ChartData,
    pub rows: (u32, u32),
    pub categories: u16,
    pub series: Vec<(String, u16)>,
    /// What the series adds up to so far, as a share of the whole.
    pub cumulative: Option<(String, u16)>,
    /// What the figures count, along their axis.
    pub unit: Option<String>,
    pub format: Format,
    /// The last mark of the value axis; chosen by the program that shows it when not given.
    pub value_max: Option<f64>,
    pub width_pixels: u32,
    pub height_pixels: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChartData {
    Here,
    SheetBefore,
}

#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pub first_row: u32,
    pub row_count: u32,
    pub first_number: u64,
    pub columns: Vec<LedgerColumn>,
    /// Of every row, in points.
    pub row_height_min: f64,
    /// In the shapes that [`Cells`] reads.
    pub batches: Vec<RecordBatch>,
}

#[derive(Debug, Clone)]
pub(super) struct LedgerColumn {
    pub content: LedgerContent,
    pub style: Style,
    pub shape: Shape,
    /// The width in which text is broken into lines, for columns that wrap.
    pub wrap_width: Option<f64>,
    /// How the cell of each row stands out, counted from the ledger's first; none does when empty.
    pub emphasis: Arc<[Emphasis]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LedgerContent {
    /// A column of the batches.
    Bound(usize),
    RowNumber,
    Blank,
}

impl Ledger {
    /// The height that shows every line of a row's wrapped texts; `None` where that of every row is enough.
    pub(super) fn row_height(&self, batch: &RecordBatch, row: usize) -> Option<f64> {
        let needed = self.columns.iter().filter_map(|column| match (column.wrap_width, column.content) {
            (Some(width), LedgerContent::Bound(source)) => match Cells::of(batch.column(source)) {
                Cells::Text(texts) if texts.is_valid(row) => Some(text_lines(texts.value(row), width)),
                _ => None,
            },
            _ => None,
        });
        let height = needed.max().filter(|lines| *lines > 1).map(|lines| lines as f64 * LINE_HEIGHT + 3.0);
        height.filter(|height| *height > self.row_height_min)
    }

    /// The ways in which cells of the ledger stand out, none among them, each once.
    pub(super) fn emphases(&self) -> BTreeSet<Emphasis> {
        let of_columns = self.columns.iter().flat_map(|column| column.emphasis.iter().copied());
        std::iter::once(Emphasis::None).chain(of_columns).collect()
    }

    /// Every cell in order: `(row, column, value, style)`. The plain way; the exporter's fast way must agree with it.
    pub(super) fn for_each_cell<E>(
        &self,
        mut visit: impl FnMut(u32, u16, CellValue, Style) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut row = self.first_row;
        for batch in &self.batches {
            let cells: Vec<Cells<'_>> = batch.columns().iter().map(Cells::of).collect();
            for at in 0..batch.num_rows() {
                for (place, column) in (0_u16..).zip(&self.columns) {
                    let value = match column.content {
                        LedgerContent::Bound(source) => cell_value(&cells[source].value(at), &column.shape),
                        LedgerContent::RowNumber => {
                            CellValue::Number((self.first_number + u64::from(row - self.first_row)) as f64)
                        }
                        LedgerContent::Blank => CellValue::Blank,
                    };
                    visit(row, place, value, column.style_in((row - self.first_row) as usize))?;
                }
                row += 1;
            }
        }
        Ok(())
    }
}

impl LedgerColumn {
    /// In a row counted from the ledger's first.
    pub(super) fn emphasis_in(&self, row: usize) -> Emphasis {
        self.emphasis.get(row).copied().unwrap_or_default()
    }

    pub(super) fn style_in(&self, row: usize) -> Style {
        Style { emphasis: self.emphasis_in(row), ..self.style }
    }
}

/// Points a line of text takes.
pub(super) const LINE_HEIGHT: f64 = 15.0;

/// Lines a text takes in a cell so many characters wide; a Chinese character counts two.
pub(super) fn text_lines(text: &str, width: f64) -> usize {
    text.split('\n').map(|line| (line.width() as f64 / (width - 1.0).max(2.0)).ceil().max(1.0) as usize).sum()
}

/// What a value becomes in a column of this shape.
pub(super) fn cell_value(value: &Value, shape: &Shape) -> CellValue {
    match (value, shape.format) {
        (Value::Null, _) if shape.empty.is_empty() => CellValue::Blank,
        (Value::Null, _) => CellValue::Text(shape.empty.clone()),
        (Value::Suppressed, _) => CellValue::Suppressed,
        (Value::Flag(flag), _) => CellValue::Text(shape.words[usize::from(!*flag)].clone()),
        (Value::Integer(integer), Format::Wan(_)) => CellValue::Number(rounded(*integer as f64, shape.format)),
        (Value::Integer(integer), format) if format != Format::Text => CellValue::Number(*integer as f64),
        (Value::Number(number), format) if format != Format::Text => CellValue::Number(rounded(*number, format)),
        (Value::Date(days), Format::Date | Format::DateTime) => CellValue::Date(*days),
        (Value::Instant(micros), Format::DateTime) => CellValue::Instant(*micros),
        (Value::Instant(micros), Format::Date) => {
            CellValue::Date(i32::try_from(micros.div_euclid(86_400_000_000)).unwrap_or(0))
        }
        (other, _) => match other.plain() {
            Some(text) if !text.is_empty() => CellValue::Text(fit_cell(&text).into_owned()),
            _ => CellValue::Blank,
        },
    }
}

/// Text cut to what a cell can hold, with a sign that it was cut.
pub(super) fn fit_cell(text: &str) -> std::borrow::Cow<'_, str> {
    const CUT: &str = "……（超出单元格上限，已截断）";
    // A UTF-8 text never has more UTF-16 units than bytes.
    if text.len() <= CELL_TEXT_MAX || text.chars().map(char::len_utf16).sum::<usize>() <= CELL_TEXT_MAX {
        return text.into();
    }
    let mut room = CELL_TEXT_MAX - CUT.chars().count();
    let kept: String = text
        .chars()
        .take_while(|sign| {
            let fits = room >= sign.len_utf16();
            room = room.saturating_sub(sign.len_utf16());
            fits
        })
        .collect();
    (kept + CUT).into()
}

impl fmt::Display for WorkbookLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "workbook {} | {} | {}", self.properties.title, self.properties.author, self.properties.created)?;
        self.sheets.iter().try_for_each(|sheet| write!(f, "\n{sheet}"))
    }
}

impl fmt::Display for SheetLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let orientation = if self.is_landscape { "landscape" } else { "portrait" };
        write!(f, "sheet {} | data {} | A4 {orientation} | freeze {:?}", self.name, self.dataset, self.freeze)?;
        if let Some((first, last)) = self.repeat_rows {
            write!(f, " | repeat rows {}-{}", first + 1, last + 1)?;
        }
        writeln!(f)?;
        writeln!(f, "widths {}", self.widths.iter().map(f64::to_string).collect::<Vec<_>>().join(" "))?;
        if let Some(area) = self.autofilter {
            writeln!(f, "filter {area}")?;
        }
        self.features.fmt(f)?;
        let mut is_ledger_due = true;
        for row in &self.rows {
            if let Some(ledger) = self.ledger.as_ref().filter(|ledger| is_ledger_due && row.index >= ledger.first_row) {
                ledger.fmt(f)?;
                is_ledger_due = false;
            }
            for cell in row
                .cells
                .iter()
                .filter(|cell| cell.value != CellValue::Blank || self.merge_at(row.index, cell.column).is_some())
            {
                match self.merge_at(row.index, cell.column) {
                    Some(area) => write!(f, "{area}")?,
                    None => write!(f, "{}", name_of(row.index, cell.column))?,
                }
                write!(f, " {} {}", cell.style, cell.value)?;
                if let Some(formula) = &cell.formula {
                    write!(f, " ={formula}")?;
                }
                match cell.link {
                    Some(SheetLink(sheet)) => writeln!(f, " -> sheet {}", sheet + 1)?,
                    None => writeln!(f)?,
                }
            }
        }
        if let Some(ledger) = self.ledger.as_ref().filter(|_| is_ledger_due) {
            ledger.fmt(f)?;
        }
        for chart in &self.charts {
            let series: Vec<String> =
                chart.series.iter().map(|(name, column)| format!("{name}={}", letters(*column))).collect();
            writeln!(
                f,
                "chart {:?} {} at row {} | {:?} rows {}-{} | {} by {}",
                chart.kind,
                chart.title,
                chart.row + 1,
                chart.data,
                chart.rows.0 + 1,
                chart.rows.1 + 1,
                series.join(" "),
                letters(chart.categories)
            )?;
        }
        Ok(())
    }
}

/// What counts as about a page: with fonts higher than ours and with ours, and where print stays this large in any case.
const PAGE_MIN: f64 = 0.85;
const PAGE_MAX: f64 = 1.2;
const SCALE_MIN: f64 = 0.6;
/// Of rows that say nothing, in points.
const DEFAULT_ROW_HEIGHT: f64 = 15.0;

/// What a column so many characters wide takes on the screen.
pub(super) fn column_pixels(width: f64) -> f64 {
    (width * 7.0).trunc() + 5.0
}

/// The same for a row so many points high.
pub(super) fn row_pixels(height: f64) -> f64 {
    (height * 4.0 / 3.0).trunc()
}

impl SheetLayout {
    /// Width and height of A4 less the margins, at 96 dots an inch, with a little room for fonts wider than ours.
    pub(super) fn page_pixels(&self) -> (f64, f64) {
        if self.is_landscape { (1005.0, 650.0) } else { (683.0, 978.0) }
    }

    pub(super) fn width_pixels(&self) -> f64 {
        self.widths.iter().map(|width| column_pixels(*width)).sum()
    }

    /// The share of its size at which all columns fit a page's width.
    pub(super) fn print_scale(&self) -> f64 {
        (self.page_pixels().0 / self.width_pixels()).clamp(0.1, 1.0)
    }

    /// How many pages its rows take.
    pub(super) fn pages(&self) -> f64 {
        let rows = self.rows.last().map_or(0, |row| row.index + 1);
        let named: f64 = self.rows.iter().map(|row| row_pixels(row.height.unwrap_or(DEFAULT_ROW_HEIGHT))).sum();
        let others = f64::from(rows) - self.rows.len() as f64;
        let height = named + others * row_pixels(self.default_row_height.unwrap_or(DEFAULT_ROW_HEIGHT));
        height * self.print_scale() / self.page_pixels().1
    }

    /// Whether its rows take about a page: a few too many are no reason for a second one, as long as they can be read.
    pub(super) fn is_about_a_page(&self) -> bool {
        let pages = self.pages();
        let most = (self.print_scale() / SCALE_MIN).max(PAGE_MAX);
        let is_table = self.ledger.is_none() && self.charts.is_empty() && self.features.page_breaks.is_empty();
        is_table && (PAGE_MIN..=most).contains(&pages)
    }

    fn merge_at(&self, row: u32, column: u16) -> Option<Area> {
        self.merges.iter().copied().find(|area| (area.first_row, area.first_column) == (row, column))
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: u32 = 3;
        let shown = self.first_row + SHOWN.min(self.row_count);
        let visited = self.for_each_cell(|row, column, value, style| {
            if row >= shown {
                return Err(None);
            }
            match value {
                CellValue::Blank => Ok(()),
                value => writeln!(f, "{} {style} {value}", name_of(row, column)).map_err(Some),
            }
        });
        if let Err(Some(error)) = visited {
            return Err(error);
        }
        if self.row_count > SHOWN {
            writeln!(f, "… rows {}-{}", shown + 1, self.first_row + self.row_count)?;
        }
        Ok(())
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = format!("{:?}", self.role).to_lowercase();
        let align = format!("{:?}", self.align).to_lowercase();
        write!(f, "[{role}")?;
        if self.format != Format::Text {
            write!(f, " {}", self.format)?;
        }
        write!(f, " {align}{}", if self.wrap { " wrap" } else { "" })?;
        if self.emphasis != Emphasis::None {
            write!(f, " {}", format!("{:?}", self.emphasis).to_lowercase())?;
        }
        f.write_str(if self.is_open { " open]" } else { "]" })
    }
}

impl fmt::Display for CellValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            value => f.write_str(&value.plain()),
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", name_of(self.first_row, self.first_column), name_of(self.last_row, self.last_column))
    }
}

/// `A1` for the first cell.
pub fn name_of(row: u32, column: u16) -> String {
    format!("{}{}", letters(column), row + 1)
}

pub(super) fn letters(column: u16) -> String {
    let mut rest = u32::from(column) + 1;
    let mut letters = Vec::new();
    while rest > 0 {
        letters.push(char::from(b'A' + u8::try_from((rest - 1) % 26).unwrap_or(0)));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_columns_past_z() {
        assert_eq!([0, 25, 26, 701, 702].map(letters), ["A", "Z", "AA", "ZZ", "AAA"]);
    }

    #[test]
    fn counts_lines_by_display_width() {
        assert_eq!(text_lines("网格数", 7.0), 1);
        assert_eq!(text_lines("网格化综合服务", 7.0), 3);
        assert_eq!(text_lines("甲\n乙", 7.0), 2);
    }

    #[test]
    fn cuts_a_text_that_no_cell_can_hold() {
        let long = "网".repeat(40_000);
        let cut = fit_cell(&long);
        assert_eq!(cut.chars().count(), CELL_TEXT_MAX);
        assert!(cut.ends_with("已截断）"));
        assert_eq!(fit_cell("短").as_ref(), "短");
    }
}
