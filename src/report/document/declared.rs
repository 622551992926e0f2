//! A table as a template declares it, with the keys a form's columns have:
//! `table(units, caption="各单位", columns=[{"label": "办结", "column": "closed_count", "format": "integer"}])`.
//!
//! An error is placed at the call by the template engine.

use chrono::NaiveDate;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::{ColumnAlign, Run, Table, TableCell};
use crate::report::form::NOT_APPLICABLE;
use crate::report::number::{Format, fixed, percent};
use crate::report::origin::Cited;
use crate::report::summary::TemplateRow;
use crate::report::wording::chinese_date;

const GROUP_KEYS: [&str; 2] = ["label", "columns"];
const LEAF_KEYS: [&str; 7] = ["label", "column", "format", "align", "empty", "merge", "row_number"];

/// A column of the body.
struct Leaf {
    /// `None` counts the rows.
    column: Option<String>,
    format: Format,
    align: ColumnAlign,
    empty: String,
    is_merged: bool,
}

/// The table of a call, its caption without number.
pub(in crate::report) fn declared(rows: &Value, options: &Kwargs) -> Result<Table, Error> {
    let entries: Vec<Value> = options.get("columns")?;
    let caption: Option<String> = options.get("caption")?;
    options.assert_all_used()?;
    let mut header = Header::default();
    header.read(&entries, 0)?;
    if header.leaves.is_empty() {
        return Err(invalid("a table needs `columns`, each with `label` and `column`".to_owned()));
    }
    let mut body = Vec::new();
    for (number, row) in (1..).zip(rows.try_iter()?) {
        body.push(header.leaves.iter().map(|leaf| leaf.cell(&row, number)).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(Table {
        caption: caption.unwrap_or_default(),
        columns: header.leaves.iter().map(|leaf| leaf.align).collect(),
        body: merged(&header.leaves, body),
        head: header.rows(),
    })
}

/// The tree of labels, read from left to right.
#[derive(Default)]
struct Header {
    leaves: Vec<Leaf>,
    /// Level, first column, columns and label of each entry; of a leaf, whether it is one.
    labels: Vec<(usize, usize, usize, String, bool)>,
}

impl Header {
    fn read(&mut self, entries: &[Value], level: usize) -> Result<(), Error> {
        for entry in entries {
            let label = entry.get_attr("label")?;
            let Some(label) = label.as_str() else {
                return Err(invalid("a column of the table has no `label`".into()));
            };
            let inner = entry.get_attr("columns")?;
            let (place, first) = (self.labels.len(), self.leaves.len());
            self.labels.push((level, first, 1, label.to_owned(), inner.is_undefined()));
            if inner.is_undefined() {
                check_keys(entry, label, &LEAF_KEYS)?;
                self.leaves.push(Leaf::read(entry, label)?);
            } else {
                check_keys(entry, label, &GROUP_KEYS)?;
                self.read(&inner.try_iter()?.collect::<Vec<_>>(), level + 1)?;
                let columns = self.leaves.len() - first;
                if columns == 0 {
                    return Err(invalid(format!("`columns` of `{label}` is empty")));
                }
                self.labels[place].2 = columns;
            }
        }
        Ok(())
    }

    /// A leaf goes down to the last row of the header.
    fn rows(&self) -> Vec<Vec<TableCell>> {
        let depth = self.labels.iter().map(|(level, ..)| level + 1).max().unwrap_or(1);
        let mut rows = vec![Vec::new(); depth];
        for (level, column, columns, label, is_leaf) in &self.labels {
            let deep = if *is_leaf { depth - level } else { 1 };
            let label = Run { text: label.clone(), ..Run::default() };
            rows[*level].push(cell(label, *column, *columns, deep));
        }
        rows
    }
}

impl Leaf {
    fn read(entry: &Value, label: &str) -> Result<Self, Error> {
        let text = |key: &str| -> Result<Option<String>, Error> {
            match entry.get_attr(key)? {
                value if value.is_undefined() => Ok(None),
                value => match value.as_str() {
                    Some(text) => Ok(Some(text.to_owned())),
                    None => Err(invalid(format!("`{key}` of column `{label}` is no text"))),
                },
            }
        };
        let is_set = |key: &str| Ok::<_, Error>(entry.get_attr(key)?.is_true());
        let (column, counts) = (text("column")?, is_set("row_number")?);
        if column.is_some() == counts {
            return Err(invalid(format!("column `{label}` needs either `column` or `row_number`")));
        }
        let format = match text("format")? {
            None => Format::Text,
            Some(format) => Format::parse(&format).ok_or_else(|| {
                invalid(format!("unknown format `{format}` of column `{label}`: one of {}", Format::NAMES))
            })?,
        };
        let align = match text("align")?.as_deref() {
            Some("left") => ColumnAlign::Left,
            Some("center") => ColumnAlign::Center,
            Some("right") => ColumnAlign::Right,
            Some(other) => {
                return Err(invalid(format!("column `{label}` is aligned `left`, `center` or `right`, not `{other}`")));
            }
            None if counts => ColumnAlign::Center,
            None if format.is_quantity() => ColumnAlign::Right,
            None => ColumnAlign::Left,
        };
        let empty = text("empty")?.unwrap_or_else(|| NOT_APPLICABLE.to_owned());
        Ok(Self { column, format, align, empty, is_merged: is_set("merge")? })
    }

    fn cell(&self, row: &Value, number: usize) -> Result<Run, Error> {
        let text = self.text(row, number)?;
        let origin = self
            .column
            .as_ref()
            .and_then(|column| row.downcast_object_ref::<TemplateRow>()?.origin(column))
            .filter(|_| !text.is_empty());
        let figures = origin.map(|origin| (0..text.len(), Cited::of(origin))).into_iter().collect();
        Ok(Run { text, figures, ..Run::default() })
    }

    fn text(&self, row: &Value, number: usize) -> Result<String, Error> {
        let Some(column) = &self.column else { return Ok(number.to_string()) };
        let value = row.get_attr(column)?;
        if value.is_undefined() {
            return Err(Error::new(ErrorKind::UndefinedError, format!("the rows of the table have no `{column}`")));
        }
        if value.is_none() {
            return Ok(self.empty.clone());
        }
        let figure = || f64::try_from(value.clone());
        // A figure that is kept from being shown comes as the text that stands for it.
        let is_text = value.kind() == ValueKind::String;
        Ok(match self.format {
            Format::Date => match value.as_str().and_then(|text| text.get(..10)).map(str::parse::<NaiveDate>) {
                Some(Ok(day)) => chinese_date(day),
                _ => value.to_string(),
            },
            Format::Integer if !is_text => fixed(figure()?, 0),
            Format::Decimal(digits) if !is_text => fixed(figure()?, digits.into()),
            Format::Percent(digits) if !is_text => percent(figure()?, digits.into()) + "%",
            Format::Flag => if value.is_true() { "是" } else { "否" }.to_owned(),
            _ => value.to_string(),
        })
    }
}

/// Equal neighbours in merged columns become one cell, never across a merge to their left.
fn merged(leaves: &[Leaf], body: Vec<Vec<Run>>) -> Vec<Vec<TableCell>> {
    let goes_on = |row: usize, column: usize| {
        row > 0
            && (0..=column)
                .filter(|left| leaves[*left].is_merged)
                .all(|left| body[row][left].text == body[row - 1][left].text)
    };
    let cells = |row: usize| {
        let begins = |column: &usize| !(leaves[*column].is_merged && goes_on(row, *column));
        (0..leaves.len())
            .filter(begins)
            .map(|column| {
                let below =
                    (row + 1..body.len()).take_while(|below| leaves[column].is_merged && goes_on(*below, column));
                cell(body[row][column].clone(), column, 1, below.count() + 1)
            })
            .collect()
    };
    (0..body.len()).map(cells).collect()
}

fn cell(text: Run, column: usize, columns: usize, rows: usize) -> TableCell {
    TableCell { text: vec![text], column, columns, rows }
}

fn check_keys(entry: &Value, label: &str, known: &[&str]) -> Result<(), Error> {
    for key in entry.try_iter()? {
        if !key.as_str().is_some_and(|key| known.contains(&key)) {
            let known = known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            return Err(invalid(format!("column `{label}` has no `{key}`; its keys: {known}")));
        }
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::plain;

    fn rows() -> Value {
        let row = |street: &str, place: &str, count: Option<i64>, rate: f64| {
            Value::from_pairs([
                ("street", Value::from(street)),
                ("place", Value::from(place)),
                ("count", count.map_or_else(|| Value::from(()), Value::from)),
                ("rate", Value::from(rate)),
            ])
        };
        Value::from(vec![row("东", "甲", Some(1), 0.98585), row("东", "乙", None, 1.0), row("西", "乙", Some(3), 0.5)])
    }

    fn table(columns: &str) -> Result<Table, Error> {
        let environment = minijinja::Environment::new();
        let columns = environment.compile_expression(columns)?.eval(())?;
        declared(&rows(), &Kwargs::from_iter([("columns", columns), ("caption", Value::from("各社区"))]))
    }

    #[test]
    fn heads_are_trees_and_equal_neighbours_one_cell() {
        let table = table(
            "[{'label': '序号', 'row_number': true}, {'label': '街道', 'column': 'street', 'merge': true},
              {'label': '社区', 'column': 'place', 'merge': true},
              {'label': '办理', 'columns': [{'label': '件数', 'column': 'count', 'format': 'integer'},
                                            {'label': '率', 'column': 'rate', 'format': 'percent 2'}]}]",
        )
        .expect("a table");
        let shown = |rows: &[Vec<TableCell>]| -> Vec<String> {
            let cell =
                |cell: &TableCell| format!("{}@{}x{}/{}", plain(&cell.text), cell.column, cell.columns, cell.rows);
            rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(" ")).collect()
        };
        assert_eq!(shown(&table.head), ["序号@0x1/2 街道@1x1/2 社区@2x1/2 办理@3x2/1", "件数@3x1/1 率@4x1/1"]);
        assert_eq!(
            shown(&table.body),
            [
                "1@0x1/1 东@1x1/2 甲@2x1/1 1@3x1/1 98.59%@4x1/1",
                "2@0x1/1 乙@2x1/1 —@3x1/1 100.00%@4x1/1",
                // The same name in another street is another place.
                "3@0x1/1 西@1x1/1 乙@2x1/1 3@3x1/1 50.00%@4x1/1",
            ]
        );
        let align = [ColumnAlign::Center, ColumnAlign::Left, ColumnAlign::Left, ColumnAlign::Right, ColumnAlign::Right];
        assert_eq!((table.caption.as_str(), table.columns.as_slice()), ("各社区", align.as_slice()));
    }

    #[test]
    fn mistakes_are_named() {
        for (columns, expected) in [
            ("[]", "a table needs `columns`"),
            ("[{'label': '街道'}]", "column `街道` needs either `column` or `row_number`"),
            ("[{'column': 'street'}]", "no `label`"),
            ("[{'label': '街道', 'column': 'strt'}]", "have no `strt`"),
            ("[{'label': '街道', 'colunm': 'street'}]", "has no `colunm`; its keys: `label`"),
            ("[{'label': '数', 'column': 'count', 'format': 'percnt'}]", "unknown format `percnt`"),
            ("[{'label': '数', 'column': 'count', 'align': 'middle'}]", "not `middle`"),
            ("[{'label': '组', 'columns': []}]", "`columns` of `组` is empty"),
        ] {
            let error = table(columns).expect_err(columns);
            assert!(error.to_string().contains(expected), "{columns}: {error}");
        }
    }
}
