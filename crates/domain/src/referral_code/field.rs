//! The Reed-Solomon arithmetic of referral codes: GF(32), three check symbols, one repair.
//!
//! A word of 8 symbols is read as a polynomial whose first symbol is the coefficient of x^7. It is a code
//! when it is zero at a^0, a^1 and a^2, where a generates the field. Its values there are the syndromes; an
//! error e at x^p makes them e, e*a^p and e*a^2p, from which both e and p can be told.

use super::LENGTH;

/// How many non-zero elements the field has, which is the order of its generator.
const ORDER: usize = 31;
/// How many check symbols a word has.
const CHECKS: usize = 3;

/// `EXP[n]` is a^n in GF(2)[x] / (x^5 + x^2 + 1).
const EXP: [u8; ORDER] = {
    let mut powers = [1; ORDER];
    let mut n = 1;
    while n < ORDER {
        let doubled = powers[n - 1] << 1;
        powers[n] = if doubled & 0b10_0000 == 0 { doubled } else { doubled ^ 0b10_0101 };
        n += 1;
    }
    powers
};

/// `LOG[EXP[n]]` is n; zero has no logarithm.
const LOG: [u8; ORDER + 1] = {
    let mut logarithms = [0; ORDER + 1];
    let mut n = 0;
    while n < ORDER {
        logarithms[EXP[n] as usize] = n as u8;
        n += 1;
    }
    logarithms
};

/// The check symbols' generator (x - a^0)(x - a^1)(x - a^2) without its leading 1, highest power first.
const GENERATOR: [u8; CHECKS] = {
    let mut product = [0, 0, 0, 1];
    let mut root = 0;
    while root < CHECKS {
        // Multiply by (x + a^root): in this field minus is plus.
        let mut index = 0;
        while index < CHECKS {
            product[index] = product[index + 1] ^ multiply(product[index], EXP[root]);
            index += 1;
        }
        product[CHECKS] = multiply(product[CHECKS], EXP[root]);
        root += 1;
    }
    [product[1], product[2], product[3]]
};

/// What the check symbols say about a word.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is a code.
    Clean,
    /// It is a code but for one symbol; `error` added (exclusive or) to the symbol at `index` makes it one.
    OneWrong { index: usize, error: u8 },
    /// At least two symbols are wrong.
    Unreadable,
}

const fn multiply(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    EXP[(LOG[a as usize] as usize + LOG[b as usize] as usize) % ORDER]
}

/// Fills the last three symbols so that the word is a code: the remainder of the division by the generator.
pub(super) fn append_checks(word: &mut [u8; LENGTH]) {
    let mut remainder = [0; CHECKS];
    for symbol in &word[..LENGTH - CHECKS] {
        let factor = symbol ^ remainder[0];
        remainder = [remainder[1], remainder[2], 0];
        for (rest, coefficient) in remainder.iter_mut().zip(GENERATOR) {
            *rest ^= multiply(factor, coefficient);
        }
    }
    word[LENGTH - CHECKS..].copy_from_slice(&remainder);
}

/// Judges a word. Distance 4 makes sure that two wrong symbols are never taken for one.
pub(super) fn check(word: &[u8; LENGTH]) -> Verdict {
    let syndrome = |root: usize| word.iter().fold(0, |value, symbol| multiply(value, EXP[root]) ^ symbol);
    let [s0, s1, s2] = [syndrome(0), syndrome(1), syndrome(2)];
    if [s0, s1, s2] == [0; CHECKS] {
        return Verdict::Clean;
    }
    if s0 == 0 || s1 == 0 || s2 == 0 {
        return Verdict::Unreadable;
    }
    let logarithm = |symbol: u8| usize::from(LOG[usize::from(symbol)]);
    let power = (logarithm(s1) + ORDER - logarithm(s0)) % ORDER;
    let one_error = multiply(s1, EXP[power]) == s2;
    if one_error && power < LENGTH {
        Verdict::OneWrong { index: LENGTH - 1 - power, error: s0 }
    } else {
        Verdict::Unreadable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_runs_through_the_whole_field() {
        let mut powers = EXP.to_vec();
        powers.sort_unstable();
        assert_eq!(powers, (1..=31).collect::<Vec<u8>>());
        assert_eq!(multiply(EXP[30], 2), 1, "a^31 is 1");
    }

    #[test]
    fn multiplication_is_that_of_polynomials() {
        for a in 0..32_u8 {
            for b in 0..32_u8 {
                // Shift and add, then reduce by x^5 + x^2 + 1: the definition, without tables.
                let mut product =
                    (0..5).filter(|bit| b >> bit & 1 == 1).fold(0_u16, |p, bit| p ^ u16::from(a) << bit);
                for bit in (5..10).rev() {
                    if product >> bit & 1 == 1 {
                        product ^= 0b10_0101 << (bit - 5);
                    }
                }
                assert_eq!(u16::from(multiply(a, b)), product, "{a} x {b}");
            }
        }
    }
}
