//! Forgetting a partner or a client, on their pages: with a reason, after a word was typed.

use axum::extract::State;
use domain::text::Message;

use super::{
    client, partner,
    parts::{Id, Number},
};
use crate::{
    app::App,
    ops::erasure::{self as acts, CONFIRMATION, EraseError},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        show::{Page, go_to},
        visitor::Staff,
    },
};

/// The name of the form.
pub(super) const FORM: &str = "erase";

/// The reason, if the word was typed as well; otherwise both fields say what is missing.
fn confirmed(form: &mut Fields) -> Option<Message> {
    let reason = form.check("reason", |typed| Message::parse_as("reason", typed));
    let word = form.check("confirmation", |typed| {
        let is_it = typed.trim().eq_ignore_ascii_case(CONFIRMATION);
        is_it.then_some(()).ok_or_else(|| format!("Type {CONFIRMATION} here. It can't be taken back."))
    });
    reason.filter(|_| word.is_some())
}

/// `POST /office/partners/{id}/erase`
///
/// # Errors
/// 404 when there is no such partner.
pub async fn partner(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let Some(reason) = confirmed(&mut form) else {
        return partner::refuse(&app, staff, id, FORM, form).await;
    };
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::partner(tx, env, &by, &of, reason.as_str())).await;
    match done {
        Ok(()) => go_to(&paths::with_query(&paths::office_partner(&id), &[("done", "erased")])),
        Err(EraseError::Unknown) => Err(PageError::not_found()),
        Err(EraseError::Db(error)) => Err(error.into()),
        Err(refusal @ EraseError::Already) => partner::too_late(&app, staff, id, refusal.to_string()).await,
        Err(refusal) => {
            form.refuse_form(refusal);
            partner::conflict(&app, staff, id, FORM, form).await
        }
    }
}

/// `POST /office/clients/{n}/erase`
///
/// # Errors
/// 404 when there is no such client.
pub async fn client(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let Some(reason) = confirmed(&mut form) else {
        return client::refuse(&app, staff, number, FORM, form).await;
    };
    let by = staff.actor.clone();
    let done = app.write(move |tx, env| acts::client(tx, env, &by, number, reason.as_str())).await;
    match done {
        Ok(()) => go_to(&paths::with_query(&paths::office_client(number), &[("done", "erased")])),
        Err(EraseError::Unknown) => Err(PageError::not_found()),
        Err(EraseError::Db(error)) => Err(error.into()),
        Err(refusal) => client::too_late(&app, staff, number, refusal.to_string()).await,
    }
}
