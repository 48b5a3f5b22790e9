//! A link for one place: what a partner asks for in the address of QR & Link, and what comes of it.

use domain::{referral_code::ReferralCode, source::Source};
use store::programme::Programme;

use crate::{
    sites,
    web::{
        fields::{Asked, Fields},
        paths,
    },
};

/// The longest page that a link leads to; the redirect leaves out what is longer.
const LONGEST_PAGE: usize = 500;

/// Where a link is to stand, and where it is to lead.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// What was asked for, with what is wrong with it.
    pub form: Fields,
    named: Source,
    page: String,
}

impl Place {
    /// Reads what is asked for.
    pub fn read(asked: &Asked, programme: &Programme) -> Place {
        let has_site = !programme.site_url.is_empty();
        let mut form = Fields::filled([("s", asked.value("s")), ("to", asked.value("to"))]);
        let named = form.check("s", |typed| {
            let named = Source::named(typed);
            let is_lost = named.is_unknown() && !typed.trim().is_empty();
            if is_lost { Err("Use letters from a to z and digits.") } else { Ok(named) }
        });
        let page = form.check("to", |typed| {
            // The contact form, where links lead without a site, has no other pages, and nobody is asked for one.
            let page = if has_site { typed.trim() } else { "" };
            let is_ours = || sites::origin(page).is_some_and(|origin| sites::is_ours(programme, &origin));
            let leads = page.is_empty() || page.len() <= LONGEST_PAGE && (paths::is_local(page) || is_ours());
            if leads {
                Ok(page.to_owned())
            } else {
                Err("Enter a page of our site from the first slash on, like /pricing.")
            }
        });
        let (Some(named), Some(page)) = (named, page) else { return Place { form, ..Place::default() } };
        Place { form, named, page }
    }

    /// Whether nothing was asked for that can be done.
    pub fn is_plain(&self) -> bool {
        self.named.is_unknown() && self.page.is_empty()
    }

    /// The link, below the public address.
    pub fn link(&self, code: ReferralCode) -> String {
        // Slashes are read in a query as they are, and by people too.
        self.under(&paths::referral(code)).replace("%2F", "/")
    }

    /// A page of ours with what was asked for.
    pub fn under(&self, path: &str) -> String {
        paths::with_query(path, &[("s", self.named.as_str()), ("to", &self.page)])
    }

    /// What a file is called that holds the link.
    pub fn file_name(&self, code: ReferralCode) -> String {
        let dash = if self.named.is_unknown() { "" } else { "-" };
        format!("referral-{code}{dash}{}", self.named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(query: &str, has_site: bool) -> Place {
        let site_url = if has_site { "https://example.com/".to_owned() } else { String::new() };
        let more_sites = "https://shop.example".to_owned();
        Place::read(&Asked::parse(query), &Programme { site_url, more_sites, ..Programme::standard() })
    }

    #[test]
    fn a_link_says_where_it_stands_and_leads_to_a_page() {
        let code = ReferralCode::from_number(7);
        let link = |query: &str| place(query, true).link(code);
        assert_eq!(link(""), format!("/r/{code}"));
        assert_eq!(link("s=Spring+Fair&to="), format!("/r/{code}?s=spring-fair"));
        assert_eq!(link("to=/de/pricing%3Fplan%3D2"), format!("/r/{code}?to=/de/pricing%3Fplan%3D2"));
        assert_eq!(link("to=https://shop.example/a"), format!("/r/{code}?to=https%3A//shop.example/a"));
        assert!(place("", true).is_plain() && place("to=/pricing", false).is_plain());
        assert_eq!(place("s=Fair", true).file_name(code), format!("referral-{code}-fair"));
        assert_eq!(place("s=Fair", true).under("/link/qr.svg"), "/link/qr.svg?s=fair");
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for query in ["s=листовка", "to=pricing", "to=https://evil.example", "to=//evil.example"] {
            let place = place(query, true);
            assert!(place.form.is_refused() && place.is_plain(), "{query}");
        }
    }
}
