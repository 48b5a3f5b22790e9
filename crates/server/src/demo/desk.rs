//! The withdrawal desk in the demo: a batch, a payment that came back, a bonus, and what waits there this morning.

use anyhow::Context;
use domain::{
    clock::{Day, HOUR, Timestamp},
    ledger::TransferCode,
    payment::needs_two,
    permission::Role,
    wallet::WalletKind,
};

use super::{
    cast::{HANNAH, LUCAS, MARA, PRIYA},
    life::Today,
    story::{Event, weekday},
};
use crate::{
    app::Env,
    ops::{
        Actor,
        adjustments::{self, Adjust},
        batches, wallets,
        withdrawals::{self, Ask},
    },
};

/// From this amount on, in the programme's currency, two people decide at Northwind.
pub const TWO_PEOPLE_FROM: i64 = 1_000;

/// How many partners are paid together at most.
const TOGETHER: usize = 5;

/// Partners whom the story follows come before this place of the cast: what is promised of them isn't touched.
const FOLLOWED: usize = 10;

/// Something that happens at the desk.
#[derive(Debug, Clone, Copy)]
pub enum Scene {
    /// Several partners ask on one morning.
    Together,
    /// Finance pays them in one batch.
    Batch,
    /// One of those payments comes back.
    CameBack,
    /// A partner is given a bonus.
    Bonus,
    /// A bonus that a second person has to agree to is proposed.
    Proposal,
    /// A partner changes the wallet, and it cools.
    NewWallet,
    /// One of the two people has agreed to a withdrawal.
    Approval,
}

/// What happens at the desk and when, in a story that begins with `first` and ends `now`.
pub fn scenes(first: Day, now: Timestamp) -> Vec<(Timestamp, Event)> {
    // On a day of the story, or on the Monday after it.
    let at = |day: i64, hour: i64| {
        let weekend = match weekday(Day(first.0 + day)) {
            5 => 2,
            6 => 1,
            _ => 0,
        };
        Day(first.0 + day + weekend).start().plus(hour * HOUR)
    };
    [
        (at(310, 11), Scene::Bonus),
        (at(350, 8), Scene::Together),
        (at(350, 15), Scene::Batch),
        (at(355, 10), Scene::CameBack),
        (now.plus(-30 * HOUR), Scene::Approval),
        (now.plus(-21 * HOUR), Scene::NewWallet),
        (now.plus(-6 * HOUR), Scene::Proposal),
    ]
    .map(|(at, scene)| (at, Event::Desk(scene)))
    .into()
}

impl Today<'_, '_, '_> {
    /// Lives a scene of the desk.
    pub(super) fn desk(&mut self, env: &Env, scene: Scene) -> anyhow::Result<()> {
        let finance = self.world.actor(Role::Finance, 0)?;
        match scene {
            Scene::Together => self.ask_together(env)?,
            Scene::Batch => self.pay_together(env, &finance)?,
            Scene::CameBack => self.came_back(env, &finance)?,
            Scene::Bonus => {
                let reason = "Spoke at our partner day, as agreed with Marcus.";
                self.adjust(env, &finance, MARA, 250, reason)?;
            }
            Scene::Proposal => {
                let reason = "Yearly bonus for the partner with the most referrals who stayed.";
                self.adjust(env, &finance, PRIYA, 1_500, reason)?;
            }
            Scene::NewWallet => self.change_wallet(env, HANNAH)?,
            Scene::Approval => {
                let partner = self.world.partner(LUCAS)?.id.clone();
                let asked = store::withdrawals::PartnerWithdrawals::default();
                let newest = store::withdrawals::of_partner(self.tx, &partner, &asked, None, 1)?.pop();
                let (waits, _) = newest.context("the partner has asked")?;
                if !needs_two(waits.amount, env.programme.approval_from) {
                    return Ok(());
                }
                let note = "Name and wallet compared with the last payments. Please pay it today.";
                withdrawals::approve(self.tx, env, &finance, &waits.id, note)?;
            }
        }
        Ok(())
    }

    fn ask_together(&mut self, env: &Env) -> anyhow::Result<()> {
        for place in FOLLOWED..self.story.cast.len() {
            if self.world.batch.len() == TOGETHER {
                break;
            }
            let Ok(joined) = self.world.partner(place) else { continue };
            let partner_id = joined.id.clone();
            let available = store::ledger::balances(self.tx, &partner_id, env.programme.currency)?.available;
            let wallet = store::wallets::of_partner(self.tx, &partner_id)?.into_iter().next();
            let Some(wallet) = wallet.filter(|_| available >= env.programme.minimum_withdrawal) else {
                continue;
            };
            let ask = Ask { partner_id, amount: available, wallet_id: wallet.id, request: env.ids.secret() };
            self.world.batch.push(withdrawals::ask(self.tx, env, &ask)?);
        }
        Ok(())
    }

    fn pay_together(&mut self, env: &Env, finance: &Actor) -> anyhow::Result<()> {
        let ids = self.world.batch.clone();
        if ids.is_empty() {
            return Ok(());
        }
        let admin = self.world.actor(Role::Admin, 0)?;
        let batch = batches::make(self.tx, env, finance, &ids)?;
        for line in store::batches::lines(self.tx, &batch, &finance.id)? {
            if needs_two(line.withdrawal.amount, env.programme.approval_from) {
                withdrawals::approve(self.tx, env, &admin, &line.withdrawal.id, "Seen with the batch.")?;
            }
        }
        batches::export_table(self.tx, env, finance, &batch)?;
        let end = Env { now: env.now.plus(HOUR), ..env.clone() };
        batches::pay(self.tx, &end, finance, &batch, domain::payout::end_to_end_id)?;
        Ok(())
    }

    /// The payment of the batch to a bank account, or else its last one.
    fn came_back(&mut self, env: &Env, finance: &Actor) -> anyhow::Result<()> {
        let mut returned = None;
        for id in self.world.batch.clone() {
            let paid = store::withdrawals::by_id(self.tx, &id)?.context("the withdrawal exists")?;
            let is_better = returned.is_none() || paid.wallet_kind == WalletKind::Iban;
            if is_better {
                returned = Some(paid.id);
            }
        }
        let Some(id) = returned else { return Ok(()) };
        let reason = "The bank sent it back: the account is closed. Please enter another one and ask again.";
        Ok(withdrawals::came_back(self.tx, env, finance, &id, reason)?)
    }

    fn adjust(
        &mut self,
        env: &Env,
        by: &Actor,
        place: usize,
        amount: i64,
        reason: &str,
    ) -> anyhow::Result<()> {
        let adjust = Adjust {
            partner_id: self.world.partner(place)?.id.clone(),
            amount: env.programme.currency.major(amount),
            code: TransferCode::Bonus,
            reason: reason.to_owned(),
            request: env.ids.secret(),
        };
        adjustments::adjust(self.tx, env, by, &adjust)?;
        Ok(())
    }

    fn change_wallet(&mut self, env: &Env, place: usize) -> anyhow::Result<()> {
        let who = &self.story.cast[place];
        let by = Actor::partner(&self.world.partner(place)?.id, who.name);
        let before = store::wallets::of_partner(self.tx, &by.id)?.into_iter().next();
        let before = before.context("the partner has a wallet")?;
        let (kind, label, address) = self.world.addresses.next(WalletKind::Iban, &who.email);
        let address = domain::wallet::check(kind, &address)?.as_str().to_owned();
        let changed = store::wallets::Wallet { id: before.id, kind, label: label.to_owned(), address };
        let account = store::accounts::by_id(self.tx, &by.id)?.context("the partner has an account")?;
        Ok(wallets::save(
            self.tx,
            env,
            &by,
            &[wallets::Change::Update(changed)],
            account.password_hash.as_deref(),
        )?)
    }
}
