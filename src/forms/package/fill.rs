//! A sheet written with values, marks and grown lists. Rows and cells that stay are copied as they are written.

use chrono::NaiveDate;
use unicode_width::UnicodeWidthStr as _;

use super::number_formats::{Content, Room};
use super::references::{Area, Areas, Extend, Grown, ROWS_MAX, cell_name, copied, moved_row, rewritten};
use super::sheet::{Cell, Formula, FormulaKind, Row, Sheet};
use super::sites::Growths;
use super::styles::{Styles, Variants};
use super::xml::{Broken, Edits, Parsed, escaped_text};
use super::{Mark, Value};

/// All formulas of a sheet, shared ones written out.
const FORMULA_BYTES_MAX: usize = 256 << 20;
/// `2024-06-27`, in signs.
const DAY_WIDTH: usize = 10;
/// What a value has that is not known.
const OTHER_WIDTH: usize = 4;

/// What goes into one cell. Row and column are those after growth, the first of a merged area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'f> {
    pub(super) row: u32,
    pub(super) column: u32,
    /// Of the merged area.
    pub(super) room: Room,
    pub(super) value: Option<&'f Value>,
    pub(super) mark: Option<&'f Mark>,
}

/// What is to be known to write one sheet.
pub(super) struct Filling<'a, 's> {
    pub(super) sheet: &'a Sheet,
    pub(super) own: usize,
    pub(super) growths: &'a Growths<'a>,
    pub(super) styles: &'a Styles,
    pub(super) variants: &'a mut Variants<'s>,
    pub(super) is_1904: bool,
    /// Whether its formulas may name rows that have moved.
    pub(super) moves: bool,
    /// Whether results of its formulas may have changed.
    pub(super) is_stale: bool,
    pub(super) formula_bytes: usize,
}

/// Merged areas after growth: those of the template, in its order, then copies for new rows.
pub(super) fn grown_merges(sheet: &Sheet, grown: &[Grown]) -> Areas {
    let moved = |area: &Area| {
        // A label beside the whole list stays beside it.
        let is_beside =
            |list: &&Grown| area.last.0 == list.last && area.first.0 <= list.first && area.first.0 < area.last.0;
        let last = moved_row(area.last.0, grown) + grown.iter().find(is_beside).map_or(0, |list| list.by);
        Area { first: (moved_row(area.first.0, grown), area.first.1), last: (last, area.last.1) }
    };
    let mut areas: Vec<Area> = sheet.merges.iter().map(|(area, _)| moved(area)).collect();
    for list in grown {
        let start = moved_row(list.last, grown);
        let is_inside = |area: &&Area| area.first.0 == list.last && area.last.0 == list.last;
        for area in sheet.merges.iter().map(|(area, _)| area).filter(is_inside) {
            let copy = |row| Area { first: (row, area.first.1), last: (row, area.last.1) };
            areas.extend((start + 1..=start + list.by).map(copy));
        }
    }
    Areas::new(areas)
}

fn edit_merges(sheet: &Sheet, merges: &Areas, edits: &mut Edits) {
    for (area, (before, at)) in merges.list.iter().zip(&sheet.merges) {
        if area != before {
            edits.replace(at.clone(), area.name());
        }
    }
    let copies = &merges.list[sheet.merges.len()..];
    if !copies.is_empty() {
        let tag = |area: &Area| format!("<{}mergeCell ref=\"{}\"/>", sheet.prefix, area.name());
        edits.insert(sheet.merges_end, copies.iter().map(tag).collect::<String>());
        if let Some(at) = sheet.merges_count.clone() {
            edits.replace(at, merges.list.len().to_string());
        }
    }
}

impl Filling<'_, '_> {
    /// The changes of the part. `placed` are in order of rows, then columns, each cell once.
    pub(super) fn edits(&mut self, placed: &[Placed<'_>], merges: &Areas) -> Parsed<Edits> {
        let mut edits = Edits::default();
        for site in &self.sheet.sites {
            site.rewrite(&self.sheet.text, self.growths, &mut edits)?;
        }
        edit_merges(self.sheet, merges, &mut edits);
        self.dimension(placed, &mut edits);
        let rows = self.rows(placed)?;
        let data = self.sheet.data.clone();
        if self.sheet.data_is_empty {
            if !rows.is_empty() {
                let name = format!("{}sheetData", self.sheet.prefix);
                edits.replace(data, format!("<{name}>{rows}</{name}>"));
            }
        } else {
            edits.replace(data, rows);
        }
        Ok(edits)
    }

    fn dimension(&self, placed: &[Placed<'_>], edits: &mut Edits) {
        let Some(at) = self.sheet.dimension.clone() else { return };
        let text = &self.sheet.text[at.clone()];
        let Some(before) = Area::parse(text) else { return };
        let mut area = before;
        let grown = self.growths.on(Some(self.own));
        let is_last = |grown: &&Grown| grown.last == area.last.0;
        let more = grown.iter().find(is_last).map_or(0, |grown| grown.by);
        area.first.0 = moved_row(area.first.0, grown);
        area.last.0 = moved_row(area.last.0, grown) + more;
        for cell in placed {
            area.first = (area.first.0.min(cell.row), area.first.1.min(cell.column));
            area.last = (area.last.0.max(cell.row), area.last.1.max(cell.column));
        }
        if area != before {
            edits.replace(at, area.name());
        }
    }

    fn rows(&mut self, placed: &[Placed<'_>]) -> Parsed<String> {
        let sheet = self.sheet;
        let grown = self.growths.on(Some(self.own));
        let mut out = String::with_capacity(sheet.data.len() + placed.len() * 48);
        let mut rest = placed;
        let mut done = if sheet.data_is_empty { sheet.data.end } else { sheet.data.start };
        for row in &sheet.rows {
            let number = moved_row(row.number, grown);
            self.new_rows(number, &mut rest, &mut out)?;
            out.push_str(&sheet.text[done..row.at.start]);
            done = row.at.end;
            let here = take_row(number, &mut rest);
            let has_work = !here.is_empty()
                || number != row.number
                || (row.number_at.is_none() && !placed.is_empty())
                || ((self.is_stale || self.moves) && row.cells.iter().any(|cell| self.is_computed(row, cell)));
            if has_work {
                self.row(row, number, 0, here, &mut out)?;
            } else {
                out.push_str(&sheet.text[row.at.clone()]);
            }
            for list in grown.iter().filter(|list| list.last == row.number) {
                for copy in 1..=list.by {
                    let here = take_row(number + copy, &mut rest);
                    self.row(row, number + copy, copy, here, &mut out)?;
                }
            }
        }
        self.new_rows(ROWS_MAX, &mut rest, &mut out)?;
        if !sheet.data_is_empty {
            out.push_str(&sheet.text[done..sheet.data.end]);
        }
        Ok(out)
    }

    /// Rows before `end` that the template does not write.
    fn new_rows(&mut self, end: u32, rest: &mut &[Placed<'_>], out: &mut String) -> Parsed<()> {
        while let Some(first) = rest.first().filter(|first| first.row < end) {
            let here = take_row(first.row, rest);
            let prefix = &self.sheet.prefix;
            out.push_str(&format!("<{prefix}row r=\"{}\">", first.row + 1));
            for placed in here {
                self.new_cell(None, placed, out)?;
            }
            out.push_str(&format!("</{prefix}row>"));
        }
        Ok(())
    }

    /// A row of the template at its new place, or the `copy`th copy of it.
    fn row(&mut self, row: &Row, number: u32, copy: u32, placed: &[Placed<'_>], out: &mut String) -> Parsed<()> {
        let sheet = self.sheet;
        let mut tag = Edits::default();
        match row.number_at.clone() {
            Some(at) => tag.replace(at, (number + 1).to_string()),
            None => tag.insert(row.name_end, format!(" r=\"{}\"", number + 1)),
        }
        if let Some((at, spans)) =
            row.spans_at.clone().and_then(|at| Some((at.clone(), spans(&sheet.text[at], placed)?)))
        {
            tag.replace(at, spans);
        }
        let opens = row.is_empty && !placed.is_empty();
        if opens {
            tag.replace(row.tag_end - 2..row.tag_end, ">");
        }
        tag.write(&sheet.text, row.at.start..row.tag_end, out);
        let mut rest = placed;
        let mut done = row.tag_end;
        for cell in &row.cells {
            while let Some((first, others)) = rest.split_first().filter(|(first, _)| first.column < cell.column) {
                self.new_cell(Some(row), first, out)?;
                rest = others;
            }
            if copy == 0 {
                out.push_str(&sheet.text[done..cell.at.start]);
            }
            done = cell.at.end;
            let here = rest.split_first().filter(|(first, _)| first.column == cell.column);
            if let Some((_, others)) = here {
                rest = others;
            }
            self.cell(row, cell, number, copy, here.map(|(placed, _)| placed), out)?;
        }
        for placed in rest {
            self.new_cell(Some(row), placed, out)?;
        }
        if opens {
            out.push_str(&format!("</{}row>", sheet.prefix));
        } else if copy == 0 {
            out.push_str(&sheet.text[done..row.at.end]);
        } else if !row.is_empty {
            out.push_str(&format!("</{}row>", sheet.prefix));
        }
        Ok(())
    }

    fn is_computed(&self, row: &Row, cell: &Cell) -> bool {
        cell.formula.is_some() || self.sheet.arrays.around(row.number, cell.column).is_some()
    }

    /// A cell that the template writes, with what is placed there. A formula stays what it is.
    fn cell(
        &mut self,
        row: &Row,
        cell: &Cell,
        number: u32,
        copy: u32,
        placed: Option<&Placed<'_>>,
        out: &mut String,
    ) -> Parsed<()> {
        let sheet = self.sheet;
        let name = cell_name(number, cell.column);
        let is_computed = self.is_computed(row, cell);
        let formula = cell.formula.map(|index| &sheet.formulas[index]);
        let copied_formula =
            if copy > 0 { formula.map(|f| self.formula_copy(f, copy)).transpose()?.flatten() } else { None };
        let holds_formula = if copy > 0 { copied_formula.is_some() } else { is_computed };
        if let Some((placed, value)) = placed.and_then(|p| Some((p, p.value?))).filter(|_| !holds_formula) {
            let style = self.style_for(cell.style, value, placed)?;
            self.value(&name, cell.style, style, value, out);
            return Ok(());
        }
        let is_blank_copy = copy > 0 && copied_formula.is_none();
        let kind = cell.kind_at.clone().map_or("n", |at| &sheet.text[at]);
        let is_text = matches!(kind, "s" | "str" | "inlineStr") && !is_blank_copy;
        let content = if is_text { Content::Text } else { Content::Number };
        let style = match placed.and_then(|placed| Some((placed, placed.mark?))) {
            Some((placed, mark)) => self.variants.marked(cell.style, mark, content, OTHER_WIDTH, placed.room)?,
            None => cell.style,
        };
        if copy > 0 {
            let formula = copied_formula.unwrap_or_default();
            self.element(&name, style, "", &formula, out);
            return Ok(());
        }
        let mut edits = Edits::default();
        match cell.place_at.clone() {
            Some(at) if sheet.text[at.clone()] != name => edits.replace(at, name),
            Some(_) => {}
            None => edits.insert(cell.name_end, format!(" r=\"{name}\"")),
        }
        if style != cell.style {
            match cell.style_at.clone() {
                Some(at) => edits.replace(at, style.to_string()),
                None => edits.insert(cell.name_end, format!(" s=\"{style}\"")),
            }
        }
        if let Some(formula) = formula {
            self.formula(formula, &mut edits)?;
        }
        if is_computed && self.is_stale {
            if let Some(at) = cell.value_at.clone() {
                edits.replace(at, "");
            }
            // An error or a text without its value would be none.
            if let Some(at) = cell.kind_at.clone().filter(|_| kind != "n") {
                edits.replace(at, "n");
            }
        }
        edits.write(&sheet.text, cell.at.clone(), out);
        Ok(())
    }

    /// A cell that the template does not write.
    fn new_cell(&mut self, row: Option<&Row>, placed: &Placed<'_>, out: &mut String) -> Parsed<()> {
        let name = cell_name(placed.row, placed.column);
        let style = self.sheet.style_of_blank(row, placed.column);
        match (placed.value, placed.mark) {
            (Some(value), _) => {
                let marked = self.style_for(style, value, placed)?;
                self.value(&name, style, marked, value, out);
            }
            (None, Some(mark)) => {
                let style = self.variants.marked(style, mark, Content::Number, OTHER_WIDTH, placed.room)?;
                self.element(&name, style, "", "", out);
            }
            (None, None) => {}
        }
        Ok(())
    }

    fn style_for(&mut self, style: u32, value: &Value, placed: &Placed<'_>) -> Parsed<u32> {
        let Some(mark) = placed.mark else { return Ok(style) };
        let (content, width) = match value {
            Value::Number(number) => (Content::Number, number.len()),
            Value::Date(date) if self.serial(style, *date).is_some() => (Content::Number, DAY_WIDTH),
            Value::Date(_) => (Content::Text, DAY_WIDTH),
            Value::Text(text) => (Content::Text, text.width()),
            Value::Picture(_) => (Content::Text, 0),
        };
        self.variants.marked(style, mark, content, width, placed.room)
    }

    /// A day as the number that stands for it, where the format shows it as a day.
    fn serial(&self, style: u32, date: NaiveDate) -> Option<i64> {
        self.styles.shows_dates(style).then(|| serial(date, self.is_1904)).flatten()
    }

    /// `own` is the format without a mark.
    fn value(&self, name: &str, own: u32, style: u32, value: &Value, out: &mut String) {
        let prefix = &self.sheet.prefix;
        let number = |number: &dyn std::fmt::Display| format!("<{prefix}v>{number}</{prefix}v>");
        let text = |text: &str| {
            let keep = if text.starts_with(char::is_whitespace)
                || text.ends_with(char::is_whitespace)
                || text.contains(['\n', '\t'])
            {
                " xml:space=\"preserve\""
            } else {
                ""
            };
            format!("<{prefix}is><{prefix}t{keep}>{}</{prefix}t></{prefix}is>", escaped_text(&literal(text)))
        };
        const TEXT: &str = " t=\"inlineStr\"";
        match value {
            Value::Number(value) => self.element(name, style, "", &number(value), out),
            Value::Date(date) => match self.serial(own, *date) {
                Some(value) => self.element(name, style, "", &number(&value), out),
                None => self.element(name, style, TEXT, &text(&date.format("%Y-%m-%d").to_string()), out),
            },
            Value::Text(value) if value.is_empty() => self.element(name, style, "", "", out),
            Value::Text(value) => self.element(name, style, TEXT, &text(value), out),
            Value::Picture(_) => self.element(name, style, "", "", out),
        }
    }

    fn element(&self, name: &str, style: u32, kind: &str, content: &str, out: &mut String) {
        let prefix = &self.sheet.prefix;
        out.push_str(&format!("<{prefix}c r=\"{name}\""));
        if style != 0 {
            out.push_str(&format!(" s=\"{style}\""));
        }
        out.push_str(kind);
        if content.is_empty() {
            out.push_str("/>");
        } else {
            out.push_str(&format!(">{content}</{prefix}c>"));
        }
    }

    /// A formula where its references have moved. Shared ones are written out, for their followers may move differently.
    fn formula(&mut self, formula: &Formula, edits: &mut Edits) -> Parsed<()> {
        if !self.moves {
            return Ok(());
        }
        let text = self.text_of(formula)?;
        if text.is_empty() {
            return Ok(());
        }
        let moved = self.growths.moved(&text, Some(self.own), Extend::List { row: Some(formula.row) });
        let prefix = &self.sheet.prefix;
        match &formula.kind {
            FormulaKind::Shared(_) => {
                let text = escaped_text(&moved.unwrap_or(text));
                edits.replace(formula.at.clone(), format!("<{prefix}f>{text}</{prefix}f>"));
            }
            FormulaKind::Plain | FormulaKind::Array(_) => {
                if let Some(moved) = moved {
                    edits.replace(formula.inside.clone(), escaped_text(&moved));
                }
            }
        }
        if let FormulaKind::Array(places) = &formula.kind {
            for (_, at) in places {
                if let Some(moved) = self.growths.moved(&self.sheet.text[at.clone()], Some(self.own), Extend::Never) {
                    edits.replace(at.clone(), moved);
                }
            }
        }
        Ok(())
    }

    /// The `f` element of a copy some rows below; none for one that fills several cells.
    fn formula_copy(&mut self, formula: &Formula, rows: u32) -> Parsed<Option<String>> {
        let mut kind = String::new();
        if let FormulaKind::Array(places) = &formula.kind {
            let number = moved_row(formula.row, self.growths.on(Some(self.own))) + rows;
            let of_one = |(name, at): &(&str, std::ops::Range<usize>)| {
                *name == "ref" && Area::parse(&self.sheet.text[at.clone()]).is_some_and(|area| area.first == area.last)
            };
            if places.len() != 1 || !places.iter().all(of_one) {
                return Ok(None);
            }
            kind = format!(" t=\"array\" ref=\"{}\"", cell_name(number, formula.column));
        }
        let text = self.text_of(formula)?;
        if text.is_empty() {
            return Ok(None);
        }
        let moved = self.growths.moved(&text, Some(self.own), Extend::List { row: Some(formula.row) }).unwrap_or(text);
        let copy = rewritten(&moved, |_, reference| Some(Some(copied(reference, i64::from(rows), 0)))).unwrap_or(moved);
        let prefix = &self.sheet.prefix;
        Ok(Some(format!("<{prefix}f{kind}>{}</{prefix}f>", escaped_text(&copy))))
    }

    fn text_of(&mut self, formula: &Formula) -> Parsed<String> {
        let text = self.sheet.formula_text(formula);
        self.formula_bytes += text.len();
        if self.formula_bytes > FORMULA_BYTES_MAX {
            return Err(Broken("its formulas are too long together"));
        }
        Ok(text)
    }
}

fn take_row<'p, 'f>(number: u32, rest: &mut &'p [Placed<'f>]) -> &'p [Placed<'f>] {
    let length = rest.iter().take_while(|placed| placed.row == number).count();
    let (here, others) = rest.split_at(length);
    *rest = others;
    here
}

/// The columns a row says it uses, with new ones; none if it says so already.
fn spans(text: &str, placed: &[Placed<'_>]) -> Option<String> {
    let bounds = text.split_ascii_whitespace().filter_map(|span| span.split_once(':'));
    let bounds: Vec<(u32, u32)> = bounds.filter_map(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))).collect();
    let columns = || placed.iter().map(|placed| placed.column + 1);
    if columns().all(|column| bounds.iter().any(|(first, last)| (*first..=*last).contains(&column))) {
        return None;
    }
    let first = bounds.iter().map(|(first, _)| *first).chain(columns()).min()?;
    let last = bounds.iter().map(|(_, last)| *last).chain(columns()).max()?;
    Some(format!("{first}:{last}"))
}

/// Days since the epoch of the workbook; none before it. The year 1900 counts as a leap year, as it always has.
fn serial(date: NaiveDate, is_1904: bool) -> Option<i64> {
    let epoch = if is_1904 { NaiveDate::from_ymd_opt(1904, 1, 1)? } else { NaiveDate::from_ymd_opt(1899, 12, 30)? };
    let days = date.signed_duration_since(epoch).num_days();
    match is_1904 {
        true => (days >= 0).then_some(days),
        false if days > 60 => Some(days),
        false => (days > 1).then_some(days - 1),
    }
}

/// A text as spreadsheet programs read it back: `_x0041_` would become `A`, and a carriage return is one of its own.
pub(super) fn literal(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(text.len());
    for (at, sign) in text.char_indices() {
        let code = text.as_bytes().get(at..at + 7);
        let is_code = sign == '_'
            && code
                .is_some_and(|code| code[1] == b'x' && code[6] == b'_' && code[2..6].iter().all(u8::is_ascii_hexdigit));
        out.push_str(if is_code { "_x005F_" } else { "" });
        if !is_code {
            out.push(sign);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_as_numbers() {
        let of = |text: &str, is_1904| serial(text.parse().unwrap_or_default(), is_1904);
        assert_eq!(of("2024-06-27", false), Some(45470));
        assert_eq!(of("2024-06-27", true), Some(44008));
        assert_eq!((of("1900-03-01", false), of("1900-02-28", false)), (Some(61), Some(59)));
        assert_eq!((of("1900-01-01", false), of("1899-12-31", false), of("1903-12-31", true)), (Some(1), None, None));
    }

    #[test]
    fn texts_that_look_like_codes() {
        assert_eq!(literal("a_x0041_\r\n_x00"), "a_x005F_x0041_\n_x00");
    }
}
