//! The inbox of support and feedback: who may open it, in which order, and what happens when two answer at once.

use axum::http::StatusCode;
use domain::{
    clock::HOUR,
    notice::NoticeKind,
    permission::Role,
    support::{TicketKind, TicketStatus},
};
use store::{
    Db, both_databases,
    support::{After, Filter},
};

use super::{acts, answer, ask, guest_number, mail, number_in, own_email, secret_path, ticket};
use crate::support::Site;

both_databases!(two_colleagues_at_once_see_each_other, async |db: Db| {
    let site = Site::start(db).await;
    let guest = site.browser();
    let number = guest_number(ask(&guest, &[]).await);
    let (sue, finn) = (site.staff(Role::Support).await, site.staff(Role::Finance).await);
    answer(&sue, number, "The first answer", 0).await.expect(StatusCode::SEE_OTHER);
    let late = answer(&finn, number, "The second answer", 0).await.expect(StatusCode::CONFLICT);
    for text in
        ["The first answer", "The second answer", "since you opened the page", "name=\"version\" value=\"1\""]
    {
        late.expect_text(text);
    }
    assert_eq!(mail(&site, NoticeKind::SupportAnswered).await.len(), 1);
    // A double click of the first one is one answer.
    answer(&sue, number, "The first answer", 0).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(mail(&site, NoticeKind::SupportAnswered).await.len(), 1);
    // Sent again with what was seen, it goes.
    answer(&finn, number, "The second answer", 1).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(mail(&site, NoticeKind::SupportAnswered).await.len(), 2);

    // Nobody closes over a reply that wasn't seen.
    let path = secret_path(&mail(&site, NoticeKind::SupportAnswered).await[0], number);
    guest.post(&path, &[("message", "Wait!")]).await.expect(StatusCode::SEE_OTHER);
    let close = format!("/office/support/{number}/close");
    sue.post(&close, &[("version", "2")]).await.expect(StatusCode::CONFLICT).expect_text("Wait!");
    sue.post(&close, &[("version", "broken")]).await.expect(StatusCode::CONFLICT);
    sue.post(&close, &[("version", "3")]).await.expect(StatusCode::SEE_OTHER);
    // The guest, who still waited, is told, with a way back that works.
    let closed = mail(&site, NoticeKind::SupportClosed).await;
    assert_eq!(closed.len(), 1);
    let back = site.browser().get(&secret_path(&closed[0], number)).await;
    back.expect(StatusCode::OK).expect_text("Wait!");
    // What is closed takes no answer, and what was typed is kept.
    let late = answer(&finn, number, "Too late", 4).await.expect(StatusCode::CONFLICT);
    late.expect_text("Too late");
    late.expect_text("Open it again first");
    finn.post(&format!("/office/support/{number}/reopen"), &[("version", "4")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(ticket(&site, number).await.status, TicketStatus::Open);
    assert_eq!(
        acts(&site, "support").await,
        ["support.answered", "support.answered", "support.closed", "support.reopened"]
    );
    // Nothing is lost on refusal, and an empty answer isn't sent.
    answer(&sue, number, "", 5)
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY)
        .expect_text("id=\"answer-answer-error\"");

    // Both at the same moment: one of them goes.
    let (one, two) = tokio::join!(answer(&sue, number, "One", 5), answer(&finn, number, "Two", 5));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
});

both_databases!(the_inbox_is_open_to_support_and_finance, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let number = number_in(ask(&partner.browser, &[("email", "other@example.org")]).await);
    for (role, may) in
        [(Role::Admin, true), (Role::Support, true), (Role::Finance, true), (Role::Sales, false)]
    {
        let staff = site.staff(role).await;
        let expected = if may { StatusCode::OK } else { StatusCode::FORBIDDEN };
        for path in ["/office/support".to_owned(), format!("/office/support/{number}")] {
            staff.get(&path).await.expect(expected);
        }
        // The portal's address leads staff to their own side.
        let there = staff.get("/support").await;
        assert_eq!(there.status, if may { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN });
        let page = staff.get("/office/partners").await;
        assert_eq!(page.body.contains("href=\"/office/support\""), may, "{role:?}");
    }
    // Another partner reaches nothing of it.
    let jonas = site.partner("Jonas").await;
    jonas.browser.get(&format!("/support/{number}")).await.expect(StatusCode::NOT_FOUND);
    for act in ["reply", "close"] {
        jonas
            .browser
            .post(&format!("/support/{number}/{act}"), &[("message", "Mine now")])
            .await
            .expect(StatusCode::NOT_FOUND);
    }
    let guest = site.browser();
    assert!(guest.get(&format!("/support/{number}")).await.location().starts_with("/sign-in?next="));
    // The answer goes where the partner wanted it, and staff is told that it isn't the account's address.
    let support = site.staff(Role::Support).await;
    support
        .get(&format!("/office/support/{number}"))
        .await
        .expect_text("Answers go to another address than the account");
    answer(&support, number, "Hello", 0).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(mail(&site, NoticeKind::SupportAnswered).await[0].address, "other@example.org");
    // Words typed to somebody else's address were not mailed there.
    assert!(!mail(&site, NoticeKind::SupportReceived).await[0].body.contains("Where is my money"));
    // Nor to the account's own address, which the partner hasn't confirmed.
    let email = own_email(&site, &partner).await;
    number_in(ask(&partner.browser, &[("email", &email)]).await);
    let received = mail(&site, NoticeKind::SupportReceived).await;
    assert_eq!((received.len(), received[0].address.as_str()), (2, email.as_str()));
    assert!(!received[0].body.contains("Where is my money"));
});

both_databases!(the_inbox_is_ordered_filtered_and_paged, async |db: Db| {
    let site = Site::start(db).await;
    let guest = site.browser();
    for (index, kind) in ["financial", "technical", "financial"].into_iter().enumerate() {
        let name = format!("Guest {index}");
        ask(&guest, &[("name", &name), ("kind", kind), ("message", "Ünüsual words")])
            .await
            .expect(StatusCode::CREATED);
        site.clock.advance(HOUR);
    }
    let admin = site.staff(Role::Admin).await;
    let order = |body: &str| {
        let numbers =
            body.split("/office/support/").skip(1).filter_map(|rest| rest.get(..4)?.parse::<i64>().ok());
        numbers.collect::<Vec<_>>()
    };
    let list = async |query: &str| order(&admin.get(&format!("/office/support{query}")).await.body);
    assert_eq!(list("").await, [3001, 3002, 3003], "who waits longest comes first");
    assert_eq!(list("?kind=technical").await, [3002]);
    assert_eq!(list("?q=guest+2").await, [3003]);
    assert_eq!(list("?q=%C3%9CN%C3%9CSUAL").await.len(), 3);
    assert_eq!(list("?q=s-3002").await, [3002]);
    assert_eq!(list("?q=3002").await, [3002]);
    assert_eq!(list("?status=answered").await, Vec::<i64>::new());
    let page = admin.get("/office/support").await;
    page.expect_text("Overdue by 2 h");
    page.expect_text("<span class=\"count hot\">3");

    answer(&admin, 3001, "Yes", 0).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(list("").await, [3002, 3003]);
    assert_eq!(list("?status=answered").await, [3001]);
    assert_eq!(list("?status=all").await, [3001, 3003, 3002], "the latest change first");
    assert_eq!(list("?q=guest+0").await, [3001], "a search without a status looks everywhere");

    // Pages go on where the last one ended, though times are equal.
    let filter =
        Filter { status: Some(TicketStatus::Open), kind: Some(TicketKind::Financial), ..Filter::default() };
    for index in 0..30 {
        ask(&guest, &[("name", &format!("Page {index}"))]).await.expect(StatusCode::CREATED);
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let filter = filter.clone();
        let rows = site.read(move |tx| store::support::list(tx, &filter, after, 7)).await;
        let Some(last) = rows.last() else { break };
        after = Some(After { since: last.since.micros(), number: last.number });
        seen.extend(rows.iter().map(|row| row.number));
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!((seen.len(), sorted.len()), (31, 31));
    let page = admin.get("/office/support").await;
    assert_eq!(order(&page.body).len(), 25);
    page.expect_text("Next page");
    let (waiting, oldest) = site.read(store::support::waiting).await;
    assert_eq!(waiting, 32);
    assert_eq!(oldest, Some(ticket(&site, 3002).await.since));
});

both_databases!(feedback_is_answered_by_mail_once, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let email = own_email(&site, &partner).await;
    partner
        .browser
        .post("/feedback", &[("message", "A dark theme please"), ("page", "/support"), ("mood", "good")])
        .await
        .expect(StatusCode::SEE_OTHER);
    let id = site.read(|tx| Ok(store::feedback::list(tx, false, None, 1)?.remove(0).id)).await;
    let (sue, ada) = (site.staff(Role::Support).await, site.staff(Role::Admin).await);
    let page = format!("/office/feedback/{id}");
    sue.get("/office/feedback").await.expect_text(&format!("href=\"{page}\""));
    sue.get(&page).await.expect(StatusCode::OK).expect_text("A dark theme please");
    let path = format!("{page}/answer");
    sue.post(&path, &[("answer", " ")])
        .await
        .expect(StatusCode::UNPROCESSABLE_ENTITY)
        .expect_text("id=\"answer-answer-error\"");
    for _ in 0..2 {
        sue.post(&path, &[("answer", "It follows your system.")]).await.expect(StatusCode::SEE_OTHER);
    }
    let told = mail(&site, NoticeKind::FeedbackAnswered).await;
    assert_eq!((told.len(), told[0].address.as_str()), (1, email.as_str()));
    assert!(
        told[0].body.contains("It follows your system.") && told[0].body.contains("> A dark theme please")
    );
    // The second answer is not sent, and not lost.
    let late = ada.post(&path, &[("answer", "Another answer")]).await.expect(StatusCode::CONFLICT);
    for text in ["Another answer", "It follows your system.", "Support has already answered"] {
        late.expect_text(text);
    }
    let done = ada.get("/office/feedback?show=done").await.expect(StatusCode::OK);
    done.expect_text("It follows your system.");
    assert!(ada.get("/office/feedback").await.body.contains("Nothing is open"));
    ada.post(&format!("{page}/reopen"), &[]).await.expect(StatusCode::SEE_OTHER);
    for _ in 0..2 {
        ada.post(&format!("{page}/done"), &[]).await.expect(StatusCode::SEE_OTHER);
    }
    assert_eq!(acts(&site, "feedback").await, ["feedback.answered", "feedback.reopened", "feedback.done"]);
    site.staff(Role::Finance).await.post(&path, &[("answer", "x")]).await.expect(StatusCode::FORBIDDEN);
});
