//! Values that came back on collection sheets and are in no other table.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type};
use chrono::NaiveDate;

use super::elements::{Dictionary, Element};
use crate::diagnostic::{Context as _, Result};
use crate::query::Session;

/// The view of the last collected value of each object and element.
pub(super) const COLLECTED_VALUES: &str = "stg_collected_values";

/// Values by subject, object and element, with the date of the warehouse when they came back.
#[derive(Debug, Default)]
pub(super) struct Collected {
    values: HashMap<(String, String, String), (String, NaiveDate)>,
    /// Subjects and elements that there are values of.
    elements: HashSet<(String, String)>,
}

/// What the records have of a cell.
pub(super) struct Stored<'d> {
    pub has_value: bool,
    pub dated: Option<NaiveDate>,
    pub element: Option<&'d Element>,
    pub dictionary: &'d Dictionary,
}

impl Collected {
    /// Reads all of them; none in a project without the view.
    pub async fn read(session: &Session) -> Result<Self> {
        let mut collected = Self::default();
        if session.catalog().get(COLLECTED_VALUES).is_none() {
            return Ok(collected);
        }
        let doing = "reading the collected values";
        let sql = format!("SELECT subject, object_id, element, value, collected_on FROM {COLLECTED_VALUES}");
        for batch in session.fetch(&sql).await? {
            let text = |at: usize| cast(batch.column(at), &DataType::Utf8).doing(doing);
            let (subjects, objects, elements, values) = (text(0)?, text(1)?, text(2)?, text(3)?);
            let dates = cast(batch.column(4), &DataType::Date32).doing(doing)?;
            for row in 0..batch.num_rows() {
                let at = |array: &arrow::array::ArrayRef| {
                    let array = array.as_string::<i32>();
                    (!array.is_null(row)).then(|| array.value(row).to_owned())
                };
                let date = dates.as_primitive::<Date32Type>().value_as_date(row);
                if let (Some(subject), Some(object), Some(element), Some(value), Some(date)) =
                    (at(&subjects), at(&objects), at(&elements), at(&values), date)
                {
                    collected.elements.insert((subject.clone(), element.clone()));
                    collected.values.insert((subject, object, element), (value, date));
                }
            }
        }
        Ok(collected)
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether any object has a value of an element.
    pub fn has(&self, subject: &str, element: &str) -> bool {
        self.elements.contains(&(subject.to_owned(), element.to_owned()))
    }

    pub fn get(&self, subject: &str, object: &str, element: &str) -> Option<(&str, NaiveDate)> {
        if self.values.is_empty() {
            return None;
        }
        let key = (subject.to_owned(), object.to_owned(), element.to_owned());
        self.values.get(&key).map(|(value, date)| (value.as_str(), *date))
    }

    /// A collected value that stands in for a stored one: where there is none, or an older one. What is landed in the records
    /// is read there.
    pub fn instead_of(&self, stored: Stored<'_>, subject: &str, object: &str, key: &str) -> Option<(&str, NaiveDate)> {
        let Stored { has_value, dated, element, dictionary } = stored;
        if element.is_some_and(|element| dictionary.lands_in(element).is_some()) {
            return None;
        }
        let found = self.get(subject, object, key)?;
        (!has_value || dated.is_some_and(|dated| dated < found.1)).then_some(found)
    }

    /// How many objects of a subject have a value of an element, and of how many it came back before a day.
    pub fn count<'o>(
        &self,
        subject: &str,
        objects: impl Iterator<Item = &'o str>,
        element: &str,
        oldest: Option<NaiveDate>,
    ) -> (u64, u64) {
        let found = objects.filter_map(|object| self.get(subject, object, element));
        found.fold((0, 0), |(filled, old), (_, date)| {
            (filled + 1, old + u64::from(oldest.is_some_and(|oldest| date < oldest)))
        })
    }
}
