//! The demo district: one night's deliveries for a synthetic 开福区.
//!
//! Everything follows from the seed, and every row can be made again on its own: a follow-up night is the same
//! district with the changes of that night. Nobody in it exists: identity numbers and credit codes are of
//! region 990105, telephones start with 154, buildings with 901.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use thiserror::Error;

mod ages;
mod deliveries;
mod dwellings;
mod faults;
mod names;
mod nights;
mod output;
mod people;
mod photos;
mod places;
mod random;
mod reference;
mod residents;
mod row;
mod score_events;
mod shops;
mod tables;
mod visits;
mod whistle_kinds;
mod whistle_nights;
mod whistle_rows;
mod whistles;
mod world;
mod write;

pub use output::Truth;
pub use photos::draw_photos;

use faults::Faults;
use names::Names;
use output::{Delivery, Output};
use world::World;

/// What to generate.
#[derive(Debug, Clone)]
pub struct Options {
    pub seed: u64,
    /// 1 is the real district; the grids are the same 702 at every scale.
    pub scale: f64,
    /// 1 delivers everything as of 2024-06-27, each later night the changes of one more day.
    pub night: u32,
    /// Share of faulty rows, 0 to `DIRTY_MAX`.
    pub dirty: Option<f64>,
    /// Where to list the planted faults; outside of the deliveries.
    pub truth: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 20_240_627, scale: 1.0, night: 1, dirty: None, truth: None }
    }
}

/// Faults go on rows that nothing refers to, and there are only so many of these.
pub const DIRTY_MAX: f64 = 0.1;
/// Beyond this, a workbook would need more rows than a sheet has.
pub const SCALE_MAX: f64 = 20.0;
/// A bound on the nights looked back upon for every row.
pub const NIGHT_MAX: u32 = 60;

/// One file of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    pub file: String,
    pub table: &'static str,
    pub rows: u64,
    pub faults: u64,
}

/// What was generated, file by file in the order of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The date the deliveries speak for.
    pub as_of: chrono::NaiveDate,
    pub files: Vec<FileSummary>,
    pub rows: u64,
    pub faults: u64,
}

#[derive(Debug, Error)]
pub enum GenerateError {
    #[error("`{option}` is {value}, expected {expected}")]
    Option { option: &'static str, value: String, expected: String },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("a workbook could not be written")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error("a Parquet file could not be written")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("a Parquet batch could not be built")]
    Arrow(#[from] arrow::error::ArrowError),
}

/// Writes one night's deliveries into `out`, which is made if need be. Files of the same names are replaced.
pub fn generate(out: &Path, options: &Options) -> Result<Summary, GenerateError> {
    check(options)?;
    fs_err::create_dir_all(out)?;
    let world = World::new(options);
    let names = Names::new();
    let deliveries = deliveries::deliveries(&world);
    let done = write_all(&world, &names, &deliveries, out, options.dirty)?;

    let mut files = Vec::new();
    let mut truth = Vec::new();
    for (delivery, (rows, planted)) in deliveries.iter().zip(done) {
        let faults = planted.len() as u64;
        files.push(FileSummary { file: delivery.file.clone(), table: delivery.table.name, rows, faults });
        truth.extend(planted);
    }
    if let Some(path) = &options.truth {
        write_truth(path, &truth)?;
    }
    let rows = files.iter().map(|file| file.rows).sum();
    Ok(Summary { as_of: world::date(world.as_of()), files, rows, faults: truth.len() as u64 })
}

fn check(options: &Options) -> Result<(), GenerateError> {
    let refuse = |option, value: String, expected: String| Err(GenerateError::Option { option, value, expected });
    if !(options.scale > 0.0 && options.scale <= SCALE_MAX) {
        return refuse("scale", options.scale.to_string(), format!("a number above 0, at most {SCALE_MAX}"));
    }
    if !(1..=NIGHT_MAX).contains(&options.night) {
        return refuse("night", options.night.to_string(), format!("1 to {NIGHT_MAX}"));
    }
    match options.dirty {
        Some(rate) if !(0.0..=DIRTY_MAX).contains(&rate) => {
            refuse("dirty", rate.to_string(), format!("a share of rows, 0 to {DIRTY_MAX}"))
        }
        _ => Ok(()),
    }
}

type Written = (u64, Vec<Truth>);

/// Files are independent of each other; each worker takes the next one. The result does not depend on who took what.
fn write_all(
    world: &World,
    names: &Names,
    deliveries: &[Delivery],
    out: &Path,
    dirty: Option<f64>,
) -> Result<Vec<Written>, GenerateError> {
    let mut order: Vec<usize> = (0..deliveries.len()).collect();
    // The slowest first, so that no worker is left alone with one at the end.
    order.sort_by_key(|at| std::cmp::Reverse(deliveries[*at].effort(world)));
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<Written, GenerateError>)>> = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(deliveries.len().max(1));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let faults = dirty.map(|rate| Faults::new(rate, deliveries[*at].table, *at));
                    let result = write_one(world, names, &deliveries[*at], out, faults);
                    let is_failed = result.is_err();
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((*at, result));
                    if is_failed {
                        next.store(order.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn write_one(
    world: &World,
    names: &Names,
    delivery: &Delivery,
    out: &Path,
    faults: Option<Faults>,
) -> Result<Written, GenerateError> {
    let mut output = Output::create(world, delivery, out, faults)?;
    for grid in delivery.grids.clone() {
        let people = || people::build(world, names, grid);
        match delivery.table.name {
            "residents" => residents::write_residents(world, names, grid, &people(), &mut output)?,
            "resident_tags" => residents::write_tags(world, names, grid, &people(), &mut output)?,
            "dwellings" => dwellings::write_dwellings(world, names, grid, &people(), &mut output)?,
            "shops" => shops::write_shops(world, names, grid, &mut output)?,
            "shop_checks" => shops::write_checks(world, names, grid, &mut output)?,
            "visits" => visits::write_visits(world, names, grid, &people(), &mut output)?,
            "whistles" => whistle_rows::write_whistles(world, grid, &mut output)?,
            "score_events" => score_events::write_events(world, &mut output)?,
            _ => whistle_rows::write_tasks(world, grid, &mut output)?,
        }
    }
    output.finish()
}

fn write_truth(path: &Path, truth: &[Truth]) -> Result<(), GenerateError> {
    use std::io::Write as _;
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs_err::create_dir_all(parent)?;
    }
    let mut file = std::io::BufWriter::new(fs_err::File::create(path)?);
    writeln!(file, "file,line,table,key,fault")?;
    for row in truth {
        // Neither file names nor keys of this district hold a comma or a quote.
        writeln!(file, "{},{},{},{},{}", row.file, row.line, row.table, row.key, row.fault)?;
    }
    file.flush()?;
    Ok(())
}
