//! The programming interface: what other programs of the company read and do, as JSON under `/api/v1`.

pub mod input;
pub mod problem;

pub use input::{Input, Query};
pub use problem::Problem;
