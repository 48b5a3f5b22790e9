//! Who works in the office: invite, change roles, take access away and give it back.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    permission::Role,
    text::{Email, Name},
};
use store::accounts::{self, Member};

use super::parts::{Asked, Badge, Id, Moment};
use crate::{
    app::App,
    ops::staff::{self as acts, INVITATION_DAYS, StaffError},
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
#[template(path = "office/staff.html")]
struct StaffPage {
    shell: OfficeShell,
    /// Why what was asked for can't be done.
    conflict: Option<String>,
    invited: Option<Invited>,
    rows: Vec<Row>,
    roles: [Role; 4],
    form: Fields,
    invitation_days: i64,
}

/// A one-time address that is shown this once.
#[derive(Debug, Clone)]
struct Invited {
    name: String,
    /// The address was mailed as well.
    mailed: bool,
    address: String,
    mail: String,
}

struct Row {
    id: String,
    name: String,
    email: String,
    role: Role,
    status: Badge,
    since: Moment,
    joined: bool,
    disabled: bool,
    /// The person who looks at the page.
    oneself: bool,
}

impl Row {
    fn new(member: Member, oneself: &str) -> Row {
        let status = match (member.disabled_at, member.joined) {
            (Some(_), _) => Badge::new("suspended", "No access"),
            (None, true) => Badge::new("active", "Active"),
            (None, false) => Badge::new("pending", "Invited"),
        };
        Row {
            oneself: member.id == oneself,
            id: member.id,
            name: member.name,
            email: member.email,
            role: member.role,
            status,
            since: Moment::day(member.created_at),
            joined: member.joined,
            disabled: member.disabled_at.is_some(),
        }
    }
}

/// What the page is shown for.
#[derive(Default)]
struct Occasion {
    done: Option<String>,
    conflict: Option<String>,
    invited: Option<Invited>,
    form: Fields,
}

async fn render(app: &App, staff: Staff, status: StatusCode, occasion: Occasion) -> Page {
    let oneself = staff.actor.id.clone();
    let done = occasion.done;
    let (shell, members) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_STAFF, done.as_deref())?;
            Ok((shell, accounts::staff(tx)?))
        })
        .await?;
    let page = StaffPage {
        shell,
        conflict: occasion.conflict,
        invited: occasion.invited,
        rows: members.into_iter().map(|member| Row::new(member, &oneself)).collect(),
        roles: Role::ALL,
        form: occasion.form,
        invitation_days: INVITATION_DAYS,
    };
    show_with(status, &page)
}

/// `GET /office/staff`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    render(&app, staff, StatusCode::OK, Occasion { done: asked.done(), ..Occasion::default() }).await
}

fn role(form: &mut Fields) -> Option<Role> {
    form.check("role", |typed| Role::from_word(typed).ok_or("Choose one of the roles."))
}

/// `POST /office/staff`: invites somebody. The answer is the page itself, not a redirect: it shows the one-time
/// address, which is kept nowhere in readable form.
///
/// # Errors
/// When the database says no.
pub async fn invite(State(app): State<App>, staff: Staff, mut form: Fields) -> Page {
    let name = form.check("name", Name::parse);
    let email = form.check("email", Email::parse);
    let role = role(&mut form);
    let (Some(name), Some(email), Some(role)) = (name, email, role) else {
        let occasion = Occasion { form, ..Occasion::default() };
        return render(&app, staff, StatusCode::UNPROCESSABLE_ENTITY, occasion).await;
    };
    let (person, address, by) = (name.to_string(), email.to_string(), staff.actor.clone());
    let made = app
        .write(move |tx, env| -> Result<_, StaffError> {
            let id = acts::add(tx, env, &by, &name, &email, role, None)?;
            Ok(acts::invitation_secret(tx, env, &id)?)
        })
        .await;
    match made {
        Ok(secret) => {
            let invited = Some(invited(&app, &person, &address, &secret));
            render(&app, staff, StatusCode::CREATED, Occasion { invited, ..Occasion::default() }).await
        }
        Err(StaffError::Known) => {
            form.refuse("email", StaffError::Known);
            let occasion = Occasion { form, ..Occasion::default() };
            render(&app, staff, StatusCode::CONFLICT, occasion).await
        }
        Err(error) => refuse(&app, staff, error).await,
    }
}

fn invited(app: &App, name: &str, email: &str, secret: &str) -> Invited {
    let address = format!("{}{}", app.public_url, paths::invitation(secret));
    let programme = app.programme();
    let body = format!(
        "Hello {name},\n\nthis address lets you into the office of {}. It works once, for {INVITATION_DAYS} days:\n\n\
         {address}\n",
        programme.name
    );
    let subject = paths::query_value(&format!("Your access to {}", programme.name));
    let mail = format!("mailto:{email}?subject={subject}&body={}", paths::query_value(&body));
    Invited { name: name.to_owned(), mailed: app.reach().mail, address, mail }
}

/// `POST /office/staff/{id}/invite`: a new one-time address for somebody who hasn't joined yet.
///
/// # Errors
/// 404 when there is no such person.
pub async fn invite_again(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let by = staff.actor.clone();
    let found = match app.write(move |tx, env| acts::invite_again(tx, env, &by, &id)).await {
        Ok(found) => found,
        Err(error) => return refuse(&app, staff, error).await,
    };
    match found {
        (member, Some(secret)) => {
            let invited = Some(invited(&app, &member.name, &member.email, &secret));
            render(&app, staff, StatusCode::OK, Occasion { invited, ..Occasion::default() }).await
        }
        (member, None) => {
            let sentence = if member.joined {
                format!(
                    "{} has joined already. Who forgot the password asks for a new one on the sign-in page; \
                     the request then appears under Recovery.",
                    member.name
                )
            } else {
                format!("{} has no access. Give it back first, then invite again.", member.name)
            };
            let occasion = Occasion { conflict: Some(sentence), ..Occasion::default() };
            render(&app, staff, StatusCode::CONFLICT, occasion).await
        }
    }
}

/// `POST /office/staff/{id}/role`
///
/// # Errors
/// 404 when there is no such person.
pub async fn set_role(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let Some(role) = role(&mut form) else {
        let sentence = form.error("role").map(str::to_owned);
        let occasion = Occasion { conflict: sentence, ..Occasion::default() };
        return render(&app, staff, StatusCode::UNPROCESSABLE_ENTITY, occasion).await;
    };
    let by = staff.actor.clone();
    let changed = app.write(move |tx, env| acts::set_role(tx, env, &by, &id, role)).await;
    answer(&app, staff, "role", changed).await
}

/// `POST /office/staff/{id}/disable`
///
/// # Errors
/// 404 when there is no such person.
pub async fn disable(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let by = staff.actor.clone();
    let changed = app.write(move |tx, env| acts::disable(tx, env, &by, &id)).await;
    answer(&app, staff, "disabled", changed).await
}

/// `POST /office/staff/{id}/enable`
///
/// # Errors
/// 404 when there is no such person.
pub async fn enable(State(app): State<App>, staff: Staff, Id(id): Id) -> Page {
    let by = staff.actor.clone();
    let changed = app.write(move |tx, env| acts::enable(tx, env, &by, &id)).await;
    answer(&app, staff, "enabled", changed).await
}

async fn answer(app: &App, staff: Staff, word: &str, changed: Result<(), StaffError>) -> Page {
    match changed {
        Ok(()) => go_to(&paths::with_query(paths::OFFICE_STAFF, &[("done", word)])),
        Err(error) => refuse(app, staff, error).await,
    }
}

async fn refuse(app: &App, staff: Staff, error: StaffError) -> Page {
    match error {
        StaffError::Unknown => Err(PageError::not_found()),
        StaffError::Db(error) => Err(error.into()),
        refusal => {
            let occasion = Occasion { conflict: Some(refusal.to_string()), ..Occasion::default() };
            render(app, staff, StatusCode::CONFLICT, occasion).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::Timestamp;

    fn member(id: &str, joined: bool, disabled: bool) -> Member {
        let at = Timestamp::from_micros(1_795_421_400_000_000);
        Member {
            id: id.into(),
            name: format!("<{id}>"),
            email: format!("{id}@example.com"),
            role: Role::Finance,
            joined,
            disabled_at: disabled.then_some(at),
            created_at: at,
        }
    }

    #[test]
    fn the_page_shows_everybody_and_the_address_once() {
        let mut form = Fields::filled([("name", "Lea"), ("email", "lea@")]);
        form.refuse("email", "This is not an email address.");
        let members = [member("ada", true, false), member("lea", false, false), member("old", true, true)];
        let page = StaffPage {
            shell: OfficeShell::sample(),
            conflict: Some("This is the last admin.".into()),
            invited: Some(Invited {
                name: "Lea".into(),
                mailed: false,
                address: "http://localhost/invitation/x".into(),
                mail: "mailto:lea@example.com".into(),
            }),
            rows: members.into_iter().map(|member| Row::new(member, "ada")).collect(),
            roles: Role::ALL,
            form,
            invitation_days: 7,
        };
        let text = page.render().unwrap();
        for part in [
            "&#60;ada&#62;",
            "No access",
            "Invited",
            "http://localhost/invitation/x",
            "data-copy=\"#invitation\"",
            "This is the last admin.",
            "In the office since <time",
            "Invited on <time",
            "lea@",
            "id=\"invite-email-error\"",
            "/office/staff/old/enable",
            "/office/staff/lea/invite",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("/office/staff/ada/invite"), "who has joined needs no invitation");
    }
}
