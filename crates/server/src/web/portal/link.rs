//! QR & Link, the main page: everything a partner needs to recommend the company.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use domain::referral_code::ReferralCode;
use store::{DbError, partners};

use super::Done;
use crate::{
    app::{App, Env},
    qr,
    web::{
        error::PageError,
        paths,
        shell::PortalShell,
        show::{Page, download, show},
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
    fn new(env: &Env, shell: PortalShell, link: String, code: ReferralCode) -> Result<LinkPage, PageError> {
        let programme = &env.programme;
        Ok(LinkPage {
            shell,
            spoken: code.spoken(),
            spelled: code.spelled(),
            qr: qr::svg_again(&link),
            share: channels(&link, &programme.name),
            link,
            window_days: programme.window_days,
            support_email: programme.support_email.clone(),
            support_telegram: programme.support_telegram.clone(),
        })
    }
}

/// The code of a partner.
pub(super) async fn code(app: &App, partner: &Partner) -> Result<ReferralCode, PageError> {
    let id = partner.id.clone();
    let found = app.read(move |tx, _| partners::by_id(tx, &id)).await.map_err(|error: DbError| error)?;
    Ok(found.ok_or_else(PageError::not_found)?.code)
}

/// `GET /link`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, partner: Partner, Query(done): Query<Done>) -> Page {
    let code = code(&app, &partner).await?;
    let env = app.env();
    let shell = PortalShell::new(&env, &partner, paths::LINK, done.done.as_deref());
    let link = format!("{}{}", app.public_url, paths::referral(code));
    show(&LinkPage::new(&env, shell, link, code)?)
}

/// `GET /link/qr.svg`
///
/// # Errors
/// When the database can't be read.
pub async fn svg(State(app): State<App>, partner: Partner) -> Result<Response, PageError> {
    let code = code(&app, &partner).await?;
    let link = format!("{}{}", app.public_url, paths::referral(code));
    Ok(download("image/svg+xml", &format!("referral-{code}.svg"), qr::svg_file(&link)))
}

/// `GET /link/qr.jpg`
///
/// # Errors
/// When the database can't be read.
pub async fn jpg(State(app): State<App>, partner: Partner) -> Result<Response, PageError> {
    let code = code(&app, &partner).await?;
    let link = format!("{}{}", app.public_url, paths::referral(code));
    let picture = tokio::task::spawn_blocking(move || qr::jpeg(&link)).await.map_err(PageError::internal)?;
    Ok(download("image/jpeg", &format!("referral-{code}.jpg"), picture))
}
