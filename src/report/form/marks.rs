//! How cells stand out and what hands may write: `highlight`, `highlight_rows` and `input`.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use chrono::NaiveDate;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::reading::ConditionsFile;
use crate::report::Problem;
use crate::report::dataset::{Condition, Value};
use crate::report::features::{Emphasis, Input};
use crate::report::number::Format;
use crate::report::wording::{Names, names_in};
use crate::report::yaml::{self, Spanned};

/// Characters of a list that stands in the rule itself, the commas between them counted.
const LIST_LENGTH_MAX: usize = 255;

/// Cells stand out in rows that satisfy every condition.
#[derive(Debug, Clone)]
pub(in crate::report) struct Highlight {
    pub when: Vec<(Spanned<String>, Condition)>,
    /// Texts in the conditions that mention names.
    pub mentions: Vec<Spanned<String>>,
    pub emphasis: Emphasis,
}

impl Highlight {
    /// With what the names in its conditions stand for.
    pub(in crate::report) fn filled(&self, names: &Names) -> Self {
        let when = self.when.iter().map(|(column, condition)| (column.clone(), condition.filled(names)));
        Self { when: when.collect(), mentions: Vec::new(), emphasis: self.emphasis }
    }

    /// A figure that is not shown makes nothing stand out: the mark would tell of it.
    pub(in crate::report) fn applies(&self, mut value_of: impl FnMut(&str) -> Value) -> bool {
        self.when.iter().all(|(column, condition)| {
            let value = value_of(&column.value);
            value != Value::Suppressed && condition.accepts(&value)
        })
    }
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct HighlightFile {
    when: Spanned<ConditionsFile>,
    #[serde(rename = "as")]
    emphasis: Emphasis,
}

/// One, or a list of them; the first that applies counts.
#[derive(Clone)]
pub(super) struct OneOrMany<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one entry or a list of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Ok(OneOrMany(vec![T::deserialize(MapAccessDeserializer::new(map))?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Ok(OneOrMany(Vec::deserialize(SeqAccessDeserializer::new(seq))?))
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

pub(super) fn highlights(
    path: &Path,
    file: Option<OneOrMany<HighlightFile>>,
    problems: &mut Vec<Problem>,
) -> Vec<Highlight> {
    let entries = file.map(|OneOrMany(entries)| entries).unwrap_or_default();
    entries
        .into_iter()
        .map(|entry| {
            let (mut when, mut mentions) = (Vec::new(), Vec::new());
            if entry.when.value.is_empty() {
                problems.push(yaml::problem(path, &entry.when, "without a condition every row would stand out"));
            }
            for (column, value) in entry.when.value {
                let here = |text: String| Spanned { value: text, referenced: value.referenced, defined: value.defined };
                match Condition::parse(&value.value) {
                    Ok(condition) => {
                        mentions.extend(condition.names().into_iter().map(|name| here(format!("{{{name}}}"))));
                        when.push((here(column), condition));
                    }
                    Err(message) => problems.push(yaml::problem(path, &value, message)),
                }
            }
            Highlight { when, mentions, emphasis: entry.emphasis }
        })
        .collect()
}

/// What may be written into the cells of a blank column.
#[derive(Debug, Clone)]
pub(in crate::report) enum InputForm {
    Fixed(Input),
    /// The labels of a code list.
    Codes(Spanned<String>),
    /// Bounds that may be names in braces.
    Date {
        from: Option<Spanned<String>>,
        to: Option<Spanned<String>>,
    },
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum InputFile {
    List(Vec<Spanned<String>>),
    Codes(Spanned<String>),
    Integer(BoundsFile<i32>),
    Decimal(BoundsFile<f64>),
    Date(DatesFile),
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct BoundsFile<T> {
    at_least: Option<Spanned<T>>,
    at_most: Option<Spanned<T>>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct DatesFile {
    from: Option<Spanned<String>>,
    to: Option<Spanned<String>>,
}

impl InputForm {
    pub(super) fn read(path: &Path, file: InputFile, problems: &mut Vec<Problem>) -> Self {
        match file {
            InputFile::List(choices) => {
                let place = choices.first().cloned();
                let choices: Vec<String> = choices.into_iter().map(|choice| choice.value).collect();
                match (place, fits(&choices)) {
                    (None, _) => problems.push(Problem::new(path, "an empty list leaves nothing to choose")),
                    (Some(place), Err(message)) => problems.push(yaml::problem(path, &place, message)),
                    _ => {}
                }
                Self::Fixed(Input::OneOf(choices))
            }
            InputFile::Codes(list) => Self::Codes(list),
            InputFile::Integer(bounds) => {
                let (at_least, at_most) = bounds.checked(path, problems);
                Self::Fixed(Input::Whole { at_least, at_most })
            }
            InputFile::Decimal(bounds) => {
                let (at_least, at_most) = bounds.checked(path, problems);
                Self::Fixed(Input::Decimal { at_least, at_most })
            }
            InputFile::Date(DatesFile { from, to }) => {
                for bound in [&from, &to].into_iter().flatten() {
                    if names_in(&bound.value).is_empty() && day(&bound.value).is_none() {
                        let message = format!("`{}` is no date such as 2024-06-27", bound.value);
                        problems.push(yaml::problem(path, bound, message));
                    }
                }
                Self::Date { from, to }
            }
        }
    }

    /// How a cell that takes it is formatted: what is typed into a text cell would stay text.
    pub(super) fn format(&self) -> Format {
        match self {
            Self::Codes(_) | Self::Fixed(Input::OneOf(_)) => Format::Text,
            Self::Fixed(Input::Whole { .. }) => Format::Integer,
            Self::Fixed(Input::Decimal { .. }) => Format::Decimal(2),
            Self::Fixed(Input::Date { .. }) | Self::Date { .. } => Format::Date,
        }
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &Spanned<String>> {
        let bounds = if let Self::Date { from, to } = self { [from.as_ref(), to.as_ref()] } else { [None, None] };
        bounds.into_iter().flatten()
    }

    /// `labels` gives those of a code list.
    pub(in crate::report) fn resolved(&self, names: &Names, labels: impl Fn(&str) -> Vec<String>) -> Input {
        let bound = |bound: &Option<Spanned<String>>| bound.as_ref().and_then(|text| day(&names.fill(&text.value)));
        match self {
            Self::Fixed(input) => input.clone(),
            Self::Codes(list) => Input::OneOf(labels(&list.value)),
            Self::Date { from, to } => Input::Date { from: bound(from), to: bound(to) },
        }
    }
}

impl<T: PartialOrd + Copy> BoundsFile<T> {
    fn checked(self, path: &Path, problems: &mut Vec<Problem>) -> (Option<T>, Option<T>) {
        if let (Some(least), Some(most)) = (&self.at_least, &self.at_most)
            && least.value > most.value
        {
            problems.push(yaml::problem(path, most, "`at_most` is below `at_least`"));
        }
        (self.at_least.map(|bound| bound.value), self.at_most.map(|bound| bound.value))
    }
}

/// Whether the file format can hold these choices.
pub(in crate::report) fn fits(choices: &[String]) -> Result<(), String> {
    if let Some(choice) = choices.iter().find(|choice| choice.contains(',')) {
        return Err(format!("`{choice}` holds a comma, which parts the choices"));
    }
    let length = choices.iter().map(|choice| choice.encode_utf16().count() + 1).sum::<usize>().saturating_sub(1);
    if length <= LIST_LENGTH_MAX {
        return Ok(());
    }
    Err(format!("the choices have {length} characters together, a spreadsheet takes {LIST_LENGTH_MAX}"))
}

fn day(text: &str) -> Option<i32> {
    let days = text.parse::<NaiveDate>().ok()?.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).ok()
}

#[cfg(test)]
mod tests {
    use crate::report::form::parse_for_test;

    /// Mistakes of a form with these keys of its one column, or of its sheet.
    fn mistakes(column: &str, sheet: &str) -> Vec<String> {
        let form = format!(
            "dataset: rows\ntitle: 表\n{sheet}columns:\n  - {{label: 列, {column}}}\n  - {{label: 备注, blank: true}}\n"
        );
        parse_for_test(&form).1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let long = format!("blank: true, input: {{list: [{}]}}", vec!["网格员网格员"; 40].join(", "));
        for (column, expected) in [
            ("column: a, input: {list: [甲]}", "form.yml:4:13: only a column with `blank: true` takes `input`"),
            ("blank: true, input: {list: []}", "an empty list leaves nothing to choose"),
            (&long, "the choices have 279 characters together, a spreadsheet takes 255"),
            ("blank: true, input: {list: [\"甲,乙\"]}", "form.yml:4:44: `甲,乙` holds a comma"),
            (
                "blank: true, input: {integer: {at_least: 3, at_most: 2}}",
                "form.yml:4:69: `at_most` is below `at_least`",
            ),
            ("blank: true, input: {integer: {at_most: many}}", "form.yml:4:"),
            ("blank: true, input: {date: {from: 2024-6-31}}", "form.yml:4:50: `2024-6-31` is no date"),
            ("blank: true, format: text, input: {date: {}}", "form.yml:4:37: a `text` cell does not take this `input`"),
            ("blank: true, input: {words: 3}", "unknown variant `words`"),
            ("column: a, data_bar: true", "`text` is no quantity and has no bar"),
            (
                "column: a, highlight: {when: {}, as: warning}",
                "form.yml:4:45: without a condition every row would stand out",
            ),
            ("column: a, highlight: {when: {b: {over: 3}}, as: warning}", "unknown comparison `over`"),
            ("column: a, highlight: {when: {b: 1}, as: red}", "unknown variant `red`"),
            ("column: a, highlight: [{when: {b: 1}, as: good}, {as: good}]", "missing field `when`"),
            ("column: a, picture: {height: 4}", "a row with pictures is 15 to 400 points high"),
            ("column: a, format: integer, picture: {height: 40}", "pictures are named by a `column` of texts"),
        ] {
            let found = mistakes(column, "");
            assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:?}");
        }
        for (sheet, expected) in [
            ("kind: ledger\nformulas: true\n", "a ledger has no live formulas"),
            ("blocks: 2\nbreak_by: a\n", "form.yml:4:11: blocks side by side cannot be parted into pages"),
            ("highlight_rows: {when: {a: [1, {}]}, as: good}\n", "form.yml:3:28: expected a value"),
            (
                "charts: [{kind: pareto, title: 图, categories: a, series: [a]}]\n",
                "the sorted figures of the chart need three columns",
            ),
            ("charts: [{kind: pie, title: 图, categories: a, series: [a, a]}]\n", "a chart of shares shows one series"),
        ] {
            let found = mistakes("column: a", sheet);
            assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:?}");
        }
        let form = "dataset: rows\ntitle: 表\nprotect: true\ncolumns: [{label: 列, column: a}]\n";
        let (_, found) = parse_for_test(form);
        assert!(
            found[0].to_string().contains("form.yml:2:8: the sheet is protected and has no column to fill"),
            "{found:?}"
        );
    }
}
