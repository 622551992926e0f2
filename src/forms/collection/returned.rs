//! Collection sheets that came back: each cell compared with what went out and with what is known now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;

use super::super::elements::Dictionary;
use super::super::file::Form;
use super::super::fill::{Community, communities, grids};
use super::base::{Base, BaseSheet, base};
use super::decision::{ANSWERED, TAKE_CURRENT, TAKE_RETURNED};
use super::judged::{Asked, Known, confirmed, judged};
use super::needs::{CellNeed, Needs, needs};
use super::sheet::{CHECKED, FORMAT, IDENTITY_SHEET, KEYS, Shown, VALUE, shown_values};
use crate::contract::{normalise_text, parse_boolean};
use crate::diagnostic::{Context as _, Diagnostic, Result};
use crate::project::Project;
use crate::query::Session;
use crate::report::name_of;
use crate::source::{self, Limits, SheetCells};

/// The row of keys stands near the top, wherever rows were put in above it.
const KEY_ROWS_MAX: u32 = 30;

/// What became of a cell that differs from what went out, or was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Accepted,
    /// Old when it went out, looked at, and still right.
    Confirmed,
    /// Both sides changed it; a person decides.
    Conflict,
    Refused,
}

impl Outcome {
    pub fn label(self) -> &'static str {
        match self {
            Self::Accepted => "采纳",
            Self::Confirmed => "核实",
            Self::Conflict => "冲突",
            Self::Refused => "退回",
        }
    }

    /// Whether what came back counts from now on.
    pub fn is_taken(self) -> bool {
        matches!(self, Self::Accepted | Self::Confirmed)
    }
}

/// A cell that differs from what went out, or was looked at.
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
    pub current_at: Option<NaiveDateTime>,
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

pub(super) fn identity(sheets: &[SheetCells]) -> BTreeMap<String, String> {
    let Some(sheet) = sheets.iter().find(|sheet| sheet.name == IDENTITY_SHEET) else { return BTreeMap::new() };
    let pairs = sheet.rows.iter().filter_map(|row| match row.cells.as_slice() {
        [key, value, ..] => Some((key.text.clone(), value.text.clone())),
        _ => None,
    });
    pairs.collect()
}

/// What is known now, by object and key.
struct Current {
    values: HashMap<(String, String), Known>,
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
                for (ask, cell) in &object.cells {
                    let ask = &subject.asks[usize::from(*ask)];
                    let value = match cell {
                        CellNeed::Missing => (None, None),
                        CellNeed::Known(text, time) => (Some(text.to_string()), *time),
                        CellNeed::Old(text, time) => (Some(text.to_string()), Some(*time)),
                    };
                    values.insert((object.id.clone(), ask.key.clone()), value);
                }
            }
        }
        Ok(Self { values })
    }

    fn get(&self, object: &str, key: &str) -> Option<&Known> {
        self.values.get(&(object.to_owned(), key.to_owned()))
    }
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
    let checked = columns.remove(CHECKED).unwrap_or_default();
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
            current_at: None,
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
        let filled = || in_row.iter().filter_map(|(_, column)| Some((*column, *cells.get(&(row, *column))?)));
        let Some(object) = object else {
            let reason = "这一行没有隐藏的编号，是新插入的行：新增的人、房、店请在业务系统登记";
            filled().for_each(|(column, text)| refuse(row, column, None, None, text, reason, back));
            continue;
        };
        // On a sheet of questions the hidden column holds the key, and the object is the community.
        let (object, row_key) = if is_upright { (base.community.as_str(), Some(object)) } else { (object, None) };
        let Some(values) = sent.rows.get(object).filter(|values| row_key.is_none_or(|key| values.contains_key(key)))
        else {
            let reason = "这一行的隐藏编号不是发出的，被改动过";
            filled().for_each(|(column, text)| refuse(row, column, None, None, text, reason, back));
            continue;
        };
        if let Some(first) = seen.get(row_key.unwrap_or(object)).copied() {
            let reason = format!("与第{}行是同一个编号而内容不同，是复制出来的行；以第{}行为准", first + 1, first + 1);
            let differing = filled().filter(|(column, text)| cells.get(&(first, *column)) != Some(text));
            differing.for_each(|(column, text)| refuse(row, column, Some(object), None, text, &reason, back));
            continue;
        }
        seen.insert(row_key.unwrap_or(object), row);
        let mut is_checked = false;
        for (column, text) in checked.iter().filter_map(|column| Some((*column, *cells.get(&(row, *column))?))) {
            match parse_boolean(&normalise_text(text)) {
                Some(said) => is_checked |= said,
                None => refuse(row, column, Some(object), None, text, "这一栏只填“是”：橙色的值核对后仍对", back),
            }
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
            let is_confirmed = is_checked && sent.old.get(object).is_some_and(|keys| keys.contains(key));
            if let Some(fault) = fault {
                let is_same = sent_value.as_deref() == Some(text);
                if !text.is_empty() && (!is_same || is_confirmed) {
                    refuse(row, column, Some(object), Some(key), text, fault, back);
                }
                continue;
            }
            let asked = Asked { key, base: sent_value.as_deref(), column: sent.columns.get(key) };
            let now = current.get(object, key);
            let found = judged(&asked, text, now, dictionary);
            if found.is_some() {
                match sent_value {
                    Some(_) => back.changed += 1,
                    None => back.added += 1,
                }
            }
            let found = found.or_else(|| is_confirmed.then(|| confirmed(&asked, now, base.issued_on)).flatten());
            let Some((outcome, returned, reason)) = found else { continue };
            let known = now.cloned().unwrap_or_default();
            back.cells.push(ReturnedCell {
                place: place(row, column),
                subject: Some(sent.subject.clone()),
                object: Some(object.to_owned()),
                key: Some(key.to_owned()),
                label: Some(label_of(sent, key)),
                base: sent_value.clone(),
                returned,
                current: known.0,
                current_at: known.1,
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
