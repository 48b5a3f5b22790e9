//! `goodword export`: everything as files.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use store::{Db, exports};

use crate::{config::Config, ops::export::Format, serve};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: goodword export ./everything --format jsonl\n\nOne file for each table: partners, codes, clients, \
    attributions, deals, transfers and entries of the ledger, withdrawals, wallets (masked), days, audit. The columns are \
    described in docs/export.md. The files hold personal data: keep them where only you can read them. It may run beside \
    the server; what changes meanwhile is in some files and not in others."
)]
pub struct ExportArgs {
    /// The folder to write to, which must be empty or new
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// csv or jsonl
    #[arg(long, default_value = "csv")]
    format: String,
}

/// How many rows are read at a time.
const ROWS: i64 = 2_000;

pub fn run(config: &Config, args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let Some(format) = Format::from_word(&args.format) else {
        eprintln!("goodword: --format must be csv or jsonl, not {}", args.format);
        return Ok(ExitCode::from(2));
    };
    let folder = &args.folder;
    let made = || format!("The folder {} can't be made", folder.display());
    fs::create_dir_all(folder).with_context(made)?;
    if fs::read_dir(folder).with_context(made)?.next().is_some() {
        anyhow::bail!(
            "{} is not empty. Name a new folder, so that no older file is taken for a new one",
            folder.display()
        );
    }
    let db = serve::open_database(config)?;
    let currency = db.write_blocking(store::programme::load_or_create)?.currency;
    for table in exports::TABLES {
        let path = folder.join(format!("{}.{}", table.name, format.as_str()));
        let rows = write(&db, table, format, currency, &path)
            .with_context(|| format!("{} can't be written", path.display()))?;
        println!("{:>10} {}", rows, path.display());
    }
    db.close();
    Ok(ExitCode::SUCCESS)
}

fn write(
    db: &Db,
    table: &'static exports::Table,
    format: Format,
    currency: domain::money::Currency,
    path: &Path,
) -> anyhow::Result<u64> {
    let mut options = File::options();
    options.write(true).create_new(true);
    // Names, contacts: for whoever runs this alone.
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = BufWriter::new(options.open(path)?);
    out.write_all(&format.head(table))?;
    let (mut after, mut count) = (table.start(), 0);
    loop {
        let from = after.clone();
        let rows = db.report_blocking(move |tx| table.page(tx, &from, ROWS))?;
        for row in &rows {
            out.write_all(&format.row(table, row, currency))?;
            count += 1;
        }
        match rows.last() {
            Some(last) if (rows.len() as i64) == ROWS => after = table.key_of(last),
            _ => break,
        }
    }
    out.into_inner()?.sync_all()?;
    Ok(count)
}
