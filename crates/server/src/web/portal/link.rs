//! QR & Link, the main page: everything a partner needs to recommend the company.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::{
    alias::{Alias, AliasKind, MOST_CHOSEN},
    referral_code::ReferralCode,
};
use store::{DbError, aliases, partners};

use super::place::Place;
use crate::{
    app::{App, Env},
    ops::aliases::{self as acts, AliasError},
    qr,
    web::{
        error::PageError,
        fields::{Asked, Fields},
        paths,
        shell::PortalShell,
        show::{Page, download, go_to, show_with},
        visitor::Partner,
    },
};

#[derive(Template)]
#[template(path = "portal/link.html")]
struct LinkPage {
    shell: PortalShell,
    link: String,
    spoken: String,
    spelled: String,
    qr: Arc<str>,
    share: Vec<Channel>,
    window_days: i64,
    support_email: String,
    support_telegram: String,
    /// The company has a site with pages that a link can lead to.
    has_site: bool,
    place: PlaceLink,
    alias: AliasForm,
}

/// The link for one place, where one was asked for.
struct PlaceLink {
    form: Fields,
    /// The link, and its QR code as files.
    made: Option<[String; 3]>,
}

/// The words that stand for the partner in links.
struct AliasForm {
    form: Fields,
    /// The links with words, the newest first.
    links: Vec<String>,
    /// Another word can be chosen.
    may_choose: bool,
    /// How many words can still be chosen.
    left: i64,
    /// The address without the word.
    before: String,
}

/// What the page knows about the partner.
struct Facts {
    code: ReferralCode,
    aliases: Vec<aliases::PartnerAlias>,
}

/// How many words are shown. A partner who came from another system may have brought along any number.
const SHOWN_ALIASES: i64 = 20;

fn read(tx: &mut store::Tx, id: &str) -> Result<Option<Facts>, DbError> {
    let Some(partner) = partners::by_id(tx, id)? else { return Ok(None) };
    Ok(Some(Facts { code: partner.code, aliases: aliases::of_partner(tx, id, SHOWN_ALIASES)? }))
}

/// A way to share the link: an ordinary address, nothing of anybody else's runs on this page.
struct Channel {
    label: &'static str,
    icon: &'static str,
    href: String,
    /// Leads to another site, in a tab of its own.
    foreign: bool,
}

fn channels(link: &str, programme: &str) -> Vec<Channel> {
    let link = paths::query_value(link);
    let subject = paths::query_value(programme);
    let site = |label, icon, href| Channel { label, icon, href, foreign: true };
    vec![
        Channel {
            label: "Mail",
            icon: "mail",
            href: format!("mailto:?subject={subject}&body={link}"),
            foreign: false,
        },
        site("Telegram", "telegram", format!("https://t.me/share/url?url={link}")),
        site("WhatsApp", "whatsapp", format!("https://wa.me/?text={link}")),
        site("X", "x", format!("https://x.com/intent/post?url={link}")),
        site("LinkedIn", "linkedin", format!("https://www.linkedin.com/sharing/share-offsite/?url={link}")),
        site("Facebook", "facebook", format!("https://www.facebook.com/sharer/sharer.php?u={link}")),
    ]
}

impl LinkPage {
    fn new(
        env: &Env,
        shell: PortalShell,
        public_url: &str,
        facts: &Facts,
        place: Place,
        alias: Fields,
    ) -> LinkPage {
        let programme = &env.programme;
        let code = facts.code;
        let link = format!("{public_url}{}", paths::referral(code));
        let made = (!place.is_plain()).then(|| {
            let link = format!("{public_url}{}", place.link(code));
            [link, place.under(paths::QR_JPG), place.under(paths::QR_SVG)]
        });
        let chosen = facts.aliases.iter().filter(|word| word.kind == AliasKind::Vanity).count();
        let left = MOST_CHOSEN - i64::try_from(chosen).unwrap_or(MOST_CHOSEN);
        let alias = AliasForm {
            form: alias,
            links: facts
                .aliases
                .iter()
                .map(|word| format!("{public_url}{}", paths::referral(&word.alias)))
                .collect(),
            may_choose: left > 0 && !shell.suspended,
            left,
            before: format!("{public_url}{}", paths::referral("")),
        };
        LinkPage {
            shell,
            spoken: code.spoken(),
            spelled: code.spelled(),
            qr: qr::svg_again(&link),
            share: channels(&link, &programme.name),
            link,
            window_days: programme.window_days,
            support_email: programme.support_email.clone(),
            support_telegram: programme.support_telegram.clone(),
            has_site: !programme.site_url.is_empty(),
            place: PlaceLink { form: place.form, made },
            alias,
        }
    }
}

/// The code of a partner.
pub(super) async fn code(app: &App, partner: &Partner) -> Result<ReferralCode, PageError> {
    let id = partner.id.clone();
    let found = app.read(move |tx, _| partners::by_id(tx, &id)).await.map_err(|error: DbError| error)?;
    Ok(found.ok_or_else(PageError::not_found)?.code)
}

async fn answer(app: &App, partner: &Partner, asked: &Asked, alias: Fields, status: StatusCode) -> Page {
    let id = partner.id.clone();
    let facts = app.read(move |tx, _| read(tx, &id)).await?.ok_or_else(PageError::not_found)?;
    let env = app.env();
    let shell = PortalShell::new(&env, partner, paths::LINK, Some(asked.value("done")));
    let place = Place::read(asked, &env.programme);
    show_with(status, &LinkPage::new(&env, shell, &app.public_url, &facts, place, alias))
}

/// `GET /link`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, partner: Partner, asked: Asked) -> Page {
    answer(&app, &partner, &asked, Fields::default(), StatusCode::OK).await
}

/// `POST /link/alias`
///
/// # Errors
/// When the database says no.
pub async fn choose_alias(State(app): State<App>, partner: Partner, mut form: Fields) -> Page {
    if let Some(alias) = form.check("alias", Alias::choose) {
        let by = partner.actor();
        let chosen = alias.clone();
        let code = code(&app, &partner).await?;
        match app.write(move |tx, env| acts::choose(tx, env, &by, &chosen)).await {
            Ok(()) => {
                app.clicks.directory().remember_alias(alias, code);
                return go_to(&paths::with_query(paths::LINK, &[("done", "alias")]));
            }
            Err(AliasError::Db(error)) => return Err(error.into()),
            Err(error) => form.refuse("alias", error),
        }
    }
    answer(&app, &partner, &Asked::default(), form, StatusCode::UNPROCESSABLE_ENTITY).await
}

/// The link that a file is asked for, and what the file is called.
async fn asked_link(app: &App, partner: &Partner, asked: &Asked) -> Result<(String, String), PageError> {
    let code = code(app, partner).await?;
    let place = Place::read(asked, &app.programme());
    Ok((format!("{}{}", app.public_url, place.link(code)), place.file_name(code)))
}

/// `GET /link/qr.svg`
///
/// # Errors
/// When the database can't be read.
pub async fn svg(State(app): State<App>, partner: Partner, asked: Asked) -> Result<Response, PageError> {
    let (link, name) = asked_link(&app, &partner, &asked).await?;
    Ok(download("image/svg+xml", &format!("{name}.svg"), qr::svg_file(&link)))
}

/// `GET /link/qr.jpg`
///
/// # Errors
/// When the database can't be read.
pub async fn jpg(State(app): State<App>, partner: Partner, asked: Asked) -> Result<Response, PageError> {
    let (link, name) = asked_link(&app, &partner, &asked).await?;
    let picture = tokio::task::spawn_blocking(move || qr::jpeg(&link)).await.map_err(PageError::internal)?;
    Ok(download("image/jpeg", &format!("{name}.jpg"), picture))
}
