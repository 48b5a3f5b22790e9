//! `goodword staff add`: people for the office, from the command line.

use std::{io::Read, process::ExitCode, sync::Arc};

use anyhow::bail;
use clap::Subcommand;
use domain::{
    clock::Clock,
    permission::Role,
    text::{Email, Name},
};

use crate::{
    app::Env,
    config::Config,
    ops::{
        Actor,
        staff::{self, INVITATION_DAYS},
    },
    password,
    real::{SystemClock, SystemIds},
    serve,
    web::paths,
};

#[derive(Debug, Subcommand)]
pub enum StaffCommand {
    /// Add a member of staff: with a password from standard input, or invited by a printed one-time address
    #[command(
        after_help = "Example: goodword staff add --email ines@example.com --name \"Ines Duarte\" --role finance"
    )]
    Add {
        /// The person's address, to sign in with
        #[arg(long)]
        email: String,
        /// What the person is called
        #[arg(long)]
        name: String,
        /// What the person may do: admin, sales, finance or support
        #[arg(long)]
        role: String,
        /// Read the password from standard input instead of printing an invitation
        #[arg(long)]
        password_stdin: bool,
    },
}

pub fn run(config: &Config, command: StaffCommand) -> anyhow::Result<ExitCode> {
    let StaffCommand::Add { email, name, role, password_stdin } = command;
    let (name, email) = (Name::parse(&name)?, Email::parse(&email)?);
    let Some(role) = Role::from_word(&role) else {
        bail!("--role must be admin, sales, finance or support, not {role}");
    };
    let db = serve::open_database(config)?;
    let programme = Arc::new(db.write_blocking(store::programme::load_or_create)?);
    let password_hash = if password_stdin {
        Some(read_password(&[name.as_str(), email.as_str(), &programme.name])?)
    } else {
        None
    };
    let base = config.public_address();
    let env = Env::alone(SystemClock.now(), Arc::new(SystemIds), programme, &base);
    let (added, known) = (name.clone(), email.clone());
    let secret = db.write_blocking(move |tx| {
        let id = staff::add(tx, &env, &Actor::server(), &name, &email, role, password_hash.as_deref())?;
        match password_hash {
            Some(_) => Ok::<_, staff::StaffError>(None),
            None => Ok(Some(staff::invitation_secret(tx, &env, &id)?)),
        }
    })?;
    db.close();
    match secret {
        None => println!("{added} can sign in with {known}."),
        Some(secret) => {
            println!(
                "{added} is invited. Send this one-time address; it can be used for {INVITATION_DAYS} days:"
            );
            println!("{base}{}", paths::invitation(&secret));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read_password(about: &[&str]) -> anyhow::Result<String> {
    let mut typed = String::new();
    std::io::stdin().read_to_string(&mut typed)?;
    let typed = typed.trim_end_matches(['\r', '\n']);
    password::check(typed, about).map_err(|error| anyhow::anyhow!("{error}"))?;
    password::hash(typed).map_err(|error| anyhow::anyhow!("{error}"))
}
