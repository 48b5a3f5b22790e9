//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request},
    http::{Extensions, HeaderMap, request::Parts},
};
use ipnet::IpNet;

use crate::{app::App, limits::address_key};

/// The visitor's address, as rate limits know it. `X-Forwarded-For` is believed only as far as trusted proxies
/// have written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(pub String);

impl FromRequestParts<App> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Origin, Self::Rejection> {
        Ok(Origin(origin(&parts.extensions, &parts.headers, app)))
    }
}

/// The visitor's address of a request that is not taken apart.
pub fn origin_of(request: &Request, app: &App) -> String {
    origin(request.extensions(), request.headers(), app)
}

fn origin(extensions: &Extensions, headers: &HeaderMap, app: &App) -> String {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let address = peer.map(|peer| client(peer, headers, &app.config.trusted_proxies));
    address.map_or_else(|| "unknown".into(), address_key)
}

/// Walks from the nearest hop outwards and stops at the first address that is no trusted proxy.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted =
        |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut nearest = peer;
    for hop in hops.iter().rev() {
        if !is_trusted(nearest) {
            break;
        }
        match hop.parse() {
            Ok(address) => nearest = address,
            Err(_) => break,
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let seen = |peer: &str, forwarded: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            client(peer.parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(seen("192.0.2.9", "203.0.113.5"), "192.0.2.9");
        assert_eq!(seen("10.0.0.1", "203.0.113.5"), "203.0.113.5");
        assert_eq!(seen("10.0.0.1", "198.51.100.1, 203.0.113.5"), "203.0.113.5");
        assert_eq!(seen("10.0.0.1", "203.0.113.5, 10.0.0.2"), "203.0.113.5");
        assert_eq!(seen("10.0.0.1", "nonsense"), "10.0.0.1");
    }
}
