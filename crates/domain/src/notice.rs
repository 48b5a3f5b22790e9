//! What people are told by mail and Telegram: the kinds of notices, who decides where each comes, and how long the
//! one-time addresses in them can be used.

use crate::{
    clock::{DAY, HOUR},
    permission::Permission,
};

/// How a notice travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Email.
    Mail,
    /// A message of the programme's Telegram bot.
    Telegram,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Channel; 2] = [Channel::Mail, Channel::Telegram];

    /// The word in the database and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Telegram => "telegram",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.as_str() == word)
    }

    /// The word a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Channel::Mail => "Email",
            Channel::Telegram => "Telegram",
        }
    }
}

/// Who decides where a notice comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The partner does, for each channel.
    Free,
    /// It always comes by mail; the partner decides about Telegram.
    AlwaysMail,
    /// It comes by mail alone: it holds a one-time address, or answers what came by mail.
    MailOnly,
}

macro_rules! notices {
    ($($(#[$doc:meta])* $kind:ident $word:literal $label:literal $choice:ident,)*) => {
        /// A kind of notice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum NoticeKind { $($(#[$doc])* $kind,)* }

        impl NoticeKind {
            /// Every kind.
            pub const ALL: &[NoticeKind] = &[$(NoticeKind::$kind,)*];

            /// The word in the database and in forms.
            pub const fn as_str(self) -> &'static str {
                match self { $(NoticeKind::$kind => $word,)* }
            }

            /// The words a person reads.
            pub const fn label(self) -> &'static str {
                match self { $(NoticeKind::$kind => $label,)* }
            }

            /// Who decides where it comes.
            pub const fn choice(self) -> Choice {
                match self { $(NoticeKind::$kind => Choice::$choice,)* }
            }
        }
    };
}

notices! {
    /// A partner has signed up.
    Welcome "welcome" "Welcome" MailOnly,
    /// The one-time address that confirms an email address.
    ConfirmEmail "confirm_email" "Confirm your email address" MailOnly,
    /// To the old address: agree to a new one.
    ReleaseEmail "release_email" "Agree to a new email address" MailOnly,
    /// To the new address: take it for the account.
    AdoptEmail "adopt_email" "Use a new email address" MailOnly,
    /// To an address that has an account: somebody wanted it for another one.
    EmailKnown "email_known" "An email address that is in use" MailOnly,
    /// To the old address: the account has a new one.
    EmailChanged "email_changed" "A changed email address" MailOnly,
    /// The one-time address for a new password.
    Recovery "recovery" "New password" MailOnly,
    /// A member of staff is invited.
    Invitation "invitation" "Invitation" MailOnly,
    /// A client has come.
    NewClient "new_client" "A new client" Free,
    /// A deal was closed successfully.
    DealWon "deal_won" "A deal closed successfully" Free,
    /// A deal was closed unsuccessfully.
    DealLost "deal_lost" "A deal closed unsuccessfully" Free,
    /// A won deal was refunded or opened again, which takes commission back.
    DealChanged "deal_changed" "A refund or a deal opened again" Free,
    /// The partner's percentage has risen.
    RateRaised "rate_raised" "A higher percentage" Free,
    /// A withdrawal was requested.
    WithdrawalRequested "withdrawal_requested" "A withdrawal requested" AlwaysMail,
    /// A withdrawal was paid.
    WithdrawalPaid "withdrawal_paid" "A withdrawal paid" AlwaysMail,
    /// A withdrawal was rejected.
    WithdrawalRejected "withdrawal_rejected" "A withdrawal rejected" AlwaysMail,
    /// A payment that was sent has come back.
    PaymentReturned "payment_returned" "A payment that came back" AlwaysMail,
    /// Finance gave a bonus or corrected the balance.
    Adjusted "adjusted" "A bonus or a correction" AlwaysMail,
    /// A claim was ruled on.
    ClaimRuled "claim_ruled" "A claim decided" AlwaysMail,
    /// A client now belongs to somebody else.
    ClientMoved "client_moved" "A client assigned anew" AlwaysMail,
    /// A support request was received.
    SupportReceived "support_received" "A support request received" MailOnly,
    /// A support request was answered.
    SupportAnswered "support_answered" "A support request answered" MailOnly,
    /// A support request was closed without a further answer.
    SupportClosed "support_closed" "A support request closed" MailOnly,
    /// Feedback was answered.
    FeedbackAnswered "feedback_answered" "Feedback answered" MailOnly,
    /// A wallet was added, changed or removed.
    WalletChanged "wallet_changed" "A wallet changed" AlwaysMail,
    /// Somebody signed in from a device not seen before.
    NewSignIn "new_sign_in" "A sign-in from a new device" AlwaysMail,
    /// The password, the email address or another way in was changed.
    AccountChanged "account_changed" "A change of your account" AlwaysMail,
    /// Telegram can't be reached any more.
    TelegramBroken "telegram_broken" "Telegram switched off" MailOnly,
    /// To staff: a withdrawal waits.
    OfficeWithdrawal "office_withdrawal" "A withdrawal waits" AlwaysMail,
    /// To staff: a withdrawal is due soon or overdue.
    OfficeDue "office_due" "A withdrawal is due" AlwaysMail,
    /// To staff: somebody wrote to support.
    OfficeSupport "office_support" "A support request" AlwaysMail,
    /// To staff: a claim is overdue.
    OfficeClaim "office_claim" "A claim is overdue" AlwaysMail,
    /// To staff: a webhook was switched off because deliveries failed.
    OfficeWebhook "office_webhook" "A webhook was switched off" AlwaysMail,
}

impl NoticeKind {
    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<NoticeKind> {
        NoticeKind::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// Whether it is for people of the office, not for partners.
    pub const fn is_for_staff(self) -> bool {
        use NoticeKind::*;
        matches!(
            self,
            Invitation | OfficeWithdrawal | OfficeDue | OfficeSupport | OfficeClaim | OfficeWebhook
        )
    }

    /// What its text tells can be read in the office only with this permission, so that messages on their way are no way
    /// around it; none where whoever reads the outbox may read it.
    pub const fn needs(self) -> Option<Permission> {
        use NoticeKind::*;
        match self {
            NewClient | DealWon | DealLost | DealChanged | ClientMoved => Some(Permission::ReadClients),
            WithdrawalRequested | WithdrawalPaid | WithdrawalRejected | PaymentReturned | Adjusted
            | WalletChanged | OfficeWithdrawal | OfficeDue => Some(Permission::ReadWithdrawals),
            ClaimRuled | OfficeClaim => Some(Permission::RuleOnClaims),
            SupportReceived | SupportAnswered | SupportClosed | OfficeSupport => {
                Some(Permission::AnswerSupport)
            }
            FeedbackAnswered => Some(Permission::ReadFeedback),
            OfficeWebhook => Some(Permission::ManageWebhooks),
            // Secrets in these have a rule of their own.
            Welcome | ConfirmEmail | ReleaseEmail | AdoptEmail | EmailKnown | EmailChanged | Recovery
            | Invitation => None,
            RateRaised | NewSignIn | AccountChanged | TelegramBroken => None,
        }
    }

    /// Whether it goes to the account's address, whatever that is by the time it is sent. The others are meant for one
    /// mailbox: that of a change of the address, or the one that a support request has named.
    pub const fn follows_account(self) -> bool {
        use NoticeKind::*;
        !matches!(
            self,
            ReleaseEmail | AdoptEmail | EmailChanged | SupportReceived | SupportAnswered | SupportClosed
        )
    }

    /// For how long the one-time address in it can be used, in microseconds; none where it has none, or where it says
    /// enough without.
    pub const fn lasts(self) -> Option<i64> {
        match self {
            NoticeKind::Recovery => Some(HOUR),
            NoticeKind::ReleaseEmail | NoticeKind::AdoptEmail => Some(24 * HOUR),
            NoticeKind::ConfirmEmail | NoticeKind::Welcome | NoticeKind::Invitation => Some(7 * DAY),
            _ => None,
        }
    }

    /// Whether it comes by a channel, given what the person decided otherwise than the standard. The standard is
    /// every channel that the person has.
    pub fn comes_by(self, channel: Channel, choices: &[(NoticeKind, Channel, bool)]) -> bool {
        let chosen = || choices.iter().find(|(kind, by, _)| (*kind, *by) == (self, channel));
        match (self.choice(), channel) {
            (Choice::MailOnly, _) => channel == Channel::Mail,
            (Choice::AlwaysMail, Channel::Mail) => true,
            _ => chosen().is_none_or(|(_, _, wanted)| *wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back_and_stand_once() {
        for kind in NoticeKind::ALL {
            assert_eq!(NoticeKind::from_word(kind.as_str()), Some(*kind));
        }
        for channel in Channel::ALL {
            assert_eq!(Channel::from_word(channel.as_str()), Some(channel));
        }
        assert_eq!(NoticeKind::from_word("gossip"), None);
    }

    #[test]
    fn the_words_of_the_office_are_for_the_office() {
        for kind in NoticeKind::ALL.iter().filter(|kind| kind.as_str().starts_with("office_")) {
            assert!(kind.is_for_staff(), "{kind:?}");
        }
        assert!(!NoticeKind::WithdrawalPaid.is_for_staff());
    }

    #[test]
    fn what_tells_of_money_and_clients_is_not_for_everybody_who_reads_the_outbox() {
        use {crate::permission::Role, NoticeKind::*};
        let may = |role: Role, kind: NoticeKind| kind.needs().is_none_or(|needed| role.may(needed));
        for kind in NoticeKind::ALL {
            assert!(may(Role::Admin, *kind), "{kind:?}");
        }
        for kind in [NewClient, DealWon, ClientMoved, WithdrawalPaid, WalletChanged, OfficeDue, ClaimRuled] {
            assert!(!may(Role::Support, kind), "{kind:?}");
        }
        for kind in [Recovery, SupportAnswered, OfficeSupport, FeedbackAnswered, AccountChanged] {
            assert!(may(Role::Support, kind), "{kind:?}");
        }
    }

    #[test]
    fn people_choose_what_is_theirs_to_choose() {
        let off = |kind, channel| [(kind, channel, false)];
        use {Channel::*, NoticeKind::*};
        assert!(NewClient.comes_by(Mail, &[]) && NewClient.comes_by(Telegram, &[]));
        assert!(!NewClient.comes_by(Mail, &off(NewClient, Mail)));
        assert!(NewClient.comes_by(Mail, &off(NewClient, Telegram)));
        assert!(WalletChanged.comes_by(Mail, &off(WalletChanged, Mail)));
        assert!(!WalletChanged.comes_by(Telegram, &off(WalletChanged, Telegram)));
        assert!(Recovery.comes_by(Mail, &off(Recovery, Mail)) && !Recovery.comes_by(Telegram, &[]));
    }
}
