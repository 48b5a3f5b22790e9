//! What several pages of the office are made of: reading the address, moments, statuses, pages of lists, and the
//! one form of many that was refused.

use std::{convert::Infallible, fmt::Display};

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use domain::{
    clock::Timestamp,
    deal::DealStatus,
    ledger::{Phase, Subject, label},
    money::{Currency, Money},
    permission::{Permission, Role},
    reference::Reference,
    wallet::{self, WalletKind},
    withdrawal::{WithdrawalStatus, due_at},
};
use store::{Found, clients::PartnerName, ledger::StatementLine, outbox::Status, withdrawals::Withdrawal};

pub use domain::clock::duration;

use crate::web::{
    error::PageError,
    fields::Fields,
    paths,
    portal::statement::{Facts, hold},
};

/// How many rows a page of a list has.
pub const ROWS: usize = 25;

/// What is asked of the store for one page: one row more tells whether another page follows.
pub const ROWS_AND_ONE: i64 = ROWS as i64 + 1;

/// How much of a search is looked for.
const SEARCH_CHARS: usize = 100;

/// The query of an address. Whatever stands there, it is never an error: what can't be used is passed over.
#[derive(Debug, Clone, Default)]
pub struct Asked(pub Fields);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked, Infallible> {
        Ok(Asked(Fields::parse(parts.uri.query().unwrap_or("").as_bytes())))
    }
}

impl Asked {
    /// What is searched for, without what databases can't store.
    pub fn search(&self) -> String {
        let typed = self.0.value("q").trim();
        typed.chars().filter(|c| !c.is_control()).take(SEARCH_CHARS).collect()
    }

    /// A whole number above zero.
    pub fn number(&self, name: &str) -> Option<i64> {
        positive(self.0.value(name))
    }

    /// An identifier as this server makes them.
    pub fn id(&self, name: &str) -> Option<String> {
        Some(self.0.value(name)).filter(|text| is_id(text)).map(str::to_owned)
    }

    /// The word that a redirect has left, for the notice.
    pub fn done(&self) -> Option<String> {
        Some(self.0.value("done").to_owned()).filter(|word| !word.is_empty())
    }
}

fn positive(text: &str) -> Option<i64> {
    Some(text)
        .filter(|text| text.chars().all(|c| c.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|number| *number > 0)
}

/// Whether a text has the form of an identifier (UUID); anything else is never looked up.
pub fn is_id(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// The number of a client or deal in the path.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Number, PageError> {
        positive(&segment(parts, state).await?).map(Number).ok_or_else(PageError::not_found)
    }
}

/// The identifier of a partner, withdrawal, message or account in the path.
#[derive(Debug, Clone)]
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, PageError> {
        Some(segment(parts, state).await?).filter(|text| is_id(text)).map(Id).ok_or_else(PageError::not_found)
    }
}

/// The one parameter of the path. Bytes that are no text lead nowhere, like any other wrong address.
async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, PageError> {
    let path = Path::<String>::from_request_parts(parts, state).await;
    path.map(|Path(text)| text).map_err(|_| PageError::not_found())
}

/// Number and deal that a search may mean: `C-1042` a client, `T-2077` a deal, a bare number either.
pub fn numbers_in(search: &str) -> (Option<i64>, Option<i64>) {
    let read = Reference::read(search);
    (read.and_then(Reference::client), read.and_then(Reference::deal))
}

/// A link with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it leads.
    pub href: String,
    /// What it says.
    pub text: String,
}

impl Link {
    /// A link to a partner's page.
    pub fn partner(partner: &PartnerName) -> Link {
        Link { href: paths::office_partner(&partner.id), text: partner.name.clone() }
    }

    /// A link to a client's page.
    pub fn client(number: i64, name: &str) -> Link {
        Link { href: paths::office_client(number), text: format!("C-{number} {name}") }
    }

    /// A link to a deal's page.
    pub fn deal(number: i64) -> Link {
        Link { href: paths::office_deal(number), text: format!("T-{number}") }
    }
}

/// A moment as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// For machines, RFC 3339.
    pub iso: String,
    /// For people.
    pub text: String,
}

impl Moment {
    /// Day and minute.
    pub fn exact(at: Timestamp) -> Moment {
        Moment { iso: at.rfc3339(), text: format!("{} UTC", at.date_time()) }
    }

    /// The day alone.
    pub fn day(at: Timestamp) -> Moment {
        Moment { iso: at.rfc3339(), text: at.date() }
    }
}

/// A status: a class, which draws the shape, and the word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// The class of the stylesheet.
    pub class: &'static str,
    /// What it says.
    pub text: String,
}

impl Badge {
    /// A status of the stylesheet with its words.
    pub fn new(class: &'static str, text: impl Into<String>) -> Badge {
        Badge { class, text: text.into() }
    }

    /// The status of a deal.
    pub fn deal(status: DealStatus) -> Badge {
        Badge::new(status.as_str(), status.label())
    }

    /// Where a message stands.
    pub fn message(status: Status) -> Badge {
        let class = match status {
            Status::Waiting => "pending",
            Status::Sent => "done",
            Status::Parked => "overdue",
            Status::Dropped => "suspended",
        };
        Badge::new(class, status.label())
    }

    /// Whether a partner is suspended.
    pub fn partner(suspended: bool) -> Badge {
        if suspended { Badge::new("suspended", "Suspended") } else { Badge::new("active", "Active") }
    }

    /// The status of a withdrawal; of a pending one, what is left of the time that finance has.
    pub fn withdrawal(withdrawal: &Withdrawal, now: Timestamp) -> Badge {
        let status = withdrawal.status;
        if status != WithdrawalStatus::Pending {
            return Badge::new(status.as_str(), status.label());
        }
        let left = due_at(withdrawal.requested_at).since(now);
        if left < 0 {
            Badge::new("overdue", format!("Overdue by {}", duration(-left)))
        } else {
            Badge::new("due", format!("{} left", duration(left)))
        }
    }
}

/// The links below a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pager {
    /// Back to the first page, from any other.
    pub first: Option<String>,
    /// The page that follows.
    pub next: Option<String>,
    /// Where a search goes on that has looked through a part of the list.
    pub further: Option<String>,
}

/// One page of a list and the links below it. `cursor` is the parameter that goes on after a row; `address` has
/// the parameters that stay.
pub fn page_of<T>(
    rows: Vec<T>,
    asked: &Asked,
    cursor: &str,
    address: &str,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, Pager) {
    page_of_size(ROWS, rows, asked, cursor, address, key)
}

/// The same for a search that may have looked through a part of the list only.
pub fn page_of_found<T, K: Display>(
    found: Found<T, K>,
    asked: &Asked,
    cursor: &str,
    address: &str,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, Pager) {
    let (rows, pager) = page_of(found.rows, asked, cursor, address, key);
    let further = found.further.filter(|_| pager.next.is_none());
    let further = further.map(|place| paths::with_query(address, &[(cursor, &place.to_string())]));
    (rows, Pager { further, ..pager })
}

/// The same for pages of another size.
pub fn page_of_size<T>(
    size: usize,
    mut rows: Vec<T>,
    asked: &Asked,
    cursor: &str,
    address: &str,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, Pager) {
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|row| paths::with_query(address, &[(cursor, &key(row))]));
    let first = asked.0.has(cursor).then(|| address.to_owned());
    (rows, Pager { first, next, further: None })
}

/// The forms of a page, of which at most one was refused; what was typed into it is kept.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    act: &'static str,
    fields: Fields,
    empty: Fields,
}

impl Refused {
    /// One form was refused.
    pub fn act(act: &'static str, fields: Fields) -> Refused {
        Refused { act, fields, empty: Fields::default() }
    }

    /// Whether this is the form that was refused.
    pub fn is(&self, act: &str) -> bool {
        self.act == act
    }

    /// Whether any form was refused.
    pub fn any(&self) -> bool {
        !self.act.is_empty()
    }

    /// The form of an act.
    pub fn form(&self, act: &str) -> &Fields {
        if self.is(act) { &self.fields } else { &self.empty }
    }
}

/// How many letters of a free text stand in a list.
const SHORT_TEXT: usize = 40;

/// An address of a wallet, short enough for a list: enough to tell wallets apart.
pub fn short_address(kind: WalletKind, address: &str) -> String {
    let characters: Vec<char> = address.chars().collect();
    let short = match (kind, characters.as_slice()) {
        // Half of an email address tells nothing.
        (WalletKind::Paypal, _) => address.to_owned(),
        (WalletKind::Other, text) if text.len() > SHORT_TEXT => {
            let start: String = text.iter().take(SHORT_TEXT).collect();
            format!("{}…", start.trim_end())
        }
        (WalletKind::Other, _) => address.to_owned(),
        (_, [first @ .., a, b, c, d]) if first.len() > 8 => {
            let first: String = first.iter().take(6).collect();
            format!("{first}…{a}{b}{c}{d}")
        }
        _ => wallet::display(kind, address),
    };
    format!("{}, {short}", kind.label())
}

/// A line of a partner's statement.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it was booked.
    pub at: Moment,
    /// What it says.
    pub what: &'static str,
    /// What it is about.
    pub subject: Option<Link>,
    /// What the partner reads: wallet, amount and reference, or how the commission came to its amount; the reason.
    pub note: Option<String>,
    /// What came in, with its sign.
    pub plus: String,
    /// What went out, with its sign.
    pub minus: String,
    /// What was available after it.
    pub balance: String,
}

impl Entry {
    /// A line for a member of staff, with what the partner reads of it: what the role may not open is named without
    /// a link.
    pub fn new(line: &StatementLine, facts: &Facts, currency: Currency, role: Role) -> Entry {
        let transfer = &line.transfer;
        let subject = match &transfer.subject {
            Subject::Deal(number) | Subject::Refund(number) => {
                Some((Link::deal(*number), Permission::ReadClients))
            }
            Subject::Withdrawal(id) => Some((
                Link { href: paths::office_withdrawal(id), text: "The withdrawal".into() },
                Permission::ReadWithdrawals,
            )),
            Subject::Adjustment(_) => None,
        };
        let subject =
            subject.map(
                |(link, permission)| {
                    if role.may(permission) { link } else { Link { href: String::new(), ..link } }
                },
            );
        let amount = |shown: bool| {
            if shown { currency.format(line.change) } else { String::new() }
        };
        let mut notes = facts.payment(line, currency);
        notes.extend(transfer.reason.clone());
        notes.extend(hold(line));
        if notes.is_empty() && line.change.is_zero() && transfer.phase == Phase::Pending {
            notes.push(format!("{} not available yet", currency.format(transfer.amount)));
        }
        Entry {
            at: Moment::day(line.at),
            what: label(transfer.code, &transfer.phase),
            subject,
            note: Some(notes.join(" · ")).filter(|note| !note.is_empty()),
            plus: if line.change.is_positive() { format!("+{}", amount(true)) } else { String::new() },
            // A true minus sign lines up with the plus.
            minus: amount(line.change < Money::ZERO).replace('-', "−"),
            balance: currency.format(line.entry.balance_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_for_a_number_means_a_client_a_deal_or_either() {
        for (search, found) in [
            ("C-1042", (Some(1042), None)),
            ("c1042", (Some(1042), None)),
            ("T-2077", (None, Some(2077))),
            ("1042", (Some(1042), Some(1042))),
            ("Cleo", (None, None)),
            ("t 2077", (None, Some(2077))),
            ("S-3001", (None, None)),
            ("-5", (None, None)),
            ("99999999999999999999", (None, None)),
            ("", (None, None)),
        ] {
            assert_eq!(numbers_in(search), found, "{search}");
        }
    }

    #[test]
    fn only_identifiers_are_looked_up() {
        assert!(is_id("0193a1b2-0000-7000-8000-0000000000aa"));
        for text in
            ["", "x", "0193a1b2-0000-7000-8000-0000000000a\0", "0193a1b2-0000-7000-8000-0000000000aaa"]
        {
            assert!(!is_id(text), "{text:?}");
        }
    }

    #[test]
    fn a_list_is_cut_into_pages() {
        let asked = Asked(Fields::parse(b"before=9"));
        let (rows, pager) = page_of((0..30).collect(), &asked, "before", "/x?q=a", ToString::to_string);
        assert_eq!(rows.len(), ROWS);
        assert_eq!(pager.first.as_deref(), Some("/x?q=a"));
        assert_eq!(pager.next.as_deref(), Some("/x?q=a&before=24"));
        let (_, pager) = page_of(vec![1], &Asked::default(), "before", "/x", ToString::to_string);
        assert_eq!(pager, Pager::default());
    }

    #[test]
    fn addresses_are_shortened_in_lists() {
        assert_eq!(
            short_address(WalletKind::UsdtTron, "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
            "USDT on TRON, TR7NHq…Lj6t"
        );
        assert_eq!(short_address(WalletKind::Iban, "NO9386011117947"), "Bank account (IBAN), NO9386…7947");
        assert_eq!(
            short_address(WalletKind::Paypal, "mara.lindqvist@example.com"),
            "PayPal, mara.lindqvist@example.com"
        );
        assert_eq!(short_address(WalletKind::Other, "cash"), "Other, cash");
        assert_eq!(
            short_address(WalletKind::Other, "Please set it off against our invoices with you."),
            "Other, Please set it off against our invoices w…"
        );
    }
}
