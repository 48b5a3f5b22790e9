//! Who followed the link: a person, or a program that looks at links; and where the link stood.

use std::{
    collections::HashMap,
    sync::{
        LazyLock, Once, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::http::{HeaderMap, HeaderName, header};
use url::Url;

/// The host that the link stood on, or empty.
pub fn source(headers: &HeaderMap) -> String {
    let Some(referrer) = headers.get(header::REFERER).and_then(|value| value.to_str().ok()) else {
        return String::new();
    };
    let host =
        Url::parse(referrer).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    host.chars().take(253).collect()
}

/// What some browsers say when they fetch a page that nobody may ever look at.
const PURPOSES: [HeaderName; 3] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-moz"),
];

/// Words in the names of programs that are newer than the list, or a company's own.
const SIGNS: [&str; 11] = [
    "bot",
    "crawl",
    "spider",
    "preview",
    "monitor",
    "whatsapp/",
    "facebookexternalhit",
    "curl/",
    "wget/",
    "python-",
    "http-client",
];

/// Whether a program looked at the link (the preview of a messenger, a search engine, a script), or a browser that
/// prefetches.
pub fn is_automatic(headers: &HeaderMap) -> bool {
    let says = |name: &HeaderName, words: &[&str]| {
        headers.get(name).is_some_and(|value| {
            let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
            words.iter().any(|word| value.contains(word))
        })
    };
    if PURPOSES.iter().any(|name| says(name, &["prefetch", "preview"])) {
        return true;
    }
    // Who says nothing is counted: some people have it removed, programs rarely do.
    let Some(agent) = headers.get(header::USER_AGENT) else { return false };
    let agent = String::from_utf8_lossy(agent.as_bytes());
    is_program(&agent)
}

/// Whether the list of programs is there. It takes some 20 MB and a moment, so it is loaded with the first click, beside it;
/// until it is there the signs have to do.
static LISTED: AtomicBool = AtomicBool::new(false);
static LOADING: Once = Once::new();

fn is_program(agent: &str) -> bool {
    // A phone that only sounds like one; and a browser without a window, which is driven by tests as by a person.
    if agent.contains("CUBOT") || agent.contains("HeadlessChrome/") {
        return false;
    }
    LOADING.call_once(|| {
        let load = || {
            iscrawl::crawler_info("a browser");
            LISTED.store(true, Ordering::Release);
        };
        if let Err(error) = std::thread::Builder::new().name("list-programs".into()).spawn(load) {
            tracing::warn!(%error, "the list of programs that aren't counted can't be loaded");
        }
    });
    let listed = LISTED.load(Ordering::Acquire);
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(agent).copied();
    if let Some(known) = known {
        return known;
    }
    let lower = agent.to_ascii_lowercase();
    let is_program =
        listed && iscrawl::crawler_info(agent).is_some() || SIGNS.iter().any(|sign| lower.contains(sign));
    if listed && agent.len() <= LONGEST_KNOWN {
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(agent.into(), is_program);
    }
    is_program
}

/// What was found out about the names that came of late: most people use one of a few browsers.
static KNOWN: LazyLock<RwLock<HashMap<Box<str>, bool>>> = LazyLock::new(RwLock::default);
/// How many names are remembered, and how long one may be.
const MOST_KNOWN: usize = 1_000;
const LONGEST_KNOWN: usize = 400;

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
            "facebookexternalhit/1.1",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "Mozilla/5.0 (compatible; Googlebot/2.1)",
            "curl/8.5",
            "python-requests/2.32",
            "Go-http-client/1.1",
            "AcmeSiteMonitor/2",
        ] {
            assert!(is_automatic(&headers("user-agent", agent)), "{agent}");
        }
        // Known from the list alone, which the clicks above have had loaded.
        while !LISTED.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        for agent in ["okhttp/4.9", "axios/1.6", "Viber/1"] {
            assert!(is_automatic(&headers("user-agent", agent)), "{agent}");
        }
        for agent in [
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Mobile Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 12; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 300.0",
            "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
        ] {
            assert!(!is_automatic(&headers("user-agent", agent)), "{agent}");
        }
        assert!(is_automatic(&headers("sec-purpose", "prefetch;prerender")));
        assert!(is_automatic(&headers("x-moz", "Prefetch")));
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
