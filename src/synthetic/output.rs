//! One delivery file being written: rows go in, faults are planted on the way, lines are counted.

use std::path::Path;

use super::GenerateError;
use super::faults::{Fault, Faults, Planted};
use super::nights::{Delivered, RowKey};
use super::row::{Cell, Row, Style};
use super::tables::{OPERATION, Table};
use super::world::World;
use super::write;

/// A file format: takes rows in order, says on which line (sheet row, record) each one stands.
pub(crate) trait Writer {
    fn write(&mut self, row: &Row, operation: Option<char>) -> Result<u32, GenerateError>;
    fn finish(self: Box<Self>) -> Result<(), GenerateError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv(write::text::Dialect),
    JsonLines,
    Workbook,
    Parquet,
}

/// A file to be delivered: which rows of which table, and how they are written.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) file: String,
    pub(crate) table: &'static Table,
    pub(crate) format: Format,
    pub(crate) style: Style,
    pub(crate) grids: std::ops::Range<usize>,
    /// Words for a title above the header, where a file has one.
    pub(crate) title: Option<String>,
}

/// A planted fault, as it goes into the truth file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    pub file: String,
    pub line: u32,
    pub table: &'static str,
    pub key: String,
    pub fault: &'static str,
}

pub(crate) struct Output<'a> {
    world: &'a World,
    delivery: &'a Delivery,
    writer: Box<dyn Writer + 'a>,
    faults: Option<Faults>,
    /// Rows to be delivered again further down: the row and what it is.
    again: Vec<(Row, Option<char>, &'static str)>,
    pub(crate) rows: u64,
    pub(crate) truth: Vec<Truth>,
}

impl<'a> Output<'a> {
    pub(crate) fn create(
        world: &'a World,
        delivery: &'a Delivery,
        directory: &Path,
        faults: Option<Faults>,
    ) -> Result<Self, GenerateError> {
        let path = directory.join(&delivery.file);
        let operations = world.night > 1;
        let writer = write::open(&path, delivery, &world.district, operations)?;
        Ok(Self { world, delivery, writer, faults, again: Vec::new(), rows: 0, truth: Vec::new() })
    }

    /// Delivers a row as its history wants. `fill` writes the row as it stands after its latest update.
    pub(crate) fn row(
        &mut self,
        key: RowKey,
        row: &mut Row,
        fill: impl FnOnce(&mut Row, Option<u32>),
    ) -> Result<(), GenerateError> {
        let (updated, delivered) = super::nights::history(self.world, key);
        self.deliver(key, delivered, row, |row| fill(row, updated))
    }

    /// For tables that keep their own history.
    pub(crate) fn deliver(
        &mut self,
        key: RowKey,
        delivered: Delivered,
        row: &mut Row,
        fill: impl FnOnce(&mut Row),
    ) -> Result<(), GenerateError> {
        let operation = match delivered {
            Delivered::Full => None,
            Delivered::Insert => Some('I'),
            Delivered::Update => Some('U'),
            Delivered::Delete => Some('D'),
            Delivered::Gone => return Ok(()),
            Delivered::No => {
                let is_older = self.faults.as_ref().is_some_and(|faults| faults.wants_older(self.world, key));
                if is_older {
                    row.clear();
                    fill(row);
                    return self.older(key, row);
                }
                return Ok(());
            }
        };
        row.clear();
        fill(row);
        if delivered == Delivered::Delete {
            self.only_key(row, super::nights::touched_at(self.world, key, self.world.night));
            return self.write(row, operation).map(drop);
        }
        let is_hit = self.faults.as_ref().is_some_and(|faults| faults.hits(self.world, key, self.world.night));
        // Not every row can carry every fault: a few tries.
        for _ in 0..if is_hit { 4 } else { 0 } {
            let Some(fault) = self.faults.as_mut().and_then(Faults::next) else { break };
            if self.write_faulty(fault, row, operation)? {
                return Ok(());
            }
        }
        self.write(row, operation).map(drop)
    }

    fn older(&mut self, key: RowKey, row: &mut Row) -> Result<(), GenerateError> {
        let table = self.delivery.table;
        if let Some(Cell::Time(seconds)) = row.cells.last_mut() {
            *seconds -= 86_400 * (1 + (key.number % 40) as i64);
        }
        super::faults::alter(table, row);
        let line = self.write(row, Some('U'))?;
        self.note(row, line, "older_version");
        Ok(())
    }

    /// False when the row cannot carry this fault; it has not been written then.
    fn write_faulty(&mut self, fault: Fault, row: &mut Row, operation: Option<char>) -> Result<bool, GenerateError> {
        let table = self.delivery.table;
        match super::faults::plant(fault, table, row) {
            Planted::InPlace(name) => {
                let line = self.write(row, operation)?;
                self.note(row, line, name);
            }
            Planted::Copy => {
                self.write(row, operation)?;
                self.again.push((row.clone(), operation, "duplicate_same"));
            }
            Planted::Rival => {
                let line = self.write(row, operation)?;
                self.note(row, line, "duplicate_key");
                let mut rival = row.clone();
                super::faults::alter(table, &mut rival);
                self.again.push((rival, operation, "duplicate_key"));
            }
            Planted::Impossible => return Ok(false),
        }
        Ok(true)
    }

    /// Second deliveries of a row follow at the end of its grid.
    pub(crate) fn end_of_grid(&mut self) -> Result<(), GenerateError> {
        for (row, operation, fault) in std::mem::take(&mut self.again) {
            let line = self.write(&row, operation)?;
            self.note(&row, line, fault);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<(u64, Vec<Truth>), GenerateError> {
        self.writer.finish()?;
        Ok((self.rows, self.truth))
    }

    fn write(&mut self, row: &Row, operation: Option<char>) -> Result<u32, GenerateError> {
        self.rows += 1;
        self.writer.write(row, operation)
    }

    fn note(&mut self, row: &Row, line: u32, fault: &'static str) {
        let mut key = String::new();
        for (at, column) in self.delivery.table.key.iter().enumerate() {
            if at > 0 {
                key.push('|');
            }
            row.render(*column, &self.delivery.style, &self.world.district, &mut key);
        }
        self.truth.push(Truth { file: self.delivery.file.clone(), line, table: self.delivery.table.name, key, fault });
    }

    fn only_key(&self, row: &mut Row, at: i64) {
        let table = self.delivery.table;
        for (column, cell) in row.cells.iter_mut().enumerate() {
            if !table.key.contains(&column) {
                *cell = Cell::Null;
            }
        }
        row.cells[table.updated_at()] = Cell::Time(at);
    }
}

/// The columns of a file, the operation first when there is one.
pub(crate) fn header(delivery: &Delivery, operations: bool) -> impl Iterator<Item = &'static super::tables::Column> {
    operations.then_some(&OPERATION).into_iter().chain(delivery.table.columns)
}
