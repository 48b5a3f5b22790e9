//! Where mail is handed in, as one address says it.

use std::time::Duration;

use anyhow::{Context, bail};
use percent_encoding::percent_decode_str;
use url::Url;

use super::hide_password;

/// Where mail is handed in.
#[derive(Clone, PartialEq, Eq)]
pub struct Smtp {
    /// The name of the mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Name and password, where the server wants them.
    pub credentials: Option<(String, String)>,
    /// The longest that handing in one message may take.
    pub patience: Duration,
    url: String,
}

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// From its first byte.
    FromTheStart,
    /// By STARTTLS, and nothing is sent without.
    Required,
    /// By STARTTLS where the server offers it.
    WhereOffered,
    /// Never.
    None,
}

const FORMS: &str = "GOODWORD_SMTP_URL must be like smtp://host:25 or smtps://user:password@host";

/// The longest that handing in one message may take when nothing else is said. Mail servers that look into mail before
/// they take it need some seconds.
const PATIENCE: Duration = Duration::from_secs(30);

impl Smtp {
    /// Reads `smtp://host:port` or `smtps://user:password@host`, with `?tls=required`, `?tls=none` or `?timeout=10`
    /// (seconds). What stands in it is never repeated: it may hold a password.
    ///
    /// # Errors
    /// A sentence with what is wrong.
    pub fn parse(text: &str) -> anyhow::Result<Smtp> {
        let url =
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "smtp" | "smtps")).context(FORMS)?;
        let host = url.host_str().filter(|host| !host.is_empty()).context(FORMS)?.to_owned();
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            bail!("{FORMS}, with nothing after the host but ?tls= and ?timeout=");
        }
        let (mut tls, mut patience) = (None, PATIENCE);
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("tls", "required") => tls = Some(Encryption::Required),
                ("tls", "none") => tls = Some(Encryption::None),
                ("tls", _) => bail!("GOODWORD_SMTP_URL: tls is required or none"),
                ("timeout", seconds) => {
                    let seconds = seconds.parse().ok().filter(|seconds| (1..=120).contains(seconds));
                    let seconds = seconds.context("GOODWORD_SMTP_URL: timeout is 1 to 120 seconds")?;
                    patience = Duration::from_secs(seconds);
                }
                _ => bail!("GOODWORD_SMTP_URL: only tls and timeout can stand after the question mark"),
            }
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let wrong = "GOODWORD_SMTP_URL: name and password must be UTF-8, percent-encoded";
                Some((decoded(user).context(wrong)?, decoded(password.unwrap_or("")).context(wrong)?))
            }
        };
        let encryption = match (url.scheme(), tls) {
            ("smtps", None) => Encryption::FromTheStart,
            ("smtps", Some(_)) => bail!("GOODWORD_SMTP_URL: smtps:// is encrypted already; leave tls out"),
            (_, Some(tls)) => tls,
            // A password isn't sent for everybody to read unless somebody has said so.
            (_, None) if credentials.is_some() => Encryption::Required,
            (_, None) => Encryption::WhereOffered,
        };
        let usual = match encryption {
            Encryption::FromTheStart => 465,
            Encryption::Required => 587,
            Encryption::WhereOffered | Encryption::None => 25,
        };
        let port = url.port().unwrap_or(usual);
        Ok(Smtp { host, port, encryption, credentials, patience, url: text.to_owned() })
    }

    /// The address, without the password.
    pub fn shown(&self) -> String {
        hide_password(&self.url)
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Smtp").field(&self.shown()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        use Encryption::*;
        for (text, host, port, encryption) in [
            ("smtp://localhost", "localhost", 25, WhereOffered),
            ("smtp://10.0.0.5:2525", "10.0.0.5", 2525, WhereOffered),
            ("smtp://mail.example.com?tls=required", "mail.example.com", 587, Required),
            ("smtp://mail.example.com:25?tls=none", "mail.example.com", 25, None),
            ("smtps://mail.example.com", "mail.example.com", 465, FromTheStart),
            ("smtp://user:word@mail.example.com", "mail.example.com", 587, Required),
            ("smtp://user:word@localhost/?tls=none", "localhost", 25, None),
        ] {
            let smtp = Smtp::parse(text).unwrap();
            assert_eq!((smtp.host.as_str(), smtp.port, smtp.encryption), (host, port, encryption), "{text}");
            assert_eq!(smtp.patience, PATIENCE);
        }
        let smtp =
            Smtp::parse("smtps://post%40example.com:p%2Fw%3A%C3%BC@mail.example.com?timeout=5").unwrap();
        assert_eq!(smtp.credentials, Some(("post@example.com".into(), "p/w:ü".into())));
        assert_eq!(smtp.patience, Duration::from_secs(5));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for text in [
            "mail.example.com:25",
            "https://s3cret@mail.example.com",
            "smtp://",
            "smtp://a:s3cret@host/inbox",
            "smtp://a:s3cret@host?tls=maybe",
            "smtps://a:s3cret@host?tls=none",
            "smtp://a:s3cret@host?timeout=0",
            "smtp://a:s3cret@host?timeout=soon",
            "smtp://a:s3cret@host?colour=s3cret",
            "smtp://a:s3cret%FF@host",
            "smtp://a:s3cret@ho st",
        ] {
            let error = format!("{:#}", Smtp::parse(text).unwrap_err());
            assert!(error.contains("GOODWORD_SMTP_URL") && !error.contains("s3cret"), "{text}: {error}");
        }
        let smtp = Smtp::parse("smtps://a:s3cret@host").unwrap();
        assert!(!format!("{smtp:?} {}", smtp.shown()).contains("s3cret"));
    }
}
