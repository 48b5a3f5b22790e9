//! Contacts that the company's own site sends: the contact form's act, for the script on another origin.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use domain::claim::matching::TYPED;
use serde_json::{Map, Value, json};
use tower_http::limit::RequestBodyLimitLayer;

use super::contact;
use crate::{
    app::App,
    limits::Limited,
    ops::clients,
    redirect::{code_meant, keep_damaged},
    sites,
    web::{BODY_LIMIT, address::Origin, api::problem::Problem, fields::Fields, paths},
};

/// People need longer than this for the form, in milliseconds.
const LEAST_MS: u64 = 1_500;

/// The address. It stands outside the refusal of forms from other sites: it reads no cookie, and asks itself who sends.
pub fn routes() -> Router<App> {
    Router::new()
        .route(paths::LEADS, post(submit).options(preflight))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
}

/// The operation as the interface's document has it (OpenAPI 3.1). It takes no token; what it reads, it reads like a form.
pub fn documented() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let problem = |description: &str| json!({ "description": description, "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
    let properties = json!({
        "name": text("What the client is called."),
        "email": text("Email address; one of email, phone and Telegram is needed."),
        "phone": text("Phone number."),
        "telegram": text("Telegram account."),
        "message": text("What the client wrote."),
        "code": text("Who recommended the company, as the client typed it."),
        "ref": text("The code that the site remembers from the link. One that can't be read credits nobody and loses nobody."),
        "source": text("Where the link stood, at most 40 characters."),
        "submission": text("A random text of at most 100 characters: the same one twice makes one client."),
        "leave_empty": text("Hidden from people: whoever fills it is a program."),
        "elapsed_ms": { "type": "integer", "description": "How long the form took (milliseconds); under 1,500 it is asked to be sent once more." },
    });
    json!({
        "tags": ["leads"],
        "operationId": "send_lead",
        "summary": "Leave a contact",
        "description": "What the script on the company's site does. It takes no token; the Origin header has to be that of one of the company's                         sites in the settings. Limited by address like the contact form.",
        "security": [],
        "requestBody": { "required": true, "content": { "application/json": { "schema":
            { "type": "object", "required": ["name"], "properties": properties } } } },
        "responses": {
            "201": { "description": "The client, entered with a deal", "content": { "application/json": { "schema": {
                "type": "object", "required": ["number", "client"], "properties": {
                    "number": { "type": "integer", "description": "The client number." },
                    "client": text("The same as people write it: C-1042.") } } } } },
            "400": problem("Not a JSON object"),
            "403": problem("Another site sends: origin_not_allowed"),
            "413": problem("The body is too large"),
            "415": problem("Not sent as application/json"),
            "422": problem("Something in the input is wrong"),
            "429": problem("Too many requests; Retry-After says when to come back"),
            "500": problem("Something went wrong on our side"),
            "503": problem("The server could not take it in time"),
        }
    })
}

/// The origin that sends, if it is that of one of the company's sites.
fn allowed(app: &App, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let programme = app.programme();
    match headers.get(header::ORIGIN) {
        Some(sent) if sent.to_str().is_ok_and(|sent| sites::is_ours(&programme, sent)) => Ok(sent.clone()),
        _ => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "origin_not_allowed",
            "This site may not send contacts here. An admin names the company's sites in the settings of the programme.",
        )),
    }
}

/// Lets the page that sent read the answer.
fn readable(origin: HeaderValue, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}

/// `OPTIONS /api/v1/public/leads`
///
/// # Errors
/// 403 for another origin.
pub async fn preflight(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let origin = allowed(&app, &headers)?;
    let may = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    Ok(readable(origin, (StatusCode::NO_CONTENT, may).into_response()))
}

/// `POST /api/v1/public/leads`
///
/// # Errors
/// 403 for another origin.
pub async fn submit(
    State(app): State<App>,
    Origin(address): Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let origin = allowed(&app, &headers)?;
    let answer = match receive(&app, &address, &headers, &body).await {
        Ok(number) => {
            (StatusCode::CREATED, Json(json!({ "number": number, "client": format!("C-{number}") })))
                .into_response()
        }
        Err(problem) => problem.into_response(),
    };
    Ok(readable(origin, answer))
}

async fn receive(app: &App, address: &str, headers: &HeaderMap, body: &[u8]) -> Result<i64, Problem> {
    app.allow(Limited::Contact, address).await?;
    let mut form = read(headers, body)?;
    contact::refuse_trapped(&mut form);
    if form.typed("elapsed_ms").parse::<u64>().is_ok_and(|elapsed| elapsed < LEAST_MS) {
        form.refuse_form("That was very quick. Nothing is lost: please press Send once more.");
    }
    let word = contact::word(app, &form).await;
    let Some(mut contact) = contact::read(&mut form, None, word) else {
        if form.error("code").is_some() {
            keep_damaged(app, address, form.typed("code"), TYPED.to_owned());
        }
        return Err(Problem::from(&form));
    };
    // What the visitor's browser remembers is never a reason to lose a client: an unreadable code credits nobody.
    let remembered = form.typed("ref");
    contact.carried = code_meant(app, remembered).await;
    if contact.carried.is_none() && !remembered.is_empty() {
        keep_damaged(app, address, remembered, String::new());
    }
    let received = app.write(move |tx, env| clients::receive(tx, env, &contact)).await?;
    Ok(received.client_number)
}

/// The fields of an object of texts and numbers, as a form would have sent them.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Fields, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("application/json") {
        return Err(Problem::status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let sent: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Problem::status(StatusCode::BAD_REQUEST))?;
    let mut form = Fields::default();
    for (name, value) in sent {
        match value {
            Value::String(text) => form.set(&name, text),
            Value::Number(number) => form.set(&name, number.to_string()),
            Value::Null => {}
            _ => return Err(Problem::field(&name, "Send a text.")),
        }
    }
    // How the code came is told by the field that it stands in.
    form.set("via", "");
    Ok(form)
}
