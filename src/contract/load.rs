//! ODCS files to contracts. Every problem is collected with its place; nothing stops at the first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use regex::Regex;

use super::bind::folded_name;
use super::rules::{Bound, Condition, Rule, RuleKind};
use super::yaml::{self, Node, Place, Value};
use super::{Classification, CodeLists, Column, ColumnKind, Contract, DeliveryKind, Problem};

/// A rule's name and the settings it takes beside `rule` and `when`.
const RULES: &[(&str, &[&str])] = &[
    ("required", &[]),
    ("pattern", &["pattern"]),
    ("range", &["minimum", "maximum"]),
    ("length", &["minimum", "maximum"]),
    ("code_list", &["list"]),
    ("id_number", &["required"]),
    ("agrees_with_id_number", &["birth_date", "sex"]),
    ("uscc", &["required"]),
    ("mobile", &["required"]),
    ("mobile_or_landline", &["required"]),
    ("reference", &["to"]),
    ("not_in_future", &[]),
    ("not_before", &["column"]),
];
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
const RESERVED_TABLES: &[&str] = &["batches", "runs", "quarantine"];
const QUALITY_KEYS: &[&str] = &["type", "engine", "implementation", "severity", "name", "description"];
const RELATIONSHIP_KEYS: &[&str] = &["type", "from", "to", "description"];
/// Promises of the standard that nothing here keeps: better refused than believed.
const NOT_ENFORCED: &[&str] = &["unique", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const TYPE_OPTIONS: &[&str] = &["minLength", "maxLength", "pattern", "minimum", "maximum"];

pub(super) fn load(folder: &Path, code_lists_csv: &Path) -> Result<(Vec<Contract>, CodeLists), Vec<Problem>> {
    let mut problems = Vec::new();
    let code_lists = CodeLists::load(code_lists_csv, &mut problems);
    let mut contracts = Vec::new();
    match contract_files(folder) {
        Ok(files) => {
            for file in files {
                match std::fs::read_to_string(&file) {
                    Ok(text) => contracts
                        .extend(File { path: &file, lists: &code_lists, problems: &mut problems }.contracts(&text)),
                    Err(error) => problems.push(unreadable(&file, &error)),
                }
            }
        }
        Err(error) => problems.push(unreadable(folder, &error)),
    }
    check_between(&contracts, &mut problems);
    let contracts = in_order(contracts, &mut problems);
    problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    if problems.is_empty() { Ok((contracts, code_lists)) } else { Err(problems) }
}

fn contract_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.ends_with(".odcs.yaml") || name.ends_with(".odcs.yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot be read: {error}");
    Problem { file: path.to_owned(), line: 1, column: 1, message, hint: None }
}

/// The nearest of some names, if one is near enough to be meant.
fn did_you_mean<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let scored = known.into_iter().map(|k| (strsim::damerau_levenshtein(&name.to_lowercase(), &k.to_lowercase()), k));
    let (distance, nearest) = scored.min_by_key(|(distance, _)| *distance)?;
    let length = name.chars().count();
    (distance <= (length / 3).clamp(1, 3) && distance < length).then_some(nearest)
}

/// A hint that names the nearest, or else all that could be meant.
fn meant<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match did_you_mean(name, known.iter().copied()) {
        Some(nearest) => Some(format!("did you mean `{nearest}`?")),
        None if known.is_empty() || known.len() > 20 => None,
        None => Some(format!("known are {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", "))),
    }
}

/// One contract file being read.
struct File<'a> {
    path: &'a Path,
    lists: &'a CodeLists,
    problems: &'a mut Vec<Problem>,
}

/// A column's rules as written, to be understood when all columns are known.
struct Draft<'n> {
    column: Column,
    node: &'n Node,
    key_position: Option<f64>,
}

impl File<'_> {
    fn problem(&mut self, at: Place, message: String, hint: Option<String>) {
        self.problems.push(Problem { file: self.path.to_owned(), line: at.line, column: at.column, message, hint });
    }

    fn contracts(&mut self, text: &str) -> Vec<Contract> {
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

    fn rules(&mut self, node: &Node, index: usize, columns: &[Column]) -> Vec<Rule> {
        let mut rules = self.type_options(node, columns[index].kind);
        for relationship in self.list(node, "relationships") {
            self.check_keys(relationship, RELATIONSHIP_KEYS);
            let Some(to) = relationship.get("to") else {
                let hint = Some("write `to: table.column`".to_owned());
                self.problem(relationship.at, "the relationship says not what it refers to".to_owned(), hint);
                continue;
            };
            let kind = self.reference(to);
            rules.extend(kind.map(|kind| Rule { kind, when: Vec::new(), is_warning: false, at: to.at }));
        }
        for quality in self.list(node, "quality") {
            self.check_keys(quality, QUALITY_KEYS);
            // Other engines' checks are none of our business.
            let engine = self.text(quality, "engine").unwrap_or_default();
            if engine != "gridhouse" {
                if did_you_mean(&engine, ["gridhouse"]).is_some() {
                    let hint = meant(&engine, ["gridhouse"]);
                    self.problem(quality.at, format!("unknown engine `{engine}`"), hint);
                }
                continue;
            }
            let Some(rule) = quality.get("implementation") else {
                self.problem(quality.at, "the rule has no `implementation`".to_owned(), None);
                continue;
            };
            let is_warning = match self.text(quality, "severity").as_deref() {
                None | Some("error") => false,
                Some("warning" | "warn") => true,
                Some(other) => {
                    let hint = meant(other, ["error", "warning"]);
                    self.problem(quality.at, format!("unknown severity `{other}`"), hint);
                    false
                }
            };
            rules.extend(self.rule(rule, index, columns, is_warning));
        }
        for rule in &rules {
            let kinds = rule.kind.column_kinds();
            if !kinds.is_empty() && !kinds.contains(&columns[index].kind) {
                let message = format!("a rule of column `{}` does not go with its type", columns[index].name);
                self.problem(rule.at, message, None);
            }
        }
        // Whether a birth date agrees can be told faster once the numbers have been read.
        rules.sort_by_key(|rule| matches!(rule.kind, RuleKind::AgreesWithIdNumber { .. }));
        rules
    }

    fn type_options(&mut self, node: &Node, kind: ColumnKind) -> Vec<Rule> {
        let Some(options) = node.get("logicalTypeOptions") else { return Vec::new() };
        self.check_keys(options, TYPE_OPTIONS);
        self.check_enforced(options);
        let mut kinds: Vec<RuleKind> = self.lengths(options, ["minLength", "maxLength"]).into_iter().collect();
        kinds.extend(options.get("pattern").and_then(|pattern| self.pattern(pattern)));
        kinds.extend(self.range(options, kind));
        kinds.into_iter().map(|kind| Rule { kind, when: Vec::new(), is_warning: false, at: options.at }).collect()
    }

    fn rule(&mut self, node: &Node, index: usize, columns: &[Column], is_warning: bool) -> Vec<Rule> {
        let Some(name) = self.text(node, "rule") else {
            self.problem(node.at, "the implementation names no `rule`".to_owned(), None);
            return Vec::new();
        };
        let Some((_, settings)) = RULES.iter().find(|(rule, _)| *rule == name) else {
            let at = node.get("rule").map_or(node.at, |n| n.at);
            self.problem(at, format!("unknown rule `{name}`"), meant(&name, RULES.iter().map(|(rule, _)| *rule)));
            return Vec::new();
        };
        for member in node.members() {
            let known = ["rule", "when"].iter().chain(*settings).copied();
            if !known.clone().any(|key| key == member.key) {
                let hint = meant(&member.key, known);
                self.problem(member.at, format!("rule `{name}` has no setting `{}`", member.key), hint);
            }
        }
        let when = self.conditions(node, columns);
        let text = |key: &str| node.get(key).and_then(Node::text);
        let missing = |file: &mut Self, key: &str| {
            file.problem(node.at, format!("rule `{name}` needs `{key}`"), None);
            None
        };
        let kind = match name.as_str() {
            "required" => Some(RuleKind::Required),
            "pattern" => match node.get("pattern") {
                Some(pattern) => self.pattern(pattern),
                None => missing(self, "pattern"),
            },
            "range" => self.range(node, columns[index].kind),
            "length" => self.lengths(node, ["minimum", "maximum"]),
            "code_list" => match text("list") {
                Some(list) => match self.lists.get(&list) {
                    Some(list) => Some(RuleKind::CodeList(list.clone())),
                    None => {
                        let at = node.get("list").map_or(node.at, |n| n.at);
                        let hint = meant(&list, self.lists.names());
                        self.problem(at, format!("unknown code list `{list}`"), hint);
                        None
                    }
                },
                None => missing(self, "list"),
            },
            "id_number" => Some(RuleKind::IdNumber),
            "agrees_with_id_number" => {
                let birth_date = self.other_column(node, "birth_date", columns, &[ColumnKind::Date]);
                let sex = self.other_column(node, "sex", columns, &[ColumnKind::Text]);
                Some(RuleKind::AgreesWithIdNumber { birth_date, sex })
            }
            "uscc" => Some(RuleKind::Uscc),
            "mobile" => Some(RuleKind::Mobile),
            "mobile_or_landline" => Some(RuleKind::MobileOrLandline),
            "reference" => match node.get("to") {
                Some(to) => self.reference(to),
                None => missing(self, "to"),
            },
            "not_in_future" => Some(RuleKind::NotInFuture),
            _ => {
                let kinds = [ColumnKind::Date, ColumnKind::Timestamp];
                match self.other_column(node, "column", columns, &kinds) {
                    Some(column) => Some(RuleKind::NotBefore { column }),
                    None if node.get("column").is_none() => missing(self, "column"),
                    None => None,
                }
            }
        };
        let mut rules = Vec::new();
        if settings.contains(&"required") && self.boolean(node, "required") {
            rules.push(Rule { kind: RuleKind::Required, when: when.clone(), is_warning, at: node.at });
        }
        rules.extend(kind.map(|kind| Rule { kind, when, is_warning, at: node.at }));
        rules
    }

    /// `when: {id_type: [居民身份证]}`
    fn conditions(&mut self, node: &Node, columns: &[Column]) -> Vec<Condition> {
        let mut conditions = Vec::new();
        if let Some(when) = node.get("when")
            && !matches!(when.value, Value::Map(_))
        {
            let hint = Some("write `when: {column: [value]}`".to_owned());
            self.problem(when.at, format!("`when` should be a mapping, not {}", when.what()), hint);
        }
        for member in node.get("when").map(Node::members).unwrap_or_default() {
            let Some(column) = self.column_named(&member.key, columns, member.at) else { continue };
            let values = self.texts(&member.node);
            if columns[column].kind != ColumnKind::Text {
                let message = format!("`when` compares texts, and `{}` is none", member.key);
                self.problem(member.at, message, None);
                continue;
            }
            conditions.push(Condition { column, values });
        }
        conditions
    }

    fn reference(&mut self, to: &Node) -> Option<RuleKind> {
        let text = to.text().unwrap_or_default();
        let Some((table, column)) = text.split_once('.') else {
            let hint = Some("write `table.column`".to_owned());
            self.problem(to.at, format!("`{text}` names no column of a table"), hint);
            return None;
        };
        Some(RuleKind::Reference { table: table.to_owned(), column: column.to_owned() })
    }

    fn pattern(&mut self, node: &Node) -> Option<RuleKind> {
        let text = node.text().unwrap_or_default();
        match Regex::new(&text) {
            Ok(pattern) => Some(RuleKind::Pattern(pattern)),
            Err(error) => {
                let last =
                    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.problem(node.at, format!("`{text}` is not a valid pattern: {last}"), None);
                None
            }
        }
    }

    fn range(&mut self, node: &Node, kind: ColumnKind) -> Option<RuleKind> {
        let mut bound = |key: &str| {
            let end = node.get(key)?;
            let is_date = matches!(kind, ColumnKind::Date | ColumnKind::Timestamp);
            let found = match &end.value {
                Value::Number(number) if !is_date => Some(Bound::Number(*number)),
                Value::Text(text) if is_date => text.parse::<NaiveDate>().ok().map(Bound::Date),
                _ => None,
            };
            if found.is_none() {
                let wanted = if is_date { "a date such as '1900-01-01'" } else { "a number" };
                self.problem(end.at, format!("`{key}` should be {wanted}, not {}", end.what()), None);
            }
            found
        };
        let (minimum, maximum) = (bound("minimum"), bound("maximum"));
        let is_reversed = match (minimum, maximum) {
            (Some(Bound::Number(minimum)), Some(Bound::Number(maximum))) => minimum > maximum,
            (Some(Bound::Date(minimum)), Some(Bound::Date(maximum))) => minimum > maximum,
            _ => false,
        };
        if is_reversed {
            self.reversed(node);
        }
        minimum.or(maximum).map(|_| RuleKind::Range { minimum, maximum })
    }

    fn lengths(&mut self, node: &Node, keys: [&str; 2]) -> Option<RuleKind> {
        let [minimum, maximum] = keys.map(|key| self.length(node, key));
        if minimum.is_some_and(|minimum| maximum.is_some_and(|maximum| minimum > maximum)) {
            self.reversed(node);
        }
        minimum.or(maximum).map(|_| RuleKind::Length { minimum, maximum })
    }

    fn reversed(&mut self, node: &Node) {
        self.problem(node.at, "the minimum is greater than the maximum: no value can pass".to_owned(), None);
    }

    fn length(&mut self, node: &Node, key: &str) -> Option<usize> {
        let length = node.get(key)?;
        match length.value {
            Value::Number(number) if number >= 0.0 && number.fract() == 0.0 => Some(number as usize),
            _ => {
                self.problem(length.at, format!("`{key}` should be a whole number, not {}", length.what()), None);
                None
            }
        }
    }

    fn other_column(&mut self, node: &Node, key: &str, columns: &[Column], kinds: &[ColumnKind]) -> Option<usize> {
        let other = node.get(key)?;
        let name = other.text().unwrap_or_default();
        let index = self.column_named(&name, columns, other.at)?;
        if kinds.contains(&columns[index].kind) {
            return Some(index);
        }
        self.problem(other.at, format!("column `{name}` has the wrong type for `{key}`"), None);
        None
    }

    fn column_named(&mut self, name: &str, columns: &[Column], at: Place) -> Option<usize> {
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
    fn check_enforced(&mut self, node: &Node) {
        for member in node.members() {
            if NOT_ENFORCED.contains(&member.key.as_str()) && !matches!(member.node.value, Value::Bool(false)) {
                let hint = Some("use a rule under `quality`, or a check in `queries/checks`".to_owned());
                self.problem(member.at, format!("`{}` is not enforced", member.key), hint);
            }
        }
    }

    /// Keys that are nearly, but not quite, ones that are read.
    fn check_keys(&mut self, node: &Node, known: &[&str]) {
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

    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let value = node.get(key)?;
        let text = value.text();
        if text.is_none() && !matches!(value.value, Value::Null) {
            self.problem(value.at, format!("`{key}` should be a text, not {}", value.what()), None);
        }
        text
    }

    fn boolean(&mut self, node: &Node, key: &str) -> bool {
        match node.get(key).map(|n| (&n.value, n)) {
            None => false,
            Some((Value::Bool(value), _)) => *value,
            Some((_, other)) => {
                self.problem(other.at, format!("`{key}` should be true or false, not {}", other.what()), None);
                false
            }
        }
    }

    fn list<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
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
    fn texts(&mut self, node: &Node) -> Vec<String> {
        match &node.value {
            Value::List(list) => list.iter().filter_map(Node::text).collect(),
            _ => node.text().into_iter().collect(),
        }
    }
}

/// Keys of the standard that resemble ours and mean something else.
const ALSO_IN_THE_STANDARD: &[&str] =
    &["physicalName", "partitioned", "exclusiveMinimum", "exclusiveMaximum", "items", "tags", "id"];

/// What can only be judged with all contracts at hand.
fn check_between(contracts: &[Contract], problems: &mut Vec<Problem>) {
    // A file that could not be read is one problem, not one for every table that refers to it.
    let broken: BTreeSet<String> = problems.iter().filter_map(|problem| table_of(&problem.file)).collect();
    let mut problem = |contract: &Contract, at: Place, message: String, hint: Option<String>| {
        problems.push(Problem { file: contract.path.clone(), line: at.line, column: at.column, message, hint });
    };
    let top = |contract: &Contract| Place { line: contract.line, column: 1 };
    for (index, contract) in contracts.iter().enumerate() {
        if let Some(other) = contracts[..index].iter().find(|c| c.table == contract.table) {
            let message = format!("table `{}` already has a contract, `{}`", contract.table, other.path.display());
            problem(contract, top(contract), message, None);
        }
        for beginning in &contract.files {
            let claims = |c: &&Contract| c.files.iter().any(|f| folded_name(f) == folded_name(beginning));
            if let Some(other) = contracts[..index].iter().find(claims) {
                let message = format!("files named `{beginning}` already belong to table `{}`", other.table);
                problem(contract, top(contract), message, None);
            }
        }
        for column in &contract.columns {
            for rule in &column.rules {
                if let RuleKind::Reference { table, column: target } = &rule.kind {
                    let Some(other) = contracts.iter().find(|c| c.table == *table) else {
                        if broken.contains(table) {
                            continue;
                        }
                        let message = format!("column `{}` refers to the unknown table `{table}`", column.name);
                        let hint = meant(table, contracts.iter().map(|c| c.table.as_str()));
                        problem(contract, rule.at, message, hint);
                        continue;
                    };
                    let names = other.columns.iter().map(|c| c.name.as_str());
                    match other.column(target) {
                        None => {
                            let message =
                                format!("column `{}` refers to `{table}.{target}`, which is no column", column.name);
                            problem(contract, rule.at, message, meant(target, names));
                        }
                        Some((_, target)) if target.kind != ColumnKind::Text => {
                            let message = format!(
                                "column `{}` refers to `{table}.{}`, which is no text",
                                column.name, target.name
                            );
                            problem(contract, rule.at, message, None);
                        }
                        Some(_) => {}
                    }
                }
                for condition in &rule.when {
                    let Some(list) = contract.columns[condition.column].code_list() else { continue };
                    for value in &condition.values {
                        if list.sort(value).is_none() {
                            let message =
                                format!("`when` waits for `{value}`, which is no label of list `{}`", list.name);
                            let labels = list.entries.iter().map(|e| e.label.as_str());
                            problem(contract, rule.at, message, meant(value, labels));
                        }
                    }
                }
            }
        }
    }
}

/// The table a contract file is named after.
fn table_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(name.split_once(".odcs.")?.0.to_owned())
}

/// A table after all tables it refers to, otherwise in the order of the files.
fn in_order(contracts: Vec<Contract>, problems: &mut Vec<Problem>) -> Vec<Contract> {
    let mut waiting = contracts;
    let mut ordered: Vec<Contract> = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |contract: &Contract| {
            contract.depends_on().iter().all(|table| !waiting.iter().any(|other| other.table == *table))
        };
        let ready: Vec<bool> = waiting.iter().map(is_ready).collect();
        if !ready.contains(&true) {
            let tables = waiting.iter().map(|c| format!("`{}`", c.table)).collect::<Vec<_>>().join(", ");
            let first = &waiting[0];
            problems.push(Problem {
                file: first.path.clone(),
                line: first.line,
                column: 1,
                message: format!("the tables {tables} refer to each other in a circle"),
                hint: Some("make one of the references a warning".to_owned()),
            });
            ordered.append(&mut waiting);
            break;
        }
        let mut is_ready = ready.into_iter();
        let (now, later): (Vec<Contract>, Vec<Contract>) =
            waiting.into_iter().partition(|_| is_ready.next() == Some(true));
        ordered.extend(now);
        waiting = later;
    }
    ordered
}
