//! The tables of one landing: opened once, with the places of their keys, shared by all deliveries of the night.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, RwLock};

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tokio::sync::Mutex;

use super::deletions::DeletedKeys;
use crate::contract::{Contract, Contracts};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::warehouse::{KeyIndex, Table, Warehouse, key_texts};

/// Columns every landed table has after its contract's: which batch a row came with, and its line in the file.
pub const SYSTEM_COLUMNS: [&str; 2] = ["_batch_id", "_line"];

/// A contract's columns and the system columns.
pub fn stored_schema(contract: &Contract) -> SchemaRef {
    let mut fields: Vec<Field> = contract
        .arrow_schema()
        .fields()
        .iter()
        // A column that is required now may have been optional in rows landed before.
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    fields.push(Field::new(SYSTEM_COLUMNS[0], DataType::Utf8, true));
    fields.push(Field::new(SYSTEM_COLUMNS[1], DataType::Int64, true));
    Arc::new(Schema::new(fields))
}

/// A table while it is being landed into.
pub(super) struct OpenTable {
    pub(super) table: Table,
    pub(super) keys: Arc<RwLock<KeyIndex>>,
    /// Read before the first merge, where deletions are remembered.
    pub(super) deleted: Option<DeletedKeys>,
}

/// Names of a table and of a column of it.
type TableColumn = (String, String);

/// All tables of the warehouse that the night's deliveries touch or refer to.
pub(super) struct OpenTables {
    warehouse: Warehouse,
    contracts: Arc<Contracts>,
    is_dry_run: bool,
    open: Mutex<BTreeMap<String, Arc<Mutex<OpenTable>>>>,
    values: Mutex<BTreeMap<TableColumn, Arc<HashSet<String>>>>,
}

impl OpenTables {
    pub(super) fn new(warehouse: Warehouse, contracts: Arc<Contracts>, is_dry_run: bool) -> Self {
        Self { warehouse, contracts, is_dry_run, open: Mutex::default(), values: Mutex::default() }
    }

    pub(super) fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// The table of `contract` to land into, with the columns of its contract: created or widened where they are
    /// missing. A dry run gets the table as it is, and `None` if there is none.
    pub(super) async fn get(&self, contract: &Contract) -> Result<Option<Arc<Mutex<OpenTable>>>> {
        let schema = stored_schema(contract);
        let opened = match self.existing(contract).await? {
            Some(opened) => opened,
            None if self.is_dry_run => return Ok(None),
            None => {
                let table = self.warehouse.table_with_schema(&contract.table, &contract.label, &schema).await?;
                self.keep(contract, table).await?
            }
        };
        let mut open = opened.lock().await;
        if self.is_dry_run {
            open.table.check_types(&schema)?;
        } else {
            open.table = open.table.clone().widened(&schema).await?;
        }
        drop(open);
        Ok(Some(opened))
    }

    /// The table of `contract` as it is, if it exists: looking a value up changes nothing.
    async fn existing(&self, contract: &Contract) -> Result<Option<Arc<Mutex<OpenTable>>>> {
        if let Some(found) = self.open.lock().await.get(&contract.table) {
            return Ok(Some(found.clone()));
        }
        match self.warehouse.table(&contract.table).await? {
            Some(table) => self.keep(contract, table).await.map(Some),
            None => Ok(None),
        }
    }

    async fn keep(&self, contract: &Contract, table: Table) -> Result<Arc<Mutex<OpenTable>>> {
        let index = index_of(&table, contract, &self.warehouse.table_path(&contract.table)).await?;
        let opened = Arc::new(Mutex::new(OpenTable { table, keys: Arc::new(RwLock::new(index)), deleted: None }));
        let mut open = self.open.lock().await;
        Ok(open.entry(contract.table.clone()).or_insert(opened).clone())
    }

    /// The keys of `table`, if `column` is its key; `None` otherwise.
    pub(super) async fn keys_of(&self, table: &str, column: &str) -> Result<Option<Arc<RwLock<KeyIndex>>>> {
        let Some(contract) = self.contracts.get(table) else { return Ok(None) };
        let is_key = contract.key.len() == 1 && contract.columns[contract.key[0]].name == column;
        if !is_key {
            return Ok(None);
        }
        match self.existing(contract).await? {
            Some(opened) => Ok(Some(opened.lock().await.keys.clone())),
            None => Ok(Some(Arc::default())),
        }
    }

    /// All values of a column that is not the table's key.
    pub(super) async fn values_of(&self, table: &str, column: &str) -> Result<Arc<HashSet<String>>> {
        let name = (table.to_owned(), column.to_owned());
        if let Some(found) = self.values.lock().await.get(&name) {
            return Ok(found.clone());
        }
        let mut values = HashSet::new();
        if let Some(contract) = self.contracts.get(table)
            && let Some(opened) = self.existing(contract).await?
        {
            let opened = opened.lock().await;
            // A column that is new in the contract and not yet in the table has no values.
            let position = opened.table.schema().index_of(column).ok();
            for file in opened.table.files().await? {
                for batch in opened.table.read(&file.path, Some(&Vec::from_iter(position))).await? {
                    for column in batch.columns() {
                        let texts = cast(column, &DataType::Utf8).doing("reading a referenced column")?;
                        values.extend(texts.as_string::<i32>().iter().flatten().map(str::to_owned));
                    }
                }
            }
        }
        let values = Arc::new(values);
        self.values.lock().await.insert(name, values.clone());
        Ok(values)
    }

    /// Forgets column values of a table whose rows have changed.
    pub(super) async fn forget_values(&self, table: &str) {
        self.values.lock().await.retain(|(name, _), _| name != table);
    }
}

/// Reads the key columns of all files.
async fn index_of(table: &Table, contract: &Contract, folder: &Path) -> Result<KeyIndex> {
    let mut index = KeyIndex::default();
    let columns: Vec<usize> =
        contract.key.iter().filter_map(|at| table.schema().index_of(&contract.columns[*at].name).ok()).collect();
    let has_key = columns.len() == contract.key.len();
    let positions: Vec<usize> = (0..columns.len()).collect();
    let mut row_count = 0;
    for file in table.files().await? {
        let number = index.add_file(&file.path);
        let mut row = 0;
        for batch in table.read(&file.path, Some(&columns)).await? {
            // Without a column of the key no row has one.
            if has_key {
                index.put_all(&key_texts(&batch, &positions)?, number, row);
            }
            row +=
                u32::try_from(batch.num_rows()).map_err(|_| Diagnostic::unexpected("a data file has too many rows"))?;
        }
        row_count += row as usize;
    }
    if index.len() == row_count { Ok(index) } else { Err(changed_key(contract, folder, row_count, index.len())) }
}

/// A merge by a key that does not tell the stored rows apart would put one row in the place of several.
fn changed_key(contract: &Contract, folder: &Path, row_count: usize, key_count: usize) -> Diagnostic {
    let names: Vec<String> = contract.key.iter().map(|at| format!("`{}`", contract.columns[*at].name)).collect();
    Diagnostic::error(format!(
        "the key {} of the contract does not tell the stored rows apart: {row_count} rows, {key_count} keys",
        names.join(", ")
    ))
    // The table, not the delivery at hand: its sender can mend nothing.
    .in_file(folder)
    .note("contract", contract.path.display().to_string())
    .effect("nothing was landed in this table, nor in those that refer to it")
    .hint("a table cannot change its key: give the table with the new key another name")
}
