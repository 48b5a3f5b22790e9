//! What other programs read, by the interface and by webhooks: money, times, partners, clients, deals, withdrawals. The interface's
//! documentation is made of these.

use domain::{
    clock::Timestamp,
    money::{Currency, Money},
};
use serde::Serialize;
use store::{
    DbError, Tx,
    clients::Client,
    deals::Deal,
    ledger::{self, StatementLine},
    partners::{self, Partner},
    withdrawals::Withdrawal,
};
use utoipa::ToSchema;

use crate::{app::Env, web::paths};

/// An amount of money.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Money)]
pub struct MoneyOut {
    /// Decimals after a point, as many as the currency has.
    #[schema(example = "1234.50")]
    amount: String,
    /// The programme's currency (ISO 4217).
    #[schema(example = "USD")]
    currency: &'static str,
}

impl MoneyOut {
    /// An amount in a currency.
    pub fn new(amount: Money, currency: Currency) -> MoneyOut {
        MoneyOut { amount: currency.format_plain(amount), currency: currency.code() }
    }
}

fn time(at: Timestamp) -> String {
    at.rfc3339()
}

/// Whom an answer is about, so that it can be forgotten with the person.
pub trait About {
    /// The client's number, and the identifier of the partner it names.
    fn about(&self) -> (Option<i64>, Option<&str>);
}

impl About for PartnerOut {
    fn about(&self) -> (Option<i64>, Option<&str>) {
        (None, Some(&self.id))
    }
}

impl About for ClientEntered {
    fn about(&self) -> (Option<i64>, Option<&str>) {
        (Some(self.client.number), self.client.partner.as_deref())
    }
}

impl About for DealOut {
    fn about(&self) -> (Option<i64>, Option<&str>) {
        (Some(self.client), self.partner.as_deref())
    }
}

impl About for WithdrawalOut {
    fn about(&self) -> (Option<i64>, Option<&str>) {
        (None, Some(&self.partner))
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A page of rows of which one more than `limit` was asked for.
    pub fn new<R>(
        mut rows: Vec<R>,
        limit: usize,
        cursor: impl Fn(&R) -> String,
        item: impl FnMut(R) -> T,
    ) -> List<T> {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        List { items: rows.into_iter().map(item).collect(), next }
    }
}

/// A partner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Partner)]
pub struct PartnerOut {
    id: String,
    name: String,
    email: String,
    /// `active` or `suspended`.
    #[schema(example = "active")]
    status: &'static str,
    /// The referral code.
    code: String,
    /// The referral link.
    link: String,
    /// What the partner earns now, in basis points: 1250 is 12.5 %.
    rate_bp: i64,
    /// A rate that was agreed on with the partner; null where the tiers decide.
    agreed_rate_bp: Option<i64>,
    created_at: String,
    balances: BalancesOut,
    totals: TotalsOut,
}

/// A partner's balances.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Balances)]
struct BalancesOut {
    /// Commissions in their hold period.
    on_hold: MoneyOut,
    /// What can be withdrawn.
    available: MoneyOut,
    /// In withdrawals that wait.
    reserved: MoneyOut,
    /// Sent to the partner.
    paid: MoneyOut,
}

/// What a partner has achieved.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Totals)]
struct TotalsOut {
    clicks: i64,
    clients: i64,
    deals_won: i64,
    /// What the won deals came to, less refunds.
    volume: MoneyOut,
}

impl PartnerOut {
    /// A partner with balances and totals.
    ///
    /// # Errors
    /// When the database says no.
    pub fn load(tx: &mut Tx, env: &Env, partner: Partner) -> Result<PartnerOut, DbError> {
        let currency = env.programme.currency;
        let money = |amount| MoneyOut::new(amount, currency);
        let balances = ledger::balances(tx, &partner.id, currency)?;
        let tier = env.programme.tiers.standing(partner.volume).current.rate;
        Ok(PartnerOut {
            status: if partner.suspended.is_some() { "suspended" } else { "active" },
            code: partner.code.to_string(),
            link: format!("{}{}", env.public_url, paths::referral(partner.code)),
            rate_bp: partner.agreed_rate.unwrap_or(tier).basis_points(),
            agreed_rate_bp: partner.agreed_rate.map(domain::rate::Rate::basis_points),
            created_at: time(partner.created_at),
            balances: BalancesOut {
                on_hold: money(balances.on_hold),
                available: money(balances.available),
                reserved: money(balances.reserved),
                paid: money(balances.paid),
            },
            totals: TotalsOut {
                clicks: partners::clicks(tx, &partner.id)?,
                clients: partner.clients,
                deals_won: partner.deals_won,
                volume: money(partner.volume),
            },
            id: partner.id,
            name: partner.name,
            email: partner.email,
        })
    }
}

/// A client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Client)]
pub struct ClientOut {
    /// The client number, without the `C-` that people write before it.
    number: i64,
    name: String,
    email: String,
    phone: String,
    telegram: String,
    message: String,
    /// What your own system calls the client.
    external_id: Option<String>,
    /// The partner's identifier, if the client belongs to one.
    partner: Option<String>,
    partner_name: Option<String>,
    /// Where the client came from for that partner: a place named in the link, or a site. Empty where that isn't known.
    source: String,
    created_at: String,
}

impl From<Client> for ClientOut {
    fn from(client: Client) -> ClientOut {
        let (partner, partner_name) = client.partner.map(|partner| (partner.id, partner.name)).unzip();
        ClientOut {
            number: client.number,
            name: client.name,
            email: client.email,
            phone: client.phone,
            telegram: client.telegram,
            message: client.message,
            external_id: client.external_id,
            partner,
            partner_name,
            source: client.source,
            created_at: time(client.created_at),
        }
    }
}

/// A client who was just entered, with the deal that came with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientEntered {
    /// The client.
    #[serde(flatten)]
    pub client: ClientOut,
    /// The deal.
    pub deal: DealOut,
}

/// A client with every deal, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientWithDeals {
    /// The client.
    #[serde(flatten)]
    pub client: ClientOut,
    /// The deals.
    pub deals: Vec<DealOut>,
}

/// A deal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Deal)]
pub struct DealOut {
    /// The transaction number, without the `T-` that people write before it.
    number: i64,
    /// The number of the client it is negotiated with.
    client: i64,
    title: String,
    /// What your own system calls the deal.
    external_id: Option<String>,
    /// `pending`, `won` or `lost`.
    #[schema(example = "won")]
    status: &'static str,
    /// The partner's identifier, if the client belongs to one.
    partner: Option<String>,
    partner_name: Option<String>,
    created_at: String,
    changed_at: String,
    lost_reason: Option<String>,
    /// What winning has fixed; null while the deal isn't won.
    won: Option<WonOut>,
}

/// What winning has fixed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Won)]
struct WonOut {
    at: String,
    amount: MoneyOut,
    refunded: MoneyOut,
    /// Null where nothing was booked.
    commission: Option<CommissionOut>,
    /// Why the rate is what it is, or why nothing was booked.
    commission_reason: String,
}

/// What the partner earned.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Commission)]
struct CommissionOut {
    /// The rate that was fixed, in basis points.
    rate_bp: i64,
    amount: MoneyOut,
    /// What refunds took back.
    reversed: MoneyOut,
    /// When it becomes available; null once it is.
    available_at: Option<String>,
}

impl DealOut {
    /// A deal.
    pub fn new(deal: Deal, currency: Currency) -> DealOut {
        let money = |amount| MoneyOut::new(amount, currency);
        let (partner, partner_name) = deal.partner.map(|partner| (partner.id, partner.name)).unzip();
        DealOut {
            number: deal.number,
            client: deal.client_number,
            title: deal.title,
            external_id: deal.external_id,
            status: deal.status.as_str(),
            partner,
            partner_name,
            created_at: time(deal.created_at),
            changed_at: time(deal.changed_at),
            lost_reason: deal.lost_reason,
            won: deal.won.map(|won| WonOut {
                at: time(won.at),
                amount: money(won.amount),
                refunded: money(won.refunded),
                commission: won.commission.map(|booked| CommissionOut {
                    rate_bp: booked.rate.basis_points(),
                    amount: money(booked.amount),
                    reversed: money(booked.reversed),
                    available_at: booked.available_at.map(time),
                }),
                commission_reason: won.commission_reason,
            }),
        }
    }
}

/// A withdrawal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Withdrawal)]
pub struct WithdrawalOut {
    id: String,
    /// The partner's identifier.
    partner: String,
    partner_name: String,
    amount: MoneyOut,
    /// `pending`, `paid` or `rejected`.
    #[schema(example = "pending")]
    status: &'static str,
    requested_at: String,
    wallet: WalletOut,
    /// From when it can be paid, where the wallet was changed lately.
    payable_from: Option<String>,
    decided_at: Option<String>,
    decided_by: Option<String>,
    /// The payment reference.
    reference: Option<String>,
    /// Why it was rejected.
    reason: Option<String>,
    /// When the payment came back.
    returned_at: Option<String>,
}

/// The wallet as it was when the partner asked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Wallet)]
struct WalletOut {
    /// `usdt_tron`, `usdt_ethereum`, `btc`, `eth`, `iban`, `paypal` or `other`.
    kind: &'static str,
    label: String,
    /// Masked for tokens that may not pay.
    address: String,
}

impl WithdrawalOut {
    /// A withdrawal; `whole` shows where it goes.
    pub fn new(withdrawal: Withdrawal, currency: Currency, whole: bool) -> WithdrawalOut {
        let masked = || domain::wallet::masked(withdrawal.wallet_kind, &withdrawal.wallet_address);
        let address = if whole { withdrawal.wallet_address.clone() } else { masked() };
        WithdrawalOut {
            id: withdrawal.id,
            partner: withdrawal.partner.id,
            partner_name: withdrawal.partner.name,
            amount: MoneyOut::new(withdrawal.amount, currency),
            status: withdrawal.status.as_str(),
            requested_at: time(withdrawal.requested_at),
            wallet: WalletOut {
                kind: withdrawal.wallet_kind.as_str(),
                label: withdrawal.wallet_label,
                address,
            },
            payable_from: withdrawal.payable_from.map(time),
            decided_at: withdrawal.decided_at.map(time),
            decided_by: withdrawal.decided_by,
            reference: withdrawal.reference,
            reason: withdrawal.reason,
            returned_at: withdrawal.returned.map(|(at, _)| time(at)),
        }
    }
}

/// One entry of a partner's statement.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatementEntry)]
pub struct EntryOut {
    /// The entry's place in the statement, from 1.
    seq: i64,
    at: String,
    /// What the entry added to the available balance; below zero, took away; zero for a commission on hold.
    change: MoneyOut,
    /// The available balance after it.
    balance: MoneyOut,
    /// What was moved, on hold or not.
    amount: MoneyOut,
    /// What was booked: `commission`, `withdrawal` and others.
    code: &'static str,
    /// `single`, `pending`, `post` or `void`: at once, on hold, or what came of what was on hold.
    phase: &'static str,
    /// The event that it books; no event is booked twice.
    transfer: String,
    /// What it is about: `deal`, `refund`, `withdrawal` or `adjustment`.
    subject: &'static str,
    /// The number or identifier of that.
    subject_id: String,
    reason: Option<String>,
    /// For a commission on hold: when it becomes available.
    available_at: Option<String>,
}

impl EntryOut {
    /// A line of a statement.
    pub fn new(line: StatementLine, currency: Currency) -> EntryOut {
        let money = |amount| MoneyOut::new(amount, currency);
        EntryOut {
            seq: line.entry.seq,
            at: time(line.at),
            change: money(line.change),
            balance: money(line.entry.balance_after),
            amount: money(line.entry.amount),
            code: line.transfer.code.as_str(),
            phase: line.transfer.phase.as_str(),
            subject: line.transfer.subject.kind(),
            subject_id: line.transfer.subject.id(),
            transfer: line.transfer.key,
            reason: line.transfer.reason,
            available_at: line.transfer.available_at.map(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_whether_it_goes_on() {
        let list = |rows: Vec<i64>| List::new(rows, 2, i64::to_string, |row| row);
        assert_eq!(list(vec![3, 2, 1]).next.as_deref(), Some("2"));
        assert_eq!(list(vec![3, 2, 1]).items, [3, 2]);
        assert_eq!(list(vec![3, 2]).next, None);
    }
}
