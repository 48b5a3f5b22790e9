//! Which server to talk to, where the address names several: the one that takes writes.
//!
//! `postgres://goodword@one,two/goodword` is a primary and its standby, in any order. Each is asked in turn, first the
//! one that was right last, and each for a share of the time only: a server that has vanished without a word must not
//! keep anybody from asking the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connection::chain;
use super::tls;
use crate::DbError;

/// How long sent data may stay unanswered by the peer's system, and how soon a silent connection is probed.
const VANISHED: Duration = Duration::from_secs(15);

/// What moves the bytes of a connection.
pub(super) type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// The servers that an address names. Clones share which of them was right last.
#[derive(Clone)]
pub(super) struct Servers {
    each: Arc<[Config]>,
    tls: MakeRustlsConnect,
    last: Arc<AtomicUsize>,
}

/// Why there is no connection.
pub(super) struct Refusal {
    pub(super) reason: String,
    /// Trying again won't help: a wrong password, no such database.
    pub(super) lasting: bool,
}

impl Servers {
    /// Reads the address. `patience` is the longest that anybody waits for a connection.
    pub(super) fn read(url: &str, patience: Duration) -> Result<Self, DbError> {
        let (mut config, tls) = tls::read(url)?;
        let connect_timeout = config.get_connect_timeout().copied().unwrap_or(patience);
        config.connect_timeout(connect_timeout.min(patience));
        // A peer that has vanished without a word is found out in seconds, not after the system's two hours.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(VANISHED).keepalives_idle(VANISHED);
        }
        if config.get_application_name().is_none() {
            config.application_name("goodword");
        }
        let count = config.get_hosts().len();
        let uneven = |number: usize| number > 1 && number != count;
        if uneven(config.get_ports().len()) || uneven(config.get_hostaddrs().len()) {
            return Err(DbError::Open(format!(
                "the database's address names {count} servers, and another number of ports or addresses for them"
            )));
        }
        let each = match count {
            0 | 1 => vec![config],
            _ => (0..count).map(|index| only(&config, index)).collect(),
        };
        Ok(Self { each: each.into(), tls, last: Arc::default() })
    }

    /// Connects to the first server that lets it, within the limit.
    pub(super) async fn connect(&self, limit: Duration) -> Result<(Client, Driver), Refusal> {
        let until = Instant::now() + limit;
        let count = self.each.len();
        let first = self.last.load(Ordering::Relaxed);
        let mut refusals = Vec::new();
        for tried in 0..count {
            let index = (first + tried) % count;
            let config = &self.each[index];
            let share =
                until.saturating_duration_since(Instant::now()) / u32::try_from(count - tried).unwrap_or(1);
            let refusal = match timeout(share, config.connect(self.tls.clone())).await {
                Ok(Ok(connected)) => {
                    self.last.store(index, Ordering::Relaxed);
                    return Ok(connected);
                }
                Ok(Err(error)) => {
                    let lasting = [
                        SqlState::INVALID_PASSWORD,
                        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                        SqlState::INVALID_CATALOG_NAME,
                    ];
                    let lasting = error.code().is_some_and(|code| lasting.contains(code));
                    Refusal { reason: chain(&error), lasting }
                }
                Err(_) => Refusal { reason: "the server did not answer in time".into(), lasting: false },
            };
            refusals.push((name(config), refusal));
        }
        if count == 1
            && let Some((_, refusal)) = refusals.pop()
        {
            return Err(refusal);
        }
        let lasting = refusals.iter().all(|(_, refusal)| refusal.lasting);
        let reasons: Vec<_> =
            refusals.iter().map(|(name, refusal)| format!("{name}: {}", refusal.reason)).collect();
        Err(Refusal { reason: reasons.join("; "), lasting })
    }
}

/// The settings for one of several servers: everything but the others, and that it must take writes.
fn only(all: &Config, index: usize) -> Config {
    let mut config = Config::new();
    match &all.get_hosts()[index] {
        Host::Tcp(host) => config.host(host),
        #[cfg(unix)]
        Host::Unix(path) => config.host_path(path),
    };
    if let Some(address) = all.get_hostaddrs().get(index) {
        config.hostaddr(*address);
    }
    if let Some(port) = all.get_ports().get(index).or_else(|| all.get_ports().first()) {
        config.port(*port);
    }
    if let Some(user) = all.get_user() {
        config.user(user);
    }
    if let Some(password) = all.get_password() {
        config.password(password);
    }
    if let Some(name) = all.get_dbname() {
        config.dbname(name);
    }
    if let Some(options) = all.get_options() {
        config.options(options);
    }
    if let Some(name) = all.get_application_name() {
        config.application_name(name);
    }
    if let Some(limit) = all.get_connect_timeout() {
        config.connect_timeout(*limit);
    }
    if let Some(limit) = all.get_tcp_user_timeout() {
        config.tcp_user_timeout(*limit);
    }
    if let Some(interval) = all.get_keepalives_interval() {
        config.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        config.keepalives_retries(retries);
    }
    config
        .keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle())
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    config
}

/// What people call a server.
fn name(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => format!("{host}:{port}"),
        #[cfg(unix)]
        Some(Host::Unix(path)) => format!("{}:{port}", path.display()),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Servers {
        Servers::read(url, Duration::from_secs(5)).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn an_address_may_name_several_servers() {
        let servers = read(
            "postgres://goodword:s3cret@one:5433,two,[::1]:5435/books?sslmode=disable&keepalives_idle=3",
        );
        let names: Vec<_> = servers.each.iter().map(name).collect();
        assert_eq!(names, ["one:5433", "two:5432", "::1:5435"]);
        for config in servers.each.iter() {
            assert_eq!(config.get_user(), Some("goodword"));
            assert_eq!(config.get_password(), Some(b"s3cret".as_slice()));
            assert_eq!(config.get_dbname(), Some("books"));
            assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(config.get_hosts().len(), 1);
        }
        let sockets = read("postgres://%2Frun%2Fone:5433,%2Frun%2Ftwo:5433/books");
        assert_eq!(sockets.each.iter().map(name).collect::<Vec<_>>(), ["/run/one:5433", "/run/two:5433"]);
        // One server may be a door behind which they change: nothing is asked of it but what it is told.
        assert_eq!(read("postgres://one/books").each[0].get_target_session_attrs(), TargetSessionAttrs::Any);
    }

    #[test]
    fn a_number_of_ports_that_fits_no_servers_is_refused() {
        let refused = Servers::read("postgres://one,two,three/books?port=1,2", Duration::from_secs(5));
        assert!(matches!(refused, Err(DbError::Open(_))));
    }
}
