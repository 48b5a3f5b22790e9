//! Reminding finance of withdrawals that wait: at 24 and at 44 hours, and when the 48 hours are over.

use domain::{
    clock::HOUR,
    permission::Permission,
    withdrawal::{Reminder, due_at},
};
use store::{DbError, Tx, withdrawal_reminders};

use crate::{
    app::Env,
    notify::{self, Notice},
};

/// How many withdrawals are looked after in one transaction, for each reminder.
const AT_ONCE: i64 = 50;

/// Sends the reminders whose time has come, each once however many servers do this; returns how many. Of several that
/// were missed only the last is sent.
///
/// # Errors
/// When the database says no.
pub fn remind(tx: &mut Tx, env: &Env) -> Result<usize, DbError> {
    let mut sent = 0;
    for reminder in Reminder::ALL.into_iter().rev() {
        let hours = reminder.hours();
        let requested_by = env.now.plus(-hours * HOUR);
        for withdrawal in withdrawal_reminders::due(tx, hours, requested_by, AT_ONCE)? {
            if Reminder::due(withdrawal.requested_at, env.now) != Some(reminder)
                || !withdrawal_reminders::mark(tx, &withdrawal.id, hours, env.now)?
            {
                continue;
            }
            let notice = Notice::OfficeDue {
                id: withdrawal.id,
                partner: withdrawal.partner,
                amount: withdrawal.amount,
                due: due_at(withdrawal.requested_at),
                overdue: reminder == Reminder::Overdue,
            };
            notify::tell_staff(tx, env, Permission::DecideWithdrawals, &notice)?;
            sent += 1;
        }
    }
    Ok(sent)
}
