//! Open quarantined rows as workbooks: one per table, with reasons beside the delivered text, to correct and send back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, XlsxError};
use serde_json::{Map, Value};

use super::{EXPORT_COLUMNS, QuarantineRow};
use crate::contract::Contracts;
use crate::diagnostic::{Context, Diagnostic, Result};

/// Writes the workbooks; gives path and row count of each.
pub fn export_quarantine(
    rows: &[&QuarantineRow],
    contracts: &Contracts,
    folder: &Path,
) -> Result<Vec<(PathBuf, usize)>> {
    let mut tables: BTreeMap<&str, BTreeMap<&str, Vec<&QuarantineRow>>> = BTreeMap::new();
    for row in rows {
        tables.entry(&row.table_name).or_default().entry(&row.quarantine_id).or_default().push(row);
    }
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    fs_err::create_dir_all(folder).doing("making the folder for the workbooks")?;
    let mut files = Vec::new();
    for (table, rows) in tables {
        let Some(contract) = contracts.get(table) else {
            return Err(Diagnostic::error(format!(
                "rows of `{table}` are in quarantine, but it has no contract any more"
            )));
        };
        let columns: Vec<(&str, &str)> = contract.columns.iter().map(|c| (c.name.as_str(), c.label.as_str())).collect();
        // A name the landing recognises when the workbook comes back.
        let beginning = contract.files.first().map_or(table, String::as_str);
        let path = folder.join(format!("{beginning}_隔离待更正.xlsx"));
        let count = rows.len();
        let mut book = sheet(&contract.label, &columns, rows)?;
        let aside = path.with_extension("xlsx.part");
        book.save(&aside).doing("writing a workbook")?;
        fs_err::rename(&aside, &path).doing("writing a workbook")?;
        files.push((path, count));
    }
    Ok(files)
}

fn sheet(label: &str, columns: &[(&str, &str)], rows: BTreeMap<&str, Vec<&QuarantineRow>>) -> Result<Workbook> {
    let mut originals: Vec<(Vec<&QuarantineRow>, Map<String, Value>)> = Vec::new();
    for violations in rows.into_values() {
        let original = match violations.first() {
            Some(first) => serde_json::from_str(&first.original).doing("reading a quarantined row")?,
            None => Map::new(),
        };
        originals.push((violations, original));
    }
    originals.sort_by(|(a, _), (b, _)| {
        let key = |v: &Vec<&QuarantineRow>| v.first().map(|r| (r.file.clone(), r.line, r.batch_id.clone()));
        key(a).cmp(&key(b))
    });
    layout(label, columns, &originals).doing("writing a workbook")
}

fn layout(
    label: &str,
    columns: &[(&str, &str)],
    rows: &[(Vec<&QuarantineRow>, Map<String, Value>)],
) -> std::result::Result<Workbook, XlsxError> {
    // Columns of the contract in order, then whatever else was delivered.
    let mut headers: Vec<(String, String)> = columns.iter().map(|(n, l)| ((*n).to_owned(), (*l).to_owned())).collect();
    for (_, original) in rows {
        for name in original.keys() {
            if !headers.iter().any(|(known, _)| known == name) {
                headers.push((name.clone(), name.clone()));
            }
        }
    }
    let base = Format::new().set_font_name("宋体").set_font_size(10).set_border(FormatBorder::Thin);
    let cell = base.clone().set_num_format("@").set_align(FormatAlign::VerticalCenter);
    let wrong = cell.clone().set_background_color(Color::RGB(0x00FF_F2CC));
    let fixed = cell.clone().set_background_color(Color::RGB(0x00F2_F2F2)).set_text_wrap();
    let head = base.set_bold().set_align(FormatAlign::Center).set_background_color(Color::RGB(0x00DC_E6F1));
    let title = Format::new().set_font_name("黑体").set_font_size(16).set_align(FormatAlign::Center);
    let note = Format::new().set_font_name("宋体").set_font_size(10).set_text_wrap();

    let mut book = Workbook::new();
    book.set_properties(
        &DocProperties::new()
            .set_title(format!("{label}待更正记录"))
            .set_creation_datetime(&ExcelDateTime::from_ymd(2024, 1, 1)?),
    );
    let sheet = book.add_worksheet().set_name("待更正")?;
    let fixed_count = EXPORT_COLUMNS.len() as u16;
    let last = fixed_count + headers.len() as u16 - 1;
    sheet.set_row_height(0, 30)?;
    sheet.merge_range(0, 0, 0, last, &format!("{label}待更正记录"), &title)?;
    sheet.set_row_height(1, 32)?;
    sheet.merge_range(
        1,
        0,
        1,
        last,
        "请按“问题说明”更正黄色单元格（同时更新“更新时间”），不要改动前五列，改好后按原渠道报回；报回后自动入库并销号。",
        &note,
    )?;
    for (at, name) in EXPORT_COLUMNS.iter().enumerate() {
        sheet.write_string_with_format(2, at as u16, *name, &head)?;
        sheet.set_column_width(at as u16, [24.0, 26.0, 7.0, 14.0, 44.0][at])?;
    }
    for (at, (_, label)) in headers.iter().enumerate() {
        sheet.write_string_with_format(2, fixed_count + at as u16, label, &head)?;
        sheet.set_column_width(fixed_count + at as u16, 18)?;
    }
    sheet.set_freeze_panes(3, 1)?;
    for (at, (violations, original)) in rows.iter().enumerate() {
        let row = at as u32 + 3;
        let Some(first) = violations.first() else { continue };
        let label_of = |name: &str| {
            headers.iter().find(|(known, _)| known == name).map_or_else(|| name.to_owned(), |(_, label)| label.clone())
        };
        let mut names: Vec<String> = violations.iter().map(|v| label_of(&v.column_name)).collect();
        names.dedup();
        let mut reasons: Vec<&str> = violations.iter().map(|v| v.reason.as_str()).collect();
        reasons.dedup();
        let line = first.line.to_string();
        let texts = [first.quarantine_id.as_str(), &first.file, &line, &names.join("、"), &reasons.join("；")];
        for (column, text) in texts.into_iter().enumerate() {
            sheet.write_string_with_format(row, column as u16, text, &fixed)?;
        }
        for (column, (name, _)) in headers.iter().enumerate() {
            let is_wrong = violations.iter().any(|v| &v.column_name == name);
            let format = if is_wrong { &wrong } else { &cell };
            let text = original.get(name).and_then(Value::as_str).unwrap_or_default();
            let shown: String = text.chars().take(32_000).collect();
            sheet.write_string_with_format(row, fixed_count + column as u16, &shown, format)?;
        }
    }
    sheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0).set_repeat_rows(2, 2)?;
    Ok(book)
}
