//! The rules of a partner programme: what a referral code is, how a rate follows volume, what a deal may do
//! next, which transfers an event books. Pure: no input or output, no SQL, no HTTP, no clock of its own.
//!
//! Every number is an integer: money in minor units (cents), rates in basis points, times in microseconds
//! since 1970-01-01 UTC.

pub mod adjustment;
pub mod alias;
pub mod attribution;
pub mod claim;
pub mod clock;
pub mod commission;
pub mod deal;
pub mod ids;
pub mod import;
pub mod ledger;
pub mod money;
pub mod notice;
pub mod payment;
pub mod payout;
pub mod permission;
pub mod public_address;
pub mod rate;
pub mod reconcile;
pub mod reference;
pub mod referral_code;
pub mod retry;
pub mod risk;
pub mod search;
pub mod source;
pub mod support;
pub mod text;
pub mod tier;
pub mod wallet;
pub mod webhook;
pub mod withdrawal;
