//! Where a figure comes from: its definition, the SQL that made it, what it was made of, and the rows it rests on.
//!
//! `query::lineage` knows views and columns, `report` knows files and cells; here a question about either becomes one
//! answer, with personal data masked. Nothing here is printed or written, but for the record of who saw rows in full.

mod audit;
mod closed;
mod file;
mod rows;
mod veil;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use arrow::datatypes::SchemaRef;
use serde::Serialize;

pub use audit::{Audit, User, record};
pub use file::{LaidOut, lay_out, record_of, snapshot_of};
pub use rows::{Rows, TableRows};

use crate::contract::Contracts;
use crate::diagnostic::{Diagnostic, Result, did_you_mean};
use crate::landing::Batch;
use crate::project::Project;
use crate::query::lineage::{Datum, Figure, Lineage, Made};
use crate::query::{Session, Snapshot, View};
use crate::report::Part;

/// A column of a view, and what its row has in other columns.
#[derive(Debug, Clone)]
pub struct Asked {
    pub view: String,
    pub column: String,
    pub row: Vec<(String, Datum)>,
}

/// How many rows are shown, and how.
#[derive(Debug, Clone, Copy)]
pub struct Showing {
    /// At most so many rows of each list; all where there is none.
    pub limit: Option<usize>,
    pub masking: Masking,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masking {
    /// Columns about persons are masked or left out, as their contract classifies them.
    Masked,
    Unmasked,
}

/// Finds the one row of a view that has these values, given as text.
pub async fn ask(session: &Session, view: &str, column: &str, given: &[(String, String)]) -> Result<Asked> {
    let view = view_of(session, view)?;
    let schema = session.schema(&view.name).await?;
    let mut conditions = Vec::new();
    for (name, value) in given {
        if schema.index_of(name).is_err() {
            let problem = Diagnostic::error(format!("view `{}` has no column `{name}`", view.name));
            let names = schema.fields().iter().map(|field| field.name().as_str());
            return Err(match did_you_mean(name, names) {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
        conditions.push(format!("CAST(\"{name}\" AS VARCHAR) = '{}'", value.replace('\'', "''")));
    }
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let rows = session.fetch(&format!("SELECT * FROM \"{}\"{filter} LIMIT 2", view.name)).await?;
    let rows = Datum::rows(&rows)?;
    let names = || schema.fields().iter().map(|field| field.name().clone());
    match rows.as_slice() {
        [row] => Ok(Asked { view: view.name.clone(), column: column.to_owned(), row: exact(&schema, row) }),
        [] => Err(Diagnostic::error(format!("view `{}` has no such row", view.name))),
        [one, other, ..] => {
            let differing: Vec<String> = names()
                .zip(one.iter().zip(other))
                .filter(|(_, (one, other))| one.is_exact() && one.number().is_none() && one != other)
                .map(|(name, _)| format!("`{name}`"))
                .take(4)
                .collect();
            let problem = Diagnostic::error(format!("several rows of view `{}` are meant", view.name));
            Err(if differing.is_empty() {
                problem.hint("name more columns with `--where COLUMN=VALUE`")
            } else {
                problem.hint(format!("they differ in {}: name more with `--where COLUMN=VALUE`", differing.join(", ")))
            })
        }
    }
}

/// What tells a row from others: its values that can be looked up by equality.
fn exact(schema: &SchemaRef, row: &[Datum]) -> Vec<(String, Datum)> {
    let names = schema.fields().iter().map(|field| field.name().clone());
    names.zip(row.iter().cloned()).filter(|(_, value)| value.is_exact()).collect()
}

/// All there is to say of one figure.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    pub view: String,
    pub column: String,
    /// What people call it, and what it is measured in.
    pub label: String,
    pub unit: String,
    pub definition: String,
    pub view_label: String,
    /// The row it stands in.
    pub row: Vec<(String, Datum)>,
    pub as_of: String,
    pub snapshot: String,
    /// The tables the view rests on.
    pub tables: Vec<TableVersion>,
    pub figure: Figure,
    /// Whether the figure's own value is not shown.
    #[serde(skip)]
    pub is_masked: bool,
    /// For each list of rows in the figure, in order.
    pub rows: Vec<Rows>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TableVersion {
    pub table: String,
    pub label: String,
    pub version: u64,
    /// Batches that had landed in it, and the newest of them.
    pub batches: usize,
    pub newest_batch: String,
}

/// Answers a question about a view's column. `batches` are those of the warehouse, oldest first within a table.
pub async fn answer(
    project: &Project,
    session: &Session,
    contracts: &Contracts,
    batches: &[Batch],
    asked: &Asked,
    showing: Showing,
) -> Result<Answer> {
    let view = view_of(session, &asked.view)?;
    if let Some((frozen, asked)) = closed::where_frozen(project, session, contracts, view, asked).await? {
        return Box::pin(answer(project, &frozen, contracts, batches, &asked, showing)).await;
    }
    let lineage = Lineage::of(session, contracts, &[&view.name]).await?;
    let mut figure = lineage.explain(&view.name, &asked.column, &asked.row).await?;
    let mut rows = Vec::new();
    let asking = Asking { project, session, contracts, batches, lineage: &lineage, showing };
    asking.rows_below(&mut figure, &mut rows).await?;
    figure.relative_to(&project.root);
    let tables = tables(session, contracts, batches, &view.name);
    let mut row = asked.row.clone();
    let made = figure.value.clone();
    if showing.masking == Masking::Masked {
        veil::hide(contracts, (lineage.persons(), &view.name), &tables, &mut figure, &mut row);
    }
    let described = view.model.columns.iter().find(|column| column.name == asked.column).cloned().unwrap_or_default();
    Ok(Answer {
        view: view.name.clone(),
        column: asked.column.clone(),
        label: described.label,
        unit: described.unit,
        definition: described.description.trim().to_owned(),
        view_label: view.model.label.clone(),
        row,
        as_of: session.as_of().to_string(),
        snapshot: session.snapshot().map(Snapshot::id).unwrap_or_default(),
        tables,
        is_masked: figure.value != made,
        figure,
        rows,
    })
}

/// What it takes to find the rows behind a figure.
struct Asking<'a> {
    project: &'a Project,
    session: &'a Session,
    contracts: &'a Contracts,
    batches: &'a [Batch],
    lineage: &'a Lineage<'a>,
    showing: Showing,
}

impl Asking<'_> {
    /// The rows of each list below a figure, in the order of [`Figure::drills`].
    fn rows_below<'f>(
        &'f self,
        figure: &'f mut Figure,
        rows: &'f mut Vec<Rows>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'f>> {
        let Self { project, session, contracts, batches, lineage, showing } = *self;
        Box::pin(async move {
            if let Made::Rows(drill) = &figure.made {
                rows.push(rows::contributing(session, contracts, batches, lineage, drill, showing).await?);
            }
            if let Some((made, inner)) =
                closed::behind_stored(project, session, contracts, batches, figure, showing).await?
            {
                figure.made = made;
                rows.extend(inner.rows);
                return Ok(());
            }
            for part in figure.parts_mut() {
                self.rows_below(part, rows).await?;
            }
            Ok(())
        })
    }
}

/// Answers for a cell in which a form adds up figures of a view: each is explained, under what the form calls it.
pub async fn answer_sum(
    project: &Project,
    session: &Session,
    contracts: &Contracts,
    batches: &[Batch],
    (view, parts): (&str, &[Part]),
    showing: Showing,
) -> Result<Answer> {
    let mut whole: Option<Answer> = None;
    let mut terms = Vec::new();
    for part in parts {
        let asked = Asked { view: view.to_owned(), column: part.column.clone(), row: part.row.clone() };
        let found = answer(project, session, contracts, batches, &asked, showing).await?;
        terms.push(('+', Figure::named(view, &part.label, found.figure.clone())));
        match &mut whole {
            Some(whole) => {
                whole.row.retain(|pair| found.row.contains(pair));
                whole.rows.extend(found.rows);
            }
            None => whole = Some(found),
        }
    }
    let whole = whole.ok_or_else(|| Diagnostic::error("no figure is added up there"))?;
    let figure = Figure::sum(view, format!("sum of {} columns {}", terms.len(), whole.column), terms);
    Ok(Answer { figure, ..whole })
}

fn view_of<'s>(session: &'s Session, name: &str) -> Result<&'s View> {
    session.catalog().get(name).ok_or_else(|| {
        let problem = Diagnostic::error(format!("no view `{name}`"));
        match did_you_mean(name, session.catalog().iter().map(|view| view.name.as_str())) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint("`gridhouse sql -c '\\d'` lists tables and views"),
        }
    })
}

/// The versions of the tables below a view.
fn tables(session: &Session, contracts: &Contracts, batches: &[Batch], view: &str) -> Vec<TableVersion> {
    let catalog = session.catalog();
    let views = catalog.in_order([view]);
    let read: BTreeSet<&str> = views
        .iter()
        .flat_map(|view| &view.reads)
        .filter(|name| catalog.get(name).is_none())
        .map(String::as_str)
        .collect();
    let versions: BTreeMap<&str, u64> = session
        .snapshot()
        .map(|snapshot| snapshot.versions.iter().map(|(table, version)| (table.as_str(), *version)).collect())
        .unwrap_or_default();
    read.into_iter()
        .filter_map(|table| {
            let version = *versions.get(table)?;
            let landed: Vec<&Batch> =
                batches.iter().filter(|batch| batch.table_name == table && batch.version <= version).collect();
            Some(TableVersion {
                table: table.to_owned(),
                label: contracts.get(table).map(|contract| contract.label.clone()).unwrap_or_default(),
                version,
                batches: landed.len(),
                newest_batch: landed.last().map(|batch| batch.batch_id.clone()).unwrap_or_default(),
            })
        })
        .collect()
}
