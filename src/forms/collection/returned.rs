//! Collection sheets that came back: each cell compared with what went out and with what is known now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::{NaiveDate, NaiveDateTime};
use serde_json::{Map, Value, json};

use super::super::answer::quoted;
use super::super::delivered::{deliver, land_rows};
use super::super::elements::Dictionary;
use super::super::file::Form;
use super::super::fill::{Community, communities, grids};
use super::needs::{CellNeed, Needs, needs};
use super::sheet::{Base, BaseColumn, BaseSheet, FORMAT, IDENTITY_SHEET, KEYS, Shown, VALUE, base, shown_values};
use crate::contract::{ColumnKind, Contracts, normalise_text, parse_boolean, parse_date};
use crate::diagnostic::{Context as _, Diagnostic, Result};
use crate::landing::{self, Moment, Outcome as Landing};
use crate::project::Project;
use crate::query::Session;
use crate::report::name_of;
use crate::source::{self, Limits, SheetCells};

/// The row of keys stands near the top, wherever rows were put in above it.
const KEY_ROWS_MAX: u32 = 30;

/// What became of a cell that differs from what went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Accepted,
    /// Both sides changed it; a person decides.
    Conflict,
    Refused,
}

impl Outcome {
    pub fn label(self) -> &'static str {
        match self {
            Self::Accepted => "采纳",
            Self::Conflict => "冲突",
            Self::Refused => "退回",
        }
    }
}

/// A cell that differs from what went out.
#[derive(Debug, Clone)]
pub struct ReturnedCell {
    /// `人员!F5`
    pub place: String,
    pub subject: Option<String>,
    pub object: Option<String>,
    pub key: Option<String>,
    pub label: Option<String>,
    pub base: Option<String>,
    pub returned: Option<String>,
    pub current: Option<String>,
    pub current_on: Option<NaiveDate>,
    pub outcome: Outcome,
    /// Chinese, for the clerk.
    pub reason: String,
}

/// A sheet that came back.
#[derive(Debug)]
pub struct Return {
    pub path: PathBuf,
    pub hash: String,
    pub sheet_id: String,
    pub community: String,
    pub cells: Vec<ReturnedCell>,
    /// Cells of the returned rows that went out with a value, those of them that were changed, and blanks that were filled.
    pub prefilled: u64,
    pub changed: u64,
    pub added: u64,
    /// What else is to be known: rows that did not come back, columns that are gone. Chinese.
    pub remarks: Vec<String>,
    /// Decisions about a file that was handed in before.
    pub is_decision: bool,
}

impl Return {
    pub fn count(&self, outcome: Outcome) -> usize {
        self.cells.iter().filter(|cell| cell.outcome == outcome).count()
    }
}

/// Reads a returned workbook and compares each cell with what went out and what is known now.
///
/// # Errors
/// No workbook, none that went out from here, or one of another format. Nothing of it is taken.
pub async fn compare(
    path: &Path,
    project: &Project,
    forms: &[Form],
    dictionary: &Dictionary,
    session: &Session,
    limits: Limits,
) -> Result<Return> {
    let sheets =
        source::framed_sheets(path, limits).map_err(|error| Diagnostic::error(error.to_string()).in_file(path))?;
    let hash = blake3::hash(&fs_err::read(path).doing("reading the returned sheet")?).to_hex().to_string();
    let said = identity(&sheets);
    if said.contains_key(ANSWERED) {
        return Err(Diagnostic::error("this is a list of what was not taken, and nothing is decided in it")
            .in_file(path)
            .effect("nothing of it was taken")
            .hint(format!("choose `{TAKE_RETURNED}` or `{TAKE_CURRENT}` where both sides changed")));
    }
    let Some(id) = said.get("sheet_id") else {
        return Err(Diagnostic::error("this is no collection sheet")
            .in_file(path)
            .note("looked for", format!("the hidden sheet `{IDENTITY_SHEET}` that every collection sheet has"))
            .effect("nothing of it was taken")
            .hint("hand in the workbook that was sent out, saved as .xlsx, not a copy of its rows"));
    };
    if said.get("format").map(String::as_str) != Some(FORMAT) {
        return Err(Diagnostic::error("this collection sheet is of another version of gridhouse")
            .in_file(path)
            .effect("nothing of it was taken"));
    }
    let base = base(&project.warehouse_folder(), id)
        .map_err(|problem| problem.in_file(path).effect("nothing of it was taken"))?;
    let chosen: Vec<Form> = forms.iter().filter(|form| base.forms.contains(&form.name)).cloned().collect();
    let all = communities(session, None).await?;
    let all = if base.place().is_grid() { grids(session, &all).await? } else { all };
    let places: Vec<Community> = all.into_iter().filter(|place| place.code == base.community).collect();
    let needs = needs(&chosen, dictionary, session, &places).await?;
    let current = Current::of(&needs, dictionary, session, &base.community).await?;
    let mut back = Return {
        path: path.to_owned(),
        hash,
        sheet_id: base.id.clone(),
        community: base.place().community_code().to_owned(),
        cells: Vec::new(),
        prefilled: 0,
        changed: 0,
        added: 0,
        remarks: Vec::new(),
        is_decision: false,
    };
    for sent in &base.sheets {
        match sheets.iter().find(|sheet| sheet.name == sent.sheet) {
            Some(sheet) => compare_sheet(sheet, sent, &base, &current, dictionary, &mut back),
            None => back.remarks.push(format!("工作表“{}”没有交回", sent.sheet)),
        }
    }
    Ok(back)
}

/// In the identity of a list of what was not taken: the hash of the file that it answers.
pub const ANSWERED: &str = "answered_file_hash";
/// What a person can decide where both sides changed.
pub const TAKE_RETURNED: &str = "取交回的值";
pub const TAKE_CURRENT: &str = "取库中的值";
/// The heading of the column of decisions.
pub const DECISION: &str = "决定";

/// Reads what a person decided in a list of what was not taken; `None` if the workbook is no such list or nothing is decided.
/// What was decided before is not among the cells.
///
/// # Errors
/// No workbook, or one that answers a file nobody handed in.
pub async fn decided(path: &Path, session: &Session, limits: Limits) -> Result<Option<Return>> {
    let doing = "reading what was decided";
    let sheets = source::sheets(path, limits).map_err(|error| Diagnostic::error(error.to_string()).in_file(path))?;
    let Some(hash) = identity(&sheets).remove(ANSWERED) else { return Ok(None) };
    if hash.len() != 64 || !hash.bytes().all(|sign| sign.is_ascii_hexdigit()) {
        return Err(Diagnostic::error("the list answers no file").in_file(path).effect("nothing of it was taken"));
    }
    let mut decisions: BTreeMap<String, bool> = BTreeMap::new();
    for row in sheets.iter().filter(|sheet| sheet.name != IDENTITY_SHEET).flat_map(|sheet| &sheet.rows) {
        let text =
            |column: u32| row.cells.iter().find(|cell| cell.column == column).map_or("", |cell| cell.text.trim());
        let decision = row.cells.iter().find(|cell| [TAKE_RETURNED, TAKE_CURRENT].contains(&cell.text.trim()));
        if let Some(decision) = decision {
            decisions.insert(text(0).to_owned(), decision.text.trim() == TAKE_RETURNED);
        }
    }
    if decisions.is_empty() {
        return Ok(None);
    }
    let columns = "place, subject, object_id, element, element_label, base_value, returned_value, current_value, \
                   sheet_id, community_code, file, CAST(CAST(current_at AS DATE) AS VARCHAR)";
    let sql = format!("SELECT {columns} FROM collected_cells WHERE file_hash = '{hash}' AND outcome = '冲突'");
    let mut back = Return {
        path: path.to_owned(),
        hash: hash.clone(),
        sheet_id: String::new(),
        community: String::new(),
        cells: Vec::new(),
        prefilled: 0,
        changed: 0,
        added: 0,
        remarks: Vec::new(),
        is_decision: true,
    };
    for batch in session.fetch(&sql).await? {
        let texts: Vec<arrow::array::ArrayRef> = batch
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Utf8))
            .collect::<std::result::Result<_, _>>()
            .doing(doing)?;
        for row in 0..batch.num_rows() {
            let text = |at: usize| {
                let column = texts[at].as_string::<i32>();
                (!column.is_null(row)).then(|| column.value(row).to_owned())
            };
            let place = text(0).unwrap_or_default();
            let Some(is_returned) = decisions.get(&place) else { continue };
            let cell = ReturnedCell {
                place,
                subject: text(1),
                object: text(2),
                key: text(3),
                label: text(4),
                base: text(5),
                returned: text(6),
                current: text(7),
                current_on: text(11).and_then(|date| date.parse().ok()),
                outcome: if *is_returned { Outcome::Accepted } else { Outcome::Refused },
                reason: format!("人工决定：{}", if *is_returned { TAKE_RETURNED } else { TAKE_CURRENT }),
            };
            // The file that was handed in, under whose name its cells stand.
            back.path = PathBuf::from(text(10).unwrap_or_default());
            back.sheet_id = text(8).unwrap_or_default();
            back.community = text(9).unwrap_or_default();
            back.cells.push(cell);
        }
    }
    Ok(Some(back))
}

fn identity(sheets: &[SheetCells]) -> BTreeMap<String, String> {
    let Some(sheet) = sheets.iter().find(|sheet| sheet.name == IDENTITY_SHEET) else { return BTreeMap::new() };
    let pairs = sheet.rows.iter().filter_map(|row| match row.cells.as_slice() {
        [key, value, ..] => Some((key.text.clone(), value.text.clone())),
        _ => None,
    });
    pairs.collect()
}

/// What is known now, by object and key.
struct Current {
    values: HashMap<(String, String), (Option<String>, Option<NaiveDate>)>,
}

impl Current {
    async fn of(needs: &Needs, dictionary: &Dictionary, session: &Session, community: &str) -> Result<Self> {
        let mut values = HashMap::new();
        for subject in &needs.subjects {
            let Shown { columns, texts } = shown_values(subject, dictionary, session).await?;
            let name = &dictionary.subjects[subject.subject].name;
            for object in subject.objects.get(community).into_iter().flatten() {
                for (column, text) in columns.iter().zip(texts.get(&object.id).into_iter().flatten()) {
                    let text = (!text.is_empty()).then(|| text.clone());
                    values.insert((object.id.clone(), format!("{name}.{column}")), (text, None));
                }
                for (ask, cell) in subject.asks.iter().zip(&object.cells) {
                    let value = match cell {
                        None => continue,
                        Some(CellNeed::Missing) => (None, None),
                        Some(CellNeed::Known(text, date)) => (Some(text.clone()), *date),
                        Some(CellNeed::Old(text, date)) => (Some(text.clone()), Some(*date)),
                    };
                    values.insert((object.id.clone(), ask.key.clone()), value);
                }
            }
        }
        Ok(Self { values })
    }

    fn get(&self, object: &str, key: &str) -> Option<&(Option<String>, Option<NaiveDate>)> {
        self.values.get(&(object.to_owned(), key.to_owned()))
    }
}

/// A cell as it came back.
struct Cell {
    row: u32,
    column: u32,
    text: String,
}

fn compare_sheet(
    sheet: &SheetCells,
    sent: &BaseSheet,
    base: &Base,
    current: &Current,
    dictionary: &Dictionary,
    back: &mut Return,
) {
    let place =
        |row: u32, column: u32| format!("{}!{}", sheet.name, name_of(row, u16::try_from(column).unwrap_or(u16::MAX)));
    let cells: BTreeMap<(u32, u32), &str> = sheet
        .rows
        .iter()
        .flat_map(|row| row.cells.iter().map(|cell| ((row.row, cell.column), cell.text.trim())))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let keys_at = cells.iter().find(|((row, _), text)| *row < KEY_ROWS_MAX && **text == KEYS).map(|(at, _)| *at);
    let Some((key_row, key_column)) = keys_at else {
        back.remarks
            .push(format!("工作表“{}”的隐藏行或隐藏列不见了，认不出各行各列，没有采纳其中任何一格", sheet.name));
        return;
    };
    // Columns may have been moved: the hidden row goes with them.
    let mut columns: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for ((_, column), text) in
        cells.range((key_row, 0)..(key_row + 1, 0)).filter(|((_, column), _)| *column != key_column)
    {
        columns.entry(text).or_default().push(*column);
    }
    let is_upright = columns.contains_key(VALUE);
    let asked: BTreeSet<&str> =
        if is_upright { BTreeSet::from([VALUE]) } else { sent.columns.keys().map(String::as_str).collect() };
    let expected = sent.rows.values().flat_map(|values| values.keys()).collect::<BTreeSet<_>>();
    for key in expected.iter().filter(|key| !is_upright && !columns.contains_key(key.as_str())) {
        back.remarks.push(format!("工作表“{}”少了一列“{}”，这一列没有采纳", sheet.name, label_of(sent, key)));
    }
    let refuse = |row: u32,
                  column: u32,
                  object: Option<&str>,
                  key: Option<&str>,
                  text: &str,
                  reason: &str,
                  back: &mut Return| {
        back.cells.push(ReturnedCell {
            place: place(row, column),
            subject: Some(sent.subject.clone()),
            object: object.map(str::to_owned),
            key: key.map(str::to_owned),
            label: key.map(|key| label_of(sent, key)),
            base: None,
            returned: Some(text.to_owned()),
            current: None,
            current_on: None,
            outcome: Outcome::Refused,
            reason: reason.to_owned(),
        });
    };
    let header_row = key_row + 1;
    let rows: BTreeSet<u32> = cells.keys().map(|(row, _)| *row).filter(|row| *row > header_row).collect();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for row in rows {
        let object = cells.get(&(row, key_column)).copied();
        let in_row: Vec<(&str, u32)> = columns
            .iter()
            .filter(|(key, _)| asked.contains(*key))
            .flat_map(|(key, columns)| columns.iter().map(move |column| (*key, *column)))
            .collect();
        let filled = in_row.iter().find_map(|(_, column)| Some((*column, *cells.get(&(row, *column))?)));
        let Some(object) = object else {
            if let Some((column, text)) = filled {
                let reason = "这一行没有隐藏的编号，是新插入的行：新增的人、房、店请在业务系统登记";
                refuse(row, column, None, None, text, reason, back);
            }
            continue;
        };
        // On a sheet of questions the hidden column holds the key, and the object is the community.
        let (object, row_key) = if is_upright { (base.community.as_str(), Some(object)) } else { (object, None) };
        let Some(values) = sent.rows.get(object).filter(|values| row_key.is_none_or(|key| values.contains_key(key)))
        else {
            let (column, text) = filled.unwrap_or((key_column, ""));
            refuse(row, column, None, None, text, "这一行的隐藏编号不是发出的，被改动过", back);
            continue;
        };
        if let Some(first) = seen.insert(row_key.unwrap_or(object), row) {
            let same = in_row.iter().all(|(_, column)| cells.get(&(row, *column)) == cells.get(&(first, *column)));
            if let (Some((column, text)), false) = (filled, same) {
                let reason =
                    format!("与第{}行是同一个编号而内容不同，是复制出来的行；以第{}行为准", first + 1, first + 1);
                refuse(row, column, Some(object), None, text, &reason, back);
            }
            continue;
        }
        for (column_key, column) in in_row {
            let key = row_key.unwrap_or(column_key);
            let Some(sent_value) = values.get(key) else {
                if let Some(text) = cells.get(&(row, column)) {
                    refuse(row, column, Some(object), Some(key), text, "这一格（灰色）不用填", back);
                }
                continue;
            };
            back.prefilled += u64::from(sent_value.is_some());
            let text = cells.get(&(row, column)).copied().unwrap_or_default();
            let is_repeated = columns.get(column_key).is_some_and(|columns| columns.len() > 1);
            let merged = sheet.merges.iter().find(|(top, left, bottom, right)| {
                (*top..=*bottom).contains(&row) && (*left..=*right).contains(&column)
            });
            let fault = if sheet.formulas.contains(&(row, column)) {
                Some("这一格是公式，请粘贴为数值")
            } else if merged.is_some() {
                Some("这一格与别的格合并了，分不清是谁的值，请取消合并")
            } else if is_repeated && !text.is_empty() {
                Some("这一列有两列，分不清以哪一列为准")
            } else {
                None
            };
            if let Some(fault) = fault {
                let is_same = sent_value.as_deref() == Some(text);
                if !text.is_empty() && !is_same {
                    refuse(row, column, Some(object), Some(key), text, fault, back);
                }
                continue;
            }
            let cell = Cell { row, column, text: text.to_owned() };
            let found =
                judge(&cell, key, sent_value.as_deref(), current.get(object, key), sent.columns.get(key), dictionary);
            let Some((outcome, returned, reason)) = found else { continue };
            match sent_value {
                Some(_) => back.changed += 1,
                None => back.added += 1,
            }
            let known = current.get(object, key).cloned().unwrap_or_default();
            back.cells.push(ReturnedCell {
                place: place(cell.row, cell.column),
                subject: Some(sent.subject.clone()),
                object: Some(object.to_owned()),
                key: Some(key.to_owned()),
                label: Some(label_of(sent, key)),
                base: sent_value.clone(),
                returned,
                current: known.0,
                current_on: known.1,
                outcome,
                reason,
            });
        }
    }
    let gone = match is_upright {
        true => sent.rows.values().flat_map(BTreeMap::keys).filter(|key| !seen.contains_key(key.as_str())).count(),
        false => sent.rows.keys().filter(|id| !seen.contains_key(id.as_str())).count(),
    };
    if gone > 0 {
        back.remarks.push(format!("工作表“{}”少了{gone}行，这些行没有改动；要注销的请在业务系统办理", sheet.name));
    }
}

fn label_of(sent: &BaseSheet, key: &str) -> String {
    sent.columns.get(key).map_or_else(|| key.to_owned(), |column| column.label.clone())
}

/// What becomes of a cell; nothing if it says what went out.
fn judge(
    cell: &Cell,
    key: &str,
    base: Option<&str>,
    current: Option<&(Option<String>, Option<NaiveDate>)>,
    column: Option<&BaseColumn>,
    dictionary: &Dictionary,
) -> Option<(Outcome, Option<String>, String)> {
    let element = dictionary.get(key);
    let kind = element.map_or(ColumnKind::Text, |element| element.kind);
    if cell.text.is_empty() {
        return base.map(|_| {
            let reason = "发出时有值，交回时清空了；确实没有的，请在业务系统注销这一项".to_owned();
            (Outcome::Refused, None, reason)
        });
    }
    if base == Some(cell.text.as_str()) {
        return None;
    }
    let value = match normal(&cell.text, kind, key, column, dictionary) {
        Ok(value) => value,
        Err(reason) => return Some((Outcome::Refused, Some(cell.text.clone()), reason)),
    };
    if base.is_some_and(|base| base == value || normal(base, kind, key, column, dictionary).as_ref() == Ok(&value)) {
        return None;
    }
    let Some((now, _)) = current else {
        let reason = "发出以后，库中已没有这个对象，或表单不再要它".to_owned();
        return Some((Outcome::Conflict, Some(value), reason));
    };
    if now.as_deref() == Some(value.as_str()) {
        return Some((Outcome::Accepted, Some(value), "库中已是这个值".to_owned()));
    }
    match now.as_deref() == base {
        true => Some((Outcome::Accepted, Some(value), String::new())),
        false => Some((Outcome::Conflict, Some(value), "发出以后，库中的值也改了".to_owned())),
    }
}

/// A text in the normal form of its kind, or why it has none.
fn normal(
    text: &str,
    kind: ColumnKind,
    key: &str,
    column: Option<&BaseColumn>,
    dictionary: &Dictionary,
) -> std::result::Result<String, String> {
    let text = normalise_text(text);
    if let Some(codes) = dictionary.get(key).and_then(|element| element.codes.as_ref()) {
        return codes.label(&text).map(str::to_owned).ok_or_else(|| format!("不在代码表“{}”内", codes.name));
    }
    match kind {
        ColumnKind::Integer => match text.parse::<f64>() {
            Ok(number) if number.fract() == 0.0 => Ok(number.to_string()),
            _ => Err("应当是整数".to_owned()),
        },
        ColumnKind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number.to_string()),
            _ => Err("应当是数字".to_owned()),
        },
        ColumnKind::Date => {
            let day = parse_date(text.as_bytes()).and_then(|days| {
                NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_signed(chrono::TimeDelta::days(days.into()))
            });
            day.map(|day| day.to_string()).ok_or_else(|| "应当是日期，如2024-06-27".to_owned())
        }
        ColumnKind::Boolean => match parse_boolean(&text) {
            Some(true) => Ok("是".to_owned()),
            Some(false) => Ok("否".to_owned()),
            None => Err("应当填“是”或“否”".to_owned()),
        },
        ColumnKind::Text | ColumnKind::Timestamp => {
            let choices = column.map(|column| column.choices.as_slice()).unwrap_or_default();
            match choices.is_empty() || choices.iter().any(|choice| *choice == *text) {
                true => Ok(text.into_owned()),
                false => Err(format!("应当是{}之一", choices.join("、"))),
            }
        }
    }
}

/// Lands what was accepted: columns of the records in their tables, judged by their contracts, and every cell with its
/// outcome. Cells that a contract refuses become refused. The caller holds the writer's lock.
///
/// # Errors
/// What keeps a table from being landed at all.
pub async fn land(
    back: &mut Return,
    project: &Project,
    contracts: &Arc<Contracts>,
    dictionary: &Dictionary,
    session: &Session,
    moment: Moment,
) -> Result<()> {
    // The date the collection speaks for, at the time of day it is.
    let at = moment.as_of.and_time(moment.now.time());
    for subject in &dictionary.subjects {
        let Some(table) = subject.records.as_ref().and_then(|records| records.table.clone()) else { continue };
        let mut changes: BTreeMap<String, Vec<(usize, String, String)>> = BTreeMap::new();
        for (order, cell) in back.cells.iter().enumerate() {
            let is_new = cell.outcome == Outcome::Accepted && cell.current != cell.returned;
            let landed = cell.key.as_deref().and_then(|key| dictionary.lands_in(dictionary.get(key)?));
            let landed = landed.filter(|source| is_new && source.relation == table);
            if let (Some(source), Some(object), Some(value)) = (landed, &cell.object, &cell.returned) {
                changes.entry(object.clone()).or_default().push((order, source.column.clone(), value.clone()));
            }
        }
        if changes.is_empty() {
            continue;
        }
        let objects: Vec<&String> = changes.keys().collect();
        let key = subject.records.as_ref().map(|records| records.key.clone()).unwrap_or_default();
        let mut rows = stored_rows(session, contracts, &table, &key, &objects).await?;
        for (object, row) in &mut rows {
            for (_, column, value) in changes.get(object).into_iter().flatten() {
                row.insert(column.clone(), json!(value));
            }
            if let Some(version) =
                contracts.get(&table).and_then(|contract| Some(&contract.columns[contract.version_column?]))
            {
                row.insert(version.name.clone(), json!(at.format("%Y-%m-%d %H:%M:%S").to_string()));
            }
        }
        let in_order: Vec<(String, Value)> =
            rows.into_iter().map(|(object, row)| (object, Value::Object(row))).collect();
        let name = format!("{table}_采集_{}", &back.hash[..16]);
        let lines: Vec<Value> = in_order.iter().map(|(_, row)| row.clone()).collect();
        let delivery = deliver(project, contracts, moment, &table, &name, &lines).await?;
        let refused = match &delivery.outcome {
            Landing::Rejected { problem } => return Err((**problem).clone()),
            Landing::Landed { batch } if batch.quarantined > 0 => {
                let quarantine = landing::read_quarantine(&project.warehouse()).await?;
                quarantine.into_iter().filter(|row| row.batch_id == batch.batch_id).collect()
            }
            _ => Vec::new(),
        };
        for row in refused {
            let at = usize::try_from(row.line).unwrap_or(0).saturating_sub(1);
            let Some((object, _)) = in_order.get(at) else { continue };
            for (order, _, _) in changes.get(object).into_iter().flatten() {
                let cell = &mut back.cells[*order];
                cell.outcome = Outcome::Refused;
                cell.reason = row.reason.clone();
            }
        }
    }
    record(back, project, contracts, moment, at).await
}

/// Rows of a table as they are stored, as texts, by key.
async fn stored_rows(
    session: &Session,
    contracts: &Contracts,
    table: &str,
    key: &str,
    objects: &[&String],
) -> Result<BTreeMap<String, Map<String, Value>>> {
    let doing = "reading the rows that were changed";
    let mut rows = BTreeMap::new();
    let Some(contract) = contracts.get(table) else { return Ok(rows) };
    let columns: Vec<&str> = contract.columns.iter().map(|column| column.name.as_str()).collect();
    let listed: Vec<String> = objects.iter().map(|object| format!("'{}'", object.replace('\'', "''"))).collect();
    let selected: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let sql = format!("SELECT {} FROM {table} WHERE {} IN ({})", selected.join(", "), quoted(key), listed.join(", "));
    for batch in session.fetch(&sql).await? {
        let mut texts = Vec::new();
        for column in batch.columns() {
            texts.push(cast(column, &DataType::Utf8).doing(doing)?);
        }
        for row in 0..batch.num_rows() {
            let mut object = Map::new();
            for (name, column) in columns.iter().zip(&texts) {
                let column = column.as_string::<i32>();
                let value = if column.is_null(row) { Value::Null } else { json!(column.value(row)) };
                object.insert((*name).to_owned(), value);
            }
            if let Some(id) = object.get(key).and_then(Value::as_str) {
                rows.insert(id.to_owned(), object);
            }
        }
    }
    Ok(rows)
}

/// Lands the cells with their outcomes, and the return itself, last: it says that all of it was dealt with.
async fn record(
    back: &Return,
    project: &Project,
    contracts: &Arc<Contracts>,
    moment: Moment,
    at: NaiveDateTime,
) -> Result<()> {
    let file = back.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let at = at.format("%Y-%m-%d %H:%M:%S").to_string();
    let cells = back.cells.iter().map(|cell| {
        json!({
            "file_hash": back.hash, "place": cell.place, "file": file, "sheet_id": back.sheet_id,
            "community_code": back.community, "subject": cell.subject, "object_id": cell.object, "element": cell.key,
            "element_label": cell.label, "base_value": cell.base, "returned_value": cell.returned,
            "current_value": cell.current, "current_at": cell.current_on.map(|date| date.to_string()),
            "outcome": cell.outcome.label(), "reason": (!cell.reason.is_empty()).then_some(&cell.reason), "returned_at": at,
        })
    });
    let summary = json!({
        "file_hash": back.hash, "file": file, "sheet_id": back.sheet_id, "community_code": back.community,
        "returned_at": at, "prefilled_cell_count": back.prefilled, "changed_cell_count": back.changed,
        "added_cell_count": back.added, "accepted_cell_count": back.count(Outcome::Accepted),
        "conflict_cell_count": back.count(Outcome::Conflict), "refused_cell_count": back.count(Outcome::Refused),
    });
    // A decision adds nothing to what came back.
    let returns = if back.is_decision { Vec::new() } else { vec![summary] };
    let tables = [("collected_cells", cells.collect()), ("collection_returns", returns)];
    land_rows(project, contracts, moment, &tables).await.map(|_| ())
}

/// Whether a file was handed in and dealt with before.
///
/// # Errors
/// The warehouse cannot be read.
pub async fn is_known(session: &Session, hash: &str) -> Result<bool> {
    let sql = format!("SELECT file_hash FROM collection_returns WHERE file_hash = '{hash}'");
    Ok(session.fetch(&sql).await?.iter().any(|batch| batch.num_rows() > 0))
}
