//! Which delivered column is which column of the contract. By name only, never by position.

use std::borrow::Cow;
use std::fmt;

use super::{Contract, text, units};

/// The columns of a delivery matched with those of its contract.
#[derive(Debug, PartialEq, Eq)]
pub struct Binding {
    /// For each column of the contract, its index in the delivery.
    pub columns: Vec<Option<usize>>,
    /// Index of the column that says new, changed or deleted.
    pub operation: Option<usize>,
    /// Delivered columns the contract does not know; they are not landed.
    pub unknown: Vec<String>,
    /// Columns of the contract that were not delivered and are not required.
    pub absent: Vec<String>,
}

/// Why a delivery does not fit its contract at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindError {
    /// Required columns that are missing, as `name label`.
    pub missing: Vec<String>,
    /// Columns delivered twice: the contract's column, and the delivered names.
    pub repeated: Vec<(String, Vec<String>)>,
    /// Names as delivered that may be shown; without a header the others may be somebody's data.
    pub found: Vec<String>,
    /// How many further columns there are.
    pub not_shown: usize,
}

impl std::error::Error for BindError {}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |names: &[String]| names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        let mut parts = Vec::new();
        if !self.missing.is_empty() {
            parts.push(format!("required columns are missing: {}", quoted(&self.missing)));
        }
        for (column, names) in &self.repeated {
            parts.push(format!("`{column}` is delivered more than once, as {}", quoted(names)));
        }
        write!(f, "{}; ", parts.join("; "))?;
        match (self.found.as_slice(), self.not_shown) {
            ([], columns) => write!(f, "no column name was recognised in {columns} columns; is the header missing?"),
            (found, 0) => write!(f, "found {}", quoted(found)),
            (found, others) => write!(f, "found {} and {others} more", quoted(found)),
        }
    }
}

/// Whether a delivered name looks like a column's and not like a value: short and without digits.
pub fn looks_like_column_name(name: &str) -> bool {
    const LENGTH_MAX: usize = 16;
    name.chars().count() <= LENGTH_MAX && !name.chars().any(|c| c.is_numeric() || c.is_control())
}

/// Names of a delivered column that says what to do with a row, beside the one the contract gives.
const OPERATION_NAMES: [&str; 4] = ["op", "操作", "操作类型", "变更类型"];

impl Contract {
    pub fn bind(&self, header: &[String]) -> Result<Binding, BindError> {
        let folded: Vec<String> = header.iter().map(|name| folded_name(name)).collect();
        let mut owner: Vec<Option<usize>> = vec![None; header.len()];
        let mut repeated = Vec::new();
        for (index, name) in folded.iter().enumerate() {
            owner[index] = self.column_named(name);
        }
        for column in 0..self.columns.len() {
            let names: Vec<String> =
                (0..header.len()).filter(|i| owner[*i] == Some(column)).map(|i| header[i].clone()).collect();
            if names.len() > 1 {
                repeated.push((self.columns[column].name.clone(), names));
            }
        }
        let operation = folded.iter().enumerate().position(|(index, name)| {
            let is_named = self.operation_column.as_ref().is_some_and(|own| folded_name(own) == *name);
            owner[index].is_none()
                && (is_named || (self.operation_column.is_some() && OPERATION_NAMES.contains(&name.as_str())))
        });
        // What no name fits exactly may fit without its unit, or by the last part of its path.
        for fitting in [Contract::column_without_unit, Contract::column_below_heading] {
            let free = |index: usize| owner[index].is_none() && operation != Some(index);
            let candidates: Vec<(usize, usize)> = (0..header.len())
                .filter(|index| free(*index))
                .filter_map(|index| Some((index, fitting(self, &folded[index])?)))
                .filter(|(_, column)| !owner.contains(&Some(*column)))
                .collect();
            for (index, column) in &candidates {
                if candidates.iter().filter(|(_, other)| other == column).count() == 1 {
                    owner[*index] = Some(*column);
                }
            }
        }
        let columns: Vec<Option<usize>> =
            (0..self.columns.len()).map(|column| owner.iter().position(|o| *o == Some(column))).collect();
        let missing: Vec<usize> =
            (0..columns.len()).filter(|c| columns[*c].is_none() && self.columns[*c].is_required).collect();
        // A list of deletions need bring no more than the operation and the key.
        let has_key = self.key.iter().all(|key| columns[*key].is_some());
        let is_payload = |c: usize| !self.key.contains(&c) && self.version_column != Some(c);
        let is_deletions =
            operation.is_some() && has_key && !(0..columns.len()).any(|c| is_payload(c) && columns[c].is_some());
        if !repeated.is_empty() || (!missing.is_empty() && !is_deletions) {
            let name = |c: &usize| format!("{} {}", self.columns[*c].name, self.columns[*c].label);
            let is_known = |index: usize| owner[index].is_some() || operation == Some(index);
            let has_header = (0..header.len()).any(is_known);
            let named = || (0..header.len()).filter(|index| !header[*index].is_empty());
            let is_shown = |index: &usize| has_header && (is_known(*index) || looks_like_column_name(&header[*index]));
            let found: Vec<String> = named().filter(is_shown).map(|index| header[index].clone()).collect();
            let not_shown = named().count() - found.len();
            return Err(BindError { missing: missing.iter().map(name).collect(), repeated, found, not_shown });
        }
        let unknown = (0..header.len()).filter(|i| owner[*i].is_none() && operation != Some(*i));
        let absent = (0..columns.len()).filter(|c| columns[*c].is_none());
        Ok(Binding {
            unknown: unknown.map(|i| header[i].clone()).filter(|name| !name.is_empty()).collect(),
            absent: absent.map(|c| self.columns[c].name.clone()).collect(),
            columns,
            operation,
        })
    }

    fn column_named(&self, folded: &str) -> Option<usize> {
        let is_named = |name: &String| folded_name(name) == folded;
        self.columns.iter().position(|c| is_named(&c.name) || is_named(&c.label) || c.aliases.iter().any(is_named))
    }

    /// The column a name means without the unit at its end.
    fn column_without_unit(&self, folded: &str) -> Option<usize> {
        let (name, unit) = units::unit_at_end(folded)?;
        self.column_named(name).filter(|column| self.is_measured_in(*column, unit))
    }

    /// The column that the lower row of a two-row header names: `基本情况/性别` is `性别`, but `监护人/电话` is the
    /// telephone of somebody else.
    fn column_below_heading(&self, folded: &str) -> Option<usize> {
        let below = |path: &str| {
            let (heading, name) = path.rsplit_once('/')?;
            self.column_named(name).filter(|column| self.is_plain_heading(heading, *column))
        };
        below(folded).or_else(|| {
            // Parted from its unit first: `元/月` is no path.
            let (path, unit) = units::unit_at_end(folded)?;
            below(path).filter(|column| self.is_measured_in(*column, unit))
        })
    }

    fn is_measured_in(&self, column: usize, unit: &str) -> bool {
        let own = self.columns[column].unit.as_deref().map(folded_name);
        units::is_known(unit) || own.as_deref() == Some(unit)
    }

    /// Whether a heading leaves the meaning of a column below it as it is: it says no more than that here is
    /// information, or names the subject of the table or the column once more.
    fn is_plain_heading(&self, heading: &str, column: usize) -> bool {
        let mut subject = heading.replace('/', "");
        for word in PLAIN_WORDS {
            subject = subject.replace(word, "");
        }
        let is_of_table = subject.chars().nth(1).is_some() && folded_name(&self.label).contains(&subject);
        subject.is_empty() || is_of_table || self.column_named(heading) == Some(column)
    }
}

/// Words of headings that only group columns.
const PLAIN_WORDS: [&str; 16] = [
    "基本", "一般", "主要", "个人", "本人", "登记", "填报", "采集", "详细", "情况", "信息", "资料", "内容", "项目",
    "数据", "明细",
];

/// A name for comparison: half-width, lower case, without any blanks.
pub fn folded_name(name: &str) -> String {
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{FEFF}');
    name.chars().filter(|c| !is_blank(*c)).map(text::half_width_sign).flat_map(char::to_lowercase).collect()
}

/// What a text in the operation column means.
pub(super) fn operation_of(text: &str) -> Option<super::Operation> {
    use super::Operation::{Delete, Insert, Update};
    let text: Cow<'_, str> = text::normalise_text(text);
    match text.as_ref() {
        "U" | "变更" | "修改" | "更新" | "变" | "改" => Some(Update),
        "I" | "新增" | "增加" | "增" | "新" => Some(Insert),
        "D" | "删除" | "注销" | "删" => Some(Delete),
        _ => match text.to_ascii_lowercase().as_str() {
            "u" | "update" => Some(Update),
            "i" | "a" | "insert" | "add" => Some(Insert),
            "d" | "delete" => Some(Delete),
            _ => None,
        },
    }
}
