//! Parquet with typed columns, as a platform's export would have it.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::synthetic::GenerateError;
use crate::synthetic::output::{Delivery, Writer, header};
use crate::synthetic::reference::District;
use crate::synthetic::row::{Cell, Row};
use crate::synthetic::tables::Kind;

const BATCH_ROWS: usize = 8192;

enum Builder {
    Text(StringBuilder),
    Whole(Int64Builder),
    Number(Float64Builder),
    Flag(BooleanBuilder),
    Date(Date32Builder),
    Time(TimestampMicrosecondBuilder),
}

pub(crate) struct ParquetWriter<'a> {
    delivery: &'a Delivery,
    district: &'a District,
    writer: ArrowWriter<fs_err::File>,
    schema: Arc<Schema>,
    operations: Option<StringBuilder>,
    columns: Vec<Builder>,
    pending: usize,
    records: u32,
    text: String,
}

impl<'a> ParquetWriter<'a> {
    pub(crate) fn create(
        path: &Path,
        delivery: &'a Delivery,
        district: &'a District,
        operations: bool,
    ) -> Result<Self, GenerateError> {
        let fields: Vec<Field> = header(delivery, operations)
            .map(|column| {
                let data_type = match column.kind {
                    Kind::Text => DataType::Utf8,
                    Kind::Whole => DataType::Int64,
                    Kind::Number => DataType::Float64,
                    Kind::Flag => DataType::Boolean,
                    Kind::Date => DataType::Date32,
                    Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
                };
                Field::new(column.name, data_type, true)
            })
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let file = fs_err::File::create(path)?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))?;
        let columns = delivery
            .table
            .columns
            .iter()
            .map(|column| match column.kind {
                Kind::Text => Builder::Text(StringBuilder::new()),
                Kind::Whole => Builder::Whole(Int64Builder::new()),
                Kind::Number => Builder::Number(Float64Builder::new()),
                Kind::Flag => Builder::Flag(BooleanBuilder::new()),
                Kind::Date => Builder::Date(Date32Builder::new()),
                Kind::Time => Builder::Time(TimestampMicrosecondBuilder::new()),
            })
            .collect();
        let operations = operations.then(StringBuilder::new);
        Ok(Self {
            delivery,
            district,
            writer,
            schema,
            operations,
            columns,
            pending: 0,
            records: 0,
            text: String::new(),
        })
    }

    fn flush(&mut self) -> Result<(), GenerateError> {
        if self.pending == 0 {
            return Ok(());
        }
        let operations = self.operations.as_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef);
        let columns = self.columns.iter_mut().map(|builder| -> ArrayRef {
            match builder {
                Builder::Text(builder) => Arc::new(builder.finish()),
                Builder::Whole(builder) => Arc::new(builder.finish()),
                Builder::Number(builder) => Arc::new(builder.finish()),
                Builder::Flag(builder) => Arc::new(builder.finish()),
                Builder::Date(builder) => Arc::new(builder.finish()),
                Builder::Time(builder) => Arc::new(builder.finish()),
            }
        });
        let batch = RecordBatch::try_new(self.schema.clone(), operations.into_iter().chain(columns).collect())?;
        self.writer.write(&batch)?;
        self.pending = 0;
        Ok(())
    }
}

impl Writer for ParquetWriter<'_> {
    fn write(&mut self, row: &Row, operation: Option<char>) -> Result<u32, GenerateError> {
        if let Some(builder) = &mut self.operations {
            builder.append_option(operation.map(String::from));
        }
        for (column, builder) in self.columns.iter_mut().enumerate() {
            match (builder, row.cells[column]) {
                (Builder::Text(builder), Cell::Null) => builder.append_null(),
                (Builder::Text(builder), _) => {
                    self.text.clear();
                    row.render(column, &self.delivery.style, self.district, &mut self.text);
                    builder.append_value(&self.text);
                }
                (Builder::Whole(builder), Cell::Whole(value)) => builder.append_value(value),
                (Builder::Whole(builder), _) => builder.append_null(),
                (Builder::Number(builder), Cell::Tenths(value)) => builder.append_value(value as f64 / 10.0),
                (Builder::Number(builder), _) => builder.append_null(),
                (Builder::Flag(builder), Cell::Flag(value)) => builder.append_value(value),
                (Builder::Flag(builder), _) => builder.append_null(),
                (Builder::Date(builder), Cell::Date(days)) => builder.append_value(days),
                (Builder::Date(builder), _) => builder.append_null(),
                (Builder::Time(builder), Cell::Time(seconds)) => builder.append_value(seconds * 1_000_000),
                (Builder::Time(builder), _) => builder.append_null(),
            }
        }
        self.pending += 1;
        self.records += 1;
        if self.pending == BATCH_ROWS {
            self.flush()?;
        }
        Ok(self.records)
    }

    fn finish(mut self: Box<Self>) -> Result<(), GenerateError> {
        self.flush()?;
        self.writer.close()?;
        Ok(())
    }
}
