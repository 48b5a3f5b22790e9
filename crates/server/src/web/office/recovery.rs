//! People who forgot their password and asked for a new one: whether their mail was sent, and what the office can do.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{clock::Timestamp, notice::NoticeKind, permission::Permission};
use store::{
    DbError, Tx,
    accounts::Kind,
    outbox,
    recovery::{self, Request},
};

use super::parts::{Asked, Badge, Id, Moment, duration};
use crate::{
    app::{App, Env},
    ops::{
        Actor,
        recovery::{self as acts, RecoveryError, VALID_HOURS, due_at},
    },
    web::{
        error::{Explanation, PageError},
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show},
        visitor::Staff,
    },
};

/// How many requests are shown; the rest follows when these are answered.
const SHOWN: i64 = 100;

#[derive(Template)]
#[template(path = "office/recovery.html")]
struct RecoveryPage {
    shell: OfficeShell,
    issued: Option<Issued>,
    rows: Vec<Row>,
    valid_hours: i64,
    /// Mail can be sent.
    mail: bool,
}

/// A one-time address that is shown this once.
struct Issued {
    email: String,
    address: String,
    mail: String,
}

struct Row {
    account_id: String,
    name: String,
    email: String,
    at: Moment,
    /// How long the person has waited, against the hour.
    age: Badge,
    /// The mail with the one-time address: how it stands, its page, and since when.
    mail: Option<(Badge, String, Moment)>,
    staff: bool,
    /// Whether the person who looks may answer it.
    may_answer: bool,
}

impl Row {
    fn new(request: Request, mail: Option<&outbox::Message>, may_staff: bool, now: Timestamp) -> Row {
        let staff = request.kind == Kind::Staff;
        let waited = duration(now.since(request.requested_at).max(0));
        let answered = mail.is_some_and(|mail| mail.status == outbox::Status::Sent);
        let age = match (answered, now > due_at(request.requested_at)) {
            (true, _) => Badge::new("done", format!("{waited}, answered")),
            (false, true) => Badge::new("overdue", format!("{waited}, overdue")),
            (false, false) => Badge::new("due", waited),
        };
        Row {
            staff,
            may_answer: !staff || may_staff,
            at: Moment::exact(request.requested_at),
            age,
            mail: mail.map(|mail| {
                let since = Moment::exact(mail.done_at.unwrap_or(mail.created_at));
                (Badge::message(mail.status), paths::office_message(&mail.id), since)
            }),
            account_id: request.account_id,
            name: request.name,
            email: request.email,
        }
    }
}

fn rows(tx: &mut Tx, env: &Env, may_staff: bool) -> Result<Vec<Row>, DbError> {
    let mut rows = Vec::new();
    for request in recovery::open(tx, SHOWN)? {
        let mail = outbox::newest(tx, &request.account_id, NoticeKind::Recovery, request.requested_at)?;
        rows.push(Row::new(request, mail.as_ref(), may_staff, env.now));
    }
    Ok(rows)
}

async fn render(app: &App, staff: Staff, done: Option<String>, issued: Option<Issued>) -> Page {
    let (shell, rows) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_RECOVERY, done.as_deref())?;
            let may_staff = staff.role.may(Permission::ManageStaff);
            Ok((shell, rows(tx, env, may_staff)?))
        })
        .await?;
    show(&RecoveryPage { shell, issued, rows, valid_hours: VALID_HOURS, mail: app.reach().mail })
}

/// `GET /office/recovery`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    render(&app, staff, asked.done(), None).await
}

/// `POST /office/recovery/{account}/issue`. The answer is the page itself, not a redirect: it shows the one-time
/// address, which is kept nowhere in readable form.
///
/// # Errors
/// 404 when there is no such account; 403 when it is a colleague's and the person doesn't manage staff, who could
/// otherwise sign in with more rights than their own.
pub async fn issue(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let (by, may_staff) = (staff.actor.clone(), staff.role.may(Permission::ManageStaff));
    let (secret, email) =
        app.write(move |tx, env| acts::issue(tx, env, &by, may_staff, &id)).await.map_err(refused)?;
    let issued = issued(&app, email, &secret);
    render(&app, staff, None, Some(issued)).await
}

/// `POST /office/recovery/{account}/send`: mails a new one-time address.
///
/// # Errors
/// As [`issue`]; 409 when mail is not set up.
pub async fn send(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    answer(&app, staff, "recovery_sent", move |tx, env, by, may_staff| {
        acts::send(tx, env, by, may_staff, &id)
    })
    .await
}

/// `POST /office/recovery/{account}/close`
///
/// # Errors
/// As [`issue`].
pub async fn close(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    answer(&app, staff, "recovery_closed", move |tx, env, by, may_staff| {
        acts::close(tx, env, by, may_staff, &id)
    })
    .await
}

async fn answer(
    app: &App,
    staff: Staff,
    word: &str,
    act: impl Fn(&mut Tx, &Env, &Actor, bool) -> Result<(), RecoveryError> + Send + 'static,
) -> Page {
    let may_staff = staff.role.may(Permission::ManageStaff);
    app.write(move |tx, env| act(tx, env, &staff.actor, may_staff)).await.map_err(refused)?;
    go_to(&paths::with_query(paths::OFFICE_RECOVERY, &[("done", word)]))
}

fn refused(error: RecoveryError) -> PageError {
    match error {
        RecoveryError::Unknown => PageError::not_found(),
        RecoveryError::OnlyAdmins => PageError::Explained(Explanation {
            status: StatusCode::FORBIDDEN,
            title: "Ask an admin".into(),
            sentence: error.to_string(),
            way_on: (paths::OFFICE_RECOVERY.into(), "Back"),
        }),
        RecoveryError::NoMail => PageError::conflict(error, paths::OFFICE_RECOVERY),
        RecoveryError::Db(error) => error.into(),
    }
}

fn issued(app: &App, email: String, secret: &str) -> Issued {
    let address = format!("{}{}", app.public_url, paths::reset(secret));
    let programme = app.programme();
    let hours = if VALID_HOURS == 1 { "one hour".to_owned() } else { format!("{VALID_HOURS} hours") };
    let body = format!(
        "Hello,\n\nat this address you choose a new password for {}. It works once, within {hours}:\n\n{address}\n\n\
         If you didn't ask for it, ignore this mail; your password stays as it is.\n",
        programme.name
    );
    let subject = paths::query_value(&format!("Your new password for {}", programme.name));
    let mail = format!("mailto:{email}?subject={subject}&body={}", paths::query_value(&body));
    Issued { email, address, mail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::HOUR;

    const AT: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    fn request(id: &str, kind: Kind) -> Request {
        Request {
            id: id.into(),
            account_id: id.into(),
            kind,
            name: format!("<{id}>"),
            email: format!("{id}@example.com"),
            requested_at: AT,
        }
    }

    fn text(rows: Vec<Row>, issued: Option<Issued>, mail: bool) -> String {
        RecoveryPage { shell: OfficeShell::sample(), issued, rows, valid_hours: 1, mail }.render().unwrap()
    }

    fn mail(status: outbox::Status) -> outbox::Message {
        outbox::Message {
            id: "m1".into(),
            channel: domain::notice::Channel::Mail,
            notice: NoticeKind::Recovery,
            account_id: Some("mara".into()),
            recipient: "Mara".into(),
            address: "mara@example.com".into(),
            subject: "Choose a new password".into(),
            body: String::new(),
            html: String::new(),
            secret: true,
            status,
            attempts: 1,
            created_at: AT,
            next_at: AT,
            done_at: Some(AT),
            last_error: String::new(),
        }
    }

    #[test]
    fn requests_show_their_age_and_colleagues_are_left_to_admins() {
        let now = AT.plus(5 * HOUR);
        let rows = vec![
            Row::new(request("mara", Kind::Partner), None, false, now),
            Row::new(request("ada", Kind::Staff), None, false, now),
        ];
        let page = text(rows, None, true);
        assert!(page.contains("5 h, overdue") && page.contains("&#60;mara&#62;"));
        for act in ["issue", "send", "close"] {
            assert!(page.contains(&format!("/office/recovery/mara/{act}")), "{act}");
            assert!(!page.contains(&format!("/office/recovery/ada/{act}")), "{act}");
        }
    }

    #[test]
    fn whoever_was_mailed_is_not_overdue() {
        let now = AT.plus(5 * HOUR);
        let row = |status| Row::new(request("mara", Kind::Partner), Some(&mail(status)), false, now);
        let page = text(vec![row(outbox::Status::Sent)], None, true);
        assert!(page.contains("5 h, answered") && page.contains("/office/outbox/m1"));
        assert!(text(vec![row(outbox::Status::Parked)], None, true).contains("5 h, overdue"));
    }

    #[test]
    fn the_address_is_shown_to_be_sent_by_hand() {
        let issued = Issued {
            email: "mara@example.com".into(),
            address: "http://localhost/reset/x".into(),
            mail: "mailto:mara@example.com?subject=a&body=b".into(),
        };
        let page = text(vec![], Some(issued), false);
        assert!(page.contains("http://localhost/reset/x") && page.contains("Nobody waits"));
        let rows = vec![Row::new(request("mara", Kind::Partner), None, false, AT)];
        let page = text(rows, None, false);
        assert!(page.contains("/mara/issue") && !page.contains("/mara/send"));
    }
}
