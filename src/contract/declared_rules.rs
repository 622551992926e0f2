//! The rules a contract file declares for a column: type options, relationships, and `quality` entries for gridhouse.

use chrono::NaiveDate;
use regex::Regex;

use super::declared::{File, meant};
use super::rules::{Bound, Condition, Rule, RuleKind};
use super::yaml::{Node, Value};
use super::{Column, ColumnKind};
use crate::diagnostic::did_you_mean;

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
const QUALITY_KEYS: &[&str] = &["type", "engine", "implementation", "severity", "name", "description"];
const RELATIONSHIP_KEYS: &[&str] = &["type", "from", "to", "description"];
const TYPE_OPTIONS: &[&str] = &["minLength", "maxLength", "pattern", "minimum", "maximum"];

impl File<'_> {
    pub(super) fn rules(&mut self, node: &Node, index: usize, columns: &[Column]) -> Vec<Rule> {
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
}
