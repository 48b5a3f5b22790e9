//! A partner's own data: taken away as one file, and asked to be forgotten.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    clock::{Day, Timestamp},
    money::{Currency, Money},
};
use serde_json::{Map, Value as Json, json};
use store::{
    Value,
    own_data::{self, MONEY, Section},
};

use crate::{
    app::App,
    ops::erasure,
    web::{
        error::PageError,
        fields::Fields,
        paths,
        show::{Page, download, go_to},
        visitor::Partner,
    },
};

/// `GET /account/data.json`: everything that is held about the partner.
///
/// # Errors
/// When the database can't be read.
pub async fn data(State(app): State<App>, partner: Partner) -> Result<Response, PageError> {
    let id = partner.id.clone();
    let sections = app.db.report(move |tx| own_data::of_partner(tx, &id)).await?;
    let env = app.env();
    let mut file = Map::new();
    file.insert("programme".into(), json!(env.programme.name));
    file.insert("currency".into(), json!(env.programme.currency.code()));
    file.insert("written_at".into(), json!(env.now.rfc3339()));
    for section in sections {
        let rows = section.rows.iter().map(|row| object(&section, row, env.programme.currency)).collect();
        file.insert(section.name.to_owned(), Json::Array(rows));
    }
    let text = serde_json::to_string_pretty(&Json::Object(file)).map_err(PageError::internal)?;
    let name = format!("my-data-{}.json", env.now.day().iso());
    Ok(download("application/json", &name, text).into_response())
}

/// A row by the names of its columns, in units that people read.
fn object(section: &Section, row: &[Value], currency: Currency) -> Json {
    let mut object = Map::new();
    for (column, value) in section.columns.iter().zip(row) {
        let value = match value {
            Value::Null => Json::Null,
            Value::Text(text) if *column == "changes" => {
                serde_json::from_str(text).unwrap_or_else(|_| json!(text))
            }
            Value::Text(text) => json!(text),
            Value::Int(number) if *column == "at" || column.ends_with("_at") => {
                json!(Timestamp::from_micros(*number).rfc3339())
            }
            Value::Int(number) if *column == "day" || *column == "sent_on" => json!(Day(*number).iso()),
            Value::Int(number) if MONEY.contains(column) => {
                json!(currency.format_plain(Money::from_minor(*number)))
            }
            Value::Int(number) => json!(number),
        };
        object.insert((*column).to_owned(), value);
    }
    Json::Object(object)
}

/// `POST /account/erasure`: asks to be forgotten (`wanted` = `yes`), or takes that back.
///
/// # Errors
/// When the database says no.
pub async fn ask(State(app): State<App>, partner: Partner, form: Fields) -> Page {
    let wanted = form.typed("wanted") == "yes";
    let by = crate::ops::Actor::partner(&partner.id, &partner.name);
    app.write(move |tx, env| erasure::ask(tx, env, &by, wanted)).await?;
    go_to(&paths::with_query(paths::ACCOUNT, &[("done", if wanted { "erasure" } else { "stay" })]))
}
