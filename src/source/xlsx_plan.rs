//! Which sheets of a workbook are read, and how their columns go together. Chosen from the top rows of every sheet,
//! before any other row is read; knows nothing of the library or of files.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Limits, OpenOptions, SourceError, header};

/// The top of one sheet.
pub(super) struct SheetHead {
    pub(super) name: String,
    /// Sheet row numbers from 1, and the cells of non-empty rows.
    pub(super) lines: Vec<u32>,
    pub(super) rows: Vec<Vec<String>>,
}

/// What to read of one sheet.
pub(super) struct SheetPlan {
    pub(super) name: Arc<str>,
    /// The name, if there are others beside it.
    pub(super) part: Option<Arc<str>>,
    /// Rows up to this one are header.
    pub(super) last_header_line: u32,
    /// For each column of the sheet, its place in the batch.
    pub(super) columns: Vec<Option<usize>>,
}

pub(super) struct Plan {
    pub(super) sheets: Vec<SheetPlan>,
    pub(super) schema: SchemaRef,
    pub(super) limits: Limits,
    pub(super) has_formulas: bool,
}

pub(super) struct Planned {
    pub(super) header: Vec<String>,
    pub(super) header_line: u32,
    pub(super) remarks: Vec<String>,
    pub(super) plan: Plan,
}

/// Chooses the sheets and how their columns go together.
pub(super) fn plan(heads: &[SheetHead], options: &OpenOptions<'_>, has_formulas: bool) -> Result<Planned, SourceError> {
    let found: Vec<(&SheetHead, header::Found)> =
        heads.iter().filter_map(|h| Some((h, header::find(&h.rows, options.is_known_column)?))).collect();
    let best = found.iter().map(|(_, f)| f.known).max().ok_or(SourceError::NoHeader)?;
    // One known word may stand on any sheet of notes.
    let is_chosen = |f: &header::Found| f.known >= best.clamp(1, 2);
    let mut chosen: Vec<&(&SheetHead, header::Found)> = found.iter().filter(|(_, f)| is_chosen(f)).collect();
    if chosen.is_empty() {
        // No known name at all: the contract will say what is missing.
        chosen.extend(found.first());
    }
    let Some((first_head, first)) = chosen.first().map(|c| (c.0, &c.1)) else { return Err(SourceError::NoHeader) };

    let remarks = if first.known == 0 { Vec::new() } else { left_out(&found, is_chosen, first.names.len())? };

    let mut names: Vec<String> = first.names.clone();
    let mut place: HashMap<(&str, usize), usize> =
        numbered(&first.names).enumerate().map(|(column, name)| (name, column)).collect();
    let mut sheets = Vec::new();
    for (index, (head, found)) in chosen.iter().enumerate() {
        check_sheet(head, found, index > 0, options.is_known_column)?;
        let shared = found.names.iter().filter(|n| place.contains_key(&(n.as_str(), 0))).count();
        if shared * 2 < found.names.len() {
            let sheets = chosen.iter().map(|(h, _)| format!("`{}`", h.name)).collect();
            return Err(SourceError::SeveralTables { sheets });
        }
        let columns = numbered(&found.names).enumerate().map(|(column, name)| {
            if index == 0 {
                return Some(column);
            }
            (!name.0.is_empty()).then(|| {
                *place.entry(name).or_insert_with(|| {
                    names.push(name.0.to_owned());
                    names.len() - 1
                })
            })
        });
        let last_header_line = head.lines[found.data - 1];
        let name: Arc<str> = head.name.as_str().into();
        let part = (chosen.len() > 1).then(|| name.clone());
        sheets.push(SheetPlan { name, part, last_header_line, columns: columns.collect() });
    }
    options.limits.check_columns(names.len(), first_head.lines[first.first])?;
    let fields: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
    let plan = Plan { sheets, schema: Arc::new(Schema::new(fields)), limits: options.limits, has_formulas };
    Ok(Planned { header: names, header_line: first_head.lines[first.first], remarks, plan })
}

/// Refuses a sheet on which rows or values would be lost without a word.
fn check_sheet(
    head: &SheetHead,
    found: &header::Found,
    is_later: bool,
    is_known: &dyn Fn(&str) -> bool,
) -> Result<(), SourceError> {
    let sheet = head.name.clone();
    if let Some(above) = found.table_above {
        let (first, second) = (head.lines[above], head.lines[found.first]);
        return Err(SourceError::StackedTables { sheet: Some(sheet), first, second });
    }
    // The first sheet's header is the delivery's, and the contract refuses names that repeat in it.
    let mut later = numbered(&found.names).filter(|_| is_later);
    match later.find(|(name, earlier)| *earlier > 0 && header::is_known_name(name, is_known)) {
        Some((name, _)) => {
            // What stands over the last part of a path may be anything.
            let shown = if is_known(name) { name } else { name.rsplit('/').next().unwrap_or_default() };
            Err(SourceError::RepeatedColumn { sheet, column: shown.to_owned() })
        }
        None => Ok(()),
    }
}

/// Names with how many columns to their left have the same: the second `op` of a sheet is not its first.
fn numbered(names: &[String]) -> impl Iterator<Item = (&str, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    names.iter().map(move |name| {
        let count = counts.entry(name.as_str()).or_default();
        *count += 1;
        (name.as_str(), *count - 1)
    })
}

/// Names the sheets that are not read. One on which the table seems to go on, without a header, is an error: its rows
/// would be lost without a word.
fn left_out(
    found: &[(&SheetHead, header::Found)],
    is_chosen: impl Fn(&header::Found) -> bool,
    width: usize,
) -> Result<Vec<String>, SourceError> {
    let others: Vec<&SheetHead> = found.iter().filter(|(_, f)| !is_chosen(f)).map(|(head, _)| *head).collect();
    // The last columns of a table are often empty; notes have one text to a line.
    let is_fitting = |row: &&Vec<String>| {
        let filled = row.iter().filter(|cell| !cell.is_empty()).count();
        filled > 1 && row.len() <= width && row.len() * 2 >= width
    };
    let is_continued = |head: &&&SheetHead| {
        let fitting = head.rows.iter().filter(is_fitting).count();
        width > 1 && fitting * 2 > head.rows.len()
    };
    if let Some(head) = others.iter().find(is_continued) {
        return Err(SourceError::ContinuedTable { sheet: head.name.clone() });
    }
    let names: Vec<String> = others.iter().map(|head| format!("`{}`", head.name)).collect();
    match names.as_slice() {
        [] => Ok(Vec::new()),
        names => Ok(vec![format!("sheets without a known header were left out: {}", names.join(", "))]),
    }
}
