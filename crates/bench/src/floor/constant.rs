//! The same axum with one answer, ready in memory.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Result;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
};
use tokio::runtime::Runtime;

use crate::http::Answer;

/// A server with one answer to everything, until this is dropped.
pub struct Constant {
    /// Where it answers.
    pub url: String,
    runtime: Option<Runtime>,
}

impl Constant {
    /// Starts one that says what another server has said: the same status, headers and body.
    pub fn like(answer: &Answer) -> Result<Constant> {
        let mut headers = HeaderMap::new();
        for (name, value) in &answer.headers {
            headers.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        let (status, body) = (StatusCode::from_u16(answer.status)?, Bytes::from(answer.body.clone()));
        Self::serve(Router::new().fallback(move || async move { (status, headers, Body::from(body)) }))
    }

    /// Starts a router on a runtime like the server's.
    pub fn serve(router: Router) -> Result<Constant> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        runtime.spawn(async move {
            let served = async { axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await };
            if let Err(error) = served.await {
                eprintln!("warning: a floor has ended: {error}");
            }
        });
        Ok(Constant { url, runtime: Some(runtime) })
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_other_has_said() {
        server::real::choose_tls();
        let said = Answer {
            status: 302,
            headers: vec![
                ("location".into(), "/contact?ref=K7XM49QD".into()),
                ("set-cookie".into(), "a=1".into()),
                ("set-cookie".into(), "b=2".into()),
            ],
            body: b"words".to_vec(),
        };
        let floor = Constant::like(&said).unwrap();
        let answer = crate::http::get(&floor.url, "/r/anything", &[]).unwrap();
        assert_eq!((answer.status, &answer.headers, &answer.body), (302, &said.headers, &said.body));
    }
}
