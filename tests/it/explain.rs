//! Figures that explain themselves: every number of every mart, the files' cells, the words on a page.

use std::collections::BTreeMap;

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use datafusion::common::ScalarValue;
use gridhouse::query::Layer;
use gridhouse::query::lineage::{Datum, Figure, Lineage, Made};

use crate::support::Project;

/// How a figure was explained, by the poorest of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Down to stored rows that come to the figure again.
    Traced,
    /// To the rows of a view that come to it.
    Early,
    /// Said to be computed from others.
    Derived,
    /// Rows were listed that do not come to it.
    Wrong,
}

fn outcome(figure: &Figure) -> (Outcome, String) {
    let mut worst = (Outcome::Traced, String::new());
    figure.visit(&mut |part| {
        let here = match &part.made {
            Made::Rows(drill) if drill.tables.is_empty() => {
                (Outcome::Derived, drill.ends_early.clone().unwrap_or_default())
            }
            Made::Rows(drill) if !drill.matches => {
                (Outcome::Wrong, format!("{} gives {}, not {}", drill.sql, drill.total.shown(), part.value.shown()))
            }
            Made::Rows(drill) if drill.ends_early.is_some() => {
                (Outcome::Early, drill.ends_early.clone().unwrap_or_default())
            }
            Made::Computed { why, .. } => (Outcome::Derived, format!("{}: {why}", part.expression)),
            _ => return,
        };
        if here.0 > worst.0 {
            worst = here;
        }
    });
    worst
}

#[test]
fn every_number_of_every_mart_is_traced_to_its_rows_or_said_to_be_derived() {
    let sample = Project::sample();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let text = runtime.block_on(async {
        let project = gridhouse::project::Project::find(sample.root(), &[]).expect("a project");
        let (warehouse, contracts) = (project.warehouse(), project.contracts().expect("contracts"));
        let snapshot = project.pin(&warehouse, crate::support::AS_OF.parse().expect("a date")).expect("a snapshot");
        let (session, _) = project.session(&warehouse, &contracts, snapshot).await.expect("a session");
        let only = std::env::var("ONLY").unwrap_or_default();
        let mut text = String::new();
        let mut counts: BTreeMap<Outcome, usize> = BTreeMap::new();
        for view in session.catalog().iter().filter(|view| view.layer == Layer::Mart && view.name.contains(&only)) {
            let rows = session.fetch(&format!("SELECT * FROM {}", view.name)).await.expect("a mart");
            let Some(first) = rows.first() else { continue };
            let rows = concat_batches(&first.schema(), &rows).expect("rows");
            let lineage = Lineage::of(&session, &contracts, &[&view.name]).expect("a lineage");
            for (column, field) in
                rows.schema().fields().iter().enumerate().filter(|(_, field)| field.data_type().is_numeric())
            {
                let mut worst: Option<(Outcome, String)> = None;
                for row in sampled(&rows, column) {
                    let clock = std::time::Instant::now();
                    let figure = lineage
                        .explain(&view.name, field.name(), &picked(&rows, row))
                        .await
                        .unwrap_or_else(|problem| panic!("{}.{}: {problem:?}", view.name, field.name()));
                    let value = ScalarValue::try_from_array(rows.column(column), row).expect("a value");
                    assert_eq!(figure.value.shown(), Datum(value).shown(), "{}.{}", view.name, field.name());
                    let found = outcome(&figure);
                    if clock.elapsed().as_millis() > 1500 {
                        eprintln!("slow {}.{} {:?}", view.name, field.name(), clock.elapsed());
                    }
                    if worst.as_ref().is_none_or(|worst| found.0 > worst.0) {
                        worst = Some(found);
                    }
                }
                let Some((outcome, why)) = worst else { continue };
                *counts.entry(outcome).or_default() += 1;
                if outcome != Outcome::Traced {
                    text.push_str(&format!("{}.{}: {outcome:?} {why}\n", view.name, field.name()));
                }
            }
        }
        text + &format!("{counts:?}")
    });
    println!("{text}");
    assert!(!text.contains("Wrong"));
}

/// Rows that differ in what they are: a total, a place deep down, one with the most, one with nothing.
fn sampled(rows: &RecordBatch, column: usize) -> Vec<usize> {
    let count = rows.num_rows();
    let values = arrow::compute::cast(rows.column(column), &arrow::datatypes::DataType::Float64).expect("numbers");
    let values = arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(&values);
    let at = |row: &usize| if values.is_valid(*row) { values.value(*row) } else { -1.0 };
    let most = (0..count).max_by(|a, b| at(a).total_cmp(&at(b)));
    let some = (0..count).filter(|row| at(row) > 0.0).nth(count / 3);
    let least = (0..count).min_by(|a, b| at(a).total_cmp(&at(b)));
    let mut all: Vec<usize> = [most, some, least].into_iter().flatten().collect();
    all.dedup();
    all
}

fn picked(rows: &RecordBatch, row: usize) -> Vec<(String, Datum)> {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    columns
        .filter(|(field, _)| !field.data_type().is_floating())
        .map(|(field, values)| {
            (field.name().clone(), Datum(ScalarValue::try_from_array(values, row).expect("a value")))
        })
        .collect()
}
