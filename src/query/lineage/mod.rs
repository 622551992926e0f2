//! How a figure is made: from a column of a view, in one row, down to the stored rows it rests on.
//!
//! Read from the views' own SQL, with no declarations: a column is followed through CTEs, sub-selects, unions and views to
//! an aggregate or a stored column ([`row`], [`part`]); the rows behind an aggregate are listed by a query made of the same
//! SQL ([`open`], [`sums`]). Whatever is found is checked: the rows must come to the figure again, and where they do not, or where a
//! column cannot be followed, the answer says so.

mod block;
mod book;
mod carrier;
mod composed;
mod datum;
mod drill;
mod names;
mod open;
mod part;
mod ratio;
mod row;
mod shape;
mod sums;
mod trail;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde::{Serialize, Serializer};

pub use self::datum::Datum;
pub use self::ratio::ratios;
pub use self::row::Lineage;
use crate::diagnostic::Place;

/// Why something cannot be followed further.
#[derive(Debug, Clone)]
pub struct Untraced(String);

impl Untraced {
    fn of(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

type Traced<T> = std::result::Result<T, Untraced>;

impl fmt::Display for Untraced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value with the way it was made.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// A view, or `view.cte` inside one.
    pub relation: String,
    /// Empty for a part of an expression.
    pub column: String,
    /// As SQL, every column with the name of the relation it is read from.
    pub expression: String,
    #[serde(serialize_with = "as_text")]
    pub place: Place,
    pub value: Datum,
    pub made: Made,
    /// Whether the value is made of what is said of persons.
    #[serde(skip)]
    pub is_personal: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// Handed on from a row of another relation.
    From(Box<Figure>),
    /// Of a closed month: the figure it was closed with. The records of today come to another, or did so on another day.
    Frozen {
        month: String,
        view: String,
        column: String,
        /// What tells the row of the view, to ask for the figure and the rows of then.
        row: Vec<(String, Datum)>,
        today: Box<Figure>,
    },
    Ratio {
        numerator: Box<Figure>,
        denominator: Box<Figure>,
    },
    /// By how much `now` exceeds `base`, as a share of it.
    Growth {
        now: Box<Figure>,
        base: Box<Figure>,
    },
    /// `+` or `-`, and what it stands before.
    Sum(Vec<(char, Figure)>),
    Product(Vec<Figure>),
    /// Counted, added up or otherwise taken of rows.
    Rows(Drill),
    /// A value of a stored row.
    Stored(Stored),
    /// What the rows are grouped by.
    Key,
    /// Not followed: the expression and the values that went into it.
    Computed {
        why: String,
        inputs: Vec<Figure>,
    },
    /// A rate or a score inside another: ask for it by itself.
    Apart {
        relation: String,
        column: String,
    },
    Constant,
    /// No row of the relation matched, so there is nothing.
    Nothing {
        relation: String,
    },
}

/// The rows behind an aggregate.
#[derive(Debug, Clone, Serialize)]
pub struct Drill {
    /// The aggregate as written.
    pub call: String,
    /// The keys of the group and their values.
    pub group: Vec<(String, Datum)>,
    /// Those of the keys that are made of what is said of persons.
    #[serde(skip)]
    pub personal_keys: BTreeSet<String>,
    /// What is asked of the rows on the way down.
    pub conditions: Vec<Condition>,
    /// Where the rows are stored.
    pub tables: Vec<String>,
    /// Gives `_table`, `_key` and what the row counts for.
    pub sql: String,
    /// Rows that count.
    pub rows: u64,
    /// What they come to.
    pub total: Datum,
    /// Whether that is the figure.
    pub matches: bool,
    /// Why the rows are those of a view and not those of a table.
    pub ends_early: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    pub kind: ConditionKind,
    pub sql: String,
    #[serde(serialize_with = "as_text")]
    pub place: Place,
    /// Of [`ConditionKind::Either`]: each row meets all of one of these lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub either: Vec<Vec<Condition>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConditionKind {
    Where,
    Join,
    Filter,
    Having,
    /// One of several lists of conditions.
    Either,
}

/// One row of a table.
#[derive(Debug, Clone, Serialize)]
pub struct Stored {
    pub table: String,
    pub key: Vec<(String, Datum)>,
}

/// The SQL of what a list of rows calls the key of a row.
pub fn key_sql(columns: &[String]) -> String {
    let parts: Vec<String> = columns.iter().map(|name| format!("CAST({} AS VARCHAR)", names::ident(name))).collect();
    match parts.as_slice() {
        [single] => single.clone(),
        several => format!("concat_ws('/', {})", several.join(", ")),
    }
}

fn as_text<S: Serializer>(place: &Place, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(place)
}

/// The figures within what was made, to read or to change.
macro_rules! parts {
    ($made:expr, $iter:ident) => {
        match $made {
            Made::From(inner) | Made::Frozen { today: inner, .. } => vec![inner],
            Made::Ratio { numerator: left, denominator: right } | Made::Growth { now: left, base: right } => {
                vec![left, right]
            }
            Made::Sum(terms) => terms.$iter().map(|(_, term)| term).collect(),
            Made::Product(parts) | Made::Computed { inputs: parts, .. } => parts.$iter().collect(),
            Made::Rows(_)
            | Made::Stored(_)
            | Made::Key
            | Made::Apart { .. }
            | Made::Constant
            | Made::Nothing { .. } => Vec::new(),
        }
    };
}

impl Figure {
    /// A figure under another name.
    pub fn named(relation: &str, name: &str, figure: Self) -> Self {
        Self {
            relation: relation.to_owned(),
            column: String::new(),
            expression: name.to_owned(),
            place: Place::default(),
            value: figure.value.clone(),
            is_personal: figure.is_personal,
            made: Made::From(Box::new(figure)),
        }
    }

    /// Figures added up; those that are nothing add nothing.
    pub fn sum(relation: &str, expression: String, terms: Vec<(char, Self)>) -> Self {
        Self {
            relation: relation.to_owned(),
            column: String::new(),
            expression,
            place: Place::default(),
            value: Datum::sum(terms.iter().map(|(_, term)| &term.value)),
            is_personal: false,
            made: Made::Sum(terms),
        }
    }

    /// Every list of rows below the figure.
    pub fn drills(&self) -> Vec<&Drill> {
        let mut found = Vec::new();
        self.visit(&mut |figure| {
            if let Made::Rows(drill) = &figure.made {
                found.push(drill);
            }
        });
        found
    }

    /// Names the views' files from here on.
    pub fn relative_to(&mut self, root: &Path) {
        below(root, &mut self.place);
        if let Made::Rows(drill) = &mut self.made {
            drill.conditions.iter_mut().for_each(|condition| condition.relative_to(root));
        }
        self.parts_mut().into_iter().for_each(|part| part.relative_to(root));
    }

    /// The figures it is made of.
    pub fn parts_mut(&mut self) -> Vec<&mut Figure> {
        parts!(&mut self.made, iter_mut)
    }

    fn parts(&self) -> Vec<&Figure> {
        parts!(&self.made, iter)
    }

    /// The figure, then those it is made of.
    pub fn visit<'f>(&'f self, seen: &mut impl FnMut(&'f Figure)) {
        seen(self);
        for part in self.parts() {
            part.visit(seen);
        }
    }
}

impl Condition {
    fn relative_to(&mut self, root: &Path) {
        below(root, &mut self.place);
        self.either.iter_mut().flatten().for_each(|condition| condition.relative_to(root));
    }
}

fn below(root: &Path, place: &mut Place) {
    if let Ok(inner) = place.file.strip_prefix(root) {
        place.file = inner.to_owned();
    }
}
