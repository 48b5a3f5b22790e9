//! The contact form: a client leaves a contact, and becomes a client with a number.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use axum_extra::extract::CookieJar;
use domain::{
    alias::Alias,
    attribution::{LinkRule, Visit},
    claim::matching::TYPED,
    referral_code::{LENGTH, Reading, ReferralCode},
    source::Source,
    text::{Email, Message, Name, Phone, Telegram, optional},
};

use crate::{
    app::App,
    limits::Limited,
    ops::clients::{self, Contact},
    redirect::{code_meant, keep_damaged, visit_in, word_meant},
    web::{
        address::Origin,
        fields::{Asked, Fields},
        shell::PublicShell,
        show::{Page, show, show_with},
    },
};

/// The field that people don't see.
const TRAP: &str = "leave_empty";

/// The longest identifier of a form that is taken; ours are 36 letters.
const MAX_SUBMISSION: usize = 100;

#[derive(Template)]
#[template(path = "public/contact.html")]
struct ContactPage {
    shell: PublicShell,
    form: Fields,
}

#[derive(Template)]
#[template(path = "public/contact_thanks.html")]
struct ThanksPage {
    shell: PublicShell,
    name: String,
    number: i64,
    support_email: String,
    support_telegram: String,
    site_url: String,
}

/// `GET /contact`
///
/// # Errors
/// When the template fails.
pub async fn form(State(app): State<App>, jar: CookieJar, asked: Asked) -> Page {
    let env = app.env();
    let cookie = visit_in(&jar).filter(|visit| visit.within(env.programme.window(), env.now));
    let linked = code_meant(&app, asked.value("ref")).await.map(|reading| reading.code);
    // The redirect has applied the rule to the cookie already; the address only speaks where there is no cookie,
    // or where the last link counts.
    let code = match (env.programme.link_rule, cookie) {
        (LinkRule::First, Some(visit)) => Some(visit.code),
        (_, visit) => linked.or(visit.map(|visit| visit.code)),
    };
    let mut form = Fields::filled([("submission", &env.ids.uuid(env.now))]);
    if let Some(code) = code {
        form.set("code", code.to_string());
        form.set("via", "link");
        form.set("source", Source::named(asked.value("ref_source")).to_string());
    }
    show(&ContactPage { shell: PublicShell::plain(&env), form })
}

/// `POST /contact`
///
/// # Errors
/// Too often, or the database says no.
pub async fn submit(
    State(app): State<App>,
    Origin(origin): Origin,
    jar: CookieJar,
    mut form: Fields,
) -> Page {
    app.allow(Limited::Contact, &origin).await?;
    let env = app.env();
    refuse_trapped(&mut form);
    let word = word(&app, &form).await;
    let Some(contact) = read(&mut form, visit_in(&jar), word) else {
        if form.error("code").is_some() {
            keep_damaged(&app, &origin, form.typed("code"), TYPED.to_owned());
        }
        if form.typed("submission").is_empty() {
            form.set("submission", env.ids.uuid(env.now));
        }
        let page = ContactPage { shell: PublicShell::plain(&env), form };
        return show_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let name = contact.name.clone();
    let received = app.write(move |tx, env| clients::receive(tx, env, &contact)).await?;
    thanks(&app, &name, received.client_number)
}

/// Refuses a form in which a field is filled that people don't see. Whoever fills it in is a program, or a browser that fills
/// in too much: nothing is thrown away silently, a person sends the form once more.
pub(super) fn refuse_trapped(form: &mut Fields) {
    if !form.typed(TRAP).is_empty() {
        form.refuse_form(
            "This was filled in as if by a program. If you are a person, please press Send once more.",
        );
    }
}

/// The code of the partner whose link, or whose word, stands in the field that asks who recommended us. A word that could be
/// a name is none: "anna" may be any Anna, and sales knows which.
pub async fn word(app: &App, form: &Fields) -> Option<ReferralCode> {
    let typed = form.typed("code").trim();
    let is_meant = match ReferralCode::read(typed) {
        Some(reading) => reading.repaired_from.is_some(),
        None => typed.contains("/r/") || Alias::read(typed).is_some_and(|word| word.is_no_name()),
    };
    if is_meant { word_meant(app, typed).await } else { None }
}

/// Reads the form; what is wrong is kept beside the fields. What programs enter is read by the same rules. `word` is the
/// code that [`word`] knows.
pub fn read(form: &mut Fields, cookie: Option<Visit>, word: Option<ReferralCode>) -> Option<Contact> {
    let name = form.check("name", Name::parse);
    let email = form.check("email", |typed| optional(typed, Email::parse));
    let phone = form.check("phone", |typed| optional(typed, Phone::parse));
    let telegram = form.check("telegram", |typed| optional(typed, Telegram::parse));
    let message = form.check("message", |typed| optional(typed, Message::parse));
    let recommended = form.check("code", |typed| match word {
        Some(code) => Ok(Recommended::By(Reading { code, repaired_from: None })),
        None => recommended(typed),
    });
    let reachable = [
        &email.as_ref().map(Option::is_some),
        &phone.as_ref().map(Option::is_some),
        &telegram.as_ref().map(Option::is_some),
    ]
    .into_iter()
    // A field that is filled in wrongly has its own sentence.
    .any(|field| *field != Some(false));
    if !reachable {
        form.refuse(
            "email",
            "Leave an email address, a phone number or a Telegram name, so that we can reach you.",
        );
    }
    if form.typed("submission").chars().count() > MAX_SUBMISSION || form.typed("submission").contains('\0') {
        form.refuse_form("This form is broken. Load the page again and send it once more.");
    }
    if form.is_refused() {
        return None;
    }
    let (code, by_name) = match recommended? {
        Recommended::By(reading) => (Some(reading), None),
        Recommended::ByName(name) => (None, Some(format!("Recommended by: {name}"))),
        Recommended::ByNobody => (None, None),
    };
    let by_link = form.typed("via") == "link";
    let message = message?.map(|message| message.to_string());
    Some(Contact {
        name: name?.to_string(),
        email: email?.map(|email| email.to_string()).unwrap_or_default(),
        phone: phone?.map(|phone| phone.to_string()).unwrap_or_default(),
        telegram: telegram?.map(|telegram| telegram.to_string()).unwrap_or_default(),
        message: message.into_iter().chain(by_name).collect::<Vec<_>>().join("\n\n"),
        submission: Some(form.typed("submission").to_owned()).filter(|id| !id.is_empty()),
        typed: code.clone().filter(|_| !by_link),
        carried: code.filter(|_| by_link),
        cookie,
        source: Source::named(form.typed("source")),
        external_id: None,
        deal_external_id: None,
    })
}

/// What stands in the field that asks who recommended us.
enum Recommended {
    ByNobody,
    By(Reading),
    /// Words that never were a code: kept for sales, who may know the person.
    ByName(Name),
}

fn recommended(typed: &str) -> Result<Recommended, &'static str> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(Recommended::ByNobody);
    }
    if let Some(reading) = ReferralCode::read(typed) {
        return Ok(Recommended::By(reading));
    }
    let letters = typed.chars().filter(|c| c.is_alphanumeric()).count();
    let is_code = letters == LENGTH || typed.chars().filter(char::is_ascii_digit).count() > 1;
    Name::parse(typed).ok().filter(|_| letters > 0 && !is_code).map(Recommended::ByName).ok_or(
        "This is not a code of ours: a code has 8 letters and digits, and more than one of them is wrong here. Check it, \
         or write the name of the person who sent you.",
    )
}

fn thanks(app: &App, name: &str, number: i64) -> Page {
    let env = app.env();
    let programme = &env.programme;
    let page = ThanksPage {
        shell: PublicShell::plain(&env),
        name: name.to_owned(),
        number,
        support_email: programme.support_email.clone(),
        support_telegram: programme.support_telegram.clone(),
        site_url: programme.site_url.clone(),
    };
    show_with(StatusCode::CREATED, &page)
}
