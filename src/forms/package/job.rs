//! One workbook in the making: what of the template changes, part by part, until all of it can be written.

use std::collections::BTreeMap;

use super::fill::{Filling, Placed, grown_merges};
use super::number_formats::Room;
use super::parts::{self, CONTENT_TYPES, Changes, Relations, broken_part, content_types, normal};
use super::pictures::{self, Shown};
use super::references::{Area, Areas, COLUMNS_MAX, ROWS_MAX, cell_name};
use super::sheet::Sheet;
use super::sites::Growths;
use super::styles::Variants;
use super::xml::{Edits, Node, Parsed, Scan};
use super::{AddedSheet, CellFill, Picture, Template, Value, added as added_sheet};
use crate::diagnostic::{Diagnostic, Result};

/// What a cell may hold, in signs as spreadsheet programs count them.
const CELL_SIGNS_MAX: usize = 32_767;

/// One workbook in the making.
pub(super) struct Job<'t> {
    template: &'t Template,
    growths: &'t Growths<'t>,
    variants: Variants<'t>,
    changes: Changes,
    /// Changes of linked parts, in their order.
    linked: Vec<Edits>,
    /// Content types of parts that are added.
    types: Vec<(String, &'static str)>,
    endings: BTreeMap<&'static str, &'static str>,
    /// Names of the parts of pictures by hash.
    media: BTreeMap<[u8; 32], String>,
}

impl<'t> Job<'t> {
    pub(super) fn new(template: &'t Template, growths: &'t Growths<'t>) -> Self {
        Self {
            template,
            growths,
            variants: Variants::new(&template.styles),
            changes: Changes::default(),
            linked: template.linked.iter().map(|_| Edits::default()).collect(),
            types: Vec::new(),
            endings: BTreeMap::new(),
            media: BTreeMap::new(),
        }
    }

    /// Fills one sheet. `is_stale`: results of its formulas may have changed.
    pub(super) fn sheet(&mut self, index: usize, cells: &[&CellFill], is_stale: bool) -> Result<()> {
        let part = &self.template.sheets[index];
        let Some(sheet) = &part.sheet else { return Ok(()) };
        let has_results_to_drop = is_stale && !sheet.formulas.is_empty();
        if cells.is_empty() && self.growths.are_none() && !has_results_to_drop {
            return Ok(());
        }
        let grown = self.growths.on(Some(index));
        let merges = grown_merges(sheet, grown);
        let (placed, pictures) = self.placed(index, sheet, cells, &merges)?;
        let mut filling = Filling {
            sheet,
            own: index,
            growths: self.growths,
            styles: &self.template.styles,
            variants: &mut self.variants,
            is_1904: self.template.workbook.is_1904,
            moves: self.growths.reach(index, &sheet.reads),
            is_stale,
            formula_bytes: 0,
        };
        let broken = |broken| broken_part(&part.part, broken);
        let mut edits = filling.edits(&placed, &merges).map_err(broken)?;
        if !pictures.is_empty() {
            self.pictures(index, sheet, &pictures, &mut edits)?;
        }
        let text = edits.apply(&sheet.text);
        if text != sheet.text {
            self.changes.put(&part.part, text, true);
        }
        Ok(())
    }

    /// Cells in order, each at the first cell of its merged area, and the pictures among them. The last fill of a cell
    /// counts.
    fn placed<'f>(
        &self,
        index: usize,
        sheet: &Sheet,
        cells: &[&'f CellFill],
        merges: &Areas,
    ) -> Result<(Vec<Placed<'f>>, Vec<Shown>)> {
        let name = &self.template.workbook.sheets[index].name;
        let grown = self.growths.on(Some(index));
        let mut by_place = BTreeMap::new();
        for cell in cells.iter().filter(|cell| cell.value.is_some() || cell.mark.is_some()) {
            check(cell, name)?;
            let area = merges.around(cell.row, cell.column);
            let (row, column) = area.map_or((cell.row, cell.column), |area| area.first);
            by_place.insert((row, column), (*cell, area));
        }
        let room_of = |area: Area| Room {
            width: (area.first.1..=area.last.1).map(|column| sheet.width(column)).sum(),
            height: (area.first.0..=area.last.0).map(|row| sheet.height(row, grown)).sum(),
        };
        let placed = by_place.iter().map(|((row, column), (cell, area))| Placed {
            row: *row,
            column: *column,
            room: room_of(area.unwrap_or(Area { first: (*row, *column), last: (*row, *column) })),
            value: cell.value.as_ref(),
            mark: cell.mark.as_ref(),
        });
        let shown = by_place.iter().filter_map(|((row, column), (cell, area))| match &cell.value {
            Some(Value::Picture(picture)) => {
                let area = area.unwrap_or(Area { first: (*row, *column), last: (*row, *column) });
                Some(Shown { picture: picture.clone(), area })
            }
            _ => None,
        });
        Ok((placed.collect(), shown.collect()))
    }

    /// Shows pictures in the drawing of a sheet.
    fn pictures(&mut self, index: usize, sheet: &Sheet, pictures: &[Shown], edits: &mut Edits) -> Result<()> {
        let template = self.template;
        let part = &template.sheets[index];
        let names = template.namespaces();
        let grown = self.growths.on(Some(index));
        let existing = part.drawing.map(|drawing| &template.linked[drawing]);
        let highest = existing.map_or(Ok(0), |linked| highest_id(&linked.text));
        let highest = highest.map_err(|broken| broken_part(&part.part, broken))?;
        let none = Relations::of_new("");
        let relations = existing.map_or(&none, |linked| &linked.relations);
        let mut added: Vec<(String, String, String)> = Vec::new();
        let mut anchors = Vec::new();
        for (id, shown) in (highest + 1..).zip(pictures) {
            let media = self.media(&shown.picture);
            let target = format!("/{media}");
            let known = added.iter().find(|(.., known)| *known == target).map(|(id, ..)| id.clone());
            let relation = known.unwrap_or_else(|| {
                let free = relations.free_id(added.len());
                added.push((free.clone(), format!("{}/image", names.relations), target));
                free
            });
            anchors.push(pictures::anchor(shown, sheet, grown, id, &relation, names));
        }
        if let Some(drawing) = part.drawing {
            let linked = &template.linked[drawing];
            parts::append(&linked.text, "wsDr", &anchors, &mut self.linked[drawing])
                .map_err(|broken| broken_part(&linked.name, broken))?;
            return relations.change(&added, &[], &mut self.changes);
        }
        let drawing = template.package.free_name("xl/drawings/drawing", ".xml", &self.changes);
        let mut content = Edits::default();
        let empty = pictures::empty_drawing(names);
        parts::append(&empty, "wsDr", &anchors, &mut content).map_err(|broken| broken_part(&drawing, broken))?;
        self.changes.put(&drawing, content.apply(&empty), false);
        Relations::of_new(&drawing).change(&added, &[], &mut self.changes)?;
        self.types.push((drawing.clone(), "application/vnd.openxmlformats-officedocument.drawing+xml"));
        let relation = part.relations.free_id(0);
        let to_drawing = (relation.clone(), format!("{}/drawing", names.relations), format!("/{drawing}"));
        part.relations.change(&[to_drawing], &[], &mut self.changes)?;
        edits.insert(
            sheet.drawing_at,
            format!("<{}drawing xmlns:r=\"{}\" r:id=\"{relation}\"/>", sheet.prefix, names.relations),
        );
        Ok(())
    }

    /// The part that holds a picture.
    fn media(&mut self, picture: &Picture) -> String {
        let hash = *blake3::hash(&picture.bytes).as_bytes();
        if let Some(name) = self.media.get(&hash) {
            return name.clone();
        }
        let ending = picture.kind.ending();
        let name = self.template.package.free_name("xl/media/image", &format!(".{ending}"), &self.changes);
        self.changes.added.push((name.clone(), picture.bytes.as_slice().into()));
        self.endings.insert(ending, picture.kind.content_type());
        self.media.insert(hash, name.clone());
        name
    }

    /// Changes what is around the sheets, and writes the workbook.
    pub(super) fn finish(mut self, added: Option<&AddedSheet>) -> Result<Vec<u8>> {
        let template = self.template;
        for (linked, mut edits) in template.linked.iter().zip(std::mem::take(&mut self.linked)) {
            let broken = |broken| broken_part(&linked.name, broken);
            for site in linked.sites.iter().filter(|_| !self.growths.are_none()) {
                site.rewrite(&linked.text, self.growths, &mut edits).map_err(broken)?;
            }
            if !edits.is_empty() {
                self.changes.put(&linked.name, edits.apply(&linked.text), true);
            }
        }
        let broken_workbook = |broken| broken_part(&template.workbook_name, broken);
        let mut edits = Edits::default();
        for site in template.workbook.sites.iter().filter(|_| !self.growths.are_none()) {
            site.rewrite(&template.workbook.text, self.growths, &mut edits).map_err(broken_workbook)?;
        }
        if template.has_formulas() {
            template.workbook.order_calculation(&mut edits).map_err(broken_workbook)?;
        }
        let mut relations = Vec::new();
        if let Some(added) = added {
            relations.push(self.add_sheet(added, &mut edits)?);
        }
        if !edits.is_empty() {
            self.changes.put(&template.workbook_name, edits.apply(&template.workbook.text), true);
        }
        // The order in which formulas were calculated names cells that have moved.
        let chain = template.workbook_relations.to("calcChain").filter(|_| !self.growths.are_none());
        let gone: Vec<String> = chain.iter().map(|chain| normal(&chain.part)).collect();
        for part in &gone {
            self.changes.changed.insert(part.clone(), None);
        }
        template.workbook_relations.change(&relations, chain.as_slice(), &mut self.changes)?;
        if !self.types.is_empty() || !self.endings.is_empty() || !gone.is_empty() {
            let endings: Vec<(&str, &str)> = self.endings.iter().map(|(ending, kind)| (*ending, *kind)).collect();
            let types = content_types(&template.content_types, &self.types, &endings, &gone)
                .map_err(|broken| broken_part(CONTENT_TYPES, broken))?;
            self.changes.put(CONTENT_TYPES, types, true);
        }
        let styles = self.variants.written().map_err(|broken| broken_part(&template.styles_name, broken))?;
        if let Some(styles) = styles {
            self.changes.put(&template.styles_name, styles, true);
        }
        template.package.written(&self.changes)
    }

    /// Adds a sheet, and says how the workbook relates to it.
    fn add_sheet(&mut self, added: &AddedSheet, edits: &mut Edits) -> Result<(String, String, String)> {
        let template = self.template;
        for (row, texts) in (0..).zip(std::iter::once(&added.header).chain(&added.rows)) {
            for (column, text) in (0..).zip(texts) {
                check_text(text, &added.name, row, column)?;
            }
        }
        let style = self.variants.header().map_err(|broken| broken_part(&template.styles_name, broken))?;
        // Beside the sheets there are, and named as they are.
        let relations = &template.workbook_relations;
        let model = relations.to("worksheet");
        let folder = |name: &str| name.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
        let own_folder = model.map_or_else(|| "xl/worksheets/".to_owned(), |model| folder(&model.part));
        let part = template.package.free_name(&format!("{own_folder}sheet"), ".xml", &self.changes);
        let file = part.rsplit('/').next().unwrap_or_default();
        let target = model.map_or_else(|| format!("/{part}"), |model| format!("{}{file}", folder(&model.target)));
        let kind = model
            .map_or_else(|| format!("{}/worksheet", template.namespaces().relations), |model| model.full_kind.clone());
        self.changes.put(&part, added_sheet::part(added, &template.workbook.namespace, style), false);
        self.types.push((part, "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"));
        let relation = relations.free_id(0);
        let name = template.workbook.free_name(&added.name);
        template.workbook.add_sheet(&name, &relation, template.namespaces().relations, edits);
        Ok((relation, kind, target))
    }
}

/// The highest number of an object in a drawing; a few programs draw lots, far above those that are counted.
fn highest_id(drawing: &str) -> Parsed<u32> {
    let mut highest = 0;
    let mut scan = Scan::new(drawing);
    while let Some(node) = scan.next()? {
        let (Node::Open(tag) | Node::Empty(tag)) = node else { continue };
        if tag.name == "cNvPr" {
            highest = highest.max(tag.number("id")?.filter(|id| *id < 1 << 30).unwrap_or(0));
        }
    }
    Ok(highest)
}

/// Whether a cell can hold what is put into it.
fn check(cell: &CellFill, sheet: &str) -> Result<()> {
    if cell.row >= ROWS_MAX || cell.column >= COLUMNS_MAX {
        return Err(Diagnostic::error(format!(
            "there is no row {} and column {} on a sheet",
            cell.row + 1,
            cell.column + 1
        ))
        .note("sheet", sheet)
        .effect("the workbook is not filled"));
    }
    match &cell.value {
        Some(Value::Text(text)) => check_text(text, sheet, cell.row, cell.column),
        Some(Value::Number(number)) => {
            let has_only =
                number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
            if has_only && number.parse::<f64>().is_ok_and(f64::is_finite) {
                return Ok(());
            }
            Err(Diagnostic::error("a number for the form is none")
                .note("at", format!("{sheet}!{}", cell_name(cell.row, cell.column)))
                .effect("the workbook is not filled"))
        }
        _ => Ok(()),
    }
}

fn check_text(text: &str, sheet: &str, row: u32, column: u32) -> Result<()> {
    // Never longer in signs than in bytes.
    let signs = if text.len() > CELL_SIGNS_MAX { text.encode_utf16().count() } else { 0 };
    if signs <= CELL_SIGNS_MAX {
        return Ok(());
    }
    Err(Diagnostic::error(format!("a text is longer than the {CELL_SIGNS_MAX} signs a cell can hold"))
        .note("at", format!("{sheet}!{}", cell_name(row, column)))
        .note("signs", signs.to_string())
        .effect("the workbook is not filled"))
}
