//! One client: contact, which partner the client belongs to and why, deals, notes.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    money::Currency,
    permission::{Permission, Role},
    text::{Line, Message, Phone, Telegram},
};
use store::{
    clients::{self, Attribution, Client, Note},
    deals::{self, Deal},
    partners::Partner,
};

use super::{
    attribution::Decision,
    parts::{Asked, Badge, Link, Moment, Number, Refused},
};
use crate::{
    app::App,
    ops::{
        clients::{self as acts, ClientError},
        stake::{self, Stake},
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

/// How many characters the title of a deal may have.
pub const TITLE_CHARS: usize = 200;

#[derive(Template)]
#[template(path = "office/client.html")]
struct ClientPage {
    shell: OfficeShell,
    number: i64,
    name: String,
    contacts: Vec<Contact>,
    message: String,
    since: Moment,
    partner: Option<Link>,
    history: Vec<Decision>,
    deals: Vec<DealRow>,
    notes: Vec<Written>,
    /// Whether the person may write notes and open deals.
    may_act: bool,
    /// Whether the person may say whose client it is.
    may_assign: bool,
    /// Whether the person may erase what is known of the client, and something still is.
    may_erase: bool,
    /// Whom the name may mean that was typed as the new partner.
    choices: Vec<Choice>,
    /// What is asked before a repaired code is taken.
    question: Option<String>,
    /// What moves with the client, and takes from whom.
    moves: String,
    /// Why the act that was sent can't be done as things stand.
    conflict: Option<String>,
    refused: Refused,
    currency: &'static str,
    /// Where the client came from, or empty.
    source: String,
}

/// A partner to choose from.
pub(super) struct Choice {
    code: String,
    words: String,
}

impl Choice {
    /// A partner with what tells one from another.
    pub(super) fn new(partner: &Partner) -> Choice {
        let suspended = if partner.suspended.is_some() { ", suspended" } else { "" };
        Choice {
            code: partner.code.to_string(),
            words: format!("{}, {}, {}{suspended}", partner.name, partner.email, partner.code.spoken()),
        }
    }
}

/// What a page is shown for: nothing in particular, a form that was refused, or an act that came too late.
#[derive(Default)]
pub(super) struct Occasion {
    pub(super) done: Option<String>,
    pub(super) refused: Refused,
    pub(super) choices: Vec<Choice>,
    pub(super) question: Option<String>,
    pub(super) conflict: Option<String>,
}

/// A way to reach the client; the link may be empty.
struct Contact {
    label: &'static str,
    link: Link,
}

struct DealRow {
    deal: Link,
    title: String,
    status: Badge,
    changed: Moment,
    amount: String,
}

struct Written {
    author: String,
    at: Moment,
    message: String,
}

fn contacts(client: &Client) -> Vec<Contact> {
    let contact = |label, text: &str, href: Option<String>| Contact {
        label,
        link: Link { href: href.unwrap_or_default(), text: text.to_owned() },
    };
    let email = Some(&client.email).filter(|email| !email.is_empty()).map(|email| format!("mailto:{email}"));
    let phone = Phone::parse(&client.phone).ok().map(|phone| format!("tel:{}", phone.dial()));
    let telegram = Telegram::parse(&client.telegram).ok().and_then(|telegram| telegram.link());
    vec![
        contact("Email", &client.email, email),
        contact("Phone", &client.phone, phone),
        contact("Telegram", &client.telegram, telegram),
    ]
}

impl DealRow {
    fn new(deal: &Deal, currency: Currency) -> DealRow {
        DealRow {
            deal: Link::deal(deal.number),
            title: deal.title.clone(),
            status: Badge::deal(deal.status),
            changed: Moment::day(deal.changed_at),
            amount: deal.won.as_ref().map(|won| currency.format(won.amount)).unwrap_or_default(),
        }
    }
}

impl ClientPage {
    fn new(
        shell: OfficeShell,
        found: (Client, Vec<Attribution>, Vec<Deal>, Vec<Note>, Stake),
        role: Role,
        occasion: Occasion,
        currency: Currency,
    ) -> ClientPage {
        let (client, history, deals, notes, stake) = found;
        ClientPage {
            shell,
            number: client.number,
            contacts: contacts(&client),
            message: client.message,
            since: Moment::exact(client.created_at),
            partner: client.partner.as_ref().map(Link::partner),
            may_erase: role.may(Permission::ErasePeople) && client.name != store::erasure::CLIENT,
            name: client.name,
            source: client.source,
            history: history.iter().map(|decision| Decision::new(decision, role)).collect(),
            deals: deals.iter().map(|deal| DealRow::new(deal, currency)).collect(),
            notes: notes
                .into_iter()
                .map(|note| Written {
                    author: note.author,
                    at: Moment::exact(note.at),
                    message: note.message,
                })
                .collect(),
            may_act: role.may(Permission::CloseDeals),
            may_assign: role.may(Permission::AssignClients),
            choices: occasion.choices,
            question: occasion.question,
            moves: stake.words(currency),
            conflict: occasion.conflict,
            refused: occasion.refused,
            currency: currency.code(),
        }
    }
}

/// The page of a client, for an occasion.
///
/// # Errors
/// 404 when there is no such client.
pub(super) async fn render(
    app: &App,
    staff: Staff,
    number: i64,
    status: StatusCode,
    occasion: Occasion,
) -> Page {
    let role = staff.role;
    let done = occasion.done.clone();
    let (shell, found) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let client = clients::by_number(tx, number)?.ok_or_else(PageError::not_found)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_CLIENTS, done.as_deref())?;
            let history = clients::attributions(tx, number)?;
            let deals = deals::of_client(tx, number)?;
            let stake = stake::of_client(tx, number)?;
            Ok((shell, (client, history, deals, clients::notes(tx, number)?, stake)))
        })
        .await?;
    show_with(status, &ClientPage::new(shell, found, role, occasion, app.programme().currency))
}

/// `GET /office/clients/{n}`
///
/// # Errors
/// 404 when there is no such client.
pub async fn page(State(app): State<App>, staff: Staff, Number(number): Number, asked: Asked) -> Page {
    let occasion = Occasion { done: asked.done(), ..Occasion::default() };
    render(&app, staff, number, StatusCode::OK, occasion).await
}

/// `POST /office/clients/{n}/notes`
///
/// # Errors
/// 404 when there is no such client.
pub async fn add_note(
    State(app): State<App>,
    staff: Staff,
    Number(number): Number,
    mut form: Fields,
) -> Page {
    let Some(note) = form.check("message", |typed| Message::parse_as("note", typed)) else {
        return refuse(&app, staff, number, "note", form).await;
    };
    app.write(move |tx, env| acts::add_note(tx, env, &staff.actor, number, &note)).await?;
    go_to(&paths::with_query(&paths::office_client(number), &[("done", "note")]))
}

/// `POST /office/clients/{n}/deals`
///
/// # Errors
/// 404 when there is no such client.
pub async fn add_deal(
    State(app): State<App>,
    staff: Staff,
    Number(number): Number,
    mut form: Fields,
) -> Page {
    let Some(title) = form.check("title", |typed| Line::<TITLE_CHARS>::parse_as("title", typed)) else {
        return refuse(&app, staff, number, "deal", form).await;
    };
    app.write(move |tx, env| acts::add_deal(tx, env, &staff.actor, number, title.as_str())).await?;
    go_to(&paths::with_query(&paths::office_client(number), &[("done", "deal")]))
}

/// The page with why an act that is not on it any more can't be done.
pub(super) async fn too_late(app: &App, staff: Staff, number: i64, why: String) -> Page {
    let occasion = Occasion { conflict: Some(why), ..Occasion::default() };
    render(app, staff, number, StatusCode::CONFLICT, occasion).await
}

/// The page again with a form that was refused.
pub(super) async fn refuse(app: &App, staff: Staff, number: i64, act: &'static str, form: Fields) -> Page {
    let occasion = Occasion { refused: Refused::act(act, form), ..Occasion::default() };
    render(app, staff, number, StatusCode::UNPROCESSABLE_ENTITY, occasion).await
}

impl From<ClientError> for PageError {
    fn from(error: ClientError) -> PageError {
        match error {
            ClientError::Unknown => PageError::not_found(),
            // People in the office give no external identifiers.
            error @ ClientError::Known { .. } => PageError::internal(error),
            ClientError::Db(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{attribution::Method, clock::Timestamp, deal::DealStatus};
    use store::clients::PartnerName;

    #[test]
    fn the_page_shows_contacts_history_deals_and_what_was_refused() {
        let at = Timestamp::from_micros(1_795_421_400_000_000);
        let partner = PartnerName { id: "p1".into(), name: "Mara Lindqvist".into() };
        let client = Client {
            number: 1042,
            name: "Aurora <b>".into(),
            email: "hello@aurora.example".into(),
            phone: "+49 30 000 112".into(),
            telegram: "@aurora".into(),
            message: String::new(),
            partner: Some(partner.clone()),
            external_id: None,
            source: "spring-fair".into(),
            created_at: at,
        };
        let decision = Attribution {
            at,
            partner: Some(partner.clone()),
            method: Method::Code,
            code: Some("K7QM2XWD".into()),
            repaired_from: Some("K7QM2XVD".into()),
            decided_by: None,
            reason: None,
            claim: None,
            evidence: String::new(),
        };
        let ruled = Attribution {
            method: Method::Claim,
            claim: Some(4001),
            evidence: "The same email address.".into(),
            ..decision.clone()
        };
        let nobody = Attribution {
            partner: None,
            reason: Some("No partner has this code.".into()),
            ..decision.clone()
        };
        let deal = Deal {
            number: 2077,
            client_number: 1042,
            client_name: "Aurora".into(),
            title: "Shop".into(),
            external_id: None,
            status: DealStatus::Pending,
            partner: Some(partner),
            created_at: at,
            changed_at: at,
            lost_reason: None,
            win_round: 0,
            won: None,
        };
        let mut form = Fields::filled([("message", "typed <script>")]);
        form.refuse("message", "Too long.");
        let note = Note { at, author: "Sam".into(), message: "Call on Monday".into() };
        let found = (
            client,
            vec![decision, nobody, ruled],
            vec![deal],
            vec![note],
            Stake { won: 1, ..Stake::default() },
        );
        let occasion = Occasion {
            refused: Refused::act("note", form),
            choices: vec![Choice { code: "K7QM2XWD".into(), words: "Mara, m@example.com".into() }],
            question: Some("Read as K7QM-2XWD, Mara. Is that right?".into()),
            ..Occasion::default()
        };
        let page =
            ClientPage::new(OfficeShell::sample(), found.clone(), Role::Sales, occasion, Currency::USD);
        let text = page.render().unwrap();
        for part in [
            "C-1042 Aurora &#60;b&#62;",
            "mailto:hello@aurora.example",
            "tel:+4930000112",
            "https://t.me/aurora",
            "K7QM2XVD",
            "No partner has this code.",
            "/office/deals/2077",
            "typed &#60;script&#62;",
            "Too long.",
            "href=\"/office/claims/4001\"",
            "The same email address.",
            "value=\"K7QM2XWD\"",
            "Is that right?",
            "Moves 1 won deal; takes no commission from anybody.",
        ] {
            assert!(text.contains(part), "{part}");
        }
        let occasion = Occasion::default();
        let reader = ClientPage::new(OfficeShell::sample(), found, Role::Finance, occasion, Currency::USD);
        let text = reader.render().unwrap();
        assert!(!text.contains("<form class"), "who may only read sees no forms");
        assert!(text.contains("Claim K-4001") && !text.contains("/office/claims/4001"));
    }
}
