//! A line in a file of waiting clicks: a checksum, a space, the batch as JSON.

use std::{io, sync::Arc};

use domain::{clock::Timestamp, referral_code::ReferralCode, source::Source};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ops::clicks::{Batch, Visit};

/// A batch as a line has it.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    writer: String,
    batch: i64,
    clicks: Vec<Kept>,
}

/// A click as a line has it: times in microseconds UTC.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    at: i64,
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repaired_from: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    source: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    place: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    automatic: bool,
}

fn checksum(json: &str) -> String {
    Sha256::digest(json.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A batch as a line, its end included.
///
/// # Errors
/// When it can't be written as JSON.
pub fn write(batch: &Batch) -> io::Result<String> {
    let clicks = batch.visits.iter().map(|visit| Kept {
        at: visit.at.micros(),
        code: visit.code.to_string(),
        partner: visit.partner_id.as_deref().map(str::to_owned),
        repaired_from: visit.repaired_from.clone(),
        source: visit.source.clone(),
        place: visit.place.to_string(),
        automatic: visit.automatic,
    });
    let line = Line { writer: batch.writer.to_string(), batch: batch.number, clicks: clicks.collect() };
    let json = serde_json::to_string(&line)?;
    Ok(format!("{} {json}\n", checksum(&json)))
}

/// The batch of a line without its end; none where that isn't as it was written.
pub fn read(line: &str) -> Option<Batch> {
    let (sum, json) = line.split_once(' ')?;
    if sum != checksum(json) {
        return None;
    }
    let line: Line = serde_json::from_str(json).ok()?;
    let visits = line.clicks.into_iter().map(|kept| {
        Some(Visit {
            at: Timestamp::from_micros(kept.at),
            code: ReferralCode::read(&kept.code)?.code,
            partner_id: kept.partner.map(Arc::from),
            repaired_from: kept.repaired_from,
            source: kept.source,
            place: Source::named(&kept.place),
            automatic: kept.automatic,
        })
    });
    Some(Batch { writer: line.writer.into(), number: line.batch, visits: visits.collect::<Option<_>>()? })
}
