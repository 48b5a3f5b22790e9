//! What surrounds a page: name, navigation, notices.

use domain::{permission::Permission, withdrawal};
use store::{DbError, Tx, feedback, recovery, withdrawals};

use super::{
    fields::Fields,
    paths,
    visitor::{Partner, Staff},
};
use crate::app::Env;

/// Around a public page.
#[derive(Debug, Clone)]
pub struct PublicShell {
    /// The programme's name.
    pub programme: String,
    /// The path of this page, to mark it in the navigation.
    pub here: &'static str,
    /// Whether the way for partners (sign in, sign up) is shown; clients don't need it.
    pub partners: bool,
}

impl PublicShell {
    /// Around a page for people who may become or be partners.
    pub fn for_partners(env: &Env, here: &'static str) -> PublicShell {
        PublicShell { programme: env.programme.name.clone(), here, partners: true }
    }

    /// Around a page for clients and invited people.
    pub fn plain(env: &Env) -> PublicShell {
        PublicShell { programme: env.programme.name.clone(), here: "", partners: false }
    }
}

/// Around a page of the portal.
#[derive(Debug, Clone)]
pub struct PortalShell {
    /// The programme's name.
    pub programme: String,
    /// The path of this page, to mark it in the navigation and for feedback.
    pub here: &'static str,
    /// The partner earns nothing new.
    pub suspended: bool,
    /// What was just done, in a sentence.
    pub notice: Option<&'static str>,
    /// The feedback form, with what was typed when it was refused.
    pub feedback: Fields,
}

impl PortalShell {
    /// Around a page for a partner. `done` is the word that a redirect has left in the address.
    pub fn new(env: &Env, partner: &Partner, here: &'static str, done: Option<&str>) -> PortalShell {
        let notice = done.and_then(|done| match done {
            "feedback" => Some("Thank you. We read every message."),
            "wallets" => Some("Your wallets are saved."),
            "withdrawal" => Some("Your withdrawal is requested. Finance answers within 48 hours."),
            _ => None,
        });
        PortalShell {
            programme: env.programme.name.clone(),
            here,
            suspended: partner.suspended,
            notice,
            feedback: Fields::default(),
        }
    }
}

/// One entry of the office's navigation.
#[derive(Debug, Clone)]
pub struct OfficeTab {
    /// Where it leads.
    pub path: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// How much waits there.
    pub count: i64,
    /// Something there is overdue.
    pub overdue: bool,
}

/// Around a page of the office.
#[derive(Debug, Clone)]
pub struct OfficeShell {
    /// The programme's name.
    pub programme: String,
    /// The path of the section, to mark it in the navigation.
    pub here: &'static str,
    /// What the person may open.
    pub tabs: Vec<OfficeTab>,
    /// What the person is called.
    pub name: String,
    /// What the person may do, in a word.
    pub role: &'static str,
    /// What was just done, in a sentence.
    pub notice: Option<&'static str>,
}

impl OfficeShell {
    /// Around a page for a member of staff, with the counts of what waits. `done` is the word that a redirect has
    /// left in the address.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn load(
        tx: &mut Tx,
        env: &Env,
        staff: &Staff,
        here: &'static str,
        done: Option<&str>,
    ) -> Result<OfficeShell, DbError> {
        let mut tabs = Vec::new();
        for (path, label, permission) in [
            (paths::OFFICE_CLIENTS, "Clients", Permission::ReadClients),
            (paths::OFFICE_WITHDRAWALS, "Withdrawals", Permission::ReadWithdrawals),
            (paths::OFFICE_PARTNERS, "Partners", Permission::ReadPartners),
            (paths::OFFICE_FEEDBACK, "Feedback", Permission::ReadFeedback),
            (paths::OFFICE_RECOVERY, "Recovery", Permission::RecoverAccounts),
            (paths::OFFICE_SETTINGS, "Settings", Permission::ChangeSettings),
            (paths::OFFICE_STAFF, "Staff", Permission::ManageStaff),
        ] {
            if !staff.role.may(permission) {
                continue;
            }
            let (count, overdue) = match path {
                paths::OFFICE_WITHDRAWALS => {
                    let (waiting, oldest) = withdrawals::waiting(tx)?;
                    (waiting, oldest.is_some_and(|oldest| env.now > withdrawal::due_at(oldest)))
                }
                paths::OFFICE_FEEDBACK => (feedback::open_count(tx)?, false),
                paths::OFFICE_RECOVERY => (recovery::open_count(tx)?, false),
                _ => (0, false),
            };
            tabs.push(OfficeTab { path, label, count, overdue });
        }
        Ok(OfficeShell {
            programme: env.programme.name.clone(),
            here,
            tabs,
            name: staff.actor.name.clone(),
            role: staff.role.label(),
            notice: done.and_then(notice),
        })
    }
}

/// The sentence for the word that a redirect has left in the address.
fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "won" => "The deal is closed successfully.",
        "lost" => "The deal is closed unsuccessfully.",
        "reopened" => "The deal is open again.",
        "refunded" => "The refund is recorded.",
        "deal" => "The deal is added.",
        "note" => "The note is kept.",
        "paid" => "The withdrawal is marked paid.",
        "rejected" => "The withdrawal is rejected; the money is available to the partner again.",
        "approved" => "The withdrawal is approved. Somebody else can pay it now.",
        "came-back" => "The payment is marked as come back; the money is available to the partner again.",
        "batch" => "The batch is made. Hand its file to the bank or exchange, then mark it paid.",
        "batch-paid" => "Every withdrawal of the batch is marked paid.",
        "taken-off" => "The withdrawal is off the batch and in the queue again.",
        "dissolved" => "The batch is dissolved; its withdrawals are in the queue again.",
        "adjusted" => "The adjustment is booked. The partner sees it in the statement.",
        "proposed" => "The adjustment is proposed. It is booked when somebody else approves it.",
        "declined" => "The adjustment is declined; nothing is booked.",
        "suspended" => "The partner is suspended.",
        "reinstated" => "The partner earns again.",
        "rate" => "The rate is changed. Commissions already booked stay as they are.",
        "feedback" => "The message is moved.",
        "settings" => "The settings are saved.",
        "role" => "The role is changed.",
        "disabled" => "The access is taken away and every session ended.",
        "enabled" => "The access is given back.",
        _ => return None,
    })
}

#[cfg(test)]
impl OfficeShell {
    /// Around a page in the tests that render one.
    pub fn sample() -> OfficeShell {
        OfficeShell {
            programme: "Northwind Partners".into(),
            here: paths::OFFICE_CLIENTS,
            tabs: vec![OfficeTab {
                path: paths::OFFICE_WITHDRAWALS,
                label: "Withdrawals",
                count: 4,
                overdue: true,
            }],
            name: "Ada Admin".into(),
            role: "Admin",
            notice: Some("The deal is added."),
        }
    }
}
