//! The audit in words: what an act is called, what kind of thing it was done to, and where that is shown.

use domain::permission::Role;

use super::parts::Link;
use crate::web::paths;

/// The kinds of things that acts are done to: the word in the database, and what people choose from.
pub const SUBJECTS: &[(&str, &str)] = &[
    ("client", "Client"),
    ("deal", "Deal"),
    ("withdrawal", "Withdrawal"),
    ("batch", "Batch of withdrawals"),
    ("partner", "Partner"),
    ("claim", "Claim"),
    ("feedback", "Feedback"),
    ("support", "Support request"),
    ("message", "Message"),
    ("staff", "Staff"),
    ("token", "Token"),
    ("crm", "CRM"),
    ("reconciliation", "Comparison"),
    ("webhook", "Webhook"),
    ("settings", "Settings"),
    ("import", "Import"),
    ("export", "Export"),
];

/// What an act is called in a sentence without its subject. An unknown word (of a newer version) is shown as it is.
pub fn sentence(act: &str) -> &str {
    match act {
        "client.entered" => "Entered a client",
        "client.attributed" => "Decided whose client it is",
        "client.erased" => "Erased a client's personal data",
        "partner.erased" => "Erased a partner's personal data",
        "partner.erasure_asked" => "Asked for erasure",
        "partner.erasure_taken_back" => "Took the wish for erasure back",
        "client.noted" => "Wrote a note",
        "deal.opened" => "Added a deal",
        "deal.won" => "Closed a deal successfully",
        "deal.lost" => "Closed a deal unsuccessfully",
        "deal.reopened" => "Opened a deal again",
        "deal.refunded" => "Recorded a refund",
        "withdrawal.approved" => "Approved a withdrawal",
        "withdrawal.paid" => "Marked a withdrawal as paid",
        "withdrawal.rejected" => "Rejected a withdrawal",
        "withdrawal.came_back" => "Recorded that a payment came back",
        "batch.made" => "Made a batch",
        "batch.exported" => "Downloaded a payment file",
        "batch.line_taken_off" => "Took a withdrawal off a batch",
        "batch.dissolved" => "Dissolved a batch",
        "batch.paid" => "Marked a batch as paid",
        "adjustment.proposed" => "Proposed an adjustment",
        "adjustment.booked" => "Booked an adjustment",
        "adjustment.declined" => "Declined an adjustment",
        "wallet.changed" => "Changed wallets",
        "partner.signed_up" => "Signed up",
        "crm.made" => "Made an address for a CRM",
        "crm.mapping_changed" => "Changed how a CRM is read",
        "crm.closed" => "Closed an address of a CRM",
        "crm.tried_again" => "Had news of the CRM tried once more",
        "crm.ignored" => "Set news of the CRM aside",
        "reconciliation.given" => "Gave a list of the CRM",
        "reconciliation.compared" => "Compared a list of the CRM",
        "reconciliation.discarded" => "Threw a list of the CRM away",
        "reconciliation.mended" => "Mended a difference to the CRM",
        "reconciliation.left" => "Left a difference to the CRM",
        "partner.alias_chosen" => "Chose a word for the link",
        "partner.added" => "Added a partner",
        "partner.suspended" => "Suspended a partner",
        "partner.reinstated" => "Reinstated a partner",
        "partner.rate_agreed" => "Agreed on a rate",
        "claim.accepted" => "Accepted a claim",
        "claim.rejected" => "Rejected a claim",
        "feedback.done" => "Marked feedback as done",
        "feedback.reopened" => "Opened feedback again",
        "feedback.answered" => "Answered feedback",
        "support.answered" => "Answered a support request",
        "support.closed" => "Closed a support request",
        "support.reopened" => "Opened a support request again",
        "support.noted" => "Wrote a note on a support request",
        "recovery.asked" => "Asked for a new password",
        "recovery.sent" => "Mailed a link for a new password",
        "recovery.issued" => "Made a link for a new password",
        "recovery.closed" => "Closed a request for a new password",
        "password.reset" => "Chose a new password by a one-time link",
        "message.sent_again" => "Had a message sent again",
        "export.taken" => "Downloaded a table",
        "import.done" => "Imported from another system",
        "message.dropped" => "Gave a message up",
        "settings.changed" => "Changed the settings",
        "staff.added" => "Added a member of staff",
        "staff.invited" => "Invited a member of staff",
        "staff.invited_again" => "Made a new invitation",
        "staff.joined" => "Accepted an invitation",
        "staff.first_admin" => "Became the first admin",
        "staff.role_changed" => "Changed a role",
        "staff.disabled" => "Took access away",
        "staff.enabled" => "Gave access back",
        "token.made" => "Made a token",
        "token.revoked" => "Revoked a token",
        "webhook.added" => "Added a webhook",
        "webhook.changed" => "Changed a webhook",
        "webhook.switched_on" => "Switched a webhook on",
        "webhook.switched_off" => "Switched a webhook off",
        "webhook.removed" => "Removed a webhook",
        "webhook.secret_made" => "Made a new secret for a webhook",
        "webhook.tested" => "Sent a test to a webhook",
        "webhook.sent_again" => "Had a delivery sent again",
        "client.external_set" => "Kept what another system calls a client",
        "deal.external_set" => "Kept what another system calls a deal",
        "profile.changed" => "Changed a profile",
        "password.changed" => "Changed the password",
        "email.confirmed" => "Confirmed an email address",
        "email.change_requested" => "Asked for another email address",
        "email.change_cancelled" => "Kept the email address",
        "email.changed" => "Changed the email address",
        "session.opened" => "Signed in",
        "session.ended" => "Signed a device out",
        "sessions.ended" => "Signed every other device out",
        "sign_in.failed" => "Failed to sign in, again and again",
        "telegram.connected" => "Connected Telegram",
        "telegram.disconnected" => "Disconnected Telegram",
        "telegram.closed" => "Closed the chat with the bot",
        other => other,
    }
}

/// The word of a role, for people.
pub fn role(word: &str) -> &str {
    match word {
        "partner" => "Partner",
        "guest" => "Guest",
        "token" => "Token",
        "server" => "",
        staff => Role::from_word(staff).map_or(staff, |role| role.label()),
    }
}

/// What was acted on, and where it is shown. `name` is what the account of that identifier is called, if there is one.
pub fn subject(kind: &str, id: &str, name: Option<&str>) -> Link {
    let named = |word: &str| name.map_or_else(|| format!("{word} {id}"), str::to_owned);
    let (href, text) = match kind {
        "client" => (format!("{}/{id}", paths::OFFICE_CLIENTS), format!("C-{id}")),
        "deal" => (format!("{}/{id}", paths::OFFICE_DEALS), format!("T-{id}")),
        "withdrawal" => (paths::office_withdrawal(id), "The withdrawal".into()),
        "batch" => (paths::office_batch(id), "The batch".into()),
        "partner" => (paths::office_partner(id), named("Partner")),
        "claim" => (format!("{}/{id}", paths::OFFICE_CLAIMS), format!("K-{id}")),
        "support" => (format!("{}/{id}", paths::OFFICE_SUPPORT), format!("S-{id}")),
        "feedback" => (paths::office_feedback(id), "The feedback".into()),
        "message" => (paths::office_message(id), "The message".into()),
        "staff" => (paths::OFFICE_STAFF.into(), named("Staff")),
        "crm" => (paths::office_crm(id), named("CRM")),
        "reconciliation" => (paths::office_reconcile(id), "The comparison".into()),
        "token" => (paths::OFFICE_TOKENS.into(), named("Token")),
        "webhook" => (paths::office_webhook(id), "The webhook".into()),
        "settings" => (paths::OFFICE_SETTINGS.into(), "Settings".into()),
        "export" => (paths::OFFICE_EXPORT.into(), format!("Export of {id}")),
        "import" => (paths::OFFICE_IMPORT.into(), format!("Import from {id}")),
        _ => (String::new(), format!("{kind} {id}")),
    };
    Link { href, text }
}

/// A number as people write it (`T-2077`), as it stands in the audit.
pub fn bare(id: &str) -> &str {
    let prefixed = id.split_once('-').filter(|(prefix, rest)| {
        matches!(*prefix, "C" | "c" | "T" | "t" | "S" | "s" | "K" | "k")
            && rest.chars().all(|c| c.is_ascii_digit())
    });
    prefixed.map_or(id, |(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_are_shown_as_they_are() {
        assert_eq!(sentence("deal.won"), "Closed a deal successfully");
        assert_eq!(sentence("rocket.launched"), "rocket.launched");
        assert_eq!(role("finance"), "Finance");
        assert_eq!(role("auditor"), "auditor");
        let unknown = subject("rocket", "7", None);
        assert_eq!((unknown.href.as_str(), unknown.text.as_str()), ("", "rocket 7"));
    }

    #[test]
    fn things_are_linked_and_people_named() {
        assert_eq!(
            subject("deal", "2077", None),
            Link { href: "/office/deals/2077".into(), text: "T-2077".into() }
        );
        assert_eq!(subject("partner", "x", Some("Mara")).text, "Mara");
        assert_eq!(subject("staff", "x", None).text, "Staff x");
    }

    #[test]
    fn numbers_are_looked_for_as_people_write_them() {
        for (typed, bare_number) in [
            ("T-2077", "2077"),
            ("c-1042", "1042"),
            ("K-4001", "4001"),
            ("2077", "2077"),
            ("0193a1b2-0000-7000-8000-0000000000bb", "0193a1b2-0000-7000-8000-0000000000bb"),
            ("T-x", "T-x"),
            ("", ""),
        ] {
            assert_eq!(bare(typed), bare_number);
        }
    }
}
