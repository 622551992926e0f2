//! From rows of the dataset to rows of the table: mostly one for one; in a cross-tab several become one, and each
//! column knows which of them it reads.

use hashbrown::HashMap;

use super::header::{Header, Leaf};
use super::narrow;
use crate::report::Problem;
use crate::report::dataset::{Dataset, Value};
use crate::report::form::{Column, Content, NOT_APPLICABLE, SheetForm};
use crate::report::layout::{CellValue, Computed, cell_value};
use crate::report::yaml;

/// Rows of the dataset that are one row of the table.
pub(super) type Record = Vec<usize>;

/// What one cell of the table holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Datum {
    pub value: Value,
    /// The row and column of the dataset it was read from.
    pub source: Option<(u32, u16)>,
    /// What it was computed over, where it was not read.
    pub parts: Vec<(u32, u16)>,
    pub standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Given,
    /// The data have no such row.
    Missing,
    /// A total has no such figure.
    NotApplicable,
}

impl Datum {
    pub(super) fn given(value: Value) -> Self {
        Self { value, source: None, parts: Vec::new(), standing: Standing::Given }
    }

    pub(super) fn without(standing: Standing) -> Self {
        Self { value: Value::Null, source: None, parts: Vec::new(), standing }
    }

    pub(super) fn computed(&self) -> Option<Computed> {
        let is_figure = !self.parts.is_empty() && self.value.number().is_some();
        is_figure.then(|| Computed { value: self.value.clone(), parts: self.parts.clone() })
    }

    pub(super) fn cell(&self, column: &Column) -> CellValue {
        let text = |text: &str| if text.is_empty() { CellValue::Blank } else { CellValue::Text(text.to_owned()) };
        match self.standing {
            Standing::Given => cell_value(&self.value, &column.shape),
            Standing::Missing => text(&column.shape.missing),
            Standing::NotApplicable => text(NOT_APPLICABLE),
        }
    }
}

/// The records of some rows, in order of first appearance.
pub(super) fn records(form: &SheetForm, data: &Dataset, rows: &[usize]) -> Vec<Record> {
    if form.one_row_per.is_empty() {
        return rows.iter().map(|row| vec![*row]).collect();
    }
    let keys: Vec<&str> = form.one_row_per.iter().map(|column| column.value.as_str()).collect();
    grouped(data, rows, &keys).into_iter().map(|(_, rows)| rows).collect()
}

/// Rows that agree in some columns, by the texts of these, in order of first appearance.
pub(super) fn grouped(data: &Dataset, rows: &[usize], columns: &[&str]) -> Vec<(Vec<String>, Vec<usize>)> {
    let columns: Vec<Option<usize>> = columns.iter().map(|column| data.column(column)).collect();
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    let mut groups: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for row in rows {
        let text =
            |column: &Option<usize>| column.and_then(|column| data.value(*row, column).plain()).unwrap_or_default();
        let key: Vec<String> = columns.iter().map(text).collect();
        let place = *places.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(*row);
    }
    groups
}

/// Reads records into cells. Columns are looked up once, not for every row.
pub(super) struct Reader<'a> {
    form: &'a SheetForm,
    header: &'a Header<'a>,
    data: &'a Dataset,
    /// Of each leaf, the column of the dataset.
    columns: Vec<Option<usize>>,
    /// Of each row of the dataset, the picks it belongs to.
    picks_of: Vec<Vec<usize>>,
    /// Of each pick, the row of the record at hand.
    picked: Vec<Option<usize>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(form: &'a SheetForm, header: &'a Header<'a>, data: &'a Dataset) -> Self {
        let columns = header.leaves.iter().map(|leaf| data.column(&leaf.declared.bound()?.value)).collect();
        let rows = if form.one_row_per.is_empty() { 0 } else { data.rows.num_rows() };
        let mut picks_of = vec![Vec::new(); rows];
        for (pick, rows) in header.picks.iter().enumerate() {
            for row in rows.iter() {
                picks_of[*row].push(pick);
            }
        }
        Self { form, header, data, columns, picks_of, picked: vec![None; header.picks.len()] }
    }

    /// The record's cells; row numbers are left out, which only the table knows.
    pub(super) fn read(&mut self, record: &[usize]) -> Result<Vec<Datum>, Problem> {
        self.pick(record)?;
        let mut data = Vec::with_capacity(self.header.leaves.len());
        for (leaf, column) in self.header.leaves.iter().zip(&self.columns) {
            data.push(match (column, leaf.pick) {
                (Some(column), Some(pick)) => match self.picked[pick] {
                    Some(row) => self.datum(row, *column),
                    None => Datum::without(Standing::Missing),
                },
                (Some(column), None) => self.shared(leaf, *column, record)?,
                (None, _) => Datum::given(Value::Null),
            });
        }
        for (place, leaf) in self.header.leaves.iter().enumerate() {
            if matches!(leaf.declared.content, Content::Sum(_)) {
                let parts = parts(leaf.summed.iter().map(|summed| &data[*summed]));
                data[place] = Datum { parts, ..sum(leaf.summed.iter().map(|summed| &data[*summed])) };
            }
        }
        Ok(data)
    }

    /// Sorts out which row each pick reads. Two in one cell, or a row in none, would go unseen.
    fn pick(&mut self, record: &[usize]) -> Result<(), Problem> {
        if self.form.one_row_per.is_empty() {
            return Ok(());
        }
        self.picked.fill(None);
        for row in record {
            let picks = &self.picks_of[*row];
            if picks.is_empty() {
                return Err(yaml::problem(
                    &self.form.path,
                    &self.form.dataset,
                    format!("row {} of dataset `{}` is in no column of the table", row + 1, self.form.dataset.value),
                )
                .hint("choose the rows that the columns show with `rows`, or show this one in a column with `rows`"));
            }
            for pick in picks {
                if let Some(other) = self.picked[*pick].replace(*row) {
                    let leaf = self.header.leaves.iter().find(|leaf| leaf.pick == Some(*pick));
                    let place = leaf.map_or(&self.form.dataset, |leaf| leaf.place);
                    return Err(yaml::problem(
                        &self.form.path,
                        place,
                        format!(
                            "rows {} and {} of dataset `{}` fall into one cell",
                            other + 1,
                            row + 1,
                            self.form.dataset.value
                        ),
                    )
                    .hint("`one_row_per` and `by` together must tell every row from the others"));
                }
            }
        }
        Ok(())
    }

    /// What every row of the record says.
    fn shared(&self, leaf: &Leaf<'_>, column: usize, record: &[usize]) -> Result<Datum, Problem> {
        let Some((first, others)) = record.split_first() else { return Ok(Datum::given(Value::Null)) };
        let datum = self.datum(*first, column);
        match others.iter().find(|row| self.data.value(**row, column) != datum.value) {
            None => Ok(datum),
            Some(row) => Err(yaml::problem(
                &self.form.path,
                leaf.place,
                format!(
                    "rows {} and {} of dataset `{}` are one row of the table and differ in this column",
                    first + 1,
                    row + 1,
                    self.form.dataset.value
                ),
            )
            .hint("say which of them it shows with `rows`, or put it below a group with `by`")),
        }
    }

    fn datum(&self, row: usize, column: usize) -> Datum {
        Datum {
            value: self.data.value(row, column),
            source: Some((u32::try_from(row).unwrap_or(u32::MAX), narrow(column))),
            parts: Vec::new(),
            standing: Standing::Given,
        }
    }
}

/// What some cells were read from, or computed over.
pub(super) fn parts<'a>(data: impl Iterator<Item = &'a Datum>) -> Vec<(u32, u16)> {
    data.flat_map(|datum| datum.source.iter().chain(&datum.parts)).copied().collect()
}

/// The sum of what is given: missing where nothing is, and no figure where a value is none, because a sum of the
/// others would pass for the whole.
pub(super) fn sum<'a>(data: impl Iterator<Item = &'a Datum>) -> Datum {
    let mut given = 0_usize;
    let mut integers = Some(0_i64);
    let mut numbers = Some(0.0);
    let mut has_figure = false;
    for datum in data.filter(|datum| datum.standing == Standing::Given) {
        given += 1;
        match datum.value {
            Value::Null => continue,
            // The sum would tell what is hidden, or pass for the whole.
            Value::Suppressed => return Datum::given(Value::Suppressed),
            _ => {}
        }
        has_figure = true;
        integers = match datum.value {
            Value::Integer(integer) => integers.and_then(|sum| sum.checked_add(integer)),
            _ => None,
        };
        numbers = datum.value.number().and_then(|number| Some(numbers? + number));
    }
    match (given, has_figure) {
        (0, _) => Datum::without(Standing::Missing),
        (_, false) => Datum::given(Value::Null),
        _ => Datum::given(integers.map(Value::Integer).or(numbers.map(Value::Number)).unwrap_or(Value::Null)),
    }
}
