//! The files of a batch: a table for a bank or an exchange, and ISO 20022 `pain.001` for a bank. `docs/finance.md` has
//! the columns.

use axum::{extract::State, http::StatusCode, response::Response};
use domain::{
    clock::Timestamp,
    payment::needs_two,
    payout::{
        end_to_end_id, message_id,
        pain001::{NoFile, Payer, PaymentFile, Transfer, is_sepa},
    },
    wallet::{self, WalletKind},
    withdrawal::WithdrawalStatus,
};
use store::{
    DbError, Tx, approvals,
    batches::{self, Batch, BatchStatus},
    programme::Programme,
    withdrawals::Withdrawal,
};

use super::{batches::lines, parts::Id};
use crate::{
    app::{App, Env},
    web::{
        error::{Explanation, PageError},
        paths,
        portal::export::text as cell,
        show::download,
    },
};

/// The columns of the table.
const COLUMNS: [&str; 12] = [
    "batch",
    "withdrawal",
    "end_to_end_id",
    "partner",
    "email",
    "kind",
    "network",
    "asset",
    "address",
    "amount",
    "currency",
    "requested",
];

/// Whether the batch's files may be handed on: not while a withdrawal in it can't be paid yet. A file that lacks a line,
/// or has one too many, is how money goes out twice.
pub(super) fn ready(
    tx: &mut Tx,
    env: &Env,
    batch: &Batch,
    lines: &[Withdrawal],
) -> Result<Result<(), String>, DbError> {
    if batch.status == BatchStatus::Paid {
        return Ok(Ok(()));
    }
    if batch.status == BatchStatus::Dissolved || lines.is_empty() {
        return Ok(Err("This batch is dissolved, so there is nothing to pay.".into()));
    }
    let mut waiting = Vec::new();
    for line in lines {
        let is_approved =
            !needs_two(line.amount, env.programme.approval_from) || !approvals::of(tx, &line.id)?.is_empty();
        let is_cool = line.payable_from.is_none_or(|from| from <= env.now);
        if line.status != WithdrawalStatus::Pending || !is_approved || !is_cool {
            waiting.push(line.partner.name.clone());
        }
    }
    Ok(if waiting.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "The files are ready when every withdrawal of the batch can be paid. Still in the way: {}. See below why, \
             and take them off the batch or come back later.",
            waiting.join(", ")
        ))
    })
}

/// The payment file for the bank accounts of a batch, and what kind of file it is.
pub(super) fn payment_file(
    programme: &Programme,
    batch: &Batch,
    lines: &[Withdrawal],
    now: Timestamp,
) -> Result<(String, &'static str), NoFile> {
    let to_banks: Vec<&Withdrawal> =
        lines.iter().filter(|line| line.wallet_kind == WalletKind::Iban).collect();
    let ids: Vec<(String, String)> = to_banks
        .iter()
        .map(|line| {
            let id = end_to_end_id(&line.id);
            let purpose = format!("{} {id}", programme.name);
            (id, purpose)
        })
        .collect();
    let transfers: Vec<Transfer> = to_banks
        .iter()
        .zip(&ids)
        .map(|(line, (id, purpose))| Transfer {
            end_to_end_id: id,
            amount: line.amount,
            name: &line.partner.name,
            iban: &line.wallet_address,
            purpose,
        })
        .collect();
    let message_id = message_id(&batch.id);
    let payer = Payer { name: &programme.payer_name, iban: &programme.payer_iban, bic: &programme.payer_bic };
    let file = PaymentFile {
        message_id: &message_id,
        now,
        currency: programme.currency,
        payer,
        transfers: &transfers,
    };
    let sepa =
        transfers.iter().filter(|transfer| is_sepa(programme.currency, payer.iban, transfer.iban)).count();
    let what = match sepa {
        0 => {
            "Plain credit transfers, not SEPA: the programme pays in another currency than EUR, or to other countries. Ask your bank whether it takes them."
        }
        all if all == transfers.len() => "SEPA credit transfers.",
        _ => {
            "SEPA credit transfers, and plain ones for accounts outside SEPA. Ask your bank whether it takes those."
        }
    };
    file.write().map(|text| (text, what))
}

/// What a file is made from.
async fn found(app: &App, id: &str) -> Result<(Batch, Vec<(Withdrawal, String)>), PageError> {
    let of = id.to_owned();
    let (batch, lines, ready) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let batch = batches::by_id(tx, &of)?.ok_or_else(PageError::not_found)?;
            let lines = lines(tx, &of)?;
            let ready = ready(tx, env, &batch, &lines)?;
            let mut with_email = Vec::new();
            for line in lines {
                let email = store::accounts::by_id(tx, &line.partner.id)?.map(|account| account.email);
                with_email.push((line, email.unwrap_or_default()));
            }
            Ok((batch, with_email, ready))
        })
        .await?;
    match ready {
        Ok(()) => Ok((batch, lines)),
        Err(sentence) => Err(no_file(id, sentence)),
    }
}

fn no_file(id: &str, sentence: String) -> PageError {
    PageError::Explained(Explanation {
        status: StatusCode::CONFLICT,
        title: "There is no such file now".into(),
        sentence,
        way_on: (paths::office_batch(id), "Back to the batch"),
    })
}

/// `GET /office/withdrawals/batches/{id}/payments.csv`
///
/// # Errors
/// 404 when there is no such batch, 409 while a withdrawal in it can't be paid.
pub async fn csv(State(app): State<App>, Id(id): Id) -> Result<Response, PageError> {
    let (batch, lines) = found(&app, &id).await?;
    let text = table(&app.programme(), &batch, &lines).map_err(PageError::internal)?;
    Ok(download("text/csv; charset=utf-8", &format!("{}.csv", message_id(&id)), text))
}

/// `GET /office/withdrawals/batches/{id}/pain001.xml`
///
/// # Errors
/// 404 when there is no such batch, 409 while a withdrawal in it can't be paid, or settings are missing.
pub async fn pain001(State(app): State<App>, Id(id): Id) -> Result<Response, PageError> {
    let (batch, lines) = found(&app, &id).await?;
    let lines: Vec<Withdrawal> = lines.into_iter().map(|(line, _)| line).collect();
    match payment_file(&app.programme(), &batch, &lines, app.env().now) {
        Ok((text, _)) => Ok(download("application/xml", &format!("{}.xml", message_id(&id)), text)),
        Err(why) => Err(no_file(&id, why.to_string())),
    }
}

/// The network and what is sent on it, as exchanges name them; empty where there is none.
fn network(kind: WalletKind, currency: &str) -> (&'static str, String) {
    match kind {
        WalletKind::UsdtTron => ("TRON", "USDT".into()),
        WalletKind::UsdtEthereum => ("Ethereum", "USDT".into()),
        WalletKind::Btc => ("Bitcoin", "BTC".into()),
        WalletKind::Eth => ("Ethereum", "ETH".into()),
        WalletKind::Iban => ("IBAN", currency.into()),
        WalletKind::Paypal => ("PayPal", currency.into()),
        WalletKind::Other => ("", currency.into()),
    }
}

fn table(programme: &Programme, batch: &Batch, lines: &[(Withdrawal, String)]) -> anyhow::Result<Vec<u8>> {
    let currency = programme.currency;
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for (line, email) in lines {
        let (network, asset) = network(line.wallet_kind, currency.code());
        writer.write_record([
            message_id(&batch.id),
            line.id.clone(),
            end_to_end_id(&line.id),
            cell(&line.partner.name),
            cell(email),
            line.wallet_kind.as_str().to_owned(),
            network.to_owned(),
            asset,
            cell(&line_address(line)),
            currency.format_plain(line.amount),
            currency.code().to_owned(),
            line.requested_at.rfc3339(),
        ])?;
    }
    Ok(writer.into_inner()?)
}

/// The address as machines take it: an IBAN without spaces.
fn line_address(line: &Withdrawal) -> String {
    match line.wallet_kind {
        WalletKind::Iban => line.wallet_address.clone(),
        kind => wallet::display(kind, &line.wallet_address),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::withdrawals::tests::{AT, sample},
        *,
    };

    #[test]
    fn the_table_is_for_machines_and_runs_nothing() {
        let mut programme = Programme::standard();
        programme.payer_name = "Northwind".into();
        let batch = Batch {
            id: "0193a1b2-0000-7000-8000-0000000000bb".into(),
            made_at: AT,
            made_by: "Fay".into(),
            status: BatchStatus::Open,
            closed: None,
        };
        let mut line = sample(WithdrawalStatus::Pending);
        line.partner.name = "=HYPERLINK(\"x\"), Ltd".into();
        let bytes = table(&programme, &batch, &[(line.clone(), "@ann".into())]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(rows.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
        let row = rows.records().next().unwrap().unwrap();
        assert_eq!(&row[2], "GW0193a1b20000700080000000000000aa");
        assert_eq!((&row[3], &row[4]), ("'=HYPERLINK(\"x\"), Ltd", "'@ann"));
        assert_eq!((&row[8], &row[9], &row[10]), ("DE89370400440532013000", "2400.00", "USD"));

        let missing = payment_file(&programme, &batch, &[line.clone()], AT);
        assert_eq!(missing, Err(NoFile::NoPayer));
        programme.payer_iban = "DE89370400440532013000".into();
        let (text, what) = payment_file(&programme, &batch, &[line], AT).unwrap();
        assert!(what.contains("not SEPA") && text.contains(".HYPERLINK(.x.), Ltd"));
    }
}
