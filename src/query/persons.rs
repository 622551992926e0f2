//! Whom the columns of views tell of, under whatever name.
//!
//! Read from plans: a value is followed through every expression that makes another of it, but not through what only
//! decides between values, as the condition of a CASE, nor through the functions that mask. Nothing else in the program
//! knows which columns these are.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DataFusionError};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Distinct, Expr, ExprSchemable, LogicalPlan};

use super::{SYSTEM_TABLES, Session};
use crate::contract::Contracts;

/// Functions that leave of a value what everybody may see.
const MASKS: [&str; 3] = ["mask_name", "mask_id_number", "mask_phone"];
/// Where the quarantine keeps what was delivered.
const QUARANTINE: &str = "quarantine";
const QUARANTINED: [&str; 2] = ["original", "row_key"];

/// Whom a value tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tells {
    Nobody,
    /// The key of a row that tells of a person.
    Row,
    /// Made of what is said of persons, and tells of none by itself: a number, a label that rows are grouped by.
    Blurred,
    /// A label of a code list: of one person where each row is one, of many where rows are grouped by it.
    Coded,
    Person,
}

impl Tells {
    /// What a number tells that is made of a value.
    fn as_number(self) -> Self {
        if self >= Self::Blurred { Self::Blurred } else { Self::Nobody }
    }
}

type Columns = BTreeMap<String, Tells>;

/// What the columns of tables and of some views tell.
pub struct Persons {
    relations: BTreeMap<String, Columns>,
}

impl Persons {
    /// Looks at `views` and at those below them. One that cannot be planned may tell anything.
    pub async fn of(session: &Session, contracts: &Contracts, views: &[&str]) -> Self {
        let mut persons = Self { relations: stored(contracts) };
        for view in session.catalog().in_order(views.iter().copied()) {
            let Ok(plan) = session.plan_view(view).await else { continue };
            let names = plan.schema().fields().iter().map(|field| field.name().clone());
            let columns = names.zip(persons.of_plan(&plan)).collect();
            persons.relations.insert(view.name.clone(), columns);
        }
        persons
    }

    /// Whether a table or view hands on what is said of one person.
    pub fn are_told_by(&self, relation: &str) -> bool {
        self.relations.get(relation).is_none_or(|columns| columns.values().any(|tells| *tells >= Tells::Coded))
    }

    /// Whether a column is made of what is said of persons. Of numbers so made it is left to others what they show.
    pub fn are_behind(&self, relation: &str, column: &str) -> bool {
        let columns = self.relations.get(relation);
        columns.is_none_or(|columns| columns.get(column).is_some_and(|tells| *tells >= Tells::Blurred))
    }

    /// The same of each column that a plan gives.
    pub fn are_behind_each(&self, plan: &LogicalPlan) -> Vec<bool> {
        self.of_plan(plan).into_iter().map(|tells| tells >= Tells::Blurred).collect()
    }
}

/// What the contracts say of the landed tables.
fn stored(contracts: &Contracts) -> BTreeMap<String, Columns> {
    let mut tables: BTreeMap<String, Columns> = SYSTEM_TABLES.map(|table| (table.to_owned(), Columns::new())).into();
    for contract in contracts.iter() {
        let is_of_persons = contract.columns.iter().any(|column| column.hides_values());
        let tells = contract.columns.iter().enumerate().map(|(at, column)| {
            let tells = match (column.hides_values(), column.code_list()) {
                (true, None) => Tells::Person,
                (true, Some(_)) => Tells::Coded,
                (false, _) if is_of_persons && contract.key.contains(&at) => Tells::Row,
                (false, _) => Tells::Nobody,
            };
            (column.name.clone(), tells)
        });
        tables.insert(contract.table.clone(), tells.collect());
    }
    tables.insert(QUARANTINE.to_owned(), QUARANTINED.map(|name| (name.to_owned(), Tells::Person)).into());
    tables
}

/// What goes into a step of a plan.
struct Inputs<'a> {
    schema: DFSchema,
    columns: BTreeMap<Column, Tells>,
    persons: &'a Persons,
}

impl Persons {
    /// Of each column that a plan gives.
    fn of_plan(&self, plan: &LogicalPlan) -> Vec<Tells> {
        let schema = plan.schema();
        if let LogicalPlan::TableScan(scan) = plan {
            let columns = self.relations.get(scan.table_name.table());
            let of = |name: &String| columns.and_then(|columns| columns.get(name)).copied().unwrap_or(Tells::Nobody);
            return schema.fields().iter().map(|field| of(field.name())).collect();
        }
        let plans = plan.inputs();
        let each: Vec<Vec<Tells>> = plans.iter().map(|input| self.of_plan(input)).collect();
        let is_as_wide = each.iter().all(|tells| tells.len() == schema.fields().len());
        let outputs: Vec<&Expr> = match plan {
            LogicalPlan::Projection(step) => step.expr.iter().collect(),
            LogicalPlan::Window(step) => step.window_expr.iter().collect(),
            LogicalPlan::Aggregate(step) => step.group_expr.iter().flat_map(members).chain(&step.aggr_expr).collect(),
            LogicalPlan::Distinct(Distinct::On(step)) => step.select_expr.iter().collect(),
            LogicalPlan::Join(_) | LogicalPlan::RecursiveQuery(_) => Vec::new(),
            // Steps that change no column: filters, sorts, other names for the same, unions.
            _ if is_as_wide && !each.is_empty() => {
                let most = |at: usize| each.iter().map(|tells| tells[at]).max().unwrap_or(Tells::Nobody);
                return (0..schema.fields().len()).map(most).collect();
            }
            _ => Vec::new(),
        };
        let mut columns: BTreeMap<Column, Tells> = BTreeMap::new();
        for (column, tells) in plans.iter().flat_map(|input| input.schema().columns()).zip(each.concat()) {
            let known = columns.entry(column).or_insert(tells);
            *known = tells.max(*known);
        }
        let inputs = Inputs { schema: merge_schema(&plans), columns, persons: self };
        let mut made: BTreeMap<Column, Tells> = BTreeMap::new();
        for expr in outputs {
            let (relation, name) = expr.qualified_name();
            made.insert(Column::new(relation, name), inputs.of(expr));
        }
        if let LogicalPlan::Aggregate(step) = plan
            && !step.group_expr.iter().flat_map(members).any(|key| inputs.is_of_one(key))
        {
            made.values_mut().filter(|tells| **tells == Tells::Coded).for_each(|tells| *tells = Tells::Blurred);
        }
        let said: &[Vec<Expr>] = if let LogicalPlan::Values(step) = plan { &step.values } else { &[] };
        let said = said.iter().flatten().map(|expr| inputs.of(expr));
        let most = inputs.columns.values().copied().chain(said).max().unwrap_or(Tells::Nobody);
        // Rows made of a query's own rows: any column of them may come of any.
        let is_mixed = matches!(plan, LogicalPlan::RecursiveQuery(_));
        // What no expression makes stands in an input under the same name, or the step adds it, as a join its mark.
        let columns = schema.columns().into_iter().zip(schema.fields());
        columns
            .map(|(column, field)| {
                let stands = made.get(&column).copied().or_else(|| inputs.column(&column)).filter(|_| !is_mixed);
                stands.unwrap_or(if is_number(field.data_type()) { most.as_number() } else { most })
            })
            .collect()
    }
}

impl Inputs<'_> {
    fn column(&self, column: &Column) -> Option<Tells> {
        let by_name =
            || self.columns.iter().filter(|(known, _)| known.name == column.name).map(|(_, tells)| *tells).max();
        self.columns.get(column).copied().or_else(by_name)
    }

    fn of(&self, expr: &Expr) -> Tells {
        match expr {
            Expr::Column(column) => self.column(column).unwrap_or(Tells::Person),
            Expr::Alias(alias) => self.of(&alias.expr),
            Expr::Cast(cast) => self.of(&cast.expr),
            Expr::TryCast(cast) => self.of(&cast.expr),
            Expr::ScalarFunction(call) if MASKS.contains(&call.func.name()) => Tells::Nobody,
            _ if self.is_number(expr) => self.of_parts(expr).as_number(),
            _ => self.of_parts(expr),
        }
    }

    /// The most that any of the values tells of which an expression makes another.
    fn of_parts(&self, expr: &Expr) -> Tells {
        match expr {
            // What is asked of a value is not the value.
            Expr::Case(case) => {
                let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
                results.map(|result| self.of(result)).max().unwrap_or(Tells::Nobody)
            }
            Expr::ScalarSubquery(query) => {
                self.persons.of_plan(&query.subquery).into_iter().max().unwrap_or(Tells::Nobody)
            }
            // A value of the query around this one, which is not at hand here.
            Expr::OuterReferenceColumn(..) => Tells::Person,
            _ => {
                let mut most = Tells::Nobody;
                let seen: Result<_, DataFusionError> = expr.apply_children(|child| {
                    most = most.max(self.of(child));
                    Ok(TreeNodeRecursion::Continue)
                });
                if seen.is_ok() { most } else { Tells::Person }
            }
        }
    }

    fn is_number(&self, expr: &Expr) -> bool {
        expr.get_type(&self.schema).is_ok_and(|kind| is_number(&kind))
    }

    /// Whether rows with the same key are those of one person.
    fn is_of_one(&self, key: &Expr) -> bool {
        match self.of(key) {
            Tells::Nobody | Tells::Coded => false,
            Tells::Blurred => !self.is_number(key),
            Tells::Row | Tells::Person => true,
        }
    }
}

/// The keys of a grouping, those of grouping sets each for itself.
fn members(key: &Expr) -> Vec<&Expr> {
    match key {
        Expr::GroupingSet(set) => set.distinct_expr(),
        key => vec![key],
    }
}

fn is_number(kind: &DataType) -> bool {
    kind.is_numeric() || *kind == DataType::Boolean
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::sync::Arc;

    use arrow::datatypes::{Field, Schema};

    use super::*;
    use crate::query::{QueryLimits, Snapshot, ViewCatalog};
    use crate::warehouse::Warehouse;

    /// Of the marts in a folder, those with columns that tell of persons.
    async fn telling(queries: &Path) -> Vec<String> {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        let contracts =
            Contracts::load(&data.join("contracts"), &data.join("reference/code_lists.csv")).expect("contracts");
        let schemas = contracts.iter().map(|contract| {
            let kept = [("_batch_id", DataType::Utf8), ("_line", DataType::Int64)]
                .map(|(name, kind)| Field::new(name, kind, true));
            let own = contract.arrow_schema().fields().iter().cloned().collect::<Vec<_>>();
            let schema: Vec<_> = own.into_iter().chain(kept.map(Arc::new)).collect();
            (contract.table.clone(), Arc::new(Schema::new(schema)))
        });
        let (catalog, problems) = ViewCatalog::load(queries, &BTreeSet::new());
        assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
        let nowhere = tempfile::tempdir().expect("a folder");
        let snapshot = Snapshot { as_of: chrono::NaiveDate::default(), versions: BTreeMap::new() };
        let limits = QueryLimits { memory_bytes: 100 << 20, spill_folder: None, workers: 1 };
        let warehouse = Warehouse::new(nowhere.path());
        let session = Session::open(&warehouse, Arc::new(catalog), snapshot, schemas.collect(), &limits)
            .await
            .expect("a session");
        let files = std::fs::read_dir(queries.join("marts")).expect("marts").flatten();
        let mut marts: Vec<String> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
            .map(|path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
            .collect();
        marts.sort_unstable();
        let persons = Persons::of(&session, &contracts, &marts.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let found: Vec<_> = marts.iter().filter_map(|mart| Some((mart, persons.relations.get(mart)?))).collect();
        assert!(found.len() * 10 > marts.len() * 9, "most marts read landed tables only: {found:?}");
        let told = found.into_iter().map(|(mart, columns)| {
            let telling = columns.iter().filter(|(_, tells)| **tells >= Tells::Coded);
            (mart, telling.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" "))
        });
        told.filter(|(_, columns)| !columns.is_empty()).map(|(mart, columns)| format!("{mart}: {columns}")).collect()
    }

    #[tokio::test]
    async fn a_person_is_known_under_any_name() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("marts")).expect("a folder");
        for (name, sql) in [
            ("a_count", "SELECT tag, count(*) AS n, count(DISTINCT guardian) AS g FROM resident_tags GROUP BY tag"),
            ("a_list", "SELECT resident_id, tag FROM resident_tags"),
            ("a_list_grouped", "SELECT resident_id, tag, count(*) AS n FROM resident_tags GROUP BY resident_id, tag"),
            ("ages", "SELECT grid_code, age_on(birth_date, as_of_date()) AS age FROM residents"),
            (
                "built",
                "WITH x AS (SELECT concat(name, '(', phone, ')') AS who, grid_code FROM residents) SELECT upper(who) AS w, grid_code FROM x",
            ),
            ("chosen", "SELECT CASE WHEN name IS NULL THEN '无' ELSE '有' END AS has_name FROM residents"),
            ("chosen_value", "SELECT CASE WHEN phone IS NULL THEN name ELSE phone END AS contact FROM residents"),
            ("dated", "SELECT CAST(birth_date AS VARCHAR) AS d, CAST(birth_date AS INT) AS n FROM residents"),
            ("excluded", "SELECT name AS a FROM residents EXCEPT SELECT grid_name AS a FROM grids"),
            (
                "first_of_each",
                "WITH x AS (SELECT resident_id, name FROM residents) SELECT DISTINCT ON (resident_id) name AS n, resident_id AS i FROM x",
            ),
            (
                "first_of_group",
                "SELECT grid_code, min(name) AS m FROM residents GROUP BY GROUPING SETS ((grid_code), ())",
            ),
            (
                "joined",
                "SELECT d.address, r.n FROM dwellings AS d LEFT JOIN (SELECT dwelling_id, name AS n FROM residents) AS r USING (dwelling_id)",
            ),
            (
                "masked",
                "SELECT mask_name(name) AS name, mask_id_number(id_number) AS i, mask_phone(phone) AS p FROM residents",
            ),
            (
                "in_turn",
                "WITH RECURSIVE r AS (SELECT name AS a, '' AS b, 1 AS n FROM residents UNION ALL SELECT b, a, n + 1 FROM r WHERE n < 3) SELECT b, n FROM r",
            ),
            ("ranked", "SELECT grid_code, row_number() OVER (ORDER BY name) AS n FROM residents"),
            ("subquery", "SELECT grid_code, (SELECT max(owner_name) FROM dwellings) AS o FROM residents"),
            ("tags_of_one", "SELECT guardian AS g, tag AS t FROM resident_tags GROUP BY guardian, tag"),
            ("united", "SELECT grid_name AS a FROM grids UNION ALL SELECT name FROM residents"),
            ("upon", "SELECT a AS b FROM united"),
            ("valued", "SELECT v.a FROM (VALUES ((SELECT max(name) FROM residents))) AS v(a)"),
        ] {
            std::fs::write(folder.path().join(format!("marts/{name}.sql")), sql).expect("a view");
        }
        let expected = [
            "a_list: tag",
            "a_list_grouped: tag",
            "built: w",
            "chosen_value: contact",
            "dated: d n",
            "excluded: a",
            "first_of_each: n",
            "first_of_group: m",
            "in_turn: b",
            "joined: n",
            "subquery: o",
            "tags_of_one: g t",
            "united: a",
            "upon: b",
            "valued: a",
        ];
        assert_eq!(telling(folder.path()).await, expected);
    }

    /// Statistics tell of nobody, so that what changes in them can be said.
    #[tokio::test]
    async fn marts_of_figures_tell_of_nobody() {
        let told = telling(&Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")).await;
        insta::assert_snapshot!(told.join("\n"));
    }
}
