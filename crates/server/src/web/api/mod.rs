//! The programming interface: what other programs of the company read and do, as JSON under `/api/v1`.

pub mod problem;

pub use problem::Problem;
