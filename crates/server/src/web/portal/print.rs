//! What a partner prints: a sheet with a big QR code, and business cards, with the link and the code to say aloud. Each is
//! a page of its own that is printed as it is; a short bar above it stays on the screen.

use askama::Template;
use axum::extract::State;
use domain::referral_code::ReferralCode;

use super::link::code;
use crate::{
    app::App,
    qr,
    web::{
        fields::Asked,
        paths,
        show::{Page, show},
        visitor::Partner,
    },
};

/// How many business cards of 85 x 55 mm a page of A4 or Letter paper has room for.
const CARDS: usize = 10;

#[derive(Template)]
#[template(path = "portal/print.html")]
struct PrintPage {
    programme: String,
    /// Business cards, or else the sheet.
    cards: bool,
    /// The partner's name, where it is wanted.
    name: Option<String>,
    /// This page with the name, or without where it is shown.
    other: String,
    /// The link as people read it, without the scheme.
    shown: String,
    spoken: String,
    spelled: String,
    qr: String,
    copies: Vec<()>,
}

impl PrintPage {
    fn new(
        programme: &str,
        public_url: &str,
        partner: &Partner,
        code: ReferralCode,
        with: Kind,
    ) -> PrintPage {
        let link = format!("{public_url}{}", paths::referral(code));
        let shown = link.split_once("://").map_or(link.as_str(), |(_, rest)| rest).to_owned();
        let path = if with.cards { paths::LINK_CARDS } else { paths::LINK_SHEET };
        PrintPage {
            programme: programme.to_owned(),
            cards: with.cards,
            name: with.named.then(|| partner.name.clone()),
            other: paths::with_query(path, &[("name", if with.named { "no" } else { "" })]),
            qr: qr::svg(&link),
            shown,
            spoken: code.spoken(),
            spelled: code.spelled(),
            copies: if with.cards { vec![(); CARDS] } else { vec![()] },
        }
    }
}

/// What is printed.
#[derive(Debug, Clone, Copy)]
struct Kind {
    cards: bool,
    named: bool,
}

async fn render(app: &App, partner: &Partner, asked: &Asked, cards: bool) -> Page {
    let code = code(app, partner).await?;
    let kind = Kind { cards, named: asked.value("name") != "no" };
    show(&PrintPage::new(&app.programme().name, &app.public_url, partner, code, kind))
}

/// `GET /link/sheet`
///
/// # Errors
/// When the database can't be read.
pub async fn sheet(State(app): State<App>, partner: Partner, asked: Asked) -> Page {
    render(&app, &partner, &asked, false).await
}

/// `GET /link/cards`
///
/// # Errors
/// When the database can't be read.
pub async fn cards(State(app): State<App>, partner: Partner, asked: Asked) -> Page {
    render(&app, &partner, &asked, true).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_left_out_where_it_is_not_wanted() {
        let partner = Partner {
            id: "p1".into(),
            name: "Mara <Lindqvist>".into(),
            email: "m@example.com".into(),
            suspended: false,
        };
        let code = ReferralCode::from_number(7);
        for (cards, named) in [(false, true), (true, true), (false, false), (true, false)] {
            let kind = Kind { cards, named };
            let page = PrintPage::new("Northwind", "https://partners.example", &partner, code, kind);
            let html = page.render().unwrap();
            assert_eq!(html.contains("Mara &#60;Lindqvist&#62;"), named);
            assert_eq!(html.contains("?name=no"), named);
            assert!(html.contains(&code.spoken()) && html.contains(&code.spelled()));
            assert!(html.contains(&format!("partners.example/r/{code}")));
            assert_eq!(html.matches("<svg").count(), if cards { CARDS } else { 1 });
        }
    }
}
