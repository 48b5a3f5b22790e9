//! Writing what was planned.

use domain::{import::Kind, money::Money};
use store::{
    DbError, Topic, Tx, imports,
    partners::{self, PartnerDay},
    sources,
};

use super::{ImportError, Order, Step, plan::Plan};
use crate::{
    app::Env,
    ops::{
        Actor, accounts, adjustments,
        audit::{self, Act, Change},
    },
};

/// How many rows are written in one go.
const CHUNK: usize = 500;

pub(super) fn write(
    tx: &mut Tx,
    env: &Env,
    quiet: &Env,
    by: &Actor,
    order: &Order,
    plan: &Plan,
    progress: &mut dyn FnMut(Step),
) -> Result<(), ImportError> {
    let reason = format!("Imported from {}.", order.called());
    chunks("partners", &plan.partners, progress, |rows| imports::insert_partners(tx, rows, env.now))?;
    chunks("old codes", &plan.aliases, progress, |rows| imports::insert_aliases(tx, rows, env.now))?;
    if !plan.aliases.is_empty() {
        tx.notify(Topic::Aliases)?;
    }
    chunks("clients", &plan.clients, progress, |rows| imports::insert_clients(tx, rows, &reason))?;
    chunks("deals", &plan.deals, progress, |rows| imports::insert_deals(tx, rows))?;
    chunks("notes for the next time", &plan.notes, progress, |rows| {
        imports::note(tx, &order.source, rows, env.now)
    })?;
    if order.invite {
        // Whoever was suspended over there is not welcomed.
        let invited = plan.partners.iter().filter(|partner| partner.suspended.is_none());
        for (done, partner) in invited.enumerate() {
            tell(progress, "invitations", done, plan.partners.len());
            accounts::welcome_imported(tx, env, &partner.id, &partner.email_key, partner.code)?;
        }
    }
    for (id, (clients, deals_won, volume)) in &plan.totals {
        partners::add_totals(tx, id, *clients, *deals_won, *volume)?;
    }
    let days: Vec<(&str, PartnerDay)> = plan
        .days
        .iter()
        .map(|((id, day), clients)| {
            (id.as_str(), PartnerDay { clients: *clients, ..PartnerDay::empty(*day) })
        })
        .collect();
    chunks("days", &days, progress, |rows| partners::add_to_days(tx, rows))?;
    for (partner_id, client, day) in &plan.won_before {
        sources::add_of_client(tx, partner_id, *client, *day, 1, Money::ZERO)?;
    }
    // Last, since the ledger's and the audit's rows are wanted by everybody else.
    tell(progress, "open balances", 0, plan.balances.len());
    let reason = format!("Opening balance from {}", order.called());
    let request = |partner_id: &str| format!("import:{}:{partner_id}", order.source);
    adjustments::open_balances(tx, quiet, by, &plan.balances, &reason, request)?;
    record(tx, quiet, by, order, plan)?;
    Ok(())
}

fn chunks<T>(
    what: &'static str,
    rows: &[T],
    progress: &mut dyn FnMut(Step),
    mut write: impl FnMut(&[T]) -> Result<(), DbError>,
) -> Result<(), DbError> {
    let mut done = 0;
    for chunk in rows.chunks(CHUNK) {
        progress(Step { what, done, of: rows.len() });
        write(chunk)?;
        done += chunk.len();
    }
    Ok(())
}

fn tell(progress: &mut dyn FnMut(Step), what: &'static str, done: usize, of: usize) {
    if done.is_multiple_of(CHUNK) {
        progress(Step { what, done, of });
    }
}

/// One line of the audit for all of it; open balances have one each, as any adjustment has.
fn record(tx: &mut Tx, env: &Env, by: &Actor, order: &Order, plan: &Plan) -> Result<(), DbError> {
    if plan.notes.is_empty() {
        return Ok(());
    }
    let noted = |kind: Kind| plan.notes.iter().filter(|note| note.kind == kind).count();
    let mut changes: Vec<Change> = order
        .files
        .iter()
        .map(|file| {
            Change::set(
                &format!("File of {}", file.kind.as_str()),
                format!("{}: {} rows taken", file.name, noted(file.kind)),
            )
        })
        .collect();
    changes.push(Change::set("New partners", plan.partners.len()));
    changes.push(Change::set("Old codes kept", plan.aliases.len()));
    changes.push(Change::set("New clients", plan.clients.len()));
    changes.push(Change::set("New deals", plan.deals.len()));
    changes.push(Change::set("SHA-256 of the files", order.hash()));
    let act = Act { what: "import.done", on: ("import", &order.source), changes: &changes, reason: "" };
    audit::record(tx, env, by, act)
}
