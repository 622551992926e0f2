//! Rows of one delivery that cannot land, until the quarantine is written: each once, with everything wrong with it.
//!
//! Any number of rows can fail, so their text is counted while it is gathered and written in pieces.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Date32Type;

use super::Moment;
use super::quarantined::quarantine_schema;
use crate::contract::RuleCode;
use crate::diagnostic::{Context, Diagnostic, Result};

/// Text that the quarantined rows of one delivery may take, as it is written: a row stands there once for each
/// violation. Beyond this the delivery as a whole is wrong, and nobody corrects it row by row.
const HELD_BYTES_MAX: usize = 256 << 20;
/// Text written at once.
const PIECE_BYTES_MAX: usize = 32 << 20;
/// What a violation takes beside its own texts: ids, file, table, dates.
const OVERHEAD_BYTES: usize = 160;

/// A delivered row that cannot land.
pub(super) struct HeldRow {
    /// The sheet it came from, where rows come from several.
    pub(super) part: Option<Arc<str>>,
    pub(super) line: u32,
    /// The row as delivered, a JSON object.
    pub(super) original: String,
    pub(super) key: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) violations: Vec<HeldViolation>,
}

/// One thing wrong with a row. The texts are shared: the same is wrong with many rows.
pub(super) struct HeldViolation {
    pub(super) column: Arc<str>,
    pub(super) rule: RuleCode,
    pub(super) reason: Arc<str>,
}

/// What all quarantined rows of a delivery have in common.
pub(super) struct Stamp<'a> {
    pub(super) batch_id: &'a str,
    pub(super) table: &'a str,
    /// Name of the delivered file.
    pub(super) file: String,
    pub(super) moment: Moment,
}

type Entry<'a> = (&'a HeldRow, &'a HeldViolation);

/// All rows of a delivery that cannot land.
#[derive(Default)]
pub(super) struct Held {
    rows: Vec<HeldRow>,
    text_bytes: usize,
}

impl Held {
    /// # Errors
    /// When the rows take more text than anybody can put right.
    pub(super) fn add(&mut self, row: HeldRow) -> Result<()> {
        self.text_bytes += row.violations.iter().map(|violation| written_bytes((&row, violation))).sum::<usize>();
        self.rows.push(row);
        if self.text_bytes > HELD_BYTES_MAX {
            return Err(Diagnostic::error(format!(
                "{} rows cannot land by now, and their text takes more than the {} MB that the quarantine takes of \
                 one delivery",
                self.rows.len(),
                HELD_BYTES_MAX >> 20
            ))
            .effect("not landed, nothing of it was put into quarantine")
            .hint(
                "land its first rows as a file of their own: `gridhouse quarantine show` says what is wrong with them",
            ));
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Keys of the rows, as far as they have one.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(|row| row.key.as_deref())
    }

    /// The rows as the quarantine stores them, in batches that fit into memory.
    pub(super) fn batches<'a>(&'a self, stamp: &'a Stamp<'a>) -> impl Iterator<Item = Result<RecordBatch>> + 'a {
        let entries: Vec<Entry<'_>> =
            self.rows.iter().flat_map(|row| row.violations.iter().map(move |violation| (row, violation))).collect();
        let mut start = 0;
        std::iter::from_fn(move || {
            let (mut end, mut bytes) = (start, 0);
            while end < entries.len() && (end == start || bytes < PIECE_BYTES_MAX) {
                bytes += written_bytes(entries[end]);
                end += 1;
            }
            let piece = &entries[start..end];
            start = end;
            (!piece.is_empty()).then(|| to_batch(piece, stamp))
        })
    }
}

fn written_bytes((row, violation): Entry<'_>) -> usize {
    row.original.len() + row.key.as_ref().map_or(0, String::len) + violation.reason.len() + OVERHEAD_BYTES
}

fn to_batch(entries: &[Entry<'_>], stamp: &Stamp<'_>) -> Result<RecordBatch> {
    let text = |get: &dyn Fn(Entry<'_>) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(entries.iter().map(|entry| get(*entry))))
    };
    let shared = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(entries.iter().map(|_| text))) };
    let optional = |get: for<'r> fn(&'r HeldRow) -> Option<&'r str>| -> ArrayRef {
        Arc::new(entries.iter().map(|(row, _)| get(row)).collect::<StringArray>())
    };
    // Lines of two sheets may be the same.
    let part = |row: &HeldRow| row.part.as_ref().map(|part| format!("!{part}")).unwrap_or_default();
    let as_of = Date32Type::from_naive_date(stamp.moment.as_of);
    let landed_at = stamp.moment.now.and_utc().timestamp_micros();
    let columns: Vec<ArrayRef> = vec![
        text(&|(row, _)| format!("{}{}-{}", stamp.batch_id, part(row), row.line)),
        shared(stamp.batch_id),
        shared(stamp.table),
        text(&|(row, _)| format!("{}{}", stamp.file, part(row))),
        Arc::new(Int64Array::from_iter_values(entries.iter().map(|(row, _)| i64::from(row.line)))),
        text(&|(_, violation)| violation.column.to_string()),
        text(&|(_, violation)| violation.rule.to_string()),
        Arc::new(StringArray::from_iter_values(entries.iter().map(|(_, violation)| &*violation.reason))),
        Arc::new(StringArray::from_iter_values(entries.iter().map(|(row, _)| &row.original))),
        optional(|row| row.key.as_deref()),
        optional(|row| row.unit.as_deref()),
        Arc::new(Date32Array::from_value(as_of, entries.len())),
        Arc::new(TimestampMicrosecondArray::from_value(landed_at, entries.len())),
        optional(|_| None),
    ];
    RecordBatch::try_new(quarantine_schema(), columns).doing("writing the quarantine")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u32, original_bytes: usize, violations: usize) -> HeldRow {
        let violation = || HeldViolation { column: "a".into(), rule: RuleCode::BadDate, reason: "x".into() };
        HeldRow {
            part: None,
            line,
            original: "x".repeat(original_bytes),
            key: None,
            unit: None,
            violations: (0..violations).map(|_| violation()).collect(),
        }
    }

    #[test]
    fn rows_are_written_in_pieces_and_refused_when_there_is_no_end() {
        let mut held = Held::default();
        for line in 0..10 {
            held.add(row(line, 5 << 20, 2)).expect("within the limit");
        }
        let moment = Moment { as_of: chrono::NaiveDate::default(), now: chrono::NaiveDateTime::default() };
        let stamp = Stamp { batch_id: "b", table: "t", file: "f.csv".to_owned(), moment };
        let rows: Vec<usize> = held.batches(&stamp).map(|batch| batch.expect("a batch").num_rows()).collect();
        assert_eq!(rows, [7, 7, 6]);
        for line in 0..15 {
            held.add(row(line, 5 << 20, 2)).expect("within the limit");
        }
        let problem = held.add(row(99, 5 << 20, 2)).expect_err("over the limit");
        assert!(problem.message.contains("256 MB"), "{problem}");
    }
}
