//! One claim: what the partner says, the clients that may be meant with what speaks for each, and the ruling.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    claim::{ClaimRefusal, matching},
    clock::Timestamp,
    money::Currency,
    permission::Role,
    text::Message,
};
use store::{
    claims::{self, Claim},
    clients,
    matching::FoundClick,
};

use super::{
    attribution::Decision,
    claims::badge,
    parts::{Asked, Badge, Link, Moment, Number, Refused, numbers_in},
};
use crate::{
    app::App,
    ops::{
        attribution::AssignError,
        claims::{self as acts, Around, Moved, Proposal, RuleError, is_open},
    },
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/claim.html")]
struct ClaimPage {
    shell: OfficeShell,
    conflict: Option<String>,
    number: i64,
    status: Badge,
    open: bool,
    partner: Link,
    client_name: String,
    client_contact: String,
    sent_on: String,
    how: String,
    evidence: String,
    filed: Moment,
    ruling: Option<Ruling>,
    /// Other open claims of the partner that may be about the same client.
    also: Vec<Link>,
    proposals: Vec<Proposed>,
    days: Vec<(String, i64)>,
    clicks: Vec<Visit>,
    /// What is to be said where not every visit is listed.
    left_out: &'static str,
    damaged: Vec<Visit>,
    refused: Refused,
}

/// How it was ruled.
struct Ruling {
    reason: String,
    by: String,
    at: Moment,
    client: Option<Link>,
}

/// A client who may be meant.
struct Proposed {
    number: i64,
    client: Link,
    contact: String,
    since: Moment,
    strength: &'static str,
    reasons: Vec<String>,
    belongs: String,
    /// What accepting moves, and takes from whom.
    moves: String,
    theirs: bool,
    history: Vec<Decision>,
}

/// A visit, and what is to be said about its code.
struct Visit {
    at: Moment,
    source: String,
    code: String,
    note: String,
}

/// How many visits are listed.
const LISTED: usize = 12;

/// The visits nearest to the day on which the partner sent the client, the earliest first.
fn nearest(around: &Around, claim: &Claim) -> Vec<FoundClick> {
    let mut clicks = around.clicks.clone();
    clicks.sort_by_key(|click| (click.at.day().0 - claim.sent_on.0).abs());
    clicks.truncate(LISTED);
    clicks.sort_by_key(|click| click.at);
    clicks
}

impl Proposed {
    fn new(proposal: &Proposal, claim: &Claim, role: Role, currency: Currency) -> Proposed {
        let client = &proposal.client;
        let contacts = [&client.email, &client.phone, &client.telegram];
        let contacts: Vec<&str> =
            contacts.into_iter().map(String::as_str).filter(|contact| !contact.is_empty()).collect();
        let theirs = client.partner.as_ref().is_some_and(|partner| partner.id == claim.partner.id);
        Proposed {
            number: client.number,
            client: Link::client(client.number, &client.name),
            contact: contacts.join(", "),
            since: Moment::exact(client.created_at),
            strength: matching::strength(proposal.points()),
            reasons: proposal.reasons.iter().map(matching::Reason::words).collect(),
            belongs: match &client.partner {
                Some(_) if theirs => "Already belongs to this partner.".into(),
                Some(partner) => format!("Belongs to {}.", partner.name),
                None => "Belongs to nobody.".into(),
            },
            moves: if theirs {
                "Accepting moves nothing: it only answers the claim.".into()
            } else {
                proposal.stake.words(currency)
            },
            theirs,
            history: proposal.history.iter().map(|decision| Decision::new(decision, role)).collect(),
        }
    }
}

/// What a page is shown for: nothing in particular, a form that was refused, or an act that came too late.
#[derive(Default)]
struct Occasion {
    done: Option<String>,
    refused: Refused,
    conflict: Option<String>,
}

/// Everything that the page shows, as it was at one moment.
struct Found {
    claim: Claim,
    /// What the client of an accepted claim is called.
    client_name: String,
    around: Around,
    proposals: Vec<Proposal>,
    also: Vec<i64>,
    now: Timestamp,
    currency: Currency,
}

impl ClaimPage {
    fn new(shell: OfficeShell, found: &Found, role: Role, occasion: Occasion) -> ClaimPage {
        let Found { claim, client_name, around, proposals, also, now, currency } = found;
        let proposed = |proposal| Proposed::new(proposal, claim, role, *currency);
        let decided = claim.decided.as_ref();
        ClaimPage {
            shell,
            conflict: occasion.conflict,
            number: claim.number,
            status: badge(claim, *now),
            open: is_open(claim),
            partner: Link::partner(&claim.partner),
            client_name: claim.client_name.clone(),
            client_contact: claim.client_contact.clone(),
            sent_on: claim.sent_on.start().date(),
            how: claim.how.clone(),
            evidence: claim.evidence.clone(),
            filed: Moment::exact(claim.filed_at),
            ruling: decided.map(|(at, by)| Ruling {
                reason: claim.reason.clone(),
                by: by.clone().unwrap_or_else(|| claim.partner.name.clone()),
                at: Moment::exact(*at),
                client: claim.client_number.map(|number| Link::client(number, client_name)),
            }),
            also: also
                .iter()
                .map(|number| Link { href: paths::office_claim(*number), text: format!("K-{number}") })
                .collect(),
            proposals: proposals.iter().map(proposed).collect(),
            days: around.days.iter().map(|day| (day.day.start().date(), day.clicks)).collect(),
            clicks: nearest(around, claim)
                .iter()
                .map(|click| Visit {
                    at: Moment::exact(click.at),
                    source: click.source.clone(),
                    code: click.repaired_from.clone().unwrap_or_default(),
                    note: if click.repaired_from.is_some() { "repaired".into() } else { String::new() },
                })
                .collect(),
            left_out: match around.complete {
                false => {
                    "There were too many visits or damaged codes to look at every one. Listed are some nearest to the stated day."
                }
                true if around.clicks.len() > LISTED => "Listed are those nearest to the stated day.",
                true => "",
            },
            damaged: around
                .damaged
                .iter()
                .take(LISTED)
                .map(|(found, damage)| Visit {
                    at: Moment::exact(found.at),
                    source: found.source.clone(),
                    code: found.code.clone(),
                    note: damage.to_string(),
                })
                .collect(),
            refused: occasion.refused,
        }
    }
}

async fn render(app: &App, staff: Staff, number: i64, code: StatusCode, occasion: Occasion) -> Page {
    let role = staff.role;
    let done = occasion.done.clone();
    let (shell, found) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let claim = claims::by_number(tx, number)?.ok_or_else(PageError::not_found)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_CLAIMS, done.as_deref())?;
            let client = match claim.client_number {
                Some(number) => clients::by_number(tx, number)?,
                None => None,
            };
            let client_name = client.map(|client| client.name).unwrap_or_default();
            let around = acts::around(tx, &claim)?;
            let (mut proposals, mut also) = (Vec::new(), Vec::new());
            if is_open(&claim) {
                proposals = acts::proposals(tx, &claim, &around)?;
                also = acts::also_claimed(tx, &claim)?;
            }
            let currency = env.programme.currency;
            Ok((shell, Found { claim, client_name, around, proposals, also, now: env.now, currency }))
        })
        .await?;
    show_with(code, &ClaimPage::new(shell, &found, role, occasion))
}

/// `GET /office/claims/{n}`
///
/// # Errors
/// 404 when there is no such claim.
pub async fn page(State(app): State<App>, staff: Staff, Number(number): Number, asked: Asked) -> Page {
    let occasion = Occasion { done: asked.done(), ..Occasion::default() };
    render(&app, staff, number, StatusCode::OK, occasion).await
}

/// The word of the choice that leads to the field for another client.
const OTHER: &str = "other";

/// The client that the ruling names: one of those proposed, or another by its number.
fn client(form: &mut Fields) -> Option<i64> {
    let field = if form.typed("client").trim() == OTHER { OTHER } else { "client" };
    form.check(field, |typed| {
        numbers_in(typed.trim()).0.ok_or("Choose a client, or write the number, like C-1042.")
    })
}

/// `POST /office/claims/{n}/accept`
///
/// # Errors
/// 404 when there is no such claim.
pub async fn accept(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let client = client(&mut form);
    let reason = form.check("reason", |typed| Message::parse_as("reason", typed));
    let Some((client, reason)) = client.zip(reason) else {
        return refuse(&app, staff, number, "accept", form).await;
    };
    let by = staff.actor.clone();
    let evidence = app.read(move |tx, _| acts::evidence(tx, number, client)).await?;
    let ruled = app
        .write(move |tx, env| acts::accept(tx, env, &by, number, client, &evidence, reason.as_str()))
        .await;
    let ruled = ruled.map(|moved| match moved {
        Moved::Nothing => "accepted-same",
        Moved::FromNobody => "accepted-first",
        Moved::FromAnother => "accepted",
    });
    answer(&app, staff, number, "accept", form, ruled).await
}

/// `POST /office/claims/{n}/reject`
///
/// # Errors
/// 404 when there is no such claim.
pub async fn reject(State(app): State<App>, staff: Staff, Number(number): Number, mut form: Fields) -> Page {
    let Some(reason) = form.check("reason", |typed| Message::parse_as("reason", typed)) else {
        return refuse(&app, staff, number, "reject", form).await;
    };
    let by = staff.actor.clone();
    let ruled = app.write(move |tx, env| acts::reject(tx, env, &by, number, reason.as_str())).await;
    answer(&app, staff, number, "reject", form, ruled.map(|()| "declined")).await
}

async fn refuse(app: &App, staff: Staff, number: i64, act: &'static str, form: Fields) -> Page {
    let claim =
        app.read(move |tx, _| claims::by_number(tx, number)).await?.ok_or_else(PageError::not_found)?;
    // A form that is no longer shown: what is wrong with its fields is beside the point.
    if let Err(refusal) = domain::claim::next_status(claim.status, domain::claim::ClaimAct::Reject) {
        return conflict(app, staff, number, act, form, refusal).await;
    }
    let occasion = Occasion { refused: Refused::act(act, form), ..Occasion::default() };
    render(app, staff, number, StatusCode::UNPROCESSABLE_ENTITY, occasion).await
}

async fn conflict(
    app: &App,
    staff: Staff,
    number: i64,
    act: &'static str,
    form: Fields,
    refusal: ClaimRefusal,
) -> Page {
    let occasion = Occasion {
        refused: Refused::act(act, form),
        conflict: Some(refusal.to_string()),
        ..Occasion::default()
    };
    render(app, staff, number, StatusCode::CONFLICT, occasion).await
}

async fn answer(
    app: &App,
    staff: Staff,
    number: i64,
    act: &'static str,
    mut form: Fields,
    ruled: Result<&str, RuleError>,
) -> Page {
    match ruled {
        Ok(done) => go_to(&paths::with_query(&paths::office_claim(number), &[("done", done)])),
        Err(RuleError::Unknown) => Err(PageError::not_found()),
        Err(RuleError::Refused(refusal)) => conflict(app, staff, number, act, form, refusal).await,
        Err(RuleError::Assign(
            error @ (AssignError::UnknownClient | AssignError::Suspended(_) | AssignError::Already(_)),
        )) => {
            let field = if form.typed("client").trim() == OTHER { OTHER } else { "client" };
            form.refuse(field, error);
            refuse(app, staff, number, act, form).await
        }
        Err(RuleError::Assign(error)) => Err(error.into()),
        Err(RuleError::Db(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::claims::tests::{AT, sample};
    use super::*;
    use crate::ops::stake::Stake;
    use domain::{
        attribution::Method,
        claim::{ClaimStatus, matching::Reason},
        money::Money,
        referral_code::damage::Damage,
    };
    use store::{
        clients::{Attribution, Client, PartnerName},
        matching::DamagedCode,
    };

    fn text(status: ClaimStatus, refused: Refused) -> String {
        let claim = sample(status);
        let client = Client {
            number: 1042,
            name: "Aurora <i>".into(),
            email: "hello@aurora.example".into(),
            phone: String::new(),
            telegram: String::new(),
            message: String::new(),
            partner: Some(PartnerName { id: "p2".into(), name: "Mara".into() }),
            external_id: None,
            source: String::new(),
            created_at: AT,
        };
        let stake =
            Stake { won: 1, takes: vec![("Mara".into(), Money::from_minor(290_000))], ..Stake::default() };
        let decided = Attribution {
            at: AT,
            partner: client.partner.clone(),
            method: Method::Code,
            code: None,
            repaired_from: None,
            decided_by: None,
            reason: None,
            claim: None,
            evidence: String::new(),
        };
        let proposal = Proposal {
            client,
            reasons: vec![Reason::Email, Reason::Name(8_000)],
            history: vec![decided],
            stake,
        };
        let day = store::partners::PartnerDay { clicks: 3, ..store::partners::PartnerDay::empty(AT.day()) };
        let around = Around {
            days: vec![day],
            clicks: vec![FoundClick {
                at: AT,
                source: "t.me".into(),
                repaired_from: Some("K7QM2XVD".into()),
            }],
            complete: false,
            damaged: vec![(
                DamagedCode { at: AT, code: "K7MQ2XWD".into(), source: String::new() },
                Damage::Swapped,
            )],
        };
        let found = Found {
            claim,
            client_name: "Aurora".into(),
            around,
            proposals: vec![proposal],
            also: vec![4002],
            now: AT,
            currency: Currency::USD,
        };
        let occasion = Occasion { refused, ..Occasion::default() };
        ClaimPage::new(OfficeShell::sample(), &found, Role::Sales, occasion).render().unwrap()
    }

    #[test]
    fn an_open_claim_shows_proposals_with_their_reasons() {
        let text = text(ClaimStatus::Open, Refused::default());
        for part in [
            "Strong",
            "The same email address.",
            "80 % alike",
            "Belongs to Mara.",
            "Gave the code, ",
            "Moves 1 won deal; takes $2,900.00 of commission from Mara.",
            "Also claimed in <a href=\"/office/claims/4002\">K-4002</a>",
            "K7MQ2XWD",
            "two neighbouring letters are swapped",
            "K7QM2XVD",
            "name=\"client\" value=\"1042\"",
            "action=\"/office/claims/4001/reject\"",
            "nearest to the stated day",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("<i>") && !text.contains("<Weber>"));
    }

    #[test]
    fn a_ruling_is_shown_and_no_form_any_more() {
        for status in [ClaimStatus::Accepted, ClaimStatus::Rejected, ClaimStatus::Withdrawn] {
            let text = text(status, Refused::default());
            assert!(!text.contains("<form class"), "{status:?}");
            assert!(text.contains("The email is the same."), "{status:?}");
            assert_eq!(text.contains("/office/clients/1042"), status == ClaimStatus::Accepted);
        }
    }

    #[test]
    fn a_client_is_named_by_choice_or_by_number() {
        for (fields, expected) in [
            ([("client", "1042"), ("other", "")], Some(1042)),
            ([("client", "C-1042"), ("other", "7")], Some(1042)),
            ([("client", "other"), ("other", "c-1043")], Some(1043)),
            ([("client", "other"), ("other", "")], None),
            ([("client", ""), ("other", "1042")], None),
        ] {
            assert_eq!(client(&mut Fields::filled(fields)), expected, "{fields:?}");
        }
    }
}
