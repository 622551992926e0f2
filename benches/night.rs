//! Landing, views and workbooks on a twentieth of the district: `cargo bench`.
//!
//! What a change does to one stage shows here within minutes; figures that are published come from whole processes
//! (`beside.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use chrono::{NaiveDate, NaiveDateTime};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use datafusion::execution::SendableRecordBatchStream;
use gridhouse::landing::{self, Land, Moment};
use gridhouse::project::Project;
use gridhouse::query::{Layer, Session};
use gridhouse::report::{self, Figures, Problem, ViewMeta};
use gridhouse::synthetic;
use tokio::runtime::Runtime;

const SCALE: f64 = 0.05;

/// A project with the shipped contracts, views and reports, and deliveries that have not landed.
struct Bench {
    _folder: tempfile::TempDir,
    project: Project,
    rows: u64,
    runtime: Runtime,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["data/contracts", "data/reference", "queries", "report-templates"] {
            copy(&repository.join(name), &folder.path().join(name));
        }
        copy(&repository.join("src/cli/gridhouse.toml"), &folder.path().join("gridhouse.toml"));
        let project = Project::find(folder.path(), &[]).expect("a project");
        let options = synthetic::Options { scale: SCALE, ..synthetic::Options::default() };
        let rows = synthetic::generate(&project.inbox(), &options).expect("deliveries").rows;
        let runtime = Runtime::new().expect("a runtime");
        Self { _folder: folder, project, rows, runtime }
    }

    /// Lands the reference lists, then the inbox, into the warehouse.
    fn land(&self) {
        let settings = self.project.land_settings().expect("settings");
        let stop = AtomicBool::new(false);
        let land = Land {
            warehouse: self.project.warehouse(),
            contracts: Arc::new(self.project.contracts().expect("contracts")),
            limits: settings.limits,
            workers: settings.workers,
            moment: moment(),
            zone: settings.zone,
            dry_run: false,
            table: None,
            stop: &stop,
            progress: &|_| {},
            settle: &|_| Ok(()),
        };
        let folders = [self.project.reference(), self.project.inbox()];
        let files: Vec<PathBuf> = folders.iter().flat_map(|folder| files(folder)).collect();
        self.runtime.block_on(landing::land_all(&land, &files)).expect("a landing");
    }

    fn clear(&self) {
        if self.project.warehouse_folder().exists() {
            std::fs::remove_dir_all(self.project.warehouse_folder()).expect("an old warehouse");
        }
    }

    async fn session(&self) -> Session {
        let warehouse = self.project.warehouse();
        let contracts = self.project.contracts().expect("contracts");
        let snapshot = self.project.pin(&warehouse, moment().as_of).expect("a snapshot");
        self.project.session(&warehouse, &contracts, snapshot).await.expect("a session").0
    }
}

fn moment() -> Moment {
    let as_of = NaiveDate::from_ymd_opt(2024, 6, 27).expect("a date");
    Moment { as_of, now: NaiveDateTime::from(as_of) }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file()).collect()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let path = entry.expect("an entry").path();
            copy(&path, &to.join(path.file_name().expect("a name")));
        }
    } else {
        std::fs::copy(from, to).expect("a copy");
    }
}

fn landing(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("landing");
    group.sample_size(10).throughput(Throughput::Elements(bench.rows));
    group.bench_function("first night", |b| {
        b.iter_batched(|| bench.clear(), |()| bench.land(), BatchSize::PerIteration)
    });
    group.finish();
}

fn views(criterion: &mut Criterion) {
    let bench = Bench::new();
    bench.land();
    let mut group = criterion.benchmark_group("views");
    group.sample_size(10);
    group.bench_function("all kept marts", |b| {
        b.iter(|| {
            bench.runtime.block_on(async {
                let session = bench.session().await;
                let catalog = session.catalog();
                let marts = catalog.iter().filter(|view| view.layer == Layer::Mart).map(|view| view.name.as_str());
                for view in catalog.in_order(marts).into_iter().filter(|view| view.is_materialized()) {
                    session.materialize(view).await.expect("a mart");
                }
            });
        });
    });
    group.finish();
}

fn workbooks(criterion: &mut Criterion) {
    let bench = Bench::new();
    bench.land();
    let out = tempfile::tempdir().expect("a temporary folder");
    let mut group = criterion.benchmark_group("workbooks");
    group.sample_size(10);
    for (name, wanted) in [("ledgers of all communities", "resident_ledger"), ("district form", "grid_overview")] {
        let (mut reports, _) = report::load(&bench.project.report_templates());
        reports.retain(|loaded| loaded.name == wanted);
        let session = bench.runtime.block_on(bench.session());
        let context = bench.project.report_context(&session, &[], BTreeMap::new());
        let render = || {
            let made = bench.runtime.block_on(report::render(&reports[0], &session, &context, out.path()));
            made.expect("a report").iter().map(|file| file.cells as u64).sum()
        };
        group.throughput(Throughput::Elements(render()));
        group.bench_function(name, |b| b.iter(render));
    }
    group.finish();
}

/// 12 stub columns over 10,000 rows, in runs of 4096, 2048 … 2 rows.
struct Stubs(RecordBatch);

const STUB_COLUMNS: u32 = 12;
const STUB_ROWS: u32 = 10_000;

impl Stubs {
    fn new() -> Self {
        let stub = |column: u32| -> ArrayRef {
            let run = 1 << (STUB_COLUMNS - column);
            Arc::new((0..STUB_ROWS).map(|row| Some(format!("第{}组", row / run))).collect::<StringArray>())
        };
        let mut columns: Vec<(String, ArrayRef)> =
            (0..STUB_COLUMNS).map(|column| (format!("stub_{column}"), stub(column))).collect();
        columns.push(("n".to_owned(), Arc::new((0..i64::from(STUB_ROWS)).map(Some).collect::<Int64Array>())));
        Self(RecordBatch::try_from_iter(columns).expect("a batch"))
    }
}

/// A report over [`Stubs`] with one output.
fn report_of(folder: &Path, output: &str, (file, content): (&str, &str)) -> report::Report {
    let manifest = format!(
        "title: 表\ndescription: 合并\ndatasets:\n  rows: {{view: rows, order_by: [n]}}\noutputs:\n  - {{{output}}}\n"
    );
    std::fs::create_dir_all(folder.join("stubs")).expect("a folder");
    std::fs::write(folder.join("stubs").join(file), content).expect("a template");
    std::fs::write(folder.join("stubs/report.yml"), manifest).expect("a manifest");
    let (mut reports, problems) = report::load(folder);
    assert!(problems.is_empty(), "{problems:?}");
    reports.remove(0)
}

#[async_trait]
impl Figures for Stubs {
    async fn fetch(&self, _sql: &str) -> Result<Vec<RecordBatch>, Problem> {
        Ok(vec![self.0.clone()])
    }

    async fn stream(&self, _sql: &str) -> Result<SendableRecordBatchStream, Problem> {
        Err(Problem::new("", "nothing is streamed here"))
    }

    async fn stream_in_any_order(&self, sql: &str) -> Result<SendableRecordBatchStream, Problem> {
        self.stream(sql).await
    }

    fn labels(&self, _view: &str) -> Option<ViewMeta> {
        None
    }
}

fn layouts(criterion: &mut Criterion) {
    let bench = Bench::new();
    bench.land();
    let context = bench.project.report_context(&bench.runtime.block_on(bench.session()), &[], BTreeMap::new());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stubs: String = (0..STUB_COLUMNS)
        .map(|column| format!("  - {{label: 组{column}, column: stub_{column}, merge: true}}\n"))
        .collect();
    let form = format!(
        "dataset: rows\ntitle: 表\ntotals: {{label: 合计}}\nformulas: true\ncolumns:\n{stubs}  - {{label: 数, column: n, format: integer, additive: true}}\n"
    );
    let mut group = criterion.benchmark_group("layouts");
    group.sample_size(10);
    for (name, output, template) in [
        ("12 merged stub columns over 10,000 rows", "form: form.yml, file: 表.xlsx", ("form.yml", form.as_str())),
        ("a PDF of twenty pages", "summary: summary.md.j2, file: 通报.pdf", ("summary.md.j2", TEN_SECTIONS)),
    ] {
        let report = report_of(&folder.path().join(output), output, template);
        let out = folder.path().join("out");
        let figures = Stubs::new();
        group.bench_function(name, |b| {
            b.iter(|| {
                let made = bench.runtime.block_on(report::render(&report, &figures, &context, &out));
                assert_eq!(made.expect("a file").len(), 1);
            });
        });
    }
    group.finish();
}

/// Ten sections of two pages each: a chart, a table and text.
const TEN_SECTIONS: &str = r#"{% for section in range(10) %}
## 第{{ section + 1 }}部分

{{ bar_chart(rows[section * 12:section * 12 + 12], label="stub_11", values=["n"], title="各组数", unit="件") }}

| 组 | 上级组 | 数 |
|---|---|--:|
{% for row in rows[section * 20:section * 20 + 20] -%}
| {{ row.stub_11 }} | {{ row.stub_10 }} | {{ row.n }} |
{% endfor %}
{% for row in rows[section * 8:section * 8 + 8] -%}
{{ row.stub_5 }}本期受理{{ row.n }}件，按期办结情况见上表，逾期事项由责任单位说明原因并于下期通报前办结，网格员逐户回访核实。
{% endfor %}
{% endfor %}
"#;

criterion_group!(benches, landing, views, workbooks, layouts);
criterion_main!(benches);
