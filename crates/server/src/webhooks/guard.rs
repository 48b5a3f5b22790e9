//! Where deliveries may go. Whoever adds an address chooses where this server connects to, and the owner of a name chooses,
//! anew each time it is asked for, which address it means. So names are looked up for each try, what they mean is looked at
//! between the look-up and the connection, and only addresses in the internet are left.

use std::net::SocketAddr;

use domain::public_address::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The longest address that is taken.
const LONGEST: usize = 2000;

/// Why an address can't be used: the sentence shown beside the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no web address.
    #[error("Write a web address, like https://example.com/hooks.")]
    NotWeb,
    /// It has a user name or password.
    #[error("Leave out the user name and password: what they protect can look at the signature instead.")]
    UserInfo,
    /// It has a part after `#`, which is never sent.
    #[error("Leave out the # and what comes after it: it would not be sent.")]
    Fragment,
    /// It is too long.
    #[error("The address can have at most 2,000 characters.")]
    TooLong,
    /// It is in somebody's own network.
    #[error(
        "This address is in a private network or on this machine. Such addresses are refused unless the operator allows \
         them with GOODWORD_WEBHOOKS_PRIVATE."
    )]
    Private,
}

/// Reads an address that somebody has typed.
///
/// # Errors
/// [`AddressError`], whose text can be shown beside the field.
pub fn read(typed: &str, allow_private: bool) -> Result<Url, AddressError> {
    let typed = typed.trim();
    if typed.len() > LONGEST {
        return Err(AddressError::TooLong);
    }
    let url = Url::parse(typed).map_err(|_| AddressError::NotWeb)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(AddressError::NotWeb);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::UserInfo);
    }
    if url.fragment().is_some() {
        return Err(AddressError::Fragment);
    }
    // What a name means is looked at with each try; this one can only mean one thing.
    let here = url.host_str().is_some_and(|host| host == "localhost" || host.ends_with(".localhost"));
    if !allow_private && (here || literal_is_private(&url)) {
        return Err(AddressError::Private);
    }
    Ok(url)
}

/// Whether the host is written as an address, and one in somebody's own network. No name is looked up for such a host, so
/// [`PublicOnly`] never sees it. However it was written (`0x7f.1`, `2130706433`), the parser has made an address of it.
pub fn literal_is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !is_public(address.into()),
        Some(Host::Ipv6(address)) => !is_public(address.into()),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Looks names up and leaves only addresses in the internet.
#[derive(Debug, Clone, Copy)]
pub struct PublicOnly;

/// Every address that a name means is in somebody's own network.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "{name} leads to {address}, which is in a private network or on this machine. Such addresses are refused unless the \
     operator allows them with GOODWORD_WEBHOOKS_PRIVATE"
)]
struct Closed {
    name: String,
    address: std::net::IpAddr,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (open, closed): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|address| is_public(address.ip()));
            match (open.is_empty(), closed.first()) {
                (true, Some(address)) => {
                    Err(Closed { name: name.as_str().to_owned(), address: address.ip() }.into())
                }
                _ => Ok(Box::new(open.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_addresses_are_read() {
        for address in
            ["https://example.com/hooks?key=1", "http://hooks.example.com:8080", "https://1.1.1.1/x"]
        {
            assert!(read(&format!(" {address} "), false).is_ok(), "{address}");
        }
        for (address, why) in [
            ("", AddressError::NotWeb),
            ("example.com/hooks", AddressError::NotWeb),
            ("ftp://example.com", AddressError::NotWeb),
            ("javascript:alert(1)", AddressError::NotWeb),
            ("https://ann@example.com", AddressError::UserInfo),
            ("https://ann:x@example.com", AddressError::UserInfo),
            ("https://example.com/#x", AddressError::Fragment),
        ] {
            assert_eq!(read(address, true), Err(why), "{address}");
        }
        assert_eq!(
            read(&format!("https://example.com/{}", "x".repeat(2000)), true),
            Err(AddressError::TooLong)
        );
    }

    #[test]
    fn an_address_of_this_machine_is_one_however_it_is_written() {
        for address in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f.0.0.1/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a00:1]/",
            "http://169.254.169.254/latest/meta-data",
            "http://localhost:5432/",
            "http://db.localhost/",
            "http://10.0.0.1/",
            "http://0/",
        ] {
            assert_eq!(read(address, false), Err(AddressError::Private), "{address}");
            assert!(read(address, true).is_ok(), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_here_is_refused_when_it_is_looked_up() {
        let Err(error) = PublicOnly.resolve("localhost".parse().unwrap()).await else {
            panic!("localhost is out in the internet")
        };
        assert!(error.to_string().contains("localhost leads to"), "{error}");
    }
}
