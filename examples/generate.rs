//! Tries the generator: `generate OUT [SCALE] [NIGHT] [DIRTY TRUTH]`.
#![allow(clippy::print_stdout)]
use std::path::Path;

use gridhouse::synthetic::{Options, generate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let number = |at: usize, default: f64| args.get(at).map_or(Ok(default), |text| text.parse::<f64>());
    let options = Options {
        scale: number(2, 1.0)?,
        night: number(3, 1.0)? as u32,
        dirty: args.get(4).map(|text| text.parse()).transpose()?,
        truth: args.get(5).map(Into::into),
        ..Options::default()
    };
    let start = std::time::Instant::now();
    let summary = generate(Path::new(&args[1]), &options)?;
    for file in &summary.files {
        println!("{:8} {:5} {:14} {}", file.rows, file.faults, file.table, file.file);
    }
    println!("{} rows, {} faults, {:.2} s", summary.rows, summary.faults, start.elapsed().as_secs_f64());
    Ok(())
}
