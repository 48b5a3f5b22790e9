//! `/guide`: how to work with the programme, step by step, with this installation's own numbers. Partners read it in
//! the portal, with their own percentage; everybody else before they sign up.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use domain::{
    attribution::LinkRule,
    money::{Currency, Money},
    wallet::WalletKind,
    withdrawal::DUE_HOURS,
};
use store::{
    partners::{self, Partner as Figures},
    programme::Programme,
    sessions::Standing,
};

use super::{
    office::parts::Asked,
    paths,
    shell::{PortalShell, PublicShell},
    show::{Page, show},
    visitor::{Anybody, Partner},
};
use crate::app::App;

/// The addresses of this module.
pub fn routes() -> Router<App> {
    Router::new().route(paths::GUIDE, get(page))
}

#[derive(Template)]
#[template(path = "portal/guide.html")]
struct PortalGuide {
    shell: PortalShell,
    guide: Guide,
}

#[derive(Template)]
#[template(path = "public/guide.html")]
struct PublicGuide {
    shell: PublicShell,
    guide: Guide,
}

/// The rules in numbers.
struct Guide {
    programme: String,
    currency: &'static str,
    /// Links lead to a site of the company, which has pages.
    has_site: bool,
    /// The percentage at the start.
    start: String,
    tiers: Vec<Tier>,
    /// What a partner has now, and why; nobody's own for guests.
    own: Option<Own>,
    example_deal: String,
    example_commission: String,
    minimum: String,
    /// There is a minimum at all.
    has_minimum: bool,
    due_hours: i64,
    hold_days: i64,
    window_days: i64,
    /// The last link counts, or else the first.
    last_link_wins: bool,
    claim_days: i64,
    cooling_hours: i64,
    two_people_from: Option<String>,
    wallets: Vec<&'static str>,
    support_email: String,
    support_telegram: String,
}

struct Tier {
    from: Option<String>,
    rate: String,
    /// The partner who reads has it.
    own: bool,
}

struct Own {
    rate: String,
    agreed: bool,
    /// How much more has to be closed, and the percentage that begins then.
    next: Option<(String, String)>,
}

impl Own {
    fn new(partner: &Figures, programme: &Programme) -> Own {
        let currency = programme.currency;
        let standing = programme.tiers.standing(partner.volume);
        let rate = partner.agreed_rate.unwrap_or(standing.current.rate);
        let next = standing.next.filter(|_| partner.agreed_rate.is_none());
        let to_go = |from: Money| currency.format(from - partner.volume.max(Money::ZERO));
        Own {
            rate: rate.to_string(),
            agreed: partner.agreed_rate.is_some(),
            next: next.map(|next| (to_go(next.from), next.rate.to_string())),
        }
    }
}

impl Guide {
    fn new(programme: &Programme, partner: Option<&Figures>) -> Guide {
        let currency: Currency = programme.currency;
        let start = programme.tiers.standing(Money::ZERO).current;
        let example = currency.major(12_400);
        // Who has agreed on a rate is in no tier.
        let in_tiers = partner.filter(|partner| partner.agreed_rate.is_none());
        let current = in_tiers.map(|partner| programme.tiers.standing(partner.volume).current);
        let tiers = programme.tiers.as_slice().iter().map(|tier| Tier {
            from: (!tier.from.is_zero()).then(|| currency.format(tier.from)),
            rate: tier.rate.to_string(),
            own: current == Some(*tier),
        });
        Guide {
            has_site: !programme.site_url.is_empty(),
            programme: programme.name.clone(),
            currency: currency.code(),
            start: start.rate.to_string(),
            tiers: tiers.collect(),
            own: partner.map(|partner| Own::new(partner, programme)),
            example_deal: currency.format(example),
            example_commission: currency.format(start.rate.of(example)),
            minimum: currency.format(programme.minimum_withdrawal),
            has_minimum: programme.minimum_withdrawal.is_positive(),
            due_hours: DUE_HOURS,
            hold_days: programme.hold_days,
            window_days: programme.window_days,
            last_link_wins: programme.link_rule == LinkRule::Last,
            claim_days: programme.claim_days,
            cooling_hours: programme.cooling_hours,
            two_people_from: programme.approval_from.map(|from| currency.format(from)),
            wallets: WalletKind::ALL
                .into_iter()
                .filter(|kind| *kind != WalletKind::Other)
                .map(WalletKind::label)
                .collect(),
            support_email: programme.support_email.clone(),
            support_telegram: programme.support_telegram.clone(),
        }
    }
}

/// `GET /guide`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, Anybody(visitor): Anybody, asked: Asked) -> Page {
    let is_guest = visitor.is_none();
    let env = app.env();
    let Some(partner) =
        visitor.filter(|visitor| matches!(visitor.standing, Standing::Partner { .. })).and_then(Partner::of)
    else {
        // Staff read what guests read, without the way to sign up.
        let shell =
            if is_guest { PublicShell::for_partners(&env, paths::GUIDE) } else { PublicShell::plain(&env) };
        return show(&PublicGuide { shell, guide: Guide::new(&env.programme, None) });
    };
    let id = partner.id.clone();
    let figures = app.read(move |tx, _| partners::by_id(tx, &id)).await?;
    let shell = PortalShell::new(&env, &partner, paths::GUIDE, asked.done().as_deref());
    show(&PortalGuide { shell, guide: Guide::new(&env.programme, figures.as_ref()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{clock::Timestamp, rate::Rate, referral_code::ReferralCode};

    fn partner(volume: i64, agreed: Option<i64>) -> Figures {
        Figures {
            id: "p".into(),
            name: "Mara".into(),
            email: "mara@example.com".into(),
            code: ReferralCode::from_number(7),
            suspended: None,
            agreed_rate: agreed.and_then(Rate::from_basis_points),
            created_at: Timestamp::from_micros(0),
            clients: 0,
            deals_won: 0,
            volume: Money::from_minor(volume),
        }
    }

    fn text(guide: Guide) -> String {
        let shell = PublicShell { programme: "Northwind".into(), here: paths::GUIDE, partners: true };
        PublicGuide { shell, guide }.render().unwrap()
    }

    #[test]
    fn every_number_is_this_installations_own() {
        let mut programme = Programme::standard();
        programme.name = "Northwind <Partners>".into();
        programme.minimum_withdrawal = Currency::USD.major(731);
        programme.hold_days = 13;
        programme.window_days = 47;
        programme.claim_days = 9;
        programme.cooling_hours = 37;
        programme.approval_from = Some(Currency::USD.major(8_321));
        programme.support_email = "help@northwind.example".into();
        programme.support_telegram = "@northwind_help".into();
        let text = text(Guide::new(&programme, None));
        for part in [
            "Northwind &#60;Partners&#62;",
            "731.00",
            "13 days",
            "47 days",
            "9 working days",
            "37 hours",
            "48 hours",
            "8,321.00",
            "10 %",
            "25,000.00",
            "15 %",
            "1,240.00",
            "help@northwind.example",
            "https://t.me/northwind_help",
            "the last one counts",
            "USDT on TRON",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        for path in ["/sign-up", "/wallets", "/statistics", "/claims", "/support", "/account"] {
            assert!(text.contains(&format!("href=\"{path}\"")), "{path}");
        }
    }

    #[test]
    fn what_does_not_apply_is_not_told() {
        let mut programme = Programme::standard();
        programme.hold_days = 0;
        programme.cooling_hours = 0;
        programme.approval_from = None;
        programme.minimum_withdrawal = Money::ZERO;
        programme.link_rule = LinkRule::First;
        let text = text(Guide::new(&programme, None));
        for part in ["<strong>0 ", "hours</strong> after", "For your safety", "two people", "500.00"] {
            assert!(!text.contains(part), "{part}");
        }
        assert!(text.contains("the first one counts"));
    }

    #[test]
    fn partners_see_their_own_percentage() {
        let programme = Programme::standard();
        let guide = Guide::new(&programme, Some(&partner(1_000_000, None)));
        let own = guide.own.as_ref().unwrap();
        assert_eq!(
            (own.rate.as_str(), own.next.clone()),
            ("10 %", Some(("15,000.00".into(), "12 %".into())))
        );
        assert!(guide.tiers[0].own && !guide.tiers[1].own);
        let guide = Guide::new(&programme, Some(&partner(1_000_000, Some(1_750))));
        let own = guide.own.as_ref().unwrap();
        assert_eq!((own.rate.as_str(), own.agreed, own.next.is_none()), ("17.5 %", true, true));
        assert!(guide.tiers.iter().all(|tier| !tier.own));
    }
}
