//! Bonuses and corrections: the form on a partner's page, and the second person's answer above the limit.

use axum::{extract::State, http::StatusCode};
use domain::{
    adjustment::{self, AdjustmentStatus, KINDS},
    ledger::TransferCode,
    money::{Currency, Money, MoneyError},
    text::Message,
};
use store::{adjustments::Adjustment, programme::Programme};

use super::{
    partner,
    parts::{Badge, Id, Moment},
};
use crate::{
    app::App,
    ops::adjustments::{self as acts, Adjust, AdjustError},
    web::{
        error::{Explanation, PageError},
        fields::Fields,
        paths,
        show::{Page, go_to},
        visitor::Staff,
    },
};

/// The longest identifier of a form that is taken; ours are 36 letters.
const MAX_REQUEST: usize = 100;

/// An adjustment on its partner's page.
pub(super) struct AdjustmentRow {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) amount: String,
    pub(super) reason: String,
    pub(super) status: Badge,
    pub(super) proposed: Moment,
    pub(super) by: String,
    /// Who booked or declined it, and when.
    pub(super) decided: Option<(Moment, String)>,
    /// It waits for a second person.
    pub(super) is_open: bool,
    /// The person who looks has proposed it.
    pub(super) is_own: bool,
}

impl AdjustmentRow {
    pub(super) fn new(adjustment: &Adjustment, currency: Currency, me: &str) -> AdjustmentRow {
        let status = match adjustment.status {
            AdjustmentStatus::Proposed => Badge::new("pending", "Needs a second person"),
            AdjustmentStatus::Booked => Badge::new("done", "Booked"),
            AdjustmentStatus::Declined => Badge::new("rejected", "Declined"),
        };
        let kind = KINDS.iter().find(|(.., code)| *code == adjustment.code);
        AdjustmentRow {
            id: adjustment.id.clone(),
            kind: kind.map_or("Adjustment", |(_, label, _)| label),
            // A true minus sign lines up with the plus.
            amount: signed(adjustment.amount, currency),
            reason: adjustment.reason.clone(),
            status,
            proposed: Moment::exact(adjustment.proposed_at),
            by: adjustment.proposed_by.clone(),
            decided: adjustment.decided.as_ref().map(|(at, by)| (Moment::exact(*at), by.clone())),
            is_open: adjustment.status == AdjustmentStatus::Proposed,
            is_own: adjustment.proposer_id == me,
        }
    }
}

fn signed(amount: Money, currency: Currency) -> String {
    let text = currency.format(amount);
    match text.strip_prefix('-') {
        Some(digits) => format!("−{digits}"),
        None => format!("+{text}"),
    }
}

/// Reads an amount that may be below zero; zero adjusts nothing.
fn amount(typed: &str, currency: Currency) -> Result<Money, MoneyError> {
    match typed.trim().strip_prefix(['-', '−']) {
        Some(below) => currency.parse(below).map(|amount| -amount),
        None => currency.parse(typed.trim().strip_prefix('+').unwrap_or(typed)),
    }
}

/// From which amount on two people agree, in a sentence for the form.
pub(super) fn limit(programme: &Programme) -> String {
    match programme.approval_from {
        Some(from) => {
            format!(
                "From {} on a second person has to approve it.",
                programme.currency.format_with_symbol(from)
            )
        }
        None => String::new(),
    }
}

/// `POST /office/partners/{id}/adjust`
///
/// # Errors
/// 404 when there is no such partner.
pub async fn adjust(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let env = app.env();
    let currency = env.programme.currency;
    let amount = form.check("amount", |typed| amount(typed, currency));
    let code = form.check("kind", |typed| {
        adjustment::kind(typed).ok_or("Choose whether this is a bonus or a correction.")
    });
    let reason = form.check("reason", |typed| Message::parse_as("reason", typed));
    let sent = form.typed("request");
    let is_ours = !sent.is_empty() && sent.len() <= MAX_REQUEST && sent.chars().all(|c| c.is_ascii_graphic());
    let request = if is_ours { sent.to_owned() } else { env.ids.uuid(env.now) };
    let (Some(amount), Some(code), Some(reason)) = (amount, code, reason) else {
        return partner::refuse(&app, staff, id, "adjust", form).await;
    };
    if code == TransferCode::Bonus && amount < Money::ZERO {
        form.refuse("amount", "A bonus gives to the partner. Choose “Correction” to take something back.");
        return partner::refuse(&app, staff, id, "adjust", form).await;
    }
    let ask = Adjust { partner_id: id.clone(), amount, code, reason: reason.as_str().to_owned(), request };
    let by = staff.actor.clone();
    match app.write(move |tx, env| acts::adjust(tx, env, &by, &ask)).await {
        Ok(status) => {
            let word = match status {
                AdjustmentStatus::Proposed => "proposed",
                AdjustmentStatus::Booked => "adjusted",
                AdjustmentStatus::Declined => "adjustment_declined",
            };
            go_to(&paths::with_query(&paths::office_partner(&id), &[("done", word)]))
        }
        Err(AdjustError::Unknown) => Err(PageError::not_found()),
        Err(AdjustError::Db(error)) => Err(error.into()),
        Err(AdjustError::Ledger(error)) => Err(PageError::internal(error)),
        Err(error @ AdjustError::NotEnough(_)) => {
            form.refuse("amount", error);
            partner::refuse(&app, staff, id, "adjust", form).await
        }
        Err(error @ (AdjustError::OtherRequest | AdjustError::Refused(_))) => {
            form.set("request", env.ids.uuid(env.now));
            form.refuse_form(error);
            partner::conflict(&app, staff, id, "adjust", form).await
        }
    }
}

/// `POST /office/adjustments/{id}/approve`
///
/// # Errors
/// 404 when there is no such adjustment, 409 when it can't be approved by this person.
pub async fn approve(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::approve(tx, env, &by, &of)).await;
    answer(&app, &id, "adjusted", done).await
}

/// `POST /office/adjustments/{id}/decline`
///
/// # Errors
/// 404 when there is no such adjustment, 409 when it was decided before.
pub async fn decline(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::decline(tx, env, &by, &of)).await;
    answer(&app, &id, "adjustment_declined", done).await
}

async fn answer(app: &App, id: &str, word: &str, done: Result<String, AdjustError>) -> Page {
    let error = match done {
        Ok(partner) => {
            return go_to(&paths::with_query(&paths::office_partner(&partner), &[("done", word)]));
        }
        Err(AdjustError::Unknown) => return Err(PageError::not_found()),
        Err(AdjustError::Db(error)) => return Err(error.into()),
        Err(AdjustError::Ledger(error)) => return Err(PageError::internal(error)),
        Err(error) => error,
    };
    let of = id.to_owned();
    let found = app.read(move |tx, _| store::adjustments::by_id(tx, &of)).await?;
    let partner = found.ok_or_else(PageError::not_found)?.partner.id;
    Err(PageError::Explained(Explanation {
        status: StatusCode::CONFLICT,
        title: "Nothing is booked".into(),
        sentence: error.to_string(),
        way_on: (paths::office_partner(&partner), "Back to the partner"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_may_be_below_zero_and_never_zero() {
        let usd = Currency::USD;
        for (typed, minor) in [("50", 5_000), ("+50.00", 5_000), ("-1,000.50", -100_050), ("−3", -300)] {
            assert_eq!(amount(typed, usd).unwrap().minor(), minor, "{typed}");
        }
        for typed in ["", "0", "-0", "--5", "ten"] {
            assert!(amount(typed, usd).is_err(), "{typed}");
        }
        assert_eq!(signed(Money::from_minor(-5), usd), "−0.05");
    }
}
