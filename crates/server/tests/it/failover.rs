//! Two servers, and a primary PostgreSQL that is killed under their hands: the standby takes over, and they go on by
//! themselves.

use std::time::Duration;

use axum::http::StatusCode;
use store::{Db, DbError, testing};

use crate::{
    crash::{self, Process},
    load::{Clicks, Load, clicks_are_in},
    support::{Browser, Folder},
};

#[test]
fn the_standby_takes_over_and_nothing_answered_is_lost() {
    let pair = testing::Pair::start();
    let database = pair.url();
    testing::block_on(async {
        let ground = crash::prepare(&database, 400).await;
        let folder = Folder::new();
        let data = folder.path().display().to_string();
        let settings = [("GOODWORD_DATA_DIR", data.as_str())];
        let start =
            || tokio::task::block_in_place(|| Process::start_at("127.0.0.1:0", &database, "0", &settings));
        let (one, two) = (start(), start());
        let urls = [one.url.as_str(), two.url.as_str()];
        let load = Load::start(&ground, &urls);
        load.goes_on(100).await;
        tokio::task::block_in_place(|| pair.kill_primary());
        // Nobody is told "saved" now; the servers say that they are not ready, and that they live.
        for url in urls {
            says(url, "/readyz", StatusCode::SERVICE_UNAVAILABLE).await;
            says(url, "/healthz", StatusCode::OK).await;
        }
        load.is_disturbed().await;
        tokio::task::block_in_place(|| pair.promote_standby());
        for url in urls {
            says(url, "/readyz", StatusCode::OK).await;
        }
        load.goes_on(200).await;
        let answered = load.finish().await;
        clicks_are_in(&folder).await;

        // What is set anywhere holds on both, as before.
        let db = tokio::task::block_in_place(|| Db::open(&database, testing::options()).unwrap());
        let changed: Result<bool, DbError> = db
            .write(|tx| {
                let mut programme = store::programme::load(tx)?;
                programme.name = "After the night".into();
                store::programme::save(tx, &programme)
            })
            .await;
        assert!(changed.unwrap());
        tokio::task::block_in_place(|| db.close());
        for url in urls {
            shows(url, "/sign-in", "After the night").await;
        }

        tokio::task::block_in_place(|| {
            one.stop();
            two.stop();
        });
        answered.must_be_in(&database, &ground.partner.id, Clicks::Once).await;
    });
    crash::verify(&database);
}

async fn says(url: &str, path: &str, status: StatusCode) {
    let waiting = async {
        loop {
            let answer = Browser::new(url).try_get(path).await;
            if answer.is_some_and(|answer| answer.status == status) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    in_time.unwrap_or_else(|_| panic!("{url}{path} doesn't come to answer {status}"));
}

async fn shows(url: &str, path: &str, text: &str) {
    let waiting = async {
        while !Browser::new(url).get(path).await.body.contains(text) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    in_time.unwrap_or_else(|_| panic!("{text:?} doesn't come to stand on {url}{path}"));
}
