//! The list of clients: search, filter by the newest deal's status or by partner, newest first.

use askama::Template;
use axum::extract::State;
use domain::deal::DealStatus;
use store::{
    clients::{self, ClientFilter, ClientRow},
    partners,
};

use super::parts::{Asked, Badge, Link, Moment, Pager, ROWS_AND_ONE, numbers_in, page_of_found};
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
#[template(path = "office/clients.html")]
struct ClientsPage {
    shell: OfficeShell,
    search: String,
    statuses: Vec<Choice>,
    /// The partner whose clients are shown: identifier and name.
    partner: Option<(String, String)>,
    /// Nothing but the whole list was asked for.
    whole: bool,
    rows: Vec<Row>,
    pager: Pager,
    currency: &'static str,
    contact_form: String,
}

/// An entry of a select.
struct Choice {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

struct Row {
    client: Link,
    number: i64,
    contact: String,
    partner: Option<Link>,
    deal: Option<(Link, Badge)>,
    amount: String,
    since: Moment,
}

impl Row {
    fn new(row: &ClientRow, currency: domain::money::Currency) -> Row {
        let amount = row.deal.as_ref().and_then(|(_, _, amount)| *amount);
        Row {
            client: Link { href: paths::office_client(row.number), text: row.name.clone() },
            number: row.number,
            contact: row.contact.clone(),
            partner: row.partner.as_ref().map(Link::partner),
            deal: row.deal.as_ref().map(|(number, status, _)| (Link::deal(*number), Badge::deal(*status))),
            amount: amount.map(|amount| currency.format(amount)).unwrap_or_default(),
            since: Moment::day(row.created_at),
        }
    }
}

fn choices(chosen: Option<DealStatus>) -> Vec<Choice> {
    let any = Choice { value: "", label: "Any status", chosen: chosen.is_none() };
    let status = |status: DealStatus| Choice {
        value: status.as_str(),
        label: status.label(),
        chosen: chosen == Some(status),
    };
    std::iter::once(any).chain(DealStatus::ALL.map(status)).collect()
}

/// `GET /office/clients`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    let search = asked.search();
    let status = DealStatus::from_word(asked.0.value("status"));
    let (number, deal) = numbers_in(&search);
    let filter =
        ClientFilter { search: search.clone(), number, deal, status, partner_id: asked.id("partner") };
    let before = asked.number("before");
    let wanted = filter.clone();
    let done = asked.done();
    let (shell, rows, partner) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_CLIENTS, done.as_deref())?;
            let rows = clients::list(tx, &wanted, before, ROWS_AND_ONE)?;
            let partner = match &wanted.partner_id {
                Some(id) => Some((id.clone(), partners::by_id(tx, id)?.map(|partner| partner.name))),
                None => None,
            };
            Ok((shell, rows, partner))
        })
        .await?;
    let partner = partner.map(|(id, name)| (id, name.unwrap_or_else(|| "an unknown partner".into())));
    let currency = app.programme().currency;
    let address = paths::with_query(
        paths::OFFICE_CLIENTS,
        &[
            ("q", &search),
            ("status", status.map_or("", DealStatus::as_str)),
            ("partner", filter.partner_id.as_deref().unwrap_or("")),
        ],
    );
    let (rows, pager) = page_of_found(rows, &asked, "before", &address, |row| row.number.to_string());
    show(&ClientsPage {
        shell,
        whole: search.is_empty() && status.is_none() && partner.is_none() && before.is_none(),
        search,
        statuses: choices(status),
        partner,
        rows: rows.iter().map(|row| Row::new(row, currency)).collect(),
        pager,
        currency: currency.code(),
        contact_form: format!("{}{}", app.public_url, paths::CONTACT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        clock::Timestamp,
        money::{Currency, Money},
    };
    use store::clients::PartnerName;

    fn page(rows: Vec<ClientRow>, whole: bool) -> String {
        let page = ClientsPage {
            shell: OfficeShell::sample(),
            search: "<cleo>".into(),
            statuses: choices(Some(DealStatus::Won)),
            partner: Some(("p1".into(), "Mara Lindqvist".into())),
            whole,
            rows: rows.iter().map(|row| Row::new(row, Currency::USD)).collect(),
            pager: Pager {
                first: Some("/office/clients".into()),
                next: Some("/office/clients?before=1".into()),
                further: None,
            },
            currency: "USD",
            contact_form: "http://localhost/contact".into(),
        };
        page.render().unwrap()
    }

    #[test]
    fn a_row_names_client_partner_and_deal() {
        let row = ClientRow {
            number: 1042,
            name: "Aurora & Sons".into(),
            contact: "hello@aurora.example".into(),
            partner: Some(PartnerName { id: "p1".into(), name: "Mara Lindqvist".into() }),
            created_at: Timestamp::from_micros(1_795_421_400_000_000),
            deal: Some((2077, DealStatus::Won, Some(Money::from_minor(1_240_000)))),
        };
        let nobodys = ClientRow { number: 1041, partner: None, deal: None, ..row.clone() };
        let text = page(vec![row, nobodys], false);
        for part in
            ["C-1042", "/office/clients/1042", "/office/deals/2077", "12,400.00", "Nobody", "&#60;cleo&#62;"]
        {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        assert!(page(vec![], true).contains("http://localhost/contact"));
        assert!(page(vec![], false).contains("Show all clients"));
    }
}
