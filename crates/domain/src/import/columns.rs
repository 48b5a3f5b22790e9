//! The files, their columns, and what other systems call them.

use std::collections::BTreeMap;

/// One of the files that can be imported. They are taken in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Partners and their old codes.
    Partners,
    /// Clients, and whose they are.
    Clients,
    /// Deals, won ones as the old system settled them.
    Deals,
    /// What is still owed to partners.
    Balances,
}

/// A column: what it is called here, and whether a file can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// Whether the file must have it.
    pub required: bool,
}

const fn needed(name: &'static str) -> Column {
    Column { name, required: true }
}

const fn may(name: &'static str) -> Column {
    Column { name, required: false }
}

impl Kind {
    /// All of them, in the order in which they are taken.
    pub const ALL: [Kind; 4] = [Kind::Partners, Kind::Clients, Kind::Deals, Kind::Balances];

    /// The word in options, forms and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Partners => "partners",
            Kind::Clients => "clients",
            Kind::Deals => "deals",
            Kind::Balances => "balances",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Its columns.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Kind::Partners => {
                const {
                    &[
                        may("id"),
                        may("name"),
                        needed("email"),
                        may("code"),
                        may("rate"),
                        may("status"),
                        may("joined_at"),
                    ]
                }
            }
            Kind::Clients => {
                const {
                    &[
                        may("id"),
                        may("name"),
                        may("email"),
                        may("phone"),
                        may("telegram"),
                        may("message"),
                        may("partner"),
                        may("created_at"),
                        may("external_id"),
                    ]
                }
            }
            Kind::Deals => {
                const {
                    &[
                        may("id"),
                        needed("client"),
                        may("title"),
                        needed("status"),
                        may("amount"),
                        may("currency"),
                        may("rate"),
                        may("commission"),
                        may("created_at"),
                        may("won_at"),
                        may("lost_at"),
                        may("reason"),
                        may("external_id"),
                    ]
                }
            }
            Kind::Balances => const { &[needed("partner"), needed("amount"), may("currency")] },
        }
    }
}

/// A system whose columns are known by their names there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Rewardful.
    Rewardful,
    /// FirstPromoter.
    FirstPromoter,
    /// Tapfiliate.
    Tapfiliate,
    /// Refferq.
    Refferq,
}

/// What a system calls a column of ours.
type Called = &'static [(&'static str, &'static [&'static str])];

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 4] =
        [Preset::Rewardful, Preset::FirstPromoter, Preset::Tapfiliate, Preset::Refferq];

    /// The word in options and forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Preset::Rewardful => "rewardful",
            Preset::FirstPromoter => "firstpromoter",
            Preset::Tapfiliate => "tapfiliate",
            Preset::Refferq => "refferq",
        }
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Preset::Rewardful => "Rewardful",
            Preset::FirstPromoter => "FirstPromoter",
            Preset::Tapfiliate => "Tapfiliate",
            Preset::Refferq => "Refferq",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Preset> {
        Preset::ALL.into_iter().find(|preset| preset.as_str() == word)
    }

    /// What it calls our columns, as far as is known. A name that ends in `_cents` holds minor units.
    const fn called(self, kind: Kind) -> Called {
        match (self, kind) {
            (Preset::Rewardful, Kind::Partners) => &[
                ("code", &["token", "link_token"]),
                ("status", &["state"]),
                ("joined_at", &["confirmed_at", "created_at"]),
            ],
            (Preset::Rewardful, Kind::Clients) => &[
                ("id", &["stripe_customer_id", "referral_id"]),
                ("name", &["customer_name"]),
                ("email", &["customer_email"]),
                ("partner", &["affiliate_email", "affiliate_id"]),
                ("created_at", &["became_lead_at"]),
                ("external_id", &["stripe_customer_id"]),
            ],
            (Preset::Rewardful, Kind::Deals) => &[
                ("id", &["sale_id", "commission_id"]),
                ("client", &["stripe_customer_id", "referral_id", "customer_email"]),
                ("status", &["state"]),
                ("amount", &["sale_amount_cents", "sale_amount"]),
                ("commission", &["commission_amount_cents", "commission_amount"]),
                ("won_at", &["charged_at", "created_at"]),
            ],
            (Preset::Rewardful, Kind::Balances) => &[
                ("partner", &["affiliate_email", "email", "affiliate_id"]),
                ("amount", &["due_amount_cents", "due_amount"]),
            ],
            (Preset::FirstPromoter, Kind::Partners) => {
                &[("code", &["default_ref_id", "ref_id"]), ("joined_at", &["created_at"])]
            }
            (Preset::FirstPromoter, Kind::Clients) => &[
                ("name", &["username"]),
                ("partner", &["promoter_email", "ref_id", "promoter_id"]),
                ("external_id", &["uid"]),
            ],
            (Preset::FirstPromoter, Kind::Deals) => &[
                ("id", &["event_id", "reward_id"]),
                ("client", &["lead_id", "uid", "lead_email"]),
                ("status", &["state"]),
                ("amount", &["sale_amount_cents", "sale_amount"]),
                ("commission", &["commission_amount_cents", "reward_amount_cents", "reward_amount"]),
                ("won_at", &["customer_since", "created_at"]),
            ],
            (Preset::FirstPromoter, Kind::Balances) => &[
                ("partner", &["promoter_email", "email", "ref_id"]),
                ("amount", &["current_balance_cents", "current_balance"]),
            ],
            (Preset::Tapfiliate, Kind::Partners) => {
                &[("code", &["referral_code"]), ("joined_at", &["created_at"])]
            }
            (Preset::Tapfiliate, Kind::Clients) => &[
                ("id", &["customer_id"]),
                ("partner", &["affiliate_email", "affiliate_id", "referral_code"]),
                ("external_id", &["customer_id"]),
            ],
            (Preset::Tapfiliate, Kind::Deals) => &[
                ("id", &["external_id"]),
                ("client", &["customer_id"]),
                ("status", &["commission_status"]),
                ("commission", &["commission_amount"]),
                ("won_at", &["created_at"]),
            ],
            (Preset::Tapfiliate, Kind::Balances) => {
                &[("partner", &["affiliate_email", "affiliate_id"]), ("amount", &["balance"])]
            }
            (Preset::Refferq, Kind::Partners) => &[
                ("code", &["referral_code"]),
                ("rate", &["commission_rate"]),
                ("joined_at", &["created_at"]),
            ],
            (Preset::Refferq, Kind::Clients) => &[
                ("name", &["lead_name"]),
                ("email", &["lead_email"]),
                ("phone", &["lead_phone"]),
                ("message", &["notes"]),
                ("partner", &["affiliate_id", "affiliate_email", "referral_code"]),
            ],
            (Preset::Refferq, Kind::Deals) => &[
                ("client", &["referral_id"]),
                ("title", &["description"]),
                ("amount", &["amount_cents"]),
                ("commission", &["commission_cents"]),
                ("rate", &["commission_rate"]),
                ("won_at", &["paid_at", "created_at"]),
            ],
            (Preset::Refferq, Kind::Balances) => {
                &[("partner", &["id", "affiliate_id", "email"]), ("amount", &["balance_cents"])]
            }
        }
    }
}

/// Where the columns of a file stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// By our names: the place, and whether the numbers there are minor units.
    places: BTreeMap<&'static str, (usize, bool)>,
    /// First and last name, where there is no name in one.
    name_parts: Vec<usize>,
    /// How many columns the file has.
    pub width: usize,
    /// What nothing is done with, as the file calls it.
    pub ignored: Vec<String>,
}

/// Why the columns of a file can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// A column that must be there isn't.
    #[error("The file has no column {column}. Its columns are: {found}.")]
    Missing {
        /// Our name.
        column: &'static str,
        /// What is there instead.
        found: String,
    },
    /// Two columns have one name.
    #[error("The file has two columns {0}. Rename or remove one of them.")]
    Twice(String),
}

/// A header as it is compared: `First Name` is `first_name`.
fn plain(header: &str) -> String {
    let words: Vec<String> = header
        .trim_start_matches('\u{feff}')
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("_")
}

/// Finds the columns of a file by its first line.
///
/// # Errors
/// [`HeaderFault`]s, each for people to read.
pub fn layout(kind: Kind, preset: Option<Preset>, header: &[String]) -> Result<Layout, Vec<HeaderFault>> {
    let names: Vec<String> = header.iter().map(|cell| plain(cell)).collect();
    let mut faults: Vec<HeaderFault> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if !name.is_empty() && names[..index].contains(name) {
            faults.push(HeaderFault::Twice(header[index].trim().to_owned()));
        }
    }
    let place = |name: &str| names.iter().position(|known| known == name);
    let mut layout = Layout { width: header.len(), ..Layout::default() };
    for column in kind.columns() {
        let called = preset.map_or(&[] as Called, |preset| preset.called(kind));
        let there = called
            .iter()
            .find(|(ours, _)| *ours == column.name)
            .map_or(&[] as &[&str], |(_, theirs)| *theirs);
        // What the system calls it comes first: its own `id` may be something else than ours.
        let found = there
            .iter()
            .copied()
            .chain([column.name])
            .find_map(|name| Some((place(name)?, name.ends_with("_cents"))));
        match found {
            Some(found) => _ = layout.places.insert(column.name, found),
            None if column.required => faults.push(HeaderFault::Missing {
                column: column.name,
                found: header.iter().map(|cell| cell.trim()).collect::<Vec<_>>().join(", "),
            }),
            None => {}
        }
    }
    if !layout.places.contains_key("name") && kind.columns().iter().any(|column| column.name == "name") {
        layout.name_parts =
            ["first_name", "firstname", "last_name", "lastname"].into_iter().filter_map(place).collect();
    }
    let used = |index: &usize| {
        layout.places.values().any(|(place, _)| place == index) || layout.name_parts.contains(index)
    };
    layout.ignored =
        (0..header.len()).filter(|index| !used(index)).map(|index| header[index].trim().to_owned()).collect();
    layout.ignored.retain(|name| !name.is_empty());
    if faults.is_empty() { Ok(layout) } else { Err(faults) }
}

/// One row, by our names.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    layout: &'a Layout,
    cells: &'a [String],
}

impl<'a> Cells<'a> {
    /// The row of a file with that layout.
    pub fn new(layout: &'a Layout, cells: &'a [String]) -> Cells<'a> {
        Cells { layout, cells }
    }

    /// What stands in a column, without white space at its ends; empty where the file has no such column.
    pub fn get(&self, column: &str) -> &'a str {
        let place = self.layout.places.get(column).map(|(place, _)| *place);
        place.and_then(|place| self.cells.get(place)).map_or("", |cell| unguarded(cell.trim()))
    }

    /// Whether the numbers in a column are minor units.
    pub fn is_minor(&self, column: &str) -> bool {
        self.layout.places.get(column).is_some_and(|(_, minor)| *minor)
    }

    /// The name, from two columns where it stands in two.
    pub fn name(&self) -> String {
        if self.layout.name_parts.is_empty() {
            return self.get("name").to_owned();
        }
        let parts = self.layout.name_parts.iter().filter_map(|place| self.cells.get(*place));
        parts.map(|part| unguarded(part.trim())).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// The text without the apostrophe that keeps spreadsheets from running it as a formula; our own files have it too.
fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_found_by_our_names_and_by_theirs() {
        let file = header("\u{feff}Email,First Name,Last Name,Link Token,State,Visitors");
        let layout = layout(Kind::Partners, Some(Preset::Rewardful), &file).unwrap();
        assert_eq!(layout.ignored, ["Visitors"]);
        let row = header("ann@example.com,Ann,Obi,ann-o,active,7");
        let cells = Cells::new(&layout, &row);
        assert_eq!((cells.get("email"), cells.name().as_str()), ("ann@example.com", "Ann Obi"));
        assert_eq!((cells.get("code"), cells.get("status"), cells.get("rate")), ("ann-o", "active", ""));
        // Without the preset the token is nothing.
        let plain = super::layout(Kind::Partners, None, &file).unwrap();
        assert_eq!(plain.ignored, ["Link Token", "State", "Visitors"]);
    }

    #[test]
    fn what_a_file_must_have_is_said() {
        let faults = layout(Kind::Deals, None, &header("id,amount,Amount")).unwrap_err();
        let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "The file has two columns Amount. Rename or remove one of them.",
                "The file has no column client. Its columns are: id, amount, Amount.",
                "The file has no column status. Its columns are: id, amount, Amount.",
            ]
        );
    }

    #[test]
    fn minor_units_are_known_by_their_name() {
        let layout = layout(Kind::Balances, Some(Preset::Refferq), &header("id,balance_cents")).unwrap();
        let row = header("a1,'-5");
        let cells = Cells::new(&layout, &row);
        assert!(cells.is_minor("amount") && !cells.is_minor("partner"));
        assert_eq!(cells.get("amount"), "-5");
    }

    #[test]
    fn every_preset_names_columns_that_exist() {
        for preset in Preset::ALL {
            assert_eq!(Preset::from_word(preset.as_str()), Some(preset));
            for kind in Kind::ALL {
                assert_eq!(Kind::from_word(kind.as_str()), Some(kind));
                for (ours, theirs) in preset.called(kind) {
                    assert!(kind.columns().iter().any(|column| column.name == *ours), "{preset:?} {ours}");
                    for name in *theirs {
                        assert_eq!(plain(name), *name);
                    }
                }
            }
        }
    }
}
