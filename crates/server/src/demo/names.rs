//! Invented people and companies. Addresses are in names kept for examples (RFC 2606, RFC 6761), telephone
//! numbers in ranges kept for fiction, so that nothing reaches a living person.

use std::collections::HashSet;

use super::random::Rng;

const FIRST: [&str; 72] = [
    "Ada",
    "Aisha",
    "Alejandro",
    "Amina",
    "Anders",
    "Anika",
    "Arjun",
    "Astrid",
    "Beatriz",
    "Bogdan",
    "Camille",
    "Carlos",
    "Chidi",
    "Chloé",
    "Dalia",
    "Daniel",
    "Dinah",
    "Dmytro",
    "Eleni",
    "Emeka",
    "Emma",
    "Farah",
    "Felix",
    "Fatou",
    "Gabriel",
    "Giulia",
    "Grace",
    "Hugo",
    "Ibrahim",
    "Ingrid",
    "Iris",
    "Ivana",
    "Jasper",
    "Jin",
    "Joana",
    "Kaito",
    "Karim",
    "Katarzyna",
    "Kofi",
    "Lars",
    "Layla",
    "Leon",
    "Li Na",
    "Lucía",
    "Malik",
    "Marta",
    "Mateo",
    "Mei",
    "Milan",
    "Naomi",
    "Nikhil",
    "Nina",
    "Oksana",
    "Omar",
    "Paula",
    "Pedro",
    "Petra",
    "Rafael",
    "Rania",
    "Ravi",
    "Rosa",
    "Samir",
    "Sanna",
    "Selin",
    "Siobhán",
    "Stefan",
    "Tariq",
    "Thandi",
    "Tomás",
    "Valentina",
    "Yara",
    "Zoë",
];

const LAST: [&str; 72] = [
    "Abara",
    "Achterberg",
    "Adeyemi",
    "Almeida",
    "Andersson",
    "Aydin",
    "Bakker",
    "Banerjee",
    "Barros",
    "Benali",
    "Bianchi",
    "Brandt",
    "Castillo",
    "Chaudhry",
    "Christou",
    "Costa",
    "Dahl",
    "Delgado",
    "Diallo",
    "Dubois",
    "Eze",
    "Fischer",
    "Fonseca",
    "Gallo",
    "García",
    "Haddad",
    "Hakimi",
    "Hansen",
    "Herrera",
    "Horvat",
    "Ito",
    "Ivanova",
    "Jensen",
    "Joshi",
    "Kamau",
    "Kaplan",
    "Kim",
    "Kowalska",
    "Kruger",
    "Larsen",
    "Laurent",
    "Lehmann",
    "Lindgren",
    "Lopes",
    "Mahmoud",
    "Marin",
    "Mbeki",
    "Mensah",
    "Moreau",
    "Nakamura",
    "Nguyen",
    "Novak",
    "O'Neill",
    "Okoye",
    "Olsen",
    "Park",
    "Pereira",
    "Petrova",
    "Popescu",
    "Quispe",
    "Rahman",
    "Rossi",
    "Sato",
    "Schneider",
    "Silva",
    "Suzuki",
    "Tanaka",
    "Toure",
    "Vargas",
    "Visser",
    "Wójcik",
    "Yilmaz",
];

const HOUSE: [&str; 40] = [
    "Amberfold",
    "Ashgrove",
    "Bluepine",
    "Brackenhill",
    "Calderwick",
    "Cloverfell",
    "Coppermere",
    "Dovetree",
    "Eastlantern",
    "Elmstead",
    "Fernwick",
    "Foxhollow",
    "Gannetpoint",
    "Glasswing",
    "Greywater",
    "Harrowgate Lane",
    "Hazelmoor",
    "Ivoryfield",
    "Juniper Row",
    "Kestrelway",
    "Larkmeadow",
    "Lindenfall",
    "Marlowe Quay",
    "Merrivale",
    "Millbrook Yard",
    "Nettlecombe",
    "Oakhaven",
    "Otterbank",
    "Pebblecross",
    "Quillstone",
    "Redfern Hill",
    "Rookery Park",
    "Saltmarsh",
    "Silverbirch",
    "Stonebridge",
    "Thistledown",
    "Umberfield",
    "Wetherby Lane",
    "Willowgate",
    "Yarrowdale",
];

const TRADE: [&str; 28] = [
    "Accounting",
    "Architects",
    "Bakery",
    "Bicycles",
    "Ceramics",
    "Clinic",
    "Coffee",
    "Dental",
    "Design",
    "Events",
    "Fitness",
    "Foods",
    "Furniture",
    "Hotels",
    "Interiors",
    "Jewellery",
    "Kitchens",
    "Legal",
    "Logistics",
    "Nurseries",
    "Optics",
    "Outdoor",
    "Pharmacy",
    "Realty",
    "Schools",
    "Software",
    "Studio",
    "Travel",
];

/// A person, and where the person can be reached.
#[derive(Debug, Clone)]
pub struct Person {
    /// First and last name, and the company where there is one.
    pub name: String,
    /// An email address.
    pub email: String,
    /// A telephone number.
    pub phone: String,
    /// A Telegram account with its `@`.
    pub telegram: String,
}

/// Draws people, none twice.
#[derive(Debug, Default)]
pub struct People {
    drawn: HashSet<String>,
}

impl People {
    /// Somebody new; about half of them write for a company.
    pub fn somebody(&mut self, rng: &mut Rng) -> Person {
        let (first, last) = loop {
            let (first, last) = (rng.pick(&FIRST), rng.pick(&LAST));
            if self.drawn.insert(format!("{first} {last}")) {
                break (first, last);
            }
        };
        person(rng, first, last, "", |rng| match rng.index(3) {
            // The ranges that the North American, the British and the Australian plan keep for drama.
            0 => format!("+1 202 555 {:04}", rng.between(100, 199)),
            1 => format!("+44 20 7946 {:04}", rng.between(0, 999)),
            _ => format!("+61 491 570 {:03}", rng.between(6, 999)),
        })
    }
}

/// One of a crowd, in which many people share a name: most have a number in their address, as they do in life.
pub fn one_of_many(rng: &mut Rng) -> Person {
    let (first, last) = (rng.pick(&FIRST), rng.pick(&LAST));
    let number = if rng.percent(80) { rng.between(1, 9_999).to_string() } else { String::new() };
    // No country has this code: the ranges kept for drama have room for a few thousand people.
    let phone = |rng: &mut Rng| format!("+999 {:04} {:04}", rng.between(1_000, 9_999), rng.between(0, 9_999));
    person(rng, first, last, &number, phone)
}

/// First and last name of one of a crowd.
pub fn first_and_last(rng: &mut Rng) -> (&'static str, &'static str) {
    (rng.pick(&FIRST), rng.pick(&LAST))
}

/// Somebody with a name; about half of such people write for a company.
fn person(
    rng: &mut Rng,
    first: &str,
    last: &str,
    number: &str,
    phone: impl FnOnce(&mut Rng) -> String,
) -> Person {
    let handle = format!("{}{number}", handle(first, last));
    let (house, trade) = (rng.pick(&HOUSE), rng.pick(&TRADE));
    let (name, host) = if rng.percent(55) {
        let host = format!("{}-{}.example", plain(house).replace(' ', ""), plain(trade));
        (format!("{first} {last}, {house} {trade}"), host)
    } else {
        (format!("{first} {last}"), rng.pick(&["example.com", "example.net", "example.org"]).to_owned())
    };
    Person {
        name,
        email: format!("{handle}@{host}"),
        phone: phone(rng),
        telegram: format!("@demo_{}", handle.replace('.', "_")),
    }
}

/// The part of an email address before the `@`.
pub fn handle(first: &str, last: &str) -> String {
    format!("{}.{}", plain(first), plain(last)).replace(' ', "")
}

/// Lower case and without accents.
fn plain(text: &str) -> String {
    text.chars()
        .filter_map(|letter| {
            Some(match letter.to_ascii_lowercase() {
                'á' | 'ã' => 'a',
                'č' => 'c',
                'é' | 'ë' => 'e',
                'í' => 'i',
                'ó' | 'ö' => 'o',
                'ü' => 'u',
                '\'' => return None,
                other => other,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::text::{Email, Name, Phone, Telegram};

    use super::*;

    #[test]
    fn everybody_could_have_filled_in_the_form() {
        let (mut people, mut rng) = (People::default(), Rng::new(3, 0));
        for _ in 0..800 {
            let person = people.somebody(&mut rng);
            assert_eq!(Name::parse(&person.name).unwrap().as_str(), person.name);
            assert_eq!(Email::parse(&person.email).unwrap().as_str(), person.email);
            assert_eq!(Telegram::parse(&person.telegram).unwrap().as_str(), person.telegram);
            Phone::parse(&person.phone).unwrap();
            let host = person.email.split('@').nth(1).unwrap();
            assert!(host.starts_with("example.") || host.ends_with(".example"), "{host} could be somebody's");
        }
    }
}
