//! Whose client it is: the history of that, and saying it anew on the page of the client.

use axum::{extract::State, http::StatusCode};
use domain::{
    attribution::Method,
    permission::{Permission, Role},
    referral_code::ReferralCode,
    text::{Message, optional},
};
use store::{DbError, clients::Attribution, ledger::ApplyError, partners};

use super::{
    client::{Choice, Occasion, refuse, render},
    parts::{Link, Moment, Number, Refused},
};
use crate::{
    app::App,
    ops::attribution::{self as acts, AssignError, Meant},
    redirect::code_meant,
    web::{
        error::PageError,
        fields::Fields,
        paths,
        show::{Page, go_to},
        visitor::Staff,
    },
};

/// One entry of the attribution's history.
pub(super) struct Decision {
    pub(super) how: &'static str,
    pub(super) partner: Option<Link>,
    pub(super) code: String,
    pub(super) repaired_from: String,
    /// The claim it was decided on; without an address where the reader may not open claims.
    pub(super) claim: Option<Link>,
    pub(super) evidence: String,
    pub(super) reason: String,
    pub(super) by: String,
    pub(super) at: Moment,
}

impl Decision {
    /// A decision for a member of staff to read.
    pub(super) fn new(decision: &Attribution, role: Role) -> Decision {
        let claim = decision.claim.map(|number| Link {
            href: if role.may(Permission::RuleOnClaims) {
                paths::office_claim(number)
            } else {
                String::new()
            },
            text: format!("Claim K-{number}"),
        });
        Decision {
            claim,
            evidence: decision.evidence.clone(),
            how: decision.method.label(),
            partner: decision.partner.as_ref().map(Link::partner),
            code: decision.code.clone().unwrap_or_default(),
            repaired_from: decision.repaired_from.clone().unwrap_or_default(),
            reason: decision.reason.clone().unwrap_or_default(),
            by: decision.decided_by.clone().unwrap_or_else(|| "Contact form".into()),
            at: Moment::exact(decision.at),
        }
    }
}

/// How much of what was typed as the partner is looked for.
const PARTNER_CHARS: usize = 400;

/// `POST /office/clients/{n}/attribution`
///
/// # Errors
/// 404 when there is no such client.
pub async fn assign(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let typed: String =
        form.typed("partner").chars().filter(|c| !c.is_control()).take(PARTNER_CHARS).collect();
    let reason = form.check("reason", |typed| Message::parse_as("reason", typed));
    if typed.trim().is_empty() {
        form.refuse("partner", "Say which partner: by code, link, email address or name.");
        return refuse(&app, staff, number, "assign", form).await;
    }
    let (partner, reading) = match app.read(move |tx, _| acts::find_partner(tx, &typed)).await? {
        // A guess, however good: the code itself is offered, to be chosen.
        Meant::One(partner, Some(reading)) if reading.repaired_from.is_some() => {
            form.refuse("partner", format!("{} Then choose it.", question(reading.code, &partner.name)));
            let occasion = Occasion {
                refused: Refused::act("assign", form),
                choices: vec![Choice::new(&partner)],
                ..Occasion::default()
            };
            return render(&app, staff, number, StatusCode::UNPROCESSABLE_ENTITY, occasion).await;
        }
        Meant::One(partner, reading) => (partner, reading),
        Meant::OneOf(choices) => {
            form.refuse("partner", "Choose one of these partners, or write it more exactly.");
            let occasion = Occasion {
                refused: Refused::act("assign", form),
                choices: choices.iter().map(Choice::new).collect(),
                ..Occasion::default()
            };
            return render(&app, staff, number, StatusCode::UNPROCESSABLE_ENTITY, occasion).await;
        }
        Meant::Nobody => {
            form.refuse(
                "partner",
                "No partner is found by this. Try the code, the email address or the name.",
            );
            return refuse(&app, staff, number, "assign", form).await;
        }
    };
    let Some(reason) = reason else {
        return refuse(&app, staff, number, "assign", form).await;
    };
    let decision = acts::Decision {
        client: number,
        to: Some(partner.id),
        method: Method::Staff,
        code: reading,
        claim: None,
        evidence: String::new(),
        reason: reason.into_string(),
    };
    decide(&app, staff, form, ("assign", "partner", "assigned"), decision).await
}

/// What a repaired code is asked back with.
fn question(code: ReferralCode, partner: &str) -> String {
    format!("Read as {}, {partner}. Is that right?", code.spoken())
}

/// `POST /office/clients/{n}/code`
///
/// A code that had to be repaired is asked back first: the answer names it in `confirmed`.
///
/// # Errors
/// 404 when there is no such client.
pub async fn give_code(
    State(app): State<App>,
    staff: Staff,
    Number(number): Number,
    mut form: Fields,
) -> Page {
    let added = form.check("reason", |typed| optional(typed, |typed| Message::parse_as("text", typed)));
    let meant = code_meant(&app, form.typed("code")).await;
    let reading = form.check("code", |_| {
        meant.ok_or(
            "This is not a code of ours, or more than one letter is wrong. Ask for it once more, letter by letter.",
        )
    });
    let Some((reading, added)) = reading.zip(added) else {
        return refuse(&app, staff, number, "code", form).await;
    };
    let code = reading.code;
    let found = app.read(move |tx, _| -> Result<_, DbError> {
        let Some((id, _)) = partners::by_code(tx, code)? else { return Ok(None) };
        partners::by_id(tx, &id)
    });
    let Some(partner) = found.await? else {
        form.refuse("code", format!("No partner has the code {}. Ask for it once more.", code.spoken()));
        return refuse(&app, staff, number, "code", form).await;
    };
    if reading.repaired_from.is_some() && form.typed("confirmed") != code.to_string() {
        form.set("confirmed", code.to_string());
        let occasion = Occasion {
            refused: Refused::act("code", form),
            question: Some(question(code, &partner.name)),
            ..Occasion::default()
        };
        return render(&app, staff, number, StatusCode::UNPROCESSABLE_ENTITY, occasion).await;
    }
    // Both partners read it: the code itself, which says whose it is, stays in the history that staff read.
    let said = "The client gave a partner's code.";
    let decision = acts::Decision {
        client: number,
        to: Some(partner.id),
        method: Method::Code,
        code: Some(reading),
        claim: None,
        evidence: String::new(),
        reason: added.map_or(said.to_owned(), |added| format!("{said} {added}")),
    };
    decide(&app, staff, form, ("code", "code", "assigned"), decision).await
}

/// `POST /office/clients/{n}/attribution/none`
///
/// # Errors
/// 404 when there is no such client.
pub async fn take_away(
    State(app): State<App>,
    staff: Staff,
    Number(number): Number,
    mut form: Fields,
) -> Page {
    let Some(reason) = form.check("reason", |typed| Message::parse_as("reason", typed)) else {
        return refuse(&app, staff, number, "none", form).await;
    };
    let decision = acts::Decision {
        client: number,
        to: None,
        method: Method::Staff,
        code: None,
        claim: None,
        evidence: String::new(),
        reason: reason.into_string(),
    };
    decide(&app, staff, form, ("none", "reason", "taken"), decision).await
}

/// Does it, or says beside the field why not.
async fn decide(
    app: &App,
    staff: Staff,
    mut form: Fields,
    (act, field, done): (&'static str, &str, &str),
    decision: acts::Decision,
) -> Page {
    let number = decision.client;
    // Whoever came from a deal goes on there; the client's page has its own forms.
    let back = match form.typed("deal").parse() {
        Ok(deal) => paths::office_deal(deal),
        Err(_) => paths::office_client(number),
    };
    let by = staff.actor.clone();
    let decided = app.write(move |tx, env| acts::assign(tx, env, &by, &decision)).await;
    match decided {
        Ok(before) => {
            let done = if done == "assigned" && before.is_none() { "assigned-first" } else { done };
            go_to(&paths::with_query(&back, &[("done", done)]))
        }
        Err(error @ AssignError::NobodysAlready) => {
            let occasion = Occasion {
                refused: Refused::act(act, form),
                conflict: Some(error.to_string()),
                ..Occasion::default()
            };
            render(app, staff, number, StatusCode::CONFLICT, occasion).await
        }
        Err(error @ (AssignError::UnknownPartner | AssignError::Already(_) | AssignError::Suspended(_))) => {
            form.refuse(field, error);
            refuse(app, staff, number, act, form).await
        }
        Err(error) => Err(error.into()),
    }
}

impl From<AssignError> for PageError {
    fn from(error: AssignError) -> PageError {
        match error {
            AssignError::UnknownClient => PageError::not_found(),
            AssignError::Db(error) | AssignError::Ledger(ApplyError::Db(error)) => error.into(),
            other => PageError::internal(other),
        }
    }
}
