//! What the CRM's own list of deals says, held against the deals here: which columns say what, what the amounts and stages
//! mean, where the two differ, and what would mend it.

mod amount;
mod columns;
mod compare;
mod stage;

pub use amount::{AmountError, DecimalSign};
pub use columns::{FIELDS, Field, guess, headers};
pub use compare::{Difference, Mend, Ours, Theirs, compare, mends};
pub use stage::guess_status;
