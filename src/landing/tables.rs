//! The tables of one landing: opened once, with the places of their keys, shared by all deliveries of the night.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, RwLock};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tokio::sync::Mutex;

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
}

/// Names of a table and of a column of it.
type TableColumn = (String, String);

/// All tables of the warehouse that the night's deliveries touch or refer to.
pub(super) struct OpenTables {
    warehouse: Warehouse,
    contracts: Arc<Contracts>,
    open: Mutex<BTreeMap<String, Arc<Mutex<OpenTable>>>>,
    values: Mutex<BTreeMap<TableColumn, Arc<HashSet<String>>>>,
}

impl OpenTables {
    pub(super) fn new(warehouse: Warehouse, contracts: Arc<Contracts>) -> Self {
        Self { warehouse, contracts, open: Mutex::default(), values: Mutex::default() }
    }

    pub(super) fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// The table of `contract`, created where it is missing.
    pub(super) async fn get(&self, contract: &Contract) -> Result<Arc<Mutex<OpenTable>>> {
        if let Some(found) = self.open.lock().await.get(&contract.table) {
            return Ok(found.clone());
        }
        let schema = stored_schema(contract);
        let table = self.warehouse.table_with_schema(&contract.table, &contract.label, &schema).await?;
        let keys = Arc::new(RwLock::new(index_of(&table, contract).await?));
        let opened = Arc::new(Mutex::new(OpenTable { table, keys }));
        let mut open = self.open.lock().await;
        Ok(open.entry(contract.table.clone()).or_insert(opened).clone())
    }

    /// The table of `contract`, if it exists: looking a value up must not create the table it is looked up in.
    async fn existing(&self, contract: &Contract) -> Result<Option<Arc<Mutex<OpenTable>>>> {
        let is_open = self.open.lock().await.contains_key(&contract.table);
        if !is_open && self.warehouse.table(&contract.table).await?.is_none() {
            return Ok(None);
        }
        self.get(contract).await.map(Some)
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
            let position = opened.table.schema().index_of(column).doing("finding a referenced column")?;
            for file in opened.table.files().await? {
                for batch in opened.table.read(&file.path, Some(&[position])).await? {
                    let texts = cast(batch.column(0), &DataType::Utf8).doing("reading a referenced column")?;
                    values.extend(texts.as_string::<i32>().iter().flatten().map(str::to_owned));
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
async fn index_of(table: &Table, contract: &Contract) -> Result<KeyIndex> {
    let mut index = KeyIndex::default();
    let columns: Vec<usize> = contract
        .key
        .iter()
        .map(|at| table.schema().index_of(&contract.columns[*at].name).doing("finding a key column"))
        .collect::<Result<_>>()?;
    let positions: Vec<usize> = (0..columns.len()).collect();
    for file in table.files().await? {
        let number = index.add_file(&file.path);
        let mut row = 0;
        for batch in table.read(&file.path, Some(&columns)).await? {
            let keys = key_texts(&batch, &positions)?;
            index.put_all(&keys, number, row);
            row += u32::try_from(keys.len()).map_err(|_| Diagnostic::unexpected("a data file has too many rows"))?;
        }
    }
    Ok(index)
}
