//! Messages on their way: list, search, one message with its text, sending again, not sending.

use askama::Template;
use axum::extract::State;
use domain::{clock::DAY, notice::Channel, permission::Permission};
use store::{
    DbError, Tx,
    accounts::{self, Account, Kind},
    clients::PartnerName,
    outbox::{self, Filter, Message, Status},
};

use super::parts::{Asked, Badge, Id, Link, Moment, Pager, ROWS_AND_ONE, page_of_found};
use crate::{
    app::{App, Env},
    ops::outbox::{self as acts, OutboxError},
    web::{
        error::PageError,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/outbox.html")]
struct OutboxPage {
    shell: OfficeShell,
    search: String,
    statuses: Vec<Choice>,
    /// Nothing but the whole list was asked for.
    whole: bool,
    rows: Vec<Row>,
    pager: Pager,
    kept_days: i64,
}

/// An entry of a select.
struct Choice {
    value: &'static str,
    label: String,
    chosen: bool,
}

struct Row {
    href: String,
    subject: String,
    recipient: String,
    address: String,
    channel: &'static str,
    status: Badge,
    /// Why it isn't sent yet.
    note: String,
    at: Moment,
}

impl Row {
    fn new(message: Message, env: &Env, may: impl Fn(Permission) -> bool) -> Row {
        Row {
            href: paths::office_message(&message.id),
            note: note(&message, env),
            subject: subject(&message, may),
            recipient: message.recipient,
            address: message.address,
            channel: message.channel.label(),
            status: Badge::message(message.status),
            at: Moment::exact(message.created_at),
        }
    }
}

/// Whether a person may read what a message tells.
fn may_read(message: &Message, may: impl Fn(Permission) -> bool) -> bool {
    message.notice.needs().is_none_or(may)
}

/// The subject, or for whom it tells too much what kind of message it is.
fn subject(message: &Message, may: impl Fn(Permission) -> bool) -> String {
    if may_read(message, may) { message.subject.clone() } else { message.notice.label().to_owned() }
}

fn has_way(channel: Channel, env: &Env) -> bool {
    match channel {
        Channel::Mail => env.reach.mail,
        Channel::Telegram => env.reach.telegram,
    }
}

/// Why a message isn't sent yet, or wasn't.
fn note(message: &Message, env: &Env) -> String {
    match message.status {
        Status::Waiting if !has_way(message.channel, env) => {
            format!("{} is not set up", message.channel.label())
        }
        Status::Waiting if message.attempts > 0 => {
            let next = Moment::exact(message.next_at).text;
            format!("Tried {}, next try {next}", times(message.attempts))
        }
        Status::Parked | Status::Dropped => message.last_error.clone(),
        Status::Waiting | Status::Sent => String::new(),
    }
}

fn times(count: i64) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

/// The choices of status; what waits or is parked with its count.
fn choices(tx: &mut Tx, chosen: Option<Status>) -> Result<Vec<Choice>, DbError> {
    let mut choices = vec![Choice { value: "", label: "Any status".into(), chosen: chosen.is_none() }];
    for status in Status::ALL {
        let mut label = status.label().to_owned();
        if matches!(status, Status::Waiting | Status::Parked) {
            let mut count = 0;
            for channel in Channel::ALL {
                count += outbox::undelivered(tx, channel, status)?;
            }
            let more = if count >= outbox::COUNTED { " or more" } else { "" };
            label.push_str(&format!(" ({count}{more})"));
        }
        choices.push(Choice { value: status.as_str(), label, chosen: chosen == Some(status) });
    }
    Ok(choices)
}

/// `GET /office/outbox`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    let status = Status::from_word(asked.0.value("status"));
    let filter = Filter { status, search: asked.search() };
    let (wanted, before, done) = (filter.clone(), asked.id("before"), asked.done());
    let whole = filter.search.is_empty() && status.is_none() && before.is_none();
    let role = staff.role;
    let (shell, messages, statuses) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_OUTBOX, done.as_deref())?;
            let messages = outbox::look(tx, &wanted, before.as_deref(), ROWS_AND_ONE)?;
            Ok((shell, messages, choices(tx, status)?))
        })
        .await?;
    let address = paths::with_query(
        paths::OFFICE_OUTBOX,
        &[("q", &filter.search), ("status", status.map_or("", Status::as_str))],
    );
    let (messages, pager) = page_of_found(messages, &asked, "before", &address, |message| message.id.clone());
    let env = app.env();
    show(&OutboxPage {
        shell,
        search: filter.search,
        statuses,
        whole,
        rows: messages
            .into_iter()
            .map(|message| Row::new(message, &env, |permission| role.may(permission)))
            .collect(),
        pager,
        kept_days: outbox::KEPT / DAY,
    })
}

/// The text of a message, as far as the person may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Text {
    Shown(String),
    /// It tells what the person may not read elsewhere either.
    NotForYou,
    /// It holds a one-time address into an account that the person may not let anybody into.
    Hidden,
    /// It held a one-time address.
    Forgotten,
}

/// What a person sees of a message's text. A one-time address opens an account: whoever may recover accounts sees those
/// of partners, and those of colleagues only who manages staff, as on the page Recovery.
fn text(message: &Message, account: Option<&Account>, may: impl Fn(Permission) -> bool) -> Text {
    let partners = account.is_some_and(|account| account.kind == Kind::Partner);
    if !may_read(message, &may) {
        Text::NotForYou
    } else if !message.secret {
        Text::Shown(message.body.clone())
    } else if message.body.is_empty() {
        Text::Forgotten
    } else if may(Permission::RecoverAccounts) && (partners || may(Permission::ManageStaff)) {
        Text::Shown(message.body.clone())
    } else {
        Text::Hidden
    }
}

#[derive(Template)]
#[template(path = "office/message.html")]
struct MessagePage {
    shell: OfficeShell,
    id: String,
    subject: String,
    status: Badge,
    text: Text,
    /// The partner's page.
    person: Option<Link>,
    recipient: String,
    channel: &'static str,
    address: String,
    about: &'static str,
    written: Moment,
    attempts: i64,
    next: Option<Moment>,
    done: Option<(&'static str, Moment)>,
    last_error: String,
    /// Why it can't be sent again.
    cannot_send: Option<String>,
    can_stop: bool,
}

impl MessagePage {
    fn new(
        shell: OfficeShell,
        env: &Env,
        message: Message,
        account: Option<&Account>,
        may: impl Fn(Permission) -> bool,
    ) -> MessagePage {
        let subject = subject(&message, &may);
        let partner =
            account.filter(|account| account.kind == Kind::Partner && may(Permission::ReadPartners));
        let waits = message.status == Status::Waiting && has_way(message.channel, env);
        let done_label = match message.status {
            Status::Parked => "Parked",
            Status::Dropped => "Given up",
            Status::Sent | Status::Waiting => "Sent",
        };
        MessagePage {
            shell,
            status: Badge::message(message.status),
            text: text(&message, account, &may),
            person: partner.map(|account| {
                Link::partner(&PartnerName { id: account.id.clone(), name: message.recipient.clone() })
            }),
            channel: if message.channel == Channel::Mail { "Email" } else { "Telegram chat" },
            about: message.notice.label(),
            written: Moment::exact(message.created_at),
            attempts: message.attempts,
            next: waits.then(|| Moment::exact(message.next_at)),
            done: message.done_at.map(|at| (done_label, Moment::exact(at))),
            cannot_send: acts::can_send_again(&message, env).err().map(|why| why.to_string()),
            can_stop: matches!(message.status, Status::Waiting | Status::Parked),
            id: message.id,
            subject,
            recipient: message.recipient,
            address: message.address,
            last_error: message.last_error,
        }
    }
}

/// `GET /office/outbox/{id}`
///
/// # Errors
/// 404 when there is no such message.
pub async fn message(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    let done = asked.done();
    let page = app
        .read(move |tx, env| -> Result<_, PageError> {
            let message = outbox::by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            let account = match &message.account_id {
                Some(id) => accounts::by_id(tx, id)?,
                None => None,
            };
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_OUTBOX, done.as_deref())?;
            let may = |permission| staff.role.may(permission);
            Ok(MessagePage::new(shell, env, message, account.as_ref(), may))
        })
        .await?;
    show(&page)
}

/// `POST /office/outbox/{id}/send`
///
/// # Errors
/// 404 when there is no such message, 409 when it can't be sent again.
pub async fn send_again(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let back = paths::office_message(&id);
    let waiting = app.write(move |tx, env| acts::send_again(tx, env, &staff.actor, &id)).await;
    let waiting = waiting.map_err(|error| refused(error, &back))?;
    go_to(&paths::with_query(&paths::office_message(&waiting), &[("done", "again")]))
}

/// `POST /office/outbox/{id}/drop`
///
/// # Errors
/// 404 when there is no such message, 409 when it is done with or being sent.
pub async fn stop(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let back = paths::office_message(&id);
    let stopped = app.write(move |tx, env| acts::stop(tx, env, &staff.actor, &id)).await;
    stopped.map_err(|error| refused(error, &back))?;
    go_to(&paths::with_query(&back, &[("done", "dropped")]))
}

fn refused(error: OutboxError, back: &str) -> PageError {
    match error {
        OutboxError::Unknown => PageError::not_found(),
        OutboxError::Db(error) => error.into(),
        refusal => PageError::conflict(refusal, back),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{clock::Timestamp, notice::NoticeKind, permission::Role};

    use crate::notify::samples;

    const AT: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    fn message(status: Status) -> Message {
        Message {
            id: "0193a1b2-0000-7000-8000-0000000000aa".into(),
            channel: Channel::Mail,
            notice: NoticeKind::DealWon,
            account_id: Some("p1".into()),
            recipient: "<Mara>".into(),
            address: "mara@example.com".into(),
            subject: "You earned <12>".into(),
            body: "Line one\n<b>two</b>".into(),
            html: "<p>x</p>".into(),
            secret: false,
            status,
            attempts: 3,
            created_at: AT,
            next_at: AT,
            done_at: Some(AT).filter(|_| status != Status::Waiting),
            last_error: "550 no such mailbox".into(),
        }
    }

    fn account(kind: Kind) -> Account {
        Account {
            id: "p1".into(),
            kind,
            name: "Mara".into(),
            email: "mara@example.com".into(),
            password_hash: None,
            disabled: false,
        }
    }

    fn page(message: Message, role: Role, kind: Kind) -> String {
        let env = samples::env();
        let may = |permission| role.may(permission);
        MessagePage::new(OfficeShell::sample(), &env, message, Some(&account(kind)), may).render().unwrap()
    }

    #[test]
    fn the_list_shows_why_something_is_not_sent() {
        let mut env = samples::env();
        let rows = Status::ALL.map(|status| Row::new(message(status), &env, |_| true)).into_iter().collect();
        let list = OutboxPage {
            shell: OfficeShell::sample(),
            search: "<x>".into(),
            statuses: vec![Choice { value: "parked", label: "Parked (1)".into(), chosen: true }],
            whole: false,
            rows,
            pager: Pager::default(),
            kept_days: 90,
        };
        let text = list.render().unwrap();
        for part in
            ["Tried 3 times, next try", "550 no such mailbox", "Parked (1)", "&#60;x&#62;", "&#60;Mara"]
        {
            assert!(text.contains(part), "{part}");
        }
        env.reach.mail = false;
        assert_eq!(Row::new(message(Status::Waiting), &env, |_| true).note, "Email is not set up");
    }

    #[test]
    fn a_message_is_shown_as_plain_text_with_what_can_be_done() {
        let parked = page(message(Status::Parked), Role::Admin, Kind::Partner);
        for part in ["Line one\n&#60;b&#62;two", "/office/partners/p1", "Send again", "Don't send"] {
            assert!(parked.contains(part), "{part}");
        }
        let waiting = page(message(Status::Waiting), Role::Admin, Kind::Partner);
        assert!(!waiting.contains("Send again") && waiting.contains("/drop"));
        let sent = page(message(Status::Sent), Role::Admin, Kind::Partner);
        assert!(sent.contains("Send again") && !sent.contains("/drop"));
    }

    #[test]
    fn amounts_are_seen_by_whoever_may_read_them_elsewhere() {
        for (role, seen) in [(Role::Support, false), (Role::Sales, true), (Role::Admin, true)] {
            let page = page(message(Status::Sent), role, Kind::Partner);
            for part in ["Line one", "You earned"] {
                assert_eq!(page.contains(part), seen, "{role:?} {part}");
            }
            assert!(page.contains("A deal closed successfully") && page.contains("mara@example.com"));
            let row = Row::new(message(Status::Sent), &samples::env(), |permission| role.may(permission));
            assert_eq!(row.subject.contains("You earned"), seen, "{role:?}");
        }
    }

    #[test]
    fn one_time_addresses_are_seen_by_whoever_may_make_them() {
        let secret = Message {
            notice: NoticeKind::Recovery,
            secret: true,
            body: "https://x/reset/abc".into(),
            ..message(Status::Parked)
        };
        for (role, kind, seen) in [
            (Role::Support, Kind::Partner, true),
            (Role::Support, Kind::Staff, false),
            (Role::Admin, Kind::Staff, true),
            (Role::Sales, Kind::Partner, false),
        ] {
            let page = page(secret.clone(), role, kind);
            assert_eq!(page.contains("/reset/abc"), seen, "{role:?} {kind:?}");
        }
        let gone = Message { body: String::new(), status: Status::Sent, ..secret };
        assert!(page(gone, Role::Admin, Kind::Partner).contains("was not kept"));
    }
}
