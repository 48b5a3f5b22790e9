//! The words of every notice.

use domain::{
    money::Money,
    notice::{Choice, NoticeKind},
    support::REPLY_DAYS,
};

use super::{Letter, Notice};
use crate::{app::Env, web::paths};

/// What a notice says, before it has the form of a letter.
struct Words {
    subject: String,
    paragraphs: Vec<String>,
    facts: Vec<(String, String)>,
    quote: Option<String>,
    link: Option<(&'static str, String)>,
}

fn say(
    subject: String,
    paragraphs: Vec<String>,
    facts: Vec<(String, String)>,
    quote: Option<String>,
    link: Option<(&'static str, String)>,
) -> Words {
    Words { subject, paragraphs, facts, quote, link }
}

impl Notice {
    /// The words, for a person of this name.
    pub fn letter(&self, env: &Env, name: &str) -> Letter {
        let money = |amount: Money| env.programme.currency.format_with_symbol(amount);
        let to = |path: &str| format!("{}{path}", env.public_url);
        let programme = &env.programme.name;
        let fact = |label: &str, value: String| (label.to_owned(), value);
        let words = match self {
            Notice::Welcome { code, confirm } => say(
                format!("Welcome to {programme}"),
                vec![
                    "Your link is ready. Whoever follows it and leaves a contact is your client.".into(),
                    "Please confirm that this address is yours, so that we can always reach you.".into(),
                ],
                vec![fact("Your link", to(&paths::referral(code)))],
                None,
                Some(("Confirm this address", to(&paths::confirm_email(confirm)))),
            ),
            Notice::ConfirmEmail { secret } => say(
                "Please confirm your email address".into(),
                vec!["Open this address once to confirm that this mailbox is yours.".into()],
                vec![],
                None,
                Some(("Confirm this address", to(&paths::confirm_email(secret)))),
            ),
            Notice::ReleaseEmail { secret, email, hours } => say(
                "A new email address for your account".into(),
                vec![
                    format!(
                        "Somebody, probably you, wants your account at {programme} to have another email address. It \
                         changes once this address and the new one have both agreed, within {}.",
                        plural(*hours, "hour")
                    ),
                    "If it wasn't you, open the link and keep this address. Then change your password: whoever asked \
                     for this knows it."
                        .into(),
                ],
                vec![fact("New address", email.clone())],
                None,
                Some(("Agree or keep this address", to(&paths::change_email(secret)))),
            ),
            Notice::AdoptEmail { secret, email, hours } => say(
                "Use this email address for your account".into(),
                vec![
                    format!(
                        "Somebody, probably you, wants to use this address for an account at {programme}. It changes \
                         once this address and the old one have both agreed, within {}.",
                        plural(*hours, "hour")
                    ),
                    "If it wasn't you, do nothing.".into(),
                ],
                vec![fact("Address", email.clone())],
                None,
                Some(("Use this address", to(&paths::change_email(secret)))),
            ),
            Notice::EmailKnown => say(
                "This address already has an account".into(),
                vec![
                    format!(
                        "Somebody, perhaps you, wanted to use this address for another account at {programme}. It has \
                         an account of its own, so nothing changes."
                    ),
                    "If it was you: sign in with this address, or give the other account another one.".into(),
                ],
                vec![],
                None,
                Some(("Sign in", to(paths::SIGN_IN))),
            ),
            Notice::EmailChanged { email } => {
                let support = &env.programme.support_email;
                let contact = if support.is_empty() { String::new() } else { format!(" ({support})") };
                say(
                    "Your account has a new email address".into(),
                    vec![
                        "Both addresses have agreed. Every device was signed out; from now on you sign in with the new \
                         address, and we write to it."
                            .into(),
                        format!("If this wasn't you, write to support{contact} at once."),
                    ],
                    vec![fact("New address", email.clone())],
                    None,
                    Some(("Write to support", to(paths::SUPPORT))),
                )
            }
            Notice::Recovery { secret, hours } => say(
                "Choose a new password".into(),
                vec![
                    format!(
                        "Somebody, probably you, asked for a new password at {programme}. This address can be used \
                         once, for {}.",
                        plural(*hours, "hour")
                    ),
                    "When you choose a new password, every other device is signed out. If it wasn't you, do nothing: \
                     your password stays as it is."
                        .into(),
                ],
                vec![],
                None,
                Some(("Choose a new password", to(&paths::reset(secret)))),
            ),
            Notice::Invitation { secret, days, role } => say(
                format!("You are invited to the office of {programme}"),
                vec![format!(
                    "You can work there as {role}. Open this address once to choose a password; it can be used for {}.",
                    plural(*days, "day")
                )],
                vec![],
                None,
                Some(("Accept the invitation", to(&paths::invitation(secret)))),
            ),
            Notice::NewClient { client, name } => say(
                format!("A new client: {name}"),
                vec!["They came through you. You see here when sales closes the deal.".into()],
                vec![fact("Client", format!("C-{client} {name}"))],
                None,
                Some(("Open Statistics", to(paths::STATISTICS))),
            ),
            Notice::DealWon { deal, client, name, amount, commission, why, available_at } => {
                let mut facts = vec![
                    fact("Client", format!("C-{client} {name}")),
                    fact("Transaction", format!("T-{deal}")),
                    fact("Amount", money(*amount)),
                ];
                if let Some((rate, earned)) = commission {
                    facts.push(fact("Your percentage", rate.to_string()));
                    facts.push(fact("You earn", money(*earned)));
                }
                if let Some(at) = available_at {
                    facts.push(fact("Available from", at.date()));
                }
                let subject = match commission {
                    Some((_, earned)) => format!("You earned {} with {name}", money(*earned)),
                    None => format!("The deal with {name} closed successfully"),
                };
                say(
                    subject,
                    vec![format!("The deal with {name} closed successfully."), why.clone()],
                    facts,
                    None,
                    Some(("See the entries", to(&paths::statement_of_deal(*deal)))),
                )
            }
            Notice::DealLost { deal, client, name } => say(
                format!("The deal with {name} closed unsuccessfully"),
                vec!["Nothing was earned or taken. Should the deal open again, we tell you.".into()],
                vec![fact("Client", format!("C-{client} {name}")), fact("Transaction", format!("T-{deal}"))],
                None,
                Some(("Open Statistics", to(paths::STATISTICS))),
            ),
            Notice::DealChanged { deal, name, refunded, taken, reason } => {
                let mut facts = vec![fact("Transaction", format!("T-{deal}"))];
                facts.extend(refunded.map(|refunded| fact("Given back to the client", money(refunded))));
                if taken.is_positive() {
                    facts.push(fact("Commission taken back", money(*taken)));
                }
                let (subject, what) = match refunded {
                    Some(_) => (
                        format!("{name} was given money back"),
                        "A part of the deal, or all of it, was refunded, and the same part of your commission is taken \
                         back. The reason:",
                    ),
                    None if taken.is_positive() => (
                        format!("The deal with {name} is open again"),
                        "The deal was opened again. Its commission is taken back until it closes. The reason:",
                    ),
                    None => (
                        format!("The deal with {name} is open again"),
                        "The deal was opened again: it may still close successfully. The reason:",
                    ),
                };
                let entries = ("See the entries", to(&paths::statement_of_deal(*deal)));
                say(subject, vec![what.into()], facts, Some(reason.clone()), Some(entries))
            }
            Notice::RateRaised { rate, before } => say(
                format!("You now earn {rate}"),
                vec![format!(
                    "Your closed deals have reached the next tier: from now on each new deal earns {rate} instead of \
                     {before}."
                )],
                vec![],
                None,
                Some(("Open Statistics", to(paths::STATISTICS))),
            ),
            Notice::WithdrawalRequested { amount, wallet } => say(
                format!("You requested {}", money(*amount)),
                vec![
                    "Finance answers within 48 hours. The amount is reserved until then.".into(),
                    "If this wasn't you, change your password now and write to support.".into(),
                ],
                vec![fact("Amount", money(*amount)), fact("To", wallet.clone())],
                None,
                Some(("See your withdrawals", to(paths::STATISTICS))),
            ),
            Notice::WithdrawalPaid { amount, wallet, reference } => say(
                format!("{} was paid to you", money(*amount)),
                vec!["Your withdrawal is paid.".into()],
                vec![
                    fact("Amount", money(*amount)),
                    fact("To", wallet.clone()),
                    fact("Payment reference", reference.clone()),
                ],
                None,
                Some(("See your withdrawals", to(paths::STATISTICS))),
            ),
            Notice::WithdrawalRejected { amount, reason } => say(
                format!("Your withdrawal of {} was not paid", money(*amount)),
                vec!["Finance rejected the request. The amount is available to you again. The reason:".into()],
                vec![],
                Some(reason.clone()),
                Some(("See your withdrawals", to(paths::STATISTICS))),
            ),
            Notice::PaymentReturned { amount, reason } => say(
                format!("A payment of {} came back", money(*amount)),
                vec![
                    "The payment did not arrive. The amount is available to you again; please look at your wallet \
                     before you request it anew."
                        .into(),
                ],
                vec![],
                Some(reason.clone()),
                Some(("Open Wallets", to(paths::WALLETS))),
            ),
            Notice::Adjusted { amount, reason } => say(
                match amount.is_positive() {
                    true => format!("You were given {}", money(*amount)),
                    false => format!("{} was taken from your balance", money(-*amount)),
                },
                vec!["Finance has booked this outside of your deals and withdrawals. The reason:".into()],
                vec![],
                Some(reason.clone()),
                Some(("See your entries", to(paths::STATEMENT))),
            ),
            Notice::ClaimRuled { client_name, accepted, reason } => say(
                match accepted {
                    Some(_) => format!("Your claim is accepted: {client_name} is your client"),
                    None => format!("Your claim to {client_name} is not accepted"),
                },
                vec!["We have looked at your claim. The reason:".into()],
                accepted.map(|client| fact("Client", format!("C-{client}"))).into_iter().collect(),
                Some(reason.clone()),
                Some(("See your claims", to(paths::CLAIMS))),
            ),
            Notice::ClientMoved { client, name, to_you, commission, reason } => {
                let mut facts = vec![fact("Client", format!("C-{client} {name}"))];
                if !commission.is_zero() {
                    let label = if *to_you { "Commission you receive" } else { "Commission taken back" };
                    facts.push(fact(label, money(*commission)));
                }
                say(
                    if *to_you {
                        format!("{name} is now your client")
                    } else {
                        format!("{name} is no longer your client")
                    },
                    vec![if *to_you {
                        "We have assigned this client to you. The reason:".into()
                    } else {
                        "We have looked into who referred this client, and decided anew. The reason:".into()
                    }],
                    facts,
                    Some(reason.clone()),
                    Some(("Open Statistics", to(paths::STATISTICS))),
                )
            }
            Notice::SupportReceived { ticket, message } => say(
                format!("We have your request S-{ticket}"),
                if message.is_empty() {
                    vec![
                        "We answer by email to this address, with a link to the whole conversation.".into(),
                        "If you didn't write to us, somebody has mistyped an address: there is nothing you have to do."
                            .into(),
                    ]
                } else {
                    vec!["We answer by email. This is what you wrote:".into()]
                },
                vec![],
                Some(message.clone()).filter(|message| !message.is_empty()),
                None,
            ),
            Notice::SupportAnswered { ticket, answer, path } => say(
                format!("Answer to your request S-{ticket}"),
                vec!["We have answered your request. To reply, open the conversation.".into()],
                vec![],
                Some(answer.clone()),
                Some(("Read and reply", to(path))),
            ),
            Notice::SupportClosed { ticket, path } => say(
                format!("Your request S-{ticket} is closed"),
                vec![format!(
                    "We take it as done. If it isn't, reply within {}: that opens it again.",
                    plural(REPLY_DAYS, "day")
                )],
                vec![],
                None,
                Some(("Read and reply", to(path))),
            ),
            Notice::FeedbackAnswered { message, answer } => say(
                "An answer to your feedback".into(),
                vec![answer.clone(), "You wrote:".into()],
                vec![],
                Some(message.clone()),
                None,
            ),
            Notice::WalletChanged { what, cooling_hours } => {
                let mut paragraphs = what.clone();
                if let Some(hours) = cooling_hours {
                    paragraphs.push(format!(
                        "For your safety nothing is paid to it for {}.",
                        plural(*hours, "hour")
                    ));
                }
                paragraphs.push("If this wasn't you, change your password now and write to support.".into());
                say(
                    "Your wallets were changed".into(),
                    paragraphs,
                    vec![],
                    None,
                    Some(("Open Wallets", to(paths::WALLETS))),
                )
            }
            Notice::NewSignIn { device, at } => say(
                "A sign-in from a new device".into(),
                vec![
                    "Somebody signed in to your account from a device that we hadn't seen before.".into(),
                    "If this wasn't you, change your password now: that signs every other device out.".into(),
                ],
                vec![fact("Device", device.clone()), fact("When", format!("{} UTC", at.date_time()))],
                None,
                Some(("Open Account", to(paths::ACCOUNT))),
            ),
            Notice::AccountChanged { what } => say(
                "Your account was changed".into(),
                vec![what.clone(), "If this wasn't you, ask for a new password now and write to support.".into()],
                vec![],
                None,
                Some(("Open Account", to(paths::ACCOUNT))),
            ),
            Notice::TelegramBroken { why } => say(
                "Telegram is switched off for you".into(),
                vec![
                    format!("Our bot can't write to you any more: {why}. From now on we tell you by email."),
                    "You can connect Telegram again whenever you like.".into(),
                ],
                vec![],
                None,
                Some(("Choose your notices", to(paths::ACCOUNT_NOTICES))),
            ),
            Notice::OfficeWithdrawal { id, partner, amount, due } => say(
                format!("{partner} requests {}", money(*amount)),
                vec!["A withdrawal waits for finance.".into()],
                vec![fact("Due", format!("{} UTC", due.date_time()))],
                None,
                Some(("Open the withdrawal", to(&paths::office_withdrawal(id)))),
            ),
            Notice::OfficeDue { id, partner, amount, due, overdue } => say(
                if *overdue {
                    format!("Overdue: {partner} waits for {}", money(*amount))
                } else {
                    format!("Due soon: {partner} waits for {}", money(*amount))
                },
                vec![if *overdue {
                    "The 48 hours that partners are promised are over.".into()
                } else {
                    "Partners are promised an answer within 48 hours.".into()
                }],
                vec![fact("Due", format!("{} UTC", due.date_time()))],
                None,
                Some(("Open the withdrawal", to(&paths::office_withdrawal(id)))),
            ),
            Notice::OfficeSupport { ticket, name, message } => say(
                format!("S-{ticket}: {name} wrote to support"),
                vec!["People are promised an answer within the hour.".into()],
                vec![],
                Some(message.clone()),
                Some(("Open the request", to(&paths::office_ticket(*ticket)))),
            ),
            Notice::OfficeClaim { client_name, partner, path } => say(
                format!("Overdue: {partner}'s claim to {client_name}"),
                vec!["The time in which claims are ruled on is over.".into()],
                vec![],
                None,
                Some(("Open the claim", to(path))),
            ),
            Notice::OfficeWebhook { name, place, why, path } => say(
                format!("The webhook {name} was switched off"),
                vec![
                    "Nothing more is sent there until somebody switches it on again.".into(),
                    why.clone(),
                    "What is kept on its page can be sent again.".into(),
                ],
                vec![fact("Address", place.clone())],
                None,
                Some(("Open the webhook", to(path))),
            ),
        };
        let secret = matches!(
            self,
            Notice::Welcome { .. }
                | Notice::ConfirmEmail { .. }
                | Notice::ReleaseEmail { .. }
                | Notice::AdoptEmail { .. }
                | Notice::Recovery { .. }
                | Notice::Invitation { .. }
        ) || matches!(self, Notice::SupportAnswered { ticket, path, .. } if *path != paths::support_ticket(*ticket));
        Letter {
            subject: words.subject,
            name: name.to_owned(),
            paragraphs: words.paragraphs,
            facts: words.facts,
            quote: words.quote,
            link: words.link.map(|(label, address)| (label.to_owned(), address)),
            footer: self.footer(programme),
            choices: (self.kind().choice() == Choice::Free).then(|| to(paths::ACCOUNT_NOTICES)),
            programme: programme.clone(),
            secret,
        }
    }

    /// Why it came.
    fn footer(&self, programme: &str) -> String {
        match self.kind().choice() {
            Choice::Free => format!("You get this as a partner of {programme}."),
            _ if self.kind() == NoticeKind::Invitation => {
                format!("You get this because an admin of {programme} has invited you.")
            }
            _ if self.kind().is_for_staff() => {
                format!("You get this because you work in the office of {programme}.")
            }
            _ => format!("You get this because of your account or request at {programme}."),
        }
    }
}

fn plural(count: i64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}
