//! On what, and of what, it was measured.

use std::fmt;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use domain::clock::Clock;
use server::real::SystemClock;

use crate::Plan;
use crate::table::grouped;

/// For how long the disk's syncs are counted.
const SYNC_TIME: Duration = Duration::from_secs(2);
/// For how long it is watched what others do.
const LOOK: Duration = Duration::from_millis(1500);
/// Above this share of the cores, in percent, the figures are called provisional.
const QUIET: i64 = 10;

/// The machine and the commit.
pub struct Machine {
    cores: usize,
    cpu: String,
    memory_gib: i64,
    disk: String,
    syncs: i64,
    commit: String,
    dirty: bool,
    rustc: String,
}

/// Looks at the machine; the folder's disk is the one that is measured.
pub fn look(repository: &Path, folder: &Path) -> Result<Machine> {
    let disk = said("stat", &["-f", "-c", "%T", &folder.to_string_lossy()], repository)?;
    if disk == "tmpfs" {
        bail!(
            "{} is in memory, where nothing is ever synced; set TMPDIR to a folder on a disk",
            folder.display()
        );
    }
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("an unknown CPU");
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).and_then(first_number);
    Ok(Machine {
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        cpu: cpu.trim_start_matches([' ', '\t', ':']).to_owned(),
        memory_gib: (kib.unwrap_or(0) + 512 * 1024) / (1024 * 1024),
        disk,
        syncs: syncs_a_second(folder)?,
        commit: said("git", &["rev-parse", "--short=10", "HEAD"], repository)?,
        dirty: !said("git", &["status", "--porcelain", "--", ".", ":!docs/performance.md"], repository)?
            .is_empty(),
        rustc: said("rustc", &["--version"], repository)?,
    })
}

/// How often a second a page can be appended and synced: what a commit costs.
fn syncs_a_second(folder: &Path) -> Result<i64> {
    let path = folder.join("syncs");
    let mut file = File::create(&path)?;
    let page = [7; 4096];
    // As a write-ahead log that has its length: over and over the same place.
    for _ in 0..64 {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    let began = Instant::now();
    let mut count: i64 = 0;
    while began.elapsed() < SYNC_TIME {
        file.seek(SeekFrom::Start(u64::try_from(count % 64)? * 4096))?;
        file.write_all(&page)?;
        file.sync_data()?;
        count += 1;
    }
    let micros = i64::try_from(began.elapsed().as_micros())?;
    fs::remove_file(path)?;
    Ok(count * 1_000_000 / micros.max(1))
}

fn said(program: &str, arguments: &[&str], folder: &Path) -> Result<String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.with_context(|| format!("`{program}` could not be started"))?;
    if !output.status.success() {
        bail!("`{program} {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// How much of all cores others use, in percent, while the bench does nothing.
pub fn used_by_others() -> i64 {
    let before = ticks();
    std::thread::sleep(LOOK);
    let after = ticks();
    (after.0 - before.0) * 100 / (after.1 - before.1).max(1)
}

/// The clock ticks of all cores since the machine was started: those at work, and all.
fn ticks() -> (i64, i64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    at_work(text.lines().next().unwrap_or_default())
}

/// Reads `cpu user nice system idle iowait ...`: proc_stat(5).
fn at_work(line: &str) -> (i64, i64) {
    let numbers: Vec<i64> =
        line.split_whitespace().skip(1).take(8).map(|number| number.parse().unwrap_or(0)).collect();
    let all = numbers.iter().sum();
    let idle: i64 = numbers.iter().skip(3).take(2).sum();
    (all - idle, all)
}

/// The first number of a line.
pub fn first_number(line: &str) -> Option<i64> {
    line.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty())?.parse().ok()
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cores, cpu, memory_gib, disk, .. } = self;
        write!(
            f,
            "{cores} cores ({cpu}), {memory_gib} GiB, {disk} with {} syncs/s; {}",
            grouped(self.syncs),
            self.rustc
        )
    }
}

impl Machine {
    /// The line above a table: when, what and where. `others` is what [`used_by_others`] said before.
    pub fn provenance(&self, plan: &Plan, others: i64) -> String {
        let day = SystemClock.now().day().iso();
        let changes = if self.dirty { " with uncommitted changes" } else { "" };
        let busy = if others > QUIET {
            ": **others were using the machine, so these figures are provisional**"
        } else {
            ""
        };
        format!(
            "Measured on {day}, commit {}{changes}; {self}. {} rounds of {} s a side. \
             Other programs used {others} % of the cores before it began{busy}.",
            self.commit,
            plan.rounds,
            plan.time.as_secs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_what_the_system_says() {
        assert_eq!(at_work("cpu  10 1 5 70 14 0 0 0 0 0"), (16, 100));
        assert_eq!(first_number("MemTotal:       24663880 kB"), Some(24_663_880));
        assert_eq!(first_number("none"), None);
    }
}
