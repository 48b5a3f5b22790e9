//! `/docs/api`: what the interface is, for people. Rendered from the document that programs read, so that both say the same.

use askama::Template;
use axum::extract::State;
use serde_json::Value;

use super::document::{METHODS, document};
use crate::{
    app::App,
    web::{
        shell::PublicShell,
        show::{Page, show},
    },
};

#[derive(Template)]
#[template(path = "public/api.html")]
struct ApiPage {
    shell: PublicShell,
    base: String,
    groups: Vec<Group>,
    problem: Vec<Property>,
}

/// Operations about one kind of thing.
struct Group {
    name: String,
    id: String,
    operations: Vec<Operation>,
}

/// One method of one address.
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    scopes: String,
    parameters: Vec<Property>,
    body: Vec<Property>,
    /// The status of the answer when all went well.
    status: String,
    answer: Vec<Property>,
}

/// A field of what is sent or answered.
struct Property {
    /// With the fields it lies in: `balances.on_hold`.
    name: String,
    kind: String,
    needed: bool,
    description: String,
}

/// How deep fields within fields are shown.
const DEPTH: usize = 3;

/// The schema that a reference stands for.
fn resolved<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
    reference.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

/// The parts of a schema that is put together of others.
fn parts<'a>(schema: &'a Value, word: &str) -> impl Iterator<Item = &'a Value> {
    schema[word].as_array().into_iter().flatten()
}

/// What kind of value a schema is, in a few words.
fn kind(schema: &Value, document: &Value) -> String {
    let choices: Vec<&str> = parts(resolved(schema, document), "enum").filter_map(Value::as_str).collect();
    if !choices.is_empty() {
        return choices.join(" | ");
    }
    for word in ["oneOf", "anyOf"] {
        let kinds: Vec<String> = parts(schema, word).map(|part| kind(part, document)).collect();
        if !kinds.is_empty() {
            return kinds.join(" or ");
        }
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        let whole = resolved(schema, document);
        return if whole["oneOf"].is_array() { kind(whole, document) } else { name.replace('_', " of ") };
    }
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Value::String(word) if word == "array" => format!("list of {}", kind(&schema["items"], document)),
        Value::String(word) => word.clone(),
        _ => String::new(),
    }
}

/// The schema of the object in a value: itself, what it refers to, or the one that may also be null.
fn object<'a>(schema: &'a Value, document: &'a Value) -> Option<&'a Value> {
    let schema = resolved(schema, document);
    if schema["type"] == "array" {
        return object(&schema["items"], document);
    }
    let nullable = parts(schema, "oneOf").find(|part| part["type"] != "null");
    match nullable {
        Some(part) if parts(schema, "oneOf").any(|part| part["type"] == "null") => object(part, document),
        _ => (schema["properties"].is_object() || schema["allOf"].is_array()).then_some(schema),
    }
}

/// The fields of a schema, with those within them. Money is a shape that everybody knows after the first time.
fn fields(schema: &Value, document: &Value, before: &str, depth: usize, out: &mut Vec<Property>) {
    let Some(schema) = object(schema, document) else { return };
    for part in parts(schema, "allOf") {
        fields(part, document, before, depth, out);
    }
    let required: Vec<&str> = parts(schema, "required").filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        let kind = kind(property, document);
        let own = property["description"].as_str();
        let description = own.or(resolved(property, document)["description"].as_str()).unwrap_or_default();
        out.push(Property {
            name: path.clone(),
            needed: required.contains(&name.as_str()),
            description: description.replace('`', ""),
            kind: kind.clone(),
        });
        if depth > 1 && !kind.contains("Money") && !kind.contains("Amount") {
            let list = if resolved(property, document)["type"] == "array" { "[]" } else { "" };
            fields(property, document, &format!("{path}{list}"), depth - 1, out);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('`', "")
}

impl Operation {
    fn new(method: &str, path: &str, operation: &Value, document: &Value) -> Operation {
        let parameters = parts(operation, "parameters")
            .map(|parameter| Property {
                name: text(&parameter["name"]),
                kind: format!("{}, in the {}", kind(&parameter["schema"], document), text(&parameter["in"])),
                needed: parameter["required"] == true,
                description: text(&parameter["description"]),
            })
            .collect();
        let mut body = Vec::new();
        fields(
            &operation["requestBody"]["content"]["application/json"]["schema"],
            document,
            "",
            DEPTH,
            &mut body,
        );
        let mut answers = operation["responses"].as_object().into_iter().flatten();
        let good = answers.find(|(status, _)| status.starts_with('2'));
        let mut answer = Vec::new();
        if let Some((_, found)) = good {
            fields(&found["content"]["application/json"]["schema"], document, "", DEPTH, &mut answer);
        }
        let scopes: Vec<&str> = parts(operation, "x-scopes").filter_map(Value::as_str).collect();
        Operation {
            id: format!("{method}{}", path.replace(['/', '{', '}'], "-")),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            scopes: scopes.join(", "),
            parameters,
            body,
            status: good.map(|(status, _)| status.clone()).unwrap_or_default(),
            answer,
        }
    }
}

fn groups(document: &Value) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS.into_iter().filter(|method| item.get(method).is_some()) {
            let operation = &item[method];
            let name = text(&operation["tags"][0]);
            let made = Operation::new(method, path, operation, document);
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.operations.push(made),
                None => groups.push(Group { id: name.to_lowercase(), name, operations: vec![made] }),
            }
        }
    }
    groups
}

/// `GET /docs/api`
///
/// # Errors
/// When the template fails, which is a defect.
pub async fn page(State(app): State<App>) -> Page {
    let document = document();
    let mut problem = Vec::new();
    fields(&document["components"]["schemas"]["Problem"], document, "", DEPTH, &mut problem);
    let shell = PublicShell::plain(&app.env());
    show(&ApiPage { shell, base: app.public_url.clone(), groups: groups(document), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_shown_with_what_it_takes_and_gives() {
        let groups = groups(document());
        let operations: Vec<&Operation> = groups.iter().flat_map(|group| &group.operations).collect();
        assert_eq!(operations.len(), super::super::table().len() + 1);
        let of = |method: &str, path: &str| {
            let found = operations.iter().find(|one| one.method == method && one.path.ends_with(path));
            *found.unwrap_or_else(|| panic!("{method} {path}"))
        };
        let names = |properties: &[Property]| -> Vec<String> {
            properties.iter().map(|property| property.name.clone()).collect()
        };
        assert!(operations.iter().all(|one| !one.answer.is_empty()), "each answer has fields");
        let create = of("POST", "/clients");
        assert!(create.body.iter().any(|field| field.name == "name" && field.needed));
        assert!(create.body.iter().any(|field| field.name == "email" && !field.needed));
        assert!(names(&create.answer).contains(&"deal.number".to_owned()), "{:?}", names(&create.answer));
        assert!(names(&of("GET", "/deals").answer).contains(&"items[].won.amount".to_owned()));
        assert_eq!(of("POST", "/win").scopes, "sales, admin");
    }
}
