//! Passwords: how they are kept (Argon2id, RFC 9106) and which are refused (NIST SP 800-63B: length and
//! guessability, no rules about kinds of characters).
//!
//! Every function here takes tens of milliseconds of a processor; call them from `spawn_blocking`.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::claim::keys::spell;
use zxcvbn::{Score, feedback::Warning, zxcvbn};

/// How few characters a password may have.
pub const MIN: usize = 10;
/// How many characters a password may have: enough for any sentence, too few to keep the server busy.
pub const MAX: usize = 200;

/// The hash of a password that nobody knows, with the parameters of [`hash`].
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGtub3dzIGl0IQ$mJ8lPqHkZ0V1vTVdAo5n3bWc4xY9sUeR7fGiKq2LwZA";

/// Why a password was refused: the sentence shown beside the field. It never has the password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing was typed.
    #[error("Enter a password.")]
    Missing,
    /// It has fewer characters than [`MIN`].
    #[error(
        "A password needs at least {MIN} characters; this has {length}. A few words together are easy to remember."
    )]
    TooShort {
        /// How many characters it has.
        length: usize,
    },
    /// It has more characters than [`MAX`].
    #[error("A password can have at most {MAX} characters; this has {length}.")]
    TooLong {
        /// How many characters it has.
        length: usize,
    },
    /// It can be guessed within a few million tries.
    #[error(
        "This password is easy to guess: {reason}. Three or four words that have nothing to do with each other are better."
    )]
    Guessable {
        /// What makes it so.
        reason: &'static str,
    },
}

/// Judges a new password. `about` is what an attacker would try first: the person's name and email address,
/// the programme's name.
///
/// # Errors
/// [`PasswordError`], whose text can be shown beside the field.
pub fn check(password: &str, about: &[&str]) -> Result<(), PasswordError> {
    let length = password.chars().count();
    match length {
        0 => return Err(PasswordError::Missing),
        1..MIN => return Err(PasswordError::TooShort { length }),
        MIN..=MAX => {}
        _ => return Err(PasswordError::TooLong { length }),
    }
    if is_about(password, about) {
        return Err(PasswordError::Guessable { reason: ABOUT });
    }
    // "Ann Lee" is guessed from both "ann" and "lee", "ann@example.com" from "example".
    let words = about.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let inputs: Vec<&str> =
        about.iter().copied().chain(words).filter(|word| word.chars().count() >= 3).collect();
    let judgement = zxcvbn(password, &inputs);
    if judgement.score() >= Score::Two {
        return Ok(());
    }
    let warning = judgement.feedback().and_then(|feedback| feedback.warning());
    Err(PasswordError::Guessable {
        reason: warning.map_or("it follows a pattern that is tried first", in_words),
    })
}

const ABOUT: &str = "it is your name or address, or the name of this programme";

/// How many characters beside a name still leave it a name: a year, a sign or two.
const BESIDE: usize = 4;

/// Whether hardly more is in a password than what an attacker would try first, with or without accents, capital
/// letters and spaces.
fn is_about(password: &str, about: &[&str]) -> bool {
    let plain = |text: &str| spell(text).replace(' ', "");
    let spelled: Vec<String> = about.iter().map(|text| spell(text)).collect();
    let words = spelled.iter().flat_map(|text| text.split(' ')).map(str::to_owned);
    let mut known: Vec<String> = about.iter().map(|text| plain(text)).chain(words).collect();
    known.retain(|word| word.chars().count() >= 3);
    known.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
    let typed = plain(password);
    let left = known.iter().fold(typed.clone(), |left, word| left.replace(word.as_str(), ""));
    let signs = password.chars().filter(|c| !c.is_alphanumeric() && !c.is_whitespace()).count();
    left.len() < typed.len() && left.chars().count() + signs <= BESIDE
}

fn in_words(warning: Warning) -> &'static str {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess => "it is a row of keys",
        Warning::ShortKeyboardPatternsAreEasyToGuess => "it is a pattern on the keyboard",
        Warning::RepeatsLikeAaaAreEasyToGuess => "it repeats a character",
        Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => "it repeats itself",
        Warning::ThisIsATop10Password => "it is one of the ten most used passwords",
        Warning::ThisIsATop100Password => "it is one of the hundred most used passwords",
        Warning::ThisIsACommonPassword => "it is a common password",
        Warning::ThisIsSimilarToACommonlyUsedPassword => "it is much like a common password",
        Warning::SequencesLikeAbcAreEasyToGuess => "it is a sequence like abc or 4321",
        Warning::RecentYearsAreEasyToGuess => "it is made of recent years",
        Warning::AWordByItselfIsEasyToGuess => "it is a single word",
        Warning::DatesAreOftenEasyToGuess => "it is made of a date",
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess => "it is a name",
        Warning::CommonNamesAndSurnamesAreEasyToGuess => "it is a common name",
    }
}

/// The PHC string of a password, with a salt of its own and the parameters that OWASP recommends (Argon2id,
/// 19 MiB, 2 passes).
///
/// # Errors
/// If the system has no randomness or memory to give.
pub fn hash(password: &str) -> anyhow::Result<String> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow::anyhow!("hashing a password: {error}"))?;
    Ok(hash.to_string())
}

/// Whether the password is the one of the PHC string. A string that can't be read fits no password.
pub fn verify(password: &str, phc: &str) -> bool {
    // Such a password can't have been set; it takes the usual time all the same.
    if password.chars().count() > MAX {
        return dummy("");
    }
    match PasswordHash::new(phc) {
        Ok(hash) => Argon2::default().verify_password(password.as_bytes(), &hash).is_ok(),
        Err(error) => {
            tracing::error!(%error, "a stored password hash can't be read");
            dummy(password)
        }
    }
}

/// Takes the time of [`verify`] and answers no: for accounts that don't exist, so that the time of an answer
/// doesn't tell which do.
pub fn dummy(password: &str) -> bool {
    let password: String = password.chars().take(MAX).collect();
    let hash = PasswordHash::new(DUMMY).expect("the dummy is a PHC string, which a test reads");
    // `black_box` keeps the work; that the result is thrown away must not be seen by the optimiser.
    std::hint::black_box(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const GOOD: &str = "violet tram under seven lakes";

    #[test]
    fn a_hash_fits_its_password_only() {
        let phc = hash(GOOD).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify(GOOD, &phc));
        assert!(!verify("violet tram under seven Lakes", &phc));
        assert!(!verify("", &phc));
        assert!(!verify(&"x".repeat(1_000_000), &phc));
        assert_ne!(hash(GOOD).unwrap(), phc, "each has a salt of its own");
        let emoji = hash("pässwörd 🦀 \0 long").unwrap();
        assert!(verify("pässwörd 🦀 \0 long", &emoji));
    }

    #[test]
    fn an_unreadable_hash_fits_nothing() {
        for phc in ["", "x", "$argon2id$", "$argon2id$v=19$m=1$$", "$2b$12$abcdefghijklmnopqrstuv", GOOD] {
            assert!(!verify(GOOD, phc) && !verify("", phc), "{phc}");
        }
    }

    #[test]
    fn an_unknown_account_takes_the_time_of_a_known_one() {
        let phc = hash(GOOD).unwrap();
        let parameters = |phc: &str| phc.rsplitn(3, '$').last().unwrap().to_owned();
        assert_eq!(parameters(DUMMY), parameters(&phc), "the same work");
        let lengths = |phc: &str| phc.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(lengths(DUMMY), lengths(&phc));
        assert!(PasswordHash::new(DUMMY).is_ok());
        assert!(!dummy(GOOD));
        let fastest = |work: &dyn Fn() -> bool| -> Duration {
            let times = (0..5).map(|_| {
                let start = Instant::now();
                std::hint::black_box(work());
                start.elapsed()
            });
            times.min().unwrap()
        };
        let (known, unknown) = (fastest(&|| verify("wrong", &phc)), fastest(&|| dummy("wrong")));
        // A busy machine makes times jump, so only a missing computation is looked for here.
        assert!(known < unknown * 10, "{known:?} {unknown:?}");
    }

    #[test]
    fn good_passwords_of_every_kind_are_taken() {
        for password in [
            GOOD,
            "correct horse battery staple",
            "kV9#pQ2!xL",
            "мой дядя самых честных",
            "x7Qp vLm2 9Rwt",
            "🦀🐙🦑🐚🪸🐡🐠🐬🐳🦭",
        ] {
            assert_eq!(
                check(password, &["Ann Lee", "ann@example.com", "Acme Partners"]),
                Ok(()),
                "{password}"
            );
        }
        assert_eq!(check(&format!("{GOOD}{}", "!".repeat(MAX - GOOD.len())), &[]), Ok(()));
    }

    #[test]
    fn a_name_is_no_password_however_it_is_written() {
        let about = ["Mónica Núñez-Ålesund", "monica@cedarworks.example", "Northwind Partner Programme"];
        for password in [
            "monica nunez-alesund",
            "MONICANUNEZALESUND",
            "Mónica Núñez 2024",
            "NunezNunez1!",
            "monica@cedarworks.example",
            "northwind partner programme",
            "NorthwindPartner",
            "Programme Monica",
        ] {
            assert_eq!(
                check(password, &about),
                Err(PasswordError::Guessable { reason: ABOUT }),
                "{password}"
            );
        }
        for password in ["monica keeps seven lakes", "nunez x7Qp vLm2", "Пусть всегда будет солнце"]
        {
            assert_eq!(check(password, &about), Ok(()), "{password}");
        }
        assert_eq!(check(GOOD, &["", "a", " "]), Ok(()), "what is too short to be a name is none");
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        let said =
            |password: &str| check(password, &["Ann Leeward", "ann@cedarworks.example", "Acme Partners"]);
        let sentence = |password: &str| said(password).unwrap_err().to_string();
        assert_eq!(said(""), Err(PasswordError::Missing));
        assert_eq!(
            sentence("kV9#pQ2!x"),
            "A password needs at least 10 characters; this has 9. A few words together are easy to remember."
        );
        assert_eq!(sentence(&"ab".repeat(101)), "A password can have at most 200 characters; this has 202.");
        assert_eq!(
            sentence("aaaaaaaaaaaa"),
            "This password is easy to guess: it repeats a character. Three or four words that have nothing to do \
             with each other are better."
        );
        for password in [
            "password123",
            "1234567890",
            "qwertyuiop",
            "abcdefghijkl",
            "ann@cedarworks.example",
            "Ann Leeward",
            "leewardleeward",
            "cedarworks1",
            "acmepartners",
            "iloveyou123",
            "01.02.1990",
            "          ",
        ] {
            let error = said(password).unwrap_err();
            assert!(matches!(error, PasswordError::Guessable { .. }), "{password}: {error}");
            assert!(!error.to_string().contains(password), "{error}");
        }
    }
}
