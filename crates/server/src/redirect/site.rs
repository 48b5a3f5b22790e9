//! Where a client is sent on to.

use std::sync::{Arc, PoisonError, RwLock};

use domain::{referral_code::ReferralCode, source::Source};
use store::programme::Programme;
use url::{Url, form_urlencoded};

use crate::{sites, web::paths};

/// The address of the company's site as it was read last: it is the same with nearly every click.
#[derive(Debug, Default)]
pub struct Site(RwLock<Arc<Read>>);

/// An address, taken apart where the code goes.
#[derive(Debug, Default)]
struct Read {
    /// As the settings have it.
    setting: Option<String>,
    /// The whole, for a client without a code.
    plain: String,
    before_code: String,
    after_code: String,
}

/// What a link says besides the code: which page of the site it leads to, and where it stood, in the words that programs
/// for statistics know.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Carried {
    /// A page of the site by its path, or one of any site of the company by its address.
    page: Option<String>,
    /// `utm_source` and the like.
    utm: Vec<(String, String)>,
    /// The place that the partner named.
    pub source: Source,
}

/// The parameter by which a link names the place where it stands, and the one by which the site is told.
const NAMED: &str = "s";
const TOLD: &str = "ref_source";

/// How long what is carried along may be: some servers refuse longer addresses.
const LONGEST_PAGE: usize = 500;
const LONGEST_UTM: usize = 200;
const MOST_UTM: usize = 10;

impl Carried {
    /// Reads the query of a link. What can't be used is left out: a link must lead on.
    pub fn read(query: Option<&str>) -> Carried {
        let mut carried = Carried::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let fits = name.len() + value.len() <= LONGEST_UTM && carried.utm.len() < MOST_UTM;
            if name == "to"
                && value.len() <= LONGEST_PAGE
                && (paths::is_local(&value) || sites::origin(&value).is_some())
            {
                carried.page = Some(value.into_owned());
            } else if name == NAMED {
                carried.source = Source::named(&value);
            } else if name.starts_with("utm_") && fits {
                carried.utm.push((name.into_owned(), value.into_owned()));
            }
        }
        carried
    }

    fn is_empty(&self) -> bool {
        self.page.is_none() && self.utm.is_empty() && self.source.is_unknown()
    }

    /// The address with all of it; what the site's own address says already stays.
    fn put_into(self, site: Url, programme: &Programme, code: Option<ReferralCode>) -> String {
        let page = self.page.and_then(|page| site.join(&page).ok());
        let page = page.filter(|page| sites::is_ours(programme, &page.origin().ascii_serialization()));
        let mut to = page.unwrap_or(site);
        let said: Vec<String> = to.query_pairs().map(|(name, _)| name.into_owned()).collect();
        let utm = self.utm.into_iter().filter(|(name, _)| !said.contains(name));
        let code = code.map(|code| ("ref".to_owned(), code.to_string()));
        let source =
            (code.is_some() && !self.source.is_unknown()).then(|| (TOLD.to_owned(), self.source.to_string()));
        let pairs: Vec<(String, String)> = utm.chain(code).chain(source).collect();
        if !pairs.is_empty() {
            to.query_pairs_mut().extend_pairs(pairs);
        }
        to.to_string()
    }
}

impl Site {
    /// The address with a code and what else the link carries. Where the setting is no address, that of the built-in contact
    /// form.
    pub fn with(&self, programme: &Programme, code: Option<ReferralCode>, carried: Carried) -> String {
        let setting = programme.site_url.as_str();
        if !carried.is_empty()
            && let Ok(site) = Url::parse(setting)
        {
            return carried.put_into(site, programme, code);
        }
        let read = self.read(setting);
        match code {
            // The contact form of ours has no pages and reads no statistics' words.
            Some(code) if !carried.source.is_unknown() => {
                let told = [("ref", &*code.to_string()), (TOLD, carried.source.as_str())];
                paths::with_query(paths::CONTACT, &told)
            }
            Some(code) => format!("{}{code}{}", read.before_code, read.after_code),
            None => read.plain.clone(),
        }
    }

    fn read(&self, setting: &str) -> Arc<Read> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if known.setting.as_deref() == Some(setting) {
            return known;
        }
        let read = Arc::new(Read::new(setting));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = read.clone();
        read
    }
}

impl Read {
    fn new(setting: &str) -> Read {
        let setting_kept = Some(setting.to_owned());
        let Ok(mut site) = Url::parse(setting) else {
            return Read {
                setting: setting_kept,
                plain: paths::CONTACT.to_owned(),
                before_code: format!("{}?ref=", paths::CONTACT),
                after_code: String::new(),
            };
        };
        let plain = site.to_string();
        site.query_pairs_mut().append_pair("ref", "");
        let after_code = site.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default();
        let whole = site.to_string();
        let before_code = whole.strip_suffix(&after_code).unwrap_or(&whole).to_owned();
        Read { setting: setting_kept, plain, before_code, after_code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(site_url: &str) -> Programme {
        let more_sites = "https://shop.example".to_owned();
        Programme { site_url: site_url.to_owned(), more_sites, ..Programme::standard() }
    }

    #[test]
    fn the_code_is_added_to_whatever_the_address_has() {
        let code = ReferralCode::read("0000 0000").map(|reading| reading.code);
        assert!(code.is_some());
        let shown = code.unwrap().to_string();
        let site = Site::default();
        for (setting, before, after) in [
            ("https://a.example", "https://a.example/?ref=", ""),
            ("https://a.example/offer?lang=de", "https://a.example/offer?lang=de&ref=", ""),
            ("https://a.example/?x=1#form", "https://a.example/?x=1&ref=", "#form"),
            ("", "/contact?ref=", ""),
        ] {
            let led = site.with(&of(setting), code, Carried::default());
            assert_eq!(led, format!("{before}{shown}{after}"));
        }
        assert_eq!(
            site.with(&of("https://a.example/x#y"), None, Carried::default()),
            "https://a.example/x#y"
        );
        assert_eq!(site.with(&of(""), None, Carried::default()), "/contact");
    }

    #[test]
    fn a_link_leads_to_a_page_and_says_where_it_stood() {
        let code = ReferralCode::read("0000 0000").map(|reading| reading.code);
        let shown = code.unwrap().to_string();
        let site = Site::default();
        let led = |setting: &str, query: &str| site.with(&of(setting), code, Carried::read(Some(query)));
        let home = "https://a.example/de/?lang=de";
        for (query, expected) in [
            ("to=/pricing", format!("https://a.example/pricing?ref={shown}")),
            ("to=/pricing?plan=2%23top", format!("https://a.example/pricing?plan=2&ref={shown}#top")),
            (
                "utm_source=mail&fbclid=x",
                format!("https://a.example/de/?lang=de&utm_source=mail&ref={shown}"),
            ),
            ("utm_source=a+b%26c", format!("https://a.example/de/?lang=de&utm_source=a+b%26c&ref={shown}")),
            ("s=Summer+Fair", format!("https://a.example/de/?lang=de&ref={shown}&ref_source=summer-fair")),
            ("to=/x&ref=OTHER", format!("https://a.example/x?ref={shown}")),
            ("to=https://a.example/x", format!("https://a.example/x?ref={shown}")),
            (
                "to=https://Shop.example/sale&s=Fair",
                format!("https://shop.example/sale?ref={shown}&ref_source=fair"),
            ),
        ] {
            assert_eq!(led(home, query), expected, "{query}");
        }
        // Nowhere else, whatever it is written like.
        for query in [
            "to=//evil.example/",
            "to=https://evil.example",
            "to=http://shop.example",
            "to=https://shop.example@evil.example",
            "to=https://shop.example:8443/",
            "to=javascript:alert(1)",
            "to=/%5Cevil.example",
            "to=pricing",
            "to=/%09/evil",
        ] {
            assert_eq!(led(home, query), format!("https://a.example/de/?lang=de&ref={shown}"), "{query}");
        }
        let long = format!("utm_source={}", "x".repeat(300));
        assert_eq!(led(home, &long), format!("https://a.example/de/?lang=de&ref={shown}"));
        // What the company says about itself stays; the contact form has no pages.
        let own = led("https://a.example/?utm_source=partners", "utm_source=x&utm_medium=m");
        assert_eq!(own, format!("https://a.example/?utm_source=partners&utm_medium=m&ref={shown}"));
        assert_eq!(led("", "to=/pricing&utm_source=x"), format!("/contact?ref={shown}"));
        assert_eq!(led("", "to=/pricing&s=Fair"), format!("/contact?ref={shown}&ref_source=fair"));
    }
}
