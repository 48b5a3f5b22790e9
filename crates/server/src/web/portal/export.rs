//! The two lists of Statistics as table files (RFC 4180), written page by page while they are sent.

use std::{future::Future, io};

use axum::{body::Body, extract::State, response::Response};
use domain::{deal::DealStatus, wallet};
use futures_util::stream;
use store::{
    DbError,
    deals::{self, Deal},
    withdrawals::{self, Withdrawal},
};

use super::view::View;
use crate::{
    app::App,
    web::{error::PageError, show::download, visitor::Partner},
};

/// How many rows are read and sent at a time.
const ROWS: i64 = 500;

/// `GET /statistics/clients.csv`
///
/// # Errors
/// When the database can't be read.
pub async fn clients(State(app): State<App>, partner: Partner, view: View) -> Result<Response, PageError> {
    let currency = app.env().programme.currency;
    let header =
        ["client", "name", "transaction", "status", "amount", "commission", "currency", "since", "closed"];
    let read = {
        let app = app.clone();
        move |after: Option<deals::After>| {
            let (id, ask) = (partner.id.clone(), view.deals());
            let app = app.clone();
            async move { app.read(move |tx, _| deals::of_partner(tx, &id, &ask, after.as_ref(), ROWS)).await }
        }
    };
    let write = move |deal: &Deal| {
        let won = deal.won.as_ref().filter(|_| deal.status == DealStatus::Won);
        let commission = won.and_then(|won| won.commission);
        vec![
            format!("C-{}", deal.client_number),
            text(&deal.client_name),
            format!("T-{}", deal.number),
            deal.status.as_str().to_owned(),
            won.map_or(String::new(), |won| currency.format_plain(won.amount)),
            commission.map_or(String::new(), |commission| currency.format_plain(commission.remaining())),
            currency.code().to_owned(),
            deal.created_at.rfc3339(),
            match deal.status {
                DealStatus::Pending => String::new(),
                DealStatus::Won | DealStatus::Lost => won.map_or(deal.changed_at, |won| won.at).rfc3339(),
            },
        ]
    };
    table_file(&app, "clients", &header, read, write).await
}

/// `GET /statistics/withdrawals.csv`
///
/// # Errors
/// When the database can't be read.
pub async fn withdrawals(
    State(app): State<App>,
    partner: Partner,
    view: View,
) -> Result<Response, PageError> {
    let currency = app.env().programme.currency;
    let header = [
        "requested",
        "amount",
        "currency",
        "status",
        "decided",
        "reference",
        "reason",
        "wallet",
        "kind",
        "address",
    ];
    let read = {
        let app = app.clone();
        move |after: Option<withdrawals::After>| {
            let (id, ask) = (partner.id.clone(), view.withdrawals());
            let app = app.clone();
            async move {
                app.read(move |tx, _| withdrawals::of_partner(tx, &id, &ask, after.as_ref(), ROWS)).await
            }
        }
    };
    let write = move |withdrawal: &Withdrawal| {
        vec![
            withdrawal.requested_at.rfc3339(),
            currency.format_plain(withdrawal.amount),
            currency.code().to_owned(),
            withdrawal.status.as_str().to_owned(),
            withdrawal.decided_at.map_or(String::new(), |at| at.rfc3339()),
            text(withdrawal.reference.as_deref().unwrap_or_default()),
            text(withdrawal.reason.as_deref().unwrap_or_default()),
            text(&withdrawal.wallet_label),
            withdrawal.wallet_kind.as_str().to_owned(),
            text(&wallet::display(withdrawal.wallet_kind, &withdrawal.wallet_address)),
        ]
    };
    table_file(&app, "withdrawals", &header, read, write).await
}

/// Text for a cell. What a spreadsheet would run as a formula is kept from running by an apostrophe (OWASP, CSV
/// injection).
pub(in crate::web) fn text(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

/// Where the next page of a file begins.
enum Next<R, A> {
    /// Read already.
    Page(Vec<(R, A)>),
    /// After this place.
    After(A),
    End,
}

/// A table file of a list that is read page by page, so that its length doesn't matter. The first page is read
/// before the answer begins, because an error can still be told then; later the file breaks off.
async fn table_file<R, A, F>(
    app: &App,
    name: &str,
    header: &[&str],
    read: impl Fn(Option<A>) -> F + Send + 'static,
    write: impl Fn(&R) -> Vec<String> + Send + 'static,
) -> Result<Response, PageError>
where
    R: Send + 'static,
    A: Clone + Send + 'static,
    F: Future<Output = Result<Vec<(R, A)>, DbError>> + Send,
{
    let first = read(None).await?;
    let head =
        lines([header.iter().map(|cell| (*cell).to_owned()).collect()]).map_err(PageError::internal)?;
    let start = (Some(head), Next::Page(first), read, write);
    let pages = stream::try_unfold(start, |(head, next, read, write)| async move {
        let rows = match next {
            Next::Page(rows) => rows,
            Next::After(place) => read(Some(place)).await.map_err(|error| {
                tracing::warn!(%error, "a table file broke off");
                io::Error::other(error)
            })?,
            Next::End => return Ok(None),
        };
        let mut chunk = head.unwrap_or_default();
        chunk.extend(lines(rows.iter().map(|(row, _)| write(row)))?);
        let is_last = (rows.len() as i64) < ROWS;
        let next = match rows.last() {
            Some((_, place)) if !is_last => Next::After(place.clone()),
            _ => Next::End,
        };
        Ok::<_, io::Error>(Some((chunk, (None, next, read, write))))
    });
    let name = format!("{name}-{}.csv", app.env().now.day().iso());
    Ok(download("text/csv; charset=utf-8", &name, Body::from_stream(pages)))
}

fn lines(rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_only_text() {
        for (cell, expected) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(text(cell), expected);
        }
    }

    #[test]
    fn separators_and_quotes_stay_in_their_cell() {
        let bytes = lines([vec!["a,b".to_owned(), "say \"hi\"\nnow".to_owned()]]).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "\"a,b\",\"say \"\"hi\"\"\nnow\"\r\n");
    }
}
