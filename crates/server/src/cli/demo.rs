//! `goodword demo`: a throw-away programme full of believable data.

use std::{
    io::Write,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use domain::ids::Ids;

use crate::{
    config::Config,
    demo::{self, Built, cast},
    password,
    real::SystemIds,
    serve,
};

/// Everybody's, printed at the start: there is nothing to protect.
const PASSWORD: &str = "northwind-demo";

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Another number tells another story
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A folder of this demo alone, removed when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Folder> {
        let mut random = [0; 6];
        SystemIds.fill(&mut random);
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = std::env::temp_dir().join(format!("goodword-demo-{name}"));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("The temporary folder {} can't be made", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("goodword: the temporary folder {} could not be removed: {error}", self.0.display());
        }
    }
}

pub async fn run(config: Config, args: DemoArgs) -> anyhow::Result<ExitCode> {
    // Listened for from here on, so that no signal leaves the folder behind.
    let mut stop = Box::pin(serve::stop_signal());
    let folder = Folder::make()?;
    let ready = serve::prepare(in_folder(config, &folder.0)).await?;
    let db = ready.app.db.clone();
    let stopped = Arc::new(AtomicBool::new(false));
    let (now, seed, asked) = (ready.app.clock.now(), args.seed, stopped.clone());
    let mut building =
        tokio::task::spawn_blocking(move || demo::build(&db, now, seed, &password::hash(PASSWORD)?, &asked));
    let built = tokio::select! {
        built = &mut building => built??,
        () = &mut stop => {
            stopped.store(true, Ordering::Relaxed);
            building.await??;
            None
        }
    };
    let Some(built) = built else { return Ok(ExitCode::SUCCESS) };
    ready.app.reload_programme().await?;
    let mut out = std::io::stdout();
    write!(out, "{}{}", ready.greeting().await?, guide(&built))?;
    if !ready.app.config.listen.ip().is_loopback() {
        writeln!(out, "Whoever reaches this address can sign in with the password above.")?;
    }
    out.flush()?;
    ready.run_until(stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// The settings, but with a database of the demo's own: whatever database is set is left alone. Nothing leaves the
/// machine either: the people in it are made up, their addresses need not be.
fn in_folder(config: Config, folder: &Path) -> Config {
    Config {
        database: format!("sqlite:{}", folder.join("goodword.db").display()),
        data_dir: folder.to_owned(),
        smtp: None,
        telegram: None,
        ..config
    }
}

/// What there is, and how to sign in.
fn guide(built: &Built) -> String {
    let mut text = format!(
        "\nNorthwind Partners has run for a year: {} partners, {} clients, {} deals, {} clicks; the ledger is \
         verified.\nIt is gone when you stop it (Ctrl-C). Sign in at /sign-in:\n\n",
        built.partners, built.clients, built.deals, built.clicks
    );
    let mut line = |role: &str, email: &str, password: &str, shows: &str| {
        let row = format!("  {role:<8}  {email:<34}  {password:<14}  {shows}");
        text.push_str(row.trim_end());
        text.push('\n');
    };
    line("ROLE", "EMAIL", "PASSWORD", "");
    for (_, email, role) in cast::staff() {
        line(role.as_str(), &email, PASSWORD, "");
    }
    for partner in cast::partners().into_iter().filter(|partner| !partner.shows.is_empty()) {
        line("partner", &partner.email, PASSWORD, partner.shows);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_gone_afterwards() {
        let folder = Folder::make().unwrap();
        let path = folder.0.clone();
        std::fs::write(path.join("goodword.db"), "").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn no_other_database_is_touched() {
        let database = Some("postgres://goodword@db/goodword".into());
        let smtp_url = Some("smtp://mail.example.com".into());
        let mail_from = Some("partners@example.com".into());
        let given = crate::config::Settings { database, smtp_url, mail_from, ..Default::default() };
        let config = in_folder(Config::new(given).unwrap(), Path::new("/tmp/demo"));
        assert_eq!((config.smtp, config.telegram), (None, None));
        assert_eq!(config.database, "sqlite:/tmp/demo/goodword.db");
        assert_eq!(config.data_dir, Path::new("/tmp/demo"));
    }

    #[test]
    fn every_kind_of_person_can_sign_in() {
        let text = guide(&Built { partners: 40, clients: 600, deals: 640, clicks: 30_000 });
        for word in ["admin", "sales", "finance", "support", "mara.lindqvist@example.com", "suspended"] {
            assert!(text.contains(word), "{word} is missing in {text}");
        }
    }
}
