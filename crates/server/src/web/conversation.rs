//! A support request as the person who sent it sees it, signed in or by the address that was mailed; and the form that
//! makes one.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use domain::{
    clock::{SECOND, Timestamp, duration},
    support::{TicketKind, TicketStatus},
    text::{Email, Line, Message, Name},
};
use store::support::{Entry, EntryKind, Ticket};

use super::{
    fields::Fields,
    office::parts::{Badge, Moment},
    paths,
    show::Page,
};
use crate::{
    app::{App, Env},
    limits::{Limited, TooOften},
    ops::support::{Ask, SignedIn, may_reply},
};

/// The field that people don't see.
const TRAP: &str = "leave_empty";

/// How many characters of a transaction or client number are taken.
const NUMBER_CHARS: usize = 60;

/// The longest identifier of a form that is taken; ours are 36 letters.
const MAX_SUBMISSION: usize = 100;

/// One thing that was said or done.
#[derive(Debug, Clone)]
pub struct Said {
    /// Who: a class of the stylesheet.
    pub class: &'static str,
    /// What the author is called.
    pub who: String,
    /// What was done, where it isn't plain speech.
    pub did: &'static str,
    /// What was said; empty where something was only done.
    pub message: String,
    /// When.
    pub at: Moment,
}

impl Said {
    /// An entry as staff sees it: under the name of whoever made it.
    pub fn to_staff(entry: &Entry) -> Said {
        Said {
            class: match entry.kind {
                EntryKind::Person => "person",
                EntryKind::Answer => "answer",
                EntryKind::Note => "note",
                EntryKind::Closed | EntryKind::Reopened => "event",
            },
            who: entry.author.clone(),
            did: match entry.kind {
                EntryKind::Person | EntryKind::Answer => "",
                EntryKind::Note => "noted for colleagues",
                EntryKind::Closed => "closed this request",
                EntryKind::Reopened => "opened this request again",
            },
            message: entry.message.clone(),
            at: Moment::exact(entry.at),
        }
    }

    /// An entry as the person sees it: staff speaks for the programme, not under a name of its own.
    pub fn to_person(entry: &Entry, programme: &str, me: Option<&str>) -> Said {
        // Only the person writes as a person; closing is the one act that both sides have.
        let mine = entry.kind == EntryKind::Person || entry.author_id.as_deref() == me;
        let who = if mine { "You".to_owned() } else { programme.to_owned() };
        Said { who, ..Said::to_staff(entry) }
    }
}

/// The status of a request as whoever sent it sees it.
pub fn badge(status: TicketStatus) -> Badge {
    match status {
        TicketStatus::Open => Badge::new("pending", "Open"),
        TicketStatus::Answered => Badge::new("done", "Answered"),
        TicketStatus::Closed => Badge::new("closed", "Closed"),
    }
}

/// How long a request has had its status, in words.
pub fn age(ticket: &Ticket, now: Timestamp) -> String {
    let passed = now.since(ticket.since);
    let (long, ago) = if passed < 60 * SECOND {
        ("less than a minute".to_owned(), "just now".to_owned())
    } else {
        (duration(passed), format!("{} ago", duration(passed)))
    };
    match ticket.status {
        TicketStatus::Open => format!("waits for {long}"),
        TicketStatus::Answered => format!("answered {ago}"),
        TicketStatus::Closed => format!("closed {ago}"),
    }
}

/// A request as the person sees it.
pub struct Conversation {
    /// Its number.
    pub number: i64,
    /// Where it stands.
    pub status: Badge,
    /// For how long.
    pub age: String,
    /// What it is about.
    pub kind: &'static str,
    /// The number that it concerns, or empty.
    pub concerns: String,
    /// What was said, oldest first.
    pub said: Vec<Said>,
    /// The form of the reply.
    pub form: Fields,
    /// Where the reply goes.
    pub reply_to: String,
    /// Where closing goes; none once it is closed.
    pub close_at: Option<String>,
    /// Why nothing can be added any more.
    pub over: Option<String>,
}

impl Conversation {
    /// The page of a request. `me` is the account of whoever looks; `reply_to` and `close_at` are the addresses of its
    /// forms.
    pub fn new(
        env: &Env,
        ticket: &Ticket,
        entries: &[Entry],
        me: Option<&str>,
        mut form: Fields,
        (reply_to, close_at): (String, String),
    ) -> Conversation {
        renew(&mut form, env);
        Conversation {
            number: ticket.number,
            status: badge(ticket.status),
            age: age(ticket, env.now),
            kind: ticket.kind.label(),
            concerns: ticket.concerns.clone(),
            said: entries.iter().map(|entry| Said::to_person(entry, &env.programme.name, me)).collect(),
            form,
            reply_to,
            close_at: Some(close_at).filter(|_| ticket.status != TicketStatus::Closed),
            over: may_reply(ticket, env.now).err().map(|refusal| refusal.to_string()),
        }
    }
}

/// Gives a form its random identifier where it has none.
pub fn renew(form: &mut Fields, env: &Env) {
    if !is_submission(form.typed("submission")) {
        form.set("submission", env.ids.uuid(env.now));
    }
}

/// Gives a form another random identifier: what it holds is another request than the one that was sent.
pub fn start_anew(form: &mut Fields, env: &Env) {
    form.set("submission", env.ids.uuid(env.now));
}

fn is_submission(typed: &str) -> bool {
    !typed.is_empty() && typed.len() <= MAX_SUBMISSION && typed.chars().all(|c| c.is_ascii_graphic())
}

/// The random identifier of a form, if it has one.
pub fn submission(form: &Fields) -> Option<String> {
    Some(form.typed("submission").to_owned()).filter(|typed| is_submission(typed))
}

/// Reads the form of a new request; what is wrong is kept beside the fields.
pub fn read(form: &mut Fields, partner: Option<SignedIn>) -> Option<Ask> {
    // Whoever fills in what people don't see is a program, or a browser that fills in too much: nothing is thrown away
    // silently, a person sends the form once more.
    if !form.typed(TRAP).is_empty() {
        form.refuse_form(
            "This was filled in as if by a program. If you are a person, please press Send once more.",
        );
    }
    let name = form.check("name", Name::parse);
    let email = form.check("email", Email::parse);
    let kind = form.check("kind", |typed| {
        TicketKind::from_word(typed).ok_or("Choose whether it is about money or about something technical.")
    });
    let concerns = form.check("transaction", |typed| {
        domain::text::optional(typed, |typed| Line::<NUMBER_CHARS>::parse_as("number", typed))
    });
    let message = form.check("message", Message::parse);
    if form.is_refused() {
        return None;
    }
    Some(Ask {
        partner,
        name: name?,
        email: email?,
        kind: kind?,
        concerns: concerns?.map(Line::into_string).unwrap_or_default(),
        message: message?,
        submission: submission(form),
    })
}

/// Counts a message of somebody to support, and the mail that follows from it to an address nobody has confirmed.
///
/// # Errors
/// [`TooOften`] when there were too many.
pub async fn check_limits(app: &App, origin: &str, unconfirmed: Option<&Email>) -> Result<(), TooOften> {
    app.allow(Limited::Support, origin).await?;
    match unconfirmed {
        Some(email) => app.allow(Limited::SupportMail, &email.key()).await,
        None => Ok(()),
    }
}

/// Says how long to wait; what was typed stays.
pub fn refuse_too_often(form: &mut Fields, too_often: TooOften) {
    form.refuse_form(format!(
        "These were many messages in a short time. Wait {} seconds, then press Send again; nothing is lost.",
        too_often.retry_after
    ));
}

/// The page of a form that was sent too often.
///
/// # Errors
/// Those of the page.
pub fn wait(page: Page, too_often: TooOften) -> Page {
    let mut response: Response = page?;
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(too_often.retry_after));
    Ok(response)
}

/// The addresses of the forms on a partner's page of a request.
pub fn partner_forms(number: i64) -> (String, String) {
    let page = paths::support_ticket(number);
    (format!("{page}/reply"), format!("{page}/close"))
}

/// The addresses of the forms on a guest's page of a request.
pub fn guest_forms(number: i64, secret: &str) -> (String, String) {
    let page = paths::support_by_secret(number, secret);
    (page.clone(), format!("{page}/close"))
}

#[cfg(test)]
pub(crate) mod samples {
    //! What the tests of the pages show.

    use store::clients::PartnerName;

    use super::*;

    pub const AT: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    pub fn ticket(status: TicketStatus) -> Ticket {
        Ticket {
            number: 3001,
            partner: Some(PartnerName { id: "p1".into(), name: "Mara <Lindqvist>".into() }),
            name: "Mara <Lindqvist>".into(),
            email: "mara@example.com".into(),
            email_key: "mara@example.com".into(),
            kind: TicketKind::Financial,
            concerns: "T-2077".into(),
            client: Some(1042),
            deal: Some(2077),
            status,
            since: AT,
            created_at: AT,
            answered: None,
            version: 2,
        }
    }

    pub fn entry(kind: EntryKind, author_id: Option<&str>, message: &str) -> Entry {
        Entry {
            at: AT,
            kind,
            author_id: author_id.map(str::to_owned),
            author: "Sue <Support>".into(),
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::{DAY, HOUR};

    #[test]
    fn staff_speaks_for_the_programme_and_the_person_is_you() {
        let said =
            |kind, author, me| Said::to_person(&samples::entry(kind, author, "Hi"), "Northwind", me).who;
        assert_eq!(said(EntryKind::Person, Some("p1"), Some("p1")), "You");
        assert_eq!(said(EntryKind::Answer, Some("s1"), Some("p1")), "Northwind");
        assert_eq!(said(EntryKind::Closed, Some("p1"), Some("p1")), "You");
        assert_eq!(said(EntryKind::Closed, Some("s1"), Some("p1")), "Northwind");
        // A guest has no account, and nobody else without one writes here.
        assert_eq!(said(EntryKind::Person, None, None), "You");
        assert_eq!(said(EntryKind::Closed, None, None), "You");
        assert_eq!(said(EntryKind::Answer, Some("s1"), None), "Northwind");
    }

    #[test]
    fn ages_are_told_by_what_the_request_waits_for() {
        for (status, passed, words) in [
            (TicketStatus::Open, 5 * HOUR, "waits for 5 h"),
            (TicketStatus::Answered, 4 * DAY, "answered 4 days ago"),
            (TicketStatus::Closed, 60 * SECOND, "closed 1 min ago"),
            (TicketStatus::Closed, 59 * SECOND, "closed just now"),
            (TicketStatus::Open, -5, "waits for less than a minute"),
        ] {
            assert_eq!(age(&samples::ticket(status), samples::AT.plus(passed)), words);
        }
    }

    #[test]
    fn each_field_is_read_or_refused_by_itself() {
        let good = [
            ("name", "Mara"),
            ("email", "mara@example.com"),
            ("kind", "financial"),
            ("transaction", ""),
            ("message", "Hello"),
        ];
        let ask = read(&mut Fields::filled(good), None).unwrap();
        assert_eq!((ask.kind, ask.concerns.as_str(), ask.submission), (TicketKind::Financial, "", None));
        for (field, bad) in
            [("name", ""), ("email", "mara"), ("kind", "other"), ("transaction", "x\ny"), ("message", " ")]
        {
            let mut form = Fields::filled(good);
            form.set(field, bad);
            assert!(read(&mut form, None).is_none(), "{field}");
            assert!(form.error(field).is_some_and(|error| error.len() > 10), "{field}");
            assert_eq!(form.errors().count(), 1, "{field}");
        }
        let mut form = Fields::filled(good);
        form.set(TRAP, "a program was here");
        assert!(read(&mut form, None).is_none() && form.form_error().is_some());
    }

    #[test]
    fn only_what_can_be_an_identifier_of_a_form_is_one() {
        for (typed, is_one) in [("0193a1b2-0000", true), ("", false), ("a\u{0}", false), ("a b", false)] {
            assert_eq!(submission(&Fields::filled([("submission", typed)])).is_some(), is_one, "{typed:?}");
        }
    }
}
