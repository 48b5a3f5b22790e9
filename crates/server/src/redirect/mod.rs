//! The click path: `/r/<code>` remembers the partner and sends the client on. It must answer whatever happens, and at
//! once: it never waits for the database longer than a moment.

mod directory;
mod meaning;
mod program;
mod recorder;
mod site;
mod spool;

use std::sync::{Mutex, PoisonError};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use axum_extra::extract::CookieJar;
use domain::{
    attribution::{Visit, after_click},
    clock::SECOND,
    referral_code::{Reading, ReferralCode, damage},
    source::Source,
};
use percent_encoding::percent_decode_str;

use crate::{
    app::App,
    limits::Limited,
    ops::clicks,
    web::{address::origin_of, paths, security},
};

use meaning::{MOMENT, code_meant_within, word_meant_within};
pub use meaning::{code_meant, word_meant};
pub use recorder::{Outcome, Recorder};
use site::Carried;
pub use site::Site;
pub use spool::Spool;

/// The cookie that remembers the link.
const COOKIE: &str = "gw_ref";

/// The addresses of this module: whatever follows `/r/` is a link that somebody has followed.
pub fn routes() -> Router<App> {
    Router::new().route("/r", get(unreadable)).route("/r/", get(unreadable)).route("/r/{*code}", get(follow))
}

/// The visit that a browser's cookie remembers.
pub fn visit_in(jar: &CookieJar) -> Option<Visit> {
    Visit::from_cookie(jar.get(COOKIE)?.value())
}

async fn unreadable(State(app): State<App>, request: Request) -> Response {
    send_on(&app, None, Carried::read(request.uri().query()))
}

async fn follow(State(app): State<App>, request: Request) -> Response {
    // Not axum's Path: it refuses bytes that are no text, and a link must lead on whatever became of it.
    let text = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    let text = text.strip_prefix("/r/").unwrap_or_default();
    let headers = request.headers();
    let automatic = *request.method() == Method::HEAD || program::is_automatic(headers);
    let source = program::source(headers);
    let carried = Carried::read(request.uri().query());
    let came_from = carried.source.or(Source::site(&source));
    let mut meant = code_meant_within(&app, text, MOMENT).await;
    let now = app.clock.now();
    while let Some(reading) = meant {
        let code = reading.code;
        let directory = app.clicks.directory();
        let visit = clicks::Visit {
            at: now,
            code,
            partner_id: directory.partner(code),
            repaired_from: reading.repaired_from,
            source: source.clone(),
            place: directory.place(code, now.day(), came_from),
            automatic,
        };
        // A code that fits but was never given to anybody may be the word that a partner brought along. Where it can't be
        // known yet, it is taken for a partner's; whose it is shows when the form comes.
        if app.clicks.keep(visit).await == Outcome::Nobodys {
            let word = word_meant_within(&app, text, MOMENT).await.filter(|other| *other != code);
            meant = word.map(|code| Reading { code, repaired_from: None });
            continue;
        }
        let mut response = send_on(&app, Some(code), carried);
        if let Some(cookie) = cookie(&app, headers, Visit { code, at: now, source: came_from }) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        return response;
    }
    // The contact form asks who recommended us.
    if !automatic {
        keep_damaged(&app, &origin_of(&request, &app), text, source);
    }
    send_on(&app, None, carried)
}

/// What the browser remembers after this click.
fn cookie(app: &App, headers: &HeaderMap, click: Visit) -> Option<HeaderValue> {
    let before = headers.contains_key(header::COOKIE).then(|| CookieJar::from_headers(headers));
    let before = before.as_ref().and_then(visit_in);
    let programme = app.programme();
    let window = programme.window();
    let kept = after_click(programme.link_rule, window, before, click);
    let age = (window - click.at.since(kept.at)) / SECOND;
    let secure = if app.is_https() { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}", kept.to_cookie());
    HeaderValue::try_from(cookie).ok()
}

/// How many unreadable codes a server keeps in a minute, of all visitors: nobody can fill the disk with them.
const KEPT_A_MINUTE: u32 = 1_000;

/// Keeps a code that can't be read, beside the answer: the client is sent on at once, whatever becomes of it. It may
/// once help a partner whose link was damaged to show whose the client was. Of one visitor only a few are kept, so that
/// nobody crowds out those of others.
pub fn keep_damaged(app: &App, origin: &str, text: &str, source: String) {
    static KEPT: Mutex<(i64, u32)> = Mutex::new((0, 0));
    let Some(letters) = damage::letters(text) else { return };
    if app.limits.check(Limited::Damaged, origin).is_err() {
        return;
    }
    let minute = app.clock.now().micros() / (60 * SECOND);
    {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != minute {
            *kept = (minute, 0);
        }
        kept.1 += 1;
        if kept.1 > KEPT_A_MINUTE {
            return;
        }
    }
    let app = app.clone();
    tokio::spawn(async move {
        let kept = app.write(move |tx, env| clicks::keep_damaged(tx, env, &letters, &source)).await;
        if let Err(error) = kept {
            tracing::debug!(%error, "a code that could not be read was not kept");
        }
    });
}

/// 302 to the company's site, or to the built-in contact form, with the code where there is one.
fn send_on(app: &App, code: Option<ReferralCode>, carried: Carried) -> Response {
    let programme = app.programme();
    let to = app.site.with(&programme, code, carried);
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    // The settings take no address that isn't one; should one get there all the same, the own form takes the client.
    let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static(paths::CONTACT));
    headers.insert(header::LOCATION, to);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    security::add_headers(app, headers);
    response
}
