//! What a row must be to be taken.

use super::{Cells, moment};
use crate::{
    clock::{DAY, Timestamp},
    deal::DealStatus,
    money::{Currency, Money, MoneyError},
    rate::Rate,
    text::{Email, Line, Message, Name, Phone, Telegram, optional},
};

/// What is wrong with a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The column, by our name.
    pub column: &'static str,
    /// What is wrong and what would be right.
    pub sentence: String,
}

/// A partner of the old system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerRow {
    /// What the old system calls the row, or empty.
    pub id: String,
    /// What the partner is called.
    pub name: Name,
    /// The partner's address.
    pub email: Email,
    /// The codes that links in the world have.
    pub codes: Vec<String>,
    /// The rate agreed on.
    pub rate: Option<Rate>,
    /// The old system's word, where the partner isn't active there.
    pub suspended: Option<String>,
    /// When the partner signed up there.
    pub joined_at: Option<Timestamp>,
}

/// A client of the old system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRow {
    /// What the old system calls the row, or empty.
    pub id: String,
    /// What the client is called.
    pub name: String,
    /// Email address, or empty.
    pub email: String,
    /// Phone number, or empty.
    pub phone: String,
    /// Telegram account, or empty.
    pub telegram: String,
    /// What the client wrote, or empty.
    pub message: String,
    /// Whose client it is: the partner's id, email address or code there; empty for nobody.
    pub partner: String,
    /// When the client came.
    pub created_at: Option<Timestamp>,
    /// What the company's own system calls the client.
    pub external_id: Option<String>,
}

/// What the old system had booked for a won deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The commission there (minor units); zero where the file doesn't say.
    pub commission: Money,
    /// Whether the file says.
    pub known: bool,
    /// The rate there.
    pub rate: Option<Rate>,
}

/// A deal of the old system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealRow {
    /// What the old system calls the row, or empty.
    pub id: String,
    /// The client: the client's id, external id or email address there.
    pub client: String,
    /// What it is about, or empty.
    pub title: String,
    /// Where it stands.
    pub status: DealStatus,
    /// What it came to, for one that is won.
    pub amount: Money,
    /// What was booked for it there, for one that is won.
    pub settled: Settled,
    /// When it was opened.
    pub created_at: Option<Timestamp>,
    /// When it was won or lost.
    pub closed_at: Option<Timestamp>,
    /// Why it was lost, or what there is to say about the settlement; may be empty.
    pub reason: String,
    /// What the company's own system calls the deal.
    pub external_id: Option<String>,
}

/// What the old system still owes a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceRow {
    /// The partner's id, email address or code there.
    pub partner: String,
    /// How much; never below zero, and zero is nothing to book.
    pub amount: Money,
}

/// The identifiers of other systems.
type Id = Line<200>;

/// Collects what is wrong, so that a row's faults are all told at once.
struct Check<'a> {
    cells: &'a Cells<'a>,
    now: Timestamp,
    faults: Vec<Fault>,
}

impl<'a> Check<'a> {
    fn new(cells: &'a Cells<'a>, now: Timestamp) -> Check<'a> {
        Check { cells, now, faults: Vec::new() }
    }

    fn fault(&mut self, column: &'static str, sentence: impl ToString) {
        self.faults.push(Fault { column, sentence: sentence.to_string() });
    }

    /// What an empty or a right cell holds; a wrong one is a fault.
    fn text<T, E: ToString>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match optional(self.cells.get(column), parse) {
            Ok(value) => value,
            Err(error) => {
                self.fault(column, error.to_string());
                None
            }
        }
    }

    fn id(&mut self, column: &'static str) -> String {
        self.text(column, |text| Id::parse_as("identifier", text)).map_or(String::new(), Id::into_string)
    }

    fn moment(&mut self, column: &'static str) -> Option<Timestamp> {
        let text = self.cells.get(column);
        if text.is_empty() {
            return None;
        }
        match moment(text) {
            None => {
                self.fault(
                    column,
                    format!(
                        "{} is no day or moment. Write it like 2026-11-23 or 2026-11-23 08:10.",
                        shown(text)
                    ),
                );
                None
            }
            // A clock over there may run ahead, and a day may have begun there.
            Some(at) if at > self.now.plus(DAY) => {
                self.fault(column, format!("{} lies in the future.", shown(text)));
                None
            }
            Some(at) if at.micros() < 0 => {
                self.fault(column, format!("{} lies before 1970.", shown(text)));
                None
            }
            Some(at) => Some(at.min(self.now)),
        }
    }

    fn rate(&mut self) -> Option<Rate> {
        self.text("rate", Rate::parse_percent)
    }

    fn money(&mut self, column: &'static str, currency: Currency) -> Option<Money> {
        let text = self.cells.get(column);
        if text.is_empty() {
            return None;
        }
        let read = if self.cells.is_minor(column) {
            let minor = text.parse::<i64>().ok().map(Money::from_minor);
            minor
                .filter(|amount| *amount >= Money::ZERO && amount.minor() <= crate::money::MAX_MINOR)
                .ok_or_else(|| format!("{} is no whole number of cents from zero on.", shown(text)))
        } else {
            currency.parse_or_zero(text).map_err(|error| match error {
                MoneyError::NotPositive => format!("{} is below zero.", shown(text)),
                other => other.to_string(),
            })
        };
        read.map_err(|sentence| self.fault(column, sentence)).ok()
    }

    fn currency(&mut self, currency: Currency) {
        let text = self.cells.get("currency");
        if !text.is_empty() && !text.eq_ignore_ascii_case(currency.code()) {
            let sentence = format!(
                "{} is not the programme's currency, which is {}. Convert the amounts first.",
                shown(text),
                currency.code()
            );
            self.fault("currency", sentence);
        }
    }

    fn end<T>(self, row: Option<T>) -> Result<T, Vec<Fault>> {
        match row {
            Some(row) if self.faults.is_empty() => Ok(row),
            _ => Err(self.faults),
        }
    }
}

/// A cell in a sentence: its beginning, if it is long.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).filter(|c| !c.is_control()).collect();
    if text.chars().count() > 40 { format!("“{short}…”") } else { format!("“{short}”") }
}

/// A name for whom the file gives none: what stands before the @.
fn name_of(email: &str) -> String {
    email.split('@').next().unwrap_or_default().to_owned()
}

/// Words of the systems for a partner who may earn, and for one who may not (any more).
const ACTIVE: [&str; 6] = ["active", "approved", "enabled", "confirmed", "accepted", "true"];
const NOT_ACTIVE: [&str; 14] = [
    "suspended",
    "inactive",
    "disabled",
    "blocked",
    "banned",
    "rejected",
    "denied",
    "disapproved",
    "pending",
    "invited",
    "unconfirmed",
    "suspicious",
    "archived",
    "false",
];

/// Reads a partner.
///
/// # Errors
/// Everything that is wrong with the row.
pub fn partner(cells: &Cells, now: Timestamp) -> Result<PartnerRow, Vec<Fault>> {
    let mut check = Check::new(cells, now);
    let id = check.id("id");
    let email = match Email::parse(cells.get("email")) {
        Ok(email) => Some(email),
        Err(error) => {
            let missing = cells.get("email").is_empty();
            check.fault(
                "email",
                if missing {
                    "A partner needs an email address, to sign in with.".into()
                } else {
                    error.to_string()
                },
            );
            None
        }
    };
    let typed = cells.name();
    let typed = if typed.is_empty() { name_of(cells.get("email")) } else { typed };
    let name = match Name::parse(&typed) {
        Ok(name) => Some(name),
        Err(error) => {
            check.fault("name", error);
            None
        }
    };
    let codes =
        cells.get("code").split([' ', ';', '|']).filter(|code| !code.is_empty()).map(str::to_owned).collect();
    let word = cells.get("status").to_lowercase();
    let suspended = if word.is_empty() || ACTIVE.contains(&word.as_str()) {
        None
    } else if NOT_ACTIVE.contains(&word.as_str()) {
        Some(word)
    } else {
        check.fault("status", format!("{} is not known. Write active or suspended.", shown(&word)));
        None
    };
    let (rate, joined_at) = (check.rate(), check.moment("joined_at"));
    let row = name.zip(email).map(|(name, email)| PartnerRow {
        id,
        name,
        email,
        codes,
        rate,
        suspended,
        joined_at,
    });
    check.end(row)
}

/// Reads a client.
///
/// # Errors
/// Everything that is wrong with the row.
pub fn client(cells: &Cells, now: Timestamp) -> Result<ClientRow, Vec<Fault>> {
    let mut check = Check::new(cells, now);
    let id = check.id("id");
    let external_id = Some(check.id("external_id")).filter(|id| !id.is_empty());
    if id.is_empty() && external_id.is_none() && check.faults.is_empty() {
        check.fault(
            "id",
            "A client needs an id or an external_id, so that importing again makes nobody twice.",
        );
    }
    let email = check.text("email", Email::parse).map_or(String::new(), Email::into_string);
    let phone = check.text("phone", Phone::parse).map_or(String::new(), Phone::into_string);
    let telegram = check.text("telegram", Telegram::parse).map_or(String::new(), Telegram::into_string);
    let message = check.text("message", Message::parse).map_or(String::new(), Message::into_string);
    let typed = [cells.name(), name_of(&email), format!("Client {}", external_id.as_deref().unwrap_or(&id))];
    let typed = typed.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let name = match Name::parse(&typed) {
        Ok(name) => Some(name.into_string()),
        Err(error) => {
            check.fault("name", error);
            None
        }
    };
    let partner = cells.get("partner").to_owned();
    let created_at = check.moment("created_at");
    let row = name.map(|name| ClientRow {
        id,
        name,
        email,
        phone,
        telegram,
        message,
        partner,
        created_at,
        external_id,
    });
    check.end(row)
}

/// Words of the systems for where a deal stands.
const WON: [&str; 12] = [
    "won",
    "closed_won",
    "paid",
    "approved",
    "completed",
    "due",
    "active",
    "subscribed",
    "customer",
    "conversion",
    "converted",
    "success",
];
const PENDING: [&str; 8] = ["pending", "open", "lead", "signup", "trial", "trialing", "visitor", "new"];
const LOST: [&str; 10] = [
    "lost",
    "closed_lost",
    "rejected",
    "disapproved",
    "denied",
    "cancelled",
    "canceled",
    "refunded",
    "failed",
    "voided",
];

fn status(word: &str) -> Option<DealStatus> {
    let word = word.to_lowercase().replace([' ', '-'], "_");
    let is = |words: &[&str]| words.contains(&word.as_str());
    match () {
        () if is(&WON) => Some(DealStatus::Won),
        () if is(&PENDING) => Some(DealStatus::Pending),
        () if is(&LOST) => Some(DealStatus::Lost),
        () => None,
    }
}

/// Reads a deal.
///
/// # Errors
/// Everything that is wrong with the row.
pub fn deal(cells: &Cells, currency: Currency, now: Timestamp) -> Result<DealRow, Vec<Fault>> {
    let mut check = Check::new(cells, now);
    let id = check.id("id");
    let external_id = Some(check.id("external_id")).filter(|id| !id.is_empty());
    if id.is_empty() && external_id.is_none() && check.faults.is_empty() {
        check.fault("id", "A deal needs an id or an external_id, so that importing again makes none twice.");
    }
    let client = check.id("client");
    if cells.get("client").is_empty() {
        check.fault("client", "A deal needs its client: the client's id, external_id or email address.");
    }
    let title = check
        .text("title", |text| Line::<200>::parse_as("title", text))
        .map_or(String::new(), Line::into_string);
    let reason = check
        .text("reason", |text| Message::parse_as("reason", text))
        .map_or(String::new(), Message::into_string);
    let word = cells.get("status");
    let status = status(word);
    if status.is_none() {
        check.fault("status", format!("{} is not known. Write pending, won or lost.", shown(word)));
    }
    check.currency(currency);
    let (amount, rate, commission) =
        (check.money("amount", currency), check.rate(), check.money("commission", currency));
    let amount_is_wrong = check.faults.iter().any(|fault| fault.column == "amount");
    let amount = amount.unwrap_or(Money::ZERO);
    if status == Some(DealStatus::Won) && !amount.is_positive() && !amount_is_wrong {
        check.fault("amount", "A won deal needs what it came to, above zero.");
    }
    if let Some(booked) = commission
        .filter(|booked| *booked > amount && status == Some(DealStatus::Won) && amount.is_positive())
    {
        let sentence = format!("The commission {} is more than the deal came to.", currency.format(booked));
        check.fault("commission", sentence);
    }
    let created_at = check.moment("created_at");
    let (won_at, lost_at) = (check.moment("won_at"), check.moment("lost_at"));
    let closed_at = match status {
        Some(DealStatus::Won) => won_at.or(created_at),
        Some(DealStatus::Lost) => lost_at.or(created_at),
        _ => None,
    };
    if status == Some(DealStatus::Won)
        && closed_at.is_none()
        && cells.get("won_at").is_empty()
        && cells.get("created_at").is_empty()
    {
        check.fault("won_at", "A won deal needs when it was won.");
    }
    let settled = Settled {
        commission: commission.or_else(|| rate.map(|rate| rate.of(amount))).unwrap_or(Money::ZERO),
        known: commission.is_some() || rate.is_some(),
        rate,
    };
    let row = status.map(|status| DealRow {
        id,
        client,
        title,
        status,
        amount,
        settled,
        created_at,
        closed_at,
        reason,
        external_id,
    });
    check.end(row)
}

/// Reads an open balance.
///
/// # Errors
/// Everything that is wrong with the row.
pub fn balance(cells: &Cells, currency: Currency, now: Timestamp) -> Result<BalanceRow, Vec<Fault>> {
    let mut check = Check::new(cells, now);
    let partner = cells.get("partner").to_owned();
    if partner.is_empty() {
        check.fault("partner", "An open balance needs its partner: the partner's id, email address or code.");
    }
    check.currency(currency);
    let text = cells.get("amount");
    let amount = if text.is_empty() {
        check.fault("amount", MoneyError::Empty);
        None
    } else if text.starts_with(['-', '−', '(']) {
        let sentence = format!(
            "{} is below zero. What a partner owes can't be taken over: settle it first, or leave the line out.",
            shown(text)
        );
        check.fault("amount", sentence);
        None
    } else {
        check.money("amount", currency)
    };
    let row = amount.map(|amount| BalanceRow { partner, amount });
    check.end(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Kind, Preset, layout};

    const NOW: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    fn cells<T>(
        kind: Kind,
        preset: Option<Preset>,
        header: &str,
        row: &str,
        read: impl FnOnce(&Cells) -> T,
    ) -> T {
        let split = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let layout = layout(kind, preset, &split(header)).unwrap();
        read(&Cells::new(&layout, &split(row)))
    }

    fn sentences<T: std::fmt::Debug>(read: Result<T, Vec<Fault>>) -> Vec<(&'static str, String)> {
        read.unwrap_err().into_iter().map(|fault| (fault.column, fault.sentence)).collect()
    }

    #[test]
    fn a_partner_is_read() {
        let read = |row: &str| {
            cells(Kind::Partners, None, "id,name,email,code,rate,status,joined_at", row, |cells| {
                partner(cells, NOW)
            })
        };
        let ann = read("7,Ann Obi,Ann@Example.com,ANN10 ann-2,12.5 %,active,2024-02-29").unwrap();
        assert_eq!(
            (ann.id.as_str(), ann.name.as_str(), ann.email.as_str()),
            ("7", "Ann Obi", "Ann@Example.com")
        );
        assert_eq!((ann.codes.len(), ann.rate, ann.suspended), (2, Rate::from_basis_points(1_250), None));
        assert_eq!(ann.joined_at.map(Timestamp::rfc3339).as_deref(), Some("2024-02-29T00:00:00Z"));
        let bare = read(",,bob@example.com,,,denied,").unwrap();
        assert_eq!((bare.name.as_str(), bare.suspended.as_deref()), ("bob", Some("denied")));
        assert_eq!(
            sentences(read("7,Ann,ann,A,120,dormant,2030-01-01")),
            [
                ("email", "An email address has a name, an @ and a domain: name@example.com.".to_owned()),
                ("status", "“dormant” is not known. Write active or suspended.".into()),
                ("rate", Rate::parse_percent("120").unwrap_err().to_string()),
                ("joined_at", "“2030-01-01” lies in the future.".into()),
            ]
        );
    }

    #[test]
    fn a_client_needs_something_to_be_known_by() {
        let read = |row: &str| {
            cells(Kind::Clients, None, "id,name,email,phone,partner,created_at,external_id", row, |cells| {
                client(cells, NOW)
            })
        };
        let cleo = read("9,,cleo@example.com,+1 202 555 0123,ann@example.com,2025-01-02 03:04,").unwrap();
        assert_eq!((cleo.name.as_str(), cleo.partner.as_str()), ("cleo", "ann@example.com"));
        assert_eq!(read("9,,,,,,").unwrap().name, "Client 9");
        assert_eq!(
            sentences(read(",Cleo,,12,,soon,")),
            [
                (
                    "id",
                    "A client needs an id or an external_id, so that importing again makes nobody twice."
                        .to_owned()
                ),
                ("phone", "A telephone number has 5 to 20 digits; this has 2.".into()),
                (
                    "created_at",
                    "“soon” is no day or moment. Write it like 2026-11-23 or 2026-11-23 08:10.".into()
                ),
            ]
        );
    }

    #[test]
    fn a_won_deal_says_what_it_came_to_and_when() {
        let read = |row: &str| {
            cells(
                Kind::Deals,
                None,
                "id,client,status,amount,rate,commission,won_at,currency",
                row,
                |cells| deal(cells, Currency::USD, NOW),
            )
        };
        let won = read("1,9,Closed won,1234.50,10,,2025-03-01,usd").unwrap();
        assert_eq!(
            (won.status, won.amount.minor(), won.settled.commission.minor()),
            (DealStatus::Won, 123_450, 12_345)
        );
        assert!(!read("1,9,won,100,,,2025-03-01,").unwrap().settled.known);
        assert_eq!(
            sentences(read("1,,won,,,,,EUR")),
            [
                (
                    "client",
                    "A deal needs its client: the client's id, external_id or email address.".to_owned()
                ),
                (
                    "currency",
                    "“EUR” is not the programme's currency, which is USD. Convert the amounts first.".into()
                ),
                ("amount", "A won deal needs what it came to, above zero.".into()),
                ("won_at", "A won deal needs when it was won.".into()),
            ]
        );
        assert_eq!(
            sentences(read("1,9,gone,1,,2,2025-03-01,")),
            [("status", "“gone” is not known. Write pending, won or lost.".to_owned())]
        );
        let header = "id,referral_id,status,amount_cents,commission_cents,paid_at";
        let refferq = cells(
            Kind::Deals,
            Some(Preset::Refferq),
            header,
            "t1,r1,COMPLETED,99999,10000,2025-01-01",
            |cells| deal(cells, Currency::USD, NOW),
        );
        let refferq = refferq.unwrap();
        assert_eq!((refferq.amount.minor(), refferq.settled.commission.minor()), (99_999, 10_000));
    }

    #[test]
    fn what_a_partner_owes_is_not_taken_over() {
        let read = |row: &str| {
            cells(Kind::Balances, None, "partner,amount", row, |cells| balance(cells, Currency::USD, NOW))
        };
        assert_eq!(read("ann@example.com,12.30").unwrap().amount.minor(), 1_230);
        assert_eq!(read("ann@example.com,0").unwrap().amount, Money::ZERO);
        let [(column, sentence)] = &sentences(read("ann@example.com,-5"))[..] else { panic!() };
        assert_eq!((*column, sentence.starts_with("“-5” is below zero.")), ("amount", true));
    }
}
