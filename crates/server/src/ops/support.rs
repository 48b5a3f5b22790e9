//! Support requests: somebody writes, staff answers, either writes again.

use domain::{
    clock::Timestamp,
    permission::Permission,
    reference::Reference,
    support::{MAX_ENTRIES, TicketAct, TicketKind, TicketRefusal, TicketStatus, next_status},
    text::{Email, Message, Name},
};
use store::{
    DbError, Tx, clients, deals, profiles,
    support::{self as tickets, EntryKind, NewEntry, NewTicket, Ticket},
};

use super::{
    Actor,
    audit::{self, Act, Change},
    sessions::hash,
};
use crate::{
    app::Env,
    notify::{self, Notice, Recipient},
    web::paths,
};

/// What a person writes.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The partner who is signed in.
    pub partner: Option<SignedIn>,
    /// What the person is called.
    pub name: Name,
    /// Where answers go.
    pub email: Email,
    /// What it is about.
    pub kind: TicketKind,
    /// The number it concerns, as typed, or empty.
    pub concerns: String,
    /// What is asked.
    pub message: Message,
    /// The random identifier of the form: sent twice, it makes one request.
    pub submission: Option<String>,
}

/// A partner who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The account's identifier.
    pub id: String,
    /// The account's address.
    pub email: String,
}

/// Why no request was made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// The number can't be read. Only partners are told: a guest's number is kept as it is.
    #[error("Write the number like T-2077 or C-1042, or leave this empty.")]
    NoNumber,
    /// The number isn't the partner's. The same sentence whether or not it is somebody else's.
    #[error(
        "This is not one of your clients or transactions. Look the number up in Statistics, or leave this empty."
    )]
    NotYours,
    /// The same form was sent before with something else in it.
    #[error(
        "This form was already sent, as S-{0}. To send what stands here as another request, press Send again."
    )]
    OtherRequest(i64),
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes an open request and confirms it by mail. The same form again gives the same request.
///
/// # Errors
/// [`AskError`], whose text can be shown to the person.
pub fn ask(tx: &mut Tx, env: &Env, ask: &Ask) -> Result<i64, AskError> {
    let partner_id = ask.partner.as_ref().map(|partner| partner.id.as_str());
    let (client, deal) = match partner_id {
        Some(partner_id) => concern(tx, partner_id, &ask.concerns)?,
        None => (None, None),
    };
    let new = NewTicket {
        submission: ask.submission.as_deref(),
        partner_id,
        name: ask.name.as_str(),
        email: ask.email.as_str(),
        email_key: &ask.email.key(),
        kind: ask.kind,
        concerns: &ask.concerns,
        client,
        deal,
        message: ask.message.as_str(),
    };
    let Some(number) = tickets::insert(tx, &new, env.now)? else {
        return sent_before(tx, ask);
    };
    let author = (partner_id, ask.name.as_str());
    say(tx, env, number, EntryKind::Person, author, ask.message.as_str(), None)?;
    // A stranger's words go to nobody: anybody can type any address here, and sign up with any.
    let own = match &ask.partner {
        Some(partner) if partner.email == ask.email.as_str() => {
            profiles::of_account(tx, &partner.id)?.is_some_and(|profile| profile.email_confirmed_at.is_some())
        }
        _ => false,
    };
    let words = |text: &str| if own { text.to_owned() } else { String::new() };
    let name = words(ask.name.as_str());
    let to = Recipient { name: &name, email: ask.email.as_str() };
    let notice = Notice::SupportReceived { ticket: number, message: words(ask.message.as_str()) };
    notify::write_to(tx, env, partner_id, to, &notice)?;
    tell_desk(tx, env, number, ask.kind, ask.name.as_str(), &ask.message)?;
    Ok(number)
}

/// Tells those who answer: of what concerns money finance too.
fn tell_desk(
    tx: &mut Tx,
    env: &Env,
    ticket: i64,
    kind: TicketKind,
    name: &str,
    message: &Message,
) -> Result<(), DbError> {
    let desk = match kind {
        TicketKind::Financial => Permission::AnswerSupport,
        TicketKind::Technical => Permission::ReadFeedback,
    };
    let notice = Notice::OfficeSupport { ticket, name: name.to_owned(), message: message.to_string() };
    notify::tell_staff(tx, env, desk, &notice)
}

/// The client and deal that a partner's number means, if they are the partner's own.
fn concern(tx: &mut Tx, partner_id: &str, typed: &str) -> Result<(Option<i64>, Option<i64>), AskError> {
    if typed.is_empty() {
        return Ok((None, None));
    }
    let read = Reference::read(typed).ok_or(AskError::NoNumber)?;
    if let Some(number) = read.deal()
        && let Some(deal) = deals::by_number(tx, number)?
        && deal.partner.is_some_and(|partner| partner.id == partner_id)
    {
        return Ok((Some(deal.client_number), Some(number)));
    }
    if let Some(number) = read.client()
        && let Some(client) = clients::by_number(tx, number)?
        && client.partner.is_some_and(|partner| partner.id == partner_id)
    {
        return Ok((Some(number), None));
    }
    Err(AskError::NotYours)
}

/// The request that this form has made before, if it was the same one.
fn sent_before(tx: &mut Tx, ask: &Ask) -> Result<i64, AskError> {
    let before = tickets::by_submission(tx, ask.submission.as_deref().unwrap_or_default())?;
    let before = before.expect("a submission that conflicts has made a request");
    let first = tickets::entries(tx, before.number, false)?.into_iter().next();
    let same = before.partner.as_ref().map(|partner| &partner.id) == ask.partner.as_ref().map(|who| &who.id)
        && before.kind == ask.kind
        && before.email == ask.email.as_str()
        && before.concerns == ask.concerns
        && first.is_some_and(|entry| entry.message == ask.message.as_str());
    if same { Ok(before.number) } else { Err(AskError::OtherRequest(before.number)) }
}

/// How a person comes to a request: as the partner who sent it, or with the secret that was mailed.
#[derive(Debug, Clone)]
pub enum Way {
    /// Signed in.
    Partner {
        /// Who it is.
        actor: Actor,
        /// The request's number.
        number: i64,
    },
    /// Without signing in.
    Secret {
        /// The request's number.
        number: i64,
        /// The secret of the address.
        secret: String,
    },
}

impl Way {
    /// The request, if this way leads to it.
    ///
    /// # Errors
    /// When the database says no.
    pub fn find(&self, tx: &mut Tx) -> Result<Option<Ticket>, DbError> {
        match self {
            Way::Partner { actor, number } => Ok(tickets::by_number(tx, *number)?
                .filter(|ticket| ticket.partner.as_ref().is_some_and(|partner| partner.id == actor.id))),
            Way::Secret { number, secret } => tickets::by_secret(tx, *number, &hash(secret)),
        }
    }

    fn lock(&self, tx: &mut Tx) -> Result<Ticket, ReplyError> {
        let found = self.find(tx)?.ok_or(ReplyError::Unknown)?;
        tickets::lock(tx, found.number)?.ok_or(ReplyError::Unknown)
    }

    /// The account and the name of whoever comes this way.
    fn author<'a>(&'a self, ticket: &'a Ticket) -> (Option<&'a str>, &'a str) {
        match self {
            Way::Partner { actor, .. } => (Some(&actor.id), &actor.name),
            Way::Secret { .. } => (None, &ticket.name),
        }
    }
}

/// Why a person's reply or closing wasn't taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplyError {
    /// This way leads to no request.
    #[error("There is no such request.")]
    Unknown,
    /// The request's status doesn't allow it.
    #[error(transparent)]
    Refused(#[from] TicketRefusal),
    /// The conversation has grown beyond what one is.
    #[error(
        "This conversation has become very long. Please write a new request and mention the number of this one."
    )]
    TooLong,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Adds what the person writes; the request is open again. The same form again adds nothing.
///
/// # Errors
/// [`ReplyError`], whose text can be shown to the person.
pub fn reply(
    tx: &mut Tx,
    env: &Env,
    way: &Way,
    message: &Message,
    submission: Option<&str>,
) -> Result<(), ReplyError> {
    let ticket = way.lock(tx)?;
    let status = next_status(ticket.status, TicketAct::Reply { since: env.now.since(ticket.since) })?;
    if ticket.version >= MAX_ENTRIES {
        return Err(ReplyError::TooLong);
    }
    let author = way.author(&ticket);
    if say(tx, env, ticket.number, EntryKind::Person, author, message.as_str(), submission)? {
        tickets::advance(tx, &ticket, status, env.now)?;
        tell_desk(tx, env, ticket.number, ticket.kind, &ticket.name, message)?;
    }
    Ok(())
}

/// The person needs nothing more.
///
/// # Errors
/// [`ReplyError`], whose text can be shown to the person.
pub fn close(tx: &mut Tx, env: &Env, way: &Way) -> Result<(), ReplyError> {
    let ticket = way.lock(tx)?;
    let status = next_status(ticket.status, TicketAct::Close)?;
    say(tx, env, ticket.number, EntryKind::Closed, way.author(&ticket), "", None)?;
    tickets::advance(tx, &ticket, status, env.now)?;
    Ok(())
}

/// Why an act of staff wasn't done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActError {
    /// There is no such request.
    #[error("There is no such request.")]
    Unknown,
    /// The request's status doesn't allow it.
    #[error(transparent)]
    Refused(#[from] TicketRefusal),
    /// Something was said or done since the page was opened.
    #[error(
        "Something was written or done here since you opened the page. Read it below; what you typed is kept."
    )]
    Overtaken,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What a member of staff has before the eyes: the request, and the version of it that the page showed (none for whoever
/// doesn't say).
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// The request's number.
    pub number: i64,
    /// What the page showed.
    pub version: Option<i64>,
}

impl Seen {
    fn lock(self, tx: &mut Tx) -> Result<Ticket, ActError> {
        tickets::lock(tx, self.number)?.ok_or(ActError::Unknown)
    }

    fn is_latest(self, ticket: &Ticket) -> bool {
        self.version.is_none_or(|version| version == ticket.version)
    }
}

/// Answers: into the conversation, and by mail to the request's address with the way back to it.
///
/// # Errors
/// [`ActError::Overtaken`] when a colleague has answered or the person has written meanwhile.
pub fn answer(tx: &mut Tx, env: &Env, by: &Actor, seen: Seen, answer: &Message) -> Result<(), ActError> {
    let ticket = seen.lock(tx)?;
    if !seen.is_latest(&ticket) {
        // A double click is one answer.
        let last = tickets::entries(tx, ticket.number, false)?.pop();
        let again = last.is_some_and(|last| {
            last.kind == EntryKind::Answer
                && last.author_id.as_deref() == Some(by.id.as_str())
                && last.message == answer.as_str()
        });
        return if again { Ok(()) } else { Err(ActError::Overtaken) };
    }
    let status = next_status(ticket.status, TicketAct::Answer)?;
    say(tx, env, ticket.number, EntryKind::Answer, (Some(&by.id), &by.name), answer.as_str(), None)?;
    tickets::advance(tx, &ticket, status, env.now)?;
    tickets::set_answered(tx, ticket.number, &by.id, env.now)?;
    let path = way_back(tx, env, &ticket)?;
    let notice = Notice::SupportAnswered { ticket: ticket.number, answer: answer.to_string(), path };
    write(tx, env, &ticket, &notice)?;
    record(tx, env, by, "support.answered", &ticket, status)
}

/// The path that leads back to a request: for a guest with a secret, of its own in each mail, since none is kept in
/// readable form.
fn way_back(tx: &mut Tx, env: &Env, ticket: &Ticket) -> Result<String, DbError> {
    if ticket.partner.is_some() {
        return Ok(paths::support_ticket(ticket.number));
    }
    let secret = env.ids.secret();
    tickets::insert_key(tx, &hash(&secret), ticket.number, env.now)?;
    Ok(paths::support_by_secret(ticket.number, &secret))
}

/// Writes to the address of a request.
fn write(tx: &mut Tx, env: &Env, ticket: &Ticket, notice: &Notice) -> Result<(), DbError> {
    let account_id = ticket.partner.as_ref().map(|partner| partner.id.as_str());
    let to = Recipient { name: &ticket.name, email: &ticket.email };
    notify::write_to(tx, env, account_id, to, notice)
}

/// Keeps a note that staff alone can read.
///
/// # Errors
/// [`ActError::Unknown`] when there is no such request.
pub fn note(tx: &mut Tx, env: &Env, by: &Actor, number: i64, note: &Message) -> Result<(), ActError> {
    let ticket = tickets::lock(tx, number)?.ok_or(ActError::Unknown)?;
    say(tx, env, ticket.number, EntryKind::Note, (Some(&by.id), &by.name), note.as_str(), None)?;
    record(tx, env, by, "support.noted", &ticket, ticket.status)
}

/// Closes a request, or opens it again. Who still waits for an answer is told that none comes.
///
/// # Errors
/// [`ActError::Overtaken`] when a colleague has answered or the person has written meanwhile.
pub fn set_closed(tx: &mut Tx, env: &Env, by: &Actor, seen: Seen, closed: bool) -> Result<(), ActError> {
    let ticket = seen.lock(tx)?;
    let (act, entry, word) = if closed {
        (TicketAct::Close, EntryKind::Closed, "support.closed")
    } else {
        (TicketAct::Reopen, EntryKind::Reopened, "support.reopened")
    };
    let status = next_status(ticket.status, act)?;
    if !seen.is_latest(&ticket) {
        return Err(ActError::Overtaken);
    }
    say(tx, env, ticket.number, entry, (Some(&by.id), &by.name), "", None)?;
    tickets::advance(tx, &ticket, status, env.now)?;
    if closed && ticket.status == TicketStatus::Open {
        let path = way_back(tx, env, &ticket)?;
        write(tx, env, &ticket, &Notice::SupportClosed { ticket: ticket.number, path })?;
    }
    record(tx, env, by, word, &ticket, status)
}

fn say(
    tx: &mut Tx,
    env: &Env,
    ticket: i64,
    kind: EntryKind,
    (author_id, author): (Option<&str>, &str),
    message: &str,
    submission: Option<&str>,
) -> Result<bool, DbError> {
    let id = env.ids.uuid(env.now);
    let entry = NewEntry { id, ticket, kind, author_id, author, message, submission };
    tickets::add_entry(tx, &entry, env.now)
}

fn record(
    tx: &mut Tx,
    env: &Env,
    by: &Actor,
    what: &str,
    ticket: &Ticket,
    status: TicketStatus,
) -> Result<(), ActError> {
    let changes = Change::differing([Change::new("Status", ticket.status.label(), status.label())]);
    let number = ticket.number.to_string();
    let act = Act { what, on: ("support", &number), changes: &changes, reason: "" };
    Ok(audit::record(tx, env, by, act)?)
}

/// Whether a person may still reply.
///
/// # Errors
/// [`TicketRefusal`], whose text can be shown to the person.
pub fn may_reply(ticket: &Ticket, now: Timestamp) -> Result<(), TicketRefusal> {
    next_status(ticket.status, TicketAct::Reply { since: now.since(ticket.since) }).map(|_| ())
}
