//! People who forgot their password and asked for a new one; the office hands over the one-time address.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{clock::Timestamp, permission::Permission};
use store::{
    accounts::{self, Kind},
    recovery::{self, Request},
};

use super::parts::{Asked, Id, Moment, duration};
use crate::{
    app::App,
    ops::recovery::{self as acts, VALID_HOURS},
    web::{
        error::{Explanation, PageError},
        paths,
        shell::OfficeShell,
        show::{Page, show},
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
    age: String,
    staff: bool,
    /// Whether the person who looks may answer it.
    may_issue: bool,
}

impl Row {
    fn new(request: Request, kind: Option<Kind>, may_staff: bool, now: Timestamp) -> Row {
        let staff = kind == Some(Kind::Staff);
        Row {
            staff,
            may_issue: !staff || may_staff,
            at: Moment::exact(request.requested_at),
            age: duration(now.since(request.requested_at).max(0)),
            account_id: request.account_id,
            name: request.name,
            email: request.email,
        }
    }
}

async fn render(app: &App, staff: Staff, done: Option<String>, issued: Option<Issued>) -> Page {
    let (shell, rows) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_RECOVERY, done.as_deref())?;
            let may_staff = staff.role.may(Permission::ManageStaff);
            let mut rows = Vec::new();
            for request in recovery::open(tx, SHOWN)? {
                let kind = accounts::by_id(tx, &request.account_id)?.map(|account| account.kind);
                rows.push(Row::new(request, kind, may_staff, env.now));
            }
            Ok((shell, rows))
        })
        .await?;
    show(&RecoveryPage { shell, issued, rows, valid_hours: VALID_HOURS })
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
    let (secret, email) = app
        .write(move |tx, env| -> Result<_, PageError> {
            let account = accounts::by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            if account.kind == Kind::Staff && !may_staff {
                return Err(only_admins());
            }
            acts::issue(tx, env, &by, &id)?.ok_or_else(PageError::not_found)
        })
        .await?;
    let issued = issued(&app, email, &secret);
    render(&app, staff, None, Some(issued)).await
}

fn only_admins() -> PageError {
    PageError::Explained(Explanation {
        status: StatusCode::FORBIDDEN,
        title: "Ask an admin".into(),
        sentence: "This account belongs to a colleague. Only an admin can let colleagues in again.".into(),
        way_on: (paths::OFFICE_RECOVERY.into(), "Back"),
    })
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

    fn request(id: &str) -> Request {
        Request {
            id: id.into(),
            account_id: id.into(),
            name: format!("<{id}>"),
            email: format!("{id}@example.com"),
            requested_at: AT,
        }
    }

    fn text(rows: Vec<Row>, issued: Option<Issued>) -> String {
        RecoveryPage { shell: OfficeShell::sample(), issued, rows, valid_hours: 1 }.render().unwrap()
    }

    #[test]
    fn requests_show_their_age_and_colleagues_are_left_to_admins() {
        let now = AT.plus(5 * HOUR);
        let rows = vec![
            Row::new(request("mara"), Some(Kind::Partner), false, now),
            Row::new(request("ada"), Some(Kind::Staff), false, now),
        ];
        let page = text(rows, None);
        assert!(page.contains("5 h") && page.contains("&#60;mara&#62;"));
        assert!(page.contains("/office/recovery/mara/issue") && !page.contains("/office/recovery/ada/issue"));
    }

    #[test]
    fn the_address_is_shown_to_be_sent_by_hand() {
        let issued = Issued {
            email: "mara@example.com".into(),
            address: "http://localhost/reset/x".into(),
            mail: "mailto:mara@example.com?subject=a&body=b".into(),
        };
        let page = text(vec![], Some(issued));
        assert!(page.contains("http://localhost/reset/x") && page.contains("Nobody waits"));
    }
}
