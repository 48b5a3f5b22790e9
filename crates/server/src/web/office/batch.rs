//! One batch: its totals, what stands in the way of paying it, its files, and marking all of it paid in one step.

use askama::Template;
use axum::{extract::State, http::StatusCode};
use domain::{
    money::Currency,
    payout::end_to_end_id,
    permission::{Permission, Role},
    risk::Sign,
    text::{self, optional},
    wallet::WalletKind,
};
use store::batches::{self, Batch, BatchStatus};

use super::{
    batch_files,
    batches::badge,
    parts::{Asked, Badge, Id, Link, Moment, Refused, short_address},
    withdrawal::Occasion,
    withdrawal_acts::REFERENCE_CHARS,
};
use crate::{
    app::App,
    ops::{
        batches::{self as acts, BatchError, Handed},
        withdrawals::{HeldLine, held_of_batch},
    },
    web::{
        error::PageError,
        fields::Fields,
        paths,
        shell::OfficeShell,
        show::{Page, go_to, show_with},
        visitor::Staff,
    },
};

/// How many of the files that were handed out are named.
const NAMED: usize = 5;

/// The form that marks all of them paid, as the page's parts call it.
const PAY: &str = "batch";

#[derive(Template)]
#[template(path = "office/batch.html")]
struct BatchPage {
    shell: OfficeShell,
    /// Why the act that was sent can't be done as things stand.
    conflict: Option<String>,
    id: String,
    status: Badge,
    is_open: bool,
    made: Moment,
    made_by: String,
    closed: Option<(Moment, String)>,
    count: usize,
    total: String,
    currency: &'static str,
    kinds: Vec<KindRow>,
    lines: Vec<LineRow>,
    /// Why there are no files at all now.
    no_files: Option<String>,
    /// Why there is no file for a bank, or what it is.
    pain: Result<&'static str, String>,
    /// The files that were handed out lately: which, to whom, when.
    handed: Vec<(String, String, Moment)>,
    may_decide: bool,
    may_settle: bool,
    refused: Refused,
}

/// What goes to one kind of wallet.
struct KindRow {
    label: &'static str,
    count: usize,
    total: String,
}

/// One withdrawal of the batch.
struct LineRow {
    id: String,
    field: String,
    href: String,
    partner: Link,
    to: String,
    amount: String,
    status: Badge,
    /// Why it can't be paid now.
    held: Option<String>,
    approved: bool,
    came_back: bool,
    /// What there is to look at, as far as it can be seen at a glance.
    signs: Vec<&'static str>,
    /// What the field of the reference holds; once paid, the reference.
    reference: String,
    error: Option<String>,
}

/// Everything the page shows, as read at one moment.
struct Found {
    batch: Batch,
    lines: Vec<Line>,
    files: Result<(), String>,
    pain: Result<&'static str, String>,
    handed: Vec<Handed>,
    now: domain::clock::Timestamp,
    currency: Currency,
}

/// A line as read.
struct Line {
    line: batches::Line,
    held: Option<String>,
    signs: Vec<&'static str>,
}

/// The name of the field that holds a line's reference.
fn field(id: &str) -> String {
    format!("reference[{id}]")
}

impl BatchPage {
    fn new(
        shell: OfficeShell,
        found: &Found,
        role: Role,
        refused: Refused,
        conflict: Option<String>,
    ) -> BatchPage {
        let currency = found.currency;
        let form = refused.form(PAY);
        let lines: Vec<batches::Line> = found.lines.iter().map(|line| line.line.clone()).collect();
        let kinds = WalletKind::ALL.into_iter().filter_map(|kind| {
            let of = lines.iter().filter(|line| line.withdrawal.wallet_kind == kind);
            let of: Vec<batches::Line> = of.cloned().collect();
            (!of.is_empty()).then(|| KindRow {
                label: kind.label(),
                count: of.len(),
                total: currency.format(acts::total(&of)),
            })
        });
        let is_open = found.batch.status == BatchStatus::Open;
        BatchPage {
            shell,
            conflict,
            id: found.batch.id.clone(),
            status: badge(found.batch.status),
            is_open,
            made: Moment::exact(found.batch.made_at),
            made_by: found.batch.made_by.clone(),
            closed: found.batch.closed.as_ref().map(|(at, by)| (Moment::exact(*at), by.clone())),
            count: lines.len(),
            total: currency.format(acts::total(&lines)),
            currency: currency.code(),
            kinds: kinds.collect(),
            lines: found.lines.iter().map(|line| line.row(found, form)).collect(),
            no_files: found.files.clone().err(),
            pain: found.pain.clone(),
            handed: found
                .handed
                .iter()
                .take(NAMED)
                .map(|handed| (handed.file.clone(), handed.to.clone(), Moment::exact(handed.at)))
                .collect(),
            may_decide: role.may(Permission::DecideWithdrawals),
            may_settle: role.may(Permission::ChangeSettings),
            refused,
        }
    }

    fn held(&self) -> usize {
        self.lines.iter().filter(|line| line.held.is_some()).count()
    }
}

impl Line {
    fn new(line: batches::Line, held: &[HeldLine], signs: &[(String, Vec<Sign>)]) -> Line {
        let id = &line.withdrawal.id;
        let held = held.iter().find(|held| held.withdrawal.id == *id).map(|held| held.sentence.clone());
        let signs =
            signs.iter().filter(|(of, _)| of == id).flat_map(|(_, signs)| signs.iter().map(Sign::title));
        Line { held, signs: signs.collect(), line }
    }

    fn row(&self, found: &Found, form: &Fields) -> LineRow {
        let withdrawal = &self.line.withdrawal;
        let field = field(&withdrawal.id);
        let reference = match &withdrawal.reference {
            Some(reference) => reference.clone(),
            None if form.has(&field) => form.value(&field).to_owned(),
            None => end_to_end_id(&withdrawal.id),
        };
        LineRow {
            href: paths::office_withdrawal(&withdrawal.id),
            partner: Link::partner(&withdrawal.partner),
            to: short_address(withdrawal.wallet_kind, &withdrawal.wallet_address),
            amount: found.currency.format(withdrawal.amount),
            status: Badge::withdrawal(withdrawal, found.now),
            held: self.held.clone(),
            approved: self.line.approvals > 0,
            came_back: withdrawal.returned.is_some(),
            signs: self.signs.clone(),
            error: form.error(&field).map(str::to_owned),
            reference,
            id: withdrawal.id.clone(),
            field,
        }
    }
}

async fn render(app: &App, staff: Staff, id: String, code: StatusCode, occasion: Occasion) -> Page {
    let role = staff.role;
    let done = occasion.done;
    let (shell, found) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let batch = batches::by_id(tx, &id)?.ok_or_else(PageError::not_found)?;
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_WITHDRAWALS, done.as_deref())?;
            let programme = &env.programme;
            let lines = batches::lines(tx, &id, &staff.actor.id)?;
            let pain = acts::bank_file(programme, &batch, &lines, env.now);
            let mut found = Found {
                files: acts::ready(env, &batch, &lines).map_err(|why| why.to_string()),
                pain: pain.map(|_| batch_files::kind(programme, &lines)).map_err(|why| why.to_string()),
                handed: acts::files_handed_out(tx, &id)?,
                lines: vec![],
                now: env.now,
                currency: programme.currency,
                batch,
            };
            let (mut held, mut signs) = (vec![], vec![]);
            if found.batch.status == BatchStatus::Open {
                held = held_of_batch(tx, env, &staff.actor, &id, &lines)?;
                signs = store::risk::at_a_glance(tx, &id)?;
            }
            found.lines = lines.into_iter().map(|line| Line::new(line, &held, &signs)).collect();
            Ok((shell, found))
        })
        .await?;
    show_with(code, &BatchPage::new(shell, &found, role, occasion.refused, occasion.conflict))
}

/// `GET /office/withdrawals/batches/{id}`
///
/// # Errors
/// 404 when there is no such batch.
pub async fn page(State(app): State<App>, staff: Staff, Id(id): Id, asked: Asked) -> Page {
    let occasion = Occasion { done: asked.done(), ..Occasion::default() };
    render(&app, staff, id, StatusCode::OK, occasion).await
}

/// `POST /office/withdrawals/batches/{id}/pay`
///
/// # Errors
/// 404 when there is no such batch.
pub async fn pay(State(app): State<App>, staff: Staff, Id(id): Id, mut form: Fields) -> Page {
    let parse = |typed: &str| {
        optional(typed, |typed| text::Line::<REFERENCE_CHARS>::parse_as("payment reference", typed))
    };
    let common = form.check("reference", parse);
    let of_lines: Vec<String> =
        form.names().filter(|name| name.starts_with("reference[")).map(str::to_owned).collect();
    let mut references = std::collections::BTreeMap::new();
    for name in of_lines {
        if let Some(Some(reference)) = form.check(&name, parse) {
            references.insert(name, reference.into_string());
        }
    }
    if form.is_refused() {
        let of = id.clone();
        let batch = app.read(move |tx, _| batches::by_id(tx, &of)).await?.ok_or_else(PageError::not_found)?;
        // The form is no longer shown: what is wrong with its fields is beside the point.
        if batch.status != BatchStatus::Open {
            let closed = BatchError::Closed { paid: batch.status == BatchStatus::Paid };
            return answer(&app, staff, id, (PAY, ""), form, Err(closed)).await;
        }
        return refuse(&app, staff, id, PAY, form).await;
    }
    // One for all of them, or each its own; a line without any keeps the one that its payment carries.
    let common = common.flatten().map(text::Line::into_string);
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app
        .write(move |tx, env| {
            acts::pay(tx, env, &by, &of, |line| {
                let own = || references.get(&field(line)).cloned();
                common.clone().or_else(own).unwrap_or_else(|| end_to_end_id(line))
            })
        })
        .await;
    answer(&app, staff, id, (PAY, "batch-paid"), form, done).await
}

/// `POST /office/withdrawals/batches/{id}/take-off`
///
/// # Errors
/// 404 when there is no such batch.
pub async fn take_off(State(app): State<App>, staff: Staff, Id(id): Id, form: Fields) -> Page {
    let line = form.typed("withdrawal").to_owned();
    let not_sent = form.typed("not_sent") == "1";
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = if super::parts::is_id(&line) {
        app.write(move |tx, env| acts::take_off(tx, env, &by, &of, &line, not_sent)).await
    } else {
        Err(BatchError::NotInIt)
    };
    answer(&app, staff, id, ("take-off", "taken-off"), form, done).await
}

/// `POST /office/withdrawals/batches/{id}/dissolve`
///
/// # Errors
/// 404 when there is no such batch.
pub async fn dissolve(State(app): State<App>, staff: Staff, Id(id): Id, form: Fields) -> Page {
    let not_sent = form.typed("not_sent") == "1";
    let (by, of) = (staff.actor.clone(), id.clone());
    let done = app.write(move |tx, env| acts::dissolve(tx, env, &by, &of, not_sent)).await;
    answer(&app, staff, id, ("dissolve", "dissolved"), form, done).await
}

async fn refuse(app: &App, staff: Staff, id: String, act: &'static str, form: Fields) -> Page {
    let occasion = Occasion { refused: Refused::act(act, form), ..Occasion::default() };
    render(app, staff, id, StatusCode::UNPROCESSABLE_ENTITY, occasion).await
}

async fn answer(
    app: &App,
    staff: Staff,
    id: String,
    (act, word): (&'static str, &str),
    mut form: Fields,
    done: Result<(), BatchError>,
) -> Page {
    match done {
        Ok(()) => go_to(&paths::with_query(&paths::office_batch(&id), &[("done", word)])),
        Err(BatchError::Unknown) => Err(PageError::not_found()),
        Err(BatchError::Db(error)) => Err(error.into()),
        Err(BatchError::Ledger(error)) => Err(PageError::internal(error)),
        Err(error @ BatchError::MayBeSent) => {
            form.refuse("not_sent", error);
            refuse(app, staff, id, act, form).await
        }
        Err(error) => {
            let occasion = Occasion {
                refused: Refused::act(act, form),
                conflict: Some(error.to_string()),
                ..Occasion::default()
            };
            render(app, staff, id, StatusCode::CONFLICT, occasion).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::withdrawals::tests::{AT, sample},
        *,
    };
    use domain::withdrawal::WithdrawalStatus;

    fn text(status: BatchStatus, held: bool, form: Fields) -> String {
        let withdrawal = sample(WithdrawalStatus::Pending);
        let found = Found {
            batch: Batch {
                id: "0193a1b2-0000-7000-8000-0000000000bb".into(),
                made_at: AT,
                made_by: "Fay <Finance>".into(),
                status,
                closed: (status != BatchStatus::Open).then(|| (AT, "Fay".into())),
            },
            lines: vec![Line {
                line: batches::Line {
                    withdrawal,
                    email: "ann@example.com".into(),
                    approvals: 1,
                    by_others: 1,
                },
                held: held.then(|| "Somebody <else> approves.".into()),
                signs: vec![Sign::First.title(), "Wallet <changed>"],
            }],
            files: Ok(()),
            pain: Ok("SEPA"),
            handed: vec![Handed { at: AT, to: "Fay".into(), file: "Table <CSV>".into() }],
            now: AT,
            currency: Currency::USD,
        };
        let refused = Refused::act(PAY, form);
        BatchPage::new(OfficeShell::sample(), &found, Role::Finance, refused, None).render().unwrap()
    }

    #[test]
    fn an_open_batch_names_what_stands_in_the_way() {
        let text = text(BatchStatus::Open, true, Fields::default());
        for part in [
            "Somebody &#60;else&#62; approves.",
            "Fay &#60;Finance&#62;",
            "2,400.00",
            "Bank account (IBAN)",
            "value=\"GW0193a1b20000700080000000000000aa\"",
            "/take-off\"",
            "/dissolve\"",
            "First withdrawal",
            "Wallet &#60;changed&#62;",
            "Table &#60;CSV&#62;",
            "What you take off now is still in the file",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn what_was_typed_is_kept_and_a_closed_batch_has_no_forms() {
        let name = field("0193a1b2-0000-7000-8000-0000000000aa");
        let mut form = Fields::parse(format!("{name}=NW-<1>").as_bytes());
        form.refuse(&name, "Too long.");
        let refused = text(BatchStatus::Open, false, form);
        assert!(refused.contains("NW-&#60;1&#62;") && refused.contains("Too long."));
        let closed = text(BatchStatus::Paid, false, Fields::default());
        assert!(!closed.contains("/pay\"") && !closed.contains("/take-off\""));
        assert!(!closed.contains("What you take off now"));
    }
}
