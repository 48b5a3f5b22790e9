//! The two lists of Statistics as table files (RFC 4180), written page by page while they are sent.

use std::{future::Future, io};

use axum::{body::Body, extract::State, response::Response};
use domain::{deal::DealStatus, wallet};
use futures_util::stream;
use store::{
    DbError, Found,
    deals::{self, Deal},
    withdrawals::{self, Withdrawal},
};

use super::view::View;
use crate::{
    app::App,
    cell::text,
    web::{error::PageError, show::download, visitor::Partner},
};

/// How many rows are read and sent at a time.
pub const ROWS: i64 = 500;

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
            async move {
                let rows = app.db.report(move |tx| deals::of_partner(tx, &id, &ask, after.as_ref(), ROWS));
                rows.await.map(Found::all)
            }
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
                let rows =
                    app.db.report(move |tx| withdrawals::of_partner(tx, &id, &ask, after.as_ref(), ROWS));
                rows.await.map(Found::all)
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

/// Where the next page of a file begins.
enum Next<R, A> {
    /// Read already.
    Page(Found<(R, A), A>),
    /// After this place.
    After(A),
    End,
}

/// A table file of a list that is read page by page, so that its length doesn't matter: a page is read when the one before
/// it is sent, in a transaction of its own, so that whoever downloads slowly holds nothing up, and whoever stops costs
/// nothing more. The first page is read before the answer begins, because an error can still be told then; later the
/// connection breaks off, which nobody takes for the end of the file.
///
/// # Errors
/// When the first page can't be read.
pub async fn table_file<R, A, F>(
    app: &App,
    name: &str,
    header: &[&str],
    read: impl Fn(Option<A>) -> F + Send + 'static,
    write: impl Fn(&R) -> Vec<String> + Send + 'static,
) -> Result<Response, PageError>
where
    R: Send + 'static,
    A: Clone + Send + 'static,
    F: Future<Output = Result<Found<(R, A), A>, DbError>> + Send,
{
    let body = table_body(header, read, write).await?;
    let name = format!("{name}-{}.csv", app.env().now.day().iso());
    Ok(download("text/csv; charset=utf-8", &name, body))
}

async fn table_body<R, A, F>(
    header: &[&str],
    read: impl Fn(Option<A>) -> F + Send + 'static,
    write: impl Fn(&R) -> Vec<String> + Send + 'static,
) -> Result<Body, PageError>
where
    R: Send + 'static,
    A: Clone + Send + 'static,
    F: Future<Output = Result<Found<(R, A), A>, DbError>> + Send,
{
    let first = read(None).await?;
    let head =
        lines([header.iter().map(|cell| (*cell).to_owned()).collect()]).map_err(PageError::internal)?;
    let start = (Some(head), Next::Page(first), read, write);
    let pages = stream::try_unfold(start, |(head, mut next, read, write)| async move {
        let mut chunk = head.unwrap_or_default();
        // A stretch that was looked through may hold nothing: nothing is sent for it.
        while chunk.is_empty() || matches!(next, Next::Page(_)) {
            let found = match next {
                Next::Page(found) => found,
                Next::After(place) => read(Some(place)).await.map_err(|error| {
                    tracing::warn!(%error, "a table file broke off");
                    io::Error::other(error)
                })?,
                Next::End => return Ok(None),
            };
            chunk.extend(lines(found.rows.iter().map(|(row, _)| write(row)))?);
            let is_full = (found.rows.len() as i64) >= ROWS;
            next = match found.rows.last() {
                Some((_, place)) if is_full => Next::After(place.clone()),
                _ => found.further.map_or(Next::End, Next::After),
            };
        }
        Ok::<_, io::Error>(Some((chunk, (None, next, read, write))))
    });
    Ok(Body::from_stream(pages))
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

    /// The file of a list of numbers, read by pages; a page that isn't there breaks off.
    async fn file(pages: Vec<Option<Found<(i64, usize), usize>>>) -> (String, bool) {
        let pages = std::sync::Arc::new(pages);
        let read = move |after: Option<usize>| {
            let pages = pages.clone();
            async move {
                let page = &pages[after.unwrap_or(0)];
                page.clone().ok_or_else(|| DbError::Unavailable("the database has gone".into()))
            }
        };
        let body = table_body(&["number"], read, |number: &i64| vec![number.to_string()]).await.unwrap();
        let mut frames = body.into_data_stream();
        let mut text = String::new();
        while let Some(frame) = futures_util::StreamExt::next(&mut frames).await {
            match frame {
                Ok(bytes) => {
                    assert!(!bytes.is_empty(), "nothing is sent for nothing");
                    text.push_str(std::str::from_utf8(&bytes).unwrap());
                }
                Err(_) => return (text, false),
            }
        }
        (text, true)
    }

    fn full(first: i64, next: usize) -> Option<Found<(i64, usize), usize>> {
        Some(Found::all((first..first + ROWS).map(|number| (number, next)).collect()))
    }

    #[tokio::test]
    async fn a_file_goes_on_through_stretches_without_rows() {
        let empty = |further| Some(Found { rows: vec![], further: Some(further) });
        let last = Some(Found::all(vec![(7_000, 9)]));
        let (text, whole) = file(vec![full(1, 1), empty(2), empty(3), full(501, 4), last]).await;
        let lines: Vec<&str> = text.lines().collect();
        assert!(whole);
        assert_eq!((lines.len(), lines[0], lines[1], lines[1_001]), (1_002, "number", "1", "7000"));
        assert_eq!(file(vec![Some(Found::all(vec![]))]).await, ("number\r\n".into(), true));
    }

    #[tokio::test]
    async fn a_file_that_breaks_off_does_not_end() {
        let (text, whole) = file(vec![full(1, 1), full(501, 2), None]).await;
        assert_eq!((text.lines().count(), whole), (1_001, false));
    }

    #[test]
    fn separators_and_quotes_stay_in_their_cell() {
        let bytes = lines([vec!["a,b".to_owned(), "say \"hi\"\nnow".to_owned()]]).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "\"a,b\",\"say \"\"hi\"\"\nnow\"\r\n");
    }
}
