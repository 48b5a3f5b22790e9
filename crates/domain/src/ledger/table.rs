//! The table of operations in `table.txt`: what the ledger is asked and the word it has to answer.

use super::{Account, AccountKind, Phase, Subject, Transfer, TransferCode};
use crate::clock::Timestamp;
use crate::money::{Currency, Money};

/// The table's text.
pub const TABLE: &str = include_str!("table.txt");

/// One thing the table says.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands in the text, from 1.
    pub line: usize,
    /// What is done or looked at.
    pub act: Act,
}

/// What a step does or looks at.
#[derive(Debug, Clone)]
pub enum Act {
    /// Transfers given together, and the words of the answer.
    Apply(Vec<Transfer>, String),
    /// An account and its available amount, what is on hold and what is reserved.
    Balance(Account, [Money; 3]),
    /// An account and its balance after each entry.
    Entries(Account, Vec<Money>),
}

/// Reads a table. Each section starts afresh: its owners and keys carry the section's number, so that all
/// sections can be played on one ledger.
///
/// # Panics
/// Where the text is not a table; it is part of the tests.
pub fn parse(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut section = 0;
    let mut together = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        if raw.starts_with("##") {
            assert!(together.is_empty(), "line {line}: the transfers above have no answer");
            section += 1;
            continue;
        }
        if raw.trim().is_empty() || raw.starts_with('#') {
            continue;
        }
        let (what, answer) = match raw.split_once('=') {
            Some((what, answer)) => (what, Some(answer.trim())),
            None => (raw, None),
        };
        let words: Vec<&str> = what.split_whitespace().collect();
        match (words.as_slice(), answer) {
            (["balance", name], Some(answer)) => {
                let amounts = amounts(answer, line).try_into().expect("three amounts");
                steps.push(Step { line, act: Act::Balance(account(name, section), amounts) });
            }
            (["entries", name], Some(answer)) => {
                steps.push(Step { line, act: Act::Entries(account(name, section), amounts(answer, line)) });
            }
            ([phase, key, debit, credit, amount, options @ ..], answer) => {
                together.push(transfer([phase, key, debit, credit, amount], options, section, line));
                if let Some(answer) = answer {
                    let act = Act::Apply(std::mem::take(&mut together), answer.to_owned());
                    steps.push(Step { line, act });
                }
            }
            _ => panic!("line {line} is not understood: {raw}"),
        }
    }
    assert!(together.is_empty(), "the last transfers have no answer");
    steps
}

fn amounts(text: &str, line: usize) -> Vec<Money> {
    let read = |word: &str| word.parse().unwrap_or_else(|_| panic!("line {line}: {word} is not an amount"));
    text.split_whitespace().map(|word| Money::from_minor(read(word))).collect()
}

fn account(text: &str, section: usize) -> Account {
    let (name, currency) = text.split_once('@').unwrap_or((text, "USD"));
    let currency = Currency::from_code(currency).expect("a currency");
    let (kind, owner) = name.split_once(':').map_or((name, None), |(kind, owner)| (kind, Some(owner)));
    let kind = match kind {
        "expense" => AccountKind::ProgrammeExpense,
        "payable" => AccountKind::PartnerPayable,
        "payouts" => AccountKind::Payouts,
        "adjustment" => AccountKind::Adjustment,
        _ => panic!("{kind} is not an account"),
    };
    Account { kind, owner: owner.map(|owner| format!("{owner}-{section}")), currency }
}

fn transfer(first: [&str; 5], mut options: &[&str], section: usize, line: usize) -> Transfer {
    let [phase, key, debit, credit, amount] = first;
    let keyed = |key: &str| format!("{section}:{key}");
    let mut transfer = Transfer {
        key: keyed(key),
        debit: account(debit, section),
        credit: account(credit, section),
        amount: amounts(amount, line)[0],
        code: TransferCode::Correction,
        phase: Phase::Single,
        subject: Subject::Adjustment(format!("table-{section}")),
        reverses: None,
        may_overdraw: false,
        reason: None,
        available_at: None,
    };
    let mut resolves = None;
    while let [word, rest @ ..] = options {
        options = match (*word, rest) {
            ("overdraw", rest) => {
                transfer.may_overdraw = true;
                rest
            }
            ("of", [pending, rest @ ..]) => {
                resolves = Some(keyed(pending));
                rest
            }
            ("reverses", [original, rest @ ..]) => {
                transfer.reverses = Some(keyed(original));
                rest
            }
            ("until", [moment, rest @ ..]) => {
                transfer.available_at = Some(Timestamp::from_micros(moment.parse().expect("a moment")));
                rest
            }
            ("about", [kind, id, rest @ ..]) => {
                transfer.subject = Subject::from_words(kind, id).expect("a subject");
                rest
            }
            ("because", [reason, rest @ ..]) => {
                transfer.reason = Some((*reason).to_owned());
                rest
            }
            _ => panic!("line {line}: {word} is not understood"),
        };
    }
    transfer.phase = match (phase, resolves) {
        ("single", None) => Phase::Single,
        ("pending", None) => Phase::Pending,
        ("post", Some(pending)) => Phase::Post { pending },
        ("void", Some(pending)) => Phase::Void { pending },
        _ => panic!("line {line}: {phase} is not a phase, or what it resolves is missing"),
    };
    transfer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{LedgerError, Outcome, model::Model};

    fn words(answer: &Result<Vec<Outcome>, LedgerError>) -> Vec<&'static str> {
        match answer {
            Ok(outcomes) => outcomes.iter().map(|outcome| outcome.word()).collect(),
            Err(error) => vec![error.word()],
        }
    }

    #[test]
    fn the_model_answers_as_the_table_says() {
        let mut model = Model::default();
        let steps = parse(TABLE);
        assert!(steps.len() > 100, "the table was read only to {}", steps.len());
        for Step { line, act } in steps {
            match act {
                Act::Apply(transfers, expected) => {
                    let said = words(&model.apply(&transfers));
                    // One word stands for all transfers of a call.
                    let mut expected: Vec<&str> = expected.split_whitespace().collect();
                    if expected == ["applied"] {
                        expected = vec!["applied"; said.len()];
                    }
                    assert_eq!(said, expected, "line {line}");
                }
                Act::Balance(account, expected) => {
                    let counters = model.counters(&account);
                    let said = [
                        counters.balance(account.kind.normal_side()),
                        counters.credits_pending,
                        counters.debits_pending,
                    ];
                    assert_eq!(said, expected, "line {line}");
                }
                Act::Entries(account, expected) => {
                    let said: Vec<Money> =
                        model.entries(&account).iter().map(|entry| entry.balance_after).collect();
                    assert_eq!(said, expected, "line {line}");
                }
            }
            assert_eq!(model.broken_rule(), None, "line {line}");
        }
    }
}
