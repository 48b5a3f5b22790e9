//! Claims: "this client is mine", when the link was lost or changed. The answers never tell whether somebody is a client
//! of anybody else.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
};
use domain::{
    claim::{ClaimStatus, is_overdue},
    clock::{Day, Timestamp},
    text::{Line, Message, Name, optional},
};
use store::claims::{self, Claim, NewClaim};

use crate::{
    app::App,
    limits::Limited,
    ops::claims::{self as acts, ClaimError},
    web::{
        error::PageError,
        fields::{Asked, Fields},
        paths,
        shell::PortalShell,
        show::{Page, go_to, show_with},
        visitor::Partner,
    },
};

/// How many claims a page has.
const ROWS: usize = 20;

#[derive(Template)]
#[template(path = "portal/claims.html")]
struct ClaimsPage {
    shell: PortalShell,
    form: Fields,
    rows: Vec<Row>,
    next: Option<String>,
    first: Option<String>,
    days: i64,
    /// Why the act that was sent can't be done any more.
    conflict: Option<String>,
}

/// A claim as its partner reads it.
struct Row {
    number: i64,
    client: String,
    contact: String,
    sent_on: String,
    how: String,
    evidence: String,
    filed: Timestamp,
    class: &'static str,
    status: String,
    open: bool,
    reason: String,
    decided: Option<Timestamp>,
    /// The client number, where the client is this partner's now.
    client_number: Option<i64>,
}

impl Row {
    fn new(claim: &Claim, now: Timestamp) -> Row {
        let due = claim.due_on.start().date();
        let (class, status) = match claim.status {
            // The partner isn't told "overdue": what was promised is enough to complain about.
            ClaimStatus::Open if is_overdue(claim.due_on, now) => {
                ("pending", format!("Open, was to be answered by {due}"))
            }
            ClaimStatus::Open => ("pending", format!("Open, we answer by {due}")),
            ClaimStatus::Accepted => ("won", ClaimStatus::Accepted.label().to_owned()),
            ClaimStatus::Rejected => ("lost", ClaimStatus::Rejected.label().to_owned()),
            ClaimStatus::Withdrawn => ("suspended", ClaimStatus::Withdrawn.label().to_owned()),
        };
        Row {
            number: claim.number,
            client: claim.client_name.clone(),
            contact: claim.client_contact.clone(),
            sent_on: claim.sent_on.start().date(),
            how: claim.how.clone(),
            evidence: claim.evidence.clone(),
            filed: claim.filed_at,
            class,
            status,
            open: acts::is_open(claim),
            reason: claim.reason.clone(),
            decided: claim.decided.as_ref().map(|(at, _)| *at),
            client_number: claim.client_number,
        }
    }
}

/// What a page is shown for: nothing in particular, a form that was refused, or an act that came too late.
#[derive(Default)]
struct Occasion {
    done: Option<String>,
    before: Option<i64>,
    form: Option<Fields>,
    conflict: Option<String>,
}

async fn render(app: &App, partner: &Partner, status: StatusCode, occasion: Occasion) -> Page {
    let (id, before) = (partner.id.clone(), occasion.before);
    let mut found = app.read(move |tx, _| claims::of_partner(tx, &id, before, ROWS as i64 + 1)).await?;
    let more = found.len() > ROWS;
    found.truncate(ROWS);
    let env = app.env();
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| paths::with_query(paths::CLAIMS, &[("before", &last.number.to_string())]));
    let mut form = occasion.form.unwrap_or_default();
    if form.typed("submission").is_empty() {
        form.set("submission", env.ids.uuid(env.now));
    }
    let page = ClaimsPage {
        shell: PortalShell::new(&env, partner, paths::CLAIMS, occasion.done.as_deref()),
        form,
        rows: found.iter().map(|claim| Row::new(claim, env.now)).collect(),
        next,
        first: before.map(|_| paths::CLAIMS.to_owned()),
        days: env.programme.claim_days,
        conflict: occasion.conflict,
    };
    show_with(status, &page)
}

/// `GET /claims`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, partner: Partner, asked: Asked) -> Page {
    let occasion = Occasion {
        done: Some(asked.value("done").to_owned()).filter(|done| !done.is_empty()),
        before: asked.value("before").parse().ok(),
        ..Occasion::default()
    };
    render(&app, &partner, StatusCode::OK, occasion).await
}

/// How long ago a client may have been sent.
const OLDEST: i64 = 2 * 366;
/// The longest identifier of a form that is taken; ours are 36 letters.
const MAX_SUBMISSION: usize = 100;
/// How many characters the ways to reach a client may have, and how the client was sent.
const CONTACT_CHARS: usize = 300;
const HOW_CHARS: usize = 300;

/// Reads the form; what is wrong is kept beside the fields.
fn read(form: &mut Fields, partner_id: &str, now: Timestamp) -> Option<NewClaim> {
    let client_name = form.check("client_name", |typed| {
        Name::parse(typed).map_err(|error| error.to_string().replace("your name", "the client's name"))
    });
    let client_contact = form.check("client_contact", |typed| {
        optional(typed, |typed| Line::<CONTACT_CHARS>::parse_as("contact", typed))
    });
    let sent_on = form.check("sent_on", |typed| {
        let day = Day::from_iso(typed.trim()).ok_or("Write the day like 2026-11-23: year, month, day.")?;
        // The partner's calendar may be a day ahead.
        match now.day().0 - day.0 {
            ..-1 => Err("This day is still to come. When did you send the client?"),
            OLDEST.. => Err("This is more than two years ago. Please write to support instead."),
            _ => Ok(day),
        }
    });
    let how = form.check("how", |typed| Line::<HOW_CHARS>::parse_as("way you sent the client", typed));
    let evidence = form.check("evidence", |typed| Message::parse_as("evidence", typed));
    let submission = form.typed("submission").to_owned();
    if submission.is_empty() || submission.chars().count() > MAX_SUBMISSION || submission.contains('\0') {
        form.set("submission", "");
        form.refuse_form("This form is broken or was sent without its number. Please send it once more.");
    }
    if form.is_refused() {
        return None;
    }
    Some(NewClaim {
        partner_id: partner_id.to_owned(),
        submission,
        client_name: client_name?.to_string(),
        client_contact: client_contact?.map(|contact| contact.to_string()).unwrap_or_default(),
        sent_on: sent_on?,
        how: how?.to_string(),
        evidence: evidence?.into_string(),
    })
}

/// `POST /claims`
///
/// # Errors
/// When the database says no.
pub async fn file(State(app): State<App>, partner: Partner, mut form: Fields) -> Page {
    if let Err(too_often) = app.allow(Limited::Claim, &partner.id).await {
        let wait = too_often.retry_after;
        form.refuse_form(format!(
            "These were many claims in a short time. Wait {wait} seconds, then send it again."
        ));
        let occasion = Occasion { form: Some(form), ..Occasion::default() };
        let mut answer = render(&app, &partner, StatusCode::TOO_MANY_REQUESTS, occasion).await?;
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        return Ok(answer);
    }
    let Some(claim) = read(&mut form, &partner.id, app.env().now) else {
        let occasion = Occasion { form: Some(form), ..Occasion::default() };
        return render(&app, &partner, StatusCode::UNPROCESSABLE_ENTITY, occasion).await;
    };
    match app.write(move |tx, env| acts::file(tx, env, &claim)).await {
        Ok(_) => go_to(&paths::with_query(paths::CLAIMS, &[("done", "claim")])),
        Err(error @ (ClaimError::Suspended | ClaimError::TooMany)) => {
            form.refuse_form(error);
            let occasion = Occasion { form: Some(form), ..Occasion::default() };
            render(&app, &partner, StatusCode::UNPROCESSABLE_ENTITY, occasion).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /claims/{n}/withdraw`
///
/// # Errors
/// 404 when there is no such claim of this partner.
pub async fn withdraw(State(app): State<App>, partner: Partner, number: Option<Path<i64>>) -> Page {
    let Some(Path(number)) = number else { return Err(PageError::not_found()) };
    let id = partner.id.clone();
    match app.write(move |tx, env| acts::withdraw(tx, env, &id, number)).await {
        Ok(()) => go_to(&paths::with_query(paths::CLAIMS, &[("done", "claim_withdrawn")])),
        Err(ClaimError::Refused(_)) => {
            let said = format!("Claim K-{number} was answered or withdrawn already. See below.");
            let occasion = Occasion { conflict: Some(said), ..Occasion::default() };
            render(&app, &partner, StatusCode::CONFLICT, occasion).await
        }
        Err(error) => Err(error.into()),
    }
}

impl From<ClaimError> for PageError {
    fn from(error: ClaimError) -> PageError {
        match error {
            ClaimError::Unknown => PageError::not_found(),
            ClaimError::Db(error) => error.into(),
            other => PageError::internal(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::portal::samples;
    use domain::clock::DAY;
    use store::clients::PartnerName;

    const NOW: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    fn fields() -> Fields {
        Fields::filled([
            ("client_name", "Aurora Ceramics"),
            ("client_contact", "hello@aurora.example"),
            ("sent_on", "2026-11-20"),
            ("how", "By Telegram"),
            ("evidence", "She wrote it."),
            ("submission", "s1"),
        ])
    }

    #[test]
    fn a_claim_is_read_and_what_is_wrong_is_said_beside_the_field() {
        let claim = read(&mut fields(), "p1", NOW).unwrap();
        assert_eq!(
            (claim.sent_on.iso().as_str(), claim.client_name.as_str()),
            ("2026-11-20", "Aurora Ceramics")
        );
        let without = read(
            &mut {
                let mut form = fields();
                form.set("client_contact", " ");
                form
            },
            "p1",
            NOW,
        );
        assert_eq!(without.unwrap().client_contact, "");
        for (field, value) in [
            ("client_name", ""),
            ("sent_on", ""),
            ("sent_on", "20.11.2026"),
            ("sent_on", "2026-11-26"),
            ("sent_on", "2024-01-01"),
            ("sent_on", "2026-02-31"),
            ("how", ""),
            ("evidence", " "),
            ("client_contact", "a\nb"),
        ] {
            let mut form = fields();
            form.set(field, value);
            assert!(read(&mut form, "p1", NOW).is_none(), "{field}={value}");
            assert!(form.error(field).is_some(), "{field}={value}");
        }
        // The day after today, for whoever lives ahead of UTC.
        let mut form = fields();
        form.set("sent_on", "2026-11-24");
        assert!(read(&mut form, "p1", NOW).is_some());
    }

    #[test]
    fn each_status_reads_well_and_only_an_open_claim_can_be_withdrawn() {
        for status in ClaimStatus::ALL {
            let claim = Claim {
                number: 4001,
                partner: PartnerName { id: "p1".into(), name: "Jonas".into() },
                client_name: "Aurora <b>".into(),
                client_contact: "x".into(),
                sent_on: NOW.day(),
                how: "h".into(),
                evidence: "e".into(),
                filed_at: NOW,
                due_on: NOW.plus(7 * DAY).day(),
                status,
                decided: (status != ClaimStatus::Open).then_some((NOW, Some("Sam Sales".into()))),
                reason: if status == ClaimStatus::Rejected { "No trace <i>.".into() } else { String::new() },
                client_number: (status == ClaimStatus::Accepted).then_some(1042),
            };
            let page = ClaimsPage {
                shell: samples::shell(paths::CLAIMS),
                form: fields(),
                rows: vec![Row::new(&claim, NOW)],
                next: None,
                first: None,
                days: 5,
                conflict: None,
            };
            let html = page.render().unwrap();
            let open = status == ClaimStatus::Open;
            assert_eq!(html.contains("action=\"/claims/4001/withdraw\""), open, "{status:?}");
            assert_eq!(html.contains("we answer by 30 Nov 2026"), open);
            assert_eq!(html.contains("C-1042"), status == ClaimStatus::Accepted);
            assert!(!html.contains("Sam Sales") && !html.contains("<b>") && !html.contains("<i>"));
        }
    }
}
