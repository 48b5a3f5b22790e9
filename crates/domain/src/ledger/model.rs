//! The executable model: what the ledger does, in ordered maps and nothing else. Tests hold the real ledger's
//! outcomes, counters and entries against it, so it shares no code with that one beyond the words.

use super::{
    Account, AccountKind, Counters, Entry, LedgerError, Outcome, Phase, Side, Transfer, TransferCode,
};
use crate::money::Money;
use std::collections::BTreeMap;

/// A ledger in memory.
#[derive(Debug, Clone, Default)]
pub struct Model {
    transfers: BTreeMap<String, Transfer>,
    /// By the pending transfer's key, the key of what resolved it.
    resolutions: BTreeMap<String, String>,
    /// By the original's key, how much of it has been taken back.
    taken_back: BTreeMap<String, Money>,
    accounts: BTreeMap<String, ModelAccount>,
}

#[derive(Debug, Clone)]
struct ModelAccount {
    account: Account,
    counters: Counters,
    entries: Vec<Entry>,
}

impl Model {
    /// Books all of the transfers, or none where one is refused. Every transfer is looked at by itself first,
    /// in the order given; then each account, in the order of keys, is asked for its money.
    ///
    /// # Errors
    /// The first refusal.
    pub fn apply(&mut self, transfers: &[Transfer]) -> Result<Vec<Outcome>, LedgerError> {
        let mut outcomes = Vec::new();
        let mut staged: Vec<&Transfer> = Vec::new();
        let refusal = 'refused: {
            for transfer in transfers {
                match self.admit(transfer) {
                    Ok(outcome) => {
                        if outcome == Outcome::Applied {
                            staged.push(transfer);
                        }
                        outcomes.push(outcome);
                    }
                    Err(error) => break 'refused Some(error),
                }
            }
            self.first_shortage(&staged)
        };
        if let Some(error) = refusal {
            for transfer in staged {
                self.forget(transfer);
            }
            return Err(error);
        }
        for transfer in staged {
            self.book(transfer);
        }
        Ok(outcomes)
    }

    /// An account's counters; all zero before its first transfer.
    pub fn counters(&self, account: &Account) -> Counters {
        self.accounts.get(&account.key()).map(|found| found.counters).unwrap_or_default()
    }

    /// An account's entries, oldest first.
    pub fn entries(&self, account: &Account) -> &[Entry] {
        self.accounts.get(&account.key()).map_or(&[], |found| &found.entries)
    }

    /// Every account that had a transfer, in the order of keys.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values().map(|found| &found.account)
    }

    /// The transfer booked under a key.
    pub fn transfer(&self, key: &str) -> Option<&Transfer> {
        self.transfers.get(key)
    }

    /// Every transfer, in the order of keys.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.values()
    }

    /// All that was booked for a deal, in the order of keys.
    pub fn of_deal(&self, deal: i64) -> Vec<Transfer> {
        let (first, end) = crate::commission::key_range(deal);
        self.transfers.range(first..end).map(|(_, transfer)| transfer.clone()).collect()
    }

    /// Whether the pending transfer is still neither posted nor voided.
    pub fn is_open(&self, transfer: &Transfer) -> bool {
        transfer.phase == Phase::Pending && !self.resolutions.contains_key(&transfer.key)
    }

    /// What is left of all that was booked for a deal, on hold and posted.
    pub fn commission_left(&self, deal: i64) -> Money {
        self.transfers
            .values()
            .filter(|transfer| transfer.subject.deal() == Some(deal))
            .map(|transfer| match (&transfer.phase, transfer.code) {
                (Phase::Pending, _) if self.is_open(transfer) => transfer.amount,
                (Phase::Pending | Phase::Void { .. }, _) => Money::ZERO,
                (Phase::Single | Phase::Post { .. }, TransferCode::Commission) => transfer.amount,
                (Phase::Single | Phase::Post { .. }, _) => -transfer.amount,
            })
            .sum()
    }

    /// What must hold after every step, or the sentence that says what does not.
    pub fn broken_rule(&self) -> Option<String> {
        let total = |pick: fn(&Counters) -> Money| -> Money {
            self.accounts.values().map(|found| pick(&found.counters)).sum()
        };
        if total(|c| c.debits_posted) != total(|c| c.credits_posted) {
            return Some("posted debits and credits differ".into());
        }
        if total(|c| c.debits_pending) != total(|c| c.credits_pending) {
            return Some("pending debits and credits differ".into());
        }
        for (key, found) in &self.accounts {
            let counters = &found.counters;
            let last = found.entries.last().map(|entry| entry.balance_after);
            if last != Some(counters.balance(found.account.kind.normal_side())) {
                return Some(format!("{key}: the last entry's balance is not the account's"));
            }
            if counters.entry_count != found.entries.len() as i64 {
                return Some(format!("{key}: the number of entries is not the account's"));
            }
            let sums = [
                counters.debits_pending,
                counters.debits_posted,
                counters.credits_pending,
                counters.credits_posted,
            ];
            if sums.iter().any(|sum| *sum < Money::ZERO) {
                return Some(format!("{key}: a counter is below zero"));
            }
            let overdrawn = found.account.kind == AccountKind::PartnerPayable
                && counters.balance(Side::Credit) < Money::ZERO;
            let reversed = self
                .transfers
                .values()
                .any(|transfer| transfer.may_overdraw && transfer.debit == found.account);
            if overdrawn && !reversed {
                return Some(format!("{key}: below zero without a reversal"));
            }
        }
        None
    }

    /// Looks at one transfer by itself and, where nothing speaks against it, notes it down.
    fn admit(&mut self, transfer: &Transfer) -> Result<Outcome, LedgerError> {
        transfer.check()?;
        let key = transfer.key.clone();
        if let Some(booked) = self.transfers.get(&key) {
            return if booked == transfer { Ok(Outcome::Exists) } else { Err(LedgerError::Conflict { key }) };
        }
        if let Some(pending) = transfer.phase.pending() {
            let pending = pending.to_owned();
            let Some(first) = self.transfers.get(&pending) else {
                return Err(LedgerError::UnknownPending { pending });
            };
            if first.phase != Phase::Pending {
                return Err(LedgerError::NotPending { pending });
            }
            let amount_fits = match transfer.phase {
                Phase::Void { .. } => transfer.amount == first.amount,
                _ => transfer.amount <= first.amount,
            };
            if first.debit != transfer.debit || first.credit != transfer.credit || !amount_fits {
                return Err(LedgerError::Mismatch { key });
            }
            if self.resolutions.contains_key(&pending) {
                return Err(LedgerError::AlreadyResolved { pending });
            }
            self.resolutions.insert(pending, key.clone());
        }
        if let Some(original) = transfer.reverses.clone() {
            let Some(first) = self.transfers.get(&original) else {
                return Err(LedgerError::UnknownOriginal { original });
            };
            let final_and_forward = first.reverses.is_none()
                && matches!(first.phase, Phase::Single | Phase::Post { .. })
                && first.debit == transfer.credit
                && first.credit == transfer.debit;
            if !final_and_forward {
                return Err(LedgerError::NotReversible { key, original });
            }
            let taken = self.taken_back.get(&original).copied().unwrap_or_default();
            let left = first.amount - taken;
            if transfer.amount > left {
                return Err(LedgerError::ReversalTooLarge { original, left });
            }
            self.taken_back.insert(original, taken + transfer.amount);
        }
        self.transfers.insert(key, transfer.clone());
        Ok(Outcome::Applied)
    }

    /// Undoes [`Model::admit`].
    fn forget(&mut self, transfer: &Transfer) {
        self.transfers.remove(&transfer.key);
        if let Some(pending) = transfer.phase.pending() {
            self.resolutions.remove(pending);
        }
        if let Some(original) = &transfer.reverses
            && let Some(taken) = self.taken_back.get_mut(original)
        {
            *taken = *taken - transfer.amount;
        }
    }

    /// Whether a guarded account would be asked for more than it has at any step.
    fn first_shortage(&self, staged: &[&Transfer]) -> Option<LedgerError> {
        let mut needed: BTreeMap<String, Money> = BTreeMap::new();
        let mut given: BTreeMap<String, Money> = BTreeMap::new();
        for transfer in staged {
            for (account, side) in [(&transfer.debit, Side::Debit), (&transfer.credit, Side::Credit)] {
                if !account.kind.is_guarded() {
                    continue;
                }
                let key = account.key();
                let so_far = given.entry(key.clone()).or_default();
                *so_far = *so_far + self.effect(transfer, side, account.kind.normal_side());
                let takes = side == Side::Debit && matches!(transfer.phase, Phase::Single | Phase::Pending);
                if takes && !transfer.may_overdraw {
                    let need = needed.entry(key).or_insert(-*so_far);
                    *need = (*need).max(-*so_far);
                }
            }
        }
        needed.into_iter().find_map(|(account, needed)| {
            let found = self.accounts.get(&account);
            let available = found.map(|found| found.counters.balance(Side::Credit)).unwrap_or_default();
            (available < needed).then_some(LedgerError::InsufficientFunds { account, available, needed })
        })
    }

    /// What a transfer does to an account's balance.
    fn effect(&self, transfer: &Transfer, side: Side, normal: Side) -> Money {
        let reserved = || self.transfers[transfer.phase.pending().unwrap_or_default()].amount;
        match (side == normal, &transfer.phase) {
            (true, Phase::Single | Phase::Post { .. }) => transfer.amount,
            (true, Phase::Pending | Phase::Void { .. }) => Money::ZERO,
            (false, Phase::Single | Phase::Pending) => -transfer.amount,
            (false, Phase::Post { .. }) => reserved() - transfer.amount,
            (false, Phase::Void { .. }) => reserved(),
        }
    }

    fn book(&mut self, transfer: &Transfer) {
        let reserved = transfer.phase.pending().map(|pending| self.transfers[pending].amount);
        for (account, side) in [(&transfer.debit, Side::Debit), (&transfer.credit, Side::Credit)] {
            let found = self.accounts.entry(account.key()).or_insert_with(|| ModelAccount {
                account: account.clone(),
                counters: Counters::default(),
                entries: Vec::new(),
            });
            let counters = &mut found.counters;
            let (pending, posted) = match side {
                Side::Debit => (&mut counters.debits_pending, &mut counters.debits_posted),
                Side::Credit => (&mut counters.credits_pending, &mut counters.credits_posted),
            };
            if transfer.phase == Phase::Pending {
                *pending = *pending + transfer.amount;
            }
            if let Some(reserved) = reserved {
                *pending = *pending - reserved;
            }
            if matches!(transfer.phase, Phase::Single | Phase::Post { .. }) {
                *posted = *posted + transfer.amount;
            }
            counters.entry_count += 1;
            found.entries.push(Entry {
                account: account.key(),
                seq: counters.entry_count,
                transfer: transfer.key.clone(),
                side,
                amount: transfer.amount,
                balance_after: counters.balance(account.kind.normal_side()),
            });
        }
    }
}
