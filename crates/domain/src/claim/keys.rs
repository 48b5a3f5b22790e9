//! What contacts and names are compared by. Two spellings of one mailbox, telephone number or name have one key; a key
//! finds clients to look at and decides nothing, so it may be more generous than the account's own address is.

use std::collections::BTreeSet;

/// How many digits of a telephone number count, from its end: what comes before (country, area, a zero) is written in
/// many ways. Whole numbers of several countries have eight.
const PHONE_DIGITS: usize = 8;

/// What a client is found by. An empty key finds nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Of the email address.
    pub email: String,
    /// Of the telephone number.
    pub phone: String,
    /// Of the Telegram account.
    pub telegram: String,
    /// Of the name.
    pub name: String,
}

impl Keys {
    /// The keys of a client.
    pub fn of(name: &str, email: &str, phone: &str, telegram: &str) -> Keys {
        Keys {
            email: email_key(email),
            phone: phone_key(phone),
            telegram: telegram_key(telegram),
            name: name_key(name),
        }
    }
}

/// An email address: lower case, without a `+tag`, and without the dots that Google's mail ignores.
pub fn email_key(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let Some((local, domain)) = lower.rsplit_once('@') else { return String::new() };
    let local = local.split('+').next().unwrap_or_default();
    let domain = if domain == "googlemail.com" { "gmail.com" } else { domain };
    let local = if domain == "gmail.com" { local.replace('.', "") } else { local.to_owned() };
    if local.is_empty() || domain.is_empty() { String::new() } else { format!("{local}@{domain}") }
}

/// A telephone number: its last eight digits. Fewer than five are no number.
pub fn phone_key(text: &str) -> String {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < 5 {
        return String::new();
    }
    digits[digits.len().saturating_sub(PHONE_DIGITS)..].iter().collect()
}

/// A Telegram account: its name in lower case, or the key of its number.
pub fn telegram_key(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    match lower.strip_prefix('@') {
        Some(name) => name.to_owned(),
        None => phone_key(&lower),
    }
}

/// Where anybody can have an address, by the first part of the host: two addresses there have nothing in common.
const FREE_MAIL: [&str; 40] = [
    "126",
    "163",
    "aol",
    "bk",
    "comcast",
    "fastmail",
    "free",
    "gmail",
    "gmx",
    "hey",
    "hotmail",
    "icloud",
    "inbox",
    "libero",
    "list",
    "live",
    "mail",
    "me",
    "msn",
    "naver",
    "o2",
    "onet",
    "orange",
    "outlook",
    "proton",
    "protonmail",
    "qq",
    "rambler",
    "seznam",
    "t-online",
    "tutanota",
    "ukr",
    "wanadoo",
    "web",
    "wp",
    "ya",
    "yahoo",
    "yandex",
    "ymail",
    "zoho",
];

/// The company's own host in an email address or its key; none where anybody can have an address.
pub fn own_host(email: &str) -> Option<&str> {
    let host = email.rsplit_once('@')?.1;
    let first = host.split('.').next().unwrap_or_default();
    (host.contains('.') && !FREE_MAIL.contains(&first)).then_some(host)
}

/// What companies add to their names, which people leave out; spelled as [`spell`] does.
const LEGAL_FORMS: [&str; 33] = [
    "ag",
    "aps",
    "bv",
    "co",
    "compani",
    "corp",
    "corporation",
    "doo",
    "ev",
    "gbr",
    "gmbh",
    "inc",
    "kft",
    "kg",
    "lda",
    "limited",
    "llc",
    "llp",
    "ltd",
    "nv",
    "oao",
    "oi",
    "ooo",
    "pao",
    "plc",
    "pti",
    "sa",
    "sarl",
    "srl",
    "sro",
    "the",
    "ug",
    "zao",
];

/// A name: its words as `spell` writes them, without legal forms, parted by single spaces.
pub fn name_key(text: &str) -> String {
    let spelled = spell(text);
    let words: Vec<&str> = spelled.split_whitespace().collect();
    let is_told = |word: &str| !LEGAL_FORMS.contains(&word);
    // Initials are one word, with or without dots: "S.A." and "SA", "J. P. Morgan" and "JP Morgan".
    let mut told: Vec<String> = Vec::new();
    let mut in_initials = false;
    for word in words.iter().filter(|word| is_told(word)) {
        let is_initial = word.chars().nth(1).is_none();
        match told.last_mut() {
            Some(initials) if is_initial && in_initials => {
                word.chars().for_each(|letter| push(initials, letter));
            }
            _ => told.push((*word).to_owned()),
        }
        in_initials = is_initial;
    }
    told.retain(|word| is_told(word));
    // A company may be called "The Company".
    if told.is_empty() { words.join(" ") } else { told.join(" ") }
}

/// Writes a name as most keyboards can: in lower case and Latin letters, without accents and apostrophes, other
/// punctuation as spaces. What is written in two ways becomes one: `ue` and `ü`, `y`, `j` and `i`.
pub fn spell(text: &str) -> String {
    let mut spelled = String::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            '\u{300}'..='\u{36f}' | '\'' | '’' | 'ʼ' | '`' | '´' => {}
            letter if !letter.is_alphanumeric() => spelled.push(' '),
            letter => match latin(letter) {
                Some(latin) => latin.chars().for_each(|letter| push(&mut spelled, letter)),
                None => push(&mut spelled, letter),
            },
        }
    }
    spelled
}

fn push(spelled: &mut String, letter: char) {
    match letter {
        'y' | 'j' => spelled.push('i'),
        'e' if spelled.ends_with(['a', 'o', 'u']) => {}
        letter => spelled.push(letter),
    }
}

/// A letter in plain Latin ones; none for what is plain already or has none.
const fn latin(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à'..='æ' | 'ā' | 'ă' | 'ą' | 'а' | 'α' | 'ά' => "a",
        'б' => "b",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' | 'д' | 'δ' => "d",
        'è'..='ë' | 'ē' | 'ę' | 'ě' | 'е' | 'э' | 'ε' | 'έ' => "e",
        'ф' | 'φ' => "f",
        'ğ' | 'г' | 'ґ' | 'γ' => "g",
        'ì'..='ï' | 'ī' | 'ı' | 'и' | 'й' | 'ы' | 'і' | 'ї' | 'η' | 'ή' | 'ι' | 'ί' | 'υ' | 'ύ' => {
            "i"
        }
        'к' | 'κ' => "k",
        'ł' | 'л' | 'λ' => "l",
        'м' | 'μ' => "m",
        'ñ' | 'ń' | 'ň' | 'н' | 'ν' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'œ' | 'о' | 'ο' | 'ό' | 'ω' | 'ώ' => "o",
        'п' | 'π' => "p",
        'ř' | 'р' | 'ρ' => "r",
        'ś' | 'š' | 'ş' | 'ș' | 'с' | 'σ' | 'ς' => "s",
        'ť' | 'ț' | 'т' | 'τ' => "t",
        'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'у' | 'ў' => "u",
        'в' | 'β' => "v",
        'ξ' => "x",
        'ý' | 'ÿ' => "i",
        'ź' | 'ż' | 'ž' | 'з' | 'ζ' => "z",
        'ж' => "zh",
        'х' => "kh",
        'χ' | 'ч' => "ch",
        'ц' => "ts",
        'ш' => "sh",
        'щ' => "shch",
        'ъ' | 'ь' => "",
        'ё' => "io",
        'є' => "ie",
        'ю' => "iu",
        'я' => "ia",
        'ß' => "ss",
        'þ' | 'θ' => "th",
        'ψ' => "ps",
        _ => return None,
    })
}

/// How alike two name keys are, in basis points: the pieces of three letters that both have, twice, over those that
/// each has (Dice's coefficient). Where all words of the shorter name stand in the longer one it is at least 8,000.
pub fn likeness(one: &str, other: &str) -> i64 {
    if one.is_empty() || other.is_empty() {
        return 0;
    }
    if one == other {
        return 10_000;
    }
    let (first, second) = (pieces(one), pieces(other));
    let common = first.intersection(&second).count();
    let all = first.len() + second.len();
    let dice = i64::try_from(2 * common * 10_000 / all.max(1)).unwrap_or(0);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    let (first, second) = (words(one), words(other));
    let contained = first.is_subset(&second) || second.is_subset(&first);
    let long_enough = one.len().min(other.len()) >= 4;
    if contained && long_enough { dice.max(8_000) } else { dice }
}

/// The pieces of three letters of each word, with a space before and after it.
fn pieces(text: &str) -> BTreeSet<[char; 3]> {
    text.split(' ')
        .flat_map(|word| {
            let letters: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
            letters.windows(3).map(|three| [three[0], three[1], three[2]]).collect::<Vec<_>>()
        })
        .collect()
}

/// What a partner wrote about how the client can be reached: a text in which addresses and numbers are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clues {
    /// Keys of email addresses.
    pub emails: Vec<String>,
    /// Keys of telephone numbers.
    pub phones: Vec<String>,
    /// Keys of Telegram accounts.
    pub telegrams: Vec<String>,
    /// Hosts of companies, from their addresses and sites.
    pub hosts: Vec<String>,
}

/// How many of each kind are looked for.
const MOST: usize = 3;

impl Clues {
    /// Whether two texts have a contact in common.
    pub fn meet(&self, other: &Clues) -> bool {
        let common = |one: &[String], other: &[String]| one.iter().any(|key| other.contains(key));
        common(&self.emails, &other.emails)
            || common(&self.phones, &other.phones)
            || common(&self.telegrams, &other.telegrams)
            || common(&self.hosts, &other.hosts)
    }

    /// Reads them from a text.
    pub fn read(text: &str) -> Clues {
        let mut clues = Clues::default();
        let keep = |list: &mut Vec<String>, key: String| {
            if !key.is_empty() && list.len() < MOST && !list.contains(&key) {
                list.push(key);
            }
        };
        let mut rest = String::new();
        for word in text.split(|c: char| c.is_whitespace() || ",;|<>()\"".contains(c)) {
            let word = word.trim_matches(|c: char| ".:!?'".contains(c));
            let lower = word.to_lowercase();
            let linked =
                ["https://t.me/", "http://t.me/", "t.me/"].iter().find_map(|host| lower.strip_prefix(host));
            if let Some(name) = linked.or_else(|| lower.strip_prefix('@')) {
                keep(&mut clues.telegrams, telegram_key(&format!("@{name}")));
            } else if word.contains('@') {
                let email = email_key(lower.strip_prefix("mailto:").unwrap_or(&lower));
                keep(&mut clues.hosts, own_host(&email).unwrap_or_default().to_owned());
                keep(&mut clues.emails, email);
            } else if let Some(host) = site(&lower) {
                keep(&mut clues.hosts, own_host(&format!("@{host}")).unwrap_or_default().to_owned());
            } else {
                // A number may be written with spaces: it is put together again, until something else follows.
                let is_part = word.chars().all(|c| c.is_ascii_digit() || "+-./".contains(c));
                rest.push(if is_part { ' ' } else { '\n' });
                rest.push_str(if is_part { word } else { "" });
            }
        }
        for number in rest.split('\n') {
            let digits = number.chars().filter(char::is_ascii_digit).count();
            if (5..=20).contains(&digits) {
                keep(&mut clues.phones, phone_key(number));
            }
        }
        // Somebody's number may be the name of the Telegram account.
        for phone in clues.phones.clone() {
            keep(&mut clues.telegrams, phone);
        }
        clues
    }
}

/// The host of a company's site, if a word is its address.
fn site(word: &str) -> Option<&str> {
    let address = ["https://www.", "http://www.", "https://", "http://", "www."]
        .iter()
        .find_map(|start| word.strip_prefix(start))?;
    address.split(['/', '?', '#', ':']).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_contact_have_one_key() {
        for (one, other) in [
            ("Hello@Aurora.example", "hello+shop@aurora.example"),
            ("a.nn.lee@gmail.com", "AnnLee@googlemail.com"),
        ] {
            assert_eq!(email_key(one), email_key(other), "{one}");
        }
        assert_ne!(email_key("a.b@aurora.example"), email_key("ab@aurora.example"));
        assert_eq!(phone_key("+351 912 000 114"), phone_key("(912) 000-114"));
        assert_eq!(phone_key("0049 (30) 000 112 34"), "00011234");
        // Eight digits are a whole number in Norway, Denmark or Singapore.
        assert_eq!(phone_key("+47 22 12 34 56"), phone_key("22123456"));
        assert_eq!((phone_key("1234"), email_key("nobody"), email_key("@x")), Default::default());
        assert_eq!(telegram_key("@Aurora_C"), "aurora_c");
        assert_eq!(telegram_key("+351912000114"), phone_key("912 000 114"));
    }

    #[test]
    fn names_are_compared_without_what_people_leave_out() {
        assert_eq!(name_key("The Aurora Céramics, GmbH & Co. KG"), "aurora ceramics");
        assert_eq!(name_key("The Company"), "the compani");
        assert_eq!(name_key("Łódź–Süd S.A."), "lodz sud");
        for (one, other) in [
            ("J. P. O'Brien & Sons L.L.C.", "JP OBrien Sons"),
            ("A. E. Berg", "AE Berg"),
            ("Müller Bäckerei", "Mueller Baeckerei GmbH"),
            ("Cafe\u{301} Søren", "Café Soeren"),
            ("İstanbul Halı", "Istanbul Hali A"),
            ("Сергей Иванов", "Sergey Ivanov"),
            ("ООО «Аврора Керамика»", "Avrora Keramika"),
            ("Αύρα Κεραμικά", "Aira Keramika"),
        ] {
            assert!(
                likeness(&name_key(one), &name_key(other)) >= 9_000,
                "{one}: {}, {}",
                name_key(one),
                name_key(other)
            );
        }
        for (one, other, least, most) in [
            ("Aurora Ceramics", "aurora ceramics ltd", 10_000, 10_000),
            ("Aurora", "Aurora Ceramics Studio", 8_000, 9_999),
            ("Aurora Ceramics", "Ceramics Aurora", 10_000, 10_000),
            ("Aurora Ceramics", "Aurora Keramics", 6_000, 9_000),
            ("Юлия Щербакова", "Julia Shcherbakova", 6_000, 9_999),
            ("Aurora Ceramics", "Borealis Timber", 0, 1_500),
            ("Al", "Al Fresco", 0, 7_999),
            ("", "Aurora", 0, 0),
        ] {
            let found = likeness(&name_key(one), &name_key(other));
            assert!((least..=most).contains(&found), "{one} / {other}: {found}");
        }
    }

    #[test]
    fn contacts_are_found_in_what_a_partner_writes() {
        let clues = Clues::read(
            "Ann Lee, Ann.Lee+x@example.com / +351 912 000 114 or t.me/Ann_Lee (mailto:b@example.org).",
        );
        assert_eq!(clues.emails, ["ann.lee@example.com", "b@example.org"]);
        assert_eq!(clues.phones, ["12000114"]);
        assert_eq!(clues.telegrams, ["ann_lee", "12000114"]);
        let clues = Clues::read("call 912-000-114 at noon or 030/1234567, flat 12");
        assert_eq!(clues.phones, ["12000114", "01234567"]);
        let clues = Clues::read("info@aurora.example or ann@gmail.com, https://www.borealis.example/about");
        assert_eq!(clues.hosts, ["aurora.example", "borealis.example"]);
        assert_eq!(Clues::read("no idea, ask Tom"), Clues::default());
    }

    proptest! {
        #[test]
        fn likeness_is_mutual_and_bounded(one in any::<String>(), other in any::<String>()) {
            let (one, other) = (name_key(&one), name_key(&other));
            let found = likeness(&one, &other);
            prop_assert_eq!(found, likeness(&other, &one));
            prop_assert!((0..=10_000).contains(&found));
            prop_assert_eq!(name_key(&one), one);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let clues = Clues::read(&text);
            prop_assert!(clues.emails.len() <= 3 && clues.phones.len() <= 3 && clues.telegrams.len() <= 3);
            let _ = Keys::of(&text, &text, &text, &text);
        }
    }
}
