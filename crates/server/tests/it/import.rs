//! Taking over from another system: everything or nothing, once and again, and the books hold afterwards.

use std::{
    process::Command,
    sync::{Arc, Mutex},
};

use axum::http::{StatusCode, header};
use domain::{
    clock::Clock,
    deal::DealStatus,
    import::{Kind, Preset},
    permission::Role,
};
use server::{
    app::Env,
    config::Settings,
    ops::{
        Actor,
        import::{self, File, ImportError, Order, Report, Step},
    },
};
use store::{Db, both_databases, deals, partners, testing::Place};

use crate::{
    crash::PROGRAM,
    erasure::traces,
    support::{Answer, Browser, Folder, Site},
};

const PARTNERS: &str = "id,name,email,code,rate,status,joined_at
p1,Ann Obi,ann@example.com,ANN10,,active,2024-02-01
p2,Ben Roy,ben@example.com,ben-roy,12.5,active,2024-03-01
p3,Cas Low,cas@example.com,,,suspended,2024-03-02
";
const CLIENTS: &str = "id,name,email,phone,partner,created_at
c1,Nadia Bek,nadia@example.com,+1 202 555 0101,p1,2024-05-01 10:00
c2,\"Weber, Otto\",otto@example.com,,ben@example.com,2024-05-02
c3,Ines Gil,ines@example.com,,ANN10,2024-05-03
c4,Nobody's,nobody@example.com,,,2024-05-04
";
const DEALS: &str = "id,client,title,status,amount,commission,won_at,lost_at,reason
d1,c1,Website,won,12000.00,1200.00,2024-06-01,,
d2,c1,Shop,pending,,,,,
d3,otto@example.com,Film,won,4000,,2024-06-03,,Paid in cash
d4,c3,Logo,lost,,,,2024-06-04,Too dear
";
const BALANCES: &str = "partner,amount
ann@example.com,250.50
p2,0
";

fn files(texts: &[(Kind, &str)]) -> Vec<File> {
    texts
        .iter()
        .map(|(kind, text)| File {
            kind: *kind,
            name: format!("{}.csv", kind.as_str()),
            bytes: text.as_bytes().to_vec(),
        })
        .collect()
}

fn all() -> Vec<(Kind, &'static str)> {
    vec![
        (Kind::Partners, PARTNERS),
        (Kind::Clients, CLIENTS),
        (Kind::Deals, DEALS),
        (Kind::Balances, BALANCES),
    ]
}

fn order(texts: &[(Kind, &str)]) -> Order {
    Order {
        files: files(texts),
        preset: None,
        source: "old".into(),
        source_given: true,
        dry_run: false,
        invite: false,
    }
}

/// Imports as the command does; the steps that were told.
async fn take(site: &Site, by: &Actor, order: Order) -> (Result<Report, ImportError>, Vec<Step>) {
    let env = site.app.env();
    let parsed = Arc::new(import::read(&order, env.programme.currency, site.clock.now()));
    let steps = Arc::new(Mutex::new(Vec::new()));
    let (db, by, told) = (site.app.db.clone(), by.clone(), steps.clone());
    let env: Env = env;
    let done = tokio::task::spawn_blocking(move || {
        db.write_bulk_blocking(move |tx| {
            import::import(tx, &env, &by, &order, &parsed, |step| told.lock().unwrap().push(step))
        })
    });
    let done = done.await.unwrap();
    let steps = steps.lock().unwrap().clone();
    (done, steps)
}

/// The admin in whose name money is booked.
async fn admin(site: &Site) -> Actor {
    let admin = site.staff(Role::Admin).await;
    drop(admin);
    site.read(|tx| {
        let members = store::accounts::staff(tx)?;
        let member = members.into_iter().find(|member| member.role == Role::Admin).unwrap();
        Ok(Actor { id: member.id, name: member.name, role: Role::Admin.as_str() })
    })
    .await
}

async fn partner(site: &Site, email: &str) -> partners::Partner {
    let email = email.to_owned();
    site.read(move |tx| Ok(partners::by_email(tx, &email)?.unwrap())).await
}

/// How many accounts, clients, deals and rows of the ledger there are.
async fn counts(site: &Site) -> Vec<i64> {
    site.read(|tx| {
        let tables = [
            "account",
            "client",
            "client_word",
            "deal",
            "deal_event",
            "attribution",
            "import_row",
            "ledger_transfers",
            "audit",
        ];
        tables.iter().map(|table| tx.one(&format!("SELECT COUNT(*) FROM {table}"), &[])?.get(0)).collect()
    })
    .await
}

both_databases!(an_old_programme_goes_on_here, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    let (report, steps) = take(&site, &by, order(&all())).await;
    let report = report.unwrap();
    assert_eq!(
        report.sums(),
        [
            "partners: 3 rows, 3 new, 0 here before",
            "clients: 4 rows, 4 new, 0 here before",
            "deals: 4 rows, 4 new, 0 here before",
            "balances: 2 rows, 1 new, 0 here before",
        ]
    );
    assert_eq!(report.problems, []);
    assert!(steps.iter().any(|step| step.what == "clients" && step.of == 4));
    site.verify().await;
    // Won deals count towards the tier, and what the old system has paid is not paid again.
    let ann = partner(&site, "ann@example.com").await;
    assert_eq!((ann.clients, ann.deals_won, ann.volume.minor()), (2, 1, 1_200_000));
    assert_eq!(ann.created_at.rfc3339(), "2024-02-01T00:00:00Z");
    let ben = partner(&site, "ben@example.com").await;
    assert_eq!((ben.clients, ben.deals_won, ben.volume.minor()), (1, 1, 400_000));
    assert_eq!(ben.agreed_rate.map(|rate| rate.to_string()).as_deref(), Some("12.5 %"));
    let cas = partner(&site, "cas@example.com").await;
    assert_eq!(cas.suspended.map(|(_, why)| why).as_deref(), Some("Suspended in old when imported."));
    let currency = site.app.env().programme.currency;
    let id = ann.id.clone();
    let balances = site.read(move |tx| store::ledger::balances(tx, &id, currency)).await;
    assert_eq!(
        (balances.available.minor(), balances.profit.minor(), balances.on_hold.minor()),
        (25_050, 0, 0)
    );
    // Numbers follow the order in which clients came.
    let deals = site.read(|tx| deals::page(tx, &deals::Asked::default(), None, 50)).await;
    let told: Vec<_> = deals
        .iter()
        .rev()
        .map(|deal| (deal.number, deal.client_number, deal.title.as_str(), deal.status))
        .collect();
    assert_eq!(
        told,
        [
            (2001, 1004, "", DealStatus::Pending),
            (2002, 1001, "Website", DealStatus::Won),
            (2003, 1002, "Film", DealStatus::Won),
            (2004, 1003, "Logo", DealStatus::Lost),
            (2005, 1001, "Shop", DealStatus::Pending),
        ]
    );
    let why = |number: i64| {
        let deal = deals.iter().find(|deal| deal.number == number).unwrap();
        deal.won.as_ref().unwrap().commission_reason.clone()
    };
    assert_eq!(why(2002), "Settled before Goodword: old had booked $1,200.00.");
    assert_eq!(why(2003), "Settled before Goodword by old, which doesn't say with how much. Paid in cash");
    // Links that are in the world go on earning.
    let browser = site.browser();
    for word in ["ANN10", "ann10", "ben-roy"] {
        let landed = browser.get(&format!("/r/{word}")).await.expect(StatusCode::FOUND);
        let expected = if word == "ben-roy" { &ben.code } else { &ann.code };
        assert!(landed.location().contains(&format!("ref={expected}")), "{word}: {}", landed.location());
    }
    // Nobody was written to.
    assert_eq!(site.letters().await.iter().filter(|(_, to, _)| to == "ann@example.com").count(), 0);
    let admin = site.staff(Role::Admin).await;
    for (path, text) in [
        ("/office/clients/1001", "Imported from old."),
        ("/office/deals/2002", "Settled before Goodword: old had booked $1,200.00."),
        ("/office/audit", "Imported from another system"),
    ] {
        admin.get(path).await.expect(StatusCode::OK).expect_text(text);
    }
    // The next client has the next number.
    let next = site.partner("Next").await;
    assert_eq!(site.client_of(&next, "New").await, 1005);
});

both_databases!(the_same_files_again_change_nothing, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    take(&site, &by, order(&all())).await.0.unwrap();
    let before = counts(&site).await;
    let again = take(&site, &by, order(&all())).await.0.unwrap();
    assert_eq!(counts(&site).await, before);
    assert_eq!(
        again.sums(),
        [
            "partners: 3 rows, 0 new, 3 here before",
            "clients: 4 rows, 0 new, 4 here before",
            "deals: 4 rows, 0 new, 4 here before",
            "balances: 2 rows, 0 new, 1 here before",
        ]
    );
    // A longer file adds what is new, also to whom was imported before.
    let longer = [
        (Kind::Partners, format!("{PARTNERS}p4,Dee,dee@example.com,,,,\n")),
        (Kind::Clients, format!("{}c5,Eve,,,p4,2024-07-01\n", CLIENTS.replace("Nadia Bek", "Nadia Bekova"))),
        (
            Kind::Deals,
            format!("{DEALS}d5,c5,App,won,500,50,2024-07-02,,\nd6,c1,More,won,100,10,2024-07-03,,\n"),
        ),
        (Kind::Balances, format!("{BALANCES}p4,50\n")),
    ];
    let longer: Vec<(Kind, &str)> = longer.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
    let report = take(&site, &by, order(&longer)).await.0.unwrap();
    let notes: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        ["clients.csv, line 2: Imported before, and different since. What is here stays as it is."]
    );
    let ann = partner(&site, "ann@example.com").await;
    assert_eq!((ann.clients, ann.deals_won, ann.volume.minor()), (2, 2, 1_210_000));
    let dee = partner(&site, "dee@example.com").await;
    assert_eq!((dee.clients, dee.deals_won, dee.volume.minor()), (1, 1, 50_000));
    // Another system's identifiers are others.
    let other =
        Order { source: "older".into(), ..order(&[(Kind::Partners, "id,email\np1,fay@example.com\n")]) };
    assert_eq!(take(&site, &by, other).await.0.unwrap().sums(), ["partners: 1 rows, 1 new, 0 here before"]);
    site.verify().await;
});

both_databases!(nothing_is_taken_twice_unnoticed, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    take(&site, &by, order(&all())).await.0.unwrap();
    let before = counts(&site).await;
    let before_it = "Rows were taken over here before as old (3 partners, 4 clients, 4 deals, 1 balance).";
    // Nobody has said that this is another system.
    for dry_run in [true, false] {
        let unnamed = Order { source: "csv".into(), source_given: false, dry_run, ..order(&all()) };
        let said = refused(take(&site, &by, unnamed).await.0);
        let first = format!("{before_it} If these files come from there, say so: --source old.");
        assert!(said[0].starts_with(&first), "{said:?}");
        assert_eq!(counts(&site).await, before);
    }
    // Somebody has: what may be the same is named, line by line. Columns in another order make other rows of the same.
    let clients =
        "id,email,name,external_id\nc1,nadia@example.com,N. Bek,\nc4,,Nobody's,\nc7,,Somebody else,\n";
    let deals = "id,status,client,amount,won_at\nd1,won,c1,12000,2024-06-01\nd2,pending,c7,,\n";
    let texts = [
        (Kind::Partners, PARTNERS),
        (Kind::Clients, clients),
        (Kind::Deals, deals),
        (Kind::Balances, "partner,amount\np1,250.50\np2,5\n"),
    ];
    let other = Order { source: "crm".into(), ..order(&texts) };
    let report = take(&site, &by, other).await.0.unwrap();
    let said: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let joined = "This partner is here already and stays as they are; the row is joined to them.";
    assert_eq!(
        said,
        [
            format!("{before_it} These files are taken as those of another system, crm: what stands in both is taken twice."),
            format!("partners.csv, line 2, email: {joined}"),
            format!("partners.csv, line 3, email: {joined}"),
            format!("partners.csv, line 4, email: {joined}"),
            "clients.csv, line 2: C-1001 has the same email address. This makes a second client.".into(),
            "clients.csv, line 3: A client with the same id and name was imported from old as C-1004. This makes a second client.".into(),
            "deals.csv, line 2: A deal with the same id was imported from old as T-2002. This makes a second deal.".into(),
            "balances.csv, line 2, partner: This partner has an opening balance from old. This one is added to it.".into(),
        ]
    );
    // From now on there are two, and each is named.
    let unnamed = Order { source_given: false, ..order(&all()) };
    let said = refused(take(&site, &by, unnamed).await.0);
    assert!(said[0].contains("--source crm"), "{said:?}");
    site.verify().await;
});

both_databases!(a_dry_run_keeps_nothing_and_says_the_same, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    let before = counts(&site).await;
    let tried = take(&site, &by, Order { dry_run: true, ..order(&all()) }).await.0;
    let Err(ImportError::Tried(tried)) = tried else { panic!("{tried:?}") };
    assert_eq!(counts(&site).await, before);
    let done = take(&site, &by, order(&all())).await.0.unwrap();
    assert_eq!(*tried, done);
    // It took no numbers either: the first client is the first one.
    let deals = site.read(|tx| deals::page(tx, &deals::Asked::default(), None, 50)).await;
    assert_eq!(deals.iter().map(|deal| deal.number).min(), Some(2001));
    assert_eq!(deals.iter().map(|deal| deal.client_number).min(), Some(1001));
});

both_databases!(nobody_signs_up_for_what_is_somebody_elses, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    let stranger = site.partner("Stranger").await;
    let id = stranger.id.clone();
    let email = site.read(move |tx| Ok(partners::by_id(tx, &id)?.unwrap().email)).await;
    let partners = format!("{PARTNERS}p7,Mara,{email},,,,\n");
    let files = [(Kind::Partners, partners.as_str())];
    let refused = take(&site, &by, order(&files)).await.0;
    let Err(ImportError::Problems(report)) = refused else { panic!("{refused:?}") };
    let said: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|problem| problem.contains("never confirmed it")), "{said:?}");
    site.confirm(&stranger.id).await;
    take(&site, &by, order(&files)).await.0.unwrap();
});

both_databases!(one_wrong_line_keeps_everything_out, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    let known = site.partner("Mara Known").await;
    site.confirm(&known.id).await;
    let email = site.read(move |tx| Ok(partners::by_id(tx, &known.id)?.unwrap().email)).await;
    let before = counts(&site).await;
    let partners = format!(
        "{PARTNERS}p8,Ona,ona@example.com,ann10 a/b,,,\np1,Twice,twice@example.com,,,,\np5,Mara,{email},,,,\np6,Ann again,ANN@example.com,,,,\n"
    );
    let clients = format!("{CLIENTS}c6,Who,,,p9,\n");
    let deals = format!("{DEALS}d7,c9,X,won,5,,2024-01-01,,\nd8,c1,X,won,,,2024-01-01,,\n");
    let balances = format!("{BALANCES}p1,1\n");
    let texts = [
        (Kind::Partners, partners.as_str()),
        (Kind::Clients, clients.as_str()),
        (Kind::Deals, deals.as_str()),
        (Kind::Balances, balances.as_str()),
    ];
    let refused = take(&site, &by, order(&texts)).await.0;
    let Err(ImportError::Problems(report)) = refused else { panic!("{refused:?}") };
    let said: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "partners.csv, line 5, code: “ann10” is another partner's already; upper and lower case are the same.",
            "partners.csv, line 5, code: “a/b” can't stand in a link: a code has 2 to 64 letters from a to z, digits and . - _ ~ between them.",
            "partners.csv, line 6, id: The same stands in line 2. Remove one of the two.",
            "partners.csv, line 7, email: This partner is here already and stays as they are; the row is joined to them.",
            "partners.csv, line 8, email: Another line of this file has the same email address. Remove one of the two.",
            "clients.csv, line 6, partner: There is no partner “p9” here or in the partners' file.",
            "deals.csv, line 6, client: There is no client “c9” here or in the clients' file.",
            "deals.csv, line 7, amount: A won deal needs what it came to, above zero.",
            "balances.csv, line 4, partner: The same stands in line 2. Remove one of the two.",
        ]
    );
    assert_eq!(counts(&site).await, before);
});

both_databases!(what_was_settled_stays_settled, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    take(&site, &by, order(&all())).await.0.unwrap();
    let sales = site.staff(Role::Sales).await;
    let volume = async |email: &str| {
        let partner = partner(&site, email).await;
        (partner.clients, partner.deals_won, partner.volume.minor())
    };
    // A refund makes the volume smaller and takes nothing from anybody.
    sales
        .post("/office/deals/2002/refund", &[("amount", "2000"), ("reason", "A part fell away")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(volume("ann@example.com").await, (2, 1, 1_000_000));
    site.verify().await;
    // The client goes to another partner: the volume goes along, no commission is booked.
    let page = sales.get("/office/clients/1001").await.expect(StatusCode::OK);
    page.expect_text("takes no commission from anybody");
    sales
        .post("/office/clients/1001/attribution", &[("partner", "ben@example.com"), ("reason", "Ben's")])
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(volume("ann@example.com").await, (1, 0, 0));
    assert_eq!(volume("ben@example.com").await, (2, 2, 1_400_000));
    site.verify().await;
    sales
        .post("/office/clients/1001/attribution/none", &[("reason", "Nobody's")])
        .await
        .expect(StatusCode::SEE_OTHER);
    site.verify().await;
    sales
        .post(
            "/office/clients/1001/attribution",
            &[("partner", "ann@example.com"), ("reason", "Ann's after all")],
        )
        .await
        .expect(StatusCode::SEE_OTHER);
    assert_eq!(volume("ann@example.com").await, (2, 1, 1_000_000));
    site.verify().await;
    // Opened again it is a deal like any other.
    sales.post("/office/deals/2002/reopen", &[("reason", "Not yet")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(volume("ann@example.com").await, (2, 0, 0));
    sales.post("/office/deals/2002/win", &[("amount", "1000")]).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(volume("ann@example.com").await, (2, 1, 100_000));
    let deal = site.read(|tx| Ok(deals::by_number(tx, 2002)?.unwrap().won.unwrap())).await;
    assert_eq!((deal.commission.map(|booked| booked.amount.minor()), deal.settled), (Some(10_000), None));
    site.verify().await;
});

both_databases!(a_large_balance_waits_for_a_second_person, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    let texts = [(Kind::Partners, PARTNERS), (Kind::Balances, "partner,amount\np1,25000\np2,10\n")];
    take(&site, &by, order(&texts)).await.0.unwrap();
    let status = |partner: partners::Partner| {
        site.read(move |tx| Ok(store::adjustments::of_partner(tx, &partner.id, 5)?[0].status))
    };
    use domain::adjustment::AdjustmentStatus::{Booked, Proposed};
    assert_eq!(status(partner(&site, "ann@example.com").await).await, Proposed);
    assert_eq!(status(partner(&site, "ben@example.com").await).await, Booked);
    site.verify().await;
});

both_databases!(a_partner_gets_in_by_choosing_a_password, async |db: Db| {
    let settings = Settings {
        rate_limit: Some(0),
        smtp_url: Some("smtp://127.0.0.1:1".into()),
        mail_from: Some("partners@example.com".into()),
        ..Settings::default()
    };
    let site = Site::start_with(db, settings).await;
    let by = admin(&site).await;
    let order = Order { invite: true, ..order(&[(Kind::Partners, PARTNERS)]) };
    take(&site, &by, order).await.0.unwrap();
    let notices = async || {
        let letters = site.letters().await;
        letters.into_iter().filter(|(_, to, _)| to == "ann@example.com").collect::<Vec<_>>()
    };
    let invited = notices().await;
    assert_eq!(invited.iter().map(|(notice, ..)| notice.as_str()).collect::<Vec<_>>(), ["welcome"]);
    let browser = site.browser();
    browser.post("/recover", &[("email", "ann@example.com")]).await.expect(StatusCode::OK);
    let letters = notices().await;
    let body =
        &letters.iter().find(|(notice, ..)| notice == "recovery").unwrap_or_else(|| panic!("{letters:?}")).2;
    let secret = body.split("/reset/").nth(1).expect("a link").split_whitespace().next().unwrap();
    let path = format!("/reset/{secret}");
    browser.post(&path, &[("password", crate::support::PASSWORD)]).await.expect(StatusCode::SEE_OTHER);
    let signed_in =
        browser.post("/sign-in", &[("email", "ann@example.com"), ("password", crate::support::PASSWORD)]);
    signed_in.await.expect(StatusCode::SEE_OTHER);
    browser.get("/link").await.expect(StatusCode::OK).expect_text("/r/");
});

both_databases!(other_systems_columns_are_known, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    let texts = [
        (
            Kind::Partners,
            "id,user_id,name,email,referral_code,status,created_at\na1,u1,Ann,ann@example.com,ANN,ACTIVE,2025-01-01T00:00:00Z\n",
        ),
        (
            Kind::Clients,
            "id,affiliate_id,lead_name,lead_email,status,created_at\nr1,a1,Cleo,cleo@example.com,APPROVED,2025-02-01 09:30:00.000\n",
        ),
        (
            Kind::Deals,
            "id,referral_id,amount_cents,commission_cents,status,paid_at\nt1,r1,120000,12000,COMPLETED,2025-03-01 00:00:00\n",
        ),
        (Kind::Balances, "id,balance_cents\na1,4050\n"),
    ];
    let order = Order { preset: Some(Preset::Refferq), source: "refferq".into(), ..order(&texts) };
    take(&site, &by, order).await.0.unwrap();
    let ann = partner(&site, "ann@example.com").await;
    assert_eq!((ann.clients, ann.deals_won, ann.volume.minor()), (1, 1, 120_000));
    let reason =
        site.read(|tx| Ok(deals::by_number(tx, 2001)?.unwrap().won.unwrap().commission_reason)).await;
    assert_eq!(reason, "Settled before Goodword: Refferq had booked $120.00.");
    site.verify().await;
});

/// What a refused import says, a line each.
fn refused(done: Result<Report, ImportError>) -> Vec<String> {
    let Err(ImportError::Problems(report)) = done else { panic!("{done:?}") };
    report.problems.iter().map(ToString::to_string).collect()
}

const ERASE: [(&str, &str); 2] = [("reason", "Asked for it"), ("confirmation", "erase")];

both_databases!(nobody_who_was_erased_is_given_anything, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    let texts = [(Kind::Partners, PARTNERS), (Kind::Clients, CLIENTS), (Kind::Deals, DEALS)];
    take(&site, &by, order(&texts)).await.0.unwrap();
    let office = site.staff(Role::Admin).await;
    let ann = partner(&site, "ann@example.com").await.id;
    office.post(&format!("/office/partners/{ann}/erase"), &ERASE).await.expect(StatusCode::SEE_OTHER);
    office.post("/office/clients/1002/erase", &ERASE).await.expect(StatusCode::SEE_OTHER);
    let before = counts(&site).await;
    // The same files change nothing, and say whose lines were left out.
    let again = take(&site, &by, order(&texts)).await.0.unwrap();
    let notes: Vec<String> = again.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "partners.csv, line 2: This partner was erased here. The line is left out; take it out of the file.",
            "clients.csv, line 3: This client was erased here. The line is left out; take it out of the file.",
        ]
    );
    // What is new would be theirs.
    let clients = format!("{CLIENTS}c8,New,,,p1,2024-06-01\nc9,Newer,,,ann10,2024-06-01\n");
    let deals = format!("{DEALS}d8,c2,Film,won,100,,2024-06-03,,\n");
    let texts = [
        (Kind::Partners, PARTNERS),
        (Kind::Clients, clients.as_str()),
        (Kind::Deals, deals.as_str()),
        (Kind::Balances, BALANCES),
    ];
    let said = refused(take(&site, &by, order(&texts)).await.0);
    assert_eq!(
        said,
        [
            "partners.csv, line 2: This partner was erased here. The line is left out; take it out of the file.",
            "clients.csv, line 3: This client was erased here. The line is left out; take it out of the file.",
            "clients.csv, line 6, partner: “p1” was erased here. Leave this empty, so that the client is nobody's, or take the line out.",
            "clients.csv, line 7, partner: “ann10” was erased here. Leave this empty, so that the client is nobody's, or take the line out.",
            "deals.csv, line 6, client: “c2” was erased here. Take the line out.",
            "balances.csv, line 2, partner: “ann@example.com” was erased here. Take the line out.",
        ]
    );
    assert_eq!(counts(&site).await, before);
    site.verify().await;
});

both_databases!(what_was_said_of_a_settled_deal_goes_with_the_client, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    take(&site, &by, order(&all())).await.0.unwrap();
    assert!(!traces(&site, &["paid in cash"]).await.is_empty());
    let before = site.read(|tx| Ok(deals::by_number(tx, 2003)?.unwrap().won.unwrap())).await;
    let office = site.staff(Role::Admin).await;
    office.post("/office/clients/1002/erase", &ERASE).await.expect(StatusCode::SEE_OTHER);
    assert_eq!(traces(&site, &["paid in cash"]).await, [] as [String; 0]);
    let after = site.read(|tx| Ok(deals::by_number(tx, 2003)?.unwrap().won.unwrap())).await;
    assert_eq!((after.amount, after.settled, after.at), (before.amount, before.settled, before.at));
    assert_eq!(after.commission_reason, "Erased");
    site.verify().await;
});

both_databases!(no_volume_is_more_than_can_be_counted, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    let most = format!("{}.00", domain::money::MAX_MINOR / 100);
    let deals = format!("id,client,status,amount,won_at\nd1,c1,won,{most},2024-06-01\n");
    let first = [(Kind::Partners, PARTNERS), (Kind::Clients, CLIENTS), (Kind::Deals, deals.as_str())];
    take(&site, &by, order(&first)).await.0.unwrap();
    let more = format!("{deals}d2,c1,won,100,2024-06-02\n");
    let said = refused(take(&site, &by, order(&[(Kind::Deals, more.as_str())])).await.0);
    assert_eq!(
        said,
        ["deals.csv, line 3, amount: All that this partner has sold comes to more than can be counted."]
    );
});

both_databases!(many_are_taken_over_in_one_go, async |db: Db| {
    let site = Site::start(db).await;
    let by = admin(&site).await;
    let (partners, clients) = (400, 4_000);
    let mut files = [
        "id,name,email,code\n".to_owned(),
        "id,name,email,partner,created_at\n".into(),
        "id,client,status,amount,rate,won_at\n".into(),
        "partner,amount\n".into(),
    ];
    for place in 0..partners {
        files[0] += &format!("p{place},Partner {place},p{place}@example.com,CODE{place}\n");
        files[3] += &format!("p{place},{}.10\n", 1 + place);
    }
    for place in 0..clients {
        let (partner, day) = (place % partners, 1 + place % 28);
        files[1] += &format!("c{place},Client {place},c{place}@example.com,p{partner},2025-02-{day:02}\n");
        files[2] += &format!(
            "d{place},c{place},{},1000,10,2025-03-{day:02}\n",
            ["won", "lost", "pending"][place % 3]
        );
    }
    let texts: Vec<(Kind, &str)> = Kind::ALL.into_iter().zip(files.iter().map(String::as_str)).collect();
    let (report, steps) = take(&site, &by, order(&texts)).await;
    assert_eq!(report.unwrap().sums()[1], "clients: 4000 rows, 4000 new, 0 here before");
    let told: Vec<usize> = steps.iter().filter(|step| step.what == "clients").map(|step| step.done).collect();
    assert_eq!(told, [0, 500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500]);
    site.verify().await;
    let before = counts(&site).await;
    take(&site, &by, order(&texts)).await.0.unwrap();
    assert_eq!(counts(&site).await, before);
});

/// Sends files as a browser does: with the fields of the page's form.
async fn send(browser: &Browser, texts: &[(Kind, &str)], fields: &[(&str, &str)]) -> Answer {
    let mut body = String::new();
    for kind in Kind::ALL {
        let text = texts.iter().find(|(given, _)| *given == kind).map(|(_, text)| *text);
        let (name, file) = (kind.as_str(), text.map_or(String::new(), |_| format!("{}.csv", kind.as_str())));
        body += &format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: text/csv\r\n\r\n{}\r\n",
            text.unwrap_or_default()
        );
    }
    for (name, value) in fields {
        body += &format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += "--xyz--\r\n";
    let request = browser
        .request("/office/import")
        .header(header::ORIGIN, browser.base())
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=xyz");
    browser.send(request.body(body)).await
}

/// The hidden fields of the form that imports what was tried.
fn offered(page: &str) -> Vec<(String, String)> {
    let hidden = page.split("<input type=\"hidden\" name=\"").skip(1);
    hidden
        .map(|part| {
            let mut quoted = part.split('"');
            let name = quoted.next().unwrap().to_owned();
            (name, quoted.nth(1).unwrap().to_owned())
        })
        .collect()
}

both_databases!(the_office_tries_files_and_imports_what_was_tried, async |db: Db| {
    let site = Site::start(db).await;
    let office = site.staff(Role::Admin).await;
    site.staff(Role::Finance).await.get("/office/import").await.expect(StatusCode::FORBIDDEN);
    office.get("/office/export").await.expect_text("/office/import");
    office.get("/office/import").await.expect(StatusCode::OK).expect_text("Try the files");
    let before = counts(&site).await;
    // Nothing chosen, a preset that there isn't, a name that is none.
    let nothing = send(&office, &[], &[("preset", "other"), ("source", "a b!")]).await;
    let nothing = nothing.expect(StatusCode::UNPROCESSABLE_ENTITY);
    nothing.expect_text("Choose one file at least.");
    // A mistake is named where it is, and nothing is offered.
    let wrong = [(Kind::Partners, "id,email\np1,nobody\n"), (Kind::Clients, CLIENTS)];
    let refused = send(&office, &wrong, &[]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    refused.expect_text("An email address has a name, an @ and a domain");
    assert!(!refused.body.contains("name=\"tried\""), "{}", refused.body);
    // Mended it is tried, which keeps nothing; that very thing can be imported, without choosing it again.
    let page = send(&office, &all(), &[("preset", ""), ("source", "old")]).await.expect(StatusCode::OK);
    page.expect_text("The files can be imported.");
    assert_eq!(counts(&site).await, before);
    let fields = offered(&page.body);
    assert_eq!(fields.iter().filter(|(name, _)| name.starts_with("kept-")).count(), 4);
    // Something else under the same word is tried first.
    let mut other: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    other.retain(|(name, _)| !name.ends_with("-deals"));
    send(&office, &[], &other).await.expect(StatusCode::OK).expect_text("nothing was kept yet");
    assert_eq!(counts(&site).await, before);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    send(&office, &[], &fields).await.expect(StatusCode::OK).expect_text("Everything was imported.");
    let ann = partner(&site, "ann@example.com").await;
    assert_eq!((ann.clients, ann.deals_won, ann.volume.minor()), (2, 1, 1_200_000));
    let after = counts(&site).await;
    // Sent once more by a form without files, it changes nothing.
    let again = office.post("/office/import", &fields).await.expect(StatusCode::OK);
    again.expect_text("Everything was imported.");
    assert_eq!(counts(&site).await, after);
    // Under no name it would all be taken a second time.
    let unnamed = send(&office, &all(), &[]).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    unnamed.expect_text("Rows were taken over here before as old");
    let large = format!("id,name,email\n{}", "x".repeat(5 << 20));
    let refused = send(&office, &[(Kind::Partners, &large)], &[]).await;
    refused.expect(StatusCode::UNPROCESSABLE_ENTITY).expect_text("more than 4 MB together");
    site.verify().await;
});

#[test]
fn the_command_says_what_it_did() {
    let (place, folder) = (Place::empty_sqlite(), Folder::new());
    std::fs::create_dir_all(folder.path()).unwrap();
    for (kind, text) in all() {
        std::fs::write(folder.path().join(format!("{}.csv", kind.as_str())), text).unwrap();
    }
    let run = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["--database", &place.url(), "import"]).args(arguments).env("GOODWORD_LOG", "error");
        let output = command.output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    };
    let expect = |arguments: &[&str], code: i32, words: &[&str]| {
        let (status, said) = run(arguments);
        assert_eq!(status, Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    };
    let dir = folder.path().to_str().unwrap();
    expect(&[], 2, &["name a folder"]);
    expect(&[dir, "--preset", "other"], 2, &["--preset must be rewardful"]);
    expect(&[dir], 1, &["Open balances are booked in the name of an admin", "--by EMAIL"]);
    let staff = Command::new(PROGRAM)
        .args([
            "--database",
            &place.url(),
            "staff",
            "add",
            "--email",
            "ada@example.com",
            "--name",
            "Ada",
            "--role",
            "admin",
        ])
        .output()
        .unwrap();
    assert!(staff.status.success());
    expect(&[dir, "--by", "ben@example.com"], 1, &["ben@example.com is no admin's"]);
    let by = ["--by", "ada@example.com"];
    expect(
        &[dir, by[0], by[1], "--dry-run", "--progress"],
        0,
        &["THIS WAS A DRY RUN", "clients: 4 rows, 4 new", "clients: 0 of 4"],
    );
    expect(&[dir, by[0], by[1]], 0, &["deals: 4 rows, 4 new", "Imported, in"]);
    expect(&[dir, by[0], by[1]], 0, &["deals: 4 rows, 0 new, 4 here before"]);
    // Under another name it would all be taken a second time.
    let other =
        ["here before as csv (3 partners, 4 clients, 4 deals, 1 balance)", "--source csv", "--source NAME"];
    expect(&[dir, by[0], by[1], "--preset", "rewardful", "--dry-run"], 1, &other);
    expect(&[dir, by[0], by[1], "--preset", "rewardful"], 1, &other);
    // Somebody says that it is another system: each line is named, and an email address that two clients have is nobody's.
    expect(
        &[dir, by[0], by[1], "--source", "crm", "--dry-run"],
        1,
        &[
            "deals.csv, line 4, client: Several clients have this email address.",
            "note: Rows were taken over here before as csv",
            "note: clients.csv, line 2: The same row was imported from csv as C-1001. This makes a second client.",
            "note: deals.csv, line 2: The same row was imported from csv as T-2002. This makes a second deal.",
            "note: balances.csv, line 2, partner: This partner has an opening balance from csv. This one is added to it.",
        ],
    );
    let wrong = folder.path().join("wrong.csv");
    std::fs::write(&wrong, "email\nnobody\n").unwrap();
    let report = folder.path().join("report.txt");
    expect(
        &["--partners", wrong.to_str().unwrap(), "--report", report.to_str().unwrap()],
        1,
        &["wrong.csv, line 2, email: An email address has", "Nothing was imported: 1 problem"],
    );
    assert!(std::fs::read_to_string(report).unwrap().contains("wrong.csv, line 2, email"));
    let verify = Command::new(PROGRAM).args(["--database", &place.url(), "verify"]).output().unwrap();
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stdout));
}
