//! The limits that the server is held against: an axum that only answers, and the same rows written by a bare loop.

mod constant;
mod rows;

pub use constant::Constant;
pub use rows::{Behind, Target, bare};
