//! The files of a batch: a table for a bank or an exchange, and ISO 20022 `pain.001` for a bank. `docs/finance.md` has
//! the columns.

use axum::{extract::State, http::StatusCode, response::Response};
use domain::{
    money::Currency,
    payout::{end_to_end_id, message_id, pain001::is_sepa},
    wallet::{self, WalletKind},
};
use store::{
    batches::{Batch, Line},
    programme::Programme,
    withdrawals::Withdrawal,
};

use super::parts::Id;
use crate::{
    app::App,
    cell::text as cell,
    ops::batches::{self as acts, BatchError},
    web::{
        error::{Explanation, PageError},
        paths,
        show::download,
        visitor::Staff,
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

/// What kind of file a bank gets for the bank accounts of a batch.
pub(super) fn kind(programme: &Programme, lines: &[Line]) -> &'static str {
    let to_bank = |line: &&Line| line.withdrawal.wallet_kind == WalletKind::Iban;
    let all = lines.iter().filter(to_bank).count();
    let sepa = lines
        .iter()
        .filter(to_bank)
        .filter(|line| is_sepa(programme.currency, &programme.payer_iban, &line.withdrawal.wallet_address));
    match sepa.count() {
        0 => {
            "Plain credit transfers, not SEPA: the programme pays in another currency than EUR, or to other countries. Ask your bank whether it takes them."
        }
        count if count == all => "SEPA credit transfers.",
        _ => {
            "SEPA credit transfers, and plain ones for accounts outside SEPA. Ask your bank whether it takes those."
        }
    }
}

fn refused(id: &str, error: BatchError) -> PageError {
    match error {
        BatchError::Unknown => PageError::not_found(),
        BatchError::Db(error) => error.into(),
        BatchError::Ledger(error) => PageError::internal(error),
        why => no_file(id, why.to_string()),
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
pub async fn csv(State(app): State<App>, staff: Staff, Id(id): Id) -> Result<Response, PageError> {
    let (by, of) = (staff.actor, id.clone());
    let made = app
        .write(move |tx, env| {
            let (batch, lines) = acts::export_table(tx, env, &by, &of)?;
            Ok::<_, BatchError>((batch, lines, env.programme.currency))
        })
        .await;
    let (batch, lines, currency) = made.map_err(|error| refused(&id, error))?;
    let text = table(currency, &batch, &lines).map_err(PageError::internal)?;
    Ok(download("text/csv; charset=utf-8", &format!("{}.csv", message_id(&id)), text))
}

/// `GET /office/withdrawals/batches/{id}/pain001.xml`
///
/// # Errors
/// 404 when there is no such batch, 409 while a withdrawal in it can't be paid, or settings are missing.
pub async fn pain001(State(app): State<App>, staff: Staff, Id(id): Id) -> Result<Response, PageError> {
    let (by, of) = (staff.actor, id.clone());
    let text = app.write(move |tx, env| acts::export_bank_file(tx, env, &by, &of)).await;
    let text = text.map_err(|error| refused(&id, error))?;
    Ok(download("application/xml", &format!("{}.xml", message_id(&id)), text))
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

fn table(currency: Currency, batch: &Batch, lines: &[Line]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for Line { withdrawal, email, .. } in lines {
        let (network, asset) = network(withdrawal.wallet_kind, currency.code());
        writer.write_record([
            message_id(&batch.id),
            withdrawal.id.clone(),
            end_to_end_id(&withdrawal.id),
            cell(&withdrawal.partner.name),
            cell(email),
            withdrawal.wallet_kind.as_str().to_owned(),
            network.to_owned(),
            asset,
            cell(&address(withdrawal)),
            currency.format_plain(withdrawal.amount),
            currency.code().to_owned(),
            withdrawal.requested_at.rfc3339(),
        ])?;
    }
    Ok(writer.into_inner()?)
}

/// The address as machines take it: an IBAN without spaces.
fn address(line: &Withdrawal) -> String {
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
    use domain::{payout::pain001::NoFile, withdrawal::WithdrawalStatus};
    use store::batches::BatchStatus;

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
        let mut withdrawal = sample(WithdrawalStatus::Pending);
        withdrawal.partner.name = "=HYPERLINK(\"x\"), Ltd".into();
        let lines = [Line { withdrawal, email: "@ann".into(), approvals: 0, by_others: 0 }];
        let text = String::from_utf8(table(programme.currency, &batch, &lines).unwrap()).unwrap();
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(rows.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
        let row = rows.records().next().unwrap().unwrap();
        assert_eq!(&row[2], "GW0193a1b20000700080000000000000aa");
        assert_eq!((&row[3], &row[4]), ("'=HYPERLINK(\"x\"), Ltd", "'@ann"));
        assert_eq!((&row[8], &row[9], &row[10]), ("DE89370400440532013000", "2400.00", "USD"));

        assert_eq!(acts::bank_file(&programme, &batch, &lines, AT), Err(NoFile::NoPayer));
        programme.payer_iban = "DE89370400440532013000".into();
        let text = acts::bank_file(&programme, &batch, &lines, AT).unwrap();
        assert!(text.contains(".HYPERLINK(.x.), Ltd") && kind(&programme, &lines).contains("not SEPA"));
    }
}
