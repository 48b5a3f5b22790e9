//! The settings of an installation: flags, then environment (`GOODWORD_*`), then `goodword.toml`, then defaults.

mod smtp;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

/// The effective settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The address that people reach the server under, without a slash at the end; none: the listen address.
    pub public_url: Option<Url>,
    /// Where the database file and the secret key are.
    pub data_dir: PathBuf,
    /// `sqlite:<path>` or `postgres://...`.
    pub database: String,
    /// Where mail is handed in; none: it waits in the office's outbox.
    pub smtp: Option<Smtp>,
    /// Whom mail comes from, as `Partners <partners@example.com>`.
    pub mail_from: Option<String>,
    /// The programme's Telegram bot.
    pub telegram: Option<Telegram>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Multiplies every rate limit; 0 switches them off.
    pub rate_limit: u32,
    /// Webhooks may go to addresses in private networks and on this machine.
    pub webhooks_private: bool,
    /// What is logged, in the syntax of tracing's filters.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// How long a client who has followed a link waits for the database before the click is kept in a file. Not a
    /// setting: tests on busy machines are more patient.
    pub click_patience: Duration,
}

/// A client is sent on within 50 ms: this leaves time for the disk.
const CLICK_PATIENCE: Duration = Duration::from_millis(35);

pub use smtp::{Encryption, Smtp};

/// A bot of the Telegram Bot API.
#[derive(Clone, PartialEq, Eq)]
pub struct Telegram {
    /// What Telegram's BotFather gave: who has it is the bot.
    pub token: String,
    /// Where the Bot API is, without a slash at the end.
    pub api: String,
}

impl std::fmt::Debug for Telegram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telegram").field("api", &self.api).finish_non_exhaustive()
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What can be said on the command line, in the environment and in the file; all of it optional.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
pub struct Settings {
    /// Where to listen, for example 127.0.0.1:8080 (port 0: any free one)
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// The address people reach the server under.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "The address people reach the server under, for example https://partners.example.com"
    )]
    pub public_url: Option<String>,
    /// The folder of the database and the secret key
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// smtp://HOST:PORT or smtps://USER:PASSWORD@HOST, where mail is handed in (see docs/notices.md)
    #[arg(long, global = true, value_name = "URL")]
    pub smtp_url: Option<String>,
    /// Whom mail comes from, for example "Partners <partners@example.com>"
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// The token of the programme's Telegram bot (better given in the environment than here)
    #[arg(long, global = true, value_name = "TOKEN")]
    pub telegram_token: Option<String>,
    /// Where the Telegram Bot API is
    #[arg(long, global = true, value_name = "URL")]
    pub telegram_api: Option<String>,
    /// Proxies whose X-Forwarded-For is believed, as addresses or networks parted by commas
    #[arg(long, global = true, value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// A factor on every rate limit; 0 switches them off
    #[arg(long, global = true, value_name = "FACTOR")]
    pub rate_limit: Option<u32>,
    /// Whether webhooks may go to private networks and this machine: true or false (see docs/webhooks.md)
    #[arg(long, global = true, value_name = "BOOL")]
    pub webhooks_private: Option<bool>,
    /// What to log, for example info or server=debug
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// How to log
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

const FILE: &str = "goodword.toml";

/// The names of [`Settings`].
const KNOWN: [&str; 13] = [
    "listen",
    "public_url",
    "data_dir",
    "database",
    "smtp_url",
    "mail_from",
    "telegram_token",
    "telegram_api",
    "trusted_proxies",
    "rate_limit",
    "webhooks_private",
    "log",
    "log_format",
];

impl Config {
    /// Reads the environment and the file, with flags above both.
    ///
    /// # Errors
    /// A sentence that names the setting and what is wrong with it.
    pub fn load(flags: Settings) -> anyhow::Result<Config> {
        let unreadable = || format!("The settings (GOODWORD_* in the environment, or {FILE}) can't be read");
        let layers = config::Config::builder()
            .add_source(config::File::new(FILE, config::FileFormat::Toml).required(false))
            .add_source(config::Environment::with_prefix("GOODWORD").try_parsing(true).ignore_empty(true))
            .build()
            .with_context(unreadable)?;
        let names: BTreeMap<String, config::Value> =
            layers.clone().try_deserialize().with_context(unreadable)?;
        for name in names.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
            // Said, not refused: a mistyped name must not go unnoticed, a name of a newer version must not stop this one.
            eprintln!("goodword: the setting {name} (in GOODWORD_* or {FILE}) is not known to this version");
        }
        let given: Settings = layers.try_deserialize().with_context(unreadable)?;
        Config::new(Settings {
            listen: flags.listen.or(given.listen),
            public_url: flags.public_url.or(given.public_url),
            data_dir: flags.data_dir.or(given.data_dir),
            database: flags.database.or(given.database),
            smtp_url: flags.smtp_url.or(given.smtp_url),
            mail_from: flags.mail_from.or(given.mail_from),
            telegram_token: flags.telegram_token.or(given.telegram_token),
            telegram_api: flags.telegram_api.or(given.telegram_api),
            trusted_proxies: flags.trusted_proxies.or(given.trusted_proxies),
            rate_limit: flags.rate_limit.or(given.rate_limit),
            webhooks_private: flags.webhooks_private.or(given.webhooks_private),
            log: flags.log.or(given.log),
            log_format: flags.log_format.or(given.log_format),
        })
    }

    /// Fills in the defaults and checks what was given.
    ///
    /// # Errors
    /// A sentence that names the setting and what is wrong with it.
    pub fn new(given: Settings) -> anyhow::Result<Config> {
        let listen = given.listen.as_deref().unwrap_or("127.0.0.1:8080");
        let listen = listen.parse().with_context(|| {
            format!("GOODWORD_LISTEN is not an address with a port, as in 127.0.0.1:8080: {listen}")
        })?;
        let public_url = given.public_url.as_deref().map(public_url).transpose()?;
        let data_dir = given.data_dir.unwrap_or_else(|| PathBuf::from("goodword-data"));
        let database =
            given.database.unwrap_or_else(|| format!("sqlite:{}", data_dir.join("goodword.db").display()));
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| database.starts_with(scheme)) {
            bail!("GOODWORD_DATABASE must start with sqlite: or postgres://");
        }
        let smtp = given.smtp_url.as_deref().map(Smtp::parse).transpose()?;
        if smtp.is_some() && given.mail_from.is_none() {
            bail!("GOODWORD_MAIL_FROM must say whom mail comes from, as in Partners <partners@example.com>");
        }
        if let Some(from) = &given.mail_from {
            from.parse::<lettre::message::Mailbox>().with_context(|| {
                format!("GOODWORD_MAIL_FROM is not an address, as in Partners <partners@example.com>: {from}")
            })?;
        }
        let api = given.telegram_api.unwrap_or_else(|| "https://api.telegram.org".into());
        let telegram = given
            .telegram_token
            .map(|token| -> anyhow::Result<Telegram> {
                Url::parse(&api).ok().filter(|url| matches!(url.scheme(), "http" | "https")).with_context(
                    || format!("GOODWORD_TELEGRAM_API must be a web address such as https://api.telegram.org: {api}"),
                )?;
                Ok(Telegram { token, api: api.trim_end_matches('/').to_owned() })
            })
            .transpose()?;
        let trusted_proxies = given.trusted_proxies.unwrap_or_default();
        let trusted_proxies = trusted_proxies
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| {
                text.parse::<IpNet>()
                    .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
                    .with_context(|| {
                        format!("GOODWORD_TRUSTED_PROXIES: {text} is neither an address nor a network")
                    })
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Config {
            listen,
            public_url,
            data_dir,
            database,
            smtp,
            mail_from: given.mail_from,
            telegram,
            trusted_proxies,
            rate_limit: given.rate_limit.unwrap_or(1),
            webhooks_private: given.webhooks_private.unwrap_or(false),
            log: given.log.unwrap_or_else(|| "info,memory_serve=warn".into()),
            log_format: given.log_format.unwrap_or(LogFormat::Text),
            click_patience: CLICK_PATIENCE,
        })
    }

    /// Where clicks wait for a database that is away.
    pub fn click_folder(&self) -> PathBuf {
        self.data_dir.join("clicks")
    }

    /// The address people reach the server under, without a slash at the end.
    pub fn public_address(&self) -> String {
        self.public_url.as_ref().map_or_else(
            || format!("http://{}", self.listen),
            |url| url.as_str().trim_end_matches('/').to_owned(),
        )
    }

    /// The effective settings as a `goodword.toml`, secrets hidden.
    pub fn print(&self) -> String {
        let text = |value: &str| toml_string(value);
        let public_url = self.public_url.as_ref().map_or_else(
            || "# public_url is not set: links use the listen address".to_owned(),
            |url| format!("public_url = {}", text(url.as_str().trim_end_matches('/'))),
        );
        let proxies = self.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let format = if self.log_format == LogFormat::Json { "json" } else { "text" };
        let unset = |name: &str, what: &str| format!("# {name} is not set: {what}");
        [
            format!("listen = {}", text(&self.listen.to_string())),
            public_url,
            format!("data_dir = {}", text(&self.data_dir.display().to_string())),
            format!("database = {}", text(&hide_password(&self.database))),
            self.smtp.as_ref().map_or_else(
                || unset("smtp_url", "mail waits in the office's outbox"),
                |smtp| format!("smtp_url = {}", text(&smtp.shown())),
            ),
            self.mail_from.as_ref().map_or_else(
                || unset("mail_from", "needed with smtp_url"),
                |from| format!("mail_from = {}", text(from)),
            ),
            self.telegram.as_ref().map_or_else(
                || unset("telegram_token", "nothing is sent by Telegram"),
                |telegram| format!("telegram_token = \"***\"\ntelegram_api = {}", text(&telegram.api)),
            ),
            format!("trusted_proxies = {}", text(&proxies)),
            format!("rate_limit = {}", self.rate_limit),
            format!("webhooks_private = {}", self.webhooks_private),
            format!("log = {}", text(&self.log)),
            format!("log_format = {}", text(format)),
        ]
        .join("\n")
    }
}

fn public_url(text: &str) -> anyhow::Result<Url> {
    let explain =
        || format!("GOODWORD_PUBLIC_URL must be a web address such as https://partners.example.com: {text}");
    let url = Url::parse(text).with_context(explain)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        bail!(explain());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        bail!("GOODWORD_PUBLIC_URL must have no path: the server expects a host name of its own: {text}");
    }
    Ok(url)
}

/// The address of a database or a mail server without its password. Not by a parser: an address may name several servers,
/// and what can't be read must not be shown whole for that.
pub fn hide_password(address: &str) -> String {
    // A file's path.
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (who, place) = rest.rsplit_once('@').map_or((None, rest), |(who, place)| (Some(who), place));
    let (place, query) = place.split_once('?').map_or((place, None), |(place, query)| (place, Some(query)));
    let mut shown = format!("{scheme}://");
    if let Some(who) = who {
        let shown_who = who.split_once(':').map_or_else(|| who.to_owned(), |(user, _)| format!("{user}:***"));
        shown.push_str(&format!("{shown_who}@"));
    }
    shown.push_str(place);
    if let Some(query) = query {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.contains("password") => format!("{name}=***"),
            _ => pair.to_owned(),
        });
        shown.push_str(&format!("?{}", pairs.collect::<Vec<_>>().join("&")));
    }
    shown
}

/// A TOML basic string (TOML 1.0, "String").
fn toml_string(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_runs_without_any_setting() {
        let config = Config::new(Settings::default()).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.database, "sqlite:goodword-data/goodword.db");
        assert!(config.public_url.is_none() && config.trusted_proxies.is_empty());
    }

    #[test]
    fn a_wrong_setting_is_named() {
        for (settings, name) in [
            (Settings { listen: Some("8080".into()), ..Settings::default() }, "GOODWORD_LISTEN"),
            (
                Settings { public_url: Some("example.com".into()), ..Settings::default() },
                "GOODWORD_PUBLIC_URL",
            ),
            (
                Settings { public_url: Some("https://a.b/c".into()), ..Settings::default() },
                "GOODWORD_PUBLIC_URL",
            ),
            (Settings { database: Some("mysql://x".into()), ..Settings::default() }, "GOODWORD_DATABASE"),
            (
                Settings { trusted_proxies: Some("10.0.0.0/8, x".into()), ..Settings::default() },
                "GOODWORD_TRUSTED_PROXIES",
            ),
            (
                Settings { smtp_url: Some("smtp://mail.example.com".into()), ..Settings::default() },
                "GOODWORD_MAIL_FROM",
            ),
            (Settings { mail_from: Some("nobody".into()), ..Settings::default() }, "GOODWORD_MAIL_FROM"),
            (
                Settings { smtp_url: Some("mail.example.com".into()), ..Settings::default() },
                "GOODWORD_SMTP_URL",
            ),
        ] {
            let error = Config::new(settings).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        for (address, shown) in [
            ("postgres://goodword@db/goodword", "postgres://goodword@db/goodword"),
            ("postgres://goodword:s3cret@db/goodword", "postgres://goodword:***@db/goodword"),
            (
                "postgres://goodword:s3/cr@et@db/x?sslmode=require",
                "postgres://goodword:***@db/x?sslmode=require",
            ),
            // Several hosts, which is no URL in the eyes of the standard.
            ("postgres://g:s3cret@a:5432,b:5433/x", "postgres://g:***@a:5432,b:5433/x"),
            ("postgres:///x?host=/run&password=s3cret&user=g", "postgres:///x?host=/run&password=***&user=g"),
            ("sqlite:goodword-data/goodword.db", "sqlite:goodword-data/goodword.db"),
        ] {
            assert_eq!(hide_password(address), shown);
        }
    }

    #[test]
    fn printing_hides_the_password() {
        let database = Some("postgres://goodword:s3cret@db/goodword".into());
        let config = Config::new(Settings { database, ..Settings::default() }).unwrap();
        assert!(!config.print().contains("s3cret"), "{}", config.print());
        assert!(config.print().contains("postgres://goodword:***@db/goodword"), "{}", config.print());

        for address in [
            "postgres://goodword:s3cret@one:5432,two:5433/goodword?sslmode=require",
            "postgres://goodword:s3cret@one,two/goodword",
            "postgresql://one/goodword?user=goodword&password=s3cret",
            "postgres://goodword:s3:cr@s3cret@one/goodword",
            "postgres://goodword:s3?c/ret@one/goodword",
        ] {
            let shown = hide_password(address);
            assert!(!shown.contains("s3") && shown.contains("***") && shown.contains("one"), "{shown}");
        }
        assert_eq!(hide_password("sqlite:/data/a@b.db"), "sqlite:/data/a@b.db");

        let smtp_url = Some("smtps://goodword:s3cret@mail.example.com".into());
        let mail_from = Some("Partners <partners@example.com>".into());
        let config = Config::new(Settings { smtp_url, mail_from, ..Settings::default() }).unwrap();
        assert!(!config.print().contains("s3cret") && !format!("{config:?}").contains("s3cret"));
        assert!(config.print().contains("smtps://goodword:***@mail.example.com"), "{}", config.print());
    }
}
