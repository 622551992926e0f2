//! A month of the calendar, written `2024-05`.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate};

/// A month. Orders by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first: NaiveDate,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no month such as 2024-05")]
pub struct NoMonth(String);

impl Month {
    /// The month of a day.
    pub fn of(day: NaiveDate) -> Self {
        Self { first: day.with_day(1).unwrap_or(day) }
    }

    pub fn last_day(self) -> NaiveDate {
        let next = self.first.checked_add_months(Months::new(1));
        next.and_then(|next| next.pred_opt()).unwrap_or(NaiveDate::MAX)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

impl FromStr for Month {
    type Err = NoMonth;

    fn from_str(text: &str) -> Result<Self, NoMonth> {
        let month = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").map(|first| Self { first });
        // A year of other than four digits would sort elsewhere.
        month.ok().filter(|month| month.to_string() == text).ok_or_else(|| NoMonth(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_read_in_one_form_only() {
        let last = |text: &str| text.parse::<Month>().map(|month| month.last_day().to_string());
        assert_eq!(last("2024-02").as_deref(), Ok("2024-02-29"));
        assert_eq!(last("2023-12").as_deref(), Ok("2023-12-31"));
        for wrong in ["2024-13", "2024-5", "24-05", "2024-05-01", "202405", "", " 2024-05", "2024-05 ", "+2024-05"] {
            assert_eq!(last(wrong), Err(NoMonth(wrong.to_owned())), "{wrong}");
        }
    }
}
