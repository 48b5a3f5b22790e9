//! Other programs that work with a token.

use axum::http::{HeaderMap, Method, StatusCode, header};
use domain::permission::Scopes;
use serde_json::Value;
use server::ops::{Actor, tokens};

use crate::support::Site;

/// A program with a token.
#[derive(Clone)]
pub struct Program {
    http: reqwest::Client,
    base: String,
    pub token: String,
    /// The token's account.
    pub id: String,
}

/// What a program was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// Fails with the answer when the status is another; gives the JSON in it.
    #[track_caller]
    pub fn expect(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Fails unless this is a problem with a status and a code.
    #[track_caller]
    pub fn expect_problem(&self, status: StatusCode, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.text);
        assert_eq!(problem["code"], code, "{}", self.text);
        assert_eq!(problem["status"], status.as_u16());
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", self.text);
        problem
    }

    /// Fails unless this says that one field is wrong.
    #[track_caller]
    pub fn expect_field(&self, field: &str) {
        let problem = self.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
        assert_eq!(problem["fields"][0]["field"], field, "{}", self.text);
    }

    pub fn replayed(&self) -> bool {
        self.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
    }
}

impl Site {
    /// A program with a token that nobody in particular has made.
    pub async fn program(&self, scopes: &str) -> Program {
        self.program_of(&Actor::server(), scopes, None).await
    }

    /// A program with a token that somebody has made.
    pub async fn program_of(&self, by: &Actor, scopes: &str, days: Option<i64>) -> Program {
        let scopes = Scopes::from_words(scopes).unwrap();
        let name = tokens::TokenName::parse("The CRM").unwrap();
        let by = by.clone();
        let making = self.app.write(move |tx, env| tokens::make(tx, env, &by, &name, scopes, days));
        let (id, token) = making.await.unwrap();
        server::real::choose_tls();
        Program { http: reqwest::Client::new(), base: self.url.clone(), token, id }
    }
}

impl Program {
    /// The same program at another server.
    pub fn at(&self, site: &Site) -> Program {
        Program { base: site.url.clone(), ..self.clone() }
    }

    /// The same program with another token.
    pub fn with_token(&self, token: &str) -> Program {
        Program { token: token.into(), ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}/api/v1{path}", self.base)).bearer_auth(&self.token)
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Reply { status, headers, text: response.text().await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// With a key of its own for this act.
    pub async fn post_once(&self, key: &str, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::POST, path).header("Idempotency-Key", key).json(&body)).await
    }
}
