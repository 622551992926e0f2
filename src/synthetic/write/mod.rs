//! The file formats that communities deliver in.

use std::path::Path;

use super::GenerateError;
use super::output::{Delivery, Format, Writer};
use super::reference::District;

pub(crate) mod parquet;
pub(crate) mod text;
pub(crate) mod workbook;

/// `operations`: the file says of each row whether it is new, changed or deleted.
pub(crate) fn open<'a>(
    path: &Path,
    delivery: &'a Delivery,
    district: &'a District,
    operations: bool,
) -> Result<Box<dyn Writer + 'a>, GenerateError> {
    Ok(match delivery.format {
        Format::Csv(dialect) => Box::new(text::CsvWriter::create(path, delivery, district, dialect, operations)?),
        Format::JsonLines => Box::new(text::JsonLinesWriter::create(path, delivery, district)?),
        Format::Workbook => Box::new(workbook::WorkbookWriter::create(path, delivery, district, operations)?),
        Format::Parquet => Box::new(parquet::ParquetWriter::create(path, delivery, district, operations)?),
    })
}
