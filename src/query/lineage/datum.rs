//! One value of a result: shown to a person, compared with another, put back into SQL.

use arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use serde::{Serialize, Serializer};

use crate::diagnostic::{Context, Result};

/// A value as the engine gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum(pub ScalarValue);

impl Datum {
    pub(super) fn null() -> Self {
        Self(ScalarValue::Null)
    }

    pub fn is_null(&self) -> bool {
        self.0.is_null()
    }

    pub fn number(&self) -> Option<f64> {
        match self.0.cast_to(&arrow::datatypes::DataType::Float64) {
            Ok(ScalarValue::Float64(number)) if !self.is_text() => number.filter(|number| number.is_finite()),
            _ => None,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self.0, ScalarValue::Utf8(_) | ScalarValue::Utf8View(_) | ScalarValue::LargeUtf8(_))
    }

    pub(super) fn is_true(&self) -> bool {
        matches!(self.0, ScalarValue::Boolean(Some(true)))
    }

    /// Whether it can be looked up by equality: floats are not, their last digits depend on the order of a sum.
    pub fn is_exact(&self) -> bool {
        use arrow::datatypes::DataType as T;
        let kind = self.0.data_type();
        kind.is_integer()
            || matches!(kind, T::Utf8 | T::Utf8View | T::LargeUtf8 | T::Boolean | T::Date32 | T::Null)
            || matches!(kind, T::Timestamp(..))
    }

    /// Of whole numbers a whole number; of no numbers nothing.
    pub(super) fn sum<'a>(values: impl Iterator<Item = &'a Self>) -> Self {
        let (mut total, mut is_whole, mut is_some) = (0.0, true, false);
        for value in values {
            let Some(number) = value.number() else { continue };
            (total, is_some) = (total + number, true);
            is_whole &= value.0.data_type().is_integer();
        }
        match (is_some, is_whole) {
            (false, _) => Self::null(),
            (true, true) => Self(ScalarValue::Int64(Some(total as i64))),
            (true, false) => Self(ScalarValue::Float64(Some(total))),
        }
    }

    /// As SQL writes it.
    fn sql(&self) -> String {
        let quoted = format!("'{}'", self.shown().replace('\'', "''"));
        match self.0.data_type() {
            arrow::datatypes::DataType::Date32 => format!("DATE {quoted}"),
            arrow::datatypes::DataType::Timestamp(..) => format!("TIMESTAMP {quoted}"),
            _ if self.is_text() => quoted,
            _ => self.shown(),
        }
    }

    /// The condition that an expression has this value.
    pub(super) fn is(&self, expr: &str) -> String {
        if self.is_null() { format!("{expr} IS NULL") } else { format!("{expr} = {}", self.sql()) }
    }

    /// As a person reads it; `NULL` for nothing.
    pub fn shown(&self) -> String {
        if self.is_null() {
            return "NULL".to_owned();
        }
        match &self.0 {
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
                text.clone()
            }
            ScalarValue::Float64(Some(number)) => number.to_string(),
            other => {
                let array = other.to_array();
                let shown = array.and_then(|array| Ok(arrow::util::display::array_value_to_string(&array, 0)?));
                shown.unwrap_or_default()
            }
        }
    }
}

impl Serialize for Datum {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match (&self.0, self.number()) {
            _ if self.is_null() => serializer.serialize_none(),
            (ScalarValue::Boolean(Some(flag)), _) => serializer.serialize_bool(*flag),
            (scalar, Some(_)) if scalar.data_type().is_integer() => match scalar.to_string().parse::<i64>() {
                Ok(integer) => serializer.serialize_i64(integer),
                Err(_) => serializer.serialize_str(&self.shown()),
            },
            (scalar, Some(number)) if scalar.data_type().is_numeric() => serializer.serialize_f64(number),
            _ => serializer.serialize_str(&self.shown()),
        }
    }
}

impl Datum {
    /// The rows of a result, each as its values in order.
    pub fn rows(batches: &[RecordBatch]) -> Result<Vec<Vec<Self>>> {
        rows_of(batches)
    }
}

pub(super) fn rows_of(batches: &[RecordBatch]) -> Result<Vec<Vec<Datum>>> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|column| ScalarValue::try_from_array(column, row).map(Datum));
            rows.push(values.collect::<std::result::Result<_, _>>().doing("reading a row")?);
        }
    }
    Ok(rows)
}
