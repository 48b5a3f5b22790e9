//! Support requests: partners and guests write, staff answers by mail, either writes again. `office.rs` is the inbox.

mod office;

use axum::http::StatusCode;
use domain::{
    clock::{DAY, HOUR},
    notice::NoticeKind,
    permission::Role,
    support::{REPLY_DAYS, TicketStatus},
};
use server::config::Settings;
use store::{
    Db, DbError, both_databases,
    outbox::{self, Message},
    support::{EntryKind, Filter, Ticket},
};

use crate::support::{Answer, Browser, Partner, Site};

/// The fields of a request, with some of them changed.
fn fields<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("name", "Mara Lindqvist"),
        ("email", "mara@example.org"),
        ("kind", "financial"),
        ("transaction", ""),
        ("message", "Where is my money?"),
    ];
    for (name, value) in changed {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    fields
}

/// Sends a request and returns the answer.
pub async fn ask(browser: &Browser, changed: &[(&str, &str)]) -> Answer {
    browser.post("/support", &fields(changed)).await
}

/// The number of a request that a partner has made.
pub fn number_in(answer: Answer) -> i64 {
    let answer = answer.expect(StatusCode::SEE_OTHER);
    let digits = answer.location().strip_prefix("/support/").expect("leads to the request");
    digits.split('?').next().unwrap().parse().unwrap()
}

/// The number of a request that a guest has made.
fn guest_number(answer: Answer) -> i64 {
    let answer = answer.expect(StatusCode::CREATED);
    let after = answer.body.split("S-").nth(1).expect("a number");
    after.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

async fn ticket(site: &Site, number: i64) -> Ticket {
    site.read(move |tx| store::support::by_number(tx, number)).await.unwrap()
}

async fn how_many(site: &Site) -> usize {
    site.read(|tx| store::support::list(tx, &Filter::default(), None, 1000)).await.len()
}

/// The mail of a kind, newest first.
async fn mail(site: &Site, kind: NoticeKind) -> Vec<Message> {
    let all = site.read(|tx| outbox::list(tx, &outbox::Filter::default(), None, 1000)).await;
    all.into_iter().filter(|message| message.notice == kind).collect()
}

/// The path of the secret address in a mail.
fn secret_path(message: &Message, number: i64) -> String {
    let start = format!("/support/{number}/");
    let rest =
        message.body.split(&start).nth(1).expect("a secret address").split_whitespace().next().unwrap();
    format!("{start}{rest}")
}

async fn acts(site: &Site, subject: &str) -> Vec<String> {
    let wanted = subject.to_owned();
    site.read(move |tx| {
        let rows =
            tx.all("SELECT act FROM audit WHERE subject = $1 ORDER BY at, id", &[wanted.clone().into()])?;
        rows.iter().map(|row| row.get(0)).collect()
    })
    .await
}

async fn answer(staff: &Browser, number: i64, text: &str, version: i64) -> Answer {
    let version = version.to_string();
    staff.post(&format!("/office/support/{number}/answer"), &[("answer", text), ("version", &version)]).await
}

/// A partner's own address, as the form has it filled in.
async fn own_email(site: &Site, partner: &Partner) -> String {
    let id = partner.id.clone();
    site.read(move |tx| Ok(store::accounts::by_id(tx, &id)?.unwrap().email)).await
}

/// The partner has confirmed that the account's address is the partner's.
async fn confirm(site: &Site, partner: &Partner) {
    let id = partner.id.clone();
    let confirmed = "UPDATE account SET email_confirmed_at = 1 WHERE id = $1";
    site.app
        .write(move |tx, _| tx.exec(confirmed, &[id.clone().into()]))
        .await
        .map_err(|error: DbError| error)
        .unwrap();
}

both_databases!(a_partner_writes_is_answered_and_replies, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara Lindqvist").await;
    let email = own_email(&site, &partner).await;
    confirm(&site, &partner).await;
    let form = partner.browser.get("/support").await.expect(StatusCode::OK);
    form.expect_text("value=\"Mara Lindqvist\"");
    form.expect_text(&format!("value=\"{email}\""));
    assert!(!form.body.contains("Your requests"));

    let number = number_in(ask(&partner.browser, &[("email", &email), ("submission", "s1")]).await);
    assert_eq!(number, 3001, "numbers start at 3001");
    let page = partner.browser.get("/support/3001?done=support").await.expect(StatusCode::OK);
    for text in ["S-3001", "Where is my money?", "Open", "We have your request"] {
        page.expect_text(text);
    }
    partner.browser.get("/support").await.expect_text("waits for less than a minute");
    let received = mail(&site, NoticeKind::SupportReceived).await;
    assert_eq!((received.len(), received[0].address.as_str()), (1, email.as_str()));
    assert_eq!(received[0].account_id.as_deref(), Some(partner.id.as_str()));
    assert!(received[0].body.contains("> Where is my money?") && received[0].subject.contains("S-3001"));

    // Support answers; the partner is told by mail and finds the answer here.
    let staff = site.staff(Role::Support).await;
    staff.get("/office/support").await.expect(StatusCode::OK).expect_text("/office/support/3001");
    answer(&staff, number, "On its way since Monday.", ticket(&site, number).await.version)
        .await
        .expect(StatusCode::SEE_OTHER);
    let told = mail(&site, NoticeKind::SupportAnswered).await;
    assert_eq!((told.len(), told[0].address.as_str()), (1, email.as_str()));
    assert!(told[0].body.contains("> On its way since Monday."));
    assert!(told[0].body.contains(&format!("{}/support/3001\n", site.url)) && !told[0].secret);
    let answered = ticket(&site, number).await;
    assert_eq!((answered.status, answered.answered.unwrap().1.as_str()), (TicketStatus::Answered, "Support"));
    let page = partner.browser.get("/support/3001").await;
    page.expect_text("On its way since Monday.");
    page.expect_text("Answered");

    // The partner replies: open again. Sent twice it is one reply.
    for _ in 0..2 {
        partner
            .browser
            .post("/support/3001/reply", &[("message", "Still nothing"), ("submission", "r1")])
            .await
            .expect(StatusCode::SEE_OTHER);
    }
    assert_eq!(ticket(&site, number).await.status, TicketStatus::Open);
    let entries = site.read(move |tx| store::support::entries(tx, number, true)).await;
    let kinds: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.message.as_str())).collect();
    assert_eq!(
        kinds,
        [
            (EntryKind::Person, "Where is my money?"),
            (EntryKind::Answer, "On its way since Monday."),
            (EntryKind::Person, "Still nothing"),
        ]
    );

    // A note is seen by staff alone.
    staff
        .post("/office/support/3001/note", &[("message", "Rang the bank")])
        .await
        .expect(StatusCode::SEE_OTHER);
    staff.get("/office/support/3001").await.expect_text("Rang the bank");
    assert!(!partner.browser.get("/support/3001").await.body.contains("Rang the bank"));

    // The partner closes, and a refused reply keeps what was typed.
    partner.browser.post("/support/3001/close", &[]).await.expect(StatusCode::SEE_OTHER);
    partner.browser.post("/support/3001/close", &[]).await.expect(StatusCode::CONFLICT);
    assert_eq!(ticket(&site, number).await.status, TicketStatus::Closed);
    partner
        .browser
        .post("/support/3001/reply", &[("message", "")])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY);
    site.clock.advance(REPLY_DAYS * DAY - HOUR);
    partner
        .browser
        .post("/support/3001/reply", &[("message", "One more thing")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(ticket(&site, number).await.status, TicketStatus::Open);
    partner.browser.post("/support/3001/close", &[]).await.expect(StatusCode::SEE_OTHER);
    site.clock.advance(REPLY_DAYS * DAY + HOUR);
    let late = partner.browser.post("/support/3001/reply", &[("message", "Too late to reopen")]).await;
    let late = late.expect(StatusCode::CONFLICT);
    late.expect_text("Too late to reopen");
    late.expect_text("closed more than 14 days ago");
    assert_eq!(acts(&site, "support").await, ["support.answered", "support.noted"]);
    site.verify().await;
});

both_databases!(a_number_must_be_the_partners_own, async |db: Db| {
    let site = Site::start(db).await;
    let (mara, jonas) = (site.partner("Mara").await, site.partner("Jonas").await);
    let (client, other) = (site.client_of(&mara, "Own").await, site.client_of(&jonas, "Other").await);
    let (deal, other_deal) = (site.deal_of(client).await.number, site.deal_of(other).await.number);

    let sentence = "This is not one of your clients or transactions.";
    let own =
        [(format!("t {deal}"), Some(deal)), (format!("{deal}"), Some(deal)), (format!("C-{client}"), None)];
    for (typed, expected) in own {
        let number = number_in(ask(&mara.browser, &[("transaction", &typed)]).await);
        let ticket = ticket(&site, number).await;
        assert_eq!((ticket.client, ticket.deal, &ticket.concerns), (Some(client), expected, &typed));
    }
    let made = how_many(&site).await;
    // Somebody else's and one that doesn't exist get the same answer, letter by letter.
    let mut answers = Vec::new();
    for typed in [format!("T-{other_deal}"), format!("C-{other}"), "T-999999".into(), "C-999999".into()] {
        let answer = ask(&mara.browser, &[("transaction", &typed), ("submission", "s1")]).await;
        let answer = answer.expect(StatusCode::UNPROCESSABLE_ENTITY);
        for text in [sentence, "Where is my money?", "id=\"transaction-error\""] {
            answer.expect_text(text);
        }
        answers.push(answer.body.replace(&typed, "#"));
    }
    assert!(answers.iter().all(|body| *body == answers[0]), "{answers:#?}");
    ask(&mara.browser, &[("transaction", "my last one")])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY)
        .expect_text("Write the number like T-2077");
    assert_eq!(how_many(&site).await, made, "nothing was made by what was refused");
    // A bare number can be a client's, where it is no deal's.
    let number = number_in(ask(&mara.browser, &[("transaction", &client.to_string())]).await);
    assert_eq!(ticket(&site, number).await.client, Some(client));

    // Sales sees the clients and deals, so finance may open them; support may not.
    let path = format!("/office/support/{number}");
    let finance = site.staff(Role::Finance).await.get(&path).await.expect(StatusCode::OK);
    finance.expect_text(&format!("/office/clients/{client}"));
    finance.expect_text("Available");
    let support = site.staff(Role::Support).await.get(&path).await.expect(StatusCode::OK);
    support.expect_text(&format!("C-{client}"));
    assert!(!support.body.contains(&format!("/office/clients/{client}")));
    assert!(!support.body.contains("Available"));
});

both_databases!(a_guest_writes_and_follows_the_address_in_the_mail, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let email = own_email(&site, &partner).await;
    let client = site.client_of(&partner, "Own").await;
    let guest = site.browser();
    guest.get("/support").await.expect(StatusCode::OK).expect_text("Write to support");

    // A guest's number is never looked up, whether it exists or not; the address neither.
    let typed = format!("C-{client}");
    let known = ask(&guest, &[("email", &email), ("transaction", &typed), ("kind", "technical")]).await;
    let known_number = guest_number(known);
    let unknown = ask(&guest, &[("email", "nobody@example.org"), ("transaction", "what number?")]).await;
    let unknown_number = guest_number(unknown);
    for (number, concerns) in [(known_number, typed.as_str()), (unknown_number, "what number?")] {
        let ticket = ticket(&site, number).await;
        assert_eq!((ticket.client, ticket.deal, ticket.concerns.as_str()), (None, None, concerns));
        assert!(ticket.partner.is_none(), "an address that was typed attaches nothing to an account");
    }
    // The mail carries none of the guest's words to an address that nobody has confirmed.
    for message in mail(&site, NoticeKind::SupportReceived).await {
        assert!(
            !message.body.contains("Where is my money") && !message.body.contains("Mara"),
            "{}",
            message.body
        );
        assert_eq!(message.account_id, None);
    }
    // It isn't the partner's request, though the address is the same.
    partner.browser.get(&format!("/support/{known_number}")).await.expect(StatusCode::NOT_FOUND);
    assert!(!partner.browser.get("/support").await.body.contains("Your requests"));

    let staff = site.staff(Role::Support).await;
    let page = staff.get(&format!("/office/support/{known_number}")).await.expect(StatusCode::OK);
    for text in ["Same address as partner", "not signed in", "Not checked"] {
        page.expect_text(text);
    }
    assert!(!page.body.contains("Available"));
    let page = staff.get(&format!("/office/support/{unknown_number}")).await.expect(StatusCode::OK);
    assert!(!page.body.contains("Same address"));

    answer(&staff, unknown_number, "Try the link below.", 0).await.expect(StatusCode::SEE_OTHER);
    let told = mail(&site, NoticeKind::SupportAnswered).await;
    assert_eq!((told[0].address.as_str(), told[0].secret), ("nobody@example.org", true));
    let path = secret_path(&told[0], unknown_number);
    let secret = path.rsplit('/').next().unwrap().to_owned();
    let kept = site.read(|tx| tx.one("SELECT secret_hash FROM support_key", &[])?.get::<String>(0)).await;
    assert!(!kept.contains(&secret) && kept.len() == 64, "only a hash is kept");

    let page = guest.get(&path).await.expect(StatusCode::OK);
    assert_eq!(page.headers["cache-control"], "no-store");
    for text in ["Where is my money?", "Try the link below."] {
        page.expect_text(text);
    }
    assert!(!page.body.contains("nobody@example.org"));
    for wrong in [
        format!("/support/{known_number}/{secret}"),
        format!("/support/{unknown_number}/{}x", &secret[..secret.len() - 1]),
        format!("/support/{unknown_number}/{kept}"),
        format!("/support/x/{secret}"),
        format!("/support/999999/{secret}"),
        format!("/support/{unknown_number}/%00"),
    ] {
        guest.get(&wrong).await.expect(StatusCode::NOT_FOUND);
        guest.post(&wrong, &[("message", "x")]).await.expect(StatusCode::NOT_FOUND);
        guest.post(&format!("{wrong}/close"), &[]).await.expect(StatusCode::NOT_FOUND);
    }

    // A reply through the address opens the request again; a second answer brings a second address, both lead on.
    for _ in 0..2 {
        guest
            .post(&path, &[("message", "It doesn't work"), ("submission", "r1")])
            .await
            .expect(StatusCode::SEE_OTHER);
    }
    let open = ticket(&site, unknown_number).await;
    assert_eq!((open.status, open.version), (TicketStatus::Open, 2));
    guest.post(&path, &[("message", " ")]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    answer(&staff, unknown_number, "Now?", 2).await.expect(StatusCode::SEE_OTHER);
    let second = secret_path(&mail(&site, NoticeKind::SupportAnswered).await[0], unknown_number);
    assert_ne!(second, path);
    for path in [&path, &second] {
        guest.get(path).await.expect(StatusCode::OK).expect_text("Now?");
    }
    guest.post(&format!("{second}/close"), &[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(ticket(&site, unknown_number).await.status, TicketStatus::Closed);
    guest.post(&format!("{second}/close"), &[]).await.expect(StatusCode::CONFLICT);
});

both_databases!(addresses_of_guests_end_half_a_year_after_their_request, async |db: Db| {
    let site = Site::start(db).await;
    let guest = site.browser();
    let (closed, open) = (guest_number(ask(&guest, &[]).await), guest_number(ask(&guest, &[]).await));
    let mut paths = Vec::new();
    for number in [closed, open] {
        let staff = site.staff(Role::Support).await;
        answer(&staff, number, "Yes", 0).await.expect(StatusCode::SEE_OTHER);
        paths.push(secret_path(&mail(&site, NoticeKind::SupportAnswered).await[0], number));
    }
    guest.post(&format!("{}/close", paths[0]), &[]).await.expect(StatusCode::SEE_OTHER);
    let statuses = async || {
        server::jobs::sweep_once(&site.app).await.unwrap();
        [guest.get(&paths[0]).await.status, guest.get(&paths[1]).await.status]
    };
    site.clock.advance(179 * DAY);
    assert_eq!(statuses().await, [StatusCode::OK, StatusCode::OK]);
    site.clock.advance(2 * DAY);
    assert_eq!(statuses().await, [StatusCode::NOT_FOUND, StatusCode::OK]);
    assert_eq!(ticket(&site, closed).await.status, TicketStatus::Closed);
});

both_databases!(the_same_form_makes_one_request, async |db: Db| {
    let site = Site::start(db).await;
    let guest = site.browser();
    let first = guest_number(ask(&guest, &[("submission", "s1")]).await);
    assert_eq!(guest_number(ask(&guest, &[("submission", "s1")]).await), first);
    assert_eq!(mail(&site, NoticeKind::SupportReceived).await.len(), 1, "confirmed once");
    // With something else in it, it is no second click: nothing typed is lost, and sending again makes another.
    let other = ask(&guest, &[("submission", "s1"), ("message", "Another question")]).await;
    let other = other.expect(StatusCode::CONFLICT);
    other.expect_text("Another question");
    other.expect_text(&format!("S-{first}"));
    assert!(!other.body.contains("value=\"s1\""), "it has a new identifier");
    // A partner who signed in meanwhile isn't told that the guest's request is the partner's.
    let partner = site.partner("Mara").await;
    ask(&partner.browser, &[("submission", "s1")]).await.expect(StatusCode::CONFLICT);
    // Many at once.
    let sent = (0..8).map(|_| ask(&guest, &[("submission", "s2")]));
    let mut numbers: Vec<i64> =
        futures_util::future::join_all(sent).await.into_iter().map(guest_number).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), 1, "{numbers:?}");
    assert_eq!(how_many(&site).await, 2);
    // Without an identifier each one is a request of its own, and a robot's is none.
    ask(&guest, &[]).await.expect(StatusCode::CREATED);
    ask(&guest, &[("leave_empty", "http://spam.example")])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY)
        .expect_text("Where is my money?");
    assert_eq!(how_many(&site).await, 3);
});

both_databases!(too_many_requests_are_slowed_down_and_keep_what_was_typed, async |db: Db| {
    let site = Site::start_with(db, Settings { rate_limit: Some(1), ..Settings::default() }).await;
    let guest = site.browser();
    // One address named again and again.
    for _ in 0..5 {
        ask(&guest, &[]).await.expect(StatusCode::CREATED);
    }
    let slowed = ask(&guest, &[("email", "MARA@example.org")]).await.expect(StatusCode::TOO_MANY_REQUESTS);
    assert!(slowed.headers.contains_key("retry-after"));
    slowed.expect_text("Where is my money?");
    // One visitor with many addresses.
    let mut answers = Vec::new();
    for index in 0..8 {
        answers.push(ask(&guest, &[("email", &format!("g{index}@example.org"))]).await.status.as_u16());
    }
    assert!(answers.contains(&201) && answers.ends_with(&[429]), "{answers:?}");
});
