//! Every form of the office, done once successfully: each leaves its records in the audit, in words for people.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use domain::{notice::NoticeKind, permission::Role};
use server::{
    config::Settings,
    ops::import::{File, Order},
    web::office,
};
use store::{Db, both_databases};

use crate::{
    audit::{older, records},
    batches::{made, with_wallets},
    claims,
    support::{Browser, Partner, Site},
    tickets,
};

/// Every address of the office that takes a form, and the records that a successful act leaves, oldest first.
const ACTS: &[(&str, &[&str])] = &[
    ("/office/clients/{n}/notes", &["client.noted"]),
    ("/office/clients/{n}/deals", &["deal.opened"]),
    ("/office/clients/{n}/attribution", &["client.attributed"]),
    ("/office/clients/{n}/attribution/none", &["client.attributed"]),
    ("/office/clients/{n}/code", &["client.attributed"]),
    ("/office/claims/{n}/accept", &["client.attributed", "claim.accepted"]),
    ("/office/claims/{n}/reject", &["claim.rejected"]),
    ("/office/deals/{n}/win", &["deal.won"]),
    ("/office/deals/{n}/lose", &["deal.lost"]),
    ("/office/deals/{n}/reopen", &["deal.reopened"]),
    ("/office/deals/{n}/refund", &["deal.refunded"]),
    ("/office/withdrawals/{id}/pay", &["withdrawal.paid"]),
    ("/office/withdrawals/{id}/approve", &["withdrawal.approved"]),
    ("/office/withdrawals/{id}/reject", &["withdrawal.rejected"]),
    ("/office/withdrawals/{id}/came-back", &["withdrawal.came_back"]),
    ("/office/withdrawals/batches", &["batch.made"]),
    ("/office/withdrawals/batches/{id}/take-off", &["batch.line_taken_off"]),
    ("/office/withdrawals/batches/{id}/dissolve", &["batch.dissolved"]),
    ("/office/withdrawals/batches/{id}/pay", &["withdrawal.paid", "batch.paid"]),
    ("/office/partners/{id}/suspend", &["partner.suspended"]),
    ("/office/partners/{id}/reinstate", &["partner.reinstated"]),
    ("/office/partners/{id}/erase", &["partner.erased"]),
    ("/office/clients/{n}/erase", &["client.erased"]),
    ("/office/partners/{id}/rate", &["partner.rate_agreed"]),
    ("/office/partners/{id}/adjust", &["adjustment.proposed"]),
    ("/office/adjustments/{id}/approve", &["adjustment.booked"]),
    ("/office/adjustments/{id}/decline", &["adjustment.declined"]),
    ("/office/feedback/{id}/answer", &["feedback.answered"]),
    ("/office/feedback/{id}/done", &["feedback.done"]),
    ("/office/feedback/{id}/reopen", &["feedback.reopened"]),
    ("/office/support/{n}/answer", &["support.answered"]),
    ("/office/support/{n}/note", &["support.noted"]),
    ("/office/support/{n}/close", &["support.closed"]),
    ("/office/support/{n}/reopen", &["support.reopened"]),
    ("/office/recovery/{id}/send", &["recovery.sent"]),
    ("/office/recovery/{id}/issue", &["recovery.issued"]),
    ("/office/recovery/{id}/close", &["recovery.closed"]),
    ("/office/outbox/{id}/send", &["message.sent_again"]),
    ("/office/outbox/{id}/drop", &["message.dropped"]),
    ("/office/import", &["import.done"]),
    ("/office/settings", &["settings.changed"]),
    ("/office/staff", &["staff.invited"]),
    ("/office/staff/{id}/role", &["staff.role_changed"]),
    ("/office/staff/{id}/disable", &["staff.disabled"]),
    ("/office/staff/{id}/enable", &["staff.enabled"]),
    ("/office/staff/{id}/invite", &["staff.invited_again"]),
    ("/office/tokens", &["token.made"]),
    ("/office/tokens/{id}/revoke", &["token.revoked"]),
    ("/office/crm/make", &["crm.made"]),
    ("/office/crm/{id}/mapping", &["crm.mapping_changed"]),
    // Nothing is changed: a text is read.
    ("/office/crm/{id}/try", &[]),
    ("/office/crm/{id}/again", &["crm.tried_again"]),
    ("/office/crm/{id}/close", &["crm.closed"]),
    ("/office/crm/news/{id}/apply", &["crm.tried_again"]),
    ("/office/crm/news/{id}/ignore", &["crm.ignored"]),
    ("/office/reconcile", &["reconciliation.given"]),
    ("/office/reconcile/{id}/compare", &["reconciliation.compared"]),
    ("/office/reconcile/{id}/discard", &["reconciliation.discarded"]),
    ("/office/reconcile/{id}/mend", &["client.entered", "reconciliation.mended"]),
    // Each that is linked leaves a record of its own; here is none.
    ("/office/reconcile/{id}/link", &[]),
    ("/office/reconcile/{id}/leave", &["reconciliation.left"]),
    ("/office/webhooks", &["webhook.added"]),
    ("/office/webhooks/requests", &["webhook.added"]),
    ("/office/webhooks/{id}/change", &["webhook.changed"]),
    ("/office/webhooks/{id}/off", &["webhook.switched_off"]),
    ("/office/webhooks/{id}/on", &["webhook.switched_on"]),
    ("/office/webhooks/{id}/secret", &["webhook.secret_made"]),
    ("/office/webhooks/{id}/test", &["webhook.tested"]),
    ("/office/webhooks/{id}/remove", &["webhook.removed"]),
    ("/office/webhooks/deliveries/{id}/send", &["webhook.sent_again"]),
];

both_databases!(every_form_of_the_office_is_expected_to_leave_something, async |db: Db| {
    let site = Site::start(db).await;
    let admin = site.staff(Role::Admin).await;
    let listed: BTreeSet<&str> = ACTS.iter().map(|(path, _)| *path).collect();
    assert_eq!(listed.len(), ACTS.len(), "an address stands twice");
    for route in office::table() {
        let path =
            route.path.replace("{n}", "999999").replace("{id}", "01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d");
        let takes_forms = admin.post(&path, &[]).await.status != StatusCode::METHOD_NOT_ALLOWED;
        assert_eq!(
            takes_forms,
            listed.contains(route.path.as_str()),
            "{} takes forms; say in ACTS what an act there leaves in the audit",
            route.path
        );
    }
});

/// Somebody of the office who acts, and checks what each act has left.
struct Walk<'a> {
    site: &'a Site,
    admin: Browser,
    finance: Browser,
    walked: BTreeSet<&'static str>,
}

impl Walk<'_> {
    /// Does something successfully at the address of a thing.
    async fn act(&mut self, section: &str, id: impl ToString, act: &str, fields: &[(&str, &str)]) -> String {
        let id = id.to_string();
        let parameter = if id.len() < 10 { "{n}" } else { "{id}" };
        self.post(
            &format!("/office/{section}/{parameter}/{act}"),
            &format!("/office/{section}/{id}/{act}"),
            fields,
        )
        .await
    }

    /// Does something successfully; `row` is the address as it stands in ACTS.
    async fn post(&mut self, row: &str, path: &str, fields: &[(&str, &str)]) -> String {
        let (row, expected) =
            ACTS.iter().find(|(listed, _)| *listed == row).unwrap_or_else(|| panic!("{row} is not in ACTS"));
        let before = records(self.site).await.len();
        let answer = self.admin.post(path, fields).await;
        let good = [StatusCode::OK, StatusCode::CREATED, StatusCode::SEE_OTHER];
        assert!(good.contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        let mut new = records(self.site).await;
        new.truncate(new.len() - before);
        new.sort_by_key(|record| record.seq);
        let words: Vec<&str> = new.iter().map(|record| record.act.as_str()).collect();
        assert_eq!(words, *expected, "{path}");
        for record in &new {
            assert_eq!((record.actor.as_str(), record.role.as_str()), ("Admin", "admin"), "{path}");
        }
        self.walked.insert(row);
        answer.body
    }
}

/// The value of a field of a form on a page.
fn field(body: &str, name: &str) -> String {
    let rest = body.split(&format!("name=\"{name}\"")).nth(1).unwrap_or_else(|| panic!("no {name}"));
    rest.split("value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn walk_clients(walk: &mut Walk<'_>, partner: &Partner) {
    let other = walk.site.partner("Jonas").await;
    let client = walk.site.client_of(partner, "Aurora").await;
    walk.act("clients", client, "notes", &[("message", "Called")]).await;
    let because = ("reason", "They met at the fair");
    walk.act("clients", client, "attribution", &[("partner", &other.code.to_string()), because]).await;
    walk.act("clients", client, "attribution/none", &[because]).await;
    walk.act("clients", client, "code", &[("code", &partner.code.to_string())]).await;
    walk.act("clients", client, "deals", &[("title", "Second")]).await;

    let deal = walk.site.deal_of(client).await.number;
    walk.act("deals", deal, "win", &[("amount", "20,000")]).await;
    walk.act("deals", deal, "refund", &[("amount", "100"), ("reason", "Part was not done")]).await;
    walk.act("deals", deal, "reopen", &[("reason", "A mistake")]).await;
    walk.act("deals", deal, "lose", &[("reason", "No budget")]).await;

    for (submission, ruling) in [("one", "accept"), ("two", "reject")] {
        claims::file(walk.site, &other, submission).await.expect(StatusCode::SEE_OTHER);
        let claim = claims::newest(walk.site, &other).await.number;
        let number = client.to_string();
        let mut fields = vec![("reason", "The address is hers")];
        if ruling == "accept" {
            fields.push(("client", &number));
        }
        walk.act("claims", claim, ruling, &fields).await;
    }
}

async fn walk_withdrawals(walk: &mut Walk<'_>) {
    let site = walk.site;
    let (partner, _, wallet) = with_wallets(site).await;
    let asked = partner.requested(site, "500", &wallet, "paid").await;
    walk.act("withdrawals", &asked, "pay", &[("reference", "TX-1")]).await;
    walk.act("withdrawals", &asked, "came-back", &[("reason", "The account is closed")]).await;
    let asked = partner.requested(site, "500", &wallet, "rejected").await;
    walk.act("withdrawals", &asked, "reject", &[("reason", "As agreed")]).await;

    let (one, two) = (
        partner.requested(site, "501", &wallet, "one").await,
        partner.requested(site, "502", &wallet, "two").await,
    );
    let choose = [(format!("choose[{one}]"), "1"), (format!("choose[{two}]"), "1")];
    let choose: Vec<(&str, &str)> = choose.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let row = "/office/withdrawals/batches";
    walk.post(row, row, &choose).await;
    let id = |address: String| address.rsplit('/').next().unwrap().to_owned();
    let newest = walk.admin.get("/office/withdrawals/batches").await.body;
    let batch = newest.split("href=\"/office/withdrawals/batches/").nth(1).unwrap();
    let batch = batch.split('"').next().unwrap().to_owned();
    walk.act("withdrawals/batches", &batch, "take-off", &[("withdrawal", &two)]).await;
    walk.act("withdrawals/batches", &batch, "dissolve", &[]).await;
    let batch = id(made(&walk.finance, &[&one]).await);
    walk.act("withdrawals/batches", &batch, "pay", &[("reference", "TX-2")]).await;

    site.set(|programme| programme.approval_from = Some(programme.currency.major(100))).await;
    walk.act("withdrawals", &two, "approve", &[("note", "Phoned them")]).await;
    let adjust =
        |request| [("amount", "150"), ("kind", "bonus"), ("reason", "A good year"), ("request", request)];
    walk.act("partners", &partner.id, "adjust", &adjust("one")).await;
    for (request, act) in [("two", "approve"), ("three", "decline")] {
        // Whoever proposed it doesn't decide.
        let path = format!("/office/partners/{}/adjust", partner.id);
        walk.finance.post(&path, &adjust(request)).await.expect(StatusCode::SEE_OTHER);
        let of = partner.id.clone();
        let proposed =
            site.read(move |tx| Ok(store::adjustments::of_partner(tx, &of, 1)?.remove(0).id)).await;
        walk.act("adjustments", &proposed, act, &[]).await;
    }
}

async fn walk_partners(walk: &mut Walk<'_>, partner: &Partner) {
    walk.act("partners", &partner.id, "rate", &[("rate", "17.5")]).await;
    walk.act("partners", &partner.id, "suspend", &[("reason", "Spam")]).await;
    walk.act("partners", &partner.id, "reinstate", &[]).await;
    let (gone, confirmed) =
        (walk.site.partner("Gone").await, [("reason", "Asked"), ("confirmation", "erase")]);
    let client = walk.site.client_of(&gone, "Gone as well").await;
    walk.act("clients", client, "erase", &confirmed).await;
    walk.act("partners", &gone.id, "erase", &confirmed).await;
}

async fn walk_inboxes(walk: &mut Walk<'_>, partner: &Partner) {
    partner.browser.post("/feedback", &[("message", "Good"), ("page", "/link")]).await;
    let inbox = walk.admin.get("/office/feedback").await.body;
    let id = inbox.split("/office/feedback/").nth(1).unwrap();
    let id = id.split(['/', '"']).next().unwrap().to_owned();
    walk.act("feedback", &id, "done", &[]).await;
    walk.act("feedback", &id, "reopen", &[]).await;
    walk.act("feedback", &id, "answer", &[("answer", "Thank you")]).await;

    let ticket = tickets::number_in(tickets::ask(&partner.browser, &[]).await);
    walk.act("support", ticket, "note", &[("message", "Look at the ledger")]).await;
    walk.act("support", ticket, "answer", &[("answer", "It is on its way")]).await;
    walk.act("support", ticket, "close", &[]).await;
    walk.act("support", ticket, "reopen", &[]).await;
}

async fn walk_recovery_and_outbox(walk: &mut Walk<'_>, partner: &Partner) {
    let site = walk.site;
    let id = partner.id.clone();
    let email = site.read(move |tx| Ok(store::accounts::by_id(tx, &id)?.unwrap().email)).await;
    for (act, fields) in [("send", [].as_slice()), ("issue", &[]), ("close", &[])] {
        site.browser().post("/recover", &[("email", &email)]).await.expect(StatusCode::OK);
        walk.act("recovery", &partner.id, act, fields).await;
    }

    let filter = store::outbox::Filter::default();
    let letters = site.read(move |tx| store::outbox::list(tx, &filter, None, 1000)).await;
    let rejected = letters.iter().find(|letter| letter.notice == NoticeKind::WithdrawalRejected).unwrap();
    walk.act("outbox", &rejected.id, "drop", &[]).await;
    walk.act("outbox", &rejected.id, "send", &[]).await;
}

async fn walk_programme(walk: &mut Walk<'_>) {
    let settings = walk.admin.get("/office/settings").await.body;
    let version = field(&settings, "version");
    let fields = [
        ("version", version.as_str()),
        ("name", "Northwind Partners"),
        ("currency", "USD"),
        ("minimum_withdrawal", "400"),
        ("hold_days", "0"),
        ("window_days", "90"),
        ("link_rule", "last"),
        ("claim_days", "5"),
        ("cooling_hours", "24"),
        ("tier[0].from", "0"),
        ("tier[0].rate", "10"),
    ];
    walk.post("/office/settings", "/office/settings", &fields).await;
    let invite = [("name", "Lea"), ("email", "lea@example.com"), ("role", "sales")];
    walk.post("/office/staff", "/office/staff", &invite).await;
    let members = walk.site.read(store::accounts::staff).await;
    let id = members.iter().find(|member| member.name == "Lea").unwrap().id.clone();
    walk.act("staff", &id, "invite", &[]).await;
    walk.act("staff", &id, "role", &[("role", "finance")]).await;
    walk.act("staff", &id, "disable", &[]).await;
    walk.act("staff", &id, "enable", &[]).await;
    let token = [("name", "CRM"), ("scope_read", "1"), ("days", "")];
    walk.post("/office/tokens", "/office/tokens", &token).await;
    let crm = walk.site.read(store::tokens::all).await[0].id.clone();
    walk.act("tokens", &crm, "revoke", &[]).await;
    // What is so already is not recorded again.
    let before = records(walk.site).await.len();
    for (act, fields) in [("enable", [].as_slice()), ("role", &[("role", "finance")])] {
        walk.admin.post(&format!("/office/staff/{id}/{act}"), fields).await.expect(StatusCode::SEE_OTHER);
    }
    assert_eq!(records(walk.site).await.len(), before);
}

async fn walk_crm(walk: &mut Walk<'_>) {
    let made =
        walk.post("/office/crm/make", "/office/crm/make", &[("name", "CRM"), ("preset", "other")]).await;
    let address = made.split("/hooks/").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let sent = walk.site.browser().request(&format!("/hooks/{address}")).body("<nonsense>");
    walk.site.browser().send(sent).await.expect(StatusCode::OK);
    let id = walk.site.read(store::crm::sources).await[0].id.clone();
    walk.act("crm", &id, "mapping", &[("stage", "/stage"), ("stages", "WON = won")]).await;
    walk.act("crm", &id, "try", &[("sample", "{}")]).await;
    walk.act("crm", &id, "again", &[]).await;
    let of = id.clone();
    let news = walk.site.read(move |tx| store::crm::items(tx, &of, None, None, 1)).await.remove(0).id;
    walk.act("crm/news", &news, "apply", &[]).await;
    walk.act("crm/news", &news, "ignore", &[]).await;
    walk.act("crm", &id, "close", &[]).await;
}

async fn walk_import(walk: &mut Walk<'_>) {
    let kept = "ZW1haWwKdGFrZW5AZXhhbXBsZS5jb20K";
    let (kind, name, bytes) =
        (domain::import::Kind::Partners, "partners.csv".to_owned(), b"email\ntaken@example.com\n".to_vec());
    let order = Order {
        files: vec![File { kind, name, bytes }],
        preset: None,
        source: "csv".into(),
        source_given: false,
        dry_run: false,
        invite: false,
    };
    let fields = [("kept-partners", kept), ("name-partners", "partners.csv"), ("tried", &order.hash())];
    walk.post("/office/import", "/office/import", &fields).await;
}

async fn walk_reconcile(walk: &mut Walk<'_>) {
    let text = [("text", "ID,Stage,Client\nG1,Open,Gale\nG2,Open,Gus\n")];
    for _ in 0..2 {
        walk.post("/office/reconcile", "/office/reconcile", &text).await;
    }
    let lists = walk.site.read(|tx| store::reconciliations::page(tx, None, 2)).await;
    walk.act("reconcile", &lists[0].id, "discard", &[]).await;
    let fields = [
        ("deal", "ID"),
        ("stage", "Stage"),
        ("name", "Client"),
        ("stage-0", "pending"),
        ("word-0", "Open"),
        ("since", "2999-01-01"),
    ];
    walk.act("reconcile", &lists[1].id, "compare", &fields).await;
    walk.act("reconcile", &lists[1].id, "mend", &[("n", "1"), ("mend", "enter")]).await;
    walk.act("reconcile", &lists[1].id, "link", &[]).await;
    walk.act("reconcile", &lists[1].id, "leave", &[("n", "2")]).await;
}

async fn walk_webhooks(walk: &mut Walk<'_>) {
    let url = ("url", "https://hooks.example.com/in");
    let fields = [("name", "Books"), url, ("event_deal_won", "1")];
    walk.post("/office/webhooks", "/office/webhooks", &fields).await;
    let id = walk.site.read(store::webhooks::all).await[0].id.clone();
    walk.act("webhooks", &id, "change", &[("name", "Books"), url, ("event_deal_lost", "1")]).await;
    walk.act("webhooks", &id, "secret", &[("hours", "24")]).await;
    walk.act("webhooks", &id, "off", &[]).await;
    walk.act("webhooks", &id, "on", &[]).await;
    walk.act("webhooks", &id, "test", &[]).await;
    let of = id.clone();
    let delivery = walk
        .site
        .read(move |tx| Ok(store::webhook_deliveries::list(tx, &of, None, None, 1)?.remove(0).id))
        .await;
    walk.act("webhooks/deliveries", &delivery, "send", &[]).await;
    walk.act("webhooks", &id, "remove", &[]).await;
    let fields = [("name", "CRM"), url, ("method", "POST"), ("template", "{}")];
    walk.post("/office/webhooks/requests", "/office/webhooks/requests", &fields).await;
}

both_databases!(every_act_of_the_office_leaves_its_record, async |db: Db| {
    let settings = Settings {
        smtp_url: Some("smtp://127.0.0.1:9".into()),
        mail_from: Some("partners@example.com".into()),
        rate_limit: Some(0),
        ..Settings::default()
    };
    let site = Site::start_with(db, settings).await;
    let partner = site.partner("Mara").await;
    let mut walk = Walk {
        site: &site,
        admin: site.staff(Role::Admin).await,
        finance: site.staff(Role::Finance).await,
        walked: BTreeSet::new(),
    };
    walk_clients(&mut walk, &partner).await;
    walk_withdrawals(&mut walk).await;
    walk_partners(&mut walk, &partner).await;
    walk_inboxes(&mut walk, &partner).await;
    walk_recovery_and_outbox(&mut walk, &partner).await;
    walk_programme(&mut walk).await;
    walk_crm(&mut walk).await;
    walk_reconcile(&mut walk).await;
    walk_import(&mut walk).await;
    walk_webhooks(&mut walk).await;
    let missing: Vec<_> = ACTS.iter().filter(|(path, _)| !walk.walked.contains(path)).collect();
    assert!(missing.is_empty(), "not walked: {missing:?}");
    site.verify().await;

    // Each is read as a sentence, and what it was done to is shown where it is.
    let mut next = Some("/office/audit".to_owned());
    while let Some(address) = next {
        let page = walk.admin.get(&address).await.expect(StatusCode::OK);
        for record in records(&site).await {
            assert!(!page.body.contains(&record.act), "{} is shown as it is", record.act);
        }
        next = older(&page.body);
    }
});
