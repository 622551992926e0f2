//! Parquet: typed columns cast back to text without loss. Row groups are read in small batches; texts are read as
//! views so that a dictionary that repeats one huge value cannot blow up before it has been measured.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use ::parquet::errors::ParquetError;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringBuilder, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};

use super::{
    BATCH_BYTES_MAX, FaultKind, Limit, Limits, OpenOptions, RawBatch, RawReader, RowFault, SourceError, SourceKind,
    Sum, parquet_guard,
};

pub(super) static KIND: SourceKind = SourceKind {
    name: "parquet",
    extensions: &["parquet", "pq"],
    growth: 8,
    matches: |head| head.starts_with(b"PAR1"),
    open,
};

const BATCH_ROWS: usize = 8_192;

struct ParquetReader {
    batches: ParquetRecordBatchReader,
    /// Rows decoded and not yet handed out.
    rest: Option<RecordBatch>,
    header: Vec<String>,
    schema: SchemaRef,
    limits: Limits,
    sum: Sum,
}

fn open(path: &Path, options: &OpenOptions<'_>) -> Result<Box<dyn RawReader>, SourceError> {
    let limits = options.limits;
    check_footer(&mut File::open(path)?)?;
    let file = File::open(path)?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(damaged)?;
    let fields = metadata.schema().fields().clone();
    limits.check_columns(fields.len(), 0)?;
    if fields.is_empty() {
        return Err(SourceError::NoHeader);
    }
    let rows = metadata.metadata().file_metadata().num_rows();
    limits.check_rows(u64::try_from(rows).unwrap_or(u64::MAX))?;
    if let Some(field) = fields.iter().find(|f| f.data_type().is_nested()) {
        let what = match field.data_type() {
            DataType::Struct(_) => "records inside a record",
            DataType::Map(..) => "a map",
            _ => "a list",
        };
        return Err(SourceError::NestedColumn { column: field.name().clone(), what });
    }
    let batch_rows = parquet_guard::check(File::open(path)?, metadata.metadata(), limits, BATCH_ROWS)?;
    let as_read: Vec<Field> =
        fields.iter().map(|f| f.as_ref().clone().with_data_type(read_type(f.data_type()))).collect();
    let reading = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(as_read)));
    let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), reading).map_err(damaged)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata).with_batch_size(batch_rows);
    let header: Vec<String> = fields.iter().map(|f| f.name().trim().to_owned()).collect();
    let schema = header.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect::<Vec<_>>();
    Ok(Box::new(ParquetReader {
        batches: builder.build().map_err(damaged)?,
        rest: None,
        header,
        schema: Arc::new(Schema::new(schema)),
        limits,
        sum: Sum::default(),
    }))
}

/// A Parquet file ends as it begins; one that does not was cut off on its way.
fn check_footer(file: &mut File) -> Result<(), SourceError> {
    use std::io::{Read, Seek, SeekFrom};
    let mut tail = [0; 4];
    let is_whole = file.metadata()?.len() >= 12
        && file.seek(SeekFrom::End(-4)).is_ok()
        && file.read_exact(&mut tail).is_ok()
        && tail == *b"PAR1";
    if is_whole { Ok(()) } else { Err(SourceError::Truncated { what: "Parquet file" }) }
}

/// The library's messages may quote values, so only the kind of failure is told.
fn damaged(error: ParquetError) -> SourceError {
    let detail = match error {
        ParquetError::EOF(_) => "it ends too early",
        ParquetError::NYI(_) => "it uses an encoding or compression that is not supported",
        ParquetError::ArrowError(_) => "a column cannot be decoded",
        _ => "its metadata or a page cannot be decoded",
    };
    SourceError::Damaged { what: "Parquet file", detail, line: None }
}

fn read_type(stored: &DataType) -> DataType {
    match stored {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::Dictionary(_, value) => read_type(value),
        other => other.clone(),
    }
}

impl RawReader for ParquetReader {
    fn kind(&self) -> &'static str {
        KIND.name
    }

    fn header(&self) -> &[String] {
        &self.header
    }

    fn header_line(&self) -> u32 {
        0
    }

    fn encoding(&self) -> Option<&'static str> {
        None
    }

    fn next_batch(&mut self) -> Result<Option<RawBatch>, SourceError> {
        let first_line = u32::try_from(self.sum.rows + 1).unwrap_or(u32::MAX);
        let at = |detail| SourceError::Damaged { what: "Parquet file", detail, line: Some(first_line) };
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => match self.batches.next() {
                Some(batch) => batch.map_err(|_| at("a page of the records from here on cannot be decoded"))?,
                None => return Ok(None),
            },
        };
        let rows = rows_within(&batch, BATCH_BYTES_MAX);
        self.rest = (rows < batch.num_rows()).then(|| batch.slice(rows, batch.num_rows() - rows));
        let batch = batch.slice(0, rows);
        let mut faults = Vec::new();
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (index, column) in batch.columns().iter().enumerate() {
            self.check_cells(column, first_line)?;
            let text = as_text(column, index as u32, &mut faults);
            columns.push(text.ok_or_else(|| at("a column cannot be turned into text"))?);
        }
        faults.sort_by_key(|f| f.row);
        let values =
            RecordBatch::try_new(self.schema.clone(), columns).map_err(|_| at("its columns differ in length"))?;
        self.limits.check_batch(&mut self.sum, &values)?;
        let lines = (first_line..).take(batch.num_rows()).collect();
        Ok(Some(RawBatch { values, lines, faults, part: None }))
    }
}

impl ParquetReader {
    /// Measures texts while they are still views.
    fn check_cells(&self, column: &ArrayRef, first_line: u32) -> Result<(), SourceError> {
        let mut total = 0_u64;
        for (row, length) in view_lengths(column).enumerate() {
            total += u64::from(length);
            let line = Some(first_line.saturating_add(row as u32));
            if length as usize > self.limits.cell_bytes_max {
                return Err(SourceError::over(Limit::CellBytes, self.limits.cell_bytes_max as u64, line));
            }
            if total > self.limits.held_bytes_max {
                return Err(SourceError::over(Limit::HeldBytes, self.limits.held_bytes_max, line));
            }
        }
        Ok(())
    }
}

/// The lengths of texts that are still views; nothing for other columns.
fn view_lengths(column: &ArrayRef) -> impl Iterator<Item = u32> {
    let texts = column.as_string_view_opt().into_iter().flat_map(|views| views.lengths());
    texts.chain(column.as_binary_view_opt().into_iter().flat_map(|views| views.lengths()))
}

/// How many rows from the first on hold no more text than that; at least one.
fn rows_within(batch: &RecordBatch, bytes_max: usize) -> usize {
    let mut bytes = vec![0_usize; batch.num_rows()];
    for column in batch.columns() {
        view_lengths(column).zip(&mut bytes).for_each(|(length, sum)| *sum += length as usize);
    }
    let mut total = 0;
    let over = bytes.iter().position(|row| {
        total += row;
        total > bytes_max
    });
    over.map_or(batch.num_rows(), |row| row.max(1))
}

fn as_text(column: &ArrayRef, index: u32, faults: &mut Vec<RowFault>) -> Option<ArrayRef> {
    let text = |array: &dyn Array| {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(array, &DataType::Utf8, &options).ok()
    };
    match column.data_type() {
        DataType::Null => Some(new_null_array(&DataType::Utf8, column.len())),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            // A 32-bit float goes through its shortest text, or 0.1 would become 0.10000000149.
            let wide = match column.data_type() {
                DataType::Float64 => column.clone(),
                _ => cast_with_options(&text(column)?, &DataType::Float64, &CastOptions::default()).ok()?,
            };
            let mut out = StringBuilder::new();
            for (row, value) in wide.as_primitive::<Float64Type>().iter().enumerate() {
                out.append_option(value.map(|value| {
                    // No value a sender means; the contract will refuse it where a number is wanted.
                    if value.is_nan() {
                        return "NaN".to_owned();
                    }
                    let (text, is_rounded) = super::number_text(value);
                    if is_rounded {
                        faults.push(RowFault { row: row as u32, column: Some(index), kind: FaultKind::LostDigits });
                    }
                    text
                }));
            }
            Some(Arc::new(out.finish()) as ArrayRef)
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            // Some writers leave out the mark that says "text".
            cast_with_options(column, &DataType::Binary, &CastOptions::default()).ok().and_then(|bytes| {
                cast_with_options(&bytes, &DataType::Utf8, &CastOptions { safe: false, ..Default::default() }).ok()
            })
        }
        // Instants are stored in UTC whatever the zone's name, which the library may not know.
        DataType::Timestamp(unit, Some(_)) => {
            let instants = cast_with_options(column, &DataType::Int64, &CastOptions::default()).ok()?;
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            text(&cast_with_options(&instants, &utc, &CastOptions::default()).ok()?)
        }
        _ => text(column),
    }
    .map(null_for_empty)
}

/// An empty text is an empty cell, as in every other format.
fn null_for_empty(text: ArrayRef) -> ArrayRef {
    let strings = text.as_string::<i32>();
    if strings.offsets().lengths().enumerate().all(|(row, length)| length > 0 || strings.is_null(row)) {
        return text;
    }
    let kept: arrow::array::StringArray = strings.iter().map(|v| v.filter(|v| !v.is_empty())).collect();
    Arc::new(kept)
}
