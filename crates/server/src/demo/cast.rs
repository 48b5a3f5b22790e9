//! Who is in the story: the partners and the staff of Northwind.

use domain::{permission::Role, wallet::WalletKind};

use super::names::handle;

/// A partner of the story.
#[derive(Debug, Clone)]
pub struct Character {
    /// First and last name.
    pub name: &'static str,
    /// The address to sign in with.
    pub email: String,
    /// On which day of the story the partner signs up; 364 is today.
    pub joins: i64,
    /// How much of what happens by chance happens to this partner.
    pub weight: u64,
    /// What there is to see when signed in as this partner; empty for the others.
    pub shows: &'static str,
    /// Which wallets the partner adds.
    pub wallets: &'static [WalletKind],
}

/// Places in the cast of those whom the story follows.
pub const MARA: usize = 0;
/// Waits for more than 48 hours for the money.
pub const KENJI: usize = 1;
/// Has a rate of her own.
pub const PRIYA: usize = 2;
/// Suspended.
pub const JONAS: usize = 3;
/// Owes after a refund.
pub const SOFIA: usize = 4;
/// Has not yet earned enough to be paid.
pub const ELIF: usize = 5;
/// Was just refused.
pub const AMARA: usize = 6;
/// Waits too long, too.
pub const LUCAS: usize = 7;
/// Has asked yesterday.
pub const HANNAH: usize = 8;
/// Has forgotten the password.
pub const OSCAR: usize = 10;
/// Waits too long for the answer to a claim.
pub const CHIARA: usize = 11;
/// Has lost a client to a claim.
pub const DMITRI: usize = 12;
/// Has a client to whom somebody else wrote, too.
pub const ADAEZE: usize = 13;
/// Was given a client for some days.
pub const THOMAS: usize = 14;
/// Has a card of hers in a client's hand.
pub const GRETA: usize = 20;

use WalletKind::{Btc, Eth, Iban, Other, Paypal, UsdtEthereum, UsdtTron};

type Line = (&'static str, i64, u64, &'static [WalletKind], &'static str);

const CAST: [Line; 40] = [
    ("Mara Lindqvist", 1, 34, &WalletKind::ALL, "busy: top tier, every kind of wallet"),
    ("Kenji Watanabe", 3, 14, &[Iban, UsdtTron], "withdrawal pending for more than 48 hours"),
    ("Priya Raman", 6, 16, &[Iban, Paypal], "an agreed rate of 18 %"),
    ("Jonas Weber", 9, 9, &[UsdtTron], "suspended"),
    ("Sofia Marchetti", 200, 0, &[Iban], "below zero after a refund"),
    ("Elif Demir", 280, 0, &[Iban], "not yet enough to withdraw"),
    ("Amara Nwosu", 12, 12, &[UsdtEthereum, Iban], "withdrawal rejected, with the reason"),
    ("Lucas Ferreira", 15, 10, &[Btc, Paypal], ""),
    ("Hannah Goldberg", 20, 9, &[Iban], ""),
    ("Noor Haddad", 363, 0, &[], "new, nothing yet"),
    ("Oscar Lundgren", 2, 8, &[Iban], ""),
    ("Chiara Bellini", 4, 7, &[UsdtTron, Iban], "claim to a lost client, overdue"),
    ("Dmitri Volkov", 5, 7, &[UsdtTron], "lost a client and its commission to a claim"),
    ("Adaeze Obi", 8, 6, &[Paypal], ""),
    ("Thomas Keller", 10, 6, &[Iban], ""),
    ("Yuki Mori", 14, 6, &[Btc], ""),
    ("Rachel Stone", 18, 5, &[Paypal], ""),
    ("Mehmet Kaya", 24, 5, &[Iban], ""),
    ("Ines Carvalho", 33, 5, &[Iban, Other], ""),
    ("Samuel Adjei", 41, 5, &[UsdtTron], ""),
    ("Greta Nyman", 52, 5, &[Iban], ""),
    ("Arturo Solis", 60, 4, &[Paypal], ""),
    ("Zainab Karimi", 71, 4, &[UsdtTron], ""),
    ("Pavel Dvorak", 83, 4, &[Iban], ""),
    ("Leila Mansour", 95, 6, &[UsdtEthereum], ""),
    ("Bram Jansen", 108, 4, &[Iban], ""),
    ("Mina Choi", 119, 4, &[Eth], ""),
    ("Ruben Ortega", 131, 4, &[Paypal], ""),
    ("Freya Holm", 146, 4, &[Iban], ""),
    ("Tendai Moyo", 160, 4, &[Paypal], ""),
    ("Alina Marinescu", 174, 4, &[Iban], ""),
    ("Hassan Sayed", 189, 5, &[UsdtTron], ""),
    ("Clara Fontaine", 207, 4, &[Iban], ""),
    ("Piotr Zielinski", 222, 3, &[Iban], ""),
    ("Nadia Orlova", 240, 4, &[Btc], ""),
    ("Victor Hale", 259, 3, &[Paypal], ""),
    ("Sunniva Aas", 277, 3, &[Iban], ""),
    ("Diego Rivas", 301, 4, &[UsdtTron], ""),
    ("Maya Cohen", 322, 3, &[Paypal], ""),
    ("Olivier Blanc", 346, 3, &[], ""),
];

/// The partners.
pub fn partners() -> Vec<Character> {
    CAST.iter()
        .map(|&(name, joins, weight, wallets, shows)| Character {
            name,
            email: address(name, "example.com"),
            joins,
            weight,
            shows,
            wallets,
        })
        .collect()
}

/// The people in the office: name, email address, role.
pub fn staff() -> Vec<(&'static str, String, Role)> {
    [
        ("Ines Duarte", Role::Admin),
        ("Marcus Feld", Role::Sales),
        ("Dana Reyes", Role::Sales),
        ("Hana Kovac", Role::Finance),
        ("Owen Birch", Role::Support),
    ]
    .into_iter()
    .map(|(name, role)| (name, address(name, "northwind.example"), role))
    .collect()
}

fn address(name: &str, host: &str) -> String {
    let (first, last) = name.split_once(' ').expect("first and last name");
    format!("{}@{host}", handle(first, last))
}
