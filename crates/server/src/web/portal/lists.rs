//! The two lists of Statistics: clients with their deals, and withdrawals.

use domain::{
    clock::Timestamp,
    deal::DealStatus,
    money::Currency,
    wallet::{self, WalletKind},
    withdrawal::{self, WithdrawalStatus},
};
use store::{
    deals::{self, Deal},
    withdrawals::{self, Withdrawal},
};

use super::view::{CLIENTS, List, View, WITHDRAWALS};
use crate::web::paths;

/// How many rows a page of a list has.
pub const ROWS: usize = 25;
/// One row more than a page has tells whether there is another page.
pub const FETCH: i64 = ROWS as i64 + 1;

/// The heading of a column.
#[derive(Debug, Clone)]
pub struct Heading {
    /// What it says.
    pub label: String,
    /// Whether the column holds numbers.
    pub is_number: bool,
    /// What `aria-sort` says; empty for none.
    pub aria: &'static str,
    /// Where sorting by it leads; empty where it can't be sorted by.
    pub href: String,
}

/// A list with everything around it.
#[derive(Debug, Clone)]
pub struct Table<R> {
    /// The names of its parameters.
    pub names: &'static List,
    /// The columns.
    pub headings: Vec<Heading>,
    /// The rows of this page.
    pub rows: Vec<R>,
    /// What is searched for.
    pub search: String,
    /// The statuses to choose from: the word, the label, whether it is chosen.
    pub statuses: Vec<(&'static str, &'static str, bool)>,
    /// What the search form sends along.
    pub beside: Vec<(&'static str, String)>,
    /// Whether only some rows are shown.
    pub is_filtered: bool,
    /// The way back to all rows.
    pub all: String,
    /// The first page, when this isn't it.
    pub first: Option<String>,
    /// The next page, if there is one.
    pub next: Option<String>,
    /// The file with the same rows.
    pub csv: String,
}

impl<R> Table<R> {
    fn new(
        view: &View,
        names: &'static List,
        headings: &[(&str, &str, bool)],
        statuses: Vec<(&'static str, &'static str)>,
        rows: Vec<R>,
        after: Option<String>,
        csv: &str,
    ) -> Table<R> {
        let headings = headings
            .iter()
            .map(|(column, label, is_number)| {
                let (aria, href) =
                    if column.is_empty() { ("", String::new()) } else { view.sorting(names, column) };
                Heading { label: (*label).to_owned(), is_number: *is_number, aria, href }
            })
            .collect();
        let chosen = view.value(names.status);
        Table {
            names,
            headings,
            rows,
            search: view.value(names.search).to_owned(),
            statuses: statuses.into_iter().map(|(word, label)| (word, label, word == chosen)).collect(),
            beside: view.beside(names),
            is_filtered: view.is_filtered(names),
            all: view.unfiltered(names),
            first: (!view.value(names.after).is_empty())
                .then(|| view.with(&[(names.after, "")], names.anchor)),
            next: after.map(|after| view.with(&[(names.after, &after)], names.anchor)),
            csv: view.export(names, csv),
        }
    }

    /// Nothing is there at all, rather than nothing that fits the search.
    pub fn is_new(&self) -> bool {
        self.rows.is_empty() && !self.is_filtered && self.first.is_none()
    }

    /// How many rows are shown, in words.
    pub fn count(&self) -> String {
        let rows = self.rows.len();
        match (&self.first, &self.next) {
            (None, None) => format!("{rows} in all"),
            _ => format!("{rows} on this page"),
        }
    }
}

/// Cuts the row off that only tells whether there is another page.
fn page<R, A>(mut rows: Vec<(R, A)>) -> (Vec<R>, Option<A>) {
    let is_last = rows.len() <= ROWS;
    rows.truncate(ROWS);
    let mut after = None;
    let rows = rows
        .into_iter()
        .map(|(row, place)| {
            after = Some(place);
            row
        })
        .collect();
    (rows, after.filter(|_| !is_last))
}

/// A client with one deal.
#[derive(Debug, Clone)]
pub struct ClientRow {
    /// The client number.
    pub client: i64,
    /// What the client is called.
    pub name: String,
    /// The transaction number.
    pub deal: i64,
    /// Where the deal stands.
    pub status: DealStatus,
    /// The amount; empty unless the deal is won.
    pub amount: String,
    /// What is to be said about the amount.
    pub amount_note: String,
    /// What the partner earns; empty unless the deal is won.
    pub commission: String,
    /// What is to be said about the commission.
    pub commission_note: String,
    /// The entries behind the commission.
    pub entries: String,
}

impl ClientRow {
    fn new(deal: &Deal, currency: Currency) -> ClientRow {
        let mut row = ClientRow {
            client: deal.client_number,
            name: deal.client_name.clone(),
            deal: deal.number,
            status: deal.status,
            amount: String::new(),
            amount_note: String::new(),
            commission: String::new(),
            commission_note: String::new(),
            entries: paths::statement_of_deal(deal.number),
        };
        let Some(won) = deal.won.as_ref().filter(|_| deal.status == DealStatus::Won) else { return row };
        row.amount = currency.format(won.amount);
        if won.refunded.is_positive() {
            row.amount_note = format!("{} refunded", currency.format(won.refunded));
        }
        match won.commission {
            Some(commission) => {
                row.commission = currency.format(commission.remaining());
                row.commission_note = match commission.available_at {
                    Some(at) => format!("{}, on hold until {}", commission.rate, at.date()),
                    None => commission.rate.to_string(),
                };
            }
            None => {
                row.commission = currency.format(domain::money::Money::ZERO);
                row.commission_note = won.commission_reason.clone();
            }
        }
        row
    }
}

/// The list of clients.
pub fn clients(view: &View, rows: Vec<(Deal, deals::After)>, currency: Currency) -> Table<ClientRow> {
    let code = currency.code();
    let (rows, after) = page(rows);
    let rows: Vec<ClientRow> = rows.iter().map(|deal| ClientRow::new(deal, currency)).collect();
    Table::new(
        view,
        &CLIENTS,
        &[
            ("number", "Client", false),
            ("name", "Name", false),
            ("", "Transaction", false),
            ("status", "Status", false),
            ("amount", &format!("Amount, {code}"), true),
            ("", &format!("Your commission, {code}"), true),
        ],
        DealStatus::ALL.map(|status| (status.as_str(), status.label())).to_vec(),
        rows,
        after.map(|after| format!("{}~{}", after.value, after.number)),
        paths::CLIENTS_CSV,
    )
}

/// A withdrawal.
#[derive(Debug, Clone)]
pub struct WithdrawalRow {
    /// When it was asked for.
    pub at: Timestamp,
    /// How much.
    pub amount: String,
    /// Where it stands.
    pub status: WithdrawalStatus,
    /// What the partner called the wallet.
    pub wallet: String,
    /// The kind of wallet and its address, cut short.
    pub address: String,
    /// When the answer is due, the payment's reference, or the reason.
    pub note: String,
}

impl WithdrawalRow {
    fn new(withdrawal: &Withdrawal, currency: Currency, now: Timestamp) -> WithdrawalRow {
        let due = withdrawal::due_at(withdrawal.requested_at);
        let note = match withdrawal.status {
            WithdrawalStatus::Pending if now > due => {
                format!("An answer was due by {} UTC. Please write to support.", due.date_time())
            }
            WithdrawalStatus::Pending => match withdrawal.payable_from.filter(|from| now < *from) {
                Some(from) => format!(
                    "Answer by {} UTC. The wallet is new or was changed: it can be paid to from {} UTC.",
                    due.date_time(),
                    from.date_time()
                ),
                None => format!("Answer by {} UTC", due.date_time()),
            },
            WithdrawalStatus::Paid => match &withdrawal.reference {
                Some(reference) => format!("Reference {reference}"),
                None => String::new(),
            },
            WithdrawalStatus::Rejected => withdrawal.reason.clone().unwrap_or_default(),
        };
        WithdrawalRow {
            at: withdrawal.requested_at,
            amount: currency.format(withdrawal.amount),
            status: withdrawal.status,
            wallet: withdrawal.wallet_label.clone(),
            address: wallet_in_short(withdrawal.wallet_kind, &withdrawal.wallet_address),
            note,
        }
    }
}

/// The list of withdrawals.
pub fn withdrawals(
    view: &View,
    rows: Vec<(Withdrawal, withdrawals::After)>,
    currency: Currency,
    now: Timestamp,
) -> Table<WithdrawalRow> {
    let code = currency.code();
    let (rows, after) = page(rows);
    let rows: Vec<WithdrawalRow> = rows.iter().map(|row| WithdrawalRow::new(row, currency, now)).collect();
    Table::new(
        view,
        &WITHDRAWALS,
        &[
            ("date", "Requested", false),
            ("status", "Status", false),
            ("", "Note", false),
            ("", "Wallet", false),
            ("amount", &format!("Amount, {code}"), true),
        ],
        WithdrawalStatus::ALL.map(|status| (status.as_str(), status.label())).to_vec(),
        rows,
        after.map(|after| format!("{}~{}", after.value, after.id)),
        paths::WITHDRAWALS_CSV,
    )
}

/// The kind of a wallet and enough of its address to tell it from another: `PayPal, ann@example.com`.
pub fn wallet_in_short(kind: WalletKind, address: &str) -> String {
    const WHOLE: usize = 24;
    let address = wallet::display(kind, address);
    let length = address.chars().count();
    if length <= WHOLE {
        return format!("{}, {address}", kind.label());
    }
    let start: String = address.chars().take(6).collect();
    let end: String = address.chars().skip(length - 6).collect();
    format!("{}, {}…{}", kind.label(), start.trim_end(), end.trim_start())
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use domain::{money::Money, rate::Rate};
    use store::{
        clients::PartnerName,
        deals::{Commission, Won},
    };

    pub fn deal(status: DealStatus) -> Deal {
        let usd = Currency::USD;
        let commission = Commission {
            rate: Rate::from_basis_points(1_250).unwrap(),
            volume_before: Money::ZERO,
            amount: usd.major(125),
            reversed: usd.major(25),
            available_at: Some(Timestamp::from_micros(0)),
        };
        Deal {
            number: 2077,
            client_number: 1042,
            client_name: "Ann".into(),
            title: String::new(),
            external_id: None,
            status,
            partner: Some(PartnerName { id: "p".into(), name: "Pat".into() }),
            created_at: Timestamp::from_micros(0),
            changed_at: Timestamp::from_micros(0),
            lost_reason: None,
            win_round: 1,
            won: Some(Won {
                at: Timestamp::from_micros(0),
                amount: usd.major(1_000),
                refunded: usd.major(200),
                refunds: 1,
                commission: Some(commission),
                commission_reason: "12.5 % as agreed with the partner.".into(),
                settled: None,
            }),
        }
    }

    pub fn deals() -> Vec<(Deal, deals::After)> {
        DealStatus::ALL
            .map(|status| (deal(status), deals::After { value: "ann".into(), number: 2077 }))
            .to_vec()
    }

    pub fn withdrawals() -> Vec<(Withdrawal, withdrawals::After)> {
        WithdrawalStatus::ALL
            .map(|status| {
                let withdrawal = Withdrawal {
                    id: "w".into(),
                    partner: PartnerName { id: "p".into(), name: "Pat".into() },
                    amount: Currency::USD.major(600),
                    status,
                    requested_at: Timestamp::from_micros(0),
                    wallet_id: "w1".into(),
                    wallet_kind: WalletKind::Paypal,
                    wallet_label: "=Mine".into(),
                    wallet_address: "pat@example.com".into(),
                    decided_at: Some(Timestamp::from_micros(1)),
                    decided_by: Some("Fay".into()),
                    reference: Some("TX-1".into()),
                    reason: Some("Another wallet, please.".into()),
                    wallet_entered_at: None,
                    payable_from: None,
                    override_reason: None,
                    returned: None,
                };
                (withdrawal, withdrawals::After { value: String::new(), id: "w".into() })
            })
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::{samples::deal, *};

    #[test]
    fn an_amount_is_shown_only_for_a_deal_closed_successfully() {
        for status in [DealStatus::Pending, DealStatus::Lost] {
            let row = ClientRow::new(&deal(status), Currency::USD);
            assert_eq!((row.amount.as_str(), row.commission.as_str()), ("", ""), "{status:?}");
        }
        let row = ClientRow::new(&deal(DealStatus::Won), Currency::USD);
        assert_eq!((row.amount.as_str(), row.amount_note.as_str()), ("1,000.00", "200.00 refunded"));
        assert_eq!(row.commission, "100.00");
        assert_eq!(row.commission_note, "12.5 %, on hold until 1 Jan 1970");
    }

    #[test]
    fn a_page_has_its_rows_and_knows_whether_there_are_more() {
        let rows = |count: usize| (0..count).map(|n| (n, n)).collect::<Vec<_>>();
        assert_eq!(page(rows(ROWS)).1, None);
        let (shown, after) = page(rows(ROWS + 1));
        assert_eq!((shown.len(), after), (ROWS, Some(ROWS - 1)));
    }

    #[test]
    fn a_wallet_is_told_in_short() {
        let short = |kind, address| wallet_in_short(kind, address);
        assert_eq!(short(WalletKind::Paypal, "ann@example.com"), "PayPal, ann@example.com");
        assert_eq!(short(WalletKind::Iban, "DE89370400440532013000"), "Bank account (IBAN), DE89 3…130 00");
        assert_eq!(
            short(WalletKind::UsdtTron, "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW"),
            "USDT on TRON, TJCnKs…Q6sxMW"
        );
    }
}
