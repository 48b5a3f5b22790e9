//! The start page: what the programme offers to guests, and the way home for everybody signed in.

use askama::Template;
use axum::extract::State;
use domain::money::{Currency, Money};
use store::sessions::Standing;

use crate::{
    app::{App, Env},
    web::{
        paths,
        shell::PublicShell,
        show::{Page, go_to, show},
        visitor::Anybody,
    },
};

#[derive(Template)]
#[template(path = "public/landing.html")]
struct Landing {
    shell: PublicShell,
    currency: &'static str,
    first: TierRow,
    best: Option<String>,
    tiers: Vec<TierRow>,
    example_deal: String,
    example_commission: String,
    minimum: String,
    window_days: i64,
}

#[derive(Debug, Clone)]
struct TierRow {
    from: Option<String>,
    rate: String,
}

impl Landing {
    fn new(env: &Env) -> Landing {
        let programme = &env.programme;
        let currency: Currency = programme.currency;
        let tiers: Vec<TierRow> = programme
            .tiers
            .as_slice()
            .iter()
            .map(|tier| TierRow {
                from: (!tier.from.is_zero()).then(|| currency.format(tier.from)),
                rate: tier.rate.to_string(),
            })
            .collect();
        let start = programme.tiers.standing(Money::ZERO).current;
        let best =
            programme.tiers.as_slice().iter().map(|tier| tier.rate).max().filter(|best| *best > start.rate);
        let example = currency.major(12_400);
        Landing {
            shell: PublicShell::for_partners(env, paths::HOME),
            currency: currency.code(),
            first: tiers[0].clone(),
            best: best.map(|rate| rate.to_string()),
            example_deal: currency.format(example),
            example_commission: currency.format(start.rate.of(example)),
            minimum: currency.format(programme.minimum_withdrawal),
            window_days: programme.window_days,
            tiers,
        }
    }
}

/// `GET /`
///
/// # Errors
/// When the template fails.
pub async fn show_home(State(app): State<App>, Anybody(visitor): Anybody) -> Page {
    match visitor.map(|visitor| visitor.standing) {
        Some(Standing::Partner { .. }) => go_to(paths::LINK),
        Some(Standing::Staff(_)) => go_to(paths::OFFICE),
        None => show(&Landing::new(&app.env())),
    }
}
