//! The floor of start-up, memory and size: a server of the same axum that does nothing but answer.

use axum::{Router, routing::get};

fn main() -> std::io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("running at http://{}", listener.local_addr()?);
        axum::serve(listener, Router::new().route("/healthz", get(|| async { "ok\n" }))).await
    })
}
