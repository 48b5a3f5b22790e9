//! A partner's statement to be kept: as a table file and as PDF, from the partner's page and from the office's.

use axum::http::{StatusCode, header};
use domain::{clock::DAY, permission::Role};
use store::{Db, both_databases};

use crate::support::{Answer, Partner, Site};

/// What the pages of a PDF say.
async fn pdf(partner: &Partner, path: &str) -> String {
    let answer = partner.browser.stream(path).await;
    assert_eq!(
        (answer.status(), &answer.headers()[header::CONTENT_TYPE]),
        (StatusCode::OK, &"application/pdf".parse().unwrap())
    );
    let document = lopdf::Document::load_mem(&answer.bytes().await.unwrap()).unwrap();
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    document.extract_text(&pages).unwrap()
}

fn lines(answer: &Answer) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(answer.body.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

both_databases!(a_statement_explains_every_cent_of_its_time, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Žofia Čierna").await;
    site.won(&partner, "20000").await;
    let day = site.app.clock.now().day();
    site.clock.advance(3 * DAY);
    let deal = site.won(&partner, "9000").await;
    let sales = site.staff(Role::Sales).await;
    let refund = [("amount", "1000"), ("reason", "A smaller scope")];
    sales.post(&format!("/office/deals/{deal}/refund"), &refund).await.expect(StatusCode::SEE_OTHER);
    let wallet = partner.add_wallet(&site).await;
    partner.withdraw("600", &wallet, "r1").await.expect(StatusCode::SEE_OTHER);
    let page = partner.browser.get("/statistics/entries").await.expect(StatusCode::OK);
    page.expect_text("formaction=\"/statistics/statement.pdf\"");

    let all = lines(&partner.browser.get("/statistics/statement.csv").await.expect(StatusCode::OK));
    assert!(all.len() >= 4, "{all:?}");
    let sum = |column: usize| -> i64 {
        let cents = |cell: &String| cell.replace('.', "").parse::<i64>().unwrap();
        all.iter().map(|row| cents(&row[column])).sum()
    };
    let available = site.balances(&partner).await.available.minor();
    assert_eq!(sum(4), available);
    assert_eq!(all[0][5].replace('.', "").parse::<i64>().unwrap(), available);
    assert!(all.iter().any(|row| row[3].contains("A smaller scope")), "{all:?}");

    let early = format!("to={}", day.iso());
    let first = lines(&partner.browser.get(&format!("/statistics/statement.csv?{early}")).await);
    assert_eq!(first.len(), 1, "{first:?}");
    let late = format!("from={}", domain::clock::Day(day.0 + 1).iso());
    let rest = lines(&partner.browser.get(&format!("/statistics/statement.csv?{late}")).await);
    assert_eq!(first.len() + rest.len(), all.len());

    let text = pdf(&partner, "/statistics/statement.pdf").await;
    for expected in
        ["Žofia Čierna", "A smaller scope", "Available before", "Page 1 of 1", &partner.code.to_string()]
    {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    let text = pdf(&partner, &format!("/statistics/statement.pdf?{late}")).await;
    // What the first deal had earned stood there before.
    assert!(text.contains("2,000.00") && !text.contains("T-2001"), "{text}");
    for query in ["from=tomorrow", "from=2027-02-01&to=2027-01-01"] {
        for kind in ["csv", "pdf"] {
            let path = format!("/statistics/statement.{kind}?{query}");
            partner
                .browser
                .get(&path)
                .await
                .expect(StatusCode::UNPROCESSABLE_ENTITY)
                .expect_text("Back to the statement");
        }
    }
});

both_databases!(finance_takes_a_statement_and_nobody_else_does, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    site.won(&partner, "20000").await;
    for (role, status) in [(Role::Finance, StatusCode::OK), (Role::Support, StatusCode::FORBIDDEN)] {
        let staff = site.staff(role).await;
        for kind in ["csv", "pdf"] {
            let path = format!("/office/partners/{}/statement.{kind}", partner.id);
            let answer = staff.stream(&path).await;
            assert_eq!(answer.status(), status, "{path} {role:?}");
        }
    }
    let finance = site.staff(Role::Finance).await;
    let nobody = finance.get("/office/partners/0190a0b4-0000-7000-8000-000000000000/statement.pdf").await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    // Another partner's own page is about that partner.
    let other = site.partner("Ben").await;
    assert!(lines(&other.browser.get("/statistics/statement.csv").await.expect(StatusCode::OK)).is_empty());
});
