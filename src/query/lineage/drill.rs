//! The rows behind an aggregate, counted again: a list is believed when it comes to the figure.

use arrow::array::RecordBatch;
use datafusion::sql::sqlparser::ast::{Expr, Function};

use super::open::Opened;
use super::part::Here;
use super::row::Lineage;
use super::trail::Trail;
use super::{Datum, Drill};
use crate::diagnostic::Result;

impl Lineage<'_> {
    pub(super) async fn drill(&self, here: &Here<'_>, call: &Function, value: &Datum) -> Result<Drill> {
        let keys: Vec<(Expr, String)> =
            here.group.iter().map(|(key, at)| (key.clone(), here.values[*at].is(&key.to_string()))).collect();
        let mut trail = Trail::default();
        let deep = match self.book.open_aggregate(here.block, call, &keys, &mut trail) {
            Ok(opened) => self.checked(here, call, value, &opened, trail, None).await,
            Err(untraced) => Err(untraced.to_string()),
        };
        let why = match deep {
            Ok(drill) if drill.matches => return Ok(drill),
            // A text or a date may be somebody's.
            Ok(drill) => match drill.total.number() {
                Some(total) => format!("the rows of {} come to {total}", drill.tables.join(", ")),
                None => format!("the rows of {} come to something else", drill.tables.join(", ")),
            },
            Err(why) => why,
        };
        let mut trail = Trail { is_flat: true, ..Trail::default() };
        let flat = match self.book.open_aggregate(here.block, call, &keys, &mut trail) {
            Ok(opened) => self.checked(here, call, value, &opened, trail, Some(why.clone())).await,
            Err(untraced) => Err(untraced.to_string()),
        };
        Ok(flat.unwrap_or_else(|_| Drill {
            call: call.to_string(),
            group: here.group_shown(),
            personal_keys: here.personal_keys(),
            conditions: Vec::new(),
            tables: Vec::new(),
            sql: String::new(),
            rows: 0,
            total: Datum::null(),
            matches: false,
            ends_early: Some(why),
        }))
    }

    /// The rows counted again, and whether they come to the figure.
    async fn checked(
        &self,
        here: &Here<'_>,
        call: &Function,
        value: &Datum,
        opened: &Opened,
        trail: Trail,
        ends_early: Option<String>,
    ) -> std::result::Result<Drill, String> {
        let sql = format!(
            "SELECT {}, count(DISTINCT concat(_table, '/', _key)) FROM ({}) AS r WHERE {}",
            opened.total, opened.sql, opened.filter
        );
        let found = self.few(&sql).await;
        let (found, _) = found.map_err(|problem| problem.message)?;
        let [total, rows] = found.first().map(Vec::as_slice).unwrap_or_default() else {
            return Err("nothing came back".to_owned());
        };
        Ok(Drill {
            call: call.to_string(),
            group: here.group_shown(),
            personal_keys: here.personal_keys(),
            conditions: trail.conditions,
            tables: trail.tables.into_iter().collect(),
            // A row that counts several times is listed once.
            sql: match opened.total.as_str() {
                "sum(_counts)" => format!(
                    "SELECT _table, _key, sum(_counts) AS _counts FROM ({}) AS r WHERE {} GROUP BY _table, _key",
                    opened.sql, opened.filter
                ),
                _ => format!("SELECT DISTINCT * FROM ({}) AS r WHERE {}", opened.sql, opened.filter),
            },
            rows: rows.number().unwrap_or_default() as u64,
            matches: agree(value, total),
            total: total.clone(),
            ends_early,
        })
    }

    /// The first rows of a drill as `_table`, `_key` and what each counts for, in the order of their keys; and whether
    /// the keys are made of what is said of persons.
    pub async fn rows(&self, drill: &Drill, limit: Option<usize>) -> Result<(Vec<RecordBatch>, bool)> {
        let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        let sql = format!("SELECT * FROM ({}) AS r ORDER BY _table, _key{limit}", drill.sql);
        let found = self.fetch(&sql).await?;
        Ok((found.batches, found.personal.get(1) != Some(&false)))
    }
}

/// Whether what the rows come to is the figure; a sum of nothing is nothing or 0.
pub(super) fn agree(figure: &Datum, total: &Datum) -> bool {
    match (figure.number(), total.number()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0),
        (Some(only), None) | (None, Some(only)) => only == 0.0,
        (None, None) => figure.shown() == total.shown(),
    }
}
