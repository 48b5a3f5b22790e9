//! The click path: `/r/<code>` remembers the partner and sends the client on. It must answer whatever happens.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use axum_extra::extract::CookieJar;
use domain::{
    attribution::{Visit, after_click},
    clock::SECOND,
    referral_code::{ReferralCode, damage},
};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::{
    app::App,
    limits::Limited,
    ops::clicks,
    web::{address::Origin, paths},
};

/// How long a client waits for the click to be written down before being sent on without it.
const PATIENCE: Duration = Duration::from_millis(1_500);

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

async fn unreadable(State(app): State<App>) -> Response {
    send_on(&app, None)
}

async fn follow(
    State(app): State<App>,
    Origin(origin): Origin,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    jar: CookieJar,
) -> Response {
    // Not axum's Path: it refuses bytes that are no text, and a link must lead on whatever became of it.
    let text = percent_decode_str(uri.path()).decode_utf8_lossy();
    let text = text.strip_prefix("/r/").unwrap_or_default();
    let automatic = method == Method::HEAD || is_automatic(&headers);
    let Some(reading) = ReferralCode::read(text) else {
        if !automatic {
            keep_damaged(&app, &origin, text, source(&headers));
        }
        return send_on(&app, None);
    };
    let code = reading.code;
    let visit = clicks::Visit { reading, source: source(&headers), automatic };
    let recorded =
        tokio::time::timeout(PATIENCE, app.write(move |tx, env| clicks::record(tx, env, &visit))).await;
    match recorded {
        // A code that fits but was never given to anybody: the contact form asks who recommended us.
        Ok(Ok(false)) => {
            if !automatic {
                keep_damaged(&app, &origin, text, source(&headers));
            }
            return send_on(&app, None);
        }
        Ok(Ok(true)) => {}
        Ok(Err(error)) => {
            tracing::error!(%error, %code, "a click was not written down; the client was sent on")
        }
        Err(_) => tracing::error!(%code, "a click was not written down in time; the client was sent on"),
    }
    let env = app.env();
    let programme = &env.programme;
    let window = programme.window();
    let click = Visit { code, at: env.now };
    let kept = after_click(programme.link_rule, window, visit_in(&jar), click);
    let age = window - env.now.since(kept.at);
    let mut cookie =
        format!("{COOKIE}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax", kept.to_cookie(), age / 1_000_000);
    if app.is_https() {
        cookie.push_str("; Secure");
    }
    let mut response = send_on(&app, Some(code));
    if let Ok(value) = cookie.parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
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
fn send_on(app: &App, code: Option<ReferralCode>) -> Response {
    let programme = app.programme();
    let code = code.map(|code| code.to_string()).unwrap_or_default();
    let to = match Url::parse(&programme.site_url) {
        Ok(mut site) => {
            if !code.is_empty() {
                site.query_pairs_mut().append_pair("ref", &code);
            }
            site.to_string()
        }
        Err(_) => paths::with_query(paths::CONTACT, &[("ref", &code)]),
    };
    let headers = [(header::LOCATION, to), (header::CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::FOUND, headers).into_response()
}

/// The host that the link stood on.
fn source(headers: &HeaderMap) -> String {
    let referrer = headers.get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let host =
        Url::parse(referrer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    host.chars().take(253).collect()
}

/// What programs that look at links call themselves: previews of messengers, search engines, scripts.
const AUTOMATIC: [&str; 11] = [
    "bot",
    "crawl",
    "spider",
    "preview",
    "facebookexternalhit",
    "whatsapp/",
    "slurp",
    "curl/",
    "wget/",
    "python-",
    "monitor",
];

/// Whether a program looked at the link, or a browser that prefetches.
fn is_automatic(headers: &HeaderMap) -> bool {
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase())
            .unwrap_or_default()
    };
    let agent = text("user-agent");
    let purpose = text("sec-purpose") + &text("purpose") + &text("x-moz");
    purpose.contains("prefetch")
        || purpose.contains("preview")
        || AUTOMATIC.iter().any(|sign| agent.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn programs_are_told_from_people() {
        for agent in [
            "TelegramBot (like TwitterBot)",
            "WhatsApp/2.23",
            "Mozilla/5.0 (compatible; Googlebot/2.1)",
            "curl/8.5",
        ] {
            assert!(is_automatic(&headers("user-agent", agent)), "{agent}");
        }
        let phone = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Mobile Safari/537.36";
        assert!(!is_automatic(&headers("user-agent", phone)));
        assert!(is_automatic(&headers("sec-purpose", "prefetch;prerender")));
        assert!(!is_automatic(&HeaderMap::new()));
    }

    #[test]
    fn the_source_is_the_host_of_the_page_before() {
        assert_eq!(source(&headers("referer", "https://blog.example/post?x=1")), "blog.example");
        assert_eq!(
            source(&headers("referer", "android-app://org.telegram.messenger/")),
            "org.telegram.messenger"
        );
        assert_eq!(source(&headers("referer", "nonsense")), "");
    }
}
