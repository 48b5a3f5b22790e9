//! Pages for staff. Every address is here with the permission it needs; nothing of the office is reached past
//! this table, and the tests walk the whole of it.

pub mod adjustments;
pub mod attribution;
pub mod audit;
mod audit_words;
pub mod batch;
pub mod batch_files;
pub mod batches;
pub mod claim;
pub mod claims;
pub mod client;
pub mod clients;
pub mod crm;
pub mod crm_item;
pub mod crm_source;
pub mod deal;
mod desk;
pub mod erasure;
pub mod export;
pub mod feedback;
pub mod feedback_message;
pub mod hook_form;
pub mod import;
pub mod outbox;
pub mod partner;
pub mod partners;
pub mod parts;
pub mod reconcile;
pub mod reconcile_list;
pub mod reconcile_report;
pub mod recovery;
pub mod settings;
pub mod staff;
mod statement;
pub mod support;
pub mod ticket;
pub mod tokens;
pub mod webhook;
pub mod webhook_delivery;
pub mod webhook_requests;
pub mod webhooks;
pub mod withdrawal;
pub mod withdrawal_acts;
pub mod withdrawals;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn,
    routing::{MethodRouter, get, post},
};
use domain::permission::{Permission, Role};

use super::{
    paths,
    show::{Page, go_to},
    visitor::{Staff, allow},
};
use crate::app::App;

/// An address of the office.
pub struct OfficeRoute {
    /// The path, with parameters in braces.
    pub path: String,
    /// What the person must be allowed to do, whatever the method.
    pub permission: Permission,
    handler: MethodRouter<App>,
}

fn route(path: impl Into<String>, permission: Permission, handler: MethodRouter<App>) -> OfficeRoute {
    OfficeRoute { path: path.into(), permission, handler }
}

/// The permission table of the office.
pub fn table() -> Vec<OfficeRoute> {
    use Permission::*;
    let clients = |rest: &str| format!("{}/{{n}}{rest}", paths::OFFICE_CLIENTS);
    let deals = |rest: &str| format!("{}/{{n}}{rest}", paths::OFFICE_DEALS);
    let claims = |rest: &str| format!("{}/{{n}}{rest}", paths::OFFICE_CLAIMS);
    let withdrawals = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_WITHDRAWALS);
    let batches = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_BATCHES);
    let adjustments = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_ADJUSTMENTS);
    let partners = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_PARTNERS);
    let feedback = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_FEEDBACK);
    let tickets = |rest: &str| format!("{}/{{n}}{rest}", paths::OFFICE_SUPPORT);
    let recovery = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_RECOVERY);
    let messages = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_OUTBOX);
    let of_token = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_TOKENS);
    let of_crm = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_CRM);
    let lists = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_RECONCILE);
    let of_news = |rest: &str| format!("{}/news/{{id}}{rest}", paths::OFFICE_CRM);
    let hooks = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_WEBHOOKS);
    let deliveries = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_DELIVERIES);
    let members = |rest: &str| format!("{}/{{id}}{rest}", paths::OFFICE_STAFF);
    vec![
        route(paths::OFFICE, Office, get(home)),
        route(paths::OFFICE_CLIENTS, ReadClients, get(clients::page)),
        route(clients(""), ReadClients, get(client::page)),
        route(clients("/notes"), CloseDeals, post(client::add_note)),
        route(clients("/erase"), ErasePeople, post(erasure::client)),
        route(clients("/deals"), CloseDeals, post(client::add_deal)),
        route(clients("/attribution"), AssignClients, post(attribution::assign)),
        route(clients("/attribution/none"), AssignClients, post(attribution::take_away)),
        route(clients("/code"), AssignClients, post(attribution::give_code)),
        route(paths::OFFICE_CLAIMS, RuleOnClaims, get(claims::page)),
        route(claims(""), RuleOnClaims, get(claim::page)),
        route(claims("/accept"), RuleOnClaims, post(claim::accept)),
        route(claims("/reject"), RuleOnClaims, post(claim::reject)),
        route(deals(""), ReadClients, get(deal::page)),
        route(deals("/win"), CloseDeals, post(deal::win)),
        route(deals("/lose"), CloseDeals, post(deal::lose)),
        route(deals("/reopen"), CloseDeals, post(deal::reopen)),
        route(deals("/refund"), CloseDeals, post(deal::refund)),
        route(paths::OFFICE_WITHDRAWALS, ReadWithdrawals, get(withdrawals::page)),
        route(withdrawals(""), ReadWithdrawals, get(withdrawal::page)),
        route(withdrawals("/pay"), DecideWithdrawals, post(withdrawal_acts::pay)),
        route(withdrawals("/approve"), DecideWithdrawals, post(withdrawal_acts::approve)),
        route(withdrawals("/reject"), DecideWithdrawals, post(withdrawal_acts::reject)),
        route(withdrawals("/came-back"), DecideWithdrawals, post(withdrawal_acts::came_back)),
        route(paths::OFFICE_BATCHES, DecideWithdrawals, get(batches::page).post(batches::make)),
        route(batches(""), ReadWithdrawals, get(batch::page)),
        route(batches("/pay"), DecideWithdrawals, post(batch::pay)),
        route(batches("/take-off"), DecideWithdrawals, post(batch::take_off)),
        route(batches("/dissolve"), DecideWithdrawals, post(batch::dissolve)),
        route(batches("/payments.csv"), DecideWithdrawals, get(batch_files::csv)),
        route(batches("/pain001.xml"), DecideWithdrawals, get(batch_files::pain001)),
        route(paths::OFFICE_PARTNERS, ReadPartners, get(partners::page)),
        route(partners(""), ReadPartners, get(partner::page)),
        route(partners("/statement.csv"), ReadWithdrawals, get(statement::csv)),
        #[cfg(feature = "pdf")]
        route(partners("/statement.pdf"), ReadWithdrawals, get(statement::pdf)),
        route(partners("/suspend"), ManagePartners, post(partner::suspend)),
        route(partners("/reinstate"), ManagePartners, post(partner::reinstate)),
        route(partners("/erase"), ErasePeople, post(erasure::partner)),
        route(partners("/rate"), ManagePartners, post(partner::set_rate)),
        route(partners("/adjust"), AdjustBalances, post(adjustments::adjust)),
        route(adjustments("/approve"), AdjustBalances, post(adjustments::approve)),
        route(adjustments("/decline"), AdjustBalances, post(adjustments::decline)),
        route(paths::OFFICE_FEEDBACK, ReadFeedback, get(feedback::page)),
        route(feedback(""), ReadFeedback, get(feedback_message::page)),
        route(feedback("/answer"), ReadFeedback, post(feedback_message::answer)),
        route(feedback("/done"), ReadFeedback, post(feedback::done)),
        route(feedback("/reopen"), ReadFeedback, post(feedback::reopen)),
        route(paths::OFFICE_SUPPORT, AnswerSupport, get(support::page)),
        route(tickets(""), AnswerSupport, get(ticket::page)),
        route(tickets("/answer"), AnswerSupport, post(ticket::answer)),
        route(tickets("/note"), AnswerSupport, post(ticket::note)),
        route(tickets("/close"), AnswerSupport, post(ticket::close)),
        route(tickets("/reopen"), AnswerSupport, post(ticket::reopen)),
        route(paths::OFFICE_RECOVERY, RecoverAccounts, get(recovery::page)),
        route(recovery("/issue"), RecoverAccounts, post(recovery::issue)),
        route(recovery("/send"), RecoverAccounts, post(recovery::send)),
        route(recovery("/close"), RecoverAccounts, post(recovery::close)),
        route(paths::OFFICE_OUTBOX, ReadOutbox, get(outbox::page)),
        route(messages(""), ReadOutbox, get(outbox::message)),
        route(messages("/send"), ReadOutbox, post(outbox::send_again)),
        route(messages("/drop"), ReadOutbox, post(outbox::stop)),
        route(paths::OFFICE_AUDIT, ReadAudit, get(audit::page)),
        route(paths::OFFICE_AUDIT_CSV, ReadAudit, get(audit::table)),
        route(paths::OFFICE_EXPORT, ExportEverything, get(export::page)),
        route(format!("{}/{{id}}", paths::OFFICE_EXPORT), ExportEverything, get(export::file)),
        route(
            paths::OFFICE_IMPORT,
            ImportEverything,
            get(import::page).post(import::give).layer(DefaultBodyLimit::max(import::LIMIT)),
        ),
        route(paths::OFFICE_SETTINGS, ChangeSettings, get(settings::page).post(settings::save)),
        route(paths::OFFICE_STAFF, ManageStaff, get(staff::page).post(staff::invite)),
        route(members("/role"), ManageStaff, post(staff::set_role)),
        route(members("/disable"), ManageStaff, post(staff::disable)),
        route(members("/enable"), ManageStaff, post(staff::enable)),
        route(members("/invite"), ManageStaff, post(staff::invite_again)),
        route(paths::OFFICE_CRM, ReadCrm, get(crm::page)),
        route(format!("{}/make", paths::OFFICE_CRM), ManageCrm, post(crm::make)),
        route(of_crm(""), ReadCrm, get(crm_source::page)),
        route(of_crm("/mapping"), ManageCrm, post(crm_source::change_mapping)),
        route(of_crm("/try"), ManageCrm, post(crm_source::try_out)),
        route(of_crm("/close"), ManageCrm, post(crm_source::close)),
        route(of_crm("/again"), ReadCrm, post(crm_source::apply_waiting)),
        route(of_news(""), ReadCrm, get(crm_item::page)),
        route(of_news("/apply"), ReadCrm, post(crm_item::apply)),
        route(of_news("/ignore"), ReadCrm, post(crm_item::ignore)),
        route(
            paths::OFFICE_RECONCILE,
            Reconcile,
            get(reconcile::page).post(reconcile::give).layer(DefaultBodyLimit::max(reconcile::LIMIT)),
        ),
        route(lists(""), Reconcile, get(reconcile_list::page)),
        route(lists("/compare"), Reconcile, post(reconcile_list::compare)),
        route(lists("/discard"), Reconcile, post(reconcile_list::discard)),
        route(lists("/mend"), Reconcile, post(reconcile_report::mend)),
        route(lists("/link"), Reconcile, post(reconcile_report::link)),
        route(lists("/leave"), Reconcile, post(reconcile_report::leave)),
        route(paths::OFFICE_TOKENS, ManageTokens, get(tokens::page).post(tokens::make)),
        route(of_token("/revoke"), ManageTokens, post(tokens::revoke)),
        route(paths::OFFICE_WEBHOOKS, ManageWebhooks, get(webhooks::page).post(webhooks::add)),
        route(hooks(""), ManageWebhooks, get(webhook::page)),
        route(hooks("/change"), ManageWebhooks, post(webhook::change)),
        route(hooks("/on"), ManageWebhooks, post(webhook::on)),
        route(hooks("/off"), ManageWebhooks, post(webhook::off)),
        route(hooks("/secret"), ManageWebhooks, post(webhook::secret)),
        route(hooks("/test"), ManageWebhooks, post(webhook::test)),
        route(hooks("/remove"), ManageWebhooks, post(webhook::remove)),
        route(
            paths::OFFICE_REQUESTS,
            ManageWebhooks,
            get(webhook_requests::page).post(webhook_requests::save),
        ),
        route(deliveries(""), ManageWebhooks, get(webhook_delivery::page)),
        route(deliveries("/send"), ManageWebhooks, post(webhook_delivery::send_again)),
    ]
}

/// The addresses of the office.
pub fn router() -> Router<App> {
    table().into_iter().fold(Router::new(), |router, OfficeRoute { path, permission, handler }| {
        // Around every method, the ones that the address doesn't have too: without the permission nobody learns which.
        let guarded = handler.layer(from_fn(move |request, next| allow(permission, request, next)));
        router.route(&path, guarded)
    })
}

/// `GET /office`: the section that the person's work begins in. Finance may read clients too, but works at the queue.
async fn home(staff: Staff) -> Page {
    let mut sections = [
        (paths::OFFICE_CLIENTS, Permission::ReadClients),
        (paths::OFFICE_WITHDRAWALS, Permission::ReadWithdrawals),
        (paths::OFFICE_SUPPORT, Permission::AnswerSupport),
        (paths::OFFICE_FEEDBACK, Permission::ReadFeedback),
    ];
    if staff.role == Role::Finance {
        sections.swap(0, 1);
    }
    let section = sections.into_iter().find(|(_, permission)| staff.role.may(*permission));
    go_to(section.map_or(paths::OFFICE_PARTNERS, |(path, _)| path))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_address_stands_once_in_the_table_and_every_permission_is_needed_somewhere() {
        let mut seen = HashSet::new();
        for route in table() {
            assert!(route.path.starts_with(paths::OFFICE), "{}", route.path);
            assert!(seen.insert(route.path.clone()), "{} stands twice", route.path);
        }
        let used: HashSet<Permission> = table().iter().map(|route| route.permission).collect();
        for permission in Permission::ALL {
            assert!(used.contains(permission), "no address needs {permission:?}");
        }
    }
}
