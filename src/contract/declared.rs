//! One contract file: its tables, columns and keys as declared.

use std::collections::BTreeMap;
use std::path::Path;

use super::bind::folded_name;
use super::yaml::{self, Node, Place, Value};
use super::{Classification, CodeLists, Column, ColumnKind, Contract, DeliveryKind, Problem};
use crate::diagnostic::did_you_mean;

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "date", "timestamp"];
const CLASSIFICATIONS: &[&str] = &["public", "internal", "personal", "sensitive"];
const TABLE_PROPERTIES: &[&str] = &["files", "versionColumn", "operationColumn", "clusterBy", "delivery"];
const COLUMN_PROPERTIES: &[&str] = &["aliases", "unit"];
const TABLE_KEYS: &[&str] =
    &["name", "businessName", "description", "logicalType", "properties", "customProperties", "physicalType"];
const COLUMN_KEYS: &[&str] = &[
    "name",
    "businessName",
    "description",
    "logicalType",
    "logicalTypeOptions",
    "required",
    "primaryKey",
    "primaryKeyPosition",
    "classification",
    "customProperties",
    "quality",
    "relationships",
];
/// Tables that gridhouse keeps itself.
const RESERVED_TABLES: &[&str] =
    &["batches", "runs", "quarantine", "deletions", "closed_figures", "recomputed_figures"];
/// Promises of the standard that nothing here keeps: better refused than believed.
const NOT_ENFORCED: &[&str] = &["unique", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
/// Keys of the standard that resemble ours and mean something else.
const ALSO_IN_THE_STANDARD: &[&str] =
    &["physicalName", "partitioned", "exclusiveMinimum", "exclusiveMaximum", "items", "tags", "id"];

/// A hint that names the nearest, or else all that could be meant.
pub(super) fn meant<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match did_you_mean(name, known.iter().copied()) {
        Some(nearest) => Some(format!("did you mean `{nearest}`?")),
        None if known.is_empty() || known.len() > 20 => None,
        None => Some(format!("known are {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", "))),
    }
}

/// One contract file being read.
pub(super) struct File<'a> {
    pub(super) path: &'a Path,
    pub(super) lists: &'a CodeLists,
    pub(super) problems: &'a mut Vec<Problem>,
}

/// A column's rules as written, to be understood when all columns are known.
struct Draft<'n> {
    column: Column,
    node: &'n Node,
    key_position: Option<f64>,
}

impl File<'_> {
    pub(super) fn problem(&mut self, at: Place, message: String, hint: Option<String>) {
        self.problems.push(Problem { file: self.path.to_owned(), line: at.line, column: at.column, message, hint });
    }

    pub(super) fn contracts(&mut self, text: &str) -> Vec<Contract> {
        let document = match yaml::parse(text) {
            Ok(document) => document,
            Err((at, message)) => {
                self.problem(at, message, None);
                return Vec::new();
            }
        };
        if self.text(&document, "kind").as_deref() != Some("DataContract") {
            self.problem(document.at, "not a data contract: `kind: DataContract` is missing".to_owned(), None);
            return Vec::new();
        }
        let api = self.text(&document, "apiVersion").unwrap_or_default();
        if !api.starts_with("v3.") {
            let message = format!("`apiVersion` is `{api}`; only version 3 of the standard is read");
            self.problem(document.at, message, Some("write `apiVersion: v3.1.0`".to_owned()));
        }
        let version = self.text(&document, "version").unwrap_or_default();
        let tables: Vec<&Node> = self.list(&document, "schema").iter().collect();
        if tables.is_empty() {
            self.problem(document.at, "the contract has no table under `schema`".to_owned(), None);
        }
        tables.into_iter().filter_map(|table| self.table(table, &version)).collect()
    }

    fn table(&mut self, node: &Node, version: &str) -> Option<Contract> {
        self.check_keys(node, TABLE_KEYS);
        let table = self.name(node)?;
        if RESERVED_TABLES.contains(&table.as_str()) {
            let at = node.get("name").map_or(node.at, |n| n.at);
            let hint = Some("choose another name".to_owned());
            self.problem(at, format!("`{table}` is a table of gridhouse's own"), hint);
        }
        let mut contract = Contract {
            label: self.text(node, "businessName").unwrap_or_else(|| table.clone()),
            description: self.text(node, "description").unwrap_or_default(),
            table,
            version: version.to_owned(),
            path: self.path.to_owned(),
            line: node.at.line,
            columns: Vec::new(),
            key: Vec::new(),
            version_column: None,
            operation_column: None,
            cluster_by: None,
            delivery: DeliveryKind::Changes,
            files: Vec::new(),
        };
        let mut drafts: Vec<Draft<'_>> = Vec::new();
        for property in self.list(node, "properties") {
            let Some(draft) = self.column(property) else { continue };
            if let Some(other) = drafts.iter().find(|d| d.column.name == draft.column.name) {
                let message = format!("column `{}` is already on line {}", draft.column.name, other.column.line);
                self.problem(property.at, message, None);
                continue;
            }
            drafts.push(draft);
        }
        if drafts.is_empty() {
            self.problem(node.at, format!("table `{}` has no columns", contract.table), None);
            return None;
        }
        self.check_names(&drafts);
        let mut key: Vec<(f64, usize)> =
            drafts.iter().enumerate().filter_map(|(i, d)| d.key_position.map(|position| (position, i))).collect();
        key.sort_by(|a, b| a.0.total_cmp(&b.0));
        contract.key = key.into_iter().map(|(_, index)| index).collect();
        if contract.key.is_empty() {
            let hint = Some("mark the columns that identify a row with `primaryKey: true`".to_owned());
            self.problem(node.at, format!("table `{}` has no key", contract.table), hint);
        }
        let nodes: Vec<&Node> = drafts.iter().map(|d| d.node).collect();
        contract.columns = drafts.into_iter().map(|d| d.column).collect();
        for (index, column) in nodes.into_iter().enumerate() {
            let rules = self.rules(column, index, &contract.columns);
            contract.columns[index].rules = rules;
        }
        self.table_properties(node, &mut contract);
        Some(contract)
    }

    fn table_properties(&mut self, node: &Node, contract: &mut Contract) {
        for (property, value) in self.custom_properties(node, TABLE_PROPERTIES) {
            let text = value.text().unwrap_or_default();
            match property.as_str() {
                "files" => contract.files = self.texts(value),
                "operationColumn" => contract.operation_column = Some(text),
                "versionColumn" => {
                    contract.version_column = self.column_named(&text, &contract.columns, value.at);
                    let kind = contract.version_column.map(|index| contract.columns[index].kind);
                    if !matches!(kind, None | Some(ColumnKind::Timestamp | ColumnKind::Date | ColumnKind::Integer)) {
                        let message = format!("`{text}` cannot order versions: it is no timestamp, date or integer");
                        self.problem(value.at, message, None);
                    }
                }
                "clusterBy" => contract.cluster_by = self.column_named(&text, &contract.columns, value.at),
                "delivery" => match text.as_str() {
                    "changes" => contract.delivery = DeliveryKind::Changes,
                    "full" => contract.delivery = DeliveryKind::Full,
                    _ => {
                        let hint = meant(&text, ["changes", "full"]);
                        self.problem(value.at, format!("unknown kind of delivery `{text}`"), hint);
                    }
                },
                _ => {}
            }
        }
        if contract.files.is_empty() {
            contract.files = vec![contract.table.clone(), contract.label.clone()];
        }
    }

    fn column<'n>(&mut self, node: &'n Node) -> Option<Draft<'n>> {
        self.check_keys(node, COLUMN_KEYS);
        let is_key = self.boolean(node, "primaryKey");
        if !is_key {
            self.check_enforced(node);
        }
        let name = self.name(node)?;
        let kind = match node.get("logicalType").and_then(Node::text).as_deref() {
            Some("string") => ColumnKind::Text,
            Some("integer") => ColumnKind::Integer,
            Some("number") => ColumnKind::Number,
            Some("boolean") => ColumnKind::Boolean,
            Some("date") => ColumnKind::Date,
            Some("timestamp") => ColumnKind::Timestamp,
            other => {
                let at = node.get("logicalType").map_or(node.at, |n| n.at);
                let message = match other {
                    Some(other) => format!("column `{name}` has the unknown type `{other}`"),
                    None => format!("column `{name}` has no `logicalType`"),
                };
                self.problem(at, message, meant(other.unwrap_or_default(), TYPES.iter().copied()));
                ColumnKind::Text
            }
        };
        let classification = match self.text(node, "classification").as_deref() {
            None | Some("internal") => Classification::Internal,
            Some("public") => Classification::Public,
            Some("personal") => Classification::Personal,
            Some("sensitive") => Classification::Sensitive,
            Some(other) => {
                let at = node.get("classification").map_or(node.at, |n| n.at);
                let hint = meant(other, CLASSIFICATIONS.iter().copied());
                self.problem(at, format!("unknown classification `{other}`"), hint);
                Classification::Sensitive
            }
        };
        let mut column = Column {
            label: self.text(node, "businessName").unwrap_or_else(|| name.clone()),
            description: self.text(node, "description").unwrap_or_default(),
            name,
            aliases: Vec::new(),
            kind,
            unit: None,
            is_required: self.boolean(node, "required") || is_key,
            classification,
            rules: Vec::new(),
            // Known when all contracts are.
            is_identifier: false,
            line: node.at.line,
        };
        for (property, value) in self.custom_properties(node, COLUMN_PROPERTIES) {
            match property.as_str() {
                "aliases" => column.aliases = self.texts(value),
                "unit" => column.unit = value.text(),
                _ => {}
            }
        }
        let position = match node.get("primaryKeyPosition").map(|n| &n.value) {
            Some(Value::Number(position)) => *position,
            _ => f64::INFINITY,
        };
        Some(Draft { column, node, key_position: is_key.then_some(position) })
    }

    /// A delivered name must mean one column only.
    fn check_names(&mut self, drafts: &[Draft<'_>]) {
        let mut owners: BTreeMap<String, usize> = BTreeMap::new();
        for (index, draft) in drafts.iter().enumerate() {
            let column = &draft.column;
            for name in [&column.name, &column.label].into_iter().chain(&column.aliases) {
                let owner = *owners.entry(folded_name(name)).or_insert(index);
                if owner != index {
                    let other = &drafts[owner].column.name;
                    self.problem(draft.node.at, format!("`{name}` already means column `{other}`"), None);
                }
            }
        }
    }

    pub(super) fn column_named(&mut self, name: &str, columns: &[Column], at: Place) -> Option<usize> {
        let index = columns.iter().position(|column| column.name == name);
        if index.is_none() {
            let hint =
                did_you_mean(name, columns.iter().map(|c| c.name.as_str())).map(|n| format!("did you mean `{n}`?"));
            self.problem(at, format!("there is no column `{name}`"), hint);
        }
        index
    }

    fn custom_properties<'n>(&mut self, node: &'n Node, known: &[&str]) -> Vec<(String, &'n Node)> {
        let mut found = Vec::new();
        for property in self.list(node, "customProperties") {
            let (Some(name), Some(value)) = (self.text(property, "property"), property.get("value")) else {
                self.problem(property.at, "a custom property needs `property` and `value`".to_owned(), None);
                continue;
            };
            // Other tools may have properties of their own; one that looks like ours is a slip.
            if !known.contains(&name.as_str())
                && let Some(nearest) = did_you_mean(&name, known.iter().copied())
            {
                let hint = Some(format!("did you mean `{nearest}`?"));
                self.problem(property.at, format!("unknown property `{name}`"), hint);
            }
            found.push((name, value));
        }
        found
    }

    /// Keys that promise a check nobody makes.
    pub(super) fn check_enforced(&mut self, node: &Node) {
        for member in node.members() {
            if NOT_ENFORCED.contains(&member.key.as_str()) && !matches!(member.node.value, Value::Bool(false)) {
                let hint = Some("use a rule under `quality`, or a check in `queries/checks`".to_owned());
                self.problem(member.at, format!("`{}` is not enforced", member.key), hint);
            }
        }
    }

    /// Keys that are nearly, but not quite, ones that are read.
    pub(super) fn check_keys(&mut self, node: &Node, known: &[&str]) {
        for member in node.members() {
            if !known.contains(&member.key.as_str())
                && !ALSO_IN_THE_STANDARD.contains(&member.key.as_str())
                && let Some(nearest) = did_you_mean(&member.key, known.iter().copied())
            {
                let hint = Some(format!("did you mean `{nearest}`?"));
                self.problem(member.at, format!("unknown key `{}`", member.key), hint);
            }
        }
    }

    fn name(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "name");
        let is_plain = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        match name {
            Some(name) if is_plain(&name) => Some(name),
            Some(name) => {
                let at = node.get("name").map_or(node.at, |n| n.at);
                let hint = Some("use lower-case letters, digits and `_`, and `businessName` for the label".to_owned());
                self.problem(at, format!("`{name}` cannot be a name in SQL"), hint);
                None
            }
            None => {
                self.problem(node.at, "there is no `name` here".to_owned(), None);
                None
            }
        }
    }

    pub(super) fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let value = node.get(key)?;
        let text = value.text();
        if text.is_none() && !matches!(value.value, Value::Null) {
            self.problem(value.at, format!("`{key}` should be a text, not {}", value.what()), None);
        }
        text
    }

    pub(super) fn boolean(&mut self, node: &Node, key: &str) -> bool {
        match node.get(key).map(|n| (&n.value, n)) {
            None => false,
            Some((Value::Bool(value), _)) => *value,
            Some((_, other)) => {
                self.problem(other.at, format!("`{key}` should be true or false, not {}", other.what()), None);
                false
            }
        }
    }

    pub(super) fn list<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
        match node.get(key).map(|n| (&n.value, n)) {
            None | Some((Value::Null, _)) => &[],
            Some((Value::List(list), _)) => list,
            Some((_, other)) => {
                self.problem(other.at, format!("`{key}` should be a list, not {}", other.what()), None);
                &[]
            }
        }
    }

    /// A list of texts, or a single one.
    pub(super) fn texts(&mut self, node: &Node) -> Vec<String> {
        match &node.value {
            Value::List(list) => list.iter().filter_map(Node::text).collect(),
            _ => node.text().into_iter().collect(),
        }
    }
}
