//! A department's workbook brought in: read, understood, and kept beside what was read of it.

use std::path::Path;

use super::elements::{self, Dictionary};
use super::file::{self, By, Every, Form, FormDoubt, FormItem, FormSheet, FormTable, Heads, RowRange};
use super::matching::{self, Asked, Meaning};
use super::reading::{self, Kind, Layout, Page, Table};
use super::{blanks, measures, written};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::report::safe_part;
use crate::source::{self, Limits};

/// Ends of the names of sheets that explain.
const ASIDE_SHEETS: &[&str] = &["封面", "目录", "说明", "指标解释", "代码", "代码表", "字典", "审核关系", "审核公式"];
/// Doubts that are told with a refusal.
const REASONS_MAX: usize = 5;

/// A form that was read.
#[derive(Debug)]
pub struct Imported {
    pub form: Form,
    /// What a person has to look at.
    pub doubts: Vec<Diagnostic>,
}

/// Reads a workbook and keeps it with its `form.yml` in a folder of its own below `forms`.
///
/// # Errors
/// No workbook, no form in it, or a form of that name that is there already. Nothing is left behind.
pub fn import(
    workbook: &Path,
    forms: &Path,
    name: Option<&str>,
    limits: Limits,
    dictionary: &Dictionary,
) -> Result<Imported> {
    let doing = "keeping the form";
    let sheets = source::framed_sheets(workbook, limits)
        .map_err(|error| Diagnostic::error(error.to_string()).in_file(workbook))?;
    let mut read = Vec::new();
    let mut doubts = Vec::new();
    // Hidden sheets hold lists for drop-downs.
    let is_aside = |sheet: &&source::SheetCells| ASIDE_SHEETS.iter().any(|name| sheet.name.trim().ends_with(name));
    let has_others = sheets.iter().any(|sheet| !sheet.is_hidden && !is_aside(&sheet));
    for sheet in sheets.iter().filter(|sheet| !sheet.is_hidden) {
        if has_others && is_aside(&sheet) {
            let about = format!("the sheet `{}` is taken for explanations: nothing is asked for there", sheet.name);
            doubts.push(Diagnostic::warning(about).in_file(workbook));
            continue;
        }
        let page = Page::of(sheet);
        let layout = reading::read(&page);
        let doubted = |at: String, about: &str| {
            Diagnostic::warning(about.to_owned()).in_file(workbook).note("at", format!("{}!{at}", sheet.name))
        };
        doubts.extend(layout.doubts.iter().map(|doubt| doubted(Page::name_of(doubt.place), &doubt.about)));
        let mut tables: Vec<FormTable> = Vec::new();
        for table in &layout.tables {
            let is_object = |subject: &(usize, &elements::Subject)| subject.1.records.is_some();
            let cards = tables.iter().filter(|table| table.kind == Kind::Card);
            let beside = cards.filter_map(|card| dictionary.subject(card.of.as_deref()?)).find(is_object);
            tables.push(understood(&page, table, &layout, beside.map(|(at, _)| at), dictionary));
        }
        for (table, understood) in layout.tables.iter().zip(&tables) {
            let rows = format!("{}:{}", table.body.0 + 1, table.body.1 + 1);
            let is_below_card = table.kind == Kind::List
                && tables.iter().any(|card| card.kind != Kind::List && card.records(dictionary).is_some());
            let is_first_card =
                tables.iter().find(|card| card.kind == Kind::Card).is_some_and(|first| std::ptr::eq(first, understood));
            if understood.of.is_none() {
                let about = "what these rows are about is not clear: write it as `of` in form.yml";
                doubts.push(doubted(rows, about));
            } else if understood.records(dictionary).is_some()
                && (understood.kind == Kind::List && !is_below_card || understood.kind == Kind::Card && is_first_card)
            {
                let about = "which of all are meant is not said";
                doubts.push(doubted(rows, about).hint(
                    "write `where` in form.yml, in SQL over the columns of the records; without it all are listed, or have a card each",
                ));
            } else if is_below_card && understood.records(dictionary).is_some() && understood.with_same.is_none() {
                let about = "which of these rows belong to a card is not said";
                doubts.push(doubted(rows, about).hint(
                    "write `with_same` in form.yml: a column that the records of both have, as household_id of persons",
                ));
            }
            for item in understood.items.iter().filter(|item| !item.candidates.is_empty()) {
                let about = format!("`{}`: {}", item.heads, item.why.as_deref().unwrap_or_default());
                doubts.push(doubted(item.place().to_owned(), &about).hint(format!(
                    "may be {}; write the right one as `element` in form.yml",
                    item.candidates.join(", ")
                )));
            }
        }
        read.push(form_sheet(&sheet.name, &page, layout, tables));
    }
    let title = read.iter().map(|sheet| sheet.title.as_str()).find(|title| !title.is_empty());
    let title = title.unwrap_or_default().to_owned();
    read.retain(|sheet| !sheet.tables.is_empty());
    if read.iter().all(|sheet| sheet.tables.iter().all(|table| table.items.is_empty())) {
        let problem = Diagnostic::error("no form is recognised in it").in_file(workbook);
        let problem = doubts.iter().take(REASONS_MAX).fold(problem, |problem, doubt| {
            let at = doubt.notes.iter().find(|(key, _)| *key == "at").map_or("", |(_, at)| at.as_str());
            problem.note("at", format!("{at}: {}", doubt.message))
        });
        return Err(problem
            .note("looked for", "rows of headings with blank rows below, or labels with blanks beside them")
            .effect("nothing was imported")
            .hint("see that its headings are complete and its blanks empty or bordered"));
    }
    let file_name = workbook.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = workbook.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = safe_part(name.unwrap_or(if title.is_empty() { &stem } else { &title }));
    let folder = forms.join(&name);
    if folder.exists() {
        return Err(Diagnostic::error(format!("there is a form `{name}` already"))
            .in_file(&folder)
            .effect("nothing was imported")
            .hint("remove its folder, or give the new one a name with `--name`"));
    }
    let bytes = fs_err::read(workbook).doing(doing)?;
    let said = |keys: &[&str]| {
        let pairs = read.iter().flat_map(|sheet| sheet.said.iter().flatten());
        pairs
            .filter(|(key, value)| keys.contains(&key.as_str()) && !value.is_empty())
            .map(|(_, value)| value.clone())
            .next()
    };
    let notes = read.iter().flat_map(|sheet| sheet.notes.iter().map(String::as_str));
    let every = said(&["报送周期", "报送频次", "报告期别", "填报周期", "填报频次"])
        .as_deref()
        .and_then(|text| Every::said_in(text).or_else(|| Every::said_in(&format!("{text}报"))))
        .or_else(|| notes.filter(|note| note.contains('报')).find_map(Every::said_in));
    let form = Form {
        department: said(&["制定机关", "制表机关", "制发机关"]).unwrap_or_default(),
        name,
        folder: folder.clone(),
        title,
        workbook: file_name.clone(),
        blake3: blake3::hash(&bytes).to_hex().to_string(),
        every,
        max_age_days: None,
        sheets: read,
    };
    fs_err::create_dir_all(forms).doing(doing)?;
    // In place when it is whole.
    let aside = tempfile::Builder::new().prefix(".import-").tempdir_in(forms).doing(doing)?;
    fs_err::write(aside.path().join(&file_name), bytes).doing(doing)?;
    fs_err::write(aside.path().join(file::FILE_NAME), written::text(&form)).doing(doing)?;
    fs_err::rename(aside.path(), &folder).doing(doing)?;
    Ok(Imported { form, doubts })
}

fn form_sheet(name: &str, page: &Page, layout: Layout, tables: Vec<FormTable>) -> FormSheet {
    let said = layout.said.into_iter().map(|(key, value)| {
        // What was signed in a filled form is nobody's business here.
        let value = if reading::is_signed(&key) { String::new() } else { value };
        [(key, value)].into()
    });
    let doubts = layout.doubts.iter();
    FormSheet {
        sheet: name.to_owned(),
        title: layout.title,
        said: said.collect(),
        notes: layout.notes,
        blanks: blanks::blanks(page),
        tables,
        doubts: doubts.map(|doubt| FormDoubt { at: Page::name_of(doubt.place), about: doubt.about.clone() }).collect(),
    }
}

/// A table with the element of each item.
fn understood(
    page: &Page,
    table: &Table,
    layout: &Layout,
    beside: Option<usize>,
    dictionary: &Dictionary,
) -> FormTable {
    let title = layout.title.as_str();
    const SAMPLES_MAX: usize = 20;
    let firsts = table.items.iter().map(|item| item.path.first().map_or("", String::as_str));
    let belonging = |of: usize| {
        let card = &dictionary.subjects[beside.filter(|_| table.kind == Kind::List)?];
        dictionary.subjects[of].belonging(card, firsts.clone())
    };
    // 家庭成员 says what the list below it is about, and nothing of the items.
    let members = (0..dictionary.subjects.len()).find(|of| belonging(*of).is_some_and(|one| !one.below.is_empty()));
    let asked: Vec<Asked<'_>> = table
        .items
        .iter()
        .map(|item| {
            let rows = match table.kind {
                Kind::List => table.body.0..=table.body.1,
                Kind::Matrix | Kind::Card => item.place.top..=item.place.top,
            };
            let texts = rows.map(|row| page.text(row, item.place.left)).filter(|text| !reading::is_blank(text));
            let samples = if item.choices.is_empty() { texts.take(SAMPLES_MAX).collect() } else { Vec::new() };
            let path = if members.is_some() && item.path.len() > 1 { &item.path[1..] } else { &item.path };
            Asked { path, unit: item.unit.as_deref(), choices: &item.choices, samples }
        })
        .collect();
    let (subject, meanings) = matching::meanings(dictionary, table.kind, title, (beside, members), &asked);
    let items = table.items.iter().zip(meanings).map(|(item, meaning)| {
        let place = Page::name_of(item.place);
        let column = place.trim_end_matches(|sign: char| sign.is_ascii_digit()).to_owned();
        let is_list = table.kind == Kind::List;
        let mut known = FormItem {
            heads: Heads(item.path.clone()),
            column: is_list.then_some(column),
            cell: (!is_list).then_some(place),
            unit: item.unit.clone(),
            number: item.number.clone(),
            choices: item.choices.clone(),
            boxes: !is_list && page.text(item.place.top, item.place.left).contains(['□', '☐']),
            ..FormItem::default()
        };
        let left = page.text(item.place.top, item.place.left);
        match meaning {
            _ if reading::is_for_hand(left) => known.by = Some(By::Hand),
            Meaning::Counter => known.by = Some(By::Counter),
            Meaning::ByHand => known.by = Some(By::Hand),
            Meaning::Element { id, why } => {
                // `单位：万平方米` in the corner of a list is of the columns that can be in it.
                let own = dictionary.get(&id).and_then(|element| element.unit.as_deref());
                let fits = |unit: &&str| is_list && own.is_some_and(|own| measures::conversion(own, unit).is_some());
                let fitting: Vec<&str> = layout.units().into_iter().filter(fits).collect();
                if let ([unit], None) = (fitting.as_slice(), &known.unit) {
                    known.unit = Some((*unit).to_owned());
                }
                (known.element, known.why) = (Some(id), Some(why));
            }
            Meaning::Doubtful { candidates, why } => (known.candidates, known.why) = (candidates, Some(why)),
            Meaning::Unknown => {}
        }
        known
    });
    FormTable {
        kind: table.kind,
        rows: RowRange { first: table.body.0 + 1, last: table.body.1 + 1 },
        of: subject.map(|at| dictionary.subjects[at].name.clone()),
        from: None,
        condition: None,
        with_same: subject.and_then(belonging).map(|one| one.by.clone()),
        items: items.collect(),
    }
}
