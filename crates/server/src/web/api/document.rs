//! `/api/v1/openapi.json`: what the interface is, for programs (OpenAPI 3.1). Made of the handlers and the types that they
//! take and give; what is the same everywhere (tokens, keys, problems, limits) is added here.

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use domain::permission::{Permission, Scope};
use serde_json::{Map, Value, json};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApiBuilder, Paths};

use super::{ApiRoute, once::KEY_CHARS, problem::PROBLEM_JSON, table};
use crate::web::{paths, public::leads};

/// The document, made once.
static DOCUMENT: LazyLock<Value> = LazyLock::new(make);

/// The document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// `GET /api/v1/openapi.json`
pub async fn show() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.to_string()).into_response()
}

/// The methods that an address can have, as the document writes them.
pub const METHODS: [&str; 4] = ["get", "post", "put", "patch"];

fn make() -> Value {
    let mut addresses = Paths::new();
    let mut components = ComponentsBuilder::new();
    let mut permissions: Vec<(String, &str, Permission)> = Vec::new();
    for ApiRoute { permission, handler: (schemas, documented, _) } in table() {
        components = components.schemas_from_iter(schemas);
        let text = serde_json::to_value(&documented).unwrap_or_default();
        for path in documented.paths.keys() {
            let methods = METHODS.into_iter().filter(|method| text[path].get(method).is_some());
            permissions.extend(methods.map(|method| (path.clone(), method, permission)));
        }
        addresses.merge(documented);
    }
    let description =
        "Partners, clients, deals and withdrawals of this programme, for the company's own programs.";
    let info = InfoBuilder::new().title("Goodword").version("1").description(Some(description)).build();
    let made = OpenApiBuilder::new().info(info).paths(addresses).components(Some(components.build())).build();
    let mut document = serde_json::to_value(made).unwrap_or_default();
    document["security"] = json!([{ "token": [] }]);
    document["components"]["securitySchemes"] = json!({ "token": {
        "type": "http", "scheme": "bearer",
        "description": "A token that an admin has made in the office under Tokens: Authorization: Bearer gw_..."
    }});
    document["components"]["schemas"]["Problem"] = problem();
    document["paths"][paths::LEADS] = json!({ "post": leads::documented() });
    for (path, method, permission) in permissions {
        complete(&mut document["paths"][path.as_str()][method], method, permission);
    }
    document
}

/// Adds to an operation what the table and the layers around the handlers do.
fn complete(operation: &mut Value, method: &str, permission: Permission) {
    let scopes: Vec<&str> =
        Scope::ALL.into_iter().filter(|scope| scope.may(permission)).map(Scope::as_str).collect();
    operation["x-scopes"] = json!(scopes);
    let has_parameters = operation["parameters"].as_array().is_some_and(|parameters| !parameters.is_empty());
    let has_path =
        operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["in"] == "path");
    let has_body = operation.get("requestBody").is_some();
    if method == "post" {
        let key = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A text of your own for this one act. Sent again with the same body, the first answer comes \
                            again and nothing is done twice.",
            "schema": { "type": "string", "minLength": 1, "maxLength": KEY_CHARS, "pattern": "^[!-~]+$" }
        });
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(key),
            None => operation["parameters"] = json!([key]),
        }
    }
    let mut answers = vec![
        ("401", "No token that can be used"),
        ("403", "The token's scopes don't suffice"),
        ("429", "Too many requests; Retry-After says when to come back"),
        ("500", "Something went wrong on our side"),
        ("503", "The server could not take it in time"),
    ];
    if has_path {
        answers.push(("404", "There is no such thing"));
    }
    if has_body {
        answers.extend([
            ("400", "Not JSON, or a broken Idempotency-Key"),
            ("409", "It can't be done as things stand"),
            ("413", "The body is too large"),
            ("415", "Not sent as application/json"),
        ]);
    }
    if has_body || has_parameters {
        answers.push(("422", "Something in the input is wrong"));
    }
    if let Some(responses) = operation["responses"].as_object_mut() {
        for (status, description) in answers {
            let content = json!({ PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/Problem" } } });
            responses.insert(status.into(), json!({ "description": description, "content": content }));
        }
    }
}

/// The schema of a problem (RFC 9457).
fn problem() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let field = json!({
        "type": "object", "required": ["field", "detail"],
        "properties": { "field": text("The field's name."), "detail": text("What is wrong with it.") }
    });
    let mut properties = Map::new();
    properties.insert("type".into(), text("Always about:blank."));
    properties.insert("title".into(), text("The status in words."));
    properties
        .insert("status".into(), json!({ "type": "integer", "description": "The status of the answer." }));
    properties.insert("code".into(), text("A word that stays the same, for programs."));
    properties.insert("detail".into(), text("What happened and what to do, for people."));
    properties.insert(
        "fields".into(),
        json!({ "type": "array", "items": field, "description": "What is wrong with which field of the input." }),
    );
    json!({
        "type": "object", "description": "Why there is no other answer (RFC 9457).",
        "required": ["type", "title", "status", "code", "detail"], "properties": properties
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_documented_with_its_scopes() {
        let document = document();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut operations = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in METHODS.into_iter().filter(|method| item.get(method).is_some()) {
                let operation = &item[method];
                if path == paths::LEADS {
                    assert_eq!(operation["security"], json!([]), "no token");
                    continue;
                }
                operations += 1;
                assert!(
                    operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
                    "{method} {path}"
                );
                assert!(!operation["x-scopes"].as_array().unwrap().is_empty(), "{method} {path}");
                assert!(operation["responses"]["401"].is_object(), "{method} {path}");
                let keyed = operation["parameters"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|parameter| parameter["name"] == "Idempotency-Key");
                assert_eq!(keyed, method == "post", "{method} {path}");
            }
        }
        assert_eq!(operations, table().len());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, document: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(reference)) = map.get("$ref") {
                        let found = document.pointer(reference.trim_start_matches('#'));
                        assert!(found.is_some(), "{reference}");
                    }
                    map.values().for_each(|value| walk(value, document));
                }
                Value::Array(values) => values.iter().for_each(|value| walk(value, document)),
                _ => {}
            }
        }
        walk(document(), document());
    }
}
