//! The contract of the data layer: the same cases on both databases.

mod values;
