//! Workbooks as people keep them: text identifiers, dates partly real and partly typed, and for the shop form a
//! title, a line with the units and a header of two rows with merged cells.

use std::path::{Path, PathBuf};

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet};

use crate::synthetic::GenerateError;
use crate::synthetic::output::{Delivery, Writer, header};
use crate::synthetic::reference::District;
use crate::synthetic::row::{Cell, Row};

/// Columns that stand under a common heading: first and last contract column, heading, own labels.
const GROUPS: [(&str, &[(&str, &str)]); 2] = [
    ("经营者", &[("owner_name", "姓名"), ("phone", "联系电话")]),
    (
        "安全",
        &[("gas_mode", "用气方式"), ("extinguisher_count", "灭火器"), ("fire_ok", "消防合格"), ("food_ok", "食品合格")],
    ),
];

/// Serial number of 1970-01-01 in the 1900 date system.
const EPOCH_SERIAL: f64 = 25_569.0;

pub(crate) struct WorkbookWriter<'a> {
    path: PathBuf,
    delivery: &'a Delivery,
    district: &'a District,
    workbook: Workbook,
    has_operation: bool,
    /// Contract columns in the order of the sheet.
    columns: Vec<usize>,
    next_row: u32,
    date: Format,
    time: Format,
    text: String,
}

impl<'a> WorkbookWriter<'a> {
    pub(crate) fn create(
        path: &Path,
        delivery: &'a Delivery,
        district: &'a District,
        operations: bool,
    ) -> Result<Self, GenerateError> {
        let mut workbook = Workbook::new();
        // A fixed date, so that the same district gives the same bytes.
        let created = ExcelDateTime::from_ymd(2024, 6, 27)?.and_hms(18, 0, 0)?;
        workbook.set_properties(&DocProperties::new().set_author("网格数据上报").set_creation_datetime(&created));
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name("Sheet1")?;
        let (columns, next_row) = match &delivery.title {
            Some(title) => write_form_header(sheet, delivery, title, operations)?,
            None => write_plain_header(sheet, delivery, operations)?,
        };
        Ok(Self {
            path: path.to_owned(),
            delivery,
            district,
            workbook,
            has_operation: operations,
            columns,
            next_row,
            date: Format::new().set_num_format("yyyy-mm-dd"),
            time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            text: String::new(),
        })
    }
}

fn write_plain_header(
    sheet: &mut Worksheet,
    delivery: &Delivery,
    operations: bool,
) -> Result<(Vec<usize>, u32), GenerateError> {
    let bold = Format::new().set_bold();
    for (at, column) in header(delivery, operations).enumerate() {
        sheet.write_string_with_format(0, at as u16, column.label, &bold)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    Ok(((0..delivery.table.columns.len()).collect(), 1))
}

/// The form of the shop survey. Grouped columns stand where the first of them would.
fn write_form_header(
    sheet: &mut Worksheet,
    delivery: &Delivery,
    title: &str,
    operations: bool,
) -> Result<(Vec<usize>, u32), GenerateError> {
    let head = Format::new().set_bold().set_align(FormatAlign::Center).set_align(FormatAlign::VerticalCenter);
    let mut order: Vec<usize> = Vec::new();
    // (first column, last column, heading, labels of the second row)
    let mut blocks: Vec<(u16, u16, &str, Vec<&str>)> = Vec::new();
    let mut at = 0;
    if operations {
        blocks.push((0, 0, "操作", Vec::new()));
        at = 1;
    }
    for (position, column) in delivery.table.columns.iter().enumerate() {
        if order.contains(&position) {
            continue;
        }
        let group = GROUPS.iter().find(|(_, members)| members.iter().any(|(name, _)| *name == column.name));
        match group {
            Some((heading, members)) => {
                order.extend(members.iter().filter_map(|(name, _)| delivery.table.column(name)));
                let labels: Vec<&str> = members.iter().map(|(_, label)| *label).collect();
                let last = at + labels.len() as u16 - 1;
                blocks.push((at, last, heading, labels));
                at = last + 1;
            }
            None => {
                order.push(position);
                blocks.push((at, at, column.label, Vec::new()));
                at += 1;
            }
        }
    }
    sheet.merge_range(0, 0, 0, at - 1, title, &head)?;
    sheet.write_string(1, 0, "填报单位：开福区网格化综合服务中心")?;
    sheet.write_string(1, at - 3, "计量单位：人、平方米、具")?;
    for (first, last, heading, labels) in &blocks {
        if labels.is_empty() {
            sheet.merge_range(2, *first, 3, *last, heading, &head)?;
        } else {
            sheet.merge_range(2, *first, 2, *last, heading, &head)?;
        }
    }
    // Rows go in from top to bottom: the second header row after the whole of the first.
    for (first, _, _, labels) in &blocks {
        for (offset, label) in labels.iter().enumerate() {
            sheet.write_string_with_format(3, first + offset as u16, *label, &head)?;
        }
    }
    sheet.set_freeze_panes(4, 2)?;
    Ok((order, 4))
}

impl Writer for WorkbookWriter<'_> {
    fn write(&mut self, row: &Row, operation: Option<char>) -> Result<u32, GenerateError> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        let at = self.next_row;
        let shift = u16::from(self.has_operation);
        if let (true, Some(operation)) = (self.has_operation, operation) {
            sheet.write_string(at, 0, operation.to_string())?;
        }
        for (place, column) in self.columns.iter().enumerate() {
            let place = place as u16 + shift;
            match row.cells[*column] {
                Cell::Null => {}
                Cell::Whole(value) => {
                    sheet.write_number(at, place, value as f64)?;
                }
                Cell::Tenths(value) => {
                    sheet.write_number(at, place, value as f64 / 10.0)?;
                }
                // Somebody types dates, somebody else's Excel makes them dates.
                Cell::Date(days) if days % 3 != 0 => {
                    sheet.write_number_with_format(at, place, f64::from(days) + EPOCH_SERIAL, &self.date)?;
                }
                Cell::Time(seconds) if seconds % 5 != 0 => {
                    let serial = seconds as f64 / 86_400.0 + EPOCH_SERIAL;
                    sheet.write_number_with_format(at, place, serial, &self.time)?;
                }
                _ => {
                    self.text.clear();
                    row.render(*column, &self.delivery.style, self.district, &mut self.text);
                    sheet.write_string(at, place, &self.text)?;
                }
            }
        }
        self.next_row += 1;
        Ok(self.next_row)
    }

    fn finish(mut self: Box<Self>) -> Result<(), GenerateError> {
        self.workbook.save(&self.path)?;
        Ok(())
    }
}
