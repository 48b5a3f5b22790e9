//! What the tests and the bench need besides Rust, and how it comes onto a Debian machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::checks::Part;
use crate::step::{command, run_quietly, step};

/// Node's own test runner with the reporter that is used here came with this version.
const NODE_MAJOR: u32 = 18;

/// Without this file, Debian's package starts a server of its own, which no test uses. It stands there only
/// while the packages are installed.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/no-cluster-for-tests.conf";

/// A thing that is used and that this repository doesn't bring.
struct Need {
    what: &'static str,
    /// The parts of the tests that use it.
    parts: &'static [Part],
    /// Debian's names of the packages that bring it.
    packages: &'static [&'static str],
    is_there: fn() -> bool,
}

const POSTGRESQL: Need = Need {
    what: "PostgreSQL's server programs (initdb, postgres)",
    parts: &[Part::Unit, Part::Browser],
    packages: &["postgresql"],
    is_there: has_postgresql,
};

const NEEDS: [Need; 6] = [
    POSTGRESQL,
    Need {
        what: "aiosmtpd, a mail server in Python",
        parts: &[Part::Unit, Part::Browser],
        packages: &["python3-aiosmtpd"],
        is_there: has_aiosmtpd,
    },
    Need {
        what: "HAProxy, for the tests with several servers",
        parts: &[Part::Unit],
        packages: &["haproxy"],
        is_there: || runs("haproxy", "-v"),
    },
    Need {
        what: "pip, which brings the schema of bank files",
        parts: &[Part::Browser],
        packages: &["python3-pip"],
        is_there: has_pip,
    },
    Need {
        what: "Chromium, with fonts",
        parts: &[Part::Browser],
        packages: &["chromium", "fonts-liberation", "fonts-dejavu-core"],
        is_there: || chromium().is_ok(),
    },
    Need {
        what: "Node.js 18 or newer, with npm",
        parts: &[Part::Browser],
        packages: &["nodejs", "npm"],
        is_there: || node_major().is_some_and(|major| major >= NODE_MAJOR) && answers("npm"),
    },
];

const BENCH: [Need; 3] = [
    POSTGRESQL,
    Need {
        what: "wrk, which sends as fast as answers come",
        parts: &[],
        packages: &["wrk"],
        is_there: || starts("wrk", &["-v"]),
    },
    Need {
        what: "strip, which takes the symbols out of a program",
        parts: &[],
        packages: &["binutils"],
        is_there: || answers("strip"),
    },
];

/// Sees to it that everything the parts need is there; installs what is missing where that is possible.
///
/// # Errors
/// A sentence with the packages to install, where this program can't do it: not root, no `apt-get`, or the
/// packages didn't bring what was missing.
pub fn provide(parts: &[Part]) -> Result<()> {
    provide_all(|| missing(parts))
}

/// As [`provide`], for the bench.
///
/// # Errors
/// As [`provide`].
pub fn provide_for_bench() -> Result<()> {
    provide_all(|| BENCH.iter().filter(|need| !(need.is_there)()).collect())
}

fn provide_all(look: impl Fn() -> Vec<&'static Need>) -> Result<()> {
    let missing = look();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        println!("missing: {}", need.what);
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    let by_hand = format!("apt-get install {}", packages.join(" "));
    if !answers("apt-get") {
        bail!(
            "this is not a Debian machine: install what is missing by its own means (on Debian: `{by_hand}`)"
        );
    }
    if !is_root() {
        bail!("installing needs root: run `sudo {by_hand}`, then this command again");
    }
    step(&format!("install {}", packages.join(", ")), || install(&packages))?;

    if let Some(need) = look().first() {
        bail!("{} is still missing after installing {}", need.what, need.packages.join(", "));
    }
    Ok(())
}

fn missing(parts: &[Part]) -> Vec<&'static Need> {
    let needed = |need: &&Need| need.parts.iter().any(|part| parts.contains(part));
    NEEDS.iter().filter(needed).filter(|need| !(need.is_there)()).collect()
}

fn install(packages: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut apt = command("apt-get", arguments);
        // Nobody sits there to answer questions.
        apt.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        apt
    };
    run_quietly(&mut apt(&["update"]))?;

    let without_cluster = WithoutCluster::set()?;
    let installed = run_quietly(apt(&["install", "--yes", "--no-install-recommends", "--"]).args(packages));
    drop(without_cluster);
    installed
}

/// Keeps Debian from creating and starting a PostgreSQL cluster, for as long as it lives.
struct WithoutCluster;

impl WithoutCluster {
    fn set() -> Result<Self> {
        let file = Path::new(NO_CLUSTER);
        std::fs::create_dir_all(file.parent().unwrap_or(file))?;
        std::fs::write(file, "create_main_cluster = false\n")?;
        Ok(Self)
    }
}

impl Drop for WithoutCluster {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(NO_CLUSTER) {
            eprintln!("warning: {NO_CLUSTER} could not be removed: {error}");
        }
    }
}

/// Where Chromium is: `$CHROMIUM`, or Debian's place.
///
/// # Errors
/// When there is no program at that place.
pub fn chromium() -> Result<PathBuf> {
    let path = std::env::var_os("CHROMIUM").map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    if !path.is_file() {
        bail!("there is no Chromium at {}; set CHROMIUM to its path", path.display());
    }
    Ok(path)
}

/// Debian keeps the server's programs out of the PATH, in one directory for each version.
fn has_postgresql() -> bool {
    let beside_version = Path::new("/usr/lib/postgresql").read_dir().is_ok_and(|mut versions| {
        versions.any(|it| it.is_ok_and(|version| version.path().join("bin/initdb").is_file()))
    });
    beside_version || (answers("initdb") && answers("postgres"))
}

fn has_aiosmtpd() -> bool {
    some_python_can(&["-c", "import aiosmtpd"])
}

fn has_pip() -> bool {
    some_python_can(&["-m", "pip", "--version"])
}

/// Debian's packages are for the system's own Python, which may be another than the first in the PATH.
fn some_python_can(arguments: &[&str]) -> bool {
    let can = |python: &&str| {
        let mut python = Command::new(python);
        python.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    };
    ["python3", "/usr/bin/python3"].iter().any(can)
}

fn node_major() -> Option<u32> {
    let output = Command::new("node").arg("--version").output().ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// `v20.20.2` -> 20
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn answers(program: &str) -> bool {
    runs(program, "--version")
}

fn runs(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether a program can be started, whatever it answers.
fn starts(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("v18.19.0"), Some(18));
        assert_eq!(major("node: not found"), None);
    }

    #[test]
    fn formatting_alone_needs_no_package() {
        assert!(missing(&[Part::Fmt, Part::Clippy, Part::Docs]).is_empty());
    }
}
