//! What can be wrong with a sheet as a whole, known once all of it is read.

use std::collections::BTreeMap;

use super::header::{Below, PartOf};
use super::lookup::{Found, nearest, shared};
use super::{ChartKind, Column, Content, Kind, Node, SheetForm};
use crate::report::Problem;
use crate::report::layout::SHEET_COLUMNS_MAX;
use crate::report::manifest::listed;
use crate::report::yaml::{self, Spanned};

const BLOCKS_MAX: u16 = 20;

pub(super) fn check_sheet(sheet: &SheetForm, problems: &mut Vec<Problem>) {
    match sheet.kind {
        Kind::Ledger => check_ledger(sheet, problems),
        Kind::Table => check_table(sheet, problems),
    }
    let columns = sheet.columns();
    let widths: f64 = columns.iter().map(|column| column.width).sum();
    if columns.is_empty()
        || columns.len() > SHEET_COLUMNS_MAX
        || !widths.is_finite()
        || columns.iter().any(|column| !(1.0..=255.0).contains(&column.width))
    {
        problems.push(Problem::new(&sheet.path, "a form needs columns, each 1 to 255 wide"));
    }
    check_marks(sheet, problems);
    let mut relations = Relations::new(sheet);
    relations.check(problems);
}

fn check_ledger(sheet: &SheetForm, problems: &mut Vec<Problem>) {
    let columns = sheet.columns();
    let mut is_picked = false;
    let mut has_parts = false;
    Node::walk(&sheet.header, &mut |node| {
        is_picked |= node.each.is_some() || !node.rows.is_empty();
        has_parts |= node.part_of.is_some();
    });
    let has_sums = columns.iter().any(|column| matches!(column.content, Content::Sum(_)));
    let unfit = [
        (columns.iter().any(|column| column.merge), "merged cells"),
        (sheet.by.is_some(), "a sheet per member"),
        (!sheet.charts.is_empty(), "charts"),
        (!sheet.rows.is_empty(), "a choice of rows"),
        (!sheet.one_row_per.is_empty() || is_picked || has_sums, "columns that grow from data"),
        (columns.iter().any(|column| column.formula.is_some()) || has_parts, "formulas and parts"),
        (sheet.totals.is_some() || !sheet.subtotals.is_empty(), "totals"),
        (sheet.parts.is_some() || sheet.unranked.is_some(), "rows apart from the others"),
        (sheet.blocks != 1, "blocks side by side"),
        (sheet.is_live, "live formulas"),
    ];
    for (_, what) in unfit.into_iter().filter(|(present, _)| *present) {
        problems.push(
            Problem::new(&sheet.path, format!("a ledger has no {what}"))
                .hint("make it `kind: table`, or choose rows in the dataset's `where`"),
        );
    }
}

/// What stands out, what hands fill, and charts of one series.
fn check_marks(sheet: &SheetForm, problems: &mut Vec<Problem>) {
    let path = &sheet.path;
    for chart in sheet.charts.iter().filter(|chart| matches!(chart.kind, ChartKind::Pie | ChartKind::Pareto)) {
        if chart.series.len() != 1 {
            problems.push(yaml::problem(path, &chart.title, "a chart of shares shows one series"));
        }
        if chart.kind == ChartKind::Pareto && sheet.columns().len() < 3 {
            problems.push(yaml::problem(path, &chart.title, "the sorted figures of the chart need three columns"));
        }
    }
    if let Some(by) = sheet.break_by.as_ref().filter(|_| sheet.blocks > 1) {
        problems.push(yaml::problem(path, by, "blocks side by side cannot be parted into pages"));
    }
    if sheet.is_protected && !sheet.columns().iter().any(|column| matches!(column.content, Content::Blank)) {
        problems.push(
            yaml::problem(path, &sheet.title, "the sheet is protected and has no column to fill")
                .hint("a column with `blank: true` can be written into; without one leave out `protect`"),
        );
    }
}

fn check_table(sheet: &SheetForm, problems: &mut Vec<Problem>) {
    let path = &sheet.path;
    let columns = sheet.columns();
    let bound = |name: &str| columns.iter().any(|column| column.bound().is_some_and(|bound| bound.value == name));
    for name in sheet.charts.iter().flat_map(|chart| std::iter::once(&chart.categories).chain(&chart.series)) {
        if !bound(&name.value) {
            let message = format!("the chart shows `{}`, which is no column of the form", name.value);
            problems.push(yaml::problem(path, name, message));
        }
    }
    if let Some(chart) = sheet.charts.first() {
        let broken = [
            (!sheet.subtotals.is_empty(), "subtotals"),
            (sheet.parts.is_some(), "parts"),
            (sheet.blocks > 1, "blocks side by side"),
            (sheet.unranked.as_ref().is_some_and(|unranked| unranked.heading.is_some()), "a heading"),
        ];
        for (_, what) in broken.into_iter().filter(|(present, _)| *present) {
            problems.push(
                yaml::problem(
                    path,
                    &chart.title,
                    format!("a chart cannot be drawn of rows between which {what} stand"),
                )
                .hint("draw it on another sheet of the form, from the same dataset"),
            );
        }
    }
    if !(1..=BLOCKS_MAX).contains(&sheet.blocks) {
        problems.push(Problem::new(path, format!("`blocks` is {}, and 1 to {BLOCKS_MAX} fit", sheet.blocks)));
    }
    if sheet.blocks > 1 && sheet.autofilter {
        problems.push(Problem::new(path, "blocks side by side cannot be filtered").hint("leave out `autofilter`"));
    }
    if let Some(per) = sheet.one_row_per.first() {
        let mut is_picked = false;
        Node::walk(&sheet.header, &mut |node| is_picked |= node.each.is_some() || !node.rows.is_empty());
        if !is_picked {
            problems.push(
                yaml::problem(path, per, "one row is made of several, and no column says which of them it reads")
                    .hint("a column or a group has `by`, to stand once for each value, or `rows`, to pick one"),
            );
        }
    } else {
        Node::walk(&sheet.header, &mut |node| {
            if node.each.is_some() || !node.rows.is_empty() {
                problems.push(
                    yaml::problem(path, &node.label, "a column that picks rows needs `one_row_per`")
                        .hint("name the columns of the dataset that say which rows are one row of the table"),
                );
            }
        });
    }
    let has_sum = columns.iter().any(|column| column.additive);
    let sums = sheet.totals.iter().chain(sheet.subtotals.iter().map(|subtotal| &subtotal.totals));
    for totals in sums.filter(|totals| totals.rows.is_none() && !has_sum) {
        problems.push(
            yaml::problem(path, &totals.label, "no column can be summed")
                .hint("say `additive: true` of those that can, or take the totals from the dataset with `rows`"),
        );
    }
    if sheet.parts.is_some() && !has_sum {
        problems.push(
            Problem::new(path, "no column tells how a part compares with its whole")
                .hint("say `additive: true` of those in which a part cannot exceed its whole"),
        );
    }
    for (level, subtotal) in sheet.subtotals.iter().enumerate() {
        if sheet.subtotals[..level].iter().any(|outer| outer.by.value == subtotal.by.value) {
            let message = format!("rows are grouped by `{}` twice", subtotal.by.value);
            problems.push(yaml::problem(path, &subtotal.by, message));
        }
    }
}

/// A column as declared, with its place in the tree.
struct Declared<'a> {
    path: Vec<usize>,
    /// Lengths of the paths to the repeated nodes above it, its own among them.
    repeated: Vec<usize>,
    label: &'a Spanned<String>,
    column: &'a Column,
}

/// What columns say of one another: formulas, parts, sums.
struct Relations<'a> {
    sheet: &'a SheetForm,
    declared: Vec<Declared<'a>>,
    /// Columns by what they are bound to.
    showing: BTreeMap<&'a str, Vec<usize>>,
    groups: Vec<(Vec<usize>, &'a PartOf)>,
}

impl<'a> Relations<'a> {
    fn new(sheet: &'a SheetForm) -> Self {
        let mut relations = Self { sheet, declared: Vec::new(), showing: BTreeMap::new(), groups: Vec::new() };
        relations.gather(&sheet.header, &[], &[]);
        for (place, declared) in relations.declared.iter().enumerate() {
            if let Some(name) = declared.column.bound() {
                relations.showing.entry(&name.value).or_default().push(place);
            }
        }
        relations
    }

    fn gather(&mut self, nodes: &'a [Node], path: &[usize], repeated: &[usize]) {
        for (number, node) in nodes.iter().enumerate() {
            let path = [path, &[number]].concat();
            let mut repeated = repeated.to_vec();
            if node.each.is_some() {
                repeated.push(path.len());
            }
            if let Some(part_of) = &node.part_of {
                self.groups.push((path.clone(), part_of));
            }
            match &node.below {
                Below::Group(below) => self.gather(below, &path, &repeated),
                Below::Column(column) => self.declared.push(Declared { path, repeated, label: &node.label, column }),
            }
        }
    }

    fn check(&mut self, problems: &mut Vec<Problem>) {
        let count = self.declared.len();
        let mut needs: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (place, declared) in self.declared.iter().enumerate() {
            if let Some(formula) = &declared.column.formula {
                for name in formula.names() {
                    match self.meant(&formula.text, name, &declared.path, place) {
                        Ok(other) => needs[place].push(other),
                        Err(problem) => problems.push(problem),
                    }
                }
            }
            if let Content::Sum(name) = &declared.column.content {
                self.check_sum(declared, name, problems);
            }
        }
        if let Some(place) = in_a_circle(&needs) {
            let text = self.declared[place].column.formula.as_ref().map_or(self.declared[place].label, |f| &f.text);
            problems.push(
                yaml::problem(&self.sheet.path, text, "the formulas go in a circle: each needs the other")
                    .hint("one of the columns is the result and has the formula, the others have none"),
            );
        }
        self.check_parts(problems);
    }

    /// The column that `name` means to a column or group at `path`.
    fn meant(&self, place: &Spanned<String>, name: &str, path: &[usize], own: usize) -> Result<usize, Problem> {
        let problem = |message: String| yaml::problem(&self.sheet.path, place, message);
        let showing = self.showing.get(name).map(Vec::as_slice).unwrap_or_default();
        let others = showing.iter().filter(|at| **at != own);
        match nearest(path, others.map(|at| (*at, self.declared[*at].path.as_slice()))) {
            Found::Nothing if !showing.is_empty() => Err(problem(format!("`{name}` is explained by itself"))),
            Found::Nothing => {
                let shown: Vec<&str> = self.showing.keys().copied().collect();
                Err(problem(format!("`{name}` is no column of the form")).hint(listed("columns", &shown)))
            }
            Found::Several => Err(problem(format!("two columns of the form show `{name}`, and either could be meant"))
                .hint("put them into groups of their own: the nearest is taken")),
            Found::One(at) => {
                let common = shared(path, &self.declared[at].path);
                if self.declared[at].repeated.iter().any(|length| *length > common) {
                    return Err(problem(format!(
                        "`{name}` stands once for each value of a column, and all could be meant"
                    ))
                    .hint(format!("a column with `sum: {name}` adds them up")));
                }
                Ok(at)
            }
        }
    }

    fn check_sum(&self, sum: &Declared<'_>, name: &Spanned<String>, problems: &mut Vec<Problem>) {
        let path = &self.sheet.path;
        let showing = self.showing.get(name.value.as_str()).map(Vec::as_slice).unwrap_or_default();
        let mut summed = showing
            .iter()
            .map(|at| &self.declared[*at])
            .filter(|declared| declared.repeated.iter().any(|length| *length > shared(&sum.path, &declared.path)));
        match summed.next() {
            None => problems.push(
                yaml::problem(path, name, format!("no repeated column shows `{}`", name.value))
                    .hint("`sum` adds up the columns that stand once for each value of `by`"),
            ),
            Some(first) if !first.column.additive => problems.push(
                yaml::problem(path, name, format!("`{}` is not declared additive", name.value))
                    .hint("say `additive: true` where it is shown, if its values have a sum"),
            ),
            Some(_) => {}
        }
        if !sum.column.shape.format.is_quantity() {
            problems.push(
                yaml::problem(path, name, "a sum has a format for figures").hint("for example `format: integer`"),
            );
        }
    }

    /// A part is in no sum with its whole, and nothing is a part of itself.
    fn check_parts(&self, problems: &mut Vec<Problem>) {
        let path = &self.sheet.path;
        // Of each column: the columns it is a part of, and whether all parts together are the whole.
        let mut wholes: Vec<Vec<(usize, bool)>> = vec![Vec::new(); self.declared.len()];
        for (group, part_of) in &self.groups {
            let below = |at: usize| self.declared[at].path.starts_with(group);
            match self.meant(&part_of.whole, &part_of.whole.value, group, usize::MAX) {
                Ok(whole) if below(whole) => problems.push(
                    yaml::problem(path, &part_of.whole, format!("`{}` would be a part of itself", part_of.whole.value))
                        .hint("the whole stands beside the group of its parts, not in it"),
                ),
                Ok(whole) => {
                    for (at, parts) in wholes.iter_mut().enumerate().filter(|(at, _)| below(*at)) {
                        if self.declared[at].column.shape.format.is_quantity() {
                            parts.push((whole, part_of.is_complete));
                        }
                    }
                }
                Err(problem) => problems.push(problem),
            }
        }
        let needs: Vec<Vec<usize>> = wholes.iter().map(|list| list.iter().map(|(whole, _)| *whole).collect()).collect();
        if let Some(place) = in_a_circle(&needs) {
            let message = "the parts go in a circle: each is a part of the other";
            problems.push(yaml::problem(path, self.declared[place].label, message));
            return;
        }
        for (place, declared) in self.declared.iter().enumerate() {
            let Some(formula) = &declared.column.formula else { continue };
            let added: BTreeMap<usize, &str> = formula
                .added()
                .into_iter()
                .filter_map(|name| Some((self.meant(&formula.text, name, &declared.path, place).ok()?, name)))
                .collect();
            for (term, name) in &added {
                let counted_twice = wholes[*term]
                    .iter()
                    .any(|(whole, is_complete)| added.contains_key(whole) || (*whole == place && !is_complete));
                if counted_twice {
                    problems.push(
                        yaml::problem(path, &formula.text, format!("`{name}` is a part and is never added to a total"))
                            .hint(
                                "leave it out of the formula; where the parts make up the whole, say `complete: true`",
                            ),
                    );
                }
            }
        }
    }
}

/// A place that cannot be reached without going through itself.
fn in_a_circle(needs: &[Vec<usize>]) -> Option<usize> {
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut wanted_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (place, list) in needs.iter().enumerate() {
        for need in list {
            wanted_by[*need].push(place);
        }
    }
    let mut free: Vec<usize> = (0..needs.len()).filter(|place| open[*place] == 0).collect();
    while let Some(place) = free.pop() {
        for other in &wanted_by[place] {
            open[*other] -= 1;
            if open[*other] == 0 {
                free.push(*other);
            }
        }
    }
    open.iter().position(|open| *open > 0)
}
