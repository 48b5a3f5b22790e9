//! Where a client is sent on to.

use std::sync::{Arc, PoisonError, RwLock};

use domain::referral_code::ReferralCode;
use url::Url;

use crate::web::paths;

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

impl Site {
    /// The address with a code. Where the setting is no address, that of the built-in contact form.
    pub fn with(&self, setting: &str, code: Option<ReferralCode>) -> String {
        let read = self.read(setting);
        match code {
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
            assert_eq!(site.with(setting, code), format!("{before}{shown}{after}"));
        }
        assert_eq!(site.with("https://a.example/x#y", None), "https://a.example/x#y");
        assert_eq!(site.with("", None), "/contact");
    }
}
