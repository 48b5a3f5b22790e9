//! A server of its own for every test, people with browsers, and a clock that tests can move.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{
    clock::{Clock, Timestamp},
    ids::Ids,
    permission::Role,
    referral_code::ReferralCode,
    text::{Email, Name},
};
use reqwest::{StatusCode, header, redirect::Policy};
use server::{
    app::App,
    config::{Config, Settings},
    ops,
    real::{SystemClock, SystemIds},
    web,
};
use store::{Db, DbError, Tx, programme::Programme};
use tokio::net::TcpListener;

/// The password of every partner.
pub const PASSWORD: &str = "seven otters mend a kite";

/// Its hash, made once: that takes a while.
static HASH: LazyLock<String> = LazyLock::new(|| server::password::hash(PASSWORD).unwrap());

/// The machine's clock, moved by what a test says.
#[derive(Debug, Default)]
pub struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.0.load(Ordering::Relaxed))
    }
}

impl MovedClock {
    /// Moves the clock on by microseconds.
    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

/// A folder of a test's own, which the one who needs it makes; removed afterwards.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        Folder(std::env::temp_dir().join(format!("goodword-folder-{}-{number}", std::process::id())))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running server.
pub struct Site {
    pub url: String,
    pub app: App,
    pub clock: Arc<MovedClock>,
    serving: tokio::task::JoinHandle<()>,
}

impl Site {
    /// Starts a server without rate limits.
    pub async fn start(db: Db) -> Site {
        Site::start_with(db, Settings { rate_limit: Some(0), ..Settings::default() }).await
    }

    /// Starts a server without rate limits that lets nobody who follows a link wait, as a real one.
    pub async fn start_impatient(db: Db, folder: &Folder) -> Site {
        let data_dir = Some(folder.path().to_owned());
        let settings = Settings { rate_limit: Some(0), data_dir, ..Settings::default() };
        Site::start_config(db, Config::new(settings).unwrap()).await
    }

    /// Starts a server on a free port.
    pub async fn start_with(db: Db, settings: Settings) -> Site {
        let mut config = Config::new(settings).unwrap();
        // On a machine that runs many tests at once a commit may take its time.
        config.click_patience = Duration::from_secs(20);
        Site::start_config(db, config).await
    }

    async fn start_config(db: Db, config: Config) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let clock = Arc::new(MovedClock::default());
        let app = App::new(config, url.clone(), db, clock.clone(), Arc::new(SystemIds)).await.unwrap();
        let service = web::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Site { url, app, clock, serving }
    }

    /// Ends the server and closes its database.
    pub fn stop(self) {
        self.serving.abort();
        tokio::task::block_in_place(|| self.app.db.close());
    }

    /// A browser without a history.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// A new partner, signed in. Made by the operation behind the page: hashing a password takes a while.
    pub async fn partner(&self, name: &str) -> Partner {
        let email =
            format!("{}.{}@example.com", name.to_lowercase().replace(' ', "."), &SystemIds.secret()[..6]);
        // A dash or underscore is fine in an address, not at its ends.
        let email = email.replace(['_', '-'], "x");
        let input = ops::accounts::SignUp {
            name: Name::parse(name).unwrap(),
            email: Email::parse(&email).unwrap(),
            password_hash: HASH.clone(),
            user_agent: "test".into(),
        };
        let signed_up = self.app.write(move |tx, env| ops::accounts::sign_up(tx, env, &input)).await.unwrap();
        let browser = self.browser().with_session(&signed_up.token);
        Partner { browser, id: signed_up.partner_id, code: signed_up.code }
    }

    /// A new member of staff, signed in.
    pub async fn staff(&self, role: Role) -> Browser {
        let email =
            Email::parse(&format!("{}{}@example.com", role.as_str(), self.app.ids.uuid(self.clock.now())))
                .unwrap();
        let name = Name::parse(role.label()).unwrap();
        let token = self
            .app
            .write(move |tx, env| {
                let id = ops::staff::add(tx, env, &ops::Actor::server(), &name, &email, role, Some("!"))?;
                Ok::<_, ops::staff::StaffError>(ops::sessions::open(tx, env, &id, "test", None)?)
            })
            .await
            .unwrap();
        self.browser().with_session(&token)
    }

    /// Notes that an account's address is its owner's.
    pub async fn confirm(&self, account_id: &str) {
        let id = account_id.to_owned();
        let confirm = move |tx: &mut Tx, env: &server::app::Env| {
            let profile = store::profiles::of_account(tx, &id)?.expect("the account");
            store::profiles::confirm_email(tx, &id, &profile.email_key, env.now)
        };
        assert!(self.app.write(confirm).await.unwrap_or_else(|error: DbError| panic!("{error}")));
    }

    /// What was written to people, newest first: the notice, the address, the text.
    pub async fn letters(&self) -> Vec<(String, String, String)> {
        self.read(|tx| {
            let rows = tx.all("SELECT notice, address, body FROM outbox ORDER BY id DESC LIMIT 500", &[])?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
        })
        .await
    }

    /// The acts in the audit about a thing, oldest first: the act, who, the changes and the reason.
    pub async fn acts(&self, subject_id: &str) -> Vec<(String, String, String, String)> {
        let id = subject_id.to_owned();
        self.read(move |tx| {
            let rows = tx.all(
                "SELECT act, actor, changes, reason FROM audit WHERE subject_id = $1 ORDER BY id",
                &[store::Value::from(id.clone())],
            )?;
            rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).collect()
        })
        .await
    }

    /// A client who comes through a partner's link and sends the form; returns the client number.
    pub async fn client_of(&self, partner: &Partner, name: &str) -> i64 {
        let browser = self.browser();
        browser.get(&format!("/r/{}", partner.code)).await.expect(StatusCode::FOUND);
        let answer = browser.post("/contact", &[("name", name), ("email", "client@example.net")]).await;
        answer.expect(StatusCode::CREATED).client_number()
    }

    /// The newest deal of a client.
    pub async fn deal_of(&self, client: i64) -> store::deals::Deal {
        self.read(move |tx| Ok(store::deals::of_client(tx, client)?.remove(0))).await
    }

    /// A deal of a client of the partner, won at an amount; returns the deal's number.
    pub async fn won(&self, partner: &Partner, amount: &str) -> i64 {
        let client = self.client_of(partner, "A Client").await;
        let deal = self.deal_of(client).await.number;
        let sales = self.staff(Role::Sales).await;
        sales
            .post(&format!("/office/deals/{deal}/win"), &[("amount", amount)])
            .await
            .expect(StatusCode::SEE_OTHER);
        deal
    }

    pub async fn balances(&self, partner: &Partner) -> store::ledger::Balances {
        let (id, currency) = (partner.id.clone(), self.app.programme().currency);
        self.read(move |tx| store::ledger::balances(tx, &id, currency)).await
    }

    pub async fn read<T: Send + 'static>(
        &self,
        mut reader: impl FnMut(&mut Tx) -> Result<T, DbError> + Send + 'static,
    ) -> T {
        self.app.db.read(move |tx| reader(tx)).await.unwrap()
    }

    /// Changes the programme.
    pub async fn set(&self, change: impl Fn(&mut Programme) + Send + 'static) {
        self.app
            .write(move |tx, env| {
                let mut programme = (*env.programme).clone();
                change(&mut programme);
                ops::programme::save(tx, env, &ops::Actor::server(), &programme)
            })
            .await
            .unwrap();
        self.app.reload_programme().await.unwrap();
    }

    /// Every invariant of the ledger holds.
    pub async fn verify(&self) {
        let findings = self.read(store::verify_projections::verify_all).await;
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

/// A partner with a browser.
pub struct Partner {
    pub browser: Browser,
    pub id: String,
    pub code: ReferralCode,
}

impl Partner {
    /// Adds a wallet through the page and returns its identifier.
    pub async fn add_wallet(&self, site: &Site) -> String {
        let fields = [
            ("wallet[0].id", ""),
            ("wallet[0].kind", "paypal"),
            ("wallet[0].label", "Main"),
            ("wallet[0].address", "pay@example.com"),
        ];
        self.browser.post("/wallets", &fields).await.expect(StatusCode::SEE_OTHER);
        let id = self.id.clone();
        site.read(move |tx| Ok(store::wallets::of_partner(tx, &id)?.pop().unwrap().id)).await
    }

    /// Adds another wallet, with the password; returns its identifier.
    pub async fn add_another(&self, site: &Site, kind: &str, address: &str) -> String {
        let fields = [
            ("wallet[7].id", ""),
            ("wallet[7].kind", kind),
            ("wallet[7].label", "Another"),
            ("wallet[7].address", address),
            ("password", PASSWORD),
        ];
        self.browser.post("/wallets", &fields).await.expect(StatusCode::SEE_OTHER);
        let id = self.id.clone();
        site.read(move |tx| Ok(store::wallets::of_partner(tx, &id)?.pop().unwrap().id)).await
    }

    /// The withdrawal that a form has made.
    pub async fn withdrawal(&self, site: &Site, request: &'static str) -> store::withdrawals::Withdrawal {
        let id = self.id.clone();
        site.read(move |tx| Ok(store::withdrawals::by_request(tx, &id, request)?.unwrap())).await
    }

    /// Asks to be paid, and gives back the withdrawal's identifier.
    pub async fn requested(&self, site: &Site, amount: &str, wallet: &str, request: &'static str) -> String {
        self.withdraw(amount, wallet, request).await.expect(StatusCode::SEE_OTHER);
        self.withdrawal(site, request).await.id
    }

    /// Asks to be paid.
    pub async fn withdraw(&self, amount: &str, wallet: &str, request: &str) -> Answer {
        self.browser
            .post("/withdrawals", &[("amount", amount), ("wallet", wallet), ("request", request)])
            .await
    }
}

/// What a person uses: keeps cookies, follows no redirect by itself, says where its forms come from.
#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    base: String,
    session: Option<String>,
}

impl Browser {
    pub fn new(base: &str) -> Browser {
        server::real::choose_tls();
        let http = reqwest::Client::builder().redirect(Policy::none()).cookie_store(true).build().unwrap();
        Browser { http, base: base.to_owned(), session: None }
    }

    fn with_session(mut self, secret: &str) -> Browser {
        self.session = Some(format!("gw_session={secret}"));
        self
    }

    /// The same person's browser at another server.
    pub fn at(&self, base: &str) -> Browser {
        Browser { base: base.to_owned(), ..self.clone() }
    }

    /// The server's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.base)).header(header::REFERER, &self.base)).await
    }

    /// As a trusted proxy passes it on for somebody elsewhere.
    pub async fn get_from(&self, path: &str, address: &str) -> Answer {
        self.get_with(path, "x-forwarded-for", address).await
    }

    /// With one more header, and no page before.
    pub async fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.base)).header(name, value)).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.form(path, fields).header(header::ORIGIN, &self.base)).await
    }

    /// Like [`Browser::post`], but nothing when the server is gone.
    pub async fn try_post(&self, path: &str, fields: &[(&str, &str)]) -> Option<Answer> {
        let mut request = self.form(path, fields).header(header::ORIGIN, &self.base);
        if let Some(session) = &self.session {
            request = request.header(header::COOKIE, session);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        Some(Answer { status, headers, body: response.text().await.ok()? })
    }

    /// Like [`Browser::get`], but nothing when the server is gone.
    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(session) = &self.session {
            request = request.header(header::COOKIE, session);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        Some(Answer { status, headers, body: response.text().await.ok()? })
    }

    /// A form, to be changed before it is sent.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
        self.request(path).form(fields)
    }

    /// A request that isn't a form yet.
    pub fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.base))
    }

    /// A page whose answer is read piece by piece.
    pub async fn stream(&self, path: &str) -> reqwest::Response {
        let request = self.http.get(format!("{}{path}", self.base));
        let request = match &self.session {
            Some(session) => request.header(header::COOKIE, session),
            None => request,
        };
        request.send().await.expect("the server answers")
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = match &self.session {
            Some(session) => request.header(header::COOKIE, session),
            None => request,
        };
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub body: String,
}

impl Answer {
    /// Fails with the page when the status is another.
    #[track_caller]
    pub fn expect(self, status: StatusCode) -> Answer {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Where it leads.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    /// The client number on the page of thanks.
    pub fn client_number(&self) -> i64 {
        let number = self
            .body
            .split("C-")
            .nth(1)
            .expect("a client number")
            .split(|c: char| !c.is_ascii_digit())
            .next();
        number.unwrap().parse().unwrap()
    }

    #[track_caller]
    pub fn expect_text(&self, text: &str) {
        assert!(self.body.contains(text), "{text:?} is missing in {}", self.body);
    }
}
