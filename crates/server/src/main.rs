//! The program `goodword`.

use std::process::ExitCode;

/// Many small pieces go from one thread to another here (a request's, a transaction's), which this allocator was made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::run()
}
