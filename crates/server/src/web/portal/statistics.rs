//! Statistics: what a partner has earned, day by day and client by client, and the way to be paid.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    clock::Day,
    money::{Currency, Money},
    text::grouped,
    withdrawal,
};
use store::{
    DbError, Tx,
    deals::{self, Deal},
    ledger::{self, Balances},
    partners::{self, PartnerDay},
    programme::Programme,
    sources,
    wallets::{self, Wallet},
    withdrawals::{self, Withdrawal},
};

use super::{
    chart::{self, Chart},
    lists::{self, ClientRow, FETCH, Table, WithdrawalRow},
    sources::{Counted, Sources},
    view::{PERIODS, View},
};
use crate::{
    app::{App, Env},
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::PortalShell,
        show::{Page, show_with},
        visitor::Partner,
    },
};

#[derive(Template)]
#[template(path = "portal/statistics.html")]
struct StatisticsPage {
    shell: PortalShell,
    currency: &'static str,
    panel: Panel,
    request: RequestForm,
    days: Days,
    sources: Sources,
    clients: Table<ClientRow>,
    withdrawals: Table<WithdrawalRow>,
}

/// The figures at the top.
struct Panel {
    available: String,
    /// A refund has taken back what was paid out already.
    is_below_zero: bool,
    on_hold: String,
    reserved: String,
    paid: String,
    clients: String,
    sales: String,
    profit: String,
    percent: String,
    /// How far it is to the next tier.
    progress: Option<Progress>,
    rate_note: String,
}

struct Progress {
    volume: i64,
    next: i64,
}

impl Panel {
    fn new(partner: &partners::Partner, balances: &Balances, programme: &Programme) -> Panel {
        let money = |amount| programme.currency.format(amount);
        let standing = programme.tiers.standing(partner.volume);
        let (rate, progress, rate_note) = match (partner.agreed_rate, standing.next) {
            (Some(rate), _) => (rate, None, "Agreed with you.".to_owned()),
            (None, None) => (standing.current.rate, None, "This is the highest tier.".to_owned()),
            (None, Some(next)) => {
                let volume = partner.volume.max(Money::ZERO);
                let note = format!(
                    "{} from {} of sales; {} to go",
                    next.rate,
                    money(next.from),
                    money(next.from - volume)
                );
                let progress = Progress { volume: volume.minor(), next: next.from.minor() };
                (standing.current.rate, Some(progress), note)
            }
        };
        Panel {
            available: money(balances.available),
            is_below_zero: balances.available < Money::ZERO,
            on_hold: money(balances.on_hold),
            reserved: money(balances.reserved),
            paid: money(balances.paid),
            clients: grouped(partner.clients),
            sales: grouped(partner.deals_won),
            profit: money(balances.profit),
            percent: rate.percent(),
            progress,
            rate_note,
        }
    }
}

/// The form that asks for a withdrawal.
struct RequestForm {
    form: Fields,
    /// Why nothing can be asked for now.
    why: Option<String>,
    /// There is no wallet yet.
    needs_wallet: bool,
    minimum: String,
    /// The most that can be asked for: as people read it, and as the field takes it.
    most: Option<(String, String)>,
    /// Identifier, name and whether it is chosen.
    wallets: Vec<(String, String, bool)>,
}

impl RequestForm {
    fn new(
        form: Fields,
        is_suspended: bool,
        available: Money,
        wallets: &[Wallet],
        programme: &Programme,
    ) -> RequestForm {
        let currency = programme.currency;
        let minimum = programme.minimum_withdrawal;
        let refusal = withdrawal::may_request(minimum, available, currency).err();
        let why = if is_suspended {
            Some("Your account is suspended, so nothing can be withdrawn.".to_owned())
        } else if let Some(refusal) = refusal {
            Some(refusal.to_string())
        } else {
            wallets.is_empty().then(|| "Add a wallet first, so that we know where to pay you.".to_owned())
        };
        RequestForm {
            needs_wallet: wallets.is_empty(),
            minimum: currency.format(minimum),
            most: why.is_none().then(|| (currency.format(available), currency.format_plain(available))),
            why,
            wallets: wallets
                .iter()
                .map(|wallet| {
                    let short = lists::wallet_in_short(wallet.kind, &wallet.address);
                    let is_chosen = wallet.id == form.value("wallet");
                    (wallet.id.clone(), format!("{} ({short})", wallet.label), is_chosen)
                })
                .collect(),
            form,
        }
    }
}

/// Clicks, clients and profit by day.
struct Days {
    /// The periods to choose from: the address, the label, whether it is chosen.
    periods: Vec<(String, &'static str, bool)>,
    charts: Vec<Chart>,
    /// The days on which something happened, newest first.
    rows: Vec<DayRow>,
    /// Nothing has happened yet, on no day at all.
    is_new: bool,
}

struct DayRow {
    iso: String,
    day: String,
    clicks: String,
    clients: String,
    profit: String,
}

/// The first day of a period that ends today.
pub(super) fn first_day(today: Day, days: i64) -> Day {
    Day(today.0 - days + 1)
}

impl Days {
    fn new(view: &View, today: Day, days: &[PartnerDay], is_new: bool, currency: Currency) -> Days {
        let length = view.days();
        let first = first_day(today, length);
        let money = |minor| currency.format(Money::from_minor(minor));
        let values = |pick: fn(&PartnerDay) -> i64| -> Vec<i64> {
            let mut values = vec![0; usize::try_from(length).unwrap_or(0)];
            for day in days {
                let index = usize::try_from(day.day.0 - first.0).ok();
                if let Some(value) = index.and_then(|index| values.get_mut(index)) {
                    *value = pick(day);
                }
            }
            values
        };
        let profit = format!("Profit, {}", currency.code());
        Days {
            periods: PERIODS.map(|(days, label)| (view.with_days(days), label, days == length)).to_vec(),
            charts: vec![
                chart::draw("clicks", "Clicks", first, &values(|day| day.clicks), grouped),
                chart::draw("clients", "Clients", first, &values(|day| day.clients), grouped),
                chart::draw("profit", &profit, first, &values(|day| day.profit.minor()), money),
            ],
            rows: days
                .iter()
                .rev()
                .filter(|day| day.counts())
                .map(|day| DayRow {
                    iso: day.day.iso(),
                    day: day.day.start().date(),
                    clicks: grouped(day.clicks),
                    clients: grouped(day.clients),
                    profit: currency.format(day.profit),
                })
                .collect(),
            is_new,
        }
    }
}

/// Everything the page shows, as it was at one moment.
struct Facts {
    partner: partners::Partner,
    balances: Balances,
    wallets: Vec<Wallet>,
    days: Vec<PartnerDay>,
    /// Nothing has happened yet, on no day at all.
    is_new: bool,
    sources: Counted,
    deals: Vec<(Deal, deals::After)>,
    withdrawals: Vec<(Withdrawal, withdrawals::After)>,
}

fn read(tx: &mut Tx, env: &Env, id: &str, view: &View) -> Result<Option<Facts>, DbError> {
    let Some(partner) = partners::by_id(tx, id)? else { return Ok(None) };
    let first = first_day(env.now.day(), view.days());
    Ok(Some(Facts {
        partner,
        balances: ledger::balances(tx, id, env.programme.currency)?,
        wallets: wallets::of_partner(tx, id)?,
        days: partners::days(tx, id, first)?,
        is_new: !partners::any_day(tx, id)?,
        sources: Counted {
            first: sources::of_partner(tx, id, first)?,
            total: sources::total(tx, id, first)?,
        },
        deals: deals::of_partner(tx, id, &view.deals(), view.deals_after().as_ref(), FETCH)?,
        withdrawals: withdrawals::of_partner(
            tx,
            id,
            &view.withdrawals(),
            view.withdrawals_after().as_ref(),
            FETCH,
        )?,
    }))
}

impl StatisticsPage {
    fn new(env: &Env, shell: PortalShell, view: &View, facts: Facts, form: Fields) -> StatisticsPage {
        let programme = &env.programme;
        let currency = programme.currency;
        let is_new = facts.is_new && facts.partner.clients == 0;
        StatisticsPage {
            panel: Panel::new(&facts.partner, &facts.balances, programme),
            request: RequestForm::new(
                form,
                shell.suspended,
                facts.balances.available,
                &facts.wallets,
                programme,
            ),
            days: Days::new(view, env.now.day(), &facts.days, is_new, currency),
            sources: Sources::new(view, &facts.sources, &facts.days, currency),
            clients: lists::clients(view, facts.deals, currency),
            withdrawals: lists::withdrawals(view, facts.withdrawals, currency, env.now),
            currency: currency.code(),
            shell,
        }
    }
}

/// `GET /statistics`
///
/// # Errors
/// When the database can't be read.
pub async fn page(
    State(app): State<App>,
    partner: Partner,
    view: View,
    axum::extract::RawQuery(query): axum::extract::RawQuery,
) -> Page {
    let done = Fields::parse(query.unwrap_or_default().as_bytes());
    let env = app.env();
    let form = Fields::filled([("request", &env.ids.uuid(env.now))]);
    answer(&app, &partner, view, Some(done.typed("done")), form, StatusCode::OK).await
}

/// The page with a withdrawal form that was refused.
///
/// # Errors
/// When the database can't be read.
pub(super) async fn refused(app: &App, partner: &Partner, form: Fields, status: StatusCode) -> Page {
    answer(app, partner, View::default(), None, form, status).await
}

async fn answer(
    app: &App,
    partner: &Partner,
    view: View,
    done: Option<&str>,
    form: Fields,
    status: StatusCode,
) -> Page {
    let (id, asked) = (partner.id.clone(), view.clone());
    let facts =
        app.read(move |tx, env| read(tx, env, &id, &asked)).await?.ok_or_else(PageError::not_found)?;
    let env = app.env();
    let shell = PortalShell::new(&env, partner, paths::STATISTICS, done);
    show_with(status, &StatisticsPage::new(&env, shell, &view, facts, form))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::portal::{lists::samples, samples::shell};
    use domain::{
        clock::Timestamp, rate::Rate, referral_code::ReferralCode, wallet::WalletKind,
        withdrawal::WithdrawalStatus,
    };

    fn partner() -> partners::Partner {
        partners::Partner {
            id: "p".into(),
            name: "Pat".into(),
            email: "pat@example.com".into(),
            code: ReferralCode::from_number(1),
            suspended: None,
            agreed_rate: None,
            created_at: Timestamp::from_micros(0),
            clients: 37,
            deals_won: 14,
            volume: Currency::USD.major(61_250),
        }
    }

    fn balances(available: i64) -> Balances {
        let usd = Currency::USD;
        Balances {
            on_hold: usd.major(620),
            available: usd.major(available),
            reserved: usd.major(600),
            paid: usd.major(3_400),
            profit: usd.major(6_460),
        }
    }

    fn wallet() -> Wallet {
        Wallet {
            id: "w1".into(),
            kind: WalletKind::Paypal,
            label: "Mine".into(),
            address: "pat@example.com".into(),
        }
    }

    fn render(view: &View, available: i64, wallets: &[Wallet], form: Fields, is_empty: bool) -> String {
        let programme = Programme::standard();
        let currency = programme.currency;
        let now = Timestamp::from_micros(40 * domain::clock::DAY);
        let day =
            PartnerDay { clicks: 3, clients: 1, profit: currency.major(-20), ..PartnerDay::empty(now.day()) };
        let fair = sources::PartnerSource {
            source: "spring-fair".into(),
            clicks: 2,
            clients: 1,
            deals_won: 1,
            profit: currency.major(7),
        };
        let sources =
            if is_empty { Counted::default() } else { Counted { first: vec![fair.clone()], total: fair } };
        let (days, deals, requests) = if is_empty {
            (vec![], vec![], vec![])
        } else {
            (vec![day], samples::deals(), samples::withdrawals())
        };
        let page = StatisticsPage {
            shell: shell(paths::STATISTICS),
            currency: currency.code(),
            panel: Panel::new(&partner(), &balances(available), &programme),
            request: RequestForm::new(form, false, currency.major(available), wallets, &programme),
            days: Days::new(view, now.day(), &days, is_empty, currency),
            sources: Sources::new(view, &sources, &days, currency),
            clients: lists::clients(view, deals, currency),
            withdrawals: lists::withdrawals(view, requests, currency, now),
        };
        page.render().unwrap()
    }

    #[test]
    fn the_page_shows_figures_charts_and_lists() {
        let form = Fields::filled([("request", "r-1"), ("wallet", "w1")]);
        let view = View::read("c_q=ann&c_after=x~1");
        let html = render(&view, 1_840, &[wallet()], form, false);
        for expected in [
            "1,840.00",
            "Northwind &#60;Partners&#62;",
            "15 % from 100,000.00 of sales; 38,750.00 to go",
            "role=\"img\"",
            "-20.00",
            "C-1042",
            "T-2077",
            "1,000.00",
            "Closed successfully",
            "spring-fair",
            "aria-sort=\"descending\"",
            "value=\"r-1\"",
            "Mine (PayPal, pat@example.com)",
            "Use all 1,840.00",
            "/statistics/clients.csv?c_q=ann",
            "Reference TX-1",
            "First page",
        ] {
            assert!(html.contains(expected), "{expected} is missing");
        }
        assert!(!html.contains("disabled"), "the request can be sent");
        assert!(!html.contains("style="));
        for status in WithdrawalStatus::ALL {
            assert!(html.contains(&format!("status {}", status.as_str())));
        }
    }

    #[test]
    fn a_request_that_cannot_be_made_says_why() {
        let why = |available, wallets: &[Wallet], is_suspended| {
            let programme = Programme::standard();
            let available = programme.currency.major(available);
            RequestForm::new(Fields::default(), is_suspended, available, wallets, &programme).why
        };
        assert_eq!(why(500, &[wallet()], false), None);
        for (available, wallets, is_suspended, words) in [
            (0, vec![wallet()], false, "Nothing is available"),
            (499, vec![wallet()], false, "Withdrawals start at $500.00"),
            (500, vec![], false, "Add a wallet"),
            (500, vec![wallet()], true, "suspended"),
        ] {
            let said = why(available, &wallets, is_suspended).unwrap();
            assert!(said.contains(words), "{said}");
        }
        let html = render(&View::default(), 0, &[], Fields::default(), true);
        for expected in
            ["disabled", "Nothing is available", "No clicks yet", "No clients yet", "Add a wallet"]
        {
            assert!(html.contains(expected), "{expected} is missing");
        }
    }

    #[test]
    fn what_was_refused_stands_beside_its_field() {
        let mut form = Fields::filled([("request", "r-1"), ("amount", "<5,000>")]);
        form.refuse("amount", "Enter $1,840.00 or less.");
        let html = render(&View::default(), 1_840, &[wallet()], form, false);
        assert!(html.contains("value=\"&#60;5,000&#62;\""), "what was typed is kept");
        assert!(html.contains("id=\"amount-error\">Enter $1,840.00 or less."));
        assert!(html.contains("aria-describedby=\"amount-error amount-hint\""));
    }

    #[test]
    fn the_rate_is_explained() {
        let programme = Programme::standard();
        let panel = |partner: &partners::Partner| Panel::new(partner, &balances(0), &programme);
        let mut partner = partner();
        assert_eq!(panel(&partner).percent, "12");
        partner.volume = Currency::USD.major(100_000);
        let top = panel(&partner);
        assert_eq!((top.percent.as_str(), top.progress.is_none()), ("15", true));
        partner.agreed_rate = Rate::from_basis_points(1_750);
        let agreed = panel(&partner);
        assert_eq!((agreed.percent.as_str(), agreed.rate_note.as_str()), ("17.5", "Agreed with you."));
        assert!(Panel::new(&partner, &balances(-5), &programme).is_below_zero);
    }
}
