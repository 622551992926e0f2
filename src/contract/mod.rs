//! What was agreed about each table: columns, types, rules; and the judgement of delivered rows by it.
//!
//! Contracts are Open Data Contract Standard files in `data/contracts`. `load` reads them all (`declared` one
//! of them) and names every problem in them; `bind` matches a delivery's header; `check` turns rows as delivered into typed, accepted rows and
//! violations a clerk can act on. Nothing here writes, queries or knows where a table is stored: whether a key exists
//! is asked through `KeyLookup`.

mod bind;
mod check;
mod code_list;
mod declared;
mod declared_rules;
mod keys;
mod load;
mod personal;
mod reason;
mod rules;
mod text;
mod typed;
mod units;
mod value;
mod yaml;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

pub use bind::{BindError, Binding, folded_name, looks_like_column_name};
pub use check::{CheckContext, Checked, Operation, Violation, check};
pub use code_list::{CodeList, CodeLists};
pub use keys::{KeyLookup, KeySet, Keys};
pub use personal::names_a_person;
pub use reason::RuleCode;
pub use rules::{Bound, Condition, Rule, RuleKind};
pub use text::normalise_text;
pub use value::{parse_boolean, parse_date};

/// One thing wrong with a contract or code list, in a file somebody can edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// Both from 1.
    pub line: u32,
    pub column: u32,
    pub message: String,
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

/// The agreement about one table.
#[derive(Debug)]
pub struct Contract {
    pub table: String,
    /// Chinese name of the table.
    pub label: String,
    pub description: String,
    pub version: String,
    pub path: PathBuf,
    /// Where the table begins in the contract file.
    pub line: u32,
    pub columns: Vec<Column>,
    /// Indexes of the key columns, in key order; at least one.
    pub key: Vec<usize>,
    /// The column that says which of two versions of a row is newer.
    pub version_column: Option<usize>,
    /// Name of the delivered column that says whether a row is new, changed or deleted.
    pub operation_column: Option<String>,
    /// Rows are stored sorted by this column.
    pub cluster_by: Option<usize>,
    pub delivery: DeliveryKind,
    /// Beginnings of the names of files that deliver this table.
    pub files: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryKind {
    /// A delivery holds new, changed and deleted rows; the others stay.
    Changes,
    /// A delivery is the whole table; rows it lacks are gone.
    Full,
}

#[derive(Debug)]
pub struct Column {
    pub name: String,
    /// Chinese name.
    pub label: String,
    pub description: String,
    pub aliases: Vec<String>,
    pub kind: ColumnKind,
    pub unit: Option<String>,
    pub is_required: bool,
    pub classification: Classification,
    pub rules: Vec<Rule>,
    /// Its texts are compared with those of other rows and tables: a key, a reference, or what one refers to.
    pub is_identifier: bool,
    /// Where the column begins in the contract file.
    pub line: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Integer,
    Number,
    Boolean,
    Date,
    /// Local time without zone, in microseconds.
    Timestamp,
}

impl ColumnKind {
    pub fn data_type(self) -> DataType {
        match self {
            ColumnKind::Text => DataType::Utf8,
            ColumnKind::Integer => DataType::Int64,
            ColumnKind::Number => DataType::Float64,
            ColumnKind::Boolean => DataType::Boolean,
            ColumnKind::Date => DataType::Date32,
            ColumnKind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Classification {
    Public,
    Internal,
    /// About a person, but naming nobody alone.
    Personal,
    Sensitive,
}

impl Column {
    /// Whether values of this column must stay out of messages.
    pub fn hides_values(&self) -> bool {
        self.classification >= Classification::Personal
    }

    pub fn is_sensitive(&self) -> bool {
        self.classification == Classification::Sensitive
    }

    /// The code list that values are translated by.
    pub fn code_list(&self) -> Option<&Arc<CodeList>> {
        self.rules.iter().find_map(|rule| match &rule.kind {
            RuleKind::CodeList(list) => Some(list),
            _ => None,
        })
    }
}

impl Contract {
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }

    /// The schema of accepted rows. Only key columns are never null: a deletion needs no more than its key.
    pub fn arrow_schema(&self) -> SchemaRef {
        let field = |(index, column): (usize, &Column)| {
            Field::new(&column.name, column.kind.data_type(), !self.key.contains(&index))
        };
        Arc::new(Schema::new(self.columns.iter().enumerate().map(field).collect::<Vec<_>>()))
    }

    /// Whether a file of this name (without extension) delivers this table.
    pub fn matches_file(&self, stem: &str) -> bool {
        self.file_match(stem).is_some()
    }

    /// How many characters of the file name this contract claims.
    fn file_match(&self, stem: &str) -> Option<usize> {
        let ends: Vec<usize> = stem.char_indices().map(|(start, c)| start + c.len_utf8()).collect();
        let claims = |beginning: &String| {
            let beginning = folded_name(beginning);
            let end = *ends.iter().find(|end| folded_name(&stem[..**end]) == beginning)?;
            // `shops` does not claim `shopspecial`; `shops june` it does.
            let is_word = |c: char| c.is_alphabetic() && folded_name(&c.to_string()).is_ascii();
            let goes_on =
                beginning.chars().last().is_some_and(is_word) && stem[end..].chars().next().is_some_and(is_word);
            (!goes_on && !beginning.is_empty()).then(|| beginning.chars().count())
        };
        self.files.iter().filter_map(claims).max()
    }

    /// Tables whose rows must exist for rows of this one to be accepted.
    pub fn depends_on(&self) -> BTreeSet<&str> {
        let rules = self.columns.iter().flat_map(|column| &column.rules).filter(|rule| !rule.is_warning);
        let tables = rules.filter_map(|rule| match &rule.kind {
            RuleKind::Reference { table, .. } => Some(table.as_str()),
            _ => None,
        });
        tables.filter(|table| *table != self.table).collect()
    }
}

/// All contracts of a district, a table after those it refers to.
#[derive(Debug, Default)]
pub struct Contracts {
    contracts: Vec<Contract>,
    pub code_lists: CodeLists,
    known_names: hashbrown::HashSet<String>,
    known_units: hashbrown::HashSet<String>,
}

impl Contracts {
    /// Reads every `.odcs.yaml` in a folder. All problems of all files are found, not only the first.
    pub fn load(folder: &Path, code_lists_csv: &Path) -> Result<Contracts, Vec<Problem>> {
        let (contracts, code_lists) = load::load(folder, code_lists_csv)?;
        let columns = || contracts.iter().flat_map(|contract| &contract.columns);
        let known_names = columns()
            .flat_map(|column| [&column.name, &column.label].into_iter().chain(&column.aliases))
            .map(|name| folded_name(name))
            .collect();
        let known_units = columns().filter_map(|column| column.unit.as_deref().map(folded_name)).collect();
        Ok(Contracts { contracts, code_lists, known_names, known_units })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Contract> {
        self.contracts.iter()
    }

    pub fn get(&self, table: &str) -> Option<&Contract> {
        self.contracts.iter().find(|contract| contract.table == table)
    }

    /// Names of the columns whose values tell of one person. What a code list holds is said of many.
    pub fn sensitive_columns(&self) -> BTreeSet<String> {
        let columns = self.contracts.iter().flat_map(|contract| &contract.columns);
        let telling = columns.filter(|column| column.is_sensitive() && column.code_list().is_none());
        telling.map(|column| column.name.clone()).collect()
    }

    /// The table a file delivers, by its name without extension; the longest claim wins.
    pub fn for_file(&self, stem: &str) -> Option<&Contract> {
        let claims = self.contracts.iter().filter_map(|contract| Some((contract.file_match(stem)?, contract)));
        claims.max_by_key(|(length, _)| *length).map(|(_, contract)| contract)
    }

    /// Whether any contract has a column of this name, for finding header rows.
    pub fn is_known_column(&self, name: &str) -> bool {
        let folded = folded_name(name);
        let is_measured = |(name, unit): (&str, &str)| {
            self.known_names.contains(name) && (units::is_known(unit) || self.known_units.contains(unit))
        };
        self.known_names.contains(&folded) || units::unit_at_end(&folded).is_some_and(is_measured)
    }
}

#[cfg(test)]
mod tests;
