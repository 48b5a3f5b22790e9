//! The program `goodword`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::run()
}
