//! The rows of a table in the order in which they are printed, with their figures: body rows, the groups they fall
//! into, subtotals and totals. Where they stand on the sheet is decided later.

use std::ops::Range;

use hashbrown::HashMap;

use super::formulas;
use super::header::Header;
use super::records::{Datum, Reader, Record, Standing, grouped, parts, records, sum};
use crate::report::Problem;
use crate::report::dataset::{Dataset, Value};
use crate::report::form::{Content, PartRows, Position, SheetForm, Totals};
use crate::report::wording::Names;
use crate::report::yaml;

/// What the first of several parts begins with.
const AMONG_THEM: &str = "其中：";

/// One row of the table.
pub(super) struct Line {
    pub kind: LineKind,
    /// What a total, a heading or a part is called.
    pub label: String,
    /// The first column the label stands over.
    pub label_column: usize,
    pub data: Vec<Datum>,
    /// The row of the dataset that a body row or a part begins with.
    pub row: Option<usize>,
    /// The lines among which are the rows that a total stands for.
    pub covered: Range<usize>,
    /// Whether a total was summed here; else the data have it.
    pub is_computed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    Body,
    /// 其中: a part of the nearest body row above.
    Part,
    /// A line of words over the whole width.
    Heading,
    Subtotal,
    Total,
}

impl LineKind {
    pub(super) fn is_total(self) -> bool {
        matches!(self, Self::Subtotal | Self::Total)
    }
}

/// A body row with the parts that follow it; they are never torn apart.
struct Bundle {
    whole: Record,
    parts: Vec<Record>,
}

/// Everything between the header and the foot. `scope` are the rows the sheet may read, `body` those of its body.
pub(super) fn lines(
    form: &SheetForm,
    header: &Header<'_>,
    data: &Dataset,
    (scope, body): (&[usize], &[Record]),
    names: &Names,
) -> Result<Vec<Line>, Problem> {
    let bundles = bundles(form, data, body)?;
    let mut building = Building {
        form,
        header,
        data,
        names,
        reader: Reader::new(form, header, data),
        group_totals: group_totals(form, data, scope),
        lines: Vec::with_capacity(body.len()),
        numbered: 0,
    };
    let totals = form.totals.as_ref();
    if let Some(totals) = totals.filter(|totals| totals.at == Position::Top) {
        building.table_totals(totals, scope)?;
    }
    let first = building.lines.len();
    building.group(0, &bundles.iter().collect::<Vec<_>>())?;
    let last = building.lines.len();
    if let Some(totals) = totals.filter(|totals| totals.at == Position::Bottom) {
        building.table_totals(totals, scope)?;
    }
    building.fill_sums(first..last);
    Ok(building.lines)
}

/// Body rows with their parts.
fn bundles(form: &SheetForm, data: &Dataset, body: &[Record]) -> Result<Vec<Bundle>, Problem> {
    let Some(parts) = &form.parts else {
        return Ok(body.iter().map(|record| Bundle { whole: record.clone(), parts: Vec::new() }).collect());
    };
    let mut bundles: Vec<Bundle> = Vec::new();
    for record in body {
        if data.matching(&record[..1], &parts.rows).is_empty() {
            bundles.push(Bundle { whole: record.clone(), parts: Vec::new() });
            continue;
        }
        let Some(bundle) = bundles.last_mut() else {
            return Err(Problem::new(&form.path, "the first row of the table is a part, and no row stands above it")
                .hint("let the dataset's `order_by` put each part below its whole"));
        };
        bundle.parts.push(record.clone());
    }
    Ok(bundles)
}

/// The dataset's own total rows of each level of groups, by the values that name the group.
type GroupTotals = Vec<HashMap<Vec<String>, Vec<Record>>>;

fn group_totals(form: &SheetForm, data: &Dataset, scope: &[usize]) -> GroupTotals {
    let mut totals = Vec::with_capacity(form.subtotals.len());
    for (level, subtotal) in form.subtotals.iter().enumerate() {
        let rows = subtotal.totals.rows.as_ref().map(|rows| data.matching(scope, rows)).unwrap_or_default();
        let keys = group_keys(form, level);
        let groups = grouped(data, &rows, &keys);
        totals.push(groups.into_iter().map(|(key, rows)| (key, records(form, data, &rows))).collect());
    }
    totals
}

/// The columns that tell the groups of a level apart.
fn group_keys(form: &SheetForm, level: usize) -> Vec<&str> {
    form.subtotals[..=level].iter().map(|outer| outer.by.value.as_str()).collect()
}

struct Building<'a> {
    form: &'a SheetForm,
    header: &'a Header<'a>,
    data: &'a Dataset,
    names: &'a Names,
    reader: Reader<'a>,
    group_totals: GroupTotals,
    lines: Vec<Line>,
    numbered: usize,
}

impl Building<'_> {
    /// The groups of a level with their subtotals; below the last level the rows themselves.
    fn group(&mut self, level: usize, bundles: &[&Bundle]) -> Result<(), Problem> {
        let Some(subtotal) = self.form.subtotals.get(level) else { return self.body(bundles) };
        let firsts: Vec<usize> = bundles.iter().map(|bundle| bundle.whole[0]).collect();
        let by_row: HashMap<usize, &Bundle> = bundles.iter().map(|bundle| (bundle.whole[0], *bundle)).collect();
        for (_, rows) in self.data.groups(&firsts, &subtotal.by.value) {
            let members: Vec<&Bundle> = rows.iter().map(|row| by_row[row]).collect();
            let Some(first) = rows.first() else { continue };
            let keys = group_keys(self.form, level);
            let value = |name: &str| self.data.value_of(*first, name).plain().unwrap_or_default();
            let key: Vec<String> = keys.iter().map(|name| value(name)).collect();
            let naming =
                self.form.subtotals[..=level].iter().flat_map(|outer| std::iter::once(&outer.by).chain(&outer.named));
            let naming: Vec<(String, String)> = naming.map(|name| (name.value.clone(), value(&name.value))).collect();
            let label = self.names.with(&naming).fill(&subtotal.totals.label.value);
            let start = self.lines.len();
            if subtotal.totals.at == Position::Top {
                self.subtotal(level, &key, label.clone())?;
                self.group(level + 1, &members)?;
                let end = self.lines.len();
                self.settle(level, start, start + 1..end);
            } else {
                self.group(level + 1, &members)?;
                let end = self.lines.len();
                self.subtotal(level, &key, label)?;
                self.settle(level, end, start..end);
            }
        }
        Ok(())
    }

    fn subtotal(&mut self, level: usize, key: &[String], label: String) -> Result<(), Problem> {
        let subtotal = &self.form.subtotals[level];
        let data = if subtotal.totals.rows.is_some() {
            let found = self.group_totals[level].get(key).map(Vec::as_slice).unwrap_or_default();
            let [record] = found else {
                let message = format!(
                    "dataset `{}` has {} total rows for {}",
                    self.form.dataset.value,
                    found.len(),
                    key.iter()
                        .zip(group_keys(self.form, level))
                        .map(|(value, name)| format!("`{name}` {value}"))
                        .collect::<Vec<_>>()
                        .join(", ")
                );
                return Err(yaml::problem(&self.form.path, &subtotal.totals.label, message)
                    .hint("`rows` of a subtotal picks exactly one row of each group"));
            };
            let record = record.clone();
            self.reader.read(&record)?
        } else {
            Vec::new()
        };
        self.push(LineKind::Subtotal, label, data);
        Ok(())
    }

    /// Once the rows of a group are there: what its subtotal sums, and where its label stands.
    fn settle(&mut self, level: usize, subtotal: usize, group: Range<usize>) {
        let leading = self.header.leading();
        let kept = (0..leading).rev().find(|column| self.is_kept(*column, level));
        let label_column = kept.map(|column| column + 1).filter(|column| *column < leading).unwrap_or(0);
        let stub: Vec<Datum> = match self.lines[group.clone()].iter().find(|line| line.kind == LineKind::Body) {
            Some(line) => line.data[..label_column].to_vec(),
            None => Vec::new(),
        };
        let line = &mut self.lines[subtotal];
        line.label_column = label_column;
        line.covered = group;
        line.is_computed = line.data.is_empty();
        let width = self.header.leaves.len();
        line.data.resize_with(width, || Datum::without(Standing::NotApplicable));
        for (column, datum) in stub.into_iter().enumerate() {
            let is_kept = self.header.leaves[column].declared.merge;
            line.data[column] = if is_kept { datum } else { Datum::given(Value::Null) };
        }
    }

    /// Whether a merged column names the group, so that it goes on beside the subtotal.
    fn is_kept(&self, column: usize, level: usize) -> bool {
        let declared = self.header.leaves[column].declared;
        let mut naming =
            self.form.subtotals[..=level].iter().flat_map(|outer| std::iter::once(&outer.by).chain(&outer.named));
        declared.merge && declared.bound().is_some_and(|bound| naming.any(|name| name.value == bound.value))
    }

    /// Rows of one group; those that are not ranked come last.
    fn body(&mut self, bundles: &[&Bundle]) -> Result<(), Problem> {
        let Some(unranked) = &self.form.unranked else {
            return bundles.iter().try_for_each(|bundle| self.bundle(bundle));
        };
        let (last, first): (Vec<&Bundle>, Vec<&Bundle>) = bundles
            .iter()
            .copied()
            .partition(|bundle| !self.data.matching(&bundle.whole[..1], &unranked.rows).is_empty());
        first.into_iter().try_for_each(|bundle| self.bundle(bundle))?;
        if let Some(heading) = unranked.heading.as_ref().filter(|_| !last.is_empty()) {
            self.push(LineKind::Heading, self.names.fill(&heading.value), Vec::new());
        }
        last.into_iter().try_for_each(|bundle| self.bundle(bundle))
    }

    fn bundle(&mut self, bundle: &Bundle) -> Result<(), Problem> {
        let mut data = self.reader.read(&bundle.whole)?;
        self.numbered += 1;
        for (leaf, datum) in self.header.leaves.iter().zip(&mut data) {
            if matches!(leaf.declared.content, Content::RowNumber) {
                datum.value = Value::Integer(i64::try_from(self.numbered).unwrap_or(i64::MAX));
            }
        }
        self.push_row(LineKind::Body, String::new(), data, bundle.whole[0]);
        for (number, part) in bundle.parts.iter().enumerate() {
            let data = self.reader.read(part)?;
            let label = part_label(self.form.parts.as_ref(), number, self.names);
            self.push_row(LineKind::Part, label, data, part[0]);
        }
        Ok(())
    }

    fn table_totals(&mut self, totals: &Totals, scope: &[usize]) -> Result<(), Problem> {
        let label = self.names.fill(&totals.label.value);
        let Some(conditions) = &totals.rows else {
            self.push(LineKind::Total, label, Vec::new());
            return Ok(());
        };
        let rows = self.data.matching(scope, conditions);
        for record in records(self.form, self.data, &rows) {
            let data = self.reader.read(&record)?;
            self.push(LineKind::Total, label.clone(), data);
        }
        Ok(())
    }

    fn push(&mut self, kind: LineKind, label: String, data: Vec<Datum>) {
        self.lines.push(Line { kind, label, label_column: 0, data, row: None, covered: 0..0, is_computed: false });
    }

    fn push_row(&mut self, kind: LineKind, label: String, data: Vec<Datum>, row: usize) {
        self.push(kind, label, data);
        if let Some(line) = self.lines.last_mut() {
            line.row = Some(row);
        }
    }

    /// The figures of totals that the data do not have: additive columns are summed over the body rows, columns with a
    /// formula follow from the sums, and others have none.
    fn fill_sums(&mut self, body: Range<usize>) {
        for place in 0..self.lines.len() {
            let line = &mut self.lines[place];
            if line.kind == LineKind::Total {
                line.covered = body.clone();
                line.is_computed = line.data.is_empty();
            }
            if !line.is_computed {
                continue;
            }
            let covered = line.covered.clone();
            let mut data = std::mem::take(&mut line.data);
            data.resize_with(self.header.leaves.len(), || Datum::without(Standing::NotApplicable));
            let mut is_known = vec![false; data.len()];
            for (column, leaf) in self.header.leaves.iter().enumerate().filter(|(_, leaf)| leaf.declared.additive) {
                if matches!(leaf.declared.content, Content::Sum(_) | Content::Bound(_)) {
                    let body = self.lines[covered.clone()].iter().filter(|line| line.kind == LineKind::Body);
                    data[column] = sum(body.map(|line| &line.data[column]));
                    is_known[column] = true;
                }
            }
            formulas::fill(self.header, &mut data, &is_known);
            let computed = data.iter_mut().enumerate().filter(|(_, datum)| datum.value.number().is_some());
            for (column, datum) in computed {
                let body = self.lines[covered.clone()].iter().filter(|line| line.kind == LineKind::Body);
                datum.parts = parts(body.map(|line| &line.data[column]));
            }
            self.lines[place].data = data;
        }
    }
}

fn part_label(parts: Option<&PartRows>, number: usize, names: &Names) -> String {
    let label = match parts.and_then(|parts| parts.label.as_ref()) {
        Some(label) => names.fill(&label.value),
        None => AMONG_THEM.to_owned(),
    };
    // Those after the first stand below it.
    if number == 0 { label } else { "　".repeat(label.chars().count()) }
}

/// What a line is called in a message: the texts of its stub.
pub(super) fn name_of(header: &Header<'_>, line: &Line) -> String {
    if line.kind.is_total() {
        return line.label.clone();
    }
    let leading = header.leaves.iter().zip(&line.data).take_while(|(leaf, _)| !leaf.is_quantity());
    let texts =
        leading.filter(|(leaf, _)| leaf.declared.bound().is_some()).filter_map(|(_, datum)| datum.value.plain());
    texts.collect::<Vec<_>>().join(" ")
}
