//! Collection sheets: a workbook a community, with what is known filled in and locked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::NaiveDate;
use rust_xlsxwriter::{
    Color, DataValidation, ExcelDateTime, Format, FormatAlign, FormatBorder, ProtectionOptions, Workbook, Worksheet,
    XlsxError,
};
use unicode_width::UnicodeWidthStr;

use super::super::elements::{Dictionary, Subject};
use super::super::fill::{Community, communities, file_name, for_each_community, grids};
use super::super::rows::quoted;
use super::base::{Base, BaseColumn, BaseSheet};
use super::checks::cell_check;
use super::needs::{Ask, CellNeed, Needs, ObjectNeed, SubjectNeeds};
use crate::contract::{ColumnKind, Contracts};
use crate::diagnostic::{Context as _, Result};
use crate::query::{Session, Snapshot};
use crate::report::{Aside, name_of};

/// The hidden sheet that says which sheet it is.
pub const IDENTITY_SHEET: &str = "_gridhouse";
/// What the hidden row of keys begins with, in the hidden column of objects.
pub(super) const KEYS: &str = "gridhouse:keys";
/// The column of values on a sheet whose rows are questions.
pub(super) const VALUE: &str = "value";
/// The column in which a clerk says that the old values of a row were looked at and are still right.
pub(super) const CHECKED: &str = "checked";
const CHECKED_LABEL: &str = "橙色已核对";
/// Raised when an older program could not read a sheet.
pub(super) const FORMAT: &str = "1";
/// The sheet of figures of a community's grids.
const GRIDS_SHEET: &str = "网格";
const KEY_ROW: u32 = 2;
const HEADER_ROW: u32 = 3;
const FIRST_ROW: u32 = 4;
const COLUMNS_OF_A_PAGE_MAX: usize = 12;
/// Of the headings.
const LINES_MAX: usize = 6;
const POINTS_OF_A_LINE: usize = 16;
/// Room for what is written into blanks, in signs.
const BLANK_WIDTH: u32 = 12;

/// A sheet that was made.
#[derive(Debug, Clone)]
pub struct Issued {
    pub id: String,
    pub community: Community,
    pub path: PathBuf,
    pub rows: u64,
    pub blank_cells: u64,
    pub old_cells: u64,
    pub known_cells: u64,
}

/// What collection sheets are made of.
pub struct Issuing<'a> {
    /// Of objects that something is asked of.
    pub needs: &'a Needs,
    /// Names of the forms they serve.
    pub forms: &'a [String],
    pub dictionary: &'a Dictionary,
    pub contracts: &'a Contracts,
    pub session: &'a Session,
    pub communities: &'a [Community],
    /// The warehouse's folder, which keeps what went out.
    pub warehouse: &'a Path,
    pub out: &'a Path,
    pub workers: usize,
    /// As in a filling of forms.
    pub editions: Option<&'a Path>,
    pub is_whole: bool,
}

/// Makes the collection sheet of each community that has something to collect.
///
/// # Errors
/// The records cannot be queried, or the disk refuses. No sheet is in place then.
pub async fn issue(issuing: &Issuing<'_>) -> Result<Vec<Issued>> {
    let Issuing {
        needs,
        forms,
        dictionary,
        contracts,
        session,
        communities,
        warehouse,
        out,
        workers,
        editions,
        is_whole,
    } = *issuing;
    let doing = "making the collection sheets";
    let mut shown = Vec::new();
    for subject in &needs.subjects {
        shown.push(shown_values(subject, dictionary, session).await?);
    }
    let snapshot = session.snapshot().map(Snapshot::id).unwrap_or_default();
    fs_err::create_dir_all(out).doing(doing)?;
    let aside = Aside::new(out, "collection", editions).await.doing(doing)?;
    fs_err::create_dir_all(warehouse.join(".collections")).doing(doing)?;
    let made = for_each_community(communities, workers, |community| {
        let mut hasher = blake3::Hasher::new();
        for part in [snapshot.as_str(), &community.code, &session.as_of().to_string(), &forms.join("\n")] {
            hasher.update(part.as_bytes()).update(b"\n");
        }
        let id = hasher.finalize().to_hex()[..16].to_owned();
        let mut base = Base {
            id: id.clone(),
            community: community.code.clone(),
            issued_on: session.as_of(),
            snapshot: snapshot.clone(),
            forms: forms.to_vec(),
            sheets: Vec::new(),
        };
        let mut issued = Issued {
            id,
            community: community.clone(),
            path: out.join(file_name(community)),
            rows: 0,
            blank_cells: 0,
            old_cells: 0,
            known_cells: 0,
        };
        let mut book = Workbook::new();
        let date = ExcelDateTime::from_ymd(2024, 1, 1).doing(doing)?;
        book.set_properties(&rust_xlsxwriter::DocProperties::new().set_creation_datetime(&date));
        for (subject, shown) in needs.subjects.iter().zip(&shown) {
            let Some(objects) = subject.objects.get(&community.code) else { continue };
            let sheet =
                Sheet { of: &dictionary.subjects[subject.subject], subject, shown, dictionary, contracts, community };
            sheet.write(&mut book, objects, &mut base, &mut issued).doing(doing)?;
        }
        if base.sheets.is_empty() {
            return Ok(None);
        }
        identity(&mut book, &base).doing(doing)?;
        let bytes = book.save_to_buffer().doing(doing)?;
        fs_err::write(aside.path(&file_name(community)), bytes).doing(doing)?;
        // Before the sheet is in place: one that nobody remembers could not be taken back.
        let path = Base::path(warehouse, &base.id);
        let text = serde_json::to_vec(&base).doing(doing)?;
        let mut file = tempfile::NamedTempFile::new_in(warehouse.join(".collections")).doing(doing)?;
        std::io::Write::write_all(&mut file, &text).doing(doing)?;
        file.as_file().sync_all().doing(doing)?;
        file.persist(path).doing(doing)?;
        Ok(Some(issued))
    })?;
    let made: Vec<Issued> = made.into_iter().flatten().collect();
    let names: Vec<PathBuf> = made.iter().map(|one| file_name(&one.community)).collect();
    aside.commit(&names, is_whole).doing(doing)?;
    Ok(made)
}

/// Texts of the columns that tell objects apart, by object.
pub(super) struct Shown {
    pub columns: Vec<String>,
    pub texts: HashMap<String, Vec<String>>,
}

pub(super) async fn shown_values(needs: &SubjectNeeds, dictionary: &Dictionary, session: &Session) -> Result<Shown> {
    let mut shown = Shown { columns: Vec::new(), texts: HashMap::new() };
    let wanted: BTreeSet<&str> = needs.objects.values().flatten().map(|object| object.id.as_str()).collect();
    let Some(records) = &dictionary.subjects[needs.subject].records else {
        if needs.objects.iter().any(|(place, objects)| objects.iter().any(|object| object.id != *place)) {
            shown.columns.push("grid_name".to_owned());
            let places = communities(session, None).await?;
            for grid in grids(session, &places).await?.into_iter().filter(|grid| wanted.contains(grid.code.as_str())) {
                shown.texts.insert(grid.code, vec![grid.name]);
            }
        }
        return Ok(shown);
    };
    let schema = session.schema(&records.view).await?;
    shown.columns = records.shown.iter().filter(|column| schema.index_of(column).is_ok()).cloned().collect();
    let columns = std::iter::once(&records.key)
        .chain(&shown.columns)
        .map(|column| format!("CAST({} AS VARCHAR)", quoted(column)));
    let columns: Vec<String> = columns.enumerate().map(|(at, column)| format!("{column} AS c{at}")).collect();
    let mut sql = format!("SELECT {} FROM {}", columns.join(", "), quoted(&records.view));
    let places: Vec<&String> = needs.objects.keys().collect();
    // A sheet that came back asks about one place.
    if let ([place], Ok(_)) = (places.as_slice(), schema.index_of("grid_code")) {
        sql.push_str(&format!(" WHERE starts_with(grid_code, '{}')", place.replace('\'', "''")));
    }
    for batch in session.fetch(&sql).await? {
        let mut texts = Vec::new();
        for column in batch.columns() {
            texts.push(cast(column, &DataType::Utf8).doing("reading the records")?);
        }
        for row in 0..batch.num_rows() {
            let text = |at: usize| {
                let column = texts[at].as_string::<i32>();
                if column.is_null(row) { "" } else { column.value(row) }
            };
            if wanted.contains(text(0)) {
                shown.texts.insert(text(0).to_owned(), (1..texts.len()).map(|at| text(at).to_owned()).collect());
            }
        }
    }
    Ok(shown)
}

/// One sheet of a workbook: the objects of one subject.
struct Sheet<'a> {
    of: &'a Subject,
    subject: &'a SubjectNeeds,
    shown: &'a Shown,
    dictionary: &'a Dictionary,
    contracts: &'a Contracts,
    community: &'a Community,
}

struct Styles {
    title: Format,
    note: Format,
    head: Format,
    known: Format,
    idle: Format,
}

impl Styles {
    fn new() -> Self {
        let cell = Format::new().set_border(FormatBorder::Thin).set_align(FormatAlign::VerticalCenter).set_text_wrap();
        Self {
            title: Format::new().set_bold().set_font_size(16),
            note: Format::new().set_font_color(Color::RGB(0x0059_5959)),
            head: cell.clone().set_bold().set_align(FormatAlign::Center).set_background_color(Color::RGB(0x00DD_EBF7)),
            known: cell.clone(),
            idle: cell.set_background_color(Color::RGB(0x00D9_D9D9)),
        }
    }

    /// A cell to be filled: yellow where it is blank, amber where what stands there is old.
    fn open(kind: ColumnKind, is_old: bool) -> Format {
        let color = Color::RGB(if is_old { 0x00FF_D966 } else { 0x00FF_F9DB });
        let cell = Format::new()
            .set_border(FormatBorder::Thin)
            .set_align(FormatAlign::VerticalCenter)
            .set_background_color(color)
            .set_unlocked();
        match kind {
            // What is typed stays as it is typed: no lost zero, no 4.3E+17.
            ColumnKind::Text | ColumnKind::Boolean | ColumnKind::Timestamp => cell.set_num_format("@"),
            ColumnKind::Date => cell.set_num_format("yyyy-mm-dd"),
            ColumnKind::Integer | ColumnKind::Number => cell,
        }
    }
}

impl Sheet<'_> {
    fn write(
        &self,
        book: &mut Workbook,
        objects: &[ObjectNeed],
        base: &mut Base,
        issued: &mut Issued,
    ) -> std::result::Result<(), XlsxError> {
        let objects = objects.iter();
        if self.of.records.is_some() {
            return self.write_rows(book, (&self.of.label, false), &objects.collect::<Vec<_>>(), base, issued);
        }
        // Figures of the place itself are questions one below the other; those of its grids have a row each.
        let (own, below): (Vec<&ObjectNeed>, Vec<_>) = objects.partition(|object| object.id == self.community.code);
        self.write_rows(book, (&self.of.label, true), &own, base, issued)?;
        self.write_rows(book, (GRIDS_SHEET, false), &below, base, issued)
    }

    fn write_rows(
        &self,
        book: &mut Workbook,
        (name, is_upright): (&str, bool),
        objects: &[&ObjectNeed],
        base: &mut Base,
        issued: &mut Issued,
    ) -> std::result::Result<(), XlsxError> {
        let asked: Vec<usize> = (0..self.subject.asks.len())
            .filter(|ask| objects.iter().any(|object| object.cell(*ask).is_some_and(CellNeed::is_open)))
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let styles = Styles::new();
        let sheet = book.add_worksheet();
        sheet.set_name(name)?;
        let community = &self.community.name;
        sheet.write_with_format(0, 1, format!("{community}数据采集表（{name}）"), &styles.title)?;
        let has_old = objects.iter().any(|object| asked.iter().any(|ask| is_old(object.cell(*ask))));
        let old = match has_old {
            true => format!("橙色的格较旧，不对的改正，仍对的在“{CHECKED_LABEL}”栏选“是”；"),
            false => String::new(),
        };
        let note = format!("黄色的格要填；{old}白色的格已知，灰色的格不用填。请不要增减行列。");
        sheet.write_with_format(1, 1, note, &styles.note)?;
        sheet.write(KEY_ROW, 0, KEYS)?;
        let mut kept = BaseSheet {
            sheet: name.to_owned(),
            subject: self.of.name.clone(),
            rows: BTreeMap::new(),
            columns: BTreeMap::new(),
            old: BTreeMap::new(),
        };
        for object in objects {
            let old = object.cells.iter().filter(|(_, cell)| is_old(Some(cell)));
            let keys: BTreeSet<String> = old.map(|(ask, _)| self.subject.asks[usize::from(*ask)].key.clone()).collect();
            if !keys.is_empty() {
                kept.old.insert(object.id.clone(), keys);
            }
        }
        for ask in &self.subject.asks {
            let column = BaseColumn { label: ask.label.clone(), choices: ask.choices.clone() };
            kept.columns.insert(ask.key.clone(), column);
        }
        match is_upright {
            false => self.rows_of_objects(sheet, &styles, objects, &asked, &mut kept, issued)?,
            true => self.rows_of_questions(sheet, &styles, objects, &asked, &mut kept, issued)?,
        }
        sheet.set_column_hidden(0)?;
        sheet.set_row_hidden(KEY_ROW)?;
        sheet.set_landscape().set_paper_size(9).set_repeat_rows(HEADER_ROW, HEADER_ROW)?;
        // A page as wide as it can be read; wider sheets go on over pages that begin with whom they are about.
        match asked.len() <= COLUMNS_OF_A_PAGE_MAX || is_upright {
            true => sheet.set_print_fit_to_pages(1, 0),
            false => sheet.set_repeat_columns(1, 2)?,
        };
        sheet.protect_with_options(&ProtectionOptions {
            use_autofilter: true,
            format_columns: true,
            format_rows: true,
            sort: true,
            ..ProtectionOptions::new()
        });
        base.sheets.push(kept);
        Ok(())
    }

    fn rows_of_objects(
        &self,
        sheet: &mut Worksheet,
        styles: &Styles,
        objects: &[&ObjectNeed],
        asked: &[usize],
        kept: &mut BaseSheet,
        issued: &mut Issued,
    ) -> std::result::Result<(), XlsxError> {
        let asks: Vec<&Ask> = asked.iter().map(|at| &self.subject.asks[*at]).collect();
        let id = |column: &str| format!("{}.{column}", self.of.name);
        let context: Vec<(usize, String)> = self
            .shown
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| (at, id(column)))
            .filter(|(_, id)| !asks.iter().any(|ask| ask.key == *id))
            .collect();
        sheet.write_with_format(HEADER_ROW, 1, "序号", &styles.head)?;
        let label = |id: &str| self.dictionary.get(id).map_or_else(|| id.to_owned(), |element| element.label.clone());
        for (at, (_, id)) in (2..).zip(&context) {
            sheet.write(KEY_ROW, at, id)?;
            sheet.write_with_format(HEADER_ROW, at, label(id), &styles.head)?;
            kept.columns.insert(id.clone(), BaseColumn { label: label(id), choices: Vec::new() });
        }
        let first = 2 + u16::try_from(context.len()).unwrap_or(u16::MAX);
        let last_row = FIRST_ROW + u32::try_from(objects.len()).unwrap_or(u32::MAX) - 1;
        for (at, ask) in (first..).zip(&asks) {
            sheet.write(KEY_ROW, at, &ask.key)?;
            let unit = ask.unit.as_ref().map(|unit| format!("（{unit}）")).unwrap_or_default();
            sheet.write_with_format(HEADER_ROW, at, format!("{}{unit}", ask.label), &styles.head)?;
            if let Some(rule) = cell_check(ask, &name_of(FIRST_ROW, at), self.dictionary, self.contracts)? {
                sheet.add_data_validation(FIRST_ROW, at, last_row, at, &rule)?;
            }
        }
        sheet.set_column_width(1, 6)?;
        let mut lines = 1;
        for (at, (order, id)) in (2..).zip(&context) {
            let texts = objects.iter().filter_map(|object| self.shown.texts.get(&object.id)?.get(*order));
            sheet.set_column_width(at, width(&label(id), texts.map(String::as_str)))?;
        }
        for ((at, ask), order) in (first..).zip(&asks).zip(asked) {
            let texts: Vec<String> = objects.iter().filter_map(|object| text_of(object.cell(*order)?)).collect();
            let width = width(&ask.label, texts.iter().map(String::as_str)).max(BLANK_WIDTH);
            sheet.set_column_width(at, width)?;
            lines = lines.max(
                (ask.label.width() + ask.unit.as_ref().map_or(0, |unit| unit.width() + 4)).div_ceil(width as usize - 1),
            );
        }
        sheet.set_row_height(HEADER_ROW, (lines.min(LINES_MAX) * POINTS_OF_A_LINE) as u32)?;
        let checked = (!kept.old.is_empty()).then(|| first + u16::try_from(asks.len()).unwrap_or(u16::MAX));
        if let Some(at) = checked {
            checked_column(sheet, at, last_row, styles)?;
        }
        sheet.set_freeze_panes(FIRST_ROW, 3)?;
        for (row, object) in (FIRST_ROW..).zip(objects) {
            issued.rows += 1;
            let mut values = BTreeMap::new();
            sheet.write(row, 0, &object.id)?;
            sheet.write_with_format(row, 1, row - FIRST_ROW + 1, &styles.known)?;
            let texts = self.shown.texts.get(&object.id);
            for (at, (order, id)) in (2..).zip(&context) {
                let text = texts.and_then(|texts| texts.get(*order)).map_or("", String::as_str);
                sheet.write_with_format(row, at, text, &styles.known)?;
                values.insert(id.clone(), (!text.is_empty()).then(|| text.to_owned()));
                issued.known_cells += u64::from(!text.is_empty());
            }
            for ((at, ask), order) in (first..).zip(&asks).zip(asked) {
                put(sheet, row, at, ask, object.cell(*order), styles, issued)?;
                if let Some(cell) = object.cell(*order) {
                    values.insert(ask.key.clone(), text_of(cell));
                }
            }
            if let Some(at) = checked {
                put_checked(sheet, row, at, kept.old.contains_key(&object.id), styles)?;
            }
            kept.rows.insert(object.id.clone(), values);
        }
        Ok(())
    }

    /// Figures of the community itself: a row a question.
    fn rows_of_questions(
        &self,
        sheet: &mut Worksheet,
        styles: &Styles,
        objects: &[&ObjectNeed],
        asked: &[usize],
        kept: &mut BaseSheet,
        issued: &mut Issued,
    ) -> std::result::Result<(), XlsxError> {
        for (at, (head, width)) in
            (1..).zip([("序号", 6), ("项目", 40), ("要它的表单", 40), ("计量单位", 10), ("填报", 16)])
        {
            sheet.write_with_format(HEADER_ROW, at, head, &styles.head)?;
            sheet.set_column_width(at, width)?;
        }
        sheet.write(KEY_ROW, 5, VALUE)?;
        sheet.set_freeze_panes(FIRST_ROW, 0)?;
        let Some(object) = objects.first() else { return Ok(()) };
        let last_row = FIRST_ROW + u32::try_from(asked.len()).unwrap_or(u32::MAX) - 1;
        let has_checked = !kept.old.is_empty();
        if has_checked {
            checked_column(sheet, 6, last_row, styles)?;
        }
        let mut values = BTreeMap::new();
        for (row, order) in (FIRST_ROW..).zip(asked) {
            let ask = &self.subject.asks[*order];
            issued.rows += 1;
            sheet.write(row, 0, &ask.key)?;
            sheet.write_with_format(row, 1, row - FIRST_ROW + 1, &styles.known)?;
            sheet.write_with_format(row, 2, &ask.label, &styles.known)?;
            let forms: Vec<&str> = ask.forms.iter().map(String::as_str).collect();
            sheet.write_with_format(row, 3, forms.join("、"), &styles.known)?;
            sheet.write_with_format(row, 4, ask.unit.as_deref().unwrap_or_default(), &styles.known)?;
            put(sheet, row, 5, ask, object.cell(*order), styles, issued)?;
            if let Some(rule) = cell_check(ask, &name_of(row, 5), self.dictionary, self.contracts)? {
                sheet.add_data_validation(row, 5, row, 5, &rule)?;
            }
            if has_checked {
                put_checked(sheet, row, 6, is_old(object.cell(*order)), styles)?;
            }
            if let Some(cell) = object.cell(*order) {
                values.insert(ask.key.clone(), text_of(cell));
            }
        }
        kept.rows.insert(object.id.clone(), values);
        Ok(())
    }
}

fn is_old(cell: Option<&CellNeed>) -> bool {
    matches!(cell, Some(CellNeed::Old(..)))
}

/// The column that tells old values that are still right from those nobody looked at.
fn checked_column(
    sheet: &mut Worksheet,
    at: u16,
    last_row: u32,
    styles: &Styles,
) -> std::result::Result<(), XlsxError> {
    sheet.write(KEY_ROW, at, CHECKED)?;
    sheet.write_with_format(HEADER_ROW, at, CHECKED_LABEL, &styles.head)?;
    sheet.set_column_width(at, width(CHECKED_LABEL, std::iter::empty()).max(BLANK_WIDTH))?;
    let rule =
        DataValidation::new().allow_list_strings(&["是"])?.set_error_message("核对后仍对的选“是”，没有核对的留空。")?;
    sheet.add_data_validation(FIRST_ROW, at, last_row, at, &rule)?;
    Ok(())
}

fn put_checked(
    sheet: &mut Worksheet,
    row: u32,
    at: u16,
    is_asked: bool,
    styles: &Styles,
) -> std::result::Result<(), XlsxError> {
    match is_asked {
        true => sheet.write_blank(row, at, &Styles::open(ColumnKind::Boolean, true))?,
        false => sheet.write_blank(row, at, &styles.idle)?,
    };
    Ok(())
}

/// Signs of a column that shows its texts, and its heading on two lines.
fn width<'t>(label: &str, texts: impl Iterator<Item = &'t str>) -> u32 {
    let longest = texts.map(UnicodeWidthStr::width).max().unwrap_or(0).max(label.width().div_ceil(2));
    u32::try_from(longest).unwrap_or(u32::MAX).saturating_add(2).clamp(6, 44)
}

fn text_of(cell: &CellNeed) -> Option<String> {
    match cell {
        CellNeed::Known(text, _) | CellNeed::Old(text, _) => Some(text.to_string()),
        CellNeed::Missing => None,
    }
}

fn put(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    ask: &Ask,
    cell: Option<&CellNeed>,
    styles: &Styles,
    issued: &mut Issued,
) -> std::result::Result<(), XlsxError> {
    match cell {
        None => sheet.write_blank(row, column, &styles.idle)?,
        Some(CellNeed::Known(text, _)) => {
            issued.known_cells += 1;
            sheet.write_with_format(row, column, &**text, &styles.known)?
        }
        Some(CellNeed::Missing) => {
            issued.blank_cells += 1;
            sheet.write_blank(row, column, &Styles::open(ask.kind, false))?
        }
        Some(CellNeed::Old(text, _)) => {
            issued.old_cells += 1;
            let format = Styles::open(ask.kind, true);
            match (ask.kind, text.parse::<f64>(), text.parse::<NaiveDate>()) {
                (ColumnKind::Integer | ColumnKind::Number, Ok(number), _) => {
                    sheet.write_with_format(row, column, number, &format)?
                }
                (ColumnKind::Date, _, Ok(date)) => {
                    let date = ExcelDateTime::parse_from_str(&date.to_string())?;
                    sheet.write_with_format(row, column, &date, &format)?
                }
                _ => sheet.write_with_format(row, column, &**text, &format)?,
            }
        }
    };
    Ok(())
}

/// The hidden sheet by which a returned workbook is known.
fn identity(book: &mut Workbook, base: &Base) -> std::result::Result<(), XlsxError> {
    let sheet = book.add_worksheet();
    sheet.set_name(IDENTITY_SHEET)?.set_very_hidden(true);
    let pairs = [
        ("format", FORMAT),
        ("sheet_id", base.id.as_str()),
        ("community", base.community.as_str()),
        ("snapshot", base.snapshot.as_str()),
    ];
    for (row, (key, value)) in (0..).zip(pairs) {
        sheet.write(row, 0, key)?;
        sheet.write(row, 1, value)?;
    }
    sheet.write(4, 0, "issued_on")?;
    sheet.write(4, 1, base.issued_on.to_string())?;
    Ok(())
}
