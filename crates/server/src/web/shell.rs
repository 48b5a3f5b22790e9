//! What surrounds a page: name, navigation, notices.

use domain::{claim, notice::Channel, permission::Permission, support::due_at, withdrawal};
use store::{
    DbError, Tx, claims, crm, feedback,
    outbox::{self, Status},
    recovery, support, verification, withdrawals,
};

use super::{
    fields::Fields,
    paths,
    visitor::{Partner, Staff},
};
use crate::{app::Env, ops};

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

/// The portal's navigation, before Logout.
pub const PORTAL_NAV: [(&str, &str); 7] = [
    (paths::LINK, "QR & Link"),
    (paths::STATISTICS, "Statistics"),
    (paths::WALLETS, "Wallets"),
    (paths::CLAIMS, "Claims"),
    (paths::SUPPORT, "Support"),
    (paths::GUIDE, "Guide"),
    (paths::ACCOUNT, "Account"),
];

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
            "alias" => Some("The word is yours. It leads to the same place as your link, and always will."),
            "wallets" => Some("Your wallets are saved."),
            "notices" => Some("Your choice of notices is saved."),
            "telegram-off" => Some("Telegram is disconnected. What came there comes by email from now on."),
            "support" => Some("We have your request and answer by email."),
            "replied" => Some("Your message is sent. We answer by email."),
            "ticket-closed" => Some("Your request is closed. Thank you."),
            "claim" => Some("Your claim is filed. You see the ruling here, and we tell you."),
            "claim_withdrawn" => Some("The claim is withdrawn."),
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

    /// How the navigation marks an entry: as this page, or as the one that this page belongs to.
    pub fn current(&self, path: &str) -> Option<&'static str> {
        let rest = self.here.strip_prefix(path)?;
        if rest.is_empty() { Some("page") } else { rest.starts_with('/').then_some("true") }
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
    /// Mail is not set up: what that means so far.
    pub unsent: Option<Unsent>,
    /// What the last verification found, for those who can look into it.
    pub alarm: Option<Alarm>,
}

/// What waits because mail is not set up.
#[derive(Debug, Clone)]
pub struct Unsent {
    /// How many messages, up to [`outbox::COUNTED`].
    pub waiting: i64,
    /// The person may open the outbox.
    pub may_read: bool,
}

impl Unsent {
    fn load(tx: &mut Tx, staff: &Staff) -> Result<Unsent, DbError> {
        let waiting = outbox::undelivered(tx, Channel::Mail, Status::Waiting)?;
        Ok(Unsent { waiting, may_read: staff.role.may(Permission::ReadOutbox) })
    }

    /// How many messages wait, in words.
    pub fn sentence(&self) -> String {
        match self.waiting {
            0 => "Messages will wait in the outbox until it is.".into(),
            1 => "1 message waits in the outbox.".into(),
            outbox::COUNTED => format!("{} messages or more wait in the outbox.", outbox::COUNTED),
            waiting => format!("{waiting} messages wait in the outbox."),
        }
    }
}

/// The last verification of the ledger and the audit has found something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// When it was.
    pub at: String,
    /// How much was found.
    pub findings: i64,
    /// The first finding.
    pub first: String,
}

impl Alarm {
    fn load(tx: &mut Tx) -> Result<Option<Alarm>, DbError> {
        let last = verification::last(tx)?.filter(|last| last.findings > 0);
        Ok(last.map(|last| Alarm {
            at: format!("{} UTC", last.at.date_time()),
            findings: last.findings,
            first: last.detail.lines().next().unwrap_or_default().to_owned(),
        }))
    }
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
        let unsent = if env.reach.mail { None } else { Some(Unsent::load(tx, staff)?) };
        let mut tabs = Vec::new();
        for (path, label, permission) in [
            (paths::OFFICE_CLIENTS, "Clients", Permission::ReadClients),
            (paths::OFFICE_CLAIMS, "Claims", Permission::RuleOnClaims),
            (paths::OFFICE_WITHDRAWALS, "Withdrawals", Permission::ReadWithdrawals),
            (paths::OFFICE_CRM, "CRM", Permission::ReadCrm),
            (paths::OFFICE_PARTNERS, "Partners", Permission::ReadPartners),
            (paths::OFFICE_SUPPORT, "Support", Permission::AnswerSupport),
            (paths::OFFICE_FEEDBACK, "Feedback", Permission::ReadFeedback),
            (paths::OFFICE_RECOVERY, "Recovery", Permission::RecoverAccounts),
            (paths::OFFICE_OUTBOX, "Outbox", Permission::ReadOutbox),
            (paths::OFFICE_AUDIT, "Audit", Permission::ReadAudit),
            (paths::OFFICE_SETTINGS, "Settings", Permission::ChangeSettings),
            (paths::OFFICE_STAFF, "Staff", Permission::ManageStaff),
            (paths::OFFICE_TOKENS, "Tokens", Permission::ManageTokens),
            (paths::OFFICE_WEBHOOKS, "Webhooks", Permission::ManageWebhooks),
            (paths::ACCOUNT, "Account", Permission::Office),
        ] {
            if !staff.role.may(permission) {
                continue;
            }
            let (count, overdue) = match path {
                paths::OFFICE_WITHDRAWALS => {
                    let (waiting, oldest) = withdrawals::waiting(tx)?;
                    (waiting, oldest.is_some_and(|oldest| env.now > withdrawal::due_at(oldest)))
                }
                paths::OFFICE_SUPPORT => {
                    let (waiting, oldest) = support::waiting(tx)?;
                    (waiting, oldest.is_some_and(|oldest| env.now > due_at(oldest)))
                }
                paths::OFFICE_CLAIMS => {
                    let (open, first) = claims::waiting(tx)?;
                    (open, first.is_some_and(|due| claim::is_overdue(due, env.now)))
                }
                paths::OFFICE_CRM => (crm::waiting(tx, None, outbox::COUNTED)?, false),
                paths::OFFICE_FEEDBACK => (feedback::open_count(tx)?, false),
                paths::OFFICE_RECOVERY => {
                    let (waiting, oldest) = recovery::waiting(tx)?;
                    (waiting, oldest.is_some_and(|oldest| env.now > ops::recovery::due_at(oldest)))
                }
                paths::OFFICE_OUTBOX => {
                    let mut count = unsent.as_ref().map_or(0, |unsent| unsent.waiting);
                    for channel in Channel::ALL {
                        count += outbox::undelivered(tx, channel, Status::Parked)?;
                    }
                    (count, false)
                }
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
            unsent,
            alarm: if staff.role.may(Permission::ReadAudit) { Alarm::load(tx)? } else { None },
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
        "assigned" => "The client is assigned. Both partners are told.",
        "assigned-first" => "The client is assigned. The partner is told.",
        "taken" => "The client belongs to nobody now. The partner is told.",
        "accepted" => "The claim is accepted and the client assigned. Both partners are told.",
        "accepted-first" => {
            "The claim is accepted and the client, who was nobody's, assigned. The partner is told."
        }
        "accepted-same" => {
            "The claim is accepted. The client was this partner's already, so nothing has moved. The partner is told."
        }
        "declined" => "The claim is answered. The partner is told.",
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
        "adjustment_declined" => "The adjustment is declined; nothing is booked.",
        "suspended" => "The partner is suspended.",
        "erased" => "The personal data is erased. Figures, numbers and days stay.",
        "reinstated" => "The partner earns again.",
        "rate" => "The rate is changed. Commissions already booked stay as they are.",
        "feedback" => "The message is moved.",
        "again" => "The message waits to be sent again.",
        "dropped" => "The message is not sent.",
        "recovery_sent" => {
            "The mail with a new one-time address is on its way. Earlier addresses have ended."
        }
        "recovery_closed" => "The request is closed.",
        "feedback-answered" => "The answer is on its way by mail.",
        "answered" => "The answer is on its way by mail and kept here.",
        "ticket-closed" => "The request is closed.",
        "ticket-reopened" => "The request is open again.",
        "settings" => "The settings are saved.",
        "role" => "The role is changed.",
        "disabled" => "The access is taken away and every session ended.",
        "crm-mapping" => "The mapping is saved. What waits can be applied once more.",
        "crm-closed" => "The address is closed. What is sent there from now on is refused.",
        "crm-again" => "Everything that waited was tried once more.",
        "crm-applied" => "It was tried once more.",
        "reconcile-discarded" => "The list is thrown away.",
        "reconcile-compared" => "The list is compared.",
        "reconcile-mended" => "It is mended.",
        "reconcile-linked" => "Every deal that the list names by our transaction number is linked.",
        "reconcile-left" => "It is left as it is.",
        "crm-ignored" => "It is set aside.",
        "token-revoked" => "The token is revoked. Whoever still uses it is refused.",
        "hook-saved" => "The webhook is saved.",
        "hook-request" => "Saved. Every new client is posted there from now on.",
        "hook-on" => "The webhook is switched on.",
        "hook-off" => "The webhook is switched off. Nothing is sent there.",
        "hook-removed" => "The webhook is removed.",
        "hook-tested" => "The test is on its way. Load this page again to see what became of it.",
        "hook-again" => "The delivery is on its way again. Load this page again to see what became of it.",
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
            unsent: Some(Unsent { waiting: 12, may_read: true }),
            alarm: None,
        }
    }
}
