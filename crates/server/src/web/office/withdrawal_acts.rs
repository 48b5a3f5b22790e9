//! What finance answers to a withdrawal: approved, paid, rejected, came back.

use axum::{extract::State, http::StatusCode};
use domain::{
    text::{Line, Message, optional},
    withdrawal::{WithdrawalAct, next_status},
};
use store::ledger::ApplyError;

use super::{
    parts::{Id, Refused},
    withdrawal::{Occasion, render},
};
use crate::{
    app::App,
    ops::withdrawals::{self as acts, DecideError},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        show::{Page, go_to},
        visitor::Staff,
    },
};

/// How many characters a payment reference may have.
pub const REFERENCE_CHARS: usize = 200;

/// `POST /office/withdrawals/{id}/pay`
///
/// # Errors
/// 404 when there is no such withdrawal.
pub async fn pay(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let parse = |typed: &str| Line::<REFERENCE_CHARS>::parse_as("payment reference", typed);
    let reference = form.check("reference", parse);
    let overridden =
        form.check("override", |typed| optional(typed, |typed| Message::parse_as("reason", typed)));
    let (Some(reference), Some(overridden)) = (reference, overridden) else {
        return refuse(&app, staff, id, "pay", form).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app
        .write(move |tx, env| {
            let overridden = overridden.as_ref().map(Message::as_str);
            acts::pay(tx, env, &by, &of, reference.as_str(), overridden)
        })
        .await;
    answer(&app, staff, id, ("pay", "paid"), form, done).await
}

/// `POST /office/withdrawals/{id}/approve`
///
/// # Errors
/// 404 when there is no such withdrawal.
pub async fn approve(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let parse = |typed: &str| optional(typed, |typed| Message::parse_as("note", typed));
    let Some(note) = form.check("note", parse) else {
        return refuse(&app, staff, id, "approve", form).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app
        .write(move |tx, env| {
            acts::approve(tx, env, &by, &of, note.as_ref().map_or("", |note| note.as_str()))
        })
        .await;
    answer(&app, staff, id, ("approve", "approved"), form, done).await
}

/// `POST /office/withdrawals/{id}/came-back`
///
/// # Errors
/// 404 when there is no such withdrawal.
pub async fn came_back(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let Some(reason) = form.check("reason", |typed| Message::parse_as("reason", typed)) else {
        return refuse(&app, staff, id, "came-back", form).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::came_back(tx, env, &by, &of, reason.as_str())).await;
    answer(&app, staff, id, ("came-back", "came-back"), form, done).await
}

/// `POST /office/withdrawals/{id}/reject`
///
/// # Errors
/// 404 when there is no such withdrawal.
pub async fn reject(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let Some(reason) = form.check("reason", |typed| Message::parse_as("reason", typed)) else {
        return refuse(&app, staff, id, "reject", form).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::reject(tx, env, &by, &of, reason.as_str())).await;
    answer(&app, staff, id, ("reject", "rejected"), form, done).await
}

async fn refuse(app: &App, staff: Staff, id: String, act: &'static str, form: Fields) -> Page {
    let of = id.clone();
    let found =
        app.read(move |tx, _| store::withdrawals::by_id(tx, &of)).await?.ok_or_else(PageError::not_found)?;
    let tried = match act {
        "reject" => WithdrawalAct::Reject,
        "came-back" => WithdrawalAct::CameBack,
        _ => WithdrawalAct::Pay,
    };
    // A form that is no longer shown: what is wrong with its field is beside the point.
    if let Err(refusal) = next_status(found.status, tried) {
        return answer(app, staff, id, (act, ""), form, Err(refusal.into())).await;
    }
    let occasion = Occasion { refused: Refused::act(act, form), ..Occasion::default() };
    render(app, staff, id, StatusCode::UNPROCESSABLE_ENTITY, occasion).await
}

async fn answer(
    app: &App,
    staff: Staff,
    id: String,
    (act, word): (&'static str, &str),
    form: Fields,
    done: Result<(), DecideError>,
) -> Page {
    match done {
        Ok(()) => go_to(&paths::with_query(&paths::office_withdrawal(&id), &[("done", word)])),
        Err(DecideError::Unknown) => Err(PageError::not_found()),
        Err(
            error @ (DecideError::Refused(_)
            | DecideError::Held { .. }
            | DecideError::InBatch
            | DecideError::Approval(_)),
        ) => {
            let occasion = Occasion {
                refused: Refused::act(act, form),
                conflict: Some(error.to_string()),
                ..Occasion::default()
            };
            render(app, staff, id, StatusCode::CONFLICT, occasion).await
        }
        Err(DecideError::Db(error) | DecideError::Ledger(ApplyError::Db(error))) => Err(error.into()),
        Err(DecideError::Ledger(error)) => Err(PageError::internal(error)),
    }
}
