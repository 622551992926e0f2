//! The header as it stands on one sheet: repeated nodes have grown, names are filled in, and every column knows the
//! others that its formula, sum or whole means.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::report::Problem;
use crate::report::dataset::{Dataset, Value};
use crate::report::form::{Below, Column, Content, Each, Found, Node, PartOf, SheetForm, Term, nearest, shared};
use crate::report::layout::SHEET_COLUMNS_MAX;
use crate::report::wording::Names;
use crate::report::yaml::{self, Spanned};

/// Columns of a sum that are numbered each; of more, those between are left out.
const SUMMANDS_MAX: usize = 4;

#[derive(Default)]
pub(super) struct Header<'a> {
    pub labels: Vec<Label>,
    pub leaves: Vec<Leaf<'a>>,
    /// Levels of labels.
    pub depth: usize,
    /// Rows of the dataset that some columns read and others do not; [`Leaf::pick`] is a place in it.
    pub picks: Vec<Rc<[usize]>>,
    pub parts: Vec<Parts<'a>>,
}

/// A label over the columns `first..=last`, on header level `level`, `depth` levels high.
pub(super) struct Label {
    pub text: String,
    pub level: usize,
    pub depth: usize,
    pub first: usize,
    pub last: usize,
}

/// One column of the sheet.
pub(super) struct Leaf<'a> {
    pub declared: &'a Column,
    /// Where it is declared.
    pub place: &'a Spanned<String>,
    /// The labels over it, the outermost first, each on one line.
    pub labels: Vec<String>,
    /// Its way through the tree: children by number, values of repeated nodes by number.
    path: Vec<usize>,
    pub pick: Option<usize>,
    /// Whether it stands once for each of several days or months.
    pub is_over_time: bool,
    /// The columns it sums.
    pub summed: Vec<usize>,
    pub formula: Option<Term<usize>>,
    /// Its number among the quantities.
    pub number: Option<usize>,
}

/// Columns that are parts of another.
pub(super) struct Parts<'a> {
    pub whole: usize,
    pub columns: Vec<usize>,
    pub declared: &'a PartOf,
}

impl<'a> Header<'a> {
    /// `rows` are those from which columns may grow.
    pub(super) fn grown(form: &'a SheetForm, data: &Dataset, rows: &[usize], names: &Names) -> Result<Self, Problem> {
        let mut growing = Growing { form, data, rows, header: Self::fixed_depth(form), groups: Vec::new() };
        let root = Branch {
            level: 0,
            path: Vec::new(),
            picked: None,
            is_over_time: false,
            labels: Vec::new(),
            names: names.clone(),
        };
        growing.nodes(&form.header, &root)?;
        let Growing { mut header, groups, .. } = growing;
        header.relate(form, groups)?;
        Ok(header)
    }

    /// The header of a form of which nothing grows.
    pub(super) fn fixed(form: &'a SheetForm, names: &Names) -> Self {
        // Without repeated nodes there is nothing to go wrong, which the form's checks see to.
        Self::grown(form, &Dataset::default(), &[], names).unwrap_or_default()
    }

    fn fixed_depth(form: &SheetForm) -> Self {
        Self { depth: form.header.iter().map(Node::depth).max().unwrap_or(1), ..Self::default() }
    }

    /// Finds what the columns mean by the names of others, and numbers them.
    fn relate(&mut self, form: &SheetForm, groups: Vec<(Vec<usize>, &'a PartOf)>) -> Result<(), Problem> {
        let mut number = 0;
        let mut showing: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, leaf) in self.leaves.iter_mut().enumerate() {
            if leaf.is_quantity() {
                number += 1;
                leaf.number = Some(number);
            }
            if let Some(name) = leaf.declared.bound() {
                showing.entry(&name.value).or_default().push(place);
            }
        }
        let meant = |place: &Spanned<String>, name: &str, path: &[usize], own: usize| {
            let others = showing.get(name).map(Vec::as_slice).unwrap_or_default().iter().filter(|at| **at != own);
            match nearest(path, others.map(|at| (*at, self.leaves[*at].path.as_slice()))) {
                Found::One(at) => Ok(at),
                Found::Nothing | Found::Several => {
                    Err(yaml::problem(&form.path, place, format!("`{name}` is not one column of the sheet")))
                }
            }
        };
        let mut formulas = Vec::with_capacity(self.leaves.len());
        for (place, leaf) in self.leaves.iter().enumerate() {
            let formula = leaf.declared.formula.as_ref();
            let found = formula.map(|formula| {
                formula.term.try_map(&mut |name: &String| meant(&formula.text, name, &leaf.path, place))
            });
            let summed = match &leaf.declared.content {
                Content::Sum(name) => {
                    let showing = showing.get(name.value.as_str()).map(Vec::as_slice).unwrap_or_default();
                    let common = |at: usize| shared(&leaf.path, &self.leaves[at].path);
                    let nearest = showing.iter().map(|at| common(*at)).max();
                    showing.iter().copied().filter(|at| Some(common(*at)) == nearest).collect()
                }
                _ => Vec::new(),
            };
            formulas.push((found.transpose()?, summed));
        }
        let mut parts = Vec::with_capacity(groups.len());
        for (group, declared) in groups {
            let below = self.leaves.iter().enumerate().filter(|(_, leaf)| leaf.path.starts_with(&group));
            let columns: Vec<usize> = below.filter(|(_, leaf)| leaf.is_quantity()).map(|(at, _)| at).collect();
            let whole = meant(&declared.whole, &declared.whole.value, &group, usize::MAX)?;
            parts.push(Parts { whole, columns, declared });
        }
        for (leaf, (formula, summed)) in self.leaves.iter_mut().zip(formulas) {
            (leaf.formula, leaf.summed) = (formula, summed);
        }
        self.parts = parts;
        Ok(())
    }

    /// How a column follows from others, by their numbers: `1+2` of 3=1+2.
    pub(super) fn explained(&self, leaf: &Leaf<'_>) -> Option<String> {
        let number = |column: usize| self.leaves[column].number.unwrap_or_default();
        if let (Some(formula), Some(term)) = (&leaf.declared.formula, &leaf.formula) {
            return Some(formula.numbered(&columns_in(term).into_iter().map(number).collect::<Vec<_>>()));
        }
        let numbers: Vec<usize> = leaf.summed.iter().map(|column| number(*column)).collect();
        match numbers.as_slice() {
            [] => None,
            // The second says which columns those between are.
            [first, second, .., last] if numbers.len() > SUMMANDS_MAX && are_evenly_spaced(&numbers) => {
                Some(format!("{first}+{second}+…+{last}"))
            }
            _ => Some(numbers.iter().map(usize::to_string).collect::<Vec<_>>().join("+")),
        }
    }

    /// The columns before the first quantity, over which a total's label stands.
    pub(super) fn leading(&self) -> usize {
        self.leaves.iter().take_while(|leaf| !leaf.is_quantity()).count()
    }

    /// The columns bound to one of the dataset's.
    pub(super) fn bound_to<'b>(&'b self, name: &'b str) -> impl Iterator<Item = usize> + 'b {
        let is_bound = move |leaf: &Leaf<'_>| leaf.declared.bound().is_some_and(|bound| bound.value == name);
        self.leaves.iter().enumerate().filter(move |(_, leaf)| is_bound(leaf)).map(|(place, _)| place)
    }
}

impl Leaf<'_> {
    /// Whether it holds figures, which are numbered, and not descriptions.
    pub(super) fn is_quantity(&self) -> bool {
        self.declared.shape.format.is_quantity() && !matches!(self.declared.content, Content::RowNumber)
    }
}

fn are_evenly_spaced(numbers: &[usize]) -> bool {
    numbers.windows(3).all(|three| three[1] * 2 == three[0] + three[2])
}

/// The columns that a formula mentions, in the order and as often as it does.
pub(super) fn columns_in(term: &Term<usize>) -> Vec<usize> {
    match term {
        Term::Number(_) => Vec::new(),
        Term::Column(column) => vec![*column],
        Term::Pair(_, left, right) => [columns_in(left), columns_in(right)].concat(),
    }
}

struct Growing<'a, 'b> {
    form: &'a SheetForm,
    data: &'b Dataset,
    rows: &'b [usize],
    header: Header<'a>,
    groups: Vec<(Vec<usize>, &'a PartOf)>,
}

/// Where in the tree the growing is.
#[derive(Clone)]
struct Branch {
    level: usize,
    path: Vec<usize>,
    /// The rows that the columns below read, where those above have picked some.
    picked: Option<Rc<[usize]>>,
    is_over_time: bool,
    /// The labels above.
    labels: Vec<String>,
    names: Names,
}

impl<'a> Growing<'a, '_> {
    fn nodes(&mut self, nodes: &'a [Node], above: &Branch) -> Result<(), Problem> {
        for (number, node) in nodes.iter().enumerate() {
            let path = [above.path.as_slice(), &[number]].concat();
            let mut picked = above.picked.clone();
            if !node.rows.is_empty() {
                picked = Some(self.data.matching(picked.as_deref().unwrap_or(self.rows), &node.rows).into());
            }
            let Some(each) = &node.each else {
                self.node(node, Branch { path, picked, ..above.clone() })?;
                continue;
            };
            let candidates = self.data.matching(self.rows, &node.rows);
            let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (value, rows) in self.data.groups(picked.as_deref().unwrap_or(self.rows), &each.by.value) {
                groups.insert(value, rows);
            }
            for (number, (value, row)) in values(self.data, &candidates, each).into_iter().enumerate() {
                let naming = std::iter::once(&each.by).chain(&each.named);
                let naming: Vec<(String, String)> = naming
                    .map(|name| (name.value.clone(), self.data.value_of(row, &name.value).plain().unwrap_or_default()))
                    .collect();
                let path = [path.as_slice(), &[number]].concat();
                let picked = Some(groups.remove(&value).unwrap_or_default().into());
                let is_time = matches!(self.data.value_of(row, &each.by.value), Value::Date(_) | Value::Instant(_));
                let is_over_time = above.is_over_time || is_time;
                let names = above.names.with(&naming);
                let labels = above.labels.clone();
                self.node(node, Branch { level: above.level, path, picked, is_over_time, labels, names })?;
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &'a Node, mut at: Branch) -> Result<(), Problem> {
        let text = at.names.fill(&node.label.value);
        at.labels.push(text.replace('\n', ""));
        let first = self.header.leaves.len();
        let label = self.header.labels.len();
        let is_group = matches!(node.below, Below::Group(_));
        self.header.labels.push(Label {
            text,
            level: at.level,
            depth: if is_group { 1 } else { self.header.depth - at.level },
            first,
            last: first,
        });
        match &node.below {
            Below::Group(below) => {
                let inner = Branch { level: at.level + 1, ..at.clone() };
                self.nodes(below, &inner)?;
            }
            Below::Column(column) => self.leaf(column, node, &at)?,
        }
        match self.header.leaves.len().checked_sub(1).filter(|last| *last >= first) {
            Some(last) => self.header.labels[label].last = last,
            // A group of which nothing has grown has no place.
            None => drop(self.header.labels.remove(label)),
        }
        if let Some(part_of) = &node.part_of {
            self.groups.push((at.path, part_of));
        }
        Ok(())
    }

    fn leaf(&mut self, column: &'a Column, node: &'a Node, at: &Branch) -> Result<(), Problem> {
        let blocks = usize::from(self.form.blocks.max(1));
        if (self.header.leaves.len() + 1) * blocks > SHEET_COLUMNS_MAX {
            let message = format!("more columns grow from the data than the {SHEET_COLUMNS_MAX} a sheet can hold");
            return Err(yaml::problem(&self.form.path, &node.label, message)
                .hint("narrow the dataset's `where`, or make sheets of the values with `by`"));
        }
        let pick = match (&at.picked, &column.content) {
            (Some(rows), Content::Bound(_)) => {
                if !self.header.picks.last().is_some_and(|last| Rc::ptr_eq(last, rows)) {
                    self.header.picks.push(Rc::clone(rows));
                }
                Some(self.header.picks.len() - 1)
            }
            _ => None,
        };
        self.header.leaves.push(Leaf {
            declared: column,
            place: &node.label,
            labels: at.labels.clone(),
            path: at.path.clone(),
            pick,
            is_over_time: at.is_over_time,
            summed: Vec::new(),
            formula: None,
            number: None,
        });
        Ok(())
    }
}

/// The values a node is repeated for, each with a row that has it, in the order asked for or their own.
fn values(data: &Dataset, rows: &[usize], each: &Each) -> Vec<(String, usize)> {
    let order = each.order.as_ref().unwrap_or(&each.by);
    let mut values: Vec<(Value, String, usize)> = Vec::new();
    for (value, rows) in data.groups(rows, &each.by.value) {
        let Some(first) = rows.first().filter(|_| !value.is_empty()) else { continue };
        let least = rows.iter().map(|row| data.value_of(*row, &order.value)).min_by(Value::compare);
        values.push((least.unwrap_or(Value::Null), value, *first));
    }
    values.sort_by(|one, other| one.0.compare(&other.0).then_with(|| one.1.cmp(&other.1)));
    values.into_iter().map(|(_, value, row)| (value, row)).collect()
}
