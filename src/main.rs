//! The command line: everything is in the library.

use std::process::ExitCode;

// Many short-lived Arrow buffers on several threads: a fifth faster than the system's allocator here.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(gridhouse::cli::main())
}
