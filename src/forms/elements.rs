//! The dictionary of data elements: what departments ask for, by which names, and where the answer stands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::reading::folded;
use crate::contract::{CodeList, ColumnKind, Contract, Contracts};
use crate::diagnostic::{Context, Diagnostic, Place, Result, did_you_mean};
use crate::query::{ViewCatalog, yaml_problem};

/// How long a value speaks for what it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Refresh {
    #[serde(rename = "不变")]
    Never,
    #[serde(rename = "日")]
    Day,
    #[serde(rename = "周")]
    Week,
    #[serde(rename = "月")]
    Month,
    #[serde(rename = "季")]
    Quarter,
    #[serde(rename = "半年")]
    HalfYear,
    #[serde(rename = "年")]
    Year,
}

impl Refresh {
    /// How often in a year a value is worth asking for; what does not change is asked for once.
    pub fn per_year(self) -> u64 {
        match self {
            Self::Never | Self::Year => 1,
            Self::HalfYear => 2,
            Self::Quarter => 4,
            Self::Month => 12,
            Self::Week => 52,
            Self::Day => 365,
        }
    }

    /// Days after which a value is old; `None` for what does not change.
    pub fn days(self) -> Option<u32> {
        match self {
            Self::Never => None,
            Self::Day => Some(1),
            Self::Week => Some(7),
            Self::Month => Some(31),
            Self::Quarter => Some(92),
            Self::HalfYear => Some(184),
            Self::Year => Some(366),
        }
    }
}

/// A column of a table or view: `residents.id_number`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub relation: String,
    pub column: String,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.relation, self.column)
    }
}

/// Something that can be asked of a subject.
#[derive(Debug)]
pub struct Element {
    /// `person.id_number`
    pub id: String,
    /// Position of its subject in the dictionary.
    pub subject: usize,
    /// Its column in the records of its subject.
    pub column: String,
    /// Chinese name.
    pub label: String,
    /// All names as written, the label first.
    pub names: Vec<String>,
    /// `None` for what no table holds: it is collected.
    pub source: Option<Source>,
    /// Condition on a view with several rows per place.
    pub condition: Option<String>,
    pub kind: ColumnKind,
    pub unit: Option<String>,
    pub codes: Option<Arc<CodeList>>,
    pub owner: String,
    pub refresh: Refresh,
    /// The column of the records that says how old the value is.
    pub dated: String,
    /// Its value names a file below the pictures' folder.
    pub is_photo: bool,
    /// Whether its values may not be shown to everybody.
    pub is_personal: bool,
}

/// What is asked about: persons, dwellings, shops, places.
#[derive(Debug)]
pub struct Subject {
    pub name: String,
    pub label: String,
    /// The view with a row for each, and its key; a place has none, its figures come from views of their own.
    pub records: Option<Records>,
    /// Folded headings below which a name is still the subject's own.
    pub groups: BTreeSet<String>,
    /// Words in the title of a form that is about it.
    pub titles: Vec<String>,
    /// Whose lists it stands in, below a card.
    pub belongs: Vec<Belonging>,
}

/// By what the rows of a list below a card belong to the card's object.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Belonging {
    /// The subject of the card.
    pub to: String,
    /// A column that the records of both have.
    pub by: String,
    /// Headings of such a list; without any each list of the subject is one.
    #[serde(default)]
    pub below: Vec<String>,
}

impl Subject {
    /// How its rows belong to a card's subject in a list with these first headings.
    pub fn belonging<'h>(&self, card: &Subject, firsts: impl Iterator<Item = &'h str> + Clone) -> Option<&Belonging> {
        let is_below = |one: &&Belonging| {
            let names: BTreeSet<String> = one.below.iter().map(|name| folded(name)).collect();
            one.to == card.name && (names.is_empty() || firsts.clone().all(|head| names.contains(&folded(head))))
        };
        self.belongs.iter().find(is_below)
    }
}

#[derive(Debug, Clone)]
pub struct Records {
    pub view: String,
    pub key: String,
    /// The table whose rows they are, by the same key: what is collected of its columns is landed there.
    pub table: Option<String>,
    /// Columns by which a person who visits it knows which one is meant.
    pub shown: Vec<String>,
}

/// The dictionary.
#[derive(Debug)]
pub struct Dictionary {
    pub path: PathBuf,
    pub subjects: Vec<Subject>,
    pub elements: Vec<Element>,
    /// Folded headings that say nothing by themselves.
    pub neutral: BTreeSet<String>,
    pub counters: BTreeSet<String>,
    pub by_hand: BTreeSet<String>,
    /// Words of a title by which figures are of part of the population only.
    pub populations: Vec<String>,
    by_id: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    neutral: Vec<String>,
    #[serde(default)]
    counters: Vec<String>,
    #[serde(default)]
    by_hand: Vec<String>,
    #[serde(default)]
    populations: Vec<String>,
    subjects: Vec<SubjectEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectEntry {
    subject: String,
    label: String,
    records: Option<String>,
    key: Option<String>,
    #[serde(default)]
    shown: Vec<String>,
    #[serde(default)]
    belongs: Vec<Belonging>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    titles: Vec<String>,
    elements: Vec<Spanned<ElementEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ElementEntry {
    element: String,
    name: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    source: Option<String>,
    #[serde(rename = "where")]
    condition: Option<String>,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    unit: Option<String>,
    codes: Option<String>,
    owner: String,
    refresh: Refresh,
    dated: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
    Date,
    Photo,
}

impl From<Kind> for ColumnKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Photo => Self::Text,
            Kind::Integer => Self::Integer,
            Kind::Number => Self::Number,
            Kind::Boolean => Self::Boolean,
            Kind::Date => Self::Date,
        }
    }
}

/// What an entry takes over from its source.
struct Inherited {
    label: String,
    aliases: Vec<String>,
    kind: ColumnKind,
    unit: Option<String>,
    codes: Option<Arc<CodeList>>,
    is_personal: bool,
}

impl Dictionary {
    /// Reads `elements.yml`. A project without one has no elements.
    ///
    /// # Errors
    /// The file is not of this shape, a source or code list does not exist, or two elements of a subject have one name.
    pub fn load(path: &Path, contracts: &Contracts, views: &ViewCatalog) -> Result<Self> {
        let text = match path.exists() {
            true => fs_err::read_to_string(path).doing("reading the dictionary of data elements")?,
            false => "subjects: []".to_owned(),
        };
        let file: File = serde_saphyr::from_str(&text).map_err(|error| yaml_problem(&error, path))?;
        let folded_all = |names: &[String]| names.iter().map(|name| folded(name)).collect::<BTreeSet<String>>();
        let mut dictionary = Self {
            path: path.to_owned(),
            subjects: Vec::new(),
            elements: Vec::new(),
            neutral: folded_all(&file.neutral),
            counters: folded_all(&file.counters),
            by_hand: folded_all(&file.by_hand),
            populations: file.populations,
            by_id: BTreeMap::new(),
        };
        for subject in file.subjects {
            let records = match (subject.records, subject.key) {
                (Some(view), Some(key)) => {
                    let is_keyed = |contract: &&Contract| matches!(contract.key.as_slice(), [one] if contract.columns[*one].name == key);
                    let table = contracts.iter().find(is_keyed).map(|contract| contract.table.clone());
                    Some(Records { view, key, table, shown: subject.shown })
                }
                _ => None,
            };
            let position = dictionary.subjects.len();
            let mut elements = Vec::new();
            for entry in subject.elements {
                let at = Place::at(path, clip(entry.referenced.line()), clip(entry.referenced.column()));
                let made = element(&subject.subject, position, entry.value, contracts, views);
                let (element, inherited) = made.map_err(|problem| problem.at(at.clone()))?;
                elements.push((at, element, inherited));
            }
            let mut named: BTreeMap<String, String> = BTreeMap::new();
            // What is written in the dictionary goes before what a column is called as well.
            for is_inherited in [false, true] {
                for (at, element, inherited) in &mut elements {
                    let own = named.clone();
                    let names = if is_inherited { &mut *inherited } else { &mut element.names };
                    let is_taken = |name: &String| own.get(&folded(name)).is_some_and(|other| *other != element.id);
                    if let Some(name) = names.iter().find(|name| !is_inherited && is_taken(name)) {
                        let message = format!("`{name}` names both `{}` and `{}`", own[&folded(name)], element.id);
                        return Err(Diagnostic::error(message)
                            .at(at.clone())
                            .hint("a name stands for one element of a subject: take it from one of them"));
                    }
                    names.retain(|name| !is_taken(name));
                    named.extend(names.iter().map(|name| (folded(name), element.id.clone())));
                }
            }
            for (_, mut element, inherited) in elements {
                element.names.extend(inherited);
                dictionary.by_id.insert(element.id.clone(), dictionary.elements.len());
                dictionary.elements.push(element);
            }
            dictionary.subjects.push(Subject {
                name: subject.subject,
                label: subject.label,
                records,
                groups: folded_all(&subject.groups),
                titles: subject.titles,
                belongs: subject.belongs,
            });
        }
        let lost = dictionary.subjects.iter().flat_map(|subject| &subject.belongs);
        if let Some(one) = lost.into_iter().find(|one| dictionary.subject(&one.to).is_none()) {
            let problem = Diagnostic::error(format!("rows belong to `{}`, which is no subject", one.to)).in_file(path);
            let known = dictionary.subjects.iter().map(|subject| subject.name.as_str());
            return Err(match did_you_mean(&one.to, known) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("`to` in `belongs` is the name of a subject"),
            });
        }
        Ok(dictionary)
    }

    pub fn get(&self, id: &str) -> Option<&Element> {
        self.by_id.get(id).map(|at| &self.elements[*at])
    }

    pub fn subject(&self, name: &str) -> Option<(usize, &Subject)> {
        self.subjects.iter().enumerate().find(|(_, subject)| subject.name == name)
    }

    /// The table and column that a collected value of an element is landed in; `None` for one that is kept with the
    /// collected values.
    pub fn lands_in<'e>(&self, element: &'e Element) -> Option<&'e Source> {
        let table = self.subjects[element.subject].records.as_ref()?.table.as_ref()?;
        element.source.as_ref().filter(|source| source.relation == *table && source.column == element.column)
    }

    /// The elements of a subject.
    pub fn of(&self, subject: usize) -> impl Iterator<Item = &Element> {
        self.elements.iter().filter(move |element| element.subject == subject)
    }
}

/// The element of an entry, and the names that its column has as well.
fn element(
    subject_name: &str,
    subject: usize,
    entry: ElementEntry,
    contracts: &Contracts,
    views: &ViewCatalog,
) -> Result<(Element, Vec<String>)> {
    let id = format!("{subject_name}.{}", entry.element);
    let source = entry.source.as_deref().map(|text| source_of(text, contracts, views)).transpose()?;
    let inherited = source.as_ref().and_then(|source| inherited(source, contracts, views));
    let names_of_source = entry.name.is_none().then_some(inherited.as_ref()).flatten();
    let label = entry.name.or_else(|| Some(inherited.as_ref()?.label.clone())).ok_or_else(|| {
        Diagnostic::error(format!("`{id}` has no name")).hint("an element without a source needs `name` and `type`")
    })?;
    let has_own_kind = entry.kind.is_some();
    let mut names = vec![label.clone()];
    names.extend(entry.aliases);
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(folded(name)));
    let inherited_names = names_of_source.map(|from| from.aliases.clone()).unwrap_or_default();
    let codes = match entry.codes.as_deref() {
        Some(list) => Some(contracts.code_lists.get(list).cloned().ok_or_else(|| {
            let problem = Diagnostic::error(format!("no code list `{list}`"));
            match did_you_mean(list, contracts.code_lists.names()) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("code lists stand in code_lists.csv"),
            }
        })?),
        None => inherited.as_ref().filter(|_| !has_own_kind).and_then(|from| from.codes.clone()),
    };
    let kind = entry.kind.map(ColumnKind::from).or_else(|| Some(inherited.as_ref()?.kind)).ok_or_else(|| {
        Diagnostic::error(format!("`{id}` has no type")).hint("an element without a source needs `name` and `type`")
    })?;
    let element = Element {
        subject,
        column: entry.element,
        label,
        names,
        condition: entry.condition,
        kind,
        unit: entry.unit.or_else(|| inherited.as_ref().filter(|_| !has_own_kind).and_then(|from| from.unit.clone())),
        codes,
        owner: entry.owner,
        refresh: entry.refresh,
        dated: entry.dated.unwrap_or_else(|| "updated_at".to_owned()),
        is_photo: matches!(entry.kind, Some(Kind::Photo)),
        is_personal: inherited.as_ref().is_none_or(|from| from.is_personal),
        source,
        id,
    };
    Ok((element, inherited_names))
}

fn source_of(text: &str, contracts: &Contracts, views: &ViewCatalog) -> Result<Source> {
    let (relation, column) = text.split_once('.').ok_or_else(|| {
        Diagnostic::error(format!("`{text}` is no source")).hint("write `table.column` or `view.column`")
    })?;
    let known: Vec<&str> = match (contracts.get(relation), views.get(relation)) {
        (Some(contract), _) => contract.columns.iter().map(|column| column.name.as_str()).collect(),
        (None, Some(view)) => view.model.columns.iter().map(|column| column.name.as_str()).collect(),
        (None, None) => {
            let known = contracts.iter().map(|contract| contract.table.as_str()).chain(views.iter().map(|v| &*v.name));
            let problem = Diagnostic::error(format!("no table or view `{relation}`"));
            return Err(match did_you_mean(relation, known) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("tables are those of `data/contracts`, views those of `queries`"),
            });
        }
    };
    if !known.contains(&column) {
        let problem = Diagnostic::error(format!("`{relation}` has no column `{column}`"));
        return Err(match did_you_mean(column, known.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint(format!("its columns are {}", known.join(", "))),
        });
    }
    Ok(Source { relation: relation.to_owned(), column: column.to_owned() })
}

fn inherited(source: &Source, contracts: &Contracts, views: &ViewCatalog) -> Option<Inherited> {
    if let Some((_, column)) = contracts.get(&source.relation).and_then(|contract| contract.column(&source.column)) {
        return Some(Inherited {
            label: column.label.clone(),
            aliases: column.aliases.clone(),
            kind: column.kind,
            unit: column.unit.clone(),
            codes: column.code_list().cloned(),
            is_personal: column.hides_values(),
        });
    }
    let column = views.get(&source.relation)?.model.columns.iter().find(|column| column.name == source.column)?;
    Some(Inherited {
        label: column.label.clone(),
        aliases: Vec::new(),
        kind: if column.unit.is_empty() { ColumnKind::Text } else { ColumnKind::Number },
        unit: (!column.unit.is_empty()).then(|| column.unit.clone()),
        codes: None,
        is_personal: false,
    })
}

fn clip(position: u64) -> u32 {
    u32::try_from(position).unwrap_or(0)
}
