//! Figures of closed months as the tables of a session give them, worked out when SQL asks for them.
//!
//! A month is counted as of its last day, as it was when it was closed, so that nothing differs but what was delivered
//! since, or how the figure is defined.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session as PlanningSession, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::datasource::{MemTable, TableType};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use tokio::sync::OnceCell;

use super::closed::{CLOSED_TABLE, Closed, FrozenRow, definition_of, recomputed_schema, rows_of};
use super::engine::QueryLimits;
use super::kept_months::{KeptMonths, inputs_of};
use super::session::{Session, TableSchemas};
use super::snapshot::Snapshot;
use super::views::{Layer, View, ViewCatalog};
use crate::diagnostic::{Context, Diagnostic, Result};
use crate::district::month::Month;
use crate::warehouse::Warehouse;

/// Deliveries that are named; a month of nights brings many.
const NAMED_DELIVERIES: usize = 3;

/// What it takes to count a month anew.
#[derive(Debug, Clone)]
pub struct Months {
    pub warehouse: Warehouse,
    pub catalog: Arc<ViewCatalog>,
    pub schemas: TableSchemas,
    pub limits: QueryLimits,
}

/// What a view says of one month.
#[derive(Debug)]
pub struct MonthOfView {
    pub view: String,
    pub definition: String,
    pub rows: Vec<FrozenRow>,
}

impl Months {
    /// The figures of `month` in all views that say they have some, as `versions` of the tables give them.
    pub async fn figures(&self, month: Month, versions: &BTreeMap<String, u64>) -> Result<Vec<MonthOfView>> {
        let session = self.session(month, versions).await?;
        let declared = self.catalog.iter().filter(|view| view.model.config.closed_months.is_some());
        self.share(&session, declared.map(|view| view.name.as_str())).await?;
        let mut found = Vec::new();
        for view in self.catalog.iter() {
            if let Some(rows) = self.rows(&session, view, month).await? {
                found.push(MonthOfView {
                    view: view.name.clone(),
                    definition: definition_of(&self.catalog, &view.name),
                    rows,
                });
            }
        }
        Ok(found)
    }

    /// A session as of the last day of a month, without what other months were frozen to.
    async fn session(&self, month: Month, versions: &BTreeMap<String, u64>) -> Result<Session> {
        let mut versions = versions.clone();
        versions.remove(CLOSED_TABLE);
        let snapshot = Snapshot { as_of: month.last_day(), versions };
        // Opening a session reads tables, and reading this one opens sessions.
        let opening =
            Session::open(&self.warehouse, self.catalog.clone(), snapshot, self.schemas.clone(), &self.limits);
        Box::pin(opening).await
    }

    /// Computes the marts that `views` rest on once each: planned into every view that reads them, they would be computed as
    /// often as there are ways to them.
    async fn share<'a>(&'a self, session: &Session, views: impl Iterator<Item = &'a str>) -> Result<()> {
        for view in self.catalog.in_order(views).into_iter().filter(|view| view.is_materialized()) {
            session.materialize(view).await?;
        }
        Ok(())
    }

    /// The rows of a view for one month; `None` for a view without figures of months.
    async fn rows(&self, session: &Session, view: &View, month: Month) -> Result<Option<Vec<FrozenRow>>> {
        let Some(declared) = &view.model.config.closed_months else { return Ok(None) };
        let schema = session.schema(&view.name).await?;
        if let Some(unknown) = declared.columns().find(|column| schema.index_of(column).is_err()) {
            return Err(Diagnostic::error(format!(
                "`closed_months` names `{unknown}`, which is no column of the view"
            ))
            .in_file(view.yml.clone().unwrap_or_else(|| view.path.clone())));
        }
        let sql = format!("SELECT * FROM \"{}\" WHERE \"{}\" = '{month}'", view.name, declared.month);
        rows_of(view, declared, &session.fetch(&sql).await?).map(Some)
    }

    /// The landed tables a view rests on, with those that functions look up.
    pub fn tables_below(&self, view: &str) -> BTreeSet<String> {
        let looked_up = super::LOOKED_UP.into_iter().map(str::to_owned);
        let reads = self.catalog.in_order([view]).into_iter().flat_map(|below| below.reads.iter().cloned());
        reads.filter(|read| self.catalog.get(read).is_none()).chain(looked_up).collect()
    }

    /// Deliveries landed after `frozen` in the tables below a view that brought, changed or deleted rows from before the
    /// month's end: all that can have changed its figures. The newest first.
    async fn deliveries(&self, session: &Session, view: &str, frozen: &BTreeMap<String, u64>) -> Result<Vec<String>> {
        let below = self.catalog.in_order([view]);
        let mut found: BTreeMap<(String, String), ()> = BTreeMap::new();
        for staging in below.into_iter().filter(|below| below.layer == Layer::Staging) {
            for table in &staging.reads {
                let Some(version) = frozen.get(table) else { continue };
                // A staging view without the batch of its rows leaves it open which they are.
                let has_batch = session.schema(&staging.name).await?.index_of("_batch_id").is_ok();
                let of_rows = if has_batch {
                    format!(" AND (deleted + dropped > 0 OR batch_id IN (SELECT _batch_id FROM \"{}\"))", staging.name)
                } else {
                    String::new()
                };
                let sql = format!(
                    "SELECT CAST(landed_at AS VARCHAR) AS landed_at, file FROM batches \
                     WHERE table_name = '{table}' AND version > {version}{of_rows}"
                );
                for batch in session.fetch(&sql).await? {
                    let landed = super::closed::text_columns(&batch, ["landed_at", "file"].into_iter())?;
                    for row in 0..batch.num_rows() {
                        found.insert((landed[0].value(row).to_owned(), landed[1].value(row).to_owned()), ());
                    }
                }
            }
        }
        Ok(found.into_keys().rev().map(|(_, file)| file).collect())
    }

    /// All closed months, those whose records are as they were last time as they were counted then.
    async fn recomputed(
        &self,
        closed: &Closed,
        versions: &BTreeMap<String, u64>,
        kept: &KeptMonths,
    ) -> Result<RecordBatch> {
        let mut months = Vec::with_capacity(closed.months.len());
        for (name, closed) in &closed.months {
            let month: Month = name.parse().doing("reading the closed months")?;
            let session = self.session(month, versions).await?;
            let views: Vec<&str> = closed.views.keys().map(String::as_str).collect();
            let path = kept.path(name, &inputs_of(&session, &views, &[name, &closed.tables]).await?);
            let counted = match kept.read(&path) {
                Some(counted) => counted,
                None => {
                    let counted = self.recount(&session, month, &views, &closed.tables).await?;
                    kept.hold(&path, &counted);
                    counted
                }
            };
            months.push(counted);
        }
        concat_batches(&recomputed_schema(), &months).doing("counting closed months anew")
    }

    /// One month, and the deliveries since it was frozen to `tables`.
    async fn recount(&self, session: &Session, month: Month, views: &[&str], tables: &str) -> Result<RecordBatch> {
        let frozen: BTreeMap<String, u64> = serde_json::from_str(tables).doing("reading the closed months")?;
        let mut rows = Rows::default();
        self.share(session, views.iter().copied()).await?;
        for view in views.iter().filter_map(|view| self.catalog.get(view)) {
            let Some(found) = self.rows(session, view, month).await? else { continue };
            let deliveries = self.deliveries(session, &view.name, &frozen).await?;
            rows.add(&month.to_string(), view, &definition_of(&self.catalog, &view.name), &deliveries, found);
        }
        rows.batch()
    }
}

/// The rows of the table, column by column.
#[derive(Default)]
struct Rows {
    texts: [Vec<String>; 10],
    values: Vec<Option<f64>>,
    counts: Vec<i64>,
}

impl Rows {
    fn add(&mut self, month: &str, view: &View, definition: &str, deliveries: &[String], rows: Vec<FrozenRow>) {
        let mut listed = deliveries.iter().take(NAMED_DELIVERIES).cloned().collect::<Vec<_>>().join("、");
        if deliveries.len() > NAMED_DELIVERIES {
            listed.push_str(&format!("，另{}份", deliveries.len() - NAMED_DELIVERIES));
        }
        let described: BTreeMap<&str, (&str, &str)> =
            view.model.columns.iter().map(|c| (c.name.as_str(), (c.label.as_str(), c.unit.as_str()))).collect();
        for row in rows {
            for (column, cell) in row.cells {
                let (label, unit) = described.get(column.as_str()).copied().unwrap_or_default();
                let (key, name) = (row.key.as_str(), row.name.as_str());
                let texts =
                    [month, &view.name, key, name, &column, &view.model.label, label, unit, definition, &listed];
                for (column, text) in self.texts.iter_mut().zip(texts) {
                    column.push(text.to_owned());
                }
                self.values.push(cell.value);
                self.counts.push(deliveries.len() as i64);
            }
        }
    }

    fn batch(self) -> Result<RecordBatch> {
        let mut columns: Vec<arrow::array::ArrayRef> =
            self.texts.into_iter().map(|texts| Arc::new(StringArray::from(texts)) as _).collect();
        // After the five that name the figure.
        columns.insert(5, Arc::new(Float64Array::from(self.values)));
        columns.push(Arc::new(Int64Array::from(self.counts)));
        RecordBatch::try_new(recomputed_schema(), columns).doing("counting closed months anew")
    }
}

/// [`super::RECOMPUTED_TABLE`] of one session.
#[derive(Debug)]
pub(super) struct Recomputed {
    pub(super) months: Months,
    pub(super) versions: BTreeMap<String, u64>,
    pub(super) closed: Arc<Closed>,
    kept: Arc<KeptMonths>,
    rows: OnceCell<RecordBatch>,
}

impl Recomputed {
    pub(super) fn new(
        months: Months,
        versions: BTreeMap<String, u64>,
        closed: Arc<Closed>,
        kept: Arc<KeptMonths>,
    ) -> Self {
        Self { months, versions, closed, kept, rows: OnceCell::new() }
    }
}

#[async_trait]
impl TableProvider for Recomputed {
    fn schema(&self) -> SchemaRef {
        recomputed_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn PlanningSession,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> std::result::Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let counted =
            self.rows.get_or_try_init(|| self.months.recomputed(&self.closed, &self.versions, &self.kept)).await;
        let rows = counted.map_err(|problem| DataFusionError::External(Box::new(problem)))?;
        MemTable::try_new(recomputed_schema(), vec![vec![rows.clone()]])?.scan(state, projection, filters, limit).await
    }
}
