//! The CRM's own list of deals is held against the deals here: every planted difference is found, told and mended once.

use axum::http::{StatusCode, header};
use domain::{
    deal::DealStatus,
    permission::Role,
    reconcile::{Difference, Mend},
};
use store::{
    Db, both_databases,
    reconciliations::{self, Item, State},
};

use crate::support::{Answer, Browser, Partner, Site};

/// Somebody of sales with a list.
struct Desk<'a> {
    site: &'a Site,
    sales: Browser,
    id: String,
}

impl<'a> Desk<'a> {
    /// Gives a list as a file.
    async fn give(site: &'a Site, list: &str) -> Desk<'a> {
        let sales = site.staff(Role::Sales).await;
        let answer = send(&sales, "deals.csv", list.as_bytes()).await.expect(StatusCode::SEE_OTHER);
        let id = answer.location().strip_prefix("/office/reconcile/").unwrap().to_owned();
        Desk { site, sales, id }
    }

    fn path(&self, rest: &str) -> String {
        format!("/office/reconcile/{}{rest}", self.id)
    }

    /// Compares as the page suggests, with some fields otherwise.
    async fn compare(&self, other: &[(&str, &str)]) -> Answer {
        let page = self.sales.get(&self.path("")).await.expect(StatusCode::OK);
        let mut fields = suggested(&page.body);
        fields.retain(|(name, _)| !other.iter().any(|(known, _)| known == name));
        fields.extend(other.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let fields: Vec<(&str, &str)> =
            fields.iter().filter(|(_, value)| value != "-").map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.sales.post(&self.path("/compare"), &fields).await
    }

    async fn items(&self, state: State) -> Vec<Item> {
        let id = self.id.clone();
        self.site.read(move |tx| reconciliations::items(tx, &id, state, None, 0, 100)).await
    }

    /// The one open difference of a kind about what the CRM calls so.
    async fn open(&self, difference: Difference, external_id: &str) -> Item {
        let items = self.items(State::Open).await;
        let mut found =
            items.into_iter().filter(|item| item.difference == difference && item.external_id == external_id);
        let item = found.next().unwrap_or_else(|| panic!("no {difference:?} about {external_id}"));
        assert!(found.next().is_none(), "{difference:?} about {external_id} twice");
        item
    }

    async fn mend(&self, item: &Item, mend: Mend) -> Answer {
        let n = item.n.to_string();
        let page = self.sales.get(&self.path("")).await.expect(StatusCode::OK);
        let button = format!("name=\"n\" value=\"{n}\"");
        assert!(page.body.contains(&button), "{item:?} can't be mended");
        self.sales.post(&self.path("/mend"), &[("n", &n), ("mend", mend.as_str())]).await
    }
}

/// Sends a file as a browser does.
async fn send(browser: &Browser, name: &str, bytes: &[u8]) -> Answer {
    let mut body = format!(
        "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(
        b"\r\n--xyz\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n\r\n--xyz--\r\n",
    );
    let request = browser
        .request("/office/reconcile")
        .header(header::ORIGIN, browser.base())
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=xyz");
    browser.send(request.body(body)).await
}

/// The fields that a page's form of a list holds.
fn suggested(page: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for part in page.split("<select ").skip(1) {
        let name = part.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
        let options = part.split("</select>").next().unwrap();
        let chosen = options.split("<option ").find(|option| option.contains(" selected"));
        let value = chosen.map_or("", |option| option.split('"').nth(1).unwrap());
        fields.push((name.to_owned(), value.to_owned()));
    }
    for part in page.split("<input type=\"hidden\" name=\"word-").skip(1) {
        let mut quoted = part.split('"');
        let name = format!("word-{}", quoted.next().unwrap());
        fields.push((name, quoted.nth(1).unwrap().to_owned()));
    }
    if page.contains("name=\"only_named\" value=\"1\" checked") {
        fields.push(("only_named".into(), "1".into()));
    }
    fields
}

/// A deal of a partner's client that the CRM calls so.
async fn deal(site: &Site, partner: &Partner, external_id: &str) -> i64 {
    let client = site.client_of(partner, &format!("Client of {external_id}")).await;
    let number = site.deal_of(client).await.number;
    if !external_id.is_empty() {
        let id = external_id.to_owned();
        site.app.write(move |tx, _| store::deals::set_external(tx, number, &id)).await.unwrap();
    }
    number
}

async fn won(site: &Site, number: i64, amount: &str) {
    let sales = site.staff(Role::Sales).await;
    sales
        .post(&format!("/office/deals/{number}/win"), &[("amount", amount)])
        .await
        .expect(StatusCode::SEE_OTHER);
}

async fn standing(site: &Site, number: i64) -> (DealStatus, i64, i64) {
    let deal = site.read(move |tx| store::deals::by_number(tx, number)).await.unwrap();
    let won = deal.won.as_ref();
    (deal.status, won.map_or(0, |won| won.amount.minor()), won.map_or(0, |won| won.refunded.minor()))
}

both_databases!(every_planted_difference_is_found_and_mended_once, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let [stage, amount, lost, gone, same, broken] = {
        let mut numbers = Vec::new();
        for id in ["A1", "B1", "C1", "D1", "I1", "H1"] {
            numbers.push(deal(&site, &partner, id).await);
        }
        numbers.try_into().unwrap()
    };
    for number in [amount, lost] {
        won(&site, number, "500").await;
    }
    let numbered = deal(&site, &partner, "").await;
    let browser = site.browser();
    browser.get(&format!("/r/{}", partner.code)).await.expect(StatusCode::FOUND);
    let contact = [("name", "Faye"), ("email", "faye@faye.example.com")];
    let client = browser.post("/contact", &contact).await.expect(StatusCode::CREATED).client_number();
    let mailed = site.deal_of(client).await.number;
    let list = format!(
        "Deal ID;Status;Value;Lost reason;Contact person;Email;Transaction number;Ref\n\
         A1;Won;1.000,50;;;;;\n\
         B1;Won;400;;;;;\n\
         C1;Lost;;They went elsewhere;;;;\n\
         E1;Open;;;;;T-{numbered};\n\
         F1;Won;300;;Faye;FAYE@faye.example.com;;\n\
         G1;Won;700;;Gale;gale@gale.example.com;;{}\n\
         H1;Won;a lot;;;;;\n\
         I1;Open;5;;;;;\n\
         J1;Open;5;;Somebody direct;;;\n\
         A1;Open;;;;;;\n",
        partner.code
    );
    let desk = Desk::give(&site, &list).await;
    let draft = desk.sales.get(&desk.path("")).await.expect(StatusCode::OK);
    for text in ["deals.csv", "10 deals", "They went elsewhere", "What the stages mean"] {
        draft.expect_text(text);
    }
    desk.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    desk.compare_again_is_refused().await;
    let kinds: Vec<(Difference, String, Option<i64>)> = desk
        .items(State::Open)
        .await
        .into_iter()
        .map(|item| (item.difference, item.external_id, item.deal_number))
        .collect();
    let expected = [
        (Difference::Stage, "A1", Some(stage)),
        (Difference::Stage, "C1", Some(lost)),
        (Difference::Amount, "B1", Some(amount)),
        (Difference::MissingHere, "G1", None),
        (Difference::MissingThere, "D1", Some(gone)),
        (Difference::Unnamed, "E1", Some(numbered)),
        (Difference::Unnamed, "F1", Some(mailed)),
        (Difference::Unclear, "H1", Some(broken)),
        (Difference::Unclear, "A1", Some(stage)),
    ];
    assert_eq!(kinds, expected.map(|(kind, id, number)| (kind, id.to_owned(), number)));
    let page = desk.sales.get(&desk.path("")).await.expect(StatusCode::OK);
    for text in
        ["1,000.50", "Missing in the CRM", "could be two amounts", "Line 2 is about", "Partner&#39;s code"]
    {
        let shown = page.body.contains(text);
        assert_eq!(shown, text != "could be two amounts", "{text}");
    }

    let mend = async |difference, id: &str, mend| {
        let item = desk.open(difference, id).await;
        desk.mend(&item, mend).await.expect(StatusCode::SEE_OTHER);
        // Once: the second click finds it done.
        if mend != Mend::Name {
            let n = item.n.to_string();
            let again = [("n", n.as_str()), ("mend", mend.as_str())];
            desk.sales
                .post(&desk.path("/mend"), &again)
                .await
                .expect(StatusCode::CONFLICT)
                .expect_text("done already");
        }
    };
    mend(Difference::Stage, "A1", Mend::Win).await;
    assert_eq!(standing(&site, stage).await, (DealStatus::Won, 100_050, 0));
    mend(Difference::Amount, "B1", Mend::Refund).await;
    assert_eq!(standing(&site, amount).await, (DealStatus::Won, 50_000, 10_000));
    mend(Difference::Stage, "C1", Mend::LoseAgain).await;
    assert_eq!(standing(&site, lost).await.0, DealStatus::Lost);
    assert!(format!("{:?}", site.acts(&lost.to_string()).await).contains("They went elsewhere"));
    mend(Difference::MissingThere, "D1", Mend::Lose).await;
    assert_eq!(standing(&site, gone).await.0, DealStatus::Lost);
    assert!(format!("{:?}", site.acts(&gone.to_string()).await).contains("The CRM has no such deal."));
    mend(Difference::Unnamed, "E1", Mend::Name).await;
    assert_eq!(site.read(|tx| store::deals::by_external(tx, "E1")).await, Some(numbered));
    // Linked, it differs still: it is mended further.
    mend(Difference::Unnamed, "F1", Mend::Name).await;
    mend(Difference::Stage, "F1", Mend::Win).await;
    assert_eq!(standing(&site, mailed).await, (DealStatus::Won, 30_000, 0));
    mend(Difference::MissingHere, "G1", Mend::Enter).await;
    let entered = site.read(|tx| store::deals::by_external(tx, "G1")).await.unwrap();
    assert_eq!(standing(&site, entered).await, (DealStatus::Won, 70_000, 0));
    let of = site.read(move |tx| store::deals::by_number(tx, entered)).await.unwrap();
    assert_eq!((of.client_name.as_str(), of.partner.map(|of| of.id)), ("Gale", Some(partner.id.clone())));
    assert_eq!(standing(&site, same).await.0, DealStatus::Pending);
    let n = desk.open(Difference::Unclear, "H1").await.n.to_string();
    desk.sales.post(&desk.path("/leave"), &[("n", &n)]).await.expect(StatusCode::SEE_OTHER);
    desk.sales.post(&desk.path("/leave"), &[("n", &n)]).await.expect(StatusCode::CONFLICT);
    assert_eq!(desk.items(State::Mended).await.len(), 7);
    assert!(
        desk.items(State::Mended).await.iter().all(|item| item.said.is_empty() && item.email_key.is_empty())
    );
    let done = desk.sales.get(&desk.path("?state=mended")).await.expect(StatusCode::OK);
    done.expect_text(&format!("T-{entered} was entered and closed successfully with 700.00."));
    site.verify().await;

    // The same list again finds only what was left.
    let again = Desk::give(&site, &list).await;
    again.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    let left: Vec<String> = again.items(State::Open).await.into_iter().map(|item| item.external_id).collect();
    assert_eq!(left, ["H1", "A1"]);
});

impl Desk<'_> {
    async fn compare_again_is_refused(&self) {
        let refused = self.sales.post(&self.path("/compare"), &[("stage", "Status")]).await;
        refused.expect(StatusCode::CONFLICT).expect_text("compared already");
        self.sales.post(&self.path("/discard"), &[]).await.expect(StatusCode::CONFLICT);
    }
}

both_databases!(what_has_changed_since_is_not_touched, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let number = deal(&site, &partner, "A1").await;
    let other = deal(&site, &partner, "").await;
    let list = format!("ID,Stage,Amount,Transaction number\nA1,Won,1000,\nB1,Open,,T-{other}\nC1,Won,5,\n");
    let desk = Desk::give(&site, &list).await;
    desk.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    let item = desk.open(Difference::Stage, "A1").await;
    won(&site, number, "900").await;
    let n = item.n.to_string();
    let refused = desk.sales.post(&desk.path("/mend"), &[("n", &n), ("mend", "win")]).await;
    refused.expect(StatusCode::CONFLICT).expect_text(&format!("T-{number} has changed since"));
    assert_eq!(standing(&site, number).await, (DealStatus::Won, 90_000, 0));
    desk.sales.get(&desk.path("")).await.expect_text("Our deal has changed since");
    // The CRM's name has gone to another deal meanwhile.
    let taken = deal(&site, &partner, "B1").await;
    let item = desk.open(Difference::Unnamed, "B1").await;
    desk.mend(&item, Mend::Name)
        .await
        .expect(StatusCode::CONFLICT)
        .expect_text("is another deal here by now");
    assert_eq!(site.read(|tx| store::deals::by_external(tx, "B1")).await, Some(taken));
    // Nobody is entered of whom nothing is said, and nothing is done that isn't offered.
    let item = desk.open(Difference::MissingHere, "C1").await;
    for mend in ["enter", "win", "lose-again"] {
        let fields = [("n", &*item.n.to_string()), ("mend", mend)];
        desk.sales.post(&desk.path("/mend"), &fields).await.expect(StatusCode::NOT_FOUND);
    }
    for (n, mend) in [("99", "win"), ("x", "win"), ("1", "burn")] {
        desk.sales.post(&desk.path("/mend"), &[("n", n), ("mend", mend)]).await.expect(StatusCode::NOT_FOUND);
    }
    desk.sales.get(&desk.path("")).await.expect_text("doesn&#39;t say whose deal it is");
    site.verify().await;
});

both_databases!(two_people_mend_the_same_difference_at_once, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let list = format!("ID,Stage,Amount,Client,Ref\nG1,Won,700,Gale,{}\n", partner.code);
    let (one, two) = (Desk::give(&site, &list).await, Desk::give(&site, &list).await);
    for desk in [&one, &two] {
        desk.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    }
    let fields = [("n", "1"), ("mend", "enter")];
    let (path, other) = (one.path("/mend"), two.path("/mend"));
    let answers = tokio::join!(
        one.sales.post(&path, &fields),
        two.sales.post(&path, &fields),
        two.sales.post(&other, &fields)
    );
    let statuses = [answers.0.status, answers.1.status, answers.2.status];
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{statuses:?}");
    assert_eq!(site.read(|tx| tx.one("SELECT COUNT(*) FROM client", &[])?.get::<i64>(0)).await, 1);
    assert_eq!(site.balances(&partner).await.profit.minor(), 7_000);
    site.verify().await;
});

both_databases!(lists_that_cannot_be_read_are_told_and_mappings_are_asked_for, async |db: Db| {
    let site = Site::start(db).await;
    let sales = site.staff(Role::Sales).await;
    for (bytes, said) in [
        (&b""[..], "Choose a file"),
        (b"PK\x03\x04\xff", "saved as CSV first"),
        (b"ID,Stage\n", "no deals in it"),
    ] {
        let answer = send(&sales, if bytes.is_empty() { "" } else { "x.xlsx" }, bytes).await;
        answer.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text(said);
    }
    let pasted = sales.post("/office/reconcile", &[("text", "a\tb\n1\t2\n3\t4\n")]).await;
    let path = pasted.expect(StatusCode::SEE_OTHER).location().to_owned();
    sales.get(&path).await.expect(StatusCode::OK).expect_text("Choose the column with the stage first");
    let compare = format!("{path}/compare");
    let refused = sales.post(&compare, &[("stage", ""), ("deal", "no column"), ("since", "soon")]).await;
    let refused = refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
    for text in ["where the deal stands", "Choose a column.", "2027-01-31"] {
        refused.expect_text(text);
    }
    // A column is chosen: its words are asked for, with a guess.
    let asked = sales.post(&compare, &[("stage", "b"), ("deal", "a")]).await;
    let asked = asked.expect(StatusCode::UNPROCESSABLE_ENTITY);
    asked.expect_text("Another column tells the stage now");
    let fields: Vec<(String, String)> = suggested(&asked.body);
    assert!(fields.contains(&("word-1".into(), "4".into())), "{fields:?}");
    sales.post(&format!("{path}/discard"), &[]).await.expect(StatusCode::SEE_OTHER);
    sales.get(&path).await.expect(StatusCode::NOT_FOUND);
    for (role, status) in [(Role::Finance, StatusCode::FORBIDDEN), (Role::Support, StatusCode::FORBIDDEN)] {
        site.staff(role).await.get("/office/reconcile").await.expect(status);
    }
});

both_databases!(a_shorter_list_and_refunds_and_settled_deals, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let old = deal(&site, &partner, "OLD").await;
    let refunded = deal(&site, &partner, "R1").await;
    won(&site, refunded, "500").await;
    let sales = site.staff(Role::Sales).await;
    let refund = [("amount", "200"), ("reason", "Returned")];
    sales.post(&format!("/office/deals/{refunded}/refund"), &refund).await.expect(StatusCode::SEE_OTHER);
    let settled = deal(&site, &partner, "S1").await;
    won(&site, settled, "500").await;
    site.app
        .write(move |tx, _| {
            let sql =
                "UPDATE deal SET settled = commission, commission = NULL, rate_bp = NULL WHERE number = $1";
            tx.exec(sql, &[settled.into()])
        })
        .await
        .unwrap();
    // The CRM may say what was agreed on or what is left.
    for (amount, differences) in [("500", 0), ("300", 0), ("250", 1)] {
        let list = format!("ID,Stage,Amount\nR1,Won,{amount}\nS1,Lost,\nOLD,Open,\n");
        let desk = Desk::give(&site, &list).await;
        desk.compare(&[]).await.expect(StatusCode::SEE_OTHER);
        let found = desk.items(State::Open).await;
        let amounts = found.iter().filter(|item| item.difference == Difference::Amount).count();
        assert_eq!(amounts, differences, "{amount}: {found:?}");
        let item = desk.open(Difference::Stage, "S1").await;
        let fields = [("n", &*item.n.to_string()), ("mend", "lose-again")];
        desk.sales.post(&desk.path("/mend"), &fields).await.expect(StatusCode::CONFLICT);
        desk.sales.get(&desk.path("")).await.expect_text("Another system settled its commission");
    }
    // A client who has come before, with another deal, is told.
    let again = Desk::give(&site, "ID,Stage,Client,Email\nN1,Open,Somebody,client@example.net\n").await;
    again.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    let item = again.open(Difference::MissingHere, "N1").await;
    assert!(item.why.contains("has the same email address"), "{}", item.why);
    let list = "ID,Stage,Amount\nR1,Won,500\nS1,Won,500\n";
    let all = Desk::give(&site, list).await;
    all.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(all.open(Difference::MissingThere, "OLD").await.deal_number, Some(old));
    let later = Desk::give(&site, list).await;
    later.compare(&[("since", "2999-01-01")]).await.expect(StatusCode::SEE_OTHER);
    assert!(later.items(State::Open).await.is_empty());
    later.sales.get(&later.path("")).await.expect_text("Both sides say the same");
});

both_databases!(clients_the_crm_does_not_have_are_posted_to_it, async |db: Db| {
    let settings = server::config::Settings {
        rate_limit: Some(0),
        webhooks_private: Some(true),
        ..server::config::Settings::default()
    };
    let site = Site::start_with(db, settings).await;
    let partner = site.partner("Mara").await;
    let number = deal(&site, &partner, "").await;
    let list = "ID,Stage\nX1,Open\n";
    let none = Desk::give(&site, list).await;
    none.compare(&[("only_named", "1")]).await.expect(StatusCode::SEE_OTHER);
    let item = none.items(State::Open).await.remove(0);
    assert_eq!((item.difference, item.deal_number), (Difference::MissingThere, Some(number)));
    let fields = [("n", "1"), ("mend", "post")];
    none.sales
        .post(&none.path("/mend"), &fields)
        .await
        .expect(StatusCode::CONFLICT)
        .expect_text("No CRM is set up");
    let admin = site.staff(Role::Admin).await;
    let url = ("url", "http://127.0.0.1:9/deals");
    let request = [("name", "CRM"), url, ("method", "POST"), ("template", "{\"name\": \"{{client.name}}\"}")];
    admin.post("/office/webhooks/requests", &request).await.expect(StatusCode::SEE_OTHER);
    none.mend(&item, Mend::Post).await.expect(StatusCode::SEE_OTHER);
    let bodies = site
        .read(|tx| {
            let rows = tx.all("SELECT body FROM webhook_delivery", &[])?;
            rows.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>, _>>()
        })
        .await;
    assert!(bodies.len() == 1 && bodies[0].contains("Client of"), "{bodies:?}");
});

both_databases!(old_lists_and_reports_are_forgotten, async |db: Db| {
    let site = Site::start(db).await;
    let list = "ID,Stage,Client\nG1,Open,Gale\nG2,Open,Gus\n";
    let draft = Desk::give(&site, list).await;
    let report = Desk::give(&site, list).await;
    report.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    site.clock.advance(2 * domain::clock::DAY);
    server::jobs::sweep_once(&site.app).await.unwrap();
    draft.sales.get(&draft.path("")).await.expect(StatusCode::NOT_FOUND);
    assert_eq!(report.items(State::Open).await.len(), 2);
    site.clock.advance(90 * domain::clock::DAY);
    server::jobs::sweep_once(&site.app).await.unwrap();
    assert!(report.items(State::Open).await.is_empty());
    let id = report.id.clone();
    assert!(site.read(move |tx| reconciliations::by_id(tx, &id)).await.is_none());
});

both_databases!(what_lists_say_of_a_client_is_erased_with_the_client, async |db: Db| {
    let site = Site::start(db).await;
    let contact = [("name", "Zephyrine \"Z\" Quill"), ("email", "zephyrine@quill.example.com")];
    let client = site.browser().post("/contact", &contact).await.expect(StatusCode::CREATED).client_number();
    let list = "ID,Stage,Client,Email,Reason\n\
                Z1,Lost,Somebody,zephyrine@quill.example.com,Zephyrine said so\n\
                Z2,Open,\"Zephyrine \"\"Z\"\" Quill\",,\n\
                Z3,Open,Somebody else,,\n";
    let report = Desk::give(&site, list).await;
    report.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(report.items(State::Open).await.len(), 3);
    let draft = Desk::give(&site, list).await;
    let admin = site.staff(Role::Admin).await;
    let erase = [("confirmation", "erase"), ("reason", "Asked by the client")];
    admin.post(&format!("/office/clients/{client}/erase"), &erase).await.expect(StatusCode::SEE_OTHER);
    let said = format!("{:?}", report.items(State::Open).await);
    assert!(!said.contains("ephyrine") && said.contains("Somebody else"), "{said}");
    let id = draft.id.clone();
    assert_eq!(site.read(move |tx| reconciliations::file(tx, &id)).await, "");
    draft.sales.get(&draft.path("")).await.expect(StatusCode::CONFLICT).expect_text("Give it once more");
    draft.sales.post(&draft.path("/discard"), &[]).await.expect(StatusCode::SEE_OTHER);
});

both_databases!(deals_named_by_our_numbers_are_linked_at_once, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let mut list = "ID,Stage,Amount,Transaction number,Client number\n".to_owned();
    let mut numbers = Vec::new();
    for n in 0..4 {
        let number = deal(&site, &partner, "").await;
        numbers.push(number);
        list.push_str(&format!("X{n},{},50,T-{number},\n", if n == 0 { "Won" } else { "Open" }));
    }
    let guessed = site.client_of(&partner, "Guessed").await;
    list.push_str(&format!("X9,Open,,,C-{guessed}\n"));
    let desk = Desk::give(&site, &list).await;
    desk.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    // One of the names goes to another deal before: it is passed over.
    let taken = deal(&site, &partner, "X3").await;
    desk.sales.post(&desk.path("/link"), &[]).await.expect(StatusCode::SEE_OTHER);
    for (n, number) in numbers.iter().enumerate().skip(1).take(2) {
        let id = format!("X{n}");
        assert_eq!(site.read(move |tx| store::deals::by_external(tx, &id)).await, Some(*number));
    }
    assert_eq!(site.read(|tx| store::deals::by_external(tx, "X3")).await, Some(taken));
    let left: Vec<_> =
        desk.items(State::Open).await.into_iter().map(|item| (item.difference, item.external_id)).collect();
    let expected = [(Difference::Stage, "X0"), (Difference::Unnamed, "X3"), (Difference::Unnamed, "X9")];
    assert_eq!(left, expected.map(|(kind, id)| (kind, id.to_owned())));
    site.verify().await;
});

both_databases!(long_lists_are_taken_and_too_long_ones_are_told, async |db: Db| {
    let site = Site::start(db).await;
    let partner = site.partner("Mara").await;
    let known = deal(&site, &partner, "K7").await;
    let mut list = "ID,Stage,Amount,Client\n".to_owned();
    for n in 0..20_000 {
        list.push_str(&format!(
            "K{n},Open,1.00,{}\n",
            "A client of some name, written out at length ".repeat(2).trim()
        ));
    }
    assert!(list.len() > 1_500_000, "{}", list.len());
    let list = list.replace("A client of some name, written", "A client of some name written");
    let desk = Desk::give(&site, &list).await;
    desk.compare(&[]).await.expect(StatusCode::SEE_OTHER);
    // Of each kind a part is listed, and the rest counted.
    let page = desk.sales.get(&desk.path("")).await.expect(StatusCode::OK);
    page.expect_text("14999 differences more are not listed");
    let id = desk.id.clone();
    let report = site.read(move |tx| reconciliations::by_id(tx, &id)).await.unwrap();
    assert_eq!((report.lines, report.same, report.unlisted), (20_000, 1, 14_999));
    assert_eq!(standing(&site, known).await.0, DealStatus::Pending);
    let large = vec![b'x'; server::ops::reconcile::MOST_BYTES + 1];
    let answer = send(&desk.sales, "large.csv", &large).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    answer.expect_text("larger than 20 MiB");
    // Other forms stay short.
    let long = "x".repeat(300 * 1024);
    let path = desk.path("/leave");
    desk.sales.post(&path, &[("n", &long)]).await.expect(StatusCode::PAYLOAD_TOO_LARGE);
});
