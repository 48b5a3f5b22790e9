//! The program `goodword`.
fn main() {}
