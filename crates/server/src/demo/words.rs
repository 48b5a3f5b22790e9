//! What people write in the demo.

use domain::{
    clock::{SECOND, Timestamp},
    wallet::WalletKind,
};

/// What clients write with the contact form.
pub const CONTACTS: [&str; 26] = [
    "We are opening a second location in spring and need a website with online booking.",
    "Our shop runs on software from 2014. Could you tell us what a move would cost?",
    "Looking for help with our product photos and a catalogue, about 120 items.",
    "A friend recommended you. We need a new brand and packaging for two product lines.",
    "Can you take over the maintenance of our ordering system? Our developer has left.",
    "We would like an offer for a customer portal with invoices and contracts.",
    "How soon could you start? We have a trade fair in ten weeks.",
    "Please call me back in the afternoon, it is about an app for our drivers.",
    "We need our site in three languages and it should pass an accessibility audit.",
    "Our online shop is slow on phones. Could you have a look and say what can be done?",
    "I saw your work for a clinic in our town. We would like something similar.",
    "We are twelve people and want to get rid of our spreadsheets for scheduling.",
    "Budget is approved for this quarter. What do you need from us for a proposal?",
    "We plan a membership area with payments and would like to understand the options.",
    "Do you also do data migration? About 40,000 customer records from an old system.",
    "Our accountant says that we need proper invoices from our shop. Can you help?",
    "We want to connect our warehouse with two marketplaces.",
    "Could we have a call next week about a relaunch? Mornings are best.",
    "We need a landing page and three newsletters for a product launch.",
    "Interested in your yearly support plan for a school of 300 pupils.",
    "We have designs already and are looking for somebody to build them.",
    "I'd like a rough price for a reservation system with four rooms.",
    "Our board wants a second opinion on an offer we got. Do you do reviews?",
    "We are looking for training for our marketing team, two days, on site.",
    "Somebody has to tidy up our analytics and consent banner. Is that you?",
    "We sell to hotels and need a price list that our agents can use on the road.",
];

/// Why deals are lost.
pub const LOST: [&str; 9] = [
    "Went with a local agency they have known for years.",
    "Budget was cut; asked us to come back next year.",
    "No answer after four attempts by mail and telephone.",
    "Too expensive for what they need.",
    "They build it in-house now.",
    "Timeline didn't fit: they needed it within two weeks.",
    "Only wanted a quick question answered, no project.",
    "Company was sold; the new owner has a supplier.",
    "Chose a ready-made product instead.",
];

/// Why money is given back.
pub const REFUNDS: [&str; 5] = [
    "Two of the agreed languages were dropped from the order.",
    "Delivered three weeks late; credit as agreed with the client.",
    "The training day was cancelled.",
    "Price corrected after the inventory turned out smaller.",
    "Goodwill for the outage in the first week.",
];

/// Why closed deals are opened again.
pub const REOPENED: [&str; 3] = [
    "Amount was entered without the discount from the contract.",
    "The client asked for a change before the first invoice; new contract to follow.",
    "Closed by mistake, meant for the deal below.",
];

/// What sales notes.
pub const NOTES: [&str; 16] = [
    "Called, friendly. Decision is made by two partners, the other one is back on Monday.",
    "Sent the offer. Wants to see two references.",
    "Asked for a discount of 10 %; offered a longer payment term instead.",
    "Very clear about what they need. Good chance.",
    "Left a message with the front desk.",
    "Budget about half of what we would need; suggested starting with the essentials.",
    "Meeting went well, sent the minutes and the contract.",
    "They compare us with two others, decision at the end of the month.",
    "Prefers to be written to, not called.",
    "Knows our partner from a joint project and speaks highly of them.",
    "Needs everything in writing for the board.",
    "Signed. Hand-over to the project team on Thursday.",
    "Wants to start small and see how we work together.",
    "Contact has changed: please write to the address in the signature of the last mail.",
    "Price is fine, the date isn't settled yet.",
    "Reminder sent.",
];

/// Titles of further deals with a client.
pub const TITLES: [&str; 7] = [
    "Second phase",
    "Yearly maintenance",
    "Online shop",
    "Training for the team",
    "Relaunch",
    "Photos and texts",
    "Support plan",
];

/// Why a withdrawal to a kind of wallet is rejected.
pub const fn rejected(kind: WalletKind) -> &'static str {
    match kind {
        WalletKind::Iban => {
            "The account's holder isn't you. Please enter an account in your name and ask again."
        }
        WalletKind::Paypal => "PayPal says that this account can't receive payments at the moment.",
        WalletKind::Other => {
            "You asked us in the chat to wait for the next commission and pay both together."
        }
        WalletKind::UsdtTron | WalletKind::UsdtEthereum | WalletKind::Btc | WalletKind::Eth => {
            "The exchange behind this address refuses deposits from us. Please choose another wallet."
        }
    }
}

/// What partners write: mood, page, message.
pub const FEEDBACK: [(&str, &str, &str); 20] = [
    ("good", "/link", "The QR code works great on my business cards, thank you!"),
    ("good", "/statistics", "Paid within a day, and the reference was right there. Perfect."),
    ("mixed", "/statistics", "Could I see which of my clients are still being talked to, and since when?"),
    (
        "bad",
        "/wallets",
        "My exchange changed the deposit address and I nearly missed updating it here. A reminder would help.",
    ),
    (
        "good",
        "/link",
        "Love that the link survives being typed from a flyer. A client got one letter wrong and it still worked!",
    ),
    ("", "/statistics", "Is there a way to get a monthly statement for my accountant?"),
    (
        "mixed",
        "/link",
        "A shorter link for podcasts would be nice. Reading out eight letters works, but still.",
    ),
    ("good", "/statistics", "The way each commission is explained is what I have been missing elsewhere."),
    (
        "bad",
        "/statistics",
        "One of my clients was marked lost although they tell me they have signed. Please check.",
    ),
    ("", "/link", "Do you have banners or pictures that I could use in my newsletter?"),
    ("mixed", "/wallets", "Please support payments in euro, the conversion costs me every time."),
    ("good", "/wallets", "Good that a mistyped address is refused at once."),
    ("bad", "/link", "The link preview in Telegram shows no picture."),
    (
        "mixed",
        "/statistics",
        "Two weeks without news about a client I introduced in person. Could sales write to me?",
    ),
    ("good", "/link", "My first client closed today. What a feeling!"),
    ("", "/statistics", "When does the next tier count, for the deal that reaches it or the one after?"),
    ("good", "/statistics", "Reached the next tier this week, thank you all."),
    ("mixed", "/link", "Could the QR code have our logo in the middle?"),
    ("bad", "/statistics", "I asked for a payment on Friday and would have liked a word before Monday."),
    ("good", "/link", "I showed this to two colleagues, both have signed up."),
];

/// Hosts that links stand on; empty where the browser doesn't say.
pub const SOURCES: [&str; 10] = [
    "",
    "",
    "",
    "t.me",
    "www.linkedin.com",
    "mail.example.com",
    "blog.example.org",
    "podcast.example.net",
    "x.com",
    "www.facebook.com",
];

/// Where a link stood: the place that the partner named in it, or the site.
pub fn place(at: Timestamp, site: &'static str) -> &'static str {
    const NAMED: [&str; 3] = ["newsletter", "business-card", "spring-talk"];
    let minute = at.micros() / (60 * SECOND);
    match (site.is_empty(), minute % 5) {
        (true, named @ 0..3) => NAMED[usize::try_from(named).unwrap_or(0)],
        _ => site.strip_prefix("www.").unwrap_or(site),
    }
}

/// A support request: financial or technical, what is asked, the answer, and what the partner makes of it.
pub struct Request {
    pub financial: bool,
    /// It names the partner's newest client.
    pub concerns: bool,
    pub message: &'static str,
    pub answer: &'static str,
    pub reply: &'static str,
}

const fn request(
    financial: bool,
    concerns: bool,
    message: &'static str,
    answer: &'static str,
    reply: &'static str,
) -> Request {
    Request { financial, concerns, message, answer, reply }
}

pub const REQUESTS: [Request; 9] = [
    request(
        true,
        false,
        "My bank says nothing has arrived, but the withdrawal is marked paid since Thursday. Could you check the \
         reference?",
        "It left our bank on Friday morning; between countries it takes up to three working days. Please write again if \
         it hasn't come by Wednesday.",
        "It came this morning. Thank you for the quick answer!",
    ),
    request(
        false,
        false,
        "The QR code on my flyer prints a bit blurred. Which file should I give to the printer?",
        "Take Download SVG on QR & Link: it stays sharp at any size. JPG is for messengers.",
        "",
    ),
    request(
        true,
        true,
        "This deal was closed at a lower amount than the client told me. Is a part of it still to come?",
        "Yes: the second part is a deal of its own, which sales opens when the work starts. You will see it in Statistics.",
        "",
    ),
    request(
        false,
        false,
        "I changed my phone and the link in the share menu opens in the wrong app.",
        "That is a setting of your phone: Settings, Apps, Default apps. Copy link always works.",
        "",
    ),
    request(
        true,
        false,
        "Can I be paid to my company's account instead of my own?",
        "Yes, add it in Wallets as a bank account. It is used from your next withdrawal on.",
        "Done, thank you.",
    ),
    request(
        true,
        true,
        "The client says the invoice was paid in full. When does my commission become available?",
        "Seven days after the deal closed. The day stands beside the entry in Statistics.",
        "",
    ),
    // Nobody has answered these yet.
    request(
        true,
        true,
        "This client has asked me twice how the offer stands. Whom should they call?",
        "",
        "",
    ),
    request(
        false,
        false,
        "Since this morning the page with my wallets loads without its colours on my old tablet. Is it just me?",
        "",
        "",
    ),
    // A guest's.
    request(
        false,
        false,
        "I can't sign in any more: my old mailbox was closed with my old job. Can I use another address?",
        "",
        "",
    ),
];

/// How a partner had sent a client whose link was lost.
pub const CLAIM_HOW: &str = "I told them about you on the phone and sent the link the same day.";

/// Why a claim is refused.
pub const CLAIM_REFUSED: &str = "The client says that nobody had recommended us.";

/// Why a partner is suspended.
pub const SUSPENDED: &str =
    "Advertised with our brand name, which the rules exclude; was asked twice to stop.";

#[cfg(test)]
mod tests {
    use domain::text::Message;

    use super::*;
    use crate::ops::feedback::MOODS;

    #[test]
    fn every_text_could_have_been_sent() {
        let feedback = FEEDBACK.iter().map(|(_, _, message)| message);
        let requests = REQUESTS.iter().flat_map(|is| [&is.message, &is.answer, &is.reply]);
        let requests = requests.filter(|text| !text.is_empty());
        for text in CONTACTS.iter().chain(&NOTES).chain(feedback).chain(requests) {
            assert_eq!(Message::parse(text).unwrap().as_str(), *text);
        }
        assert!(FEEDBACK.iter().all(|(mood, ..)| mood.is_empty() || MOODS.contains(mood)));
    }
}
