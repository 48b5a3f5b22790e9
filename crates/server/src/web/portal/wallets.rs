//! Wallets: where a partner wants to be paid. All of them are one form, saved together or not at all. Who adds one or
//! changes where one leads gives the password again.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
};
use axum_extra::extract::CookieJar;
use domain::{
    clock::Timestamp,
    text::Line,
    wallet::{self, WalletKind},
};
use store::{DbError, wallets as stored};

use super::withdrawals::is_id;
use crate::{
    app::App,
    ops::wallets::{self, Change, MAX_WALLETS, WalletsError},
    web::{
        address::Origin,
        error::{Explanation, PageError},
        fields::Fields,
        paths,
        proof::{self, Proof, Whose, prove},
        shell::PortalShell,
        show::{Page, go_to, show, show_with},
        visitor::Partner,
    },
};

/// The most groups that are read from one form: all wallets, and as many new ones as anybody adds at once.
const MAX_GROUPS: usize = 60;

/// How many characters a label may have.
const MAX_LABEL: usize = 60;

/// How many characters at the end of an address tell it from the others: enough for one partner's own.
const TAIL: usize = 8;

#[derive(Template)]
#[template(path = "portal/wallets.html")]
struct WalletsPage {
    shell: PortalShell,
    rows: Vec<Row>,
    /// What the script adds another row from.
    template: Row,
    /// The number of the next row.
    next: usize,
    /// Why nothing was saved.
    refused: Option<String>,
    /// There is no room for another one.
    is_full: bool,
    /// The field of the password; a partner without any wallet so far needs none.
    password: Option<PasswordField>,
    /// For how many hours nothing is paid to a changed wallet.
    cooling_hours: i64,
}

/// The field of the password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct PasswordField {
    error: Option<String>,
}

/// The wallets of a partner as they are.
struct Known {
    wallets: Vec<stored::Wallet>,
    /// Those that can't be paid to yet, and from when they can.
    cooling: Vec<(String, Timestamp)>,
    /// The partner has or had any wallet.
    any_ever: bool,
    cooling_hours: i64,
}

/// One wallet in the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    /// Its number in the form: the part of its fields' names between brackets.
    index: String,
    /// The wallet's identifier; empty for a new one.
    id: String,
    /// What it is called at the top.
    title: String,
    kind: String,
    label: String,
    address: String,
    is_removed: bool,
    kind_error: Option<String>,
    label_error: Option<String>,
    address_error: Option<String>,
    /// What the check of the address couldn't make sure of.
    warning: Option<&'static str>,
    /// The address as it is stored, to be read in whole where the field is too narrow for it.
    groups: Vec<String>,
    /// From when it can be paid to, where it was added or changed lately.
    payable_from: Option<String>,
}

impl Row {
    fn new(index: impl ToString) -> Row {
        Row {
            index: index.to_string(),
            title: "New wallet".into(),
            kind: WalletKind::ALL[0].as_str().into(),
            ..Row::default()
        }
    }

    fn stored(index: usize, wallet: &stored::Wallet, unproven: &[&str]) -> Row {
        let is_unproven = unproven.iter().any(|tail| tail.len() == TAIL && wallet.address.ends_with(tail));
        // Without its capital letters the address is what was typed.
        let warning = || wallet::check(wallet.kind, &wallet.address.to_lowercase()).ok()?.warning();
        Row {
            id: wallet.id.clone(),
            title: wallet.label.clone(),
            kind: wallet.kind.as_str().into(),
            label: wallet.label.clone(),
            address: wallet::display(wallet.kind, &wallet.address),
            groups: wallet::groups(&wallet.address),
            warning: if is_unproven { warning() } else { None },
            ..Row::new(index)
        }
    }

    fn typed(index: usize, form: &Fields) -> Row {
        let value = |field: &str| form.typed(&format!("wallet[{index}].{field}")).to_owned();
        Row {
            id: value("id"),
            kind: value("kind"),
            label: value("label"),
            address: value("address"),
            is_removed: !value("remove").is_empty(),
            ..Row::new(index)
        }
    }

    /// A new row that nobody has filled in; the kind is always chosen and says nothing.
    fn is_blank(&self) -> bool {
        self.id.is_empty() && self.label.trim().is_empty() && self.address.trim().is_empty()
    }

    /// The kinds to choose from: the word, the label, whether it is chosen.
    fn kinds(&self) -> Vec<(&'static str, &'static str, bool)> {
        WalletKind::ALL.map(|kind| (kind.as_str(), kind.label(), kind.as_str() == self.kind)).to_vec()
    }

    /// Whether the address is a text of several lines.
    fn has_lines(&self) -> bool {
        self.kind == WalletKind::Other.as_str() && !self.id.is_empty()
    }

    /// What is wrong, with the field it leads to.
    fn errors(&self) -> Vec<(String, &str)> {
        [("kind", &self.kind_error), ("label", &self.label_error), ("address", &self.address_error)]
            .into_iter()
            .filter_map(|(field, error)| Some((format!("wallet-{}-{field}", self.index), error.as_deref()?)))
            .collect()
    }

    /// What the address field's `aria-describedby` names.
    fn described_by(&self) -> String {
        let about = match (&self.address_error, self.warning) {
            (Some(_), _) => "error",
            (None, Some(_)) => "warning",
            (None, None) => "hint",
        };
        format!("wallet-{}-address-{about}", self.index)
    }

    /// What the row asks for, and what is to be looked at again. What is wrong is kept beside the fields.
    fn read(&mut self) -> Option<(Change, Option<&'static str>)> {
        if self.is_removed {
            return Some((Change::Remove { id: self.id.clone() }, None));
        }
        let label = Line::<MAX_LABEL>::parse_as("label", &self.label);
        self.label_error = label.as_ref().err().map(ToString::to_string);
        let Some(kind) = WalletKind::from_word(&self.kind) else {
            self.kind_error = Some("Choose one of the kinds in the list.".into());
            return None;
        };
        let checked = wallet::check(kind, &self.address);
        self.address_error = checked.as_ref().err().map(ToString::to_string);
        let (label, checked) = (label.ok()?.into_string(), checked.ok()?);
        let (address, warning) = (checked.as_str().to_owned(), checked.warning());
        let change = if self.id.is_empty() {
            Change::Add { kind, label, address }
        } else {
            Change::Update(stored::Wallet { id: self.id.clone(), kind, label, address })
        };
        Some((change, warning))
    }
}

/// The rows of a form, in order; new ones that stayed empty are left out. Nothing when there are too many.
fn rows(form: &Fields) -> Option<Vec<Row>> {
    let indexes: BTreeSet<usize> = form
        .names()
        .filter_map(|name| {
            let (index, _) = name.strip_prefix("wallet[")?.split_once("].")?;
            index.parse().ok()
        })
        .collect();
    if indexes.len() > MAX_GROUPS {
        return None;
    }
    let rows = indexes.into_iter().map(|index| Row::typed(index, form));
    // A new row that was removed again was never there.
    Some(rows.filter(|row| !(row.is_blank() || row.id.is_empty() && row.is_removed)).collect())
}

impl WalletsPage {
    fn new(shell: PortalShell, mut rows: Vec<Row>, refused: Option<String>, known: &Known) -> WalletsPage {
        for row in &mut rows {
            let cools = known.cooling.iter().find(|(id, _)| *id == row.id);
            row.payable_from = cools.map(|(_, from)| format!("{} UTC", from.date_time()));
        }
        let kept = rows.iter().filter(|row| !row.is_removed).count();
        let highest = rows.iter().filter_map(|row| row.index.parse::<usize>().ok()).max();
        let mut next = highest.map_or(0, |index| index.saturating_add(1));
        let is_full = kept >= MAX_WALLETS;
        // Always an empty row, so that adding works without scripts.
        if !is_full {
            rows.push(Row::new(next));
            next += 1;
        }
        WalletsPage {
            shell,
            rows,
            template: Row::new("__i__"),
            next,
            refused,
            is_full,
            password: known.any_ever.then(PasswordField::default),
            cooling_hours: known.cooling_hours,
        }
    }

    fn errors(&self) -> Vec<(String, &str)> {
        let password = self.password.as_ref().and_then(|field| field.error.as_deref());
        let password = password.map(|error| ("password".to_owned(), error));
        self.rows.iter().flat_map(Row::errors).chain(password).collect()
    }
}

async fn known(app: &App, partner: &Partner) -> Result<Known, DbError> {
    let id = partner.id.clone();
    app.read(move |tx, env| {
        Ok(Known {
            wallets: stored::of_partner(tx, &id)?,
            cooling: stored::cooling(tx, &id, env.now)?,
            any_ever: stored::any_ever(tx, &id)?,
            cooling_hours: env.programme.cooling_hours,
        })
    })
    .await
}

/// `GET /wallets`
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, partner: Partner, RawQuery(query): RawQuery) -> Page {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let shell = PortalShell::new(&app.env(), &partner, paths::WALLETS, Some(query.typed("done")));
    let unproven: Vec<&str> = query.typed("compare").split(',').collect();
    let known = known(&app, &partner).await?;
    let rows = known.wallets.iter().enumerate().map(|(index, wallet)| Row::stored(index, wallet, &unproven));
    show(&WalletsPage::new(shell, rows.collect(), None, &known))
}

/// `POST /wallets`
///
/// # Errors
/// More groups than any page of ours sends, or the database says no.
pub async fn save(
    State(app): State<App>,
    partner: Partner,
    Origin(origin): Origin,
    jar: CookieJar,
    form: Fields,
) -> Page {
    let Some(mut rows) = rows(&form) else {
        return Err(PageError::Explained(Explanation {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            title: "Too many wallets at once".into(),
            sentence: format!("Nothing was saved: you can have at most {MAX_WALLETS} wallets."),
            way_on: (paths::WALLETS.into(), "Back to Wallets"),
        }));
    };
    let known = known(&app, &partner).await?;
    for row in &mut rows {
        if let Some(wallet) = known.wallets.iter().find(|wallet| wallet.id == row.id) {
            row.title = wallet.label.clone();
        }
    }
    let shell = PortalShell::new(&app.env(), &partner, paths::WALLETS, None);
    let read: Vec<_> = rows.iter_mut().map(Row::read).collect();
    if rows.iter().any(|row| !row.id.is_empty() && !is_id(&row.id)) {
        return refuse(shell, &WalletsError::Gone, rows, &known);
    }
    let Some(changes) = read.into_iter().collect::<Option<Vec<_>>>() else {
        let sentence = "Nothing is saved yet. Please look at this again.";
        let page = WalletsPage::new(shell, rows, Some(sentence.into()), &known);
        return show_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let unproven =
        changes.iter().filter(|(_, warning)| warning.is_some()).filter_map(|(change, _)| match change {
            Change::Add { address, .. } | Change::Update(stored::Wallet { address, .. }) => {
                Some(&address[address.len().saturating_sub(TAIL)..])
            }
            Change::Remove { .. } => None,
        });
    let compare = unproven.collect::<Vec<_>>().join(",");
    let changes: Vec<Change> = changes.into_iter().map(|(change, _)| change).collect();
    let (id, asked) = (partner.id.clone(), changes.clone());
    let needed = app.read(move |tx, _| wallets::needs_password(tx, &id, &asked)).await?;
    let typed = form.typed("password").to_owned();
    // Whether it is needed is decided once more in the transaction that saves.
    let mut proven = None;
    if needed && !typed.is_empty() {
        let whose = Whose::Own { account_id: &partner.id, session: &proof::session_of(&app, &jar) };
        proven = match prove(&app, &origin, whose, &typed).await? {
            Proof::Right(account) => account.password_hash,
            Proof::Wrong => {
                let error = WalletsError::WrongPassword.to_string();
                return ask_password(StatusCode::UNPROCESSABLE_ENTITY, shell, rows, &known, error);
            }
            Proof::TooOften(too_often) => {
                let error = proof::wait(too_often);
                return ask_password(StatusCode::TOO_MANY_REQUESTS, shell, rows, &known, error);
            }
        };
    }
    let by = partner.actor();
    match app.write(move |tx, env| wallets::save(tx, env, &by, &changes, proven.as_deref())).await {
        Ok(()) => go_to(&paths::with_query(paths::WALLETS, &[("done", "wallets"), ("compare", &compare)])),
        Err(WalletsError::Db(error)) => Err(error.into()),
        Err(error @ (WalletsError::PasswordNeeded | WalletsError::WrongPassword)) => {
            // Another tab may have added the first wallet meanwhile.
            let known = self::known(&app, &partner).await?;
            ask_password(StatusCode::UNPROCESSABLE_ENTITY, shell, rows, &known, error.to_string())
        }
        Err(error @ WalletsError::TooMany) => refuse(shell, &error, rows, &known),
        Err(error @ WalletsError::Gone) => {
            let known = self::known(&app, &partner).await?;
            refuse(shell, &error, rows, &known)
        }
    }
}

/// The form again, with the wallets as they are now, what was typed over them, and the new ones.
fn refuse(shell: PortalShell, error: &WalletsError, rows: Vec<Row>, known: &Known) -> Page {
    let page = WalletsPage::new(shell, merged(rows, &known.wallets), Some(error.to_string()), known);
    show_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

/// The form again, as it was typed, with what is wrong with the password beside its field.
fn ask_password(
    status: StatusCode,
    shell: PortalShell,
    rows: Vec<Row>,
    known: &Known,
    error: String,
) -> Page {
    let mut page = WalletsPage::new(shell, rows, Some("Nothing is saved yet.".into()), known);
    page.password = Some(PasswordField { error: Some(error) });
    show_with(status, &page)
}

fn merged(rows: Vec<Row>, known: &[stored::Wallet]) -> Vec<Row> {
    let typed = |wallet: &stored::Wallet| rows.iter().find(|row| row.id == wallet.id).cloned();
    let old = known.iter().map(|wallet| typed(wallet).unwrap_or_else(|| Row::stored(0, wallet, &[])));
    // What was typed into a wallet that is gone is kept too, as a new one that isn't saved yet.
    let is_known = |row: &&Row| known.iter().any(|wallet| wallet.id == row.id);
    let new = rows.iter().filter(|row| !is_known(row)).map(|row| Row { id: String::new(), ..row.clone() });
    let numbered = old.chain(new).enumerate();
    numbered.map(|(index, row)| Row { index: index.to_string(), ..row }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::portal::samples;

    const ETHEREUM: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    fn nothing_known(any_ever: bool) -> Known {
        Known { wallets: vec![], cooling: vec![], any_ever, cooling_hours: 24 }
    }

    fn form(text: &str) -> Fields {
        Fields::parse(text.as_bytes())
    }

    fn wallet(id: &str, kind: WalletKind, address: &str) -> stored::Wallet {
        stored::Wallet { id: id.into(), kind, label: format!("Label of {id}"), address: address.into() }
    }

    #[test]
    fn groups_are_read_in_order_and_empty_new_ones_are_left_out() {
        let rows = rows(&form(
            "wallet[10].label=B&wallet[2].id=w2&wallet[3].id=&wallet[3].kind=btc&wallet[3].label= &wallet[x].label=no\
             &wallet[4].label=gone&wallet[4].remove=1&wallet[-1].id=w9",
        ))
        .unwrap();
        let read: Vec<_> = rows.iter().map(|row| (row.index.as_str(), row.id.as_str())).collect();
        assert_eq!(read, [("2", "w2"), ("10", "")]);
        let many: String = (0..=MAX_GROUPS).map(|n| format!("wallet[{n}].id=w&")).collect();
        assert!(super::rows(&form(&many)).is_none());
    }

    #[test]
    fn a_row_says_what_it_asks_for() {
        let read = |text: &str| rows(&form(text)).unwrap()[0].read();
        let iban = "wallet[0].kind=iban&wallet[0].label=Bank&wallet[0].address=de89+3704+0044+0532+0130+00";
        let (change, warning) = read(iban).unwrap();
        let (kind, label, address) =
            (WalletKind::Iban, "Bank".to_owned(), "DE89370400440532013000".to_owned());
        assert_eq!(change, Change::Add { kind, label: label.clone(), address: address.clone() });
        assert_eq!(warning, None);
        let (change, _) = read(&format!("{iban}&wallet[0].id=w1")).unwrap();
        assert_eq!(change, Change::Update(stored::Wallet { id: "w1".into(), kind, label, address }));
        let (change, _) = read("wallet[0].id=w1&wallet[0].address=bad&wallet[0].remove=1").unwrap();
        assert_eq!(change, Change::Remove { id: "w1".into() });
        let small =
            format!("wallet[0].kind=eth&wallet[0].label=E&wallet[0].address={}", ETHEREUM.to_lowercase());
        assert!(read(&small).unwrap().1.is_some(), "nothing proves an address in small letters");
    }

    #[test]
    fn what_is_wrong_stands_beside_its_field_in_its_row() {
        let mut rows = rows(&form(
            "wallet[0].id=w1&wallet[0].kind=paypal&wallet[0].label=Fine&wallet[0].address=a@example.com\
             &wallet[7].kind=nothing&wallet[7].label=x&wallet[8].kind=btc&wallet[8].label=<b>&wallet[8].address=bad",
        ))
        .unwrap();
        let read: Vec<bool> = rows.iter_mut().map(|row| row.read().is_some()).collect();
        assert_eq!(read, [true, false, false]);
        let known = nothing_known(false);
        let shell = samples::shell(paths::WALLETS);
        let page = WalletsPage::new(shell, rows, Some("Nothing is saved yet.".into()), &known);
        let fields: Vec<String> = page.errors().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["wallet-7-kind", "wallet-8-address"]);
        assert_eq!(page.next, 10);
        let html = page.render().unwrap();
        for expected in [
            "href=\"#wallet-8-address\"",
            "id=\"wallet-8-address-error\"",
            "name=\"wallet[8].label\" value=\"&#60;b&#62;\"",
            "name=\"wallet[9].address\" value=\"\"",
            "name=\"wallet[__i__].address\"",
            "data-next=\"10\"",
            "data-guard=\"dirty\"",
        ] {
            assert!(html.contains(expected), "{expected} is missing");
        }
    }

    #[test]
    fn stored_wallets_are_shown_with_what_is_to_be_compared() {
        let tail = &ETHEREUM[ETHEREUM.len() - TAIL..];
        let iban = wallet("w1", WalletKind::Iban, "DE89370400440532013000");
        let eth = wallet("w2", WalletKind::Eth, ETHEREUM);
        let rows = vec![Row::stored(0, &iban, &[tail]), Row::stored(1, &eth, &[tail])];
        assert_eq!((rows[0].warning, rows[1].warning.is_some()), (None, true));
        assert_eq!(Row::stored(0, &eth, &["", "d"]).warning, None);
        let mut known = nothing_known(true);
        known.cooling = vec![("w2".into(), Timestamp::from_micros(0))];
        let page = WalletsPage::new(samples::shell(paths::WALLETS), rows, None, &known);
        let html = page.render().unwrap();
        assert!(html.contains("type=\"password\"") && html.contains("1 Jan 1970, 00:00 UTC"));
        assert!(html.contains("DE89 3704 0044 0532 0130 00"));
        assert!(html.contains("wallet-1-address-warning"));
        let many = (0..MAX_WALLETS).map(|index| Row::stored(index, &iban, &[])).collect();
        let known = nothing_known(false);
        let full = WalletsPage::new(samples::shell(paths::WALLETS), many, None, &known);
        assert!(!full.render().unwrap().contains("type=\"password\""), "a newcomer needs none");
        assert!(full.is_full && full.rows.len() == MAX_WALLETS);
        assert!(full.render().unwrap().contains("at most 20"));
    }

    #[test]
    fn what_was_typed_into_a_wallet_that_is_gone_is_kept_as_a_new_one() {
        let known = [wallet("w1", WalletKind::Paypal, "a@example.com")];
        let typed = form(
            "wallet[0].id=w1&wallet[0].label=Changed&wallet[1].id=foreign&wallet[1].label=Secret&wallet[2].label=New",
        );
        let rows = merged(rows(&typed).unwrap(), &known);
        let labels: Vec<_> = rows.iter().map(|row| (row.index.as_str(), row.label.as_str())).collect();
        assert_eq!(labels, [("0", "Changed"), ("1", "Secret"), ("2", "New")]);
        assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["w1", "", ""]);
    }
}
