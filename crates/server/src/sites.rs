//! Which sites are the company's: the one that links lead to, and further ones that may send contacts and be linked to.

use store::programme::Programme;
use url::Url;

/// How many further sites a programme can have.
pub const MOST: usize = 20;

/// The origin of an address that a browser may be sent to: `https://example.com`.
pub fn origin(address: &str) -> Option<String> {
    let url = Url::parse(address.trim()).ok()?;
    let is_site =
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    is_site.then(|| url.origin().ascii_serialization())
}

/// Whether an origin is that of one of the company's sites.
pub fn is_ours(programme: &Programme, sent: &str) -> bool {
    origin(&programme.site_url).is_some_and(|site| site == sent)
        || programme.more_sites.lines().any(|site| site == sent)
}

/// Reads further sites as they are typed: the address of one in each line. Kept are their origins.
///
/// # Errors
/// A sentence that says which line is wrong.
pub fn read(typed: &str) -> Result<String, String> {
    let mut sites: Vec<String> = Vec::new();
    for line in typed.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let shown: String = line.chars().take(100).collect();
        let site = origin(line)
            .filter(|_| line.len() <= 1_000)
            .ok_or_else(|| format!("\"{shown}\" is no whole address, like https://shop.example.com."))?;
        if !sites.contains(&site) {
            sites.push(site);
        }
    }
    if sites.len() > MOST { Err(format!("Name at most {MOST} sites.")) } else { Ok(sites.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_company_has_one_site_or_several() {
        let more_sites =
            read(" https://Shop.example.com/a?b \n\nhttp://localhost:8080\nhttps://shop.example.com")
                .unwrap();
        assert_eq!(more_sites, "https://shop.example.com\nhttp://localhost:8080");
        let programme =
            Programme { site_url: "https://example.com/de".into(), more_sites, ..Programme::standard() };
        for ours in ["https://example.com", "https://shop.example.com", "http://localhost:8080"] {
            assert!(is_ours(&programme, ours), "{ours}");
        }
        for other in [
            "http://example.com",
            "https://www.example.com",
            "https://shop.example.com.evil.example",
            "null",
            "",
        ] {
            assert!(!is_ours(&programme, other), "{other}");
        }
        assert!(!is_ours(&Programme::standard(), ""));
    }

    #[test]
    fn what_is_no_site_is_told() {
        for typed in
            ["shop.example.com", "ftp://example.com", "javascript:alert(1)", "https://", "mailto:a@b.c"]
        {
            assert!(read(typed).unwrap_err().contains("no whole address"), "{typed}");
        }
        let many: String = (0..=MOST).map(|n| format!("https://s{n}.example.com\n")).collect();
        assert!(read(&many).unwrap_err().contains("at most"));
    }
}
