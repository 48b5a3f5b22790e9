//! The list of partners: search, filter by suspension, newest first, with the figures that are kept up to date.

use askama::Template;
use axum::extract::State;
use domain::{permission::Permission, text::grouped};
use store::{
    ledger,
    partners::{self, Partner},
    programme::Programme,
};

use super::parts::{Asked, Badge, Moment, Pager, ROWS, ROWS_AND_ONE, page_of};
use crate::{
    app::App,
    web::{
        error::PageError,
        paths,
        shell::OfficeShell,
        show::{Page, show},
        visitor::Staff,
    },
};

#[derive(Template)]
#[template(path = "office/partners.html")]
struct PartnersPage {
    shell: OfficeShell,
    search: String,
    only_suspended: bool,
    /// Nothing but the whole list was asked for.
    whole: bool,
    rows: Vec<Row>,
    pager: Pager,
    /// Whether the person may see balances.
    money: bool,
    currency: &'static str,
    sign_up: String,
}

struct Row {
    href: String,
    name: String,
    email: String,
    status: Badge,
    clients: String,
    won: String,
    volume: String,
    rate: String,
    available: String,
    since: Moment,
}

/// The rate that a partner's next deal is paid at.
pub(super) fn rate_now(partner: &Partner, programme: &Programme) -> String {
    match partner.agreed_rate {
        Some(rate) => format!("{rate}, agreed"),
        None => programme.tiers.standing(partner.volume).current.rate.to_string(),
    }
}

impl Row {
    fn new(partner: &Partner, available: String, programme: &Programme) -> Row {
        Row {
            href: paths::office_partner(&partner.id),
            name: partner.name.clone(),
            email: partner.email.clone(),
            status: Badge::partner(partner.suspended.is_some()),
            clients: grouped(partner.clients),
            won: grouped(partner.deals_won),
            volume: programme.currency.format(partner.volume),
            rate: rate_now(partner, programme),
            available,
            since: Moment::day(partner.created_at),
        }
    }
}

/// `GET /office/partners`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    let search = asked.search();
    let only_suspended = asked.0.value("status") == "suspended";
    let before = asked.id("before");
    let money = staff.role.may(Permission::ReadWithdrawals);
    let whole = search.is_empty() && !only_suspended && before.is_none();
    let (wanted, done) = (search.clone(), asked.done());
    let (shell, found, available, programme) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_PARTNERS, done.as_deref())?;
            let found = partners::list(tx, &wanted, only_suspended, before.as_deref(), ROWS_AND_ONE)?;
            let currency = env.programme.currency;
            let mut available = Vec::new();
            for partner in found.iter().take(if money { ROWS } else { 0 }) {
                let balances = ledger::balances(tx, &partner.id, currency)?;
                available.push(currency.format(balances.available));
            }
            Ok((shell, found, available, env.programme.clone()))
        })
        .await?;
    let status = if only_suspended { "suspended" } else { "" };
    let address = paths::with_query(paths::OFFICE_PARTNERS, &[("q", &search), ("status", status)]);
    let (found, pager) = page_of(found, &asked, "before", &address, |partner| partner.id.clone());
    let mut available = available.into_iter();
    show(&PartnersPage {
        shell,
        search,
        only_suspended,
        whole,
        rows: found
            .iter()
            .map(|partner| Row::new(partner, available.next().unwrap_or_default(), &programme))
            .collect(),
        pager,
        money,
        currency: programme.currency.code(),
        sign_up: format!("{}{}", app.public_url, paths::SIGN_UP),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use domain::{clock::Timestamp, money::Money, rate::Rate, referral_code::ReferralCode};

    pub fn sample() -> Partner {
        Partner {
            id: "0193a1b2-0000-7000-8000-0000000000bb".into(),
            name: "Mara <Lindqvist>".into(),
            email: "mara@example.com".into(),
            code: ReferralCode::from_number(7),
            suspended: None,
            agreed_rate: None,
            created_at: Timestamp::from_micros(1_795_421_400_000_000),
            clients: 37,
            deals_won: 14,
            volume: Money::from_minor(6_125_000),
        }
    }

    fn text(found: &[Partner], whole: bool, money: bool) -> String {
        let programme = Programme::standard();
        let page = PartnersPage {
            shell: OfficeShell::sample(),
            search: "mara".into(),
            only_suspended: true,
            whole,
            rows: found.iter().map(|partner| Row::new(partner, "1,840.00".into(), &programme)).collect(),
            pager: Pager::default(),
            money,
            currency: "USD",
            sign_up: "http://localhost/sign-up".into(),
        };
        page.render().unwrap()
    }

    #[test]
    fn a_row_shows_the_figures_and_balances_only_to_finance() {
        let agreed = Partner {
            agreed_rate: Rate::from_basis_points(1450),
            suspended: Some((Timestamp::from_micros(0), "Spam".into())),
            ..sample()
        };
        let page = text(&[sample(), agreed], false, true);
        for part in [
            "Mara &#60;Lindqvist&#62;",
            "61,250.00",
            "12 %",
            "14.5 %, agreed",
            "1,840.00",
            "status suspended",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!text(&[sample()], false, false).contains("1,840.00"));
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        assert!(text(&[], true, true).contains("http://localhost/sign-up"));
        assert!(text(&[], false, true).contains("Show all partners"));
    }
}
