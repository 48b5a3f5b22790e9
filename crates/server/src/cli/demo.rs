//! `goodword demo`: a throw-away programme full of believable data.

use std::{
    io::{IsTerminal, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, bail};
use domain::{ids::Ids, text::grouped};

use crate::{
    config::Config,
    demo::{self, Built, Plan, Progress, Size, cast},
    password,
    real::SystemIds,
    serve,
};

/// Everybody's, printed at the start: there is nothing to protect.
const PASSWORD: &str = "northwind-demo";
/// The database in the demo's folder; its name is that in a data folder.
const DATABASE: &str = "goodword.db";

/// How large a demo can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum HowLarge {
    /// A year of forty partners and six hundred clients
    Small,
    /// The same people among 10,000 partners, 1,000,000 clients, 1,200,000 deals and 10,000,000 clicks; takes minutes
    Large,
}

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Another number tells another story
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much there is in it
    #[arg(long, value_enum, default_value_t = HowLarge::Small)]
    size: HowLarge,
    /// Make it in this folder, which is kept, instead of a temporary one
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// The folder that the demo's database is in.
struct Folder {
    path: PathBuf,
    /// Stays when this is dropped.
    kept: bool,
}

impl Folder {
    /// A folder of this demo alone, removed when this is dropped.
    fn temporary() -> anyhow::Result<Folder> {
        let mut random = [0; 6];
        SystemIds.fill(&mut random);
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = std::env::temp_dir().join(format!("goodword-demo-{name}"));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("The temporary folder {} can't be made", path.display()))?;
        Ok(Folder { path, kept: false })
    }

    /// A folder that is kept once the demo is made; nothing in it is touched that was there before.
    fn to_keep(path: &Path) -> anyhow::Result<Folder> {
        if path.join(DATABASE).exists() {
            bail!(
                "There is a database in {folder} already, which a demo must not write to. Start it with \
                 goodword --data-dir {folder}, or choose another folder",
                folder = path.display()
            );
        }
        // It may be the data folder of a server on PostgreSQL, with clicks that wait.
        if std::fs::read_dir(path).is_ok_and(|mut files| files.next().is_some()) {
            bail!("The folder {} is not empty. Choose another one, or none that is there", path.display());
        }
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("The folder {} can't be made", path.display()))?;
        Ok(Folder { path: path.to_owned(), kept: true })
    }

    /// Takes a demo back that was not finished.
    fn clear(&self) {
        for end in ["", "-wal", "-shm"] {
            // What isn't there needs no removing, and what can't be removed is said when it is in the way.
            _ = std::fs::remove_file(self.path.join(format!("{DATABASE}{end}")));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            eprintln!("goodword: the temporary folder {} could not be removed: {error}", self.path.display());
        }
    }
}

pub async fn run(config: Config, args: DemoArgs) -> anyhow::Result<ExitCode> {
    // Listened for from here on, so that no signal leaves the folder behind.
    let mut stop = Box::pin(serve::stop_signal());
    let folder = match &args.keep {
        Some(path) => Folder::to_keep(path)?,
        None => Folder::temporary()?,
    };
    let ready = serve::prepare(in_folder(config, &folder.path)).await?;
    let db = ready.app.db.clone();
    let stopped = Arc::new(AtomicBool::new(false));
    let (now, asked) = (ready.app.clock.now(), stopped.clone());
    let size = (args.size == HowLarge::Large).then_some(Size::LARGE);
    let mut building = tokio::task::spawn_blocking(move || {
        let password_hash = password::hash(PASSWORD)?;
        let plan = Plan { now, seed: args.seed, password_hash: &password_hash, size };
        let mut report = Report::new(size.is_some());
        let built = demo::build(&db, &plan, &asked, |progress| report.tell(progress))?;
        report.end();
        anyhow::Ok(built)
    });
    let built = tokio::select! {
        built = &mut building => built?,
        () = &mut stop => {
            stopped.store(true, Ordering::Relaxed);
            building.await?.map(|_| None)
        }
    };
    let Some(built) = built.inspect_err(|_| folder.clear())? else {
        folder.clear();
        return Ok(ExitCode::SUCCESS);
    };
    ready.app.reload_programme().await?;
    let mut out = std::io::stdout();
    write!(out, "{}{}", ready.greeting().await?, guide(&built, args.keep.as_deref()))?;
    if !ready.app.config.listen.ip().is_loopback() {
        writeln!(out, "Whoever reaches this address can sign in with the password above.")?;
    }
    out.flush()?;
    ready.run_until(stop).await?;
    Ok(ExitCode::SUCCESS)
}

/// Tells whoever waits at the terminal how far it is: one line that changes, or where nobody watches a line now and then.
struct Report {
    wanted: bool,
    watched: bool,
    begun: Instant,
    /// Hundredths told last.
    told: usize,
}

impl Report {
    fn new(wanted: bool) -> Report {
        Report { wanted, watched: std::io::stderr().is_terminal(), begun: Instant::now(), told: 0 }
    }

    fn tell(&mut self, progress: Progress) {
        let line = match progress {
            Progress::Day { lived, of, clients, deals, clicks } => {
                let share = lived * 100 / of.max(1);
                // A hundred lines at most where somebody watches, ten in a file.
                if share < self.told + if self.watched { 1 } else { 10 } && lived < of {
                    return;
                }
                self.told = share;
                format!(
                    "day {lived} of {of} ({share} %): {} clients, {} deals, {} clicks",
                    grouped(i64::try_from(clients).unwrap_or(i64::MAX)),
                    grouped(i64::try_from(deals).unwrap_or(i64::MAX)),
                    grouped(clicks)
                )
            }
            Progress::Verifying(part) => format!("verifying {part}"),
        };
        if self.wanted {
            self.line(&line);
        }
    }

    fn line(&self, line: &str) {
        let seconds = self.begun.elapsed().as_secs();
        let line = format!("{:>2}:{:02}  {line}", seconds / 60, seconds % 60);
        if self.watched {
            // Back to the beginning of the line, and the rest of the last one wiped out.
            eprint!("\r{line}\x1b[K");
        } else {
            eprintln!("{line}");
        }
    }

    fn end(&self) {
        if self.wanted && self.watched {
            eprintln!();
        }
    }
}

/// The settings, but with a database of the demo's own: whatever database is set is left alone. Nothing leaves the
/// machine either: the people in it are made up, their addresses need not be.
fn in_folder(config: Config, folder: &Path) -> Config {
    Config {
        database: format!("sqlite:{}", folder.join(DATABASE).display()),
        data_dir: folder.to_owned(),
        smtp: None,
        telegram: None,
        // What is made up may be told to whoever listens on the same machine.
        webhooks_private: true,
        ..config
    }
}

/// What there is, and how to sign in.
fn guide(built: &Built, kept: Option<&Path>) -> String {
    let stays = match kept {
        Some(folder) => format!(
            "It stays in {folder} when you stop it (Ctrl-C): start it again with goodword --data-dir {folder}.",
            folder = folder.display()
        ),
        None => "It is gone when you stop it (Ctrl-C).".to_owned(),
    };
    let mut text = format!(
        "\nNorthwind Partners has run for a year: {} partners, {} clients, {} deals, {} clicks; the ledger is \
         verified.\n{stays} Sign in at /sign-in:\n\n",
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
    if let Some(email) = &built.largest {
        line("partner", email, PASSWORD, "the largest of all");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_gone_afterwards() {
        let folder = Folder::temporary().unwrap();
        let path = folder.path.clone();
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
        let largest = Some("ada.novak1@example.com".to_owned());
        let built = Built { partners: 40, clients: 600, deals: 640, clicks: 30_000, largest };
        let text = guide(&built, None);
        for word in
            ["admin", "sales", "finance", "support", "mara.lindqvist@example.com", "suspended", "ada.novak1"]
        {
            assert!(text.contains(word), "{word} is missing in {text}");
        }
        assert!(guide(&built, Some(Path::new("/srv/demo"))).contains("goodword --data-dir /srv/demo"));
    }

    #[test]
    fn a_folder_with_a_database_is_left_alone() {
        let folder = Folder::temporary().unwrap();
        std::fs::write(folder.path.join(DATABASE), "somebody's").unwrap();
        let refusal = Folder::to_keep(&folder.path).err().unwrap().to_string();
        assert!(refusal.contains("There is a database"), "{refusal}");
        assert_eq!(std::fs::read(folder.path.join(DATABASE)).unwrap(), b"somebody's");
        let kept = Folder::to_keep(&folder.path.join("new")).unwrap();
        std::fs::write(kept.path.join(DATABASE), "half").unwrap();
        kept.clear();
        assert!(!kept.path.join(DATABASE).exists() && kept.path.exists());
    }
}
