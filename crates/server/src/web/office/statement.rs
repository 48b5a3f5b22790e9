//! A partner's statement to be kept, for finance.

use axum::{extract::State, response::Response};

use super::parts::Id;
use crate::{
    app::App,
    web::{error::PageError, fields::Asked, paths, portal::statement_file},
};

/// `GET /office/partners/{id}/statement.csv`
///
/// # Errors
/// As [`statement_file::csv_of`].
pub async fn csv(State(app): State<App>, Id(id): Id, asked: Asked) -> Result<Response, PageError> {
    statement_file::csv_of(&app, &id, &asked, &paths::office_partner(&id)).await
}

/// `GET /office/partners/{id}/statement.pdf`
///
/// # Errors
/// As [`pdf_of`](crate::web::portal::statement_pdf::pdf_of).
#[cfg(feature = "pdf")]
pub async fn pdf(State(app): State<App>, Id(id): Id, asked: Asked) -> Result<Response, PageError> {
    crate::web::portal::statement_pdf::pdf_of(&app, &id, &asked, &paths::office_partner(&id)).await
}
