//! `/account`: profile, email address, password, open sessions. The same sections around which partners see the portal
//! and staff the office.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use axum_extra::extract::CookieJar;
use domain::clock::Timestamp;
use store::{
    email_changes::{self, EmailChange},
    profiles::{self, Profile},
    sessions::{self, OpenSession},
};

use crate::{
    app::App,
    device,
    web::{
        error::PageError,
        fields::Fields,
        office::parts::{Asked, Moment, Refused},
        paths,
        proof::session_of,
        shell::{OfficeShell, PortalShell},
        show::{Page, show_with},
        visitor::{Partner, Person, Staff},
    },
};

/// The languages people can wish for. Pages are in English whatever is chosen: the wish is kept for later.
pub(super) const LANGUAGES: [(&str, &str); 10] = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("it", "Italiano"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("ru", "Русский"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
];

/// How many sessions are listed. Somebody with more can end them all.
const SESSIONS: usize = 50;

#[derive(Template)]
#[template(path = "portal/account.html")]
struct PortalAccount {
    shell: PortalShell,
    account: Account,
}

#[derive(Template)]
#[template(path = "office/account.html")]
struct OfficeAccount {
    shell: OfficeShell,
    account: Account,
}

/// What the sections show.
struct Account {
    /// What was just done, in a sentence.
    notice: Option<&'static str>,
    /// Why what was asked for can't be done.
    conflict: Option<String>,
    email: String,
    confirmed: Option<Moment>,
    pending: Option<Pending>,
    profile: Fields,
    refused: Refused,
    languages: [(&'static str, &'static str); 10],
    sessions: Vec<Row>,
    /// There are more sessions than are listed.
    more: bool,
    /// Partners choose notices, staff don't.
    notices: Option<&'static str>,
    /// When a partner asked to be forgotten.
    erasure_asked: Option<Moment>,
}

/// A change of the email address under way.
struct Pending {
    email: String,
    until: Moment,
    released: bool,
    adopted: bool,
}

/// An open session.
struct Row {
    id: String,
    device: String,
    since: Moment,
    seen: Moment,
    current: bool,
}

impl Account {
    fn new(found: Found, asked: Occasion, person: &Person) -> Account {
        let profile = Fields::filled([("name", &found.profile.name), ("language", &found.profile.language)]);
        let more = found.sessions.len() > SESSIONS;
        Account {
            notice: asked.done.as_deref().and_then(notice),
            conflict: asked.conflict,
            email: found.profile.email,
            confirmed: found.profile.email_confirmed_at.map(Moment::day),
            pending: found.change.map(|change| Pending {
                email: change.email,
                until: Moment::exact(change.expires_at),
                released: change.released,
                adopted: change.adopted,
            }),
            profile: if asked.refused.is("profile") {
                asked.refused.form("profile").clone()
            } else {
                profile
            },
            refused: asked.refused,
            languages: LANGUAGES,
            sessions: found.sessions.into_iter().take(SESSIONS).map(Row::new).collect(),
            more,
            notices: Partner::of(person.0.clone()).map(|_| paths::ACCOUNT_NOTICES),
            erasure_asked: found.erasure_asked.map(Moment::day),
        }
    }
}

impl Row {
    fn new(session: OpenSession) -> Row {
        Row {
            id: session.id,
            device: device::in_words(&session.user_agent),
            since: Moment::exact(session.created_at),
            seen: Moment::exact(session.seen_at),
            current: session.current,
        }
    }
}

/// The sentence for the word that a redirect has left in the address.
fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "profile" => "Your profile is saved.",
        "password" => "Your password is changed. Every other device is signed out.",
        "email" => {
            "We have sent a link to your address and to the new one. The address changes once both have been opened and agreed to."
        }
        "kept" => "Your email address stays as it is.",
        "sent" => "The mail is on its way. Look into the spam folder, too.",
        "session" => "The session is ended.",
        "erasure" => {
            "We have noted that you want your data erased. The company looks at it, pays what is yours, and does it."
        }
        "stay" => "You stay. Nothing is erased.",
        "sessions" => "Every other session is ended.",
        _ => return None,
    })
}

/// What the page is shown for.
#[derive(Default)]
pub(super) struct Occasion {
    pub done: Option<String>,
    pub conflict: Option<String>,
    pub refused: Refused,
}

impl Occasion {
    /// A form was refused.
    pub fn refused(act: &'static str, form: Fields) -> Occasion {
        Occasion { refused: Refused::act(act, form), ..Occasion::default() }
    }
}

/// Everything the sections show, as read at one moment.
struct Found {
    profile: Profile,
    change: Option<EmailChange>,
    sessions: Vec<OpenSession>,
    erasure_asked: Option<Timestamp>,
}

fn find(tx: &mut store::Tx, id: &str, current: &str, now: Timestamp) -> Result<Found, PageError> {
    let limit = i64::try_from(SESSIONS + 1).unwrap_or(i64::MAX);
    Ok(Found {
        profile: profiles::of_account(tx, id)?.ok_or_else(PageError::not_found)?,
        change: email_changes::pending(tx, id, now)?,
        sessions: sessions::of_account(tx, id, current, now, limit)?,
        erasure_asked: store::erasure::of_partner(tx, id)?.1,
    })
}

/// Shows the page in the layout of the person's side.
pub(super) async fn render(
    app: &App,
    person: Person,
    jar: &CookieJar,
    status: StatusCode,
    occasion: Occasion,
) -> Page {
    let current = session_of(app, jar);
    let (id, done) = (person.0.account_id.clone(), occasion.done.clone());
    if let Some(partner) = Partner::of(person.0.clone()) {
        let found = app.read(move |tx, env| find(tx, &id, &current, env.now)).await?;
        let shell = PortalShell::new(&app.env(), &partner, paths::ACCOUNT, done.as_deref());
        return show_with(status, &PortalAccount { shell, account: Account::new(found, occasion, &person) });
    }
    let staff = Staff::of(person.0.clone()).ok_or_else(PageError::not_found)?;
    let (shell, found) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::ACCOUNT, None)?;
            Ok((shell, find(tx, &id, &current, env.now)?))
        })
        .await?;
    show_with(status, &OfficeAccount { shell, account: Account::new(found, occasion, &person) })
}

/// `GET /account`
///
/// # Errors
/// When the database can't be read.
pub async fn show_account(State(app): State<App>, person: Person, jar: CookieJar, asked: Asked) -> Page {
    let occasion = Occasion { done: asked.done(), ..Occasion::default() };
    render(&app, person, &jar, StatusCode::OK, occasion).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::sessions::{Standing, Visitor};

    const AT: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    fn session(id: &str, user_agent: &str, current: bool) -> OpenSession {
        OpenSession { id: id.into(), created_at: AT, seen_at: AT, user_agent: user_agent.into(), current }
    }

    fn found() -> Found {
        Found {
            profile: Profile {
                name: "Mara <Lindqvist>".into(),
                email: "mara@example.com".into(),
                email_key: "mara@example.com".into(),
                email_confirmed_at: None,
                language: "de".into(),
            },
            change: Some(EmailChange {
                email: "new@example.com".into(),
                email_key: "new@example.com".into(),
                requested_at: AT,
                expires_at: AT,
                released: true,
                adopted: false,
            }),
            sessions: vec![
                session("s1", "Firefox/145.0 (X11; Linux)", true),
                session("s2", "Safari/605 (iPhone)", false),
            ],
            erasure_asked: None,
        }
    }

    fn person(standing: Standing) -> Person {
        Person(Visitor {
            account_id: "a".into(),
            name: "Mara".into(),
            email: "mara@example.com".into(),
            standing,
        })
    }

    #[test]
    fn a_partner_sees_every_section() {
        let mut form = Fields::parse(b"current_password=secret-old&password=secret-new");
        form.refuse("current_password", "This is not your password.");
        let shell = PortalShell {
            programme: "Northwind".into(),
            here: paths::ACCOUNT,
            suspended: false,
            notice: None,
            feedback: Fields::default(),
        };
        let person = person(Standing::Partner { suspended: false });
        let account = Account::new(found(), Occasion::refused("password", form), &person);
        let text = PortalAccount { shell, account }.render().unwrap();
        for part in [
            "Mara &#60;Lindqvist&#62;",
            "value=\"de\" lang=\"de\" selected",
            "Not confirmed yet",
            "new@example.com",
            "Firefox on Linux",
            "This device",
            "Safari on iPhone",
            "value=\"s2\"",
            "This is not your password.",
            "/account/notices",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(!text.contains("value=\"s1\""), "the session in use is ended by Logout");
        assert!(!text.contains("secret-"), "passwords are never shown");
    }

    #[test]
    fn staff_see_it_in_the_office() {
        let person = person(Standing::Staff(domain::permission::Role::Admin));
        let account = Account::new(found(), Occasion::default(), &person);
        let text = OfficeAccount { shell: OfficeShell::sample(), account }.render().unwrap();
        assert!(text.contains("class=\"office\"") && text.contains("Safari on iPhone"), "{text}");
        assert!(!text.contains("/account/notices"), "staff are told what waits for their role");
    }
}
