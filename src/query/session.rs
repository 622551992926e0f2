//! A DataFusion session over the tables of one snapshot, with the project's views.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{Datelike, Days, NaiveDate};
use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::{MemTable, ViewTable, empty::EmptyTable};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF, Sort, Volatility};
use datafusion::physical_plan::{ExecutionPlan, collect, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::closed::{CLOSED_TABLE, Closed, RECOMPUTED_TABLE};
use super::engine::{QueryLimits, context};
use super::kept::KeptMarts;
use super::kept_months::KeptMonths;
use super::recomputed::{Months, Recomputed};
use super::snapshot::Snapshot;
use super::views::{View, ViewCatalog, parse_one, reads_of, relocate};
use super::{functions, problem};
use crate::diagnostic::{Context, Diagnostic, Place, Result, did_you_mean};
use crate::district::calendar::Calendar;
use crate::warehouse::Warehouse;

/// Columns of tables that may not have been landed yet, so that views over them can be planned all the same.
pub type TableSchemas = BTreeMap<String, SchemaRef>;

/// A table's rows come from its pinned version, or from rows given by a test.
enum Tables {
    Pinned {
        warehouse: Warehouse,
        snapshot: Snapshot,
        schemas: TableSchemas,
        kept: KeptMarts,
        months: Arc<KeptMonths>,
        limits: QueryLimits,
    },
    Given(BTreeMap<String, (SchemaRef, Vec<RecordBatch>)>),
}

pub struct Session {
    ctx: SessionContext,
    tables: Tables,
    catalog: Arc<ViewCatalog>,
    as_of: NaiveDate,
    /// Code lists as list -> label -> position, for `code_sort`.
    codes: Arc<HashMap<String, HashMap<String, i32>>>,
    /// Days off and make-up days, for `add_working_time` and its like.
    calendar: Arc<Calendar>,
    registered: Mutex<BTreeSet<String>>,
    /// Views are prepared one at a time: two tasks must not register the same table.
    preparing: tokio::sync::Mutex<()>,
    /// Rows of the marts computed or read so far, by name.
    computed: Mutex<BTreeMap<String, Vec<RecordBatch>>>,
    /// Read when the first view asks for them.
    closed: tokio::sync::OnceCell<Arc<Closed>>,
}

impl Session {
    /// A session over `snapshot`.
    pub async fn open(
        warehouse: &Warehouse,
        catalog: Arc<ViewCatalog>,
        snapshot: Snapshot,
        schemas: TableSchemas,
        limits: &QueryLimits,
    ) -> Result<Self> {
        let as_of = snapshot.as_of;
        let mut session = Self {
            ctx: context(limits)?,
            tables: Tables::Pinned {
                warehouse: warehouse.clone(),
                snapshot,
                schemas,
                kept: KeptMarts::of(warehouse.root()),
                months: Arc::new(KeptMonths::of(warehouse.root())),
                limits: limits.clone(),
            },
            catalog,
            as_of,
            codes: Arc::default(),
            calendar: Arc::default(),
            registered: Mutex::new(BTreeSet::new()),
            preparing: tokio::sync::Mutex::new(()),
            computed: Mutex::default(),
            closed: tokio::sync::OnceCell::new(),
        };
        session.codes = Arc::new(session.read_codes().await?);
        session.calendar = Arc::new(session.read_calendar().await?);
        session.add_functions();
        Ok(session)
    }

    /// A session over given rows, for unit tests, with the code lists of `like`. Weeks are plain: a test must come out the
    /// same whatever days off have landed.
    pub(super) fn over_rows(
        like: &Session,
        catalog: Arc<ViewCatalog>,
        as_of: NaiveDate,
        given: BTreeMap<String, (SchemaRef, Vec<RecordBatch>)>,
        limits: &QueryLimits,
    ) -> Result<Self> {
        let session = Self {
            ctx: context(limits)?,
            tables: Tables::Given(given),
            catalog,
            as_of,
            codes: like.codes.clone(),
            calendar: Arc::default(),
            registered: Mutex::new(BTreeSet::new()),
            preparing: tokio::sync::Mutex::new(()),
            computed: Mutex::default(),
            closed: tokio::sync::OnceCell::new(),
        };
        session.add_functions();
        Ok(session)
    }

    /// Labels of each code list, in its order.
    pub fn code_lists(&self) -> BTreeMap<String, Vec<String>> {
        let in_order = |positions: &HashMap<String, i32>| {
            let mut labels: Vec<(&i32, &String)> =
                positions.iter().map(|(label, position)| (position, label)).collect();
            labels.sort_unstable();
            labels.into_iter().map(|(_, label)| label.clone()).collect()
        };
        self.codes.iter().map(|(list, positions)| (list.clone(), in_order(positions))).collect()
    }

    pub fn as_of(&self) -> NaiveDate {
        self.as_of
    }

    /// The year of the as-of date, and of a month later where deadlines lie, if its days off have not landed.
    pub fn guessed_years(&self) -> Vec<i32> {
        let ahead = self.as_of.checked_add_days(Days::new(31)).unwrap_or(self.as_of);
        (self.as_of.year()..=ahead.year()).filter(|year| !self.calendar.is_loaded(*year)).collect()
    }

    pub fn catalog(&self) -> &ViewCatalog {
        &self.catalog
    }

    /// The snapshot the session is pinned to; none in a unit test.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match &self.tables {
            Tables::Pinned { snapshot, .. } => Some(snapshot),
            Tables::Given(_) => None,
        }
    }

    async fn read_codes(&self) -> Result<HashMap<String, HashMap<String, i32>>> {
        let doing = "reading the code lists";
        functions::code_positions(&self.rows_of(super::CODE_LISTS, doing).await?).doing(doing)
    }

    async fn read_calendar(&self) -> Result<Calendar> {
        let doing = "reading the holidays";
        functions::calendar(&self.rows_of(super::HOLIDAYS, doing).await?).doing(doing)
    }

    /// All rows of a landed table; none where it has not landed.
    async fn rows_of(&self, table: &str, doing: &str) -> Result<Vec<RecordBatch>> {
        let Some(provider) = self.provider(table).await? else { return Ok(Vec::new()) };
        self.ctx.read_table(provider).doing(doing)?.collect().await.doing(doing)
    }

    /// What closed months were frozen to at this snapshot; nothing in a unit test.
    async fn closed(&self) -> Result<&Arc<Closed>> {
        let read = async || {
            let is_closed = self.snapshot().is_some_and(|snapshot| snapshot.versions.contains_key(CLOSED_TABLE));
            let rows = match is_closed {
                true => Box::pin(self.rows_of(CLOSED_TABLE, "reading the closed months")).await?,
                false => Vec::new(),
            };
            Closed::of(&rows).map(Arc::new)
        };
        self.closed.get_or_try_init(read).await
    }

    /// The rows of a view with closed months as they were frozen; `None` where no month of it is closed.
    async fn with_closed_months(&self, view: &View) -> Result<Option<Vec<RecordBatch>>> {
        let Some(declared) = &view.model.config.closed_months else { return Ok(None) };
        let closed = self.closed().await?;
        if !closed.has(&view.name) {
            return Ok(None);
        }
        let plan = self.plan_alone(view).await?;
        let rows = self.fetch_plan(&plan).await.map_err(|problem| self.in_view(problem, view))?;
        closed.overlay(view, declared, &rows).map(Some)
    }

    fn add_functions(&self) {
        for function in functions::all(self.as_of, self.codes.clone(), &self.calendar) {
            self.ctx.register_udf(function);
        }
    }

    /// A landed table at its pinned version.
    async fn provider(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match &self.tables {
            Tables::Given(given) => match given.get(name) {
                Some((schema, rows)) => Ok(Some(Arc::new(
                    MemTable::try_new(schema.clone(), vec![rows.clone()]).doing("reading the given rows")?,
                ))),
                None => Ok(None),
            },
            Tables::Pinned { warehouse, snapshot, schemas, months: kept, limits, .. } if name == RECOMPUTED_TABLE => {
                let months = Months {
                    warehouse: warehouse.clone(),
                    catalog: self.catalog.clone(),
                    schemas: schemas.clone(),
                    limits: limits.clone(),
                };
                let closed = self.closed().await?.clone();
                Ok(Some(Arc::new(Recomputed::new(months, snapshot.versions.clone(), closed, kept.clone()))))
            }
            Tables::Pinned { warehouse, snapshot, schemas, .. } => {
                if let Some(version) = snapshot.versions.get(name) {
                    if let Some(table) = warehouse.table_at(name, *version).await? {
                        return Ok(Some(table.provider(schemas.get(name)).await?));
                    }
                    return Err(Diagnostic::unexpected(format!(
                        "version {version} of table `{name}` is gone from the warehouse"
                    ))
                    .hint("`gridhouse fsck` says what is damaged"));
                }
                Ok(schemas.get(name).map(|schema| Arc::new(EmptyTable::new(schema.clone())) as Arc<dyn TableProvider>))
            }
        }
    }

    fn is_registered(&self, name: &str) -> bool {
        self.registered.lock().is_ok_and(|names| names.contains(name))
    }

    fn remember(&self, name: &str) {
        if let Ok(mut names) = self.registered.lock() {
            names.insert(name.to_owned());
        }
    }

    /// Registers the tables and views that reading `names` needs.
    async fn prepare(&self, names: &[String]) -> Result<()> {
        let _one_at_a_time = self.preparing.lock().await;
        let needed: Vec<&View> = match &self.tables {
            Tables::Pinned { .. } => {
                let mut needed = Vec::new();
                self.visit(names, &mut BTreeSet::new(), &mut needed)?;
                needed
            }
            Tables::Given(_) => Vec::new(),
        };
        let mut tables: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        for view in &needed {
            tables.extend(view.reads.iter().map(String::as_str));
        }
        for name in tables {
            if self.catalog.get(name).is_some() && matches!(self.tables, Tables::Pinned { .. }) {
                continue;
            }
            if !self.is_registered(name)
                && let Some(provider) = self.provider(name).await?
            {
                self.ctx.register_table(name, provider).doing("registering a table")?;
                self.remember(name);
            }
        }
        for view in needed {
            if self.is_registered(&view.name) {
                continue;
            }
            // Not a plan that reads the tables: what is frozen is in none of them.
            if let Some(rows) = self.with_closed_months(view).await? {
                self.hold(view, rows)?;
            } else {
                let plan = self.plan_alone(view).await?;
                let provider = Arc::new(ViewTable::new(plan, Some(view.sql.clone())));
                self.ctx.register_table(&view.name, provider).doing("registering a view")?;
                self.remember(&view.name);
            }
        }
        Ok(())
    }

    /// The views to plan for reading `names`, each after what it reads; nothing below what is registered or kept.
    fn visit<'a>(&'a self, names: &[String], seen: &mut BTreeSet<String>, order: &mut Vec<&'a View>) -> Result<()> {
        for name in names {
            if self.is_registered(name) || !seen.insert(name.clone()) {
                continue;
            }
            if let Some(view) = self.catalog.get(name)
                && self.read_kept(view)?.is_none()
            {
                self.visit(&view.reads, seen, order)?;
                order.push(view);
            }
        }
        Ok(())
    }

    /// Registers a mart of the last night, if its rows are still those this session would compute. Gives their number.
    fn read_kept(&self, view: &View) -> Result<Option<usize>> {
        let Tables::Pinned { snapshot, kept, .. } = &self.tables else { return Ok(None) };
        if !view.is_materialized() {
            return Ok(None);
        }
        match kept.read(&self.catalog, snapshot, view) {
            Some(rows) => self.hold(view, rows).map(Some),
            None => Ok(None),
        }
    }

    /// Later reads of a mart take these rows. Gives their number.
    fn hold(&self, view: &View, rows: Vec<RecordBatch>) -> Result<usize> {
        let count = rows.iter().map(RecordBatch::num_rows).sum();
        let Some(schema) = rows.first().map(RecordBatch::schema) else { return Ok(0) };
        let table = MemTable::try_new(schema, vec![rows.clone()]).doing("keeping a view's rows")?;
        if self.is_registered(&view.name) {
            self.ctx.deregister_table(&view.name).doing("keeping a view's rows")?;
        }
        self.ctx.register_table(&view.name, Arc::new(table)).doing("keeping a view's rows")?;
        self.remember(&view.name);
        if let Ok(mut computed) = self.computed.lock() {
            computed.insert(view.name.clone(), rows);
        }
        Ok(count)
    }

    /// Keeps the marts held so far, and the months counted anew, on disk for sessions to come.
    pub fn keep(&self) -> Result<()> {
        let Tables::Pinned { snapshot, kept, months, .. } = &self.tables else { return Ok(()) };
        let computed: Vec<_> = match self.computed.lock() {
            Ok(computed) => computed.iter().map(|(name, rows)| (name.clone(), rows.clone())).collect(),
            Err(_) => return Ok(()),
        };
        kept.write(&self.catalog, snapshot, &computed)?;
        months.write()
    }

    /// Says which view a problem is in and what is not built for it.
    fn in_view(&self, problem: Diagnostic, view: &View) -> Diagnostic {
        if problem.place.as_ref().is_some_and(|place| !place.file.as_os_str().is_empty()) {
            return problem;
        }
        let problem = relocate(problem, &view.path, &view.sql);
        let dependents = self.catalog.dependents(&view.name);
        if dependents.is_empty() {
            problem.effect("not built")
        } else {
            problem.effect(format!("not built, nor what reads it: {}", dependents.join(", ")))
        }
    }

    /// Plans a view whose tables and views are registered.
    async fn plan_alone(&self, view: &View) -> Result<LogicalPlan> {
        let plan = self.plan_text(&view.sql).await.map_err(|p| self.in_view(p, view))?;
        match first_unstable(&plan).doing("looking at a view's functions")? {
            Some(function) => Err(self.in_view(clock_problem(&function, &view.sql), view)),
            None => Ok(plan),
        }
    }

    async fn plan_text(&self, sql: &str) -> Result<LogicalPlan> {
        let statement = parse_one(sql)?;
        let plan = self
            .ctx
            .state()
            .statement_to_plan(statement)
            .await
            .map_err(|error| self.explain(problem::from_datafusion(&error, "cannot be planned"), sql))?;
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        read_only.verify_plan(&plan).map_err(|_| {
            Diagnostic::error("only queries are allowed here").hint(
                "tables change by landing deliveries; views are files in `queries/`; limits are in `gridhouse.toml`",
            )
        })?;
        Ok(plan)
    }

    /// A missing table gets a suggestion.
    fn explain(&self, mut problem: Diagnostic, sql: &str) -> Diagnostic {
        let Some(rest) = problem.message.strip_prefix("table '") else { return problem };
        let Some(name) = rest.split('\'').next().and_then(|full| full.rsplit('.').next()) else { return problem };
        let name = name.to_owned();
        problem.message = format!("no table or view `{name}`");
        if problem.place.is_none() {
            problem.place = position_of(&name, sql);
        }
        let known = self.relation_names();
        problem.hint = match did_you_mean(&name, known.iter().map(String::as_str)) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => Some("`gridhouse sql -c '\\d'` lists tables and views".to_owned()),
        };
        problem
    }

    /// The columns of each table that can be read, by table; tables whose contract is gone are left out.
    pub(super) fn table_columns(&self) -> BTreeMap<String, Vec<String>> {
        let names = |schema: &SchemaRef| schema.fields().iter().map(|field| field.name().clone()).collect();
        match &self.tables {
            Tables::Pinned { schemas, .. } => {
                schemas.iter().map(|(table, schema)| (table.clone(), names(schema))).collect()
            }
            Tables::Given(given) => given.iter().map(|(table, (schema, _))| (table.clone(), names(schema))).collect(),
        }
    }

    /// Names of the functions that take one value of many rows.
    pub(super) fn aggregate_names(&self) -> BTreeSet<String> {
        let state = self.ctx.state();
        let functions = state.aggregate_functions().iter();
        functions.flat_map(|(name, function)| std::iter::once(name).chain(function.aliases())).cloned().collect()
    }

    /// Every table and view that can be read, sorted.
    pub fn relation_names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> = match &self.tables {
            Tables::Pinned { snapshot, schemas, .. } => {
                snapshot.versions.keys().chain(schemas.keys()).cloned().collect()
            }
            Tables::Given(given) => given.keys().cloned().collect(),
        };
        names.extend(self.catalog.iter().map(|view| view.name.clone()));
        names.into_iter().collect()
    }

    /// Plans a query and checks that it only reads.
    pub async fn plan(&self, sql: &str) -> Result<LogicalPlan> {
        let names = reads_of(sql)?;
        let statement = parse_one(sql)?.to_string().to_lowercase();
        if statement.contains("information_schema") || statement.starts_with("show") {
            // Lists what is registered, and here that happens only when something is read. A broken view hides itself
            // only.
            for name in self.relation_names() {
                drop(self.prepare(&[name]).await);
            }
        } else {
            self.prepare(&names).await?;
        }
        self.plan_text(sql).await
    }

    /// Plans one view of the catalog.
    pub async fn plan_view(&self, view: &View) -> Result<LogicalPlan> {
        self.prepare(&view.reads).await?;
        self.plan_alone(view).await
    }

    /// The columns of a table or view.
    pub async fn schema(&self, name: &str) -> Result<SchemaRef> {
        self.prepare(&[name.to_owned()]).await?;
        let provider = self
            .ctx
            .table_provider(name)
            .await
            .map_err(|error| self.explain(problem::from_datafusion(&error, "cannot be read"), ""))?;
        Ok(provider.schema())
    }

    async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        self.ctx
            .state()
            .create_physical_plan(plan)
            .await
            .map_err(|error| problem::from_datafusion(&error, "cannot be planned"))
    }

    /// All rows of a query. Meant for results of at most some thousand rows.
    pub async fn fetch(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let plan = self.plan(sql).await?;
        self.fetch_plan(&plan).await
    }

    /// The same for a query that looks few rows up in a large table: columns are read only where the condition holds.
    pub async fn fetch_few(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let plan = self.plan(sql).await?;
        let mut state = self.ctx.state();
        state.config_mut().options_mut().execution.parquet.pushdown_filters = true;
        let failed = |error: DataFusionError| problem::from_datafusion(&error, "the query failed");
        let physical = state.create_physical_plan(&plan).await.map_err(failed)?;
        collect(physical, state.task_ctx()).await.map_err(failed)
    }

    /// All rows of a plan.
    pub async fn fetch_plan(&self, plan: &LogicalPlan) -> Result<Vec<RecordBatch>> {
        let physical = self.physical(plan).await?;
        collect(physical, self.ctx.task_ctx())
            .await
            .map_err(|error| problem::from_datafusion(&error, "the query failed"))
    }

    /// The rows of a query, as they come.
    pub async fn stream(&self, sql: &str) -> Result<SendableRecordBatchStream> {
        let plan = self.plan(sql).await?;
        let physical = self.physical(&plan).await?;
        execute_stream(physical, self.ctx.task_ctx())
            .map_err(|error| problem::from_datafusion(&error, "the query failed"))
    }

    /// The rows of a query in whatever order they come fastest, also where a view asks for one.
    pub async fn stream_in_any_order(&self, sql: &str) -> Result<SendableRecordBatchStream> {
        let plan = without_order(self.plan(sql).await?).doing("planning a query")?;
        let physical = self.physical(&plan).await?;
        execute_stream(physical, self.ctx.task_ctx())
            .map_err(|error| problem::from_datafusion(&error, "the query failed"))
    }

    /// Computes a view once, unless the last night has; later reads take the kept rows. Gives the number of rows.
    pub async fn materialize(&self, view: &View) -> Result<usize> {
        if let Some(count) = self.read_kept(view)? {
            return Ok(count);
        }
        let plan = self.plan_view(view).await?;
        if let Some(rows) = self.with_closed_months(view).await? {
            return self.hold(view, rows);
        }
        let schema: SchemaRef = plan.schema().inner().clone();
        let mut rows = self.fetch_plan(&plan).await.map_err(|p| self.in_view(p, view))?;
        if rows.is_empty() {
            rows.push(RecordBatch::new_empty(schema));
        }
        self.hold(view, rows)
    }
}

/// The plan without the sorts that only order its result.
fn without_order(plan: LogicalPlan) -> std::result::Result<LogicalPlan, DataFusionError> {
    match plan {
        LogicalPlan::Sort(Sort { input, fetch: None, .. }) => without_order(Arc::unwrap_or_clone(input)),
        LogicalPlan::Projection(_) | LogicalPlan::Filter(_) | LogicalPlan::SubqueryAlias(_) => {
            Ok(plan.map_children(|child| without_order(child).map(Transformed::yes))?.data)
        }
        other => Ok(other),
    }
}

/// Where `name` first stands in `sql` as a word, not in a comment or a text.
fn position_of(name: &str, sql: &str) -> Option<Place> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let at = tokens.into_iter().find_map(|token| match token.token {
        Token::Word(word) if word.value.eq_ignore_ascii_case(name) => Some(token.span.start),
        _ => None,
    })?;
    Some(Place::at("", at.line as u32, at.column as u32))
}

/// The first function of a plan that gives something else each time: the clock, chance, the file a row lies in.
fn first_unstable(plan: &LogicalPlan) -> std::result::Result<Option<Arc<ScalarUDF>>, DataFusionError> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|inner| match inner {
                Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
                    found = Some(call.func.clone());
                    Ok(TreeNodeRecursion::Stop)
                }
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })
    })?;
    Ok(found)
}

fn clock_problem(function: &ScalarUDF, sql: &str) -> Diagnostic {
    let names = std::iter::once(function.name()).chain(function.aliases().iter().map(String::as_str));
    let written = names.filter_map(|name| Some((name, position_of(name, sql)?))).next();
    let (name, place) = written.map_or((function.name(), None), |(name, place)| (name, Some(place)));
    let problem = Diagnostic::error(format!("a view may not read the clock or chance, as `{name}` does"))
        .note("why", "the same snapshot must give the same figures whenever they are made")
        .hint("`as_of_date()` is the date the figures speak for, `as_of_end()` the first instant after it");
    Diagnostic { place, ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_outside_comments_and_texts() {
        let place = position_of("now", "-- now\nSELECT 'now', NOW()").expect("a place");
        assert_eq!((place.line, place.column), (Some(2), Some(15)));
    }
}
