//! Every address of the server and every link to one: pages never put an address together themselves.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The start page.
pub const HOME: &str = "/";
/// Signing up as a partner.
pub const SIGN_UP: &str = "/sign-up";
/// Signing in, for partners and staff.
pub const SIGN_IN: &str = "/sign-in";
/// Signing out.
pub const SIGN_OUT: &str = "/sign-out";
/// Asking for a new password.
pub const RECOVER: &str = "/recover";
/// QR & Link.
pub const LINK: &str = "/link";
/// The QR code as a vector file.
pub const QR_SVG: &str = "/link/qr.svg";
/// The QR code as a picture.
pub const QR_JPG: &str = "/link/qr.jpg";
/// Choosing a word for the link.
pub const LINK_ALIAS: &str = "/link/alias";
/// A sheet with the QR code, to be printed.
pub const LINK_SHEET: &str = "/link/sheet";
/// Business cards with the QR code, to be printed.
pub const LINK_CARDS: &str = "/link/cards";
/// Statistics.
pub const STATISTICS: &str = "/statistics";
/// The entries behind the balance.
pub const STATEMENT: &str = "/statistics/entries";
/// The entries of a time as a table file.
pub const STATEMENT_CSV: &str = "/statistics/statement.csv";
/// The entries of a time as PDF.
pub const STATEMENT_PDF: &str = "/statistics/statement.pdf";
/// The partner's clients as a table file.
pub const CLIENTS_CSV: &str = "/statistics/clients.csv";
/// Where the partner's clients came from, as a table file.
pub const SOURCES_CSV: &str = "/statistics/sources.csv";
/// The partner's withdrawals as a table file.
pub const WITHDRAWALS_CSV: &str = "/statistics/withdrawals.csv";
/// Requesting a withdrawal.
pub const WITHDRAWALS: &str = "/withdrawals";
/// Wallets.
pub const WALLETS: &str = "/wallets";
/// Sending feedback.
pub const FEEDBACK: &str = "/feedback";
/// Claims to clients whose link was lost.
pub const CLAIMS: &str = "/claims";
/// Profile, password, sessions, notices.
pub const ACCOUNT: &str = "/account";
/// Everything that is held about a partner, as a file.
pub const ACCOUNT_DATA: &str = "/account/data.json";
/// Where a partner asks to be forgotten.
pub const ACCOUNT_ERASURE: &str = "/account/erasure";
/// Where another email address is asked for.
pub const ACCOUNT_EMAIL: &str = "/account/email";
/// Keeping the email address after all.
pub const ACCOUNT_EMAIL_CANCEL: &str = "/account/email/cancel";
/// Sending the mail again that confirms the email address.
pub const ACCOUNT_CONFIRM: &str = "/account/confirm";
/// Changing the password.
pub const ACCOUNT_PASSWORD: &str = "/account/password";
/// Ending one session.
pub const ACCOUNT_SESSION_END: &str = "/account/sessions/end";
/// Ending every other session.
pub const ACCOUNT_SESSIONS_END: &str = "/account/sessions/end-others";
/// Which notices come where, and Telegram.
pub const ACCOUNT_NOTICES: &str = "/account/notices";
/// Connecting Telegram.
pub const ACCOUNT_TELEGRAM: &str = "/account/telegram";
/// Disconnecting Telegram.
pub const ACCOUNT_TELEGRAM_END: &str = "/account/telegram/disconnect";
/// Support requests.
pub const SUPPORT: &str = "/support";
/// How to work with the programme.
pub const GUIDE: &str = "/guide";
/// The contact form for clients.
pub const CONTACT: &str = "/contact";
/// The script for the company's own site.
pub const EMBED: &str = "/embed/v1.js";
/// Contacts that the company's own site sends.
pub const LEADS: &str = "/api/v1/public/leads";
/// The office.
pub const OFFICE: &str = "/office";
/// Clients.
pub const OFFICE_CLIENTS: &str = "/office/clients";
/// Deals; each has a page, the list is that of clients.
pub const OFFICE_DEALS: &str = "/office/deals";
/// The queue of withdrawals.
pub const OFFICE_WITHDRAWALS: &str = "/office/withdrawals";
/// Withdrawals that are paid together.
pub const OFFICE_BATCHES: &str = "/office/withdrawals/batches";
/// Bonuses and corrections that wait for a second person.
pub const OFFICE_ADJUSTMENTS: &str = "/office/adjustments";
/// Partners.
pub const OFFICE_PARTNERS: &str = "/office/partners";
/// Feedback of partners.
pub const OFFICE_FEEDBACK: &str = "/office/feedback";
/// People who forgot their password.
pub const OFFICE_RECOVERY: &str = "/office/recovery";
/// Claims of partners.
pub const OFFICE_CLAIMS: &str = "/office/claims";
/// Support requests.
pub const OFFICE_SUPPORT: &str = "/office/support";
/// Messages on their way.
pub const OFFICE_OUTBOX: &str = "/office/outbox";
/// What staff did.
pub const OFFICE_AUDIT: &str = "/office/audit";
/// The same as a table file.
pub const OFFICE_AUDIT_CSV: &str = "/office/audit/records.csv";
/// The programme's settings.
pub const OFFICE_SETTINGS: &str = "/office/settings";
/// Who works in the office.
pub const OFFICE_STAFF: &str = "/office/staff";
/// Everything as files.
pub const OFFICE_EXPORT: &str = "/office/export";
/// Everything from another system.
pub const OFFICE_IMPORT: &str = "/office/import";
/// Tokens of other programs.
pub const OFFICE_TOKENS: &str = "/office/tokens";
/// What the CRM tells.
pub const OFFICE_CRM: &str = "/office/crm";
/// The CRM's own list of deals held against the deals here.
pub const OFFICE_RECONCILE: &str = "/office/reconcile";
/// Where the CRM sends its webhooks.
pub const HOOKS: &str = "/hooks";
/// Other systems that are told what happens here.
pub const OFFICE_WEBHOOKS: &str = "/office/webhooks";
/// One delivery to them.
pub const OFFICE_DELIVERIES: &str = "/office/webhooks/deliveries";
/// A request to another system as a template says.
pub const OFFICE_REQUESTS: &str = "/office/webhooks/requests";
/// The programming interface.
pub const API: &str = "/api/v1";
/// What it is, for programs.
pub const API_DOCUMENT: &str = "/api/v1/openapi.json";
/// What it is, for people.
pub const API_DOCS: &str = "/docs/api";

/// What stays as it is in a query value (RFC 3986, unreserved).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text as the value of a query parameter.
pub fn query_value(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

/// A path with query parameters; empty values are left out.
pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(&format!("{name}={}", query_value(value)));
    }
    address
}

/// The sign-in page, which leads on to a page of ours.
pub fn sign_in_then(next: &str) -> String {
    if next == HOME { SIGN_IN.into() } else { with_query(SIGN_IN, &[("next", next)]) }
}

/// Whether a place to go on to is on this server: a browser must never be led elsewhere by a link to the sign-in
/// page. Backslashes and control characters are refused because browsers read them as slashes or drop them.
pub fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
}

/// The entries behind what a partner has earned with a deal.
pub fn statement_of_deal(number: i64) -> String {
    format!("{STATEMENT}?deal={number}")
}

/// The page of a CRM.
pub fn office_crm(id: &str) -> String {
    format!("{OFFICE_CRM}/{id}")
}

/// The page of something that a CRM has told.
pub fn office_crm_item(id: &str) -> String {
    format!("{OFFICE_CRM}/news/{id}")
}

/// The page of a list of the CRM, compared or not.
pub fn office_reconcile(id: &str) -> String {
    format!("{OFFICE_RECONCILE}/{id}")
}

/// The page of a client.
pub fn office_client(number: i64) -> String {
    format!("{OFFICE_CLIENTS}/{number}")
}

/// The page of a deal.
pub fn office_deal(number: i64) -> String {
    format!("{OFFICE_DEALS}/{number}")
}

/// The page of a claim.
pub fn office_claim(number: i64) -> String {
    format!("{OFFICE_CLAIMS}/{number}")
}

/// The page of a withdrawal.
pub fn office_withdrawal(id: &str) -> String {
    format!("{OFFICE_WITHDRAWALS}/{id}")
}

/// The page of a message.
pub fn office_message(id: &str) -> String {
    format!("{OFFICE_OUTBOX}/{id}")
}

/// The page of a webhook.
pub fn office_webhook(id: &str) -> String {
    format!("{OFFICE_WEBHOOKS}/{id}")
}

/// The page of a delivery to a webhook.
pub fn office_delivery(id: &str) -> String {
    format!("{OFFICE_DELIVERIES}/{id}")
}

/// The page of a batch.
pub fn office_batch(id: &str) -> String {
    format!("{OFFICE_BATCHES}/{id}")
}

/// The page of a partner.
pub fn office_partner(id: &str) -> String {
    format!("{OFFICE_PARTNERS}/{id}")
}

/// A support request, for the partner who sent it.
pub fn support_ticket(number: i64) -> String {
    format!("{SUPPORT}/{number}")
}

/// A support request, for whoever has the secret that was mailed.
pub fn support_by_secret(number: i64, secret: &str) -> String {
    format!("{SUPPORT}/{number}/{secret}")
}

/// A support request in the office.
pub fn office_ticket(number: i64) -> String {
    format!("{OFFICE_SUPPORT}/{number}")
}

/// A message of feedback in the office.
pub fn office_feedback(id: &str) -> String {
    format!("{OFFICE_FEEDBACK}/{id}")
}

/// An invitation to the office, or to make its first admin.
pub fn invitation(secret: &str) -> String {
    format!("/invitation/{secret}")
}

/// Confirming an email address.
pub fn confirm_email(secret: &str) -> String {
    format!("/confirm/{secret}")
}

/// Agreeing to a new email address, from the old one or the new one.
pub fn change_email(secret: &str) -> String {
    format!("/email/{secret}")
}

/// Choosing a new password.
pub fn reset(secret: &str) -> String {
    format!("/reset/{secret}")
}

/// The chat with a bot, with what it is handed when the person presses Start.
pub fn telegram_start(bot: &str, secret: &str) -> String {
    format!("https://t.me/{bot}?start={secret}")
}

/// A referral link, below the public address.
pub fn referral(code: impl std::fmt::Display) -> String {
    format!("/r/{code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_local() {
        for path in ["/link", "/office/clients?q=a%20b", "/"] {
            assert!(is_local(path), "{path}");
        }
        for path in [
            "",
            "link",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/a\nb",
        ] {
            assert!(!is_local(path), "{path:?}");
        }
    }

    #[test]
    fn query_values_are_escaped() {
        assert_eq!(with_query("/x", &[("a", "1 & 2"), ("b", ""), ("c", "ü")]), "/x?a=1%20%26%202&c=%C3%BC");
        assert_eq!(sign_in_then("/statistics?page=2"), "/sign-in?next=%2Fstatistics%3Fpage%3D2");
    }
}
