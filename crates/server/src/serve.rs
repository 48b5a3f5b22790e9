//! Starting and stopping the server.

use std::{
    fs::DirBuilder, net::SocketAddr, os::unix::fs::DirBuilderExt, path::Path, sync::Arc, time::Duration,
};

use anyhow::{Context, bail};
use store::Db;
use tokio::net::TcpListener;

use crate::{
    app::App,
    config::Config,
    jobs,
    notify::telegram,
    ops,
    real::{SystemClock, SystemIds},
    redirect::Spool,
    web::{self, paths},
};

/// How long a server that is stopped waits for clicks to get from its file into the database.
const CLICKS_SETTLE: Duration = Duration::from_secs(5);

/// A server that listens but doesn't answer yet.
pub struct Ready {
    /// The state of the server.
    pub app: App,
    listener: TcpListener,
}

/// Opens the database of the settings; a folder for a SQLite file is made.
///
/// # Errors
/// A sentence with the remedy.
pub fn open_database(config: &Config) -> anyhow::Result<Db> {
    if let Some(file) = config.database.strip_prefix("sqlite:")
        && let Some(folder) = Path::new(file).parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        // Names, contacts and wallets: for the server's user alone.
        DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| {
            format!(
                "The data folder {} can't be made. Choose another with GOODWORD_DATA_DIR",
                folder.display()
            )
        })?;
    }
    Db::open(&config.database, store::Options::default()).with_context(|| {
        format!("The database {} can't be opened", crate::config::hide_password(&config.database))
    })
}

/// Opens a database that is there already: a mistyped path must not make an empty one and call it sound.
///
/// # Errors
/// A sentence with the remedy.
pub fn open_existing_database(config: &Config) -> anyhow::Result<Db> {
    if let Some(file) = config.database.strip_prefix("sqlite:")
        && !Path::new(file).exists()
    {
        bail!("There is no database at {file}. Say where it is with GOODWORD_DATA_DIR or GOODWORD_DATABASE");
    }
    open_database(config)
}

/// Opens the database and the port.
///
/// # Errors
/// A sentence with the remedy.
pub async fn prepare(config: Config) -> anyhow::Result<Ready> {
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!("The address {} can't be listened on. Is another server running there? Choose another with GOODWORD_LISTEN", config.listen)
    })?;
    let address = listener.local_addr()?;
    let public_url = match &config.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{address}"),
    };
    let opened = config.clone();
    let db = tokio::task::spawn_blocking(move || open_database(&opened)).await??;
    let folder = config.click_folder();
    Spool::try_out(&folder).with_context(|| {
        format!(
            "The folder {}, where clicks wait for a database that is away, can't be written to. Choose another data \
             folder with GOODWORD_DATA_DIR",
            folder.display()
        )
    })?;
    let app = App::new(config, public_url, db, Arc::new(SystemClock), Arc::new(SystemIds)).await?;
    Ok(Ready { app, listener })
}

impl Ready {
    /// Where to go, and how to become the first admin if there is nobody yet.
    ///
    /// # Errors
    /// When the database says no.
    pub async fn greeting(&self) -> anyhow::Result<String> {
        let url = &self.app.public_url;
        let mut text = format!("Goodword is running at {url}\n");
        if self.app.config.public_url.is_some() {
            text.push_str(&format!("It listens on http://{}\n", self.listener.local_addr()?));
        }
        if let Some(secret) = self.app.write(ops::staff::first_admin_secret).await? {
            text.push_str(&format!(
                "Nobody works here yet. Become the first admin at this one-time address:\n  {url}{}\n",
                paths::invitation(&secret)
            ));
        }
        Ok(text)
    }

    /// Answers requests until the process is asked to stop, then lets the ones under way finish.
    ///
    /// # Errors
    /// When the port is lost.
    pub async fn run(self) -> anyhow::Result<()> {
        let stop = stop_signal();
        self.run_until(stop).await
    }

    /// Answers requests until `stop` is ready, then lets the ones under way finish.
    ///
    /// # Errors
    /// When the port is lost.
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let jobs = jobs::start(&self.app);
        let (app, db) = (self.app.clone(), self.app.db.clone());
        let service = web::router(self.app).into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(self.listener, service).with_graceful_shutdown(stop).await?;
        jobs.stop().await;
        app.clicks.settle(CLICKS_SETTLE).await;
        telegram::poller::release(&app).await;
        tokio::task::spawn_blocking(move || db.close()).await?;
        Ok(())
    }
}

/// Ready when the process is asked to stop. It listens from the call on, not only once it is awaited.
pub fn stop_signal() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).expect("the process can listen for signals");
    let mut terminate = signal(SignalKind::terminate()).expect("the process can listen for signals");
    async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: requests under way are finished");
    }
}
