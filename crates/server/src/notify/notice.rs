//! What people are told.

use domain::{clock::Timestamp, money::Money, notice::NoticeKind, rate::Rate};

/// What people are told, with what is told about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A partner has signed up; `confirm` is the secret that confirms the address.
    Welcome {
        /// The partner's referral code.
        code: String,
        /// The secret of the one-time address that confirms the email address.
        confirm: String,
    },
    /// The one-time address that confirms an email address.
    ConfirmEmail {
        /// The secret of the one-time address.
        secret: String,
    },
    /// To the old address: agree to a new one.
    ReleaseEmail {
        /// The secret of the one-time address.
        secret: String,
        /// The new address.
        email: String,
        /// Within how many hours both must have agreed.
        hours: i64,
    },
    /// To the new address: take it for the account.
    AdoptEmail {
        /// The secret of the one-time address.
        secret: String,
        /// The new address.
        email: String,
        /// Within how many hours both must have agreed.
        hours: i64,
    },
    /// To an address that has an account: somebody wanted it for another one.
    EmailKnown,
    /// To the old address: the account has a new one.
    EmailChanged {
        /// The new address.
        email: String,
    },
    /// The one-time address for a new password.
    Recovery {
        /// The secret of the one-time address.
        secret: String,
        /// For how many hours it can be used.
        hours: i64,
    },
    /// A member of staff is invited.
    Invitation {
        /// The secret of the one-time address.
        secret: String,
        /// For how many days it can be used.
        days: i64,
        /// The role in a word.
        role: &'static str,
    },
    /// A client has come.
    NewClient {
        /// The client number.
        client: i64,
        /// What the client is called.
        name: String,
    },
    /// A deal was closed successfully.
    DealWon {
        /// The transaction number.
        deal: i64,
        /// The client number.
        client: i64,
        /// What the client is called.
        name: String,
        /// What it came to.
        amount: Money,
        /// The rate and what was booked at it; none where nothing was.
        commission: Option<(Rate, Money)>,
        /// Why that rate, or why nothing was booked.
        why: String,
        /// When the commission becomes available, where that isn't now.
        available_at: Option<Timestamp>,
    },
    /// A deal was closed unsuccessfully.
    DealLost {
        /// The transaction number.
        deal: i64,
        /// The client number.
        client: i64,
        /// What the client is called.
        name: String,
    },
    /// A won deal was refunded or opened again.
    DealChanged {
        /// The transaction number.
        deal: i64,
        /// What the client is called.
        name: String,
        /// What the client was given back; none where the deal was opened again.
        refunded: Option<Money>,
        /// What was taken back of the commission.
        taken: Money,
        /// Why.
        reason: String,
    },
    /// The partner's percentage has risen.
    RateRaised {
        /// The percentage from now on.
        rate: Rate,
        /// What it was.
        before: Rate,
    },
    /// A withdrawal was requested.
    WithdrawalRequested {
        /// How much.
        amount: Money,
        /// What the wallet is called.
        wallet: String,
    },
    /// A withdrawal was paid.
    WithdrawalPaid {
        /// How much.
        amount: Money,
        /// What the wallet is called.
        wallet: String,
        /// The payment reference.
        reference: String,
    },
    /// A withdrawal was rejected.
    WithdrawalRejected {
        /// How much.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// A payment that was sent has come back.
    PaymentReturned {
        /// How much.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// Finance gave a bonus or corrected the balance.
    Adjusted {
        /// How much was given, or taken where it is below zero.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// A claim was ruled on.
    ClaimRuled {
        /// Whom the partner claimed.
        client_name: String,
        /// The client number, where the claim was accepted.
        accepted: Option<i64>,
        /// Why.
        reason: String,
    },
    /// A client now belongs to somebody else.
    ClientMoved {
        /// The client number.
        client: i64,
        /// What the client is called.
        name: String,
        /// To this partner, or else away from this partner.
        to_you: bool,
        /// What moved with the client.
        commission: Money,
        /// Why.
        reason: String,
    },
    /// A support request was received.
    SupportReceived {
        /// The ticket number.
        ticket: i64,
        /// What was asked; empty where nobody has confirmed that the address is the writer's, so that nobody can have
        /// this server carry words to strangers.
        message: String,
    },
    /// A support request was answered.
    SupportAnswered {
        /// The ticket number.
        ticket: i64,
        /// The answer.
        answer: String,
        /// The whole path of the page that shows the thread: with a secret for whoever has no account.
        path: String,
    },
    /// A support request was closed without a further answer.
    SupportClosed {
        /// The ticket number.
        ticket: i64,
        /// The whole path of the page that shows the thread: with a secret for whoever has no account.
        path: String,
    },
    /// Feedback was answered.
    FeedbackAnswered {
        /// What the partner wrote.
        message: String,
        /// The answer.
        answer: String,
    },
    /// Wallets were added, changed or removed.
    WalletChanged {
        /// What changed, a line each.
        what: Vec<String>,
        /// For how many hours nothing is paid to a changed wallet; none where nothing cools.
        cooling_hours: Option<i64>,
    },
    /// Somebody signed in from a device not seen before.
    NewSignIn {
        /// What the device is called.
        device: String,
        /// When.
        at: Timestamp,
    },
    /// The password, the email address or another way in was changed.
    AccountChanged {
        /// What happened, in a sentence.
        what: String,
    },
    /// Telegram can't be reached any more.
    TelegramBroken {
        /// Why, as Telegram said it.
        why: String,
    },
    /// To staff: a withdrawal waits.
    OfficeWithdrawal {
        /// Its identifier.
        id: String,
        /// Who asks.
        partner: String,
        /// How much.
        amount: Money,
        /// When finance has to have answered.
        due: Timestamp,
    },
    /// To staff: a withdrawal is due soon or overdue.
    OfficeDue {
        /// Its identifier.
        id: String,
        /// Who asks.
        partner: String,
        /// How much.
        amount: Money,
        /// When finance has to have answered.
        due: Timestamp,
        /// That moment is past.
        overdue: bool,
    },
    /// To staff: somebody wrote to support.
    OfficeSupport {
        /// The ticket number.
        ticket: i64,
        /// Who wrote.
        name: String,
        /// What was written.
        message: String,
    },
    /// To staff: a claim is overdue.
    OfficeClaim {
        /// Whom the partner claims.
        client_name: String,
        /// Who claims.
        partner: String,
        /// The path of its page.
        path: String,
    },
    /// To staff: a webhook was switched off.
    OfficeWebhook {
        /// What people call it.
        name: String,
        /// Where it is, as far as anybody may read.
        place: String,
        /// Why.
        why: String,
        /// The path of its page.
        path: String,
    },
}

impl Notice {
    /// What kind of notice it is.
    pub const fn kind(&self) -> NoticeKind {
        match self {
            Notice::Welcome { .. } => NoticeKind::Welcome,
            Notice::ConfirmEmail { .. } => NoticeKind::ConfirmEmail,
            Notice::ReleaseEmail { .. } => NoticeKind::ReleaseEmail,
            Notice::AdoptEmail { .. } => NoticeKind::AdoptEmail,
            Notice::EmailKnown => NoticeKind::EmailKnown,
            Notice::EmailChanged { .. } => NoticeKind::EmailChanged,
            Notice::Recovery { .. } => NoticeKind::Recovery,
            Notice::Invitation { .. } => NoticeKind::Invitation,
            Notice::NewClient { .. } => NoticeKind::NewClient,
            Notice::DealWon { .. } => NoticeKind::DealWon,
            Notice::DealLost { .. } => NoticeKind::DealLost,
            Notice::DealChanged { .. } => NoticeKind::DealChanged,
            Notice::RateRaised { .. } => NoticeKind::RateRaised,
            Notice::WithdrawalRequested { .. } => NoticeKind::WithdrawalRequested,
            Notice::WithdrawalPaid { .. } => NoticeKind::WithdrawalPaid,
            Notice::WithdrawalRejected { .. } => NoticeKind::WithdrawalRejected,
            Notice::PaymentReturned { .. } => NoticeKind::PaymentReturned,
            Notice::Adjusted { .. } => NoticeKind::Adjusted,
            Notice::SupportClosed { .. } => NoticeKind::SupportClosed,
            Notice::ClaimRuled { .. } => NoticeKind::ClaimRuled,
            Notice::ClientMoved { .. } => NoticeKind::ClientMoved,
            Notice::SupportReceived { .. } => NoticeKind::SupportReceived,
            Notice::SupportAnswered { .. } => NoticeKind::SupportAnswered,
            Notice::FeedbackAnswered { .. } => NoticeKind::FeedbackAnswered,
            Notice::WalletChanged { .. } => NoticeKind::WalletChanged,
            Notice::NewSignIn { .. } => NoticeKind::NewSignIn,
            Notice::AccountChanged { .. } => NoticeKind::AccountChanged,
            Notice::TelegramBroken { .. } => NoticeKind::TelegramBroken,
            Notice::OfficeWithdrawal { .. } => NoticeKind::OfficeWithdrawal,
            Notice::OfficeDue { .. } => NoticeKind::OfficeDue,
            Notice::OfficeSupport { .. } => NoticeKind::OfficeSupport,
            Notice::OfficeClaim { .. } => NoticeKind::OfficeClaim,
            Notice::OfficeWebhook { .. } => NoticeKind::OfficeWebhook,
        }
    }
}
